//go:build arm64 && !purego

package kernel

// Every arm64 has NEON.
func levels() []string { return []string{"generic", "neon"} }

func dotFast(x, w []float64) float64 {
	var sums [8]float64
	whole := len(x) / 8 * 8
	dots1F64NEON(&x[0], 0, &w[0], &sums[0], whole)
	return endDot(&sums, x[whole:], w[whole:])
}

func addFast(s float64, x, w []float64) {
	whole := len(x) / 8 * 8
	add1F64NEON(&x[0], 0, &s, &w[0], whole)
	add(s, x[whole:], w[whole:])
}

var (
	narrow = [...]rowKernels[float32]{
		neon: {dots4F32NEON, dots1F32NEON, add4F32NEON, add1F32NEON, squares4F32NEON, squares1F32NEON},
	}
	wide = [...]rowKernels[float64]{
		neon: {dots4F64NEON, dots1F64NEON, add4F64NEON, add1F64NEON, squares4F64NEON, squares1F64NEON},
	}
)
