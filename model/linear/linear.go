package linear

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Task is what the target is.
type Task string

const (
	Regression     Task = "regression"     // a number; scikit-learn's SGDRegressor
	Classification Task = "classification" // one of two or more classes; SGDClassifier
	OneClass       Task = "one_class"      // none: +1 for rows like those learned from, −1 for others; SGDOneClassSVM
)

// Tasks lists all tasks.
var Tasks = []Task{Regression, Classification, OneClass}

// Loss is what a prediction p costs where y is right: y is ±1 in classification. With m = y·p and r = p − y:
type Loss string

const (
	Hinge         Loss = "hinge"          // max(0, 1−m): a linear SVM
	LogLoss       Loss = "log_loss"       // log(1+e⁻ᵐ): logistic regression
	ModifiedHuber Loss = "modified_huber" // max(0, 1−m)² for m ≥ −1, else −4m
	SquaredHinge  Loss = "squared_hinge"  // max(0, 1−m)²
	Perceptron    Loss = "perceptron"     // max(0, −m)
	SquaredError  Loss = "squared_error"  // r²/2
	// r²/2 for |r| ≤ epsilon, else epsilon·(|r| − epsilon/2)
	Huber                     Loss = "huber"
	EpsilonInsensitive        Loss = "epsilon_insensitive"         // max(0, |r|−epsilon): support vector regression
	SquaredEpsilonInsensitive Loss = "squared_epsilon_insensitive" // max(0, |r|−epsilon)²
)

// Quantile is, of a regression, quantile·(y−p) where y is above p, and (1−quantile)·(p−y) where it is not: the pinball
// loss, whose best constant is that quantile of the targets. Only an exact solver has it.
const Quantile Loss = "quantile"

// defaultQuantile is the median.
const defaultQuantile = 0.5

// Losses lists the losses that SGD has. A regression takes the last four, Quantile, or one of DevianceLosses; a
// classification any of Losses.
var Losses = []Loss{Hinge, LogLoss, ModifiedHuber, SquaredHinge, Perceptron, SquaredError, Huber, EpsilonInsensitive,
	SquaredEpsilonInsensitive}

var regressionLosses = slices.Concat(Losses[5:], []Loss{Quantile}, DevianceLosses)

// Penalty is what weights w cost: alpha times this. The intercept costs nothing.
type Penalty string

const (
	L2         Penalty = "l2"         // ‖w‖²/2
	L1         Penalty = "l1"         // ‖w‖₁, which makes weights zero
	ElasticNet Penalty = "elasticnet" // l1_ratio·‖w‖₁ + (1−l1_ratio)·‖w‖²/2
	None       Penalty = "none"       // nothing
)

// Penalties lists all penalties.
var Penalties = []Penalty{L2, L1, ElasticNet, None}

// MarshalJSON writes scikit-learn's value: None is null.
func (p Penalty) MarshalJSON() ([]byte, error) {
	if p == None {
		return []byte("null"), nil
	}
	return json.Marshal(string(p))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Penalty) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*p = None
		return nil
	}
	return json.Unmarshal(b, (*string)(p))
}

// LearningRate is how the step size eta follows from the number t of the row, counted from 1.
type LearningRate string

const (
	Constant   LearningRate = "constant"   // eta0
	Optimal    LearningRate = "optimal"    // 1/(alpha·(t+t0−1)) with t0 = alpha^(−3/4): the first step is alpha^(−1/4)
	InvScaling LearningRate = "invscaling" // eta0/t^power_t
	Adaptive   LearningRate = "adaptive"   // eta0, divided by 5 each time that n_iter_no_change epochs have not helped
	Newton     LearningRate = "newton"     // none: quadratic functions of the rows, of few columns: see package sgd
	AdaGrad    LearningRate = "adagrad"    // eta0, for each column by its own scale and gradients so far: see package sgd
	PA1        LearningRate = "pa1"        // passive-aggressive I: min(eta0, loss/‖x‖²); Crammer et al., JMLR 7 (2006)
	PA2        LearningRate = "pa2"        // passive-aggressive II: loss/(‖x‖² + 1/(2·eta0))
)

// LearningRates lists all learning rates.
var LearningRates = []LearningRate{Constant, Optimal, InvScaling, Adaptive, AdaGrad, Newton, PA1, PA2}

// MultiClass is how more than two classes are told apart.
type MultiClass string

const (
	OneVsRest   MultiClass = "ovr"         // a problem of two classes for each: it against the rest
	Multinomial MultiClass = "multinomial" // one problem: log_loss of the softmax of all decision values
)

// Average is the number of the row with which averaging begins; 0 is never. In JSON, 0 is false and true is 1.
type Average int

// MarshalJSON writes scikit-learn's value.
func (a Average) MarshalJSON() ([]byte, error) {
	if a == 0 {
		return []byte("false"), nil
	}
	return strconv.AppendInt(nil, int64(a), 10), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Average) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "false":
		*a = 0
		return nil
	case "true":
		*a = 1
		return nil
	case "null":
		return errors.New("average null: must be false, true or a number of rows")
	}
	return json.Unmarshal(b, (*int)(a))
}

// ClassWeight multiplies the step of a row by the weight of its class: that in Of, or 1 where there is none. A class
// goes by its label; a number in any notation.
type ClassWeight struct {
	// Balanced: n/(classes · rows of the class), counted over the rows up to the end of the chunk that is learned from.
	Balanced bool
	Of       map[string]float64
}

// MarshalJSON writes scikit-learn's value: "balanced", an object or null.
func (w ClassWeight) MarshalJSON() ([]byte, error) {
	if w.Balanced {
		return []byte(`"balanced"`), nil
	}
	return json.Marshal(w.Of)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (w *ClassWeight) UnmarshalJSON(b []byte) error {
	*w = ClassWeight{}
	if bytes.HasPrefix(b, []byte(`"`)) {
		if string(b) != `"balanced"` {
			return fmt.Errorf("class_weight %s: must be balanced, or an object of weights by label", b)
		}
		w.Balanced = true
		return nil
	}
	return json.Unmarshal(b, &w.Of)
}

// IsSet reports whether any class has a weight.
func (w *ClassWeight) IsSet() bool { return w.Balanced || len(w.Of) > 0 }

// Options are the hyperparameters, by scikit-learn's names and with its defaults. Where zero is a value of its own,
// the field is a pointer, and nil is the default.
type Options struct {
	// Task is what the target is. Required.
	Task Task `json:"-"`
	// Loss is what to minimise. Default: Hinge in classification, SquaredError in regression. A OneClass has none to
	// choose.
	Loss Loss `json:"loss"`
	// Penalty is what keeps weights small. Default: L2. A OneClass has none to choose.
	Penalty Penalty `json:"penalty"`
	// Alpha multiplies the penalty, and sets the steps of Optimal. Default: 1e-4. A OneClass has Nu instead.
	Alpha *float64 `json:"alpha"`
	// L1Ratio is the share of l1 in ElasticNet, from 0 to 1. Default: 0.15.
	L1Ratio *float64 `json:"l1_ratio"`
	// Nu bounds the share of rows that a OneClass leaves outside, from 0 (exclusive) to 1. Default: 0.5.
	Nu float64 `json:"nu,omitempty"`
	// Epsilon is that of Huber, EpsilonInsensitive and SquaredEpsilonInsensitive. Default: 0.1.
	Epsilon *float64 `json:"epsilon"`
	// Power is that of Tweedie: 0, or from 1 on. Default: 1.5; of other losses there is none.
	Power *float64 `json:"power,omitempty"`
	// Quantile is that of the loss Quantile, between 0 and 1. Default: 0.5; of other losses there is none.
	Quantile *float64 `json:"quantile,omitempty"`
	// Exposure is the column of exposures of DevianceLosses. Optional.
	Exposure *Exposure `json:"exposure,omitempty"`
	// Positive: no coefficient may be negative, but the intercept may. It is for SquaredError in regression, and only an
	// exact solver has it. Default: false.
	Positive bool `json:"positive,omitempty"`
	// FitIntercept: whether there is one. Default: true.
	FitIntercept *bool `json:"fit_intercept"`
	// LearningRate is the schedule of step sizes. Default: InvScaling in regression, Optimal otherwise.
	LearningRate LearningRate `json:"learning_rate"`
	// Eta0 is the first step size, or the aggressiveness C of PA1 and PA2; > 0. Default: 0.01; of AdaGrad
	// 0.5, for a target of the size of 1.
	Eta0 float64 `json:"eta0"`
	// PowerT is the power of InvScaling. Default: 0.25 in regression, 0.5 otherwise.
	PowerT *float64 `json:"power_t"`
	// Average makes the coefficients the means of the weights after each row, from this row on. Default: 0, never.
	// (With an l1 penalty the mean follows scikit-learn's formula, which applies each truncation to the past of the
	// chunk, too.)
	Average Average `json:"average"`
	// ClassWeight is for classification. Default: 1 for every class.
	ClassWeight ClassWeight `json:"class_weight"`
	// Tol is how much an epoch must improve the objective, or the score, for EndEpoch to go on. Default: nil, no
	// criterion; then neither is computed, which is faster. (scikit-learn's default is 1e-3, and partial_fit ignores
	// it.)
	Tol *float64 `json:"tol"`
	// NIterNoChange is the number of epochs in a row without such an improvement that ends learning, ≥ 1. Default: 5.
	NIterNoChange int `json:"n_iter_no_change"`
	// EarlyStopping: a share of the rows is not learned from but scored, and the score takes the objective's place.
	// Needs Tol. Default: false.
	EarlyStopping bool `json:"early_stopping"`
	// ValidationFraction is that share, between 0 and 1. A row belongs to it by a hash of its number. Default: 0.1.
	ValidationFraction float64 `json:"validation_fraction"`

	// MultiClass is for classification; Multinomial is for LogLoss, and only an exact solver has it. Of two classes
	// either is the same. Default: OneVsRest.
	MultiClass MultiClass `json:"multi_class,omitempty"`

	// Classes are all the classes that there are: a row of any other is then a fault. Default: none, and the rows tell.
	// A class that appears late then stands as if it had been declared from the start, for which a further weight
	// vector learns from every row as one of a class unseen; declaring the classes saves its time. (With class weights,
	// rows from before the third class came have been weighted as in a problem of two classes.)
	Classes Classes `json:"-"`
}

func ensure[T any](p **T, v T) {
	if *p == nil {
		*p = new(v)
	}
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	loss, rate, power := Hinge, Optimal, 0.5
	if o.Task == Regression {
		loss, rate, power = SquaredError, InvScaling, 0.25
	}
	if o.Loss == "" {
		o.Loss = loss
	}
	if o.Penalty == "" {
		o.Penalty = L2
	}
	ensure(&o.Alpha, 1e-4)
	ensure(&o.L1Ratio, 0.15)
	if o.Nu == 0 && o.Task == OneClass {
		o.Nu = 0.5
	}
	ensure(&o.Epsilon, 0.1)
	if o.Loss == Tweedie {
		ensure(&o.Power, defaultPower)
	}
	if o.Loss == Quantile {
		ensure(&o.Quantile, defaultQuantile)
	}
	ensure(&o.FitIntercept, true)
	if o.LearningRate == "" {
		o.LearningRate = rate
	}
	if o.Eta0 == 0 {
		if o.Eta0 = 0.01; o.LearningRate == AdaGrad {
			o.Eta0 = 0.5
		}
	}
	ensure(&o.PowerT, power)
	if o.NIterNoChange == 0 {
		o.NIterNoChange = 5
	}
	if o.MultiClass == OneVsRest {
		o.MultiClass = "" // as files from before there was another have it
	}
	if o.ValidationFraction == 0 {
		o.ValidationFraction = 0.1
	}
}

// Validate reports every fault of the options at once, in one error. What is not set counts as its default.
func (o *Options) Validate() error {
	d := *o
	d.EnsureDefaults()
	var f optionFaults
	d.checkTerms(&f)
	d.checkExposure(&f)
	d.checkSteps(&f)
	d.checkClassWeight(&f)
	d.checkStops(&f)
	known := slices.Contains(Tasks, d.Task)
	if err := d.Classes.Check(); err != nil {
		f.errs = append(f.errs, err)
	} else if n := d.Classes.Len(); n == 1 {
		f.add("classes: there must be at least two")
	} else if n > 0 && known && d.Task != Classification {
		f.add("classes: only classification has them")
	}
	return errors.Join(f.errs...)
}

// optionFaults are all that is wrong with options, in the order of their fields.
type optionFaults struct{ errs []error }

func (f *optionFaults) add(format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

func (f *optionFaults) number(name string, v, low, high float64, bounds string) {
	if !(v >= low && v <= high) {
		f.add("%s %v: must be %s", name, v, bounds)
	}
}

// smallest and largest are the numbers above 0 that end a range.
const smallest, largest = math.SmallestNonzeroFloat64, math.MaxFloat64

// checkTerms is for task, loss and penalty: what is to be least.
func (d *Options) checkTerms(f *optionFaults) {
	known := slices.Contains(Tasks, d.Task)
	if d.Task == "" {
		f.add("task: must be one of %s", Join(Tasks))
	} else if !known {
		f.add("task %q: must be one of %s", d.Task, Join(Tasks))
	}
	switch {
	case !slices.Contains(AllLosses(), d.Loss):
		f.add("loss %q: must be one of %s", d.Loss, Join(AllLosses()))
	case d.Task == Regression && !slices.Contains(regressionLosses, d.Loss):
		f.add("loss %s: regression takes one of %s", d.Loss, Join(regressionLosses))
	case d.Task == OneClass && d.Loss != Hinge:
		f.add("loss %s: one_class takes hinge only", d.Loss)
	case known && d.Task == Classification && slices.Contains(DevianceLosses, d.Loss):
		f.add("loss %s: is of a mean: take the task regression", d.Loss)
	case known && d.Task == Classification && d.Loss == Quantile:
		f.add("loss quantile: is of a number: take the task regression")
	}
	if d.Quantile != nil && d.Loss != Quantile {
		f.add("quantile %v: only the loss quantile has it", *d.Quantile)
	} else if d.Quantile != nil {
		f.number("quantile", *d.Quantile, smallest, math.Nextafter(1, 0), "a number between 0 and 1")
	}
	if d.Power != nil {
		switch p := *d.Power; {
		case d.Loss != Tweedie:
			f.add("power %v: only the loss tweedie has it", p)
		case p != 0 && !(p >= 1 && p <= largest):
			f.add("power %v: must be 0, or a number from 1 on", p)
		}
	}
	switch {
	case !slices.Contains(Penalties, d.Penalty):
		f.add("penalty %q: must be one of %s", d.Penalty, Join(Penalties))
	case d.Task == OneClass && d.Penalty != L2:
		f.add("penalty %s: one_class takes l2 only", d.Penalty)
	}
	switch {
	case d.MultiClass == "":
	case d.MultiClass != Multinomial:
		f.add("multi_class %q: must be one of %s, %s", d.MultiClass, Multinomial, OneVsRest)
	case known && d.Task != Classification || d.Loss != LogLoss:
		f.add("multi_class multinomial: is for the loss log_loss in classification, not for %s in %s", d.Loss, d.Task)
	}
	if d.Positive && known && (d.Task != Regression || d.Loss != SquaredError) {
		f.add("positive: is for the loss squared_error in regression, not for %s in %s", d.Loss, d.Task)
	}
	f.number("alpha", *d.Alpha, 0, largest, "a number from 0 on")
	f.number("l1_ratio", *d.L1Ratio, 0, 1, "a number from 0 to 1")
	if d.Task == OneClass {
		f.number("nu", d.Nu, smallest, 1, "a number above 0, to 1")
	} else if known && d.Nu != 0 {
		f.add("nu %v: only one_class has it", d.Nu)
	}
	f.number("epsilon", *d.Epsilon, 0, largest, "a number from 0 on")
}

// checkSteps is for step sizes and averaging.
func (d *Options) checkSteps(f *optionFaults) {
	known := slices.Contains(Tasks, d.Task)
	f.number("eta0", d.Eta0, smallest, largest, "a number above 0")
	f.number("power_t", *d.PowerT, 0, largest, "a number from 0 on")
	switch d.LearningRate {
	case Constant, InvScaling, Adaptive:
	case AdaGrad:
		if d.Task == OneClass {
			f.add("learning_rate adagrad: one_class has none such: take optimal, constant or invscaling")
		}
	case Newton:
		d.checkNewton(f)
	case Optimal:
		if *d.Alpha == 0 && d.Task != OneClass {
			f.add("alpha 0: learning_rate optimal divides by it")
		}
	case PA1, PA2:
		if need := passiveLoss(d.Task); known && d.Loss != need {
			f.add("learning_rate %s: needs the loss %s in %s", d.LearningRate, need, d.Task)
		}
	default:
		f.add("learning_rate %q: must be one of %s", d.LearningRate, Join(LearningRates))
	}
	if d.Average < 0 {
		f.add("average %d: must be a number of rows from 0 on", d.Average)
	}
}

// checkNewton is for steps by curvature.
func (d *Options) checkNewton(f *optionFaults) {
	switch {
	case d.Task == OneClass:
		f.add("learning_rate newton: one_class has none such: take optimal, constant or invscaling")
	case !d.Loss.Curves():
		f.add("learning_rate newton: the loss %s has no curvature: take adagrad", d.Loss)
	case d.Penalty == L1 || d.Penalty == ElasticNet:
		f.add("learning_rate newton: has no penalty %s: take adagrad", d.Penalty)
	case d.Average > 0:
		f.add("average: learning_rate newton has no steps to average: take adagrad")
	}
}

// Curves reports whether gradient descent can take the curvature of the loss.
func (l Loss) Curves() bool {
	switch l {
	case LogLoss, SquaredError, Huber, ModifiedHuber, SquaredHinge, SquaredEpsilonInsensitive:
		return true
	}
	return false
}

func (d *Options) checkClassWeight(f *optionFaults) {
	known := slices.Contains(Tasks, d.Task)
	if d.ClassWeight.IsSet() && known && d.Task != Classification {
		f.add("class_weight: only classification has classes")
	}
	if d.ClassWeight.Balanced && len(d.ClassWeight.Of) > 0 {
		f.add("class_weight: must be balanced or weights, not both")
	}
	labels := make([]string, 0, len(d.ClassWeight.Of))
	for label := range d.ClassWeight.Of {
		labels = append(labels, label)
	}
	sort.Strings(labels)
	for _, label := range labels {
		f.number("class_weight of "+strconv.Quote(label), d.ClassWeight.Of[label], 0, largest, "a number from 0 on")
		if d.Classes.Len() > 0 && d.Classes.find(label) < 0 {
			f.add("class_weight of %q: no such class is declared", label)
		}
	}
}

// checkStops is for what ends learning early.
func (d *Options) checkStops(f *optionFaults) {
	if d.Tol != nil {
		f.number("tol", *d.Tol, 0, largest, "a number from 0 on")
	}
	if d.NIterNoChange < 1 {
		f.add("n_iter_no_change %d: must be at least 1", d.NIterNoChange)
	}
	f.number("validation_fraction", d.ValidationFraction, smallest, math.Nextafter(1, 0), "a number between 0 and 1")
	if d.EarlyStopping && d.Tol == nil {
		f.add("early_stopping: needs tol")
	}
	if d.EarlyStopping && d.Task == OneClass {
		f.add("early_stopping: one_class has no score")
	}
}

// passiveLoss is the loss that PA1 and PA2 are defined for.
func passiveLoss(t Task) Loss {
	if t == Regression {
		return EpsilonInsensitive
	}
	return Hinge
}

func Join[T ~string](all []T) string {
	s := make([]string, len(all))
	for i, a := range all {
		s[i] = string(a)
	}
	return strings.Join(s, ", ")
}

// ExactOptions is the options with their defaults, without a schedule of steps, which exact solutions have none of.
func ExactOptions(o *Options) Options {
	d := *o
	d.LearningRate = InvScaling
	d.EnsureDefaults()
	return d
}
