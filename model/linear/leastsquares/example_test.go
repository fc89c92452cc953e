package leastsquares_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/leastsquares"
)

// Sums of one pass, in parts of any number, solve least squares for each penalty: alpha 1 of six rows is
// Ridge(alpha=6).
func ExampleGram_Solve() {
	rows := &linear.Chunk{
		Features: 2,
		X:        []float64{0, 1, 1, 0, 2, 2, 3, 1, 4, 0, 5, 3},
		Target:   []float64{4, 3, 11, 10, 9, 20}, // 1 + 2·x₀ + 3·x₁
	}
	gram, err := leastsquares.NewGram(rows.Features)
	if err != nil {
		panic(err)
	}
	part := gram.Partial(0, 1)
	if err := part.PartialFit(rows); err != nil {
		panic(err)
	}
	if err := gram.Advance(part); err != nil {
		panic(err)
	}
	for _, alpha := range []float64{0, 1} {
		s, err := gram.Solve(&linear.Options{Task: linear.Regression, Penalty: linear.L2, Alpha: &alpha}, false)
		if err != nil {
			panic(err)
		}
		fmt.Printf("alpha %v: %.3f + %.3f·x0 + %.3f·x1\n", alpha, s.Intercept, s.Coef[0], s.Coef[1])
	}
	// Output:
	// alpha 0: 1.000 + 2.000·x0 + 3.000·x1
	// alpha 1: 3.179 + 1.741·x0 + 1.688·x1
}
