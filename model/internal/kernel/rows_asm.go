//go:build (amd64 || arm64) && !purego

package kernel

// addKernel adds rows, or squares of their values, each times a number, to w.
type addKernel[T float32 | float64] func(x *T, stride int, s, w *float64, n int)

// rowKernels are those of four rows at a time and of one.
type rowKernels[T float32 | float64] struct {
	dots4, dots1       func(x *T, stride int, w, sums *float64, n int)
	add4, add1         addKernel[T]
	squares4, squares1 addKernel[T]
}

func kernelsOf[T float32 | float64]() *rowKernels[T] {
	if k, ok := any(&narrow[level]).(*rowKernels[T]); ok {
		return k
	}
	return any(&wide[level]).(*rowKernels[T])
}

func dotsFast[T float32 | float64](dst []float64, x []T, w []float64) {
	k, d, whole := kernelsOf[T](), len(w), len(w)/8*8
	var sums [4][8]float64
	for r := 0; r < len(dst); {
		many := 4
		if r+many <= len(dst) {
			k.dots4(&x[r*d], d, &w[0], &sums[0][0], whole)
		} else {
			many = 1
			k.dots1(&x[r*d], d, &w[0], &sums[0][0], whole)
		}
		for i := range many {
			dst[r+i] = endDot(&sums[i], x[(r+i)*d+whole:(r+i+1)*d], w[whole:])
		}
		r += many
	}
}

func addRowsFast[T float32 | float64](s []float64, x []T, w []float64) {
	k := kernelsOf[T]()
	each(s, x, w, k.add4, k.add1, add[T])
}

func addSquaresFast[T float32 | float64](s []float64, x []T, w []float64) {
	k := kernelsOf[T]()
	each(s, x, w, k.squares4, k.squares1, addSquares[T])
}

// each adds rows four at a time, then one by one, and what is beyond the last eight values by rest.
func each[T float32 | float64](s []float64, x []T, w []float64, four, one addKernel[T],
	rest func(s float64, x []T, w []float64)) {
	d, whole := len(w), len(w)/8*8
	for r := 0; r < len(s); {
		many := 4
		if r+many <= len(s) {
			four(&x[r*d], d, &s[r], &w[0], whole)
		} else {
			many = 1
			one(&x[r*d], d, &s[r], &w[0], whole)
		}
		for i := range many {
			rest(s[r+i], x[(r+i)*d+whole:(r+i+1)*d], w[whole:])
		}
		r += many
	}
}
