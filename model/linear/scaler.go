package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
)

// StandardScaler makes (x − mean)/scale of the rows, with the mean and the standard deviation of the columns, which
// it learns chunk by chunk. It is scikit-learn's StandardScaler. NaN is no value: it neither counts nor changes.
// Sparse rows keep their zeros: they need a scaler without WithMean.
//
// Moments of chunks are combined by the formulas of Chan, Golub and LeVeque (The American Statistician 37.3, 1983).
// They are accurate in any order, but their last bits depend on it.
type StandardScaler struct {
	WithMean, WithStd bool // what to do; NewStandardScaler sets both

	// Of each column: mean, variance (with divisor Count), and number of values, or sum of their weights.
	Mean, Var, Count []float64
	// Scale is √Var; it is 1 where a column is constant up to rounding, and without WithStd.
	Scale []float64
}

// NewStandardScaler makes a scaler for rows of so many columns.
func NewStandardScaler(features int) *StandardScaler {
	s := &StandardScaler{WithMean: true, WithStd: true, Mean: make([]float64, features), Var: make([]float64, features),
		Count: make([]float64, features)}
	s.Finish()
	return s
}

// Clone is a copy.
func (s *StandardScaler) Clone() *StandardScaler {
	c := *s
	c.Mean, c.Var, c.Count, c.Scale = slices.Clone(s.Mean), slices.Clone(s.Var), slices.Clone(s.Count),
		slices.Clone(s.Scale)
	return &c
}

// Check says why the scaler does not fit a chunk.
func (s *StandardScaler) Check(c *Chunk) error {
	if c.Sparse != nil && s.WithMean {
		return errors.New("linear.StandardScaler: sparse rows would lose their zeros: scale them without WithMean")
	}
	if c.Features != len(s.Mean) {
		return c.Fault(fault.WholeFile, fmt.Sprintf("%d features, as in the scaler", len(s.Mean)), "%d", c.Features)
	}
	return nil
}

// PartialFit learns from the rows of a chunk; weights is nil, or a weight for each row. O(entries + features), in two
// passes.
func (s *StandardScaler) PartialFit(c *Chunk, weights []float64) error {
	if err := s.Check(c); err != nil {
		return err
	}
	if err := c.CheckRows(len(s.Mean)); err != nil {
		return err
	}
	if weights != nil && len(weights) != c.Len() {
		return fmt.Errorf("linear.StandardScaler: %d weights for %d rows", len(weights), c.Len())
	}
	for i, w := range weights {
		if !(w >= 0) || w-w != 0 {
			return c.Fault(i, "a weight from 0 on", "%v", w)
		}
	}
	s.Merge(Moments(c, weights))
	s.Finish()
	return nil
}

// Moments are those of a chunk that has been checked, without Scale.
func Moments(c *Chunk, weights []float64) *StandardScaler {
	d := c.Features
	sums := make([]float64, 4*d)
	mean, variance, count, correction := sums[:d], sums[d:2*d], sums[2*d:3*d], sums[3*d:]
	rows := NewRows(c, nil, nil)
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	var total float64
	for i := range c.Len() {
		x, w := rows.At(i), weight(i)
		total += w
		if x.Idx != nil {
			for k, j := range x.Idx { // count is, for now, the weight of values that are there
				if v := x.Val[k]; v == v {
					count[j] += w
					mean[j] += float64(w * v)
				} else {
					correction[j] += w
				}
			}
			continue
		}
		count, mean := count[:len(x.Val)], mean[:len(x.Val)]
		for j, v := range x.Val {
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
		x, w := rows.At(i), weight(i)
		if x.Idx != nil {
			for k, j := range x.Idx {
				if v := x.Val[k]; v == v {
					v -= mean[j]
					correction[j] += float64(w * v)
					variance[j] += float64(float64(w*v) * v)
				}
			}
			continue
		}
		mean, correction, variance := mean[:len(x.Val)], correction[:len(x.Val)], variance[:len(x.Val)]
		for j, v := range x.Val {
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

// Merge adds the rows that t has seen, of as many columns. The bits depend on the order of merging; Finish comes after
// the last.
func (s *StandardScaler) Merge(t *StandardScaler) {
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
		squares := float64(s.Var[j]*n) + float64(t.Var[j]*m) + float64(delta*delta*n*(m/total))
		s.Mean[j] = (float64(s.Mean[j]*n) + float64(t.Mean[j]*m)) / total
		s.Var[j] = squares / total
		s.Count[j] = total
	}
}

// Finish makes Scale.
func (s *StandardScaler) Finish() { s.Scale = s.scale() }

// scale is what Scale must be. A column is constant where its variance is within the error bound of its computation.
func (s *StandardScaler) scale() []float64 {
	scale := make([]float64, len(s.Var))
	for j, v := range s.Var {
		n := s.Count[j]
		e := n * s.Mean[j] * kernel.Epsilon
		scale[j] = 1
		if s.WithStd && v > float64(n*kernel.Epsilon*v)+float64(e*e) {
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
func (s *StandardScaler) transformSparse(dst []float64, x kernel.Row) []float64 {
	dst = append(dst[:0], x.Val...)
	if s.WithStd {
		for k, j := range x.Idx {
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
	WithMean bool            `json:"with_mean"`
	WithStd  bool            `json:"with_std"`
	Mean     jsontext.Floats `json:"mean"`
	Var      jsontext.Floats `json:"var"`
	Scale    jsontext.Floats `json:"scale"`
	Count    jsontext.Floats `json:"n_samples_seen"`
}

// MarshalJSON writes it with scikit-learn's names, without their underscores.
func (s *StandardScaler) MarshalJSON() ([]byte, error) {
	return json.Marshal(scalerFile{s.WithMean, s.WithStd, s.Mean, s.Var, s.Scale, s.Count})
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing that contradicts itself.
func (s *StandardScaler) UnmarshalJSON(b []byte) error {
	var f scalerFile
	if err := jsontext.Unmarshal(b, &f); err != nil {
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
		return fmt.Errorf("scaler: %d means, %d variances, %d scales, %d counts: must be as many", d, len(s.Var),
			len(s.Scale), len(s.Count))
	}
	for j := range d {
		if m, v, n := s.Mean[j], s.Var[j], s.Count[j]; m-m != 0 || !(v >= 0) || v-v != 0 || !(n >= 0) || n-n != 0 {
			return fmt.Errorf("scaler: mean %v, variance %v and count %v of feature %d: must be finite, and the last two not "+
				"negative", m, v, n, j)
		}
	}
	for j, v := range s.scale() {
		if v != s.Scale[j] {
			return fmt.Errorf("scaler: scale %v of feature %d: must be %v, which follows from the variance", s.Scale[j], j, v)
		}
	}
	return nil
}
