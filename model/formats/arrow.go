package formats

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"beamlearn/model/fault"
)

// arrowFormat is Apache Arrow's IPC format, as a file or as a stream
// (https://arrow.apache.org/docs/format/Columnar.html): what Feather V2 is too. A vector is one list of numbers, or
// many columns of them, as in Parquet.
var arrowFormat = &Format{Name: "arrow", Extensions: []string{".arrow", ".feather", ".arrows", ".ipc"}, Cells: true,
	inspect: inspectArrow}

const (
	arrowMagic = "ARROW1"
	// featherMagic begins version 1 of Feather, which is another format.
	featherMagic = "FEA1"
	// arrowMetaMax bounds the description of a message, and arrowAhead is how much of it is asked for at first.
	arrowMetaMax, arrowAhead = 64 << 20, 1 << 10
	// A buffer that claims more bytes than arrowBufferMin, and than so many times those of the file, is taken for damaged.
	arrowBufferMin, arrowRatio = 64 << 20, 64
)

// arrowSource is an inspected Arrow file.
type arrowSource struct {
	columnar
	schema  Range
	words   []arrowPart // dictionaries, with the number of batches before each
	batches []arrowPart
	rows    int64
}

// arrowPart is a message with its body.
type arrowPart struct {
	first int64 // row, of a batch; batch, of a dictionary
	rows  int64
	at    Range
}

func inspectArrow(ctx context.Context, f File, _ compression, o Options) (Source, error) {
	if err := o.noText(f, "arrow"); err != nil {
		return nil, err
	}
	s := &arrowSource{columnar: columnar{File: f, labels: o.Labels, untargeted: o.Untargeted, missing: o.Missing}}
	if err := s.walk(ctx); err != nil {
		return nil, err
	}
	if s.rows == 0 && !o.Empty {
		return nil, fault.File(f.Name(), "rows of data", "none")
	}
	if err := s.inspect(ctx, &o); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *arrowSource) damaged(found string, args ...any) error {
	return fault.File(s.Name(), "a whole Arrow file", "a damaged one: "+found, args...)
}

// Rows is the number of rows.
func (s *arrowSource) Rows() int64 { return s.rows }

// walk finds the messages, by their descriptions.
func (s *arrowSource) walk(ctx context.Context) error {
	begin, err := ReadRange(ctx, s.File, 0, min(s.Size(), 8))
	if err != nil {
		return err
	}
	at, end := int64(0), s.Size()
	switch {
	case strings.HasPrefix(string(begin), featherMagic):
		return fault.File(s.Name(), "Feather of version 2, as pyarrow.feather.write_feather writes it by default",
			"Feather of version 1")
	case strings.HasPrefix(string(begin), arrowMagic):
		const tail = 4 + len(arrowMagic) // the footer's length, and the magic again
		if s.Size() < 8+int64(tail) {
			return s.damaged("%d bytes", s.Size())
		}
		b, err := ReadRange(ctx, s.File, s.Size()-int64(tail), int64(tail))
		if err != nil {
			return err
		}
		footer := int64(binary.LittleEndian.Uint32(b))
		if string(b[4:]) != arrowMagic || footer > s.Size()-8-int64(tail) {
			return s.damaged("the end %s", fault.Quote(b))
		}
		at, end = 8, s.Size()-int64(tail)-footer
	case len(begin) < 8 || binary.LittleEndian.Uint32(begin) != continuation &&
		binary.LittleEndian.Uint32(begin) > arrowMetaMax:
		return fault.File(s.Name(), "an Arrow file or stream", "the beginning %s", fault.Quote(begin))
	}
	for at < end {
		size, err := s.message(ctx, at, end)
		if err != nil {
			return err
		}
		if size == 0 {
			break // the end of the stream
		}
		at += size
	}
	if s.schema.Length == 0 {
		return s.damaged("no schema")
	}
	return nil
}

// continuation begins a message, but for those of old writers.
const continuation = 0xffffffff

// message notes the message at a place, and returns its size with its body, 0 at the end of the stream.
func (s *arrowSource) message(ctx context.Context, at, end int64) (int64, error) {
	b, err := ReadRange(ctx, s.File, at, min(arrowAhead, end-at))
	if err != nil {
		return 0, err
	}
	head := int64(4)
	if len(b) < 4 {
		return 0, s.damaged("%d bytes behind the last message", len(b))
	}
	length := int64(binary.LittleEndian.Uint32(b))
	if length == continuation {
		if head = 8; len(b) < 8 {
			return 0, s.damaged("%d bytes behind the last message", len(b))
		}
		length = int64(binary.LittleEndian.Uint32(b[4:]))
	}
	if length == 0 {
		return 0, nil
	}
	if length > arrowMetaMax || length > end-at-head {
		return 0, s.damaged("a message of %d bytes at byte %d", length, at)
	}
	if head+length > int64(len(b)) {
		if b, err = ReadRange(ctx, s.File, at, head+length); err != nil {
			return 0, err
		}
	}
	m, ok := parseMessage(b[head : head+length])
	if !ok || !soundMessage(b[head:head+length], m.kind) || m.body < 0 || m.body > end-at-head-length || m.rows < 0 ||
		m.rows > math.MaxInt64-s.rows {
		return 0, s.damaged("the message at byte %d", at)
	}
	part := arrowPart{first: s.rows, rows: m.rows, at: Range{at, head + length + m.body}}
	switch {
	case m.kind == messageSchema && s.schema.Length == 0:
		s.schema = part.at
	case m.kind == messageDictionary && s.schema.Length > 0:
		part.first = int64(len(s.batches))
		s.words = append(s.words, part)
	case m.kind == messageBatch && s.schema.Length > 0:
		s.batches = append(s.batches, part)
		s.rows += m.rows
	default:
		return 0, s.damaged("a message of kind %d at byte %d", m.kind, at)
	}
	return part.at.Length, nil
}

// Kinds of messages.
const (
	messageSchema     = 1
	messageDictionary = 2
	messageBatch      = 3
)

// arrowBytes opens parts of a file as a stream of Arrow. It remembers the file's own error, to tell it from those
// that the decoder makes of the content.
type arrowBytes struct {
	s     *arrowSource
	ctx   context.Context
	batch int // that is decoded, or -1: the schema
	open  []*arrowSection
	err   error
}

// close closes what is open. The first error counts, as where a file says that it has changed.
func (f *arrowBytes) close() {
	for _, s := range f.open {
		if s.r == nil {
			continue
		}
		if err := s.r.Close(); f.err == nil {
			f.err = err
		}
		s.r = nil
	}
	f.open = nil
}

// undamaged makes a fault of what the decoding of a damaged file ends in, as that of parquetBytes. It is to be
// deferred.
func (f *arrowBytes) undamaged(err *error) {
	panicked := recover() != nil
	f.close()
	if panicked || *err != nil && !isFault(*err) {
		place := "the schema"
		if f.batch >= 0 {
			place = fmt.Sprintf("record batch %d", f.batch)
		}
		*err = f.s.damaged("%s cannot be decoded", place)
	}
	if f.err != nil {
		*err = f.err
	}
}

// section reads a part of the file.
func (f *arrowBytes) section(at Range) io.Reader {
	s := &arrowSection{f: f, at: at}
	f.open = append(f.open, s)
	return s
}

type arrowSection struct {
	f  *arrowBytes
	at Range
	r  io.ReadCloser
}

func (s *arrowSection) Read(b []byte) (n int, err error) {
	if s.r == nil {
		if s.r, err = s.f.s.OpenRange(s.f.ctx, s.at.Offset, s.at.Length); err != nil {
			s.f.err = err
			return 0, err
		}
	}
	n, err = s.r.Read(b)
	s.at.Length -= int64(n)
	if err == io.EOF && s.at.Length > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		err = truncated(s.f.s.File, err)
		s.f.err = err
	}
	return n, err
}

// boundedAllocator refuses what a damaged file claims to need.
type boundedAllocator struct {
	memory.Allocator
	most int
}

func (a *boundedAllocator) check(size int) {
	if size > a.most {
		panic("formats: a buffer beyond what the file can hold") // for undamaged
	}
}

func (a *boundedAllocator) Allocate(size int) []byte {
	a.check(size)
	return a.Allocator.Allocate(size)
}

func (a *boundedAllocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	return a.Allocator.Reallocate(size, b)
}

// reader decodes the schema and, of a batch ≥ 0, the dictionaries before it and the batch.
func (f *arrowBytes) reader(batch int) (*ipc.Reader, error) {
	f.batch = batch
	parts := []io.Reader{f.section(f.s.schema)}
	if batch >= 0 {
		for _, w := range f.s.words {
			if w.first <= int64(batch) {
				parts = append(parts, f.section(w.at))
			}
		}
		parts = append(parts, f.section(f.s.batches[batch].at))
	}
	most := int(min(max(arrowBufferMin, f.s.Size()*arrowRatio), math.MaxInt))
	return ipc.NewReader(io.MultiReader(parts...), ipc.WithAllocator(&boundedAllocator{memory.DefaultAllocator, most}))
}

// inspect chooses the columns.
func (s *arrowSource) inspect(ctx context.Context, o *Options) (err error) {
	in := &arrowBytes{s: s, ctx: ctx}
	defer in.undamaged(&err)
	r, err := in.reader(-1)
	if err != nil {
		return err
	}
	defer r.Release()
	fields := arrowFields(r.Schema())
	if err := s.choose(o, fields); err != nil {
		return err
	}
	s.describe(fields)
	if s.cells {
		return s.inspectCells(in, r.Schema())
	}
	if s.missing && s.list() {
		return missingList(s.Name(), s.vector[0].name)
	}
	if s.dim = len(s.vector); s.list() {
		s.dim, err = s.firstLength(in, r.Schema())
	}
	return err
}

// firstLength is the length of the lists, or of the first one that has entries.
func (s *arrowSource) firstLength(in *arrowBytes, schema *arrow.Schema) (int, error) {
	return s.widthOf(&s.vector[0], in, schema)
}

// widthOf is the length of the lists of a column, or of the first one that has entries.
func (s *arrowSource) widthOf(f *parquetField, in *arrowBytes, schema *arrow.Schema) (int, error) {
	length := 0
	if fixed, ok := schema.Field(f.leaf).Type.(*arrow.FixedSizeListType); ok {
		length = int(fixed.Len())
	}
	for i := 0; length == 0 && i < len(s.batches); i++ {
		record, err := in.record(i)
		if err != nil {
			return 0, err
		}
		lists, ok := arrowLists(record.Column(f.leaf))
		for row := 0; ok && row < int(record.NumRows()) && length == 0; row++ {
			if !lists.IsNull(row) {
				from, to := lists.ValueOffsets(row)
				length = int(to - from)
			}
		}
		record.Release()
	}
	switch {
	case length > maxColumns:
		return 0, fault.File(s.Name(), fmt.Sprintf("lists of at most %d numbers", maxColumns), "one of %d in column %s",
			length, f.name)
	case length < 1:
		return 0, fault.File(s.Name(), "lists of numbers", "none but empty ones in column %s", f.name)
	}
	return length, nil
}

// record decodes a batch, which must be as long as its description says, in every column.
func (f *arrowBytes) record(batch int) (arrow.RecordBatch, error) {
	defer f.close()
	r, err := f.reader(batch)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	if !r.Next() {
		if err := r.Err(); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
	record := r.RecordBatch()
	for _, c := range record.Columns() {
		if int64(c.Len()) != f.s.batches[batch].rows {
			return nil, io.ErrUnexpectedEOF
		}
	}
	record.Retain()
	return record, nil
}

// batchOf is the batch of a row.
func (s *arrowSource) batchOf(row int64) int {
	return sort.Search(len(s.batches), func(i int) bool { return s.batches[i].first+s.batches[i].rows > row })
}

// Cut cuts the rows into spans of about size rows that end with a batch, as it is decoded as a whole.
func (s *arrowSource) Cut(size int64) []Span {
	var spans []Span
	var held Span
	for _, b := range s.batches {
		if held.Rows > 0 && held.Rows+b.rows > size {
			spans = append(spans, held)
			held = Span{First: held.First + held.Rows}
		}
		held.Rows += b.rows
	}
	if held.Rows > 0 {
		spans = append(spans, held)
	}
	return spans
}
