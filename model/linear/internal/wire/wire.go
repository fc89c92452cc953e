// Package wire writes and reads the bytes of partials and states.
package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

func AppendFloats(b []byte, s []float64) []byte {
	for _, v := range s {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// TakeFloats fills dst from the front of b, and reports whether all are finite.
func TakeFloats(b []byte, dst []float64) (rest []byte, finite bool) {
	finite = true
	for i := range dst {
		v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		finite = finite && v-v == 0
		dst[i] = v
	}
	return b[8*len(dst):], finite
}

func Flag(v bool) byte {
	if v {
		return 1
	}
	return 0
}

func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Reader reads a state from its front, and stays at the first error.
type Reader struct {
	Rest []byte
	Err  error
}

func (t *Reader) Check(ok bool, want string) {
	if !ok && t.Err == nil {
		t.Err = fmt.Errorf("must have %s", want)
	}
}

func (t *Reader) Bytes(n uint64) []byte {
	if t.Err == nil && n > uint64(len(t.Rest)) {
		t.Err = fmt.Errorf("%d bytes are missing", n-uint64(len(t.Rest)))
	}
	if t.Err != nil {
		return nil
	}
	v := t.Rest[:n:n]
	t.Rest = t.Rest[n:]
	return v
}

// Count is a number from 0 on, of which many can be added up.
func (t *Reader) Count() int64 {
	v, n := binary.Uvarint(t.Rest)
	t.Check(n > 0 && v < 1<<53, "counts below 2⁵³")
	if t.Err != nil {
		return 0
	}
	t.Rest = t.Rest[n:]
	return int64(v)
}

func (t *Reader) Text() string { return string(t.Bytes(uint64(t.Count()))) }

func (t *Reader) Flag() bool {
	v := t.Bytes(1)
	t.Check(t.Err != nil || v[0] <= 1, "flags of 0 or 1")
	return t.Err == nil && v[0] == 1
}

func (t *Reader) Float() float64 {
	var v [1]float64
	t.Floats(v[:])
	return v[0]
}

func (t *Reader) Floats(dst []float64) (finite bool) {
	if v := t.Bytes(8 * uint64(len(dst))); t.Err == nil {
		_, finite = TakeFloats(v, dst)
	}
	return finite
}

// End is the first error, or that something is left.
func (t *Reader) End() error {
	if t.Err == nil && len(t.Rest) > 0 {
		t.Err = fmt.Errorf("%d bytes are left", len(t.Rest))
	}
	return t.Err
}
