package neighbors

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// An encoded index is: the magic, the options, the shape, the row numbers, the ids, the points, what the engine built.
// All integers and floats are little-endian; a list is its length, as uint64, and its elements.

const magic = "BLKNN001"

// encoder writes values and keeps the first error.
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

// WriteTo encodes the index, what its engine built included, so that a reader need not build it again.
func (x *Index) WriteTo(w io.Writer) (int64, error) {
	return encode(w, magic, x.encode)
}

func (x *Index) encode(e *encoder) {
	e.string(string(x.opts.Metric))
	e.uint64(math.Float64bits(x.opts.P))
	e.string(string(x.opts.Algorithm))
	e.uint64(uint64(x.points.n))
	e.uint64(uint64(x.points.dim))
	e.labels(x.numbers, x.ids)
	list(e, x.points.f32)
	list(e, x.points.f64)
	x.engine.encode(e)
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

// ReadIndex decodes an index of size bytes. It trusts nothing: damaged bytes are an error, never a panic, and claim no
// memory beyond a small multiple of size.
func ReadIndex(r io.Reader, size int64) (*Index, error) {
	d := newDecoder(r, size, magic, "an index")
	x := &Index{}
	x.opts.Metric = Metric(d.string())
	x.opts.P = math.Float64frombits(d.uint64())
	x.opts.Algorithm = Algorithm(d.string())
	n, dim := d.uint64(), d.uint64()
	x.numbers, x.ids = d.labels()
	x.points.f32 = readList[float32](d)
	x.points.f64 = readList[float64](d)
	if d.err != nil {
		return nil, d.err
	}
	if err := x.opts.Validate(); err != nil {
		d.fail("%v", err)
	}
	if n == 0 || n > MaxPoints || dim == 0 || dim > math.MaxInt32 {
		d.fail("%d points of %d columns", n, dim)
	}
	if got := uint64(len(x.points.f32) + len(x.points.f64)); got != n*dim || x.points.f32 != nil && x.points.f64 != nil {
		d.fail("%d values for %d points of %d columns", got, n, dim)
	}
	if (x.numbers != nil && uint64(len(x.numbers)) != n) || (x.ids.Ints != nil && uint64(len(x.ids.Ints)) != n) {
		d.fail("row numbers or ids that are not one a point")
	}
	if !ascending(x.numbers) {
		d.fail("row numbers that do not ascend")
	}
	if !finite(x.points.f32) || !finite(x.points.f64) {
		d.fail("a value that is not finite")
	}
	if d.err != nil {
		return nil, d.err
	}
	x.points.n, x.points.dim = int(n), int(dim)
	o := x.opts.resolve()
	x.magnitudes = o.magnitudes(&x.points)
	x.engine = decodeEngine(d, &x.points, x.opts.resolve())
	if d.err == nil && d.left != 0 {
		d.fail("%d bytes too many", d.left)
	}
	if d.err != nil {
		return nil, d.err
	}
	return x, nil
}

var errNoEngine = errors.New("neighbors: unknown algorithm")

// decodeEngine reads what the engine of these options wrote.
func decodeEngine(d *decoder, p *points, o Options) engine {
	switch chooseAlgorithm(p, o) {
	case Brute:
		return newBruteForce(p, o)
	case KDTree:
		return decodeKDTree(d, p, o)
	}
	d.err = errNoEngine
	return nil
}
