package fitting

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/newton"
)

// crossStage cross-validates by exact fits of all folds, and so gives the exact model, too.
type crossStage struct{ onSurvey }

func (crossStage) name() string { return "cross" }

func (crossStage) begin(f *Fit) (linear.Learner, error) {
	x, err := newton.NewCrossFit(f.chosen, f.options.Alphas, f.options.L1Ratios, f.survey.Folds, f.features)
	if err != nil {
		return nil, err
	}
	x.FeatureNames, x.Scaler, x.ClassRows = f.names, f.survey.Scaler, f.survey.ClassRows
	x.ClassSizes = newton.BalancedBy(f.chosen.Loss, f.survey.ClassRows, f.survey.ClassWeight)
	return x, nil
}

func (crossStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &newton.CrossFit{}, nil
}

func (crossStage) pass(f *Fit, p *Pass) {
	p.Name, p.Batch = fmt.Sprintf("cross-validating, pass %d", f.passes+1), newton.CrossRows
}

func (crossStage) next(f *Fit, learner linear.Learner) (stage, error) {
	l := learner.(*newton.CrossFit)
	best, err := f.compared(l)
	if err != nil {
		return nil, err
	}
	f.scaleWarning()
	f.model, err = l.Model(best)
	return nil, err
}
