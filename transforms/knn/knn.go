// Package knn finds the k nearest neighbours of every row of a dataset, as a Beam pipeline: files in, files out.
//
//	corpus chunks ─▶ Build ─▶ index pieces ══ side input ══╗
//	query chunks, or ranges of the points ──▶ Search ─▶ parts ─▶ Publish ─▶ output
//
// The index is built once, by one worker, and reaches every other as a side input; a worker process decodes it once. A
// query chunk is a description of rows: the worker reads them itself, or finds them in the index where every point is a
// query, answers them with all its cores, and writes the answer to a part file. Publish assembles the parts, in query order, and puts the output in place when all of it is
// there. So the memory of a worker is the index, plus one chunk and its answers for each bundle that runs.
//
// The answer, and each byte of the output, is the same whatever the chunk size, the parallelism and the runner.
package knn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/google/uuid"

	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

var (
	indexBuilds    = beam.NewCounter("knn", "index_builds")
	indexDecodes   = beam.NewCounter("knn", "index_decodes")
	rowsAnswered   = beam.NewCounter("knn", "rows_answered")
	neighborsFound = beam.NewCounter("knn", "neighbors_found")
)

func init() {
	register.DoFn1x1[Range, vectorio.Chunk](&waitFn{})
	register.DoFn3x0[int, func(*vectorio.Chunk) bool, func(vectorio.Chunk)](&releaseFn{})
	register.Emitter1[vectorio.Chunk]()
}

// Options of a job. A field that is not Required has its Default.
type Options struct {
	// Neighbors are the metric and the algorithm.
	Neighbors neighbors.Options
	// K is the number of neighbours of each query. Required, unless Radius is set.
	K int
	// Radius asks for all neighbours within this distance instead. Optional.
	Radius *float64
	// Threads is how many goroutines share a chunk of queries. Default: GOMAXPROCS of the worker.
	Threads int
	// SearchRows is the number of points that a worker answers at a time, where every point is a query. Default: 8192, or
	// ChunkRows if that is set.
	SearchRows int
	// InProcess says that the workers are this very process, as on Prism: the index stays where it was built, instead of
	// crossing Beam as a side input. Default: false.
	InProcess bool
	// IndexLimit is the size, in bytes, above which an index is refused. Default: DefaultIndexLimit; none with InProcess.
	IndexLimit int64

	// Output is the file to write: PATH/NAME.csv, .jsonl, .parquet or .npy. Required.
	Output string
	// OutputFormat is its format. Default: by the extension.
	OutputFormat string
	// NumShards is the number of files that the output is cut into. Default: 1, at the very path.
	NumShards int

	// RunID is unique to the run: it keys the index in a worker process and the temporary files. Default: random.
	RunID string
}

// searchBytes is what SearchRowsOf lets the answers take.
const searchBytes = 256 << 20

// SearchRowsOf is the SearchRows whose answers, k neighbours each, take 256 MiB: for a runner whose one process does all
// the work. Where that is all points at once, each pair of them is compared only once.
func SearchRowsOf(k int) int {
	if k < 1 {
		return 0 // within a radius there may be any number
	}
	return max(searchBytes/(12*k), vectorio.DefaultChunkRows)
}

// DefaultIndexLimit is half of what one response of a runner can carry (2 GiB), as an index costs the runner several
// times its size while it is on its way.
const DefaultIndexLimit = 1 << 30

// mostSideInput is what no runner's response carries: 2 GiB, less room for its envelope.
const mostSideInput = 2<<30 - 1<<20

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	o.Neighbors.EnsureDefaults()
	if o.Neighbors.Metric == neighbors.Minkowski && math.IsInf(o.Neighbors.P, 1) {
		// The same distance by its name: options travel as JSON, which has no infinity.
		o.Neighbors.Metric, o.Neighbors.P = neighbors.Chebyshev, 2
	}
	if o.IndexLimit == 0 {
		o.IndexLimit = DefaultIndexLimit
		if o.InProcess {
			o.IndexLimit = math.MaxInt64
		}
	}
	if o.NumShards == 0 {
		o.NumShards = 1
	}
	if o.RunID == "" {
		o.RunID = uuid.NewString()
	}
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	errs := []error{o.Neighbors.Validate()}
	switch {
	case o.K == 0 && o.Radius == nil:
		errs = append(errs, errors.New("one of k and radius is needed"))
	case o.K != 0 && o.Radius != nil:
		errs = append(errs, errors.New("k and radius exclude each other"))
	case o.K < 0:
		errs = append(errs, fmt.Errorf("k = %d: must be at least 1", o.K))
	}
	if o.Radius != nil && (math.IsNaN(*o.Radius) || math.IsInf(*o.Radius, 0)) {
		errs = append(errs, fmt.Errorf("radius %v: must be a finite number", *o.Radius))
	}
	if o.Radius != nil && *o.Radius < 0 && o.Neighbors.Metric != neighbors.InnerProduct {
		errs = append(errs, fmt.Errorf("radius %v: no %s distance is below 0", *o.Radius, o.Neighbors.Metric))
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	if o.SearchRows < 0 {
		errs = append(errs, fmt.Errorf("search rows %d: must be at least 1", o.SearchRows))
	}
	if o.IndexLimit < 1 || o.IndexLimit > mostSideInput && !o.InProcess {
		errs = append(errs, fmt.Errorf("index limit %d: must be between 1 and %d bytes, what one side input can carry", o.IndexLimit, int64(mostSideInput)))
	}
	errs = append(errs, o.output().Validate())
	return errors.Join(errs...)
}

// output is where to write.
func (o *Options) output() *output.Options {
	return &output.Options{
		Path: o.Output, Format: o.OutputFormat, Layout: results.Layout{K: o.K}, NumShards: o.NumShards, RunID: o.RunID,
	}
}

// Job is the data and the options of a search.
type Job struct {
	// Corpus is what the index is built of.
	Corpus *vectorio.Dataset
	// Queries are the rows to answer. Nil: every row of the corpus, each of which is no neighbour of itself.
	Queries *vectorio.Dataset
	// Reading are the options of both.
	Reading vectorio.Options
	// Options are what to compute and to write.
	Options Options
}

// Check reports what is wrong with the job as far as can be told before it runs.
func (j *Job) Check() error {
	errs := []error{j.Options.Validate()}
	if j.Queries != nil && j.Queries.Dim != j.Corpus.Dim {
		errs = append(errs, fmt.Errorf("the queries have %d columns (%s), the points have %d (%s)",
			j.Queries.Dim, j.Queries.Files[0].Name, j.Corpus.Dim, j.Corpus.Files[0].Name))
	}
	if n := j.Corpus.Rows; n >= 0 && j.Options.Radius == nil && j.Options.K > 0 {
		errs = append(errs, checkK(j.Options.K, n, j.Queries == nil))
	}
	errs = append(errs, j.broadcast().check(j))
	return errors.Join(errs...)
}

// checkK says that there are not as many neighbours as were asked for.
func checkK(k int, points int64, self bool) error {
	if self && int64(k) >= points {
		return fmt.Errorf("k = %d: must be less than the number of points, %d, as no point is its own neighbour", k, points)
	}
	if int64(k) > points {
		return fmt.Errorf("k = %d: must be at most the number of points, %d", k, points)
	}
	return nil
}

// KNeighbors adds the whole job to a pipeline. The job must be valid (see [Job.Check]); it panics where it is not.
func KNeighbors(s beam.Scope, j *Job) {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	if j.Options.SearchRows == 0 {
		j.Options.SearchRows = j.Reading.ChunkRows
	}
	if err := j.Check(); err != nil {
		panic(fmt.Sprintf("knn.KNeighbors: %v", err))
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("knn.KNeighbors")
	b := j.broadcast()
	output.Publish(s, b.search(s, j), *j.Options.output())
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func Clean(ctx context.Context, o *Options) error { return output.Clean(ctx, o.output()) }

// ReadReport reads what a finished run has left in its staging directory.
func ReadReport(ctx context.Context, o *Options) (*Report, error) {
	var report Report
	s, err := output.ReadReports(ctx, o.output(), func(b []byte) error {
		var r Report
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		report.add(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	report.Assemble, report.OutputFiles, report.RejectedFiles = s.Assemble, s.OutputFiles, s.RejectedFiles
	return &report, nil
}

// RejectedPath is where the rejected rows of an output go.
func RejectedPath(path string) string { return output.RejectedPath(path) }

// broadcast is how the corpus reaches the workers that search it. It decides for itself how often the corpus is read, and
// in which pieces; the output is always the same.
type broadcast interface {
	// check says, before the job starts, why this way cannot carry the corpus.
	check(j *Job) error
	// search answers the queries of a job: PCollection<output.Part>.
	search(s beam.Scope, j *Job) beam.PCollection
}

func (j *Job) broadcast() broadcast {
	if j.Options.InProcess {
		return inProcess{}
	}
	return sideInput{}
}

// inProcess leaves the index in the process that builds it, which does all the work. (A side input would cost the runner
// eight times the memory and, on Prism, a core: a stage with one is looked at without a pause for as long as it runs.)
type inProcess struct{}

func (inProcess) check(j *Job) error { return sideInput{}.check(j) }

func (inProcess) search(s beam.Scope, j *Job) beam.PCollection {
	corpus := vectorio.Chunks(s.Scope("Corpus"), j.Corpus)
	_, ranges, built := Build(s, corpus, j.Corpus.Dim, j.Reading, j.Options, j.Queries == nil)
	if j.Queries == nil {
		fn := &searchSelfHereFn{searchSelfFn{Options: j.Options}}
		return beam.Flatten(s, built, beam.ParDo(s.Scope("knn.SearchSelf"), fn, beam.Reshuffle(s, ranges)))
	}
	// The queries wait in a group that is not complete before the index is.
	queries := beam.Flatten(s, vectorio.Chunks(s.Scope("Queries"), j.Queries), beam.ParDo(s, &waitFn{}, ranges))
	ready := beam.ParDo(s, &releaseFn{}, beam.GroupByKey(s, beam.AddFixedKey(s, queries)))
	fn := &searchHereFn{searchFn{Reading: j.Reading, Options: j.Options, Dim: j.Corpus.Dim}}
	return beam.Flatten(s, built, beam.ParDo(s.Scope("knn.Search"), fn, beam.Reshuffle(s, ready)))
}

// waitFn makes a chunk that is none of a range that is none.
type waitFn struct{}

func (*waitFn) ProcessElement(r Range) vectorio.Chunk { return vectorio.Chunk{Ordinal: r.Ordinal} }

// releaseFn gives the chunks of a group.
type releaseFn struct{}

func (*releaseFn) ProcessElement(_ int, iter func(*vectorio.Chunk) bool, emit func(vectorio.Chunk)) {
	var c vectorio.Chunk
	for iter(&c) {
		if c.Ordinal >= 0 {
			emit(c)
		}
	}
}

// sideInput builds the index whole and gives it to every worker as a side input.
type sideInput struct{}

func (sideInput) check(j *Job) error {
	rows, about := j.Corpus.Rows, ""
	if rows < 0 {
		rows, about = j.Corpus.RowsAbout, "about "
	}
	if rows < 0 {
		return nil // compressed: Build finds out as it reads
	}
	if size := j.Reading.MinBytes(rows, j.Corpus.Dim); size > j.Options.IndexLimit {
		return tooLarge(about, rows, j.Corpus.Dim, size, j.Options.IndexLimit)
	}
	return nil
}

func tooLarge(about string, rows int64, dim int, size, limit int64) error {
	advice := "store the vectors as float32 (--dtype=float32), leave out columns, or search a part of the points at a time"
	if limit < mostSideInput && size <= mostSideInput {
		advice = "raise --index_limit, if the workers and the runner have several times that memory, or " + advice
	}
	return fmt.Errorf("the index of %s%d points × %d columns takes at least %s, above the limit of %s for a side input: %s",
		about, rows, dim, Bytes(size), Bytes(limit), advice)
}

func (sideInput) search(s beam.Scope, j *Job) beam.PCollection {
	corpus := vectorio.Chunks(s.Scope("Corpus"), j.Corpus)
	pieces, ranges, built := Build(s, corpus, j.Corpus.Dim, j.Reading, j.Options, j.Queries == nil)
	if j.Queries == nil {
		return beam.Flatten(s, built, SearchSelf(s, beam.Reshuffle(s, ranges), pieces, j.Options))
	}
	queries := vectorio.Chunks(s.Scope("Queries"), j.Queries)
	return beam.Flatten(s, built, Search(s, queries, pieces, j.Corpus.Dim, j.Reading, j.Options))
}

// Bytes shows a size as people do.
func Bytes(n int64) string {
	switch f := float64(n); {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", f/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", f/(1<<20))
	default:
		return fmt.Sprintf("%.1f GiB", f/(1<<30))
	}
}
