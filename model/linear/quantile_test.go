package linear_test

import (
	"math"
	"testing"

	"beamlearn/model/linear"
)

// The scores of a quantile are scikit-learn's mean_pinball_loss and the share of targets at most their predictions, in
// any cut.
func TestQuantileMetrics(t *testing.T) {
	t.Parallel()
	y, p, w := []float64{1, 2, 3, -4, 5}, []float64{1, 3, 1, -5, 5.5}, []float64{1, 2, 0, 0.5, 3}
	for _, q := range []float64{0.1, 0.5, 0.9} {
		var parts [2]linear.RegressionMetrics
		loss, covered, weight := 0.0, 0.0, 0.0
		for i := range y {
			m := &parts[i/2%2]
			m.Add(y[i], p[i], w[i])
			m.AddQuantile(y[i], p[i], w[i])
			weight += w[i]
			loss += w[i] * max(q*(y[i]-p[i]), (q-1)*(y[i]-p[i]))
			if y[i] <= p[i] {
				covered += w[i]
			}
		}
		b, err := parts[1].MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var read linear.RegressionMetrics
		if err := read.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		m := &parts[0]
		m.Merge(&read)
		if !(math.Abs(m.Pinball(q)-loss/weight) <= 1e-15) || m.Coverage() != covered/weight {
			t.Errorf("quantile %v: %v and %v, want %v and %v", q, m.Pinball(q), m.Coverage(), loss/weight, covered/weight)
		}
	}
}
