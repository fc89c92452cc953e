package index_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "index", "TestIndex") }

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return fmt.Sprint(s)
}

func TestIndex(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*",
		"--index=out/digits.index", "--summary=out/summary.json"}
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, args...))
	if code != 0 || stdout != "" ||
		!strings.HasPrefix(stderr, "index: left out: target (number)\n1797 points × 64 columns in ") ||
		!strings.HasSuffix(stderr, "\nout/digits.index\n") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if got := names(t, filepath.Join(dir, "out")); got != "[digits.index summary.json]" {
		t.Errorf("files %s", got)
	}
	if b := clitest.Read(t, filepath.Join(dir, "out/digits.index")); !strings.HasPrefix(b, "BLKNNIDX") {
		t.Errorf("it begins with %.20q", b)
	}
	// The same points give the same bytes.
	before := clitest.Read(t, filepath.Join(dir, "out/digits.index"))
	if _, stderr, code := clitest.End(t,
		clitest.Command(dir, append(args, "--chunk_rows=100", "--quiet")...)); code != 0 || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if clitest.Read(t, filepath.Join(dir, "out/digits.index")) != before {
		t.Error("a second build has other bytes")
	}
}

// Points are read where they are to stand: wherever one is left out, and wherever the values begin to need float64,
// chunks of any size make the same index.
func TestReadInPlace(t *testing.T) {
	t.Parallel()
	const rows = 40
	for _, lacking := range []int{-1, 13} {
		for _, wide := range []int{-1, 0, 5, rows - 1} {
			dir := t.TempDir()
			var b strings.Builder
			b.WriteString("a,b\n")
			for i := range rows {
				switch i {
				case lacking:
					fmt.Fprintf(&b, "%d,x\n", i)
				case wide:
					fmt.Fprintf(&b, "%d,0.1\n", i)
				default:
					fmt.Fprintf(&b, "%d,%d\n", i, i%7)
				}
			}
			clitest.Write(t, filepath.Join(dir, "x.csv"), b.String())
			want := ""
			for _, chunk := range []int{1000, 3} {
				args := []string{"--input=x.csv", "--on_error=skip", "--index=o.index", "--quiet",
					fmt.Sprint("--chunk_rows=", chunk)}
				if _, stderr, code := clitest.End(t, clitest.Command(dir, args...)); code != 0 {
					t.Fatalf("exit code %d\n%s", code, stderr)
				}
				if got := clitest.Read(t, filepath.Join(dir, "o.index")); want == "" {
					want = got
				} else if got != want {
					t.Errorf("row %d lacks, %d is wide: chunks of %d rows make another index", lacking, wide, chunk)
				}
			}
		}
	}
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n3,x\n5,6\n")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", 2, "index: --input is needed"},
		{"--input=x.csv", 2, "index: an index is needed: where to write it"},
		{"--input=x.csv --index=o.index --metric=l3", 2, `index: metric "l3"`},
		{"--input=x.csv --index=o.index --p=1", 2, "index: p 1: of minkowski, not of euclidean"},
		{"--input=x.csv --index=o.index", 1, `index: x.csv: row 1, column b: found "x", expected a number`},
		{"--input=none.csv --index=o.index", 1, "index: none.csv: found no file of that name"},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, strings.Fields(c.args)...))
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d\n%s", c.args, code, stderr)
		}
		if got := names(t, dir); got != "[x.csv]" {
			t.Errorf("%q: files %s", c.args, got)
		}
	}
	_, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.csv", "--index=o.index", "--on_error=skip"))
	if code != 0 || !strings.Contains(stderr, "1 row left out: o.index.rejected.jsonl") ||
		names(t, dir) != "[o.index o.index.rejected.jsonl x.csv]" {
		t.Errorf("--on_error=skip: exit code %d, %s\n%s", code, names(t, dir), stderr)
	}
}

// What will not fit into memory is told before anything is read.
func TestTooLittleMemory(t *testing.T) {
	dir := t.TempDir()
	const n, d = 1_000_000_000, 1000
	f, err := os.Create(filepath.Join(dir, "x.fbin"))
	if err != nil {
		t.Fatal(err)
	}
	header := make([]byte, 8)
	binary.LittleEndian.PutUint32(header, n)
	binary.LittleEndian.PutUint32(header[4:], d)
	_, err = f.Write(header)
	if err := errors.Join(err, f.Truncate(8+4*n*d), f.Close()); err != nil { // of nothing, which takes no space
		t.Fatal(err)
	}
	if _, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.fbin", "--index=o.index")); code != 1 ||
		!strings.HasPrefix(stderr, "index: the job needs about ") || names(t, dir) != "[x.fbin]" {
		t.Errorf("exit code %d, %s\n%s", code, names(t, dir), stderr)
	}
}

// An interrupted build leaves the index that was there, and nothing else.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	const n, d = 200_000, 256
	b := make([]byte, 8+n*d)
	binary.LittleEndian.PutUint32(b, n)
	binary.LittleEndian.PutUint32(b[4:], d)
	clitest.Write(t, filepath.Join(dir, "x.u8bin"), string(b))
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o777); err != nil {
		t.Fatal(err)
	}
	// A build may be over before the interrupt reaches it, but not one after the other.
	const most = 20
	for range most {
		if interrupted(t, dir) {
			return
		}
	}
	t.Errorf("%d builds went on after an interrupt", most)
}

// interrupted interrupts a command that writes an index, and reports whether that has ended it.
func interrupted(t *testing.T, dir string) bool {
	t.Helper()
	clitest.Write(t, filepath.Join(dir, "out", "x.index"), "earlier")
	c := clitest.Command(dir, "--input=x.u8bin", "--index=out/x.index", "--quiet")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); names(t, filepath.Join(dir, "out")) == "[x.index]"; time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("nothing is written")
		}
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if c.ProcessState.ExitCode() == 0 {
		return false
	}
	got := clitest.Read(t, filepath.Join(dir, "out", "x.index"))
	if c.ProcessState.ExitCode() != 130 || got != "earlier" || names(t, filepath.Join(dir, "out")) != "[x.index]" {
		t.Errorf("exit code %d, files %s, %.10q", c.ProcessState.ExitCode(), names(t, filepath.Join(dir, "out")), got)
	}
	return true
}

// Each flag that takes a value has an example.
func TestExamples(t *testing.T) { clitest.Help(t) }

// Ids that are text, inside of an index, are known before the work that .npy could not be written of.
func TestTextIDs(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "id,a\nu,1\n2,2\n3,4\n")
	clitest.Write(t, filepath.Join(dir, "n.csv"), "id,a\n1,1\n2,2\n3,4\n")
	for _, c := range []struct {
		name string
		code int
	}{{"x", 2}, {"n", 0}} {
		if _, stderr, code := clitest.End(t, clitest.Command(dir, "--input="+c.name+".csv", "--id_column=id", "--index="+
			c.name+".index")); code != 0 {
			t.Fatal(stderr)
		}
		args := []string{"--index=" + c.name + ".index", "--queries=n.csv", "--columns=a", "--k=1", "--report=none",
			"--output=" + c.name + ".npy"}
		_, stderr, code := clitest.End(t, clitest.Other(dir, "kneighbors", args...))
		if code != c.code || code != 0 &&
			!strings.Contains(stderr, "x.index: its ids are text, and .npy holds integers: write .csv, .jsonl or .parquet") {
			t.Errorf("%s: exit code %d\n%s", c.name, code, stderr)
		}
	}
	if got := names(t, dir); got != "[n.csv n.distances.npy n.index n.indices.npy x.csv x.index]" {
		t.Errorf("left %s", got)
	}
}

// A new version of an index has the bytes of one of the same rows, and the answers of one of the rows that are left.
// Jobs and the version before stay as they are.
func TestVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a process sixteen times")
	}
	dir := t.TempDir()
	row := func(i int) string { return fmt.Sprintf("u%d,%d,%d\n", i, i*i%17, i%5) }
	table := func(name string, rows ...int) {
		s := "id,a,b\n"
		for _, i := range rows {
			s += row(i)
		}
		clitest.Write(t, filepath.Join(dir, name), s)
	}
	table("1.csv", 0, 1, 2, 3, 4, 5)
	table("2.csv", 6, 7)
	table("left.csv", 0, 2, 3, 5, 6, 7)
	clitest.Write(t, filepath.Join(dir, "gone.csv"), "id\nu4\nu1\nu4\n")
	clitest.Write(t, filepath.Join(dir, "other.csv"), "id,a\nu9,1\n")
	clitest.Write(t, filepath.Join(dir, "plain.csv"), "a,b\n1,1\n")
	clitest.Write(t, filepath.Join(dir, "some.csv"), "id\nu4\nu6\nu1\nu4\n")
	index := func(args ...string) string {
		t.Helper()
		_, stderr, code := clitest.End(t, clitest.Command(dir, args...))
		if code != 0 {
			t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
		}
		return stderr
	}
	read := func(name string) string { return clitest.Read(t, filepath.Join(dir, name)) }
	index("--input=1.csv", "--id_column=id", "--index=1.index")
	before := read("1.index")
	index("--input=1.csv,2.csv", "--id_column=id", "--index=both.index")
	index("--from=1.index", "--append=2.csv", "--index=added.index")
	if read("added.index") != read("both.index") {
		t.Error("an index with rows added has other bytes than one of all")
	}
	if stderr := index("--from=1.index", "--append=2.csv", "--delete=gone.csv",
		"--index=new.index"); !strings.Contains(stderr, "  2 points were deleted, and 2 added") {
		t.Error(stderr)
	}
	index("--input=left.csv", "--id_column=id", "--index=left.index")
	for _, name := range []string{"new", "left"} {
		args := []string{"--index=" + name + ".index", "--queries=1.csv", "--id_column=id", "--k=4", "--report=none",
			"--output=" + name + ".csv"}
		if _, stderr, code := clitest.End(t, clitest.Other(dir, "kneighbors", args...)); code != 0 {
			t.Fatal(stderr)
		}
	}
	if read("new.csv") != read("left.csv") {
		t.Error("a version that points were deleted from has other answers than an index of those that are left")
	}
	if read("1.index") != before {
		t.Error("the version before is another")
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--from=1.index", 2, "--from: what is new?"},
		{"--append=2.csv", 2, "--append is of a new version of an index"},
		{"--from=1.index --append=2.csv --metric=cosine", 2, "without --metric"},
		{"--from=1.index --append=2.csv --numeric=a", 2, "without flags of tables"},
		{"--from=none.index --append=2.csv", 1, "none.index: found no file of that name"},
		{"--from=1.index --append=other.csv", 1,
			`other.csv: found the columns "id", "a", without "b", expected the columns "a", "b"`},
		{"--from=1.index --append=plain.csv", 2, `expected the id column "id"`},
		{"--from=1.index --delete=2.csv", 1, `found "u6", "u7" that none has (0 of 2 are found), expected ids`},
		{"--from=1.index --delete=some.csv", 1, `found "u6" that none has (2 of 3 are found), expected ids`},
		{"--from=1.index --delete=1.csv", 2, "all points would be deleted"},
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(strings.Fields(c.args), "--index=o.index")...))
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Contains(names(t, dir), " o.index") {
			t.Errorf("%q: exit code %d, %s\n%s", c.args, code, names(t, dir), stderr)
		}
	}
}

// A version reads what is added as the index before was read, unless it is told otherwise: then it says how, where it
// is asked with the input. A list without ids deletes nothing, and says so.
func TestVersionReading(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a process fifteen times")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"n1.csv": "id;a;b;c\nu;1,5;2;x\nv;3;4;y\nw;5;z;6\n", "n2.csv": "id;a;b;c\ns;2,5;2;x\nt;3;y;9\n",
		"p1.csv": "1,5,7\n2,6,8\n", "p2.csv": "3,1,9\n", "n3.csv": "id;a;b\nq;1,5;3\n", "none.csv": "id\n",
		"gone.csv": "row,id\n1,u\n3,s\n", "gaps.csv": "a,b\n1,2\n,3\n4,5\n2,2\n",
	} {
		clitest.Write(t, filepath.Join(dir, name), text)
	}
	run := func(command, args string) string {
		t.Helper()
		_, stderr, code := clitest.End(t, clitest.Other(dir, command, strings.Fields(args)...))
		if code != 0 {
			t.Fatalf("%s %s: exit code %d\n%s", command, args, code, stderr)
		}
		return stderr
	}
	for _, c := range []struct{ first, second, flags string }{
		{"n1.csv", "n2.csv", "--id_column=id --columns=a,b --delimiter=; --decimal=, --on_error=skip"},
		{"p1.csv", "p2.csv", "--columns=0,2 --header=no"},
	} {
		run("index", "--input="+c.first+" --index=1.index "+c.flags)
		run("index", "--from=1.index --append="+c.second+" --index=2.index")
		run("index", "--input="+c.first+","+c.second+" --index=both.index "+c.flags)
		if clitest.Read(t, filepath.Join(dir, "2.index")) != clitest.Read(t, filepath.Join(dir, "both.index")) {
			t.Errorf("%s: a version with rows added has other bytes than an index of all", c.flags)
		}
		run("kneighbors", "--index=2.index --input="+c.first+","+c.second+" --k=1 --report=none --output=o.csv "+c.flags)
	}
	flags := " --id_column=id --columns=a,b --delimiter=; --decimal=, --on_error=skip"
	run("index", "--input=n1.csv,n2.csv --index=1.index"+flags)
	if stderr := run("index", "--from=1.index --delete=gone.csv --index=2.index"); !strings.Contains(stderr,
		"2 points were deleted, and 0 added") {
		t.Error(stderr)
	}
	run("index", "--input=n1.csv --index=1.index"+flags)
	run("index", "--from=1.index --append=n3.csv --on_error=fail --index=2.index")
	_, stderr, code := clitest.End(t, clitest.Other(dir, "kneighbors", strings.Fields(
		"--index=2.index --input=n1.csv,n3.csv --k=1 --report=none --output=o.csv"+flags)...))
	if want := "rows were added that were read with other --on_error: ask it without the input"; code !=
		1 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	run("index", "--input=gaps.csv --metric=nan_euclidean --index=gaps.index") // the metric says that cells may be missing
	run("kneighbors", "--index=gaps.index --input=gaps.csv --k=1 --report=none --output=o.csv")
	if stderr := run("index", "--from=1.index --delete=none.csv --index=same.index"); !strings.Contains(stderr,
		"none.csv holds no ids: no point of "+filepath.Join(dir, "1.index")+" is deleted") {
		t.Error(stderr)
	}
}

// The parameters of a metric that follow from the points follow anew, and those that were given stay; an index of
// either answers.
func TestVersionParams(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a process ten times")
	}
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,5\n2,1\n4,2\n8,9\n3,3\n")
	clitest.Write(t, filepath.Join(dir, "left.csv"), "a,b\n1,5\n2,1\n4,2\n8,9\n")
	clitest.Write(t, filepath.Join(dir, "v.csv"), "2,3\n")
	clitest.Write(t, filepath.Join(dir, "gone.csv"), "4\n")
	for i, metric := range []string{"--metric=seuclidean", "--metric=mahalanobis",
		"--metric=seuclidean --metric_params=v.csv"} {
		var got [2]string
		for j, args := range []string{"--from=x.index --delete=gone.csv", "--input=left.csv " + metric} {
			if j == 0 {
				if _, stderr, code := clitest.End(t,
					clitest.Command(dir, strings.Fields("--input=x.csv --index=x.index "+metric)...)); code != 0 {
					t.Fatal(stderr)
				}
			}
			if _, stderr, code := clitest.End(t, clitest.Command(dir, strings.Fields(args+" --index=y.index")...)); code != 0 {
				t.Fatal(stderr)
			}
			if _, stderr, code := clitest.End(t, clitest.Other(dir, "kneighbors", "--index=y.index", "--queries=x.csv", "--k=3",
				"--report=none", "--output=y.csv")); code != 0 {
				t.Fatal(stderr)
			}
			got[j] = clitest.Read(t, filepath.Join(dir, "y.csv"))
		}
		if got[0] != got[1] {
			t.Errorf("%d: %s: other answers than of the points that are left", i, metric)
		}
	}
}

// An index with --recall answers as a search that makes its lists anew, and so does a new version of it; one without
// says that it keeps none.
func TestRecall(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes thousands of queries to measure a recall")
	}
	dir := t.TempDir()
	const n, d, more = 6000, 24, 100
	r := rand.New(rand.NewPCG(1, 2))
	write := func(name string, n int) {
		b := make([]byte, 8, 8+n*d)
		binary.LittleEndian.PutUint32(b, uint32(n))
		binary.LittleEndian.PutUint32(b[4:], d)
		for range n {
			centre := byte(r.IntN(40)) * 5
			for range d {
				b = append(b, centre+byte(r.IntN(30)))
			}
		}
		clitest.Write(t, filepath.Join(dir, name), string(b))
	}
	write("x.u8bin", n)
	write("y.u8bin", more)
	run := func(command string, args ...string) string {
		t.Helper()
		_, stderr, code := clitest.End(t, clitest.Other(dir, command, args...))
		if code != 0 {
			t.Fatalf("%s %q: exit code %d\n%s", command, args, code, stderr)
		}
		return stderr
	}
	run("index", "--input=x.u8bin", "--recall=0.9", "--index=lists.index")
	run("index", "--input=x.u8bin", "--index=plain.index")
	run("index", "--from=lists.index", "--append=y.u8bin", "--index=more.index")
	run("index", "--input=x.u8bin,y.u8bin", "--recall=0.9", "--index=all.index")
	search := func(of ...string) (answers, stderr string) {
		t.Helper()
		stderr = run("kneighbors", append(of, "--recall=0.8", "--k=5", "--report=none", "--output=out.csv")...)
		return clitest.Read(t, filepath.Join(dir, "out.csv")), stderr
	}
	const none = "keeps no lists for approximate search, which are made anew: index --recall=0.8 keeps them"
	want, said := search("--input=x.u8bin", "--queries=x.u8bin")
	if !strings.Contains(said, " lists, ") {
		t.Fatalf("the search is not approximate: %s", said)
	}
	for _, index := range []string{"lists", "plain"} {
		got, said := search("--index="+index+".index", "--queries=x.u8bin")
		if got != want || strings.Contains(said, none) != (index == "plain") || !strings.Contains(said, "recall") {
			t.Errorf("%s.index has other answers (%d bytes, want %d), or says otherwise:\n%s", index, len(got), len(want), said)
		}
	}
	if clitest.Read(t, filepath.Join(dir, "more.index")) != clitest.Read(t, filepath.Join(dir, "all.index")) {
		t.Error("a version with rows added has other bytes than one of all, with lists")
	}
	want, _ = search("--input=x.u8bin")
	if got, said := search("--index=plain.index"); got != want || strings.Contains(said, none) {
		t.Errorf("of every point an index has other answers: %s", said)
	}
	if got, _ := search("--index=lists.index", "--queries=y.u8bin"); strings.Count(got, "\n") != 5*more+1 {
		t.Errorf("few queries: %d lines", strings.Count(got, "\n"))
	}
	run("index", "--input=x.u8bin", "--metric=manhattan", "--recall=0.9", "--index=cells.index")
	want, said = search("--input=x.u8bin", "--queries=x.u8bin", "--metric=manhattan")
	if got, kept := search("--index=cells.index", "--queries=x.u8bin"); got != want ||
		!strings.Contains(said, " lists, ") ||
		!strings.Contains(kept, " lists, ") || strings.Contains(kept, none) {
		t.Errorf("by manhattan an index has other answers: %s, %s", said, kept)
	}
	for args, want := range map[string]string{
		"index --input=x.u8bin --recall=2":                                          "--recall=2: must be greater than 0",
		"index --input=x.u8bin --recall=0.9 --metric=canberra":                      `metric "canberra": approximate search has`,
		"kneighbors --index=lists.index,plain.index --queries=x.u8bin --recall=0.9": "several indexes are searched exactly",
	} {
		list := append(strings.Fields(args), "--output=o.csv", "--k=3")
		if list[0] == "index" {
			list = append(list[:len(list)-2], "--index=o.index")
		}
		if _, stderr, code := clitest.End(t, clitest.Other(dir, list[0], list[1:]...)); code != 2 ||
			!strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr)
		}
	}
}
