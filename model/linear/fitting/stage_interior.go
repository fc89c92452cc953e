package fitting

import (
	"fmt"
	"math"

	"beamlearn/model/linear"
	"beamlearn/model/linear/interior"
)

// interiorStage goes to the exact optimum of a loss with corners.
type interiorStage struct{ onSurvey }

func (interiorStage) name() string { return "interior" }

func (interiorStage) begin(f *Fit) (linear.Learner, error) {
	n, err := interior.NewOptimizer(f.chosen, f.features)
	if err != nil {
		return nil, err
	}
	n.FeatureNames, n.Scaler, n.ClassRows, n.ClassSizes = f.names, f.survey.Scaler, f.survey.ClassRows,
		f.survey.ClassWeight
	n.Scale(f.survey.Mean, math.Sqrt(f.survey.Var))
	return n, nil
}

func (interiorStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &interior.Optimizer{}, nil
}

func (interiorStage) pass(f *Fit, p *Pass) {
	p.Name = fmt.Sprintf("pass %d", f.passes+1)
}

func (interiorStage) next(f *Fit, learner linear.Learner) (stage, error) {
	f.scaleWarning()
	l := learner.(*interior.Optimizer)
	if !l.Converged() {
		f.warnings = append(f.warnings,
			fmt.Sprintf("the optimum was not reached in %d passes: the objective of the model, the best that was found, "+
				"is at most %.2g %% above the least; %s", l.Passes(), 100*l.Gap(), f.easier()))
	}
	var err error
	f.model, err = l.Model()
	return nil, err
}
