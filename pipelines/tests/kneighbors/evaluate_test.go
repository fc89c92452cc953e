package kneighbors_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// What another system has found is judged by the exact neighbours, by every way of the index that has all points.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var points, queries, lists strings.Builder
	points.WriteString("name,x\n")
	// i² apart, so that the three nearest of i are i−1, i−2 and i−3, or follow where it is among the first
	for i := range 90 {
		fmt.Fprintf(&points, "n%d,%d\n", i, i*i)
	}
	queries.WriteString("name,x\nq0,401\nq1,2501\nq2,0\nq3,401\n")
	lists.WriteString("query_id,rank,neighbor_id,distance\n")
	for _, l := range []string{"q0 n20 n19 n21", "q1 n50 n49 n7", "q3 n21 n19"} {
		f := strings.Fields(l)
		for rank, n := range f[1:] {
			fmt.Fprintf(&lists, "%s,%d,%s,0\n", f[0], rank+1, n)
		}
	}
	for name, text := range map[string]string{"p.csv": points.String(), "q.csv": queries.String(),
		"other.csv": lists.String(),
		"wrong.csv": "query_id,neighbour\nq0,n1\n"} {
		clitest.Write(t, filepath.Join(dir, name), text)
	}
	run := func(args string) (string, int) {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--input=p.csv", "--id_column=name",
			"--report=none")...)
		return stderr, code
	}
	for _, way := range []string{"", "--broadcast=side_input --chunk_rows=3", "--broadcast=file --threads=1"} {
		stderr, code := run("--queries=q.csv --k=3 --output=o.csv --evaluate=other.csv --summary=s.json " + way)
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", way, code, stderr)
		}
		var s struct {
			Evaluation struct {
				Queries   int64              `json:"queries"`
				Recall    float64            `json:"recall"`
				First     int64              `json:"first_right"`
				Missing   int64              `json:"without_list"`
				Short     int64              `json:"short_lists"`
				Quantiles map[string]float64 `json:"recall_quantiles"`
			} `json:"evaluation"`
		}
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &s); err != nil {
			t.Fatal(err)
		}
		// q0 has all three, q1 and q3 two of them, q2 no list.
		if e := s.Evaluation; e.Queries != 4 || e.Recall != 7.0/12 || e.First != 2 || e.Missing != 1 || e.Short != 1 ||
			e.Quantiles["50%"] != 2.0/3 {
			t.Errorf("%s: %+v", way, e)
		}
		if !strings.Contains(stderr, "evaluated: recall@3 0.5833") ||
			!strings.Contains(stderr, "1 query has no list there") {
			t.Errorf("%s: told\n%s", way, stderr)
		}
	}
	if _, stderr, code := runCommand(t, dir, "--input=p.csv", "--columns=x", "--k=3", "--output=rows.npy",
		"--report=none"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if stderr, code := run("--k=3 --output=o.csv --evaluate=rows.indices.npy"); code != 0 ||
		!strings.Contains(stderr, "recall@3 1.0000") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	for args, want := range map[string]string{
		"--k=3 --queries=q.csv --evaluate=rows.indices.npy": "rows.indices.npy: found 90 rows, expected a row for each of " +
			"4 queries",
		"--k=3 --evaluate=wrong.csv":                    `"neighbor_id"`,
		"--radius=3 --evaluate=other.csv":               "without a radius",
		"--k=3 --recall=0.9 --evaluate=other.csv":       "without recall",
		"--k=3 --index_memory=1MB --evaluate=other.csv": "without shards",
	} {
		if stderr, code := run(args + " --output=z.csv"); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
	if got := fmt.Sprint(names(t, dir)); got != "[o.csv other.csv p.csv q.csv rows.distances.npy rows.indices.npy "+
		"s.json wrong.csv]" {
		t.Errorf("files %s", got)
	}
}

// Who wants to know how good another system is needs no output: a page is written where one is asked for, and nothing
// is left of what was.
func TestEvaluateAlone(t *testing.T) {
	t.Parallel()
	dir, temp := t.TempDir(), t.TempDir()
	var points strings.Builder
	points.WriteString("name,x\n")
	for i := range 90 {
		fmt.Fprintf(&points, "n%d,%d\n", i, i*i)
	}
	clitest.Write(t, filepath.Join(dir, "p.csv"), points.String())
	// the nearest of n0 are n1 and n2; of n9, n8 and n10
	clitest.Write(t, filepath.Join(dir, "q.csv"), "name,x\nq0,0\nq1,81\n")
	clitest.Write(t, filepath.Join(dir, "other.csv"), "query_id,neighbor_id\nq0,n0\nq0,n1\nq1,n9\nq1,n70\n")
	run := func(args string) (string, int) {
		_, stderr, code := runCommand(t, dir, strings.Fields("--input=p.csv --id_column=name --queries=q.csv --k=2 "+
			"--evaluate=other.csv "+args)...)
		return stderr, code
	}
	for _, way := range []string{"", "--broadcast=file", "--broadcast=side_input", "--staging=" + temp, "--report=none"} {
		stderr, code := run(way)
		if code != 0 || !strings.Contains(stderr, "evaluated: recall@2 0.7500 (95 % of queries like these: 0.") {
			t.Errorf("%s: exit code %d\n%s", way, code, stderr)
		}
		if got := fmt.Sprint(names(t, dir), names(t, temp)); got != "[other.csv p.csv q.csv] []" {
			t.Errorf("%s: files %s", way, got)
		}
	}
	if stderr, code := run("--report=seen.html --summary=s.json"); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	page := clitest.Read(t, filepath.Join(dir, "seen.html"))
	for _, want := range []string{"What another system has found", "recall@2 is 0.7500 of 2 queries"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for args, want := range map[string]string{
		"--layout=long":                  "--layout is of neighbours that are written: --output=FILE",
		"--on_error=skip":                "only be skipped where there is an output",
		"--num_shards=2 --mode=distance": "--mode is of neighbours that are written",
	} {
		if stderr, code := run(args); code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
}
