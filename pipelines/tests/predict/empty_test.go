package predict_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Rows that are none have an answer of none, by models of every kind; and of several files to learn from some may have
// none, as engines write them, but not all.
func TestNoRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(command string, args ...string) (string, int) {
		stdout, stderr, code := clitest.End(t, clitest.Other(dir, command, append(args, "--quiet")...))
		return stdout + stderr, code
	}
	must := func(command string, args ...string) {
		t.Helper()
		if out, code := run(command, args...); code != 0 {
			t.Fatalf("%s %v: %d %s", command, args, code, out)
		}
	}
	const rows = "1,u,2\n2,v,3\n4,u,5\n3,v,1\n"
	clitest.Write(t, filepath.Join(dir, "rows.csv"), "a,s,y\n"+rows)
	clitest.Write(t, filepath.Join(dir, "none.csv"), "a,s,y\n")
	clitest.Write(t, filepath.Join(dir, "none.jsonl"), "")
	clitest.WriteNPY(t, filepath.Join(dir, "numbers.npy"), 2, []float64{1, 2, 2, 3, 4, 5, 3, 1})
	clitest.WriteNPY(t, filepath.Join(dir, "none.npy"), 2, nil)
	must("sgd", "--input=rows.csv", "--target=y", "--task=regression", "--report=none", "--output_model=table.json")
	must("sgd", "--input=rows.csv", "--target=s", "--task=classification", "--report=none", "--output_model=numbers.json")
	must("bayes", "--input=rows.csv", "--target=s", "--kind=gaussian", "--report=none", "--output_model=bayes.json")
	must("kmeans", "--input=numbers.npy", "--n_clusters=2", "--report=none", "--output_model=clusters.json")
	must("eigen", "--input=numbers.npy", "--components=1", "--report=none", "--output_model=components.json")
	must("transform", "--input=rows.csv", "--target=y", "--output_encoding=encoding.json")
	for _, c := range [][]string{
		{"table.json", "none.csv", "id,prediction\n"},
		{"numbers.json", "none.csv", "id,prediction\n"}, {"numbers.json", "none.npy", "id,prediction\n"},
		{"numbers.json", "none.jsonl", "id,prediction\n"}, {"bayes.json", "none.csv", "id,prediction\n"},
		{"clusters.json", "none.npy", "id,cluster,distance\n"}, {"components.json", "none.npy", "id,pca0\n"},
	} {
		must("predict", "--model="+c[0], "--input="+c[1], "--output=of.csv")
		if got := clitest.Read(t, filepath.Join(dir, "of.csv")); got != c[2] {
			t.Errorf("%v: %q", c[:2], got)
		}
	}
	must("eigen", "--transform=components.json", "--input=none.npy", "--report=none", "--output=of.csv")
	must("transform", "--transform=encoding.json", "--input=none.csv", "--output=of.npz")
	must("sgd", "--input=none.csv,rows.csv", "--target=y", "--task=regression", "--report=none",
		"--output_model=again.json")
	a, b := clitest.Read(t, filepath.Join(dir, "table.json")), clitest.Read(t, filepath.Join(dir, "again.json"))
	if a != b {
		t.Errorf("beside a file without rows: %s\n%s", a, b)
	}
	must("predict", "--model=table.json", "--input=none.csv,rows.csv", "--output=of.csv")
	if got := clitest.Read(t, filepath.Join(dir, "of.csv")); strings.Count(got, "\n") != 5 {
		t.Error(got)
	}
	must("kmeans", "--input=none.npy,numbers.npy", "--n_clusters=2", "--report=none", "--output_model=clusters.json")
	must("inspect", "none.csv", "rows.csv")
	for _, inputs := range []string{"none.csv", "none.csv,none.csv", "none.npy,none.npy"} {
		out, code := run("eigen", "--input="+inputs, "--columns=0", "--components=1", "--output=none.out.csv")
		if _, err := os.Stat(filepath.Join(dir, "none.out.csv")); code != 1 || err == nil ||
			!strings.Contains(out, "expected rows of data") {
			t.Errorf("%s: %d %s", inputs, code, out)
		}
	}
}
