package predict_test

import (
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A cell that is missing where the rows learned from had none is told by every command that reads new rows.
func TestMissingUnlearned(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "n,c,y\n1,a,1\n2,b,2\n3,a,4\n4,b,3\n")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "n,c\n,a\nNA,b\n3,\n")
	for _, args := range [][]string{
		{"sgd", "--target=y", "--task=regression", "--output_model=s.json", "--report=none"},
		{"kmeans", "--columns=n,c", "--encode=auto", "--n_clusters=2", "--output_model=k.json", "--report=none"},
		{"eigen", "--columns=n,c", "--encode=auto", "--components=1", "--output_model=e.json", "--report=none"},
		{"transform", "--columns=n,c", "--output_encoding=t.json"},
	} {
		if _, stderr, code := clitest.End(t, clitest.Other(dir, args[0], append(args[1:], "--input=x.csv")...)); code != 0 {
			t.Fatal(args, stderr)
		}
	}
	for _, args := range [][]string{
		{"predict", "--model=s.json", "--input=q.csv", "--output=p.csv"},
		{"predict", "--model=k.json", "--input=q.csv", "--output=p.csv"},
		{"eigen", "--transform=e.json", "--input=q.csv", "--output=p.csv", "--report=none"},
		{"transform", "--transform=t.json", "--input=q.csv", "--output=p.csv"},
		{"kneighbors", "--input=x.csv", "--columns=n,c", "--encode=auto", "--queries=q.csv", "--k=1", "--output=p.csv",
			"--report=none"},
	} {
		_, stderr, code := clitest.End(t, clitest.Other(dir, args[0], append(args[1:], "--summary=s.txt")...))
		if code != 0 || !strings.Contains(stderr, "\n  column n: 2 cells missing, of which the ") ||
			!strings.Contains(stderr, "\n  column c: 1 cell missing, of which the ") {
			t.Error(args, code, stderr)
		}
		summary := clitest.Read(t, filepath.Join(dir, "s.txt"))
		if flat := strings.Join(strings.Fields(summary), ""); !strings.Contains(flat, `"missing_unlearned":{"c":1,"n":2}`) {
			t.Error(args, summary)
		}
	}
}
