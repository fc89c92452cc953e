package neighbors

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/bits"
	"os"
	"slices"
	"strings"

	"beamlearn/model/neighbors/internal/tile"
)

// # The index as a file
//
// The file holds all that an engine has built, in the form in which it is searched, so that it is mapped into memory and
// not read: processes of a host share its pages. (What [Index.WriteTo] encodes is smaller, and is built anew.) All numbers
// are little-endian. It is a header, and sections, each of which begins at a multiple of 64 and is followed by zeros to
// the next one.
//
//	 0  8  "BLKNNIDX"
//	 8  4  the version of the form: fileVersion
//	12  4  CRC-32C of the header and the table of sections, these four bytes being 0: the checksum of the file
//	16  8  the size of the file
//	24  4  the number of sections
//	28  4  0
//	32  8  n, the number of points
//	40  8  d, the number of columns
//	48  8  the power of minkowski, float64
//	56 16  the metric, zeros behind it
//	72 16  the algorithm that was asked for, zeros behind it
//	88 40  of short forms, float64: σ; s; E*; δ*; the mean E and, to byte 136, the mean F of the panels (filter.go)
//	136 16 the least and the greatest magnitude of the values but for 0, float64, where they matter (extremes.go); or 0
//	152 40 0
//	192    the table, 32 bytes a section: its kind, uint32; CRC-32C of it with the zeros behind it; its offset; its length; 0
//
// Sections stand in the order of their kinds, and those that an index does not need are left out. Of n points of d
// columns, N being n rounded up to a multiple of 48, the rows of a panel (package tile), and w = ⌈d/4⌉:
//
//	 1 note     bytes       what the writer says of the index
//	 2 numbers  n int64     the rows' numbers, where they are not 0, 1, 2, …
//	 3 ids      n int64     ids that are integers; 0 where it is a text
//	 4 ends     n uint64    where each id's text ends in section 5; empty for an integer
//	 5 texts    bytes
//	 6 points   n·d float32, row by row; or
//	 7 points   n·d float64
//	 8 scales   n float64   inverse norms, for the cosine
//	 9 centre   d float64
//	10 panels   4wN int8    the quantised points, in panels
//	11 scales   N float32   of the quantised points
//	12 halves   N float32   h
//	13 errors   N float32   ε
//	14 offsets  N int32
//	15 norms    N float32
//	16 deltas   N float32   δ
//	17 margins  2N/48 float32
//	18 order    n int32     the point at each place of the tree (kdtree.go)
//	19 leaves   float32, or
//	20 leaves   float64
//	21 boxes    float32, or
//	22 boxes    float64
//	23 firsts   int32
const (
	fileMagic   = "BLKNNIDX"
	fileVersion = 1

	headerBytes  = 192
	sectionBytes = 32
	alignment    = 64

	atVersion, atCRC, atSize, atSections, atZero = 8, 12, 16, 24, 28
	atN, atDim, atP, atMetric, atAlgorithm       = 32, 40, 48, 56, 72
	atFactor, atMagnitudes, atRest               = 88, 136, 152
	nameBytes                                    = 16
)

// Kinds of sections.
const (
	secNote = 1 + iota
	secNumbers
	secInts
	secEnds
	secTexts
	secF32
	secF64
	secScales
	secCentre
	secPanels
	secPanelScales
	secHalves
	secErrors
	secOffsets
	secNorms
	secDeltas
	secMargins
	secOrder
	secLeaves32
	secLeaves64
	secBoxes32
	secBoxes64
	secFirsts
	secEnd
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type number interface {
	int8 | uint8 | int32 | int64 | uint64 | float32 | float64
}

// section is one that is about to be written.
type section struct {
	kind  uint32
	size  int64
	crc   uint32
	write func(w io.Writer) error
}

func sectionOf[T number](kind uint32, s []T) section {
	var zero T
	return section{kind: kind, size: int64(len(s) * binary.Size(zero)), write: func(w io.Writer) error { return writeNumbers(w, s) }}
}

func writeNumbers[T number](w io.Writer, s []T) error {
	if b, ok := aliased(s); ok {
		_, err := w.Write(b)
		return err
	}
	var zero T
	step := (64 << 10) / binary.Size(zero)
	var buf []byte
	for part := range slices.Chunk(s, step) {
		var err error
		if buf, err = binary.Append(buf[:0], binary.LittleEndian, part); err != nil {
			return err
		}
		if _, err = w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

func aligned(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// searched is the engine as a machine with tiles has it: files are the same on every machine. Where this one has none, and
// compares pairs by brute force, it is made when it is first asked for.
func (x *Index) searched() engine {
	b, ok := x.engine.(*brute)
	if !ok || !hasTiles(b.o, x.points.dim) {
		return x.engine
	}
	return x.ofTiles.get(func() engine { return newTiled(&x.points, b.o, &tile.Generic) })
}

// sections are those of the index, in order.
func (x *Index) sections(note []byte) []section {
	s := []section{
		sectionOf(secNote, note), sectionOf(secNumbers, x.numbers), sectionOf(secInts, x.ids.Ints), x.ends(), x.texts(),
		sectionOf(secF32, x.points.f32), sectionOf(secF64, x.points.f64),
	}
	switch e := x.searched().(type) {
	case *brute:
		if e.points.in(&x.points) {
			s = append(s, sectionOf(secScales, e.scales))
		}
	case *tiled:
		if !e.points.in(&x.points) {
			break // rows that were rescaled are rescaled again
		}
		s = append(s, sectionOf(secScales, e.scales))
		if b := e.bytes; b != nil {
			s = append(s, sectionOf(secCentre, e.frame.centre), sectionOf(secPanels, b.bytes), sectionOf(secPanelScales, b.scales),
				sectionOf(secHalves, b.halves), sectionOf(secErrors, b.errors), sectionOf(secOffsets, b.offsets),
				sectionOf(secNorms, b.norms), sectionOf(secDeltas, b.deltas), sectionOf(secMargins, b.margins))
		}
	case *kdTree:
		s = append(s, sectionOf(secOrder, e.order))
		if e.f64 != nil {
			s = append(s, sectionOf(secLeaves64, e.f64.points), sectionOf(secBoxes64, e.f64.boxes), sectionOf(secFirsts, e.f64.first))
		} else {
			s = append(s, sectionOf(secLeaves32, e.f32.points), sectionOf(secBoxes32, e.f32.boxes), sectionOf(secFirsts, e.f32.first))
		}
	}
	s = slices.DeleteFunc(s, func(s section) bool { return s.size == 0 })
	slices.SortFunc(s, func(a, b section) int { return int(a.kind) - int(b.kind) })
	return s
}

// in reports whether points are in the memory of others, and no copy.
func (p *points) in(o *points) bool { return o.f64 == nil || &p.f64[0] == &o.f64[0] }

func (x *Index) ends() section {
	ends := make([]uint64, len(x.ids.Texts))
	sum := uint64(0)
	for i, s := range x.ids.Texts {
		sum += uint64(len(s))
		ends[i] = sum
	}
	return sectionOf(secEnds, ends)
}

func (x *Index) texts() section {
	s := section{kind: secTexts}
	for _, t := range x.ids.Texts {
		s.size += int64(len(t))
	}
	s.write = func(w io.Writer) error {
		b := bufio.NewWriter(w)
		for _, t := range x.ids.Texts {
			b.WriteString(t)
		}
		return b.Flush()
	}
	return s
}

var zeros [alignment]byte

// padded writes a section and the zeros behind it.
func (s *section) padded(w io.Writer) error {
	if err := s.write(w); err != nil {
		return err
	}
	_, err := w.Write(zeros[:aligned(s.size)-s.size])
	return err
}

// WriteFile writes the index in the form that [MapFile] and [OpenBytes] take, with a note that [Index.Note]
// gives. It returns the size and the checksum.
func (x *Index) WriteFile(w io.Writer, note []byte) (Stamp, error) {
	sections := x.sections(note)
	at := aligned(headerBytes + sectionBytes*int64(len(sections)))
	head := make([]byte, at)
	for i := range sections {
		s := &sections[i]
		h := crc32.New(castagnoli)
		if err := s.padded(h); err != nil {
			return Stamp{}, err
		}
		s.crc = h.Sum32()
		e := head[headerBytes+sectionBytes*i:]
		binary.LittleEndian.PutUint32(e, s.kind)
		binary.LittleEndian.PutUint32(e[4:], s.crc)
		binary.LittleEndian.PutUint64(e[8:], uint64(at))
		binary.LittleEndian.PutUint64(e[16:], uint64(s.size))
		at += aligned(s.size)
	}
	copy(head, fileMagic)
	binary.LittleEndian.PutUint32(head[atVersion:], fileVersion)
	binary.LittleEndian.PutUint64(head[atSize:], uint64(at))
	binary.LittleEndian.PutUint32(head[atSections:], uint32(len(sections)))
	binary.LittleEndian.PutUint64(head[atN:], uint64(x.points.n))
	binary.LittleEndian.PutUint64(head[atDim:], uint64(x.points.dim))
	binary.LittleEndian.PutUint64(head[atP:], math.Float64bits(x.opts.P))
	copy(head[atMetric:atMetric+nameBytes], x.opts.Metric)
	copy(head[atAlgorithm:atAlgorithm+nameBytes], x.opts.Algorithm)
	x.magnitudes.write(head[atMagnitudes:], x.points.usualMagnitudes())
	if t, ok := x.searched().(*tiled); ok && t.bytes != nil {
		f, b := t.frame, t.bytes
		for i, v := range []float64{f.factor, float64(f.step), b.e, b.delta, b.meanE, b.meanF} {
			binary.LittleEndian.PutUint64(head[atFactor+8*i:], math.Float64bits(v))
		}
	}
	stamp := Stamp{Size: at, CRC: crc32.Checksum(head, castagnoli)}
	binary.LittleEndian.PutUint32(head[atCRC:], stamp.CRC)
	if _, err := w.Write(head); err != nil {
		return stamp, err
	}
	for i := range sections {
		if err := sections[i].padded(w); err != nil {
			return stamp, err
		}
	}
	return stamp, nil
}

// Stamp tells one file of an index from another: the checksum is of the header, which has those of all sections.
type Stamp struct {
	Size int64
	CRC  uint32
}

// fileHeader is the beginning of a file, checked.
type fileHeader struct {
	Stamp
	n, dim     int
	opts       Options
	shorts     [6]float64
	magnitudes magnitudes // or zero
	sections   [secEnd]struct {
		offset, size int64
		crc          uint32
	}
	kinds []uint32 // of those that are there
}

func damage(format string, args ...any) error {
	return fmt.Errorf("not an index, or a damaged one: "+format, args...)
}

// maxHeader is more than any header has.
const maxHeader = headerBytes + sectionBytes*secEnd + alignment

// parseHeader checks the beginning of a file of size bytes: all of its header, and, in it, where the sections are.
// O(header).
func parseHeader(b []byte, size int64) (h *fileHeader, err error) {
	if len(b) < len(fileMagic) || string(b[:len(fileMagic)]) != fileMagic {
		return nil, fmt.Errorf("found %.16q at its beginning, expected an index, as the command index writes them", b[:min(len(b), len(fileMagic))])
	}
	if len(b) < headerBytes {
		return nil, fmt.Errorf("found an index that has been cut to %d bytes, expected at least %d", size, headerBytes)
	}
	if v := binary.LittleEndian.Uint32(b[atVersion:]); v != fileVersion {
		return nil, fmt.Errorf("found an index of version %d, expected version %d: build it anew", v, fileVersion)
	}
	count := binary.LittleEndian.Uint32(b[atSections:])
	if count >= secEnd {
		return nil, damage("%d sections", count)
	}
	end := aligned(headerBytes + sectionBytes*int64(count))
	want := binary.LittleEndian.Uint64(b[atSize:])
	if int64(len(b)) < end {
		return nil, fmt.Errorf("found an index that has been cut to %d bytes, expected %d", size, want)
	}
	h = &fileHeader{}
	h.CRC = binary.LittleEndian.Uint32(b[atCRC:])
	head := slices.Clone(b[:end])
	clear(head[atCRC : atCRC+4])
	if crc := crc32.Checksum(head, castagnoli); crc != h.CRC {
		return nil, damage("the checksum of its header is %08x, not %08x", crc, h.CRC)
	}
	if want != uint64(size) {
		return nil, fmt.Errorf("found an index of %d bytes, expected %d: it has been cut, or written to", size, want)
	}
	h.Size = size
	for _, v := range slices.Concat(head[atZero:atN], head[atRest:headerBytes], head[headerBytes+sectionBytes*count:]) {
		if v != 0 {
			return nil, damage("bytes of the header that are to be 0 are not")
		}
	}
	n, dim := binary.LittleEndian.Uint64(b[atN:]), binary.LittleEndian.Uint64(b[atDim:])
	if n == 0 || n > MaxPoints || dim == 0 || dim > math.MaxInt32 {
		return nil, damage("%d points of %d columns", n, dim)
	}
	h.n, h.dim = int(n), int(dim)
	h.opts = Options{
		Metric: Metric(name(head[atMetric:])), P: math.Float64frombits(binary.LittleEndian.Uint64(b[atP:])),
		Algorithm: Algorithm(name(head[atAlgorithm:])),
	}
	if err := h.opts.Validate(); err != nil {
		return nil, damage("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	for i := range h.shorts {
		h.shorts[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[atFactor+8*i:]))
	}
	if h.magnitudes, err = readMagnitudes(b[atMagnitudes:]); err != nil {
		return nil, err
	}
	at, last := end, uint32(0)
	for i := range int(count) {
		e := head[headerBytes+sectionBytes*i:][:sectionBytes]
		kind := binary.LittleEndian.Uint32(e)
		offset, length := binary.LittleEndian.Uint64(e[8:]), binary.LittleEndian.Uint64(e[16:])
		if kind <= last || kind >= secEnd || binary.LittleEndian.Uint64(e[24:]) != 0 {
			return nil, damage("a section of kind %d after one of kind %d", kind, last)
		}
		if offset != uint64(at) || length == 0 || length > uint64(size-at) || aligned(int64(length)) > size-at {
			return nil, damage("a section of %d bytes at byte %d of %d", length, offset, size)
		}
		s := &h.sections[kind]
		s.offset, s.size, s.crc = at, int64(length), binary.LittleEndian.Uint32(e[4:])
		h.kinds = append(h.kinds, kind)
		at, last = at+aligned(s.size), kind
	}
	if at != size {
		return nil, damage("sections that end at byte %d of %d", at, size)
	}
	return h, h.shape()
}

// name is a text with zeros behind it.
func name(b []byte) string {
	b = b[:nameBytes]
	s := bytes.TrimRight(b, "\x00")
	return string(s)
}

// shape checks that every section is as long as the others say. Nothing else about the file matters to the safety of a
// search but the order of a tree, which is looked at when it is opened, and the ends of texts.
func (h *fileHeader) shape() error {
	panels := (h.n + tile.Columns - 1) / tile.Columns
	all, words := panels*tile.Columns, (h.dim+3)/4
	n, dim := uint64(h.n), uint64(h.dim)
	// want checks a section that is there, or, with must, has to be.
	want := func(must bool, kind uint32, size int, factors ...uint64) error {
		length := uint64(size)
		for _, f := range factors {
			hi, lo := bits.Mul64(length, f)
			if hi != 0 {
				return damage("%d points of %d columns", h.n, h.dim)
			}
			length = lo
		}
		if got := uint64(h.sections[kind].size); got != length && (must || got != 0) {
			return damage("%d points of %d columns with %d bytes in section %d, not %d", h.n, h.dim, got, kind, length)
		}
		return nil
	}
	has := func(kind uint32) bool { return h.sections[kind].size > 0 }
	if has(secF32) == has(secF64) {
		return damage("points as float32 and as float64, or neither")
	}
	o := h.opts.resolve()
	wide := has(secF64)
	distance := (&frame{metric: o.Metric}).distance()
	shorts := has(secPanels)
	errs := []error{
		want(!wide, secF32, 4, n, dim), want(wide, secF64, 8, n, dim),
		want(false, secNumbers, 8, n), want(has(secEnds), secInts, 8, n), want(false, secEnds, 8, n),
		want(false, secScales, 8, n),
		want(shorts, secCentre, 8, dim), want(shorts, secPanels, 4, uint64(words), uint64(all)),
		want(shorts, secPanelScales, 4, uint64(all)), want(shorts, secHalves, 4, uint64(all)), want(shorts, secErrors, 4, uint64(all)),
		want(shorts && !distance, secOffsets, 4, uint64(all)), want(shorts && !distance, secNorms, 4, uint64(all)),
		want(shorts && !distance, secDeltas, 4, uint64(all)), want(shorts, secMargins, 8, uint64(panels)),
	}
	if has(secTexts) && !has(secEnds) {
		errs = append(errs, damage("texts without ends"))
	}
	if shorts && o.Metric == Cosine && !has(secScales) {
		errs = append(errs, damage("no norms"))
	}
	tree := chooseAlgorithm(&points{n: h.n, dim: h.dim}, o) == KDTree
	if tree {
		t, stride := shapeOf(h.n), uint64(strideOf(o.Metric, h.dim))
		leaves, boxes := uint64(t.leaves*lanes), uint64(2*t.inner*lanes)
		errs = append(errs,
			want(true, secOrder, 4, n), want(true, secFirsts, 4, uint64(t.inner+t.slots)),
			want(!wide, secLeaves32, 4, leaves, stride), want(!wide, secBoxes32, 4, boxes, stride),
			want(wide, secLeaves64, 8, leaves, stride), want(wide, secBoxes64, 8, boxes, stride))
	}
	for kind := range uint32(secEnd) {
		ofTree := kind >= secOrder
		ofWide := kind == secLeaves64 || kind == secBoxes64
		ofNarrow := kind == secLeaves32 || kind == secBoxes32
		switch {
		case !has(kind):
		case ofTree != tree && kind >= secScales, ofWide && !wide, ofNarrow && wide,
			kind > secPanels && kind < secOrder && !shorts, kind == secCentre && !shorts,
			kind == secScales && o.Metric != Cosine, distance && (kind == secOffsets || kind == secNorms || kind == secDeltas):
			errs = append(errs, damage("a section of kind %d", kind))
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *fileHeader) section(data []byte, kind uint32) []byte {
	s := h.sections[kind]
	return data[s.offset : s.offset+s.size : s.offset+s.size]
}

// numbersIn are those of a section: in the file's memory where that is in the machine's form.
func numbersIn[T number](h *fileHeader, data []byte, kind uint32) []T {
	b := h.section(data, kind)
	if len(b) == 0 {
		return nil
	}
	if s, ok := unaliased[T](b); ok {
		return s
	}
	var zero T
	s := make([]T, len(b)/binary.Size(zero))
	if _, err := binary.Decode(b, binary.LittleEndian, s); err != nil {
		panic("neighbors: " + err.Error()) // the section is as long as the list
	}
	return s
}

// MapFile opens an index that [Index.WriteFile] has written into a local file. The file is mapped, where the system can
// do so, and must not be written to while it is in use; where it is cut, a search is an error. It takes O(header), and a
// pass over row numbers, ids and the order of a tree, which are a few bytes a point: a damaged value elsewhere makes wrong
// answers, never a fault of memory, and is found by [Index.Verify].
func MapFile(path string) (*Index, error) {
	h, m, err := openMapping(path)
	if err != nil {
		return nil, err
	}
	var x *Index
	if e := m.protect(func() { x, err = h.open(m.data) }); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	x.mapping = m
	return x, nil
}

// openMapping checks the header of a file, and maps it.
func openMapping(path string) (h *fileHeader, m *mapping, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if m == nil {
			f.Close()
		}
	}()
	if h, err = readHeader(f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(int(h.Size)) != h.Size {
		return nil, nil, fmt.Errorf("%s: found an index of %d bytes, expected one that this machine can address", path, h.Size)
	}
	m, err = newMapping(f, int(h.Size))
	return h, m, err
}

// readHeader reads and checks the header of a file.
func readHeader(f *os.File) (*fileHeader, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(st.Size(), maxHeader))
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, err
	}
	return parseHeader(b, st.Size())
}

// OpenBytes opens an index that [Index.WriteFile] has written, in memory that it keeps, as MapFile does.
func OpenBytes(b []byte) (*Index, error) {
	h, err := parseHeader(b[:min(len(b), maxHeader)], int64(len(b)))
	if err != nil {
		return nil, err
	}
	return h.open(b)
}

func (h *fileHeader) open(data []byte) (*Index, error) {
	x := &Index{opts: h.opts, file: h, data: data}
	p := &x.points
	p.n, p.dim = h.n, h.dim
	// Labels are copied: those who write them down do not expect a page to be gone.
	x.note = slices.Clone(h.section(data, secNote))
	x.numbers = slices.Clone(numbersIn[int64](h, data, secNumbers))
	x.ids.Ints = slices.Clone(numbersIn[int64](h, data, secInts))
	if err := x.openTexts(); err != nil {
		return nil, err
	}
	p.f32, p.f64 = numbersIn[float32](h, data, secF32), numbersIn[float64](h, data, secF64)
	o := h.opts.resolve()
	if x.magnitudes = h.magnitudes; x.magnitudes == (magnitudes{}) {
		x.magnitudes = p.usualMagnitudes()
	}
	if chooseAlgorithm(p, o) == KDTree {
		t := &kdTree{o: o, dim: p.dim, order: numbersIn[int32](h, data, secOrder), shape: shapeOf(p.n)}
		for _, v := range t.order {
			if v < 0 || int(v) >= p.n {
				return nil, damage("a tree of %d points with the number %d", p.n, v)
			}
		}
		if o.Metric == Minkowski {
			t.slack = minkowskiSlack(o.P, p.dim)
		}
		first, stride := numbersIn[int32](h, data, secFirsts), strideOf(o.Metric, p.dim)
		if p.f64 != nil {
			t.f64 = &blocks[float64]{stride, numbersIn[float64](h, data, secLeaves64), numbersIn[float64](h, data, secBoxes64), first}
		} else {
			t.f32 = &blocks[float32]{stride, numbersIn[float32](h, data, secLeaves32), numbersIn[float32](h, data, secBoxes32), first}
		}
		x.engine = t
		return x, nil
	}
	scales := numbersIn[float64](h, data, secScales)
	kernels := tile.Best()
	switch {
	case o.Metric == Cosine && scales == nil: // rows that are to be rescaled
		x.engine = newBruteForce(p, o)
	case kernels == &tile.Generic || !tileMetric(o.Metric) || p.dim > maxDim:
		x.engine = &brute{o: o, points: *p, scales: scales}
	case h.sections[secPanels].size == 0: // of a machine without tiles, or of more columns than they have
		x.engine = newBruteForce(p, o)
	default:
		s := &shorts{
			n: p.n, words: (p.dim + 3) / 4, bytes: numbersIn[int8](h, data, secPanels), scales: numbersIn[float32](h, data, secPanelScales),
			halves: numbersIn[float32](h, data, secHalves), errors: numbersIn[float32](h, data, secErrors),
			offsets: numbersIn[int32](h, data, secOffsets), norms: numbersIn[float32](h, data, secNorms),
			deltas: numbersIn[float32](h, data, secDeltas), margins: numbersIn[float32](h, data, secMargins),
			extremes: extremes{h.shorts[2], h.shorts[3], h.shorts[4], h.shorts[5]},
		}
		t := emptyTiled(o, kernels, p.dim)
		t.points, t.scales, t.bytes = *p, scales, s
		t.frame = &frame{dim: p.dim, metric: o.Metric, centre: slices.Clone(numbersIn[float64](h, data, secCentre)),
			factor: h.shorts[0], step: float32(h.shorts[1])}
		if t.first != inBytes {
			return nil, damage("panels of %d columns", p.dim)
		}
		x.engine = t
	}
	return x, nil
}

// openTexts makes the ids of a file that are texts.
func (x *Index) openTexts() error {
	ends := numbersIn[uint64](x.file, x.data, secEnds)
	if ends == nil {
		return nil
	}
	all := string(x.file.section(x.data, secTexts))
	x.ids.Texts = make([]string, len(ends))
	from := uint64(0)
	for i, to := range ends {
		if to < from || to > uint64(len(all)) {
			return damage("a text that ends at byte %d of %d", to, len(all))
		}
		x.ids.Texts[i] = all[from:to]
		from = to
	}
	if from != uint64(len(all)) {
		return damage("%d bytes of text too many", uint64(len(all))-from)
	}
	return nil
}

// Note is what WriteFile was given; nil where the index was not opened from a file.
func (x *Index) Note() []byte { return x.note }

// Stamp is that of the file that the index was opened from, or zero.
func (x *Index) Stamp() Stamp {
	if x.file == nil {
		return Stamp{}
	}
	return x.file.Stamp
}

// Close unmaps the file that the index was opened from at once, and not when nothing refers to the index any more. The index,
// and what [Index.Rows] has given, must not be in use, nor be used again.
func (x *Index) Close() {
	m := x.mapping
	if m == nil || m.data == nil {
		return
	}
	m.cleanup.Stop()
	m.unmap(m.data)
	m.data = nil
	*x = Index{mapping: m}
}

// Unchanged fails where the file that the index was opened from may have been written to since. Call it when answers are
// complete, before they are used: then all of them are of one index. O(1), or a pass over a file that was written within
// seconds before it was opened.
func (x *Index) Unchanged() error {
	if x.mapping == nil {
		return nil
	}
	return x.mapping.unchanged(func() error { return x.Verify(math.MaxInt64) })
}

// Verify compares the checksums of the file that the index was opened from, or of as many of its sections, the smallest
// first, as have most bytes in all. It fails where a byte of them is another than WriteFile has written. A GB that is in
// memory takes about 0.1 s.
func (x *Index) Verify(most int64) (err error) {
	h := x.file
	if h == nil {
		return nil
	}
	kinds := slices.Clone(h.kinds)
	slices.SortStableFunc(kinds, func(a, b uint32) int { return cmp.Compare(h.sections[a].size, h.sections[b].size) })
	e := x.mapping.protect(func() {
		for _, kind := range kinds {
			s := h.sections[kind]
			if most -= aligned(s.size); most < 0 {
				return
			}
			if crc := crc32.Checksum(x.data[s.offset:s.offset+aligned(s.size)], castagnoli); crc != s.crc {
				err = damage("the checksum of section %d is %08x, not %08x", kind, crc, s.crc)
				return
			}
		}
	})
	if err != nil && x.mapping != nil {
		err = fmt.Errorf("%s: %w", x.mapping.name, err)
	}
	return errors.Join(e, err)
}
