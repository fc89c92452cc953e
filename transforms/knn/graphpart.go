package knn

import (
	"context"
	"io"
	"time"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
)

func init() {
	registry.DoFns(&graphPartFn{})
}

// graphPartFn finds the neighbours that the points of a part, or its queries, have in it.
type graphPartFn struct{ partsFn }

func (f *graphPartFn) ProcessElement(
	ctx context.Context, t partTask, emit func(exchangeFile), parts func(output.Part),
) error {
	done, err := f.holdPoints(ctx, "searching")
	if err != nil {
		return err
	}
	defer done()
	p, err := f.readPlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	run := progress.Of(f.Options.RunID)
	run.Total(p.Answered())
	start := time.Now()
	points, err := readRows(ctx, &f.Options, f.Dim, t.Points, t.Wide, partPoints)
	if err != nil {
		return fault.Mark(err)
	}
	s := partSearch{partsFn: &f.partsFn, points: points, options: f.Options.ivf()}
	s.report = Report{ReadQueries: time.Since(start).Seconds(), Shards: 1}
	s.options.Recall, s.options.Sample = p.Parts.Inside, 1 // the recall is measured of all parts together
	s.search = neighbors.Search{Part: true, Threads: f.Options.Threads, Progress: func(n int) { run.Add(int64(n)) }}
	s.file = exchangeFile{Kind: partAnswers, Task: t.Number, Total: t.Total}
	if f.Self {
		err = s.answerPoints(ctx)
	} else {
		err = s.answerQueries(ctx, t.Queries)
	}
	if err != nil {
		return fault.Mark(err)
	}
	emit(s.file)
	report, err := output.Report(order, s.report)
	if err != nil {
		return err
	}
	parts(report)
	return nil
}

// partSearch searches one part, and writes the answers into a file.
type partSearch struct {
	*partsFn
	points  *vectors.Block
	options ivf.Options
	search  neighbors.Search
	file    exchangeFile
	report  Report
}

// answerPoints finds the neighbours of the points themselves.
func (s *partSearch) answerPoints(ctx context.Context) error {
	start := time.Now()
	found, _, err := ivf.Graph(s.points, s.Options.K, s.options, s.search)
	if err != nil {
		return err
	}
	s.report.Search = time.Since(start).Seconds()
	return s.file.write(ctx, &s.Options, func(write writeSection) error { return s.write(s.points, found, write) })
}

// answerQueries answers the queries of a part, some at a time.
func (s *partSearch) answerQueries(ctx context.Context, pieces []exchangePiece) error {
	start := time.Now()
	index, err := ivf.Fit(s.points, s.options)
	if err != nil {
		return err
	}
	s.report.Search = time.Since(start).Seconds()
	return s.file.write(ctx, &s.Options, func(write writeSection) error {
		for len(pieces) > 0 {
			n, rows, wide := 0, int64(0), false
			for n < len(pieces) && (n == 0 || rows+pieces[n].Rows <= s.QueryRows) {
				rows, wide = rows+pieces[n].Rows, wide || pieces[n].Section.Wide
				n++
			}
			start := time.Now()
			queries, err := readRows(ctx, &s.Options, s.Dim, pieces[:n], wide, partQueries)
			if err != nil {
				return err
			}
			pieces = pieces[n:]
			s.report.ReadQueries += time.Since(start).Seconds()
			start = time.Now()
			found, _, err := index.KNeighbors(queries, s.Options.K, s.search)
			if err != nil {
				return err
			}
			s.report.Search += time.Since(start).Seconds()
			if err := s.write(queries, found, write); err != nil {
				return err
			}
		}
		return nil
	})
}

// write writes what was found for queries into a section for each range of them.
func (s *partSearch) write(queries *vectors.Block, found *neighbors.Neighbors, write writeSection) error {
	start := time.Now()
	for r, some := range neighbors.AnswersOf(queries, s.points, found).Ranges(s.MergeRows) {
		err := write(exchangeSection{Part: r, Rows: int64(some.Len())}, func(w io.Writer) error {
			_, err := some.WriteTo(w)
			return err
		})
		if err != nil {
			return err
		}
	}
	s.report.Write += time.Since(start).Seconds()
	return nil
}
