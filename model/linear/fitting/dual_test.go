package fitting

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// dualCase is an optimum of testdata/dual.json.
type dualCase struct {
	Loss                                   linear.Loss
	Alpha                                  float64
	Classes                                int
	Weighted, Balanced, Plain, Standardize bool
	Intercept                              []float64
	Columns, Predictions                   [][]float64
}

const dualRows, dualColumns = 40, 2200

// rows are those of testdata/dual.py.
func (k *dualCase) rows() *linear.Chunk {
	c := &linear.Chunk{Features: dualColumns, Numbers: lineartest.RowNumbers(0, dualRows)}
	state := uint64(11)
	for i := range dualRows * dualColumns {
		state = (1103515245*state + 12345) % (1 << 31)
		c.X = append(c.X, float64(state)/(1<<30)-1+float64(2*(i%dualColumns%3)))
	}
	var y []float64
	for i := range dualRows {
		sum := 0.0
		for j := range 12 {
			sum += c.X[i*dualColumns+j] * float64(1+j%3)
		}
		if i%5 == 0 {
			sum /= 2
		}
		y = append(y, sum)
	}
	sorted := slices.Sorted(slices.Values(y))
	quantile := func(q float64) float64 {
		at := q * (dualRows - 1)
		low := int(at)
		return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
	}
	for i, v := range y {
		switch {
		case k.Classes == 2:
			y[i] = float64(one(v > quantile(0.5)))
		case k.Classes == 3:
			y[i] = float64(one(v >= quantile(0.3)) + one(v >= quantile(0.7)))
		case k.Loss == linear.Poisson:
			y[i] = float64(i % 4)
		}
		if k.Weighted {
			c.Weights = append(c.Weights, float64(1+i%3))
		}
	}
	c.Target = y
	return c
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// entries is the rows by all of their entries.
func entries(c *linear.Chunk) *linear.Chunk {
	s := *c
	s.X, s.Sparse = nil, &linear.CSR{Offsets: []int{0}}
	for i, v := range c.X {
		s.Sparse.Indices, s.Sparse.Values = append(s.Sparse.Indices, int32(i%c.Features)), append(s.Sparse.Values, v)
		if i%c.Features == c.Features-1 {
			s.Sparse.Offsets = append(s.Sparse.Offsets, i+1)
		}
	}
	return &s
}

// Ridge, LogisticRegression and PoissonRegressor of fewer rows than columns: the same weights and predictions, of dense
// and sparse rows.
func TestDualScikit(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../testdata/dual.json")
	var all []dualCase
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil || len(all) != 12 {
		t.Fatal(err, len(all))
	}
	for i, k := range all {
		t.Run(fmt.Sprintf("%d_%s_%v", i, k.Loss, k.Alpha), func(t *testing.T) {
			c := k.rows()
			if i%2 == 1 && !k.Standardize {
				c = entries(c)
			}
			o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: k.Loss, FitIntercept: new(!k.Plain)},
				Alphas: []float64{k.Alpha}, Standardize: k.Standardize}
			if k.Classes > 0 {
				o.Options.Task, o.Options.ClassWeight.Balanced = linear.Classification, k.Balanced
			}
			passes := map[string]int{}
			f, err := drive(t, newFitFor(t, o, c), c, 3, nil, func(f *Fit, p Pass) { passes[stageName(f.stage)]++ })
			if err != nil {
				t.Fatal(err)
			}
			if passes["dual"] != 1 || passes["weights"] != 1 || passes["newton"] > 8 {
				t.Errorf("passes %v", passes)
			}
			m := f.Model()
			if gap := m.Training.Gap; !(gap <= 1e-9*m.Training.Objective[0]) || k.Alpha < 0.1 && len(f.Warnings()) > 0 {
				t.Errorf("the gap is %v of %v; %q", gap, m.Training.Objective, f.Warnings())
			}
			for v, w := range m.Coef {
				for j, want := range k.Columns[v] {
					if !(math.Abs(w[97*j]-want) <= 1e-7) {
						t.Errorf("coefficient %d of %d: %v, want %v", 97*j, v, w[97*j], want)
					}
				}
			}
			x := k.rows().X
			for i, want := range k.Predictions {
				row := slices.Clone(x[i*dualColumns : (i+1)*dualColumns])
				for j := range row {
					if s := m.Scaler; s != nil {
						row[j] = (row[j] - s.Mean[j]) / s.Scale[j]
					}
				}
				for v, w := range m.Coef {
					p := m.Intercept[v]
					for j, u := range w {
						p += u * row[j]
					}
					if !(math.Abs(p-want[v]) <= 1e-6) {
						t.Errorf("row %d: predicted %v, want %v", i, p, want[v])
					}
				}
			}
		})
	}
}

// On folds rows whose further columns are empty have the scores of those without, and the same best alpha.
func TestDualFolds(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		loss    linear.Loss
		classes int
		ids     bool
	}{
		"squared_error": {linear.SquaredError, 0, false}, "log_loss": {linear.LogLoss, 2, true},
		"softmax": {linear.LogLoss, 3, false}, "squared_hinge": {linear.SquaredHinge, 3, false},
	} {
		c := lineartest.Problem(150, v.classes, 1)
		c.Numbers = lineartest.RowNumbers(0, c.Len())
		for i := 0; v.ids && i < c.Len(); i++ {
			c.IDs.Ints = append(c.IDs.Ints, int64(i/2))
		}
		o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: v.loss}, Alphas: []float64{3, 0.1, 1e-3},
			Folds: 3, Seed: 5}
		if v.classes > 0 {
			o.Options.Task = linear.Classification
		}
		wide := entries(c)
		wide.Features = dualColumns // of which most are empty
		want, got := driven(t, o, c, 2), driven(t, o, wide, 4)
		if got.Model().Training.Solver != "exact" || *got.Model().Options.Alpha != *want.Model().Options.Alpha {
			t.Errorf("%s: by %s, alpha %v", name, got.Model().Training.Solver, *got.Model().Options.Alpha)
		}
		for k, m := range want.CV().Metrics {
			for s, scores := range m.Splits {
				if d := lineartest.Apart(t, got.CV().Metrics[k].Splits[s], scores); !(d <= 1e-8) {
					t.Errorf("%s, %s of fold %d: off by %v", name, m.Name, s, d)
				}
			}
		}
		for k, w := range want.Model().Coef {
			if d := lineartest.Apart(t, got.Model().Coef[k][:c.Features], w); !(d <= 1e-7) {
				t.Errorf("%s: weights off by %v", name, d)
			}
		}
	}
}

// Passes over rows come to the optimum that the products of these have, where columns have little in common; elsewhere
// these products follow.
func TestRowsBeforeProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this reads thousands of rows")
	}
	t.Parallel()
	const n = leastTried
	for name, v := range map[string]struct {
		loss   linear.Loss
		common float64 // that columns have
		passes []string
	}{
		"squared_error":         {linear.SquaredError, 0, []string{"survey", "rows"}},
		"squared_error, common": {linear.SquaredError, 30, []string{"survey", "rows", "dual", "weights", "newton"}},
		"log_loss":              {linear.LogLoss, 0, []string{"survey", "rows"}},
	} {
		c := &linear.Chunk{Features: MaxExactFeatures + 1, Numbers: lineartest.RowNumbers(0, n)}
		r := rand.New(rand.NewPCG(1, 2))
		for range n {
			y, factor := 0.0, v.common*r.NormFloat64()
			for j := range c.Features {
				x := r.NormFloat64() + factor*float64(1+j%7)
				if c.X = append(c.X, x); j < 20 {
					y += x
				}
			}
			if v.loss == linear.LogLoss {
				y = float64(one(y > 0))
			}
			c.Target = append(c.Target, y)
		}
		o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: v.loss}, Alphas: []float64{2}}
		if v.loss == linear.LogLoss {
			o.Options.Task = linear.Classification
		}
		var passes []string
		f, err := drive(t, newFitFor(t, o, c), c, 2, nil, func(f *Fit, p Pass) {
			if s := stageName(f.stage); !slices.Contains(passes, s) {
				passes = append(passes, s)
			}
		})
		if err != nil || !slices.Equal(passes, v.passes) {
			t.Errorf("%s: passes %q, %v", name, passes, err)
			continue
		}
		got := f.Model()
		if gap := got.Training.Gap; !(gap <= 1e-6*got.Training.Objective[0]) || len(f.Warnings()) > 0 {
			t.Errorf("%s: the gap is %v of %v; %q", name, gap, got.Training.Objective, f.Warnings())
		}
		dual := newFitFor(t, o, c)
		if _, err := drive(t, dual, c, 2, nil, func(f *Fit, p Pass) {
			if f.stage == stage(rowsStage{}) { // as if it had failed
				if err := f.enter(dualStage{}); err != nil {
					t.Fatal(err)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		want := dual.Model()
		if d := got.Training.Objective[0]/want.Training.Objective[0] - 1; !(math.Abs(d) <= 1e-9) {
			t.Errorf("%s: the objective is %v off", name, d)
		}
		if d := lineartest.Apart(t, got.Coef[0], want.Coef[0]); !(d <= 1e-5) {
			t.Errorf("%s: weights off by %v", name, d)
		}
	}
}
