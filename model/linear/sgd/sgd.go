// Package sgd learns linear models by stochastic gradient descent, one chunk of rows at a time, with the names and
// the meaning of scikit-learn's SGDRegressor, SGDClassifier and SGDOneClassSVM.
//
// [SGD] is what learns: [SGD.PartialFit] takes a chunk, dense or sparse, and updates the weights row by row, in the
// order given. [SGD.Model] makes a model of them. [Averaged] is SGD in passes over parts of the rows; [Progressive]
// validates on the way.
//
// # What equals scikit-learn
//
// With shuffle=False and the same chunks, coefficients and intercepts are those of scikit-learn 1.9.1 in float64
// after every call of partial_fit, up to rounding: sums have another order, eight lanes and a fixed tree
// (model/internal/kernel), and exp is Go's. What that does to the coefficients depends on how stable the descent is;
// model/linear/testdata/README.md has figures. Where rows are sparse, the intercept moves by a hundredth of its step,
// and the l1 penalty reaches a weight only when a row has its feature, as there. The l1 penalty starts afresh with
// every chunk, as there.
//
// # What differs, on purpose
//
//   - Averaging in classifiers: the intercept that goes on learning is kept from chunk to chunk, and the averaged
//     intercept is an average. scikit-learn 1.9.1 forgets the first and overwrites the second.
//   - A class need not be declared, nor be in the first chunk: see [linear.Options.Classes]. Where it comes late, the
//     model is the same as if it had been declared.
//   - ClassWeight "balanced" counts while rows stream by: the weights for a chunk are n/(classes · rows of the class)
//     over all rows up to its end.
//   - Rows held out do not count in the number of the row, on which step sizes depend, so that it is the same in any
//     chunks.
//   - Tol and EarlyStopping work across chunks, as [SGD.EndEpoch] says where an epoch ends; adaptive learning rates,
//     which partial_fit resets there, persist. The score of early stopping is that of the model (scikit-learn 1.9.1
//     forgets the weights' scale, and for log_loss counts true positives only), on rows that the model meets, as it
//     stands then, in the same pass.
//   - The norms in the objective of sparse rows are those of the whole weight vector.
//   - Weights that overflow stop the trainer for good: no model is ever made of them.
//
// AdaGrad has no counterpart there: [steps.Columns] has its formulas, testdata/adagrad.py these in numpy. Nor has
// Newton, whose weights are the least of quadratic functions that rows add up to: see newton.go. Its steps come every
// 64 rows and more: whoever takes its model in the middle of an epoch, and resumes, begins another. [SGD.Start] lets it
// begin with a sample; [SGD.StartWide] makes of AdaGrad's epochs sums over all rows, by a sample, too: see
// surrogate.go.
//
// Rows are never shuffled here: the order is the caller's.
package sgd

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/steps"
)

// SGD learns a linear model by stochastic gradient descent, one chunk after the other. It is not safe for concurrent
// use. Memory: one vector of float64 for each weight vector (one, or one for each of more than two classes, and one
// more for classes unseen, see [Options.Classes]), twice that with averaging, one more with an l1 penalty; by AdaGrad
// four, or eight with l1, and two for all vectors together; by Newton features²/2 or two or three times as many, and a
// block of 64 rows.
type SGD struct {
	// FeatureNames are what the model says. Optional; set them before Model.
	FeatureNames []string
	// Scaler standardises every row before it is learned from, and goes with the model. Optional; set it before
	// PartialFit. For sparse rows it must be one without WithMean.
	Scaler *linear.StandardScaler
	// Progressive judges every row just before it is learned from, up to the first EndEpoch. Optional; set it before
	// PartialFit. A classification must have declared its classes. It takes about a tenth of the time; after [SGD.Start],
	// which has seen rows to be judged, as much again, as a trainer without a start learns beside it to judge them.
	Progressive *Progressive

	options  linear.Options
	rule     steps.Rule
	features int

	// Classification: vector i is for class i and against all others; with two classes there is vector 0, for class 1.
	// Other tasks have vector 0.
	vectors []*vector
	classes linear.Classes
	counts  []int64 // rows of each class
	// Where classes need not be declared, unseen has learned every row as one of another class. Until there are two
	// classes it is the only vector.
	unseen *vector

	block   *rowBlock // of Newton; nil before the first row
	unbegun *SGD      // judges the rows of the first epoch in its stead, after Start

	columns   *steps.Columns // of AdaGrad, which all vectors share; otherwise nil
	reference *reference     // of epochs that sum up slopes; otherwise nil

	t         float64 // number of the next row to learn from, counted from 1
	rows      int64
	epochs    int
	epochRows int64
	err       error // the weights overflowed

	scratch []float64
	places  []int32 // of the rows' classes
	judging judge

	likeScikit bool // averages in classifiers as scikit-learn 1.9.1 has them
}

// NewSGD makes a trainer for rows of so many features. It copies the options and fills in their defaults.
func NewSGD(o linear.Options, features int) (*SGD, error) {
	if o.MultiClass == linear.Multinomial {
		return nil, errors.New("multi_class multinomial: sgd learns one against the rest: take ovr")
	}
	if err := o.OnlyExact(); err != nil {
		return nil, err
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if features < 1 {
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	}
	o.EnsureDefaults()
	if n := max(linear.NumVectors(o.Classes.Len()), 1); o.LearningRate == linear.Newton && !Curves(features, n) {
		return nil, fmt.Errorf("learning_rate newton: %d columns and %d weight vectors are too many: take adagrad", features,
			n)
	}
	classes := o.Classes.Clone()
	o.Classes = linear.Classes{}
	s := newSGD(o, features, classes)
	if o.Task == linear.Classification && classes.Len() == 0 {
		s.unseen = newVector(&s.rule, features, s.columns)
	}
	return s, nil
}

// Begin sets the intercept that the first row meets; without Begin it is 0. For a regression, before PartialFit.
func (s *SGD) Begin(intercept float64) {
	if s.options.Task == linear.Regression && s.rule.Intercept {
		s.vectors[0].intercept = intercept
	}
}

// BeginAt sets the intercepts that the first row meets, one for each weight vector, where there is an intercept.
func (s *SGD) BeginAt(intercepts []float64) {
	for i, b := range intercepts {
		if s.rule.Intercept {
			s.vectors[i].intercept = b
		}
	}
}

// newSGD makes a trainer for declared classes, of options that are valid and complete.
func newSGD(o linear.Options, features int, classes linear.Classes) *SGD {
	s := &SGD{options: o, rule: steps.NewRule(&o), features: features, classes: classes,
		counts: make([]int64, classes.Len()), t: 1}
	vectors := 1
	if o.Task == linear.Classification {
		vectors = linear.NumVectors(classes.Len())
	}
	if s.rule.AdaGrad {
		s.columns = steps.NewColumns(features)
	}
	for range vectors {
		s.vectors = append(s.vectors, newVector(&s.rule, features, s.columns))
	}
	return s
}

// PartialFit learns from the rows of a chunk, in their order, once: O(entries) for each weight vector, and
// O(features) for dense chunks, for large ones, and for averaging with an l1 penalty.
//
// The fault of a row (see [fault.IsRow]), in target, class or weight, leaves the trainer as it was. Where weights
// overflow, that chunk and every later call gives the same error, and there will be no model.
func (s *SGD) PartialFit(c *linear.Chunk) error {
	if s.err != nil {
		return s.err
	}
	if err := c.Check(s.options.Task, s.features, s.Scaler); err != nil {
		return err
	}
	if s.Progressive != nil && (s.unseen != nil || s.Progressive.classes() != s.classes.Len()) {
		return fmt.Errorf("linear.SGD: Progressive of %d classes: must be of those that are declared",
			s.Progressive.classes())
	}
	if s.unbegun != nil {
		if err := s.unbegun.PartialFit(c); err != nil {
			return err
		}
	}
	n := c.Len()
	var weights []float64 // of the classes
	if s.options.Task == linear.Classification {
		if err := s.meet(c, n); err != nil {
			return err
		}
		weights = s.options.ClassWeight.Weights(&s.classes, s.counts)
	}
	s.learn(c, n, weights)
	return s.err
}

// meet finds the rows' classes, makes vectors for those that are new, and counts.
func (s *SGD) meet(c *linear.Chunk, n int) error {
	s.places = slices.Grow(s.places[:0], n)[:n]
	unknown, err := s.classes.Encode(s.places, c)
	if err != nil {
		return err
	}
	if unknown.Len() > 0 {
		if s.unseen == nil {
			return &UnforeseenError{c.Undeclared(s.places)}
		}
		s.grow(&unknown)
		if _, err := s.classes.Encode(s.places, c); err != nil {
			return err
		}
	}
	for _, k := range s.places {
		s.counts[k]++
	}
	return nil
}

// grow makes vectors for new classes, as if each had been there from the start: its vector is that of a class unseen.
func (s *SGD) grow(more *linear.Classes) {
	old := s.vectors
	from := s.classes.Join(more)
	counts := make([]int64, len(from))
	for i, k := range from {
		if k >= 0 {
			counts[i] = s.counts[k]
		}
	}
	s.counts = counts
	s.vectors = make([]*vector, linear.NumVectors(len(from)))
	for i := range s.vectors {
		class := i
		if len(from) == 2 {
			class = 1
		}
		switch k := from[class]; {
		case k < 0:
			s.vectors[i] = s.unseen.clone(false)
		case len(old) == 0: // the only class so far: every row has been one of its
			s.vectors[i] = s.unseen.clone(true)
		case len(old) == 1:
			s.vectors[i] = old[0].clone(k == 0)
		default:
			s.vectors[i] = old[k]
		}
	}
}

func (s *SGD) learn(c *linear.Chunk, n int, classWeights []float64) {
	r := &s.rule
	rows := linear.NewRows(c, s.Scaler, s.scratch)
	decay := 1.0
	if c.Sparse != nil {
		decay = steps.SparseDecay
	}
	all := s.all()
	alone := s.beginChunk(all)
	var before []float64
	if s.likeScikit {
		for _, v := range all {
			before = append(before, v.intercept)
		}
	}
	classification := s.options.Task == linear.Classification
	judge := s.judge(c)
	t, bad, held := s.t, -1, 0
	for i := range n {
		x := rows.At(i)
		if s.columns != nil && c.Sparse != nil && i+1 < n {
			next, _ := c.Sparse.Row(i + 1)
			s.fetch(all, next)
		}
		weight, y := 1.0, 1.0
		if c.Weights != nil {
			weight = c.Weights[i]
		}
		if s.options.Task == linear.Regression {
			y = c.Target[i]
		}
		if s.options.EarlyStopping && s.heldOut(c, i) {
			s.score(all, x, i, y, weight, t)
			held++
			if judge != nil {
				judge.leave()
			}
			continue
		}
		if judge != nil {
			judge.begin(i)
		}
		eta, norm2 := r.Eta(t), 0.0
		if r.Passive {
			norm2 = kernel.Dot(x.Val, x.Val)
		}
		if s.columns != nil && !alone {
			s.columns.Begin(r, x, t)
		}
		var ok bool
		if classification {
			place := int(s.places[i])
			ok = s.learnClass(x, place, weight, weight*classWeights[place], eta, t, norm2, decay, judge)
		} else {
			ok = s.vectors[0].learn(r, x, y, weight, eta, t, norm2, decay, judge)
		}
		if !ok && bad < 0 {
			bad = i
		}
		if s.columns != nil && !alone {
			s.columns.End(x, t)
		}
		if r.Newton {
			s.pack(x)
		}
		if r.Rate != linear.PA1 || norm2 != 0 {
			t++
		}
	}
	s.scratch = rows.Scratch
	if judge != nil {
		judge.flush()
	}
	s.endChunk(c, n, bad, before)
	s.t += float64(n - held)
	s.rows += int64(n)
	s.epochRows += int64(n)
}

// beginChunk begins a chunk, and reports whether there is a single vector, which begins and ends the rows of it.
func (s *SGD) beginChunk(all []*vector) (alone bool) {
	if s.rule.Newton && s.block == nil {
		s.block = newRowBlock(s.features)
	}
	alone = len(all) == 1 && all[0].mayBeAlone()
	for _, v := range all {
		if v.alone = alone; s.rule.Track {
			v.squares, v.absolutes = v.norms(kernel.Row{})
		}
	}
	return alone
}

// fetch asks for what AdaGrad has of the columns of the next row.
func (s *SGD) fetch(all []*vector, next []int32) {
	s.columns.Fetch(next)
	for _, v := range all {
		v.fetch(next)
	}
}

// endChunk ends the n rows of a chunk, of which row bad, if it is one, was the first whose step overflowed; before are
// the intercepts that the chunk began with, where they count.
func (s *SGD) endChunk(c *linear.Chunk, n, bad int, before []float64) {
	overflows := bad >= 0
	r := &s.rule
	fold := s.features <= c.Entries() || r.L1 && r.Average > 0
	for i, v := range s.all() {
		v.endChunk(c, fold)
		overflows = overflows || !v.finite(c)
		if s.likeScikit && r.Reports(s.t+float64(n)) {
			v.intercept = before[i]
		}
	}
	if overflows {
		s.err = s.overflow(c, n, bad)
	}
}

// learnClass learns from a row of a class, which has the weight own in the vector of its class; as one of the others,
// it has weight where there are many. It reports whether all steps are finite.
func (s *SGD) learnClass(x kernel.Row, place int, weight, own, eta, t, norm2, decay float64, judge *judge) bool {
	r, classes, ok := &s.rule, s.classes.Len(), true
	if classes == 2 {
		ok = s.vectors[0].learn(r, x, kernel.Sign(place == 1), own, eta, t, norm2, decay, judge)
	} else {
		for k, v := range s.vectors {
			if k == place {
				ok = v.learn(r, x, 1, own, eta, t, norm2, decay, judge) && ok
			} else {
				ok = v.learn(r, x, -1, weight, eta, t, norm2, decay, judge) && ok
			}
		}
	}
	if s.unseen != nil {
		if classes > 1 {
			own = weight
		}
		ok = s.unseen.learn(r, x, -1, own, eta, t, norm2, decay, nil) && ok
	}
	return ok
}

// all is all weight vectors.
func (s *SGD) all() []*vector {
	if s.unseen == nil {
		return s.vectors
	}
	return append(slices.Clip(s.vectors), s.unseen)
}

// learn is a step, unless the vector has done its epochs. It tells judge, if there is one, what it would have
// predicted.
func (v *vector) learn(r *steps.Rule, x kernel.Row, y, weight, eta, t, norm2, decay float64, judge *judge) bool {
	if v.progress.done {
		if judge != nil {
			p := v.dot(x) + v.intercept
			judge.add(p, r.Loss.Slope(p, y))
		}
		return true
	}
	p := v.step(r, x, y, weight, eta, t, norm2, decay)
	if judge != nil {
		judge.add(p, v.slope)
	}
	return p-p == 0
}

// heldOut reports whether row i of the chunk is scored, not learned from.
func (s *SGD) heldOut(c *linear.Chunk, i int) bool {
	number := s.epochRows + int64(i)
	if c.Numbers != nil {
		number = c.Numbers[i]
	}
	return float64(splitmix.Mix(uint64(number))>>11)/(1<<53) < s.options.ValidationFraction
}

// score adds a row held out to the score of each vector: R², or whether the class is the vector's.
func (s *SGD) score(all []*vector, x kernel.Row, i int, y, weight, t float64) {
	if s.options.Task == linear.Regression {
		v := s.vectors[0]
		v.progress.scores.Add(y, v.decision(&s.rule, x, t), weight)
		return
	}
	place := int(s.places[i])
	for k, v := range all {
		positive := k == place
		switch {
		case k == len(s.vectors): // unseen
			positive = false
		case s.classes.Len() == 2:
			positive = place == 1
		}
		v.progress.weight += weight
		if (v.decision(&s.rule, x, t) > 0) == positive {
			v.progress.right += weight
		}
	}
}

func (s *SGD) overflow(c *linear.Chunk, n, bad int) error {
	if bad < 0 {
		bad = n - 1
	}
	number := int64(bad)
	if c.Numbers != nil {
		number = c.Numbers[bad]
	}
	return &UnforeseenError{c.Fault(fault.WholeFile, finiteWeights, "weights that overflow by row %d, with %s", number,
		stepSize(&s.options))}
}

const finiteWeights = "finite weights: standardise the features, or make the steps smaller (a lower eta0, a larger " +
	"alpha, another learning_rate)"

// stepSize says, in an error, what sets the size of the steps.
func stepSize(o *linear.Options) string {
	return fmt.Sprintf("loss %s, learning_rate %s, eta0 %v, alpha %v", o.Loss, o.LearningRate, o.Eta0, *o.Alpha)
}

// clone is a copy, between chunks, that learns by itself.
func (s *SGD) clone() *SGD {
	c := *s
	c.counts = slices.Clone(s.counts)
	c.vectors = make([]*vector, len(s.vectors))
	for i, v := range s.vectors {
		c.vectors[i] = v.clone(false)
	}
	if s.unseen != nil {
		c.unseen = s.unseen.clone(false)
	}
	if s.columns != nil {
		c.columns = s.columns.Clone()
		for _, v := range c.all() {
			v.columns = c.columns
		}
	}
	if s.block != nil {
		c.block = s.block.clone()
	}
	if s.Progressive != nil {
		c.Progressive = s.Progressive.clone()
	}
	if s.unbegun != nil {
		c.unbegun = s.unbegun.clone()
	}
	c.scratch, c.places, c.judging = nil, nil, judge{}
	return &c
}

// EndEpoch says that all rows have been learned from once, and reports whether learning is over: NIterNoChange epochs
// in a row have not improved by Tol the mean over the epoch's rows of loss and penalty, each before the row was
// learned from, or, with EarlyStopping, the score of the rows held out (R², or the share of rows rightly told to be
// of a class or not). Of several vectors each is judged, and stops, by itself. Without Tol it reports false. The
// Adaptive rate divides its step size by 5, down to 1e-6, before it stops.
func (s *SGD) EndEpoch() (done bool) {
	s.judged()
	s.settle()
	if s.rule.Newton {
		s.endCurves()
	}
	s.epochs++
	s.epochRows = 0
	if s.Progressive != nil {
		s.Progressive.Ended = true
	}
	if s.options.Tol == nil {
		return false
	}
	for _, v := range s.all() {
		v.endEpoch(&s.options)
	}
	for _, v := range s.vectors {
		if !v.progress.done {
			return false
		}
	}
	return len(s.vectors) > 0
}

// settle lets AdaGrad's weights have all penalties that are due, and begins to count these anew; and Newton's become
// the least of all rows so far.
func (s *SGD) settle() {
	if s.rule.Newton {
		s.settleCurves()
	}
	if s.columns == nil {
		return
	}
	for _, v := range s.all() {
		if a := v.adaptive(); !v.progress.done && s.reference == nil {
			v.columns.Settle(&s.rule, &a, s.t)
			v.endL1()
		}
	}
	s.columns.Settled(s.t)
}

var errNoClasses = errors.New("a classifier needs rows of at least two classes")

// Model is the model as it stands, with what it takes to go on: see [Resume]. It is a copy. It fails before there are
// two classes, and after an overflow.
func (s *SGD) Model() (*linear.Model, error) {
	if s.err != nil {
		return nil, s.err
	}
	if len(s.vectors) == 0 {
		if s.classes.Len() == 1 {
			return nil, fmt.Errorf("%w: all have %s", errNoClasses, fault.Quote(s.classes.Label(0)))
		}
		return nil, errNoClasses
	}
	if s.rule.Newton {
		s = s.clone()
		s.settle()
	}
	m := &linear.Model{
		Task:         s.options.Task,
		Loss:         s.options.Loss,
		FeatureNames: slices.Clone(s.FeatureNames),
		Classes:      s.classes.Clone(),
		Options:      s.options,
		Training:     linear.Training{Solver: "sgd", Rows: s.rows, Epochs: s.epochs, ClassRows: slices.Clone(s.counts)},
		State:        s.state(),
	}
	if s.Scaler != nil {
		m.Scaler = s.Scaler.Clone()
	}
	for _, v := range s.vectors {
		w, b := v.coef(&s.rule, s.t)
		if s.rule.OneClass {
			b -= 1 // the offset of the decision
		}
		m.Coef = append(m.Coef, w)
		m.Intercept = append(m.Intercept, b)
	}
	return m, m.Validate()
}

// UnforeseenError is what a survey of all rows would have prevented, perhaps: a class that is not declared, or steps
// that are too large.
type UnforeseenError struct{ error }

func (e *UnforeseenError) Unwrap() error { return e.error }
