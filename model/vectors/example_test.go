package vectors_test

import (
	"fmt"

	"beamlearn/model/vectors"
)

// A block over values that are there already: rows are numbered from 0, and their numbers are their ids.
func ExampleFromFloat64() {
	b, err := vectors.FromFloat64([]float64{1, 2, 3, 4, 5, 6}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	row := make([]float64, b.Dim)
	fmt.Println(b.Len(), "rows; row", b.ID(2), "is", b.Row(2, row))

	_, err = vectors.FromFloat64([]float64{1, 2, 3}, 2)
	fmt.Println(err)
	// Output:
	// 3 rows; row 2 is [5 6]
	// 3 values are not rows of 2
}

// A block that grows row by row, with ids of its own.
func ExampleBlock_Append() {
	b := &vectors.Block{Dim: 3}
	for i, name := range []string{"red", "7", "007"} {
		rgb := []float64{0, 0, 0}
		rgb[i] = 1
		b.Append(rgb, int64(i))
		b.AppendID(vectors.ParseID(name))
	}
	row := make([]float64, b.Dim)
	for i := range b.Len() {
		fmt.Println(b.ID(i), b.ID(i).IsInt(), b.Row(i, row))
	}
	// Output:
	// red false [1 0 0]
	// 7 true [0 1 0]
	// 007 false [0 0 1]
}
