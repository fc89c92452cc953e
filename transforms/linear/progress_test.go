package linear

import (
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
)

// A pass tells how many rows it will see and has seen, of one chunk as of several.
func TestProgressOfPasses(t *testing.T) {
	t.Parallel()
	for id, chunkRows := range map[string]int{"progress of one chunk": 1000, "progress of several": 20} {
		run := progress.Start(id)
		input, reading := classes(60, 3).cuts(t, t.TempDir(), "npy")
		j := &training{input: input, reading: reading, unitRows: chunkRows, chunkRows: chunkRows, fitting: exactOfTwo}
		j.options = Options{Shards: 1, Workers: placement.InProcess, Model: filepath.Join(t.TempDir(), "m.json")}
		j.options.RunID = id
		j.then = func(*Job, *Report, *fitting.Fit) error {
			if phase, done, total := run.State(); !strings.HasPrefix(phase, "pass ") || done != 60 || total != 60 {
				t.Errorf("%s: %q, %d of %d rows", id, phase, done, total)
			}
			return nil
		}
		if _, _, err := j.trained(t); err != nil {
			t.Fatal(err)
		}
		progress.Stop(id)
	}
}
