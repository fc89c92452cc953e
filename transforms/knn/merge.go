package knn

import (
	"bytes"
	"context"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
)

func init() {
	beam.RegisterDoFn(&rangesFn{})
	beam.RegisterDoFn(&mergeFn{})
	beam.RegisterDoFn(&measureFn{})
}

// rangesFn gives each range of queries the answers that parts have.
type rangesFn struct{ partsFn }

func (f *rangesFn) ProcessElement(_ int, iter func(*exchangeFile) bool, emit func(partTask)) {
	answers := sectionsOf(byTask(iter), partAnswers)
	for _, g := range ivf.GroupSections(answers.sections) {
		emit(partTask{Number: g.Part, Total: answers.total, Points: answers.pieces(g.Pieces)})
	}
}

// mergeFn merges the answers to a range of queries, and writes them.
type mergeFn struct{ partsFn }

func (f *mergeFn) ProcessElement(
	ctx context.Context, r partTask, emit func(sampleAnswers), parts func(output.Part),
) error {
	p, err := f.readPlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	t := task{options: &f.Options, ordinal: r.Number, total: r.Total, self: f.Self}
	var found sampleAnswers
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
		a, err := ivf.MergeParts(f.Options.K, all...)
		if err != nil {
			return err
		}
		if found, err = newSampleAnswers(a.Of(p.Sample.Numbers), false); err != nil {
			return err
		}
		progress.Of(f.Options.RunID).Add(int64(a.Len()))
		q := &vectors.Block{Dim: f.Dim, Numbers: a.Numbers, IDs: a.IDs} // what it takes to name them
		return t.put(q, a.Found(), labelsOf(a), start)
	})
	if err != nil {
		return err
	}
	emit(found)
	return nil
}

// measureFn compares what was found for the plan's sample with the exact answers.
type measureFn struct{ partsFn }

func (f *measureFn) ProcessElement(
	ctx context.Context, _ int, iter func(*sampleAnswers) bool, emit func(output.Part),
) error {
	p, err := f.readPlan(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	recall := ivf.NewSampleRecall(p, f.Options.K)
	var s sampleAnswers
	for iter(&s) {
		a, err := neighbors.ReadAnswers(bytes.NewReader(s.Data), int64(len(s.Data)))
		if err != nil {
			return fault.Mark(err)
		}
		if s.Exact {
			recall.AddExact(a)
		} else {
			recall.AddFound(a)
		}
		s = sampleAnswers{}
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
