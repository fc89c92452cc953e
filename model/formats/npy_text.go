package formats

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// npyText is a .npy file of text, as numpy.array(["a", "b"]) makes it, which holds labels: see Options.Targets. Its
// rows have a label each, and the vector (0). Booleans and integers of 64 bits are labels, too: a float64 does not
// hold all of these.
type npyText struct {
	File
	start int64
	rows  int64
	width int64            // bytes of a text, with zeros behind it
	order binary.ByteOrder // of code points of 4 bytes, or nil: the text is bytes
	kind  byte             // i, u or b of integers and booleans; 0 of text
}

// emptyText is found where there is no label, or no id.
const emptyText = "an empty text"

// mostText is the length, in bytes, of the longest text of a .npy that is read as a label.
const mostText = 1 << 20

// textType understands a descr of text, such as <U7 or |S3: its width in bytes, and the order of its code points, nil
// for bytes.
func textType(descr string) (width int64, order binary.ByteOrder, ok bool) {
	order = binary.LittleEndian
	switch {
	case strings.HasPrefix(descr, ">"):
		order = binary.BigEndian
	case !strings.HasPrefix(descr, "<"):
		order = binary.NativeEndian
	}
	code := strings.TrimLeft(descr, "<>=|")
	if len(code) < 2 || len(descr)-len(code) > 1 || code[0] != 'U' && code[0] != 'S' {
		return 0, nil, false
	}
	n, err := strconv.ParseUint(code[1:], 10, 32)
	if err != nil {
		return 0, nil, false
	}
	if code[0] == 'S' {
		return int64(n), nil, true
	}
	return 4 * int64(n), order, true
}

// inspectNPYText makes the source of a file of labels.
func inspectNPYText(f File, start int64, h npyDict, o *Options) (Source, error) {
	if !o.Labels {
		return nil, fault.File(f.Name(), "numbers as the targets", "text")
	}
	t := &npyText{File: f, start: start}
	var text bool
	if t.width, t.order, text = textType(h.descr); !text {
		e, order, err := npyElement(f.Name(), h.descr)
		if err != nil {
			return nil, err
		}
		t.width, t.order, t.kind = int64(e.size), order, e.kind
	}
	if len(h.shape) == 0 || len(h.shape) > 2 || len(h.shape) == 2 && h.shape[1] != 1 {
		return nil, fault.File(f.Name(), "targets: one column", "an array of %d dimensions, %v", len(h.shape), h.shape)
	}
	if t.rows = h.shape[0]; t.rows == 0 && !o.Empty {
		return nil, fault.File(f.Name(), "rows of data", "none")
	}
	if t.width == 0 || t.width > mostText {
		return nil, fault.File(f.Name(), fmt.Sprintf("labels of 1 to %d bytes", mostText), "texts of %d", t.width)
	}
	if n, ok := bytesOf(t.rows, 1, t.width); !ok || n != f.Size()-start {
		return nil, fault.File(f.Name(), fmt.Sprintf("%d texts of %d bytes after the header", t.rows, t.width), "%d bytes",
			f.Size()-start)
	}
	return t, nil
}

func (t *npyText) Dim() int          { return 1 }
func (t *npyText) Columns() []string { return nil }
func (t *npyText) Rows() int64       { return t.rows }

// labelType reports whether numbers of a descr are read as labels by their text.
func labelType(descr string) bool {
	e, _, err := npyElement("", descr)
	return err == nil && (e.kind == 'b' || e.kind != 'f' && e.size == 8)
}

// HoldsText reports whether a source of targets gives labels by their text, not as numbers: as they are text, or
// integers or booleans.
func HoldsText(src Source) (text, integer bool) {
	t, ok := src.(*npyText)
	return ok && t.kind == 0, ok && t.kind != 0
}

func (t *npyText) Read(ctx context.Context, s Span) (Reader, error) {
	if err := checkSpan(t, t.File, s); err != nil {
		return nil, err
	}
	r := &npyTextReader{t: t, r: io.NopCloser(strings.NewReader("")), next: s.First, end: s.First + s.Rows,
		buf: make([]byte, t.width*min(max(labelBuffer/t.width, 1), s.Rows))}
	if s.Rows > 0 {
		var err error
		if r.r, err = t.OpenRange(ctx, t.start+s.First*t.width, s.Rows*t.width); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// labelBuffer is how many bytes of labels are read at a time, unless one is longer: a label is a few bytes, and a read
// of the file a call of the system.
const labelBuffer = 64 << 10

// noValues is the vector of a row of which there is a label alone.
var noValues [1]float64

type npyTextReader struct {
	t         *npyText
	r         io.ReadCloser
	next, end int64
	buf       []byte
	records   []byte // of buf, that are not given yet
	label     []byte
	learned   learned
}

func (r *npyTextReader) Close() error { return r.r.Close() }

func (r *npyTextReader) Read(b *vectors.Block, most int) error {
	if r.next == r.end {
		return io.EOF
	}
	for n := 0; n < most && r.next < r.end; n++ {
		row := r.next
		record, err := r.record()
		if err != nil {
			return err
		}
		if f := r.decode(record); f != nil {
			f.File, f.Row = r.t.Name(), row
			return f
		}
		b.Append(noValues[:], row)
		b.Labels = append(b.Labels, r.learned.label)
	}
	return nil
}

// record is the next record.
func (r *npyTextReader) record() ([]byte, error) {
	if len(r.records) == 0 {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	width := int(r.t.width)
	record := r.records[:width]
	r.records = r.records[width:]
	r.next++
	return record, nil
}

// fill reads the next records, at least one.
func (r *npyTextReader) fill() error {
	n, err := io.ReadFull(r.r, r.buf[:min(int64(len(r.buf)), (r.end-r.next)*r.t.width)])
	if r.records = r.buf[:n-n%int(r.t.width)]; len(r.records) == 0 {
		return truncated(r.t.File, err)
	}
	return nil // what is missing is told when those before it are given
}

// decode learns the label of a record. Its fault lacks the file and the row.
func (r *npyTextReader) decode(record []byte) *fault.Fault {
	switch r.t.kind {
	case 'b':
		r.learned.label = booleanLabel(record[0] != 0)
		return nil
	case 'i':
		return r.learned.setWhole(int64(r.t.order.Uint64(record)), "")
	case 'u':
		if v := r.t.order.Uint64(record); v > math.MaxInt64 {
			return r.learned.setWhole(0, strconv.FormatUint(v, 10))
		} else {
			return r.learned.setWhole(int64(v), "")
		}
	}
	if found := r.text(record); found != "" {
		return &fault.Fault{Found: found, Expected: "a label"}
	}
	return r.learned.setLabel(r.label, nil)
}

// text makes the label of a record of text, or says what there is instead.
func (r *npyTextReader) text(record []byte) (found string) {
	r.label = r.label[:0]
	if r.t.order == nil {
		r.label = append(r.label, bytes.TrimRight(record, "\x00")...)
	} else {
		for i := 0; i < len(record); i += 4 {
			c := r.t.order.Uint32(record[i:])
			if c > math.MaxInt32 || !utf8.ValidRune(rune(c)) {
				return fmt.Sprintf("the code point %d", c)
			}
			r.label = utf8.AppendRune(r.label, rune(c))
		}
		r.label = bytes.TrimRight(r.label, "\x00")
	}
	if len(trimSpaces(r.label)) == 0 {
		return emptyText
	}
	return ""
}
