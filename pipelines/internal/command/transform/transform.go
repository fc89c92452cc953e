// Package transform is the command that fits an encoding of tables, applies one, or both.
package transform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/features"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/pipelines/internal/cli"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/files"
	"beamlearn/transforms/vectorio"
)

// command is the flags.
type command struct {
	*cli.App
	input       *cli.Input
	tables      *cli.Tables
	fitted      *cli.Path
	standardize *bool
	threads     *int
	encoding    *cli.Path
	output      *cli.Output
	triples     *cli.Triples
}

// New is the command.
func New() *cli.App {
	app := cli.New("transform", "Brings tables to numbers, as scikit-learn's ColumnTransformer does: files in, files out.")
	c := &command{App: app}
	c.input = app.TableInput("what stays as it is, beside the features: a `COLUMN`, a name or an index, or a .npy " +
		"file, or several; rows without one are left out (default: none)")
	c.fitted = c.input.Group().InputFile("transform",
		"encode as an earlier run has found out, instead of finding out anew: the `FILE` of its --output_encoding, or of "+
			"a model that has learned from tables; of triples, those columns: --transform=out/encoding.json").Here()
	c.tables = app.OnlyTables()
	c.triples = c.input.Triples()

	compute := app.Group("What to compute")
	c.standardize = compute.Bool("standardize", false,
		"bring numbers and dates to mean 0 and variance 1; categories stay 0 and 1")
	c.threads = compute.Int("threads", 0, "how many threads share a chunk of rows (default: all cores)")

	write := app.Group("What to write")
	c.encoding = write.OutputFile("output_encoding",
		"the `FILE` for how the columns become numbers, or of triples for the ids of the columns, as JSON: "+
			"--output_encoding=out/encoding.json")
	c.output = write.Output("the `FILE` for the encoded rows: .svm, .npz (sparse, as scipy.sparse.load_npz reads it), "+
		".npy, or with a column for each feature .csv, .jsonl, .parquet; sparse rows of triples .npz, .svm, and as lists "+
		".jsonl, .parquet: --output=out/rows.npz (default: only the encoding is written)",
		results.Layout{Features: &results.Features{}})
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) error {
	if c.triples.Asked() {
		return c.runTriples(ctx)
	}
	start := time.Now()
	job, err := c.job()
	if err != nil {
		return err
	}
	if c.numbers(job.Reading.Formats.Format) {
		return c.runNumbers(ctx, job)
	}
	if err := c.inspect(ctx, job); err != nil {
		return err
	}
	c.Note(job.Data)
	if err := cli.Usage(job.Check()); err != nil {
		return err
	}
	passes := 0
	if job.Encoding == nil {
		if passes, err = c.fit(ctx, job); err != nil {
			return err
		}
	}
	job.Data = job.Data.Encoded(job.Encoding, &job.Reading)
	c.Encoded(job.Data)
	if job.Options.Output != "" {
		if err := cli.Usage(job.Check()); err != nil {
			return err
		}
		passes++
	}
	if c.Explaining() {
		return c.explain(ctx, job, passes)
	}
	report, err := c.apply(ctx, job)
	if err == nil && c.encoding.Path() != "" {
		err = encode.Write(ctx, c.encoding.Path(), job.Encoding)
	}
	if err != nil {
		return err
	}
	summary := newSummary(job, report, c.encoding.Path(), time.Since(start))
	return c.Summary(summary.lines(), summary)
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job() (*encode.ApplyJob, error) {
	reading, faults := c.input.Options()
	_, tables := c.tables.Options(*c.standardize)
	faults = errors.Join(faults, tables, c.tables.Columns(&reading.Formats))
	f := &reading.Formats
	f.Cells, f.Unlabelled = true, f.TargetColumn == "" && len(reading.Targets) == 0
	job := &encode.ApplyJob{Reading: reading, Options: encode.ApplyOptions{
		ID: cli.ColumnName(f.IDColumn, "id"), Target: cli.ColumnName(f.TargetColumn, "target"),
		Weight: cli.ColumnName(f.WeightColumn, "weight"), Threads: *c.threads, Destination: c.output.Destination(),
		Workers: cli.Workers(),
	}}
	if len(reading.Targets) > 0 {
		job.Options.Target = "target"
	}
	job.Options.EnsureDefaults()
	return job, cli.Usage(faults, c.contradictions(&reading), job.Check())
}

// contradictions are flags that are of no use with others.
func (c *command) contradictions(reading *vectorio.Options) error {
	errs := []error{c.triples.Check()}
	output, encoding := c.output.Path.Path() != "", c.encoding.Path() != ""
	switch reused := c.fitted.String() != ""; {
	case reused && encoding:
		errs = append(errs, errors.New("--output_encoding: with --transform, the encoding is that of its file"))
	case reused && !output:
		errs = append(errs, errors.New("--output is needed with --transform"))
	case !output && !encoding:
		errs = append(errs, errors.New("--output or --output_encoding is needed"))
	}
	if c.fitted.String() != "" && (c.tables.Asked() || *c.standardize) {
		errs = append(errs, errors.New(
			"--transform: its file says how the columns become numbers: without flags of tables, and without --standardize"))
	}
	if reading.SkipFaults && !output {
		errs = append(errs, errors.New(
			"--on_error=skip: rows with a fault can only be skipped where there is an --output, for them to be listed beside it"))
	}
	return errors.Join(errs...)
}

// inspect finds the rows, the encoding if it is that of an earlier run, and whether targets are texts.
func (c *command) inspect(ctx context.Context, job *encode.ApplyJob) (err error) {
	if name := c.fitted.String(); name == "" {
		job.Data, err = vectorio.Inspect(ctx, c.input.Patterns(), job.Reading)
	} else if job.Encoding, err = encode.Read(ctx, name); err == nil {
		job.Reading.Formats.Empty = true
		job.Data, err = vectorio.InspectLike(ctx, c.input.Patterns(), job.Encoding.Needs(), "the encoding "+name, job.Reading)
	}
	if err != nil || job.Reading.Formats.Unlabelled {
		return err
	}
	job.Data, err = job.Data.Targeted(ctx, targetRows, &job.Reading)
	job.Options.Texts = job.Reading.Formats.Labels
	return err
}

// targetRows is how many rows are looked at for whether targets are texts.
const targetRows = 10_000

// fit finds out how the columns become numbers, and says in how many passes.
func (c *command) fit(ctx context.Context, job *encode.ApplyJob) (passes int, err error) {
	o, err := c.tables.Options(*c.standardize)
	if err != nil {
		return 0, cli.Usage(err)
	}
	first := cmp.Or(job.Options.Output, c.encoding.Path())
	job.Encoding, err = c.tables.Fit(ctx, &encode.Job{
		Data: job.Data, Reading: job.Reading, Options: o, Dir: cli.ColumnsDir(first, job.Options.RunID),
		Workers: cli.Workers(), RunID: job.Options.RunID,
	}, nil)
	if err != nil {
		return 0, err
	}
	for _, column := range job.Encoding.Columns() {
		if column.Kind == features.Text && o.TFIDF {
			return 2, nil
		}
	}
	return 1, nil
}

// apply writes the encoded rows, where they are asked for.
func (c *command) apply(ctx context.Context, job *encode.ApplyJob) (*encode.ApplyReport, error) {
	if job.Options.Output != "" && job.LosesIDs() {
		c.Tell("the output has no place for ids: its rows are in the order of the input (.npz, .csv, .jsonl and .parquet " +
			"hold them)")
	}
	if job.Options.Output == "" {
		return nil, nil
	}
	return cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*encode.ApplyReport]{
		Add:  func(s beam.Scope) error { return encode.Apply(s, job) },
		Read: job.Report, Clean: job.Clean,
	})
}

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *encode.ApplyJob, passes int) error {
	plan, err := c.PlanRows(ctx, job.Data, job.Reading, passes, job.Options.Threads)
	if err != nil {
		return err
	}
	show := &cli.Plan{}
	if !job.Reading.Formats.Sparse {
		const number, blocks = 8, 3
		plan.WorkerMemory = number * blocks * int64(plan.Dim) * int64(job.Reading.ChunkRows)
	}
	if name := c.fitted.String(); name != "" {
		show.Line("encoding", "that of %s", name)
	}
	show.Rows("rows", plan)
	return c.Explain(show, plan)
}

// summary is what --summary writes.
type summary struct {
	*encode.ApplyReport
	// FeatureNames are those of the columns of the output. Default: where any are hashed, TEXT#0, TEXT#1, ….
	FeatureNames  []string `json:"feature_names,omitempty"`
	Encoding      string   `json:"encoding_file,omitempty"`
	Float32       bool     `json:"float32,omitempty"`
	Seconds       float64  `json:"total_s"`
	RowsPerSecond float64  `json:"rows_per_s"`
	PeakMemory    int64    `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
}

func newSummary(job *encode.ApplyJob, r *encode.ApplyReport, encoding string, total time.Duration) *summary {
	if r == nil { // only the encoding was asked for
		r = &encode.ApplyReport{Rows: job.Encoding.Columns()[0].Rows, Features: job.Encoding.Dim()}
	}
	var names []string
	if job.Encoding != nil && !job.Encoding.Hashed() {
		names = job.Encoding.Names()
	}
	return &summary{
		FeatureNames: names, ApplyReport: r, Encoding: encoding, Float32: job.Reading.Formats.DType == vectors.Float32,
		Seconds:       total.Seconds(),
		RowsPerSecond: float64(r.Rows) / total.Seconds(), PeakMemory: cli.PeakMemory(),
	}
}

func (s *summary) lines() []string {
	lines := []string{fmt.Sprintf("%s × %s in %.2f s: %.0f rows/s; peak memory %s", cli.Count(s.Rows, "row"),
		cli.Count(s.Features, "feature"),
		s.Seconds, s.RowsPerSecond, files.Bytes(s.PeakMemory))}
	if len(s.OutputFiles) > 0 && s.Rows > 0 {
		share := 100 * float64(s.Nonzero) / float64(s.Rows) / float64(s.Features)
		lines = append(lines, fmt.Sprintf("  %s not zero, %.3g %% of all", cli.Agree(s.Nonzero, "entry is", "entries are"),
			share))
	}
	lines = append(lines, cli.UnseenLines(s.UnseenCells, "the encoding")...)
	if s.NoTarget > 0 {
		lines = append(lines, "  "+cli.Agree(s.NoTarget, "row without a target is", "rows without a target are")+
			" left out")
	}
	lines = append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
	if s.Encoding != "" {
		lines = append(lines, cli.Relative(s.Encoding))
	}
	return lines
}
