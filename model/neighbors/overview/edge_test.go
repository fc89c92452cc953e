package overview

import (
	"slices"
	"testing"
)

// A few points far away do not make one spot of all others, and stay on their side.
func TestAtEdge(t *testing.T) {
	var x, y []float64
	for i := range 400 {
		x, y = append(x, float64(i%20)), append(y, float64(i/20))
	}
	if shownX, shownY, far := atEdge(x, y); far != 0 || !slices.Equal(shownX, x) || !slices.Equal(shownY, y) {
		t.Errorf("%d moved", far)
	}
	x, y = append(x, 1e6, -1e6), append(y, 3, 4)
	shownX, shownY, far := atEdge(x, y)
	if n := len(x); far != 2 || !slices.Equal(shownX[:n-2], x[:n-2]) || !slices.Equal(shownY, y) || shownX[n-2] < 19 ||
		shownX[n-2] > 30 || shownX[n-1] > 0 || shownX[n-1] < -10 {
		t.Errorf("%d moved: %v", far, shownX[n-2:])
	}
}
