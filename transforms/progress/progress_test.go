package progress

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
)

func TestRun(t *testing.T) {
	r := Start("a")
	defer Stop("a")
	if Of("a") != r || Of("b") != nil {
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
	var none *Run
	none.Phase("x")
	none.Begin("x", 1)
	none.Total(1)
	none.Add(1)
}

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name string
		all  []snapshot
		want snapshot
	}{
		{"no worker", nil, snapshot{}},
		{"of two", []snapshot{{"searching", 5, "", 10, 100}, {"searching", 7, "", 20, 100}},
			snapshot{"searching", 7, "", 30, 100}},
		{"one waits", []snapshot{{"reading points", 1, "", 0, 0}, {"searching", 7, "", 20, 100}},
			snapshot{"searching", 7, "", 20, 100}},
		{"one is ahead", []snapshot{{"pass 1", 1, "pass 1", 50, 50}, {"pass 2", 9, "pass 2", 3, 50}},
			snapshot{"pass 2", 9, "pass 2", 3, 50}},
		{"a worker died", []snapshot{{"searching", 5, "", 80, 100}, {"searching", 7, "", 40, 100}},
			snapshot{"searching", 7, "", 100, 100}},
		{"one writes", []snapshot{{"searching", 5, "", 80, 100}, {"writing the output", 9, "", 20, 100}},
			snapshot{"writing the output", 9, "", 100, 100}},
	} {
		if got := sum(c.all); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestShare plays the worker and the program that shows the run.
func TestShare(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this waits for the other side")
	}
	dir := filepath.Join(t.TempDir(), "progress")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	Share("shared", dir)
	defer beam.PipelineOptions.Set(option, "")
	if Of("other") != nil {
		t.Error("a run that is not shared is followed")
	}
	worker := Of("shared")
	defer Stop("shared")
	if worker == nil || Of("shared") != worker {
		t.Fatal("a worker has not one state of a run")
	}
	worker.Phase("searching")
	worker.Total(100)
	worker.Add(7)
	shown := &Run{}
	for range 100 {
		if shown.Gather(context.Background(), dir); shown.phaseIs("searching") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if phase, done, total := shown.State(); phase != "searching" || done != 7 || total != 100 {
		t.Errorf("shown: %q, %d of %d; want searching, 7 of 100", phase, done, total)
	}
	// Where nothing can be read, the state stays as it was.
	shown.Gather(context.Background(), dir+"x")
	if !shown.phaseIs("searching") {
		t.Error("a directory that is not there has changed the state")
	}
	if err := os.WriteFile(filepath.Join(dir, fileName+"half.json"), []byte(`{"phase`), 0o666); err != nil {
		t.Fatal(err)
	}
	if shown.Gather(context.Background(), dir); !shown.phaseIs("searching") {
		t.Error("half a file has changed the state")
	}
	if err := write(filepath.Join(dir+"x", "progress-1.json"), snapshot{}); err == nil {
		t.Error("a worker has made the directory of a run that is over")
	}
}

func (r *Run) phaseIs(name string) bool {
	phase, _, _ := r.State()
	return phase == name
}
