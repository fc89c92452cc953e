package linear

import (
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
)

// RegressionMetrics judges predictions of numbers, one by one. The zero value has seen none.
type RegressionMetrics struct {
	Weight   float64 `json:"weight"` // sum of weights
	Mean     float64 `json:"mean"`   // of the targets
	M2       float64 `json:"m2"`     // Σ weight·(target − Mean)²
	Squared  float64 `json:"squared"`
	Absolute float64 `json:"absolute"` // Σ weight·|target − prediction|, and its squares above
	// Of a loss of DevianceLosses, see AddDeviance: Σ weight·deviance, and what the deviance of a constant follows from.
	Deviance float64 `json:"deviance,omitempty"`
	Convex   float64 `json:"convex,omitempty"`
	// Of the loss Quantile, see AddQuantile: Σ weight·(target − prediction), and the weight of targets at most their
	// predictions.
	Signed  float64 `json:"signed,omitempty"`
	Covered float64 `json:"covered,omitempty"`
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
	m.M2 += o.M2 + float64(d*d*m.Weight*(o.Weight/total))
	m.Mean += float64(d * (o.Weight / total))
	m.Weight = total
	m.Squared += o.Squared
	m.Absolute += o.Absolute
	m.Deviance += o.Deviance
	m.Convex += o.Convex
	m.Signed += o.Signed
	m.Covered += o.Covered
}

// MarshalBinary keeps every bit; UnmarshalBinary reads it back.
func (m *RegressionMetrics) MarshalBinary() ([]byte, error) { return wire.Encode(m.fields) }

// UnmarshalBinary reads what MarshalBinary writes.
func (m *RegressionMetrics) UnmarshalBinary(b []byte) error {
	return readMetrics(m, "RegressionMetrics", b, (*RegressionMetrics).fields)
}

func (m *RegressionMetrics) fields(c *wire.Codec) {
	c.Float(&m.Weight, &m.Mean, &m.M2, &m.Squared, &m.Absolute, &m.Deviance, &m.Convex, &m.Signed, &m.Covered)
}

// readMetrics sets m where all bytes fit.
func readMetrics[T any](m *T, name string, b []byte, fields func(*T, *wire.Codec)) error {
	var read T
	if err := wire.Decode(b, func(c *wire.Codec) { fields(&read, c) }); err != nil {
		return fmt.Errorf("linear.%s: a state that does not fit: %w", name, err)
	}
	*m = read
	return nil
}

// MSE is the mean squared error.
func (m *RegressionMetrics) MSE() float64 { return m.Squared / m.Weight }

// MAE is the mean absolute error.
func (m *RegressionMetrics) MAE() float64 { return m.Absolute / m.Weight }

// R2 is the share of the targets' variance that is explained: at most 1, and 0 for their mean. Of a constant target,
// it is 1 where every prediction is right and 0 otherwise, as in scikit-learn.
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
	Confusion  [][]float64
	LogLossSum float64
}

// NewClassificationMetrics is for so many classes.
func NewClassificationMetrics(classes int) *ClassificationMetrics {
	m := &ClassificationMetrics{Confusion: make([][]float64, classes)}
	for i := range m.Confusion {
		m.Confusion[i] = make([]float64, classes)
	}
	return m
}

// Add judges a prediction: the places of the class and of the class predicted, and the probabilities of all classes,
// which sum to 1; nil where there are none.
func (m *ClassificationMetrics) Add(class, predicted int, proba []float64, weight float64) {
	m.Confusion[class][predicted] += weight
	if proba == nil {
		m.LogLossSum = math.NaN()
		return
	}
	m.LogLossSum -= float64(weight * elementary.Log(min(max(proba[class], kernel.Epsilon), 1-kernel.Epsilon)))
}

// Merge adds what o, of as many classes, has seen. The last bits depend on the order.
func (m *ClassificationMetrics) Merge(o *ClassificationMetrics) {
	for i, r := range o.Confusion {
		for j, w := range r {
			m.Confusion[i][j] += w
		}
	}
	m.LogLossSum += o.LogLossSum
}

// MarshalBinary keeps every bit; UnmarshalBinary reads it back.
func (m *ClassificationMetrics) MarshalBinary() ([]byte, error) { return wire.Encode(m.fields) }

// UnmarshalBinary reads what MarshalBinary writes, and takes memory in proportion to it.
func (m *ClassificationMetrics) UnmarshalBinary(b []byte) error {
	return readMetrics(m, "ClassificationMetrics", b, (*ClassificationMetrics).fields)
}

func (m *ClassificationMetrics) fields(c *wire.Codec) {
	n := len(m.Confusion)
	c.Int(&n)
	if c.Reading() {
		if !c.Has(8*n) || !c.Has(8*n*n) {
			return
		}
		*m = *NewClassificationMetrics(n)
	}
	c.Floats(m.Confusion...)
	c.Float(&m.LogLossSum)
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

// Constant judges the constant prediction on the same rows: the most frequent class, the first of several, and the
// shares of the classes as probabilities.
func (m *ClassificationMetrics) Constant() *ClassificationMetrics {
	n := len(m.Confusion)
	c, shares := NewClassificationMetrics(n), make([]float64, n)
	all, _ := m.weight()
	for i, row := range m.Confusion {
		for _, w := range row {
			shares[i] += w / all
		}
	}
	most := slices.Index(shares, slices.Max(shares))
	for i, row := range m.Confusion {
		for _, w := range row {
			if w > 0 {
				c.Add(i, most, shares, w)
			}
		}
	}
	return c
}

// LogLoss is the mean of −log of the probability that was given to the class, which counts as at least 2⁻⁵² and at most
// 1−2⁻⁵², as in scikit-learn; NaN where a prediction came without probabilities.
func (m *ClassificationMetrics) LogLoss() float64 {
	all, _ := m.weight()
	return m.LogLossSum / all
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

// AUC is the area under the ROC curve: the chance that a positive row has a larger score than a negative one, ties
// counting half. Weights is nil, or as long. It is NaN without rows of both kinds. O(n log n).
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

// AUCSketch is the AUC of scores that are seen one by one and kept in 10,240 bins: 128 for each octave of |score|
// from 2⁻²⁶ to 2¹⁴, of either sign, so that a bin is 0.8 % of its scores wide, whatever their scale. Scores in one
// bin count as ties, which no order of the rows changes. How far that can be from the AUC of the scores themselves is
// known: see [AUCSketch.AUC]. For scores that spread over a few octaves, as those of linear models do, it is below
// 1e-3, and the error a fraction of that. The zero value has seen none.
type AUCSketch struct {
	Positive, Negative []float64 // weights in each bin
}

const (
	sketchOctaves, sketchPerOctave = 40, 128
	sketchLeast                    = 1023 - 26 // the exponent of the lowest, as float64 has it
	sketchBins                     = 2 * sketchOctaves * sketchPerOctave
)

// SketchBin is the bin of a score: bins ascend with scores.
func SketchBin(score float64) int {
	const half = sketchBins / 2
	b := math.Float64bits(score + 0) // −0 is 0
	i := int(b&^(1<<63)>>45) - sketchLeast*sketchPerOctave
	i = min(max(i, 0), half-1)
	return half + (i ^ int(int64(b)>>63)) // half−1−i where negative, without a branch, which would seldom be foreseen
}

// Add counts a score that is no NaN.
func (s *AUCSketch) Add(positive bool, score, weight float64) {
	bins := s.Bins()
	if positive {
		bins[1][SketchBin(score)] += weight
	} else {
		bins[0][SketchBin(score)] += weight
	}
}

// Bins are those of negative and positive rows.
func (s *AUCSketch) Bins() [2][]float64 {
	if s.Positive == nil {
		s.Positive, s.Negative = make([]float64, sketchBins), make([]float64, sketchBins)
	}
	return [2][]float64{s.Negative, s.Positive}
}

// Merge adds what o has seen. Without weights, no order of merging changes a bit.
func (s *AUCSketch) Merge(o *AUCSketch) {
	if o.Positive == nil {
		return
	}
	bins := s.Bins()
	kernel.Add(1, o.Negative, bins[0])
	kernel.Add(1, o.Positive, bins[1])
}

// AUC is the area under the ROC curve, ties counting half, and the most by which that of the scores themselves can
// differ: half the share of pairs that share a bin. Both are NaN without rows of both kinds.
func (s *AUCSketch) AUC() (auc, bound float64) {
	var won, ties, pos, neg float64
	for i, p := range s.Positive {
		q := s.Negative[i]
		won += float64(p * (neg + float64(q/2)))
		ties += float64(p * q)
		pos += p
		neg += q
	}
	return won / (pos * neg), ties / 2 / (pos * neg)
}

// MarshalBinary writes the bins that are not empty; it keeps every bit.
func (s *AUCSketch) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes.
func (s *AUCSketch) UnmarshalBinary(b []byte) error {
	return readMetrics(s, "AUCSketch", b, (*AUCSketch).fields)
}

func (s *AUCSketch) fields(c *wire.Codec) {
	var used []int
	for i, p := range s.Positive {
		if p != 0 || s.Negative[i] != 0 {
			used = append(used, i)
		}
	}
	last := -1
	for at := range c.Len(len(used), 1+2*8) {
		var i int
		if !c.Reading() {
			i = used[at]
		}
		c.Int(&i)
		c.Check(i > last && i < sketchBins, fmt.Sprintf("bins that ascend, below %d", sketchBins))
		if !c.OK() {
			return
		}
		s.Bins()
		last = i
		for _, w := range []*float64{&s.Positive[i], &s.Negative[i]} {
			c.Float(w)
			c.Check(*w-*w == 0 && *w >= 0, "weights that are finite, from 0 on")
		}
	}
}
