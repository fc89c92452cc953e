package neighbors

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"beamlearn/model/vectors"
)

// encoder writes values and keeps the first error. Integers and floats are little-endian; a list is its length, as
// uint64, and its elements.
type encoder struct {
	w   io.Writer
	err error
	buf [16 << 10]byte
}

func (e *encoder) bytes(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) uint64(v uint64) { e.bytes(binary.LittleEndian.AppendUint64(e.buf[:0], v)) }

func (e *encoder) string(s string) {
	e.uint64(uint64(len(s)))
	e.bytes([]byte(s))
}

// list writes fixed-size numbers.
func list[T int8 | uint8 | int32 | int64 | float32 | float64](e *encoder, s []T) {
	e.uint64(uint64(len(s)))
	var zero T
	step := len(e.buf) / binary.Size(zero)
	for len(s) > 0 && e.err == nil {
		n := min(step, len(s))
		b, err := binary.Append(e.buf[:0], binary.LittleEndian, s[:n])
		if err != nil {
			e.err = err
			return
		}
		e.bytes(b)
		s = s[n:]
	}
}

// decoder reads what encoder wrote, trusts no length, and keeps the first error.
type decoder struct {
	r    io.Reader
	left int64  // bytes that can still follow: no list can be longer
	what string // they hold, for messages
	err  error
	buf  [16 << 10]byte
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("neighbors: not "+d.what+", or damaged: "+format, args...)
	}
}

func (d *decoder) read(b []byte) bool {
	if d.err != nil {
		return false
	}
	if d.left -= int64(len(b)); d.left < 0 {
		d.fail("it ends early")
		return false
	}
	if _, err := io.ReadFull(d.r, b); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			d.fail("it ends early")
		} else {
			d.err = err
		}
		return false
	}
	return true
}

func (d *decoder) uint64() uint64 {
	if !d.read(d.buf[:8]) {
		return 0
	}
	return binary.LittleEndian.Uint64(d.buf[:8])
}

// length reads the length of a list of elements of size bytes each, which must still follow.
func (d *decoder) length(size int) int {
	n := d.uint64()
	if d.err == nil && n > uint64(d.left)/uint64(size) {
		d.fail("a list of %d elements where %d bytes are left", n, d.left)
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *decoder) string() string {
	b := make([]byte, d.length(1))
	d.read(b)
	return string(b)
}

func readList[T int8 | uint8 | int32 | int64 | float32 | float64](d *decoder) []T {
	var zero T
	size := binary.Size(zero)
	n := d.length(size)
	if n == 0 {
		return nil
	}
	s := make([]T, n)
	step := len(d.buf) / size
	for i := 0; i < n; i += step {
		m := min(step, n-i)
		if !d.read(d.buf[:m*size]) {
			return nil
		}
		if _, err := binary.Decode(d.buf[:m*size], binary.LittleEndian, s[i:i+m]); err != nil {
			d.fail("%v", err)
			return nil
		}
	}
	return s
}

type counting struct {
	w *bufio.Writer
	n int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// encode writes a magic and what put writes after it.
func encode(w io.Writer, magic string, put func(e *encoder)) (int64, error) {
	c := &counting{w: bufio.NewWriterSize(w, 1<<18)}
	e := &encoder{w: c}
	e.bytes([]byte(magic))
	put(e)
	if e.err == nil {
		e.err = c.w.Flush()
	}
	return c.n, e.err
}

// newDecoder is one of size bytes, which begin with a magic. what they hold is for messages.
func newDecoder(r io.Reader, size int64, magic, what string) *decoder {
	d := &decoder{r: r, left: size, what: what}
	head := make([]byte, len(magic))
	if d.read(head) && string(head) != magic {
		d.fail("it begins with %q", head)
	}
	return d
}

// end is the first error, which there is where bytes are left.
func (d *decoder) end() error {
	if d.err == nil && d.left != 0 {
		d.fail("%d bytes too many", d.left)
	}
	return d.err
}

// labels writes row numbers and ids.
func (e *encoder) labels(numbers []int64, ids vectors.IDs) {
	list(e, numbers)
	list(e, ids.Ints)
	e.uint64(uint64(len(ids.Texts)))
	for _, s := range ids.Texts {
		e.string(s)
	}
}

// labels reads row numbers and ids, one of each row.
func (d *decoder) labels() (numbers []int64, ids vectors.IDs) {
	numbers = readList[int64](d)
	ids.Ints = readList[int64](d)
	if texts := d.length(8); texts > 0 {
		ids.Texts = make([]string, texts)
		for i := range ids.Texts {
			ids.Texts[i] = d.string()
		}
	}
	if ids.Texts != nil && len(ids.Texts) != len(ids.Ints) ||
		numbers != nil && ids.Ints != nil && len(ids.Ints) != len(numbers) {
		d.fail("row numbers or ids that are not one a point")
	}
	return numbers, ids
}

func ascending(numbers []int64) bool {
	for i := 1; i < len(numbers); i++ {
		if numbers[i] <= numbers[i-1] {
			return false
		}
	}
	return true
}

func finite[T float32 | float64](values []T) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}
