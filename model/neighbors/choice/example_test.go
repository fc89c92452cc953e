package choice_test

import (
	"fmt"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/choice"
	"beamlearn/model/vectors"
)

// The nearest house of another owner that is no dearer than the query's.
func ExampleSearcher() {
	houses, err := vectors.FromFloat64([]float64{0, 0, 1, 0, 0, 2, 5, 5}, 2)
	if err != nil {
		panic(err)
	}
	index, err := neighbors.Fit(houses, neighbors.Options{})
	if err != nil {
		panic(err)
	}
	owners, prices := []int32{0, 0, 1, 2}, []int32{30, 20, 40, 10}
	searcher, err := choice.New(index, &choice.Rules{
		Apart:  &choice.Pair{Points: owners, Queries: owners},
		Before: &choice.Pair{Points: prices, Queries: []int32{31, 21, 41, 11}}, // a limit is beyond the last
	})
	if err != nil {
		panic(err)
	}
	found, err := searcher.KNeighbors(houses, 1, neighbors.Search{Self: true})
	if err != nil {
		panic(err)
	}
	for i := range found.Len() {
		positions, distances := found.Of(i)
		fmt.Printf("%d: %v at %.3f\n", i, positions, distances)
	}
	// Output:
	// 0: [3] at [7.071]
	// 1: [3] at [6.403]
	// 2: [0] at [2.000]
	// 3: [] at []
}
