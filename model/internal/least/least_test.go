package least

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// Offer keeps the least, whatever their order, with the greatest of them first.
func TestOffer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for most := range 12 {
		var all, kept []int
		for range 200 {
			v := r.IntN(50)
			all = append(all, v)
			kept = Offer(kept, most, v, func(a, b *int) int { return cmp.Compare(*a, *b) })
			slices.Sort(all)
			want := all[:min(most, len(all))]
			if len(kept) > 0 && kept[0] != want[len(want)-1] {
				t.Fatalf("the first of %v is not the greatest", kept)
			}
			if got := slices.Sorted(slices.Values(kept)); !slices.Equal(got, want) {
				t.Fatalf("%d kept: %v, want %v", most, got, want)
			}
		}
	}
}
