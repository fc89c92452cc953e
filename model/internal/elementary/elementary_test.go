package elementary

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// The functions are those of package math but for the last unit, and exactly at the ends.
func TestLikeMath(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300000 {
		for _, x := range []float64{r.Float64()*1415 - 707, r.NormFloat64(), r.NormFloat64() * 1e-5} {
			if got, want := Exp(x), math.Exp(x); !(math.Abs(got-want) <= 5e-16*want) {
				t.Fatalf("Exp(%v) = %v, want %v", x, got, want)
			}
		}
		x := math.Ldexp(0.5+r.Float64()/2, r.IntN(2040)-1020)
		got, want := Log(x), math.Log(x)
		if !(math.Abs(got-want) <= 3e-16*math.Abs(want)) && got != want || runtime.GOARCH == "amd64" && got != want {
			t.Fatalf("Log(%v) = %v, want %v", x, got, want)
		}
		p, q := r.NormFloat64(), r.NormFloat64()*math.Ldexp(1, r.IntN(40)-20)
		if got, want := Hypot(p, q), math.Hypot(p, q); !(math.Abs(got-want) <= 3e-16*want) ||
			runtime.GOARCH == "amd64" && got != want {
			t.Fatalf("Hypot(%v, %v) = %v, want %v", p, q, got, want)
		}
		base, y := math.Exp(r.Float64()*100-50), r.Float64()*12-6
		if got, want := Pow(base, y), math.Pow(base, y); !(math.Abs(got-want) <= 0x1p-50*want) {
			t.Fatalf("Pow(%v, %v) = %v, want %v", base, y, got, want)
		}
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	inf, nan := math.Inf(1), math.NaN()
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }
	for _, c := range [][2]float64{{0, 1}, {math.Copysign(0, -1), 1}, {1e-300, 1}, {-1e-300, 1}, {inf, inf}, {-inf, 0},
		{nan, nan},
		{709.79, inf}, {1e300, inf}, {-745.14, 0}, {-1e300, 0}, {-745.13, 5e-324}} {
		if got := Exp(c[0]); !same(got, c[1]) {
			t.Errorf("Exp(%v) = %v, want %v", c[0], got, c[1])
		}
	}
	if got, want := Exp(709.78), math.Exp(708.78)*math.E; !(math.Abs(got/want-1) < 1e-15) { // math.Exp ends too early
		t.Errorf("Exp(709.78) = %v, want %v", got, want)
	}
	for x := -745.0; x < -700; x += 0.01 { // denormal results have fewer digits
		if got, want := Exp(x), math.Exp(x); !(math.Abs(got-want) <= 4e-16*want+5e-324) {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	ends := []float64{0, math.Copysign(0, -1), 1, -1, inf, -inf, nan, 3e-308, math.MaxFloat64, 3, -3, 0.5, -0.5}
	for _, x := range ends {
		if got, want := Log(x), math.Log(x); !same(got, want) {
			t.Errorf("Log(%v) = %v, want %v", x, got, want)
		}
		for _, y := range append(ends, 0.25, -0.25, 1./3, 1.75, 2, 300.7, -300.7, 5000.2, -5000.2, 1e12+0.25, -1e12-0.25) {
			got, want := Pow(x, y), math.Pow(x, y)
			if !same(got, want) && !(math.Abs(got-want) <= 1e-12*want) {
				t.Errorf("Pow(%v, %v) = %v, want %v", x, y, got, want)
			}
			if got, want := Hypot(x, y), math.Hypot(x, y); !same(got, want) && !(math.Abs(got-want) <= 3e-16*want) {
				t.Errorf("Hypot(%v, %v) = %v, want %v", x, y, got, want)
			}
		}
	}
	// The logarithm in package math's assembly is wrong of denormal numbers.
	for _, x := range []float64{5e-324, 1e-310} {
		if got, want := Log(x), math.Log(x*0x1p200)-200*math.Ln2; !(math.Abs(got-want) <= 1e-15*math.Abs(want)) {
			t.Errorf("Log(%v) = %v, want %v", x, got, want)
		}
		if got, want := Pow(x, -0.25), 1/math.Sqrt(math.Sqrt(x)); !(math.Abs(got-want) <= 1e-13*want) {
			t.Errorf("Pow(%v, -0.25) = %v, want %v", x, got, want)
		}
	}
}
