// Package panel has blocks of rows in panels of four columns, and the triangles of products that are summed up from
// them.
package panel

import (
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
)

// Panels is a block of rows with their columns in groups of four: the value of row r in column j stands at
// ((j/4)·rows + r)·4 + j%4. Columns that fill up the last group are zero. All sums over the rows of a block run in
// their order, and every product is rounded before it is added (see kernel.go).
type Panels struct {
	cols, Rows int // rows is how many there is room for
	x          []float64
	// Scratch, as what a kernel takes would be allocated each time.
	products [64]float64
	eight    [8]float64
	four     [4]float64
}

// BlockRows is the number of rows of a block: its values fit the second-level cache, those of 40 columns the first.
func BlockRows(features int) int { return max(8, min(128, 1<<17/features)) }

func NewPanels(cols, rows int) *Panels {
	return &Panels{cols: cols, Rows: rows, x: make([]float64, (cols+3)/4*4*rows)}
}

// All is the numbers of all rows that there is room for.
func (p *Panels) All() []float64 { return p.x }

func (p *Panels) Groups() int { return (p.cols + 3) / 4 }

// group is the first n rows of the columns from 4g on.
func (p *Panels) group(g, n int) []float64 { return p.x[g*p.Rows*4:][:n*4] }

// Pairs is the products of four columns beside the panels, of which row r has those from x[4r] on, and of the columns
// from 4g on.
func (p *Panels) Pairs(x []float64, g, n int) *[16]float64 {
	t := (*[16]float64)(p.products[:])
	lanes.Best().Products(x, p.group(g, n), t)
	return t
}

// Pack makes row i of the chunk row r of the block.
func (p *Panels) Pack(r int, c *linear.Chunk, i int) {
	d := p.cols
	switch {
	case c.Sparse != nil:
		for at := r * 4; at < p.Groups()*p.Rows*4; at += p.Rows * 4 {
			*(*[4]float64)(p.x[at:]) = [4]float64{}
		}
		for e := c.Sparse.Offsets[i]; e < c.Sparse.Offsets[i+1]; e++ {
			j := int(c.Sparse.Indices[e])
			p.x[(j/4*p.Rows+r)*4+j%4] = c.Sparse.Values[e]
		}
	case c.X != nil:
		packRow(p.x, r*4, p.Rows*4, c.X[i*d:(i+1)*d])
	default:
		packRow(p.x, r*4, p.Rows*4, c.X32[i*d:(i+1)*d])
	}
}

// Columns is how many there are.
func (p *Panels) Columns() int { return p.cols }

// Copy makes the rows those of q, of the same shape.
func (p *Panels) Copy(q *Panels) { copy(p.x, q.x) }

// PackRow makes a row row r of the block.
func (p *Panels) PackRow(r int, x kernel.Row) {
	if x.Idx == nil {
		packRow(p.x, r*4, p.Rows*4, x.Val)
		return
	}
	for at := r * 4; at < p.Groups()*p.Rows*4; at += p.Rows * 4 {
		*(*[4]float64)(p.x[at:]) = [4]float64{}
	}
	for e, j := range x.Idx {
		p.x[(int(j)/4*p.Rows+r)*4+int(j)%4] = x.Val[e]
	}
}

func packRow[T float32 | float64](dst []float64, at, stride int, x []T) {
	for len(x) >= 4 {
		a, b := (*[4]float64)(dst[at:]), (*[4]T)(x)
		a[0], a[1], a[2], a[3] = float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])
		x, at = x[4:], at+stride
	}
	for j, v := range x {
		dst[at+j] = float64(v)
	}
}

// at4 is w[4g:4g+4], with zeros beyond its end.
func at4(w []float64, g int) (v [4]float64) {
	copy(v[:], w[min(4*g, len(w)):])
	return v
}

// Subtract takes m from each of the first n rows.
func (p *Panels) Subtract(m []float64, n int) {
	for g := range p.Groups() {
		p.four = at4(m, g)
		lanes.Best().Subtract(p.group(g, n), &p.four)
	}
}

// Centre makes n rows of a dense chunk, from row i on, the first of the block, takes m from each, and sums up what is
// left.
func (p *Panels) Centre(c *linear.Chunk, i int, m, dst []float64, n int) {
	d, kernels := p.cols, lanes.Best()
	for g := range d / 4 {
		p.four = at4(m, g)
		if at, to := i*d+4*g, (*[4]float64)(dst[4*g:]); c.X != nil {
			kernels.Centre64(c.X[at:], d, &p.four, p.group(g, n), to)
		} else {
			kernels.Centre32(c.X32[at:], d, &p.four, p.group(g, n), to)
		}
	}
	if whole := d / 4 * 4; whole < d { // columns beyond the last four
		s, x, sums := at4(m, d/4), p.group(d/4, n), [4]float64{}
		for r := range n {
			for j := whole; j < d; j++ {
				var v float64
				if at := (i+r)*d + j; c.X != nil {
					v = c.X[at]
				} else {
					v = float64(c.X32[at])
				}
				v -= s[j-whole]
				x[4*r+j-whole] = v
				sums[j-whole] += v
			}
		}
		copy(dst[whole:], sums[:])
	}
}

// Multiply multiplies each of the first n rows by s.
func (p *Panels) Multiply(s []float64, n int) {
	for g := range p.Groups() {
		s := at4(s, g)
		for x := p.group(g, n); len(x) >= 4; x = x[4:] {
			v := (*[4]float64)(x)
			v[0] *= s[0]
			v[1] *= s[1]
			v[2] *= s[2]
			v[3] *= s[3]
		}
	}
}

// Sums adds up the first n rows, weighted unless weights are nil.
func (p *Panels) Sums(dst, weights []float64, n int) {
	for g := range p.Groups() {
		var l0, l1, l2, l3 float64
		x := p.group(g, n)
		if weights == nil {
			for ; len(x) >= 4; x = x[4:] {
				v := (*[4]float64)(x)
				l0 += v[0]
				l1 += v[1]
				l2 += v[2]
				l3 += v[3]
			}
		} else {
			for r := 0; len(x) >= 4; r, x = r+1, x[4:] {
				v, w := (*[4]float64)(x), weights[r]
				l0 += float64(w * v[0])
				l1 += float64(w * v[1])
				l2 += float64(w * v[2])
				l3 += float64(w * v[3])
			}
		}
		s := [4]float64{l0, l1, l2, l3}
		copy(dst[4*g:], s[:])
	}
}

// Weigh makes the first n rows those of x, each times its weight.
func (p *Panels) Weigh(x *Panels, weights []float64, n int) {
	for g := range p.Groups() {
		lanes.Best().WeighRows(x.group(g, n), weights[:n], p.group(g, n))
	}
}

// AddRows adds to dst the sum over the first n rows of each times its number in s.
func (p *Panels) AddRows(dst, s []float64, n int) {
	for g := range p.Groups() {
		lanes.Best().SumRows(p.group(g, n), s[:n], &p.four)
		addFour(dst, g, p.cols, p.four[:])
	}
}

// WeighSums is Weigh, and adds to dst what AddRows of x does, and to weighed the sum of what becomes of the rows.
func (p *Panels) WeighSums(x *Panels, s, weights, dst, weighed []float64, n int) {
	for g := range p.Groups() {
		lanes.Best().WeighSums(x.group(g, n), s[:n], weights[:n], p.group(g, n), &p.eight)
		addFour(dst, g, p.cols, p.eight[:4])
		addFour(weighed, g, p.cols, p.eight[4:])
	}
}

// AddRow adds f times row r to dst.
func (p *Panels) AddRow(dst []float64, r int, f float64) {
	at, dst := r*4, dst[:p.cols]
	for len(dst) >= 4 {
		a, b := (*[4]float64)(p.x[at:]), (*[4]float64)(dst)
		b[0] += float64(f * a[0])
		b[1] += float64(f * a[1])
		b[2] += float64(f * a[2])
		b[3] += float64(f * a[3])
		dst, at = dst[4:], at+4*p.Rows
	}
	for j := range dst {
		dst[j] += float64(f * p.x[at+j])
	}
}

// addFour adds sums of the columns from 4g on.
func addFour(dst []float64, g, cols int, sums []float64) {
	for j, v := range sums[:min(4, cols-4*g)] {
		dst[4*g+j] += v
	}
}

// Dots makes dst[r] the product of row r and w, for as many rows as dst has.
func (p *Panels) Dots(dst, w []float64) {
	clear(dst)
	for g := range p.Groups() {
		p.four = at4(w, g)
		lanes.Best().DotRows(p.group(g, len(dst)), &p.four, dst)
	}
}

// Syrk adds zᵀx, over the first n rows, to the upper triangle of a matrix of the given width (see [triangle]). z is x
// with weighted rows, or x itself.
func (t Triangle) Syrk(width int, z, x *Panels, n int) {
	kernels := lanes.Best()
	for g := range x.Groups() {
		a := z.group(g, n)
		h := g
		for ; h+3 < x.Groups(); h += 4 {
			kernels.FourProducts(a, x.x[h*x.Rows*4:], x.Rows*4, &x.products)
			t.add(width, x.cols, 4*g, 4*h, 16, x.products[:])
		}
		for ; h < x.Groups(); h++ {
			kernels.Products(a, x.group(h, n), (*[16]float64)(x.products[:]))
			t.add(width, x.cols, 4*g, 4*h, 4, x.products[:])
		}
	}
}

// add adds products of the four rows from i on and so many columns from k ≥ i on, but for those left of the diagonal.
func (t Triangle) add(width, cols, i, k, many int, products []float64) {
	for end := min(i+4, cols); i < end; i++ {
		first, last := max(k, i), min(k+many, cols)
		row := t.Row(i, width)[first-i : last-i]
		for j, v := range products[first-k : last-k] {
			row[j] += v
		}
		products = products[many:]
	}
}

// Triangle is the upper triangle of a symmetric matrix, row by row from the diagonal on.
type Triangle []float64

func NewTriangle(width int) Triangle { return make(Triangle, width*(width+1)/2) }

// Row is row i, from the diagonal on.
func (t Triangle) Row(i, width int) []float64 {
	at := i*width - i*(i-1)/2
	return t[at : at+width-i]
}

// Full is the leading n rows and columns as a matrix, n × n.
func (t Triangle) Full(n, width int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		for k, v := range t.Row(i, width)[:n-i] {
			a[i*n+i+k], a[(i+k)*n+i] = v, v
		}
	}
	return a
}

// AddProducts adds f·vvᵀ, where v has the values val at idx, which ascend.
func AddProducts(t Triangle, width int, f float64, idx []int32, val []float64) {
	for a, i := range idx {
		fv := f * val[a]
		row := t.Row(int(i), width)
		for b := a; b < len(idx); b++ {
			row[idx[b]-i] += float64(fv * val[b])
		}
	}
}
