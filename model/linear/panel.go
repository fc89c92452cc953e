package linear

// panels is a block of rows with their columns in groups of four: the value of row r in column j stands at
// ((j/4)·rows + r)·4 + j%4. Columns that fill up the last group are zero. All sums over the rows of a block run in their order,
// and every product is rounded before it is added (see kernel.go).
type panels struct {
	cols, rows int // rows is how many there is room for
	x          []float64
}

// blockRows is the number of rows of a block: its values fit the second-level cache, those of 40 columns the first.
func blockRows(features int) int { return max(8, min(128, 1<<17/features)) }

func newPanels(cols, rows int) *panels {
	return &panels{cols, rows, make([]float64, (cols+3)/4*4*rows+4)}
}

func (p *panels) groups() int { return (p.cols + 3) / 4 }

// group is the first n rows of the columns from 4g+offset on.
func (p *panels) group(g, n, offset int) []float64 { return p.x[g*p.rows*4+offset:][:n*4] }

// pack makes row i of the chunk row r of the block.
func (p *panels) pack(r int, c *Chunk, i int) {
	d := p.cols
	switch {
	case c.Sparse != nil:
		for at := r * 4; at < p.groups()*p.rows*4; at += p.rows * 4 {
			*(*[4]float64)(p.x[at:]) = [4]float64{}
		}
		for e := c.Sparse.Offsets[i]; e < c.Sparse.Offsets[i+1]; e++ {
			j := int(c.Sparse.Indices[e])
			p.x[(j/4*p.rows+r)*4+j%4] = c.Sparse.Values[e]
		}
	case c.X != nil:
		packRow(p.x, r*4, p.rows*4, c.X[i*d:(i+1)*d])
	default:
		packRow(p.x, r*4, p.rows*4, c.X32[i*d:(i+1)*d])
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

// subtract takes m from each of the first n rows.
func (p *panels) subtract(m []float64, n int) {
	for g := range p.groups() {
		s := at4(m, g)
		for x := p.group(g, n, 0); len(x) >= 4; x = x[4:] {
			v := (*[4]float64)(x)
			v[0] -= s[0]
			v[1] -= s[1]
			v[2] -= s[2]
			v[3] -= s[3]
		}
	}
}

// subtractAndSum is subtract and then sums, without weights.
func (p *panels) subtractAndSum(m, dst []float64, n int) {
	for g := range p.groups() {
		var l0, l1, l2, l3 float64
		s := at4(m, g)
		for x := p.group(g, n, 0); len(x) >= 4; x = x[4:] {
			v := (*[4]float64)(x)
			v0, v1, v2, v3 := v[0]-s[0], v[1]-s[1], v[2]-s[2], v[3]-s[3]
			v[0], v[1], v[2], v[3] = v0, v1, v2, v3
			l0 += v0
			l1 += v1
			l2 += v2
			l3 += v3
		}
		l := [4]float64{l0, l1, l2, l3}
		copy(dst[4*g:], l[:])
	}
}

// multiply multiplies each of the first n rows by s.
func (p *panels) multiply(s []float64, n int) {
	for g := range p.groups() {
		s := at4(s, g)
		for x := p.group(g, n, 0); len(x) >= 4; x = x[4:] {
			v := (*[4]float64)(x)
			v[0] *= s[0]
			v[1] *= s[1]
			v[2] *= s[2]
			v[3] *= s[3]
		}
	}
}

// sums adds up the first n rows, weighted unless weights are nil.
func (p *panels) sums(dst, weights []float64, n int) {
	for g := range p.groups() {
		var l0, l1, l2, l3 float64
		x := p.group(g, n, 0)
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

// weigh makes the first n rows those of x, each times its weight.
func (p *panels) weigh(x *panels, weights []float64, n int) {
	for g := range p.groups() {
		from, to := x.group(g, n, 0), p.group(g, n, 0)
		for r := 0; len(from) >= 4 && len(to) >= 4; r, from, to = r+1, from[4:], to[4:] {
			a, b, w := (*[4]float64)(from), (*[4]float64)(to), weights[r]
			b[0], b[1], b[2], b[3] = w*a[0], w*a[1], w*a[2], w*a[3]
		}
	}
}

// dots makes dst[r] the product of row r and w, for as many rows as dst has.
func (p *panels) dots(dst, w []float64) {
	clear(dst)
	for g := range p.groups() {
		w, x := at4(w, g), p.group(g, len(dst), 0)
		for r := range dst {
			if len(x) < 4 {
				return
			}
			v := (*[4]float64)(x)
			dst[r] += (float64(v[0]*w[0]) + float64(v[1]*w[1])) + (float64(v[2]*w[2]) + float64(v[3]*w[3]))
			x = x[4:]
		}
	}
}

// squares adds to dst the sum over the first n rows of weight times the square of each column.
func (p *panels) squares(dst, weights []float64, n int) {
	for g := range p.groups() {
		x, s := p.group(g, n, 0), at4(dst, g)
		for r := 0; len(x) >= 4; r, x = r+1, x[4:] {
			v, w := (*[4]float64)(x), weights[r]
			s[0] += float64(w * float64(v[0]*v[0]))
			s[1] += float64(w * float64(v[1]*v[1]))
			s[2] += float64(w * float64(v[2]*v[2]))
			s[3] += float64(w * float64(v[3]*v[3]))
		}
		copy(dst[4*g:min(4*g+4, p.cols)], s[:])
	}
}

// syrk adds zᵀx, over the first n rows, to the upper triangle of a matrix of the given width (see [triangle]). z is x with
// weighted rows, or x itself.
func (t triangle) syrk(width int, z, x *panels, n int) {
	for g := range x.groups() {
		for half := 0; half < 4 && 4*g+half < x.cols; half += 2 {
			i := 4*g + half
			a := z.group(g, n, half)
			first := t.row(i, width)
			second := first[:0] // of the last column of an odd number
			if i+1 < x.cols {
				second = t.row(i+1, width)
			}
			h := g
			if half == 2 { // what stands left of the diagonal is not needed
				c := tile2(a, x.group(g, n, 2))
				first[0] += c[0]
				if len(second) > 0 {
					first[1] += c[1]
					second[0] += c[3]
				}
				h++
			}
			for ; h < x.groups(); h++ {
				var c [8]float64
				tile(a, x.group(h, n, 0), &c)
				k := 4*h - i // of column 4h in the first row; the second begins one later
				if k > 0 && 4*h+4 <= x.cols {
					f, s := (*[4]float64)(first[k:]), (*[4]float64)(second[k-1:])
					f[0] += c[0]
					f[1] += c[1]
					f[2] += c[2]
					f[3] += c[3]
					s[0] += c[4]
					s[1] += c[5]
					s[2] += c[6]
					s[3] += c[7]
					continue
				}
				for l := range min(4, x.cols-4*h) {
					first[k+l] += c[l]
					if k+l > 0 && len(second) > 0 {
						second[k+l-1] += c[4+l]
					}
				}
			}
		}
	}
}

// tile is the products of two columns of a and four of b: 2 × 4. Its accumulators and operands fit the 15 registers that Go
// has for them on amd64; 4 × 4 do not, and take twice the time.
func tile(a, b []float64, t *[8]float64) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float64
	a = a[:len(b)]
	for i := 0; i+4 <= len(b); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		p, q := x[0], x[1]
		b0, b1, b2, b3 := y[0], y[1], y[2], y[3]
		c00 += float64(p * b0)
		c01 += float64(p * b1)
		c02 += float64(p * b2)
		c03 += float64(p * b3)
		c10 += float64(q * b0)
		c11 += float64(q * b1)
		c12 += float64(q * b2)
		c13 += float64(q * b3)
	}
	*t = [8]float64{c00, c01, c02, c03, c10, c11, c12, c13}
}

// tile2 is the products of two columns of each: 2 × 2.
func tile2(a, b []float64) [4]float64 {
	var c00, c01, c10, c11 float64
	a = a[:len(b)]
	for i := 0; i+4 <= len(b); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		p, q, b0, b1 := x[0], x[1], y[0], y[1]
		c00 += float64(p * b0)
		c01 += float64(p * b1)
		c10 += float64(q * b0)
		c11 += float64(q * b1)
	}
	return [4]float64{c00, c01, c10, c11}
}

// triangle is the upper triangle of a symmetric matrix, row by row from the diagonal on.
type triangle []float64

func newTriangle(width int) triangle { return make(triangle, width*(width+1)/2) }

// row is row i, from the diagonal on.
func (t triangle) row(i, width int) []float64 {
	at := i*width - i*(i-1)/2
	return t[at : at+width-i]
}

// full is the leading n rows and columns as a matrix, n × n.
func (t triangle) full(n, width int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		for k, v := range t.row(i, width)[:n-i] {
			a[i*n+i+k], a[(i+k)*n+i] = v, v
		}
	}
	return a
}
