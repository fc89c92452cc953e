// Package bayes is the command that learns a naive Bayes classifier from rows that need not fit into memory, with
// scikit-learn's hyperparameters.
package bayes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/bayes"
	"beamlearn/model/features"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/pipelines/internal/online"
	"beamlearn/transforms/bayes"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
)

// command is the flags.
type command struct {
	*cli.App
	input  *cli.Input
	tables *cli.Tables

	kind, alpha, varSmoothing, classPrior, scoring *string
	fitPrior, norm                                 *bool
	binarize                                       *float64
	minCategories, folds                           *int

	shards, seed, threads, checkpoints *int
	cache                              *int64
	warm                               *cli.Path
	resume                             *bool
	watch                              *cli.Watch

	output, table *cli.Path
	page          *cli.Page

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
	app := cli.New("bayes", "Learns a naive Bayes classifier in one pass over rows that need not fit into memory: "+
		"files in, a model out.")
	c := &command{App: app, input: app.LabelledInput()}
	c.tables = app.Tables(true)

	learn := app.Group("What to learn (scikit-learn's names)")
	c.kind = learn.Choice("kind", "", cli.Texts(model.Kinds),
		"how the columns are distributed within a class, as `KIND`: gaussian (numbers; GaussianNB), multinomial (counts, "+
			"as of words; MultinomialNB), complement (the same, for classes of very different sizes; ComplementNB), "+
			"bernoulli (whether they are there; BernoulliNB), categorical (categories; CategoricalNB); needed: --kind=gaussian")
	c.alpha = learn.String("alpha", "1",
		"what is added to each count, of all kinds but gaussian, as `MUCH`; several, with commas between, are compared by "+
			"cross-validation: --alpha=0.01,0.1,1")
	c.varSmoothing = learn.String("var_smoothing", "1e-9",
		"of gaussian: the share of the largest variance of a column that is added to all variances, as `MUCH`; several "+
			"are compared: --var_smoothing=1e-9,1e-6,1e-3")
	c.fitPrior = learn.Bool("fit_prior", true,
		"whether classes are as likely as they are frequent; otherwise all are alike: --fit_prior=false")
	c.classPrior = learn.String("class_prior", "",
		"how likely each class is, as `LABEL=PROBABILITY` with commas between, which sum to 1: "+
			"--class_prior=no=0.9,yes=0.1 (default: by --fit_prior)")
	c.binarize = learn.Float("binarize", 0, "of bernoulli: the value above which a column is there: --binarize=0.5")
	c.norm = learn.Bool("norm", false, "of complement: divide the weights of each class by their sum")
	c.minCategories = learn.Int("min_categories", 0,
		"of categorical, of columns of numbers: how many categories each has at least, where rows to predict may have "+
			"some that none learned from has: --min_categories=10")
	c.folds = learn.Int("folds", 0,
		"cross-validate over so many folds, in two more passes; stratified, and the same as those of sgd (default 5 where "+
			"several values are given)")
	c.scoring = learn.Choice("scoring", "", model.Scorings, "what the cross-validation goes by, as `SCORE`: "+
		strings.Join(model.Scorings, ", ")+" (default: neg_log_loss)")

	how := app.Group("How to learn it")
	c.shards = how.Int("shards", linear.DefaultShards,
		"how many parts of the rows are summed up side by side; the last bits of gaussian models, and of counts with "+
			"fractions, depend on it")
	c.seed = how.Seed("of the folds")
	c.warm = how.InputFile("warm_start",
		"go on from the model in this `FILE`: its rows count as if they were among the input").Here()
	c.threads = how.Int("threads", 0, "how many shards a worker works on at a time (default: all cores)")
	c.checkpoints = how.Int("checkpoint_passes", 0,
		"how many passes an engine makes in one pipeline; the state is saved after each (default: 4; in this process all "+
			"are in one)")
	c.cache = how.CacheMemory(linear.DefaultCacheMemory)
	c.resume = how.Bool("resume", false, "go on where a run with the same flags and files was stopped")
	c.watch = how.Watch("go on learning with each file that arrives at --input, until Ctrl-C: every version of the " +
		"model is kept beside it, NAME-000001.json and so on, with a record of what it was learned from; a restart goes " +
		"on where it was")

	write := app.Group("What to write")
	c.output = write.OutputModel("the `FILE` of the model, which predict reads: .json, e.g. out/bayes.json").Rejects()
	c.page = write.Page("the `FILE` of a page about the model: .html, e.g. out/bayes.html (default: beside the model "+
		"on this host, NAME.html; none for none)", c.output)
	c.page.Unless(c.watch.On)
	c.table = write.OutputFile("cv_results",
		"the `FILE` of the cross-validation's scores: .csv or .json (default: MODEL.cv.csv)").Here()
	app.Byproducts(func() []files.Named {
		if c.table.String() != "" || c.output.Path() == "" || !c.compares() {
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

// compares reports whether smoothings are compared by cross-validation.
func (c *command) compares() bool {
	return *c.folds > 0 || strings.Contains(*c.alpha+*c.varSmoothing, ",")
}

// tablePath is where the scores of a cross-validation go.
func (c *command) tablePath() (string, error) {
	given := c.table.String()
	if given != "" && !c.compares() {
		return "", errors.New("--cv_results: is of a cross-validation: --folds, or several values of --alpha or --var_smoothing")
	}
	if given == "" {
		name := c.output.Path()
		return strings.TrimSuffix(name, path.Ext(name)) + ".cv.csv", nil
	}
	if ext := path.Ext(given); ext != ".csv" && ext != ".json" {
		return "", fmt.Errorf("--cv_results=%s: must end in .csv or .json", given)
	}
	return c.table.Path(), nil
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, options, to, err := c.job()
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
		return c.explain(ctx, job, &options)
	}
	job, fit, report, err := c.learn(ctx, job, options)
	if err == nil {
		err = c.finish(ctx, job, fit, report, to, start)
	}
	c.TellSaved(err)
	return err
}

// learn learns from rows that have been inspected: as those of a table, in a job that it gives, where they turn out to
// be that.
func (c *command) learn(ctx context.Context, job *linear.Job, o model.FitOptions) (*linear.Job, *model.Fit,
	*linear.Report, error) {
	fit, report, err := c.train(ctx, job, o)
	why := c.anew(err, job, o.WarmStart != nil)
	if why == "" {
		return job, fit, report, err
	}
	c.Tell(why)
	if job, o, _, err = c.job(); err != nil {
		return nil, nil, nil, err
	}
	if err := c.inspectTable(ctx, job, &o, nil); err != nil {
		return nil, nil, nil, err
	}
	fit, report, err = c.train(ctx, job, o)
	return job, fit, report, err
}

// anew says why a job that has failed as one of numbers is to be done as one of a table. "" where it is not.
func (c *command) anew(err error, job *linear.Job, warm bool) string {
	if *c.resume || warm {
		return ""
	}
	if err != nil {
		for _, b := range job.Reading.Domain { // numbers, but others than the kind takes
			if strings.Contains(err.Error(), b.Expected) {
				return ""
			}
		}
	}
	return c.tables.Anew(err, &job.Reading, job.Data)
}

func (c *command) train(ctx context.Context, job *linear.Job, o model.FitOptions) (*model.Fit, *linear.Report, error) {
	fit, err := model.NewFit(o, job.Data.Dim, job.Data.Columns)
	if err != nil {
		return nil, nil, cli.Usage(err)
	}
	if c.watch.On() {
		return online.Train(ctx, c.App, job, fit)
	}
	return linear.Train(ctx, job, fit,
		func(ctx context.Context, p *beam.Pipeline) error { return c.Run(ctx, p, job.Options.RunID) })
}

// targets are where the files go beside the model; nowhere without a name.
type targets struct{ table, page string }

// job is what the flags ask for, with every fault of theirs.
func (c *command) job() (*linear.Job, model.FitOptions, targets, error) {
	reading, err := c.input.Options()
	reading.Formats.Labels = true
	_, encoding := c.tables.Options(false)
	encoding = errors.Join(encoding, c.tables.Columns(&reading.Formats))
	options, faults := c.options()
	shards := *c.shards
	if c.watch.On() && !c.Given("shards") {
		shards = 1 // in the order of the rows
	}
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
	job.Options.EnsureDefaults()
	if *c.checkpoints == 0 && cli.Workers() == placement.Remote {
		job.Options.Passes = 4
	}
	var outputErr error
	checked := job.Options
	if checked.Model == "" {
		outputErr, checked.Model = errors.New("--output_model is needed"), "model.json" // which is not told twice
	}
	return job, options, targets{scores, show}, cli.Usage(faults, err, encoding, outputErr, checked.Validate(), tableErr,
		showErr)
}

// kindFlags are those of some kinds alone.
var kindFlags = map[string][]model.Kind{
	"alpha":          {model.Multinomial, model.Complement, model.Bernoulli, model.Categorical},
	"var_smoothing":  {model.Gaussian},
	"binarize":       {model.Bernoulli},
	"norm":           {model.Complement},
	"min_categories": {model.Categorical},
}

// options are those of the flags, with every fault of theirs.
func (c *command) options() (model.FitOptions, error) {
	kind := model.Kind(*c.kind)
	if kind == "" {
		return model.FitOptions{}, errors.New("--kind is needed: gaussian, multinomial, complement, bernoulli or categorical")
	}
	o := model.FitOptions{Options: model.Defaults(kind), Folds: *c.folds, Seed: uint64(*c.seed), Scoring: *c.scoring}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(kindFlags)) {
		if kinds := kindFlags[name]; c.Given(name) && slices.Contains(model.Kinds, kind) && !slices.Contains(kinds, kind) {
			errs = append(errs, fmt.Errorf("--%s: is of --kind=%s, not of %s", name, cli.Names(kinds), kind))
		}
	}
	name, value := "alpha", *c.alpha
	if kind == model.Gaussian {
		name, value = "var_smoothing", *c.varSmoothing
	}
	for _, s := range cli.List(value) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s=%s: must be a number, or several with commas between", name, value))
			break
		}
		o.Smoothings = append(o.Smoothings, v)
	}
	if len(o.Smoothings) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("--%s: must be a number, or several with commas between", name))
	}
	o.Options.FitPrior, o.Options.Norm = *c.fitPrior, *c.norm
	o.Options.Binarize, o.Options.MinCategories = *c.binarize, *c.minCategories
	errs = append(errs, c.prior(&o.Options))
	if c.Given("fit_prior") && *c.classPrior != "" {
		errs = append(errs, errors.New("--fit_prior and --class_prior: give one"))
	}
	if err := errors.Join(errs...); err != nil {
		return o, err
	}
	o.EnsureDefaults()
	o.Options.Smoothing = o.Smoothings[0]
	return o, o.Validate()
}

// prior sets the probabilities of --class_prior.
func (c *command) prior(o *model.Options) error {
	if *c.classPrior == "" {
		return nil
	}
	var errs []error
	o.ClassPrior = map[string]float64{}
	for _, pair := range cli.List(*c.classPrior) {
		i := strings.LastIndexByte(pair, '=')
		p, err := strconv.ParseFloat(pair[i+1:], 64)
		if i < 1 || err != nil {
			errs = append(errs, fmt.Errorf("--class_prior: %s: must be LABEL=PROBABILITY", pair))
			continue
		}
		if _, twice := o.ClassPrior[pair[:i]]; twice {
			errs = append(errs, fmt.Errorf("--class_prior: %s twice", pair[:i]))
		}
		o.ClassPrior[pair[:i]] = p
	}
	return errors.Join(errs...)
}

// inspect finds the model to go on from, and the rows.
func (c *command) inspect(ctx context.Context, job *linear.Job, o *model.FitOptions) (err error) {
	if c.warm.String() != "" && o.WarmStart == nil {
		m, err := bayes.ReadModel(ctx, c.warm.String())
		if err != nil {
			return err
		}
		if err := c.goOn(m, o); err != nil {
			return err
		}
	}
	if o.WarmStart != nil {
		job.Options.Names = o.WarmStart.FeatureNames
		job.Reading.Meet(c.patterns(), o.WarmStart.Features(), o.WarmStart.ZeroBased)
	}
	if done, err := c.asTable(ctx, job, o); done || err != nil {
		return err
	}
	job.Data, err = bayes.Inspect(ctx, o.Options.Kind, c.patterns(), c.input.ChunkRows(), &job.Options, &job.Reading)
	if errors.Is(err, linear.ErrNoTarget) {
		return cli.Usage(err)
	}
	if err == nil {
		c.Note(job.Data)
	}
	return err
}

// goOn makes a model the one to go on from, which keeps its own options.
func (c *command) goOn(m *model.Model, o *model.FitOptions) error {
	own, asked := m.Options, o.Options
	own.Kind = asked.Kind // of which the fit says whether it is that of the sums
	for _, f := range []struct {
		flag string
		set  func()
	}{
		{asked.Kind.SmoothingName(), func() { own.Smoothing = asked.Smoothing }},
		{"fit_prior", func() { own.FitPrior = asked.FitPrior }},
		{"class_prior", func() { own.ClassPrior = asked.ClassPrior }},
		{"binarize", func() { own.Binarize = asked.Binarize }},
		{"norm", func() { own.Norm = asked.Norm }},
		{"min_categories", func() { own.MinCategories = asked.MinCategories }},
	} {
		if c.Given(f.flag) {
			f.set()
		}
	}
	o.Options, o.WarmStart = own, m
	if !c.Given(asked.Kind.SmoothingName()) {
		o.Smoothings = []float64{own.Smoothing}
	}
	return cli.Usage(o.Validate())
}

// asTable inspects the rows as those of a table, where the model to go on from, the flags, or the rows say that they
// are that; else it does nothing.
func (c *command) asTable(ctx context.Context, job *linear.Job, o *model.FitOptions) (done bool, err error) {
	if w := o.WarmStart; w != nil {
		if w.Encoding == nil {
			return false, nil
		}
		if c.tables.Asked() && c.warm.String() != "" {
			return false, cli.Usage(errors.New("--warm_start: the model has its own encoding: without flags of tables"))
		}
		job.Options.Names = w.Encoding.Needs()
		return true, c.inspectTable(ctx, job, o, w.Encoding)
	}
	if job.Reading.Formats.TargetColumn == "" && len(job.Reading.Targets) == 0 {
		return false, nil
	}
	if !c.tables.Asked() {
		why, err := c.tables.Wanted(ctx, c.patterns(), job.Reading)
		if why == "" {
			return false, err
		}
		c.Tell(why + ": the rows are taken for a table")
	}
	return true, c.inspectTable(ctx, job, o, nil)
}

// inspectTable inspects a table, and finds out how its rows are encoded, unless that is known.
func (c *command) inspectTable(ctx context.Context, job *linear.Job, o *model.FitOptions,
	e *features.Encoding) (err error) {
	asked, err := c.tables.Options(false)
	if err != nil {
		return cli.Usage(err)
	}
	if job.Data, err = linear.InspectTable(ctx, c.patterns(), &job.Options, &job.Reading); err != nil {
		return err
	}
	c.Note(job.Data)
	if e == nil {
		of := &encode.Job{Data: job.Data, Reading: job.Reading, Options: bayes.TableOptions(o.Options.Kind, asked),
			Dir: cli.ColumnsDir(job.Options.Model, job.Options.RunID), Workers: cli.Workers()}
		if e, err = c.tables.Fit(ctx, of, nil); err != nil {
			return err
		}
	}
	job.Data, o.Widths, err = bayes.Encoded(job.Data, o.Options.Kind, e, c.input.ChunkRows(), &job.Options, &job.Reading)
	if err == nil {
		c.Encoded(job.Data)
	}
	return err
}

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *linear.Job, o *model.FitOptions) error {
	passes := 1
	if o.Folds > 0 {
		passes = 3
	}
	plan, err := c.PlanRows(ctx, job.Data, job.Reading, passes, job.Options.Threads)
	if err != nil {
		return err
	}
	show := &cli.Plan{}
	const number, twoClasses = 8, 2 // bytes; more classes take more
	sums := int64(plan.Dim) * twoClasses * int64(max(o.Folds, 1))
	plan.WorkerMemory = number * (sums*int64(plan.Threads+2) + int64(plan.Threads*3*job.Reading.ChunkRows)*int64(plan.Dim))
	if job.Reading.Formats.Sparse {
		plan.WorkerMemory = number * sums * int64(plan.Threads+2)
	}
	show.Line("classifier", "%s naive Bayes; the memory is that of two classes", o.Options.Kind)
	if o.Folds > 0 {
		show.Line("folds", "%d, for %d values of %s", o.Folds, len(o.Smoothings), o.Options.Kind.SmoothingName())
	}
	show.Rows("rows", plan)
	return c.Explain(show, plan)
}
