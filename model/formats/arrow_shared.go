package formats

import (
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// sharedBatch is a decoded batch, which all readers of this process share: chunks are shorter than batches, of which
// some files have one alone.
type sharedBatch struct {
	once    sync.Once
	record  arrow.RecordBatch // nil where it could not be decoded
	readers int
	left    *time.Timer // that lets go of it; nil while somebody reads it
}

type batchKey struct {
	s     *arrowSource
	batch int
}

// sharedBatches are those that somebody reads, and the one that was left last, from which somebody may go on.
var sharedBatches struct {
	sync.Mutex
	of   map[batchKey]*sharedBatch
	left batchKey // whose s is nil where there is none
}

// take is a decoded batch, to be given back; nil: it cannot be decoded, and whoever tries by itself finds why.
func (k batchKey) take(in *arrowBytes) *sharedBatch {
	sharedBatches.Lock()
	if sharedBatches.of == nil {
		sharedBatches.of = map[batchKey]*sharedBatch{}
	}
	b := sharedBatches.of[k]
	if b == nil {
		b = &sharedBatch{}
		sharedBatches.of[k] = b
	}
	b.readers++
	if b.left != nil {
		b.left.Stop()
		b.left, sharedBatches.left = nil, batchKey{}
	}
	sharedBatches.Unlock()
	b.once.Do(func() {
		defer func() { _ = recover() }() // of what is damaged, which who tries by itself tells
		if record, err := in.record(k.batch); err == nil {
			b.record = record
		}
	})
	if b.record == nil {
		k.give(b, false)
		return nil
	}
	return b
}

// give gives a batch back. Where rows of it are left, it stays for a while, for who reads them.
func (k batchKey) give(b *sharedBatch, rest bool) {
	sharedBatches.Lock()
	defer sharedBatches.Unlock()
	if b.readers--; b.readers > 0 {
		return
	}
	if !rest {
		k.drop(b)
		return
	}
	if last := sharedBatches.left; last.s != nil {
		other := sharedBatches.of[last]
		other.left.Stop()
		last.drop(other)
	}
	sharedBatches.left = k
	b.left = time.AfterFunc(leftFor, func() {
		sharedBatches.Lock()
		defer sharedBatches.Unlock()
		if sharedBatches.left == k && b.readers == 0 && sharedBatches.of[k] == b {
			sharedBatches.left = batchKey{}
			k.drop(b)
		}
	})
}

// drop lets go of a batch that nobody reads. The lock must be held.
func (k batchKey) drop(b *sharedBatch) {
	delete(sharedBatches.of, k)
	if b.record != nil {
		b.record.Release()
	}
}
