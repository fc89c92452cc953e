package kmeans_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	model "beamlearn/model/kmeans"
	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "kmeans", "TestAnew", "TestExplain") }

func run(t *testing.T, dir string, args ...string) (stderr string, code int) {
	t.Helper()
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, args...))
	if stdout != "" {
		t.Fatalf("%v: %s", args, stdout)
	}
	return stderr, code
}

func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stderr, code := run(t, dir, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return stderr
}

func load(t *testing.T, name string) *model.Model {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := model.Load(name, f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The command does what scikit-learn does from the same centres, writes each row's cluster, as predict does, and a
// page; threads and chunks make no difference.
func TestBreastCancer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := os.ReadFile("../../../model/kmeans/testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Name    string
		Init    [][]float64
		Inertia float64
		Iters   int `json:"n_iter"`
		Tol     float64
		Labels  []int
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	for _, want := range golden {
		if want.Name != "breast_cancer" || len(want.Init) != 7 {
			continue
		}
		var text strings.Builder
		for _, row := range want.Init {
			text.WriteString(strings.Trim(strings.ReplaceAll(fmt.Sprint(row), " ", ","), "[]") + "\n")
		}
		clitest.Write(t, filepath.Join(dir, "init.csv"), text.String())
		input := "--input=" + clitest.Testdata(t, "breast_cancer.csv")
		args := []string{input, "--columns=*,!target", "--dtype=float64", "--init=init.csv",
			fmt.Sprintf("--tol=%v", want.Tol)}
		stderr := mustRun(t, dir, append(args, "--output_model=m.json", "--output=c.csv", "--summary=s.json")...)
		for _, part := range []string{"569 rows × 30 columns, 7 clusters", "m.json\nm.html\nc.csv\n", "cluster 6: "} {
			if !strings.Contains(stderr, part) {
				t.Errorf("%q is missing: %s", part, stderr)
			}
		}
		m := load(t, filepath.Join(dir, "m.json"))
		if !(math.Abs(m.Inertia-want.Inertia) <= 1e-12*want.Inertia) || m.Iters != want.Iters {
			t.Errorf("inertia %v after %d iterations, want %v after %d", m.Inertia, m.Iters, want.Inertia, want.Iters)
		}
		lines := strings.Split(strings.TrimSpace(clitest.Read(t, filepath.Join(dir, "c.csv"))), "\n")
		if len(lines) != 570 || lines[0] != "id,cluster,distance" {
			t.Fatalf("%d lines, %s", len(lines), lines[0])
		}
		for i, label := range want.Labels {
			if !strings.HasPrefix(lines[i+1], fmt.Sprintf("%d,%d,", i, label)) {
				t.Fatalf("%s, want cluster %d", lines[i+1], label)
			}
		}
		if page := clitest.Read(t, filepath.Join(dir, "m.html")); !strings.Contains(page, "Clusters of breast_cancer.csv") {
			t.Error("a page without its title or columns")
		}
		mustRun(t, dir, append(args, "--output_model=m2.json", "--report=none", "--threads=1", "--chunk_rows=50")...)
		if clitest.Read(t, filepath.Join(dir, "m.json")) != clitest.Read(t, filepath.Join(dir, "m2.json")) {
			t.Error("another model with one thread and chunks of 50 rows")
		}
		predict := clitest.Other(dir, "predict", input, "--model=m.json", "--output=p.csv")
		if _, stderr, code := clitest.End(t, predict); code != 0 {
			t.Fatal(stderr)
		}
		if clitest.Read(t, filepath.Join(dir, "p.csv")) != clitest.Read(t, filepath.Join(dir, "c.csv")) {
			t.Error("predict gives other clusters")
		}
	}
}

// A table is one by itself: its categories become columns, which the model keeps, and several numbers of clusters are
// compared; a model is a beginning for the next.
func TestTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	input := "--input=" + clitest.Testdata(t, "flights_small.csv")
	stderr := mustRun(t, dir, input, "--id_column=id", "--n_clusters=2-4", "--standardize", "--output_model=m.json",
		"--output=c.csv", "--cache_memory=0")
	for _, want := range []string{"has text: the rows are taken for a table", "2 clusters: inertia ",
		"4 clusters: inertia ", "silhouette"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing: %s", want, stderr)
		}
	}
	m := load(t, filepath.Join(dir, "m.json"))
	if m.Encoding == nil || len(m.Compared) != 3 {
		t.Errorf("an encoding of %v, %d numbers of clusters", m.Encoding, len(m.Compared))
	}
	predict := clitest.Other(dir, "predict", input, "--id_column=id", "--model=m.json", "--output=p.csv")
	if _, stderr, code := clitest.End(t, predict); code != 0 {
		t.Fatal(stderr)
	}
	if clitest.Read(t, filepath.Join(dir, "p.csv")) != clitest.Read(t, filepath.Join(dir, "c.csv")) {
		t.Error("predict gives other clusters")
	}
	mustRun(t, dir, input, "--id_column=id", "--init=m.json", "--tol=0", "--output_model=again.json", "--report=none")
	if again := load(t, filepath.Join(dir, "again.json")); again.Inertia > m.Inertia ||
		len(again.Centers) != len(m.Centers) {
		t.Errorf("inertia %v from a model of %v", again.Inertia, m.Inertia)
	}
}

// Centres to begin with are in columns of their names, and a model says how its columns are scaled: distances stay what
// they were.
func TestInit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n0,100\n1,900\n0,120\n1,950\n,5\n2,110\n3,930\n")
	clitest.Write(t, filepath.Join(dir, "init.csv"), "id,b,a\nx,100,0\ny,900,1\n")
	clitest.Write(t, filepath.Join(dir, "table.csv"), "a,b\n0,x\n1,y\n0,x\n1,y\n")
	args := []string{"--input=x.csv", "--encode=none", "--on_error=skip", "--report=none", "--max_iter=1"}
	stderr := mustRun(t, dir, append(args, "--init=init.csv", "--output_model=m.json")...)
	if m := load(t, filepath.Join(dir, "m.json")); m.Centers[0][1] != 110 || m.Rows != 6 ||
		!strings.Contains(stderr, "\n6 rows × 2 columns") &&
			!strings.HasPrefix(stderr, "6 rows × 2 columns") {
		t.Errorf("centres %v of %d rows: %s", m.Centers, m.Rows, stderr)
	}
	clitest.Write(t, filepath.Join(dir, "nameless.csv"), "0,100\n1,900\n")
	stderr = mustRun(t, dir, append(args, "--init=nameless.csv", "--output_model=n.json")...)
	if want := "no names of columns in nameless.csv: they are taken by number"; !strings.Contains(stderr, want) {
		t.Errorf("%q is missing: %s", want, stderr)
	}
	mustRun(t, dir, append(args, "--n_clusters=2", "--standardize", "--output_model=s.json")...)
	for flag, want := range map[string]bool{"--quiet": true, "--standardize=false": false, "--standardize": true} {
		mustRun(t, dir, append(args, "--init=s.json", flag, "--output_model=again.json")...)
		if m := load(t, filepath.Join(dir, "again.json")); m.Options.Standardize != want {
			t.Errorf("%s: from a standardized model, standardize is %v", flag, m.Options.Standardize)
		}
	}
	mustRun(t, dir, "--input=table.csv", "--n_clusters=2", "--output_model=t.json")
	stderr, code := run(t, dir, "--input=table.csv", "--init=t.json", "--standardize", "--output_model=u.json")
	if want := "--standardize=true: the encoding of the model of --init is made with false, and stays"; code == 0 ||
		!strings.Contains(stderr, want) {
		t.Errorf("exit code %d, %q is missing: %s", code, want, stderr)
	}
}

// A row of a weight counts as so many rows, and its weight is no feature: neither of numbers nor of tables, nor of rows
// to predict.
func TestWeights(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var weighted, repeated strings.Builder
	weighted.WriteString("a,w,b,kind\n")
	repeated.WriteString("a,b,kind\n")
	for i := range 40 {
		row := fmt.Sprintf("%d,%%s%d,%s\n", i*i%37, i*7%29, []string{"oak", "elm"}[i%2])
		fmt.Fprintf(&weighted, row, fmt.Sprintf("%d,", i%4))
		for range i % 4 {
			fmt.Fprintf(&repeated, row, "")
		}
	}
	clitest.Write(t, filepath.Join(dir, "w.csv"), weighted.String())
	clitest.Write(t, filepath.Join(dir, "r.csv"), repeated.String())
	clitest.Write(t, filepath.Join(dir, "init.csv"), "a,b\n0,0\n20,5\n30,20\n")
	for _, flags := range [][]string{
		{"--columns=a,b", "--init=init.csv", "--tol=0"}, {"--n_clusters=1", "--encode=auto"},
	} {
		w := append([]string{"--input=w.csv", "--weight_column=w", "--output_model=w.json", "--output=w.out.csv"}, flags...)
		mustRun(t, dir, w...)
		mustRun(t, dir, append([]string{"--input=r.csv", "--output_model=r.json"}, flags...)...)
		got, want := load(t, filepath.Join(dir, "w.json")), load(t, filepath.Join(dir, "r.json"))
		if math.Abs(got.Inertia-want.Inertia) > 1e-12*want.Inertia || fmt.Sprint(got.FeatureNames) !=
			fmt.Sprint(want.FeatureNames) || got.Rows != 40 {
			t.Errorf("%v: inertia %v of %d rows, columns %v; want %v, %v", flags, got.Inertia, got.Rows, got.FeatureNames,
				want.Inertia, want.FeatureNames)
		}
		for k := range want.Centers {
			for j, v := range want.Centers[k] {
				if math.Abs(got.Centers[k][j]-v) > 1e-12*(1+math.Abs(v)) {
					t.Errorf("%v: centre %d is %v, want %v", flags, k, got.Centers[k], want.Centers[k])
				}
			}
		}
		predict := clitest.Other(dir, "predict", "--input=w.csv", "--model=w.json", "--output=p.csv")
		if _, stderr, code := clitest.End(t, predict); code != 0 {
			t.Fatal(stderr)
		}
		if clitest.Read(t, filepath.Join(dir, "p.csv")) != clitest.Read(t, filepath.Join(dir, "w.out.csv")) {
			t.Error("predict gives other clusters")
		}
	}
	clitest.Write(t, filepath.Join(dir, "w.csv"), "a,w\n1,1\n2,-1\n")
	stderr, code := run(t, dir, "--input=w.csv", "--weight_column=w", "--n_clusters=1", "--output_model=m.json")
	if code == 0 || !strings.Contains(stderr, "w.csv: row 1, column w: ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	clitest.Write(t, filepath.Join(dir, "w.csv"), "a,w\n1,1\n2,0\n")
	stderr, code = run(t, dir, "--input=w.csv", "--weight_column=w", "--n_clusters=2", "--output_model=m.json")
	if code == 0 || !strings.Contains(stderr, "n_clusters 2: rows whose weight is not 0 are fewer: 1") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// Minibatches and k-means|| give the same bytes whatever the threads and chunks, and what they give is predicted by and
// gone on from.
func TestMiniBatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	input := []string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*"}
	args := append([]string{"--n_clusters=10,20", "--init=k-means||", "--minibatch", "--batch_size=100", "--seed=3"},
		input...)
	mustRun(t, dir, append(args, "--output_model=m.json", "--output=c.csv")...)
	mustRun(t, dir, append(args, "--output_model=n.json", "--report=none", "--threads=1", "--chunk_rows=70")...)
	if clitest.Read(t, filepath.Join(dir, "m.json")) != clitest.Read(t, filepath.Join(dir, "n.json")) {
		t.Error("another model with one thread and chunks of 70 rows")
	}
	m := load(t, filepath.Join(dir, "m.json"))
	if m.Options.BatchSize != 100 || m.Options.MaxIter != 100 || m.Options.Tol != 0 || m.Options.Init != model.Parallel {
		t.Errorf("options %+v", m.Options)
	}
	if i := m.Compared[0].Inertia; i > 1.3e6 { // MiniBatchKMeans: 1.20e6
		t.Errorf("inertia %v of 10 clusters", i)
	}
	predict := clitest.Other(dir, "predict", append([]string{"--model=m.json", "--output=p.csv"}, input...)...)
	if _, stderr, code := clitest.End(t, predict); code != 0 {
		t.Fatal(stderr)
	}
	if clitest.Read(t, filepath.Join(dir, "p.csv")) != clitest.Read(t, filepath.Join(dir, "c.csv")) {
		t.Error("predict gives other clusters")
	}
	mustRun(t, dir, append(input, "--init=m.json", "--output_model=k.json", "--report=none")...)
	if k := load(t, filepath.Join(dir, "k.json")); k.Inertia > m.Inertia {
		t.Errorf("inertia %v from a model of %v", k.Inertia, m.Inertia)
	}
	for args, want := range map[string]string{
		"--batch_size=5":               "--batch_size: is of --minibatch",
		"--minibatch --batch_size=0":   "--batch_size=0: must be at least 1",
		"--minibatch --batch_size=1e9": "1e9",
	} {
		stderr, code := run(t, dir, append(append(input, "--n_clusters=2", "--output_model=x.json"),
			strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q\n%s", args, code, want, stderr)
		}
	}
}

// Rows that are sorted by what tells clusters apart have batches in which there are rows of all, however few or many
// chunks they make.
func TestMinibatchSorted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("a,b\n")
	rng := rand.New(rand.NewPCG(1, 2))
	for _, center := range [][2]float64{{0, 0}, {20, 0}, {0, 20}, {20, 20}} {
		for range 3000 {
			fmt.Fprintf(&rows, "%g,%g\n", center[0]+rng.NormFloat64(), center[1]+rng.NormFloat64())
		}
	}
	clitest.Write(t, filepath.Join(dir, "x.csv"), rows.String())
	for _, args := range []string{"--batch_size=100", "--batch_size=100 --init=k-means||", "--batch_size=1000 --seed=2"} {
		mustRun(t, dir, append([]string{"--input=x.csv", "--n_clusters=4", "--minibatch", "--output_model=m.json",
			"--report=none"}, strings.Fields(args)...)...)
		// Four clusters of 3,000 rows with a variance of 1 in each of two columns.
		if i := load(t, filepath.Join(dir, "m.json")).Inertia; !(i < 1.1*2*12000) {
			t.Errorf("%s: inertia %v, want about 24000", args, i)
		}
	}
}

// Centres are told in the numbers of the table, whatever its encoding makes of them, and with as many digits as they
// differ by; the page tells the same.
func TestNumbers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"),
		"n,far,kind\n10,100000000,a\n12,100000004,a\n30,100000020,a\n32,100000024,a\n")
	for _, flag := range []string{"--standardize", "--standardize=false"} {
		stderr := mustRun(t, dir, "--input=x.csv", "--splines=n:3", "--numeric=far", "--n_clusters=2",
			"--output_model=s.json", "--report=none", flag)
		if want := "far 100000022 (all 100000012)"; !strings.Contains(stderr, want) {
			t.Errorf("%s, with splines: %q is missing: %s", flag, want, stderr)
		}
		stderr = mustRun(t, dir, "--input=x.csv", "--n_clusters=2", "--output_model=m.json", flag)
		page := clitest.Read(t, filepath.Join(dir, "m.html"))
		for _, want := range []string{"far 100000022 (all 100000012)", "n 31 (all 21)"} {
			if !strings.Contains(stderr, want) || !strings.Contains(page, want) {
				t.Errorf("%s: %q is missing: %s", flag, want, stderr)
			}
		}
		for _, want := range []string{">100000002<", ">100000012<", ">11<", ">21<"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %q is missing in the page", flag, want)
			}
		}
	}
}

// A cell that is missing far behind makes a table of the rows, from the beginning.
func TestAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rows := "a,b\n" + strings.Repeat("1,2\n5,6\n", 3000)
	clitest.Write(t, filepath.Join(dir, "x.csv"), rows+"3,\n"+strings.Repeat("1,3\n", 1000))
	stderr := mustRun(t, dir, "--input=x.csv", "--n_clusters=2", "--output_model=m.json", "--output=c.csv")
	for _, want := range []string{"row 6000, column b: ", "the rows are taken for a table, from the beginning",
		"b: numeric: "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing: %s", want, stderr)
		}
	}
	if n := strings.Count(clitest.Read(t, filepath.Join(dir, "c.csv")), "\n"); n != 7002 {
		t.Errorf("%d lines", n)
	}
}

// What is wrong is said in a line, before there is any file.
func TestFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b\n1,2\n3,4\n1,2\n")
	clitest.Write(t, filepath.Join(dir, "nan.csv"), "a,b\n1,2\n3,nan\n1,2\n")
	clitest.Write(t, filepath.Join(dir, "c.csv"), "1,2,3\n")
	clitest.Write(t, filepath.Join(dir, "wide.svm"), "0 1:2 20000:1\n0 2:1\n0 7:3\n")
	for _, c := range []struct {
		args string
		want string
	}{
		{"--input=x.csv --output_model=m.json", "n_clusters is needed: how many clusters to find"},
		{"--input=x.csv --n_clusters=4 --output_model=m.json", "n_clusters 4: rows are fewer: 3"},
		{"--input=x.csv --n_clusters=2", "--output_model is needed"},
		{"--input=x.csv --n_clusters=2 --output_model=m.json --output=c.html", `c.html: found the extension ".html"`},
		{"--input=x.csv --n_clusters=2 --output_model=m.json --output=c.csv --output_format=x", `"x"`},
		{"--input=x.csv --n_clusters=5-2 --output_model=m.json", "must be a number of clusters"},
		{"--input=x.csv --n_clusters=2 --n_init=0 --output_model=m.json", "--n_init=0: must be at least 1"},
		{"--input=nan.csv --encode=none --n_clusters=2 --output_model=m.json", "nan.csv: row 1, column b: "},
		{"--input=x.csv --init=c.csv --output_model=m.json", "init: centre 0 has 3 columns, the rows have 2"},
		{"--input=x.csv --init=c.csv --n_clusters=2 --output_model=m.json", "n_clusters [2]: there are 1 initial centres"},
		{"--input=x.csv --init=none.json --output_model=m.json",
			"none.json: found no file of that name, expected clusters, as kmeans writes them"},
		{"--input=wide.svm --n_clusters=2 --output_model=m.json",
			"wide.svm: found 20000 columns, expected at most 16384 columns of sparse rows, as kmeans stores them with their " +
				"zeros"},
		{"--input=x.csv --init=kmeans --n_clusters=2 --output_model=m.json", "kmeans"},
	} {
		stderr, code := run(t, dir, strings.Fields(c.args)...)
		if code == 0 || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") > 3 {
			t.Errorf("%s: exit code %d, want %q\n%s", c.args, code, c.want, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "m.json")); err == nil {
			t.Fatalf("%s: there is a model", c.args)
		}
	}
	if stderr := mustRun(t, dir, "--input=x.csv", "--n_clusters=3", "--output_model=m.json"); !strings.Contains(stderr,
		"warning: 1 of 3 clusters have no row") {
		t.Error(stderr)
	}
	predict := clitest.Other(dir, "predict", "--input=x.csv", "--model=m.json", "--output=p.csv", "--proba")
	if _, stderr, code := clitest.End(t, predict); code == 0 ||
		!strings.Contains(stderr, "proba: the model is of clusters, which have no classes") {
		t.Error(stderr)
	}
	predict = clitest.Other(dir, "predict", "--input=nan.csv", "--model=m.json", "--output=p.csv", "--on_error=skip")
	if _, stderr, code := clitest.End(t, predict); code != 0 {
		t.Error(stderr)
	}
	if got := clitest.Read(t, filepath.Join(dir, "p.csv")); strings.Count(got, "\n") != 4 ||
		!strings.Contains(got, "\n1,,\n") {
		t.Errorf("a row at fault has an answer: %s", got)
	}
}

// --explain tells, and does nothing.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "--input="+clitest.Testdata(t, "digits.csv"),
		"--id_column=id", "--columns=pixel_*",
		"--n_clusters=10", "--output_model=m.json", "--explain"))
	if code != 0 || !strings.Contains(stdout, "[10], by k-means++, 10 centres in all") ||
		!strings.Contains(stdout, "m.json") {
		t.Errorf("%d: %s%s", code, stdout, stderr)
	}
}
