package survey

import (
	"cmp"
	"math"
	"slices"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// Keep asks, before the pass, for a sample of up to so many of the rows, at most 65,536, and of up to so many entries,
// at most 2²⁰: see [Survey.Sample]. Where entries is 0, their number is not bounded, and the sample is dense; otherwise
// it is sparse.
func (s *Survey) Keep(rows, entries int) { s.keep, s.keepEntries = rows, entries }

const (
	maxKept        = 1 << 16
	maxKeptEntries = 1 << 20
)

// Sample is the rows that [Survey.Keep] has asked for, as they are, how many rows they stand for, and whether they
// are these; nil where there are none. Of a classification there are as many of each class as of any other, or all
// that the class has. So each has the weight of all rows that it stands for. The sample depends on the order of rows
// in a part, not on chunks, nor on rows at fault that are left out. It is no part of the survey's JSON.
func (s *Survey) Sample() (c *linear.Chunk, rows float64, all bool) {
	if len(s.kept) == 0 {
		return nil, 0, false
	}
	c, all = &linear.Chunk{Features: s.Features}, s.Sampled == 0
	if s.keepEntries > 0 {
		n, entries := 0, 0
		for _, g := range s.kept {
			n += len(g.rows)
			for i := range g.rows {
				entries += len(g.rows[i].x)
			}
		}
		c.Sparse = &linear.CSR{Offsets: make([]int, 1, n+1), Indices: make([]int32, 0, entries),
			Values: make([]float64, 0, entries)}
	}
	for _, g := range s.kept {
		all = all && int64(len(g.rows)) == g.of
		share := float64(g.of) / float64(len(g.rows))
		if s.Sampled > 0 {
			share *= float64(s.Rows) / float64(s.Sampled)
		}
		for _, r := range g.rows {
			if c.Sparse == nil {
				c.X = append(c.X, r.x...)
			} else {
				c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, r.idx...), append(c.Sparse.Values, r.x...)
				c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Indices))
			}
			c.Weights = append(c.Weights, float64(r.weight*share))
			if g.label != "" {
				c.Labels = append(c.Labels, g.label)
			} else {
				c.Target = append(c.Target, r.target)
			}
		}
	}
	return c, float64(s.Rows), all
}

// stratum is the rows that stand for so many.
type stratum struct {
	label string // "" where targets are numbers
	rows  []keptRow
	of    int64
}

// keptRow is a row of a sample: of those that have the least keys.
type keptRow struct {
	key            uint64
	idx            []int32 // of a sparse sample
	x              []float64
	target, weight float64
}

// compare orders rows by their keys; rows that are equal here are the same.
func (r *keptRow) compare(o *keptRow) int {
	if r.key != o.key { // of nearly all, and the rest takes long
		return cmp.Compare(r.key, o.key)
	}
	return cmp.Or(slices.Compare(r.idx, o.idx), slices.Compare(r.x, o.x), cmp.Compare(r.target, o.target),
		cmp.Compare(r.weight, o.weight))
}

// sampler keeps the rows of the least keys, at most about a quarter more than there are to be in the end.
type sampler struct {
	rows    []keptRow
	entries int // of them
	full    bool
	most    uint64 // where full, the key of the first row that had no room
}

// room is how many rows and entries a sampler may keep; no entries: any number.
type room struct{ rows, entries int }

// cut leaves the first rows, until the next has no room.
func (s *sampler) cut(n room) {
	slices.SortFunc(s.rows, func(a, b keptRow) int { return a.compare(&b) })
	s.entries = 0
	for i := range s.rows {
		r := &s.rows[i]
		more := s.entries + len(r.x)
		if i == n.rows || n.entries > 0 && more > n.entries || s.full && r.key > s.most {
			if !s.full || r.key < s.most {
				s.full, s.most = true, r.key
			}
			clear(s.rows[i:])
			s.rows = s.rows[:i]
			return
		}
		s.entries = more
	}
}

// add adds a row.
func (s *sampler) add(r keptRow, c *linear.Chunk, i int, n room) {
	if s.full && r.key > s.most {
		return
	}
	if n.entries > 0 {
		r.idx, r.x = sparseRow(c, i)
	} else {
		r.x = denseRow(c, i)
	}
	s.rows = append(s.rows, r)
	if s.entries += len(r.x); len(s.rows) >= n.rows+(n.rows+3)/4 || n.entries > 0 && s.entries >= n.entries+n.entries/4 {
		s.cut(n)
	}
}

// merge adds the rows of another, and leaves those to be cut that have no room.
func (s *sampler) merge(o *sampler) {
	s.rows = append(s.rows, o.rows...)
	if o.full && (!s.full || o.most < s.most) {
		s.full, s.most = true, o.most
	}
}

// rowKey is of a row's number in its part, and of its target and the first values that are not 0, as rows of several
// parts have the same number: the same of dense and of sparse rows.
func rowKey(c *linear.Chunk, i int, number int64, target float64) uint64 {
	h := splitmix.Mix(uint64(number)) ^ math.Float64bits(target+0)
	left := 4
	mix := func(j int, v float64) {
		if v != 0 {
			h = splitmix.Mix(h + uint64(j) + math.Float64bits(v))
			left--
		}
	}
	if c.Sparse != nil {
		for e := c.Sparse.Offsets[i]; e < c.Sparse.Offsets[i+1] && left > 0; e++ {
			mix(int(c.Sparse.Indices[e]), c.Sparse.Values[e])
		}
		return h
	}
	for j := 0; j < c.Features && left > 0; j++ {
		if at := i*c.Features + j; c.X != nil {
			mix(j, c.X[at])
		} else {
			mix(j, float64(c.X32[at]))
		}
	}
	return h
}

// denseRow is row i, with its zeros.
func denseRow(c *linear.Chunk, i int) []float64 {
	x := make([]float64, c.Features)
	switch {
	case c.Sparse != nil:
		for e := c.Sparse.Offsets[i]; e < c.Sparse.Offsets[i+1]; e++ {
			x[c.Sparse.Indices[e]] = c.Sparse.Values[e]
		}
	case c.X != nil:
		copy(x, c.X[i*c.Features:])
	default:
		for j, v := range c.X32[i*c.Features : (i+1)*c.Features] {
			x[j] = float64(v)
		}
	}
	return x
}

// sparseRow is row i, without its zeros.
func sparseRow(c *linear.Chunk, i int) (idx []int32, x []float64) {
	if c.Sparse != nil {
		at, end := c.Sparse.Offsets[i], c.Sparse.Offsets[i+1]
		return slices.Clone(c.Sparse.Indices[at:end]), slices.Clone(c.Sparse.Values[at:end])
	}
	for j := range c.Features {
		v := 0.0
		if at := i*c.Features + j; c.X != nil {
			v = c.X[at]
		} else {
			v = float64(c.X32[at])
		}
		if v != 0 {
			idx, x = append(idx, int32(j)), append(x, v)
		}
	}
	return idx, x
}

// fewest is how many rows of a label are too few for a sample.
const fewest = 16

// share is how many rows and entries of a label are kept, the fewer the more labels there are; 0: there is no sample.
func (p *surveyPart) share() room {
	labels := max(1, len(p.labels)+len(p.numbers))
	if p.keep/labels < fewest {
		return room{}
	}
	return room{p.keep / labels, p.keepEntries / labels}
}

// leastOwn is how many rows of a dense sample a part may keep by itself, however many parts there are.
const leastOwn = 4096

// own is share of what a part keeps before it meets others: of a large dense sample twice its part, so that all parts
// together hold about two samples.
func (p *surveyPart) own() room {
	n, labels := p.share(), max(1, len(p.labels)+len(p.numbers))
	if p.keepEntries == 0 && p.parts > 1 {
		n.rows = min(n.rows, max(leastOwn, 2*p.keep/p.parts)/labels)
	}
	return n
}

// sample adds row i of a chunk to a sample.
func (p *surveyPart) sample(to *sampler, n room, c *linear.Chunk, i int, target, weight float64) {
	of := target
	if p.task != linear.Regression {
		of = 0 // a class is the same as a number and as a text
	}
	to.add(keptRow{key: rowKey(c, i, p.rows+int64(i), of), target: target, weight: weight}, c, i, n)
}

// samplers gives each sampler, with its label and how many rows that has, in an order that is always the same.
func (p *surveyPart) samplers(use func(s *sampler, label string, of int64)) {
	if p.task == linear.Regression {
		use(&p.sampler, "", p.rows)
	}
	numbers := sortedKeys(p.numbers)
	slices.SortStableFunc(numbers, func(a, b float64) int { // in the order of their texts, as labels are
		return cmp.Compare(linear.LabelText(a), linear.LabelText(b))
	})
	for _, k := range numbers {
		use(&p.numbers[k].sampler, "", p.numbers[k].rows)
	}
	for _, k := range sortedKeys(p.labels) {
		use(&p.labels[k].sampler, k, p.labels[k].rows)
	}
}

// strataOf is what is kept of the rows.
func (p *surveyPart) strataOf() (all []stratum) {
	n := p.share()
	if n.rows == 0 {
		return nil
	}
	scarce := false
	p.samplers(func(s *sampler, label string, of int64) {
		s.cut(n)
		scarce = scarce || int64(len(s.rows)) < min(fewest, of)
		all = append(all, stratum{label, s.rows, of})
	})
	if scarce {
		return nil
	}
	return all
}

// sampleFields are the rows of all samplers.
func (p *surveyPart) sampleFields(c *wire.Codec) {
	n := p.share()
	if n.rows == 0 {
		return
	}
	p.samplers(func(s *sampler, _ string, of int64) {
		if !c.Reading() {
			s.cut(n)
		}
		s.fields(c, n, of, p.features)
	})
}

// fields are rows of so many columns, some of so many, for which there is room.
func (s *sampler) fields(c *wire.Codec, n room, of int64, features int) {
	c.Flag(&s.full)
	c.Uint(&s.most)
	many := c.Len(len(s.rows), 18)
	if c.Check(many <= n.rows && int64(many) <= of, "a sample that is not too large"); !c.OK() {
		return
	}
	if c.Reading() {
		s.rows = make([]keptRow, many)
	}
	for i := range s.rows {
		s.rows[i].fields(c, n.entries > 0, features)
		if !c.OK() {
			return
		}
	}
	if c.Reading() {
		s.cut(n)
		c.Check(len(s.rows) == many, "a sample that is not too large")
	}
}

func (r *keptRow) fields(c *wire.Codec, sparse bool, features int) {
	c.Uint(&r.key)
	c.Float(&r.target, &r.weight)
	entries := features
	if sparse {
		entries = c.Len(len(r.x), 9)
	}
	if c.Reading() {
		if !c.Has(8 * entries) {
			return
		}
		r.x = make([]float64, entries)
		if sparse {
			r.idx = make([]int32, entries)
		}
	}
	before := -1
	for i := range r.idx {
		j := int(r.idx[i])
		c.Int(&j)
		if c.Check(j > before && j < features, "columns that ascend"); !c.OK() {
			return
		}
		r.idx[i], before = int32(j), j
	}
	c.Finite(r.x)
	c.Check(r.weight >= 0 && r.target-r.target == 0 && r.weight-r.weight == 0, "rows of a sample")
}
