package transform_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "transform", "TestReference") }

func mustRun(t *testing.T, dir string, args ...string) (stderr string) {
	t.Helper()
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, args...))
	if code != 0 || stdout != "" {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stderr
}

// flights are the flags for testdata/flights_small, as its references have them.
func flights(t *testing.T, ext string, more ...string) []string {
	return append([]string{"--input=" + clitest.Testdata(t, "flights_small."+ext), "--target=delayed",
		"--drop=air_time,id,tailnum"}, more...)
}

// fitted are the flags for testdata/flights_small by an encoding that is there already.
func fitted(t *testing.T, ext, encoding string, more ...string) []string {
	return append([]string{"--input=" + clitest.Testdata(t, "flights_small."+ext), "--target=delayed", "--transform=" +
		encoding}, more...)
}

// The columns are those of scikit-learn's ColumnTransformer, by their names, to the last digits.
func TestReference(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want map[string][3]float64
	if err := json.Unmarshal([]byte(clitest.Read(t, clitest.Testdata(t, "flights_small.encoded.json"))),
		&want); err != nil {
		t.Fatal(err)
	}
	told := mustRun(t, dir, flights(t, "parquet", "--standardize", "--output=x.csv", "--summary=s.json")...)
	for _, line := range []string{"carrier: categorical: 14 distinct values", "410 rows × 93 features",
		"61 rows without a target are left out", "x.csv\n"} {
		if !strings.Contains(told, line) {
			t.Errorf("%q is not told:\n%s", line, told)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(clitest.Read(t, filepath.Join(dir, "x.csv")))).ReadAll()
	if err != nil || len(rows) != 411 || len(rows[0]) != 1+len(want) || rows[0][0] != "delayed" {
		t.Fatalf("%d rows of %q, %v", len(rows), rows[0], err)
	}
	for j, name := range rows[0][1:] {
		var got [3]float64
		for i, row := range rows[1:] {
			v, err := strconv.ParseFloat(row[j+1], 64)
			if err != nil {
				t.Fatal(err)
			}
			got = [3]float64{got[0] + v, got[1] + v*v, got[2] + float64(i)*v}
		}
		for k, w := range want[name] {
			if !(math.Abs(got[k]-w) <= 1e-9*max(1, math.Abs(w))) {
				t.Errorf("%s: moments %v, want %v", name, got, want[name])
				break
			}
		}
	}
	var s struct {
		Rows, Features, Nonzero int64
		Names                   []string `json:"feature_names"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &s); err != nil || s.Rows != 410 ||
		s.Features != 93 || s.Nonzero != 5015 || strings.Join(s.Names, " ") != strings.Join(rows[0][1:], " ") {
		t.Errorf("summary %+v, %v", s, err)
	}
}

// The bytes are the same from every format, for every chunk size, and by an encoding that was fitted before; shards
// make up the whole.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, dir, flights(t, "csv", "--standardize", "--output_encoding=e.json")...)
	read := func(name string) string { return clitest.Read(t, filepath.Join(dir, name)) }
	for i, ext := range []string{"svm", "npz", "csv", "jsonl", "parquet"} {
		if clitest.LeftOut(i) {
			continue
		}
		first := ""
		for i, args := range [][]string{fitted(t, "parquet", "e.json", "--chunk_rows=100"),
			fitted(t, "arrow", "e.json", "--chunk_rows=7")} {
			name := fmt.Sprintf("%d.%s", i, ext)
			mustRun(t, dir, append(args, "--output="+name)...)
			if got := read(name); first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s: %v gives other bytes", ext, args)
			}
		}
	}
	mustRun(t, dir, flights(t, "csv", "--standardize", "--chunk_rows=7", "--output_encoding=again.json",
		"--output=both.svm")...)
	if read("again.json") != read("e.json") || read("both.svm") != read("0.svm") {
		t.Error("the encoding depends on what is read at a time")
	}
	mustRun(t, dir, fitted(t, "jsonl", "e.json", "--output=s.svm", "--num_shards=3")...)
	if whole := read("s-00000-of-00003.svm") + read("s-00001-of-00003.svm") +
		read("s-00002-of-00003.svm"); whole != read("0.svm") {
		t.Error("shards are not the whole")
	}
}

// A model learned from the encoded rows is that of the table, whose encoding applies, too.
func TestModels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	type model struct{ Coef [][]float64 }
	learn := func(name string, args ...string) (m model) {
		_, stderr, code := clitest.End(t,
			clitest.Other(dir, "sgd", append(args, "--task=classification", "--alpha=0.001", "--report=none", "--output_model="+
				name)...))
		if code != 0 {
			t.Fatal(stderr)
		}
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, name))), &m); err != nil || len(m.Coef) != 1 {
			t.Fatal(err)
		}
		return m
	}
	table := learn("table.json", flights(t, "csv", "--standardize")...)
	mustRun(t, dir, flights(t, "csv", "--standardize", "--output=x.svm")...)
	mustRun(t, dir, flights(t, "csv", "--standardize", "--output=x.csv")...)
	for name, got := range map[string]model{
		".svm": learn("svm.json", "--input=x.svm", "--features=93"),
		".csv": learn("csv.json", "--input=x.csv", "--target=delayed"),
	} {
		for j, v := range table.Coef[0] {
			if !(math.Abs(got.Coef[0][j]-v) <= 1e-9) {
				t.Errorf("%s: coefficient %d is %v, that of the table %v", name, j, got.Coef[0][j], v)
			}
		}
	}
	mustRun(t, dir, fitted(t, "csv", "table.json", "--output=y.svm")...)
	if clitest.Read(t, filepath.Join(dir, "x.svm")) != clitest.Read(t, filepath.Join(dir, "y.svm")) {
		t.Error("the encoding of the model is another")
	}
}

// Cells of all kinds become what they are, in their rows' order; what is unknown is told, and what is missing has its
// feature.
func TestAdversarial(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "key,\"a, \"\"b\"\"\",n,same,none,when,t,w\n"+
		"k1,ü,1,x,,2020-01-01,yes,1\n\"k,2\",\"line\nbreak\",,x,,2021-06-01,no,2\nk3,,3,x,,NA,,0.5\nk4,ü,0x10,x,,2020-01-01,no,1\n-7,e\u0301,1e3,x,,2020-01-02,no,0\n")
	args := []string{"--input=a.csv", "--id_column=key", "--target=t", "--weight_column=w", "--numeric=n"}
	told := mustRun(t, dir, append(args[:4:4], "--output_encoding=free.json", "--output=free.jsonl")...)
	for _, line := range []string{"n: categorical", "same: left out: constant", "none: left out: all missing",
		"1 row without a target is left out"} {
		if !strings.Contains(told, line) {
			t.Errorf("%q is not told:\n%s", line, told)
		}
	}
	want := `{"key":"k1","t":"yes","a, \"b\"_e` + "\u0301" + `":0,"a, \"b\"_line\nbreak":0,"a, \"b\"_ü":1,`
	if got := clitest.Read(t, filepath.Join(dir, "free.jsonl")); !strings.HasPrefix(got, want) ||
		strings.Count(got, "\n") != 4 || !strings.Contains(got, "\n"+`{"key":-7,`) {
		t.Errorf("got %s", got)
	}
	// Known kinds: a cell that is none is a fault, or left out and listed.
	if _, stderr, code := clitest.End(t, clitest.Command(dir, append(args, "--output=x.csv")...)); code != 1 ||
		!strings.Contains(stderr, `a.csv: row 3, column n: found "0x10", expected a number`) {
		t.Error(code, stderr)
	}
	clitest.Write(t, filepath.Join(dir, "b.csv"), "n,colour\n1,red\n,blue\n4,red\n")
	mustRun(t, dir, "--input=b.csv", "--output_encoding=b.json")
	clitest.Write(t, filepath.Join(dir, "c.csv"), "other,colour,n\nx,violet,NA\nx,red,7\nx,,much\nx,blue,-1\n")
	told = mustRun(t, dir, "--input=c.csv", "--transform=b.json", "--on_error=skip", "--output=c.out.csv",
		"--id_column=other")
	if got := clitest.Read(t, filepath.Join(dir,
		"c.out.csv")); got != "other,n,n_missing,colour_blue,colour_red\nx,2.5,1,0,0\nx,7,0,0,1\nx,-1,0,1,0\n" {
		t.Error(got)
	}
	if !strings.Contains(told, "column colour: 1 cell of categories that the encoding does not know") ||
		!strings.Contains(told, "1 row left out: c.out.csv.rejected.jsonl") {
		t.Error(told)
	}
	if got := clitest.Read(t, filepath.Join(dir,
		"c.out.csv.rejected.jsonl")); got != `{"file":"c.csv","row":2,"column":"n","reason":"found \"much\", expected a number"}`+"\n" {
		t.Error(got)
	}
}

// What cannot be done is one line, and leaves nothing.
func TestFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) { clitest.Write(t, filepath.Join(dir, name), text) }
	write("t.csv", "a,b,t\n1,x,yes\n2,,no\n4,ü,yes\n")
	write("lacks.csv", "a,c\n1,2\n")
	write("kind.csv", "a,b\nbig,x\n")
	write("const.csv", "a,b\n1,x\n1,x\n")
	write("list.jsonl", `{"a":[1,2],"b":"x"}`+"\n")
	mustRun(t, dir, "--input=t.csv", "--drop=t", "--output_encoding=e.json")
	write("old.json", strings.Replace(clitest.Read(t, filepath.Join(dir, "e.json")), `"version":1`, `"version":99`, 1))
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--input=lacks.csv --transform=e.json --output=x.npz", 1,
			`lacks.csv: found the columns "a", "c", without "b", expected the columns "a", "b", as in the encoding e.json`},
		{"--input=kind.csv --transform=e.json --output=x.npz", 1,
			`kind.csv: row 0, column a: found "big", expected a number`},
		{"--input=list.jsonl --transform=e.json --output=x.npz", 1, `column "a": found a list of 2, expected numeric`},
		{"--input=const.csv --output=x.npz", 1,
			`const.csv: no column has features: a: left out: constant: 1; b: left out: constant: "x"`},
		{"--input=t.csv --transform=old.json --output=x.npz", 1, "old.json: encoding of the columns: version 99, expected 1"},
		{"--input=t.csv --transform=t.csv --output=x.npz", 1, `t.csv: found text that begins with "a,b,t", expected a fitted encoding`},
		{"--input=t.csv --transform=nix.json --output=x.npz", 1, "nix.json: found no file of that name"},
		{"--input=t.csv --text=b --hash_bits=13 --output=x.csv", 2,
			"8195 features are too many for columns of .csv, which takes 4096: write .svm or .npz"},
		{"--input=t.csv --target=t --output=x.svm", 2,
			"the target t is text, and .svm holds numbers: write .csv, .jsonl or .parquet"},
		{"--input=t.csv --target=a --output=x.npy", 2, ".npy holds one array, the features"},
		{"--input=t.csv --target=nix --output=x.csv", 2,
			`t.csv: found the columns "a", "b", "t", expected the target column "nix"`},
		{"--input=t.csv --output=t.csv", 2, "--output would write over what --input reads"},
		{"--input=t.csv --output_encoding=t.csv", 2, "--output_encoding would write over what --input reads"},
		{"--input=t.csv --transform=e.json --output=e.json --output_format=jsonl", 2,
			"--output would write over what --transform reads"},
		{"--input=t.csv", 2, "--output or --output_encoding is needed"},
		{"--input=t.csv --transform=e.json --output=x.npz --output_encoding=f.json", 2,
			"--output_encoding: with --transform, the encoding is that of its file"},
		{"--input=t.csv --transform=e.json --output=x.npz --tfidf", 2, "without flags of tables, and without --standardize"},
		{"--input=t.csv --output_encoding=x.json --on_error=skip", 2,
			"--on_error=skip: rows with a fault can only be skipped where there is an --output"},
		{"--input=t.csv --output=x.txt", 2, `found the extension ".txt"`},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, strings.Fields(c.args)...))
		if code != c.code || stdout != "" || strings.Count(stderr, c.want) != 1 || strings.Contains(stderr, "goroutine") {
			t.Errorf("%s: exit code %d\n%s", c.args, code, stderr)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 7 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A plan tells what the columns are, and writes nothing.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := clitest.End(t,
		clitest.Command(dir, flights(t, "csv", "--explain", "--output=x.npz", "--output_encoding=e.json")...))
	for _, line := range []string{"471 × 93 columns", "passes  2", "writes  x.npz", "writes  e.json",
		"carrier: categorical"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout+stderr), " "), strings.Join(strings.Fields(line), " ")) {
			t.Errorf("no %q, exit code %d:\n%s%s", line, code, stdout, stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Dates that two columns write in two ways are read by two formats, there and in other rows: as the same dates by ISO
// 8601.
func TestDateFormats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "two.csv"),
		"dep,arr,n\n31.12.2025,2026/01/02,1\n01.02.2026,2026/02/03,2\n,2026/03/01,3\n")
	clitest.Write(t, filepath.Join(dir, "iso.csv"),
		"dep,arr,n\n2025-12-31,2026-01-02,1\n2026-02-01,2026-02-03,2\n,2026-03-01,3\n")
	var want string
	for _, args := range [][]string{
		{"--input=iso.csv", "--date=dep,arr", "--output_encoding=e.json"},
		{"--input=two.csv", "--date_format=dep:%d.%m.%Y,arr:%Y/%m/%d", "--output_encoding=e.json"},
		{"--input=two.csv", "--transform=e.json"},
		{"--input=two.csv", "--date=dep", "--date_format=%d.%m.%Y,1:%Y/%m/%d"},
	} {
		if _, stderr, code := clitest.End(t, clitest.Command(dir, append(args, "--output=o.csv")...)); code != 0 {
			t.Fatal(args, stderr)
		}
		got := clitest.Read(t, filepath.Join(dir, "o.csv"))
		if want == "" {
			want = got
		}
		if got != want || !strings.Contains(got, "dep_year") || !strings.Contains(got, "arr_days") {
			t.Errorf("%q:\n%s\nwant\n%s", args, got, want)
		}
	}
	if _, stderr, code := clitest.End(t, clitest.Command(dir, "--input=two.csv", "--date_format=departure:%d.%m.%Y",
		"--output=o.csv")); code != 2 || !strings.Contains(stderr, `no column "departure": there are dep, arr, n`) {
		t.Error(code, stderr)
	}
}
