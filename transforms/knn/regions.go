package knn

import (
	"context"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
)

func init() {
	registry.DoFns(&sampleRegionsFn{}, &planRegionFn{}, &beginJoinFn{}, &joinRegionsFn{})
}

// planRegions plans the parts of the regions that have been planned, each by a sample of its own points, for which the
// points, and queries that are none, are read once more: PCollection<Range> → PCollection<Range>. A worker holds the
// sample of one region, or the plan.
func (f *partsFn) planRegions(s beam.Scope, chunks beam.PCollection, queries *beam.PCollection,
	planned beam.PCollection) beam.PCollection {
	s = s.Scope("knn.PlanRegions")
	sampled := func(s beam.Scope, kind exchangeKind, chunks beam.PCollection) beam.PCollection {
		tasks := beam.Reshuffle(s, release(s, beam.ParDo(s, &queryFn{}, chunks), planned))
		return beam.ParDo(s, &sampleRegionsFn{*f, kind}, tasks)
	}
	samples := sampled(s, regionPoints, chunks)
	if queries != nil {
		samples = beam.Flatten(s, samples, sampled(s.Scope("Queries"), regionQueries, *queries))
	}
	regions := beam.ParDo(s, &planRegionFn{*f}, beam.GroupByKey(s, beam.ParDo(s, &byPartFn{}, samples)))
	all := beam.Flatten(s, regions, beam.ParDo(s, &beginJoinFn{}, planned))
	return beam.ParDo(s, &joinRegionsFn{*f}, beam.GroupByKey(s, beam.AddFixedKey(s, all)))
}

// sampleRegionsFn takes a sample of the points of a chunk, or of its queries, and writes it into a file, by regions.
type sampleRegionsFn struct {
	partsFn
	Kind exchangeKind
}

func (f *sampleRegionsFn) ProcessElement(ctx context.Context, q Query, emit func(exchangeFile)) error {
	p, err := f.sharedPlan(ctx, regionsName)
	if err != nil {
		return fault.Mark(err)
	}
	sampler := p.RegionSampler(f.Options.Seed)
	if f.Kind == regionQueries {
		sampler = p.RegionQueries(f.Options.Seed)
	}
	sample, _, err := f.take(ctx, q.Chunk, sampler, f.Kind == regionPoints)
	if err != nil {
		return fault.Mark(err)
	}
	file, err := f.assign(ctx, p, sample, q.Chunk, f.Kind)
	if err != nil {
		return fault.Mark(err)
	}
	emit(file)
	return nil
}

// planRegionFn plans the parts of a region, and writes them into a file, which has none where the region is a part.
type planRegionFn struct{ partsFn }

func (f *planRegionFn) ProcessElement(
	ctx context.Context, region int64, iter func(*exchangeFile) bool, emit func(exchangeFile),
) error {
	done, err := f.holdPoints(ctx, "choosing parts")
	if err != nil {
		return err
	}
	defer done()
	file := exchangeFile{Kind: regionPlan, Task: region}
	if err := f.plan(ctx, byTask(iter), &file); err != nil {
		return fault.Mark(err)
	}
	emit(file)
	return nil
}

func (f *planRegionFn) plan(ctx context.Context, all []exchangeFile, file *exchangeFile) error {
	p, err := f.sharedPlan(ctx, regionsName)
	if err != nil {
		return err
	}
	points, of, err := f.someOf(ctx, all, regionPoints)
	if err != nil || points.Len() == 0 {
		return err
	}
	var queries *vectors.Block
	if !f.Self {
		if queries, _, err = f.someOf(ctx, all, regionQueries); err != nil {
			return err
		}
	}
	parts, err := p.PlanRegion(points, queries, of, f.Options.K, f.Options.ivf(), f.Options.Threads)
	if err != nil || parts == nil {
		return err
	}
	own := &ivf.Plan{Parts: parts, Sample: &vectors.Block{Dim: f.Dim}}
	return file.write(ctx, &f.Options, func(write writeSection) error { return write(exchangeSection{}, own.Write) })
}

// someOf reads the sample of a region: all of it, which is so many rows, or the most that a worker plans by.
func (f *partsFn) someOf(ctx context.Context, all []exchangeFile, kind exchangeKind) (*vectors.Block, int64, error) {
	of := sectionsOf(all, kind)
	rows := int64(0)
	for _, p := range of.whole {
		rows += p.Rows
	}
	sample := &vectors.Block{Dim: f.Dim}
	every := (rows + f.SampleRows - 1) / max(f.SampleRows, 1)
	for _, p := range of.whole {
		b, err := p.section(ctx, &f.Options, kind)
		if err != nil {
			return nil, 0, err
		}
		if every <= 1 {
			sample.AppendBlock(b)
			continue
		}
		for i := range b.Len() {
			if ivf.Rank(b.Numbers[i], f.Options.Seed^uint64(every))%uint64(every) == 0 {
				ivf.AppendRow(sample, b, i)
			}
		}
	}
	return sample, rows, nil
}

// beginJoinFn is there so that plans of regions are joined where there are none, too.
type beginJoinFn struct{}

func (*beginJoinFn) ProcessElement(_ Range, emit func(exchangeFile)) { emit(exchangeFile{}) }

// joinRegionsFn joins the plans of all regions, and writes the plan into a file.
type joinRegionsFn struct{ partsFn }

func (f *joinRegionsFn) ProcessElement(
	ctx context.Context, _ int, iter func(*exchangeFile) bool, emit func(Range),
) error {
	if err := f.join(ctx, byTask(iter)); err != nil {
		return fault.Mark(err)
	}
	emit(Range{Ordinal: built})
	return nil
}

func (f *joinRegionsFn) join(ctx context.Context, all []exchangeFile) error {
	p, err := f.sharedPlan(ctx, regionsName)
	if err != nil {
		return err
	}
	regions := make([]*ivf.Parts, p.Parts.Count)
	for _, file := range all {
		for _, piece := range sectionsOf([]exchangeFile{file}, regionPlan).whole {
			r, err := piece.read(ctx, &f.Options, regionPlan)
			if err != nil {
				return err
			}
			b, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			of, err := ivf.ReadPlan(b)
			if err != nil {
				return err
			}
			regions[file.Task] = of.Parts
		}
	}
	_, err = f.Options.create(ctx, planName, p.Join(regions, f.Options.K).Write)
	return err
}
