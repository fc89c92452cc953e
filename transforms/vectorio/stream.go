package vectorio

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
)

// Stream is rows of text that keep coming, line by line, as through a pipe: .csv, .tsv or .jsonl. Whatever has come is
// a batch, so that a single row is answered at once and many are answered together. First call [Stream.Inspect], then
// [Stream.Each].
//
// Memory: the first lines ([streamHead] bytes), a batch of at most [streamBatch] bytes, and its rows. A Stream is for
// one goroutine; another reads ahead, and ends when its reader does.
type Stream struct {
	window   *files.Window
	arrivals chan arrival
	free     chan []byte

	came    []byte // and is in no window yet: it may end within a line
	ended   bool   // nothing follows
	failure error  // of the reader

	dataset *Dataset
	source  formats.Counter
	at      int64 // where the next batch begins
	rows    int64 // so far
	batches int64
	seen    Seen
}

// arrival is what a read has given.
type arrival struct {
	data []byte
	err  error
}

const (
	// streamRead is how much is read at a time: what a pipe of Linux holds.
	streamRead = 64 << 10
	// streamBatch is how much is answered at a time where more has come, and streamHead of it is looked at to find out
	// how rows are written, where that comes at once.
	streamBatch, streamHead = 4 << 20, 1 << 20
	// streamQuiet is how long nothing comes after the first lines until these must do.
	streamQuiet = 20 * time.Millisecond
	// streamTries is how many rows may lack a column, where rows at fault are left out, before it is missing.
	streamTries = 100
	// streamRow bounds a row.
	streamRow = 64 << 20
)

// StreamFormats are the formats of rows that can be read as a [Stream].
var StreamFormats = []string{"csv", "tsv", "jsonl"}

// NewStream reads r, whose name messages tell, from now on.
func NewStream(r io.Reader, name string) *Stream {
	s := &Stream{window: files.NewWindow(name), arrivals: make(chan arrival), free: make(chan []byte, 2)}
	for range cap(s.free) {
		s.free <- make([]byte, streamRead)
	}
	go s.read(r)
	return s
}

// read gives what comes, up to the end.
func (s *Stream) read(r io.Reader) {
	for buf := range s.free {
		n, err := r.Read(buf)
		s.arrivals <- arrival{buf[:n], err}
		if err != nil {
			return
		}
	}
}

// Close forgets what is in memory.
func (s *Stream) Close() { s.window.Close() }

// take takes what has arrived.
func (s *Stream) take(a arrival) {
	s.came = append(s.came, a.data...)
	if s.ended = a.err != nil; s.ended && a.err != io.EOF {
		s.failure = fmt.Errorf("%s: %w", s.window.Name(), a.err)
	}
	s.free <- a.data[:cap(a.data)]
}

// more waits for lines, and takes all that are there, of at most so many bytes; where quiet is not 0, also those that
// come before nothing has come for so long. It gives what is whole, which is valid until the next call: at the end of
// the stream all that is left, or nothing.
func (s *Stream) more(ctx context.Context, most int, quiet time.Duration) ([]byte, error) {
	for !s.ended && bytes.IndexByte(s.came, '\n') < 0 {
		if len(s.came) > streamRow {
			return nil, s.long()
		}
		select {
		case a := <-s.arrivals:
			s.take(a)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for arrives := true; arrives && !s.ended && len(s.came) < most; {
		if quiet == 0 {
			select {
			case a := <-s.arrivals:
				s.take(a)
			default:
				arrives = false
			}
			continue
		}
		select {
		case a := <-s.arrivals:
			s.take(a)
		case <-time.After(quiet):
			arrives = false
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.failure != nil {
		return nil, s.failure
	}
	whole := len(s.came)
	if !s.ended {
		whole = bytes.LastIndexByte(s.came, '\n') + 1
	}
	lines := slices.Clone(s.came[:whole])
	s.came = s.came[:copy(s.came, s.came[whole:])]
	return lines, nil
}

func (s *Stream) long() error {
	return fault.File(s.window.Name(), fmt.Sprintf("rows of at most %d bytes", streamRow), "a longer one")
}

// Format waits for the first byte, and tells by it which format the rows are of, where nobody says it: jsonl where an
// object opens, else csv.
func (s *Stream) Format(ctx context.Context) (string, error) {
	for len(bytes.TrimSpace(s.came)) == 0 && !s.ended {
		select {
		case a := <-s.arrivals:
			s.take(a)
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if bytes.HasPrefix(bytes.TrimSpace(s.came), []byte("{")) {
		return "jsonl", nil
	}
	return "csv", nil
}

// Inspect waits for the first rows and finds out what they are: inspect is [Inspect] or one of its kin with the
// pattern, as often as more lines may mend a fault. Where text leaves doubt that options do not settle, the first rows
// do: those that have come until nothing comes for 20 ms, of 1 MiB. A table whose header nobody has said waits for
// two lines. Where rows at fault are left out, those of .jsonl may be the first, which lack keys: up to a hundred rows
// may come before it is said that a column is missing.
func (s *Stream) Inspect(ctx context.Context, reading *Options,
	inspect func(pattern string) (*Dataset, error)) error {
	o := &reading.Formats
	least, rows := 2, 0
	if o.Format == "jsonl" || o.Header == formats.HeaderNo {
		least = 1
	}
	for size := 0; ; {
		lines, err := s.more(ctx, streamHead, streamQuiet)
		if err != nil {
			return err
		}
		s.window.Grow(lines)
		if size += len(lines); size > streamRow {
			return s.long()
		}
		came := filled(lines)
		least, rows = least-came, rows+came
		if least > 0 && !s.ended {
			continue
		}
		if s.wide() {
			return fault.File(s.window.Name(), "text in UTF-8 or of a byte a character, to be read as it comes",
				"UTF-16: --encoding=utf-16 reads it to its end first")
		}
		d, err := inspect(s.window.Pattern())
		lacking := reading.SkipFaults && o.Format == "jsonl" && rows < streamTries
		if err != nil && !s.ended && (lacking || fault.IsEarly(err)) {
			continue
		}
		if err != nil {
			return err
		}
		return s.begin(ctx, d)
	}
}

// wide reports whether the text is marked as UTF-16, whose lines do not end with a byte.
func (s *Stream) wide() bool { return s.window.Begins("\xff\xfe") || s.window.Begins("\xfe\xff") }

// filled is how many lines are not empty.
func filled(lines []byte) (n int) {
	for line := range bytes.Lines(lines) {
		if len(bytes.TrimSpace(line)) > 0 {
			n++
		}
	}
	return n
}

// begin takes the dataset whose rows are to be read.
func (s *Stream) begin(ctx context.Context, d *Dataset) error {
	src, err := d.options.inspect(ctx, d.Files[0], d.naming[0].Options(d.options.Formats))
	if err != nil {
		return err
	}
	if src.Rows() == 0 && s.ended { // a file without rows, as queries may be
		s.dataset = d
		return nil
	}
	counter, ok := src.(formats.Counter)
	if !ok || !slices.Contains(StreamFormats, d.options.Formats.Format) {
		return fault.File(s.window.Name(), "rows of text, which can be read as they come", "the format %s",
			d.options.Formats.Format)
	}
	s.dataset, s.source, s.at = d, counter, counter.Ranges(1 << 62)[0].Offset
	return nil
}

// next is the next rows, or io.EOF where there are no more.
func (s *Stream) next(ctx context.Context) (Chunk, error) {
	if s.source == nil {
		return Chunk{}, io.EOF
	}
	for {
		end := s.window.Size()
		count, err := s.source.Count(ctx, formats.Range{Offset: s.at, Length: end - s.at})
		if err != nil {
			return Chunk{}, err
		}
		last := s.ended && len(s.came) == 0
		if rows := count.Rows[0]; rows > 0 && (!count.Inside[0] || last) {
			d := s.dataset
			c := Chunk{Ordinal: s.batches, Info: d.Files[0], Naming: d.naming[0], First: s.rows, Total: s.rows + rows,
				Span:     formats.Span{First: s.rows, Rows: rows, Offset: count.First[0], End: end},
				Features: d.options.Formats.Features, ZeroBased: d.options.Formats.ZeroBased}
			s.at, s.rows, s.batches = end, s.rows+rows, s.batches+1
			return c, nil
		}
		if last {
			return Chunk{}, io.EOF
		}
		if !count.Inside[0] {
			s.at = end
		} else if end-s.at > streamRow {
			return Chunk{}, s.long()
		}
		lines, err := s.more(ctx, streamBatch, 0)
		if err != nil {
			return Chunk{}, err
		}
		if err := s.window.Advance(max(0, s.at-1), lines); err != nil { // the byte before tells that a line begins
			return Chunk{}, err
		}
	}
}

// Each gives the rows to do, some at a time, in the same memory, as soon as they have come, and calls flush when all
// that have come are done. Rows at fault are in the batches where the options skip them; else the first ends it, once
// the rows before it are done. It returns nil at the end of the stream.
func (s *Stream) Each(ctx context.Context, o *Options, do func(Chunk, Batch) error, flush func() error) error {
	b := o.NewBlock(s.dataset.Dim)
	for {
		c, err := s.next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = s.rowsOf(ctx, c, o, b, do)
		if e := flush(); e != nil && err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
}

// rowsOf gives the rows of a batch to do.
func (s *Stream) rowsOf(ctx context.Context, c Chunk, o *Options, b *vectors.Block,
	do func(Chunk, Batch) error) (err error) {
	start := time.Now()
	var rejected []*fault.Fault
	r, err := Open(ctx, c, *o, func(row *fault.Fault) { rejected = append(rejected, row) })
	if err != nil {
		return err
	}
	defer func() {
		s.seen.NoTarget += r.NoTarget()
		s.seen.Unseen.Add(r.Unseen())
		err = errors.Join(err, r.Close())
	}()
	for {
		b.Reset()
		err := r.Read(b)
		s.seen.Seconds += time.Since(start).Seconds()
		batch := Batch{Rows: b, Rejected: rejected}
		rejected = nil
		if err != nil && err != io.EOF {
			batch, _ = batch.Before(err)
		}
		if batch.Rows.Len() > 0 || len(batch.Rejected) > 0 {
			if e := do(c, batch); e != nil {
				return e
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		start = time.Now()
	}
}

// Before is what comes before the row that is at fault, and whether that is anything; where the fault is of no row of
// the batch, it is all of it, and it is not known to be sound.
func (b Batch) Before(err error) (Batch, bool) {
	f, ok := fault.IsRow(err)
	if !ok {
		return b, false
	}
	n, _ := slices.BinarySearch(b.Rows.Numbers, f.Row)
	fewer := n < b.Rows.Len()
	b.Rows = b.Rows.Slice(0, n)
	m, _ := slices.BinarySearchFunc(b.Rejected, f.Row,
		func(r *fault.Fault, row int64) int { return cmp.Compare(r.Row, row) })
	b.Rejected = b.Rejected[:m]
	return b, fewer && n+m > 0
}

// Seen is what the rows so far were like.
func (s *Stream) Seen() Seen { return s.seen }
