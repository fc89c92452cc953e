package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/overview"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/report"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// reportPath is where the page goes, or nothing.
func (c *command) reportPath() (string, error) {
	if c.page.Given() == cli.NoReport && c.texts.String() != "" {
		return "", errors.New("--texts is for the page, which --report=none leaves out")
	}
	return c.page.Path()
}

// look is the page, where it goes and how rows look on it.
type look struct {
	page    string
	picture cli.Image

	compared *knn.Report    // of a run that has compared several k for every point, or nil
	hubs     *overview.Hubs // of that run
	scores   *vote.Scores   // of one before queries, or nil
}

// pictures is the size of the pictures that rows are.
func pictures(size cli.Image, job *knn.Job) (cli.Image, error) {
	if job.Corpus == nil {
		return size.Of(job.Index.Dim, nil)
	}
	return size.Of(job.Corpus.Dim, job.Corpus.Columns)
}

// writePage writes a page of what was found.
func (c *command) writePage(ctx context.Context, to look, job *knn.Job, s *summary) error {
	o := s.Overview
	if o == nil {
		o = new(overview.Overview) // of no queries
	}
	v := &overview.View{
		Metric: string(job.Options.Neighbors.Metric), K: job.Options.K,
		Zero: job.Options.Neighbors.Metric != neighbors.InnerProduct,
		Hubs: knn.HubsOf(&job.Options), Width: to.picture.Width, Height: to.picture.Height,
		Facts: []report.Fact{
			{Name: "points", Value: strconv.FormatInt(s.Points, 10)},
			{Name: "columns", Value: strconv.Itoa(s.Dim)},
			{Name: "neighbours", Value: strconv.FormatInt(s.Neighbors, 10)},
			{Name: "searched by", Value: s.Algorithm},
		},
		Phases: []overview.Phase{
			{Name: "look at the files", Seconds: s.InspectSeconds},
			{Name: "read the points", Seconds: s.ReadPoints},
			{Name: "build or load the index", Seconds: s.BuildIndex + s.DecodeIndex},
			{Name: "read the queries", Seconds: s.ReadQueries},
			{Name: "search", Seconds: s.Search},
			{Name: "write", Seconds: s.Write + s.Assemble},
		},
		Overall: time.Duration(s.Seconds * float64(time.Second)),
	}
	v.Source = sourceOf(job)
	if to.compared != nil {
		v.Hubs = to.hubs
	}
	if s.Scores != nil {
		v.Answers = &overview.Answers{Scores: s.Scores, Classes: job.Options.Answer.Targets.Classes, Scoring: c.scoring(job),
			Weights: string(job.Options.Answer.Vote.Weights)}
	}
	v.Outliers = s.Outliers
	v.Recall = s.Report.Evaluation
	if v.Hubs == nil {
		v.Hubs = o.SampledHubs(s.Points)
	}
	if a := s.Approximate; a != nil {
		v.Facts = append(v.Facts, report.Fact{Name: "recall, measured",
			Value: fmt.Sprintf("%.3f ± %.3f", a.Recall, (a.High-a.Low)/2)})
	} else {
		v.Facts = append(v.Facts, report.Fact{Name: "recall", Value: "1 (exact)"})
	}
	if c.texts.String() != "" {
		ids := o.IDs(v.Hubs, v.Answers)
		if v.Outliers != nil {
			for _, r := range v.Outliers.Top {
				ids[r.ID] = true
			}
		}
		all, err := c.Texts(ctx, c.texts.String(), ids, job.Reading.Formats.IDColumn != "", s.Points)
		if err != nil {
			return err
		}
		v.Texts = func(id string) string { return all[id] }
	}
	p, err := o.Page(v)
	if err != nil {
		return err
	}
	return files.Output(ctx, to.page, p.Write)
}

// sourceOf names the points.
func sourceOf(job *knn.Job) string {
	if job.Index != nil {
		_, name := files.Split(job.Index.File.Path)
		if n := len(job.More); n > 0 {
			return fmt.Sprintf("%s and %d more", name, n)
		}
		return name
	}
	return cli.SourceOf(job.Corpus.Files)
}
