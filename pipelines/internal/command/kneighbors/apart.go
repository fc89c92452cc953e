package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/formats"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// apart is the flags of which points are no neighbours of a query.
type apart struct {
	column *string
	ids    *bool
}

func newApart(g *cli.Group) *apart {
	return &apart{
		column: g.String("exclude_same", "", "no neighbour has the same value in this `COLUMN` as the query, which is a name or an index, and is no part of the vector unless --columns names it; what has none there is like nothing: --exclude_same=brand"),
		ids:    g.Bool("exclude_same_id", false, "no neighbour has the query's id, of --id_column: of --queries that are among the points"),
	}
}

// asked reports whether some points are no neighbours.
func (a *apart) asked() bool { return *a.column != "" || *a.ids }

func (a *apart) check(c *command, id string) error {
	switch {
	case *a.column != "" && *a.ids:
		return errors.New("--exclude_same and --exclude_same_id exclude each other")
	case *a.ids && id == "":
		return errors.New("--exclude_same_id goes by ids: --id_column=COLUMN")
	case a.asked() && len(c.input.Patterns()) == 0:
		return errors.New("--exclude_same goes by a column of --input, which --index has not: give the input as well")
	}
	return nil
}

// leaveOut leaves the column out of a vector whose columns nobody has named.
func (a *apart) leaveOut(o *formats.Options) {
	named := slices.ContainsFunc(o.Columns, func(s string) bool { return !strings.HasPrefix(s, "!") })
	if not := "!" + *a.column; *a.column != "" && *a.column != o.IDColumn && !named && !slices.Contains(o.Columns, not) {
		o.Columns = append(slices.Clone(o.Columns), not)
	}
}

// groups finds the groups that are kept apart, first of the points, then of the queries. Call clean when they are no
// longer needed.
func (c *command) groups(ctx context.Context, job *knn.Job) (clean func(), err error) {
	var runs []*knn.TargetsJob
	clean = func() {
		for _, r := range runs {
			if err := r.Clean(context.WithoutCancel(ctx)); err != nil {
				fmt.Fprintf(os.Stderr, "kneighbors: %v\n", err)
			}
		}
	}
	find := func(patterns []string) (knn.TargetsFile, error) {
		reading := job.Reading
		reading.Encoding, reading.Formats.Cells = nil, false
		of, err := knn.InspectGroups(ctx, patterns, *c.apart.column, reading)
		if err != nil {
			return knn.TargetsFile{}, err
		}
		of.Options = job.Options
		of.Options.Answer, of.Options.RunID = nil, files.NewRunID()
		if len(runs) > 0 {
			of.Among(runs[0].Dictionary())
		}
		runs = append(runs, of)
		p, s := beam.NewPipelineWithRoot()
		of.Find(s)
		if err := c.Run(ctx, p, of.Options.RunID); err != nil {
			return knn.TargetsFile{}, err
		}
		return of.Found(ctx)
	}
	points, err := find(c.input.Patterns())
	if err != nil {
		return clean, err
	}
	job.Options.Apart = &knn.Apart{Points: points.Path}
	if job.Queries == nil {
		return clean, nil
	}
	queries, err := find(c.queries.List())
	job.Options.Apart.Queries = queries.Path
	return clean, err
}
