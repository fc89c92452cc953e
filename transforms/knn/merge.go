package knn

import (
	"bytes"
	"context"
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
	registry.DoFns(&byPartFn{}, &rangesFn{}, &mergeFn{}, &mergeSampleFn{}, &measureFn{})
}

// byPartFn gives the sections of a file to the regions, or to the ranges of queries, that they are of.
type byPartFn struct{}

func (*byPartFn) ProcessElement(file exchangeFile, emit func(int64, exchangeFile)) {
	file.by(func(part int64) int64 { return part }, emit)
}

// rangesFn makes a task of the answers that parts have to a range of queries.
type rangesFn struct{}

func (*rangesFn) ProcessElement(r int64, iter func(*exchangeFile) bool, emit func(partTask)) {
	answers := sectionsOf(byTask(iter), partAnswers)
	emit(partTask{Number: r, Total: answers.total, Points: answers.whole})
}

// mergeFn merges the answers to a range of queries, and writes them.
type mergeFn struct{ partsFn }

func (f *mergeFn) ProcessElement(
	ctx context.Context, r partTask, emit func(int64, sampleAnswers), parts func(output.Part),
) error {
	p, err := f.readPlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	t := task{options: &f.Options, ordinal: r.Number, total: r.Total, self: f.Self}
	var a *neighbors.Answers
	err = t.write(ctx, parts, func(ctx context.Context) error {
		progress.Of(f.Options.RunID).Total(p.Answered())
		start := time.Now()
		var all []*neighbors.Answers
		for _, c := range r.Points {
			a, err := c.answers(ctx, &f.Options, partAnswers)
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		if a, err = ivf.MergeParts(f.Options.K, all...); err != nil {
			return err
		}
		progress.Of(f.Options.RunID).Add(int64(a.Len()))
		q := &vectors.Block{Dim: f.Dim, Numbers: a.Numbers, IDs: a.IDs} // what it takes to name them
		return t.put(q, a.Found(), labelsOf(a), start)
	})
	if err != nil {
		return err
	}
	return fault.Mark(emitSample(p, a, false, emit))
}

// mergeSampleFn merges the answers of all workers to a piece of the plan's sample. What is left of them, k neighbours
// of each query, goes to where all pieces come together.
type mergeSampleFn struct{ partsFn }

func (f *mergeSampleFn) ProcessElement(
	ctx context.Context, _ int64, iter func(*sampleAnswers) bool, emit func(int64, sampleAnswers),
) error {
	recall, p, err := f.recall(ctx, iter)
	if err != nil {
		return fault.Mark(err)
	}
	if err := emitSample(p, recall.Exact, true, emit); err != nil {
		return fault.Mark(err)
	}
	return fault.Mark(emitSample(p, recall.Found, false, emit))
}

// recall has merged all answers to sampled queries.
func (f *partsFn) recall(ctx context.Context, iter func(*sampleAnswers) bool) (*ivf.SampleRecall, *ivf.Plan, error) {
	p, err := f.readPlan(ctx)
	if err != nil {
		return nil, nil, err
	}
	recall := ivf.NewSampleRecall(p, f.Options.K)
	var s sampleAnswers
	for iter(&s) {
		a, err := neighbors.ReadAnswers(bytes.NewReader(s.Data), int64(len(s.Data)))
		if err != nil {
			return nil, nil, err
		}
		recall.Add(a, s.Exact)
		s = sampleAnswers{}
	}
	return recall, p, nil
}

// measureFn compares what was found for the plan's sample with the exact answers.
type measureFn struct{ partsFn }

func (f *measureFn) ProcessElement(
	ctx context.Context, _ int, iter func(*sampleAnswers) bool, emit func(output.Part),
) error {
	recall, _, err := f.recall(ctx, iter)
	if err != nil {
		return fault.Mark(err)
	}
	a, err := recall.Report(f.Options.Recall, f.Layout.MaxRows)
	if err != nil {
		return fault.Mark(err)
	}
	report, err := output.Report(order, Report{Algorithm: IVF, Broadcast: Parts, Approximate: a})
	if err != nil {
		return err
	}
	emit(report)
	return nil
}
