package bayes_test

import (
	"fmt"

	"beamlearn/model/bayes"
	"beamlearn/model/linear"
)

// A classifier of counts of words is learned in one pass over chunks of rows.
func ExampleFit() {
	fit, err := bayes.NewFit(bayes.FitOptions{Options: bayes.Defaults(bayes.Multinomial)}, 2, []string{"offer", "meeting"})
	if err != nil {
		panic(err)
	}
	sum := fit.Partial(0, 1)
	for _, c := range []*linear.Chunk{
		{Features: 2, X: []float64{3, 0, 2, 1}, Labels: []string{"spam", "spam"}},
		{Features: 2, X: []float64{0, 2, 1, 4}, Labels: []string{"ham", "ham"}},
	} {
		if err := sum.PartialFit(c); err != nil {
			panic(err)
		}
	}
	if err := fit.Advance(sum); err != nil {
		panic(err)
	}
	m := fit.Model()
	proba, err := m.Predictor().PredictProba(&linear.Chunk{Features: 2, X: []float64{1, 0}}, nil)
	if err != nil {
		panic(err)
	}
	for k, p := range proba {
		fmt.Printf("%s %.3f\n", m.Classes.Label(k), p)
	}
	// Output:
	// ham 0.229
	// spam 0.771
}
