package linear

import (
	"context"
	"errors"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// localPasses adds all passes to a pipeline where one worker, this process, has all shards: nothing need be sent.
func (c *checkpoint) localPasses(s beam.Scope, j *Job) {
	made := beam.ParDo(s, c.local(j), vectorio.Listed(s, j.Data, c.options.Workers))
	// Prism spins on a core for as long as a bundle runs whose output nothing takes.
	beam.GroupByKey(s, beam.AddFixedKey(s, made))
}

func (c *checkpoint) local(j *Job) *localFn {
	return &localFn{passFn{Reading: j.Reading, Dim: j.Data.Dim, Options: *c.options, Dir: c.dir}}
}

// passesHere makes all passes in this process, without Beam: who learns from file after file spares what a runner keeps
// of each job.
func (c *checkpoint) passesHere(ctx context.Context, j *Job) error {
	all, err := j.Data.List(ctx)
	if err == nil {
		_, err = c.local(j).fit(ctx, all.Chunks)
	}
	c.options.takeKept().close() // nobody judges
	return output.Failed(c.options.RunID, err)
}

// localFn makes all passes that a fit in this process asks for, and gives their number. Of the states all are saved
// but that after a look at a sample, which is soon taken again, and the last; of large ones, as many as take a
// twentieth of the time, and the one at which the run is interrupted.
type localFn struct{ passFn }

func (f *localFn) ProcessElement(ctx context.Context, all vectorio.List, emit func(int)) error {
	fit, err := f.fit(ctx, all.Chunks)
	if err != nil {
		return output.Failed(f.Options.RunID, err)
	}
	emit(fit.Passes())
	return nil
}

func (f *localFn) fit(ctx context.Context, chunks []vectorio.Chunk) (Fit, error) {
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
		f.kept.spills(f.Options.RunID)
		f.kept.forJudge(judgedOf(chunks, f.Options.Judged, &f.Reading, f.Dim, 1))
		defer func() {
			if last.kept != f.kept { // the fit has failed
				f.kept.close()
			}
			f.kept = nil
		}()
	}
	f.pool = newBlockPool(f.Options.threads())
	f.Reading = f.Reading.UseCells(f.Options.RunID)
	defer func() { f.pool, f.Reading = nil, f.Reading.UseCells("") }()
	defer vectorio.DropCells(f.Options.RunID)
	var saved saving
	for !fit.Done() {
		sampled, passes := fit.Pass().Sample, fit.Passes()
		if fit.MostPasses() == 1 {
			f.kept.last()
		}
		if err := f.advance(ctx, fit, chunks); err != nil {
			if saved.due && fit.Passes() == passes && ctx.Err() != nil { // as it was after the pass before
				_, late := save(context.WithoutCancel(ctx), f.Dir, f.Options.RunID, fit)
				err = errors.Join(err, late)
			}
			return nil, err
		}
		if sampled {
			continue
		}
		vectorio.DropCells(f.Options.RunID) // all have been read once more
		if fit.Done() {
			continue
		}
		if saved.due = saved.soon(); saved.due {
			continue
		}
		begin := time.Now()
		state, err := save(ctx, f.Dir, f.Options.RunID, fit)
		if err != nil {
			return nil, err
		}
		saved.size, saved.took, saved.at = len(state), time.Since(begin), time.Now()
	}
	last.kept = f.kept
	return fit, nil
}

// saving is how the last state was saved.
type saving struct {
	size int
	took time.Duration
	at   time.Time
	due  bool // the state after the last pass is not saved
}

const (
	smallState = 1 << 16 // bytes, that are saved after each pass
	savedShare = 20      // of the time: how seldom larger ones are
)

// soon reports whether to save now is too soon: states are large, and would take more than a twentieth of the time.
func (s *saving) soon() bool { return s.size > smallState && time.Since(s.at) < savedShare*s.took }

func (f *localFn) advance(ctx context.Context, fit Fit, chunks []vectorio.Chunk) error {
	sum, err := f.over(ctx, fit, 0, chunks)
	if err != nil {
		return err
	}
	before := len(fit.Notes())
	total, err := sum.Total()
	if err == nil {
		err = advance(fit, total)
	}
	if err == nil && !fit.Done() { // at the end they are told with all else
		for _, w := range fit.Notes()[before:] {
			progress.Of(f.Options.RunID).Note("warning: " + w)
		}
	}
	return locate(err, chunks)
}
