package fitting

import (
	"math"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/survey"
)

// constantSlope is the root mean square of a loss's slopes at the best constant prediction, found by halving, or at 0.
func constantSlope(f loss.Func, shares, weights [2]float64, intercept bool) float64 {
	at := func(p float64) (mean, square float64) {
		for k, y := range [2]float64{-1, 1} {
			_, s, _ := f.Curve(p, y)
			s *= weights[k]
			mean, square = mean+shares[k]*s, square+shares[k]*s*s
		}
		return mean, square
	}
	lo, hi := -20.0, 20.0
	for range 200 {
		if mean, _ := at((lo + hi) / 2); mean < 0 {
			lo = (lo + hi) / 2
		} else {
			hi = (lo + hi) / 2
		}
	}
	if !intercept {
		hi = 0
	}
	_, square := at(hi)
	return math.Sqrt(square)
}

// The slopes of two classes, whatever their weights, are those at the best constant prediction, found numerically.
func TestSlopesOfTwoClasses(t *testing.T) {
	for _, name := range []linear.Loss{linear.LogLoss, linear.SquaredHinge, linear.ModifiedHuber, linear.SquaredError} {
		for _, of := range []map[string]float64{nil, {"0": 1.5}, {"1": 0.25}} {
			for _, intercept := range []bool{true, false} {
				o := linear.Options{Task: linear.Classification, Loss: name, ClassWeight: linear.ClassWeight{Of: of},
					FitIntercept: &intercept}
				e := linear.ExactOptions(&o)
				s := &survey.Survey{Task: o.Task, Classes: linear.Classes{Numbers: []float64{0, 1}}, ClassRows: []int64{30, 70},
					ClassWeight: []float64{15, 35}}
				weights := [2]float64{1, 1}
				for label, w := range of {
					weights[label[0]-'0'] = w
				}
				want := constantSlope(loss.New(name, *e.Epsilon), [2]float64{0.3, 0.7}, weights, intercept)
				if _, got := slopes(s, &e); !(math.Abs(got-want) <= 1e-6*want) {
					t.Errorf("%s, weights %v, intercept %v: slope %v, want %v", name, of, intercept, got, want)
				}
			}
		}
	}
}

// Of several classes the largest counts, each against the rest.
func TestSlopesOfThreeClasses(t *testing.T) {
	e := linear.ExactOptions(&linear.Options{Task: linear.Classification, Loss: linear.LogLoss})
	s := &survey.Survey{Task: e.Task, Classes: linear.Classes{Numbers: []float64{0, 1, 2}}, ClassRows: []int64{2, 6, 1},
		ClassWeight: []float64{2, 6, 2}}
	if curvature, got := slopes(s, &e); curvature != 0.25 || !(math.Abs(got-math.Sqrt(0.6*0.4)) <= 1e-15) {
		t.Errorf("curvature %v, slope %v, want 0.25 and %v", curvature, got, math.Sqrt(0.6*0.4))
	}
}

func TestSlopesOfNumbers(t *testing.T) {
	no := false
	s := &survey.Survey{Task: linear.Regression, Mean: 3, Var: 4}
	for _, v := range []struct {
		o                linear.Options
		curvature, slope float64
	}{
		{linear.Options{Loss: linear.SquaredError}, 1, 2},
		{linear.Options{Loss: linear.SquaredError, FitIntercept: &no}, 1, math.Sqrt(13)},
		{linear.Options{Loss: linear.Huber, Epsilon: new(0.5)}, 0.25, 0.5},
		{linear.Options{Loss: linear.Huber, Epsilon: new(10.0)}, 1, 2},
		{linear.Options{Loss: linear.EpsilonInsensitive}, 0.5, 1},
		{linear.Options{Loss: linear.SquaredEpsilonInsensitive}, 2, 4},
	} {
		v.o.Task = linear.Regression
		e := linear.ExactOptions(&v.o)
		if curvature, slope := slopes(s, &e); curvature != v.curvature || !(math.Abs(slope-v.slope) <= 1e-15) {
			t.Errorf("%s: curvature %v, slope %v, want %v and %v", v.o.Loss, curvature, slope, v.curvature, v.slope)
		}
	}
}

// The mean squares are those of the columns as they are learned from: centred by an intercept or a scaler, or neither.
func TestSurveyedSquares(t *testing.T) {
	for _, v := range []struct {
		intercept, scaled, centred bool
		want                       float64
	}{
		{true, false, false, 4 + 0.25}, {false, false, false, 4 + 1 + 0.25 + 9}, {true, true, true, 2},
		{false, true, true, 2},
		{true, true, false, 2}, {false, true, false, 1 + 0.25 + 1 + 36},
	} {
		o := linear.Options{Task: linear.Regression, FitIntercept: &v.intercept}
		m := &linear.StandardScaler{WithMean: v.centred, WithStd: true, Mean: []float64{1, 3}, Var: []float64{4, 0.25},
			Scale: []float64{2, 0.5}}
		s := &survey.Survey{Task: linear.Regression, Var: 1, Moments: m}
		if v.scaled {
			s.Scaler = m
		}
		if got := surveyed(s, &o).total; got != v.want {
			t.Errorf("%+v: %v", v, got)
		}
	}
}
