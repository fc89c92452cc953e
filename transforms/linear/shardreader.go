package linear

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// shardReader gives the rows of one shard to a learner, batch by batch, while the next are read.
type shardReader struct {
	reading vectorio.Options
	dim     int
	unit    int // rows of a unit: see Options.UnitRows
	pass    fitting.Pass
	seed    uint64 // of the shard and the pass
	chunks  []vectorio.Chunk
	pool    blockPool
	kept    *kept // nil where every pass reads anew

	rejected []*fault.Fault
	rows     int64
	without  int64 // left out, as they have no target
	unseen   features.Unseen
	skipped  int64 // not in the sample
}

// sampled is how many rows of a chunk, from its first on, are in a sample: their share of all.
func sampled(c *vectorio.Chunk) int64 {
	if c.Total <= fitting.SampleRows {
		return c.Span.Rows
	}
	return min(c.Span.Rows, int64(math.Ceil(float64(c.Span.Rows)/float64(c.Total)*fitting.SampleRows)))
}

// aheadBlocks are read while one is learned from.
const aheadBlocks = 1

// blockPool is blocks that are not needed, for all shards of a worker.
type blockPool chan *vectors.Block

// blockValues bounds the values of a block of dense rows: 4 MB.
const blockValues = 1 << 20

// newBlockPool has room for as many blocks as that many shards need at a time.
func newBlockPool(shards int) blockPool { return make(blockPool, shards*(aheadBlocks+2)) }

// each gives the batches to use, whose fault of a row comes back with the row's file.
func (f *shardReader) each(ctx context.Context, use func(*model.Chunk) error) error {
	g, ctx := errgroup.WithContext(ctx)
	blocks := make(chan lent, aheadBlocks)
	g.Go(func() error {
		defer close(blocks)
		return f.read(ctx, blocks)
	})
	g.Go(func() error {
		for b := range blocks {
			if err := f.batches(b.Block, use); err != nil {
				return locate(err, f.chunks)
			}
			if b.kept {
				continue
			}
			select {
			case f.pool <- b.Block:
			default:
			}
		}
		return nil
	})
	return g.Wait()
}

// lent is a block to learn from, which goes into the pool thereafter unless it is one of those that are kept.
type lent struct {
	*vectors.Block
	kept bool
}

// read fills blocks with the rows of the chunks: with a unit of one chunk where they are visited in another order
// than they stand in, otherwise with whole batches, as those go on from chunk to chunk.
func (f *shardReader) read(ctx context.Context, blocks chan<- lent) error {
	chunks := append([]vectorio.Chunk(nil), f.chunks...)
	vectorio.Sort(chunks)
	if f.pass.Shuffle {
		rng := rand.New(rand.NewPCG(f.seed, 1))
		rng.Shuffle(len(chunks), func(i, j int) { chunks[i], chunks[j] = chunks[j], chunks[i] })
	}
	lend := func(b lent) error {
		select {
		case blocks <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	send := func(b *vectors.Block) error { return lend(lent{Block: b}) }
	rows := 0
	for _, c := range chunks {
		rows += int(max(c.Span.Rows, 0))
	}
	fresh := func() *vectors.Block {
		select {
		case b := <-f.pool:
			b.Reset()
			return b
		default:
			b := f.reading.NewBlock(f.dim)
			if b.Sparse == nil && b.DType != vectors.Float64 { // at once, as growing copies all again
				b.F32 = make([]float32, 0, min(f.blockRows(), rows)*f.dim)
			}
			return b
		}
	}
	if f.pass.Mix {
		return f.mix(ctx, chunks, fresh, send)
	}
	b := fresh()
	for _, c := range chunks {
		if f.pass.Sample {
			n := sampled(&c)
			f.skipped += c.Span.Rows - n
			c.Span.Rows = n
		}
		var err error
		if b, err = f.readChunk(ctx, &c, b, fresh, lend); err != nil {
			return err
		}
		if f.pass.Shuffle && b.Len() > 0 {
			if err := send(b); err != nil {
				return err
			}
			b = fresh()
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return send(b)
}

// readChunk fills blocks with the rows of a chunk, beginning with what there is of one, and lends those that are full;
// it returns what there is of the next. Kept rows are lent as they stand, but for those of a batch that begins in
// another chunk, or ends in one.
func (f *shardReader) readChunk(ctx context.Context, c *vectorio.Chunk, b *vectors.Block, fresh func() *vectors.Block,
	lend func(lent) error) (*vectors.Block, error) {
	r, err := f.open(ctx, c)
	if err != nil {
		return nil, err
	}
	full := f.blockRows()
	unit := f.pass.Batch
	if f.pass.Shuffle { // batches of a block, too
		unit = full
	}
	k, _ := r.(*keptReader)
	for {
		if b.Len() == 0 {
			if rows := k.lend(unit, full); rows != nil {
				if err := lend(lent{rows, true}); err != nil {
					return nil, err
				}
				f.rows += int64(rows.Len())
				continue
			}
		}
		want := full
		if k.stand() {
			want = min(full, (b.Len()/unit+1)*unit)
		}
		before := b.Len()
		err := r.Fill(b, want)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		f.rows += int64(b.Len() - before)
		if b.Len() < want {
			continue
		}
		if err := lend(lent{Block: b}); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		b = fresh()
	}
	f.ended(r)
	return b, r.Close()
}

// ended notes what the reader of a chunk has met besides its rows.
func (f *shardReader) ended(r rowReader) {
	f.without += r.NoTarget()
	f.unseen.Add(r.Unseen())
}

// mixedChunks is from how many chunks the rows of a block come that is mixed.
const mixedChunks = 8

// mix fills blocks with rows of many chunks, some of each in turn: where rows are sorted, those of one chunk are alike.
func (f *shardReader) mix(ctx context.Context, chunks []vectorio.Chunk, fresh func() *vectors.Block,
	send func(*vectors.Block) error) (err error) {
	var open []rowReader
	defer func() {
		for _, r := range open {
			err = errors.Join(err, r.Close())
		}
	}()
	full := f.blockRows()
	b := fresh()
	for len(open) > 0 || len(chunks) > 0 {
		for len(open) < mixedChunks && len(chunks) > 0 {
			r, err := f.open(ctx, &chunks[0])
			if err != nil {
				return err
			}
			open, chunks = append(open, r), chunks[1:]
		}
		for i := 0; i < len(open); {
			before := b.Len()
			err := open[i].Fill(b, min(full, before+(full+mixedChunks-1)/mixedChunks))
			if err == io.EOF {
				ended := open[i]
				open = slices.Delete(open, i, i+1)
				f.ended(ended)
				if err := ended.Close(); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			f.rows += int64(b.Len() - before)
			if i++; b.Len() < full {
				continue
			}
			if err := send(b); err != nil {
				return err
			}
			b = fresh()
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return send(b)
}

// blockRows is how many rows a block has that is full: whole batches, or what is shuffled together.
func (f *shardReader) blockRows() int {
	if f.pass.Mix {
		return max(f.unit, f.pass.Batch, min(mixedChunks*f.unit, blockValues/f.dim))
	}
	if f.pass.Shuffle {
		return f.unit
	}
	rows := min(f.reading.ChunkRows, vectorio.DefaultChunkRows) // more would only leave the caches
	if !f.reading.Formats.Sparse {
		rows = min(rows, max(1, blockValues/f.dim))
	}
	return (rows + f.pass.Batch - 1) / f.pass.Batch * f.pass.Batch
}

// open opens a chunk, or what is kept of it.
func (f *shardReader) open(ctx context.Context, c *vectorio.Chunk) (rowReader, error) {
	if r, ok := f.kept.get(c); ok {
		return r, nil
	}
	r, err := vectorio.Open(ctx, *c, f.reading, func(row *fault.Fault) { f.rejected = append(f.rejected, row) })
	if err != nil || f.pass.Sample {
		return r, err
	}
	return f.kept.record(c, r, func() *vectors.Block { return f.reading.NewBlock(f.dim) }), nil
}

// batches cuts a block.
func (f *shardReader) batches(b *vectors.Block, use func(*model.Chunk) error) error {
	size := f.pass.Batch
	order := make([]int, (b.Len()+size-1)/size)
	for i := range order {
		order[i] = i
	}
	if f.pass.Shuffle {
		rng := rand.New(rand.NewPCG(f.seed, uint64(b.Numbers[0])+2))
		if f.pass.Mix {
			return f.mixedBatches(b, rng.Perm(b.Len()), use)
		}
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, i := range order {
		if err := use(model.Of(b.Slice(i*size, min((i+1)*size, b.Len())))); err != nil {
			return err
		}
	}
	return nil
}

// mixedBatches cuts a block whose rows are taken in this order.
func (f *shardReader) mixedBatches(b *vectors.Block, order []int, use func(*model.Chunk) error) error {
	batch := f.reading.NewBlock(f.dim)
	for len(order) > 0 {
		batch.Reset()
		n := min(f.pass.Batch, len(order))
		for _, i := range order[:n] {
			batch.AppendRows(b, i, i+1)
		}
		order = order[n:]
		if err := use(model.Of(batch)); err != nil {
			return err
		}
	}
	return nil
}

// locate gives the fault of a row of the dataset the name of its file, and its number there; and one that is of no
// row the names of all.
func locate(err error, chunks []vectorio.Chunk) error {
	var at *fault.Fault
	if !errors.As(err, &at) || at.File != "" || len(chunks) == 0 {
		return err
	}
	found := *at
	first, last, count := &chunks[0], &chunks[0], map[string]bool{}
	for i := range chunks {
		c := &chunks[i]
		if at.Row >= c.First && at.Row < c.First+c.Span.Rows {
			found.File, found.Row = c.Info.Name, at.Row-c.First+c.Span.First
			return &found
		}
		if c.Ordinal < first.Ordinal {
			first = c
		}
		if c.Ordinal > last.Ordinal {
			last = c
		}
		count[c.Info.Name] = true
	}
	found.File = first.Info.Name
	if len(count) > 1 {
		found.File += fmt.Sprintf(" … %s (%d files)", last.Info.Name, len(count))
	}
	return &found
}
