package fitting

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// standardised brings the columns to mean 0 and variance 1, as path.py does.
func standardised(c *linear.Chunk) {
	n := float64(c.Len())
	for j := range c.Features {
		mean, square := 0.0, 0.0
		for i := j; i < len(c.X); i += c.Features {
			mean += c.X[i] / n
		}
		for i := j; i < len(c.X); i += c.Features {
			c.X[i] -= mean
			square += c.X[i] * c.X[i] / n
		}
		for i := j; i < len(c.X); i += c.Features {
			c.X[i] /= math.Sqrt(square)
		}
	}
}

// The path is that of scikit-learn, or of the rule that path.py has, and the alpha that is chosen is that which
// LassoCV, ElasticNetCV, LogisticRegressionCV and GridSearchCV choose of it.
func TestAutoAlphas(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("../testdata", "path.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Data        string         `json:"data"`
		Penalty     linear.Penalty `json:"penalty"`
		L1Ratio     float64        `json:"l1_ratio"`
		Standardize bool           `json:"standardize"`
		Folds       int            `json:"folds"`
		Alphas      []float64      `json:"alphas"`
		Alpha       float64        `json:"alpha"`
		Scores      []float64      `json:"scores"`
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, k := range cases {
		t.Run(k.Data+"/"+string(k.Penalty), func(t *testing.T) {
			t.Parallel()
			c := realTable(t, k.Data)
			if k.Standardize {
				standardised(c)
			}
			o := FitOptions{
				Options: linear.Options{Task: linear.Regression, Penalty: k.Penalty}, AutoAlphas: true, Folds: k.Folds,
				L1Ratios: []float64{k.L1Ratio}, Scoring: "neg_mean_squared_error",
			}
			if k.Data == "breast_cancer" {
				o.Options.Task, o.Scoring = linear.Classification, ""
			}
			f := driven(t, o, c, 3)
			if !slices.Equal(f.Path(), k.Alphas) {
				t.Errorf("alphas %v, want %v", f.Path(), k.Alphas)
			}
			if got := *f.Model().Options.Alpha; got != k.Alpha {
				t.Errorf("alpha %v, want %v", got, k.Alpha)
			}
			for i, want := range k.Scores {
				if got := f.CV().Metrics[0].Mean(i); !(math.Abs(got-want) <= 2e-3*math.Abs(want)) {
					t.Errorf("alpha %v: %v, want %v", k.Alphas[i], got, want)
				}
			}
		})
	}
}

// A path by a survey: the same of dense and sparse rows, of rows before and after they are standardised, and of any
// parts; and with l1 its largest alpha leaves no coefficient, where half the least bound would.
func TestAutoAlphasSurveyed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this fits grids of alphas to every fixture: TestCrossFitLikeFits stays")
	}
	two, numbers := lineartest.Problem(400, 2, 2), lineartest.Problem(400, 0, 1)
	for _, c := range []*linear.Chunk{two, numbers} {
		c.Numbers = lineartest.RowNumbers(0, c.Len())
		for j := range c.Features {
			for i := range c.Len() {
				v := &c.X[i*c.Features+j]
				if *v = *v*math.Pow(3, float64(j%3)) + 5*float64(j%2); math.Abs(*v) < 0.5 { // what SparseChunk leaves out
					*v = 0
				}
			}
		}
	}
	no := false
	for _, v := range []struct {
		name string
		o    linear.Options
		c    *linear.Chunk
	}{
		{"log_loss l2", linear.Options{Task: linear.Classification}, two},
		{"log_loss l2, no intercept", linear.Options{Task: linear.Classification, FitIntercept: &no}, two},
		{"huber l2", linear.Options{Task: linear.Regression, Loss: linear.Huber}, numbers},
		{"epsilon_insensitive l2", linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive}, numbers},
		{"hinge l1", linear.Options{Task: linear.Classification, Loss: linear.Hinge, Penalty: linear.L1}, two},
		{"log_loss elasticnet", linear.Options{Task: linear.Classification, Penalty: linear.ElasticNet}, two},
	} {
		if brief() && (v.name == "log_loss elasticnet" || v.name == "epsilon_insensitive l2") { // as hinge l1 and huber l2
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			o := FitOptions{Options: v.o, AutoAlphas: true, Folds: 3, Epochs: 0}
			want := driven(t, o, v.c, 1).Path()
			if v.o.Penalty == "" && len(want) != l2Alphas || v.o.Penalty != "" && len(want) != 21 {
				t.Errorf("%d alphas", len(want))
			}
			if !slices.IsSortedFunc(want, func(a, b float64) int { return int(math.Copysign(1, b-a)) }) {
				t.Errorf("%v does not fall", want)
			}
			if got := driven(t, o, v.c, 3).Path(); !slices.Equal(got, want) {
				t.Errorf("in three parts %v, in one %v", got, want)
			}
			if got := driven(t, o, lineartest.SparseChunk(v.c), 2).Path(); !slices.Equal(got, want) {
				t.Errorf("sparse %v, dense %v", got, want)
			}
			if v.o.FitIntercept == nil {
				scaled := *v.c
				scaled.X = slices.Clone(v.c.X)
				standardised(&scaled)
				plain := driven(t, o, &scaled, 1).Path()
				o.Standardize = true
				if got := driven(t, o, v.c, 1).Path(); !slices.Equal(got, plain) {
					t.Errorf("standardize %v, standardised before %v", got, plain)
				}
			}
		})
	}
}

// Of squared_error the largest alpha of l1 leaves no coefficient, and a tenth less leaves one, with and without an
// intercept.
func TestAutoAlphasBegin(t *testing.T) {
	c := lineartest.Problem(300, 0, 1)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	for _, intercept := range []bool{true, false} {
		for _, penalty := range []linear.Penalty{linear.L1, linear.ElasticNet} {
			o := FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: penalty, FitIntercept: &intercept},
				AutoAlphas: true, L1Ratios: []float64{0.5}}
			if penalty == linear.ElasticNet {
				o.L1Ratios = append(o.L1Ratios, 1)
			}
			f := driven(t, o, c, 2)
			if penalty == linear.ElasticNet && len(f.CV().Params) != 2*len(f.Path()) {
				t.Errorf("%d combinations of %d alphas", len(f.CV().Params), len(f.Path()))
			}
			for _, v := range []struct {
				by   float64
				none bool
			}{{1.006, true}, {0.9, false}} {
				one := o
				one.AutoAlphas, one.Alphas, one.L1Ratios = false, []float64{v.by * f.Path()[0]}, o.L1Ratios[:1]
				coef := driven(t, one, c, 1).Model().Coef[0]
				if none := slices.Max(coef) == 0 && slices.Min(coef) == 0; none != v.none {
					t.Errorf("%s, intercept %v, alpha %v: coefficients %v", penalty, intercept, one.Alphas[0], coef)
				}
			}
		}
	}
}

// What auto cannot be.
func TestAutoAlphasRefused(t *testing.T) {
	for _, v := range []struct {
		o    FitOptions
		want string
	}{
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.None}, AutoAlphas: true},
			"the penalty none has no alpha"},
		{FitOptions{Options: linear.Options{Task: linear.Regression, Penalty: linear.ElasticNet}, AutoAlphas: true,
			L1Ratios: []float64{0, 1}}, "l1_ratio of 0"},
		{FitOptions{Options: linear.Options{Task: linear.Regression}, L1Ratios: AutoL1Ratios()},
			"several are for the penalty elasticnet"},
		{FitOptions{Options: linear.Options{Task: linear.OneClass}, AutoAlphas: true}, "no score to choose by"},
	} {
		if err := v.o.Validate(); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%+v: %v", v.o, err)
		}
	}
}

// Numbers that leave the range of a path, as columns that are all constant do.
func TestSpaced(t *testing.T) {
	for _, v := range []struct{ top, bottom float64 }{{1e300, 1e-300}, {0, 0}, {math.NaN(), math.NaN()}, {1, 0}} {
		path := spaced(v.top, v.bottom, 5)
		if len(path) != 5 || !(path[4] > 0) || math.IsInf(path[0], 1) {
			t.Errorf("from %v to %v: %v", v.top, v.bottom, path)
		}
	}
}
