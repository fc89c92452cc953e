package features

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/bits"
)

const (
	exactChunks = 138
	// exactPoint is how many bits of an exact sum are behind the point: twice those of the smallest float64.
	exactPoint = 2150
	// exactAdds is how many additions a chunk takes before it may overflow.
	exactAdds = 1 << 10
)

// exact is a sum of finite float64s, or of their squares, without rounding: an integer of 32 bits a chunk, whose
// chunks may be out of range for some additions. So it does not depend on the order of what is added. (Neal, Fast
// exact summation using small and large superaccumulators, 2015, the small one; here its range is that of squares.)
type exact struct {
	chunks [exactChunks]int64
	adds   int
}

// parts are the integer and the exponent of the absolute value of a finite number: m·2^(e−1075).
func parts(v float64) (m uint64, e int) {
	b := math.Float64bits(v)
	m, e = b&(1<<52-1), int(b>>52&0x7ff)
	if e == 0 {
		return m, 1
	}
	return m | 1<<52, e
}

func (s *exact) add(v float64) {
	m, e := parts(v)
	e += exactPoint - 1075
	c, shift := s.chunks[e>>5:e>>5+2], e&31
	lo, hi := int64(m<<shift&(1<<32-1)), int64(m>>(32-shift))
	if v < 0 {
		lo, hi = -lo, -hi
	}
	c[0] += lo
	c[1] += hi
	s.added()
}

func (s *exact) addSquare(v float64) {
	m, e := parts(v)
	e *= 2
	hi, lo := bits.Mul64(m, m)
	c, shift := s.chunks[e>>5:e>>5+4], e&31
	c[0] += int64(lo << shift & (1<<32 - 1))
	c[1] += int64(lo >> (32 - shift) & (1<<32 - 1))
	c[2] += int64((hi<<shift | lo>>(64-shift)) & (1<<32 - 1))
	c[3] += int64(hi >> (32 - shift))
	s.added()
}

func (s *exact) added() {
	if s.adds++; s.adds == exactAdds {
		s.carry()
	}
}

// carry brings all chunks but the last into their range. Equal sums have equal chunks then.
func (s *exact) carry() {
	for i := range exactChunks - 1 {
		c := s.chunks[i] >> 32
		s.chunks[i] -= c << 32
		s.chunks[i+1] += c
	}
	s.adds = 0
}

func (s *exact) merge(t *exact) {
	s.carry()
	t.carry()
	for i, c := range t.chunks {
		s.chunks[i] += c
	}
	s.carry()
}

// rat is the sum.
func (s *exact) rat() *big.Rat {
	s.carry()
	sum, chunk := new(big.Int), new(big.Int)
	for i := exactChunks - 1; i >= 0; i-- {
		sum.Add(sum.Lsh(sum, 32), chunk.SetInt64(s.chunks[i]))
	}
	return new(big.Rat).SetFrac(sum, new(big.Int).Lsh(big.NewInt(1), exactPoint))
}

// append appends the sum to b: the chunks from the first to the last that is not zero.
func (s *exact) append(b []byte) []byte {
	s.carry()
	lo, hi := 0, exactChunks
	for lo < hi && s.chunks[lo] == 0 {
		lo++
	}
	for hi > lo && s.chunks[hi-1] == 0 {
		hi--
	}
	b = append(b, byte(lo), byte(hi))
	for _, c := range s.chunks[lo:hi] {
		b = binary.AppendVarint(b, c)
	}
	return b
}

var errSum = errors.New("not an exact sum")

// cut reads the sum from the front of b, and gives the rest.
func (s *exact) cut(b []byte) ([]byte, error) {
	if len(b) < 2 || b[0] > b[1] || b[1] > exactChunks {
		return nil, errSum
	}
	*s = exact{}
	lo, hi := int(b[0]), int(b[1])
	b = b[2:]
	for i := lo; i < hi; i++ {
		c, n := binary.Varint(b)
		if n <= 0 || i < exactChunks-1 && c>>32 != 0 || c > 1<<60 || c < -1<<60 {
			return nil, errSum
		}
		s.chunks[i], b = c, b[n:]
	}
	return b, nil
}

// sums are those of numbers and of their squares. Small whole numbers are added as such first.
type sums struct {
	numbers, squares exact
	small, squared   int64
	count            int
}

const (
	smallBits = 24
	smallAdds = 1 << 14 // their squares are below 2^63 together
)

func (s *sums) add(v float64) {
	const limit = 1 << smallBits
	if n := int64(v); float64(n) == v && n < limit && n > -limit {
		s.small += n
		s.squared += n * n
		if s.count++; s.count == smallAdds {
			s.flush()
		}
		return
	}
	s.numbers.add(v)
	s.squares.addSquare(v)
}

// flush adds the small numbers to the others.
func (s *sums) flush() {
	s.numbers.add(float64(s.small)) // below 2^53
	s.squares.add(float64(s.squared >> 32 << 32))
	s.squares.add(float64(s.squared & (1<<32 - 1)))
	s.small, s.squared, s.count = 0, 0, 0
}

func (s *sums) merge(t *sums) {
	s.flush()
	t.flush()
	s.numbers.merge(&t.numbers)
	s.squares.merge(&t.squares)
}

// meanAndDeviation are those of the numbers and of others that are fill, rounded once: the deviation is that of the
// population. Of none, they are fill and 0.
func (n *numbers) meanAndDeviation(others int64, fill float64) (mean, deviation float64) {
	if n.count == 0 {
		return fill, 0
	}
	count := new(big.Rat).SetInt64(n.count + others)
	f, k := new(big.Rat).SetFloat64(fill), new(big.Rat).SetInt64(others)
	k.Mul(k, f)
	n.sums.flush()
	m := n.sums.numbers.rat()
	m.Add(m, k).Quo(m, count)
	v := n.sums.squares.rat()
	v.Add(v, k.Mul(k, f)).Quo(v, count)
	v.Sub(v, new(big.Rat).Mul(m, m))
	mean, _ = m.Float64()
	const precision = 256
	deviation, _ = new(big.Float).Sqrt(new(big.Float).SetPrec(precision).SetRat(v)).Float64()
	return mean, deviation
}
