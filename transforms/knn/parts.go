package knn

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// Parts is the Report.Broadcast of an approximate search with its points in several workers.
const Parts = "parts"

// inParts finds most of the neighbours of more points than one worker holds, in overlapping parts that it holds. The
// plan of the parts is made in plan.go, points and queries go into them in assign.go, each part is searched in
// graphpart.go, and the answers are merged in merge.go. They go from step to step in files: exchange.go.
type inParts struct{}

// budget is how the memory of a worker is divided.
func (j *Job) budget() *ivf.Budget {
	return &ivf.Budget{Memory: j.Options.IndexMemory, Dim: j.Corpus.Dim, K: j.Options.K, Index: j.Options.Neighbors}
}

// fitsGraph reports whether one worker may make the graph of all points.
func (j *Job) fitsGraph() bool {
	if j.Options.IndexMemory == 0 {
		return true
	}
	if j.Reading.Formats.Sparse {
		return j.footprint() <= j.Options.IndexMemory
	}
	rows := j.rowsAbout()
	return rows >= 0 && rows <= j.budget().PartRows(j.Reading.Formats.DType == vectors.Float64)
}

func (inParts) check(j *Job) error {
	if j.Options.Neighbors.Metric == neighbors.InnerProduct {
		return errors.New("approximate neighbours by the inner product need all points in one worker, " +
			"as they are not near each other: raise --index_memory, or leave out --recall")
	}
	b := j.budget()
	wide := j.Reading.Formats.DType != vectors.Float32 // as it may turn out
	if least := b.MinPartRows(); b.PartRows(wide) < least {
		return fmt.Errorf("index memory %s: a part of the points, of %d at least, takes %s", files.Bytes(b.Memory),
			least, files.Bytes(least*b.RowBytes(wide)))
	}
	return nil
}

// A task gets no fewer rows than these, even if that leaves workers idle.
const (
	minAssignRows = 8192
	minQueryRows  = 1024
)

func (inParts) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	s = s.Scope("knn.Parts")
	b := j.budget()
	fn := partsFn{
		Reading: j.Reading, Options: j.Options, Dim: j.Corpus.Dim,
		Layout:    ivf.Layout{MaxRows: b.PartRows(false), MaxWideRows: b.PartRows(true), K: j.Options.K},
		MergeRows: int64(ivf.TaskRows(b.MergeRows(), minQueryRows, j.queryDataset().Rows)),
		QueryRows: b.QueryRows(), Self: j.Queries == nil,
	}
	rows := ivf.TaskRows(b.AssignRows(), minAssignRows, j.Corpus.Rows)
	fn.Reading.ChunkRows = min(fn.Reading.ChunkRows, rows)
	chunks := j.chunks(s.Scope("Corpus"), ofPoints, j.Corpus.Chunked(rows, 0))

	least := fn.minSampleRows()
	fn.SampleRows = b.SampleRows(least)
	fn.InRegions = b.InRegions(j.rowsAbout(), fn.SampleRows, j.Reading.Formats.DType == vectors.Float64)
	samples := beam.ParDo(s.Scope("knn.Sample"), &sampleFn{fn, sampledPoints, fn.SampleRows}, chunks)
	inQueries := s.Scope("Queries")
	var queries beam.PCollection
	if !fn.Self {
		rows := ivf.TaskRows(fn.QueryRows, minQueryRows, j.Queries.Rows)
		queries = j.chunks(inQueries, ofQueries, j.Queries.Chunked(rows, 0))
		sample := &sampleFn{fn, sampledQueries, least}
		samples = beam.Flatten(s, samples, beam.ParDo(inQueries.Scope("knn.Sample"), sample, queries))
	}
	planned := beam.ParDo(s.Scope("knn.PlanParts"), &planPartsFn{fn}, beam.GroupByKey(s, beam.AddFixedKey(s, samples)))
	if fn.InRegions {
		var of *beam.PCollection
		if !fn.Self {
			of = &queries
		}
		planned = fn.planRegions(s, chunks, of, planned)
	}
	assign := release(s, beam.ParDo(s, &queryFn{}, chunks), planned)
	assigned, exact, reports := beam.ParDo3(s.Scope("knn.Assign"), &assignFn{fn}, beam.Reshuffle(s, assign))
	if !fn.Self {
		assign := release(inQueries, beam.ParDo(inQueries, &queryFn{}, queries), planned)
		assignedQueries, queryReports := beam.ParDo2(inQueries.Scope("knn.Assign"), &assignQueriesFn{fn},
			beam.Reshuffle(inQueries, assign))
		assigned, reports = beam.Flatten(s, assigned, assignedQueries), beam.Flatten(s, reports, queryReports)
	}

	inLayout := s.Scope("knn.Layout")
	grouped := beam.GroupByKey(inLayout, beam.ParDo(inLayout, &groupPartsFn{fn}, assigned))
	parts := beam.ParDo(inLayout, &layoutFn{fn}, grouped)
	answers, searched := beam.ParDo2(s.Scope("knn.GraphPart"), &graphPartFn{fn}, beam.Reshuffle(s, parts))

	inRanges := s.Scope("knn.Ranges")
	byRange := beam.GroupByKey(inRanges, beam.ParDo(inRanges, &byPartFn{}, answers))
	ranges := beam.ParDo(inRanges, &rangesFn{}, byRange)
	found, written := beam.ParDo2(s.Scope("knn.Merge"), &mergeFn{fn}, beam.Reshuffle(s, ranges))

	inMeasure := s.Scope("knn.Measure")
	pieces := beam.GroupByKey(inMeasure, beam.Flatten(inMeasure, exact, found))
	merged := beam.DropKey(inMeasure, beam.ParDo(inMeasure, &mergeSampleFn{fn}, pieces))
	all := beam.GroupByKey(inMeasure, beam.AddFixedKey(inMeasure, merged))
	measured := beam.ParDo(inMeasure, &measureFn{fn}, all)
	return beam.Flatten(s, reports, searched, written, measured), nil
}

// partsFn is what all steps have.
type partsFn struct {
	Reading   vectorio.Options
	Options   Options
	Dim       int
	Layout    ivf.Layout
	MergeRows int64 // queries whose answers are merged at a time
	QueryRows int64 // queries that a part answers at a time
	Self      bool  // every point is a query
	// SampleRows is how many sampled points a worker holds, about.
	SampleRows int64
	InRegions  bool // parts are planned in two levels
}

// holdPoints waits until no other step of this process has a part of the points in memory. Call done when this step has
// none any more.
func (f *partsFn) holdPoints(ctx context.Context, phase string) (done func(), err error) {
	if err := acquireMemory(ctx); err != nil {
		return nil, err
	}
	progress.Of(f.Options.RunID).Phase(phase)
	return func() {
		debug.FreeOSMemory() // what this step has made must not stay beside what comes next
		releaseMemory()
	}, nil
}

// minSampleRows is enough for the queries that are answered exactly to be of the sample.
func (f *partsFn) minSampleRows() int64 { return 2 * int64(f.Options.ivf().Sample) }
