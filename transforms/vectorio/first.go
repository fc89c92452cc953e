package vectorio

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// FirstFault gives the first fault of a row, in the order of the dataset, for when a job has failed by one: of
// several that are read side by side, the job may have met a later one first. File and row say which that is
// ([fault.Place]). It reads the rows before it again, on all cores, and gives nil where they are sound, where that
// file is none of the dataset or its targets, and where faults of rows are left out.
func (d *Dataset) FirstFault(ctx context.Context, file string, row int64) (*fault.Fault, error) {
	of, until, ok := d.place(file, row)
	if !ok || d.options.SkipFaults {
		return nil, nil
	}
	var first int64 // number of the file's first row in the dataset
	for i := range d.Files {
		if until >= 0 && first > until {
			break
		}
		chunks, rows, err := d.chunksOf(ctx, i, first)
		if err != nil {
			return nil, err
		}
		last := until
		if i == of {
			last = first + row
		}
		if last >= 0 {
			chunks = slices.DeleteFunc(chunks, func(c Chunk) bool { return c.First > last })
			for i := range chunks {
				chunks[i].Span.Rows = min(chunks[i].Span.Rows, last-chunks[i].First+1)
			}
		}
		if f, err := d.firstOf(ctx, chunks); f != nil || err != nil || i == of {
			return f, err
		}
		first += rows
	}
	return nil, nil
}

// place tells which file of the dataset has the row, or, where it is that of a target, the number of the row in the
// dataset; the other is −1.
func (d *Dataset) place(file string, row int64) (of int, number int64, ok bool) {
	for i, info := range d.Files {
		if info.Name == file {
			return i, -1, true
		}
	}
	var first int64
	for _, t := range d.targets {
		if t.Info.Name == file {
			return -1, first + row, true
		}
		first += t.Span.Rows
	}
	return -1, -1, false
}

// chunksOf cuts a file, whose first row has this number, as a job does; rows are how many it has.
func (d *Dataset) chunksOf(ctx context.Context, i int, first int64) (chunks []Chunk, rows int64, err error) {
	o := d.options
	src, err := o.inspect(ctx, d.Files[i], d.naming[i].Options(o.Formats))
	if err != nil {
		return nil, 0, err
	}
	whole := FilePiece{File: i, Info: d.Files[i], Naming: d.naming[i]}
	pieces := []FilePiece{whole}
	if src.Rows() < 0 {
		pieces = nil
		for _, r := range src.(formats.Counter).Ranges(rangeBytes(d.Bytes)) {
			whole.Range = r
			pieces = append(pieces, whole)
		}
	}
	number := &numberFn{Options: o}
	if src.Rows() < 0 {
		if err := number.count(ctx, pieces); err != nil {
			return nil, 0, err
		}
	}
	spans, err := number.spans(ctx, pieces, 0)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range spans {
		chunks = append(chunks, Chunk{
			Info: whole.Info, Naming: whole.Naming, Span: s, First: first + s.First, Total: first + s.First + s.Rows,
			Targets: cutTargets(d.targets, first+s.First, s.Rows), Features: o.Formats.Features, ZeroBased: o.Formats.ZeroBased,
		})
		rows += s.Rows
	}
	return chunks, rows, nil
}

// firstOf reads chunks, side by side, up to the first fault in their order.
func (d *Dataset) firstOf(ctx context.Context, chunks []Chunk) (*fault.Fault, error) {
	errs := make([]error, len(chunks))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	var least atomic.Int64 // the first chunk with a fault, so far
	least.Store(math.MaxInt64)
	for i, c := range chunks {
		g.Go(func() error {
			if int64(i) > least.Load() {
				return nil
			}
			if d.Fields != nil && d.options.Encoding == nil {
				_, errs[i] = EachTable(ctx, c, &d.options, nil, func(*tables.Table) error { return ctx.Err() })
			} else {
				errs[i] = EachBlock(ctx, c, &d.options, d.Dim, nil, func(*vectors.Block) error { return ctx.Err() })
			}
			for was := least.Load(); errs[i] != nil && int64(i) < was && !least.CompareAndSwap(was, int64(i)); {
				was = least.Load()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, err := range errs {
		var f *fault.Fault
		if errors.As(err, &f) {
			return f, nil
		} else if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
