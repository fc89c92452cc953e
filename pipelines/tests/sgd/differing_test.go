package sgd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Files of which one lacks a column of text, or has one more, are no table together; that is told, where all text would
// otherwise be left out as if rows were numbers. Columns that all have can be named.
func TestDifferingTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "n,s,city,y\n1,u,Rom,2\n2,v,Bonn,4\n3,u,Rom,5\n")
	clitest.Write(t, filepath.Join(dir, "b.csv"), "n,s,y\n4,u,2\n2,v,4\n3,u,5\n")
	for _, learner := range []string{"sgd --target=y --task=regression", "bayes --target=y --kind=gaussian",
		"kmeans --n_clusters=2"} {
		for _, files := range []string{"a.csv,b.csv", "b.csv,a.csv"} {
			args := append(strings.Fields(learner), "--input="+files, "--report=none", "--output_model=m.json")
			_, stderr, code := clitest.End(t, clitest.Other(dir, args[0], args[1:]...))
			if _, err := os.Stat(filepath.Join(dir, "m.json")); code != 1 || err == nil ||
				!strings.Contains(stderr, `"city"`) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("%s of %s: exit code %d: %s", learner, files, code, stderr)
			}
		}
	}
	told := mustRun(t, dir, "--input=a.csv,b.csv", "--target=y", "--task=regression", "--columns=n,s", "--report=none",
		"--output_model=m.json")
	if !strings.Contains(told, "s: categorical: 2 distinct values") {
		t.Error(told)
	}
}
