package newton

import (
	"errors"
	"slices"
	"sort"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/panel"
)

// This file is Newton's method of more columns than all of whose products can be summed up, where most of them are one
// column of a table, one-hot or hashed, of which each row has one category. The second derivatives by two categories are
// 0, so that their matrix is an arrowhead: a dense block of the other columns, the core; a diagonal of the categories;
// and the products of the two. The step solves for the core alone, by the Schur complement of the diagonal, and then for
// each category (Boyd and Vandenberghe: Convex Optimization, appendix C.4).
//
// Nobody need say which columns these are: the first pass finds out. Memory is 32 MB a part at most.

// arrowhead says where second derivatives are.
type arrowhead struct {
	Columns     []int32 // that have entries, ascending
	First, Last int     // the categories: of the columns from First to before Last no row has two

	place []int32 // of each column: in the core, or ^i of category i, or noPlace
	core  int     // columns of the core, and the intercept, which is the last
	own   int     // categories that have entries
}

const (
	noPlace = 1<<31 - 1
	// maxCore is up to how many columns are the core: each row has products of its own, and a step core³.
	maxCore = 512
	// maxArrow is up to how many numbers all second derivatives are, 32 MB of each part of a pass.
	maxArrow = 1 << 22
)

// places finds the places of the columns; false: this is no arrowhead of so many features.
func (a *arrowhead) places(features int) bool {
	if a.First < 0 || a.Last < a.First || a.Last > features || len(a.Columns) > features {
		return false
	}
	a.place, a.core, a.own = make([]int32, features), 0, 0
	for j := range a.place {
		a.place[j] = noPlace
	}
	last := int32(-1)
	for _, j := range a.Columns {
		switch {
		case j <= last || int(j) >= features:
			return false
		case int(j) >= a.First && int(j) < a.Last:
			a.place[j] = ^int32(a.own)
			a.own++
		default:
			a.place[j] = int32(a.core)
			a.core++
		}
		last = j
	}
	a.core++
	return a.own >= a.core && a.core <= maxCore && a.size() <= maxArrow
}

var errOtherRows = errors.New("linear.Optimizer: the rows are not those of the first pass")

// size is how many numbers the second derivatives are.
func (a *arrowhead) size() int { return a.triangle() + a.own*(1+a.core) }

// triangle is how many of them are those of the core, which are first; of each category its own, and the products with
// the core, follow.
func (a *arrowhead) triangle() int { return a.core * (a.core + 1) / 2 }

// category is what there is of category i.
func (a *arrowhead) category(second []float64, i int) (own *float64, mixed []float64) {
	row := second[a.triangle()+i*(1+a.core):][:1+a.core]
	return &row[0], row[1:]
}

// add adds f·xxᵀ of a row and the intercept. idx and val are room, which it gives back.
func (a *arrowhead) add(second []float64, f float64, x kernel.Row, idx []int32, val []float64) (
	[]int32, []float64, error) {
	idx, val = idx[:0], val[:0]
	if x.Idx == nil {
		return idx, val, errOtherRows
	}
	category, of := -1, 0.0
	for e, j := range x.Idx {
		switch p := a.place[j]; {
		case p == noPlace || p < 0 && category >= 0:
			return idx, val, errOtherRows
		case p < 0:
			category, of = int(^p), x.Val[e]
		default:
			idx, val = append(idx, p), append(val, x.Val[e])
		}
	}
	idx, val = append(idx, int32(a.core-1)), append(val, 1)
	panel.AddProducts(panel.Triangle(second[:a.triangle()]), a.core, f, idx, val)
	if category >= 0 {
		own, mixed := a.category(second, category)
		f *= of
		*own += float64(f * of)
		for e, j := range idx {
			mixed[j] += float64(f * val[e])
		}
	}
	return idx, val, nil
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

// follows says of each column which is the next in the rows that have it: the least, plus 1; of the last column of a row
// that is the intercept. 0: no row has it. From that follows of which columns no row has two.
type follows []int32

// add adds a row.
func (f follows) add(x kernel.Row) {
	next := int32(len(f) + 1)
	for e := len(x.Idx) - 1; e >= 0; e-- {
		j := x.Idx[e]
		if f[j] == 0 || next < f[j] {
			f[j] = next
		}
		next = j + 1
	}
}

// addAll adds a row that has all columns.
func (f follows) addAll() {
	for j := range f {
		f[j] = int32(j + 2)
	}
}

// merge adds the rows of another part.
func (f follows) merge(g follows) {
	for j, next := range g {
		if next != 0 && (f[j] == 0 || next < f[j]) {
			f[j] = next
		}
	}
}

// fields are those of the wire.
func (f follows) fields(c *wire.Codec) {
	for j := range f {
		next := int(f[j])
		c.Int(&next)
		c.Check(next == 0 || next >= j+2 && next <= len(f)+1, "columns that follow each other")
		f[j] = int32(next)
	}
}

// arrowhead is the one whose range has most columns with entries; nil where these are not
// most, or the second derivatives would be too many.
func (f follows) arrowhead() *arrowhead {
	a := &arrowhead{}
	for j, next := range f {
		if next != 0 {
			a.Columns = append(a.Columns, int32(j))
		}
	}
	before := func(j int) int {
		return sort.Search(len(a.Columns), func(i int) bool { return int(a.Columns[i]) >= j })
	}
	last, most := len(f), 0
	for _, j := range slices.Backward(a.Columns) {
		last = min(last, int(f[j]-1))
		if n := before(last) - before(int(j)); n > most {
			a.First, a.Last, most = int(j), last, n
		}
	}
	if !a.places(len(f)) {
		return nil
	}
	return a
}

// seeks reports whether the pass to come finds out whether second derivatives are an arrowhead.
func (o *Optimizer) seeks() bool { return o.passes == 0 && !o.newton && o.vectors == 1 }

// takeArrow is for after the first pass: from then on steps are Newton's where second derivatives are an arrowhead.
func (o *Optimizer) takeArrow(f follows) {
	if o.arrow = f.arrowhead(); o.arrow == nil {
		return
	}
	for _, p := range o.problems {
		p.Along = true // as conjugate gradients try one length
		p.Gradient, p.Diagonal, p.Steps, p.Changes, p.Gains, p.Sides, p.Tangents, p.Bound = nil, nil, nil, nil, nil, nil,
			nil, 0
	}
}

// newtons reports whether steps are Newton's.
func (o *Optimizer) newtons() bool { return o.newton || o.arrow != nil }
