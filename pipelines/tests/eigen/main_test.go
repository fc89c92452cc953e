package eigen_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	model "beamlearn/model/eigen"
	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "eigen", "TestFirstFault", "TestDigits") }

func run2(t *testing.T, dir string, args ...string) (stderr string, code int) {
	t.Helper()
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, args...))
	if stdout != "" {
		t.Fatalf("%v: %s", args, stdout)
	}
	return stderr, code
}

func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stderr, code := run2(t, dir, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
	}
	return stderr
}

// The projected rows have the covariance that the model says, whatever the chunks are written by, and the page names
// them.
func TestDigits(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*",
		"--color=target", "--components=10"}
	stderr := mustRun(t, dir, append(args, "--output=out/p.csv", "--model=out/m.json", "--report=out/e.html",
		"--summary=s.json")...)
	for _, want := range []string{"1797 rows × 64 columns", "pca0: eigenvalue 179.007, 14.89 %",
		"out/p.csv\nout/m.json\nout/e.html\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing: %s", want, stderr)
		}
	}
	f, err := os.Open(filepath.Join(dir, "out/m.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := model.Load("m.json", f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(clitest.Read(t, filepath.Join(dir, "out/p.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "id,pca0,pca1,pca2,pca3,pca4,pca5,pca6,pca7,pca8,pca9" ||
		len(rows) != 1798 || p.FeatureNames[63] != "pixel_63" {
		t.Fatalf("header %s, %d rows, names %v", got, len(rows), p.FeatureNames)
	}
	for a := range 10 {
		for b := range a + 1 {
			var sum, sa, sb float64
			for _, r := range rows[1:] {
				x, err := strconv.ParseFloat(r[a+1], 64)
				if err != nil {
					t.Fatal(err)
				}
				y, err := strconv.ParseFloat(r[b+1], 64)
				if err != nil {
					t.Fatal(err)
				}
				sum, sa, sb = sum+x*y, sa+x, sb+y
			}
			want := 0.0
			if a == b {
				want = p.ExplainedVariance[a]
			}
			if !(math.Abs(sum/1796-want) <= 1e-9*p.ExplainedVariance[0]) || !(math.Abs(sa) <= 1e-8) {
				t.Errorf("covariance of %d and %d: %v, want %v; sum %v", a, b, sum/1796, want, sa)
			}
		}
	}
	page := clitest.Read(t, filepath.Join(dir, "out/e.html"))
	for _, want := range []string{"Eigenvectors of digits.csv", `"image":[8,8]`, `"total":1797`,
		`"groups":["0","1","2","3","4","5","6","7","8","9"]`} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "out", ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Numbers of threads and of rows read at a time, the format of the output, and the run change nothing.
func TestSameBytes(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "breast_cancer.csv"), "--color=target", "--standardize"}
	for _, extra := range [][]string{{"--model=a.json", "--output=a.csv"},
		{"--model=b.json", "--output=b.csv", "--threads=1", "--chunk_rows=70", "--report=none"},
		{"--model=c.json", "--output=c.npy", "--report=none"}} {
		mustRun(t, dir, append(args, extra...)...)
	}
	for _, name := range []string{"b.json", "c.json"} {
		if clitest.Read(t, filepath.Join(dir, name)) != clitest.Read(t, filepath.Join(dir, "a.json")) {
			t.Errorf("%s differs from a.json", name)
		}
	}
	if clitest.Read(t, filepath.Join(dir, "a.csv")) != clitest.Read(t, filepath.Join(dir, "b.csv")) {
		t.Error("b.csv differs from a.csv")
	}
	if npy := clitest.Read(t, filepath.Join(dir, "c.npy")); !strings.Contains(npy[:100], "(569, 30)") {
		t.Errorf("%q", npy[:100])
	}
}

// A share of the variance finds as many components as scikit-learn's PCA(n_components=0.95), and all that is written
// tells so.
func TestShare(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*",
		"--components=0.95"}
	stderr := mustRun(t, dir, append(args, "--output=p.csv", "--output_model=m.json", "--summary=s.json")...)
	if !strings.Contains(stderr, "29 components by covariance_eigh explain 95.48 % of the variance, as many as explain "+
		"95 %\n") {
		t.Error(stderr)
	}
	if header, _, _ := strings.Cut(clitest.Read(t, filepath.Join(dir, "p.csv")), "\n"); !strings.HasSuffix(header,
		",pca27,pca28") {
		t.Error(header)
	}
	for name, want := range map[string]string{"s.json": `"variance_share": 0.95`, "m.json": `"variance_share":0.95`,
		"p.html": "as many as explain 95 %"} {
		if !strings.Contains(clitest.Read(t, filepath.Join(dir, name)), want) {
			t.Errorf("%s does not tell of the share", name)
		}
	}
	mustRun(t, dir, "--input="+clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*",
		"--transform=m.json", "--output=again.csv", "--report=none")
	if clitest.Read(t, filepath.Join(dir, "again.csv")) != clitest.Read(t, filepath.Join(dir, "p.csv")) {
		t.Error("rows are projected otherwise onto the saved components")
	}
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, append(args, "--output=no.csv", "--explain")...))
	if code != 0 || !strings.Contains(stdout, "as many as explain 95 %, by covariance_eigh, in passes: 1") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

// How much memory a sketch of very many columns takes is told before it is made, and of few columns nothing is.
func TestLargeSketch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for features, told := range map[string]bool{"5000000": true, "5000": false} {
		clitest.Write(t, filepath.Join(dir, features+".svm"), "1 1:1 2:3\n0 "+features+":1\n")
		_, stderr, code := clitest.End(t, clitest.Command(dir, "--input="+features+".svm", "--components=2",
			"--output_model=m.json", "--report=none", "--explain"))
		if got := strings.Contains(stderr, "each of the 8 sums of a pass takes 457.8 MiB"); code != 0 || got != told {
			t.Errorf("%s columns: exit code %d: %s", features, code, stderr)
		}
	}
}

// A sketch, which is not needed here, finds what the covariance does.
func TestRandomized(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "digits.csv"), "--id_column=id", "--columns=pixel_*",
		"--components=3"}
	var variance [2][]float64
	for i, extra := range [][]string{{"--svd_solver=covariance_eigh"}, {"--svd_solver=randomized", "--iterated_power=6"}} {
		mustRun(t, dir, append(append(args, "--model=m.json", "--summary=s.json"), extra...)...)
		var s struct {
			Variance []float64 `json:"explained_variance"`
		}
		if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &s); err != nil {
			t.Fatal(err)
		}
		variance[i] = s.Variance
	}
	for i, v := range variance[0] {
		if !(math.Abs(variance[1][i]/v-1) <= 1e-6) {
			t.Errorf("eigenvalue %d: %v, want %v", i, variance[1][i], v)
		}
	}
}

// Rows are projected onto components of an earlier run as they were by that run, whatever the order of their columns;
// a part of the rows, and rows without names, too.
func TestTransform(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--id_column=id", "--columns=pixel_*", "--components=3", "--whiten", "--standardize"}
	mustRun(t, dir, append(args, "--input="+clitest.Testdata(t, "digits.csv"), "--output=want.csv", "--model=m.json")...)
	want := clitest.Read(t, filepath.Join(dir, "want.csv"))
	rows, err := csv.NewReader(strings.NewReader(clitest.Read(t, clitest.Testdata(t, "digits.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var turned, nameless strings.Builder
	for i, r := range rows {
		back := slices.Clone(r)
		slices.Reverse(back)
		turned.WriteString(strings.Join(back, ",") + "\n")
		if i > 0 {
			nameless.WriteString(strings.Join(r[slices.Index(rows[0], "pixel_0"):][:64], ",") + "\n")
		}
	}
	clitest.Write(t, filepath.Join(dir, "turned.csv"), turned.String())
	clitest.Write(t, filepath.Join(dir, "nameless.csv"), nameless.String())
	stderr := mustRun(t, dir, "--transform=m.json", "--input=turned.csv", "--id_column=id", "--output=turned.out.csv",
		"--report=t.html", "--chunk_rows=100", "--threads=1")
	if got := clitest.Read(t, filepath.Join(dir, "turned.out.csv")); got != want {
		t.Error("columns in another order are projected otherwise")
	}
	if !strings.Contains(stderr, "1797 rows × 64 columns") || !strings.Contains(stderr, "3 components of m.json") {
		t.Error(stderr)
	}
	if page := clitest.Read(t, filepath.Join(dir, "t.html")); !strings.Contains(page, "Eigenvectors of turned.csv") ||
		strings.Contains(page, "components are those of") {
		t.Error("the page of the same rows")
	}
	mustRun(t, dir, "--transform=m.json", "--input=nameless.csv", "--header=no", "--output=nameless.out.csv")
	if got := clitest.Read(t, filepath.Join(dir, "nameless.out.csv")); got != want {
		t.Error("columns without names are projected otherwise")
	}
	clitest.Write(t, filepath.Join(dir, "few.csv"), strings.Join(strings.SplitAfterN(turned.String(), "\n", 4)[:3], ""))
	mustRun(t, dir, "--transform=m.json", "--input=few.csv", "--id_column=id", "--output=few.out.csv", "--report=few.html")
	if got := clitest.Read(t, filepath.Join(dir, "few.out.csv")); got != strings.Join(strings.SplitAfterN(want, "\n",
		4)[:3], "") {
		t.Errorf("two rows: %s", got)
	}
	if page := clitest.Read(t, filepath.Join(dir, "few.html")); !strings.Contains(page, "1797 rows") {
		t.Error("the page of two rows does not say where its components are from")
	}
	clitest.Write(t, filepath.Join(dir, "other.csv"), "a,b\n1,2\n3,4\n")
	clitest.Write(t, filepath.Join(dir, "no.json"), "{}")
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"--components: with --transform, the components are those of its file", 2,
			[]string{"--input=few.csv", "--transform=m.json", "--components=2"}},
		{"--output_model: with --transform", 2, []string{"--input=few.csv", "--transform=m.json", "--model=n.json"}},
		{`other.csv: found the columns "a", "b", without "pixel_0", "pixel_1", `, 1,
			[]string{"--input=other.csv", "--transform=m.json"}},
		{`other.csv: found the columns "a", "b", without "pixel_0", "pixel_1", `, 1,
			[]string{"--input=other.csv", "--columns=a,b", "--transform=m.json"}},
		{"none.json: found no file of that name, expected components, as eigen writes them", 1,
			[]string{"--input=few.csv", "--transform=none.json"}},
		{`no.json: found JSON that names no format, expected components, as eigen writes them`, 1,
			[]string{"--input=few.csv", "--transform=no.json"}},
	} {
		stderr, code := run2(t, dir, append(c.args, "--output=no.csv")...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", c.args, code, c.code, c.want, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "no.csv")); err == nil {
			t.Errorf("%v has written", c.args)
		}
	}
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "bad.csv"), "a,b\n1,2\n3,x\n5,7\n")
	clitest.Write(t, filepath.Join(dir, "one.csv"), "a,b\n1,2\n")
	clitest.Write(t, filepath.Join(dir, "ok.csv"), "a,b\n1,2\n3,4\n5,7\n")
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"--input is needed", 2, []string{"--model=m.json"}},
		{"--output_model, --output or --report is needed", 2, []string{"--input=ok.csv"}},
		{"3 components: must be from 1 to the number of columns, 2", 2,
			[]string{"--input=ok.csv", "--model=m.json", "--components=3"}},
		{"as many components as explain 95 %: svd_solver randomized does not know all", 2,
			[]string{"--input=ok.csv", "--model=m.json", "--components=0.95", "--svd_solver=randomized"}},
		{"--image=8: must be width and height", 2, []string{"--input=ok.csv", "--report=m.html", "--image=8"}},
		{"9 pixels are not the 2 columns", 2, []string{"--input=ok.csv", "--report=m.html", "--image=3x3"}},
		{"only be skipped where there is an output", 2, []string{"--input=bad.csv", "--model=m.json", "--on_error=skip"}},
		{"bad.csv: row 1, column b", 1, []string{"--input=bad.csv", "--model=m.json"}},
		{"one row has no variance", 1, []string{"--input=one.csv", "--model=m.json"}},
		{"zzz", 2, []string{"--input=ok.csv", "--model=m.json", "--color=zzz"}},
	} {
		stderr, code := run2(t, dir, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", c.args, code, c.code, c.want, stderr)
		}
	}
	for _, s := range []string{"1.0", "0.0", "-0.5", "1.5", "1e1", "nan", "inf", "95%", "0,95", "mle", ""} {
		stderr, code := run2(t, dir, "--input=ok.csv", "--model=m.json", "--components="+s)
		if code != 2 || !strings.Contains(stderr, "must be a whole number of components, e.g. 10, or a share") ||
			strings.Count(stderr, "\n") > 2 {
			t.Errorf("--components=%s: exit code %d: %s", s, code, stderr)
		}
	}
	stderr := mustRun(t, dir, "--input=bad.csv", "--output=p.csv", "--on_error=skip")
	if got := clitest.Read(t, filepath.Join(dir, "p.csv.rejected.jsonl")); !strings.Contains(stderr, "1 row left out") ||
		strings.Count(got, "\n") != 1 {
		t.Errorf("%s: %s", stderr, got)
	}
}

// Each flag that takes a value has an example.
func TestExamples(t *testing.T) { clitest.Help(t) }

// Of faults in files that are read side by side, the first in their order is told, though a job may meet a later one
// first.
func TestFirstFault(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "a,b\n"+strings.Repeat("1,2\n3,5\n4,4\n", 50_000)+"1,x\n")
	clitest.Write(t, filepath.Join(dir, "b.csv"), "a,b\n1,y\n"+strings.Repeat("1,2\n", 9))
	want := "eigen: a.csv: row 150000, column b: found \"x\", expected a number\n"
	if stderr, code := run2(t, dir, "--input=*.csv", "--columns=a,b", "--output_model=m.json", "--quiet"); code != 1 ||
		stderr != want {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
