package neighbors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"slices"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

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

// MapFile opens an index that [Index.WriteFile] has written into a local file. The file is mapped, where the system
// can do so, and must not be written to while it is in use; where it is cut, a search is an error. It takes
// O(header), and a pass over row numbers, ids and the order of a tree, which are a few bytes a point: a damaged value
// elsewhere makes wrong answers, never a fault of memory, and is found by [Index.Verify].
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
		return nil, nil, fmt.Errorf("%s: found an index of %d bytes, expected one that this machine can address", path,
			h.Size)
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
	p.n, p.dim, p.missing = h.n, h.dim, h.opts.Metric.Missing()
	// Labels are copied: those who write them down do not expect a page to be gone.
	x.note = slices.Clone(h.section(data, secNote))
	x.numbers = slices.Clone(numbersIn[int64](h, data, secNumbers))
	x.ids.Ints = slices.Clone(numbersIn[int64](h, data, secInts))
	if err := x.openTexts(); err != nil {
		return nil, err
	}
	p.f32, p.f64 = numbersIn[float32](h, data, secF32), numbersIn[float64](h, data, secF64)
	if x.opts.Metric.Fitted() {
		// A copy: options are in use where the file is not any more.
		x.opts.Params = paramsOf(x.opts.Metric, slices.Clone(numbersIn[float64](h, data, secParams)))
	}
	if err := x.openPartition(); err != nil {
		return nil, err
	}
	o := x.opts.resolve()
	if h.sections[secEntryOffsets].size > 0 {
		p.csr = h.entries(data)
		if err := p.checkEntries(); err != nil {
			return nil, err
		}
	}
	if x.magnitudes = h.magnitudes; x.magnitudes == (magnitudes{}) {
		x.magnitudes = p.usualMagnitudes()
	}
	var err error
	switch {
	case p.csr != nil:
		x.engine = newSparseRows(p, o)
	case o.embeds() || o.countsBits():
		x.engine, err = x.rebuilt()
	case chooseAlgorithm(p, o) == KDTree:
		x.engine, err = h.openTree(data, p, o)
	default:
		x.engine, err = h.openBruteForce(data, p, o)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// rebuilt is the engine of rows that are brought to another form, anew.
func (x *Index) rebuilt() (engine, error) {
	if err := errors.Join(x.points.finite(), x.opts.Params.check(), x.opts.checkRows(x.Rows(0, x.points.n))); err != nil {
		return nil, err
	}
	return newEngine(&x.points, x.opts.resolve()), nil
}

// entries are those of sparse points.
func (h *fileHeader) entries(data []byte) *vectors.CSR {
	offsets := numbersIn[int64](h, data, secEntryOffsets)
	c := &vectors.CSR{Offsets: make([]int, len(offsets)), Indices: numbersIn[int32](h, data, secEntryColumns),
		Values: numbersIn[float64](h, data, secEntryValues)}
	for i, o := range offsets {
		c.Offsets[i] = int(o)
	}
	return c
}

// openTree is the tree of a file. The tree of a compact one has its order from there, and is else built anew.
func (h *fileHeader) openTree(data []byte, p *points, o Options) (engine, error) {
	order := numbersIn[int32](h, data, secOrder)
	for _, v := range order {
		if v < 0 || int(v) >= p.n {
			return nil, damage("a tree of %d points with the number %d", p.n, v)
		}
	}
	if h.sections[secFirsts].size == 0 {
		if !permutation(order) {
			return nil, damage("a tree whose order is no permutation")
		}
		if err := p.finite(); err != nil {
			return nil, err
		}
		return treeOf(p, o, order), nil
	}
	t := &kdTree{o: o, dim: p.dim, order: order, shape: shapeOf(p.n)}
	if o.Metric == Minkowski {
		t.slack = minkowskiSlack(o.P, p.dim)
	}
	first, stride := numbersIn[int32](h, data, secFirsts), strideOf(o.Metric, p.dim)
	if p.f64 != nil {
		leaves, boxes := numbersIn[float64](h, data, secLeaves64), numbersIn[float64](h, data, secBoxes64)
		t.f64 = &blocks[float64]{stride, leaves, boxes, first}
	} else {
		leaves, boxes := numbersIn[float32](h, data, secLeaves32), numbersIn[float32](h, data, secBoxes32)
		t.f32 = &blocks[float32]{stride, leaves, boxes, first}
	}
	return t, nil
}

// permutation reports whether numbers from 0 on, fewer than the list has places, each occur once.
func permutation(order []int32) bool {
	seen := make([]bool, len(order))
	for _, v := range order {
		if seen[v] {
			return false
		}
		seen[v] = true
	}
	return true
}

// finite fails where a value is none that an engine can be built of.
func (p *points) finite() error {
	if p.missing {
		return nil // their Domain says what they must be
	}
	if !finite(p.f32) || !finite(p.f64) {
		return damage("a value that is not finite")
	}
	return nil
}

// openBruteForce is the engine without a tree of a file.
func (h *fileHeader) openBruteForce(data []byte, p *points, o Options) (engine, error) {
	scales := numbersIn[float64](h, data, secScales)
	kernels := tile.Best()
	switch {
	case o.Metric == Cosine && scales == nil, // rows that are to be rescaled, or a compact file
		kernels != &tile.Generic && hasTiles(o, p.dim) && h.sections[secPanels].size == 0: // or too many columns for panels
		if err := p.finite(); err != nil {
			return nil, err
		}
		return newBruteForce(p, o), nil
	case kernels == &tile.Generic || !hasTiles(o, p.dim):
		return &brute{o: o, points: *p, scales: scales}, nil
	}
	s := &shorts{
		n: p.n, words: (p.dim + 3) / 4, bytes: numbersIn[int8](h, data, secPanels), scales: numbersIn[float32](h, data,
			secPanelScales),
		halves: numbersIn[float32](h, data, secHalves), errors: numbersIn[float32](h, data, secErrors),
		offsets: numbersIn[int32](h, data, secOffsets), norms: numbersIn[float32](h, data, secNorms),
		deltas: numbersIn[float32](h, data, secDeltas), margins: numbersIn[float32](h, data, secMargins),
		extremes: extremes{h.shorts[2], h.shorts[3], h.shorts[4], h.shorts[5]},
	}
	t := emptyTiled(o, kernels, p.dim)
	t.points, t.scales, t.bytes = *p, scales, s
	t.frame = &frame{kernels: kernels, dim: p.dim, metric: o.Metric, factor: h.shorts[0], step: float32(h.shorts[1]),
		centre: slices.Clone(numbersIn[float64](h, data, secCentre))}
	if t.first != inBytes {
		return nil, damage("panels of %d columns", p.dim)
	}
	return t, nil
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

// TextIDs reports whether the id of some point is text, and no integer. O(n).
func (x *Index) TextIDs() bool {
	return slices.ContainsFunc(x.ids.Texts, func(s string) bool { return s != "" })
}

// Labelled reports whether points have ids, which are not their row numbers.
func (x *Index) Labelled() bool { return x.ids.Len() > 0 }

// Stamp is that of the file that the index was opened from, or zero.
func (x *Index) Stamp() Stamp {
	if x.file == nil {
		return Stamp{}
	}
	return x.file.Stamp
}

// Close unmaps the file that the index was opened from at once, and not when nothing refers to the index any more.
// The index, and what [Index.Rows] has given, must not be in use, nor be used again.
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

// Unchanged fails where the file that the index was opened from may have been written to since. Call it when answers
// are complete, before they are used: then all of them are of one index. O(1), or a pass over a file that was written
// within seconds before it was opened.
func (x *Index) Unchanged() error {
	if x.mapping == nil {
		return nil
	}
	return x.mapping.unchanged(func() error { return x.Verify(math.MaxInt64) })
}

// Verify compares the checksums of the file that the index was opened from, or of as many of its sections, the
// smallest first, as have most bytes in all. It fails where a byte of them is another than WriteFile has written. A
// GB that is in memory takes about 0.1 s.
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
