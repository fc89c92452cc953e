package linear

import (
	"encoding/binary"
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// piece is rows that are kept between passes: as they are, or, if sparse, with their values packed. Of tables most
// values are ones, or come again and again, and columns are near each other: an entry then takes 3 bytes instead of 12.
type piece struct {
	rows   *vectors.Block // without entries where these are packed
	packed *packed        // nil: they are not
	stored *stored        // nil, or where all of them are instead
}

// packed is the entries of sparse rows.
type packed struct {
	// small are, of each row, how many entries it has, and of each of these how many columns after the one before it is,
	// or after the start: see appendSmall.
	small  []byte
	codes  []uint16 // the place of each value among values, or rawValue
	raw    []float64
	values *dictionary
}

const (
	rawValue  = math.MaxUint16 // the value is the next of raw
	mostCodes = 1 << 14        // values that a dictionary has at most
)

// dictionary is values, each once, of the rows of a chunk.
type dictionary struct {
	values []float64
	places []uint16 // a hash table of their places, plus 1; nil once all are there
}

// code is the place of a value, or rawValue where it is not there, and has no room.
func (d *dictionary) code(v float64) uint16 {
	bits := math.Float64bits(v)
	at := bits * 0x9e3779b97f4a7c15 >> 49 // Fibonacci hashing
	for ; d.places[at] != 0; at = (at + 1) % uint64(len(d.places)) {
		if i := d.places[at] - 1; math.Float64bits(d.values[i]) == bits {
			return i
		}
	}
	if len(d.values) == mostCodes {
		return rawValue
	}
	d.values = append(d.values, v)
	d.places[at] = uint16(len(d.values))
	return d.places[at] - 1
}

// newDictionary has none yet.
func newDictionary() *dictionary { return &dictionary{places: make([]uint16, 2*mostCodes)} }

// appendSmall appends a number that is small in most cases: a byte, or 255 and four.
func appendSmall(b []byte, v uint32) []byte {
	if v < 255 {
		return append(b, byte(v))
	}
	return binary.LittleEndian.AppendUint32(append(b, 255), v)
}

// small is the number that begins at a place, and the place after it.
func small(b []byte, at int) (v uint32, next int) {
	if v := b[at]; v < 255 {
		return uint32(v), at + 1
	}
	return binary.LittleEndian.Uint32(b[at+1:]), at + 5
}

// pieceOf is a copy of rows, in a block that is empty. Values of sparse ones go into the dictionary.
func pieceOf(rows, empty *vectors.Block, values *dictionary) piece {
	if rows.Sparse == nil {
		empty.AppendBlock(rows)
		return piece{rows: empty}
	}
	rest := *rows
	rest.Sparse = &vectors.CSR{}
	empty.AppendBlock(&rest)
	empty.Sparse.Offsets = nil
	lo, hi := rows.Sparse.Offsets[0], rows.Sparse.Offsets[rows.Len()]
	packedSmall, codes, raw := make([]byte, 0, hi-lo+rows.Len()), make([]uint16, 0, hi-lo), []float64(nil)
	var before []float64 // the row before, whose values may be the same
	for i := range rows.Len() {
		columns, of := rows.Sparse.Row(i)
		packedSmall = appendSmall(packedSmall, uint32(len(columns)))
		last, known := int32(0), codes[len(codes)-len(before):]
		for e, j := range columns {
			packedSmall, last = appendSmall(packedSmall, uint32(j-last)), j
			var code uint16
			if e < len(before) && math.Float64bits(before[e]) == math.Float64bits(of[e]) {
				code = known[e]
			} else {
				code = values.code(of[e])
			}
			if codes = append(codes, code); code == rawValue {
				raw = append(raw, of[e])
			}
		}
		before = of
	}
	p := &packed{small: packedSmall, codes: codes, raw: raw, values: values}
	return piece{rows: empty, packed: p}
}

// cursor is a place in a piece.
type cursor struct{ row, small, code, raw int }

// appendTo appends n rows from a place on to a block, and moves it beyond them.
func (p *piece) appendTo(b *vectors.Block, at *cursor, n int) {
	left := p.rows.Len() - at.row
	b.AppendRows(p.rows, at.row, at.row+n)
	at.row += n
	if p.packed != nil && n > 0 {
		p.packed.appendTo(b.Sparse, at, n, left)
	}
}

// appendTo gives the last n rows, which are empty, their entries: those of the first n of the rows left.
func (p *packed) appendTo(s *vectors.CSR, from *cursor, n, left int) {
	at, values := *from, p.values.values // not by pointers, which would be written at each entry
	offsets := s.Offsets[len(s.Offsets)-n:]
	// At once, as far as one can tell: to grow row by row makes several times as much garbage.
	about := (len(p.codes)-at.code)/left*n + n
	s.Indices, s.Values = slices.Grow(s.Indices, about), slices.Grow(s.Values, about)
	for i := range offsets {
		var entries uint32
		entries, at.small = small(p.small, at.small)
		codes := p.codes[at.code:][:entries]
		at.code += len(codes)
		end := len(s.Indices)
		s.Indices, s.Values = slices.Grow(s.Indices, len(codes))[:end+len(codes)],
			slices.Grow(s.Values, len(codes))[:end+len(codes)]
		columns, of := s.Indices[end:][:len(codes)], s.Values[end:][:len(codes)]
		column := int32(0)
		for e, code := range codes {
			v := uint32(p.small[at.small])
			if at.small++; v == 255 {
				v, at.small = binary.LittleEndian.Uint32(p.small[at.small:]), at.small+4
			}
			column += int32(v)
			columns[e] = column
			if code != rawValue {
				of[e] = values[code]
				continue
			}
			of[e] = p.raw[at.raw]
			at.raw++
		}
		offsets[i] = len(s.Indices)
	}
	*from = at
}

// block is the rows; packed ones in the memory of room.
func (p *piece) block(room *vectors.Block) *vectors.Block {
	if p.packed == nil {
		return p.rows
	}
	room.Reset()
	p.appendTo(room, &cursor{}, p.rows.Len())
	return room
}

// bytes is about what it takes, without its dictionary.
func (p *piece) bytes() int64 {
	n := blockBytes(p.rows)
	if p.packed != nil {
		n += int64(cap(p.packed.small) + 2*cap(p.packed.codes) + 8*cap(p.packed.raw))
	}
	return n
}
