//go:build !purego

package lanes

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

func assembly() []*Kernels {
	var levels []*Kernels
	x := &cpu.X86
	if x.HasAVX2 {
		levels = append(levels, &avx2)
		if x.HasAVX512F && x.HasAVX512DQ {
			levels = append(levels, &avx512)
		}
	}
	return levels
}

func truncateBy(f func(groups *byte, eta, w, q []float64, stride, columns int)) func([]Group, []float64, []float64,
	[]float64, int, int) {
	return func(groups []Group, eta, w, q []float64, stride, columns int) {
		f((*byte)(unsafe.Pointer(&groups[0])), eta[:len(groups)*Width], w, q, stride, columns)
	}
}

func truncateSparseBy(f func(groups *byte, eta []float64, idx []int32, w, q []float64, stride int)) func([]Group,
	[]float64, []int32, []float64, []float64, int) {
	return func(groups []Group, eta []float64, idx []int32, w, q []float64, stride int) {
		f((*byte)(unsafe.Pointer(&groups[0])), eta[:len(groups)*Width], idx, w, q, stride)
	}
}

func decideBy(f func(*byte) int) func(*Row) int {
	return func(r *Row) int { return f((*byte)(unsafe.Pointer(r))) }
}

func rowBy(f func(*byte)) func(*Row) {
	return func(r *Row) { f((*byte)(unsafe.Pointer(r))) }
}

func logisticBy(f func(p, y []float64, value, slope, curvature *float64)) func(p, y, value, slope,
	curvature []float64) {
	return func(p, y, value, slope, curvature []float64) {
		if n := len(p); n > 0 {
			f(p, y[:n], &value[:n][0], &slope[:n][0], &curvature[:n][0])
		}
	}
}

func productsBy(a, b []float64, t *[16]float64) {
	if n := len(b) / 4; n > 0 {
		a = a[:4*n]
		productsAVX2(&a[0], &b[0], n, &t[0])
	} else {
		*t = [16]float64{}
	}
}

// fourProductsBy is by two groups at a time.
func fourProductsBy(a, b []float64, step int, t *[64]float64) {
	n := len(a) / 4
	if n == 0 {
		*t = [64]float64{}
		return
	}
	_ = b[3*step : 3*step+4*n]
	var two [32]float64
	for g := 0; g < 4; g += 2 {
		twoProductsAVX2(&a[0], &b[g*step], &b[(g+1)*step], n, &two[0])
		for i := range 4 {
			copy(t[16*i+4*g:], two[8*i:8*i+8])
		}
	}
}

func fourProductsWide(a, b []float64, step int, t *[64]float64) {
	n := len(a) / 4
	if n == 0 {
		*t = [64]float64{}
		return
	}
	_ = b[3*step : 3*step+4*n]
	fourProductsAVX512(&a[0], &b[0], 8*step, n, &t[0])
}

func centreBy[T float32 | float64](f func(x *T, stride int, m, out *float64, rows int, sums *float64)) func([]T, int,
	*[4]float64, []float64, *[4]float64) {
	return func(x []T, stride int, m *[4]float64, out []float64, sums *[4]float64) {
		if n := len(out) / 4; n > 0 {
			_ = x[stride*(n-1) : stride*(n-1)+4]
			f(&x[0], stride, &m[0], &out[0], n, &sums[0])
		} else {
			*sums = [4]float64{}
		}
	}
}

func subtractBy(x []float64, m *[4]float64) {
	if n := len(x) / 4; n > 0 {
		subtractAVX2(&x[0], n, &m[0])
	}
}

func dotRowsBy(x []float64, w *[4]float64, dst []float64) {
	if n := len(dst); n > 0 {
		x = x[:4*n]
		dotRowsAVX2(&x[0], &w[0], &dst[0], n)
	}
}

func weighRowsBy(x, weights, out []float64) {
	if n := len(weights); n > 0 {
		x, out = x[:4*n], out[:4*n]
		weighRowsAVX2(&x[0], &weights[0], &out[0], n)
	}
}

func weighLossesBy(f func(weights, value, slope, curvature *float64, n int, sums *float64)) func(weights, value, slope,
	curvature []float64, sums *[3 * Width]float64) {
	return func(weights, value, slope, curvature []float64, sums *[3 * Width]float64) {
		if n := len(weights); n > 0 {
			f(&weights[0], &value[:n][0], &slope[:n][0], &curvature[:n][0], n, &sums[0])
		} else {
			*sums = [3 * Width]float64{}
		}
	}
}

func sumRowsBy(x, s []float64, sums *[4]float64) {
	if n := len(s); n > 0 {
		x = x[:4*n]
		sumRowsAVX2(&x[0], &s[0], n, &sums[0])
	} else {
		*sums = [4]float64{}
	}
}

func weighSumsBy(x, s, weights, out []float64, sums *[8]float64) {
	if n := len(s); n > 0 {
		x, weights, out = x[:4*n], weights[:n], out[:4*n]
		weighSumsAVX2(&x[0], &s[0], &weights[0], &out[0], n, &sums[0])
	} else {
		*sums = [8]float64{}
	}
}

var avx2 = Kernels{
	Name: "avx2", Dot: dotAVX2, DotSparse: dotSparseAVX2, Add: addAVX2, AddSparse: addSparseAVX2, AddDot: addDotAVX2,
	Truncate: truncateBy(truncateAVX2), TruncateSparse: truncateSparseBy(truncateSparseAVX2),
	Decide: [Losses]func(*Row) int{
		decideBy(decideHingeAVX2), decideBy(decideLogLossAVX2), decideBy(decideModifiedHuberAVX2),
		decideBy(decideSquaredHingeAVX2),
		decideBy(decideSquaredErrorAVX2), decideBy(decideHuberAVX2), decideBy(decideEpsilonInsensitiveAVX2),
		decideBy(decideSquaredEpsilonInsensitiveAVX2),
	},
	Step: rowBy(stepAVX2), StepMean: rowBy(stepMeanAVX2),
	Value: [Losses]func(*Row){
		rowBy(valueHingeAVX2), rowBy(valueLogLossAVX2), rowBy(valueModifiedHuberAVX2), rowBy(valueSquaredHingeAVX2),
		rowBy(valueSquaredErrorAVX2), rowBy(valueHuberAVX2), rowBy(valueEpsilonInsensitiveAVX2),
		rowBy(valueSquaredEpsilonInsensitiveAVX2),
	},
	Sigmoid: sigmoidAVX2, Exponentials: exponentialsAVX2, Logistic: logisticBy(logisticAVX2), LogisticSums: rowBy(logisticSumsAVX2),
	WeighLosses: weighLossesBy(weighLossesAVX2), SumRows: sumRowsBy, WeighSums: weighSumsBy,
	Products: productsBy, FourProducts: fourProductsBy, Centre32: centreBy(centre32AVX2),
	Centre64: centreBy(centre64AVX2), Subtract: subtractBy, DotRows: dotRowsBy, WeighRows: weighRowsBy,
}

var avx512 = Kernels{
	Name: "avx512", Dot: dotAVX512, DotSparse: dotSparseAVX512, Add: addAVX512, AddSparse: addSparseAVX512,
	AddDot:   addDotAVX512,
	Truncate: truncateBy(truncateAVX512), TruncateSparse: truncateSparseBy(truncateSparseAVX512),
	Decide: [Losses]func(*Row) int{
		decideBy(decideHingeAVX512), decideBy(decideLogLossAVX512), decideBy(decideModifiedHuberAVX512),
		decideBy(decideSquaredHingeAVX512),
		decideBy(decideSquaredErrorAVX512), decideBy(decideHuberAVX512), decideBy(decideEpsilonInsensitiveAVX512),
		decideBy(decideSquaredEpsilonInsensitiveAVX512),
	},
	Step: rowBy(stepAVX512), StepMean: rowBy(stepMeanAVX512),
	Value: [Losses]func(*Row){
		rowBy(valueHingeAVX512), rowBy(valueLogLossAVX512), rowBy(valueModifiedHuberAVX512), rowBy(valueSquaredHingeAVX512),
		rowBy(valueSquaredErrorAVX512), rowBy(valueHuberAVX512), rowBy(valueEpsilonInsensitiveAVX512),
		rowBy(valueSquaredEpsilonInsensitiveAVX512),
	},
	Sigmoid: sigmoidAVX512, Exponentials: exponentialsAVX512, Logistic: logisticBy(logisticAVX512), LogisticSums: rowBy(logisticSumsAVX512),
	WeighLosses: weighLossesBy(weighLossesAVX512), SumRows: sumRowsBy, WeighSums: weighSumsBy,
	Products: productsBy, FourProducts: fourProductsWide, Centre32: centreBy(centre32AVX2),
	Centre64: centreBy(centre64AVX2), Subtract: subtractBy, DotRows: dotRowsBy, WeighRows: weighRowsBy,
}
