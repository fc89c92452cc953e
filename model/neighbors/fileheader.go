package neighbors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors/internal/tile"
)

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
		return nil, fmt.Errorf("found %s, expected an index, as the command index writes them",
			cmp.Or(fault.Contents(b), "JSON"))
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
	if !h.opts.setForms(binary.LittleEndian.Uint32(b[atForms:])) {
		return nil, damage("bytes of the header that are to be 0 are not")
	}
	if err := errors.Join(h.opts.Validate(), h.opts.CheckColumns(h.dim)); err != nil {
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
	if has(secEntryOffsets) {
		return h.sparseShape(want, has)
	}
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
		want(shorts, secPanelScales, 4, uint64(all)), want(shorts, secHalves, 4, uint64(all)), want(shorts, secErrors, 4,
			uint64(all)),
		want(shorts && !distance, secOffsets, 4, uint64(all)), want(shorts && !distance, secNorms, 4, uint64(all)),
		want(shorts && !distance, secDeltas, 4, uint64(all)), want(shorts, secMargins, 8, uint64(panels)),
	}
	if has(secTexts) && !has(secEnds) {
		errs = append(errs, damage("texts without ends"))
	}
	if shorts && o.Metric == Cosine && !has(secScales) {
		errs = append(errs, damage("no norms"))
	}
	leaders := uint64(h.sections[secLeaders].size) / 4
	errs = append(errs, want(leaders > 0, secLeaders, 4, min(leaders, n)),
		want(leaders > 0, secLists, 4, n*min(leaders, 1)))
	switch o.Metric {
	case SEuclidean:
		errs = append(errs, want(true, secParams, 8, dim))
	case Mahalanobis:
		errs = append(errs, want(true, secParams, 8, dim, dim))
	}
	tree := chooseAlgorithm(&points{n: h.n, dim: h.dim}, o) == KDTree && !o.embeds()
	if tree {
		t, stride := shapeOf(h.n), uint64(strideOf(o.Metric, h.dim))
		leaves, boxes := uint64(t.leaves*lanes), uint64(2*t.inner*lanes)
		full := has(secFirsts) // and not compact
		errs = append(errs,
			want(true, secOrder, 4, n), want(full, secFirsts, 4, uint64(t.inner+t.slots)),
			want(full && !wide, secLeaves32, 4, leaves, stride), want(full && !wide, secBoxes32, 4, boxes, stride),
			want(full && wide, secLeaves64, 8, leaves, stride), want(full && wide, secBoxes64, 8, boxes, stride))
	}
	for kind := range uint32(secEnd) {
		if has(kind) && h.foreign(kind, o.Metric, tree, shorts, distance) {
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

// foreign reports whether a section is none of an index of this metric, with or without a tree, and with or without
// panels of shorts.
func (h *fileHeader) foreign(kind uint32, m Metric, tree, shorts, distance bool) bool {
	has := func(kind uint32) bool { return h.sections[kind].size > 0 }
	wide := has(secF64)
	ofTree := kind >= secOrder && kind < secParams
	ofWide := kind == secLeaves64 || kind == secBoxes64
	ofNarrow := kind == secLeaves32 || kind == secBoxes32
	switch {
	case kind == secLeaders || kind == secLists:
		return false
	case kind > secParams:
		return true
	case kind == secParams:
		return !m.Fitted()
	case ofTree != tree && kind >= secScales, ofWide && !wide, ofNarrow && wide:
		return true
	case kind > secPanels && kind < secOrder && !shorts, kind == secCentre && !shorts:
		return true
	case ofTree && kind > secOrder && !has(secFirsts), kind == secScales && m != Cosine:
		return true
	}
	return distance && (kind == secOffsets || kind == secNorms || kind == secDeltas)
}

// sparseShape is shape of sparse points. What their entries say is looked at when the file is opened.
func (h *fileHeader) sparseShape(want func(must bool, kind uint32, size int, factors ...uint64) error,
	has func(kind uint32) bool) error {
	n, entries := uint64(h.n), uint64(h.sections[secEntryColumns].size)/4
	for kind := uint32(secF32); kind < secEntryOffsets; kind++ {
		if has(kind) {
			return damage("a section of kind %d", kind)
		}
	}
	if has(secTexts) && !has(secEnds) {
		return damage("texts without ends")
	}
	if has(secLeaders) || has(secLists) {
		return damage("sparse points in lists")
	}
	if h.opts.Algorithm == KDTree || !h.opts.hasEntries() {
		return damage("sparse points with the metric %s, by %s", h.opts.Metric, h.opts.Algorithm)
	}
	return errors.Join(
		want(true, secEntryOffsets, 8, n+1), want(entries > 0, secEntryColumns, 4, entries),
		want(entries > 0, secEntryValues, 8, entries),
		want(false, secNumbers, 8, n), want(has(secEnds), secInts, 8, n), want(false, secEnds, 8, n),
	)
}
