// Package overview makes a page to look at of a linear model: how it was learned, what it consists of, and how well
// it does on rows with targets.
package overview

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
)

// Judged is what a model says of some rows, and what is true of them.
type Judged struct {
	Rows int // of these
	Of   int64
	// Weights are those of the rows, or nil: all 1.
	Weights []float64
	// Of a regression: the targets and the predictions.
	Target, Predicted []float64 // with exposures, rates
	// Of one whose loss is a deviance: that, and the predictions before the link.
	Deviance *linear.Deviance
	// Quantile is what the predictions of the loss quantile are of the target; nil of others.
	Quantile *float64
	Linear   []float64
	// Of a classification: the places of the classes that are true and predicted.
	Class, Guess []int32
	// Decisions are rows × decisions, as [linear.Model.DecisionFunction] has them, or, of a multinomial model of more
	// than two classes, the probabilities, as its decision values say nothing alone; Probas rows × classes, or nil.
	Decisions, Probas []float64

	examples []example
}

// example is a row with its target, or the place of its class; rank orders examples as if by chance.
type example struct {
	rank   uint64
	values []float64
	target float64
}

// Of the rows, a page holds some as examples: so many, or fewer of many columns.
const (
	mostExamples  = 8
	exampleValues = 20_000
)

// addExample keeps row i of a chunk, if it is among those of the least rank.
func (j *Judged) addExample(c *linear.Chunk, i int, target float64) {
	number := int64(i)
	if c.Numbers != nil {
		number = c.Numbers[i]
	}
	e := example{rank: splitmix.Mix(uint64(number) ^ 0x5bd1e995), target: target}
	most := min(mostExamples, exampleValues/c.Features)
	at := sort.Search(len(j.examples), func(k int) bool { return j.examples[k].rank > e.rank })
	if at >= most {
		return
	}
	e.values = make([]float64, c.Features)
	switch {
	case c.Sparse != nil:
		for k := c.Sparse.Offsets[i]; k < c.Sparse.Offsets[i+1]; k++ {
			e.values[c.Sparse.Indices[k]] = c.Sparse.Values[k]
		}
	case c.X != nil:
		copy(e.values, c.X[i*c.Features:])
	default:
		for k := range e.values {
			e.values[k] = float64(c.X32[i*c.Features+k])
		}
	}
	j.examples = slices.Insert(j.examples, at, e)[:min(len(j.examples)+1, most)]
}

func byRank(a, b example) int { return cmp.Compare(a.rank, b.rank) }

// Predictor is what says of rows what they are, as linear models do.
type Predictor interface {
	Predict(c *linear.Chunk, dst []float64) ([]float64, error)
	PredictProba(c *linear.Chunk, dst []float64) ([]float64, error)
	DecisionFunction(c *linear.Chunk, dst []float64) ([]float64, error)
	NumDecisions() int
}

// Add judges the rows of a chunk. class gives the place of the class of row i, −1 for a row to leave out.
func (j *Judged) Add(m *linear.Model, c *linear.Chunk, class func(i int) int32) error {
	return j.AddBy(m, m, c, class)
}

// AddBy is Add of a classifier that is not linear, of which m says what the classes are.
func (j *Judged) AddBy(m *linear.Model, by Predictor, c *linear.Chunk, class func(i int) int32) error {
	predicted, err := by.Predict(c, nil)
	if err != nil {
		return err
	}
	asRead := c
	if m.Options.Exposure != nil { // which makes rates of all
		exposures, err := m.Options.Exposures(c, nil)
		if err != nil {
			return err
		}
		for i, e := range exposures {
			predicted[i] /= e
		}
		if c, err = m.Options.Rates(c); err != nil {
			return err
		}
	}
	decisions, err := by.DecisionFunction(c, nil)
	if err != nil {
		return err
	}
	var probas []float64
	if m.Task == linear.Classification && m.HasProba() {
		if probas, err = by.PredictProba(c, nil); err != nil {
			return err
		}
	}
	if q, ok := m.Options.IsQuantile(); ok {
		j.Quantile = &q
	}
	columns, classes := by.NumDecisions(), m.Classes.Len()
	for i := range c.Len() {
		weight := 1.0
		if c.Weights != nil {
			weight = c.Weights[i]
		}
		if m.Task == linear.Regression {
			j.Target, j.Predicted = append(j.Target, c.Target[i]), append(j.Predicted, predicted[i])
			j.addExample(asRead, i, asRead.Target[i])
			if of, ok := m.Options.Deviance(); ok {
				j.Deviance, j.Linear = &of, append(j.Linear, decisions[i])
			}
		} else {
			at := class(i)
			if at < 0 {
				continue
			}
			j.Class, j.Guess = append(j.Class, at), append(j.Guess, int32(predicted[i]))
			j.addExample(c, i, float64(at))
			scores := decisions[i*columns : (i+1)*columns]
			if columns > 1 && m.Options.MultiClass == linear.Multinomial { // of which a decision value alone says nothing
				scores = probas[i*classes : (i+1)*classes]
			}
			j.Decisions = append(j.Decisions, scores...)
			if probas != nil {
				j.Probas = append(j.Probas, probas[i*classes:(i+1)*classes]...)
			}
		}
		if weight != 1 && j.Weights == nil {
			j.weigh()
		}
		if j.Weights != nil {
			j.Weights = append(j.Weights, weight)
		}
		j.Rows++
	}
	return nil
}

// weigh gives each row the weight that it has.
func (j *Judged) weigh() {
	j.Weights = slices.Repeat([]float64{1}, j.Rows)
}

// Merge adds the rows that next has judged by the same model.
func (j *Judged) Merge(next *Judged) {
	if (j.Weights == nil) != (next.Weights == nil) {
		if j.Weights == nil {
			j.weigh()
		} else {
			next.weigh()
		}
	}
	j.Weights = append(j.Weights, next.Weights...)
	j.Target, j.Predicted = append(j.Target, next.Target...), append(j.Predicted, next.Predicted...)
	j.Linear = append(j.Linear, next.Linear...)
	if j.Quantile == nil {
		j.Quantile = next.Quantile
	}
	if j.Deviance == nil {
		j.Deviance = next.Deviance
	}
	j.Class, j.Guess = append(j.Class, next.Class...), append(j.Guess, next.Guess...)
	j.Decisions, j.Probas = append(j.Decisions, next.Decisions...), append(j.Probas, next.Probas...)
	all := append(j.examples, next.examples...)
	slices.SortStableFunc(all, byRank)
	if len(all) > 0 {
		j.examples = all[:min(len(all), mostExamples, exampleValues/len(all[0].values))]
	}
	j.Rows += next.Rows
	j.Of += next.Of
}

func (j *Judged) weight(i int) float64 {
	if j.Weights == nil {
		return 1
	}
	return j.Weights[i]
}

// Confusion has in row i and column k the weight of the rows of class i that were taken for class k.
func (j *Judged) Confusion(classes int) *linear.ClassificationMetrics {
	m := linear.NewClassificationMetrics(classes)
	for i, c := range j.Class {
		var p []float64
		if j.Probas != nil {
			p = j.Probas[i*classes : (i+1)*classes]
		}
		m.Add(int(c), int(j.Guess[i]), p, j.weight(i))
	}
	return m
}

// score is the decision value of row i for a class, of so many, or of a multinomial model its probability.
func (j *Judged) score(i, class, classes int) float64 {
	if classes == 2 {
		if class == 0 {
			return -j.Decisions[i]
		}
		return j.Decisions[i]
	}
	return j.Decisions[i*classes+class]
}

// curves are the ROC and the precision–recall curve of a class against the rest, over all thresholds.
type curves struct {
	fpr, tpr, precision []float64 // tpr is the recall
	auc                 float64   // NaN without rows of both kinds
	share               float64   // of the class
}

func (j *Judged) curves(class, classes int) (*curves, error) {
	n := len(j.Class)
	order, scores, positive := make([]int, n), make([]float64, n), make([]bool, n)
	for i := range n {
		order[i], scores[i], positive[i] = i, j.score(i, class, classes), int(j.Class[i]) == class
	}
	c := &curves{}
	var err error
	if c.auc, err = linear.AUC(positive, scores, j.Weights); err != nil {
		return nil, err
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), a-b) })
	var all [2]float64
	for i := range n {
		all[kind(positive[i])] += j.weight(i)
	}
	c.share = all[1] / (all[0] + all[1])
	var got [2]float64
	c.fpr, c.tpr, c.precision = []float64{0}, []float64{0}, []float64{1}
	for at := 0; at < n; {
		for first := at; at < n && scores[order[at]] == scores[order[first]]; at++ {
			got[kind(positive[order[at]])] += j.weight(order[at])
		}
		if got[0]+got[1] > 0 {
			c.fpr, c.tpr = append(c.fpr, got[0]/all[0]), append(c.tpr, got[1]/all[1])
			c.precision = append(c.precision, got[1]/(got[0]+got[1]))
		}
	}
	return c, nil
}

func kind(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// curvePoints is how many points of a curve a picture has, at most.
const curvePoints = 200

// thin keeps points of a curve so that no two are nearer than a picture shows, the first and the last among them.
func thin(x, y []float64) (tx, ty []float64) {
	if len(x) <= curvePoints {
		return x, y
	}
	const apart = 2.0 / curvePoints
	for i := range x {
		last := len(tx) - 1
		if i > 0 && i < len(x)-1 && math.Abs(x[i]-tx[last])+math.Abs(y[i]-ty[last]) < apart {
			continue
		}
		tx, ty = append(tx, x[i]), append(ty, y[i])
	}
	return tx, ty
}

// reliability is, of rows whose probability of a class is in a tenth of the unit interval, its mean, the share of the
// rows that are of the class, and their weight.
type reliability struct{ mean, share, weight [10]float64 }

func (j *Judged) reliability(class, classes int) *reliability {
	r := &reliability{}
	for i, c := range j.Class {
		p, w := j.Probas[i*classes+class], j.weight(i)
		bin := min(int(p*10), 9)
		r.mean[bin] += p * w
		r.weight[bin] += w
		if int(c) == class {
			r.share[bin] += w
		}
	}
	for b, w := range r.weight {
		if w > 0 {
			r.mean[b] /= w
			r.share[b] /= w
		}
	}
	return r
}

// Regression judges the predictions of a regression.
func (j *Judged) Regression() *linear.RegressionMetrics {
	m := &linear.RegressionMetrics{}
	for i, y := range j.Target {
		m.Add(y, j.Predicted[i], j.weight(i))
		if j.Quantile != nil {
			m.AddQuantile(y, j.Predicted[i], j.weight(i))
		}
		if j.Deviance != nil {
			m.AddDeviance(*j.Deviance, y, j.Linear[i], j.weight(i))
		}
	}
	return m
}

// ConstantPinball is the mean pinball loss of the constant that has the least: the quantile of the targets.
func (j *Judged) ConstantPinball(quantile float64) float64 {
	order, all := make([]int, j.Rows), 0.0
	for i := range order {
		order[i] = i
		all += j.weight(i)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(j.Target[a], j.Target[b]) })
	constant, below := 0.0, 0.0
	for _, i := range order {
		constant = j.Target[i]
		if below += j.weight(i); below >= quantile*all {
			break
		}
	}
	m := &linear.RegressionMetrics{}
	for i, y := range j.Target {
		m.Add(y, constant, j.weight(i))
		m.AddQuantile(y, constant, j.weight(i))
	}
	return m.Pinball(quantile)
}

// Which says of which rows.
func (j *Judged) Which() string {
	if int64(j.Rows) < j.Of {
		return fmt.Sprintf("a sample of %d of the %d rows that the model was learned from", j.Rows, j.Of)
	}
	return fmt.Sprintf("the %d rows that the model was learned from", j.Rows)
}
