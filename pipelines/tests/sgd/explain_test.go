package sgd_test

import (
	"os"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A plan says what would be done, and does nothing.
func TestExplain(t *testing.T) {
	for args, want := range map[string][]string{
		"--standardize": {"rows      569 × 30 columns in 1 file", "solver    exact", "passes    about ",
			"learning  about ", "kept      about ", "at most the 512.0 MiB of --cache_memory"},
		"--cache_memory=20480": {"kept      about 1.2 KiB of rows in memory",
			"and about 148.2 KiB in a temporary file, both by --cache_memory"},
		"--cache_memory=0":                   {"memory    about "},
		"--solver=sgd --epochs=3 --shards=2": {"solver    sgd", "passes    about 4, in 1 pipelines, over 2 shards"},
		"--solver=sgd --epochs=9 --shards=2 --checkpoint_passes=10 --runner=flink --endpoint=localhost:1 --parallelism=4": {
			"in 1 pipelines", "warning: 2 shards are too few to keep 4 workers busy",
			"warning: 10 passes in a pipeline need more of Flink's network buffers", "no job server"},
	} {
		dir := t.TempDir()
		c := clitest.Command(dir, append(strings.Fields(args), "--explain", "--input="+
			clitest.Testdata(t, "breast_cancer.csv"), "--target=target",
			"--task=classification", "--model=out/model.json")...)
		stdout, stderr, code := clitest.End(t, c)
		if code != 0 || stderr != "" {
			t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
		}
		for _, w := range want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s: no %q in\n%s", args, w, stdout)
			}
		}
		if strings.Contains(args, "memory=0") && strings.Contains(stdout, "kept") {
			t.Errorf("%s: rows are said to be kept\n%s", args, stdout)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", args, left, err)
		}
	}
}
