package knn

import (
	"context"
	"io"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&sampleFn{}, &planPartsFn{})
}

// sampleFn takes a sample of the points, or of the queries: by their numbers, so that it does not depend on chunks.
type sampleFn struct {
	partsFn
	Kind exchangeKind
	Rows int64 // about so many
}

func (f *sampleFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(exchangeFile)) error {
	sample, rows, err := f.take(ctx, c, ivf.NewSampler(f.Rows, c.Total, f.Options.Seed), f.Kind == sampledPoints)
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

// take takes a sample of the rows of a chunk, and returns how many rows it is of.
func (f *partsFn) take(
	ctx context.Context, c vectorio.Chunk, sampler ivf.Sampler, points bool,
) (sample *vectors.Block, of int64, err error) {
	progress.Of(f.Options.RunID).Phase("sampling points")
	sample = f.Reading.NewBlock(f.Dim)
	err = vectorio.EachBlock(ctx, c, &f.Reading, f.Dim, func(*fault.Fault) {}, func(b *vectors.Block) error {
		if points {
			var err error
			if b, err = f.Options.labelled(ctx, b); err != nil {
				return err
			}
		}
		of += int64(b.Len())
		sampler.Append(sample, b)
		return nil
	})
	return sample, of, err
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
	plan, name := ivf.NewPlan, planName
	if f.InRegions {
		plan, name = ivf.NewRegions, regionsName
	}
	p, err := plan(points, queries, numPoints, numQueries, f.Options.K, most, f.Options.ivf(), f.Options.Threads)
	if err != nil {
		return err
	}
	_, err = f.Options.create(ctx, name, p.Write)
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

// planName is the plan's file, and regionsName that of the plan of the regions, where there are any.
const (
	planName    = "plan"
	regionsName = "regions"
)

// plans are those of the runs of this process, by their files.
var plans = output.NewShared[*ivf.Plan]()

func (f *partsFn) readPlan(ctx context.Context) (*ivf.Plan, error) {
	return f.sharedPlan(ctx, planName)
}

func (f *partsFn) sharedPlan(ctx context.Context, name string) (*ivf.Plan, error) {
	p, _, err := plans.Get(f.Options.RunID+"/"+name, func() (*ivf.Plan, error) {
		b, err := files.ReadFile(ctx, files.Join(f.Options.staging(), name))
		if err != nil {
			return nil, err
		}
		return ivf.ReadPlan(b)
	})
	return p, err
}
