package kneighbors_test

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
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
		"--k=3 --evaluate=wrong.csv":      `"neighbor_id"`,
		"--radius=3 --evaluate=other.csv": "a radius needs a k as well",
		"--k=3 --recall=0.9 --evaluate=other.csv": "without recall. To judge approximate ones, write them to a file first, " +
			"and evaluate that",
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

// evaluated is what a summary says of an evaluation.
type evaluated struct {
	Queries int64   `json:"queries"`
	Recall  float64 `json:"recall"`
	AtFirst float64 `json:"recall_at_1"`
	Missing int64   `json:"without_list"`
	Short   int64   `json:"short_lists"`
	Unknown int64   `json:"unknown_neighbors"`
	Alone   int64   `json:"queries_without_neighbors"`
	Crowded int64   `json:"neighbors_above_most"`
}

// evaluate runs the command and reads what its summary says.
func evaluate(t *testing.T, dir, args string) evaluated {
	t.Helper()
	_, stderr, code := runCommand(t, dir, strings.Fields(args+" --summary=s.json --report=none")...)
	if code != 0 {
		t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
	}
	var s struct {
		Evaluation evaluated `json:"evaluation"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &s); err != nil {
		t.Fatal(err)
	}
	return s.Evaluation
}

// squares are points i², of two brands by turns, in rows of one file or of several.
func squares(t *testing.T, dir string, n int, files ...string) {
	t.Helper()
	per := n / len(files)
	for f, name := range files {
		var b strings.Builder
		b.WriteString("name,brand,day,x\n")
		for i := f * per; i < (f+1)*per; i++ {
			fmt.Fprintf(&b, "n%d,%d,%d,%d\n", i, i%2, i, i*i)
		}
		clitest.Write(t, filepath.Join(dir, name), b.String())
	}
}

// Rows of neighbours that tell their ranks are taken by these, whatever order they stand in and however many there are;
// rows without ranks are the nearest first.
func TestEvaluateByRank(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	squares(t, dir, 40, "p.csv")
	points := "--input=p.csv --columns=x --id_column=name "
	for _, name := range []string{"long.csv", "long.jsonl", "long.parquet"} {
		_, stderr, code := runCommand(t, dir, strings.Fields(points+"--k=5 --layout=long --report=none --output="+name)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", name, code, stderr)
		}
	}
	lines := strings.Split(strings.TrimSpace(clitest.Read(t, filepath.Join(dir, "long.csv"))), "\n")
	header, rows := lines[0], lines[1:]
	slices.Reverse(rows)
	clitest.Write(t, filepath.Join(dir, "reversed.csv"), header+"\n"+strings.Join(rows, "\n")+"\n")
	records := strings.Split(strings.TrimSpace(clitest.Read(t, filepath.Join(dir, "long.jsonl"))), "\n")
	slices.Reverse(records)
	clitest.Write(t, filepath.Join(dir, "reversed.jsonl"), strings.Join(records, "\n")+"\n")
	edges := strings.NewReplacer("query_id", "source", "neighbor_id", "target")
	clitest.Write(t, filepath.Join(dir, "edges.csv"), edges.Replace(header)+"\n"+strings.Join(rows, "\n")+"\n")
	for _, name := range []string{"long.csv", "long.parquet", "reversed.csv", "reversed.jsonl", "edges.csv"} {
		if got := evaluate(t, dir, points+"--k=3 --evaluate="+name); got.Recall != 1 || got.AtFirst != 1 || got.Queries != 40 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	clitest.Write(t, filepath.Join(dir, "plain.csv"), strings.Replace(header, "rank", "place", 1)+"\n"+
		strings.Join(rows, "\n")+"\n")
	if got := evaluate(t, dir, points+"--k=3 --evaluate=plain.csv"); got.AtFirst == 1 {
		t.Errorf("without ranks: %+v", got)
	}
	clitest.Write(t, filepath.Join(dir, "faulty.csv"), "query_id,rank,neighbor_id\nn0,1,n1\nn0,x,n2\n")
	_, stderr, code := runCommand(t, dir, strings.Fields(points+"--k=3 --evaluate=faulty.csv --report=none")...)
	if code == 0 || !strings.Contains(stderr, `faulty.csv: row 1, column rank: found "x", expected a number`) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// What the command itself has written is judged as it is, in every format and layout: k neighbours of each query, where
// one more is asked for.
func TestEvaluateOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	squares(t, dir, 24, "p.csv")
	for _, ids := range []string{"--id_column=name", ""} {
		from := "--input=p.csv --columns=x " + ids
		for i, format := range []string{"csv", "jsonl", "parquet"} {
			for j, layout := range []string{"nested", "long", "edges"} {
				if ids == "" && layout != "nested" || clitest.Brief() && ids != "" && i != j {
					continue
				}
				write := fmt.Sprintf("%s --k=3 --layout=%s --num_shards=2 --output=o.%s --report=none", from, layout, format)
				if _, stderr, code := runCommand(t, dir, strings.Fields(write)...); code != 0 {
					t.Fatalf("%s: exit code %d\n%s", write, code, stderr)
				}
				want := evaluated{Queries: 24, Recall: 0.75, AtFirst: 1, Short: 24}
				if got := evaluate(t, dir, from+" --k=4 --evaluate=o-*."+format); got != want {
					t.Errorf("%s: %+v, want %+v", write, got, want)
				}
			}
		}
	}
	clitest.Write(t, filepath.Join(dir, "empty.jsonl"),
		`{"id":"n0","neighbors":[]}`+"\n"+`{"id":"n1","neighbors":["n0","x"]}`+"\n")
	want := evaluated{Queries: 24, Recall: 1.0 / 48, AtFirst: 1.0 / 24, Missing: 22, Short: 1, Unknown: 1}
	if got := evaluate(t, dir, "--input=p.csv --columns=x --id_column=name --k=2 --evaluate=empty.jsonl"); got != want {
		t.Errorf("of an empty list: %+v, want %+v", got, want)
	}
	for text, wrong := range map[string]string{
		`{"id":"n0","neighbors":[1.5]}`:    `row 0, column neighbors: found "[1.5]", expected a list of ids in JSON`,
		`{"id":"n0","neighbors":["n1",]}`:  "wrong.jsonl: row 0: found",
		`{"id":"n0","neighbors":{"n1":2}}`: `expected a list of ids in JSON`,
		`{"id":"n0","neighbor":["n1"]}`:    `expected columns "query_id" and "neighbor_id", or "id" and "neighbors"`,
	} {
		clitest.Write(t, filepath.Join(dir, "wrong.jsonl"), text+"\n")
		_, stderr, code := runCommand(t, dir, "--input=p.csv", "--columns=x", "--id_column=name", "--k=2",
			"--evaluate=wrong.jsonl")
		if code == 0 || !strings.Contains(stderr, wrong) {
			t.Errorf("%s: exit code %d, %s, want %s", text, code, stderr, wrong)
		}
	}
}

// With --max_per lists are judged by the nearest of each group: the same rule's are all right, and of a list without
// the rule those count that are the first of their group.
func TestEvaluateMaxPer(t *testing.T) {
	t.Parallel()
	const n = 40
	dir := t.TempDir()
	squares(t, dir, n, "p.csv")
	from := "--input=p.csv --columns=x --id_column=name --k=2 "
	for output, flags := range map[string]string{"all.parquet": "", "apart.jsonl": "--max_per=brand:1"} {
		write := from + "--report=none --output=" + output + " " + flags
		if _, stderr, code := runCommand(t, dir, strings.Fields(write)...); code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
	}
	both := 0 // queries whose two nearest are of two brands
	for i := range n {
		var order []int
		for j := range n {
			if j != i {
				order = append(order, j)
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return max(i*i-a*a, a*a-i*i) - max(i*i-b*b, b*b-i*i) })
		if order[0]%2 != order[1]%2 {
			both++
		}
	}
	if both == 0 || both == n {
		t.Fatalf("%d of %d queries have two brands", both, n)
	}
	for _, way := range []string{"", " --broadcast=file", " --filter=x>=0"} {
		want := evaluated{Queries: n, Recall: 1, AtFirst: 1}
		if got := evaluate(t, dir, from+"--max_per=brand:1 --evaluate=apart.jsonl"+way); got != want {
			t.Errorf("%s: of the same neighbours: %+v", way, got)
		}
		want.Recall, want.Crowded = float64(n+both)/(2*n), int64(n-both)
		if got := evaluate(t, dir, from+"--max_per=brand:1 --evaluate=all.parquet"+way); got != want {
			t.Errorf("%s: %+v, want %+v", way, got, want)
		}
	}
}

// Lists of other ids are not only said to be bad.
func TestEvaluateOtherIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	squares(t, dir, 10, "p.csv")
	clitest.Write(t, filepath.Join(dir, "other.csv"), "query_id,neighbor_id\n0,1\n1,2\n")
	args := "--input=p.csv --columns=x --id_column=name --k=1 --evaluate=other.csv --report=none"
	_, stderr, code := runCommand(t, dir, strings.Fields(args)...)
	if want := "no query has a list there: are the ids there those of --id_column?"; code != 0 ||
		!strings.Contains(stderr, want) || strings.Contains(stderr, "counts as recall 0") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// By rules, and within a radius, the recall is that of the neighbours that a query may have, as a count by the
// definition gives it; a query that may have none does not count.
func TestEvaluateRules(t *testing.T) {
	t.Parallel()
	const n, k = 40, 3
	dir := t.TempDir()
	squares(t, dir, n, "p.csv")
	from := fmt.Sprintf("--input=p.csv --columns=x --id_column=name --k=%d ", k)
	if _, stderr, code := runCommand(t, dir, strings.Fields(from+"--output=all.parquet --report=none")...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	distance := func(i, j int) int { return max(i*i-j*j, j*j-i*i) }
	nearest := func(i int, may func(j int) bool) (list []int) {
		for j := range n {
			if j != i && may(j) {
				list = append(list, j)
			}
		}
		slices.SortStableFunc(list, func(a, b int) int { return distance(i, a) - distance(i, b) })
		return list[:min(k, len(list))]
	}
	for flags, may := range map[string]func(i, j int) bool{
		"--filter=brand=1":                    func(_, j int) bool { return j%2 == 1 },
		"--only_same=brand":                   func(i, j int) bool { return j%2 == i%2 },
		"--exclude_same=brand":                func(i, j int) bool { return j%2 != i%2 },
		"--before=day":                        func(i, j int) bool { return j < i },
		"--radius=25":                         func(i, j int) bool { return distance(i, j) <= 25 },
		"--radius=25 --only_same=brand":       func(i, j int) bool { return distance(i, j) <= 25 && j%2 == i%2 },
		"--filter=brand=1 --broadcast=file":   func(_, j int) bool { return j%2 == 1 },
		"--before=day --broadcast=side_input": func(i, j int) bool { return j < i },
	} {
		want, sum := evaluated{}, 0.0
		for i := range n {
			exact := nearest(i, func(j int) bool { return may(i, j) })
			if len(exact) == 0 {
				want.Alone++
				continue
			}
			want.Queries++
			hits := 0
			for place, j := range nearest(i, func(int) bool { return true })[:len(exact)] {
				if may(i, j) && distance(i, j) <= distance(i, exact[len(exact)-1]) {
					hits++
				}
				if place == 0 && may(i, j) && distance(i, j) <= distance(i, exact[0]) {
					want.AtFirst++
				}
			}
			sum += float64(hits) / float64(len(exact))
		}
		want.Recall, want.AtFirst = sum/float64(want.Queries), want.AtFirst/float64(want.Queries)
		got := evaluate(t, dir, from+"--evaluate=all.parquet "+flags)
		if got.Unknown = 0; math.Abs(got.Recall-want.Recall) < 1e-12 {
			got.Recall = want.Recall
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", flags, got, want)
		}
		// What the same rules have found is found.
		write := from + "--output=same.jsonl --report=none " + flags
		if _, stderr, code := runCommand(t, dir, strings.Fields(write)...); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", flags, code, stderr)
		}
		if got := evaluate(t, dir, from+"--evaluate=same.jsonl "+flags); got.Recall != 1 || got.AtFirst != 1 {
			t.Errorf("%s: of the same neighbours: %+v", flags, got)
		}
	}
}

// Several indexes judge another system as one of all their points does, by ids and by row numbers, of their points and
// of other queries.
func TestEvaluateSeveral(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	squares(t, dir, 40, "a.csv", "b.csv")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "name,x\nq0,401\nq1,10\nq2,1000\n")
	for _, f := range []string{"a", "b"} {
		buildIndex(t, dir, "--input="+f+".csv", "--columns=x", "--id_column=name", "--index="+f+".index")
	}
	const from = "--input=a.csv,b.csv --columns=x --id_column=name"
	for _, queries := range []string{"", " --queries=q.csv"} {
		for _, other := range []string{"o.parquet", "o.npy"} {
			write := "--input=a.csv,b.csv --columns=x --k=2 --report=none --output=" + other + queries
			if strings.HasSuffix(other, ".parquet") {
				write += " --id_column=name"
			}
			if _, stderr, code := runCommand(t, dir, strings.Fields(write)...); code != 0 {
				t.Fatalf("%s: exit code %d\n%s", write, code, stderr)
			}
			other = strings.Replace(other, ".npy", ".indices.npy", 1)
			of := queries + " --k=3 --evaluate=" + other
			want := evaluate(t, dir, from+of)
			if want.Queries == 0 || math.Abs(want.Recall-2.0/3) > 1e-12 || want.Unknown != 0 {
				t.Errorf("%s: %+v", of, want)
			}
			for _, more := range []string{"", " --only_same=brand"} {
				if more != "" && queries != "" {
					continue
				}
				want := evaluate(t, dir, from+of+more)
				asked := "--index=a.index,b.index" + of + more
				switch {
				case more != "":
					asked += " --input=a.csv,b.csv --columns=x --id_column=name"
				case queries != "":
					asked += " --columns=x --id_column=name"
				}
				if got := evaluate(t, dir, asked); got != want {
					t.Errorf("%s: %+v, want %+v", asked, got, want)
				}
			}
		}
	}
}
