package predict

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
)

// watched says which flags are at fault where files are answered as they arrive.
func (c *command) watched() error {
	return errors.Join(c.watch.CheckAnswers(c.input, c.input.Patterns(), c.output, []string{"output_onnx"}),
		c.watch.CheckShards(c.output), c.watch.CheckTarget(c.input))
}

// answer predicts the rows of a file by the model as it is now.
func (c *command) answer(ctx context.Context, info files.Info, to string) error {
	start := time.Now()
	job, err := c.job(ctx, to)
	if err != nil { // a fault of the model, which is none of the file
		return errors.New(c.Reason(err))
	}
	if err := job.Inspect(ctx, []string{files.EscapeGlob(info.Name)}); err != nil {
		return err
	}
	c.Note(job.Data)
	inspected := time.Since(start)
	if cli.Workers() == placement.InProcess {
		err = c.DoHere(ctx, job.Options.RunID, func(ctx context.Context) error { return linear.PredictHere(ctx, job) })
	} else {
		pipeline, s := beam.NewPipelineWithRoot()
		if err = linear.Predict(s, job); err == nil {
			err = c.Run(ctx, pipeline, job.Options.RunID)
		}
	}
	var report *linear.PredictReport
	if err == nil {
		report, err = job.Report(ctx)
	}
	if err == nil {
		s := newSummary(report, time.Since(start), inspected)
		lines := []string{fmt.Sprintf("%s: %s in %.2f s: %s", info.Name, cli.Count(s.Rows, "row"), s.Seconds,
			cli.Relative(to))}
		if all := s.lines(); job.Options.Evaluate {
			lines = append(lines, all[2:]...)
		} else if s.Rejected > 0 {
			lines = append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, nil)...)
		}
		err = c.Summary(lines, s)
	}
	return errors.Join(err, job.Clean(ctx))
}
