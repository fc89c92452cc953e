package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// Neighbours of another group, of earlier rank and of so many of a group at most are those of a brute-force search that
// looks at no others, by every metric and engine, with ties, duplicates, zero vectors, groups of one point and of
// nearly all, and points in no group.
func TestApart(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and rules")
	}
	t.Parallel()
	for _, metric := range metricsOf(3) {
		for _, dim := range []int{3, 70} {
			for _, groups := range []int{2, 40} {
				if brief() && (groups == 2) != (dim == 3) {
					continue
				}
				t.Run(fmt.Sprintf("%s %d %d", metric, dim, groups), func(t *testing.T) {
					t.Parallel()
					testApart(t, optionsOf(metric, dim), dim, groups)
				})
			}
		}
	}
}

func testApart(t *testing.T, o Options, dim, groups int) {
	rng := rand.New(rand.NewPCG(uint64(dim), uint64(groups)))
	n, m := 90, 20
	if brief() || (groups == 2) != (dim == 3) || o.Metric == Mahalanobis { // whose distances take the square of dim
		n = 50
	}
	rows := func(count int) *vectors.Block {
		b := &vectors.Block{Dim: dim}
		row := make([]float64, dim)
		for i := range count {
			for j := range row {
				row[j] = float64(rng.IntN(5))
				if i%50 == 7 {
					row[j] = 0
				}
			}
			b.Append(row, int64(i))
		}
		return b
	}
	codes := func(count int) []int32 {
		c := make([]int32, count)
		for i := range c {
			if c[i] = int32(rng.IntN(groups)); i%11 == 0 {
				c[i] = none
			}
		}
		return c
	}
	points, queries := rows(n), rows(m)
	of := codes(n)
	self := &Apart{Points: of, Queries: of, Largest: LargestGroup(of)}
	other := &Apart{Points: of, Queries: codes(m), Largest: self.Largest}
	near, far := allCandidates(points, points, o), allCandidates(queries, points, o)
	engines := []Algorithm{Brute}
	if treeMetric(o.Metric, o.P) {
		engines = append(engines, KDTree)
	}
	for _, algorithm := range engines {
		o.Algorithm = algorithm
		x, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		variants := []*Index{x}
		if algorithm == Brute {
			variants = append(variants, withEngine(t, points, o, newBrute(&x.points, x.opts.resolve())))
			if hasTiles(o.resolve(), dim) {
				variants = append(variants, withEngine(t, points, o, newTiled(&x.points, x.opts.resolve(), &tile.Generic)))
			}
		}
		for _, x := range variants {
			for _, k := range []int{1, 30, n} {
				checkApart(t, x, points, near, Search{Self: true, Apart: self}, k, nil)
				checkApart(t, x, queries, far, Search{Apart: other, Threads: 1}, k, nil)
			}
			ranks, limits := codes(n), codes(m)
			early := &Before{Points: ranks, Queries: ranks}
			most := func(number int) *Most { return &Most{Groups: of, Number: number, Largest: self.Largest} }
			for _, k := range []int{5, 30} {
				for _, number := range []int{1, 2, 4} {
					checkApart(t, x, points, near, Search{Self: true, Most: most(number)}, k, nil)
					checkApart(t, x, queries, far, Search{Apart: other, Most: most(number), Threads: 1}, k, nil)
				}
				checkApart(t, x, points, near, Search{Self: true, Before: early, Most: most(3)}, k, nil)
				checkApart(t, x, queries, far, Search{Before: &Before{Points: ranks, Queries: limits}}, k, nil)
			}
			radius := 2.0
			checkApart(t, x, queries, far, Search{Before: &Before{Points: ranks, Queries: limits}, Most: most(2)}, 0, &radius)
			checkApart(t, x, points, near, Search{Self: true, Apart: self}, 0, &radius)
			checkApart(t, x, queries, far, Search{Apart: other}, 0, &radius)
		}
	}
}

func withEngine(t *testing.T, points *vectors.Block, o Options, e engine) *Index {
	t.Helper()
	x, err := Fit(points, o)
	if err != nil {
		t.Fatal(err)
	}
	x.engine = e
	return x
}

// allCandidates are the points of each query with their distances by the definition, in order.
func allCandidates(q, points *vectors.Block, o Options) [][]candidate {
	a, b := make([]float64, q.Dim), make([]float64, q.Dim)
	all := make([][]candidate, q.Len())
	for i := range all {
		for j := range points.Len() {
			all[i] = append(all[i], candidate{distance: Distance(q.Row(i, a), points.Row(j, b), o), position: int32(j)})
		}
		slices.SortFunc(all[i], compareCandidates)
	}
	return all
}

// checkApart compares with the definition.
func checkApart(t *testing.T, x *Index, q *vectors.Block, all [][]candidate, s Search, k int, radius *float64) {
	t.Helper()
	var found *Neighbors
	var err error
	if radius != nil {
		found, err = x.RadiusNeighbors(q, *radius, s)
	} else {
		if s.Self {
			k = min(k, x.Len()-1)
		}
		found, err = x.KNeighbors(q, k, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []candidate
	var counts []int // of the groups
	if s.Most != nil {
		counts = make([]int, slices.Max(s.Most.Groups)+1)
	}
	for i := range q.Len() {
		want = want[:0]
		clear(counts)
		for _, c := range all[i] {
			j := c.position
			if a := s.Apart; s.Self && i == int(j) || a != nil && a.Queries[i] >= 0 && a.Queries[i] == a.Points[j] {
				continue
			}
			if b := s.Before; b != nil && (b.Points[j] < 0 || b.Points[j] >= b.Queries[i]) {
				continue
			}
			if radius != nil && c.distance > *radius {
				continue
			}
			if m := s.Most; m != nil && m.Groups[j] >= 0 {
				if counts[m.Groups[j]]++; counts[m.Groups[j]] > m.Number {
					continue
				}
			}
			want = append(want, c)
		}
		if radius == nil {
			want = want[:min(k, len(want))]
		}
		positions, distances := found.Of(i)
		if len(positions) != len(want) {
			t.Fatalf("query %d, k %d: %d neighbours, want %d", i, k, len(positions), len(want))
		}
		for j, w := range want {
			if positions[j] != w.position || math.Float64bits(distances[j]) != math.Float64bits(w.distance) {
				t.Fatalf("query %d, k %d: neighbour %d is %d at %v, want %d at %v", i, k, j, positions[j], distances[j], w.position,
					w.distance)
			}
		}
	}
}
