package results

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// The lists of rows of features, as package formats reads them.
const (
	listedIndices = "indices"
	listedValues  = "values"
)

// metadata adds the names of the columns to the footer.
func (g *listedRows) metadata(w *file.Writer) error {
	names := g.layout.Names
	if names == nil {
		return nil
	}
	if len(names) != g.layout.Dim {
		return fmt.Errorf("results: %d names of %d features", len(names), g.layout.Dim)
	}
	b, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return w.AppendKeyValueMetadata(formats.ListNamesKey, string(b))
}

// checkListed says why the format cannot hold rows of features as lists, if so.
func (f *Format) checkListed(l *Features) error {
	switch {
	case f == csvFormat || f == npyFormat:
		return fmt.Errorf(".%s has a place for each column of each row, most of which would be 0: write .npz, .parquet, "+
			".jsonl or .svm",
			f.Name)
	case l.Target != "" || l.Weight != "":
		return errors.New("results: lists with a target or a weight")
	case l.ID == listedIndices || l.ID == listedValues:
		return fmt.Errorf("two columns of the output are called %q: rename that of the input", l.ID)
	}
	return nil
}

// shaped is the layout with the number of columns that a shape among the parts tells, where the layout does not; and
// the parts that have files.
func shaped(parts []Part, l Layout) ([]Part, Layout, error) {
	if l.Features == nil || l.Features.Dim > 0 {
		return parts, l, nil
	}
	o := *l.Features
	for _, p := range parts {
		o.Dim = max(o.Dim, int(p.Info.Points))
	}
	if l.Features = &o; o.Dim < 1 {
		return nil, l, errors.New("results.Assemble: rows of features without a shape")
	}
	return written(parts), l, nil
}

// encodeListedJSON appends rows of .jsonl.
func encodeListedJSON(b []byte, r *Rows, from, to int, l *Features) []byte {
	key := append(appendJSONText([]byte{'{'}, l.ID), ':')
	var scratch vectors.CSR
	for i := from; i < to; i++ {
		if l.ID == "" {
			b = append(b, '{')
		} else {
			b = append(appendJSON(append(b, key...), r.Block.ID(i)), ',')
		}
		columns, values := r.entries(i, &scratch)
		b = append(b, `"indices":[`...)
		for j, c := range columns {
			if j > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(c), 10)
		}
		b = append(b, `],"values":[`...)
		for j, v := range values {
			if j > 0 {
				b = append(b, ',')
			}
			b = l.appendValue(b, v)
		}
		b = append(b, "]}\n"...)
	}
	return b
}

// listedRows are rows of lists of a row group. Definition is 0 for the single entry of empty lists, repetition is 0
// where a row begins.
type listedRows struct {
	layout                 *Features
	ids                    idColumn
	rows                   int
	indices                []int32
	values                 []float64
	definition, repetition []int16
}

func (g *listedRows) record(d partReader) error {
	if g.layout.ID != "" {
		if err := d.id(&g.ids); err != nil {
			return err
		}
	}
	n, err := binary.ReadUvarint(d.r)
	if err != nil {
		return err
	}
	for range n {
		j, err := binary.ReadUvarint(d.r)
		if err != nil {
			return err
		}
		if j >= uint64(g.layout.Dim) {
			return errDamagedPart
		}
		g.indices = append(g.indices, int32(j))
	}
	if g.values, err = d.floats(g.values, n); err != nil {
		return err
	}
	g.rows++
	if n == 0 {
		g.definition, g.repetition = append(g.definition, 0), append(g.repetition, 0)
	}
	for i := range n {
		g.definition, g.repetition = append(g.definition, 1), append(g.repetition, int16(min(i, 1)))
	}
	return nil
}

func (g *listedRows) len() int { return g.rows }

func (g *listedRows) full() bool {
	return g.rows >= rowGroupRows || 16*len(g.values)+len(g.ids.data) >= rowGroupBytes
}

func (g *listedRows) reset() {
	g.rows, g.indices, g.values = 0, g.indices[:0], g.values[:0]
	g.definition, g.repetition = g.definition[:0], g.repetition[:0]
	g.ids.reset()
}

func (g *listedRows) schema() (*schema.GroupNode, error) {
	var fields schema.FieldList
	if g.layout.ID != "" {
		fields = append(fields, g.ids.node(validUTF8(g.layout.ID), parquet.Repetitions.Required))
	}
	for _, list := range []struct {
		name string
		of   schema.Node
	}{
		{listedIndices, schema.NewInt32Node("element", parquet.Repetitions.Required, -1)},
		{listedValues, schema.NewFloat64Node("element", parquet.Repetitions.Required, -1)},
	} {
		node, err := schema.ListOfWithName(list.name, list.of, parquet.Repetitions.Required, -1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func (g *listedRows) properties() []parquet.WriterProperty { // most values are few, as ratings and counts
	return []parquet.WriterProperty{parquet.WithDictionaryFor(listedValues+".list.element", true)}
}

func (g *listedRows) columns() []func(file.ColumnChunkWriter) error {
	var all []func(file.ColumnChunkWriter) error
	if g.layout.ID != "" {
		all = append(all, func(w file.ColumnChunkWriter) error { return g.ids.write(w, nil, nil) })
	}
	return append(all,
		func(w file.ColumnChunkWriter) error {
			_, err := w.(*file.Int32ColumnChunkWriter).WriteBatch(g.indices, g.definition, g.repetition)
			return err
		},
		func(w file.ColumnChunkWriter) error {
			_, err := w.(*file.Float64ColumnChunkWriter).WriteBatch(g.values, g.definition, g.repetition)
			return err
		})
}

// mostWide is the longest text, in characters, that an array of ids gives the room of each.
const mostWide = 1024

// csrIDMember is the array of the ids of rows, called id: int64 where all are integers, else texts of the length of the
// longest. They are read once for that length, and once to be written.
func csrIDMember(parts []Part, rows int64) (npzMember, error) {
	texts, wide := false, 1
	for _, p := range parts {
		texts = texts || p.Info.TextIDs
	}
	member := npzMember{idColumnName, npyHeader("<i8", rows), func(w *bufio.Writer) error {
		return eachID(parts, rows, func(id vectors.ID) error {
			_, err := w.Write(appendIndex(w.AvailableBuffer(), id.Int, true))
			return err
		})
	}}
	if !texts {
		return member, nil
	}
	err := eachID(parts, rows, func(id vectors.ID) error {
		n := utf8.RuneCountInString(id.String())
		if wide = max(wide, n); n > mostWide {
			return fmt.Errorf("the id of a row has %d characters, and .npz has the room of the longest for each: write "+
				".parquet or .jsonl", n)
		}
		return nil
	})
	member.header = npyHeader("<U"+strconv.Itoa(wide), rows)
	member.fill = func(w *bufio.Writer) error {
		return eachID(parts, rows, func(id vectors.ID) error {
			n := 0
			for _, c := range id.String() {
				w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), uint32(c))) // whose error Flush returns
				n++
			}
			for ; n < wide; n++ {
				w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), 0))
			}
			return nil
		})
	}
	return member, err
}

// eachID reads the ids of the rows of all parts.
func eachID(parts []Part, rows int64, use func(vectors.ID) error) error {
	var n int64
	for i := range parts {
		err := parts[i].read(csrIDs, func(r io.Reader) error {
			d := partReader{bufio.NewReaderSize(r, 64<<10)}
			for {
				if _, err := d.r.Peek(1); err == io.EOF {
					return nil
				}
				c := idColumn{texts: true}
				if err := d.id(&c); err != nil {
					return errDamagedPart
				}
				n++
				if err := use(vectors.ParseID(string(c.data))); err != nil {
					return err
				}
			}
		})
		if err != nil {
			return fmt.Errorf("part %d of the output: %w", i, err)
		}
	}
	if n != rows {
		return fmt.Errorf("results.Assemble: ids of %d rows, expected %d", n, rows)
	}
	return nil
}
