package linear

import (
	"math"
	"strings"
	"testing"
)

// Scores that are not finite are empty fields.
func TestWriteCSV(t *testing.T) {
	r := &CVResult{Params: []CVParams{{Alpha: 1}, {Alpha: 0.5, L1Ratio: new(0.25)}},
		Metrics: []CVMetric{{Name: "r2", Splits: [][]float64{{math.NaN(), 0.5}, {1, 1}}, Constant: []float64{-0.25, -0.5}}}}
	var b strings.Builder
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	want := "alpha,l1_ratio,rank,choice,mean_test_r2,std_test_r2,split0_test_r2,split1_test_r2,constant_test_r2\n1,,2,,,,,1,-0.375\n0.5,0.25,1,best one_standard_error,0.75,0.25,0.5,1,-0.375\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
