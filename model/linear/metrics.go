package linear

import (
	"fmt"
	"math"
	"slices"
)

// RegressionMetrics judges predictions of numbers, one by one. The zero value has seen none.
type RegressionMetrics struct {
	Weight   float64 `json:"weight"` // sum of weights
	Mean     float64 `json:"mean"`   // of the targets
	M2       float64 `json:"m2"`     // Σ weight·(target − Mean)²
	Squared  float64 `json:"squared"`
	Absolute float64 `json:"absolute"` // Σ weight·|target − prediction|, and its squares above
}

// Add judges the prediction p of the target y.
func (m *RegressionMetrics) Add(y, p, weight float64) {
	if weight == 0 {
		return
	}
	m.Weight += weight
	d := y - m.Mean
	m.Mean += d * weight / m.Weight
	m.M2 += float64(weight * d * (y - m.Mean))
	r := y - p
	m.Squared += float64(weight * r * r)
	m.Absolute += float64(weight * math.Abs(r))
}

// Merge adds what o has seen. The last bits depend on the order.
func (m *RegressionMetrics) Merge(o *RegressionMetrics) {
	if o.Weight == 0 {
		return
	}
	total := m.Weight + o.Weight
	d := o.Mean - m.Mean
	m.M2 += o.M2 + d*d*m.Weight*(o.Weight/total)
	m.Mean += d * (o.Weight / total)
	m.Weight = total
	m.Squared += o.Squared
	m.Absolute += o.Absolute
}

// MSE is the mean squared error.
func (m *RegressionMetrics) MSE() float64 { return m.Squared / m.Weight }

// MAE is the mean absolute error.
func (m *RegressionMetrics) MAE() float64 { return m.Absolute / m.Weight }

// R2 is the share of the targets' variance that is explained: at most 1, and 0 for their mean. Of a constant target, it is 1
// where every prediction is right and 0 otherwise, as in scikit-learn.
func (m *RegressionMetrics) R2() float64 {
	switch {
	case m.M2 > 0:
		return 1 - m.Squared/m.M2
	case m.Squared == 0:
		return 1
	}
	return 0
}

// ClassificationMetrics judges predictions of classes, one by one.
type ClassificationMetrics struct {
	// Confusion has in row i and column j the weight of the rows of class i that were taken for class j.
	Confusion [][]float64
	logLoss   float64
}

// NewClassificationMetrics is for so many classes.
func NewClassificationMetrics(classes int) *ClassificationMetrics {
	m := &ClassificationMetrics{Confusion: make([][]float64, classes)}
	for i := range m.Confusion {
		m.Confusion[i] = make([]float64, classes)
	}
	return m
}

// Add judges a prediction: the places of the class and of the class predicted, and the probabilities of all classes, which
// sum to 1; nil where there are none.
func (m *ClassificationMetrics) Add(class, predicted int, proba []float64, weight float64) {
	m.Confusion[class][predicted] += weight
	if proba == nil {
		m.logLoss = math.NaN()
		return
	}
	m.logLoss -= float64(weight * math.Log(min(max(proba[class], epsilon64), 1-epsilon64)))
}

// Merge adds what o, of as many classes, has seen. The last bits depend on the order.
func (m *ClassificationMetrics) Merge(o *ClassificationMetrics) {
	for i, r := range o.Confusion {
		for j, w := range r {
			m.Confusion[i][j] += w
		}
	}
	m.logLoss += o.logLoss
}

// weight is the weight of all rows, of those that were right.
func (m *ClassificationMetrics) weight() (all, right float64) {
	for i, r := range m.Confusion {
		for _, w := range r {
			all += w
		}
		right += r[i]
	}
	return all, right
}

// Accuracy is the share of rows whose class was predicted.
func (m *ClassificationMetrics) Accuracy() float64 {
	all, right := m.weight()
	return right / all
}

// LogLoss is the mean of −log of the probability that was given to the class, which counts as at least 2⁻⁵² and at most
// 1−2⁻⁵², as in scikit-learn; NaN where a prediction came without probabilities.
func (m *ClassificationMetrics) LogLoss() float64 {
	all, _ := m.weight()
	return m.logLoss / all
}

// F1 is the harmonic mean of precision and recall for a class: 0 where it was neither there nor predicted.
func (m *ClassificationMetrics) F1(class int) float64 {
	var there, predicted float64
	for i, r := range m.Confusion {
		there += m.Confusion[class][i]
		predicted += r[class]
	}
	if there+predicted == 0 {
		return 0
	}
	return 2 * m.Confusion[class][class] / (there + predicted)
}

// MacroF1 is the mean of F1 over the classes that were there or predicted.
func (m *ClassificationMetrics) MacroF1() float64 {
	var sum float64
	n := 0
	for k := range m.Confusion {
		for i := range m.Confusion {
			if m.Confusion[k][i]+m.Confusion[i][k] > 0 {
				sum += m.F1(k)
				n++
				break
			}
		}
	}
	return sum / float64(n)
}

// AUC is the area under the ROC curve: the chance that a positive row has a larger score than a negative one, ties counting
// half. Weights is nil, or as long. It is NaN without rows of both kinds. O(n log n).
func AUC(positive []bool, scores, weights []float64) (float64, error) {
	n := len(positive)
	if len(scores) != n || weights != nil && len(weights) != n {
		return 0, fmt.Errorf("linear.AUC: %d rows, %d scores, %d weights", n, len(scores), len(weights))
	}
	order := make([]int, n)
	for i := range order {
		if scores[i] != scores[i] {
			return 0, fmt.Errorf("linear.AUC: score %d is NaN", i)
		}
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return a - b // a fixed order, and fixed bits
	})
	var won, pos, neg float64 // weights of all lower rows
	for len(order) > 0 {
		ties, p, q := 0, 0.0, 0.0
		for ties < len(order) && scores[order[ties]] == scores[order[0]] {
			w := 1.0
			if weights != nil {
				w = weights[order[ties]]
			}
			if positive[order[ties]] {
				p += w
			} else {
				q += w
			}
			ties++
		}
		won += float64(p * (neg + q/2))
		pos += p
		neg += q
		order = order[ties:]
	}
	return won / (pos * neg), nil
}
