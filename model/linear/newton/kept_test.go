package newton

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Near the end a pass sums up no second derivatives, as those of the pass before do, and ends where others end.
func TestKeptSecondDerivatives(t *testing.T) {
	arrow, core := categoriesChunk(3000, 2)
	counts := lineartest.Logistic(3000, 5, 1)
	for i := range counts.Target {
		counts.Target[i] += float64(i % 3)
	}
	log := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2),
		Alpha: new(1e-2)}
	for name, of := range map[string]struct {
		o linear.Options
		c *linear.Chunk
	}{
		"dense":     {log, core},
		"arrowhead": {log, arrow},
		"poisson":   {linear.Options{Task: linear.Regression, Loss: linear.Poisson, Alpha: new(1e-2)}, counts},
	} {
		t.Run(name, func(t *testing.T) {
			fresh, o := optimizerFor(t, of.o, of.c.Features), optimizerFor(t, of.o, of.c.Features)
			fresh.sample, o.sample = 0, 0
			for fresh.fresh = true; !fresh.Done(); {
				lineartest.Pass(t, fresh, 2, of.c)
			}
			kept := 0
			for o.promise = 1e-12; !o.Done(); {
				s := o.partial(0, 1)
				if d := s.sums[0]; d.second == nil && !d.sampled {
					kept++
					state, err := json.Marshal(o)
					if err != nil {
						t.Fatal(err)
					}
					var again Optimizer
					if err := json.Unmarshal(state, &again); err != nil {
						t.Fatal(err)
					}
					again.promise = o.promise
					*o = again
					s = o.partial(0, 1)
				}
				if err := s.PartialFit(of.c); err != nil {
					t.Fatal(err)
				}
				if err := o.Advance(s); err != nil {
					t.Fatal(err)
				}
			}
			if kept == 0 || !o.Converged() {
				t.Fatalf("%d of %d passes go by second derivatives that are kept; converged: %v", kept, o.Passes(), o.Converged())
			}
			for j, want := range fresh.problems[0].Base {
				if got := o.problems[0].Base[j]; !(math.Abs(got-want) <= 1e-8) {
					t.Errorf("weight %d: %v, by derivatives of each pass %v", j, got, want)
				}
			}
		})
	}
}

// A state whose second derivatives are too few, or are kept where none may be, is refused.
func TestKeptRefused(t *testing.T) {
	c := lineartest.Logistic(100, 3, 1)
	for _, l := range []linear.Loss{linear.LogLoss, linear.SquaredHinge} {
		o := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: l, Classes: lineartest.Numbered(2)}, 3)
		lineartest.Pass(t, o, 1, c)
		o.problems[0].Second = make([]float64, o.seconds())
		if l == linear.LogLoss {
			o.problems[0].Second = o.problems[0].Second[1:]
		}
		state, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(state, new(Optimizer)); err == nil || !strings.Contains(err.Error(), "second derivatives") {
			t.Errorf("%s: %v", l, err)
		}
	}
}
