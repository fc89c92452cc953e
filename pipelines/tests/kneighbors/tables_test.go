package kneighbors_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// tableArgs ask for the neighbours of testdata/flights_small, as its reference has them.
func tableArgs(t *testing.T, ext string, more ...string) []string {
	return append([]string{
		"--input=" + clitest.Testdata(t, "flights_small."+ext), "--id_column=id", "--columns=*,!air_time,!tailnum,!delayed",
		"--encode=auto", "--standardize",
		"--report=none",
	}, more...)
}

// distances are those of an output, and its queries and neighbours.
func distances(t *testing.T, name string) (pairs [][2]string, d []float64) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(clitest.Read(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		pairs, d = append(pairs, [2]string{r[0], r[2]}), append(d, v)
	}
	return pairs, d
}

// Rows of a table are as far from each other as scikit-learn's ColumnTransformer makes them; the answers are the same
// bytes from every format, and by every way of the index.
func TestTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want struct{ Distances [][]float64 }
	if err := json.Unmarshal([]byte(clitest.Read(t, clitest.Testdata(t, "flights_small.neighbors.json"))),
		&want); err != nil {
		t.Fatal(err)
	}
	var first string
	for i, c := range []struct{ ext, flag string }{
		{"csv", "--threads=1"}, {"parquet", "--chunk_rows=50"}, {"jsonl", "--broadcast=side_input"},
		{"arrow", "--broadcast=file"},
		{"csv", "--index_memory=20KB"}, {"parquet", "--dtype=float64"},
	} {
		if clitest.LeftOut(i) {
			continue
		}
		name := filepath.Join(dir, strconv.Itoa(i)+".csv")
		stdout, stderr, code := runCommand(t, dir, tableArgs(t, c.ext, "--k=3", "--output="+name, c.flag)...)
		if code != 0 || stdout != "" || !strings.Contains(stderr, "carrier: categorical: 14 distinct values") {
			t.Fatalf("%v: exit code %d\n%s%s", c, code, stdout, stderr)
		}
		if text := clitest.Read(t, name); first == "" {
			first = text
		} else if text != first {
			t.Errorf("%v: other neighbours than from .csv", c)
		}
	}
	_, got := distances(t, filepath.Join(dir, "0.csv"))
	if len(got) != 3*len(want.Distances) {
		t.Fatalf("%d neighbours, want 3 of %d rows", len(got), len(want.Distances))
	}
	for i, d := range got {
		if w := want.Distances[i/3][i%3]; !(math.Abs(d-w) <= 1e-9) {
			t.Fatalf("neighbour %d of row %d is %v away, want %v", i%3, i/3, d, w)
		}
	}
}

// Queries are encoded as the points are, from another format, in another order of columns, and with columns that do
// not count.
func TestTableQueries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rows, err := csv.NewReader(strings.NewReader(clitest.Read(t, clitest.Testdata(t, "flights_small.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var q strings.Builder
	w := csv.NewWriter(&q)
	for i, r := range rows[:40] {
		other := []string{"extra" + strconv.Itoa(i)}
		for j := len(r) - 1; j >= 0; j-- {
			other = append(other, r[j])
		}
		if i == 0 {
			other[0] = "extra"
		}
		if err := w.Write(other); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	clitest.Write(t, filepath.Join(dir, "q.csv"), q.String())
	stdout, stderr, code := runCommand(t, dir, tableArgs(t, "parquet", "--k=1", "--queries=q.csv", "--output=o.csv")...)
	if code != 0 || stdout != "" {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	pairs, d := distances(t, filepath.Join(dir, "o.csv"))
	if len(d) != 39 {
		t.Fatalf("%d answers, want 39", len(d))
	}
	for i, p := range pairs {
		if d[i] != 0 || p[0] != p[1] {
			t.Errorf("the nearest of %s is %s, %v away, want itself", p[0], p[1], d[i])
		}
	}
}

// An index keeps the encoding of its points: queries of tables have the answers that they have without it, by the
// same bytes; so have the points. What queries lack, or do not know, is told.
func TestTableIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := tableArgs(t, "parquet")
	without := args[:len(args)-1] // index has no page
	buildIndex(t, dir, append(without[:len(without):len(without)], "--index=f.index")...)
	run := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := runCommand(t, dir, append(args, "--k=3", "--report=none")...)
		if code != 0 || stdout != "" {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
		}
		return stderr
	}
	same := func(a, b string) {
		t.Helper()
		if a, b := clitest.Read(t, filepath.Join(dir, a)), clitest.Read(t, filepath.Join(dir, b)); a != b {
			t.Error("other answers by the index")
		}
	}
	queries := "--queries=" + clitest.Testdata(t, "flights_small.csv")
	for i, flag := range []string{queries, "--threads=2"} {
		a, b := strconv.Itoa(i)+"a.csv", strconv.Itoa(i)+"b.csv"
		run(append(without[:len(without):len(without)], flag, "--output="+a)...)
		more := []string{"--index=f.index", flag, "--output=" + b}
		if flag == queries {
			more = append(more, "--id_column=id", "--chunk_rows=100")
		}
		run(more...)
		same(a, b)
	}
	run("--index=f.index", args[0], args[1], "--output=c.csv") // of the points as they are
	same("1a.csv", "c.csv")
	rows := strings.SplitAfter(clitest.Read(t, clitest.Testdata(t, "flights_small.csv")), "\n")
	carrier := strings.Split(rows[1], ",")[4]
	clitest.Write(t, filepath.Join(dir, "q.csv"), rows[0]+strings.Replace(rows[1], ","+carrier+",", ",??,", 1)+rows[2])
	clitest.Write(t, filepath.Join(dir, "lacks.csv"), strings.Replace(rows[0], "carrier", "airline", 1)+rows[1])
	if told := run("--index=f.index", "--queries=q.csv", "--output=q.out.csv"); !strings.Contains(told,
		"column carrier: 1 cell of categories that the encoding of the points does not know") {
		t.Error(told)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--index=f.index", "--queries=lacks.csv"}, `, without "carrier", expected the columns `},
		{[]string{"--index=f.index", queries, "--standardize"},
			"--index: an index has its own encoding of tables, or none: without flags of tables, and without --standardize"},
		{[]string{"--index=f.index", "--queries=" + clitest.Testdata(t, "words.npy")},
			"words.npy: found the format npy, which is numbers, expected a table of named columns"},
		{[]string{"--index=f.index", "--input=q.csv"}, "expected an index of the input as it is: build it anew"},
	} {
		stdout, stderr, code := runCommand(t, dir, append(c.args, "--k=1", "--output=o.csv")...)
		if code == 0 || stdout != "" || strings.Count(stderr, c.want) != 1 {
			t.Errorf("%v: exit code %d, no %q in\n%s%s", c.args, code, c.want, stdout, stderr)
		}
	}
}

// What cannot be a table, or is not asked of one, is told before any work.
func TestTableFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "x,colour\n1,red\n2,blue\n3,red\n")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "x\n1\n")
	buildIndex(t, dir, "--input=a.csv", "--columns=x", "--index=x.index")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--input=" + clitest.Testdata(t, "words.npy"), "--encode=auto"},
			"words.npy: found the format npy, which is numbers, expected a table of named columns"},
		{[]string{"--index=x.index", "--queries=a.csv", "--categorical=colour"},
			"--index: an index has its own encoding of tables, or none: without flags of tables, and without --standardize"},
		{[]string{"--index=x.index", "--queries=a.csv", "--standardize"},
			"--index: an index has its own encoding of tables, or none: without flags of tables, and without --standardize"},
		{[]string{"--input=a.csv", "--encode=auto", "--queries=q.csv"},
			`q.csv: found the columns "x", without "colour", expected the columns "x", "colour", as in a.csv`},
		{[]string{"--input=a.csv", "--categorical=color"}, `color`},
		{[]string{"--input=a.csv", "--encode=none", "--categorical=colour"}, "--encode=none: without flags of tables"},
	} {
		stdout, stderr, code := runCommand(t, dir, append(c.args, "--k=1", "--output=o.csv")...)
		if code == 0 || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, no %q in\n%s%s", c.args, code, c.want, stdout, stderr)
		}
	}
	if _, stderr, code := runCommand(t, dir, "--input=a.csv", "--k=1", "--output=o.csv", "--report=none"); code != 0 ||
		!strings.Contains(stderr, "left out: colour (text)") {
		t.Errorf("without flags of tables: exit code %d, %s", code, stderr)
	}
	if got := strings.Join(names(t, dir), " "); got != "a.csv o.csv q.csv x.index" {
		t.Errorf("left: %s", got)
	}
}
