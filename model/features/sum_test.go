package features

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// Mean and deviation are those of arithmetic without rounding, whatever the magnitudes.
func TestMeanAndDeviation(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	sets := [][]float64{{1}, {0.1, 0.2, 0.3}, {1e308, 1e308, -1e308}, {5e-324, 1e-320, 0}, {1e16, 1, -1e16, 1},
		{math.MaxFloat64, math.MaxFloat64},
		{-math.MaxFloat64, 5e-324}, {math.SmallestNonzeroFloat64}, {1e9 + 1, 1e9 + 2, 1e9 + 3},
		slices.Repeat([]float64{1<<24 - 1}, smallAdds+5), slices.Repeat([]float64{-(1<<24 - 1), 1 << 24}, smallAdds),
		{0.5, 3, -7, 1 << 30}, slices.Concat([]float64{5}, slices.Repeat([]float64{-(1<<24 - 1)}, 3*smallAdds), []float64{7})}
	for range 10 {
		set := make([]float64, 1+rng.IntN(400))
		scale := rng.IntN(600) - 300
		for i := range set {
			set[i] = math.Ldexp(rng.NormFloat64(), scale+rng.IntN(200))
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		var n numbers
		sum, squares := new(big.Rat), new(big.Rat)
		for i, v := range set {
			if i == 0 || set[i-1] != v { // all of one number that follow each other at once
				times := 1
				for i+times < len(set) && set[i+times] == v {
					times++
				}
				n.add(v, times)
			}
			r := new(big.Rat).SetFloat64(v)
			sum.Add(sum, r)
			squares.Add(squares, r.Mul(r, r))
		}
		n.sums.flush()
		if n.sums.numbers.Rat().Cmp(sum) != 0 || n.sums.squares.Rat().Cmp(squares) != 0 {
			t.Fatalf("the sum of %d numbers from %v is not exact", len(set), set[0])
		}
		count := big.NewRat(int64(len(set)), 1)
		mean := new(big.Rat).Quo(sum, count)
		variance := new(big.Rat).Quo(squares, count)
		variance.Sub(variance, new(big.Rat).Mul(mean, mean))
		want, _ := mean.Float64()
		f, _ := new(big.Float).SetPrec(2000).SetRat(variance).Float64()
		m, d := n.meanAndDeviation(0, 0)
		if m != want || f > 0 && !math.IsInf(f, 0) && !(math.Abs(d-math.Sqrt(f)) <= 1e-15*d) {
			t.Errorf("mean %v, deviation %v, want %v, %v", m, d, want, math.Sqrt(f))
		}
	}
}

// Others that are all one number count as if they had been added.
func TestOthers(t *testing.T) {
	t.Parallel()
	var some, all numbers
	for i := range 10 {
		some.add(float64(i)/7, 1)
		all.add(float64(i)/7, 1)
	}
	for range 5 {
		all.add(0.3, 1)
	}
	m, d := some.meanAndDeviation(5, 0.3)
	if wantMean, want := all.meanAndDeviation(0, 0); m != wantMean || d != want {
		t.Errorf("%v, %v, want %v, %v", m, d, wantMean, want)
	}
}

// The median is exact of few distinct values, and near of many.
func TestMedian(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		n     int
		value func() float64
		error float64
	}{
		{1, rng.NormFloat64, 0},
		{2, rng.NormFloat64, 0},
		{mostValues, rng.NormFloat64, 0},
		{100001, func() float64 { return float64(rng.IntN(100)) }, 0},
		{30000, func() float64 { return 5 + rng.NormFloat64() }, 0.002},
		{30001, func() float64 { return -math.Exp(5 * rng.NormFloat64()) }, 0.002},
		{30001, func() float64 { return math.Ldexp(rng.Float64(), -1040) }, 1},
	} {
		var q quantiles
		set := make([]float64, c.n)
		for i := range set {
			set[i] = c.value()
			q.add(set[i], 1)
		}
		slices.Sort(set)
		want := (set[(c.n-1)/2] + set[c.n/2]) / 2
		if got := q.median(); !(math.Abs(got-want) <= c.error*math.Abs(want)) {
			t.Errorf("%d numbers: median %v, want %v", c.n, got, want)
		}
	}
	if got := new(quantiles).median(); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

// The number of distinct things is exact of few, and near of many.
func TestDistinct(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, mostHashes, 10000, 300000} {
		rng := rand.New(rand.NewPCG(7, uint64(n)))
		var d distinct
		for range n {
			h := rng.Uint64()
			d.add(h)
			d.add(h)
		}
		got, exact := d.estimate()
		if exact != (n <= mostHashes) || exact && got != int64(n) || !(math.Abs(float64(got)-float64(n)) <= 0.06*float64(n)) {
			t.Errorf("%d things are %d, exactly: %v", n, got, exact)
		}
	}
}
