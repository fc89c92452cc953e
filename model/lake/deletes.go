package lake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// opener opens a file by its name from the table's directory.
type opener func(name string) (formats.File, error)

// Read is the deleted rows of a file, nil where there are none; open opens the files that tell them, by their names
// from the table's directory. Of deletes by equality, it reads the columns of the file itself that they go by; memory is
// in proportion to these deletes.
func (f Facts) Read(ctx context.Context, open func(name string) (formats.File, error)) (*roaring64.Bitmap, error) {
	rows := roaring64.New()
	if f.Deleted != nil {
		var err error
		if rows, err = f.Deleted.read(ctx, open); err != nil {
			return nil, err
		}
	}
	for _, name := range f.Positions {
		if err := f.readPositions(ctx, open, name, rows); err != nil {
			return nil, err
		}
	}
	for i := range f.Equality {
		if err := f.readEquality(ctx, open, &f.Equality[i], rows); err != nil {
			return nil, err
		}
	}
	if rows.IsEmpty() {
		return nil, nil
	}
	return rows, nil
}

// readPositions adds the rows that a file of position deletes has of the file.
func (f *Facts) readPositions(ctx context.Context, open opener, name string, rows *roaring64.Bitmap) error {
	deletes, err := open(name)
	if err != nil {
		return err
	}
	t := &iceberg{metadata: &icebergMetadata{Location: f.Location}}
	return formats.EachRecord(ctx, deletes, []string{"file_path", "pos"}, func(r arrow.RecordBatch) error {
		numbers, ok := r.Column(1).(*array.Int64)
		if !ok {
			return fault.File(deletes.Name(), "whole numbers of 64 bits in the column pos", "%s", r.Column(1).DataType())
		}
		last, ours := "", false
		for i := range int(r.NumRows()) {
			path, err := cellText(r.Column(0), i)
			if err != nil || r.Column(0).IsNull(i) || numbers.IsNull(i) || numbers.Value(i) < 0 {
				return fault.File(deletes.Name(), "the names of files and the numbers of their rows", "neither in row %d", i)
			}
			if i == 0 || path != last {
				below, err := t.below(path)
				last, ours = path, err == nil && below == f.Name
			}
			if ours {
				rows.Add(uint64(numbers.Value(i)))
			}
		}
		return nil
	})
}

// readEquality adds the rows that are as one of those in a file of equality deletes. A null is as a null.
func (f *Facts) readEquality(ctx context.Context, open opener, e *Equality, rows *roaring64.Bitmap) error {
	deleted := map[string]bool{}
	file, err := open(e.Name)
	if err == nil {
		err = eachKey(ctx, file, e.Columns, func(key []byte) { deleted[string(key)] = true })
	}
	if err != nil {
		return err
	}
	if file, err = open(f.Name); err != nil {
		return err
	}
	row := uint64(0)
	return eachKey(ctx, file, e.Own, func(key []byte) {
		if deleted[string(key)] {
			rows.Add(row)
		}
		row++
	})
}

// eachKey gives the cells of some columns of each row of a file, as bytes that are the same where the cells are: of
// whole numbers and decimals whatever their width. A column without a name is null in all rows.
func eachKey(ctx context.Context, file formats.File, columns []string, each func(key []byte)) error {
	var names []string
	for _, name := range columns {
		if name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return fault.File(file.Name(), "one of the columns that equality deletes go by", "none of them")
	}
	var key []byte
	return formats.EachRecord(ctx, file, names, func(r arrow.RecordBatch) error {
		for row := range int(r.NumRows()) {
			key = key[:0]
			next := 0
			for _, name := range columns {
				if name == "" || r.Column(next).IsNull(row) {
					key = append(key, 0)
				} else {
					var err error
					if key, err = appendCell(key, r.Column(next), row); err != nil {
						return fault.File(file.Name(), "whole numbers, decimals, text, booleans, dates or timestamps, by which rows "+
							"are deleted", "the column %s of %v", fault.Quote(name), err)
					}
				}
				if name != "" {
					next++
				}
			}
			each(key)
		}
		return nil
	})
}

// appendCell appends a cell that is not null, as bytes that no other cell of the column begins with.
func appendCell(key []byte, a arrow.Array, row int) ([]byte, error) {
	switch a := a.(type) {
	case *array.Int8:
		return binary.LittleEndian.AppendUint64(append(key, 2), uint64(a.Value(row))), nil
	case *array.Int16:
		return binary.LittleEndian.AppendUint64(append(key, 2), uint64(a.Value(row))), nil
	case *array.Int32:
		return binary.LittleEndian.AppendUint64(append(key, 2), uint64(a.Value(row))), nil
	case *array.Int64:
		return binary.LittleEndian.AppendUint64(append(key, 2), uint64(a.Value(row))), nil
	}
	text, err := cellText(a, row)
	return append(binary.AppendUvarint(append(key, 1), uint64(len(text))), text...), err
}

// cellText is a cell that is not null, as a text that no other has; the error names a type that is not known.
func cellText(a arrow.Array, row int) (string, error) {
	switch a := a.(type) {
	case *array.Dictionary:
		return cellText(a.Dictionary(), a.GetValueIndex(row))
	case *array.Timestamp:
		v, unit := int64(a.Value(row)), a.DataType().(*arrow.TimestampType).Unit
		scale := map[arrow.TimeUnit]int64{arrow.Second: 1e6, arrow.Millisecond: 1e3, arrow.Microsecond: 1}[unit]
		if scale == 0 || v > math.MaxInt64/scale || v < math.MinInt64/scale {
			return fmt.Sprint(v, unit), nil
		}
		return fmt.Sprint(v * scale), nil
	case array.StringLike, *array.Boolean, *array.Date32,
		*array.Decimal32, *array.Decimal64, *array.Decimal128, *array.Binary, *array.FixedSizeBinary:
		return a.ValueStr(row), nil
	}
	return "", errors.New(a.DataType().String())
}
