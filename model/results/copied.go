package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/formats"
)

// Copies is every format of rows of the input, as they stand there: see [formats.Copied].
var Copies = []*Format{
	{Name: "csv", Extensions: []string{".csv"}, assemble: assembleCopiedText},
	{Name: "tsv", Extensions: []string{".tsv"}, assemble: assembleCopiedText},
	{Name: "jsonl", Extensions: []string{".jsonl", ".ndjson"}, assemble: assembleCopiedText},
	{Name: "npy", Extensions: []string{".npy"}, assemble: assembleCopiedNPY},
	{Name: "parquet", Extensions: []string{".parquet"}, assemble: assembleCopiedParquet},
}

// checkCopied says why the format is not that of the input, if so.
func (f *Format) checkCopied(c *formats.Copied) error {
	if c.Format != "" && c.Format != f.Name {
		return fmt.Errorf("rows are written as they stand in the input, which is .%s, and not as .%s", c.Format, f.Name)
	}
	return nil
}

// WriteCopy adds rows as a [formats.CopyReader] has appended them.
func (p *partWriter) WriteCopy(b []byte, rows int) error {
	if p.layout.Copied == nil {
		panic("results.PartWriter: copies for another layout")
	}
	return p.flush(&run{to: rows, buf: [][]byte{b}})
}

func assembleCopiedText(file int, w io.Writer, parts []Part, l Layout) error {
	if _, err := w.Write(l.Copied.Head); err != nil {
		return err
	}
	return concatenate(file, w, parts)
}

func assembleCopiedNPY(file int, w io.Writer, parts []Part, l Layout) error {
	c := l.Copied
	var shape []int
	if c.Columns > 0 {
		shape = []int{c.Columns}
	}
	var rows int64
	for _, p := range parts {
		rows += p.Info.Rows
	}
	if _, err := w.Write(npyHeader(c.Descr, rows, shape...)); err != nil {
		return err
	}
	return concatenate(file, w, parts)
}

// copiedRows gathers rows into row groups, whose bytes follow from them alone.
type copiedRows struct {
	schema *arrow.Schema
	w      *pqarrow.FileWriter
	held   []arrow.RecordBatch
	rows   int64 // that are held
}

func assembleCopiedParquet(file int, w io.Writer, parts []Part, l Layout) error {
	schema, err := l.Copied.SchemaOf()
	if err != nil {
		return err
	}
	g := &copiedRows{schema: schema}
	// The wrapping keeps Close from closing what is not ours.
	p := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
	stored := pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())
	g.w, err = pqarrow.NewFileWriter(schema, struct{ io.Writer }{w}, p, stored)
	if err != nil {
		return err
	}
	for i := range parts {
		err := parts[i].read(file, func(r io.Reader) error { return g.part(r, parts[i].Info.Rows) })
		if err != nil {
			return fmt.Errorf("part %d of the output: %w", i, err)
		}
	}
	return errors.Join(g.write(), g.w.Close())
}

// part adds the rows of a part, which is one stream after the other.
func (g *copiedRows) part(r io.Reader, rows int64) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	in := bytes.NewReader(b)
	for in.Len() > 0 {
		stream, err := ipc.NewReader(in)
		if err != nil {
			return err
		}
		for stream.Next() {
			record := stream.RecordBatch()
			rows -= record.NumRows()
			if err := g.add(record); err != nil {
				return err
			}
		}
		if err := stream.Err(); err != nil && err != io.EOF {
			return err
		}
		stream.Release()
	}
	if rows != 0 {
		return fmt.Errorf("%d rows less than expected", rows)
	}
	return nil
}

// add adds rows, and writes a row group whenever one is full.
func (g *copiedRows) add(record arrow.RecordBatch) error {
	for at := int64(0); at < record.NumRows(); {
		n := min(rowGroupRows-g.rows, record.NumRows()-at)
		g.held = append(g.held, record.NewSlice(at, at+n))
		g.rows, at = g.rows+n, at+n
		if g.rows == rowGroupRows {
			if err := g.write(); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes what is held as a row group.
func (g *copiedRows) write() error {
	if g.rows == 0 {
		return nil
	}
	columns := make([]arrow.Array, g.schema.NumFields())
	for j := range columns {
		parts := make([]arrow.Array, len(g.held))
		for i, r := range g.held {
			parts[i] = r.Column(j)
		}
		var err error
		if columns[j], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return err
		}
	}
	record := array.NewRecordBatch(g.schema, columns, g.rows)
	for _, r := range g.held {
		r.Release()
	}
	g.held, g.rows = g.held[:0], 0
	return g.w.Write(record)
}
