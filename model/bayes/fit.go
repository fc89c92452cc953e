package bayes

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/linear/drift"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/survey"
	"beamlearn/model/vectors"
)

// FitOptions are what to learn, and how.
type FitOptions struct {
	// Options are those of the model. Their Smoothing is the only one, or the first, of Smoothings.
	Options Options `json:"options"`
	// Smoothings are compared by cross-validation, where they are several. Default: that of Options.
	Smoothings []float64 `json:"smoothings,omitempty"`
	// Folds is the number of those of a cross-validation. Default: 5 with several Smoothings, otherwise 0: none.
	Folds int `json:"folds,omitempty"`
	// Seed tells the folds.
	Seed uint64 `json:"seed"`
	// Scoring is the score that Smoothings are chosen by. Default: neg_log_loss.
	Scoring string `json:"scoring,omitempty"`
	// WarmStart is a model whose rows count as well. Optional.
	WarmStart *Model `json:"-"`
	// Progressive says to predict each row by WarmStart before it is learned from: [Fit.Progressive]. Default: false.
	Progressive bool `json:"progressive,omitempty"`
	// Widths are of Categorical: how many features each column of a table has, one of which is 1. Default: features are
	// numbers of categories.
	Widths []int `json:"widths,omitempty"`
}

// Scorings are the scores that Smoothings can be chosen by.
var Scorings = []string{"neg_log_loss", "accuracy", "f1", "f1_macro", "roc_auc"}

// EnsureDefaults fills in what is not set.
func (o *FitOptions) EnsureDefaults() {
	if len(o.Smoothings) == 0 {
		o.Smoothings = []float64{o.Options.Smoothing}
	}
	if o.Folds == 0 && len(o.Smoothings) > 1 {
		o.Folds = 5
	}
}

// Validate reports every fault of the options at once.
func (o *FitOptions) Validate() error {
	errs := []error{o.Options.Validate()}
	if !slices.Contains(Kinds, o.Options.Kind) {
		return errs[0]
	}
	for i, v := range o.Smoothings {
		if err := o.Options.Kind.checkSmoothing(v); err != nil && v != o.Options.Smoothing {
			errs = append(errs, err)
		}
		if slices.Contains(o.Smoothings[:i], v) {
			errs = append(errs, fmt.Errorf("%s: %v is given twice", o.Options.Kind.SmoothingName(), v))
		}
	}
	if o.Folds != 0 && (o.Folds < 2 || o.Folds > folds.Max) {
		errs = append(errs, fmt.Errorf("folds %d: must be from 2 to %d", o.Folds, folds.Max))
	}
	if o.Folds == 0 && len(o.Smoothings) > 1 {
		errs = append(errs, fmt.Errorf("%d values of %s: are compared by folds",
			len(o.Smoothings), o.Options.Kind.SmoothingName()))
	}
	if o.Scoring != "" && (o.Folds == 0 || !slices.Contains(Scorings, o.Scoring)) {
		errs = append(errs, fmt.Errorf("scoring %q: must be one of %s, and needs folds",
			o.Scoring, linear.Join(Scorings)))
	}
	if o.Progressive && o.WarmStart == nil {
		errs = append(errs, errors.New("progressive: there is no model by which rows could be predicted: needs warm_start"))
	}
	if o.Folds > 0 && o.WarmStart != nil {
		errs = append(errs,
			errors.New("folds: the rows of the model of warm_start are in none, so that nothing could be compared"))
	}
	return errors.Join(errs...)
}

// maxNumbers bounds the numbers in the sums of all classes: 256 MiB.
const maxNumbers = 32 << 20

// Fit learns a classifier in one pass over the rows, or, where degrees of smoothing are compared, in three: the
// classes and the folds, the sums of each fold, and how well each row is predicted by those of the other folds. It is
// a [linear.Learner], and not safe for concurrent use, but its parts are.
type Fit struct {
	options FitOptions
	shape   shape
	names   []string
	passes  int

	survey *survey.Survey // of the labels; done where there are folds and a pass has been made
	model  *Model         // when the sums are there
	cv     *linear.CVResult
	held   *held     // where the next pass judges
	scores *heldPart // of which cv follows

	before *Predictor    // by which rows are judged before they are learned from; nil: they are not
	judged *drift.Judged // of all rows, when they are

	encoding  *features.Encoding
	zeroBased bool
}

// NewFit begins a fit of rows with so many features, and names for them or nil.
func NewFit(o FitOptions, columns int, names []string) (*Fit, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.Options.Smoothing = o.Smoothings[0]
	if columns < 1 {
		return nil, fmt.Errorf("%d columns: there must be at least one", columns)
	}
	width := 0
	for _, w := range o.Widths {
		width += w
	}
	if o.Widths != nil && width != columns {
		return nil, fmt.Errorf("columns of %d features, there are %d", width, columns)
	}
	f := &Fit{options: o, names: slices.Clone(names), shape: shape{
		kind: o.Options.Kind, features: columns, ragged: o.Options.Kind == Categorical && o.Widths == nil,
		binarize: o.Options.Binarize,
	}}
	if w := o.WarmStart; w != nil {
		if err := f.follows(w); err != nil {
			return nil, fmt.Errorf("the model of warm_start %w", err)
		}
		if o.Progressive {
			f.before = w.Predictor()
		}
	}
	return f, f.begin()
}

// follows says why the rows cannot follow those of a model.
func (f *Fit) follows(w *Model) error {
	o := &f.options.Options
	switch {
	case w.Options.Kind != o.Kind:
		return fmt.Errorf("is %s, not %s", w.Options.Kind, o.Kind)
	case w.features != f.shape.features:
		return fmt.Errorf("has %d features, the rows have %d columns", w.features, f.shape.features)
	case w.FeatureNames != nil && f.names != nil && !slices.Equal(w.FeatureNames, f.names):
		return fmt.Errorf("has other feature names than the rows have columns: %s, not %s", fault.Names(w.FeatureNames),
			fault.Names(f.names))
	case o.Kind == Bernoulli && w.Options.Binarize != o.Binarize:
		return fmt.Errorf("has counted values above %v, not %v", w.Options.Binarize, o.Binarize)
	case !slices.Equal(w.widths, f.options.Widths):
		return errors.New("has other categories")
	}
	return nil
}

// begin makes the survey of the labels.
func (f *Fit) begin() (err error) {
	if f.survey, err = survey.NewSurvey(linear.Classification, 1, false); err == nil && f.options.Folds > 0 {
		f.survey.Stratify(f.options.Folds, f.options.Seed)
	}
	return err
}

// Kind tells a state of a fit from others.
func (f *Fit) Kind() string { return StateKind }

// StateKind is that of states of a [Fit].
const StateKind = "bayes"

// batchRows is how many rows are summed up at a time.
const batchRows = 2048

// Pass says how the rows of the next pass are to be given.
func (f *Fit) Pass() fitting.Pass {
	p := fitting.Pass{Number: f.passes, Batch: batchRows, First: f.passes == 0, Name: "summing up the classes"}
	switch {
	case f.looks():
		p.Name = "looking at the labels"
	case f.held != nil:
		p.Name = "judging by the other folds"
	}
	return p
}

// looks reports whether the next pass only looks at the labels, of which the folds follow.
func (f *Fit) looks() bool { return f.options.Folds > 0 && !f.survey.Done() }

// Passes is how many passes have been made.
func (f *Fit) Passes() int { return f.passes }

// MostPasses is how many passes there are left.
func (f *Fit) MostPasses() int {
	if f.options.Folds > 0 {
		return 3 - f.passes
	}
	return 1 - f.passes
}

// Done reports whether there is a model.
func (f *Fit) Done() bool { return f.MostPasses() == 0 }

// Model is the classifier, when it is learned.
func (f *Fit) Model() *Model {
	f.model.Encoding, f.model.ZeroBased = f.encoding, f.zeroBased
	return f.model
}

// CV is the cross-validation, when it is done; nil without one.
func (f *Fit) CV() *linear.CVResult { return f.cv }

// Progressive is how the model of WarmStart predicted the rows, when they are learned from; nil unless that was asked
// for.
func (f *Fit) Progressive() *drift.Judged { return f.judged }

// Reads says how rows become numbers, for the model.
func (f *Fit) Reads(e *features.Encoding, zeroBased bool) { f.encoding, f.zeroBased = e, zeroBased }

// Skip is for passes over samples, of which there are none.
func (f *Fit) Skip(linear.Partial, int64) {}

// Domain is what values may be: counts are from 0 on, and categories small integers.
func (f *Fit) Domain() vectors.Domain {
	switch {
	case f.shape.ragged:
		return vectors.Domain{{
			Column: vectors.EveryColumn, High: maxCategories - 1, Whole: true,
			Expected: fmt.Sprintf("a category, an integer from 0 to %d (--encode=auto takes any values)", maxCategories-1),
		}}
	case f.shape.kind == Multinomial || f.shape.kind == Complement:
		return vectors.Domain{{Column: vectors.EveryColumn, High: math.MaxFloat64, Expected: "a count, from 0 on"}}
	}
	return nil
}

// Notes are what is to be told as soon as it is known: which classes are not in every fold.
func (f *Fit) Notes() []string {
	if f.options.Folds == 0 || !f.survey.Done() || len(f.survey.Rare) == 0 {
		return nil
	}
	return []string{folds.Text(f.survey.Rare, &f.survey.Classes, f.survey.Folds) +
		": the other folds know too little of it, so that scores are too low"}
}

// Partial begins a part of the next pass. It may be called by one goroutine at a time.
func (f *Fit) Partial(part, parts int) linear.Partial {
	switch {
	case f.looks():
		return &lookPart{f.survey.Partial(part, parts)}
	case f.held != nil:
		return newHeldPart(f.held)
	}
	return newSumPart(f)
}

// Advance ends a pass.
func (f *Fit) Advance(sum linear.Partial) error {
	if f.Done() {
		return errors.New("bayes.Fit: the model is learned")
	}
	var err error
	switch p := sum.(type) {
	case *lookPart:
		err = f.survey.Advance(p.Partial)
	case *sumPart:
		err = f.take(p)
	case *heldPart:
		err = f.judge(p)
	default:
		err = fmt.Errorf("bayes.Fit: a sum of type %T", sum)
	}
	if err == nil {
		f.passes++
	}
	return err
}

// take makes the model of the sums of all rows, and, where there are folds, what judges each.
func (f *Fit) take(p *sumPart) error {
	classes, err := f.classes(p)
	if err != nil {
		return err
	}
	byFold, alls, err := p.byClass(classes)
	if err != nil {
		return err
	}
	f.judged = p.judged
	return f.build(p.rows, classes, byFold, alls)
}

// build makes the model of the tallies by fold and class, and of those of all rows of each fold, or nil.
func (f *Fit) build(rows int64, classes *linear.Classes, byFold [][]*tally, alls []*tally) (err error) {
	m := &Model{Options: f.options.Options, FeatureNames: f.names, Rows: rows, Classes: *classes,
		features: f.shape.features, widths: f.options.Widths}
	m.tallies, m.all = sumFolds(byFold), mergeAll(alls)
	if w := f.options.WarmStart; w != nil {
		m.Rows += w.Rows
		m.goOn(w)
	}
	if err := m.usable(); err != nil {
		return err
	}
	if f.options.Folds > 0 {
		if f.held, err = f.hold(m, byFold, alls); err != nil {
			return err
		}
	} else {
		m.finish()
	}
	f.model = m
	return nil
}

// classes are those of the rows, and of the model to go on from.
func (f *Fit) classes(p *sumPart) (*linear.Classes, error) {
	if f.options.Folds > 0 {
		return &f.survey.Classes, nil
	}
	if w := f.options.WarmStart; w != nil {
		c := &linear.Chunk{Target: w.Classes.Numbers, Labels: w.Classes.Texts}
		if err := p.labels.PartialFit(onlyLabels(c, w.Classes.Len())); err != nil {
			return nil, err
		}
	}
	if err := f.survey.Advance(p.labels); err != nil {
		return nil, err
	}
	return &f.survey.Classes, nil
}

// goOn adds the sums of an earlier model.
func (m *Model) goOn(w *Model) {
	if m.all != nil || w.all != nil { // rows with weights among them
		for _, side := range []*Model{m, w} {
			if side.all == nil {
				side.all = mergeAll(side.tallies)
			}
		}
		m.all.merge(w.all)
	}
	for k, t := range w.tallies {
		m.tallies[m.place(&w.Classes, k)].merge(t)
	}
}

// place is that of class k of others.
func (m *Model) place(others *linear.Classes, k int) int {
	if len(others.Numbers) > 0 && len(m.Classes.Numbers) > 0 {
		at, _ := slices.BinarySearch(m.Classes.Numbers, others.Numbers[k])
		return at
	}
	at, _ := slices.BinarySearch(m.Classes.Texts, others.Label(k))
	return at
}

// usable says what no classifier can be made of.
func (m *Model) usable() error {
	for k, t := range m.tallies {
		if !(t.weight.value(0) > 0) {
			return fault.File("", "rows of a weight above 0 in each class", "none of class %s", fault.Quote(m.Classes.Label(k)))
		}
		if !t.finite() {
			return errors.New("the sums of the rows are beyond what float64 holds: divide the columns by some power of ten")
		}
	}
	if err := m.checkPrior(); err != nil {
		return err
	}
	if m.Options.Kind != Gaussian {
		return nil
	}
	for k, row := range m.Var() {
		for j, v := range row {
			if v-v != 0 {
				return fmt.Errorf("%s: its variance is beyond what float64 holds: divide it by some power of ten", m.column(j))
			}
			if v < leastVariance {
				return fmt.Errorf("%s: its variance in class %s is %v, and nothing is added: take a greater --var_smoothing, "+
					"or columns that vary", m.column(j), m.Classes.Label(k), v)
			}
		}
	}
	return nil
}

// leastVariance is one whose inverse float64 holds.
const leastVariance = 1e-300

// finish makes of each sum its nearest float64, and the rest, as a file has it.
func (m *Model) finish() {
	for _, t := range m.tallies {
		t.normalise()
	}
	if m.all != nil {
		m.all.normalise()
	}
}

// column is the name of column j, or its index.
func (m *Model) column(j int) string { return columnName(m.FeatureNames, j) }

func columnName(names []string, j int) string {
	if names != nil {
		return names[j]
	}
	return fmt.Sprintf("column %d", j)
}

// mergeAll is the sum of tallies; nil where the first is.
func mergeAll(all []*tally) *tally {
	if len(all) == 0 || all[0] == nil {
		return nil
	}
	sum := all[0].clone()
	for _, t := range all[1:] {
		sum.merge(t)
	}
	return sum
}

// sumFolds is the sum of the tallies of all folds, by class.
func sumFolds(byFold [][]*tally) []*tally {
	out := make([]*tally, len(byFold[0]))
	for k := range out {
		if out[k] = byFold[0][k]; len(byFold) > 1 {
			of := make([]*tally, len(byFold))
			for f := range byFold {
				of[f] = byFold[f][k]
			}
			out[k] = mergeAll(of)
		}
	}
	return out
}

// onlyLabels is the targets and labels of a chunk of n rows, in rows of nothing.
func onlyLabels(c *linear.Chunk, n int) *linear.Chunk {
	return &linear.Chunk{
		Features: 1, Sparse: &linear.CSR{Offsets: make([]int, n+1)}, Target: c.Target, Labels: c.Labels,
		Weights: c.Weights, File: c.File, Numbers: c.Numbers, IDs: c.IDs,
	}
}

// lookPart is a part of a survey of labels.
type lookPart struct{ linear.Partial }

// PartialFit looks at the labels of a chunk.
func (p *lookPart) PartialFit(c *linear.Chunk) error {
	return p.Partial.PartialFit(onlyLabels(c, c.Len()))
}

// Merge adds what the next part has seen.
func (p *lookPart) Merge(next linear.Partial) error {
	q, ok := next.(*lookPart)
	if !ok {
		return fmt.Errorf("bayes: a look and a %T", next)
	}
	return p.Partial.Merge(q.Partial)
}
