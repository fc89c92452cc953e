package fitting

import (
	"math"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/dual"
	"beamlearn/model/linear/survey"
)

// The warning counts the columns of which the l2 part of the penalty takes more than a share of 1/11.
func TestShrinks(t *testing.T) {
	squares := []float64{0, 1, 0.02, 0.0009}
	for _, c := range []struct {
		penalty      linear.Penalty
		alpha, ratio float64
		want         string
	}{
		{linear.L2, 0.001, 0.15, "alpha 0.001, shrinks 1 of 4 columns by more than 9 %, as their scale is small (a mean " +
			"square of 0.0009)"},
		{linear.L2, 0.01, 0.15, "alpha 0.01, shrinks 2 of 4 columns"},
		{linear.L2, 0, 0.15, ""},
		{linear.L2, 0.2, 0.15, "alpha 0.2, shrinks 2 of 4 columns"}, // and 1/6 of a column of scale 1, standardised or not
		{linear.ElasticNet, 0.01, 0.5, "alpha 0.01, shrinks 2 of 4 columns"},
		{linear.ElasticNet, 0.01, 0.9, "alpha 0.01, shrinks 1 of 4 columns"},
		{linear.ElasticNet, 1, 1, ""},
		{linear.L1, 1, 0.15, ""},
		{linear.None, 1, 0.15, ""},
	} {
		got := strings.Join(shrinks(&linear.Options{Penalty: c.penalty, Alpha: &c.alpha, L1Ratio: &c.ratio}, squares), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s, alpha %v, l1_ratio %v: %q", c.penalty, c.alpha, c.ratio, got)
		}
	}
}

// The warning counts the columns that have the coefficient 0 though they were the target itself: it is there where the
// fit of such a column is 0, and only there.
func TestKeptOut(t *testing.T) {
	t.Parallel()
	for _, penalty := range []linear.Penalty{linear.L1, linear.ElasticNet} {
		for _, solver := range []FitOptions{
			{Options: linear.Options{Task: linear.Regression, Loss: linear.SquaredError}},
			{Options: linear.Options{Task: linear.Regression, Loss: linear.SquaredError, FitIntercept: new(false)}},
			{Options: linear.Options{Task: linear.Classification, Loss: linear.LogLoss}},
		} {
			for _, scale := range []float64{0.02, 0.15, 0.9, 1.1, 6} { // of the column, as a share of what alpha lets in
				o := solver
				o.Options.Penalty, o.Alphas, o.L1Ratios = penalty, []float64{0.01}, []float64{0.5}
				let := 0.01 / 3.0 // the deviation of the target is 3
				if o.Options.Task == linear.Classification {
					let = 0.01 / 0.5
				}
				if penalty == linear.ElasticNet {
					let /= 2
				}
				c := &linear.Chunk{Features: 2, Numbers: lineartest.RowNumbers(0, 200)}
				for i := range 200 {
					y := float64(i%2*2 - 1) // ±1
					c.X = append(c.X, scale*let*y, 10*math.Sin(float64(i*i)))
					if o.Options.Task == linear.Classification {
						y = max(y, 0)
					} else {
						y *= 3
					}
					c.Target = append(c.Target, y)
				}
				f := driven(t, o, c, 2)
				said := strings.Join(f.Warnings(), "\n")
				zero := f.Model().Coef[0][0] == 0
				const want = "keeps 1 of 2 columns out of the model whatever they tell, as their scale is small (a mean square " +
					"of at most "
				if zero != (scale < 1) || strings.Contains(said, want) != zero {
					t.Errorf("%s, %s, scale %v: coefficients %v, told %q", o.Options.Loss, penalty, scale, f.Model().Coef[0], said)
				}
			}
		}
	}
}

// Of a wide fit it is known how far its objective is above the least, and said where that is far.
func TestFarOff(t *testing.T) {
	t.Parallel()
	const n = dual.MaxRows + 40
	c := &linear.Chunk{Features: MaxExactFeatures + 1, Sparse: &linear.CSR{Offsets: []int{0}},
		Numbers: lineartest.RowNumbers(0, n)}
	for i := range n {
		c.Sparse.Indices = append(c.Sparse.Indices, int32(i/3%7), int32(10+i%30/3), int32(50+i%30/3))
		c.Sparse.Values = append(c.Sparse.Values, 1, float64(1+i/3%5), 1)
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target = append(c.Target, float64(i%2))
	}
	for alpha, far := range map[float64]bool{0.01: false, 1e-15: true} {
		f := driven(t, FitOptions{Options: linear.Options{Task: linear.Classification}, Alphas: []float64{alpha}}, c, 1)
		g := f.Model().Training
		said := strings.Contains(strings.Join(f.Warnings(), "\n"), "above the least")
		if (g.Gap > 0.01*g.Objective[0]) != far || said != far || !(g.Gap > 0) {
			t.Errorf("alpha %v: gap %v of %v, warnings %q", alpha, g.Gap, g.Objective, f.Warnings())
		}
	}
}

// Without a penalty, rows that are no more than the columns leave the coefficients open, which is said; sums of
// products give those of the least norm there, and with more rows or with a penalty there is nothing to say.
func TestManyWarning(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		name    string
		loss    linear.Loss
		rows    int
		penalty linear.Penalty
		alpha   float64
		want    bool
	}{
		{"no penalty", linear.Huber, 5, linear.None, 1, true},
		{"alpha 0", linear.Huber, 8, linear.L2, 0, true},
		{"more rows", linear.Huber, 9, linear.None, 1, false},
		{"a penalty", linear.Huber, 5, linear.L2, 1e-3, false},
		{"sums of products", linear.SquaredError, 5, linear.None, 1, false},
	} {
		c := lineartest.Logistic(v.rows, 8, 3)
		c.Numbers = lineartest.RowNumbers(0, v.rows)
		f := driven(t, FitOptions{Options: linear.Options{Task: linear.Regression, Loss: v.loss, Penalty: v.penalty},
			Alphas: []float64{v.alpha}}, c, 1)
		if got := strings.Contains(strings.Join(f.Warnings(), "\n"), "one of many"); got != v.want {
			t.Errorf("%s: %q", v.name, f.Warnings())
		}
	}
}

// What makes an optimum easier to reach is not to standardise where that was done.
func TestEasier(t *testing.T) {
	t.Parallel()
	for penalty, other := range map[linear.Penalty]string{linear.L2: "a larger --alpha", linear.None: "--penalty=l2"} {
		for _, scaler := range []*linear.StandardScaler{nil, {}} {
			f := &Fit{chosen: linear.Options{Task: linear.Regression, Penalty: penalty}, survey: &survey.Survey{Scaler: scaler}}
			if said := f.easier(); strings.Contains(said, "--standardize") != (scaler == nil) || !strings.Contains(said, other) {
				t.Errorf("%s, scaler %v: %s", penalty, scaler, said)
			}
			f.options.Standardized = true
			if said := f.easier(); strings.Contains(said, "--standardize") {
				t.Errorf("%s, scaler %v, rows of a table that are standardised: %s", penalty, scaler, said)
			}
		}
	}
}
