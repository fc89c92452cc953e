// Package fitting learns a linear model from start to end, by the learners that its options ask for: see [Fit].
package fitting

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/linear/dual"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
	"beamlearn/model/vectors"
)

// Fit learns a model from start to end, a [Learner] that goes through others: a [Survey] of the rows where one is
// needed; a cross-validation if there is one, by the solver that makes the model, a [FoldGram], a [CrossFit] or a
// [Grid], each of which gives the model, too; and otherwise by [Gram], [Optimizer] or [Averaged] the model. The sums
// of least squares need no survey, and give cross-validation and model in one pass.
type Fit struct {
	options  FitOptions
	features int
	names    []string

	passes      int
	full        bool           // the sample was not enough
	stage       stage          // nil: the model is learned
	learner     linear.Learner // of the stage
	survey      *survey.Survey
	chosen      linear.Options // after cross-validation: those of the best pair
	cv          *linear.CVResult
	model       *linear.Model
	progressive *sgd.Progressive
	fitted      *linear.RegressionMetrics // of the model on the rows that it was learned from; nil where sums do not tell
	warnings    []string                  // found out in passing

	// What a stage hands to the next, which takes it when it begins.
	weights *dual.Weights
	start   *dual.Weights
}

// NewFit makes a fit for rows of so many columns, with these names, which must not change, or none. It copies the
// options and fills in their defaults.
func NewFit(o FitOptions, features int, names []string) (*Fit, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	f := &Fit{options: o, features: features, names: names, chosen: o.base()}
	if x := o.Options.Exposure; x != nil && x.Feature >= features {
		return nil, fmt.Errorf("exposure: feature %d of %d", x.Feature, features)
	}
	if w := o.WarmStart; w != nil {
		if w.Features() != features {
			return nil, fmt.Errorf("the model of warm_start has %d features, the rows have %d columns", w.Features(), features)
		}
		if w.FeatureNames != nil && names != nil && !slices.Equal(w.FeatureNames, names) {
			return nil, fmt.Errorf("the model of warm_start has other feature names than the rows have columns: %s, not %s",
				fault.Names(w.FeatureNames), fault.Names(names))
		}
	}
	if err := fewWeights(features, 1); err != nil {
		return nil, err
	}
	if o.Inference != "" && features > MaxExactFeatures {
		return nil, fmt.Errorf("inference: is of up to %d columns, there are %d", MaxExactFeatures, features)
	}
	if o.Options.Positive && features > MaxExactFeatures {
		return nil, fmt.Errorf("positive: is of up to %d columns, there are %d", MaxExactFeatures, features)
	}
	if o.exact(features) && !o.smooth() && features > MaxExactFeatures && !o.screens(features) {
		return nil, fmt.Errorf("penalty %s: solver exact takes it with the loss %s of up to %d columns, there are %d: "+
			"take l2, or --solver=sgd",
			o.Options.Penalty, o.Options.Loss, MaxExactFeatures, features)
	}
	if o.exact(features) && o.corners() && features > MaxExactFeatures {
		return nil, fmt.Errorf("loss %s: solver exact takes it of up to %d columns, there are %d%s", o.Options.Loss,
			MaxExactFeatures, features, o.instead())
	}
	if err := f.enter(o.first(features)); err != nil {
		return nil, err
	}
	return f, nil
}

// fewWeights reports that a model would have more weights than it may.
func fewWeights(features, vectors int) error {
	if features <= MaxWeights/vectors {
		return nil
	}
	what := fmt.Sprintf("%d columns", features)
	if vectors > 1 {
		what += fmt.Sprintf(" of %d classes", vectors)
	}
	return fmt.Errorf("%s are more weights than the %d that a model may have: number the columns that occur from 1 on, "+
		"or leave some out",
		what, MaxWeights)
}

// instead is what to take where there is no exact solver, if there is anything.
func (o *FitOptions) instead() string {
	if o.Options.OnlyExact() != nil {
		return ""
	}
	return ": take --solver=sgd"
}

// epochs is how many there are of SGD.
func (f *Fit) epochs() int {
	if f.options.Epochs > 0 {
		return f.options.Epochs
	}
	return DefaultEpochs(f.survey.Rows)
}

// DefaultEpochs is how many epochs of SGD so many rows get: until a million are seen, and at most 20.
func DefaultEpochs(rows int64) int { return int(min(max((1_000_000+rows-1)/max(rows, 1), 1), 20)) }

// SampleRows is about how many rows of all are in a sample.
const SampleRows = 1 << 15

// Pass says how the rows of the next pass are to be given.
type Pass struct {
	Number  int    // of passes before
	Name    string // what it is for
	Batch   int    // rows in a PartialFit
	Shuffle bool   // whether they may come in another order
	Mix     bool   // whether each batch takes rows from many places; with Shuffle
	// Sample: SampleRows rows from everywhere are enough, where there are more; [Fit.Skip] is told how many are left
	// out. They must be the same whenever the same rows are learned from. A sample decides what the classes are, their
	// shares, and the size of rows, from which the size of steps follows; where learning then meets another class, or
	// weights overflow, all begins anew with a survey of all rows.
	Sample bool
	First  bool // it is the first over all rows
}

// Pass says how the rows of the next pass are to be given.
func (f *Fit) Pass() Pass {
	p := Pass{Number: f.passes, Batch: f.sumRows()}
	if f.stage != nil {
		f.stage.pass(f, &p)
	}
	p.First = p.Number == 0 && !p.Sample || p.Number == 1 && f.options.sampled(f.features)
	return p
}

// samples reports whether the stage is a survey of a sample.
func (f *Fit) samples() bool {
	return f.stage == stage(surveyStage{}) && !f.full && f.options.sampled(f.features)
}

// Skip tells a part of a pass over a sample how many rows are not in it.
func (f *Fit) Skip(part linear.Partial, rows int64) {
	survey.Skip(part, rows)
}

// tries reports whether the stage goes by a survey of a sample.
func (f *Fit) tries() bool { return f.stage == stage(sgdStage{}) && f.survey.Sampled > 0 }

// Exact reports whether the solver is exact.
func (f *Fit) Exact() bool { return f.options.exact(f.features) }

// Passes is how many passes have been made.
func (f *Fit) Passes() int { return f.passes }

// MostPasses is how many passes there are left at most, where that is known to be few: unless the survey was of a
// sample that has misled, and all begins anew.
func (f *Fit) MostPasses() int {
	if f.stage == nil {
		return 0
	}
	return f.stage.mostPasses(f)
}

// Remember lets a learner that can do so keep rows from pass to pass, in about so many bytes, for as long as it learns.
// What it learns is the same. See [linear.Recaller].
func (f *Fit) Remember(bytes int64) {
	if l, ok := f.learner.(interface{ Remember(bytes int64) }); ok {
		l.Remember(bytes)
	}
}

// Partial begins a part.
func (f *Fit) Partial(part, parts int) linear.Partial {
	p := f.learner.Partial(part, parts)
	if _, ok := f.options.Options.Deviance(); ok && f.stage != stage(inferenceStage{}) { // which knows of exposures
		return &deviancePart{Partial: p, options: &f.options.Options}
	}
	if f.tries() {
		return &trialPart{Partial: p}
	}
	return p
}

// Several begins a part of the next pass for rows of so many targets, each of which a fit of these options learns,
// where what is summed up of the features is the same for all; otherwise it is nil. Of its sum, [TargetOf] is for each
// fit.
func (f *Fit) Several(targets int) linear.Partial {
	if l, ok := f.learner.(interface {
		Several(targets int) linear.Partial
	}); ok {
		return l.Several(targets)
	}
	return nil
}

// TargetOf is what a sum of several targets has for the fit of target k: as if that had seen no other.
func TargetOf(sum linear.Partial, k int) linear.Partial {
	return sum.(interface{ Target(k int) linear.Partial }).Target(k)
}

// Done reports whether there is a model.
func (f *Fit) Done() bool { return f.stage == nil }

// Advance ends a pass.
func (f *Fit) Advance(sum linear.Partial) error {
	if f.Done() {
		return errors.New("linear.Fit: the model is learned")
	}
	unforeseen, err := false, error(nil)
	if p, ok := sum.(*deviancePart); ok {
		sum = p.Partial
	}
	if trial, ok := sum.(*trialPart); ok && f.tries() {
		sum, unforeseen = trial.Partial, trial.unforeseen
	}
	if !unforeseen {
		err = f.learner.Advance(sum)
		var found *sgd.UnforeseenError
		var bad *fault.Fault
		unforeseen = f.tries() && errors.As(err, &found) || f.samples() && errors.As(err, &bad)
	}
	if unforeseen {
		f.full, f.survey, f.chosen = true, nil, f.options.base()
		f.passes++
		return f.enter(surveyStage{})
	}
	if err != nil {
		return err
	}
	f.passes++
	if !f.learner.Done() {
		return nil
	}
	next, err := f.stage.next(f, f.learner)
	if err != nil {
		return err
	}
	if next == nil && f.options.Inference != "" && f.stage != stage(inferenceStage{}) {
		next = inferenceStage{}
	}
	return f.enter(next)
}

// enter begins a stage; nil: there is none left.
func (f *Fit) enter(next stage) (err error) {
	f.stage, f.learner = next, nil
	if next != nil {
		f.learner, err = next.begin(f)
	}
	return err
}

// Domain is what exposures and targets must be for the loss: see [linear.Options.Domain].
func (f *Fit) Domain() vectors.Domain { return f.options.Options.Domain() }

// comparison is what has cross-validated combinations of hyperparameters.
type comparison interface {
	Result() (*linear.CVResult, error)
	Path(chosen int) *linear.CVPath
}

// compared takes the result of a cross-validation, and the options of its best combination, whose place it gives.
func (f *Fit) compared(c comparison) (best int, err error) {
	if f.cv, err = c.Result(); err != nil {
		return 0, err
	}
	if best, err = f.choose(); err == nil {
		f.cv.Path = c.Path(best)
	}
	return best, err
}

// choose takes the options of the best combination, and gives its place.
func (f *Fit) choose() (int, error) {
	scoring := f.options.Scoring
	if scoring == "" && slices.ContainsFunc(f.cv.Metrics,
		func(m linear.CVMetric) bool { return m.Name == "neg_log_loss" }) {
		scoring = "neg_log_loss"
	}
	if scoring != "" {
		if err := f.cv.Choose(scoring); err != nil {
			return 0, err
		}
	}
	best, err := f.cv.Best()
	if err != nil {
		return 0, err
	}
	f.chosen.Alpha = new(f.cv.Params[best].Alpha)
	if r := f.cv.Params[best].L1Ratio; r != nil {
		f.chosen.L1Ratio = new(*r)
	}
	return best, nil
}

// Fitted judges the model of a regression by the rows that it was learned from; nil where sums do not tell.
func (f *Fit) Fitted() *linear.RegressionMetrics { return f.fitted }

// Model is the model, when it is learned.
func (f *Fit) Model() *linear.Model { return f.model }

// Path is the alphas that the rows have told, where they were asked for; otherwise nil.
func (f *Fit) Path() []float64 {
	if !f.options.AutoAlphas {
		return nil
	}
	return f.options.Alphas
}

// CV is the cross-validation, when it is done; nil without one.
func (f *Fit) CV() *linear.CVResult { return f.cv }

// Progressive is how SGD predicted each row before it learned from it; nil where it was not asked to.
func (f *Fit) Progressive() *sgd.Progressive { return f.progressive }

// Survey is what was found out about the rows; nil where they were only summed up.
func (f *Fit) Survey() *survey.Survey { return f.survey }

// Reads says how the rows became numbers, for the model, which must be there.
func (f *Fit) Reads(e *features.Encoding, zeroBased bool) {
	f.model.Encoding, f.model.ZeroBased = e, zeroBased
}

// Notes are what is to be told as soon as it is known.
func (f *Fit) Notes() []string { return f.FoldWarnings() }
