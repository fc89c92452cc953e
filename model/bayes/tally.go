package bayes

import (
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
)

// shape is what tallies are of.
type shape struct {
	kind     Kind
	features int
	ragged   bool // Categorical of numbers, whose categories are known in the end
	binarize float64
}

// numbers is about how many numbers a tally takes at first.
func (s *shape) numbers() int {
	if s.kind == Gaussian {
		return 6 * s.features
	}
	return s.features
}

// tally is the sums of the rows of a class.
type tally struct {
	shape   *shape
	rows    int64
	weight  counter   // of one number
	counts  []counter // of the features; of a ragged shape for each feature its categories
	moments *moments  // of Gaussian
}

func newTally(s *shape) *tally {
	t := &tally{shape: s, weight: newCounter(1)}
	switch {
	case s.kind == Gaussian:
		t.moments = newMoments(s.features)
	case s.ragged:
		t.counts = make([]counter, s.features)
	default:
		t.counts = []counter{newCounter(s.features)}
	}
	return t
}

// add adds a row of a weight, and gives by how many numbers the tally has grown. Sums of Gaussian are only there after
// the next settle.
func (t *tally) add(x kernel.Row, weight float64) (grown int) {
	t.rows++
	if weight == 0 {
		return 0
	}
	t.weight.add(0, weight)
	switch {
	case t.moments != nil:
		t.moments.add(x.Val, weight)
	case t.shape.ragged:
		return t.addCategories(x, weight)
	case t.shape.kind == Bernoulli:
		for i, v := range x.Val {
			if v > t.shape.binarize {
				t.counts[0].add(x.Column(i), weight)
			}
		}
	default:
		for i, v := range x.Val {
			if v != 0 {
				t.counts[0].add(x.Column(i), float64(weight*v))
			}
		}
	}
	return 0
}

// addCategories adds a dense row of categories.
func (t *tally) addCategories(x kernel.Row, weight float64) (grown int) {
	for j, v := range x.Val {
		c := &t.counts[j]
		if n := int(v) + 1 - len(c.sum); n > 0 {
			c.grow(n)
			grown += n
		}
		c.add(int(v), weight)
	}
	return grown
}

// merge adds the rows of another tally of the shape.
func (t *tally) merge(u *tally) {
	t.rows += u.rows
	if t.moments != nil {
		t.moments.merge(t.weight.value(0), u.weight.value(0), u.moments)
	}
	t.weight.merge(&u.weight)
	for j := range t.counts {
		t.counts[j].merge(&u.counts[j])
	}
}

// clone is a copy.
func (t *tally) clone() *tally {
	c := newTally(t.shape)
	c.merge(t)
	return c
}

// normalise makes of each sum its nearest float64, and the rest.
func (t *tally) normalise() {
	t.weight.normalise()
	for j := range t.counts {
		t.counts[j].normalise()
	}
}

// finite reports whether no sum has overflowed.
func (t *tally) finite() bool {
	ok := t.weight.finite()
	for j := range t.counts {
		ok = ok && t.counts[j].finite()
	}
	return ok
}

// fields are all sums. Of categories that are read it counts the numbers.
func (t *tally) fields(c *wire.Codec, read *int64) {
	c.Count(&t.rows)
	t.weight.fields(c, 1)
	c.Check(t.weight.sum[0] >= 0, "weights that are not negative")
	switch {
	case t.moments != nil:
		c.Floats(t.moments.mean, t.moments.rest, t.moments.squares)
		t.moments.before = t.weight.value(0)
	case t.shape.ragged:
		for j := range t.counts {
			n := len(t.counts[j].sum)
			c.Int(&n)
			*read += int64(n)
			if c.Check(n <= maxCategories && *read <= maxNumbers, "categories"); c.OK() {
				t.counts[j].fields(c, n)
			}
		}
	default:
		t.counts[0].fields(c, t.shape.features)
	}
}

// counter is sums of numbers, and of what rounding loses of them: of integers nothing, and then low is nil.
type counter struct{ sum, low []float64 }

func newCounter(n int) counter { return counter{sum: make([]float64, n)} }

func (c *counter) add(i int, v float64) {
	s, rest := twoSum(c.sum[i], v)
	c.sum[i] = s
	if rest != 0 {
		if c.low == nil {
			c.low = make([]float64, len(c.sum))
		}
		c.low[i] += rest
	}
}

func (c *counter) grow(n int) {
	c.sum = append(c.sum, make([]float64, n)...)
	if c.low != nil {
		c.low = append(c.low, make([]float64, n)...)
	}
}

func (c *counter) merge(o *counter) {
	if n := len(o.sum) - len(c.sum); n > 0 {
		c.grow(n)
	}
	for i, v := range o.sum {
		c.add(i, v)
	}
	if o.low != nil && c.low == nil {
		c.low = make([]float64, len(c.sum))
	}
	for i, v := range o.low {
		c.low[i] += v
	}
}

func (c *counter) value(i int) float64 {
	if c.low == nil {
		return c.sum[i]
	}
	return c.sum[i] + c.low[i]
}

func (c *counter) values() []float64 {
	out := slices.Clone(c.sum)
	for i, v := range c.low {
		out[i] += v
	}
	return out
}

func (c *counter) normalise() {
	rests := false
	for i := range c.low {
		c.sum[i], c.low[i] = twoSum(c.sum[i], c.low[i])
		rests = rests || c.low[i] != 0
	}
	if !rests {
		c.low = nil
	}
}

func (c *counter) finite() bool {
	return !slices.ContainsFunc(c.sum, func(v float64) bool { return v-v != 0 })
}

// fields are n sums, of which only those are written that are not 0 where they are few.
func (c *counter) fields(w *wire.Codec, n int) {
	low := c.low != nil
	w.Flag(&low)
	lists := []*[]float64{&c.sum}
	if low {
		lists = append(lists, &c.low)
	}
	for _, x := range lists {
		some := 0
		for _, v := range *x {
			if v != 0 {
				some++
			}
		}
		sparse := some < n/3
		if w.Flag(&sparse); !sparse {
			if w.Reading() && w.Has(8*n) {
				*x = make([]float64, n)
			}
			w.Floats(*x)
			continue
		}
		if w.Reading() {
			*x = make([]float64, n)
		}
		sparseFields(w, *x, some)
	}
}

// sparseFields are those numbers that are not 0, each with how far it is from the one before.
func sparseFields(w *wire.Codec, x []float64, some int) {
	at := -1
	for range w.Len(some, 9) {
		step := 1
		if !w.Reading() {
			for x[at+step] == 0 {
				step++
			}
		}
		w.Int(&step)
		at += step
		if w.Check(step > 0 && at < len(x), "places that ascend"); !w.OK() {
			return
		}
		w.Float(&x[at])
	}
}

// moments are means, in two numbers each, and sums of squares about them, of the columns of rows. Two numbers keep
// what tells rows apart whose mean is far from 0. Sums of rows are added to them by the formulas of Chan, Golub and
// LeVeque (The American Statistician 37.3, 1983).
type moments struct {
	mean, rest, squares []float64

	// Of the rows since the last settle: their weight, the sums of what they are above shift, and its squares.
	n                  float64
	before             float64 // the weight of those before
	shift, sum, square []float64
}

func newMoments(features int) *moments {
	all := make([]float64, 3*features)
	return &moments{mean: all[:features], rest: all[features : 2*features], squares: all[2*features:]}
}

// add adds a dense row of a weight above 0.
func (m *moments) add(x []float64, weight float64) {
	if m.n == 0 {
		if m.shift == nil {
			all := make([]float64, 3*len(m.mean))
			m.shift, m.sum, m.square = all[:len(x)], all[len(x):2*len(x)], all[2*len(x):]
		}
		if copy(m.shift, m.mean); m.before == 0 {
			copy(m.shift, x)
		}
	}
	m.n += weight
	shift, sum, square := m.shift[:len(x)], m.sum[:len(x)], m.square[:len(x)]
	if weight == 1 {
		for j, v := range x {
			d := v - shift[j]
			sum[j] += d
			square[j] += float64(d * d)
		}
		return
	}
	for j, v := range x {
		d := v - shift[j]
		w := float64(weight * d)
		sum[j] += w
		square[j] += float64(w * d)
	}
}

// settle adds the rows since the last time to the moments.
func (m *moments) settle() {
	if m.n == 0 {
		return
	}
	n := m.n
	for j, s := range m.sum {
		mean := s / n
		squares := max(0, m.square[j]-float64(s*mean))
		hi, lo := twoSum(m.shift[j], mean)
		m.join(j, m.before, n, hi, lo, squares)
		m.sum[j], m.square[j] = 0, 0
	}
	m.before += n
	m.n = 0
}

// merge adds the moments of rows of weight b to those of weight a.
func (m *moments) merge(a, b float64, o *moments) {
	if b == 0 {
		return
	}
	for j := range m.mean {
		m.join(j, a, b, o.mean[j], o.rest[j], o.squares[j])
	}
	m.before = a + b
}

// join adds to column j, of rows of weight a, rows of weight b.
func (m *moments) join(j int, a, b, mean, rest, squares float64) {
	if a == 0 {
		m.mean[j], m.rest[j], m.squares[j] = mean, rest, squares
		return
	}
	share := b / (a + b)
	delta := (mean - m.mean[j]) + (rest - m.rest[j])
	m.squares[j] += squares + float64(float64(delta*delta)*float64(a*share))
	hi, lo := twoSum(m.mean[j], float64(delta*share))
	m.mean[j], m.rest[j] = twoSum(hi, lo+m.rest[j])
}
