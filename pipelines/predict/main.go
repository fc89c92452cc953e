// Predict applies a linear model to any number of rows, and judges it where the rows have targets: files in, files out, as a
// Beam pipeline.
//
//	go run ./pipelines/predict --model=out/model.json --input=testdata/breast_cancer.csv --target=target --proba --output=out/predictions.csv
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/linear"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

var (
	app   = cli.New("predict", "Applies a linear model to rows, and judges it where they have targets: files in, files out.")
	input = app.LabelledInput()

	compute  = app.Group("What to compute")
	path     = compute.String("model", "", "the `FILE` of the model, as sgd writes it; its features are read by their names, where the rows have names for theirs")
	proba    = compute.Bool("proba", false, "also write the probability of each class: columns proba_LABEL")
	decision = compute.Bool("decision", false, "also write the decision values: a column decision, or decision_LABEL for each of more than two classes")
	evaluate = compute.Bool("evaluate", false, "compare the predictions with the targets, which .svm has in its rows (otherwise --target does so)")
	threads  = compute.Int("threads", 0, "how many threads share a chunk of rows (default: all cores)")

	write  = app.Group("What to write")
	output = write.String("output", "", "the `FILE` to write: .csv (id,prediction,…), .jsonl, .parquet or .npy (the columns without the ids, in the order of the rows); without it, the model is only judged")
	format = write.String("output_format", "", "the `FORMAT` of the output (default by the extension): csv, jsonl, parquet, npy")
	shards = write.Int("num_shards", 1, "cut the output into this many files, NAME-00000-of-0000N.csv and so on")
)

func main() { app.Main(run) }

func run(ctx context.Context) error {
	start := time.Now()
	reading, faults := input.Options()
	out, pathErr := files.Absolute(*output)
	if *output == "" {
		out = ""
	}
	job := &linear.PredictJob{Options: linear.PredictOptions{
		Proba: *proba, Decision: *decision, Threads: *threads,
		Evaluate: *evaluate || reading.Formats.TargetColumn != "" || len(reading.Targets) > 0,
		Output:   out, OutputFormat: *format, NumShards: *shards, Scratch: scratch(), Local: cli.InProcess(),
	}}
	job.Options.EnsureDefaults()
	if *path == "" {
		return cli.Usage(faults, pathErr, errors.New("--model is needed"))
	}
	var err error
	if job.Model, err = linear.ReadModel(ctx, *path); err != nil {
		return err
	}
	reading.Formats.Labels = job.Options.Evaluate && job.Model.Task == model.Classification
	reading.Formats.Unlabelled = !job.Options.Evaluate
	job.Reading = reading
	if err := cli.Usage(faults, pathErr, job.Validate()); err != nil {
		return err
	}
	if job.Data, err = linear.InspectFor(ctx, job.Model, input.Patterns(), &job.Reading); err != nil {
		return err
	}
	pipeline, s := beam.NewPipelineWithRoot()
	linear.Predict(s, job)
	inspected := time.Since(start)
	err = app.Run(ctx, pipeline, job.Options.RunID)
	return finish(ctx, err, job, start, inspected)
}

// scratch is where workers of this host leave an evaluation; those of another cannot.
func scratch() string {
	if cli.InProcess() {
		return os.TempDir()
	}
	return ""
}

// finish tells what was done, and tidies up.
func finish(ctx context.Context, err error, job *linear.PredictJob, start time.Time, inspected time.Duration) error {
	var report *linear.PredictReport
	if err == nil {
		report, err = job.Report(ctx)
	}
	if err == nil {
		summary := newSummary(report, time.Since(start), inspected)
		err = app.Summary(summary.lines(), summary)
	}
	return errors.Join(err, job.Clean(context.WithoutCancel(ctx)))
}
