package kernel

import "beamlearn/model/internal/simd"

//go:generate go -C ../../linear/_asm run ./rows -out ../../internal/kernel/rows_amd64.s -stubs ../../internal/kernel/rows_stubs_amd64.go -pkg kernel
//go:generate go -C ../../neighbors/_asm run ./rowsarm64 -out ../../internal/kernel/rows_arm64.s -stubs ../../internal/kernel/rows_stubs_arm64.go -pkg kernel

// The levels of instructions, of which arm64 has one.
const (
	generic = iota
	avx2
	avx512
	neon = generic + 1
)

// least is the length from which a row pays for a call.
const least = 32

// level is the one in use, and its place among those that the machine has.
var level = simd.Choose(levels(), false)

// Dots makes dst[r] the [Dot] of row r and w, of as many rows as dst has, which stand one after the other in x.
func Dots[T float32 | float64](dst []float64, x []T, w []float64) {
	d := len(w)
	x = x[:len(dst)*d]
	if d >= least && level > generic {
		dotsFast(dst, x, w)
		return
	}
	for r := range dst {
		dst[r] = dot(x[r*d:][:d], w)
	}
}

// Vectors are N vectors of D values, the first of which begin Step apart in W.
type Vectors struct {
	W          []float64
	N, D, Step int
}

// At is vector k.
func (v *Vectors) At(k int) []float64 { return v.W[k*v.Step:][:v.D] }

// DotsOfEach is [Dots] by each of several vectors, of n rows: that of row r and vector k is dst[k·step+r].
func DotsOfEach[T float32 | float64](dst []float64, step, n int, x []T, v Vectors) {
	if v.D >= least && level >= leastOfEach {
		dotsOfEachFast(dst, step, n, x, v)
		return
	}
	for k := range v.N {
		Dots(dst[k*step:][:n], x, v.At(k))
	}
}

// AddRowsToEach is [AddRows] to each of several vectors, of n rows: the number of row r for vector k is s[k·step+r].
func AddRowsToEach[T float32 | float64](s []float64, step, n int, x []T, v Vectors) {
	if v.D >= least && level >= leastOfEach {
		addRowsToEachFast(s, step, n, x, v)
		return
	}
	for k := range v.N {
		AddRows(s[k*step:][:n], x, v.At(k))
	}
}

// DotOf is the [Dot] of x, which is finite, and the vector that has these values in these columns, which ascend, and
// zeros elsewhere.
func DotOf[T float32 | float64](x []T, columns []int32, values []float64) float64 {
	var l [8]float64
	for k, j := range columns {
		l[j%8] += float64(float64(x[j]) * values[k])
	}
	return endDot(&l, x[:0], nil)
}

// AddRows adds to w each row of x, which are as many as s has, times its number, one after the other.
func AddRows[T float32 | float64](s []float64, x []T, w []float64) {
	d := len(w)
	x = x[:len(s)*d]
	if d >= least && level > generic {
		addRowsFast(s, x, w)
		return
	}
	for r, v := range s {
		add(v, x[r*d:][:d], w)
	}
}

// AddSquares adds to w the squares of the values of each row of x, which are as many as s has, times its number, one
// after the other.
func AddSquares[T float32 | float64](s []float64, x []T, w []float64) {
	d := len(w)
	x = x[:len(s)*d]
	if d >= least && level > generic {
		addSquaresFast(s, x, w)
		return
	}
	for r, v := range s {
		addSquares(v, x[r*d:][:d], w)
	}
}

func addSquares[T float32 | float64](s float64, x []T, w []float64) {
	for j, v := range x {
		w[j] += float64(s * float64(float64(v)*float64(v)))
	}
}

// endDot adds the products of the values beyond the last eight to the lanes of a dot, and ends it.
func endDot[T float32 | float64](l *[8]float64, x []T, w []float64) float64 {
	for j, v := range x {
		l[j] += float64(float64(v) * w[j])
	}
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}
