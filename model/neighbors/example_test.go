package neighbors_test

import (
	"bytes"
	"fmt"
	"log"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// points are five points in the plane.
func points() *vectors.Block {
	b, err := vectors.FromFloat64([]float64{
		0, 0,
		3, 4,
		3, 4,
		0, 1,
		10, 0,
	}, 2)
	if err != nil {
		log.Fatal(err)
	}
	return b
}

func ExampleFit() {
	index, err := neighbors.Fit(points(), neighbors.Options{Metric: neighbors.Manhattan, Algorithm: neighbors.KDTree})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(index.Len(), "points of", index.Dim(), "columns, searched by", index.Algorithm())

	_, err = neighbors.Fit(points(), neighbors.Options{Metric: neighbors.Cosine, Algorithm: neighbors.KDTree})
	fmt.Println(err)
	// Output:
	// 5 points of 2 columns, searched by kd_tree
	// algorithm kd_tree lacks the metric cosine: use brute
}

// Of every point, the two nearest others: those with the smallest (distance, position).
func ExampleIndex_KNeighbors() {
	index, err := neighbors.Fit(points(), neighbors.Options{})
	if err != nil {
		log.Fatal(err)
	}
	found, err := index.KNeighbors(points(), 2, neighbors.Search{Self: true})
	if err != nil {
		log.Fatal(err)
	}
	for i := range found.Len() {
		positions, distances := found.Of(i)
		fmt.Printf("%d: %v at %.3f\n", i, positions, distances)
	}
	// Output:
	// 0: [3 1] at [1.000 5.000]
	// 1: [2 3] at [0.000 4.243]
	// 2: [1 3] at [0.000 4.243]
	// 3: [0 1] at [1.000 4.243]
	// 4: [1 2] at [8.062 8.062]
}

// Queries need not be points of the index.
func ExampleIndex_KNeighbors_queries() {
	index, err := neighbors.Fit(points(), neighbors.Options{})
	if err != nil {
		log.Fatal(err)
	}
	queries, err := vectors.FromFloat32([]float32{9, 0}, 2)
	if err != nil {
		log.Fatal(err)
	}
	found, err := index.KNeighbors(queries, 1, neighbors.Search{})
	if err != nil {
		log.Fatal(err)
	}
	positions, distances := found.Of(0)
	fmt.Println("id", index.ID(positions[0]), "at", distances[0])
	// Output: id 4 at 1
}

// The nearest centres of rows, of which the first was nearest to the third before it moved.
func ExampleIndex_NewNearest() {
	index, err := neighbors.Fit(points(), neighbors.Options{})
	if err != nil {
		log.Fatal(err)
	}
	nearest, err := index.NewNearest()
	if err != nil {
		log.Fatal(err)
	}
	rows, err := vectors.FromFloat64([]float64{3, 3, 9, 0}, 2)
	if err != nil {
		log.Fatal(err)
	}
	if err := nearest.Take(rows); err != nil {
		log.Fatal(err)
	}
	positions, distances := []int32{2, -1}, make([]float64, 2)
	nearest.Distances(positions[:1], distances[:1])
	if err := nearest.Find(positions, distances, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(positions, distances)
	// Output: [1 4] [1 1]
}

// A radius is inclusive.
func ExampleIndex_RadiusNeighbors() {
	index, err := neighbors.Fit(points(), neighbors.Options{})
	if err != nil {
		log.Fatal(err)
	}
	found, err := index.RadiusNeighbors(points(), 5, neighbors.Search{Self: true})
	if err != nil {
		log.Fatal(err)
	}
	for i := range found.Len() {
		positions, _ := found.Of(i)
		fmt.Println(i, positions)
	}
	// Output:
	// 0 [3 1 2]
	// 1 [2 3 0]
	// 2 [1 3 0]
	// 3 [0 1 2]
	// 4 []
}

// An index can be kept, and opened again without being built.
func ExampleOpenBytes() {
	index, err := neighbors.Fit(points(), neighbors.Options{Algorithm: neighbors.KDTree})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := index.WriteFile(&file, []byte("five points")); err != nil {
		log.Fatal(err)
	}
	again, err := neighbors.OpenBytes(file.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d, searched by %s\n", again.Note(), again.Len(), again.Algorithm())
	// Output: five points: 5, searched by kd_tree
}

func ExampleDistance() {
	x, y := []float64{1, 0, 2}, []float64{1, 2, 0}
	for _, m := range neighbors.Metrics[:8] {
		fmt.Printf("%s %.4g\n", m, neighbors.Distance(x, y, neighbors.Options{Metric: m, P: 3}))
	}
	// Output:
	// euclidean 2.828
	// sqeuclidean 8
	// cosine 0.8
	// inner_product -1
	// manhattan 4
	// chebyshev 2
	// minkowski 2.52
	// hamming 0.6667
}
