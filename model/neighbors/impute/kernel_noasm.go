//go:build !amd64 || purego

package impute

// assembly says that this build lacks the kernel.
const assembly = false

func squares(values []float64, places []int64, block []float64, ceiling float64, out *[lanes]float64) uint64 {
	return nanSquaresGeneric(values, places, block, ceiling, out)
}
