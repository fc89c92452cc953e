package transform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/triples"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/triples"
)

// tripleFlags are those of rows that say a row, a column and a value of a sparse matrix.
type tripleFlags struct {
	row, column, value, duplicates *string
}

func addTriples(app *cli.App) *tripleFlags {
	g := app.Group("Triples, which become sparse rows")
	return &tripleFlags{
		row: g.String("row", "",
			"the input has a line for each entry of a sparse matrix, in any order, and this `COLUMN`, a name or an index, "+
				"says the row, by its id: --row=user --column=item --value=rating"),
		column: g.String("column", "", "the `COLUMN` that says the column, by its id: --column=item"),
		value:  g.String("value", "", "the `COLUMN` of the numbers: --value=rating (default: each line counts 1)"),
		duplicates: g.Choice("duplicates", string(model.Sum), cli.Texts(model.AllDuplicates),
			"`WHAT` stands for several lines of the same row and column: sum, mean, or last (in the order of the lines): "+
				"--duplicates=last"),
	}
}

// asked reports whether the input is triples.
func (t *tripleFlags) asked() bool { return *t.row != "" || *t.column != "" }

// runTriples writes the sparse rows of triples.
func (c *command) runTriples(ctx context.Context) error {
	start := time.Now()
	reading, faults := c.input.Options()
	job := &triples.Job{
		Columns: triples.Columns{Row: *c.triples.row, Column: *c.triples.column, Value: *c.triples.value},
		Reading: reading,
		Options: triples.Options{
			Duplicates: model.Duplicates(*c.triples.duplicates), ID: named(*c.triples.row, "id"), Known: c.fitted.String(),
			Threads: *c.threads, Destination: c.output.Destination(), Workers: cli.Workers(),
		},
	}
	job.Options.EnsureDefaults()
	errs := append([]error{faults}, c.tripleContradictions()...)
	if c.output.Path.Path() != "" && *c.triples.row != "" && *c.triples.column != "" {
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
		const triple = 24 // of a run
		return c.ExplainRows(ctx, "triples", job.Data, job.Reading, 1, job.Options.Threads,
			func(rows int64) int64 { return triple * min(rows, int64(job.Options.RunTriples)) })
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
	if *c.triples.row == "" || *c.triples.column == "" {
		errs = append(errs, errors.New("--row and --column: one needs the other"))
	}
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
	for _, name := range []string{"target", "weight_column", "id_column", "columns", "array", "dtype"} {
		if c.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: is of no use with --row, --column and --value", name))
		}
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
	if s.Merged > 0 {
		lines = append(lines, fmt.Sprintf("  %d triples of a row and column that another has (--duplicates)", s.Merged))
	}
	if s.Unknown > 0 {
		lines = append(lines, fmt.Sprintf("  %d triples of columns that --transform does not know are left out", s.Unknown))
	}
	lines = append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
	if s.Encoding != "" {
		lines = append(lines, cli.Relative(s.Encoding))
	}
	return lines
}
