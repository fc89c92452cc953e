//go:build !amd64 || purego

package kernel

// leastOfEach is the level from which there are kernels of several vectors: none has them.
const leastOfEach = avx512 + 1

func dotsOfEachFast[T float32 | float64]([]float64, int, int, []T, Vectors) {}

func addRowsToEachFast[T float32 | float64]([]float64, int, int, []T, Vectors) {}
