// Kneighbors finds the k nearest neighbours of every point, exactly or most of them: files in, files out, as a Beam pipeline.
//
//	go run ./pipelines/kneighbors --input=testdata/digits.csv --id_column=id --columns='pixel_*' --k=10 --output=out/neighbors.csv
//
// With --index it asks an index that the command index has built:
//
//	go run ./pipelines/kneighbors --index=out/digits.index --queries=testdata/digits.csv --columns='pixel_*' --k=10 --output=out/neighbors.csv
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/vectorio"
)

var (
	app     = cli.New("kneighbors", "Finds the k nearest neighbours of every point, exactly: files in, files out.").Explains()
	input   = app.Input()
	queries = input.Group().String("queries", "", "the rows to answer: a `PATH` and so on, as --input (default: every point, which is then no neighbour of itself)")
	index   = input.Group().String("index", "", "ask the index in this `FILE`, which the command index has built, instead of building one: --index=out/words.index. It has the points, and their metric; with --input too, that must be what it was built of, unchanged")

	compute   = app.Group("What to compute")
	k         = compute.Int("k", 0, "how many neighbours each query gets")
	radius    = compute.OptionalFloat("radius", "instead of --k: all neighbours within this `DISTANCE`, inclusive")
	metric    = compute.String("metric", "euclidean", "the `METRIC`: "+cli.Names(neighbors.Metrics))
	p         = compute.Float("p", 2, "the power of --metric=minkowski")
	algorithm = compute.String("algorithm", "auto", "how to search, as `ALGORITHM`: "+cli.Names(neighbors.Algorithms)+", which change the time and never the answer; or ivf, which finds most of the neighbours, by partitions: --algorithm=ivf --recall=0.95")
	recall    = compute.OptionalFloat("recall", "approximate neighbours instead: this `SHARE` of the true ones, which the job measures on queries that it answers exactly too: --recall=0.95 (that, with --algorithm=ivf)")
	seed      = compute.Int("seed", 0, "chooses the partitions and samples of --recall: the same seed gives the same neighbours")
	threads   = compute.Int("threads", 0, "how many threads share a chunk of queries (default: all cores)")
	limit     = compute.Size("index_limit", 0, "the `SIZE` above which an index is refused: --index_limit=2GiB (default 1GiB for a side input, none for the other ways)")

	where     = app.Group("How the index reaches the workers, which changes the time and never the answer")
	broadcast = where.String("broadcast", knn.Auto, "the `WAY`: side_input; file, which is mapped into memory by every worker; shards, for more than a worker's memory, one part after the other; or auto: it stays in this process where that does the work, else a side input while small, then a file; above --index_memory, shards: --broadcast=file")
	memory    = where.Size("index_memory", 0, "what a worker may spend on the index, as a `SIZE`; what is above is cut into shards, or with --recall goes into overlapping parts: --index_memory=200MB (default: what it takes)")
	staging   = where.String("staging", "", "the `DIR` for the files of the index while the job runs, which every worker must reach: --staging=gs://bucket/tmp (default: beside the output)")

	write  = app.Group("What to write")
	output = write.String("output", "", "the `FILE` to write: .csv (query_id,rank,neighbor_id,distance), .jsonl, .parquet or .npy (two files: .indices.npy, .distances.npy)")
	format = write.String("output_format", "", "the `FORMAT` of the output (default by the extension): csv, jsonl, parquet, npy")
	shards = write.Int("num_shards", 1, "cut the output into this many files, NAME-00000-of-0000N.csv and so on")
	page   = write.String("report", "", "the `FILE` of a page that shows what was found: --report=out/words.html; none for none (default: beside an output on this host, NAME.html)")
	image  = write.String("image", "", "the `SIZE` of the picture that the columns are, row by row, for the page: 28x28 is width and height (default: square, where all names of columns begin with pixel)")
	texts  = write.String("texts", "", "the `FILE` of texts for the page: line i is that of row i, or with --id_column each line is an id, a tab and its text: --texts=testdata/words.tsv")
)

func main() {
	input.Unless("index")
	app.Main(run)
}

func run(ctx context.Context) error {
	start := time.Now()
	reading, faults := input.Options()
	out, err := absolute(*output)
	dir, err2 := absolute(*staging)
	show, err4 := reportPath(out)
	size, err5 := cli.ParseImage(*image)
	job := &knn.Job{Reading: reading, Options: knn.Options{
		Neighbors: neighbors.Options{Metric: neighbors.Metric(*metric), P: *p, Algorithm: neighbors.Algorithm(*algorithm)},
		K:         *k, Radius: *radius, Threads: *threads, IndexLimit: *limit, InProcess: cli.InProcess(),
		Broadcast: *broadcast, IndexMemory: *memory, Staging: dir,
		Output: out, OutputFormat: *format, NumShards: *shards, Overview: show != "",
	}}
	if job.Options.SearchRows = input.ChunkRows(); job.Options.SearchRows == 0 && cli.InProcess() {
		job.Options.SearchRows = knn.SearchRowsOf(*k)
	}
	err3 := approximate(&job.Options)
	job.Options.EnsureDefaults()
	given := job.Options.Neighbors
	if err := cli.Usage(faults, err, err2, err3, err4, err5, job.Options.Validate()); err != nil {
		return err
	}

	if len(input.Patterns()) > 0 {
		if job.Corpus, err = vectorio.Inspect(ctx, input.Patterns(), reading); err != nil {
			return err
		}
	}
	if *index != "" {
		if err := reuse(ctx, job, given); err != nil {
			return err
		}
	}
	if *queries != "" {
		if job.Queries, err = vectorio.Inspect(ctx, cli.List(*queries), reading); err != nil {
			return err
		}
	}
	size, err = pictures(size, job)
	if err := cli.Usage(err, job.Check()); err != nil {
		return err
	}
	if app.Explaining() {
		return explain(ctx, job)
	}
	if err := cli.Fits(job.Memory()); err != nil {
		return err
	}
	pipeline, s := beam.NewPipelineWithRoot()
	knn.KNeighbors(s, job)
	inspected := time.Since(start)
	err = app.Run(ctx, pipeline, job.Options.RunID)
	return finish(ctx, err, job, look{show, size}, start, inspected)
}

// defaultRecall is that of --algorithm=ivf.
const defaultRecall = 0.95

// approximate sets what --recall and --algorithm=ivf ask for.
func approximate(o *knn.Options) error {
	if o.Neighbors.Algorithm == knn.IVF {
		o.Neighbors.Algorithm, o.Recall = neighbors.Auto, defaultRecall
	}
	o.Seed = uint64(*seed)
	switch {
	case *recall != nil && !(**recall > 0 && **recall <= 1):
		return fmt.Errorf("--recall=%v: must be greater than 0 and at most 1", **recall)
	case *recall != nil:
		o.Recall = **recall
	case o.Recall == 0 && cli.Given("seed"):
		return errors.New("--seed is of an approximate search: --recall=0.95")
	}
	return nil
}

// reuse takes the index of an earlier run.
func reuse(ctx context.Context, job *knn.Job, given neighbors.Options) (err error) {
	if job.Index, err = knn.Inspect(ctx, *index); err != nil {
		return err
	}
	if job.Corpus != nil {
		if err := job.Index.Check(*index, job.Corpus, job.Reading); err != nil {
			return err
		}
		job.Corpus = nil
	}
	has := job.Index.Options
	job.Options.Neighbors = has
	differs := func(flag string, found, expected any) error {
		if found == expected || !cli.Given(flag) {
			return nil
		}
		return fault.File(*index, fmt.Sprintf("%v, as --%s says: leave that out, or build the index anew", expected, flag), "an index with %s %v", flag, found)
	}
	return errors.Join(differs("metric", has.Metric, given.Metric), differs("p", has.P, given.P), differs("algorithm", has.Algorithm, given.Algorithm))
}

// absolute is a path as every process of this host understands it, or nothing.
func absolute(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	return files.Absolute(name)
}

// finish tells what was done, and tidies up.
func finish(ctx context.Context, err error, job *knn.Job, to look, start time.Time, inspected time.Duration) error {
	var report *knn.Report
	if err == nil {
		report, err = knn.ReadReport(ctx, &job.Options)
	}
	if err == nil {
		summary := newSummary(report, time.Since(start), inspected)
		if to.page != "" {
			summary.Page = to.page
			err = writePage(ctx, to, job, summary)
		}
		report.Overview = nil // it is for the page
		if err == nil {
			err = app.Summary(summary.lines(), summary)
		}
	}
	return errors.Join(err, knn.Clean(context.WithoutCancel(ctx), &job.Options))
}
