package interior

import (
	"math"
	"testing"

	"beamlearn/model/linear"
)

// The weight of the barrier never goes up, nor down too fast: to no less than a half where the gradient leaves more
// than what is open, and the faster, the less it leaves.
func TestLower(t *testing.T) {
	t.Parallel()
	for _, open := range []float64{0, 0.01, 1, 4, 100} {
		for _, left := range []float64{0, 1e-6, 0.02, 0.5, 2, 1e3} {
			least := 0.03
			if left > open {
				least = 0.5
			}
			if got := lower(1, open, left); got > 1 || got < least {
				t.Errorf("open %v, left %v: %v, want from %v to 1", open, left, got, least)
			}
		}
	}
	for _, left := range []float64{0.01, 1, 5} {
		fast, slow := lower(1, 4, left/100), lower(1, 4, left)
		if left == 1 && !(fast < slow/2) || fast > slow {
			t.Errorf("%v where the gradient leaves %v, and %v where it leaves %v", fast, left/100, slow, left)
		}
	}
}

// Before the first pass nothing has converged, and a mean or a deviation that is not finite says nothing of where to
// begin.
func TestBeforePasses(t *testing.T) {
	t.Parallel()
	l, err := NewOptimizer(linear.Options{Task: linear.Regression, Loss: linear.Quantile}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if l.Converged() {
		t.Error("converged before a pass")
	}
	for _, v := range [][2]float64{{1, math.Inf(1)}, {math.NaN(), 1}, {math.Inf(-1), 1}, {1, math.NaN()}} {
		l.Scale(v[0], v[1])
		if s := l.searches[0]; s.Points[0][1] != 0 || s.Barrier[0] != 0.1 {
			t.Errorf("mean %v, deviation %v: begins at %v with the barrier %v", v[0], v[1], s.Points[0], s.Barrier[0])
		}
	}
	if l.Scale(2, 3); l.searches[0].Points[0][1] != 2 {
		t.Errorf("mean 2: begins at %v", l.searches[0].Points[0])
	}
}

// pass makes a pass over some rows.
func pass(t *testing.T, l *Optimizer, c *linear.Chunk) error {
	t.Helper()
	p := l.Partial(0, 1)
	if err := p.PartialFit(c); err != nil {
		t.Fatal(err)
	}
	return l.Advance(p)
}

// lines are rows of a line with residuals of both signs.
func lines() *linear.Chunk {
	c := &linear.Chunk{Features: 1}
	for i := range 40 {
		x := float64(i%13) / 13
		c.X, c.Target = append(c.X, x), append(c.Target, 2*x+math.Sin(float64(i*i)))
	}
	return c
}

func regression(t *testing.T, loss linear.Loss) *Optimizer {
	t.Helper()
	l, err := NewOptimizer(linear.Options{Task: linear.Regression, Loss: loss, Alpha: new(1e-3)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Numbers that leave the range of float64 are told of in words that say what to do.
func TestOverflows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		loss linear.Loss
		x, y float64
		want string
	}{
		{linear.Quantile, 1, math.MaxFloat64, "the objective overflows: standardise the features, or scale the target down"},
		{linear.Quantile, 1e200, 1, "a step that overflows: standardise the features"},
		{linear.Huber, 1e200, 1, "a step that overflows: standardise the features"},
	} {
		l, rows := regression(t, c.loss), lines()
		for i := range rows.X {
			rows.X[i] *= c.x
			rows.Target[i] = min(max(rows.Target[i], -1), 1) * c.y
		}
		err := pass(t, l, rows)
		for range 3 {
			if err == nil {
				err = pass(t, l, rows)
			}
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s of %v and %v: %v, want %s", c.loss, c.x, c.y, err, c.want)
		}
	}
}

// Where the gap does not close, the search ends after 12 passes that have not lessened it, where the loss has nothing
// but corners after 2; until then the barrier stays above what is rounding.
func TestPatience(t *testing.T) {
	t.Parallel()
	for loss, most := range map[linear.Loss]int{linear.Huber: 12, linear.Quantile: 2} {
		l, rows := regression(t, loss), lines()
		l.MaxPasses, l.closed = 100, 0
		s, since, gap := l.searches[0], 0, math.Inf(1)
		for !l.Done() {
			barrier := s.Barrier
			if err := pass(t, l, rows); err != nil {
				t.Fatal(err)
			}
			if since++; s.gap() < 0.9*gap {
				since = 0
			}
			gap = s.gap()
			end := since >= most && gap <= 1e-5*s.Objective
			if s.Done != end && gap > 0 {
				t.Fatalf("%s: pass %d, %d without a lesser gap, which is %v of %v: done %t", loss, l.Passes(), since, gap,
					s.Objective, s.Done)
			}
			if least := barrier[len(barrier)-1]; least < 1e-14*s.Objective {
				t.Errorf("%s: pass %d: the barrier is %v, the objective %v", loss, l.Passes(), least, s.Objective)
			}
		}
	}
}

// A gap of more than 10⁻⁴ is worked on, however long it stays.
func TestPatienceOfLargeGap(t *testing.T) {
	t.Parallel()
	l, rows := regression(t, linear.Huber), lines()
	if err := pass(t, l, rows); err != nil {
		t.Fatal(err)
	}
	s := l.searches[0]
	gap := s.gap()
	s.Since = 100
	for i := range rows.X { // other rows, by which nothing gets better
		rows.X[i] *= -1e6
	}
	if err := pass(t, l, rows); err != nil || s.gap() != gap || !(l.Gap() > Certified) || l.Done() {
		t.Errorf("done %t, %v; the gap is %v, it was %v", l.Done(), err, s.gap(), gap)
	}
}

// Once a pass is made, the search goes on from there.
func TestScaleAfterPass(t *testing.T) {
	t.Parallel()
	l := regression(t, linear.Quantile)
	if err := pass(t, l, lines()); err != nil {
		t.Fatal(err)
	}
	before := l.searches[0].Points[0][1]
	if l.Scale(5, 1); l.searches[0].Points[0][1] != before {
		t.Errorf("the first point has moved to %v", l.searches[0].Points[0])
	}
}
