package bayes_test

import (
	"fmt"

	"beamlearn/model/bayes"
	"beamlearn/model/linear"
)

// Words of mails are counted, chunk by chunk, and a new mail is told apart.
func ExampleDiscreteNB() {
	b, err := bayes.NewDiscreteNB(bayes.Multinomial, 3) // how often a mail has "offer", "free" and "meeting"
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range []*linear.Chunk{
		{Features: 3, X: []float64{2, 1, 0, 1, 2, 0}, Labels: []string{"spam", "spam"}},
		{Features: 3, X: []float64{0, 0, 3, 0, 1, 2}, Labels: []string{"work", "work"}},
	} {
		if err := b.PartialFit(c); err != nil {
			fmt.Println(err)
			return
		}
	}
	proba, err := b.PredictProba(&linear.Chunk{Features: 3, X: []float64{1, 1, 0}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("spam %.3f, work %.3f\n", proba[0], proba[1])
	// Output: spam 0.889, work 0.111
}
