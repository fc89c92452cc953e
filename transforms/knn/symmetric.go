package knn

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
)

func init() {
	registry.DoFns(&splitEdgesFn{}, &edgesByRangeFn{}, &edgeRangesFn{}, &symmetricFn{})
}

// symmetrize makes a graph symmetric: PCollection<output.Part> → PCollection<output.Part>. The tasks of the search
// have left their edges in files, by ranges of their rows and by ranges of their columns. For each range a worker
// reads the edges that leave its rows and those that enter them, and writes the rows, or where groups are wanted leaves
// a forest of them. It holds the edges of a range: rangeEdges of them, or of a 256th of the rows.
func symmetrize(s beam.Scope, parts beam.PCollection, o Options) beam.PCollection {
	s = s.Scope("knn.Symmetrize")
	edges, rest := beam.ParDo2(s, &splitEdgesFn{}, parts)
	ranges := beam.ParDo(s, &edgeRangesFn{}, beam.GroupByKey(s, beam.ParDo(s, &edgesByRangeFn{}, edges)))
	written := beam.ParDo(s, &symmetricFn{Options: o}, beam.Reshuffle(s, ranges))
	return beam.Flatten(s, rest, written)
}

// A range has this many edges, of both directions, unless there would be more ranges than maxRanges.
const (
	rangeEdges = 1 << 20
	maxRanges  = 256
)

// rangeRows is how many rows a range has, of a graph of so many. It follows from nothing else, so that all tasks agree.
func (o *Options) rangeRows(total int64) int64 {
	return max(rangeEdges/int64(2*o.K), (total+maxRanges-1)/maxRanges, 1)
}

// writeEdges leaves the edges of a block of queries in a file: those of rows of range r in section 2·r, and those to
// such rows in section 2·r + 1.
func (t *task) writeEdges(q *vectors.Block, found *neighbors.Neighbors, points labels) error {
	a := numbered(q, found, points.number)
	if q.IDs.Len() > 0 {
		for _, p := range found.Positions {
			a.NeighborIDs.Append(points.id(p))
		}
	}
	f := exchangeFile{Kind: graphEdges, Task: t.ordinal<<16 | int64(len(t.edges)), Total: t.total}
	err := f.write(t.ctx, t.options, func(write writeSection) error {
		rows := t.options.rangeRows(t.total)
		section := func(part int64, some *neighbors.Answers) error {
			return write(exchangeSection{Part: part, Rows: int64(some.Len())}, func(w io.Writer) error {
				_, err := some.WriteTo(w)
				return err
			})
		}
		for r, some := range a.Ranges(rows) {
			if err := section(2*r, some); err != nil {
				return err
			}
		}
		for r, some := range a.NeighborRanges(rows) {
			if err := section(2*r+1, some); err != nil {
				return err
			}
		}
		return nil
	})
	t.edges = append(t.edges, f)
	return err
}

// emitEdges tells of the files of the task.
func (t *task) emitEdges(emit func(output.Part)) error {
	for _, f := range t.edges {
		p, err := output.Data(t.ordinal, f)
		if err != nil {
			return err
		}
		emit(p)
	}
	return nil
}

// splitEdgesFn takes the files of edges out of the parts.
type splitEdgesFn struct{}

func (*splitEdgesFn) ProcessElement(p output.Part, edges func(exchangeFile), rest func(output.Part)) error {
	data, ok := p.Data()
	if !ok {
		rest(p)
		return nil
	}
	var f exchangeFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fault.Mark(err)
	}
	edges(f)
	return nil
}

// edgesByRangeFn gives the sections of a file to the ranges of rows that they are of.
type edgesByRangeFn struct{}

func (*edgesByRangeFn) ProcessElement(file exchangeFile, emit func(int64, exchangeFile)) {
	file.by(func(part int64) int64 { return part / 2 }, emit)
}

// edgeRangesFn makes a task of the edges of a range of rows.
type edgeRangesFn struct{}

func (*edgeRangesFn) ProcessElement(r int64, iter func(*exchangeFile) bool, emit func(partTask)) {
	edges := sectionsOf(byTask(iter), graphEdges)
	t := partTask{Number: r, Total: edges.total}
	for _, p := range edges.whole {
		if p.Section.Part%2 == 0 {
			t.Points = append(t.Points, p)
		} else {
			t.Queries = append(t.Queries, p)
		}
	}
	emit(t)
}

// symmetricFn writes the rows of a range of a symmetric graph.
type symmetricFn struct{ Options Options }

func (f *symmetricFn) ProcessElement(ctx context.Context, r partTask, emit func(output.Part)) error {
	t := task{options: &f.Options, ordinal: r.Number, total: r.Total}
	return t.write(ctx, emit, func(ctx context.Context) error {
		progress.Of(f.Options.RunID).Phase("making the graph symmetric")
		start := time.Now()
		outgoing, err := f.read(ctx, r.Points)
		if err != nil {
			return err
		}
		incoming, err := f.read(ctx, r.Queries)
		if err != nil {
			return err
		}
		a, err := neighbors.Symmetric(f.Options.Symmetric, outgoing, incoming)
		if err != nil {
			return err
		}
		q := &vectors.Block{Numbers: a.Numbers, IDs: a.IDs} // what it takes to name them
		write := t.writeRows
		if f.Options.Groups != nil {
			write = t.writeForest
		}
		if err := write(q, a.Found(), labelsOf(a)); err != nil {
			return err
		}
		t.report.Edges = int64(len(a.Neighbors))
		t.report.Write = time.Since(start).Seconds()
		return nil
	})
}

func (f *symmetricFn) read(ctx context.Context, pieces []exchangePiece) (all []*neighbors.Answers, err error) {
	for _, p := range pieces {
		a, err := p.answers(ctx, &f.Options, graphEdges)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}
