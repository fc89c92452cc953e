package leastsquares

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// positiveCase is a fit of testdata/positive.py.
type positiveCase struct {
	Name         string
	Twins        bool // with columns that are sums of others, or opposites
	Penalty      linear.Penalty
	Alpha        float64
	L1Ratio      float64 `json:"l1_ratio"`
	FitIntercept bool    `json:"fit_intercept"`
	Coef         []float64
	Intercept    float64
	Loss         float64 // without the penalty
}

type positiveFile struct {
	Cases    []positiveCase
	CVAlphas []float64   `json:"cv_alphas"`
	CVMSE    [][]float64 `json:"cv_mse"` // of each alpha, and fold
}

func readPositive(t *testing.T) (f positiveFile) {
	t.Helper()
	b, err := os.ReadFile("../testdata/positive.json")
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// withTwins are the rows with the columns that testdata/positive.py adds.
func withTwins(x []float64) (all []float64) {
	for row := range slices.Chunk(x, lineartest.TableFeatures) {
		all = append(append(all, row...), row[0]+row[2], row[1]+row[3], -row[4], -row[5])
	}
	return all
}

// LinearRegression, Ridge, Lasso and ElasticNet with positive=True, and SciPy's nnls, also where columns depend on each
// other: there the losses are the same, of which many coefficients are the least.
func TestPositive(t *testing.T) {
	f, tab := readPositive(t), lineartest.ReadTable(t)
	if len(f.Cases) != 24 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			x := tab.X
			if c.Twins {
				x = withTwins(x)
			}
			g := gramOf(t, 3, lineartest.Chunks(x, len(c.Coef), tab.Columns["y_reg"], nil, 100, 150, 250)...)
			o := linear.Options{Task: linear.Regression, Penalty: c.Penalty, Alpha: &c.Alpha, L1Ratio: &c.L1Ratio,
				FitIntercept: &c.FitIntercept, Positive: true}
			s, err := g.Solve(&o, false)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Min(s.Coef) < 0 {
				t.Errorf("negative: %v", s.Coef)
			}
			m, err := s.Model(&o, nil)
			if err != nil {
				t.Fatal(err)
			}
			score, err := g.Score(m)
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(score.MSE()/2/c.Loss - 1); !(d <= 1e-10) {
				t.Errorf("loss %v, want %v", score.MSE()/2, c.Loss)
			}
			if c.Twins && c.Penalty == linear.None {
				return
			}
			d := max(lineartest.Apart(t, s.Coef, c.Coef), math.Abs(s.Intercept-c.Intercept)/max(1, math.Abs(c.Intercept)))
			if !(d <= 1e-8) {
				t.Errorf("off by %.2g: coef %v, want %v; intercept %v, want %v", d, s.Coef, c.Coef, s.Intercept, c.Intercept)
			}
			for j, v := range c.Coef {
				if (v == 0) != (s.Coef[j] == 0) {
					t.Errorf("coefficient %d is %v, want %v", j, s.Coef[j], v)
				}
			}
		})
	}
}

// LassoCV with positive=True.
func TestPositiveFolds(t *testing.T) {
	f, tab := readPositive(t), lineartest.ReadTable(t)
	folds, err := NewFoldGram(lineartest.TableFeatures, 5, func(n int64) int { return int(n % 5) })
	if err != nil {
		t.Fatal(err)
	}
	rows := lineartest.Chunks(tab.X, lineartest.TableFeatures, tab.Columns["y_reg"], nil, 500)[0]
	for i := range 500 {
		rows.Numbers = append(rows.Numbers, int64(i))
	}
	lineartest.Pass(t, folds, 1, rows)
	scores, err := folds.CrossValidate(&linear.Options{Task: linear.Regression, Penalty: linear.L1, Positive: true}, false,
		f.CVAlphas, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range f.CVMSE {
		var mse []float64
		for _, m := range scores[i].Folds {
			mse = append(mse, m.MSE())
		}
		if d := lineartest.Apart(t, mse, want); !(d <= 1e-7) {
			t.Errorf("alpha %v: off by %.2g: %v, want %v", f.CVAlphas[i], d, mse, want)
		}
	}
}
