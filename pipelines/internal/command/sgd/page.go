package sgd

import (
	"strconv"
	"time"

	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/overview"
	"beamlearn/model/report"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/linear"
)

// makePage makes a page of what was learned.
func makePage(job *linear.Job, made *learned, judged []*overview.Judged, r *linear.Report,
	took time.Duration) (*report.Page, error) {
	facts := []report.Fact{
		{Name: "rows", Value: strconv.FormatInt(r.Rows, 10)},
		{Name: "passes", Value: strconv.Itoa(r.Passes + r.Resumed)},
		{Name: "seconds", Value: report.Format(took.Seconds())},
	}
	s := &overview.Several{Source: cli.SourceOf(job.Data.Files), Facts: facts}
	for k, fit := range made.fits {
		v, err := viewOf(fit, judged[k])
		if err != nil {
			return nil, err
		}
		v.Source, v.Facts = s.Source, append(facts, v.Facts...)
		s.Targets, s.Views = append(s.Targets, made.name(k)), append(s.Views, v)
	}
	if made.targets == nil {
		return s.Views[0].Page()
	}
	return s.Page()
}

// viewOf is what a page shows of a target.
func viewOf(fit *fitting.Fit, judged *overview.Judged) (*overview.View, error) {
	m := fit.Model()
	picture, err := cli.Image{}.Of(m.Features(), m.FeatureNames)
	if err != nil {
		return nil, err
	}
	v := &overview.View{Model: m, Columns: m.FeatureNames, CV: fit.CV(), Judged: judged, Width: picture.Width,
		Height: picture.Height}
	if text := pathText(fit); text != "" {
		v.Facts = append(v.Facts, report.Fact{Name: "alpha auto", Value: text})
	}
	if p := fit.Progressive(); p != nil {
		v.Curve = p.Curve()
	}
	return v, nil
}
