package fitting

import (
	"fmt"
	"slices"

	"beamlearn/model/linear"
	"beamlearn/model/linear/newton"
	"beamlearn/model/linear/screening"
)

// screeningStage goes to the exact optimum with l1 of more columns than second derivatives are summed up of.
type screeningStage struct{ onSurvey }

func (screeningStage) name() string { return "screening" }

func (screeningStage) begin(f *Fit) (linear.Learner, error) {
	o, err := screening.NewOptimizer(f.chosen, f.features)
	if err != nil {
		return nil, err
	}
	o.FeatureNames, o.Scaler, o.ClassRows = f.names, f.survey.Scaler, f.survey.ClassRows
	o.Centre(f.survey.Mean)
	o.ClassSizes = newton.BalancedBy(f.chosen.Loss, f.survey.ClassRows, f.survey.ClassWeight)
	return o, nil
}

func (screeningStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &screening.Optimizer{}, nil
}

func (screeningStage) pass(f *Fit, p *Pass) {
	p.Name = fmt.Sprintf("pass %d", f.passes+1)
}

func (screeningStage) next(f *Fit, learner linear.Learner) (stage, error) {
	f.scaleWarning()
	l := learner.(*screening.Optimizer)
	if !l.Converged() && !(l.Gap() <= near) {
		f.warnings = append(f.warnings,
			fmt.Sprintf("the optimum was not reached in %d passes: the objective of the model, the best that was found, is "+
				"at most %.2g %% above the least; %s", l.Passes(), 100*l.Gap(), f.easier()))
	}
	var err error
	f.model, err = l.Model()
	return nil, err
}

// mostPath is about how many alphas follow from the rows at most.
const mostPath = 64

// screens reports whether a fit of so many columns is by a working set of them, as far as the options tell: the classes
// must be two. On folds, rows are not standardised and classes not balanced, and the weights of all fits are not many.
func (o *FitOptions) screens(features int) bool {
	alphas := len(o.Alphas)
	if o.AutoAlphas {
		alphas = mostPath
	}
	if o.Folds > 0 && (o.Standardize || o.Options.ClassWeight.Balanced ||
		float64(alphas)*float64(o.Folds)*float64(features) > screening.MostJudged) {
		return false
	}
	return features > MaxExactFeatures && features <= screening.MaxFeatures && !slices.Contains(o.Alphas, 0) &&
		len(o.L1Ratios) == 1 && (o.Options.Penalty == linear.L1 || o.L1Ratios[0] > 0) &&
		screening.Takes(&o.Options, 0)
}
