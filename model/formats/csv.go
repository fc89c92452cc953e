package formats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

var (
	csvFormat = &Format{Name: "csv", Extensions: []string{".csv"}, Text: true, inspect: table(',').inspect}
	tsvFormat = &Format{Name: "tsv", Extensions: []string{".tsv"}, Text: true, inspect: table('\t').inspect}
)

// table is text after RFC 4180, its fields set apart by a byte. Lines end with LF or CRLF, the last one with either or
// none. Empty lines are no rows.
//
// A quote opens a quoted field only where the field begins, and there it must close before the next separator or line
// end; within, it is doubled. A row that breaks this is at fault and ends with its line: one stray quote does not take
// the rows after it along. Hence a line begins in one of two states, within a quoted field or not, and whoever knows
// which one needs nothing else of what stands before.
type table byte

// csvSource is an inspected table.
type csvSource struct {
	textFile
	*selection
	table table
	place []int // place of each column in the vector, or -1
}

func (t table) inspect(ctx context.Context, f File, comp compression, o Options) (Source, error) {
	s := &csvSource{textFile: textFile{File: f, comp: comp}, table: t}
	err := s.head(ctx, func(l *lines) error {
		row, first, _, err := t.row(l)
		if err == io.EOF {
			return fault.File(f.Name(), "a first row", "only empty lines")
		}
		if err == errOpen {
			return openQuote(f.Name(), "the first row")
		}
		if err != nil {
			return err
		}
		fields := fields{max: maxColumns}
		count, ok := fields.split(row, byte(t))
		if !ok {
			return fault.File(f.Name(), wellQuoted, "%s in the first row", fault.Quote(fields.bad))
		}
		if count > maxColumns {
			return fault.File(f.Name(), fmt.Sprintf("at most %d columns", maxColumns), "%d columns", count)
		}
		var names []string
		s.start = first
		if named, err := isHeader(fields.list, o.Header); err != nil {
			return err
		} else if named {
			names = make([]string, count)
			for i, name := range fields.list {
				names[i] = string(name)
			}
			s.start = l.offset
		}
		s.selection, err = o.choose(f.Name(), names, count)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.place = s.places()
	return s, nil
}

// isHeader decides whether a first row names the columns: by default where one of its fields is text and none is a
// number, or a name of what is not finite.
func isHeader(row [][]byte, h Header) (bool, error) {
	switch h {
	case HeaderYes:
		return true, nil
	case HeaderNo:
		return false, nil
	case HeaderAuto, "":
		text := false
		for _, field := range row {
			if _, ok := wholeNumber(field); ok || notFinite(field) {
				return false, nil
			}
			text = text || len(trimSpaces(field)) > 0
		}
		return text, nil
	}
	return false, fmt.Errorf("header %q: must be auto, yes or no", h)
}

func (s *csvSource) Dim() int { return len(s.vector) }

// Columns are the header's.
func (s *csvSource) Columns() []string { return s.vectorNames() }

// Count counts rows at the speed of finding line ends and quotes.
func (s *csvSource) Count(ctx context.Context, r Range) (Count, error) {
	c := Count{Inside: [2]bool{false, true}}
	err := s.eachLine(ctx, r, func(line []byte, offset int64) {
		quotes := bytes.IndexByte(line, '"') >= 0
		same := c.Inside[0] == c.Inside[1] // as they mostly are from the first quote on
		for i, inside := range c.Inside {
			if !inside && len(line) > 0 {
				if c.Rows[i] == 0 {
					c.First[i] = offset
				}
				c.Rows[i]++
			}
			if quotes && i == 1 && same {
				c.Inside[1] = c.Inside[0]
			} else if quotes {
				c.Inside[i] = s.table.endsInside(line, inside)
			}
		}
	})
	return c, err
}

// Resolve numbers the rows. A quote that is open at the end is a fault.
func (s *csvSource) Resolve(counts []Count) ([]Span, error) {
	spans, rows, inside := resolve(counts)
	if inside {
		return nil, openQuote(s.Name(), fmt.Sprintf("row %d", rows-1))
	}
	return spans, nil
}

// openQuote is the fault of a quote that takes all the rest of the file for one field, which is more than a row's.
func openQuote(file, row string) *fault.Fault {
	return fault.File(file, "the quote that closes it", "a quote that opens in %s, and then the end of the file", row)
}

// endsInside reports whether a line ends within a quoted field, given whether it begins within one.
func (t table) endsInside(line []byte, inside bool) bool {
	for i := 0; ; {
		if !inside {
			q := bytes.IndexByte(line[i:], '"')
			if q < 0 {
				return false
			}
			i += q
			if i > 0 && line[i-1] != byte(t) {
				return false // out of place: the row ends with the line
			}
			i++
		}
		q := bytes.IndexByte(line[i:], '"')
		if q < 0 {
			return true
		}
		i += q + 1
		if i == len(line) {
			return false
		}
		switch line[i] {
		case '"':
			inside = true
		case byte(t):
			inside = false
		default:
			return false // as above
		}
		i++
	}
}

var errOpen = errors.New("a quote is open at the end of the text")

// row is the next row, without its line end, the offset at which it begins, and whether it has quotes. Its memory is
// valid until more is read.
func (t table) row(l *lines) (row []byte, offset int64, quotes bool, err error) {
	for {
		n, err := l.find(0)
		if err != nil {
			return nil, 0, false, err
		}
		row, offset = trimEnd(l.ahead(n)), l.offset
		if len(row) == 0 {
			l.advance(n)
			continue
		}
		quotes = bytes.IndexByte(row, '"') >= 0
		if quotes && t.endsInside(row, false) {
			for inside := true; inside; {
				end, err := l.find(n)
				if err == io.EOF {
					return nil, offset, true, errOpen
				}
				if err != nil {
					return nil, 0, false, err
				}
				inside = t.endsInside(trimEnd(l.ahead(end)[n:]), true)
				n = end
			}
			row = trimEnd(l.ahead(n))
		}
		l.advance(n)
		return row, offset, quotes, nil
	}
}

// fields are those of a row.
type fields struct {
	max     int      // how many are kept
	list    [][]byte // into the row, or into scratch
	scratch []byte
	bad     []byte // the field at fault
}

// wellQuoted is what a field with quotes should be.
const wellQuoted = "quotes around all of a field, and those inside it doubled"

// split cuts a row into its fields and counts them. It is not ok, and stops, at a field whose quotes are out of place;
// then the count is that of the fields before it.
func (f *fields) split(row []byte, comma byte) (count int, ok bool) {
	f.list, f.scratch = f.list[:0], f.scratch[:0]
	for {
		var field []byte
		var end int // of the field, with its quotes
		if len(row) > 0 && row[0] == '"' {
			field, end = f.unquote(row)
			if end < 0 || end < len(row) && row[end] != comma {
				f.bad = row
				return count, false
			}
		} else {
			if end = bytes.IndexByte(row, comma); end < 0 {
				end = len(row)
			}
			field = row[:end]
			if bytes.IndexByte(field, '"') >= 0 {
				f.bad = field
				return count, false
			}
		}
		if count < f.max {
			f.list = append(f.list, field)
		}
		count++
		if end == len(row) {
			return count, true
		}
		row = row[end+1:]
	}
}

// unquote is the content of the quoted field that a row begins with, and the place after its closing quote, or -1.
func (f *fields) unquote(row []byte) ([]byte, int) {
	from := len(f.scratch)
	for i := 1; ; {
		q := bytes.IndexByte(row[i:], '"')
		if q < 0 {
			return nil, -1
		}
		end := i + q
		if end+1 == len(row) || row[end+1] != '"' {
			if i == 1 {
				return row[1:end], end + 1
			}
			f.scratch = append(f.scratch, row[i:end]...)
			return f.scratch[from:], end + 1
		}
		f.scratch = append(f.scratch, row[i:end+1]...)
		i = end + 2
	}
}

// csvReader reads the rows of a span.
type csvReader struct {
	*textReader
	s              *csvSource
	vector         []float64
	target, weight []byte // fields of the row
	learned        learned
	fields         fields
}

func (s *csvSource) Read(ctx context.Context, span Span) (Reader, error) {
	t, err := s.read(ctx, span)
	if err != nil {
		return nil, err
	}
	r := &csvReader{textReader: t, s: s, vector: make([]float64, s.Dim()), fields: fields{max: s.selection.count}}
	t.parse = r.row
	return r, nil
}

// row appends the next row of the text to b.
func (r *csvReader) row(b *vectors.Block, number int64) error {
	row, _, quotes, err := r.s.table.row(r.lines)
	if err == errOpen {
		return openQuote(r.s.Name(), fmt.Sprintf("row %d", number))
	}
	if err != nil {
		return err
	}
	if !quotes {
		if id, ok := r.plain(row); ok && (r.s.id < 0 || len(id) > 0) && r.learned.fields(r.s.selection, r.target, r.weight) == nil && r.append(b, number, id) < 0 {
			return nil
		}
	}
	return r.general(row, b, number)
}

// append adds the row that has been read, or returns the place of the first value that cannot be stored.
func (r *csvReader) append(b *vectors.Block, number int64, id []byte) int {
	if i := b.Append(r.vector, number); i >= 0 {
		return i
	}
	if r.s.id >= 0 {
		b.AppendID(parseID(id))
	}
	if r.s.learns() {
		r.learned.appendTo(b, r.s.selection)
	}
	return -1
}

// plain reads a row without quotes, in one pass over its bytes. Where anything is wrong with it, it is not ok.
func (r *csvReader) plain(row []byte) (id []byte, ok bool) {
	comma := byte(r.s.table)
	i := 0
	for c, place := range r.s.place {
		if c > 0 {
			if i >= len(row) || row[i] != comma {
				return nil, false
			}
			i++
		}
		first := i
		if place < 0 {
			if n := bytes.IndexByte(row[i:], comma); n >= 0 {
				i += n
			} else {
				i = len(row)
			}
			if c == r.s.target {
				r.target = row[first:i]
			} else if c == r.s.weight {
				r.weight = row[first:i]
			}
		} else {
			for i < len(row) && (row[i] == ' ' || row[i] == '\t') && row[i] != comma {
				i++
			}
			v, n := number(row[i:], false)
			if n == 0 {
				return nil, false
			}
			r.vector[place] = v
			for i += n; i < len(row) && (row[i] == ' ' || row[i] == '\t') && row[i] != comma; {
				i++
			}
		}
		if c == r.s.id {
			id = row[first:i]
		}
	}
	return id, i == len(row)
}

// general reads any row, or says what is wrong with it.
func (r *csvReader) general(row []byte, b *vectors.Block, number int64) error {
	s := r.s
	count, ok := r.fields.split(row, byte(s.table))
	switch {
	case !ok:
		return &fault.Fault{File: s.Name(), Row: number, Column: s.name(count), Found: fault.Quote(r.fields.bad), Expected: wellQuoted}
	case count != s.selection.count:
		return &fault.Fault{File: s.Name(), Row: number, Found: fmt.Sprintf("%d fields", count), Expected: fmt.Sprint(s.selection.count)}
	}
	list := r.fields.list
	for c, place := range s.place {
		if place < 0 {
			continue
		}
		v, ok := wholeNumber(list[c])
		if !ok {
			return numberFault(s.Name(), number, s.name(c), list[c])
		}
		r.vector[place] = v
	}
	var id []byte
	if s.id >= 0 {
		if id = list[s.id]; len(id) == 0 {
			return &fault.Fault{File: s.Name(), Row: number, Column: s.name(s.id), Found: "an empty field", Expected: "an id"}
		}
	}
	if s.target >= 0 {
		r.target = list[s.target]
	}
	if s.weight >= 0 {
		r.weight = list[s.weight]
	}
	if f := r.learned.fields(s.selection, r.target, r.weight); f != nil {
		f.File, f.Row = s.Name(), number
		return f
	}
	if i := r.append(b, number, id); i >= 0 {
		c := s.vector[i]
		return numberFault(s.Name(), number, s.name(c), list[c])
	}
	return nil
}
