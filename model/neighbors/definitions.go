package neighbors

import (
	"math"

	"beamlearn/model/internal/elementary"
	arithmetic "beamlearn/model/internal/kernel"
)

// This file goes on with the definition of distances: those by SciPy's and scikit-learn's formulas, of single pairs.
// Sums run in the lanes of reference.go.

// varied is Σ(x−y)²/v.
func varied[T float](x []float64, y []T, v []float64) float64 {
	var l [8]float64
	y, v = y[:len(x)], v[:len(x)]
	for j, a := range x {
		d := a - float64(y[j])
		l[j%8] += float64(d*d) / v[j]
	}
	return tree(&l)
}

// whitened is ‖W(x−y)‖², W being lower triangular. delta is scratch.
func whitened[T float](x []float64, y []T, w, delta []float64) float64 {
	d := len(x)
	for j, a := range x {
		delta[j] = a - float64(y[j])
	}
	sum := 0.0
	for i := range d {
		v := arithmetic.Dot(w[i*d:i*d+i+1], delta[:i+1])
		sum += float64(v * v)
	}
	return sum
}

// haversine is sin²(d/2) of the angle d between two places, whose latitudes and longitudes are radians. cos is that of
// x's latitude.
func haversine(x0, x1, cos, y0, y1 float64) float64 {
	a, b := elementary.Sin(0.5*(x0-y0)), elementary.Sin(0.5*(x1-y1))
	h := float64(a*a) + float64(float64(cos*elementary.Cos(y0))*float64(b*b))
	return min(h, 1)
}

// angle is the d of sin²(d/2).
func angle(h float64) float64 { return 2 * elementary.Asin(math.Sqrt(h)) }

// EarthRadius is that of scikit-learn's documents, in kilometers.
const EarthRadius = 6371

// radian is a degree, as numpy.radians has it.
const radian = math.Pi / 180

// nanSquared is Σ(x−y)²·n/m over the m of n columns that both rows have, and NaN where there is none.
func nanSquared[T float](x []float64, y []T) float64 {
	var l, counts [8]float64
	y = y[:len(x)]
	for j, a := range x {
		if d := a - float64(y[j]); d == d {
			l[j%8] += float64(d * d)
			counts[j%8]++
		}
	}
	return tree(&l) / tree(&counts) * float64(len(x))
}

// canberra is Σ|x−y|/(|x|+|y|), without the terms 0/0.
func canberra[T float](x []float64, y []T) float64 {
	var l [8]float64
	y = y[:len(x)]
	for j, a := range x {
		b := float64(y[j])
		d, s := math.Abs(a-b), math.Abs(a)+math.Abs(b)
		if s > math.MaxFloat64 {
			a, b = a/2, b/2
			d, s = math.Abs(a-b), math.Abs(a)+math.Abs(b)
		}
		if s > 0 {
			l[j%8] += d / s
		}
	}
	return tree(&l)
}

// brayCurtis is Σ|x−y|/Σ|x+y|, or 0 where the first sum is.
func brayCurtis[T float](x []float64, y []T) float64 {
	d, s := brayCurtisSums(x, y, 1)
	if d > math.MaxFloat64 || s > math.MaxFloat64 {
		d, s = brayCurtisSums(x, y, 0x1p-40)
	}
	if d == 0 {
		return 0
	}
	return d / s
}

func brayCurtisSums[T float](x []float64, y []T, scale float64) (differences, sums float64) {
	var l, m [8]float64
	y = y[:len(x)]
	for j, a := range x {
		a, b := float64(a*scale), float64(float64(y[j])*scale)
		l[j%8] += math.Abs(a - b)
		m[j%8] += math.Abs(a + b)
	}
	return tree(&l), tree(&m)
}

// A contingency counts the components of two rows as booleans, n in all: those that are true in both, in the first, and
// in the second.
type contingency struct{ n, both, x, y int }

// boolean counts two rows: a component is true where it is not 0, or, in bytes of bits, each bit that is set is.
func boolean[T float](x []float64, y []T, bits bool) contingency {
	c := contingency{n: len(x)}
	if bits {
		c.n *= 8
	}
	y = y[:len(x)]
	for j, a := range x {
		b := float64(y[j])
		if bits {
			c.both += int(bitsOf[uint8(a)&uint8(b)])
			c.x += int(bitsOf[uint8(a)])
			c.y += int(bitsOf[uint8(b)])
			continue
		}
		c.x += truth(a)
		c.y += truth(b)
		c.both += truth(a) * truth(b)
	}
	return c
}

func truth(v float64) int {
	if v != 0 {
		return 1
	}
	return 0
}

// bitsOf are the numbers of bits of bytes.
var bitsOf = func() (counts [256]uint8) {
	for i := range counts {
		counts[i] = counts[i/2] + uint8(i%2)
	}
	return counts
}()

// fraction is the distance of a metric of booleans, as a numerator and a denominator; 0 of 1 is that of 0/0.
func (c contingency) fraction(m Metric) (above, below int) {
	differ := c.x + c.y - 2*c.both
	switch m {
	case Jaccard:
		above, below = differ, c.both+differ
	case Dice:
		above, below = differ, 2*c.both+differ
	case RogersTanimoto:
		above, below = 2*differ, c.n+differ
	case RussellRao:
		above, below = c.n-c.both, c.n
	case SokalSneath:
		above, below = 2*differ, c.both+2*differ
	case Overlap:
		below = min(c.x, c.y)
		above = below - c.both
	default: // Hamming, of bits
		above, below = differ, 1
	}
	if below == 0 {
		return 0, 1
	}
	return above, below
}

// distance is that of a metric of booleans.
func (c contingency) distance(m Metric) float64 {
	above, below := c.fraction(m)
	return float64(above) / float64(below)
}
