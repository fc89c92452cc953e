package linear

import (
	"context"
	"fmt"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/overview"
	"beamlearn/model/linear/targets"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// Of the rows that Judge takes, at most so many unless the options say otherwise, and of values in them, and of
// decisions about them.
const (
	judgedRows      = 100_000
	judgedValues    = 50_000_000
	judgedDecisions = 2_000_000
)

// Judge compares what the model says of rows that it was learned from with their targets: all of them, or of more
// than Options.Judged, or fewer with many columns or classes, a sample that a hash of their numbers tells. This process
// reads them itself, but for those that the passes have kept: the whole dataset or, of more than 20 million rows, a
// sample of its chunks. It needs the
// checkpoint, which [Publish] removes; of a model without targets, it gives nil.
func Judge(ctx context.Context, j *Job, r *Report, m *model.Model) (*overview.Judged, error) {
	if m.Task == model.OneClass {
		return nil, nil
	}
	return j.judgedOne(ctx, r, m, m)
}

// JudgeTargets is Judge of each of several targets, in one read.
func JudgeTargets(ctx context.Context, j *Job, r *Report, m *targets.Model) ([]*overview.Judged, error) {
	return j.judged(ctx, r, apply(nil, Targets{m}).parts())
}

// JudgeBy is Judge of another kind of classifier.
func JudgeBy(ctx context.Context, j *Job, r *Report, c Classifying) (*overview.Judged, error) {
	by, classes := c.Classifier()
	return j.judgedOne(ctx, r, headOf(classes), by)
}

func (j *Job) judgedOne(ctx context.Context, r *Report, m *model.Model, by Classifier) (*overview.Judged, error) {
	all, err := j.judged(ctx, r, []part{{"", m, by}})
	if all == nil {
		return nil, err
	}
	return all[0], err
}

// judged is what the models of parts say; nil where there is no row.
func (j *Job) judged(ctx context.Context, r *Report, parts []part) ([]*overview.Judged, error) {
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
	decisions := 1
	for _, p := range parts {
		decisions = max(decisions, p.model.Classes.Len())
	}
	chunks, rows := judgedOf(chunks, j.Options.Judged, &j.Reading, j.Data.Dim, decisions)
	kept := j.Options.takeKept()
	defer kept.close()
	each := make([][]overview.Judged, len(chunks)) // of each part
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range chunks {
		each[i] = make([]overview.Judged, len(parts))
		g.Go(func() error { return j.judge(ctx, c, kept, rows, parts, each[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := make([]*overview.Judged, len(parts))
	for k := range parts {
		judged := &overview.Judged{Of: r.Rows}
		for i := range each {
			judged.Merge(&each[i][k])
		}
		judged.Of = max(judged.Of, int64(judged.Rows))
		all[k] = judged
	}
	return all, nil
}

// judgedOf are the chunks of which rows are judged, and which rows: fewer where a model has many decisions.
func judgedOf(chunks []vectorio.Chunk, rows int, reading *vectorio.Options, dim, decisions int) ([]vectorio.Chunk,
	overview.Lot) {
	most := int64(min(rows, judgedDecisions/decisions))
	if !reading.Formats.Sparse {
		most = min(most, int64(judgedValues/max(dim, 1)))
	}
	return someChunks(chunks, most)
}

// readRows is how many rows are read, at most about, to find those of a sample.
const readRows = 20_000_000

// someChunks are those to read, and which of their rows are judged, about so many: all chunks, or, of more rows than
// can be read in a while, those that another lot takes.
func someChunks(chunks []vectorio.Chunk, most int64) ([]vectorio.Chunk, overview.Lot) {
	all := int64(0)
	for _, c := range chunks {
		all += c.Span.Rows
	}
	some, rows := chunks, all
	if read := overview.LotOf(max(most, readRows), all); !read.All() {
		some, rows = nil, 0
		for _, c := range chunks {
			if read.Takes(^c.Ordinal) {
				some, rows = append(some, c), rows+c.Span.Rows
			}
		}
	}
	return some, overview.LotOf(most, rows)
}

// judge judges those rows of a chunk that a lot takes.
func (j *Job) judge(ctx context.Context, c vectorio.Chunk, kept *kept, rows overview.Lot, parts []part,
	judged []overview.Judged) error {
	each := make([]*evaluation, len(parts))
	for k, p := range parts {
		each[k] = newEvaluation(p.model, &j.Reading, c)
	}
	taken := j.Reading.NewBlock(j.Data.Dim)
	judge := func(b *vectors.Block) error {
		if !rows.All() {
			appendTaken(taken, b, rows)
			b = taken
			defer taken.Reset()
		}
		for k, p := range parts {
			own := b
			if p.target != "" {
				own = b.OfTarget(k)
			}
			if err := judgeBlock(own, p, each[k], &judged[k]); err != nil {
				return err
			}
		}
		return nil
	}
	if pieces, ok := kept.ofLot(&c, rows); ok {
		var l loader
		room := j.Reading.NewBlock(j.Data.Dim)
		for i := range pieces {
			p, err := l.load(&pieces[i])
			if err != nil {
				return err
			}
			if err := judge(p.block(room)); err != nil {
				return err
			}
		}
		return nil
	}
	rejected := func(*fault.Fault) {} // those were told of before
	return vectorio.EachBlock(ctx, c, &j.Reading, j.Data.Dim, rejected, judge)
}

// judgeBlock judges the rows of a block.
func judgeBlock(b *vectors.Block, p part, e *evaluation, judged *overview.Judged) error {
	m := p.model
	if b.Len() == 0 {
		return nil
	}
	class := func(int) int32 { return -1 }
	if m.Task == model.Classification {
		if _, err := e.encode(b); err != nil {
			return err
		}
		class = func(i int) int32 { return e.places[i] }
	} else if len(b.Target) != b.Len() {
		return fmt.Errorf("linear.Judge: %d targets for %d rows", len(b.Target), b.Len())
	}
	return judged.AddBy(m, p.by, model.Of(b), class)
}

// appendTaken appends the rows of a block that a lot takes.
func appendTaken(taken, b *vectors.Block, lot overview.Lot) {
	for lo, hi := range runsOf(b, lot) {
		taken.AppendRows(b, lo, hi)
	}
}

// runsOf are the runs of rows lo ≤ i < hi of a block that a lot takes.
func runsOf(b *vectors.Block, lot overview.Lot) iter.Seq2[int, int] {
	return func(yield func(lo, hi int) bool) {
		for hi := 0; hi < b.Len(); hi++ {
			lo := hi
			for hi < b.Len() && lot.Takes(b.Numbers[hi]) {
				hi++
			}
			if lo < hi && !yield(lo, hi) {
				return
			}
		}
	}
}
