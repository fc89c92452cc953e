package inference_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/inference"
	"beamlearn/model/linear/leastsquares"
)

// One more pass over the rows tells how sure the coefficients are.
func ExampleLearner() {
	rows := &linear.Chunk{
		Features: 1,
		X:        []float64{0, 1, 2, 3, 4, 5},
		Target:   []float64{1.1, 2.8, 5.2, 6.9, 9.1, 10.8},
	}
	pass := func(l linear.Learner) {
		part := l.Partial(0, 1)
		if err := part.PartialFit(rows); err != nil {
			panic(err)
		}
		if err := l.Advance(part); err != nil {
			panic(err)
		}
	}
	gram, err := leastsquares.NewGram(rows.Features)
	if err != nil {
		panic(err)
	}
	pass(gram)
	options := linear.Options{Task: linear.Regression, Penalty: linear.None}
	solution, err := gram.Solve(&options, false)
	if err != nil {
		panic(err)
	}
	model, err := solution.Model(&options, []string{"x"})
	if err != nil {
		panic(err)
	}
	learner, err := inference.New(linear.Wald, model)
	if err != nil {
		panic(err)
	}
	pass(learner)
	c := learner.Model().Inference.Coef[0]
	fmt.Printf("%.3f ± %.3f, from %.3f to %.3f, p %.1e\n", model.Coef[0][0], c.StandardError, c.Lower, c.Upper, c.P)
	// Output: 1.974 ± 0.044, from 1.852 to 2.097, p 1.5e-06
}
