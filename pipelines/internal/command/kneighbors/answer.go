package kneighbors

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/linear"
	"beamlearn/model/neighbors/vote"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// answer predicts: it finds the targets, compares several k where they are asked for, and answers the queries.
func (c *command) answer(ctx context.Context, job *knn.Job, of *knn.TargetsJob, to look, start time.Time) (err error) {
	job.Options.Answer.Source = of.Data.Name()
	if job.Corpus != nil {
		job.Options.Answer.Source = job.Corpus.Name()
	}
	if to.picture, err = pictures(to.picture, job); err != nil {
		return cli.Usage(err)
	}
	if err := cli.Usage(job.Check()); err != nil {
		return err
	}
	if c.Explaining() {
		return c.explain(ctx, job)
	}
	if err := cli.Fits(job.Memory()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, of.Clean(context.WithoutCancel(ctx))) }()
	if err := c.findTargets(ctx, job, of); err != nil {
		return err
	}
	inspected := time.Since(start)
	if len(job.Options.Answer.Ks) < 2 {
		err := c.search(ctx, job, func(s beam.Scope) error { return knn.KNeighbors(s, job) })
		return c.finish(ctx, err, job, to, start, inspected)
	}
	return c.compare(ctx, job, to, start, inspected)
}

// findTargets finds what is known of the points.
func (c *command) findTargets(ctx context.Context, job *knn.Job, of *knn.TargetsJob) error {
	p, s := beam.NewPipelineWithRoot()
	of.Find(s)
	if err := c.Run(ctx, p, of.Options.RunID); err != nil {
		return err
	}
	a := job.Options.Answer
	var err error
	if a.Targets, err = of.Found(ctx); err != nil {
		return err
	}
	if a.Targets.Missing > 0 {
		c.Tell(cli.Agree(a.Targets.Missing, "row without a target answers", "rows without a target answer") +
			" no query; --queries may have them predicted")
	}
	if a.Targets.Rejected > 0 {
		c.Tell(cli.Agree(a.Targets.Rejected, "of these rows is at fault", "of these rows are at fault"))
	}
	_, outlier := vote.OutlierClass(&a.Targets.Classes, a.Vote.Outlier)
	if a.Task == linear.Regression || a.Vote.Outlier == "" || a.Vote.Outlier == vote.MostFrequent {
		outlier = nil
	}
	return cli.Usage(job.Check(), outlier, vote.CheckScoring(*c.predict.scoring, a.Task, a.Targets.Classes.Len()))
}

// search runs a job.
func (c *command) search(ctx context.Context, job *knn.Job, add func(s beam.Scope) error) error {
	p, s := beam.NewPipelineWithRoot()
	if err := add(s); err != nil {
		return err
	}
	return c.Run(ctx, p, job.Options.RunID)
}

// compare predicts every point by the others, with several k at once, and answers the queries with the best of them.
func (c *command) compare(ctx context.Context, job *knn.Job, to look, start time.Time,
	inspected time.Duration) (err error) {
	compared := *job
	compared.Queries, compared.Options.RunID = nil, files.NewRunID()
	if r := job.Options.Rules; r != nil {
		compared.Options.Rules = r.OfPoints()
	}
	defer func() { err = errors.Join(err, knn.Clean(context.WithoutCancel(ctx), &compared.Options)) }()
	if err := cli.Usage(compared.Check()); err != nil {
		return err
	}
	if err := c.search(ctx, &compared, func(s beam.Scope) error { return knn.KNeighbors(s, &compared) }); err != nil {
		return err
	}
	report, err := knn.ReadReport(ctx, &compared.Options)
	if err != nil {
		return err
	}
	if report.Scores == nil {
		return errors.New("no point was predicted by the others")
	}
	best, err := report.Scores.Best(c.scoring(job))
	if err != nil {
		return err
	}
	a := *job.Options.Answer
	a.Ks = nil
	job.Options.Answer, job.Options.K = &a, report.Scores.Ks[best]
	if job.Queries != nil {
		err = c.search(ctx, job, func(s beam.Scope) error { return knn.KNeighbors(s, job) })
		to.scores = report.Scores
	} else {
		err = c.search(ctx, job, func(s beam.Scope) error { return knn.AnswerKept(s, job, &compared.Options, report) })
		if err == nil {
			err = knn.PublishRejected(ctx, &compared.Options, report)
		}
		to.compared, to.hubs = report, knn.HubsOf(&compared.Options)
	}
	return c.finish(ctx, err, job, to, start, inspected)
}

// scoring is the score to choose by.
func (c *command) scoring(job *knn.Job) string {
	if s := *c.predict.scoring; s != "" {
		return s
	}
	return vote.Scorings(job.Options.Answer.Task, 0)[0]
}

// merge adds what a run has found that compared several k, or what it has scored.
func (to *look) merge(r *knn.Report) {
	if c := to.compared; c != nil {
		c.OutputFiles, c.Assemble, c.Write = r.OutputFiles, c.Assemble+r.Assemble, c.Write+r.Write
		*r = *c
	}
	if to.scores != nil {
		r.Scores = to.scores
	}
	r.Kept = nil
}

// writeScores writes a line for each k: its scores, and which is the best.
func writeScores(w io.Writer, s *vote.Scores, classes int, scoring string) error {
	number := func(v float64) string {
		if v-v != 0 {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	best, err := s.Best(scoring)
	if err != nil {
		return err
	}
	names := vote.Scorings(s.Task, classes)
	head := []string{"k", "choice"}
	for _, n := range names {
		head = append(head, n, "constant_"+n)
	}
	c := csv.NewWriter(w)
	errs := []error{c.Write(head)}
	for i, k := range s.Ks {
		line := []string{strconv.Itoa(k), ""}
		if i == best {
			line[1] = "best"
		}
		for _, n := range names {
			score, constant := s.Score(i, n)
			line = append(line, number(score), number(constant))
		}
		errs = append(errs, c.Write(line))
	}
	c.Flush()
	return errors.Join(append(errs, c.Error())...)
}

// scoreLines say how well points were predicted by the others, and which k is the best.
func (s *summary) scoreLines() []string {
	if s.Scores == nil {
		return nil
	}
	i, scoring := 0, s.scoring
	if len(s.Scores.Ks) > 1 {
		var err error
		if i, err = s.Scores.Best(scoring); err != nil {
			return []string{"  " + err.Error()}
		}
	}
	var lines []string
	if len(s.Scores.Ks) > 1 {
		score, _ := s.Scores.Score(i, scoring)
		lines = append(lines, fmt.Sprintf("  best of k = %s by %s: %d with %.6g", joinInts(s.Scores.Ks), scoring,
			s.Scores.Ks[i], score))
	}
	of := fmt.Sprintf("of every point by the others (%d)", s.Scores.Rows)
	score := func(name string) (float64, float64) { return s.Scores.Score(i, name) }
	if s.Scores.Task == linear.Regression {
		r2, _ := score("r2")
		mse, constant := score("neg_mean_squared_error")
		if r2 == r2 {
			lines = append(lines, fmt.Sprintf("  R² %.4f, RMSE %.6g %s (a constant prediction, their mean: 0, %.6g)", r2,
				math.Sqrt(-mse), of, math.Sqrt(-constant)))
		}
	} else {
		accuracy, constant := score("accuracy")
		loss, constantLoss := score("neg_log_loss")
		lines = append(lines, fmt.Sprintf("  accuracy %.4f, log loss %.6g %s (a constant prediction: %.4f, %.6g)", accuracy,
			-loss, of, constant, -constantLoss))
	}
	if s.Scores.Alone > 0 {
		lines = append(lines, "  "+cli.Agree(s.Scores.Alone, "point has no neighbour, and is",
			"points have no neighbour, and are")+" not in these scores")
	}
	return lines
}

func joinInts(all []int) string {
	text := ""
	for i, v := range all {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(v)
	}
	return text
}
