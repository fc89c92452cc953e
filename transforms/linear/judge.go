package linear

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/overview"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// Of the rows that a page judges, at most so many, and of values in them, and of decisions about them.
const (
	judgedRows      = 100_000
	judgedValues    = 50_000_000
	judgedDecisions = 2_000_000
)

// Judge compares what the model says of rows that it was learned from with their targets: all of them, or of more than
// 100,000, or fewer with many columns or classes, chunks from everywhere. This process reads them itself. It needs the
// checkpoint, which [Publish] removes; of a model without targets, it gives nil.
func Judge(ctx context.Context, j *Job, r *Report, m *model.Model) (*overview.Judged, error) {
	if m.Task == model.OneClass {
		return nil, nil
	}
	var chunks []vectorio.Chunk
	for g := range j.Options.Groups {
		some, err := readPlan(ctx, planPath(r.dir, g))
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, some...)
	}
	if len(chunks) == 0 {
		return nil, nil
	}
	vectorio.Sort(chunks)
	most := int64(min(judgedRows, judgedDecisions/max(m.Classes.Len(), 1)))
	if !j.Reading.Formats.Sparse {
		most = min(most, int64(judgedValues/max(m.Features(), 1)))
	}
	chunks = someChunks(chunks, most)
	each := make([]overview.Judged, len(chunks))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range chunks {
		g.Go(func() error { return j.judge(ctx, c, m, &each[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	judged := &overview.Judged{Of: r.Rows}
	for i := range each {
		judged.Merge(&each[i])
	}
	judged.Of = max(judged.Of, int64(judged.Rows))
	return judged, nil
}

// someChunks are chunks from everywhere that have about so many rows, or the first rows of one that has more.
func someChunks(chunks []vectorio.Chunk, most int64) []vectorio.Chunk {
	all := int64(0)
	for _, c := range chunks {
		all += c.Span.Rows
	}
	if all <= most {
		return chunks
	}
	n := max(int(int64(len(chunks))*most/all), 1)
	some := make([]vectorio.Chunk, n)
	for i := range some {
		some[i] = chunks[i*len(chunks)/n]
		some[i].Span.Rows = min(some[i].Span.Rows, most)
	}
	return some
}

// judge judges the rows of a chunk.
func (j *Job) judge(ctx context.Context, c vectorio.Chunk, m *model.Model, judged *overview.Judged) error {
	e := newEvaluation(m, &j.Reading, c)
	rejected := func(*fault.Fault) {} // those were told of before
	return vectorio.EachBlock(ctx, c, &j.Reading, j.Data.Dim, rejected, func(b *vectors.Block) error {
		class := func(int) int32 { return -1 }
		if m.Task == model.Classification {
			if _, err := e.encode(b); err != nil {
				return err
			}
			class = func(i int) int32 { return e.places[i] }
		} else if len(b.Target) != b.Len() {
			return fmt.Errorf("linear.Judge: %d targets for %d rows", len(b.Target), b.Len())
		}
		return judged.Add(m, model.Of(b), class)
	})
}
