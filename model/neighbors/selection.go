package neighbors

import (
	"math"
	"math/bits"
	"slices"
)

// A key is a candidate of a selection: the bits of an approximate reduced value, so that integers have its order, and a
// position below them.
type key uint64

func newKey(value float32, position int32) key {
	return key(ordered(value))<<32 | key(uint32(position))
}

func (c key) value() float32  { return disordered(c.order()) }
func (c key) order() uint32   { return uint32(c >> 32) }
func (c key) position() int32 { return int32(uint32(c)) }

// ordered are bits in the order of the values; both zeros have the same.
func ordered(v float32) uint32 {
	b := math.Float32bits(v + 0)
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

func disordered(b uint32) float32 {
	return math.Float32frombits(b ^ (uint32(int32(^b)>>31) | 1<<31))
}

// selection keeps keys of one query, at least those that may be among the k best, in the memory of its answer: that of
// the k distances, and then that of the k positions, which holds half as many more. An offer costs a few steps where a
// heap's costs log k and a branch that no processor can predict.
type selection struct {
	distances []float64
	positions []int32
}

// room is the number of keys that a selection of k holds.
func room(k int) int { return k + k/2 }

func (s *selection) put(n int, c key) {
	if n < len(s.distances) {
		s.distances[n] = math.Float64frombits(uint64(c))
		return
	}
	n = 2 * (n - len(s.distances))
	half := s.positions[n : n+2 : n+2]
	half[0], half[1] = int32(c>>32), c.position()
}

func (s *selection) at(n int) key {
	if n < len(s.distances) {
		return key(math.Float64bits(s.distances[n]))
	}
	n = 2 * (n - len(s.distances))
	return key(uint32(s.positions[n]))<<32 | key(uint32(s.positions[n+1]))
}

// keys appends the first n keys to dst.
func (s *selection) keys(n int, dst []key) []key {
	for _, d := range s.distances[:min(n, len(s.distances))] {
		dst = append(dst, key(math.Float64bits(d)))
	}
	for i := len(s.distances); i < n; i++ {
		dst = append(dst, s.at(i))
	}
	return dst
}

// margin says how far keys may be from the values they stand for: by this share of them, and by leastKey.
type margin float64

const leastKey = 0x1p-120

// ofRounding is the margin of a float64 that is rounded to float32.
const ofRounding margin = 0x1p-23

// ofScreen is that of tile.Kernels.Screen.
func ofScreen(dim int) margin { return margin(dim+16) * 0x1p-23 }

// above is a bound on the values that such a key may stand for.
func (m margin) above(v float32) float64 {
	if v < -math.MaxFloat32 {
		return -math.MaxFloat32 / 2
	}
	return float64(v) + math.Abs(float64(v))*float64(m) + leastKey
}

// limit is a bound on the keys of values that do not exceed the bound.
func (m margin) limit(bound float64) float32 {
	if bound > math.MaxFloat32/2 {
		return float32(math.Inf(1))
	}
	return float32(bound + math.Abs(bound)*3*float64(m) + 2*leastKey)
}

// candidate is a point that may be a neighbour.
type candidate struct {
	distance float64
	position int32
	key      float32 // of its reduced value
}

func compareCandidates(a, b candidate) int {
	switch {
	case a.before(b):
		return -1
	case b.before(a):
		return 1
	}
	return 0
}

func (e candidate) before(f candidate) bool {
	return e.distance < f.distance || e.distance == f.distance && e.position < f.position
}

// intervals are equal parts of the span of some values, of which there are 2^logIntervals or half as many.
const logIntervals = 8

// span returns the least of the values and the shift that makes intervals of their differences from it.
func span(v []uint32) (low uint32, shift int) {
	low, high := v[0], v[0]
	for _, x := range v {
		low, high = min(low, x), max(high, x)
	}
	return low, max(bits.Len32(high-low)-logIntervals, 0)
}

// nthSmallest is the n-th smallest value, n from 1. It counts values by interval instead of comparing them, as no
// branch predictor could follow that. It reorders v.
func nthSmallest(v []uint32, n int) uint32 {
	const few = 12
	for len(v) > few {
		low, shift := span(v)
		var counts [1 << logIntervals]uint32
		for _, x := range v {
			counts[uint8((x-low)>>(shift&31))]++
		}
		interval, before := 0, 0
		for {
			c := int(counts[uint8(interval)])
			if before+c >= n {
				break
			}
			before += c
			interval++
		}
		if shift == 0 {
			return low + uint32(interval)
		}
		m := 0
		for _, x := range v {
			v[m] = x
			if (x-low)>>(shift&31) == uint32(interval) {
				m++
			}
		}
		v, n = v[:m], n-before
	}
	slices.Sort(v)
	return v[n-1]
}

// sortKeys sorts v: first into intervals, and then within them. It may return it in dst, which has room for all. Orders
// are those of v's keys.
func sortKeys(v, dst []key, orders []uint32) []key {
	const few, crowd = 12, 16
	if len(v) <= few {
		slices.Sort(v)
		return v
	}
	low, shift := span(orders)
	var ends [1 << logIntervals]uint32
	for _, x := range orders {
		ends[uint8((x-low)>>(shift&31))]++
	}
	sum := uint32(0)
	for i, c := range ends {
		ends[i] = sum
		sum += c
	}
	dst = dst[:len(v)]
	for _, k := range v {
		end := &ends[uint8((k.order()-low)>>(shift&31))]
		dst[*end] = k
		*end++
	}
	start := uint32(0)
	for _, end := range ends {
		if end-start > crowd {
			slices.Sort(dst[start:end])
		}
		start = end
	}
	for i, k := range dst {
		for ; i > 0 && k < dst[i-1]; i-- {
			dst[i] = dst[i-1]
		}
		dst[i] = k
	}
	return dst
}
