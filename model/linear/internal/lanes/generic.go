package lanes

import (
	"math"
	"unsafe"
)

// lanesOf is the list of n values that begins at p.
func lanesOf(p *float64, n int) []float64 { return unsafe.Slice(p, n) }

// groupAt is the eight values of group g, where groups are so many bytes apart.
func groupAt(p *float64, g, step int) *[Width]float64 {
	return (*[Width]float64)(unsafe.Add(unsafe.Pointer(p), g*step))
}

func dot(x, w []float64, stride int, out []float64) {
	for i := range out {
		var l [8]float64
		for j, v := range x {
			l[j%8] += float64(v * w[j*stride+i])
		}
		out[i] = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
	}
}

func dotSparse(idx []int32, x, w []float64, stride int, out []float64) {
	x = x[:len(idx)]
	full := len(idx) &^ 3
	for i := range out {
		var l [4]float64
		for j, v := range x[:full] {
			l[j%4] += float64(v * w[int(idx[j])*stride+i])
		}
		for j, v := range x[full:] {
			l[0] += float64(v * w[int(idx[full+j])*stride+i])
		}
		out[i] = (l[0] + l[2]) + (l[1] + l[3])
	}
}

func add(x, s, w []float64, stride int) {
	for j, v := range x {
		u := w[j*stride:][:len(s)]
		for i, c := range s {
			u[i] += float64(c * v)
		}
	}
}

func addSparse(idx []int32, x, s, w []float64, stride int) {
	x = x[:len(idx)]
	for j, v := range x {
		u := w[int(idx[j])*stride:][:len(s)]
		for i, c := range s {
			u[i] += float64(c * v)
		}
	}
}

func addDot(x, s, w []float64, stride int, next, out []float64) {
	add(x, s, w, stride)
	dot(next, w, stride, out)
}

func truncate(groups []Group, eta, w, q []float64, stride, columns int) {
	for j := range columns {
		truncateColumn(groups, eta, w[j*stride:], q[j*stride:])
	}
}

func truncateSparse(groups []Group, eta []float64, idx []int32, w, q []float64, stride int) {
	for _, j := range idx {
		truncateColumn(groups, eta, w[int(j)*stride:], q[int(j)*stride:])
	}
}

func truncateColumn(groups []Group, eta, w, q []float64) {
	for i := range len(groups) * Width {
		z, g, l := w[i], &groups[i/Width], i%Width
		n := z
		if eta[i] != 0 && z != 0 {
			had := q[i]
			if z < 0 {
				had = -had
			}
			n = max(math.Abs(z)-(g.Due[l]+had)/g.Scale[l], 0)
			if z < 0 {
				n = 0 - n
			}
		}
		w[i] = n
		q[i] += float64(g.Scale[l] * (n - z))
	}
}

func decide(slope func(p, y float64, r *Row) float64, clamp bool) func(*Row) int {
	return func(r *Row) int {
		folds := 0
		lanes := r.N * Width
		dot, p, eta, update := lanesOf(r.Dot, lanes), lanesOf(r.P, lanes), lanesOf(r.Eta, lanes), lanesOf(r.Update, lanes)
		groups := unsafe.Slice(r.Groups, r.N)
		for i := range lanes {
			g, l := &groups[i/Width], i%Width
			y, weight := groupAt(r.Y, i/Width, r.YStep)[l], groupAt(r.Weight, i/Width, r.WeightStep)[l]
			p[i] = float64(g.Scale[l]*dot[i]) + g.Intercept[l]
			if r.Optimal != 0 {
				eta[i] = 1 / (g.Alpha[l] * (g.T0[l] + eta[i] - 1))
			}
			s := slope(p[i], y, r)
			if clamp {
				s = min(max(s, -MaxSlope), MaxSlope)
			}
			update[i] = (0 - eta[i]) * s * (r.RowWeight * weight)
			g.Scale[l] *= max(1-float64(g.L2[l]*eta[i]*g.Alpha[l]), 0)
			g.Due[l] += float64(g.L1[l] * eta[i] * g.Alpha[l])
			if g.Scale[l] < MinScale {
				folds = 1
			}
		}
		return folds
	}
}

func step(r *Row) {
	groups, update := unsafe.Slice(r.Groups, r.N), lanesOf(r.Update, r.N*Width)
	for i, u := range update {
		g, l := &groups[i/Width], i%Width
		update[i] = u / g.Scale[l]
		g.Intercept[l] += float64(u * r.Intercept)
	}
}

func stepMean(r *Row) {
	lanes := r.N * Width
	groups, update, mean := unsafe.Slice(r.Groups, r.N), lanesOf(r.Update, lanes), lanesOf(r.MeanUpdate, lanes)
	rows, q := lanesOf(r.M, lanes), lanesOf(r.Q, lanes)
	for i, u := range update {
		g, l := &groups[i/Width], i%Width
		update[i] = u / g.Scale[l]
		g.Intercept[l] += float64(u * r.Intercept)
		mean[i] = 0 - float64(g.MeanA[l]*update[i])
		g.MeanB[l] /= q[i]
		g.MeanA[l] += g.MeanB[l] * g.Scale[l] / rows[i]
		g.MeanIntercept[l] += (g.Intercept[l] - g.MeanIntercept[l]) / rows[i]
	}
}

func value(loss func(p, y float64, r *Row) float64) func(*Row) {
	return func(r *Row) {
		p, out := lanesOf(r.P, r.N*Width), lanesOf(r.Update, r.N*Width)
		for i, v := range p {
			out[i] = loss(v, groupAt(r.Y, i/Width, r.YStep)[i%Width], r)
		}
	}
}

func hingeSlope(p, y float64, r *Row) float64 {
	if float64(p*y) <= r.Threshold {
		return 0 - y
	}
	return 0
}

func hingeValue(p, y float64, r *Row) float64 { return max(r.Threshold-float64(p*y), 0) }

func logSlope(p, y float64, _ *Row) float64 {
	m := float64(y * p)
	e := expNegative(-math.Abs(m))
	n := 1.0
	if m >= 0 {
		n = e
	}
	return (0 - y) * (n / (1 + e))
}

func logValue(p, y float64, _ *Row) float64 {
	m := float64(y * p)
	return max(0-m, 0) + log1p(expNegative(-math.Abs(m)))
}

func modifiedHuberSlope(p, y float64, _ *Row) float64 {
	switch m := float64(p * y); {
	case m >= 1:
		return 0
	case m >= -1:
		return 2 * (1 - m) * (0 - y)
	}
	return -4 * y
}

func modifiedHuberValue(p, y float64, _ *Row) float64 {
	m := float64(p * y)
	if m < -1 {
		return -4 * m
	}
	d := max(1-m, 0)
	return d * d
}

func squaredHingeSlope(p, y float64, _ *Row) float64 {
	if d := 1 - float64(p*y); d > 0 {
		return -2 * y * d
	}
	return 0
}

func squaredHingeValue(p, y float64, _ *Row) float64 {
	d := max(1-float64(p*y), 0)
	return d * d
}

func squaredErrorSlope(p, y float64, _ *Row) float64 { return p - y }

func squaredErrorValue(p, y float64, _ *Row) float64 {
	d := p - y
	return d * d * 0.5
}

func huberSlope(p, y float64, r *Row) float64 { return min(max(p-y, 0-r.Epsilon), r.Epsilon) }

func huberValue(p, y float64, r *Row) float64 {
	d := math.Abs(p - y)
	if d <= r.Epsilon {
		return d * d * 0.5
	}
	return r.Epsilon * (d - float64(r.Epsilon*0.5))
}

func epsilonSlope(p, y float64, r *Row) float64 {
	switch {
	case y-p > r.Epsilon:
		return -1
	case p-y > r.Epsilon:
		return 1
	}
	return 0
}

func epsilonValue(p, y float64, r *Row) float64 { return max(math.Abs(p-y)-r.Epsilon, 0) }

func squaredEpsilonSlope(p, y float64, r *Row) float64 {
	switch {
	case y-p > r.Epsilon:
		return -2 * (y - p - r.Epsilon)
	case p-y > r.Epsilon:
		return 2 * (p - y - r.Epsilon)
	}
	return 0
}

func squaredEpsilonValue(p, y float64, r *Row) float64 {
	d := max(math.Abs(p-y)-r.Epsilon, 0)
	return d * d
}

func sigmoids(p, out []float64) {
	for i, v := range p {
		e := expNegative(-math.Abs(v))
		n := e
		if v >= 0 {
			n = 1
		}
		out[i] = n / (1 + e)
	}
}

func exponentials(p []float64, top float64, sums *[Width]float64) {
	*sums = [Width]float64{}
	for i, v := range p {
		e := 0.0
		if a := v - top; !(a <= lowest) {
			e = expNegative(a)
		}
		p[i] = e
		sums[i%Width] += e
	}
}

func logistics(p, y, value, slope, curvature []float64) {
	for i, v := range p {
		value[i], slope[i], curvature[i] = Logistic(v, y[i])
	}
}

// Logistic is log(1+exp(−p·y)), the loss of log_loss for y = ±1, to some ulp, with its slope and its second derivative
// in p. Where exp(−|p·y|) is denormal it counts as 0.
func Logistic(p, y float64) (value, slope, curvature float64) {
	m := float64(p * y)
	e := 0.0
	if a := -math.Abs(m); !(a <= lowest) {
		e = expNegative(a)
	}
	q := 1 / (1 + e)
	eq := e * q
	value, slope, curvature = log1p(e)+max(0-m, 0), q, eq*q
	if m >= 0 {
		slope = eq
	}
	return value, (0 - y) * slope, curvature
}

const (
	lowest = -708 // exp of less is that of this, 3e-308
	magic  = 0x1.8p52
	log2e  = 0x1.71547652b82fep+0
	ln2    = 0x1.62e42fee00000p-1 // 32 bits, so that a product by a count of powers of two is exact
	ln2Low = 0x1.a39ef35793c76p-33
)

// Interpolations at Chebyshev nodes: (eʳ−1−r)/r² for |r| ≤ ln(2)/2, to 1.1e-16; (2·atanh(z)/z − 2)/z² in z² ≤ 1/9, to
// 2.5e-18.
var (
	expTerms = [10]float64{
		0.5000000000000001, 0.16666666666666669, 0.04166666666662404, 0.008333333333330055, 0.0013888888917258759,
		0.00019841269863088255, 2.4801521225986432e-05, 2.7557268406190795e-06, 2.7620121717381933e-07,
		2.5100411082014903e-08,
	}
	logTerms = [11]float64{
		0.6666666666666666, 0.3999999999999952, 0.2857142857160142, 0.22222222198071062, 0.18181819908429153,
		0.15384543587249763,
		0.13335186885534053, 0.1173416786209541, 0.1084608034962759, 0.0748810671461186, 0.1563823493424178,
	}
)

// expNegative is exp(a) for a ≤ 0, within an ulp: a = k·ln(2) + r.
func expNegative(a float64) float64 {
	a = max(a, lowest)
	shifted := float64(a*log2e) + magic
	k := shifted - magic
	r := a - float64(k*ln2) - float64(k*ln2Low)
	c := &expTerms
	r2 := r * r
	r4 := r2 * r2
	t := (c[0] + float64(c[1]*r)) + float64((c[2]+float64(c[3]*r))*r2)
	t += float64(((c[4] + float64(c[5]*r)) + float64((c[6]+float64(c[7]*r))*r2)) * r4)
	t += float64((c[8] + float64(c[9]*r)) * (r4 * r4))
	power := math.Float64frombits(math.Float64bits(shifted)<<52 + 1023<<52)
	return (r + float64(r2*t) + 1) * power
}

// log1p is log(1+e) for 0 ≤ e ≤ 1, within three ulp: 2·atanh(e/(2+e)).
func log1p(e float64) float64 {
	z := e / (2 + e)
	c := &logTerms
	s := z * z
	s2 := s * s
	s4 := s2 * s2
	t := (c[0] + float64(c[1]*s)) + float64((c[2]+float64(c[3]*s))*s2)
	t += float64(((c[4] + float64(c[5]*s)) + float64((c[6]+float64(c[7]*s))*s2)) * s4)
	t += float64((c[8] + float64(c[9]*s) + float64(c[10]*s2)) * (s4 * s4))
	return float64(z * (2 + float64(s*t)))
}

func products(a, b []float64, t *[16]float64) {
	rows := len(b) / 4
	for i := 0; i < 4; i += 2 {
		*(*[8]float64)(t[4*i:]) = pairProducts(a[:4*rows], b[:4*rows], i)
	}
}

func fourProducts(a, b []float64, step int, t *[64]float64) {
	for i := 0; i < 4; i += 2 {
		for g := range 4 {
			p := pairProducts(a, b[g*step:][:len(a)], i)
			copy(t[16*i+4*g:], p[:4])
			copy(t[16*i+16+4*g:], p[4:])
		}
	}
}

// pairProducts is the products of the columns first and first+1 of a, and of four. Its accumulators and operands fit
// the 15 registers that Go has for them on amd64; those of four and four do not, and take twice the time.
func pairProducts(a, b []float64, first int) [8]float64 {
	var c00, c01, c02, c03, c10, c11, c12, c13 float64
	a = a[min(first, len(a)):]
	for i := 0; i+4 <= len(b); i += 4 {
		x, y := a[i:i+2:i+2], b[i:i+4:i+4]
		p, q := x[0], x[1]
		b0, b1, b2, b3 := y[0], y[1], y[2], y[3]
		c00 += float64(p * b0)
		c01 += float64(p * b1)
		c02 += float64(p * b2)
		c03 += float64(p * b3)
		c10 += float64(q * b0)
		c11 += float64(q * b1)
		c12 += float64(q * b2)
		c13 += float64(q * b3)
	}
	return [8]float64{c00, c01, c02, c03, c10, c11, c12, c13}
}

func centre[T float32 | float64](x []T, stride int, m *[4]float64, out []float64, sums *[4]float64) {
	m0, m1, m2, m3 := m[0], m[1], m[2], m[3]
	var s0, s1, s2, s3 float64
	for at := 0; len(out) >= 4; at, out = at+stride, out[4:] {
		v, to := (*[4]T)(x[at:]), (*[4]float64)(out)
		v0, v1, v2, v3 := float64(v[0])-m0, float64(v[1])-m1, float64(v[2])-m2, float64(v[3])-m3
		to[0], to[1], to[2], to[3] = v0, v1, v2, v3
		s0 += v0
		s1 += v1
		s2 += v2
		s3 += v3
	}
	*sums = [4]float64{s0, s1, s2, s3}
}

func subtract(x []float64, m *[4]float64) {
	m0, m1, m2, m3 := m[0], m[1], m[2], m[3]
	for ; len(x) >= 4; x = x[4:] {
		v := (*[4]float64)(x)
		v[0] -= m0
		v[1] -= m1
		v[2] -= m2
		v[3] -= m3
	}
}

func dotRows(x []float64, w *[4]float64, dst []float64) {
	w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
	for r := range dst {
		v := (*[4]float64)(x[4*r:])
		dst[r] += (float64(v[0]*w0) + float64(v[1]*w1)) + (float64(v[2]*w2) + float64(v[3]*w3))
	}
}

func weighRows(x, weights, out []float64) {
	for r, w := range weights {
		from, to := (*[4]float64)(x[4*r:]), (*[4]float64)(out[4*r:])
		to[0], to[1], to[2], to[3] = w*from[0], w*from[1], w*from[2], w*from[3]
	}
}

func logisticSums(r *Row) {
	lanes := r.N * Width
	dot, eta, update := lanesOf(r.Dot, lanes), lanesOf(r.Eta, lanes), lanesOf(r.Update, lanes)
	losses, slopes := lanesOf(r.Losses, lanes), lanesOf(r.Slopes, lanes)
	groups := unsafe.Slice(r.Groups, r.N)
	for i := range lanes {
		if update[i] = 0; eta[i] == 0 {
			continue
		}
		y, weight := groupAt(r.Y, i/Width, r.YStep)[i%Width], groupAt(r.Weight, i/Width, r.WeightStep)[i%Width]
		value, slope, _ := Logistic(dot[i]+groups[i/Width].Intercept[i%Width], y)
		w := r.RowWeight * weight
		update[i] = float64(slope * w)
		slopes[i] += update[i]
		losses[i] += float64(value * w)
	}
}

func weighLosses(weights, value, slope, curvature []float64, sums *[3 * Width]float64) {
	*sums = [3 * Width]float64{}
	for i, w := range weights {
		slope[i] = float64(slope[i] * w)
		curvature[i] = float64(curvature[i] * w)
		sums[i%Width] += float64(w * value[i])
		sums[Width+i%Width] += slope[i]
		sums[2*Width+i%Width] += curvature[i]
	}
}

// fourths adds up sums of rows by turns.
func fourths(t *[4][4]float64, sums *[4]float64) {
	for j := range sums {
		sums[j] = (t[0][j] + t[1][j]) + (t[2][j] + t[3][j])
	}
}

func sumRows(x, s []float64, sums *[4]float64) {
	var t [4][4]float64
	for r, w := range s {
		v, to := (*[4]float64)(x[4*r:]), &t[r%4]
		to[0] += float64(w * v[0])
		to[1] += float64(w * v[1])
		to[2] += float64(w * v[2])
		to[3] += float64(w * v[3])
	}
	fourths(&t, sums)
}

func weighSums(x, s, weights, out []float64, sums *[8]float64) {
	sumRows(x, s, (*[4]float64)(sums[:4]))
	weighRows(x, weights, out)
	var t [4][4]float64
	for r := range weights {
		v, to := (*[4]float64)(out[4*r:]), &t[r%4]
		to[0] += v[0]
		to[1] += v[1]
		to[2] += v[2]
		to[3] += v[3]
	}
	fourths(&t, (*[4]float64)(sums[4:]))
}
