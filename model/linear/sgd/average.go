package sgd

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// Averaged is a [Learner] of stochastic gradient descent in epochs, each of one pass. Every part of the rows is
// learned from by an [SGD] of its own, which begins with the weights of the epoch before; at the end of the pass the
// weights become their means over the parts, by rows (McDonald, Hall and Mann, HLT 2010); by AdaGrad, of each column
// by the squares of its gradients (Agarwal, Chapelle, Dudík and Langford, JMLR 15, 2014, section 2.2): see
// [steps.Rule.Pull]. With one part it is SGD, row after row, to the bit.
//
// A part counts its own rows: the next epoch begins with the number of the row after the longest part's last, step
// sizes follow from it, and averaging, too, begins with the row of that number in each part. The mean is then that
// over the rows of all parts and epochs. Rows held out, scores and objectives, by which learning ends early, are
// those of all parts together. With an l1 penalty a weight is zero only where it is in every part.
type Averaged struct {
	epochs, epoch int
	done          bool
	sgd           *SGD // what every part of the next pass begins with
}

// NewAveraged begins with weights of 0, for so many epochs. The classes must be declared, as every part has the same.
func NewAveraged(o linear.Options, features, epochs int) (*Averaged, error) {
	s, err := NewSGD(o, features)
	if err != nil {
		return nil, err
	}
	return newAveraged(s, epochs)
}

// ResumeAveraged goes on where the model's trainer stopped, or begins with its coefficients: see [Resume]. It takes
// no classes but the model's.
func ResumeAveraged(m *linear.Model, epochs int) (*Averaged, error) {
	s, err := Resume(m)
	if err != nil {
		return nil, err
	}
	s.unseen = nil
	return newAveraged(s, epochs)
}

func newAveraged(s *SGD, epochs int) (*Averaged, error) {
	if s.unseen != nil {
		return nil, errors.New("linear.Averaged: classes must be declared")
	}
	if epochs < 1 {
		return nil, fmt.Errorf("%d epochs: there must be at least one", epochs)
	}
	return &Averaged{epochs: epochs, sgd: s}, nil
}

// Trainer is what every part of the next pass begins with. Set its FeatureNames, Scaler and Progressive before the
// first.
func (a *Averaged) Trainer() *SGD { return a.sgd }

// Model is the model as it stands.
func (a *Averaged) Model() (*linear.Model, error) { return a.sgd.Model() }

// Done reports whether all epochs have been made, or Tol has ended learning.
func (a *Averaged) Done() bool { return a.done || a.epoch >= a.epochs }

// MostEpochs is how many epochs are left at most.
func (a *Averaged) MostEpochs() int { return a.epochs - a.epoch }

// Partial begins a part.
func (a *Averaged) Partial(part, parts int) linear.Partial {
	s := a.sgd.clone()
	if part > 0 { // what is summed up over parts is in the first
		s.another()
	}
	return &averagedPart{from: a.sgd, first: part == 0, parts: parts, sgd: s}
}

// another makes a clone that of a part that is not the first.
func (s *SGD) another() {
	for _, v := range s.vectors {
		v.progress.reset()
	}
	if s.Progressive != nil {
		s.Progressive = s.Progressive.empty()
	}
	s.rows, s.epochRows = 0, 0
	if !s.options.ClassWeight.Balanced { // which needs to know all
		clear(s.counts)
	}
	if s.unbegun != nil {
		s.unbegun.another()
	}
}

// ErrNoRows says that a pass had no rows.
var ErrNoRows = errors.New("no rows to learn from")

// Advance ends the epoch. It fails without rows, by [ErrNoRows], and where weights overflow.
func (a *Averaged) Advance(sum linear.Partial) error {
	p, ok := sum.(*averagedPart)
	if !ok || !p.from.same(a.sgd) {
		return errors.New("linear.Averaged: the sum of another pass")
	}
	if p.sgd != nil && p.sgd.err != nil {
		return p.sgd.err
	}
	next := p.sgd
	if p.sumsUp() {
		t, err := p.summed()
		if err != nil {
			return err
		}
		if next, err = a.sgd.average(t); err != nil {
			return err
		}
	}
	if next.t == a.sgd.t {
		if next.options.EarlyStopping && next.rows > a.sgd.rows {
			return fmt.Errorf("early_stopping: validation_fraction %v holds out every row, and leaves none to learn from: "+
				"take a smaller share", next.options.ValidationFraction)
		}
		return ErrNoRows
	}
	done := next.EndEpoch()
	if next.rule.Newton && !next.finite() {
		return a.sgd.tooLarge()
	}
	if next.unjudged() {
		return fmt.Errorf("early_stopping: validation_fraction %v holds out no row of a weight above 0, by which an epoch "+
			"would be judged: take a larger share", next.options.ValidationFraction)
	}
	a.sgd, a.done = next, done
	a.epoch++
	return nil
}

// unjudged reports whether rows are to be held out, and none was in any epoch so far.
func (s *SGD) unjudged() bool {
	judged := func(v *vector) bool { return v.progress.seen }
	return s.options.EarlyStopping && !slices.ContainsFunc(s.vectors, judged)
}

// averagedPart is a trainer of a part, or what several have come to.
type averagedPart struct {
	from  *SGD
	first bool
	parts int
	sgd   *SGD         // nil after a merge
	sums  *averagedSum // after a merge
}

// averagedSum is sums over parts, by which their means come.
type averagedSum struct {
	learned   float64 // rows of this epoch
	longest   float64 // of the longest part
	averaged  float64 // rows that have been averaged over
	rows      int64
	epochRows int64
	counts    []int64
	vectors   []vectorSum
	judged    *Progressive
	largest   []float64 // of AdaGrad, of each column
	scaled    float64
}

// vectorSum is Σ rows·weights, and Σ rows·mean by rows averaged over, with the intercept at the end of each.
// By AdaGrad they are sums of pull·weights and pull·mean, with those of pull, and of pull·gradients.
type vectorSum struct {
	// Where slopes are summed up, weights are these, and pull curvatures.
	weights, mean   []float64
	pull, gradients []float64  // of AdaGrad
	value           float64    // of the losses, with slopes
	curves          *quadratic // of Newton, and nothing else then
	progress        progress
}

// PartialFit learns from the rows of a chunk, as [SGD.PartialFit] does.
func (p *averagedPart) PartialFit(c *linear.Chunk) error {
	if p.sgd == nil {
		return errors.New("linear.Averaged: rows for a part that has been merged")
	}
	return p.sgd.PartialFit(c)
}

// sumsUp reports whether what comes next follows from sums over parts, not from the trainer of the only one.
func (p *averagedPart) sumsUp() bool { return p.parts > 1 || p.from.reference != nil }

// summed is the sums so far.
func (p *averagedPart) summed() (*averagedSum, error) {
	if p.sums != nil {
		return p.sums, nil
	}
	s := p.sgd
	if s.err != nil {
		return nil, s.err
	}
	s.judged()
	s.settle()
	n := s.t - p.from.t
	t := &averagedSum{learned: n, longest: n, rows: s.rows, epochRows: s.epochRows, counts: slices.Clone(s.counts),
		judged: s.Progressive}
	if s.options.ClassWeight.Balanced && !p.first {
		for k, v := range p.from.counts {
			t.counts[k] -= v
		}
	}
	switch average := s.rule.Average; {
	case average == 0:
	case p.from.rule.Reports(p.from.t):
		t.averaged = n
	default:
		t.averaged = max(0, s.t-average)
	}
	switch {
	case s.reference != nil:
		return t, p.gathered(t)
	case s.columns != nil:
		p.adaptive(t, n)
		return t, nil
	case s.rule.Newton:
		for _, v := range s.vectors {
			t.vectors = append(t.vectors, vectorSum{curves: v.curved.now, progress: v.progress})
		}
		return t, nil
	}
	for _, v := range s.vectors {
		sum := vectorSum{weights: make([]float64, s.features+1), progress: v.progress}
		kernel.Add(n*v.scale, v.w, sum.weights[:s.features])
		sum.weights[s.features] = n * v.intercept
		if v.mean != nil {
			sum.mean = make([]float64, s.features+1)
			if t.averaged > 0 {
				w, b := v.coef(&s.rule, s.t)
				kernel.Add(t.averaged, w, sum.mean[:s.features])
				sum.mean[s.features] = t.averaged * b
			}
		}
		t.vectors = append(t.vectors, sum)
	}
	return t, nil
}

// gathered is the sums of slopes, and AdaGrad's of squares.
func (p *averagedPart) gathered(t *averagedSum) error {
	s := p.sgd
	t.largest, t.scaled = s.columns.Largest(), s.columns.Scaled-p.from.columns.Scaled
	for i, v := range s.vectors {
		from := p.from.vectors[i]
		squares := append(v.cell(squaresCell), v.gradient-from.gradient)
		for j, g := range from.cell(squaresCell) {
			squares[j] -= g
		}
		t.vectors = append(t.vectors, vectorSum{weights: v.gathered.slopes, pull: v.gathered.curvatures, gradients: squares,
			value: v.gathered.value, progress: v.progress})
		if !t.vectors[i].finite() {
			return s.tooLarge()
		}
	}
	return nil
}

// finite reports whether sums of slopes are.
func (t *vectorSum) finite() bool {
	sum := t.value - t.value
	for _, list := range [][]float64{t.weights, t.pull, t.gradients} {
		for _, v := range list {
			sum += v - v
		}
	}
	return sum == 0
}

// adaptive is the sums of AdaGrad, over n rows.
func (p *averagedPart) adaptive(t *averagedSum, n float64) {
	s := p.sgd
	t.largest, t.scaled = s.columns.Largest(), s.columns.Scaled-p.from.columns.Scaled
	for i, v := range s.vectors {
		from := p.from.vectors[i]
		sum := vectorSum{weights: make([]float64, s.features+1), pull: make([]float64, s.features+1),
			gradients: make([]float64, s.features+1), progress: v.progress}
		averages := s.rule.Average > 0
		if averages {
			sum.mean = make([]float64, s.features+1)
		}
		add := func(j int, w, mean, gradients, pull float64) {
			sum.pull[j], sum.gradients[j], sum.weights[j] = pull, float64(pull*gradients), float64(pull*w)
			if t.averaged == 0 {
				mean = w // there is none: the part is shorter than others
			}
			if averages {
				sum.mean[j] = float64(pull * mean)
			}
		}
		for j := range s.features {
			cell := v.cells[v.stride*j:][:plainStride]
			d := cell[squaresCell] - from.cells[v.stride*j+squaresCell]
			add(j, cell[weightCell], cell[meanCell], d, s.rule.Pull(d, n))
		}
		d := v.gradient - from.gradient
		add(s.features, v.intercept, v.meanIntercept, d, s.rule.PullOfIntercept(d, n))
		t.vectors = append(t.vectors, sum)
	}
}

// Merge adds what comes after.
func (p *averagedPart) Merge(next linear.Partial) error {
	q, ok := next.(*averagedPart)
	if !ok || !q.from.same(p.from) || q.parts != p.parts || p.parts < 2 {
		return errors.New("linear.Averaged: a part of another pass")
	}
	s, err := p.summed()
	if err != nil {
		return err
	}
	o, err := q.summed()
	if err != nil {
		return err
	}
	s.learned += o.learned
	s.longest = max(s.longest, o.longest)
	s.averaged += o.averaged
	s.rows += o.rows
	s.epochRows += o.epochRows
	for k, n := range o.counts {
		s.counts[k] += n
	}
	for i := range s.vectors {
		v, w := &s.vectors[i], &o.vectors[i]
		kernel.Add(1, w.weights, v.weights)
		kernel.Add(1, w.mean, v.mean)
		kernel.Add(1, w.pull, v.pull)
		kernel.Add(1, w.gradients, v.gradients)
		v.value += w.value
		if v.curves != nil {
			v.curves.add(1, w.curves)
		}
		v.progress.merge(&w.progress)
	}
	for j, v := range o.largest {
		s.largest[j] = max(s.largest[j], v)
	}
	s.scaled += o.scaled
	if s.judged != nil {
		s.judged.add(o.judged)
	}
	p.sgd, p.sums, p.first = nil, s, p.first || q.first
	return nil
}

// average is the trainer of the next epoch.
func (s *SGD) average(t *averagedSum) (*SGD, error) {
	next := s.clone()
	if t.learned == 0 {
		return next, nil
	}
	next.unbegun = nil
	next.t = s.t + t.longest
	next.rows, next.epochRows, next.counts, next.Progressive = t.rows, t.epochRows, t.counts, t.judged
	if c := next.columns; c != nil {
		c.SetLargest(t.largest)
		c.Scaled += float64(t.scaled / t.learned * t.longest)
		c.Factor = s.rule.Eta0 * math.Sqrt((next.t-1)/max(c.Scaled, math.SmallestNonzeroFloat64))
		c.Settled(next.t)
	}
	for i, v := range next.vectors {
		if v.progress.done {
			continue // it has learned nothing
		}
		sum := &t.vectors[i]
		if v.curved != nil {
			v.curved.now, v.curved.rows, v.progress = sum.curves, sum.curves.rows, sum.progress
			v.curved.now.part = t.learned
			continue
		}
		if v.gathered != nil {
			if !sum.finite() {
				return nil, s.tooLarge()
			}
			share, last := t.longest/t.learned, s.features
			for j, g := range sum.gradients[:last] {
				v.cells[v.stride*j+squaresCell] += float64(share * g)
			}
			v.gradient += float64(share * sum.gradients[last])
			v.advance(s.reference, i, sum, t.learned)
			v.progress = sum.progress
			if !v.finite(&linear.Chunk{Features: s.features}) {
				return nil, s.tooLarge()
			}
			continue
		}
		if v.columns != nil {
			sum.adapt(v, t.averaged > 0)
			v.progress = sum.progress
			if !v.finite(&linear.Chunk{Features: s.features}) {
				return nil, s.tooLarge()
			}
			continue
		}
		for j := range v.w {
			v.w[j] = sum.weights[j] / t.learned
		}
		v.scale, v.intercept = 1, sum.weights[s.features]/t.learned
		if v.mean != nil {
			v.meanA, v.meanB, v.meanIntercept = 0, 1, 0
			clear(v.mean)
			if t.averaged > 0 {
				for j := range v.mean {
					v.mean[j] = sum.mean[j] / t.averaged
				}
				v.meanIntercept = sum.mean[s.features] / t.averaged
			}
		}
		v.progress = sum.progress
		if !v.finite(&linear.Chunk{Features: s.features}) {
			return nil, s.tooLarge()
		}
	}
	return next, nil
}

// finite reports whether all weights are.
func (s *SGD) finite() bool {
	for _, v := range s.vectors {
		if !v.finite(&linear.Chunk{Features: s.features}) {
			return false
		}
	}
	return true
}

func (s *SGD) tooLarge() error {
	return &UnforeseenError{fault.File("", finiteWeights, "weights whose sum over the parts overflows, with %s",
		stepSize(&s.options))}
}

// adapt makes the sums of all parts the weights of v, which the epoch began with.
func (t *vectorSum) adapt(v *vector, averaged bool) {
	last := len(t.weights) - 1
	for j := range last {
		cell := v.cells[v.stride*j:][:plainStride]
		cell[weightCell] = t.weights[j] / t.pull[j]
		cell[squaresCell] += t.gradients[j] / t.pull[j]
		if averaged {
			cell[meanCell] = t.mean[j] / t.pull[j]
		}
	}
	v.intercept = t.weights[last] / t.pull[last]
	v.gradient += t.gradients[last] / t.pull[last]
	if averaged {
		v.meanIntercept = t.mean[last] / t.pull[last]
	}
}

// same reports whether o stands where s does, as far as merging asks.
func (s *SGD) same(o *SGD) bool {
	return s.t == o.t && s.features == o.features && len(s.vectors) == len(o.vectors) && len(s.counts) == len(o.counts) &&
		s.rule.Average == o.rule.Average && (s.Progressive == nil) == (o.Progressive == nil)
}

// reset forgets the rows of this epoch.
func (p *progress) reset() {
	*p = progress{best: p.best, seen: p.seen, bad: p.bad, done: p.done}
}

// merge adds the rows of another part of the same epoch.
func (p *progress) merge(o *progress) {
	p.rows += o.rows
	p.objective += o.objective
	p.scores.Merge(&o.scores)
	p.right += o.right
	p.weight += o.weight
}

// MarshalBinary keeps every bit.
func (p *averagedPart) MarshalBinary() ([]byte, error) {
	q := *p
	if p.sgd != nil {
		p.sgd.judged()
		p.sgd.flush()
	}
	if p.sumsUp() {
		var err error
		if q.sums, err = p.summed(); err != nil {
			return nil, err
		}
	}
	return wire.Encode(q.fields)
}

// UnmarshalBinary reads what MarshalBinary writes for the same pass.
func (p *averagedPart) UnmarshalBinary(b []byte) error {
	q := &averagedPart{from: p.from, parts: p.parts}
	if p.sumsUp() {
		q.sums = &averagedSum{counts: make([]int64, len(p.from.counts)), vectors: make([]vectorSum, len(p.from.vectors))}
		for i, v := range p.from.vectors {
			q.sums.vectors[i].progress = v.progress
		}
	} else {
		q.sgd = p.from.clone()
		q.sgd.unbegun = nil // what it has judged is in what is read
	}
	if p.from.Progressive != nil {
		judged := p.from.Progressive.empty()
		if q.sums != nil {
			q.sums.judged = judged
		} else {
			q.sgd.Progressive = judged
		}
	}
	if err := wire.Decode(b, q.fields); err != nil {
		return fmt.Errorf("linear.Averaged: a part that does not fit: %w", err)
	}
	*p = *q
	return nil
}

// fields are sums where there is more than one part, otherwise the trainer.
func (p *averagedPart) fields(c *wire.Codec) {
	if c.Flag(&p.first); p.sumsUp() {
		p.sums.fields(c, p.from)
	} else {
		p.sgd.fields(c, p.from)
	}
}

func (t *averagedSum) fields(c *wire.Codec, from *SGD) {
	c.Float(&t.learned, &t.longest, &t.averaged)
	c.Check(whole(t.learned) && whole(t.longest) && t.longest <= t.learned && whole(t.averaged), "counts of rows")
	c.Count(&t.rows, &t.epochRows)
	for k := range t.counts {
		c.Count(&t.counts[k])
	}
	for i := range t.vectors {
		v := &t.vectors[i]
		if c.Reading() {
			if from.rule.Newton {
				if !c.Has(8 * len(from.vectors[i].curved.now.second)) {
					return
				}
				v.curves = newQuadratic(from.features)
			}
			if !c.Has(8 * (from.features + 1)) {
				return
			}
			if !from.rule.Newton {
				v.weights = make([]float64, from.features+1)
			}
			if from.rule.Average > 0 && from.reference == nil {
				v.mean = make([]float64, from.features+1)
			}
			if from.columns != nil {
				v.pull, v.gradients = make([]float64, from.features+1), make([]float64, from.features+1)
			}
		}
		if v.curves != nil {
			v.curves.fields(c)
		}
		c.Finite(v.weights, v.mean, v.pull, v.gradients)
		c.Float(&v.value)
		c.Check(v.value-v.value == 0, "finite sums")
		v.progress.fields(c)
	}
	if from.columns != nil {
		if c.Reading() {
			if !c.Has(8 * from.features) {
				return
			}
			t.largest = make([]float64, from.features)
		}
		c.Finite(t.largest)
		c.Float(&t.scaled)
		c.Check(t.scaled >= 0, "sums of squares that are not negative")
	}
	if t.judged != nil {
		t.judged.fields(c)
	}
}

// whole reports whether v counts rows.
func whole(v float64) bool { return v >= 0 && v == math.Trunc(v) && v < 1<<53 }

// fields are what a part has changed in the trainer that it began with.
func (s *SGD) fields(c *wire.Codec, from *SGD) {
	c.Fail(s.err)
	learned := s.t - from.t
	c.Float(&learned)
	c.Check(whole(learned), "counts of rows")
	if c.Reading() {
		s.t = from.t + learned
	}
	c.Count(&s.rows, &s.epochRows)
	for k := range s.counts {
		c.Count(&s.counts[k])
	}
	for _, v := range s.vectors {
		c.Finite(v.w, v.mean, v.cells)
		c.Float(&v.scale, &v.intercept, &v.meanA, &v.meanB, &v.meanIntercept)
		c.Check(v.scale >= linear.MinScale && v.scale <= 1 && v.meanA >= 0 && v.meanB >= 1, "scales from 1e-9 to 1")
		c.Check(v.intercept-v.intercept == 0 && v.meanIntercept-v.meanIntercept == 0, "finite intercepts")
		if v.columns != nil {
			c.Float(&v.gradient)
			c.Check(v.gradient >= 0 && !slices.ContainsFunc(v.cell(squaresCell), func(g float64) bool { return g < 0 }),
				"sums of squares that are not negative")
		}
		if k := v.curved; k != nil {
			k.now.fields(c)
			c.Float(&k.rows)
			c.Check(k.rows >= 0, "rows that are not negative")
		}
		v.progress.fields(c)
	}
	if k := s.columns; k != nil {
		largest, touched := k.Largest(), k.Touched()
		if c.Finite(largest, touched); c.Reading() {
			k.SetLargest(largest)
			k.SetTouched(touched)
		}
		c.Float(&k.Scaled, &k.Factor)
		c.Check(k.Scaled >= 0 && k.Factor >= 0, "sums of squares that are not negative")
	}
	if s.Progressive != nil {
		s.Progressive.fields(c)
	}
}

// fields are those of the epoch.
func (p *progress) fields(c *wire.Codec) {
	c.Count(&p.rows)
	c.Float(&p.objective, &p.right, &p.weight)
	c.Binary(&p.scores)
	c.Check(p.weight >= 0 && p.right >= 0 && p.right <= p.weight && p.scores.Weight >= 0 && p.scores.M2 >= 0,
		"sums that are not negative")
}

// state is the fields of the learner's JSON: its model, whose state is the trainer's, and what [Progressive] writes.
func (a *Averaged) state(m *linear.Model, progressive *[]byte, unbegun *[]float64,
	sample **referenceState) jsontext.Object {
	return jsontext.Object{
		{Name: "epochs", Value: &a.epochs},
		{Name: "epoch", Value: &a.epoch},
		{Name: "done", Value: &a.done},
		{Name: "task", Value: &m.Task},
		{Name: "feature_names", Value: &m.FeatureNames},
		{Name: "classes", Value: &m.Classes},
		{Name: "scaler", Value: &m.Scaler},
		{Name: "hyperparameters", Value: &m.Options},
		{Name: "training", Value: &m.Training},
		{Name: "state", Value: &m.State},
		{Name: "progressive", Value: progressive},
		{Name: "unbegun", Value: (*jsontext.BitFloats)(unbegun), Optional: true},
		{Name: "sample", Value: sample, Optional: true},
	}
}

// MarshalJSON writes the whole state; numbers read back bit by bit.
func (a *Averaged) MarshalJSON() ([]byte, error) {
	s := a.sgd
	m := linear.Model{
		Task: s.options.Task, FeatureNames: s.FeatureNames, Classes: s.classes, Scaler: s.Scaler, Options: s.options,
		Training: linear.Training{Solver: "sgd", Rows: s.rows, Epochs: s.epochs, ClassRows: s.counts}, State: s.state(),
	}
	var progressive []byte
	if s.Progressive != nil {
		var err error
		if progressive, err = s.Progressive.MarshalBinary(); err != nil {
			return nil, err
		}
	}
	var unbegun []float64 // its intercepts
	if s.unbegun != nil {
		for _, v := range s.unbegun.vectors {
			unbegun = append(unbegun, v.intercept)
		}
	}
	sample := s.referenceState()
	return a.state(&m, &progressive, &unbegun, &sample).MarshalJSON()
}

// UnmarshalJSON reads what MarshalJSON writes, and takes memory in proportion to it.
func (a *Averaged) UnmarshalJSON(b []byte) error {
	var f Averaged
	var m linear.Model
	var progressive []byte
	var unbegun []float64
	var sample *referenceState
	if err := f.state(&m, &progressive, &unbegun, &sample).UnmarshalJSON(b); err != nil {
		return err
	}
	state := m.State
	if state == nil || len(state.Vectors) == 0 || len(state.Vectors[0].Weights) == 0 || state.Unseen != nil {
		return errors.New("averaged: no state of declared classes")
	}
	if f.epochs < 1 || f.epoch < 0 {
		return fmt.Errorf("averaged: epoch %d of %d", f.epoch, f.epochs)
	}
	m.Options.Task, m.Loss, m.State = m.Task, m.Options.Loss, nil
	for _, v := range state.Vectors {
		m.Coef = append(m.Coef, v.Weights)
		m.Intercept = append(m.Intercept, v.Intercept)
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("averaged: %w", err)
	}
	m.State = state
	s, err := resume(&m)
	if err != nil {
		return fmt.Errorf("averaged: %w", err)
	}
	for _, v := range s.vectors {
		if !v.finite(&linear.Chunk{Features: s.features}) {
			return errors.New("averaged: weights must be finite")
		}
	}
	if len(progressive) > 0 {
		s.Progressive = NewProgressive(m.Task, m.Classes.Len())
		if err := s.Progressive.UnmarshalBinary(progressive); err != nil {
			return fmt.Errorf("averaged: %w", err)
		}
	}
	if sample != nil {
		if err := s.refer(sample); err != nil {
			return fmt.Errorf("averaged: %w", err)
		}
	}
	if unbegun != nil {
		if s.Progressive == nil || len(unbegun) != len(s.vectors) || !s.rule.Newton && sample == nil {
			return fmt.Errorf("averaged: %d intercepts to judge rows by", len(unbegun))
		}
		s.unbegun = newSGD(s.options, s.features, s.classes)
		s.unbegun.Scaler, s.unbegun.Progressive = s.Scaler, s.Progressive.clone()
		for i, v := range s.unbegun.vectors {
			if v.intercept = unbegun[i]; v.intercept-v.intercept != 0 {
				return errors.New("averaged: intercepts must be finite")
			}
		}
	}
	f.sgd = s
	*a = f
	return nil
}
