package elementary

import (
	"math"
	"testing"
)

// benchmarks give each function of this package beside that of package math, of numbers as learners have them.
var benchmarks = []struct {
	name      string
	own, math func(x float64) float64
	from, to  float64
}{
	{"exp", Exp, math.Exp, -8, 8},
	{"log", Log, math.Log, 1e-3, 8},
	{"pow", func(x float64) float64 { return Pow(x, -0.5) }, func(x float64) float64 { return math.Pow(x, -0.5) }, 1, 1e6},
	{"pow of a quarter", func(x float64) float64 { return Pow(x, -0.25) },
		func(x float64) float64 { return math.Pow(x, -0.25) }, 1, 1e6},
	{"hypot", func(x float64) float64 { return Hypot(x, 3) }, func(x float64) float64 { return math.Hypot(x, 3) }, 1, 8},
}

var sink float64

func BenchmarkFunctions(b *testing.B) {
	for _, v := range benchmarks {
		for _, by := range []struct {
			name string
			f    func(float64) float64
		}{{"own", v.own}, {"math", v.math}} {
			b.Run(v.name+"/"+by.name, func(b *testing.B) {
				step := (v.to - v.from) / 1000
				sum := 0.0
				for i := range b.N {
					sum += by.f(v.from + float64(i%1000)*step)
				}
				sink = sum
			})
		}
	}
}
