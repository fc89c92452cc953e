package bayes

import (
	"errors"
	"fmt"
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// Predictor predicts classes by a model. It is safe for concurrent use.
type Predictor struct {
	model *Model
	prior []float64 // of the classes, with all that does not depend on a row

	theta, inverse [][]float64 // of Gaussian: the means, and 1/variance

	weights []float64 // of other kinds: features, or categories, × classes
	offsets []int     // of Categorical of numbers: where the categories of each feature begin; else nil
}

// Predictor makes what predicts. O(classes · features).
func (m *Model) Predictor() *Predictor {
	p := &Predictor{model: m, prior: m.ClassLogPrior()}
	if m.Options.Kind == Gaussian {
		p.theta, p.inverse = m.Theta(), m.Var()
		for k, row := range p.inverse {
			if m.tallies[k].weight.value(0) == 0 {
				p.prior[k] = math.Inf(-1)
				continue
			}
			for j, v := range row {
				p.prior[k] -= elementary.Log(2*math.Pi*v) / 2
				row[j] = 1 / v
			}
		}
		return p
	}
	logs := m.FeatureLogProb()
	switch {
	case m.Options.Kind == Complement && len(logs) > 1: // which goes by the weights alone, but for classes without rows
		for k, v := range p.prior {
			if v-v == 0 {
				p.prior[k] = 0
			}
		}
	case m.Options.Kind == Bernoulli: // what is absent counts, too
		for k, row := range logs {
			var all []float64
			for j, absent := range m.absentLogProb(k) {
				all = append(all, absent)
				row[j] -= absent
			}
			p.prior[k] += total(all)
		}
	case m.Options.Kind == Categorical && m.widths == nil:
		p.offsets = []int{0}
		for j, n := range m.sizes() {
			p.offsets = append(p.offsets, p.offsets[j]+n)
		}
	}
	p.weights = make([]float64, len(logs)*len(logs[0]))
	for k, row := range logs {
		for j, v := range row {
			p.weights[j*len(logs)+k] = v
		}
	}
	return p
}

// Tables are what a [Predictor] goes by, for who predicts elsewhere than here. The score of a class is its Prior, and
// what the features x add: of Gaussian −(x − Theta)²·Inverse/2 each; of the other kinds x·Weights, where x of Bernoulli
// is 1 for what is above Binarize, otherwise 0, and of Categorical of numbers each x is the category at
// Offsets[feature] + x.
type Tables struct {
	Prior          []float64   // of the classes
	Theta, Inverse [][]float64 // classes × features; nil of others than Gaussian
	Weights        []float64   // features, or categories, × classes; nil of Gaussian
	Offsets        []int       // features + 1; nil but of Categorical of numbers
}

// Tables are those of the predictor, which must not be changed.
func (p *Predictor) Tables() Tables {
	return Tables{Prior: p.prior, Theta: p.theta, Inverse: p.inverse, Weights: p.weights, Offsets: p.offsets}
}

// Domain is what values of rows to predict may be: of Categorical the categories that were there.
func (p *Predictor) Domain() (d vectors.Domain) {
	for j := range max(len(p.offsets)-1, 0) {
		most := p.offsets[j+1] - p.offsets[j] - 1
		d = append(d, vectors.Bound{Column: j, High: float64(most), Whole: true, Expected: expectedCategory(most)})
	}
	return d
}

func expectedCategory(most int) string {
	return fmt.Sprintf("a category that was learned of, an integer from 0 to %d: --min_categories lets more be", most)
}

// JointLog appends to dst for each row the logarithms of the joint probabilities of the row and each class, up to a
// summand of its own: scikit-learn's predict_joint_log_proba, rows × classes. O(entries · classes).
func (p *Predictor) JointLog(c *linear.Chunk, dst []float64) ([]float64, error) {
	if err := c.CheckRows(p.model.features); err != nil {
		return dst, err
	}
	if c.Sparse != nil && (p.theta != nil || p.offsets != nil) {
		return dst, errors.New("bayes: sparse rows for a model that takes dense ones")
	}
	if err := p.model.Options.checkSparse(c); err != nil {
		return dst, err
	}
	rows, classes := linear.NewRows(c, nil, nil), len(p.prior)
	for i := range c.Len() {
		x, n := rows.At(i), len(dst)
		dst = append(dst, p.prior...)
		to := dst[n:]
		switch {
		case p.theta != nil:
			if p.gaussian(x.Val, to); math.IsInf(to[most(to)], -1) {
				return dst, c.Fault(i, "values whose squares are within what float64 holds", "a row beyond")
			}
		case p.offsets != nil:
			for j, v := range x.Val {
				most := p.offsets[j+1] - p.offsets[j] - 1
				if !(v >= 0 && v <= float64(most)) || v != math.Trunc(v) {
					return dst, p.unknown(c, i, j, v, most)
				}
				kernel.Add(1, p.weights[(p.offsets[j]+int(v))*classes:][:classes], to)
			}
		case p.model.Options.Kind == Bernoulli:
			for j, v := range x.Val {
				if v > p.model.Options.Binarize {
					kernel.Add(1, p.weights[x.Column(j)*classes:][:classes], to)
				}
			}
		default:
			for j, v := range x.Val {
				if v != 0 {
					kernel.Add(v, p.weights[x.Column(j)*classes:][:classes], to)
				}
			}
		}
	}
	return dst, nil
}

func (p *Predictor) gaussian(x, to []float64) {
	for k, theta := range p.theta {
		inverse, sum := p.inverse[k][:len(x)], 0.0
		theta = theta[:len(x)]
		for j, v := range x {
			d := v - theta[j]
			sum += float64(float64(d*d) * inverse[j])
		}
		to[k] -= sum / 2
	}
}

func (p *Predictor) unknown(c *linear.Chunk, i, j int, v float64, most int) error {
	err := c.Fault(i, expectedCategory(most), "%v", v)
	var at *fault.Fault
	if errors.As(err, &at) {
		at.Column = p.model.column(j)
	}
	return err
}

// Predict appends to dst the place of each row's most likely class among the classes; of equally likely ones the
// first.
func (p *Predictor) Predict(c *linear.Chunk, dst []float64) ([]float64, error) {
	logs, err := p.JointLog(c, nil)
	if err != nil {
		return dst, err
	}
	for n := len(p.prior); len(logs) > 0; logs = logs[n:] {
		dst = append(dst, float64(most(logs[:n])))
	}
	return dst, nil
}

// most is the place of the greatest number, of equal ones the first.
func most(x []float64) int {
	best := 0
	for k, v := range x {
		if v > x[best] {
			best = k
		}
	}
	return best
}

// PredictProba appends to dst the probabilities of the classes for each row, rows × classes.
func (p *Predictor) PredictProba(c *linear.Chunk, dst []float64) ([]float64, error) {
	at := len(dst)
	dst, err := p.JointLog(c, dst)
	for n := len(p.prior); err == nil && at < len(dst); at += n {
		linear.Softmax(dst[at : at+n])
	}
	return dst, err
}

// NumDecisions is the number of decision values of a row: one for each of more than two classes, otherwise 1.
func (p *Predictor) NumDecisions() int {
	if n := len(p.prior); n > 2 {
		return n
	}
	return 1
}

// DecisionFunction appends to dst the decision values of the rows, rows × NumDecisions: the logarithms of the
// probabilities (predict_log_proba), or, of two classes, that of the second less that of the first.
func (p *Predictor) DecisionFunction(c *linear.Chunk, dst []float64) ([]float64, error) {
	logs, err := p.JointLog(c, nil)
	if err != nil {
		return dst, err
	}
	for n := len(p.prior); len(logs) > 0; logs = logs[n:] {
		if n == 2 {
			dst = append(dst, logs[1]-logs[0])
			continue
		}
		top, sum := logs[most(logs[:n])], 0.0
		for _, v := range logs[:n] {
			sum += elementary.Exp(v - top)
		}
		top += elementary.Log(sum)
		for _, v := range logs[:n] {
			dst = append(dst, v-top)
		}
	}
	return dst, nil
}
