package linear

import "math"

// rule is the options as the steps need them.
type rule struct {
	loss       lossFunc
	rate       LearningRate
	alpha      float64
	l1Ratio    float64 // 0 for l2, 1 for l1
	l1, decays bool    // the penalty truncates; the penalty shrinks
	penalty    bool
	eta0       float64
	powerT     float64
	t0         float64 // of Optimal
	average    float64
	intercept  bool
	oneClass   bool
	passive    bool // PA1 or PA2
	track      bool // sum up the objective
}

func newRule(o *Options) rule {
	r := rule{
		loss:      newLoss(o.Loss, *o.Epsilon),
		rate:      o.LearningRate,
		alpha:     *o.Alpha,
		l1Ratio:   *o.L1Ratio,
		l1:        o.Penalty == L1 || o.Penalty == ElasticNet,
		decays:    o.Penalty == L2 || o.Penalty == ElasticNet,
		penalty:   o.Penalty != None,
		eta0:      o.Eta0,
		powerT:    *o.PowerT,
		average:   float64(o.Average),
		intercept: *o.FitIntercept,
		oneClass:  o.Task == OneClass,
		passive:   o.LearningRate == PA1 || o.LearningRate == PA2,
		track:     o.Tol != nil && !o.EarlyStopping,
	}
	switch o.Penalty {
	case L2:
		r.l1Ratio = 0
	case L1:
		r.l1Ratio = 1
	}
	if r.oneClass {
		r.alpha = o.Nu
	}
	if r.rate == Optimal {
		r.t0 = 1 / (math.Sqrt(1/math.Sqrt(r.alpha)) * r.alpha)
	}
	return r
}

// eta is the step size of row t, if it is the row that decides.
func (r *rule) eta(t float64) float64 {
	switch r.rate {
	case Optimal:
		return 1 / (r.alpha * (r.t0 + t - 1))
	case InvScaling:
		switch r.powerT {
		case 0.5:
			return r.eta0 / math.Sqrt(t)
		case 0.25:
			return r.eta0 / math.Sqrt(math.Sqrt(t))
		}
		return r.eta0 / math.Pow(t, r.powerT)
	}
	return 0
}

// vector is a weight vector in the making. The weights are scale·w, so that a penalty shrinks all of them in O(1). Their mean
// over the rows is (meanA·w + mean)/meanB (Bottou: Stochastic Gradient Descent Tricks, 2012, section 5.1).
type vector struct {
	w             []float64
	scale         float64
	intercept     float64
	mean          []float64 // nil without averaging
	meanA, meanB  float64
	meanIntercept float64
	eta           float64 // of Constant, Adaptive and passive rates

	slope float64 // of the loss at the last row, unless passive

	// Of this chunk only: the l1 penalty due so far, and what each weight has had.
	u float64
	q []float64

	// Where it is known, no weight and no mean is beyond most; reach is by how much one may have been moved since.
	known       bool
	most, reach float64

	squares, absolutes float64 // Σw² and Σ|w|, where the objective is tracked

	progress progress
}

// progress is how the epochs go.
type progress struct {
	rows      int64 // of this epoch, that are learned from
	objective float64
	scores    RegressionMetrics // of rows held out, in regression
	right     float64           // weight of the rows held out that are classified right, of
	weight    float64
	best      float64 // objective or score, where seen
	seen      bool
	bad       int // epochs in a row without improvement
	done      bool
}

func newVector(r *rule, features int) *vector {
	v := &vector{w: make([]float64, features), scale: 1, meanB: 1, eta: r.eta0}
	if r.average > 0 {
		v.mean = make([]float64, features)
	}
	if r.l1 {
		v.q = make([]float64, features)
	}
	if r.oneClass {
		v.intercept = 1
	}
	return v
}

// clone is a copy, between chunks. Negated, it has learned the same rows with y of the other sign (for log_loss: to rounding).
func (v *vector) clone(negated bool) *vector {
	c := *v
	s := 1.0
	if negated {
		s = -1
	}
	copied := func(x []float64) []float64 {
		if x == nil {
			return nil
		}
		y := make([]float64, len(x))
		for j := range x {
			y[j] = s * x[j]
		}
		return y
	}
	c.w, c.mean, c.q = copied(v.w), copied(v.mean), copied(v.q)
	c.intercept *= s
	c.meanIntercept *= s
	return &c
}

// step learns from a row: target y, weight, step size eta of the rule, number t, ‖x‖² where the rule is passive. decay is of
// the intercept. It gives the prediction that it had for the row.
func (v *vector) step(r *rule, x row, y, weight, eta, t, norm2, decay float64) float64 {
	p := float64(v.scale*x.dot(v.w)) + v.intercept
	if eta == 0 {
		eta = v.eta
	}
	if r.track {
		v.track(r, p, y)
	}
	var update float64
	switch {
	case !r.passive:
		v.slope = r.loss.slope(p, y)
		update = -eta * min(max(v.slope, -maxSlope), maxSlope)
	case r.rate == PA1 && norm2 == 0:
		return p
	default:
		if r.rate == PA1 {
			update = min(r.eta0, r.loss.value(p, y)/norm2)
		} else {
			update = r.loss.value(p, y) / (norm2 + 0.5/r.eta0)
		}
		if r.loss.kind == hinge {
			update *= y
		} else if y < p {
			update = -update
		}
	}
	update *= weight

	if r.decays {
		v.scale *= max(0, 1-float64((1-r.l1Ratio)*eta*r.alpha))
		if v.scale < minScale {
			v.fold()
		}
	}
	norms := r.track && r.penalty && !r.passive
	if norms {
		v.forget(x)
	}
	perScale := update / v.scale
	if update != 0 {
		x.add(perScale, v.w)
		if v.known {
			v.reach += math.Abs(perScale) * (1 + math.Abs(v.meanA)) * x.most()
		}
	}
	if r.intercept {
		b := update
		if r.oneClass {
			b -= float64(eta * r.alpha)
		}
		v.intercept += float64(b * decay)
	}
	if r.average > 0 && r.average <= t {
		if update != 0 {
			x.add(-float64(v.meanA*perScale), v.mean)
		}
		m := t - r.average + 1
		if m > 1 {
			v.meanB /= 1 - 1/m
		}
		v.meanA += v.meanB * v.scale / m
		v.meanIntercept += (v.intercept - v.meanIntercept) / m
	}
	if r.l1 {
		v.u += float64(r.l1Ratio * eta * r.alpha)
		x.truncate(v.u, v.scale, v.w, v.q)
	}
	if norms {
		v.remember(x)
	}
	return p
}

const (
	maxSlope = 1e12
	minScale = 1e-9
)

// fold multiplies the scale into the weights, and makes mean the mean. O(features).
func (v *vector) fold() {
	v.known = false
	if v.mean != nil && v.meanA != 0 {
		add(v.meanA, v.w, v.mean)
		scale(1/v.meanB, v.mean)
		v.meanA, v.meanB = 0, 1
	}
	if v.scale != 1 {
		scale(v.scale, v.w)
		v.squares *= v.scale * v.scale
		v.absolutes *= v.scale
		v.scale = 1
	}
}

// track adds a row's loss, and the penalty as it stands, to the objective.
func (v *vector) track(r *rule, p, y float64) {
	o := r.loss.value(p, y)
	if r.penalty && !r.passive {
		o += r.alpha * ((1-r.l1Ratio)/2*v.scale*v.scale*v.squares + r.l1Ratio*v.scale*v.absolutes)
	}
	if r.oneClass && !r.passive {
		o += v.intercept * r.alpha
	}
	v.progress.objective += o
	v.progress.rows++
}

// forget takes the weights that a row is about to change out of the norms; remember puts them in again.
func (v *vector) forget(x row) {
	if x.idx == nil {
		v.squares, v.absolutes = 0, 0
		return
	}
	s, a := x.norms(v.w)
	v.squares -= s
	v.absolutes -= a
}

func (v *vector) remember(x row) {
	s, a := x.norms(v.w)
	v.squares += s
	v.absolutes += a
}

// reports is whether the mean is what counts, before row t.
func (r *rule) reports(t float64) bool { return r.average > 0 && r.average <= t-1 }

// decision is what the model says of a row, before row t.
func (v *vector) decision(r *rule, x row, t float64) float64 {
	if r.reports(t) {
		return (v.meanA*x.dot(v.w)+x.dot(v.mean))/v.meanB + v.meanIntercept
	}
	return v.scale*x.dot(v.w) + v.intercept
}

// coef is the model's weights and intercept, before row t.
func (v *vector) coef(r *rule, t float64) ([]float64, float64) {
	w := make([]float64, len(v.w))
	if r.reports(t) {
		for j, x := range v.w {
			w[j] = (float64(v.meanA*x) + v.mean[j]) * (1 / v.meanB)
		}
		return w, v.meanIntercept
	}
	for j, x := range v.w {
		w[j] = v.scale * x
	}
	return w, v.intercept
}

// endChunk ends what lasts for one chunk; whether to fold is the caller's to say.
func (v *vector) endChunk(c *Chunk, fold bool) {
	if fold {
		v.fold()
	}
	v.u = 0
	if v.q == nil {
		return
	}
	if c.Sparse == nil {
		clear(v.q)
		return
	}
	for _, j := range c.Sparse.Indices {
		v.q[j] = 0
	}
}

// finite reports whether the weights that a chunk can have changed are. Of sparse rows, it need not look where none can have
// gone far: that is a wait for the memory, twice for each entry.
func (v *vector) finite(c *Chunk) bool {
	sum := v.intercept - v.intercept + v.meanIntercept - v.meanIntercept
	if c.Sparse == nil {
		v.known = false
		for _, x := range v.w {
			sum += x - x
		}
		for _, x := range v.mean {
			sum += x - x
		}
		return sum == 0
	}
	const far = 1e300
	if v.most += v.reach; v.known && v.most < far {
		v.reach = 0
		return sum == 0
	}
	if v.known = len(v.w) > len(c.Sparse.Indices); v.known {
		v.most, v.reach = max(largest(v.w), largest(v.mean)), 0
		return sum == 0 && v.most-v.most == 0
	}
	for _, j := range c.Sparse.Indices {
		sum += v.w[j] - v.w[j]
	}
	if v.mean != nil {
		for _, j := range c.Sparse.Indices {
			sum += v.mean[j] - v.mean[j]
		}
	}
	return sum == 0
}

// endEpoch judges the epoch.
func (v *vector) endEpoch(o *Options) {
	p := &v.progress
	if p.done {
		return
	}
	var score float64 // the higher the better
	switch {
	case !o.EarlyStopping && p.rows > 0:
		score = -p.objective / float64(p.rows)
	case o.EarlyStopping && o.Task == Regression && p.scores.Weight > 0:
		score = p.scores.R2()
	case o.EarlyStopping && o.Task != Regression && p.weight > 0:
		score = p.right / p.weight
	default:
		return // no row to judge by
	}
	if p.seen && score < p.best+*o.Tol {
		p.bad++
	} else {
		p.bad = 0
	}
	if !p.seen || score > p.best {
		p.best, p.seen = score, true
	}
	if p.bad >= o.NIterNoChange {
		if o.LearningRate == Adaptive && v.eta > minAdaptive {
			v.eta /= 5
			p.bad = 0
		} else {
			p.done = true
		}
	}
	p.rows, p.objective, p.scores, p.right, p.weight = 0, 0, RegressionMetrics{}, 0, 0
}

// minAdaptive is the step size below which an adaptive rate shrinks no more.
const minAdaptive = 1e-6
