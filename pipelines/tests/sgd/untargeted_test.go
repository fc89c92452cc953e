package sgd_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// untargeted is what scikit-learn makes of testdata/untargeted.* after pandas' dropna.
type untargeted struct {
	Alpha           float64
	Rows, Missing   int64
	Ridge, Logistic []float64
	Accuracy        float64
}

func untargetedReference(t *testing.T) (want untargeted) {
	t.Helper()
	text := clitest.Read(t, clitest.Testdata(t, "untargeted.reference.json"))
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// Rows without a target are left out, counted and told once, in every format, by either solver; an exact model is that
// of scikit-learn after pandas' dropna.
func TestUntargetedRows(t *testing.T) {
	t.Parallel()
	dir, want := t.TempDir(), untargetedReference(t)
	sources := [][]string{{"csv", "--target=y"}, {"csv", "--target=kind"}, {"jsonl", "--target=y"},
		{"jsonl", "--target=kind"},
		{"parquet", "--target=y"}, {"parquet", "--target=kind"}, {"arrow", "--target=y"}, {"arrow", "--target=kind"},
		{"svm"}, {"npy", "--target=" + clitest.Testdata(t, "untargeted_y.npy")}}
	for i, s := range sources {
		if clitest.Brief() && (i == 3 || i == 4 || i == 7) { // each format, with either kind of target
			continue
		}
		task, coef := "regression", want.Ridge
		if slices.Contains(s, "--target=kind") {
			task, coef = "classification", want.Logistic
		}
		for _, more := range [][]string{{"--solver=exact", "--threads=1"},
			{"--solver=sgd", "--chunk_rows=7", "--epochs=200"}} {
			if clitest.LeftOut(i) && more[0] == "--solver=sgd" {
				continue
			}
			name := filepath.Join(dir, fmt.Sprintf("%d%s.json", i, more[0][9:]))
			args := append([]string{"--input=" + clitest.Testdata(t, "untargeted."+s[0]), "--task=" + task, "--report=none",
				"--tol=1e-12", fmt.Sprint("--alpha=", want.Alpha), "--output_model=" + name, "--summary=" + name + ".txt"},
				s[1:]...)
			if s[0] != "svm" && s[0] != "npy" {
				args = append(args, "--columns=a,b,c")
			}
			if more[0] == "--solver=exact" {
				args = slices.DeleteFunc(args, func(a string) bool { return strings.HasPrefix(a, "--tol") })
			}
			told := mustRun(t, dir, append(args, more...)...)
			if n := strings.Count(told, fmt.Sprint(want.Missing, " rows without a target are left out")); n != 1 {
				t.Errorf("%q %s: that rows are left out is told %d times:\n%s", s, more, n, told)
			}
			if text := clitest.Read(t, name+".txt"); !strings.Contains(text,
				fmt.Sprintf(`"rows_without_target": %d`, want.Missing)) {
				t.Errorf("%q %s: the summary has no count: %s", s, more, text)
			}
			m := loaded(t, name)
			if m.Training.Rows != want.Rows {
				t.Errorf("%q %s: %d rows, want %d", s, more, m.Training.Rows, want.Rows)
			}
			got := append(slices.Clone(m.Coef[0]), m.Intercept[0])
			tolerance := 1e-6
			if more[0] == "--solver=sgd" {
				tolerance = 0.25
			}
			for j := range coef {
				if !(math.Abs(got[j]-coef[j]) <= tolerance*max(1, math.Abs(coef[j]))) {
					t.Errorf("%q %s: weights %v, want %v", s, more, got, coef)
					break
				}
			}
		}
	}
}

// Of several targets in columns of one .npy, rows that lack any are left out, as if they were not there. A NaN among
// the features is a fault.
func TestUntargetedColumns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(19, 20))
	var all, whole []float64
	for i := range 40 {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		row := []float64{a, a + 2*b + 0.1*rng.NormFloat64(), b, a - b + 0.1*rng.NormFloat64()}
		switch i {
		case 0, 39:
			row[1] = math.NaN()
		case 17:
			row[1], row[3] = math.NaN(), math.NaN()
		default:
			whole = append(whole, row...)
		}
		all = append(all, row...)
	}
	clitest.WriteNPY(t, filepath.Join(dir, "all.npy"), 4, all)
	clitest.WriteNPY(t, filepath.Join(dir, "whole.npy"), 4, whole)
	for _, solver := range []string{"--solver=exact", "--solver=sgd"} {
		args := []string{"--target=1,3", "--task=regression", "--report=none", "--shards=1", solver}
		if solver == "--solver=exact" {
			args = slices.Delete(args, 3, 4)
		}
		told := mustRun(t, dir, append(args, "--input=all.npy", "--output_model=all.json")...)
		if n := strings.Count(told, "3 rows without a target are left out"); n != 1 {
			t.Errorf("%s: that rows are left out is told %d times:\n%s", solver, n, told)
		}
		mustRun(t, dir, append(args, "--input=whole.npy", "--output_model=whole.json")...)
		got, want := readTargets(t, filepath.Join(dir, "all.json")), readTargets(t, filepath.Join(dir, "whole.json"))
		for k := range want.Models {
			if got, want := got.part(t, k)["coef"], want.part(t, k)["coef"]; !sameJSON(t, got, want) {
				t.Errorf("%s, target %d: weights %v, want %v", solver, k, got, want)
			}
		}
	}
	all[2] = math.NaN()
	clitest.WriteNPY(t, filepath.Join(dir, "all.npy"), 4, all)
	_, stderr, code := runCommand(t, dir, "--input=all.npy", "--target=1,3", "--task=regression",
		"--output_model=all.json")
	if code == 0 || !strings.Contains(stderr, "all.npy: row 0, column 2: found NaN, expected a finite number") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// Rows that arrive without a target are left out, told of with the version, and counted in its record.
func TestUntargetedWatch(t *testing.T) {
	t.Parallel()
	want := untargetedReference(t)
	for _, of := range []struct{ file, flags string }{
		{"csv", "--target=y --columns=a,b,c"}, {"parquet", "--target=kind --columns=a,b,c"}, {"svm", ""},
		{"csv", "--target=y --columns=a,b,c --encode=auto"}, {"csv", "--target=y,a --columns=b,c"},
	} {
		dir, task := t.TempDir(), "regression"
		if strings.Contains(of.flags, "kind") {
			task = "classification"
		}
		args := append(strings.Fields(of.flags), "--watch", "--once", "--settle=0", "--task="+task, "--report=none",
			"--input="+clitest.Testdata(t, "untargeted."+of.file), "--output_model=m.json")
		told := mustRun(t, dir, args...)
		if n := strings.Count(told, fmt.Sprint("  ", want.Missing, " rows without a target are left out\n")); n != 1 {
			t.Errorf("%s %s: that rows are left out is told %d times:\n%s", of.file, of.flags, n, told)
		}
		text := clitest.Read(t, filepath.Join(dir, "m-000001.watch.json"))
		if !strings.Contains(text, fmt.Sprintf(`"rows": %d`, want.Rows)) ||
			!strings.Contains(text, fmt.Sprintf(`"rows_without_target": %d`, want.Missing)) {
			t.Errorf("%s %s: the record has other counts: %s", of.file, of.flags, text)
		}
	}
}
