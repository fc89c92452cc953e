package formats

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"hash"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"beamlearn/model/fault"
)

// npzFormat is numpy's archive of arrays, a zip of .npy files (numpy.savez, numpy.savez_compressed). The vectors are
// its only array of two dimensions, or the one that Options.Array names; or the archive is a sparse matrix of SciPy:
// see [csrSource]. Its rows' targets, weights and ids may be other arrays of the archive: see [besideArrays].
var npzFormat = &Format{Name: "npz", Extensions: []string{".npz"}, inspect: inspectNPZ}

const (
	// npzArrays is how many arrays of an archive are looked at.
	npzArrays = 1000
	// npzInMemory bounds an array that must be unpacked into memory: a packed one whose columns stand one after the other.
	npzInMemory = 1 << 30
)

func inspectNPZ(ctx context.Context, f File, _ compression, o Options) (Source, error) {
	if err := o.noText(f, "npz"); err != nil {
		return nil, err
	}
	at := &fileAt{File: f, ctx: ctx}
	archive, err := zip.NewReader(at, f.Size())
	if at.err != nil {
		return nil, at.err
	}
	if err != nil {
		return nil, fault.File(f.Name(), "a .npz file, an archive of arrays", "no such archive, or a damaged one")
	}
	arrays, err := npzMembers(ctx, f, at, archive)
	if err != nil {
		return nil, err
	}
	if o.Array == "" && isCSR(arrays) {
		return inspectCSR(ctx, f, arrays, &o)
	}
	apart := map[string]*member{}
	for _, m := range arrays {
		if m.array != o.Array && m.array != "" && slices.Contains(o.besides(), m.array) {
			apart[m.array] = m
		}
	}
	chosen, err := chooseArray(f, arrays, o.Array, apart)
	if err != nil {
		return nil, err
	}
	own := o
	own.Array = ""
	own.Columns = slices.DeleteFunc(slices.Clone(o.Columns), func(column string) bool { // arrays are not in the vector
		name, not := strings.CutPrefix(column, "!")
		return not && !isIndex(name) && slices.ContainsFunc(arrays, func(m *member) bool { return m.array == name })
	})
	for _, name := range []*string{&own.TargetColumn, &own.WeightColumn, &own.IDColumn} {
		if apart[*name] != nil {
			*name = ""
		} else if *name != "" && !isIndex(*name) {
			return nil, fault.Asked(f.Name(), "an array "+fault.Quote(*name)+", or the index of a column", "%s",
				arraysOf(arrays))
		}
	}
	src, err := inspectNPY(ctx, chosen, "", own)
	if err != nil {
		return nil, err
	}
	m, ok := src.(*matrix)
	if !ok {
		return src, nil
	}
	if err := m.setApart(ctx, f, arrays, chosen, apart, &o); err != nil {
		return nil, err
	}
	if !chosen.packed {
		return m, nil
	}
	if m.byColumn && chosen.Size() > npzInMemory {
		const expected = "rows one after the other (numpy.ascontiguousarray), or numpy.savez instead of savez_compressed"
		return nil, fault.File(f.Name(), expected, "a compressed array in Fortran order of %d bytes", chosen.Size())
	}
	return &packedMatrix{m, chosen}, nil
}

// besides are the names of what rows have besides their vectors, or "".
func (o *Options) besides() []string { return []string{o.TargetColumn, o.WeightColumn, o.IDColumn} }

// setApart takes what rows have in other arrays of the archive: apart are those that the options name.
func (m *matrix) setApart(ctx context.Context, f File, all []*member, chosen *member, apart map[string]*member,
	o *Options) (err error) {
	var uses map[string]Use
	if len(apart) > 0 {
		if m.archive, err = findBeside(ctx, f, apart, m.rows, o); err != nil {
			return err
		}
		uses = m.archive.uses
	}
	for _, other := range all {
		if other != chosen {
			c := Column{Name: other.array, Type: "an array, " + shapeText(other.shape), Use: uses[other.array]}
			if c.Use == AsID && m.archive.ids != nil {
				c.Type = "text"
			}
			m.others = append(m.others, c)
		}
	}
	return nil
}

// isCSR reports whether an archive is a sparse matrix of SciPy, of whatever form.
func isCSR(arrays []*member) bool {
	names := map[string]bool{}
	for _, m := range arrays {
		names[m.array] = true
	}
	return names["indptr"] && names["indices"] && names["data"] || names["format"] && names["shape"] && names["data"]
}

// npzMembers are the arrays of an archive.
func npzMembers(ctx context.Context, f File, at *fileAt, archive *zip.Reader) ([]*member, error) {
	var all []*member
	for _, entry := range archive.File {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok || len(all) == npzArrays {
			continue
		}
		m := &member{File: f, array: name, size: int64(entry.UncompressedSize64), crc: entry.CRC32,
			packed: entry.Method == zip.Deflate}
		if entry.Method != zip.Store && !m.packed || entry.Flags&1 != 0 {
			return nil, fault.File(f.Name(), "arrays as numpy.savez or savez_compressed store them",
				"the array %s stored in another way", fault.Quote(name))
		}
		var err error
		m.offset, err = entry.DataOffset()
		if at.err != nil {
			return nil, at.err
		}
		m.stored = int64(entry.CompressedSize64)
		if err != nil || m.size < 0 || m.stored < 1 || m.offset > f.Size()-m.stored || !m.packed && m.size != m.stored {
			return nil, m.damaged()
		}
		all = append(all, m)
	}
	if len(all) == 0 {
		return nil, fault.File(f.Name(), "an archive of arrays", "none in it")
	}
	for _, m := range all {
		text, _, err := npyHeader(ctx, m)
		if err != nil {
			return nil, err
		}
		if h, err := parseNPY(text); err == nil {
			m.shape = h.shape
		}
	}
	return all, nil
}

// chooseArray is the array by a name, or the only one of two dimensions, or the only one, but for those that are apart.
func chooseArray(f File, all []*member, name string, apart map[string]*member) (*member, error) {
	var left, tables []*member
	for _, m := range all {
		if m.array == name && name != "" {
			return m, nil
		}
		if apart[m.array] != nil {
			continue
		}
		left = append(left, m)
		if len(m.shape) == 2 {
			tables = append(tables, m)
		}
	}
	switch {
	case name != "":
		return nil, fault.Asked(f.Name(), "the array "+fault.Quote(name), "%s", arraysOf(all))
	case len(tables) == 1:
		return tables[0], nil
	case len(left) == 1:
		return left[0], nil
	}
	return nil, fault.File(f.Name(), "one array of two dimensions, or the name of an array: --array=NAME", "%s",
		arraysOf(all))
}

// arraysOf names the arrays of an archive, with their shapes.
func arraysOf(all []*member) string {
	return "the arrays " + some(all, "", func(m *member) string {
		return fault.Plain(m.array) + " (" + shapeText(m.shape) + ")"
	})
}

// member is a .npy within an archive, as a file of its own. What is packed is unpacked from its beginning, wherever a
// range begins.
type member struct {
	File
	array                string
	offset, stored, size int64 // of the bytes in the archive; of the .npy
	crc                  uint32
	packed               bool
	shape                []int64
}

func (m *member) damaged() error {
	return fault.File(m.Name(), "a whole .npz file", "a damaged one: the array %s cannot be unpacked",
		fault.Quote(m.array))
}

// Size is that of the .npy.
func (m *member) Size() int64 { return m.size }

// OpenRange opens a part of the .npy.
func (m *member) OpenRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		length = max(m.size-offset, 0)
	}
	if offset < 0 || offset > m.size || length > m.size-offset {
		return nil, m.damaged()
	}
	if !m.packed {
		return m.File.OpenRange(ctx, m.offset+offset, length)
	}
	r, err := m.File.OpenRange(ctx, m.offset, m.stored)
	if err != nil {
		return nil, err
	}
	u := &unpacking{m: m, lower: &packedBytes{ReadCloser: r, left: m.stored}, sum: crc32.NewIEEE()}
	u.r = flate.NewReader(bufio.NewReaderSize(u.lower, int(min(readAhead, m.stored+1))))
	u.skip, u.left = offset, length
	return u, nil
}

// unpacking reads a packed member, and compares its checksum where it gets to the end.
type unpacking struct {
	m     *member
	lower *packedBytes
	r     io.Reader
	read  int64 // bytes so far
	sum   hash.Hash32
	skip  int64 // bytes before those that are asked for
	left  int64 // bytes that are asked for
}

func (u *unpacking) Read(b []byte) (int, error) {
	for u.skip > 0 {
		n, err := u.unpack(make([]byte, min(u.skip, readAhead)))
		if u.skip -= int64(n); err == io.EOF && u.skip > 0 {
			err = u.m.damaged()
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
	}
	if u.left == 0 {
		return 0, io.EOF
	}
	n, err := u.unpack(b[:min(int64(len(b)), u.left)])
	u.left -= int64(n)
	return n, err
}

// unpack reads more of the member.
func (u *unpacking) unpack(b []byte) (int, error) {
	n, err := u.r.Read(b)
	u.read += int64(n)
	u.sum.Write(b[:n])
	switch {
	case u.lower.err != nil:
		return 0, u.lower.err
	case u.read == u.m.size && u.sum.Sum32() != u.m.crc, err == io.EOF && u.read < u.m.size, err != nil && err != io.EOF:
		return 0, u.m.damaged() // and no byte: who has as many as were asked for looks at no error
	}
	return n, err
}

func (u *unpacking) Close() error { return u.lower.Close() }

// packedBytes are those of a member in the archive. Their own errors are kept apart from those of unpacking them.
type packedBytes struct {
	io.ReadCloser
	left int64
	err  error
}

func (p *packedBytes) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.left -= int64(n)
	if err == io.EOF && p.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		p.err = err
	}
	return n, err
}

// packedMatrix is an array that is unpacked from its beginning wherever reading begins: so it is read in one piece.
type packedMatrix struct {
	*matrix
	m *member
}

// Cut makes one span.
func (p *packedMatrix) Cut(int64) []Span { return []Span{{Rows: p.rows}} }

func (*packedMatrix) isWhole() bool { return true }

// Read unpacks what the span needs: all of an array that stands by columns.
func (p *packedMatrix) Read(ctx context.Context, s Span) (Reader, error) {
	if !p.byColumn {
		return p.matrix.Read(ctx, s)
	}
	r, err := p.m.OpenRange(ctx, 0, p.m.size)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if e := r.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	m := *p.matrix
	m.File = &memoryFile{File: p.m, bytes: b}
	return m.Read(ctx, s)
}

// memoryFile is a file that is in memory.
type memoryFile struct {
	File
	bytes []byte
}

// OpenRange opens a part of it.
func (f *memoryFile) OpenRange(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.bytes[offset : offset+length])), nil
}

// fileAt reads a file at any offset, each time by a range of it. It remembers the file's own error, to tell it from
// those of the content.
type fileAt struct {
	File
	ctx context.Context // of the whole reading, which no method of a decoder is told
	err error
}

func (f *fileAt) ReadAt(p []byte, offset int64) (int, error) {
	n := min(int64(len(p)), f.Size()-offset)
	if offset < 0 || n <= 0 {
		return 0, io.EOF
	}
	if err := readRange(f.ctx, f.File, p[:n], offset); err != nil {
		f.err = err
		return 0, err
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// readRange fills p with the bytes of a file from an offset on.
func readRange(ctx context.Context, f File, p []byte, offset int64) error {
	r, err := f.OpenRange(ctx, offset, int64(len(p)))
	if err != nil {
		return err
	}
	if _, err = io.ReadFull(r, p); err != nil {
		err = truncated(f, err)
	}
	if e := r.Close(); err == nil {
		err = e
	}
	return err
}
