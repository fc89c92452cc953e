// Package exact adds numbers up without rounding, so that a sum has the same bits in whatever order its terms come, and
// however they were cut into parts.
package exact

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

const (
	// most is how many chunks there may be: those of 2⁶³ squares of the largest float64.
	most = 138
	// point is how many bits of a sum are behind the point: twice those of the smallest float64.
	point = 2150
	// additions is how many of them a chunk takes before it may overflow.
	additions = 1 << 10
	chunkBits = 32
	chunkMask = 1<<chunkBits - 1
)

// Sum is a sum of float64s, of their squares and of products of two, without rounding: an integer of 32 bits a chunk,
// whose chunks may be out of range for some additions. It has room for the magnitudes that have come: some 32 bytes
// for numbers of about the same, 1.1 kB at most. Its value is NaN once a number is not finite. The zero value is 0. A
// Sum must not be copied once it has been added to: the two would share their chunks. (Neal, Fast exact summation using
// small and large superaccumulators, 2015, the small one; here its range is that of squares.)
type Sum struct {
	chunks []int64
	first  int // the place of the lowest chunk, of most
	adds   int
	nan    bool
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

// at is n chunks from place c on.
func (s *Sum) at(c, n int) []int64 {
	i := c - s.first
	if i < 0 || i+n > len(s.chunks) {
		s.grow(c, n)
		i = c - s.first
	}
	return s.chunks[i : i+n : i+n]
}

// grow makes room for n chunks from place c on.
func (s *Sum) grow(c, n int) {
	lo, hi := c, c+n
	if len(s.chunks) > 0 {
		lo, hi = min(lo, s.first), max(hi, s.first+len(s.chunks))
	}
	chunks := make([]int64, hi-lo)
	if len(s.chunks) > 0 {
		copy(chunks[s.first-lo:], s.chunks)
	}
	s.chunks, s.first = chunks, lo
}

// Add adds a number. O(1).
func (s *Sum) Add(v float64) {
	m, e := parts(v)
	switch {
	case e == 0x7ff:
		s.nan = true
		return
	case m == 0:
		return
	}
	e += point - 1075
	c, shift := s.at(e>>5, 2), e&31
	lo, hi := int64(m<<shift&chunkMask), int64(m>>(chunkBits-shift))
	if v < 0 {
		lo, hi = -lo, -hi
	}
	c[0] += lo
	c[1] += hi
	s.added()
}

// AddSquare adds v².
func (s *Sum) AddSquare(v float64) { s.AddProduct(v, v) }

// AddProduct adds x·y.
func (s *Sum) AddProduct(x, y float64) {
	m, e := parts(x)
	n, f := parts(y)
	switch {
	case e == 0x7ff || f == 0x7ff:
		s.nan = true
		return
	case m == 0 || n == 0:
		return
	}
	e += f
	hi, lo := bits.Mul64(m, n)
	c, shift := s.at(e>>5, 4), e&31
	sign := int64(1)
	if (x < 0) != (y < 0) {
		sign = -1
	}
	c[0] += sign * int64(lo<<shift&chunkMask)
	c[1] += sign * int64(lo>>(chunkBits-shift)&chunkMask)
	c[2] += sign * int64((hi<<shift|lo>>(64-shift))&chunkMask)
	c[3] += sign * int64(hi>>(chunkBits-shift))
	s.added()
}

func (s *Sum) added() {
	if s.adds++; s.adds == additions {
		s.carry()
	}
}

// carry brings all chunks but the last into their range, and the last to at most 32 bits and its sign.
func (s *Sum) carry() {
	for i := 0; i < len(s.chunks); i++ {
		c := s.chunks[i] >> chunkBits
		last := i == len(s.chunks)-1
		if c == 0 || last && c == -1 {
			continue
		}
		if last {
			s.grow(s.first+i+1, 1)
		}
		s.chunks[i] -= c << chunkBits
		s.chunks[i+1] += c
	}
	s.adds = 0
}

// Merge adds what t is the sum of.
func (s *Sum) Merge(t *Sum) {
	s.nan = s.nan || t.nan
	if len(t.chunks) == 0 {
		return
	}
	s.carry()
	t.carry()
	c := s.at(t.first, len(t.chunks))
	for i, v := range t.chunks {
		c[i] += v
	}
	s.carry()
}

// Finite reports whether all numbers were.
func (s *Sum) Finite() bool { return !s.nan }

// Rat is the sum of finite numbers.
func (s *Sum) Rat() *big.Rat {
	s.carry()
	sum, chunk := new(big.Int), new(big.Int)
	for _, c := range slices.Backward(s.chunks) {
		sum.Add(sum.Lsh(sum, chunkBits), chunk.SetInt64(c))
	}
	sum.Lsh(sum, uint(chunkBits*s.first))
	return new(big.Rat).SetFrac(sum, new(big.Int).Lsh(big.NewInt(1), point))
}

// Value is the float64 nearest to the sum, infinite beyond all, and NaN where a number was not finite.
func (s *Sum) Value() float64 {
	if s.nan {
		return math.NaN()
	}
	v, _ := s.Rat().Float64()
	return v
}

// IsZero reports whether the sum is 0.
func (s Sum) IsZero() bool {
	s.carry()
	return !s.nan && !slices.ContainsFunc(s.chunks, func(c int64) bool { return c != 0 })
}

// Spread is Σw·v² − (Σw·v)²/Σw, the sum of the squares of numbers' distances from their mean, of the sums of their
// weights, of them and of their squares. It is 0 without weights.
func Spread(weights, values, squares *big.Rat) *big.Rat {
	if weights.Sign() == 0 {
		return new(big.Rat)
	}
	m := new(big.Rat).Mul(values, values)
	return m.Sub(squares, m.Quo(m, weights))
}

// Append appends the sum to b. Equal sums are equal bytes, whatever was added in between.
func (s *Sum) Append(b []byte) []byte {
	s.carry()
	chunks, first := slices.Clone(s.chunks), s.first
	sign := byte(0)
	if n := len(chunks); n > 0 && chunks[n-1] < 0 {
		sign = 1
		of := Sum{chunks: chunks, first: first}
		for i := range chunks {
			chunks[i] = -chunks[i]
		}
		of.carry()
		chunks = of.chunks
	}
	for len(chunks) > 0 && chunks[0] == 0 {
		chunks = chunks[1:]
		first++
	}
	for len(chunks) > 0 && chunks[len(chunks)-1] == 0 {
		chunks = chunks[:len(chunks)-1]
	}
	switch {
	case s.nan:
		return append(b, nanSum, 0, 0)
	case len(chunks) == 0:
		first = 0
	}
	b = append(b, sign, byte(first), byte(len(chunks)))
	for _, c := range chunks {
		b = binary.AppendUvarint(b, uint64(c))
	}
	return b
}

const nanSum = 2 // in the place of the sign

var errSum = errors.New("not an exact sum")

// Cut reads the sum from the front of b, and gives the rest.
func (s *Sum) Cut(b []byte) ([]byte, error) {
	if len(b) < 3 || b[0] > nanSum || int(b[1])+int(b[2]) > most || b[2] == 0 && (b[0] == 1 || b[1] > 0) ||
		b[0] == nanSum && b[2] > 0 {
		return nil, errSum
	}
	sign, first, n := b[0], int(b[1]), int(b[2])
	*s = Sum{nan: sign == nanSum, first: first}
	b = b[3:]
	if n > len(b) {
		return nil, errSum
	}
	if n > 0 {
		s.chunks = make([]int64, n)
	}
	for i := range s.chunks {
		c, size := binary.Uvarint(b)
		if size <= 0 || size > 1 && b[size-1] == 0 || c > chunkMask || c == 0 && (i == 0 || i == n-1) {
			return nil, errSum
		}
		if s.chunks[i], b = int64(c), b[size:]; sign == 1 {
			s.chunks[i] = -s.chunks[i]
		}
	}
	return b, nil
}

// MarshalBinary is Append to nothing.
func (s *Sum) MarshalBinary() ([]byte, error) { return s.Append(nil), nil }

// UnmarshalBinary reads what MarshalBinary writes.
func (s *Sum) UnmarshalBinary(b []byte) error {
	rest, err := s.Cut(b)
	if err == nil && len(rest) > 0 {
		err = errSum
	}
	return err
}

// MarshalJSON writes float64s whose sum it is, at most some forty: the one nearest to the sum, that nearest to the rest,
// and so on. So equal sums are equal texts, and the first number is the value. Null is what is not finite, or beyond
// float64. Digits of products that are below the smallest float64 are left out.
func (s Sum) MarshalJSON() ([]byte, error) {
	if s.nan {
		return []byte("null"), nil
	}
	list := []float64{}
	for rest := s.Rat(); ; {
		v, _ := rest.Float64()
		if v == 0 {
			return json.Marshal(list)
		}
		if math.IsInf(v, 0) {
			return []byte("null"), nil
		}
		list = append(list, v)
		rest.Sub(rest, new(big.Rat).SetFloat64(v))
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Sum) UnmarshalJSON(b []byte) error {
	var list []float64
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*s = Sum{nan: list == nil}
	for _, v := range list {
		s.Add(v)
	}
	return nil
}
