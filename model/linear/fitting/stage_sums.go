package fitting

import (
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/linear/leastsquares"
)

// sumsStage solves least squares by the sums of products of the columns, in one pass.
type sumsStage struct{ bySums }

func (sumsStage) name() string { return "sums" }

func (sumsStage) begin(f *Fit) (linear.Learner, error) {
	return leastsquares.NewGram(f.features)
}

func (sumsStage) empty(f *Fit, bytes int) (linear.Learner, error) {
	return &leastsquares.Gram{}, nil
}

func (sumsStage) next(f *Fit, learner linear.Learner) (stage, error) {
	return nil, f.solve(learner.(*leastsquares.Gram))
}

// solve makes the model of sums.
func (f *Fit) solve(sums *leastsquares.Gram) error {
	if err := sums.Underflow(); err != nil {
		return err
	}
	if v, constant := sums.Constant(); constant {
		return fault.File("", "a target of at least two values", "%v in every row of a weight above 0", v)
	}
	s, err := sums.Solve(&f.chosen, f.options.Standardize)
	if err != nil {
		return err
	}
	if !f.options.Standardize {
		e := linear.ExactOptions(&f.chosen)
		squares := sums.Squares(*e.FitIntercept)
		f.warnings = scaleWarnings(&e, squares[:f.features], math.Sqrt(squares[f.features]))
	}
	if f.model, err = s.Model(&f.chosen, f.names); err != nil {
		return err
	}
	m, err := sums.Score(f.model)
	if err == nil && m.M2 > 0 {
		f.fitted = &m
	}
	return err
}
