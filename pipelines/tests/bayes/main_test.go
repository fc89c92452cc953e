package bayes_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	model "beamlearn/model/bayes"
	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "bayes", "TestCrossValidation", "TestExplain") }

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

func predict(t *testing.T, dir string, args ...string) string {
	t.Helper()
	_, stderr, code := clitest.End(t, clitest.Other(dir, "predict", args...))
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

type golden struct {
	Y         []string
	Texts     []string
	TextProba map[model.Kind][][]float64 `json:"text_proba"`
	Data      map[string][][]float64
	Cases     []struct {
		Kind      model.Kind
		Rows      string
		Weighted  bool
		Params    map[string]any
		Proba     [][]float64
		Predicted []string
	}
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	b, err := os.ReadFile("../../../model/bayes/testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

// table is rows as .csv, with the label last.
func table(rows [][]float64, y []string) string {
	var b strings.Builder
	for j := range rows[0] {
		fmt.Fprintf(&b, "x%d,", j)
	}
	b.WriteString("label\n")
	for i, row := range rows {
		for _, v := range row {
			b.WriteString(strconv.FormatFloat(v, 'g', -1, 64) + ",")
		}
		b.WriteString(y[i] + "\n")
	}
	return b.String()
}

// probabilities are the columns of a file of predictions from the third on.
func probabilities(t *testing.T, name string) (labels []string, proba [][]float64) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(clitest.Read(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		var row []float64
		for _, s := range line[2:] {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, v)
		}
		labels, proba = append(labels, line[1]), append(proba, row)
	}
	return labels, proba
}

func compare(t *testing.T, what string, got, want [][]float64) {
	t.Helper()
	for i, row := range want {
		for k, v := range row {
			if !(math.Abs(got[i][k]-v) <= 1e-10) {
				t.Fatalf("%s: row %d has %v, want %v", what, i, got[i], row)
			}
		}
	}
}

// The command and predict say what scikit-learn says, of rows in a file; neither threads nor chunks make a difference.
func TestLikeScikitLearn(t *testing.T) {
	t.Parallel()
	g, dir, seen := readGolden(t), t.TempDir(), map[model.Kind]bool{}
	for _, want := range g.Cases {
		if seen[want.Kind] || want.Weighted || len(want.Params) > 0 {
			continue
		}
		seen[want.Kind] = true
		name := string(want.Kind)
		clitest.Write(t, filepath.Join(dir, name+".csv"), table(g.Data[want.Rows], g.Y))
		args := []string{"--kind=" + name, "--input=" + name + ".csv", "--target=label"}
		stderr := mustRun(t, dir, append(args, "--output_model="+name+".json")...)
		for _, part := range []string{"240 rows × 5 columns, " + name + " naive Bayes of 3 classes, ", "in 1 pass",
			"class perhaps: 80 rows; ",
			"a constant prediction: 0.4167", name + ".html"} {
			if !strings.Contains(stderr, part) {
				t.Errorf("%q is missing: %s", part, stderr)
			}
		}
		page := clitest.Read(t, filepath.Join(dir, name+".html"))
		for _, part := range []string{"Naive Bayes of " + name + ".csv", "What it takes for what",
			"Whether its probabilities are true", "perhaps"} {
			if !strings.Contains(page, part) {
				t.Errorf("%s: %q is missing in the page", name, part)
			}
		}
		predict(t, dir, "--input="+name+".csv", "--model="+name+".json", "--proba", "--output=p.csv")
		labels, proba := probabilities(t, filepath.Join(dir, "p.csv"))
		compare(t, name, proba, want.Proba)
		for i, label := range want.Predicted {
			if labels[i] != label {
				t.Errorf("%s: row %d is %s, want %s", name, i, labels[i], label)
			}
		}
		mustRun(t, dir, append(args, "--output_model=again.json", "--report=none", "--threads=1", "--chunk_rows=13",
			"--cache_memory=0")...)
		if clitest.Read(t, filepath.Join(dir, name+".json")) != clitest.Read(t, filepath.Join(dir, "again.json")) {
			t.Errorf("%s: another model with one thread and chunks of 13 rows", name)
		}
	}
	if len(seen) != len(model.Kinds) {
		t.Errorf("kinds %v", seen)
	}
}

// Words are counted as scikit-learn's HashingVectorizer counts them, without signs and lengths.
func TestText(t *testing.T) {
	t.Parallel()
	g, dir := readGolden(t), t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "words,label\n"+func() string {
		var b strings.Builder
		for i, text := range g.Texts {
			b.WriteString(text + "," + g.Y[i] + "\n")
		}
		return b.String()
	}())
	for kind, want := range g.TextProba {
		mustRun(t, dir, "--kind="+string(kind), "--input=x.csv", "--target=label", "--text=words", "--hash_bits=6",
			"--alpha=0.5",
			"--output_model=m.json", "--report=none")
		predict(t, dir, "--input=x.csv", "--model=m.json", "--proba", "--output=p.csv")
		_, proba := probabilities(t, filepath.Join(dir, "p.csv"))
		compare(t, string(kind), proba, want)
	}
}

// A second file's rows, added to a saved model, are as if both files had been there at once: of a table, too.
func TestWarmStart(t *testing.T) {
	t.Parallel()
	g, dir := readGolden(t), t.TempDir()
	for _, c := range []struct {
		kind model.Kind
		rows string
	}{{model.Multinomial, "shares"}, {model.Categorical, "categories"}, {model.Bernoulli, "counts"}} {
		rows := g.Data[c.rows]
		clitest.Write(t, filepath.Join(dir, "a.csv"), table(rows[:100], g.Y[:100]))
		clitest.Write(t, filepath.Join(dir, "b.csv"), table(rows[100:], g.Y[100:]))
		kind := "--kind=" + string(c.kind)
		mustRun(t, dir, kind, "--input=[ab].csv", "--target=label", "--output_model=both.json", "--report=none",
			"--alpha=0.5")
		mustRun(t, dir, kind, "--input=a.csv", "--target=label", "--output_model=first.json", "--report=none", "--alpha=0.5")
		stderr := mustRun(t, dir, kind, "--input=b.csv", "--target=label", "--warm_start=first.json",
			"--output_model=second.json", "--report=none")
		if clitest.Read(t, filepath.Join(dir, "both.json")) != clitest.Read(t, filepath.Join(dir, "second.json")) {
			t.Errorf("%s: another model", c.kind)
		}
		if want := "with the 100 rows of the model of --warm_start, 240 in all"; !strings.Contains(stderr, want) {
			t.Errorf("%q is missing: %s", want, stderr)
		}
	}
	clitest.Write(t, filepath.Join(dir, "t1.csv"), "c,y\nred,1\nblue,0\nred,1\n")
	clitest.Write(t, filepath.Join(dir, "t2.csv"), "c,y\nblue,0\nred,2\n")
	mustRun(t, dir, "--kind=categorical", "--input=t1.csv", "--target=y", "--output_model=t1.json", "--report=none")
	mustRun(t, dir, "--kind=categorical", "--input=t2.csv", "--target=y", "--warm_start=t1.json", "--output_model=t2.json",
		"--report=none")
	if m := load(t, filepath.Join(dir, "t2.json")); m.Rows != 5 || fmt.Sprint(m.ClassRows()) != "[2 2 1]" ||
		fmt.Sprint(m.CategoryCount()) != "[[[2 0] [0 2] [0 1]]]" {
		t.Errorf("%d rows, %v, %v", m.Rows, m.ClassRows(), m.CategoryCount())
	}
	for args, want := range map[string]string{
		"--kind=bernoulli --warm_start=t1.json":                   "the model of warm_start is categorical, not bernoulli",
		"--kind=categorical --warm_start=t1.json --folds=3":       "folds: the rows of the model of warm_start are in none",
		"--kind=categorical --warm_start=t1.json --categorical=c": "the model has its own encoding",
		"--kind=categorical --warm_start=none.json":               "no file of that name",
	} {
		stderr, code := run(t, dir, append(strings.Fields(args), "--input=t2.csv", "--target=y", "--output_model=m.json")...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, want %q\n%s", args, code, want, stderr)
		}
	}
}

// Sparse rows of .svm give the sums of dense ones, and predict takes either.
func TestSparse(t *testing.T) {
	t.Parallel()
	g, dir := readGolden(t), t.TempDir()
	var svm strings.Builder
	for i, row := range g.Data["counts"] {
		fmt.Fprint(&svm, strings.Index("no perhaps yes", g.Y[i])) // 0, 3 and 11
		for j, v := range row {
			if v != 0 {
				fmt.Fprintf(&svm, " %d:%v", j+1, v)
			}
		}
		svm.WriteByte('\n')
	}
	clitest.Write(t, filepath.Join(dir, "s.svm"), svm.String())
	clitest.Write(t, filepath.Join(dir, "d.csv"), table(g.Data["counts"], g.Y))
	for _, kind := range []string{"multinomial", "gaussian"} {
		mustRun(t, dir, "--kind="+kind, "--input=s.svm", "--output_model=s.json", "--report=none")
		mustRun(t, dir, "--kind="+kind, "--input=d.csv", "--target=label", "--output_model=d.json", "--report=none")
		s, d := load(t, filepath.Join(dir, "s.json")), load(t, filepath.Join(dir, "d.json"))
		same := fmt.Sprint(s.ClassCount()) == fmt.Sprint(d.ClassCount())
		if kind == "gaussian" {
			same = same && fmt.Sprint(s.Theta(), s.Var()) == fmt.Sprint(d.Theta(), d.Var())
		} else {
			same = same && fmt.Sprint(s.FeatureCount()) == fmt.Sprint(d.FeatureCount())
		}
		if !same {
			t.Errorf("%s: other sums of sparse rows", kind)
		}
		if stderr := predict(t, dir, "--input=s.svm", "--model=s.json", "--evaluate"); !strings.Contains(stderr,
			"accuracy 0.") || !strings.Contains(stderr, "AUC 0.") {
			t.Error(stderr)
		}
	}
}

// Several values are compared, beside the constant prediction, in a table and a page.
func TestCrossValidation(t *testing.T) {
	t.Parallel()
	g, dir := readGolden(t), t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), table(g.Data["normal"], g.Y))
	args := []string{"--kind=gaussian", "--input=x.csv", "--target=label", "--var_smoothing=1e-9,1e-3,0.1", "--folds=4",
		"--scoring=accuracy", "--output_model=m.json", "--summary=s.json"}
	mustRun(t, dir, args...)
	stderr := mustRun(t, dir, args...) // which replaces what the first has written
	for _, want := range []string{"in 3 passes", "best of 3 values by accuracy over 4 folds: var_smoothing ",
		"a constant prediction 0.416667", "m.cv.csv"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing: %s", want, stderr)
		}
	}
	table := clitest.Read(t, filepath.Join(dir, "m.cv.csv"))
	if !strings.HasPrefix(table, "var_smoothing,l1_ratio,rank,choice,mean_test_accuracy,") ||
		strings.Count(table, "\n") != 4 ||
		!strings.Contains(table, "constant_test_neg_log_loss") {
		t.Error(table)
	}
	if page := clitest.Read(t, filepath.Join(dir, "m.html")); !strings.Contains(page,
		"Chosen by accuracy: var_smoothing ") {
		t.Error("a page without the choice")
	}
}

// What is wrong is said in a line, before there is any file; with --on_error=skip such rows are left out.
func TestFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "neg.csv"), "a,b,y\n1,2,no\n3,-1,yes\n0,1,no\n2,2,yes\n")
	clitest.Write(t, filepath.Join(dir, "half.csv"), "a,b,y\n1,2,no\n3,0,yes\n0,1.5,no\n2,2,yes\n")
	clitest.Write(t, filepath.Join(dir, "neg.svm"), "0 1:2\n1 2:3\n0 2:-4\n")
	clitest.Write(t, filepath.Join(dir, "one.csv"), "a,y\n1,no\n2,no\n")
	clitest.Write(t, filepath.Join(dir, "towns.csv"), "town,y\nRome,no\nOslo,yes\nBonn,no\nRome,yes\n")
	for args, want := range map[string]string{
		"--kind=multinomial --input=neg.csv --target=y": "neg.csv: row 1, column b: found " +
			"-1, expected a count, from 0 on\n",
		"--kind=complement --input=neg.svm": "neg.svm: row 2, column 1: found " +
			"-4, expected a count, from 0 on\n",
		"--kind=categorical --input=half.csv --target=y": "half.csv: row 2, column b: found " +
			"1.5, expected a category, an integer from 0 to 1048575 (--encode=auto takes any values)\n",
		"--kind=gaussian --input=one.csv --target=y":                          "expected rows of at least two classes",
		"--kind=gaussian --input=neg.csv --target=y --class_prior=no=0,yes=1": "class_prior no=0: must be above 0",
		"--kind=gaussian --input=neg.csv --target=y --class_prior=no=0.5,yes=0.6": "class_prior: the probabilities " +
			"must sum to 1, not 1.1",
		"--kind=gaussian --input=neg.csv --target=y --class_prior=no=0.5,maybe=0.5": "class_prior: nothing for class " +
			"yes: the classes are no, yes",
		"--kind=gaussian --input=neg.csv --target=y --class_prior=yes": "--class_prior: yes: must be " +
			"LABEL=PROBABILITY",
		"--kind=gaussian --input=neg.csv --target=y --alpha=2": "--alpha: is of --kind=multinomial, " +
			"complement, bernoulli, categorical, not of gaussian",
		"--kind=multinomial --input=neg.csv --target=y --alpha=0":                    "alpha 0: must be above 0",
		"--kind=multinomial --input=neg.csv --target=y --alpha=x":                    "--alpha=x: must be a number",
		"--kind=multinomial --input=neg.csv --target=y --alpha=1 --scoring=accuracy": "needs folds",
		"--kind=bernoulli --input=neg.svm --binarize=-1": "binarize -1: must be at least 0 " +
			"where rows are sparse",
		"--kind=multinomial --input=neg.csv --target=y --cv_results=x.json": "--cv_results: is of a cross-validation",
		"--kind=naive --input=neg.csv --target=y":                           "naive",
		"--input=neg.csv --target=y": "--kind is needed: gaussian, " +
			"multinomial",
		"--kind=gaussian --input=neg.csv": "--target is needed",
		"--kind=categorical --input=neg.csv --target=y --encode=auto --numeric=a,b": "column a: numeric, which is no " +
			"category",
		"--kind=categorical --input=towns.csv --target=y --max_categories=2": "column town: hashed, as it has more " +
			"categories than --max_categories",
		"--kind=gaussian --input=towns.csv --target=y --max_categories=2 --hash_bits=15": "by --hash_bits",
		"--kind=multinomial --input=neg.csv --target=y --folds=1":                        "folds 1: must be from 2 to 1000",
		"--kind=multinomial --input=neg.csv --target=y --alpha=1,2 --cv_results=x.gz": "--cv_results=x.gz: must end in " +
			".csv or .json",
	} {
		stderr, code := run(t, dir, append(strings.Fields(args), "--output_model=m.json")...)
		if code == 0 || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") > 4 {
			t.Errorf("%s: exit code %d, want %q\n%s", args, code, want, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "m.json")); err == nil {
			t.Fatalf("%s: there is a model", args)
		}
	}
	clitest.Write(t, filepath.Join(dir, "pos.svm"), "0 1:2\n1 2:3\n0 2:4\n")
	mustRun(t, dir, "--kind=bernoulli", "--binarize=-0.5", "--input=neg.csv", "--target=y", "--output_model=b.json",
		"--report=none")
	_, stderr, code := clitest.End(t, clitest.Other(dir, "predict", "--input=pos.svm", "--model=b.json", "--output=b.csv"))
	if want := "binarize -0.5: must be at least 0 where rows are sparse"; code == 0 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, want %q: %s", code, want, stderr)
	}
	stderr = mustRun(t, dir, "--kind=multinomial", "--input=neg.csv", "--target=y", "--output_model=m.json",
		"--report=none", "--on_error=skip")
	if m := load(t, filepath.Join(dir, "m.json")); m.Rows != 3 || !strings.Contains(stderr, "3 rows × 2 columns") ||
		!strings.Contains(stderr, "1 row left out") {
		t.Errorf("%d rows: %s", m.Rows, stderr)
	}
	if rejected := clitest.Read(t, filepath.Join(dir, "m.json.rejected.jsonl")); !strings.Contains(rejected,
		`"column":"b"`) {
		t.Error(rejected)
	}
	mustRun(t, dir, "--kind=categorical", "--input=half.csv", "--target=y", "--encode=auto", "--output_model=c.json",
		"--report=none")
	clitest.Write(t, filepath.Join(dir, "codes.csv"), "a,y\n0,no\n1,yes\n")
	clitest.Write(t, filepath.Join(dir, "more.csv"), "a\n1\n2\n")
	mustRun(t, dir, "--kind=categorical", "--input=codes.csv", "--target=y", "--output_model=codes.json", "--report=none")
	_, stderr, code = clitest.End(t, clitest.Other(dir, "predict", "--input=more.csv", "--model=codes.json",
		"--output=p.csv"))
	if want := "more.csv: row 1, column a: found 2, expected a category that was learned of, an integer from 0 to 1"; code == 0 || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, want %q: %s", code, want, stderr)
	}
}

// --explain tells, and does nothing.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := clitest.End(t,
		clitest.Command(dir, "--kind=multinomial", "--input="+clitest.Testdata(t, "digits.csv"), "--id_column=id",
			"--columns=pixel_*", "--target=target", "--alpha=0.1,1", "--output_model=m.json", "--explain"))
	if code != 0 || !strings.Contains(stdout, "multinomial naive Bayes") ||
		!strings.Contains(stdout, "5, for 2 values of alpha") || !strings.Contains(stdout, "m.json") {
		t.Errorf("%d: %s%s", code, stdout, stderr)
	}
}

// Rows without a target are left out and told, and what predict finds of the others is what scikit-learn does after
// pandas' dropna.
func TestUntargetedRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want struct {
		Rows, Missing int64
		Bayes         float64
	}
	text := clitest.Read(t, clitest.Testdata(t, "untargeted.reference.json"))
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	for i, ext := range []string{"parquet", "csv", "jsonl", "arrow"} {
		if clitest.LeftOut(i) {
			continue
		}
		input := []string{"--input=" + clitest.Testdata(t, "untargeted."+ext), "--columns=a,b,c", "--target=kind"}
		told := mustRun(t, dir, append(input, "--kind=gaussian", "--report=none", "--output_model=m.json",
			"--summary=s.json")...)
		if !strings.Contains(told, fmt.Sprint(want.Rows, " rows")) ||
			!strings.Contains(told, fmt.Sprint(want.Missing, " rows without a target are left out")) ||
			!strings.Contains(clitest.Read(t, filepath.Join(dir, "s.json")),
				fmt.Sprintf(`"rows_without_target": %d`, want.Missing)) {
			t.Errorf("%s: rows without a target are not counted:\n%s", ext, told)
		}
		args := append([]string{"--model=m.json", "--evaluate", "--summary=p.json"}, input[0], input[2])
		_, stderr, code := clitest.End(t, clitest.Other(dir, "predict", args...))
		if code != 0 || !strings.Contains(stderr, fmt.Sprint(want.Missing,
			" rows without a target are predicted, and not compared")) ||
			!strings.Contains(stderr, fmt.Sprintf("accuracy %.6g", want.Bayes)) {
			t.Errorf("%s: predict: exit code %d, want accuracy %v\n%s", ext, code, want.Bayes, stderr)
		}
	}
}
