package linear

import (
	"context"
	"errors"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// localPasses adds all passes to a pipeline where one worker, this process, has all shards: nothing need be sent.
func (c *checkpoint) localPasses(s beam.Scope, j *Job) {
	made := beam.ParDo(s, &localFn{passFn{Reading: j.Reading, Dim: j.Data.Dim, Options: *c.options, Dir: c.dir}}, vectorio.Listed(s, j.Data, c.options.Workers))
	// Prism spins on a core for as long as a bundle runs whose output nothing takes.
	beam.GroupByKey(s, beam.AddFixedKey(s, made))
}

// localFn makes all passes that a fit in this process asks for, and gives their number. Of the states all are saved but that
// after a look at a sample, which is soon taken again, and the last.
type localFn struct{ passFn }

func (f *localFn) ProcessElement(ctx context.Context, all vectorio.List, emit func(int)) error {
	fit, err := f.fit(ctx, all.Chunks)
	if err != nil {
		return output.Failed(f.Options.RunID, err)
	}
	emit(fit.Passes())
	return nil
}

func (f *localFn) fit(ctx context.Context, chunks []vectorio.Chunk) (*fitting.Fit, error) {
	last, err := f.Options.last()
	if err != nil {
		return nil, err
	}
	fit := last.fit
	if fit == nil {
		return nil, errors.New("linear.Train: a local run of another process")
	}
	if err := f.Options.writePlan(ctx, f.Dir, 0, chunks); err != nil { // for [Judge]
		return nil, err
	}
	if f.Options.CacheMemory > 0 {
		f.kept = newKept(f.Options.CacheMemory, f.Reading.Formats.Format)
		defer func() { f.kept = nil }()
	}
	for !fit.Done() {
		sampled := fit.Pass().Sample
		if err := f.advance(ctx, fit, chunks); err != nil {
			return nil, err
		}
		if sampled || fit.Done() {
			continue
		}
		if _, err := save(ctx, f.Dir, f.Options.RunID, fit); err != nil {
			return nil, err
		}
	}
	return fit, nil
}

func (f *localFn) advance(ctx context.Context, fit *fitting.Fit, chunks []vectorio.Chunk) error {
	sum, err := f.over(ctx, fit, 0, chunks)
	if err != nil {
		return err
	}
	before := len(fit.FoldWarnings())
	total, err := sum.Total()
	if err == nil {
		err = fit.Advance(total)
	}
	if err == nil && !fit.Done() { // at the end they are told with all else
		for _, w := range fit.FoldWarnings()[before:] {
			progress.Of(f.Options.RunID).Note("warning: " + w)
		}
	}
	return locate(err, chunks)
}
