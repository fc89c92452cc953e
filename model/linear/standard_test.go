package linear_test

import (
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// All of scikit-learn's results, after every chunk.
func TestStandardScaler(t *testing.T) {
	estimators := map[string]lineartest.Estimator{}
	for _, name := range []string{"scaler/standard", "scaler/standard_nan_const"} {
		s := linear.NewStandardScaler(lineartest.TableFeatures)
		estimators[name] = lineartest.NewEstimator(func(k *linear.Chunk) error { return s.PartialFit(k, nil) },
			func() map[string][]float64 {
				seen := s.Count
				if slices.Min(seen) == slices.Max(seen) {
					seen = seen[:1]
				}
				return map[string][]float64{"mean_": s.Mean, "var_": s.Var, "scale_": s.Scale, "n_samples_seen_": seen}
			}, lineartest.InPlace(s.Transform))
	}
	lineartest.RunOthers(t, estimators)
}
