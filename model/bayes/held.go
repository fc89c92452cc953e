package bayes

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// held is what judges the rows of each fold: by fold and smoothing, a model of the sums of the other folds.
type held struct {
	fit     *Fit
	classes int
	byFold  [][]*tally // by class
	alls    []*tally   // of all rows of each fold, or nil
	models  [][]*Model

	once       sync.Once
	predictors [][]*Predictor // of the models, for all parts
}

// by is what predicts, by fold and smoothing.
func (h *held) by() [][]*Predictor {
	h.once.Do(func() {
		for _, models := range h.models {
			var all []*Predictor
			for _, m := range models {
				all = append(all, m.Predictor())
			}
			h.predictors = append(h.predictors, all)
		}
	})
	return h.predictors
}

// maxCells bounds the confusion matrices of all folds and smoothings.
const maxCells = 8 << 20

// hold makes it of the tallies by fold and class, and those of all rows of each fold, or nil.
func (f *Fit) hold(m *Model, byFold [][]*tally, alls []*tally) (*held, error) {
	h := &held{fit: f, classes: m.Classes.Len(), byFold: byFold, alls: alls}
	n := len(byFold) * len(f.options.Smoothings)
	if cells := n * h.classes * h.classes; cells > maxCells {
		return nil, fmt.Errorf("folds: %d folds of %d values for %d classes: fewer of them",
			len(byFold), len(f.options.Smoothings), h.classes)
	}
	if numbers := n * h.classes * f.shape.numbers(); numbers > 4*maxNumbers {
		return nil, fmt.Errorf("folds: %d models of %d classes and %d columns at a time: fewer folds or values of %s",
			n, h.classes, f.shape.features, f.shape.kind.SmoothingName())
	}
	for fold, of := range byFold {
		sum := 0.0
		for _, t := range of {
			sum += t.weight.value(0)
		}
		if !(sum > 0) {
			return nil, f.survey.Folds.Empty(fold)
		}
		rest := &Model{Classes: m.Classes, features: m.features, widths: m.widths, all: mergeAll(without(alls, fold))}
		for k := range h.classes {
			column := make([]*tally, len(byFold))
			for g := range byFold {
				column[g] = byFold[g][k]
			}
			rest.tallies = append(rest.tallies, mergeAll(without(column, fold)))
		}
		h.models = append(h.models, f.smoothed(rest, m))
	}
	return h, nil
}

// smoothed are models of the same sums with each smoothing. Of Categorical, a category that only the fold itself has
// is one all the same.
func (f *Fit) smoothed(rest, all *Model) (models []*Model) {
	if f.shape.ragged {
		for j, n := range all.sizes() {
			for _, t := range rest.tallies {
				t.counts[j].grow(n - len(t.counts[j].sum))
			}
		}
	}
	for _, v := range f.options.Smoothings {
		m := *rest
		m.Options = f.options.Options
		m.Options.Smoothing = v
		models = append(models, &m)
	}
	return models
}

// without is all tallies but that of a fold.
func without(all []*tally, fold int) (rest []*tally) {
	for f, t := range all {
		if f != fold {
			rest = append(rest, t)
		}
	}
	return rest
}

// heldPart is how well the rows of a part are predicted.
type heldPart struct {
	held     *held
	metrics  [][]*linear.ClassificationMetrics // by fold and smoothing
	sketches [][]*linear.AUCSketch             // of two classes
	places   []int32
}

func newHeldPart(h *held) *heldPart {
	p := &heldPart{held: h}
	for _, models := range h.models {
		var metrics []*linear.ClassificationMetrics
		var sketches []*linear.AUCSketch
		for range models {
			metrics = append(metrics, linear.NewClassificationMetrics(h.classes))
			sketches = append(sketches, &linear.AUCSketch{})
		}
		p.metrics, p.sketches = append(p.metrics, metrics), append(p.sketches, sketches)
	}
	return p
}

// PartialFit judges the rows of a chunk.
func (p *heldPart) PartialFit(c *linear.Chunk) error {
	f := p.held.fit
	if err := c.CheckRows(f.shape.features); err != nil {
		return err
	}
	predictors := p.held.by()
	p.places = make([]int32, c.Len())
	unknown, err := f.survey.Classes.Encode(p.places, c)
	if err == nil && unknown.Len() > 0 {
		err = errors.New("bayes: labels that were not there in the pass before")
	}
	var logs []float64
	for i := 0; i < c.Len() && err == nil; i++ {
		row, w := single(c, i), 1.0
		if c.Weights != nil {
			w = c.Weights[i]
		}
		class := int(p.places[i])
		fold := foldOf(f, c, i, p.places[i])
		for s, by := range predictors[fold] {
			if logs, err = by.JointLog(row, logs[:0]); err != nil {
				break
			}
			guess := most(logs)
			if p.held.classes == 2 {
				odds := logs[1] - logs[0]
				if odds != odds {
					odds = 0
				}
				p.sketches[fold][s].Add(class == 1, odds, w)
			}
			linear.Softmax(logs)
			p.metrics[fold][s].Add(class, guess, logs, w)
		}
	}
	return err
}

// single is row i of a chunk.
func single(c *linear.Chunk, i int) *linear.Chunk {
	d := c.Features
	row := &linear.Chunk{Features: d, File: c.File}
	switch {
	case c.Sparse != nil:
		lo, hi := c.Sparse.Offsets[i], c.Sparse.Offsets[i+1]
		row.Sparse = &linear.CSR{Offsets: []int{0, hi - lo}, Indices: c.Sparse.Indices[lo:hi], Values: c.Sparse.Values[lo:hi]}
	case c.X != nil:
		row.X = c.X[i*d : (i+1)*d]
	default:
		row.X32 = c.X32[i*d : (i+1)*d]
	}
	return row
}

// Merge adds what the next part has judged.
func (p *heldPart) Merge(next linear.Partial) error {
	q, ok := next.(*heldPart)
	if !ok {
		return fmt.Errorf("bayes: judgements and a %T", next)
	}
	for f := range p.metrics {
		for s := range p.metrics[f] {
			p.metrics[f][s].Merge(q.metrics[f][s])
			p.sketches[f][s].Merge(q.sketches[f][s])
		}
	}
	return nil
}

// MarshalBinary keeps every bit.
func (p *heldPart) MarshalBinary() ([]byte, error) { return wire.Encode(p.fields) }

// UnmarshalBinary reads what MarshalBinary writes for a part of the receiver's fit.
func (p *heldPart) UnmarshalBinary(b []byte) error {
	q := newHeldPart(p.held)
	if err := wire.Decode(b, q.fields); err != nil {
		return fmt.Errorf("bayes: judgements that do not fit: %w", err)
	}
	*p = *q
	return nil
}

func (p *heldPart) fields(c *wire.Codec) {
	for f := range p.metrics {
		for s := range p.metrics[f] {
			c.Binary(p.metrics[f][s])
			c.Binary(p.sketches[f][s])
			c.Check(len(p.metrics[f][s].Confusion) == p.held.classes, "as many classes")
		}
	}
}

// judge makes the scores of all smoothings, and takes the best for the model.
func (f *Fit) judge(p *heldPart) error {
	if err := f.score(p); err != nil {
		return err
	}
	best, err := f.cv.Best()
	if err != nil {
		return fault.File("", "rows of every fold that can be judged: fewer folds", "%v", err)
	}
	f.model.Options.Smoothing = f.options.Smoothings[best]
	if err := f.model.usable(); err != nil {
		return err
	}
	f.model.finish()
	f.scores, f.held = p, nil
	return nil
}

// score makes the scores of all smoothings.
func (f *Fit) score(p *heldPart) error {
	r := &linear.CVResult{Parameter: f.shape.kind.SmoothingName()}
	for _, v := range f.options.Smoothings {
		r.Params = append(r.Params, linear.CVParams{Alpha: v})
	}
	metric := func(name string, of func(fold, smoothing int) float64) {
		m := linear.CVMetric{Name: name}
		for fold := range p.metrics {
			split := make([]float64, len(r.Params))
			for s := range split {
				if split[s] = math.NaN(); !p.lost(fold, s) {
					split[s] = of(fold, s)
				}
			}
			m.Splits = append(m.Splits, split)
		}
		r.Metrics = append(r.Metrics, m)
	}
	metric("neg_log_loss", func(f, s int) float64 { return -p.metrics[f][s].LogLoss() })
	metric("accuracy", func(f, s int) float64 { return p.metrics[f][s].Accuracy() })
	if p.held.classes == 2 {
		metric("f1", func(f, s int) float64 { return p.metrics[f][s].F1(1) })
		metric("roc_auc", func(f, s int) float64 {
			auc, _ := p.sketches[f][s].AUC()
			return auc
		})
	} else {
		metric("f1_macro", func(f, s int) float64 { return p.metrics[f][s].MacroF1() })
	}
	r.ConstantClasses(p.weights())
	if f.options.Scoring != "" {
		if err := r.Choose(f.options.Scoring); err != nil {
			return err
		}
	}
	f.cv = r
	return nil
}

// lost reports whether rows of a fold have no probabilities, as of Gaussian where a class of the other folds has a
// column without variance: then no score means anything.
func (p *heldPart) lost(fold, smoothing int) bool {
	return math.IsNaN(p.metrics[fold][smoothing].LogLoss())
}

// weights are those of the classes, by fold.
func (p *heldPart) weights() (byFold [][]float64) {
	for _, metrics := range p.metrics {
		weights := make([]float64, p.held.classes)
		for k, row := range metrics[0].Confusion {
			weights[k] = total(row)
		}
		byFold = append(byFold, weights)
	}
	return byFold
}
