package vectorio

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/vectors"
)

// Batch is rows that were read, and those before them that were rejected. The last of a chunk has no rows.
type Batch struct {
	Rows     *vectors.Block
	Rejected []*fault.Fault
}

// Seen is what a chunk was like, beside its rows.
type Seen struct {
	Seconds  float64 // that reading took
	NoTarget int64   // rows without a target: left out, unless the options keep them
	Unseen   features.Unseen
}

// aheadBlocks are read before they are asked for.
const aheadBlocks = 2

// EachAhead is [EachBlock] that reads the next blocks while do has one, and so takes the memory of three.
func EachAhead(ctx context.Context, c Chunk, o *Options, dim int, do func(Batch) error) (seen Seen, err error) {
	g, ctx := errgroup.WithContext(ctx)
	batches, free := make(chan Batch), make(chan *vectors.Block, aheadBlocks+1)
	for range cap(free) {
		free <- o.NewBlock(dim)
	}
	g.Go(func() error {
		defer close(batches)
		return readAhead(ctx, c, o, free, batches, &seen)
	})
	g.Go(func() error {
		for b := range batches {
			if err := do(b); err != nil {
				return err
			}
			free <- b.Rows
		}
		return nil
	})
	return seen, g.Wait()
}

// readAhead reads a chunk, block by block, into the blocks that are free.
func readAhead(ctx context.Context, c Chunk, o *Options, free <-chan *vectors.Block, batches chan<- Batch,
	seen *Seen) (err error) {
	var rejected []*fault.Fault
	r, err := Open(ctx, c, *o, func(row *fault.Fault) { rejected = append(rejected, row) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		var b Batch
		select {
		case b.Rows = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		b.Rows.Reset()
		start := time.Now()
		err := r.Read(b.Rows)
		seen.Seconds += time.Since(start).Seconds()
		if err != nil && err != io.EOF {
			return err
		}
		b.Rejected, rejected = rejected, nil
		select {
		case batches <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err == io.EOF {
			seen.NoTarget = r.NoTarget()
			seen.Unseen.Add(r.Unseen())
			return nil
		}
	}
}
