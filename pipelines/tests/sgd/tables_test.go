package sgd_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/pipelines/internal/clitest"
)

// tableArgs are those of testdata/flights_small, as its reference has them.
func tableArgs(t *testing.T, ext string, more ...string) []string {
	return append([]string{
		"--input=" + clitest.Testdata(t, "flights_small."+ext), "--target=delayed", "--columns=*,!air_time,!id,!tailnum",
		"--task=classification",
		"--report=none",
	}, more...)
}

// Classes that are numbers are the same ones in shards that write them as integers and as pandas does beside missing
// cells, with a point.
func TestClassesWrittenInTwoWays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "x,c\n1,10\n2,20\n3,10\n")
	clitest.Write(t, filepath.Join(dir, "b.csv"), "x,c\n4,20.0\n5,10.0\n6,20.0\n")
	mustRun(t, dir, "--input=a.csv,b.csv", "--target=c", "--task=classification", "--report=none", "--output_model=m.json")
	m := loaded(t, filepath.Join(dir, "m.json"))
	if got := fmt.Sprint(m.Classes, m.Training.ClassRows); got != "{[10 20] []} [3 3]" {
		t.Errorf("the classes are %s", got)
	}
}

// tableModel is what scikit-learn makes of flights_small.
type tableModel struct {
	LogLoss   float64 `json:"log_loss"`
	Intercept float64
	Coef      map[string]float64
}

// tableModels are those of the columns of tableArgs, and of the tail numbers as well.
type tableModels struct {
	Rows int64
	tableModel
	Hashed tableModel
	OneHot tableModel `json:"one_hot"`
}

func ofFlights(t *testing.T) (m tableModels) {
	t.Helper()
	if err := json.Unmarshal([]byte(clitest.Read(t, clitest.Testdata(t, "flights_small.reference.json"))),
		&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// compare compares coefficients; those of hashes that no row has are 0.
func (want *tableModel) compare(t *testing.T, m *linear.Model) {
	t.Helper()
	found := 0
	for j, name := range m.FeatureNames {
		v, ok := want.Coef[name]
		if ok {
			found++
		}
		if !ok && !strings.Contains(name, "#") || !(math.Abs(m.Coef[0][j]-v) <= 1e-6) {
			t.Errorf("%s: %v, want %v", name, m.Coef[0][j], v)
		}
	}
	if found != len(want.Coef) || !(math.Abs(m.Intercept[0]-want.Intercept) <= 1e-6) {
		t.Errorf("%d features, intercept %v, want %d, %v", found, m.Intercept[0], len(want.Coef), want.Intercept)
	}
}

func logLossOf(t *testing.T, summary string) float64 {
	t.Helper()
	var s struct {
		Classification struct {
			LogLoss float64 `json:"log_loss"`
		}
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, summary)), &s); err != nil {
		t.Fatal(err)
	}
	return s.Classification.LogLoss
}

// A column of hundreds of categories is learned exactly, too, one-hot and hashed into more columns than all of whose
// products can be summed up, in a few passes, and to the same bytes from any format and in any chunks. The rows, six
// times over, are more than those whose products with each other are summed up instead.
func TestTablesOfManyCategories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := ofFlights(t)
	for _, ext := range []string{"csv", "parquet"} {
		for i := range 6 {
			clitest.Write(t, filepath.Join(dir, fmt.Sprint(i, ".", ext)),
				clitest.Read(t, clitest.Testdata(t, "flights_small."+ext)))
		}
	}
	for name, c := range map[string]struct {
		want tableModel
		args []string
	}{
		"hashed":  {want.Hashed, []string{"--max_categories=100", "--hash_bits=12"}},
		"one_hot": {want.OneHot, nil},
	} {
		var first string
		for i, read := range []struct{ ext, flag string }{{"csv", "--threads=1"}, {"parquet", "--chunk_rows=50"},
			{"csv", "--cache_memory=0"}} {
			if clitest.Brief() && i > 0 && (i == 1) == (name == "hashed") { // one with each of the two models
				continue
			}
			file := filepath.Join(dir, fmt.Sprint(name, i, ".json"))
			mustRun(t, dir, append(c.args, "--input=[0-5]."+read.ext, "--target=delayed",
				"--columns=*,!air_time,!id", "--task=classification", "--report=none", "--standardize", "--alpha=0.001",
				"--output_model="+file, read.flag)...)
			if text := clitest.Read(t, file); first == "" {
				first = text
			} else if text != first {
				t.Errorf("%s, %s %s: another model than from .csv", name, read.ext, read.flag)
			}
		}
		m := loaded(t, filepath.Join(dir, name+"0.json"))
		c.want.compare(t, m)
		if m.Training.Epochs > 9 {
			t.Errorf("%s: %d passes", name, m.Training.Epochs)
		}
		summary := filepath.Join(dir, name+"_summary.json")
		if _, stderr, code := clitest.End(t, clitest.Other(dir, "predict", "--model="+name+"0.json", "--input="+
			clitest.Testdata(t, "flights_small.csv"), "--target=delayed", "--output="+name+".csv", "--proba", "--summary="+
			summary)); code != 0 {
			t.Fatal(code, stderr)
		}
		if l := logLossOf(t, summary); !(math.Abs(l-c.want.LogLoss) <= 1e-6) {
			t.Errorf("%s: log loss %v, want %v", name, l, c.want.LogLoss)
		}
	}
}

// One table gives one model, whatever its format and what is read at a time; its coefficients are those of
// scikit-learn's pipeline, and so is what it says of the rows.
func TestTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := ofFlights(t)
	var first string
	for i, c := range []struct{ ext, flag string }{{"csv", "--threads=1"}, {"csv", "--chunk_rows=7"},
		{"jsonl", "--chunk_rows=100"}, {"parquet", "--threads=1"}, {"arrow", "--chunk_rows=50"}} {
		name := filepath.Join(dir, fmt.Sprintf("m%d.json", i))
		told := mustRun(t, dir, tableArgs(t, c.ext, "--standardize", "--alpha=0.001", "--output_model="+name, c.flag)...)
		for _, line := range []string{
			"the rows are taken for a table", "61 rows without a target are left out",
			"carrier: categorical: 14 distinct values",
			"gate: numeric: numbers from 0 to 39; 44 of 410 missing",
		} {
			if !strings.Contains(told, line) {
				t.Errorf("%s: %q is not told:\n%s", c.ext, line, told)
			}
		}
		if text := clitest.Read(t, name); first == "" {
			first = text
		} else if text != first {
			t.Errorf("%s %s: another model than from .csv", c.ext, c.flag)
		}
	}
	m := loaded(t, filepath.Join(dir, "m0.json"))
	if m.Training.Rows != want.Rows || len(m.FeatureNames) != len(want.Coef) ||
		!(math.Abs(m.Intercept[0]-want.Intercept) <= 1e-6) {
		t.Errorf("%d rows, %d features, intercept %v, want %d, %d, %v", m.Training.Rows, len(m.FeatureNames), m.Intercept[0],
			want.Rows, len(want.Coef), want.Intercept)
	}
	want.compare(t, m)
	for _, ext := range []string{"csv", "parquet"} {
		summary := filepath.Join(dir, ext+".json")
		_, stderr, code := clitest.End(t, clitest.Other(dir, "predict", "--model=m0.json", "--input="+
			clitest.Testdata(t, "flights_small."+ext), "--target=delayed", "--output="+ext+"_p.csv", "--proba", "--summary="+
			summary))
		if code != 0 || !strings.Contains(stderr, "61 rows without a target are predicted, and not compared") {
			t.Fatal(code, stderr)
		}
		if l := logLossOf(t, summary); !(math.Abs(l-want.LogLoss) <= 1e-6) {
			t.Errorf("%s: log loss %v, want %v", ext, l, want.LogLoss)
		}
	}
	if clitest.Read(t, filepath.Join(dir, "csv_p.csv")) != clitest.Read(t, filepath.Join(dir, "parquet_p.csv")) {
		t.Error("other predictions from .parquet than from .csv")
	}
}

// Files meet by the names of their columns, whatever their formats and the order of the columns; every row is
// predicted, with categories that the model does not know, and cells that are missing.
func TestTablesMeet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "y,colour,size\n1,red,1\n2,blue,\n3,red,3\n")
	clitest.Write(t, filepath.Join(dir, "b.jsonl"), `{"size":4,"colour":"green","y":5}`+"\n"+`{"colour":null,"y":4}`+"\n")
	told := mustRun(t, dir, "--input=a.csv,b.jsonl", "--target=y", "--task=regression", "--output_model=m.json",
		"--report=none")
	for _, line := range []string{"a.csv: column colour has text", "colour: categorical: 3 distinct values",
		"size: numeric: numbers from 1 to 4; 2 of 5 missing"} {
		if !strings.Contains(told, line) {
			t.Errorf("%q is not told:\n%s", line, told)
		}
	}
	clitest.Write(t, filepath.Join(dir, "c.csv"), "other,size,colour\nx,1,red\nx,NA,violet\nx,,\n")
	_, stderr, code := clitest.End(t, clitest.Other(dir, "predict", "--model=m.json", "--input=c.csv", "--output=p.csv"))
	if code != 0 || !strings.Contains(stderr, "column colour: 1 cell of categories that the model does not know") ||
		!strings.Contains(stderr, "left out: other (text)") {
		t.Error(code, stderr)
	}
	if rows := strings.Count(clitest.Read(t, filepath.Join(dir, "p.csv")), "\n"); rows != 4 {
		t.Errorf("%d lines", rows)
	}
	clitest.Write(t, filepath.Join(dir, "d.csv"), "other,size\nx,1\n")
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "predict", "--model=m.json", "--input=d.csv",
		"--output=q.csv")); code != 1 || !strings.Contains(stderr, `without "colour"`) || strings.Count(stderr, "\n") != 1 {
		t.Error(code, stderr)
	}
	clitest.Write(t, filepath.Join(dir, "e.csv"), "size,colour\nbig,red\n")
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "predict", "--model=m.json", "--input=e.csv",
		"--output=q.csv")); code != 1 ||
		!strings.Contains(stderr, `e.csv: row 0, column size: found "big", expected a number`) ||
		strings.Count(stderr, "\n") != 1 {
		t.Error(code, stderr)
	}
	mustRun(t, dir, "--input=a.csv", "--target=y", "--task=regression", "--solver=sgd", "--output_model=s.json",
		"--report=none")
	mustRun(t, dir, "--input=a.csv", "--target=y", "--task=regression", "--warm_start=s.json", "--output_model=s2.json",
		"--report=none")
	if a, b := loaded(t, filepath.Join(dir, "s.json")), loaded(t, filepath.Join(dir, "s2.json")); b.Encoding == nil ||
		b.State == nil || a.State == nil || b.State.T <= a.State.T ||
		strings.Join(b.FeatureNames, " ") != "colour_blue colour_red size size_missing" {
		t.Errorf("%v, %v after %v", b.FeatureNames, b.State, a.State)
	}
}

// A cell far down that is no number makes the rows a table, which is told; without that, it is a fault.
func TestTableLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("a,b,y\n")
	for i := range 400 {
		b := fmt.Sprint(i % 7)
		if i == 300 {
			b = ""
		}
		fmt.Fprintf(&text, "%d,%s,%d\n", i%11, b, i%2)
	}
	clitest.Write(t, filepath.Join(dir, "a.csv"), text.String())
	args := []string{"--input=a.csv", "--target=y", "--task=classification", "--report=none"}
	told := mustRun(t, dir, append(args, "--output_model=m.json")...)
	for _, line := range []string{`a.csv: row 300, column b: found an empty field, expected a number: the rows are taken for a table, from the beginning`, "b: numeric: numbers from 0 to 6; 1 of 400 missing"} {
		if !strings.Contains(told, line) {
			t.Errorf("%q is not told:\n%s", line, told)
		}
	}
	if m := loaded(t, filepath.Join(dir, "m.json")); strings.Join(m.FeatureNames, " ") != "a b b_missing" {
		t.Errorf("features %q", m.FeatureNames)
	}
	_, stderr, code := runCommand(t, dir, append(args, "--encode=none", "--output_model=n.json")...)
	if code != 1 || !strings.Contains(stderr, "a.csv: row 300, column b: found an empty field, expected a number") {
		t.Error(code, stderr)
	}
	mustRun(t, dir, append(args, "--on_error=skip", "--output_model=s.json")...)
	if m := loaded(t, filepath.Join(dir, "s.json")); m.Encoding != nil || m.Training.Rows != 399 {
		t.Errorf("%d rows, where the faulty one is skipped", m.Training.Rows)
	}
	if left := names(t, dir); strings.Contains(strings.Join(left, " "), ".columns") ||
		strings.Contains(strings.Join(left, " "), ".checkpoint") {
		t.Errorf("left: %q", left)
	}
}

// Numbers alone are no table, unless a flag says so; what does not fit is one line.
func TestTableFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"),
		"a,b,when,y\n1,2,03.05.2020,0\n2,2,04.05.2021,1\n3,1,01.01.2020,0\n4,0,01.02.2021,1\n")
	clitest.Write(t, filepath.Join(dir, "first.csv"), "y,a,b,c\n0,1,2,3\n1,2,2,4\n0,3,1,3\n1,4,0,5\n")
	args := []string{"--input=a.csv", "--target=y", "--task=classification", "--report=none"}
	mustRun(t, dir, append(args, "--columns=a,b", "--output_model=n.json")...)
	if m := loaded(t, filepath.Join(dir, "n.json")); m.Encoding != nil {
		t.Error("numbers are taken for a table")
	}
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--columns=a,b", "--categorical=b"}, "a b_0 b_1 b_2"},
		{[]string{"--drop=when", "--encode=auto"}, "a b"},
		{[]string{"--date=when", "--date_format=%d.%m.%Y"}, "a b when_year when_month when_dayofweek when_days"},
		{[]string{"--drop=when", "--interactions=a*b"}, "a b a*b"},
		{[]string{"--encode=none"}, "a b"},
		// Indices are those of the file, whatever column is the target.
		{[]string{"--input=first.csv", "--categorical=2"}, "a b_0 b_1 b_2 c"},
		{[]string{"--input=first.csv", "--drop=1", "--interactions=2*3"}, "b c b*c"},
	} {
		stderr := mustRun(t, dir, append(append(args, "--output_model=m.json"), c.flags...)...)
		if m := loaded(t, filepath.Join(dir, "m.json")); strings.Join(m.FeatureNames, " ") != c.want {
			t.Errorf("%q: features %q, want %s", c.flags, m.FeatureNames, c.want)
		}
		if twice := "--input is given more than once: the last counts, first.csv"; strings.Contains(stderr, twice) !=
			strings.HasPrefix(c.flags[0], "--input") {
			t.Errorf("%q: an input of two that is not read is told, or one of one\n%s", c.flags, stderr)
		}
	}
	for _, c := range []struct {
		flags []string
		code  int
		want  string
	}{
		{[]string{"--numeric=when"}, 1, `column "when"`},
		{[]string{"--impute=often"}, 2, "impute"},
		{[]string{"--ngrams=2-1"}, 2, "ngrams 2-1"},
		{[]string{"--drop=x"}, 2, `a column "x" to leave out`},
		{[]string{"--encode=none", "--tfidf"}, 2, "--encode=none: without flags of tables"},
		{[]string{"--categorical=x"}, 2, `a.csv: categorical: no column "x"`},
		{[]string{"--categorical=3"}, 2, `the column 3, "y", is not among those of the table: a, b, when`},
	} {
		_, stderr, code := runCommand(t, dir, append(append(args, "--output_model=x.json"), c.flags...)...)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "goroutine") {
			t.Errorf("%q: exit code %d\n%s", c.flags, code, stderr)
		}
	}
}

// A plan looks at the first rows only, and writes nothing.
func TestTableExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := runCommand(t, dir, tableArgs(t, "csv", "--explain", "--output_model=m.json")...)
	if code != 0 || !strings.Contains(stdout+stderr, "as the first 10,000 rows at most have it") ||
		!strings.Contains(stdout+stderr, "about 471 × 93 columns") && !strings.Contains(stdout+stderr, "471 × 93 columns") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// Beside a column of numbers that are far larger than all else, no step lessens the objective: what helps is told,
// which is to standardise the columns, and then it does.
func TestTableOfFarScales(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rows, r := "number,text,y\n", rand.New(rand.NewPCG(1, 2))
	for range 200 {
		word := r.IntN(2)
		rows += fmt.Sprintf("%d,%s %s %s %s %s,%d\n", 1<<60+r.Int64N(1<<61), [...]string{"red", "blue"}[word], "a", "b", "c",
			[...]string{"old", "new"}[r.IntN(2)], word)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.csv"), []byte(rows), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"--standardize"}} {
		stdout, stderr, code := runCommand(t, dir, append([]string{"--input=x.csv", "--target=y", "--task=classification",
			"--text=text", "--output_model=m.json", "--report=none"}, more...)...)
		if code != 0 {
			t.Fatalf("%q: exit code %d\n%s", more, code, stderr)
		}
		told := stdout + stderr
		if warned := strings.Contains(told, "--standardize, or a larger --alpha, says more"); warned != (more == nil) {
			t.Errorf("%q: told what helps: %v\n%s", more, warned, told)
		}
		if right := strings.Contains(told, "accuracy 1.0000"); right != (more != nil) {
			t.Errorf("%q: all classes are right: %v\n%s", more, right, told)
		}
	}
}
