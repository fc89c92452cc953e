package neighbors

import "math"

// pow is xʸ, of x ≥ 0 and y > 0, with the same bits on every processor of an architecture: where y is no whole number, math.Pow
// takes an exponential that depends on whether there are fused operations. It is within two units of the last place for
// results of ordinary size, as math.Pow is.
func pow(x, y float64) float64 {
	whole, part := math.Modf(y)
	if part == 0 || part == 0.5 && whole == 0 || x == 0 || math.IsInf(x, 1) {
		return math.Pow(x, y) // products, or a square root
	}
	if part > 0.5 {
		whole, part = whole+1, part-1
	}
	result, exponent := exponential(part*math.Log(x)), 0
	if whole >= 1<<31 {
		return math.Pow(x, whole) // 0, 1 or +Inf
	}
	// x^whole by squaring, the exponents apart from the mantissas.
	m, e := math.Frexp(x)
	for n := int64(whole); n > 0; n >>= 1 {
		if e < -1<<12 || e > 1<<12 {
			exponent += e // beyond all bounds
			break
		}
		if n&1 == 1 {
			result, exponent = result*m, exponent+e
		}
		if m, e = m*m, 2*e; m < 0.5 {
			m, e = 2*m, e-1
		}
	}
	return math.Ldexp(result, exponent)
}

// ln2 in two parts, of which the first has so few digits that its products with small whole numbers are exact.
const (
	ln2High = 0x1.62e42feep-1
	ln2Low  = math.Ln2 - ln2High
)

// taylor are 1/n! for n from 0 to 13: beyond, a term is below 2⁻⁵⁷ of the sum, where |r| ≤ ½ ln 2.
var taylor = [...]float64{1, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800,
	1. / 39916800, 1. / 479001600, 1. / 6227020800}

// exponential is eˣ, of |x| ≤ 500, without fused operations.
func exponential(x float64) float64 {
	k := math.RoundToEven(float64(x * math.Log2E))
	r := (x - float64(k*ln2High)) - float64(k*ln2Low)
	sum := 0.0
	for i := len(taylor) - 1; i >= 0; i-- {
		sum = float64(sum*r) + taylor[i]
	}
	return math.Ldexp(sum, int(k))
}
