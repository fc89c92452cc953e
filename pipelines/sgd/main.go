// Sgd learns a linear model from rows that need not fit into memory, with scikit-learn's hyperparameters: files in, a model
// out, as a Beam pipeline.
//
//	go run ./pipelines/sgd --input=testdata/breast_cancer.csv --target=target --task=classification --standardize --model=out/model.json
package main

import (
	"context"
	"errors"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/linear"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

var (
	app   = cli.New("sgd", "Learns a linear model from rows that need not fit into memory: files in, a model out.").Explains()
	input = app.LabelledInput()

	learn = app.Group("What to learn (scikit-learn's names)")
	hyper = newHyperparameters(learn)

	how         = app.Group("How to learn it")
	solver      = how.String("solver", "auto", "the `SOLVER`: exact (the optimum, in a few passes), sgd, or auto: exact where there is one for the loss and the penalty and at most 2,000 columns, unless a flag is given that only sgd has")
	epochs      = how.Int("epochs", 0, "passes of sgd over the rows (default: until a million rows are seen, at most 20)")
	batch       = how.Int("batch_size", model.DefaultBatchSize, "rows in one partial_fit of sgd")
	shards      = how.Int("shards", linear.DefaultShards, "how many parts of the rows are learned from side by side and then averaged; 1 is the sequential result, in the order of the files")
	seed        = how.Int("seed", 0, "of the order in which sgd visits the rows, and of the folds")
	warm        = how.String("warm_start", "", "go on learning from the model in this `FILE`")
	threads     = how.Int("threads", 0, "how many shards a worker learns from at a time (default: all cores)")
	checkpoint  = how.Int("checkpoint_passes", 0, "how many passes an engine makes in one pipeline; the state is saved after each (default: 4; in this process all are in one)")
	progressive = how.Bool("progressive", false, "let sgd predict every row before it learns from it, and tell how well that went: an honest score from one pass")
	resume      = how.Bool("resume", false, "go on where a run with the same flags and files was stopped")

	write  = app.Group("What to write")
	output = write.String("model", "", "the `FILE` of the model: .json")
	page   = write.String("report", "", "the `FILE` of a page that shows the model, how it was chosen and how well it does, on 100,000 of the rows at most: --report=out/model.html; none for none (default: beside a model on this host, NAME.html)")
	table  = write.String("cv_results", "", "the `FILE` of the cross-validation's scores: .csv or .json (default: MODEL.cv.csv)")
)

func main() { app.Main(run) }

func run(ctx context.Context) error {
	start := time.Now()
	task, faults := hyper.task()
	reading, err := input.Options()
	reading.Formats.Labels = task == model.Classification
	fitting, more := hyper.options(task)
	path, pathErr := files.Absolute(*output)
	fitting.Solver, fitting.Epochs, fitting.BatchSize, fitting.Seed = model.Solver(*solver), *epochs, *batch, uint64(*seed)
	fitting.Parts, fitting.Shuffle, fitting.Progressive = *shards, *shards > 1, *progressive
	job := &linear.Job{Reading: reading, Options: linear.Options{
		Model: path, Shards: *shards, Threads: *threads, Passes: *checkpoint, Seed: uint64(*seed), Resume: *resume,
	}}
	if *output == "" {
		pathErr = errors.New("--model is needed")
	}
	scores, tableErr := tablePath(*table, path)
	show, showErr := cli.ReportPath(*page, path)
	job.Options.EnsureDefaults()
	if cli.InProcess() {
		job.Options.Local = true
	} else if *checkpoint == 0 {
		job.Options.Passes = 4
	}
	if faults == nil {
		faults = fitting.Validate()
	}
	if err := cli.Usage(faults, err, more, pathErr, job.Options.Validate(), tableErr, showErr); err != nil {
		return err
	}
	if *warm != "" {
		if fitting.WarmStart, err = linear.ReadModel(ctx, *warm); err != nil {
			return err
		}
		if err := unlike(&fitting, fitting.WarmStart); err != nil {
			return cli.Usage(err)
		}
	}
	if job.Data, err = linear.Inspect(ctx, input.Patterns(), input.ChunkRows(), &job.Options, &job.Reading); errors.Is(err, linear.ErrNoTarget) {
		return cli.Usage(err)
	} else if err != nil {
		return err
	}
	fitting.Sample = job.Data.Rows < 0 // of text, whose chunks are the same for all chunk_rows
	if app.Explaining() {
		return explain(ctx, job, fitting)
	}
	fit, err := model.NewFit(fitting, job.Data.Dim, job.Data.Columns)
	if err != nil {
		return cli.Usage(err)
	}
	inspected := time.Since(start)
	fit, report, err := linear.Train(ctx, job, fit, func(ctx context.Context, p *beam.Pipeline) error {
		return app.Run(ctx, p, job.Options.RunID)
	})
	if err != nil {
		tellSaved(err)
		return err
	}
	return finish(ctx, job, fit, report, targets{scores, show}, start, inspected)
}
