package knn

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	register.DoFn4x1[context.Context, vectorio.Chunk, func() func(*IndexPiece) bool, func(Part), error](&searchFn{})
	register.DoFn4x1[context.Context, Range, func() func(*IndexPiece) bool, func(Part), error](&searchSelfFn{})
}

// Search answers queries from files, whose rows have dim columns: PCollection<vectorio.Chunk>, with
// PCollection<IndexPiece> as its side input, → PCollection<Part>. A part's name follows from its chunk, so that a bundle
// that is tried again writes the same files.
//
// A worker holds the index, and for each bundle that it runs ChunkRows rows and their answers.
func Search(s beam.Scope, queries, index beam.PCollection, dim int, reading vectorio.Options, o Options) beam.PCollection {
	s = s.Scope("knn.Search")
	fn := &searchFn{Reading: reading, Options: o, Dim: dim}
	return beam.ParDo(s, fn, queries, beam.SideInput{Input: index})
}

// SearchSelf answers the points of the index, each of which leaves itself out: PCollection<Range>, with
// PCollection<IndexPiece> as its side input, → PCollection<Part>. The rows are in the index: nothing is read again.
//
// A worker holds the index, and for each bundle that it runs the answers to SearchRows points.
func SearchSelf(s beam.Scope, ranges, index beam.PCollection, o Options) beam.PCollection {
	s = s.Scope("knn.SearchSelf")
	return beam.ParDo(s, &searchSelfFn{Options: o}, ranges, beam.SideInput{Input: index})
}

type searchFn struct {
	Reading vectorio.Options
	Options Options
	Dim     int
}

func (f *searchFn) ProcessElement(ctx context.Context, c vectorio.Chunk, pieces func() func(*IndexPiece) bool, emit func(Part)) error {
	t := task{options: &f.Options, ordinal: c.Ordinal, total: c.Total}
	return t.run(ctx, pieces, emit, func(ctx context.Context) (err error) {
		r, err := vectorio.Open(ctx, c, f.Reading, func(row *fault.Fault) { t.rejected = append(t.rejected, row) })
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		block := f.Reading.NewBlock(f.Dim)
		for {
			start := time.Now()
			block.Reset()
			switch err := r.Read(block); err {
			case nil:
			case io.EOF:
				t.report.Rejected = int64(len(t.rejected))
				vectorio.Count(ctx, t.report.Queries, t.report.Rejected)
				return nil
			default:
				return err
			}
			t.report.ReadQueries += time.Since(start).Seconds()
			if err := t.answer(block, false); err != nil {
				return err
			}
		}
	})
}

type searchSelfFn struct{ Options Options }

func (f *searchSelfFn) ProcessElement(ctx context.Context, r Range, pieces func() func(*IndexPiece) bool, emit func(Part)) error {
	t := task{options: &f.Options, ordinal: r.Ordinal, total: r.Total}
	return t.run(ctx, pieces, emit, func(context.Context) error { return t.answer(t.index.Rows(r.First, r.First+r.Rows), true) })
}

// task answers consecutive queries and writes the answers into a part for each shard of the output that they fall into.
type task struct {
	options *Options
	ordinal int64 // place among the tasks
	total   int64 // rows of the queries' dataset

	ctx      context.Context
	index    *neighbors.Index
	format   *results.Format
	rejected []*fault.Fault
	report   Report

	parts []Part
	part  results.PartWriter // the part that is being written
	files []io.Closer
}

func (t *task) run(ctx context.Context, pieces func() func(*IndexPiece) bool, emit func(Part), work func(context.Context) error) error {
	index, decode, err := loadIndex(ctx, t.options.RunID, pieces)
	if err != nil {
		return fault.Mark(err)
	}
	if decode > 0 {
		t.report.Decodes, t.report.DecodeIndex = 1, decode
	}
	run := progress.Of(t.options.RunID)
	run.Phase("searching")
	run.Total(t.total)
	// Cancelling makes an object store forget the parts of a task that fails.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.ctx, t.index = ctx, index
	if t.format, err = t.options.format(); err != nil {
		return fault.Mark(err)
	}
	err = work(ctx)
	if err != nil {
		cancel()
	}
	if err = errors.Join(err, t.close()); err != nil {
		return fault.Mark(err)
	}
	rowsAnswered.Inc(ctx, t.report.Queries)
	neighborsFound.Inc(ctx, t.report.Neighbors)
	for _, p := range t.parts {
		emit(p)
	}
	emit(Part{Shard: shardReport, Report: t.report})
	return nil
}

// answer answers a block of queries, which with self are points of the index.
func (t *task) answer(q *vectors.Block, self bool) error {
	start := time.Now()
	run := progress.Of(t.options.RunID)
	search := neighbors.Search{Self: self, Threads: t.options.Threads, Progress: func(n int) { run.Add(int64(n)) }}
	var found *neighbors.Neighbors
	var err error
	if t.options.Radius != nil {
		found, err = t.index.RadiusNeighbors(q, *t.options.Radius, search)
	} else {
		found, err = t.index.KNeighbors(q, t.options.K, search)
	}
	if err != nil {
		return err
	}
	searched := time.Now()
	if err := t.write(q, found); err != nil {
		return err
	}
	t.report.Queries += int64(q.Len())
	t.report.Neighbors += int64(len(found.Positions))
	t.report.Search += searched.Sub(start).Seconds()
	t.report.Write += time.Since(searched).Seconds()
	return nil
}

// shardOf is the shard of the output for a row of the queries: shards are equal runs of row numbers, so that they depend
// on nothing but the input and their number.
func shardOf(row, total int64, shards int) int {
	if shards == 1 {
		return 0
	}
	// Shard s begins at ⌈s·total/shards⌉; total·shards is far from 2⁶³.
	return int(row * int64(shards) / total)
}

func (t *task) write(q *vectors.Block, found *neighbors.Neighbors) error {
	for from := 0; from < q.Len(); {
		shard := shardOf(q.Numbers[from], t.total, t.options.NumShards)
		to := from + 1
		for to < q.Len() && shardOf(q.Numbers[to], t.total, t.options.NumShards) == shard {
			to++
		}
		if n := len(t.parts); n == 0 || t.parts[n-1].Shard != shard {
			if err := t.next(shard); err != nil {
				return err
			}
		}
		c := results.Chunk{Query: q.ID, Neighbor: t.index.ID, Neighbors: found, From: from, To: to, Threads: t.options.Threads}
		if err := t.part.Write(&c); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// next ends the part that is being written and begins that of a shard.
func (t *task) next(shard int) error {
	if err := t.end(); err != nil {
		return err
	}
	p := Part{Shard: shard, Order: t.ordinal}
	var out []io.Writer
	for i := range t.format.Files(t.options.Output) {
		p.Paths = append(p.Paths, files.Join(t.options.Staging(), fmt.Sprintf("part-%08d-%05d-%d", t.ordinal, shard, i)))
		f, err := t.options.create(t.ctx, p.Paths[i])
		if err != nil {
			return err
		}
		t.files = append(t.files, f)
		out = append(out, f)
	}
	t.part = t.format.NewPart(out, t.options.layout())
	t.parts = append(t.parts, p)
	return nil
}

// end closes the part that is being written, if any.
func (t *task) end() error {
	var errs []error
	if t.part != nil {
		info, err := t.part.Close()
		errs = append(errs, err)
		t.parts[len(t.parts)-1].Info = info
		t.part = nil
	}
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	t.files = nil
	return errors.Join(errs...)
}

// close ends the last part and writes the rows that were rejected.
func (t *task) close() error {
	if err := t.end(); err != nil || len(t.rejected) == 0 {
		return err
	}
	p := Part{Shard: shardRejected, Order: t.ordinal}
	p.Paths = []string{files.Join(t.options.Staging(), fmt.Sprintf("rejected-%08d", t.ordinal))}
	t.parts = append(t.parts, p)
	return t.options.writeRejected(t.ctx, p.Paths[0], t.rejected)
}

// writeRejected writes a JSON line for each rejected row.
func (o *Options) writeRejected(ctx context.Context, path string, rejected []*fault.Fault) error {
	f, err := o.create(ctx, path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, r := range rejected {
		line := struct {
			File   string `json:"file"`
			Row    int64  `json:"row"`
			Column string `json:"column,omitempty"`
			Reason string `json:"reason"`
		}{r.File, r.Row, r.Column, r.Reason()}
		if err := e.Encode(line); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}
