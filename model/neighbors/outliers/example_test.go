package outliers_test

import (
	"fmt"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/outliers"
	"beamlearn/model/vectors"
)

// Five rows stand together, and one far from them. The scores are LocalOutlierFactor's negative_outlier_factor_.
func ExamplePoints_Scores() {
	rows, err := vectors.FromFloat64([]float64{0, 1, 2, 3, 4, 20}, 1)
	if err != nil {
		panic(err)
	}
	index, err := neighbors.Fit(rows, neighbors.Options{})
	if err != nil {
		panic(err)
	}
	found, err := index.KNeighbors(rows, 2, neighbors.Search{Self: true})
	if err != nil {
		panic(err)
	}
	lists := func(use func(*neighbors.Answers) error) error { return use(neighbors.AnswersOf(rows, rows, found)) }
	options := outliers.Options{Method: outliers.LOF}
	points, err := outliers.NewPoints(int64(rows.Len()), lists, options)
	if err != nil {
		panic(err)
	}
	scores, err := points.Scores(int64(rows.Len()), lists, options)
	if err != nil {
		panic(err)
	}
	points.SetOffset(scores, options)
	for i, score := range scores {
		fmt.Printf("%d: %.2f, an outlier: %v\n", i, score, points.Outlier(score, options))
	}
	// Output:
	// 0: -1.25, an outlier: false
	// 1: -1.25, an outlier: false
	// 2: -0.67, an outlier: false
	// 3: -1.25, an outlier: false
	// 4: -1.25, an outlier: false
	// 5: -11.00, an outlier: true
}
