package transform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/triples"
)

// runTriples writes the sparse rows of triples.
func (c *command) runTriples(ctx context.Context) error {
	start := time.Now()
	reading, faults := c.input.Options()
	job := &triples.Job{
		Columns: c.triples.Columns(), Reading: reading, Options: c.triples.Options(),
	}
	job.Options.Known, job.Options.Threads, job.Options.Destination = c.fitted.String(), *c.threads,
		c.output.Destination()
	job.Options.EnsureDefaults()
	errs := append([]error{faults}, c.tripleContradictions()...)
	if c.output.Path.Path() != "" && job.Columns.Row != "" && job.Columns.Column != "" {
		errs = append(errs, job.Validate())
	}
	if err := cli.Usage(errs...); err != nil {
		return err
	}
	if name := job.Options.Known; name != "" {
		if _, err := triples.ReadColumns(ctx, name); err != nil {
			return err
		}
	}
	var err error
	if job.Data, err = triples.Inspect(ctx, c.input.Patterns(), &job.Columns, &job.Reading); err != nil {
		return err
	}
	c.Note(job.Data)
	if c.Explaining() {
		return c.ExplainTriples(ctx, job)
	}
	_, err = cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*triples.Report]{
		Add:  func(s beam.Scope) error { return triples.Rows(s, job) },
		Read: job.Report,
		Tell: func(r *triples.Report) error {
			if name := c.encoding.Path(); name != "" {
				if err := job.WriteColumns(ctx, name); err != nil {
					return err
				}
			}
			s := &tripleSummary{Report: r, Encoding: c.encoding.Path(), Seconds: time.Since(start).Seconds(),
				PeakMemory: cli.PeakMemory()}
			return c.Summary(s.lines(), s)
		},
		Clean: job.Clean,
	})
	return err
}

// tripleContradictions are flags that are missing, or of no use with triples.
func (c *command) tripleContradictions() (errs []error) {
	errs = append(errs, c.triples.Check("target", "weight_column", "id_column", "columns", "array", "dtype"))
	if c.output.Path.Path() == "" {
		errs = append(errs, errors.New("--output is needed with --row"))
	}
	if c.fitted.String() != "" && c.encoding.Path() != "" {
		errs = append(errs, errors.New("--output_encoding: with --transform, the columns are those of its file"))
	}
	if c.tables.Asked() || *c.standardize {
		errs = append(errs,
			errors.New("--row: triples become sparse rows: without flags of tables, and without --standardize"))
	}
	return errs
}

// tripleSummary is what --summary writes.
type tripleSummary struct {
	*triples.Report
	Encoding   string  `json:"encoding_file,omitempty"`
	Seconds    float64 `json:"total_s"`
	PeakMemory int64   `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
}

func (s *tripleSummary) lines() []string {
	lines := []string{
		fmt.Sprintf("%s × %s of %s in %.2f s: %.0f triples/s; peak memory %s", cli.Count(s.Rows, "row"),
			cli.Count(int(s.Columns), "column"), cli.Count(s.Triples, "triple"), s.Seconds, float64(s.Triples)/s.Seconds,
			files.Bytes(s.PeakMemory)),
		fmt.Sprintf("  %d entries are not zero, %.3g %% of all", s.Nonzero,
			100*float64(s.Nonzero)/float64(s.Rows)/float64(s.Columns)),
	}
	lines = append(lines, cli.TripleLines(s.Report)...)
	lines = append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
	if s.Encoding != "" {
		lines = append(lines, cli.Relative(s.Encoding))
	}
	return lines
}
