package knn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&assignFn{}, &assignQueriesFn{}, &groupPartsFn{}, &layoutFn{})
	register.Iter1[sampleAnswers]()
	register.Emitter2[int64, sampleAnswers]()
	register.Emitter1[partTask]()
	registry.Element(encodeSampleAnswers, decodeSampleAnswers)
	registry.Element(encodePartTask, decodePartTask)
}

// sampleAnswers is answers to the queries of the plan's sample, exact or found, encoded.
type sampleAnswers struct {
	Exact bool
	Data  []byte
}

// emitSample gives those of the answers that are to queries of the plan's sample, by pieces of the sample.
func emitSample(p *ivf.Plan, a *neighbors.Answers, exact bool, emit func(piece int64, a sampleAnswers)) error {
	for piece := range p.Pieces() {
		of := a.Of(p.Piece(piece).Numbers)
		if of.Len() == 0 {
			continue
		}
		var w bytes.Buffer
		if _, err := of.WriteTo(&w); err != nil {
			return err
		}
		emit(int64(piece), sampleAnswers{exact, w.Bytes()})
	}
	return nil
}

func encodeSampleAnswers(a sampleAnswers) ([]byte, error) {
	b := make([]byte, 1, 1+len(a.Data))
	if a.Exact {
		b[0] = 1
	}
	return append(b, a.Data...), nil
}

func decodeSampleAnswers(b []byte) (sampleAnswers, error) {
	if len(b) == 0 || b[0] > 1 {
		return sampleAnswers{}, errors.New("knn: not answers to sampled queries, or damaged")
	}
	return sampleAnswers{Exact: b[0] == 1, Data: b[1:]}, nil
}

// assignFn puts the points of a chunk into parts, and answers the queries of the plan's sample among them.
type assignFn struct{ partsFn }

func (f *assignFn) ProcessElement(
	ctx context.Context, q Query, emit func(exchangeFile), exact func(int64, sampleAnswers), parts func(output.Part),
) error {
	done, err := f.holdPoints(ctx, "putting points into parts")
	if err != nil {
		return err
	}
	defer done()
	start := time.Now()
	p, points, rejected, err := f.read(ctx, q.Chunk)
	if err != nil {
		return fault.Mark(err)
	}
	if points, err = f.Options.labelled(ctx, points); err == nil {
		err = f.Options.sameRows(q.Chunk.Total)
	}
	if err != nil {
		return fault.Mark(err)
	}
	report := Report{Points: int64(points.Len()), Dim: f.Dim, ReadPoints: time.Since(start).Seconds()}
	start = time.Now()
	file, err := f.assign(ctx, p, points, q.Chunk, partPoints)
	if err != nil {
		return fault.Mark(err)
	}
	if points.Len() > 0 {
		a, err := p.ExactAnswers(points, f.Options.K, f.Options.Neighbors, f.Self, f.Options.Threads)
		if err != nil {
			return fault.Mark(err)
		}
		if err := emitSample(p, a, true, exact); err != nil {
			return fault.Mark(err)
		}
	}
	emit(file)
	report.BuildIndex = time.Since(start).Seconds()
	return f.Options.report(ctx, q.Chunk.Ordinal-beforeAll, report, rejected, parts)
}

// beforeAll is more than twice as many as there are tasks: reports on the points come before those on the queries, and
// these before those on their answers.
const beforeAll = 1 << 41

// assignQueriesFn puts the queries of a chunk into parts.
type assignQueriesFn struct{ partsFn }

func (f *assignQueriesFn) ProcessElement(
	ctx context.Context, q Query, emit func(exchangeFile), parts func(output.Part),
) error {
	done, err := f.holdPoints(ctx, "putting queries into parts")
	if err != nil {
		return err
	}
	defer done()
	start := time.Now()
	p, queries, rejected, err := f.read(ctx, q.Chunk)
	if err != nil {
		return fault.Mark(err)
	}
	file, err := f.assign(ctx, p, queries, q.Chunk, partQueries)
	if err != nil {
		return fault.Mark(err)
	}
	emit(file)
	report := Report{ReadQueries: time.Since(start).Seconds()}
	return f.Options.report(ctx, q.Chunk.Ordinal-beforeAll/2, report, rejected, parts)
}

// read reads the plan, and the rows of a chunk.
func (f *partsFn) read(
	ctx context.Context, c vectorio.Chunk,
) (p *ivf.Plan, rows *vectors.Block, rejected []*fault.Fault, err error) {
	if p, err = f.readPlan(ctx); err != nil {
		return nil, nil, nil, err
	}
	rows = f.Reading.NewBlock(f.Dim)
	err = readChunk(ctx, c, f.Reading, rows, func(r *fault.Fault) { rejected = append(rejected, r) })
	vectorio.Count(ctx, int64(rows.Len()), int64(len(rejected)))
	return p, rows, rejected, err
}

// assign writes the rows of a chunk into a file of a kind, with a section for each of their parts.
func (f *partsFn) assign(
	ctx context.Context, p *ivf.Plan, rows *vectors.Block, c vectorio.Chunk, kind exchangeKind,
) (exchangeFile, error) {
	file := exchangeFile{Kind: kind, Task: c.Ordinal, Total: c.Total}
	members, err := p.Parts.Assign(rows, f.Options.Neighbors, f.Options.Threads)
	if err != nil {
		return file, err
	}
	err = file.write(ctx, &f.Options, func(write writeSection) error {
		for part, of := range members {
			if len(of) == 0 {
				continue
			}
			b := ivf.PickRows(rows, of, f.Reading.Formats.DType)
			s := exchangeSection{Part: int64(part), Rows: int64(b.Len()), Wide: b.Wide()}
			if err := write(s, func(w io.Writer) error { return neighbors.WritePoints(w, b) }); err != nil {
				return err
			}
		}
		return nil
	})
	return file, err
}

// partTask is a part to search. With Points alone it is a range of queries, and Points are the answers to merge.
type partTask struct {
	Number int64
	Total  int64 // rows of the queries' dataset
	Wide   bool  // some of the points are
	Points []exchangePiece
	// Queries are those of a part, where they are not its points.
	Queries []exchangePiece
}

// groupPartsFn gives the sections of a file to the groups of planned parts that are laid out together.
type groupPartsFn struct{ partsFn }

func (f *groupPartsFn) ProcessElement(ctx context.Context, file exchangeFile, emit func(int64, exchangeFile)) error {
	p, err := f.readPlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	file.by(p.Parts.Group, emit)
	return nil
}

// layoutFn makes parts that fit into a worker of a group of planned ones. It holds the sections of these alone.
type layoutFn struct{ partsFn }

func (f *layoutFn) ProcessElement(group int64, iter func(*exchangeFile) bool, emit func(partTask)) error {
	all := byTask(iter)
	points := sectionsOf(all, partPoints)
	parts, total := f.Layout.Parts(points.sections), points.total
	var queries exchangeSections
	if !f.Self {
		if queries = sectionsOf(all, partQueries); len(parts) == 0 {
			return fmt.Errorf("knn: no points in the planned parts of group %d, whose sample has some", group)
		}
		parts, total = ivf.AssignQueries(parts, points.sections, queries.sections), queries.total
	}
	for i, p := range parts {
		emit(partTask{
			Number: group<<groupBits + int64(i), Total: total, Wide: p.Wide,
			Points: points.pieces(p.Points), Queries: queries.pieces(p.Queries),
		})
	}
	return nil
}

// groupBits are those of a task's number that say which part of a group it is.
const groupBits = 24
