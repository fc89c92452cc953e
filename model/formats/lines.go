package formats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

const (
	// readAhead is how much of a text is read at a time.
	readAhead = 256 << 10
	// headAhead is how much of a text is asked for to inspect it, and countAhead of what follows a range, to count its
	// rows: as much as most often holds the first line, or the end of the last. What is longer is asked for in further
	// parts.
	headAhead, countAhead = 64 << 10, 16 << 10
	// maxRow bounds the bytes of a row: a file without line ends must not fill the memory.
	maxRow = 64 << 20
)

// textFile is a file of rows that are lines, or of runs of lines.
type textFile struct {
	File
	comp     compression
	encoding Encoding
	skip     int   // lines before the first that counts
	start    int64 // offset of the first row in the uncompressed text, in UTF-8 where its encoding is wide
}

// newText is a text file as the options describe it.
func (o *Options) newText(f File, comp compression) textFile {
	return textFile{File: f, comp: comp, encoding: o.Encoding, skip: o.SkipRows}
}

// sequential reports whether the text can only be read from its beginning.
func (t *textFile) sequential() bool { return t.comp != "" || t.encoding.wide() }

// Rows is −1: they must be counted.
func (t *textFile) Rows() int64 { return -1 }

// Ranges cuts the rows into ranges of size bytes. A text that is compressed, or in UTF-16, is one range of unknown
// length, which is −1.
func (t *textFile) Ranges(size int64) []Range {
	if t.sequential() {
		return []Range{{t.start, -1}}
	}
	ranges := []Range{{t.start, min(size, max(t.Size()-t.start, 0))}}
	for offset := t.start + size; offset < t.Size(); offset += size {
		ranges = append(ranges, Range{offset, min(size, t.Size()-offset)})
	}
	return ranges
}

// resolve follows the state from the first range, which begins outside of a quoted field, to the last.
func resolve(counts []Count) (spans []Span, rows int64, inside bool) {
	state := 0
	for _, c := range counts {
		if n := c.Rows[state]; n > 0 {
			if len(spans) > 0 {
				spans[len(spans)-1].End = c.First[state]
			}
			spans = append(spans, Span{First: rows, Rows: n, Offset: c.First[state], marks: c.Marks[state]})
			rows += n
		}
		if c.Inside[state] {
			state = 1
		} else {
			state = 0
		}
	}
	return spans, rows, state == 1
}

// eachLine calls each with the lines that begin in a range, without their ends, and with their offsets. The last of
// them may reach beyond the range. The memory of a line is valid until the next one.
func (t *textFile) eachLine(ctx context.Context, r Range, each func(line []byte, offset int64)) (err error) {
	end := int64(math.MaxInt64)
	if r.Length >= 0 {
		end = r.Offset + r.Length
	}
	begin := r.Offset
	if begin > t.start {
		begin-- // the byte before a range tells whether a line begins with it
	}
	l, err := t.openTo(ctx, begin, min(end, t.Size())+countAhead)
	if err != nil {
		return err
	}
	defer l.closeInto(&err)
	if r.Offset > t.start {
		if err := l.skipLine(end); err != nil {
			return err
		}
	}
	for l.offset < end {
		n, err := l.find(0)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		each(trimEnd(l.ahead(n)), l.offset)
		l.advance(n)
	}
	return nil
}

// countLines counts the lines in a range that are rows. No row is more than a line, so both states are the same.
func (t *textFile) countLines(ctx context.Context, r Range, row func(line []byte) bool) (Count, error) {
	var c Count
	err := t.eachLine(ctx, r, func(line []byte, offset int64) {
		if !row(line) {
			return
		}
		c.add(0, offset)
	})
	c.Rows[1], c.First[1], c.Marks[1] = c.Rows[0], c.First[0], c.Marks[0]
	return c, err
}

// head reads the beginning of a text: behind a byte order mark, and behind the lines to skip.
func (t *textFile) head(ctx context.Context, read func(*lines) error) (err error) {
	t.start = 0
	l, ahead, err := t.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { l.closeInto(&err) }()
	marked := bytes.HasPrefix(ahead, []byte(markUTF16LE)) || bytes.HasPrefix(ahead, []byte(markUTF16BE))
	switch auto := t.encoding == "" || t.encoding == EncodingAuto; {
	case marked && auto && !t.encoding.wide():
		if err := l.close(); err != nil {
			return err
		}
		t.encoding = EncodingUTF16
		decoded, text, err := t.begin(ctx)
		if err != nil {
			return err
		}
		l, ahead = decoded, text
	case marked && !t.encoding.wide():
		return fault.File(t.Name(), "text in "+string(t.encoding), "the byte order mark of UTF-16")
	case bytes.HasPrefix(ahead, []byte(markUTF8)) && t.encoding.charset() != nil:
		return fault.File(t.Name(), "text in "+string(t.encoding), "the byte order mark of UTF-8")
	case bytes.HasPrefix(ahead, []byte(markUTF8)):
		l.advance(len(markUTF8))
	}
	if err := t.plausible(ahead); err != nil {
		return err
	}
	for range t.skip {
		n, err := l.find(0)
		if err == io.EOF {
			return fault.Ends(fault.File(t.Name(), fmt.Sprintf("rows after the %d lines to skip", t.skip),
				"the end of the file"))
		}
		if err != nil {
			return err
		}
		l.advance(n)
	}
	return read(l)
}

// begin opens the text at its beginning, and reads a part of it ahead.
func (t *textFile) begin(ctx context.Context) (*lines, []byte, error) {
	l, err := t.openTo(ctx, 0, headAhead)
	if err != nil {
		return nil, nil, err
	}
	ahead, err := l.peek(headAhead)
	if err != nil {
		l.closeInto(&err)
		return nil, nil, err
	}
	return l, ahead, nil
}

// plausible refuses what begins like no text, or like one of lines that are not to be told apart.
func (t *textFile) plausible(ahead []byte) error {
	if what := fault.NoText(ahead); what != "" {
		return fault.File(t.Name(), "text", "%s", what)
	}
	if zeros := bytes.Count(ahead, []byte{0}); zeros > len(ahead)/4 {
		advice := "text"
		if !t.encoding.wide() {
			advice = "text: if it is UTF-16, --encoding=utf-16"
		}
		return fault.File(t.Name(), advice, "%d zero bytes among the first %d", zeros, len(ahead))
	}
	if cr := bytes.IndexByte(ahead, '\r'); cr >= 0 && cr < len(ahead)-1 && bytes.IndexByte(ahead, '\n') < 0 {
		return fault.File(t.Name(), "lines that end with LF or CRLF: tr '\\r' '\\n' converts them",
			"lines that end with CR alone")
	}
	if lf := bytes.IndexByte(ahead, '\n'); lf >= 0 && lf+2 < len(ahead) && ahead[lf+1] == '\r' && ahead[lf+2] != '\n' &&
		ahead[lf+2] != '\r' {
		return fault.File(t.Name(), "lines that end with LF or CRLF: tr -d '\\r' converts them",
			"lines that end with LF and CR")
	}
	return nil
}

// peek is the next n bytes, or fewer where the text ends.
func (l *lines) peek(n int) ([]byte, error) {
	for !l.eof && l.hi-l.lo < n {
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
	return l.ahead(min(n, l.hi-l.lo)), nil
}

// lines reads a text line by line, ahead of them by a buffer.
type lines struct {
	file   *textFile
	ctx    context.Context // of the whole reading, which no method of a Reader is told
	r      io.ReadCloser   // nil where what follows is not opened yet, and at the end of the file
	to     int64           // of a text that is not compressed: up to where the file was opened
	part   int64           // how much more of it is opened then
	lower  *remember       // under the decompression
	buf    []byte
	lo, hi int    // buf[lo:hi] is ahead
	offset int64  // of buf[lo] in the text
	eof    bool   // nothing follows buf[:hi]
	long   bool   // a row is longer than it may be
	text   []byte // of a line whose encoding is not UTF-8
}

// decoded is a line in UTF-8. Its memory is valid until the next one.
func (l *lines) decoded(line []byte) []byte {
	table := l.file.encoding.charset()
	if table == nil || isASCII(line) {
		return line
	}
	l.text = appendText(l.text[:0], line, table)
	return l.text
}

// remember keeps the error of a file apart from those that its decompression makes of its content.
type remember struct {
	io.ReadCloser
	read int64 // bytes
	err  error
}

func (r *remember) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.read += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// open reads the text from an offset on.
func (t *textFile) open(ctx context.Context, offset int64) (*lines, error) {
	return t.openTo(ctx, offset, math.MaxInt64)
}

// openTo reads the text from an offset on, and expects no use of what stands behind end: of a text that is not
// compressed it asks for that only when it is read.
func (t *textFile) openTo(ctx context.Context, offset, end int64) (*lines, error) {
	l := &lines{file: t, ctx: ctx, offset: offset, to: offset, part: readAhead}
	size := int64(readAhead)
	if !t.sequential() {
		if offset >= t.Size() {
			l.eof = true
			return l, nil
		}
		if end > offset {
			l.part = end - offset
		}
		if err := l.more(); err != nil {
			return nil, err
		}
		l.part = readAhead
		size = min(size, l.to-offset+1) // one more, to see the end
	} else {
		r, err := t.OpenRange(ctx, 0, t.Size())
		if err != nil {
			return nil, err
		}
		l.lower = &remember{ReadCloser: r}
		if l.r, err = decompress(l.lower, t.comp); err != nil {
			return nil, l.failed(err)
		}
		if t.encoding.wide() {
			l.r = &stacked{newUTF16(l.r, t.encoding), func() error { return nil }, l.r}
		}
		if _, err := io.CopyN(io.Discard, l.r, offset); err != nil {
			if err == io.EOF {
				err = l.early()
			} else {
				err = l.failed(err)
			}
			l.closeInto(&err)
			return nil, err
		}
	}
	l.buf = make([]byte, size)
	return l, nil
}

// more opens the next part of a text that is not compressed.
func (l *lines) more() (err error) {
	n := min(l.part, l.file.Size()-l.to)
	if l.r, err = l.file.OpenRange(l.ctx, l.to, n); err != nil {
		l.r = nil
		return err
	}
	l.to += n
	l.part = min(2*l.part, maxRow)
	return nil
}

func (l *lines) close() error {
	if l.r == nil {
		return nil
	}
	err := l.r.Close()
	l.r = nil
	return err
}

// closeInto closes, whose error counts where there is no other: a file says there that it has changed.
func (l *lines) closeInto(err *error) {
	if e := l.close(); *err == nil {
		*err = e
	}
}

// failed says what an error of reading means.
func (l *lines) failed(err error) error {
	if err == errHalfUnit {
		return fault.File(l.file.Name(), "text in "+string(l.file.encoding), "%v", err)
	}
	if l.lower != nil && l.lower.err == nil && l.file.comp != "" {
		return fault.File(l.file.Name(), "whole "+string(l.file.comp)+" data", "%s", damage(err))
	}
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	return truncated(l.file, err)
}

// early is the fault of a text that ends before the rows that were counted in it.
func (l *lines) early() error { return truncated(l.file, io.ErrUnexpectedEOF) }

// fill reads more, unless at the end.
func (l *lines) fill() error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if l.hi == len(l.buf) {
		if l.lo == 0 {
			if len(l.buf) >= maxRow {
				l.long = true
				return fault.File(l.file.Name(), fmt.Sprintf("rows of at most %d bytes", maxRow), "a longer one at byte %d",
					l.offset)
			}
			buf := make([]byte, 2*len(l.buf))
			copy(buf, l.buf)
			l.buf = buf
		} else {
			l.lo, l.hi = 0, copy(l.buf, l.buf[l.lo:l.hi])
		}
	}
	const idle = 100 // reads of nothing, as bufio allows
	for range idle {
		if l.r == nil {
			if err := l.more(); err != nil {
				return err
			}
		}
		n, err := l.r.Read(l.buf[l.hi:])
		l.hi += n
		if err == io.EOF {
			if l.lower != nil && l.file.comp == "" && l.lower.read != l.file.Size() {
				return l.early()
			}
			if !l.file.sequential() {
				if l.offset+int64(l.hi-l.lo) != l.to {
					return l.early()
				}
				if err := l.close(); err != nil {
					return err
				}
			}
			if l.eof = l.file.sequential() || l.to == l.file.Size(); l.eof || n > 0 {
				return nil
			}
			continue
		}
		if err != nil {
			return l.failed(err)
		}
		if n > 0 {
			return nil
		}
	}
	return l.failed(io.ErrNoProgress)
}

// find is the number of bytes ahead up to the end of the line that begins after the first from of them, its line end
// included. It is io.EOF where no line begins there.
func (l *lines) find(from int) (int, error) {
	for searched := from; ; {
		if i := bytes.IndexByte(l.buf[l.lo+searched:l.hi], '\n'); i >= 0 {
			return searched + i + 1, nil
		}
		searched = l.hi - l.lo
		if !l.eof {
			if err := l.fill(); err != nil {
				return 0, err
			}
		} else if searched > from {
			return searched, nil
		} else {
			return 0, io.EOF
		}
	}
}

// ahead is the next n bytes, which find has found.
func (l *lines) ahead(n int) []byte { return l.buf[l.lo : l.lo+n] }

func (l *lines) advance(n int) {
	l.lo += n
	l.offset += int64(n)
}

// skipLine advances to the line after this one, whatever its length, and at most a buffer past limit to find it.
func (l *lines) skipLine(limit int64) error {
	for l.offset < limit {
		if i := bytes.IndexByte(l.buf[l.lo:l.hi], '\n'); i >= 0 {
			l.advance(i + 1)
			return nil
		}
		l.advance(l.hi - l.lo)
		if l.eof {
			return nil
		}
		if err := l.fill(); err != nil {
			return err
		}
	}
	return nil
}

// trimEnd cuts the line end off a line: LF or CRLF, and a CR at the end of the file.
func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// textReader reads the rows of a span by the parser of their format.
type textReader struct {
	*lines
	next, end int64 // numbers of rows
	// parse appends the row of that number to b. It is io.EOF where no row is left.
	parse func(b *vectors.Block, number int64) error
	skip  int64        // rows before the first, which next reads past
	past  func() error // reads past a row
	err   error        // of an end that is not that of the span
}

func (t *textFile) read(ctx context.Context, s Span) (*textReader, error) {
	end := s.End
	if end == 0 {
		end = math.MaxInt64
	}
	if s.First < 0 || s.Rows < 0 || s.First > math.MaxInt64-s.Rows || s.Offset < 0 || s.Skip < 0 || end < s.Offset ||
		!t.sequential() && s.End > t.Size() {
		return nil, fault.File(t.Name(), fmt.Sprintf("%d rows from row %d on, in the bytes from %d to %d", s.Rows, s.First,
			s.Offset, s.End), "%d bytes", t.Size())
	}
	l, err := t.openTo(ctx, s.Offset, end)
	if err != nil {
		return nil, err
	}
	return &textReader{lines: l, next: s.First, end: s.First + s.Rows, skip: s.Skip}, nil
}

func (r *textReader) Read(b *vectors.Block, max int) error {
	r.skipPast()
	for n := 0; n < max; n++ {
		if r.err != nil {
			return r.err
		}
		if r.next >= r.end {
			if n == 0 {
				return io.EOF
			}
			return nil
		}
		err := r.parse(b, r.next)
		r.next++
		if err == nil {
			continue
		}
		if _, ok := fault.IsRow(err); !ok {
			if err == io.EOF {
				err = r.early()
			}
			r.err = err
		}
		return err
	}
	return nil
}

// SkipTo is that of a [Skipper]; where the format has no way past a row, rows are read that nobody wants.
func (r *textReader) SkipTo(row int64) error {
	r.skipPast()
	for r.past != nil && r.err == nil && r.next < min(row, r.end) {
		r.passRow()
		r.next++
	}
	return r.err
}

// skipPast reads past the rows before the first.
func (r *textReader) skipPast() {
	for ; r.skip > 0 && r.err == nil && r.next < r.end; r.skip-- {
		if r.past == nil {
			r.err = r.early() // of a span that is not this table's
		} else {
			r.passRow()
		}
	}
}

// passRow reads past a row.
func (r *textReader) passRow() {
	if r.err = r.past(); r.err == io.EOF {
		r.err = r.early()
	}
}

func (r *textReader) Close() error { return r.close() }
