package linear

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func cvExample(means ...float64) *CVResult {
	r := &CVResult{Metrics: []CVMetric{{Name: "r2", Splits: [][]float64{nil, nil, nil}},
		{Name: "other", Splits: [][]float64{nil}}}}
	for i, m := range means {
		r.Params = append(r.Params, CVParams{Alpha: math.Pow(10, float64(i))})
		for f, d := range []float64{-0.1, 0, 0.1} {
			r.Metrics[0].Splits[f] = append(r.Metrics[0].Splits[f], m+d)
		}
		r.Metrics[1].Splits[0] = append(r.Metrics[1].Splits[0], -m)
	}
	return r
}

// The standard error of cvExample is √(0.02/3)/√2 = 0.0577.
func TestCVResult(t *testing.T) {
	nan := math.NaN()
	for _, v := range []struct {
		name      string
		means     []float64
		best, one int
		ranks     []int
	}{
		{"the best has the largest alpha", []float64{0.1, 0.2, 0.9}, 2, 2, []int{3, 2, 1}},
		{"within one standard error", []float64{0.85, 0.9, 0.86, 0.85, 0.84}, 1, 3, []int{3, 1, 2, 3, 5}},
		{"not a number", []float64{nan, 0.5, nan, 0.46}, 1, 3, []int{3, 1, 3, 2}},
		{"ties", []float64{0.5, 0.5, 0.1}, 0, 1, []int{1, 1, 3}},
	} {
		t.Run(v.name, func(t *testing.T) {
			r := cvExample(v.means...)
			best, err := r.Best()
			one, err2 := r.OneStandardError()
			if err != nil || err2 != nil || best != v.best || one != v.one {
				t.Errorf("best %d and %d, %v %v: want %d and %d", best, one, err, err2, v.best, v.one)
			}
			if got := r.Metrics[0].Ranks(len(v.means)); !slices.Equal(got, v.ranks) {
				t.Errorf("ranks %v, want %v", got, v.ranks)
			}
		})
	}
	r := cvExample(0.5, 0.5, 0.4)
	r.Params[0], r.Params[1], r.Params[2] = CVParams{1, new(0.1)}, CVParams{1, new(0.9)}, CVParams{1, new(0.5)}
	if one, err := r.OneStandardError(); one != 0 || err != nil {
		t.Errorf("of equal alphas and means %d was chosen, %v: want the first", one, err)
	}
	if got := r.Metrics[0].Std(0); !(math.Abs(got-math.Sqrt(0.02/3)) <= 1e-15) {
		t.Errorf("standard deviation %v", got)
	}
	for _, r := range []*CVResult{{}, cvExample(nan, nan)} {
		if _, err := r.Best(); !errors.Is(err, errNoScore) {
			t.Errorf("best of nothing: %v", err)
		}
		if _, err := r.OneStandardError(); !errors.Is(err, errNoScore) {
			t.Errorf("one standard error of nothing: %v", err)
		}
	}
	r = cvExample(0.1, 0.2)
	before := r.Metrics
	if err := r.Choose("other"); err != nil || r.Metrics[0].Name != "other" || before[0].Name != "r2" ||
		len(r.Metrics) != 2 {
		t.Errorf("chose %v, %v", r.Metrics, err)
	}
	if best, err := r.Best(); best != 0 || err != nil {
		t.Errorf("by the other metric %d is best, %v", best, err)
	}
	if one, err := r.OneStandardError(); one != 0 || err != nil {
		t.Errorf("with one fold, which has no standard error, %d was chosen, %v", one, err)
	}
	if err := r.Choose("none"); err == nil {
		t.Error("a metric that there is not")
	}
}

func TestCVResultJSON(t *testing.T) {
	r := &CVResult{
		Params: []CVParams{{0.5, new(0.25)}, {2, nil}},
		Metrics: []CVMetric{
			{Name: "accuracy", Splits: [][]float64{{0.5, 0.75}, {1, 0.25}}},
			{Name: "f1", Splits: [][]float64{{math.NaN(), 1}, {1, 0}}},
		},
		ProgressiveLoss: []float64{0.125, math.Inf(1)},
		LearningCurve:   []CVPoint{{2, []float64{1, math.NaN()}}, {1 << 63, []float64{0.5, 0.25}}},
	}
	const want = `{"params":[{"alpha":0.5,"l1_ratio":0.25},{"alpha":2}],"scoring":"accuracy",
"split0_test_score":[0.5,0.75],"split1_test_score":[1,0.25],"mean_test_score":[0.75,0.5],"std_test_score":[0.25,0.25],"rank_test_score":[1,2],
"split0_test_accuracy":[0.5,0.75],"split1_test_accuracy":[1,0.25],"mean_test_accuracy":[0.75,0.5],"std_test_accuracy":[0.25,0.25],"rank_test_accuracy":[1,2],
"split0_test_f1":[null,1],"split1_test_f1":[1,0],"mean_test_f1":[null,0.5],"std_test_f1":[null,0.5],"rank_test_f1":[2,1],
"best_index":0,"best_index_one_standard_error":1,"progressive_loss":[0.125,null],
"learning_curve":[{"rows":2,"loss":[1,null]},{"rows":9223372036854775808,"loss":[0.5,0.25]}]}`
	var a, b any
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got %s", text)
	}
	r = &CVResult{Parameter: "var_smoothing", Params: []CVParams{{Alpha: 0.5}, {Alpha: 2}},
		Metrics: []CVMetric{{Name: "accuracy", Splits: [][]float64{{0.5, 0.75}}}}}
	const named = `{"params":[{"var_smoothing":0.5},{"var_smoothing":2}],`
	if text, err := json.Marshal(r); err != nil || !strings.HasPrefix(string(text), named) {
		t.Errorf("got %s, %v, want %s", text, err, named)
	}
}
