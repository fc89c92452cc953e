package sgd

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/internal/steps"
)

// vector is a weight vector in the making. The weights are scale·w, so that a penalty shrinks all of them in O(1).
// Their mean over the rows is (meanA·w + mean)/meanB (Bottou: Stochastic Gradient Descent Tricks, 2012, section 5.1).
type vector struct {
	w             []float64
	scale         float64
	intercept     float64
	mean          []float64 // nil without averaging
	meanA, meanB  float64
	meanIntercept float64
	eta           float64 // of Constant, Adaptive and passive rates

	// AdaGrad: the columns of all vectors, and of each column what this one has, in places of cells; w and mean are nil
	// then, and the scale is 1.
	columns  *steps.Columns
	cells    []float64
	stride   int     // places of cells for each column
	gradient float64 // the sum of squares of gradients by the intercept
	alone    bool    // no other vector has these columns: adapt begins and ends the rows of this chunk

	curved   *curved   // of Newton; otherwise nil
	gathered *gathered // of epochs that sum up slopes; otherwise nil

	// by AdaGrad: 0, or NaN where a step has made a weight, a sum of squares or a mean infinite
	moved float64

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
	scores    linear.RegressionMetrics // of rows held out, in regression
	right     float64                  // weight of the rows held out that are classified right, of
	weight    float64
	best      float64 // objective or score, where seen
	seen      bool
	bad       int // epochs in a row without improvement
	done      bool
}

// What AdaGrad has of column j is at stride·j and these places after it: the weight, the sum of squares of its
// gradients, and the mean; and with an l1 penalty how much of it was due and had in this epoch, see [steps.Weights].
// Side by side they are half a line of the processor's cache, or one, so that a row waits once for each of its columns.
const (
	weightCell = iota
	squaresCell
	meanCell
	dueCell
	hadCell
	plainStride = 4
	l1Stride    = 8
)

// cell is a copy of what AdaGrad has of each column at a place.
func (v *vector) cell(place int) []float64 {
	x := make([]float64, len(v.cells)/v.stride)
	for j := range x {
		x[j] = v.cells[v.stride*j+place]
	}
	return x
}

// setCell sets what AdaGrad has of each column at a place.
func (v *vector) setCell(place int, x []float64) {
	for j, y := range x {
		v.cells[v.stride*j+place] = y
	}
}

// fetch is [steps.Columns.Fetch] of what AdaGrad has of the columns.
func (v *vector) fetch(idx []int32) { lanes.Fetch(v.cells, v.stride, idx) }

// endL1 ends an epoch of AdaGrad, in which no l1 penalty is due any more.
func (v *vector) endL1() {
	if v.stride != l1Stride {
		return
	}
	for j := 0; j < len(v.cells); j += l1Stride {
		v.cells[j+dueCell], v.cells[j+hadCell] = 0, 0
	}
}

// weights are w, or a copy where AdaGrad has them.
func (v *vector) weights() []float64 {
	if v.columns != nil {
		return v.cell(weightCell)
	}
	return v.w
}

// means are mean, or a copy where AdaGrad has them, which count where there is averaging.
func (v *vector) means() []float64 {
	if v.columns != nil {
		return v.cell(meanCell)
	}
	return v.mean
}

// setWeights sets the first ones of a vector that has learned nothing.
func (v *vector) setWeights(w []float64) {
	if v.columns != nil {
		v.setCell(weightCell, w)
		return
	}
	copy(v.w, w)
}

// dot is the product of a row with the weights.
func (v *vector) dot(x kernel.Row) float64 {
	if v.columns != nil {
		return v.dotCell(x, weightCell)
	}
	return float64(v.scale * x.Dot(v.w))
}

// dotCell is the product of a row with what AdaGrad has of each column at a place.
func (v *vector) dotCell(x kernel.Row, place int) float64 {
	sum := 0.0
	for i, y := range x.Val {
		sum += float64(y * v.cells[v.stride*x.Column(i)+place])
	}
	return sum
}

// norms are Σw² and Σ|w| over the columns of a row, or over all where it is dense.
func (v *vector) norms(x kernel.Row) (squares, absolutes float64) {
	if v.columns == nil {
		return x.Norms(v.w)
	}
	add := func(w float64) {
		squares += float64(w * w)
		absolutes += math.Abs(w)
	}
	if x.Idx == nil {
		for j := weightCell; j < len(v.cells); j += v.stride {
			add(v.cells[j])
		}
	}
	for _, j := range x.Idx {
		add(v.cells[v.stride*int(j)+weightCell])
	}
	return squares, absolutes
}

// newVector has weights of 0; columns are those that it shares with others, for AdaGrad only.
func newVector(r *steps.Rule, features int, columns *steps.Columns) *vector {
	v := &vector{scale: 1, meanB: 1, eta: r.Eta0, columns: columns}
	if r.AdaGrad {
		if v.stride = plainStride; r.L1 {
			v.stride = l1Stride
		}
		v.cells = make([]float64, v.stride*features)
	} else {
		v.w = make([]float64, features)
		if r.Average > 0 {
			v.mean = make([]float64, features)
		}
		if r.L1 {
			v.q = make([]float64, features)
		}
	}
	if r.Newton {
		v.curved = newCurved(features)
	}
	if r.OneClass {
		v.intercept = 1
	}
	return v
}

// clone is a copy, between chunks. Negated, it has learned the same rows with y of the other sign (for log_loss: to
// rounding).
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
	c.w, c.mean, c.q, c.cells = copied(v.w), copied(v.mean), copied(v.q), slices.Clone(v.cells)
	if negated {
		for j := 0; j < len(c.cells); j += v.stride {
			c.cells[j+weightCell] *= s
			c.cells[j+meanCell] *= s
			if v.stride == l1Stride {
				c.cells[j+hadCell] *= s
			}
		}
	}
	c.curved, c.gathered = v.curved.clone(negated), v.gathered.clone()
	c.intercept *= s
	c.meanIntercept *= s
	return &c
}

// step learns from a row: target y, weight, step size eta of the rule, number t, ‖x‖² where the rule is passive.
// decay is of the intercept. It gives the prediction that it had for the row.
func (v *vector) step(r *steps.Rule, x kernel.Row, y, weight, eta, t, norm2, decay float64) float64 {
	if v.curved != nil {
		return v.bend(r, x, y, weight)
	}
	if v.gathered != nil {
		return v.gather(r, x, y, weight)
	}
	if v.columns != nil {
		return v.adapt(r, x, y, weight, t)
	}
	p := float64(v.scale*x.Dot(v.w)) + v.intercept
	if eta == 0 {
		eta = v.eta
	}
	if r.Track {
		v.track(r, p, y)
	}
	var update float64
	switch {
	case !r.Passive:
		v.slope = r.Loss.Slope(p, y)
		update = -eta * min(max(v.slope, -maxSlope), maxSlope)
	case r.Rate == linear.PA1 && norm2 == 0:
		return p
	default:
		if r.Rate == linear.PA1 {
			update = min(r.Eta0, r.Loss.Value(p, y)/norm2)
		} else {
			update = r.Loss.Value(p, y) / (norm2 + 0.5/r.Eta0)
		}
		if r.Loss.Kind == loss.Hinge {
			update *= y
		} else if y < p {
			update = -update
		}
	}
	update *= weight

	if r.Decays {
		v.scale *= max(0, 1-float64((1-r.L1Ratio)*eta*r.Alpha))
		if v.scale < linear.MinScale {
			v.fold()
		}
	}
	norms := r.Track && r.Penalty && !r.Passive
	if norms {
		v.forget(x)
	}
	perScale := update / v.scale
	if update != 0 {
		x.Add(perScale, v.w)
		if v.known {
			v.reach += float64(math.Abs(perScale) * (1 + math.Abs(v.meanA)) * x.Most())
		}
	}
	if r.Intercept {
		b := update
		if r.OneClass {
			b -= float64(eta * r.Alpha)
		}
		v.intercept += float64(b * decay)
	}
	if r.Average > 0 && r.Average <= t {
		v.average(x, update, perScale, t-r.Average+1)
	}
	if r.L1 {
		v.u += float64(r.L1Ratio * eta * r.Alpha)
		x.Truncate(v.u, v.scale, v.w, v.q)
	}
	if norms {
		v.remember(x)
	}
	return p
}

// average takes a row's step into the mean of m weights.
func (v *vector) average(x kernel.Row, update, perScale, m float64) {
	if update != 0 {
		x.Add(-float64(v.meanA*perScale), v.mean)
	}
	if m > 1 {
		v.meanB /= 1 - 1/m
	}
	v.meanA += v.meanB * v.scale / m
	v.meanIntercept += (v.intercept - v.meanIntercept) / m
}

// mayBeAlone reports whether adapt may begin and end rows, where there is no other vector: by AdaGrad without an l1
// penalty, unless no step is taken any more.
func (v *vector) mayBeAlone() bool {
	return v.columns != nil && v.gathered == nil && v.stride == plainStride && !v.progress.done
}

// adapt is step by AdaGrad.
func (v *vector) adapt(r *steps.Rule, x kernel.Row, y, weight, t float64) float64 {
	a := v.adaptive()
	norms := r.Track && r.Penalty
	if norms {
		v.forget(x)
	}
	var p float64
	if v.alone {
		p = v.columns.BeginDot(r, x, &a, t) + v.intercept
	} else {
		p = v.columns.Dot(r, x, &a, t) + v.intercept
	}
	if norms {
		v.remember(x)
	}
	if r.Track {
		v.track(r, p, y)
	}
	v.slope = r.Loss.Slope(p, y)
	gradient := float64(min(max(v.slope, -maxSlope), maxSlope) * weight)
	if norms && gradient != 0 {
		v.forget(x)
	}
	if v.alone {
		v.columns.AddEnd(x, &a, gradient, t)
	} else if gradient != 0 {
		v.columns.Add(x, &a, gradient)
	}
	if norms && gradient != 0 {
		v.remember(x)
	}
	b := steps.Bias{W: v.intercept, Squares: v.gradient, Mean: v.meanIntercept}
	b.Add(r, v.columns, gradient, t)
	v.moved += a.Check
	v.intercept, v.gradient, v.meanIntercept = b.W, b.Squares, b.Mean
	return p
}

// adaptive is the weights as AdaGrad has them.
func (v *vector) adaptive() steps.Weights {
	a := steps.Weights{W: v.cells[weightCell:], Squares: v.cells[squaresCell:], Mean: v.cells[meanCell:],
		Stride: v.stride}
	if v.stride == l1Stride {
		a.Due, a.Had = v.cells[dueCell:], v.cells[hadCell:]
	}
	return a
}

const maxSlope = 1e12

// fold multiplies the scale into the weights, and makes mean the mean. O(features).
func (v *vector) fold() {
	v.known = false
	if v.mean != nil && v.meanA != 0 {
		kernel.Add(v.meanA, v.w, v.mean)
		kernel.Scale(1/v.meanB, v.mean)
		v.meanA, v.meanB = 0, 1
	}
	if v.scale != 1 {
		kernel.Scale(v.scale, v.w)
		v.squares *= v.scale * v.scale
		v.absolutes *= v.scale
		v.scale = 1
	}
}

// track adds a row's loss, and the penalty as it stands, to the objective.
func (v *vector) track(r *steps.Rule, p, y float64) {
	o := r.Loss.Value(p, y)
	if r.Penalty && !r.Passive {
		o += float64(r.Alpha * (float64((1-r.L1Ratio)/2*v.scale*v.scale*v.squares) + float64(r.L1Ratio*v.scale*v.absolutes)))
	}
	if r.OneClass && !r.Passive {
		o += float64(v.intercept * r.Alpha)
	}
	v.progress.objective += o
	v.progress.rows++
}

// forget takes the weights that a row is about to change out of the norms; remember puts them in again.
func (v *vector) forget(x kernel.Row) {
	if x.Idx == nil {
		v.squares, v.absolutes = 0, 0
		return
	}
	s, a := v.norms(x)
	v.squares -= s
	v.absolutes -= a
}

func (v *vector) remember(x kernel.Row) {
	s, a := v.norms(x)
	v.squares += s
	v.absolutes += a
}

// decision is what the model says of a row, before row t.
func (v *vector) decision(r *steps.Rule, x kernel.Row, t float64) float64 {
	if v.columns != nil && !v.progress.done {
		a, b := v.adaptive(), v.intercept
		if r.Reports(t) {
			b = v.meanIntercept
		}
		return v.columns.Decision(r, x, &a, t) + b
	}
	if v.columns != nil {
		if r.Reports(t) {
			return v.dotCell(x, meanCell) + v.meanIntercept
		}
		return v.dot(x) + v.intercept
	}
	if r.Reports(t) {
		return (float64(v.meanA*x.Dot(v.w))+x.Dot(v.mean))/v.meanB + v.meanIntercept
	}
	return v.dot(x) + v.intercept
}

// coef is the model's weights and intercept, before row t.
func (v *vector) coef(r *steps.Rule, t float64) ([]float64, float64) {
	if v.columns != nil && !v.progress.done {
		v = v.clone(false)
		a := v.adaptive()
		v.columns.Settle(r, &a, t)
	}
	state := linear.VectorState{
		Weights: v.weights(), Scale: v.scale, Intercept: v.intercept,
		Mean: v.means(), MeanA: v.meanA, MeanB: v.meanB, MeanIntercept: v.meanIntercept,
	}
	return state.Coef(r.Average, t)
}

// endChunk ends what lasts for one chunk; whether to fold is the caller's to say.
func (v *vector) endChunk(c *linear.Chunk, fold bool) {
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

// finite reports whether the weights that a chunk can have changed are. Of sparse rows, it need not look where none
// can have gone far: that is a wait for the memory, twice for each entry.
func (v *vector) finite(c *linear.Chunk) bool {
	sum := v.intercept - v.intercept + v.meanIntercept - v.meanIntercept + v.gradient - v.gradient
	if v.columns != nil && c.Sparse != nil {
		return sum+v.moved == 0
	}
	if c.Sparse == nil {
		v.known = false
		for _, x := range v.w {
			sum += x - x
		}
		for _, x := range v.cells {
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
		v.most, v.reach = max(kernel.Largest(v.w), kernel.Largest(v.mean)), 0
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
func (v *vector) endEpoch(o *linear.Options) {
	p := &v.progress
	if p.done {
		return
	}
	var score float64 // the higher the better
	switch {
	case !o.EarlyStopping && p.rows > 0:
		score = -p.objective / float64(p.rows)
	case o.EarlyStopping && o.Task == linear.Regression && p.scores.Weight > 0:
		score = p.scores.R2()
	case o.EarlyStopping && o.Task != linear.Regression && p.weight > 0:
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
		if o.LearningRate == linear.Adaptive && v.eta > minAdaptive {
			v.eta /= 5
			p.bad = 0
		} else {
			p.done = true
		}
	}
	p.rows, p.objective, p.scores, p.right, p.weight = 0, 0, linear.RegressionMetrics{}, 0, 0
}

// minAdaptive is the step size below which an adaptive rate shrinks no more.
const minAdaptive = 1e-6
