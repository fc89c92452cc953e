package groups_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "groups", "TestGroups") }

const table = "name,x,price\nann,0,3\nbob,5,1\ncid,1,9\ndan,2,4\neve,5.5,1\n"

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A table of a user's own: the column that decides is none of the vector.
func TestGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", table)
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.csv", "--id_column=name", "--radius=1",
		"--keep=price:max", "--output=g.csv", "--summary=s.json"))
	if code != 0 || stdout != "" {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	const want = "id,group,size,keep\nann,ann,3,0\nbob,bob,2,1\ncid,ann,3,1\ndan,ann,3,0\neve,bob,2,0\n"
	if got := clitest.Read(t, filepath.Join(dir, "g.csv")); got != want {
		t.Errorf("got\n%s", got)
	}
	if !strings.Contains(stderr, "5 rows × 1 column: 2 groups, 2 of several rows, with 5 rows, the largest of 3; 2 stay") {
		t.Errorf("told\n%s", stderr)
	}
	if page := clitest.Read(t, filepath.Join(dir, "g.html")); !strings.Contains(page,
		"<li><strong>cid</strong></li><li>ann</li><li>dan</li>") {
		t.Error("no group of cid, ann and dan on the page")
	}
	var summary struct {
		Groups map[string]int64 `json:"groups"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Groups["groups"] != 2 || summary.Groups["largest_group"] != 3 {
		t.Errorf("summary %v", summary.Groups)
	}
}

// Sparse rows of too many columns for their zeros are answered exactly, whatever the recall asked, all in one worker or
// in shards.
func TestSparseRecall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const columns = 50_000
	var rows strings.Builder
	for i := range 300 {
		fmt.Fprintf(&rows, "0 %d:1 %d:1 %d:1\n", 1+i%3, 10+i/3, columns-i%2)
	}
	write(t, dir, "x.svm", rows.String())
	search := []string{"--input=x.svm", "--metric=cosine", "--radius=0.4", "--output=g.csv", "--report=none"}
	var want string
	for _, flags := range [][]string{nil, {"--recall=0.9"}, {"--recall=0.9", "--index_memory=1GB"},
		{"--recall=0.9", "--index_memory=300KB"}} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(flags, search...)...))
		if code != 0 || (flags != nil) != strings.Contains(stderr, "recall 1: all rows were answered exactly") {
			t.Fatalf("%v: exit code %d\n%s", flags, code, stderr)
		}
		got := clitest.Read(t, filepath.Join(dir, "g.csv"))
		if want == "" {
			want = got
		}
		if got != want || !strings.Contains(got, "\n2,") || strings.Count(got, "\n") != 301 {
			t.Errorf("%v: got\n%s", flags, got)
		}
	}
}

// Rows of which each is the nearest of the other are one group: cid and dan, and bob and eve, but not ann, whose
// nearest is cid. There is no page but within a radius.
func TestMutual(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", "name,x\nann,0\nbob,5\ncid,1.5\ndan,2\neve,5.5\n")
	for i, c := range []struct {
		flags []string
		want  string
	}{
		{nil, "ann,ann,1,1\nbob,bob,2,1\ncid,cid,2,1\ndan,cid,2,0\neve,bob,2,0\n"},
		{[]string{"--radius=0.4"}, "ann,ann,1,1\nbob,bob,1,1\ncid,cid,1,1\ndan,dan,1,1\neve,eve,1,1\n"},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(c.flags, "--input=x.csv", "--id_column=name",
			"--mutual_k=1", "--output=g.csv")...))
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		if got := clitest.Read(t, filepath.Join(dir, "g.csv")); got != "id,group,size,keep\n"+c.want {
			t.Errorf("%v: got\n%s", c.flags, got)
		}
		if i == 0 && !strings.Contains(stderr, "  2 pairs in ") {
			t.Errorf("told\n%s", stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "g.html")); (err == nil) != (c.flags != nil) {
			t.Errorf("%v: the page: %v", c.flags, err)
		}
	}
}

// A chain of rows is cut at the diameter, which the summary and the page tell.
func TestMaxDiameter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", "x\n0\n1\n2.1\n3\n9\n")
	_, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.csv", "--radius=1.2", "--max_diameter=1.5",
		"--keep=last", "--recall=0.99",
		"--output=g.csv", "--output_kept=kept.csv"))
	if code != 0 || !strings.Contains(stderr, "3 stay; 1 was wider than the diameter, and is cut") ||
		!strings.Contains(stderr, "recall 1: all rows") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if got := clitest.Read(t, filepath.Join(dir,
		"g.csv")); got != "id,group,size,keep\n0,0,2,0\n1,0,2,1\n2,2,2,0\n3,2,2,1\n4,4,1,1\n" {
		t.Errorf("got\n%s", got)
	}
	if got := clitest.Read(t, filepath.Join(dir, "kept.csv")); got != "x\n1\n3\n9\n" {
		t.Errorf("kept\n%s", got)
	}
	if page := clitest.Read(t, filepath.Join(dir, "g.html")); !strings.Contains(page, "groups cut at it") {
		t.Error("the page tells of no cut")
	}
}

// Rows that stay, and those that do not, are written as they stand, in the format of the input and of any size of a
// chunk; rows at fault are neither.
func TestKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const head = "name,x,price\r\n"
	rows := []string{"\"ann, a\",0.50,3\r\n", "bob,5,\"1\"\r\n", "bad,x1,2\n", "cid,1,9\n", "\"da\nn\",2,4\n", "eve,5.5,1"}
	write(t, dir, "x.csv", head+strings.Join(rows, ""))
	lines := func(places ...int) string {
		text := "name,x,price\n"
		for _, i := range places {
			text += strings.TrimRight(rows[i], "\r\n") + "\n"
		}
		return text
	}
	for _, c := range []struct {
		args          string
		kept, dropped string
	}{
		{"--keep=price:max", lines(1, 3), lines(0, 4, 5)},
		{"--keep=last --chunk_rows=2 --columns=x", lines(4, 5), lines(0, 1, 3)},
	} {
		args := append(strings.Fields(c.args), "--input=x.csv", "--id_column=name", "--radius=1", "--on_error=skip",
			"--output=g.csv",
			"--output_kept=kept.csv", "--output_dropped=dropped.csv")
		if _, stderr, code := clitest.End(t, clitest.Command(dir, args...)); code != 0 ||
			!strings.Contains(stderr, "kept.csv\ndropped.csv\n") {
			t.Fatalf("%s: exit code %d\n%s", c.args, code, stderr)
		}
		if got := clitest.Read(t, filepath.Join(dir, "kept.csv")); got != c.kept {
			t.Errorf("%s: kept\n%s\nexpected\n%s", c.args, got, c.kept)
		}
		if got := clitest.Read(t, filepath.Join(dir, "dropped.csv")); got != c.dropped {
			t.Errorf("%s: dropped\n%s\nexpected\n%s", c.args, got, c.dropped)
		}
	}
	if files, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
}

// Tables make groups by their categories and missing cells too; of rows without a number in the column that decides,
// none stays where another has one.
func TestTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", "city,size,price\nRome,1,\nRome,,5\nOslo,1,2\nRome,1,4\nOslo,1,\n")
	_, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.csv", "--categorical=city", "--standardize",
		"--radius=0.1",
		"--keep=price:max", "--output=g.csv", "--output_kept=kept.csv"))
	if code != 0 || !strings.Contains(stderr,
		"price says which row of a group stays, and is no part of what makes rows near") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if got, want := clitest.Read(t, filepath.Join(dir, "g.csv")),
		"id,group,size,keep\n0,0,2,0\n1,1,1,1\n2,2,2,1\n3,0,2,1\n4,2,2,0\n"; got != want {
		t.Errorf("got\n%s", got)
	}
	if got, want := clitest.Read(t, filepath.Join(dir, "kept.csv")),
		"city,size,price\nRome,,5\nOslo,1,2\nRome,1,4\n"; got != want {
		t.Errorf("kept\n%s", got)
	}
}

// A row without a number in the column that says which row stays is a row: it stays only among its like.
func TestKeepLacking(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "lack.csv", "x,price\n0,\n1,1\n5,2\n5.5,NaN\n9,\n9.1,\n")
	write(t, dir, "lack.jsonl", `{"x":0,"price":null}
{"x":1,"price":1}
{"x":5,"price":2}
{"x":5.5,"price":NaN}
{"x":9,"price":null}
{"x":9.1,"price":null}
`)
	const want = "id,group,size,keep\n0,0,2,0\n1,0,2,1\n2,2,2,1\n3,2,2,0\n4,4,2,1\n5,4,2,0\n"
	for _, args := range []string{"--input=lack.csv --keep=price:max", "--input=lack.csv --keep=price:min",
		"--input=lack.csv --keep=price:max --encode=auto", "--input=lack.jsonl --keep=price:max"} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(strings.Fields(args), "--radius=1", "--output=g.csv",
			"--report=none")...))
		if got := clitest.Read(t, filepath.Join(dir, "g.csv")); code != 0 || got != want {
			t.Errorf("%s: exit code %d, %s\n%s\nexpected\n%s", args, code, stderr, got, want)
		}
	}
}

// What cannot be is one line, and no output.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "x.csv", table)
	write(t, dir, "text.csv", "a,b,v\np,q,much\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--input=x.csv", "--columns=x", "--output=g.csv"}, "groups: --radius is needed"},
		{[]string{"--input=x.csv", "--columns=x", "--output=g.csv", "--mutual_k=0"},
			"groups: --mutual_k=0: must be at least 1"},
		{[]string{"--input=x.csv", "--columns=x", "--output=g.csv", "--mutual_k=1", "--report=g.html"},
			"groups: --report shows groups of lesser radii"},
		{[]string{"--input=x.csv", "--columns=x", "--output=g.csv", "--mutual_k=1", "--max_diameter=1"},
			"groups: --max_diameter is of pairs within a radius"},
		{[]string{"--input=x.csv", "--columns=x", "--output=g.csv", "--mutual_k=1", "--recall=0.9"},
			"groups: --recall is of all pairs within a radius"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--keep=best", "--output=g.csv"},
			`groups: --keep "best": must be first, last, center, COLUMN:max or COLUMN:min`},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--keep=cost:max", "--output=g.csv"}, "cost"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=-1", "--output=g.csv"}, "no euclidean distance is below 0"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--metric=inner_product", "--output=g.csv"},
			"by the inner product"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--recall=2", "--output=g.csv"},
			"groups: --recall=2: must be greater than 0"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--seed=2", "--output=g.csv"},
			"groups: --seed is of an approximate search"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--recall=0.9", "--keep=center", "--output=g.csv"},
			"groups: keep center: counts all neighbours"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--max_diameter=-2", "--output=g.csv"},
			"groups: max_diameter -2: no euclidean distance is below 0"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--output=g.npy"}, ".npy does not"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--p=1", "--output=g.csv"},
			"groups: p 1: of minkowski, not of euclidean"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--output=g.csv", "--output_kept=kept.parquet"},
			"--output_kept: rows are written as they stand in the input, which is .csv, and not as .parquet"},
		{[]string{"--input=x.csv", "--columns=x", "--radius=1", "--output=g.csv", "--output_kept=g.csv"}, "--output_kept"},
		{[]string{"--input=x.csv", "--row=0", "--column=1", "--radius=1", "--output=g.csv", "--output_kept=kept.csv"},
			"--output_kept: rows that are made of triples are written as .parquet, with their indices and values"},
		{[]string{"--input=text.csv", "--row=0", "--column=1", "--value=2", "--radius=1", "--output=g.csv"},
			`text.csv: row 0, column v: found "much", expected a number`},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(c.args, "--quiet")...))
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 2 ||
			strings.Contains(stderr, "--encode=auto") { // which triples do not take
			t.Errorf("%v: exit code %d, %s", c.args, code, stderr)
		}
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*g.*")); err != nil || len(files) > 0 {
		t.Errorf("left %v, %v", files, err)
	}
}

// The column that says which row of a group stays may be a directory, of all files or of one.
func TestKeepByDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for place, rows := range map[string]string{"m=1": "1\n2\n3\n", "m=2": "1.01\n2\n7\n"} {
		at := filepath.Join(dir, place)
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, filepath.Join(at, "p.csv"), "a\n"+rows)
	}
	for args, want := range map[string]string{
		"--input=m=*/p.csv --keep=m:max": "0,0,2,0\n1,1,2,0\n2,2,1,1\n3,0,2,1\n4,1,2,1\n5,5,1,1\n",
		"--input=m=*/p.csv --keep=m:min": "0,0,2,1\n1,1,2,1\n2,2,1,1\n3,0,2,0\n4,1,2,0\n5,5,1,1\n",
		"--input=m=2/p.csv --keep=m:max": "0,0,1,1\n1,1,1,1\n2,2,1,1\n",
	} {
		flags := strings.Fields(args + " --columns=a --radius=0.1 --output=g.csv --report=none")
		if _, stderr, code := clitest.End(t, clitest.Command(dir, flags...)); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
		}
		if got := clitest.Read(t, filepath.Join(dir, "g.csv")); got != "id,group,size,keep\n"+want {
			t.Errorf("%s: %s", args, got)
		}
	}
}
