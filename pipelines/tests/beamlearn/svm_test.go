package beamlearn_test

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Rows of .svm tell neither how many columns there are nor whether the first has the index 0 or 1: those that meet
// points, a model or components go by theirs. The answers are those of the same rows in .csv, whose columns have names.
func TestMeetSVM(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, data := range map[string]string{
		"p.svm": "1 0:1 3:2\n0 1:1 2:5\n1 0:2 1:1 3:1\n0 2:4 3:1\n",
		"p.csv": "y,a,b,c,d\n1,1,0,0,2\n0,0,1,5,0\n1,2,1,0,1\n0,0,0,4,1\n",
		// Without an index 0, and without the last column: by itself, it would begin at 1 and have two columns.
		"q.svm": "1 1:1 2:4\n0 2:3\n",
		"q.csv": "y,a,b,c,d\n1,0,1,4,0\n0,0,0,3,0\n",
		// The same, from 1 on and without the last column, for points that are not of .svm.
		"one.svm": "1 2:1 3:4\n0 3:3\n",
		"x.csv":   "a,b,c,d\n1,0,0,2\n0,1,5,0\n2,1,0,1\n0,0,4,1\n",
	} {
		clitest.Write(t, filepath.Join(dir, name), data)
	}
	run := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := clitest.End(t, clitest.Program(dir, append(args, "--quiet")...))
		if code != 0 {
			t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
		}
		return stdout
	}
	answer := func(args ...string) string { return run(append(args, "--output=-", "--output_format=csv")...) }

	want := answer("kneighbors", "--input=p.csv", "--columns=*,!y", "--queries=q.csv", "--k=2")
	if !strings.Contains(want, "0,1,1,1\n") {
		t.Fatalf("neighbours %s", want)
	}
	if got := answer("kneighbors", "--input=p.svm", "--queries=q.svm", "--k=2"); got != want {
		t.Errorf("neighbours\n%s, want\n%s", got, want)
	}
	if got := answer("kneighbors", "--input=x.csv", "--queries=one.svm", "--k=2"); got != want {
		t.Errorf("neighbours of rows beside points of .csv\n%s, want\n%s", got, want)
	}
	run("index", "--input=p.svm", "--index=i")
	if got := answer("kneighbors", "--index=i", "--queries=q.svm", "--k=2"); got != want {
		t.Errorf("neighbours by an index\n%s, want\n%s", got, want)
	}

	target := map[string]string{"svm": "--task=classification", "csv": "--target=y"}
	columns := map[string]string{"svm": "--components=2", "csv": "--columns=*,!y"}
	told := map[string][]string{}
	for _, ext := range []string{"csv", "svm"} {
		run("sgd", "--input=p."+ext, "--task=classification", target[ext], "--output_model="+ext+".json", "--report=none")
		run("eigen", "--input=p."+ext, "--components=2", columns[ext], "--output_model="+ext+".pca", "--report=none")
		told[ext] = []string{
			answer("predict", "--model="+ext+".json", "--input=q."+ext, "--proba"),
			answer("eigen", "--transform="+ext+".pca", "--input=q."+ext, "--report=none"),
		}
	}
	goOn := []string{"sgd", "--input=q.svm", "--task=classification", "--solver=sgd", "--warm_start=svm.json",
		"--report=none"}
	run(append(goOn, "--output_model=on.json")...)
	run(append(goOn, "--output_model=told.json", "--zero_based=yes", "--features=4")...)
	if clitest.Read(t, filepath.Join(dir, "on.json")) != clitest.Read(t, filepath.Join(dir, "told.json")) {
		t.Error("--warm_start goes on with other columns than --zero_based=yes --features=4")
	}
	for i, got := range told["svm"] {
		if !alike(got, told["csv"][i]) {
			t.Errorf("answer %d\n%s, want\n%s", i, got, told["csv"][i])
		}
	}
}

// alike reports whether two tables have the same numbers, to 1e-9.
func alike(a, b string) bool {
	x, y := strings.FieldsFunc(a, separates), strings.FieldsFunc(b, separates)
	if len(x) != len(y) || len(x) == 0 {
		return false
	}
	for i := range x {
		v, err1 := strconv.ParseFloat(x[i], 64)
		w, err2 := strconv.ParseFloat(y[i], 64)
		if err1 != nil && err2 != nil && x[i] == y[i] { // a name
			continue
		}
		if err1 != nil || err2 != nil || !(math.Abs(v-w) <= 1e-9) {
			return false
		}
	}
	return true
}

func separates(r rune) bool { return r == ',' || r == '\n' }
