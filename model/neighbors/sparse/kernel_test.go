package sparse

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/guard"
)

// All levels find what plain Go finds, and clear the sums. The values are small whole numbers, whose sums are exact.
func TestScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	inf := float32(math.Inf(1))
	for i := range 300 {
		place := []string{"head", "tail", "unaligned"}[i%3]
		chunks, columns := 1+rng.IntN(4), 1+rng.IntN(5)
		n := chunks * chunkRows
		sums, thresholds := guard.Slice[float32](t, n, place), guard.Slice[float32](t, n, place)
		dense := guard.Slice[float32](t, n*columns, place)
		least, most := guard.Slice[float32](t, chunks, place), guard.Slice[float32](t, chunks, place)
		whole := func(to []float32, some int, scale float32) {
			for i := range to {
				if to[i] = 0; rng.IntN(some) == 0 {
					to[i] = scale * float32(rng.IntN(17)-8)
				}
			}
		}
		whole(sums, 4, 1)
		whole(dense, 2, 1)
		whole(thresholds, 1, 20)
		whole(least, 1, 20)
		for i := range thresholds {
			if rng.IntN(2) == 0 {
				thresholds[i] = inf
			}
		}
		if rng.IntN(4) == 0 {
			least[rng.IntN(chunks)] = -inf
		}
		for i := range most {
			most[i] = float32(rng.IntN(3) * 64)
		}
		terms := guard.Slice[term](t, rng.IntN(columns+1), place)
		for i := range terms {
			terms[i] = term{float32(rng.IntN(9) - 4), int32(4 * chunkRows * rng.IntN(columns))}
		}
		var want []int32
		var wantSums []float32
		for l, level := range levels() {
			mine, rows, found := guard.Slice[float32](t, n, place), make([]int32, n), make([]float32, n)
			copy(mine, sums)
			a := scan{sums: &mine[0], thresholds: &thresholds[0], least: &least[0], most: &most[0], chunks: chunks,
				rows: &rows[0], found: &found[0], dense: &dense[0],
				stride: 4 * chunkRows * columns, n: len(terms)}
			if len(terms) > 0 {
				a.norm, a.terms = 1, &terms[0]
			}
			hits := level.scan(&a)
			rows, found = rows[:hits], found[:hits]
			if l == 0 {
				want, wantSums = rows, found
			}
			if !slices.Equal(rows, want) || !slices.Equal(found, wantSums) {
				t.Fatalf("%s: rows %v with %v, want %v with %v", level.name, rows, found, want, wantSums)
			}
			if slices.ContainsFunc(mine, func(v float32) bool { return v != 0 }) {
				t.Fatalf("%s: sums are left", level.name)
			}
		}
	}
}
