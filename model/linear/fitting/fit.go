package fitting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/linear/grid"
	"beamlearn/model/linear/internal/jsontext"
	"beamlearn/model/linear/leastsquares"
	"beamlearn/model/linear/newton"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
)

// Solver is how to come to the minimum of the objective.
type Solver string

const (
	// SolverAuto is SolverExact where the loss and the penalty have one, there are at most MaxExactFeatures columns, and no
	// option is set that only SGD has; SolverSGD otherwise.
	SolverAuto  Solver = "auto"
	SolverSGD   Solver = "sgd"
	SolverExact Solver = "exact"
)

// Solvers lists all solvers.
var Solvers = []Solver{SolverAuto, SolverSGD, SolverExact}

// MaxExactFeatures is up to how many columns SolverAuto sums up products of columns.
const MaxExactFeatures = 2000

// DefaultBatchSize is the number of rows in a PartialFit of SGD. The result depends on it only where batches are visited in
// another order than they stand in; with an l1 penalty; and with balanced classes.
const DefaultBatchSize = 1000

// sumRows is the number of rows in a PartialFit of sums.
const sumRows = 1024

const defaultFolds = 5

// FitOptions are what a [Fit] learns, and how. A field that is not Required has its Default.
type FitOptions struct {
	// Options are the hyperparameters; Alpha, L1Ratio and Average are those below. Default of Loss: SquaredError in
	// regression, LogLoss in classification. Default of LearningRate: a schedule that fits the rows, see [survey.Survey.Auto].
	Options linear.Options
	// Average is that of the options. Default: that of the schedule; 0 with a LearningRate.
	Average *linear.Average
	// Solver is how. Default: SolverAuto.
	Solver Solver
	// Standardize: whether columns are brought to mean 0 and variance 1 first. Default: false.
	Standardize bool
	// Parts is in how many each pass of SGD is cut, whose weights are averaged. Default: 1.
	Parts int
	// Progressive: whether SGD predicts every row before it learns from it, which the model then tells. Default: false.
	Progressive bool
	// Epochs of SGD. Default: ⌈10⁶/rows⌉, as scikit-learn's user guide advises, and at most 20.
	Epochs int
	// BatchSize of SGD. Default: DefaultBatchSize.
	BatchSize int
	// Alphas and L1Ratios: each pair is tried. With more than one pair, or with Folds, they are cross-validated, and the
	// model is that of the best pair. Default: 1e-4 and 0.15.
	Alphas, L1Ratios []float64
	// Folds of the cross-validation. Default: 5 where there is one.
	Folds int
	// Scoring is the score that it goes by. Default: the first that there is of [Scorings].
	Scoring string
	// Seed of the folds.
	Seed uint64
	// Shuffle: whether chunks and batches are visited in another order than they stand in. Default: false.
	Shuffle bool
	// WarmStart is a model to go on from by SGD. Optional.
	WarmStart *linear.Model
	// Sample: whether a survey may read only a sample of the rows, where that is enough for SGD: see [Pass.Sample].
	// Default: false.
	Sample bool
}

// EnsureDefaults fills in what is not set.
func (o *FitOptions) EnsureDefaults() {
	if o.Options.Loss == "" && o.Options.Task == linear.Classification {
		o.Options.Loss = linear.LogLoss
	}
	if o.Options.Loss == "" && o.Options.Task == linear.Regression {
		o.Options.Loss = linear.SquaredError
	}
	if o.Options.Penalty == "" {
		o.Options.Penalty = linear.L2
	}
	if o.Solver == "" {
		o.Solver = SolverAuto
	}
	if o.Parts == 0 {
		o.Parts = 1
	}
	if o.BatchSize == 0 {
		o.BatchSize = DefaultBatchSize
	}
	if len(o.Alphas) == 0 {
		o.Alphas = []float64{1e-4}
	}
	if len(o.L1Ratios) == 0 {
		o.L1Ratios = []float64{0.15}
	}
	if o.Folds == 0 && o.combinations() > 1 {
		o.Folds = defaultFolds
	}
}

// combinations is how many pairs there are to try.
func (o *FitOptions) combinations() int {
	if o.Options.Penalty == linear.ElasticNet {
		return len(o.Alphas) * len(o.L1Ratios)
	}
	return len(o.Alphas)
}

// base is the options of the first pair, but for what depends on the rows.
func (o *FitOptions) base() linear.Options {
	b := o.Options
	b.Alpha, b.L1Ratio = &o.Alphas[0], &o.L1Ratios[0]
	if o.Average != nil {
		b.Average = *o.Average
	}
	return b
}

// onlySGD lists the options that are set and only SGD has.
func (o *FitOptions) onlySGD() []string {
	var names []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"learning_rate", o.Options.LearningRate != ""}, {"eta0", o.Options.Eta0 != 0}, {"power_t", o.Options.PowerT != nil},
		{"average", o.Average != nil}, {"tol", o.Options.Tol != nil}, {"early_stopping", o.Options.EarlyStopping},
		{"epochs", o.Epochs != 0}, {"warm_start", o.WarmStart != nil}, {"progressive", o.Progressive},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return names
}

// hasExact reports whether loss and penalty have an exact solver, at all.
func (o *FitOptions) hasExact() bool {
	switch o.Options.Loss {
	case linear.SquaredError:
		return o.Options.Task == linear.Regression || o.smooth()
	case linear.LogLoss, linear.SquaredHinge, linear.ModifiedHuber, linear.Huber, linear.SquaredEpsilonInsensitive:
		return o.smooth()
	}
	return false
}

func (o *FitOptions) smooth() bool {
	return o.Options.Penalty == linear.L2 || o.Options.Penalty == linear.None
}

// exact reports whether the solver for so many columns is exact.
func (o *FitOptions) exact(features int) bool {
	if o.Solver != SolverAuto {
		return o.Solver == SolverExact
	}
	return o.hasExact() && features <= MaxExactFeatures && len(o.onlySGD()) == 0
}

// sampled reports whether a sample of the rows says enough to begin with SGD. What it says wrong must show in learning, and not
// do harm until then: a class that is not in it does, as do weights that overflow. So it takes a loss whose slope is bounded,
// by which steps that are too large do not grow. A scaler, balanced classes and a cross-validation need all rows.
func (o *FitOptions) sampled(features int) bool {
	switch o.Options.Loss {
	case linear.SquaredError, linear.SquaredHinge, linear.SquaredEpsilonInsensitive:
		return false
	}
	return o.Sample && !o.exact(features) && o.Folds == 0 && !o.Standardize && !o.Options.ClassWeight.Balanced
}

// Validate reports every fault of the options at once. What is not set counts as its default.
func (o *FitOptions) Validate() error {
	d := *o
	d.EnsureDefaults()
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	b := d.base()
	if b.LearningRate == "" {
		b.LearningRate = linear.InvScaling
	}
	errs = append(errs, b.Validate())
	for _, a := range d.Alphas[1:] {
		if !(a >= 0) || math.IsInf(a, 1) {
			fault("alpha %v: must be a number from 0 on", a)
		}
	}
	for _, r := range d.L1Ratios[1:] {
		if !(r >= 0 && r <= 1) {
			fault("l1_ratio %v: must be a number from 0 to 1", r)
		}
	}
	if len(d.L1Ratios) > 1 && d.Options.Penalty != linear.ElasticNet {
		fault("l1_ratio: several are for the penalty elasticnet, not for %s", d.Options.Penalty)
	}
	for _, list := range [][]float64{d.Alphas, d.L1Ratios} {
		for i, v := range list {
			if slices.Contains(list[:i], v) {
				fault("%v is given twice", v)
			}
		}
	}
	switch {
	case !slices.Contains(Solvers, d.Solver):
		fault("solver %q: must be one of %s", d.Solver, linear.Join(Solvers))
	case d.Solver == SolverExact && !d.hasExact():
		fault("solver exact: there is none for the loss %s with the penalty %s: take sgd, or the penalty l2 or none with a loss other than hinge, perceptron and epsilon_insensitive", d.Options.Loss, d.Options.Penalty)
	case d.Solver == SolverExact && len(d.onlySGD()) > 0:
		fault("solver exact: has no %s", strings.Join(d.onlySGD(), ", "))
	}
	if d.Epochs < 0 {
		fault("epochs %d: must be at least 1", d.Epochs)
	}
	if d.Parts < 1 {
		fault("%d parts: must be at least 1", d.Parts)
	}
	if d.BatchSize < 1 {
		fault("batch_size %d: must be at least 1", d.BatchSize)
	}
	if d.Folds < 0 || d.Folds == 1 || d.Folds > grid.MaxFolds {
		fault("folds %d: must be from 2 to %d", d.Folds, grid.MaxFolds)
	}
	if d.Folds > 0 && d.Options.Task == linear.OneClass {
		fault("folds: one_class has no score to choose by")
	}
	if d.Folds > 0 && d.WarmStart != nil {
		fault("warm_start: goes on with one model, and cannot be cross-validated")
	}
	if d.Folds > 0 && (d.Options.Tol != nil || d.Options.EarlyStopping) {
		fault("tol and early_stopping: cannot be cross-validated, as all models learn side by side")
	}
	if d.Folds > 0 && (b.LearningRate == linear.Adaptive || b.LearningRate == linear.PA1 || b.LearningRate == linear.PA2) {
		fault("learning_rate %s: cannot be cross-validated: take constant, optimal or invscaling", b.LearningRate)
	}
	if have := d.scorings(); d.Scoring != "" && !slices.Contains(have, d.Scoring) {
		fault("scoring %q: must be one of %s", d.Scoring, strings.Join(have, ", "))
	}
	if w := d.WarmStart; w != nil && w.Task != d.Options.Task {
		fault("warm_start: the model is of a %s, not of a %s", w.Task, d.Options.Task)
	}
	if d.WarmStart != nil && d.Standardize {
		fault("standardize: the model of warm_start says whether columns are standardised, and how")
	}
	return errors.Join(errs...)
}

// stage is what a Fit is at.
type stage string

const (
	stageSurvey stage = "survey"
	stageFolds  stage = "folds" // sums of squares by fold
	stageSums   stage = "sums"  // of squares
	stageGrid   stage = "grid"
	stageNewton stage = "newton"
	stageSGD    stage = "sgd"
	stageDone   stage = "done"
)

// Fit learns a model from start to end, a [Learner] that goes through others: a [Survey] of the rows where one is needed; a
// cross-validation if there is one, by a [FoldGram] for squared_error and a [Grid] otherwise; and then by [Gram],
// [Optimizer] or [Averaged] the model. The sums of least squares need no survey, and give cross-validation and model in one
// pass.
type Fit struct {
	options  FitOptions
	features int
	names    []string

	passes      int
	full        bool // the sample was not enough
	stage       stage
	learner     linear.Learner // of the stage
	survey      *survey.Survey
	chosen      linear.Options // after cross-validation: those of the best pair
	cv          *linear.CVResult
	model       *linear.Model
	progressive *sgd.Progressive
}

// NewFit makes a fit for rows of so many columns, with these names or none. It copies the options and fills in their
// defaults.
func NewFit(o FitOptions, features int, names []string) (*Fit, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	f := &Fit{options: o, features: features, names: slices.Clone(names), chosen: o.base()}
	if w := o.WarmStart; w != nil {
		if w.Features() != features {
			return nil, fmt.Errorf("the model of warm_start has %d features, the rows have %d columns", w.Features(), features)
		}
		if w.FeatureNames != nil && names != nil && !slices.Equal(w.FeatureNames, names) {
			return nil, fmt.Errorf("the model of warm_start has other feature names than the rows have columns")
		}
	}
	f.stage = stageSurvey
	if o.exact(features) && o.Options.Task == linear.Regression && o.Options.Loss == linear.SquaredError && features <= leastsquares.MaxGram {
		f.stage = stageSums
		if o.Folds > 0 {
			f.stage = stageFolds
			if o.Scoring == "neg_mean_absolute_error" {
				return nil, errors.New("scoring neg_mean_absolute_error: sums of squares do not tell it: take solver sgd, or another scoring")
			}
		}
	}
	var err error
	f.learner, err = f.begin()
	return f, err
}

// begin makes the learner of the stage, as it is before its first pass.
func (f *Fit) begin() (linear.Learner, error) {
	o := &f.options
	switch f.stage {
	case stageSurvey:
		return survey.NewSurvey(o.Options.Task, f.features, o.Standardize)
	case stageSums:
		return leastsquares.NewGram(f.features)
	case stageFolds:
		return leastsquares.NewFoldGram(f.features, o.Folds, linear.RowFold(o.Seed, o.Folds))
	case stageGrid:
		g := grid.GridOptions{Options: f.chosen, Alphas: o.Alphas, Folds: o.Folds, Refit: !o.exact(f.features), Seed: o.Seed, Epochs: f.epochs(), ClassRows: f.survey.ClassRows}
		if o.Options.Penalty == linear.ElasticNet {
			g.L1Ratios = o.L1Ratios
		}
		grid, err := grid.NewGrid(g, f.features)
		if err != nil {
			return nil, err
		}
		grid.FeatureNames, grid.Scaler = f.names, f.survey.Scaler
		return grid, nil
	case stageNewton:
		n, err := newton.NewOptimizer(f.chosen, f.features)
		if err != nil {
			return nil, err
		}
		n.FeatureNames, n.Scaler, n.ClassRows = f.names, f.survey.Scaler, f.survey.ClassRows
		return n, nil
	case stageSGD:
		return f.averaged()
	}
	return nil, fmt.Errorf("linear.Fit: stage %q", f.stage)
}

// averaged begins SGD.
func (f *Fit) averaged() (*sgd.Averaged, error) {
	a, err := sgd.NewAveraged(f.chosen, f.features, f.epochs())
	if w := f.options.WarmStart; w != nil {
		a, err = sgd.ResumeAveraged(w, f.epochs())
	}
	if err != nil {
		return nil, err
	}
	t := a.Trainer()
	if f.options.WarmStart == nil {
		t.Scaler = f.survey.Scaler
	}
	if f.names != nil {
		t.FeatureNames = f.names
	}
	if f.options.Progressive {
		t.Progressive = sgd.NewProgressive(f.chosen.Task, f.chosen.Classes.Len())
	}
	return a, nil
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
	// Sample: SampleRows rows from everywhere are enough, where there are more; [Fit.Skip] is told how many are left out. They
	// must be the same whenever the same rows are learned from. A sample decides what the classes are, their shares, and the
	// size of rows, from which the size of steps follows; where learning then meets another class, or weights overflow, all
	// begins anew with a survey of all rows.
	Sample bool
	First  bool // it is the first over all rows
}

// Pass says how the rows of the next pass are to be given.
func (f *Fit) Pass() Pass {
	p := Pass{Number: f.passes, Batch: sumRows}
	switch f.stage {
	case stageSurvey:
		p.Name = "looking at the rows"
		if p.Sample = f.samples(); p.Sample {
			p.Name = "looking at a sample of the rows"
		}
	case stageSums, stageFolds:
		p.Name = "summing up"
	case stageNewton:
		p.Name = fmt.Sprintf("pass %d", f.passes+1)
	case stageGrid:
		p.Name, p.Batch, p.Shuffle = "cross-validating", f.options.BatchSize, f.options.Shuffle
	case stageSGD:
		p.Name, p.Batch, p.Shuffle = fmt.Sprintf("pass %d", f.passes+1), f.options.BatchSize, f.options.Shuffle
	}
	p.First = p.Number == 0 && !p.Sample || p.Number == 1 && f.options.sampled(f.features)
	return p
}

// samples reports whether the stage is a survey of a sample.
func (f *Fit) samples() bool {
	return f.stage == stageSurvey && !f.full && f.options.sampled(f.features)
}

// Skip tells a part of a pass over a sample how many rows are not in it.
func (f *Fit) Skip(part linear.Partial, rows int64) {
	survey.Skip(part, rows)
}

// tries reports whether the stage goes by a survey of a sample.
func (f *Fit) tries() bool { return f.stage == stageSGD && f.survey.Sampled > 0 }

// Exact reports whether the solver is exact.
func (f *Fit) Exact() bool { return f.options.exact(f.features) }

// Passes is how many passes have been made.
func (f *Fit) Passes() int { return f.passes }

// MostPasses is how many passes there are left at most, where that is known to be few.
func (f *Fit) MostPasses() int {
	switch f.stage {
	case stageSums, stageFolds:
		return 1
	case stageDone:
		return 0
	}
	return math.MaxInt
}

// Partial begins a part.
func (f *Fit) Partial(part, parts int) linear.Partial {
	p := f.learner.Partial(part, parts)
	if f.tries() {
		return &trialPart{Partial: p}
	}
	return p
}

// Done reports whether there is a model.
func (f *Fit) Done() bool { return f.stage == stageDone }

// Advance ends a pass.
func (f *Fit) Advance(sum linear.Partial) error {
	if f.Done() {
		return errors.New("linear.Fit: the model is learned")
	}
	unforeseen, err := false, error(nil)
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
		f.full, f.stage, f.survey, f.chosen = true, stageSurvey, nil, f.options.base()
		f.passes++
		f.learner, err = f.begin()
		return err
	}
	if err != nil {
		return err
	}
	f.passes++
	if !f.learner.Done() {
		return nil
	}
	if err := f.next(); err != nil || f.Done() {
		f.learner = nil
		return err
	}
	f.learner, err = f.begin()
	return err
}

// next takes what the learner of the stage has found, and goes to the next stage.
func (f *Fit) next() (err error) {
	o := &f.options
	switch l := f.learner.(type) {
	case *survey.Survey:
		return f.surveyed(l)
	case *leastsquares.Gram:
		s, err := l.Solve(&f.chosen, o.Standardize)
		if err != nil {
			return err
		}
		f.model, err = s.Model(&f.chosen, f.names)
		return f.end(err)
	case *leastsquares.FoldGram:
		var ratios []float64
		if o.Options.Penalty == linear.ElasticNet {
			ratios = o.L1Ratios
		}
		scores, err := l.CrossValidate(&f.chosen, o.Standardize, o.Alphas, ratios)
		if err != nil {
			return err
		}
		f.cv = f.judged(scores)
		if _, err := f.choose(); err != nil {
			return err
		}
		all, err := l.All()
		if err != nil {
			return err
		}
		if f.cv.Path, err = all.CVPath(&f.chosen, o.Standardize, o.Alphas, ratios); err != nil {
			return err
		}
		s, err := all.Solve(&f.chosen, o.Standardize)
		if err != nil {
			return err
		}
		f.model, err = s.Model(&f.chosen, f.names)
		return f.end(err)
	case *grid.Grid:
		if f.cv, err = l.Result(); err != nil {
			return err
		}
		f.cv.Path = l.Path()
		best, err := f.choose()
		if err != nil {
			return err
		}
		if o.exact(f.features) {
			f.stage = stageNewton
			return nil
		}
		f.model, err = l.Model(-1, best)
		return f.end(err)
	case *newton.Optimizer:
		f.model, err = l.Model()
		return f.end(err)
	case *sgd.Averaged:
		f.progressive = l.Trainer().Progressive
		f.model, err = l.Model()
		return f.end(err)
	}
	return fmt.Errorf("linear.Fit: no stage after %T", f.learner)
}

func (f *Fit) end(err error) error {
	f.stage = stageDone
	return err
}

// judged is the result of a cross-validation by sums.
func (f *Fit) judged(scores []leastsquares.GridScore) *linear.CVResult {
	r := &linear.CVResult{Metrics: []linear.CVMetric{{Name: "r2"}, {Name: "neg_mean_squared_error"}}}
	for _, s := range scores {
		p := linear.CVParams{Alpha: s.Alpha}
		if f.chosen.Penalty == linear.ElasticNet {
			p.L1Ratio = new(s.L1Ratio)
		}
		r.Params = append(r.Params, p)
	}
	for fold := range f.options.Folds {
		r2, mse := make([]float64, len(scores)), make([]float64, len(scores))
		for c, s := range scores {
			r2[c], mse[c] = s.Folds[fold].R2(), -s.Folds[fold].MSE()
		}
		r.Metrics[0].Splits, r.Metrics[1].Splits = append(r.Metrics[0].Splits, r2), append(r.Metrics[1].Splits, mse)
	}
	return r
}

// choose takes the options of the best combination, and gives its place.
func (f *Fit) choose() (int, error) {
	scoring := f.options.Scoring
	if scoring == "" && slices.ContainsFunc(f.cv.Metrics, func(m linear.CVMetric) bool { return m.Name == "neg_log_loss" }) {
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

// surveyed takes what the survey has found.
func (f *Fit) surveyed(s *survey.Survey) error {
	o := &f.options
	f.survey = s
	if n := s.Classes.Len(); o.Folds > 0 && n > 2 && (o.Scoring == "f1" || o.Scoring == "roc_auc") || o.Folds > 0 && n == 2 && o.Scoring == "f1_macro" {
		return fmt.Errorf("scoring %s: f1 and roc_auc are for two classes, f1_macro is for more: there are %d", o.Scoring, n)
	}
	f.chosen.Classes = s.Classes.Clone()
	if o.WarmStart != nil {
		f.chosen.Classes = o.WarmStart.Classes.Clone() // the rows may lack some, and SGD refuses others
	}
	exact := o.exact(f.features)
	if (!exact || o.Folds > 0) && o.WarmStart == nil && o.Options.LearningRate == "" {
		s.Auto(&f.chosen, o.Parts, f.epochs())
		if o.Average != nil {
			f.chosen.Average = *o.Average
		}
	}
	switch {
	case o.Folds > 0:
		f.stage = stageGrid
	case exact:
		f.stage = stageNewton
	default:
		f.stage = stageSGD
	}
	return nil
}

// Model is the model, when it is learned.
func (f *Fit) Model() *linear.Model { return f.model }

// CV is the cross-validation, when it is done; nil without one.
func (f *Fit) CV() *linear.CVResult { return f.cv }

// Progressive is how SGD predicted each row before it learned from it; nil where it was not asked to.
func (f *Fit) Progressive() *sgd.Progressive { return f.progressive }

// Survey is what was found out about the rows; nil where they were only summed up.
func (f *Fit) Survey() *survey.Survey { return f.survey }

// Scorings lists the scores of cross-validations, by scikit-learn's names.
func Scorings() []string {
	return []string{"r2", "neg_mean_squared_error", "neg_mean_absolute_error", "neg_log_loss", "accuracy", "f1", "f1_macro", "roc_auc"}
}

// scorings are those that there may be for the task and the loss; f1 and roc_auc are of two classes, f1_macro is of more.
func (o *FitOptions) scorings() []string {
	all := Scorings()
	switch {
	case o.Options.Task == linear.Regression:
		return all[:3]
	case o.Options.Task == linear.Classification && o.Options.Loss != linear.LogLoss && o.Options.Loss != linear.ModifiedHuber:
		return all[4:]
	case o.Options.Task == linear.Classification:
		return all[3:]
	}
	return all
}

// fitFile is a Fit in JSON.
type fitFile struct {
	Task        linear.Task     `json:"task"`
	Options     linear.Options  `json:"options"`
	Average     *linear.Average `json:"average"`
	Solver      Solver          `json:"solver"`
	Standardize bool            `json:"standardize"`
	Parts       int             `json:"parts"`
	Progressive bool            `json:"progressive"`
	Epochs      int             `json:"epochs"`
	BatchSize   int             `json:"batch_size"`
	Alphas      jsontext.Floats `json:"alphas"`
	L1Ratios    jsontext.Floats `json:"l1_ratios"`
	Folds       int             `json:"folds"`
	Scoring     string          `json:"scoring"`
	Seed        uint64          `json:"seed"`
	Shuffle     bool            `json:"shuffle"`
	WarmStart   json.RawMessage `json:"warm_start"`
	Sample      bool            `json:"sample"`
	Full        bool            `json:"full"`

	Features int             `json:"features"`
	Names    []string        `json:"feature_names"`
	Passes   int             `json:"passes"`
	Stage    stage           `json:"stage"`
	Learner  json.RawMessage `json:"learner"`
	Survey   *survey.Survey  `json:"survey"`
	Chosen   linear.Options  `json:"chosen"`
	Classes  linear.Classes  `json:"classes"`
	CV       *cvFile         `json:"cv"`
	Judged   []byte          `json:"judged"`          // as Progressive.MarshalBinary writes it
	Model    json.RawMessage `json:"model,omitempty"` // the last, which EncodeFit adds: to have it scanned again would take long
}

// cvFile is a CVResult, bit by bit.
type cvFile struct {
	Params      []linear.CVParams  `json:"params"`
	Metrics     []cvScores         `json:"metrics"`
	Progressive jsontext.BitFloats `json:"progressive_loss"`
	Curve       []curvePoint       `json:"curve"`
	Path        *pathFile          `json:"path,omitempty"`
}

type pathFile struct {
	Features []int                `json:"features"`
	Coef     []jsontext.BitFloats `json:"coef"`
}

// path is the same, checked.
func (p *pathFile) path(combinations, features int) (*linear.CVPath, error) {
	if p == nil {
		return nil, nil
	}
	c := &linear.CVPath{Features: p.Features}
	for _, w := range p.Coef {
		if len(w) != len(p.Features) {
			return nil, fmt.Errorf("no state of a fit: %d coefficients of %d features", len(w), len(p.Features))
		}
		c.Coef = append(c.Coef, w)
	}
	if len(c.Coef) != combinations || slices.ContainsFunc(p.Features, func(j int) bool { return j < 0 || j >= features }) {
		return nil, errors.New("no state of a fit: a path of other features or combinations")
	}
	return c, nil
}

type cvScores struct {
	Name   string               `json:"name"`
	Splits []jsontext.BitFloats `json:"splits"`
}

type curvePoint struct {
	Rows uint64             `json:"rows"`
	Loss jsontext.BitFloats `json:"loss"`
}

// EncodeFit writes a fit as it stands, bit by bit: between passes it crosses the wire, and is the checkpoint.
func EncodeFit(f *Fit) ([]byte, error) {
	o := &f.options
	file := fitFile{
		Task: o.Options.Task, Options: o.Options, Average: o.Average, Solver: o.Solver, Standardize: o.Standardize, Epochs: o.Epochs, Parts: o.Parts, Progressive: o.Progressive,
		BatchSize: o.BatchSize, Alphas: o.Alphas, L1Ratios: o.L1Ratios, Folds: o.Folds, Scoring: o.Scoring, Seed: o.Seed, Shuffle: o.Shuffle,
		Sample: o.Sample, Full: f.full, Features: f.features, Names: f.names, Passes: f.passes, Stage: f.stage, Survey: f.survey, Chosen: f.chosen, Classes: f.chosen.Classes,
	}
	var err error
	model := func(m *linear.Model) json.RawMessage {
		var b bytes.Buffer
		if m == nil {
			return nil
		}
		if e := m.Save(&b); e != nil {
			err = errors.Join(err, e)
		}
		return b.Bytes()
	}
	file.WarmStart = model(o.WarmStart)
	final := model(f.model)
	if f.learner != nil {
		b, e := json.Marshal(f.learner)
		file.Learner, err = b, errors.Join(err, e)
	}
	if r := f.cv; r != nil {
		file.CV = &cvFile{Params: r.Params, Progressive: r.ProgressiveLoss}
		for _, m := range r.Metrics {
			s := cvScores{Name: m.Name}
			for _, split := range m.Splits {
				s.Splits = append(s.Splits, split)
			}
			file.CV.Metrics = append(file.CV.Metrics, s)
		}
		for _, p := range r.LearningCurve {
			file.CV.Curve = append(file.CV.Curve, curvePoint{p.Rows, p.Loss})
		}
		if r.Path != nil {
			file.CV.Path = &pathFile{Features: r.Path.Features}
			for _, w := range r.Path.Coef {
				file.CV.Path.Coef = append(file.CV.Path.Coef, w)
			}
		}
	}
	if f.progressive != nil {
		b, e := f.progressive.MarshalBinary()
		file.Judged, err = b, errors.Join(err, e)
	}
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	if final == nil {
		final = json.RawMessage("null")
	}
	return slices.Concat(b[:len(b)-1], []byte(`,"model":`), final, []byte("}")), nil
}

// DecodeFit reads what EncodeFit writes. It takes memory in proportion to the text.
func DecodeFit(b []byte) (*Fit, error) {
	var file fitFile
	if err := jsontext.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("no state of a fit: %s", jsontext.Explain(err))
	}
	file.Options.Task, file.Chosen.Task, file.Chosen.Classes = file.Task, file.Task, file.Classes
	if err := file.Classes.Check(); err != nil {
		return nil, fmt.Errorf("no state of a fit: %w", err)
	}
	load := func(b json.RawMessage) (*linear.Model, error) {
		if len(b) == 0 || string(b) == "null" {
			return nil, nil
		}
		return linear.Load("state", bytes.NewReader(b))
	}
	warm, err := load(file.WarmStart)
	if err != nil {
		return nil, err
	}
	o := FitOptions{
		Options: file.Options, Average: file.Average, Solver: file.Solver, Standardize: file.Standardize, Epochs: file.Epochs, Parts: file.Parts, Progressive: file.Progressive,
		BatchSize: file.BatchSize, Alphas: file.Alphas, L1Ratios: file.L1Ratios, Folds: file.Folds, Scoring: file.Scoring, Seed: file.Seed,
		Shuffle: file.Shuffle, WarmStart: warm, Sample: file.Sample,
	}
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("no state of a fit: %s", jsontext.Explain(err))
	}
	o.EnsureDefaults()
	f := &Fit{
		options: o, features: file.Features, names: file.Names, passes: file.Passes, full: file.Full, stage: file.Stage, survey: file.Survey, chosen: file.Chosen,
	}
	if f.model, err = load(file.Model); err != nil {
		return nil, err
	}
	if c := file.CV; c != nil {
		f.cv = &linear.CVResult{Params: c.Params, ProgressiveLoss: c.Progressive}
		for _, m := range c.Metrics {
			s := linear.CVMetric{Name: m.Name}
			for _, split := range m.Splits {
				if len(split) != len(c.Params) {
					return nil, fmt.Errorf("no state of a fit: %d scores of %d combinations", len(split), len(c.Params))
				}
				s.Splits = append(s.Splits, split)
			}
			f.cv.Metrics = append(f.cv.Metrics, s)
		}
		for _, p := range c.Curve {
			f.cv.LearningCurve = append(f.cv.LearningCurve, linear.CVPoint{Rows: p.Rows, Loss: p.Loss})
		}
		if f.cv.Path, err = c.Path.path(len(c.Params), file.Features); err != nil {
			return nil, err
		}
	}
	if len(file.Judged) > 0 {
		if n := file.Classes.Len(); n*n > len(file.Judged)/8 { // as many as there are in the confusion
			return nil, fmt.Errorf("no state of a fit: %d classes in predictions of %d bytes", n, len(file.Judged))
		}
		f.progressive = sgd.NewProgressive(file.Task, file.Classes.Len())
		if err := f.progressive.UnmarshalBinary(file.Judged); err != nil {
			return nil, fmt.Errorf("no state of a fit: %w", err)
		}
	}
	if f.features < 1 || f.passes < 0 || (f.stage == stageDone) != (f.model != nil) {
		return nil, errors.New("no state of a fit: it contradicts itself")
	}
	if f.stage == stageDone {
		return f, nil
	}
	switch f.stage {
	case stageSurvey:
		f.learner = &survey.Survey{}
	case stageSums:
		f.learner = &leastsquares.Gram{}
	case stageFolds: // it has a function, which no JSON holds
		if f.features > leastsquares.MaxGram || o.Folds*leastsquares.GramSize(f.features) > len(file.Learner) {
			return nil, fmt.Errorf("no state of a fit: %d bytes of sums of %d folds of %d features", len(file.Learner), o.Folds, f.features)
		}
		if f.learner, err = leastsquares.NewFoldGram(f.features, o.Folds, linear.RowFold(o.Seed, o.Folds)); err != nil {
			return nil, err
		}
	case stageGrid:
		f.learner = &grid.Grid{}
	case stageNewton:
		f.learner = &newton.Optimizer{}
	case stageSGD:
		f.learner = &sgd.Averaged{}
	default:
		return nil, fmt.Errorf("no state of a fit: stage %q", f.stage)
	}
	if f.stage != stageSurvey && f.stage != stageSums && f.stage != stageFolds && f.survey == nil {
		return nil, errors.New("no state of a fit: the survey is missing")
	}
	if err := json.Unmarshal(file.Learner, f.learner); err != nil {
		return nil, fmt.Errorf("no state of a fit: %s", jsontext.Explain(err))
	}
	return f, nil
}
