// Package knn finds the k nearest neighbours of every row of a dataset, as a Beam pipeline: files in, files out.
//
// One worker builds the index. A query chunk describes rows: a worker reads them, or finds them in the index where
// every point is a query, answers them with all its cores, and writes the answer to a part file. Publish assembles the
// parts in query order, and puts the output in place when all of it is there. Options.Broadcast chooses how the index
// reaches the workers. Every byte of the output is the same by every way, whatever the chunk size, the parallelism and
// the runner.
//
// In process, the runner's workers are this very process, and the index stays where it was built:
//
//	corpus chunks ─▶ Build ─▶ ranges of the points, or "it is there" ──┬─▶ Search ─▶ parts ─▶ Publish ─▶ output
//	                          query chunks ─────────────────────────── ┘
//
// As a side input (SideInput) the file of the index crosses Beam in pieces, without what a worker builds anew, and a
// worker process opens it once:
//
//	corpus chunks ─▶ Build ─▶ pieces ══ side input ══╗
//	query chunks, or ranges of the points ─▶ Search ─┴─▶ parts ─▶ Publish ─▶ output
//
// As a file (File) it stands in the staging directory, in the form in which it is searched. Its name, size and
// checksum travel with the ranges or the chunks, and a worker process maps it into memory once. A host fetches the file
// once where it is not on a file system of the host. Processes of a host share the pages:
//
//	corpus chunks ─▶ Build ─▶ STAGING/index        (or --index=FILE, of an earlier run)
//	                   └─ its name ─▶ ranges, or query chunks ─▶ Search ─▶ parts ─▶ Publish ─▶ output
//
// In shards (Shards) each worker process has one shard of the index in memory at a time, of at most IndexMemory bytes.
// A task takes its queries through one shard after the other and merges as it goes: what it has found in the first
// shards bounds the search in the next, and only descriptions are shuffled. A worker needs memory for a shard and a
// chunk of queries.
//
//	corpus chunks ─▶ plan ─▶ BuildShards ─▶ STAGING/shard-…, their names ─▶ STAGING/shards
//	query chunks, which are read again where every point is one ─▶ SearchShards ─▶ parts ─▶ Publish ─▶ output
//
// One worker, with all its cores, finds approximate neighbours (Options.Recall). It holds all points, and partitions
// them again and again until a sample of the queries, which it answers exactly too, shows the recall that was asked:
//
//	corpus chunks, query chunks ─▶ Approximate ─▶ parts ─▶ Publish ─▶ output
//
// Above IndexMemory, the points go into overlapping parts, each of which a worker can hold. A sample of the points
// chooses the leaders of the parts. The answers of all parts that hold a query are merged, and a sample of the queries,
// answered exactly on the way, measures the recall. Points and answers go from step to step in files of the staging
// directory, and only descriptions of their sections are shuffled, by groups of parts and by ranges of queries: no
// worker has those of all. It has the plan, of some leaders for each part.
//
//	corpus chunks ─▶ Sample ─▶ PlanParts ─▶ STAGING/plan
//	corpus chunks ─▶ Assign ─▶ STAGING/points-… ─▶ Layout ─▶ GraphPart ─▶ STAGING/answers-…
//	                   │            STAGING/answers-… ─▶ Ranges ─▶ Merge ─▶ parts ─▶ Publish ─▶ output
//	                   └─ exact answers to the sampled queries ──▶ Measure ◀─┘
//
// A sample has points enough for the leaders of so many parts only. Where there are more, it plans regions of many
// parts each, and a sample of each region, taken in a second reading, its parts:
//
//	corpus chunks ─▶ Sample ─▶ PlanParts ─▶ STAGING/regions
//	corpus chunks ─▶ PlanRegions ─▶ STAGING/region-points-…, region-plan-… ─▶ STAGING/plan
package knn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

var (
	indexBuilds    = beam.NewCounter("knn", "index_builds")
	indexDecodes   = beam.NewCounter("knn", "index_decodes")
	rowsAnswered   = beam.NewCounter("knn", "rows_answered")
	neighborsFound = beam.NewCounter("knn", "neighbors_found")
)

func init() {
	registry.DoFns(&waitFn{}, &queryFn{}, &releaseFn{})
	register.Iter1[Query]()
	register.Emitter1[Query]()
}

// Options of a job. A field that is not Required has its Default.
type Options struct {
	// Neighbors are the metric and the algorithm.
	Neighbors neighbors.Options
	// Recall asks for approximate neighbours, so that this share of the true ones is found, > 0 and ≤ 1: see package
	// ivf. It is measured, and Report.Approximate has it. One worker holds all points and does all the work, with all
	// its cores; or, above IndexMemory, parts of them go to all workers. Default: 0, which is exact.
	Recall float64
	// Seed chooses the partitions and samples of an approximate search.
	Seed uint64
	// K is the number of neighbours of each query. Required, unless Radius is set.
	K int
	// Radius asks for all neighbours within this distance instead; with K, for the nearest K of them. Optional.
	Radius *float64
	// Restricted says that a query may not have all points, and Rules, before the job runs, which it may have. Default:
	// all.
	Restricted bool
	Rules      *Rules
	// Answer asks for predictions in the place of neighbours. Default: neighbours.
	Answer *Answer
	// Threads is how many goroutines share a chunk of queries. Default: GOMAXPROCS of the worker.
	Threads int
	// SearchRows is the number of points that a worker answers at a time, where every point is a query. Default: 8192, or
	// ChunkRows if that is set.
	SearchRows int
	// Workers say where the job runs: in process, the index stays where it was built. Default: placement.Remote.
	Workers placement.Workers
	// IndexLimit is the size, in bytes, above which an index is refused. Default: DefaultIndexLimit for a side input;
	// else none.
	IndexLimit int64
	// Broadcast is how the index reaches the workers: Auto, SideInput, File or Shards. Default: Auto, which leaves the
	// index in this process where that does the work; SideInput for a small index, File for another; and Shards for one
	// above IndexMemory.
	Broadcast string
	// IndexMemory is what a worker process may spend, in bytes, on the index, as far as Footprint tells: what is more is
	// cut into shards, or with Recall put into parts. Required with Shards. Default: what it takes.
	IndexMemory int64
	// Staging is a directory for the files of the index. Default: the run's own, beside the output.
	Staging string

	// Index is the file into which an index goes that is built to be kept. Required with [BuildIndex], and for nothing
	// else.
	Index string

	// Destination is where the rows go. Its Output is Required unless neighbours are evaluated: PATH/NAME.csv, .jsonl,
	// .parquet or .npy, .npz or .mtx.
	output.Destination
	// Scratch is a directory that all workers and this process can write to. Required where there is no Output.
	Scratch string
	// Form, Connectivity and Similarity are how neighbours are written: see results.Layout. The similarity is that of
	// the metric: cosine or inner product.
	Form         results.Form
	Connectivity bool
	Similarity   bool
	// IncludeSelf puts each point in front of its neighbours, at distance 0: K counts the others. Without other queries
	// only.
	IncludeSelf bool
	// Symmetric makes the graph of the points such. Without other queries only. Default: neighbors.Directed.
	Symmetric neighbors.Symmetry
	// Groups makes groups of the pairs within Radius, or, with K and Symmetric, of those of which each is among the K
	// nearest of the other, and writes a row for each point: id, group, size and keep, which is 1 where the row stays; by
	// a column, that is the target of the rows. Without queries, an index that was kept, and what neighbours are written
	// with. Optional.
	Groups *groups.Keep
	// Diameter is the greatest distance of two rows of a group: see groups.Cutter. Optional.
	Diameter *float64
	// LeaveKept leaves which rows stay of the groups in a file, for [Job.Kept]. Default: false.
	LeaveKept bool
	// Outliers scores rows by their neighbours, and writes a row for each: id, score, rank and, where there is a
	// threshold, outlier, which is 1 beyond it. Optional.
	Outliers *Outliers
	// Evaluates says that neighbours which another system has found are compared with the exact ones, and Evaluate, before
	// the job runs, is their file: see [InspectFound]. Every worker has all points. Optional.
	Evaluates bool
	Evaluate  string

	// Overview says that Report.Overview is wanted, and in process what [HubsOf] gives. It takes some 4 bytes a point.
	Overview bool
}

// searchBytes is what SearchRowsOf lets the answers take.
const searchBytes = 256 << 20

// SearchRowsOf is the SearchRows whose answers, k neighbours each, take 256 MiB: for a runner whose one process does
// all the work. Where that is all points at once, each pair of them is compared only once.
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
	if o.Broadcast == "" {
		o.Broadcast = Auto
	}
	o.Destination.EnsureDefaults()
}

// mayLack reports whether a query may have fewer neighbours than K.
func (o *Options) mayLack() bool {
	return o.Restricted || o.Radius != nil || o.Neighbors.Metric.Missing()
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	errs := []error{o.Neighbors.Validate()}
	switch {
	case o.K == 0 && o.Radius == nil:
		errs = append(errs, errors.New("one of k and radius is needed"))
	case o.K < 0:
		errs = append(errs, fmt.Errorf("k = %d: must be at least 1", o.K))
	}
	if o.Radius != nil && (math.IsNaN(*o.Radius) || math.IsInf(*o.Radius, 0)) {
		errs = append(errs, fmt.Errorf("radius %v: must be a finite number", *o.Radius))
	}
	if o.Recall != 0 {
		errs = append(errs, o.validateApproximate())
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	if o.SearchRows < 0 {
		errs = append(errs, fmt.Errorf("search rows %d: must be at least 1", o.SearchRows))
	}
	if o.Broadcast != "" && !slices.Contains(Broadcasts, o.Broadcast) {
		errs = append(errs, fmt.Errorf("broadcast %q: must be one of %s", o.Broadcast, strings.Join(Broadcasts, ", ")))
	}
	if o.IndexMemory < 0 {
		errs = append(errs, fmt.Errorf("index memory %d: must be at least 1 byte", o.IndexMemory))
	}
	if o.Broadcast == Shards && o.IndexMemory == 0 {
		errs = append(errs, errors.New("shards need an index memory: --index_memory=200MB"))
	}
	if o.IndexMemory > 0 && (o.Broadcast == SideInput || o.Broadcast == File) {
		errs = append(errs, fmt.Errorf("index memory is the size of shards, which broadcast %s has not: leave out one "+
			"of them", o.Broadcast))
	}
	if o.IndexLimit < 0 || o.IndexLimit > mostSideInput && o.Broadcast == SideInput {
		errs = append(errs, fmt.Errorf("index limit %d: must be between 1 and %d bytes, what one side input can carry",
			o.IndexLimit, int64(mostSideInput)))
	}
	if o.Answer != nil {
		errs = append(errs, o.Answer.Validate(o))
	}
	errs = append(errs, o.validateGraph(), o.validateRules(), o.validateOutliers(), o.validateEvaluate(),
		o.validateWritten())
	return errors.Join(errs...)
}

// validateWritten reports what is wrong with where the output goes, which only an evaluation can do without.
func (o *Options) validateWritten() error {
	if o.Output == "" && o.Evaluates {
		return o.output().Validate()
	}
	return o.written().Validate()
}

// written is where the output goes in the end.
func (o *Options) written() *output.Options {
	layout := o.layout()
	if o.Answer != nil {
		layout = o.Answer.layout()
	}
	return o.Of(layout)
}

// output is where to write.
func (o *Options) output() *output.Options {
	if o.Index != "" {
		dir, _ := files.Split(o.Index)
		return &output.Options{Scratch: dir, NumShards: 1, RunID: o.RunID} // reports only
	}
	if o.Answer.compares() || o.Outliers != nil && o.Outliers.Keep {
		return &output.Options{Scratch: scratchOf(o.Output), NumShards: 1, RunID: o.RunID} // reports, and what is kept
	}
	out := o.written()
	if o.Output == "" && o.Evaluates {
		out.Scratch = o.Scratch
	}
	if o.Alone {
		out.Leaves = []string{out.Staging()}
		if o.Staging != "" {
			out.Leaves = append(out.Leaves, o.stagedElsewhere())
		}
	}
	return out
}

// scratchOf is a directory for what does not stay, where an output is to be.
func scratchOf(name string) string {
	if files.IsStream(name) {
		return os.TempDir()
	}
	dir, _ := files.Split(name)
	if dir == "" {
		dir = "./"
	}
	return dir
}

// Job is the data and the options of a search.
type Job struct {
	// Corpus is what the index is built of. Nil where it was built before.
	Corpus *vectorio.Dataset
	// Index is that one. Its metric and algorithm are those of Options.
	Index *Prebuilt
	// More are indexes that answer beside Index, as one of all points would: see [InspectIndexes]. Their rows are
	// numbered behind its.
	More []*Prebuilt
	// Queries are the rows to answer. Nil: every row of the corpus, each of which is no neighbour of itself.
	Queries *vectorio.Dataset
	// Reading are the options of both.
	Reading vectorio.Options
	// Options are what to compute and to write.
	Options Options

	shapes []beam.PCollection // of output.Part, which tell of what shape the graph is that is written
}

// Check reports what is wrong with the job as far as can be told before it runs.
func (j *Job) Check() error {
	errs := []error{j.Options.Validate()}
	if j.Index == nil && j.Corpus == nil {
		return errors.Join(append(errs, errors.New("an input or an index is needed"))...)
	}
	if r := j.Options.Radius; r != nil && *r < 0 && j.metric() != neighbors.InnerProduct {
		errs = append(errs, fmt.Errorf("radius %v: no %s distance is below 0", *r, j.metric()))
	}
	points, name := int64(0), ""
	if j.Index != nil {
		points, name = j.indexed(), j.Index.File.Path
		if j.Options.Broadcast == SideInput || j.Options.Broadcast == Shards || j.Options.IndexMemory > 0 {
			errs = append(errs, errors.New("an index of an earlier run is a file: without broadcast and index memory"))
		}
	} else {
		points, name = j.Corpus.Rows, j.Corpus.Files[0].Name
	}
	if j.Queries != nil && j.Queries.Dim != j.dim() {
		errs = append(errs, fmt.Errorf("the queries have %d columns (%s), the points have %d (%s)",
			j.Queries.Dim, j.Queries.Files[0].Name, j.dim(), name))
	}
	if points >= 0 && j.Options.Radius == nil && j.Options.K > 0 {
		errs = append(errs, j.Options.checkK(points, j.Queries == nil))
	}
	if j.Index == nil && j.Reading.Formats.Sparse {
		errs = append(errs, j.Options.Neighbors.CheckSparse(j.dim()))
	}
	if o := &j.Options; o.Output == "" && o.Evaluates && j.Reading.SkipFaults {
		errs = append(errs, errors.New(
			"rows with a fault can only be skipped where there is an output, for them to be listed beside it"))
	}
	errs = append(errs, j.checkIDs(), j.checkMetric(), j.checkGraph(), j.checkApproximateGroups(), j.checkTargets(),
		j.broadcast().check(j))
	return errors.Join(errs...)
}

// checkIDs says of ids that are known to be text that .npy does not hold them.
func (j *Job) checkIDs() error {
	f, err := results.Detect(j.Options.Output, j.Options.OutputFormat, results.Layout{K: j.Options.K})
	if err != nil || f.Name != "npy" || j.Options.Answer != nil {
		return nil // which is told elsewhere
	}
	const instead = "%s: its ids are text, and .npy holds integers: write .csv, .jsonl or .parquet"
	if j.Index != nil {
		for _, x := range j.indexes() {
			if x.TextIDs {
				return fmt.Errorf(instead, x.File.Path)
			}
		}
	}
	for _, d := range []*vectorio.Dataset{j.Corpus, j.Queries} {
		if d != nil && d.TextIDs != "" {
			return fmt.Errorf(instead, d.TextIDs)
		}
	}
	return nil
}

// InspectQueries finds the queries. Their columns meet the points' by name: see [vectorio.InspectLike]. Files
// of no rows are queries too. The points must be known.
func (j *Job) InspectQueries(ctx context.Context, patterns []string) (err error) {
	names, of := j.pointColumns()
	if j.Index != nil && j.Index.Note.Encoding == nil && j.metric().Missing() {
		if err := takeMissing(&j.Reading); err != nil {
			return err
		}
	}
	reading := j.Reading
	reading.Formats.Empty, reading.Formats.EmptyDim = true, j.dim()
	e := reading.Encoding
	if j.Index != nil {
		e = j.Index.Note.Encoding
	}
	if e == nil {
		if j.Index != nil {
			reading.Formats.Sparse = !reading.Formats.Missing
		}
		reading.Formats.ListedFeatures = j.dim()
		if svm, zeroBased := j.pointsOfSVM(); svm {
			reading.Meet(patterns, j.dim(), zeroBased)
		}
		j.Queries, err = vectorio.InspectLike(ctx, patterns, names, of, reading)
		if err == nil && j.Queries.Dim < j.dim() && vectorio.IsSVM(patterns, reading.Formats.Format) {
			// Beside points of another format, rows of .svm tell where they begin, but not how many columns there are.
			reading.Meet(patterns, j.dim(), j.Queries.ZeroBased())
			j.Queries, err = vectorio.InspectLike(ctx, patterns, names, of, reading)
		}
		if err == nil {
			err = j.checkNamed(names, of)
		}
		if err == nil && j.Index != nil {
			if j.Queries.Sparse() && !j.Options.CarriesSparse() && j.Queries.Dim <= vectorio.MaxDenseFeatures {
				j.Queries = j.Queries.Dense()
			}
			j.Reading.Formats.Sparse = j.Queries.Sparse()
		}
		return err
	}
	reading.Encoding, reading.Formats.Cells, names = nil, true, e.Needs()
	reading.Formats.Columns = nil // the encoding says which; the others of the points may be there, too
	d, err := vectorio.InspectLike(ctx, patterns, names, of, reading)
	if err == nil {
		j.Queries, err = j.encoded(d, e)
	}
	return err
}

// checkNamed refuses queries whose columns have no names, of sparse points that have: these are of triples, in an order
// that nobody else knows, so that as many columns by number would be others.
func (j *Job) checkNamed(names []string, of string) error {
	sparse := j.Corpus != nil && j.Corpus.Sparse()
	if j.Index != nil {
		sparse = j.Index.Note.Formats.Sparse
	}
	if !sparse || names == nil || j.Queries.Columns != nil || j.Queries.Rows == 0 {
		return nil
	}
	return fault.File(j.Queries.Name(),
		"names of columns, as "+of+" has: triples, or what transform writes of them as .parquet",
		"none")
}

// CarriesSparse reports whether a search by these options takes all sparse rows: with a recall, it takes only those of
// more columns than are stored with their zeros.
func (o *Options) CarriesSparse() bool { return o.Recall == 0 }

// encoded is a dataset of tables whose rows become numbers, sparse where there are many of these.
func (j *Job) encoded(d *vectorio.Dataset, e *features.Encoding) (*vectorio.Dataset, error) {
	if e.Dim() > vectorio.MaxDenseFeatures && e.Sparse() {
		return d.Encoded(e, &j.Reading), nil
	}
	return d.EncodedDense(e, &j.Reading)
}

// InspectCorpus finds the points. Sparse ones stay so, where the options let them.
func (j *Job) InspectCorpus(ctx context.Context, patterns []string) (err error) {
	j.Corpus, err = inspectPoints(ctx, patterns, &j.Reading, &j.Options)
	return err
}

// inspectPoints finds points, and completes the options of reading them.
func inspectPoints(ctx context.Context, patterns []string, reading *vectorio.Options,
	o *Options) (*vectorio.Dataset, error) {
	reading.Formats.Sparse = !reading.Formats.Cells
	if o.Neighbors.Metric.Missing() && !reading.Formats.Cells {
		if err := takeMissing(reading); err != nil {
			return nil, err
		}
	}
	d, err := vectorio.Inspect(ctx, patterns, *reading)
	if err != nil {
		return nil, err
	}
	if d.Sparse() && !o.CarriesSparse() && d.Dim <= vectorio.MaxDenseFeatures {
		d = d.Dense()
	}
	reading.Formats.Sparse = d.Sparse()
	return d, nil
}

// takeMissing lets rows have missing values.
func takeMissing(reading *vectorio.Options) error {
	if reading.Formats.DType == vectors.Float32 {
		return errors.New("dtype float32: rows with missing values are kept as float64")
	}
	reading.Formats.Missing, reading.Formats.DType, reading.Formats.Sparse = true, vectors.Float64, false
	return nil
}

// Encoded makes tables of numbers of the points, which were inspected as tables, by an encoding; the queries follow.
func (j *Job) Encoded(e *features.Encoding) (err error) {
	j.Corpus, err = j.encoded(j.Corpus, e)
	return err
}

// pointColumns are the names of the points' columns, or nil, and whose they are.
func (j *Job) pointColumns() (names []string, of string) {
	if j.Index != nil {
		return j.Index.Note.Columns, "the index " + j.Index.File.Path
	}
	if j.Corpus.Columns == nil {
		return nil, j.Corpus.Files[0].Name
	}
	return j.Corpus.Columns, j.Corpus.Whose()
}

// pointsOfSVM reports whether the points are of .svm, and whether the index of their first column is 0.
func (j *Job) pointsOfSVM() (svm, zeroBased bool) {
	infos, format := []files.Info(nil), j.Reading.Formats.Format
	if j.Index != nil {
		infos, format, zeroBased = j.Index.Note.Files, j.Index.Note.Formats.Format, j.Index.Note.ZeroBased
	} else {
		infos, zeroBased = j.Corpus.Files, j.Corpus.ZeroBased()
	}
	return slices.ContainsFunc(infos, func(f files.Info) bool { return vectorio.IsSVM([]string{f.Name}, format) }),
		zeroBased
}

// metric is that of the index, where it was built before.
func (j *Job) metric() neighbors.Metric {
	if j.Index != nil {
		return j.Index.Options.Metric
	}
	return j.Options.Neighbors.Metric
}

// indexed is the number of points of the indexes of earlier runs.
func (j *Job) indexed() int64 {
	n := int64(0)
	for _, x := range j.indexes() {
		n += int64(x.Points)
	}
	return n
}

// Dim is the number of columns of the points.
func (j *Job) Dim() int { return j.dim() }

func (j *Job) dim() int {
	if j.Index != nil {
		return j.Index.Dim
	}
	return j.Corpus.Dim
}

// PointsUpTo is the number of points, or most where there are more: of rows that must be counted it reads no more than
// it takes to tell. Rows at fault do not count where they are left out.
func (j *Job) PointsUpTo(ctx context.Context, most int) (int, error) {
	if j.Index != nil {
		return int(min(j.indexed(), int64(most))), nil
	}
	if j.Corpus.Rows >= 0 && !j.Reading.SkipFaults {
		return int(min(j.Corpus.Rows, int64(most))), nil
	}
	head, err := j.Corpus.Head(ctx, most, j.Reading)
	if err != nil || head.Len() >= most {
		return most, err
	}
	rows, enough := 0, errors.New("enough rows")
	err = j.Corpus.Each(ctx, j.Reading, func(b *vectors.Block) error {
		if rows += b.Len(); rows >= most {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return 0, err
	}
	return min(rows, most), nil
}

// QueryRows is the number of rows of the queries, or of the points where each is one; below 0 where they must be
// counted.
func (j *Job) QueryRows() int64 {
	if d := j.queryDataset(); d != nil {
		return d.Rows
	}
	return j.indexedRows()
}

// queryDataset is the dataset of the queries.
func (j *Job) queryDataset() *vectorio.Dataset {
	if j.Queries != nil {
		return j.Queries
	}
	return j.Corpus
}

// checkK says that there are not as many neighbours as were asked for.
func (o *Options) checkK(points int64, self bool) error {
	k := o.K
	if self && o.IncludeSelf && int64(k) >= points {
		return fmt.Errorf("k = %d: must be at most the number of points, %d, as each is the first of its neighbours", k+1,
			points)
	}
	if self && int64(k) >= points {
		return fmt.Errorf("k = %d: must be less than the number of points, %d, as no point is its own neighbour", k, points)
	}
	if int64(k) > points {
		return fmt.Errorf("k = %d: must be at most the number of points, %d", k, points)
	}
	return nil
}

// KNeighbors adds the whole job to a pipeline. It fails where the job is not valid: see [Job.Check].
func KNeighbors(s beam.Scope, j *Job) error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Domain = j.domain()
	j.Reading.Confine(j.Corpus, j.Queries)
	if j.Options.SearchRows == 0 {
		j.Options.SearchRows = j.Reading.ChunkRows
	}
	if err := j.Check(); err != nil {
		return fmt.Errorf("knn.KNeighbors: %w", err)
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("knn.KNeighbors")
	j.shapes = nil
	parts, err := j.broadcast().search(s, j)
	if err != nil {
		return err
	}
	parts = rejectByRules(s, parts, j)
	if j.Options.symmetric() {
		parts = symmetrize(s, parts, j.Options)
	}
	switch {
	case j.Options.Groups != nil:
		parts = group(s, parts, j)
	case j.Options.Outliers != nil:
		parts = scoreOutliers(s, parts, j.Options)
	}
	if len(j.shapes) > 0 {
		parts = beam.Flatten(s, append(j.shapes, parts)...)
	}
	output.Publish(s, parts, *j.Options.output())
	return nil
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func Clean(ctx context.Context, o *Options) error {
	hubs.Delete(o.RunID)
	return errors.Join(output.Clean(ctx, o.output()), o.cleanIndexes(ctx))
}

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

// Ways of the index to the workers: see the package.
const (
	Auto      = "auto"
	SideInput = "side_input"
	File      = "file"
	Shards    = "shards"
)

// Broadcasts lists them.
var Broadcasts = []string{Auto, SideInput, File, Shards}

// fileFrom is the size, in bytes, of the values of an index from which on Auto prefers a file to a side input:
// on Flink and Spark the one is as fast as the other up to here, and the file faster beyond (.ci/engines/broadcast).
const fileFrom = 4 << 20

// broadcast is how the corpus reaches the workers that search it. It decides for itself how often the corpus is read,
// and in which pieces; the output is always the same.
type broadcast interface {
	// check says, before the job starts, why this way cannot carry the corpus.
	check(j *Job) error
	// search answers the queries of a job: PCollection<output.Part>.
	search(s beam.Scope, j *Job) (beam.PCollection, error)
}

func (j *Job) broadcast() broadcast {
	o := &j.Options
	switch {
	case len(j.More) > 0:
		return several{}
	case j.Index != nil && o.Recall == 0:
		return prebuilt{}
	case j.Queries != nil && j.Queries.Rows == 0 && o.Recall != 0:
		return unanswered{}
	case j.Index != nil:
		return keptApproximate{}
	case o.Recall != 0 && j.fitsGraph():
		return approximate{}
	case o.Recall != 0 && o.Recall < 1 && !j.Reading.Formats.Sparse: // these fit, or are answered exactly
		return inParts{}
	case o.Broadcast == SideInput:
		return sideInput{}
	case o.Broadcast == File:
		return inFile{}
	case o.Broadcast == Shards, o.IndexMemory > 0 && j.footprint() > o.IndexMemory:
		return inShards{}
	case o.Workers == placement.InProcess:
		return inProcess{}
	}
	size, _ := j.minBytes()
	if j.Reading.Formats.Sparse {
		size = max(size, j.Corpus.Bytes)
	}
	if size < fileFrom {
		return sideInput{}
	}
	return inFile{}
}

// minBytes is the least that the values of the corpus take, for about so many rows with a word before it; the greatest
// number where the rows are not known.
func (j *Job) minBytes() (size int64, about string) {
	rows := j.rowsAbout()
	if rows < 0 {
		return math.MaxInt64, ""
	}
	if j.Corpus.Rows < 0 {
		about = "about "
	}
	return j.Reading.MinBytes(rows, j.Corpus.Dim), about
}

// rowsAbout is the number of points, or an estimate where they must be counted, or -1.
func (j *Job) rowsAbout() int64 {
	if j.Corpus.Rows >= 0 {
		return j.Corpus.Rows
	}
	return j.Corpus.RowsAbout
}

// footprint is what the whole index takes, at least; the greatest number where the rows are not known.
func (j *Job) footprint() int64 {
	size, _ := j.minBytes()
	if size == math.MaxInt64 {
		return size
	}
	return j.indexFootprint(size / j.Reading.MinBytes(1, j.Corpus.Dim))
}

// indexFootprint is about what so many of the points take in the index.
func (j *Job) indexFootprint(points int64) int64 {
	if j.Corpus == nil {
		return points * neighbors.Footprint(j.dim(), j.Reading.Formats.DType == vectors.Float64, j.Options.Neighbors)
	}
	return IndexFootprint(j.Corpus, &j.Reading, j.Options.Neighbors, points)
}

// IndexFootprint is about the memory, in bytes, of an index of so many of the points of a dataset while it is built or
// searched.
func IndexFootprint(d *vectorio.Dataset, reading *vectorio.Options, o neighbors.Options, points int64) int64 {
	if reading.Formats.Sparse {
		return neighbors.SparseFootprint(points, int64(rowEntries(d)*float64(points)), d.Dim, o)
	}
	return points * neighbors.Footprint(d.Dim, reading.Formats.DType == vectors.Float64, o)
}

// checkLimit says that the corpus is above the limit, which by default is that.
func (j *Job) checkLimit(limit int64) error {
	if j.Options.IndexLimit > 0 {
		limit = j.Options.IndexLimit
	}
	size, about := j.minBytes()
	if size == math.MaxInt64 || size <= limit {
		return nil // compressed, and Build finds out as it reads; or all is well
	}
	return tooLarge(about, size/j.Reading.MinBytes(1, j.Corpus.Dim), j.Corpus.Dim, size, limit)
}

// withIndexLimit gives the options, with the limit of an index that a way has by default.
func (j *Job) withIndexLimit(limit int64) Options {
	o := j.Options
	if o.IndexLimit == 0 {
		o.IndexLimit = limit
	}
	return o
}

// inProcess leaves the index in the process that builds it, which does all the work. (A side input would cost the
// runner eight times the memory and, on Prism, a core: a stage with one is looked at without a pause for as long as
// it runs.)
type inProcess struct{}

func (inProcess) check(j *Job) error { return j.checkLimit(math.MaxInt64) }

func (inProcess) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	return searchBuilt(s, j, false), nil
}

// inFile puts the index into a file, which every worker process maps.
type inFile struct{}

func (inFile) check(j *Job) error { return j.checkLimit(math.MaxInt64) }

func (inFile) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	return searchBuilt(s, j, true), nil
}

// searchBuilt builds the index, in this process or into a file, and searches it once it is there.
func searchBuilt(s beam.Scope, j *Job, file bool) beam.PCollection {
	o := j.withIndexLimit(math.MaxInt64)
	corpus := j.chunks(s.Scope("Corpus"), ofPoints, j.Corpus)
	fn := &buildFn{Reading: j.Reading, Options: o, Dim: j.Corpus.Dim, Self: j.Queries == nil, File: file}
	_, ranges, built := build(s.Scope("knn.Build"), corpus, fn)
	if j.Queries == nil {
		return beam.Flatten(s, built, searchRanges(s, ranges, o, false))
	}
	queries := beam.ParDo(s, &queryFn{}, j.chunks(s.Scope("Queries"), ofQueries, j.Queries))
	return beam.Flatten(s, built, searchQueries(s, release(s, queries, ranges), j, o, false))
}

// searchRanges answers points of an index in this process or in a file: PCollection<Range> → PCollection<output.Part>.
func searchRanges(s beam.Scope, ranges beam.PCollection, o Options, kept bool) beam.PCollection {
	fn := &searchSelfFileFn{searchSelfFn{Options: o, Kept: kept}}
	return beam.ParDo(s.Scope("knn.SearchSelf"), fn, beam.Reshuffle(s, ranges))
}

// searchQueries answers queries from files: PCollection<Query> → PCollection<output.Part>.
func searchQueries(s beam.Scope, queries beam.PCollection, j *Job, o Options, kept bool) beam.PCollection {
	fn := &searchFileFn{searchFn{Reading: j.Reading, Options: o, Dim: j.dim(), Kept: kept}}
	return beam.ParDo(s.Scope("knn.Search"), fn, beam.Reshuffle(s, queries))
}

// release gives queries the index that built names, PCollection<Range> of one, once it is there: they wait in a group
// that is not complete before.
func release(s beam.Scope, queries, built beam.PCollection) beam.PCollection {
	all := beam.Flatten(s, queries, beam.ParDo(s, &waitFn{}, built))
	return beam.ParDo(s, &releaseFn{}, beam.GroupByKey(s, beam.AddFixedKey(s, all)))
}

// prebuilt searches an index of an earlier run.
type prebuilt struct{}

func (prebuilt) check(*Job) error { return nil }

func (prebuilt) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	x, o := j.Index, j.Options
	report, err := output.Report(order, Report{
		Points: int64(x.Points), Dim: x.Dim, DuplicateIDs: x.Note.DuplicateIDs, IndexBytes: x.File.Size,
		Algorithm: string(neighbors.AlgorithmOf(x.Points, x.Dim, x.Options)), Broadcast: File,
	})
	if err != nil {
		return beam.PCollection{}, err
	}
	reports := beam.CreateList(s, append(j.shapeOf(x.Note.Total), report))
	if j.Queries == nil {
		ranges := beam.CreateList(s, rangesOf(x.Points, x.Note.Total, o.SearchRows, x.File))
		return beam.Flatten(s, reports, searchRanges(s, ranges, o, true)), nil
	}
	queries := beam.ParDo(s, &queryFn{Index: x.File}, j.chunks(s.Scope("Queries"), ofQueries, j.Queries))
	return beam.Flatten(s, reports, searchQueries(s, queries, j, o, true)), nil
}

// queryFn makes a query of a chunk.
type queryFn struct{ Index IndexFile }

func (f *queryFn) ProcessElement(c vectorio.Chunk) Query { return Query{Chunk: c, Index: f.Index} }

// waitFn makes a query without a chunk, which names the index, of a range without points.
type waitFn struct{}

func (*waitFn) ProcessElement(r Range) Query {
	return Query{Chunk: vectorio.Chunk{Ordinal: r.Ordinal}, Index: r.Index}
}

// releaseFn gives the queries of a group the index that is named among them.
type releaseFn struct{}

func (*releaseFn) ProcessElement(_ int, iter func(*Query) bool, emit func(Query)) {
	var all []Query
	var index IndexFile
	var q Query
	for iter(&q) {
		if q.Chunk.Ordinal < 0 {
			index = q.Index
		} else {
			all = append(all, q)
		}
	}
	for _, q := range all {
		q.Index = index
		emit(q)
	}
}

// unanswered writes the output of queries of no rows, by which no recall can be measured.
type unanswered struct{}

func (unanswered) check(*Job) error { return nil }

func (unanswered) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	r := Report{Dim: j.dim(), Algorithm: IVF}
	var parts []output.Part
	if j.Index != nil {
		r.Points, parts = int64(j.Index.Points), j.shapeOf(j.Index.Note.Total)
	} else if r.Points = max(j.Corpus.Rows, 0); j.Options.isGraph() {
		j.chunks(s.Scope("Corpus"), ofPoints, j.Corpus) // which tells how many points there are
	}
	report, err := output.Report(order, r)
	if err != nil {
		return beam.PCollection{}, err
	}
	return beam.CreateList(s, append(parts, report)), nil
}

// sideInput builds the index whole and gives it to every worker as a side input.
type sideInput struct{}

func (sideInput) check(j *Job) error { return j.checkLimit(DefaultIndexLimit) }

func tooLarge(about string, rows int64, dim int, size, limit int64) error {
	advice := "give it another way (--broadcast=file, or --broadcast=shards --index_memory=SIZE), store the vectors " +
		"as float32 (--dtype=float32), leave out columns, or search a part of the points at a time"
	if limit < mostSideInput && size <= mostSideInput {
		advice = "raise --index_limit, if the workers and the runner have several times that memory, or " + advice
	}
	return fmt.Errorf("the index of %s%d points × %d columns takes at least %s, above the limit of %s: %s",
		about, rows, dim, files.Bytes(size), files.Bytes(limit), advice)
}

func (sideInput) search(s beam.Scope, j *Job) (beam.PCollection, error) {
	corpus := j.chunks(s.Scope("Corpus"), ofPoints, j.Corpus)
	o := j.withIndexLimit(DefaultIndexLimit)
	pieces, ranges, built := Build(s, corpus, j.Corpus.Dim, j.Reading, o, j.Queries == nil)
	if j.Queries == nil {
		return beam.Flatten(s, built, searchSelf(s, beam.Reshuffle(s, ranges), pieces, o)), nil
	}
	queries := j.chunks(s.Scope("Queries"), ofQueries, j.Queries)
	return beam.Flatten(s, built, search(s, queries, pieces, j.Corpus.Dim, j.Reading, o)), nil
}
