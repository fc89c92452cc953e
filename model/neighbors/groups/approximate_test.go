package groups

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
)

// copies are points of which each comes several times, nearly: n of them, and some that are equal.
func copies(n, dim int) *vectors.Block {
	rng := rand.New(rand.NewPCG(8, 1))
	b := &vectors.Block{Dim: dim}
	row := make([]float64, dim)
	for i := range n {
		if i%6 == 0 {
			for j := range row {
				row[j] = rng.NormFloat64()
			}
		}
		if i%6 < 5 { // the other one is equal to the fifth
			for j := range row {
				row[j] += rng.NormFloat64() / 300
			}
		}
		b.Append(row, int64(2*i))
	}
	return b
}

// Pairs that are found approximately are within the radius, and the recall is about that of all rows: the share of the
// pairs within the radius whose rows are of one group.
func TestApproximate(t *testing.T) {
	if testing.Short() {
		t.Skip("partitions of 30,000 points take a second")
	}
	t.Parallel()
	const radius = 0.03
	b := copies(30_000, 24) // fewer would be searched exactly
	o := ivf.Options{Recall: 0.9, Sample: 400, Seed: 1}
	found, report, err := Approximate(b, radius, o, neighbors.Search{Threads: 2})
	if err != nil || found == nil || report.Method != "partition" || report.Sample < 300 {
		t.Fatalf("%+v, %v", report, err)
	}
	c, err := New(int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	x, y := make([]float64, b.Dim), make([]float64, b.Dim)
	for i := range found.Len() {
		positions, distances := found.Of(i)
		for j, p := range positions {
			d := neighbors.Distance(b.Row(i, x), b.Row(int(p), y), neighbors.Options{})
			if d != distances[j] || d > radius || int(p) >= i || j > 0 && p == positions[j-1] {
				t.Fatalf("rows %d and %d are %v apart, found %v", i, p, d, distances[j])
			}
			c.Join(int64(i), int64(p))
		}
	}
	index, err := neighbors.Fit(b, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := index.RadiusNeighbors(b, radius, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	pairs, together := 0, 0
	for i := range exact.Len() {
		positions, _ := exact.Of(i)
		for _, p := range positions {
			if pairs++; c.First(int64(i)) == c.First(int64(p)) {
				together++
			}
		}
	}
	recall := float64(together) / float64(pairs)
	if recall < o.Recall || recall < report.Low || recall > report.High {
		t.Errorf("a recall of %v, reported %+v", recall, report.Measure)
	}
}

// Equal rows are near without a search, but for zero vectors by the cosine, which are at 1 from each other; pairs are
// there once; and the rows of the pilot are none of those by which the recall is measured.
func TestApproximation(t *testing.T) {
	t.Parallel()
	b := &vectors.Block{Dim: 2}
	for i, v := range [][]float64{{1, 2}, {0, 0}, {1, 2}, {0, 0}, {math.Copysign(0, -1), 3}, {0, 3}, {1, 2.01}} {
		b.Append(v, int64(i))
	}
	a := &approximation{points: b, radius: 0.5, o: ivf.Options{Metric: neighbors.Cosine, Sample: 5}, threads: 1}
	a.collect()
	if want := []int32{0, 1, 3, 4, 6}; !slices.Equal(a.unequal, want) || len(a.equals) != 2 {
		t.Errorf("unequal rows %v, want %v; %v", a.unequal, want, a.equals)
	}
	// By their places among the unequal ones: the last row is near to the first, and either has found the other.
	found, err := a.pairs(&neighbors.Neighbors{Offsets: []int64{0, 1, 1, 1, 1, 2}, Positions: []int32{4, 0},
		Distances: []float64{0.1, 0.1}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, 0, 0, 1, 1, 1, 2, 3}; !slices.Equal(found.Offsets, want) ||
		!slices.Equal(found.Positions, []int32{0, 4, 0}) {
		t.Errorf("pairs %v of %v, want %v", found.Positions, found.Offsets, want)
	}
	rows := map[bool][]int32{}
	for _, pilot := range []bool{true, false} {
		if err := a.sampled(pilot, func(r answered) { rows[pilot] = append(rows[pilot], r.row) }); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(rows[true], []int32{0, 5}) || !slices.Equal(rows[false], []int32{1, 2, 3, 4, 6}) {
		t.Errorf("sampled %v", rows)
	}
}

// Few points, and a recall of 1, are for an exact search, as is what no list of neighbours can connect.
func TestExactInstead(t *testing.T) {
	t.Parallel()
	b := copies(300, 3)
	for _, recall := range []float64{0.5, 1} {
		found, report, err := Approximate(b, 0.05, ivf.Options{Recall: recall}, neighbors.Search{})
		if err != nil || found != nil || report.Method != "exact" {
			t.Errorf("%v: %+v, %v", recall, report, err)
		}
	}
	if _, _, err := Approximate(b, 1, ivf.Options{Metric: neighbors.Canberra}, neighbors.Search{}); err == nil {
		t.Error("canberra is none of partitions")
	}
}
