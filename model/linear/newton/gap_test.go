package newton

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// wideChunk is sparse rows of more columns than Newton's steps take, of three classes of different sizes, or of
// numbers.
func wideChunk(classes int) *linear.Chunk {
	r := rand.New(rand.NewPCG(3, 4))
	c := &linear.Chunk{Features: 2100, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range 150 {
		sum := 0.0
		for j := range 7 {
			at := j*300 + r.IntN(300)
			v := 1 + r.Float64()
			c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, int32(at)), append(c.Sparse.Values, v)
			sum += v * float64(at%5-1)
		}
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		if classes > 0 {
			sum = float64(min(max(int(sum/6), 0), classes-1))
		}
		c.Target, c.Weights = append(c.Target, sum), append(c.Weights, float64(i%3))
	}
	return c
}

// Below the lower bound of each pass there is no objective, also that of the optimum, and in the end it is near: the
// gap is in the model. It is of no use without l2, and of other losses needs tangents of both signs.
func TestGap(t *testing.T) {
	t.Parallel()
	no := false
	balanced := linear.ClassWeight{Balanced: true}
	for name, v := range map[string]struct {
		o       linear.Options
		classes int
	}{
		"two": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 5}}}, 2},
		"ovr": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss, ClassWeight: balanced}, 3},
		"softmax": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			MultiClass: linear.Multinomial}, 3},
		"balanced": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial,
			ClassWeight: balanced}, 3},
		"no intercept":  {linear.Options{Task: linear.Classification, Loss: linear.SquaredHinge, FitIntercept: &no}, 2},
		"huber":         {linear.Options{Task: linear.Regression, Loss: linear.Huber, Epsilon: new(3.0)}, 0},
		"squared_hinge": {linear.Options{Task: linear.Classification, Loss: linear.SquaredHinge}, 3},
		"squared_error": {linear.Options{Task: linear.Regression, Loss: linear.SquaredError}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := wideChunk(v.classes)
			o := v.o
			if o.Alpha = new(1e-2); o.Loss == linear.SquaredHinge {
				o.Alpha = new(0.1)
			}
			if v.classes > 0 {
				o.Classes = lineartest.Numbered(v.classes)
			}
			p := optimizerFor(t, o, c.Features)
			rows, sizes := make([]int64, v.classes), make([]float64, v.classes)
			for i, y := range c.Target {
				if v.classes > 0 {
					rows[int(y)]++
					sizes[int(y)] += c.Weights[i]
				}
			}
			if v.classes > 0 {
				p.ClassRows, p.ClassSizes = rows, sizes
			}
			if _, ok := p.Gap(); ok {
				t.Error("a gap before the first pass")
			}
			var bounds [][]float64
			for !p.Done() {
				lineartest.Pass(t, p, 2, c)
				bounds = append(bounds, p.each(func(p *optimum) float64 { return p.Bound }))
				if p.Passes() != 2 {
					continue
				}
				b, err := json.Marshal(p)
				if err != nil {
					t.Fatal(err)
				}
				p = &Optimizer{}
				if err := json.Unmarshal(b, p); err != nil {
					t.Fatal(err)
				}
			}
			worst := 0.0
			for pass, all := range bounds {
				for k, bound := range all {
					objective := p.Objectives()[k]
					if !(bound <= objective*(1+1e-13)) || bound < 0 {
						t.Errorf("pass %d: no objective is below %v, but one is %v", pass, bound, objective)
					}
					if pass == len(bounds)-1 {
						worst = max(worst, objective-bound)
					}
				}
			}
			gap, ok := p.Gap()
			m, err := p.Model()
			if err != nil {
				t.Fatal(err)
			}
			if !ok || !(gap <= 1e-5) || gap == 0 || m.Training.Gap != worst {
				t.Errorf("gap %v after %d passes, in the model %v, want %v", gap, p.Passes(), m.Training.Gap, worst)
			}
		})
	}
	for _, o := range []linear.Options{
		{Task: linear.Regression, Loss: linear.Huber, Alpha: new(1e-2)}, // one tangent
		{Task: linear.Regression, Loss: linear.SquaredError, Penalty: linear.None},
	} {
		p := optimizerFor(t, o, 2100)
		lineartest.Pass(t, p, 1, wideChunk(0))
		if _, ok := p.Gap(); ok {
			t.Errorf("%s, %s: a gap", o.Loss, o.Penalty)
		}
	}
}

// The gap is a share of the objective.
func TestGapIsShare(t *testing.T) {
	t.Parallel()
	p := optimizerFor(t, linear.Options{Task: linear.Regression, Loss: linear.Huber}, 2100)
	p.passes, p.problems[0].Objective, p.problems[0].Bound = 1, 4, 3
	if gap, ok := p.Gap(); !ok || gap != 0.25 {
		t.Errorf("an objective of 4 over a bound of 3: gap %v, %v", gap, ok)
	}
}

// The bound of squared errors goes by the curvature along the intercept, but where that may have been raised.
func TestBoundSquaresRaised(t *testing.T) {
	t.Parallel()
	const features = 2100
	p := optimizerFor(t, linear.Options{Task: linear.Regression, Loss: linear.SquaredError}, features)
	for _, v := range []struct {
		curvature float64
		bounded   bool
	}{{1, true}, {1e-4, true}, {1e-5, false}, {1e-7, false}} {
		at := &optimum{Diagonal: make([]float64, features+1)}
		at.Diagonal[0], at.Diagonal[features] = 1, v.curvature
		gradient := make([]float64, features+1)
		gradient[features] = 1e-9
		if p.boundSquares(at, gradient, 5); (at.Bound > 0) != v.bounded {
			t.Errorf("curvature %v: bound %v", v.curvature, at.Bound)
		}
	}
}

// The sums of each class that a softmax is bounded by have the weights of rows and of classes.
func TestSides(t *testing.T) {
	t.Parallel()
	c := wideChunk(3)
	p := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss, MultiClass: linear.Multinomial,
		Classes: lineartest.Numbered(3), ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 5, "2": 0.5}}},
		c.Features)
	part := p.Partial(0, 1)
	if err := part.PartialFit(c); err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 3*p.width())
	of := []float64{1, 5, 0.5}
	for i, y := range c.Target {
		w, to := c.Weights[i]*of[int(y)], want[int(y)*p.width():][:p.width()]
		columns, values := c.Sparse.Row(i)
		for k, j := range columns {
			to[j] += w * values[k]
		}
		to[p.features] += w
	}
	for i, v := range part.(*optimizerSum).sums[0].sides {
		if !(math.Abs(v-want[i]) <= 1e-12*(1+want[i])) {
			t.Fatalf("number %d of class %d: %v, want %v", i%p.width(), i/p.width(), v, want[i])
		}
	}
}
