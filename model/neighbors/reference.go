package neighbors

import (
	"math"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/vectors"
)

// This file is the definition of every distance, in plain Go. Faster kernels must give its bits.
//
// A sum over the components runs in eight lanes, lane j taking the components j, j+8, j+16, …, as a vector register
// would, and ends in the tree ((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7)), which is what halving the register gives. Each
// product is rounded before it is added: float64(a*b) forbids the compiler to fuse, which it does on arm64.

type float interface{ float32 | float64 }

func tree(l *[8]float64) float64 {
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// sqEuclidean is Σ(x−y)².
func sqEuclidean[T float](x []float64, y []T) float64 {
	var l [8]float64
	y = y[:len(x)]
	for len(x) >= 8 {
		a, b := x[:8:8], y[:8:8]
		for j := range 8 {
			d := a[j] - float64(b[j])
			l[j] += float64(d * d)
		}
		x, y = x[8:], y[8:]
	}
	for j, v := range x {
		d := v - float64(y[j])
		l[j] += float64(d * d)
	}
	return tree(&l)
}

// sqEuclideanScaled is Σ(x − s·y)².
func sqEuclideanScaled[T float](x []float64, y []T, s float64) float64 {
	var l [8]float64
	y = y[:len(x)]
	for len(x) >= 8 {
		a, b := x[:8:8], y[:8:8]
		for j := range 8 {
			d := a[j] - float64(float64(b[j])*s)
			l[j] += float64(d * d)
		}
		x, y = x[8:], y[8:]
	}
	for j, v := range x {
		d := v - float64(float64(y[j])*s)
		l[j] += float64(d * d)
	}
	return tree(&l)
}

// dot is Σxy.
func dot[T float](x []float64, y []T) float64 {
	var l [8]float64
	y = y[:len(x)]
	for len(x) >= 8 {
		a, b := x[:8:8], y[:8:8]
		for j := range 8 {
			l[j] += float64(a[j] * float64(b[j]))
		}
		x, y = x[8:], y[8:]
	}
	for j, v := range x {
		l[j] += float64(v * float64(y[j]))
	}
	return tree(&l)
}

// manhattan is Σ|x−y|.
func manhattan[T float](x []float64, y []T) float64 {
	var l [8]float64
	y = y[:len(x)]
	for len(x) >= 8 {
		a, b := x[:8:8], y[:8:8]
		for j := range 8 {
			l[j] += math.Abs(a[j] - float64(b[j]))
		}
		x, y = x[8:], y[8:]
	}
	for j, v := range x {
		l[j] += math.Abs(v - float64(y[j]))
	}
	return tree(&l)
}

// chebyshev is max|x−y|.
func chebyshev[T float](x []float64, y []T) float64 {
	m := 0.0
	y = y[:len(x)]
	for j, v := range x {
		if d := math.Abs(v - float64(y[j])); d > m {
			m = d
		}
	}
	return m
}

// powers is Σ|x−y|ᵖ, or, once it is shown to exceed the ceiling, some sum that does. Whole powers are products.
func powers[T float](x []float64, y []T, p, ceiling float64) float64 {
	var l [8]float64
	y = y[:len(x)]
	whole := 0
	if p <= mostProduct && p == math.Trunc(p) {
		whole = int(p)
	}
	for len(x) >= 8 {
		a, b := (*[8]float64)(x), (*[8]T)(y)
		switch whole {
		case 0:
			for j := range 8 {
				l[j] += elementary.Pow(math.Abs(a[j]-float64(b[j])), p)
			}
		case 3:
			cubes(&l, a, b)
		default:
			for j := range 8 {
				l[j] += product(math.Abs(a[j]-float64(b[j])), whole)
			}
		}
		if x, y = x[8:], y[8:]; len(x) > 0 && tree(&l) > ceiling { // sums only grow, rounded too
			return tree(&l)
		}
	}
	for j, v := range x {
		if d := math.Abs(v - float64(y[j])); whole > 0 {
			l[j] += product(d, whole)
		} else {
			l[j] += elementary.Pow(d, p)
		}
	}
	return tree(&l)
}

// cubes adds |a−b|³ to l.
func cubes[T float](l *[8]float64, a *[8]float64, b *[8]T) {
	for j := range 8 {
		d := math.Abs(a[j] - float64(b[j]))
		l[j] += float64(float64(d*d) * d)
	}
}

// mostProduct is the greatest whole power that is a product.
const mostProduct = 64

// product is vⁿ, n ≥ 1, by squaring: its error is below 2n·2⁻⁵³ of it, and it does not fall as v grows.
func product(v float64, n int) float64 {
	result := 1.0
	for ; n > 1; n /= 2 {
		if n%2 == 1 {
			result = float64(result * v)
		}
		v = float64(v * v)
	}
	return float64(result * v)
}

// unequal counts the components that differ.
func unequal[T float](x []float64, y []T) float64 {
	n := 0
	y = y[:len(x)]
	for j, v := range x {
		if v != float64(y[j]) {
			n++
		}
	}
	return float64(n)
}

// A metric's distance is computed in two steps: a reduced value, whose order is that of the distance, and the distance
// made of it. Rounding may make two reduced values one distance, so the order of neighbours is that of the distances.

// finish makes the distance of a reduced value.
func (o *Options) finish(reduced float64, dim int) float64 {
	switch o.Metric {
	case Euclidean, SEuclidean, Mahalanobis, NaNEuclidean:
		return math.Sqrt(reduced)
	case Haversine:
		if o.Kilometers {
			return EarthRadius * angle(reduced)
		}
		return angle(reduced)
	case Cosine:
		return math.Min(reduced/2, 2)
	case Minkowski:
		return elementary.Pow(reduced, 1/o.P)
	case Hamming:
		if !o.Bits {
			return reduced / float64(dim)
		}
	}
	return reduced
}

// ceiling is a reduced value such that any larger one has a distance larger than d, with room for each rounding.
func (o *Options) ceiling(d float64, dim int) float64 {
	switch o.Metric {
	case Euclidean, SEuclidean, Mahalanobis, NaNEuclidean:
		if d < 0 {
			return math.Inf(-1)
		}
		// √r rounded ≤ d means r ≤ d²(1+2⁻⁵²+2⁻¹⁰⁶); the product's own rounding is 2⁻⁵³, or a denormal's.
		return d*d*(1+0x1p-50) + 0x1p-1000
	case Cosine:
		if d >= 2 {
			return math.Inf(1)
		}
		return 2 * d
	case Minkowski:
		if d < 0 {
			return math.Inf(-1)
		}
		// The powers and the root are each within 2⁻³⁸ and a little: see kdTree.lower. What is as small as this may have
		// lost digits.
		return max(elementary.Pow(d, o.P)*(1+(o.P+1)*0x1p-36+float64(dim)*0x1p-50), 0x1p-890)
	case Haversine:
		if d < 0 {
			return math.Inf(-1)
		}
		return math.Inf(1) // see embedded, which is what searches
	case Hamming:
		if !o.Bits {
			return d*float64(dim)*(1+0x1p-50) + 0x1p-1000
		}
	}
	return d
}

// inverseNorm is 1/‖x‖, as the cosine uses it, and 0 for the zero vector.
func inverseNorm(x []float64) float64 {
	if n := math.Sqrt(dot(x, x)); n > 0 {
		return 1 / n
	}
	return 0
}

// The squares of values between these neither overflow nor lose digits, with room for 2³² of them.
const (
	smallSafe = 0x1p-400
	largeSafe = 0x1p+400
)

// rescale multiplies, for the cosine, a row of values that cannot be squared by a power of two, in place: the angle
// stays.
func rescale(x []float64) {
	var most uint64 // magnitudes are in the order of their bits, which are faster to compare; NaN is beyond all
	for _, v := range x {
		most = max(most, math.Float64bits(v)&^(1<<63))
	}
	m := math.Float64frombits(most)
	if m == 0 || m >= smallSafe && m <= largeSafe {
		return
	}
	_, e := math.Frexp(m)
	for i, v := range x {
		x[i] = math.Ldexp(v, -e)
	}
}

// prepared is a query row as the kernels take it: float64, for the cosine of unit length, for the haversine in radians.
type prepared struct {
	x     []float64
	zero  bool    // the zero vector, under the cosine
	cos   float64 // of the latitude
	own   []float64
	delta []float64 // scratch
}

func (o *Options) prepare(q *vectors.Block, i int, p *prepared) {
	if len(p.own) < q.Dim {
		p.own = make([]float64, q.Dim)
	}
	p.x = q.Row(i, p.own)
	switch o.Metric {
	case Haversine:
		lat, lon := o.place(p.x[0], p.x[1])
		p.x, p.cos = append(p.own[:0], lat, lon), elementary.Cos(lat)
		return
	case Mahalanobis:
		if p.delta == nil {
			p.delta = make([]float64, q.Dim)
		}
		return
	case Cosine:
	default:
		return
	}
	x := p.own[:q.Dim]
	copy(x, p.x)
	rescale(x)
	if o.centred {
		centre(x)
	}
	s := inverseNorm(x)
	p.zero = s == 0
	for j := range x {
		x[j] *= s
	}
	p.x = x
}

// reduced is the reduced value of a prepared query and the point at a position. scale is inverseNorm of the point,
// for the cosine.
func (o *Options) reduced(q *prepared, p *points, position int, scale float64) float64 {
	if p.f64 != nil {
		return reducedOf(o, q, p.f64[position*p.dim:(position+1)*p.dim], scale)
	}
	return reducedOf(o, q, p.f32[position*p.dim:(position+1)*p.dim], scale)
}

// negative makes the reduced value of an inner product: no −0, and +Inf where its terms overflow to both sides.
func negative(dot float64) float64 {
	if dot != dot {
		return math.Inf(1)
	}
	return 0 - dot
}

func reducedOf[T float](o *Options, q *prepared, y []T, scale float64) float64 {
	switch o.Metric {
	case SEuclidean:
		return varied(q.x, y, o.Params.V)
	case Mahalanobis:
		return whitened(q.x, y, o.Params.whitening, q.delta)
	case Haversine:
		lat, lon := o.place(float64(y[0]), float64(y[1]))
		return haversine(q.x[0], q.x[1], q.cos, lat, lon)
	case NaNEuclidean:
		return nanSquared(q.x, y)
	case Canberra:
		return canberra(q.x, y)
	case BrayCurtis:
		return brayCurtis(q.x, y)
	case Jaccard, Dice, RogersTanimoto, RussellRao, SokalSneath, Overlap:
		return boolean(q.x, y, o.Bits).distance(o.Metric)
	case Cosine:
		if q.zero || scale == 0 {
			return 2
		}
		return sqEuclideanScaled(q.x, y, scale)
	case InnerProduct:
		return negative(dot(q.x, y))
	case Manhattan:
		return manhattan(q.x, y)
	case Chebyshev:
		return chebyshev(q.x, y)
	case Minkowski:
		return powers(q.x, y, o.P, math.Inf(1))
	case Hamming:
		if o.Bits {
			return boolean(q.x, y, true).distance(Hamming)
		}
		return unequal(q.x, y)
	}
	return sqEuclidean(q.x, y)
}

// Distance is the distance of two rows of the same length: the definition that every index keeps to. Options must be
// valid; their algorithm does not matter. What float64 cannot hold is ±Inf, or 0, where an index gives an error.
// SEuclidean and Mahalanobis need Params: it panics without. By NaNEuclidean it is NaN where the rows have no column in
// common.
func Distance(x, y []float64, o Options) float64 {
	o.EnsureDefaults()
	if o.Metric.Fitted() {
		if o.Params == nil {
			panic("neighbors.Distance: " + string(o.Metric) + " without Params")
		}
		if o.Params.whitening == nil {
			var err error
			if o, err = o.completed(len(x)); err != nil {
				panic("neighbors.Distance: " + err.Error())
			}
		}
	}
	o = o.resolve()
	q := vectors.Block{Dim: len(x), DType: vectors.Float64, F64: x, Numbers: []int64{0}}
	p := points{n: 1, dim: len(y), f64: y}
	var pre prepared
	o.prepare(&q, 0, &pre)
	p, scales := o.scales(p)
	s := 0.0
	if scales != nil {
		s = scales[0]
	}
	d, _ := o.distance(x, y, o.reduced(&pre, &p, 0, s))
	return d
}

// scales are the inverse norms of all points, for the cosine, and nil for the other metrics. The points come back
// rescaled, in memory of their own, where squares of theirs would overflow.
func (o *Options) scales(p points) (points, []float64) {
	if o.Metric != Cosine {
		return p, nil
	}
	s := make([]float64, p.n)
	buf := make([]float64, p.dim)
	if o.centred {
		rows := make([]float64, p.n*p.dim)
		for i := range s {
			x := rows[i*p.dim : (i+1)*p.dim]
			copy(x, p.row(i, buf))
			rescale(x)
			centre(x)
			s[i] = inverseNorm(x)
		}
		p.f32, p.f64 = nil, rows
		return p, s
	}
	own := false
	for i := range s {
		x := p.row(i, buf)
		if p.f64 != nil {
			y := buf[:p.dim]
			copy(y, x)
			rescale(y)
			if y[0] != x[0] || !equal(x, y) {
				if !own {
					p.f64 = append([]float64(nil), p.f64...)
					own = true
				}
				copy(p.f64[i*p.dim:], y)
			}
			x = y
		}
		s[i] = inverseNorm(x)
	}
	return p, s
}

// centre takes the mean of a row from it, in place, and, for the cosine, rescales what is left. A row of one value
// becomes zeros. A mean that is large against the spread of the row loses digits which count beside the differences;
// these are exact then, and their own mean is what was lost.
func centre(x []float64) {
	sum, least, most := 0.0, x[0], x[0]
	for _, v := range x {
		sum, least, most = sum+v, min(least, v), max(most, v)
	}
	mean := sum / float64(len(x))
	if least == most {
		mean = least
	}
	sum, most = 0, 0
	for j := range x {
		x[j] -= mean
		sum, most = sum+x[j], max(most, math.Abs(x[j]))
	}
	if lost := sum / float64(len(x)); math.Abs(lost) > 0x1p-50*most {
		for j := range x {
			x[j] -= lost
		}
	}
	rescale(x)
}

// place is a latitude and a longitude in radians.
func (o *Options) place(lat, lon float64) (float64, float64) {
	if o.Degrees {
		return lat * radian, lon * radian
	}
	return lat, lon
}

func equal(x, y []float64) bool {
	for i, v := range x {
		if v != y[i] {
			return false
		}
	}
	return true
}
