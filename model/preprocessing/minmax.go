// Package preprocessing is the scalers of columns that linear models do not carry: [MinMaxScaler] and [MaxAbsScaler],
// as scikit-learn's.
package preprocessing

import (
	"fmt"
	"math"

	"beamlearn/model/internal/kernel"
)

// MinMaxScaler maps the columns onto a range, from the least to the greatest value that it has learned. It is
// scikit-learn's MinMaxScaler. NaN is no value. Merged in any order, the bits are the same.
type MinMaxScaler struct {
	FeatureRange [2]float64
	DataMin      []float64 // +Inf without any value
	DataMax      []float64 // −Inf without any value
}

// NewMinMaxScaler makes a scaler onto [0, 1] for rows of so many columns.
func NewMinMaxScaler(features int) *MinMaxScaler {
	s := &MinMaxScaler{FeatureRange: [2]float64{0, 1}, DataMin: make([]float64, features),
		DataMax: make([]float64, features)}
	for j := range features {
		s.DataMin[j], s.DataMax[j] = math.Inf(1), math.Inf(-1)
	}
	return s
}

// PartialFit learns from row-major rows.
func (s *MinMaxScaler) PartialFit(x []float64) error {
	d := len(s.DataMin)
	if len(x)%d != 0 {
		return fmt.Errorf("linear.MinMaxScaler: %d values are not rows of %d", len(x), d)
	}
	for ; len(x) > 0; x = x[d:] {
		for j, v := range x[:d] {
			if v < s.DataMin[j] {
				s.DataMin[j] = v
			}
			if v > s.DataMax[j] {
				s.DataMax[j] = v
			}
		}
	}
	return nil
}

// Merge adds what t, for as many columns, has learned.
func (s *MinMaxScaler) Merge(t *MinMaxScaler) {
	for j := range s.DataMin {
		s.DataMin[j] = min(s.DataMin[j], t.DataMin[j])
		s.DataMax[j] = max(s.DataMax[j], t.DataMax[j])
	}
}

// Coefficients are scale and shift of each column: a value x becomes scale·x + shift. Columns without two different
// values are only shifted.
func (s *MinMaxScaler) Coefficients() (scale, shift []float64) {
	scale, shift = make([]float64, len(s.DataMin)), make([]float64, len(s.DataMin))
	for j := range scale {
		low, width := s.DataMin[j], s.DataMax[j]-s.DataMin[j]
		if width < 0 {
			low = 0
		}
		if width < 10*kernel.Epsilon {
			width = 1
		}
		scale[j] = (s.FeatureRange[1] - s.FeatureRange[0]) / width
		shift[j] = s.FeatureRange[0] - float64(low*scale[j])
	}
	return scale, shift
}

// Transform scales row-major rows in place.
func (s *MinMaxScaler) Transform(x []float64) error {
	d := len(s.DataMin)
	if len(x)%d != 0 {
		return fmt.Errorf("linear.MinMaxScaler: %d values are not rows of %d", len(x), d)
	}
	scale, shift := s.Coefficients()
	for i, v := range x {
		x[i] = float64(v*scale[i%d]) + shift[i%d]
	}
	return nil
}
