package ivf_test

import (
	"fmt"
	"math/rand/v2"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
)

// circles are points on 20 circles, far from each other.
func circles(n int) *vectors.Block {
	r := rand.New(rand.NewPCG(1, 2))
	b := &vectors.Block{Dim: 3, DType: vectors.Float64}
	for i := range n {
		x, y := r.NormFloat64(), r.NormFloat64()
		b.Append([]float64{x, y, float64(i % 20 * 100)}, int64(i))
	}
	return b
}

func ExampleGraph() {
	points := circles(2000)
	found, report, err := ivf.Graph(points, 5, ivf.Options{Recall: 0.9}, neighbors.Search{})
	if err != nil {
		fmt.Println(err)
		return
	}
	positions, _ := found.Of(40)
	same := 0
	for _, p := range positions {
		if p%20 == 0 {
			same++
		}
	}
	fmt.Println(found.Len(), len(positions), same, report.Short())
	// Output: 2000 5 5 false
}

func ExampleFit() {
	index, err := ivf.Fit(circles(2000), ivf.Options{Recall: 0.9})
	if err != nil {
		fmt.Println(err)
		return
	}
	queries, err := vectors.FromFloat64([]float64{0.5, 0.5, 300}, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	found, report, err := index.KNeighbors(queries, 5, neighbors.Search{})
	if err != nil {
		fmt.Println(err)
		return
	}
	positions, _ := found.Of(0)
	for _, p := range positions {
		fmt.Print(p%20, " ")
	}
	fmt.Println(report.Method)
	// Output: 3 3 3 3 3 exact
}
