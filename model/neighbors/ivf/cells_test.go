package ivf

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// codes are n rows of so many bytes of bits, each a few bits from one of some others.
func codes(n, dim, centres int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 2))
	base := make([]byte, centres*dim)
	for i := range base {
		base[i] = byte(r.Uint32())
	}
	out := make([]float64, 0, n*dim)
	for range n {
		from := base[dim*r.IntN(centres):][:dim]
		for _, v := range from {
			if r.IntN(2) == 0 {
				v ^= 1 << r.IntN(8)
			}
			out = append(out, float64(v))
		}
	}
	return out
}

// bruteForce are the distances of the k nearest of the points to each query, by the definition; with self queries are
// points.
func bruteForce(points, queries []float64, dim, k int, m neighbors.Metric, self bool) [][]float64 {
	all := make([][]float64, len(queries)/dim)
	for i := range all {
		x := queries[i*dim : (i+1)*dim]
		near := make([]float64, 0, k) // the least, in their order
		for j := 0; j < len(points); j += dim {
			sum, most := 0.0, 0.0
			for c, v := range points[j : j+dim] {
				if m == neighbors.Hamming {
					sum += float64(bits.OnesCount8(uint8(v) ^ uint8(x[c])))
					continue
				}
				sum, most = sum+math.Abs(v-x[c]), max(most, math.Abs(v-x[c]))
			}
			if m == neighbors.Chebyshev {
				sum = most
			}
			if self && j == i*dim || len(near) == k && sum >= near[k-1] {
				continue
			}
			at, _ := slices.BinarySearch(near, sum)
			near = slices.Insert(near[:min(len(near), k-1)], at, sum)
		}
		all[i] = near
	}
	return all
}

// sets of metrics that are searched in cells.
type cellSet struct {
	metric neighbors.Metric
	dim    int
	values func(n int, seed uint64) []float64
}

func cellSets() []cellSet {
	clusters := func(dim int) func(n int, seed uint64) []float64 {
		return func(n int, seed uint64) []float64 { return clustered(n, dim, 25, seed) }
	}
	return []cellSet{{neighbors.Manhattan, 12, clusters(12)}, {neighbors.Chebyshev, 10, clusters(10)},
		{neighbors.Hamming, 16, func(n int, seed uint64) []float64 { return codes(n, 16, 40, seed) }}}
}

func (s *cellSet) options(seed uint64) Options {
	return Options{Metric: s.metric, Bits: s.metric == neighbors.Hamming, Recall: 0.9, Sample: 400, Seed: seed}
}

// compareToTruth checks what was found against the definition: distances ascend, are those of the metric, and none
// occurs twice; the recall is about what the report says of it.
func compareToTruth(t *testing.T, truth [][]float64, found *neighbors.Neighbors, k int, of float64, r *Report) {
	t.Helper()
	good := 0.0
	for i, exact := range truth {
		positions, distances := found.Of(i)
		if len(positions) != k || len(slices.Compact(slices.Sorted(slices.Values(positions)))) != k ||
			!slices.IsSorted(distances) {
			t.Fatalf("row %d: %v at %v", i, positions, distances)
		}
		for j, d := range distances {
			if d < exact[j]-1e-9*exact[j] {
				t.Fatalf("row %d: neighbour %d at %v, but the nearest is at %v", i, j, d, exact[j])
			}
			if d <= exact[k-1]*(1+1e-12) {
				good += 1 / float64(k*len(truth))
			}
		}
	}
	if good < of {
		t.Errorf("a recall of %.4f, want at least %v: %+v", good, of, r)
	}
	wide := 0.5*(r.High-r.Low) + 1e-9 // the interval is right 95 times in 100: half as wide again, 997 times in 1000
	if good < r.Low-wide || good > r.High+wide {
		t.Errorf("a recall of %.4f, reported %.4f to %.4f", good, r.Low, r.High)
	}
}

// The graph and the answers to other queries have the recall that they report, by brute force in float64.
func TestCells(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics and settings: TestCellsOrExact stays")
	}
	const n, k = 2500, 8
	for turn, s := range cellSets() {
		for seed := range uint64(4) {
			if brief() && int(seed) != turn {
				continue
			}
			t.Run(fmt.Sprint(s.metric, seed), func(t *testing.T) {
				t.Parallel()
				values, o := s.values(n, seed), s.options(seed)
				o.partial = true
				points := block(t, values, s.dim, seed%2 == 1)
				values = float64s(points)
				found, report, err := Graph(points, k, o, neighbors.Search{})
				if err != nil {
					t.Fatal(err)
				}
				if report.Method != "lists" {
					t.Errorf("%+v", report)
				}
				compareToTruth(t, bruteForce(values, values, s.dim, k, s.metric, true), found, k, 0.88, report)

				const others = 1000
				q := block(t, s.values(n+others, seed)[n*s.dim:], s.dim, seed%2 == 1)
				x, err := Fit(points, o)
				if err != nil {
					t.Fatal(err)
				}
				answers, report, err := x.KNeighbors(q, k, neighbors.Search{})
				if err != nil {
					t.Fatal(err)
				}
				compareToTruth(t, bruteForce(values, float64s(q), s.dim, k, s.metric, false), answers, k, 0.88, report)
			})
		}
	}
}

// float64s are the values of a block as they are stored.
func float64s(b *vectors.Block) (all []float64) {
	for i := range b.Len() {
		all = append(all, slices.Clone(b.Row(i, make([]float64, b.Dim)))...)
	}
	return all
}

// The same neighbours come of any number of threads, of queries in any chunks, and of lists that an index keeps.
func TestCellsDeterminism(t *testing.T) {
	const n, k = 1500, 5
	for _, s := range cellSets() {
		o := s.options(1)
		o.unmeasured, o.lists = true, 3
		points, q := block(t, s.values(n, 1), s.dim, false), block(t, s.values(300, 2), s.dim, false)
		graph := func(threads int) *neighbors.Neighbors {
			g, _, err := Graph(points, k, o, neighbors.Search{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		if !reflect.DeepEqual(graph(1), graph(3)) {
			t.Errorf("%s: another number of threads makes another graph", s.metric)
		}
		lists, err := Lists(points, o)
		if err != nil {
			t.Fatal(err)
		}
		exact, err := neighbors.Fit(points, neighbors.Options{Metric: o.Metric, Bits: o.Bits})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := Open(points, exact.WithPartition(lists), o)
		if err != nil {
			t.Fatal(err)
		}
		made, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := made.KNeighbors(q, k, neighbors.Search{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < q.Len(); at += 70 {
			rows := min(70, q.Len()-at)
			got, _, err := kept.KNeighbors(q.Slice(at, at+rows), k, neighbors.Search{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if lo, hi := want.Offsets[at], want.Offsets[at+rows]; !slices.Equal(got.Positions, want.Positions[lo:hi]) ||
				!slices.Equal(got.Distances, want.Distances[lo:hi]) {
				t.Errorf("%s: other answers by kept lists, from query %d on", s.metric, at)
			}
		}
	}
}

// Where cells are of no use, or few points or queries make them dear, the answer is the exact one.
func TestCellsOrExact(t *testing.T) {
	const n, dim, k = 6000, 24, 3
	r := rand.New(rand.NewPCG(5, 5))
	uniform := make([]float64, n*dim)
	for i := range uniform {
		uniform[i] = r.Float64()
	}
	points := block(t, uniform, dim, false)
	o := Options{Metric: neighbors.Manhattan, Recall: 0.99, Sample: 100}
	for _, sample := range []int{100, n} { // tried and given up, and not tried
		o.Sample = sample
		found, report, err := Graph(points, k, o, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := neighbors.Fit(points, neighbors.Options{Metric: o.Metric})
		if err != nil {
			t.Fatal(err)
		}
		want, err := x.KNeighbors(points, k, neighbors.Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		if report.Method != "exact" || report.Recall != 1 || !reflect.DeepEqual(found, want) {
			t.Errorf("a sample of %d: %+v", sample, report)
		}
	}
	for _, c := range []struct {
		n, dim, queries int
		metric          neighbors.Metric
		want            bool
	}{
		{1_000_000, 64, 1_000_000, neighbors.Manhattan, true},
		{1_000_000, 64, 2500, neighbors.Manhattan, false},
		{1_000_000, 64, 3000, neighbors.Chebyshev, false},
		{1_000_000, 2, 1_000_000, neighbors.Manhattan, false}, // a tree is faster
		{500, 64, 100_000, neighbors.Chebyshev, false},
		{1_000_000, 32, 1_000_000, neighbors.Hamming, true},
		{1000, 64, 100_000, neighbors.Euclidean, true},
		{1_000_000, 64, 2500, neighbors.Euclidean, false},
	} {
		o := Options{Metric: c.metric, Bits: c.metric == neighbors.Hamming}
		if got := ListsAreWorthwhile(c.n, c.dim, c.queries, false, o); got != c.want {
			t.Errorf("%+v: found %v", c, got)
		}
	}
	if _, _, err := Near(points, k, 1, o, neighbors.Search{}, nil); err == nil || NearIsWorthwhile(1e6, 64, 16, o) {
		t.Errorf("near points in cells: %v", err)
	}
}
