package linear

import (
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
	chunks map[int64][]*vectors.Block
}

// newKept keeps rows of at most so many bytes.
func newKept(size int64, format string) *kept {
	return &kept{format: format, left: size, chunks: map[int64][]*vectors.Block{}}
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
	pieces, ok := k.chunks[c.Ordinal]
	if !ok {
		return nil, false
	}
	return &keptReader{pieces: pieces, end: c.First + c.Span.Rows}, true
}

// record is r, whose rows are kept once all of the chunk have been read, if they have room, and are of a format that
// is slow to read.
func (k *kept) record(c *vectorio.Chunk, r rowReader, empty func() *vectors.Block) rowReader {
	if k == nil || !formats.IsTabular(c.Info.Name, k.format) && !vectorio.IsSVM([]string{c.Info.Name}, k.format) {
		return r
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left <= 0 {
		return r
	}
	return &recorder{rowReader: r, kept: k, chunk: c.Ordinal, empty: empty}
}

// recorder keeps the rows that it gives, in pieces as they come: a block that grew would take twice its size on the way.
// What it has taken counts at once, so that all recorders together stay within the bound.
type recorder struct {
	rowReader
	kept   *kept
	chunk  int64
	empty  func() *vectors.Block
	pieces []*vectors.Block
	size   int64
	ended  bool // all rows are kept, or there is no room for them
}

func (r *recorder) Fill(b *vectors.Block, rows int) error {
	before := b.Len()
	err := r.rowReader.Fill(b, rows)
	if r.ended {
		return err
	}
	if err != nil && err != io.EOF {
		r.release() // not all rows will be there
		return err
	}
	if b.Len() > before && !r.keep(b.Slice(before, b.Len())) {
		r.release()
		return err
	}
	if err == io.EOF {
		r.kept.mu.Lock()
		defer r.kept.mu.Unlock()
		r.kept.chunks[r.chunk], r.ended = r.pieces, true
	}
	return err
}

// keep copies rows, and reports whether they have room.
func (r *recorder) keep(rows *vectors.Block) bool {
	piece := r.empty()
	piece.AppendBlock(rows)
	size := blockBytes(piece)
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	if size > r.kept.left {
		return false
	}
	r.kept.left -= size
	r.size += size
	r.pieces = append(r.pieces, piece)
	return true
}

// release gives back what the recorder has taken.
func (r *recorder) release() {
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	r.kept.left += r.size
	r.pieces, r.size, r.ended = nil, 0, true
}

// Close releases rows of which not all have come.
func (r *recorder) Close() error {
	if !r.ended {
		r.release()
	}
	return r.rowReader.Close()
}

// blockBytes is about what a block takes.
func blockBytes(b *vectors.Block) int64 {
	n := 4*cap(b.F32) + 8*(cap(b.F64)+cap(b.Numbers)+cap(b.Target)+cap(b.Weights)) + 16*cap(b.Labels)
	for _, t := range b.Targets {
		n += 8*cap(t.Numbers) + 16*cap(t.Labels)
	}
	if s := b.Sparse; s != nil {
		n += 8*cap(s.Offsets) + 4*cap(s.Indices) + 8*cap(s.Values)
	}
	return int64(n)
}

// keptReader gives kept rows whose numbers are before end: the chunk may have been cut to its first rows, of which some
// may have been left out.
type keptReader struct {
	pieces []*vectors.Block
	at     int // in the first piece
	end    int64
}

func (r *keptReader) Fill(b *vectors.Block, rows int) error {
	if rows < b.Len() {
		return errors.New("linear: a block has more rows than asked for")
	}
	first := b.Len()
	for b.Len() < rows && len(r.pieces) > 0 {
		p := r.pieces[0]
		last, _ := slices.BinarySearch(p.Numbers, r.end)
		n := min(last-r.at, rows-b.Len())
		b.AppendBlock(p.Slice(r.at, r.at+n))
		if r.at += n; r.at < last {
			continue
		}
		if r.pieces, r.at = r.pieces[1:], 0; last < p.Len() {
			r.pieces = nil
		}
	}
	if b.Len() == first {
		return io.EOF
	}
	return nil
}

func (*keptReader) Close() error { return nil }
