package report

import (
	"slices"
	"strings"
	"testing"
)

// A few far values do not flatten a histogram; its ends hold them, which is said.
func TestFences(t *testing.T) {
	var values []float64
	for i := range 1000 {
		values = append(values, float64(i%100))
	}
	slices.Sort(values)
	if lo, hi := Fences(values); lo != 0 || hi != 99 || Beyond(values, lo, hi) != "" {
		t.Errorf("[%g, %g] of values without a far one: %s", lo, hi, Beyond(values, lo, hi))
	}
	values = append(values, 1e6, 2e6)
	lo, hi := Fences(values)
	if lo != 0 || hi < 99 || hi > 150 {
		t.Errorf("[%g, %g]", lo, hi)
	}
	if got := Beyond(values, lo, hi); got != "The last bar holds 2 from beyond, up to 2000000." {
		t.Error(got)
	}
	_, y := Bins(values, lo, hi)
	sum := 0.0
	for _, n := range y {
		sum += n
	}
	if sum != 1002 || y[0] == 0 || y[len(y)/2] == 0 {
		t.Errorf("bars %v", y)
	}
	if got := Beyond(slices.Concat([]float64{-1e9}, values), lo, hi); !strings.Contains(got,
		"3 from beyond, down to -1e+09") {
		t.Error(got)
	}
	if lo, hi := Fences([]float64{5}); lo != 5 || hi != 5 {
		t.Errorf("[%g, %g] of one", lo, hi)
	}
	if lo, hi := Fences([]float64{1, 1, 1, 7}); lo != 1 || hi != 7 {
		t.Errorf("[%g, %g] of two", lo, hi)
	}
}
