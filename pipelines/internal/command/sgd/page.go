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
func makePage(job *linear.Job, fit *fitting.Fit, judged *overview.Judged, r *linear.Report,
	took time.Duration) (*report.Page, error) {
	picture, err := cli.Image{}.Of(fit.Model().Features(), fit.Model().FeatureNames)
	if err != nil {
		return nil, err
	}
	v := &overview.View{
		Source: cli.SourceOf(job.Data.Files), Model: fit.Model(), Columns: fit.Model().FeatureNames, CV: fit.CV(),
		Judged: judged,
		Width:  picture.Width, Height: picture.Height,
		Facts: []report.Fact{
			{Name: "rows", Value: strconv.FormatInt(r.Rows, 10)},
			{Name: "passes", Value: strconv.Itoa(r.Passes + r.Resumed)},
			{Name: "seconds", Value: report.Format(took.Seconds())},
		},
	}
	if text := pathText(fit); text != "" {
		v.Facts = append(v.Facts, report.Fact{Name: "alpha auto", Value: text})
	}
	if p := fit.Progressive(); p != nil {
		v.Curve = p.Curve()
	}
	return v.Page()
}
