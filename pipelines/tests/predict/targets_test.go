package predict_test

import (
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// targetRows is rows with two targets: numbers, or classes, the second of which are texts.
func targetRows(classes bool) string {
	var b strings.Builder
	b.WriteString("a,y1,b,y2\n")
	for i := range 300 {
		a, c := float64(i*37%101)/10, float64(i*53%97)/10
		y1, y2 := fmt.Sprint(a-c+float64(i%7)/3), fmt.Sprint(a+2*c+float64(i%5)/3)
		if classes {
			y1 = fmt.Sprint((i*37%101 + i%40) / 50 % 3)
			y2 = []string{"no", "yes"}[(i*53%97+i%30)/64]
		}
		fmt.Fprintf(&b, "%v,%s,%v,%s\n", a, y1, c, y2)
	}
	return b.String()
}

// A model of several targets predicts, and is judged on, each as the model of it alone; one column after the other, in
// every format.
func TestTargets(t *testing.T) {
	for _, classes := range []bool{false, true} {
		t.Run(fmt.Sprint("classes ", classes), func(t *testing.T) {
			dir := t.TempDir()
			clitest.Write(t, filepath.Join(dir, "all.csv"), targetRows(classes))
			must := func(c []string, command string) string {
				t.Helper()
				stdout, stderr, code := clitest.End(t, clitest.Other(dir, command, c...))
				if code != 0 {
					t.Fatalf("%v: exit code %d\n%s", c, code, stderr)
				}
				return stdout
			}
			learn, more := []string{"--task=regression"}, []string{}
			if classes {
				learn, more = []string{"--task=classification", "--loss=log_loss", "--encode=auto"},
					[]string{"--proba", "--decision"}
			}
			learn = append(learn, "--input=all.csv", "--columns=a,b", "--report=none")
			must(append(learn, "--target=y1,y2", "--output_model=all.json"), "sgd")
			args := append(more, "--model=all.json", "--input=all.csv", "--evaluate", "--summary=all.summary.json")
			must(append(args, "--output=all-p.csv"), "predict")
			must(append(more, "--model=all.json", "--input=all.csv", "--target=y2,y1", "--output=again.csv"), "predict")
			if clitest.Read(t, filepath.Join(dir, "again.csv")) != clitest.Read(t, filepath.Join(dir, "all-p.csv")) {
				t.Error("other predictions with the targets in another order")
			}
			for _, format := range []string{"jsonl", "parquet"} {
				must(append(args, "--output=p."+format), "predict")
			}
			table := readCSV(t, filepath.Join(dir, "all-p.csv"))
			var all struct {
				Targets []map[string]any
			}
			readJSON(t, filepath.Join(dir, "all.summary.json"), &all)
			at := 1
			for k, target := range []string{"y1", "y2"} {
				must(append(learn, "--target="+target, "--output_model=one.json"), "sgd")
				must(append(more, "--model=one.json", "--input=all.csv", "--target="+target, "--output=one.csv",
					"--summary=one.summary.json"), "predict")
				alone := readCSV(t, filepath.Join(dir, "one.csv"))
				n := len(alone[0]) - 1
				for j, name := range alone[0][1:] {
					what, label, _ := strings.Cut(name, "_")
					want := strings.TrimSuffix(what+"_"+target+"_"+label, "_")
					if got := table[0][at+j]; got != want {
						t.Errorf("column %s: want %s", got, want)
					}
				}
				for i := range alone[1:] {
					if got, want := table[i+1][at:at+n], alone[i+1][1:]; fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("row %d: %v, alone %v", i, got, want)
					}
				}
				at += n
				var one map[string]any
				readJSON(t, filepath.Join(dir, "one.summary.json"), &one)
				for _, kind := range []string{"regression", "classification"} {
					if got, want := fmt.Sprint(all.Targets[k][kind]), fmt.Sprint(one[kind]); got != want {
						t.Errorf("target %s: %s, alone %s", target, got, want)
					}
				}
			}
			if at != len(table[0]) {
				t.Errorf("%d columns, want %d", len(table[0]), at)
			}
		})
	}
}

func readCSV(t *testing.T, name string) [][]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(clitest.Read(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(clitest.Read(t, name)), v); err != nil {
		t.Fatal(err)
	}
}

// Rows come through pipes; what cannot be compared, or written, is refused in one line.
func TestTargetsRefused(t *testing.T) {
	dir := t.TempDir()
	rows := targetRows(false)
	clitest.Write(t, filepath.Join(dir, "all.csv"), rows)
	clitest.Write(t, filepath.Join(dir, "more.csv"), "a,b,y1,y2,z\n1,2,3,4,5\n2,3,4,5,7\n")
	learn := clitest.Other(dir, "sgd", "--task=regression", "--input=all.csv", "--target=y1,y2", "--output_model=all.json")
	if _, stderr, code := clitest.End(t, learn); code != 0 {
		t.Fatal(stderr)
	}
	piped := clitest.Command(dir, "--model=all.json", "--input=-", "--output=-")
	piped.Stdin = strings.NewReader(rows)
	stdout, stderr, code := clitest.End(t, piped)
	if code != 0 || !strings.HasPrefix(stdout, "id,prediction_y1,prediction_y2\n") || strings.Count(stdout, "\n") != 301 {
		t.Errorf("exit code %d, %.80s\n%s", code, stdout, stderr)
	}
	for args, want := range map[string]string{
		"--input=all.csv --target=y1":               "the model is of the targets y1, y2",
		"--input=more.csv --target=y1,z":            "a column for each of the model's",
		"--input=more.csv --target=y1,y2,z":         "a column for each of the model's",
		"--input=all.csv --output=p.csv --proba":    "only classification has probabilities",
		"--input=all.csv --output=p.csv --decision": "the prediction is the decision value",
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(strings.Fields(args), "--model=all.json")...))
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, no %q in\n%s", args, code, want, stderr)
		}
	}
}

// Rows that lack a target are compared by those that they have, and the line says so; .npy has the columns of .csv.
func TestTargetsLacking(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetRows(false))
	clitest.Write(t, filepath.Join(dir, "lacks.csv"), "a,b,y1,y2\n1,2,3,4\n2,3,,7\n3,5,8,\n4,1,2,9\n")
	clitest.Write(t, filepath.Join(dir, "some.csv"), "a,b,y1\n1,2,3\n2,3,\n3,5,8\n4,1,2\n")
	learn := clitest.Other(dir, "sgd", "--task=regression", "--input=all.csv", "--target=y1,y2", "--output_model=all.json",
		"--encode=auto")
	if _, stderr, code := clitest.End(t, learn); code != 0 {
		t.Fatal(stderr)
	}
	run := func(args ...string) string {
		t.Helper()
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(args, "--model=all.json")...))
		if code != 0 {
			t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
		}
		return stderr
	}
	stderr := run("--input=lacks.csv", "--evaluate", "--output=p.csv", "--summary=s.json")
	if !strings.Contains(stderr, "2 rows that lack a target are predicted, and compared by the targets that they have") {
		t.Error(stderr)
	}
	run("--input=some.csv", "--output=some-p.csv")
	if clitest.Read(t, filepath.Join(dir, "some-p.csv")) != clitest.Read(t, filepath.Join(dir, "p.csv")) {
		t.Error("rows of tables that have other targets have other predictions")
	}
	var s struct {
		Targets []struct{ Regression struct{ MAE float64 } }
	}
	readJSON(t, filepath.Join(dir, "s.json"), &s)
	table, truth := readCSV(t, filepath.Join(dir, "p.csv")), readCSV(t, filepath.Join(dir, "lacks.csv"))
	for k := range s.Targets {
		sum, n := 0.0, 0.0
		for i := range table[1:] {
			y, err := strconv.ParseFloat(truth[i+1][2+k], 64)
			if err != nil {
				continue // it lacks this one
			}
			p, err := strconv.ParseFloat(table[i+1][1+k], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum, n = sum+math.Abs(p-y), n+1
		}
		if got := s.Targets[k].Regression.MAE; n != 3 || !(math.Abs(got-sum/n) <= 1e-12*got) {
			t.Errorf("target %d: MAE %v, want %v of 3 rows", k, got, sum/n)
		}
	}
	run("--input=lacks.csv", "--output=p.npy")
	want := make([]byte, 0, 8*2*4)
	for _, line := range table[1:] {
		for _, cell := range line[1:] {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			want = binary.LittleEndian.AppendUint64(want, math.Float64bits(v))
		}
	}
	if npy := clitest.Read(t, filepath.Join(dir, "p.npy")); !strings.HasSuffix(npy, string(want)) ||
		!strings.Contains(npy, "'shape': (4, 2)") {
		t.Errorf(".npy has other numbers than .csv: %q", npy)
	}
}

// The model as ONNX has the outputs of all targets.
func TestTargetsONNX(t *testing.T) {
	dir := t.TempDir()
	for _, classes := range []bool{false, true} {
		clitest.Write(t, filepath.Join(dir, "all.csv"), targetRows(classes))
		task, want := "regression", "outputs: variable double[N,2]\n"
		if classes {
			task, want = "classification", "label_y2 string[N], probabilities_y2 double[N,2], decision_y2 double[N,1]\n"
		}
		learn := clitest.Other(dir, "sgd", "--task="+task, "--loss="+
			map[bool]string{false: "huber", true: "log_loss"}[classes],
			"--input=all.csv", "--target=y1,y2", "--encode=auto", "--output_model=all.json")
		if _, stderr, code := clitest.End(t, learn); code != 0 {
			t.Fatal(stderr)
		}
		_, stderr, code := clitest.End(t, clitest.Command(dir, "--model=all.json", "--output_onnx=all.onnx"))
		if code != 0 || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, no %q in\n%s", code, want, stderr)
		}
	}
}

// A model of the columns of a file of targets is judged by such a file, which has a column for each.
func TestTargetsFile(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteNPY(t, filepath.Join(dir, "x.npy"), 2, []float64{1, 2, 2, 1, 3, 5, 4, 4})
	clitest.WriteNPY(t, filepath.Join(dir, "y.npy"), 2, []float64{3, 1, 3, 0, 8, 2, 9, 0})
	clitest.WriteNPY(t, filepath.Join(dir, "wide.npy"), 4, make([]float64, 16))
	learn := clitest.Other(dir, "sgd", "--task=regression", "--input=x.npy", "--target=y.npy", "--output_model=all.json")
	if _, stderr, code := clitest.End(t, learn); code != 0 {
		t.Fatal(stderr)
	}
	one := clitest.Other(dir, "sgd", "--task=regression", "--input=x.npy", "--columns=0", "--target=1",
		"--output_model=one.json")
	if _, stderr, code := clitest.End(t, one); code != 0 {
		t.Fatal(stderr)
	}
	for args, want := range map[string]string{
		"--model=all.json --target=y.npy":             "target y_1: R²",
		"--model=all.json --target=wide.npy":          "expected a column for each of the model's, in its order: y_0, y_1",
		"--model=one.json --columns=0 --target=y.npy": "found 2 columns, expected one column, as the model has one target",
	} {
		_, stderr, code := clitest.End(t, clitest.Command(dir, append(strings.Fields(args), "--input=x.npy",
			"--output=p.csv")...))
		if (code == 0) != strings.Contains(want, "R²") || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, no %q in\n%s", args, code, want, stderr)
		}
	}
}
