package knn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sort"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&planShardsFn{}, &buildShardsFn{}, &listShardsFn{}, &searchShardsFn{})
	register.Iter1[shardFiles]()
	register.Emitter1[shardPlan]()
	register.Emitter1[shardFiles]()
	registry.Element(encodePlan, decodePlan)
	registry.Element(encodeFiles, decodeFiles)
}

// inShards cuts the index into parts that fit into the memory of a worker.
type inShards struct{}

func (inShards) check(j *Job) error {
	if rows := j.shardRows(true); rows < 1 {
		return fmt.Errorf("index memory %s: a point of %d columns takes more", files.Bytes(j.Options.IndexMemory),
			j.Corpus.Dim)
	}
	return nil
}

// shardRows is how many points a shard holds, or about so many, where they are sparse.
func (j *Job) shardRows(wide bool) int64 {
	o := &j.Options
	if j.Reading.Formats.Sparse {
		return neighbors.SparseShardRows(o.IndexMemory, rowEntries(j.Corpus), j.Corpus.Dim, o.Neighbors)
	}
	return neighbors.ShardRows(o.IndexMemory, j.Corpus.Dim, wide, o.Neighbors)
}

// rowEntries is about how many entries a sparse row of a dataset has.
func rowEntries(d *vectorio.Dataset) float64 {
	const unknown = 100
	if d.Entries < 0 || d.RowsAbout < 1 {
		return unknown
	}
	return max(float64(d.Entries)/float64(d.RowsAbout), 1)
}

// queryBytes is about what a query takes in memory.
func (j *Job) queryBytes() int64 {
	dense := 8 * int64(j.Corpus.Dim)
	if !j.Reading.Formats.Sparse {
		return dense
	}
	const entry = 12
	size := int64(entry * rowEntries(j.queryDataset()))
	if j.Corpus.Dim <= neighbors.MaxDenseColumns { // a shard may be stored with its zeros
		size += dense
	}
	return size
}

func (inShards) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	s = s.Scope("knn.Shards")
	o, reading, dim := j.Options, j.Reading, j.Corpus.Dim
	reading.ChunkRows = int(min(int64(reading.ChunkRows), max(j.shardRows(true)/4, 1)))
	plan := &planShardsFn{Rows: j.shardRows(reading.Formats.DType == vectors.Float64)}
	chunks := j.chunks(s.Scope("Corpus"), ofPoints, j.Corpus.Chunked(reading.ChunkRows, 0))
	plans := beam.ParDo(s, plan, beam.GroupByKey(s, beam.AddFixedKey(s, chunks)))
	fn := &buildShardsFn{Reading: reading, Options: o, Dim: dim, Self: j.Queries == nil, Rows: j.shardRows(false),
		WideRows: j.shardRows(true)}
	shards, built := beam.ParDo2(s.Scope("knn.BuildShards"), fn, beam.Reshuffle(s, plans))
	list := &listShardsFn{Options: o, Self: j.Queries == nil}
	listed := beam.ParDo(s, list, beam.GroupByKey(s, beam.AddFixedKey(s, shards)))

	most := neighbors.ShardQueryRows(o.IndexMemory, j.queryBytes(), o.K)
	rows := min(reading.ChunkRows, most)
	if j.Queries == nil && o.SearchRows > 0 {
		rows = min(o.SearchRows, most)
	}
	reading.ChunkRows = rows
	chunked := j.chunks(s.Scope("Queries"), ofQueries, j.queryDataset().Chunked(rows, 0))
	tasks := release(s, beam.ParDo(s, &queryFn{}, chunked), listed)
	search := &searchShardsFn{searchFn: searchFn{Reading: reading, Options: o, Dim: dim}, Self: j.Queries == nil}
	return beam.Flatten(s, built, beam.ParDo(s.Scope("knn.SearchShards"), search, beam.Reshuffle(s, tasks))), nil
}

// memory is held by the DoFn of this process that has a shard or a part of the points in memory: one at a time.
var memory = make(chan struct{}, 1)

func acquireMemory(ctx context.Context) error {
	select {
	case memory <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func releaseMemory() { <-memory }

// shardPlan is the rows of a shard, or of a few where they are stored as float64.
type shardPlan struct {
	Number, Of int
	Chunks     []vectorio.Chunk
}

func encodePlan(p shardPlan) ([]byte, error) { return json.Marshal(p) }
func decodePlan(b []byte) (shardPlan, error) { return jsoncoder.Decode[shardPlan](b) }

// shardFiles are the shards of a plan, in order.
type shardFiles struct {
	Plan   int
	Points int64
	Files  []IndexFile
}

func encodeFiles(f shardFiles) ([]byte, error) { return json.Marshal(f) }
func decodeFiles(b []byte) (shardFiles, error) { return jsoncoder.Decode[shardFiles](b) }

// planShardsFn makes shards of consecutive chunks of the corpus.
type planShardsFn struct {
	Rows int64 // of a shard
}

func (f *planShardsFn) ProcessElement(_ int, iter func(*vectorio.Chunk) bool, emit func(shardPlan)) {
	chunks := vectorio.Gather(iter)
	var rows []int64
	for _, c := range chunks {
		rows = append(rows, c.Span.Rows)
	}
	first, ends := 0, neighbors.CutShards(rows, f.Rows)
	for i, end := range ends {
		emit(shardPlan{Number: i, Of: len(ends), Chunks: chunks[first:end]})
		first = end
	}
}

// buildShardsFn reads the rows of a plan, block by block, and builds a shard whenever it has as many as fit.
type buildShardsFn struct {
	Reading        vectorio.Options
	Options        Options
	Dim            int
	Self           bool
	Rows, WideRows int64 // of a shard whose values are float32, or float64
}

func (f *buildShardsFn) ProcessElement(
	ctx context.Context, p shardPlan, emit func(shardFiles), parts func(output.Part),
) error {
	if err := acquireMemory(ctx); err != nil {
		return err
	}
	defer releaseMemory()
	defer debug.FreeOSMemory()
	progress.Of(f.Options.RunID).Phase("building the index")
	b := &shardBuilder{f: f, plan: &p, out: shardFiles{Plan: p.Number}}
	b.buffer = neighbors.ShardBuffer{MaxRows: f.Rows, MaxWideRows: f.WideRows, Points: f.Reading.NewBlock(f.Dim),
		Memory: f.Options.IndexMemory, Options: f.Options.Neighbors}
	b.report.Approximate = f.Options.exactReport(int(p.Chunks[0].Total))
	var err error
	if b.kept, err = f.Options.kept(ctx, f.Self); err == nil {
		err = errors.Join(f.Options.sameRows(p.Chunks[0].Total), b.read(ctx))
	}
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, b.out.Points, int64(len(b.rejected)))
	indexBuilds.Inc(ctx, int64(len(b.out.Files)))
	order := int64(p.Number - p.Of) // before the parts of all queries
	if b.report.Dim = f.Dim; b.kept == nil {
		b.report.Points = b.out.Points
	}
	b.report.Shards, b.report.Broadcast = len(b.out.Files), Shards
	if err := f.Options.report(ctx, order, b.report, b.rejected, parts); err != nil {
		return err
	}
	emit(b.out)
	return nil
}

// shardBuilder builds the shards of one plan.
type shardBuilder struct {
	f        *buildShardsFn
	plan     *shardPlan
	buffer   neighbors.ShardBuffer
	kept     func(number int64) bool // nil where all rows are points
	rejected []*fault.Fault
	out      shardFiles
	report   Report
}

func (b *shardBuilder) read(ctx context.Context) error {
	block := b.f.Reading.NewBlock(b.f.Dim)
	chunks, err := b.f.Options.wholeGroups(ctx, b.plan.Chunks, &b.f.Reading, b.f.Self)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if err := b.readChunk(ctx, c, block); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

func (b *shardBuilder) readChunk(ctx context.Context, c vectorio.Chunk, block *vectors.Block) (err error) {
	if b.kept != nil {
		b.out.Points += c.Span.Rows
	}
	r, _, err := openSome(ctx, c, b.f.Reading, b.kept,
		func(f *fault.Fault) { b.rejected = append(b.rejected, f) })
	if r == nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		start := time.Now()
		block.Reset()
		err := r.Read(block)
		b.report.ReadPoints += time.Since(start).Seconds()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		some, err := b.f.Options.labelled(ctx, block)
		if err != nil {
			return err
		}
		if some.Len() == 0 {
			continue
		}
		if err := b.add(ctx, some); err != nil {
			return err
		}
	}
}

// add adds rows to the shard that is being read, which ends before them where they do not fit. Values that need a
// float64 begin a shard of their own.
func (b *shardBuilder) add(ctx context.Context, block *vectors.Block) error {
	last := b.plan.Chunks[len(b.plan.Chunks)-1]
	for block.Len() > 0 {
		n := b.buffer.Fits(block)
		if n == 0 {
			if err := b.flush(ctx); err != nil {
				return err
			}
			continue
		}
		some := block
		if n < block.Len() {
			some = block.Slice(0, n)
		}
		b.buffer.Add(some, last.First+last.Span.Rows-some.Numbers[0])
		block = block.Slice(n, block.Len())
	}
	return nil
}

// flush builds the shard of the rows that have been read, if there are any, and writes it.
func (b *shardBuilder) flush(ctx context.Context) error {
	if b.buffer.Points.Len() == 0 {
		return nil
	}
	start := time.Now()
	index, err := neighbors.Fit(b.buffer.Points, b.f.Options.Neighbors)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("shard-%05d-%05d", b.plan.Number, len(b.out.Files))
	file, err := b.f.Options.writeIndex(ctx, name, index, Note{Formats: b.f.Reading.Formats})
	if err != nil {
		return err
	}
	b.out.Files = append(b.out.Files, file)
	if b.kept == nil {
		b.out.Points += int64(index.Len())
	} else {
		b.report.Points += int64(index.Len())
	}
	b.report.Algorithm = string(index.Algorithm())
	b.report.IndexBytes += file.Size
	b.buffer.Points.Reset()
	index = nil
	debug.FreeOSMemory() // what the engine has made must not stay beside what comes next
	b.report.BuildIndex += time.Since(start).Seconds()
	return nil
}

// listShardsFn writes the list of all shards, once they are there.
type listShardsFn struct {
	Options Options
	Self    bool
}

func (f *listShardsFn) ProcessElement(ctx context.Context, _ int, iter func(*shardFiles) bool, emit func(Range)) error {
	var plans []shardFiles
	var p shardFiles
	for iter(&p) {
		plans = append(plans, p)
	}
	sort.Slice(plans, func(i, j int) bool { return plans[i].Plan < plans[j].Plan })
	var all []IndexFile
	points := int64(0)
	for _, p := range plans {
		all = append(all, p.Files...)
		points += p.Points
	}
	if len(all) == 0 {
		return fault.Mark(errNoPoints)
	}
	if f.Options.Radius == nil {
		if err := f.Options.checkK(points, f.Self); err != nil {
			return fault.Mark(err)
		}
	}
	path, err := f.Options.create(ctx, "shards", func(w io.Writer) error { return json.NewEncoder(w).Encode(all) })
	if err != nil {
		return fault.Mark(err)
	}
	emit(Range{Ordinal: built, Index: IndexFile{Path: path}})
	return nil
}

// shardLists are the lists of the runs of this process.
var shardLists = output.NewShared[[]IndexFile]()

func shardList(ctx context.Context, run, path string) ([]IndexFile, error) {
	list, _, err := shardLists.Get(run, func() (list []IndexFile, err error) {
		r, err := files.OpenRead(ctx, path)
		if err != nil {
			return nil, err
		}
		err = json.NewDecoder(r).Decode(&list)
		return list, errors.Join(err, r.Close())
	})
	return list, err
}

// searchShardsFn takes queries through all shards, one after the other.
type searchShardsFn struct {
	searchFn
	Self bool
}

func (f *searchShardsFn) ProcessElement(ctx context.Context, q Query, emit func(output.Part)) error {
	if err := acquireMemory(ctx); err != nil {
		return err
	}
	defer releaseMemory()
	shards, err := shardList(ctx, f.Options.RunID, q.Index.Path)
	if err != nil {
		return fault.Mark(err)
	}
	c := q.Chunk
	t := task{options: &f.Options, ordinal: c.Ordinal, total: c.Total, self: f.Self, chunk: &c}
	return t.write(ctx, emit, func(ctx context.Context) error {
		reject := t.out.Reject
		if f.Self {
			reject = func(*fault.Fault) {} // as it was when the shards were built
			if t.only, err = f.Options.kept(ctx, true); err != nil {
				return err
			}
		}
		return t.read(ctx, c, &f.searchFn, reject, func(b *vectors.Block) error {
			if f.Self {
				if b, err = f.Options.labelled(ctx, b); err == nil {
					b, err = f.Options.asked(ctx, b)
				}
				if err != nil || b.Len() == 0 {
					return err
				}
			}
			return t.answerShards(ctx, b, shards)
		})
	})
}

// answerShards answers a block of queries.
func (t *task) answerShards(ctx context.Context, q *vectors.Block, shards []IndexFile) error {
	return t.answerParts(q, len(shards), func(i int, search func(x *neighbors.Index) error) error {
		opening := time.Now()
		x, err := shards[i].open(ctx, t.options.RunID, 0)
		if err != nil {
			return err
		}
		defer x.Close()
		t.report.Decodes++
		t.report.DecodeIndex += time.Since(opening).Seconds()
		return search(x)
	})
}

// answerParts answers a block of queries by parts of the points, one after the other, whose row numbers ascend from
// part to part. Part hands over the index of part i.
func (t *task) answerParts(q *vectors.Block, parts int,
	part func(i int, search func(x *neighbors.Index) error) error) error {
	start := time.Now()
	hits, err := t.findParts(q, parts, part)
	if err != nil {
		return err
	}
	progress.Of(t.options.RunID).Add(int64(q.Len()))
	return t.put(q, hits.Neighbors(), labelsOfHits(hits), start)
}

// labelsOfHits are those of the neighbours of hits.
func labelsOfHits(h *neighbors.Hits) labels {
	return labels{h.ID, func(j int32) int64 { return h.Numbers[j] }}
}

// findParts finds the neighbours of a block of queries in all parts.
func (t *task) findParts(
	q *vectors.Block, parts int, part func(i int, search func(x *neighbors.Index) error) error,
) (*neighbors.Hits, error) {
	hits := neighbors.NewHits(q.Len())
	for i := range parts {
		err := part(i, func(x *neighbors.Index) error {
			search := neighbors.Search{Self: t.self, Part: true, Threads: t.options.Threads}
			if t.options.K > 0 {
				search.Bounds = hits.Bounds(t.options.K)
			}
			found, err := t.find(q, x, search)
			if err == nil {
				hits, err = t.merge(hits, found, x)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return hits, nil
}
