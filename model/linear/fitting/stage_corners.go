package fitting

import (
	"fmt"
	"math"

	"beamlearn/model/linear"
	"beamlearn/model/linear/interior"
)

// cornersStage cross-validates a loss with corners by exact fits of all folds, and so gives the exact model, too.
type cornersStage struct{ onSurvey }

func (cornersStage) name() string { return "corners" }

func (cornersStage) begin(f *Fit) (linear.Learner, error) {
	x, err := interior.NewCrossFit(f.chosen, f.options.Alphas, f.survey.Folds, f.features)
	if err != nil {
		return nil, err
	}
	x.FeatureNames, x.Scaler, x.ClassRows, x.ClassSizes = f.names, f.survey.Scaler, f.survey.ClassRows,
		f.survey.ClassWeight
	x.Scale(f.survey.Mean, math.Sqrt(f.survey.Var))
	return x, nil
}

func (cornersStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &interior.CrossFit{}, nil
}

func (cornersStage) pass(f *Fit, p *Pass) {
	p.Name = fmt.Sprintf("cross-validating, pass %d", f.passes+1)
}

func (cornersStage) next(f *Fit, learner linear.Learner) (stage, error) {
	l := learner.(*interior.CrossFit)
	best, err := f.compared(l)
	if err != nil {
		return nil, err
	}
	f.scaleWarning()
	f.gapWarning(l, interior.Certified)
	f.model, err = l.Model(best)
	return nil, err
}
