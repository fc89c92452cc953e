package ivf

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// sparseRows are rows of few entries in many columns, whose popularity is as in texts.
func sparseRows(n int) *vectors.Block {
	const dim, entries = 20_000, 10
	rng := rand.New(rand.NewPCG(5, 6))
	b := &vectors.Block{Dim: dim, DType: vectors.Float64, Sparse: &vectors.CSR{}}
	for i := range n {
		var columns []int32
		for range entries {
			columns = append(columns, int32(math.Pow(rng.Float64(), 5)*dim))
		}
		slices.Sort(columns)
		columns = slices.Compact(columns)
		values := make([]float64, len(columns))
		for j := range values {
			values[j] = rng.NormFloat64()
		}
		b.AppendSparse(columns, values, int64(i))
	}
	return b
}

// Sparse rows are answered exactly, whatever the recall asked: every point, and other queries.
func TestSparse(t *testing.T) {
	t.Parallel()
	const k = 3
	points, queries := sparseRows(3000), sparseRows(500)
	o := Options{Metric: neighbors.Cosine, Recall: 0.5, Sample: 100}
	found, r, err := Graph(points, k, o, neighbors.Search{})
	if err != nil || r.Method != "exact" || r.Recall != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	exact, err := neighbors.Fit(points, neighbors.Options{Metric: neighbors.Cosine})
	if err != nil {
		t.Fatal(err)
	}
	want, err := exact.KNeighbors(points, k, neighbors.Search{Self: true})
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%v: not the exact neighbours", err)
	}
	x, err := Fit(points, o)
	if err != nil {
		t.Fatal(err)
	}
	tuned, r, err := x.Tune(queries, k, 100_000, neighbors.Search{})
	if err != nil || r.Method != "exact" {
		t.Fatalf("%+v, %v", r, err)
	}
	found, _, err = tuned.KNeighbors(queries, k, neighbors.Search{})
	want, err2 := exact.KNeighbors(queries, k, neighbors.Search{})
	if err != nil || err2 != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%v, %v: not the exact neighbours of other queries", err, err2)
	}
	if _, _, err := x.KNeighbors(&vectors.Block{Dim: points.Dim}, k, neighbors.Search{}); err == nil {
		t.Error("dense queries of sparse points")
	}
	if lists, err := Lists(points, o); lists != nil || err != nil {
		t.Errorf("lists of sparse points: %v, %v", lists, err)
	}
}
