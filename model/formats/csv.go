package formats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/formats/internal/delimited"
	"beamlearn/model/vectors"
)

var (
	csvFormat = &Format{Name: "csv", Extensions: []string{".csv"}, Text: true, Cells: true, inspect: table(0)}
	tsvFormat = &Format{Name: "tsv", Extensions: []string{".tsv"}, Text: true, Cells: true, inspect: table('\t')}
)

// csvSource is a table of text after RFC 4180, its fields set apart by a byte. Lines end with LF or CRLF, the last
// one with either or none. Lines of nothing but spaces are no rows.
//
// A quote opens a quoted field only where the field begins, and there it must close before the next separator or line
// end; within, it is doubled. A row that breaks this is at fault and ends with its line: one stray quote does not take
// the rows after it along. In a field that begins otherwise, a quote is a character like any other. Hence a line begins
// in one of two states, within a quoted field or not, and whoever knows which one needs nothing else of what stands
// before.
type csvSource struct {
	textFile
	*selection
	dialect dialect
	place   []int // place of each column in the vector, or -1
	array   bool  // the vector is the value of a single column, in brackets
	dim     int
	header  bool
	count   bool           // the header is 0, 1, 2, …, which may be a row
	repeats map[int]string // what columns are called in the header that have got another name, as it was taken
	notes   []string
	cells   bool  // rows are those of a table
	idCells int   // how many of the first columns of the vector hold ids
	missing bool  // a number may be missing
	other   other // what a matrix of numbers would not hold
}

// table inspects tables whose fields are set apart by a byte, unless the options say another; 0 is for what the first
// rows tell.
func table(comma byte) func(context.Context, File, compression, Options) (Source, error) {
	return func(ctx context.Context, f File, comp compression, o Options) (Source, error) {
		d, _ := o.dialect() // which Inspect has found valid
		if d.comma == 0 {
			d.comma = comma
		}
		s := &csvSource{textFile: o.newText(f, comp), dialect: d, missing: o.Missing}
		if err := s.head(ctx, func(l *lines) error { return s.first(l, &o) }); err != nil {
			return nil, err
		}
		s.place = s.places()
		return s, nil
	}
}

// first finds out how the table is written, and which its columns are.
func (s *csvSource) first(l *lines, o *Options) error {
	note, err := s.dialect.settle(l, o)
	if err != nil {
		return err
	}
	s.note(note)
	rows, err := s.dialect.lookAhead(l)
	if err != nil {
		return err
	}
	row, first, _, err := s.dialect.row(l)
	switch {
	case err == io.EOF:
		return fault.Ends(fault.File(s.Name(), "a first row", "only empty lines"))
	case err == errOpen, err == errOpenLong:
		return openQuote(s.Name(), "the first row", err)
	case err != nil:
		return err
	}
	if len(row) == 5 && strings.EqualFold(string(row[:4]), "sep=") {
		return fault.Asked(s.Name(), "a header or data: --skip_rows=1 leaves that line out",
			"the line %s, which only Excel understands, at the beginning", fault.Quote(row))
	}
	fields := fields{dialect: &s.dialect, max: maxColumns}
	count, ok := fields.split(row)
	if !ok {
		return fault.File(s.Name(), wellQuoted, "%s in the first row", fault.Quote(fields.bad))
	}
	if count > maxColumns {
		return fault.File(s.Name(), fmt.Sprintf("at most %d columns", maxColumns), "%d columns", count)
	}
	judged := s.dialect.judge(rows, o)
	s.note(judged.note)
	s.count = judged.count
	s.start = first
	var names []string
	if s.header = judged.names; s.header {
		if names, s.repeats, note, err = s.columnNames(fields.list); err != nil {
			return err
		}
		s.note(note)
		s.start = l.offset
		rows = rows[min(1, len(rows)):]
		names, note = s.dialect.unnamed(rows, names)
		s.note(note)
		count = len(names)
	} else {
		count = commonWidth(rows, count)
	}
	if err := s.choose(rows, names, count, o); err != nil || len(rows) > 0 || !s.header {
		return err
	}
	if _, _, _, err := s.dialect.row(l); err == io.EOF && !o.Empty {
		return fault.Ends(fault.File(s.Name(), "rows of data", "a header and no rows"))
	}
	return nil
}

// unnamed are the names of a header where the rows have one field more than it: the first is the row's name, as R
// writes it; the last is what a delimiter at the end of the rows makes, where it is empty in all. The note tells of the
// former, unless the first counts the rows.
func (d *dialect) unnamed(rows []sampled, names []string) (all []string, note string) {
	n := len(names)
	counted, named := d.rowNames(rows, n)
	switch {
	case counted && names[0] != "":
		return slices.Insert(names, 0, ""), ""
	case len(rows) > 0 && names[n-1] != nameless(n-1) &&
		!slices.ContainsFunc(rows, func(r sampled) bool { return len(r.fields) != n+1 || len(r.fields[n]) > 0 }):
		return append(names, ""), ""
	case named && names[0] != "":
		return slices.Insert(names, 0, ""), "rows have one field more than the header: the first, as " +
			fault.Quote(rows[0].fields[0]) +
			", is taken for the row's name, as in R (column 0)"
	}
	return names, ""
}

// rowNames reports whether rows have one field more than a header of so many, as R's write.table writes them and its
// read.table and pandas read them: the first field counts the rows from 0 or 1, or names each row, by a text or a whole
// number of its own. Of one row, or one name, a number is too little to go by. A row of any other length is at fault,
// but for one that is as long as the header: then this is no such table.
func (d *dialect) rowNames(rows []sampled, header int) (counted, named bool) {
	seen := map[string]bool{}
	counted, named = len(rows) > 1 && header > 1, true
	for i, r := range rows {
		if len(r.fields) == header {
			return false, false
		}
		if len(r.fields) != header+1 {
			continue
		}
		first, n := string(r.fields[0]), i
		if len(rows[0].fields) > 0 && string(rows[0].fields[0]) == "1" {
			n++
		}
		counted = counted && first == strconv.Itoa(n)
		switch kind := d.kind(r.fields[0]); {
		case seen[first], kind != cellText && kind != cellNumber:
			named = false
		case kind == cellNumber:
			named = named && len(rows) > 1 && header > 1 && wholeText(r.fields[0])
		}
		seen[first] = true
	}
	most := 2*len(seen) > len(rows)
	return counted && most, named && most
}

func (s *csvSource) note(note string) {
	if note != "" {
		s.notes = append(s.notes, note)
	}
}

// rowIndex is the type of a first column that has no name: so pandas and R write the row's label.
const rowIndex = "row index"

// orSpaces adds to a fault of columns what it may come from: the only name that there is has spaces, which may be what
// stands between names.
func orSpaces(err error, names []string) error {
	var f *fault.Fault
	if len(names) != 1 || len(strings.Fields(names[0])) < 2 || !errors.As(err, &f) {
		return err
	}
	told := *f
	told.Expected += "; or --delimiter=space"
	return &told
}

// choose finds the columns of the vector. Where the options do not say which they are, text is left out, as it is of
// .parquet, and so is the row index; where one of them has vectors in brackets, it is the vector.
func (s *csvSource) choose(rows []sampled, names []string, count int, o *Options) error {
	if err := askedOnce(s.Name(), names, s.repeats, o); err != nil {
		return err
	}
	var err error
	if s.selection, err = o.choose(s.Name(), names, count); err != nil {
		return orSpaces(err, names)
	}
	s.types, s.whole = make([]string, count), make([]bool, count)
	kinds := make([]cell, count)
	for c := range count {
		kinds[c] = s.dialect.above(rows, c)
		if len(rows) > 0 && c < len(rows[0].fields) && s.dialect.kind(rows[0].fields[c]) == cellVector {
			kinds[c] = cellVector // whatever is wrong with others
		}
		s.types[c], s.whole[c] = kinds[c].typeName(), kinds[c] == cellNumber && s.dialect.whole(rows, c)
		if o.Missing && o.wide() && s.dialect.booleans(rows, c) {
			kinds[c], s.types[c] = cellText, cellBoolean.String() // which no mean is
		}
	}
	if s.index == 0 {
		s.types[0] = rowIndex
	}
	if s.cells = o.Cells; s.cells {
		if o.byDefault() && len(s.vector) > 1 {
			s.vector = slices.DeleteFunc(s.vector, func(c int) bool { return s.trailing(c, kinds) })
		}
		s.dim, s.idCells = len(s.vector), o.IDCells
		s.judgeCells(rows)
		return nil
	}
	if o.wide() {
		if err := s.byDefault(kinds); err != nil {
			return orSpaces(err, names)
		}
	}
	s.dim = len(s.vector)
	if err := s.measure(rows, kinds); err != nil || !s.array || !s.missing {
		return err
	}
	return missingList(s.Name(), s.name(s.vector[0]))
}

// byDefault leaves out of the vector what is text, or all but the one column of vectors.
func (s *csvSource) byDefault(kinds []cell) error {
	var vectors []string
	one := -1
	for _, c := range s.vector {
		if kinds[c] == cellVector {
			one = c
			vectors = append(vectors, fault.Quote(s.name(c)))
		}
	}
	for _, c := range s.vector {
		if kinds[c] == cellVector && s.name(c) == vectorKey {
			one, vectors = c, vectors[:1]
		}
	}
	switch len(vectors) {
	case 0:
		columns := s.selection.missing(s.Name(), "a column of numbers, or of vectors in brackets")
		s.vector = slices.DeleteFunc(s.vector, func(c int) bool { return kinds[c] == cellText || s.trailing(c, kinds) })
		if len(s.vector) == 0 {
			return columns
		}
	case 1:
		s.vector = []int{one}
	default:
		return fault.File(s.Name(), oneVector, "%s", strings.Join(vectors[:min(len(vectors), shownNames)], ", "))
	}
	return nil
}

// trailing reports whether a column is what a delimiter at the end of every line makes: the last, without a name and
// without any value.
func (s *csvSource) trailing(c int, kinds []cell) bool {
	return c == s.selection.count-1 && s.names != nil && (s.names[c] == "" || s.names[c] == nameless(c)) &&
		kinds[c] == cellMissing
}

// measure finds out whether the vector is in one column, and its length.
func (s *csvSource) measure(rows []sampled, kinds []cell) error {
	for _, c := range s.vector {
		if kinds[c] != cellVector {
			continue
		}
		if len(s.vector) > 1 {
			return fault.File(s.Name(), "columns of numbers, or one of vectors", "%d columns, of which %s has vectors",
				len(s.vector), fault.Quote(s.name(c)))
		}
		s.array = true
		for _, r := range rows {
			if c < len(r.fields) && s.dialect.kind(r.fields[c]) == cellVector {
				s.dim, _ = vectorIn(r.fields[c], nil)
				break
			}
		}
		if s.dim > maxColumns {
			return fault.File(s.Name(), fmt.Sprintf("vectors of at most %d numbers", maxColumns), "one of %d in column %s",
				s.dim, s.name(c))
		}
	}
	return nil
}

// Notes tell what was assumed about the file.
func (s *csvSource) Notes() []string { return append(s.selection.Notes(), s.notes...) }

func (s *csvSource) Dim() int { return s.dim }

// Columns are the header's, unless the vector is in one column.
func (s *csvSource) Columns() []string {
	if s.array {
		return nil
	}
	return s.vectorNames()
}

// Count counts rows at the speed of finding line ends and quotes.
func (s *csvSource) Count(ctx context.Context, r Range) (Count, error) {
	c := Count{Inside: [2]bool{false, true}}
	err := s.eachLine(ctx, r, func(line []byte, offset int64) {
		quotes := !s.dialect.raw && bytes.IndexByte(line, '"') >= 0
		row := s.dialect.isRow(line)
		same := c.Inside[0] == c.Inside[1] // as they mostly are from the first quote on
		for i, inside := range c.Inside {
			if !inside && row {
				c.add(i, offset)
			}
			switch {
			case !quotes, !inside && !row:
			case i == 1 && same:
				c.Inside[1] = c.Inside[0]
			default:
				c.Inside[i], _ = s.dialect.endsInside(line, inside)
			}
		}
	})
	if s.dialect.raw {
		c.Rows[1], c.First[1], c.Marks[1], c.Inside[1] = c.Rows[0], c.First[0], c.Marks[0], false
	}
	return c, err
}

func (s *csvSource) isWhole() bool { return s.sequential() && !s.cells }

// Resolve numbers the rows. A quote that is open at the end is a fault.
func (s *csvSource) Resolve(counts []Count) ([]Span, error) {
	spans, rows, inside := resolve(counts)
	if inside {
		return nil, openQuote(s.Name(), fmt.Sprintf("row %d", rows-1), errOpen)
	}
	return spans, nil
}

// csvReader reads the rows of a span.
type csvReader struct {
	*textReader
	s              *csvSource
	slow           bool // nothing is plain
	vector         []float64
	target, weight []byte // fields of the row
	learned        learned
	fields         fields
	ends           []int // of the fields of a row
	numbers        delimited.Numbers
}

func (s *csvSource) Read(ctx context.Context, span Span) (Reader, error) {
	t, err := s.read(ctx, span)
	if err != nil {
		return nil, err
	}
	t.past = func() error {
		_, _, _, err := s.dialect.row(t.lines)
		if err == errOpen || err == errOpenLong {
			return openQuote(s.Name(), fmt.Sprintf("row %d", t.next), err)
		}
		return err
	}
	if s.cells {
		return s.cellsReader(t), nil
	}
	r := &csvReader{textReader: t, s: s, vector: make([]float64, s.Dim()),
		fields: fields{dialect: &s.dialect, max: s.selection.count}}
	r.slow = s.array || !s.dialect.plain()
	t.parse = r.row
	return r, nil
}

// row appends the next row of the text to b.
func (r *csvReader) row(b *vectors.Block, number int64) error {
	row, _, quotes, err := r.s.dialect.row(r.lines)
	if err == errOpen || err == errOpenLong {
		return openQuote(r.s.Name(), fmt.Sprintf("row %d", number), err)
	}
	if err != nil {
		return err
	}
	if !quotes {
		if id, ok := r.plain(row); ok && (r.s.id < 0 || len(id) > 0 && utf8.Valid(id)) && r.learn() == nil &&
			r.append(b, number, id) < 0 {
			return nil
		}
	}
	return r.general(row, b, number)
}

// learn reads the target and the weight. Its fault lacks the file and the row.
func (r *csvReader) learn() *fault.Fault {
	return r.learned.fields(r.s.selection, &r.s.dialect, &r.s.textFile, r.target, r.weight, false)
}

// append adds the row that has been read, or returns the place of the first value that cannot be stored.
func (r *csvReader) append(b *vectors.Block, number int64, id []byte) int {
	if i := b.Append(r.vector, number); i >= 0 {
		return i
	}
	if r.s.id >= 0 {
		b.AppendID(parseID(id))
	}
	r.learned.appendTo(b, r.s.selection)
	return -1
}

// fewFields are too few in a row for a kernel to begin with it.
const fewFields = 4

// plain reads a row without quotes. Where anything is wrong with it, it is not ok.
//
// It finds all delimiters first, so that the processor begins with a number before it knows how long the one before is
// (Langdale and Lemire, Parsing gigabytes of JSON per second, VLDB Journal 28, 2019, section 3.1).
func (r *csvReader) plain(row []byte) (id []byte, ok bool) {
	if r.slow {
		return nil, false
	}
	r.ends = delimited.Ends(row, r.s.dialect.comma, slices.Grow(r.ends[:0], len(r.s.place)+1), len(r.s.place))
	if len(r.ends) != len(r.s.place) {
		return nil, false
	}
	if len(r.ends) >= fewFields && r.numbers.Read(row, r.ends, false) {
		ok = r.ordinary(row)
	} else {
		ok = r.oneByOne(row)
	}
	if c := r.s.target; c >= 0 {
		r.target = r.field(row, c)
	}
	if c := r.s.weight; c >= 0 {
		r.weight = r.field(row, c)
	}
	if c := r.s.id; c >= 0 {
		id = r.field(row, c)
	}
	return id, ok
}

// field is a field of a row whose ends are known.
func (r *csvReader) field(row []byte, c int) []byte {
	first := 0
	if c > 0 {
		first = r.ends[c-1] + 1
	}
	return row[first:r.ends[c]]
}

// ordinary takes the numbers that have been read of a row, and reads the others.
func (r *csvReader) ordinary(row []byte) (ok bool) {
	for c, place := range r.s.place {
		if place >= 0 {
			r.vector[place] = r.numbers.Values[c]
		}
	}
	for _, n := range r.numbers.Longs {
		if place := r.s.place[n.Field]; place >= 0 {
			r.vector[place] = longNumber(n)
		}
	}
	for _, c := range r.numbers.Others {
		place := r.s.place[c]
		if place < 0 {
			continue
		}
		if r.vector[place], ok = r.cell(r.field(row, c)); !ok {
			return false
		}
	}
	return true
}

// oneByOne reads the numbers of a row.
func (r *csvReader) oneByOne(row []byte) (ok bool) {
	first, beyond := 0, row[:cap(row)] // fixedDecimal may look at what follows the row
	for c, last := range r.ends {
		if place := r.s.place[c]; place >= 0 {
			v, n := 0.0, 0
			if first+fixedBytes <= len(beyond) {
				v, n = fixedDecimal(beyond[first:], false)
			}
			if n == 0 || first+n != last {
				if v, ok = r.cell(row[first:last]); !ok {
					return false
				}
			}
			r.vector[place] = v
		}
		first = last + 1
	}
	return true
}

// cell is the value of a field without quotes, with spaces around it or without.
func (r *csvReader) cell(field []byte) (v float64, ok bool) {
	comma := r.s.dialect.comma
	field = trimSpaces(field)
	v, n := number(field, false)
	if n == 0 {
		if v, n = booleanIn(field, comma); n == 0 {
			if v = math.NaN(); !r.s.missing {
				return 0, false
			}
			if n = missingIn(field, comma); n < 0 {
				return 0, false
			}
		}
	}
	return v, n == len(field)
}

// booleanIn is the value of True or False, where b begins with such a field, and its length; or 0.
func booleanIn(b []byte, comma byte) (float64, int) {
	n := 0
	for n < len(b) && n <= len("False") && b[n] != comma && b[n] != ' ' && b[n] != '\t' {
		n++
	}
	v, ok := boolean(b[:n])
	if !ok {
		return 0, 0
	}
	return v, n
}

// missingIn is the length of the field that b begins with, without the spaces behind it, where it says that a value is
// missing; or -1.
func missingIn(b []byte, comma byte) int {
	n := bytes.IndexByte(b, comma)
	if n < 0 {
		n = len(b)
	}
	field := bytes.TrimRight(b[:n], " \t")
	if !slices.Contains(markers, string(field)) {
		return -1
	}
	return len(field)
}

// general reads any row, or says what is wrong with it.
func (r *csvReader) general(row []byte, b *vectors.Block, number int64) error {
	f := r.parts(row)
	if f == nil {
		var id []byte
		if r.s.id >= 0 {
			id = r.fields.list[r.s.id]
		}
		i := r.append(b, number, id)
		if i < 0 {
			return nil
		}
		if r.s.array {
			f = &fault.Fault{Column: fmt.Sprintf("%s, place %d", r.s.name(r.s.vector[0]), i), Found: formatFloat(r.vector[i]),
				Expected: storable(r.vector[i])}
		} else {
			c := r.s.vector[i]
			f = r.s.dialect.numberFault(r.fields.list[c])
			f.Column = r.s.name(c)
		}
	}
	f.File, f.Row, f.ID = r.s.Name(), number, r.s.idOf(&r.fields)
	return f
}

// idOf is the id of a row at fault whose fields were split, as far as that went; "" where it cannot be read. In a row
// of too many or too few fields only the first is surely that of its column.
func (s *csvSource) idOf(f *fields) string {
	if s.id < 0 || s.id >= len(f.list) || s.id > 0 && !f.whole || s.idFault(f.list[s.id]) != nil {
		return ""
	}
	return string(f.list[s.id])
}

// shape splits a row into its fields, which must be as many as there are columns. Its fault lacks the file and the row.
func (s *csvSource) shape(fields *fields, row []byte) *fault.Fault {
	count, ok := fields.split(row)
	fields.whole = ok && count == s.selection.count
	switch {
	case !ok:
		return &fault.Fault{Column: s.name(count), Found: fault.Quote(fields.bad), Expected: wellQuoted}
	case count != s.selection.count:
		f := &fault.Fault{Found: fmt.Sprintf("%d fields", count), Expected: fmt.Sprint(s.selection.count)}
		if bytes.IndexByte(row, '\r') >= 0 {
			f.Found += " and a CR that ends no line"
		}
		comment := bytes.HasPrefix(row, []byte("#")) || count > s.selection.count && strings.HasPrefix(s.name(0), "#")
		if comment && s.dialect.comment == 0 {
			f.Expected += "; or --comment=#"
		}
		return f
	}
	return nil
}

// idFault is the fault of a field that is no id, without its file and row; or nil.
func (s *csvSource) idFault(field []byte) *fault.Fault {
	f := &fault.Fault{Found: "an empty field", Expected: "an id"}
	if len(field) > 0 {
		if f = s.textFault(field); f == nil {
			return nil
		}
	}
	f.Column = s.name(s.id)
	return f
}

// parts reads the fields of a row. Its fault lacks the file and the row.
func (r *csvReader) parts(row []byte) *fault.Fault {
	s := r.s
	if f := s.shape(&r.fields, row); f != nil {
		return f
	}
	list := r.fields.list
	for c, place := range s.place {
		if place < 0 {
			continue
		}
		if s.array {
			if f := r.array(list[c]); f != nil {
				f.Column = strings.TrimSuffix(s.name(c)+", place "+f.Column, ", place ")
				return f
			}
			continue
		}
		v, ok := s.dialect.number(list[c])
		if !ok && s.missing && slices.Contains(markers, string(trimSpaces(list[c]))) {
			v, ok = math.NaN(), true
		}
		if !ok {
			f := s.dialect.numberFault(list[c])
			f.Column = s.name(c)
			return f
		}
		r.vector[place] = v
	}
	if s.id >= 0 {
		if f := s.idFault(list[s.id]); f != nil {
			return f
		}
	}
	if s.target >= 0 {
		r.target = list[s.target]
	}
	if s.weight >= 0 {
		r.weight = list[s.weight]
	}
	return r.learn()
}

// array reads the vector of a single field.
func (r *csvReader) array(field []byte) *fault.Fault {
	n, f := vectorIn(field, r.vector)
	if f == nil && n != r.s.dim {
		f = lengthFault(n, r.s.dim)
	}
	if f != nil && len(trimSpaces(field)) == 0 {
		f.Found = "an empty field"
	}
	return f
}
