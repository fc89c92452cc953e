package inference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/linear/inference"
)

// inferred is the inference of a model for rows that come in parts.
func inferred(t *testing.T, kind linear.InferenceKind, m *linear.Model, c *linear.Chunk) *linear.Inference {
	t.Helper()
	l, err := inference.New(kind, m)
	if err != nil {
		t.Fatal(err)
	}
	total := l.Partial(0, 3)
	for k := 2; k >= 0; k-- { // one of no rows among them
		part := l.Partial(k, 3)
		at, to := []int{0, 150, 150}[k], []int{150, 150, len(c.Target)}[k]
		rows := &linear.Chunk{Features: c.Features, X: c.X[at*c.Features : to*c.Features], Target: c.Target[at:to]}
		if err := part.PartialFit(rows); err != nil {
			t.Fatal(err)
		}
		b, err := part.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		read := l.Partial(k, 3)
		if err := read.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if err := total.Merge(read); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Advance(total); err != nil {
		t.Fatal(err)
	}
	return l.Model().Inference
}

// A mean that is large against the spread makes no column a sum of the intercept. The errors of coefficients are those
// around 0, and that of the intercept of squared errors is s·√(1/n + mean²/Σ(x−mean)²) of one column.
func TestLargeMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 400
	for _, loss := range []linear.Loss{linear.SquaredError, linear.LogLoss, linear.Poisson} {
		for _, kind := range linear.InferenceKinds {
			for _, features := range []int{1, 2} {
				coef := []float64{0.75, -0.5}[:features]
				var near *linear.Inference
				c := &linear.Chunk{Features: features, X: make([]float64, n*features), Target: make([]float64, n)}
				x := make([]float64, len(c.X)) // few bits, so that a mean costs none
				for i := range x {
					x[i] = math.Round(rng.NormFloat64()*1024) / 1024
				}
				for i := range n {
					c.Target[i] = float64(rng.IntN(2))
				}
				for _, mean := range []float64{0, 3, 1e7, -1e9} {
					copy(c.X, x)
					for i := range n {
						c.X[i*features] += mean
					}
					o := linear.Options{Task: linear.Regression, Loss: loss, Penalty: linear.None}
					m := &linear.Model{Task: o.Task, Loss: loss, Options: o, Coef: [][]float64{coef},
						Intercept: []float64{0.25 - coef[0]*mean}}
					if loss == linear.LogLoss {
						m.Task, m.Options.Task = linear.Classification, linear.Classification
						m.Classes.Numbers = []float64{0, 1}
					}
					got := inferred(t, kind, m, c)
					name := fmt.Sprintf("%s, %s, %d columns, mean %v", loss, kind, features, mean)
					if len(got.Collinear) > 0 {
						t.Fatalf("%s: collinear %v", name, got.Collinear)
					}
					if near == nil {
						near = got
						continue
					}
					for j, e := range got.Coef {
						if want := near.Coef[j].StandardError; !(math.Abs(e.StandardError/want-1) <= 1e-6) {
							t.Errorf("%s: standard error %v of coefficient %d, want %v", name, e.StandardError, j, want)
						}
					}
					if loss == linear.SquaredError && kind == linear.Wald && features == 1 {
						checkIntercept(t, name, got, c.X)
					}
				}
			}
		}
	}
}

func checkIntercept(t *testing.T, name string, got *linear.Inference, x []float64) {
	t.Helper()
	n, mean, spread := float64(len(x)), 0.0, 0.0
	for _, v := range x {
		mean += (v - x[0]) / n
	}
	mean += x[0]
	for _, v := range x {
		spread += (v - mean) * (v - mean)
	}
	want := math.Sqrt(got.Dispersion * (1/n + mean*mean/spread))
	if !(math.Abs(got.Intercept.StandardError/want-1) <= 1e-9) {
		t.Errorf("%s: standard error %v of the intercept, want %v", name, got.Intercept.StandardError, want)
	}
}

// A column that is a sum of another and a constant tells nothing of the intercept; twice another tells of it. What is
// constant but for rounding is a constant.
func TestSumsOfLargeMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for name, of := range map[string]struct {
		second    func(x float64) float64
		collinear string
		intercept bool
	}{
		"twice":    {func(x float64) float64 { return 2 * x }, "0 1", true},
		"and 1e8":  {func(x float64) float64 { return 1e8 - x }, "0 1", false},
		"constant": {func(float64) float64 { return 1e7 }, "1", false},
		"rounded":  {func(x float64) float64 { return 1e7 + math.Mod(math.Abs(x), 2)*0x1p-29 }, "1", false},
		"other":    {func(float64) float64 { return 1e7 + rng.NormFloat64() }, "", true},
	} {
		c := &linear.Chunk{Features: 2}
		for range 300 {
			x := 1e7 + math.Round(rng.NormFloat64()*1024)/1024
			c.X = append(c.X, x, of.second(x))
			c.Target = append(c.Target, rng.NormFloat64())
		}
		o := linear.Options{Task: linear.Regression, Loss: linear.SquaredError, Penalty: linear.None}
		m := &linear.Model{Task: o.Task, Loss: o.Loss, Options: o, Coef: [][]float64{{0.5, 0.1}}, Intercept: []float64{1}}
		got := inferred(t, linear.Wald, m, c)
		if strings.Join(got.Collinear, " ") != of.collinear || (got.Intercept != nil) != of.intercept {
			t.Errorf("%s: collinear %v, want %s; intercept %+v", name, got.Collinear, of.collinear, got.Intercept)
		}
	}
}
