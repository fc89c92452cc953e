package kneighbors_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A plan says what would be done and where it would fail, and does nothing.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--k=10", []string{"points     about 18", "queries    every point", "in process: ", "distances  about 3.",
			"searching  about ", "memory     about ", "shuffle    about "}},
		{"--k=10 --runner=flink --endpoint=localhost:1 --parallelism=4", []string{
			"side_input: the index is small", "on 4 × 1 cores",
			"queries make 1 chunks, too few to keep 4 workers busy: --chunk_rows=1",
			"warning: --endpoint=localhost:1: no job server"}},
		{"--k=10 --broadcast=shards --index_memory=300KB", []string{"a worker may spend 293.0 KiB on it: "}},
	} {
		dir := t.TempDir()
		args := append(strings.Fields(c.args), "--explain", "--input="+clitest.Testdata(t, "digits.csv"), "--id_column=id",
			"--columns=pixel_*",
			"--output=out/neighbors.csv", "--summary=plan.json")
		stdout, stderr, code := runCommand(t, dir, args...)
		if code != 0 || stderr != "kneighbors: left out: target (number)\n" {
			t.Fatalf("%s: exit code %d\n%s", c.args, code, stderr)
		}
		for _, w := range c.want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s: no %q in\n%s", c.args, w, stdout)
			}
		}
		if got := names(t, dir); len(got) != 1 || got[0] != "plan.json" {
			t.Errorf("%s: files %v", c.args, got)
		}
		var plan struct {
			Points    int64
			Distances float64
			Seconds   float64 `json:"search_s"`
		}
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "plan.json"))), &plan); err != nil {
			t.Fatal(err)
		}
		// The rows of text are estimated from the beginning of the file.
		if plan.Points < 1750 || plan.Points > 1850 || plan.Distances != float64(plan.Points*plan.Points) ||
			!(plan.Seconds > 0) {
			t.Errorf("%s: %+v", c.args, plan)
		}
	}
	// What is wrong with the command line or the input is as wrong as ever.
	_, stderr, code := runCommand(t, t.TempDir(), "--explain", "--input=none.csv", "--k=3", "--output=out/n.csv")
	if code != 1 || !strings.Contains(stderr, "none.csv") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
