package overview

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/linear/sgd"
	"beamlearn/model/report"
)

const evil = `</script><script>alert(1)</script>`

// rows are n rows of two columns with a target each.
func rows(n int, target func(x, y float64) float64) *linear.Chunk {
	r := rand.New(rand.NewPCG(1, 2))
	c := &linear.Chunk{Features: 2}
	for i := range n {
		x, y := r.NormFloat64(), r.NormFloat64()
		c.X, c.Target, c.Numbers = append(c.X, x, y), append(c.Target, target(x, y)), append(c.Numbers, int64(i))
	}
	return c
}

func write(t *testing.T, v *View) string {
	t.Helper()
	p, err := v.Page()
	if err != nil {
		t.Fatal(err)
	}
	var w bytes.Buffer
	if err := p.Write(&w); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

func has(t *testing.T, page string, all ...string) {
	t.Helper()
	for _, s := range all {
		if !strings.Contains(page, s) {
			t.Errorf("no %q", s)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "ZgotmplZ") {
		t.Error("a text is not escaped, or not let through")
	}
}

func TestRegressionPage(t *testing.T) {
	m := &linear.Model{
		Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{2, 0}}, Intercept: []float64{1},
		Options: linear.Options{Penalty: linear.L2, Alpha: new(0.1)}, Training: linear.Training{Solver: "exact"},
	}
	c := rows(3000, func(x, y float64) float64 { return 2*x + 1 + y })
	j := &Judged{Of: 9000}
	if err := j.Add(m, c, nil); err != nil {
		t.Fatal(err)
	}
	if s := j.Regression(); !(math.Abs(s.MSE()-1) <= 0.1) || !(math.Abs(s.R2()-0.8) <= 0.03) {
		t.Errorf("%+v", s)
	}
	cv := &linear.CVResult{
		Params: []linear.CVParams{{Alpha: 10}, {Alpha: 0.1}, {Alpha: 1}},
		Metrics: []linear.CVMetric{{Name: "r2", Splits: [][]float64{{0.1, 0.9, 0.88}, {0.2, 0.7, 0.71}},
			Constant: []float64{-0.125, -0.375}},
			{Name: "neg_mean_squared_error", Splits: [][]float64{{-9, -1, -2}, {-8, -2, -1}}}},
		Path: &linear.CVPath{Features: []int{1, 0}, Coef: [][]float64{{0, 1}, {2, 3}, {math.NaN(), math.NaN()}}},
	}
	page := write(t, &View{Source: evil, Model: m, Columns: []string{"a" + evil, "b"}, CV: cv, Judged: j,
		Facts: []report.Fact{{Name: "rows", Value: "9000"}}})
	has(t, page, "a sample of 3000 of the 9000 rows", "Residuals by prediction", "1 of 2 columns have the coefficient 0",
		"A simpler model, with alpha 1,",
		"Mean squared error, by cross-validation", "the simplest within one standard error", "Coefficients by alpha",
		"0.8 ± 0.1",
		"that of a constant prediction, which knows no column, is -0.25",
		`<th scope="row">a constant prediction</th><td class="number">-0.25</td><td></td><td></td><td></td><td></td>`)
}

// A column whose coefficient is 0 has no bar and no line; where all are 0, there are no bars.
func TestZeroCoefficients(t *testing.T) {
	m := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{0, 2, 0}},
		Intercept: []float64{1}, Options: linear.Options{Penalty: linear.L1, Alpha: new(0.1)}}
	for _, bars := range []bool{true, false} {
		page := write(t, &View{Source: "x.csv", Model: m, Columns: []string{"first", "second", "third"}})
		if got := strings.Contains(page, `<path class="axis"`); got != bars || strings.Contains(page, `"row">first<`) ||
			strings.Contains(page, `"row">second<`) != bars || !strings.Contains(page, `"row">intercept<`) ||
			strings.Contains(page, "more are not listed") {
			t.Errorf("bars %v, want %v, or a line too many, or too few", got, bars)
		}
		m.Coef[0][1] = 0
	}
}

// Rows that are judged in parts are those that are judged at once, also where only some of the parts have weights.
func TestMerge(t *testing.T) {
	regression := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{2, 0}},
		Intercept: []float64{1}}
	classes := &linear.Model{Task: linear.Classification, Loss: linear.LogLoss, Coef: [][]float64{{3, 0.5}},
		Intercept: []float64{0}, Classes: linear.Classes{Numbers: []float64{0, 1}}}
	for _, m := range []*linear.Model{regression, classes} {
		for _, first := range []float64{1, 3} {
			parts := []*linear.Chunk{rows(10, func(x, y float64) float64 { return x }),
				rows(7, func(x, y float64) float64 { return y })}
			parts[0].Weights = slices.Repeat([]float64{first}, 10)
			if first == 1 {
				parts[1].Weights = slices.Repeat([]float64{2}, 7)
			}
			class := func(i int) int32 { return int32(i % 2) }
			whole, merged := &Judged{}, &Judged{}
			for _, c := range parts {
				part := &Judged{}
				if err := errors.Join(whole.Add(m, c, class), part.Add(m, c, class)); err != nil {
					t.Fatal(err)
				}
				merged.Merge(part)
			}
			if !reflect.DeepEqual(whole, merged) || len(merged.Weights) != 17 {
				t.Errorf("%s: got %+v, want %+v", m.Task, merged, whole)
			}
		}
	}
}

func TestClassificationPage(t *testing.T) {
	m := &linear.Model{
		Task: linear.Classification, Loss: linear.LogLoss, Coef: [][]float64{{3, 0.5}}, Intercept: []float64{0},
		Classes: linear.Classes{Texts: []string{"no" + evil, "yes"}}, Options: linear.Options{Penalty: linear.None},
	}
	c := rows(2000, func(x, y float64) float64 { return 0 })
	truth := make([]int32, c.Len())
	for i := range truth {
		if c.X[2*i]+0.3*c.X[2*i+1] > 0 {
			truth[i] = 1
		}
	}
	c.Weights = make([]float64, c.Len())
	for i := range c.Weights {
		c.Weights[i] = float64(1 + i%3)
	}
	j := &Judged{Of: 2000}
	if err := j.Add(m, c, func(i int) int32 { return truth[i] - int32(i%1000/999) }); err != nil { // some of no class
		t.Fatal(err)
	}
	if j.Rows < 1998 || j.Rows == 2000 || len(j.Weights) != j.Rows || len(j.Probas) != 2*j.Rows {
		t.Fatalf("%d rows, %d weights, %d probabilities", j.Rows, len(j.Weights), len(j.Probas))
	}
	curves, err := j.curves(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	positive, scores := make([]bool, j.Rows), j.Decisions
	for i, c := range j.Class {
		positive[i] = c == 1
	}
	if auc, err := linear.AUC(positive, scores, j.Weights); err != nil || auc != curves.auc || auc < 0.95 {
		t.Errorf("AUC %v, want %v: %v", curves.auc, auc, err)
	}
	head := &linear.Model{Task: m.Task, Loss: m.Loss, Classes: m.Classes,
		Options: linear.Options{MultiClass: linear.Multinomial}} // as that of naive Bayes
	other := &Judged{Of: 2000}
	if err := other.AddBy(head, m, c, func(i int) int32 { return truth[i] - int32(i%1000/999) }); err != nil {
		t.Fatal(err)
	}
	got, err := other.curves(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got.auc != curves.auc {
		t.Errorf("of a softmax of two classes: AUC %v, want %v", got.auc, curves.auc)
	}
	area := 0.0 // below the curve that is drawn
	for i := 1; i < len(curves.fpr); i++ {
		area += (curves.fpr[i] - curves.fpr[i-1]) * (curves.tpr[i] + curves.tpr[i-1]) / 2
	}
	if !(math.Abs(area-curves.auc) <= 1e-9) {
		t.Errorf("the area below the curve is %v, not %v", area, curves.auc)
	}
	r, w := j.reliability(1, 2), 0.0
	for b, v := range r.weight {
		w += v
		if lo := float64(b) / 10; v > 0 && (r.mean[b] < lo || r.mean[b] > lo+0.1 || r.share[b] < 0 || r.share[b] > 1) {
			t.Errorf("bin %d: %v, %v", b, r.mean[b], r.share[b])
		}
	}
	if all := sum(j.Weights); !(math.Abs(w-all) <= 1e-9) {
		t.Errorf("%v of a weight of %v", w, all)
	}
	page := write(t, &View{Source: "x.csv", Model: m, Judged: j,
		Curve: []sgd.ProgressivePoint{{Rows: 2, Weight: 1, Loss: 0.7}, {Rows: 4, Weight: 2, Loss: 0.3}}})
	has(t, page, "F1 of yes", "column 1", "Precision and recall", "Calibration", "Predicted before they were learned from",
		`--share:`)

	m.Loss = linear.Hinge
	few := &Judged{Of: 1}
	if err := few.Add(m, rows(1, func(x, y float64) float64 { return 0 }), func(int) int32 { return 1 }); err != nil {
		t.Fatal(err)
	}
	has(t, write(t, &View{Source: "x", Model: m, Judged: few}), "There are rows of one class only.")
	has(t, write(t, &View{Source: "x", Model: m}), "What it goes by")
}

// Of many classes and columns, the page shows some, and says how many it leaves out.
func TestManyPage(t *testing.T) {
	const classes, features = 45, 500
	m := &linear.Model{Task: linear.Classification, Loss: linear.LogLoss, Intercept: make([]float64, classes)}
	for k := range classes {
		w := make([]float64, features)
		for j := range w {
			w[j] = float64(j%7) * float64(k)
		}
		m.Coef = append(m.Coef, w)
		m.Classes.Numbers = append(m.Classes.Numbers, float64(k))
	}
	c := &linear.Chunk{Features: features}
	for i := range 300 {
		row := make([]float64, features)
		row[i] = 0.01
		c.X, c.Numbers = append(c.X, row...), append(c.Numbers, int64(i))
	}
	j := &Judged{Of: 300}
	if err := j.Add(m, c, func(i int) int32 { return int32(i % classes) }); err != nil {
		t.Fatal(err)
	}
	page := write(t, &View{Source: "x", Model: m, Judged: j})
	has(t, page, "15 more classes are not listed", ">398 more are not listed",
		"Curves of the 10 of 45 classes that have the most rows.")
	if len(page) > 1<<20 {
		t.Errorf("%d bytes", len(page))
	}
}

// Where a strength of the penalty is 0, strengths stand side by side; a table without curves stands for one
// combination; and the optimum of an exact solver has no learning curve.
func TestPageOfStrengths(t *testing.T) {
	m := &linear.Model{
		Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{1, -2}}, Intercept: []float64{0},
		Training: linear.Training{Solver: "sgd"},
	}
	cv := &linear.CVResult{Params: []linear.CVParams{{Alpha: 1}, {Alpha: 0}, {Alpha: 1e-4}}, Metrics: []linear.CVMetric{
		{Name: "neg_mean_squared_error", Splits: [][]float64{{-1, -400, -2}, {-1, -500, -2}}},
	}}
	v := &View{Source: "x", Model: m, CV: cv, Curve: []sgd.ProgressivePoint{{Rows: 1, Loss: 1}, {Rows: 2, Loss: 0.5}}}
	axis, place := v.alphas()
	if axis.Log || !slices.Equal(axis.Names, []string{"0", "0.0001", "1"}) || place(1) != 2 || place(0) != 0 {
		t.Errorf("axis %+v, 1 at %v, 0 at %v", axis, place(1), place(0))
	}
	const chart, curve = ">Mean squared error, by cross-validation<", "How it learned"
	has(t, write(t, v), chart, curve)
	m.Training.Solver = "exact"
	cv.Params, cv.Metrics[0].Splits = cv.Params[:1], [][]float64{{-1}, {-2}}
	page := write(t, v)
	has(t, page, "All combinations")
	for _, text := range []string{chart, curve} {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

func TestThin(t *testing.T) {
	var x, y []float64
	for i := range 10_000 {
		x, y = append(x, float64(i)/9999), append(y, math.Sqrt(float64(i)/9999))
	}
	tx, ty := thin(x, y)
	if len(tx) > 2*curvePoints || tx[0] != 0 || tx[len(tx)-1] != 1 || ty[len(ty)-1] != 1 || !slices.IsSorted(tx) {
		t.Errorf("%d points from %v to %v", len(tx), tx[0], tx[len(tx)-1])
	}
	if _, fy := thin(x[:5], y[:5]); fmt.Sprint(fy) != fmt.Sprint(y[:5]) {
		t.Error("few points are thinned")
	}
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// The constant beside the pinball loss is that of the least loss, also with weights: of scikit-learn 1.9.1,
// mean_pinball_loss([1, 2, 4, 9], [4]*4, alpha=0.75) is 1.25, and with sample_weight=[1, 1, 1, 5] at 9 it is 0.625.
func TestConstantPinball(t *testing.T) {
	j := &Judged{Rows: 4, Target: []float64{9, 1, 4, 2}, Predicted: []float64{0, 0, 0, 0}, Quantile: new(0.75)}
	if got := j.ConstantPinball(0.75); got != 1.25 {
		t.Errorf("%v", got)
	}
	j.Weights = []float64{5, 1, 1, 1}
	if got := j.ConstantPinball(0.75); got != 0.625 {
		t.Errorf("with weights: %v", got)
	}
}

// The path shows how the coefficients shrink about the alpha of the model, which a line marks: values of alpha that let
// coefficients grow many times as large are left out, and a line says so.
func TestPathAboutTheModel(t *testing.T) {
	m := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{{2, -1}},
		Intercept: []float64{0}, Options: linear.Options{Penalty: linear.L2, Alpha: new(0.1)}}
	cv := &linear.CVResult{
		Params: []linear.CVParams{{Alpha: 1}, {Alpha: 0.1}, {Alpha: 0.01}, {Alpha: 1e-4}, {Alpha: 1e-6}},
		Metrics: []linear.CVMetric{{Name: "r2", Splits: [][]float64{{0.7, 0.8, 0.7, 0.1, -1},
			{0.7, 0.8, 0.7, 0.1, -1}}}},
		Path: &linear.CVPath{Features: []int{0, 1}, Coef: [][]float64{{1, 0}, {2, -1}, {9, -2}, {80, -3}, {math.NaN(), 0}}},
	}
	v := &View{Source: "x", Model: m, Columns: []string{"first", "second"}, CV: cv}
	chart := v.path()[0].(report.Columns)[0].(report.Chart)
	if got := chart.Series[0]; got.Name != "first" || !slices.Equal(got.Y, []float64{9, 2, 1}) {
		t.Errorf("%+v", got)
	}
	if got := chart.Series[2]; !got.Guide || !slices.Equal(got.X, []float64{0.1, 0.1}) ||
		!slices.Equal(got.Y, []float64{-2, 9}) {
		t.Errorf("the line at the model's alpha: %+v", got)
	}
	page := write(t, v)
	has(t, page, "whose coefficients are the largest of the model, which has alpha 0.1.",
		"without the 2 least values of alpha, below 0.01. There coefficients are up to 80,",
		`<th scope="col" class="number">second</th></tr></thead><tbody><tr><th scope="row" class="number">0.01</th>`)
	if cv.Path.Coef = [][]float64{{1, 0}, {2, -1}, {3, -2}, {4, -3}, {5, 0}}; strings.Contains(write(t, v),
		"least values of alpha") {
		t.Error("values of alpha are left out, though the coefficients are no larger than elsewhere")
	}
}
