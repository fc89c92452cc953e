//go:build !purego

package kmeans

import "beamlearn/model/internal/simd"

// assembly says that the AVX2 kernels are in use.
var assembly = simd.AVX2()

// addFours adds the values of whole fours, where the processor can, and returns their number.
func addFours[T float32 | float64](into []float64, row []T, weight float64) int {
	fours := len(row) / 4
	if !assembly || fours == 0 {
		return 0
	}
	switch row := any(row).(type) {
	case []float32:
		add32AVX2(&into[0], &row[0], fours, weight)
	case []float64:
		add64AVX2(&into[0], &row[0], fours, weight)
	}
	return 4 * fours
}
