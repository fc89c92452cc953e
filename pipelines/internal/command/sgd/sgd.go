// Package sgd is the command that learns a linear model from rows that need not fit into memory, with scikit-learn's
// hyperparameters.
package sgd

import (
	"context"
	"errors"
	"time"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/targets"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
)

// command is the flags.
type command struct {
	*cli.App
	input  *cli.Input
	tables *cli.Tables
	hyper  *hyperparameters

	solver                     *string
	epochs, batch, shards      *int
	seed, threads, checkpoints *int
	cache                      *int64
	warm                       *cli.Path
	progressive, resume        *bool
	watch                      *cli.Watch

	output, table *cli.Path
	page          *cli.Page

	warmTargets *targets.Model // to go on from, of several targets

	from []string // the files of one training, where those of the input are learned from one by one
}

// patterns are those of the rows to learn from.
func (c *command) patterns() []string {
	if c.from != nil {
		return c.from
	}
	return c.input.Patterns()
}

// New is the command.
func New() *cli.App {
	app := cli.New("sgd", "Learns a linear model from rows that need not fit into memory: files in, a model out.")
	c := &command{App: app, input: app.LabelledInput().SeveralTargets()}
	c.tables = app.Tables(true)
	c.hyper = newHyperparameters(app.Group("What to learn (scikit-learn's names)"))

	how := app.Group("How to learn it")
	c.solver = how.Choice("solver", "auto", []string{"auto", "exact", "sgd"},
		"the `SOLVER`: exact (the optimum, in a few passes), sgd, or auto: exact where there is one for the loss and at "+
			"most 1,048,576 columns (2,000 with l1 or elasticnet), unless a flag is given that only sgd has")
	c.epochs = how.Int("epochs", 0, "passes of sgd over the rows (default: until a million rows are seen, at most 20)")
	c.batch = how.Int("batch_size", fitting.DefaultBatchSize, "rows in one partial_fit of sgd")
	c.shards = how.Int("shards", linear.DefaultShards,
		"how many parts of the rows are learned from side by side and then averaged; 1 is the sequential result, in the "+
			"order of the files")
	c.seed = how.Seed("of the order in which sgd visits the rows, and of the folds")
	c.warm = how.InputFile("warm_start", "go on learning from the model in this `FILE`").Here()
	c.threads = how.Int("threads", 0, "how many shards a worker learns from at a time (default: all cores)")
	c.checkpoints = how.Int("checkpoint_passes", 0,
		"how many passes an engine makes in one pipeline; the state is saved after each (default: 4; in this process all "+
			"are in one)")
	c.cache = how.CacheMemory(linear.DefaultCacheMemory)
	c.progressive = how.Bool("progressive", false,
		"let sgd predict every row before it learns from it, and tell how well that went: an honest score from one pass")
	c.resume = how.Bool("resume", false, "go on where a run with the same flags and files was stopped")
	c.watch = how.Watch("go on learning with each file that arrives at --input, by sgd, until Ctrl-C: every version of " +
		"the model is kept beside it, NAME-000001.json and so on, with a record of what it was learned from; a restart " +
		"goes on where it was")

	write := app.Group("What to write")
	c.output = write.OutputModel("the `FILE` of the model: .json").Rejects()
	c.page = write.Page("the `FILE` of a page that shows the model, how it was chosen and how well it does, on 100,000 "+
		"of the rows at most: --report=out/model.html; none for none (default: beside a model on this host, NAME.html)",
		c.output)
	c.page.Unless(c.watch.On)
	c.table = write.OutputFile("cv_results",
		"the `FILE` of the cross-validation's scores: .csv or .json (default: MODEL.cv.csv)").Here()
	app.Byproducts(func() []files.Named {
		if c.table.String() != "" || c.output.Path() == "" || !c.hyper.compares() {
			return nil
		}
		name, err := c.tablePath()
		if err != nil {
			return nil // which the job says
		}
		return []files.Named{{Flag: "the scores (--cv_results)", Name: name}}
	})
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, options, to, err := c.job()
	if err := errors.Join(cli.Usage(c.watched()), err); err != nil {
		return err
	}
	if c.watch.On() {
		return c.learning().Run(ctx)
	}
	if err := c.inspect(ctx, job, &options); err != nil {
		return err
	}
	if err := c.found(job, &options); err != nil {
		return cli.Usage(err)
	}
	if c.Explaining() {
		return c.explain(ctx, job, options)
	}
	inspected := time.Since(start)
	job, made, report, err := c.learn(ctx, job, options)
	if err == nil {
		err = c.finish(ctx, job, made, report, to, start, inspected)
	}
	c.TellSaved(err)
	return err
}

// learn learns from rows that have been inspected: as those of a table, in a job that it gives, where they turn out to
// be that.
func (c *command) learn(ctx context.Context, job *linear.Job, options fitting.FitOptions) (*linear.Job, *learned,
	*linear.Report, error) {
	made, report, err := c.train(ctx, job, options)
	why := c.anew(err, job, options.WarmStart != nil)
	if why == "" {
		return job, made, report, err
	}
	c.Tell(why)
	if job, options, _, err = c.job(); err != nil {
		return nil, nil, nil, err
	}
	if err := c.inspectTable(ctx, job, &options, nil); err != nil {
		return nil, nil, nil, err
	}
	made, report, err = c.train(ctx, job, options)
	return job, made, report, err
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job() (*linear.Job, fitting.FitOptions, outputs, error) {
	task, faults := c.hyper.task()
	reading, err := c.input.Options()
	reading.Formats.Labels = task == model.Classification
	_, encoding := c.tables.Options(false)
	encoding = errors.Join(encoding, c.tables.Columns(&reading.Formats))
	options, more := c.hyper.options(task)
	readExposure(&reading.Formats, options.Options.Exposure)
	options.Solver, options.Epochs, options.BatchSize, options.Seed = fitting.Solver(*c.solver), *c.epochs, *c.batch,
		uint64(*c.seed)
	shards := *c.shards
	if c.watch.On() {
		shards = c.inOrder(&options)
	}
	options.Parts, options.Shuffle, options.Progressive = shards, shards > 1, *c.progressive || c.watch.On()
	job := &linear.Job{Reading: reading, Options: linear.Options{
		Model: c.output.Path(), Shards: shards, Threads: *c.threads, Passes: *c.checkpoints, Seed: uint64(*c.seed),
		Resume:  *c.resume,
		Workers: cli.Workers(), CacheMemory: *c.cache,
	}}
	if *c.cache == 0 {
		job.Options.CacheMemory = -1
	}
	scores, tableErr := c.tablePath()
	show, showErr := c.page.Path()
	if show == "" {
		job.Options.Judged = toldRows
	}
	job.Options.EnsureDefaults()
	if *c.checkpoints == 0 && cli.Workers() == placement.Remote {
		job.Options.Passes = 4
	}
	if faults == nil {
		faults = options.Validate()
	}
	var outputErr error
	checked := job.Options
	if checked.Model == "" {
		outputErr, checked.Model = errors.New("--output_model is needed"), "model.json" // which is not told twice
	}
	err = cli.Usage(faults, err, more, encoding, outputErr, checked.Validate(), tableErr, showErr)
	if err == nil {
		err = cli.Usage(c.idle(&options))
	}
	return job, options, outputs{scores, show}, err
}

// toldRows is how many rows a model is judged by at most where no page shows it, and a line alone tells how it does.
// The standard error of an accuracy is then 0.0035 at most, and of texts judging is no longer a tenth of the work.
const toldRows = 20_000

// readWarm reads the model of --warm_start: of several targets, all, and gives that of the first.
func (c *command) readWarm(ctx context.Context) (m *model.Model, err error) {
	several := len(c.input.Targets()) > 0
	if !several && c.input.TargetFiles() != nil { // whose columns are counted later
		b, err := linear.ReadModelFile(ctx, c.warm.String())
		if err != nil {
			return nil, err
		}
		several = linear.IsTargets(b)
	}
	if !several {
		return linear.ReadModel(ctx, c.warm.String())
	}
	if c.warmTargets, err = linear.ReadTargets(ctx, c.warm.String()); err != nil {
		return nil, err
	}
	return c.warmTargets.Models[0], nil
}

// inspect finds the model to go on from, and the rows.
func (c *command) inspect(ctx context.Context, job *linear.Job, options *fitting.FitOptions) (err error) {
	if c.warm.String() != "" && options.WarmStart == nil {
		if options.WarmStart, err = c.readWarm(ctx); err != nil {
			return err
		}
	}
	if options.WarmStart != nil {
		if err := c.unlike(options, options.WarmStart); err != nil {
			return cli.Usage(err)
		}
		job.Options.Names = options.WarmStart.FeatureNames
		job.Reading.Meet(c.patterns(), options.WarmStart.Features(), options.WarmStart.ZeroBased)
	}
	if done, err := c.asTable(ctx, job, options); done || err != nil {
		return err
	}
	job.Data, err = linear.Inspect(ctx, c.patterns(), c.input.ChunkRows(), &job.Options, &job.Reading)
	if errors.Is(err, linear.ErrNoTarget) {
		return cli.Usage(err)
	}
	if err == nil {
		if err := expose(options, job.Data.Columns, job.Data.Dim); err != nil {
			return cli.Usage(err)
		}
		c.Note(job.Data)
		options.Sample = job.Data.Rows < 0 // of text, whose chunks are the same for all chunk_rows
	}
	return err
}
