package formats

import (
	"context"
	"encoding/binary"
	"fmt"

	"beamlearn/model/fault"
)

// The formats of the big-ann-benchmarks (https://big-ann-benchmarks.com): the number of rows and of columns as uint32,
// and then the numbers, row after row, all little-endian.
var (
	fbinFormat  = binFormat("fbin", element{'f', 4})
	u8binFormat = binFormat("u8bin", element{'u', 1})
	i8binFormat = binFormat("i8bin", element{'i', 1})
)

func binFormat(name string, e element) *Format {
	return &Format{Name: name, Extensions: []string{"." + name},
		inspect: func(ctx context.Context, f File, _ compression, o Options) (Source, error) {
			if err := o.noText(f, name); err != nil {
				return nil, err
			}
			return inspectBin(ctx, f, e, &o)
		}}
}

// binHeader is the bytes before the first row.
const binHeader = 8

func inspectBin(ctx context.Context, f File, e element, o *Options) (Source, error) {
	header, err := ReadRange(ctx, f, 0, binHeader)
	if err != nil {
		return nil, err
	}
	m := matrix{
		File: f, start: binHeader, element: e, order: binary.LittleEndian,
		rows: int64(binary.LittleEndian.Uint32(header)), columns: int64(binary.LittleEndian.Uint32(header[4:])),
	}
	if m.rows == 0 && !o.Empty || m.columns == 0 {
		return nil, fault.File(f.Name(), "rows of data", "%d rows of %d columns", m.rows, m.columns)
	}
	if n, ok := bytesOf(m.rows, m.columns, int64(m.size)); !ok || n != f.Size()-binHeader {
		expected := fmt.Sprintf("%d rows × %d columns × %d bytes after the header of %d", m.rows, m.columns, m.size,
			binHeader)
		return nil, fault.File(f.Name(), expected, "%d bytes", f.Size()-binHeader)
	}
	return newMatrix(m, o)
}
