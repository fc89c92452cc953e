package linear

import (
	"errors"
	"fmt"
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/exact"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
)

// RegressionSums are what RegressionMetrics follow from, without rounding: they are the same in whatever order rows
// come, and however these are cut into parts. The zero value has seen none. Do not copy one that has.
type RegressionSums struct {
	weight, target, squares exact.Sum // Σ weight, weight·target and weight·target²
	squared, absolute       exact.Sum
	deviance, convex        exact.Sum
	signed, covered         exact.Sum
}

// Add judges the prediction p of the target y.
func (s *RegressionSums) Add(y, p, weight float64) {
	if weight == 0 {
		return
	}
	s.weight.Add(weight)
	s.target.AddProduct(weight, y)
	if weight == 1 {
		s.squares.AddSquare(y)
	} else {
		square := float64(y * y)
		s.squares.AddProduct(weight, square)
		s.squares.AddProduct(weight, math.FMA(y, y, -square))
	}
	r := y - p
	s.squared.Add(float64(weight * r * r))
	s.absolute.Add(float64(weight * math.Abs(r)))
}

// AddDeviance adds the deviance of the target y from the mean of the decision value p, beside what Add has added.
func (s *RegressionSums) AddDeviance(v Deviance, y, p, weight float64) {
	if weight == 0 {
		return
	}
	s.deviance.Add(float64(2 * weight * v.Half(y, p)))
	of, _ := v.convex(y)
	s.convex.Add(float64(weight * of))
}

// AddQuantile adds what judges the prediction p of the target y as a quantile, beside what Add has added.
func (s *RegressionSums) AddQuantile(y, p, weight float64) {
	if weight == 0 {
		return
	}
	s.signed.Add(float64(weight * (y - p)))
	if y <= p {
		s.covered.Add(weight)
	}
}

// Merge adds what o has seen.
func (s *RegressionSums) Merge(o *RegressionSums) {
	from := o.all()
	for i, sum := range s.all() {
		sum.Merge(from[i])
	}
}

func (s *RegressionSums) all() []*exact.Sum {
	return []*exact.Sum{&s.weight, &s.target, &s.squares, &s.squared, &s.absolute, &s.deviance, &s.convex, &s.signed,
		&s.covered}
}

// Metrics are those of the sums, each rounded once. Of no row they are all 0. It is ErrTooLarge where they leave
// float64's range.
func (s *RegressionSums) Metrics() (*RegressionMetrics, error) {
	m := &RegressionMetrics{Weight: s.weight.Value(), Squared: s.squared.Value(), Absolute: s.absolute.Value(),
		Deviance: s.deviance.Value(), Convex: s.convex.Value(), Signed: s.signed.Value(), Covered: s.covered.Value()}
	if m.Weight == 0 {
		return m, nil
	}
	if finite := s.target.Finite() && s.squares.Finite() && m.Weight-m.Weight == 0; !finite {
		return nil, ErrTooLarge
	}
	weight, target := s.weight.Rat(), s.target.Rat()
	m.M2, _ = exact.Spread(weight, target, s.squares.Rat()).Float64()
	m.M2 = max(m.M2, 0) // squares of weighted targets have lost what is below float64
	m.Mean, _ = target.Quo(target, weight).Float64()
	if v := m.Squared + m.M2 + m.Absolute; v-v != 0 {
		return nil, ErrTooLarge
	}
	return m, nil
}

// ErrTooLarge is an error of predictions that cannot be judged.
var ErrTooLarge = errors.New("predictions or targets are too large to be evaluated: their squares are beyond float64")

// MarshalBinary keeps every digit; UnmarshalBinary reads it back.
func (s *RegressionSums) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes.
func (s *RegressionSums) UnmarshalBinary(b []byte) error {
	return readMetrics(s, "RegressionSums", b, (*RegressionSums).fields)
}

func (s *RegressionSums) fields(c *wire.Codec) {
	for _, sum := range s.all() {
		c.Binary(sum)
	}
}

// ClassificationSums are what ClassificationMetrics and, where it is asked for, the AUC of each class follow from,
// without rounding: they are the same in whatever order rows come, and however these are cut into parts.
type ClassificationSums struct {
	classes   int
	confusion *exact.Weights // by row, which is the class, and column, which was predicted
	logLoss   exact.Sum
	unlikely  bool             // a prediction came without probabilities
	sketches  []*exact.Weights // of each class: the bins of negative rows, then those of positive ones
}

// NewClassificationSums are for so many classes, and for so many AUCs: one of each class, or none.
func NewClassificationSums(classes, aucs int) *ClassificationSums {
	s := &ClassificationSums{classes: classes, confusion: exact.NewWeights(classes * classes)}
	for range aucs {
		s.sketches = append(s.sketches, exact.NewWeights(2*sketchBins))
	}
	return s
}

// Empty are for as many classes and AUCs, and have seen none.
func (s *ClassificationSums) Empty() *ClassificationSums {
	return NewClassificationSums(s.classes, len(s.sketches))
}

// Add is [ClassificationMetrics.Add].
func (s *ClassificationSums) Add(class, predicted int, proba []float64, weight float64) {
	s.confusion.Add(class*s.classes+predicted, weight)
	if proba == nil {
		s.unlikely = true
		return
	}
	s.logLoss.Add(-float64(weight * elementary.Log(min(max(proba[class], kernel.Epsilon), 1-kernel.Epsilon))))
}

// AUCs is how many scores of a row AddScore takes: one for each class, or none.
func (s *ClassificationSums) AUCs() int { return len(s.sketches) }

// AddScore counts the score of a row, which is no NaN, for class k against the rest.
func (s *ClassificationSums) AddScore(k int, positive bool, score, weight float64) {
	bin := SketchBin(score)
	if positive {
		bin += sketchBins
	}
	s.sketches[k].Add(bin, weight)
}

// Merge adds what o, of as many classes, has seen.
func (s *ClassificationSums) Merge(o *ClassificationSums) {
	s.confusion.Merge(o.confusion)
	s.logLoss.Merge(&o.logLoss)
	s.unlikely = s.unlikely || o.unlikely
	for k, w := range s.sketches {
		w.Merge(o.sketches[k])
	}
}

// Metrics are those of the sums, each rounded once.
func (s *ClassificationSums) Metrics() *ClassificationMetrics {
	m := NewClassificationMetrics(s.classes)
	for i, w := range s.confusion.Values() {
		m.Confusion[i/s.classes][i%s.classes] = w
	}
	if m.LogLossSum = s.logLoss.Value(); s.unlikely {
		m.LogLossSum = math.NaN()
	}
	return m
}

// Sketch is that of the scores for class k.
func (s *ClassificationSums) Sketch(k int) *AUCSketch {
	bins := s.sketches[k].Values()
	return &AUCSketch{Negative: bins[:sketchBins], Positive: bins[sketchBins:]}
}

// MarshalBinary keeps every digit; UnmarshalBinary reads it back.
func (s *ClassificationSums) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes of as many classes and AUCs.
func (s *ClassificationSums) UnmarshalBinary(b []byte) error {
	read := s.Empty()
	if err := wire.Decode(b, read.fields); err != nil {
		return fmt.Errorf("linear.ClassificationSums: a state that does not fit: %w", err)
	}
	*s = *read
	return nil
}

func (s *ClassificationSums) fields(c *wire.Codec) {
	c.Binary(s.confusion)
	c.Binary(&s.logLoss)
	c.Flag(&s.unlikely)
	for _, w := range s.sketches {
		c.Binary(w)
	}
}
