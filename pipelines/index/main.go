// Index builds an index of points, once, for kneighbors --index: files in, one file out, as a Beam pipeline.
//
//	go run ./pipelines/index --input=testdata/digits.csv --id_column=id --columns='pixel_*' --index=out/digits.index
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/neighbors"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/vectorio"
)

var (
	app   = cli.New("index", "Builds an index of points, once, for kneighbors --index: files in, one file out.")
	input = app.Input()

	compute   = app.Group("What to build")
	metric    = compute.String("metric", "euclidean", "the `METRIC`: "+cli.Names(neighbors.Metrics)+": --metric=cosine")
	p         = compute.Float("p", 2, "the power of --metric=minkowski: --p=3")
	algorithm = compute.String("algorithm", "auto", "how the index is searched, which changes the time and never the answer, as `ALGORITHM`: "+cli.Names(neighbors.Algorithms)+": --algorithm=brute")
	threads   = compute.Int("threads", 0, "how many threads read the points: --threads=4 (default: all cores)")

	write = app.Group("What to write")
	index = write.String("index", "", "the `FILE` to write, which is put in place when it is complete: --index=out/words.index, or gs://bucket/words.index")
)

func main() { app.Main(run) }

func run(ctx context.Context) error {
	start := time.Now()
	reading, faults := input.Options()
	job := &knn.IndexJob{Reading: reading, Options: knn.Options{
		Neighbors: neighbors.Options{Metric: neighbors.Metric(*metric), P: *p, Algorithm: neighbors.Algorithm(*algorithm)},
		Threads:   *threads, InProcess: cli.InProcess(),
	}}
	var err error
	if *index != "" {
		job.Options.Index, err = files.Absolute(*index)
	}
	job.Options.EnsureDefaults()
	if err := cli.Usage(faults, err, job.Check()); err != nil {
		return err
	}
	if job.Corpus, err = vectorio.Inspect(ctx, input.Patterns(), reading); err != nil {
		return err
	}
	pipeline, s := beam.NewPipelineWithRoot()
	knn.BuildIndex(s, job)
	err = app.Run(ctx, pipeline, job.Options.RunID)
	var report *knn.Report
	if err == nil {
		report, err = knn.PublishIndex(ctx, &job.Options)
	}
	if err == nil {
		err = app.Summary(lines(report, time.Since(start)), report)
	}
	return errors.Join(err, knn.Clean(context.WithoutCancel(ctx), &job.Options))
}

func lines(r *knn.Report, total time.Duration) []string {
	all := []string{fmt.Sprintf("%d points × %d columns in %.2f s: read %.2f s, index %.2f s (%s, %s); peak memory %s", r.Points, r.Dim,
		total.Seconds(), r.ReadPoints, r.BuildIndex, r.Algorithm, files.Bytes(r.IndexBytes), files.Bytes(cli.PeakMemory()))}
	if r.DuplicateIDs > 0 {
		all = append(all, fmt.Sprintf("  %d points have an id that an earlier point has", r.DuplicateIDs))
	}
	for _, f := range r.RejectedFiles {
		all = append(all, fmt.Sprintf("  %d rows left out: %s", r.Rejected, cli.Relative(f)))
	}
	return append(all, cli.Relative(r.OutputFiles[0]))
}
