// Package kneighbors is the command that finds the k nearest neighbours of every point.
package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// command is the flags.
type command struct {
	*cli.App
	input          *cli.Input
	tables         *cli.Tables
	standardize    *bool
	queries, index *cli.Path
	indexes        []string // those of index, without globs

	k             *string
	predict       *predict
	rules         *rules
	outlying      *outlying
	evaluate      *cli.Path
	radius        **float64
	metric        *cli.Metric
	algorithm     *string
	recall        **float64
	seed, threads *int
	indexLimit    *int64

	broadcast *string
	memory    *int64
	staging   *cli.Path

	output *cli.Output
	graph  graph
	page   *cli.Page
	image  *string
	texts  *cli.Path
	watch  *cli.Watch
}

// New is the command.
func New() *cli.App {
	app := cli.New("kneighbors", "Finds the k nearest neighbours of every point, exactly: files in, files out.")
	c := &command{App: app, input: app.Input().Unless("index")}
	given := c.input.Group()
	c.queries = given.InputFiles("queries",
		"the rows to answer: a `PATH` and so on, as --input (default: every point, which is then no neighbour of itself); "+
			"with --index and --output=-, those of standard input (-) are answered as they come")
	c.index = given.InputFiles("index",
		"ask the index in this `FILE`, which the command index has built, instead of building one: "+
			"--index=out/words.index. It has the points, and their metric; with --input too, that must be what it was built "+
			"of, unchanged. Several, by a glob or with commas between, answer --queries as one of all their points would")
	c.watch = given.Watch("answer the rows of each file that arrives at --input (or --queries), once, by --index as it " +
		"is then, in a file of its own, until Ctrl-C: --output has a * for its name")

	c.tables = app.Tables(false)
	c.tables.ImputeAlso("or here uniform or distance: instead of listing neighbours, write the table itself with its "+
		"missing numbers filled in as the mean of the --k nearest rows that have one, all alike or by the inverse of "+
		"their distances, as scikit-learn's KNNImputer: --impute=distance", imputing...)

	compute := app.Group("What to compute")
	c.standardize = compute.Bool("standardize", false,
		"bring the numbers and dates of a table to mean 0 and variance 1 first, as where they have different units; its "+
			"categories stay 0 and 1")
	c.k = compute.String("k", "", "how many neighbours each query gets, a `NUMBER`; to predict, several may be "+
		"compared: --k=1,3,5,10,30")
	c.radius = compute.OptionalFloat("radius",
		"instead of --k: all neighbours within this `DISTANCE`, inclusive; with --k, the nearest of them: --radius=0.5")
	c.metric = compute.Metric(neighbors.Metrics)
	c.algorithm = compute.Choice("algorithm", "auto", append(cli.Texts(neighbors.Algorithms), knn.IVF),
		"how to search, as `ALGORITHM`: "+cli.Names(neighbors.Algorithms)+
			", which change the time and never the answer; or ivf, which finds most of the neighbours, by partitions: "+
			"--algorithm=ivf --recall=0.95")
	c.recall = compute.OptionalFloat("recall",
		"approximate neighbours instead: this `SHARE` of the true ones, which the job measures on queries that it answers "+
			"exactly too: --recall=0.95 (that, with --algorithm=ivf)")
	c.seed = compute.Seed("chooses the partitions and samples of --recall: the same seed gives the same neighbours")
	c.threads = compute.Int("threads", 0, "how many threads share a chunk of queries (default: all cores)")
	c.indexLimit = compute.Size("index_limit", 0,
		"the `SIZE` above which an index is refused: --index_limit=2GiB (default 1GiB for a side input, none for the "+
			"other ways)")

	c.rules = newRules(app.Group("Which points may be neighbours"))
	c.predict = newPredict(app.Group("What to predict from neighbours (scikit-learn's names)"))

	c.outlying = newOutlying(app.Group("To tell outliers by their neighbours"))

	c.evaluate = newEvaluate(app.Group("To evaluate another system"))

	where := app.Group("How the index reaches the workers, which changes the time and never the answer")
	c.broadcast = where.Choice("broadcast", knn.Auto, []string{knn.Auto, knn.SideInput, knn.File, knn.Shards},
		"the `WAY`: side_input; file, which is mapped into memory by every worker; shards, for more than a worker's "+
			"memory, one part after the other; or auto: it stays in this process where that does the work, else a side input "+
			"while small, then a file; above --index_memory, shards: --broadcast=file")
	c.memory = where.Size("index_memory", 0,
		"what a worker may spend on the index, as a `SIZE`; what is above is cut into shards, or with --recall goes into "+
			"overlapping parts: --index_memory=200MB (default: what it takes)")
	c.staging = where.Directory("staging",
		"the `DIR` for the files of the index while the job runs, which every worker must reach: "+
			"--staging=gs://bucket/tmp (default: beside the output)")

	write := app.Group("What to write")
	c.output = write.Output("the `FILE` to write: .csv (query_id,rank,neighbor_id,distance), .jsonl, .parquet, .npy "+
		"(two files: .indices.npy, .distances.npy), or a graph: .npz (scipy.sparse.load_npz) or .mtx (Matrix Market)",
		results.Layout{})
	c.graph = graphFlags(write)
	c.output.As(c.layout)
	app.Byproducts(c.scoresFile)
	app.Follows(c.follows)
	c.page = write.Page("the `FILE` of a page that shows what was found: --report=out/words.html; none for none "+
		"(default: beside an output on this host, NAME.html)", c.output.Path)
	c.page.Unless(func() bool { return c.imputes() || c.watch.On() })
	c.image = write.String("image", "",
		"the `SIZE` of the picture that the columns are, row by row, for the page: 28x28 is width and height (default: "+
			"square, where all names of columns begin with pixel)")
	c.texts = write.InputFile("texts",
		"the `FILE` of texts for the page: line i is that of row i, or with --id_column each line is an id, a tab and its "+
			"text: --texts=testdata/words.tsv").Here()
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) (err error) {
	c.takeQueries()
	if err := c.watched(); err != nil {
		return cli.Usage(err)
	}
	if c.watch.On() {
		return c.answerArrivals(ctx)
	}
	if c.imputes() {
		return c.impute(ctx)
	}
	return c.find(ctx, c.output.Path.Path())
}

// find answers queries, or every point.
func (c *command) find(ctx context.Context, to string) (err error) {
	start := time.Now()
	job, look, err := c.job(to)
	if err != nil {
		return err
	}
	switch {
	case c.follows():
		return c.follow(ctx, job, start)
	case c.pipes() && !c.Explaining():
		c.Tell("rows are answered at the end of standard input: as they come they are with --index, and for lists of " +
			"neighbours alone")
	}
	var of *knn.TargetsJob
	if job.Options.Answer != nil {
		if of, err = c.inspectTargets(ctx, job); err != nil {
			return err
		}
	}
	if err := c.inspect(ctx, job); err != nil {
		return err
	}
	if job.Options.Restricted && !c.Explaining() {
		clean, err := c.findRules(ctx, job)
		defer clean()
		if err != nil {
			return err
		}
	}
	if of != nil {
		return c.answer(ctx, job, of, look, start)
	}
	if err := c.outlying.settle(ctx, c, job); err != nil {
		return err
	}
	look.picture, err = pictures(look.picture, job)
	if err := cli.Usage(err, job.Check()); err != nil {
		return err
	}
	if c.Explaining() {
		return c.explain(ctx, job)
	}
	if err := cli.Fits(job.Memory()); err != nil {
		return err
	}
	done, err := c.findOthers(ctx, job)
	defer done()
	if err != nil {
		return err
	}
	clean, err := c.knowPoints(ctx, job)
	defer func() { err = errors.Join(err, clean()) }()
	if err != nil {
		return err
	}
	pipeline, s := beam.NewPipelineWithRoot()
	if err := knn.KNeighbors(s, job); err != nil {
		return err
	}
	if c.AsTemplate() {
		return errors.Join(c.Stage(ctx, pipeline), knn.Clean(context.WithoutCancel(ctx), &job.Options))
	}
	inspected := time.Since(start)
	err = c.Run(ctx, pipeline, job.Options.RunID)
	return c.finish(ctx, err, job, look, start, inspected)
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job(to string) (*knn.Job, look, error) {
	reading, faults := c.input.Options()
	faults = errors.Join(faults, c.asTables(&reading))
	if c.index.String() == "" {
		faults = errors.Join(faults, c.metric.Check())
	}
	ks, kErr := c.numbers()
	answer, answerErr := c.predict.answer(c.App, ks)
	out, outErr := c.outlying.options(c.App)
	k := slices.Max(append(ks, 0))
	switch {
	case kErr != nil:
		k = 1 // what is wrong with it is told: it is not lacking
	case *c.outlying.method != "" && !c.Given("k"):
		k = defaultNeighbors
	}
	show, pageErr := c.reportPath()
	size, imageErr := cli.ParseImage(*c.image)
	job := &knn.Job{Reading: reading, Options: knn.Options{
		Neighbors: c.metric.Options(),
		K:         c.graph.others(k), Radius: *c.radius, Answer: answer, Outliers: out, Evaluates: c.evaluate.String() != "",
		Restricted: c.rules.asked(), Threads: *c.threads, IndexLimit: *c.indexLimit, Workers: cli.Workers(),
		Broadcast: *c.broadcast, IndexMemory: *c.memory, Staging: c.staging.Path(),
		Destination: c.output.Destination(), Scratch: c.scratch(), Overview: show != "",
	}}
	job.Options.Output, job.Options.Alone = to, c.AsTemplate()
	if c.AsTemplate() && (show != "" || job.Options.Evaluates || c.Given("summary")) {
		pageErr = errors.Join(pageErr, errors.New("--template_location: nobody is there when the job is over to write "+
			"--report, --summary or --evaluate: leave them out"))
	}
	job.Options.Neighbors.Algorithm = neighbors.Algorithm(*c.algorithm)
	if job.Options.SearchRows = c.input.ChunkRows(); job.Options.SearchRows == 0 && cli.Workers() == placement.InProcess {
		job.Options.SearchRows = knn.SearchRowsOf(job.Options.K)
	}
	graphErr := c.graph.options(&job.Options, k)
	approximateErr := c.approximate(&job.Options)
	job.Options.EnsureDefaults()
	return job, look{page: show, picture: size},
		cli.Usage(faults, kErr, answerErr, outErr, c.rules.check(c, reading.Formats.IDColumn), c.checkWritten(), graphErr,
			approximateErr, pageErr, imageErr, job.Options.Validate())
}

// inspect finds the points, or their index, and the queries.
func (c *command) inspect(ctx context.Context, job *knn.Job) (err error) {
	if c.index.String() != "" {
		if err = c.inspectIndexes(ctx, job); err != nil && c.watch.On() { // which is none of the file to answer
			err = errors.New(c.Reason(err))
		}
	} else {
		err = c.metric.Params(ctx, &job.Options.Neighbors)
	}
	if err != nil {
		return err
	}
	queried := job.Reading.Formats.Columns
	if job.Options.Answer != nil {
		leaveOut(&job.Reading.Formats, c.predict.target)
	}
	c.rules.leaveOut(&job.Reading.Formats)
	if len(c.input.Patterns()) > 0 {
		if err = job.InspectCorpus(ctx, c.input.Patterns()); err != nil {
			return err
		}
		job.Corpus.Uses(append(c.rules.used(), c.predict.target.String())...)
	}
	if job.Reading.Formats.Cells && job.Index == nil {
		if err := c.encode(ctx, job); err != nil {
			return err
		}
	}
	if job.Index != nil {
		if err := c.reuse(job); err != nil {
			return err
		}
	}
	if c.queries.String() != "" {
		if err = c.inspectQueries(ctx, job, queried); err != nil {
			return err
		}
	}
	c.Note(job.Corpus, job.Queries)
	if name := c.texts.String(); name != "" {
		if _, err = files.Stat(ctx, name); errors.Is(err, os.ErrNotExist) {
			return fault.File(name, "texts for the page", "no file of that name")
		}
	}
	return err
}

// inspectIndexes finds the indexes of earlier runs.
func (c *command) inspectIndexes(ctx context.Context, job *knn.Job) (err error) {
	if c.indexes, err = files.Expand(ctx, c.index.List()); err != nil {
		return err
	}
	indexes, err := knn.InspectIndexes(ctx, c.indexes)
	if err != nil {
		return err
	}
	job.Index, job.More = indexes[0], indexes[1:]
	job.Reading.Formats.Cells = job.Index.Note.Encoding != nil
	if !c.Given("metric") { // it says how --input is read
		job.Options.Neighbors.Metric = job.Index.Options.Metric
	}
	return nil
}

// asTables sets that rows are read as those of tables, where the flags ask for it.
func (c *command) asTables(reading *vectorio.Options) error {
	_, err := c.tables.Options(*c.standardize)
	if err = errors.Join(err, c.tables.Columns(&reading.Formats)); err != nil || !c.tables.Asked() && !*c.standardize {
		return err
	}
	if c.index.String() != "" {
		return errors.New("--index: an index has its own encoding of tables, or none: without flags of tables, and " +
			"without --standardize")
	}
	reading.Formats.Cells = true
	return nil
}

// encode finds out how the points, which are rows of tables, become numbers.
func (c *command) encode(ctx context.Context, job *knn.Job) error {
	e, err := c.tables.FitDense(ctx, &cli.Dense{
		Data: job.Corpus, Reading: job.Reading, Standardize: *c.standardize, Output: job.Options.Output,
		RunID: job.Options.RunID,
	})
	if err != nil {
		return err
	}
	return job.Encoded(e)
}

// defaultRecall is that of --algorithm=ivf.
const defaultRecall = 0.95

// approximate sets what --recall and --algorithm=ivf ask for.
func (c *command) approximate(o *knn.Options) error {
	if o.Neighbors.Algorithm == knn.IVF {
		o.Neighbors.Algorithm, o.Recall = neighbors.Auto, defaultRecall
	}
	o.Seed = uint64(*c.seed)
	switch {
	case *c.recall != nil && !(**c.recall > 0 && **c.recall <= 1):
		return fmt.Errorf("--recall=%v: must be greater than 0 and at most 1", **c.recall)
	case *c.recall != nil:
		o.Recall = **c.recall
	case o.Recall == 0 && c.Given("seed"):
		return errors.New("--seed is of an approximate search: --recall=0.95")
	}
	return nil
}

// reuse takes the index of an earlier run, which decides over how neighbours are told.
func (c *command) reuse(job *knn.Job) error {
	name, given := c.indexes[0], job.Options.Neighbors
	if job.Corpus != nil {
		if err := job.CheckInput(c.indexes); err != nil {
			return err
		}
		job.Corpus = nil
	}
	if c.Given("metric_params") {
		return errors.New("--index: an index has the parameters of its metric: without --metric_params")
	}
	has := job.Index.Options
	if job.Options.Neighbors = has; job.Options.Recall != 0 {
		job.Options.Neighbors.Algorithm = neighbors.Auto // the index finds exact ones by its own
		if job.Index.Note.Recall == 0 && c.queries.String() != "" {
			c.Tell(fmt.Sprintf("%s keeps no lists for approximate search, which are made anew: index --recall=%v keeps them",
				name, job.Options.Recall))
		}
	}
	differs := func(flag string, found, expected any) error {
		if found == expected || !c.Given(flag) {
			return nil
		}
		return fault.File(name, fmt.Sprintf("%v, as --%s says: leave that out, or build the index anew", expected, flag),
			"an index with %s %v", flag, found)
	}
	return errors.Join(differs("metric", has.Metric, given.Metric), differs("p", has.P, given.P),
		differs("bits", has.Bits, given.Bits),
		differs("degrees", has.Degrees, given.Degrees), differs("km", has.Kilometers, given.Kilometers),
		differs("algorithm", job.Options.Neighbors.Algorithm, given.Algorithm))
}

// finish tells what was done, and tidies up.
func (c *command) finish(ctx context.Context, err error, job *knn.Job, to look, start time.Time,
	inspected time.Duration) error {
	var report *knn.Report
	if err == nil {
		report, err = knn.ReadReport(ctx, &job.Options)
	}
	if err == nil {
		to.merge(report)
		summary := newSummary(report, time.Since(start), inspected)
		if a := job.Options.Answer; a != nil {
			summary.Task, summary.K, summary.NoTarget, summary.scoring = a.Task, job.Options.K, a.Targets.Missing, c.scoring(job)
		}
		if name := c.scoresPath(); name != "" && report.Scores != nil && len(report.Scores.Ks) > 1 {
			summary.ScoresFile = name
			err = files.Output(ctx, name, func(w io.Writer) error {
				return writeScores(w, report.Scores, job.Options.Answer.Targets.Classes.Len(), c.scoring(job))
			})
		}
		if to.page != "" && err == nil {
			summary.Page = to.page
			err = c.writePage(ctx, to, job, summary)
		}
		report.Overview = nil // it is for the page
		if err == nil {
			err = c.Summary(summary.lines(), summary)
		}
		if err == nil {
			err = summary.short()
		}
	}
	return errors.Join(err, knn.Clean(context.WithoutCancel(ctx), &job.Options))
}
