package fitting

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// huber with next to no penalty, whose corners are near, and nearly as many columns as rows: Newton's method changes
// sides of corners at each step, and the interior point, which follows, comes to the end, with a gap that proves it.
func TestHuberFewRows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hundreds of passes")
	}
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	c := &linear.Chunk{Features: 400, Numbers: lineartest.RowNumbers(0, 450)}
	for range c.Numbers {
		y := r.NormFloat64() / math.Sqrt(r.ExpFloat64()) // Student's t
		for j := range c.Features {
			x := r.NormFloat64()
			c.X = append(c.X, x)
			y += x * float64(j%5-2)
		}
		c.Target = append(c.Target, y)
	}
	alphas := []float64{1e-8, 1e-10}
	if brief() {
		alphas = alphas[1:]
	}
	for _, alpha := range alphas {
		o := FitOptions{Options: linear.Options{Task: linear.Regression, Loss: linear.Huber, Epsilon: new(0.1)},
			Alphas: []float64{alpha}}
		var passes []string
		f, err := drive(t, newFitFor(t, o, c), c, 2, nil, func(f *Fit, p Pass) {
			if s := stageName(f.stage); !slices.Contains(passes, s) {
				passes = append(passes, s)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		m := f.Model()
		if gap := m.Training.Gap; !(gap > 0 && gap <= 1e-9*m.Training.Objective[0]) || len(f.Warnings()) > 0 {
			t.Errorf("alpha %v: the gap is %v of %v after %q; %q", alpha, gap, m.Training.Objective, passes, f.Warnings())
		}
		if !slices.Equal(passes, []string{"survey", "newton", "interior"}) {
			t.Errorf("alpha %v: passes %q", alpha, passes)
		}
	}
}
