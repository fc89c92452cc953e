package linear

// AddQuantile adds what judges the prediction p of the target y as a quantile, beside what Add has added.
func (m *RegressionMetrics) AddQuantile(y, p, weight float64) {
	if weight == 0 {
		return
	}
	m.Signed += float64(weight * (y - p))
	if y <= p {
		m.Covered += weight
	}
}

// Pinball is scikit-learn's mean_pinball_loss with alpha=quantile.
func (m *RegressionMetrics) Pinball(quantile float64) float64 {
	return (m.Absolute/2 + float64((quantile-0.5)*m.Signed)) / m.Weight
}

// PinballScore is the name of the score that a cross-validation of the loss Quantile has.
const PinballScore = "neg_mean_pinball_loss"

// Coverage is the share of the targets that are at most their predictions: about the quantile, of one that predicts it
// well.
func (m *RegressionMetrics) Coverage() float64 { return m.Covered / m.Weight }

// IsQuantile says which quantile of the target a prediction is, where the loss is Quantile.
func (o *Options) IsQuantile() (quantile float64, ok bool) {
	if o.Loss != Quantile {
		return 0, false
	}
	if o.Quantile == nil {
		return defaultQuantile, true
	}
	return *o.Quantile, true
}
