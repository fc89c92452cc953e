package interior

import "testing"

// The weight of the barrier never goes up, nor down too fast: to no less than a half where the gradient leaves more than
// what is open, and the faster, the less it leaves.
func TestLower(t *testing.T) {
	t.Parallel()
	for _, open := range []float64{0, 0.01, 1, 4, 100} {
		for _, left := range []float64{0, 1e-6, 0.02, 0.5, 2, 1e3} {
			least := 0.03
			if left > open {
				least = 0.5
			}
			if got := lower(1, open, left); got > 1 || got < least {
				t.Errorf("open %v, left %v: %v, want from %v to 1", open, left, got, least)
			}
		}
	}
	for _, left := range []float64{0.01, 1, 5} {
		fast, slow := lower(1, 4, left/100), lower(1, 4, left)
		if left == 1 && !(fast < slow/2) || fast > slow {
			t.Errorf("%v where the gradient leaves %v, and %v where it leaves %v", fast, left/100, slow, left)
		}
	}
}
