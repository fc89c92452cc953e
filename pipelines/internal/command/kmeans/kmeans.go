// Package kmeans is the command that finds clusters of rows that need not fit into memory.
package kmeans

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/kmeans"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/online"
	"beamlearn/transforms/files"
	"beamlearn/transforms/kmeans"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
)

// command is the flags.
type command struct {
	*cli.App
	input  *cli.Input
	tables *cli.Tables

	clusters       clusters
	init           *cli.Path // a name, or a file
	nInit, maxIter *int
	tol            *float64
	standardize    *bool
	minibatch      *bool
	batch          *int

	shards, seed, threads, checkpoints *int
	cache                              *int64
	resume                             *bool
	watch                              *cli.Watch

	model  *cli.Path
	output *cli.Output
	page   *cli.Page

	// Where files are learned from as they arrive: those of one training, and the model to go on from.
	from []string
	warm *model.Model
}

// patterns are those of the rows.
func (c *command) patterns() []string {
	if c.from != nil {
		return c.from
	}
	return c.input.Patterns()
}

// clusters is --n_clusters: numbers, and ranges of them.
type clusters []int

// mostCompared bounds how many numbers of clusters are found side by side.
const mostCompared = 200

func (c *clusters) set(s string) error {
	fault := errors.New("must be a number of clusters, or several with commas between, or a range: 8, 2,4,8, 2-20")
	*c = nil
	for part := range strings.SplitSeq(s, ",") {
		least, most, both := strings.Cut(strings.TrimSpace(part), "-")
		if !both {
			most = least
		}
		lo, err := strconv.Atoi(least)
		hi, err2 := strconv.Atoi(most)
		if err != nil || err2 != nil || lo < 1 || hi < lo {
			return fault
		}
		if hi-lo >= mostCompared-len(*c) {
			return fmt.Errorf("at most %d numbers of clusters side by side", mostCompared)
		}
		for k := lo; k <= hi; k++ {
			if n := len(*c); n > 0 && k <= (*c)[n-1] {
				return errors.New("the numbers must ascend")
			}
			*c = append(*c, k)
		}
	}
	return nil
}

// isFile reports whether the value of --init is that of a file, and no way to choose centres.
func isFile(value string) bool {
	return !slices.Contains([]model.Init{"", model.PlusPlus, model.Parallel, model.Random}, model.Init(value))
}

// New is the command.
func New() *cli.App {
	app := cli.New("kmeans", "Finds clusters of rows by k-means: files in, a model, the clusters of the rows and a "+
		"page out.")
	c := &command{App: app, input: app.Input().Weighted()}
	c.tables = app.Tables(true)

	compute := app.Group("What to compute (scikit-learn's names)")
	compute.Func("n_clusters", "how `MANY` clusters to find; several numbers, as 2,4,8 or 2-20, are found side by side "+
		"in the same passes, and the model has the number with the highest silhouette: --n_clusters=8", c.clusters.set)
	c.init = compute.InputFile("init",
		"the centres to begin with: `HOW` they are chosen, from a sample of the rows by k-means++ or random, or from all "+
			"rows, in four passes, by k-means||, where clusters are many or small ones count; or their file, of vectors or "+
			"the model of an earlier run, .json").Here().
		Where(isFile)
	c.nInit = compute.Int("n_init", 0,
		"how many starts are made side by side, of which the one with the least inertia is taken (default: 1; of "+
			"--init=random 10)")
	c.maxIter = compute.Int("max_iter", 300,
		"passes over the rows that move the centres, at most (with --minibatch 100 unless it is given)")
	c.tol = compute.Float("tol", 1e-4,
		"the centres have settled where the sum of the squares of their moves is at most this times the mean variance of "+
			"the columns; 0: where no row changes its cluster (with --minibatch, of a batch, and 0 unless it is given)")
	c.minibatch = compute.Bool("minibatch", false,
		"move the centres by each batch of rows, not once in a pass over all: MiniBatchKMeans, which ends after fewer "+
			"passes, with an inertia some percent higher")
	c.batch = compute.Int("batch_size", model.DefaultBatchSize, "rows of a batch of --minibatch")
	c.standardize = compute.Bool("standardize", false,
		"bring the columns to mean 0 and standard deviation 1 first, as where they have different units; of a table, the "+
			"numbers and dates alone")

	how := app.Group("How to compute it")
	c.shards = how.Int("shards", linear.DefaultShards,
		"how many parts of the rows are summed up side by side; the last bits of the centres depend on it")
	c.seed = how.Seed("of the choice of the centres to begin with")
	c.threads = how.Int("threads", 0, "how many shards, or rows, a worker works on at a time (default: all cores)")
	c.checkpoints = how.Int("checkpoint_passes", 0,
		"how many passes an engine makes in one pipeline; the state is saved after each (default: 4; in this process all "+
			"are in one)")
	c.cache = how.CacheMemory(linear.DefaultCacheMemory)
	c.resume = how.Bool("resume", false, "go on where a run with the same flags and files was stopped")
	c.watch = how.Watch("go on moving the centres by each file that arrives at --input, with --minibatch, until " +
		"Ctrl-C: every version of the model is kept beside it, NAME-000001.json and so on, with a record of what it was " +
		"learned from; a restart goes on where it was")

	write := app.Group("What to write")
	c.model = write.OutputModel("the `FILE` of the clusters, which predict reads: .json, e.g. out/kmeans.json").Rejects()
	c.output = write.Output("the `FILE` of the rows' clusters: .csv (id,cluster,distance), .jsonl, .parquet or .npy "+
		"(without the ids, in the order of the rows)", results.Layout{Columns: kmeans.Answers()})
	c.page = write.Page("the `FILE` of a page about the clusters: .html, e.g. out/kmeans.html (default: beside the "+
		"model on this host, NAME.html; none for none)", c.model)
	c.page.Unless(c.watch.On)
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, options, page, err := c.job(ctx)
	if err := errors.Join(c.watched(), err); err != nil {
		return err
	}
	if c.watch.On() {
		return c.learning().Run(ctx)
	}
	if err := c.inspect(ctx, job, &options); err != nil {
		return err
	}
	if c.Explaining() {
		if _, err := model.NewFit(options.Options, job.Data.Dim, job.Data.Columns); err != nil {
			return cli.Usage(err)
		}
		return c.explain(ctx, job, options.Options)
	}
	job, fit, report, err := c.learn(ctx, job, options)
	if err == nil {
		err = c.finish(ctx, job, fit.Model(), report, page, start)
	}
	c.TellSaved(err)
	return err
}

// learn finds clusters of rows that have been inspected: as those of a table, in a job that it gives, where they turn
// out to be that.
func (c *command) learn(ctx context.Context, job *linear.Job, o options) (*linear.Job, *model.Fit, *linear.Report,
	error) {
	fit, report, err := c.train(ctx, job, &o)
	why := c.anew(err, job, &o)
	if why == "" {
		return job, fit, report, err
	}
	c.Tell(why)
	if job, o, _, err = c.job(ctx); err != nil {
		return nil, nil, nil, err
	}
	if err := c.inspectTable(ctx, job, &o); err != nil {
		return nil, nil, nil, err
	}
	fit, report, err = c.train(ctx, job, &o)
	return job, fit, report, err
}

func (c *command) train(ctx context.Context, job *linear.Job, o *options) (*model.Fit, *linear.Report, error) {
	fit, err := model.NewFit(o.Options, job.Data.Dim, job.Data.Columns)
	if err != nil {
		return nil, nil, cli.Usage(err)
	}
	if c.watch.On() {
		return online.Train(ctx, c.App, job, fit)
	}
	return linear.Train(ctx, job, fit,
		func(ctx context.Context, p *beam.Pipeline) error { return c.Run(ctx, p, job.Options.RunID) })
}

// anew says why a job that has failed as one of numbers is to be done as one of a table. "" where it is not.
func (c *command) anew(err error, job *linear.Job, o *options) string {
	if *c.resume || o.Init == model.Given {
		return ""
	}
	return c.tables.Anew(err, &job.Reading, job.Data)
}

// options are what to find, and the centres that it begins with.
type options struct {
	model.Options
	begin *kmeans.Centers // nil without --init=FILE
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job(ctx context.Context) (*linear.Job, options, string, error) {
	reading, faults := c.input.Options()
	_, encoding := c.tables.Options(*c.standardize)
	encoding = errors.Join(encoding, c.tables.Columns(&reading.Formats))
	o := options{Options: model.Options{
		Clusters: c.clusters, Init: model.Init(c.init.String()), NInit: *c.nInit, MaxIter: *c.maxIter, Tol: *c.tol,
		Seed:        uint64(*c.seed),
		Standardize: *c.standardize,
	}}
	var errs []error
	if *c.minibatch {
		o.BatchSize = *c.batch
		if !c.Given("max_iter") {
			o.MaxIter = 0 // its default
		}
		if !c.Given("tol") {
			o.Tol = 0
		}
	} else if c.Given("batch_size") {
		errs = append(errs, errors.New("--batch_size: is of --minibatch"))
	}
	for name, v := range map[string]int{"n_init": *c.nInit, "max_iter": *c.maxIter, "batch_size": *c.batch} {
		if c.Given(name) && v < 1 {
			errs = append(errs, fmt.Errorf("--%s=%d: must be at least 1", name, v))
		}
	}
	shards := *c.shards
	if c.watch.On() {
		o.Online, o.NInit, o.MaxIter, o.Tol = true, 1, 1, 0
		if !c.Given("shards") {
			shards = 1 // in the order of the rows
		}
	}
	job := &linear.Job{Reading: reading, Options: linear.Options{
		Model: c.model.Path(), Shards: shards, Threads: *c.threads, Passes: *c.checkpoints, Seed: uint64(*c.seed),
		Resume:  *c.resume,
		Workers: cli.Workers(), CacheMemory: *c.cache,
	}}
	if *c.cache == 0 {
		job.Options.CacheMemory = -1
	}
	job.Options.EnsureDefaults()
	if *c.checkpoints == 0 && cli.Workers() == placement.Remote {
		job.Options.Passes = 4
	}
	page, pageErr := c.page.Path()
	checked := job.Options
	if checked.Model == "" {
		errs = append(errs, errors.New("--output_model is needed"))
		checked.Model = "model.json" // which is not told twice
	}
	errs = append(errs, checked.Validate(), pageErr, c.checkOutput())
	switch name := c.init.String(); {
	case c.warm != nil:
		o.begin, o.WarmStart = kmeans.CentersOf(c.warm, c.model.Path()), c.warm
		if len(o.Clusters) == 0 {
			o.Clusters = []int{len(c.warm.Centers)}
		}
	case isFile(name):
		if faults == nil {
			var err error
			if o.begin, err = kmeans.ReadCenters(ctx, name); err != nil {
				return nil, o, "", err
			}
			o.Centers = o.begin.Rows
		}
		o.Init = model.Given
		if len(o.Clusters) == 0 {
			o.Clusters = []int{len(o.Centers)}
		}
	}
	o.EnsureDefaults()
	return job, o, page, cli.Usage(append(errs, faults, encoding, o.Validate())...)
}

// checkOutput finds faults of the output, which is written last, before there is any work.
func (c *command) checkOutput() error {
	o := output.Options{
		Path: c.output.Path.Path(), Format: *c.output.Format, NumShards: max(*c.output.Shards, 1),
		Layout: results.Layout{Columns: kmeans.Answers()},
	}
	if o.Path == "" {
		return nil
	}
	return o.Validate()
}

// inspect finds the rows, and how those of a table become numbers.
func (c *command) inspect(ctx context.Context, job *linear.Job, o *options) (err error) {
	if o.begin != nil && o.begin.Model != nil {
		return c.inspectLike(ctx, job, o)
	}
	if !c.tables.Asked() {
		why, err := c.tables.Wanted(ctx, c.patterns(), job.Reading)
		if err != nil {
			return err
		}
		if why == "" {
			job.Data, err = kmeans.Inspect(ctx, c.patterns(), c.input.ChunkRows(), &job.Options, &job.Reading)
			if err == nil {
				c.Note(job.Data)
				err = c.arrange(job, o)
			}
			return err
		}
		c.Tell(why + ": the rows are taken for a table")
	}
	return c.inspectTable(ctx, job, o)
}

// inspectLike finds the columns of the model that the clusters begin with. Distances stay what they were: standardized
// where the model's are.
func (c *command) inspectLike(ctx context.Context, job *linear.Job, o *options) (err error) {
	m := o.begin.Model
	if c.tables.Asked() && o.WarmStart == nil {
		return cli.Usage(errors.New("--init: the model has its own encoding, or none: without flags of tables"))
	}
	if m.Encoding != nil {
		if c.Given("standardize") && o.Standardize != m.Encoding.Options().Standardize {
			return cli.Usage(fmt.Errorf("--standardize=%v: the encoding of the model of --init is made with %v, and stays",
				o.Standardize, !o.Standardize))
		}
		o.Standardize = false // which the encoding does
	} else if !c.Given("standardize") {
		o.Standardize = m.Options.Standardize
	}
	job.Data, err = linear.InspectColumns(ctx, kmeans.Columns(m), c.patterns(), &job.Reading)
	if err == nil {
		c.Note(job.Data)
		job.Data = job.Data.InUnits(&job.Options.UnitRows, job.Options.Shards, c.input.ChunkRows(),
			&job.Reading)
		c.Encoded(job.Data)
	}
	return err
}

// arrange puts the centres of a file into the order of the rows' columns.
func (c *command) arrange(job *linear.Job, o *options) error {
	if o.begin == nil {
		return nil
	}
	centers, byNumber, err := o.begin.For(job.Data.Columns)
	if err != nil {
		return err
	}
	o.Centers = centers
	if byNumber && job.Data.Columns != nil {
		c.Tell("no names of columns in " + c.init.String() + ": they are taken by number, in the order of the rows")
	}
	return nil
}

// inspectTable inspects a table, and finds out how its rows become numbers.
func (c *command) inspectTable(ctx context.Context, job *linear.Job, o *options) error {
	if o.Init == model.Given {
		return cli.Usage(errors.New("--init: of a table, the centres to begin with are those of a model, .json, which has " +
			"its encoding"))
	}
	job.Reading.Formats.Cells, job.Reading.Parts = true, 2*max(job.Options.Shards, 1)
	data, err := kmeans.Inspect(ctx, c.patterns(), c.input.ChunkRows(), &job.Options, &job.Reading)
	if err != nil {
		return err
	}
	c.Note(data)
	e, err := c.tables.FitDense(ctx, &cli.Dense{
		Data: data, Reading: job.Reading, Standardize: o.Standardize, Output: job.Options.Model, RunID: files.NewRunID(),
	})
	if err != nil {
		return err
	}
	o.Standardize = false // which the encoding does
	job.Options.UnitRows = 0
	if job.Data, err = kmeans.Encoded(data, e, c.input.ChunkRows(), &job.Options, &job.Reading); err == nil {
		c.Encoded(job.Data)
	}
	return err
}

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *linear.Job, o model.Options) error {
	o.EnsureDefaults()
	plan, err := c.PlanRows(ctx, job.Data, job.Reading, o.MaxIter+1, job.Options.Threads)
	if err != nil {
		return err
	}
	show, runs := &cli.Plan{}, 0
	for _, k := range o.Clusters {
		runs += k * o.NInit
	}
	const number = 8 // bytes
	plan.WorkerMemory = number * int64(plan.Dim) * int64(o.Held()*(plan.Threads+2)+plan.Threads*3*job.Reading.ChunkRows)
	show.Line("clusters", "%v, by %s, %d centres in all; the passes below are as many as --max_iter lets there be",
		o.Clusters, o.Init, runs)
	show.Rows("rows", plan)
	return c.Explain(show, plan)
}

// finish writes the files, and tells what was done.
func (c *command) finish(ctx context.Context, job *linear.Job, m *model.Model, r *linear.Report, page string,
	start time.Time) error {
	out := []linear.File{{Path: job.Options.Model, Write: m.Save}}
	if page != "" {
		p, err := m.Page(cli.SourceOf(job.Data.Files))
		if err != nil {
			return linear.Keep(ctx, &job.Options, r, err)
		}
		out = append(out, linear.File{Path: page, Write: p.Write})
	}
	if err := linear.Publish(ctx, &job.Options, r, out); err != nil {
		return err
	}
	s := newSummary(m, r)
	if c.output.Path.Path() != "" {
		answered, err := c.answer(ctx, job, m)
		if err != nil {
			return err
		}
		s.Files, s.RejectedFiles = append(s.Files, answered.OutputFiles...), answered.RejectedFiles
	}
	s.time(time.Since(start))
	return c.Summary(s.lines(m), s)
}

// answer writes the clusters of the rows.
func (c *command) answer(ctx context.Context, job *linear.Job, m *model.Model) (*linear.PredictReport, error) {
	other, err := kmeans.NewClusters(m)
	if err != nil {
		return nil, err
	}
	p := &linear.PredictJob{Other: other, Data: job.Data, Reading: job.Reading, Options: linear.PredictOptions{
		Threads: *c.threads, Destination: c.output.Destination(),
		Workers: cli.Workers(),
	}}
	p.Options.EnsureDefaults()
	pipeline, s := beam.NewPipelineWithRoot()
	err = linear.Predict(s, p)
	if err == nil {
		err = c.Run(ctx, pipeline, p.Options.RunID)
	}
	var report *linear.PredictReport
	if err == nil {
		report, err = p.Report(ctx)
	}
	return report, errors.Join(err, p.Clean(context.WithoutCancel(ctx)))
}
