package fitting

import (
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Of more than two classes, log_loss is multinomial unless told otherwise: the model is LogisticRegression's, from a
// survey on.
func TestFitIsMultinomial(t *testing.T) {
	t.Parallel()
	f := lineartest.ReadMultinomial(t)
	for i := range f.Cases {
		k := &f.Cases[i]
		if !k.Unique || k.Data == "digits" {
			continue
		}
		t.Run(k.Name(), func(t *testing.T) {
			t.Parallel()
			o := FitOptions{Options: k.Options(), Alphas: []float64{k.Alpha}, Standardize: k.Standardize}
			o.Options.MultiClass = "" // the rows tell
			m := driven(t, o, f.Rows(k.Data, k.Weighted), 3).Model()
			got, want := slices.Concat(slices.Concat(m.Coef...), m.Intercept),
				slices.Concat(slices.Concat(k.Coef...), k.Intercept)
			if d := lineartest.Apart(t, got, want); d > 1e-8 || m.Options.MultiClass != linear.Multinomial {
				t.Errorf("multi_class %q, off by %.2g", m.Options.MultiClass, d)
			}
			if d := m.Training.Objective[0]/k.Objective - 1; !(math.Abs(d) <= 1e-10) {
				t.Errorf("the objective is off by %.2g", d)
			}
		})
	}
}

// The scores of every fold are those of LogisticRegression, fitted to the rows of the others.
func TestMultinomialCrossFitLikeScikitLearn(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this fits grids of alphas to every fixture: TestCrossFitLikeFits stays")
	}
	t.Parallel()
	file := lineartest.ReadMultinomial(t)
	for _, k := range file.Cross {
		t.Run(k.Data, func(t *testing.T) {
			t.Parallel()
			o := FitOptions{
				Options: linear.Options{Task: linear.Classification, ClassWeight: linear.ClassWeight{Balanced: k.Balanced}},
				Alphas:  k.Alphas, Folds: k.Folds, Seed: k.Seed, Standardize: k.Standardize,
			}
			f := driven(t, o, file.Rows(k.Data, k.Weighted), 3)
			if m := f.Model(); m.Training.Solver != "exact" || m.Options.MultiClass != linear.Multinomial {
				t.Errorf("solver %s, multi_class %q", m.Training.Solver, m.Options.MultiClass)
			}
			checkScores(t, f.CV(), k.Scores)
			t.Logf("%d passes", f.Passes())
		})
	}
}

// What multinomial cannot go with is said before a row is read.
func TestMultinomialRefuses(t *testing.T) {
	multi := func(o FitOptions) FitOptions {
		o.Options.Task, o.MultiClass = linear.Classification, linear.Multinomial
		return o
	}
	for want, o := range map[string]FitOptions{
		"only solver exact has it":           multi(FitOptions{Solver: SolverSGD}),
		"not for hinge in classification":    multi(FitOptions{Options: linear.Options{Loss: linear.Hinge}}),
		"solver exact, which has no epochs":  multi(FitOptions{Epochs: 3}),
		"must be one of auto, multinomial, ": {Options: linear.Options{Task: linear.Classification}, MultiClass: "softmax"},
		"not for squared_error in regression": {
			Options: linear.Options{Task: linear.Regression}, MultiClass: linear.Multinomial,
		},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: want %q", err, want)
		}
	}
}

// Two classes have no softmax of their own, and sgd none at all.
func TestMultiClassAuto(t *testing.T) {
	t.Parallel()
	two, three := lineartest.Problem(100, 2, 2), lineartest.Problem(100, 3, 3)
	for _, v := range []struct {
		name string
		o    FitOptions
		c    *linear.Chunk
		want linear.MultiClass
	}{
		{"two", FitOptions{}, two, ""},
		{"two, multinomial", FitOptions{MultiClass: linear.Multinomial}, two, ""},
		{"three", FitOptions{}, three, linear.Multinomial},
		{"three, ovr", FitOptions{MultiClass: linear.OneVsRest}, three, ""},
		{"three, another loss", FitOptions{Options: linear.Options{Loss: linear.SquaredHinge}}, three, ""},
		{"three, sgd", FitOptions{Solver: SolverSGD}, three, ""},
		{"three, l1", FitOptions{Options: linear.Options{Penalty: linear.L1}}, three, linear.Multinomial},
		{"three, l1, auto alphas", FitOptions{Options: linear.Options{Penalty: linear.L1}, AutoAlphas: true, Folds: 3}, three,
			linear.Multinomial},
		{"three, auto alphas", FitOptions{AutoAlphas: true, Folds: 3}, three, linear.Multinomial},
	} {
		v.o.Options.Task = linear.Classification
		v.c.Numbers = lineartest.RowNumbers(0, v.c.Len())
		f := driven(t, v.o, v.c, 2)
		if m := f.Model(); m.Options.MultiClass != v.want {
			t.Errorf("%s: multi_class %q, want %q", v.name, m.Options.MultiClass, v.want)
		}
		if v.o.AutoAlphas && len(f.Path()) < 10 {
			t.Errorf("%s: alphas %v", v.name, f.Path())
		}
	}
}
