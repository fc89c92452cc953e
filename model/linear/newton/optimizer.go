// Package newton learns linear models exactly where the loss has slopes everywhere, in a few passes: see [Optimizer].
package newton

import (
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

// Optimizer learns the exact model, up to rounding, for a loss that has slopes everywhere and the penalty l2 or none,
// or, of up to 2,000 features, or of a softmax features times classes, l1 and elasticnet (see proximal.go), in a few
// passes: a [Learner] that evaluates, in each pass, objective and derivatives at one point.
//
// Up to 2,000 features, with 8·10⁶ squares of features over all weight vectors, the derivatives are two, and the step
// is Newton's, damped (Nocedal and Wright: Numerical Optimization, 2nd ed., sections 3.3 and 3.5); of losses whose
// slopes have corners it is the generalised one (Mangasarian, Optim. Methods Softw. 17, 2002). The first pass draws a
// sample of the rows, and the second begins at the sample's own optimum. Beyond, the step is that of L-BFGS with ten
// pairs, scaled by the diagonal of the second derivatives (section 7.2), in O(entries) for sparse rows, or with
// squared_error that of conjugate gradients (see conjugate.go), unless most columns are categories of one, whose second
// derivatives make Newton's step possible all the same (see arrowhead.go), from the optimum of a sample; a softmax has
// Newton's step while classes × features are at most 2,000 and the rows not too many, and otherwise L-BFGS, scaled by
// more than a diagonal up to 2,000 features. Where a whole step may be too long, a pass sums up the objective along the
// step, too, at shorter lengths: if the whole one does not lower the objective enough, the next pass goes on at the
// best of those. So the objective never rises.
//
// It is done where the step promises less than 10⁻¹⁰ of the objective; Newton's last step is then still made, as it
// costs nothing. Columns should be of similar scale, best standardised.
//
// The objective is (1/Σw)·Σ w·class_weight·loss + alpha·‖coef‖²/2, w being the weights of rows, so that a row of
// weight 2 counts as two: with log_loss it is LogisticRegression's with C = 1/(alpha·Σw), in a OneVsRestClassifier
// where there are more than two classes, or, with Multinomial, in itself: see softmax.go; with squared_error
// RidgeClassifier's with alpha·Σw. class_weight is scikit-learn's of these estimators, too: with log_loss, balanced
// weighs the two sides of each class against the rest by n/(2·size of the side); with squared_error and with weights
// that are given, a row has the weight of its class in all weight vectors. With squared_hinge it is LinearSVC's, and
// with modified_huber SGDClassifier's, which weigh the rows of a class in its own vector alone. Sizes are sums of the
// weights of rows with log_loss and squared_hinge, and otherwise numbers of rows.
//
// Memory is, for each weight vector, 4·features² bytes a part with second derivatives, which is what crosses the
// wire, too, and 176 bytes a feature with L-BFGS.
type Optimizer struct {
	// FeatureNames are the model's; nil, or one for each feature.
	FeatureNames []string
	// Scaler standardises rows; sparse ones need one without WithMean. Set it before the first pass.
	Scaler *linear.StandardScaler
	// ClassRows are the rows of each class, which class_weight balanced needs before the first pass.
	ClassRows []int64
	// ClassSizes are the sizes that class_weight balanced goes by: see [BalancedBy]. Default: ClassRows.
	ClassSizes []float64
	// MaxPasses ends learning without convergence. Default: 100.
	MaxPasses int

	options  linear.Options
	features int
	vectors  int // weight vectors of a problem: with Multinomial one for each class, otherwise 1
	loss     loss.Func
	newton   bool
	work     float64        // products that a pass may sum up for second derivatives of a softmax: see light
	metric   *softmaxMetric // what steps of L-BFGS go by, where it is not their diagonal; nil: to be made of the state
	arrow    *arrowhead     // of second derivatives without newton, where the first pass has found one
	sample   int            // rows that the first pass draws; 0: none
	promise  float64        // of the objective: what a step promises at the end
	passes   int
	rows     int64
	weight   float64 // Σw of the rows, which the objective divides by
	problems []*optimum
	memory   *memory // rows of parts; nil: none are kept
}

// optimum is the search for a problem's weight vectors, in most of them one. Points are the coefficients and then the
// intercept of each.
type optimum struct {
	Base      jsontext.BitFloats // the best point
	Dir       jsontext.BitFloats // the step from there that the pass tries; nil in the first
	Objective float64            // at Base
	Slope     float64            // along Dir
	Norm      float64            // of the gradient, at Base
	Along     bool               // shorter steps are tried, too
	Failed    int                // steps in a row of which no length has helped
	Done      bool
	Converged bool

	// Of losses with straight parts: the pass goes by bounded curvatures, see shorten, and Newton's step has promised
	// nothing more.
	Bounded bool `json:",omitempty"`
	Ending  bool `json:",omitempty"`

	// Of L-BFGS and of conjugate gradients: the gradient at Base, its preconditioner, and differences of points and
	// gradients.
	Gradient jsontext.BitFloats   `json:",omitempty"`
	Diagonal jsontext.BitFloats   `json:",omitempty"`
	Made     float64              `json:",omitempty"` // what a step promised when Diagonal was summed up
	Steps    []jsontext.BitFloats `json:",omitempty"`
	Changes  []jsontext.BitFloats `json:",omitempty"`
	Gains    jsontext.BitFloats   `json:",omitempty"` // of the last steps of conjugate gradients
	First    float64              `json:",omitempty"` // the objective that these began at
	Sides    jsontext.BitFloats   `json:",omitempty"` // sums of the rows of each side: see bound
	Tangents []tangent            `json:",omitempty"` // the last with a slope along the intercept above 0, and below
	Bound    float64              `json:",omitempty"` // no objective is below
}

// tried is the point that the pass evaluates.
func (p *optimum) tried() []float64 {
	w := slices.Clone(p.Base)
	if p.Dir != nil {
		kernel.Add(1, p.Dir, w)
	}
	return w
}

const (
	maxNewtonFeatures = 2000
	maxNewtonSquares  = 8e6
	maxSample         = 16384
	sampleValues      = 1 << 21
	endPromise        = 1e-10 // of the objective: what a step promises at the end
	samplePromise     = 1e-6  // of that of a sample, which tells less of all rows
	armijo            = 1e-4
	maxPairs          = 10
)

// lengths are the shorter steps that a pass tries.
var lengths = [...]float64{1. / 2, 1. / 4, 1. / 8, 1. / 32, 1. / 128, 1. / 1024}

// NewOptimizer makes an optimizer for rows of so many features. It copies the options and fills in their defaults;
// schedules of steps mean nothing here. A classification's classes must be in the options.
func NewOptimizer(o linear.Options, features int) (*Optimizer, error) {
	o = linear.ExactOptions(&o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	switch o.Loss {
	case linear.LogLoss, linear.SquaredHinge, linear.ModifiedHuber, linear.Huber, linear.SquaredError,
		linear.SquaredEpsilonInsensitive,
		linear.Poisson, linear.Gamma, linear.Tweedie:
	default:
		return nil, fmt.Errorf("loss %s: has corners, where Newton's method has no step: "+
			"learn by an interior point, or by sgd", o.Loss)
	}
	if o.Task == linear.OneClass {
		return nil, errors.New("one_class: learn by sgd")
	}
	if features < 1 {
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	}
	vectors := 1
	if o.Task == linear.Classification {
		if o.Classes.Len() == 0 {
			return nil, errors.New("classes: an exact solver must know them beforehand")
		}
		vectors = linear.NumVectors(o.Classes.Len())
	}
	o.Classes = o.Classes.Clone()
	p := &Optimizer{MaxPasses: 100, options: o, features: features, loss: loss.Of(&o), vectors: 1, work: maxSoftmaxWork,
		promise: endPromise}
	if d, ok := o.Deviance(); ok && d.Power > 1 && d.Power < 2 {
		p.promise *= 2 - d.Power // the loss of a target of 0 is 1/(2−power) and what depends on the model
	}
	if o.MultiClass == linear.Multinomial && vectors > 1 {
		p.vectors, vectors = vectors, 1
	}
	p.newton = Fits(o.MultiClass, features, max(vectors, p.vectors))
	if o.Penalty != linear.L2 && o.Penalty != linear.None && !p.newton {
		return nil, fmt.Errorf("penalty %s: an exact solver takes it of up to %d columns, or with a softmax columns times "+
			"classes: learn by sgd, or with l2",
			o.Penalty, maxNewtonFeatures)
	}
	switch {
	case p.newton && Samples(features):
		p.sample = sampleRows(features)
	case !p.newton && p.vectors == 1 && !p.quadratic():
		p.sample = arrowSample
	}
	for range vectors {
		p.problems = append(p.problems, &optimum{Base: make([]float64, p.size())})
	}
	return p, nil
}

// Fits reports whether the second derivatives of so many features and weight vectors are few enough to be summed up,
// and for a [CrossFit].
func Fits(m linear.MultiClass, features, vectors int) bool {
	if m == linear.Multinomial && vectors > 1 {
		return float64(features)*float64(vectors) <= maxNewtonFeatures
	}
	return features <= maxNewtonFeatures && float64(vectors)*float64(features)*float64(features) <= maxNewtonSquares
}

// Samples reports whether a sample of rows of so many features is large enough to say where to begin.
func Samples(features int) bool { return sampleRows(features) >= 8*(features+1) }

func sampleRows(features int) int { return min(maxSample, sampleValues/features) }

// width is the numbers of a weight vector, and size those of a point.
func (o *Optimizer) width() int { return o.features + 1 }
func (o *Optimizer) size() int  { return o.vectors * o.width() }

// seconds is how many numbers the second derivatives are, or, without Newton's steps, what a diagonal is made of.
func (o *Optimizer) seconds() int {
	switch {
	case o.newton && o.vectors > 1:
		return o.vectors * (o.vectors - 1) / 2 * len(panel.NewTriangle(o.width()))
	case o.newton:
		return len(panel.NewTriangle(o.width()))
	case o.vectors > 1:
		return o.softmaxSeconds()
	case o.arrow != nil:
		return o.arrow.size()
	}
	return o.width()
}

// coefs are the coefficients of each weight vector in a point, without the intercept.
func (o *Optimizer) coefs(point []float64) [][]float64 {
	all := make([][]float64, o.vectors)
	for v := range all {
		all[v] = point[v*o.width():][:o.features]
	}
	return all
}

// noIntercepts clears the intercepts of a point where there are to be none.
func (o *Optimizer) noIntercepts(point []float64) {
	if !*o.options.FitIntercept {
		for v := range o.vectors {
			point[v*o.width()+o.features] = 0
		}
	}
}

// Start makes the first pass begin at these weights, a row for each weight vector as in [Model.Coef], instead of at
// zero. They are of standardised features where there is a Scaler.
func (o *Optimizer) Start(coef [][]float64, intercept []float64) error {
	if o.passes > 0 {
		return errors.New("linear.Optimizer: the first pass has been made")
	}
	if n := len(o.problems) * o.vectors; len(coef) != n || len(intercept) != n {
		return fmt.Errorf("linear.Optimizer: a start of %d weight vectors: must be %d", len(coef), n)
	}
	points := make([]jsontext.BitFloats, len(o.problems))
	for k, w := range coef {
		if len(w) != o.features {
			return fmt.Errorf("linear.Optimizer: a start of %d features: must be %d", len(w), o.features)
		}
		p := append(slices.Clone(w), intercept[k])
		for _, v := range p {
			if v-v != 0 {
				return fmt.Errorf("linear.Optimizer: a start at %v", v)
			}
		}
		points[k/o.vectors] = append(points[k/o.vectors], p...)
	}
	for k, p := range points {
		o.noIntercepts(p)
		o.centre(p)
		o.problems[k].Base = p
	}
	o.sample = 0
	return nil
}

// Centre makes the first pass begin at the best constant prediction, that of a mean target, where the loss is a
// deviance and no sample of the rows is sure to say where to begin.
func (o *Optimizer) Centre(mean float64) {
	if d, ok := o.options.Deviance(); ok && (o.sample == 0 || !o.newton) && o.passes == 0 && *o.options.FitIntercept &&
		(mean > 0 || !d.Log()) {
		o.problems[0].Base[o.features] = d.Link(mean)
	}
}

// Expect tells, before the first pass, how many rows there will be. Without, the first pass may sum up more than it
// needs.
func (o *Optimizer) Expect(rows int64) { o.rows = rows }

// Passes is how many passes have been made.
func (o *Optimizer) Passes() int { return o.passes }

// Objectives are those of the best points so far, and GradientNorms the norms of the gradients there; one for each
// weight vector.
func (o *Optimizer) Objectives() []float64 {
	return o.each(func(p *optimum) float64 { return p.Objective })
}

// GradientNorms: see Objectives.
func (o *Optimizer) GradientNorms() []float64 {
	return o.each(func(p *optimum) float64 { return p.Norm })
}

func (o *Optimizer) each(f func(p *optimum) float64) []float64 {
	all := make([]float64, len(o.problems))
	for k, p := range o.problems {
		all[k] = f(p)
	}
	return all
}

// Done reports whether there is no further pass to make.
func (o *Optimizer) Done() bool {
	return o.passes >= o.MaxPasses || !slices.ContainsFunc(o.problems, func(p *optimum) bool { return !p.Done })
}

// Converged reports whether all weight vectors are where no step promises anything, and not just at MaxPasses.
func (o *Optimizer) Converged() bool {
	return !slices.ContainsFunc(o.problems, func(p *optimum) bool { return !p.Converged })
}

// drawing reports whether the pass to come draws a sample.
func (o *Optimizer) drawing() bool { return o.sample > 0 && o.passes == 0 }

// Partial begins a part of the next pass. Parts may work at the same time, but not while Advance does.
func (o *Optimizer) Partial(part, parts int) linear.Partial {
	return o.partial(part, parts)
}

func (o *Optimizer) partial(part, parts int) *optimizerSum {
	s := &optimizerSum{learner: o, pass: o.passes, width: o.width(), part: part, parts: parts}
	if o.drawing() {
		// Parts are rarely of one size.
		s.sample = &sample{limit: 2*o.sample/max(parts, 1) + 64, part: part}
		if !o.newton {
			s.sample.entries = arrowEntries
		}
	}
	if o.seeks() {
		s.columns = newColumns(o.features)
	} else if o.newtons() && o.vectors == 1 { // by an arrowhead, if there is one
		s.memo = o.memory.begin(part, parts)
	}
	for _, p := range o.problems {
		var d *derivatives
		if !p.Done {
			d = &derivatives{gradient: make([]float64, o.size())}
			if o.passes == 0 {
				d.sides = make([]float64, o.sides()*o.width())
			}
			d.sampled = s.sample != nil && o.newton
			if !d.sampled && p.Diagonal == nil { // which stays as it is for a while: see refresh
				d.second = make([]float64, o.seconds())
				clear(d.second) // memory that is read before it is written costs a fault more, and a word to all cores
				d.thin = o.sample > 0 && o.passes == 1 && o.thin()
			}
			d.point, d.dir = p.tried(), slices.Clone(p.Dir)
			d.along = p.Along && p.Dir != nil
			d.bounded = p.Bounded
		}
		s.sums = append(s.sums, d)
	}
	return s
}

// Advance ends a pass: it accepts the step or shortens it, and makes the next. O(features³/3) for each weight vector
// with second derivatives.
func (o *Optimizer) Advance(sum linear.Partial) error {
	s, err := o.own(sum)
	if err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	if s.rows == 0 {
		return errors.New("no rows to learn from")
	}
	if o.rows, o.weight = s.rows, s.weight; !(o.weight > 0) {
		return errors.New("no rows of a weight above 0 to learn from")
	}
	for _, d := range s.sums {
		d.thicken(o.weight)
	}
	var arrow *arrowhead
	if o.seeks() {
		arrow = s.columns.arrowhead()
	}
	var starts []jsontext.BitFloats
	if s.sample != nil && (o.newton || arrow != nil) {
		all, err := s.sample.solve([]*Optimizer{o}, arrow)
		if err != nil {
			return err
		}
		if all != nil {
			starts = all[0]
		}
	}
	for k, p := range o.problems {
		if p.Done {
			continue
		}
		var start []float64
		if starts != nil {
			start = starts[k]
		}
		if err := o.advance(p, s.sums[k], start); err != nil {
			return err
		}
	}
	if arrow != nil {
		o.takeArrow(arrow)
	}
	o.passes++
	o.lighten()
	return nil
}

// thin reports whether rows are so many more than a sample that a part of them has second derivatives which are good
// enough for the step from its optimum.
func (o *Optimizer) thin() bool { return o.vectors == 1 && o.newton && o.rows >= thinRows }

// thinRows are rows of which one in thinly is many times a sample.
const thinRows = 16 * maxSample

func (o *Optimizer) own(sum linear.Partial) (*optimizerSum, error) {
	s, ok := sum.(*optimizerSum)
	if !ok || s.pass != o.passes || s.width != o.width() || len(s.sums) != len(o.problems) {
		return nil, errors.New("linear.Optimizer: the sum is that of another learner or pass")
	}
	for _, d := range s.sums {
		d.seal(o)
	}
	return s, nil
}

// penalty is that of the point w + t·dir.
func (o *Optimizer) penalty(w, dir []float64, t float64) float64 {
	sum, absolute := 0.0, 0.0
	for k := range o.vectors {
		for j := k * o.width(); j < k*o.width()+o.features; j++ {
			v := w[j]
			if dir != nil {
				v += float64(t * dir[j])
			}
			sum += float64(v * v)
			absolute += math.Abs(v)
		}
	}
	if l1 := o.l1(); l1 > 0 {
		return float64(o.alpha()*sum)/2 + float64(l1*absolute)
	}
	return o.alpha() * sum / 2
}

func (o *Optimizer) advance(p *optimum, s *derivatives, start []float64) error {
	if o.quadratic() {
		return o.conjugate(p, s)
	}
	n := o.weight
	f := s.loss/n + o.penalty(p.Base, p.Dir, 1)
	slack := 0.0
	if p.Dir == nil {
		if f-f != 0 {
			return errors.New("the objective overflows at the start: standardise the features, or scale the target down")
		}
	} else {
		slack = float64(64 * kernel.Epsilon * math.Abs(p.Objective)) // the rounding of the objective
		if !(f <= p.Objective+float64(armijo*p.Slope)+slack) {
			return o.shorten(p, s, n)
		}
	}
	step := p.Dir
	if step != nil {
		kernel.Add(1, step, p.Base)
	}
	before := p.Objective
	p.Objective, p.Failed = f, 0
	if o.passes == 0 {
		p.Sides = s.sides
	}
	o.bound(p, p.Base, s.gradient, s.loss/n)
	g := o.slope(s.gradient, p.Base, n)
	p.Norm = o.least(g, p.Base)
	if p.Norm-p.Norm != 0 {
		return errors.New("the gradient overflows: standardise the features, or scale the target down")
	}
	if p.Norm == 0 {
		p.Done, p.Converged, p.Dir = true, true, nil
		return nil
	}
	switch {
	case start != nil:
		o.stepTo(p, g, start)
		return nil
	case s.sampled:
		p.Dir, p.Slope = make([]float64, o.size()), 0
		return nil
	case o.newtons():
		p.Dir = o.step(s.second, p.Base, g, n)
	default:
		p.Dir = o.bfgsStep(p, s.second, g, step, n)
	}
	p.Slope = o.promised(g, p.Base, p.Dir)
	if p.Slope-p.Slope != 0 {
		return errors.New("a step that overflows: standardise the features")
	}
	promised := -p.Slope / 2
	small := o.promise * math.Abs(p.Objective)
	// A step of L-BFGS may promise too little: the last one must have given little, too.
	done := promised <= small && (o.newtons() || step != nil && before-f <= small)
	if o.light() { // as near as Newton's last step comes
		done = promised <= lightPromise*math.Abs(p.Objective) && step != nil
	}
	if o.newtons() && o.straight() {
		done = o.settle(p, done)
	}
	if done {
		if o.newtons() {
			kernel.Add(1, p.Dir, p.Base)
		}
		return p.end()
	}
	// Near the end the whole step is right, and where steps have told L-BFGS of the curvature: shorter ones, whose
	// products take as long as those of the point, are tried then once it has failed, which it seldom does.
	p.Along = promised > 1e-2*math.Abs(p.Objective) && o.newtons() || !o.newtons() && !o.grams() && len(p.Steps) == 0
	o.refresh(p, promised)
	return nil
}

// stepTo makes the next step the one to a start, which is the optimum of a sample, from where the gradient is g.
func (o *Optimizer) stepTo(p *optimum, g, start []float64) {
	p.Dir = slices.Clone(start)
	kernel.Add(-1, p.Base, p.Dir)
	if p.Slope = o.promised(g, p.Base, p.Dir); !(p.Slope < 0) { // the sample knows of nothing better
		clear(p.Dir)
		p.Slope = 0
	}
	// The optimum of so many rows is better than zero in all likelihood; else the step is a quarter, and then tried
	// along.
	p.Along = o.sample < 50*o.size()
}

// slope is the gradient of the objective at a point, of that of the losses, summed up over rows of weight n.
func (o *Optimizer) slope(sum, point []float64, n float64) []float64 {
	g := slices.Clone(sum)
	kernel.Scale(1/n, g)
	at := o.coefs(g)
	for v, w := range o.coefs(point) {
		kernel.Add(o.alpha(), w, at[v])
	}
	o.noIntercepts(g)
	return g
}

// shorten makes the step the best of the shorter ones, which the next pass then takes from the same base.
//
// A loss with straight parts, where it has slopes and no curvature, may have made the step too long, and would so again
// and again. So the next step goes by the curvature of the parabola that touches the loss of a row, is nowhere below
// it, and has its minimum where the loss has: it needs no shortening (iteratively reweighted least squares: Holland and
// Welsch, Commun. Stat. A6, 1977). Such steps come near, and Newton's, which come to the end, take turns with them.
func (o *Optimizer) shorten(p *optimum, s *derivatives, n float64) error {
	best, at := math.Inf(1), 0.0
	if s.along {
		for i, t := range lengths {
			if f := s.shorter[i]/n + o.penalty(p.Base, p.Dir, t); f < best && f <= p.Objective+float64(armijo*t*p.Slope) {
				best, at = f, t
			}
		}
	}
	if at == 0 {
		p.Failed++
		least := 1e-13
		if o.light() {
			least = lightPromise
		}
		if p.Failed > 6 || -p.Slope <= least*math.Abs(p.Objective) {
			// No length helps, down to the rounding of the objective.
			p.Done, p.Converged, p.Dir = true, -p.Slope/2 <= 1e-8*math.Abs(p.Objective), nil
			return nil
		}
		if at = lengths[len(lengths)-1] / 8; !s.along {
			at = lengths[1]
		}
	}
	p.Bounded = o.newtons() && o.straight()
	kernel.Scale(at, p.Dir)
	p.Slope *= at
	p.Along = true
	return nil
}

// straight reports whether the loss has parts with slopes and without curvature, and the penalty no corners.
func (o *Optimizer) straight() bool {
	return (o.options.Loss == linear.Huber || o.options.Loss == linear.ModifiedHuber) && o.l1() == 0
}

// settle is whether a loss with straight parts is done where the step that was made promises nothing more. Bounded
// curvatures alone promise too little. Newton's step does not know of columns all of whose rows are on straight parts,
// which no penalty bends: there bounded curvatures must promise nothing more, either.
func (o *Optimizer) settle(p *optimum, done bool) bool {
	bounded, ending := p.Bounded, p.Ending
	p.Bounded, p.Ending = false, false
	if !done || bounded || o.alpha() > 0 {
		return done && (!bounded || ending)
	}
	p.Bounded, p.Ending = true, true
	return false
}

func norm(x []float64) float64 {
	greatest := 0.0
	for _, v := range x {
		greatest = max(greatest, math.Abs(v))
	}
	if greatest == 0 || greatest-greatest != 0 {
		return greatest
	}
	sum := 0.0
	for _, v := range x {
		v /= greatest
		sum += float64(v * v)
	}
	return greatest * math.Sqrt(sum)
}

// newtonStep is −(second derivatives)⁻¹·gradient.
func (o *Optimizer) newtonStep(second, g []float64, n float64) []float64 {
	switch {
	case o.arrow != nil:
		return o.arrowStep(second, g, n)
	case o.vectors > 1:
		return o.softmaxStep(second, g, n)
	}
	d, w := o.features, o.features+1
	if *o.options.FitIntercept {
		d = w
	}
	a := panel.Triangle(second).Full(d, w)
	kernel.Scale(1/n, a)
	for j := range o.features {
		a[j*d+j] += o.alpha()
	}
	b := slices.Clone(g[:d])
	kernel.Scale(-1, b)
	return append(dense.DampedSolve(a, d, b), make([]float64, w-d)...)
}

// bfgsStep is −H·gradient, where H is made of the last pairs, newest last.
func (o *Optimizer) bfgsStep(p *optimum, second, g, step []float64, n float64) []float64 {
	if step != nil && p.Gradient != nil {
		change := slices.Clone(g)
		kernel.Add(-1, p.Gradient, change)
		if kernel.Dot(step, change) > kernel.Epsilon*norm(step)*norm(change) {
			p.Steps, p.Changes = append(p.Steps, step), append(p.Changes, change)
			if len(p.Steps) > maxPairs {
				p.Steps, p.Changes = p.Steps[1:], p.Changes[1:]
			}
		}
	}
	p.Gradient = g
	scale := o.scaling(p, second, n)
	dir := slices.Clone(g)
	factors := make([]float64, len(p.Steps))
	for i := len(p.Steps) - 1; i >= 0; i-- {
		factors[i] = kernel.Dot(p.Steps[i], dir) / kernel.Dot(p.Steps[i], p.Changes[i])
		kernel.Add(-factors[i], p.Changes[i], dir)
	}
	factor := 1.0
	if i := len(p.Steps) - 1; i >= 0 {
		factor = kernel.Dot(p.Steps[i], p.Changes[i]) / scale.squares(p.Changes[i])
	}
	scale.divide(dir, factor)
	for i, s := range p.Steps {
		b := kernel.Dot(p.Changes[i], dir) / kernel.Dot(s, p.Changes[i])
		kernel.Add(factors[i]-b, s, dir)
	}
	kernel.Scale(-1, dir)
	o.noIntercepts(dir)
	o.centre(dir)
	if !(kernel.Dot(dir, g) < 0) { // rounding: begin anew
		p.Steps, p.Changes = nil, nil
		copy(dir, g)
		scale.divide(dir, -1)
		o.centre(dir)
	}
	return dir
}

// scaling is about the second derivatives, which steps of L-BFGS go by before the last steps correct them.
type scaling interface {
	squares(y []float64) float64          // yᵀ(second derivatives)⁻¹y
	divide(dir []float64, factor float64) // makes it factor·(second derivatives)⁻¹·dir
}

// refresh has the scaling summed up anew, at the next point, where the steps of L-BFGS have become a hundredth of what
// they were at the last: by then the second derivatives are others.
func (o *Optimizer) refresh(p *optimum, promised float64) {
	switch {
	case o.newtons():
	case p.Made == 0:
		p.Made = promised
	case promised < 0.01*p.Made && p.Diagonal != nil:
		p.Diagonal, p.Made = nil, 0
	}
}

// scaling is that at the point where the second derivatives were summed up last.
func (o *Optimizer) scaling(p *optimum, second []float64, n float64) scaling {
	if m := o.softmaxScaling(p, second, n); m != nil {
		return m
	}
	if p.Diagonal != nil {
		return diagonalScaling(p.Diagonal)
	}
	diagonal := o.diagonal(second, n)
	greatest := 0.0
	for j := range diagonal {
		if j%o.width() < o.features {
			diagonal[j] += o.alpha()
		}
		greatest = max(greatest, diagonal[j])
	}
	for j := range diagonal {
		if diagonal[j] = max(diagonal[j], 1e-6*greatest); greatest == 0 {
			diagonal[j] = 1
		}
	}
	p.Diagonal = diagonal
	return diagonalScaling(diagonal)
}

// diagonal is that of the second derivatives of the losses' mean.
func (o *Optimizer) diagonal(second []float64, n float64) []float64 {
	if o.vectors > 1 {
		return o.softmaxDiagonal(second, n)
	}
	d := slices.Clone(second)
	kernel.Scale(1/n, d)
	return d
}

type diagonalScaling []float64

func (d diagonalScaling) squares(y []float64) float64 {
	sum := 0.0
	for j, v := range y {
		sum += float64(v * v / d[j])
	}
	return sum
}

func (d diagonalScaling) divide(dir []float64, factor float64) {
	for j := range dir {
		dir[j] *= factor / d[j]
	}
}

// Model is the best model so far. It predicts and can be saved, but there is no going on with it.
func (o *Optimizer) Model() (*linear.Model, error) {
	if o.passes == 0 {
		return nil, errors.New("linear.Optimizer: no pass has been made")
	}
	m := &linear.Model{
		Task: o.options.Task, Loss: o.options.Loss, FeatureNames: slices.Clone(o.FeatureNames),
		Classes: o.options.Classes.Clone(),
		Options: o.options,
		Training: linear.Training{
			Solver: "exact", Rows: o.rows, Epochs: o.passes, ClassRows: slices.Clone(o.ClassRows),
			Objective: o.Objectives(), GradientNorm: o.GradientNorms(),
		},
	}
	m.Options.Classes = linear.Classes{}
	if o.Scaler != nil {
		m.Scaler = o.Scaler.Clone()
	}
	if o.vectors == 1 {
		m.Options.MultiClass = "" // of two classes
	}
	for _, p := range o.problems {
		for k, w := range o.coefs(p.Base) {
			m.Coef = append(m.Coef, slices.Clone(w))
			m.Intercept = append(m.Intercept, p.Base[k*o.width()+o.features])
		}
		if _, ok := o.Gap(); ok {
			m.Training.Gap = max(m.Training.Gap, p.gap())
		}
	}
	return m, m.Validate()
}

// fields are those of an Optimizer's JSON.
func (o *Optimizer) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &o.options.Task},
		{Name: "hyperparameters", Value: &o.options},
		{Name: "classes", Value: &o.options.Classes},
		{Name: "features", Value: &o.features},
		{Name: "feature_names", Value: &o.FeatureNames},
		{Name: "scaler", Value: &o.Scaler},
		{Name: "class_rows", Value: &o.ClassRows},
		{Name: "class_sizes", Value: (*jsontext.BitFloats)(&o.ClassSizes), Optional: true},
		{Name: "max_passes", Value: &o.MaxPasses},
		{Name: "sample", Value: &o.sample},
		{Name: "passes", Value: &o.passes},
		{Name: "rows", Value: &o.rows},
		{Name: "weight", Value: &o.weight},
		{Name: "arrowhead", Value: &o.arrow, Optional: true},
		{Name: "vectors", Value: &o.problems},
	}
}

// MarshalJSON writes the whole state.
func (o *Optimizer) MarshalJSON() ([]byte, error) { return o.fields().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes.
func (o *Optimizer) UnmarshalJSON(b []byte) error {
	var s Optimizer
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	vectors := len(s.problems)
	for _, p := range s.problems { // before anything of that size is made
		if p == nil || s.features < 0 || len(p.Base) < s.features+1 {
			return errors.New("linear.Optimizer: a state whose weights do not fit its features")
		}
	}
	if n := s.options.Classes.Len(); s.options.MultiClass == linear.Multinomial && n > 2 &&
		(vectors == 0 || len(s.problems[0].Base)/n != s.features+1) {
		return errors.New("linear.Optimizer: a state whose weights do not fit its classes")
	}
	p, err := NewOptimizer(s.options, s.features)
	if err != nil {
		return err
	}
	if len(p.problems) != vectors || s.passes < 0 || s.rows < 0 || !(s.weight >= 0) || s.passes > 0 && s.weight == 0 ||
		s.sample != p.sample && s.sample != 0 {
		return errors.New("linear.Optimizer: a state that contradicts itself")
	}
	if p.arrow = s.arrow; p.arrow != nil && (p.newton || p.vectors > 1 || !p.arrow.places(p.features)) {
		return errors.New("linear.Optimizer: a state whose second derivatives do not fit its features")
	}
	for _, v := range s.problems {
		if n := len(v.Sides); n != 0 && n != max(p.vectors, 2)*p.width() || !(v.Bound >= 0) || !p.fits(v.Tangents) {
			return errors.New("linear.Optimizer: a state whose bounds do not fit it")
		}
		fits := len(v.Steps) == len(v.Changes) && len(v.Steps) <= maxPairs &&
			(v.Diagonal == nil || len(v.Diagonal) == p.scalingSize())
		for _, f := range slices.Concat([]jsontext.BitFloats{v.Dir, v.Gradient}, v.Steps, v.Changes) {
			fits = fits && (f == nil || len(f) == p.size())
		}
		for _, f := range slices.Concat([]jsontext.BitFloats{v.Base}, v.Steps, v.Changes) {
			fits = fits && len(f) == p.size()
		}
		if p.quadratic() && s.passes > 0 && !v.Done {
			fits = fits && len(v.Gradient) == p.size() && len(v.Diagonal) == p.scalingSize() && len(v.Gains) <= maxGains
		}
		if !fits || s.passes > 0 && !v.Done && v.Dir == nil {
			return errors.New("linear.Optimizer: a state whose steps do not fit its features")
		}
	}
	p.FeatureNames, p.Scaler, p.ClassRows, p.ClassSizes, p.MaxPasses = s.FeatureNames, s.Scaler, s.ClassRows, s.ClassSizes,
		s.MaxPasses
	p.sample, p.passes, p.rows, p.weight, p.problems = s.sample, s.passes, s.rows, s.weight, s.problems
	p.lighten()
	*o = *p
	return nil
}
