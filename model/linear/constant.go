package linear

import (
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
)

// ConstantClasses adds to the metrics of a classification what the constant prediction scores, scikit-learn's
// DummyClassifier with the strategy prior: for each fold, the shares and the most frequent of the classes in the
// other folds. weights has those of the classes, by fold.
func (r *CVResult) ConstantClasses(weights [][]float64) {
	for i := range r.Metrics {
		m := &r.Metrics[i]
		for fold, held := range weights {
			prior, all := make([]float64, len(held)), 0.0
			for other, w := range weights {
				if other != fold {
					kernel.Add(1, w, prior)
				}
			}
			for _, w := range prior {
				all += w
			}
			if !(all > 0) {
				m.Constant = append(m.Constant, math.NaN())
				continue
			}
			kernel.Scale(1/all, prior)
			c := NewClassificationMetrics(len(held))
			guess := slices.Index(prior, slices.Max(prior))
			for class, w := range held {
				c.Confusion[class][guess] = w
			}
			score := math.NaN()
			switch m.Name {
			case "accuracy":
				score = c.Accuracy()
			case "f1":
				if score = c.F1(1); score != score {
					score = 0
				}
			case "f1_macro":
				score = c.MacroF1()
			case "roc_auc":
				score = 0.5
			case "neg_log_loss":
				sum, weight := 0.0, 0.0
				for class, w := range held {
					if w > 0 {
						sum += float64(w * -elementary.Log(min(max(prior[class], kernel.Epsilon), 1-kernel.Epsilon)))
						weight += w
					}
				}
				score = -sum / weight
			}
			m.Constant = append(m.Constant, score)
		}
	}
}

// ConstantMeans does the same for a regression, where the constant is the mean of the other folds, but of the pinball
// loss their quantile, and of the absolute error their median: scikit-learn's DummyRegressor with the strategy of the
// metric. targets has the moments of each fold, bins its targets by size, without which the last two are not known,
// and o the loss, whose deviance may be a metric.
func (r *CVResult) ConstantMeans(targets []RegressionMetrics, bins []TargetBins, o *Options) {
	r.constantQuantiles(bins, o)
	v, _ := o.Deviance()
	for i := range r.Metrics {
		m := &r.Metrics[i]
		for fold, held := range targets {
			var rest RegressionMetrics
			for other := range targets {
				if other != fold {
					rest.Merge(&targets[other])
				}
			}
			off := held.Mean - rest.Mean
			held.Squared = held.M2 + float64(held.Weight*float64(off*off))
			switch m.Name {
			case "r2":
				m.Constant = append(m.Constant, held.R2())
			case "neg_mean_squared_error":
				m.Constant = append(m.Constant, -held.MSE())
			case D2Score:
				held.Deviance = held.Weight * held.deviance(v, rest.Mean)
				m.Constant = append(m.Constant, held.D2(v))
			case DevianceScore(o.Loss):
				m.Constant = append(m.Constant, -held.deviance(v, rest.Mean))
			}
		}
	}
}

// constantQuantiles adds to the pinball loss and to the absolute error what the best constant of the other folds
// scores.
func (r *CVResult) constantQuantiles(bins []TargetBins, o *Options) {
	for i := range r.Metrics {
		m, q, factor := &r.Metrics[i], 0.5, 2.0
		switch m.Name {
		case "neg_mean_absolute_error": // twice the pinball loss of the median
		case PinballScore:
			q, _ = o.IsQuantile()
			factor = 1
		default:
			continue
		}
		for fold, held := range bins {
			rest := TargetBins{}
			for other := range bins {
				if other != fold {
					rest.Merge(bins[other])
				}
			}
			m.Constant = append(m.Constant, -factor*held.Pinball(q, rest.Quantile(q)))
		}
	}
}

// ConstantMean is the mean over the folds of what a constant prediction scores; NaN where it is not known.
func (m *CVMetric) ConstantMean() float64 {
	if len(m.Constant) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range m.Constant {
		sum += v
	}
	return sum / float64(len(m.Constant))
}
