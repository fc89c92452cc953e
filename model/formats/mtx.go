package formats

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// mtxFormat is the coordinates of Matrix Market (https://math.nist.gov/MatrixMarket/formats.html), as scipy.io.mmwrite
// writes a sparse matrix: a header, comments, the numbers of rows, columns and entries, and a line for each entry, as
//
//	%%MatrixMarket matrix coordinate real general
//	row column value
//
// from 1 on, in any order; a pattern has no values, which are then 1. Of a symmetric matrix the other half follows. An
// entry that is there twice is a fault. As the rows may have any order, one worker holds all entries, in 16 bytes each,
// and in 28 while they are sorted.
var mtxFormat = &Format{Name: "mtx", Extensions: []string{".mtx"}, Text: true, inspect: inspectMTX}

const (
	mtxMagic = "%%matrixmarket"
	// mtxEntry is the fewest bytes that an entry takes: "1 1" and the end of the line.
	mtxEntry = 4
	// mtxEmptyRows is how many rows there may be for each entry, beside mtxFreeRows.
	mtxEmptyRows, mtxFreeRows = 1000, 1_000_000
)

// mtxSource is an inspected file.
type mtxSource struct {
	textFile
	rows, columns, lines     int64 // lines of entries
	pattern, symmetric, skew bool
}

func inspectMTX(ctx context.Context, f File, comp compression, o Options) (Source, error) {
	if err := o.noHeader(f, "mtx"); err != nil {
		return nil, err
	}
	if err := o.noDialect(f, "mtx"); err != nil {
		return nil, err
	}
	if err := o.noChoice(f, "no choice of columns: .mtx has entries, and nothing else (a target may stand in a .npy: "+
		"--target=FILE.npy)"); err != nil {
		return nil, err
	}
	s := &mtxSource{textFile: o.newText(f, comp)}
	if err := s.head(ctx, s.header); err != nil {
		return nil, err
	}
	if err := o.checkColumns(f, s.columns); err != nil {
		return nil, err
	}
	switch {
	case s.rows < 1 && !o.Empty || s.rows < 0 || s.columns < 1:
		return nil, fault.File(f.Name(), "rows of data", "the shape (%d, %d)", s.rows, s.columns)
	case s.rows > math.MaxInt32:
		return nil, fault.File(f.Name(), fmt.Sprintf("at most %d rows", math.MaxInt32), "%d rows", s.rows)
	case s.lines < 0 || s.lines > s.rows*s.columns || s.comp == "" && s.lines > (s.Size()-s.start)/mtxEntry+1:
		return nil, fault.File(f.Name(), "as many entries as the file can hold", "a header that says %d", s.lines)
	case s.rows > mtxFreeRows+mtxEmptyRows*s.lines:
		return nil, fault.File(f.Name(), fmt.Sprintf("at most %d empty rows for each entry", mtxEmptyRows),
			"%d rows, and %d entries", s.rows, s.lines)
	case (s.symmetric || s.skew) && s.rows != s.columns:
		return nil, fault.File(f.Name(), "as many rows as columns, of what is symmetric", "the shape (%d, %d)", s.rows,
			s.columns)
	}
	return s, nil
}

// header reads what stands before the entries.
func (s *mtxSource) header(l *lines) error {
	line, _, err := mtxLine(l, true)
	if err == io.EOF {
		err = nil
	}
	if err != nil {
		return err
	}
	words := strings.Fields(strings.ToLower(string(line)))
	if len(words) != 5 || words[0] != mtxMagic || words[1] != "matrix" {
		return fault.File(s.Name(), "a header: %%MatrixMarket matrix coordinate real general", "%s",
			fault.Quote(line[:min(len(line), 100)]))
	}
	if words[2] != "coordinate" {
		return fault.File(s.Name(), "entries with their coordinates: a dense matrix is read of .npy or .csv", "the form %s",
			fault.Quote(words[2]))
	}
	switch words[3] {
	case "real", "integer", "double":
	case "pattern":
		s.pattern = true
	default:
		return fault.File(s.Name(), "real, integer or pattern", "values that are %s", fault.Quote(words[3]))
	}
	switch words[4] {
	case "general":
	case "symmetric":
		s.symmetric = true
	case "skew-symmetric":
		s.skew = true
	default:
		return fault.File(s.Name(), "general, symmetric or skew-symmetric", "%s", fault.Quote(words[4]))
	}
	line, _, err = mtxLine(l, false)
	if err != nil && err != io.EOF {
		return err
	}
	var sizes [3]int64
	rest := line
	for i := range sizes {
		var ok bool
		if sizes[i], rest, ok = mtxInteger(rest); !ok {
			return fault.File(s.Name(), "the numbers of rows, columns and entries", "%s",
				fault.Quote(line[:min(len(line), 100)]))
		}
	}
	if len(trimSpaces(rest)) > 0 {
		return fault.File(s.Name(), "the numbers of rows, columns and entries", "%s", fault.Quote(line[:min(len(line), 100)]))
	}
	s.rows, s.columns, s.lines, s.start = sizes[0], sizes[1], sizes[2], l.offset
	return nil
}

// mtxLine is the next line that is no comment and not empty, and its offset; or the next of any kind. Its memory is
// valid until more is read.
func mtxLine(l *lines, anyKind bool) ([]byte, int64, error) {
	for {
		n, err := l.find(0)
		if err != nil {
			return nil, 0, err
		}
		line, offset := l.decoded(trimEnd(l.ahead(n))), l.offset
		l.advance(n)
		if anyKind || len(trimSpaces(line)) > 0 && line[0] != '%' {
			return line, offset, nil
		}
	}
}

// mtxInteger is the integer that a line begins with, behind spaces, and what follows it: a space, or nothing.
func mtxInteger(line []byte) (v int64, rest []byte, ok bool) {
	i := 0
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	first := i
	for i < len(line) && line[i]-'0' <= 9 && i-first < 18 {
		v = v*10 + int64(line[i]-'0')
		i++
	}
	return v, line[i:], i > first && (i == len(line) || line[i] == ' ' || line[i] == '\t')
}

func (s *mtxSource) Dim() int { return int(s.columns) }

// Columns is nil: they have no names.
func (s *mtxSource) Columns() []string { return nil }

// Schema is nil: a row names the columns that it has, and no other.
func (s *mtxSource) Schema() []Column { return nil }

func (s *mtxSource) Rows() int64 { return s.rows }

func (s *mtxSource) entryCount() int64 {
	if s.symmetric || s.skew {
		return 2 * s.lines
	}
	return s.lines
}

// Cut makes one span: all entries are read for any row.
func (s *mtxSource) Cut(int64) []Span { return Cut(s.rows, max(s.rows, 1)) }

func (*mtxSource) isWhole() bool { return true }

// mtxEntries are those of a matrix, sorted once they are all there.
type mtxEntries struct {
	rows, columns []int32
	values        []float64
	ordered       bool // so far
}

func (e *mtxEntries) add(row, column int64, value float64) {
	if n := len(e.rows); n > 0 {
		before := int64(e.rows[n-1])
		e.ordered = e.ordered && (before < row || before == row && int64(e.columns[n-1]) < column)
	}
	e.rows, e.columns, e.values = append(e.rows, int32(row)), append(e.columns, int32(column)), append(e.values, value)
}

// load reads all entries.
func (s *mtxSource) load(ctx context.Context) (e *mtxEntries, err error) {
	l, err := s.open(ctx, s.start)
	if err != nil {
		return nil, err
	}
	defer l.closeInto(&err)
	e = &mtxEntries{ordered: true}
	for n := int64(0); ; n++ {
		line, _, err := mtxLine(l, false)
		if err == io.EOF && n == s.lines {
			break
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err == io.EOF || n == s.lines {
			found := fmt.Sprintf("%d", n)
			if err == nil {
				found = "more"
			}
			return nil, fault.File(s.Name(), fmt.Sprintf("%d entries, as its header says", s.lines), "%s", found)
		}
		if err := s.entry(e, line, n); err != nil {
			return nil, err
		}
	}
	if !e.ordered {
		e.sort(int(s.rows))
	}
	for i := 1; i < len(e.rows); i++ {
		if e.rows[i] == e.rows[i-1] && e.columns[i] == e.columns[i-1] {
			return nil, twice(s.Name(), int64(e.rows[i]), int64(e.columns[i]))
		}
	}
	return e, nil
}

// entry reads the line of entry n.
func (s *mtxSource) entry(e *mtxEntries, line []byte, n int64) error {
	row, rest, okRow := mtxInteger(line)
	column, rest, okColumn := mtxInteger(rest)
	value := 1.0
	okValue := true
	if rest = trimSpaces(rest); !s.pattern {
		var length int
		value, length = number(rest, false)
		okValue = length > 0 && length == len(rest)
		if !okValue && notFinite(rest) {
			value, okValue = math.NaN(), true // the fault of its row
		}
	} else if len(rest) > 0 {
		okValue = false
	}
	if !okRow || !okColumn || !okValue {
		expected := "row, column and value"
		if s.pattern {
			expected = "row and column"
		}
		return fault.File(s.Name(), expected, "%s, entry %d", fault.Quote(line[:min(len(line), 100)]), n)
	}
	if row < 1 || row > s.rows || column < 1 || column > s.columns {
		return fault.File(s.Name(), fmt.Sprintf("rows from 1 to %d and columns from 1 to %d", s.rows, s.columns),
			"row %d, column %d, entry %d", row, column, n)
	}
	e.add(row-1, column-1, value)
	if row != column && (s.symmetric || s.skew) {
		if s.skew {
			value = -value
		}
		e.add(column-1, row-1, value)
	}
	return nil
}

// sort brings the entries into the order of rows and columns: by columns within their rows, after a counting sort.
func (e *mtxEntries) sort(rows int) {
	at := make([]int, rows+1)
	for _, r := range e.rows {
		at[r+1]++
	}
	for r := range rows {
		at[r+1] += at[r]
	}
	columns, values := make([]int32, len(e.columns)), make([]float64, len(e.values))
	for i, r := range e.rows {
		columns[at[r]], values[at[r]] = e.columns[i], e.values[i]
		at[r]++ // which makes it the end of the row
	}
	first := 0
	for r := range rows {
		row := entryRow{columns: columns[first:at[r]], values: values[first:at[r]]}
		row.ascend()
		for i := first; i < at[r]; i++ {
			e.rows[i] = int32(r)
		}
		first = at[r]
	}
	e.columns, e.values = columns, values
}

// Read reads all entries, and gives those of the span.
func (s *mtxSource) Read(ctx context.Context, span Span) (Reader, error) {
	if err := checkSpan(s, s.File, span); err != nil {
		return nil, err
	}
	r := &mtxReader{s: s, next: span.First, end: span.First + span.Rows}
	if span.Rows == 0 {
		return r, nil
	}
	var err error
	if r.entries, err = s.load(ctx); err != nil {
		return nil, err
	}
	for r.at < len(r.entries.rows) && int64(r.entries.rows[r.at]) < span.First {
		r.at++
	}
	return r, nil
}

// mtxReader gives rows of entries that are in memory.
type mtxReader struct {
	s         *mtxSource
	entries   *mtxEntries
	next, end int64
	at        int // the first entry that is left
}

func (r *mtxReader) Read(b *vectors.Block, max int) error {
	if b.Sparse == nil && r.s.columns > maxColumns {
		return tooManyColumns(r.s.Name(), r.s.columns)
	}
	if r.next == r.end {
		return io.EOF
	}
	for read := 0; read < max && r.next < r.end; read++ {
		e, number, first := r.entries, r.next, r.at
		for r.at < len(e.rows) && int64(e.rows[r.at]) == number {
			r.at++
		}
		r.next++
		if err := appendEntries(b, r.s.Name(), e.columns[first:r.at], e.values[first:r.at], number); err != nil {
			return err
		}
	}
	return nil
}

func (r *mtxReader) Close() error {
	r.next, r.entries = r.end, nil
	return nil
}
