package knn

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/transforms/files"
)

// A worker process decodes the index of a run once, whatever the number of its bundles, DoFns and elements: a DoFn
// instance asks the side input for an iterator only if nobody before it has.

var indexes = struct {
	sync.Mutex
	byRun map[string]*sharedIndex
}{byRun: map[string]*sharedIndex{}}

type sharedIndex struct {
	sync.Mutex
	index *neighbors.Index
}

// loadIndex gives the index of a run. seconds is the time that decoding took, where this call has done it.
func loadIndex(ctx context.Context, run string, pieces func() func(*IndexPiece) bool) (index *neighbors.Index, seconds float64, err error) {
	over.RLock()
	defer over.RUnlock()
	if over.runs[run] {
		return nil, 0, fmt.Errorf("knn: the run %s is over", run)
	}
	indexes.Lock()
	s := indexes.byRun[run]
	if s == nil {
		s = &sharedIndex{}
		indexes.byRun[run] = s
	}
	indexes.Unlock()

	// A failure is not kept: the runner tries the bundle again.
	s.Lock()
	defer s.Unlock()
	if s.index != nil {
		return s.index, 0, nil
	}
	start := time.Now()
	if s.index, err = decodeIndex(pieces()); err != nil {
		return nil, 0, err
	}
	indexDecodes.Inc(ctx, 1)
	return s.index, time.Since(start).Seconds(), nil
}

// Release drops the index of a run from this process. Publish calls it at the end of a run, where it runs in the process
// that has searched; a process that ends needs no release.
func Release(run string) {
	indexes.Lock()
	defer indexes.Unlock()
	delete(indexes.byRun, run)
}

// over are the runs that [Clean] has ended in this process: a bundle that has not heard of it must not make their
// directory, or decode their index, again.
var over = struct {
	sync.RWMutex
	runs map[string]bool
}{runs: map[string]bool{}}

func setOver(run string, is bool) {
	over.Lock()
	defer over.Unlock()
	if is {
		over.runs[run] = true
	} else {
		delete(over.runs, run)
	}
}

// create creates a file of a run that is not over.
func (o *Options) create(ctx context.Context, path string) (io.WriteCloser, error) {
	over.RLock()
	defer over.RUnlock()
	if over.runs[o.RunID] {
		return nil, fmt.Errorf("%s: the run is over", path)
	}
	return files.Create(ctx, path)
}

// decodeIndex puts the pieces, which come in any order, together.
func decodeIndex(next func(*IndexPiece) bool) (*neighbors.Index, error) {
	var pieces [][]byte
	var size int64
	count, last := 0, -1
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
			size += int64(len(p.Data))
		}
		if p.Last {
			last = p.Number
		}
	}
	if last < 0 || count != len(pieces) || last != count-1 {
		return nil, fmt.Errorf("knn: the side input holds %d pieces of an index, the last being number %d", count, last)
	}
	return neighbors.ReadIndex(&pieceReader{pieces: pieces}, size)
}

// pieceReader reads the pieces in turn, and lets go of each that has been read.
type pieceReader struct {
	pieces [][]byte
	at     int
}

func (r *pieceReader) Read(b []byte) (int, error) {
	for len(r.pieces) > 0 && r.at == len(r.pieces[0]) {
		r.pieces[0] = nil
		r.pieces, r.at = r.pieces[1:], 0
	}
	if len(r.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.pieces[0][r.at:])
	r.at += n
	return n, nil
}
