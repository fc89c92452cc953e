package bayes

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/drift"
)

// sumPart is the sums of some rows, of each spelling of a label: which spellings are one class is known when all rows
// have been seen. Where there are folds they are known, and the sums are by fold.
type sumPart struct {
	fit     *Fit // of which it reads only what a pass leaves alone
	rows    int64
	numbers int64          // in all sums
	labels  linear.Partial // of a survey of them; nil with folds, as that is done
	texts   map[string]*spelling
	values  map[float64]*spelling
	all     []*tally // by fold, where rows of Gaussian have weights: of rows that count once each
	met     []*tally // since the last settle
	places  []int32
	judged  *drift.Judged // by the model before; nil: rows are not judged
}

// spelling is the tallies of a label, by fold; nil where a fold has none.
type spelling []*tally

func newSumPart(f *Fit) *sumPart {
	p := &sumPart{fit: f, texts: map[string]*spelling{}, values: map[float64]*spelling{}}
	if f.options.Folds == 0 {
		p.labels = f.survey.Partial(0, 1)
	}
	if f.before != nil {
		p.judged = &drift.Judged{}
	}
	return p
}

func (f *Fit) folds() int { return max(f.options.Folds, 1) }

// PartialFit adds the rows of a chunk.
func (p *sumPart) PartialFit(c *linear.Chunk) error {
	s := &p.fit.shape
	if err := c.CheckRows(s.features); err != nil {
		return err
	}
	if err := c.CheckTargets(linear.Classification); err != nil {
		return err
	}
	if c.Sparse != nil && (s.kind == Gaussian || s.ragged) {
		return fmt.Errorf("bayes: sparse rows for %s, which takes dense ones", s.kind)
	}
	if err := p.fit.options.Options.checkSparse(c); err != nil {
		return err
	}
	if p.labels != nil {
		if err := p.labels.PartialFit(onlyLabels(c, c.Len())); err != nil {
			return err
		}
	} else if err := p.place(c); err != nil {
		return err
	}
	for _, check := range p.fit.Domain() {
		if err := checkRows(c, check.High, check.Whole, check.Expected, p.fit.names); err != nil {
			return err
		}
	}
	if p.judged != nil {
		if err := p.fit.before.judge(p.judged, c); err != nil {
			return err
		}
	}
	p.rows += int64(c.Len())
	rows := linear.NewRows(c, nil, nil)
	var memo labelMemo
	for i := range c.Len() {
		x, w, fold := rows.At(i), 1.0, p.fold(c, i)
		if c.Weights != nil {
			w = c.Weights[i]
		}
		t, err := p.tally(c, i, fold, &memo)
		if err != nil {
			return err
		}
		p.numbers += int64(t.add(x, w))
		if c.Weights != nil && s.kind == Gaussian {
			p.whole(fold).add(x, 1)
		}
	}
	for _, t := range p.met {
		t.moments.settle()
	}
	p.met = p.met[:0]
	return p.bounded(c)
}

// bounded is the fault of sums that would take too much memory.
func (p *sumPart) bounded(c *linear.Chunk) error {
	if p.numbers <= maxNumbers {
		return nil
	}
	return c.Fault(fault.WholeFile,
		fmt.Sprintf("sums of at most %d numbers: fewer classes, columns, categories or folds", maxNumbers),
		"%d labels of %d columns", len(p.texts)+len(p.values), p.fit.shape.features)
}

// checkRows is the fault of the first value that is not from 0 to most, or not whole. What comes from files has been
// checked as it was read.
func checkRows(c *linear.Chunk, most float64, whole bool, expected string, names []string) error {
	rows := linear.NewRows(c, nil, nil)
	for i := range c.Len() {
		x := rows.At(i)
		for k, v := range x.Val {
			if v >= 0 && v <= most && !(whole && v != float64(int64(v))) {
				continue
			}
			err := c.Fault(i, expected, "%v", v)
			var at *fault.Fault
			if errors.As(err, &at) {
				at.Column = columnName(names, x.Column(k))
			}
			return err
		}
	}
	return nil
}

// place finds the classes of rows that have folds.
func (p *sumPart) place(c *linear.Chunk) error {
	if cap(p.places) < c.Len() {
		p.places = make([]int32, c.Len())
	}
	p.places = p.places[:c.Len()]
	unknown, err := p.fit.survey.Classes.Encode(p.places, c)
	if err == nil && unknown.Len() > 0 {
		err = errors.New("bayes: labels that were not there in the pass before")
	}
	return err
}

// fold is that of row i.
func (p *sumPart) fold(c *linear.Chunk, i int) int {
	if p.fit.options.Folds == 0 {
		return 0
	}
	return foldOf(p.fit, c, i, p.places[i])
}

func foldOf(f *Fit, c *linear.Chunk, i int, class int32) int {
	number := int64(i)
	if c.Numbers != nil {
		number = c.Numbers[i]
	}
	return f.survey.Folds.Of(c, i, number, class)
}

// labelMemo finds the spellings of a chunk again.
type labelMemo struct {
	texts linear.LabelMemo
	of    []*spelling
	last  float64
	at    *spelling // of the number last
}

// tally is that of row i and its fold.
func (p *sumPart) tally(c *linear.Chunk, i, fold int, memo *labelMemo) (*tally, error) {
	var s *spelling
	if c.Labels != nil {
		at, ok := memo.texts.Get(c.Labels[i])
		if !ok {
			at = int32(len(memo.of))
			memo.texts.Put(c.Labels[i], at)
			memo.of = append(memo.of, meet(p.texts, c.Labels[i], p.fit.folds()))
		}
		s = memo.of[at]
	} else {
		v := c.Target[i] + 0 // −0 is 0
		if memo.at == nil || memo.last != v {
			memo.at, memo.last = meet(p.values, v, p.fit.folds()), v
		}
		s = memo.at
	}
	t := (*s)[fold]
	if t == nil {
		if p.numbers += int64(p.fit.shape.numbers()); p.numbers > maxNumbers {
			return nil, p.bounded(c)
		}
		t = newTally(&p.fit.shape)
		(*s)[fold] = t
	}
	if t.moments != nil && t.moments.n == 0 {
		p.met = append(p.met, t)
	}
	return t, nil
}

// meet is the spelling of a label.
func meet[K comparable](all map[K]*spelling, label K, folds int) *spelling {
	s := all[label]
	if s == nil {
		s = new(make(spelling, folds))
		all[label] = s
	}
	return s
}

// whole is the tally of all rows of a fold, which count once each.
func (p *sumPart) whole(fold int) *tally {
	if p.all == nil {
		p.all = p.wholes()
	}
	t := p.all[fold]
	if t.moments.n == 0 {
		p.met = append(p.met, t)
	}
	return t
}

func (p *sumPart) wholes() []*tally {
	all := make([]*tally, p.fit.folds())
	for f := range all {
		all[f] = newTally(&p.fit.shape)
	}
	return all
}

// Merge adds what the next part has summed up.
func (p *sumPart) Merge(next linear.Partial) error {
	q, ok := next.(*sumPart)
	if !ok || (q.labels == nil) != (p.labels == nil) {
		return fmt.Errorf("bayes: sums and a %T", next)
	}
	if p.labels != nil {
		if err := p.labels.Merge(q.labels); err != nil {
			return err
		}
	}
	if p.judged != nil {
		p.judged.Merge(q.judged)
	}
	p.rows += q.rows
	p.numbers += q.numbers
	mergeSpellings(p, p.texts, q.texts)
	mergeSpellings(p, p.values, q.values)
	if p.all == nil {
		p.all = q.all
	} else {
		for f, t := range q.all {
			p.all[f].merge(t)
		}
	}
	return p.bounded(&linear.Chunk{})
}

// mergeSpellings adds up the tallies of labels, whose order makes no difference.
func mergeSpellings[K comparable](p *sumPart, to, from map[K]*spelling) {
	for label, s := range from {
		have := to[label]
		if have == nil {
			to[label] = s
			continue
		}
		for f, t := range *s {
			switch {
			case t == nil:
			case (*have)[f] == nil:
				(*have)[f] = t
			default:
				(*have)[f].merge(t)
				p.numbers -= int64(p.fit.shape.numbers())
			}
		}
	}
}

// byClass adds up the spellings of each class: the tallies by fold and class, and those of all rows of each fold, nil
// where they have no weights.
func (p *sumPart) byClass(classes *linear.Classes) (byFold [][]*tally, all []*tally, err error) {
	byFold = make([][]*tally, p.fit.folds())
	for f := range byFold {
		byFold[f] = make([]*tally, classes.Len())
	}
	add := func(k int, s spelling) {
		for f, t := range s {
			switch have := byFold[f][k]; {
			case t == nil:
			case have == nil:
				byFold[f][k] = t
			default:
				have.merge(t)
			}
		}
	}
	places := make([]int32, 1)
	for _, label := range sortedKeys(p.texts) {
		unknown, err := classes.Encode(places, &linear.Chunk{Labels: []string{label}})
		if err != nil || unknown.Len() > 0 {
			return nil, nil, errors.Join(err, errors.New("bayes: a label of no class"))
		}
		add(int(places[0]), *p.texts[label])
	}
	for _, v := range sortedKeys(p.values) {
		unknown, err := classes.Encode(places, &linear.Chunk{Target: []float64{v}})
		if err != nil || unknown.Len() > 0 {
			return nil, nil, errors.Join(err, errors.New("bayes: a label of no class"))
		}
		add(int(places[0]), *p.values[v])
	}
	for _, of := range byFold {
		for k, t := range of {
			if t == nil {
				of[k] = newTally(&p.fit.shape)
			}
		}
	}
	if all = p.all; all == nil {
		all = make([]*tally, p.fit.folds())
	}
	return byFold, all, nil
}

func sortedKeys[K string | float64](m map[K]*spelling) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// MarshalBinary keeps every bit.
func (p *sumPart) MarshalBinary() ([]byte, error) { return wire.Encode(p.fields) }

// UnmarshalBinary reads what MarshalBinary writes for a part of the receiver's fit.
func (p *sumPart) UnmarshalBinary(b []byte) error {
	q := newSumPart(p.fit)
	if err := wire.Decode(b, q.fields); err != nil {
		return fmt.Errorf("bayes: sums that do not fit: %w", err)
	}
	*p = *q
	return nil
}

func (p *sumPart) fields(c *wire.Codec) {
	c.Count(&p.rows, &p.numbers)
	c.Check(p.numbers <= maxNumbers, "fewer numbers")
	if p.labels != nil {
		c.Binary(p.labels)
	}
	if p.judged != nil {
		c.Binary(p.judged)
	}
	var read int64
	spellingFields(c, p, p.texts, &read, func(s *string) { c.Text(s) })
	spellingFields(c, p, p.values, &read, func(v *float64) { c.Float(v) })
	there := p.all != nil
	if c.Flag(&there); !there || !c.OK() {
		return
	}
	if c.Reading() {
		p.all = p.wholes()
	}
	for _, t := range p.all {
		t.fields(c, &read)
	}
}

// spellingFields are those of a map, by ascending keys. Of what is read it counts the numbers.
func spellingFields[K string | float64](
	c *wire.Codec, p *sumPart, m map[K]*spelling, read *int64, key func(*K),
) {
	keys := sortedKeys(m)
	for i := range c.Len(len(m), 2) {
		var label K
		if !c.Reading() {
			label = keys[i]
		}
		key(&label)
		s := meet(m, label, p.fit.folds())
		for f := range *s {
			there := (*s)[f] != nil
			if c.Flag(&there); !there || !c.OK() {
				continue
			}
			if c.Reading() {
				if *read += int64(p.fit.shape.numbers()); *read > maxNumbers {
					c.Fail(errors.New("more numbers than sums have"))
					return
				}
				(*s)[f] = newTally(&p.fit.shape)
			}
			(*s)[f].fields(c, read)
		}
	}
}
