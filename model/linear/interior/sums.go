package interior

import (
	"errors"
	"fmt"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/panel"
)

// sums are those of a search over rows, of weight times:
type sums struct {
	points   [][]float64
	barrier  []float64
	first    bool // the extremes are summed up, too
	loss     float64
	slopes   line      // the rows' lines at their slopes
	residual []float64 // what the barrier asks slopes to move, times the row
	second   []float64 // the triangle of products, by the slopes' rates
	extremes [2]line   // the lines of the greatest and the least slopes
}

func (o *Optimizer) newSums(p *search) *sums {
	room := func() []float64 { return make([]float64, o.width()) }
	s := &sums{
		barrier: p.Barrier, first: o.passes == 0,
		slopes: line{Slope: room()}, residual: room(), second: panel.NewTriangle(o.width()),
	}
	for _, v := range p.Points {
		s.points = append(s.points, v)
	}
	if s.first {
		s.extremes = [2]line{{Slope: room()}, {Slope: room()}}
	}
	return s
}

// divide makes sums means.
func (s *sums) divide(weight float64) {
	s.loss /= weight
	s.each(func(v []float64) { kernel.Scale(1/weight, v) })
	s.slopes.At /= weight
	s.extremes[0].At /= weight
	s.extremes[1].At /= weight
}

// each passes all sums to f but the single numbers.
func (s *sums) each(f func(v []float64)) {
	f(s.slopes.Slope)
	f(s.residual)
	f(s.second)
	f(s.extremes[0].Slope)
	f(s.extremes[1].Slope)
}

// single are the numbers that each leaves out.
func (s *sums) single() []*float64 {
	return []*float64{&s.loss, &s.slopes.At, &s.extremes[0].At, &s.extremes[1].At}
}

// terms are what a row adds to sums, in its predictions: slope, rate and residual.
type terms struct {
	slope, rate, residual float64
	greatest, least       float64 // slopes
}

// follow is the slope at a corner, and z, after all passes: z is sign·at + off.
func (s *sums) follow(l *corners, c int, sign, off float64, at func(pass int) float64) (u dual, z float64) {
	z = float64(sign*at(0)) + off
	u = l.begin(c, z, s.barrier[0])
	for k := range len(s.points) - 1 {
		rate, away := l.newton(c, u, z, s.barrier[k])
		next := float64(sign*at(k+1)) + off
		u = l.move(u, away+float64(rate*(next-z)))
		z = next
	}
	return u, z
}

// row follows a row of this target and weight through all passes, of which at gives its prediction, and adds what takes
// no values of its columns.
func (s *sums) row(l *corners, y, weight float64, at func(pass int) float64) (t terms) {
	last := len(s.points) - 1
	for c := range l.n {
		sign, off := l.at(c, y)
		u, z := s.follow(l, c, sign, off, at)
		rate, away := l.newton(c, u, z, s.barrier[last])
		low := l.low[c]
		slope := low + u.up
		s.loss += float64(weight * l.value(c, z))
		s.slopes.At += float64(weight * l.line(slope, off))
		t.slope += float64(sign * slope)
		t.rate += rate
		t.residual += float64(sign * away)
		if s.first {
			greatest, least := low+l.width, low
			if sign < 0 {
				greatest, least = least, greatest
			}
			t.greatest += float64(sign * greatest)
			t.least += float64(sign * least)
			s.extremes[0].At += float64(weight * l.line(greatest, off))
			s.extremes[1].At += float64(weight * l.line(least, off))
		}
	}
	return terms{weight * t.slope, weight * t.rate, weight * t.residual, weight * t.greatest, weight * t.least}
}

// passSum is a [linear.Partial] of an [Optimizer].
type passSum struct {
	learner *Optimizer
	pass    int
	rows    int64
	weight  float64
	sums    []*sums // of each search; nil where it is done

	places  []int32
	weights []float64 // of the classes
	block   *block
	at      [][]float64 // predictions of a block, by pass
	idx     []int32     // of a sparse row and the intercept
	val     []float64
}

// block is the room for the sums of a block of rows.
type block struct {
	panel.Block
	z               *panel.Panels
	rates           []float64
	pairs, extremes []float64
}

// PartialFit adds rows. O(features² + features·passes) for each weight vector and dense row, O(entries² +
// entries·passes) for sparse ones. A faulty row leaves the sums as they were.
func (s *passSum) PartialFit(c *linear.Chunk) error {
	if err := s.encode(c); err != nil {
		return err
	}
	n := c.Len()
	if n == 0 {
		return nil
	}
	if err := s.weigh(); err != nil {
		return err
	}
	s.rows += int64(n)
	s.weight += c.Weight()
	if sparse(c) {
		s.addRows(c, s.places, n, inOrder)
		return nil
	}
	if s.block == nil {
		s.block = s.learner.newBlock()
	}
	for at := 0; at < n; {
		var m int
		m, at = s.block.Pack(c, s.places, at, n, inOrder, s.learner.options.Task)
		s.addBlock(s.block, m)
	}
	return nil
}

// inOrder gives all rows of a chunk.
func inOrder(at int) int { return at }

// sparse reports whether the rows of a chunk are to be summed up one by one.
func sparse(c *linear.Chunk) bool { return c.Sparse != nil && c.Entries() < c.Len()*c.Features/4 }

// weigh finds out the weights of the classes, once.
func (s *passSum) weigh() error {
	o := s.learner
	if s.weights != nil || o.options.Task != linear.Classification {
		return nil
	}
	sizes := o.ClassSizes
	if len(sizes) != o.options.Classes.Len() {
		if o.options.ClassWeight.Balanced {
			return errors.New("class_weight balanced: an exact solver must know the rows of each class beforehand")
		}
		sizes = make([]float64, o.options.Classes.Len())
	}
	s.weights = o.options.ClassWeight.BySize(&o.options.Classes, sizes)
	return nil
}

// encode checks the rows, and finds the places of their classes.
func (s *passSum) encode(c *linear.Chunk) (err error) {
	o := s.learner
	s.places, err = c.Encode(&o.options, o.features, o.Scaler, s.places)
	return err
}

// of is what a row of the class at a place is to weight vector k: ±1 or the target, and its weight.
func (s *passSum) of(k int, place int32, target, weight float64) (y, w float64) {
	switch {
	case s.learner.options.Task == linear.Regression:
		return target, weight
	case len(s.sums) == 1:
		return kernel.Sign(place == 1), weight * s.weights[place]
	case int(place) == k:
		return 1, weight * s.weights[place]
	}
	return -1, weight
}

// newBlock makes room for rows that are standardised by the optimizer's scaler.
func (o *Optimizer) newBlock() *block {
	b := &block{Block: panel.NewBlock(o.features, o.Scaler)}
	n := b.X.Rows
	b.z, b.rates = panel.NewPanels(o.features, n), make([]float64, n)
	b.pairs, b.extremes = make([]float64, 4*n), make([]float64, 4*n)
	return b
}

// addBlock adds the first n rows of b.
func (s *passSum) addBlock(b *block, n int) {
	for range s.learner.passes + 1 - len(s.at) {
		s.at = append(s.at, make([]float64, b.X.Rows))
	}
	for k, d := range s.sums {
		if d != nil && n > 0 {
			s.addTo(k, d, b, n)
		}
	}
}

// addTo adds the first n rows of b to the sums of search k.
func (s *passSum) addTo(k int, d *sums, b *block, n int) {
	o, last := s.learner, s.learner.features
	for i, p := range d.points {
		b.X.Dots(s.at[i][:n], p[:last])
	}
	for r := range n {
		y, w := s.of(k, b.Places[r], b.Target[r], b.Weights[r])
		t := d.row(&o.corners, y, w, func(pass int) float64 { return s.at[pass][r] + d.points[pass][last] })
		b.pairs[4*r], b.pairs[4*r+1], b.pairs[4*r+2] = t.slope, t.residual, t.rate
		b.rates[r] = t.rate
		d.intercept(&t)
		d.second[len(d.second)-1] += t.rate
		if d.first {
			b.extremes[4*r], b.extremes[4*r+1] = t.greatest, t.least
		}
	}
	triangle := panel.Triangle(d.second)
	for g := range b.X.Groups() {
		t := b.X.Pairs(b.pairs, g, n)
		for j := 4 * g; j < min(4*g+4, last); j++ {
			d.slopes.Slope[j] += t[j-4*g]
			d.residual[j] += t[4+j-4*g]
			triangle.Row(j, last+1)[last-j] += t[8+j-4*g]
		}
		if !d.first {
			continue
		}
		t = b.X.Pairs(b.extremes, g, n)
		for j := 4 * g; j < min(4*g+4, last); j++ {
			d.extremes[0].Slope[j] += t[j-4*g]
			d.extremes[1].Slope[j] += t[4+j-4*g]
		}
	}
	b.z.Weigh(b.X, b.rates, n)
	triangle.Syrk(last+1, b.z, b.X, n)
}

// intercept adds a row's terms for the intercept.
func (s *sums) intercept(t *terms) {
	last := len(s.residual) - 1
	s.slopes.Slope[last] += t.slope
	s.residual[last] += t.residual
	if s.first {
		s.extremes[0].Slope[last] += t.greatest
		s.extremes[1].Slope[last] += t.least
	}
}

// addRows adds n sparse rows one by one, which row gives.
func (s *passSum) addRows(c *linear.Chunk, places []int32, n int, row func(at int) int) {
	o, last := s.learner, s.learner.features
	rows := linear.NewRows(c, o.Scaler, nil)
	at := make([]float64, o.passes+1)
	for r := range n {
		i := row(r)
		place, weight, target := places[i], 1.0, 0.0
		if c.Weights != nil {
			if weight = c.Weights[i]; weight == 0 {
				continue
			}
		}
		if o.options.Task == linear.Regression {
			target = c.Target[i]
		}
		x := rows.At(i)
		s.idx, s.val = append(append(s.idx[:0], x.Idx...), int32(last)), append(append(s.val[:0], x.Val...), 1)
		for k, d := range s.sums {
			if d == nil {
				continue
			}
			for p, w := range d.points {
				at[p] = x.Dot(w) + w[last]
			}
			y, w := s.of(k, place, target, weight)
			t := d.row(&o.corners, y, w, func(pass int) float64 { return at[pass] })
			d.intercept(&t)
			x.Add(t.slope, d.slopes.Slope)
			x.Add(t.residual, d.residual)
			panel.AddProducts(d.second, last+1, t.rate, s.idx, s.val)
			if d.first {
				x.Add(t.greatest, d.extremes[0].Slope)
				x.Add(t.least, d.extremes[1].Slope)
			}
		}
	}
}

// Merge adds the sums of the next part. O(features²).
func (s *passSum) Merge(next linear.Partial) error {
	n, ok := next.(*passSum)
	if !ok || n.pass != s.pass || len(n.sums) != len(s.sums) || n.learner.features != s.learner.features {
		return errors.New("linear.interior: cannot add what another learner or pass has summed up")
	}
	s.rows += n.rows
	s.weight += n.weight
	for k, d := range s.sums {
		if d == nil {
			continue
		}
		e := n.sums[k]
		from := e.single()
		for i, v := range d.single() {
			*v += *from[i]
		}
		var all [][]float64
		e.each(func(v []float64) { all = append(all, v) })
		d.each(func(v []float64) {
			kernel.Add(1, all[0], v)
			all = all[1:]
		})
	}
	return nil
}

// MarshalBinary writes the sums.
func (s *passSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are of
// no use.
func (s *passSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.interior: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

func (s *passSum) fields(c *wire.Codec) {
	c.Pass(s.pass)
	c.Count(&s.rows)
	c.Float(&s.weight)
	c.Check(s.weight >= 0, "a weight that is not negative")
	for _, d := range s.sums {
		if d != nil {
			c.Float(d.single()...)
			d.each(func(v []float64) { c.Floats(v) })
		}
	}
}
