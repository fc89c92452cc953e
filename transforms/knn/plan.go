package knn

import (
	"context"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	beam.RegisterDoFn(&sampleFn{})
	beam.RegisterDoFn(&planPartsFn{})
}

// sampleFn takes a sample of the points, or of the queries: by their numbers, so that it does not depend on chunks.
type sampleFn struct {
	partsFn
	Kind exchangeKind
	Rows int64 // about so many
}

func (f *sampleFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(exchangeFile)) error {
	progress.Of(f.Options.RunID).Phase("sampling points")
	sampler := ivf.NewSampler(f.Rows, c.Total, f.Options.Seed)
	sample, rows := f.Reading.NewBlock(f.Dim), int64(0)
	err := vectorio.EachBlock(ctx, c, &f.Reading, f.Dim, func(*fault.Fault) {}, func(b *vectors.Block) error {
		if f.Kind == sampledPoints {
			var err error
			if b, err = f.Options.labelled(ctx, b); err != nil {
				return err
			}
		}
		rows += int64(b.Len())
		sampler.Append(sample, b)
		return nil
	})
	if err != nil {
		return fault.Mark(err)
	}
	file := exchangeFile{Kind: f.Kind, Task: c.Ordinal, Total: c.Total}
	err = file.write(ctx, &f.Options, func(write writeSection) error {
		// Rows is how many the sample is of.
		return write(exchangeSection{Rows: rows}, func(w io.Writer) error { return neighbors.WritePoints(w, sample) })
	})
	if err != nil {
		return fault.Mark(err)
	}
	emit(file)
	return nil
}

// planPartsFn makes the plan of the parts, and writes it into a file.
type planPartsFn struct{ partsFn }

func (f *planPartsFn) ProcessElement(
	ctx context.Context, _ int, iter func(*exchangeFile) bool, emit func(Range),
) error {
	done, err := f.holdPoints(ctx, "choosing parts")
	if err != nil {
		return err
	}
	defer done()
	if err := f.plan(ctx, byTask(iter)); err != nil {
		return fault.Mark(err)
	}
	emit(Range{Ordinal: built})
	return nil
}

func (f *planPartsFn) plan(ctx context.Context, all []exchangeFile) error {
	points, numPoints, err := f.sample(ctx, all, sampledPoints)
	if err != nil {
		return err
	}
	if err := f.Options.checkK(numPoints, f.Self); err != nil {
		return err
	}
	var queries *vectors.Block
	numQueries := numPoints
	if !f.Self {
		if queries, numQueries, err = f.sample(ctx, all, sampledQueries); err != nil {
			return err
		}
	}
	most := f.Layout.MaxRows
	if points.Wide() {
		most = f.Layout.MaxWideRows
	}
	p, err := ivf.NewPlan(points, queries, numPoints, numQueries, f.Options.K, most, f.Options.ivf(), f.Options.Threads)
	if err != nil {
		return err
	}
	_, err = f.Options.create(ctx, planName, p.Write)
	return err
}

// sample reads the sample of a kind, and returns how many rows it was taken from.
func (f *planPartsFn) sample(
	ctx context.Context, all []exchangeFile, kind exchangeKind,
) (sample *vectors.Block, of int64, err error) {
	sample = &vectors.Block{Dim: f.Dim}
	for _, p := range sectionsOf(all, kind).whole {
		b, err := p.section(ctx, &f.Options, kind)
		if err != nil {
			return nil, 0, err
		}
		sample.AppendBlock(b)
		of += p.Rows
	}
	return sample, of, nil
}

// planName is the plan's file.
const planName = "plan"

// plans are those of the runs of this process.
var plans = output.NewShared[*ivf.Plan]()

func (f *partsFn) readPlan(ctx context.Context) (*ivf.Plan, error) {
	p, _, err := plans.Get(f.Options.RunID, func() (*ivf.Plan, error) {
		b, err := files.ReadFile(ctx, files.Join(f.Options.staging(), planName))
		if err != nil {
			return nil, err
		}
		return ivf.ReadPlan(b)
	})
	return p, err
}
