//go:build engines

package pipelines_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/engines"
)

// training has a checkpoint after each of its passes.
var training = command{"training", "sgd", []string{"--input=DATA/breast_cancer.csv", "--target=target",
	"--task=classification", "--standardize",
	"--solver=sgd", "--epochs=5", "--shards=3", "--checkpoint_passes=1", "--model=out/classifier.json"}}

// testDriverKilled kills the driver of a training between two checkpoints; the engine goes on with what it was given.
// With --resume another driver goes on from the last checkpoint, and makes the same model.
func testDriverKilled(t *testing.T, e *engines.Engine) {
	undisturbed := t.TempDir()
	training.run(t, undisturbed)
	flags := append(e.Flags(t, "PROCESS", 2), "--quiet")
	dir := t.TempDir()
	j := training.begin(t, dir, flags...)
	awaitCheckpoint(t, j, dir, "state-00002.json")
	j.Signal(t, syscall.SIGKILL)
	if code, stderr, _ := j.End(); code != -1 {
		t.Fatalf("exit code %d of a killed process\n%s", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "out/classifier.json")); err == nil {
		t.Fatal("there is a model before the last pass")
	}
	j = training.begin(t, dir, append(flags, "--resume", "--summary=summary.json")...)
	code, stderr, seconds := j.End()
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	t.Logf("the rest: %.1f s", seconds)
	same(t, filepath.Join(dir, "out"), filepath.Join(undisturbed, "out"))
	var summary struct {
		Resumed int `json:"resumed_passes"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err := errors.Join(err, json.Unmarshal(b, &summary)); err != nil {
		t.Fatal(err)
	}
	if summary.Resumed < 2 {
		t.Errorf("it goes on after %d passes, of which two were saved", summary.Resumed)
	}
}

// awaitCheckpoint waits until a training has saved a state.
func awaitCheckpoint(t testing.TB, j *engines.Job, dir, name string) {
	t.Helper()
	for ; ; time.Sleep(5 * time.Millisecond) {
		saved, err := filepath.Glob(filepath.Join(dir, "out/.classifier.json.checkpoint-*", name))
		if err != nil {
			t.Fatal(err)
		}
		if len(saved) > 0 {
			return
		}
		if j.Ended() {
			code, stderr, _ := j.End()
			t.Fatalf("the training was over before it had a %s: exit code %d\n%s", name, code, stderr)
		}
	}
}
