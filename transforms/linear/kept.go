package linear

import (
	"errors"
	"io"
	"math"
	"slices"
	"sync"

	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/heap"
	"beamlearn/model/linear/overview"
	"beamlearn/model/vectors"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// DefaultCacheMemory bounds the rows that are kept between passes.
const DefaultCacheMemory = 512 << 20

// sampleMemory bounds the rows that are kept for [Judge] of chunks that are not kept whole.
const sampleMemory = 64 << 20

// kept has rows as a pass has read them, for the passes after it in the same process, and for Judge: text need not be
// parsed, nor a table encoded, twice. What the passes learn, and what Judge finds, is the same with it and without. It
// is safe for concurrent use.
type kept struct {
	format        string         // of all files; "" where their names tell
	spill         *spill         // of chunks that have no room in memory; nil: none
	size          int64          // bytes of rows at most
	judged        map[int64]bool // chunks of which Judge takes rows
	lot           overview.Lot   // that tells which, or more than those
	whole, sample keptRows       // of the chunks, and those of them that the lot takes
}

// keptRows are rows of chunks, by their ordinals.
type keptRows struct {
	mu     sync.Mutex
	left   int64      // bytes that may still be kept
	count  *heap.Kept // those that are
	chunks map[int64][]piece
}

// newKept keeps rows of at most so many bytes.
func newKept(size int64, format string) *kept {
	return &kept{format: format, size: size, whole: keptRows{left: size, count: heap.NewKept(), chunks: map[int64][]piece{}},
		sample: keptRows{count: heap.NewKept(), chunks: map[int64][]piece{}}}
}

// spills lets rows of text and tables go to a temporary file, but for a small part of them, and has the run tell what
// comes of that. Close it when nothing reads what is kept any more.
func (k *kept) spills(run string) {
	k.spill = newSpill(spillTimes*k.size, func(text string) { progress.Of(run).Note("warning: " + text) })
}

// close gives the temporary file back, if there is one.
func (k *kept) close() {
	if k != nil {
		k.spill.close()
	}
}

// take makes room for bytes, if that leaves as many as are reserved.
func (r *keptRows) take(bytes, reserved int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes > r.left-reserved {
		return false
	}
	r.left -= bytes
	r.count.Add(bytes)
	return true
}

// forJudge keeps the rows of these chunks that Judge takes, too, where they are not kept anyway.
func (k *kept) forJudge(chunks []vectorio.Chunk, lot overview.Lot) {
	k.sample.left, k.lot, k.judged = sampleMemory, lot, map[int64]bool{}
	for _, c := range chunks {
		k.judged[c.Ordinal] = true
	}
}

// last says that no pass comes after the next, so that rows are kept for Judge alone.
func (k *kept) last() {
	if k == nil {
		return
	}
	k.sample.left += k.whole.left
	k.whole.left = 0
}

func (r *keptRows) get(chunk int64) ([]piece, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pieces, ok := r.chunks[chunk]
	return pieces, ok
}

// room reports whether rows of a chunk may be kept, none of which are.
func (r *keptRows) room(chunk int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.chunks[chunk]
	return !ok && r.left > 0
}

// rowReader reads rows of a chunk.
type rowReader interface {
	Fill(b *vectors.Block, rows int) error
	// NoTarget is how many rows so far were left out, as they have no target; 0 of what is kept, in which they are not.
	NoTarget() int64
	// Unseen counts cells so far of which the encoding has learned nothing; none of what is kept.
	Unseen() features.Unseen
	Close() error
}

// get is the rows of a chunk, where they are kept.
func (k *kept) get(c *vectorio.Chunk) (rowReader, bool) {
	if k == nil {
		return nil, false
	}
	pieces, ok := k.whole.get(c.Ordinal)
	if !ok {
		return nil, false
	}
	return &keptReader{pieces: pieces, end: c.First + c.Span.Rows}, true
}

// ofLot is pieces of a chunk in which there are at least the rows that the lot takes.
func (k *kept) ofLot(c *vectorio.Chunk, lot overview.Lot) ([]piece, bool) {
	if k == nil {
		return nil, false
	}
	if pieces, ok := k.whole.get(c.Ordinal); ok {
		return pieces, true
	}
	if !k.lot.Holds(lot) {
		return nil, false
	}
	return k.sample.get(c.Ordinal)
}

// record is r, whose rows are kept once all of the chunk have been read, if they have room: all that are of a format
// that is slow to read, or of a dataset that has room as a whole; of others those that Judge takes.
func (k *kept) record(c *vectorio.Chunk, r rowReader, empty func() *vectors.Block) rowReader {
	if k == nil {
		return r
	}
	whole := k.takes(c, empty())
	recorded := &recorder{rowReader: r, kept: k, chunk: c, empty: empty}
	if whole && k.whole.room(c.Ordinal) {
		recorded.whole.of = &k.whole
		if k.slow(c) {
			recorded.whole.spill, recorded.whole.reserved = k.spill, k.size-k.size/spillShare
		}
	}
	if k.judged[c.Ordinal] && k.sample.room(c.Ordinal) {
		recorded.sample.of = &k.sample
	}
	if recorded.whole.of == nil && recorded.sample.of == nil {
		return r
	}
	return recorded
}

// takes reports whether all rows of a chunk, which would stand in a block like this one, are to be kept: where they are
// slow to read, or the dataset has room. A block that is empty may be one whose values turn out to be float64.
func (k *kept) takes(c *vectorio.Chunk, like *vectors.Block) bool {
	return k.slow(c) || c.Total > 0 && float64(c.Total)*rowBytes(like) <= float64(k.size)
}

// slow reports whether a chunk is of a format that is slow to read.
func (k *kept) slow(c *vectorio.Chunk) bool {
	return formats.IsTabular(c.Info.Name, k.format) || vectorio.IsSVM([]string{c.Info.Name}, k.format)
}

// rowBytes is about what a row with a number and a label takes in a block like this one; of sparse rows nobody knows.
func rowBytes(b *vectors.Block) float64 {
	switch {
	case b.Sparse != nil:
		return math.Inf(1)
	case b.Wide():
		return float64(8*b.Dim) + 24
	}
	return float64(4*b.Dim) + 24
}

// recorder keeps the rows that it gives, in pieces as they come: a block that grew would take twice its size on the
// way. What it has taken counts at once, so that all recorders together stay within the bound.
type recorder struct {
	rowReader
	kept          *kept
	chunk         *vectorio.Chunk
	empty         func() *vectors.Block
	whole, sample recording
	taken         *vectors.Block // rows of a block for the sample, in memory that the next ones take; nil: none yet
}

// recording is what a recorder has taken.
type recording struct {
	of       *keptRows // nil: nothing is to be kept, or there is no room, or all is
	pieces   []piece
	values   *dictionary  // of sparse rows; nil: none yet
	size     int64        // in memory
	spill    *spill       // that takes them where they have no room in memory; nil: none does
	reserved int64        // bytes of memory that are not for what a spill may take
	chunk    *storedChunk // nil: the pieces are in memory
}

func (r *recorder) Fill(b *vectors.Block, rows int) error {
	before := b.Len()
	err := r.rowReader.Fill(b, rows)
	if err != nil && err != io.EOF { // not all rows will be there
		r.whole.release()
		r.sample.release()
		return err
	}
	if b.Len() > before {
		if late := r.keep(b.Slice(before, b.Len())); late != nil {
			return late
		}
	}
	if err == io.EOF {
		if r.whole.of != nil {
			r.sample.release()
		}
		r.whole.end(r.chunk.Ordinal)
		r.sample.end(r.chunk.Ordinal)
	}
	return err
}

// keep copies rows. Those that Judge takes are copied beside the others only where these have no room.
func (r *recorder) keep(rows *vectors.Block) error {
	if r.whole.pieces == nil && !r.kept.takes(r.chunk, rows) {
		r.whole.of = nil // they are float64
	}
	if r.whole.of != nil {
		before := r.whole.pieces
		if r.whole.keep(rows, r.empty) {
			return nil
		}
		var l loader
		room := r.empty()
		for i := range before {
			p, err := l.load(&before[i])
			if err != nil {
				return err
			}
			r.keepTaken(p.block(room))
		}
	}
	r.keepTaken(rows)
	return nil
}

// keepTaken copies those of rows that Judge takes.
func (r *recorder) keepTaken(rows *vectors.Block) {
	if r.sample.of == nil {
		return
	}
	if r.kept.lot.All() {
		r.sample.keep(rows, r.empty)
		return
	}
	if r.taken == nil {
		r.taken = r.empty()
	}
	r.taken.Reset()
	appendTaken(r.taken, rows, r.kept.lot)
	if r.taken.Len() > 0 {
		r.sample.keep(r.taken, r.empty)
	}
}

// keep takes a copy of rows, unless there is no room for it, and so for none.
func (r *recording) keep(rows *vectors.Block, empty func() *vectors.Block) bool {
	known := 0
	if rows.Sparse != nil && r.values == nil {
		r.values = newDictionary()
	} else if r.values != nil {
		known = len(r.values.values)
	}
	kept := pieceOf(rows, empty(), r.values)
	size := kept.bytes()
	if r.values != nil {
		size += 8 * int64(len(r.values.values)-known)
	}
	switch {
	case r.chunk == nil && r.take(size):
		r.size += size
	case r.move(empty) && r.chunk.store(&kept):
	case r.chunk == nil && r.take(size): // as there is no file
		r.size += size
	default:
		r.release()
		return false
	}
	r.pieces = append(r.pieces, kept)
	return true
}

// take makes room in memory, if there is any.
func (r *recording) take(bytes int64) bool {
	if r.spill == nil || r.spill.none() {
		return r.of.take(bytes, 0)
	}
	return r.of.take(bytes, r.reserved)
}

// move makes the pieces those of a spill, if there is one and it has room.
func (r *recording) move(empty func() *vectors.Block) bool {
	if r.chunk != nil {
		return true
	}
	if r.spill == nil || !r.spill.open() {
		return false
	}
	r.chunk = &storedChunk{in: r.spill, empty: empty, values: r.values}
	for i := range r.pieces {
		if p := r.pieces[i]; r.chunk.store(&p) {
			r.pieces[i] = p
			continue
		}
		return false
	}
	r.of.give(r.size)
	r.size = 0
	return true
}

// release gives back what was taken.
func (r *recording) release() {
	if r.of == nil {
		return
	}
	r.of.give(r.size)
	*r = recording{}
}

// give gives room back.
func (r *keptRows) give(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += bytes
	r.count.Add(-bytes)
}

// end keeps what was taken.
func (r *recording) end(chunk int64) {
	if r.of == nil {
		return
	}
	if r.chunk != nil && !r.chunk.end() {
		r.release()
		return
	}
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.of.chunks[chunk] = r.pieces
	if r.values != nil {
		r.values.places = nil
	}
	*r = recording{}
}

// Close releases rows of which not all have come.
func (r *recorder) Close() error {
	r.whole.release()
	r.sample.release()
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
	pieces []piece
	at     cursor // in the first piece
	end    int64
	loader loader
}

func (r *keptReader) NoTarget() int64 { return 0 }

func (r *keptReader) Unseen() features.Unseen { return features.Unseen{} }

func (r *keptReader) Fill(b *vectors.Block, rows int) error {
	if rows < b.Len() {
		return errors.New("linear: a block has more rows than asked for")
	}
	first := b.Len()
	for b.Len() < rows && len(r.pieces) > 0 {
		p, err := r.loader.load(&r.pieces[0])
		if err != nil {
			return err
		}
		last := r.last(p)
		p.appendTo(b, &r.at, min(last-r.at.row, rows-b.Len()))
		r.leave(p, last)
	}
	if b.Len() == first {
		return io.EOF
	}
	return nil
}

// last is where the rows of the first piece end that count.
func (r *keptReader) last(first *piece) int {
	last, _ := slices.BinarySearch(first.rows.Numbers, r.end)
	return last
}

// leave goes on to the next piece, if there is one, at the end of the first.
func (r *keptReader) leave(first *piece, last int) {
	if r.at.row < last {
		return
	}
	all := first.rows.Len()
	if r.pieces, r.at = r.pieces[1:], (cursor{}); last < all {
		r.pieces = nil
	}
}

// lend gives rows that are next as they stand, and passes over them: a multiple of unit, and at most so many. It gives
// nil where they must be copied, as they are packed or in a file, or too few of them stand together, and of no reader.
func (r *keptReader) lend(unit, most int) *vectors.Block {
	if !r.stand() {
		return nil
	}
	first := r.pieces[0]
	p, last := first.rows, r.last(&first)
	n := min(last-r.at.row, most) / unit * unit
	if n == 0 {
		return nil
	}
	b := p.Slice(r.at.row, r.at.row+n)
	r.at.row += n
	r.leave(&first, last)
	return b
}

// stand reports whether rows that are next need no unpacking; of no reader none do.
func (r *keptReader) stand() bool {
	return r != nil && len(r.pieces) > 0 && r.pieces[0].packed == nil && r.pieces[0].stored == nil
}

func (*keptReader) Close() error { return nil }
