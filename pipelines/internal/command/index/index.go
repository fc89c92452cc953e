// Package index is the command that builds an index of points, once, for kneighbors --index.
package index

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
)

// command is the flags.
type command struct {
	*cli.App
	input       *cli.Input
	version     *version
	tables      *cli.Tables
	standardize *bool
	metric      *cli.Metric
	algorithm   *string
	recall      **float64
	threads     *int
	index       *cli.Path
}

// New is the command.
func New() *cli.App {
	app := cli.New("index", "Builds an index of points, once, for kneighbors --index: files in, one file out.")
	c := &command{App: app, input: app.Input().Unless("from")}

	c.tables = app.Tables(false)
	c.version = newVersion(app.Group("Instead: a new version of an index"))

	compute := app.Group("What to build")
	c.standardize = compute.Bool("standardize", false,
		"bring the numbers and dates of a table to mean 0 and variance 1 first, as where they have different units; its "+
			"categories stay 0 and 1")
	c.metric = compute.Metric(neighbors.Metrics)
	c.algorithm = compute.Choice("algorithm", "auto", cli.Texts(neighbors.Algorithms),
		"how the index is searched, which changes the time and never the answer, as `ALGORITHM`: "+
			cli.Names(neighbors.Algorithms)+": --algorithm=brute")
	c.recall = compute.OptionalFloat("recall",
		"keep lists of the points too, by which kneighbors --index=FILE --recall=SHARE finds this or another `SHARE` of "+
			"the true neighbours without making them anew; it takes 4 bytes a point: --recall=0.95")
	c.threads = compute.Int("threads", 0, "how many threads read the points: --threads=4 (default: all cores)")

	c.index = app.Group("What to write").OutputFile("index",
		"the `FILE` to write, which is put in place when it is complete: --index=out/words.index, or gs://bucket/words.index").Rejects()
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	reading, faults := c.input.Options()
	_, tables := c.tables.Options(*c.standardize)
	faults = errors.Join(faults, tables, c.tables.Columns(&reading.Formats))
	if !c.version.asked() {
		faults = errors.Join(faults, c.metric.Check())
	}
	reading.Formats.Cells = c.tables.Asked() || *c.standardize
	job := &knn.IndexJob{Reading: reading, Made: c.input.Triples().Asked(), Options: knn.Options{
		Neighbors: c.metric.Options(), Threads: *c.threads, Workers: cli.Workers(), Index: c.index.Path(),
	}}
	job.Options.Neighbors.Algorithm = neighbors.Algorithm(*c.algorithm)
	if *c.recall != nil {
		if job.Options.Recall = **c.recall; !(job.Options.Recall > 0 && job.Options.Recall <= 1) {
			faults = errors.Join(faults, fmt.Errorf("--recall=%v: must be greater than 0 and at most 1", **c.recall))
		}
	}
	job.Options.EnsureDefaults()
	if err := cli.Usage(faults, c.checkVersion(), job.Check()); err != nil {
		return err
	}
	if c.version.asked() {
		return c.build(ctx, job, c.inspectVersion, c.explainVersion, start)
	}
	return c.build(ctx, job, c.inspect, c.explain, start)
}

// inspect finds the points.
func (c *command) inspect(ctx context.Context, job *knn.IndexJob) error {
	if err := c.metric.Params(ctx, &job.Options.Neighbors); err != nil {
		return err
	}
	if err := job.InspectCorpus(ctx, c.input.Patterns()); err != nil {
		return err
	}
	if job.Reading.Formats.Cells {
		if err := c.encode(ctx, job); err != nil {
			return err
		}
	}
	c.Note(job.Corpus)
	return cli.Usage(job.Options.Neighbors.CheckColumns(job.Corpus.Dim))
}

// build builds the index of what inspect finds.
func (c *command) build(ctx context.Context, job *knn.IndexJob, inspect,
	explain func(context.Context, *knn.IndexJob) error, start time.Time) error {
	if err := inspect(ctx, job); err != nil {
		return err
	}
	if err := cli.Usage(job.Check()); err != nil {
		return err
	}
	if c.Explaining() {
		return explain(ctx, job)
	}
	if err := cli.Fits(job.Memory()); err != nil {
		return err
	}
	clean := func(ctx context.Context) error { return knn.Clean(ctx, &job.Options) }
	_, err := cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*knn.Report]{
		Add: func(s beam.Scope) error {
			if err := knn.BuildIndex(s, job); err != nil {
				return err
			}
			if err := job.Stage(ctx); err != nil {
				return errors.Join(err, clean(context.WithoutCancel(ctx)))
			}
			return nil
		},
		Read:  func(ctx context.Context) (*knn.Report, error) { return knn.PublishIndex(ctx, &job.Options) },
		Tell:  func(r *knn.Report) error { return c.Summary(lines(r, time.Since(start)), r) },
		Clean: clean,
	})
	return err
}

// encode finds out how the points, which are rows of tables, become numbers.
func (c *command) encode(ctx context.Context, job *knn.IndexJob) error {
	e, err := c.tables.FitDense(ctx, &cli.Dense{
		Data: job.Corpus, Reading: job.Reading, Standardize: *c.standardize, Output: job.Options.Index,
		RunID: job.Options.RunID,
	})
	if err != nil {
		return err
	}
	return job.Encoded(e)
}

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *knn.IndexJob) error {
	plan, err := c.PlanRows(ctx, job.Corpus, job.Reading, 1, job.Options.Threads)
	if err != nil {
		return err
	}
	show := &cli.Plan{}
	if plan.Rows > 0 {
		o := job.Options.Neighbors
		plan.WorkerMemory = knn.IndexFootprint(job.Corpus, &job.Reading, o, plan.Rows)
		show.Line("index", "%s of %s, in one worker", neighbors.AlgorithmOf(int(min(plan.Rows, neighbors.MaxPoints)),
			plan.Dim, o), files.Bytes(plan.WorkerMemory))
	}
	show.Rows("points", plan)
	return c.Explain(show, plan)
}

func lines(r *knn.Report, total time.Duration) []string {
	all := []string{fmt.Sprintf("%s × %s in %.2f s: read %.2f s, index %.2f s (%s, %s); peak memory %s",
		cli.Count(r.Points, "point"), cli.Count(r.Dim, "column"),
		total.Seconds(), r.ReadPoints, r.BuildIndex, r.Algorithm, files.Bytes(r.IndexBytes), files.Bytes(cli.PeakMemory()))}
	if r.Deleted+r.Added > 0 {
		all = append(all, fmt.Sprintf("  %s deleted, and %d added", cli.Agree(r.Deleted, "point was", "points were"),
			r.Added))
	}
	if r.DuplicateIDs > 0 {
		all = append(all, "  "+cli.Agree(r.DuplicateIDs, "point has", "points have")+" an id that an earlier point has")
	}
	return append(all, cli.FileLines(r.Rejected, r.RejectedFiles, r.OutputFiles)...)
}
