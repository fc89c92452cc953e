package folds

import "testing"

// The folds of a regression are of one size, up to a row, whatever the seed.
func TestRowFold(t *testing.T) {
	for _, k := range []int{2, 3, 5, 10} {
		for seed := range uint64(5) {
			fold := ByNumber(seed, k)
			counts, runs := make([]int, k), 0
			for i := range 10*k + 1 {
				counts[fold(int64(i))]++
				if i > 0 && fold(int64(i)) == (fold(int64(i-1))+1)%k {
					runs++
				}
			}
			for _, n := range counts {
				if n < 10 || n > 11 {
					t.Errorf("%d folds: of %v rows", k, counts)
				}
			}
			if fold(-5) < 0 || fold(-5) >= k {
				t.Errorf("fold %d", fold(-5))
			}
			if k > 3 && runs > 10*(k-1)+6 {
				t.Errorf("%d folds: the rounds all begin alike", k)
			}
		}
	}
}
