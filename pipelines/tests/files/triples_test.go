package files_test

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// ratingTriples are the flags for testdata/ratings.csv.
func ratingTriples(t *testing.T) []string {
	return []string{"--input=" + clitest.Testdata(t, "ratings.csv"), "--row=user", "--column=item", "--value=rating"}
}

func mustEnd(t *testing.T, dir, command string, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := clitest.End(t, clitest.Other(dir, command, args...))
	if code != 0 {
		t.Fatalf("%s %q: exit code %d\n%s", command, args, code, stderr)
	}
	return stdout, stderr
}

// Triples give in every command what the rows give that transform makes of them, with the ids of rows and the names of
// columns, and leave nothing else.
func TestTriples(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustEnd(t, dir, "transform", append(ratingTriples(t), "--output=rows.parquet")...)
	rows := []string{"--input=rows.parquet", "--id_column=user"}
	users := 120
	target := make([]float64, users)
	for i := range target {
		target[i] = float64(i * i % 3 % 2)
	}
	clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 1, target)
	for _, c := range []struct {
		command, output string
		args            []string
	}{
		{"kneighbors", "n.csv", []string{"--k=3", "--metric=cosine"}},
		{"kneighbors", "n.parquet", []string{"--k=3", "--metric=jaccard", "--chunk_rows=7"}},
		{"groups", "g.csv", []string{"--radius=0.3", "--metric=cosine"}},
		{"eigen", "v.csv", []string{"--components=2", "--standardize", "--output_model=v.json"}},
		{"eigen", "v.json", nil},
		{"kmeans", "k.csv", []string{"--n_clusters=3", "--output_model=k.json"}},
		{"kmeans", "k.json", nil},
		{"sgd", "s.json", []string{"--target=y.npy", "--task=classification", "--output_model=s.json"}},
		{"bayes", "b.json", []string{"--target=y.npy", "--kind=multinomial", "--output_model=b.json"}},
		{"predict", "p.csv", []string{"--model=s.json"}},
		{"predict", "pb.jsonl", []string{"--model=b.json"}},
	} {
		var outputs []string
		for _, input := range [][]string{rows, ratingTriples(t)} {
			if c.args != nil {
				args := append(input, c.args...)
				if !strings.HasSuffix(c.output, ".json") {
					args = append(args, "--output="+c.output)
				}
				if c.command != "predict" {
					args = append(args, "--report=none")
				}
				mustEnd(t, dir, c.command, args...)
			}
			outputs = append(outputs, clitest.Read(t, filepath.Join(dir, c.output)))
		}
		if outputs[0] != outputs[1] {
			t.Errorf("%s %q: other bytes of triples", c.command, c.args)
		}
		names := map[string]string{".json": "Blue Diamond", ".csv": "u050"}
		if name := names[filepath.Ext(c.output)]; !strings.Contains(outputs[1], name) {
			t.Errorf("%s: %s has no %s", c.command, c.output, name)
		}
	}
	mustEnd(t, dir, "kneighbors", append(ratingTriples(t), "--k=3", "--output=page.csv")...)
	page := clitest.Read(t, filepath.Join(dir, "page.html"))
	if !strings.Contains(page, "<h1>Neighbours in ratings.csv</h1>") {
		t.Error("the page does not name the file of the triples")
	}
	stdout, _ := mustEnd(t, dir, "inspect", append(ratingTriples(t)[1:], clitest.Testdata(t, "ratings.csv"))...)
	for _, line := range []string{"ratings.csv: triples", "size        120 rows × 40 columns", "  Twelve Keys  83.3 %  0 ", "  u000  5:5 27:5 39:5\n",
		"--row=user --column=item --value=rating --metric=cosine --k=10"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("inspect: no %q in\n%s", line, stdout)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// An index of triples, and a version to which triples are added, have the same bytes whenever they are made: they say
// nothing of the files of rows that are gone. They are no index of any input.
func TestTripleIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var made [2][2]string
	for i := range made {
		mustEnd(t, dir, "index", append(ratingTriples(t), "--metric=cosine", "--index=a.index")...)
		mustEnd(t, dir, "index", append(ratingTriples(t)[1:], "--from=a.index", "--append="+clitest.Testdata(t, "ratings.csv"),
			"--index=b.index")...)
		made[i] = [2]string{clitest.Read(t, filepath.Join(dir, "a.index")), clitest.Read(t, filepath.Join(dir, "b.index"))}
	}
	if made[0] != made[1] {
		t.Error("other bytes of the same triples")
	}
	mustEnd(t, dir, "transform", append(ratingTriples(t), "--output=rows.parquet")...)
	for name, want := range map[string]string{"a": "made of triples", "b": "deleted or added"} {
		_, told, code := clitest.End(t, clitest.Other(dir, "kneighbors", "--input=rows.parquet", "--id_column=user",
			"--index="+name+".index", "--k=3", "--output=n.csv"))
		if code == 0 || !strings.Contains(told, want) {
			t.Errorf("%s: exit code %d, %s", name, code, told)
		}
	}
}

// vectors are the rows of triples of a file, by their ids.
func vectorsOf(t *testing.T, name string) map[string]map[string]float64 {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(clitest.Read(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]map[string]float64{}
	for _, r := range records[1:] {
		v, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if rows[r[0]] == nil {
			rows[r[0]] = map[string]float64{}
		}
		rows[r[0]][r[1]] += v
	}
	return rows
}

// Queries meet points by the ids of columns, of which they may have others, and an index as well: the neighbours are
// those of a comparison of all pairs.
func TestTripleQueries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustEnd(t, dir, "index", append(ratingTriples(t), "--metric=euclidean", "--index=u.index")...)
	clitest.Write(t, filepath.Join(dir, "q.csv"), "item,mark,who\nWolves,5,ann\nZither,1,ann\nAlibi,2,bob\nWolves,1,bob\n"+
		"Wolves,3,bob\n")
	queries := []string{"--queries=q.csv", "--row=who", "--column=item", "--value=mark", "--k=4", "--output=n.csv",
		"--report=none"}
	_, told := mustEnd(t, dir, "kneighbors", append(queries, "--index=u.index")...)
	for _, line := range []string{"q.csv: 2 rows × 3 columns of 5 triples; 1 triple of a row and column that another has",
		`left out, as columns of no point and of no feature: "Zither"`} {
		if !strings.Contains(told, line) {
			t.Errorf("%q is not told:\n%s", line, told)
		}
	}
	got := clitest.Read(t, filepath.Join(dir, "n.csv"))
	// the points as the same columns
	data := strings.ReplaceAll(clitest.Read(t, clitest.Testdata(t, "ratings.csv")), "user,item,rating", "who,item,mark")
	clitest.Write(t, filepath.Join(dir, "x.csv"), data)
	mustEnd(t, dir, "kneighbors", append(queries, "--input=x.csv", "--chunk_rows=9")...)
	if other := clitest.Read(t, filepath.Join(dir, "n.csv")); other != got {
		t.Errorf("of points\n%s\nof their index\n%s", other, got)
	}
	// Rows of as many numbers without names are no queries of triples.
	clitest.WriteNPY(t, filepath.Join(dir, "q.npy"), 40, make([]float64, 80))
	clitest.Write(t, filepath.Join(dir, "q.svm"), "0 1:1 40:2\n")
	for _, args := range [][]string{{"--index=u.index", "--queries=q.npy"}, {"--index=u.index", "--queries=q.svm"}} {
		_, stderr, code := clitest.End(t, clitest.Other(dir, "kneighbors", append(args, "--k=1", "--output=z.csv")...))
		if code != 1 || !strings.Contains(stderr, "found none, expected names of columns, as the index u.index has") {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr)
		}
	}
	// An index takes more points by the ids of columns, beside an output of any name.
	clitest.Write(t, filepath.Join(dir, "more.csv"), "who,item,mark\nzoe,Wolves,5\nzoe,Zither,1\n")
	if err := os.Mkdir(filepath.Join(dir, "a,b[1]*"), 0o777); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, dir, "index", "--from=u.index", "--append=more.csv", "--row=who", "--column=item", "--value=mark",
		"--index=a,b[1]*/v.index")
	if err := os.Rename(filepath.Join(dir, "a,b[1]*", "v.index"), filepath.Join(dir, "v.index")); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, dir, "kneighbors", append(queries, "--index=v.index")...)
	if all := clitest.Read(t, filepath.Join(dir, "n.csv")); !strings.Contains(all, "ann,1,zoe,0\n") {
		t.Errorf("no neighbour that was added: %s", all)
	}
	points := vectorsOf(t, clitest.Testdata(t, "ratings.csv"))
	want := "query_id,rank,neighbor_id,distance\n"
	for _, q := range []struct {
		id  string
		row map[string]float64
	}{{"ann", map[string]float64{"Wolves": 5}}, {"bob", map[string]float64{"Alibi": 2, "Wolves": 4}}} {
		type found struct {
			id   string
			far2 float64
		}
		var all []found
		for id, p := range points {
			far2 := 0.0
			for c, v := range p {
				far2 += (v - q.row[c]) * (v - q.row[c])
			}
			for c, v := range q.row {
				if _, ok := p[c]; !ok {
					far2 += v * v
				}
			}
			all = append(all, found{id, far2})
		}
		sort.Slice(all, func(i, j int) bool {
			return all[i].far2 < all[j].far2 || all[i].far2 == all[j].far2 && all[i].id < all[j].id
		})
		for i := range 4 {
			want += fmt.Sprintf("%s,%d,%s,%v\n", q.id, i+1, all[i].id, math.Sqrt(all[i].far2))
		}
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What cannot be done with triples is told before work is done, and leaves nothing; rows at fault are listed.
func TestTripleFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.csv"), "u,i,v\n1,a,1\n2,b,x\n3,a,0\n1,b,2\n3,b,4\n")
	mustEnd(t, dir, "index", "--input=t.csv", "--row=u", "--column=i", "--index=t.index")
	clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 1, []float64{0, 1})
	for _, c := range []struct {
		command, args, want string
		code                int
	}{
		{"kneighbors", "--row=u --k=1 --output=o.csv", "--row and --column: one needs the other", 2},
		{"kneighbors", "--row=u --column=u --k=1 --output=o.csv", `the column "u" for two things`, 2},
		{"kneighbors", "--duplicates=last --k=1 --output=o.csv", "--duplicates is of triples: with --row and --column", 2},
		{"kneighbors", "--row=u --column=i --columns=v --encode=auto --k=1 --output=o.csv",
			"--columns: is of no use with --row, --column and --value\nkneighbors: --encode: is of no use", 2},
		{"kneighbors", "--row=u --column=i --value=v --k=1 --output=o.csv",
			"t.csv: row 1, column v: found \"x\", expected a number", 1},
		{"kneighbors", "--row=u --column=i --index=t.index --k=1 --output=o.csv",
			"--input: of triples an index does not know", 2},
		{"kneighbors", "--row=u --column=w --k=1 --output=o.csv", `"w"`, 2},
		{"sgd", "--row=u --column=i --target=v --task=regression --output_model=o.json",
			"--target: of triples, .npy files", 2},
		{"sgd", "--row=u --column=i --target=y.npy --task=regression --output_model=o.json",
			"y.npy: found 2 targets, expected 3, as many as the rows of the matrix of t.csv\n", 1},
		{"kneighbors", "--row=u --column=i --filter=v>1 --k=1 --output=o.csv",
			"--filter: goes by columns of the rows, of which those of triples have none but their ids\n", 2},
		{"kneighbors", "--row=u --column=i --before=v --max_per=u:1 --k=1 --output=o.csv",
			"--before: goes by columns of the rows, of which those of triples have none but their ids\n" +
				"kneighbors: --max_per: goes by columns", 2},
		{"kneighbors", "--row=u --column=i --target=v --k=1 --task=regression --output=o.csv",
			"--target: of triples, .npy files", 2},
		{"eigen", "--row=u --column=i --color=v --output=o.csv", "--color: of triples, .npy files", 2},
		{"inspect", "--row=u --column=i --id_column=u t.csv", "--id_column: is of no use with --row", 2},
		{"inspect", "--value=v t.csv", "--value is of triples", 2},
	} {
		args := strings.Fields(c.args)
		if c.command != "inspect" {
			args = append(args, "--input=t.csv")
		}
		stdout, stderr, code := clitest.End(t, clitest.Other(dir, c.command, args...))
		if code != c.code || stdout != "" || strings.Count(stderr, c.want) != 1 || strings.Contains(stderr, "goroutine") {
			t.Errorf("%s %s: exit code %d\n%s", c.command, c.args, code, stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("left %v, %v", left, err)
	}
	for _, command := range []string{"kneighbors", "transform", "recommend"} {
		args := []string{"--input=t.csv", "--row=u", "--column=i", "--explain", "--output=o.npz"}
		if command != "transform" {
			args[4] = "--output=o.csv"
		}
		if command == "kneighbors" {
			args = append(args, "--k=1")
		}
		if stdout, _ := mustEnd(t, dir, command, args...); !strings.Contains(stdout, "5 × 2 columns in 1 file") {
			t.Errorf("%s --explain: %s", command, stdout)
		}
	}
	mustEnd(t, dir, "kneighbors", "--input=t.csv", "--row=u", "--column=i", "--value=v", "--k=1", "--on_error=skip",
		"--output=o.csv")
	if got := clitest.Read(t, filepath.Join(dir, "o.csv.input.rejected.jsonl")); got !=
		`{"file":"t.csv","row":1,"column":"v","reason":"found \"x\", expected a number"}`+"\n" {
		t.Error(got)
	}
	if got := clitest.Read(t, filepath.Join(dir, "o.csv")); got !=
		"query_id,rank,neighbor_id,distance\n1,1,3,2.23606797749979\n3,1,1,2.23606797749979\n" {
		t.Error(got)
	}
	// What is wrong with a row is told by the input's name.
	clitest.Write(t, filepath.Join(dir, "n.csv"), "u,i,v\na,x,-1\nb,x,2\n")
	clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 1, []float64{0, 1})
	_, stderr, code := clitest.End(t, clitest.Other(dir, "bayes", "--input=n.csv", "--row=u", "--column=i", "--value=v",
		"--target=y.npy", "--kind=multinomial", "--output_model=b.json"))
	if code != 1 || !strings.Contains(stderr, "bayes: the matrix of n.csv: row 0") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// Ids of any type are those that a .csv of the same table has, in every format: numbers with a point and without one,
// truth values, instants, and integers beyond 2^53.
func TestTripleIDsOfTypes(t *testing.T) {
	t.Parallel()
	dir := clitest.Testdata(t, "triples")
	for n, name := range []string{"float", "boolean", "time", "zoned", "large"} {
		orders := [][]string{{"--row=id", "--column=name"}, {"--row=name", "--column=id"}}
		if clitest.Brief() {
			orders = orders[n%2:][:1]
		}
		for _, order := range orders {
			var want string
			for _, format := range []string{"csv", "parquet", "feather", "jsonl"} {
				out := filepath.Join(t.TempDir(), "o.jsonl")
				mustEnd(t, dir, "transform", append(order, "--input="+name+"."+format, "--value=value", "--output="+out,
					"--output_encoding="+out+".json")...)
				got := clitest.Read(t, out) + clitest.Read(t, out+".json")
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s.%s %v:\n%s\nof .csv:\n%s", name, format, order, got, want)
				}
			}
		}
	}
}

// A line whose other id is missing makes neither a row nor a column.
func TestTripleSkipped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.csv"), "u,i\na,x\nb,  \n ,z\nc,x\n")
	mustEnd(t, dir, "transform", "--input=t.csv", "--row=u", "--column=i", "--on_error=skip", "--output=o.jsonl",
		"--output_encoding=e.json")
	got := clitest.Read(t, filepath.Join(dir, "o.jsonl")) + clitest.Read(t, filepath.Join(dir, "e.json"))
	want := `{"u":"a","indices":[0],"values":[1]}` + "\n" + `{"u":"c","indices":[0],"values":[1]}` + "\n" +
		`{"triples":{"columns":["x"]}}` + "\n"
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	_, told := mustEnd(t, dir, "recommend", "--input=t.csv", "--row=u", "--column=i", "--on_error=skip", "--report=none",
		"--output=r.csv")
	if !strings.Contains(told, "2 users × 1 item, 2 interactions") {
		t.Error(told)
	}
}
