// Kneighbors finds the k nearest neighbours of every point, exactly: files in, files out, as a Beam pipeline.
//
//	go run ./pipelines/kneighbors --input=testdata/digits.csv --id_column=id --columns='pixel_*' --k=10 --output=out/neighbors.csv
package main

import (
	"context"
	"errors"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/neighbors"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/vectorio"
)

var (
	app     = cli.New("kneighbors", "Finds the k nearest neighbours of every point, exactly: files in, files out.")
	input   = app.Input()
	queries = input.Group().String("queries", "", "the rows to answer: a `PATH` and so on, as --input (default: every point, which is then no neighbour of itself)")

	compute   = app.Group("What to compute")
	k         = compute.Int("k", 0, "how many neighbours each query gets")
	radius    = compute.OptionalFloat("radius", "instead of --k: all neighbours within this `DISTANCE`, inclusive")
	metric    = compute.String("metric", "euclidean", "the `METRIC`: "+cli.Names(neighbors.Metrics))
	p         = compute.Float("p", 2, "the power of --metric=minkowski")
	algorithm = compute.String("algorithm", "auto", "how to search, which changes the time and never the answer, as `ALGORITHM`: "+cli.Names(neighbors.Algorithms))
	threads   = compute.Int("threads", 0, "how many threads share a chunk of queries (default: all cores)")
	limit     = compute.Size("index_limit", 0, "the `SIZE` above which an index is refused: 200MB, 1GiB (default 1GiB, as it is a side input of the workers; none where the work is done in this process)")

	write  = app.Group("What to write")
	output = write.String("output", "", "the `FILE` to write: .csv (query_id,rank,neighbor_id,distance), .jsonl, .parquet or .npy (two files: .indices.npy, .distances.npy)")
	format = write.String("output_format", "", "the `FORMAT` of the output (default by the extension): csv, jsonl, parquet, npy")
	shards = write.Int("num_shards", 1, "cut the output into this many files, NAME-00000-of-0000N.csv and so on")
)

func main() { app.Main(run) }

func run(ctx context.Context) error {
	start := time.Now()
	reading, faults := input.Options()
	out, err := files.Absolute(*output)
	if *output == "" {
		out = ""
	}
	job := &knn.Job{Reading: reading, Options: knn.Options{
		Neighbors: neighbors.Options{Metric: neighbors.Metric(*metric), P: *p, Algorithm: neighbors.Algorithm(*algorithm)},
		K:         *k, Radius: *radius, Threads: *threads, IndexLimit: *limit, InProcess: cli.InProcess(),
		Output: out, OutputFormat: *format, NumShards: *shards,
	}}
	if job.Options.SearchRows = input.ChunkRows(); job.Options.SearchRows == 0 && cli.InProcess() {
		job.Options.SearchRows = knn.SearchRowsOf(*k)
	}
	job.Options.EnsureDefaults()
	if err := cli.Usage(faults, err, job.Options.Validate()); err != nil {
		return err
	}

	if job.Corpus, err = vectorio.Inspect(ctx, input.Patterns(), reading); err != nil {
		return err
	}
	if *queries != "" {
		if job.Queries, err = vectorio.Inspect(ctx, cli.List(*queries), reading); err != nil {
			return err
		}
	}
	if err := cli.Usage(job.Check()); err != nil {
		return err
	}
	pipeline, s := beam.NewPipelineWithRoot()
	knn.KNeighbors(s, job)
	inspected := time.Since(start)
	err = app.Run(ctx, pipeline, job.Options.RunID)
	return finish(ctx, err, job, start, inspected)
}

// finish tells what was done, and tidies up.
func finish(ctx context.Context, err error, job *knn.Job, start time.Time, inspected time.Duration) error {
	var report *knn.Report
	if err == nil {
		report, err = knn.ReadReport(ctx, &job.Options)
	}
	if err == nil {
		summary := newSummary(report, time.Since(start), inspected)
		err = app.Summary(summary.lines(), summary)
	}
	return errors.Join(err, knn.Clean(context.WithoutCancel(ctx), &job.Options))
}
