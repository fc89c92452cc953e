package fitting

import (
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// From a survey on, the model is scikit-learn's.
func TestFitDeviance(t *testing.T) {
	t.Parallel()
	f := lineartest.ReadDeviance(t)
	for i := range f.Cases {
		k := &f.Cases[i]
		rows, exposures := f.Rows(k)
		if exposures != nil {
			rows = k.Rates(rows, exposures)
		}
		t.Run(k.Name(), func(t *testing.T) {
			t.Parallel()
			o := FitOptions{Options: k.Options(), Alphas: []float64{k.Alpha}, Standardize: true}
			m := driven(t, o, rows, 3).Model()
			if d := lineartest.Apart(t, append(slices.Clone(m.Coef[0]), m.Intercept[0]),
				append(slices.Clone(k.Coef), k.Intercept)); d > 1e-9 {
				t.Errorf("off by %.2g", d)
			}
		})
	}
}

// The scores of every fold are those of scikit-learn's regressors, fitted to the rows of the others, and beside them
// those of the others' mean.
func TestDevianceCrossFitLikeScikitLearn(t *testing.T) {
	t.Parallel()
	file := lineartest.ReadDeviance(t)
	for i := range file.Cross {
		k := &file.Cross[i]
		t.Run(k.Name(), func(t *testing.T) {
			t.Parallel()
			rows, _ := file.Rows(k)
			o := FitOptions{Options: k.Options(), Alphas: k.Alphas, Folds: k.Folds, Seed: k.Seed, Standardize: true}
			o.Options.Alpha, o.Options.Penalty = nil, ""
			f := driven(t, o, rows, 3)
			constants := map[string][][]float64{"d2": k.Scores["constant_d2"], "deviance": k.Scores["constant_deviance"]}
			delete(k.Scores, "constant_d2")
			delete(k.Scores, "constant_deviance")
			checkScores(t, f.CV(), k.Scores)
			for j, name := range []string{"d2", "deviance"} {
				for fold, want := range constants[name] {
					if got := f.CV().Metrics[j].Constant[fold]; !(math.Abs(got-want[0]) <= 1e-9) {
						t.Errorf("fold %d: %s of the constant %v, want %v", fold, name, got, want[0])
					}
				}
			}
			if f.Model().Training.Solver != "exact" {
				t.Errorf("solver %s", f.Model().Training.Solver)
			}
			// The alphas that the rows tell have an optimum among them.
			o.Alphas, o.AutoAlphas = nil, true
			auto := driven(t, o, rows, 2)
			best, err := auto.CV().Best()
			if err != nil || auto.CV().Metrics[0].Mean(best) < f.CV().Metrics[0].Mean(0)-0.05 || len(auto.Path()) < 10 {
				t.Errorf("alpha auto: %v, path %v, best %d", err, auto.Path(), best)
			}
		})
	}
}

// Targets that the loss cannot have are refused with their row, before anything is learned.
func TestDevianceDomain(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		o    linear.Options
		y    float64
		want string
	}{
		{linear.Options{Loss: linear.Poisson}, -1,
			"row 49: found -1, expected a target from 0 on, as the loss poisson needs"},
		{linear.Options{Loss: linear.Gamma}, 0, "row 49: found 0, expected a target above 0, as the loss gamma needs"},
		{linear.Options{Loss: linear.Tweedie, Power: new(1.5)}, -2,
			"row 49: found -2, expected a target from 0 on, as the loss tweedie with the power 1.5 needs"},
		{linear.Options{Loss: linear.Tweedie, Power: new(3.0)}, 0,
			"row 49: found 0, expected a target above 0, as the loss tweedie with the power 3 needs"},
		{linear.Options{Loss: linear.Tweedie, Power: new(0.0)}, -2, ""},
		{linear.Options{Loss: linear.Poisson}, 0, ""},
	} {
		rows := lineartest.Problem(40, 0, 1)
		rows.Numbers = lineartest.RowNumbers(0, 40) // 0, 7, 14, …
		for i, y := range rows.Target {
			rows.Target[i] = math.Abs(y) + 1
		}
		rows.Target[7] = v.y
		v.o.Task = linear.Regression
		f, err := drive(t, newFitFor(t, FitOptions{Options: v.o, Folds: 2}, rows), rows, 3, nil, nil)
		if v.want == "" {
			if err != nil {
				t.Errorf("%s of %v: %v", v.o.Loss, v.y, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), v.want) || f.Passes() != 0 {
			t.Errorf("%s of %v: %v after %d passes, want %s", v.o.Loss, v.y, err, f.Passes(), v.want)
		}
	}
}

// What only sgd has does not go with these losses, and says so.
func TestDevianceOptions(t *testing.T) {
	t.Parallel()
	warm := &linear.Model{Task: linear.Regression, Loss: linear.Poisson,
		Options: linear.Options{Task: linear.Regression, Loss: linear.Poisson}}
	for want, o := range map[string]FitOptions{
		"loss poisson: only solver exact has it":                                                 {Options: linear.Options{Task: linear.Regression, Loss: linear.Poisson}, Solver: SolverSGD},
		"loss gamma: is learned by solver exact, which has no epochs":                            {Options: linear.Options{Task: linear.Regression, Loss: linear.Gamma}, Epochs: 3},
		"loss poisson: is of a mean: take the task regression":                                   {Options: linear.Options{Task: linear.Classification, Loss: linear.Poisson}},
		"power 0.5: must be 0, or a number from 1 on":                                            {Options: linear.Options{Task: linear.Regression, Loss: linear.Tweedie, Power: new(0.5)}},
		"power 2: only the loss tweedie has it":                                                  {Options: linear.Options{Task: linear.Regression, Loss: linear.Gamma, Power: new(2.0)}},
		"warm_start: the model has the loss poisson, which sgd cannot go on with":                {Options: linear.Options{Task: linear.Regression}, WarmStart: warm},
		`scoring "neg_log_loss": must be one of d2_tweedie_score, neg_mean_gamma_deviance, r2, `: {Options: linear.Options{Task: linear.Regression, Loss: linear.Gamma}, Folds: 3, Scoring: "neg_log_loss"},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A column of exposures, or of their logarithms, makes rates of the rows: the model is that of the rates, and predicts
// exposure·rate; the column has no coefficient.
func TestExposure(t *testing.T) {
	t.Parallel()
	f := lineartest.ReadDeviance(t)
	for i := range f.Cases {
		k := &f.Cases[i]
		if !k.Exposed {
			continue
		}
		rows, exposures := f.Rows(k)
		for _, v := range []struct {
			log, sparse bool
			tolerance   float64
		}{{false, false, 1e-9}, {false, true, 1e-9}, {true, false, 1e-9}} {
			wide := &linear.Chunk{Features: rows.Features + 1, Target: rows.Target, Weights: rows.Weights, Numbers: rows.Numbers}
			for r, e := range exposures {
				if v.log {
					e = math.Log(e)
				}
				wide.X = append(append(wide.X, e), rows.X[r*rows.Features:(r+1)*rows.Features]...)
			}
			exposed := wide
			if v.sparse {
				s := *wide
				s.X, s.Sparse = nil, &linear.CSR{Offsets: []int{0}}
				for at, x := range wide.X {
					if x != 0 {
						s.Sparse.Indices, s.Sparse.Values = append(s.Sparse.Indices, int32(at%wide.Features)), append(s.Sparse.Values, x)
					}
					if at%wide.Features == wide.Features-1 {
						s.Sparse.Offsets = append(s.Sparse.Offsets, len(s.Sparse.Values))
					}
				}
				exposed = &s
			}
			before := slices.Clone(wide.X)
			o := FitOptions{Options: k.Options(), Alphas: []float64{k.Alpha}, Standardize: true}
			o.Options.Exposure = &linear.Exposure{Column: "e", Log: v.log}
			m := driven(t, o, exposed, 3).Model()
			if !slices.Equal(wide.X, before) {
				t.Fatal("the rows have changed")
			}
			if m.Coef[0][0] != 0 {
				t.Errorf("%s: the exposure has the coefficient %v", k.Name(), m.Coef[0][0])
			}
			if !v.sparse { // whose scaler leaves means to the intercept
				got, want := append(slices.Clone(m.Coef[0][1:]), m.Intercept[0]), append(slices.Clone(k.Coef), k.Intercept)
				if d := lineartest.Apart(t, got, want); d > v.tolerance {
					t.Errorf("%s: off by %.2g", k.Name(), d)
				}
			}
			p, err := m.Predict(exposed, nil)
			if err != nil {
				t.Fatal(err)
			}
			for r, want := range k.Predict {
				if !(math.Abs(p[r]/(want*exposures[r])-1) <= 1e-8) {
					t.Errorf("%s: prediction %d: %v, want %v", k.Name(), r, p[r], want*exposures[r])
				}
			}
			if v.log {
				continue
			}
			for _, bad := range []float64{0, -1, math.MaxFloat64} {
				wide.X[3*wide.Features] = bad
				o.Options.Exposure.Log = bad == math.MaxFloat64 // whose exponential is no number
				_, err := drive(t, newFitFor(t, o, wide), wide, 3, nil, nil)
				if err == nil || !strings.Contains(err.Error(), "row 3, column e: found ") ||
					!strings.Contains(err.Error(), "expected ") {
					t.Errorf("an exposure of %v: %v", bad, err)
				}
			}
		}
	}
	bad := FitOptions{Options: linear.Options{Task: linear.Regression, Exposure: &linear.Exposure{Column: "e"}}}
	if err := bad.Validate(); err == nil ||
		!strings.Contains(err.Error(), "exposure and offset: are for the losses poisson, gamma") {
		t.Errorf("%v", err)
	}
}
