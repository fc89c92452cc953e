package lake

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// Vector is where the numbers of deleted rows of a file stand: Delta's deletion vector.
type Vector struct {
	// Inline is the vector itself, without its length and checksum; nil where it is in a file.
	Inline []byte `json:",omitempty"`
	// Name is that file's, from the table's directory, and Offset where the vector's length stands in it.
	Name   string `json:",omitempty"`
	Offset int64  `json:",omitempty"`
	// Size in bytes, and how many rows it has.
	Size, Rows int64
}

const (
	// vectorMagic begins a vector: a RoaringBitmapArray in the portable format.
	vectorMagic = 1681511377
	// mostVector bounds a vector: rows of 2³² files that are all apart would take that.
	mostVector = 1 << 30
	// leastBitmap is what each of the bitmaps in a vector takes at least, of which it has their number first.
	leastBitmap = 4 + 8
)

// read reads the vector.
func (v *Vector) read(ctx context.Context, open func(name string) (formats.File, error)) (*roaring64.Bitmap, error) {
	name, data := "a deletion vector in the log", v.Inline
	if data == nil {
		f, err := open(v.Name)
		if err != nil {
			return nil, err
		}
		name = f.Name()
		if data, err = v.stored(ctx, f); err != nil {
			return nil, err
		}
	}
	rows, err := decodeVector(data)
	if err == nil && rows.GetCardinality() != uint64(v.Rows) {
		err = fmt.Errorf("%d rows, of which the log has %d", rows.GetCardinality(), v.Rows)
	}
	if err != nil {
		return nil, fault.File(name, "a deletion vector of Delta", "%v, at byte %d", err, v.Offset)
	}
	return rows, nil
}

// stored reads the vector from its file: its length, itself, and its CRC-32, of which both numbers are big-endian.
func (v *Vector) stored(ctx context.Context, f formats.File) ([]byte, error) {
	const around = 4 + 4
	if v.Size < 0 || v.Size > mostVector || v.Offset < 0 || v.Offset > f.Size() || v.Size+around > f.Size()-v.Offset {
		return nil, fault.File(f.Name(), fmt.Sprintf("a deletion vector of %d bytes from byte %d on", v.Size, v.Offset),
			"a file of %d bytes", f.Size())
	}
	data, err := formats.ReadRange(ctx, f, v.Offset, v.Size+around)
	if err != nil {
		return nil, err
	}
	length, sum := int64(binary.BigEndian.Uint32(data)), binary.BigEndian.Uint32(data[4+v.Size:])
	if data = data[4 : 4+v.Size]; length != v.Size || sum != crc32.ChecksumIEEE(data) {
		return nil, fault.File(f.Name(), "a deletion vector with its length and its checksum", "others, at byte %d", v.Offset)
	}
	return data, nil
}

// decodeVector decodes a vector.
func decodeVector(data []byte) (rows *roaring64.Bitmap, err error) {
	defer func() {
		if recover() != nil {
			rows, err = nil, fmt.Errorf("bytes that are no bitmap")
		}
	}()
	if len(data) < 4 || binary.LittleEndian.Uint32(data) != vectorMagic {
		return nil, fmt.Errorf("another beginning than %d", vectorMagic)
	}
	if len(data) < 12 || binary.LittleEndian.Uint64(data[4:]) > uint64(len(data)/leastBitmap) {
		return nil, fmt.Errorf("bytes that are no bitmap") // for which the decoder would make room
	}
	in := bytes.NewReader(data[4:])
	rows = roaring64.New()
	if _, err := rows.ReadFrom(in); err != nil {
		return nil, fmt.Errorf("bytes that are no bitmap")
	}
	if in.Len() > 0 {
		return nil, fmt.Errorf("%d bytes behind the bitmap", in.Len())
	}
	if err := rows.Validate(); err != nil {
		return nil, fmt.Errorf("bytes that are no bitmap")
	}
	return rows, nil
}

// z85 are the digits of ZeroMQ's encoding of 4 bytes in 5 characters (https://rfc.zeromq.org/spec/32).
const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// decodeZ85 decodes a text, and reports whether it is one of that kind.
func decodeZ85(text string) ([]byte, bool) {
	if len(text)%5 != 0 {
		return nil, false
	}
	data := make([]byte, 0, len(text)/5*4)
	for ; len(text) > 0; text = text[5:] {
		var v uint64
		for i := range 5 {
			digit := bytes.IndexByte([]byte(z85), text[i])
			if digit < 0 {
				return nil, false
			}
			v = v*85 + uint64(digit)
		}
		if v>>32 != 0 {
			return nil, false
		}
		data = binary.BigEndian.AppendUint32(data, uint32(v))
	}
	return data, true
}
