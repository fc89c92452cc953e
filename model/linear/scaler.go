package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/fault"
)

// StandardScaler makes (x − mean)/scale of the rows, with the mean and the standard deviation of the columns, which it learns
// chunk by chunk. It is scikit-learn's StandardScaler. NaN is no value: it neither counts nor changes. Sparse rows keep their
// zeros: they need a scaler without WithMean.
//
// Moments of chunks are combined by the formulas of Chan, Golub and LeVeque (The American Statistician 37.3, 1983). They are
// accurate in any order, but their last bits depend on it: [MergeScalers] fixes the order.
type StandardScaler struct {
	WithMean, WithStd bool // what to do; NewStandardScaler sets both

	// Of each column: mean, variance (with divisor Count), and number of values, or sum of their weights.
	Mean, Var, Count []float64
	// Scale is √Var; it is 1 where a column is constant up to rounding, and without WithStd.
	Scale []float64
}

// NewStandardScaler makes a scaler for rows of so many columns.
func NewStandardScaler(features int) *StandardScaler {
	s := &StandardScaler{WithMean: true, WithStd: true, Mean: make([]float64, features), Var: make([]float64, features), Count: make([]float64, features)}
	s.finish()
	return s
}

// Clone is a copy.
func (s *StandardScaler) Clone() *StandardScaler {
	c := *s
	c.Mean, c.Var, c.Count, c.Scale = slices.Clone(s.Mean), slices.Clone(s.Var), slices.Clone(s.Count), slices.Clone(s.Scale)
	return &c
}

// check says why the scaler does not fit a chunk.
func (s *StandardScaler) check(c *Chunk) error {
	if c.Sparse != nil && s.WithMean {
		return errors.New("linear.StandardScaler: sparse rows would lose their zeros: scale them without WithMean")
	}
	if c.Features != len(s.Mean) {
		return c.fault(fault.WholeFile, fmt.Sprintf("%d features, as in the scaler", len(s.Mean)), "%d", c.Features)
	}
	return nil
}

// PartialFit learns from the rows of a chunk; weights is nil, or a weight for each row. O(entries + features), in two passes.
func (s *StandardScaler) PartialFit(c *Chunk, weights []float64) error {
	if err := s.check(c); err != nil {
		return err
	}
	if err := c.checkRows(len(s.Mean)); err != nil {
		return err
	}
	if weights != nil && len(weights) != c.Len() {
		return fmt.Errorf("linear.StandardScaler: %d weights for %d rows", len(weights), c.Len())
	}
	for i, w := range weights {
		if !(w >= 0) || w-w != 0 {
			return c.fault(i, "a weight from 0 on", "%v", w)
		}
	}
	s.add(moments(c, weights))
	s.finish()
	return nil
}

// moments are those of a chunk that has been checked, without Scale.
func moments(c *Chunk, weights []float64) *StandardScaler {
	d := c.Features
	sums := make([]float64, 4*d)
	mean, variance, count, correction := sums[:d], sums[d:2*d], sums[2*d:3*d], sums[3*d:]
	rows := newRows(c, nil, nil)
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	var total float64
	for i := range c.Len() {
		x, w := rows.at(i), weight(i)
		total += w
		if x.idx != nil {
			for k, j := range x.idx { // count is, for now, the weight of values that are there
				if v := x.val[k]; v == v {
					count[j] += w
					mean[j] += float64(w * v)
				} else {
					correction[j] += w
				}
			}
			continue
		}
		count, mean := count[:len(x.val)], mean[:len(x.val)]
		for j, v := range x.val {
			if v == v {
				count[j] += w
				mean[j] += float64(w * v)
			}
		}
	}
	var zeros []float64 // the weight of each column's values that are not there, and so zeros
	if c.Sparse != nil {
		zeros = make([]float64, d)
		for j := range zeros {
			zeros[j] = max(0, total-count[j]-correction[j])
			count[j] += zeros[j]
		}
		clear(correction)
	}
	divide(mean, count)
	for j, w := range zeros {
		v := -mean[j]
		correction[j] = float64(w * v)
		variance[j] = float64(float64(w*v) * v)
	}
	for i := range c.Len() {
		x, w := rows.at(i), weight(i)
		if x.idx != nil {
			for k, j := range x.idx {
				if v := x.val[k]; v == v {
					v -= mean[j]
					correction[j] += float64(w * v)
					variance[j] += float64(float64(w*v) * v)
				}
			}
			continue
		}
		mean, correction, variance := mean[:len(x.val)], correction[:len(x.val)], variance[:len(x.val)]
		for j, v := range x.val {
			if v == v {
				v -= mean[j]
				correction[j] += float64(w * v)
				variance[j] += float64(float64(w*v) * v)
			}
		}
	}
	for j, n := range count {
		if n > 0 {
			variance[j] = max(0, variance[j]-correction[j]*correction[j]/n) / n
		}
	}
	return &StandardScaler{Mean: mean, Var: variance, Count: count}
}

// divide is x /= n, and 0 where n is.
func divide(x, n []float64) {
	for j := range x {
		if n[j] > 0 {
			x[j] /= n[j]
		} else {
			x[j] = 0
		}
	}
}

func (s *StandardScaler) add(t *StandardScaler) {
	for j, m := range t.Count {
		n := s.Count[j]
		if m == 0 {
			continue
		}
		if n == 0 {
			s.Mean[j], s.Var[j], s.Count[j] = t.Mean[j], t.Var[j], m
			continue
		}
		total := n + m
		delta := t.Mean[j] - s.Mean[j]
		squares := float64(s.Var[j]*n) + float64(t.Var[j]*m) + delta*delta*n*(m/total)
		s.Mean[j] = (float64(s.Mean[j]*n) + float64(t.Mean[j]*m)) / total
		s.Var[j] = squares / total
		s.Count[j] = total
	}
}

// MergeScalers is the scaler of all rows, where each piece has seen some of them. The pieces are taken in the order of their
// numbers, so that the bits of the result do not depend on who finished first: give a piece the number of its shard. There
// must be one at least.
func MergeScalers(pieces map[int]*StandardScaler) (*StandardScaler, error) {
	numbers := make([]int, 0, len(pieces))
	for i := range pieces {
		numbers = append(numbers, i)
	}
	slices.Sort(numbers)
	var s *StandardScaler
	for _, i := range numbers {
		p := pieces[i]
		if s == nil {
			s = p.Clone()
			continue
		}
		if len(p.Mean) != len(s.Mean) || p.WithMean != s.WithMean || p.WithStd != s.WithStd {
			return nil, fmt.Errorf("linear.MergeScalers: pieces %d and %d are of different kinds", numbers[0], i)
		}
		s.add(p)
	}
	if s == nil {
		return nil, errors.New("linear.MergeScalers: no pieces")
	}
	s.finish()
	return s, nil
}

const epsilon64 = 0x1p-52

// finish makes Scale.
func (s *StandardScaler) finish() { s.Scale = s.scale() }

// scale is what Scale must be. A column is constant where its variance is within the error bound of its computation.
func (s *StandardScaler) scale() []float64 {
	scale := make([]float64, len(s.Var))
	for j, v := range s.Var {
		n := s.Count[j]
		e := n * s.Mean[j] * epsilon64
		scale[j] = 1
		if s.WithStd && v > float64(n*epsilon64*v)+float64(e*e) {
			scale[j] = math.Sqrt(v)
		}
	}
	return scale
}

// Transform scales the row-major rows x in place.
func (s *StandardScaler) Transform(x []float64) error {
	d := len(s.Mean)
	if len(x)%d != 0 {
		return fmt.Errorf("linear.StandardScaler: %d values are not rows of %d", len(x), d)
	}
	for ; len(x) > 0; x = x[d:] {
		s.transformRow(x[:d])
	}
	return nil
}

// transformSparse scales a sparse row into dst, which it gives back.
func (s *StandardScaler) transformSparse(dst []float64, x row) []float64 {
	dst = append(dst[:0], x.val...)
	if s.WithStd {
		for k, j := range x.idx {
			dst[k] /= s.Scale[j]
		}
	}
	return dst
}

func (s *StandardScaler) transformRow(x []float64) {
	if s.WithMean {
		for j, m := range s.Mean[:len(x)] {
			x[j] -= m
		}
	}
	if s.WithStd {
		for j, v := range s.Scale[:len(x)] {
			x[j] /= v
		}
	}
}

// scalerFile is the scaler in JSON, by the names of scikit-learn's attributes.
type scalerFile struct {
	WithMean bool   `json:"with_mean"`
	WithStd  bool   `json:"with_std"`
	Mean     floats `json:"mean"`
	Var      floats `json:"var"`
	Scale    floats `json:"scale"`
	Count    floats `json:"n_samples_seen"`
}

// MarshalJSON writes it with scikit-learn's names, without their underscores.
func (s *StandardScaler) MarshalJSON() ([]byte, error) {
	return json.Marshal(scalerFile{s.WithMean, s.WithStd, s.Mean, s.Var, s.Scale, s.Count})
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing that contradicts itself.
func (s *StandardScaler) UnmarshalJSON(b []byte) error {
	var f scalerFile
	if err := unmarshal(b, &f); err != nil {
		return err
	}
	t := StandardScaler{f.WithMean, f.WithStd, f.Mean, f.Var, f.Count, f.Scale}
	if err := t.Validate(); err != nil {
		return err
	}
	*s = t
	return nil
}

// Validate says what is wrong with the numbers.
func (s *StandardScaler) Validate() error {
	d := len(s.Mean)
	if d == 0 || len(s.Var) != d || len(s.Count) != d || len(s.Scale) != d {
		return fmt.Errorf("scaler: %d means, %d variances, %d scales, %d counts: must be as many", d, len(s.Var), len(s.Scale), len(s.Count))
	}
	for j := range d {
		if m, v, n := s.Mean[j], s.Var[j], s.Count[j]; m-m != 0 || !(v >= 0) || v-v != 0 || !(n >= 0) || n-n != 0 {
			return fmt.Errorf("scaler: mean %v, variance %v and count %v of feature %d: must be finite, and the last two not negative", m, v, n, j)
		}
	}
	for j, v := range s.scale() {
		if v != s.Scale[j] {
			return fmt.Errorf("scaler: scale %v of feature %d: must be %v, which follows from the variance", s.Scale[j], j, v)
		}
	}
	return nil
}

// MinMaxScaler maps the columns onto a range, from the least to the greatest value that it has learned. It is scikit-learn's
// MinMaxScaler. NaN is no value. Merged in any order, the bits are the same.
type MinMaxScaler struct {
	FeatureRange [2]float64
	DataMin      []float64 // +Inf without any value
	DataMax      []float64 // −Inf without any value
}

// NewMinMaxScaler makes a scaler onto [0, 1] for rows of so many columns.
func NewMinMaxScaler(features int) *MinMaxScaler {
	s := &MinMaxScaler{FeatureRange: [2]float64{0, 1}, DataMin: make([]float64, features), DataMax: make([]float64, features)}
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

// Coefficients are scale and shift of each column: a value x becomes scale·x + shift. Columns without two different values
// are only shifted.
func (s *MinMaxScaler) Coefficients() (scale, shift []float64) {
	scale, shift = make([]float64, len(s.DataMin)), make([]float64, len(s.DataMin))
	for j := range scale {
		low, width := s.DataMin[j], s.DataMax[j]-s.DataMin[j]
		if width < 0 {
			low = 0
		}
		if width < 10*epsilon64 {
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

// MaxAbsScaler divides the columns by their greatest absolute value, and so keeps zeros. It is scikit-learn's MaxAbsScaler.
// NaN is no value. Merged in any order, the bits are the same.
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
		if v < 10*epsilon64 {
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
