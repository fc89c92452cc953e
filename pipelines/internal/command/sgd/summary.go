package sgd

import (
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/interior"
	"beamlearn/model/linear/overview"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/linear/survey"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

// tablePath is where the scores of a cross-validation go.
func (c *command) tablePath() (string, error) {
	given := c.table.String()
	if given == "" {
		name := c.output.Path()
		return strings.TrimSuffix(name, path.Ext(name)) + ".cv.csv", nil
	}
	if ext := path.Ext(given); ext != ".csv" && ext != ".json" {
		return "", fmt.Errorf("--cv_results=%s: must end in .csv or .json", given)
	}
	return c.table.Path(), nil
}

// outputs are where the files go beside the model; nowhere without a name.
type outputs struct{ table, page string }

// finish writes the files and tells what was done.
func (c *command) finish(ctx context.Context, job *linear.Job, made *learned, report *linear.Report, to outputs,
	start time.Time, inspected time.Duration) error {
	out := []linear.File{{Path: job.Options.Model, Write: made.save}}
	if made.fits[0].CV() != nil {
		out = append(out, linear.File{Path: to.table, Write: func(w io.Writer) error {
			return made.scores(w, path.Ext(to.table) == ".json")
		}})
	}
	judged, err := made.judge(ctx, job, report, to.page != "")
	if err != nil {
		return linear.Keep(ctx, &job.Options, report, err)
	}
	if to.page != "" {
		p, err := makePage(job, made, judged, report, time.Since(start))
		if err != nil {
			return linear.Keep(ctx, &job.Options, report, err)
		}
		out = append(out, linear.File{Path: to.page, Write: p.Write})
	}
	if err := linear.Publish(ctx, &job.Options, report, out); err != nil {
		return err
	}
	var all []*summary
	for k, fit := range made.fits {
		s := newSummary(job, fit, report, time.Since(start), inspected)
		s.judge(fit.Fitted(), judged[k])
		s.Target = made.name(k)
		s.surveyed = s.surveyed && c.warm.String() == ""
		if c.Given("shards") {
			s.shards = ""
		}
		all = append(all, s)
	}
	if made.targets == nil {
		return c.Summary(all[0].lines(made.fits[0]), all[0])
	}
	s := &severalSummary{summary: commonSummary(all), Targets: all}
	s.Warnings = made.targets.Warnings()
	for _, one := range all { // of the same columns, so that mostly all have the same line
		if line := collinear(one.Inference); line != "" && !slices.Contains(s.Warnings, line) {
			s.Warnings = append(s.Warnings, line)
		}
	}
	return c.Summary(s.lines(made), s)
}

// judge judges the models by rows, where there is a page or nothing else tells how they do; nil are those that are not
// judged.
func (l *learned) judge(ctx context.Context, job *linear.Job, report *linear.Report,
	page bool) ([]*overview.Judged, error) {
	judged := make([]*overview.Judged, len(l.fits))
	if !page && l.fits[0].Fitted() != nil { // how they do is told on the terminal, too
		return judged, nil
	}
	if l.targets != nil {
		all, err := linear.JudgeTargets(ctx, job, report, l.targets.Model())
		if all != nil {
			judged = all
		}
		return judged, err
	}
	var err error
	judged[0], err = linear.Judge(ctx, job, report, l.fits[0].Model())
	return judged, err
}

// severalSummary is what --summary writes of several targets: what they have in common, and each.
type severalSummary struct {
	summary
	Targets []*summary `json:"targets"`
}

// commonSummary is what the summaries of all targets have in common: the rows and the options, without what was found
// of each. Of alpha, the share of l1 and the way of more than two classes it has what is the same for all.
func commonSummary(all []*summary) summary {
	first := all[0]
	s := summary{Task: first.Task, Loss: first.Loss, MultiClass: first.MultiClass, Penalty: first.Penalty,
		Alpha: first.Alpha, L1Ratio: first.L1Ratio,
		Training: model.Training{Solver: first.Training.Solver, Rows: first.Training.Rows}, Rows: first.Rows,
		Rejected: first.Rejected, NoTarget: first.NoTarget, UnseenCells: first.UnseenCells, Features: first.Features,
		Passes:        first.Passes,
		ResumedPasses: first.ResumedPasses,
		Seconds:       first.Seconds, InspectSeconds: first.InspectSeconds, RowsPerSecond: first.RowsPerSecond,
		PeakMemory: first.PeakMemory, Files: first.Files, surveyed: first.surveyed}
	for _, one := range all[1:] {
		if one.MultiClass != s.MultiClass {
			s.MultiClass = ""
		}
		s.Alpha, s.L1Ratio = same(s.Alpha, one.Alpha), same(s.L1Ratio, one.L1Ratio)
	}
	return s
}

// same is what two pointers have in common, or nil.
func same(a, b *float64) *float64 {
	if a == nil || b == nil || *a != *b {
		return nil
	}
	return a
}

// lines are those of the run, and then of each target.
func (s *severalSummary) lines(made *learned) []string {
	lines := []string{fmt.Sprintf("%d targets: %s", len(s.Targets), model.Join(made.targets.Targets()))}
	lines = append(lines, s.head()...)
	for k, one := range s.Targets {
		head := "  target " + fault.Plain(one.Target)
		if s.Penalty != model.None && s.Alpha == nil { // each has its own
			head += fmt.Sprintf(", alpha %v", *one.Alpha)
		}
		lines = append(lines, head+":")
		for _, line := range one.body(made.fits[k]) {
			lines = append(lines, "  "+line)
		}
	}
	for _, w := range s.Warnings {
		lines = append(lines, "  warning: "+w)
	}
	return append(lines, s.tail()...)
}

// summary is what --summary writes.
type summary struct {
	Target     string           `json:"target,omitempty"` // of several
	Task       model.Task       `json:"task"`
	Loss       model.Loss       `json:"loss"`
	MultiClass model.MultiClass `json:"multi_class,omitempty"`
	Penalty    model.Penalty    `json:"penalty"`
	Alpha      *float64         `json:"alpha"`
	L1Ratio    *float64         `json:"l1_ratio,omitempty"`
	Training   model.Training   `json:"training"`
	Rows       int64            `json:"rows"`
	Rejected   int64            `json:"rejected"`
	NoTarget   int64            `json:"rows_without_target,omitempty"`
	features.UnseenCells
	Features       int     `json:"features"`
	Passes         int     `json:"passes"`
	ResumedPasses  int     `json:"resumed_passes"`
	Seconds        float64 `json:"total_s"`
	InspectSeconds float64 `json:"inspect_s"`
	RowsPerSecond  float64 `json:"rows_per_s"`
	// of the process that submits, which on Prism does the work too
	PeakMemory  int64            `json:"peak_memory_bytes"`
	Classes     *model.Classes   `json:"classes,omitempty"`
	ClassRows   []int64          `json:"class_rows,omitempty"`
	Drift       *survey.Drift    `json:"drift,omitempty"`
	CV          *model.CVResult  `json:"cv_results,omitempty"`
	Progressive *progressiveLine `json:"progressive,omitempty"`
	R2          *float64         `json:"r2,omitempty"` // of a regression, on the rows learned from, or a sample of them
	RMSE        *float64         `json:"rmse,omitempty"`
	D2          *float64         `json:"d2,omitempty"` // of poisson, gamma and tweedie, as the next
	Deviance    *float64         `json:"mean_deviance,omitempty"`
	Pinball     *float64         `json:"mean_pinball_loss,omitempty"` // of quantile, as the next
	Coverage    *float64         `json:"coverage,omitempty"`
	Accuracy    *float64         `json:"accuracy,omitempty"` // of a classification, on the rows that a page shows
	LogLoss     *float64         `json:"log_loss,omitempty"`
	Inference   *model.Inference `json:"inference,omitempty"`
	Warnings    []string         `json:"warnings,omitempty"`
	Files       []string         `json:"files"`

	shards string // in words, what they may have cost
	judged string // in words
	// surveyed says that the rows are those of a table, and were looked at before they were learned from
	surveyed bool
}

// progressiveLine is how rows were predicted before they were learned from.
type progressiveLine struct {
	MeanLoss float64                `json:"mean_loss"`
	Curve    []sgd.ProgressivePoint `json:"curve"`
}

func newSummary(job *linear.Job, fit *fitting.Fit, r *linear.Report, total, inspected time.Duration) *summary {
	m := fit.Model()
	s := &summary{
		Task: m.Task, Loss: m.Loss, MultiClass: m.Options.MultiClass, Penalty: m.Options.Penalty, Alpha: m.Options.Alpha,
		Training: m.Training,
		Rows:     r.Rows, Rejected: r.Rejected, NoTarget: r.NoTarget, Features: m.Features(), Passes: r.Passes,
		ResumedPasses: r.Resumed,
		Seconds:       total.Seconds(), InspectSeconds: inspected.Seconds(), RowsPerSecond: float64(r.Rows) / total.Seconds(),
		PeakMemory: cli.PeakMemory(), CV: fit.CV(), Files: r.Files, UnseenCells: r.UnseenCells,
		surveyed: m.Encoding != nil,
	}
	if job.Options.Shards == linear.DefaultShards {
		s.shards = shardsLine(m, job.Options.Shards)
	}
	s.Warnings, s.Inference = fit.Warnings(), m.Inference
	if line := collinear(m.Inference); line != "" {
		s.Warnings = append(s.Warnings, line)
	}
	if m.Options.Penalty == model.ElasticNet {
		s.L1Ratio = m.Options.L1Ratio
	}
	if m.Task == model.Classification {
		s.Classes = &m.Classes
	}
	if found := fit.Survey(); found != nil {
		s.Drift = &found.Drift
		if found.Sampled == 0 {
			s.ClassRows = found.ClassRows
		}
		if math.IsInf(s.Drift.F, 0) || math.IsInf(s.Drift.Deviations, 0) {
			s.Drift = &survey.Drift{Chunks: s.Drift.Chunks, Share: s.Drift.Share, F: math.MaxFloat64,
				Deviations: math.MaxFloat64}
		}
	}
	if p := fit.Progressive(); p != nil {
		s.Progressive = &progressiveLine{MeanLoss: p.MeanLoss(), Curve: p.Curve()}
	}
	return s
}

// collinear is the warning of columns whose coefficients have no errors; "" where there are none.
func collinear(i *model.Inference) string {
	if i == nil || len(i.Collinear) == 0 {
		return ""
	}
	some := i.Collinear[:min(len(i.Collinear), 8)]
	return cli.Agree(len(i.Collinear),
		"column is a sum of others, or of the intercept, so that nothing is told of its coefficient",
		"columns are sums of others, or of the intercept, so that nothing is told of their coefficients") + ": " +
		strings.Join(some, ", ")
}

// judge says how the model does, and a constant prediction: by the sums of a regression, or on the rows that have
// been judged.
func (s *summary) judge(sums *model.RegressionMetrics, judged *overview.Judged) {
	of := "the rows learned from"
	if sums == nil && judged != nil {
		if int64(judged.Rows) < judged.Of {
			of = fmt.Sprintf("a sample of %d of the %d rows learned from", judged.Rows, judged.Of)
		}
		if s.Task == model.Classification {
			s.judgeClasses(judged.Confusion(s.Classes.Len()), of)
			return
		}
		sums = judged.Regression()
	}
	if sums == nil || !(sums.Weight > 0) {
		return
	}
	s.R2, s.RMSE = new(sums.R2()), new(math.Sqrt(sums.MSE()))
	s.judged = fmt.Sprintf("R² %.4f, RMSE %.6g on %s (a constant prediction, their mean: 0, %.6g)",
		*s.R2, *s.RMSE, of, math.Sqrt(sums.M2/sums.Weight))
	if judged != nil && judged.Quantile != nil {
		q := *judged.Quantile
		s.Pinball, s.Coverage = new(sums.Pinball(q)), new(sums.Coverage())
		s.judged = fmt.Sprintf("mean pinball loss %.6g, %.4g %% of the targets at most their predictions, for the "+
			"quantile %v, on %s (a constant prediction, their quantile: %.6g)",
			*s.Pinball, 100**s.Coverage, q, of, judged.ConstantPinball(q))
	}
	if judged != nil && judged.Deviance != nil {
		d := *judged.Deviance
		s.D2, s.Deviance = new(sums.D2(d)), new(sums.MeanDeviance())
		s.judged = fmt.Sprintf("D² %.4f, mean deviance %.6g, RMSE %.6g on %s (a constant prediction, their mean: 0, %.6g, "+
			"%.6g)",
			*s.D2, *s.Deviance, *s.RMSE, of, sums.ConstantDeviance(d), math.Sqrt(sums.M2/sums.Weight))
	}
}

func (s *summary) judgeClasses(m *model.ClassificationMetrics, of string) {
	accuracy, constant := m.Accuracy(), m.Constant()
	if accuracy != accuracy {
		return // no row has a weight
	}
	s.Accuracy = &accuracy
	if loss := m.LogLoss(); loss == loss {
		s.LogLoss = &loss
		s.judged = fmt.Sprintf("accuracy %.4f, log loss %.6g on %s (a constant prediction: %.4f, %.6g)",
			accuracy, loss, of, constant.Accuracy(), constant.LogLoss())
		return
	}
	s.judged = fmt.Sprintf("accuracy %.4f on %s (a constant prediction: %.4f)", accuracy, of, constant.Accuracy())
}

// penalty is it in words, with its strength.
func (s *summary) penalty() string {
	if s.Penalty == model.None {
		return "no penalty"
	}
	if s.Alpha == nil { // that of several targets differs
		return string(s.Penalty)
	}
	return fmt.Sprintf("%s, alpha %v", s.Penalty, *s.Alpha)
}

func (s *summary) lines(fit *fitting.Fit) []string {
	lines := append(s.head(), s.body(fit)...)
	for _, w := range s.Warnings {
		lines = append(lines, "  warning: "+w)
	}
	return append(lines, s.tail()...)
}

// head says what was learned, from what, and how long it took.
func (s *summary) head() []string {
	loss := string(s.Loss)
	if s.MultiClass != "" {
		loss = fmt.Sprintf("%s %s", s.MultiClass, loss)
	}
	lines := []string{fmt.Sprintf(
		"%s × %s, %s with %s and %s, by %s, in %s, %.2f s: %.0f rows/s; peak memory %s",
		cli.Count(s.Rows, "row"), cli.Count(s.Features, "column"), s.Task, loss, s.penalty(), s.Training.Solver,
		cli.Count(s.Passes+s.ResumedPasses, "pass"), s.Seconds,
		s.RowsPerSecond, files.Bytes(s.PeakMemory))}
	if s.ResumedPasses > 0 {
		lines = append(lines, "  "+cli.Agree(s.ResumedPasses, "of the passes was", "of the passes were")+" made before")
	}
	return lines
}

// shardsLine says what it may have cost that one epoch of few rows was learned in shards, whose models are averaged
// once; "" where it costs little, as by the learning rate newton. (Of 1,797 digits, 8 shards by hinge have 93.8 %
// right in one epoch, and 1 has 94.9.)
func shardsLine(m *model.Model, shards int) string {
	const fewRows = 5000 // of a shard
	t := &m.Training
	if m.Options.LearningRate == model.Newton || t.Solver != string(fitting.SolverSGD) || t.Epochs != 1 ||
		t.Rows >= int64(shards)*fewRows {
		return ""
	}
	return fmt.Sprintf("%d shards of the rows were learned side by side in one epoch, and averaged: --shards=1 learns from "+
		"all in turn, and more --epochs bring shards together", shards)
}

// body is what was found.
func (s *summary) body(fit *fitting.Fit) (lines []string) {
	if o := s.Training.Objective; len(o) > 0 {
		line := fmt.Sprintf("  objective %.9g", o[0])
		if len(o) > 1 { // one against the rest
			line = fmt.Sprintf("  objectives from %.9g to %.9g", slices.Min(o), slices.Max(o))
		}
		if interior.Has(s.Loss) || (s.Loss == model.Huber || s.Training.GradientNorm != nil) && s.Training.Gap > 0 {
			line += fmt.Sprintf(", at most %.2g above the least", s.Training.Gap)
		}
		lines = append(lines, line)
	}
	if p := s.Progressive; p != nil {
		lines = append(lines, fmt.Sprintf("  mean loss of the rows before they were learned from: %.6g", p.MeanLoss))
	}
	if s.CV != nil {
		if text := pathText(fit); text != "" {
			lines = append(lines, "  alpha auto: "+text)
		}
		best, _ := s.CV.Best()
		simple, _ := s.CV.OneStandardError()
		m := &s.CV.Metrics[0]
		lines = append(lines, fmt.Sprintf(
			"  best of %d combinations by %s over %d folds: %s with %.6g ± %.2g (standard error)%s; within one standard "+
				"error: %s",
			len(s.CV.Params), m.Name, len(m.Splits), paramsText(s.CV.Params[best]), m.Mean(best), m.StandardError(best),
			constantText(m),
			paramsText(s.CV.Params[simple])))
		lines = append(lines, errorLines(s.CV, best)...)
	}
	if s.judged != "" {
		lines = append(lines, "  "+s.judged)
	}
	if s.shards != "" {
		lines = append(lines, "  "+s.shards)
	}
	return append(lines, inferenceLines(fit.Model())...)
}

// tail is the rows that were left out, and the files.
func (s *summary) tail() (lines []string) {
	lines = cli.UnseenLines(s.UnseenCells, "the model")
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

// pathText says which alphas auto has compared.
func pathText(fit *fitting.Fit) string {
	path := fit.Path()
	if len(path) == 0 {
		return ""
	}
	return fmt.Sprintf("%d values from %v to %v, which follow from the rows", len(path), path[0], path[len(path)-1])
}

// constantText is what the constant prediction scores.
func constantText(m *model.CVMetric) string {
	if v := m.ConstantMean(); v == v {
		return fmt.Sprintf(", a constant prediction %.6g", v)
	}
	return ""
}

// errorLines say R² and RMSE of a regression's best combination, over the folds; of a quantile its mean pinball loss.
func errorLines(r *model.CVResult, best int) []string {
	of := func(name string) (score, constant float64) {
		for i := range r.Metrics {
			if m := &r.Metrics[i]; m.Name == name {
				return m.Mean(best), m.ConstantMean()
			}
		}
		return math.NaN(), math.NaN()
	}
	if d2, constant := of(model.D2Score); d2 == d2 {
		for i := range r.Metrics {
			if m := &r.Metrics[i]; strings.HasSuffix(m.Name, "_deviance") {
				return []string{fmt.Sprintf("  over the folds: D² %.4f, mean deviance %.6g (a constant prediction: %.4f, %.6g)", d2,
					-m.Mean(best), constant, -m.ConstantMean())}
			}
		}
	}
	if pinball, constant := of(model.PinballScore); pinball == pinball {
		return []string{fmt.Sprintf("  over the folds: mean pinball loss %.6g (a constant prediction: %.6g)", -pinball,
			-constant)}
	}
	mse, constant := of("neg_mean_squared_error")
	if mse != mse {
		return nil
	}
	r2, constantR2 := of("r2")
	return []string{fmt.Sprintf("  over the folds: R² %.4f, RMSE %.6g (a constant prediction: %.4f, %.6g)", r2,
		math.Sqrt(-mse), constantR2, math.Sqrt(-constant))}
}

func paramsText(p model.CVParams) string {
	if p.L1Ratio != nil {
		return fmt.Sprintf("alpha %v, l1_ratio %v", p.Alpha, *p.L1Ratio)
	}
	return fmt.Sprintf("alpha %v", p.Alpha)
}

// shownEstimates is how many coefficients the terminal shows: those that are surest not to be 0.
const shownEstimates = 20

// inferenceLines is a table of how sure coefficients are.
func inferenceLines(m *model.Model) []string {
	i := m.Inference
	if i == nil {
		return nil
	}
	head := fmt.Sprintf("  inference (%s, %s): dispersion %.6g, %.6g degrees of freedom left", i.Kind, i.Distribution,
		i.Dispersion, i.DFResidual)
	if i.AIC != nil {
		head += fmt.Sprintf("; log likelihood %.6g, AIC %.6g, BIC %.6g", *i.LogLikelihood, *i.AIC, *i.BIC)
	}
	statistic := map[string]string{"t": "t", "normal": "z"}[i.Distribution]
	lines := []string{head, fmt.Sprintf("  %-24s %12s %12s %10s %10s  %s", "", "coefficient", "std. error", statistic, "p",
		"95 % interval")}
	line := func(name string, coef float64, e *model.Estimate) {
		if e == nil {
			return
		}
		if short := []rune(name); len(short) > 24 {
			name = string(short[:23]) + "…"
		}
		lines = append(lines, fmt.Sprintf("  %-24s %12.6g %12.6g %10.4g %10.3g  %.6g … %.6g", name, coef, e.StandardError,
			e.Statistic, e.P, e.Lower, e.Upper))
	}
	line("intercept", m.Intercept[0], i.Intercept)
	for _, j := range i.Surest(shownEstimates) {
		name := fmt.Sprintf("column %d", j)
		if m.FeatureNames != nil {
			name = m.FeatureNames[j]
		}
		line(name, m.Coef[0][j], i.Coef[j])
	}
	return lines
}
