package knn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/outliers"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
)

func init() {
	registry.DoFns(&outliersFn{})
}

// Outliers asks for scores that say how far out rows are, in the place of neighbours.
type Outliers struct {
	outliers.Options
	// Points is the file that an earlier run has left of the points, by Keep, where queries of their own are scored.
	Points string
	// Keep leaves what is known of the points in a file, for such a run, and writes nothing else: see [OutlierPoints].
	Keep bool
}

// layout is the columns of scores.
func (o *Outliers) layout() results.Layout {
	columns := []results.Column{{Name: "score", Type: results.Float}, {Name: "rank", Type: results.Int}}
	if o.Flags() {
		columns = append(columns, results.Column{Name: "outlier", Type: results.Int})
	}
	return results.Layout{Columns: columns}
}

// validateOutliers reports what scores exclude.
func (o *Options) validateOutliers() error {
	if o.Outliers == nil {
		return nil
	}
	errs := []error{o.Outliers.Validate()}
	switch {
	case o.Radius != nil:
		errs = append(errs, errors.New("outliers are told by k neighbours: without a radius"))
	case o.Recall != 0:
		errs = append(errs, errors.New("outliers are told exactly: without recall"))
	case o.Restricted:
		errs = append(errs, errors.New("outliers are told by neighbours among all points: without filter, only_same, "+
			"before, max_per and exclude_same"))
	case o.Neighbors.Metric.Missing():
		errs = append(errs, fmt.Errorf(
			"outliers are told by k neighbours, which rows may lack by %s: fill the missing values first",
			o.Neighbors.Metric))
	case o.Answer != nil || o.Groups != nil || o.IncludeSelf || o.symmetric():
		errs = append(errs, errors.New("outliers take the place of neighbours, and of what is made of them"))
	case !o.Neighbors.Metric.Reflexive():
		errs = append(errs, fmt.Errorf("by %s nothing is near itself, and there are no outliers: for directions, take "+
			"cosine", o.Neighbors.Metric))
	}
	return errors.Join(errs...)
}

// outlierPointsName is the file that Outliers.Keep leaves.
const outlierPointsName = "outlier-points"

// OutlierPoints is the file that a run with Outliers.Keep leaves, until it is cleaned.
func OutlierPoints(o *Options) string { return files.Join(o.staging(), outlierPointsName) }

// scoreOutliers makes scores of the lists that the tasks of the search have left: PCollection<output.Part> →
// PCollection<output.Part>. One worker reads all lists as often as it needs, a block of queries at a time, and writes
// all rows: it takes 8 bytes a point, 16 for LOF, and 12 a query.
func scoreOutliers(s beam.Scope, parts beam.PCollection, o Options) beam.PCollection {
	s = s.Scope("knn.Outliers")
	lists, rest := beam.ParDo2(s, &splitEdgesFn{}, parts)
	written := beam.ParDo(s, &outliersFn{groupsFn{Options: o}}, beam.GroupByKey(s, beam.AddFixedKey(s, lists)))
	return beam.Flatten(s, rest, written)
}

// listRows is how many rows' neighbours stand together, to be read at a time.
const listRows = 1 << 16

// writeLists leaves the neighbours of a block of queries in a file, by row numbers.
func (t *task) writeLists(q *vectors.Block, found *neighbors.Neighbors, points labels) error {
	a := numbered(q, found, points.number)
	f := exchangeFile{Kind: outlierLists, Task: t.ordinal<<16 | int64(len(t.edges)), Total: t.total}
	err := f.write(t.ctx, t.options, func(write writeSection) error {
		for _, some := range a.Ranges(listRows) {
			err := write(exchangeSection{Rows: int64(some.Len())}, func(w io.Writer) error {
				_, err := some.WriteTo(w)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	t.edges = append(t.edges, f)
	return err
}

// outliersFn makes scores of all lists, and writes them.
type outliersFn struct{ groupsFn }

func (f *outliersFn) ProcessElement(
	ctx context.Context, _ int, iter func(*exchangeFile) bool, emit func(output.Part),
) error {
	progress.Of(f.Options.RunID).Phase("scoring")
	start := time.Now()
	all := byTask(iter)
	lists := func(use func(a *neighbors.Answers) error) error {
		return f.each(all, 0, func(p *exchangePiece, kind exchangeKind) error {
			a, err := p.answers(ctx, &f.Options, kind)
			if err != nil {
				return err
			}
			return use(a)
		})
	}
	o := f.Options.Outliers
	points, scores, err := f.score(ctx, totalOf(all), lists)
	if err != nil {
		return fault.Mark(err)
	}
	r := Report{}
	var parts []output.Part
	if o.Keep {
		b, err := points.MarshalBinary()
		if err == nil {
			_, err = f.Options.createOf(ctx, outlierPointsName, b)
		}
		if err != nil {
			return fault.Mark(err)
		}
	} else {
		summary := &outliers.Summary{Method: o.Method, Flags: o.Flags()}
		parts, err = output.Run(ctx, f.Options.output(), 0, totalOf(all), func(ctx context.Context, t *output.Task) error {
			return f.write(t, lists, points, scores, summary)
		})
		if err != nil {
			return fault.Mark(err)
		}
		r.Outliers = summary
	}
	r.Write = time.Since(start).Seconds()
	report, err := output.Report(0, r)
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

// score gives what is known of the points, and the scores of all rows.
func (f *outliersFn) score(ctx context.Context, rows int64, lists outliers.Lists) (*outliers.Points, []float64, error) {
	o := f.Options.Outliers
	points := &outliers.Points{}
	if o.Points != "" {
		b, err := files.ReadFile(ctx, o.Points)
		if err != nil {
			return nil, nil, err
		}
		if err := points.UnmarshalBinary(b); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.Points, err)
		}
		scores, err := points.Scores(rows, lists, o.Options)
		return points, scores, err
	}
	points, err := outliers.NewPoints(rows, lists, o.Options)
	if err != nil {
		return nil, nil, err
	}
	scores, err := points.Scores(rows, lists, o.Options)
	if err == nil {
		points.SetOffset(scores, o.Options)
	}
	return points, scores, err
}

// write writes the scores of all rows in their order.
func (f *outliersFn) write(
	t *output.Task, lists outliers.Lists, points *outliers.Points, scores []float64, s *outliers.Summary,
) error {
	o := f.Options.Outliers
	ranks := outliers.Ranks(scores, o.Options)
	width := len(o.layout().Columns)
	if s.Flags {
		s.Offset = points.Offset
	}
	top := make([]outliers.Row, outliers.TopRows)
	err := lists(func(a *neighbors.Answers) error {
		id := func(i int) vectors.ID {
			if a.IDs.Len() > 0 {
				return a.IDs.At(i)
			}
			return vectors.ID{Int: a.Numbers[i]}
		}
		values := make([]float64, width*a.Len())
		for i, n := range a.Numbers {
			row := values[width*i : width*(i+1)]
			row[0], row[1] = scores[n], float64(ranks[n])
			if s.Rows++; s.Flags && points.Outlier(scores[n], o.Options) {
				row[2] = 1
				s.Outliers++
			}
			if at := int(ranks[n]) - 1; at < len(top) {
				top[at] = outliers.Row{ID: id(i).String(), Score: scores[n]}
			}
		}
		return t.Write(a.Numbers, func(p results.PartWriter, from, to int) error {
			return p.WriteTable(&results.Table{ID: id, Values: values, From: from, To: to, Threads: f.Options.Threads})
		})
	})
	s.Top = top[:min(int64(len(top)), s.Rows)]
	return err
}
