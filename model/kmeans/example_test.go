package kmeans_test

import (
	"fmt"

	"beamlearn/model/kmeans"
	"beamlearn/model/linear"
)

// Clusters are found in passes over the rows, which may come in chunks, and each pass in parts that are merged.
func ExampleFit() {
	rows := &linear.Chunk{Features: 2, X: []float64{0, 0, 0, 2, 10, 10, 12, 10}}
	fit, err := kmeans.NewFit(kmeans.Options{Clusters: []int{2}}, rows.Features, []string{"x", "y"})
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
	for k, centre := range m.Centers {
		fmt.Println(centre, m.Sizes[k])
	}
	fmt.Println("inertia", m.Inertia)
	// Output:
	// [11 10] 2
	// [0 1] 2
	// inertia 4
}
