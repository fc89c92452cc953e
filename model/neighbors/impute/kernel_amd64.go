//go:build !purego

package impute

import "beamlearn/model/internal/simd"

// assembly says that the AVX2 kernel is in use.
var assembly = simd.AVX2()

func squares(values []float64, places []int64, block []float64, ceiling float64, out *[lanes]float64) uint64 {
	return nanSquaresAVX2(&values[0], &places[0], len(values), &block[0], ceiling, out)
}
