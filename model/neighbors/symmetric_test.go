package neighbors

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

// randomEdges are k random neighbours of each of some rows of n; distances are the same in both directions, and tie.
func randomEdges(rng *rand.Rand, n, k int, text bool) *Answers {
	a := &Answers{Offsets: []int64{0}}
	name := func(i int64) vectors.ID {
		if text && i%3 == 0 {
			return vectors.ID{Text: fmt.Sprint("row ", i)}
		}
		return vectors.ID{Int: 10 * i}
	}
	rows := []int64{}
	for i := range int64(n) {
		if rng.IntN(5) > 0 {
			rows = append(rows, i)
		}
	}
	for _, i := range rows {
		var edges []edge
		for _, at := range rng.Perm(len(rows))[:min(k, len(rows)-1)] {
			if j := rows[at]; j != i {
				edges = append(edges, edge{to: j, distance: float64((i*j)%7) / 4})
			}
		}
		a.Numbers = append(a.Numbers, i)
		a.IDs.Append(name(i))
		for _, e := range Union.row(edges) {
			a.Neighbors, a.Distances = append(a.Neighbors, e.to), append(a.Distances, e.distance)
			a.NeighborIDs.Append(name(e.to))
		}
		a.Offsets = append(a.Offsets, int64(len(a.Neighbors)))
	}
	return a
}

// bothWays makes a graph symmetric by the definition.
func bothWays(a *Answers, how Symmetry) map[int64]map[int64]float64 {
	has := map[[2]int64]float64{}
	for i, n := range a.Numbers {
		for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
			has[[2]int64{n, a.Neighbors[e]}] = a.Distances[e]
		}
	}
	m := map[int64]map[int64]float64{}
	for _, n := range a.Numbers {
		m[n] = map[int64]float64{}
	}
	for e, d := range has {
		_, back := has[[2]int64{e[1], e[0]}]
		if back || how != Mutual {
			m[e[0]][e[1]] = d
		}
		if how == Union {
			m[e[1]][e[0]] = d
		}
	}
	return m
}

// By ranges of rows or all at once, from any parts: the symmetric graph of the definition, in order, with its ids.
func TestSymmetric(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 20))
		n := 2 + rng.IntN(60)
		a := randomEdges(rng, n, 1+rng.IntN(8), seed%2 == 0)
		for _, how := range Symmetries {
			expected := bothWays(a, how)
			rows := 1 + int64(rng.IntN(n+3))
			cut := int64(rng.IntN(n))
			outgoing, incoming := map[int64][]*Answers{}, map[int64][]*Answers{}
			for _, part := range []*Answers{a.Between(cut, int64(n)), a.Between(0, cut)} {
				for r, some := range part.Ranges(rows) {
					outgoing[r] = append(outgoing[r], some)
				}
				for r, some := range part.NeighborRanges(rows) {
					incoming[r] = append(incoming[r], some)
				}
			}
			seen := 0
			for r, some := range outgoing {
				got, err := Symmetric(how, some, incoming[r])
				if err != nil {
					t.Fatal(err)
				}
				if !slices.IsSorted(got.Numbers) {
					t.Fatalf("rows %v", got.Numbers)
				}
				for i, n := range got.Numbers {
					seen++
					row := map[int64]float64{}
					for e := got.Offsets[i]; e < got.Offsets[i+1]; e++ {
						row[got.Neighbors[e]] = got.Distances[e]
						if e > got.Offsets[i] && (got.Distances[e] < got.Distances[e-1] ||
							got.Distances[e] == got.Distances[e-1] && got.Neighbors[e] <= got.Neighbors[e-1]) {
							t.Fatalf("row %d is not in order", n)
						}
						at, _ := slices.BinarySearch(a.Numbers, got.Neighbors[e])
						if got.NeighborID(int32(e)) != a.IDs.At(at) {
							t.Fatalf("row %d: neighbour %d is called %v", n, got.Neighbors[e], got.NeighborID(int32(e)))
						}
					}
					if !reflect.DeepEqual(row, expected[n]) || int64(len(row)) != got.Offsets[i+1]-got.Offsets[i] {
						t.Fatalf("seed %d, %s: row %d has %v, expected %v", seed, how, n, row, expected[n])
					}
				}
			}
			if seen != a.Len() {
				t.Fatalf("%d rows, expected %d", seen, a.Len())
			}
		}
	}
}

// An edge to a row that was not searched is no part of a graph.
func TestSymmetricStrangers(t *testing.T) {
	t.Parallel()
	a := &Answers{Numbers: []int64{0}, Offsets: []int64{0, 1}, Neighbors: []int64{5}, Distances: []float64{1}}
	if _, err := Symmetric(Union, []*Answers{a}, []*Answers{a}); err == nil {
		t.Error("no error")
	}
}

// Within a radius, edges are found from both ends, with the same distance, also where that is the radius: groups and
// symmetric graphs rest on it.
func TestRadiusFromBothEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	t.Parallel()
	for _, metric := range metricsOf(3) {
		for _, algorithm := range []Algorithm{Brute, KDTree} {
			for _, dim := range []int{3, 37} {
				rng := rand.New(rand.NewPCG(7, uint64(dim)))
				b := &vectors.Block{Dim: dim, DType: vectors.Float64}
				row := make([]float64, dim)
				for i := range 60 {
					for j := range row {
						row[j] = rng.NormFloat64() * (1 + 1e-9*rng.Float64())
					}
					b.Append(row, int64(i))
				}
				x, err := Fit(b, Options{Metric: metric, P: 2.5, Algorithm: algorithm})
				if err != nil {
					continue // a metric that the tree has not
				}
				near, err := x.KNeighbors(b, 12, Search{Self: true})
				if err != nil {
					t.Fatal(err)
				}
				for _, radius := range near.Distances[5:11] {
					found, err := x.RadiusNeighbors(b, radius, Search{Self: true})
					if err != nil {
						t.Fatal(err)
					}
					has := map[[2]int32]float64{}
					for i := range found.Len() {
						positions, distances := found.Of(i)
						for k, j := range positions {
							has[[2]int32{int32(i), j}] = distances[k]
						}
					}
					for e, d := range has {
						if back, ok := has[[2]int32{e[1], e[0]}]; !ok || back != d {
							t.Fatalf("%s by %s, %d columns: from %d to %d it is %v, and back %v (%v)", metric, algorithm, dim, e[0], e[1], d,
								back, ok)
						}
					}
				}
			}
		}
	}
}
