package newton_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/newton"
)

// The exact logistic regression, in a few passes over the rows: alpha 1/8 of eight rows is LogisticRegression(C=1).
func ExampleOptimizer() {
	rows := &linear.Chunk{
		Features: 1,
		X:        []float64{-3, -2, -1, 0, 1, 2, 3, 4},
		Target:   []float64{0, 0, 0, 1, 0, 1, 1, 1},
	}
	alpha := 0.125
	options := linear.Options{
		Task: linear.Classification, Loss: linear.LogLoss, Alpha: &alpha, Classes: linear.Classes{Numbers: []float64{0, 1}},
	}
	o, err := newton.NewOptimizer(options, rows.Features)
	for err == nil && !o.Done() {
		part := o.Partial(0, 1)
		if err = part.PartialFit(rows); err == nil {
			err = o.Advance(part)
		}
	}
	if err != nil {
		panic(err)
	}
	m, err := o.Model()
	if err != nil {
		panic(err)
	}
	fmt.Printf("log-odds %.4f + %.4f·x\n", m.Intercept[0], m.Coef[0][0])
	// Output: log-odds -0.4339 + 0.8678·x
}
