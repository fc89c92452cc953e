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
		"--runner=dataflow --project=p --region=r --staging_location=gs://b/s --dry_run --max_num_workers=20 " +
			`--worker_machine_type=n2-standard-8 --labels={"team":"x"}`: {
			"dataflow  at most 20 machines of n2-standard-8, as it scales: 160 vCPUs", `labels    {"team":"x"}`,
			" vCPU-hours and $", "on 160 × 1 cores"},
		"--runner=dataflow --project=p --region=r --staging_location=gs://b/s --dry_run --num_workers=3 " +
			"--autoscaling_algorithm=NONE --worker_machine_type=n1-highcpu-2 --cache_memory=0": {
			"dataflow  3 machines of n1-highcpu-2: 6 vCPUs"},
		"--runner=dataflow --project=p --region=r --staging_location=gs://b/s --dry_run": {
			"dataflow  as many machines as it chooses: --worker_machine_type and --max_num_workers say"},
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
