package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/vectors"
)

// The best of the parts of the points, each searched with the bounds that those before it have left, are the best of all:
// for queries of their own, and for the points themselves, whose own row is in one of the parts.
func TestParts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	rows := gaussianRows(r, 400, 6)
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = math.Round(2 * rows[i][j]) // many ties, and zero vectors
		}
	}
	for i := range 40 {
		rows[10*i+3] = rows[3] // more equal points than there are neighbours
	}
	rows[77] = make([]float64, 6)
	cuts := []int{0, 150, 153, 154, 400}
	for _, o := range []Options{{}, {Metric: Cosine}, {Metric: InnerProduct}, {Metric: Manhattan}, {Metric: Chebyshev},
		{Metric: Minkowski, P: 1.5}, {Metric: Hamming}} {
		whole := rowsBlock(rows, vectors.Auto)
		part := func(lo, hi int) *vectors.Block {
			b := &vectors.Block{Dim: 6}
			for i, row := range rows[lo:hi] {
				b.Append(row, int64(lo+i))
			}
			return b
		}
		for engine, x := range fitted(t, whole, o) {
			for _, k := range []int{1, 5, 20} {
				for _, self := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/%s/%d/%v", o.Metric, engine, k, self), func(t *testing.T) {
						q := part(60, 260)
						want := kNeighbors(t, x, q, k, Search{Self: self})
						got := make([][]candidate, q.Len())
						bounds := make([]float64, q.Len())
						for i := range bounds {
							bounds[i] = math.Inf(1)
						}
						for c := range cuts[1:] {
							y := fitted(t, part(cuts[c], cuts[c+1]), o)[engine]
							found := kNeighbors(t, y, q, k, Search{Self: self, Part: true, Bounds: bounds})
							for i := range q.Len() {
								positions, distances := found.Of(i)
								for j, p := range positions {
									got[i] = append(got[i], candidate{distance: distances[j], position: int32(y.Number(p))})
								}
								got[i] = best(got[i], k)
								if len(got[i]) == k {
									// What comes later must be nearer.
									bounds[i] = math.Nextafter(got[i][k-1].distance, math.Inf(-1))
								}
							}
						}
						for i := range q.Len() {
							positions, distances := want.Of(i)
							if len(got[i]) != k {
								t.Fatalf("query %d: %d neighbours", i, len(got[i]))
							}
							for j, p := range positions {
								if got[i][j].position != p || got[i][j].distance != distances[j] {
									t.Fatalf("query %d, rank %d: %d at %v, want %d at %v", i, j, got[i][j].position, got[i][j].distance, p, distances[j])
								}
							}
						}
					})
				}
			}
		}
	}
}

// best are the k first of candidates.
func best(all []candidate, k int) []candidate {
	for i, e := range all {
		for ; i > 0 && e.before(all[i-1]); i-- {
			all[i] = all[i-1]
		}
		all[i] = e
	}
	return all[:min(k, len(all))]
}

// In a part there may be fewer neighbours than k, and a bound that nothing is within leaves none.
func TestPartOfFew(t *testing.T) {
	b := rowsBlock([][]float64{{1, 2}, {3, 4}, {5, 7}}, vectors.Auto)
	q := rowsBlock([][]float64{{1, 2}, {0, 0}}, vectors.Auto)
	q.Numbers[1] = 9 // of another part
	for engine, x := range fitted(t, b, Options{}) {
		n := kNeighbors(t, x, q, 20, Search{Self: true, Part: true})
		if fmt.Sprint(n.Offsets, n.Positions) != "[0 2 5] [1 2 0 1 2]" {
			t.Errorf("%s: %v %v", engine, n.Offsets, n.Positions)
		}
		n = kNeighbors(t, x, q, 2, Search{Part: true, Bounds: []float64{math.Inf(-1), 2}})
		if kept := n.Offsets[2]; kept > 2 || n.Offsets[1] > 1 {
			t.Errorf("%s: %v at %v", engine, n.Positions, n.Distances)
		}
		if _, err := x.KNeighbors(q, 20, Search{}); err == nil {
			t.Errorf("%s: 20 of 3 points that are all", engine)
		}
		if _, err := x.KNeighbors(q, 2, Search{Bounds: []float64{1, 1}}); err == nil {
			t.Errorf("%s: bounds of no part", engine)
		}
	}
}

// A block of queries that was used before, for rows that need a float64, has nothing left of them.
func TestBlockUsedAgain(t *testing.T) {
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(7, 2)), 200, 9), vectors.Float32)
	fresh := &vectors.Block{Dim: 9}
	used := &vectors.Block{Dim: 9}
	used.Append([]float64{0.1, 1, 2, 3, 4, 5, 6, 7, 8}, 0)
	used.Reset()
	for i := range 20 {
		row := []float64{float64(i), 0, 1, 0, 2, 0, 3, 0, 4}
		fresh.Append(row, int64(i))
		used.Append(row, int64(i))
	}
	for engine, x := range fitted(t, b, Options{}) {
		t.Run(engine, func(t *testing.T) {
			same(t, kNeighbors(t, x, used, 5, Search{}), kNeighbors(t, x, fresh, 5, Search{}))
			same(t, kNeighbors(t, x, used, 20, Search{}), kNeighbors(t, x, fresh, 20, Search{}))
		})
	}
}
