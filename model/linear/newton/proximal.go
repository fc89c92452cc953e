package newton

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/panel"
)

// With l1, a step leads to the least of the quadratic approximation of the losses plus the penalty itself: proximal
// Newton (Lee, Sun and Saunders, SIAM J. Optim. 24, 2014), as in glmnet (Friedman, Hastie and Tibshirani, JSS 33,
// 2010). So coefficients are zero, not nearly. What a step promises, where l2 has its slope, is the slope of the losses
// along it plus the change of the penalty.

// alpha multiplies ‖coef‖²/2, and l1 multiplies ‖coef‖₁.
func (o *Optimizer) alpha() float64 {
	switch o.options.Penalty {
	case linear.None, linear.L1:
		return 0
	case linear.ElasticNet:
		return *o.options.Alpha * (1 - *o.options.L1Ratio)
	}
	return *o.options.Alpha
}

func (o *Optimizer) l1() float64 {
	switch o.options.Penalty {
	case linear.L1:
		return *o.options.Alpha
	case linear.ElasticNet:
		return *o.options.Alpha * *o.options.L1Ratio
	}
	return 0
}

// promised is the slope along a step where the gradient is g, with l1 more than the whole step can give by convexity.
func (o *Optimizer) promised(g, base, dir []float64) float64 {
	slope, l1 := kernel.Dot(g, dir), o.l1()
	if l1 == 0 {
		return slope
	}
	slope = 0
	for j, v := range dir {
		slope += float64(g[j] * v)
		if j%o.width() < o.features {
			slope += float64(l1 * (math.Abs(base[j]+v) - math.Abs(base[j])))
		}
	}
	return slope
}

// least is the norm of the gradient, with l1 of the least subgradient.
func (o *Optimizer) least(g, base []float64) float64 {
	l1 := o.l1()
	if l1 == 0 {
		return norm(g)
	}
	s := slices.Clone(g)
	for j, v := range base {
		switch {
		case j%o.width() == o.features:
		case v > 0:
			s[j] += l1
		case v < 0:
			s[j] -= l1
		default:
			s[j] = max(g[j]-l1, 0) + min(g[j]+l1, 0)
		}
	}
	return norm(s)
}

// step is Newton's from base.
func (o *Optimizer) step(second, base, g []float64, n float64) []float64 {
	if o.l1() == 0 {
		return o.newtonStep(second, g, n)
	}
	return o.proximalStep(second, base, g, n)
}

// approximation is the quadratic one of the losses by the coefficients of all weight vectors, one after the other,
// where the intercepts, which are not penalised, are always the best: second derivatives, slopes at the point, and the
// step of the intercepts that a step of the coefficients asks for.
type approximation struct {
	second, slopes []float64
	intercepts     func(step []float64) []float64
}

// approximate eliminates the intercept.
func (o *Optimizer) approximate(second, base, g []float64, n float64) approximation {
	d, last := o.features, o.features
	triangle := panel.Triangle(second)
	h := triangle.Full(d, d+1)
	kernel.Scale(1/n, h)
	slopes := slices.Clone(g[:d]) // of the losses
	kernel.Add(-o.alpha(), base[:d], slopes)
	mixed, own := make([]float64, d), 0.0 // second derivatives with the intercept
	if *o.options.FitIntercept {
		own = second[len(second)-1] / n
	}
	if own > 0 {
		for j := range mixed {
			mixed[j] = triangle.Row(j, d+1)[last-j] / n
		}
		for j, v := range mixed {
			if v != 0 {
				kernel.Add(-v/own, mixed, h[j*d:(j+1)*d])
			}
		}
		kernel.Add(-g[last]/own, mixed, slopes)
	}
	return approximation{h, slopes, func(step []float64) []float64 {
		if !(own > 0) {
			return []float64{0}
		}
		return []float64{-(g[last] + kernel.Dot(mixed, step)) / own}
	}}
}

// proximalStep is the step to the least of the quadratic approximation with the penalty.
func (o *Optimizer) proximalStep(second, base, g []float64, n float64) []float64 {
	var q approximation
	if o.vectors > 1 {
		q = o.approximateSoftmax(second, base, g, n)
	} else {
		q = o.approximate(second, base, g, n)
	}
	d, h := len(q.slopes), q.second
	most := 0.0
	for j := range d {
		h[j*d+j] = max(h[j*d+j], 0) // rounding, of a column that does not vary
		most = max(most, h[j*d+j])
	}
	start := slices.Concat(o.coefs(base)...)
	dir := make([]float64, o.size())
	for damping := 0.0; damping <= 1e9*max(most, 1); damping = max(100*damping, 1e-6*most, 1e-6) {
		l := dense.Lasso{D: d, Q: slices.Clone(h), C: make([]float64, d)}
		for j := range d {
			l.Q[j*d+j] += damping
			l.C[j] = kernel.Dot(l.Q[j*d:(j+1)*d], start) - q.slopes[j]
		}
		w := slices.Clone(start)
		l.Descend(w, o.l1(), o.alpha(), mostTurns, func(w, r []float64) bool { return l.Optimal(w, r, o.l1(), o.alpha()) })
		for j, v := range w {
			w[j] = v - start[j]
		}
		for k, b := range q.intercepts(w) {
			copy(dir[k*o.width():], w[k*o.features:][:o.features])
			dir[k*o.width()+o.features] = b
		}
		if slope := o.promised(g, base, dir); slope < 0 || slope != slope {
			return dir
		}
	}
	clear(dir) // down to rounding
	return dir
}

// mostTurns bounds the turns of coordinate descent and systems of equations for a step: it need not be the best.
const mostTurns = 50
