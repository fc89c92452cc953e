package formats

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// element is a type of number by its kind, as numpy names it ('f', 'i', 'u', 'b'), and its size in bytes.
type element struct {
	kind byte
	size int
}

// matrix is a file of numbers of one type, row after row, each row behind a prefix: what .npy, .fvecs, .fbin and their
// kin share. Each span is read by one range of the file.
type matrix struct {
	File
	start   int64 // byte at which the first row begins
	prefix  int64 // bytes before the numbers of each row
	rows    int64
	columns int64
	element
	order binary.ByteOrder
	// byColumn says that the numbers stand column after column, without prefixes: each is a range of the file.
	byColumn bool
	// check looks at the record of a row before it is read; nil where there is nothing to look at.
	check func(record []byte, row int64) error
	*selection
	runs []run
	// archive is what rows have besides in other arrays of a .npz, and others these arrays; nil where there are none.
	archive *besideArrays
	others  []Column
}

// run is consecutive bytes of a record that stand together in the vector too.
type run struct{ offset, length int64 }

// newMatrix takes a matrix whose size the file has confirmed, and chooses its columns.
func newMatrix(m matrix, o *Options) (*matrix, error) {
	if o.IDColumn != "" && !isIndex(o.IDColumn) {
		return nil, fault.File(m.Name(), "a file with the id column "+fault.Quote(o.IDColumn),
			"an array, whose columns have no names and whose rows no ids but their numbers")
	}
	var err error
	if m.selection, err = o.choose(m.Name(), nil, int(m.columns)); err != nil {
		return nil, err
	}
	size := int64(m.size)
	for i, c := range m.vector {
		if i > 0 && c == m.vector[i-1]+1 {
			m.runs[len(m.runs)-1].length += size
		} else {
			m.runs = append(m.runs, run{m.prefix + int64(c)*size, size})
		}
	}
	return &m, nil
}

// noHeader refuses the options that only text has a use for.
func (o *Options) noHeader(f File, format string) error {
	if o.Header == "" || o.Header == HeaderAuto {
		return nil
	}
	return fault.Asked(f.Name(), "header auto: ."+format+" has no header row", "header %s", o.Header)
}

// bytesOf is rows × columns × size, unless that is beyond int64 or one of them is negative.
func bytesOf(rows, columns, size int64) (int64, bool) {
	if rows < 0 || columns < 0 {
		return 0, false
	}
	hi, n := bits.Mul64(uint64(rows), uint64(columns))
	high, total := bits.Mul64(n, uint64(size))
	return int64(total), hi == 0 && high == 0 && total <= math.MaxInt64
}

func (m *matrix) Dim() int { return len(m.vector) }

// Columns is nil: they have no names.
func (m *matrix) Columns() []string { return nil }

func (m *matrix) Rows() int64 { return m.rows }

// Schema is all columns, and then the other arrays of an archive.
func (m *matrix) Schema() []Column { return append(m.selection.Schema(), m.others...) }

func (m *matrix) record() int64 { return m.prefix + m.columns*int64(m.size) }

// packed reports whether the vectors stand in the file one after the other, and nothing between them.
func (m *matrix) packed() bool {
	return len(m.runs) == 1 && m.runs[0] == run{0, m.record()}
}

// matrixBuffer is about how many bytes are read at a time: whole rows. Of numbers that stand column after column, each
// column is opened for every such buffer, so it is a larger one.
const matrixBuffer, columnsBuffer = 512 << 10, 32 << 20

// Read opens the one range of the file that holds the span.
func (m *matrix) Read(ctx context.Context, s Span) (Reader, error) {
	if err := checkSpan(m, m.File, s); err != nil {
		return nil, err
	}
	r := io.NopCloser(io.Reader(strings.NewReader("")))
	if s.Rows > 0 && !m.byColumn {
		var err error
		if r, err = m.OpenRange(ctx, m.start+s.First*m.record(), s.Rows*m.record()); err != nil {
			return nil, err
		}
	}
	buffer := int64(matrixBuffer)
	if m.byColumn {
		buffer = columnsBuffer
	}
	held := min(max(buffer/m.record(), 1), s.Rows)
	reader := &matrixReader{m: m, ctx: ctx, r: r}
	if m.archive != nil {
		var err error
		if reader.archive, err = m.archive.read(ctx, s); err != nil {
			r.Close()
			return nil, err
		}
	}
	reader.raw = borrowBytes(held * m.record())
	reader.batchReader = batchReader{
		batch: batch{file: m.Name(), dim: m.Dim(), column: func(c int) string { return m.name(m.vector[c]) }},
		next:  s.First, end: s.First + s.Rows,
		fill: reader.fill,
	}
	return reader, nil
}

// checkSpan refuses a span that is not one of the source's: one made for another content of the file, say.
func checkSpan(src Source, f File, s Span) error {
	if s.First < 0 || s.Rows < 0 || s.First > src.Rows() || s.Rows > src.Rows()-s.First {
		return fault.File(f.Name(), fmt.Sprintf("%d rows from row %d on", s.Rows, s.First), "%d rows", src.Rows())
	}
	return nil
}

type matrixReader struct {
	batchReader
	m        *matrix
	ctx      context.Context // of the whole reading, which no method of a Reader is told
	r        io.ReadCloser
	raw      []byte // whole records, row after row
	column   []byte // of a file by columns: what of one is read
	gathered []byte // their chosen columns
	archive  *besideReader
}

func (r *matrixReader) Close() error {
	if r.raw != nil {
		returnBytes(r.raw)
		r.raw, r.gathered, r.batch = nil, nil, batch{} // what was decoded may be a view of them
		r.next, r.err = r.end, errClosed
	}
	err := r.r.Close()
	if r.archive != nil {
		err = cmp.Or(err, r.archive.close())
	}
	return err
}

var errClosed = errors.New("formats: read after Close")

// raws are buffers that were read into and are not needed: to clear a new one takes as long as to read a third of it.
var raws sync.Pool

// borrowBytes is alignedBytes with anything in them.
func borrowBytes(n int64) []byte {
	if b, ok := raws.Get().(*[]byte); ok && int64(cap(*b)) >= n {
		return (*b)[:n]
	}
	return alignedBytes(n)
}

func returnBytes(b []byte) { raws.Put(&b) }

// fill reads and decodes the next rows.
func (r *matrixReader) fill() error {
	m := r.m
	record := m.record()
	rows := min(int64(len(r.raw))/record, r.end-r.next)
	raw := r.raw[:rows*record]
	if m.byColumn {
		if err := r.transpose(raw, rows); err != nil {
			return err
		}
	} else if _, err := io.ReadFull(r.r, raw); err != nil {
		return truncated(m.File, err)
	}
	if m.check != nil {
		for i := range rows {
			if err := m.check(raw[i*record:], r.next+i); err != nil {
				return err
			}
		}
	}
	r.begin(r.next, int(rows))
	if m.id >= 0 || m.learns() || r.archive != nil {
		for i := range rows {
			r.describe(raw[i*record+m.prefix:], r.next+i)
			if err := r.describeApart(r.next + i); err != nil {
				return err
			}
		}
	}
	if !m.packed() {
		if r.gathered == nil {
			r.gathered = alignedBytes(int64(len(r.raw)) / record * int64(m.Dim()*m.size))
		}
		to := r.gathered
		for i := range rows {
			row := raw[i*record : (i+1)*record]
			for _, run := range m.runs {
				to = to[copy(to, row[run.offset:run.offset+run.length]):]
			}
		}
		raw = r.gathered[:len(r.gathered)-len(to)]
	}
	if m.size > 1 && m.order.Uint16([]byte{1, 0}) != binary.NativeEndian.Uint16([]byte{1, 0}) {
		m.swap(raw)
	}
	r.decode(raw)
	return nil
}

// transpose reads the next rows of a file by columns: those columns that are needed, into the records of raw.
func (r *matrixReader) transpose(raw []byte, rows int64) error {
	m := r.m
	size, record := m.size, int(m.record())
	r.column = resize(r.column, int(rows)*size)
	for _, c := range m.used() {
		part, err := m.OpenRange(r.ctx, m.start+(int64(c)*m.rows+r.next)*int64(size), rows*int64(size))
		if err != nil {
			return err
		}
		_, err = io.ReadFull(part, r.column)
		if e := part.Close(); e != nil && err == nil {
			return e // that of a file that has changed, say
		}
		if err != nil {
			return truncated(m.File, err)
		}
		for i, at := 0, c*size; i < len(r.column); i, at = i+size, at+record {
			copy(raw[at:at+size], r.column[i:])
		}
	}
	return nil
}

// used are the columns that are read, each once, in the order of the file.
func (m *matrix) used() []int {
	columns := slices.Clone(m.vector)
	for _, c := range []int{m.id, m.target, m.weight} {
		if c >= 0 {
			columns = append(columns, c)
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// describe makes what a row has besides its vector, of the numbers that b begins with.
func (r *matrixReader) describe(b []byte, row int64) {
	m := r.m
	if m.id >= 0 {
		v, found := m.integer(b[m.id*m.size:])
		if found != "" {
			r.fail(row, m.name(m.id), found, "an integer as an id")
			r.lost.lose(int(row - r.first))
		}
		r.ids.Append(vectors.ID{Int: v})
	}
	if m.target >= 0 {
		v := m.number(b[m.target*m.size:])
		if m.labels && m.kind != 'f' && math.Abs(v) >= 1<<53 {
			r.fail(row, m.name(m.target), formatFloat(v), exactLabel)
		} else if f := targetFault(v); f != nil && !(m.untargeted && v != v) {
			r.fail(row, m.name(m.target), f.Found, f.Expected)
		}
		r.target = append(r.target, v)
	}
	if m.weight >= 0 {
		v := m.number(b[m.weight*m.size:])
		if f := weightFault(v); f != nil {
			r.fail(row, m.name(m.weight), f.Found, f.Expected)
		}
		r.weights = append(r.weights, v)
	}
}

// describeApart takes what a row has besides in other arrays of the archive.
func (r *matrixReader) describeApart(row int64) error {
	if r.archive == nil {
		return nil
	}
	bad, err := r.archive.next(row)
	if err != nil {
		return err
	}
	if bad != nil {
		r.fail(row, bad.Column, bad.Found, bad.Expected)
	}
	if r.archive.lostID {
		r.lost.lose(int(row - r.first))
	}
	r.archive.appendTo(&r.beside)
	return nil
}

// bits are those of the number that b begins with, zeros before them.
func (m *matrix) bits(b []byte) uint64 {
	switch m.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(m.order.Uint16(b))
	case 4:
		return uint64(m.order.Uint32(b))
	}
	return m.order.Uint64(b)
}

// float reads a number of a floating-point type.
func (m *matrix) float(u uint64) float64 {
	switch m.size {
	case 2:
		return float64(half(uint16(u)))
	case 4:
		return float64(math.Float32frombits(uint32(u)))
	}
	return math.Float64frombits(u)
}

// signed is the integer of a signed type.
func (m *matrix) signed(u uint64) int64 {
	unused := 64 - 8*m.size
	return int64(u<<unused) >> unused
}

// number reads the number that b begins with.
func (m *matrix) number(b []byte) float64 {
	u := m.bits(b)
	switch m.kind {
	case 'f':
		return m.float(u)
	case 'i':
		return float64(m.signed(u))
	case 'b':
		return float64(min(u, 1))
	}
	return float64(u)
}

// integer reads an integer, or else says what it has found.
func (m *matrix) integer(b []byte) (v int64, found string) {
	u := m.bits(b)
	switch m.kind {
	case 'f':
		return exactInteger(m.float(u))
	case 'i':
		return m.signed(u), ""
	}
	if u > math.MaxInt64 {
		return 0, strconv.FormatUint(u, 10)
	}
	return int64(u), ""
}

// exactInteger is the integer that v is, up to ±2⁵³: beyond, v may be the rounding of another.
func exactInteger(v float64) (i int64, found string) {
	if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, formatFloat(v)
	}
	return int64(v), ""
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// swap reverses the bytes of each number.
func (m *matrix) swap(b []byte) {
	switch m.size {
	case 2:
		for i, v := range view[uint16](b) {
			view[uint16](b)[i] = bits.ReverseBytes16(v)
		}
	case 4:
		for i, v := range view[uint32](b) {
			view[uint32](b)[i] = bits.ReverseBytes32(v)
		}
	case 8:
		for i, v := range view[uint64](b) {
			view[uint64](b)[i] = bits.ReverseBytes64(v)
		}
	}
}

// decode makes the values of the batch of numbers in the machine's byte order.
func (r *matrixReader) decode(b []byte) {
	a := &r.batch
	switch r.m.element {
	case element{'f', 4}:
		a.f32 = view[float32](b)
	case element{'f', 8}:
		a.f64 = view[float64](b)
	case element{'f', 2}:
		a.f32 = resize(a.f32, len(b)/2)
		for i, v := range view[uint16](b) {
			a.f32[i] = half(v)
		}
	case element{'b', 1}:
		a.f32 = resize(a.f32, len(b))
		for i, v := range b {
			a.f32[i] = float32(min(v, 1))
		}
	case element{'u', 1}:
		convert(&a.f32, b)
	case element{'i', 1}:
		convert(&a.f32, view[int8](b))
	case element{'u', 2}:
		convert(&a.f32, view[uint16](b))
	case element{'i', 2}:
		convert(&a.f32, view[int16](b))
	case element{'u', 4}:
		convert(&a.f64, view[uint32](b))
	case element{'i', 4}:
		convert(&a.f64, view[int32](b))
	case element{'u', 8}:
		convert(&a.f64, view[uint64](b))
	case element{'i', 8}:
		convert(&a.f64, view[int64](b))
	}
}

func convert[To float32 | float64, From int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64](to *[]To,
	from []From) {
	values := resize(*to, len(from))
	for i, v := range from {
		values[i] = To(v)
	}
	*to = values
}

// half is the float32 of an IEEE 754 binary16.
func half(h uint16) float32 {
	v := math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112
	if h&0x7c00 == 0x7c00 {
		v = math.Float32frombits(0xff<<23 | uint32(h&0x3ff)<<13)
	}
	return math.Float32frombits(math.Float32bits(v) | uint32(h&0x8000)<<16)
}

// halfOf is the IEEE 754 binary16 nearest to v, of two the even one, as numpy's astype has it. (Arrow's float16 cuts
// digits off, and takes what is below 2⁻¹⁴ for 0.)
func halfOf(v float64) uint16 {
	bits := math.Float64bits(v)
	sign := uint16(bits>>48) & 0x8000
	switch a := math.Abs(v); {
	case v != v:
		return sign | 0x7e00
	case a >= 65520: // halfway from the largest to what would come next
		return sign | 0x7c00
	case a < 0x1p-14:
		return sign | uint16(math.RoundToEven(a*0x1p24))
	}
	bits &= 1<<63 - 1
	bits += 1<<41 - 1 + bits>>42&1 // of the 52 digits 10 stay; what is carried goes into the exponent
	return sign | uint16(bits>>42-(1023-15)<<10)
}

// resize makes a slice n long, its content undefined.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// alignedBytes is n bytes that can be seen as numbers of any size.
func alignedBytes(n int64) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

// view sees aligned bytes as numbers of the machine's byte order.
func view[T any](b []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

// batchReader reads rows batch by batch.
type batchReader struct {
	batch
	next, end int64        // numbers of the rows that are not in the batch yet
	fill      func() error // fills the batch with at least one row, number next
	err       error        // after which nothing is read
	gaps      *gaps        // rows that are passed over
}

func (r *batchReader) Read(b *vectors.Block, max int) error {
	return r.read(max, func(left int) (int, error) { return r.appendTo(b, left) })
}

// skipTo drops rows of the batch up to this number, and lets fill go on there where the batch has none such.
func (r *batchReader) skipTo(row int64) {
	row = min(row, r.end)
	if row <= r.first {
		return
	}
	if row >= r.until {
		r.first, r.next = r.until, max(r.next, row)
		return
	}
	r.advance(int(row - r.first))
	for len(r.faults) > 0 && r.faults[0].Row < row {
		r.faults = r.faults[1:]
	}
}

// read reads at most max rows: take moves at most so many of the batch, and returns how many.
func (r *batchReader) read(max int, take func(left int) (int, error)) error {
	for read := 0; read < max; {
		if r.err != nil {
			return r.err
		}
		if r.left() == 0 {
			if r.next == r.end {
				if read > 0 {
					return nil
				}
				return io.EOF
			}
			if r.err = r.fill(); r.err != nil {
				return r.err
			}
			r.next = r.until
		}
		left := max - read
		if r.gaps != nil {
			kept, gap := r.gaps.kept(r.first)
			if kept > r.first {
				r.skipTo(kept)
				continue
			}
			left = int(min(int64(left), gap-r.first))
		}
		n, err := take(left)
		if err != nil {
			return err
		}
		read += n
	}
	return nil
}

// batch is decoded rows on their way into blocks.
type batch struct {
	file         string
	dim          int
	column       func(int) string // how a fault calls a column of the vector
	first, until int64            // numbers of the rows that are left
	at           int              // place of the first of them
	f32          []float32        // all rows, unless they are in f64
	f64          []float64        // all rows, or empty
	beside
	faults []*fault.Fault // of the rows that are left, in their order; their values mean nothing
	lost   lostIDs
}

// beside is what the rows of a batch have beside their values: of all rows, or empty.
type beside struct {
	ids     vectors.IDs
	target  []float64
	labels  []string
	weights []float64
}

func (x *beside) reset() {
	x.ids.Reset()
	x.target, x.labels, x.weights = x.target[:0], x.labels[:0], x.weights[:0]
}

// appendBeside appends what the rows from lo to hi have.
func (x *beside) appendBeside(b *vectors.Block, lo, hi int) {
	if x.ids.Len() > 0 {
		ids := x.ids.Slice(lo, hi)
		b.IDs.AppendAll(&ids)
	}
	if len(x.target) > 0 {
		b.Target = append(b.Target, x.target[lo:hi]...)
	}
	if len(x.labels) > 0 {
		b.Labels = append(b.Labels, x.labels[lo:hi]...)
	}
	if len(x.weights) > 0 {
		b.Weights = append(b.Weights, x.weights[lo:hi]...)
	}
}

// begin begins a batch of rows of which nothing is decoded yet.
func (a *batch) begin(first int64, rows int) {
	a.first, a.until, a.at = first, first+int64(rows), 0
	a.f32, a.f64, a.faults = a.f32[:0], a.f64[:0], a.faults[:0]
	a.beside.reset()
	clear(a.lost)
}

func (a *batch) left() int { return int(a.until - a.first) }

// fail marks a row, which comes after those marked before; of a row, the first fault stays.
func (a *batch) fail(row int64, column, found, expected string) {
	if n := len(a.faults); n > 0 && a.faults[n-1].Row == row {
		return
	}
	a.faults = append(a.faults, &fault.Fault{File: a.file, Row: row, Column: column, Found: found, Expected: expected})
}

// appendTo moves at most max rows to b, and returns how many, or the fault of the row after them, which it drops.
func (a *batch) appendTo(b *vectors.Block, max int) (int, error) {
	n := min(max, a.left())
	var bad *fault.Fault
	if len(a.faults) > 0 && a.faults[0].Row < a.first+int64(n) {
		bad = a.faults[0]
		n = int(bad.Row - a.first)
	}
	lo, hi, column := a.at*a.dim, (a.at+n)*a.dim, -1
	if len(a.f64) > 0 {
		n, column = b.AppendRows64(a.f64[lo:hi], a.first)
	} else {
		n, column = b.AppendRows32(a.f32[lo:hi], a.first)
	}
	a.appendBeside(b, a.at, a.at+n)
	a.advance(n)
	if column >= 0 {
		err := a.refused(column)
		a.advance(1)
		return n, err
	}
	if bad != nil {
		a.faults = a.faults[1:]
		bad.ID = a.lost.of(&a.ids, a.at)
		a.advance(1)
		return n, bad
	}
	return n, nil
}

func (a *batch) advance(rows int) {
	a.first += int64(rows)
	a.at += rows
}

// refused is the fault of the next row, whose value in a column of the vector no block can hold.
func (a *batch) refused(column int) error {
	var v float64
	if i := a.at*a.dim + column; len(a.f64) > 0 {
		v = a.f64[i]
	} else {
		v = float64(a.f32[i])
	}
	expected := "a finite number"
	if v-v == 0 {
		expected = "a finite float32"
	}
	id := a.lost.of(&a.ids, a.at)
	return &fault.Fault{File: a.file, Row: a.first, Column: a.column(column), Found: formatFloat(v), Expected: expected,
		ID: id}
}
