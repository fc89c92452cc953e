package fitting

import (
	"strings"
	"testing"

	"beamlearn/model/linear"
)

// The warning counts the columns of which the l2 part of the penalty takes more than a share of 1/11.
func TestShrinks(t *testing.T) {
	squares := []float64{0, 1, 0.02, 0.0009}
	for _, c := range []struct {
		penalty      linear.Penalty
		alpha, ratio float64
		want         string
	}{
		{linear.L2, 0.001, 0.15, "alpha 0.001, shrinks 1 of 4 columns by more than 9 %, as their scale is small (a mean square of 0.0009)"},
		{linear.L2, 0.01, 0.15, "alpha 0.01, shrinks 2 of 4 columns"},
		{linear.L2, 0, 0.15, ""},
		{linear.ElasticNet, 0.01, 0.5, "alpha 0.01, shrinks 2 of 4 columns"},
		{linear.ElasticNet, 0.01, 0.9, "alpha 0.01, shrinks 1 of 4 columns"},
		{linear.ElasticNet, 1, 1, ""},
		{linear.L1, 1, 0.15, ""},
		{linear.None, 1, 0.15, ""},
	} {
		got := strings.Join(shrinks(&linear.Options{Penalty: c.penalty, Alpha: &c.alpha, L1Ratio: &c.ratio}, squares), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s, alpha %v, l1_ratio %v: %q", c.penalty, c.alpha, c.ratio, got)
		}
	}
}
