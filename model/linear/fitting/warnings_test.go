package fitting

import (
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
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

// Of a wide fit it is known how far its objective is above the least, and said where that is far.
func TestFarOff(t *testing.T) {
	t.Parallel()
	c := &linear.Chunk{Features: MaxExactFeatures + 1, Sparse: &linear.CSR{Offsets: []int{0}},
		Numbers: lineartest.RowNumbers(0, 30)}
	for i := range 30 {
		c.Sparse.Indices = append(c.Sparse.Indices, int32(i/3%7), int32(10+i/3))
		c.Sparse.Values = append(c.Sparse.Values, 1, float64(1+i/3%5))
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target = append(c.Target, float64(i%2))
	}
	for alpha, far := range map[float64]bool{0.01: false, 1e-15: true} {
		f := driven(t, FitOptions{Options: linear.Options{Task: linear.Classification}, Alphas: []float64{alpha}}, c, 1)
		g := f.Model().Training
		said := strings.Contains(strings.Join(f.Warnings(), "\n"), "above the least")
		if (g.Gap > 0.01*g.Objective[0]) != far || said != far || !(g.Gap > 0) {
			t.Errorf("alpha %v: gap %v of %v, warnings %q", alpha, g.Gap, g.Objective, f.Warnings())
		}
	}
}
