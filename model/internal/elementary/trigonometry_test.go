package elementary

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Sines, cosines and arc sines are those of package math but for the last units, also near multiples of π/2.
func TestTrigonometry(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 3))
	near := func(name string, x, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-15*math.Abs(want)+1e-17) {
			t.Fatalf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for range 200000 {
		for _, x := range []float64{r.Float64()*14 - 7, r.NormFloat64() * 1e-6, float64(r.IntN(9)-4)*(math.Pi/2) +
			r.NormFloat64()*1e-9} {
			near("Sin", x, Sin(x), math.Sin(x))
			near("Cos", x, Cos(x), math.Cos(x))
		}
		x := r.Float64()*2 - 1
		for _, x := range []float64{x, 1 - x*x*1e-9} {
			near("Asin", x, Asin(x), math.Copysign(asin(math.Abs(x)), x))
		}
	}
	for _, x := range []float64{0, 1, -1, 0.5, 0.975, 1e-300, 5e-324} {
		near("Asin", x, Asin(x), math.Copysign(asin(math.Abs(x)), x))
		near("Sin", x, Sin(x), math.Sin(x))
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), 1e7} {
		if v := Sin(x) + Cos(x) + Asin(x); v == v {
			t.Errorf("of %v: %v, want NaN", x, v)
		}
	}
}

// asin is the arc sine of what is not negative; that of package math has few digits near 1.
func asin(x float64) float64 {
	if x > 0.5 {
		return math.Pi/2 - 2*math.Asin(math.Sqrt((1-x)/2))
	}
	return math.Asin(x)
}
