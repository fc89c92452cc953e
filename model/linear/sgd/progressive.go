package sgd

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/drift"
	"beamlearn/model/linear/internal/loss"
)

// Progressive judges predictions of rows that have not been learned from yet: each is predicted by the weights as
// they stand, and then learned from. That is validation without holding rows out (Blum, Kalai and Langford, COLT
// 1999). With averaging it is the weights that are averaged that predict; the loss of their average is expected to be
// no larger than the mean of their losses, as losses are convex (Cesa-Bianchi, Conconi and Gentile, IEEE Trans. Inf.
// Theory 50.9, 2004).
type Progressive struct {
	Rows   int64 // judged
	Weight float64
	// Loss is the sum of weight·loss, by the loss that is learned, without class weights; over all vectors where there are
	// more than two classes.
	Loss           float64
	Regression     linear.RegressionMetrics      // of a regression
	Classification *linear.ClassificationMetrics // of a classification, otherwise nil
	AUC            linear.AUCSketch              // of two classes
	Ended          bool                          // there is no row left that has not been learned from

	curve [64]progressiveSums // at i: of rows number 2^i to 2^(i+1)−1 of each part, counted from 1
	trace drift.Trace
}

type progressiveSums struct{ weight, loss float64 }

// ProgressivePoint is a point of a learning curve.
type ProgressivePoint struct {
	// Rows is how many rows had been learned from, less than: from half of it on. Rows of one part, where parts learn
	// side by side.
	Rows   int64
	Weight float64
	Loss   float64 // the mean of those rows
}

// NewProgressive has judged no rows; classes is their number in a classification.
func NewProgressive(task linear.Task, classes int) *Progressive {
	p := &Progressive{}
	if task == linear.Classification {
		p.Classification = linear.NewClassificationMetrics(classes)
	}
	return p
}

// MeanLoss is the mean loss of the rows.
func (p *Progressive) MeanLoss() float64 { return p.Loss / p.Weight }

// Curve is the mean loss of the rows by how many had been learned from, at powers of two. Points without rows are
// left out.
func (p *Progressive) Curve() []ProgressivePoint {
	var points []ProgressivePoint
	for i, s := range p.curve {
		if s.weight > 0 {
			points = append(points, ProgressivePoint{int64(1) << min(i+1, 62), s.weight, s.loss / s.weight})
		}
	}
	return points
}

// Trace is the loss of the rows in their order. Of parts that learned side by side, one comes after the other.
func (p *Progressive) Trace() *drift.Trace { return &p.trace }

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
		n.Classification = linear.NewClassificationMetrics(p.classes())
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
	p.trace.Merge(&o.trace)
}

// MarshalBinary keeps every bit.
func (p *Progressive) MarshalBinary() ([]byte, error) { return wire.Encode(p.fields) }

// UnmarshalBinary reads what MarshalBinary writes for as many classes as the receiver's.
func (p *Progressive) UnmarshalBinary(b []byte) error {
	n := p.empty()
	if err := wire.Decode(b, n.fields); err != nil {
		return fmt.Errorf("linear.Progressive: a state that does not fit: %w", err)
	}
	*p = *n
	return nil
}

func (p *Progressive) fields(c *wire.Codec) {
	c.Count(&p.Rows)
	c.Flag(&p.Ended)
	c.Float(&p.Weight, &p.Loss)
	c.Binary(&p.Regression)
	c.Binary(&p.AUC)
	points := len(p.curve) // without those behind the last in use
	for points > 0 && p.curve[points-1] == (progressiveSums{}) {
		points--
	}
	points = c.Len(points, 2*8)
	c.Check(points <= len(p.curve), "a curve of 64 points")
	if !c.OK() {
		return
	}
	for i := range points {
		c.Float(&p.curve[i].weight, &p.curve[i].loss)
	}
	p.trace.Fields(c)
	if p.Classification != nil {
		classes := p.classes()
		c.Binary(p.Classification)
		c.Check(p.classes() == classes, "as many classes")
	}
}

// judge hands predictions over to a Progressive, a block of neighbouring rows at a time.
type judge struct {
	to     *Progressive
	sgd    *SGD
	c      *linear.Chunk
	model  linear.Model // for its probabilities
	number int64        // of the block's first row that is learned from, counted from 1
	point  int          // of the curve

	first, end int       // rows of the chunk that the block may have
	decisions  []float64 // of its rows, one for each vector
	slopes     []float64 // of the loss there
	n          int       // of these so far
	ones       []float64
	proba      []float64
}

const judgeRows = 256

// judge begins a chunk; it is nil where rows are not judged.
func (s *SGD) judge(c *linear.Chunk) *judge {
	if s.Progressive == nil || s.Progressive.Ended || s.unbegun != nil {
		return nil
	}
	j := &s.judging
	j.to, j.sgd, j.c, j.number, j.first, j.end = s.Progressive, s, c, int64(s.t), 0, 0
	j.model = linear.Model{Task: s.options.Task, Loss: s.options.Loss}
	if j.decisions == nil {
		j.decisions = make([]float64, judgeRows*len(s.vectors))
		j.slopes = make([]float64, len(j.decisions))
		j.ones = slices.Repeat([]float64{1}, judgeRows)
		j.proba = make([]float64, len(s.vectors))
	}
	return j
}

// judged takes over what the trainer without a start has judged, which is done with.
func (s *SGD) judged() {
	if s.unbegun != nil {
		s.Progressive, s.unbegun = s.unbegun.Progressive, nil
	}
}

// begin says that the row whose decisions come next is row i of the chunk.
func (j *judge) begin(i int) {
	if i >= j.end {
		j.flush()
		j.point = bits.Len64(uint64(j.number)) - 1
		j.first, j.end = i, i+judgeRows
		if left := int64(2)<<j.point - j.number; left < judgeRows {
			j.end = i + int(left)
		}
	}
}

// leave says that the next row is passed over.
func (j *judge) leave() {
	j.flush()
	j.end = 0
}

func (j *judge) add(decision, slope float64) {
	j.decisions[j.n], j.slopes[j.n] = decision, slope
	j.n++
}

// flush judges the block.
func (j *judge) flush() {
	n := j.n / len(j.sgd.vectors)
	if n == 0 {
		return
	}
	b := judgeBlock{decisions: j.decisions[:j.n], slopes: j.slopes[:j.n], weights: j.ones[:n]}
	if j.c.Weights != nil {
		b.weights = j.c.Weights[j.first : j.first+n]
	}
	var weight, total float64
	for _, w := range b.weights {
		weight += w
	}
	switch j.sgd.options.Task {
	case linear.Regression:
		b.targets = j.c.Target[j.first : j.first+n]
		total = j.regression(&b, weight)
	case linear.OneClass:
		for i, w := range b.weights {
			total += float64(w * j.sgd.rule.Loss.Value(b.decisions[i], 1))
		}
	default:
		b.places = j.sgd.places[j.first : j.first+n]
		if len(j.sgd.vectors) == 1 {
			total = j.two(&b)
		} else {
			total = j.several(&b)
		}
	}
	j.to.Rows += int64(n)
	j.to.Weight += weight
	j.to.Loss += total
	j.to.curve[j.point].weight += weight
	j.to.curve[j.point].loss += total
	j.to.trace.Add(drift.TracePoint{Rows: int64(n), Weight: weight, Loss: total})
	j.number += int64(n)
	j.n = 0
}

// judgeBlock is rows with what they were predicted to be.
type judgeBlock struct {
	decisions, slopes, weights, targets []float64
	places                              []int32
}

func (j *judge) regression(b *judgeBlock, weight float64) (total float64) {
	if weight == 0 {
		return 0
	}
	shift := b.targets[0]
	var sum, squares, squared, absolute float64
	targets, decisions := b.targets[:len(b.weights)], b.decisions[:len(b.weights)]
	for i, w := range b.weights {
		y := targets[i]
		r, d := y-decisions[i], y-shift
		wr, wd := float64(w*r), float64(w*d)
		sum += wd
		squares += float64(wd * d)
		squared += float64(wr * r)
		absolute += math.Abs(wr)
	}
	mean := sum / weight
	j.to.Regression.Merge(&linear.RegressionMetrics{
		Weight: weight, Mean: shift + mean, M2: max(0, squares-float64(sum*mean)), Squared: squared, Absolute: absolute,
	})
	f := &j.sgd.rule.Loss
	if f.Kind == loss.SquaredError {
		return squared / 2
	}
	for i, w := range b.weights {
		total += float64(w * f.Value(decisions[i], targets[i]))
	}
	return total
}

// mostLogLoss64 is the log loss of a probability of 2⁻⁵².
const mostLogLoss64 = 52 * math.Ln2

func (j *judge) two(b *judgeBlock) (total float64) {
	f, to := &j.sgd.rule.Loss, j.to.Classification
	places, decisions := b.places[:len(b.weights)], b.decisions[:len(b.weights)]
	var confusion [4]float64
	bins := j.to.AUC.Bins()
	for i, w := range b.weights {
		place, d := places[i]&1, decisions[i]
		predicted := int32(0)
		if d > 0 {
			predicted = 1
		}
		confusion[place<<1|predicted] += w
		bins[place][linear.SketchBin(d)] += w
	}
	for k, w := range confusion {
		to.Confusion[k>>1][k&1] += w
	}
	if f.Kind != loss.LogLoss {
		for i, w := range b.weights {
			m := float64(decisions[i] * float64(2*places[i]-1))
			switch f.Kind {
			case loss.Hinge:
				total += float64(w * max(0, f.Threshold-m))
				continue
			case loss.ModifiedHuber:
				to.LogLossSum += float64(w * loss.LogLossOf(loss.Probability(m)))
			}
			total += float64(w * f.Value(m, 1))
		}
		if f.Kind != loss.ModifiedHuber {
			to.LogLossSum = math.NaN()
		}
		return total
	}
	l := logs{product: 1}
	slopes := b.slopes[:len(b.weights)]
	clipped := 0.0
	for i, w := range b.weights {
		m := float64(decisions[i] * float64(2*places[i]-1))
		l.add(m, slopes[i], w)
		if m < -mostLogLoss64 {
			clipped -= float64(w * (m + mostLogLoss64))
		}
	}
	total = l.total()
	to.LogLossSum += total - clipped
	return total
}

// logs is a sum of log losses at margins m. The slope there is 1 − the probability p of the class, which spares an
// exponential, unless p is so small that it cancels; and many p are multiplied for one logarithm.
type logs struct{ product, sum float64 }

func (l *logs) add(m, slope, weight float64) {
	p := 1 - math.Abs(slope)
	switch {
	case m < -10:
		l.sum += float64(weight * (loss.Log1pUnit(loss.ExpNegative(-m)) - m))
	case weight != 1:
		l.sum -= float64(weight * elementary.Log(p))
	default:
		if l.product *= p; l.product < 0x1p-900 {
			l.sum -= elementary.Log(l.product)
			l.product = 1
		}
	}
}

func (l *logs) total() float64 { return l.sum - elementary.Log(l.product) }

func (j *judge) several(b *judgeBlock) (total float64) {
	f, to := &j.sgd.rule.Loss, j.to.Classification
	width := len(j.sgd.vectors)
	l := logs{product: 1}
	for i, w := range b.weights {
		place, d := int(b.places[i]), b.decisions[i*width:(i+1)*width]
		to.Confusion[place][int(j.model.Choose(d))] += w
		for k, v := range d {
			m := v
			if k != place {
				m = -v
			}
			switch f.Kind {
			case loss.LogLoss:
				slope := b.slopes[i*width+k]
				l.add(m, slope, w)
				switch j.proba[k] = math.Abs(slope); { // of a row of another class
				case k == place && m < -10:
					e := loss.ExpNegative(-m)
					j.proba[k] = e / (1 + e)
				case k == place:
					j.proba[k] = 1 - math.Abs(slope)
				}
			case loss.ModifiedHuber:
				j.proba[k] = loss.Probability(v)
				fallthrough
			default:
				total += float64(w * f.Value(m, 1))
			}
		}
		if j.model.HasProba() {
			j.model.NormaliseProba(j.proba, d)
			to.LogLossSum += float64(w * loss.LogLossOf(j.proba[place]))
		} else {
			to.LogLossSum = math.NaN()
		}
	}
	return total + l.total()
}
