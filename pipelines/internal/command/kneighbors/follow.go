package kneighbors

import (
	"context"
	"errors"
	"time"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/vectorio"
)

// pipes reports whether queries come, and answers go, through a pipe.
func (c *command) pipes() bool { return c.input.Pipes(c.queries.List(), c.output) }

// follows reports whether queries are answered as they come: with an index, and for lists of neighbours alone.
func (c *command) follows() bool {
	c.takeQueries()
	return c.pipes() && len(c.index.List()) > 0 && *c.recall == nil && *c.algorithm != knn.IVF &&
		len(c.input.Patterns()) == 0 && !c.imputes() && !c.predict.asked() && *c.outlying.method == "" &&
		c.evaluate.String() == "" && !c.rules.asked() && (c.page.Given() == "" || c.page.Given() == cli.NoReport) &&
		!c.Explaining()
}

// takeQueries makes rows of standard input queries where there is an index, which cannot have been built of them.
func (c *command) takeQueries() {
	if in := c.input.Patterns(); c.index.String() != "" && c.queries.String() == "" && len(in) == 1 && in[0] == files.Std {
		c.input.MoveTo(c.queries)
	}
}

// follow answers the queries of standard input as they come.
func (c *command) follow(ctx context.Context, job *knn.Job, start time.Time) (err error) {
	if err := c.inspectIndexes(ctx, job); err != nil {
		return err
	}
	if err := c.reuse(job); err != nil {
		return err
	}
	inspect := func(pattern string) (*vectorio.Dataset, error) {
		err := job.InspectQueries(ctx, []string{pattern})
		return job.Queries, err
	}
	return c.Follow(ctx, &job.Reading, inspect, func(f cli.Following) (int64, error) {
		if err := cli.Usage(job.Check()); err != nil {
			return 0, err
		}
		c.Note(job.Queries)
		inspected := time.Since(start)
		report, err := knn.Follow(ctx, job, f.Rows, f.To, f.Tell)
		if err == nil || ctx.Err() != nil {
			summary := newSummary(report, time.Since(start), inspected)
			err = errors.Join(err, c.Summary(summary.lines(), summary))
		}
		return report.Queries, err
	})
}
