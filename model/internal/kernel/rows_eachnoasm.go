//go:build !amd64 || purego

package kernel

func dotsOfEachFast[T float32 | float64]([]float64, int, int, []T, Vectors) {}

func addRowsToEachFast[T float32 | float64]([]float64, int, int, []T, Vectors) {}
