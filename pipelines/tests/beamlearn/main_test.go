package beamlearn_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) {
	clitest.Main(m, "help", "TestMains", "TestShort", "TestVersion", "TestFlags")
}

var commandNames = []string{"inspect", "kneighbors", "index", "sgd", "predict", "eigen", "kmeans", "bayes", "transform",
	"groups", "recommend", "expansion"}

// The program tells of its commands, and of each.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{nil, 2, commandNames},
		{[]string{"help"}, 0, commandNames},
		{[]string{"--help"}, 0, commandNames},
		{[]string{"help", "sgd"}, 0, []string{"Learns a linear model", "--output_model=FILE", "--seed=N"}},
		{[]string{"sgd", "--help"}, 0, []string{"Learns a linear model", "beamlearn sgd --help=cluster"}},
		{[]string{"help", "cluster"}, 0, []string{"--runner=ENGINE", "--worker_arch=ARCH", "Beam's other flags"}},
		{[]string{"eigen", "--help=cluster"}, 0, []string{"--runner=ENGINE", "--worker_arch=ARCH", "Beam's other flags"}},
		{[]string{"sgd", "--help=me"}, 2, []string{"--help=me: there is --help, and --help=cluster"}},
		{[]string{"help", "knn"}, 2, []string{"there is no command knn"}},
		{[]string{"kneigbors", "--k=1"}, 2, []string{"there is no command kneigbors: is it kneighbors?"}},
		{[]string{"--k=1"}, 2, []string{"the command comes first"}},
		{[]string{"sgd", "--alfa=1"}, 2, []string{"there is no flag --alfa: is it --alpha?"}},
		{[]string{"sgd", "--q=1"}, 2, []string{"there is no flag --q\n"}},
		{[]string{"sgd", "--zones=1"}, 2, []string{"there is no flag --zones\n"}},
		{[]string{"sgd", "--parallelizm=1"}, 2, []string{"there is no flag --parallelizm: is it --parallelism?"}},
		{[]string{"bayes", "--priors=1"}, 2, []string{"there is no flag --priors: here it is --class_prior"}},
		{[]string{"kmeans", "--k=4"}, 2, []string{"there is no flag --k: here it is --n_clusters"}},
		{[]string{"transform", "--model=m.json"}, 2, []string{"there is no flag --model: here it is --transform"}},
		{[]string{"kneighbors", "--n_neighbors=5"}, 2, []string{"there is no flag --n_neighbors: here it is --k\n"}},
		{[]string{"kneighbors", "--n_jobs=2"}, 2, []string{"there is no flag --n_jobs: here it is --threads\n"}},
		{[]string{"sgd", "--id=name"}, 2, []string{"there is no flag --id: here it is --id_column\n"}},
		{[]string{"sgd", "--cv=5"}, 2, []string{"there is no flag --cv: here it is --folds\n"}},
		{[]string{"sgd", "--max_iter=5"}, 2, []string{"there is no flag --max_iter: here it is --epochs\n"}},
		{[]string{"sgd", "--sample_weight=w"}, 2, []string{"there is no flag --sample_weight: here it is --weight_column\n"}},
		{[]string{"sgd", "--C=1"}, 2, []string{"there is no flag --C: scikit-learn's C is 1/(alpha·rows): give --alpha\n"}},
		{[]string{"eigen", "--n_components=2"}, 2, []string{"there is no flag --n_components: here it is --components\n"}},
		{[]string{"kmeans", "--n_components=2"}, 2, []string{"there is no flag --n_components: here it is --n_clusters\n"}},
		{[]string{"inspect", "--input=x.csv"}, 2,
			[]string{"there is no flag --input: name the files without a flag: inspect FILE\n"}},
		{[]string{"inspect", "--sep=;", "x.csv"}, 2, []string{"there is no flag --sep: here it is --delimiter\n"}},
		{[]string{"groups", "--eps=1"}, 2, []string{"there is no flag --eps: here it is --radius\n"}},
		{[]string{"recommend", "--user=u"}, 2, []string{"there is no flag --user: here it is --row\n"}},
		{[]string{"recommend", "--item-col=i"}, 2, []string{"there is no flag --item-col: here it is --column\n"}},
		{[]string{"sgd", "--from=m.json"}, 2, []string{"there is no flag --from: here it is --warm_start\n"}},
		{[]string{"sgd", "--regParam=1"}, 2, []string{"there is no flag --regParam: here it is --alpha\n"}},
		{[]string{"sgd", "--loss_function=logistic"}, 2, []string{"there is no flag --loss_function: here it is --loss\n"}},
		{[]string{"kneighbors", "--nprobe=8"}, 2, []string{"there is no flag --nprobe: here it is --recall\n"}},
		{[]string{"recommend", "--n_components=2"}, 2, []string{"there is no flag --n_components\n"}},
		{[]string{"completion", "fish"}, 2, []string{"completion: for bash or for zsh?"}},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Program(t.TempDir(), c.args...))
		for _, w := range c.want {
			if code != c.code || !strings.Contains(stdout+stderr, w) || code == 0 && stderr != "" || code != 0 && stdout != "" {
				t.Errorf("%q: exit code %d, no %q in\n%s%s", c.args, code, w, stdout, stderr)
			}
		}
	}
	stdout, _, _ := clitest.End(t, clitest.Program(t.TempDir(), "help", "sgd"))
	for _, hidden := range []string{"--random_state", "--model=", "--endpoint", "--worker"} {
		if strings.Contains(stdout, hidden) {
			t.Errorf("help sgd has %s", hidden)
		}
	}
}

func TestVersion(t *testing.T) {
	want := regexp.MustCompile(`^beamlearn \S.*, go\d\S+, Beam v\d\S+, \w+/\w+, ` +
		`SIMD (generic|avx2|avxvnni|avx512|amx|neon|dotprod|i8mm)\n$`)
	for _, args := range [][]string{{"--version"}, {"version"}, {"kneighbors", "--version"}, {"inspect", "--version"}} {
		stdout, stderr, code := clitest.End(t, clitest.Program(t.TempDir(), args...))
		if code != 0 || stderr != "" || !want.MatchString(stdout) {
			t.Errorf("%v: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
	c := clitest.Program(t.TempDir(), "--version")
	c.Env = append(os.Environ(), "BEAMLEARN_SIMD=generic")
	if stdout, _, _ := clitest.End(t, c); !strings.Contains(stdout, "SIMD generic") {
		t.Errorf("with BEAMLEARN_SIMD=generic: %s", stdout)
	}
}

// An engine starts the program with Beam's own flags and no command: it is a worker then, and here serves an engine
// that has no work for it. (Where nobody listens, Beam tries for a minute.)
func TestWorker(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	engine := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "12") // unimplemented
	}))
	engine.Config.Protocols = new(http.Protocols)
	engine.Config.Protocols.SetUnencryptedHTTP2(true)
	engine.Start()
	defer engine.Close()
	at := engine.Listener.Addr().String()
	stdout, stderr, code := clitest.End(t, clitest.Program(t.TempDir(),
		"--worker=true", "--id=1", "--logging_endpoint="+at, "--control_endpoint="+at, "--semi_persist_dir=/tmp"))
	if code == 0 || !strings.Contains(stderr, "Worker failed: ") || calls.Load() == 0 {
		t.Errorf("exit code %d after %d calls\n%s%s", code, calls.Load(), stdout, stderr)
	}
}

// Old names of flags work as they did, and say nothing.
func TestAliases(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		if stdout, stderr, code := clitest.End(t, clitest.Program(dir, args...)); code != 0 || stdout+stderr != "" {
			t.Errorf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	digits := []string{"--quiet", "--report=none", "--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id",
		"--columns=pixel_*"}
	eigen := append([]string{"eigen", "--components=3", "--svd_solver=randomized"}, digits...)
	run(append(eigen, "--random_state=7", "--model=old.json")...)
	run(append(eigen, "--seed=7", "--output_model=new.json")...)
	run(append(eigen, "--seed=8", "--output_model=other.json")...)
	cancer := []string{"sgd", "--quiet", "--report=none", "--input=" + clitest.Testdata(t, "breast_cancer.csv"),
		"--target=target", "--task=classification"}
	run(append(cancer, "--model=sgd-old.json")...)
	run(append(cancer, "--output_model=sgd-new.json")...)
	read := func(name string) string { return clitest.Read(t, filepath.Join(dir, name)) }
	if read("old.json") != read("new.json") || read("new.json") == read("other.json") ||
		read("sgd-old.json") != read("sgd-new.json") {
		t.Error("the files differ, or the seed is of no effect")
	}
}

// A plan of every command says what would be read and written, and does nothing.
func TestExplain(t *testing.T) {
	dir := t.TempDir()
	cancer := "--input=" + clitest.Testdata(t, "breast_cancer.csv")
	model := filepath.Join(dir, "m.json")
	if _, stderr, code := clitest.End(t, clitest.Program(dir, "sgd", "--quiet", "--report=none", cancer, "--target=target",
		"--task=classification", "--model="+model)); code != 0 {
		t.Fatal(stderr)
	}
	// Where workers run elsewhere, what they must reach is told of, and so is what only this process does.
	const flink = "--runner=spark --endpoint=localhost:1 --environment_type=DOCKER"
	for args, want := range map[string][]string{
		"index --index=o.index": {"index    ", "points   569 × 31 columns",
			"reading  about ", "writes   o.index"},
		"eigen --components=3 --output=o.csv": {"components  by covariance_eigh", "passes      2",
			"writes      o.csv", "writes      o.html"},
		"eigen --components=3 --output=o.csv --report=p.html " +
			flink: {"here only   p.html (--report)", "warning: o.csv is a local path"},
		"predict --model=m.json --output=o.csv --target=target": {"model    classification with log_loss, 30 columns",
			"rows     569 × 30 columns", "writes   o.csv"},
		"predict --model=m.json --output=o.csv --quiet " + flink: {"here only  m.json (--model)"},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Program(dir, append(strings.Fields(args), "--explain", cancer)...))
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit code %d\n%s", args, code, stderr)
		}
		for _, w := range want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s: no %q in\n%s", args, w, stdout)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
	// A target in a file of its own must be on a shared store, as the input must.
	writeNPY(t, filepath.Join(dir, "x.npy"), "(4, 2)", 1, 2, 3, 4, 5, 6, 7, 9)
	writeNPY(t, filepath.Join(dir, "y.npy"), "(4,)", 1, 2, 3, 4)
	args := "sgd --explain --task=regression --input=x.npy --target=y.npy --output_model=gs://b/m.json " + flink
	stdout, stderr, code := clitest.End(t, clitest.Program(dir, strings.Fields(args)...))
	if code != 0 || !strings.Contains(stdout, "x.npy is a local path") ||
		!strings.Contains(stdout, "y.npy is a local path") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// writeNPY writes float64 in a shape.
func writeNPY(t *testing.T, name, shape string, values ...float64) {
	header := "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }"
	header += strings.Repeat(" ", 117-len(header)) + "\n"
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	clitest.Write(t, name, string(b))
}

// bash completes commands, flags, values that are known and files; a word may be cut at its = or not.
func TestBash(t *testing.T) {
	dir := t.TempDir()
	script, _, _ := clitest.End(t, clitest.Program(dir, "completion", "bash"))
	clitest.Write(t, filepath.Join(dir, "script"), script)
	clitest.Write(t, filepath.Join(dir, "points.csv"), "")
	clitest.Write(t, filepath.Join(dir, "points of two.csv"), "")
	for _, c := range []struct {
		words string // of the command line, in the shell's quotes; the last is to be completed
		want  []string
	}{
		{`beamlearn ''`, append(slices.Clone(commandNames), "help", "completion")},
		{`beamlearn k`, []string{"kmeans", "kneighbors"}},
		{`beamlearn help c`, []string{"cluster"}},
		{`beamlearn completion ''`, []string{"bash", "zsh"}},
		{`beamlearn kneighbors --met`, []string{"--metric=", "--metric_params="}},
		{`beamlearn sgd --output_m`, []string{"--output_model="}},
		{`beamlearn sgd --random`, nil},
		{`beamlearn sgd --runn`, []string{"--runner="}},
		{`beamlearn kneighbors --metric = c`, nil},
		{`beamlearn kneighbors --metric = ''`, nil},
		{`beamlearn kneighbors --metric =`, nil},
		{`beamlearn kneighbors --metric=cos`, []string{"--metric=cosine"}},
		{`beamlearn kneighbors --runner = f`, []string{"flink"}},
		{`beamlearn kneighbors --input = poi`, []string{"points.csv", "points of two.csv"}},
		{`beamlearn kneighbors --k = 1`, nil},
		{`beamlearn inspect poi`, []string{"points.csv", "points of two.csv"}},
		{`beamlearn inspect --js`, []string{"--json"}},
	} {
		c2 := exec.Command("bash", "-c", fmt.Sprintf(`. ./script
COMP_WORDS=(%s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_beamlearn
printf '%%s\n' "${COMPREPLY[@]}"`, c.words))
		c2.Dir = dir
		out, stderr, code := clitest.End(t, c2)
		got := strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		switch {
		case code != 0 || stderr != "":
			t.Errorf("%s: exit code %d, %s", c.words, code, stderr)
		case strings.HasSuffix(c.words, "''") && c.want == nil || strings.HasSuffix(c.words, "="):
			if len(got) < 5 {
				t.Errorf("%s: %q", c.words, got)
			}
		case strings.HasSuffix(c.words, "= c"):
			if !slices.Contains(got, "cosine") || slices.Contains(got, "euclidean") {
				t.Errorf("%s: %q", c.words, got)
			}
		case !slices.Equal(got, want):
			t.Errorf("%s: %q, want %q", c.words, got, want)
		}
	}
}

// zsh's script has every flag of every help, and zsh can read it where there is one.
func TestZsh(t *testing.T) {
	dir := t.TempDir()
	script, _, _ := clitest.End(t, clitest.Program(dir, "completion", "zsh"))
	for _, command := range commandNames {
		_, body, ok := strings.Cut(script, "\n  "+command+")\n")
		body, _, _ = strings.Cut(body, ";;")
		help, _, _ := clitest.End(t, clitest.Program(dir, "help", command))
		for _, m := range regexp.MustCompile(`(?m)^  (--[a-z0-9_]+=?)`).FindAllStringSubmatch(help, -1) {
			if name := strings.TrimSuffix(m[1], "="); !ok ||
				!strings.Contains(body, "'"+name+"=-[") && !strings.Contains(body, "'"+name+"[") {
				t.Errorf("%s: no %s", command, name)
			}
		}
	}
	if zsh, err := exec.LookPath("zsh"); err == nil {
		clitest.Write(t, filepath.Join(dir, "script"), script)
		if out, err := exec.Command(zsh, "-n", filepath.Join(dir, "script")).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
