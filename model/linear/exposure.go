package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
)

// Exposure is a column that says how much of a row's target is due to how much of it there was: years that a policy
// ran, a population, kilometres. A generalised linear model with a logarithm then learns the rate, target/exposure, and
// predicts exposure·exp(coef·x + intercept). The column is one of the features, and its coefficient is 0.
//
// A row counts as one of the target y/e and the weight w·e^(2−power): so PoissonRegressor is given rates, with
// exposures for weights. The deviance of y from e·μ is e^(2−power) times that of y/e from μ. Scores are of the rates,
// too.
type Exposure struct {
	Column  string `json:"column"`
	Feature int    `json:"feature"`       // its place among the features
	Log     bool   `json:"log,omitempty"` // the column is the logarithm of the exposure: an offset of the decision value
}

// MissingExposure stands in rows of tables for an exposure, or its logarithm, that is missing. It is refused.
const MissingExposure = -math.MaxFloat32

const (
	expectedExposure = "an exposure above 0"
	expectedOffset   = "the logarithm of an exposure"
	// The exponentials of what is between these are above 0 and finite.
	leastOffset, mostOffset = -745, 709
)

func (d *Options) checkExposure(f *optionFaults) {
	x := d.Exposure
	if x == nil {
		return
	}
	if of, ok := d.Deviance(); !ok || !of.Log() {
		f.add("exposure and offset: are for the losses poisson, gamma, and tweedie with a power from 1 on")
	}
	if x.Feature < 0 {
		f.add("exposure: feature %d: must not be negative", x.Feature)
	}
}

// Exposures appends those of the rows of a chunk to dst; ones where there is no Exposure. It fails where one is not
// above 0 and finite.
func (o *Options) Exposures(c *Chunk, dst []float64) ([]float64, error) {
	n, x := c.Len(), o.Exposure
	if x == nil {
		return append(dst, slices.Repeat([]float64{1}, n)...), nil
	}
	if x.Feature >= c.Features {
		return dst, errors.New("linear.Exposure: rows without its feature")
	}
	for i := range n {
		found := c.value(i, x.Feature)
		e := found
		if x.Log {
			e = elementary.Exp(found)
		}
		if !(e > 0) || e-e != 0 {
			what := expectedExposure
			if x.Log {
				what = expectedOffset
			}
			return dst, c.faultIn(i, x.Column, what, "%v", found)
		}
		dst = append(dst, e)
	}
	return dst, nil
}

// value is that of row i in a column.
func (c *Chunk) value(i, column int) float64 {
	switch {
	case c.Sparse != nil:
		from := c.Sparse.Offsets[i]
		if at, ok := slices.BinarySearch(c.Sparse.Indices[from:c.Sparse.Offsets[i+1]], int32(column)); ok {
			return c.Sparse.Values[from+at]
		}
		return 0
	case c.X != nil:
		return c.X[i*c.Features+column]
	}
	return float64(c.X32[i*c.Features+column])
}

// Rates is the rows of a chunk with targets and weights as a model with an exposure learns from them, and zeros in its
// column. The chunk stays as it is.
func (o *Options) Rates(c *Chunk) (*Chunk, error) {
	x := o.Exposure
	if x == nil {
		return c, nil
	}
	exposures, err := o.Exposures(c, nil)
	if err != nil {
		return nil, err
	}
	of, _ := o.Deviance()
	r := *c
	r.Target, r.Weights = slices.Clone(c.Target), make([]float64, len(exposures))
	for i, e := range exposures {
		if i < len(r.Target) {
			r.Target[i] /= e
		}
		w := 1.0
		if c.Weights != nil {
			w = c.Weights[i]
		}
		r.Weights[i] = w * of.Share(e)
	}
	switch {
	case c.Sparse != nil:
		s := *c.Sparse
		s.Values = slices.Clone(s.Values)
		for k, j := range s.Indices {
			if int(j) == x.Feature {
				s.Values[k] = 0
			}
		}
		r.Sparse = &s
	case c.X != nil:
		r.X = without(c.X, c.Features, x.Feature)
	default:
		r.X32 = without(c.X32, c.Features, x.Feature)
	}
	return &r, nil
}

// without is rows with zeros in a column.
func without[T float32 | float64](rows []T, features, column int) []T {
	rows = slices.Clone(rows)
	for i := column; i < len(rows); i += features {
		rows[i] = 0
	}
	return rows
}

// Share is the weight of a row of an exposure, among rates.
func (d Deviance) Share(exposure float64) float64 {
	switch d.Power {
	case 1:
		return exposure
	case 2:
		return 1
	}
	return elementary.Pow(exposure, 2-d.Power)
}

// checkExposure says where the model contradicts itself.
func (m *Model) checkExposure() error {
	if x := m.Options.Exposure; x != nil && (x.Feature >= m.Features() || m.Coef[0][x.Feature] != 0) {
		return fmt.Errorf("exposure: feature %d must be one of the columns, with the coefficient 0", x.Feature)
	}
	return nil
}
