package linear

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/placement"
)

// TestTrainFailsAtItsEnd checks a run that fails between its last pass and its files: it keeps its state, and says so,
// wherever its passes were made; where the state cannot be written either, nothing stays.
func TestTrainFailsAtItsEnd(t *testing.T) {
	for _, w := range workers {
		failsAtItsEnd(t, w)
	}
}

func failsAtItsEnd(t *testing.T, w placement.Workers) {
	out := t.TempDir()
	input, reading := classes(60, 3).cuts(t, t.TempDir(), "npy")
	j := &training{input: input, reading: reading, fitting: exactOfTwo,
		options: Options{Shards: 1, Passes: 5, Model: filepath.Join(out, "m.json"), Workers: w}}
	j.counters = map[string]int64{}
	train := func(o Options, run Run) (*fitting.Fit, *Report, *Job, error) {
		job := &Job{Reading: j.reading, Options: o}
		job.Reading.EnsureDefaults()
		var err error
		if job.Data, err = Inspect(t.Context(), j.input, 0, &job.Options, &job.Reading); err != nil {
			t.Fatal(err)
		}
		fit, err := fitting.NewFit(j.fitting, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		fit, report, err := Train(t.Context(), job, fit, run)
		return fit, report, job, err
	}
	var away []string // what is read at the end
	_, _, _, err := train(j.options, func(ctx context.Context, p *beam.Pipeline) error {
		if err := j.prism(ctx, p); err != nil {
			return err
		}
		if away, _ = filepath.Glob(filepath.Join(out, ".*", "rejected-*.json")); len(away) == 0 {
			t.Fatalf("workers %v: nothing is read at the end", w)
		}
		for _, name := range away {
			if err := os.Rename(name, filepath.Join(filepath.Dir(name), "away-"+filepath.Base(name))); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
	var saved *ResumableError
	if !errors.As(err, &saved) || saved.Passes == 0 {
		t.Fatalf("workers %v: %v", w, err)
	}
	for _, name := range away {
		if err := os.Rename(filepath.Join(filepath.Dir(name), "away-"+filepath.Base(name)), name); err != nil {
			t.Fatal(err)
		}
	}
	if left := namesIn(t, out); len(left) != 1 || !strings.HasPrefix(left[0], ".m.json.checkpoint-") {
		t.Errorf("workers %v: left %v", w, left)
	}
	// Another run needs no pass.
	again := j.options
	again.Resume, again.RunID = true, "second"
	fit, report, job, err := train(again, j.prism)
	if err != nil || report.Passes != 0 || report.Resumed != saved.Passes || !fit.Done() {
		t.Fatalf("workers %v: resumed: %+v, %v", w, report, err)
	}
	// What fails then keeps the state, but where it cannot be written.
	if err := Keep(t.Context(), &job.Options, report, errStopped); !errors.As(err, &saved) ||
		!errors.Is(err, errStopped) || saved.Passes != report.Resumed {
		t.Errorf("workers %v: kept: %v", w, err)
	}
	if len(namesIn(t, out)) != 1 {
		t.Errorf("workers %v: left %v", w, namesIn(t, out))
	}
	report.save = func(context.Context) error { return errors.New("disk full") }
	err = Keep(t.Context(), &job.Options, report, errStopped)
	saved = nil
	if errors.As(err, &saved) || !errors.Is(err, errStopped) || !strings.Contains(err.Error(), "disk full") ||
		len(namesIn(t, out)) > 0 {
		t.Errorf("workers %v: not kept: %v, left %v", w, err, namesIn(t, out))
	}
}

// failing is a fit that fails by its rows after its first pass.
type failing struct{ *fitting.Fit }

func (f failing) Advance(sum model.Partial) error {
	if f.Passes() > 0 {
		return errors.New("the rows are too much for it")
	}
	return f.Fit.Advance(sum)
}

// What the rows would bring again is nothing to go on from: a fit that fails by itself leaves no checkpoint.
func TestNothingToGoOnFrom(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	input, reading := classes(60, 3).cuts(t, t.TempDir(), "npy")
	j := &training{input: input, reading: reading, counters: map[string]int64{}}
	job := &Job{Reading: reading, Options: Options{Shards: 1, Model: filepath.Join(out, "m.json"),
		Workers: placement.InProcess}}
	job.Reading.EnsureDefaults()
	var err error
	if job.Data, err = Inspect(t.Context(), input, 0, &job.Options, &job.Reading); err != nil {
		t.Fatal(err)
	}
	fit, err := fitting.NewFit(exactOfTwo, job.Data.Dim, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Train(t.Context(), job, failing{fit}, j.prism)
	var saved *ResumableError
	if err == nil || errors.As(err, &saved) || !strings.Contains(err.Error(), "too much for it") {
		t.Errorf("it ends with %v", err)
	}
	if left := namesIn(t, out); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
}
