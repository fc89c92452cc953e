package formats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

// Copied says how the rows of a file stand in it, so that they can be written so once more: with every column, whether
// it is in the vector or not. Files of which it is the same can follow each other in one. It can travel as JSON.
//
// A copy of text is in UTF-8, its lines end with LF, and what was skipped, empty or a comment is left out. A copy of
// .npy has the order of C.
type Copied struct {
	// Format is csv, tsv, jsonl, npy or parquet.
	Format string
	// Head stands before the rows of .csv and .tsv: the header's line, as it is.
	Head []byte `json:",omitempty"`
	// Descr is the type of the numbers of .npy, and Columns how many there are in a row, 0 of an array of one dimension.
	Descr   string `json:",omitempty"`
	Columns int    `json:",omitempty"`
	// Schema is that of .parquet, as Arrow serializes it.
	Schema []byte `json:",omitempty"`
}

// CopiedCell is a number that takes the place of one that was missing.
type CopiedCell struct {
	Row, Column int // the place among the rows that are copied, and in the vector
	Value       float64
}

// CopyReader reads the rows of a span as they stand in the file.
type CopyReader interface {
	// Append appends rows of these numbers within the file, which ascend from one call to the next, to dst, with cells in
	// the order of the rows and, within one, of the columns. What it appends to .parquet is an Arrow stream.
	Append(dst []byte, rows []int64, cells []CopiedCell) ([]byte, error)
	Close() error
}

// Copies says how the rows of files of one format are copied, which Settle has made sure of. Where numbers may be
// filled in, columns of .parquet that hold none of floating point and lack some become such. Files whose rows cannot
// follow each other are at fault, and so is a format that is none of those of Copied.
func Copies(ctx context.Context, all []Source, fills bool) (*Copied, error) {
	var double []string
	for _, src := range all {
		if s, ok := src.(*parquetSource); ok && fills {
			lacking, err := s.lacking(ctx)
			if err != nil {
				return nil, err
			}
			double = append(double, lacking...)
		}
	}
	var first *Copied
	for _, src := range all {
		var c *Copied
		var err error
		if name, ok := inPartition(src); ok {
			return nil, fault.File(name, "a file without directories NAME=VALUE, whose rows are all that there is to write",
				"such directories")
		}
		switch s := src.(type) {
		case *csvSource:
			c, err = s.copied(ctx)
		case *jsonlSource:
			c = &Copied{Format: jsonlFormat.Name}
		case *matrix:
			c, err = s.copied(ctx)
		case *parquetSource:
			c, err = s.copied(ctx, double)
		}
		if err != nil {
			return nil, err
		}
		if c == nil {
			expected := "one of " + strings.Join(copiedFormats, " ") + ", whose rows can be written as they are"
			return nil, fault.File(nameOf(src), expected, "another format")
		}
		if first == nil {
			first = c
			continue
		}
		if other, same := first.differs(c); !same {
			return nil, fault.File(nameOf(src), "rows that can follow those of "+nameOf(all[0])+" in one file", "%s", other)
		}
	}
	return first, nil
}

var copiedFormats = []string{".csv", ".tsv", ".jsonl", ".npy", ".parquet"}

// differs says what of a file is not as in the first.
func (c *Copied) differs(o *Copied) (what string, same bool) {
	switch {
	case c.Format != o.Format:
		return "the format " + o.Format, false
	case !bytes.Equal(c.Head, o.Head):
		return "the header " + fault.Quote(bytes.TrimSpace(o.Head)), false
	case c.Descr != o.Descr || c.Columns != o.Columns:
		return fmt.Sprintf("rows of %d numbers of type %s", max(o.Columns, 1), o.Descr), false
	case !bytes.Equal(c.Schema, o.Schema):
		return "columns of other types, or in another order", false
	}
	return "", true
}

// nameOf is the name of the file of a source.
func nameOf(src Source) string {
	if f, ok := src.(File); ok {
		return f.Name()
	}
	return "the input"
}

// Copy opens a span for copying.
func Copy(ctx context.Context, src Source, how *Copied, s Span) (CopyReader, error) {
	switch src := src.(type) {
	case *csvSource:
		r, err := src.read(ctx, s)
		if err != nil {
			return nil, err
		}
		c := &csvCopy{s: src, fields: fields{dialect: &src.dialect, max: src.selection.count}}
		c.textCopy = textCopy{r, s.First, func() ([]byte, error) {
			row, _, _, err := src.dialect.row(r.lines)
			return row, err
		}}
		return c, nil
	case *jsonlSource:
		r, err := src.read(ctx, s)
		if err != nil {
			return nil, err
		}
		return &jsonlCopy{src, textCopy{r, s.First, func() ([]byte, error) {
			line, _, err := objectLine(r.lines)
			return line, err
		}}}, nil
	case *matrix:
		return src.copy(ctx, s)
	case *parquetSource:
		return src.copy(ctx, how, s)
	}
	return nil, errors.New("formats.Copy: a format that cannot be copied")
}

// textCopy copies lines.
type textCopy struct {
	*textReader
	next int64 // number of the row that row reads
	row  func() ([]byte, error)
}

// seek reads the row of that number.
func (c *textCopy) seek(number int64) ([]byte, error) {
	for {
		row, err := c.row()
		if err == io.EOF {
			err = c.early()
		}
		if err != nil {
			return nil, err
		}
		if c.next++; c.next > number {
			return row, nil
		}
	}
}

// editFunc appends a row with cells in their places.
type editFunc func(dst, row []byte, cells []CopiedCell) ([]byte, *fault.Fault)

// each appends rows, each as edit makes it of its line and its cells.
func (c *textCopy) each(dst []byte, rows []int64, cells []CopiedCell, edit editFunc) ([]byte, error) {
	for i, number := range rows {
		row, err := c.seek(number)
		if err != nil {
			return nil, err
		}
		n := 0
		for n < len(cells) && cells[n].Row == i {
			n++
		}
		if n == 0 {
			dst = append(dst, row...)
		} else {
			var f *fault.Fault
			if dst, f = edit(dst, row, cells[:n]); f != nil {
				f.File, f.Row = c.file.Name(), number
				return nil, f
			}
		}
		dst = append(dst, '\n')
		cells = cells[n:]
	}
	return dst, nil
}

// copied says how the rows of the table stand in its file.
func (s *csvSource) copied(ctx context.Context) (*Copied, error) {
	c := &Copied{Format: csvFormat.Name}
	if s.dialect.comma == '\t' && strings.Contains(strings.ToLower(s.Name()), ".tsv") {
		c.Format = tsvFormat.Name
	}
	if !s.header {
		return c, nil
	}
	again := *s
	err := again.head(ctx, func(l *lines) error {
		row, _, _, err := again.dialect.row(l)
		c.Head = append(bytes.Clone(row), '\n')
		return err
	})
	return c, err
}

// csvCopy copies the rows of a table.
type csvCopy struct {
	textCopy
	s      *csvSource
	fields fields
}

func (c *csvCopy) Append(dst []byte, rows []int64, cells []CopiedCell) ([]byte, error) {
	return c.each(dst, rows, cells, c.edit)
}

// edit puts numbers in the place of fields.
func (c *csvCopy) edit(dst, row []byte, cells []CopiedCell) ([]byte, *fault.Fault) {
	d := &c.s.dialect
	filled := make(map[int]float64, len(cells)) // by the columns of the table
	for _, cell := range cells {
		filled[c.s.vector[cell.Column]] = cell.Value
	}
	for column := 0; ; column++ {
		end := bytes.IndexByte(row, d.comma)
		if !d.raw && len(row) > 0 && row[0] == '"' {
			c.fields.scratch = c.fields.scratch[:0]
			_, end = c.fields.unquote(row)
		} else if end < 0 {
			end = len(row)
		}
		if end < 0 {
			return nil, &fault.Fault{Column: c.s.name(column), Found: fault.Quote(row), Expected: wellQuoted}
		}
		if v, ok := filled[column]; ok {
			dst = d.appendNumber(dst, v)
		} else {
			dst = append(dst, row[:end]...)
		}
		if end == len(row) {
			return dst, nil
		}
		dst = append(dst, d.comma)
		row = row[end+1:]
	}
}

// appendNumber appends a number as the table writes numbers.
func (d *dialect) appendNumber(dst []byte, v float64) []byte {
	from := len(dst)
	dst = appendCopied(dst, v)
	if at := bytes.IndexByte(dst[from:], '.'); at >= 0 && d.decimal != '.' {
		dst[from+at] = d.decimal
	}
	if bytes.IndexByte(dst[from:], d.comma) < 0 {
		return dst
	}
	return append(append(slices.Insert(dst[:from:from], from, '"'), dst[from:]...), '"')
}

// appendCopied appends the shortest text that reads back as the same number, as the results' writers do.
func appendCopied(dst []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && a < 1e-4 || a >= 1e21 {
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// jsonlCopy copies objects.
type jsonlCopy struct {
	s *jsonlSource
	textCopy
}

func (c *jsonlCopy) Append(dst []byte, rows []int64, cells []CopiedCell) ([]byte, error) {
	return c.each(dst, rows, cells, c.edit)
}

// edit puts numbers in the place of values, and at the end where there is no such key.
func (c *jsonlCopy) edit(dst, row []byte, cells []CopiedCell) ([]byte, *fault.Fault) {
	filled := make(map[string]float64, len(cells))
	for _, cell := range cells {
		filled[c.s.names[c.s.vector[cell.Column]]] = cell.Value
	}
	scan := jsonScan{b: row}
	from, way := 0, ""
	var member func(key []byte) *fault.Fault
	member = func(key []byte) *fault.Fault {
		name := way + string(key)
		first, depth := scan.i, strings.Count(way, ".")
		if v, ok := filled[name]; ok {
			delete(filled, name)
			scan.i += len(scan.word()) // null, or NaN
			dst = appendCopied(append(dst, row[from:first]...), v)
			from = scan.i
			return nil
		}
		if scan.peek() != '{' || depth >= maxWay {
			return scan.skip(2 + depth)
		}
		before := way
		way = name + "."
		scan.i++
		f := scan.members(member)
		way = before
		return f
	}
	if f := scan.object(member); f != nil {
		return nil, f
	}
	end := bytes.LastIndexByte(row, '}')
	dst = append(dst, row[from:end]...)
	for _, cell := range cells {
		name := c.s.names[c.s.vector[cell.Column]]
		v, ok := filled[name]
		if !ok {
			continue
		}
		if _, within := c.s.within[name]; within {
			const expected = "null, within its object, where the number is missing"
			return nil, &fault.Fault{Column: name, Found: "no such key", Expected: expected}
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, &fault.Fault{Column: name, Found: err.Error(), Expected: "a key that is text"}
		}
		if last := bytes.TrimRight(dst, " \t"); last[len(last)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = appendCopied(append(append(dst, quoted...), ':'), v)
	}
	return append(dst, row[end:]...), nil
}

// copied says how the rows of a .npy stand in it; nil of another format.
func (m *matrix) copied(ctx context.Context) (*Copied, error) {
	b, err := ReadRange(ctx, m.File, 0, min(m.Size(), int64(len(npyMagic))))
	if err != nil || string(b) != npyMagic {
		return nil, err
	}
	text, _, err := npyHeader(ctx, m.File)
	if err != nil {
		return nil, err
	}
	h, err := parseNPY(text)
	if err != nil {
		return nil, err
	}
	order := "<"
	switch {
	case m.size == 1:
		order = "|"
	case m.order.Uint16([]byte{0, 1}) == 1:
		order = ">"
	}
	c := &Copied{Format: npyFormat.Name, Descr: fmt.Sprintf("%s%c%d", order, m.kind, m.size)}
	if len(h.shape) == 2 {
		c.Columns = int(m.columns)
	}
	return c, nil
}

// matrixCopy copies records.
type matrixCopy struct {
	m    *matrix
	r    *matrixReader
	raw  []byte // rows that were read
	next int64  // number of the row after them
	at   int64  // that of their first
}

func (m *matrix) copy(ctx context.Context, s Span) (CopyReader, error) {
	whole := *m
	var err error
	if whole.selection, err = (&Options{}).choose(m.Name(), nil, int(m.columns)); err != nil {
		return nil, err
	}
	r, err := whole.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	return &matrixCopy{m: m, r: r.(*matrixReader), next: s.First, at: s.First}, nil
}

func (c *matrixCopy) Close() error { return c.r.Close() }

func (c *matrixCopy) Append(dst []byte, rows []int64, cells []CopiedCell) ([]byte, error) {
	record := c.m.record()
	for i, number := range rows {
		for number >= c.next {
			if err := c.more(); err != nil {
				return nil, err
			}
		}
		from := len(dst)
		dst = append(dst, c.raw[(number-c.at)*record:(number-c.at+1)*record]...)
		for len(cells) > 0 && cells[0].Row == i {
			c.m.put(dst[from+c.m.vector[cells[0].Column]*c.m.size:], cells[0].Value)
			cells = cells[1:]
		}
	}
	return dst, nil
}

// more reads further rows.
func (c *matrixCopy) more() error {
	record := c.m.record()
	rows := min(int64(len(c.r.raw))/record, c.r.end-c.next)
	if rows <= 0 {
		return fmt.Errorf("%s: no row %d in the span", c.m.Name(), c.next)
	}
	c.raw = c.r.raw[:rows*record]
	if c.m.byColumn {
		c.r.next = c.next
		if err := c.r.transpose(c.raw, rows); err != nil {
			return err
		}
	} else if _, err := io.ReadFull(c.r.r, c.raw); err != nil {
		return truncated(c.m.File, err)
	}
	c.at, c.next = c.next, c.next+rows
	return nil
}

// put puts a number of a floating-point type, in which alone one can be missing, where b begins.
func (m *matrix) put(b []byte, v float64) {
	switch m.size {
	case 2:
		m.order.PutUint16(b, halfOf(v))
	case 4:
		m.order.PutUint32(b, math.Float32bits(float32(v)))
	default:
		m.order.PutUint64(b, math.Float64bits(v))
	}
}
