package bayes

import (
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// All of scikit-learn's results, after every chunk.
func TestFixturesOfBayes(t *testing.T) {
	g := NewGaussianNB()
	estimators := map[string]lineartest.Estimator{"nb/gaussian": lineartest.NewEstimator(g.PartialFit, func() map[string][]float64 {
		prior := slices.Clone(g.ClassCount)
		sum := 0.0
		for _, n := range prior {
			sum += n
		}
		for k := range prior {
			prior[k] /= sum
		}
		return map[string][]float64{
			"theta_": slices.Concat(g.Theta...), "var_": slices.Concat(g.Var...), "class_prior_": prior,
			"class_count_": g.ClassCount, "epsilon_": {g.Epsilon},
		}
	}, func(k *linear.Chunk) ([]float64, error) { return g.PredictProba(k, nil) })}
	for _, kind := range []NaiveBayes{Multinomial, Complement, Bernoulli} {
		b, err := NewDiscreteNB(kind, lineartest.TableFeatures)
		if err != nil {
			t.Fatal(err)
		}
		estimators["nb/"+string(kind)] = lineartest.NewEstimator(b.PartialFit, func() map[string][]float64 {
			return map[string][]float64{
				"feature_log_prob_": slices.Concat(b.FeatureLogProb()...), "class_log_prior_": b.ClassLogPrior(),
			}
		}, func(k *linear.Chunk) ([]float64, error) { return b.PredictProba(k, nil) })
	}
	lineartest.RunOthers(t, estimators)
}
