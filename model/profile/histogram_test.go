package profile

import "testing"

// Bins of whole numbers hold as many of these each, so that none stands out.
func TestHistogramOfWholeNumbers(t *testing.T) {
	l := &looks{}
	for day := range 31 {
		l.sample.rows = append(l.sample.rows, sampledRow{values: []value{{kind: numberValue, number: float64(day + 1)}}})
	}
	h := l.histogram(0)
	if h.Low != 0.5 || h.High != 32.5 || len(h.Counts) != 16 {
		t.Fatalf("%+v", h)
	}
	for i, n := range h.Counts[:15] {
		if n != 2 {
			t.Errorf("bin %d has %d numbers", i, n)
		}
	}
}
