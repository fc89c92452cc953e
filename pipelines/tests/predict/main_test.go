package predict_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/onnx"
	"beamlearn/model/vectors"
	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "predict", "TestNames", "TestUnknownLabel") }

// runCommand runs the command in a directory and returns what it printed, and its exit code.
func runCommand(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := clitest.Command(dir, args...)
	c.Env = append(c.Env, "TMPDIR="+dir)
	return clitest.End(t, c)
}

// mustRun runs the command, which is to end well, and returns what it printed.
func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, code := runCommand(t, dir, args...)
	if code != 0 || stdout != "" {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stderr
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// set is a data set, and a model that has learned it.
type set struct {
	file    string // absolute
	columns []string
	rows    *vectors.Block
	labels  []string // of the rows
	model   *model.Model
	saved   string // where the model is
}

// learn trains a model on the columns of a file of testdata that match a pattern; ids are the numbers of the rows.
func learn(t *testing.T, name, columns string, o model.Options) *set {
	t.Helper()
	s := &set{file: clitest.Testdata(t, name)}
	s.columns, s.rows, s.labels = clitest.Rows(t, s.file, "target", columns)
	c := model.Of(s.rows)
	sgd, err := sgd.NewSGD(o, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	sgd.FeatureNames = s.columns
	sgd.Scaler = model.NewStandardScaler(c.Features)
	if err := sgd.Scaler.PartialFit(c, nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := sgd.PartialFit(c); err != nil {
			t.Fatal(err)
		}
	}
	if s.model, err = sgd.Model(); err != nil {
		t.Fatal(err)
	}
	s.saved = save(t, s.model)
	return s
}

func save(t *testing.T, m *model.Model) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "model.json")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Save(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// predictions are what the model says of the rows in memory.
type predictions struct{ predicted, proba, decision []float64 }

func (s *set) predict(t *testing.T) *predictions {
	t.Helper()
	var p predictions
	var err error
	if p.predicted, err = s.model.Predict(model.Of(s.rows), nil); err != nil {
		t.Fatal(err)
	}
	if p.decision, err = s.model.DecisionFunction(model.Of(s.rows), nil); err != nil {
		t.Fatal(err)
	}
	if s.model.HasProba() {
		if p.proba, err = s.model.PredictProba(model.Of(s.rows), nil); err != nil {
			t.Fatal(err)
		}
	}
	return &p
}

// checkCSV compares a file, with probabilities and decisions, with the predictions in memory, bit by bit.
func (s *set) checkCSV(t *testing.T, data []byte, header string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != header {
		t.Fatalf("header %s, want %s", got, header)
	}
	if len(rows) != s.rows.Len()+1 {
		t.Fatalf("%d rows, want %d", len(rows)-1, s.rows.Len())
	}
	p := s.predict(t)
	classes := s.model.Classes.Len()
	for i, r := range rows[1:] {
		if r[0] != strconv.Itoa(i) {
			t.Fatalf("row %d: id %s", i, r[0])
		}
		var want []float64
		if classes == 0 {
			want = append(want, p.predicted[i])
		} else {
			if label := s.model.Classes.Label(int(p.predicted[i])); r[1] != label {
				t.Fatalf("row %d: class %s, want %s", i, r[1], label)
			}
			r = r[1:]
			want = append(want, p.proba[i*classes:(i+1)*classes]...)
			n := s.model.NumDecisions()
			want = append(want, p.decision[i*n:(i+1)*n]...)
		}
		for j, w := range want {
			if v, err := strconv.ParseFloat(r[j+1], 64); err != nil || math.Float64bits(v) != math.Float64bits(w) {
				t.Fatalf("row %d: %s, want %v", i, r[j+1], w)
			}
		}
	}
}

type summaryFile struct {
	Rows, Features int
	Rejected       int `json:"rejected_rows"`
	Regression     map[string]float64
	Classification struct {
		Accuracy  float64
		LogLoss   *float64 `json:"log_loss"`
		F1        float64
		Average   string     `json:"f1_average"`
		AUC       *float64   `json:"auc"`
		AUCOf     []*float64 `json:"auc_of"`
		Classes   []any
		Confusion [][]float64 `json:"confusion_matrix"`
	}
	Files []string `json:"output_files"`
}

func readSummary(t *testing.T, name string) *summaryFile {
	t.Helper()
	var s summaryFile
	if err := json.Unmarshal(read(t, name), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Max(1, math.Abs(b)) }

// A regression, read by names, gives the same bytes at any chunk size and number of threads, and its scores.
func TestDiabetes(t *testing.T) {
	s := learn(t, "diabetes.csv", "*", model.Options{Task: model.Regression})
	want := s.predict(t).predicted
	mean, total, squared, absolute := 0.0, 0.0, 0.0, 0.0
	for _, y := range s.rows.Target {
		mean += y / float64(len(want))
	}
	for i, y := range s.rows.Target {
		total += (y - mean) * (y - mean)
		squared += (y - want[i]) * (y - want[i])
		absolute += math.Abs(y - want[i])
	}
	var first []byte
	for _, extra := range [][]string{nil, {"--chunk_rows=7", "--threads=3"}, {"--dtype=float64"}} {
		dir := t.TempDir()
		args := append([]string{"--model=" + s.saved, "--input=" + s.file, "--target=target", "--output=out/p.csv",
			"--summary=s.json"}, extra...)
		stderr := mustRun(t, dir, args...)
		got := read(t, filepath.Join(dir, "out/p.csv"))
		s.checkCSV(t, got, "id,prediction")
		if first == nil {
			first = got
		} else if !bytes.Equal(got, first) {
			t.Errorf("%v: the bytes differ", extra)
		}
		sum := readSummary(t, filepath.Join(dir, "s.json"))
		n := float64(len(want))
		if r := sum.Regression; sum.Rows != 442 || sum.Features != 10 || !near(r["r2"], 1-squared/total) ||
			!near(r["mse"], squared/n) || !near(r["mae"], absolute/n) {
			t.Errorf("%v: summary %+v", extra, sum)
		}
		if !strings.Contains(stderr, "442 rows × 10 columns") || !strings.Contains(stderr, "\n  R² 0.4") ||
			!strings.HasSuffix(stderr, "\nout/p.csv\n") {
			t.Errorf("%v: %s", extra, stderr)
		}
	}
}

// score is what the test expects of a classification.
func (s *set) score(t *testing.T) (accuracy, logLoss, f1 float64, confusion [][]float64) {
	t.Helper()
	p := s.predict(t)
	classes := s.model.Classes.Len()
	confusion = make([][]float64, classes)
	for i := range confusion {
		confusion[i] = make([]float64, classes)
	}
	for i := range p.predicted {
		class := -1
		for k := range classes {
			if s.model.Classes.Label(k) == s.labels[i] {
				class = k
			}
		}
		confusion[class][int(p.predicted[i])]++
		if float64(class) == p.predicted[i] {
			accuracy += 1 / float64(len(p.predicted))
		}
		logLoss -= math.Log(min(max(p.proba[i*classes+class], 0x1p-52), 1-0x1p-52)) / float64(len(p.predicted))
	}
	for k := range classes {
		there, taken := 0.0, 0.0
		for j := range classes {
			there += confusion[k][j]
			taken += confusion[j][k]
		}
		f := 2 * confusion[k][k] / (there + taken)
		if classes == 2 {
			f1 = f // that of the last
		} else {
			f1 += f / float64(classes)
		}
	}
	return accuracy, logLoss, f1, confusion
}

func TestBreastCancer(t *testing.T) {
	s := learn(t, "breast_cancer.csv", "*", model.Options{Task: model.Classification, Loss: model.LogLoss})
	accuracy, logLoss, f1, confusion := s.score(t)
	p := s.predict(t)
	won, pairs := 0.0, 0.0
	for i, a := range s.labels {
		for j, b := range s.labels {
			if a != "1" || b != "0" {
				continue
			}
			pairs++
			switch {
			case p.decision[i] > p.decision[j]:
				won++
			case p.decision[i] == p.decision[j]:
				won += 0.5
			}
		}
	}
	for _, extra := range [][]string{nil, {"--chunk_rows=50"}} {
		dir := t.TempDir()
		args := append([]string{"--model=" + s.saved, "--input=" + s.file, "--target=target", "--proba", "--decision",
			"--output=p.csv", "--summary=s.json"}, extra...)
		mustRun(t, dir, args...)
		s.checkCSV(t, read(t, filepath.Join(dir, "p.csv")), "id,prediction,proba_0,proba_1,decision")
		c := readSummary(t, filepath.Join(dir, "s.json")).Classification
		if !near(c.Accuracy, accuracy) || !near(*c.LogLoss, logLoss) || !near(c.F1, f1) || c.Average != "binary" ||
			!near(*c.AUC, won/pairs) || fmt.Sprint(c.Confusion) != fmt.Sprint(confusion) {
			t.Errorf("%v: %+v, want accuracy %v, log loss %v, F1 %v, AUC %v, %v", extra, c, accuracy, logLoss, f1, won/pairs,
				confusion)
		}
	}
	// Without an output it is judged all the same, and nothing is left.
	dir := t.TempDir()
	stderr := mustRun(t, dir, "--model="+s.saved, "--input="+s.file, "--target=target")
	if !strings.Contains(stderr, fmt.Sprintf("accuracy %.6g, F1 %.6g (binary), log loss %.6g, AUC %.6g\n", accuracy, f1,
		logLoss, won/pairs)) {
		t.Errorf("%s", stderr)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if !strings.HasPrefix(e.Name(), "beamloopback") { // the runner's own
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// Ten classes, in all formats of the output, in shards.
func TestDigits(t *testing.T) {
	s := learn(t, "digits.csv", "pixel_*", model.Options{Task: model.Classification, Loss: model.ModifiedHuber})
	dir := t.TempDir()
	base := []string{"--model=" + s.saved, "--input=" + s.file, "--target=target", "--proba", "--decision"}
	accuracy, logLoss, f1, confusion := s.score(t)
	mustRun(t, dir, append(base, "--output=p.csv", "--summary=s.json")...)
	header := "id,prediction"
	for _, column := range []string{"proba", "decision"} {
		for i := range 10 {
			header += fmt.Sprintf(",%s_%d", column, i)
		}
	}
	whole := read(t, filepath.Join(dir, "p.csv"))
	s.checkCSV(t, whole, header)
	c := readSummary(t, filepath.Join(dir, "s.json")).Classification
	if !near(c.Accuracy, accuracy) || !near(*c.LogLoss, logLoss) || !near(c.F1, f1) || c.Average != "macro" ||
		c.AUC == nil || len(c.AUCOf) != 10 || len(c.Classes) != 10 || fmt.Sprint(c.Confusion) != fmt.Sprint(confusion) {
		t.Errorf("%+v, want accuracy %v, log loss %v, F1 %v, %v", c, accuracy, logLoss, f1, confusion)
	}

	mustRun(t, dir, append(base, "--output=out/p.csv", "--num_shards=3", "--chunk_rows=100", "--summary=s.json")...)
	var joined []byte
	for i, name := range readSummary(t, filepath.Join(dir, "s.json")).Files {
		b := read(t, name)
		if i > 0 {
			b = b[bytes.IndexByte(b, '\n')+1:]
		}
		joined = append(joined, b...)
	}
	if !bytes.Equal(joined, whole) {
		t.Error("the shards are no cuts of the whole")
	}

	// The columns of .npy are the numbers of .csv, and of .jsonl.
	mustRun(t, dir, append(base, "--output=p.npy")...)
	mustRun(t, dir, append(base, "--output=p.jsonl")...)
	mustRun(t, dir, append(base, "--output=p.parquet")...)
	npy := read(t, filepath.Join(dir, "p.npy"))
	if !bytes.Contains(npy[:128], []byte("'<f8', 'fortran_order': False, 'shape': (1797, 21)")) {
		t.Errorf("header %q", npy[:128])
	}
	rows, err := csv.NewReader(bytes.NewReader(whole)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(read(t, filepath.Join(dir, "p.jsonl")), []byte("\n"))
	at := npy[128:]
	for i, r := range rows[1:] {
		var line map[string]float64
		if err := json.Unmarshal(lines[i], &line); err != nil {
			t.Fatal(err)
		}
		for j, field := range r {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil || line[rows[0][j]] != v {
				t.Fatalf("row %d, column %s: %s, %v", i, rows[0][j], field, line)
			}
			if j == 0 {
				continue
			}
			if got := math.Float64frombits(binary.LittleEndian.Uint64(at)); got != v {
				t.Fatalf("row %d, column %s: %v in .npy", i, rows[0][j], got)
			}
			at = at[8:]
		}
	}
	// So are those of .parquet, which a model whose prediction is one of them shows with the ids.
	same := save(t, &model.Model{Task: model.Regression, Loss: model.SquaredError, FeatureNames: []string{"proba_7"},
		Coef: [][]float64{{1}}, Intercept: []float64{0}, Options: model.Options{Task: model.Regression}})
	mustRun(t, dir, "--model="+same, "--input=p.parquet", "--id_column=id", "--output=same.csv")
	got, err := csv.NewReader(bytes.NewReader(read(t, filepath.Join(dir, "same.csv")))).ReadAll()
	if err != nil || len(got) != len(rows) {
		t.Fatalf("%d lines of .parquet, %v", len(got), err)
	}
	column := slices.Index(rows[0], "proba_7")
	for i, r := range rows[1:] {
		if want := []string{r[0], r[column]}; !slices.Equal(got[i+1], want) {
			t.Fatalf("row %d of .parquet: %q, want %q", i, got[i+1], want)
		}
	}
}

// Features are found by their names, in any order and among other columns; a missing one is told by name.
func TestNames(t *testing.T) {
	m := &model.Model{
		Task: model.Classification, Loss: model.Hinge, FeatureNames: []string{"x", "1"},
		Classes: model.Classes{Texts: []string{"cat", "do,g"}},
		Coef:    [][]float64{{1, -2}}, Intercept: []float64{0.5}, Options: model.Options{Task: model.Classification},
	}
	saved := save(t, m)
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "other.csv"), "note,1,kind,name,x\nhello,1,cat,a,1\nthere,-1,\"do,g\",b,1\n")
	clitest.Write(t, filepath.Join(dir, "plain.csv"), "x,1\n1,1\n1,-1\n")
	clitest.Write(t, filepath.Join(dir, "none.csv"), "1,1\n1,-1\n")
	clitest.Write(t, filepath.Join(dir, "missing.csv"), "y,1,z\n1,1,2\n")
	clitest.Write(t, filepath.Join(dir, "index.csv"), "x,y\n1,1\n")
	clitest.Write(t, filepath.Join(dir, "three.csv"), "1,1,3\n1,-1,3\n")
	for _, c := range []struct{ args, want string }{
		{"--input=other.csv --header=yes --id_column=name", "id,prediction,decision\na,cat,-0.5\nb,\"do,g\",3.5\n"},
		{"--input=plain.csv --header=yes", "id,prediction,decision\n0,cat,-0.5\n1,\"do,g\",3.5\n"},
		{"--input=none.csv", "id,prediction,decision\n0,cat,-0.5\n1,\"do,g\",3.5\n"},
		{"--input=other.csv --header=yes --columns=1,x", "id,prediction,decision\n0,cat,-0.5\n1,\"do,g\",3.5\n"},
	} {
		mustRun(t, dir, append(strings.Fields(c.args), "--model="+saved, "--decision", "--output=p.csv")...)
		if got := string(read(t, filepath.Join(dir, "p.csv"))); got != c.want {
			t.Errorf("%s: got %s, want %s", c.args, got, c.want)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"--input=missing.csv --header=yes",
			`predict: missing.csv: found the columns "y", "1", "z", without "x", expected the columns "x", "1", as in the model`},
		{"--input=index.csv",
			`predict: index.csv: found the columns "x", "y", without "1", expected the columns "x", "1", as in the model`},
		{"--input=three.csv", `predict: three.csv: found 3 columns, expected 2 columns, as the model has features`},
		{"--input=gone.csv", `predict: gone.csv: found no file of that name, expected at least one file`},
	} {
		_, stderr, code := runCommand(t, dir, append(strings.Fields(c.args), "--model="+saved, "--output=q.csv")...)
		if code != 1 || stderr != c.want+"\n" {
			t.Errorf("%s: exit code %d\n%swant %s", c.args, code, stderr, c.want)
		}
	}
}

// A label that the model does not know is a fault of its row, or leaves the row out.
func TestUnknownLabel(t *testing.T) {
	m := &model.Model{
		Task: model.Classification, Loss: model.LogLoss, FeatureNames: []string{"x"},
		Classes: model.Classes{Numbers: []float64{1, 2}},
		Coef:    [][]float64{{1}}, Intercept: []float64{0},
		Options: model.Options{Task: model.Classification, Loss: model.LogLoss},
	}
	args := []string{"--model=" + save(t, m), "--target=y", "--id_column=id", "--output=p.csv", "--summary=s.json"}
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "id,x,y\na,1,2\nb,-1,1.0\n")
	clitest.Write(t, filepath.Join(dir, "b.csv"), "id,x,y\nc,-1,01\nd,1,three\ne,oops,1\nf,3,1\n")
	_, stderr, code := runCommand(t, dir, append(args, "--input=*.csv")...)
	if want := `b.csv: row 1, column y: found "three", expected a class of the model: 1, 2`; code != 1 ||
		stderr != "predict: "+want+"\n" &&
			stderr != "predict: b.csv: row 2, column x: found \"oops\", expected a number\n" {
		t.Errorf("exit code %d\n%swant %s", code, stderr, want)
	}
	stderr = mustRun(t, dir, append(args, "--input=*.csv", "--on_error=skip")...)
	if got, want := string(read(t, filepath.Join(dir, "p.csv"))),
		"id,prediction\na,2\nb,1\nc,1\nd,\ne,\nf,2\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := `{"file":"b.csv","row":1,"column":"y","reason":"found \"three\", expected a class of the model: 1, 2"}` +
		"\n" +
		`{"file":"b.csv","row":2,"column":"x","reason":"found \"oops\", expected a number"}` + "\n"
	if got := string(read(t, filepath.Join(dir, "p.csv.rejected.jsonl"))); got != want {
		t.Errorf("rejected %s, want %s", got, want)
	}
	c := readSummary(t, filepath.Join(dir, "s.json"))
	if c.Rows != 4 || c.Classification.Accuracy != 0.75 || fmt.Sprint(c.Classification.Confusion) != "[[2 1] [0 1]]" {
		t.Errorf("summary %+v\n%s", c, stderr)
	}
}

// With --on_error=skip every row has its place in the output, whatever its fault, whatever the formats, in the same
// bytes for any size of the chunks; shards and an evaluation do not change that.
func TestEveryRow(t *testing.T) {
	m := &model.Model{
		Task: model.Classification, Loss: model.LogLoss, FeatureNames: []string{"x", "z"},
		Classes: model.Classes{Texts: []string{"no", "yes"}},
		Coef:    [][]float64{{1, 1}}, Intercept: []float64{0},
		Options: model.Options{Task: model.Classification, Loss: model.LogLoss},
	}
	args := []string{"--model=" + save(t, m), "--on_error=skip"}
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "id,x,z,y\n"+
		"a,oops,1,no\n"+ // before any that is right
		"b,1,1,yes\n"+
		"c,1,1\n"+ // too few fields: the first is the id all the same
		"d,-1,-1,no\n"+
		"\"e\"e,1,1,yes\n"+ // cannot be split
		",1,1,yes\n"+ // without an id
		"g,-2,0,maybe\n"+ // predicted, and of no class
		"h,-2,0,no\n"+
		"i,inf,0,no\n")
	clitest.Write(t, filepath.Join(dir, "b.jsonl"), `{"id":"a","x":"oops","z":1,"y":"no"}
{"y":"yes","x":1,"z":1,"id":"b"}
{"x":1,"y":"yes","id":"c"}
{"id":"d","x":-1,"z":-1,"y":"no"}
{"x":1,"z"
{"x":1,"z":1,"y":"yes","id":null}
{"x":-2,"z":0,"y":"maybe","id":"g"}
{"id":"h","x":-2,"z":0,"y":"no"}
{"id":"i","x":1e999,"z":0,"y":"no"}
`)
	named, numbered := "id,prediction\na,\nb,yes\nc,\nd,no\n,\n,\ng,\nh,no\ni,\n",
		"id,prediction\n0,\n1,yes\n2,\n3,no\n4,\n5,\n6,\n7,no\n8,\n"
	plain := strings.Replace(named, "g,\n", "g,no\n", 1)
	unnamed := strings.Replace(numbered, "\n5,\n6,\n", "\n5,yes\n6,no\n", 1)
	for _, c := range []struct{ args, want string }{
		{"--input=a.csv --id_column=id", plain},
		{"--input=b.jsonl --id_column=id", plain},
		{"--input=a.csv --columns=x,z", unnamed},
		{"--input=a.csv --id_column=id --target=y", named},
		{"--input=b.jsonl --id_column=id --target=y", named},
		{"--input=a.csv --columns=x,z --target=y", strings.Replace(numbered, "\n5,\n", "\n5,yes\n", 1)},
	} {
		for i, rows := range []int{1, 100, 2} {
			if clitest.LeftOut(i) {
				continue
			}
			mustRun(t, dir, append(append(args, strings.Fields(c.args)...), "--output=p.csv", "--summary=s.json",
				fmt.Sprintf("--chunk_rows=%d", rows))...)
			got := string(read(t, filepath.Join(dir, "p.csv")))
			if got != c.want {
				t.Errorf("%s, %d rows at a time: got %s, want %s", c.args, rows, got, c.want)
			}
			summary := readSummary(t, filepath.Join(dir, "s.json"))
			if faults := strings.Count(got, ",\n"); summary.Rejected != faults || summary.Rows != 9-faults {
				t.Errorf("%s: %d rows, %d rejected, %d without a prediction", c.args, summary.Rows, summary.Rejected, faults)
			}
			if l := strings.Count(string(read(t, filepath.Join(dir, "p.csv.rejected.jsonl"))), "\n"); l != strings.Count(got,
				",\n") {
				t.Errorf("%s: %d lines of rejected rows", c.args, l)
			}
		}
	}
	args = append(args, "--input=a.csv", "--id_column=id", "--proba")
	mustRun(t, dir, append(args, "--output=p.jsonl", "--num_shards=3")...)
	for i, want := range []string{`{"id":"a","prediction":null,"proba_no":null,"proba_yes":null}`,
		`{"id":null,"prediction":null,"proba_no":null,"proba_yes":null}`} {
		if got := string(read(t, filepath.Join(dir, fmt.Sprintf("p-0000%d-of-00003.jsonl", i)))); !strings.Contains(got, want+
			"\n") || strings.Count(got, "\n") != 3 {
			t.Errorf("shard %d: got %s, want %s in three lines", i, got, want)
		}
	}
}

// Weights count in the scores, and targets may stand in a file of their own.
func TestWeights(t *testing.T) {
	m := &model.Model{
		Task: model.Regression, Loss: model.SquaredError, Coef: [][]float64{{2}}, Intercept: []float64{0},
		Options: model.Options{Task: model.Regression},
	}
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "x,y,w\n1,2,1\n2,5,3\n3,0,0\n")
	mustRun(t, dir, "--model="+save(t, m), "--input=x.csv", "--target=y", "--weight_column=w", "--output=p.npy",
		"--summary=s.json")
	if r := readSummary(t, filepath.Join(dir, "s.json")).Regression; r["mse"] != 0.75 || r["mae"] != 0.75 {
		t.Errorf("%v", r)
	}
	npy := read(t, filepath.Join(dir, "p.npy"))
	if got, err := binary.Append(npy[:128:128], binary.LittleEndian, []float64{2, 4, 6}); err != nil ||
		!bytes.Equal(got, npy) || !bytes.Contains(npy, []byte("(3,)")) {
		t.Errorf("p.npy: %q", npy)
	}
}

// What is wrong with a command line is told at once, a line each, and nothing is written.
func TestUsage(t *testing.T) {
	regression := save(t, &model.Model{
		Task: model.Regression, Loss: model.SquaredError, Coef: [][]float64{{2}}, Intercept: []float64{0},
		Options: model.Options{Task: model.Regression},
	})
	texts := save(t, &model.Model{
		Task: model.Classification, Loss: model.Hinge, Classes: model.Classes{Texts: []string{"a", "b"}},
		Coef: [][]float64{{2}}, Intercept: []float64{0},
		Options: model.Options{Task: model.Classification},
	})
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "x,y\n1,2\n3,4\n")
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{"--input is needed", "--model is needed"}},
		{"--input=x.csv --model=" + regression, []string{"an output is needed"}},
		{"--input=x.csv --proba --decision --output=p.txt --num_shards=0x --model=" + regression,
			[]string{`--num_shards=0x: must be a whole number`}},
		{"--input=x.csv --proba --decision --output=p.txt --threads=-1 --model=" + regression, []string{
			"threads -1", "only classification has probabilities, the model is for regression",
			"of a regression, the prediction is the decision value", `".txt"`}},
		{"--input=x.csv --proba --output=p.npy --model=" + texts, []string{
			"the loss hinge gives no probabilities",
			"the column prediction holds texts, which .npy does not: write .csv, .jsonl or .parquet"}},
		{"--output_onnx=m.onnx --input=x.csv --proba", []string{"--model is needed", "predicts no rows: without --input",
			"predicts no rows: without --proba"}},
		{"--input=x.csv --target=y --on_error=skip --model=" + regression,
			[]string{"can only be skipped where there is an output"}},
		{"--quiet --input=x.csv --columns=x --evaluate --output=p.csv --model=" + regression,
			[]string{"--evaluate compares predictions with targets: --target says which column of x.csv has them"}},
	} {
		stdout, stderr, code := runCommand(t, dir, strings.Fields(c.args)...)
		if code != 2 || stdout != "" {
			t.Errorf("%q: exit code %d\n%s", c.args, code, stderr)
		}
		for _, w := range c.want {
			if !strings.Contains(stderr, w) {
				t.Errorf("%q: no %q in\n%s", c.args, w, stderr)
			}
		}
		if n := strings.Count(stderr, "\n"); n != len(c.want)+1 ||
			!strings.HasSuffix(stderr, "See beamlearn predict --help.\n") {
			t.Errorf("%q: %d lines\n%s", c.args, n, stderr)
		}
	}
	for args, want := range map[string]string{
		"--input=x.csv --output=p.csv --model=gone.json": "predict: gone.json: found no file of that name, expected a model\n",
		"--input=x.csv --output=p.csv --model=x.csv": "predict: x.csv: found text that begins with \"x,y\", " +
			"expected a model of beamlearn, version 1\n",
	} {
		if _, stderr, code := runCommand(t, dir, strings.Fields(args)...); code != 1 || stderr != want {
			t.Errorf("%q: exit code %d\n%swant %s", args, code, stderr, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "p.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an output: %v", err)
	}
}

// A model is written as ONNX without any rows.
func TestONNX(t *testing.T) {
	t.Parallel()
	name := save(t, &model.Model{
		Task: model.Regression, Loss: model.SquaredError, Coef: [][]float64{{2}}, Intercept: []float64{0},
		Options: model.Options{Task: model.Regression},
	})
	want, err := onnx.Convert(name, read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	stderr := mustRun(t, dir, "--model="+name, "--output_onnx=m.onnx", "--summary=s.json")
	if !bytes.Equal(read(t, filepath.Join(dir, "m.onnx")), want.Bytes) ||
		!strings.Contains(stderr, "X double[N,1]\n  outputs: variable double[N,1]\n") {
		t.Error(stderr)
	}
	var s struct{ Inputs []string }
	if err := json.Unmarshal(read(t, filepath.Join(dir, "s.json")), &s); err != nil || len(s.Inputs) != 1 {
		t.Error(err, s)
	}
	_, stderr, code := runCommand(t, dir, "--model=s.json", "--output_onnx=n.onnx")
	if _, err := os.Stat(filepath.Join(dir, "n.onnx")); code != 1 ||
		!strings.HasPrefix(stderr, "predict: s.json: found ") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("exit code %d, %v: %s", code, err, stderr)
	}
}

// Each flag that takes a value has an example.
func TestExamples(t *testing.T) { clitest.Help(t) }

// Exposures and targets that the loss cannot have are faults of their rows, in numbers as in tables: the first is told,
// or all are left out.
func TestDomain(t *testing.T) {
	if clitest.RaceDetector {
		t.Skip("pipelines that fail")
	}
	dir := t.TempDir()
	for kind, f := range map[string]struct {
		learned, rows string
		missing       bool
	}{
		"numbers": {"a,years,claims\n1,2,3\n2,1,0\n0,4,5\n3,1,1\n", "a,years,claims\n1,1,1\n1,-1,1\n1,2,-1\n1,1,0\n", false},
		"table": {"a,town,years,claims\n1,x,2,3\n2,y,1,0\n0,y,4,5\n3,x,1,1\n",
			"a,town,years,claims\n1,x,1,1\n1,x,,1\n1,x,2,-1\n1,x,1,0\n", true},
	} {
		learned, rows, m, out := kind+".csv", kind+"_rows.csv", kind+".json", kind+"_out.csv"
		clitest.Write(t, filepath.Join(dir, learned), f.learned)
		clitest.Write(t, filepath.Join(dir, rows), f.rows)
		c := clitest.Other(dir, "sgd", "--input="+learned, "--target=claims", "--task=regression", "--loss=poisson",
			"--exposure=years", "--model="+m)
		if _, stderr, code := clitest.End(t, c); code != 0 {
			t.Fatal(stderr)
		}
		found := "-1"
		if f.missing {
			found = "nothing"
		}
		args := []string{"--model=" + m, "--input=" + rows, "--output=" + out}
		_, stderr, code := runCommand(t, dir, args...)
		if want := "predict: " + rows + ": row 1, column years: found " + found +
			", expected an exposure above 0\n"; code != 1 || !strings.HasSuffix(stderr, want) {
			t.Errorf("exit code %d, %s, want %s", code, stderr, want)
		}
		lines := func() []string { return strings.Split(string(read(t, filepath.Join(dir, out))), "\n") }
		mustRun(t, dir, append(args, "--on_error=skip")...)
		whole := lines()
		if whole[2] != "1," || whole[3] == "2," {
			t.Errorf("%s: %q", kind, whole)
		}
		stderr = mustRun(t, dir, append(args, "--on_error=skip", "--target=claims")...)
		if got := lines(); got[1] != whole[1] || got[2] != "1," || got[3] != "2," || got[4] != whole[4] {
			t.Errorf("%s, judged: %q", kind, got)
		}
		if !strings.Contains(stderr, "2 rows are at fault") {
			t.Errorf("%s", stderr)
		}
		rejected := string(read(t, filepath.Join(dir, out+".rejected.jsonl")))
		if want := `,"row":2,"column":"claims","reason":"found -1, expected a target from 0 on, as the loss poisson needs"}`; !strings.Contains(rejected, want) {
			t.Errorf("rejected: %s", rejected)
		}
	}
}
