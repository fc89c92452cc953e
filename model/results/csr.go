package results

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"beamlearn/model/vectors"
)

// A part of rows of features in .npz has six files: the columns of all entries (int64) and their values (float64, or
// float32), as those of graphs, of which this is the other kind of matrix; of each row its number of entries (int64);
// and the targets and the weights of the rows (float64), which are empty where rows have none; and the ids,
// where rows have a column of them, as in a part of .parquet. All numbers are little-endian.
const (
	csrColumns = npzColumns
	csrValues  = npzDistances
	csrLengths = iota
	csrTargets
	csrWeights
	csrIDs
	csrPartFiles
)

// csrFormat is a sparse matrix of SciPy, of rows of features.
var csrFormat = &Format{
	Name:       "npz",
	Extensions: []string{".npz"},
	partFiles:  csrPartFiles,
	encodeRows: encodeCSRRows,
	assemble:   assembleCSR,
}

func encodeCSRRows(dst [][]byte, r *Rows, from, to int, l Layout) (bool, error) {
	var scratch vectors.CSR
	o, texts := l.Features, false
	for i := from; i < to; i++ {
		if o.ID != "" {
			id := r.Block.ID(i)
			texts = texts || !id.IsInt()
			dst[csrIDs] = appendRecordID(dst[csrIDs], id)
		}
		columns, values := r.entries(i, &scratch)
		dst[csrLengths] = appendIndex(dst[csrLengths], int64(len(columns)), true)
		for _, j := range columns {
			dst[csrColumns] = appendIndex(dst[csrColumns], int64(j), true)
		}
		for _, v := range values {
			dst[csrValues] = o.appendNumber(dst[csrValues], v)
		}
		if o.Target != "" {
			dst[csrTargets] = binary.LittleEndian.AppendUint64(dst[csrTargets], math.Float64bits(r.target(i)))
		}
		if o.Weight != "" {
			dst[csrWeights] = binary.LittleEndian.AppendUint64(dst[csrWeights], math.Float64bits(r.weight(i)))
		}
	}
	return texts, nil
}

// assembleCSR writes the archive as scipy.sparse.save_npz does it, not compressed, with indices of int32 where these
// do.
func assembleCSR(_ int, w io.Writer, parts []Part, l Layout) error {
	o := l.Features
	var rows, entries int64
	for i, p := range parts {
		n := p.Info.Bytes[csrColumns] / 8
		if p.Info.Bytes[csrValues] != n*int64(o.itemSize()) {
			return fmt.Errorf("results.Assemble: part %d has %d bytes of values for %d entries", i, p.Info.Bytes[csrValues], n)
		}
		for _, beside := range []struct {
			column string
			file   int
		}{{o.Target, csrTargets}, {o.Weight, csrWeights}} {
			if beside.column != "" && p.Info.Bytes[beside.file] != 8*p.Info.Rows {
				return fmt.Errorf("results.Assemble: part %d has %d bytes of %s for %d rows", i, p.Info.Bytes[beside.file],
					beside.column, p.Info.Rows)
			}
		}
		rows, entries = rows+p.Info.Rows, entries+n
	}
	wide := max(rows, entries) > math.MaxInt32
	index := "<i4"
	if wide {
		index = "<i8"
	}
	shape := appendIndex(appendIndex(nil, rows, true), int64(o.Dim), true)
	of := func(file int) func(*bufio.Writer) error {
		return func(w *bufio.Writer) error { return concatenate(file, w, parts) }
	}
	members := []npzMember{
		{"indices", npyHeader(index, entries),
			func(w *bufio.Writer) error { return npzIndices(w, parts, entries, int64(o.Dim), wide) }},
		{"indptr", npyHeader(index, rows+1),
			func(w *bufio.Writer) error { return csrPointers(w, parts, rows, entries, wide) }},
		{"format", append(npyScalarHeader("|S3"), "csr"...), nil},
		{"shape", append(npyHeader("<i8", 2), shape...), nil},
		{"data", npyHeader(o.descr(), entries), of(csrValues)},
	}
	if o.Target != "" {
		members = append(members, npzMember{"target", npyHeader("<f8", rows), of(csrTargets)})
	}
	if o.Weight != "" {
		members = append(members, npzMember{"weight", npyHeader("<f8", rows), of(csrWeights)})
	}
	if o.ID != "" {
		ids, err := csrIDMember(parts, rows)
		if err != nil {
			return err
		}
		members = append(members, ids)
	}
	return writeNPZ(w, members)
}

// csrPointers writes where the entries of each row begin, and the end.
func csrPointers(w *bufio.Writer, parts []Part, rows, entries int64, wide bool) error {
	at, n := int64(0), int64(0)
	write := func() error {
		_, err := w.Write(appendIndex(w.AvailableBuffer(), at, wide))
		return err
	}
	if err := write(); err != nil {
		return err
	}
	err := each(parts, csrLengths, func(v int64) error {
		at, n = at+v, n+1
		return write()
	})
	if err == nil && (n != rows || at != entries) {
		err = fmt.Errorf("results.Assemble: %d rows of %d entries, expected %d of %d", n, at, rows, entries)
	}
	return err
}
