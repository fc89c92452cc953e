package fitting

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// manyClasses is from how many classes on, all of them integers, a user may have meant a number.
const manyClasses = 50

// Warnings says what a user should know of the rows and the options, a line each, as far as it is known by now.
func (f *Fit) Warnings() []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	o := &f.options
	exact := o.exact(f.features)
	if only := o.onlySGD(); !exact && o.Solver == SolverAuto && o.hasExact() && f.features <= o.maxExact() &&
		len(only) > 0 && o.WarmStart == nil {
		warn("solver auto is sgd, as only sgd has %s; without, it is exact", strings.Join(only, ", "))
	}
	if o.Solver == SolverAuto && !exact && o.hasExact() && len(o.onlySGD()) == 0 && f.features > o.maxExact() {
		warn("solver auto is sgd, as there are %d columns, more than %d with the penalty %s: its model is near the "+
			"optimum, and may be far from it",
			f.features, o.maxExact(), o.Options.Penalty)
	}
	all = append(all, f.FoldWarnings()...)
	if s := f.survey; s != nil {
		if n := len(s.Classes.Numbers); n >= manyClasses {
			warn("the target has %d classes, from %s to %s, each a number: if one predicts a number, take --task=regression", n,
				s.Classes.Label(0), s.Classes.Label(n-1))
		}
		for k, w := range s.ClassWeight {
			if w == 0 {
				warn("all rows of class %s have the weight 0: the model learns that there is no such class",
					strconv.Quote(s.Classes.Label(k)))
			}
		}
		if !exact && s.Drift.Drifts() && !f.unordered() {
			warn("the rows look sorted: %s; sgd learns better from shuffled rows", s.Drift.String())
		}
		if !exact && s.Scaler == nil && !o.Standardized && f.chosen.LearningRate != linear.AdaGrad &&
			f.chosen.LearningRate != linear.Newton && o.WarmStart == nil && s.NeedsScaler() {
			warn("the columns are of very different scale, which sgd learns slowly from: take --standardize")
		}
	}
	return append(all, f.warnings...)
}

// unordered reports whether gradient descent learns the same of rows in any order: sums of parabolas.
func (f *Fit) unordered() bool {
	return f.chosen.LearningRate == linear.Newton && f.chosen.Loss == linear.SquaredError
}

// FoldWarnings names the classes that are not in every fold, as soon as the survey has found them; none without folds.
func (f *Fit) FoldWarnings() []string {
	if s := f.survey; s != nil && len(s.Rare) > 0 {
		return []string{"not every fold has every class: " + folds.Text(s.Rare, &s.Classes, s.Folds)}
	}
	return nil
}

// scaleWarnings say what the penalty makes of columns of small scale, by their mean squares and the root mean square of
// the loss' slopes at a constant prediction.
func scaleWarnings(o *linear.Options, squares []float64, slope float64) []string {
	return append(shrinks(o, squares), keptOut(o, squares, slope)...)
}

// keptOut is the warning that the l1 part of the penalty gives columns of small scale the coefficient 0 whatever they
// tell, where it does: a column whose mean square is v has a gradient of at most √v·slope at a constant prediction (the
// inequality of Cauchy and Schwarz), and a coefficient where that is more than the part's alpha.
func keptOut(o *linear.Options, squares []float64, slope float64) []string {
	alpha := *o.Alpha
	switch o.Penalty {
	case linear.None, linear.L2:
		return nil
	case linear.ElasticNet:
		alpha *= *o.L1Ratio
	}
	out, most := 0, 0.0
	for _, v := range squares {
		if v > 0 && float64(math.Sqrt(v)*slope) < alpha {
			out, most = out+1, max(most, v)
		}
	}
	if out == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the penalty, alpha %v, keeps %d of %d columns out of the model whatever they tell, as "+
		"their scale is small (a mean square of at most %.2g): take --standardize, or a smaller --alpha",
		*o.Alpha, out, len(squares), most)}
}

// smallSquare is the mean square below which a column is of small scale: half that of a standardised one.
const smallSquare = 0.5

// shrinks is the warning that the l2 part of the penalty takes much of the effect of columns of small scale, where it
// does: of a column whose mean square is v the share alpha/(alpha+v), where alpha is that part's. A large alpha takes
// much of any column, which is what it is for.
func shrinks(o *linear.Options, squares []float64) []string {
	alpha := *o.Alpha
	switch o.Penalty {
	case linear.None, linear.L1:
		return nil
	case linear.ElasticNet:
		alpha *= 1 - *o.L1Ratio
	}
	shrunk, least := 0, 0.0
	for _, v := range squares {
		if v > 0 && v < min(10*alpha, smallSquare) {
			if shrunk++; least == 0 || v < least {
				least = v
			}
		}
	}
	if shrunk == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the penalty, alpha %v, shrinks %d of %d columns by more than 9 %%, as their scale is "+
		"small (a mean square of %.2g): take --standardize, or a smaller --alpha",
		*o.Alpha, shrunk, len(squares), least)}
}

// scaleWarning warns of columns that the penalty shrinks, where they are not standardised.
func (f *Fit) scaleWarning() {
	if f.survey.Scaler == nil {
		e := linear.ExactOptions(&f.chosen)
		_, slope := slopes(f.survey, &e)
		f.warnings = scaleWarnings(&e, f.survey.Squares, slope)
	}
}

// gapWarning warns where the objective of some fit of a cross-validation is more than this share above the least.
func (f *Fit) gapWarning(c interface{ Gap() (gap, alpha float64) }, near float64) {
	if gap, alpha := c.Gap(); gap > near {
		f.warnings = append(f.warnings, fmt.Sprintf("not every fit has reached its optimum: with alpha %v the objective "+
			"of one is at most %.2g %% above the least; %s", alpha, 100*gap, f.easier()))
	}
}

// manyWarning warns where nothing chooses among the models that fit all rows.
func (f *Fit) manyWarning() {
	e := linear.ExactOptions(&f.chosen)
	if e.Penalty != linear.None && *e.Alpha > 0 || int64(f.features) < f.survey.Rows {
		return
	}
	f.warnings = append(f.warnings, fmt.Sprintf("%d rows of %d columns do not tell what the coefficients are without a "+
		"penalty: this model is one of many, and not that of the least norm, which --penalty=l2 with a small --alpha, as "+
		"1e-9, comes near", f.survey.Rows, f.features))
}

// scaled reports whether rows are standardised, by the fit or by their encoding.
func (f *Fit) scaled() bool {
	return f.options.Standardized || f.survey != nil && f.survey.Scaler != nil
}

// easier says what makes an optimum easier to reach: not what has been done already.
func (f *Fit) easier() string {
	switch {
	case f.chosen.Penalty != linear.None && f.scaled():
		return "a larger --alpha makes it easier"
	case f.chosen.Penalty != linear.None:
		return "--standardize, or a larger --alpha, makes it easier"
	case f.chosen.Task == linear.Classification:
		return "without a penalty there is no optimum where columns tell the classes apart without a fault: take --penalty=l2"
	case f.scaled():
		return "--penalty=l2 makes it easier"
	}
	return "--standardize, or --penalty=l2, makes it easier"
}
