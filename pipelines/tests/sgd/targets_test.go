package sgd_test

import (
	"bytes"
	"encoding/csv"
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

// targetTable is rows with the targets y1, y2 and y3 among their columns: numbers, or classes, the second of which are
// texts. Of lacking, some cells of y2 are empty.
func targetTable(classes, lacking bool) string {
	rng := rand.New(rand.NewPCG(11, 12))
	var b strings.Builder
	b.WriteString("a,y1,b,c,y2,y3\n")
	for i := range 400 {
		x := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		y := func(k float64) float64 { return k*x[0] - x[1] + x[2]/k + rng.NormFloat64() }
		targets := []string{fmt.Sprint(y(1)), fmt.Sprint(y(2)), fmt.Sprint(y(3))}
		if classes {
			targets[0], targets[1] = fmt.Sprint(btoi(y(1) > 0)), []string{"no", "yes"}[btoi(y(2) > 0)]
			targets[2] = fmt.Sprint(btoi(y(3) > -1) + btoi(y(3) > 1))
		}
		if lacking && i%10 == 3 {
			targets[1] = ""
		}
		fmt.Fprintf(&b, "%v,%s,%v,%v,%s,%s\n", x[0], targets[0], x[1], x[2], targets[1], targets[2])
	}
	return b.String()
}

func btoi(is bool) int {
	if is {
		return 1
	}
	return 0
}

// targetsModel is what a test reads of the file.
type targetsModel struct {
	Targets      []string          `json:"targets"`
	FeatureNames []string          `json:"feature_names"`
	Encoding     json.RawMessage   `json:"encoding"`
	Models       []json.RawMessage `json:"models"`
}

// part is the model of target k, with the names and the encoding that stand once in the file.
func (m *targetsModel) part(t *testing.T, k int) map[string]any {
	t.Helper()
	var part map[string]any
	if err := json.Unmarshal(m.Models[k], &part); err != nil {
		t.Fatal(err)
	}
	part["feature_names"] = m.FeatureNames
	if string(m.Encoding) != "null" {
		part["encoding"] = m.Encoding
	}
	return part
}

func readTargets(t *testing.T, name string) *targetsModel {
	t.Helper()
	var m targetsModel
	if err := json.Unmarshal([]byte(clitest.Read(t, name)), &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

// sameJSON reports whether values have the same JSON, whatever the order of their fields.
func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	var texts [2][]byte
	for i, v := range []any{a, b} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var plain any
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatal(err)
		}
		if texts[i], err = json.Marshal(plain); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Equal(texts[0], texts[1])
}

// Several targets give each the model, and the scores, that it has alone, in one read; from any format, by exact and by
// sgd, with classes, and by two workers' worth of threads.
func TestTargets(t *testing.T) {
	for i, c := range []struct {
		name, args string
		classes    bool
	}{
		{"ridge", "--task=regression", false},
		{"folds", "--task=regression --alpha=0.001,0.1,1 --folds=3", false},
		{"auto", "--task=regression --penalty=l1 --alpha=auto --folds=3", false},
		{"sgd", "--task=regression --solver=sgd --epochs=3", false},
		{"tables", "--task=regression --encode=auto", false},
		{"classes", "--task=classification --loss=log_loss --encode=auto", true},
		{"classes folds", "--task=classification --loss=log_loss --encode=auto --alpha=0.01,1 --folds=3", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if clitest.LeftOut(i) {
				t.Skip("one of several")
			}
			dir := t.TempDir()
			clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(c.classes, false))
			args := append(strings.Fields(c.args), "--report=none")
			mustRun(t, dir, append(args, "--input=all.csv", "--target=y1,y2,y3", "--output_model=all.json")...)
			all := readTargets(t, filepath.Join(dir, "all.json"))
			if fmt.Sprint(all.Targets) != "[y1 y2 y3]" {
				t.Errorf("targets %v", all.Targets)
			}
			for k, target := range all.Targets {
				mustRun(t, dir, append(args, "--input=all.csv", "--columns=a,b,c", "--target="+target,
					"--output_model=one.json")...)
				var one map[string]any
				if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "one.json"))), &one); err != nil {
					t.Fatal(err)
				}
				if part := all.part(t, k); !sameJSON(t, part, one) {
					t.Errorf("target %s: the model is not that of alone:\n%.1500v\n%.1500v", target, part, one)
				}
				if !strings.Contains(c.args, "folds") {
					continue
				}
				alone, err := csv.NewReader(strings.NewReader(clitest.Read(t, filepath.Join(dir, "one.cv.csv")))).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				table, err := csv.NewReader(strings.NewReader(clitest.Read(t, filepath.Join(dir, "all.cv.csv")))).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				var lines [][]string // the columns that the target has alone
				for _, line := range table[1:] {
					if line[0] != target {
						continue
					}
					var own []string
					for _, name := range alone[0] {
						own = append(own, line[slices.Index(table[0], name)])
					}
					lines = append(lines, own)
				}
				if fmt.Sprint(lines) != fmt.Sprint(alone[1:]) {
					t.Errorf("target %s: other scores than alone", target)
				}
			}
		})
	}
}

// A row that lacks any target is left out and counted, and the targets are named; alone, only its own counts.
func TestTargetsMissing(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(false, true))
	stderr := mustRun(t, dir, "--input=all.csv", "--target=y*", "--task=regression", "--output_model=all.json",
		"--summary=s.json")
	if !strings.Contains(stderr, "40 rows without one of the targets y1, y2, y3 are left out") {
		t.Errorf("what was left out is not told:\n%s", stderr)
	}
	var s struct {
		Rows    int64
		Targets []struct {
			Target string
			R2     float64
		}
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &s); err != nil {
		t.Fatal(err)
	}
	if s.Rows != 360 || len(s.Targets) != 3 || s.Targets[1].Target != "y2" || !(s.Targets[1].R2 > 0.5) {
		t.Errorf("%+v", s)
	}
}

// A model of several targets goes on by --warm_start, as each would alone.
func TestTargetsWarmStart(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(false, false))
	args := []string{"--input=all.csv", "--task=regression", "--solver=sgd", "--epochs=2", "--report=none"}
	mustRun(t, dir, append(args, "--target=y1,y2", "--columns=a,b,c", "--output_model=all.json")...)
	mustRun(t, dir, append(args, "--target=y1,y2", "--columns=a,b,c", "--warm_start=all.json",
		"--output_model=more.json")...)
	mustRun(t, dir, append(args, "--target=y2", "--columns=a,b,c", "--output_model=one.json")...)
	mustRun(t, dir, append(args, "--target=y2", "--columns=a,b,c", "--warm_start=one.json", "--output_model=one2.json")...)
	var one map[string]any
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "one2.json"))), &one); err != nil {
		t.Fatal(err)
	}
	if part := readTargets(t, filepath.Join(dir, "more.json")).part(t, 1); !sameJSON(t, part, one) {
		t.Errorf("the model is not that of alone")
	}
}

// The page of several targets has all of them, whether columns or a file tell how many there are.
func TestTargetsPage(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(false, false))
	mustRun(t, dir, "--input=all.csv", "--target=y1,y2,y3", "--task=regression", "--alpha=0.001,0.1,1", "--folds=3",
		"--output_model=all.json")
	numbers := []float64{1, 2, 3, 4, 5, 6, 7, -8, 9, 10}
	clitest.WriteNPY(t, filepath.Join(dir, "x.npy"), 1, numbers)
	clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 2, append(slices.Clone(numbers), numbers...))
	mustRun(t, dir, "--input=x.npy", "--target=y.npy", "--task=regression", "--output_model=m.json", "--report=two.html")
	for page, want := range map[string][]string{
		"all.html": {"Models of 3 targets of all.csv", "<option>y2</option>", "y3: Which hyperparameters",
			"y1: Where it errs"},
		"two.html": {"Models of 2 targets of x.npy", "<option>y_1</option>", "y_1: Where it errs"},
	} {
		text := clitest.Read(t, filepath.Join(dir, page))
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %q", page, part)
			}
		}
	}
}

// What cannot be had of several targets is refused in one line, before any work.
func TestTargetsRefused(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(false, false))
	clitest.Write(t, filepath.Join(dir, "two.svm"), "1 1:2\n0 1:3\n")
	clitest.Write(t, filepath.Join(dir, "pos.csv"), "y1,a,y2\n1,2,3\n2,1,-3\n3,4,5\n")
	mustRun(t, dir, "--input=all.csv", "--target=y1", "--columns=a,b,c", "--task=regression", "--solver=sgd",
		"--output_model=one.json",
		"--report=none")
	for args, want := range map[string]string{
		"--input=all.csv --target=y1,y9":                    `expected a column "y9"`,
		"--input=all.csv --target=y1,y1":                    "each column once",
		"--input=all.csv --target=y1,y2 --weight_column=y2": "the column y2 for both",
		"--input=pos.csv --target=y1,y2 --loss=poisson": "row 1, column y2: found -3, expected a " +
			"target from 0 on",
		"--input=all.csv --target=y1,y2 --dtype=float32":                        "dtype float32",
		"--input=two.svm --target=y1,y2":                                        "two.svm",
		"--input=all.csv --target=y1,y2 --warm_start=one.json":                  "expected a model of several targets",
		"--input=all.csv --target=y1,y2,y3 --columns=y1,y2":                     "at least one column for the vector",
		"--input=all.csv --target=y1,y2 --columns=a,b,c --folds=3 --scoring=f1": "scoring",
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(args), "--task=regression", "--output_model=m.json")...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, no %q in\n%s", args, code, want, stderr)
		}
	}
}

// Targets whose alphas differ are told each with its own; what they have in common has neither an alpha nor scores. A
// glob may find one target alone.
func TestTargetsSummary(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	b.WriteString("a,b,y1,z\n")
	for range 200 {
		x, y := rng.NormFloat64(), rng.NormFloat64()
		fmt.Fprintf(&b, "%v,%v,%v,%v\n", x, y, x-y, rng.NormFloat64())
	}
	clitest.Write(t, filepath.Join(dir, "all.csv"), b.String())
	args := []string{"--input=all.csv", "--columns=a,b,z", "--task=regression", "--alpha=0.0001,100", "--folds=4",
		"--output_model=m.json", "--summary=s.json"}
	stderr := mustRun(t, dir, append(args, "--target=y1,z")...)
	for _, want := range []string{
		"regression with squared_error and l2, by exact", "target y1, alpha 0.0001:", "target z, alpha 100:",
		"of the columns asked for, not in the vector: z (target)",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in\n%s", want, stderr)
		}
	}
	var s struct {
		Alpha, R2 *float64
		Training  map[string]any
		Targets   []struct {
			Target string
			Alpha  float64
		}
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "s.json"))), &s); err != nil {
		t.Fatal(err)
	}
	if s.Alpha != nil || s.R2 != nil || s.Training["objective"] != nil || s.Training["rows"] != 200.0 ||
		fmt.Sprint(s.Targets) != "[{y1 0.0001} {z 100}]" {
		t.Errorf("%+v", s)
	}
	mustRun(t, dir, append(args, "--target=y*")...)
	one := readTargets(t, filepath.Join(dir, "m.json"))
	var alone map[string]any
	mustRun(t, dir, append(args, "--target=y1", "--output_model=one.json", "--report=none")...)
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "one.json"))), &alone); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(one.Targets) != "[y1]" || !sameJSON(t, one.part(t, 0), alone) {
		t.Errorf("a glob of one target: %v", one.Targets)
	}
}

// What a warning says of the columns is told of several targets as of one, once.
func TestTargetsWarn(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "twin.csv"),
		"a,b,y1,y2\n1,1,2,3\n2,2,3,1\n3,3,5,4\n4,4,4,2\n5,5,7,1\n6,6,6,5\n7,7,8,3\n8,8,11,2\n")
	stderr := mustRun(t, dir, "--input=twin.csv", "--target=y1,y2", "--task=regression", "--penalty=none",
		"--inference=wald",
		"--output_model=m.json")
	if strings.Count(stderr, "columns are sums of others, or of the intercept") != 1 {
		t.Error(stderr)
	}
}

// A .npy of two dimensions has a target in each column: the models are those of columns of the input, whatever the
// files, whether rows are numbers or a table; and training goes on.
func TestTargetsFile(t *testing.T) {
	for i, classes := range []bool{false, true} {
		if clitest.LeftOut(i) {
			t.Skip("one of several")
		}
		dir := t.TempDir()
		rng := rand.New(rand.NewPCG(5, 6))
		var x, y, all []float64
		var table strings.Builder
		table.WriteString("a,b,c\n")
		for range 300 {
			row := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
			targets := []float64{row[0] - row[1] + rng.NormFloat64(), row[2] + row[1] + rng.NormFloat64()}
			if classes {
				targets = []float64{float64(btoi(targets[0] > 0)), float64(btoi(targets[1] > 0))}
			}
			x, y, all = append(x, row...), append(y, targets...), append(append(all, row...), targets...)
			fmt.Fprintf(&table, "%v,%v,%v\n", row[0], row[1], row[2])
		}
		clitest.WriteNPY(t, filepath.Join(dir, "x.npy"), 3, x)
		clitest.WriteNPY(t, filepath.Join(dir, "all.npy"), 5, all)
		clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 2, y)
		clitest.WriteNPY(t, filepath.Join(dir, "y1.npy"), 2, y[:140])
		clitest.WriteNPY(t, filepath.Join(dir, "y2.npy"), 2, y[140:])
		clitest.Write(t, filepath.Join(dir, "x.csv"), table.String())
		args := []string{"--task=regression", "--alpha=0.01"}
		if classes {
			args[0] = "--task=classification"
		}
		for _, in := range []string{"all.npy --target=3-4", "x.npy --target=y.npy",
			"x.npy --target=y1.npy,y2.npy --chunk_rows=64"} {
			name := strings.NewReplacer(" ", "_", "=", "", ".", "", ",", "").Replace(in) + ".json"
			mustRun(t, dir, append(append(args, strings.Fields("--input="+in)...), "--output_model="+name)...)
			m := readTargets(t, filepath.Join(dir, name))
			mustRun(t, dir, append(append(args, strings.Fields("--input="+in)...), "--output_model=more.json", "--solver=sgd",
				"--epochs=1", "--warm_start="+name)...)
			if len(m.Models) != 2 || len(readTargets(t, filepath.Join(dir, "more.json")).Models) != 2 {
				t.Fatalf("%s: %d models", in, len(m.Models))
			}
			if strings.HasPrefix(in, "all") {
				clitest.Write(t, filepath.Join(dir, "want.json"), clitest.Read(t, filepath.Join(dir, name)))
				continue
			}
			want := readTargets(t, filepath.Join(dir, "want.json"))
			if fmt.Sprint(m.Targets) != "[y_0 y_1]" || !sameJSON(t, m.part(t, 0), want.part(t, 0)) ||
				!sameJSON(t, m.part(t, 1), want.part(t, 1)) {
				t.Errorf("%s: targets %v, other models than those of columns", in, m.Targets)
			}
		}
	}
}

// Files of targets at fault are told of by their file, row and column; what is for one target is refused.
func TestTargetsFileFaults(t *testing.T) {
	dir := t.TempDir()
	numbers := []float64{1, 2, 3, 4, 5, 6, 7, -8, 9, 10}
	clitest.WriteNPY(t, filepath.Join(dir, "x.npy"), 1, numbers)
	clitest.WriteNPY(t, filepath.Join(dir, "half.npy"), 2, numbers)
	clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 2, append(numbers, numbers...))
	clitest.WriteNPY(t, filepath.Join(dir, "five.npy"), 1, numbers[:5])
	infinite := append(slices.Clone(numbers), numbers...)
	infinite[7] = math.Inf(1)
	clitest.WriteNPY(t, filepath.Join(dir, "infinite.npy"), 2, infinite)
	mustRun(t, dir, "--input=x.npy", "--target=x.npy", "--task=regression", "--solver=sgd", "--output_model=one.json")
	for args, want := range map[string]string{
		"--target=half.npy":                                 "found 5 targets, expected 10",
		"--target=half.npy,five.npy":                        "half.npy: found 2 columns, expected as many as five.npy has, 1",
		"--target=infinite.npy":                             "infinite.npy: row 3, column 1: found +Inf",
		"--target=y.npy --loss=poisson":                     "x.npy: row 3, column y_1: found -8, expected a target from 0 on",
		"--target=y.npy --warm_start=one.json --solver=sgd": "--warm_start: the model is of one target, and --target has 2",
	} {
		_, stderr, code := runCommand(t, dir, append([]string{"--input=x.npy", "--task=regression", "--output_model=m.json"},
			strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, no %q in\n%s", args, code, want, stderr)
		}
	}
}

// Targets of text make the rows those of a table, also where --columns names none of them.
func TestTargetsOfText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "t.jsonl"), `{"x":1,"a":"u","b":0}
{"x":2,"a":"v","b":1}
{"x":3,"a":"v","b":0}
`)
	for _, columns := range []string{"x", "*,!a,!b"} {
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, "--input=t.jsonl", "--target=a,b", "--columns="+columns,
			"--task=classification", "--output_model=m.json", "--report=none"))
		if code != 0 || stdout != "" {
			t.Errorf("--columns=%s: exit code %d\n%s", columns, code, stderr)
		}
	}
}
