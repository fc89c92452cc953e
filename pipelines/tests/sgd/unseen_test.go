package sgd_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Who goes on from a model of a table is told which cells that model has learned nothing of, and how many rows have no
// target: the columns are not looked at anew.
func TestWarmStartUnseen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var first, more strings.Builder
	first.WriteString("city,size,y\n")
	more.WriteString("city,size,y\n")
	for i := range 40 {
		fmt.Fprintf(&first, "%s,%d,%d\n", []string{"Rom", "Bonn"}[i%2], i%7, i%2)
		fmt.Fprintf(&more, "%s,%v,%v\n", []string{"Rom", "Oslo"}[i%2], []any{i, "", i, i}[i%4], []any{0, 1, "", 1, 0}[i%5])
	}
	clitest.Write(t, filepath.Join(dir, "first.csv"), first.String())
	clitest.Write(t, filepath.Join(dir, "more.csv"), more.String())
	for _, learner := range []string{"sgd --task=classification --solver=sgd --epochs=2", "bayes --kind=gaussian"} {
		args := append(strings.Fields(learner), "--target=y", "--report=none", "--shards=2")
		for i, last := range [][]string{{"--input=first.csv", "--output_model=m.json"}, {"--input=more.csv",
			"--warm_start=m.json", "--output_model=n.json", "--summary=s.json"}} {
			stdout, stderr, code := clitest.End(t, clitest.Other(dir, args[0], append(args[1:len(args):len(args)], last...)...))
			if code != 0 {
				t.Fatalf("%s: exit code %d: %s", learner, code, stderr)
			}
			for _, want := range []string{"  column city: 16 cells of categories that the model does not know\n",
				"  column size: 8 cells missing, of which the model has learned nothing\n",
				"  8 rows without a target are left out\n"} {
				if n := strings.Count(stdout+stderr, want); n != i {
					t.Errorf("%s, run %d: %d times %q in\n%s", learner, i, n, want, stdout+stderr)
				}
			}
		}
		if s := clitest.Read(t, filepath.Join(dir, "s.json")); !strings.Contains(strings.Join(strings.Fields(s), ""),
			`"unknown_categories":{"city":16},"missing_unlearned":{"size":8}`) {
			t.Errorf("%s: %s", learner, s)
		}
	}
}

// That rows are learned in several shards is told where nobody has asked for that.
func TestShardsLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("a,y\n")
	for i := range 40 {
		fmt.Fprintf(&b, "%d,%d\n", i%7, i%2)
	}
	clitest.Write(t, filepath.Join(dir, "rows.csv"), b.String())
	for _, flag := range []string{"", "--shards=8"} {
		args := []string{"--input=rows.csv", "--target=y", "--task=classification", "--solver=sgd", "--epochs=1",
			"--learning_rate=adagrad", "--report=none", "--output_model=m.json"}
		if flag != "" {
			args = append(args, flag)
		}
		if told := mustRun(t, dir, args...); strings.Contains(told, "8 shards of the rows") != (flag == "") {
			t.Errorf("%q: %s", flag, told)
		}
	}
}
