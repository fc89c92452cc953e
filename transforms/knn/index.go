package knn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/transforms/output"
)

// A worker process has the index of a run once: a DoFn instance asks the side input for an iterator, or opens the
// file, only if nobody before it has.
var indexes = output.NewShared[*neighbors.Index]()

// A source gives the index of a run to a worker process that has none yet.
type source func(ctx context.Context, run string) (*neighbors.Index, error)

// builtHere is the source of an index that was built in this process: loadIndex has it, and never asks.
func builtHere(context.Context, string) (*neighbors.Index, error) {
	return nil, errors.New("knn: the index was built in another process: the workers of this run are not in process")
}

// fromPieces is the source of one that is a side input.
func fromPieces(pieces func() func(*IndexPiece) bool) source {
	return func(context.Context, string) (*neighbors.Index, error) { return decodeIndex(pieces()) }
}

// source is that of an index in a file, or without a name of one that was built here.
func (f IndexFile) source(kept bool) source {
	if f.Path == "" {
		return builtHere
	}
	return func(ctx context.Context, run string) (*neighbors.Index, error) {
		if kept {
			return f.open(ctx, "", verified)
		}
		return f.open(ctx, run, 0)
	}
}

// loadIndex gives the index of a run. seconds is the time that decoding it, or opening it, took, where this call has
// done it.
func loadIndex(ctx context.Context, run string, from source) (index *neighbors.Index, seconds float64, err error) {
	var start time.Time
	index, made, err := indexes.Get(run, func() (*neighbors.Index, error) {
		start = time.Now()
		return from(ctx, run)
	})
	if made {
		indexDecodes.Inc(ctx, 1)
		seconds = time.Since(start).Seconds()
	}
	return index, seconds, err
}

// decodeIndex joins the pieces of an index file, which come in any order, and opens the index. The index uses the
// joined bytes, so that there is one copy of the points; each piece becomes garbage as soon as it is copied.
func decodeIndex(next func(*IndexPiece) bool) (*neighbors.Index, error) {
	var pieces [][]byte
	size, count, last := 0, 0, -1
	var p IndexPiece
	for next(&p) {
		for p.Number >= len(pieces) {
			if p.Number > 1<<16 {
				return nil, fmt.Errorf("knn: a piece of an index with the number %d", p.Number)
			}
			pieces = append(pieces, nil)
		}
		if pieces[p.Number] == nil {
			pieces[p.Number] = p.Data
			count++
			size += len(p.Data)
		}
		if p.Last {
			last = p.Number
		}
	}
	if last < 0 || count != len(pieces) || last != count-1 {
		return nil, fmt.Errorf("knn: the side input holds %d pieces of an index, the last being number %d", count, last)
	}
	p = IndexPiece{}
	file := make([]byte, 0, size)
	for i := range pieces {
		file = append(file, pieces[i]...)
		pieces[i] = nil
	}
	x, err := neighbors.OpenBytes(file)
	if err == nil {
		err = x.Verify(math.MaxInt64)
	}
	if err != nil {
		return nil, fmt.Errorf("knn: the side input holds no index: %w", err)
	}
	return x, nil
}
