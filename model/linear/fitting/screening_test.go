package fitting

import (
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/screening"
)

// A fit by a working set of columns that its passes do not suffice for says so, with how far its objective may be above
// the least; one that has converged says nothing.
func TestScreeningWarns(t *testing.T) {
	t.Parallel()
	const n = 60
	c := &linear.Chunk{Features: MaxExactFeatures + 100, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range n {
		for j := range 12 {
			c.Sparse.Indices = append(c.Sparse.Indices, int32(j*7))
			c.Sparse.Values = append(c.Sparse.Values, float64((i*(j+3))%17)/8-1)
		}
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target, c.Numbers = append(c.Target, float64(i*i%3%2)), append(c.Numbers, int64(i))
	}
	o := FitOptions{Options: linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1},
		Alphas: []float64{0.001}}
	for most, warns := range map[int]bool{100: false, 2: true} {
		f, err := drive(t, newFitFor(t, o, c), c, 3, nil, func(f *Fit, _ Pass) {
			if l, ok := f.learner.(*screening.Optimizer); ok {
				l.MaxPasses = most
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(f.Warnings(), "\n")
		if strings.Contains(said, "the optimum was not reached in 2 passes") != warns {
			t.Errorf("of %d passes at most: %q", most, said)
		}
		if gap := f.Model().Training.Gap; (gap > 1e-3*f.Model().Training.Objective[0]) != warns {
			t.Errorf("of %d passes at most: the gap is %v of %v", most, gap, f.Model().Training.Objective)
		}
	}
}

// On folds rows whose further columns are empty have the scores, the path and the best model of those without.
func TestScreenedFolds(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		loss    linear.Loss
		penalty linear.Penalty
		classes int
	}{
		"lasso": {linear.SquaredError, linear.L1, 0}, "elasticnet": {linear.SquaredError, linear.ElasticNet, 0},
		"log_loss": {linear.LogLoss, linear.L1, 2}, "squared_hinge": {linear.SquaredHinge, linear.ElasticNet, 2},
	} {
		c := lineartest.Problem(300, v.classes, 1)
		c.Numbers = lineartest.RowNumbers(0, c.Len())
		for i := range c.Numbers {
			c.IDs.Ints = append(c.IDs.Ints, int64(i/2))
			c.Weights = append(c.Weights, float64(i%3))
		}
		o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: v.loss, Penalty: v.penalty}, Folds: 4, Seed: 5,
			Alphas: []float64{0.02, 0.05, 0.1, 1e-3}}
		if v.classes > 0 {
			o.Options.Task = linear.Classification
		}
		wide := entries(c)
		wide.Features = MaxExactFeatures + 50 // of which most are empty
		want, got := driven(t, o, c, 2), driven(t, o, wide, 4)
		if m := got.Model(); m.Training.Solver != "exact" || *m.Options.Alpha != *want.Model().Options.Alpha ||
			len(got.Warnings()) != len(want.Warnings()) || m.Training.Rows != int64(c.Len()) {
			t.Errorf("%s: by %s of %d rows, alpha %v, warnings %q", name, m.Training.Solver, m.Training.Rows, *m.Options.Alpha,
				got.Warnings())
		}
		for k, m := range want.CV().Metrics {
			for s, scores := range m.Splits {
				if d := lineartest.Apart(t, got.CV().Metrics[k].Splits[s], scores); !(d <= 1e-6) {
					t.Errorf("%s, %s of fold %d: off by %v", name, m.Name, s, d)
				}
			}
		}
		for a, w := range want.CV().Path.Coef {
			if d := lineartest.Apart(t, got.CV().Path.Coef[a][:len(w)], w); !(d <= 1e-6) {
				t.Errorf("%s: coefficients of alpha %v are off by %v", name, o.Alphas[a], d)
			}
		}
		if d := lineartest.Apart(t, got.Model().Coef[0][:c.Features], want.Model().Coef[0]); !(d <= 1e-6) {
			t.Errorf("%s: weights off by %v", name, d)
		}
	}
}

// Columns without any value but 0 are not kept out by their scale.
func TestKeptOutOfZeros(t *testing.T) {
	t.Parallel()
	o := &linear.Options{Penalty: linear.L1, Alpha: new(0.1)}
	if said := keptOut(o, []float64{0, 4, 0}, 1); said != nil {
		t.Errorf("%q", said)
	}
	said := keptOut(o, []float64{0, 0.0001, 4}, 1)
	if len(said) != 1 || !strings.Contains(said[0], "keeps 1 of 3 columns") {
		t.Errorf("%q", said)
	}
}
