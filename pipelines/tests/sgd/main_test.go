package sgd_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	model "beamlearn/model/linear"
	"beamlearn/model/vectors"
	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "sgd", "TestWarmStart", "TestCounts") }

// runCommand runs the command in a directory and returns what it printed, and its exit code.
func runCommand(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return clitest.End(t, clitest.Command(dir, args...))
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

// names lists a directory, hidden files included; one that is not there is empty.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	s := []string{}
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return s
}

func loaded(t *testing.T, name string) *model.Model {
	t.Helper()
	m, err := model.Load(name, strings.NewReader(clitest.Read(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// score is the accuracy or R² of a model for rows.
func score(t *testing.T, m *model.Model, rows *vectors.Block) float64 {
	t.Helper()
	p, err := m.Predict(model.Of(rows), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Task == model.Regression {
		var s model.RegressionMetrics
		for i, y := range rows.Target {
			s.Add(y, p[i], 1)
		}
		return s.R2()
	}
	right := 0
	for i, class := range p {
		if m.Classes.Numbers[int(class)] == rows.Target[i] {
			right++
		}
	}
	return float64(right) / float64(rows.Len())
}

// summaryFile is what --summary writes, as far as the tests ask for it.
type summaryFile struct {
	Task, Loss, Penalty string
	Alpha               float64
	Rows, Rejected      int64
	Features, Passes    int
	ResumedPasses       int     `json:"resumed_passes"`
	Seconds             float64 `json:"total_s"`
	RowsPerSecond       float64 `json:"rows_per_s"`
	Peak                int64   `json:"peak_memory_bytes"`
	ClassRows           []int64 `json:"class_rows"`
	Training            model.Training
	Progressive         *struct {
		MeanLoss float64 `json:"mean_loss"`
	}
	CV    map[string]any `json:"cv_results"`
	Files []string
}

// The data of testdata are learned from as the README says, and what is written can be loaded and predicts.
func TestData(t *testing.T) {
	for _, v := range []struct {
		file, flags     string
		target, columns string // of the .csv
		solver          string
		rows            int64
		features        int
		score           float64 // at least
		stderr          string  // matches the first line
		files           string
	}{
		{"breast_cancer.csv", "--target=target --task=classification --standardize", "target", "*",
			"exact", 569, 30, 0.985,
			`^569 rows × 30 columns, classification with log_loss and l2, alpha 0.0001, by exact, in \d+ passes, `,
			"[m.html m.json s.json]"},
		{"diabetes.csv", "--target=target --task=regression --standardize --penalty=elasticnet --l1_ratio=0.5,0.9 " +
			"--alpha=0.01,0.1,1", "target", "*", "exact", 442, 10, 0.5,
			`^442 rows × 10 columns, regression with squared_error and elasticnet, alpha [\d.]+, by exact, in 1 pass, `,
			"[m.cv.csv m.html m.json s.json]"},
		{"digits.csv", "--id_column=id --columns=pixel_* --target=target --task=classification --loss=hinge --epochs=3 " +
			"--shards=2", "target", "pixel_*", "sgd", 1797, 64,
			0.9,
			`^1797 rows × 64 columns, classification with hinge and l2, alpha 0.0001, by sgd, in 4 passes, `,
			"[m.html m.json s.json]"},
		{"shuttle.csv.gz", "--target=anomaly --task=classification --standardize --epochs=1 --progressive",
			"anomaly", "*", "sgd", 49097, 9, 0.95,
			`^49097 rows × 9 columns, classification with log_loss and l2, alpha 0.0001, by sgd, in 2 passes, `,
			"[m.html m.json s.json]"},
		{"digits.svm", "--task=classification --standardize --checkpoint_passes=20", "", "", "exact",
			100, 63, 1,
			`^100 rows × 63 columns, classification with multinomial log_loss and l2, alpha 0.0001, by exact, in \d+ passes, `,
			"[m.html m.json s.json]"},
	} {
		t.Run(v.file, func(t *testing.T) {
			dir := t.TempDir()
			args := append(strings.Fields(v.flags), "--input="+clitest.Testdata(t, v.file), "--model=out/m.json",
				"--summary=out/s.json")
			stderr := mustRun(t, dir, args...)
			if !regexp.MustCompile(v.stderr).MatchString(stderr) || !strings.Contains(stderr, "\nout/m.json\n") {
				t.Errorf("summary\n%s", stderr)
			}
			if got := fmt.Sprint(names(t, filepath.Join(dir, "out"))); got != v.files {
				t.Errorf("files %s, want %s", got, v.files)
			}
			m := loaded(t, filepath.Join(dir, "out/m.json"))
			if m.Training.Solver != v.solver || m.Features() != v.features {
				t.Errorf("a model by %s of %d features", m.Training.Solver, m.Features())
			}
			var rows *vectors.Block
			if v.target == "" {
				rows = clitest.SparseRows(t, clitest.Testdata(t, v.file), v.features)
			} else {
				_, rows, _ = clitest.Rows(t, clitest.Testdata(t, v.file), v.target, v.columns)
			}
			if got := score(t, m, rows); !(got >= v.score) {
				t.Errorf("score %v, at least %v expected", got, v.score)
			}
			var s summaryFile
			if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "out/s.json"))), &s); err != nil {
				t.Fatal(err)
			}
			if s.Rows != v.rows || s.Features != v.features || s.Rejected != 0 || s.Passes < 1 || s.ResumedPasses != 0 ||
				s.Seconds <= 0 || s.RowsPerSecond <= 0 ||
				s.Peak < 1<<20 || s.Training.Solver != v.solver || s.Alpha != *m.Options.Alpha ||
				len(s.Files) != strings.Count(v.files, "m.") {
				t.Errorf("summary %+v", s)
			}
			if v.file == "shuttle.csv.gz" {
				if s.Progressive == nil || !(s.Progressive.MeanLoss > 0 && s.Progressive.MeanLoss < math.Ln2) ||
					!slices.Equal(s.ClassRows, []int64{49097 - 3511, 3511}) {
					t.Errorf("progressive %+v, rows of classes %v", s.Progressive, s.ClassRows)
				}
				if !strings.Contains(stderr, "  mean loss of the rows before they were learned from: ") {
					t.Errorf("summary\n%s", stderr)
				}
			}
			if (s.CV != nil) != (v.file == "diabetes.csv") {
				t.Errorf("cross-validation %v", s.CV)
			}
			if v.file != "digits.svm" && len(m.FeatureNames) != v.features {
				t.Errorf("feature names %v", m.FeatureNames)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	stdout, stderr, code := runCommand(t, t.TempDir(), "--help")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	at := 0
	for _, s := range []string{"Learns a linear model", "What to read:", "--input=PATH", "--target=COLUMN",
		"--weight_column=COLUMN", "What to learn", "--task=TASK",
		"--loss=LOSS", "--alpha=WEIGHT", "How to learn it:", "--solver=SOLVER", "--shards=N", "--resume", "What to write:",
		"--output_model=FILE", "--cv_results=FILE", "What to show:", "--help=cluster"} {
		i := strings.Index(stdout[at:], s)
		if i < 0 {
			t.Fatalf("no %q in its place in\n%s", s, stdout)
		}
		at += i
	}
}

// What is wrong with a command line is told at once, a line each, and nothing is written.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "x.csv"), "a,b,y\n1,2,0\n3,4,1\n5,6,0\n")
	clitest.Write(t, filepath.Join(dir, "m.json"),
		`{"format":"beamlearn.linear","version":1,"task":"regression","loss":"squared_error","feature_names":null,"classes":null,"coef":[[1,2,3]],"intercept":[0],"scaler":null,"hyperparameters":{},"training":{"solver":"sgd","rows":1,"epochs":1},"state":null}`)
	const good = "--input=x.csv --target=y --task=regression --model=out/m.json "
	for _, v := range []struct {
		args string
		want []string
	}{
		{"", []string{"--task is needed: regression or classification", "--input is needed", "--output_model is needed"}},
		{"--input=x.csv --target=y --model=out/m.json", []string{"--task is needed: regression or classification"}},
		{"--input=x.csv --target=y --task=ranking --model=out/m.json",
			[]string{"--task=ranking: must be regression or classification"}},
		{"--input=x.csv --task=regression --model=out/m.json",
			[]string{"--target is needed: the column that is to be learned"}},
		{good + "--alpha=x", []string{"--alpha=x: must be a number"}},
		{good + "--alpha=-1 --l1_ratio=2 --eta0=0 --power_t=p --epsilon=-1",
			[]string{"alpha -1: must be a number from 0 on", "l1_ratio 2: must be a number from 0 to 1", "epsilon -1: must be",
				"--power_t=p: must be a number", "--eta0=0: must be a number above 0"}},
		{good + "--alpha=,", []string{"--alpha: must be a number, or several with commas between"}},
		{good + "--loss=perceptron --solver=exact", []string{"loss perceptron: regression takes one of squared_error",
			"solver exact: there is none for the loss perceptron"}},
		{"--input=x.csv --target=y --task=classification --model=m.json --loss=perceptron --solver=exact",
			[]string{"solver exact: there is none for the loss perceptron: take sgd, or another loss"}},
		{"--input=x.csv --target=y --task=classification --model=m.json --multi_class=multinomial --solver=sgd",
			[]string{"multi_class multinomial: only solver exact has it: sgd learns one class against the rest"}},
		{good + "--multi_class=multinomial",
			[]string{"multi_class multinomial: is for the loss log_loss in classification, not for squared_error in regression"}},
		{good + "--solver=exact --progressive --epochs=3", []string{"solver exact: has no epochs, progressive"}},
		{good + "--average=yes --validation_fraction=1", []string{"validation_fraction 1: must be a number between 0 and 1",
			"--average=yes: must be true, false or the number of a row"}},
		{good + "--class_weight=balanced", []string{"class_weight: only classification has classes"}},
		{good + "--class_weight=3", []string{"--class_weight: 3: must be LABEL=WEIGHT"}},
		{good + "--task=classification --class_weight=0=1,1=2,0=5",
			[]string{"--task is given more than once: the last counts, classification", "--class_weight: 0 twice"}},
		{good + "--scoring=accuracy --alpha=1,2",
			[]string{`scoring "accuracy": must be one of r2, neg_mean_squared_error, neg_mean_absolute_error`}},
		{good + "--scoring=neg_mean_absolute_error --alpha=1,2",
			[]string{"scoring neg_mean_absolute_error: sums of squares do not tell it: take solver sgd, or another scoring"}},
		{good + "--shards=0", []string{"0 shards: must be from 1 to 65536"}},
		{good + "--epochs=-1 --batch_size=-1 --folds=1",
			[]string{"epochs -1: must be at least 1", "batch_size -1: must be at least 1", "folds 1: must be from 2 to 1000"}},
		{good + "--cv_results=cv.txt", []string{"--cv_results=cv.txt: must end in .csv or .json"}},
		{good + "--l1_ratio=0.5 --epsilon=2 --multi_class=ovr --validation_fraction=0.2 --n_iter_no_change=3 --scoring=r2 " +
			"--cv_results=x.json", []string{"--l1_ratio: is of --penalty=elasticnet", "--epsilon: is of --loss=huber",
			"--multi_class: is of --task=classification", "--validation_fraction: is of --early_stopping",
			"--n_iter_no_change: is of --tol", "--scoring: is of a cross-validation", "--cv_results: is of a cross-validation"}},
		{good + "--warm_start=m.json", []string{"the model of warm_start has 3 features, the rows have 2 columns"}},
		{good + "--seed=x", []string{`--seed=x: must be a whole number`}},
		{good + "more", []string{`unexpected argument "more"`}},
	} {
		stdout, stderr, code := runCommand(t, dir, strings.Fields(v.args)...)
		if code != 2 || stdout != "" {
			t.Errorf("%q: exit code %d\n%s", v.args, code, stderr)
		}
		for _, w := range v.want {
			if !strings.Contains(stderr, "sgd: "+w) {
				t.Errorf("%q: no %q in\n%s", v.args, w, stderr)
			}
		}
		if n := strings.Count(stderr, "\n"); n != len(v.want)+1 || !strings.HasSuffix(stderr, "See beamlearn sgd --help.\n") {
			t.Errorf("%q: %d lines\n%s", v.args, n, stderr)
		}
		if got := names(t, dir); len(got) != 2 {
			t.Errorf("%q: files %v", v.args, got)
		}
	}
}

// A generalised linear model answers with means, is judged by its deviance, and refuses what is no count or amount.
func TestCounts(t *testing.T) {
	dir := t.TempDir()
	digits := "--input=" + clitest.Testdata(t, "digits.csv") +
		" --id_column=id --target=target --task=regression --model=out/m.json "
	stderr := mustRun(t, dir, strings.Fields(digits+"--loss=poisson --standardize --alpha=0.001 --summary=out/s.json")...)
	if !strings.Contains(stderr, "\n  D² 0.5105, mean deviance 1.10785, RMSE 1.94112 on the rows learned from (a "+
		"constant prediction, their mean: 0, 2.26324, 2.86451)\n") {
		t.Errorf("summary\n%s", stderr)
	}
	var s struct {
		D2       float64 `json:"d2"`
		Deviance float64 `json:"mean_deviance"`
	}
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "out/s.json"))), &s); err != nil || s.D2 < 0.51 ||
		s.Deviance < 1.1 {
		t.Errorf("%v: summary %+v", err, s)
	}
	if page := clitest.Read(t, filepath.Join(dir, "out/m.html")); !strings.Contains(page, `"log":true`) ||
		!strings.Contains(page, "mean deviance of a constant prediction") {
		t.Error("the page says nothing of means")
	}
	if _, stderr, code := runCommand(t, dir, strings.Fields(digits+"--loss=gamma")...); code != 1 ||
		!strings.Contains(stderr, "digits.csv: row 0, column target: found 0, expected a target above 0, as the loss "+
			"gamma needs\n") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// Standard errors stand in the model, on the page and in the terminal.
func TestInference(t *testing.T) {
	dir := t.TempDir()
	stderr := mustRun(t, dir, "--input="+clitest.Testdata(t, "diabetes.csv"), "--target=target", "--task=regression",
		"--penalty=none",
		"--inference=wald", "--model=out/m.json", "--summary=out/s.json")
	for _, want := range []string{"  inference (wald, t): dispersion 2932.68, 431 degrees of freedom left; log " +
		"likelihood -2385.99, AIC 4793.99, BIC 4838.99\n",
		"\n  bmi                           5.60296     0.717106      7.813    4.3e-14  4.1935 … 7.01242\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in\n%s", want, stderr)
		}
	}
	if m := loaded(t, filepath.Join(dir, "out/m.json")); m.Inference == nil ||
		!(math.Abs(m.Inference.Coef[2].StandardError-0.717106) <= 1e-6) {
		t.Errorf("inference %+v", m.Inference)
	}
	if page := clitest.Read(t, filepath.Join(dir, "out/m.html")); !strings.Contains(page,
		"How sure the coefficients are") {
		t.Error("the page has no standard errors")
	}
}

// A column of exposures is none of the features, in rows of numbers and of tables, and must be in each row.
func TestExposure(t *testing.T) {
	dir := t.TempDir()
	var numbers, table strings.Builder
	numbers.WriteString("a,years,claims\n")
	table.WriteString("a,years,claims,town\n")
	for i := range 200 {
		line := fmt.Sprintf("%d,%g,%d", i%7, 0.5+float64(i%4), (i%7)*(1+i%4)/3)
		fmt.Fprintln(&numbers, line)
		fmt.Fprintf(&table, "%s,%c\n", line, 'A'+rune(i%3))
	}
	clitest.Write(t, filepath.Join(dir, "numbers.csv"), numbers.String())
	clitest.Write(t, filepath.Join(dir, "table.csv"), table.String())
	clitest.Write(t, filepath.Join(dir, "missing.csv"), strings.Replace(table.String(), "0,0.5,0,A", "0,,0,A", 1))
	flags := strings.Fields("--target=claims --task=regression --loss=poisson --exposure=years --standardize " +
		"--model=out/m.json")
	for _, file := range []string{"numbers.csv", "table.csv"} {
		mustRun(t, dir, append(flags, "--input="+file)...)
		m := loaded(t, filepath.Join(dir, "out/m.json"))
		if x := m.Options.Exposure; x == nil || x.Column != "years" || x.Feature != 1 || m.Coef[0][1] != 0 ||
			m.Coef[0][0] < 0.3 {
			t.Errorf("%s: exposure %+v, coefficients %v", file, x, m.Coef)
		}
		if page := clitest.Read(t, filepath.Join(dir, "out/m.html")); !strings.Contains(page,
			`"exposure":{"column":"years","feature":1}`) {
			t.Errorf("%s: the page's form has no exposure", file)
		}
	}
	for _, v := range []struct {
		columns string
		feature int
	}{{"a", 1}, {"years,a", 0}, {"a,y*", 1}, {"0-1", 1}, {"!town", 1}} { // named or not, it is read
		mustRun(t, dir, append(flags, "--input=table.csv", "--columns="+v.columns)...)
		m := loaded(t, filepath.Join(dir, "out/m.json"))
		if x := m.Options.Exposure; x == nil || x.Feature != v.feature || len(m.Coef[0]) != 2 || m.Coef[0][v.feature] != 0 {
			t.Errorf("--columns=%s: exposure %+v, coefficients %v", v.columns, x, m.Coef)
		}
	}
	told := mustRun(t, dir, append(flags, "--input=missing.csv", "--on_error=skip")...)
	if want := "years: numeric: numbers from 0.5 to 3.5; 1 of 200 missing: rows without a number are left out\n"; !strings.Contains(told, want) {
		t.Errorf("told %s, not %s", told, want)
	}
	if m := loaded(t, filepath.Join(dir, "out/m.json")); m.Options.Exposure.Feature != 1 || m.Training.Rows != 199 {
		t.Errorf("exposure %+v, %d rows", m.Options.Exposure, m.Training.Rows)
	}
	if list := clitest.Read(t, filepath.Join(dir, "out/m.json.rejected.jsonl")); !strings.Contains(list,
		`"row":0,"column":"years","reason":"found nothing, expected an exposure above 0"`) {
		t.Errorf("rejected rows: %s", list)
	}
	for _, v := range []struct{ flags, want string }{
		{"--input=missing.csv", `--exposure: column "years": found 1 missing cell of 200, expected a number in each row`},
		{"--input=table.csv --exposure=town", `table.csv: column "town": found no number among 200 cells`},
		{"--input=numbers.csv --exposure=months", "--exposure=months: no such column is among the 2 of the vector"},
		{"--input=numbers.csv --loss=squared_error",
			"exposure and offset: are for the losses poisson, gamma, and tweedie with a power from 1 on"},
		{"--input=numbers.csv --offset=a", "--exposure and --offset: are the same but for the logarithm: give one"},
	} {
		if _, stderr, code := runCommand(t, dir, append(flags, strings.Fields(v.flags)...)...); code == 0 ||
			!strings.Contains(stderr, v.want) {
			t.Errorf("%s: exit code %d\n%s", v.flags, code, stderr)
		}
	}
}

// Bad input is one line that names the file and, where it is one's, row and column; and there is no model.
func TestBadInput(t *testing.T) {
	if clitest.RaceDetector {
		t.Skip("pipelines that fail")
	}
	dir := t.TempDir()
	rows := func(name string, line func(i int) string) {
		var b strings.Builder
		b.WriteString("a,b,y,w\n")
		for i := range 30 {
			b.WriteString(line(i) + "\n")
		}
		clitest.Write(t, filepath.Join(dir, name), b.String())
	}
	rows("good.csv", func(i int) string { return fmt.Sprintf("%d,%d,%d,1", i%7, i%4, i%3) })
	rows("constant.csv", func(i int) string { return fmt.Sprintf("%d,1,5,1", i) })
	rows("text.csv", func(i int) string { return fmt.Sprintf("%d,1,%s,1", i, []string{"1", "two"}[i/29]) })
	rows("negative.csv", func(i int) string { return fmt.Sprintf("%d,1,%d,%d", i, i%2, 20-i) })
	clitest.Write(t, filepath.Join(dir, "far.svm"), "1 3:2 100000000:1\n0 3:1 100000000:2\n")
	clitest.Write(t, filepath.Join(dir, "many.svm"), "1 9000000:1\n2 1:1\n3 1:2\n4 1:1\n")
	clitest.Write(t, filepath.Join(dir, "m.json"), "{}")
	clitest.Write(t, filepath.Join(dir, "file"), "")
	for _, v := range []struct{ args, want string }{
		{"--input=good.csv --target=z --task=regression",
			`good.csv: found the columns "a", "b", "y", "w", expected the target column "z"`},
		{"--input=good.csv --columns=a,c --target=y --task=regression", `good.csv: found the columns .*"c"`},
		{"--input=good.csv --target=y --weight_column=v --task=regression",
			`good.csv: found the columns .*, expected the weight column "v"`},
		{"--input=constant.csv --target=y --task=regression --solver=sgd",
			"constant.csv: found 5 in every row of a weight above 0, expected a target of at least two values"},
		{"--input=constant.csv --target=y --task=classification",
			`constant.csv: found "5" in every row, expected rows of at least two classes`},
		{"--input=good.csv,text.csv --target=y --task=regression",
			`text.csv: row 29, column y: found "two", expected a number`},
		{"--input=negative.csv --target=y --weight_column=w --task=regression",
			`negative.csv: row 21, column w: found "-1", expected a weight of at least 0`},
		{"--input=good.csv --target=y --task=regression --learning_rate=constant --eta0=1e300",
			`good.csv: found weights that overflow by row \d+, with loss squared_error, learning_rate constant, eta0 1e\+300, alpha 0.0001, expected finite weights: standardise the features, or make the steps smaller \(.*\)`},
		{"--input=good.csv --target=y --task=classification --alpha=1,2 --scoring=f1",
			"scoring f1: f1 and roc_auc are for two classes, f1_macro is for more: there are 3"},
		{"--input=good.csv --target=y --task=classification --warm_start=m.json",
			"m.json: found .*, expected a model of beamlearn, version 1"},
		{"--input=good.csv --target=y --task=regression --resume",
			"--resume: no checkpoint of this job, with these options and files, beside .*m.json"},
		{"--input=far.svm --task=regression", "100000000 columns are more weights than the 33554432 that a model may have: " +
			"number the columns that occur from 1 on, or leave some out"},
		{"--input=many.svm --task=classification", "9000000 columns of 4 classes are more weights than the 33554432 that " +
			"a model may have: .*"},
		{"--input=good.csv --target=y --task=regression --model=file/m.json --quiet", ".*file stands where a directory would be"},
	} {
		args := append([]string{"--model=out/m.json", "--shards=2"}, strings.Fields(v.args)...)
		_, stderr, code := runCommand(t, dir, args...)
		want, end := "^sgd: "+v.want+"\n", 1
		if strings.Contains(v.want, "found the columns") || strings.Contains(v.args, "far.svm") { // a flag is at fault
			want, end = want+"See beamlearn sgd --help.\n", 2
		}
		if code != end || !regexp.MustCompile(want+"$").MatchString(stderr) {
			t.Errorf("%s: exit code %d\n%swant %s", v.args, code, stderr, want)
		}
		for _, name := range names(t, filepath.Join(dir, "out")) {
			if !strings.HasPrefix(name, ".m.json.checkpoint-") {
				t.Errorf("%s: it leaves %s", v.args, name)
			}
		}
	}
	// Rows at fault are left out where that is asked for.
	stderr := mustRun(t, dir, "--input=good.csv,text.csv", "--target=y", "--task=regression", "--model=skip/m.json",
		"--on_error=skip")
	if !strings.HasPrefix(stderr, "59 rows × 3 columns") ||
		!strings.HasSuffix(stderr, "  1 row left out\nskip/m.json\nskip/m.html\nskip/m.json.rejected.jsonl\n") {
		t.Errorf("--on_error=skip:\n%s", stderr)
	}
	if got := clitest.Read(t, filepath.Join(dir,
		"skip/m.json.rejected.jsonl")); got != `{"file":"text.csv","row":29,"column":"y","reason":"found \"two\", expected a number"}`+"\n" {
		t.Errorf("rejected rows %s", got)
	}
}

// Beside a score stands that of a constant prediction on the terminal, too, with a page or without, and a model without
// a penalty has no strength of one.
func TestConstantBeside(t *testing.T) {
	dir := t.TempDir()
	bc, diabetes := "--input="+clitest.Testdata(t, "breast_cancer.csv"), "--input="+clitest.Testdata(t, "diabetes.csv")
	for _, v := range []struct{ flags, want string }{
		{bc + " --task=classification",
			`(?m)^  accuracy 0\.99\d+, log loss 0\.0\d+ on the rows learned from \(a constant prediction: 0\.6274, 0\.66031\d\)$`},
		{bc + " --task=classification --loss=hinge",
			`(?m)^  accuracy 0\.9\d+ on the rows learned from \(a constant prediction: 0\.6274\)$`},
		// scikit-learn 1.9.1: mean_pinball_loss(y, [quantile(y, 0.9)]*442, alpha=0.9) is 13.98348
		{diabetes + " --task=regression --loss=quantile --quantile=0.9",
			`(?m)^  mean pinball loss \S+, \S+ % of the targets at most their predictions, for the quantile 0\.9, on the rows learned from \(a constant prediction, their quantile: 13\.9835\)$`},
		{diabetes + " --task=regression --loss=quantile --folds=5",
			`(?m)^  over the folds: mean pinball loss \S+ \(a constant prediction: 3\d\.\d+\)$`},
		{diabetes + " --task=regression --loss=huber --folds=5 --scoring=neg_mean_absolute_error",
			`with -4\d\.\d+ ± \S+ \(standard error\), a constant prediction -6\d\.\d+;`},
		{bc + " --task=classification --loss=squared_hinge --penalty=none --alpha=4",
			`^569 rows × 30 columns, classification with squared_hinge and no penalty, by exact`},
	} {
		stderr := mustRun(t, dir, append(strings.Fields(v.flags), "--target=target", "--standardize", "--report=none",
			"--output_model=m.json")...)
		if !regexp.MustCompile(v.want).MatchString(stderr) {
			t.Errorf("%s:\n%s", v.flags, stderr)
		}
	}
}

// The page of a model is beside it, unless the user says otherwise. It judges the rows, and depends on them alone.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "breast_cancer.csv"), "--target=target", "--task=classification",
		"--standardize"}
	for flag, want := range map[string]string{
		"":                       "[m.html m.json]",
		"--report=none":          "[m.json]",
		"--report=out/look.html": "[look.html m.json]",
	} {
		if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		more := append(args, "--model=out/m.json")
		if flag != "" {
			more = append(more, flag)
		}
		mustRun(t, dir, more...)
		if got := fmt.Sprint(names(t, filepath.Join(dir, "out"))); got != want {
			t.Errorf("%s: files %s, want %s", flag, got, want)
		}
	}
	if _, stderr, code := runCommand(t, dir, append(args, "--model=out/m.json", "--report=x.txt")...); code != 2 ||
		!strings.Contains(stderr, "--report=x.txt: must end in .html") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	// On other chunks and threads, it is the same but for the time.
	mustRun(t, dir, append(args, "--model=out/m.json", "--report=out/a.html", "--chunk_rows=100", "--threads=1")...)
	seconds := regexp.MustCompile(`<dt>seconds</dt><dd>[^<]*</dd>`)
	a, b := clitest.Read(t, filepath.Join(dir, "out/a.html")), ""
	mustRun(t, dir, append(args, "--model=out/m.json", "--report=out/b.html", "--threads=2")...)
	if b = clitest.Read(t, filepath.Join(dir, "out/b.html")); seconds.ReplaceAllString(a,
		"") != seconds.ReplaceAllString(b, "") || !seconds.MatchString(a) {
		t.Error("another chunk size makes another page")
	}
	if !strings.Contains(a, "the 569 rows that the model was learned from") || !strings.Contains(a, "0.9912") {
		t.Error("the page does not judge all rows")
	}
}

// The scores of a cross-validation are those of its JSON, and the model is the best.
func TestScores(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "breast_cancer.csv"), "--target=target", "--task=classification",
		"--standardize", "--alpha=0.001,1,0.1", "--folds=3", "--epochs=2", "--solver=sgd",
		"--penalty=elasticnet", "--l1_ratio=0.2,0.8", "--scoring=accuracy", "--model=out/m.json"}
	stderr := mustRun(t, dir, append(args, "--cv_results=out/scores.json")...)
	line := regexp.MustCompile(
		`\n  best of 6 combinations by accuracy over 3 folds: alpha ([\d.]+), l1_ratio ([\d.]+) with 0\.9\d+ ± [\d.]+ \(standard error\), a constant prediction 0\.62\d+; within one standard error: alpha [\d.]+, l1_ratio [\d.]+\n  accuracy 0\.9\d+, log loss 0\.\d+ on the rows learned from \(a constant prediction: 0\.6274, 0\.660316\)\nout/m.json\nout/scores.json\nout/m.html\n$`).FindStringSubmatch(stderr)
	if line == nil {
		t.Fatalf("summary\n%s", stderr)
	}
	m := loaded(t, filepath.Join(dir, "out/m.json"))
	if fmt.Sprint(*m.Options.Alpha) != line[1] || fmt.Sprint(*m.Options.L1Ratio) != line[2] {
		t.Errorf("the model has alpha %v and l1_ratio %v\n%s", *m.Options.Alpha, *m.Options.L1Ratio, stderr)
	}
	var scores map[string]any
	if err := json.Unmarshal([]byte(clitest.Read(t, filepath.Join(dir, "out/scores.json"))), &scores); err != nil {
		t.Fatal(err)
	}
	best := int(scores["best_index"].(float64))
	if scores["scoring"] != "accuracy" || len(scores["params"].([]any)) != 6 {
		t.Errorf("scores %v", scores)
	}

	mustRun(t, dir, append(args, "--checkpoint_passes=3", "--report=none")...)
	table, err := csv.NewReader(strings.NewReader(clitest.Read(t, filepath.Join(dir, "out/m.cv.csv")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := "alpha,l1_ratio,rank,choice,mean_test_accuracy,std_test_accuracy,split0_test_accuracy,split1_test_accuracy,split2_test_accuracy,constant_test_accuracy,"; len(table) != 7 || !strings.HasPrefix(strings.Join(table[0], ","), want) {
		t.Fatalf("%d lines, the first %v", len(table), table[0])
	}
	for i, row := range table[1:] {
		p := scores["params"].([]any)[i].(map[string]any)
		if row[0] != fmt.Sprint(p["alpha"]) || row[1] != fmt.Sprint(p["l1_ratio"]) {
			t.Errorf("line %d: %v, want %v", i, row[:2], p)
		}
		if row[2] != fmt.Sprint(scores["rank_test_score"].([]any)[i]) || strings.HasPrefix(row[3], "best") != (i == best) ||
			strings.HasSuffix(row[3], "one_standard_error") != (i == int(scores["best_index_one_standard_error"].(float64))) {
			t.Errorf("line %d: rank %s, choice %q; best is %d", i, row[2], row[3], best)
		}
		for j, name := range table[0][4:] {
			got, err := strconv.ParseFloat(row[4+j], 64)
			want, one := scores[name].(float64) // of a constant prediction
			if !one {
				want = scores[name].([]any)[i].(float64)
			}
			if err != nil || got != want {
				t.Errorf("line %d, %s: %v, want %v (%v)", i, name, got, want, err)
			}
		}
	}
	if best := table[1+best]; best[2] != "1" {
		t.Errorf("the best has rank %s", best[2])
	}
}

// One shard of sorted rows is warned of.
func TestSorted(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&b, "%d,%d,%d\n", i%11, i%7, i/2000)
	}
	clitest.Write(t, filepath.Join(dir, "x.csv"), b.String())
	stderr := mustRun(t, dir, "--input=x.csv", "--target=2", "--task=classification", "--solver=sgd", "--epochs=1",
		"--shards=1", "--model=m.json", "--summary=s.json")
	if !regexp.MustCompile(
		`\n  warning: the rows look sorted: \d+\.\d % of the target's variance is between 4 chunks of rows; sgd learns better from shuffled rows\n`).MatchString(stderr) {
		t.Errorf("summary\n%s", stderr)
	}
}

// Whatever learns a regression, its R² and RMSE are told beside the constant's; rows of the model are rows.
func TestFinalScores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "diabetes.csv"), "--target=target", "--task=regression",
		"--standardize", "--model=m.json", "--report=none"}
	for _, more := range []string{"--solver=exact", "--loss=huber --epsilon=50 --solver=exact",
		"--loss=epsilon_insensitive --epochs=20", "--solver=sgd --alpha=0.1,0.01 --epochs=3"} {
		stderr := mustRun(t, dir, append(args, strings.Fields(more)...)...)
		line := regexp.MustCompile(
			`\n  R² (0\.\d+), RMSE ([\d.]+) on the rows learned from \(a constant prediction, their mean: 0, 77\.0057\)\n`).FindStringSubmatch(stderr)
		if line == nil {
			t.Errorf("%s:\n%s", more, stderr)
			continue
		}
		m := loaded(t, filepath.Join(dir, "m.json"))
		_, rows, _ := clitest.Rows(t, clitest.Testdata(t, "diabetes.csv"), "target", "*")
		r2 := score(t, m, rows)
		rmse := math.Sqrt((1 - r2)) * 77.0057
		told, err := strconv.ParseFloat(line[2], 64)
		if fmt.Sprintf("%.4f", r2) != line[1] || err != nil ||
			!(math.Abs(told-rmse) <= 1e-4) { // the constant's has six digits
			t.Errorf("%s: %s, want R² %.4f, RMSE %v", more, line[0], r2, rmse)
		}
		if m.Training.Rows != 442 {
			t.Errorf("%s: %d rows", more, m.Training.Rows)
		}
	}
}

// Losses with corners are exact, and say how far from the optimum they can be; a quantile is judged as one.
func TestCorners(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--target=target", "--standardize", "--model=m.json"} // classes are judged for the page
	diabetes, cancer := "--input="+clitest.Testdata(t, "diabetes.csv"), "--input="+clitest.Testdata(t, "breast_cancer.csv")
	for _, v := range []struct{ args, want string }{
		{diabetes + " --task=regression --loss=quantile --quantile=0.9",
			`mean pinball loss 9\.\d+, 9\d\.\d+ % of the targets at most their predictions, for the quantile 0\.9, on `},
		{diabetes + " --task=regression --loss=epsilon_insensitive --epsilon=10", `R² 0\.51`},
		{cancer + " --task=classification --loss=hinge", `accuracy 0\.9[89]`},
		{diabetes + " --task=regression --loss=quantile --quantile=0.9 --alpha=0.01,1 --folds=2",
			`best of 2 combinations by neg_mean_pinball_loss over 2 folds: alpha 0\.01 with -\d+\.\d+ .*\n  over the folds: mean pinball loss 1\d\.\d+ \(a constant prediction: 13\.99\d*\)\n  mean pinball loss 1\d\.`},
	} {
		stderr := mustRun(t, dir, append(args, strings.Fields(v.args)...)...)
		m := loaded(t, filepath.Join(dir, "m.json"))
		if o := m.Training.Objective[0]; m.Training.Solver != "exact" || m.Training.Epochs > 30 ||
			!(m.Training.Gap <= 1e-6*o) {
			t.Errorf("%s: %+v", v.args, m.Training)
		}
		if !regexp.MustCompile(`\n  objective [\d.]+, at most \S+ above the least\n  ` + v.want).MatchString(stderr) {
			t.Errorf("%s:\n%s", v.args, stderr)
		}
	}
}

// A model is gone on with; its hyperparameters stay.
func TestWarmStart(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "diabetes.csv"), "--target=target", "--task=regression",
		"--shards=1", "--checkpoint_passes=5", "--report=none"}
	mustRun(t, dir, append(args, "--standardize", "--epochs=4", "--model=whole.json")...)
	if stderr := mustRun(t, dir, append(args, "--warm_start=whole.json", "--epochs=2", "--model=more.json",
		"--quiet")...); stderr != "" {
		t.Errorf("--quiet:\n%s", stderr)
	}
	if _, stderr, code := runCommand(t, dir, append(args, "--warm_start=whole.json", "--alpha=0.01", "--penalty=l2",
		"--model=no.json")...); code != 2 ||
		!strings.Contains(stderr, "--alpha: the model of warm_start goes on with its own, 0.0001") ||
		strings.Contains(stderr, "--penalty:") {
		t.Errorf("another alpha: exit %d\n%s", code, stderr)
	}
	whole, more := loaded(t, filepath.Join(dir, "whole.json")), loaded(t, filepath.Join(dir, "more.json"))
	if more.Training.Rows != 442 || more.Training.Epochs != 6 || more.Scaler == nil ||
		more.Options.Eta0 != whole.Options.Eta0 {
		t.Errorf("trained by %+v, scaler %v, eta0 %v", more.Training, more.Scaler, more.Options.Eta0)
	}
}

// large makes an input whose epochs take a while, with its targets.
func large(t *testing.T, dir string) {
	t.Helper()
	const n, d = 60_000, 20
	r := rand.New(rand.NewPCG(1, 1))
	file := func(name, shape string, values []float64) {
		header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape)
		header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
		b := append([]byte("\x93NUMPY\x01\x00"), binary.LittleEndian.AppendUint16(nil, uint16(len(header)))...)
		b = append(b, header...)
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
		clitest.Write(t, filepath.Join(dir, name), string(b))
	}
	x, y := make([]float64, n*d), make([]float64, n)
	for i := range n {
		for j := range d {
			x[i*d+j] = r.NormFloat64()
			y[i] += x[i*d+j] * float64(j%3)
		}
		y[i] += r.NormFloat64()
	}
	file("x.npy", fmt.Sprintf("(%d, %d)", n, d), x)
	file("y.npy", fmt.Sprintf("(%d,)", n), y)
}

// A job that is interrupted, and then killed, leaves nothing that looks finished, and goes on after the last pass
// that was saved, to the same bytes as one that was left alone.
func TestKilled(t *testing.T) {
	clitest.Long(t)
	dir := t.TempDir()
	large(t, dir)
	args := []string{"--input=x.npy", "--target=y.npy", "--task=regression", "--loss=huber", "--solver=sgd", "--epochs=14",
		"--shards=3"}
	mustRun(t, dir, append(args, "--model=want/m.json", "--checkpoint_passes=5", "--threads=1")...)
	args = append(args, "--model=out/m.json")
	states := func() []string {
		m, err := filepath.Glob(filepath.Join(dir, "out/.m.json.checkpoint-*/state-*.json"))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for i, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		flags, enough := append(slices.Clip(args), "--quiet"), 2
		if i > 0 {
			flags, enough = append(flags, "--resume"), len(states())+2
		}
		c := clitest.Command(dir, flags...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		for start := time.Now(); len(states()) < enough; time.Sleep(time.Millisecond) {
			if time.Since(start) > time.Minute {
				t.Fatalf("%d states after a minute\n%s", len(states()), stderr.String())
			}
		}
		if err := c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatalf("%v: the job ended well before it was killed", signal)
		}
		left := names(t, filepath.Join(dir, "out"))
		if len(left) != 1 || !strings.HasPrefix(left[0], ".m.json.checkpoint-") {
			t.Errorf("%v leaves %v", signal, left)
		}
		want := fmt.Sprintf("sgd: passes saved: %d; the same command with --resume goes on after them\nsgd: interrupted, "+
			"no output written\n", len(states()))
		if signal == syscall.SIGINT && (c.ProcessState.ExitCode() != 130 || stderr.String() != want) {
			t.Errorf("%v: exit code %d, %s", signal, c.ProcessState.ExitCode(), stderr.String())
		}
	}
	done := len(states())
	stderr := mustRun(t, dir, append(args, "--resume", "--checkpoint_passes=5")...)
	if !strings.Contains(stderr, "60000 rows × 20 columns") || !strings.Contains(stderr, "in 15 passes") ||
		!strings.Contains(stderr, fmt.Sprintf("\n  %d of the passes were made before\n", done)) {
		t.Errorf("%d passes were saved, summary\n%s", done, stderr)
	}
	if clitest.Read(t, filepath.Join(dir, "out/m.json")) != clitest.Read(t, filepath.Join(dir, "want/m.json")) {
		t.Error("the model differs from that of a job that was left alone")
	}
	if left := names(t, filepath.Join(dir, "out")); fmt.Sprint(left) != "[m.html m.json]" {
		t.Errorf("left: %v", left)
	}
}

// Each flag that takes a value has an example.
func TestExamples(t *testing.T) { clitest.Help(t) }

// What one epoch of few rows in several shards may have cost is told, and what is better; else nothing is.
func TestShardsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--input=" + clitest.Testdata(t, "diabetes.csv"), "--target=target", "--task=regression", "--solver=sgd",
		"--output_model=m.json", "--report=none"}
	for more, want := range map[string]bool{"--epochs=1 --learning_rate=adagrad": true, "--epochs=1": false,
		"--epochs=2 --learning_rate=adagrad": false, "--epochs=1 --learning_rate=adagrad --shards=1": false} {
		stderr := mustRun(t, dir, append(strings.Fields(more), args...)...)
		if strings.Contains(stderr, "  8 shards of the rows were learned side by side in one epoch, and averaged") != want {
			t.Errorf("%s: %s", more, stderr)
		}
	}
}
