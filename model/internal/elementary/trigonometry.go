package elementary

import "math"

// This file is sine, cosine and arc sine, as in FreeBSD's msun (k_sin.c, k_cos.c, e_rem_pio2.c, e_asin.c).

// Sin is the sine, to an ulp, of |x| ≤ 2²⁰, and NaN beyond.
func Sin(x float64) float64 {
	y, low, quadrant := reduce(x)
	switch quadrant {
	case 0:
		return kernelSin(y, low)
	case 1:
		return kernelCos(y, low)
	case 2:
		return -kernelSin(y, low)
	}
	return -kernelCos(y, low)
}

// Cos is the cosine, to an ulp, of |x| ≤ 2²⁰, and NaN beyond.
func Cos(x float64) float64 {
	y, low, quadrant := reduce(x)
	switch quadrant {
	case 0:
		return kernelCos(y, low)
	case 1:
		return -kernelSin(y, low)
	case 2:
		return -kernelCos(y, low)
	}
	return kernelSin(y, low)
}

// reduce is x less a whole number of quarter turns, as y + low with |y| ≤ π/4 and a little, and that number modulo 4.
func reduce(x float64) (y, low float64, quadrant int) {
	const (
		first, firstTail   = 1.57079632673412561417e+00, 6.07710050650619224932e-11
		second, secondTail = 6.07710050630396597660e-11, 2.02226624879595063154e-21
		third, thirdTail   = 2.02226624871116645580e-21, 8.47842766036889956997e-32
	)
	if math.Abs(x) <= math.Pi/4 {
		return x, 0, 0
	}
	if !(math.Abs(x) <= 1<<20) {
		return math.NaN(), 0, 0
	}
	n := math.RoundToEven(float64(x * (2 / math.Pi)))
	quadrant = int(n) & 3
	r, w := x-float64(n*first), float64(n*firstTail)
	y = r - w
	_, e := math.Frexp(x)
	if _, f := math.Frexp(y); e-f > 16 { // digits have cancelled
		t := r
		w = float64(n * second)
		r = t - w
		w = float64(n*secondTail) - ((t - r) - w)
		y = r - w
		if _, f := math.Frexp(y); e-f > 49 {
			t = r
			w = float64(n * third)
			r = t - w
			w = float64(n*thirdTail) - ((t - r) - w)
			y = r - w
		}
	}
	return y, (r - y) - w, quadrant
}

// kernelSin is the sine of x + low, |x| ≤ π/4.
func kernelSin(x, low float64) float64 {
	const (
		s1, s2, s3 = -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04
		s4, s5, s6 = 2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10
	)
	z := float64(x * x)
	w := float64(z * z)
	r := s2 + float64(z*(s3+float64(z*s4))) + float64(float64(z*w)*(s5+float64(z*s6)))
	v := float64(z * x)
	if low == 0 {
		return x + float64(v*(s1+float64(z*r)))
	}
	return x - ((float64(z*(float64(0.5*low)-float64(v*r))) - low) - float64(v*s1))
}

// kernelCos is the cosine of x + low, |x| ≤ π/4.
func kernelCos(x, low float64) float64 {
	const (
		c1, c2, c3 = 4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05
		c4, c5, c6 = -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11
	)
	z := float64(x * x)
	w := float64(z * z)
	r := float64(z*(c1+float64(z*(c2+float64(z*c3))))) + float64(float64(w*w)*(c4+float64(z*(c5+float64(z*c6)))))
	hz := float64(0.5 * z)
	w = 1 - hz
	return w + (((1 - w) - hz) + (float64(z*r) - float64(x*low)))
}

// Asin is the arc sine, to an ulp, of |x| ≤ 1, and NaN beyond.
func Asin(x float64) float64 {
	const (
		halfLow        = 6.12323399573676603587e-17 // of π/2
		p0, p1, p2, p3 = 1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
			-4.00555345006794114027e-02
		p4, p5         = 7.91534994289814532176e-04, 3.47933107596021167570e-05
		q1, q2, q3, q4 = -2.40339491173441421878e+00, 2.02094576023350569471e+00, -6.88283971605453293030e-01,
			7.70381505559019352791e-02
		nearOne, tiny, top = 0.975, 0x1p-26, 1<<32 - 1
	)
	ratio := func(t float64) float64 {
		p := float64(t * (p0 + float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))))
		q := 1 + float64(t*(q1+float64(t*(q2+float64(t*(q3+float64(t*q4)))))))
		return p / q
	}
	a := math.Abs(x)
	switch {
	case !(a <= 1):
		return math.NaN()
	case a == 1:
		return math.Copysign(math.Pi/2, x)
	case a < tiny:
		return x
	case a < 0.5:
		return x + float64(x*ratio(float64(x*x)))
	}
	w := 1 - a
	t := float64(w * 0.5)
	r, s := ratio(t), math.Sqrt(t)
	if a >= nearOne {
		t = math.Pi/2 - (float64(2*(s+float64(s*r))) - halfLow)
	} else {
		w = math.Float64frombits(math.Float64bits(s) &^ top)
		c := (t - float64(w*w)) / (s + w)
		p := float64(float64(2*s)*r) - (halfLow - float64(2*c))
		q := math.Pi/4 - float64(2*w)
		t = math.Pi/4 - (p - q)
	}
	return math.Copysign(t, x)
}
