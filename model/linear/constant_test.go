package linear_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"beamlearn/model/linear"
)

// Constant is scikit-learn's DummyClassifier(strategy="prior"), whatever the model has said.
func TestConstantPrediction(t *testing.T) {
	m := linear.NewClassificationMetrics(3)
	for class, weight := range []float64{1, 4, 3} {
		m.Add(class, 0, []float64{1, 0, 0}, weight)
	}
	c := m.Constant()
	want := -(1*math.Log(1./8) + 4*math.Log(4./8) + 3*math.Log(3./8)) / 8
	if c.Accuracy() != 0.5 || !(math.Abs(c.LogLoss()-want) <= 1e-15) || m.Accuracy() != 1./8 {
		t.Errorf("accuracy %v, log loss %v, want 0.5, %v", c.Accuracy(), c.LogLoss(), want)
	}
	if c.Confusion[0][1] != 1 || c.Confusion[1][1] != 4 || c.Confusion[2][1] != 3 {
		t.Errorf("%v", c.Confusion)
	}
}

// The constants beside the pinball loss and the absolute error are scikit-learn's DummyRegressor's, with the strategies
// quantile and median, by testdata/constant.py.
func TestConstantQuantiles(t *testing.T) {
	var want struct {
		Folds             [][]float64
		Quantile          float64
		Pinball, Absolute []float64
	}
	b, err := os.ReadFile("testdata/constant.json")
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	targets, bins := make([]linear.RegressionMetrics, len(want.Folds)), []linear.TargetBins{}
	for fold, all := range want.Folds {
		b := linear.TargetBins{}
		for _, y := range all {
			targets[fold].Add(y, y, 1)
			b.Add(y, 1)
		}
		bins = append(bins, b)
	}
	r := linear.CVResult{Metrics: []linear.CVMetric{{Name: linear.PinballScore}, {Name: "neg_mean_absolute_error"}}}
	r.ConstantMeans(targets, bins, &linear.Options{Loss: linear.Quantile, Quantile: &want.Quantile})
	for i, want := range [][]float64{want.Pinball, want.Absolute} {
		m := &r.Metrics[i]
		if len(m.Constant) != len(want) {
			t.Fatalf("%s: %v, want %v", m.Name, m.Constant, want)
		}
		for fold, v := range want {
			if !(math.Abs(m.Constant[fold]-v) <= 1e-14) {
				t.Errorf("%s, fold %d: %v, want %v", m.Name, fold, m.Constant[fold], v)
			}
		}
	}
}
