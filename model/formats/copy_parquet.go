package formats

import (
	"bytes"
	"context"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/fault"
)

// lacking are the columns of the vector that hold no numbers of floating point, and lack some in the rows that are kept.
func (s *parquetSource) lacking(ctx context.Context) (names []string, err error) {
	for _, f := range s.vector {
		if f.kind == kindHalf || f.kind == kindFloat || f.kind == kindDouble || f.valued == 0 {
			continue
		}
		nulls := false
		for g := range s.groups {
			c, err := s.meta.RowGroup(g).ColumnChunk(f.leaf)
			if err != nil {
				nulls = true
				continue
			}
			stats, err := c.Statistics()
			nulls = nulls || err != nil || stats == nil || !stats.HasNullCount() || stats.NullCount() > 0
		}
		if nulls && s.deleted != nil {
			kept, err := s.keptNulls(ctx, &f)
			if err != nil {
				return nil, err
			}
			nulls = kept > 0
		}
		if nulls {
			names = append(names, f.name)
		}
	}
	return names, nil
}

// records reads all columns of some row groups.
func (s *parquetSource) records(in *parquetBytes, groups []int) (pqarrow.RecordReader, *arrow.Schema, error) {
	r, err := in.open(parquetAheadMax, file.WithMetadata(s.meta))
	if err != nil {
		return nil, nil, err
	}
	table, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: recordRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, nil, err
	}
	schema, err := table.Schema()
	if err != nil || groups == nil {
		return nil, schema, err
	}
	records, err := table.GetRecordReader(in.ctx, nil, groups)
	return records, schema, err
}

// pandasKey is the key under which pandas says which columns are the index, and their types.
const pandasKey = "pandas"

// copied says how rows stand in the file. The columns that are named become double, and dictionaries become texts.
func (s *parquetSource) copied(ctx context.Context, double []string) (c *Copied, err error) {
	in := &parquetBytes{File: s.File, ctx: ctx}
	defer in.undamaged(&err)
	_, schema, err := s.records(in, nil)
	if err != nil {
		return nil, err
	}
	fields, same := slices.Clone(schema.Fields()), s.places == nil
	if m, ok := s.File.(Member); ok && !same {
		fields = nil
		for i, c := range m.Columns() {
			fields = append(fields, schema.Field(s.columnPlace(i)))
			fields[i].Name = c.Name
		}
	}
	for i := range fields {
		f := &fields[i]
		if holdsDurations(f.Type) {
			return nil, &fault.Fault{
				File: s.Name(), Row: fault.WholeFile, Column: f.Name, Found: "durations",
				Expected: "a type that can be written once more, such as their whole numbers (int64)",
			}
		}
		f.Metadata = arrow.Metadata{}
		if d, ok := f.Type.(*arrow.DictionaryType); ok {
			f.Type, same = d.ValueType, false
		}
		if slices.Contains(double, f.Name) {
			f.Type, same = arrow.PrimitiveTypes.Float64, false
		}
	}
	var meta *arrow.Metadata
	if kv := s.meta.KeyValueMetadata(); same && kv != nil {
		if v := kv.FindValue(pandasKey); v != nil {
			m := arrow.NewMetadata([]string{pandasKey}, []string{*v})
			meta = &m
		}
	}
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(arrow.NewSchema(fields, meta)))
	err = w.Close()
	return &Copied{Format: parquetFormat.Name, Schema: b.Bytes()}, err
}

// holdsDurations reports whether a type is durations, or has them within: package pqarrow neither reads nor writes
// them.
func holdsDurations(t arrow.DataType) bool {
	if nested, ok := t.(arrow.NestedType); ok {
		return slices.ContainsFunc(nested.Fields(), func(f arrow.Field) bool { return holdsDurations(f.Type) })
	}
	return t.ID() == arrow.DURATION
}

// SchemaOf is the schema of copies of .parquet.
func (c *Copied) SchemaOf() (*arrow.Schema, error) {
	r, err := ipc.NewReader(bytes.NewReader(c.Schema))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return r.Schema(), nil
}

// parquetCopy copies rows as Arrow's records.
type parquetCopy struct {
	s       *parquetSource
	in      *parquetBytes
	schema  *arrow.Schema // of the copy
	records pqarrow.RecordReader
	record  arrow.RecordBatch // that is read, or nil
	first   int64             // its first row
	next    int64             // the row after it
}

func (s *parquetSource) copy(ctx context.Context, how *Copied, span Span) (r CopyReader, err error) {
	if err := checkSpan(s, s.File, span); err != nil {
		return nil, err
	}
	if s.deleted != nil {
		r, err := s.copyStored(ctx, how, s.stored(span))
		return &keptCopy{r, s}, err
	}
	return s.copyStored(ctx, how, span)
}

// copyStored copies a span of rows of the file.
func (s *parquetSource) copyStored(ctx context.Context, how *Copied, span Span) (r CopyReader, err error) {
	c := &parquetCopy{s: s, in: &parquetBytes{File: s.File, ctx: ctx}}
	defer c.in.undamaged(&err)
	if c.schema, err = how.SchemaOf(); err != nil {
		return nil, err
	}
	var groups []int
	for i, g := range s.groups {
		if g.rows > 0 && g.first < span.First+span.Rows && g.first+g.rows > span.First {
			if groups == nil {
				c.first, c.next = g.first, g.first
			}
			groups = append(groups, i)
		}
	}
	if groups == nil {
		return c, nil
	}
	c.records, _, err = s.records(c.in, groups)
	return c, err
}

func (c *parquetCopy) Close() error {
	if c.records != nil {
		c.records.Release()
		c.records = nil
	}
	return nil
}

func (c *parquetCopy) Append(dst []byte, rows []int64, cells []CopiedCell) (out []byte, err error) {
	defer c.in.undamaged(&err)
	b := bytes.NewBuffer(dst)
	w := ipc.NewWriter(b, ipc.WithSchema(c.schema))
	for from := 0; from < len(rows); {
		for rows[from] >= c.next {
			record, err := c.records.Read()
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return nil, err
			}
			c.record, c.first, c.next = record, c.next, c.next+record.NumRows()
		}
		to := from + 1
		for to < len(rows) && rows[to] == rows[to-1]+1 && rows[to] < c.next {
			to++
		}
		n := 0
		for n < len(cells) && cells[n].Row < to {
			n++
		}
		record, err := c.edited(rows[from]-c.first, rows[to-1]+1-c.first, from, cells[:n])
		if err != nil {
			return nil, err
		}
		if err := w.Write(record); err != nil {
			return nil, err
		}
		from, cells = to, cells[n:]
	}
	err = w.Close()
	return b.Bytes(), err
}

// edited are the rows of the record from lo to hi, with cells; the first of the rows is row first of the cells.
func (c *parquetCopy) edited(lo, hi int64, first int, cells []CopiedCell) (arrow.RecordBatch, error) {
	filled := map[int][]CopiedCell{} // by the columns of the file
	for _, cell := range cells {
		name := c.s.vector[cell.Column].name
		column := slices.IndexFunc(c.schema.Fields(), func(f arrow.Field) bool { return f.Name == name })
		if column < 0 {
			return nil, errType
		}
		cell.Row -= first
		filled[column] = append(filled[column], cell)
	}
	columns := make([]arrow.Array, c.schema.NumFields())
	for j := range columns {
		a := array.NewSlice(c.record.Column(c.s.columnPlace(j)), lo, hi)
		to := c.schema.Field(j).Type
		if len(filled[j]) == 0 && arrow.TypeEqual(a.DataType(), to) {
			columns[j] = a
			continue
		}
		if i, found := inexact(a, to); i >= 0 {
			return nil, &fault.Fault{
				File: c.s.Name(), Row: c.first + lo + int64(i), Column: c.schema.Field(j).Name, Found: found,
				Expected: "a number that double holds, which the column becomes where numbers are filled in: " +
					"leave it out by --columns, and it stays as it is",
			}
		}
		var err error
		if columns[j], err = rebuilt(a, to, filled[j]); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(c.schema, columns, hi-lo), nil
}

// inexact is the place of the first whole or decimal number that another type, if that is double, does not hold, or -1,
// and its text.
func inexact(a arrow.Array, to arrow.DataType) (at int, found string) {
	if to.ID() != arrow.FLOAT64 {
		return -1, ""
	}
	number := arrowNumbers(a)
	for i := range a.Len() {
		same := true
		switch a := a.(type) {
		case *array.Int64:
			f := float64(a.Value(i))
			same = f < 1<<63 && int64(f) == a.Value(i)
		case *array.Uint64:
			f := float64(a.Value(i))
			same = f < 1<<64 && uint64(f) == a.Value(i)
		case *array.Decimal128:
			same = a.IsNull(i) || sameDigits(a.Value(i).BigInt().String(), number(i))
		case *array.Decimal256:
			same = a.IsNull(i) || sameDigits(a.Value(i).BigInt().String(), number(i))
		default:
			return -1, ""
		}
		if !same && a.IsValid(i) {
			return i, a.ValueStr(i)
		}
	}
	return -1, ""
}

// sameDigits reports whether the digits of a decimal number are those of the shortest text of its double.
func sameDigits(digits string, v float64) bool {
	shortest, _, _ := strings.Cut(strconv.FormatFloat(math.Abs(v), 'e', -1, 64), "e")
	return strings.Trim(strings.Replace(shortest, ".", "", 1), "0") == strings.Trim(digits, "-0")
}

// rebuilt is an array as one of another type, with cells in their places.
func rebuilt(a arrow.Array, to arrow.DataType, cells []CopiedCell) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, to)
	defer b.Release()
	number, text := arrowNumbers(a), arrowTexts(a)
	for i := range a.Len() {
		filled := len(cells) > 0 && cells[0].Row == i
		switch b := b.(type) {
		case *array.Float64Builder, *array.Float32Builder, *array.Float16Builder:
			switch {
			case filled:
				appendFloat(b, cells[0].Value)
				cells = cells[1:]
			case isNull(a, i):
				b.AppendNull()
			case number == nil:
				return nil, errType
			default:
				appendFloat(b, number(i))
			}
		case array.StringLikeBuilder:
			switch {
			case isNull(a, i):
				b.AppendNull()
			case text == nil:
				return nil, errType
			default:
				b.Append(string(text(i)))
			}
		case *array.BinaryBuilder:
			switch {
			case isNull(a, i):
				b.AppendNull()
			case text == nil:
				return nil, errType
			default:
				b.Append(text(i))
			}
		default:
			return nil, errType
		}
	}
	return b.NewArray(), nil
}

// appendFloat appends a number to a column of floating point.
func appendFloat(b array.Builder, v float64) {
	switch b := b.(type) {
	case *array.Float64Builder:
		b.Append(v)
	case *array.Float32Builder:
		b.Append(float32(v))
	case *array.Float16Builder:
		b.Append(float16.FromBits(halfOf(v)))
	}
}
