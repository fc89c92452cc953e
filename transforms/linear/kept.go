package linear

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"sync"

	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// DefaultCacheMemory bounds the rows that are kept between passes.
const DefaultCacheMemory = 512 << 20

// kept has rows as a pass has read them, for the passes after it in the same process: text need not be parsed, nor a
// table encoded, twice. What the passes learn is the same with it and without. It is safe for concurrent use.
type kept struct {
	format string // of all files; "" where their names tell

	mu     sync.Mutex
	left   int64 // bytes that may still be kept
	chunks map[int64]*vectors.Block
}

// newKept keeps rows of at most so many bytes.
func newKept(size int64, format string) *kept {
	return &kept{format: format, left: size, chunks: map[int64]*vectors.Block{}}
}

// rowReader reads rows of a chunk.
type rowReader interface {
	Fill(b *vectors.Block, rows int) error
	Close() error
}

// get is the rows of a chunk, where they are kept.
func (k *kept) get(c *vectorio.Chunk) (rowReader, bool) {
	if k == nil {
		return nil, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok := k.chunks[c.Ordinal]
	if !ok {
		return nil, false
	}
	// The chunk may have been cut to its first rows, of which some may have been left out.
	n, _ := slices.BinarySearchFunc(b.Numbers, c.First+c.Span.Rows, func(a, b int64) int { return cmp.Compare(a, b) })
	return &keptReader{block: b, rows: n}, true
}

// record is r, whose rows are kept once all of the chunk have been read, if they have room, and are of a format that
// is slow to read.
func (k *kept) record(c *vectorio.Chunk, r rowReader, empty *vectors.Block) rowReader {
	if k == nil || !formats.IsTabular(c.Info.Name, k.format) && !vectorio.IsSVM([]string{c.Info.Name}, k.format) {
		return r
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left <= 0 {
		return r
	}
	return &recorder{rowReader: r, kept: k, chunk: c.Ordinal, block: empty}
}

// recorder keeps the rows that it gives.
type recorder struct {
	rowReader
	kept  *kept
	chunk int64
	block *vectors.Block // nil where there is no room
}

func (r *recorder) Fill(b *vectors.Block, rows int) error {
	before := b.Len()
	err := r.rowReader.Fill(b, rows)
	if err != nil && err != io.EOF || r.block == nil {
		r.block = nil // not all rows will be there
		return err
	}
	if b.Len() > before {
		r.block.AppendBlock(b.Slice(before, b.Len()))
	}
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	size := blockBytes(r.block)
	switch {
	case size > r.kept.left:
		r.block = nil
	case err == io.EOF:
		r.kept.left -= size
		r.kept.chunks[r.chunk] = r.block
		r.block = nil
	}
	return err
}

// blockBytes is about what a block takes.
func blockBytes(b *vectors.Block) int64 {
	n := 4*cap(b.F32) + 8*(cap(b.F64)+cap(b.Numbers)+cap(b.Target)+cap(b.Weights)) + 16*cap(b.Labels)
	if s := b.Sparse; s != nil {
		n += 8*cap(s.Offsets) + 4*cap(s.Indices) + 8*cap(s.Values)
	}
	return int64(n)
}

// keptReader gives kept rows.
type keptReader struct {
	block    *vectors.Block
	at, rows int
}

func (r *keptReader) Fill(b *vectors.Block, rows int) error {
	n := min(r.rows-r.at, rows-b.Len())
	if n < 0 {
		return errors.New("linear: a block has more rows than asked for")
	}
	if n == 0 && r.at == r.rows {
		return io.EOF
	}
	b.AppendBlock(r.block.Slice(r.at, r.at+n))
	r.at += n
	return nil
}

func (*keptReader) Close() error { return nil }
