// Package interior learns linear models exactly where the loss has corners: see [Optimizer].
package interior

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/panel"
)

// Optimizer learns the model of hinge, epsilon_insensitive or quantile with the penalty l2, l1 or elasticnet, or of
// huber with l2: a [linear.Learner] of some twenty passes, by an interior-point method (Wright: Primal-Dual
// Interior-Point Methods, 1997). Take it where the loss has corners, or of huber where there are not many more rows
// than columns, which rows of the other side of its corners keep Newton's method from; package newton has the losses
// without.
//
// A loss with corners is a maximum of lines, of which each row takes a mixture: its dual variable, the slope of its
// loss. Near a corner any slope between those of both sides will do, and which one it is, is what takes an exact
// solution to find. The method keeps each slope inside its bounds by a barrier whose weight, [search.Barrier], goes
// down by factors. A pass sums up what Newton's step of all weights and slopes needs: the gradient at the rows' slopes,
// and products of columns, most of all of rows near a corner.
//
// Nothing keeps the slopes of the rows between passes: a row finds its own anew from the points of all passes before,
// as they tell what each step did to it. That takes a product of the row for each pass made, less than the products of
// columns where these are more than passes; and it makes sums of rows of any number, in any cut, the same. A row's step
// is cut short where it would leave the bounds, for this row alone, since to find one length for all rows would take a
// pass of its own.
//
// Slopes within their bounds give a lower bound of all objectives: Σ w·(value at 0 of the row's line)/Σw −
// ‖gradient‖²/(2·alpha). Slopes of a free intercept must sum to 0; those of a pass are mixed with the greatest or least
// to do so. The best point is at most its objective less the best bound above the optimum: the gap, which is measured,
// not estimated. The search ends where that is 10⁻⁶ of the objective, with l1 10⁻⁸, of huber 10⁻¹⁰; and where it is
// 10⁻⁵ and two passes have not lessened it, as where alpha is small, and rounding in the slopes is all that is left.
//
// With l1 each coefficient has a corner, too, at 0, and a slope like a row's. The bound then is that of the greatest
// multiple of the rows' slopes by which no element of their gradient is above l1. At the end coefficients whose slopes
// are inside their bounds become 0, in a pass of its own, which measures the objective of that point.
//
// The objective is (1/Σw)·Σ w·class_weight·loss + alpha·‖coef‖²/2, or the other penalties, w being the weights of
// rows: with hinge that of LinearSVC(loss="hinge", C=1/(alpha·Σw)) but for the intercept, which LinearSVC penalises;
// with epsilon_insensitive likewise that of LinearSVR; with quantile and l1 that of QuantileRegressor. More than two
// classes are learned one against the rest. class_weight is LinearSVC's, which weighs the rows of a class in its own
// vector alone.
//
// Memory is 4·features² bytes for each weight vector and part, and 8·features for each and pass.
type Optimizer struct {
	// FeatureNames are the model's; nil, or one for each feature.
	FeatureNames []string
	// Scaler standardises rows; sparse ones need one without WithMean. Set it before the first pass.
	Scaler *linear.StandardScaler
	// ClassRows are the rows of each class, and ClassSizes their weights, which class_weight balanced goes by. It needs
	// both before the first pass.
	ClassRows  []int64
	ClassSizes []float64
	// MaxPasses ends learning without convergence. Default: 60.
	MaxPasses int

	options  linear.Options
	features int
	corners  corners
	closed   float64 // the gap at the end, a share of the objective
	passes   int
	rows     int64
	weight   float64 // Σw
	searches []*search
}

// search is that for a weight vector. Points are the coefficients and the intercept.
type search struct {
	Points  []jsontext.BitFloats // of each pass, the last that of the pass to come
	Barrier jsontext.BitFloats   // its weight in each
	Best    jsontext.BitFloats   // the best point

	Objective float64 // at Best
	Start     float64 // the objective of the first pass
	Bound     float64 // no objective is below
	Since     int     // passes without a better gap
	Trims     int     // tries of coefficients to be 0, with l1
	Done      bool

	// Extremes are the lines of the greatest and the least slopes.
	Extremes [2]line
}

// line is a mixture of the rows' lines: at a point p it is At + Slope·p, and below the mean of the losses.
type line struct {
	At    float64
	Slope jsontext.BitFloats
}

const (
	// MaxFeatures and maxSquares are up to how many columns, and squares of columns over all weight vectors, products
	// are summed up.
	MaxFeatures = 2000
	maxSquares  = 8e6

	closed = 1e-6  // of the objective: the gap at the end
	closer = 1e-10 // and of huber, whose slopes settle
	// closedZeros is that with l1, where it tells coefficients that are 0 from others.
	closedZeros = 1e-8
	Certified   = 1e-4 // the gap with which a search that comes no nearer is at the optimum, too
	patience    = 12   // passes for that
	near        = 1e-5 // the gap of corners that is taken sooner, as rounding is what keeps it from closing
	short       = 2    // passes for that
)

// Has reports whether the loss is one that only an Optimizer learns exactly.
func Has(l linear.Loss) bool {
	return l == linear.Hinge || l == linear.EpsilonInsensitive || l == linear.Quantile
}

// Fits reports whether products of so many columns are few enough to be summed up for so many weight vectors.
func Fits(features, vectors int) bool {
	return features <= MaxFeatures && float64(vectors)*float64(features)*float64(features) <= maxSquares
}

// NewOptimizer makes an optimizer for rows of so many features. It copies the options and fills in their defaults. A
// classification's classes must be in the options.
func NewOptimizer(o linear.Options, features int) (*Optimizer, error) {
	o = linear.ExactOptions(&o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	vectors := 1
	switch {
	case !Has(o.Loss) && o.Loss != linear.Huber || o.Task == linear.OneClass:
		return nil, fmt.Errorf("loss %s in %s: has another solver", o.Loss, o.Task)
	case o.Loss == linear.Huber && o.Penalty != linear.L2:
		return nil, fmt.Errorf("loss %s with %s: has another solver", o.Loss, o.Penalty)
	case o.Penalty == linear.None || *o.Alpha == 0:
		return nil, fmt.Errorf("loss %s: an exact solver takes it with a penalty and an alpha above 0", o.Loss)
	case features < 1:
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	case o.Task == linear.Classification && o.Classes.Len() == 0:
		return nil, errors.New("classes: an exact solver must know them beforehand")
	case o.Task == linear.Classification:
		vectors = linear.NumVectors(o.Classes.Len())
	}
	o.Classes = o.Classes.Clone()
	p := &Optimizer{MaxPasses: 60, options: o, features: features, corners: cornersOf(&o), closed: closed}
	if p.corners.curve > 0 {
		p.closed = closer
	} else if l1, _ := p.split(); l1 > 0 {
		p.closed = closedZeros
	}
	for range vectors {
		p.searches = append(p.searches, &search{Points: []jsontext.BitFloats{make([]float64, p.width())},
			Barrier: []float64{0.1}})
	}
	return p, nil
}

func (o *Optimizer) width() int { return o.features + 1 }

// Scale tells the mean and the deviation of a regression's targets before the first pass, which then begins there.
func (o *Optimizer) Scale(mean, deviation float64) {
	if o.passes > 0 || o.options.Task != linear.Regression || mean-mean != 0 || deviation-deviation != 0 {
		return
	}
	for _, s := range o.searches {
		if *o.options.FitIntercept {
			s.Points[0][o.features] = mean
		} else {
			deviation = elementary.Hypot(mean, deviation)
		}
		if deviation > 0 {
			s.Barrier[0] = 0.1 * deviation * o.corners.width
		}
	}
}

// Passes is how many passes have been made.
func (o *Optimizer) Passes() int { return o.passes }

// Done reports whether there is no further pass to make.
func (o *Optimizer) Done() bool {
	return o.passes >= o.MaxPasses || !slices.ContainsFunc(o.searches, func(s *search) bool { return !s.Done })
}

// gap is how far the best point is above the optimum at most.
func (s *search) gap() float64 { return max(s.Objective-s.Bound, 0) }

// scale is what a gap is a share of: the objective, or where that comes to nothing a small part of what it was.
func (s *search) scale() float64 { return max(s.Objective, 1e-9*s.Start) }

// Gap is the greatest share of its objective that a weight vector may be above its optimum.
func (o *Optimizer) Gap() float64 {
	most := 0.0
	for _, s := range o.searches {
		if s.gap() > 0 {
			most = max(most, s.gap()/s.scale())
		}
	}
	return most
}

// Converged reports whether that is at most a ten-thousandth.
func (o *Optimizer) Converged() bool { return o.passes > 0 && o.Gap() <= Certified }

// Partial begins a part of the next pass. Parts may work at the same time, but not while Advance does.
func (o *Optimizer) Partial(part, parts int) linear.Partial {
	s := &passSum{learner: o, pass: o.passes}
	for _, p := range o.searches {
		var d *sums
		if !p.Done {
			d = o.newSums(p)
		}
		s.sums = append(s.sums, d)
	}
	return s
}

// Advance ends a pass: it measures the gap, and takes a step. O(features³/3) for each weight vector.
func (o *Optimizer) Advance(sum linear.Partial) error {
	s, ok := sum.(*passSum)
	if !ok || s.pass != o.passes || s.learner.features != o.features || len(s.sums) != len(o.searches) {
		return errors.New("linear.interior: the sum is that of another learner or pass")
	}
	if s.rows == 0 {
		return errors.New("no rows to learn from")
	}
	if o.rows, o.weight = s.rows, s.weight; !(o.weight > 0) {
		return errors.New("no rows of a weight above 0 to learn from")
	}
	for k, p := range o.searches {
		if !p.Done {
			if err := o.advance(p, s.sums[k]); err != nil {
				return err
			}
		}
	}
	o.passes++
	return nil
}

// free reports whether there is an intercept.
func (o *Optimizer) free() bool { return *o.options.FitIntercept }

func (o *Optimizer) advance(p *search, s *sums) error {
	point := p.Points[len(p.Points)-1]
	l1, l2 := o.split()
	s.divide(o.weight)
	of := o.coefficients(p)
	square := kernel.Dot(point[:o.features], point[:o.features])
	objective := s.loss + of.loss + float64(l2*square)/2
	if objective-objective != 0 {
		return errors.New("the objective overflows: standardise the features, or scale the target down")
	}
	before := p.gap()
	if o.passes == 0 {
		p.Extremes = s.extremes
		p.Objective, p.Start, before = math.Inf(1), objective, math.Inf(1)
	}
	bound := o.bound(p, &s.slopes)
	p.Bound = max(p.Bound, bound)
	if p.Trims > 0 {
		o.trimmed(p, point, objective, of.inside)
		return nil
	}
	if objective < p.Objective {
		p.Objective, p.Best = objective, slices.Clone(point)
	}
	rest := slices.Clone(s.slopes.Slope) // what the gradient at these slopes leaves
	kernel.Add(l2, point[:o.features], rest[:o.features])
	kernel.Add(1, of.slope, rest[:len(of.slope)])
	// What the losses and l1 are above the lines of rows and coefficients.
	open := s.loss - s.slopes.At - kernel.Dot(s.slopes.Slope, point) + of.loss - kernel.Dot(of.slope,
		point[:len(of.slope)])
	if p.Since++; p.gap() < 0.9*before {
		p.Since = 0
	}
	stuck := p.Since >= patience && p.gap() <= Certified*p.scale() ||
		o.corners.curve == 0 && p.Since >= short && p.gap() <= near*p.scale()
	if p.gap() <= o.closed*p.scale() || stuck {
		if l1 == 0 || !o.trim(p, of.inside) {
			p.end()
		}
		return nil
	}
	left := kernel.Dot(rest[:o.features], rest[:o.features]) / (2 * l2)
	if l1 > 0 {
		left = max(objective-bound-open, 0)
	}
	kernel.Add(1, s.residual, rest)
	kernel.Add(1, of.residual, rest[:len(of.residual)])
	step := o.step(s.second, rest, of.rate, l2)
	next := slices.Clone(point)
	kernel.Add(1, step, next)
	if norm := kernel.Dot(next, next); norm-norm != 0 {
		return errors.New("a step that overflows: standardise the features")
	}
	barrier := lower(p.Barrier[len(p.Barrier)-1], open, left)
	p.Points, p.Barrier = append(p.Points, next), append(p.Barrier, max(barrier, leastBarrier*p.scale()))
	return nil
}

// end ends a search.
func (p *search) end() { p.Done, p.Points, p.Barrier, p.Extremes = true, nil, nil, [2]line{} }

// trimmed takes a point with coefficients that are 0 as the best one where its gap is as small, or tries fewer of them.
func (o *Optimizer) trimmed(p *search, point []float64, objective float64, inside []float64) {
	if objective-p.Bound <= max(p.gap(), granted*o.closed*p.scale()) {
		p.Objective, p.Best = objective, slices.Clone(point)
	} else if o.trim(p, inside) {
		return
	}
	p.end()
}

// lower is the next weight of the barrier. It goes down with what is open between losses and lines, half of which a
// weight that is kept would be: fast where the gradient leaves next to nothing, and slowly where it leaves more than
// that, as slopes are then far from what they should be.
func lower(barrier, open, left float64) float64 {
	share, least := 0.3, 0.03
	if left < 0.01*open {
		share = 0.05
	}
	if left > open {
		least = 0.5
	}
	return min(max(least*barrier, share*open/2), barrier)
}

// leastBarrier is where the barrier is rounding.
const leastBarrier = 1e-14

// bound is what no objective is below, by a line below the losses.
func (o *Optimizer) bound(p *search, l *line) float64 {
	at, slope, last := l.At, slices.Clone(l.Slope), o.features
	if o.free() && slope[last] != 0 {
		other := &p.Extremes[0] // whose slopes are the greatest
		if slope[last] > 0 {
			other = &p.Extremes[1]
		}
		share := slope[last] / (slope[last] - other.Slope[last])
		at += float64(share * (other.At - at))
		for j, v := range other.Slope {
			slope[j] += float64(share * (v - slope[j]))
		}
	}
	return o.below(at, slope[:last])
}

// step is −(second derivatives)⁻¹·rest, those of coefficients' corners by their rates.
func (o *Optimizer) step(second, rest, rates []float64, l2 float64) []float64 {
	d, w := o.features, o.width()
	if o.free() {
		d = w
	}
	a := panel.Triangle(second).Full(d, w)
	for j := range o.features {
		a[j*d+j] += l2
	}
	for j, rate := range rates {
		a[j*d+j] += rate
	}
	b := slices.Clone(rest[:d])
	kernel.Scale(-1, b)
	return append(dense.DampedSolve(a, d, b), make([]float64, w-d)...)
}

// Model is the best model so far. It predicts and can be saved, but there is no going on with it.
func (o *Optimizer) Model() (*linear.Model, error) {
	if o.passes == 0 {
		return nil, errors.New("linear.interior: no pass has been made")
	}
	m := &linear.Model{
		Task: o.options.Task, Loss: o.options.Loss, FeatureNames: slices.Clone(o.FeatureNames),
		Classes:  o.options.Classes.Clone(),
		Options:  o.options,
		Training: linear.Training{Solver: "exact", Rows: o.rows, Epochs: o.passes, ClassRows: slices.Clone(o.ClassRows)},
	}
	m.Options.Classes = linear.Classes{}
	if o.Scaler != nil {
		m.Scaler = o.Scaler.Clone()
	}
	for _, p := range o.searches {
		m.Coef = append(m.Coef, slices.Clone(p.Best[:o.features]))
		m.Intercept = append(m.Intercept, p.Best[o.features])
		m.Training.Objective = append(m.Training.Objective, p.Objective)
		m.Training.Gap = max(m.Training.Gap, p.gap())
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
		{Name: "class_sizes", Value: (*jsontext.BitFloats)(&o.ClassSizes)},
		{Name: "max_passes", Value: &o.MaxPasses},
		{Name: "passes", Value: &o.passes},
		{Name: "rows", Value: &o.rows},
		{Name: "weight", Value: &o.weight},
		{Name: "searches", Value: jsontext.Items(&o.searches, func(s **search) jsontext.Object {
			if *s == nil {
				*s = &search{}
			}
			return (*s).fields()
		})},
	}
}

func (s *search) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "points", Value: &s.Points},
		{Name: "barrier", Value: &s.Barrier},
		{Name: "best", Value: &s.Best},
		{Name: "objective", Value: &s.Objective},
		{Name: "start", Value: &s.Start},
		{Name: "bound", Value: &s.Bound},
		{Name: "since", Value: &s.Since},
		{Name: "trims", Value: &s.Trims, Optional: true},
		{Name: "done", Value: &s.Done},
		{Name: "extremes", Value: &s.Extremes},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (o *Optimizer) MarshalJSON() ([]byte, error) { return o.fields().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (o *Optimizer) UnmarshalJSON(b []byte) error {
	var s Optimizer
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	if s.features > len(b) {
		return errState
	}
	p, err := NewOptimizer(s.options, s.features)
	if err != nil {
		return err
	}
	if len(p.searches) != len(s.searches) || s.passes < 0 || s.rows < 0 || !(s.weight >= 0) {
		return errState
	}
	for _, v := range s.searches {
		if !v.fits(s.passes, p.width()) {
			return errState
		}
	}
	p.FeatureNames, p.Scaler, p.ClassRows, p.ClassSizes, p.MaxPasses = s.FeatureNames, s.Scaler, s.ClassRows, s.ClassSizes,
		s.MaxPasses
	p.passes, p.rows, p.weight, p.searches = s.passes, s.rows, s.weight, s.searches
	*o = *p
	return nil
}

var errState = errors.New("linear.interior: a state that contradicts itself")

// fits reports whether a search that was read is one of so many passes and numbers a point.
func (s *search) fits(passes, width int) bool {
	sized := func(l jsontext.BitFloats) bool { return len(l) == width }
	if passes > 0 && !sized(s.Best) || s.Trims < 0 || s.Trims > len(trims) || s.Trims > 0 && passes == 0 {
		return false
	}
	if s.Done {
		return passes > 0 && s.Points == nil && s.Barrier == nil
	}
	extremes := passes == 0 || sized(s.Extremes[0].Slope) && sized(s.Extremes[1].Slope)
	return extremes && len(s.Points) == passes+1 && len(s.Barrier) == passes+1 &&
		!slices.ContainsFunc(s.Points, func(l jsontext.BitFloats) bool { return !sized(l) }) &&
		!slices.ContainsFunc(s.Barrier, func(v float64) bool { return !(v > 0) || math.IsInf(v, 1) })
}
