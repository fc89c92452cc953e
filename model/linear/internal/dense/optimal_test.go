package dense

import (
	"math"
	"slices"
	"testing"
)

// A point is optimal where each coefficient is the one that the penalty wants: of columns that do not depend on each
// other, the shrunk slope over the curvature, and 0 where the slope is no more than l1.
func TestOptimal(t *testing.T) {
	curves, slopes := []float64{2, 4, 1, 3}, []float64{3, -5, 0.4, 0}
	const l1, l2 = 0.5, 0.25
	q := &Lasso{D: 4, Q: make([]float64, 16), C: slopes}
	least := make([]float64, 4)
	for j, v := range slopes {
		q.Q[j*4+j] = curves[j]
		least[j] = math.Copysign(max(math.Abs(v)-l1, 0), v) / (curves[j] + l2)
	}
	optimal := func(w []float64) bool { return q.Optimal(w, q.Residual(make([]float64, 4), w), l1, l2) }
	if !optimal(least) {
		t.Errorf("%v is the least", least)
	}
	for j := range least {
		for _, off := range []float64{-0.3, -1e-9, 1e-9, 0.3} {
			w := slices.Clone(least)
			if w[j] += off; j > 1 && math.Abs(off) < 0.1 {
				w[j] = math.Copysign(0.01, off)
			}
			if optimal(w) {
				t.Errorf("%v is not the least, which is %v", w, least)
			}
		}
	}
	for j := range least { // which should not be 0
		w := slices.Clone(least)
		if w[j] = 0; optimal(w) != (least[j] == 0) {
			t.Errorf("%v optimal: %v", w, least[j] != 0)
		}
	}
	if optimal([]float64{math.NaN(), 0, 0, 0}) {
		t.Error("a coefficient that is no number is optimal")
	}
	// Rounding of what is added up, and of the penalty, is no reason to go on.
	w := slices.Clone(least)
	if w[0] += 1e-15; !optimal(w) {
		t.Error("an ulp off the least is not optimal")
	}
	r := q.Residual(make([]float64, 4), least)
	if r[0] += 0.9e-11 * l1; !q.Optimal(least, r, l1, l2) {
		t.Error("less than 1e-11 of the penalty off the least is not optimal")
	}
	if r[0] += 1e-11 * l1; q.Optimal(least, r, l1, l2) {
		t.Error("more than 1e-11 of the penalty off the least is optimal")
	}
}
