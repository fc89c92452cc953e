package linear_test

import (
	"math"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Probabilities sum to 1 and keep the order of the decisions, where exp underflows, too.
func TestProbaAtTheEdge(t *testing.T) {
	for _, v := range []struct {
		loss      linear.Loss
		decisions []float64
		want      []float64
	}{
		{linear.LogLoss, []float64{0}, []float64{0.5, 0.5}},
		{linear.LogLoss, []float64{1000}, []float64{0, 1}},
		{linear.LogLoss, []float64{-1000}, []float64{1, 0}},
		{linear.LogLoss, []float64{-1000, -1000, -2000}, []float64{0.5, 0.5, 0}},
		{linear.LogLoss, []float64{-740, -740 - math.Log(3), -2000}, []float64{0.75, 0.25, 0}},
		{linear.LogLoss, []float64{0, 0, 0}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{linear.ModifiedHuber, []float64{-0.5}, []float64{0.75, 0.25}},
		{linear.ModifiedHuber, []float64{3, -3, 0}, []float64{2. / 3, 0, 1. / 3}},
		{linear.ModifiedHuber, []float64{-1, -2, -3}, []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		m := &linear.Model{Task: linear.Classification, Loss: v.loss, Intercept: v.decisions}
		for range v.decisions {
			m.Coef = append(m.Coef, []float64{0})
		}
		got, err := m.PredictProba(&linear.Chunk{Features: 1, X: []float64{1, 2}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := lineartest.Distance(t, "proba", got, append(slices.Clone(v.want), v.want...)); d > 1e-12 {
			t.Errorf("%s of %v: got %v, want %v", v.loss, v.decisions, got, v.want)
		}
	}
	m := &linear.Model{Task: linear.Classification, Loss: linear.Hinge, Coef: [][]float64{{1}}, Intercept: []float64{0}}
	if _, err := m.PredictProba(&linear.Chunk{Features: 1}, nil); err == nil ||
		err.Error() != "the loss hinge gives no probabilities: learn with log_loss or modified_huber" {
		t.Errorf("hinge: %v", err)
	}
	if _, err := m.Predict(&linear.Chunk{Features: 2, File: "f"}, nil); err == nil ||
		err.Error() != "f: found 2, expected 1 features, as in the model" {
		t.Errorf("features: %v", err)
	}
}

// Predictions at the borders, and appended to what is there.
func TestPredict(t *testing.T) {
	for _, v := range []struct {
		task      linear.Task
		decisions []float64
		want      float64
	}{
		{linear.Regression, []float64{-0.5}, -0.5}, {linear.Classification, []float64{0}, 0},
		{linear.Classification, []float64{1e-300}, 1},
		{linear.Classification, []float64{-1, -1, -2}, 0}, {linear.Classification, []float64{-1, -0.5, -2}, 1},
		{linear.OneClass, []float64{0}, 1}, {linear.OneClass, []float64{-1e-300}, -1},
	} {
		m := &linear.Model{Task: v.task, Intercept: v.decisions}
		for range v.decisions {
			m.Coef = append(m.Coef, []float64{0})
		}
		got, err := m.Predict(&linear.Chunk{Features: 1, X: []float64{7}}, []float64{42})
		if err != nil || !slices.Equal(got, []float64{42, v.want}) {
			t.Errorf("%s of %v: got %v, %v", v.task, v.decisions, got, err)
		}
	}
}
