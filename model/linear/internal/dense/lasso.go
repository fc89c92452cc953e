package dense

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
)

// Lasso is ½wᵀQw − cᵀw, to which a penalty is added: Q is D × D, positive semidefinite, and C as long as a row.
type Lasso struct {
	D int
	Q []float64
	C []float64
	// Positive lets no coefficient be negative.
	Positive bool
	// Rounding is what a slope of ½wᵀQw − cᵀw may be off by, for a coefficient whose diagonal element of Q is 1, and
	// which is let in where l1 is 0.
	Rounding float64
}

// beyond is by how much the slope r of a coefficient that is 0 says that it should not be.
func (q *Lasso) beyond(r, l1 float64) float64 {
	if q.Positive {
		return r - l1
	}
	return math.Abs(r) - l1
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

// Optimal reports whether what remains, r = c − Qw, is that of the least with this penalty, up to rounding.
func (q *Lasso) Optimal(w, r []float64, l1, l2 float64) bool {
	for j, v := range w {
		sum, off := math.Abs(q.C[j]), 0.0
		for k, u := range w {
			if u != 0 {
				sum += math.Abs(q.Q[j*q.D+k] * u)
			}
		}
		switch {
		case v > 0:
			off = math.Abs(r[j] - float64(l2*v) - l1)
		case v < 0:
			off = math.Abs(r[j] - float64(l2*v) + l1)
		default:
			off = math.Abs(r[j]) - l1
		}
		if !(off <= max(1e-11*l1, float64(q.D+16)*kernel.Epsilon*sum)) {
			return false
		}
	}
	return true
}

// Descend minimises ½wᵀQw − cᵀw + l1·‖w‖₁ + l2·‖w‖²/2, of w ≥ 0 where Positive says so, from w, which it changes, until
// done says of it and what remains, c − Qw, that it is there, which Descend reports, or after so many turns. It returns
// its passes over the coefficients, too.
//
// In turns, coordinate descent finds which coefficients are not zero, or nearly, and [Lasso.polish] solves for these.
// Both only lower the objective, so that no choice of signs comes twice. Where few coefficients are missing at the end,
// an active-set method makes the choice exact: it lets in the one that violates its optimality most, as Lawson and
// Hanson do for nonnegative least squares (Solving Least Squares Problems, 1974, chapter 23).
//
// A pass takes O(D·active) operations, and a turn at least O(active³/6), so that a turn makes as many passes as this
// is worth.
func (q *Lasso) Descend(w []float64, l1, l2 float64, turns int, done func(w, r []float64) bool) (passes int, is bool) {
	d := q.D
	r := q.Residual(make([]float64, d), w)
	signs := make([]float64, d) // of the active coefficients, 0 of others
	for range turns {
		passes += q.coordinates(w, r, l1, l2)
		for j, v := range w {
			signs[j] = 0
			if v != 0 {
				signs[j] = kernel.Sign(v > 0)
			}
		}
		q.polish(w, signs, l1, l2)
		q.letIn(w, r, signs, l1, l2)
		q.Residual(r, w)
		if done(w, r) {
			return passes, true
		}
	}
	return passes, false
}

// coordinates descends along each coordinate, then along those that are not zero, until little moves, and returns how
// many passes it has made.
func (q *Lasso) coordinates(w, r []float64, l1, l2 float64) (passes int) {
	active := 0
	for j := range w {
		q.visit(j, w, r, l1, l2)
		if w[j] != 0 {
			active++
		}
	}
	first := 0.0
	for passes = 1; passes <= max(10, active/8); {
		moved := 0.0
		for j, v := range w {
			if v != 0 {
				moved = max(moved, q.visit(j, w, r, l1, l2))
			}
		}
		if passes++; passes == 2 {
			first = moved
		}
		if moved <= first/100 || moved == 0 {
			break
		}
	}
	return passes
}

// mostLetIn is so many coefficients that a system each is no more work than other turns of coordinate descent.
const mostLetIn = 8

// letIn lets coefficients that are zero, and should not be, in one by one, where they are few. r is room for what
// remains.
func (q *Lasso) letIn(w, r, signs []float64, l1, l2 float64) {
	for range 2 * mostLetIn {
		q.Residual(r, w)
		worst, excess, out := -1, 0.0, 0
		for j, v := range r {
			square := q.Q[j*q.D+j]
			if signs[j] != 0 || square == 0 {
				continue
			}
			if e := q.beyond(v, l1); e > max(1e-14*l1, q.Rounding*math.Sqrt(square)) {
				if out++; e > excess {
					worst, excess = j, e
				}
			}
		}
		if worst < 0 || out > mostLetIn {
			return
		}
		signs[worst] = kernel.Sign(r[worst] > 0)
		if q.polish(w, signs, l1, l2); signs[worst] == 0 { // its violation is rounding
			return
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
	case z < -l1 && !q.Positive:
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
	whole := 0 // steps that nothing has stopped: the second is for rounding, or a matrix that is singular
	var active []int
	for range 2*q.D + 10 {
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
				v := q.Q[j*q.D+l]
				a[i*n+k] = v
				b[i] -= float64(v * w[l])
			}
			a[i*n+i] += l2
		}
		step := DampedSolve(a, n, b)
		stopped := within(a, b, step, active, w, signs)
		moved := 0.0
		for i, j := range active {
			moved = max(moved, math.Abs(step[i])-4*kernel.Epsilon*math.Abs(w[j]))
			if w[j] += step[i]; w[j]*signs[j] <= 0 {
				w[j], signs[j] = 0, 0
			}
		}
		if !stopped {
			if whole++; whole == 3 || moved <= 0 {
				return
			}
		}
	}
}

// within shortens a step from w, to the least of ½pᵀap − bᵀp, to where no active coefficient has the other sign, and
// reports whether it had to. It either stops all where the first of them is zero, or moves all the way those that
// stay, and to zero those that do not (Bertsekas, SIAM J. Control Optim. 20, 1982): whichever lowers the objective
// more. The former always lowers it; the latter makes many zero at once.
func within(a, b, step []float64, active []int, w, signs []float64) bool {
	n, length, stop := len(active), 1.0, -1
	projected := slices.Clone(step)
	for i, j := range active {
		if (w[j]+step[i])*signs[j] < 0 {
			projected[i] = -w[j]
			if t := -w[j] / step[i]; t < length {
				length, stop = t, i
			}
		}
	}
	if stop < 0 {
		return false
	}
	kernel.Scale(length, step)
	step[stop] = -w[active[stop]]
	rise := func(p []float64) float64 {
		sum := -kernel.Dot(b, p)
		for i, v := range p {
			sum += float64(v * kernel.Dot(a[i*n:(i+1)*n], p) / 2)
		}
		return sum
	}
	if rise(projected) < rise(step) {
		copy(step, projected)
	}
	return true
}
