package sparse

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Lanes give the bits of SqEuclidean, for queries of no, few and many entries, in columns that rows have and that
// none has, whatever rows they held before.
func TestLanes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	rows, queries := testRows(rng, 300, 60, "signed"), testRows(rng, 40, 60, "weights")
	scales := make([]float64, rows.N)
	for i := range scales {
		scales[i] = rng.ExpFloat64()
	}
	var lanes Lanes
	got := make([]float64, LaneRows)
	for _, part := range [][2]int{{0, 300}, {17, 18}, {100, 290}} {
		lanes.Set(rows, scales, part[0], part[1])
		for q := range queries.N {
			lanes.SqEuclidean(rowOf(queries, q), got)
			for i := part[0]; i < part[1]; i++ {
				want := SqEuclidean(rowOf(queries, q), rowOf(rows, i), scales[i])
				if math.Float64bits(got[i-part[0]]) != math.Float64bits(want) {
					t.Fatalf("query %d, row %d: %v, want %v", q, i, got[i-part[0]], want)
				}
			}
		}
	}
}
