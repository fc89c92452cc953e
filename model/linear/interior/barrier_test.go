package interior

import (
	"math"
	"testing"

	"beamlearn/model/linear"
)

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

// Before the first pass nothing has converged, and a mean or a deviation that is not finite says nothing of where to
// begin.
func TestBeforePasses(t *testing.T) {
	t.Parallel()
	l, err := NewOptimizer(linear.Options{Task: linear.Regression, Loss: linear.Quantile}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if l.Converged() {
		t.Error("converged before a pass")
	}
	for _, v := range [][2]float64{{1, math.Inf(1)}, {math.NaN(), 1}, {math.Inf(-1), 1}, {1, math.NaN()}} {
		l.Scale(v[0], v[1])
		if s := l.searches[0]; s.Points[0][1] != 0 || s.Barrier[0] != 0.1 {
			t.Errorf("mean %v, deviation %v: begins at %v with the barrier %v", v[0], v[1], s.Points[0], s.Barrier[0])
		}
	}
	if l.Scale(2, 3); l.searches[0].Points[0][1] != 2 {
		t.Errorf("mean 2: begins at %v", l.searches[0].Points[0])
	}
}
