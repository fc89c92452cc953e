package ivf

import (
	"fmt"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// An index that is opened by the lists that an exact one keeps answers as one that makes them.
func TestOpen(t *testing.T) {
	t.Parallel()
	const n, d, k = 1200, 12, 5
	values := clustered(n, d, 20, 3)
	clear(values[:2*d]) // zero vectors, which are in no list under the cosine
	points := block(t, values, d, false)
	for _, m := range Metrics {
		o := Options{Metric: m, unmeasured: true, lists: 4}
		want, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		lists, err := Lists(points, o)
		if err != nil {
			t.Fatal(err)
		}
		exact, err := neighbors.Fit(points, neighbors.Options{Metric: m})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(points, exact.WithPartition(lists), o)
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := want.KNeighbors(points, k, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := got.KNeighbors(points, k, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Positions, b.Positions) || !slices.Equal(a.Distances, b.Distances) {
			t.Errorf("%s: other neighbours", m)
		}
		x, err := Exactly(points, exact, o)
		if err != nil {
			t.Fatal(err)
		}
		few := points.Slice(0, 3)
		y, r, err := x.Tune(few, k, 3, neighbors.Search{})
		if err != nil || r.Method != "exact" || r.Recall != 1 {
			t.Fatalf("%s: %v, %v", m, r, err)
		}
		some, _, err := y.KNeighbors(few, k, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		if all, err := exact.KNeighbors(few, k, neighbors.Search{}); err != nil || fmt.Sprint(all) != fmt.Sprint(some) {
			t.Errorf("%s: few queries are not answered exactly: %v", m, err)
		}
		lists.Lists = slices.Clone(lists.Lists)
		lists.Lists[7] = -1
		if _, err := Open(points, exact.WithPartition(lists), o); err == nil {
			t.Errorf("%s: a point in no list", m)
		}
	}
	if lists, err := Lists(&vectors.Block{Dim: 1, Sparse: &vectors.CSR{}}, Options{}); lists != nil || err != nil {
		t.Errorf("sparse points, which are answered exactly, are in lists: %v, %v", lists, err)
	}
}
