package wire

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Codec writes the fields of a value, or reads them, by one list of its fields:
//
//	func (s *sums) fields(c *wire.Codec) {
//		c.Count(&s.rows)
//		c.Floats(s.products)
//		c.Check(s.rows >= 0, "rows")
//	}
//
// [Encode] writes by such a list and [Decode] reads by it. The first error stays, and whatever follows does nothing.
// Reading takes memory only for what the bytes have been seen to hold. Numbers keep every bit.
type Codec struct {
	b       []byte // written, or left to read
	reading bool
	err     error
}

// Encode writes what the list names.
func Encode(fields func(*Codec)) ([]byte, error) {
	var c Codec
	fields(&c)
	return c.b, c.err
}

// Decode reads what Encode has written by the same list. It refuses bytes that are left.
func Decode(b []byte, fields func(*Codec)) error {
	c := Codec{b: b, reading: true}
	fields(&c)
	if c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%d bytes are left", len(c.b))
	}
	return c.err
}

// Reading reports whether fields are read, not written.
func (c *Codec) Reading() bool { return c.reading }

// OK reports whether there has been no error.
func (c *Codec) OK() bool { return c.err == nil }

// Fail ends it with an error, if that is not nil and the first.
func (c *Codec) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Check is an error of what has been read, unless ok.
func (c *Codec) Check(ok bool, want string) {
	if !ok && c.reading && c.err == nil {
		c.err = fmt.Errorf("must have %s", want)
	}
}

// Has is an error unless there are n bytes to read.
func (c *Codec) Has(n int) bool {
	if c.err == nil && c.reading && (n < 0 || n > len(c.b)) {
		c.err = fmt.Errorf("%d bytes are missing", n-len(c.b))
	}
	return c.err == nil
}

func (c *Codec) take(n int) []byte {
	if !c.Has(n) {
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *Codec) uvarint(v uint64) uint64 {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, v)
		return v
	}
	v, n := binary.Uvarint(c.b)
	c.Check(n == 1 || n > 1 && c.b[n-1] != 0, "whole numbers, each in its shortest form")
	if c.err != nil {
		return 0
	}
	c.b = c.b[n:]
	return v
}

// Count is for numbers from 0 to 2⁵³−1, of which many can be added up.
func (c *Codec) Count(x ...*int64) {
	for _, p := range x {
		v := c.uvarint(uint64(*p))
		c.Check(v < 1<<53, "counts below 2⁵³")
		if c.reading && c.err == nil {
			*p = int64(v)
		}
	}
}

// Int is for numbers from 0 to 2³¹−1.
func (c *Codec) Int(x ...*int) {
	for _, p := range x {
		v := c.uvarint(uint64(*p))
		c.Check(v <= math.MaxInt32, "numbers below 2³¹")
		if c.reading && c.err == nil {
			*p = int(v)
		}
	}
}

// Pass is the number of the pass that sums are of, which must be this one.
func (c *Codec) Pass(pass int) {
	read := pass
	c.Int(&read)
	c.Check(read == pass, fmt.Sprintf("sums of pass %d", pass))
}

// Uint is for any 64 bits.
func (c *Codec) Uint(x *uint64) {
	if v := c.uvarint(*x); c.reading && c.err == nil {
		*x = v
	}
}

// Flag is for true and false.
func (c *Codec) Flag(x ...*bool) {
	for _, p := range x {
		if !c.reading {
			c.b = append(c.b, Flag(*p))
			continue
		}
		if v := c.take(1); v != nil {
			c.Check(v[0] <= 1, "flags of 0 or 1")
			*p = v[0] == 1
		}
	}
}

// Float is for numbers of any bits.
func (c *Codec) Float(x ...*float64) {
	for _, p := range x {
		if !c.reading {
			c.b = binary.LittleEndian.AppendUint64(c.b, math.Float64bits(*p))
		} else if v := c.take(8); v != nil {
			*p = math.Float64frombits(binary.LittleEndian.Uint64(v))
		}
	}
}

// Floats is for numbers of any bits, as many as there are before reading.
func (c *Codec) Floats(x ...[]float64) {
	for _, s := range x {
		if !c.reading {
			c.b = AppendFloats(slices.Grow(c.b, 8*len(s)), s)
		} else if v := c.take(8 * len(s)); v != nil {
			TakeFloats(v, s)
		}
	}
}

// Finite is Floats, of finite numbers.
func (c *Codec) Finite(x ...[]float64) {
	for _, s := range x {
		c.Floats(s)
		c.CheckFinite(s)
	}
}

// CheckFinite is an error of numbers that have been read, unless all are finite.
func (c *Codec) CheckFinite(x []float64) {
	if c.reading && c.err == nil {
		c.Check(!slices.ContainsFunc(x, func(v float64) bool { return v-v != 0 }), "finite numbers")
	}
}

// Maybe is for n numbers of any bits or, as nil, none.
func (c *Codec) Maybe(x *[]float64, n int) {
	there := *x != nil
	if c.Flag(&there); c.reading {
		if *x = nil; there && n <= math.MaxInt/8 && c.Has(8*n) {
			*x = make([]float64, n)
		}
	}
	if there && c.err == nil {
		c.Floats(*x)
	}
}

// List is for numbers of any bits and number. Nil stays nil.
func (c *Codec) List(x *[]float64) {
	n := 0
	if *x != nil {
		n = len(*x) + 1
	}
	n = c.Len(n, 0)
	if n == 0 {
		if c.reading {
			*x = nil
		}
		return
	}
	if c.reading && n-1 <= len(c.b)/8 {
		*x = make([]float64, n-1)
	} else if c.reading {
		c.Has(8 * (n - 1))
		return
	}
	c.Floats(*x)
}

// Len is the length of a list, whose items take so many bytes each at least: given when it writes, returned when it
// reads.
func (c *Codec) Len(n, size int) int {
	c.Int(&n)
	if c.err != nil || c.reading && !c.Has(n*size) {
		return 0
	}
	return n
}

// Bytes is for bytes of any number.
func (c *Codec) Bytes(x *[]byte) {
	n := c.Len(len(*x), 1)
	if !c.reading {
		c.b = append(c.b, *x...)
	} else if v := c.take(n); v != nil {
		*x = v
	}
}

// Text is for a text of any length.
func (c *Codec) Text(x ...*string) {
	for _, p := range x {
		n := c.Len(len(*p), 1)
		if !c.reading {
			c.b = append(c.b, *p...)
		} else if v := c.take(n); c.err == nil {
			*p = string(v)
		}
	}
}

// Binary is for a value of bytes of its own.
func (c *Codec) Binary(v interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}) {
	var b []byte
	if !c.reading {
		var err error
		b, err = v.MarshalBinary()
		c.Fail(err)
	}
	if c.Bytes(&b); c.reading && c.err == nil {
		c.Fail(v.UnmarshalBinary(b))
	}
}
