// Package dense solves small dense systems by Cholesky factors, and minimises quadratic functions with an l1 penalty.
package dense

import (
	"math"

	"beamlearn/model/internal/kernel"
)

// Systems of equations are solved in plain Go, so that they have the same bits everywhere.

// cholesky makes the lower triangle of the n × n matrix a its factor L, a = LLᵀ, and reports whether all pivots
// exceed least. O(n³/6).
func cholesky(a []float64, n int, least float64) bool {
	for i := range n {
		r := a[i*n : i*n+n]
		for j := range i {
			q := a[j*n : j*n+n]
			r[j] = (r[j] - kernel.Dot(r[:j], q[:j])) / q[j]
		}
		p := r[i] - kernel.Dot(r[:i], r[:i])
		if !(p > least) || math.IsInf(p, 1) {
			return false
		}
		r[i] = math.Sqrt(p)
	}
	return true
}

// DampedSolve solves (a + shift)x = b: see [Damped].
func DampedSolve(a []float64, n int, b []float64) []float64 { return Damped(a, n).Solve(b) }

// Factor is a matrix that systems of equations are solved with, as long as it stays as it is.
type Factor struct {
	n    int
	l, s []float64
}

// Damped is the factor of a + shift, where a is n × n and positive semidefinite. The shift is zero unless a, with its
// diagonal scaled to ones, is singular or nearly; then it is the least power of 100 times 10⁻¹² that helps.
func Damped(a []float64, n int) *Factor {
	s := equilibrate(a, n)
	l := make([]float64, n*n)
	for shift := 0.0; ; shift = max(1e-12, shift*100) {
		for i := range n {
			for j := range i + 1 {
				l[i*n+j] = float64(a[i*n+j] * s[i] * s[j])
			}
			l[i*n+i] += shift
		}
		if cholesky(l, n, 1e-13) || shift > 1e12 {
			break
		}
	}
	return &Factor{n: n, l: l, s: s}
}

// Solve solves ax = b. O(n²).
func (f *Factor) Solve(b []float64) []float64 {
	x := make([]float64, f.n)
	for i, v := range b {
		x[i] = v * f.s[i]
	}
	choleskySolve(f.l, f.n, x)
	for i := range x {
		x[i] *= f.s[i]
	}
	return x
}

// equilibrate is what scales rows and columns of a so that its diagonal is ones, or zeros where it is not positive.
func equilibrate(a []float64, n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = 1
		if v := a[i*n+i]; v > 0 {
			s[i] = 1 / math.Sqrt(v)
		}
	}
	return s
}

// LeastNorm is the x of least norm among those that solve ax = b, and the rank of a: n × n, positive semidefinite, b
// within its range. The rank is revealed by a Cholesky factor with pivoting of a with its diagonal scaled to ones,
// where a pivot below 16n·2⁻⁵² is rounding: columns that agree with others to within 2⁻²⁴ or so count as dependent.
// (Higham: Accuracy and Stability of Numerical Algorithms, 2nd ed., section 10.3.) O(n³/6) where the rank is full.
func LeastNorm(a []float64, n int, b []float64) (x []float64, rank int) {
	s := equilibrate(a, n)
	l, order, left := make([]float64, n*n), make([]int, n), make([]float64, n)
	for i := range n {
		order[i], left[i] = i, float64(a[i*n+i]*s[i]*s[i])
	}
	tolerance := 16 * float64(n) * kernel.Epsilon
	for rank < n {
		k, best := rank, rank
		for i := k + 1; i < n; i++ {
			if left[i] > left[best] {
				best = i
			}
		}
		if !(left[best] > tolerance) {
			break
		}
		order[k], order[best] = order[best], order[k]
		left[k], left[best] = left[best], left[k]
		for j := range k { // rows of l go with them
			l[k*n+j], l[best*n+j] = l[best*n+j], l[k*n+j]
		}
		p := math.Sqrt(left[k])
		l[k*n+k] = p
		row := l[k*n : k*n+k]
		for i := k + 1; i < n; i++ {
			v := float64(a[order[i]*n+order[k]] * s[order[i]] * s[order[k]])
			v = (v - kernel.Dot(l[i*n:i*n+k], row)) / p
			l[i*n+k] = v
			left[i] -= float64(v * v)
		}
		rank++
	}
	solve := func(b []float64) []float64 {
		y, x := make([]float64, rank), make([]float64, n)
		for i := range rank {
			y[i] = b[order[i]] * s[order[i]]
		}
		choleskySolve(l, n, y)
		for i, v := range y {
			x[order[i]] = v * s[order[i]]
		}
		return x
	}
	x = solve(b)
	residual := make([]float64, n)
	for i := range n {
		residual[i] = b[i] - kernel.Dot(a[i*n:i*n+n], x)
	}
	kernel.Add(1, solve(residual), x) // refined
	free := n - rank
	if free == 0 || rank == 0 {
		return x, rank
	}
	// Column i of the null space: 1 for the dependent column, −(its combination of the independent ones) for those.
	null := make([][]float64, free)
	for i := range null {
		y := make([]float64, rank)
		copy(y, l[(rank+i)*n:(rank+i)*n+rank])
		backSolve(l, n, y)
		v := make([]float64, n)
		for k, c := range y {
			v[order[k]] = -c * s[order[k]]
		}
		v[order[rank+i]] = s[order[rank+i]]
		null[i] = v
	}
	m, t := make([]float64, free*free), make([]float64, free)
	for i, u := range null {
		for j, v := range null {
			m[i*free+j] = kernel.Dot(u, v)
		}
		t[i] = kernel.Dot(u, x)
	}
	for i, c := range DampedSolve(m, free, t) {
		kernel.Add(-c, null[i], x)
	}
	return x, rank
}

// choleskySolve and backSolve solve LLᵀx = b and Lᵀx = b in place, with as many leading rows and columns of l, n
// wide, as b has.
func choleskySolve(l []float64, n int, b []float64) {
	for i := range b {
		b[i] = (b[i] - kernel.Dot(l[i*n:i*n+i], b[:i])) / l[i*n+i]
	}
	backSolve(l, n, b)
}

func backSolve(l []float64, n int, b []float64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		kernel.Add(-b[i], l[i*n:i*n+i], b[:i])
	}
}
