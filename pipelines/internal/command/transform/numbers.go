package transform

import (
	"context"
	"errors"
	"slices"
	"time"

	"beamlearn/model/formats"
	"beamlearn/pipelines/internal/cli"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/vectorio"
)

// numbers reports whether the input is of a format that has numbers alone.
func (c *command) numbers(format string) bool {
	return slices.ContainsFunc(c.input.Patterns(), func(name string) bool { return formats.IsNumbers(name, format) })
}

// runNumbers writes rows that are numbers already, in another format. Those of .svm keep their targets.
func (c *command) runNumbers(ctx context.Context, job *encode.ApplyJob) error {
	start := time.Now()
	var errs []error
	if job.Options.Output == "" {
		errs = append(errs, errors.New("--output is needed: rows of numbers are only written in another format"))
	}
	if c.fitted.String() != "" || c.encoding.Path() != "" || c.tables.Asked() || *c.standardize {
		errs = append(errs, errors.New("rows of numbers stay as they are: without flags of tables, --standardize, "+
			"--transform and --output_encoding"))
	}
	if err := cli.Usage(errs...); err != nil {
		return err
	}
	f := &job.Reading.Formats
	f.Cells, f.Sparse = false, true
	if slices.ContainsFunc(c.input.Patterns(), func(name string) bool { return formats.IsSVM(name, f.Format) }) {
		f.Unlabelled, job.Options.Target = false, "target"
	}
	var err error
	if job.Data, err = vectorio.Inspect(ctx, c.input.Patterns(), job.Reading); err != nil {
		return err
	}
	f.Sparse = job.Data.Sparse()
	c.Note(job.Data)
	if err := cli.Usage(job.Check()); err != nil {
		return err
	}
	if c.Explaining() {
		return c.explain(ctx, job, 1)
	}
	report, err := c.apply(ctx, job)
	if err != nil {
		return err
	}
	summary := newSummary(job, report, "", time.Since(start))
	return c.Summary(summary.lines(), summary)
}
