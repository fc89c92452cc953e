// Package files_test tests how all commands treat files: their own and others'.
package files_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

// job is kneighbors on the digits, in a directory with x.csv.
func job(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	x := filepath.Join(dir, "x.csv")
	if _, err := os.Stat(x); err != nil {
		clitest.Write(t, x, clitest.Read(t, clitest.Testdata(t, "digits.csv")))
	}
	return clitest.Command(dir, append([]string{"--quiet", "--id_column=id", "--columns=pixel_*", "--k=3"}, args...)...)
}

// run runs a command, which must succeed and say nothing.
func run(t *testing.T, c *exec.Cmd) (stdout string) {
	t.Helper()
	stdout, stderr, code := clitest.End(t, c)
	if code != 0 || stderr != "" {
		t.Fatalf("%v: exit code %d\n%s", c.Args[1:], code, stderr)
	}
	return stdout
}

// Standard output and input, FIFOs, devices and links get and give the same bytes as files do, and stay what they are.
func TestStreams(t *testing.T) {
	dir := t.TempDir()
	run(t, job(t, dir, "--input=x.csv", "--output=o.csv", "--report=none"))
	want := clitest.Read(t, filepath.Join(dir, "o.csv"))
	for _, name := range []string{"-", "/dev/stdout"} {
		if got := run(t, job(t, dir, "--input=x.csv", "--output="+name, "--output_format=csv")); got != want {
			t.Errorf("--output=%s: %d bytes, want %d", name, len(got), len(want))
		}
	}
	c := job(t, dir, "--input=-", "--input_format=csv", "--output=-")
	c.Stdin = strings.NewReader(clitest.Read(t, filepath.Join(dir, "x.csv")))
	if got := run(t, c); got != want {
		t.Errorf("--input=-: %d bytes, want %d", len(got), len(want))
	}
	c = job(t, dir, "--input=-", "--input_format=csv", "--output=-")
	c.Stdin = strings.NewReader("id,pixel_0\n0,1\n1,x\n2,2\n3,3\n4,4\n")
	if _, stderr, code := clitest.End(t, c); code != 1 ||
		stderr != "kneighbors: standard input: row 1, column pixel_0: found \"x\", expected a number\n" {
		t.Errorf("a fault in standard input: exit code %d\n%s", code, stderr)
	}

	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666), os.Mkdir(filepath.Join(dir, "d"), 0o777),
		os.Symlink("d/target.csv", filepath.Join(dir, "link.csv"))); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		b, _ := os.ReadFile(filepath.Join(dir, "fifo"))
		got <- string(b)
	}()
	run(t, job(t, dir, "--input=x.csv", "--output=fifo", "--output_format=csv"))
	if s := <-got; s != want {
		t.Errorf("through the FIFO came %d bytes", len(s))
	}
	run(t, job(t, dir, "--input=x.csv", "--output=/dev/null", "--output_format=csv"))
	run(t, job(t, dir, "--input=x.csv", "--output=link.csv", "--report=none"))
	if clitest.Read(t, filepath.Join(dir, "d/target.csv")) != want {
		t.Error("through the link came something else")
	}
	for name, mode := range map[string]os.FileMode{"fifo": os.ModeNamedPipe, "link.csv": os.ModeSymlink,
		"/dev/null": os.ModeDevice} {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if st, err := os.Lstat(name); err != nil || st.Mode()&mode == 0 {
			t.Errorf("%s is %v, %v", name, st.Mode(), err)
		}
	}
	if names, err := namesIn(dir); err != nil || strings.Join(names, " ") != "d fifo link.csv o.csv x.csv" {
		t.Errorf("files %v, %v", names, err)
	}
}

// A reader that goes away, as head does, ends a job without a word.
func TestBrokenPipe(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []*exec.Cmd{
		job(t, dir, "--input=x.csv", "--output=-", "--k=100"),
		clitest.Other(dir, "inspect", "--quiet", "--head=5000", "--json", "x.csv"),
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = w, &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		r.Close()
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 141 || stderr.String() != "" {
			t.Errorf("%v: %v\n%s", c.Args[1:], err, stderr.String())
		}
	}
}

// begun is a command that writes into dir/out, with its temporary files in dir/tmp.
func begun(dir string, command func() *exec.Cmd) *exec.Cmd {
	c := command()
	c.Env = append(os.Environ(), "TMPDIR="+filepath.Join(dir, "tmp"))
	return c
}

// hidden are the files and directories in dir/out that are no outputs.
func hidden(t *testing.T, dir string) (found []string) {
	t.Helper()
	names, err := namesIn(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasPrefix(n, ".") && !strings.HasSuffix(n, ".lock") {
			found = append(found, n)
		}
	}
	return found
}

// midway starts a command over and over, until a signal has met it while hidden files of the name were there.
func midway(t *testing.T, dir, name string, command func() *exec.Cmd, signal syscall.Signal) *exec.Cmd {
	t.Helper()
	there := func() bool {
		return slices.ContainsFunc(hidden(t, dir), func(n string) bool { return strings.Contains(n, name) })
	}
	for start := time.Now(); time.Since(start) < time.Minute; {
		c := begun(dir, command)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			c.Wait()
			close(ended)
		}()
		for over := false; !over && !there(); time.Sleep(100 * time.Microsecond) {
			select {
			case <-ended:
				over = true
			default:
			}
		}
		if err := c.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		if signal == syscall.SIGKILL {
			<-ended
		}
		if there() {
			return c
		}
		c.Process.Signal(syscall.SIGCONT)
		<-ended
	}
	t.Fatal("no job was met at its work")
	return nil
}

// outAndTmp makes the directories out and tmp.
func outAndTmp(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{"tmp", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

// What a run that was killed has left, the next one to that output removes, and not what a run that lives has.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	outAndTmp(t, dir)
	start := func() *exec.Cmd {
		return job(t, dir, "--input=x.csv", "--output=out/o.csv", "--report=none", "--chunk_rows=10")
	}
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} { // the one is dead then, the other lives
		c := midway(t, dir, ".o.csv.", start, signal)
		run(t, begun(dir, start))
		if after := hidden(t, dir); (len(after) > 0) != (signal == syscall.SIGSTOP) {
			t.Errorf("%v: beside the output is %q", signal, after)
		}
		temporary, err := namesIn(filepath.Join(dir, "tmp"))
		if err != nil || (len(temporary) > 0) != (signal == syscall.SIGSTOP) {
			t.Errorf("%v: temporary files %v, %v", signal, temporary, err)
		}
		if signal == syscall.SIGSTOP {
			if err := c.Process.Signal(syscall.SIGCONT); err != nil {
				t.Error(err)
			}
			for begun := time.Now(); len(hidden(t, dir)) > 0 && time.Since(begun) < time.Minute; {
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
	if names, err := namesIn(filepath.Join(dir, "out")); err != nil || strings.Join(names, " ") != "o.csv" {
		t.Errorf("files %v, %v", names, err)
	}
}

// So it is with what no rows come from: an index, a survey of a table's columns, a model, scores.
func TestKilledWithoutRows(t *testing.T) {
	digits := []string{"--id_column=id", "--columns=pixel_*", "--input=" + clitest.Testdata(t, "digits.csv")}
	table := "--input=" + clitest.Testdata(t, "flights_small.csv")
	for i, c := range []struct {
		hidden string // in the name of what is met
		args   []string
	}{
		{".tmp", append([]string{"index", "--index=out/o.index"}, digits...)},
		{".columns.tmp", []string{"transform", table, "--output=out/o.csv"}},
		{".columns.tmp", []string{"eigen", table, "--encode=auto", "--id_column=id", "--output_model=out/o.json",
			"--report=none"}},
		{".tmp", append([]string{"kneighbors", "--outliers=lof", "--k=5", "--output=out/o.csv", "--report=none"}, digits...)},
		{".tmp", append([]string{"eigen", "--output_model=out/o.json", "--report=none"}, digits...)},
	} {
		if clitest.LeftOut(i) && i > 1 {
			continue
		}
		dir := t.TempDir()
		outAndTmp(t, dir)
		command := func() *exec.Cmd { return clitest.Program(dir, append(c.args, "--quiet", "--chunk_rows=10")...) }
		midway(t, dir, c.hidden, command, syscall.SIGKILL)
		if _, stderr, code := clitest.End(t, begun(dir, command)); code != 0 {
			t.Errorf("%v: exit code %d\n%s", c.args, code, stderr)
		}
		if left := hidden(t, dir); len(left) > 0 {
			t.Errorf("%v: the next run has left %q", c.args, left)
		}
	}
}
