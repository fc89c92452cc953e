// Package predict is the command that applies a model to rows, and judges it where they have targets.
package predict

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/formats"
	model "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	_ "beamlearn/transforms/bayes"  // its models
	_ "beamlearn/transforms/eigen"  // as well
	_ "beamlearn/transforms/kmeans" // as well
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// command is the flags.
type command struct {
	*cli.App
	input                     *cli.Input
	model                     *cli.Path
	proba, decision, evaluate *bool
	threads                   *int
	output                    *cli.Output
	onnx                      *cli.Path
	watch                     *cli.Watch
}

// New is the command.
func New() *cli.App {
	app := cli.New("predict", "Applies a model to rows, linear, of naive Bayes, of clusters or of components, and "+
		"judges it where "+
		"they have targets: files in, files out.")
	c := &command{App: app, input: app.LabelledInput().SeveralTargets().Unless("output_onnx")}

	compute := app.Group("What to compute")
	c.model = compute.InputFile("model",
		"the `FILE` of the model, as sgd, bayes, kmeans or eigen writes it; its features are read by their names, where "+
			"the rows "+
			"have names for theirs").Here()
	c.proba = compute.Bool("proba", false, "also write the probability of each class: columns proba_LABEL, of several "+
		"targets proba_TARGET_LABEL")
	c.decision = compute.Bool("decision", false,
		"also write the decision values: a column decision, or decision_LABEL for each of more than two classes; of "+
			"poisson, gamma and tweedie the logarithm of the prediction")
	c.evaluate = compute.Bool("evaluate", false,
		"compare the predictions with the targets, which .svm has in its rows (otherwise --target does so)")
	c.threads = compute.Int("threads", 0, "how many threads share a chunk of rows (default: all cores)")
	c.watch = compute.Watch("answer each file that arrives at --input, once, in a file of its own, until Ctrl-C: " +
		"--output has a * for its name; a model that has changed is read again")

	table := results.Layout{Columns: []results.Column{{Name: "prediction"}}}
	write := app.Group("What to write")
	c.output = write.Output("the `FILE` to write: .csv (id,prediction,…), .jsonl, .parquet or .npy (the columns "+
		"without the ids, in the order of the rows); without it, the model is only judged", table)
	c.onnx = write.OutputFile("output_onnx",
		"write the model as ONNX to this `FILE`, for onnxruntime and its like, and predict nothing: "+
			"--output_onnx=out/model.onnx; --model may then be components of eigen, or an encoding of transform, too")
	app.Follows(c.follows)
	return app.Runs(c.run)
}

// follows reports whether rows are answered as they come.
func (c *command) follows() bool {
	return c.pipes() && !*c.evaluate && !c.Given("target") && !c.Explaining()
}

// pipes reports whether rows come, and answers go, through a pipe.
func (c *command) pipes() bool { return c.input.Pipes(c.input.Patterns(), c.output) }

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	if c.onnx.Path() != "" {
		return c.convert(ctx)
	}
	if err := c.watched(); err != nil {
		return cli.Usage(err)
	}
	job, err := c.job(ctx, c.output.Path.Path())
	if err != nil {
		return err
	}
	if c.watch.On() {
		return c.watch.Answers(ctx, c.input, c.input.Patterns(), c.output, c.answer)
	}
	if c.follows() {
		return c.follow(ctx, job, start)
	}
	if c.pipes() && !c.Explaining() {
		c.Tell("rows are answered at the end of standard input, as to compare them with targets takes all of them")
	}
	if err := job.Inspect(ctx, c.input.Patterns()); err != nil {
		return err
	}
	c.Note(job.Data)
	if err := c.judged(job); err != nil {
		return err
	}
	if c.Explaining() {
		return c.explain(ctx, job)
	}
	pipeline, s := beam.NewPipelineWithRoot()
	if err := linear.Predict(s, job); err != nil {
		return err
	}
	inspected := time.Since(start)
	err = c.Run(ctx, pipeline, job.Options.RunID)
	return c.finish(ctx, err, job, start, inspected)
}

// judged refuses --evaluate of a table whose column of targets was not named.
func (c *command) judged(job *linear.PredictJob) error {
	if !job.Options.Evaluate || job.Reading.Learns() {
		return nil
	}
	for _, file := range job.Data.Files {
		if formats.IsTabular(file.Name, job.Reading.Formats.Format) {
			return cli.Usage(fmt.Errorf(
				"--evaluate compares predictions with targets: --target says which column of %s has them", file.Name))
		}
	}
	return nil
}

// follow answers the rows of standard input as they come.
func (c *command) follow(ctx context.Context, job *linear.PredictJob, start time.Time) error {
	inspect := func(pattern string) (*vectorio.Dataset, error) {
		err := job.Inspect(ctx, []string{pattern})
		return job.Data, err
	}
	return c.Follow(ctx, &job.Reading, inspect, func(f cli.Following) (int64, error) {
		c.Note(job.Data)
		inspected := time.Since(start)
		report, err := linear.Follow(ctx, job, f.Rows, f.To, f.Tell)
		if err == nil || ctx.Err() != nil {
			summary := newSummary(report, time.Since(start), inspected)
			err = errors.Join(err, c.Summary(summary.lines(), summary))
		}
		return report.Rows, err
	})
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job(ctx context.Context, to string) (*linear.PredictJob, error) {
	reading, faults := c.input.Options()
	job := &linear.PredictJob{Options: linear.PredictOptions{
		Proba: *c.proba, Decision: *c.decision, Threads: *c.threads,
		Evaluate:    *c.evaluate || reading.Learns(),
		Destination: c.output.Destination(), Scratch: scratch(), Workers: cli.Workers(),
	}}
	job.Options.Output = to
	job.Options.EnsureDefaults()
	if c.model.String() == "" {
		return nil, cli.Usage(faults, errors.New("--model is needed"))
	}
	if err := job.ReadAny(ctx, c.model.String()); err != nil {
		return nil, err
	}
	reading.Formats.Labels = job.Options.Evaluate && job.Model != nil && job.Model.Task == model.Classification
	reading.Formats.Unlabelled = !job.Options.Evaluate
	job.Reading = reading
	faults = errors.Join(faults, c.targets(job))
	return job, cli.Usage(faults, job.Validate())
}

// targets says where those that are given are not those of the model; of a model of several, --evaluate takes all.
func (c *command) targets(job *linear.PredictJob) error {
	t, several := job.Other.(linear.Targets)
	o := &job.Reading
	switch {
	case !several && len(o.TargetColumns) > 0:
		return errors.New("--target: the model is of one target: give one column")
	case !several || !job.Options.Evaluate:
		return nil
	case len(o.Targets) > 0: // whose columns are counted later
	case o.Formats.TargetColumn != "":
		return fmt.Errorf("--target: the model is of the targets %s: give a column of the input for each, or --evaluate",
			model.Join(t.Targets))
	case len(o.TargetColumns) == 0 || sameNames(o.TargetColumns, t.Targets):
		o.TargetColumns = t.Targets
	}
	return nil
}

// sameNames reports whether lists have the same names, in any order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// explain shows what the job would do.
func (c *command) explain(ctx context.Context, job *linear.PredictJob) error {
	plan, err := c.PlanRows(ctx, job.Data, job.Reading, 1, job.Options.Threads)
	if err != nil {
		return err
	}
	m, show := job.Model, &cli.Plan{}
	const number = 8 // bytes
	if job.Other != nil {
		plan.WorkerMemory = number * int64(plan.Threads*job.Reading.ChunkRows) * int64(plan.Dim+4)
		show.Line("model", "%s", job.Other.Name())
		show.Rows("rows", plan)
		return c.Explain(show, plan)
	}
	chunk := plan.Dim + 4*len(m.Coef)
	plan.WorkerMemory = number * (int64(plan.Dim*len(m.Coef)) + int64(plan.Threads*job.Reading.ChunkRows)*int64(chunk))
	if job.Reading.Formats.Sparse {
		plan.WorkerMemory = 0 // of rows of any number of entries
	}
	show.Line("model", "%s with %s, %s", m.Task, m.Loss, cli.Count(m.Features(), "column"))
	show.Rows("rows", plan)
	return c.Explain(show, plan)
}

// scratch is where workers of this host leave an evaluation; those of another cannot.
func scratch() string {
	if cli.Workers() == placement.InProcess {
		return os.TempDir()
	}
	return ""
}

// finish tells what was done, and tidies up.
func (c *command) finish(ctx context.Context, err error, job *linear.PredictJob, start time.Time,
	inspected time.Duration) error {
	var report *linear.PredictReport
	if err == nil {
		report, err = job.Report(ctx)
	}
	if err == nil {
		summary := newSummary(report, time.Since(start), inspected)
		err = c.Summary(summary.lines(), summary)
	}
	return errors.Join(err, job.Clean(context.WithoutCancel(ctx)))
}
