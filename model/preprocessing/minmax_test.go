package preprocessing

import (
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// All of scikit-learn's results, after every chunk.
func TestFixturesOfScalers(t *testing.T) {
	minMax, maxAbs := NewMinMaxScaler(lineartest.TableFeatures), NewMaxAbsScaler(lineartest.TableFeatures)
	lineartest.RunOthers(t, map[string]lineartest.Estimator{
		"scaler/minmax": lineartest.NewEstimator(func(k *linear.Chunk) error { return minMax.PartialFit(k.X) },
			func() map[string][]float64 {
				scale, shift := minMax.Coefficients()
				return map[string][]float64{"data_min_": minMax.DataMin, "data_max_": minMax.DataMax, "scale_": scale,
					"min_": shift}
			}, lineartest.InPlace(minMax.Transform)),
		"scaler/maxabs": lineartest.NewEstimator(func(k *linear.Chunk) error { return maxAbs.PartialFit(k.X) },
			func() map[string][]float64 {
				return map[string][]float64{"max_abs_": maxAbs.MaxAbs, "scale_": maxAbs.Scale()}
			}, lineartest.InPlace(maxAbs.Transform)),
	})
}

func TestRowsOfOtherLength(t *testing.T) {
	minMax, maxAbs := NewMinMaxScaler(3), NewMaxAbsScaler(3)
	for _, f := range []func([]float64) error{minMax.PartialFit, minMax.Transform, maxAbs.PartialFit, maxAbs.Transform} {
		if err := f(make([]float64, 4)); err == nil {
			t.Error("four values are rows of three")
		}
	}
}

// Extremes merge to the same bits in any order, and a scaler that has seen nothing changes nothing.
func TestMergeExtremes(t *testing.T) {
	c := lineartest.Problem(100, 0, 5)
	whole, wholeAbs := NewMinMaxScaler(5), NewMaxAbsScaler(5)
	merged, mergedAbs := NewMinMaxScaler(5), NewMaxAbsScaler(5)
	if x := slices.Clone(c.X); merged.Transform(x) != nil || mergedAbs.Transform(x) != nil || !slices.Equal(x, c.X) {
		t.Error("a scaler without rows scales")
	}
	for _, cut := range [][2]int{{0, 100}, {70, 100}, {0, 30}, {30, 70}} {
		a, b, x := NewMinMaxScaler(5), NewMaxAbsScaler(5), c.X[cut[0]*5:cut[1]*5]
		if err := a.PartialFit(x); err != nil {
			t.Fatal(err)
		}
		if err := b.PartialFit(x); err != nil {
			t.Fatal(err)
		}
		if cut[1]-cut[0] == 100 {
			whole, wholeAbs = a, b
			continue
		}
		merged.Merge(a)
		mergedAbs.Merge(b)
	}
	if !slices.Equal(merged.DataMin, whole.DataMin) || !slices.Equal(merged.DataMax, whole.DataMax) ||
		!slices.Equal(mergedAbs.MaxAbs, wholeAbs.MaxAbs) {
		t.Error("merged extremes differ")
	}
}
