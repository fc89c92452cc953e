package fitting

import (
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Where nobody asks for sgd, l1 is exact: cross-validated over alphas and l1_ratios, with the scores of exact fits of
// each fold, and a model with zeros.
func TestL1CrossFit(t *testing.T) {
	t.Parallel()
	file := lineartest.ReadL1(t)
	k := &file.Cross[0]
	rows, _ := file.Rows(k)
	o := FitOptions{
		Options: linear.Options{Task: linear.Classification, Penalty: linear.ElasticNet}, Alphas: k.Alphas,
		L1Ratios: k.L1Ratios,
		Folds:    k.Folds, Seed: k.Seed, Standardize: true,
	}
	f := driven(t, o, rows, 3)
	if m := f.Model(); m.Training.Solver != "exact" || *m.Options.Alpha != 1e-3 {
		t.Errorf("solver %s, alpha %v", m.Training.Solver, *m.Options.Alpha)
	}
	checkScores(t, f.CV(), k.Scores)
	if r := f.CV().Params[1].L1Ratio; len(f.CV().Params) != 4 || r == nil || *r != 1 {
		t.Errorf("combinations %+v", f.CV().Params)
	}
	o.Options.Penalty, o.Alphas, o.L1Ratios, o.AutoAlphas = linear.L1, nil, nil, true
	auto := driven(t, o, rows, 2)
	best, err := auto.CV().Best()
	if err != nil || auto.CV().Metrics[0].Name != "neg_log_loss" ||
		auto.CV().Metrics[0].Mean(best) < f.CV().Metrics[0].Mean(3)-1e-3 {
		t.Errorf("alpha auto: %v, best %d", err, best)
	}
	zeros := 0
	for _, v := range auto.Model().Coef[0] {
		if v == 0 {
			zeros++
		}
	}
	if zeros < 5 {
		t.Errorf("%d zeros", zeros)
	}
	wide := FitOptions{Options: linear.Options{Task: linear.Classification, Penalty: linear.L1}}
	wide.EnsureDefaults()
	folds := wide
	folds.Folds, folds.Alphas = 2, []float64{0.1, 0.2}
	balanced, scaled := folds, folds
	balanced.Options.ClassWeight.Balanced, scaled.Standardize = true, true
	if !wide.exact(1<<20) || !folds.exact(1<<20) || balanced.exact(2001) || scaled.exact(2001) || !scaled.exact(2000) {
		t.Error("folds with l1 are exact, but beyond 2,000 columns not of rows to standardise or classes to balance")
	}
	if folds.Folds = 17; folds.exact(1 << 20) {
		t.Error("more weights than a judge has")
	}
}
