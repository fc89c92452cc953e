package newton

import (
	"errors"
	"slices"
	"sort"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/panel"
)

// This file is Newton's method of more columns than all of whose products can be summed up, where most of them are one
// column of a table, one-hot or hashed, of which each row has one category. The second derivatives by two categories
// are 0, so that their matrix is an arrowhead: a dense block of the other columns, the core; a diagonal of the
// categories; and the products of the two. The step solves for the core alone, by the Schur complement of the diagonal,
// and then for each category (Boyd and Vandenberghe: Convex Optimization, appendix C.4).
//
// Nobody need say which columns these are: the first pass finds out. Memory is 32 MB a part at most.

// arrowhead says where second derivatives are.
type arrowhead struct {
	Columns     []int32 // that have entries, ascending
	First, Last int     // the categories: of the columns from First to before Last no row has two
	Dense       []int32 // columns of the core that most rows have, ascending

	place []int32 // of each column: in the core, or ^i of category i, or noPlace
	core  int     // columns of the core, the dense ones at the end, and the intercept, which is the last
	thin  int     // those before the dense ones
	own   int     // categories that have entries
}

const (
	noPlace = 1<<31 - 1
	// maxCore is up to how many columns are the core: each row has products of its own, and a step core³.
	maxCore = 512
	// maxArrow is up to how many numbers all second derivatives are, 32 MB of each part of a pass.
	maxArrow = 1 << 22
	// arrowSample is how many rows the first pass draws, of at most arrowEntries each, as those of tables are.
	arrowSample  = maxSample
	arrowEntries = 64
)

// places finds the places of the columns; false: this is no arrowhead of so many features.
func (a *arrowhead) places(features int) bool {
	if a.First < 0 || a.Last < a.First || a.Last > features || len(a.Columns) > features || len(a.Dense) > maxCore {
		return false
	}
	a.place, a.thin, a.own = make([]int32, features), 0, 0
	for j := range a.place {
		a.place[j] = noPlace
	}
	last, dense := int32(-1), a.Dense
	for _, j := range a.Columns {
		switch {
		case j <= last || int(j) >= features:
			return false
		case int(j) >= a.First && int(j) < a.Last:
			a.place[j] = ^int32(a.own)
			a.own++
		case len(dense) > 0 && dense[0] == j:
			dense = dense[1:]
		default:
			a.place[j] = int32(a.thin)
			a.thin++
		}
		last = j
	}
	for i, j := range a.Dense {
		if len(dense) == 0 {
			a.place[j] = int32(a.thin + i)
		}
	}
	a.core = a.thin + len(a.Dense) + 1
	return len(dense) == 0 && a.own >= a.core && a.core <= maxCore && a.size() <= maxArrow
}

var errOtherRows = errors.New("linear.Optimizer: the rows are not those of the first pass")

// size is how many numbers the second derivatives are.
func (a *arrowhead) size() int { return a.triangle() + a.own*(1+a.core) }

// triangle is how many of them are those of the core, which are first; of each category the products with the core,
// and its own, follow.
func (a *arrowhead) triangle() int { return a.core * (a.core + 1) / 2 }

// category0 is where that of category i begins.
func (a *arrowhead) category0(i int) int { return a.triangle() + i*(a.core+1) }

// category is what there is of category i.
func (a *arrowhead) category(second []float64, i int) (own *float64, mixed []float64) {
	row := second[a.category0(i):][:a.core+1]
	return &row[a.core], row[:a.core]
}

// add adds f·xxᵀ of each row of a block, which is cut at the dense columns, and of the intercept.
func (a *arrowhead) add(second []float64, f []float64, c *commonRoom) error {
	if err := a.unpack(c); err != nil {
		return err
	}
	lanes.Fetch(second, 1, c.arrow.fetch) // categories are all over the memory
	triangle, from := panel.Triangle(second[:a.triangle()]), 0
	for r, row := range c.arrow.rows {
		idx, val := c.arrow.idx[from:row.end], c.arrow.val[from:row.end]
		if from = row.end; f[r] == 0 {
			continue
		}
		for e, i := range idx {
			fv, to := f[r]*val[e], triangle.Row(int(i), a.core)
			for k, j := range idx[e:] {
				to[j-i] += float64(fv * val[e+k])
			}
			c.x.AddRow(to[a.thin-int(i):], r, fv)
		}
		if row.category >= 0 {
			fv := f[r] * row.of
			own, mixed := a.category(second, row.category)
			*own += float64(fv * row.of)
			kernel.AddSparse(fv, idx, val, mixed)
			c.x.AddRow(mixed[a.thin:], r, fv)
		}
	}
	c.z.Weigh(c.x, f, len(c.ends))
	d := len(c.columns)
	triangle[len(triangle)-d*(d+1)/2:].Syrk(d, c.z, c.x, len(c.ends))
	return nil
}

// arrowRows are the entries of the rows of a block that are not in dense columns.
type arrowRows struct {
	idx   []int32 // those of the core, at their places there
	val   []float64
	rows  []arrowRow
	fetch []int32 // the places in all second derivatives that they come to
}

type arrowRow struct {
	end      int // of its entries in idx
	category int // −1: none
	of       float64
}

// unpack cuts the entries of the rows of a block that are not in dense columns into those of the core and categories.
func (a *arrowhead) unpack(c *commonRoom) error {
	idx, val, rows, fetch, from := c.arrow.idx[:0], c.arrow.val[:0], c.arrow.rows[:0], c.arrow.fetch[:0], 0
	for _, end := range c.ends {
		row, first := arrowRow{category: -1}, len(idx)
		for e, j := range c.idx[from:end] {
			switch p, v := a.place[j], c.val[from+e]; {
			case p == noPlace || p < 0 && row.category >= 0:
				return errOtherRows
			case p < 0:
				row.category, row.of = int(^p), v
			default:
				idx, val = append(idx, p), append(val, v)
			}
		}
		if row.category >= 0 {
			at := int32(a.category0(row.category))
			for _, p := range idx[first:] {
				fetch = append(fetch, at+p)
			}
			for p := a.thin; p <= a.core; p += 8 { // a line of the cache has eight
				fetch = append(fetch, at+int32(p))
			}
		}
		from, row.end = end, len(idx)
		rows = append(rows, row)
	}
	c.arrow = arrowRows{idx, val, rows, fetch}
	return nil
}

// arrowStep is −(second derivatives)⁻¹·gradient.
func (o *Optimizer) arrowStep(second, g []float64, n float64) []float64 {
	a, d := o.arrow, o.arrow.core
	if !*o.options.FitIntercept {
		d--
	}
	core := panel.Triangle(second[:a.triangle()]).Full(d, a.core)
	kernel.Scale(1/n, core)
	slopes := make([]float64, d) // of the core
	for j, p := range a.place {
		if p >= 0 && p != noPlace {
			core[int(p)*(d+1)] += o.alpha()
			slopes[p] = g[j]
		}
	}
	if d == a.core {
		slopes[d-1] = g[o.features]
	}
	row := make([]float64, d)
	for j := a.First; j < a.Last; j++ {
		own := o.ofCategory(second, j, row, n)
		if !(own > 0) {
			continue
		}
		for i, v := range row {
			if v != 0 {
				kernel.Add(-v/own, row[i:], core[i*d+i:(i+1)*d])
			}
		}
		kernel.Add(-g[j]/own, row, slopes)
	}
	for i := range d {
		for k := range i {
			core[i*d+k] = core[k*d+i]
		}
	}
	x := dense.DampedSolve(core, d, slopes)
	dir := make([]float64, o.size())
	for j, p := range a.place {
		own, along := 0.0, 0.0
		switch {
		case p >= 0 && p != noPlace:
			dir[j] = -x[p]
			continue
		case p == noPlace:
			own = o.alpha()
		default:
			own = o.ofCategory(second, j, row, n)
			along = kernel.Dot(row, x)
		}
		if own > 0 {
			dir[j] = (along - g[j]) / own
		}
	}
	if d == a.core {
		dir[o.features] = -x[d-1]
	}
	return dir
}

// ofCategory is the second derivative of the objective by the weight of column j, which is a category, and, in row,
// those with the core. Without entries there are none.
func (o *Optimizer) ofCategory(second []float64, j int, row []float64, n float64) (own float64) {
	p := o.arrow.place[j]
	if p == noPlace {
		return 0
	}
	sum, mixed := o.arrow.category(second, int(^p))
	for i := range row {
		row[i] = mixed[i] / n
	}
	return *sum/n + o.alpha()
}

// columns is what the first pass finds out about each of them.
type columns struct {
	rows   int64   // of which it is
	counts []int64 // how many rows have it
	// follows is which column is the next in the rows that have it: the least, plus 1; of the last column of a row that is
	// the intercept. 0: no row has it. From that follows of which columns no row has two.
	follows []int32
}

func newColumns(features int) *columns {
	return &columns{counts: make([]int64, features), follows: make([]int32, features)}
}

// add adds a sparse row.
func (c *columns) add(x kernel.Row) {
	c.rows++
	next := int32(len(c.follows) + 1)
	for e := len(x.Idx) - 1; e >= 0; e-- {
		j := x.Idx[e]
		c.counts[j]++
		if c.follows[j] == 0 || next < c.follows[j] {
			c.follows[j] = next
		}
		next = j + 1
	}
}

// addFull adds n rows that have all columns.
func (c *columns) addFull(n int) {
	c.rows += int64(n)
	for j := range c.follows {
		c.counts[j] += int64(n)
		c.follows[j] = int32(j + 2)
	}
}

// merge adds the rows of another part.
func (c *columns) merge(next *columns) {
	c.rows += next.rows
	for j, n := range next.counts {
		c.counts[j] += n
		if f := next.follows[j]; f != 0 && (c.follows[j] == 0 || f < c.follows[j]) {
			c.follows[j] = f
		}
	}
}

// fields are those of the wire.
func (c *columns) fields(w *wire.Codec) {
	w.Count(&c.rows)
	for j := range c.follows {
		next := int(c.follows[j])
		w.Count(&c.counts[j])
		w.Int(&next)
		w.Check(c.counts[j] <= c.rows && (next == 0 || next >= j+2 && next <= len(c.follows)+1),
			"columns that follow each other")
		c.follows[j] = int32(next)
	}
}

// arrowhead is the one whose range has most columns with entries; nil where these are not most, or the second
// derivatives would be too many.
func (c *columns) arrowhead() *arrowhead {
	a := &arrowhead{}
	for j, next := range c.follows {
		if next != 0 {
			a.Columns = append(a.Columns, int32(j))
		}
	}
	before := func(j int) int {
		return sort.Search(len(a.Columns), func(i int) bool { return int(a.Columns[i]) >= j })
	}
	last, most := len(c.follows), 0
	for _, j := range slices.Backward(a.Columns) {
		last = min(last, int(c.follows[j]-1))
		if n := before(last) - before(int(j)); n > most {
			a.First, a.Last, most = int(j), last, n
		}
	}
	for _, j := range a.Columns {
		if c.counts[j] > c.rows/2 && !(int(j) >= a.First && int(j) < a.Last) && len(a.Dense) < maxCore {
			a.Dense = append(a.Dense, j)
		}
	}
	if !a.places(len(c.follows)) {
		return nil
	}
	return a
}

// seeks reports whether the pass to come finds out whether second derivatives are an arrowhead.
func (o *Optimizer) seeks() bool {
	return o.passes == 0 && !o.newton && o.vectors == 1 && o.arrow == nil
}

// takeArrow is for after the first pass: from then on steps are Newton's, by this arrowhead.
func (o *Optimizer) takeArrow(a *arrowhead) {
	o.arrow = a
	for _, p := range o.problems {
		p.Along = true // as conjugate gradients try one length
		p.Gradient, p.Diagonal, p.Steps, p.Changes, p.Gains, p.Sides, p.Tangents, p.Bound = nil, nil, nil, nil, nil, nil,
			nil, 0
	}
}

// newtons reports whether steps are Newton's.
func (o *Optimizer) newtons() bool { return o.newton || o.arrow != nil }
