package results

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// A part of .npz has three files, which become the members of the archive: the columns of all edges (int64), their
// distances (float64), and for each query its row and its number of edges (int64 each); all of them little-endian. A
// part of .mtx is the lines of its edges.
const (
	npzColumns = iota
	npzDistances
	npzRows
	npzPartFiles
)

var npzFormat = &Format{
	Name:       "npz",
	Extensions: []string{".npz"},
	graph:      true,
	partFiles:  npzPartFiles,
	check:      checkGraph("npz"),
	encode:     encodeNPZ,
	assemble:   assembleNPZ,
}

var mtxFormat = &Format{
	Name:       "mtx",
	Extensions: []string{".mtx"},
	graph:      true,
	check:      checkGraph("mtx"),
	encode:     encodeMTX,
	assemble:   assembleMTX,
}

func checkGraph(name string) func(Layout) error {
	return func(l Layout) error {
		if l.isTable() {
			return fmt.Errorf(".%s holds graphs of neighbours, no tables: write .csv, .jsonl, .parquet or .npy", name)
		}
		return nil
	}
}

// IsGraph reports whether the format holds graphs, and nothing else: each in one file, of rows and columns known by
// their numbers.
func (f *Format) IsGraph() bool { return f.graph }

func encodeNPZ(dst [][]byte, c *Chunk, from, to int, _ Layout) (bool, error) {
	columns, values, rows := dst[npzColumns], dst[npzDistances], dst[npzRows]
	for i := from; i < to; i++ {
		positions, distances := c.Neighbors.Of(i)
		rows = binary.LittleEndian.AppendUint64(rows, uint64(c.Row(i)))
		rows = binary.LittleEndian.AppendUint64(rows, uint64(len(positions)))
		for _, p := range positions {
			columns = binary.LittleEndian.AppendUint64(columns, uint64(c.Column(p)))
		}
		for _, d := range distances {
			values = binary.LittleEndian.AppendUint64(values, math.Float64bits(d))
		}
	}
	dst[npzColumns], dst[npzDistances], dst[npzRows] = columns, values, rows
	return false, nil
}

func encodeMTX(dst [][]byte, c *Chunk, from, to int, l Layout) (bool, error) {
	b := dst[0]
	for i := from; i < to; i++ {
		positions, distances := c.Neighbors.Of(i)
		for j, p := range positions {
			b = strconv.AppendInt(b, c.Row(i)+1, 10)
			b = append(b, ' ')
			b = strconv.AppendInt(b, c.Column(p)+1, 10)
			if !l.Connectivity {
				b = append(b, ' ')
				b = appendFloat(b, distances[j])
			}
			b = append(b, '\n')
		}
	}
	dst[0] = b
	return false, nil
}

// graphShape is the shape of the graph of all parts, and its number of edges.
func graphShape(parts []Part) (rows, columns, edges int64) {
	for _, p := range parts {
		rows, columns = max(rows, p.Info.Queries), max(columns, p.Info.Points)
		edges += p.Info.Neighbors
	}
	return rows, columns, edges
}

// written are the parts that have files, and are no shape alone.
func written(parts []Part) (some []Part) {
	for _, p := range parts {
		if len(p.Info.Bytes) > 0 {
			some = append(some, p)
		}
	}
	return some
}

func assembleMTX(file int, w io.Writer, parts []Part, l Layout) error {
	rows, columns, edges := graphShape(parts)
	field := "real"
	if l.Connectivity {
		field = "pattern"
	}
	header := fmt.Sprintf("%%%%MatrixMarket matrix coordinate %s general\n%d %d %d\n", field, rows, columns, edges)
	if _, err := io.WriteString(w, header); err != nil {
		return err
	}
	return concatenate(file, w, written(parts))
}

// assembleNPZ writes the members that scipy.sparse.save_npz writes, uncompressed, one after the other. As scipy does,
// it has indices of int32 where they and the number of edges can be such.
func assembleNPZ(_ int, w io.Writer, parts []Part, l Layout) error {
	rows, columns, edges := graphShape(parts)
	parts = written(parts)
	wide := max(rows, columns, edges) > math.MaxInt32
	index := "<i4"
	if wide {
		index = "<i8"
	}
	shape := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(rows)), uint64(columns))
	return writeNPZ(w, []npzMember{
		{"indices", npyHeader(index, edges),
			func(w *bufio.Writer) error { return npzIndices(w, parts, edges, columns, wide) }},
		{"indptr", npyHeader(index, rows+1), func(w *bufio.Writer) error { return npzPointers(w, parts, rows, edges, wide) }},
		{"format", append(npyScalarHeader("|S3"), "csr"...), nil},
		{"shape", append(npyHeader("<i8", 2), shape...), nil},
		{"data", npyHeader("<f8", edges), func(w *bufio.Writer) error { return npzData(w, parts, edges, l) }},
	})
}

// npzMember is an array of an archive: what follows its header, if anything does, fill writes.
type npzMember struct {
	name   string
	header []byte
	fill   func(w *bufio.Writer) error
}

// npzTime is that of every member, as numpy.savez has it: the first that a zip can tell.
var npzTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// writeNPZ writes an archive, uncompressed.
func writeNPZ(w io.Writer, members []npzMember) error {
	z := zip.NewWriter(struct{ io.Writer }{w}) // none that counts on more than Write
	for _, m := range members {
		to, err := z.CreateHeader(&zip.FileHeader{Name: m.name + ".npy", Method: zip.Store, Modified: npzTime})
		if err != nil {
			return err
		}
		b := bufio.NewWriterSize(to, 64<<10)
		b.Write(m.header) // whose error Flush returns
		if m.fill != nil {
			if err := m.fill(b); err != nil {
				return err
			}
		}
		if err := b.Flush(); err != nil {
			return err
		}
	}
	return z.Close()
}

// appendIndex appends a number of int32, or with wide of int64.
func appendIndex(b []byte, v int64, wide bool) []byte {
	if wide {
		return binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return binary.LittleEndian.AppendUint32(b, uint32(v))
}

// each hands over the numbers of a file of all parts, in their order.
func each(parts []Part, file int, use func(v int64) error) error {
	for i := range parts {
		if parts[i].Info.Bytes[file]%8 != 0 {
			return fmt.Errorf("part %d of the output: %d bytes of numbers", i, parts[i].Info.Bytes[file])
		}
		err := parts[i].read(file, func(r io.Reader) error {
			b := bufio.NewReaderSize(r, 64<<10)
			var word [8]byte
			for {
				if _, err := io.ReadFull(b, word[:]); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if err := use(int64(binary.LittleEndian.Uint64(word[:]))); err != nil {
					return err
				}
			}
		})
		if err != nil {
			return fmt.Errorf("part %d of the output: %w", i, err)
		}
	}
	return nil
}

// npzIndices writes the columns of the edges.
func npzIndices(w *bufio.Writer, parts []Part, edges, columns int64, wide bool) error {
	var n int64
	err := each(parts, npzColumns, func(v int64) error {
		if n++; v < 0 || v >= columns {
			return fmt.Errorf("an edge to point %d of %d", v, columns)
		}
		_, err := w.Write(appendIndex(w.AvailableBuffer(), v, wide))
		return err
	})
	if err == nil && n != edges {
		err = fmt.Errorf("results.Assemble: %d edges, expected %d", n, edges)
	}
	return err
}

// npzPointers writes where each row begins, and the end. Rows without a query, whose line in the input was left out,
// are empty.
func npzPointers(w *bufio.Writer, parts []Part, rows, edges int64, wide bool) error {
	next, at, row := int64(0), int64(0), int64(-1)
	begin := func(until int64) error { // all rows up to that one, which has not been written yet
		for ; next <= until; next++ {
			if _, err := w.Write(appendIndex(w.AvailableBuffer(), at, wide)); err != nil {
				return err
			}
		}
		return nil
	}
	err := each(parts, npzRows, func(v int64) error {
		if row < 0 {
			row = v
			if row < next || row >= rows {
				return fmt.Errorf("row %d of a graph of %d, after row %d", row, rows, next-1)
			}
			return begin(row)
		}
		at, row = at+v, -1
		return nil
	})
	if err == nil {
		err = begin(rows)
	}
	if err == nil && at != edges {
		err = fmt.Errorf("results.Assemble: rows of %d edges, expected %d", at, edges)
	}
	return err
}

// npzData writes the values of the edges.
func npzData(w *bufio.Writer, parts []Part, edges int64, l Layout) error {
	if !l.Connectivity {
		return concatenate(npzDistances, w, parts)
	}
	one := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1))
	for range edges {
		if _, err := w.Write(one); err != nil {
			return err
		}
	}
	return nil
}
