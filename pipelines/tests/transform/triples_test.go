package transform_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// ratings are the sums of testdata/ratings.csv, by user and item.
func ratings(t *testing.T) map[string]map[string]float64 {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(clitest.Read(t, clitest.Testdata(t, "ratings.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	sums := map[string]map[string]float64{}
	for _, r := range records[1:] {
		v, err := strconv.ParseFloat(r[at["rating"]], 64)
		if err != nil {
			t.Fatal(err)
		}
		user := r[at["user"]]
		if sums[user] == nil {
			sums[user] = map[string]float64{}
		}
		sums[user][r[at["item"]]] += v
	}
	return sums
}

// Triples become sparse rows with the ids of their rows, and the names of the columns beside them.
func TestTriples(t *testing.T) {
	t.Parallel()
	dir, want := t.TempDir(), ratings(t)
	triples := []string{"--input=" + clitest.Testdata(t, "ratings.csv"), "--row=user", "--column=item", "--value=rating"}
	told := mustRun(t, dir, append(triples, "--output=x.jsonl", "--output_encoding=c.json", "--summary=s.json")...)
	var columns struct{ Triples struct{ Columns []any } }
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "c.json"))), &columns); err != nil {
		t.Fatal(err)
	}
	name := func(i int) string {
		if v, ok := columns.Triples.Columns[i].(float64); ok {
			return strconv.Itoa(int(v))
		}
		return columns.Triples.Columns[i].(string)
	}
	lines := strings.Split(strings.TrimSpace(clitest.Read(t, filepath.Join(dir, "x.jsonl"))), "\n")
	if len(lines) != len(want) || !strings.Contains(told, "x.jsonl\nc.json\n") {
		t.Errorf("%d rows, expected %d; told\n%s", len(lines), len(want), told)
	}
	entries := 0
	for _, line := range lines {
		var row struct {
			User    any
			Indices []int
			Values  []float64
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		user, ok := row.User.(string)
		if !ok {
			user = strconv.Itoa(int(row.User.(float64)))
		}
		for k, c := range row.Indices {
			if want[user][name(c)] != row.Values[k] {
				t.Errorf("user %s, item %s: %g, expected %g", user, name(c), row.Values[k], want[user][name(c)])
			}
		}
		if entries += len(row.Indices); len(row.Indices) != len(want[user]) {
			t.Errorf("user %s: %d items, expected %d", user, len(row.Indices), len(want[user]))
		}
	}
	if !strings.Contains(clitest.Read(t, filepath.Join(dir, "s.json")), `"nonzero": `+strconv.Itoa(entries)) {
		t.Error(clitest.Read(t, filepath.Join(dir, "s.json")))
	}
	// Another run by the same columns, and chunks of another size, give the same bytes.
	for _, out := range []string{"x.jsonl", "x.npz", "x.svm", "x.parquet"} {
		mustRun(t, dir, append(triples, "--output="+out)...)
		mustRun(t, dir, append(triples, "--output=again-"+out, "--transform=c.json", "--chunk_rows=17")...)
		if clitest.Read(t, filepath.Join(dir, out)) != clitest.Read(t, filepath.Join(dir, "again-"+out)) {
			t.Errorf("%s: other bytes", out)
		}
	}
}

// Several lines of a row and column count as --duplicates says, and unknown columns are left out, and told.
func TestTripleDuplicates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.csv"), "u,i,v\nb,x,1\na,y,4\nb,x,2\nb,z,bad\nb,z,9\n")
	clitest.Write(t, filepath.Join(dir, "c.json"), `{"triples":{"columns":["z","x"]}}`)
	for duplicates, want := range map[string]string{"sum": "3", "mean": "1.5", "last": "2"} {
		told := mustRun(t, dir, "--input=t.csv", "--row=u", "--column=i", "--value=v", "--duplicates="+duplicates,
			"--transform=c.json", "--on_error=skip", "--output="+duplicates+".svm")
		got := clitest.Read(t, filepath.Join(dir, duplicates+".svm"))
		if got != "0\n0 1:9 2:"+want+"\n" {
			t.Errorf("%s: %q", duplicates, got)
		}
		for _, line := range []string{"1 triple of a column that --transform does not know is left out",
			duplicates + ".svm.rejected.jsonl"} {
			if !strings.Contains(told, line) {
				t.Errorf("%q is not told:\n%s", line, told)
			}
		}
	}
	mustRun(t, dir, "--input=t.csv", "--row=u", "--column=i", "--output=ones.jsonl")
	if got := clitest.Read(t, filepath.Join(dir, "ones.jsonl")); got !=
		`{"u":"a","indices":[1],"values":[1]}`+"\n"+`{"u":"b","indices":[0,2],"values":[2,2]}`+"\n" {
		t.Error(got)
	}
}

// What cannot be done with triples is one line, and leaves nothing.
func TestTripleFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.csv"), "u,i,v\nb,x,1e308\na,y,4\nb,x,1e308\n")
	clitest.Write(t, filepath.Join(dir, "c.json"), `{"triples":{"columns":["z",1.5]}}`)
	clitest.Write(t, filepath.Join(dir, "twice.json"), `{"triples":{"columns":["z","z"]}}`)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--row=u --output=x.npz", 2, "--row and --column: one needs the other"},
		{"--row=u --column=i", 2, "--output is needed with --row"},
		{"--row=u --column=i --value=v --output=x.csv", 2, ".csv has a place for each column of each row"},
		{"--row=u --column=i --output=x.npz --target=v", 2, "--target: is of no use with --row"},
		{"--row=u --column=i --output=x.npz --tfidf", 2, "--row: triples become sparse rows: without flags of tables"},
		{"--row=u --column=u --output=x.npz", 2, `the column "u" for two things`},
		{"--row=u --column=w --output=x.npz", 2, `"w"`},
		{"--value=v --output=x.npz", 2, "--value is of triples: with --row and --column"},
		{"--row=u --column=i --output=x.npz --transform=t.csv", 1,
			`t.csv: found text that begins with "u,i,v", expected the columns of triples`},
		{"--row=u --column=i --output=x.npz --transform=c.json", 1, `c.json: found "1.5" among its columns`},
		{"--row=u --column=i --output=x.npz --transform=twice.json", 1, `twice.json: found the column "z" twice`},
		{"--row=u --column=i --value=v --output=x.npz", 1, "the values of row b add up beyond float64"},
		{"--row=u --column=v --value=i --output=x.npz", 1, `t.csv: row 0, column i: found "x", expected a number`},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, append(strings.Fields(c.args), "--input=t.csv")...))
		if code != c.code || stdout != "" || strings.Count(stderr, c.want) != 1 || strings.Contains(stderr, "goroutine") {
			t.Errorf("%s: exit code %d\n%s", c.args, code, stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("left: %v, %v", left, err)
	}
}
