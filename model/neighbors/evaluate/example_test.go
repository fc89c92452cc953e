package evaluate_test

import (
	"fmt"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/vectors"
)

// Another system has found two neighbours of each of four rows.
func ExampleRecall() {
	rows, err := vectors.FromFloat64([]float64{0, 1, 3, 7}, 1)
	if err != nil {
		panic(err)
	}
	index, err := neighbors.Fit(rows, neighbors.Options{})
	if err != nil {
		panic(err)
	}
	exact, err := index.KNeighbors(rows, 2, neighbors.Search{Self: true})
	if err != nil {
		panic(err)
	}
	lists := [][]int64{{1, 2}, {0, 3}, {1, 0}, {2, 0}}
	recall := evaluate.New(2)
	err = recall.Add(exact, index.Number, evaluate.Lists{
		Of:  func(i int) (found []int64, ok bool) { return lists[i], true },
		Own: func(i int) int64 { return int64(i) },
		Distance: func(i int, number int64) (float64, error) {
			a, b := rows.Row(i, make([]float64, 1)), rows.Row(int(number), make([]float64, 1))
			return neighbors.Distance(a, b, index.Options()), nil
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("recall@%d %.2f, queries by hits %v, the nearest at the first place: %d\n", recall.K, recall.Mean(),
		recall.Hits, recall.First)
	// Output: recall@2 0.75, queries by hits [0 2 2], the nearest at the first place: 4
}
