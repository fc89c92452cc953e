// Package wire writes and reads the bytes of partials and states.
package wire

import (
	"encoding/binary"
	"math"
)

// AppendFloats writes the bits of s behind b.
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

// Flag is the byte of true or false.
func Flag(v bool) byte {
	if v {
		return 1
	}
	return 0
}
