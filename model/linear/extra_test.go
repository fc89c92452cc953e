package linear

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// extraCase is a case of extra.json, which testdata/generate.py describes.
type extraCase struct {
	sgdCase
	Sparse, Balanced bool
	Epochs           int
}

// wideRows are the sparse rows of generate.py: the table's, without values below 0.05, and one of twelve columns of ones.
func wideRows(tab *table) *CSR {
	s := &CSR{Offsets: []int{0}}
	for i := range 500 {
		for j, v := range tab.x[i*tableFeatures : (i+1)*tableFeatures] {
			if math.Abs(v) >= 0.05 {
				s.Indices = append(s.Indices, int32(j))
				s.Values = append(s.Values, v)
			}
		}
		s.Indices = append(s.Indices, int32(tableFeatures+i*7%12))
		s.Values = append(s.Values, 1)
		s.Offsets = append(s.Offsets, len(s.Values))
	}
	return s
}

const wideFeatures = tableFeatures + 12

// sliceRows is the rows lo ≤ i < hi.
func sliceRows(s *CSR, lo, hi int) *CSR {
	from, to := s.Offsets[lo], s.Offsets[hi]
	out := &CSR{Indices: s.Indices[from:to], Values: s.Values[from:to]}
	for _, o := range s.Offsets[lo : hi+1] {
		out.Offsets = append(out.Offsets, o-from)
	}
	return out
}

func (c *extraCase) chunks(tab *table, sizes []int) []*Chunk {
	var target, weights []float64
	if c.Target != nil {
		target = tab.columns[*c.Target]
	}
	if c.SampleWeight != nil {
		weights = tab.columns[*c.SampleWeight]
	}
	out := chunks(tab.x, tableFeatures, target, weights, sizes...)
	if c.Sparse {
		wide, row := wideRows(tab), 0
		for _, k := range out {
			n := k.Len()
			k.X, k.Features, k.Sparse = nil, wideFeatures, sliceRows(wide, row, row+n)
			row += n
		}
	}
	return out
}

// More of scikit-learn's results: sparse rows, weights, epochs with a criterion to stop.
func TestExtra(t *testing.T) {
	tab := readTable(t)
	cases := readCases[extraCase](t, "extra.json")
	if len(cases) != 82 {
		t.Errorf("%d cases", len(cases))
	}
	worst := 0.0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			compare := func(what string, got, want []float64) {
				d := distance(t, what, got, want)
				worst = max(worst, d)
				if !(d <= tolerance) {
					t.Errorf("%s: off by %.2g: got %v, want %v", what, d, got, want)
				}
			}
			o := c.options(t)
			o.ClassWeight.Balanced = c.Balanced
			features := tableFeatures
			if c.Sparse {
				features = wideFeatures
			}
			sizes := c.Chunks
			if c.Epochs > 0 {
				sizes = []int{500}
				o.Tol = new(numbers(t, c.Params["tol"])[0])
			}
			s, err := NewSGD(o, features)
			if err != nil {
				t.Fatal(err)
			}
			rows := c.chunks(tab, sizes)
			var m *Model
			check := func(i int) {
				t.Helper()
				if m, err = s.Model(); err != nil {
					t.Fatal(err)
				}
				want := c.AfterChunk[i]
				intercepts := numbers(t, want.Intercept)
				if m.Task == OneClass {
					scale(-1, intercepts)
				}
				compare(fmt.Sprint("chunk ", i), slices.Concat(slices.Concat(m.Coef...), m.Intercept), slices.Concat(numbers(t, want.Coef), intercepts))
				if s.t != want.T {
					t.Errorf("chunk %d: t is %v, want %v", i, s.t, want.T)
				}
			}
			if c.Epochs == 0 {
				for i, k := range rows {
					if err := s.PartialFit(k); err != nil {
						t.Fatal(err)
					}
					check(i)
				}
			} else {
				most := int(numbers(t, c.Params["max_iter"])[0])
				for epoch := 1; epoch <= c.Epochs; epoch++ {
					if err := s.PartialFit(rows[0]); err != nil {
						t.Fatal(err)
					}
					if done := s.EndEpoch(); done != (epoch == c.Epochs && epoch < most) {
						t.Fatalf("epoch %d of %d: done is %v", epoch, c.Epochs, done)
					}
				}
				check(0)
			}
			head := c.chunks(tab, []int{20})[0]
			decision, err := m.DecisionFunction(head, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare("decision", decision, numbers(t, c.Decision))
			predictions, err := m.Predict(head, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Task == Classification {
				for i, p := range predictions {
					predictions[i] = m.Classes.Numbers[int(p)]
				}
			}
			compare("predict", predictions, numbers(t, c.Predict))
			if m.HasProba() {
				proba, err := m.PredictProba(head, nil)
				if err != nil {
					t.Fatal(err)
				}
				compare("proba", proba, numbers(t, c.Proba))
			}
		})
	}
	t.Logf("the worst is off by %.2g", worst)
}

// Metrics are those of scikit-learn, whether in one go or merged.
func TestMetrics(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "extra.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Metrics map[string]struct {
			R2, MSE, MAE, Accuracy, AUC float64
			F1                          []float64
			F1Macro                     float64 `json:"f1_macro"`
			LogLoss                     float64 `json:"log_loss"`
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	tab := readTable(t)
	for name, want := range file.Metrics {
		t.Run(name, func(t *testing.T) {
			var regression [2]RegressionMetrics
			classification := []*ClassificationMetrics{NewClassificationMetrics(3), NewClassificationMetrics(3)}
			var positive []bool
			var scores, weights []float64
			for i := range 500 {
				x, w := tab.x[i*tableFeatures:], 1.0
				if name == "weighted" {
					w = tab.columns["sw"][i]
					weights = append(weights, w)
				}
				part := min(i/123, 1)
				regression[part].Add(tab.columns["y_reg"][i], x[0]+x[1], w)
				proba := []float64{math.Abs(x[0]) + 0.1, math.Abs(x[1]) + 0.1, math.Abs(x[2]) + 0.1}
				if i%50 == 0 {
					proba = []float64{0, 0, 1}
				}
				scale(1/(proba[0]+proba[1]+proba[2]), proba)
				taken := 0
				for _, edge := range []float64{-0.1, 0.1} {
					if x[1] >= edge {
						taken++
					}
				}
				classification[part].Add(int(tab.columns["y_multi"][i]), taken, proba, w)
				positive = append(positive, tab.columns["y_bin"][i] > 0)
				scores = append(scores, math.RoundToEven((x[3]-x[4])*10))
			}
			regression[0].Merge(&regression[1])
			classification[0].Merge(classification[1])
			auc, err := AUC(positive, scores, weights)
			if err != nil {
				t.Fatal(err)
			}
			r, c := &regression[0], classification[0]
			for _, m := range []struct {
				name      string
				got, want float64
			}{
				{"r2", r.R2(), want.R2}, {"mse", r.MSE(), want.MSE}, {"mae", r.MAE(), want.MAE},
				{"accuracy", c.Accuracy(), want.Accuracy}, {"log loss", c.LogLoss(), want.LogLoss}, {"macro F1", c.MacroF1(), want.F1Macro},
				{"F1 of 0", c.F1(0), want.F1[0]}, {"F1 of 1", c.F1(1), want.F1[1]}, {"F1 of 2", c.F1(2), want.F1[2]}, {"auc", auc, want.AUC},
			} {
				if !(math.Abs(m.got-m.want) <= 1e-12*math.Abs(m.want)) {
					t.Errorf("%s: got %v, want %v", m.name, m.got, m.want)
				}
			}
		})
	}
}

func TestMetricsAtTheEdge(t *testing.T) {
	var r RegressionMetrics
	r.Add(3, 3, 1)
	r.Add(3, 3, 1)
	if got := r.R2(); got != 1 {
		t.Errorf("a constant, all right: R² is %v", got)
	}
	r.Add(3, 4, 1)
	if got := r.R2(); got != 0 {
		t.Errorf("a constant, one wrong: R² is %v", got)
	}
	c := NewClassificationMetrics(3)
	c.Add(0, 0, nil, 2)
	c.Add(1, 0, []float64{1, 0, 0}, 2)
	if got := c.LogLoss(); !math.IsNaN(got) {
		t.Errorf("a row without probabilities: log loss is %v", got)
	}
	if got := c.F1(2); got != 0 {
		t.Errorf("a class that is not there: F1 is %v", got)
	}
	if got := c.MacroF1(); got != (2.0*2/(2+4)+0)/2 {
		t.Errorf("macro F1 is %v", got)
	}
	if got, err := AUC([]bool{true, true}, []float64{1, 2}, nil); err != nil || !math.IsNaN(got) {
		t.Errorf("one kind: %v, %v", got, err)
	}
	if _, err := AUC([]bool{true, false}, []float64{1, math.NaN()}, nil); err == nil {
		t.Error("NaN has a rank")
	}
	if _, err := AUC([]bool{true, false}, []float64{1}, nil); err == nil {
		t.Error("one score for two rows")
	}
}
