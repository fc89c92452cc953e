package neighbors

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"beamlearn/model/neighbors/internal/tile"
)

// # The index as a file
//
// The file holds all that an engine has built, in the form in which it is searched: it is mapped into memory and not
// read, and processes of a host share its pages. A compact file, for a way that costs more than to build, leaves out
// what the reader builds anew: see [Index.WriteCompact]. All numbers are little-endian. The file is a header and
// sections. Each section begins at a multiple of 64 and is followed by zeros to the next one.
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
//	152 4  1 where values are bytes of bits, 2 where they are degrees, 4 where distances are kilometers; or a sum of these
//	156 36 0
//	192    the table, 32 bytes a section: its kind, uint32; CRC-32C of it with the zeros behind it; its offset; its length; 0
//
// Sections stand in the order of their kinds, and those that an index does not need are left out. A compact file has
// the first 7, for a tree section 18, and section 24. So has that of a metric whose rows are brought to another form.
// Of n points of d columns, N being n rounded up to a multiple of 48, the rows of a panel (package tile), and w =
// ⌈d/4⌉:
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
//	24 params   d float64, the variances of seuclidean, or d·d, the whitening of mahalanobis (params.go)
//	25 offsets  n+1 int64, of sparse points in the place of section 6 or 7: where the entries of each begin, and the end
//	26 columns  int32      of the entries, ascending within a point
//	27 entries  float64    their values
//	28 leaders  int32      the points that lead the lists of an approximate search, where it keeps them (versions.go)
//	29 lists    n int32    the place of each point's leader among them, or −1
const (
	fileMagic   = "BLKNNIDX"
	fileVersion = 1

	headerBytes  = 192
	sectionBytes = 32
	alignment    = 64

	atVersion, atCRC, atSize, atSections, atZero = 8, 12, 16, 24, 28
	atN, atDim, atP, atMetric, atAlgorithm       = 32, 40, 48, 56, 72
	atFactor, atMagnitudes, atForms, atRest      = 88, 136, 152, 156
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
	secParams
	secEntryOffsets
	secEntryColumns
	secEntryValues
	secLeaders
	secLists
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
	return section{kind: kind, size: int64(len(s) * binary.Size(zero)),
		write: func(w io.Writer) error { return writeNumbers(w, s) }}
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

// searched is the engine as a machine with tiles has it: files are the same on every machine. Where this one has
// none, and compares pairs by brute force, it is made when it is first asked for.
func (x *Index) searched() engine {
	b, ok := x.engine.(*brute)
	if !ok || !hasTiles(b.o, x.points.dim) {
		return x.engine
	}
	return x.ofTiles.get(func() engine { return newTiled(&x.points, b.o, &tile.Generic) })
}

// tiledBytes is the engine whose short forms are in the file, or nil where the file has none.
func (x *Index) tiledBytes(compact bool) *tiled {
	if compact {
		return nil
	}
	if t, ok := x.searched().(*tiled); ok && t.bytes != nil {
		return t
	}
	return nil
}

// sections are those of the index, in order.
func (x *Index) sections(note []byte, compact bool) []section {
	s := []section{
		sectionOf(secNote, note), sectionOf(secNumbers, x.numbers), sectionOf(secInts, x.ids.Ints), x.ends(), x.texts(),
		sectionOf(secF32, x.points.f32), sectionOf(secF64, x.points.f64),
	}
	s = append(s, sectionOf(secParams, x.opts.Params.list()))
	if x.points.csr != nil {
		s = append(s, x.points.entries()...)
	} else if compact {
		if e, ok := x.engine.(*kdTree); ok {
			s = append(s, sectionOf(secOrder, e.order))
		}
	} else {
		s = append(s, x.built()...)
		if p := x.partition; p != nil {
			s = append(s, sectionOf(secLeaders, p.Leaders), sectionOf(secLists, p.Lists))
		}
	}
	s = slices.DeleteFunc(s, func(s section) bool { return s.size == 0 })
	slices.SortFunc(s, func(a, b section) int { return int(a.kind) - int(b.kind) })
	return s
}

// entries are the sections of sparse points, whose engine is built anew wherever they are opened.
func (p *points) entries() []section {
	c := p.csr
	first, last := c.Offsets[0], c.Offsets[p.n]
	offsets := make([]int64, p.n+1)
	for i := range offsets {
		offsets[i] = int64(c.Offsets[i] - first)
	}
	return []section{
		sectionOf(secEntryOffsets, offsets), sectionOf(secEntryColumns, c.Indices[first:last]),
		sectionOf(secEntryValues, c.Values[first:last]),
	}
}

// built are the sections of what the engine has built.
func (x *Index) built() (s []section) {
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
			s = append(s, sectionOf(secCentre, e.frame.centre), sectionOf(secPanels, b.bytes),
				sectionOf(secPanelScales, b.scales),
				sectionOf(secHalves, b.halves), sectionOf(secErrors, b.errors), sectionOf(secOffsets, b.offsets),
				sectionOf(secNorms, b.norms), sectionOf(secDeltas, b.deltas), sectionOf(secMargins, b.margins))
		}
	case *kdTree:
		s = append(s, sectionOf(secOrder, e.order))
		if e.f64 != nil {
			s = append(s, sectionOf(secLeaves64, e.f64.points), sectionOf(secBoxes64, e.f64.boxes),
				sectionOf(secFirsts, e.f64.first))
		} else {
			s = append(s, sectionOf(secLeaves32, e.f32.points), sectionOf(secBoxes32, e.f32.boxes),
				sectionOf(secFirsts, e.f32.first))
		}
	}
	return s
}

// in reports whether points are in the memory of others, and no copy.
func (p *points) in(o *points) bool { return p.f64 == nil || o.f64 != nil && &p.f64[0] == &o.f64[0] }

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
func (x *Index) WriteFile(w io.Writer, note []byte) (Stamp, error) { return x.write(w, note, false) }

// WriteCompact writes the index for a way that is slower than to build, as to workers through a runner. It is the
// file of [Index.WriteFile] without the forms that follow from the points: the short forms, the norms, the leaves and
// the boxes of a tree. [OpenBytes] and [MapFile] build these anew, in O(n·d); the order of a tree, O(d·n·log n), is
// in the file.
func (x *Index) WriteCompact(w io.Writer, note []byte) (Stamp, error) { return x.write(w, note, true) }

func (x *Index) write(w io.Writer, note []byte, compact bool) (Stamp, error) {
	sections := x.sections(note, compact)
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
	binary.LittleEndian.PutUint32(head[atForms:], x.opts.forms())
	x.magnitudes.write(head[atMagnitudes:], x.points.usualMagnitudes())
	if t := x.tiledBytes(compact); t != nil {
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
