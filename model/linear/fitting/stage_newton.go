package fitting

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/newton"
)

// newtonStage goes to the exact optimum of a loss that has slopes everywhere.
type newtonStage struct{ onSurvey }

const (
	// farOff is the share of an objective that it may be above the least without a word.
	farOff = 0.01
	// near is that share where it is at the least, whatever steps still promise.
	near = 1e-9
)

func (newtonStage) name() string { return "newton" }

func (newtonStage) begin(f *Fit) (linear.Learner, error) {
	n, err := newton.NewOptimizer(f.chosen, f.features)
	if err != nil {
		return nil, err
	}
	n.Expect(f.survey.Rows)
	n.FeatureNames, n.Scaler, n.ClassRows = f.names, f.survey.Scaler, f.survey.ClassRows
	if n.Centre(f.survey.Mean); f.start != nil {
		err = n.Start(f.start.Coef())
		f.start = nil
	}
	n.ClassSizes = newton.BalancedBy(f.chosen.Loss, f.survey.ClassRows, f.survey.ClassWeight)
	return n, err
}

func (newtonStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &newton.Optimizer{}, nil
}

func (newtonStage) pass(f *Fit, p *Pass) {
	p.Name = fmt.Sprintf("pass %d", f.passes+1)
}

func (newtonStage) next(f *Fit, learner linear.Learner) (stage, error) {
	l := learner.(*newton.Optimizer)
	if !l.Converged() && f.interiorHuber() { // with little of a penalty, and corners that are near
		return interiorStage{}, nil
	}
	f.scaleWarning()
	f.manyWarning()
	gap, known := l.Gap()
	above := ""
	if known {
		above = fmt.Sprintf(", whose objective is at most %.2g %% above the least", 100*gap)
	}
	switch {
	case !l.Converged() && !(known && gap <= near):
		f.warnings = append(f.warnings,
			fmt.Sprintf("the optimum was not reached in %d passes: the model is the best that was found%s; %s",
				l.Passes(), above, f.easier()))
	case gap > farOff:
		more := "a larger --alpha says more"
		if !f.scaled() {
			more = "--standardize, or a larger --alpha, says more"
		}
		f.warnings = append(f.warnings,
			fmt.Sprintf("no step lessens the objective any more, but all that is known of the model is that it is one%s; %s",
				above, more))
	}
	var err error
	f.model, err = l.Model()
	return nil, err
}
