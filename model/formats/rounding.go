package formats

import (
	"math"
	"math/bits"
)

// fives are the powers of five that an uint64 holds.
var fives = [28]uint64{1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625,
	1220703125, 6103515625, 30517578125, 152587890625, 762939453125, 3814697265625, 19073486328125, 95367431640625,
	476837158203125, 2384185791015625, 11920928955078125, 59604644775390625, 298023223876953125, 1490116119384765625,
	7450580596923828125}

// nearest is the float64 nearest to m·10^exponent, ties to the even one, for an exponent of -27 to 27.
//
// 10^e is 5^e·2^e, and 5^e is exact in 64 bits. So is a product of two such integers in 128 bits, and a quotient down
// to where its remainder only tells whether something follows: one rounding, as in Clinger's algorithm with big integers
// (PLDI 1990), without these. No result is subnormal or infinite.
func nearest(m uint64, exponent int) float64 {
	if m == 0 {
		return 0
	}
	shift := bits.LeadingZeros64(m)
	m <<= shift
	var high, rest uint64 // of the value: 64 bits, the first or second of them 1; and whether more follow
	scale := exponent - shift
	if exponent >= 0 {
		high, rest = bits.Mul64(m, fives[exponent])
		scale += 64
		if n := bits.LeadingZeros64(high); n > 0 { // m's first bit is 1, so high is 0 only where the power is 1
			if n == 64 {
				high, rest = rest, 0
			} else {
				high, rest = high<<n|rest>>(64-n), rest<<n
			}
			scale -= n
		}
	} else {
		d := fives[-exponent]
		n := bits.LeadingZeros64(d)
		high, rest = bits.Div64(m>>1, m<<63, d<<n) // m>>1 is less than the divisor, whose first bit is 1
		scale += n - 63
		n = bits.LeadingZeros64(high) // 0 or 1
		high <<= n
		scale -= n
	}
	// Of the 64 bits 53 stay. What is cut off decides with rest; the lowest bit of a shifted quotient is unknown, but
	// stands below half of what stays, as rest does.
	kept, cut := high>>11, high&(1<<11-1)
	if cut > 1<<10 || cut == 1<<10 && (rest != 0 || kept&1 != 0) {
		kept++ // up to 2⁵³, which float64 holds
	}
	return math.Float64frombits(uint64(scale+11+1023)<<52) * float64(kept)
}
