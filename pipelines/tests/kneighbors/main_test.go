package kneighbors_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "kneighbors", "TestDigits", "TestRuleColumns") }

// runCommand runs the command in a directory and returns what it printed, and its exit code.
func runCommand(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return clitest.End(t, clitest.Command(dir, args...))
}

// names lists a directory, hidden files included.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return s
}

// The first command of the README gives the neighbours that NumPy gives, at any chunk size and number of threads.
func TestDigits(t *testing.T) {
	want := clitest.Read(t, clitest.Testdata(t, "digits.neighbors.csv"))
	for i, extra := range [][]string{nil, {"--chunk_rows=100", "--threads=1"},
		{"--algorithm=kd_tree", "--dtype=float64"}} {
		files, told := "[neighbors.csv neighbors.html summary.json]", "\nout/neighbors.csv\nout/neighbors.html\n"
		if i > 0 { // a page takes longer than the search
			extra = append(extra, "--report=none")
			files, told = "[neighbors.csv summary.json]", "\nout/neighbors.csv\n"
		}
		dir := t.TempDir()
		args := append([]string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*",
			"--k=10",
			"--output=out/neighbors.csv", "--summary=out/summary.json"}, extra...)
		stdout, stderr, code := runCommand(t, dir, args...)
		if code != 0 || stdout != "" {
			t.Fatalf("%v: exit code %d\n%s%s", extra, code, stdout, stderr)
		}
		if clitest.Read(t, filepath.Join(dir, "out/neighbors.csv")) != want {
			t.Errorf("%v: the neighbours differ", extra)
		}
		if got := fmt.Sprint(names(t, filepath.Join(dir, "out"))); got != files {
			t.Errorf("%v: files %s", extra, got)
		}
		if !strings.Contains(stderr, "1797 points × 64 columns, 1797 queries, 17970 neighbours") ||
			!strings.HasSuffix(stderr, told) {
			t.Errorf("%v: summary\n%s", extra, stderr)
		}
		var s struct {
			Points, Dimensions, Queries, Neighbors int
			Total                                  float64  `json:"total_s"`
			Rate                                   float64  `json:"rows_per_s"`
			Peak                                   int64    `json:"peak_memory_bytes"`
			Files                                  []string `json:"output_files"`
		}
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "out/summary.json"))), &s); err != nil {
			t.Fatal(err)
		}
		if s.Points != 1797 || s.Dimensions != 64 || s.Queries != 1797 || s.Neighbors != 17970 || s.Total <= 0 ||
			s.Rate <= 0 ||
			s.Peak < 1<<20 || len(s.Files) != 1 {
			t.Errorf("%v: summary %+v", extra, s)
		}
	}
}

func TestHelp(t *testing.T) {
	stdout, stderr, code := runCommand(t, t.TempDir(), "--help")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	at := 0
	for _, s := range []string{"Finds the k nearest", "What to read:", "--input=PATH", "--on_error=ACTION",
		"What to compute:", "--k=N",
		"minkowski", "What to write:", "--output=FILE", "What to show:", "--help=cluster"} {
		i := strings.Index(stdout[at:], s)
		if i < 0 {
			t.Fatalf("no %q in its place in\n%s", s, stdout)
		}
		at += i
	}
	for line := range strings.Lines(stdout) {
		if len([]rune(line)) > 110 {
			t.Errorf("a long line: %s", line)
		}
	}
}

// What is wrong with a command line is told at once, a line each, and nothing is written.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n3,4\n5,6\n")
	clitest.Write(t, filepath.Join(dir, "w.csv"), "w,x\nb,1\nc,2\n")
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{"--input is needed", "one of k and radius is needed", "an output is needed"}},
		{"--input=x.csv --k=2 --radius=1 --metric=l3 --on_error=stop --dtype=f8 --output=out/n.txt", []string{
			"--on_error=stop: must be fail or skip", `dtype "f8"`, `metric "l3": must be one of euclidean`, `".txt"`}},
		{"--input=x.csv --k=2 --algorithm=kd_tree --metric=cosine --output=out/n.csv",
			[]string{"algorithm kd_tree lacks the metric cosine"}},
		{"--input=x.csv --k=3 --output=out/n.csv",
			[]string{"k = 3: must be less than the number of points, 3, as no point is its own neighbour"}},
		{"--input=x.csv --k=1 --output=out/n.csv --p=1", []string{"p 1: of minkowski, not of euclidean"}},
		{"--input=x.csv --k=1 --output=out/n.csv --metric=l1 --p=3", []string{"p 3: of minkowski, not of l1"}},
		{"--input=x.csv --k=1 --output=out/n.csv --metric=minkowski --p=0", []string{"p 0: must be greater than 0"}},
		{"--input=x.csv --output=out/n.csv --outliers=lof --contamination=0.6",
			[]string{"--contamination=0.6: must be auto, or a share greater than 0 and at most 0.5"}},
		{"--input=x.csv --k=0 --output=out/n.csv", []string{"k = 0: must be at least 1"}},
		{"--input=x.csv --k=1,2 --output=out/n.csv", []string{"--k=1,2: several are compared by what they predict"}},
		{"--input=x.csv --k=1 --output=out/n.csv --threads=x", []string{`--threads=x: must be a whole number`}},
		{"--input=x.csv --k=1 --output=out/n.csv --neighbours=3", []string{"there is no flag --neighbours"}},
		{"--input=x.csv --k=1 --output=out/n.csv --recall=1.5",
			[]string{"--recall=1.5: must be greater than 0 and at most 1"}},
		{"--input=x.csv --k=1 --output=out/n.csv --seed=3", []string{"--seed is of an approximate search"}},
		{"--input=x.csv --k=1 --output=out/n.csv --algorithm=ivf --metric=canberra",
			[]string{`metric "canberra": approximate search has`}},
		{"--input=x.csv --k=1 --output=out/n.csv --algorithm=brute --recall=0.9",
			[]string{"algorithm brute is exact: leave out the recall"}},
		{"--input=w.csv --k=1 --id_column=w --output=out/n.npy",
			[]string{"w.csv: its ids are text, and .npy holds integers"}},
		{"--input=x.csv --k=1 --output=out/n.csv more", []string{`unexpected argument "more"`}},
	} {
		stdout, stderr, code := runCommand(t, dir, strings.Fields(c.args)...)
		if code != 2 || stdout != "" {
			t.Errorf("%q: exit code %d\n%s", c.args, code, stderr)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%q: no %q in\n%s", c.args, w, stderr)
			}
		}
		if n := strings.Count(stderr, "\n"); n > len(c.want)+1 ||
			!strings.HasSuffix(stderr, "See beamlearn kneighbors --help.\n") {
			t.Errorf("%q: %d lines\n%s", c.args, n, stderr)
		}
		if got := names(t, dir); len(got) != 2 {
			t.Errorf("%q: files %v", c.args, got)
		}
	}
}

// Bad input is one line that names file, row and column, and no output.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "text.csv"), "a,b\n1,2\n3,x\n5,6\n")
	clitest.Write(t, filepath.Join(dir, "nan.csv"), "a,b\n1,2\n3,4\n5,NaN\n")
	clitest.Write(t, filepath.Join(dir, "ragged.csv"), "a,b\n1,2\n3,4,5\n5,6\n")
	clitest.Write(t, filepath.Join(dir, "three.csv"), "a,b,c\n1,2,3\n")
	clitest.Write(t, filepath.Join(dir, "empty.csv"), "")
	clitest.Write(t, filepath.Join(dir, "header.csv"), "a,b\n")
	clitest.Write(t, filepath.Join(dir, "short.npy"),
		"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000), }")
	for input, want := range map[string]string{
		"text.csv":           `^kneighbors: text.csv: row 1, column b: found "x", expected a number\n$`,
		"nan.csv":            `^kneighbors: nan.csv: row 2, column b: found "?NaN"?, expected a finite number\n$`,
		"ragged.csv":         `^kneighbors: ragged.csv: row 1: found 3 fields, expected 2( fields)?\n$`,
		"text.csv,three.csv": `^kneighbors: three.csv: found the columns "a", "b", "c", with "c" beyond those, expected the columns "a", "b", as in text.csv\n$`,
		"empty.csv":          `^kneighbors: empty.csv: found an empty file, expected csv data\n$`,
		"header.csv":         `^kneighbors: header.csv: found .*, expected .*\n$`,
		"short.npy":          `^kneighbors: short.npy: found .*, expected .*\n$`,
		"none*.csv":          `^kneighbors: none\*.csv: found no file that matches, expected at least one file\n$`,
		"x.pdf":              `^kneighbors: x.pdf: found no file of that name, expected at least one file\n$`,
	} {
		_, stderr, code := runCommand(t, dir, "--input="+input, "--k=1", "--output=out/n.csv")
		if code != 1 || !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("%s: exit code %d\n%swant %s", input, code, stderr, want)
		}
		if _, err := os.Stat(filepath.Join(dir, "out", "n.csv")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: an output: %v", input, err)
		}
	}
	// With --verbose the runner's own words come too.
	_, stderr, _ := runCommand(t, dir, "--input=text.csv", "--k=1", "--output=out/n.csv", "--verbose")
	if !strings.Contains(stderr, `row 1, column b`) || strings.Count(stderr, "\n") < 10 {
		t.Errorf("--verbose shows no more than\n%s", stderr)
	}

	_, stderr, code := runCommand(t, dir, "--input=text.csv", "--k=1", "--output=out/n.csv", "--on_error=skip")
	if code != 0 || !strings.Contains(stderr, "1 row left out: out/n.csv.rejected.jsonl") {
		t.Errorf("--on_error=skip: exit code %d\n%s", code, stderr)
	}
	want := `{"file":"text.csv","row":1,"column":"b","reason":"found \"x\", expected a number"}` + "\n"
	if got := clitest.Read(t, filepath.Join(dir, "out/n.csv.rejected.jsonl")); got != want {
		t.Errorf("rejected rows %s, want %s", got, want)
	}
	if got, want := clitest.Read(t, filepath.Join(dir, "out/n.csv")),
		"query_id,rank,neighbor_id,distance\n0,1,2,5.656854249492381\n2,1,0,5.656854249492381\n"; got != want {
		t.Errorf("output %s, want %s", got, want)
	}
}

func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n3,4\n5,6\n")
	_, stderr, code := runCommand(t, dir, "--input=x.csv", "--k=1", "--output=x.csv/n.csv")
	if code != 1 || strings.Count(stderr, "\n") != 1 ||
		!strings.Contains(stderr, "x.csv stands where a directory would be") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// An output that is an input or another output, by whatever name, is refused before anything is read or written.
func TestConflict(t *testing.T) {
	dir := t.TempDir()
	const points = "a,b\n1,2\n3,4\n5,6\n"
	clitest.Write(t, filepath.Join(dir, "x.csv"), points)
	if err := os.Symlink("x.csv", filepath.Join(dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"--input=x.csv --output=x.csv", "--input=link.csv --output=x.csv", "--input=*.csv --output=link.csv",
		"--input=x.csv --output=o.csv --summary=x.csv", "--input=x.csv --output=o.csv --summary=o.csv",
		"--input=x.csv --output=o.csv --report=./o.html --summary=o.html",
		"--input=x.csv --output=o.csv --num_shards=2 --summary=o-00001-of-00002.csv",
		"--input=x.csv --output=o.npy --summary=o.distances.npy",
		"--input=x.csv --output=o.csv --summary=o.csv.rejected.jsonl", "--input=y.csv --queries=x.csv --output=x.csv",
		"--index=x.csv --queries=y.csv --output=x.csv",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--k=1")...)
		if code != 2 || strings.Count(stderr, "\n") != 2 || !strings.Contains(stderr, "give ") {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr)
		}
		if got := fmt.Sprint(names(t, dir)); got != "[link.csv x.csv]" ||
			clitest.Read(t, filepath.Join(dir, "x.csv")) != points {
			t.Fatalf("%s: files %s", args, got)
		}
	}
}

// Texts that are not there are told of before the work.
func TestNoTexts(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n3,4\n5,6\n")
	_, stderr, code := runCommand(t, dir, "--input=x.csv", "--k=1", "--output=o.csv", "--texts=t.tsv")
	if code != 1 || stderr != "kneighbors: t.tsv: found no file of that name, expected texts for the page\n" ||
		len(names(t, dir)) != 1 {
		t.Errorf("exit code %d, files %v\n%s", code, names(t, dir), stderr)
	}
}

// A comma in the name of a file has a backslash before it, which the user is told.
func TestComma(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a,b.csv"), "a,b\n1,2\n3,4\n5,6\n")
	_, stderr, code := runCommand(t, dir, "--input=a,b.csv", "--k=1", "--output=o.csv")
	if code != 2 || !strings.Contains(stderr, `'a\,b.csv'`) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if _, stderr, code = runCommand(t, dir, `--input=a\,b.csv`, "--k=1", "--output=c,d.csv"); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if got := fmt.Sprint(names(t, dir)); got != "[a,b.csv c,d.csv c,d.html]" {
		t.Errorf("files %s", got)
	}
}

// slow makes an input that takes a while.
func slow(t *testing.T, name string) {
	t.Helper()
	const n, d = 60_000, 64
	r := rand.New(rand.NewPCG(1, 1))
	b := binary.LittleEndian.AppendUint32(nil, n)
	b = binary.LittleEndian.AppendUint32(b, d)
	for range n * d {
		b = append(b, byte(r.IntN(256)))
	}
	clitest.Write(t, name, string(b))
}

// A job that is killed leaves nothing that looks finished, and can be run again.
func TestKilled(t *testing.T) {
	clitest.Long(t)
	dir := t.TempDir()
	slow(t, filepath.Join(dir, "x.u8bin"))
	args := []string{"--input=x.u8bin", "--k=100", "--chunk_rows=200", "--output=out/n.csv", "--quiet"}
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		c := clitest.Command(dir, args...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		parts := func() []string {
			m, err := filepath.Glob(filepath.Join(dir, "out/.n.csv.*.tmp/part-*"))
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		for start := time.Now(); len(parts()) < 3; time.Sleep(time.Millisecond) {
			if time.Since(start) > time.Minute {
				t.Fatalf("no part after a minute\n%s", stderr.String())
			}
		}
		if err := c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatalf("%v: the job ended well before it was killed", signal)
		}
		got := names(t, filepath.Join(dir, "out"))
		for _, name := range got {
			if !strings.HasPrefix(name, ".") {
				t.Errorf("%v leaves %s", signal, name)
			}
		}
		if signal == syscall.SIGINT {
			if len(got) > 0 || c.ProcessState.ExitCode() != 130 ||
				stderr.String() != "kneighbors: interrupted, no output written\n" {
				t.Errorf("%v: files %v, exit code %d, %s", signal, got, c.ProcessState.ExitCode(), stderr.String())
			}
		} else if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, code := runCommand(t, dir, "--input=x.u8bin", "--k=2", "--output=out/n.csv", "--quiet"); code != 0 ||
		stderr != "" {
		t.Errorf("the rerun: exit code %d\n%s", code, stderr)
	}
	if got := strings.Count(clitest.Read(t, filepath.Join(dir, "out/n.csv")), "\n"); got != 1+2*60_000 {
		t.Errorf("%d lines", got)
	}
}

// buildIndex runs the command index, which makes what --index asks.
func buildIndex(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := clitest.Other(dir, "index", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// An index of an earlier run answers as one that is built for the job, for all points and for queries, and says so in
// one line where it is not what was asked for.
func TestReuse(t *testing.T) {
	dir := t.TempDir()
	digits := clitest.Testdata(t, "digits.csv")
	columns := []string{"--id_column=id", "--columns=pixel_*"}
	input := append([]string{"--input=" + digits}, columns...)
	buildIndex(t, dir, append(input, "--index=d.index")...)
	queries := append([]string{"--queries=" + digits, "--report=none"}, columns...)
	for _, extra := range [][]string{nil, append(input[:len(input):len(input)], "--report=none"), queries} {
		_, stderr, code := runCommand(t, dir, append(extra, "--index=d.index", "--k=10", "--output=out/n.csv")...)
		if code != 0 || !strings.Contains(stderr, "1797 points × 64 columns, 1797 queries, 17970 neighbours") {
			t.Fatalf("%v: exit code %d\n%s", extra, code, stderr)
		}
		got, want := clitest.Read(t, filepath.Join(dir, "out/n.csv")),
			clitest.Read(t, clitest.Testdata(t, "digits.neighbors.csv"))
		if len(extra) < 3 || extra[0] == input[0] {
			if got != want {
				t.Errorf("%v: the neighbours differ", extra)
			}
		} else if !strings.HasPrefix(got, "query_id,rank,neighbor_id,distance\n0,1,0,0\n") {
			t.Errorf("%v: %.100s", extra, got)
		}
	}
	clitest.Write(t, filepath.Join(dir, "cut.index"), clitest.Read(t, filepath.Join(dir, "d.index"))[:100_000])
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n3,4\n5,6\n")
	for args, want := range map[string]string{
		"--index=cut.index":  "kneighbors: cut.index: found an index of 100000 bytes, expected ",
		"--index=x.csv":      `kneighbors: x.csv: found text that begins with "a,b", expected an index`,
		"--index=none.index": "kneighbors: none.index: found no file of that name, expected an index",
		"--index=d.index --metric=cosine": "kneighbors: d.index: found an index with metric euclidean, expected cosine, " +
			"as --metric says",
		"--index=d.index --input=x.csv": "kneighbors: d.index: found an index of " + digits +
			", not of x.csv, expected an index of the input as it is: build it anew",
		"--index=d.index --queries=x.csv":      `kneighbors: x.csv: found the columns "a", "b", without "pixel_0", "pixel_1", `,
		"--index=d.index --broadcast=shards":   "kneighbors: shards need an index memory",
		"--index=d.index --index_memory=200MB": "kneighbors: an index of an earlier run is a file",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--k=1", "--output=out/bad.csv")...)
		if code == 0 || !strings.HasPrefix(stderr, want) ||
			strings.Count(strings.TrimSuffix(stderr, "See beamlearn kneighbors --help.\n"), "\n") != 1 {
			t.Errorf("%s: exit code %d\n%swant %s", args, code, stderr, want)
		}
	}
	if got := names(t, filepath.Join(dir, "out")); fmt.Sprint(got) != "[n.csv n.html]" {
		t.Errorf("files %v", got)
	}
}

// Every way of the index to the workers gives the same bytes.
func TestBroadcasts(t *testing.T) {
	dir := t.TempDir()
	for i, way := range [][]string{{"--broadcast=side_input"}, {"--broadcast=file", "--staging=staging", "--report=none"},
		{"--broadcast=file", "--report=none"}, {"--broadcast=shards", "--index_memory=200KB"},
		{"--index_memory=300KB", "--report=none"}} {
		if clitest.LeftOut(i) {
			continue
		}
		_, stderr, code := runCommand(t, dir, append(way, "--input="+clitest.Testdata(t, "digits.csv"), "--id_column=id",
			"--columns=pixel_*", "--k=10", "--output=out/n.csv")...)
		if code != 0 || clitest.Read(t, filepath.Join(dir, "out/n.csv")) != clitest.Read(t,
			clitest.Testdata(t, "digits.neighbors.csv")) {
			t.Errorf("%v: exit code %d, or the neighbours differ\n%s", way, code, stderr)
		}
		if got := names(t, filepath.Join(dir, "out")); fmt.Sprint(got) != "[n.csv n.html]" {
			t.Errorf("%v: files %v", way, got)
		}
	}
	if got := names(t, filepath.Join(dir, "staging")); len(got) > 0 {
		t.Errorf("files %v", got)
	}
}

// An interrupted job leaves nothing of its index, whatever the way.
func TestInterruptedIndex(t *testing.T) {
	for _, way := range [][]string{{"--broadcast=file"}, {"--broadcast=file", "--staging=out/staging"},
		{"--broadcast=shards", "--index_memory=4MB"}} {
		dir := t.TempDir()
		slow(t, filepath.Join(dir, "x.u8bin"))
		c := clitest.Command(dir, append(way, "--input=x.u8bin", "--k=100", "--chunk_rows=200", "--output=out/n.csv",
			"--quiet")...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for start := time.Now(); ; time.Sleep(time.Millisecond) {
			if m, err := filepath.Glob(filepath.Join(dir, "out/.n.csv.*.tmp/part-*")); err != nil || len(m) > 0 {
				break
			}
			if time.Since(start) > time.Minute {
				t.Fatalf("%v: no part after a minute\n%s", way, stderr.String())
			}
		}
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatalf("%v: the job ended well before it was interrupted", way)
		}
		left, err := filepath.Glob(filepath.Join(dir, "out/*"))
		if err != nil {
			t.Fatal(err)
		}
		hidden, err := filepath.Glob(filepath.Join(dir, "out/staging/.*"))
		if err != nil || len(hidden) > 0 ||
			len(left) > 0 && fmt.Sprint(left) != fmt.Sprintf("[%s]", filepath.Join(dir, "out/staging")) ||
			stderr.String() != "kneighbors: interrupted, no output written\n" {
			t.Errorf("%v: left %v %v\n%s", way, left, hidden, stderr.String())
		}
	}
}

// The recall is told: that of answers by lists, and of points so few that they are answered exactly.
func TestRecall(t *testing.T) {
	digits := clitest.Testdata(t, "digits.csv")
	for want, extra := range map[string][]string{
		"recall 1: all were answered exactly": {"--algorithm=ivf"},
		"kneighbors: the output has a recall of ": {"--recall=0.9995", "--seed=5", "--report=none", "--quiet",
			"--queries=" + digits + ",copy.csv"},
		"by 2000 queries answered exactly too: 84 lists": {"--recall=0.9", "--seed=1", "--report=none", "--queries=" +
			digits + ",copy.csv"},
	} {
		dir := t.TempDir()
		clitest.Write(t, filepath.Join(dir, "copy.csv"), clitest.Read(t, digits))
		args := append([]string{"--input=" + digits, "--id_column=id", "--columns=pixel_*", "--k=10", "--output=out/n.csv",
			"--summary=out/s.json"}, extra...)
		stdout, stderr, code := runCommand(t, dir, args...)
		exit := 0
		if slices.Contains(extra, "--quiet") { // whose recall falls short
			exit = 3
		}
		if code != exit || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d\n%s%s", extra, code, stdout, stderr)
		}
		clitest.Read(t, filepath.Join(dir, "out/n.csv"))
		if s := clitest.Read(t, filepath.Join(dir, "out/s.json")); !strings.Contains(s, `"recall_asked"`) ||
			strings.Contains(s, `"recall_short": true`) != (exit == 3) {
			t.Errorf("%v: summary %s", extra, s)
		}
	}
}

// Texts that may be those of other rows, or that some ids lack, are told of.
func TestOtherTexts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "name,a\nu,1\nv,3\nw,5\n")
	clitest.Write(t, filepath.Join(dir, "header.txt"), "text\nof u\nof v\nof w\n")
	clitest.Write(t, filepath.Join(dir, "lines.txt"), "of u\nof v\nof w\n")
	clitest.Write(t, filepath.Join(dir, "ids.tsv"), "u\tof u\nx\tof x\n")
	clitest.Write(t, filepath.Join(dir, "all.tsv"), "w\tof w\nu\tof u\nx\tof x\nv\tof v")
	for flags, want := range map[string]string{
		"--columns=a --texts=lines.txt": "",
		"--columns=a --texts=header.txt": "kneighbors: header.txt: found 4 lines, expected 3, as line i is the text of row i: " +
			"the page may show texts of other rows\n",
		"--id_column=name --texts=all.tsv": "",
		"--id_column=name --texts=ids.tsv": "kneighbors: ids.tsv: no text of 2 of 3 ids that the page shows, as of \"v\": " +
			"lines are an id, a tab and its text\n",
	} {
		args := append(strings.Fields(flags), "--input=x.csv", "--k=1", "--output=o.csv")
		_, stderr, code := runCommand(t, dir, args...)
		if code != 0 || !strings.Contains(stderr, want) || want == "" && strings.Contains(stderr, ".t") { // a file of texts
			t.Errorf("%s: exit code %d\n%s", flags, code, stderr)
		}
	}
}

// The page stands beside the output, elsewhere or nowhere, as the user says.
func TestReport(t *testing.T) {
	for extra, want := range map[string]string{
		"--report=none":                               "[n.csv]",
		"--report=out/look.html":                      "[look.html n.csv]",
		"--texts=" + clitest.Testdata(t, "words.tsv"): "[n.csv n.html]",
	} {
		dir := t.TempDir()
		args := []string{"--input=" + clitest.Testdata(t, "words.npy"), "--metric=cosine", "--k=3", "--output=out/n.csv",
			extra}
		stdout, stderr, code := runCommand(t, dir, args...)
		if code != 0 || stdout != "" {
			t.Fatalf("%q: exit code %d\n%s", extra, code, stderr)
		}
		if got := fmt.Sprint(names(t, filepath.Join(dir, "out"))); got != want {
			t.Errorf("%q: files %s, want %s", extra, got, want)
		}
		if strings.HasPrefix(extra, "--texts") {
			if s := clitest.Read(t, filepath.Join(dir, "out/n.html")); !strings.Contains(s, "cuttlefish") ||
				!strings.Contains(s, "Near to many") {
				t.Error("the page lacks the texts, or the hubs")
			}
		}
	}
	for args, want := range map[string]string{
		"--report=x.txt":              "--report=x.txt: must end in .html",
		"--report=none --texts=t.tsv": "--texts is for the page",
	} {
		_, stderr, code := runCommand(t, t.TempDir(),
			append(strings.Fields(args), "--input=x.npy", "--k=3", "--output=n.csv")...)
		if code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
}

// Each flag that takes a value has an example.
func TestExamples(t *testing.T) { clitest.Help(t) }
