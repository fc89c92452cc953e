// Package dual learns linear models with l2 of fewer rows than columns by the products of rows: see [Gram].
package dual

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/panel"
)

// Gram sums up the products of all rows with each other: a [linear.Learner] for at most MaxRows rows that have more
// columns, of any loss with the penalty l2.
//
// With l2 the optimum is a sum of the rows, w = Xᵀc (the representer theorem; Schölkopf, Herbrich and Smola, COLT
// 2001), and all that the objective knows of it are the products of rows K = XXᵀ. The rows of L, with K = LLᵀ, have at
// most as many numbers as there are rows, and are another table, whose optimum v has the same predictions and the norm
// of w. [Gram.Reduced] gives it, for any solver of few columns, also on folds and for several alphas; and
// [Gram.Weights] makes w of a v in another pass.
//
// A pass takes as many columns of all rows as there is room for, in 128 MiB; sparse rows are taken at once, up to as
// many entries. With an intercept, columns are centred first: what they lie about is the intercept's alone.
type Gram struct {
	// Scaler standardises rows; sparse ones need one without WithMean. Set it before the first pass.
	Scaler *linear.StandardScaler

	options  linear.Options
	features int
	block    int // columns of a pass
	from     int // the first column of the pass to come
	passes   int
	rows     rows
	products jsontext.BitFloats // a triangle
	tooMany  bool               // rows, or entries, than were foreseen
}

const (
	// MaxRows is how many rows there are at most: their products, and those of the columns that take their place, are
	// 16 MB each.
	MaxRows = 2000

	room   = 1 << 24 // values of a pass
	ranges = 4       // of columns, that are summed up side by side
)

// NewGram makes the learner of so many rows and features. It copies the options and fills in their defaults. A
// classification's classes must be in them.
func NewGram(o linear.Options, features int, rows int64) (*Gram, error) {
	o = linear.ExactOptions(&o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if rows < 1 || rows > MaxRows || features < 1 {
		return nil, fmt.Errorf("%d rows of %d features: must be from 1 to %d rows", rows, features, MaxRows)
	}
	o.Classes = o.Classes.Clone()
	g := &Gram{options: o, features: features}
	passes := (int64(features)*rows + room - 1) / room
	g.block = int((int64(features) + passes - 1) / passes)
	return g, nil
}

// centred reports whether columns are centred.
func (g *Gram) centred() bool { return *g.options.FitIntercept }

// Passes is how many passes have been made.
func (g *Gram) Passes() int { return g.passes }

// Left is how many passes there are left at most.
func (g *Gram) Left() int { return (g.features - g.from + g.block - 1) / g.block }

// Done reports whether there is no further pass to make.
func (g *Gram) Done() bool { return g.tooMany || g.from >= g.features }

// TooMany reports whether there are more entries than there is room for, so that nothing has been learned.
func (g *Gram) TooMany() bool { return g.tooMany }

// Partial begins a part of the next pass.
func (g *Gram) Partial(number, parts int) linear.Partial {
	return &gramSum{gram: g, pass: g.passes, rows: rows{Parts: []part{{Part: number}}}}
}

// Advance ends a pass. O(rows²·columns/2), and 32 MB beside the products.
func (g *Gram) Advance(sum linear.Partial) error {
	s, ok := sum.(*gramSum)
	if !ok || s.pass != g.passes {
		return errors.New("linear.dual: the sum is that of another learner or pass")
	}
	g.passes++
	if s.tooMany {
		g.tooMany = true
		return nil
	}
	n := s.rows.len()
	switch {
	case n == 0:
		return errors.New("no rows to learn from")
	case g.from == 0:
		g.rows, g.products = s.rows, jsontext.BitFloats(panel.NewTriangle(n))
	case n != g.rows.len():
		return fmt.Errorf("linear.dual: %d rows, and %d in the pass before", n, g.rows.len())
	}
	if s.sparse {
		g.addSparse(s)
		g.from = g.features
	} else {
		g.addBlock(s.values, n, min(g.block, g.features-g.from))
		g.from += g.block
	}
	for _, v := range g.products {
		if v-v != 0 {
			return errors.New("the products of rows overflow: standardise the features")
		}
	}
	return nil
}

// addBlock adds the products of n rows of so many columns, which it centres. Ranges of columns are summed up side by
// side, and always in the same order.
func (g *Gram) addBlock(x []float64, n, columns int) {
	var wait sync.WaitGroup
	sums := make([]panel.Triangle, ranges)
	for k := range sums {
		from, to := k*columns/ranges, (k+1)*columns/ranges
		if from == to {
			continue
		}
		wait.Go(func() {
			sums[k] = panel.NewTriangle(n)
			p := panel.NewPanels(n, panel.BlockRows(n))
			turned := make([]float64, p.Rows*n)
			for ; from < to; from += p.Rows {
				many := min(p.Rows, to-from)
				for i := range n {
					for j, v := range x[i*columns+from:][:many] {
						turned[j*n+i] = v
					}
				}
				for j := range many {
					column := turned[j*n:][:n]
					if g.centred() {
						centre(column)
					}
					p.PackRow(j, kernel.Row{Val: column})
				}
				sums[k].Syrk(n, p, p, many)
			}
		})
	}
	wait.Wait()
	for _, s := range sums {
		if s != nil {
			kernel.Add(1, s, g.products)
		}
	}
}

// centre takes the mean from numbers.
func centre(x []float64) {
	mean := 0.0
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for i := range x {
		x[i] -= mean
	}
}

// addSparse makes the products those of sparse rows.
func (g *Gram) addSparse(s *gramSum) {
	n, x := s.rows.len(), make([]float64, g.features)
	row := func(i int) kernel.Row {
		from, to := s.offsets[i], s.offsets[i+1]
		return kernel.Row{Idx: s.columns[from:to:to], Val: s.values[from:to:to]}
	}
	for i := range n {
		own := row(i)
		own.Add(1, x)
		to := panel.Triangle(g.products).Row(i, n)
		for k := i; k < n; k++ {
			if r := row(k); len(r.Val) > 0 {
				to[k-i] = r.Dot(x)
			}
		}
		for _, j := range own.Idx {
			x[j] = 0
		}
	}
	if !g.centred() {
		return
	}
	full := panel.Triangle(g.products).Full(n, n)
	means, all := make([]float64, n), 0.0
	for i := range n {
		for _, v := range full[i*n:][:n] {
			means[i] += v
		}
		means[i] /= float64(n)
		all += means[i]
	}
	all /= float64(n)
	for i := range n {
		to := panel.Triangle(g.products).Row(i, n)
		for k := range to {
			to[k] += all - means[i] - means[i+k]
		}
	}
}

// Reduced is the table whose optima are those of the rows, when all passes have been made, and how to go back from
// them. O(rows³/3).
func (g *Gram) Reduced() (*linear.Chunk, *Factor) {
	f := newFactor(panel.Triangle(g.products).Full(g.rows.len(), g.rows.len()), g.rows.len())
	return g.rows.chunk(f.table(), max(f.rank, 1), &g.options.Classes), f
}

// Weights is the learner of the weight vectors of optima of the reduced table, whose intercepts go with them.
func (g *Gram) Weights(f *Factor, coef [][]float64, intercept []float64) (*Weights, error) {
	if len(coef) == 0 || len(coef) != len(intercept) {
		return nil, errors.New("linear.dual: weight vectors without their intercepts")
	}
	w := &Weights{Scaler: g.Scaler, options: g.options, features: g.features, parts: g.rows.Parts,
		intercept: append(jsontext.BitFloats{}, intercept...)}
	for _, v := range coef {
		if len(v) != max(f.rank, 1) {
			return nil, fmt.Errorf("linear.dual: a weight vector of %d numbers, not %d", len(v), f.rank)
		}
		c := f.combination(v)
		if g.centred() {
			centre(c)
		}
		w.shares = append(w.shares, c)
	}
	return w, nil
}

// Factor is L of the products of rows, K = LLᵀ, by a Cholesky factor with pivoting (Higham: Accuracy and Stability of
// Numerical Algorithms, 2nd ed., section 10.3).
type Factor struct {
	n, rank int
	order   []int     // of the rows, by their pivots
	l       []float64 // n × n: the row of each, in that order
}

// newFactor factors a, n × n, and ends where what is left is rounding.
func newFactor(a []float64, n int) *Factor {
	f := &Factor{n: n, order: make([]int, n), l: make([]float64, n*n)}
	left, most := make([]float64, n), 0.0
	for i := range n {
		f.order[i], left[i] = i, a[i*n+i]
		most = max(most, left[i])
	}
	for l := f.l; f.rank < n; f.rank++ {
		k, best := f.rank, f.rank
		for i := k + 1; i < n; i++ {
			if left[i] > left[best] {
				best = i
			}
		}
		if !(left[best] > 16*kernel.Epsilon*float64(n)*most) {
			break
		}
		f.order[k], f.order[best] = f.order[best], f.order[k]
		left[k], left[best] = left[best], left[k]
		for j := range k {
			l[k*n+j], l[best*n+j] = l[best*n+j], l[k*n+j]
		}
		p, row := math.Sqrt(left[k]), l[k*n:k*n+k]
		l[k*n+k] = p
		for i := k + 1; i < n; i++ {
			v := (a[f.order[i]*n+f.order[k]] - kernel.Dot(l[i*n:i*n+k], row)) / p
			l[i*n+k] = v
			left[i] -= float64(v * v)
		}
	}
	return f
}

// table is the rows of L in the order of the rows, as long as the rank, but at least 1.
func (f *Factor) table() []float64 {
	d := max(f.rank, 1)
	x := make([]float64, f.n*d)
	for i, at := range f.order {
		copy(x[at*d:], f.l[i*f.n:][:f.rank])
	}
	return x
}

// combination is the c with Lᵀc = v of which only the first rows by their pivots have a share.
func (f *Factor) combination(v []float64) []float64 {
	c, b := make([]float64, f.n), append([]float64{}, v[:f.rank]...)
	for i := f.rank - 1; i >= 0; i-- {
		b[i] /= f.l[i*f.n+i]
		kernel.Add(-b[i], f.l[i*f.n:][:i], b[:i])
	}
	for i, v := range b {
		c[f.order[i]] = v
	}
	return c
}

// gramSum is a [linear.Partial] of a [Gram]: the columns of a pass of all rows.
type gramSum struct {
	gram    *Gram
	pass    int
	rows    rows
	values  []float64 // row by row; of sparse rows their entries
	sparse  bool
	columns []int32 // of the entries
	offsets []int   // of sparse rows: where each begins, and the last ends
	tooMany bool

	places []int32
}

// PartialFit adds rows.
func (s *gramSum) PartialFit(c *linear.Chunk) (err error) {
	g := s.gram
	if s.places, err = c.Encode(&g.options, g.features, g.Scaler, s.places); err != nil || c.Len() == 0 || s.tooMany {
		return err
	}
	if s.sparse != (c.Sparse != nil) && s.rows.len() > 0 || c.Sparse != nil && s.pass > 0 {
		return errMixed
	}
	s.rows.add(c, s.places, g.options.Task)
	rows := linear.NewRows(c, g.Scaler, nil)
	if s.sparse = c.Sparse != nil; s.sparse && s.offsets == nil {
		s.offsets = []int{0}
	}
	for i := range c.Len() {
		x := rows.At(i)
		if s.sparse {
			s.columns, s.values = append(s.columns, x.Idx...), append(s.values, x.Val...)
			s.offsets = append(s.offsets, len(s.values))
		} else {
			s.values = append(s.values, x.Val[g.from:min(g.from+g.block, g.features)]...)
		}
	}
	s.limit()
	return nil
}

var errMixed = errors.New("linear.dual: dense rows beside sparse ones")

// limit drops all that is more than there is room for.
func (s *gramSum) limit() {
	if s.tooMany || s.rows.len() > MaxRows || len(s.values) > room+MaxRows*ranges {
		*s = gramSum{gram: s.gram, pass: s.pass, tooMany: true}
	}
}

// Merge adds the rows of the next part.
func (s *gramSum) Merge(next linear.Partial) error {
	n, ok := next.(*gramSum)
	if !ok || n.pass != s.pass {
		return errors.New("linear.dual: cannot add what another learner or pass has summed up")
	}
	if s.rows.len() > 0 && n.rows.len() > 0 && s.sparse != n.sparse {
		return errMixed
	}
	if s.tooMany = s.tooMany || n.tooMany; !s.tooMany {
		if s.sparse = s.sparse || n.sparse; s.sparse && s.offsets == nil {
			s.offsets = []int{0}
		}
		for _, end := range n.offsets[min(1, len(n.offsets)):] {
			s.offsets = append(s.offsets, len(s.values)+end)
		}
		s.rows.merge(&n.rows)
		s.values, s.columns = append(s.values, n.values...), append(s.columns, n.columns...)
	}
	s.limit()
	return nil
}

// MarshalBinary writes the rows.
func (s *gramSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are of
// no use.
func (s *gramSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.dual: the bytes are no rows of this pass: %w", err)
	}
	return nil
}

func (s *gramSum) fields(c *wire.Codec) {
	g := s.gram
	c.Pass(s.pass)
	c.Flag(&s.tooMany, &s.sparse)
	s.rows.fields(c)
	c.List(&s.values)
	if s.sparse {
		s.entries(c)
	}
	if !c.Reading() || !c.OK() {
		return
	}
	c.Fail(s.rows.check(g.options.Task, g.options.Classes.Len()))
	c.CheckFinite(s.values)
	if !s.sparse {
		c.Check(len(s.values) == s.rows.len()*min(g.block, max(g.features-g.from, 0)), "the columns of all rows")
	}
}

// entries are the columns of sparse rows.
func (s *gramSum) entries(c *wire.Codec) {
	n := c.Len(len(s.columns), 1)
	ends := c.Len(len(s.offsets), 1)
	c.Check(n == len(s.values) && ends == s.rows.len()+1, "a column for each entry, and an end of each row")
	if c.Reading() && c.OK() {
		s.columns, s.offsets = make([]int32, n), make([]int, ends)
	}
	for i := range s.columns {
		j := int(s.columns[i])
		c.Int(&j)
		c.Check(j < s.gram.features, "columns of the features")
		s.columns[i] = int32(j)
	}
	last := 0
	for i := range s.offsets {
		c.Int(&s.offsets[i])
		c.Check(s.offsets[i] >= last && (i > 0 || s.offsets[i] == 0), "rows that follow each other")
		last = s.offsets[i]
	}
	c.Check(!c.OK() || last == n, "entries of all rows")
}

// fields are those of a Gram's JSON.
func (g *Gram) fields() jsontext.Object {
	return jsontext.Object{
		{Name: "task", Value: &g.options.Task},
		{Name: "hyperparameters", Value: &g.options},
		{Name: "classes", Value: &g.options.Classes},
		{Name: "features", Value: &g.features},
		{Name: "scaler", Value: &g.Scaler},
		{Name: "block", Value: &g.block},
		{Name: "from", Value: &g.from},
		{Name: "passes", Value: &g.passes},
		{Name: "rows", Value: &g.rows},
		{Name: "products", Value: &g.products},
		{Name: "too_many", Value: &g.tooMany},
	}
}

// MarshalJSON writes the whole state, bit by bit.
func (g *Gram) MarshalJSON() ([]byte, error) { return g.fields().MarshalJSON() }

// UnmarshalJSON reads what MarshalJSON writes. It takes memory in proportion to the text.
func (g *Gram) UnmarshalJSON(b []byte) error {
	var s Gram
	// The options have their task and classes beside them.
	if err := s.fields().UnmarshalJSON(b); err != nil {
		return err
	}
	p, err := NewGram(s.options, s.features, 1)
	if err != nil {
		return err
	}
	if s.passes < 0 || s.from < 0 || s.block < 1 || s.block > s.features ||
		len(s.products) != s.rows.len()*(s.rows.len()+1)/2 {
		return errState
	}
	if err := s.rows.check(s.options.Task, s.options.Classes.Len()); err != nil {
		return err
	}
	s.options = p.options
	*g = s
	return nil
}

var errState = errors.New("linear.dual: a state that contradicts itself")
