package files_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "kneighbors", "TestBrokenPipe") }

// signalled is a command that signals are sent to, the files that it writes in the end, and what a run that is
// interrupted may leave.
type signalled struct {
	args    []string
	outputs []string
	may     *regexp.Regexp
	whole   map[string]string // what an undisturbed run writes
	took    atomic.Int64      // how long the last one took, as the machine may be busy at times
}

// signalledCommands are commands on inputs in a directory: five of them, or all.
func signalledCommands(t *testing.T, dir string, all bool) []*signalled {
	t.Helper()
	for _, name := range []string{"breast_cancer.csv", "digits.csv", "flights_small.csv", "ratings.csv"} {
		clitest.Write(t, filepath.Join(dir, name), clitest.Read(t, clitest.Testdata(t, name)))
	}
	cancer := []string{"--input=" + dir + "/breast_cancer.csv", "--target=target"}
	sgd := append([]string{"--task=classification", "--standardize"}, cancer...)
	model := filepath.Join(dir, "model.json")
	if _, stderr, code := clitest.End(t,
		clitest.Other(dir, "sgd", append(sgd, "--report=none", "--output_model="+model)...)); code != 0 {
		t.Fatal(stderr)
	}
	pixels := []string{"--input=" + dir + "/digits.csv", "--id_column=id", "--columns=pixel_*"}
	resumable := func(model string) *regexp.Regexp {
		return regexp.MustCompile(`^\.` + regexp.QuoteMeta(model) + `\.checkpoint-`)
	}
	commands := []*signalled{
		{args: append([]string{"kneighbors", "--k=5", "--output=o.csv", "--summary=s.json"}, pixels...),
			outputs: []string{"o.csv", "o.html", "s.json"}},
		{args: append([]string{"index", "--index=o.index"}, pixels...), outputs: []string{"o.index"}},
		{args: append([]string{"sgd", "--alpha=0.01,0.1", "--output_model=m.json"}, sgd...),
			outputs: []string{"m.cv.csv", "m.html", "m.json"}, may: resumable("m.json")},
		{args: append([]string{"predict", "--model=" + model, "--output=p.csv", "--num_shards=2"}, cancer...),
			outputs: []string{"p-00000-of-00002.csv", "p-00001-of-00002.csv"}},
		{args: append([]string{"eigen", "--components=4", "--output=e.csv", "--output_model=e.json"}, pixels...),
			outputs: []string{"e.csv", "e.html", "e.json"}},
	}
	if all {
		commands = append(commands, []*signalled{
			{args: append([]string{"bayes", "--kind=gaussian", "--output_model=b.json"}, cancer...),
				outputs: []string{"b.html", "b.json"}, may: resumable("b.json")},
			{args: append([]string{"kmeans", "--n_clusters=8", "--output=c.csv", "--output_model=k.json"}, pixels...),
				outputs: []string{"c.csv", "k.html", "k.json"}, may: resumable("k.json")},
			{args: append([]string{"groups", "--radius=20", "--output=g.csv"}, pixels...), outputs: []string{"g.csv", "g.html"}},
			{args: []string{"transform", "--input=" + dir + "/flights_small.csv", "--output=t.csv", "--output_encoding=t.json"},
				outputs: []string{"t.csv", "t.json"}},
			{args: []string{"recommend", "--input=" + dir + "/ratings.csv", "--row=user", "--column=item", "--k=5",
				"--output=r.csv", "--neighbors_output=n.csv"}, outputs: []string{"n.csv", "r.csv", "r.html"}},
		}...)
	}
	for _, c := range commands {
		out := t.TempDir()
		start := time.Now()
		if _, stderr, code := clitest.End(t, clitest.Other(out, c.args[0], c.args[1:]...)); code != 0 {
			t.Fatalf("%v: %s", c.args, stderr)
		}
		c.took.Store(int64(time.Since(start)))
		c.whole = map[string]string{}
		for _, name := range c.outputs {
			c.whole[name] = clitest.Read(t, filepath.Join(out, name))
		}
	}
	return commands
}

// At any moment of any command SIGINT and SIGTERM end it without a panic, with words that are true: each output is
// whole, or what was there before, and nothing else is left but what another run goes on from. What SIGKILL leaves, the
// next run removes. BEAMLEARN_SIGNALS is how many signals are sent, to all commands then.
func TestSignals(t *testing.T) {
	given := os.Getenv("BEAMLEARN_SIGNALS")
	n := 15
	if clitest.Brief() {
		n = 5
	}
	if given != "" {
		var err error
		if n, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	commands := signalledCommands(t, dir, given != "")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, c := range commands {
		t.Logf("%s: %v", c.args[0], time.Duration(c.took.Load()))
	}
	random := rand.New(rand.NewPCG(seed, 0))
	ends := map[string]int{}
	results := make(chan string, n)
	var g errgroup.Group
	g.SetLimit(3)
	for i := range n {
		c := commands[i%len(commands)]
		try := trial{signalled: c, dir: filepath.Join(dir, fmt.Sprint("run", i)), earlier: random.IntN(2) == 0}
		moment := random.Float64() * 1.2
		signal := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGINT, syscall.SIGTERM,
			syscall.SIGKILL}[random.IntN(5)]
		g.Go(func() error {
			delay := time.Duration(moment * float64(c.took.Load()))
			how, err := try.interrupt(delay, signal)
			results <- how
			if err != nil {
				t.Errorf("%v, %v after %v, at %.0f %% of the job, earlier outputs %v: %v", c.args, signal, delay, 100*moment,
					try.earlier, err)
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

// trial is one run of a command that a signal is sent to. It has a directory of its own, with outputs of an earlier
// run or without.
type trial struct {
	*signalled
	dir     string
	earlier bool
}

func (c *trial) out() string { return filepath.Join(c.dir, "out") }
func (c *trial) tmp() string { return filepath.Join(c.dir, "tmp") }

// command is the command in the directory of the trial.
func (c *trial) command() *exec.Cmd {
	cmd := clitest.Other(c.out(), c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), "TMPDIR="+c.tmp())
	return cmd
}

// was is what an earlier run has written.
func (c *trial) was(name string) string { return c.whole[name] + " " }

var (
	broken  = regexp.MustCompile(`goroutine|panic|fatal error|runtime error|SIGSEGV`)
	written = regexp.MustCompile(`interrupted, when this was written: (.*)\n`)
)

// interrupt runs the command, sends a signal, and says how it has ended.
func (c *trial) interrupt(delay time.Duration, signal os.Signal) (how string, err error) {
	for _, d := range []string{c.out(), c.tmp()} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return "", err
		}
	}
	for name := range c.whole {
		if c.earlier {
			if err := os.WriteFile(filepath.Join(c.out(), name), []byte(c.was(name)), 0o666); err != nil {
				return "", err
			}
		}
	}
	cmd := c.command()
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
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if how, err = c.check(status, stderr.String()); err == nil {
		err = c.repeat()
	}
	if err == nil {
		err = os.RemoveAll(c.dir)
	}
	return how, err
}

// check says how a run has ended, and what is wrong with that.
func (c *trial) check(status syscall.WaitStatus, stderr string) (how string, err error) {
	names, err := namesIn(c.out())
	if err != nil {
		return "", err
	}
	temporary, err := namesIn(c.tmp())
	if err != nil {
		return "", err
	}
	wrong := func(what string) error {
		return fmt.Errorf("%s; exit code %d, files %v, temporary files %v, it said:\n%s", what, status.ExitStatus(), names,
			temporary, stderr)
	}
	fresh, others, torn := c.look(names)
	if len(torn) > 0 {
		return "torn", wrong(fmt.Sprintf("neither whole nor as they were: %v", torn))
	}
	if status.Signaled() && status.Signal() == syscall.SIGKILL {
		return "killed", nil
	}
	if status.ExitStatus() != 0 && c.may != nil {
		others = slices.DeleteFunc(others, c.may.MatchString)
	}
	told := written.FindStringSubmatch(stderr)
	switch {
	case broken.MatchString(stderr):
		return "panic", wrong("a panic")
	case len(others) > 0 || len(temporary) > 0:
		return "left", wrong("files are left")
	case status.Signaled(): // before it could take notice
		if len(fresh) > 0 {
			return "unnoticed", wrong("it was working, and took no notice")
		}
		return "ended before it began", nil
	case strings.Contains(stderr, "no output written"):
		if len(fresh) > 0 || status.ExitStatus() != 130 {
			return "false", wrong("false words")
		}
		return "no output", nil
	case told != nil:
		if !slices.Equal(sorted(strings.Split(told[1], ", ")), fresh) || status.ExitStatus() != 130 {
			return "false", wrong("false words")
		}
		return "some output", nil
	case status.ExitStatus() == 0:
		if !slices.Equal(fresh, c.outputs) {
			return "false", wrong("not all outputs are there")
		}
		return "complete", nil
	}
	return "else", wrong("another end")
}

// timed are outputs that say how long the run took: no two of them are alike.
var timed = regexp.MustCompile(`\.html$|^s\.json$`)

// look says which files a run has written, which of the others are no outputs, and which outputs are not whole.
func (c *trial) look(names []string) (fresh, others, torn []string) {
	for _, name := range names {
		whole, ok := c.whole[name]
		b, err := os.ReadFile(filepath.Join(c.out(), name))
		got := string(b)
		switch {
		case !ok:
			others = append(others, name)
		case c.earlier && err == nil && got == c.was(name):
		case err == nil && (got == whole || timed.MatchString(name) && got != "" && got[len(got)-1] == whole[len(whole)-1]):
			fresh = append(fresh, name)
		default:
			torn = append(torn, name)
		}
	}
	return fresh, others, torn
}

// repeat runs the command again: its outputs are whole then, and nothing is left of the run before.
func (c *trial) repeat() error {
	start := time.Now()
	if out, err := c.command().CombinedOutput(); err != nil {
		return fmt.Errorf("the next run: %w\n%s", err, out)
	}
	c.took.Store(int64(time.Since(start)))
	names, err := namesIn(c.out())
	if err != nil {
		return err
	}
	temporary, err := namesIn(c.tmp())
	if err != nil {
		return err
	}
	if fresh, others, torn := c.look(names); !slices.Equal(fresh, c.outputs) || len(others)+len(torn)+len(temporary) > 0 {
		return fmt.Errorf("after the next run: written %v, left %v and %v, torn %v", fresh, others, temporary, torn)
	}
	return nil
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
