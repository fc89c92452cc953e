package knn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&graphFn{}, &listsFn{}, &keptGraphFn{}, &keptListsFn{})
}

// approximate finds most of the neighbours, by partitions of the points, which are all in one worker.
type approximate struct{}

func (approximate) check(j *Job) error { return j.checkLimit(math.MaxInt64) }

func (approximate) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	s = s.Scope("knn.Approximate")
	fn := approximateFn{buildFn{Reading: j.Reading, Options: j.withIndexLimit(math.MaxInt64), Dim: j.Corpus.Dim,
		Self: j.Queries == nil}}
	corpus := beam.AddFixedKey(s, j.chunks(s.Scope("Corpus"), ofPoints, j.Corpus))
	if j.Queries == nil {
		return beam.ParDo(s, &graphFn{fn}, beam.GroupByKey(s, corpus)), nil
	}
	queries := beam.AddFixedKey(s, j.chunks(s.Scope("Queries"), ofQueries, j.Queries))
	return beam.ParDo(s, &listsFn{fn}, beam.CoGroupByKey(s, corpus, queries)), nil
}

// IVF is the algorithm of an approximate search.
const IVF = "ivf"

// ivf are the options of an approximate search.
func (o *Options) ivf() ivf.Options {
	a := ivf.Options{Metric: o.Neighbors.Metric, Bits: o.Neighbors.Bits, Recall: o.Recall, Seed: o.Seed}
	a.EnsureDefaults()
	return a
}

// validateApproximate reports what an approximate search cannot do.
func (o *Options) validateApproximate() error {
	a := o.ivf()
	errs := []error{a.Validate()}
	if o.Groups != nil && o.Groups.Rule == groups.Center {
		errs = append(errs, errors.New(
			"keep center: counts all neighbours, which a recall leaves out some of: keep another row, "+
				"or leave out the recall"))
	}
	if o.Radius != nil && o.Groups == nil {
		errs = append(errs, errors.New("a recall is of the k nearest: all neighbours within a radius are only found exactly"))
	}
	if o.Neighbors.Algorithm != "" && o.Neighbors.Algorithm != neighbors.Auto {
		errs = append(errs, fmt.Errorf("algorithm %s is exact: leave out the recall", o.Neighbors.Algorithm))
	}
	if o.Broadcast != "" && o.Broadcast != Auto {
		errs = append(errs, errors.New("an approximate search has the points in one worker, or above the index memory "+
			"in parts: without broadcast"))
	}
	return errors.Join(errs...)
}

// exactReport says, where a recall is asked, that all of so many points are answered exactly.
func (o *Options) exactReport(points int) *ivf.Report {
	if o.Recall == 0 {
		return nil
	}
	return &ivf.Report{Method: "exact", Asked: o.Recall, Measure: ivf.Measure{Recall: 1, Low: 1, High: 1, Sample: points}}
}

// approximateFn is what both have in common: they read the points as buildFn does.
type approximateFn struct{ buildFn }

// graphFn finds the neighbours of every point.
type graphFn struct{ approximateFn }

func (f *graphFn) ProcessElement(
	ctx context.Context, _ int, iter func(*vectorio.Chunk) bool, emit func(output.Part),
) error {
	c, err := f.corpus(ctx, iter)
	if err != nil {
		return fault.Mark(err)
	}
	return f.graph(ctx, c, emit)
}

// graph finds the neighbours of every point, and writes them.
func (f *approximateFn) graph(ctx context.Context, c *corpus, emit func(output.Part)) error {
	t := task{options: &f.Options, total: c.total, self: true, points: c.points.Len(), row: c.row}
	return t.write(ctx, emit, func(ctx context.Context) error {
		if f.Options.Groups != nil {
			return f.group(ctx, &t, c, emit)
		}
		start := time.Now()
		found, report, err := ivf.Graph(c.points, f.Options.K, f.Options.ivf(), t.search())
		if err != nil {
			return err
		}
		if err := t.put(c.points, found, c.labels(), start); err != nil {
			return err
		}
		return f.tell(ctx, c, report, emit)
	})
}

// group finds pairs of points for groups.
func (f *approximateFn) group(ctx context.Context, t *task, c *corpus, emit func(output.Part)) error {
	start := time.Now()
	found, report, err := groups.Approximate(c.points, *f.Options.Radius, f.Options.ivf(),
		neighbors.Search{Threads: f.Options.Threads})
	if err != nil {
		return err
	}
	if found != nil {
		if err := t.put(c.points, found, c.labels(), start); err != nil {
			return err
		}
		t.report.Neighbors *= 2 // each pair, from both ends
		progress.Of(f.Options.RunID).Add(int64(c.points.Len()))
		return f.tell(ctx, c, report, emit)
	}
	if t.index, err = neighbors.Fit(c.points, f.Options.Neighbors); err != nil {
		return err
	}
	for lo := 0; lo < c.points.Len(); lo += f.Options.SearchRows {
		if err := t.answer(t.index.Rows(lo, min(lo+f.Options.SearchRows, c.points.Len()))); err != nil {
			return err
		}
	}
	return f.tell(ctx, c, report, emit)
}

// listsFn answers other queries.
type listsFn struct{ approximateFn }

func (f *listsFn) ProcessElement(
	ctx context.Context, _ int, corpus, queries func(*vectorio.Chunk) bool, emit func(output.Part),
) error {
	c, err := f.corpus(ctx, corpus)
	if err != nil {
		return fault.Mark(err)
	}
	chunks, o := vectorio.Gather(queries), f.Options.ivf()
	return f.lists(ctx, c, chunks, emit, func() (*ivf.Index, error) {
		if ivf.ListsAreWorthwhile(c.points.Len(), f.Dim, rowsOf(chunks), false, o) {
			return ivf.Fit(c.points, o)
		}
		x, err := neighbors.Fit(c.points, f.Options.Neighbors)
		if err != nil {
			return nil, err
		}
		return ivf.Exactly(c.points, x, o)
	})
}

// rowsOf is how many rows the dataset of these chunks has.
func rowsOf(chunks []vectorio.Chunk) int {
	if len(chunks) == 0 {
		return 0
	}
	return int(chunks[0].Total)
}

// lists answers queries by an index of the points, and writes the answers.
func (f *approximateFn) lists(ctx context.Context, c *corpus, chunks []vectorio.Chunk, emit func(output.Part),
	fit func() (*ivf.Index, error)) error {
	progress.Of(f.Options.RunID).Phase("building the index")
	start := time.Now()
	index, err := fit()
	if err != nil {
		return fault.Mark(err)
	}
	c.build = time.Since(start)
	o := f.Options.ivf()
	index, report, err := f.tune(ctx, index, &o, chunks)
	if err != nil {
		return fault.Mark(err)
	}
	for _, q := range chunks {
		t := task{options: &f.Options, ordinal: q.Ordinal, total: q.Total, chunk: &q, points: c.points.Len(), row: c.row}
		search := &searchFn{Reading: f.Reading, Options: f.Options, Dim: f.Dim}
		err := t.write(ctx, emit, func(ctx context.Context) error {
			return t.read(ctx, q, search, t.out.Reject, func(b *vectors.Block) error {
				start := time.Now()
				found, _, err := index.KNeighbors(b, f.Options.K, t.search())
				if err != nil {
					return err
				}
				return t.put(b, found, c.labels(), start)
			})
		})
		if err != nil {
			return err
		}
	}
	return f.tell(ctx, c, report, emit)
}

// tune reads a sample of the queries, which says to how many lists each query is compared, and with what recall. It
// is the same sample however the queries are cut into chunks, and so is the answer.
func (f *approximateFn) tune(
	ctx context.Context, x *ivf.Index, o *ivf.Options, chunks []vectorio.Chunk,
) (*ivf.Index, *ivf.Report, error) {
	if len(chunks) == 0 {
		return x, nil, nil
	}
	progress.Of(f.Options.RunID).Phase("sampling queries")
	sample, total := f.Reading.NewBlock(f.Dim), chunks[0].Total
	places := ivf.Sample(int(total), o.Queries(), o.Seed)
	row := 0
	for _, c := range chunks {
		b := f.Reading.NewBlock(f.Dim)
		if err := readChunk(ctx, c, f.Reading, b, func(*fault.Fault) {}); err != nil {
			return nil, nil, err
		}
		for i := range b.Len() {
			for len(places) > 0 && int(places[0]) < row+i {
				places = places[1:]
			}
			if len(places) > 0 && int(places[0]) == row+i {
				sample.AppendBlock(b.Slice(i, i+1))
			}
		}
		row += b.Len()
	}
	return x.Tune(sample, f.Options.K, row, neighbors.Search{Threads: f.Options.Threads})
}

// corpus are the points of an approximate search.
type corpus struct {
	points      *vectors.Block
	rejected    []*fault.Fault
	total       int64 // rows, the rejected ones included
	read, build time.Duration
}

func (c *corpus) id(position int32) vectors.ID { return c.points.ID(int(position)) }

// labels name the points.
func (c *corpus) labels() labels {
	return labels{c.id, func(position int32) int64 { return c.points.Numbers[position] }}
}

func (c *corpus) row(position int32, dst []float64) []float64 {
	return c.points.Row(int(position), dst)
}

func (f *approximateFn) corpus(ctx context.Context, iter func(*vectorio.Chunk) bool) (*corpus, error) {
	progress.Of(f.Options.RunID).Phase("reading points")
	start := time.Now()
	chunks := vectorio.Gather(iter)
	all, err := f.read(ctx, chunks)
	if err != nil {
		return nil, err
	}
	vectorio.Count(ctx, all.rows, int64(len(all.rejected)))
	c := &corpus{points: all.points, rejected: all.rejected, read: time.Since(start)}
	if len(chunks) > 0 {
		c.total = chunks[0].Total
	}
	return c, f.Options.checkK(all.rows, f.Self)
}

// tell reports on the points and on how well they were searched.
func (f *approximateFn) tell(ctx context.Context, c *corpus, a *ivf.Report, emit func(output.Part)) error {
	return f.Options.report(ctx, order, Report{
		Points: int64(c.points.Len()), Dim: f.Dim, ReadPoints: c.read.Seconds(), BuildIndex: c.build.Seconds(),
		DuplicateIDs: int64(c.points.IDs.Duplicates()), Algorithm: IVF, Approximate: a,
	}, c.rejected, emit)
}

// keptApproximate finds most of the neighbours among the points of an index of an earlier run, in one worker, by the
// lists that it keeps.
type keptApproximate struct{}

func (keptApproximate) check(*Job) error { return nil }

func (keptApproximate) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	s = s.Scope("knn.ApproximateKept")
	x := j.Index
	fn := keptApproximateFn{approximateFn{buildFn{Reading: j.Reading, Options: j.Options, Dim: x.Dim,
		Self: j.Queries == nil}}, x.File, x.Note.Total, x.Note.Recall != 0}
	reports := beam.CreateList(s, j.shapeOf(x.Note.Total))
	if j.Queries == nil {
		all := beam.CreateList(s, []Range{{Ordinal: built, Total: x.Note.Total}})
		return beam.Flatten(s, reports, beam.ParDo(s, &keptGraphFn{fn}, all)), nil
	}
	queries := beam.AddFixedKey(s, j.chunks(s.Scope("Queries"), ofQueries, j.Queries))
	return beam.Flatten(s, reports, beam.ParDo(s, &keptListsFn{fn}, beam.GroupByKey(s, queries))), nil
}

// keptApproximateFn is what both have in common: they open the index.
type keptApproximateFn struct {
	approximateFn
	File  IndexFile
	Total int64 // rows that it was built of
	Lists bool  // it keeps lists
}

// open opens the index, and copies its points into memory that stays whatever becomes of the file, where they are
// looked at otherwise than by the index.
func (f *keptApproximateFn) open(ctx context.Context, copies bool) (x *neighbors.Index, c *corpus, err error) {
	progress.Of(f.Options.RunID).Phase("reading points")
	start := time.Now()
	if x, err = f.File.open(ctx, "", verified); err != nil {
		return nil, nil, err
	}
	c = &corpus{points: x.Rows(0, x.Len()), total: f.Total}
	if copies {
		if c.points, err = x.Without(nil); err == nil {
			err = x.Unchanged()
		}
	}
	c.read = time.Since(start)
	return x, c, err
}

// keptGraphFn finds the neighbours of every point.
type keptGraphFn struct{ keptApproximateFn }

func (f *keptGraphFn) ProcessElement(ctx context.Context, _ Range, emit func(output.Part)) error {
	_, c, err := f.open(ctx, true)
	if err != nil {
		return fault.Mark(err)
	}
	return f.graph(ctx, c, emit)
}

// keptListsFn answers other queries.
type keptListsFn struct{ keptApproximateFn }

func (f *keptListsFn) ProcessElement(
	ctx context.Context, _ int, queries func(*vectorio.Chunk) bool, emit func(output.Part),
) error {
	chunks, o := vectorio.Gather(queries), f.Options.ivf()
	few := !ivf.ListsAreWorthwhile(int(f.Total), f.Dim, rowsOf(chunks), f.Lists, o)
	x, c, err := f.open(ctx, !few)
	if err != nil {
		return fault.Mark(err)
	}
	defer runtime.KeepAlive(x)
	fit := func() (*ivf.Index, error) { return ivf.Open(c.points, x, o) }
	if few {
		fit = func() (*ivf.Index, error) { return ivf.Exactly(c.points, x, o) }
	}
	if err := f.lists(ctx, c, chunks, emit, fit); err != nil {
		return err
	}
	return fault.Mark(x.Unchanged())
}
