package bayes

import (
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	model "beamlearn/model/bayes"
	"beamlearn/model/features"
	learn "beamlearn/model/linear"
	"beamlearn/model/linear/overview"
	"beamlearn/model/report"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/bayes"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// finish writes the files, and tells what was done.
func (c *command) finish(ctx context.Context, job *linear.Job, fit *model.Fit, r *linear.Report, to targets,
	start time.Time) error {
	m := fit.Model()
	out := []linear.File{{Path: job.Options.Model, Write: m.Save}}
	if cv := fit.CV(); cv != nil {
		out = append(out, linear.File{Path: to.table, Write: func(w io.Writer) error {
			if path.Ext(to.table) != ".json" {
				return cv.WriteCSV(w)
			}
			b, err := cv.MarshalJSON()
			if err == nil {
				_, err = w.Write(append(b, '\n'))
			}
			return err
		}})
	}
	var judged *overview.Judged
	if to.page != "" {
		var err error
		if judged, err = linear.JudgeBy(ctx, job, r, bayes.NewClassifier(m)); err != nil {
			return linear.Keep(ctx, &job.Options, r, err)
		}
		p, err := makePage(job, fit, judged, r, time.Since(start))
		if err != nil {
			return linear.Keep(ctx, &job.Options, r, err)
		}
		out = append(out, linear.File{Path: to.page, Write: p.Write})
	}
	if err := linear.Publish(ctx, &job.Options, r, out); err != nil {
		return err
	}
	s := newSummary(fit, r, time.Since(start))
	s.surveyed = s.surveyed && c.warm.String() == ""
	s.judge(judged)
	return c.Summary(s.lines(m), s)
}

// summary is what --summary writes.
type summary struct {
	Kind      model.Kind `json:"kind"`
	Parameter string     `json:"parameter"` // alpha or var_smoothing
	Smoothing float64    `json:"value"`
	Rows      int64      `json:"rows"`       // of this run
	ModelRows int64      `json:"model_rows"` // with those of the model of warm_start
	Rejected  int64      `json:"rejected"`
	NoTarget  int64      `json:"rows_without_target,omitempty"`
	features.UnseenCells
	Features      int            `json:"features"`
	Classes       *learn.Classes `json:"classes"`
	ClassRows     []int64        `json:"class_rows"`
	Passes        int            `json:"passes"`
	ResumedPasses int            `json:"resumed_passes"`
	Seconds       float64        `json:"total_s"`
	RowsPerSecond float64        `json:"rows_per_s"`
	// of the process that submits, which on Prism does the work too
	PeakMemory int64           `json:"peak_memory_bytes"`
	CV         *learn.CVResult `json:"cv_results,omitempty"`
	Accuracy   *float64        `json:"accuracy,omitempty"` // on the rows that a page shows
	LogLoss    *float64        `json:"log_loss,omitempty"`
	Warnings   []string        `json:"warnings,omitempty"`
	Files      []string        `json:"files"`

	judged string // in words
	// surveyed says that the rows are those of a table, and were looked at before they were learned from
	surveyed bool
}

func newSummary(fit *model.Fit, r *linear.Report, total time.Duration) *summary {
	m := fit.Model()
	return &summary{
		Kind: m.Options.Kind, Parameter: m.Options.Kind.SmoothingName(), Smoothing: m.Options.Smoothing, Rows: r.Rows,
		ModelRows: m.Rows, Rejected: r.Rejected, NoTarget: r.NoTarget, Features: m.Features(), Classes: &m.Classes,
		ClassRows: m.ClassRows(),
		Passes:    r.Passes, ResumedPasses: r.Resumed, Seconds: total.Seconds(),
		RowsPerSecond: float64(r.Rows) / total.Seconds(),
		PeakMemory:    cli.PeakMemory(), CV: fit.CV(), Warnings: fit.Notes(), Files: r.Files,
		UnseenCells: r.UnseenCells, surveyed: m.Encoding != nil,
	}
}

// judge says how the model does on the rows that have been judged, and a constant prediction.
func (s *summary) judge(judged *overview.Judged) {
	if judged == nil || judged.Rows == 0 {
		return
	}
	of := "the rows learned from"
	if int64(judged.Rows) < judged.Of {
		of = fmt.Sprintf("a sample of %d of the %d rows learned from", judged.Rows, judged.Of)
	}
	m := judged.Confusion(s.Classes.Len())
	accuracy, loss, constant := m.Accuracy(), m.LogLoss(), m.Constant()
	if accuracy != accuracy || loss != loss {
		return // no row has a weight
	}
	s.Accuracy, s.LogLoss = &accuracy, &loss
	s.judged = fmt.Sprintf("accuracy %.4f, log loss %.6g on %s (a constant prediction: %.4f, %.6g)",
		accuracy, loss, of, constant.Accuracy(), constant.LogLoss())
}

// What the terminal shows at most.
const (
	shownClasses = 10
	shownTelling = 3
)

func (s *summary) lines(m *model.Model) []string {
	passes := cli.Count(max(s.Passes+s.ResumedPasses, 1), "pass")
	lines := []string{fmt.Sprintf(
		"%s × %s, %s naive Bayes of %s, %s %v, in %s, %.2f s: %.0f rows/s; peak memory %s",
		cli.Count(s.Rows, "row"), cli.Count(s.Features, "column"), s.Kind, cli.Count(s.Classes.Len(), "class"), s.Parameter,
		s.Smoothing, passes, s.Seconds, s.RowsPerSecond,
		files.Bytes(s.PeakMemory))}
	if s.ResumedPasses > 0 {
		lines = append(lines, "  "+cli.Agree(s.ResumedPasses, "of the passes was", "of the passes were")+" made before")
	}
	if before := s.ModelRows - s.Rows; before > 0 {
		lines = append(lines, fmt.Sprintf("  with the %s of the model of --warm_start, %d in all", cli.Count(before, "row"),
			s.ModelRows))
	}
	if s.CV != nil {
		lines = append(lines, cvLine(s.CV))
	}
	if s.judged != "" {
		lines = append(lines, "  "+s.judged)
	}
	telling := m.Telling(shownClasses, shownTelling)
	for k, n := range s.ClassRows {
		if k == shownClasses {
			lines = append(lines, "  … and "+cli.Count(len(s.ClassRows)-k, "more class"))
			break
		}
		line := fmt.Sprintf("  class %s: %s", s.Classes.Label(k), cli.Count(n, "row"))
		if len(telling[k]) > 0 {
			line += "; " + strings.Join(telling[k], ", ")
		}
		lines = append(lines, line)
	}
	for _, w := range s.Warnings {
		lines = append(lines, "  warning: "+w)
	}
	lines = append(lines, cli.UnseenLines(s.UnseenCells, "the model")...)
	if s.NoTarget > 0 && !s.surveyed { // of which that was told as they were looked at
		lines = append(lines, "  "+cli.Agree(s.NoTarget, "row without a target is", "rows without a target are")+" left out")
	}
	if s.Rejected > 0 {
		lines = append(lines, "  "+cli.Count(s.Rejected, "row")+" left out")
	}
	for _, f := range s.Files {
		lines = append(lines, cli.Relative(f))
	}
	return lines
}

// cvLine says what was chosen by cross-validation.
func cvLine(cv *learn.CVResult) string {
	best, _ := cv.Best()
	simple, _ := cv.OneStandardError()
	m, name := &cv.Metrics[0], cv.ParameterName()
	line := fmt.Sprintf("  best of %d values by %s over %d folds: %s %v with %.6g ± %.2g (standard error)",
		len(cv.Params), m.Name, len(m.Splits), name, cv.Params[best].Alpha, m.Mean(best), m.StandardError(best))
	if v := m.ConstantMean(); v == v {
		line += fmt.Sprintf(", a constant prediction %.6g", v)
	}
	return line + fmt.Sprintf("; within one standard error: %s %v", name, cv.Params[simple].Alpha)
}

// makePage makes a page of what was learned.
func makePage(job *linear.Job, fit *model.Fit, judged *overview.Judged, r *linear.Report,
	took time.Duration) (*report.Page, error) {
	m := fit.Model()
	source := cli.SourceOf(job.Data.Files)
	v := &overview.View{
		Source: source, Model: &learn.Model{Task: learn.Classification, Classes: m.Classes}, Columns: m.FeatureNames,
		CV: fit.CV(), Judged: judged,
	}
	p := &report.Page{
		Title: "Naive Bayes of " + source,
		Lead:  "How well it tells the classes apart, and which columns it goes by.",
		Facts: []report.Fact{
			{Name: "kind", Value: string(m.Options.Kind)},
			{Name: m.Options.Kind.SmoothingName(), Value: report.Format(m.Options.Smoothing)},
			{Name: "classes", Value: strconv.Itoa(m.Classes.Len())},
			{Name: "columns", Value: strconv.Itoa(m.Features())},
			{Name: "rows", Value: strconv.FormatInt(m.Rows, 10)},
			{Name: "passes", Value: strconv.Itoa(r.Passes + r.Resumed)},
			{Name: "seconds", Value: report.Format(took.Seconds())},
		},
	}
	chosen, err := v.Choice()
	if err != nil {
		return nil, err
	}
	p.Sections = append(append(p.Sections, classSection(m)), chosen...)
	judgement, err := v.Judgement()
	p.Sections = append(p.Sections, judgement...)
	return p, err
}

// What a page shows at most.
const (
	pageClasses = 100
	pageTelling = 8
)

// classSection is a table of the classes, and of what is most telling of each.
func classSection(m *model.Model) report.Section {
	lead := "The share of a feature in the class, and in all rows in brackets: those stand first that speak most for " +
		"the class."
	if m.Options.Kind == model.Gaussian {
		lead = "The mean of a column in the class, and of all rows in brackets: those stand first that are farthest " +
			"apart, in standard deviations."
	}
	t := report.Table{Caption: "Classes", Columns: []string{"class", "rows", "prior", "what speaks for it"},
		Left: max(0, m.Classes.Len()-pageClasses)}
	priors, telling := m.ClassLogPrior(), m.Telling(pageClasses, pageTelling)
	for k, n := range m.ClassRows() {
		if k == pageClasses {
			break
		}
		t.Rows = append(t.Rows, []string{m.Classes.Label(k), strconv.FormatInt(n, 10), report.Percent(math.Exp(priors[k])),
			strings.Join(telling[k], "; ")})
	}
	return report.Section{ID: "classes", Title: "What it goes by", Lead: lead, Blocks: []report.Block{t}}
}
