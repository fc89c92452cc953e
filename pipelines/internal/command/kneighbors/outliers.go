package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/neighbors/outliers"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// outlying is the flags of scores that say how far out rows are.
type outlying struct{ method, contamination *string }

func newOutlying(g *cli.Group) *outlying {
	return &outlying{
		method: g.Choice("outliers", "", cli.Texts(outliers.Methods),
			"instead of listing neighbours, score how far out each row is by them, as `METHOD`: lof (scikit-learn's "+
				"LocalOutlierFactor: negative_outlier_factor_, with 20 neighbours unless --k says otherwise; of --queries, its "+
				"novelty: score_samples) or kth (the distance to the last neighbour). A row each: id, score, rank (1 is "+
				"farthest out), outlier: --outliers=lof"),
		contamination: g.String("contamination", "",
			"which share of the points are outliers, as `SHARE`, from which a threshold follows: --contamination=0.01; or "+
				"auto (lof: a score below -1.5) (default auto)"),
	}
}

// defaultNeighbors is LocalOutlierFactor's n_neighbors.
const defaultNeighbors = 20

// options are what to score, or nil.
func (o *outlying) options(app *cli.App) (*knn.Outliers, error) {
	if *o.method == "" {
		if app.Given("contamination") {
			return nil, errors.New("--contamination is of --outliers: --outliers=lof")
		}
		return nil, nil
	}
	for _, name := range []string{"layout", "mode", "include_self", "symmetric", "similarity", "target", "task"} {
		if app.Given(name) {
			return nil, fmt.Errorf("--%s is of lists of neighbours, which --outliers takes the place of", name)
		}
	}
	with := &knn.Outliers{Options: outliers.Options{Method: outliers.Method(*o.method)}}
	if s := *o.contamination; s != "" && s != "auto" {
		share, err := strconv.ParseFloat(s, 64)
		if err != nil || !(share > 0 && share <= 0.5) {
			return nil, fmt.Errorf("--contamination=%s: must be auto, or a share greater than 0 and at most 0.5", s)
		}
		with.Contamination = share
	}
	return with, nil
}

// settle makes do with all other points where --k does not say how many neighbours score a row, and there are not as
// many as the default, as LocalOutlierFactor does.
func (o *outlying) settle(ctx context.Context, c *command, job *knn.Job) error {
	if *o.method == "" || c.Given("k") {
		return nil
	}
	points, err := job.PointsUpTo(ctx, defaultNeighbors+1)
	if err != nil || points < 2 || points > defaultNeighbors {
		return err
	}
	job.Options.K = points - 1
	c.Tell(fmt.Sprintf("%d points: scores go by k = %d, as there are no %d others", points, points-1, defaultNeighbors))
	return nil
}

// knowPoints finds what is known of the points, where queries of their own are scored by that. Call clean when they
// are.
func (c *command) knowPoints(ctx context.Context, job *knn.Job) (clean func() error, err error) {
	o := job.Options.Outliers
	if o == nil || job.Queries == nil || !o.Flags() {
		return func() error { return nil }, nil
	}
	points, keep := *job, *o
	keep.Keep = true
	points.Queries, points.Options.Outliers, points.Options.Overview = nil, &keep, false
	points.Options.RunID = files.NewRunID()
	clean = func() error { return knn.Clean(context.WithoutCancel(ctx), &points.Options) }
	if err := cli.Usage(points.Check()); err != nil {
		return clean, err
	}
	o.Points = knn.OutlierPoints(&points.Options)
	return clean, c.search(ctx, &points, func(s beam.Scope) error { return knn.KNeighbors(s, &points) })
}

// outlierLines say how many rows are outliers.
func (s *summary) outlierLines() []string {
	o := s.Outliers
	if o == nil || len(o.Top) == 0 {
		return nil
	}
	line := fmt.Sprintf("  farthest out: %s with %.6g", o.Top[0].ID, o.Top[0].Score)
	if o.Flags {
		side := "below"
		offset := o.Offset
		if o.Method == outliers.Kth {
			side, offset = "above", -offset
		}
		line = fmt.Sprintf("  %s, %s %.6g;%s", cli.Agree(o.Outliers, fmt.Sprintf("of %d rows is an outlier", o.Rows),
			fmt.Sprintf("of %d rows are outliers", o.Rows)), side, offset, line[1:])
	}
	return []string{line}
}
