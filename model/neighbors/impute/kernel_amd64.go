//go:build !purego

package impute

import (
	"os"

	"golang.org/x/sys/cpu"

	"beamlearn/model/internal/simd"
)

// assembly says that the AVX2 kernel is in use. BEAMLEARN_SIMD=generic in the environment forbids it.
var assembly = cpu.X86.HasAVX2 && os.Getenv(simd.Environment) != "generic"

func squares(values []float64, places []int64, block []float64, ceiling float64, out *[lanes]float64) uint64 {
	return nanSquaresAVX2(&values[0], &places[0], len(values), &block[0], ceiling, out)
}
