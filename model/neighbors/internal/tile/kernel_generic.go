package tile

import (
	"math"
	"unsafe"
)

// columns is the list, one a row, that an argument points to, for the p-th panel.
func columns(first *float32, p int) []float32 {
	return unsafe.Slice(first, (p+1)*Columns)[p*Columns:]
}

// fma is a·b+c, rounded once or, where float64 cannot hold it, twice.
func fma(a, b, c float32) float32 { return float32(math.FMA(float64(a), float64(b), float64(c))) }

// byteScores writes S − Halves for the p-th panel.
func byteScores(a *Args, p int, out *[Rows][Columns]float32) {
	scales, halves := columns(a.Scales, p), columns(a.Halves, p)
	queries := unsafe.Slice((*int8)(a.Queries), ((a.Words-1)*Columns+Rows)*4)
	panel := unsafe.Slice((*int8)(a.Panels), (p+1)*a.Words*Columns*4)[p*a.Words*Columns*4:]
	for i := range Rows {
		for j := range Columns {
			var sum int32
			for w := range a.Words {
				x, y := queries[(w*Columns+i)*4:][:4], panel[(w*Columns+j)*4:][:4]
				sum += int32(x[0])*int32(y[0]) + int32(x[1])*int32(y[1]) + int32(x[2])*int32(y[2]) + int32(x[3])*int32(y[3])
			}
			out[i][j] = fma(float32(sum)*scales[j], a.QScales[i], -halves[j])
		}
	}
}

// distanceScores writes S − Halves for the p-th panel, where S is a distance that add makes of the components'
// differences, without their signs, one by one.
func distanceScores(add func(sum, difference int32) int32) func(*Args, int, *[Rows][Columns]float32) {
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

func hits(a *Args, scores func(*Args, int, *[Rows][Columns]float32)) int {
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
			found[n] = hit
			n++
		}
	}
	return n
}

func raise(a *Args, scores func(*Args, int, *[Rows][Columns]float32)) {
	best := unsafe.Slice(a.Best, Rows*Columns)
	var s [Rows][Columns]float32
	for p := range a.NPanels {
		scores(a, p, &s)
		for i := range Rows {
			for j, v := range s[i] {
				if v > best[i*Columns+j] {
					best[i*Columns+j] = v
				}
			}
		}
	}
}

func genericTile(scores func(*Args, int, *[Rows][Columns]float32)) *Tile {
	return &Tile{
		Find: func(a *Args) int { return hits(a, scores) },
		Best: func(a *Args) { raise(a, scores) },
	}
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
			out[p] = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
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
