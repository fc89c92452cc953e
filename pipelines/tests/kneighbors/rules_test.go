package kneighbors_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// item is a row of a table: what is missing is −1, or "".
type item struct {
	x     [3]float64
	price int
	brand string
	day   int
}

func items(rng *rand.Rand, n int) []item {
	all := make([]item, n)
	for i := range all {
		r := &all[i]
		for j := range r.x {
			r.x[j] = float64(rng.IntN(6))
		}
		if r.price = rng.IntN(200); rng.IntN(8) == 0 {
			r.price = -1
		}
		if r.brand = string("uvxyz"[rng.IntN(5)]); rng.IntN(8) == 0 {
			r.brand = ""
		}
		if r.day = 1 + rng.IntN(28); rng.IntN(8) == 0 {
			r.day = -1
		}
	}
	return all
}

func tableOf(all []item) string {
	var b strings.Builder
	b.WriteString("id,a,b,c,price,brand,day\n")
	for i, r := range all {
		price, day := "", ""
		if r.price >= 0 {
			price = strconv.Itoa(r.price)
		}
		if r.day >= 0 {
			day = fmt.Sprintf("2024-02-%02d", r.day)
		}
		fmt.Fprintf(&b, "p%d,%v,%v,%v,%s,%s,%s\n", i, r.x[0], r.x[1], r.x[2], price, r.brand, day)
	}
	return b.String()
}

// nearest are the lines of a brute-force search of queries among the points that they may have, at most most of one
// brand.
func nearest(points, queries []item, k, most int, radius float64, may func(i int, q item, j int, p item) bool) string {
	text := "query_id,rank,neighbor_id,distance\n"
	for i, q := range queries {
		type hit struct {
			d float64
			j int
		}
		var all []hit
		for j, p := range points {
			d := 0.0
			for c := range p.x {
				d += (p.x[c] - q.x[c]) * (p.x[c] - q.x[c])
			}
			if d = math.Sqrt(d); d <= radius && may(i, q, j, p) {
				all = append(all, hit{d, j})
			}
		}
		slices.SortFunc(all, func(a, b hit) int { return cmp.Or(cmp.Compare(a.d, b.d), a.j-b.j) })
		counts, rank := map[string]int{}, 0
		for _, h := range all {
			brand := points[h.j].brand
			if counts[brand]++; brand != "" && counts[brand] > most || rank == k {
				continue
			}
			rank++
			text += fmt.Sprintf("p%d,%d,p%d,%s\n", i, rank, h.j, strconv.FormatFloat(h.d, 'f', -1, 64))
		}
	}
	return text
}

// Neighbours that meet a condition, of the same brand, of earlier days, and of at most two of a brand are those of a
// search by hand, with the same bytes by every way of the index and every size of a chunk.
func TestRules(t *testing.T) {
	t.Parallel()
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(5, 6))
	points, queries := items(rng, 210), items(rng, 40)
	clitest.Write(t, filepath.Join(dir, "p.csv"), tableOf(points))
	clitest.Write(t, filepath.Join(dir, "q.csv"), tableOf(queries))
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "index", "--input=p.csv", "--id_column=id", "--columns=a,b,c",
		"--index=p.index")); code != 0 {
		t.Fatalf("index: exit code %d\n%s", code, stderr)
	}
	type may = func(i int, q item, j int, p item) bool
	other := func(i, j int) bool { return i != j }
	cheap := func(p item) bool { return p.price >= 0 && p.price < 100 && p.brand != "" && p.brand != "x" }
	odd := func(p item) bool { return p.price < 0 || (p.brand == "u" || p.brand == "v") && p.day > 14 }
	same := func(q, p item) bool { return q.brand != "" && q.brand == p.brand }
	earlier := func(q, p item) bool { return p.day >= 0 && p.day < q.day }
	all, inf := 1000, math.Inf(1)
	ways := []string{"--threads=1 --chunk_rows=29", "--broadcast=side_input", "--broadcast=file --algorithm=brute",
		"--index_memory=3KB", "--index=p.index"}
	for number, c := range []struct {
		rules   string
		k, most int
		radius  float64
		may     may
	}{
		{`--filter=price<100 and brand!="x"`, 4, all, inf, func(_ int, _ item, _ int, p item) bool { return cheap(p) }},
		{"--filter=price is null or brand in ('u', \"v\") and not day <= '2024-02-14'", 3, all, inf,
			func(_ int, _ item, _ int, p item) bool { return odd(p) }},
		{"--only_same=brand", 4, all, inf, func(_ int, q item, _ int, p item) bool { return same(q, p) }},
		{"--before=day", 4, all, inf, func(_ int, q item, _ int, p item) bool { return earlier(q, p) }},
		{"--max_per=brand:2", 9, 2, inf, func(int, item, int, item) bool { return true }},
		{"--only_same=brand|--before=day|--filter=price<100 and brand<>'x'", 3, all, 2,
			func(_ int, q item, _ int, p item) bool { return same(q, p) && earlier(q, p) && cheap(p) }},
		{"--exclude_same=brand|--before=day|--max_per=brand:1", 3, 1, 2.5,
			func(_ int, q item, _ int, p item) bool { return !same(q, p) && earlier(q, p) }},
	} {
		for _, own := range []bool{true, false} {
			if number < 5 && own == (number%2 > 0) {
				continue // one rule by itself: of the points, or of queries
			}
			asked, may := queries, c.may
			if own {
				asked = points
				may = func(i int, q item, j int, p item) bool { return other(i, j) && c.may(i, q, j, p) }
			}
			want := nearest(points, asked, c.k, c.most, c.radius, may)
			at := 2 * number // each way of the index has two rules or three, and shards both --max_per
			if !own {
				at++
			}
			args := append(strings.Fields(ways[at%len(ways)]), strings.Split(c.rules, "|")...)
			args = append(args, "--input=p.csv", "--id_column=id", "--columns=a,b,c", "--output=o.csv", "--report=none", "--k="+
				strconv.Itoa(c.k))
			if !own {
				args = append(args, "--queries=q.csv")
			}
			if !math.IsInf(c.radius, 1) {
				args = append(args, fmt.Sprintf("--radius=%v", c.radius))
			}
			if _, stderr, code := runCommand(t, dir, args...); code != 0 {
				t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
			}
			if got := clitest.Read(t, filepath.Join(dir, "o.csv")); got != want {
				t.Errorf("%q: other neighbours", args)
			}
		}
	}
	if got := fmt.Sprint(names(t, dir)); got != "[o.csv p.csv p.index q.csv]" {
		t.Errorf("files %s", got)
	}
}

// An index knows the ids of its points: those of queries that are among them are excluded without the input, with the
// same answers, of text and of numbers, by one index and by two. One without ids says so.
func TestExcludedIDsOfIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p1.csv"), "id,a\nu,1\n7,2\n007,3\n")
	clitest.Write(t, filepath.Join(dir, "p2.csv"), "id,a\nu,4\nw,5\n")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "id,a\nw,5\n7,2\nu,1\nnew,3\n")
	run := func(command, args string) {
		t.Helper()
		if _, stderr, code := clitest.End(t, clitest.Other(dir, command, strings.Fields(args)...)); code != 0 {
			t.Fatalf("%s %s: exit code %d\n%s", command, args, code, stderr)
		}
	}
	run("index", "--input=p1.csv --id_column=id --index=p1.index")
	run("index", "--input=p2.csv --id_column=id --index=p2.index")
	run("index", "--input=p1.csv --columns=a --index=plain.index")
	want := "query_id,rank,neighbor_id,distance\nw,1,u,1\nw,2,007,2\n7,1,u,1\n7,2,007,1\nu,1,7,1\nu,2,007,2\n" +
		"new,1,007,0\nnew,2,7,1\n"
	for _, points := range []string{"--input=p1.csv,p2.csv", "--index=p1.index,p2.index"} {
		run("kneighbors", points+" --queries=q.csv --id_column=id --exclude_same_id --k=2 --report=none --output=o.csv")
		if got := clitest.Read(t, filepath.Join(dir, "o.csv")); got != want {
			t.Errorf("%s: %s", points, got)
		}
	}
	_, stderr, code := runCommand(t, dir, strings.Fields("--index=plain.index --queries=q.csv --id_column=id --columns=a "+
		"--exclude_same_id --k=1 --report=none --output=x.csv")...)
	if code == 0 ||
		!strings.Contains(stderr, "plain.index: found none, expected ids of points, as index --id_column keeps") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if got := fmt.Sprint(names(t, dir)); got != "[o.csv p1.csv p1.index p2.csv p2.index plain.index q.csv]" {
		t.Errorf("files %s", got)
	}
}

// What cannot be is said in one line that names it.
func TestRulesRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.csv"), "id,a,brand,day\np0,1,x,3\np1,2,y,never\np2,3,z,4\n")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "id,a,brand,day\nq0,1,x,2024-01-01\n")
	for args, want := range map[string]string{
		"--filter=a<":      "--filter: at character 3: found the end, expected a number",
		"--filter=b<1":     `expected a column "b"`,
		"--filter=brand<1": `p.csv: row 0, column brand: found "x", expected a number, as it is compared with 1`,
		"--filter=a>9":     "p.csv: found none of 3, expected rows that meet --filter, `a` > 9; inspect shows what a column holds\n",
		"--filter=brand<1|--on_error=skip": "p.csv: found none of 3, of which 3 cannot be compared so: p.csv: row 0, " +
			"column brand: found \"x\", expected a number, as it is compared with 1, expected rows that meet --filter, ",
		"--filter=a<9|--recall=0.9":   "are without recall",
		"--filter=a<9|--output=o.npy": ".npy holds as many neighbours for each query",
		"--before=day":                `p.csv: row 1, column day: found "never", expected a number, as in the rows before`,
		"--max_per=brand":             "must be a column, a colon and a whole number of at least 1",
		"--max_per=brand:0":           "must be a column, a colon and a whole number of at least 1",
		"--max_per=brnd:1":            `"brnd"`,
		"--only_same=brnd":            `"brnd"`,
		"--filter=a<9|--index=p.index|--input=": "--filter goes by a column of --input, which --index has not: give the " +
			"input as well",
		"--max_per=a:1|--index=p.index|--input=": "--max_per goes by a column of --input",
		"--exclude_same_id|--index=p.index|--input=|--queries=q.csv|--id_column=|--quiet": "--exclude_same_id goes by ids: " +
			"--id_column",
	} {
		_, stderr, code := runCommand(t, dir,
			append([]string{"--input=p.csv", "--id_column=id", "--columns=a", "--k=1", "--output=x.csv", "--report=none"},
				strings.Split(args, "|")...)...)
		// a note of columns, and the fault
		if code == 0 || !strings.Contains(stderr, want) || strings.Count(stderr, "kneighbors: ") > 2 {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
	clitest.Write(t, filepath.Join(dir, "n.csv"), "a,day\n1,5\n2,6\n3,7\n")
	if _, stderr, code := runCommand(t, dir, "--input=n.csv", "--queries=q.csv", "--columns=a", "--before=day", "--k=1",
		"--output=x.csv"); code == 0 ||
		!strings.Contains(stderr, "q.csv: row 0, column day: found a date, expected a number") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if got := fmt.Sprint(names(t, dir)); got != "[n.csv p.csv q.csv]" {
		t.Errorf("files %s", got)
	}
}

// With --filter_queries the rows that meet --filter are answered among themselves: as in a file of these rows alone, by
// every way of the index; nobody sees what is wrong with the others.
func TestFilterQueries(t *testing.T) {
	t.Parallel()
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(7, 8))
	points := items(rng, 210)
	table := tableOf(points)
	clitest.Write(t, filepath.Join(dir, "p.csv"), table)
	cheap := func(p item) bool { return p.price >= 0 && p.price < 60 }
	lines := strings.SplitAfter(table, "\n")
	some := lines[0]
	for i, p := range points {
		if cheap(p) {
			some += lines[1+i]
		} else {
			lines[1+i] = strings.Replace(lines[1+i], ",", ",bad", 1)
		}
	}
	clitest.Write(t, filepath.Join(dir, "some.csv"), some)
	clitest.Write(t, filepath.Join(dir, "faulty.csv"), strings.Join(lines, ""))
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "index", "--input=p.csv", "--id_column=id", "--columns=a,b,c",
		"--index=p.index")); code != 0 {
		t.Fatalf("index: exit code %d\n%s", code, stderr)
	}
	filter := " --filter=price<60 --filter_queries"
	flags := " --id_column=id --columns=a,b,c --report=none"
	for _, c := range []struct{ flags, ways string }{
		{"--k=4 --max_per=brand:2", "p.csv --threads=1 --chunk_rows=29|faulty.csv --broadcast=side_input|" +
			"faulty.csv --broadcast=file|faulty.csv --index_memory=3KB|p.csv --index=p.index"},
		{"--radius=1.5 --exclude_same=brand", "faulty.csv|p.csv --index=p.index --broadcast=file"},
		{"--k=3 --target=brand --task=classification", "faulty.csv|p.csv --index_memory=3KB"},
	} {
		run := func(args string) string {
			t.Helper()
			if _, stderr, code := runCommand(t, dir, strings.Fields(args+flags+" --output=o.csv "+c.flags)...); code != 0 {
				t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
			}
			return clitest.Read(t, filepath.Join(dir, "o.csv"))
		}
		want := run("--input=some.csv")
		for _, way := range strings.Split(c.ways, "|") {
			if got := run("--input=" + way + filter); got != want || len(want) < 300 {
				t.Errorf("%s %s: %d bytes, want %d", way, c.flags, len(got), len(want))
			}
		}
	}
	for args, want := range map[string]string{
		"--filter_queries": "--filter_queries goes by the condition of --filter",
		"--filter_queries --filter=price<60 --queries=p.csv": "--filter_queries chooses among the points",
	} {
		_, stderr, code := runCommand(t, dir, strings.Fields("--input=p.csv --k=1 --output=x.csv "+args+flags)...)
		if code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
}

// A file whose directory says that none of its rows meets --filter is not read, so that nobody sees what is wrong with
// its rows; the others' numbers are those of all rows.
func TestFilterSkipsDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for place, rows := range map[string]string{"m=1/c=x": "1,5\n2,cheap\n", "m=1/c=y": "3,6\n4,7\n",
		"m=2/c=y": "5,1\n6,dear\n"} {
		at := filepath.Join(dir, filepath.FromSlash(place))
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, filepath.Join(at, "p.csv"), "a,price\n"+rows)
	}
	clitest.Write(t, filepath.Join(dir, "q.csv"), "a\n1\n")
	want := "query_id,rank,neighbor_id,distance\n0,1,2,2\n0,2,3,3\n"
	for _, c := range []struct{ filter, want string }{
		{"price<8 and m=1 and not c='x'", ""},
		{"price<8 and m=1", `c=x/p.csv: row 1, column price: found "cheap"`},
	} {
		_, stderr, code := runCommand(t, dir, "--input=m=*/c=*/p.csv", "--columns=a", "--k=2", "--queries=q.csv", "--filter="+
			c.filter, "--output=o.csv", "--report=none")
		if code == 0 != (c.want == "") || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, %s", c.filter, code, stderr)
		}
		if c.want == "" && clitest.Read(t, filepath.Join(dir, "o.csv")) != want {
			t.Errorf("%s: %s", c.filter, clitest.Read(t, filepath.Join(dir, "o.csv")))
		}
	}
}

// Booleans of .jsonl and .csv meet the same conditions as texts do, and what is missing meets none of them.
func TestFilterBooleans(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.jsonl"), `{"a":0,"sold":true}
{"a":1,"sold":false}
{"a":2,"sold":true}
{"a":3}
{"a":5,"sold":false}
`)
	clitest.Write(t, filepath.Join(dir, "p.csv"), "a,sold\n0,true\n1,False\n2,TRUE\n3,NA\n5,false\n")
	for _, file := range []string{"p.jsonl", "p.csv"} {
		for filter, want := range map[string]string{
			`sold="true"`:          "0,1,2,2\n2,1,0,2\n",
			`sold!="true"`:         "1,1,4,4\n4,1,1,4\n",
			`sold not in ("true")`: "1,1,4,4\n4,1,1,4\n",
		} {
			_, stderr, code := runCommand(t, dir, "--input="+file, "--columns=a", "--k=1", "--filter="+filter,
				"--filter_queries", "--output=o.csv", "--report=none")
			if code != 0 {
				t.Fatalf("%s, %s: exit code %d, %s", file, filter, code, stderr)
			}
			if got := clitest.Read(t, filepath.Join(dir, "o.csv")); got != "query_id,rank,neighbor_id,distance\n"+want {
				t.Errorf("%s, %s: %s", file, filter, got)
			}
		}
	}
}

// A row that cannot be read, and one that --filter cannot compare, is among the rejected ones, once, whoever reads it:
// with other queries, with --filter_queries, and where every point is a query, and so read as well. What is wrong with
// a row that does not meet the condition is seen only there.
func TestFilterRejects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.csv"), "id,a,price\np0,1,3\np1,2,cheap\np2,5,4\np3,bad,1\np4,7,9\np5\n"+
		"p6,bad,9\np7,9,2\n")
	clitest.Write(t, filepath.Join(dir, "q.csv"), "id,a,price\nq0,1,3\n")
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "index", "--input=p.csv", "--id_column=id", "--columns=a",
		"--on_error=skip", "--index=p.index")); code != 0 {
		t.Fatalf("index: exit code %d\n%s", code, stderr)
	}
	for args, want := range map[string]string{
		"--queries=q.csv --chunk_rows=2":      "1 5 3",
		"--queries=q.csv --index_memory=1KB":  "1 5 3",
		"--filter_queries":                    "1 5 3",
		"":                                    "1 3 5 6",
		"--index_memory=1KB":                  "1 3 5 6",
		"--index=p.index --queries=q.csv":     "1 5",
		"--queries=q.csv --metric=seuclidean": "1 3 5 6",
	} {
		flags := "--input=p.csv --id_column=id --columns=a --k=1 --filter=price<5 --on_error=skip --output=o.csv --report=none " +
			"--summary=s.json "
		_, stderr, code := runCommand(t, dir, strings.Fields(flags+args)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
		}
		var rows []string
		for line := range strings.Lines(clitest.Read(t, filepath.Join(dir, "o.csv.rejected.jsonl"))) {
			var rejected struct {
				File   string
				Row    int
				Reason string
			}
			if err := json.Unmarshal([]byte(line), &rejected); err != nil || rejected.File != "p.csv" || rejected.Reason == "" {
				t.Errorf("%s: %s (%v)", args, line, err)
			}
			rows = append(rows, strconv.Itoa(rejected.Row))
		}
		if got := strings.Join(rows, " "); got != want {
			t.Errorf("%s: the rows %s are rejected, want %s", args, got, want)
		}
		var summary struct {
			Rejected int `json:"rejected_rows"`
		}
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &summary); err != nil ||
			summary.Rejected != len(rows) {
			t.Errorf("%s: %d rows are said to be rejected (%v), want %d", args, summary.Rejected, err, len(rows))
		}
	}
	_, stderr, code := runCommand(t, dir, strings.Fields("--input=p.csv --queries=q.csv --id_column=id --columns=a --k=1 "+
		"--on_error=skip --output=x.csv --report=none --filter=id=\"p3\"")...)
	if code != 1 || !strings.Contains(stderr, "no points") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// Where rows at fault are left out, those that --filter cannot compare are no neighbours, which is said.
func TestFilterLeavesOutFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.csv"), "id,a,price\np0,1,3\np1,2,cheap\np2,5,4\np3,bad,1\np4,7,9\n")
	clitest.Write(t, filepath.Join(dir, "p.jsonl"), `{"id":"p0","a":1,"price":3}
{"id":"p1","a":2,"price":"cheap"}
{"id":"p2","a":5,"price":4}
{"id":"p3","a":"bad","price":1}
{"id":"p4","a":7,"price":9}
`)
	want := "query_id,rank,neighbor_id,distance\np0,1,p2,4\np1,1,p0,1\np2,1,p0,4\np4,1,p2,2\n"
	for _, name := range []string{"p.csv", "p.jsonl"} {
		_, stderr, code := runCommand(t, dir, "--input="+name, "--id_column=id", "--columns=a", "--k=1", "--filter=price<5",
			"--on_error=skip", "--output=o.csv", "--report=none")
		said := "1 row is at fault in --filter, and no neighbours: " + name + `: row 1, column price: found "cheap"`
		if code != 0 || !strings.Contains(stderr, said) {
			t.Fatalf("%s: exit code %d, %s, want %s", name, code, stderr, said)
		}
		if got := clitest.Read(t, filepath.Join(dir, "o.csv")); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A column that a rule names and no file has is a fault of the command line, by the name of no other role; one that it
// reads of the queries is not left out.
func TestRuleColumns(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.csv"), "x,brand,note\n1,a,z\n2,b,z\n3,a,z\n")
	for _, flag := range []string{"--filter=prce<4", "--only_same=prce", "--exclude_same=prce", "--before=prce",
		"--max_per=prce:1"} {
		_, stderr, code := runCommand(t, dir, "--input=p.csv", "--columns=x", "--k=1", "--output=o.csv", "--report=none",
			flag)
		want := `p.csv: found the columns "x", "brand", "note", expected a column "prce"` +
			"\nSee beamlearn kneighbors --help.\n"
		if code != 2 || !strings.HasSuffix(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", flag, code, stderr, want)
		}
	}
	_, stderr, code := runCommand(t, dir, "--input=p.csv", "--queries=p.csv", "--columns=x", "--k=1", "--output=o.csv",
		"--report=none", "--only_same=brand")
	if code != 0 || strings.Count(stderr, "left out: note (text)\n") != 1 {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// Timestamps tell rows apart, put them in order and are compared with dates: with the same answers from .parquet,
// .arrow and the .csv that pandas writes of the same table, and where the points are one of them and the queries
// another.
func TestRulesByTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{}
	for _, ext := range []string{"csv", "parquet", "arrow"} {
		files[ext] = clitest.Testdata(t, "flights_small."+ext)
	}
	for i, r := range []struct {
		rule  string
		least int
	}{
		{"--only_same=time_hour", 100}, {"--exclude_same=time_hour", 5000}, {"--max_per=time_hour:1", 5000},
		{"--before=time_hour", 5000}, {"--filter=time_hour<'2013-05-01'", 5000},
		{"--filter=time_hour>='2013-05-01T12:00:00Z' --filter_queries", 2000},
	} {
		queries := []string{"", "csv", "parquet"}
		if strings.Contains(r.rule, "--filter_queries") {
			queries = queries[:1]
		} else if clitest.Brief() {
			queries = queries[i%3 : i%3+1]
		}
		for _, q := range queries {
			want := ""
			for j, ext := range []string{"csv", "parquet", "arrow"} {
				if clitest.Brief() && j > 0 && j%2 != i%2 {
					continue
				}
				args := append(strings.Fields(r.rule), "--input="+files[ext], "--id_column=id", "--k=3", "--output=o.csv",
					"--columns=month,day,sched_dep_time,distance", "--report=none", "--quiet")
				if q != "" {
					args = append(args, "--queries="+files[q])
				}
				if _, stderr, code := runCommand(t, dir, args...); code != 0 {
					t.Fatalf("%s, %s: exit code %d\n%s", r.rule, ext, code, stderr)
				}
				got := clitest.Read(t, filepath.Join(dir, "o.csv"))
				if want == "" {
					want = got
				}
				if got != want || len(got) < r.least {
					t.Errorf("%s, queries %q, %s: %d bytes, want %d", r.rule, q, ext, len(got), len(want))
				}
			}
		}
	}
}

// The summary counts the points that queries may have: those that meet --filter, where no others are read.
func TestFilteredPoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.csv"), "a,b\n1,2\n2,3\n3,5\n4,9\n")
	for args, want := range map[string]string{
		"--queries=p.csv":                      "3 points × 2 columns, 4 queries, 4 neighbours",
		"--queries=p.csv --index_memory=3KB":   "3 points × 2 columns, 4 queries, 4 neighbours",
		"--filter_queries":                     "3 points × 2 columns, 3 queries, 3 neighbours",
		"--filter_queries --broadcast=file":    "3 points × 2 columns, 3 queries, 3 neighbours",
		"":                                     "4 points × 2 columns, 4 queries, 4 neighbours",
		"--filter_queries --metric=seuclidean": "4 points × 2 columns, 3 queries, 3 neighbours",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--input=p.csv", "--columns=a,b", "--k=1",
			"--filter=a<4", "--output=o.csv", "--report=none")...)
		if code != 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %s\n%s", args, code, want, stderr)
		}
	}
}
