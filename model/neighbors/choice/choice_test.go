package choice

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// table is points and queries, with what rules compare of them.
type table struct {
	points, queries *vectors.Block
	keep, most      []int32
	same, apart     Pair
	before          Pair
}

// randomTable has duplicates, ties, groups of one point and of most, and rows without a value.
func randomTable(rng *rand.Rand, n, m, dim, groups int, numbers func(i int) int64) *table {
	rows := func(count int, number func(int) int64) *vectors.Block {
		b := &vectors.Block{Dim: dim}
		row := make([]float64, dim)
		for i := range count {
			for j := range row {
				row[j] = float64(rng.IntN(4))
			}
			b.Append(row, number(i))
		}
		return b
	}
	t := &table{points: rows(n, numbers), queries: rows(m, func(i int) int64 { return int64(i) })}
	codes := func(count, values int) []int32 {
		c := make([]int32, count)
		for i := range c {
			if c[i] = int32(float64(values) * math.Pow(rng.Float64(), 2)); rng.IntN(12) == 0 {
				c[i] = -1
			}
		}
		return c
	}
	total := int(numbers(n))
	t.keep, t.most = codes(total, 1), codes(total, groups)
	for _, p := range []*Pair{&t.same, &t.apart, &t.before} {
		p.Points, p.Queries = codes(total, groups), codes(m, groups)
	}
	return t
}

// want are the neighbours of query i by the definition.
func (t *table) want(r *Rules, q *vectors.Block, i int, self bool, k int, radius float64, o neighbors.Options) []hit {
	a, b := make([]float64, q.Dim), make([]float64, q.Dim)
	var all []hit
	for j := range t.points.Len() {
		p, n := t.points.Numbers[j], q.Numbers[i]
		switch {
		case self && p == n,
			r.Keep != nil && r.Keep[p] < 0,
			r.Same != nil && (r.Same.Queries[n] < 0 || r.Same.Queries[n] != r.Same.Points[p]),
			r.Before != nil && (r.Before.Points[p] < 0 || r.Before.Points[p] >= r.Before.Queries[n]),
			r.Apart != nil && r.Apart.Queries[n] >= 0 && r.Apart.Queries[n] == r.Apart.Points[p]:
			continue
		}
		if d := neighbors.Distance(q.Row(i, a), t.points.Row(j, b), o); d <= radius {
			all = append(all, hit{distance: d, position: int32(j)})
		}
	}
	slices.SortFunc(all, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.position, b.position))
	})
	counts := map[int32]int{}
	all = slices.DeleteFunc(all, func(h hit) bool {
		if r.Most == nil {
			return false
		}
		g := r.Most[t.points.Numbers[h.position]]
		counts[g]++
		return g >= 0 && counts[g] > r.Number
	})
	if k > 0 {
		all = all[:min(k, len(all))]
	}
	return all
}

// Every combination of rules gives what a brute-force search among the points that are left gives, for queries and for
// points, by every engine, at every size of a chunk.
func TestSearcher(t *testing.T) {
	t.Parallel()
	for which := range 32 {
		if testing.Short() && which%7 != 3 { // each rule is there, and all at once
			continue
		}
		dim := 2 + which*7%20 // trees and tiles
		t.Run(fmt.Sprintf("%05b %d", which, dim), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(which), uint64(dim)))
			tab := randomTable(rng, 80, 20, dim, 1+rng.IntN(9), func(i int) int64 { return int64(i + i/3) })
			testRules(t, tab, tab.rules(which, false), tab.queries, false)
			testRules(t, tab, tab.rules(which, true), tab.points, true)
		})
	}
}

// A query is allowed the points that it has where it asks for all, and no others.
func TestAllow(t *testing.T) {
	t.Parallel()
	for which := range 16 {
		rng := rand.New(rand.NewPCG(uint64(which), 5))
		tab := randomTable(rng, 40, 10, 2, 3, func(i int) int64 { return int64(i + i/3) })
		r := tab.rules(which, false)
		for i := range tab.queries.Len() {
			may := map[int32]bool{}
			for _, h := range tab.want(r, tab.queries, i, false, 0, math.Inf(1), neighbors.Options{}) {
				may[h.position] = true
			}
			for j, number := range tab.points.Numbers {
				allowed, err := r.Allow(tab.queries.Numbers[i], number)
				if err != nil || allowed != may[int32(j)] {
					t.Fatalf("%05b: query %d, point %d: %v, %v, want %v", which, i, j, allowed, err, may[int32(j)])
				}
			}
		}
	}
	if _, err := (&Rules{Keep: []int32{1}}).Allow(0, 1); err == nil {
		t.Error("a point of which nothing is known is allowed")
	}
}

// rules are those of the bits of a number.
func (t *table) rules(which int, self bool) *Rules {
	r := &Rules{}
	pair := func(p *Pair) *Pair {
		if self {
			return &Pair{p.Points, p.Points}
		}
		return p
	}
	if which&1 != 0 {
		r.Keep = t.keep
	}
	if which&2 != 0 {
		r.Same = pair(&t.same)
	}
	if which&4 != 0 {
		r.Before = pair(&t.before)
	}
	if which&8 != 0 {
		r.Apart = pair(&t.apart)
	}
	if which&16 != 0 {
		r.Most, r.Number = t.most, 2
	}
	r.Prepare()
	return r
}

func testRules(t *testing.T, tab *table, r *Rules, q *vectors.Block, self bool) {
	t.Helper()
	for _, o := range []neighbors.Options{{}, {Metric: neighbors.Cosine}} {
		x, err := neighbors.Fit(tab.points, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(x, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{4, 20, 0} {
			radius := math.Inf(1)
			if k == 0 {
				radius = 2
			}
			for _, chunk := range []int{q.Len(), 47} {
				for lo := 0; lo < q.Len(); lo += chunk {
					check(t, tab, s, q.Slice(lo, min(lo+chunk, q.Len())), neighbors.Search{Self: self}, k, radius, x.Options())
				}
			}
		}
	}
}

func check(t *testing.T, tab *table, s *Searcher, q *vectors.Block, by neighbors.Search, k int, radius float64,
	o neighbors.Options) {
	t.Helper()
	var found *neighbors.Neighbors
	var err error
	if k > 0 {
		found, err = s.KNeighbors(q, k, by)
	} else {
		found, err = s.RadiusNeighbors(q, radius, by)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range q.Len() {
		want := tab.want(s.r, q, i, by.Self, k, radius, o)
		checkHits(t, fmt.Sprintf("%s, k %d, query %d", o.Metric, k, i), found, i, want)
	}
}

// checkHits compares the neighbours of a query with those that it is to have.
func checkHits(t *testing.T, name string, found *neighbors.Neighbors, i int, want []hit) {
	t.Helper()
	positions, distances := found.Of(i)
	if len(positions) != len(want) {
		t.Fatalf("%s: %d neighbours, want %d", name, len(positions), len(want))
	}
	for j, w := range want {
		if positions[j] != w.position || math.Float64bits(distances[j]) != math.Float64bits(w.distance) {
			t.Fatalf("%s: neighbour %d is %d at %v, want %d at %v", name, j, positions[j], distances[j], w.position,
				w.distance)
		}
	}
}

// Runs in the order of time, of which a query has some whole and one in part, give the same as one.
func TestRuns(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	tab := randomTable(rng, 3*minRun/2, 20, 3, 50, func(i int) int64 { return int64(i) })
	for _, which := range []int{4 + 8 + 16, 4} {
		if testing.Short() && which == 4 {
			continue
		}
		testRules(t, tab, tab.rules(which, false), tab.queries, false)
	}
}

// One sweep in the order of ranks gives the same, of queries and of points, by every metric that has tiles; where many
// points are equally far, too, so that which of them is nearest is a matter of their positions.
func TestInOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies rules, metrics and rows: TestRuns has some")
	}
	t.Parallel()
	for kind := range 3 {
		rng := rand.New(rand.NewPCG(9, 10))
		tab := randomTable(rng, 3*minRun/2, 20, 24, 900, func(i int) int64 { return int64(i + i/3) })
		for _, b := range []*vectors.Block{tab.points, tab.queries} {
			for i := range b.F32 {
				switch kind { // 0: whole numbers, with ties
				case 1:
					b.F32[i] += rng.Float32()
				case 2: // four points, over and over
					b.F32[i] = b.F32[i%(4*b.Dim)]
				}
			}
			for _, row := range []int{5, min(1007, b.Len()-1)} { // zero: by the cosine, as far from all points as from any
				clear(b.F32[row*b.Dim : (row+1)*b.Dim])
			}
		}
		for _, which := range []int{4, 4 + 8, 4 + 1} {
			for _, metric := range []neighbors.Metric{neighbors.Euclidean, neighbors.Cosine, neighbors.Manhattan} {
				o := neighbors.Options{Metric: metric}
				x, err := neighbors.Fit(tab.points, o)
				if err != nil {
					t.Fatal(err)
				}
				for _, self := range []bool{false, true} {
					q := tab.queries
					if self {
						q = tab.points.Slice(1000, 1060)
					}
					s, err := New(x, tab.rules(which, self))
					if err != nil {
						t.Fatal(err)
					}
					nearest := make([][]hit, q.Len())
					for i := range nearest {
						nearest[i] = tab.want(s.r, q, i, self, 30, math.Inf(1), x.Options())
					}
					for k, threads := range map[int]int{5: 0, 30: 1} {
						found, err := s.KNeighbors(q, k, neighbors.Search{Self: self, Threads: threads})
						if err != nil {
							t.Fatal(err)
						}
						for i, want := range nearest {
							checkHits(t, fmt.Sprintf("%s, k %d, query %d", metric, k, i), found, i, want[:min(k, len(want))])
						}
					}
					if c := s.cells[0]; x.InOrder() && len(c.runs) > 1 && c.ordered.kept == nil {
						t.Fatalf("%s, rules %b: no sweep in the order of ranks", metric, which)
					}
				}
			}
		}
	}
}

// Progress adds up to the number of queries, and lists that are too short are an error.
func TestSearcherProgress(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	tab := randomTable(rng, 60, 30, 2, 4, func(i int) int64 { return int64(i) })
	x, err := neighbors.Fit(tab.points, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for which := range 32 {
		s, err := New(x, tab.rules(which, false))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if _, err := s.KNeighbors(tab.queries, 3,
			neighbors.Search{Threads: 1, Progress: func(m int) { n += m }}); err != nil {
			t.Fatal(err)
		}
		if n != tab.queries.Len() {
			t.Errorf("rules %05b: %d queries answered, want %d", which, n, tab.queries.Len())
		}
	}
	if _, err := New(x, &Rules{Keep: tab.keep[:9]}); err == nil {
		t.Error("a condition of nine rows is taken for one of all")
	}
}
