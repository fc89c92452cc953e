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
		if l.K < 1 {
			return errors.New(".npy holds as many neighbours for each query: for those within a radius write .csv, .jsonl or .parquet")
		}
		return nil
	},
	encode:   encodeNPY,
	assemble: assembleNPY,
}

// Elements of the two files.
var npyDescr = []string{"<i8", "<f8"}

const npyItemSize = 8

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

func textInNPY(id vectors.ID) error {
	return fmt.Errorf("the id %s is not an integer, which .npy needs: write .csv, .jsonl or .parquet", fault.Quote(id.Text))
}

func assembleNPY(file int, w io.Writer, parts []Part, l Layout) error {
	var rows int64
	for i, p := range parts {
		if p.Info.Bytes[file] != p.Info.Queries*int64(l.K)*npyItemSize {
			return fmt.Errorf("results.Assemble: part %d has %d bytes for %d × %d numbers", i, p.Info.Bytes[file], p.Info.Queries, l.K)
		}
		rows += p.Info.Queries
	}
	if _, err := w.Write(npyHeader(npyDescr[file], rows, l.K)); err != nil {
		return err
	}
	return concatenate(file, w, parts)
}

// npyHeader is the header, format version 1.0, byte for byte as numpy.save writes it: padded with spaces to a multiple of
// 64 bytes, with room for a first dimension of 21 digits. For any two dimensions that is 128.
func npyHeader(descr string, rows int64, columns int) []byte {
	const prefix, size = 10, 128
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", descr, rows, columns)
	return fmt.Appendf(nil, "\x93NUMPY\x01\x00%c\x00%-*s\n", size-prefix, size-prefix-1, dict)
}
