package groups

import (
	"math/rand/v2"
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
