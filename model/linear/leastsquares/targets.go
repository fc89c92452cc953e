package leastsquares

import (
	"fmt"

	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// further is the sums of a target beside the first of a [Gram]: what it is shifted by, the mean of what is left, and
// the centred products with each feature and then with itself. They are, bit by bit, those of a Gram of this target
// alone.
type further struct {
	shift, mean float64
	products    []float64
}

func newFurther(features, targets int) []further {
	all := make([]further, targets)
	for k := range all {
		all[k].products = make([]float64, features+1)
	}
	return all
}

// Several begins a part of the pass for rows of so many targets ([linear.Chunk.Targets]): the features, and their
// products, are summed up once for all. Target gives the sums of one.
func (g *Gram) Several(targets int) linear.Partial { return newGrams(g.features, targets) }

// Targets is how many targets the rows have.
func (g *Gram) Targets() int { return 1 + len(g.more) }

// Target is the sums of target k alone, to the bits of a part that has seen no other. O(features²).
func (g *Gram) Target(k int) linear.Partial { return g.target(k) }

func (g *Gram) target(k int) *Gram {
	one := newGram(g.features)
	one.rows, one.weight, one.sparse, one.err = g.rows, g.weight, g.sparse, g.err
	copy(one.mean, g.mean)
	copy(one.products, g.products)
	if g.shift != nil {
		one.shift = append(one.shift, g.shift...)
	}
	if k == 0 {
		return one
	}
	m, d := &g.more[k-1], g.features
	one.mean[d] = m.mean
	if one.shift != nil {
		one.shift[d] = m.shift
	}
	for j, v := range m.products {
		one.products.Row(j, d+1)[d-j] = v
	}
	return one
}

// Several begins a part of the pass for rows of so many targets: see [Gram.Several].
func (f *FoldGram) Several(targets int) linear.Partial {
	p := &FoldGram{fold: f.fold}
	for _, g := range f.Grams {
		p.Grams = append(p.Grams, newGrams(g.features, targets))
	}
	return p
}

// Target is the sums of target k alone: see [Gram.Target].
func (f *FoldGram) Target(k int) linear.Partial {
	p := &FoldGram{fold: f.fold}
	for _, g := range f.Grams {
		p.Grams = append(p.Grams, g.target(k))
	}
	return p
}

// checkTargets is [linear.Chunk.CheckTargets] for each target.
func (g *Gram) checkTargets(c *linear.Chunk) error {
	if len(c.Targets) != g.Targets() {
		return fmt.Errorf("linear.Gram: rows of %d targets: must be of %d", len(c.Targets), g.Targets())
	}
	for k := range c.Targets {
		if err := c.OfTarget(k).CheckTargets(linear.Regression); err != nil {
			return err
		}
	}
	return nil
}

// learned is the numbers of each target.
func (g *Gram) learned(c *linear.Chunk) [][]float64 {
	if len(g.more) == 0 {
		return [][]float64{c.Target}
	}
	all := make([][]float64, len(c.Targets))
	for k := range all {
		all[k] = c.Targets[k].Numbers
	}
	return all
}

// shiftOf is what is taken from every value of target k; there is a row.
func (g *Gram) shiftOf(k int) float64 {
	if k == 0 {
		return g.shift[g.features]
	}
	return g.more[k-1].shift
}

// combine adds other rows, where delta is by how much the means of the features differ: see [Gram.combine].
func (m *further) combine(other *further, delta []float64, factor, share float64) {
	d := other.mean - m.mean
	m.mean += float64(d * share)
	for j, v := range delta {
		f := factor * v
		m.products[j] += other.products[j] + float64(f*d)
	}
	f := factor * d
	m.products[len(delta)] += other.products[len(delta)] + float64(f*d)
}

func (m *further) fields(c *wire.Codec) {
	numbers := []float64{m.shift, m.mean}
	c.Finite(numbers, m.products)
	m.shift, m.mean = numbers[0], numbers[1]
	c.Check(m.products[len(m.products)-1] >= 0, "squares that are not negative")
}

// sparseTarget sums up a target beside sparse rows, as [Gram.addSparse] does with the first.
type sparseTarget struct {
	centre, mean float64
	products     []float64 // with itself, and then with the features in the order of addSparse
}

// sparseTargets begins those of n rows, and shifts the targets by their means where nothing is shifted yet.
func (g *Gram) sparseTargets(learned [][]float64, rows []int32, n int, weight float64,
	weightOf func(i int) float64) []sparseTarget {
	all := make([]sparseTarget, len(g.more))
	for t := range all {
		sum := 0.0
		for k := range n {
			i := k
			if rows != nil {
				i = int(rows[k])
			}
			sum += float64(weightOf(i) * learned[t+1][i])
		}
		all[t] = sparseTarget{centre: sum / weight, products: make([]float64, g.features+1)}
		if g.weight == 0 {
			g.more[t].shift = all[t].centre
		}
	}
	return all
}

// add adds a row of weight f, which has the value y, and the values val at idx, the first of which is that of the first
// target.
func (s *sparseTarget) add(f, y float64, idx []int32, val []float64) {
	v := y - s.centre
	fv := f * v
	s.products[0] += float64(fv * v)
	for k, at := range idx[1:] {
		s.products[at] += float64(fv * val[k+1])
	}
	s.mean += float64(f * v)
}

// sorted is the sums in the order of the columns, as [sorted] makes them, where mean are the means of the features.
func (s *sparseTarget) sorted(mean []float64, weight, shift float64, order []int32) further {
	own := s.mean * (1 / weight)
	f := weight * own
	out := further{mean: own + (s.centre - shift), products: make([]float64, len(order))}
	out.products[len(order)-1] = max(s.products[0]-float64(f*own), 0)
	for k, j := range order[1:] {
		out.products[j] = s.products[k+1] - float64(f*mean[k+1])
	}
	return out
}
