package impute_test

import (
	"fmt"
	"math"

	"beamlearn/model/neighbors/impute"
	"beamlearn/model/vectors"
)

// What is missing becomes the mean of the two nearest rows that have it.
func ExampleImputer() {
	rows := &vectors.Block{Dim: 3, DType: vectors.Float64, Missing: true}
	for i, row := range [][]float64{{1, 2, math.NaN()}, {3, 4, 3}, {math.NaN(), 6, 5}, {8, 8, 7}} {
		rows.Append(row, int64(i))
	}
	m, err := impute.New(3, impute.Options{K: 2})
	if err == nil {
		err = m.Add(rows)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Fit()
	cells, err := m.Fill(rows, 1)
	for _, c := range cells {
		fmt.Println(c.Row, c.Column, c.Value)
	}
	fmt.Println(err)
	// Output:
	// 0 2 4
	// 2 0 5.5
	// <nil>
}
