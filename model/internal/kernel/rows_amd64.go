//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

func levels() []string {
	all := []string{"generic"}
	if cpu.X86.HasAVX2 {
		all = append(all, "avx2")
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ {
		all = append(all, "avx512")
	}
	return all
}

func dotFast(x, w []float64) float64 {
	var sums [8]float64
	whole := len(x) / 8 * 8
	if level == avx512 {
		dots1F64AVX512(&x[0], 0, &w[0], &sums[0], whole)
	} else {
		dots1F64AVX2(&x[0], 0, &w[0], &sums[0], whole)
	}
	return endDot(&sums, x[whole:], w[whole:])
}

func addFast(s float64, x, w []float64) {
	whole := len(x) / 8 * 8
	if level == avx512 {
		add1F64AVX512(&x[0], 0, &s, &w[0], whole)
	} else {
		add1F64AVX2(&x[0], 0, &s, &w[0], whole)
	}
	add(s, x[whole:], w[whole:])
}

var (
	narrow = [...]rowKernels[float32]{
		avx2: {dots4F32AVX2, dots1F32AVX2, add4F32AVX2, add1F32AVX2, squares4F32AVX2, squares1F32AVX2},
		avx512: {dots4F32AVX512, dots1F32AVX512, add4F32AVX512, add1F32AVX512, squares4F32AVX512,
			squares1F32AVX512},
	}
	wide = [...]rowKernels[float64]{
		avx2: {dots4F64AVX2, dots1F64AVX2, add4F64AVX2, add1F64AVX2, squares4F64AVX2, squares1F64AVX2},
		avx512: {dots4F64AVX512, dots1F64AVX512, add4F64AVX512, add1F64AVX512, squares4F64AVX512,
			squares1F64AVX512},
	}
)

// leastOfEach is the level from which there are kernels of several vectors.
const leastOfEach = avx2

// most is how many vectors are multiplied at a time, at any level.
const most = 5

// eachKernels are those of four rows and many vectors, by their number.
type eachKernels[T float32 | float64] struct {
	most int // how many vectors there are kernels for
	dots [most + 1]func(x *T, stride int, w *float64, step int, sums *float64, n int)
	add  [most + 1]func(x *T, stride int, s *float64, apart int, w *float64, step int, n int)
}

var (
	narrowEach = [...]eachKernels[float32]{
		avx2: {
			most: 2,
			dots: [...]func(*float32, int, *float64, int, *float64, int){2: dots4Of2F32AVX2, most: nil},
			add:  [...]func(*float32, int, *float64, int, *float64, int, int){2: add4To2F32AVX2, most: nil},
		},
		avx512: {
			most: most,
			dots: [...]func(*float32, int, *float64, int, *float64, int){2: dots4Of2F32AVX512, 3: dots4Of3F32AVX512,
				4: dots4Of4F32AVX512, 5: dots4Of5F32AVX512},
			add: [...]func(*float32, int, *float64, int, *float64, int, int){2: add4To2F32AVX512, 3: add4To3F32AVX512,
				4: add4To4F32AVX512, 5: add4To5F32AVX512},
		},
	}
	wideEach = [...]eachKernels[float64]{
		avx2: {
			most: 2,
			dots: [...]func(*float64, int, *float64, int, *float64, int){2: dots4Of2F64AVX2, most: nil},
			add:  [...]func(*float64, int, *float64, int, *float64, int, int){2: add4To2F64AVX2, most: nil},
		},
		avx512: {
			most: most,
			dots: [...]func(*float64, int, *float64, int, *float64, int){2: dots4Of2F64AVX512, 3: dots4Of3F64AVX512,
				4: dots4Of4F64AVX512, 5: dots4Of5F64AVX512},
			add: [...]func(*float64, int, *float64, int, *float64, int, int){2: add4To2F64AVX512, 3: add4To3F64AVX512,
				4: add4To4F64AVX512, 5: add4To5F64AVX512},
		},
	}
)

func eachOf[T float32 | float64]() *eachKernels[T] {
	if k, ok := any(&narrowEach[level]).(*eachKernels[T]); ok {
		return k
	}
	return any(&wideEach[level]).(*eachKernels[T])
}

// groups calls f for vectors from first on, as nearly equal numbers of them as can be, at most so many.
func (v *Vectors) groups(most int, f func(first, many int)) {
	n := (v.N + most - 1) / most
	for g := range n {
		first := g * v.N / n
		f(first, (g+1)*v.N/n-first)
	}
}

func dotsOfEachFast[T float32 | float64](dst []float64, step, n int, x []T, v Vectors) {
	d, whole, fours := v.D, v.D/8*8, n/4*4
	var sums [4 * most][8]float64
	all := eachOf[T]()
	v.groups(all.most, func(first, many int) {
		kernel, from := all.dots[many], 0
		for r := 0; kernel != nil && r < fours; r += 4 {
			kernel(&x[r*d], d, &v.At(first)[0], v.Step, &sums[0][0], whole)
			for i := range 4 {
				rest := x[(r+i)*d+whole : (r+i+1)*d]
				for k := range many {
					dst[(first+k)*step+r+i] = endDot(&sums[i*many+k], rest, v.At(first + k)[whole:])
				}
			}
			from = fours
		}
		for k := first; k < first+many; k++ {
			Dots(dst[k*step+from:][:n-from], x[from*d:], v.At(k))
		}
	})
}

func addRowsToEachFast[T float32 | float64](s []float64, step, n int, x []T, v Vectors) {
	d, whole, fours := v.D, v.D/8*8, n/4*4
	all := eachOf[T]()
	v.groups(all.most, func(first, many int) {
		kernel, from := all.add[many], 0
		for r := 0; kernel != nil && r < fours; r += 4 {
			kernel(&x[r*d], d, &s[first*step+r], step, &v.At(first)[0], v.Step, whole)
			for i := range 4 {
				rest := x[(r+i)*d+whole : (r+i+1)*d]
				for k := range many {
					add(s[(first+k)*step+r+i], rest, v.At(first + k)[whole:])
				}
			}
			from = fours
		}
		for k := first; k < first+many; k++ {
			AddRows(s[k*step+from:][:n-from], x[from*d:], v.At(k))
		}
	})
}
