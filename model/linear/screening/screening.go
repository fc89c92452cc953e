// Package screening learns linear models with l1 of more columns than second derivatives can be summed up of: see
// [Optimizer].
package screening

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/internal/panel"
)

// Optimizer learns the model of squared_error, log_loss, squared_hinge or squared_epsilon_insensitive with the penalty
// l1 or elasticnet from rows of many columns, of which few get a coefficient: a [linear.Learner] of some ten passes.
// Take it above 2,000 columns; package leastsquares and newton are for fewer. It has one weight vector: a regression,
// or two classes.
//
// A pass sums up the gradient of all columns, and second derivatives of a working set of at most MaxSet: those that
// have a coefficient, and those whose slope asks for one most (Tibshirani et al., J. R. Stat. Soc. B 74, 2012, screen
// columns so; glmnet and scikit-learn do likewise). A step goes to the least of the quadratic approximation of the
// losses plus the penalty, on the set, as in package newton. The search ends where no column asks for anything.
//
// The least subgradient s of the objective F bounds how far a point w is above the least: by convexity F(w) − F(w*) ≤
// ‖s‖∞·(‖w‖₁ + ‖w*‖₁), and ‖w*‖₁ is at most F(w)/l1, as losses are not negative. The search ends where that is 10⁻⁹ of
// the objective. An intercept is not penalised, and counts by its own slope and size.
//
// Memory is 8·features and 4·MaxSet² bytes at most a part.
type Optimizer struct {
	// FeatureNames are the model's; nil, or one for each feature.
	FeatureNames []string
	// Scaler standardises rows; sparse ones need one without WithMean. Set it before the first pass.
	Scaler *linear.StandardScaler
	// ClassRows are the rows of each class, and ClassSizes what class_weight balanced goes by, which needs them before the
	// first pass.
	ClassRows  []int64
	ClassSizes []float64
	// MaxPasses ends learning without convergence, of each alpha. Default: 100.
	MaxPasses int

	options  linear.Options
	features int
	loss     loss.Func
	passes   int
	rows     int64
	weight   float64 // Σw

	point     jsontext.BitFloats // the best so far, coefficients and intercept
	trial     jsontext.BitFloats // of the pass to come
	promise   float64            // what the step to it promises
	set       []int32            // the columns of the second derivatives, ascending
	objective float64            // at the point
	gap       float64
	shortened int // times that the step to the trial was
	done      bool
	converged bool

	// Of several alphas: those to come, what has been found, and the passes since the last was.
	path  []float64
	found []solution
	since int
}

const (
	// MaxSet is how many columns have a coefficient at most.
	MaxSet = 2000
	// MaxFeatures is how many columns there may be.
	MaxFeatures = 1 << 20

	closed      = 1e-9 // the share of the objective at which the search ends
	armijo      = 1e-4 // of what a step promises
	mostTurns   = 100  // of coordinate descent for a step
	mostShorter = 40
)

// Takes reports whether the options are those of an Optimizer, of so many classes; 0 of a regression.
func Takes(o *linear.Options, classes int) bool {
	if o.Penalty != linear.L1 && o.Penalty != linear.ElasticNet || o.Positive || classes > 2 {
		return false
	}
	switch o.Loss {
	case linear.SquaredError, linear.SquaredEpsilonInsensitive, linear.LogLoss, linear.SquaredHinge:
		return o.Task == linear.Regression || o.Task == linear.Classification
	}
	return false
}

// NewOptimizer makes an optimizer for rows of so many features. It copies the options and fills in their defaults. A
// classification's classes must be in the options.
func NewOptimizer(o linear.Options, features int) (*Optimizer, error) {
	o = linear.ExactOptions(&o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	p := &Optimizer{MaxPasses: 100, features: features}
	l1, _ := penaltyOf(&o)
	switch {
	case !Takes(&o, o.Classes.Len()) || !(l1 > 0):
		return nil, fmt.Errorf("loss %s with penalty %s: has another solver", o.Loss, o.Penalty)
	case features < 1 || features > MaxFeatures:
		return nil, fmt.Errorf("%d features: must be from 1 to %d", features, MaxFeatures)
	case o.Task == linear.Classification && o.Classes.Len() != 2:
		return nil, errors.New("classes: there must be two, known beforehand")
	}
	o.Classes = o.Classes.Clone()
	p.options, p.loss = o, loss.Of(&o)
	p.point, p.trial = make([]float64, features+1), make([]float64, features+1)
	return p, nil
}

// penaltyOf is alpha by what it multiplies: absolute values, and squares.
func penaltyOf(o *linear.Options) (l1, l2 float64) {
	if o.Penalty == linear.L1 {
		return *o.Alpha, 0
	}
	return *o.Alpha * *o.L1Ratio, *o.Alpha * (1 - *o.L1Ratio)
}

// Centre makes the first pass begin at the mean of a regression's targets.
func (o *Optimizer) Centre(mean float64) {
	if o.passes == 0 && o.options.Task == linear.Regression && *o.options.FitIntercept && mean-mean == 0 {
		o.trial[o.features] = mean
	}
}

// Passes is how many passes have been made.
func (o *Optimizer) Passes() int { return o.passes }

// Done reports whether there is no further pass to make.
func (o *Optimizer) Done() bool { return o.done }

// Converged reports whether the point is the optimum.
func (o *Optimizer) Converged() bool { return o.converged }

// Gap is the share of the objective that the point is above the optimum at most.
func (o *Optimizer) Gap() float64 {
	if o.objective == 0 {
		return 0
	}
	return o.gap / o.objective
}

// Advance ends a pass: it takes the step that led to it, or shortens it, and finds the next on another working set.
func (o *Optimizer) Advance(sum linear.Partial) error {
	s, ok := sum.(*passSum)
	if !ok || s.pass != o.passes || s.learner.features != o.features {
		return errors.New("linear.screening: the sum is that of another learner or pass")
	}
	if s.rows == 0 {
		return errors.New("no rows to learn from")
	}
	if o.rows, o.weight = s.rows, s.weight; !(o.weight > 0) {
		return errors.New("no rows of a weight above 0 to learn from")
	}
	n, coef := o.weight, o.trial[:o.features]
	squares, absolutes := kernel.Row{}.Norms(coef)
	objective := func() float64 {
		l1, l2 := penaltyOf(&o.options)
		return s.loss/n + float64(l1*absolutes) + float64(l2*squares/2)
	}
	f := objective()
	if f-f != 0 && o.passes == 0 {
		return errors.New("the objective overflows: standardise the features, or scale the target down")
	}
	o.passes++
	o.since++
	slack := 64 * kernel.Epsilon * math.Abs(o.objective)
	if o.since > 1 && !(f <= o.objective+float64(armijo*o.promise)+slack) {
		o.shorten()
		return nil
	}
	o.point, o.shortened = slices.Clone(o.trial), 0
	for {
		l1, l2 := penaltyOf(&o.options)
		g := slices.Clone(s.gradient)
		kernel.Scale(1/n, g)
		if !*o.options.FitIntercept {
			g[o.features] = 0
		}
		kernel.Add(l2, coef, g[:o.features])
		o.objective = objective()
		o.measure(g, l1, absolutes)
		if o.gap <= closed*o.objective {
			o.converged = true
			if o.end(); o.done {
				return nil
			}
			o.since++ // the pass is the next alpha's first, too
			continue
		}
		moved := o.step(s.second, g, l1, l2)
		return o.choose(g, l1, moved)
	}
}

// end is the end of the search for the optimum of an alpha, and the beginning of that for the next one of the path.
func (o *Optimizer) end() {
	if len(o.path) == 0 {
		o.done = true
		return
	}
	o.found = append(o.found, o.solution())
	o.options.Alpha, o.path = &o.path[0], o.path[1:]
	o.trial, o.since, o.shortened, o.converged = slices.Clone(o.point), 0, 0, false
}

// shorten halves the step.
func (o *Optimizer) shorten() {
	for j, v := range o.point {
		o.trial[j] = v + (o.trial[j]-v)/2
	}
	o.promise /= 2
	if o.shortened++; o.shortened > mostShorter || o.since >= o.MaxPasses {
		o.end()
	}
}

// measure bounds how far the point is above the optimum, by the gradient without l1.
func (o *Optimizer) measure(g []float64, l1, absolutes float64) {
	worst := 0.0
	for j, v := range o.point[:o.features] {
		s := g[j]
		switch {
		case v > 0:
			s += l1
		case v < 0:
			s -= l1
		default:
			s = max(math.Abs(s)-l1, 0)
		}
		worst = max(worst, math.Abs(s))
	}
	b := math.Abs(o.point[o.features]) + 1
	o.gap = float64(worst*(absolutes+o.objective/l1)) + float64(math.Abs(g[o.features])*b)
}

// step makes the trial the least of the quadratic approximation with the penalty on the set, where the intercept is
// always the best. It reports whether that promises anything.
func (o *Optimizer) step(second, g []float64, l1, l2 float64) bool {
	d, last := len(o.set), o.features
	triangle := panel.Triangle(second)
	q := dense.Lasso{D: d, Q: triangle.Full(d, d+1), C: make([]float64, d)}
	kernel.Scale(1/o.weight, q.Q)
	start, slopes, mixed, own := make([]float64, d), make([]float64, d), make([]float64, d), 0.0
	if *o.options.FitIntercept {
		own = second[len(second)-1] / o.weight
	}
	for i, j := range o.set {
		start[i], slopes[i] = o.point[j], g[j]-float64(l2*o.point[j])
		if own > 0 {
			mixed[i] = triangle.Row(i, d+1)[d-i] / o.weight
		}
	}
	if own > 0 {
		for i, v := range mixed {
			kernel.Add(-v/own, mixed, q.Q[i*d:(i+1)*d])
		}
		kernel.Add(-g[last]/own, mixed, slopes)
	}
	for i := range d {
		q.Q[i*d+i] = max(q.Q[i*d+i], 0) // rounding, of a column that does not vary
		q.C[i] = kernel.Dot(q.Q[i*d:(i+1)*d], start) - slopes[i]
	}
	w := slices.Clone(start)
	q.Descend(w, l1, l2, mostTurns, func(w, r []float64) bool { return q.Optimal(w, r, l1, l2) })
	o.trial = slices.Clone(o.point)
	o.promise = 0
	shift := 0.0 // of the intercept
	if own > 0 {
		shift = -g[last]
	}
	for i, j := range o.set {
		step := w[i] - start[i]
		o.trial[j] = w[i]
		o.promise += float64(g[j]*step) + float64(l1*(math.Abs(w[i])-math.Abs(start[i])))
		shift -= float64(mixed[i] * step)
	}
	if own > 0 {
		shift /= own
		o.trial[last] += shift
		o.promise += float64(g[last] * shift)
	}
	if !(o.promise < 0) { // nothing, or rounding
		o.trial, o.promise = slices.Clone(o.point), 0
		return false
	}
	return true
}

// choose makes the working set of the pass to come: the columns of the trial's coefficients, and others whose slopes at
// the point are near l1 or above, the greatest first, so many that the set can double. Without any, and without a step,
// the search is over.
func (o *Optimizer) choose(g []float64, l1 float64, moved bool) error {
	var set, others []int32
	for j, v := range o.trial[:o.features] {
		switch {
		case v != 0:
			set = append(set, int32(j))
		case math.Abs(g[j]) > 0.8*l1:
			others = append(others, int32(j))
		}
	}
	if len(set) > MaxSet {
		return fmt.Errorf("more than %d columns get a coefficient: take a larger alpha, or --solver=sgd", MaxSet)
	}
	slices.SortStableFunc(others, func(a, b int32) int { return cmp.Compare(math.Abs(g[b]), math.Abs(g[a])) })
	room := min(MaxSet, max(200, 2*len(set)+100)) - len(set)
	set = append(set, others[:min(len(others), max(room, 0))]...)
	slices.Sort(set)
	if !moved && slices.Equal(set, o.set) || o.since >= o.MaxPasses { // down to rounding, or no further
		o.end()
	}
	o.set = set
	return nil
}

// Model is the best model so far. It predicts and can be saved, but there is no going on with it.
func (o *Optimizer) Model() (*linear.Model, error) {
	if o.passes == 0 {
		return nil, errors.New("linear.screening: no pass has been made")
	}
	m := &linear.Model{
		Task: o.options.Task, Loss: o.options.Loss, FeatureNames: slices.Clone(o.FeatureNames),
		Classes: o.options.Classes.Clone(), Options: o.options,
		Coef: [][]float64{slices.Clone(o.point[:o.features])}, Intercept: []float64{o.point[o.features]},
		Training: linear.Training{Solver: "exact", Rows: o.rows, Epochs: o.passes, ClassRows: slices.Clone(o.ClassRows),
			Objective: jsontext.Floats{o.objective}, Gap: o.gap},
	}
	m.Options.Classes = linear.Classes{}
	if o.Scaler != nil {
		m.Scaler = o.Scaler.Clone()
	}
	return m, m.Validate()
}
