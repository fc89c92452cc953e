//go:build engines

package pipelines_test

import (
	"path/filepath"
	"regexp"
	"testing"

	"beamlearn/pipelines/internal/engines"
)

// testProgress: workers of an engine, which are processes of their own, tell what they have done while the job runs.
// The job takes longer than it takes to the first line of progress.
func testProgress(t *testing.T, e *engines.Engine) {
	dir := t.TempDir()
	writeNPY(t, filepath.Join(dir, "x.npy"), 5_000, 64)
	code, stderr, _ := slow.begin(t, dir, e.Flags(t, "PROCESS", 2)...).End()
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if !regexp.MustCompile(`searching, \d+ s: \d+ of 5000 rows \(\d+ %\), \d+ rows/s, \d+ s left`).MatchString(stderr) {
		t.Errorf("no progress:\n%s", stderr)
	}
	for name := range files(t, filepath.Join(dir, "out")) {
		if name != "n.csv" {
			t.Errorf("%s is left", name)
		}
	}
}
