package linear

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/overview"
	"beamlearn/model/linear/targets"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// hereOf predicts the rows of a file in this process, without Beam, and gives the report, and the output where there is
// one.
func hereOf(t *testing.T, j *PredictJob, input ...string) (string, *PredictReport, error) {
	t.Helper()
	ctx := t.Context()
	j.Options.Scratch = t.TempDir()
	if j.Options.Output != "" {
		j.Options.Output = filepath.Join(j.Options.Scratch, j.Options.Output)
	}
	if err := j.Inspect(ctx, input); err != nil {
		return "", nil, err
	}
	if err := PredictHere(ctx, j); err != nil {
		return "", nil, errors.Join(err, j.Clean(ctx))
	}
	report, err := j.Report(ctx)
	if err = errors.Join(err, j.Clean(ctx)); err != nil || j.Options.Output == "" {
		return "", report, err
	}
	return fileOf(t, j.Options.Output), report, nil
}

// judging is the job of comparing a model with the targets in column y.
func judging(m *model.Model) *PredictJob {
	j := &PredictJob{Model: m, Options: PredictOptions{Evaluate: true}}
	j.Reading.Formats.TargetColumn = "y"
	j.Reading.Formats.Labels = m.Task == model.Classification
	return j
}

// F1 is that of the larger class, and another of the smaller; of three classes it is the mean. The counts below give
// the fractions.
func TestF1OfLargerClass(t *testing.T) {
	two := plain(model.Classification, model.Hinge, [][]float64{{1}}, 0)
	two.Classes.Numbers = []float64{3, 8}
	// 8: 2 right, 1 taken for 3, 3 that are 3; F1 of 8 is 2·2/(2·2+1+3), of 3 it would be 2·1/(2·1+1+3).
	_, report, err := hereOf(t, judging(two), writeRows(t, "x.csv", "x,y\n1,8\n2,8\n-1,8\n1,3\n2,3\n3,3\n-2,3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := report.Classes; c.F1 != 4.0/8 || c.F1Average != "binary" {
		t.Errorf("of two classes: F1 %v, %s", c.F1, c.F1Average)
	}
	three := plain(model.Classification, model.Hinge, [][]float64{{1}, {-1}, {0}}, 0, 0, 0.5)
	three.Classes.Numbers = []float64{0, 1, 2}
	// 0: 1 right, 1 taken for it; 1: 1 right, 1 missed; 2: 1 right.
	_, report, err = hereOf(t, judging(three), writeRows(t, "x.csv", "x,y\n1,0\n2,1\n-1,1\n0,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := report.Classes; !(math.Abs(c.F1-(2.0/3+2.0/3+1)/3) <= 1e-15) || c.F1Average != "macro" {
		t.Errorf("of three classes: F1 %v, %s", c.F1, c.F1Average)
	}
}

// A row of an exposure counts among rates by its share: the exposure itself with Poisson's, its square root with
// Tweedie's of the power 1.5, and 1 with gamma's.
func TestScoresOfRates(t *testing.T) {
	exposures, x, y := []float64{0.25, 4, 1, 9}, []float64{0.5, -1, 0.25, 0}, []float64{1, 2, 3, 5}
	var text strings.Builder
	text.WriteString("e,x,y\n")
	for i := range x {
		fmt.Fprintf(&text, "%v,%v,%v\n", exposures[i], x[i], y[i])
	}
	input := writeRows(t, "x.csv", text.String())
	for loss, share := range map[model.Loss]func(e float64) float64{
		model.Poisson: func(e float64) float64 { return e },
		model.Tweedie: math.Sqrt,
		model.Gamma:   func(float64) float64 { return 1 },
	} {
		m := plain(model.Regression, loss, [][]float64{{0, 0.7}}, 0.2)
		m.Options.Exposure = &model.Exposure{Column: "e"}
		_, report, err := hereOf(t, judging(m), input)
		if err != nil {
			t.Fatal(err)
		}
		var weights, squares, absolute, deviance float64
		for i := range x {
			w, rate, mean := share(exposures[i]), y[i]/exposures[i], math.Exp(0.7*x[i]+0.2)
			weights += w
			squares += w * (rate - mean) * (rate - mean)
			absolute += w * math.Abs(rate-mean)
			switch loss {
			case model.Poisson:
				deviance += w * 2 * (rate*math.Log(rate/mean) - rate + mean)
			case model.Gamma:
				deviance += w * 2 * (math.Log(mean/rate) + rate/mean - 1)
			case model.Tweedie: // y^(2−p)/((1−p)(2−p)) − y·μ^(1−p)/(1−p) + μ^(2−p)/(2−p)
				deviance += w * 2 * (-4*math.Sqrt(rate) + 2*rate/math.Sqrt(mean) + 2*math.Sqrt(mean))
			}
		}
		r := report.Regression
		for _, c := range [][2]float64{{r.MSE, squares / weights}, {r.MAE, absolute / weights},
			{*r.Deviance, deviance / weights}} {
			if !(math.Abs(c[0]-c[1]) <= 1e-12*math.Abs(c[1])) {
				t.Errorf("%s: %v, want %v", loss, c[0], c[1])
			}
		}
	}
}

// AUCs of classes are there for as many classes as have sketches, and not for more.
func TestClassesWithAUCs(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 0, 3: 3, 100: 100, 101: 0} {
		m := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
		for k := range n {
			m.Classes.Numbers = append(m.Classes.Numbers, float64(k))
		}
		e := newEvaluation(m, &vectorio.Options{}, vectorio.Chunk{})
		if e.classification.AUCs() != want || e.scored != (n == 2) {
			t.Errorf("%d classes: %d sketches, scored %v", n, e.classification.AUCs(), e.scored)
		}
	}
}

// Scores have the same bits however the rows are cut into files and chunks, and with weights, too.
func TestScoresOfAnyCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var lines []string
	for range 300 {
		x := rng.NormFloat64()
		y := math.Floor(math.Abs(x + rng.NormFloat64()))
		lines = append(lines, fmt.Sprintf("%v,%v,%v\n", x, min(y, 2), 0.1+rng.Float64()))
	}
	file := func(lines []string) string { return writeRows(t, "x.csv", "x,y,w\n"+strings.Join(lines, "")) }
	whole, cut := []string{file(lines)}, []string{file(lines[:1]), file(lines[1:107]), file(lines[107:])}
	regression := func(loss model.Loss) *model.Model {
		m := plain(model.Regression, loss, [][]float64{{0.7}}, 0.3)
		m.Options = model.Options{Task: model.Regression, Loss: loss}
		return m
	}
	classes := plain(model.Classification, model.LogLoss, [][]float64{{-0.3}, {0.1}, {0.5}}, 0.1, 0, -0.2)
	classes.Classes.Numbers = []float64{0, 1, 2}
	for name, m := range map[string]*model.Model{"squared_error": regression(model.SquaredError),
		"quantile": regression(model.Quantile), "poisson": regression(model.Poisson), "classes": classes} {
		for _, weight := range []string{"", "w"} {
			var first string
			for i, input := range [][]string{whole, whole, cut} {
				j := judging(m)
				j.Reading.Formats.WeightColumn = weight
				j.Reading.Formats.Columns = []string{"x"}
				j.Reading.ChunkRows = []int{8192, 7, 50}[i]
				_, r, err := hereOf(t, j, input...)
				if err != nil {
					t.Fatal(err)
				}
				b, err := json.Marshal([]any{r.Regression, r.Classes})
				if err != nil {
					t.Fatal(err)
				}
				if got := string(b); i == 0 {
					first = got
				} else if got != first {
					t.Errorf("%s, weight %q: in %d files %s, in one %s", name, weight, len(input), got, first)
				}
			}
		}
	}
}

// Where rows have no weight there is nothing to judge by, and no score; with a weight there is.
func TestScoresOfNoWeight(t *testing.T) {
	for weight, want := range map[string]bool{"0": false, "2": true} {
		for _, m := range []*model.Model{plain(model.Regression, model.SquaredError, [][]float64{{1}}, 0),
			plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)} {
			if m.Task == model.Classification {
				m.Classes.Numbers = []float64{0, 1}
			}
			j := judging(m)
			j.Reading.Formats.WeightColumn = "w"
			_, report, err := hereOf(t, j, writeRows(t, "x.csv", "x,y,w\n1,1,"+weight+"\n-2,0,"+weight+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			if (report.Regression != nil) != (want && m.Task == model.Regression) ||
				(report.Classes != nil) != (want && m.Task == model.Classification) {
				t.Errorf("%s, weight %s: %+v, %+v", m.Task, weight, report.Regression, report.Classes)
			}
		}
	}
}

// The AUC of two classes is exact up to as many rows as are promised, and within a bound of more.
func TestRowsOfExactAUC(t *testing.T) {
	m := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
	m.Classes.Numbers = []float64{0, 1}
	var records []byte
	c := compared{classification: model.NewClassificationSums(2, 0)}
	for i := range 200 {
		class := i * 7 % 3 % 2
		c.classification.Add(class, class, []float64{0.5, 0.5}, 1)
		records = appendScore(records, math.Sin(float64(i)), 1, byte(class))
	}
	c.paths = []string{writeRows(t, "scores", string(records))}
	for rows, exact := range map[int64]bool{MaxAUCRows: true, MaxAUCRows + 1: false} {
		s, err := c.scores(t.Context(), part{"", m, m}, rows)
		if err != nil || (s.Classes.AUCError == 0) != exact {
			t.Errorf("%d rows: the AUC is off by %v, %v", rows, s.Classes.AUCError, err)
		}
	}
}

// A score that is no number is an error: it would have any place among the others.
func TestScoresBeyondFloat64(t *testing.T) {
	for name, m := range map[string]*model.Model{
		"two classes": plain(model.Classification, model.Hinge, [][]float64{{1e300, -1e300}}, 0),
		"three classes": plain(model.Classification, model.Hinge, [][]float64{{1, 0}, {0, 1}, {1e300, -1e300}},
			0, 0, 0),
	} {
		m.Classes.Numbers = []float64{0, 1, 2}[:max(2, len(m.Coef))]
		_, report, err := hereOf(t, judging(m), writeRows(t, "x.csv", "a,b,y\n1,2,0\n1e20,1e20,1\n"))
		if !errors.Is(err, model.ErrTooLarge) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		if _, _, err := hereOf(t, judging(m), writeRows(t, "x.csv", "a,b,y\n1,2,0\n2,1,1\n")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A row without a target has a prediction, and no part in the scores.
func TestRowsWithoutTarget(t *testing.T) {
	m := plain(model.Regression, model.SquaredError, [][]float64{{1}}, 0)
	b := &vectors.Block{Dim: 1, Target: []float64{3, math.NaN(), 5}}
	for i := range 3 {
		b.Append([]float64{float64(i)}, int64(i))
	}
	e := newEvaluation(m, &vectorio.Options{}, vectorio.Chunk{})
	if err := e.add(&predictor{model: m, predicted: []float64{0, 1, 2}}, b, new([]*fault.Fault)); err != nil {
		t.Fatal(err)
	}
	if r, err := e.regression.Metrics(); err != nil || r.Weight != 2 || r.MSE() != 9 || r.MAE() != 3 {
		t.Errorf("weight %v, MSE %v, MAE %v, %v", r.Weight, r.MSE(), r.MAE(), err)
	}
}

// Workers get a model without what only going on to learn needs; the job's model keeps it.
func TestModelOfWorkersIsLean(t *testing.T) {
	m := plain(model.Regression, model.SquaredError, [][]float64{{1}}, 0)
	m.State = &model.State{}
	j := &PredictJob{Model: m, Options: PredictOptions{Destination: output.To(filepath.Join(t.TempDir(), "p.csv"))}}
	if err := j.Inspect(t.Context(), []string{writeRows(t, "x.csv", "x\n1\n")}); err != nil {
		t.Fatal(err)
	}
	a, err := j.prepare()
	if err != nil {
		t.Fatal(err)
	}
	if a.linear.State != nil || m.State == nil || !reflect.DeepEqual(a.linear.Coef, m.Coef) {
		t.Errorf("the state of the workers' model is %v, that of the job's %v", a.linear.State, m.State)
	}
}

// ofTwoTargets is a model of the targets u and v, each of two classes.
func ofTwoTargets() Targets {
	u := plain(model.Classification, model.LogLoss, [][]float64{{1}}, 0)
	v := plain(model.Classification, model.LogLoss, [][]float64{{-1}}, 0)
	u.Classes.Numbers, v.Classes.Numbers = []float64{0, 1}, []float64{0, 1}
	return Targets{&targets.Model{Targets: []string{"u", "v"}, Models: []*model.Model{u, v}}}
}

// Targets that have the model's names are in its order, and others may have any: each is compared with its own.
func TestComparesInOrder(t *testing.T) {
	m := ofTwoTargets()
	for names, fine := range map[string]bool{
		"u,v": true, "v,u": false, "a,b": true, "u,b": false, "b,v": false, "a": false, "a,b,c": false,
	} {
		err := m.compares(strings.Split(names, ","))
		if (err == nil) != fine || !fine && !strings.Contains(err.Error(), "in its order: u, v") {
			t.Errorf("%s: %v", names, err)
		}
	}
}

// A row whose labels are unknown for two targets is rejected once.
func TestRejectedForTwoTargets(t *testing.T) {
	j := &PredictJob{Other: ofTwoTargets(), Options: PredictOptions{Evaluate: true, Destination: output.To("p.csv")}}
	j.Model = plain(model.Classification, model.LogLoss, nil)
	j.Reading.SkipFaults, j.Reading.TargetColumns, j.Reading.Formats.Labels = true, []string{"u", "v"}, true
	got, report, err := hereOf(t, j, writeRows(t, "x.csv", "x,u,v\n1,1,0\n2,7,8\n-3,0,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "id,prediction_u,prediction_v\n0,1,0\n1,,\n2,0,1\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if report.Rows != 2 || report.Rejected != 1 {
		t.Errorf("%d rows, %d rejected", report.Rows, report.Rejected)
	}
	for _, s := range report.Targets {
		if s.Classes.Accuracy != 1 {
			t.Errorf("%s: accuracy %v", s.Target, s.Classes.Accuracy)
		}
	}
}

// Of rows with many values fewer are judged, unless they are sparse, and of many decisions, too.
func TestJudgedOf(t *testing.T) {
	for _, c := range []struct {
		dim, decisions int
		sparse         bool
		most           int64
	}{{1, 1, false, 100_000}, {500, 1, false, 100_000}, {1000, 1, false, 50_000}, {1000, 1, true, 100_000},
		{0, 20, false, 100_000}, {1, 40, false, 50_000}, {5000, 40, false, 10_000}, {5000, 40, true, 50_000}} {
		var chunks []vectorio.Chunk
		for i := range int64(10) {
			chunk := vectorio.Chunk{Ordinal: i, First: i * 100_000}
			chunk.Span.Rows = 100_000
			chunks = append(chunks, chunk)
		}
		reading := &vectorio.Options{}
		reading.Formats.Sparse = c.sparse
		if _, lot := judgedOf(chunks, judgedRows, reading, c.dim, c.decisions); lot != overview.LotOf(c.most, 1_000_000) {
			t.Errorf("%+v: another lot", c)
		}
	}
}

// The rows of a page come in their own order, however many groups of workers have listed the chunks.
func TestJudgedInOrder(t *testing.T) {
	input, reading := classes(300, 4).cuts(t, t.TempDir(), "npy", 100, 170)
	var all []*overview.Judged
	for groups, w := range map[int]placement.Workers{1: placement.InProcess, 3: placement.Remote} {
		j := &training{input: input, reading: reading, unitRows: 20, chunkRows: 20, fitting: exactOfTwo}
		j.options = Options{Shards: 6, Groups: groups, Workers: w, CacheMemory: -1,
			Model: filepath.Join(t.TempDir(), "m.json")}
		j.then = func(job *Job, report *Report, fit *fitting.Fit) error {
			judged, err := Judge(context.Background(), job, report, fit.Model())
			all = append(all, judged)
			return err
		}
		if _, _, err := j.trained(t); err != nil {
			t.Fatal(err)
		}
	}
	want := classes(300, 4).numbers()
	for _, judged := range all {
		if len(judged.Class) != len(want) {
			t.Fatalf("%d rows", len(judged.Class))
		}
		for i, class := range judged.Class {
			if float64(class) != want[i] {
				t.Fatalf("row %d is of class %d, want %v", i, class, want[i])
			}
		}
	}
}
