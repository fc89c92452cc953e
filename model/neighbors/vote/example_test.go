package vote_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/neighbors/vote"
)

// Three neighbours, at rows 0, 2 and 3, answer a query.
func ExampleVoter() {
	known := &vote.Targets{
		Task:    linear.Classification,
		Classes: linear.Classes{Texts: []string{"cat", "dog"}},
		Codes:   []int32{1, -1, 0, 0},
	}
	voter, err := vote.NewVoter(known, vote.Options{Weights: vote.Distance})
	if err != nil {
		panic(err)
	}
	rows := []int64{0, 2, 3}
	if err := voter.Ask(func(j int) int64 { return rows[j] }, []float64{0.5, 2, 4}); err != nil {
		panic(err)
	}
	shares := make([]float64, known.Classes.Len())
	class, err := voter.Vote(3, shares)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s %.3f\n", known.Classes.Label(int(class)), shares)
	// Output: dog [0.273 0.727]
}
