package newton

import (
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// PoissonRegressor, GammaRegressor and TweedieRegressor: coefficients, objective, predictions, deviance and D².
func TestDevianceEqualsScikit(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this has every fixture: TestOptimizerEqualsScikit stays")
	}
	t.Parallel()
	f := lineartest.ReadDeviance(t)
	if len(f.Cases) != 18 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for i := range f.Cases {
		k := &f.Cases[i]
		rows, exposures := f.Rows(k)
		if exposures != nil {
			rows = k.Rates(rows, exposures)
		}
		sparse := lineartest.SparseChunk(rows)
		for form, setup := range map[string]func(p *Optimizer) (int, []*linear.Chunk){
			"sampled": func(p *Optimizer) (int, []*linear.Chunk) { return 1, []*linear.Chunk{rows} },
			"plain": func(p *Optimizer) (int, []*linear.Chunk) {
				p.sample = 0
				p.Centre(meanOf(rows))
				return 3, lineartest.CutChunk(rows, 37)
			},
			"quasi": func(p *Optimizer) (int, []*linear.Chunk) {
				p.sample, p.newton, p.MaxPasses = 0, false, 3000
				p.Centre(meanOf(rows))
				return 2, lineartest.CutChunk(rows, 100)
			},
			"sparse": func(p *Optimizer) (int, []*linear.Chunk) { return 2, lineartest.CutChunk(sparse, 50) },
		} {
			if form == "sparse" && k.Data != "digits" {
				continue
			}
			t.Run(k.Name()+"/"+form, func(t *testing.T) {
				t.Parallel()
				p := optimizerFor(t, k.Options(), rows.Features)
				p.Scaler = linear.NewStandardScaler(rows.Features)
				if err := p.Scaler.PartialFit(rows, rows.Weights); err != nil {
					t.Fatal(err)
				}
				if form == "sparse" {
					p.Scaler.WithMean = false
				}
				parts, chunks := setup(p)
				run(t, p, parts, chunks...)
				m, err := p.Model()
				if err != nil {
					t.Fatal(err)
				}
				if m, err = linear.Load("m", strings.NewReader(lineartest.Saved(t, m))); err != nil {
					t.Fatal(err)
				}
				tolerance := 1e-9
				if form == "quasi" { // which ends where a step promises 1e-10 of the objective
					tolerance = 1e-3
				}
				want := append(slices.Clone(k.Coef), k.Intercept)
				got := coefOf(m)
				if form == "sparse" { // without means, which the intercept takes
					for j, v := range p.Scaler.Mean {
						got[len(got)-1] += got[j] * v / p.Scaler.Scale[j]
					}
				}
				if d := lineartest.Apart(t, got, want); !(d <= tolerance) || !p.Converged() {
					t.Errorf("converged %v after %d passes, off by %.2g: %v, want %v", p.Converged(), p.Passes(), d, got, want)
				}
				if d := m.Training.Objective[0]/k.Objective - 1; !(math.Abs(d) <= tolerance) {
					t.Errorf("%d passes: objective %v, want %v: off by %.2g", p.Passes(), m.Training.Objective[0], k.Objective, d)
				}
				t.Logf("%d passes", p.Passes())
				checkDeviance(t, m, rows, k, tolerance)
			})
		}
	}
}

// The loss of targets of 0 has a large constant near the power 2, by which the end must not be judged.
func TestTweedieNearGamma(t *testing.T) {
	t.Parallel()
	rows := lineartest.Logistic(500, 4, 7)
	for i := range rows.Target {
		rows.Target[i] *= math.Exp(rows.X[4*i] / 2) // half of them 0
	}
	for _, power := range []float64{1.9, 1.999, 1.9999} {
		p := optimizerFor(t, linear.Options{Task: linear.Regression, Loss: linear.Tweedie, Power: new(power),
			Alpha: new(1e-4)}, rows.Features)
		p.sample = 0
		p.Centre(meanOf(rows))
		run(t, p, 1, rows)
		m, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		gradient := make([]float64, 5)
		for i, y := range rows.Target {
			x := append(slices.Clone(rows.X[4*i:4*i+4]), 1)
			v := m.Intercept[0]
			for j, w := range m.Coef[0] {
				v += w * x[j]
			}
			for j := range x {
				gradient[j] += (math.Exp((2-power)*v) - y*math.Exp((1-power)*v)) * x[j] / 500
			}
		}
		for j, w := range m.Coef[0] {
			gradient[j] += 1e-4 * w
		}
		if g := norm(gradient); !(g <= 1e-10) || !p.Converged() {
			t.Errorf("power %v: after %d passes the gradient is %v", power, p.Passes(), g)
		}
	}
}

// checkDeviance compares what a model says of the rows.
func checkDeviance(t *testing.T, m *linear.Model, rows *linear.Chunk, k *lineartest.DevianceCase, tolerance float64) {
	t.Helper()
	means, err := m.Predict(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := m.DecisionFunction(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	of, _ := m.Options.Deviance()
	var scores linear.RegressionMetrics
	for i, y := range rows.Target {
		w := 1.0
		if rows.Weights != nil {
			w = rows.Weights[i]
		}
		scores.Add(y, means[i], w)
		scores.AddDeviance(of, y, decisions[i], w)
	}
	for i, want := range k.Predict {
		if !(math.Abs(means[i]/want-1) <= 10*tolerance) {
			t.Errorf("prediction %d: %v, want %v", i, means[i], want)
		}
	}
	if got := scores.MeanDeviance(); !(math.Abs(got/k.Deviance-1) <= tolerance) {
		t.Errorf("deviance %v, want %v", got, k.Deviance)
	}
	if got := scores.D2(of); !(math.Abs(got-k.D2) <= tolerance) {
		t.Errorf("D² %v, want %v", got, k.D2)
	}
}

func meanOf(c *linear.Chunk) float64 {
	sum, weight := 0.0, 0.0
	for i, y := range c.Target {
		w := 1.0
		if c.Weights != nil {
			w = c.Weights[i]
		}
		sum, weight = sum+w*y, weight+w
	}
	return sum / weight
}
