package eigen_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// The components of a table are those of what scikit-learn's ColumnTransformer makes of it, from every format; and
// they take rows of tables again.
func TestTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want struct {
		Variance []float64 `json:"explained_variance"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, clitest.Testdata(t, "flights_small.neighbors.json"))),
		&want); err != nil {
		t.Fatal(err)
	}
	var model, rows string
	for i, ext := range []string{"csv", "parquet", "jsonl", "arrow"} {
		if clitest.LeftOut(i) {
			continue
		}
		input := "--input=" + clitest.Testdata(t, "flights_small."+ext)
		told := mustRun(t, dir, input, "--id_column=id", "--drop=air_time,tailnum,delayed", "--encode=auto", "--standardize",
			"--components=5",
			"--output_model=m.json", "--output=p.csv", "--report=none")
		if !strings.Contains(told, "carrier: categorical: 14 distinct values") {
			t.Errorf("%s: %s", ext, told)
		}
		m, p := clitest.Read(t, filepath.Join(dir, "m.json")), clitest.Read(t, filepath.Join(dir, "p.csv"))
		if model == "" {
			model, rows = m, p
		} else if m != model || p != rows {
			t.Errorf("%s: other components, or projections, than from .csv", ext)
		}
		mustRun(t, dir, input, "--transform=m.json", "--id_column=id", "--output=again.csv", "--report=none")
		if clitest.Read(t, filepath.Join(dir, "again.csv")) != rows {
			t.Errorf("%s: --transform projects otherwise", ext)
		}
	}
	var got struct {
		Variance []float64 `json:"explained_variance"`
	}
	if err := json.Unmarshal([]byte(model), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Variance) != len(want.Variance) {
		t.Fatalf("%d components", len(got.Variance))
	}
	for i, v := range got.Variance {
		if !(math.Abs(v-want.Variance[i]) <= 1e-9*want.Variance[0]) {
			t.Errorf("the variance of component %d is %v, want %v", i, v, want.Variance[i])
		}
	}
	lines := strings.SplitAfter(clitest.Read(t, clitest.Testdata(t, "flights_small.csv")), "\n")
	carrier := strings.Split(lines[1], ",")[4]
	clitest.Write(t, filepath.Join(dir, "q.csv"), lines[0]+strings.Replace(lines[1], ","+carrier+",", ",??,", 1)+lines[2])
	if told := mustRun(t, dir, "--input=q.csv", "--transform=m.json", "--output=q.out.csv",
		"--report=none"); !strings.Contains(told,
		"column carrier: 1 cell of categories that the encoding of the components does not know") {
		t.Error(told)
	}
	for flag, want := range map[string]string{
		"--encode=auto": "without flags of tables",
		"--standardize": "--standardize: with --transform, the components are those of its file",
	} {
		if stderr, code := run2(t, dir, "--input="+clitest.Testdata(t, "flights_small.csv"), "--transform=m.json", flag,
			"--output=x.csv"); code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", flag, code, stderr)
		}
	}
	broken := strings.Replace(model, `"n_features_in":`, `"n_features_in":1`, 1)
	clitest.Write(t, filepath.Join(dir, "broken.json"), broken)
	if stderr, code := run2(t, dir, "--input="+clitest.Testdata(t, "flights_small.csv"), "--transform=broken.json",
		"--output=x.csv"); code == 0 || !strings.Contains(stderr, "broken.json") {
		t.Errorf("a broken model: exit code %d, %s", code, stderr)
	}
}

// A row without a colour is a row: the components and the projected rows are those without --color.
func TestRowsWithoutColor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	input := []string{"--input=" + clitest.Testdata(t, "flights_small.csv"), "--id_column=id", "--encode=auto",
		"--standardize", "--components=2"}
	mustRun(t, dir, append(input, "--drop=air_time,tailnum,delayed", "--output_model=m.json", "--output=p.csv",
		"--report=none")...)
	told := mustRun(t, dir, append(input, "--drop=air_time,tailnum", "--color=delayed", "--output_model=c.json",
		"--output=q.csv", "--report=e.html")...)
	if strings.Contains(told, "without a target") {
		t.Errorf("rows are left out: %s", told)
	}
	for a, b := range map[string]string{"m.json": "c.json", "p.csv": "q.csv"} {
		if clitest.Read(t, filepath.Join(dir, a)) != clitest.Read(t, filepath.Join(dir, b)) {
			t.Errorf("%s is other than %s", b, a)
		}
	}
	if !strings.Contains(clitest.Read(t, filepath.Join(dir, "e.html")), `"(none)"`) {
		t.Error("the page has no group of the rows without a colour")
	}
	mustRun(t, dir, "--input="+clitest.Testdata(t, "flights_small.csv"), "--id_column=id", "--transform=c.json",
		"--color=delayed", "--output=again.csv", "--report=none")
	if clitest.Read(t, filepath.Join(dir, "again.csv")) != clitest.Read(t, filepath.Join(dir, "p.csv")) {
		t.Error("--transform with --color projects other rows")
	}
}
