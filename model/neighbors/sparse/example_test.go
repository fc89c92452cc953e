package sparse_test

import (
	"fmt"
	"slices"

	"beamlearn/model/neighbors/sparse"
	"beamlearn/model/vectors"
)

// Candidates are few rows, with the nearest among them; beamlearn/model/neighbors orders them by their distances.
func ExampleSearcher_Nearest() {
	rows := &vectors.Block{Dim: 1000, Sparse: &vectors.CSR{}}
	for i, row := range []sparse.Row{
		{Columns: []int32{1, 7}, Values: []float64{2, 1}},
		{Columns: []int32{7, 900}, Values: []float64{1, 1}},
		{Columns: []int32{1, 7}, Values: []float64{2, 1.5}},
		{Columns: []int32{500}, Values: []float64{3}},
	} {
		rows.AppendSparse(row.Columns, row.Values, int64(i))
	}
	index := sparse.New(sparse.Rows{CSR: rows.Sparse, N: rows.Len()}, rows.Dim, sparse.Cosine)
	query := sparse.Row{Columns: []int32{1, 7}, Values: []float64{4, 2}}
	found := index.Searcher().Nearest(query, 1, nil)
	fmt.Println(slices.Contains(found, 0), slices.Contains(found, 3))
	// Output: true false
}
