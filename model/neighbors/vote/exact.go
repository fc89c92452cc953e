package vote

import (
	"math"
	"math/big"
)

// Sum is an exact sum of finite float64: it does not depend on the order in which they come. It holds numbers of which
// none overlaps another, at most some forty. (Shewchuk: Adaptive Precision Floating-Point Arithmetic, 1997, figure 6;
// as Python's math.fsum.)
type Sum []float64

// Add adds x, which is finite. O(1) but for values that span very many magnitudes.
func (s *Sum) Add(x float64) {
	p, n := *s, 0
	for _, y := range p {
		if math.Abs(x) < math.Abs(y) {
			x, y = y, x
		}
		hi := x + y
		if lo := y - (hi - x); lo != 0 {
			p[n] = lo
			n++
		}
		x = hi
	}
	*s = append(p[:n], x)
}

// AddProduct adds x·y exactly, unless that is so small that float64 does not hold its last digits.
func (s *Sum) AddProduct(x, y float64) {
	hi := float64(x * y)
	s.Add(hi)
	if lo := math.FMA(x, y, -hi); lo != 0 {
		s.Add(lo)
	}
}

// Merge adds another sum.
func (s *Sum) Merge(o Sum) {
	for _, x := range o {
		s.Add(x)
	}
}

// exactBits hold any sum of float64.
const exactBits = 2200

// exact is the sum itself.
func (s Sum) exact() *big.Float {
	sum := new(big.Float).SetPrec(exactBits)
	for _, x := range s {
		sum.Add(sum, new(big.Float).SetFloat64(x))
	}
	return sum
}

// Value is the float64 nearest to the sum.
func (s Sum) Value() float64 {
	v, _ := s.exact().Float64()
	return v
}

// finite reports whether no value was beyond float64.
func (s Sum) finite() bool {
	for _, x := range s {
		if x-x != 0 {
			return false
		}
	}
	return true
}
