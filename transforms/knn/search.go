package knn

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/overview"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&searchFn{}, &searchSelfFn{}, &searchFileFn{}, &searchSelfFileFn{})
}

// search answers queries from files, whose rows have dim columns: PCollection<vectorio.Chunk>, with
// PCollection<IndexPiece> as its side input, → PCollection<output.Part>. A part's name follows from its chunk, so
// that a bundle that is tried again writes the same files.
//
// A worker holds the index and, for each bundle that it runs, ChunkRows rows and their answers.
func search(
	s beam.Scope, queries, index beam.PCollection, dim int, reading vectorio.Options, o Options,
) beam.PCollection {
	s = s.Scope("knn.Search")
	fn := &searchFn{Reading: reading, Options: o, Dim: dim}
	return beam.ParDo(s, fn, queries, beam.SideInput{Input: index})
}

// searchSelf answers the points of the index; no point is its own neighbour: PCollection<Range>, with
// PCollection<IndexPiece> as its side input, → PCollection<output.Part>. The rows are in the index: nothing is read
// again.
//
// A worker holds the index and, for each bundle that it runs, the answers to SearchRows points.
func searchSelf(s beam.Scope, ranges, index beam.PCollection, o Options) beam.PCollection {
	s = s.Scope("knn.SearchSelf")
	return beam.ParDo(s, &searchSelfFn{Options: o}, ranges, beam.SideInput{Input: index})
}

type searchFn struct {
	Reading vectorio.Options
	Options Options
	Dim     int
	Kept    bool // the index is one of an earlier run
}

func (f *searchFn) ProcessElement(
	ctx context.Context, c vectorio.Chunk, pieces func() func(*IndexPiece) bool, emit func(output.Part),
) error {
	return f.search(ctx, c, fromPieces(pieces), emit)
}

func (f *searchFn) search(ctx context.Context, c vectorio.Chunk, from source, emit func(output.Part)) error {
	t := task{options: &f.Options, ordinal: c.Ordinal, total: c.Total, kept: f.Kept, chunk: &c}
	return t.run(ctx, from, emit, func(ctx context.Context) error {
		return t.read(ctx, c, f, t.out.Reject, func(q *vectors.Block) error { return t.answer(q) })
	})
}

type searchSelfFn struct {
	Options Options
	Kept    bool // the index is one of an earlier run
}

func (f *searchSelfFn) ProcessElement(
	ctx context.Context, r Range, pieces func() func(*IndexPiece) bool, emit func(output.Part),
) error {
	return f.search(ctx, r, fromPieces(pieces), emit)
}

func (f *searchSelfFn) search(ctx context.Context, r Range, from source, emit func(output.Part)) error {
	t := task{options: &f.Options, ordinal: r.Ordinal, total: r.Total, kept: f.Kept, self: true}
	return t.run(ctx, from, emit, func(ctx context.Context) error {
		q, err := f.Options.asked(ctx, t.index.Rows(r.First, r.First+r.Rows))
		if err != nil || q.Len() == 0 {
			return err
		}
		return t.answer(q)
	})
}

// searchFileFn and searchSelfFileFn find the index in a file, or in their process, where it was built.
type searchFileFn struct{ searchFn }

func (f *searchFileFn) ProcessElement(ctx context.Context, q Query, emit func(output.Part)) error {
	return f.search(ctx, q.Chunk, q.Index.source(f.Kept), emit)
}

type searchSelfFileFn struct{ searchSelfFn }

func (f *searchSelfFileFn) ProcessElement(ctx context.Context, r Range, emit func(output.Part)) error {
	return f.search(ctx, r, r.Index.source(f.Kept), emit)
}

// task answers consecutive queries and writes the answers.
type task struct {
	ctx     context.Context
	options *Options
	ordinal int64                   // place among the tasks
	total   int64                   // rows of the queries' dataset
	self    bool                    // the queries are points
	chunk   *vectorio.Chunk         // of the queries, or nil where they are not read
	voters  *voters                 // of predictions, once there are any
	only    func(number int64) bool // the queries that are read; nil for all

	index  *neighbors.Index
	all    []*neighbors.Index                            // the one or several that have all points
	kept   bool                                          // it is one of an earlier run
	points int                                           // of the index, 0 where the task has not all of it
	row    func(position int32, dst []float64) []float64 // of a point, nil where the task has not all of them
	out    *output.Task
	edges  []exchangeFile // what is left for another step to write, instead of out
	report Report
}

func (t *task) run(ctx context.Context, from source, emit func(output.Part), work func(context.Context) error) error {
	index, decode, err := loadIndex(ctx, t.options.RunID, from)
	if err != nil {
		return fault.Mark(err)
	}
	defer runtime.KeepAlive(index) // the queries may be in its memory
	if decode > 0 {
		t.report.Decodes, t.report.DecodeIndex = 1, decode
	}
	t.index, t.points, t.all = index, index.Len(), []*neighbors.Index{index}
	t.row = func(position int32, dst []float64) []float64 {
		return index.Rows(int(position), int(position)+1).Row(0, dst)
	}
	return t.write(ctx, emit, func(ctx context.Context) error {
		if err := work(ctx); err != nil || !t.kept {
			return err
		}
		return index.Unchanged()
	})
}

// write does the work of the task, which writes the answers.
func (t *task) write(ctx context.Context, emit func(output.Part), work func(context.Context) error) error {
	run := progress.Of(t.options.RunID)
	run.Phase("searching")
	run.Total(t.total)
	parts, err := output.Run(ctx, t.options.output(), t.ordinal, t.total,
		func(ctx context.Context, out *output.Task) error {
			t.ctx, t.out = ctx, out
			return work(ctx)
		})
	if err != nil {
		return fault.Mark(err)
	}
	if t.report.Scores != nil {
		t.report.Scores.Finish()
	}
	rowsAnswered.Inc(ctx, t.report.Queries)
	neighborsFound.Inc(ctx, t.report.Neighbors)
	report, err := output.Report(t.ordinal, t.report)
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return t.emitEdges(emit)
}

// read gives the queries of a chunk to answer, a block at a time.
func (t *task) read(
	ctx context.Context, c vectorio.Chunk, f *searchFn, reject func(*fault.Fault), answer func(*vectors.Block) error,
) (err error) {
	r, err := vectorio.Open(ctx, c, f.Reading, reject)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if t.only != nil {
		r.Only(t.only)
	}
	block := f.Reading.NewBlock(f.Dim)
	if t.only == nil {
		block.Grow(int(min(c.Span.Rows, int64(f.Reading.ChunkRows), maxGrow)))
	}
	for {
		start := time.Now()
		block.Reset()
		switch err := r.Read(block); err {
		case nil:
		case io.EOF:
			t.report.Rejected, t.report.UnseenCells = t.out.Rejected(), r.Unseen().Named(f.Reading.Encoding)
			vectorio.Count(ctx, t.report.Queries, t.report.Rejected)
			return nil
		default:
			return err
		}
		t.report.ReadQueries += time.Since(start).Seconds()
		if err := answer(block); err != nil {
			return err
		}
	}
}

// search is how to search for the task.
func (t *task) search() neighbors.Search {
	run := progress.Of(t.options.RunID)
	return neighbors.Search{Threads: t.options.Threads, Progress: func(n int) { run.Add(int64(n)) }}
}

// answer answers a block of queries.
func (t *task) answer(q *vectors.Block) error {
	start := time.Now()
	search := t.search()
	search.Self = t.self
	found, err := t.find(q, t.index, search)
	if err != nil {
		return err
	}
	return t.put(q, found, labels{t.index.ID, t.index.Number}, start)
}

// put writes the neighbours of a block of queries, which were searched from start on, or what they answer.
func (t *task) put(q *vectors.Block, found *neighbors.Neighbors, points labels, start time.Time) error {
	searched := time.Now()
	write := t.writeRows
	switch {
	case t.options.Answer != nil:
		write = t.predict
	case t.options.symmetric():
		write = t.writeEdges
	case t.options.Groups != nil:
		write = t.writeForest
	case t.options.Outliers != nil:
		write = t.writeLists
	}
	if err := write(q, found, points); err != nil {
		return err
	}
	if t.options.Evaluate != "" {
		if err := t.judge(q, found, points); err != nil {
			return err
		}
	}
	if t.options.Overview && t.options.Groups == nil {
		if t.report.Overview == nil {
			t.report.Overview = new(overview.Overview)
		}
		all := t.options.Workers == placement.InProcess && t.points > 0
		row := t.row
		if q.Missing || q.Sparse != nil && q.Dim > vectorio.MaxDenseFeatures {
			row = nil // a map has its rows with their zeros, and without gaps
		}
		t.report.Overview.Add(q, found, points.id, &overview.Setting{Queries: t.total, Points: int64(t.points), Row: row,
			Hubs: !all})
		if all {
			countHubs(t.options.RunID, t.points, found.Positions, points.id)
		}
	}
	t.report.Queries += int64(q.Len())
	t.report.Neighbors += int64(len(found.Positions))
	t.report.Search += searched.Sub(start).Seconds()
	t.report.Write += time.Since(searched).Seconds()
	return nil
}
