package linear

import (
	"fmt"
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
)

// Features is the number of columns of a row.
func (m *Model) Features() int {
	if len(m.Coef) == 0 {
		return 0
	}
	return len(m.Coef[0])
}

// NumDecisions is the number of decision values of a row: one for each of more than two classes, otherwise 1.
func (m *Model) NumDecisions() int { return len(m.Coef) }

// DecisionFunction appends to dst the decision values of the rows, rows × NumDecisions, and returns it: coef·x +
// intercept. It is the prediction in regression, or, of the losses that are a deviance, the logarithm of it; positive
// for the larger of two classes; the largest for the most likely of several; and not negative for a row like those that
// a OneClass has learned from. It is safe for concurrent use, as all predictions are.
func (m *Model) DecisionFunction(c *Chunk, dst []float64) ([]float64, error) {
	if err := c.CheckRows(m.Features()); err != nil {
		return dst, err
	}
	if m.Scaler != nil {
		if err := m.Scaler.Check(c); err != nil {
			return dst, err
		}
	}
	rows := NewRows(c, m.Scaler, nil)
	for i := range c.Len() {
		x := rows.At(i)
		for k, w := range m.Coef {
			dst = append(dst, x.Dot(w)+m.Intercept[k])
		}
	}
	return dst, nil
}

// Predict appends to dst a prediction for each row and returns it: the number, or of DevianceLosses the mean times
// the exposure, in regression; the place of the class in Classes; or, of a OneClass, +1 or −1.
func (m *Model) Predict(c *Chunk, dst []float64) ([]float64, error) {
	if m.Task == Regression {
		at := len(dst)
		dst, err := m.DecisionFunction(c, dst)
		d, ok := m.Options.Deviance()
		if !ok || err != nil {
			return dst, err
		}
		exposures, err := m.Options.Exposures(c, nil)
		if err != nil {
			return dst, err
		}
		for i, v := range dst[at:] {
			dst[at+i] = d.Mean(v) * exposures[i]
		}
		return dst, nil
	}
	d, err := m.DecisionFunction(c, nil)
	if err != nil {
		return dst, err
	}
	width := m.NumDecisions()
	for ; len(d) > 0; d = d[width:] {
		dst = append(dst, m.Choose(d[:width]))
	}
	return dst, nil
}

// Choose makes a prediction of the decision values of a row.
func (m *Model) Choose(d []float64) float64 {
	switch {
	case m.Task == OneClass:
		return kernel.Sign(d[0] >= 0)
	case len(d) == 1:
		return (kernel.Sign(d[0] > 0) + 1) / 2
	}
	best := 0
	for k, v := range d {
		if v > d[best] {
			best = k
		}
	}
	return float64(best)
}

// HasProba reports whether there are probabilities: for the losses LogLoss and ModifiedHuber.
func (m *Model) HasProba() bool {
	return m.Task == Classification && (m.Loss == LogLoss || m.Loss == ModifiedHuber)
}

// PredictProba appends to dst the probabilities of the classes for each row, rows × classes, and returns it. With
// several classes they are those of each against the rest, divided by their sum (Zadrozny and Elkan, KDD 2002), or,
// of a Multinomial model, the softmax of the decision values.
func (m *Model) PredictProba(c *Chunk, dst []float64) ([]float64, error) {
	if !m.HasProba() {
		return dst, fmt.Errorf("the loss %s gives no probabilities: learn with log_loss or modified_huber", m.Loss)
	}
	d, err := m.DecisionFunction(c, nil)
	if err != nil {
		return dst, err
	}
	width := m.NumDecisions()
	for ; len(d) > 0; d = d[width:] {
		if width == 1 {
			p := m.sigmoid(d[0])
			dst = append(dst, 1-p, p)
			continue
		}
		n := len(dst)
		if m.Options.MultiClass == Multinomial {
			dst = append(dst, d[:width]...)
			Softmax(dst[n:])
			continue
		}
		for _, v := range d[:width] {
			dst = append(dst, m.sigmoid(v))
		}
		m.NormaliseProba(dst[n:], d[:width])
	}
	return dst, nil
}

// Softmax makes probabilities of decision values, in place: exp(d[k]) divided by the sum of all. It gives the
// greatest decision value, and the sum of exp(d[k] − top) of the others.
func Softmax(d []float64) (top, others float64) {
	most := 0
	for k, v := range d {
		if v > d[most] {
			most = k
		}
	}
	top = d[most]
	for k, v := range d {
		if d[k] = 1; k != most {
			d[k] = elementary.Exp(v - top)
			others += d[k]
		}
	}
	for k := range d {
		d[k] /= 1 + others
	}
	return top, others
}

// LogOdds is the logarithm of the probability of class k, divided by that of all others.
func LogOdds(proba []float64, k int) float64 {
	others := 0.0
	for l, v := range proba {
		if l != k {
			others += v
		}
	}
	return elementary.Log(proba[k]) - elementary.Log(others)
}

// sigmoid is the probability of a decision value.
func (m *Model) sigmoid(v float64) float64 {
	if m.Loss == ModifiedHuber {
		return (min(max(v, -1), 1) + 1) / 2
	}
	return 1 / (1 + elementary.Exp(-v))
}

// NormaliseProba divides the probabilities p of the decision values d by their sum. Where all are 0, those of
// ModifiedHuber become equal, and those of LogLoss what they would be in the limit, in proportion to exp(d).
func (m *Model) NormaliseProba(p, d []float64) {
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	if sum < math.SmallestNonzeroFloat64/kernel.Epsilon { // denormal: proportions are lost
		sum = 0
		largest := math.Inf(-1)
		for _, v := range d {
			largest = max(largest, v)
		}
		for k, v := range d {
			p[k] = 1
			if m.Loss == LogLoss {
				p[k] = elementary.Exp(v - largest)
			}
			sum += p[k]
		}
	}
	for k := range p {
		p[k] /= sum
	}
}
