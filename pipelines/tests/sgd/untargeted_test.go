package sgd_test

import (
	"encoding/json"
	"fmt"
	"math"
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
	sources := [][]string{{"csv", "--target=y"}, {"csv", "--target=kind"}, {"jsonl", "--target=y"}, {"jsonl", "--target=kind"},
		{"parquet", "--target=y"}, {"parquet", "--target=kind"}, {"arrow", "--target=y"}, {"arrow", "--target=kind"},
		{"svm"}, {"npy", "--target=" + clitest.Testdata(t, "untargeted_y.npy")}}
	for i, s := range sources {
		task, coef := "regression", want.Ridge
		if slices.Contains(s, "--target=kind") {
			task, coef = "classification", want.Logistic
		}
		for _, more := range [][]string{{"--solver=exact", "--threads=1"}, {"--solver=sgd", "--chunk_rows=7", "--epochs=200"}} {
			if clitest.LeftOut(i) && more[0] == "--solver=sgd" {
				continue
			}
			name := filepath.Join(dir, fmt.Sprintf("%d%s.json", i, more[0][9:]))
			args := append([]string{"--input=" + clitest.Testdata(t, "untargeted."+s[0]), "--task=" + task, "--report=none",
				"--tol=1e-12", fmt.Sprint("--alpha=", want.Alpha), "--output_model=" + name, "--summary=" + name + ".txt"}, s[1:]...)
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
			if text := clitest.Read(t, name+".txt"); !strings.Contains(text, fmt.Sprintf(`"rows_without_target": %d`, want.Missing)) {
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
