package tile

import (
	"math"
	"unsafe"
)

// columns is the list, one a row, that an argument points to, for the p-th panel.
func columns(first *float32, p int) []float32 {
	return unsafe.Slice(first, (p+1)*Columns)[p*Columns:]
}

// fma is a·b+c, rounded once: in float64 the product is exact, and a sum that is not is made odd in its last bit, so
// that float32 rounds it as it would the exact one (Boldo and Melquiond, IEEE Transactions on Computers 57, 2008).
func fma(a, b, c float32) float32 {
	p, d := float64(float64(a)*float64(b)), float64(c)
	s := p + d
	if s-s != 0 {
		return float32(s)
	}
	t := s - p
	missing := (p - (s - t)) + (d - t)
	if bits := math.Float64bits(s); missing != 0 && bits&1 == 0 {
		if (missing > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// A scorer writes S − Halves for the p-th panel.
type scorer func(a *Args, p int, out *[Rows][Columns]float32)

// byteScores writes S − Halves for the p-th panel.
func byteScores(a *Args, p int, out *[Rows][Columns]float32) {
	queries := unsafe.Slice((*int8)(a.Queries), ((a.Words-1)*Columns+Rows)*4)
	panel := unsafe.Slice((*int8)(a.Panels), (p+1)*a.Words*Columns*4)[p*a.Words*Columns*4:]
	var sums [Rows][Columns]int32
	for i := range Rows {
		for j := range Columns {
			for w := range a.Words {
				x, y := queries[(w*Columns+i)*4:][:4], panel[(w*Columns+j)*4:][:4]
				sums[i][j] += int32(x[0])*int32(y[0]) + int32(x[1])*int32(y[1]) + int32(x[2])*int32(y[2]) + int32(x[3])*int32(y[3])
			}
		}
	}
	a.scoreSums(p, &sums, out)
}

// distanceScores writes S − Halves for the p-th panel, where S is a distance that add makes of the components'
// differences, without their signs, one by one.
func distanceScores(add func(sum, difference int32) int32) scorer {
	return func(a *Args, p int, out *[Rows][Columns]float32) {
		halves := columns(a.Halves, p)
		queries := unsafe.Slice((*int8)(a.Queries), ((a.Words-1)*Columns+Rows)*4)
		panel := unsafe.Slice((*int8)(a.Panels), (p+1)*a.Words*Columns*4)[p*a.Words*Columns*4:]
		for i := range Rows {
			for j := range Columns {
				var sum int32
				for w := range a.Words {
					for c := range 4 {
						d := int32(queries[(w*Columns+i)*4+c]) - int32(panel[(w*Columns+j)*4+c])
						sum = add(sum, max(d, -d))
					}
				}
				out[i][j] = fma(float32(sum), a.QScales[i], -halves[j])
			}
		}
	}
}

func float32Scores(a *Args, p int, out *[Rows][Columns]float32) {
	halves := columns(a.Halves, p)
	queries := unsafe.Slice((*float32)(a.Queries), (a.Words-1)*Columns+Rows)
	panel := unsafe.Slice((*float32)(a.Panels), (p+1)*a.Words*Columns)[p*a.Words*Columns:]
	for i := range Rows {
		for j := range Columns {
			var sum float32
			for w := range a.Words {
				sum = fma(queries[w*Columns+i], panel[w*Columns+j], sum)
			}
			out[i][j] = sum - halves[j]
		}
	}
}

func hits(a *Args, scores scorer, scored bool) int {
	found := unsafe.Slice(a.Hits, a.NPanels+1)
	margins := unsafe.Slice(a.Margins, 2*a.NPanels)
	var s [Rows][Columns]float32
	n := 0
	for p := range a.NPanels {
		scores(a, p, &s)
		ca, cb, cc := columns(a.A, p), columns(a.B, p), columns(a.C, p)
		hit := Hit{Panel: int64(p)}
		any := false
		for i := range Rows {
			row := fma(a.QC[i], margins[2*p+1], fma(a.QB[i], margins[2*p], a.QA[i]))
			for j := range Columns {
				limit := fma(cc[j], a.QMargin[1], fma(cb[j], a.QMargin[0], ca[j]))
				if limit < row {
					limit = row
				}
				if !(s[i][j]+limit < a.QHalves[i]) {
					hit.Masks[i] |= 1 << j
					any = true
				}
			}
		}
		if any {
			if scored {
				for i := range s {
					copy(unsafe.Slice(a.Best, Rows*Columns)[i*Columns:], s[i][:])
				}
				a.Best = (*float32)(unsafe.Add(unsafe.Pointer(a.Best), 4*Rows*Columns))
			}
			found[n] = hit
			n++
		}
	}
	return n
}

func raise(a *Args, scores scorer, numbered bool) {
	best := unsafe.Slice(a.Best, Rows*Columns)
	var s [Rows][Columns]float32
	for p := range a.NPanels {
		scores(a, p, &s)
		for i := range Rows {
			for j, v := range s[i] {
				if numbered {
					v = math.Float32frombits(math.Float32bits(v)&^(1<<PanelBits-1) | uint32(a.Number+p))
				}
				if v > best[i*Columns+j] {
					best[i*Columns+j] = v
				}
			}
		}
	}
}

func genericTile(scores scorer) *Tile {
	return &Tile{
		Find: func(a *Args) int { return hits(a, scores, false) },
		Best: func(a *Args) { raise(a, scores, false) },
	}
}

func genericBytes(scores scorer) *Tile {
	t := genericTile(scores)
	t.Scored = func(a *Args) int { return hits(a, scores, true) }
	t.BestPanel = func(a *Args) { raise(a, scores, true) }
	t.FindBatch = func(b *Batch) {
		b.each(func(a *Args, scores scorer) {
			a.Hits = (*Hit)(unsafe.Add(unsafe.Pointer(a.Hits), uintptr(hits(a, scores, false))*unsafe.Sizeof(Hit{})))
		})
	}
	t.BestBatch = func(b *Batch) {
		b.each(func(a *Args, scores scorer) { raise(a, scores, false) })
	}
	t.BestPanelBatch = func(b *Batch) {
		b.each(func(a *Args, scores scorer) { raise(a, scores, true) })
	}
	return t
}

// each calls do for each group of a batch, with what makes scores of its packed rows as AMX does: the sums of the
// products of a block of words after the other.
func (b *Batch) each(do func(a *Args, scores scorer)) {
	words, panels := b.Args[0].Words, b.Args[0].Panels
	depth := min(words, block)
	packed := unsafe.Slice((*int8)(b.packed), Groups*Rows*b.blocks*block*4)
	for g := range b.count {
		do(&b.Args[g], func(a *Args, p int, out *[Rows][Columns]float32) {
			panel := unsafe.Slice((*int8)(panels), (p+1)*words*Columns*4)[p*words*Columns*4:]
			var sums [Rows][Columns]int32
			for n := range b.blocks {
				first := min(n*block*Columns*4, b.last)
				for i := range Rows {
					row := packed[((n*Groups+g)*Rows+i)*block*4:][:4*depth]
					for c, x := range row {
						for j := range Columns {
							sums[i][j] += int32(x) * int32(panel[first+(c/4*Columns+j)*4+c%4])
						}
					}
				}
			}
			a.scoreSums(p, &sums, out)
		})
	}
}

// scoreSums writes S − Halves for the p-th panel, of int8.
func (a *Args) scoreSums(p int, sums *[Rows][Columns]int32, out *[Rows][Columns]float32) {
	scales, halves := columns(a.Scales, p), columns(a.Halves, p)
	for i := range Rows {
		for j, sum := range sums[i] {
			out[i][j] = fma(float32(sum)*scales[j], a.QScales[i], -halves[j])
		}
	}
}

func centreGeneric(x, centre []float32, factor float32, y []float32, _ *float32) uint32 {
	most := uint32(0)
	for j, v := range x {
		v = float32(v*factor) - centre[j]
		y[j] = v
		most = max(most, math.Float32bits(v)&^(1<<31))
	}
	clear(y[len(x) : (len(x)+15)/16*16])
	return most
}

func roundGeneric(y []float32, inverse float32, q []int8) (sum, squares int32) {
	// Added to less than 2²², it rounds to an integer in the low bits.
	const shift = 0x1.8p23
	for j, v := range y {
		n := int32(math.Float32bits(float32(v*inverse)+shift)&(1<<23-1)) - 1<<22
		n = min(max(n, -127), 127)
		q[j] = int8(n)
		sum += n
		squares += n * n
	}
	return sum, squares
}

func missingGeneric(y []float32, scale float32, q []int8) (miss, squares float32) {
	for j, v := range y {
		d := fma(-scale, float32(q[j]), v)
		miss += float32(d * d)
		squares += float32(v * v)
	}
	return miss, squares
}

func widenGeneric(x []float32, y []float64) {
	for j, v := range x {
		y[j] = float64(v)
	}
}

func centre64Generic(x, centre []float64, factor float64, y []float64) uint64 {
	most := uint64(0)
	for j, v := range x {
		v = (v - centre[j]) * factor
		y[j] = v
		most = max(most, math.Float64bits(v)&^(1<<63))
	}
	clear(y[len(x) : (len(x)+7)/8*8])
	return most
}

func round64Generic(y []float64, inverse, scale float64, q []int8) (sum, squares int32, miss, square float64) {
	// Added to less than 2³¹, it rounds to an integer in the low bits.
	const shift = 0x1.8p52
	var lost, all [8]float64
	for j, v := range y {
		n := int32(math.Float64bits(float64(v*inverse) + shift))
		n = min(max(n, -127), 127)
		q[j] = int8(n)
		sum += n
		squares += n * n
		d := v - float64(float64(n)*scale)
		lost[j%8] += float64(d * d)
		all[j%8] += float64(v * v)
	}
	return sum, squares, addLanes(&lost), addLanes(&all)
}

// addLanes adds up the lanes of a sum, in the order of the assembly.
func addLanes(l *[8]float64) float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// The pair kernels repeat the definitions of package neighbors, whose tests compare them.

func genericPairs[X, Y float32 | float64]() PairKernels[X, Y] {
	add := func(l *[8]float64, j int, term float64) { l[j%8] += term }
	return PairKernels[X, Y]{
		Squares: eachPair[X, Y](func(l *[8]float64, j int, x, y, _ float64) {
			d := x - y
			add(l, j, float64(d*d))
		}),
		ScaledSquares: eachPair[X, Y](func(l *[8]float64, j int, x, y, scale float64) {
			d := x - float64(y*scale)
			add(l, j, float64(d*d))
		}),
		Products:  eachPair[X, Y](func(l *[8]float64, j int, x, y, _ float64) { add(l, j, float64(x*y)) }),
		Manhattan: eachPair[X, Y](func(l *[8]float64, j int, x, y, _ float64) { add(l, j, math.Abs(x-y)) }),
		Chebyshev: eachPair[X, Y](func(l *[8]float64, _ int, x, y, _ float64) {
			if d := math.Abs(x - y); d > l[0] {
				l[0] = d
			}
		}),
		Hamming: eachPair[X, Y](func(l *[8]float64, _ int, x, y, _ float64) {
			if x != y {
				l[0]++
			}
		}),
	}
}

// eachPair makes a kernel of a function that takes one component after the other into eight lanes.
func eachPair[X, Y float32 | float64](take func(l *[8]float64, j int, x, y, scale float64)) Pairs[X, Y] {
	return func(x []X, y []Y, dim int, scales []float64, pairs []uint64, out []float64) {
		for p, pair := range pairs {
			q, point := int(uint32(pair)), int(pair>>32)
			a, b := x[q*dim:][:dim], y[point*dim:][:dim]
			scale := 1.0
			if scales != nil {
				scale = scales[point]
			}
			var l [8]float64
			for j := range a {
				take(&l, j, float64(a[j]), float64(b[j]), scale)
			}
			out[p] = addLanes(&l)
		}
	}
}

func screenGeneric(x, y []float32, dim int, pairs []uint64, out []float32) {
	for p, pair := range pairs {
		a, b := x[int(uint32(pair))*dim:][:dim], y[int(pair>>32)*dim:][:dim]
		var sum float32
		for j := range a {
			d := a[j] - b[j]
			sum = fma(d, d, sum)
		}
		out[p] = sum
	}
}
