package vectorio

import (
	"fmt"
	"io"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/heap"
	"beamlearn/model/vectors"
)

// KeepCells lets rows of tables that [EachTable] reads, by options that [Options.UseCells] has given the id, stay in
// the memory of this process, as cells, in at most so many bytes: whoever then reads the same chunks encoded, by
// options with the id, need not decode them again, and takes them from there. Call it where the surveys and the passes
// of a job are made in this process, and [DropCells] when the rows have been read once more. What is read is the same
// without.
func KeepCells(id string, bytes int64) {
	cellCaches.Lock()
	defer cellCaches.Unlock()
	if cellCaches.of == nil {
		cellCaches.of = map[string]*cellCache{}
	}
	cellCaches.of[id] = &cellCache{left: bytes, count: heap.NewKept(), chunks: map[string]*keptCells{}}
}

// DropCells lets go of what is left of [KeepCells], if there is anything.
func DropCells(id string) {
	cellCaches.Lock()
	defer cellCaches.Unlock()
	if c := cellCaches.of[id]; c != nil {
		c.count.Drop()
		delete(cellCaches.of, id)
	}
}

// UseCells are the options with the rows of [KeepCells] of that id, where this process has any.
func (o Options) UseCells(id string) Options {
	cellCaches.Lock()
	defer cellCaches.Unlock()
	o.cells = cellCaches.of[id]
	return o
}

var cellCaches struct {
	sync.Mutex
	of map[string]*cellCache
}

// cellCache is safe for concurrent use; of nil there is nothing.
type cellCache struct {
	mu     sync.Mutex
	left   int64
	count  *heap.Kept
	chunks map[string]*keptCells
}

// keptCells are the rows of a chunk, none of which is at fault.
type keptCells struct {
	blocks   []*vectors.Block
	rows     int64 // of the chunk
	noTarget int64 // of them, that were left out
	size     int64
}

// cellsKey tells chunks of other rows, or read in another way, apart; "" where rows are put together of several files.
func (o *Options) cellsKey(c *Chunk) string {
	if o.cells == nil || len(o.TargetColumns)+len(c.Targets) > 0 {
		return ""
	}
	f := c.Naming.Options(o.Formats)
	f.Cells, f.Sparse, f.DType = true, false, vectors.Auto // which say what becomes of cells
	return fmt.Sprintf("%+v %d %+v %q%q", c.Info, c.Span.First, f, f.Columns, f.Names)
}

// see is the rows of a chunk, which stay; nil: they are not there.
func (k *cellCache) see(key string, rows int64) *keptCells {
	if k == nil || key == "" {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if of := k.chunks[key]; of != nil && of.rows == rows {
		return of
	}
	return nil
}

// take is see of rows that go.
func (k *cellCache) take(key string, rows int64) *keptCells {
	of := k.see(key, rows)
	if of == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.chunks[key] != of {
		return nil // somebody else was faster
	}
	delete(k.chunks, key)
	k.count.Add(-of.size)
	return of
}

// cellsRecord is what becomes of the rows of a chunk; nil: nothing is kept of it.
type cellsRecord struct {
	cache *cellCache
	key   string
	of    keptCells
}

// record begins to keep the rows of a chunk.
func (k *cellCache) record(key string, rows int64) *cellsRecord {
	if k == nil || key == "" {
		return nil
	}
	return &cellsRecord{cache: k, key: key, of: keptCells{rows: rows}}
}

// add keeps a block. It reports false, and gives back what it has taken, where there is no room.
func (r *cellsRecord) add(b *vectors.Block) bool {
	size := blockCells(b)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	if size > r.cache.left {
		r.cache.left += r.of.size
		r.cache.count.Add(-r.of.size)
		return false
	}
	r.cache.left -= size
	r.cache.count.Add(size)
	r.of.size += size
	r.of.blocks = append(r.of.blocks, b)
	return true
}

// end keeps the chunk, which has come to its end, or lets go of it where a row of it is at fault, or missing.
func (r *cellsRecord) end(noTarget int64, whole bool) {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	if _, there := r.cache.chunks[r.key]; !whole || there {
		r.cache.left += r.of.size
		r.cache.count.Add(-r.of.size)
		return
	}
	r.of.noTarget = noTarget
	r.cache.chunks[r.key] = &r.of
}

// blockCells is about what a block of cells takes.
func blockCells(b *vectors.Block) int64 {
	n := 8*(cap(b.Numbers)+cap(b.Target)+cap(b.Weights)+cap(b.IDs.Ints)) + 16*(cap(b.Labels)+cap(b.IDs.Texts))
	for i := range b.Cells.Columns {
		c := &b.Cells.Columns[i]
		n += 8*(cap(c.Numbers)+cap(c.Times)+cap(c.Ends)) + cap(c.Bytes) + cap(c.Quoted)
	}
	return int64(n)
}

// eachKept gives the rows of a chunk that are kept to do, if there are any.
func (o *Options) eachKept(c *Chunk, key string, do func(*vectors.Block) error) (noTarget int64, ok bool, err error) {
	of := o.cells.see(key, c.Span.Rows)
	if of == nil {
		return 0, false, nil
	}
	for _, b := range of.blocks {
		if err := do(b); err != nil {
			return 0, true, err
		}
	}
	return of.noTarget, true, nil
}

// nothing reads no rows: those of the chunk are kept.
type nothing struct{}

func (nothing) Read(*vectors.Block, int) error { return io.EOF }
func (nothing) Close() error                   { return nil }

// counted passes faults on, and counts them.
func counted(rejected func(*fault.Fault), n *int) func(*fault.Fault) {
	return func(f *fault.Fault) {
		*n++
		rejected(f)
	}
}
