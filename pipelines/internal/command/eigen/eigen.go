// Package eigen is the command that finds the principal components of rows that need not fit into memory, projects
// the rows onto them, and draws a page to look at them.
package eigen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/eigen"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/eigen"
	"beamlearn/transforms/files"
)

// command is the flags.
type command struct {
	*cli.App
	input  *cli.Input
	tables *cli.Tables
	color  *cli.Path // a column, or .npy files

	transform           *cli.Path
	components          number
	standardize, whiten *bool
	solver              *string
	oversamples         *int
	power               *int // nil: auto
	seed, threads       *int

	model  *cli.Path
	output *cli.Output
	page   *cli.Page
	image  *string
}

// number is --components: so many, or as many as explain a share of the variance. As with scikit-learn, the way it is
// written tells which: 1 is one component, and 1.0 is no share.
type number struct {
	count int
	share float64
}

func (n *number) set(s string) error {
	if count, err := strconv.ParseInt(s, 0, 0); err == nil {
		*n = number{count: int(count)}
		return nil
	}
	share, err := strconv.ParseFloat(s, 64)
	if err != nil || !(share > 0 && share < 1) {
		return errors.New("must be a whole number of components, e.g. 10, or a share of the variance above 0 and below 1, " +
			"e.g. 0.95")
	}
	*n = number{share: share}
	return nil
}

// New is the command.
func New() *cli.App {
	app := cli.New("eigen", "Finds principal components, the eigenvectors of the covariance, and draws a page to look "+
		"at them: files in, files out.")
	c := &command{App: app, input: app.Input()}
	c.color = c.input.Group().InputFiles("color",
		"the `COLUMN`, a name or an index, that colours the points of the page, and is no part of the vector; or a .npy "+
			"file with a number for each row").Where(cli.IsNPY)

	c.tables = app.Tables(false)

	compute := app.Group("What to compute (scikit-learn's names)")
	c.transform = compute.InputFile("transform",
		"find nothing, but project onto the components of this `FILE`, the --output_model of an earlier run").Here()
	compute.Func("components", "how `MANY` components to find, e.g. 10; or the share of the variance, above 0 and "+
		"below 1, that they must explain: "+
		"--components=0.95 finds as many as explain 95 % (default: all, as many as columns or rows; of "+
		"svd_solver=randomized 50)", c.components.set)
	c.standardize = compute.Bool("standardize", false,
		"divide the columns by their standard deviation first, as where they have different units; of a table, the "+
			"numbers and dates alone")
	c.whiten = compute.Bool("whiten", false, "bring the projected rows to variance 1 in each component")
	c.solver = compute.Choice("svd_solver", "auto", []string{"auto", "covariance_eigh", "randomized"},
		"the `SOLVER`: covariance_eigh (the covariance, in one pass), randomized (a sketch, in several), or auto: "+
			"covariance_eigh up to 2,000 columns")
	c.oversamples = compute.Int("n_oversamples", 0,
		"how many random vectors a sketch has beyond the components (default 10)")
	compute.Func("iterated_power",
		"how `MANY` passes a sketch makes beyond two, each of which brings it closer: a number, or auto, scikit-learn's 7 "+
			"or 4, and fewer once the eigenvalues stand still (default auto)", c.setPower)
	c.seed = compute.Seed("of a sketch")
	c.threads = compute.Int("threads", 0, "how many threads a worker has (default: all cores)")

	write := app.Group("What to write")
	c.model = write.OutputModel("the `FILE` of the components: .json, e.g. out/eigen.json")
	table := results.Layout{Columns: []results.Column{{Name: model.Name(0)}}}
	c.output = write.Output("the `FILE` of the projected rows: .csv (id,pca0,pca1,…), .jsonl, .parquet or .npy "+
		"(without the ids, in the order of the rows), which kneighbors reads", table)
	c.page = write.Page("the `FILE` of the page: .html, e.g. out/eigen.html (default: beside the output or the model, "+
		"where that is on this host, NAME.html; none for none)", c.output.Path, c.model)
	c.image = write.String("image", "",
		"the `SIZE` of the picture that the columns are, row by row: 28x28 is width and height (default: square, where "+
			"all names of columns begin with pixel)")
	return app.Runs(c.run)
}

// look is the page, where it goes and how rows look on it.
type look struct {
	page    string
	picture cli.Image
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, to, err := c.job()
	if err != nil {
		return err
	}
	pca, err := c.inspect(ctx, job)
	if err != nil {
		return err
	}
	if to.picture, err = to.picture.Of(job.Data.Dim, job.Data.Columns); err != nil {
		return cli.Usage(err)
	}
	c.Note(job.Data)
	finding := c.finding()
	if pca == nil {
		if err := cli.Usage(finding.Settle(job.Data.Dim)); err != nil {
			return err
		}
		c.tellSketch(finding.SketchBytes(job.Data.Dim), job)
	}
	if c.Explaining() {
		return errors.Join(c.explain(ctx, job, finding), job.Clean(context.WithoutCancel(ctx)))
	}
	if pca == nil {
		if pca, err = eigen.Fit(ctx, job, finding, c.runner(job)); err != nil {
			return errors.Join(err, job.Clean(context.WithoutCancel(ctx)))
		}
	}
	err = c.finish(ctx, job, pca, to, start)
	return errors.Join(err, job.Clean(context.WithoutCancel(ctx)))
}

// largeSketch is the memory of all sums of a pass above which the user is told before they are made.
const largeSketch = 1 << 30

// tellSketch tells how large the sums of a pass are, each of so many bytes.
func (c *command) tellSketch(each int64, job *eigen.Job) {
	if all := each * int64(job.Options.Shards+1); all > largeSketch {
		c.Tell(fmt.Sprintf("each of the %d sums of a pass takes %s, as the vectors do that rows are multiplied by: up to %s "+
			"in all; fewer --components take less", job.Options.Shards, files.Bytes(each), files.Bytes(all)))
	}
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job() (*eigen.Job, look, error) {
	reading, faults := c.input.Options()
	_, tables := c.tables.Options(*c.standardize)
	faults = errors.Join(faults, tables, c.tables.Columns(&reading.Formats))
	reading.Formats.Cells = c.tables.Asked()
	if reading.Targets = c.color.List(); reading.Targets != nil {
		reading.Formats.Unlabelled, reading.Formats.Labels = false, true
	} else if column := c.color.String(); column != "" {
		reading.Formats.Unlabelled, reading.Formats.Labels, reading.Formats.TargetColumn = false, true, column
		reading.Formats.Untargeted = true // a row without a colour is a row
	}
	show, pageErr := c.page.Path()
	size, imageErr := cli.ParseImage(*c.image)
	output := c.output.Path.Path()
	job := &eigen.Job{Reading: reading, Options: eigen.Options{
		Threads: *c.threads, Workers: cli.Workers(), Destination: c.output.Destination(),
	}}
	// the directory of the first file that is written
	job.Options.Scratch, _ = files.Split(c.first(show))
	if show != "" {
		job.Options.Sample, job.Options.SampleComponents = model.SampleRows, model.SampleComponents
	}
	job.Options.EnsureDefaults()
	var outputErr error
	if output == "" && c.model.Path() == "" && (c.page.Given() == "" || c.page.Given() == cli.NoReport) {
		outputErr = errors.New("--output_model, --output or --report is needed")
	}
	return job, look{show, size}, cli.Usage(faults, outputErr, pageErr, imageErr, c.reused(), job.Validate())
}

// inspect finds the rows and, with --transform, the components.
func (c *command) inspect(ctx context.Context, job *eigen.Job) (pca *model.PCA, err error) {
	if c.transform.String() != "" {
		return job.Reuse(ctx, c.transform.String(), c.input.Patterns(), c.input.ChunkRows())
	}
	job.Data, err = job.Inspect(ctx, c.input.Patterns(), c.input.ChunkRows())
	if err == nil && job.Reading.Formats.Cells {
		err = c.encode(ctx, job)
	}
	return nil, err
}

// first is the first file that is written.
func (c *command) first(page string) string {
	return cmp.Or(c.output.Path.Path(), c.model.Path(), page)
}

// encode finds out how the rows, which are those of tables, become numbers.
func (c *command) encode(ctx context.Context, job *eigen.Job) error {
	show, err := c.page.Path()
	if err != nil {
		return err
	}
	e, err := c.tables.FitDense(ctx, &cli.Dense{
		Data: job.Data, Reading: job.Reading, Standardize: *c.standardize, RunID: job.Options.RunID,
		Output: c.first(show),
	})
	if err != nil {
		return err
	}
	return job.Encoded(e, c.input.ChunkRows())
}

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *eigen.Job, finding model.Options) error {
	passes, show := 0, &cli.Plan{}
	switch {
	case c.transform.String() != "":
		show.Line("components", "those of %s", c.transform)
	case finding.Solver == model.Randomized:
		passes = finding.MostPasses(job.Data.Dim, job.Data.Rows)
	default:
		passes = 1
	}
	if passes > 0 {
		many := ""
		if s := finding.VarianceShare; s > 0 {
			many = "as many as explain " + model.ShareText(s) + ", "
		}
		most := ""
		if finding.Solver == model.Randomized && finding.IteratedPower == nil {
			most = "at most "
		}
		show.Line("components", "%sby %s, in passes: %s%d", many, finding.Solver, most, passes)
	}
	if job.Options.Output != "" || job.Options.Sample > 0 {
		passes++ // projects the rows
	}
	plan, err := c.PlanRows(ctx, job.Data, job.Reading, passes, job.Options.Threads)
	if err != nil {
		return err
	}
	show.Rows("rows", plan)
	return c.Explain(show, plan)
}

// finding is which components to find, and how.
func (c *command) finding() model.Options {
	return model.Options{
		Components: c.components.count, VarianceShare: c.components.share, Whiten: *c.whiten, Standardize: *c.standardize &&
			!c.tables.Asked(), Solver: model.Solver(*c.solver),
		Oversamples: *c.oversamples, IteratedPower: c.power, Seed: uint64(*c.seed),
	}
}

// setPower reads --iterated_power.
func (c *command) setPower(s string) error {
	if c.power = nil; s == "auto" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("must be auto, or a number from 0 on")
	}
	c.power = &n
	return nil
}

func (c *command) runner(job *eigen.Job) eigen.Run {
	return func(ctx context.Context, p *beam.Pipeline) error { return c.Run(ctx, p, job.Options.RunID) }
}

// reused says which flags are of no use with the components of another run.
func (c *command) reused() error {
	if c.transform.String() == "" {
		return nil
	}
	var errs []error
	for _, name := range []string{"components", "standardize", "whiten", "svd_solver", "n_oversamples", "iterated_power",
		"seed", "output_model"} {
		if c.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: with --transform, the components are those of its file", name))
		}
	}
	if c.tables.Asked() {
		errs = append(errs, errors.New(
			"--transform: the components have their own encoding, or none: without flags of tables"))
	}
	return errors.Join(errs...)
}

// finish projects the rows, and writes the files.
func (c *command) finish(ctx context.Context, job *eigen.Job, pca *model.PCA, to look, start time.Time) error {
	report := &eigen.Report{Rows: pca.Rows}
	if job.Options.Output != "" || to.page != "" {
		pipeline, s := beam.NewPipelineWithRoot()
		if err := eigen.Project(ctx, s, job, pca); err != nil {
			return err
		}
		if err := c.runner(job)(ctx, pipeline); err != nil {
			return err
		}
		var err error
		if report, err = job.Report(ctx, pca); err != nil {
			return err
		}
	}
	written := report.OutputFiles
	if name := c.model.Path(); name != "" {
		if err := files.Output(ctx, name, pca.Save); err != nil {
			return err
		}
		written = append(written, name)
	}
	if to.page != "" {
		p, err := pca.Page(&model.View{
			Source: cli.SourceOf(job.Data.Files), Rows: report.Rows, Sample: report.Sample, Color: c.color.String(),
			Width: to.picture.Width, Height: to.picture.Height,
		})
		if err == nil {
			err = files.Output(ctx, to.page, p.Write)
		}
		if err != nil {
			return err
		}
		written = append(written, to.page)
	}
	summary := newSummary(c.transform.String(), pca, report, written, time.Since(start))
	return c.Summary(summary.lines(), summary)
}
