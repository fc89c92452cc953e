package files_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "kneighbors") }

// signalled is a command that signals are sent to, the files that it writes in the end, and what a run that is
// interrupted may leave.
type signalled struct {
	args    []string
	outputs []string
	may     *regexp.Regexp
}

// signalledCommands are five commands on inputs in a directory.
func signalledCommands(t *testing.T, dir string) []signalled {
	t.Helper()
	clitest.Write(t, filepath.Join(dir, "x.csv"), clitest.Read(t, clitest.Testdata(t, "breast_cancer.csv")))
	clitest.Write(t, filepath.Join(dir, "digits.csv"), clitest.Read(t, clitest.Testdata(t, "digits.csv")))
	sgd := []string{"--input=" + dir + "/x.csv", "--target=target", "--task=classification", "--standardize"}
	model := filepath.Join(dir, "model.json")
	if _, stderr, code := clitest.End(t, clitest.Other(dir, "sgd", append(sgd, "--report=none", "--output_model="+model)...)); code != 0 {
		t.Fatal(stderr)
	}
	resumable := regexp.MustCompile(`^\.m\.json\.checkpoint-`)
	pixels := []string{"--input=" + dir + "/digits.csv", "--id_column=id", "--columns=pixel_*"}
	return []signalled{
		{append([]string{"kneighbors", "--k=5", "--output=o.csv", "--summary=s.json"}, pixels...), []string{"o.csv", "o.html", "s.json"}, nil},
		{append([]string{"index", "--index=o.index"}, pixels...), []string{"o.index"}, nil},
		{append([]string{"sgd", "--alpha=0.01,0.1", "--output_model=m.json"}, sgd...), []string{"m.cv.csv", "m.html", "m.json"}, resumable},
		{[]string{"predict", "--model=" + model, "--input=" + dir + "/x.csv", "--target=target", "--output=p.csv"}, []string{"p.csv"}, nil},
		{append([]string{"eigen", "--components=4", "--output=e.csv", "--output_model=e.json"}, pixels...), []string{"e.csv", "e.html", "e.json"}, nil},
	}
}

// At any moment of any command SIGINT and SIGTERM end it without a panic, with words that are true, and with nothing
// left that is neither an output nor what another run goes on from. BEAMLEARN_SIGNALS is how many signals are sent.
func TestSignals(t *testing.T) {
	n := 15
	if given := os.Getenv("BEAMLEARN_SIGNALS"); given != "" {
		var err error
		if n, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	commands := signalledCommands(t, dir)
	whole := make([]time.Duration, len(commands))
	for i, c := range commands {
		start := time.Now()
		if _, stderr, code := clitest.End(t, clitest.Other(t.TempDir(), c.args[0], c.args[1:]...)); code != 0 {
			t.Fatalf("%v: %s", c.args, stderr)
		}
		whole[i] = time.Since(start)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, jobs of %v", seed, whole)
	random := rand.New(rand.NewPCG(seed, 0))
	ends := map[string]int{}
	results := make(chan string, n)
	var g errgroup.Group
	g.SetLimit(3)
	for i := range n {
		c := commands[i%len(commands)]
		span := 500 * time.Millisecond // where all begins
		if i/len(commands)%2 == 1 {
			span = whole[i%len(commands)] * 5 / 4
		}
		delay := time.Duration(random.Int64N(int64(span)))
		signal := []os.Signal{syscall.SIGINT, syscall.SIGTERM}[random.IntN(2)]
		g.Go(func() error {
			how, err := c.interrupt(filepath.Join(dir, fmt.Sprint("run", i)), delay, signal)
			results <- how
			if err != nil {
				t.Errorf("%v, %v after %v: %v", c.args, signal, delay, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	close(results)
	for how := range results {
		ends[how]++
	}
	t.Logf("%d signals: %v", n, ends)
}

var (
	broken  = regexp.MustCompile(`goroutine|panic|fatal error|runtime error|SIGSEGV`)
	written = regexp.MustCompile(`interrupted, when this was written: (.*)\n`)
)

// interrupt runs the command in a directory of its own, sends a signal, and says how it has ended.
func (c *signalled) interrupt(dir string, delay time.Duration, signal os.Signal) (how string, err error) {
	out, tmp := filepath.Join(dir, "out"), filepath.Join(dir, "tmp")
	for _, d := range []string{out, tmp} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return "", err
		}
	}
	cmd := clitest.Other(out, c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	time.Sleep(delay)
	if err := cmd.Process.Signal(signal); err != nil && err != os.ErrProcessDone {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		cmd.Process.Signal(syscall.SIGQUIT)
		<-ended
		return "hung", fmt.Errorf("it goes on:\n%s", stderr.String())
	}
	how, err = c.check(cmd.ProcessState.Sys().(syscall.WaitStatus), stderr.String(), out, tmp)
	if err == nil {
		err = os.RemoveAll(dir)
	}
	return how, err
}

// check says how a run has ended, and what is wrong with that.
func (c *signalled) check(status syscall.WaitStatus, stderr, out, tmp string) (how string, err error) {
	names, err := namesIn(out)
	if err != nil {
		return "", err
	}
	temporary, err := namesIn(tmp)
	if err != nil {
		return "", err
	}
	var outputs, others []string
	for _, n := range names {
		switch {
		case slices.Contains(c.outputs, n):
			outputs = append(outputs, n)
		case c.may == nil || !c.may.MatchString(n) || status.ExitStatus() == 0:
			others = append(others, n)
		}
	}
	wrong := func(what string) error {
		return fmt.Errorf("%s; exit code %d, files %v, temporary files %v, it said:\n%s", what, status.ExitStatus(), names, temporary, stderr)
	}
	told := written.FindStringSubmatch(stderr)
	switch {
	case broken.MatchString(stderr):
		return "panic", wrong("a panic")
	case status.Signaled(): // before it could take notice
		if len(names) > 0 {
			return "killed", wrong("it was working, and took no notice")
		}
		return "ended before it began", nil
	case len(others) > 0 || len(temporary) > 0:
		return "left", wrong("files are left")
	case strings.Contains(stderr, "no output written"):
		if len(outputs) > 0 || status.ExitStatus() != 130 {
			return "false", wrong("false words")
		}
		return "no output", nil
	case told != nil:
		if strings.Join(sorted(strings.Split(told[1], ", ")), " ") != strings.Join(outputs, " ") || status.ExitStatus() != 130 {
			return "false", wrong("false words")
		}
		return "some output", nil
	case status.ExitStatus() == 0:
		if !slices.Equal(outputs, c.outputs) {
			return "false", wrong("not all outputs are there")
		}
		return "complete", nil
	}
	return "else", wrong("another end")
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func namesIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
