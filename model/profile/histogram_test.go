package profile

import "testing"

// Bins of whole numbers hold as many of these each, so that none stands out; the last lacks as few as can be.
func TestHistogramOfWholeNumbers(t *testing.T) {
	for numbers, want := range map[int]struct{ width, bins, last int }{
		2: {1, 2, 1}, 20: {1, 20, 1}, 21: {1, 21, 1}, 31: {1, 31, 1}, 45: {3, 15, 3}, 60: {3, 20, 3}, 97: {5, 20, 2},
		200: {10, 20, 10},
	} {
		l := &looks{}
		for i := range numbers {
			l.sample.rows = append(l.sample.rows, sampledRow{values: []value{{kind: numberValue, number: float64(i + 1)}}})
		}
		h := l.histogram(0)
		if h.Low != 0.5 || h.High != float64(want.width*want.bins)+0.5 || len(h.Counts) != want.bins {
			t.Errorf("%d numbers: %+v", numbers, h)
			continue
		}
		for i, n := range h.Counts[:want.bins-1] {
			if n != int64(want.width) {
				t.Errorf("%d numbers: bin %d has %d", numbers, i, n)
			}
		}
		if n := h.Counts[want.bins-1]; n != int64(want.last) {
			t.Errorf("%d numbers: the last bin has %d", numbers, n)
		}
	}
}
