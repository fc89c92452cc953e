package linear_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

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
	tab := lineartest.ReadTable(t)
	for name, want := range file.Metrics {
		t.Run(name, func(t *testing.T) {
			var regression [2]linear.RegressionMetrics
			classification := []*linear.ClassificationMetrics{linear.NewClassificationMetrics(3),
				linear.NewClassificationMetrics(3)}
			var sums [2]linear.RegressionSums
			classSums := []*linear.ClassificationSums{linear.NewClassificationSums(3, 0),
				linear.NewClassificationSums(3, 0)}
			var positive []bool
			var scores, weights []float64
			for i := range 500 {
				x, w := tab.X[i*lineartest.TableFeatures:], 1.0
				if name == "weighted" {
					w = tab.Columns["sw"][i]
					weights = append(weights, w)
				}
				part := min(i/123, 1)
				regression[part].Add(tab.Columns["y_reg"][i], x[0]+x[1], w)
				sums[part].Add(tab.Columns["y_reg"][i], x[0]+x[1], w)
				proba := []float64{math.Abs(x[0]) + 0.1, math.Abs(x[1]) + 0.1, math.Abs(x[2]) + 0.1}
				if i%50 == 0 {
					proba = []float64{0, 0, 1}
				}
				kernel.Scale(1/(proba[0]+proba[1]+proba[2]), proba)
				taken := 0
				for _, edge := range []float64{-0.1, 0.1} {
					if x[1] >= edge {
						taken++
					}
				}
				classification[part].Add(int(tab.Columns["y_multi"][i]), taken, proba, w)
				classSums[part].Add(int(tab.Columns["y_multi"][i]), taken, proba, w)
				positive = append(positive, tab.Columns["y_bin"][i] > 0)
				scores = append(scores, math.RoundToEven((x[3]-x[4])*10))
			}
			regression[0].Merge(&regression[1])
			classification[0].Merge(classification[1])
			auc, err := linear.AUC(positive, scores, weights)
			if err != nil {
				t.Fatal(err)
			}
			sums[1].Merge(&sums[0])
			classSums[1].Merge(classSums[0])
			exact, err := sums[1].Metrics()
			if err != nil {
				t.Fatal(err)
			}
			r, c, exactly := &regression[0], classification[0], classSums[1].Metrics()
			for _, m := range []struct {
				name      string
				got, want float64
			}{
				{"r2", r.R2(), want.R2}, {"mse", r.MSE(), want.MSE}, {"mae", r.MAE(), want.MAE},
				{"accuracy", c.Accuracy(), want.Accuracy}, {"log loss", c.LogLoss(), want.LogLoss},
				{"macro F1", c.MacroF1(), want.F1Macro},
				{"F1 of 0", c.F1(0), want.F1[0]}, {"F1 of 1", c.F1(1), want.F1[1]}, {"F1 of 2", c.F1(2), want.F1[2]},
				{"auc", auc, want.AUC}, {"r2 of sums", exact.R2(), want.R2}, {"mse of sums", exact.MSE(), want.MSE},
				{"mae of sums", exact.MAE(), want.MAE}, {"log loss of sums", exactly.LogLoss(), want.LogLoss},
				{"macro F1 of sums", exactly.MacroF1(), want.F1Macro},
			} {
				if !(math.Abs(m.got-m.want) <= 1e-12*math.Abs(m.want)) {
					t.Errorf("%s: got %v, want %v", m.name, m.got, m.want)
				}
			}
		})
	}
}

func TestMetricsAtTheEdge(t *testing.T) {
	var r linear.RegressionMetrics
	r.Add(3, 3, 1)
	r.Add(3, 3, 1)
	if got := r.R2(); got != 1 {
		t.Errorf("a constant, all right: R² is %v", got)
	}
	r.Add(3, 4, 1)
	if got := r.R2(); got != 0 {
		t.Errorf("a constant, one wrong: R² is %v", got)
	}
	c := linear.NewClassificationMetrics(3)
	c.Add(0, 0, nil, 2)
	c.Add(1, 0, []float64{1, 0, 0}, 2)
	if got := c.LogLoss(); !math.IsNaN(got) {
		t.Errorf("a row without probabilities: log loss is %v", got)
	}
	sure := linear.NewClassificationMetrics(2)
	sure.Add(0, 0, []float64{1, 0}, 1)
	// that of scikit-learn, whose clip is at both ends
	if got, want := sure.LogLoss(), 0x1p-52; !(math.Abs(got-want) <= 1e-30) {
		t.Errorf("a probability of 1: log loss is %v, want %v", got, want)
	}
	sure.Add(0, 1, []float64{0, 1}, 1)
	if got, want := sure.LogLoss(), 26*math.Ln2; !(math.Abs(got-want) <= 1e-13) {
		t.Errorf("probabilities of 1 and 0: log loss is %v, want %v", got, want)
	}
	if got := c.F1(2); got != 0 {
		t.Errorf("a class that is not there: F1 is %v", got)
	}
	if got := c.MacroF1(); got != (2.0*2/(2+4)+0)/2 {
		t.Errorf("macro F1 is %v", got)
	}
	if got, err := linear.AUC([]bool{true, true}, []float64{1, 2}, nil); err != nil || !math.IsNaN(got) {
		t.Errorf("one kind: %v, %v", got, err)
	}
	if _, err := linear.AUC([]bool{true, false}, []float64{1, math.NaN()}, nil); err == nil {
		t.Error("NaN has a rank")
	}
	if _, err := linear.AUC([]bool{true, false}, []float64{1}, nil); err == nil {
		t.Error("one score for two rows")
	}
}

// Metrics cross the wire to the bit.
func TestMetricsEncoding(t *testing.T) {
	for _, proba := range [][]float64{nil, {0.1, 0.7, 0.2}} {
		m := linear.NewClassificationMetrics(3)
		m.Add(1, 1, []float64{0.3, 0.3, 0.4}, 0.1)
		m.Add(2, 1, proba, 1.0/3)
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var n linear.ClassificationMetrics
		if err := n.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(n) != fmt.Sprint(*m) || math.Float64bits(n.LogLoss()) != math.Float64bits(m.LogLoss()) {
			t.Errorf("got %+v, want %+v", n, *m)
		}
	}
	var n linear.ClassificationMetrics
	for _, b := range [][]byte{nil, make([]byte, 7), make([]byte, 24)} {
		if err := n.UnmarshalBinary(b); err == nil {
			t.Errorf("%d bytes are read", len(b))
		}
	}
	var r, s linear.RegressionMetrics
	r.Add(1, 1.0/3, 0.7)
	r.Squared = math.Inf(1)
	b, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.UnmarshalBinary(b); err != nil || s != r {
		t.Errorf("%v: got %+v, want %+v", err, s, r)
	}
	if err := s.UnmarshalBinary(b[1:]); err == nil {
		t.Error("39 bytes are read")
	}
}

// Deviances in parts, of which some have no rows of any weight, are those of all rows at once.
func TestMergeDeviances(t *testing.T) {
	t.Parallel()
	alpha := 1.0
	o := linear.Options{Task: linear.Regression, Loss: linear.Poisson, Alpha: &alpha}
	of, ok := o.Deviance()
	if !ok {
		t.Fatal("poisson has no deviance")
	}
	var whole, merged linear.RegressionMetrics
	parts := make([]linear.RegressionMetrics, 4)
	for i, y := range []float64{1, 0, 3, 7, 2, 5} {
		decision, weight := float64(i%3)-0.5, float64(i%4) // of which some are 0
		for _, m := range []*linear.RegressionMetrics{&whole, &parts[1+i/4]} {
			m.Add(y, math.Exp(decision), weight)
			m.AddDeviance(of, y, decision, weight)
		}
	}
	parts[0].Add(1, 2, 0)
	for i := range parts {
		merged.Merge(&parts[i])
	}
	for name, v := range map[string][2]float64{
		"mean deviance":      {merged.MeanDeviance(), whole.MeanDeviance()},
		"D²":                 {merged.D2(of), whole.D2(of)},
		"that of a constant": {merged.ConstantDeviance(of), whole.ConstantDeviance(of)},
		"R²":                 {merged.R2(), whole.R2()},
		"MAE":                {merged.MAE(), whole.MAE()},
	} {
		if !(math.Abs(v[0]-v[1]) <= 1e-14*math.Abs(v[1])) || v[1] == 0 {
			t.Errorf("%s: %v in parts, %v at once", name, v[0], v[1])
		}
	}
}
