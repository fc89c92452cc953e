package preprocessing

import (
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
)

// MaxAbsScaler divides the columns by their greatest absolute value, and so keeps zeros. It is scikit-learn's
// MaxAbsScaler. NaN is no value. Merged in any order, the bits are the same.
type MaxAbsScaler struct {
	MaxAbs []float64 // 0 without any value
}

// NewMaxAbsScaler makes a scaler for rows of so many columns.
func NewMaxAbsScaler(features int) *MaxAbsScaler { return &MaxAbsScaler{make([]float64, features)} }

// PartialFit learns from row-major rows.
func (s *MaxAbsScaler) PartialFit(x []float64) error {
	d := len(s.MaxAbs)
	if len(x)%d != 0 {
		return fmt.Errorf("linear.MaxAbsScaler: %d values are not rows of %d", len(x), d)
	}
	for ; len(x) > 0; x = x[d:] {
		for j, v := range x[:d] {
			if v = math.Abs(v); v > s.MaxAbs[j] {
				s.MaxAbs[j] = v
			}
		}
	}
	return nil
}

// Merge adds what t, for as many columns, has learned.
func (s *MaxAbsScaler) Merge(t *MaxAbsScaler) {
	for j, v := range t.MaxAbs {
		s.MaxAbs[j] = max(s.MaxAbs[j], v)
	}
}

// Scale is what each column is divided by.
func (s *MaxAbsScaler) Scale() []float64 {
	scale := slices.Clone(s.MaxAbs)
	for j, v := range scale {
		if v < 10*kernel.Epsilon {
			scale[j] = 1
		}
	}
	return scale
}

// Transform scales row-major rows in place.
func (s *MaxAbsScaler) Transform(x []float64) error {
	d := len(s.MaxAbs)
	if len(x)%d != 0 {
		return fmt.Errorf("linear.MaxAbsScaler: %d values are not rows of %d", len(x), d)
	}
	scale := s.Scale()
	for i := range x {
		x[i] /= scale[i%d]
	}
	return nil
}
