package predict

import (
	"fmt"
	"strings"
	"time"

	"beamlearn/model/fault"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// summary is what --summary writes.
type summary struct {
	*linear.PredictReport
	Seconds        float64 `json:"total_s"`
	InspectSeconds float64 `json:"inspect_s"`
	RowsPerSecond  float64 `json:"rows_per_s"`
	PeakMemory     int64   `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
}

func newSummary(r *linear.PredictReport, total, inspected time.Duration) *summary {
	return &summary{
		PredictReport: r, Seconds: total.Seconds(), InspectSeconds: inspected.Seconds(),
		RowsPerSecond: float64(r.Rows) / total.Seconds(), PeakMemory: cli.PeakMemory(),
	}
}

func (s *summary) lines() []string {
	lines := []string{
		fmt.Sprintf("%s × %s in %.2f s: %.0f rows/s", cli.Count(s.Rows, "row"), cli.Count(s.Features, "column"), s.Seconds,
			s.RowsPerSecond),
		fmt.Sprintf("  inspect %.2f s, read %.2f s, predict %.2f s, write %.2f s; peak memory %s",
			s.InspectSeconds, s.Read, s.Predict, s.Write+s.Assemble, files.Bytes(s.PeakMemory)),
	}
	lines = append(lines, scoreLines(s.Regression, s.Classes)...)
	for _, t := range s.Targets {
		for _, line := range scoreLines(t.Regression, t.Classes) {
			lines = append(lines, "  target "+fault.Plain(t.Target)+": "+strings.TrimSpace(line))
		}
	}
	lines = append(lines, cli.UnseenLines(s.UnseenCells, "the model")...)
	if s.NoTarget > 0 && len(s.Targets) > 0 {
		lines = append(lines, "  "+cli.Agree(s.NoTarget,
			"row that lacks a target is predicted, and compared by the targets that it has",
			"rows that lack a target are predicted, and compared by the targets that they have"))
	} else if s.NoTarget > 0 {
		lines = append(lines, "  "+cli.Agree(s.NoTarget, "row without a target is", "rows without a target are")+
			" predicted, and not compared")
	}
	for _, f := range s.RejectedFiles {
		lines = append(lines, fmt.Sprintf("  %s no prediction: %s", cli.Agree(s.Rejected, "row is at fault, and has",
			"rows are at fault, and have"), cli.Relative(f)))
	}
	for _, f := range s.OutputFiles {
		lines = append(lines, cli.Relative(f))
	}
	return lines
}

// scoreLines are how well predictions are, where they were compared.
func scoreLines(r *linear.RegressionScores, c *linear.ClassificationScores) (lines []string) {
	if r != nil {
		if r.D2 != nil {
			lines = append(lines, fmt.Sprintf("  D² %.6g, mean deviance %.6g (a constant prediction, the mean: 0, %.6g)", *r.D2,
				*r.Deviance, *r.ConstantDeviance))
		}
		if r.Pinball != nil {
			lines = append(lines, fmt.Sprintf("  mean pinball loss %.6g; %.4g %% of the targets are at most their predictions",
				*r.Pinball, 100**r.Coverage))
		}
		lines = append(lines, fmt.Sprintf("  R² %.6g, MSE %.6g, MAE %.6g", r.R2, r.MSE, r.MAE))
	}
	if c != nil {
		line := fmt.Sprintf("  accuracy %.6g, F1 %.6g (%s)", c.Accuracy, c.F1, c.F1Average)
		if c.LogLoss != nil {
			line += fmt.Sprintf(", log loss %.6g", *c.LogLoss)
		}
		if c.AUC != nil {
			line += fmt.Sprintf(", AUC %.6g", *c.AUC)
			if c.AUCOf != nil {
				line += " (macro)"
			}
		}
		if c.AUCError > 0 {
			line += fmt.Sprintf(" ± %.1g", c.AUCError)
		}
		lines = append(lines, line)
	}
	return lines
}
