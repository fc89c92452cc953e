package sgd_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

// landing is a directory into which files come, and the model that is learned from them.
type landing struct {
	t     *testing.T
	dir   string
	files []string // in the order in which they have come
	learner
	rand *rand.Rand
}

// learner is a command that learns files as they arrive, with its flags.
type learner struct {
	command string
	flags   []string
	chained []string // flags of a run that learns from a file as --watch does; nil: there is none
	scored  string   // what is told of the rows of a second file
	other   string   // a flag with which the model would be another
}

// learners are all of them.
func learners() map[string]learner {
	once := []string{"--shards=1", "--report=none", "--quiet"}
	return map[string]learner{
		"sgd": sgdLearner(),
		"targets": {"sgd", []string{"--target=y,kind", "--columns=a,b", "--task=classification"},
			sgdLearner().chained, "target kind before they were learned from: mean loss", "--alpha=0.5"},
		"bayes": {"bayes", []string{"--kind=gaussian", "--target=y"}, once, "before they were learned from: mean log loss",
			"--var_smoothing=1e-08"},
		"categories": {"bayes", []string{"--kind=categorical", "--target=y", "--columns=kind"}, once, ", accuracy 0.",
			"--alpha=2"},
		"kmeans": {"kmeans", []string{"--minibatch", "--n_clusters=3", "--batch_size=8", "--columns=a,b,kind"}, nil,
			"before they were learned from: mean squared distance", "--n_clusters=4"},
	}
}

func sgdLearner(flags ...string) learner {
	return learner{"sgd", append([]string{"--target=y", "--task=classification"}, flags...),
		[]string{"--solver=sgd", "--shards=1", "--epochs=1", "--report=none", "--quiet"}, "mean loss", "--alpha=0.5"}
}

func newLanding(t *testing.T, flags ...string) *landing {
	t.Helper()
	return landingOf(t, sgdLearner(flags...))
}

func landingOf(t *testing.T, of learner) *landing {
	t.Helper()
	l := &landing{t: t, dir: t.TempDir(), rand: rand.New(rand.NewPCG(1, 1)), learner: of}
	if err := os.Mkdir(filepath.Join(l.dir, "landing"), 0o777); err != nil {
		t.Fatal(err)
	}
	return l
}

// rows are lines of .csv, with a column of text.
func (l *landing) rows(n int) string {
	var b strings.Builder
	b.WriteString("a,b,kind,y\n")
	for range n {
		x, y := l.rand.Float64(), l.rand.Float64()
		fmt.Fprintf(&b, "%v,%v,%s,%v\n", x, y, []string{"oak", "elm"}[l.rand.IntN(2)], x+y > 1)
	}
	return b.String()
}

// put renames a file into place, which is later than those before, whatever its name.
func (l *landing) put(name, data string) {
	l.t.Helper()
	to, part := filepath.Join(l.dir, "landing", name), filepath.Join(l.dir, "landing", "."+name)
	at := time.Now().Add(-time.Hour + time.Duration(len(l.files))*time.Second)
	err := errors.Join(os.WriteFile(part, []byte(data), 0o666), os.Chtimes(part, at, at), os.Rename(part, to))
	if err != nil {
		l.t.Fatal(err)
	}
	l.files = append(l.files, name)
}

func (l *landing) watching(model string, more ...string) *exec.Cmd {
	args := append([]string{"--watch", "--once", "--settle=0s", "--input=landing/*.csv", "--output_model=" + model},
		l.flags...)
	return clitest.Other(l.dir, l.command, append(args, more...)...)
}

// watch learns what is there, and gives what is told.
func (l *landing) watch(model string, want int, more ...string) string {
	l.t.Helper()
	_, stderr, code := clitest.End(l.t, l.watching(model, more...))
	if code != want {
		l.t.Fatalf("exit code %d, expected %d\n%s", code, want, stderr)
	}
	return stderr
}

func (l *landing) read(name string) string {
	l.t.Helper()
	return clitest.Read(l.t, filepath.Join(l.dir, name))
}

// chain learns file after file by --warm_start, and gives the model.
func (l *landing) chain(names []string) string {
	l.t.Helper()
	model := ""
	for i, name := range names {
		args := slices.Concat(l.chained, []string{"--input=landing/" + name}, l.flags)
		if model != "" {
			args = append(args, "--warm_start="+model)
			args = slices.DeleteFunc(args, func(a string) bool { return a == "--standardize" })
		}
		model = fmt.Sprintf("chain-%d.json", i)
		if _, stderr, code := clitest.End(l.t, clitest.Other(l.dir, l.command,
			append(args, "--output_model="+model)...)); code != 0 {
			l.t.Fatalf("exit code %d\n%s", code, stderr)
		}
	}
	return l.read(model)
}

// record is what the tests want of the record of a version.
type record struct {
	Number   int    `json:"number"`
	SHA256   string `json:"sha256"`
	SetAside []struct {
		File   string `json:"file"`
		Reason string `json:"reason"`
	} `json:"set_aside"`
	Files []struct {
		Order int    `json:"order"`
		File  string `json:"file"`
		Rows  int    `json:"rows"`
	} `json:"files"`
	Progressive struct {
		Rows     int     `json:"rows"`
		MeanLoss float64 `json:"mean_loss"`
		Accuracy float64 `json:"accuracy"`
	} `json:"progressive"`
	Window struct {
		Buckets []struct {
			Rows int     `json:"rows"`
			Mean float64 `json:"mean"`
		} `json:"buckets"`
	} `json:"window"`
	Drift *struct {
		Before float64 `json:"before"`
		After  float64 `json:"after"`
	} `json:"drift"`
}

// window is the number of rows whose losses a version's window has, and their mean.
func (r *record) window() (rows int, mean float64) {
	for _, b := range r.Window.Buckets {
		rows += b.Rows
		mean += b.Mean * float64(b.Rows)
	}
	return rows, mean / float64(max(rows, 1))
}

// learned are the files that the versions of a model were learned from, in order. It checks that versions are whole.
func (l *landing) learned(model string) (names []string, all []record) {
	l.t.Helper()
	stem := strings.TrimSuffix(filepath.Join(l.dir, model), ".json")
	for n := 1; ; n++ {
		version := fmt.Sprintf("%s-%06d", stem, n)
		b, err := os.ReadFile(version + ".watch.json")
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		var r record
		if err := errors.Join(err, json.Unmarshal(b, &r)); err != nil {
			l.t.Fatal(err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(clitest.Read(l.t, version+".json")))); sum != r.SHA256 ||
			r.Number != n {
			l.t.Errorf("version %d: a model of other bytes than its record, of number %d, says", n, r.Number)
		}
		for _, f := range r.Files {
			if names = append(names, filepath.Base(f.File)); f.Order != len(names) {
				l.t.Errorf("version %d: %s has the order %d, expected %d", n, f.File, f.Order, len(names))
			}
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		l.t.Fatal("no version")
	}
	if clitest.Read(l.t, fmt.Sprintf("%s-%06d.json", stem, len(all))) != l.read(model) {
		l.t.Errorf("%s is not version %d", model, len(all))
	}
	return names, all
}

// The model is that of --warm_start, file after file in the order in which they have come, however they are spread over
// runs.
func TestWatch(t *testing.T) {
	t.Parallel()
	l := newLanding(t, "--standardize")
	if told := l.watch("m.json", 0); !strings.Contains(told, "no new file at landing/*.csv") && told != "" {
		t.Errorf("told %q", told)
	}
	l.put("c.csv", l.rows(60))
	l.put("b.csv", l.rows(40))
	clitest.Write(t, filepath.Join(l.dir, "landing", ".hidden.csv"), "no table")
	l.watch("m.json", 0)
	l.put("a.csv", "a,b,kind,y\n0.9,0.8,elm,true\n") // of one class
	l.put("d.csv", "b,a,kind,y\n0.9,0.8,oak,true\n0.1,0.2,ash,false\n")
	told := l.watch("m.json", 0)
	if !strings.Contains(told, "version 2: 2 files, 3 rows") || !strings.Contains(told, "mean loss") {
		t.Errorf("told %q", told)
	}
	names, all := l.learned("m.json")
	if !slices.Equal(names, l.files) || len(all) != 2 || all[1].Progressive.Rows != 3 {
		t.Errorf("learned from %q in %d versions, expected %q", names, len(all), l.files)
	}
	first := all[0].Progressive
	loss := (float64(first.Rows)*first.MeanLoss + 3*all[1].Progressive.MeanLoss) / float64(first.Rows+3)
	if rows, mean := all[1].window(); rows != first.Rows+3 || first.Rows == 0 || !(math.Abs(mean-loss) <= loss/10) {
		t.Errorf("version 2 has a window of %d rows of the mean loss %v; version 1 judged %d, and it 3, of %v", rows, mean,
			first.Rows, loss)
	}
	if want := l.chain(l.files); l.read("m.json") != want {
		t.Error("not the model of --warm_start, file after file")
	}
	before, err := os.ReadDir(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	l.watch("m.json", 0, "--every=1h")
	if after, err := os.ReadDir(l.dir); err != nil || len(after) != len(before) {
		t.Errorf("%d files, %d before, though nothing has come (%v)", len(after), len(before), err)
	}
	for _, e := range before {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// Every learner learns from each file once, in the order in which they have come, over runs; tells how the rows were
// predicted before; and goes on with the same flags alone.
func TestWatchLearners(t *testing.T) {
	t.Parallel()
	for name, of := range learners() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := landingOf(t, of)
			l.put("c.csv", l.rows(60))
			l.put("b.csv", l.rows(40))
			l.watch("m.json", 0)
			l.put("a.csv", l.rows(30))
			if told := l.watch("m.json", 0); !strings.Contains(told, "version 2: 1 file, 30 rows") ||
				!strings.Contains(told, of.scored) {
				t.Errorf("told %q", told)
			}
			names, all := l.learned("m.json")
			if !slices.Equal(names, l.files) || len(all) != 2 {
				t.Errorf("learned from %q in %d versions, expected %q", names, len(all), l.files)
			}
			if of.chained != nil {
				if want := l.chain(l.files); l.read("m.json") != want {
					t.Error("not the model of --warm_start, file after file")
				}
			}
			l.watch("whole.json", 0)
			if l.read("whole.json") != l.read("m.json") {
				t.Error("not the model of one run")
			}
			if told := l.watch("m.json", 2, of.other); !strings.Contains(told, "m-000002.json was learned with other flags (") ||
				!strings.Contains(told, of.other+" is new") {
				t.Errorf("told %q", told)
			}
		})
	}
}

// Of bayes and kmeans, what learns no one model in one pass is refused before any work.
func TestWatchRefused(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"bayes --alpha=1,2":                     "--watch learns one model: give one value",
		"bayes --folds=3":                       "--folds: not with --watch",
		"bayes --report=page.html":              "--report: not with --watch",
		"bayes --input=*.json":                  "would take m.json for an input",
		"bayes --watch=false":                   "--once: is of --watch",
		"kmeans --minibatch=false":              "give --minibatch",
		"kmeans --minibatch --n_clusters=2,3":   "--n_clusters: --watch learns one model",
		"kmeans --minibatch --max_iter=5":       "--max_iter: not with --watch",
		"kmeans --minibatch --output=out.csv":   "--output: not with --watch",
		"kmeans --minibatch --output_model=m.x": "a .json file of this host",
	} {
		f := strings.Fields(args)
		of := learner{command: "bayes", flags: []string{"--kind=multinomial", "--target=y"}}
		if f[0] == "kmeans" {
			of = learner{command: "kmeans", flags: []string{"--n_clusters=2"}}
		}
		if told := landingOf(t, of).watch("m.json", 2, f[1:]...); !strings.Contains(told, want) {
			t.Errorf("%s: told %q", args, told)
		}
	}
}

// Clusters go on from centres that are given, of a file or of a model, on which an encoding stands.
func TestWatchInit(t *testing.T) {
	t.Parallel()
	l := landingOf(t, learner{command: "kmeans", flags: []string{"--minibatch"}})
	l.put("a.csv", "a,b\n0,0\n1,1\n20,10\n")
	clitest.Write(t, filepath.Join(l.dir, "centres.csv"), "b,a\n0,0\n10,20\n")
	l.watch("m.json", 0, "--init=centres.csv")
	if m := l.read("m.json"); !strings.Contains(m, `"cluster_centers":[[0.5,0.5],[20,10]]`) ||
		!strings.Contains(m, `"weights":[2,1]`) {
		t.Errorf("learned %s", m)
	}
	l.put("b.csv", "a,b\n2,2\n20,10\n")
	l.watch("n.json", 0, "--init=m.json", "--input=landing/b.csv")
	if m := l.read("n.json"); !strings.Contains(m, `"cluster_centers":[[1,1],[20,10]]`) ||
		!strings.Contains(m, `"weights":[3,2]`) {
		t.Errorf("learned %s", m)
	}
}

func TestWatchFaults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a process many times: not in -short")
	}
	l := newLanding(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--every=0s"}, "--every and --settle"},
		{[]string{"--solver=exact"}, "--solver=exact: --watch learns by sgd"},
		{[]string{"--alpha=1,2"}, "give one value"}, {[]string{"--input=*.json"}, "would take m.json for an input"},
		{[]string{"--input=-"}, "--input=-: not with --watch"}, {[]string{"--resume"}, "--resume: not with --watch"},
		{[]string{"--output_model=m.txt"}, "a .json file of this host"}, {[]string{"--watch=false"}, "--once: is of --watch"},
	} {
		if told := l.watch("m.json", 2, c.args...); !strings.Contains(told, c.want) {
			t.Errorf("%q: %q", c.args, told)
		}
	}
	l.put("a.csv", l.rows(30))
	l.put("b.csv", l.rows(30))
	l.watch("m.json", 0)
	if told := l.watch("m.json", 2, "--alpha=0.5"); !strings.Contains(told,
		"m-000001.json was learned with other flags (--alpha=0.5 is new)") {
		t.Errorf("told %q", told)
	}

	l.put("bad.csv", "a,b,kind,y\n1,2,oak,true\n3,what,elm,false\n")
	l.put("e.csv", l.rows(20))
	if told := l.watch("m.json", 1); !strings.Contains(told,
		`landing/bad.csv: row 1, column b: found "what", expected a number`) {
		t.Errorf("told %q", told)
	}
	if names, _ := l.learned("m.json"); len(names) != 2 {
		t.Errorf("learned from %q", names)
	}
	l.put("empty.csv", "")
	l.put("class.csv", "a,b,kind,y\n1,2,oak,perhaps\n")
	l.put("other.csv", "x,y\n1,true\n2,false\n")
	l.watch("m.json", 0, "--on_error=skip")
	names, all := l.learned("m.json")
	if want := []string{"a.csv", "b.csv", "bad.csv", "e.csv"}; !slices.Equal(names, want) || len(all) != 2 ||
		all[1].Files[0].Rows != 1 {
		t.Fatalf("learned from %q, expected %q, in %+v", names, want, all)
	}
	var aside []string
	for _, a := range all[1].SetAside {
		aside = append(aside, filepath.Base(a.File))
	}
	if want := []string{"empty.csv", "class.csv", "other.csv"}; !slices.Equal(aside, want) {
		t.Errorf("set aside %q, expected %q", aside, want)
	}
	if rejected := l.read("m-000002.json.rejected.jsonl"); strings.Count(rejected, "\n") != 1 ||
		!strings.Contains(rejected, `"row":1,"column":"b"`) {
		t.Errorf("rejected %q", rejected)
	}

	// A file that was mended is a new one; the like of one that was learned from is not; what was learned from must stay.
	l.put("empty.csv", l.rows(10))
	if err := os.Mkdir(filepath.Join(l.dir, "landing", "moved"), 0o777); err != nil {
		t.Fatal(err)
	}
	clitest.Write(t, filepath.Join(l.dir, "landing", "moved", "a.csv"), l.read("landing/a.csv"))
	if told := l.watch("m.json", 0, "--input=landing/*.csv,landing/moved/*.csv"); !strings.Contains(told,
		"has the name and the bytes of landing/a.csv") {
		t.Errorf("told %q", told)
	}
	clitest.Write(t, filepath.Join(l.dir, "landing", "b.csv"), l.read("landing/b.csv")+"1,2,oak,true\n")
	if told := l.watch("m.json", 1); !strings.Contains(told, "landing/b.csv: found") ||
		!strings.Contains(told, "learned from under this name") {
		t.Errorf("told %q", told)
	}
	l.watch("m.json", 0, "--on_error=skip")
	if told := l.watch("m.json", 0); strings.Contains(told, "b.csv") {
		t.Errorf("told again: %q", told)
	}
	names, all = l.learned("m.json")
	if len(names) != 5 || names[4] != "empty.csv" || len(all) != 4 || len(all[3].SetAside) != 1 {
		t.Errorf("learned from %q in %d versions", names, len(all))
	}

	t.Run("record", func(t *testing.T) {
		l.t = t
		if err := os.Rename(filepath.Join(l.dir, "m-000003.watch.json"), filepath.Join(l.dir, "kept")); err != nil {
			t.Fatal(err)
		}
		if told := l.watch("m.json", 1); !strings.Contains(told, "m-000003.watch.json: found no file of that name") {
			t.Errorf("told %q", told)
		}
		clitest.Write(t, filepath.Join(l.dir, "m-000003.watch.json"),
			strings.Replace(l.read("kept"), `"number": 3`, `"number": 4`, 1))
		if told := l.watch("m.json", 1); !strings.Contains(told, "m-000003.watch.json: found number 4") {
			t.Errorf("told %q", told)
		}
		clitest.Write(t, filepath.Join(l.dir, "m-000003.watch.json"), l.read("kept"))
		clitest.Write(t, filepath.Join(l.dir, "m-000004.json"), "{}")
		if told := l.watch("m.json", 1); !strings.Contains(told, "m-000004.json: found other bytes") {
			t.Errorf("told %q", told)
		}
		clitest.Write(t, filepath.Join(l.dir, "n.json"), "{}")
		if told := l.watch("n.json", 1); !strings.Contains(told, "n.json: found one that --watch has not learned") {
			t.Errorf("told %q", told)
		}
	})
}

// Who learns from other rows is told so, and a model of another run is gone on from.
func TestWatchDrift(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a process many times: not in -short")
	}
	l := newLanding(t, "--learning_rate=constant", "--eta0=0.05", "--batch_size=50")
	l.put("first.csv", l.rows(50))
	l.watch("first.json", 0)
	for i := range 2 {
		rows := l.rows(10_000)
		if i == 1 {
			rows = strings.NewReplacer(",true", ",false", ",false", ",true").Replace(rows)
		}
		l.put(fmt.Sprintf("%d.csv", i), rows)
		told := l.watch("m.json", 0, "--warm_start=first.json")
		_, all := l.learned("m.json")
		d := all[i].Drift
		if i == 1 && (d == nil || d.After <= d.Before || !strings.Contains(told, "drift: mean loss ")) {
			t.Errorf("drift %v, told %q", d, told)
		}
		if i == 0 && strings.Contains(told, "drift: ") {
			t.Errorf("told %q", told)
		}
	}
}

// A signal ends it when a version is whole, and another may not learn the same model in the meantime.
func TestWatchSignal(t *testing.T) {
	t.Parallel()
	l := newLanding(t)
	l.put("a.csv", l.rows(30))
	c := l.watching("m.json", "--once=false", "--every=10ms")
	var told strings.Builder
	c.Stderr = &told
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() }) // which has mostly ended
	wait := func(name string) {
		t.Helper()
		for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(l.dir, name)); err == nil {
				return
			}
			if time.Since(begin) > time.Minute {
				t.Fatalf("no %s\n%s", name, told.String())
			}
		}
	}
	wait("m-000001.watch.json")
	if told := l.watch("m.json", 1); !strings.Contains(told,
		"m.json: found another that does, expected one --watch that learns this model") {
		t.Errorf("told %q", told)
	}
	l.put("b.csv", l.rows(30))
	wait("m-000002.watch.json")
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || !strings.Contains(told.String(), "ended by a signal after version 2") {
		t.Errorf("%v\n%s", err, told.String())
	}
	if names, _ := l.learned("m.json"); !slices.Equal(names, l.files) {
		t.Errorf("learned from %q", names)
	}
}

// A process that is killed at any moment neither loses a file nor learns from one twice. BEAMLEARN_KILLS says how often
// it is killed.
func TestWatchKilled(t *testing.T) {
	t.Parallel()
	if clitest.Brief() {
		t.Skip("starts a process many times: with BEAMLEARN_TESTS=all")
	}
	kills := 5
	if s := os.Getenv("BEAMLEARN_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, of := range learners() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killed(t, of, kills)
		})
	}
}

func killed(t *testing.T, of learner, kills int) {
	l := landingOf(t, of)
	l.put("first.csv", l.rows(30))
	l.watch("whole.json", 0)
	versions := func() int {
		names, err := filepath.Glob(filepath.Join(l.dir, "m-*.watch.json"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	ended := 0
	for i := range kills {
		for j := range 3 {
			l.put(fmt.Sprintf("%d-%d.csv", i, 9-j), l.rows(30))
		}
		c := l.watching("m.json", "--every=1ns") // a version for each file
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		// The moments that matter are those about a version, wherever a busy machine has put it.
		after := versions() + rand.IntN(3)
		for begin := time.Now(); versions() < after && time.Since(begin) < time.Minute; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.Float64() * float64(10*time.Millisecond)))
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		if c.Wait() == nil {
			ended++
		}
	}
	t.Logf("%d of %d had ended before they were killed", ended, kills)
	if ended == kills {
		t.Error("none was killed")
	}
	l.watch("m.json", 0)
	l.watch("whole.json", 0)
	if names, _ := l.learned("m.json"); !slices.Equal(names, l.files) {
		t.Errorf("learned from %q, expected %q", names, l.files)
	}
	if l.read("m.json") != l.read("whole.json") {
		t.Error("not the model of a run that is not killed")
	}
	left, err := filepath.Glob(filepath.Join(l.dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left (%v)", left, err)
	}
}
