package fitting

import (
	"beamlearn/model/linear"
	"beamlearn/model/linear/inference"
)

// inferenceStage tells how sure the coefficients of a model are, by one more pass over the rows.
type inferenceStage struct{ bySums }

func (inferenceStage) name() string { return "inference" }

func (inferenceStage) begin(f *Fit) (linear.Learner, error) {
	l, err := inference.New(f.options.Inference, f.model)
	f.model = nil // until the end
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (inferenceStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &inference.Learner{}, nil
}

func (inferenceStage) pass(_ *Fit, p *Pass) { p.Name = "finding standard errors" }

func (inferenceStage) next(f *Fit, learner linear.Learner) (stage, error) {
	f.model = learner.(*inference.Learner).Model()
	return nil, nil
}

// checkInference says what there is no inference for. Defaults are filled in.
func (o *FitOptions) checkInference(fault func(format string, args ...any)) {
	if o.Inference == "" {
		return
	}
	if err := o.Options.CanInfer(); err != nil {
		fault("%v", err)
	}
	switch only := o.onlySGD(); {
	case o.Inference != linear.Wald && o.Inference != linear.Robust:
		fault("inference %q: must be one of %s", o.Inference, linear.Join(linear.InferenceKinds))
	case o.Solver == SolverSGD:
		fault("inference: is of an optimum, which only solver exact finds")
	case o.Solver == SolverAuto && len(only) > 0:
		fault("inference: is of an optimum, by solver exact, which has no %s", only[0])
	}
}
