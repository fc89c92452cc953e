package grid_test

import (
	"fmt"

	"beamlearn/model/linear"
	"beamlearn/model/linear/grid"
)

// Models of two alphas learn side by side, each once more for each of three folds, which judges it.
func ExampleGrid() {
	rows := &linear.Chunk{Features: 1}
	for i := range 60 {
		x := float64(i%10) / 10
		rows.X, rows.Target, rows.Numbers = append(rows.X, x), append(rows.Target, 1+2*x), append(rows.Numbers, int64(i))
	}
	g, err := grid.NewGrid(grid.GridOptions{
		Options: linear.Options{Task: linear.Regression}, Alphas: []float64{0.0001, 1}, Folds: 3, Epochs: 20,
	}, rows.Features)
	for err == nil && !g.Done() {
		part := g.Partial(0, 1)
		if err = part.PartialFit(rows); err == nil {
			err = g.Advance(part)
		}
	}
	if err != nil {
		panic(err)
	}
	result, err := g.Result()
	if err != nil {
		panic(err)
	}
	best, err := result.Best()
	if err != nil {
		panic(err)
	}
	fmt.Printf("by %s, alpha is %v\n", result.Metrics[0].Name, result.Params[best].Alpha)
	// Output: by r2, alpha is 0.0001
}
