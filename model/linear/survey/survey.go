// Package survey finds out, in one pass, what others must know of the rows before they learn from them: see [Survey].
package survey

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// Survey is a [Learner] of one pass, which says of the rows what others must know before they begin: the classes, the
// moments of target and features, the size of rows, and whether the target drifts. A row of weight w counts as w rows
// in all means, but not in Rows, ClassRows and Drift. Memory: O(features), with a scaler, and O(labels).
type Survey struct {
	Task     linear.Task
	Features int

	// Known after the pass.
	Rows    int64
	Sampled int64   // of the rows, where the pass was over a sample, which all else but Rows is of; otherwise 0
	Weight  float64 // Σw
	Weight2 float64 // Σw²

	// Of a classification. They are numbers where every label is one, in whatever notation: 1, 1.0 and 01 are one class.
	Classes     linear.Classes
	ClassRows   []int64
	ClassWeight []float64 // Σw

	// Of the target of a regression: mean, variance, least and greatest.
	Mean, Var, Min, Max float64

	// SquareNorm is the mean of ‖x‖² over the rows; ScaledSquareNorm that of the rows as Scaler makes them, 0 without.
	SquareNorm, ScaledSquareNorm float64
	// SquareRadius is R² of the rows, as Scaler makes them where there is one: about the least for which E‖x‖²xxᵀ ≼ R²·E
	// xxᵀ. Steps of squared errors are stable below 2/R² (Bach and Moulines, NIPS 2013, have 1/R²). It is more than the
	// mean of ‖x‖² where a few rows are much larger than others.
	SquareRadius float64
	// Uneven is how many times the root mean square of the largest column is that of the smallest that is not 0, the 1
	// of the intercept being a column, too: of dense rows that have no scaler, otherwise 1. See [Survey.NeedsScaler].
	Uneven float64
	// Squares are the mean squares of the columns of dense rows; nil with a scaler, and of sparse rows.
	Squares []float64
	Scaler  *linear.StandardScaler // nil where not asked for; for sparse rows it has no WithMean
	Moments *linear.StandardScaler // of the columns as they are; nil where neither they nor a scaler is asked for
	Drift   Drift
	// Folds are those of a cross-validation, where Stratify has asked for them, and Rare are the classes that they lack.
	Folds *folds.Folds
	Rare  []folds.Rare

	strata *folds.Strata // nil where no folds are asked for

	keep, keepEntries int       // rows and entries of a sample that is asked for
	kept              []stratum // its rows, by labels

	scale   bool
	moments bool // are asked for
	more    bool // the rows follow others
	done    bool
}

// Drift is how much the target changes along the file: an analysis of variance of the target, or of the classes
// (Light and Margolin, JASA 66, 1971), between the chunks that the pass was given. It does not depend on the order of
// the chunks.
type Drift struct {
	Chunks int64 `json:"chunks"` // that had rows
	// Share of the target's variance that is between chunks, from 0, less what chance puts there: Hays's ω². It is 1
	// where each chunk has one value, and about 0 in shuffled rows.
	Share float64 `json:"share"`
	// F is the variance between chunks over that within: about 1 in shuffled rows, +Inf where there is none within.
	F float64 `json:"f"`
	// Deviations is how many standard deviations of F, over shuffled rows, it is above 1.
	Deviations float64 `json:"deviations"`
}

const (
	driftShare      = 0.05
	driftDeviations = 10
)

// Drifts reports whether rows are sorted, or otherwise so far from shuffled that learning in one pass suffers:
// between chunks there is more than 5 % of the variance, and more than ten standard deviations of what chance puts
// there.
func (d *Drift) Drifts() bool { return d.Share > driftShare && d.Deviations > driftDeviations }

// String says it in one line.
func (d *Drift) String() string {
	if d.Chunks < 2 {
		return "too few chunks of rows to see whether the target drifts"
	}
	return fmt.Sprintf("%.1f %% of the target's variance is between %d chunks of rows", 100*d.Share, d.Chunks)
}

// drift judges squares: the sum of squares about the mean, and that about the means of the chunks.
func drift(rows, chunks int64, all, within float64) Drift {
	d := Drift{Chunks: chunks}
	if chunks < 2 || rows <= chunks || !(all > 0) {
		return d
	}
	between := max(0, all-within)
	free, rest := float64(chunks-1), float64(rows-chunks)
	noise := within / rest
	d.Share = max(0, (between-float64(free*noise))/(all+noise))
	d.F = between / free / noise
	if noise == 0 {
		d.F = math.Inf(1)
	}
	d.Deviations = d.deviations(rows)
	return d
}

func (d *Drift) deviations(rows int64) float64 {
	return (d.F - 1) / math.Sqrt(2/float64(d.Chunks-1)+2/float64(rows-d.Chunks))
}

// NewSurvey begins a survey of rows of so many features; scale: it is to make a scaler.
func NewSurvey(task linear.Task, features int, scale bool) (*Survey, error) {
	if !slices.Contains(linear.Tasks, task) {
		return nil, fmt.Errorf("task %q: must be one of %s", task, linear.Join(linear.Tasks))
	}
	if features < 1 {
		return nil, fmt.Errorf("%d features: there must be at least one", features)
	}
	return &Survey{Task: task, Features: features, scale: scale}, nil
}

// Stratify asks for the folds of a cross-validation, before the pass.
func (s *Survey) Stratify(k int, seed uint64) { s.strata = &folds.Strata{Folds: k, Seed: seed} }

// Measure asks for the moments of the columns, before the pass.
func (s *Survey) Measure() { s.moments = true }

// More says, before the pass, that a model goes on with the rows, so that they may be all of one class or target.
func (s *Survey) More() { s.more = true }

// Done reports whether the pass has been made.
func (s *Survey) Done() bool { return s.done }

// Partial begins a part.
func (s *Survey) Partial(_, parts int) linear.Partial {
	p := &surveyPart{task: s.Task, features: s.Features, strata: s.strata, keep: s.keep, keepEntries: s.keepEntries,
		parts: parts, min: math.Inf(1), max: math.Inf(-1)}
	p.labels, p.numbers = map[string]*labelCount{}, map[float64]*labelCount{}
	if s.scale {
		p.scaler = linear.NewStandardScaler(s.Features)
		p.fourth = make([]float64, s.Features)
	} else {
		p.fourth = make([]float64, 1)
		if s.moments {
			p.moments = linear.NewStandardScaler(s.Features)
		}
	}
	return p
}

// NeedsScaler reports whether gradient descent on the rows as they are will be slow, as their columns have very
// different units.
func (s *Survey) NeedsScaler() bool { return s.Uneven > 10 }

// Balanced is scikit-learn's class_weight="balanced" of the classes surveyed: n/(classes · rows of the class).
func (s *Survey) Balanced() linear.ClassWeight {
	w := linear.ClassWeight{Of: map[string]float64{}}
	for i, v := range (&linear.ClassWeight{Balanced: true}).Weights(&s.Classes, s.ClassRows) {
		w.Of[s.Classes.Label(i)] = v
	}
	return w
}

// Advance ends the pass. It fails where there is nothing to learn: no rows, none of weight, a constant target, one
// class; and where a label is missing, written as NaN among numbers, or sums overflow.
func (s *Survey) Advance(sum linear.Partial) error {
	p, ok := sum.(*surveyPart)
	if !ok || p.task != s.Task || p.features != s.Features || (p.scaler != nil) != s.scale ||
		(p.moments != nil) != (s.moments && !s.scale) {
		return errors.New("linear.Survey: the sum of another pass")
	}
	t := &Survey{
		Task: s.Task, Features: s.Features, scale: s.scale, moments: s.moments, more: s.more, strata: s.strata, done: true,
		keep: s.keep, keepEntries: s.keepEntries, kept: p.strataOf(),
		Rows: p.rows + p.skipped, Weight: p.weight, Weight2: p.weight2, Scaler: p.scaler, Moments: p.moments,
	}
	if p.skipped > 0 {
		t.Sampled = p.rows
	}
	if p.rows == 0 {
		return p.bad("rows to learn from", "none")
	}
	if p.weight == 0 {
		return p.bad("rows of a weight above 0", "none")
	}
	t.scales(p)
	if sum := t.SquareRadius + t.SquareNorm + t.ScaledSquareNorm + p.target.M2 + p.weight2; sum-sum != 0 {
		return p.bad("values whose squares are within float64", "a mean ‖x‖² of %v, a target of variance %v", t.SquareNorm,
			p.target.M2/p.weight)
	}
	if err := t.describe(p); err != nil {
		return err
	}
	*s = *t
	return nil
}

func (p *surveyPart) bad(expected, found string, args ...any) error {
	return fault.File(p.file, expected, found, args...)
}

// scales says how large rows and columns are.
func (t *Survey) scales(p *surveyPart) {
	t.Uneven = 1
	if t.Scaler == nil {
		t.SquareNorm = p.squares / p.weight
		least, most := 1.0, 1.0
		for _, v := range p.columns {
			if v /= p.weight; v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
		t.Uneven = math.Sqrt(most) / math.Sqrt(least)
		t.Squares = slices.Clone(p.columns)
		kernel.Scale(1/p.weight, t.Squares)
		if p.squares > 0 {
			t.SquareRadius = p.fourth[0] / p.squares
		}
	} else {
		t.Scaler.Finish()
		t.Moments = t.Scaler
		kurtosis := 1.0 // the largest of a column
		for j, v := range t.Scaler.Var {
			m, c := t.Scaler.Mean[j], t.Scaler.Scale[j]
			t.SquareNorm += v + float64(m*m)
			if v > 0 {
				kurtosis = max(kurtosis, p.fourth[j]/p.weight/v/v)
			}
			v /= c * c
			if !t.Scaler.WithMean {
				v += float64(m / c * (m / c))
			}
			t.ScaledSquareNorm += v
		}
		// Of columns that are independent: E‖x‖²xⱼ² = E xⱼ⁴ + E‖x‖² − E xⱼ².
		t.SquareRadius = max(0, t.ScaledSquareNorm-1) + kurtosis
	}
	if t.Moments != nil && t.Scaler == nil {
		t.Moments.Finish()
	}
}

// describe says what the target is, how it drifts, and what the folds of a cross-validation are.
func (t *Survey) describe(p *surveyPart) error {
	switch t.Task {
	case linear.Regression:
		t.Mean, t.Var, t.Min, t.Max = p.target.Mean, p.target.M2/p.target.Weight, p.min, p.max
		if t.Min == t.Max && !t.more {
			return p.bad("a target of at least two values", "%v in every row of a weight above 0", t.Min)
		}
		t.Drift = drift(p.rows, p.chunks, p.plain.M2, p.within)
		if t.strata != nil {
			t.Folds = folds.Plain(t.strata.Folds, t.strata.Seed)
		}
	case linear.Classification:
		classes, err := p.classes(t)
		if err != nil {
			return err
		}
		if t.strata != nil {
			t.Folds = t.strata.Of(t.ClassRows, classes)
			t.Rare = t.strata.Rare(t.Folds, t.ClassRows, classes)
		}
		all := float64(p.rows)
		for _, n := range t.ClassRows {
			all -= float64(float64(n) * (float64(n) / float64(p.rows)))
		}
		t.Drift = drift(p.rows, p.chunks, all, p.within)
	}
	return nil
}

// Skip tells a part of a survey that so many rows are not in its sample. Parts of other learners need not know.
func Skip(part linear.Partial, rows int64) {
	if p, ok := part.(*surveyPart); ok {
		p.skipped += rows
	}
}

// surveyPart is the sums of some rows.
type surveyPart struct {
	task     linear.Task
	features int
	strata   *folds.Strata

	file            string // the first
	rows, chunks    int64
	skipped         int64 // that are not in the sample
	weight, weight2 float64
	squares         float64   // Σw‖x‖²; without a scaler, which knows it
	columns         []float64 // Σwx² of each; nil with a scaler, and without dense rows
	scaler          *linear.StandardScaler
	moments         *linear.StandardScaler   // of the columns, where they are asked for without a scaler
	fourth          []float64                // Σw‖x‖⁴; with a scaler Σw(x−mean of the chunk)⁴ for each column
	target, plain   linear.RegressionMetrics // moments, with weights and without
	min, max        float64
	within          float64 // squares about the chunks' means; of classes, Σn(1−Σ(share of a class)²)
	labels          map[string]*labelCount
	numbers         map[float64]*labelCount

	keep, keepEntries int     // of the sample
	parts             int     // that there are of the rows
	sampler           sampler // of a regression
}

// labelCount is of one spelling of a label.
type labelCount struct {
	rows   int64
	weight float64
	file   string // of the first row in the order of merging
	row    int64
	folds.Stratum
	sampler sampler

	chunk int64 // rows of this chunk
}

// maxLabels is how many labels are no classes any more.
const maxLabels = 10000

// PartialFit adds the rows of a chunk. The fault of a row leaves the sums as they were.
func (p *surveyPart) PartialFit(c *linear.Chunk) error {
	if err := c.CheckRows(p.features); err != nil {
		return err
	}
	if err := c.CheckTargets(p.task); err != nil {
		return err
	}
	n := c.Len()
	if n == 0 {
		return nil
	}
	weight := func(i int) float64 {
		if c.Weights == nil {
			return 1
		}
		return c.Weights[i]
	}
	switch p.task {
	case linear.Classification:
		if err := p.count(c, weight); err != nil {
			return err
		}
	case linear.Regression:
		p.targets(c, weight)
		for i := 0; p.keep > 0 && i < n; i++ {
			p.sample(&p.sampler, p.own(), c, i, c.Target[i], weight(i))
		}
	}
	for i := range n {
		w := weight(i)
		p.weight += w
		p.weight2 += float64(w * w)
	}
	if p.file == "" {
		p.file = c.File
	}
	p.rows += int64(n)
	p.chunks++
	if p.scaler != nil {
		p.scaler.WithMean = p.scaler.WithMean && c.Sparse == nil
		chunk := linear.Moments(c, c.Weights)
		p.scaler.Merge(chunk)
		p.fourths(c, chunk, weight)
		return nil
	}
	if p.moments != nil {
		p.moments.WithMean = p.moments.WithMean && c.Sparse == nil
		p.moments.Merge(linear.Moments(c, c.Weights))
	}
	if p.columns == nil && c.Sparse == nil {
		p.columns = make([]float64, p.features)
	}
	rows := linear.NewRows(c, nil, nil)
	for i := range n {
		x := rows.At(i).Val
		square := kernel.Dot(x, x)
		w := weight(i)
		if c.Sparse == nil {
			columns := p.columns[:len(x)]
			for j, v := range x {
				columns[j] += float64(float64(w*v) * v)
			}
		}
		w = float64(w * square)
		p.squares += w
		p.fourth[0] += float64(w * square)
	}
	return nil
}

// fourths adds the fourth moments of the columns.
func (p *surveyPart) fourths(c *linear.Chunk, chunk *linear.StandardScaler, weight func(int) float64) {
	if c.Sparse != nil {
		var all float64
		for i := range c.Len() {
			all += weight(i)
		}
		for j, m := range chunk.Mean {
			m *= m
			p.fourth[j] += float64(all * float64(m*m)) // as if all were zeros
		}
	}
	rows := linear.NewRows(c, nil, nil)
	for i := range c.Len() {
		x, w := rows.At(i), weight(i)
		if x.Idx == nil {
			fourth, mean := p.fourth[:len(x.Val)], chunk.Mean[:len(x.Val)]
			for j, v := range x.Val {
				v -= mean[j]
				v *= v
				fourth[j] += float64(w * float64(v*v))
			}
			continue
		}
		for k, j := range x.Idx {
			m := chunk.Mean[j]
			v := x.Val[k] - m
			v *= v
			m *= m
			p.fourth[j] += float64(w * (float64(v*v) - float64(m*m)))
		}
	}
}

// targets adds the targets of a regression.
func (p *surveyPart) targets(c *linear.Chunk, weight func(int) float64) {
	var weighted, plain linear.RegressionMetrics
	for i, y := range c.Target {
		w := weight(i)
		weighted.Weight += w
		weighted.Mean += float64(w * y)
		plain.Mean += y
		if w > 0 {
			p.min, p.max = min(p.min, y), max(p.max, y)
		}
	}
	plain.Weight = float64(len(c.Target))
	plain.Mean /= plain.Weight
	if weighted.Weight > 0 {
		weighted.Mean /= weighted.Weight
	}
	for i, y := range c.Target {
		d := y - weighted.Mean
		weighted.M2 += float64(float64(weight(i)*d) * d)
		d = y - plain.Mean
		plain.M2 += float64(d * d)
	}
	p.target.Merge(&weighted)
	p.plain.Merge(&plain)
	p.within += plain.M2
}

// count adds the labels of a classification.
func (p *surveyPart) count(c *linear.Chunk, weight func(int) float64) error {
	if err := checkLabels(c); err != nil {
		return err
	}
	// The labels of this chunk, each looked up once for a run of equal ones and seldom for few.
	var memo linear.LabelMemo
	var met []*labelCount
	meet := func(i int, l *labelCount) *labelCount {
		if l == nil {
			l = &labelCount{file: c.File, row: int64(i)}
			if c.Numbers != nil {
				l.row = c.Numbers[i]
			}
		}
		if l.chunk == 0 {
			met = append(met, l)
		}
		return l
	}
	places := map[float64]*labelCount{}
	var last *labelCount
	lastNumber := math.NaN()
	var each []*labelCount // of the rows, where there is a sample of them
	for i := range c.Len() {
		var l *labelCount
		if c.Labels != nil {
			at, ok := memo.Get(c.Labels[i])
			if ok {
				l = met[at]
			} else {
				l = meet(i, p.labels[c.Labels[i]])
				p.labels[c.Labels[i]] = l
				memo.Put(c.Labels[i], int32(len(met)-1))
			}
		} else {
			v := c.Target[i] + 0 // −0 is 0
			switch {
			case v == lastNumber:
				l = last
			case places[v] != nil:
				l = places[v]
			default:
				l = meet(i, p.numbers[v])
				p.numbers[v], places[v] = l, l
			}
			last, lastNumber = l, v
		}
		l.rows++
		l.chunk++
		l.weight += weight(i)
		if p.keep > 0 {
			each = append(each, l)
		}
		if p.strata != nil {
			number := p.rows + int64(i)
			if c.Numbers != nil {
				number = c.Numbers[i]
			}
			l.Stratum.Add(p.strata, c, i, number)
		}
	}
	p.sampleEach(c, each, weight)
	n := float64(c.Len())
	within := n
	for _, l := range met {
		within -= float64(float64(l.chunk) * (float64(l.chunk) / n))
		l.chunk = 0
	}
	p.within += max(0, within)
	if len(p.labels)+len(p.numbers) > maxLabels {
		return c.Fault(fault.WholeFile,
			fmt.Sprintf("at most %d classes: a target of more is a number to learn by regression, or an id", maxLabels),
			"more labels")
	}
	return nil
}

// sampleEach offers the rows to the samples of their classes, where there are any.
func (p *surveyPart) sampleEach(c *linear.Chunk, each []*labelCount, weight func(int) float64) {
	share := p.own()
	if share.rows <= 0 {
		return
	}
	for i, l := range each {
		target := 0.0
		if c.Labels == nil {
			target = c.Target[i] + 0
		}
		p.sample(&l.sampler, share, c, i, target, weight(i))
	}
}

// checkLabels finds a row without a label.
func checkLabels(c *linear.Chunk) error {
	for i, label := range c.Labels {
		if label == "" {
			return c.Fault(i, "a class label", "nothing")
		}
	}
	if c.Labels == nil {
		for i, v := range c.Target {
			if v-v != 0 {
				return c.Fault(i, "a class label", "%v", v)
			}
		}
	}
	return nil
}

// classes makes those of t, and gives what was found out of each.
func (p *surveyPart) classes(t *Survey) ([]*folds.Stratum, error) {
	all, texts, missing := p.spellings()
	if len(texts) == len(missing) && len(missing) > 0 && len(all) > len(missing) {
		f := missing[0]
		return nil, &fault.Fault{File: f.file, Row: f.row, Found: fault.Quote(f.text),
			Expected: "a class label, a number as all others"}
	}
	numeric := func(k class) bool {
		_, ok := linear.LabelNumber(k.text)
		return ok
	}
	if !slices.ContainsFunc(all, func(k class) bool { return !numeric(k) }) { // in whatever notation
		for _, k := range all {
			if k.number != math.Trunc(k.number) {
				return nil, &fault.Fault{
					File: k.file, Row: k.row, Found: fmt.Sprintf("%s, and %d labels in all", fault.Quote(k.text), len(all)),
					Expected: "class labels, integers or texts: numbers with fractions are learned by --task=regression",
				}
			}
		}
	}
	if len(texts) > 0 && len(p.numbers) > 0 {
		f := texts[0]
		return nil, &fault.Fault{File: f.file, Row: f.row, Found: fault.Quote(f.text),
			Expected: "a class label that is a number, as in the files that store numbers"}
	}
	if f := oneTruth(all); f != nil {
		return nil, f
	}
	var strata []*folds.Stratum
	for _, k := range all {
		n := t.Classes.Len()
		switch {
		case len(texts) > 0:
			t.Classes.Texts = append(t.Classes.Texts, k.text)
		case n > 0 && t.Classes.Numbers[n-1] == k.number:
			t.ClassRows[n-1] += k.rows
			t.ClassWeight[n-1] += k.weight
			if p.strata != nil {
				strata[n-1].Merge(p.strata, &k.Stratum)
			}
			continue
		default:
			t.Classes.Numbers = append(t.Classes.Numbers, k.number)
		}
		t.ClassRows = append(t.ClassRows, k.rows)
		t.ClassWeight = append(t.ClassWeight, k.weight)
		strata = append(strata, new(k.Stratum.Clone()))
	}
	if t.more {
		return strata, nil
	}
	if t.Classes.Len() < 2 {
		return nil, fault.File(p.file, "rows of at least two classes", "%s in every row", fault.Quote(t.Classes.Label(0)))
	}
	weighty := func(w float64) bool { return w > 0 }
	if i := slices.IndexFunc(t.ClassWeight, weighty); !slices.ContainsFunc(t.ClassWeight[i+1:], weighty) {
		return nil, fault.File(p.file, "rows of at least two classes with a weight above 0", "%s in every such row",
			fault.Quote(t.Classes.Label(i)))
	}
	return strata, nil
}

// oneTruth is the fault of a truth value that is written in two ways.
func oneTruth(all []class) error {
	labels := make([]string, len(all))
	for i := range all {
		labels[i] = all[i].text
	}
	word, other, found := linear.SameTruth(labels)
	if !found {
		return nil
	}
	k := all[slices.Index(labels, word)]
	return &fault.Fault{File: k.file, Row: k.row, Found: fault.Quote(word), Expected: linear.OneSpelling(other)}
}

// class is a spelling of a label, and its number if it has one.
type class struct {
	text   string
	number float64
	*labelCount
}

// spellings are all labels in the order of classes; of these the texts that are no numbers, and those that say NaN.
func (p *surveyPart) spellings() (all, texts, missing []class) {
	for v, l := range p.numbers {
		all = append(all, class{linear.LabelText(v), v, l})
	}
	for s, l := range p.labels {
		v, ok := linear.LabelNumber(s)
		ok = ok && linear.Faithful(s)
		k := class{s, v, l}
		if !ok {
			if v, err := strconv.ParseFloat(s, 64); err == nil && v != v {
				missing = append(missing, k)
			}
			texts = append(texts, k)
		}
		all = append(all, k)
	}
	byText := func(a, b class) int { return strings.Compare(a.text, b.text) }
	slices.SortFunc(texts, byText)
	slices.SortFunc(missing, byText)
	slices.SortFunc(all, func(a, b class) int {
		if len(texts) == 0 && a.number != b.number {
			if a.number < b.number {
				return -1
			}
			return 1
		}
		return byText(a, b)
	})
	return all, texts, missing
}

// Merge adds what comes after.
func (p *surveyPart) Merge(next linear.Partial) error {
	q, ok := next.(*surveyPart)
	if !ok || q.task != p.task || q.features != p.features || (q.scaler == nil) != (p.scaler == nil) ||
		(q.moments == nil) != (p.moments == nil) {
		return errors.New("linear.Survey: a part of another pass")
	}
	if p.file == "" {
		p.file = q.file
	}
	p.rows += q.rows
	p.skipped += q.skipped
	p.chunks += q.chunks
	p.weight += q.weight
	p.weight2 += q.weight2
	p.squares += q.squares
	kernel.Add(1, q.fourth, p.fourth)
	if p.columns == nil {
		p.columns = slices.Clone(q.columns)
	} else {
		kernel.Add(1, q.columns, p.columns)
	}
	p.target.Merge(&q.target)
	p.plain.Merge(&q.plain)
	p.min, p.max = min(p.min, q.min), max(p.max, q.max)
	p.within += q.within
	for _, pair := range [][2]*linear.StandardScaler{{p.scaler, q.scaler}, {p.moments, q.moments}} {
		if s, next := pair[0], pair[1]; s != nil {
			s.WithMean = s.WithMean && next.WithMean
			s.Merge(next)
		}
	}
	p.sampler.merge(&q.sampler)
	mergeLabels(p.strata, p.labels, q.labels)
	mergeLabels(p.strata, p.numbers, q.numbers)
	if len(p.labels)+len(p.numbers) > maxLabels {
		return fault.File(p.file, fmt.Sprintf(
			"at most %d classes: a target of more is a number to learn by regression, or an id", maxLabels), "more labels")
	}
	if n := p.share(); n.rows > 0 {
		p.samplers(func(s *sampler, _ string, _ int64) { s.cut(n) })
	}
	return nil
}

func mergeLabels[K comparable](strata *folds.Strata, to, from map[K]*labelCount) {
	for k, l := range from {
		if have, ok := to[k]; ok {
			have.rows += l.rows
			have.weight += l.weight
			have.sampler.merge(&l.sampler)
			if strata != nil {
				have.Stratum.Merge(strata, &l.Stratum)
			}
		} else {
			to[k] = new(*l)
		}
	}
}

// MarshalBinary keeps every bit.
func (p *surveyPart) MarshalBinary() ([]byte, error) { return wire.Encode(p.fields) }

// UnmarshalBinary reads what MarshalBinary writes for a survey of the receiver's kind.
func (p *surveyPart) UnmarshalBinary(b []byte) error {
	q := (&Survey{Task: p.task, Features: p.features, scale: p.scaler != nil, moments: p.moments != nil,
		strata: p.strata, keep: p.keep, keepEntries: p.keepEntries}).Partial(0, 1).(*surveyPart)
	if err := wire.Decode(b, q.fields); err != nil {
		return fmt.Errorf("linear.Survey: a part that does not fit: %w", err)
	}
	*p = *q
	return nil
}

func (p *surveyPart) fields(c *wire.Codec) {
	c.Text(&p.file)
	c.Count(&p.rows, &p.chunks, &p.skipped)
	c.Float(&p.weight, &p.weight2, &p.squares, &p.min, &p.max, &p.within)
	for _, m := range []*linear.RegressionMetrics{&p.target, &p.plain} {
		c.Float(&m.Weight, &m.Mean, &m.M2)
		c.Check(m.Weight >= 0, "sums that are not negative")
	}
	c.Check(p.weight >= 0 && p.weight-p.weight == 0 && p.weight2 >= 0 && p.within >= 0, "sums that are not negative")
	c.Floats(p.fourth)
	c.Maybe(&p.columns, p.features)
	for _, s := range []*linear.StandardScaler{p.scaler, p.moments} {
		if s == nil {
			continue
		}
		c.Flag(&s.WithMean)
		c.Floats(s.Mean, s.Var)
		c.Finite(s.Count)
		c.Check(slices.Min(s.Count) >= 0 && slices.Min(s.Var) >= 0, "moments that are not negative")
	}
	rows := p.rows // less those of each label
	labelFields(c, p.strata, p.labels, &rows, func(s *string) { c.Text(s); c.Check(*s != "", "labels") })
	labelFields(c, p.strata, p.numbers, &rows, func(v *float64) { c.Float(v); c.Check(*v-*v == 0, "labels") })
	c.Check(rows == 0 || p.task != linear.Classification, "as many labels as rows")
	if c.OK() {
		p.sampleFields(c)
	}
}

// labelFields are those of a map, by ascending keys; they take the rows off.
func labelFields[K float64 | string](c *wire.Codec, strata *folds.Strata, m map[K]*labelCount, rows *int64,
	key func(*K)) {
	keys := sortedKeys(m)
	for i := range c.Len(len(m), 12) {
		var k K
		l := &labelCount{}
		if !c.Reading() {
			k = keys[i]
			l = m[k]
		}
		key(&k)
		c.Check(m[k] == nil, "labels, each once")
		c.Count(&l.rows, &l.row)
		c.Float(&l.weight)
		c.Text(&l.file)
		if strata != nil {
			l.Stratum.Fields(c, strata, l.rows)
		}
		c.Check(l.weight >= 0 && l.weight-l.weight == 0, "sums that are not negative")
		c.Check(l.rows > 0 && l.rows <= *rows, "as many labels as rows")
		if !c.OK() {
			return
		}
		m[k] = l
		*rows -= l.rows
	}
}

func sortedKeys[K float64 | string](m map[K]*labelCount) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fields are those of the survey's JSON, where strata is not nil; a scaler is also the moments.
func (s *Survey) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &s.Task},
		{Name: "features", Value: &s.Features},
		{Name: "scale", Value: &s.scale},
		{Name: "done", Value: &s.done},
		{Name: "rows", Value: &s.Rows},
		{Name: "sampled", Value: &s.Sampled},
		{Name: "weight", Value: &s.Weight},
		{Name: "square_weight", Value: &s.Weight2},
		{Name: "classes", Value: &s.Classes},
		{Name: "class_rows", Value: &s.ClassRows},
		{Name: "class_weight", Value: (*jsontext.Floats)(&s.ClassWeight)},
		{Name: "mean", Value: &s.Mean},
		{Name: "var", Value: &s.Var},
		{Name: "min", Value: &s.Min},
		{Name: "max", Value: &s.Max},
		{Name: "square_norm", Value: &s.SquareNorm},
		{Name: "scaled_square_norm", Value: &s.ScaledSquareNorm},
		{Name: "square_radius", Value: &s.SquareRadius},
		{Name: "uneven", Value: &s.Uneven},
		{Name: "squares", Value: (*jsontext.BitFloats)(&s.Squares), Optional: true},
		{Name: "scaler", Value: &s.Scaler},
		{Name: "measure", Value: &s.moments, Optional: true},
		{Name: "moments", Value: &s.Moments, Optional: true},
		{Name: "more", Value: &s.more, Optional: true},
		{Name: "keep", Value: &s.keep, Optional: true},
		{Name: "keep_entries", Value: &s.keepEntries, Optional: true},
		{Name: "chunks", Value: &s.Drift.Chunks},
		{Name: "share", Value: &s.Drift.Share},
		{Name: "f", Value: (*ratio)(&s.Drift.F)},
		{Name: "asked_folds", Value: &s.strata.Folds, Optional: true},
		{Name: "fold_seed", Value: &s.strata.Seed, Optional: true},
		{Name: "folds", Value: &s.Folds, Optional: true},
		{Name: "rare_classes", Value: &s.Rare, Optional: true},
	}
}

// ratio is a number whose JSON is null where it is +Inf.
type ratio float64

func (r ratio) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(r), 1) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(r))
}

func (r *ratio) UnmarshalJSON(b []byte) error {
	if *r = ratio(math.Inf(1)); string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, (*float64)(r))
}

// MarshalJSON writes the whole state; numbers read back bit by bit.
func (s *Survey) MarshalJSON() ([]byte, error) {
	t := *s
	if t.Scaler != nil {
		t.Moments = nil
	}
	if t.strata == nil {
		t.strata = &folds.Strata{}
	}
	return t.fields().MarshalJSON()
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Survey) UnmarshalJSON(b []byte) error {
	t := Survey{strata: &folds.Strata{}}
	if err := t.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	if err := t.checkState(); err != nil {
		return fmt.Errorf("survey: %w", err)
	}
	if t.Scaler != nil {
		t.Moments = t.Scaler
	}
	if t.strata.Folds == 0 {
		t.strata = nil
	}
	rows := t.Rows
	if t.Sampled > 0 {
		rows = t.Sampled
	}
	if d := &t.Drift; d.Chunks > 1 && rows > d.Chunks {
		d.Deviations = d.deviations(rows)
	}
	*s = t
	return nil
}

// checkState says whether what was read fits together.
func (s *Survey) checkState() error {
	if _, err := NewSurvey(s.Task, s.Features, s.scale); err != nil {
		return err
	}
	if err := s.Classes.Check(); err != nil {
		return err
	}
	n := s.Classes.Len()
	if len(s.ClassRows) != n || len(s.ClassWeight) != n {
		return fmt.Errorf("%d and %d counts of %d classes", len(s.ClassRows), len(s.ClassWeight), n)
	}
	if s.Rows < 0 || s.Sampled < 0 || s.Sampled > s.Rows || s.Drift.Chunks < 0 {
		return fmt.Errorf("%d of %d rows in %d chunks", s.Sampled, s.Rows, s.Drift.Chunks)
	}
	if s.Scaler != nil && (!s.scale || len(s.Scaler.Mean) != s.Features) || s.Scaler == nil && s.scale && s.done {
		return fmt.Errorf("a scaler that does not fit %d features", s.Features)
	}
	if s.Moments != nil && len(s.Moments.Mean) != s.Features || (s.Moments != nil) != (s.moments && s.done && !s.scale) {
		return fmt.Errorf("moments that do not fit %d features", s.Features)
	}
	if s.keep < 0 || s.keep > maxKept || s.keepEntries < 0 || s.keepEntries > maxKeptEntries {
		return fmt.Errorf("a sample of %d rows, %d entries", s.keep, s.keepEntries)
	}
	asked := s.strata.Folds
	if asked < 0 || asked > folds.Max || (s.Folds != nil) != (asked > 0 && s.done) ||
		s.Folds != nil && s.Folds.K != asked {
		return errors.New("folds that were not asked for")
	}
	if s.Folds != nil {
		if err := s.Folds.Check(n); err != nil {
			return err
		}
	}
	for _, r := range s.Rare {
		if r.Class < 0 || r.Class >= n || r.Rows < 0 || r.Folds < 0 {
			return errors.New("rare classes that are none")
		}
	}
	return nil
}
