package sparse

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"beamlearn/model/vectors"
)

// testRows have few columns in most of their entries, as words do, with duplicates, empty rows, and rows that have no
// column in common with any other.
func testRows(rng *rand.Rand, n, dim int, kind string) Rows {
	b := &vectors.Block{Dim: dim + n, Sparse: &vectors.CSR{}}
	for i := range n {
		var columns []int32
		switch {
		case rng.IntN(40) == 0:
		case rng.IntN(40) == 0:
			columns = append(columns, int32(dim+i))
		case rng.IntN(10) == 0 && i > 0:
			c, v := b.Sparse.Row(rng.IntN(i))
			b.AppendSparse(slices.Clone(c), slices.Clone(v), int64(i))
			continue
		default:
			for range 1 + rng.IntN(14) {
				columns = append(columns, int32(float64(dim)*math.Pow(rng.Float64(), 4)))
			}
		}
		slices.Sort(columns)
		columns = slices.Compact(columns)
		values := make([]float64, len(columns))
		for j := range values {
			switch kind {
			case "ones":
				values[j] = 1
			case "signed":
				values[j] = rng.NormFloat64()
			case "scales":
				values[j] = math.Exp(6 * rng.NormFloat64())
			case "tiny": // and alike, whose products float32 does not hold
				values[j] = 1e-22 * (1 + 1e-7*rng.Float64())
			default:
				values[j] = rng.Float64()
			}
		}
		b.AppendSparse(columns, values, int64(i))
	}
	return Rows{b.Sparse, n}
}

// valueOf is the measure's value of two rows in float64.
func valueOf(m Measure, x, y Row) float64 {
	a, b, dot := Norm(x.Values), Norm(y.Values), 0.0
	for i, j := 0, 0; i < len(x.Columns) && j < len(y.Columns); {
		switch c, d := x.Columns[i], y.Columns[j]; {
		case c < d:
			i++
		case c > d:
			j++
		default:
			dot += x.Values[i] * y.Values[j]
			i, j = i+1, j+1
		}
	}
	switch both, n := float64(Both(x, y)), float64(Size(x)+Size(y)); {
	case m == Hamming:
		return Unequal(x, y)
	case m.ofSets() && n == 0:
		return -1
	case m == Overlap && min(Size(x), Size(y)) == 0:
		return -1
	case m == Overlap:
		return -both / float64(min(Size(x), Size(y)))
	case m == Jaccard:
		return -both / (n - both)
	case m == Dice:
		return -2 * both / n
	case m == InnerProduct:
		return -dot
	case m == Euclidean:
		return SqEuclidean(x, y, 1)
	case a == 0 || b == 0:
		return 0
	}
	return -dot / a / b
}

// Whatever the level of instructions, and whether pairs serve both ends, no row is missing that is nearer than the k-th
// of the candidates, or within a limit; rows that are skipped are none.
func TestFind(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics and rows: TestCompared and TestSearcher stay")
	}
	t.Parallel()
	kindsOf := [][]string{
		Cosine: {"ones", "signed"}, InnerProduct: {"signed", "scales", "tiny"}, Euclidean: {"weights", "scales", "tiny"},
		Jaccard: {"weights"}, Dice: {"signed"}, Hamming: {"ones", "signed"},
		Overlap: {"weights", "ones"},
	}
	for m, kinds := range kindsOf {
		for _, kind := range kinds {
			t.Run(fmt.Sprint(m, kind), func(t *testing.T) {
				t.Parallel()
				testFind(t, Measure(m), kind)
			})
		}
	}
}

func testFind(t *testing.T, m Measure, kind string) {
	rng := rand.New(rand.NewPCG(1, uint64(m)))
	n := blockRows + 100
	if kind == "tiny" { // most rows are candidates
		n = 400
	}
	rows := testRows(rng, n, 250, kind)
	values := make([][]float64, 0, 60)
	some := rng.Perm(rows.N)[:60]
	for _, i := range some {
		v := make([]float64, rows.N)
		for j := range v {
			v[j] = valueOf(m, rowOf(rows, i), rowOf(rows, j))
		}
		values = append(values, v)
	}
	skip := func(i int, j int32) bool { return i == int(j) || i%3 == 0 && (i+int(j))%7 == 0 }
	limit := slices.Sorted(slices.Values(values[0]))[rows.N/50]
	for l, level := range levels() {
		x := newIndex(rows, 250+rows.N, m, level)
		for _, each := range []bool{true, false} {
			for _, k := range []int{6, 0} {
				if l > 0 && each != (k > 0) {
					continue // a level differs in how it scans, whatever is kept
				}
				if l > 0 && each != (l%2 == 0) && os.Getenv("BEAMLEARN_TESTS") != "all" {
					continue // a sample: each way by some level
				}
				s := Search{Queries: rows, Each: each, K: k, Limit: limit, Skip: skip}
				found := find(x, s)
				for at, i := range some {
					if err := missing(found[i], values[at], i, &s); err != nil {
						t.Fatalf("%s, each %v, k = %d: query %d: %v", level.name, each, k, i, err)
					}
				}
			}
		}
	}
}

func rowOf(rows Rows, i int) Row {
	columns, values := rows.CSR.Row(i)
	return Row{columns, values}
}

// find collects the candidates, by three goroutines.
func find(x *Index, s Search) [][]int32 {
	s.Parallel = func(n, some int, setup func() func(lo, hi int)) {
		var wg sync.WaitGroup
		tasks := make(chan int)
		for range 3 {
			wg.Go(func() {
				work := setup()
				for lo := range tasks {
					work(lo, min(lo+some, n))
				}
			})
		}
		for lo := 0; lo < n; lo += some {
			tasks <- lo
		}
		close(tasks)
		wg.Wait()
	}
	found := make([][]int32, s.Queries.N)
	x.Find(s, func() Take {
		return func(query int, positions []int32) {
			if found[query] != nil {
				panic("a query is answered twice")
			}
			found[query] = append([]int32{}, positions...)
		}
	})
	return found
}

// missing says which row is no candidate that ought to be.
func missing(found []int32, values []float64, query int, s *Search) error {
	is := make(map[int32]bool)
	for _, j := range found {
		if is[j] || s.Skip(query, j) {
			return fmt.Errorf("row %d is found twice, or not to be found", j)
		}
		is[j] = true
	}
	limit := s.Limit
	if s.K > 0 {
		if len(found) < s.K {
			return fmt.Errorf("%d of %d", len(found), s.K)
		}
		var best []float64
		for _, j := range found {
			best = append(best, values[j])
		}
		slices.Sort(best)
		limit = best[s.K-1]
	}
	for j, v := range values {
		if (v < limit-1e-12*math.Abs(limit) || s.K == 0 && v == limit) && !is[int32(j)] && !s.Skip(query, int32(j)) {
			return fmt.Errorf("row %d at %v is missing, within %v", j, v, limit)
		}
	}
	return nil
}

// A searcher of single queries finds what they find together.
func TestSearcher(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 3))
	rows := testRows(rng, blockRows+100, 200, "weights")
	x := New(rows, 200+rows.N, Cosine)
	all := Search{Queries: rows, K: 4}
	within := Search{Queries: rows, Limit: -0.5}
	near, inside, s := find(x, all), find(x, within), x.Searcher()
	for i := 0; i < rows.N; i += 17 {
		q := rowOf(rows, i)
		if got := slices.Clone(s.Nearest(q, 4, nil)); !sameSet(got, near[i]) {
			t.Fatalf("query %d: %v, want %v", i, got, near[i])
		}
		if got := slices.Clone(s.Within(q, -0.5, nil)); !sameSet(got, inside[i]) {
			t.Fatalf("query %d: within: %v, want %v", i, got, inside[i])
		}
	}
}

func sameSet(a, b []int32) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// The parts that are compared add up to all queries.
func TestCompared(t *testing.T) {
	t.Parallel()
	rows := testRows(rand.New(rand.NewPCG(4, 5)), 3000, 100, "ones")
	x := New(rows, 100+rows.N, Cosine)
	for _, each := range []bool{true, false} {
		total, mu := 0, sync.Mutex{}
		find(x, Search{Queries: rows, Each: each, K: 3, Compared: func(n int) {
			mu.Lock()
			defer mu.Unlock()
			total += n
		}})
		if total != rows.N {
			t.Errorf("each %v: %d of %d queries", each, total, rows.N)
		}
	}
}

// The limit is the k-th smallest of the values so far, but no more than it was at first.
func TestLower(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 7))
	for n := 1; n < 60; n++ {
		k := 1 + rng.IntN(n)
		most := float64(n / 2)
		s := nearest{limit: most}
		var values []float64
		for range n {
			values = append(values, float64(rng.IntN(n)))
			s.lower(values[len(values)-1], k)
			want := most
			if sorted := slices.Sorted(slices.Values(values)); len(sorted) >= k {
				want = min(want, sorted[k-1])
			}
			if s.limit != want {
				t.Fatalf("%d-th of %v, at most %v, is %v, want %v", k, values, most, s.limit, want)
			}
		}
	}
}
