package newton

import (
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// How far the objective is above its optimum at most, where L-BFGS or conjugate gradients come near it, and nobody
// knows how near. With the penalty l2 any line below the losses' mean, at + slope·point, gives a lower bound of all
// objectives: at − ‖slope‖²/(2·alpha), if its slope along a free intercept is 0; and the tangent at a point is such a
// line, but for the intercept, whose slope is only nearly 0. It is mixed with a little of a line where that slope is of
// the other sign: of log_loss those where all rows are predicted to be of one class for sure, whose slopes are sums of
// the rows of each class, which the first pass makes; of other losses the tangent of the last pass whose slope had that
// sign, if there was one.
//
// Squared errors are as curved along the intercept everywhere, so that its best value given the weights, the gain of
// going there, and how much the gradient can change on the way are known; of the gradient, at most as much as the root
// of that curvature times the trace of the second derivatives.

// bounded reports whether the gap of a search without Newton's steps is known. That of a softmax of many rows and few
// columns need not be: it ends as near as Newton's method does.
func (o *Optimizer) bounded() bool {
	return !o.newtons() && !o.light() && o.options.Penalty == linear.L2 && o.alpha() > 0
}

// sides is how many kinds of rows the first pass sums up for the lines of log_loss: the classes, or the two sides of a
// class and the rest; 0 where they are not needed.
func (o *Optimizer) sides() int {
	switch {
	case !o.bounded() || !*o.options.FitIntercept || o.options.Loss != linear.LogLoss:
		return 0
	case o.vectors > 1:
		return o.vectors
	}
	return 2
}

// addSides adds rows to the sums of each side.
func (s *optimizerSum) addSides(c *linear.Chunk, places []int32) {
	if s.pass > 0 || s.learner.sides() == 0 {
		return
	}
	rows := linear.NewRows(c, s.learner.Scaler, nil)
	for i, place := range places {
		weight := 1.0
		if c.Weights != nil {
			weight = c.Weights[i]
		}
		if weight == 0 {
			continue
		}
		x := rows.At(i)
		for k, d := range s.sums {
			side, w := int(place), weight*s.weights[place]
			if s.learner.vectors == 1 {
				var y float64
				if y, w = s.row(k, place, 0, weight); y > 0 {
					side = 1
				} else {
					side = 0
				}
			}
			to := d.sides[side*s.width:][:s.width]
			x.Add(w, to)
			to[s.width-1] += w
		}
	}
}

// bound raises the lower bound of all objectives by the mean loss and the gradient of its sum at a point.
func (o *Optimizer) bound(p *optimum, point, sum []float64, loss float64) {
	if !o.bounded() || len(p.Sides) != o.sides()*o.width() {
		return
	}
	slope := slices.Clone(sum)
	kernel.Scale(1/o.weight, slope)
	o.noIntercepts(slope)
	at := loss - kernel.Dot(slope, point)
	switch {
	case o.sides() > 0:
		at *= 1 - o.level(p, slope)
	case *o.options.FitIntercept:
		var ok bool
		if at, ok = p.mix(at, slope); !ok {
			return
		}
	}
	squares := 0.0
	for _, w := range o.coefs(slope) {
		squares += kernel.Dot(w, w)
	}
	if v := at - squares/(2*o.alpha()); v > p.Bound {
		p.Bound = v
	}
}

// level mixes a line with those of one class, which are 0 at 0, so that its slopes along the intercepts are 0. It gives
// their share.
func (o *Optimizer) level(p *optimum, slope []float64) (share float64) {
	w, last := o.width(), o.features
	side := func(k int) []float64 { return p.Sides[k*w:][:w] }
	if o.vectors == 1 {
		of, sign := 1, -1.0 // the positive rows, predicted to be negative
		if slope[last] < 0 {
			of, sign = 0, 1
		}
		if slope[last] == 0 {
			return 0
		}
		off := sign * slope[last]
		share = off / (off - side(of)[last]/o.weight) // off is negative
		kernel.Scale(1-share, slope)
		kernel.Add(share*sign/o.weight, side(of), slope)
		return share
	}
	// All rows as class c: of class k the slope is (all rows if k = c) − (rows of k). Their mixture by shares of c, which
	// must not be negative, has the intercepts' slopes (share of k) − (weight of k).
	rest, found := 0.0, false // how much of the line to one of the mixture
	for k := range o.vectors {
		if g := slope[k*w+last]; g > 0 {
			if most := side(k)[last] / o.weight / g; !found || most < rest {
				rest, found = most, true
			}
		}
	}
	if !found {
		return 0
	}
	share = 1 / (1 + rest)
	all := make([]float64, w)
	for k := range o.vectors {
		kernel.Add(1, side(k), all)
	}
	for k := range o.vectors {
		own := slope[k*w:][:w]
		class := max(side(k)[last]/o.weight-float64(rest*own[last]), 0)
		kernel.Scale(1-share, own)
		kernel.Add(share*class/all[last], all, own)
		kernel.Add(-share/o.weight, side(k), own)
	}
	return share
}

// tangent is that of the losses' mean: At + Slope·point.
type tangent struct {
	At    float64
	Slope jsontext.BitFloats
}

// fits reports whether tangents that were read are those of a weight vector.
func (o *Optimizer) fits(t []tangent) bool {
	return t == nil || len(t) == 2 && o.vectors == 1 && !slices.ContainsFunc(t, func(t tangent) bool {
		return t.At-t.At != 0 || t.Slope != nil && len(t.Slope) != o.width()
	})
}

// mix mixes a tangent with the last one whose slope along the intercept has another sign, so that it is 0, and keeps it
// for those to come. It gives what it is at 0; ok: there was one.
func (p *optimum) mix(at float64, slope []float64) (mixed float64, ok bool) {
	last := len(slope) - 1
	if slope[last] == 0 {
		return at, true
	}
	own := 0
	if slope[last] < 0 {
		own = 1
	}
	if p.Tangents == nil {
		p.Tangents = make([]tangent, 2)
	}
	p.Tangents[own] = tangent{at, slices.Clone(slope)}
	other := p.Tangents[1-own]
	if other.Slope == nil {
		return 0, false
	}
	share := slope[last] / (slope[last] - other.Slope[last])
	kernel.Scale(1-share, slope)
	kernel.Add(share, other.Slope, slope)
	return at + float64(share*(other.At-at)), true
}

// boundSquares does the same for squared errors, by the gradient of the objective.
func (o *Optimizer) boundSquares(p *optimum, gradient []float64, objective float64) {
	if !o.bounded() {
		return
	}
	g, gain := norm(gradient[:o.features]), 0.0
	if off := gradient[o.features]; *o.options.FitIntercept && off != 0 {
		curvature, trace, greatest := p.Diagonal[o.features], 0.0, 0.0
		for _, v := range p.Diagonal[:o.features] {
			trace += v
			greatest = max(greatest, v)
		}
		if !(curvature > 1e-5*greatest) { // it may have been raised: see scaling
			return
		}
		gain = off * off / (2 * curvature)
		g += max(off, -off) / curvature * math.Sqrt(curvature*trace)
	}
	if v := objective - gain - float64(g*g)/(2*o.alpha()); v > p.Bound {
		p.Bound = v
	}
}

// gap is how far the best point is above the optimum at most, where that is known.
func (p *optimum) gap() float64 { return max(p.Objective-p.Bound, 0) }

// Gap is the greatest share of its objective that a weight vector, or those of a softmax together, may be above their
// optimum; ok: it is known.
func (o *Optimizer) Gap() (gap float64, ok bool) {
	if !o.bounded() || o.passes == 0 {
		return 0, false
	}
	for _, p := range o.problems {
		if p.Bound == 0 && o.sides() == 0 { // no tangent of the other sign
			return 0, false
		}
		if v := p.gap(); v > 0 {
			gap = max(gap, v/p.Objective)
		}
	}
	return gap, true
}
