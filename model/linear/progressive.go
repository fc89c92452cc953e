package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// Progressive judges predictions of rows that have not been learned from yet: each is predicted by the weights as they stand,
// and then learned from. That is validation without holding rows out (Blum, Kalai and Langford, COLT 1999). With averaging it
// is the weights that are averaged that predict; the loss of their average is expected to be no larger than the mean of their
// losses, as losses are convex (Cesa-Bianchi, Conconi and Gentile, IEEE Trans. Inf. Theory 50.9, 2004).
type Progressive struct {
	Rows   int64 // judged
	Weight float64
	// Loss is the sum of weight·loss, by the loss that is learned, without class weights; over all vectors where there are
	// more than two classes.
	Loss           float64
	Regression     RegressionMetrics      // of a regression
	Classification *ClassificationMetrics // of a classification, otherwise nil
	AUC            AUCSketch              // of two classes
	Ended          bool                   // there is no row left that has not been learned from

	curve [64]progressiveSums // at i: of rows number 2^i to 2^(i+1)−1 of each part, counted from 1
}

type progressiveSums struct{ weight, loss float64 }

// ProgressivePoint is a point of a learning curve.
type ProgressivePoint struct {
	// Rows is how many rows had been learned from, less than: from half of it on. Rows of one part, where parts learn side by
	// side.
	Rows   int64
	Weight float64
	Loss   float64 // the mean of those rows
}

// NewProgressive has judged no rows; classes is their number in a classification.
func NewProgressive(task Task, classes int) *Progressive {
	p := &Progressive{}
	if task == Classification {
		p.Classification = NewClassificationMetrics(classes)
	}
	return p
}

// MeanLoss is the mean loss of the rows.
func (p *Progressive) MeanLoss() float64 { return p.Loss / p.Weight }

// Curve is the mean loss of the rows by how many had been learned from, at powers of two. Points without rows are left out.
func (p *Progressive) Curve() []ProgressivePoint {
	var points []ProgressivePoint
	for i, s := range p.curve {
		if s.weight > 0 {
			points = append(points, ProgressivePoint{int64(1) << min(i+1, 62), s.weight, s.loss / s.weight})
		}
	}
	return points
}

func (p *Progressive) classes() int {
	if p.Classification == nil {
		return 0
	}
	return len(p.Classification.Confusion)
}

// empty has judged nothing, of the same kind.
func (p *Progressive) empty() *Progressive {
	n := &Progressive{Ended: p.Ended}
	if p.Classification != nil {
		n.Classification = NewClassificationMetrics(p.classes())
	}
	return n
}

func (p *Progressive) clone() *Progressive {
	n := p.empty()
	n.add(p)
	return n
}

// Merge adds what o, of the same kind, has seen. The last bits depend on the order.
func (p *Progressive) Merge(o *Progressive) error {
	if p.classes() != o.classes() {
		return fmt.Errorf("linear.Progressive: %d classes and %d", p.classes(), o.classes())
	}
	p.add(o)
	return nil
}

func (p *Progressive) add(o *Progressive) {
	p.Rows += o.Rows
	p.Weight += o.Weight
	p.Loss += o.Loss
	p.Regression.Merge(&o.Regression)
	if p.Classification != nil {
		p.Classification.Merge(o.Classification)
	}
	p.AUC.Merge(&o.AUC)
	p.Ended = p.Ended || o.Ended
	for i := range p.curve {
		p.curve[i].weight += o.curve[i].weight
		p.curve[i].loss += o.curve[i].loss
	}
}

// MarshalBinary keeps every bit.
func (p *Progressive) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(p.Rows))
	b = appendFloats(append(b, flag(p.Ended)), []float64{p.Weight, p.Loss})
	block := func(v []byte, err error) error {
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		return err
	}
	errs := []error{block(p.Regression.MarshalBinary()), block(p.AUC.MarshalBinary())}
	var sums []byte
	for _, s := range p.curve[:bits.Len64(uint64(p.lastPoint()))] {
		sums = appendFloats(sums, []float64{s.weight, s.loss})
	}
	errs = append(errs, block(sums, nil))
	if p.Classification != nil {
		errs = append(errs, block(p.Classification.MarshalBinary()))
	}
	return b, errors.Join(errs...)
}

// lastPoint has as many bits as points of the curve are in use.
func (p *Progressive) lastPoint() (mask uint64) {
	for i, s := range p.curve {
		if s != (progressiveSums{}) {
			mask |= 1 << i
		}
	}
	return mask
}

// UnmarshalBinary reads what MarshalBinary writes for as many classes as the receiver's.
func (p *Progressive) UnmarshalBinary(b []byte) error {
	n, t := p.empty(), taker{b: b}
	n.Rows, n.Ended = t.count(), t.flag()
	n.Weight, n.Loss = t.float(), t.float()
	block := func() []byte { return t.bytes(uint64(t.count())) }
	errs := []error{n.Regression.UnmarshalBinary(block()), n.AUC.UnmarshalBinary(block())}
	curve := taker{b: block()}
	t.check(len(curve.b)%16 == 0 && len(curve.b) <= 16*len(n.curve), "a curve of pairs")
	for i := 0; len(curve.b) > 0 && t.err == nil; i++ {
		n.curve[i] = progressiveSums{curve.float(), curve.float()}
	}
	if n.Classification != nil {
		errs = append(errs, n.Classification.UnmarshalBinary(block()))
		t.check(n.classes() == p.classes(), "as many classes")
	}
	if err := errors.Join(append([]error{t.end()}, errs...)...); err != nil {
		return fmt.Errorf("linear.Progressive: a state that does not fit: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	*p = *n
	return nil
}

// judge hands rows and predictions over to a Progressive, a block at a time.
type judge struct {
	to     *Progressive
	sgd    *SGD
	model  Model // for its probabilities
	number int64 // of the next row, counted from 1
	next   int64 // number of the row at which the curve has a new point
	point  int
	places []int32

	decisions []float64 // of the block's rows, one for each vector
	targets   []float64
	weights   []float64
	rows      []int32
	proba     []float64
}

const judgeRows = 256

// judge begins a chunk; it is nil where rows are not judged.
func (s *SGD) judge() *judge {
	if s.Progressive == nil || s.Progressive.Ended {
		return nil
	}
	j := &s.judging
	j.to, j.sgd, j.number, j.next, j.places = s.Progressive, s, int64(s.t), 0, s.places
	j.model = Model{Task: s.options.Task, Loss: s.options.Loss}
	return j
}

// begin says that the row whose decisions come next is row i of the chunk.
func (j *judge) begin(i int, y, weight float64) {
	if j.number >= j.next || len(j.rows) == judgeRows {
		j.flush()
		j.point = bits.Len64(uint64(j.number)) - 1
		j.next = 1 << (j.point + 1)
	}
	j.number++
	j.rows = append(j.rows, int32(i))
	j.targets = append(j.targets, y)
	j.weights = append(j.weights, weight)
}

func (j *judge) add(decision float64) { j.decisions = append(j.decisions, decision) }

// flush judges the block.
func (j *judge) flush() {
	if len(j.rows) == 0 {
		return
	}
	var weight, loss float64
	for _, w := range j.weights {
		weight += w
	}
	switch {
	case j.sgd.options.Task == Regression:
		loss = j.regression(weight)
	case j.sgd.options.Task == OneClass:
		for i, w := range j.weights {
			loss += float64(w * j.sgd.rule.loss.value(j.decisions[i], 1))
		}
	case len(j.sgd.vectors) == 1:
		loss = j.two()
	default:
		loss = j.several()
	}
	j.to.Rows += int64(len(j.rows))
	j.to.Weight += weight
	j.to.Loss += loss
	j.to.curve[j.point].weight += weight
	j.to.curve[j.point].loss += loss
	j.rows, j.targets, j.weights, j.decisions = j.rows[:0], j.targets[:0], j.weights[:0], j.decisions[:0]
}

func (j *judge) regression(weight float64) (loss float64) {
	if weight == 0 {
		return 0
	}
	m := RegressionMetrics{Weight: weight}
	f := &j.sgd.rule.loss
	for i, w := range j.weights {
		y := j.targets[i]
		r := y - j.decisions[i]
		m.Mean += float64(w * y)
		m.Squared += float64(float64(w*r) * r)
		m.Absolute += float64(w * math.Abs(r))
		if f.kind != squaredError {
			loss += float64(w * f.value(j.decisions[i], y))
		}
	}
	m.Mean /= weight
	for i, w := range j.weights {
		d := j.targets[i] - m.Mean
		m.M2 += float64(float64(w*d) * d)
	}
	j.to.Regression.Merge(&m)
	if f.kind == squaredError {
		return m.Squared / 2
	}
	return loss
}

// logs is a sum of −log p, in which factors are multiplied before their logarithm is taken.
type logs struct{ product, sum float64 }

// add expects a p from 2⁻⁵² to 1.
func (l *logs) add(p, weight float64) {
	if weight != 1 {
		l.sum -= float64(weight * math.Log(p))
		return
	}
	if l.product *= p; l.product < 0x1p-900 {
		l.sum -= math.Log(l.product)
		l.product = 1
	}
}

func (l *logs) total() float64 { return l.sum - math.Log(l.product) }

// likely is 1/(1+e⁻ᵐ), and 1 less it, neither of which cancels.
func likely(m float64) (p, rest float64) {
	e := expNegative(math.Abs(m))
	q := 1 / (1 + e)
	if m >= 0 {
		return q, e * q
	}
	return e * q, q
}

func (j *judge) two() (loss float64) {
	f, to := &j.sgd.rule.loss, j.to.Classification
	l := logs{product: 1}
	beyond := 0.0 // what the loss has more than the clipped −log p
	for i, w := range j.weights {
		place, d := j.places[j.rows[i]], j.decisions[i]
		m, predicted := d, 0
		if place == 0 {
			m = -d
		}
		if d > 0 {
			predicted = 1
		}
		to.Confusion[place][predicted] += w
		j.to.AUC.Add(place == 1, d, w)
		switch f.kind {
		case logLoss:
			p, _ := likely(m)
			if p < epsilon64 {
				p = epsilon64
				beyond -= float64(w * (m - logEpsilon64))
			}
			l.add(p, w)
		case modifiedHuber:
			l.add(min(max(probability(m), epsilon64), 1-epsilon64), w)
			fallthrough
		default:
			loss += float64(w * f.value(m, 1))
		}
	}
	switch f.kind {
	case logLoss:
		loss = l.total() + beyond
		fallthrough
	case modifiedHuber:
		to.logLoss += l.total()
	default:
		to.logLoss = math.NaN()
	}
	return loss
}

const logEpsilon64 = -52 * math.Ln2

func (j *judge) several() (loss float64) {
	f, to := &j.sgd.rule.loss, j.to.Classification
	width := len(j.sgd.vectors)
	j.proba = slices.Grow(j.proba[:0], width)[:width]
	l, all := logs{product: 1}, logs{product: 1}
	for i, w := range j.weights {
		place, d := int(j.places[j.rows[i]]), j.decisions[i*width:(i+1)*width]
		to.Confusion[place][int(j.model.choose(d))] += w
		for k, v := range d {
			m := v
			if k != place {
				m = -v
			}
			switch f.kind {
			case logLoss:
				p, rest := likely(m)
				if p < epsilon64 {
					loss -= float64(w * m)
				} else {
					all.add(p, w)
				}
				if k != place {
					p = rest
				}
				j.proba[k] = p
			case modifiedHuber:
				j.proba[k] = probability(v)
				fallthrough
			default:
				loss += float64(w * f.value(m, 1))
			}
		}
		if j.model.HasProba() {
			j.model.normalise(j.proba, d)
			l.add(min(max(j.proba[place], epsilon64), 1-epsilon64), w)
		}
	}
	if j.model.HasProba() {
		to.logLoss += l.total()
	} else {
		to.logLoss = math.NaN()
	}
	return loss + all.total()
}
