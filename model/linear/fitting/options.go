package fitting

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"beamlearn/model/linear"
	"beamlearn/model/linear/grid"
	"beamlearn/model/linear/interior"
	"beamlearn/model/linear/leastsquares"
)

// Solver is how to come to the minimum of the objective.
type Solver string

const (
	// SolverAuto is SolverExact where the loss and the penalty have one for so many columns and classes, and no option
	// is set that only SGD has; SolverSGD otherwise.
	SolverAuto  Solver = "auto"
	SolverSGD   Solver = "sgd"
	SolverExact Solver = "exact"
)

// Solvers lists all solvers.
var Solvers = []Solver{SolverAuto, SolverSGD, SolverExact}

// MultiAuto is Multinomial where the solver is exact and the loss LogLoss, and OneVsRest otherwise.
const MultiAuto linear.MultiClass = "auto"

// MultiClasses lists all ways to tell more than two classes apart.
var MultiClasses = []linear.MultiClass{MultiAuto, linear.Multinomial, linear.OneVsRest}

// MaxExactFeatures is up to how many columns an exact solver sums up products of columns. Beyond, it goes by products
// of rows, by L-BFGS in some tens of passes, by Newton's method where most columns are categories of one, or with l1 by
// working sets of columns.
const MaxExactFeatures = 2000

// MaxWideFeatures is up to how many columns SolverAuto takes the exact solver.
const MaxWideFeatures = 1 << 20

// maxWideWeights is up to how many weights SolverAuto takes it, of all classes: L-BFGS keeps some twenty vectors of
// them, 1.3 GB.
const maxWideWeights = 1 << 23

// MaxWeights is how many weights a model has at most, of all classes: each worker holds some vectors of them, and a
// checkpoint and the model's file write each out.
const MaxWeights = 1 << 25

// DefaultBatchSize is the number of rows in a PartialFit of SGD. The result depends on it only where batches are
// visited in another order than they stand in; with an l1 penalty; and with balanced classes.
const DefaultBatchSize = 1000

const defaultFolds = 5

// FitOptions are what a [Fit] learns, and how. A field that is not Required has its Default.
type FitOptions struct {
	// Options are the hyperparameters; Alpha, L1Ratio, Average and MultiClass are those below. Default of Loss:
	// SquaredError in regression, LogLoss in classification. Default of LearningRate: Newton where it can be had,
	// else AdaGrad, or what else fits the rows, see [survey.Survey.Auto].
	Options linear.Options
	// MultiClass is how more than two classes are told apart. Default: MultiAuto.
	MultiClass linear.MultiClass
	// Average is that of the options. Default: that of the schedule; 0 with a LearningRate.
	Average *linear.Average
	// Solver is how. Default: SolverAuto.
	Solver Solver
	// Standardize: whether columns are brought to mean 0 and variance 1 first. Default: false.
	Standardize bool
	// Standardized: whether rows come so, as those of a table that its encoding standardises. Warnings know it. Default:
	// false.
	Standardized bool
	// Parts is in how many each pass of SGD is cut, whose weights are averaged. Default: 1.
	Parts int
	// Progressive: whether SGD predicts every row before it learns from it, which the model then tells. Default: false.
	Progressive bool
	// Epochs of SGD. Default: ⌈10⁶/rows⌉, as scikit-learn's user guide advises, and at most 20.
	Epochs int
	// BatchSize of SGD. Default: DefaultBatchSize.
	BatchSize int
	// Alphas and L1Ratios: each pair is tried. With more than one pair, or with Folds, they are cross-validated, and
	// the model is that of the best pair. Default: 1e-4 and 0.15.
	Alphas, L1Ratios []float64
	// AutoAlphas: the rows tell the Alphas, which are cross-validated. Default: false.
	AutoAlphas bool
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
	// Inference asks for standard errors and tests of the coefficients, which take one more pass. Default: none.
	Inference linear.InferenceKind
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
	if o.MultiClass == "" {
		o.MultiClass = MultiAuto
	}
	if o.Parts == 0 {
		o.Parts = 1
	}
	if o.BatchSize == 0 {
		o.BatchSize = DefaultBatchSize
	}
	if len(o.Alphas) == 0 && !o.AutoAlphas {
		o.Alphas = []float64{1e-4}
	}
	if len(o.L1Ratios) == 0 {
		o.L1Ratios = []float64{0.15}
	}
	if o.Folds == 0 && (o.AutoAlphas || o.combinations() > 1) {
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
	b.L1Ratio = &o.L1Ratios[0]
	if len(o.Alphas) > 0 { // otherwise the rows tell
		b.Alpha = &o.Alphas[0]
	}
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
	case linear.SquaredError, linear.LogLoss, linear.SquaredHinge, linear.ModifiedHuber, linear.Huber,
		linear.SquaredEpsilonInsensitive,
		linear.Poisson, linear.Gamma, linear.Tweedie:
		return true
	}
	return o.corners()
}

// corners reports whether the loss has an exact solver that takes its corners.
func (o *FitOptions) corners() bool {
	return interior.Has(o.Options.Loss) && o.Options.Task != linear.OneClass && o.noCorners() == ""
}

// noCorners says why the options go beyond what a solver of losses with corners has; "" where they do not, or the loss
// has none.
func (o *FitOptions) noCorners() string {
	switch {
	case !interior.Has(o.Options.Loss) || o.Options.Task == linear.OneClass:
		return ""
	case o.Options.Penalty == linear.None:
		return fmt.Sprintf("penalty none: solver exact takes the loss %s with l2, l1 or elasticnet", o.Options.Loss)
	case len(o.L1Ratios) > 1:
		return fmt.Sprintf("l1_ratio: solver exact takes one for the loss %s, not several", o.Options.Loss)
	case slices.Contains(o.Alphas, 0):
		return fmt.Sprintf("alpha 0: solver exact takes the loss %s with an alpha above 0, as small as 1e-9", o.Options.Loss)
	}
	return ""
}

// smooth reports whether the penalty is. Of others exact solutions need sums of products, of MaxExactFeatures columns
// at most.
func (o *FitOptions) smooth() bool {
	return o.Options.Penalty == linear.L2 || o.Options.Penalty == linear.None
}

// exact reports whether the solver for so many columns is exact.
func (o *FitOptions) exact(features int) bool {
	if o.Solver != SolverAuto {
		return o.Solver == SolverExact
	}
	if o.MultiClass == linear.Multinomial || o.Options.OnlyExact() != nil {
		return true // of any number of columns
	}
	return o.hasExact() && (features <= o.maxExact() || o.screens(features)) && len(o.onlySGD()) == 0
}

// maxExact is up to how many columns SolverAuto is exact.
func (o *FitOptions) maxExact() int {
	if o.smooth() && !o.corners() {
		return MaxWideFeatures
	}
	return MaxExactFeatures
}

// first is the stage that a fit of rows of so many columns begins with.
func (o *FitOptions) first(features int) stage {
	squares := o.Options.Task == linear.Regression && o.Options.Loss == linear.SquaredError
	switch {
	case !o.exact(features) || !squares || features > leastsquares.MaxGram:
		return surveyStage{}
	case o.Folds > 0:
		return foldsStage{}
	}
	return sumsStage{}
}

// sampled reports whether a sample of the rows says enough to begin with SGD. What it says wrong must show in
// learning, and not do harm until then: a class that is not in it does, as do weights that overflow. So it takes a
// loss whose slope is bounded, by which steps that are too large do not grow. A scaler, balanced classes and a
// cross-validation need all rows.
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
	for _, a := range d.Alphas[min(1, len(d.Alphas)):] {
		if !(a >= 0) || math.IsInf(a, 1) {
			fault("alpha %v: must be a number from 0 on", a)
		}
	}
	for _, r := range d.L1Ratios[1:] {
		if !(r >= 0 && r <= 1) {
			fault("l1_ratio %v: must be a number from 0 to 1", r)
		}
	}
	if d.AutoAlphas && d.Options.Penalty == linear.None {
		fault("alpha auto: the penalty none has no alpha")
	}
	if d.AutoAlphas && d.Options.Penalty == linear.ElasticNet && slices.Contains(d.L1Ratios, 0) {
		fault("alpha auto: an l1_ratio of 0 has no alpha from which on no coefficient is left: take l1_ratios above 0, or " +
			"the penalty l2")
	}
	if len(d.L1Ratios) > 1 && d.Options.Penalty != linear.ElasticNet {
		fault("l1_ratio: several are for the penalty elasticnet, not for %s", d.Options.Penalty)
	}
	if len(d.Alphas) > 1 && d.Options.Penalty == linear.None && b.LearningRate != linear.Optimal {
		fault("alpha: several are for a penalty, and with the penalty none all models are one")
	}
	twice := func(name string, values []float64) {
		for i, v := range values {
			if slices.Contains(values[:i], v) {
				fault("%s: %v is given twice", name, v)
			}
		}
	}
	twice("alpha", d.Alphas)
	twice("l1_ratio", d.L1Ratios)
	switch {
	case !slices.Contains(Solvers, d.Solver):
		fault("solver %q: must be one of %s", d.Solver, linear.Join(Solvers))
	case d.noCorners() != "" && (d.Solver == SolverExact || d.Options.Loss == linear.Quantile):
		fault("%s", d.noCorners())
	case d.Solver == SolverExact && !d.hasExact() && d.Options.OnlyExact() == nil:
		fault("solver exact: there is none for the loss %s: take sgd, or another loss", d.Options.Loss)
	case d.Solver == SolverExact && len(d.onlySGD()) > 0:
		fault("solver exact: has no %s", strings.Join(d.onlySGD(), ", "))
	}
	d.checkMultiClass(fault)
	d.checkDeviance(fault)
	d.checkInference(fault)
	if d.Epochs < 0 {
		fault("epochs %d: must be at least 1", d.Epochs)
	}
	if d.Parts < 1 {
		fault("%d parts: must be at least 1", d.Parts)
	}
	if d.BatchSize < 1 {
		fault("batch_size %d: must be at least 1", d.BatchSize)
	}
	d.checkFolds(fault, b.LearningRate)
	d.checkWarmStart(fault)
	return errors.Join(errs...)
}

// checkFolds tells what cross-validation cannot have.
func (o *FitOptions) checkFolds(fault func(format string, args ...any), rate linear.LearningRate) {
	if o.Folds < 0 || o.Folds == 1 || o.Folds > grid.MaxFolds {
		fault("folds %d: must be from 2 to %d", o.Folds, grid.MaxFolds)
	}
	if o.Folds > 0 && o.Options.Task == linear.OneClass {
		fault("folds: one_class has no score to choose by")
	}
	if o.Folds > 0 && o.WarmStart != nil {
		fault("warm_start: goes on with one model, and cannot be cross-validated")
	}
	if o.Folds > 0 && (o.Options.Tol != nil || o.Options.EarlyStopping) {
		fault("tol and early_stopping: cannot be cross-validated, as all models learn side by side")
	}
	if o.Folds > 0 && (rate == linear.Adaptive || rate == linear.Newton || rate == linear.PA1 || rate == linear.PA2) {
		fault("learning_rate %s: cannot be cross-validated: take constant, optimal, invscaling or adagrad", rate)
	}
	if have := o.scorings(); o.Scoring != "" && !slices.Contains(have, o.Scoring) {
		fault("scoring %q: must be one of %s", o.Scoring, strings.Join(have, ", "))
	}
}

// checkWarmStart tells where the model to go on with is another than the options ask for.
func (o *FitOptions) checkWarmStart(fault func(format string, args ...any)) {
	if w := o.WarmStart; w != nil && w.Task != o.Options.Task {
		fault("warm_start: the model is of a %s, not of a %s", w.Task, o.Options.Task)
	}
	if w := o.WarmStart; w != nil && w.Options.MultiClass == linear.Multinomial {
		fault("warm_start: the model is multinomial, and sgd goes on with one class against the rest only: learn it anew, " +
			"by solver exact")
	}
	if o.WarmStart != nil && o.Standardize {
		fault("standardize: the model of warm_start says whether columns are standardised, and how")
	}
}

// checkMultiClass says what multinomial cannot go with. Defaults are filled in.
func (o *FitOptions) checkMultiClass(fault func(format string, args ...any)) {
	switch loss := o.Options.Loss; {
	case !slices.Contains(MultiClasses, o.MultiClass):
		fault("multi_class %q: must be one of %s", o.MultiClass, linear.Join(MultiClasses))
	case o.MultiClass != linear.Multinomial:
	case o.Options.Task != linear.Classification || loss != linear.LogLoss:
		fault("multi_class multinomial: is for the loss log_loss in classification, not for %s in %s", loss, o.Options.Task)
	case o.Solver == SolverSGD:
		fault("multi_class multinomial: only solver exact has it: sgd learns one class against the rest, as SGDClassifier " +
			"does")
	case o.Solver == SolverAuto && len(o.onlySGD()) > 0:
		fault("multi_class multinomial: is learned by solver exact, which has no %s", strings.Join(o.onlySGD(), ", "))
	}
}

// checkDeviance says what the losses of generalised linear models, and positive, cannot go with. Defaults are filled
// in.
func (o *FitOptions) checkDeviance(fault func(format string, args ...any)) {
	if w := o.WarmStart; w != nil && w.Options.OnlyExact() != nil {
		fault("warm_start: the model has the %s, which sgd cannot go on with: learn it anew, by solver exact",
			w.Options.ExactOnly())
	}
	if o.Options.OnlyExact() == nil {
		return
	}
	switch what := o.Options.ExactOnly(); {
	case o.Solver == SolverSGD:
		fault("%s: only solver exact has it", what)
	case o.Solver == SolverAuto && len(o.onlySGD()) > 0:
		fault("%s: is learned by solver exact, which has no %s", what, strings.Join(o.onlySGD(), ", "))
	}
}

// Scorings lists the scores of cross-validations, by scikit-learn's names.
func Scorings() []string {
	return []string{
		linear.D2Score, linear.DevianceScore(linear.Poisson), linear.DevianceScore(linear.Gamma),
		linear.DevianceScore(linear.Tweedie),
		linear.PinballScore, "r2", "neg_mean_squared_error", "neg_mean_absolute_error", "neg_log_loss", "accuracy", "f1",
		"f1_macro", "roc_auc",
	}
}

// scorings are those that there may be for the task and the loss; f1 and roc_auc are of two classes, f1_macro is of
// more.
func (o *FitOptions) scorings() []string {
	all := Scorings()
	deviance, pinball := all[:4], all[4:]
	all = all[5:]
	switch {
	case o.Options.Loss == linear.Quantile:
		return pinball[:4]
	case slices.Contains(linear.DevianceLosses, o.Options.Loss):
		return append([]string{deviance[0], linear.DevianceScore(o.Options.Loss)}, all[:3]...)
	case o.Options.Task == linear.Regression:
		return all[:3]
	case o.Options.Task == linear.Classification && o.Options.Loss != linear.LogLoss &&
		o.Options.Loss != linear.ModifiedHuber:
		return all[4:]
	case o.Options.Task == linear.Classification:
		return all[3:]
	}
	return Scorings()
}
