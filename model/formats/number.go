package formats

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/formats/internal/delimited"
	"beamlearn/model/vectors"
)

// maxColumns bounds what a single line of text can make every row take.
const maxColumns = 1 << 20

// exactPowers are the powers of ten that float64 holds exactly.
var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	1e16,
	1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// number reads the longest decimal number that b begins with, and its length, 0 where there is none. The value is the
// nearest float64, and ±Inf where that is none. In json mode the number must be one of JSON: 01, .5, 5. and +5 are not.
//
// An integer below 2⁵³ and a power of ten up to 10²² are both exact, so that one multiplication or division rounds
// correctly (Clinger, How to read floating point numbers accurately, PLDI 1990). Up to 19 digits and 10²⁷, nearest
// divides integers; strconv sees to the rest.
func number(b []byte, json bool) (float64, int) {
	if len(b) >= fixedBytes {
		if v, n := fixedDecimal(b, json); n > 0 {
			return v, n
		}
	}
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+' && !json) {
		i, negative = 1, b[0] == '-'
	}
	first := i
	i, m := digits(b, i, 0)
	count := i - first
	if json && (count == 0 || count > 1 && b[first] == '0') {
		return 0, 0
	}
	exponent := 0
	if i < len(b) && b[i] == '.' {
		point := i + 1
		i, m = digits(b, point, m)
		exponent = point - i
		count -= exponent
		if json && exponent == 0 {
			return 0, 0
		}
	}
	if count == 0 {
		return 0, 0
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if e, n := exponentOf(b[i+1:]); n > 0 {
			exponent += e
			i += 1 + n
		}
	}
	if count > 19 {
		count -= leadingZeros(b[first:])
	}
	// 19 digits fit an uint64; with more, m has lost some.
	if m>>53 == 0 && count <= 19 && exponent >= -22 && exponent <= 22 {
		v := float64(m)
		if exponent < 0 {
			v /= exactPowers[-exponent]
		} else {
			v *= exactPowers[exponent]
		}
		if negative {
			v = -v
		}
		return v, i
	}
	if count <= 19 && exponent > -len(fives) && exponent < len(fives) {
		v := nearest(m, exponent)
		if negative {
			v = -v
		}
		return v, i
	}
	v, _ := strconv.ParseFloat(string(b[:i]), 64) // its one error here is a value out of range, which is ±Inf
	return v, i
}

// fixedBytes are what fixedDecimal may look at: a sign, 7 digits, a point, 8 digits.
const fixedBytes = 17

// fixedDecimal is number for an integer of one to seven digits, which a point and up to 18 more may follow, without an
// exponent or a plus, as most columns have them; otherwise the length is 0. The sign, and how many digits there are of
// up to seven on either side, decide no branch.
func fixedDecimal(b []byte, json bool) (float64, int) {
	_ = b[fixedBytes-1]
	sign := 0
	if b[0] == '-' {
		sign = 1
	}
	mask, x := notDigits(binary.LittleEndian.Uint64(b[sign:]))
	point := bits.TrailingZeros64(mask) &^ 7
	i := sign + point/8
	if point == 0 || mask == 0 || json && point > 8 && b[sign] == '0' {
		return 0, 0
	}
	m, v := eightDigits(x<<((64-point)&63)), 0.0
	if b[i] != '.' {
		v = float64(int64(m))
	} else {
		mask, y := notDigits(binary.LittleEndian.Uint64(b[i+1:]))
		if mask == 0 {
			if v, i = longFraction(b, i+1, m*1e8+eightDigits(y), point/8); i == 0 {
				return 0, 0
			}
		} else {
			end := bits.TrailingZeros64(mask) &^ 7
			if end == 0 {
				return 0, 0
			}
			i += 1 + end/8
			places := end / 8 & 7
			v = float64(int64(m*smallPowers[places]+eightDigits(y<<((64-end)&63)))) / exactPowers[places]
		}
	}
	if b[i]|0x20 == 'e' {
		return 0, 0
	}
	return math.Float64frombits(math.Float64bits(v) | uint64(sign)<<63), i
}

// longFraction goes on with a number whose first digits, so many and eight from b[i] on, are m; it returns the place
// after its last, which is within b, or 0 where there are more than 19 in all, or b may be too short.
func longFraction(b []byte, i int, m uint64, whole int) (v float64, end int) {
	const most = 24
	if len(b) <= i+most {
		return 0, 0
	}
	mask, x := notDigits(binary.LittleEndian.Uint64(b[i+8:]))
	places := bits.TrailingZeros64(mask) / 8
	m = m*smallPowers[places&15] + eightDigits(x<<(64-8*places))
	if places == 8 {
		mask, x = notDigits(binary.LittleEndian.Uint64(b[i+16:]))
		more := bits.TrailingZeros64(mask) / 8
		m = m*smallPowers[more&15] + eightDigits(x<<(64-8*more))
		places += more
	}
	places += 8
	if places+whole > 19 {
		return 0, 0
	}
	return quotient(m, places), i + places
}

// quotient is the float64 nearest to an integer that so many places, at most 19, stand behind the point of.
func quotient(m uint64, places int) float64 {
	if m>>53 == 0 {
		return float64(int64(m)) / exactPowers[places]
	}
	return nearest(m, -places)
}

// longNumber is the value of a number of many digits.
func longNumber(n delimited.Long) float64 {
	v := quotient(n.Integer, max(int(n.Places), 0))
	return math.Float64frombits(math.Float64bits(v) | uint64(n.Minus)<<63)
}

// leadingZeros is how many zeros stand before the first other digit of a number without a sign.
func leadingZeros(b []byte) (n int) {
	for _, c := range b {
		switch c {
		case '0':
			n++
		case '.':
		default:
			return n
		}
	}
	return n
}

// digits reads digits from b[i] on into m, and returns the place after them.
func digits(b []byte, i int, m uint64) (int, uint64) {
	for len(b)-i >= 8 {
		// Eight bytes at once, without a branch on how many of them are digits.
		x := binary.LittleEndian.Uint64(b[i:]) ^ 0x3030303030303030
		n := bits.TrailingZeros64(((x+0x7676767676767676)|x)&0x8080808080808080) / 8
		if n == 0 {
			return i, m
		}
		x <<= (64 - 8*n) & 63 // the digits to the right end of the eight, zeros before them
		x = x*10 + x>>8
		x = (x&0x000000ff000000ff*(100+1000000<<32) + x>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
		m = m*smallPowers[n&15] + x
		i += n
		if n < 8 {
			return i, m
		}
	}
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		m = m*10 + uint64(c)
	}
	return i, m
}

var smallPowers = [16]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// notDigits has the highest bit of each byte of x that is no digit, up to the first that is none, and as far beyond
// it as they are ASCII; and x without the zeros' code.
func notDigits(x uint64) (mask, values uint64) {
	x ^= 0x3030303030303030
	return ((x + 0x7676767676767676) | x) & 0x8080808080808080, x
}

// eightDigits is the number of eight digits, the first in the lowest byte.
func eightDigits(x uint64) uint64 {
	x = x*10 + x>>8
	return (x&0x000000ff000000ff*(100+1000000<<32) + x>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
}

// shortInteger reads the digits that b begins with, which has eight bytes, without a branch on how many they are: up
// to seven, otherwise the length is 0.
func shortInteger(b []byte) (int64, int) {
	mask, x := notDigits(binary.LittleEndian.Uint64(b))
	n := bits.TrailingZeros64(mask) / 8
	if n == 0 || n == 8 {
		return 0, 0
	}
	return int64(eightDigits(x << (64 - 8*n))), n
}

// shortDecimal is number for what takes at most seven bytes, of eight, and has neither sign nor exponent; otherwise
// the length is 0.
func shortDecimal(b []byte) (float64, int) {
	mask, x := notDigits(binary.LittleEndian.Uint64(b))
	point := bits.TrailingZeros64(mask) &^ 7
	if mask == 0 || b[point/8] != '.' {
		n := point / 8
		if n == 0 || n == 8 || b[n]|0x20 == 'e' {
			return 0, 0
		}
		return float64(eightDigits(x << (64 - point))), n
	}
	mask &= mask - 1
	end := bits.TrailingZeros64(mask) &^ 7
	if mask == 0 || end == 8 || b[end/8]|0x20 == 'e' {
		return 0, 0
	}
	whole := x & (1<<point - 1)
	x = x&^(1<<point<<8-1) | whole<<8 // without the point
	return float64(eightDigits(x<<(64-end))) / exactPowers[(end-point)/8-1], end / 8
}

// exponentOf reads a signed integer and its length; beyond ±10⁶ it is only that far.
func exponentOf(b []byte) (e, n int) {
	i, sign := 0, 1
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i = 1
		if b[0] == '-' {
			sign = -1
		}
	}
	first := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		e = min(e*10+int(b[i]-'0'), 1e6)
	}
	if i == first {
		return 0, 0
	}
	return sign * e, i
}

// onlySpaces reports whether a field has nothing but spaces and tabs.
func onlySpaces(b []byte) bool { return len(trimSpaces(b)) == 0 }

// trimSpaces cuts off the spaces and tabs around a field.
func trimSpaces(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// wholeNumber reads a field that is a number from end to end but for spaces. It may be ±Inf.
func wholeNumber(field []byte) (float64, bool) {
	field = trimSpaces(field)
	v, n := number(field, false)
	return v, n > 0 && n == len(field)
}

// notFinite reports whether a field is NaN or infinity by one of their names.
func notFinite(field []byte) bool {
	const longest = len("+infinity")
	field = trimSpaces(field)
	if len(field) > longest {
		return false
	}
	v, err := strconv.ParseFloat(string(field), 64)
	return err == nil && v-v != 0
}

// numberFault is the fault of a field that no block can hold.
func numberFault(file string, row int64, column string, field []byte) *fault.Fault {
	f := &fault.Fault{File: file, Row: row, Column: column, Found: fault.Quote(field), Expected: "a number"}
	if v, ok := wholeNumber(field); ok {
		f.Expected = storable(v)
	} else if notFinite(field) {
		f.Expected = "a finite number"
	} else if len(trimSpaces(field)) == 0 {
		f.Found = "an empty field"
	}
	return f
}

// storable is what a number that a block has refused should have been.
func storable(v float64) string {
	if math.IsInf(v, 0) {
		return "a finite float64"
	}
	return "a finite float32"
}

// parseID is vectors.ParseID without a string for an integer.
func parseID(b []byte) vectors.ID {
	const digits = 18 // never out of range
	i := 0
	if len(b) > 0 && b[0] == '-' {
		i = 1
	}
	if n := len(b) - i; n == 0 || n > digits || b[i] == '0' && len(b) > 1 {
		return vectors.ParseID(string(b))
	}
	var v int64
	for _, c := range b[i:] {
		if c -= '0'; c > 9 {
			return vectors.ParseID(string(b))
		}
		v = v*10 + int64(c)
	}
	if i == 1 {
		v = -v
	}
	return vectors.ID{Int: v}
}
