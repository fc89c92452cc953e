package ivf

import (
	"cmp"
	"math"
	"math/bits"
)

// bitsOf yields the places of the bits that are set.
func bitsOf(mask uint64) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		for ; mask != 0; mask &= mask - 1 {
			if !yield(int32(bits.TrailingZeros64(mask))) {
				return
			}
		}
	}
}

// ordered has the order of the values.
func ordered(v float32) uint32 {
	b := math.Float32bits(v)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}

func disordered(o uint32) float32 {
	if o>>31 != 0 {
		return math.Float32frombits(o &^ (1 << 31))
	}
	return math.Float32frombits(^o)
}

// selectSmallest puts the n smallest values first, the greatest of them last: Hoare's selection. 1 ≤ n ≤ len(v).
func selectSmallest[T cmp.Ordered](v []T, n int) {
	const few = 16
	for len(v) > few {
		// The median of nine, so that sorted and equal values do no harm.
		third := len(v) / 3
		p := median(median(v[0], v[1], v[2]), median(v[third], v[third+1], v[third+2]),
			median(v[len(v)-3], v[len(v)-2], v[len(v)-1]))
		i, j := 0, len(v)-1
		for i <= j {
			for v[i] < p {
				i++
			}
			for v[j] > p {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case n <= j+1:
			v = v[:j+1]
		case n > i:
			v, n = v[i:], n-i
		default: // the n-th is equal to p, as are all between
			return
		}
	}
	for i, x := range v {
		for ; i > 0 && x < v[i-1]; i-- {
			v[i] = v[i-1]
		}
		v[i] = x
	}
}

func median[T cmp.Ordered](a, b, c T) T {
	return max(min(a, b), min(max(a, b), c))
}
