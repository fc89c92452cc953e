package index_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "index") }

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
	args := []string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*", "--index=out/digits.index", "--summary=out/summary.json"}
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, args...))
	if code != 0 || stdout != "" || !strings.HasPrefix(stderr, "index: left out: target (number)\n1797 points × 64 columns in ") || !strings.HasSuffix(stderr, "\nout/digits.index\n") {
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
	if _, stderr, code := clitest.End(t, clitest.Command(dir, append(args, "--chunk_rows=100", "--quiet")...)); code != 0 || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if clitest.Read(t, filepath.Join(dir, "out/digits.index")) != before {
		t.Error("a second build has other bytes")
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
	if code != 0 || !strings.Contains(stderr, "1 rows left out: o.index.rejected.jsonl") || names(t, dir) != "[o.index o.index.rejected.jsonl x.csv]" {
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
	if _, stderr, code := clitest.End(t, clitest.Command(dir, "--input=x.fbin", "--index=o.index")); code != 1 || !strings.HasPrefix(stderr, "index: the job needs about ") || names(t, dir) != "[x.fbin]" {
		t.Errorf("exit code %d, %s\n%s", code, names(t, dir), stderr)
	}
}

// An interrupted build leaves the index that was there, and nothing else.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	const n, d = 200_000, 64
	b := make([]byte, 8+n*d)
	binary.LittleEndian.PutUint32(b, n)
	binary.LittleEndian.PutUint32(b[4:], d)
	clitest.Write(t, filepath.Join(dir, "x.u8bin"), string(b))
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o777); err != nil {
		t.Fatal(err)
	}
	// A build may be over before the interrupt reaches it, but not one after the other.
	for range 5 {
		if interrupted(t, dir) {
			return
		}
	}
	t.Error("five builds went on after an interrupt")
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
		if _, stderr, code := clitest.End(t, clitest.Command(dir, "--input="+c.name+".csv", "--id_column=id", "--index="+c.name+".index")); code != 0 {
			t.Fatal(stderr)
		}
		args := []string{"--index=" + c.name + ".index", "--queries=n.csv", "--columns=a", "--k=1", "--report=none", "--output=" + c.name + ".npy"}
		_, stderr, code := clitest.End(t, clitest.Other(dir, "kneighbors", args...))
		if code != c.code || code != 0 && !strings.Contains(stderr, "x.index: its ids are text, and .npy holds integers: write .csv, .jsonl or .parquet") {
			t.Errorf("%s: exit code %d\n%s", c.name, code, stderr)
		}
	}
	if got := names(t, dir); got != "[n.csv n.distances.npy n.index n.indices.npy x.csv x.index]" {
		t.Errorf("left %s", got)
	}
}
