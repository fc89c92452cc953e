package files_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

// conversation is a command that is written to and read from, line by line.
type conversation struct {
	t      *testing.T
	c      *exec.Cmd
	in     io.WriteCloser
	lines  chan string // of its standard output
	errors bytes.Buffer
}

func talk(t *testing.T, c *exec.Cmd) *conversation {
	t.Helper()
	v := &conversation{t: t, c: c, lines: make(chan string, 1<<12)}
	c.Stderr = &v.errors
	var err error
	if v.in, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() }) // which has mostly ended
	go func() {
		defer close(v.lines)
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			if line != "" {
				v.lines <- line
			}
			if err != nil {
				return
			}
		}
	}()
	return v
}

func (v *conversation) say(text string) {
	v.t.Helper()
	if _, err := io.WriteString(v.in, text); err != nil {
		v.t.Fatalf("%v\n%s", err, v.errors.String())
	}
}

// hear is the next line, or "" at the end.
func (v *conversation) hear() string {
	v.t.Helper()
	select {
	case line := <-v.lines:
		return line
	case <-time.After(time.Minute):
		v.t.Fatal("no answer")
		return ""
	}
}

// end is what is left of the output, what was told, and the exit code, once nothing more is said.
func (v *conversation) end() (rest, told string, code int) {
	v.t.Helper()
	_ = v.in.Close() // a command that has ended has closed it
	for line := range v.lines {
		rest += line
	}
	_ = v.c.Wait() // its exit code is given
	return rest, v.errors.String(), v.c.ProcessState.ExitCode()
}

// streams are a model, an index and rows for them, of which whole are those of commands that read files.
type streams struct{ dir, csv, jsonl string }

func newStreams(t *testing.T) *streams {
	t.Helper()
	s := &streams{dir: t.TempDir()}
	s.csv = clitest.Read(t, clitest.Testdata(t, "breast_cancer.csv"))
	s.csv = s.csv[:strings.Index(s.csv[20_000:], "\n")+20_001]
	for i, line := range strings.Split(strings.TrimSpace(s.csv), "\n") {
		if i > 0 {
			s.jsonl += `{"id":"r` + line[:3] + `","vector":[` + line + "]}\n"
		}
	}
	clitest.Write(t, filepath.Join(s.dir, "x.csv"), s.csv)
	clitest.Write(t, filepath.Join(s.dir, "x.jsonl"), s.jsonl)
	s.run(t, "sgd", "--input=x.csv", "--target=target", "--task=classification", "--standardize", "--report=none",
		"--output_model=m.json")
	s.run(t, "index", "--input=x.jsonl", "--id_column=id", "--index=x.index")
	return s
}

func (s *streams) run(t *testing.T, command string, args ...string) {
	t.Helper()
	if _, stderr, code := clitest.End(t, clitest.Other(s.dir, command, append(args, "--quiet")...)); code != 0 {
		t.Fatalf("%s %q: exit code %d\n%s", command, args, code, stderr)
	}
}

func (s *streams) lines(text string) []string {
	return strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
}

// TestFollow answers rows of standard input one after the other: with the bytes of a job over a file of them.
func TestFollow(t *testing.T) {
	t.Parallel()
	s := newStreams(t)
	for _, c := range []struct {
		name, command, rows, from, stdin, output string
		args                                     []string
	}{
		{"predict csv", "predict", s.csv, "--input", "--input", "csv",
			[]string{"--model=m.json", "--proba", "--columns=!target"}},
		{"predict jsonl", "predict", s.csv, "--input", "--input", "jsonl", []string{"--model=m.json", "--decision"}},
		{"kneighbors", "kneighbors", s.jsonl, "--queries", "--input", "jsonl",
			[]string{"--index=x.index", "--id_column=id", "--k=3"}},
		{"kneighbors radius", "kneighbors", s.jsonl, "--queries", "--queries", "csv",
			[]string{"--index=x.index", "--id_column=id", "--radius=100", "--layout=nested"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "x.csv"
			if strings.HasPrefix(c.rows, "{") {
				name = "x.jsonl"
			}
			s.run(t, c.command, append(c.args, c.from+"="+name, "--output=whole."+c.output)...)
			want := clitest.Read(t, filepath.Join(s.dir, "whole."+c.output))
			args := append(c.args, c.stdin+"=-", "--output=-", "--output_format="+c.output)
			stdout, stderr, code := clitest.End(t, fed(clitest.Other(s.dir, c.command, append(args, "--quiet")...), c.rows))
			if code != 0 || stderr != "" || stdout != want {
				t.Errorf("all at once: exit code %d, %d bytes, want %d\n%s", code, len(stdout), len(want), stderr)
			}
			v := talk(t, clitest.Other(s.dir, c.command, args...))
			said, rows := s.lines(c.rows), s.lines(want)
			if name == "x.csv" {
				v.say(said[0])
				said = said[1:]
			}
			if c.output == "csv" {
				v.say(said[0])
				for range 2 { // the header, and an answer
					if got := v.hear(); got != rows[0] {
						t.Errorf("%q, want %q", got, rows[0])
					}
					rows = rows[1:]
				}
				said = said[1:]
			}
			for i, line := range said[:20] {
				v.say(line)
				if got := v.hear(); got != rows[i] {
					t.Errorf("row %d: %q, want %q", i, got, rows[i])
				}
			}
			rest, told, code := v.end()
			if code != 0 || rest != "" || !strings.Contains(told, "standard input is taken for ."+
				strings.TrimPrefix(name, "x.")) {
				t.Errorf("exit code %d, the rest is %q\n%s", code, rest, told)
			}
		})
	}
}

func fed(c *exec.Cmd, text string) *exec.Cmd {
	c.Stdin = strings.NewReader(text)
	return c
}

// TestFollowEnds ends conversations: by a row at fault, by one that is skipped, by a signal, by a reader that goes
// away.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	s := newStreams(t)
	rows := s.lines(s.csv)
	column, _, _ := strings.Cut(rows[0], ",")
	broken := "x" + rows[3][strings.Index(rows[3], ","):]
	at := `predict: standard input: row 1, column ` + column + `: found "x", expected a number` + "\n"
	predict := func(args ...string) *conversation {
		t.Helper()
		v := talk(t, clitest.Other(s.dir, "predict", append([]string{"--model=m.json", "--input=-", "--output=-", "--quiet"},
			args...)...))
		v.say(rows[0] + rows[1])
		if got := v.hear() + v.hear(); got != "id,prediction\n0,0\n" {
			t.Fatalf("%q", got)
		}
		return v
	}
	v := predict()
	v.say(broken)
	if rest, told, code := v.end(); rest != "" || told != at || code != 1 {
		t.Errorf("a fault: exit code %d, the rest is %q\n%s", code, rest, told)
	}
	v = predict("--on_error=skip")
	v.say(broken)
	if got := v.hear(); got != "1,\n" {
		t.Errorf("%q", got)
	}
	v.say(rows[2])
	if got := v.hear(); got != "2,0\n" {
		t.Errorf("%q", got)
	}
	if rest, told, code := v.end(); rest != "" || told != at || code != 0 {
		t.Errorf("a fault that is skipped: exit code %d, the rest is %q\n%s", code, rest, told)
	}
	v = predict()
	if err := v.c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := v.hear(); got != "" { // although nobody has closed the input
		t.Errorf("%q", got)
	}
	if _, told, code := v.end(); told != "predict: interrupted, 1 row answered\n" || code != 130 {
		t.Errorf("a signal: exit code %d\n%s", code, told)
	}
	// One who goes away has had enough.
	c := clitest.Other(s.dir, "predict", "--model=m.json", "--input=-", "--output=-", "--quiet")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	c.Stdout, c.Stderr = w, &told
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(in, rows[0]+rows[1]) // which the command may not wait for
	_ = c.Wait()                               // its exit code is looked at
	if code := c.ProcessState.ExitCode(); code != 141 || told.Len() > 0 {
		t.Errorf("a reader who goes away: exit code %d\n%s", code, told.String())
	}
}
