package formats

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// Read opens the span. Bytes are read as far as decoding gets.
func (s *parquetSource) Read(ctx context.Context, span Span) (Reader, error) {
	if err := checkSpan(s, s.File, span); err != nil {
		return nil, err
	}
	if s.deleted != nil {
		return &keptReader{s.read(ctx, s.stored(span)), s}, nil
	}
	return s.read(ctx, span), nil
}

// read opens a span of rows of the file.
func (s *parquetSource) read(ctx context.Context, span Span) Reader {
	if s.cells {
		return s.cellsReader(ctx, span)
	}
	r := &parquetReader{parquetGroups: s.open(ctx, span.First), scratch: s.scratch()}
	r.wanted = span.Rows
	r.batchReader = batchReader{
		batch: batch{file: s.Name(), dim: s.dim, column: s.column},
		next:  span.First, end: span.First + span.Rows,
		fill: r.fill, gaps: s.gaps(),
	}
	if s.sparse {
		return s.sparseReader(r)
	}
	return r
}

// column is how a fault calls a column of the vector.
func (s *columnar) column(c int) string {
	if s.list() {
		return s.vector[0].name + "[" + strconv.Itoa(c) + "]"
	}
	return s.vector[c].name
}

type parquetReader struct {
	batchReader
	parquetGroups
	marks   // rows of the batch that are at fault
	learned learned
	scratch parquetScratch
	chosen  chosenReader
}

// parquetScratch is what a column of numbers is decoded into.
type parquetScratch struct {
	def []int16
	f32 []float32
	f64 []float64
}

// scratch has room for a batch of any column.
func (s *parquetSource) scratch() parquetScratch {
	x := parquetScratch{def: make([]int16, parquetBatch)}
	for _, f := range s.columns() {
		if !f.list && f.wide() {
			x.f64 = resize(x.f64, parquetBatch)
		} else if !f.list {
			x.f32 = resize(x.f32, parquetBatch)
		}
	}
	return x
}

// column decodes rows of a column into every stride-th place of f32, or of f64 where that has any, and gives the rows
// without a value, whose places get 0, to none.
func (x *parquetScratch) column(c *parquetChunk, rows, stride int, f32 []float32, f64 []float64,
	none func(row int)) error {
	for row := 0; row < rows; {
		n, values, err := c.next(x.def[:min(rows-row, len(x.def))], nil, x.f32, x.f64)
		if err != nil {
			return err
		}
		def := x.def[:n]
		switch at := row * stride; {
		case c.wide():
			scatter(f64[at:], stride, x.f64[:values], def, c.valued)
		case len(f64) > 0:
			scatter(f64[at:], stride, x.f32[:values], def, c.valued)
		default:
			scatter(f32[at:], stride, x.f32[:values], def, c.valued)
		}
		if values < n {
			for i, d := range def {
				if d != c.valued {
					none(row + i)
				}
			}
		}
		row += n
	}
	return nil
}

// SkipTo is that of a [Skipper].
func (r *parquetReader) SkipTo(row int64) error {
	r.skipTo(row)
	return nil
}

// Close leaves the row group to who reads the rows after these, if all of these have been read.
func (r *parquetReader) Close() error {
	if r.err == nil && r.next == r.batchReader.end {
		return r.leave()
	}
	return r.parquetGroups.Close()
}

// fill decodes the next rows of the row group.
func (r *parquetReader) fill() (err error) {
	defer r.in.undamaged(&err)
	if chosen, err := r.choose(r.next); err != nil {
		return err
	} else if chosen {
		r.fillChosen()
		return nil
	}
	if _, err := r.seek(r.next); err != nil {
		return err
	}
	rows := int(min(max(parquetBatch/int64(r.dim), 1), r.parquetGroups.end-r.next, r.batchReader.end-r.next))
	r.begin(r.next, rows)
	r.parquetGroups.row = r.next + int64(rows)
	clear(r.marks)
	if r.id != nil {
		if err := r.readIDs(rows); err != nil {
			return err
		}
	}
	if r.s.list() {
		err = r.readLists(rows)
	} else {
		err = r.readNumbers(rows)
	}
	if err == nil && r.target != nil {
		err = r.readTarget(rows)
	}
	if err == nil && r.weight != nil {
		r.weights, err = r.readColumn(r.weight, r.weights, rows, weightFault)
	}
	if err == nil {
		r.failRows(&r.batch, rows)
	}
	return err
}

// readNumbers decodes rows column by column.
func (r *parquetReader) readNumbers(rows int) error {
	if d := r.values; d != nil {
		lo := int(r.next-r.groupFirst) * r.dim
		hi := lo + rows*r.dim
		if len(d.f64) > 0 {
			r.f64 = append(r.f64, d.f64[lo:hi]...)
		} else {
			r.f32 = append(r.f32, d.f32[lo:hi]...)
		}
		return nil
	}
	if r.s.wide() {
		r.f64 = resize(r.f64, rows*r.dim)
	} else {
		r.f32 = resize(r.f32, rows*r.dim)
	}
	for j, c := range r.vector {
		err := r.scratch.column(c, rows, r.dim, from(r.f32, j), from(r.f64, j), func(row int) {
			if r.s.missing {
				r.f64[row*r.dim+j] = math.NaN()
			} else {
				r.mark(row, c.name, "null", "a number")
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scatter sets every stride-th value to the next one, or to 0 where the level says that there is none.
func scatter[To, From float32 | float64](to []To, stride int, from []From, def []int16, valued int16) {
	for i, d := range def {
		var v From
		if d == valued {
			v, from = from[0], from[1:]
		}
		to[i*stride] = To(v)
	}
}

// readIDs decodes the ids of rows.
func (r *parquetReader) readIDs(rows int) error {
	for row := 0; row < rows; {
		def := r.scratch.def[:rows-row]
		n, err := r.id.nextIDs(def, func(i int, id vectors.ID, found string) {
			if found != "" {
				r.mark(row+i, r.id.name, found, "an id")
				r.lost.lose(row + i)
			}
			r.ids.Append(id)
		})
		if err != nil {
			return err
		}
		row += n
	}
	return nil
}

// readColumn decodes numbers of rows that are no part of the vector, behind those in to.
func (r *parquetReader) readColumn(c *parquetChunk, to []float64, rows int,
	refused func(float64) *fault.Fault) ([]float64, error) {
	for row := 0; row < rows; {
		n, values, err := c.next(r.scratch.def[:rows-row], nil, r.scratch.f32, r.scratch.f64)
		if err != nil {
			return nil, err
		}
		at := len(to)
		to = append(to, make([]float64, n)...)
		if def := r.scratch.def[:n]; c.wide() {
			scatter(to[at:], 1, r.scratch.f64[:values], def, c.valued)
		} else {
			scatter(to[at:], 1, r.scratch.f32[:values], def, c.valued)
		}
		for i, v := range to[at:] {
			if null := r.scratch.def[i] != c.valued; (null || v != v) && r.keepsRow(c) {
				to[at+i] = math.NaN()
			} else if null {
				r.mark(row+i, c.name, "null", "a number")
			} else if f := refused(v); f != nil {
				r.mark(row+i, c.name, f.Found, f.Expected)
			}
		}
		row += n
	}
	return to, nil
}

// keepsRow reports whether a row is kept where this column, of which it needs a number, has none: it is the target.
func (r *parquetReader) keepsRow(c *parquetChunk) bool { return c == r.target && r.s.untargeted }

// readTarget decodes the targets of rows.
func (r *parquetReader) readTarget(rows int) (err error) {
	switch {
	case r.target.spelled():
	case r.s.labels && r.target.byText():
		return r.readLabels(rows)
	default:
		check := targetFault
		if r.s.labels && r.target.integer() {
			check = labelFault
		}
		r.batch.target, err = r.readColumn(r.target, r.batch.target, rows, check)
		return err
	}
	for row := 0; row < rows; {
		n, err := r.target.nextTexts(r.scratch.def[:rows-row], func(i int, text []byte, valued bool) {
			switch {
			case (!valued || onlySpaces(text)) && r.s.untargeted:
				r.learned.none()
			case !valued:
				r.mark(row+i, r.target.name, "null", "a label")
			case onlySpaces(text):
				r.mark(row+i, r.target.name, emptyText, "a label")
			default:
				if f := r.learned.setLabel(text, nil); f != nil {
					r.mark(row+i, r.target.name, f.Found, f.Expected)
				}
			}
			r.labels = append(r.labels, r.learned.label)
		})
		if err != nil {
			return err
		}
		row += n
	}
	return nil
}

// readLabels decodes labels that are booleans or integers of 64 bits.
func (r *parquetReader) readLabels(rows int) error {
	for row := 0; row < rows; {
		n, err := r.target.nextLabels(r.scratch.def[:rows-row], func(i int, v int64, found string) {
			if found == "null" && r.s.untargeted {
				r.learned.none()
			} else if f := r.learned.setWhole(v, found); f != nil {
				r.mark(row+i, r.target.name, f.Found, f.Expected)
			} else if r.target.kind == kindBool {
				r.learned.label = booleanLabel(v != 0)
			}
			r.labels = append(r.labels, r.learned.label)
		})
		if err != nil {
			return err
		}
		row += n
	}
	return nil
}

// readLists decodes rows that are lists.
func (r *parquetReader) readLists(rows int) error {
	c, l, dim := r.vector[0], r.lists[0], r.dim
	if c.wide() {
		r.f64 = resize(r.f64, rows*dim)
	} else {
		r.f32 = resize(r.f32, rows*dim)
	}
	for row := range rows {
		// A list ends where the next one begins, or the column.
		for l.n-l.at <= dim && !l.drained {
			if err := l.more(c); err != nil {
				return err
			}
		}
		if l.at == l.n || l.rep[l.at] != 0 {
			return errLevels
		}
		if l.regular(dim, c.valued) {
			if c.wide() {
				copy(r.f64[row*dim:], l.f64[l.atValue:l.atValue+dim])
			} else {
				copy(r.f32[row*dim:], l.f32[l.atValue:l.atValue+dim])
			}
			l.at += dim
			l.atValue += dim
			continue
		}
		if c.wide() {
			clear(r.f64[row*dim : (row+1)*dim])
		} else {
			clear(r.f32[row*dim : (row+1)*dim])
		}
		length, null, first, err := l.irregular(c)
		if err != nil {
			return err
		}
		expected := fmt.Sprintf("a list of %d numbers, as in the first that has any", dim)
		switch {
		case first < c.entry-1:
			r.mark(row, c.name, "null", expected)
		case first == c.entry-1:
			r.mark(row, c.name, "an empty list", expected)
		case length != dim:
			r.mark(row, c.name, fmt.Sprintf("a list of %d", length), expected)
		case null >= 0:
			r.mark(row, r.column(null), "null", "a number")
		default:
			return errLevels
		}
	}
	return nil
}

// errLevels is for levels that make no rows.
var errLevels = errors.New("levels that make no rows")

// parquetChunk is the part of a column that is in one row group.
type parquetChunk struct {
	*parquetField
	in    *parquetBytes
	group int // the row group
	r     file.ColumnChunkReader
	read  decodeFunc // nil for ids
}

// batchFunc is the method ReadBatchInPage of arrow's column readers.
type batchFunc[T any] func(n int64, values []T, def, rep []int16) (entries int64, count int, err error)

// decodeFunc decodes numbers into f32, or into f64 where the column is wide.
type decodeFunc func(def, rep []int16, f32 []float32, f64 []float64) (entries int64, count int, err error)

func (f *parquetBytes) openChunk(r *file.Reader, group int, field *parquetField) (*parquetChunk, error) {
	f.chunk = &parquetChunk{parquetField: field, in: f, group: group}
	var err error
	if f.chunk.r, err = r.RowGroup(group).Column(field.leaf); err != nil {
		return nil, err
	}
	f.chunk.read = field.decoder(f.chunk.r)
	return f.chunk, nil
}

func (c *parquetChunk) close() error { return c.r.Close() }

// next decodes at most len(def) entries, all of one page, into their levels and values: f32, or f64 where the column is
// wide. Both must have room for all entries. rep is nil for what is not a list.
func (c *parquetChunk) next(def, rep []int16, f32 []float32, f64 []float64) (entries, values int, err error) {
	if c.read == nil {
		n, err := c.nextIDs(def, nil)
		return n, n, err
	}
	c.in.chunk = c
	n, values, err := c.read(def, rep, f32, f64)
	return c.checked(def, n, values, err)
}

// checked makes sure that decoding has got ahead, and found as many values as the levels promise.
func (c *parquetChunk) checked(def []int16, n int64, values int, err error) (int, int, error) {
	if err != nil {
		return 0, 0, err
	}
	if n == 0 {
		if err := c.r.Err(); err != nil {
			return 0, 0, err
		}
		return 0, 0, io.ErrUnexpectedEOF
	}
	def = def[:n]
	if c.valued == 0 {
		clear(def) // which are not stored
	}
	promised := 0
	for _, d := range def {
		if d == c.valued {
			promised++
		}
	}
	if promised != values {
		return 0, 0, errLevels
	}
	return int(n), values, nil
}

// nextIDs decodes at most len(def) ids, all of one page; or drops them, where each is nil. What is no id has a text
// that says what it is instead.
func (c *parquetChunk) nextIDs(def []int16, each func(i int, id vectors.ID, found string)) (int, error) {
	switch r := c.r.(type) {
	case *file.Int32ColumnChunkReader:
		return decodeIDs(c, def, r.ReadBatchInPage, func(v int32) (vectors.ID, string) {
			if c.kind == kindUint32 {
				return vectors.ID{Int: int64(uint32(v))}, ""
			}
			return vectors.ID{Int: int64(v)}, ""
		}, each)
	case *file.Int64ColumnChunkReader:
		return decodeIDs(c, def, r.ReadBatchInPage, func(v int64) (vectors.ID, string) {
			if c.kind == kindUint64 && v < 0 {
				return vectors.ParseID(strconv.FormatUint(uint64(v), 10)), ""
			}
			return vectors.ID{Int: v}, ""
		}, each)
	case *file.ByteArrayColumnChunkReader:
		return decodeIDs(c, def, r.ReadBatchInPage, func(v parquet.ByteArray) (vectors.ID, string) {
			return textID(v)
		}, each)
	}
	return 0, fmt.Errorf("ids of type %s", c.r.Type())
}

// nextLabels decodes at most len(def) booleans or integers of 64 bits, all of one page. What is none has a text that
// says what it is.
func (c *parquetChunk) nextLabels(def []int16, each func(i int, v int64, found string)) (int, error) {
	r, ok := c.r.(*file.BooleanColumnChunkReader)
	if !ok {
		return c.nextIDs(def, func(i int, id vectors.ID, found string) { each(i, id.Int, found) })
	}
	return decodeEach(c, def, r.ReadBatchInPage, func(i int, v, valued bool) {
		switch {
		case !valued:
			each(i, 0, "null")
		case v:
			each(i, 1, "")
		default:
			each(i, 0, "")
		}
	})
}

func decodeIDs[T any](
	c *parquetChunk, def []int16, read batchFunc[T], id func(T) (vectors.ID, string), each func(int, vectors.ID, string),
) (int, error) {
	if each == nil {
		return decodeEach(c, def, read, nil)
	}
	return decodeEach(c, def, read, func(i int, v T, valued bool) {
		if !valued {
			each(i, vectors.ID{}, "null")
			return
		}
		id, found := id(v)
		each(i, id, found)
	})
}

// decodeEach decodes at most len(def) values, all of one page, or drops them, where each is nil.
func decodeEach[T any](c *parquetChunk, def []int16, read batchFunc[T],
	each func(i int, v T, valued bool)) (int, error) {
	c.in.chunk = c
	values := make([]T, len(def))
	entries, count, err := read(int64(len(def)), values, def, nil)
	n, _, err := c.checked(def, entries, count, err)
	if err != nil || each == nil {
		return n, err
	}
	for i, d := range def[:n] {
		var v T
		if d == c.valued {
			v, values = values[0], values[1:]
		}
		each(i, v, d == c.valued)
	}
	return n, nil
}

// nextTexts decodes at most len(def) texts, or instants and dates as such, all of one page. The memory of a text is
// valid until the next one is given.
func (c *parquetChunk) nextTexts(def []int16, each func(i int, text []byte, valued bool)) (int, error) {
	if c.times() {
		return c.nextTimes(def, each)
	}
	r, ok := c.r.(*file.ByteArrayColumnChunkReader)
	if !ok {
		return 0, fmt.Errorf("text of type %s", c.r.Type())
	}
	return decodeEach(c, def, r.ReadBatchInPage, func(i int, v parquet.ByteArray, valued bool) { each(i, v, valued) })
}

// decoder makes the function that decodes the numbers of a column, and none of what is only good for ids.
func (f *parquetField) decoder(r file.ColumnChunkReader) decodeFunc {
	switch r := r.(type) {
	case *file.Float32ColumnChunkReader:
		return func(def, rep []int16, f32 []float32, _ []float64) (int64, int, error) {
			return r.ReadBatchInPage(int64(len(def)), f32, def, rep)
		}
	case *file.Float64ColumnChunkReader:
		return func(def, rep []int16, _ []float32, f64 []float64) (int64, int, error) {
			return r.ReadBatchInPage(int64(len(def)), f64, def, rep)
		}
	case *file.BooleanColumnChunkReader:
		return decodeNumbers(r.ReadBatchInPage, func(v bool) float64 {
			if v {
				return 1
			}
			return 0
		})
	case *file.FixedLenByteArrayColumnChunkReader:
		if f.kind == kindDecimal {
			return decodeNumbers(r.ReadBatchInPage, func(v parquet.FixedLenByteArray) float64 { return bigDecimal(v, f.scale) })
		}
		return decodeNumbers(r.ReadBatchInPage, func(v parquet.FixedLenByteArray) float64 {
			return float64(half(binary.LittleEndian.Uint16(v)))
		})
	case *file.ByteArrayColumnChunkReader:
		if f.kind == kindDecimal {
			return decodeNumbers(r.ReadBatchInPage, func(v parquet.ByteArray) float64 { return bigDecimal(v, f.scale) })
		}
	case *file.Int32ColumnChunkReader:
		switch f.kind {
		case kindUint32:
			return decodeNumbers(r.ReadBatchInPage, func(v int32) float64 { return float64(uint32(v)) })
		case kindDecimal:
			return decodeNumbers(r.ReadBatchInPage, func(v int32) float64 { return decimalOf(int64(v), f.scale) })
		}
		return decodeNumbers(r.ReadBatchInPage, func(v int32) float64 { return float64(v) })
	case *file.Int64ColumnChunkReader:
		switch f.kind {
		case kindUint64:
			return decodeNumbers(r.ReadBatchInPage, func(v int64) float64 { return float64(uint64(v)) })
		case kindDecimal:
			return decodeNumbers(r.ReadBatchInPage, func(v int64) float64 { return decimalOf(v, f.scale) })
		}
		return decodeNumbers(r.ReadBatchInPage, func(v int64) float64 { return float64(v) })
	}
	return nil
}

func decodeNumbers[T any](read batchFunc[T], number func(T) float64) decodeFunc {
	var buffer []T
	return func(def, rep []int16, _ []float32, f64 []float64) (int64, int, error) {
		buffer = resize(buffer, len(def))
		entries, values, err := read(int64(len(def)), buffer, def, rep)
		if err == nil {
			for i, v := range buffer[:values] {
				f64[i] = number(v)
			}
		}
		return entries, values, err
	}
}

// parquetList holds entries of a column of lists, from the beginning of a list on.
type parquetList struct {
	def, rep    []int16
	f32         []float32
	f64         []float64
	at, n       int  // the entries that are left
	atValue, nv int  // the values that are left
	drained     bool // nothing follows
}

// newParquetList has room for so many entries at a time.
func newParquetList(size int) *parquetList {
	return &parquetList{def: make([]int16, size), rep: make([]int16, size)}
}

// reset begins with another part of the column.
func (l *parquetList) reset() { *l = parquetList{def: l.def, rep: l.rep, f32: l.f32, f64: l.f64} }

// more decodes more entries behind those that are left, of which there is room for at least one; or it is drained.
func (l *parquetList) more(c *parquetChunk) error {
	if c.wide() {
		l.f64 = resize(l.f64, len(l.def))
		copy(l.f64, l.f64[l.atValue:l.nv])
	} else {
		l.f32 = resize(l.f32, len(l.def))
		copy(l.f32, l.f32[l.atValue:l.nv])
	}
	copy(l.def, l.def[l.at:l.n])
	copy(l.rep, l.rep[l.at:l.n])
	l.at, l.n, l.atValue, l.nv = 0, l.n-l.at, 0, l.nv-l.atValue
	if !c.r.HasNext() {
		l.drained = true
		return c.r.Err()
	}
	var f32 []float32
	var f64 []float64
	if c.wide() {
		f64 = l.f64[l.nv:]
	} else {
		f32 = l.f32[l.nv:]
	}
	entries, values, err := c.next(l.def[l.n:], l.rep[l.n:], f32, f64)
	if err != nil {
		return err
	}
	l.n += entries
	l.nv += values
	return nil
}

// regular reports whether the next list has dim values and no null.
func (l *parquetList) regular(dim int, valued int16) bool {
	end := l.at + dim
	if end > l.n || end < l.n && l.rep[end] != 0 {
		return false
	}
	same := int16(1)
	for _, rep := range l.rep[l.at+1 : end] {
		same &= rep
	}
	var differ int16
	for _, def := range l.def[l.at:end] {
		differ |= def ^ valued
	}
	return same == 1 && differ == 0
}

// irregular drops the next list, whatever its length. It returns that, the place of its first entry without a value, or
// -1, and the definition level of its first entry.
func (l *parquetList) irregular(c *parquetChunk) (length, null int, first int16, err error) {
	first, null = l.def[l.at], -1
	for {
		for l.at < l.n && (length == 0 || l.rep[l.at] != 0) {
			if l.def[l.at] == c.valued {
				l.atValue++
			} else if null < 0 {
				null = length
			}
			length++
			l.at++
		}
		if l.at < l.n || l.drained {
			return length, null, first, nil
		}
		if err := l.more(c); err != nil {
			return 0, 0, 0, err
		}
	}
}

// skip drops rows.
func (l *parquetList) skip(c *parquetChunk, rows int64) error {
	for {
		begin := int64(0)
		for _, rep := range l.rep[l.at:l.n] {
			if rep == 0 {
				begin++
			}
		}
		if begin <= rows {
			rows -= begin
			l.at, l.atValue = l.n, l.nv
			if l.drained {
				if rows > 0 {
					return io.ErrUnexpectedEOF
				}
				return nil
			}
			if err := l.more(c); err != nil {
				return err
			}
			continue
		}
		for ; l.rep[l.at] != 0 || rows > 0; l.at++ {
			if l.rep[l.at] == 0 {
				rows--
			}
			if l.def[l.at] == c.valued {
				l.atValue++
			}
		}
		return nil
	}
}
