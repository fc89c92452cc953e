package formats

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// csrSource is a matrix of SciPy in compressed sparse rows, as scipy.sparse.save_npz writes it: an archive with the
// arrays format, which is csr, shape, indptr, indices and data. Row i has the entries indptr[i] ≤ e < indptr[i+1], each
// with its column, indices[e], and its value, data[e]. The columns of a row may have any order; they are sorted as they
// are read. A column that is there twice is a fault.
//
// What rows have besides, their ids, targets and weights, are arrays of the same archive, of one number for each row,
// or of ids one text: Options name them.
type csrSource struct {
	File
	rows, columns, entries  int64
	pointers, indices, data *matrix
	archive                 *besideArrays
	packed                  bool
}

// csrParts are the arrays that make a matrix.
var csrParts = []string{"format", "shape", "indptr", "indices", "data"}

// inspectCSR finds the matrix among the arrays of an archive.
func inspectCSR(ctx context.Context, f File, all []*member, o *Options) (Source, error) {
	byName := map[string]*member{}
	for _, m := range all {
		byName[m.array] = m
	}
	if err := csrForm(ctx, f, byName); err != nil {
		return nil, err
	}
	s := &csrSource{File: f}
	shape, err := npzNumbers(ctx, f, byName["shape"], 2)
	if err != nil {
		return nil, err
	}
	for i, to := range []*int64{&s.rows, &s.columns} {
		if *to, err = shape.at(ctx, int64(i)); err != nil {
			return nil, err
		}
	}
	if s.rows < 0 || s.columns < 1 || s.rows == 0 && !o.Empty || s.rows >= math.MaxInt64/8 {
		return nil, fault.File(f.Name(), "rows of data", "the shape (%d, %d)", s.rows, s.columns)
	}
	if err := o.checkColumns(f, s.columns); err != nil {
		return nil, err
	}
	if s.pointers, err = npzNumbers(ctx, f, byName["indptr"], s.rows+1); err != nil {
		return nil, err
	}
	if s.data, err = npzNumbers(ctx, f, byName["data"], -1); err != nil {
		return nil, err
	}
	s.entries = s.data.rows
	if s.indices, err = npzNumbers(ctx, f, byName["indices"], s.entries); err != nil {
		return nil, err
	}
	for _, a := range []*matrix{s.pointers, s.indices} {
		if a.kind == 'f' || a.kind == 'b' {
			return nil, fault.File(f.Name(), "integers in indptr and indices", "another type")
		}
	}
	for _, m := range []string{"indptr", "indices", "data"} {
		s.packed = s.packed || byName[m].packed
	}
	return s, s.beside(ctx, byName, o)
}

// csrForm says why an archive is none of compressed sparse rows.
func csrForm(ctx context.Context, f File, arrays map[string]*member) error {
	format := "csr"
	if m := arrays["format"]; m != nil {
		text, start, err := npyHeader(ctx, m)
		if err != nil {
			return err
		}
		if h, err := parseNPY(text); err != nil || len(h.shape) != 0 || m.size-start < 1 || m.size-start > 64 {
			return fault.File(f.Name(), "the name of a form, csr, in the array format", "something else")
		}
		b, err := ReadRange(ctx, m, start, m.size-start)
		if err != nil {
			return err
		}
		format = strings.Trim(strings.ReplaceAll(string(b), "\x00", ""), " ") // text of 4 bytes a character, or of one
	}
	if format != "csr" {
		return fault.File(f.Name(), "a matrix in rows: scipy.sparse.save_npz(name, matrix.tocsr())", "one in the form %s",
			fault.Quote(format))
	}
	for _, name := range csrParts[1:] {
		if arrays[name] == nil {
			return fault.File(f.Name(), "the arrays shape, indptr, indices and data of a sparse matrix", "no array %s", name)
		}
	}
	return nil
}

// beside finds the arrays of what rows have besides their entries.
func (s *csrSource) beside(ctx context.Context, arrays map[string]*member, o *Options) error {
	for _, column := range o.Columns {
		if name, not := strings.CutPrefix(column, "!"); !not || arrays[name] == nil {
			return fault.Asked(s.Name(), "no choice of columns: a sparse row names those that it has", "columns asked for, %s",
				fault.Quote(name))
		}
	}
	for _, name := range o.besides() {
		if name != "" && arrays[name] == nil {
			return fault.File(s.Name(), "an array "+fault.Quote(name)+" of a number for each row, beside the sparse matrix",
				"none")
		}
	}
	var err error
	s.archive, err = findBeside(ctx, s.File, arrays, s.rows, o)
	return err
}

// at is number i of an array of integers.
func (m *matrix) at(ctx context.Context, i int64) (int64, error) {
	b, err := ReadRange(ctx, m.File, m.start+i*int64(m.size), int64(m.size))
	if err != nil {
		return 0, err
	}
	v, found := m.integer(b)
	if found != "" {
		return 0, fault.File(m.Name(), "an integer", "%s", found)
	}
	return v, nil
}

func (s *csrSource) Dim() int { return int(s.columns) }

// Columns is nil: they have no names.
func (s *csrSource) Columns() []string { return nil }

// Schema is nil: a row names the columns that it has, and no other.
func (s *csrSource) Schema() []Column { return nil }

func (s *csrSource) Rows() int64 { return s.rows }

func (s *csrSource) entryCount() int64 { return s.entries }

// Cut makes one span of what is packed, as it is unpacked from its beginning wherever reading begins.
func (s *csrSource) Cut(size int64) []Span {
	if s.packed {
		return Cut(s.rows, max(s.rows, 1))
	}
	return Cut(s.rows, size)
}

func (s *csrSource) isWhole() bool { return s.packed }

// Read opens the arrays where the span begins.
func (s *csrSource) Read(ctx context.Context, span Span) (_ Reader, err error) {
	if err := checkSpan(s, s.File, span); err != nil {
		return nil, err
	}
	r := &csrReader{s: s, next: span.First, end: span.First + span.Rows}
	if span.Rows == 0 {
		return r, nil
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if r.pointers, err = s.pointers.stream(ctx, span.First, span.Rows+1); err != nil {
		return nil, err
	}
	if r.at, err = r.pointer(0); err != nil {
		return nil, err
	}
	if span.First == 0 && r.at != 0 {
		return nil, fault.File(s.Name(), "0 at the beginning of indptr", "%d", r.at)
	}
	last := s.entries
	if !s.packed {
		if last, err = s.pointers.at(ctx, r.end); err != nil {
			return nil, err
		}
		if last < r.at || last > s.entries {
			return nil, s.disorder(r.end, r.at, last)
		}
	}
	for _, open := range []struct {
		array    *matrix
		to       **numberStream
		first, n int64
	}{
		{s.indices, &r.indices, r.at, last - r.at}, {s.data, &r.data, r.at, last - r.at},
	} {
		if *open.to, err = open.array.stream(ctx, open.first, open.n); err != nil {
			return nil, err
		}
	}
	r.archive, err = s.archive.read(ctx, span)
	return r, err
}

// disorder says that the entries of a row end before they begin, or behind the last of all.
func (s *csrSource) disorder(row, before, after int64) error {
	return fault.File(s.Name(), fmt.Sprintf("numbers in indptr that ascend from 0 to %d, the number of entries",
		s.entries), "%d after %d, at place %d", after, before, row)
}

// csrReader reads rows.
type csrReader struct {
	s                       *csrSource
	next, end               int64
	at                      int64 // the first entry of the next row
	pointers, indices, data *numberStream
	archive                 *besideReader // nil of no rows
	spare                   beside
	row                     entryRow
	err                     error
}

// pointer is the next number of indptr, which is not below least.
func (r *csrReader) pointer(least int64) (int64, error) {
	b, err := r.pointers.take(1)
	if err != nil {
		return 0, err
	}
	v, found := r.s.pointers.integer(b)
	if found != "" || v < least || v > r.s.entries {
		return 0, r.s.disorder(r.next, least, v)
	}
	return v, nil
}

func (r *csrReader) Read(b *vectors.Block, max int) error {
	if b.Sparse == nil && r.s.columns > maxColumns {
		return tooManyColumns(r.s.Name(), r.s.columns)
	}
	for read := 0; read < max; read++ {
		if r.err != nil {
			return r.err
		}
		if r.next == r.end {
			if read > 0 {
				return nil
			}
			return io.EOF
		}
		if err := r.one(b); err != nil {
			if _, ok := fault.IsRow(err); !ok {
				r.err = err
			}
			return err
		}
	}
	return nil
}

// one reads the next row.
func (r *csrReader) one(b *vectors.Block) error {
	number, s := r.next, r.s
	end, err := r.pointer(r.at)
	if err != nil {
		return err
	}
	n := end - r.at
	if n > s.columns {
		return fault.File(s.Name(), fmt.Sprintf("at most %d entries in a row", s.columns), "%d in row %d", n, number)
	}
	r.next, r.at = r.next+1, end
	if number+1 == s.rows && end != s.entries {
		return s.disorder(s.rows, s.entries, end)
	}
	r.row.reset()
	for n > 0 {
		part := int(min(n, streamNumbers))
		if err := r.entries(number, part); err != nil {
			return err
		}
		n -= int64(part)
	}
	if err := r.row.sort(s.Name(), number); err != nil {
		return err
	}
	return r.append(b, number)
}

// entries reads the next n entries of a row.
func (r *csrReader) entries(number int64, n int) error {
	s := r.s
	indices, err := r.indices.take(n)
	if err != nil {
		return err
	}
	data, err := r.data.take(n)
	if err != nil {
		return err
	}
	for i := range n {
		column, found := s.indices.integer(indices[i*s.indices.size:])
		if found != "" {
			column = -1
		}
		if err := r.row.add(s.Name(), number, column, s.columns, s.data.number(data[i*s.data.size:])); err != nil {
			return err
		}
	}
	return nil
}

// append adds the row that was read, with what it has besides, to a block.
func (r *csrReader) append(b *vectors.Block, number int64) error {
	bad, err := r.archive.next(number)
	if err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	if err := appendEntries(b, r.s.Name(), r.row.columns, r.row.values, number); err != nil {
		return err
	}
	r.spare.reset()
	r.archive.appendTo(&r.spare)
	r.spare.appendBeside(b, 0, 1)
	return nil
}

func (r *csrReader) Close() (err error) {
	for _, s := range []*numberStream{r.pointers, r.indices, r.data} {
		if s != nil {
			err = cmp.Or(err, s.r.Close())
		}
	}
	if r.archive != nil {
		err = cmp.Or(err, r.archive.close())
	}
	r.next, r.err = r.end, errClosed
	return err
}

// streamNumbers is how many numbers are taken of a stream at most at a time.
const streamNumbers = 4096

// numberStream is consecutive numbers of an array, read in order.
type numberStream struct {
	m   *matrix
	r   io.ReadCloser
	buf *bufio.Reader
	raw []byte
}

// stream opens n numbers from the first on.
func (m *matrix) stream(ctx context.Context, first, n int64) (*numberStream, error) {
	size := int64(m.size)
	r, err := m.OpenRange(ctx, m.start+first*size, n*size)
	if err != nil {
		return nil, err
	}
	return &numberStream{m: m, r: r, buf: bufio.NewReaderSize(r, int(min(readAhead, n*size+1)))}, nil
}

// take is the bytes of the next n numbers, at most streamNumbers, which are valid until the next call.
func (s *numberStream) take(n int) ([]byte, error) {
	s.raw = resize(s.raw, n*s.m.size)
	if _, err := io.ReadFull(s.buf, s.raw); err != nil {
		return nil, truncated(s.m.File, err)
	}
	return s.raw, nil
}
