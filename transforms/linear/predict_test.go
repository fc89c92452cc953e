package linear

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/metrics"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// predictionOf runs a whole job on Prism and returns its output, its report and its counters.
func predictionOf(t *testing.T, m *model.Model, input string, reading vectorio.Options, o PredictOptions) (string,
	*PredictReport, metrics.QueryResults, error) {
	t.Helper()
	if !beam.Initialized() {
		beam.Init()
	}
	ctx := context.Background()
	o.Scratch = t.TempDir()
	if o.Output != "" {
		o.Output = filepath.Join(o.Scratch, o.Output)
	}
	j := &PredictJob{Model: m, Reading: reading, Options: o}
	j.Options.EnsureDefaults()
	j.Reading.Formats.Labels = o.Evaluate && m.Task == model.Classification
	j.Reading.Formats.Unlabelled = !o.Evaluate
	var err error
	if err = j.Validate(); err != nil {
		return "", nil, metrics.QueryResults{}, err
	}
	if j.Data, err = InspectFor(ctx, m, []string{input}, &j.Reading); err != nil {
		return "", nil, metrics.QueryResults{}, err
	}
	p, s := beam.NewPipelineWithRoot()
	if err := Predict(s, j); err != nil {
		t.Fatal(err)
	}
	result, err := ptest.RunWithMetrics(p)
	var report *PredictReport
	if err == nil {
		report, err = j.Report(ctx)
	}
	if e := j.Clean(ctx); e != nil {
		t.Fatal(e)
	}
	if n := models.Len(); n > 0 {
		t.Errorf("models of %d runs that are over", n)
	}
	if err != nil {
		return "", nil, metrics.QueryResults{}, err
	}
	var out []byte
	if o.Output != "" {
		if out, err = os.ReadFile(o.Output); err != nil {
			t.Fatal(err)
		}
	}
	return string(out), report, result.Metrics().AllMetrics(), nil
}

func writeRows(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// plain is a model without options of its own.
func plain(task model.Task, loss model.Loss, coef [][]float64, intercept ...float64) *model.Model {
	return &model.Model{Task: task, Loss: loss, Coef: coef, Intercept: intercept,
		Options: model.Options{Task: task, Loss: loss}}
}

// The model is decoded once, and every row is counted once. Prism now and then loses the last report of a bundle, so
// a counter that is too low gets two more tries.
func TestPredictCounters(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "%d,%d\n", i, i%7)
	}
	input := writeParts(t, ".csv", b.String(), 30) // chunks of 30, 30, 30 and 10 rows
	m := plain(model.Regression, model.SquaredError, [][]float64{{1, 2}}, 0.5)
	want := map[string]int64{"linear.model_decodes": 1, "linear.rows_predicted": 100, "vectorio.rows_read": 100}
	for try := 1; ; try++ {
		_, _, got, err := predictionOf(t, m, input, vectorio.Options{ChunkRows: 3},
			PredictOptions{Destination: output.To("p.csv")})
		if err != nil {
			t.Fatal(err)
		}
		counters := map[string]int64{}
		for _, c := range got.Counters() {
			counters[c.Namespace()+"."+c.Name()] += c.Result()
		}
		low := false
		for name, n := range want {
			if counters[name] > n || counters[name] < n && try == 3 {
				t.Errorf("counter %s = %d, want %d", name, counters[name], n)
			}
			low = low || counters[name] < n
		}
		if !low || try == 3 {
			return
		}
	}
}

// What is written of a model of each kind, and of its options.
func TestPredictColumns(t *testing.T) {
	texts := plain(model.Classification, model.Hinge, [][]float64{{1}}, 0)
	texts.Classes = model.Classes{Texts: []string{"no", "yes"}}
	whole := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
	whole.Classes = model.Classes{Numbers: []float64{-1, 3}}
	halves := plain(model.Classification, model.ModifiedHuber, [][]float64{{1}, {0}, {-1}}, 0, 0, 0)
	halves.Classes = model.Classes{Numbers: []float64{0.5, 1, 1e21}}
	outlier := plain(model.OneClass, model.Hinge, [][]float64{{1}}, 0)
	outlier.Options.Loss = ""
	for _, c := range []struct {
		name    string
		m       *model.Model
		o       PredictOptions
		columns []results.Column
		rows    string // of 2 and −2
	}{
		{"regression", plain(model.Regression, model.SquaredError, [][]float64{{1.5}}, 1), PredictOptions{},
			[]results.Column{{Name: "prediction", Type: results.Float}}, "0,4\n1,-2\n"},
		{"texts", texts, PredictOptions{Decision: true}, []results.Column{
			{Name: "prediction", Type: results.Text, Texts: []string{"no", "yes"}}, {Name: "decision", Type: results.Float}},
			"0,yes,2\n1,no,-2\n"},
		{"integers", whole, PredictOptions{Proba: true},
			[]results.Column{{Name: "prediction", Type: results.Int}, {Name: "proba_-1", Type: results.Float},
				{Name: "proba_3", Type: results.Float}},
			fmt.Sprintf("0,3,%v,%v\n1,-1,%v,%v\n", 1-1/(1+math.Exp(-2)), 1/(1+math.Exp(-2)), 1-1/(1+math.Exp(2)),
				1/(1+math.Exp(2)))},
		{"numbers", halves, PredictOptions{Proba: true, Decision: true},
			[]results.Column{{Name: "prediction", Type: results.Float},
				{Name: "proba_0.5", Type: results.Float}, {Name: "proba_1", Type: results.Float},
				{Name: "proba_1e+21", Type: results.Float},
				{Name: "decision_0.5", Type: results.Float}, {Name: "decision_1", Type: results.Float},
				{Name: "decision_1e+21", Type: results.Float}},
			"0,0.5,0.6666666666666666,0.3333333333333333,0,2,0,-2\n1,1e+21,0,0.3333333333333333,0.6666666666666666,-2,0,2\n"},
		{"one class", outlier, PredictOptions{Decision: true},
			[]results.Column{{Name: "prediction", Type: results.Int}, {Name: "decision", Type: results.Float}},
			"0,1,2\n1,-1,-2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := layoutOf(part{"", c.m, c.m}, &c.o).Columns; !reflect.DeepEqual(got, c.columns) {
				t.Errorf("columns %+v", got)
			}
			c.o.Output = "p.csv"
			got, _, _, err := predictionOf(t, c.m, writeRows(t, "x.csv", "2\n-2\n"), vectorio.Options{}, c.o)
			if _, rows, _ := strings.Cut(got, "\n"); err != nil || rows != c.rows {
				t.Errorf("got %s, want %s (%v)", rows, c.rows, err)
			}
		})
	}
}

// Rows of .svm, which stay sparse, are predicted as the same rows of .csv, over threads and chunks; the label is the
// target.
func TestPredictSparse(t *testing.T) {
	const features = 300
	rng := rand.New(rand.NewPCG(3, 4))
	m := plain(model.Classification, model.LogLoss, [][]float64{make([]float64, features)}, -1)
	m.Classes = model.Classes{Numbers: []float64{-1, 1}}
	for j := range features {
		m.Coef[0][j] = float64(rng.IntN(9) - 4)
	}
	var svm, dense strings.Builder
	for range 600 {
		label := 2*rng.IntN(2) - 1
		fmt.Fprintf(&svm, "%d", label)
		for j := range features {
			v := 0
			if rng.IntN(20) == 0 {
				v = 1 + rng.IntN(5)
				fmt.Fprintf(&svm, " %d:%d", j+1, v)
			}
			fmt.Fprintf(&dense, "%d,", v)
		}
		fmt.Fprintln(&svm)
		fmt.Fprintln(&dense, label)
	}
	o := PredictOptions{Evaluate: true, Proba: true, Decision: true, Destination: output.To("p.csv"), Threads: 3}
	var dense1 vectorio.Options
	dense1.Formats.TargetColumn = fmt.Sprint(features)
	want, wantReport, _, err := predictionOf(t, m, writeRows(t, "x.csv", dense.String()), dense1, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Workers = placement.InProcess // which changes no byte
	// Rows of four files, so of as many chunks.
	got, report, _, err := predictionOf(t, m, writeParts(t, ".svm", svm.String(), 170),
		vectorio.Options{ChunkRows: 100}, o)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Error("the predictions differ")
	}
	loss, wantLoss := *report.Classes.LogLoss, *wantReport.Classes.LogLoss
	if !(math.Abs(loss-wantLoss) <= 1e-13*wantLoss) { // whose last bits follow from the chunks
		t.Errorf("log loss %v, want %v", loss, wantLoss)
	}
	report.Classes.LogLoss, wantReport.Classes.LogLoss = nil, nil
	if !reflect.DeepEqual(report.Classes, wantReport.Classes) || report.Classes.AUC == nil || report.Rows != 600 {
		t.Errorf("%+v, want %+v", report.Classes, wantReport.Classes)
	}
}

// writeParts writes files of so many lines of a text each, which are a chunk each, and gives a glob of them.
func writeParts(t *testing.T, ext, text string, lines int) string {
	t.Helper()
	dir, part := t.TempDir(), 0
	for rows := range slices.Chunk(strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n"), lines) {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("x%d%s", part, ext)), []byte(strings.Join(rows, "")),
			0o666); err != nil {
			t.Fatal(err)
		}
		part++
	}
	return filepath.Join(dir, "x*"+ext)
}

// Slices of a chunk have the rows of the whole, whatever holds them.
func TestPredictSlice(t *testing.T) {
	numbers := []int64{10, 11, 12, 13}
	x := []float64{1, 0, 0, 2, 0, 0, 3, 4}
	x32 := make([]float32, len(x))
	for i, v := range x {
		x32[i] = float32(v)
	}
	m := plain(model.Regression, model.SquaredError, [][]float64{{1, 10}}, 0)
	want := []float64{1, 20, 0, 43}
	for name, c := range map[string]*model.Chunk{
		"float64": {Features: 2, X: x, Numbers: numbers},
		"float32": {Features: 2, X32: x32, Numbers: numbers},
		"sparse": {Features: 2, Sparse: &model.CSR{Offsets: []int{0, 1, 2, 2, 4}, Indices: []int32{0, 1, 0, 1},
			Values: []float64{1, 2, 3, 4}}, Numbers: numbers},
	} {
		for lo := range 5 {
			for hi := lo; hi <= 4; hi++ {
				s := slice(c, lo, hi)
				got, err := m.Predict(s, nil)
				if err != nil || !slices.Equal(got, want[lo:hi]) || !slices.Equal(s.Numbers, numbers[lo:hi]) {
					t.Errorf("%s, %d to %d: %v, %v", name, lo, hi, got, err)
				}
			}
		}
	}
}

func TestClassIndex(t *testing.T) {
	numbers := newClassIndex(&model.Classes{Numbers: []float64{-1, 0, 2.5}})
	for range 2 { // met before or not
		for label, want := range map[string]int32{"-1": 0, "-1.0": 0, "0": 1, "-0": 1, "2.50": 2, "25e-1": 2, "1": -1, "": -1,
			"nan": -1, "one": -1} {
			if got := numbers.ofText(label); got != want {
				t.Errorf("%q is class %d, want %d", label, got, want)
			}
		}
	}
	for i := range 1000 {
		numbers.ofText("-1." + strings.Repeat("0", i))
	}
	if n := len(numbers.texts); n > 100 {
		t.Errorf("%d labels are kept", n)
	}
	texts := newClassIndex(&model.Classes{Texts: []string{"1", "a,b"}})
	for label, want := range map[string]int32{"1": 0, "a,b": 1, "1.0": -1, "": -1} {
		if got := texts.ofText(label); got != want {
			t.Errorf("%q is class %d, want %d", label, got, want)
		}
	}
	if got := texts.ofNumber(1); got != -1 || texts.expected != `a class of the model: "1", "a,b"` {
		t.Errorf("the number 1 is class %d of %s", got, texts.expected)
	}
}

// Rows whose scores cannot be computed are an error, and no score.
func TestEvaluationOverflow(t *testing.T) {
	if raceDetector {
		t.Skip("a pipeline that fails races within Beam")
	}
	m := plain(model.Regression, model.SquaredError, [][]float64{{1e200}}, 0)
	reading := vectorio.Options{}
	reading.Formats.TargetColumn = "1"
	_, _, _, err := predictionOf(t, m, writeRows(t, "x.csv", "1e9,0\n"), reading, PredictOptions{Evaluate: true})
	if err == nil || fault.Find(err.Error()) == nil || fault.Find(err.Error())[0] != model.ErrTooLarge.Error() {
		t.Errorf("error %v", err)
	}
}

// Where the scores would not fit in memory, the AUC comes from a sketch, within its bound; a file that is cut short
// is an error.
func TestReadAUC(t *testing.T) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(5, 6))
	e := evaluation{}
	var won, pairs float64
	var scores [2][]float64
	for i := range 2000 {
		class := i % 2
		score := float64(class) + rng.NormFloat64()
		scores[class] = append(scores[class], score)
		e.scores = appendScore(e.scores, score, 2, byte(class))
	}
	for _, p := range scores[1] {
		for _, n := range scores[0] {
			pairs++
			if p > n {
				won++
			}
		}
	}
	size := 1000 * recordSize
	paths := []string{writeRows(t, "a", string(e.scores[:size])), writeRows(t, "b", string(e.scores[size:]))}
	if auc, bound, err := readAUC(ctx, paths, true); err != nil || bound != 0 || !(math.Abs(auc-won/pairs) <= 1e-12) {
		t.Errorf("%v ± %v, %v, want %v", auc, bound, err, won/pairs)
	}
	if auc, bound, err := readAUC(ctx, paths, false); err != nil || !(bound > 0 && bound < 2e-3) ||
		!(math.Abs(auc-won/pairs) <= bound) {
		t.Errorf("by the sketch %v ± %v, %v, want %v", auc, bound, err, won/pairs)
	}
	if auc, _, err := readAUC(ctx, nil, true); err != nil || auc == auc {
		t.Errorf("of nothing %v, %v", auc, err)
	}
	if _, _, err := readAUC(ctx, []string{writeRows(t, "c", string(e.scores[:size-1]))}, true); err == nil {
		t.Error("half a record is read")
	}
}

func BenchmarkPredict(b *testing.B) {
	const rows, features = 8192, 20
	block := &vectors.Block{Dim: features}
	rng := rand.New(rand.NewPCG(1, 1))
	row := make([]float32, features)
	for i := range rows {
		for j := range row {
			row[j] = rng.Float32()
		}
		block.Append32(row, int64(i))
	}
	m := plain(model.Classification, model.LogLoss, [][]float64{make([]float64, features)}, 0)
	m.Classes = model.Classes{Numbers: []float64{0, 1}}
	for j := range features {
		m.Coef[0][j] = rng.NormFloat64()
	}
	for _, proba := range []bool{false, true} {
		b.Run(fmt.Sprintf("proba=%v", proba), func(b *testing.B) {
			f := &predictFn{Options: PredictOptions{Threads: 1, Proba: proba}}
			f.Output.Layout = layoutOf(part{"", m, m}, &f.Options)
			p := newPredictor(f, apply(m, nil), vectorio.Chunk{})
			b.SetBytes(rows * features * 4)
			for b.Loop() {
				if err := p.predict(model.Of(block), rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// Rows after one that is at fault for its label keep their own values.
func TestValuesAfterUnknownLabel(t *testing.T) {
	m := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
	m.Classes.Numbers = []float64{0, 1}
	reading := vectorio.Options{SkipFaults: true}
	reading.Formats.TargetColumn = "1"
	got, _, _, err := predictionOf(t, m, writeRows(t, "x.csv", "1,1\n2,7\n-3,0\noops,1\n4,1\n5,9\n-6,0\n"), reading,
		PredictOptions{Evaluate: true, Decision: true, Destination: output.To("p.csv")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "id,prediction,decision\n0,1,1\n1,,\n2,0,-3\n3,,\n4,1,4\n5,,\n6,0,-6\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// All scores weigh rows.
func TestWeightedScores(t *testing.T) {
	m := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
	m.Classes.Numbers = []float64{0, 1}
	reading := vectorio.Options{}
	reading.Formats.TargetColumn, reading.Formats.WeightColumn = "1", "2"
	_, report, _, err := predictionOf(t, m, writeRows(t, "x.csv", "1,1,3\n0,0,2\n2,0,5\n-1,1,1\n"), reading,
		PredictOptions{Evaluate: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *report.Classes.AUC, 3.0*2/((3+1)*(2+5)); !(math.Abs(got-want) <= 1e-15) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := fmt.Sprint(report.Classes.Confusion); got != "[[2 5] [1 3]]" || report.Classes.Accuracy != 5.0/11 {
		t.Errorf("confusion %s, accuracy %v", got, report.Classes.Accuracy)
	}
}

// Of several classes, each has the AUC of its probability against the rest, by the weights of the rows, within the
// bound and over all chunks, and all have the mean.
func TestAUCOfClasses(t *testing.T) {
	for name, m := range map[string]*model.Model{
		"softmax": plain(model.Classification, model.LogLoss, [][]float64{{1}, {0.5}, {-1.5}}, 0, 0.2, -0.2),
		"hinge":   plain(model.Classification, model.Hinge, [][]float64{{1}, {0.5}, {-1.5}}, 0, 0.2, -0.2),
	} {
		m.Classes.Numbers = []float64{0, 1, 2}
		if name == "softmax" {
			m.Options.MultiClass = model.Multinomial
		}
		x := []float64{1, 2, -3, 4, 0.5, -6, 0.1, -0.2, 3, 0.3}
		y := []float64{0, 1, 2, 0, 1, 2, 2, 1, 0, 0}
		dir := t.TempDir() // of a file for every four rows, which are chunks of their own
		weights := make([]float64, len(x))
		for i := range x {
			weights[i] = float64(1 + i%3)
		}
		for i := 0; i < len(x); i += 4 {
			var text strings.Builder
			for j := i; j < min(i+4, len(x)); j++ {
				fmt.Fprintf(&text, "%v,%v,%v\n", x[j], y[j], weights[j])
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("x%d.csv", i)), []byte(text.String()), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		reading := vectorio.Options{}
		reading.Formats.TargetColumn, reading.Formats.WeightColumn = "1", "2"
		_, report, _, err := predictionOf(t, m, filepath.Join(dir, "*.csv"), reading, PredictOptions{Evaluate: true})
		if err != nil {
			t.Fatal(err)
		}
		c := &model.Chunk{Features: 1, X: x}
		scores, err := m.DecisionFunction(c, nil)
		if m.HasProba() {
			scores, err = m.PredictProba(c, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if report.Rows != int64(len(x)) {
			t.Errorf("%s: %d rows", name, report.Rows)
		}
		mean := 0.0
		for k := range 3 {
			var own []float64
			var is []bool
			for i := range x {
				own, is = append(own, scores[3*i+k]), append(is, int(y[i]) == k)
			}
			want, err := model.AUC(is, own, weights)
			if err != nil {
				t.Fatal(err)
			}
			if got := *report.Classes.AUCOf[k]; !(math.Abs(got-want) <= 1e-12) {
				t.Errorf("%s, class %d: %v, want %v", name, k, got, want)
			}
			mean += want / 3
		}
		if got := *report.Classes.AUC; !(math.Abs(got-mean) <= 1e-12) {
			t.Errorf("%s: %v, want %v", name, got, mean)
		}
	}
}

// What the mean of several AUCs is off at most is the mean of what they are, of those that there are.
func TestBoundOfAUCs(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	sums := model.NewClassificationSums(4, 4) // the last has no rows, so it has no AUC
	for k := range 3 {
		for i := range 500 * (k + 1) {
			sums.AddScore(k, i%2 == 0, float64(i%2)+rng.NormFloat64(), 1)
		}
	}
	mean, bound, each := aucs(sums)
	var wantMean, wantBound float64
	for k := range 3 {
		auc, off := sums.Sketch(k).AUC()
		if !(off > 0) || *each[k] != auc {
			t.Fatalf("class %d: %v within %v, want %v within more than 0", k, *each[k], off, auc)
		}
		wantMean, wantBound = wantMean+auc/3, wantBound+off/3
	}
	if each[3] != nil || !(math.Abs(*mean-wantMean) <= 1e-15) || !(math.Abs(bound-wantBound) <= 1e-15) {
		t.Errorf("got %v within %v, want %v within %v", *mean, bound, wantMean, wantBound)
	}
	if mean, bound, _ := aucs(sums.Empty()); mean != nil || bound != 0 {
		t.Errorf("of none: %v within %v", mean, bound)
	}
}

// Classes are written as integers where all of them are such, within what a float64 tells apart.
func TestTypeOfClasses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		numbers []float64
		want    results.ColumnType
	}{
		"integers":  {[]float64{-1, 1 << 53}, results.Int},
		"a half":    {[]float64{-1, 0.5}, results.Float},
		"too large": {[]float64{1, 1 << 54}, results.Float},
	} {
		m := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
		m.Classes.Numbers = c.numbers
		if got := layoutOf(part{"", m, m}, &PredictOptions{}).Columns[0].Type; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// refusing answers no second row.
type refusing struct{ Answerer }

func (refusing) Work() int { return 1 }

func (refusing) Answer(c *model.Chunk, _ []float64) error { return c.Fault(1, "another", "this") }

// A row at fault is told by its number in its own file, which may not be the first.
func TestFaultInLaterFile(t *testing.T) {
	t.Parallel()
	c := vectorio.Chunk{First: 1000}
	c.Info.Name, c.Span.First = "second.csv", 40 // of the file; 960 rows are in the first
	b := &vectors.Block{Dim: 1, Labels: []string{"0", "7", ""}}
	for i := range 3 {
		b.Append([]float64{1}, int64(1000+i))
	}
	p := &predictor{fn: &predictFn{Dim: 1}, other: refusing{}, chunk: c, width: 1, threads: 1}
	err := p.batch(nil, vectorio.Batch{Rows: b})
	if err == nil || err.Error() != "second.csv: row 41: found this, expected another" {
		t.Errorf("a row that cannot be predicted: %v", err)
	}
	m := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
	m.Classes.Numbers = []float64{0, 1}
	reading := vectorio.Options{}
	reading.Formats.TargetColumn = "y"
	bad, err := newEvaluation(m, &reading, c).encode(b)
	if err != nil || len(bad) != 1 || bad[0].Number != 1001 ||
		bad[0].Error() != `second.csv: row 41, column y: found "7", expected a class of the model: 0, 1` {
		t.Errorf("a label of no class: %v, %v", bad, err)
	}
}
