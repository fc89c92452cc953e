package ivf

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// sparseTopics are rows of which three quarters of the entries are in the columns of one of many topics; the last two
// have none. With no topics, all are anywhere.
func sparseTopics(n, topics int) *vectors.Block {
	const dim, entries, own = 20_000, 40, 30
	rng := rand.New(rand.NewPCG(7, 8))
	of := make([][]int, topics)
	for t := range of {
		of[t] = rng.Perm(dim)[:2*own]
	}
	b := &vectors.Block{Dim: dim, DType: vectors.Float64, Sparse: &vectors.CSR{}}
	for i := range n - 2 {
		var columns []int32
		for j := range entries {
			if c := rng.IntN(dim); topics > 0 && j < own {
				columns = append(columns, int32(of[i%topics][rng.IntN(2*own)]))
			} else {
				columns = append(columns, int32(c))
			}
		}
		slices.Sort(columns)
		columns = slices.Compact(columns)
		values := make([]float64, len(columns))
		for j := range values {
			if values[j] = 0.5 + rng.Float64(); columns[j]%5 == 0 {
				values[j] = -values[j]
			}
		}
		b.AppendSparse(columns, values, int64(i))
	}
	b.AppendSparse(nil, nil, int64(n-2))
	b.AppendSparse(nil, nil, int64(n-1))
	return b
}

// The graph of sparse rows by pruned lists has the recall asked, the distances of the exact search, and the same
// bytes for any number of threads.
func TestPruned(t *testing.T) {
	t.Parallel()
	const n, k = 1000, 5
	points := sparseTopics(n, 40)
	o := Options{Metric: neighbors.Cosine, Recall: 0.8, Sample: 200, partial: true}
	found, r, err := Graph(points, k, o, neighbors.Search{Threads: 1})
	if err != nil || r.Method != "pruned" || r.Short() || r.Recall == 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	again, _, err := Graph(points, k, o, neighbors.Search{Threads: 3})
	if err != nil || !reflect.DeepEqual(again, found) {
		t.Errorf("three threads: %v, or other neighbours", err)
	}
	exact, err := neighbors.Fit(points, neighbors.Options{Metric: neighbors.Cosine, Algorithm: neighbors.Brute})
	if err != nil {
		t.Fatal(err)
	}
	all, err := exact.KNeighbors(points, n-1, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	share := 0.0
	for i := range n {
		positions, distances := found.Of(i)
		nearest, known := all.Of(i)
		if len(positions) != k {
			t.Fatalf("row %d: %d neighbours", i, len(positions))
		}
		before := -1
		for j, p := range positions {
			at := slices.Index(nearest, p)
			if at <= before || known[at] != distances[j] {
				t.Fatalf("row %d: neighbour %d is %d at %v, not in the exact order", i, j, p, distances[j])
			}
			if before = at; distances[j] <= known[k-1] {
				share += 1.0 / (n * k)
			}
		}
	}
	if share < o.Recall {
		t.Errorf("recall %v", share)
	}
}

// Few points are answered exactly, as that costs less.
func TestPrunedOfFewRows(t *testing.T) {
	t.Parallel()
	points := sparseTopics(1500, 0)
	o := Options{Metric: neighbors.Cosine, Recall: 0.9, Sample: 100}
	found, r, err := Graph(points, 3, o, neighbors.Search{})
	if err != nil || r.Method != "exact" || r.Recall != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	exact, err := neighbors.Fit(points, neighbors.Options{Metric: neighbors.Cosine, Algorithm: neighbors.Brute})
	if err != nil {
		t.Fatal(err)
	}
	want, err := exact.KNeighbors(points, 3, neighbors.Search{Self: true})
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%v: not the exact neighbours", err)
	}
}
