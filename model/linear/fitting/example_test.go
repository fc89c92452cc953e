package fitting_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
)

// A fit asks for passes over the rows until it has a model. Rows may come in chunks, and each pass in parts that are
// merged.
func Example() {
	rows := &linear.Chunk{
		Features: 2,
		X:        []float64{0, 1, 1, 0, 2, 2, 3, 1, 4, 0, 5, 3},
		Target:   []float64{4, 3, 11, 10, 9, 20}, // 1 + 2·x₀ + 3·x₁
	}
	options := fitting.FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.None}}
	fit, err := fitting.NewFit(options, rows.Features, []string{"x0", "x1"})
	for err == nil && !fit.Done() {
		part := fit.Partial(0, 1)
		if err = part.PartialFit(rows); err == nil {
			err = fit.Advance(part)
		}
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	m := fit.Model()
	fmt.Printf("%.3f + %.3f·x0 + %.3f·x1, by %s\n", m.Intercept[0], m.Coef[0][0], m.Coef[0][1], m.Training.Solver)
	// Output: 1.000 + 2.000·x0 + 3.000·x1, by exact
}
