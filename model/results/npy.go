package results

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

var npyFormat = &Format{
	Name:       "npy",
	Extensions: []string{".npy"},
	endings:    []string{".indices.npy", ".distances.npy"},
	check: func(l Layout) error {
		for _, c := range l.Columns {
			if c.Type == ID {
				return fmt.Errorf("the column %s holds ids, which .npy does not: write .csv, .jsonl or .parquet", c.Name)
			}
			if c.Type == Text {
				return fmt.Errorf("the column %s holds texts, which .npy does not: write .csv, .jsonl or .parquet", c.Name)
			}
		}
		if !l.isTable() && l.K < 1 {
			return errors.New(".npy holds as many neighbours for each query, of which a radius, a rule, missing " +
				"values, union or mutual edges make fewer or more: write .csv, .jsonl or .parquet")
		}
		return nil
	},
	encode:      encodeNPY,
	encodeTable: encodeNPYTable,
	encodeRows:  encodeNPYRows,
	assemble:    assembleNPY,
}

// npyArray is the elements of a file, and the shape of one of its rows: none, of a single number, or the number of
// columns.
func npyArray(file int, l Layout) (descr string, shape []int) {
	switch {
	case l.Features != nil:
		return l.Features.descr(), []int{l.Features.Dim}
	case !l.isTable():
		return []string{"<i8", "<f8"}[file], []int{l.K}
	case len(l.Columns) > 1:
		shape = []int{len(l.Columns)}
	}
	for _, c := range l.Columns {
		if c.Type != Int || l.Nullable {
			return "<f8", shape
		}
	}
	return "<i8", shape
}

func encodeNPY(dst [][]byte, c *Chunk, from, to int, l Layout) (bool, error) {
	indices, values := dst[0], dst[1]
	for i := from; i < to; i++ {
		positions, distances := c.Neighbors.Of(i)
		query := c.Query(i)
		if !query.IsInt() {
			return true, textInNPY(query)
		}
		if len(positions) != l.K {
			return false, fmt.Errorf("results: query %s has %d neighbours, the file %d columns", query, len(positions), l.K)
		}
		for _, p := range positions {
			id := c.Neighbor(p)
			if !id.IsInt() {
				return true, textInNPY(id)
			}
			indices = binary.LittleEndian.AppendUint64(indices, uint64(id.Int))
		}
		for _, d := range distances {
			values = binary.LittleEndian.AppendUint64(values, math.Float64bits(d))
		}
	}
	dst[0], dst[1] = indices, values
	return false, nil
}

func encodeNPYTable(dst [][]byte, t *Table, from, to int, l Layout) (bool, error) {
	b := dst[0]
	descr, _ := npyArray(0, l)
	for i := from; i < to; i++ {
		lack := t.lacks(i)
		for _, v := range t.row(i, l) {
			if lack&NoValues != 0 {
				v = math.NaN()
			}
			if descr == "<i8" {
				b = binary.LittleEndian.AppendUint64(b, uint64(int64(v)))
			} else {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			}
		}
	}
	dst[0] = b
	return false, nil
}

func textInNPY(id vectors.ID) error {
	return fmt.Errorf("the id %s is not an integer, which .npy needs: write .csv, .jsonl or .parquet",
		fault.Quote(id.Text))
}

func assembleNPY(file int, w io.Writer, parts []Part, l Layout) error {
	descr, shape := npyArray(file, l)
	columns, size := 1, int64(descr[2]-'0')
	if len(shape) > 0 {
		columns = shape[0]
	}
	var rows int64
	for i, p := range parts {
		if p.Info.Bytes[file] != p.Info.Rows*int64(columns)*size {
			return fmt.Errorf("results.Assemble: part %d has %d bytes for %d × %d numbers", i, p.Info.Bytes[file], p.Info.Rows,
				columns)
		}
		rows += p.Info.Rows
	}
	if _, err := w.Write(npyHeader(descr, rows, shape...)); err != nil {
		return err
	}
	return concatenate(file, w, parts)
}

// npyHeader is the header of an array of so many rows, of numbers or of rows of one length.
func npyHeader(descr string, rows int64, row ...int) []byte {
	if len(row) > 0 {
		return npyShapeHeader(descr, fmt.Sprintf("%d, %d", rows, row[0]))
	}
	return npyShapeHeader(descr, fmt.Sprintf("%d,", rows))
}

// npyScalarHeader is the header of an array of no dimension.
func npyScalarHeader(descr string) []byte { return npyShapeHeader(descr, "") }

// npyShapeHeader is the header, format version 1.0, byte for byte as numpy.save writes it: padded with spaces to a
// multiple of 64 bytes, with room for a first dimension of 21 digits. For up to two dimensions that is 128.
func npyShapeHeader(descr, shape string) []byte {
	const prefix, size = 10, 128
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	return fmt.Appendf(nil, "\x93NUMPY\x01\x00%c\x00%-*s\n", size-prefix, size-prefix-1, dict)
}
