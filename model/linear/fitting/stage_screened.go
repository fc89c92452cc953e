package fitting

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/screening"
)

// screenedStage cross-validates l1 of more columns than second derivatives are summed up of by exact fits of all folds,
// and so gives the exact model, too.
type screenedStage struct{ onSurvey }

func (screenedStage) name() string { return "screened" }

func (screenedStage) begin(f *Fit) (linear.Learner, error) {
	x, err := screening.NewCrossFit(f.chosen, f.options.Alphas, f.survey.Folds, f.features)
	if err != nil {
		return nil, err
	}
	x.FeatureNames, x.ClassRows = f.names, f.survey.ClassRows
	x.Centre(f.survey.Mean)
	return x, nil
}

func (screenedStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &screening.CrossFit{}, nil
}

func (screenedStage) pass(f *Fit, p *Pass) {
	p.Name = fmt.Sprintf("cross-validating, pass %d", f.passes+1)
}

func (screenedStage) next(f *Fit, learner linear.Learner) (stage, error) {
	l := learner.(*screening.CrossFit)
	best, err := f.compared(l)
	if err != nil {
		return nil, err
	}
	f.scaleWarning()
	f.gapWarning(l, near)
	f.model, err = l.Model(best)
	return nil, err
}
