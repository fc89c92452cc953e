package online

import (
	"fmt"
	"math"
	"time"

	"beamlearn/model/linear/drift"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/output"
)

// Losses are [Judged] of a model that gives each row a loss, and perhaps a class.
type Losses struct {
	*drift.Judged
	Classes bool
}

// Merge adds rows that came next.
func (l Losses) Merge(next Judged) bool {
	o, ok := next.(Losses)
	if ok {
		l.Judged.Merge(o.Judged)
	}
	return ok
}

// Scores are the mean loss, and the accuracy where there are classes.
func (l Losses) Scores() (s linear.ProgressiveScores) {
	if !(l.Weight > 0) {
		return s
	}
	s.Rows, s.MeanLoss = l.Rows, Finite(l.Loss/l.Weight)
	if l.Classes {
		s.Accuracy = Finite(l.Right / l.Weight)
	}
	return s
}

// Trace is how the loss went.
func (l Losses) Trace() *drift.Trace { return &l.Judged.Trace }

// LossesOf is the judgement of a fit, if it has any.
func LossesOf(j *drift.Judged, classes bool) []Target {
	if j == nil || !(j.Weight > 0) {
		return nil
	}
	return []Target{{By: Losses{j, classes}}}
}

// Finite is a score, nil where it is none that JSON has.
func Finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// lines tell of a version.
func (w *learning) lines(r, before *linear.Record, took time.Duration, rejected int) []string {
	var rows int64
	for _, f := range r.Files {
		rows += f.Rows
	}
	head := fmt.Sprintf("version %d: %s, %s in %.2f s", r.Number, cli.Count(len(r.Files), "file"), cli.Count(rows, "row"),
		took.Seconds())
	lines := []string{head + w.scores("; before they were learned from", &r.Judgement, &before.Judgement, before.Number)}
	lines = append(lines, w.drift("", &r.Judgement)...)
	for i := range r.Targets {
		t, was := &r.Targets[i], linear.Judgement{}
		if i < len(before.Targets) { // which stay where they are
			was = before.Targets[i].Judgement
		}
		if told := w.scores("", &t.Judgement, &was, before.Number); told != "" {
			lines = append(lines, "  target "+t.Target+" before they were learned from"+told)
		}
		lines = append(lines, w.drift("target "+t.Target+", ", &t.Judgement)...)
	}
	without := int64(0)
	for _, f := range r.Files {
		without += f.NoTarget
	}
	if without > 0 {
		lines = append(lines, "  "+cli.Agree(without, "row without a target is", "rows without a target are")+" left out")
	}
	return append(lines, cli.FileLines(int64(rejected), rejectedOf(w.versions.ModelPath(r.Number), rejected),
		[]string{w.versions.ModelPath(r.Number)})...)
}

// scores are those of a version, after some words and a colon, beside those of the version before; "" where there are
// none.
func (w *learning) scores(words string, now, before *linear.Judgement, number int64) string {
	s := now.Progressive
	if s.MeanLoss == nil {
		return ""
	}
	told := fmt.Sprintf("%s: mean %s %.6g", words, w.Loss, *s.MeanLoss)
	if s.Accuracy != nil {
		told += fmt.Sprintf(", accuracy %.4f", *s.Accuracy)
	}
	if s.R2 != nil {
		told += fmt.Sprintf(", R² %.4f", *s.R2)
	}
	if b := before.Progressive.MeanLoss; b != nil {
		told += fmt.Sprintf(" (version %d: mean %s %.6g)", number, w.Loss, *b)
	}
	return told
}

// drift is the line of a change that the rows of a version have shown, if there is one.
func (w *learning) drift(of string, j *linear.Judgement) []string {
	d := j.Drift
	if d == nil {
		return nil
	}
	what := "drift"
	if !d.Rose() {
		what = "the " + w.Loss + " has fallen"
	}
	return []string{fmt.Sprintf("  %s%s: mean %s %.6g over the last %d rows, %.6g over the %d before (ADWIN)", of, what,
		w.Loss,
		d.After, d.AfterRows, d.Before, d.BeforeRows)}
}

// rejectedOf is the file that lists the rows that a version leaves out, if there are any.
func rejectedOf(model string, rejected int) []string {
	if rejected == 0 {
		return nil
	}
	return []string{output.RejectedPath(model)}
}
