// Package elementary is the exponential, the logarithm, powers and hypotenuses with the same bits on every processor.
// Those of package math have assembly that takes fused operations where there are any (Exp and, by it, Pow on amd64),
// and plain Go that a compiler may fuse (arm64). Here every product is rounded. Exp and Log are FreeBSD's msun
// (e_exp.c, e_log.c).
package elementary

import "math"

// ln2 in two parts: products of the first with small whole numbers are exact.
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// Exp is eˣ to an ulp, also where that is denormal: 0 below −745.13, +Inf above 709.78, NaN of NaN.
func Exp(x float64) float64 {
	const (
		p1, p2, p3 = 1.66666666666666657415e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05
		p4, p5     = -1.65339022054652515390e-06, 4.13813679705723846039e-08

		most, least = 7.09782712893383973096e+02, -7.45133219101941108420e+02
	)
	half := 0.5
	switch {
	case x < 0:
		half = -0.5
		if x < least {
			return 0
		}
	case x != x:
		return x
	case x > most:
		return math.Inf(1)
	}
	k := int(float64(math.Log2E*x) + half)
	n := float64(k)
	hi, lo := x-float64(n*ln2High), float64(n*ln2Low) // x = k·ln2 + (hi − lo)
	r := hi - lo
	t := float64(r * r)
	c := r - float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	if k < -1021 || k > 1023 {
		return math.Ldexp(y, k)
	}
	return math.Float64frombits(math.Float64bits(y) + uint64(k)<<52)
}

// Log is the natural logarithm to an ulp: −Inf of 0, NaN of what is negative. Its bits are those of math.Log on
// amd64, which is wrong of denormal numbers.
func Log(x float64) float64 {
	const (
		l1, l2, l3, l4 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
			2.222219843214978396e-01
		l5, l6, l7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01
	)
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	bits := math.Float64bits(x)
	f, e := math.Float64frombits(bits&(1<<52-1)|1022<<52), int(bits>>52)-1022 // as Frexp, but faster
	if e == -1022 {
		f, e = math.Frexp(x) // denormal
	}
	if f < math.Sqrt2/2 {
		f, e = 2*f, e-1
	}
	f--
	k := float64(e)
	s := f / (2 + f)
	z := float64(s * s)
	w := float64(z * z)
	r := float64(z*(l1+float64(w*(l3+float64(w*(l5+float64(w*l7))))))) + float64(w*(l2+float64(w*(l4+float64(w*l6)))))
	h := float64(float64(0.5*f) * f)
	return float64(k*ln2High) - ((h - (float64(s*(h+r)) + float64(k*ln2Low))) - f)
}

// Pow is xʸ, within two units of the last place for results of ordinary size, as math.Pow is; special cases are those
// of math.Pow.
func Pow(x, y float64) float64 {
	if y == -0.5 && x > 0 && x <= math.MaxFloat64 { // as math.Pow, at once
		return 1 / math.Sqrt(x)
	}
	whole, part := math.Modf(math.Abs(y))
	if !(x > 0 && x <= math.MaxFloat64) || part == 0 || part != part || part == 0.5 && whole == 0 || whole >= 1<<31 {
		return math.Pow(x, y) // products, a square root, a special case, or 0, 1 or +Inf
	}
	if part > 0.5 {
		whole, part = whole+1, part-1
	}
	result, exponent := Exp(float64(part*Log(x))), 0
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
	if y < 0 {
		result, exponent = 1/result, -exponent
	}
	return math.Ldexp(result, exponent)
}

// Hypot is √(p²+q²) without overflow on the way, as math.Hypot.
func Hypot(p, q float64) float64 {
	p, q = math.Abs(p), math.Abs(q)
	switch {
	case math.IsInf(p, 1) || math.IsInf(q, 1):
		return math.Inf(1)
	case p != p || q != q:
		return math.NaN()
	}
	if p < q {
		p, q = q, p
	}
	if p == 0 {
		return 0
	}
	q /= p
	return p * math.Sqrt(1+float64(q*q))
}
