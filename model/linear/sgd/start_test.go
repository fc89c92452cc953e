package sgd

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// startedFor is a learner that begins with a sample of these rows, and judges rows where it is to.
func startedFor(t *testing.T, o linear.Options, epochs int, judges bool, c *linear.Chunk, counts []int64) *Averaged {
	t.Helper()
	a := averagedFor(t, o, c.Features, epochs)
	if judges {
		a.Trainer().Progressive = NewProgressive(o.Task, o.Classes.Len())
	}
	sample := c.Slice(0, 200)
	for range 200 {
		sample.Weights = append(sample.Weights, float64(c.Len())/200)
	}
	if err := a.Trainer().Start(sample, float64(c.Len()), counts); err != nil {
		t.Fatal(err)
	}
	return a
}

// A start changes neither what rows are judged to be in the first epoch, which is as without one, nor does judging
// change the model; parts cross the wire, and the learner is written and read after each pass.
func TestStartJudged(t *testing.T) {
	c := lineartest.Problem(600, 3, 7)
	counts := make([]int64, 3)
	for _, y := range c.Target {
		counts[int(y)]++
	}
	for _, balanced := range []bool{false, true} {
		o := lineartest.Declared(newtonOptions(linear.LogLoss), c)
		o.ClassWeight.Balanced = balanced
		for _, parts := range []int{1, 3} {
			var texts, scores []string
			for _, v := range []struct{ starts, judges, through bool }{
				{true, false, false}, {true, true, false}, {true, true, true}, {false, true, false},
			} {
				a := averagedFor(t, o, c.Features, 3)
				a.Trainer().Progressive = NewProgressive(o.Task, 3)
				if v.starts {
					a = startedFor(t, o, 3, v.judges, c, counts)
				}
				for !a.Done() {
					if v.through {
						a = lineartest.Carried(t, a)
					}
					if err := lineartest.PassOver(t, a, parts, 50, v.through, c); err != nil {
						t.Fatal(err)
					}
				}
				if v.starts {
					texts = append(texts, lineartest.Saved(t, lineartest.ModelOf(t, a)))
				}
				if p := a.Trainer().Progressive; v.judges {
					scores = append(scores, fmt.Sprint(p.Rows, p.MeanLoss()))
				}
			}
			if slices.Max(texts) != slices.Min(texts) {
				t.Errorf("balanced %v, %d parts: models differ by whether rows are judged:\n%s", balanced, parts, texts)
			}
			if slices.Max(scores) != slices.Min(scores) {
				t.Errorf("balanced %v, %d parts: scores differ by the start: %s", balanced, parts, scores)
			}
		}
	}
}

// A sample of all rows is learned to the optimum, of several classes each, of weighted rows, standardised ones, and
// without an intercept or a penalty.
func TestStart(t *testing.T) {
	for name, change := range map[string]func(o *linear.Options, c *linear.Chunk){
		"log_loss":       func(o *linear.Options, c *linear.Chunk) {},
		"modified_huber": func(o *linear.Options, c *linear.Chunk) { o.Loss = linear.ModifiedHuber },
		"no intercept":   func(o *linear.Options, c *linear.Chunk) { o.FitIntercept = new(false) },
		"huber": func(o *linear.Options, c *linear.Chunk) {
			o.Task, o.Loss, o.Epsilon = linear.Regression, linear.Huber, new(0.1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newtonOptions(linear.LogLoss)
			c := lineartest.Problem(400, 2, 9)
			change(&o, c)
			if o.Task == linear.Regression {
				c = lineartest.Problem(400, 0, 9)
			}
			s := surveyOf(t, o.Task, true, 1, 100, c)
			o.Classes = s.Classes
			best := optimumOf(t, o, s, c)
			a := newSGDFor(t, o, c.Features)
			a.Scaler = s.Scaler
			a.Begin(s.Start(&o))
			sample := *c
			for range c.Len() {
				sample.Weights = append(sample.Weights, 1)
			}
			if err := a.Start(&sample, float64(c.Len()), s.ClassRows); err != nil {
				t.Fatal(err)
			}
			m := lineartest.ModelOf(t, a)
			if excess := objectiveOf(m, c)/best - 1; !(excess < 1e-6) {
				t.Errorf("%g above the optimum %g", excess, best)
			}
		})
	}
	o := newtonOptions(linear.LogLoss)
	o.Classes = lineartest.Numbered(2)
	if err := newSGDFor(t, o, 5).Start(lineartest.Problem(50, 3, 1), 50, []int64{25, 25}); err == nil {
		t.Error("a class that is not declared")
	}
}

// After a start each epoch is a step of Newton's for all rows: whether rows are sorted by the target, and in how many
// parts they come, does not matter, and five epochs are at the optimum.
func TestStartedEpochs(t *testing.T) {
	c := lineartest.Problem(900, 2, 7)
	sorted := &linear.Chunk{Features: c.Features}
	for _, y := range []float64{0, 1} {
		for i, v := range c.Target {
			if v == y {
				sorted.X, sorted.Target = append(sorted.X, c.X[i*c.Features:(i+1)*c.Features]...), append(sorted.Target, v)
			}
		}
	}
	o := lineartest.Declared(newtonOptions(linear.LogLoss), c)
	best := optimumOf(t, o, surveyOf(t, o.Task, false, 1, 100, c), c)
	for _, epochs := range []int{1, 5} {
		least, most := math.Inf(1), 0.0
		for _, rows := range []*linear.Chunk{c, sorted} {
			for _, parts := range []int{1, 7} {
				a := averagedFor(t, o, c.Features, epochs)
				sample := c.Slice(0, 200)
				for range 200 {
					sample.Weights = append(sample.Weights, 4.5)
				}
				if err := a.Trainer().Start(sample, 900, []int64{1, 1}); err != nil {
					t.Fatal(err)
				}
				for !a.Done() {
					if err := lineartest.PassOver(t, a, parts, 50, false, rows); err != nil {
						t.Fatal(err)
					}
				}
				excess := objectiveOf(lineartest.ModelOf(t, a), c)/best - 1
				least, most = min(least, excess), max(most, excess)
			}
		}
		if most-least > 1e-10 {
			t.Errorf("%d epochs: %g to %g above the optimum", epochs, least, most)
		}
		if limit := map[int]float64{1: 0.02, 5: 1e-9}[epochs]; most > limit {
			t.Errorf("%d epochs: %g above the optimum, want %g at most", epochs, most, limit)
		}
	}
}
