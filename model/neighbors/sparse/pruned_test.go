package sparse

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"beamlearn/model/vectors"
)

// prunedTestRows are rows of values of both signs; some are equal, and some have no entry.
func prunedTestRows(n int) Rows {
	rng := rand.New(rand.NewPCG(3, 4))
	b := &vectors.Block{Dim: 300, DType: vectors.Float64, Sparse: &vectors.CSR{}}
	for i := range n {
		var columns []int32
		for range []int{0, 5, 20, 60}[i%4] {
			columns = append(columns, int32(rng.IntN(300)*rng.IntN(300)/300))
		}
		slices.Sort(columns)
		columns = slices.Compact(columns)
		values := make([]float64, len(columns))
		for j := range values {
			values[j] = rng.NormFloat64()
		}
		if i%50 == 7 {
			columns, values = []int32{5, 9}, []float64{1, -2}
		}
		b.AppendSparse(columns, values, int64(i))
	}
	return Rows{b.Sparse, n}
}

// inTurns shares tasks among goroutines of which several run at a time.
func inTurns(n, some int, setup func() func(lo, hi int)) {
	var wg sync.WaitGroup
	for lo := 0; lo < n; lo += some {
		wg.Go(func() { setup()(lo, min(lo+some, n)) })
	}
	wg.Wait()
}

// findPruned is what is found of each row.
func findPruned(x *Pruned, e Effort, k int, parallel func(n, some int, setup func() func(lo, hi int))) [][]int32 {
	found := make([][]int32, x.rows.N)
	x.Find(e, k, parallel, func() Take {
		return func(i int, positions []int32) { found[i] = slices.Clone(positions) }
	})
	return found
}

// With an effort that leaves nothing out, pruned lists find all neighbours whose cosine is above 0, but for those that 8
// bits cannot tell from others; with less, fewer. What is found depends on no order of goroutines.
func TestPruned(t *testing.T) {
	t.Parallel()
	const n, k = 1500, 5
	rows := prunedTestRows(n)
	x := NewPruned(rows, 300)
	oneByOne := func(n, _ int, setup func() func(lo, hi int)) { setup()(0, n) }
	found := findPruned(x, Effort{Rank: n}, k, oneByOne)
	if again := findPruned(x, Effort{Rank: n}, k, inTurns); !slices.EqualFunc(found, again, slices.Equal) {
		t.Error("several goroutines find others")
	}
	less := findPruned(x, Effort{Rank: 40, Least: 0.005}, k, inTurns)
	all, some, want := 0, 0, 0
	cosines := make([]float64, n)
	for i := range n {
		q := x.row(i)
		for j := range cosines {
			cosines[j] = 0
			if other := x.row(j); j != i && len(q.Values) > 0 && len(other.Values) > 0 {
				cosines[j] = Dot(q, other) / Norm(q.Values) / Norm(other.Values)
			}
		}
		order := slices.Clone(cosines)
		slices.Sort(order)
		kth := max(order[n-k], 1e-9)
		good := func(found []int32) (good int) {
			for at, j := range found {
				if slices.Contains(found[:at], j) || int(j) == i {
					t.Fatalf("row %d: %v", i, found)
				}
				if cosines[j] >= kth {
					good++
				}
			}
			return min(good, k)
		}
		all, some = all+good(found[i]), some+good(less[i])
		for _, c := range order[n-k:] {
			if c > 0 {
				want++
			}
		}
	}
	if share := float64(all) / float64(want); share < 0.995 {
		t.Errorf("%v of the neighbours", share)
	}
	if share := float64(some) / float64(want); share < 0.5 || some >= all {
		t.Errorf("%v of the neighbours with little effort, %d and %d", share, some, all)
	}
}

// A gauge says from which rank on a search finds that two rows are near: there either is great enough for the other.
func TestPrunedRanks(t *testing.T) {
	t.Parallel()
	const n = 600
	x := NewPruned(prunedTestRows(n), 300)
	w := (&prunedPairs{x: x, effort: Effort{Least: 0.001}}).worker()
	gauge := x.Gauge()
	ranked, others := 0, make([]int32, 60)
	for j := range others {
		others[j] = int32(j)
	}
	for _, i := range []int{1, 3, 33, 201, 4} {
		ranks, read := gauge.Ranks(i, others, w.effort.Least, nil)
		if (read > 0) != (i%4 != 0) {
			t.Errorf("row %d: %v products", i, read)
		}
		for at, j := range others {
			w.terms = x.terms(w.terms[:0], x.row(i), w.effort.Least)
			b := prunedBlock{rows: []int32{j}}
			new(filler).fill(x, &b)
			b.sum(w.terms, &w.sums)
			sum := w.sums[0]
			w.sums[0] = 0
			if sum == 0 || int(j) == i {
				if sum == 0 && ranks[at] != NoRank {
					t.Errorf("row %d and %d: rank %d of no product", i, j, ranks[at])
				}
				continue
			}
			ranked++
			for rank := max(ranks[at]-1, 1); rank <= ranks[at]; rank++ {
				w.effort.Rank = rank
				if found := sum >= min(w.enough(i), w.enough(int(j))); found != (rank == ranks[at]) {
					t.Errorf("row %d and %d: found at rank %d: %v, and not from %d on", i, j, rank, found, ranks[at])
				}
			}
		}
	}
	if ranked < 10 {
		t.Errorf("%d ranks", ranked)
	}
}
