package dense

import (
	"math"

	"beamlearn/model/internal/kernel"
)

// Lasso is ½wᵀQw − cᵀw, to which a penalty is added: Q is D × D, positive semidefinite, and C as long as a row.
type Lasso struct {
	D int
	Q []float64
	C []float64
}

// Residual is c − Qw.
func (q *Lasso) Residual(dst, w []float64) []float64 {
	copy(dst, q.C)
	for j, v := range w {
		if v != 0 {
			kernel.Add(-v, q.Q[j*q.D:(j+1)*q.D], dst)
		}
	}
	return dst
}

// Descend minimises ½wᵀQw − cᵀw + l1·‖w‖₁ + l2·‖w‖²/2 from w, which it changes, until done says of it and what remains,
// c − Qw, that it is there, which Descend reports, or after some more than most passes over the coefficients. Coordinate descent finds which
// coefficients are not zero, or nearly; an active-set method makes that exact: in turn, it solves for those and lets
// in the one that violates its optimality most, as Lawson and Hanson do for nonnegative least squares (Solving Least
// Squares Problems, 1974, chapter 23).
func (q *Lasso) Descend(w []float64, l1, l2 float64, most int, done func(w, r []float64) bool) (passes int, is bool) {
	d := q.D
	r := q.Residual(make([]float64, d), w)
	signs := make([]float64, d) // of the active coefficients, 0 of others
	for {
		for j := range d {
			q.visit(j, w, r, l1, l2)
		}
		passes++
		first := 0.0
		for k := range 10 {
			moved := 0.0
			for j, v := range w {
				if v != 0 {
					moved = max(moved, q.visit(j, w, r, l1, l2))
				}
			}
			passes++
			if k == 0 {
				first = moved
			}
			if moved <= first/100 || moved == 0 {
				break
			}
		}
		for j, v := range w {
			signs[j] = 0
			if v != 0 {
				signs[j] = kernel.Sign(v > 0)
			}
		}
		q.polish(w, signs, l1, l2)
		for range 2 * d {
			q.Residual(r, w)
			worst, excess := -1, 1e-14*l1
			for j, v := range r {
				if e := math.Abs(v) - l1; signs[j] == 0 && q.Q[j*d+j] > 0 && e > excess {
					worst, excess = j, e
				}
			}
			if worst < 0 {
				break
			}
			signs[worst] = kernel.Sign(r[worst] > 0)
			if q.polish(w, signs, l1, l2); signs[worst] == 0 { // its violation is rounding
				break
			}
		}
		q.Residual(r, w)
		if done(w, r) {
			return passes, true
		}
		if passes > most {
			return passes, false
		}
	}
}

// visit makes coordinate j of w optimal, and r what remains then. It returns how much that moves the predictions.
func (q *Lasso) visit(j int, w, r []float64, l1, l2 float64) float64 {
	a := q.Q[j*q.D+j]
	if a == 0 {
		w[j] = 0
		return 0
	}
	old := w[j]
	z := r[j] + float64(a*old)
	switch {
	case z > l1:
		w[j] = (z - l1) / (a + l2)
	case z < -l1:
		w[j] = (z + l1) / (a + l2)
	default:
		w[j] = 0
	}
	if w[j] == old {
		return 0
	}
	kernel.Add(old-w[j], q.Q[j*q.D:(j+1)*q.D], r)
	return math.Abs(w[j]-old) * math.Sqrt(a)
}

// polish moves the coefficients that have a sign to the least objective among those with the same signs, or zero. One
// that comes to zero on the way loses its sign. The objective never rises.
func (q *Lasso) polish(w, signs []float64, l1, l2 float64) {
	d := q.D
	whole := 0 // steps that nothing has stopped: the second is for rounding, or a matrix that is singular
	var active []int
	for range 2*d + 10 {
		active = active[:0]
		for j, s := range signs {
			if s != 0 {
				active = append(active, j)
			}
		}
		n := len(active)
		if n == 0 {
			return
		}
		a, b := make([]float64, n*n), make([]float64, n)
		for i, j := range active {
			b[i] = q.C[j] - float64(l1*signs[j]) - float64(l2*w[j])
			for k, l := range active {
				v := q.Q[j*d+l]
				a[i*n+k] = v
				b[i] -= float64(v * w[l])
			}
			a[i*n+i] += l2
		}
		step := DampedSolve(a, n, b)
		length, stop := 1.0, -1
		for i, j := range active {
			if (w[j]+step[i])*signs[j] < 0 {
				if t := -w[j] / step[i]; t < length {
					length, stop = t, i
				}
			}
		}
		moved := 0.0
		for i, j := range active {
			p := float64(length * step[i])
			moved = max(moved, math.Abs(p)-4*kernel.Epsilon*math.Abs(w[j]))
			if w[j] += p; i == stop || w[j]*signs[j] <= 0 {
				w[j], signs[j] = 0, 0
			}
		}
		if stop < 0 {
			if whole++; whole == 3 || moved <= 0 {
				return
			}
		}
	}
}
