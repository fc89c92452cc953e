// Package delimited finds the fields of a row of text that a byte sets apart, and reads those that are ordinary numbers.
package delimited

import (
	"encoding/binary"
	"math/bits"
)

//go:generate go -C ../../_asm run ./delimited -out ../internal/delimited/delimited_amd64.s -stubs ../internal/delimited/stubs_amd64.go -pkg delimited

// Ends appends to ends where each field of a row without quotes ends, the last at the row's end, but no more than one
// beyond most. What the row has capacity for behind its end may be looked at, and is not used.
func Ends(row []byte, comma byte, ends []int, most int) []int {
	if found, ok := endsFast(row, comma, ends, most); ok {
		return found
	}
	return endsOf(row, comma, ends, most)
}

// endsOf compares eight bytes at a time, and takes the marks of 64 together.
func endsOf(row []byte, comma byte, ends []int, most int) []int {
	const ones, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	marks := func(b []byte) uint64 { // a bit for each of eight bytes
		x := binary.LittleEndian.Uint64(b) ^ ones*uint64(comma)
		return ^((x&low + low) | x | low) >> 7 * 0x0102040810204080 >> 56
	}
	i := 0
	for ; i+8 <= len(row) && len(ends) <= most; i += 64 {
		var mask uint64
		if b := row[i:]; len(b) >= 64 {
			b = b[:64]
			mask = marks(b) | marks(b[8:])<<8 | marks(b[16:])<<16 | marks(b[24:])<<24 |
				marks(b[32:])<<32 | marks(b[40:])<<40 | marks(b[48:])<<48 | marks(b[56:])<<56
		} else {
			j := 0
			for ; j+8 <= len(b); j += 8 {
				mask |= marks(b[j:]) << j
			}
			mask |= marks(b[len(b)-8:]) << (len(b) - 8)
		}
		for ; mask != 0 && len(ends) <= most; mask &= mask - 1 {
			ends = append(ends, i+bits.TrailingZeros64(mask))
		}
	}
	for ; i < len(row) && len(ends) <= most; i++ {
		if row[i] == comma {
			ends = append(ends, i)
		}
	}
	if len(ends) <= most {
		ends = append(ends, len(row))
	}
	return ends
}

// Numbers are the values of fields.
type Numbers struct {
	Values []float64 // of each field, but for those of Longs and Others
	Longs  []Long    // in the order of their fields
	Others []int     // the fields that are out of the ordinary, in their order: for the caller to read
}

// Long is a number of 17 to 20 bytes: an integer, of which so many digits stand behind a point, or -1 where there is none.
type Long struct {
	Integer uint64
	Field   int32
	Places  int16
	Minus   int16 // 1 where there is one
}

// Read reads the fields of a row that end at ends, with a byte between one and the next, where it can: those of a
// space or none, a minus or none, and up to 20 bytes that are digits, at most 19, with a point or none. In up to 16 bytes
// they have to make an integer below 2⁵³ without it; their values have the bits of strconv.ParseFloat. What the row has
// capacity for behind its end is looked at, and not used. Without assembly, or where that capacity is too small, it is not
// ok, and nothing is read. With json digits must stand on both sides of a point, and no 0 before others.
func (n *Numbers) Read(row []byte, ends []int, json bool) (ok bool) {
	if !fast || len(ends) == 0 || cap(row)-len(row) < behind {
		return false
	}
	if len(ends) > len(n.Values) {
		n.Values, n.Longs, n.Others = make([]float64, len(ends)), make([]Long, len(ends)), make([]int, len(ends)+1)
	}
	others, longs := decimals(row, ends, n.Values, n.Others[:cap(n.Others)], n.Longs[:cap(n.Longs)], json)
	n.Others, n.Longs = n.Others[:others], n.Longs[:longs]
	return true
}

// behind is how many bytes of a row's capacity behind its end are looked at, at most.
const behind = 64
