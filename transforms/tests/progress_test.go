package tests

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/transforms/progress"
)

func TestProgress(t *testing.T) {
	r := progress.Start("a")
	defer progress.Stop("a")
	if progress.Of("a") != r || progress.Of("b") != nil {
		t.Error("Of finds another run")
	}
	state := func(phase string, done, total int64) {
		t.Helper()
		if p, d, n := r.State(); p != phase || d != done || n != total {
			t.Errorf("state %q, %d of %d; want %q, %d of %d", p, d, n, phase, done, total)
		}
	}
	r.Begin("first", 10)
	r.Add(4)
	r.Begin("first", 10) // by another worker
	state("first", 4, 10)
	r.Begin("second", 20)
	state("second", 0, 20)
	r.Add(20)
	r.Phase("writing")
	state("writing", 20, 20)
	var none *progress.Run
	none.Phase("x")
	none.Begin("x", 1)
	none.Total(1)
	none.Add(1)
}

// TestProgressShared plays the worker and the program that shows the run.
func TestProgressShared(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this waits for the other side")
	}
	dir := filepath.Join(t.TempDir(), "progress")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	progress.Share("shared", dir)
	defer beam.PipelineOptions.Set("beamlearn_progress", "")
	if progress.Of("other") != nil {
		t.Error("a run that is not shared is followed")
	}
	worker := progress.Of("shared")
	defer progress.Stop("shared")
	if worker == nil || progress.Of("shared") != worker {
		t.Fatal("a worker has not one state of a run")
	}
	worker.Phase("searching")
	worker.Total(100)
	worker.Add(7)
	shown := &progress.Run{}
	for range 100 {
		if shown.Gather(context.Background(), dir); phaseIs(shown, "searching") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if phase, done, total := shown.State(); phase != "searching" || done != 7 || total != 100 {
		t.Errorf("shown: %q, %d of %d; want searching, 7 of 100", phase, done, total)
	}
	// Where nothing can be read, the state stays as it was.
	shown.Gather(context.Background(), dir+"x")
	if !phaseIs(shown, "searching") {
		t.Error("a directory that is not there has changed the state")
	}
	if err := os.WriteFile(filepath.Join(dir, "progress-half.json"), []byte(`{"phase`), 0o666); err != nil {
		t.Fatal(err)
	}
	if shown.Gather(context.Background(), dir); !phaseIs(shown, "searching") {
		t.Error("half a file has changed the state")
	}
}

func phaseIs(r *progress.Run, name string) bool {
	phase, _, _ := r.State()
	return phase == name
}
