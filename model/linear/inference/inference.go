// Package inference tells how sure the coefficients of an exact model are: see [Learner].
package inference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/panel"
)

// Learner makes one pass over the rows that a model was learned from, and adds its [linear.Inference]. Of the expected
// information I = Σ w·f·xxᵀ, f that of a row, standard errors are those of φI⁻¹, φ being the dispersion, or with l2,
// where K = I + Σw·alpha, of φK⁻¹IK⁻¹. Robust ones are those of K⁻¹(Σ w·s²·xxᵀ)K⁻¹, s being a row's slope, and I then
// the information that was observed. (McCullagh and Nelder: Generalized Linear Models, 2nd ed., 1989.) With l2 the
// intervals are about coefficients that are drawn to 0. Memory: 4·features² bytes a part, twice that where robust; time
// of the pass O(features²) a row, and then O(features³).
type Learner struct {
	kind  linear.InferenceKind
	model *linear.Model
	of    linear.Deviance
	loss  linear.Loss
	done  bool
}

// level is that of the intervals.
const level = 0.95

// New is for a model of one weight vector.
func New(kind linear.InferenceKind, m *linear.Model) (*Learner, error) {
	o := m.Options
	o.Task = m.Task
	if err := o.CanInfer(); err != nil {
		return nil, err
	}
	if len(m.Coef) != 1 {
		return nil, fmt.Errorf("inference: is of two classes, there are %d", m.Classes.Len())
	}
	l := &Learner{kind: kind, model: m, loss: m.Loss}
	l.of, _ = o.Deviance()
	if m.Loss == linear.Tweedie {
		switch l.of.Power {
		case 0:
			l.loss = linear.SquaredError
		case 1:
			l.loss = linear.Poisson
		case 2:
			l.loss = linear.Gamma
		}
	}
	return l, nil
}

// Done reports whether the pass has been made.
func (l *Learner) Done() bool { return l.done }

// Model is the model, with its inference when the pass has been made.
func (l *Learner) Model() *linear.Model { return l.model }

// learnerState is a Learner in JSON.
type learnerState struct {
	Kind  linear.InferenceKind `json:"kind"`
	Model json.RawMessage      `json:"model"`
}

// MarshalJSON writes the state before the pass.
func (l *Learner) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	if err := l.model.Save(&b); err != nil {
		return nil, err
	}
	return json.Marshal(learnerState{l.kind, b.Bytes()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Learner) UnmarshalJSON(b []byte) error {
	var s learnerState
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	m, err := linear.Load("state", bytes.NewReader(s.Model))
	if err != nil {
		return err
	}
	read, err := New(s.Kind, m)
	if err == nil {
		*l = *read
	}
	return err
}

// sum is a [linear.Partial].
type sum struct {
	l           *Learner
	weight      float64
	squares     float64    // Σ w·Pearson's residual²
	likelihood  [3]float64 // sums that the likelihood follows from
	information panel.Triangle
	meat        panel.Triangle // nil unless robust
	// shift is taken from the columns before their products are summed up, near their means, so that a mean that is large
	// against the spread costs no digits; nil before the first row, and where there is no intercept to make it good.
	shift []float64

	x, z                        *panel.Panels
	eta, fisher, slope, columns []float64
	scaling                     panel.Scaling
}

// Partial begins a part of the pass.
func (l *Learner) Partial(part, parts int) linear.Partial {
	width := l.model.Features() + 1
	s := &sum{l: l, information: panel.NewTriangle(width)}
	if l.kind == linear.Robust {
		s.meat = panel.NewTriangle(width)
	}
	return s
}

func (s *sum) room() {
	if s.x != nil {
		return
	}
	d := s.l.model.Features()
	n := panel.BlockRows(d)
	s.x, s.z = panel.NewPanels(d, n), panel.NewPanels(d, n)
	for _, v := range []*[]float64{&s.eta, &s.fisher, &s.slope} {
		*v = make([]float64, n)
	}
	s.columns = make([]float64, d)
	s.scaling = panel.NewScaling(s.l.model.Scaler)
}

// PartialFit adds rows.
func (s *sum) PartialFit(c *linear.Chunk) error {
	m := s.l.model
	if err := c.CheckRows(m.Features()); err != nil {
		return err
	}
	if err := c.CheckTargets(m.Task); err != nil {
		return err
	}
	exposures, err := m.Options.Exposures(c, nil)
	if err != nil {
		return err
	}
	n := c.Len()
	places := make([]int32, n)
	if m.Task == linear.Classification {
		unknown, err := m.Classes.Encode(places, c)
		if err != nil {
			return err
		}
		if unknown.Len() > 0 {
			return errors.New("linear.Inference: a class that the model does not know")
		}
	}
	s.room()
	width := m.Features() + 1
	for at := 0; at < n; {
		k := min(s.x.Rows, n-at)
		for r := range k {
			s.x.Pack(r, c, at+r)
		}
		s.scaling.Apply(s.x, k)
		s.x.Dots(s.eta[:k], m.Coef[0])
		for r := range k {
			y, w := float64(places[at+r]), 1.0
			if m.Task == linear.Regression {
				y = c.Target[at+r]
			}
			if c.Weights != nil {
				w = c.Weights[at+r]
			}
			s.row(r, y, s.eta[r]+m.Intercept[0], exposures[at+r], w)
		}
		s.centre(k)
		s.add(s.information, width, s.fisher, k)
		if s.meat != nil {
			s.add(s.meat, width, s.slope, k)
		}
		at += k
	}
	return nil
}

// centre takes the shift from the first k rows: the means of the part's first block.
func (s *sum) centre(k int) {
	o := s.l.model.Options
	o.EnsureDefaults()
	if !*o.FitIntercept {
		return
	}
	if s.shift == nil {
		s.shift = make([]float64, s.l.model.Features())
		s.x.Sums(s.shift, nil, k)
		kernel.Scale(1/float64(k), s.shift)
	}
	s.x.Subtract(s.shift, k)
}

// add adds products of the first k rows, with the intercept's 1 beside them, weighted.
func (s *sum) add(t panel.Triangle, width int, weights []float64, k int) {
	s.z.Weigh(s.x, weights, k)
	t.Syrk(width, s.z, s.x, k)
	clear(s.columns)
	s.x.Sums(s.columns, weights, k)
	for j, v := range s.columns {
		t.Row(j, width)[width-1-j] += v
	}
	for _, w := range weights[:k] {
		t[len(t)-1] += w
	}
}

// row takes row r of a block: its information, the square of its slope, and what it adds to likelihood and dispersion.
func (s *sum) row(r int, y, p, exposure, w float64) {
	s.weight += w
	if w == 0 {
		s.fisher[r], s.slope[r] = 0, 0
		return
	}
	var fisher, slope, square float64
	switch of := s.l.of; {
	case s.l.loss == linear.LogLoss:
		sign := kernel.Sign(y > 0)
		e := elementary.Exp(-math.Abs(p))
		q := 1 / (1 + e)
		fisher = float64(e*q) * q
		if slope = q; float64(sign*p) >= 0 {
			slope = float64(e * q)
		}
		s.likelihood[0] -= float64(w * (max(0, -float64(sign*p)) + elementary.Log(1+e)))
		square = 1
	case s.l.loss == linear.SquaredError:
		fisher, slope = 1, y-p
		square = float64(slope * slope)
	default:
		mean := float64(exposure * of.Mean(p))
		variance := mean
		switch of.Power {
		case 1:
		case 2:
			variance = float64(mean * mean)
		default:
			variance = elementary.Pow(mean, of.Power)
		}
		off := y - mean
		slope = off / variance * mean
		fisher = float64(mean*mean) / variance
		if s.meat != nil { // what the slopes change by, not what they do on the average
			fisher *= (2 - of.Power) + float64((of.Power-1)*(y/mean))
		}
		square = float64(off*off) / variance
		s.addLikelihood(y, mean, w)
	}
	s.squares += float64(w * square)
	s.fisher[r], s.slope[r] = w*fisher, w*float64(slope*slope)
}

// addLikelihood adds a row of a generalised linear model.
func (s *sum) addLikelihood(y, mean, w float64) {
	switch s.l.loss {
	case linear.Poisson:
		gamma, _ := math.Lgamma(y + 1)
		v := -mean - gamma
		if y > 0 {
			v += float64(y * elementary.Log(mean))
		}
		s.likelihood[0] += float64(w * v)
	case linear.Gamma:
		s.likelihood[0] += float64(w * elementary.Log(y/mean))
		s.likelihood[1] += float64(w * (y / mean))
		s.likelihood[2] += float64(w * elementary.Log(y))
	}
}

// Merge adds what comes after.
func (s *sum) Merge(next linear.Partial) error {
	n, ok := next.(*sum)
	if !ok || len(n.information) != len(s.information) {
		return errors.New("linear.Inference: cannot add what another learner has summed up")
	}
	s.weight += n.weight
	s.squares += n.squares
	for i, v := range n.likelihood {
		s.likelihood[i] += v
	}
	if n.shift != nil && s.shift != nil {
		off := slices.Clone(n.shift)
		kernel.Add(-1, s.shift, off)
		translate(n.information, off)
		translate(n.meat, off)
	} else if s.shift == nil {
		s.shift = n.shift
	}
	kernel.Add(1, n.information, s.information)
	kernel.Add(1, n.meat, s.meat)
	return nil
}

// translate makes products of rows and a 1 those of rows to which off is added.
func translate(t panel.Triangle, off []float64) {
	width := len(off) + 1
	if len(t) == 0 {
		return
	}
	weight := t[len(t)-1]
	for j, v := range off {
		row := t.Row(j, width)
		last := row[len(row)-1]
		for k := j; k < len(off); k++ {
			other := t.Row(k, width)
			row[k-j] += float64(v*other[len(other)-1]) + float64(off[k]*last) + float64(float64(v*off[k])*weight)
		}
	}
	for j, v := range off {
		row := t.Row(j, width)
		row[len(row)-1] += float64(v * weight)
	}
}

// MarshalBinary writes the sums.
func (s *sum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes.
func (s *sum) UnmarshalBinary(b []byte) error { return wire.Decode(b, s.fields) }

func (s *sum) fields(c *wire.Codec) {
	c.Float(&s.weight, &s.squares)
	c.Floats(s.likelihood[:], s.information, s.meat)
	c.Maybe(&s.shift, s.l.model.Features())
}

// Advance ends the pass.
func (l *Learner) Advance(total linear.Partial) error {
	s, ok := total.(*sum)
	if !ok || s.l.model != l.model && len(s.information) != len(panel.NewTriangle(l.model.Features()+1)) {
		return errors.New("linear.Inference: the sum is that of another learner")
	}
	m := *l.model
	found, err := l.infer(s)
	if err != nil {
		return err
	}
	m.Inference = found
	l.model, l.done = &m, true
	return m.Validate()
}

// infer makes the inference of the sums.
func (l *Learner) infer(s *sum) (*linear.Inference, error) {
	m := l.model
	d := m.Features()
	o := m.Options
	o.EnsureDefaults()
	ridge := 0.0
	if o.Penalty != linear.None {
		ridge = s.weight * *o.Alpha
	}
	var order []int // of the parameters
	if *o.FitIntercept {
		order = append(order, d)
	}
	for j := range d {
		if o.Exposure == nil || o.Exposure.Feature != j {
			order = append(order, j)
		}
	}
	q := newSystem(s.information, s.shift, d+1, ridge, order)
	r := &linear.Inference{
		Kind: l.kind, Distribution: "normal", Level: level, Weight: s.weight, Dispersion: 1,
		Coef: make([]*linear.Estimate, d),
		DF:   tidy(q.parameters()),
	}
	r.DFResidual = tidy(s.weight - r.DF)
	if !(r.DFResidual > 0) {
		return nil, fmt.Errorf("inference: %v rows are too few for %v parameters", s.weight, r.DF)
	}
	fixed := l.loss == linear.LogLoss || l.loss == linear.Poisson
	if !fixed {
		r.Dispersion = tidy(s.squares / r.DFResidual)
	}
	l.likelihood(s, r)
	variances := q.variances(s.information, r.Dispersion)
	if l.kind == linear.Robust {
		variances = q.variances(s.meat, 1)
	}
	tail := func(z float64) float64 { return math.Erfc(z / math.Sqrt2) }
	quantile := distuv.UnitNormal.Quantile(1 - (1-level)/2)
	if l.loss == linear.SquaredError && l.kind == linear.Wald {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: r.DFResidual}
		r.Distribution = "t"
		tail = func(z float64) float64 { return 2 * t.CDF(-z) }
		quantile = t.Quantile(1 - (1-level)/2)
	}
	estimate := func(j int, coef float64) *linear.Estimate {
		e := math.Sqrt(variances[j])
		if !(e > 0) || e-e != 0 || coef/e-coef/e != 0 {
			return nil
		}
		z := coef / e
		return &linear.Estimate{
			StandardError: tidy(e), Statistic: tidy(z), P: tidy(tail(math.Abs(z))),
			Lower: tidy(coef - float64(quantile*e)), Upper: tidy(coef + float64(quantile*e)),
		}
	}
	for j, v := range m.Coef[0] {
		r.Coef[j] = estimate(j, v)
	}
	if *o.FitIntercept {
		r.Intercept = estimate(d, m.Intercept[0])
	}
	for j := range d {
		if q.unknown[j] {
			name := strconv.Itoa(j)
			if m.FeatureNames != nil {
				name = m.FeatureNames[j]
			}
			r.Collinear = append(r.Collinear, name)
		}
	}
	return r, nil
}

// likelihood fills in that, and what follows.
func (l *Learner) likelihood(s *sum, r *linear.Inference) {
	var v float64
	switch n := s.weight; l.loss {
	case linear.LogLoss, linear.Poisson:
		v = s.likelihood[0]
	case linear.SquaredError:
		v = -n / 2 * (elementary.Log(2*math.Pi*s.squares/n) + 1)
	case linear.Gamma:
		phi := r.Dispersion
		gamma, _ := math.Lgamma(1 / phi)
		v = (s.likelihood[0]-s.likelihood[1]-float64(n*elementary.Log(phi)))/phi - float64(n*gamma) - s.likelihood[2]
	default:
		return
	}
	r.LogLikelihood = new(tidy(v))
	r.AIC, r.BIC = new(tidy(2*r.DF-2*v)), new(tidy(float64(elementary.Log(s.weight)*r.DF)-2*v))
}

// tidy rounds to twelve digits: the tails of distributions are those of package math and gonum, whose last bits another
// processor may have otherwise.
func tidy(v float64) float64 {
	t, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	if err != nil {
		return v
	}
	return t
}
