package knn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	beam.RegisterDoFn(&sampleFn{})
	beam.RegisterDoFn(&planPartsFn{})
	beam.RegisterDoFn(&assignFn{})
	beam.RegisterDoFn(&assignQueriesFn{})
	beam.RegisterDoFn(&layoutFn{})
	beam.RegisterDoFn(&graphPartFn{})
	beam.RegisterDoFn(&rangesFn{})
	beam.RegisterDoFn(&mergeFn{})
	beam.RegisterDoFn(&measureFn{})
	register.Iter1[evidence]()
	register.Emitter1[evidence]()
	register.Emitter1[gathering]()
	beam.RegisterCoder(reflect.TypeOf((*evidence)(nil)).Elem(), encodeEvidence, decodeEvidence)
	beam.RegisterCoder(reflect.TypeOf((*gathering)(nil)).Elem(), encodeGathering, decodeGathering)
}

// Parts is what a Report calls an approximate search whose points are in several workers.
const Parts = "parts"

// inParts finds most of the neighbours of more points than one worker holds, in overlapping parts that it holds.
type inParts struct{}

// What the steps of inParts take of a worker's memory.
const (
	// sampleBytes is the size of the sample that the leaders are chosen from, where the index memory is four times that.
	sampleBytes = 32 << 20
	// leastPart is the number of points of a part below which partitions are not worth their name.
	leastPart = 1000
	// answerBytes is what a neighbour takes, in a part and in the answer, while answers are merged.
	answerBytes = 48
	// mostCopies is in how many parts a point is, where the memory for merging is reckoned.
	mostCopies = 8
	// tasks is how many tasks there are at least, where there are so many rows, to share the work.
	tasks = 32
)

// graphBytes is what a point takes where a worker makes the graph: the values, and as float32 where they are float64; two
// forms in int8; what the graph has of a point; and the neighbours, in the graph and on their way out of it.
func (j *Job) graphBytes(wide bool) int64 {
	value := int64(4)
	if wide {
		value = 12
	}
	const order, neighbor = 64, 28
	return int64(j.Corpus.Dim)*(value+2) + order + neighbor*int64(j.Options.K)
}

// partRows is how many points a part holds.
func (j *Job) partRows(wide bool) int64 { return j.Options.IndexMemory / j.graphBytes(wide) }

// fitsGraph reports whether one worker may make the graph of all points.
func (j *Job) fitsGraph() bool {
	rows := j.rowsAbout()
	return j.Options.IndexMemory == 0 || rows >= 0 && rows <= j.partRows(j.Reading.Formats.DType == vectors.Float64)
}

// assignRows is how many rows are put into parts at a time, beside an index of them.
func (j *Job) assignRows() int {
	rows := j.Options.IndexMemory / 2 / neighbors.Footprint(j.Corpus.Dim, true, j.Options.Neighbors)
	return share(rows, 8192, j.Corpus)
}

// askedRows is how many queries are put into parts, and answered by a part, at a time.
func (j *Job) askedRows() int64 {
	const order, neighbor = 64, 56
	return max(j.Options.IndexMemory/8/(int64(j.Corpus.Dim)*14+order+neighbor*int64(j.Options.K)), 256)
}

// mergeRows is how many queries have their answers merged at a time.
func (j *Job) mergeRows() int {
	return share(j.Options.IndexMemory/8/(mostCopies*answerBytes*int64(j.Options.K)), 1024, j.asked())
}

// share is a number of rows of all that leaves work for all workers, and is not below least for that.
func share(rows, least int64, of *vectorio.Dataset) int {
	if all := of.Rows; all >= 0 {
		rows = min(rows, max(all/tasks, least))
	}
	return int(min(max(rows, 64), 1<<20))
}

func (inParts) check(j *Job) error {
	if j.Options.Neighbors.Metric == neighbors.InnerProduct {
		return errors.New("approximate neighbours by the inner product need all points in one worker, as they are not near each other: raise --index_memory, or leave out --recall")
	}
	least := int64(max(leastPart, 8*(j.Options.K+1)))
	wide := j.Reading.Formats.DType != vectors.Float32 // as it may turn out
	if j.partRows(wide) < least {
		return fmt.Errorf("index memory %s: a part of the points, of %d at least, takes %s", files.Bytes(j.Options.IndexMemory),
			least, files.Bytes(least*j.graphBytes(wide)))
	}
	return nil
}

func (inParts) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	s = s.Scope("knn.Parts")
	fn := partsFn{
		Reading: j.Reading, Options: j.Options, Dim: j.Corpus.Dim,
		PartRows: j.partRows(false), WideRows: j.partRows(true), MergeRows: int64(j.mergeRows()), QueryRows: j.askedRows(), Self: j.Queries == nil,
	}
	rows := j.assignRows()
	fn.Reading.ChunkRows = min(fn.Reading.ChunkRows, rows)
	chunks := vectorio.Chunks(s.Scope("Corpus"), j.Corpus.Chunked(rows, 0), j.Options.Workers)

	samples := beam.ParDo(s.Scope("knn.Sample"), &sampleFn{fn, spillSample, fn.sampleRows()}, chunks)
	asking := s.Scope("Queries")
	var queries beam.PCollection
	if !fn.Self {
		queries = vectorio.Chunks(asking, j.Queries.Chunked(share(fn.QueryRows, 1024, j.Queries), 0), j.Options.Workers)
		sample := &sampleFn{fn, spillQuerySample, fn.leastSample()}
		samples = beam.Flatten(s, samples, beam.ParDo(asking.Scope("knn.Sample"), sample, queries))
	}
	planned := beam.ParDo(s.Scope("knn.PlanParts"), &planPartsFn{fn}, beam.GroupByKey(s, beam.AddFixedKey(s, samples)))
	assign := release(s, beam.ParDo(s, &queryFn{}, chunks), planned)
	assigned, exact, told := beam.ParDo3(s.Scope("knn.Assign"), &assignFn{fn}, beam.Reshuffle(s, assign))
	if !fn.Self {
		assign := release(asking, beam.ParDo(asking, &queryFn{}, queries), planned)
		asked, refused := beam.ParDo2(asking.Scope("knn.Assign"), &assignQueriesFn{fn}, beam.Reshuffle(asking, assign))
		assigned, told = beam.Flatten(s, assigned, asked), beam.Flatten(s, told, refused)
	}

	parts := beam.ParDo(s.Scope("knn.Layout"), &layoutFn{fn}, beam.GroupByKey(s, beam.AddFixedKey(s, assigned)))
	answers, searched := beam.ParDo2(s.Scope("knn.GraphPart"), &graphPartFn{fn}, beam.Reshuffle(s, parts))

	ranges := beam.ParDo(s.Scope("knn.Ranges"), &rangesFn{fn}, beam.GroupByKey(s, beam.AddFixedKey(s, answers)))
	found, written := beam.ParDo2(s.Scope("knn.Merge"), &mergeFn{fn}, beam.Reshuffle(s, ranges))

	all := beam.GroupByKey(s, beam.AddFixedKey(s, beam.Flatten(s, exact, found)))
	measured := beam.ParDo(s.Scope("knn.Measure"), &measureFn{fn}, all)
	return beam.Flatten(s, told, searched, written, measured), nil
}

// partsFn is what all steps have.
type partsFn struct {
	Reading            vectorio.Options
	Options            Options
	Dim                int
	PartRows, WideRows int64 // of a part whose values are float32, or float64
	MergeRows          int64
	QueryRows          int64
	Self               bool // every point is a query
}

// turn waits until no other step of this process has a part of the points in memory.
func (f *partsFn) turn(ctx context.Context, phase string) (end func(), err error) {
	if err := takeTurn(ctx); err != nil {
		return nil, err
	}
	progress.Of(f.Options.RunID).Phase(phase)
	return func() {
		debug.FreeOSMemory() // what this step has made must not stay beside what comes next
		giveTurn()
	}, nil
}

// sampleFn takes a sample of the points, or of the queries: by their numbers, so that it does not depend on chunks.
type sampleFn struct {
	partsFn
	Kind string // of the spill
	Rows int64  // about so many
}

func (f *sampleFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(spill)) error {
	progress.Of(f.Options.RunID).Phase("sampling points")
	most := uint64(math.MaxUint64)
	if share := float64(f.Rows) / float64(c.Total); share < 1 {
		most = uint64(share * (1 << 64))
	}
	b, rows := f.Reading.NewBlock(f.Dim), int64(0)
	err := vectorio.EachBlock(ctx, c, &f.Reading, f.Dim, func(*fault.Fault) {}, func(all *vectors.Block) error {
		rows += int64(all.Len())
		for i, n := range all.Numbers {
			if ivf.Rank(n, f.Options.Seed) <= most {
				appendRow(b, all, i)
			}
		}
		return nil
	})
	if err != nil {
		return fault.Mark(err)
	}
	s := spill{Kind: f.Kind, Number: c.Ordinal, Total: c.Total}
	err = s.write(ctx, &f.Options, func(put putSection) error {
		return put(section{Rows: rows}, func(w io.Writer) error { return neighbors.WritePoints(w, b) })
	})
	if err != nil {
		return fault.Mark(err)
	}
	emit(s)
	return nil
}

// sampleRows is the size of the sample of the points, about.
func (f *partsFn) sampleRows() int64 {
	return max(min(sampleBytes, f.Options.IndexMemory/4)/(4*int64(f.Dim)), f.leastSample())
}

// leastSample is enough for the queries that are answered exactly to be of it.
func (f *partsFn) leastSample() int64 {
	o := f.Options.ivf()
	return 2 * int64(o.Sample)
}

// partsPlan is what all workers know of the parts.
type partsPlan struct {
	Points  int64
	Asked   int64 // queries
	Parts   *ivf.Parts
	Leaders int64 // the bytes of theirs
	Queries int64 // and of those: queries whose neighbours are found exactly, too

	queries *vectors.Block
}

// rows is how many queries are answered, in parts, and merged, about.
func (p *partsPlan) rows() int64 { return int64(float64(p.Asked) * (p.Parts.Copies + 1)) }

// planName is the plan's file.
const planName = "plan"

// planPartsFn chooses leaders of the points, and queries, and writes them into a file.
type planPartsFn struct{ partsFn }

func (f *planPartsFn) ProcessElement(ctx context.Context, _ int, iter func(*spill) bool, emit func(Range)) error {
	end, err := f.turn(ctx, "choosing parts")
	if err != nil {
		return err
	}
	defer end()
	spills := inTasks(iter)
	sample, rows, err := f.sample(ctx, spills, spillSample)
	if err != nil {
		return fault.Mark(err)
	}
	p := &partsPlan{Points: rows, Asked: rows}
	if err := checkK(f.Options.K, p.Points, f.Self); err != nil {
		return fault.Mark(err)
	}
	var queries *vectors.Block
	if !f.Self {
		if queries, p.Asked, err = f.sample(ctx, spills, spillQuerySample); err != nil {
			return fault.Mark(err)
		}
	}
	if err := f.plan(ctx, p, sample, queries); err != nil {
		return fault.Mark(err)
	}
	emit(Range{Ordinal: built})
	return nil
}

// sample reads the sample of a kind, and says of how many rows it is.
func (f *planPartsFn) sample(ctx context.Context, spills []spill, kind string) (sample *vectors.Block, rows int64, err error) {
	sample = &vectors.Block{Dim: f.Dim}
	all, counts := gatherings(spills, kind)
	for _, c := range all[0].Pieces {
		b, err := c.points(ctx, &f.partsFn, kind)
		if err != nil {
			return nil, 0, err
		}
		sample.AppendBlock(b)
	}
	return sample, counts[0], nil
}

// points reads the points of the section of a piece.
func (c *piece) points(ctx context.Context, f *partsFn, kind string) (*vectors.Block, error) {
	r, err := c.read(ctx, &f.Options, kind)
	if err != nil {
		return nil, err
	}
	b, err := neighbors.ReadPoints(r, r.Size())
	if err == nil && b.Dim != f.Dim {
		err = fmt.Errorf("knn: points of %d columns, not of %d", b.Dim, f.Dim)
	}
	return b, err
}

func (f *planPartsFn) plan(ctx context.Context, p *partsPlan, sample, asked *vectors.Block) error {
	o := f.Options.ivf()
	parts, err := ivf.PlanParts(sample, asked, p.Points, f.Options.K, f.partLimit(sample.Wide()), o, f.Options.Threads)
	if err != nil {
		return err
	}
	if f.Self {
		asked = sample
	}
	places := make([]int, asked.Len())
	for i := range places {
		places[i] = i
	}
	slices.SortFunc(places, func(a, b int) int {
		return cmp.Compare(ivf.Rank(asked.Numbers[a], ^f.Options.Seed), ivf.Rank(asked.Numbers[b], ^f.Options.Seed))
	})
	places = places[:min(o.Sample, len(places))]
	slices.Sort(places)
	queries := &vectors.Block{Dim: f.Dim}
	for _, i := range places {
		queries.AppendBlock(asked.Slice(i, i+1))
	}
	var l, q bytes.Buffer
	if err := errors.Join(neighbors.WritePoints(&l, parts.Leaders), neighbors.WritePoints(&q, queries)); err != nil {
		return err
	}
	p.Parts, p.Leaders, p.Queries = parts, int64(l.Len()), int64(q.Len())
	_, err = f.Options.create(ctx, planName, func(w io.Writer) error {
		err := json.NewEncoder(w).Encode(p)
		for _, b := range []*bytes.Buffer{&l, &q} {
			if err == nil {
				_, err = b.WriteTo(w)
			}
		}
		return err
	})
	return err
}

// partLimit is how many points a part has at most.
func (f *partsFn) partLimit(wide bool) int64 {
	if wide {
		return f.WideRows
	}
	return f.PartRows
}

// plans are those of the runs of this process.
var plans = output.NewShared[*partsPlan]()

func (f *partsFn) thePlan(ctx context.Context) (*partsPlan, error) {
	p, _, err := plans.Get(f.Options.RunID, func() (*partsPlan, error) {
		b, err := files.ReadFile(ctx, files.Join(f.Options.staging(), planName))
		if err != nil {
			return nil, err
		}
		line := bytes.IndexByte(b, '\n') + 1
		p := &partsPlan{}
		if err := json.Unmarshal(b[:line], p); err != nil {
			return nil, err
		}
		b = b[line:]
		if p.Parts == nil || p.Leaders < 0 || p.Queries < 0 || p.Leaders > int64(len(b)) || p.Queries != int64(len(b))-p.Leaders {
			return nil, fmt.Errorf("knn: a plan of parts of %d bytes, not of %d and %d", len(b), p.Leaders, p.Queries)
		}
		if p.Parts.Leaders, err = neighbors.ReadPoints(bytes.NewReader(b), p.Leaders); err != nil {
			return nil, err
		}
		if p.queries, err = neighbors.ReadPoints(bytes.NewReader(b[p.Leaders:]), p.Queries); err != nil {
			return nil, err
		}
		return p, p.Parts.Check()
	})
	return p, err
}

// evidence is answers to the sampled queries, exact or found, encoded.
type evidence struct {
	Exact bool
	Data  []byte
}

func encodeEvidence(e evidence) ([]byte, error) {
	b := make([]byte, 1, 1+len(e.Data))
	if e.Exact {
		b[0] = 1
	}
	return append(b, e.Data...), nil
}

func decodeEvidence(b []byte) (evidence, error) {
	if len(b) == 0 || b[0] > 1 {
		return evidence{}, errors.New("knn: not answers to sampled queries, or damaged")
	}
	return evidence{Exact: b[0] == 1, Data: b[1:]}, nil
}

func evidenceOf(a *neighbors.Answers, exact bool) (evidence, error) {
	var w bytes.Buffer
	_, err := a.WriteTo(&w)
	return evidence{exact, w.Bytes()}, err
}

// Kinds of spills.
const (
	spillSample      = "sample"
	spillQuerySample = "query-sample"
	spillPoints      = "points"  // by planned part
	spillQueries     = "queries" // by planned part
	spillAnswers     = "answers" // by range of queries
)

// assignFn puts the points of a chunk into parts, and answers the sampled queries among them.
type assignFn struct{ partsFn }

func (f *assignFn) ProcessElement(ctx context.Context, q Query, emit func(spill), exact func(evidence), parts func(output.Part)) error {
	end, err := f.turn(ctx, "putting points into parts")
	if err != nil {
		return err
	}
	defer end()
	start := time.Now()
	p, points, rejected, err := f.read(ctx, q.Chunk)
	if err != nil {
		return fault.Mark(err)
	}
	report := Report{Points: int64(points.Len()), Dim: f.Dim, ReadPoints: time.Since(start).Seconds()}
	start = time.Now()
	s, err := f.assign(ctx, p, points, q.Chunk, spillPoints)
	if err != nil {
		return fault.Mark(err)
	}
	if points.Len() > 0 {
		e, err := f.answer(p, points)
		if err != nil {
			return fault.Mark(err)
		}
		exact(e)
	}
	emit(s)
	report.BuildIndex = time.Since(start).Seconds()
	return f.Options.report(ctx, q.Chunk.Ordinal-beforeAll, report, rejected, parts)
}

// beforeAll is more than there are tasks, twice: parts that tell of the points come before those that tell of the queries, and these
// before those of their answers.
const beforeAll = 1 << 41

// assignQueriesFn puts the queries of a chunk into parts.
type assignQueriesFn struct{ partsFn }

func (f *assignQueriesFn) ProcessElement(ctx context.Context, q Query, emit func(spill), parts func(output.Part)) error {
	end, err := f.turn(ctx, "putting queries into parts")
	if err != nil {
		return err
	}
	defer end()
	start := time.Now()
	p, queries, rejected, err := f.read(ctx, q.Chunk)
	if err != nil {
		return fault.Mark(err)
	}
	s, err := f.assign(ctx, p, queries, q.Chunk, spillQueries)
	if err != nil {
		return fault.Mark(err)
	}
	emit(s)
	return f.Options.report(ctx, q.Chunk.Ordinal-beforeAll/2, Report{ReadQueries: time.Since(start).Seconds()}, rejected, parts)
}

// read reads the plan, and the rows of a chunk.
func (f *partsFn) read(ctx context.Context, c vectorio.Chunk) (p *partsPlan, rows *vectors.Block, rejected []*fault.Fault, err error) {
	if p, err = f.thePlan(ctx); err != nil {
		return nil, nil, nil, err
	}
	rows = f.Reading.NewBlock(f.Dim)
	err = readChunk(ctx, c, f.Reading, rows, func(r *fault.Fault) { rejected = append(rejected, r) })
	vectorio.Count(ctx, int64(rows.Len()), int64(len(rejected)))
	return p, rows, rejected, err
}

// assign writes the rows of a chunk into a spill of a kind, with a section for each of their parts.
func (f *partsFn) assign(ctx context.Context, p *partsPlan, points *vectors.Block, c vectorio.Chunk, kind string) (spill, error) {
	s := spill{Kind: kind, Number: c.Ordinal, Total: c.Total}
	members, err := p.Parts.Assign(points, f.Options.Neighbors.Metric, f.Options.Threads)
	if err != nil {
		return s, err
	}
	err = s.write(ctx, &f.Options, func(put putSection) error {
		for l, rows := range members {
			if len(rows) == 0 {
				continue
			}
			b := &vectors.Block{Dim: f.Dim, DType: f.Reading.Formats.DType}
			b.Grow(len(rows))
			for _, i := range rows {
				appendRow(b, points, int(i))
			}
			to := section{To: int64(l), Rows: int64(b.Len()), Wide: b.Wide()}
			if err := put(to, func(w io.Writer) error { return neighbors.WritePoints(w, b) }); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// appendRow adds a row of another block, as float64 only where the row itself needs it, whatever is beside it there.
func appendRow(b, from *vectors.Block, i int) {
	if !from.Wide() || b.Wide() {
		b.AppendBlock(from.Slice(i, i+1))
		return
	}
	b.Append(from.F64[i*b.Dim:(i+1)*b.Dim], from.Numbers[i]) // it was stored before: all of it can be
	if from.IDs.Len() > 0 {
		b.AppendID(from.IDs.At(i))
	}
}

// answer answers the sampled queries among points.
func (f *assignFn) answer(p *partsPlan, points *vectors.Block) (evidence, error) {
	o := f.Options.Neighbors
	o.Algorithm = neighbors.Brute
	x, err := neighbors.Fit(points, o)
	if err != nil {
		return evidence{}, err
	}
	found, err := x.KNeighbors(p.queries, f.Options.K, neighbors.Search{Self: f.Self, Part: true, Threads: f.Options.Threads})
	if err != nil {
		return evidence{}, err
	}
	return evidenceOf(neighbors.NewHits(p.queries.Len()).Merge(found, x, f.Options.K).Answers(p.queries.Numbers), true)
}

// gathering is the sections that a task reads: those of a part, or of a range of queries.
type gathering struct {
	Number, Of int64
	Total      int64 // rows of the dataset
	Wide       bool  // some of the points are
	Pieces     []piece
	// Queries are those of a part, where they are not its points.
	Queries []piece `json:",omitempty"`
}

func encodeGathering(g gathering) ([]byte, error) { return json.Marshal(g) }

func decodeGathering(b []byte) (gathering, error) {
	var g gathering
	err := json.Unmarshal(b, &g)
	return g, err
}

// inTasks has the spills in the order of the tasks.
func inTasks(iter func(*spill) bool) (all []spill) {
	var s spill
	for iter(&s) {
		all = append(all, s)
		s = spill{}
	}
	slices.SortFunc(all, func(a, b spill) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// gatherings has the sections of the spills of a kind by what they are for, ascending, each in the order of the spills: of rows.
func gatherings(spills []spill, kind string) (all []gathering, rows []int64) {
	places := map[int64]int{}
	for _, s := range spills {
		if s.Kind != kind {
			continue
		}
		for _, c := range s.Sections {
			at, ok := places[c.To]
			if !ok {
				at = len(all)
				places[c.To] = at
				all, rows = append(all, gathering{Number: c.To, Total: s.Total}), append(rows, 0)
			}
			g := &all[at]
			g.Wide = g.Wide || c.Wide
			g.Pieces = append(g.Pieces, piece{Number: s.Number, Size: s.Size, Section: c, Take: c.Rows})
			rows[at] += c.Rows
		}
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(all[a].Number, all[b].Number) })
	sorted, counts := make([]gathering, len(all)), make([]int64, len(all))
	for i, at := range order {
		sorted[i], counts[i] = all[at], rows[at]
	}
	return sorted, counts
}

// layoutFn makes of the planned parts those that fit into a worker, and that are not too small.
type layoutFn struct{ partsFn }

func (f *layoutFn) ProcessElement(_ int, iter func(*spill) bool, emit func(gathering)) {
	spills := inTasks(iter)
	parts := f.layout(gatherings(spills, spillPoints))
	if !f.Self {
		asked, _ := gatherings(spills, spillQueries)
		parts = askedIn(parts, asked)
	}
	for i := range parts {
		parts[i].Number, parts[i].Of = int64(i), int64(len(parts))
		emit(parts[i])
	}
}

// askedIn gives parts the queries that were put into the planned parts which they are made of, and leaves out those that have none. A
// planned part without a point is in none of them: its queries go to the parts of the next that has points, or of the last.
func askedIn(parts, asked []gathering) []gathering {
	in := map[int64][]int{} // the parts that planned ones are in
	for i, p := range parts {
		for _, c := range p.Pieces {
			if of := in[c.Section.To]; len(of) == 0 || of[len(of)-1] != i {
				in[c.Section.To] = append(of, i)
			}
		}
	}
	planned := slices.Sorted(maps.Keys(in))
	for _, q := range asked {
		at, _ := slices.BinarySearch(planned, q.Number)
		for _, i := range in[planned[min(at, len(planned)-1)]] {
			parts[i].Queries, parts[i].Total = append(parts[i].Queries, q.Pieces...), q.Total
		}
	}
	return slices.DeleteFunc(parts, func(p gathering) bool { return len(p.Queries) == 0 })
}

// layout cuts what is too large, by row number, and puts together what is small, as long as that is half as large as
// what fits. A part has more than k different points, if there are as many in all.
func (f *partsFn) layout(planned []gathering, rows []int64) []gathering {
	var parts []gathering
	var open gathering // of small ones
	var held, most int64
	shut := func() {
		if held > 0 {
			parts = append(parts, open)
		}
		open, held, most = gathering{}, 0, 0
	}
	join := func(g *gathering, more gathering) {
		g.Total, g.Wide, g.Pieces = more.Total, g.Wide || more.Wide, append(g.Pieces, more.Pieces...)
	}
	enough := func() bool { return most > int64(f.Options.K) } // by one alone, as the same points may be in several
	for i, g := range planned {
		limit := f.partLimit(g.Wide)
		if rows[i] > limit {
			parts = append(parts, g.cut((rows[i]+limit-1)/limit, rows[i])...)
			continue
		}
		if enough() && held+rows[i] > f.partLimit(g.Wide || open.Wide)/2 {
			shut()
		}
		join(&open, g)
		held, most = held+rows[i], max(most, rows[i])
	}
	if held > 0 && !enough() && len(parts) > 0 {
		join(&parts[len(parts)-1], open)
		held = 0
	}
	shut()
	return parts
}

// cut makes n equal parts of consecutive rows.
func (g *gathering) cut(n, rows int64) []gathering {
	parts := make([]gathering, n)
	for i := range parts {
		lo, hi := int64(i)*rows/n, (int64(i)+1)*rows/n
		p := &parts[i]
		p.Total, p.Wide = g.Total, g.Wide
		at := int64(0)
		for _, c := range g.Pieces {
			from, to := max(lo, at), min(hi, at+c.Take)
			if from < to {
				some := c
				some.Skip, some.Take = c.Skip+from-at, to-from
				p.Pieces = append(p.Pieces, some)
			}
			at += c.Take
		}
	}
	return parts
}

// graphPartFn finds the neighbours that the points of a part have in it.
type graphPartFn struct{ partsFn }

func (f *graphPartFn) ProcessElement(ctx context.Context, g gathering, emit func(spill), parts func(output.Part)) error {
	end, err := f.turn(ctx, "searching")
	if err != nil {
		return err
	}
	defer end()
	p, err := f.thePlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	run := progress.Of(f.Options.RunID)
	run.Total(p.rows())
	start := time.Now()
	points, err := f.points(ctx, g.Pieces, g.Wide, spillPoints)
	if err != nil {
		return fault.Mark(err)
	}
	report := Report{ReadQueries: time.Since(start).Seconds(), Shards: 1}
	o := f.Options.ivf()
	o.Recall, o.Sample = p.Parts.Inside, 1 // it is measured of all parts together
	search := neighbors.Search{Part: true, Threads: f.Options.Threads, Progress: func(n int) { run.Add(int64(n)) }}
	s := spill{Kind: spillAnswers, Number: g.Number, Total: g.Total}
	if f.Self {
		err = f.graph(ctx, points, o, search, &report, &s)
	} else {
		err = f.answers(ctx, g.Queries, points, o, search, &report, &s)
	}
	if err != nil {
		return fault.Mark(err)
	}
	emit(s)
	told, err := output.Report(order, report)
	if err != nil {
		return err
	}
	parts(told)
	return nil
}

// graph finds the neighbours of the points themselves.
func (f *graphPartFn) graph(ctx context.Context, points *vectors.Block, o ivf.Options, search neighbors.Search, report *Report, s *spill) error {
	start := time.Now()
	found, _, err := ivf.Graph(points, f.Options.K, o, search)
	if err != nil {
		return err
	}
	report.Search = time.Since(start).Seconds()
	start = time.Now()
	err = s.write(ctx, &f.Options, func(put putSection) error { return f.spill(neighbors.AnswersOf(points, points, found), put) })
	report.Write = time.Since(start).Seconds()
	return err
}

// answers answers the queries of a part, some at a time.
func (f *graphPartFn) answers(ctx context.Context, pieces []piece, points *vectors.Block, o ivf.Options, search neighbors.Search, report *Report, s *spill) error {
	start := time.Now()
	index, err := ivf.Fit(points, o)
	if err != nil {
		return err
	}
	report.Search = time.Since(start).Seconds()
	return s.write(ctx, &f.Options, func(put putSection) error {
		for len(pieces) > 0 {
			n, rows, wide := 0, int64(0), false
			for n < len(pieces) && (n == 0 || rows+pieces[n].Take <= f.QueryRows) {
				rows, wide = rows+pieces[n].Take, wide || pieces[n].Section.Wide
				n++
			}
			start := time.Now()
			queries, err := f.points(ctx, pieces[:n], wide, spillQueries)
			if err != nil {
				return err
			}
			pieces = pieces[n:]
			report.ReadQueries += time.Since(start).Seconds()
			start = time.Now()
			found, _, err := index.KNeighbors(queries, f.Options.K, search)
			if err != nil {
				return err
			}
			report.Search += time.Since(start).Seconds()
			start = time.Now()
			if err := f.spill(neighbors.AnswersOf(queries, points, found), put); err != nil {
				return err
			}
			report.Write += time.Since(start).Seconds()
		}
		return nil
	})
}

// points reads the rows of pieces, in the order of their numbers, each once.
func (f *graphPartFn) points(ctx context.Context, pieces []piece, wide bool, kind string) (*vectors.Block, error) {
	all := &vectors.Block{Dim: f.Dim}
	if wide {
		all.Widen()
	}
	rows, several := int64(0), false
	for i, c := range pieces {
		rows += c.Take
		several = several || c.Section.To != pieces[0].Section.To
		if i > 0 && c.Section.To == pieces[i-1].Section.To && c.Number <= pieces[i-1].Number {
			return nil, errors.New("knn: a part whose points do not ascend")
		}
	}
	var blocks []*vectors.Block
	all.Grow(int(min(rows, maxGrow)))
	for _, c := range pieces {
		b, err := c.points(ctx, &f.partsFn, kind)
		if err != nil {
			return nil, err
		}
		if c.Skip < 0 || c.Take < 1 || c.Take > int64(b.Len())-c.Skip {
			return nil, fmt.Errorf("knn: a part with rows %d to %d of %d", c.Skip, c.Skip+c.Take, b.Len())
		}
		b = b.Slice(int(c.Skip), int(c.Skip+c.Take))
		if several {
			blocks = append(blocks, b)
		} else {
			all.AppendBlock(b)
		}
	}
	type place struct {
		number int64
		b      *vectors.Block
		row    int
	}
	var places []place
	for _, b := range blocks {
		for i, n := range b.Numbers {
			places = append(places, place{n, b, i})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.number, b.number) })
	for i, p := range places {
		if i == 0 || p.number != places[i-1].number {
			all.AppendBlock(p.b.Slice(p.row, p.row+1))
		}
	}
	return all, nil
}

// spill writes the answers into a section for each range of queries.
func (f *graphPartFn) spill(a *neighbors.Answers, put putSection) error {
	for at := 0; at < a.Len(); {
		r := a.Numbers[at] / f.MergeRows
		some := a.Between(r*f.MergeRows, (r+1)*f.MergeRows)
		at += some.Len()
		err := put(section{To: r, Rows: int64(some.Len())}, func(w io.Writer) error {
			_, err := some.WriteTo(w)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rangesFn gives each range of queries the answers that parts have.
type rangesFn struct{ partsFn }

func (f *rangesFn) ProcessElement(_ int, iter func(*spill) bool, emit func(gathering)) {
	ranges, _ := gatherings(inTasks(iter), spillAnswers)
	for _, g := range ranges {
		g.Of = (g.Total + f.MergeRows - 1) / f.MergeRows
		emit(g)
	}
}

// mergeFn merges the answers to a range of queries, and writes them.
type mergeFn struct{ partsFn }

func (f *mergeFn) ProcessElement(ctx context.Context, g gathering, emit func(evidence), parts func(output.Part)) error {
	p, err := f.thePlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	t := task{options: &f.Options, ordinal: g.Number, total: g.Total}
	var found evidence
	err = t.write(ctx, parts, func(ctx context.Context) error {
		progress.Of(f.Options.RunID).Total(p.rows())
		start := time.Now()
		var all []*neighbors.Answers
		for _, c := range g.Pieces {
			r, err := c.read(ctx, &f.Options, spillAnswers)
			if err != nil {
				return err
			}
			a, err := neighbors.ReadAnswers(r, r.Size())
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		a := neighbors.MergeAnswers(f.Options.K, all...)
		for i, n := range a.Numbers {
			if a.Offsets[i+1]-a.Offsets[i] != int64(f.Options.K) {
				return fmt.Errorf("knn: %d neighbours of row %d, not %d", a.Offsets[i+1]-a.Offsets[i], n, f.Options.K)
			}
		}
		var err error
		if found, err = evidenceOf(a.Of(p.queries.Numbers), false); err != nil {
			return err
		}
		progress.Of(f.Options.RunID).Add(int64(a.Len()))
		q := &vectors.Block{Dim: f.Dim, Numbers: a.Numbers, IDs: a.IDs} // what it takes to name them
		return t.put(q, a.Found(), a.NeighborID, start)
	})
	if err != nil {
		return err
	}
	emit(found)
	return nil
}

// measureFn compares what was found for the sampled queries with the exact answers.
type measureFn struct{ partsFn }

func (f *measureFn) ProcessElement(ctx context.Context, _ int, iter func(*evidence) bool, emit func(output.Part)) error {
	p, err := f.thePlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	// What is kept does not grow with the parts.
	var exact, found = neighbors.MergeAnswers(0), neighbors.MergeAnswers(0)
	var e evidence
	for iter(&e) {
		a, err := neighbors.ReadAnswers(bytes.NewReader(e.Data), int64(len(e.Data)))
		if err != nil {
			return fault.Mark(err)
		}
		if e.Exact {
			exact = neighbors.MergeAnswers(f.Options.K, exact, a)
		} else {
			found = neighbors.MergeAnswers(f.Options.K, found, a)
		}
		e = evidence{}
	}
	if !slices.Equal(exact.Numbers, p.queries.Numbers) || !slices.Equal(found.Numbers, p.queries.Numbers) {
		return fault.Mark(fmt.Errorf("knn: %d and %d answers to %d sampled queries", exact.Len(), found.Len(), p.queries.Len()))
	}
	a := &ivf.Report{
		Method: "partition", Asked: f.Options.Recall, Measure: ivf.Compare(found.Found(), exact.Found(), int(min(p.Points, math.MaxInt))),
		Leaders: p.Parts.Leaders.Len(), LeafSize: int(f.PartRows), Fanout: p.Parts.Fanout, Copies: p.Parts.Copies, Repetitions: 1,
	}
	told, err := output.Report(order, Report{Algorithm: IVF, Broadcast: Parts, Approximate: a})
	if err != nil {
		return err
	}
	emit(told)
	return nil
}
