//go:build (!amd64 && !arm64) || purego

package kernel

func levels() []string { return []string{"generic"} }

func dotFast(x, w []float64) float64 { return dot(x, w) }

func addFast(s float64, x, w []float64) { add(s, x, w) }

func dotsFast[T float32 | float64]([]float64, []T, []float64) {}

func addRowsFast[T float32 | float64]([]float64, []T, []float64) {}

func addSquaresFast[T float32 | float64]([]float64, []T, []float64) {}
