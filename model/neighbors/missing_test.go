package neighbors

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// missingBlock is rows in which nil is a gap.
func missingBlock(t *testing.T, rows [][]*float64) *vectors.Block {
	t.Helper()
	b := &vectors.Block{Dim: len(rows[0]), DType: vectors.Float64, Missing: true}
	row := make([]float64, b.Dim)
	for i, r := range rows {
		for j, v := range r {
			if row[j] = math.NaN(); v != nil {
				row[j] = *v
			}
		}
		if at := b.Append(row, int64(i)); at >= 0 {
			t.Fatalf("row %d, column %d was not taken", i, at)
		}
	}
	return b
}

// Neighbours of rows with gaps are those of scikit-learn (testdata/missing.py), also of an index from a file, and of
// rows that are compared by two threads; what has no column in common with a query is none.
func TestMissing(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/missing.json")
	if err != nil {
		t.Fatal(err)
	}
	type answers struct{ K, Radius [][][2]float64 }
	var ref struct {
		Points, Queries [][]*float64
		K               int
		Radius          float64
		Own, Others     answers
	}
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	points, queries := missingBlock(t, ref.Points), missingBlock(t, ref.Queries)
	built, err := Fit(points, Options{Metric: NaNEuclidean})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := built.WriteFile(&file, nil); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, found *Neighbors, err error, want [][][2]float64) {
		t.Helper()
		if err != nil {
			t.Fatal(name, err)
		}
		for i, w := range want {
			positions, distances := found.Of(i)
			if len(positions) != len(w) {
				t.Fatalf("%s: query %d has %d neighbours, expected %d", name, i, len(positions), len(w))
			}
			for j, p := range positions {
				if float64(p) != w[j][0] || !(math.Abs(distances[j]-w[j][1]) <= 1e-12*(1+w[j][1])) {
					t.Fatalf("%s: neighbour %d of query %d is %d at %v, expected %v", name, j, i, p, distances[j], w[j])
				}
			}
		}
	}
	for name, x := range map[string]*Index{"built": built, "opened": opened} {
		found, err := x.KNeighbors(x.Rows(0, x.Len()), ref.K, Search{Self: true, Threads: 2})
		check(name, found, err, ref.Own.K)
		found, err = x.KNeighbors(queries, ref.K, Search{})
		check(name, found, err, ref.Others.K)
		found, err = x.RadiusNeighbors(points, ref.Radius, Search{Self: true})
		check(name, found, err, ref.Own.Radius)
		found, err = x.RadiusNeighbors(queries, ref.Radius, Search{Threads: 2})
		check(name, found, err, ref.Others.Radius)
	}
	if d := Distance([]float64{1, math.NaN()}, []float64{math.NaN(), 2}, Options{Metric: NaNEuclidean}); d == d {
		t.Errorf("rows without a column in common are %v apart", d)
	}
	large := missingBlock(t, [][]*float64{{nil, new(float64)}})
	large.F64[1] = 1e151
	if _, err := Fit(large, Options{Metric: NaNEuclidean}); err == nil ||
		!strings.Contains(err.Error(), "a magnitude of at most 1e+150") {
		t.Errorf("1e151: %v", err)
	}
}
