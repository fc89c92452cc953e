package interior

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// An l1 penalty has a corner at 0 for each coefficient, as a loss has for each row: l1·|w| is 2·l1 times the greatest
// of −w/2 and w/2. So coefficients have slopes of their own, which follow the points as those of rows do.

// absolute is the corner of a coefficient.
var absolute = corners{loss: linear.Quantile, n: 1, low: [2]float64{-0.5}, width: 1}

// trims are the tries of coefficients to be 0: those whose slopes are so far from both bounds, of which 1 is the width;
// and all that the objective hardly has.
var trims = [...]float64{1e-3, 1e-2, 0.1}

// granted is how many times the gap at the end a point may be apart for its zeros.
const granted = 10

// split is alpha by what it multiplies: absolute values, and squares.
func (o *Optimizer) split() (l1, l2 float64) {
	alpha := *o.options.Alpha
	switch o.options.Penalty {
	case linear.L1:
		return alpha, 0
	case linear.ElasticNet:
		ratio := *o.options.L1Ratio
		return alpha * ratio, alpha * (1 - ratio)
	}
	return 0, alpha
}

// coefSlopes is what the corners of the coefficients add to a pass; empty without l1.
type coefSlopes struct {
	loss                  float64 // l1·‖w‖₁ at the last point
	slope, residual, rate []float64
	inside                []float64 // how far each slope is from the nearer bound
}

// coefficients follows the slopes of the coefficients to the last point.
func (o *Optimizer) coefficients(p *search) (c coefSlopes) {
	l1, _ := o.split()
	if l1 == 0 {
		return c
	}
	last := len(p.Points) - 1
	s := &sums{barrier: p.Barrier}
	for _, v := range p.Points {
		s.points = append(s.points, v)
	}
	n := o.features
	c.slope, c.residual, c.rate, c.inside = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for j := range n {
		u, z := s.follow(&absolute, 0, 1, 0, func(pass int) float64 { return s.points[pass][j] })
		rate, away := absolute.newton(0, u, z, s.barrier[last])
		c.loss += float64(2 * l1 * absolute.value(0, z))
		c.slope[j], c.rate[j] = 2*l1*(absolute.low[0]+u.up), 2*l1*rate
		c.residual[j], c.inside[j] = 2*l1*away, min(u.up, u.down)
	}
	return c
}

// below is the greatest bound by a line of the losses and its multiples, which are below them, too, as slopes of 0 are:
// with l1 alone only slopes of at most l1 say anything.
func (o *Optimizer) below(at float64, slope []float64) float64 {
	l1, l2 := o.split()
	if l1 == 0 {
		return at - kernel.Dot(slope, slope)/(2*l2)
	}
	greatest := 0.0
	for _, v := range slope {
		greatest = max(greatest, math.Abs(v))
	}
	share := 1.0
	if greatest > l1 {
		share = l1 / greatest
	}
	best := share * at
	if l2 > 0 {
		sum := 0.0
		for _, v := range slope {
			e := max(math.Abs(v)-l1, 0)
			sum += float64(e * e)
		}
		best = max(best, at-sum/(2*l2))
	}
	return best
}

// trim begins a pass at the best point so far with coefficients that are 0, or another try of that, and reports whether
// there is one.
func (o *Optimizer) trim(p *search, inside []float64) bool {
	if p.Trims >= len(trims) {
		return false
	}
	next := slices.Clone(p.Best)
	l1, _ := o.split()
	for j, v := range inside {
		if v > trims[p.Trims] || l1*math.Abs(next[j]) <= granted*o.closed*p.scale() {
			next[j] = 0
		}
	}
	p.Trims++
	p.Points, p.Barrier = append(p.Points, next), append(p.Barrier, p.Barrier[len(p.Barrier)-1])
	return true
}
