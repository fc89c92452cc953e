package report

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		x := make([]float64, r.IntN(100))
		want := make([]int, len(x))
		for j := range x {
			x[j], want[j] = float64(r.IntN(30)), j
		}
		slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(x[b], x[a]) })
		n := 1 + r.IntN(40)
		if got := Largest(x, n); !slices.Equal(got, want[:min(n, len(want))]) {
			t.Fatalf("the largest %d of %v are at %v, not %v", n, x, got, want)
		}
	}
}
