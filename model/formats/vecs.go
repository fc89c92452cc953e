package formats

import (
	"context"
	"encoding/binary"
	"fmt"

	"beamlearn/model/fault"
)

// The formats of the TEXMEX corpus (http://corpus-texmex.irisa.fr): each row is its dimension as int32, and that many
// numbers, all little-endian.
var (
	fvecsFormat = vecsFormat("fvecs", element{'f', 4})
	bvecsFormat = vecsFormat("bvecs", element{'u', 1})
)

func vecsFormat(name string, e element) *Format {
	return &Format{Name: name, Extensions: []string{"." + name},
		inspect: func(ctx context.Context, f File, _ compression, o Options) (Source, error) {
			if err := o.noText(f, name); err != nil {
				return nil, err
			}
			return inspectVecs(ctx, f, e, &o)
		}}
}

// dimensionBytes is the size of a dimension in these formats.
const dimensionBytes = 4

func inspectVecs(ctx context.Context, f File, e element, o *Options) (Source, error) {
	first, err := ReadRange(ctx, f, 0, dimensionBytes)
	if err != nil {
		return nil, err
	}
	dim := int64(int32(binary.LittleEndian.Uint32(first)))
	if dim < 1 {
		return nil, fault.File(f.Name(), "a dimension of at least 1", "the dimension %d", dim)
	}
	m := matrix{File: f, prefix: dimensionBytes, columns: dim, element: e, order: binary.LittleEndian}
	if f.Size()%m.record() != 0 {
		return nil, fault.File(f.Name(), fmt.Sprintf("rows of %d bytes each, for the dimension %d of the first", m.record(),
			dim), "%d bytes", f.Size())
	}
	m.rows = f.Size() / m.record()
	m.check = func(record []byte, row int64) error {
		if d := int32(binary.LittleEndian.Uint32(record)); int64(d) != dim {
			// Where the rows after this one begin, nobody knows.
			return fault.File(f.Name(), fmt.Sprintf("the dimension %d of the first row", dim), "the dimension %d in row %d", d,
				row)
		}
		return nil
	}
	return newMatrix(m, o)
}
