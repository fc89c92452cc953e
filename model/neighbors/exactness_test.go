package neighbors

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// exactnessInputs are those on which libraries that compute in float32, or ‖x‖²+‖y‖²−2⟨x,y⟩, return wrong neighbours:
// see the table in the README. Rows are as they come, with more digits than float32 holds.
func exactnessInputs() map[string][][]float64 {
	r := rand.New(rand.NewPCG(2, 1))
	moved := func(rows [][]float64, mean float64) [][]float64 {
		rows = slices.Clone(rows)
		for i := range rows {
			rows[i] = slices.Clone(rows[i])
		}
		return change(rows, func(_, _ int, v float64) float64 { return v + mean })
	}
	inputs := map[string][][]float64{}
	narrow, wide := gaussianRows(r, 500, 32), gaussianRows(r, 400, 128)
	for _, mean := range []float64{0, 10, 100, 1e3, 1e4, 1e5} {
		inputs[fmt.Sprintf("32 columns, mean %g", mean)] = moved(narrow, mean)
	}
	for _, mean := range []float64{100, 1e4} {
		inputs[fmt.Sprintf("128 columns, mean %g", mean)] = moved(wide, mean)
	}
	inputs["128 columns, one of scale 1e5"] = change(moved(wide, 0), func(_, j int, v float64) float64 {
		if j == 0 {
			return v * 1e5
		}
		return v
	})
	centres := gaussianRows(r, 20, 64)
	for _, jitter := range []float64{1e-4, 1e-3} {
		name := fmt.Sprintf("near-duplicates, jitter %g", jitter)
		inputs[name] = change(gaussianRows(r, 400, 64), func(i, j int, v float64) float64 {
			return centres[i/20][j] + jitter*v
		})
	}
	inputs["places on the earth, in metres"] = change(gaussianRows(r, 800, 3), func(_, j int, v float64) float64 {
		return [3]float64{4.2e6, 2.3e6, 4.1e6}[j] + 1e3*v
	})
	inputs["a Unix time and 3 columns"] = change(gaussianRows(r, 800, 4), func(_, j int, v float64) float64 {
		if j == 0 {
			return 1.7e9 + float64(r.IntN(86400))
		}
		return v
	})
	inputs["pixels"] = change(gaussianRows(r, 250, 784), func(_, _ int, _ float64) float64 { return float64(r.IntN(256)) })
	return inputs
}

// nearestByDifferences is written for this test alone: plain sums of squared differences find whatever may be among the
// k nearest, rounding included, and (Distance, position) orders it.
func nearestByDifferences(rows [][]float64, k int) *Neighbors {
	out := &Neighbors{Offsets: []int64{0}}
	squares := make([]float64, len(rows))
	for i, x := range rows {
		least := make([]float64, 0, k) // of the squares, in their order
		for j, y := range rows {
			square := 0.0
			for c, v := range x {
				square += (v - y[c]) * (v - y[c])
			}
			if squares[j] = square; j != i && (len(least) < k || square < least[k-1]) {
				at, _ := slices.BinarySearch(least, square)
				least = slices.Insert(least[:min(len(least), k-1)], at, square)
			}
		}
		type found struct {
			distance float64
			position int32
		}
		var near []found
		for j, s := range squares {
			if j != i && s <= least[k-1]*(1+1e-9) {
				near = append(near, found{Distance(x, rows[j], Options{}), int32(j)})
			}
		}
		slices.SortFunc(near, func(a, b found) int {
			if a.distance < b.distance || a.distance == b.distance && a.position < b.position {
				return -1
			}
			return 1
		})
		for _, f := range near[:k] {
			out.Positions, out.Distances = append(out.Positions, f.position), append(out.Distances, f.distance)
		}
		out.Offsets = append(out.Offsets, int64(len(out.Positions)))
	}
	return out
}

func TestExactness(t *testing.T) {
	const k, few = 10, 8
	for name, rows := range exactnessInputs() {
		for _, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
			if brief() && (dtype == vectors.Float64) != strings.HasSuffix(name, "mean 10000") {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", name, dtype), func(t *testing.T) {
				t.Parallel()
				b := rowsBlock(rows, dtype)
				stored := make([][]float64, b.Len())
				for i := range stored {
					stored[i] = b.Row(i, make([]float64, b.Dim))
				}
				want := nearestByDifferences(stored, k)
				for engine, x := range fitted(t, b, Options{}) {
					if engine == "plain" || engine == "kd_tree" && b.Dim > few {
						continue
					}
					t.Run(engine, func(t *testing.T) {
						same(t, kNeighbors(t, x, b, k, Search{Self: true}), want)
					})
				}
			})
		}
	}
}
