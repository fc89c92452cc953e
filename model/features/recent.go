package features

import (
	"encoding/binary"
	"math/bits"
)

const (
	recentBits, recentSlots = 8, 1 << 8
	// recentBytes is the length above which a text is not looked up among those before.
	recentBytes = 16
)

// recent has what is known of texts that a column had lately, of which most come again and again: a text is found in
// one step, without its bytes being hashed. One has the place of an earlier one.
type recent[T any] struct{ slots [recentSlots]recentText[T] }

// recentText is a text of size bytes, from 1 on, with its bytes; of size 0 there is none.
type recentText[T any] struct {
	first, last uint64
	size        int
	of          T
}

// at is the place of a text of 1 to recentBytes bytes, and whether that is what it has.
func (r *recent[T]) at(b []byte) (*recentText[T], bool) {
	first, last := ends(b)
	s := &r.slots[(first^bits.RotateLeft64(last, 23)^uint64(len(b)))*0x9e3779b97f4a7c15>>(64-recentBits)]
	return s, s.size == len(b) && s.first == first && s.last == last
}

// take makes a place that of another text.
func (s *recentText[T]) take(b []byte, of T) {
	s.first, s.last = ends(b)
	s.size, s.of = len(b), of
}

// ends are the first and the last bytes of a text of 1 to recentBytes, which are all of them.
func ends(b []byte) (first, last uint64) {
	switch n := len(b); {
	case n >= 8:
		return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	default:
		return uint64(b[0]) | uint64(b[n/2])<<8, uint64(b[n-1])
	}
}

// text is the bytes that it has, in the memory of room.
func (s *recentText[T]) text(room *[recentBytes]byte) []byte {
	switch n := s.size; {
	case n >= 8:
		binary.LittleEndian.PutUint64(room[:], s.first)
		binary.LittleEndian.PutUint64(room[n-8:], s.last)
	case n >= 4:
		binary.LittleEndian.PutUint32(room[:], uint32(s.first))
		binary.LittleEndian.PutUint32(room[n-4:], uint32(s.last))
	default:
		room[0], room[n/2], room[n-1] = byte(s.first), byte(s.first>>8), byte(s.last)
	}
	return room[:s.size]
}
