package linear_test

import (
	"math"
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
	if c.Accuracy() != 0.5 || math.Abs(c.LogLoss()-want) > 1e-15 || m.Accuracy() != 1./8 {
		t.Errorf("accuracy %v, log loss %v, want 0.5, %v", c.Accuracy(), c.LogLoss(), want)
	}
	if c.Confusion[0][1] != 1 || c.Confusion[1][1] != 4 || c.Confusion[2][1] != 3 {
		t.Errorf("%v", c.Confusion)
	}
}
