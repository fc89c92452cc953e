package newton

import (
	"math"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/internal/lanes"
)

// Of rows that are many times a sample, first steps go by second derivatives of a part, and the folds' fits begin
// before that of all rows has ended. Models are those of fits that do neither, and scores those of such fits of the
// other rows.
func TestCrossFitOfManyRows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads many thousands of rows, as of fewer none is left out")
	}
	t.Parallel()
	const n, d = thinRows + 5000, 2
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
	all := lineartest.Logistic(n, d, 7)
	alphas, split := []float64{1e-4, 0.3}, &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}
	x, err := NewCrossFit(o, alphas, nil, split, d)
	if err != nil {
		t.Fatal(err)
	}
	near := false
	for !x.Done() {
		lineartest.Pass(t, x, 2, lineartest.CutChunk(all, CrossRows)...)
		for a := x.from; x.stage == crossFitting && a < x.to; a++ {
			near = near || x.fits[a].Folds[2][0] != nil && !x.fits[a].Full[0].Done
		}
	}
	if !near {
		t.Error("no fit of a fold has begun before that of all rows has ended")
	}
	cv, err := x.Result()
	if err != nil {
		t.Fatal(err)
	}
	scored := slices.IndexFunc(cv.Metrics, func(m linear.CVMetric) bool { return m.Name == "neg_log_loss" })
	for a, alpha := range alphas {
		o.Alpha = new(alpha)
		m, err := x.Model(a)
		if err != nil {
			t.Fatal(err)
		}
		want, thin := plain(t, o, all, false), plain(t, o, all, true)
		for name, got := range map[string]*linear.Model{"a CrossFit": m, "an Optimizer": thin} {
			for j, w := range append(want.Coef[0], want.Intercept[0]) {
				if g := append(got.Coef[0], got.Intercept[0])[j]; math.Abs(g-w) > 1e-10 {
					t.Errorf("alpha %v: coefficient %d of %s is %v, want %v", alpha, j, name, g, w)
				}
			}
			if f := want.Training.Objective[0]; math.Abs(got.Training.Objective[0]-f) > 1e-10*f {
				t.Errorf("alpha %v: the objective of %s is %v, want %v", alpha, name, got.Training.Objective[0], f)
			}
			if g := got.Training.GradientNorm[0]; !(g <= 1e-5) {
				t.Errorf("alpha %v: the gradient of %s is %v", alpha, name, g)
			}
		}
		for fold := range 2 {
			own, rest := &linear.Chunk{Features: d}, &linear.Chunk{Features: d}
			for i := range n {
				c := rest
				if split.Of(all, i, int64(i), int32(all.Target[i])) == fold {
					c = own
				}
				c.X, c.Target = append(c.X, all.X[i*d:(i+1)*d]...), append(c.Target, all.Target[i])
			}
			m, loss := plain(t, o, rest, false), 0.0
			for i := range own.Len() {
				p := m.Intercept[0]
				for j, w := range m.Coef[0] {
					p += w * own.X[i*d+j]
				}
				value, _, _ := lanes.Logistic(p, 2*own.Target[i]-1)
				loss += value / float64(own.Len())
			}
			if got := -cv.Metrics[scored].Splits[fold][a]; math.Abs(got-loss) > 1e-9 {
				t.Errorf("alpha %v, fold %d: the score is %v, want %v", alpha, fold, got, loss)
			}
		}
	}
}

// plain is the model of an Optimizer, with or without a sample of the rows and thin second derivatives.
func plain(t *testing.T, o linear.Options, c *linear.Chunk, sample bool) *linear.Model {
	t.Helper()
	p, err := NewOptimizer(o, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	if !sample {
		p.sample = 0
	}
	for !p.Done() {
		lineartest.Pass(t, p, 2, lineartest.CutChunk(c, 8192)...)
	}
	m, err := p.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}
