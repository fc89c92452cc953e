package sgd

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/vectors"
)

func newSGDFor(t testing.TB, o linear.Options, features int) *SGD {
	t.Helper()
	s, err := NewSGD(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Classes that nobody declared end where declared ones do, in whatever order and however late they come: to the bit
// where the loss has the same arithmetic for ±1, and to rounding with log_loss.
func TestLateClasses(t *testing.T) {
	base := lineartest.Problem(400, 5, 3)
	orders := map[string][]float64{ // the classes in the order in which they appear, with those after "from" kept back
		"ascending": {0, 1, 2, 3, 4}, "descending": {4, 3, 2, 1, 0}, "mixed": {2, 4, 0, 3, 1}, "two": {3, 1},
		"two, descending": {1, 3},
	}
	for name, order := range orders {
		for _, together := range []int{1, 2, 3} { // how many come in the first chunk
			// Chunk i has the rows of the first together+i classes.
			var chunks []*linear.Chunk
			for known := min(together, len(order)); ; known++ {
				c := &linear.Chunk{Features: base.Features}
				lo := len(chunks) * 60
				for i := lo; i < lo+60; i++ {
					if k := slices.Index(order, base.Target[i]); k >= 0 && k < known {
						c.X = append(c.X, base.X[i*5:(i+1)*5]...)
						c.Target = append(c.Target, base.Target[i])
					}
				}
				chunks = append(chunks, c)
				if known == len(order) {
					break
				}
			}
			for _, o := range []linear.Options{
				{Loss: linear.Hinge}, {Loss: linear.Hinge, LearningRate: linear.PA1},
				{Loss: linear.SquaredHinge, LearningRate: linear.Constant, Penalty: linear.ElasticNet},
				{Loss: linear.ModifiedHuber, Average: 30, LearningRate: linear.InvScaling},
				{Loss: linear.LogLoss, Penalty: linear.L1}, {Loss: linear.Huber, Average: 1},
			} {
				t.Run(fmt.Sprint(name, together, o.Loss), func(t *testing.T) {
					o.Task = linear.Classification
					open := newSGDFor(t, o, base.Features)
					o.Classes = linear.Classes{Numbers: slices.Sorted(slices.Values(order))}
					declared := newSGDFor(t, o, base.Features)
					lineartest.PartialFit(t, open, chunks...)
					lineartest.PartialFit(t, declared, chunks...)
					got, want := lineartest.ModelOf(t, open), lineartest.ModelOf(t, declared)
					if !slices.Equal(got.Classes.Numbers, want.Classes.Numbers) ||
						!slices.Equal(got.Training.ClassRows, want.Training.ClassRows) {
						t.Fatalf("classes %v of %v rows, want %v of %v", got.Classes, got.Training.ClassRows, want.Classes,
							want.Training.ClassRows)
					}
					allowed := 0.0
					if o.Loss == linear.LogLoss {
						allowed = 1e-10
					}
					a := slices.Concat(slices.Concat(got.Coef...), got.Intercept)
					b := slices.Concat(slices.Concat(want.Coef...), want.Intercept)
					if d := lineartest.Distance(t, "coef", a, b); d > allowed {
						t.Errorf("off by %g: %v, declared %v", d, a, b)
					}
				})
			}
		}
	}
}

// Texts are classes like numbers.
func TestTextClasses(t *testing.T) {
	numeric := lineartest.Problem(200, 3, 5)
	text := *numeric
	text.Target = nil
	names := []string{"ananas", "Banane", "Ölfrucht"} // by code points: B < a < Ö
	for _, v := range numeric.Target {
		text.Labels = append(text.Labels, []string{names[1], names[0], names[2]}[int(v)])
	}
	o := linear.Options{Task: linear.Classification,
		ClassWeight: linear.ClassWeight{Of: map[string]float64{"Banane": 2, "0": 2}}}
	s, n := newSGDFor(t, o, 5), newSGDFor(t, o, 5)
	for i := 0; i < 200; i += 40 {
		lineartest.PartialFit(t, s, (&text).Slice(i, i+40))
		lineartest.PartialFit(t, n, numeric.Slice(i, i+40))
	}
	a, b := lineartest.ModelOf(t, s), lineartest.ModelOf(t, n)
	if want := []string{"Banane", "ananas", "Ölfrucht"}; !slices.Equal(a.Classes.Texts, want) {
		t.Errorf("classes %q", a.Classes.Texts)
	}
	if !slices.EqualFunc(a.Coef, b.Coef, slices.Equal) {
		t.Error("texts are learned differently")
	}
	if err := s.PartialFit(numeric); err == nil {
		t.Error("numbers after texts")
	}
	m, err := linear.Load("m", strings.NewReader(lineartest.Saved(t, a)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Classes.Label(2) != "Ölfrucht" || b.Classes.Label(2) != "2" {
		t.Errorf("labels %s, %s", m.Classes.Label(2), b.Classes.Label(2))
	}
}

// The averages are those of the weights after each row, in classifiers, too, across chunks.
func TestAverage(t *testing.T) {
	c := lineartest.Problem(300, 2, 7)
	signs := *c
	signs.Target = slices.Clone(c.Target)
	for i, y := range signs.Target {
		signs.Target[i] = 2*y - 1
	}
	for _, average := range []linear.Average{1, 110} {
		o := linear.Options{Task: linear.Classification, Loss: linear.SquaredError, LearningRate: linear.InvScaling,
			Average: average, PowerT: new(0.25)}
		classifier := newSGDFor(t, o, 5)
		plain := o
		plain.Average = 0
		sequence := newSGDFor(t, plain, 5)
		o.Task = linear.Regression
		regressor := newSGDFor(t, o, 5)
		var mean [6]float64
		for i := range 300 {
			lineartest.PartialFit(t, sequence, c.Slice(i, i+1))
			if i+1 >= int(average) {
				if len(sequence.vectors) == 0 {
					continue
				}
				w, b := sequence.vectors[0].coef(&sequence.rule, sequence.t)
				for j, v := range append(w, b) {
					mean[j] += (v - mean[j]) / float64(i+2-int(average))
				}
			}
		}
		for i := 0; i < 300; i += 50 {
			lineartest.PartialFit(t, classifier, c.Slice(i, i+50))
			lineartest.PartialFit(t, regressor, (&signs).Slice(i, i+50))
		}
		a, b := lineartest.ModelOf(t, classifier), lineartest.ModelOf(t, regressor)
		if !slices.Equal(a.Coef[0], b.Coef[0]) || a.Intercept[0] != b.Intercept[0] {
			t.Errorf("average %d: a classifier has %v %v, a regressor %v %v", average, a.Coef, a.Intercept, b.Coef, b.Intercept)
		}
		if average == 1 {
			continue // in the first rows there is one class only, and no vector to ask
		}
		if d := lineartest.Distance(t, "mean", append(slices.Clone(a.Coef[0]), a.Intercept[0]), mean[:]); d > 1e-12 {
			t.Errorf("average %d: got %v %v, want %v", average, a.Coef, a.Intercept, mean)
		}
	}
}

// variants are options that have state of every kind.
func variants() map[string]struct {
	o      linear.Options
	rows   *linear.Chunk
	scaler bool
} {
	two, three, number := lineartest.Problem(300, 2, 11), lineartest.Problem(300, 3, 12), lineartest.Problem(300, 0, 13)
	weighted := *three
	for i := range 300 {
		weighted.Weights = append(weighted.Weights, float64(i%3))
	}
	type variant = struct {
		o      linear.Options
		rows   *linear.Chunk
		scaler bool
	}
	clf := linear.Options{Task: linear.Classification}
	with := func(o linear.Options, f func(o *linear.Options)) linear.Options { f(&o); return o }
	return map[string]variant{
		"hinge":    {clf, two, false},
		"declared": {with(clf, func(o *linear.Options) { o.Classes = lineartest.Numbered(3) }), three, false},
		"l1, sparse": {with(clf, func(o *linear.Options) { o.Loss, o.Penalty = linear.LogLoss, linear.L1 }),
			lineartest.SparseChunk(two), false},
		"average": {with(clf, func(o *linear.Options) { o.Loss, o.Average = linear.LogLoss, 70 }), three, false},
		"average sparse": {with(clf, func(o *linear.Options) {
			o.Loss, o.Average, o.Penalty = linear.LogLoss, 1,
				linear.ElasticNet
		}), lineartest.SparseChunk(three), false},
		"tol": {with(clf, func(o *linear.Options) {
			o.Loss, o.Tol, o.LearningRate = linear.LogLoss, new(1e-3),
				linear.Adaptive
		}), three, false},
		"early stopping": {with(clf, func(o *linear.Options) {
			o.Tol, o.EarlyStopping, o.NIterNoChange = new(1e-3), true,
				2
		}), two, false},
		"balanced": {with(clf, func(o *linear.Options) { o.ClassWeight.Balanced = true }), &weighted, false},
		"scaled":   {linear.Options{Task: linear.Regression, Loss: linear.Huber, Penalty: linear.None}, number, true},
		"stops": {linear.Options{Task: linear.Regression, Tol: new(0.0), EarlyStopping: true, NIterNoChange: 1},
			number, false},
		"one class": {linear.Options{Task: linear.OneClass, Average: 20, LearningRate: linear.Constant}, number, false},
		"adagrad": {with(clf, func(o *linear.Options) {
			o.Loss, o.LearningRate, o.Average, o.Alpha = linear.LogLoss, linear.AdaGrad, 70, new(0.01)
		}), three, false},
		"adagrad, sparse": {with(clf, func(o *linear.Options) {
			o.LearningRate, o.Penalty, o.Alpha, o.Average = linear.AdaGrad, linear.ElasticNet, new(0.01), 1
		}), lineartest.SparseChunk(two), false},
		"adagrad stops": {with(clf, func(o *linear.Options) {
			o.Tol, o.EarlyStopping, o.NIterNoChange, o.LearningRate = new(1e-3), true, 2, linear.AdaGrad
		}), lineartest.SparseChunk(three), false},
		"adagrad, scaled": {linear.Options{Task: linear.Regression, Tol: new(1e-3), NIterNoChange: 1,
			LearningRate: linear.AdaGrad}, number, true},
		"passive": {linear.Options{Task: linear.Regression, Loss: linear.EpsilonInsensitive, LearningRate: linear.PA2,
			FitIntercept: new(false)}, number, false},
	}
}

// Whoever saves, loads and goes on after every chunk ends with the bytes of one who did not stop.
func TestResume(t *testing.T) {
	for name, v := range variants() {
		t.Run(name, func(t *testing.T) {
			through := newSGDFor(t, v.o, 5)
			through.FeatureNames = []string{"a", "b", "c", "d", "é"}
			if v.scaler {
				through.Scaler = linear.NewStandardScaler(5)
				if err := through.Scaler.PartialFit(v.rows, nil); err != nil {
					t.Fatal(err)
				}
			}
			var stopping *SGD
			for epoch := range 3 {
				for i := 0; i < 300; i += 50 {
					c := v.rows.Slice(i, i+50)
					lineartest.PartialFit(t, through, c)
					if stopping == nil {
						if len(through.vectors) == 0 {
							continue
						}
						stopping = through
						m, err := linear.Load("m", strings.NewReader(lineartest.Saved(t, lineartest.ModelOf(t, through))))
						if err != nil {
							t.Fatal(err)
						}
						if stopping, err = Resume(m); err != nil {
							t.Fatal(err)
						}
						continue
					}
					lineartest.PartialFit(t, stopping, c)
					text := lineartest.Saved(t, lineartest.ModelOf(t, stopping))
					if want := lineartest.Saved(t, lineartest.ModelOf(t, through)); text != want {
						t.Fatalf("epoch %d, row %d: got\n%s\nwant\n%s", epoch, i, text, want)
					}
					m, err := linear.Load("m", strings.NewReader(text))
					if err != nil {
						t.Fatal(err)
					}
					if again := lineartest.Saved(t, m); again != text {
						t.Fatalf("read and written again:\n%s\nfirst:\n%s", again, text)
					}
					if stopping, err = Resume(m); err != nil {
						t.Fatal(err)
					}
				}
				if a, b := through.EndEpoch(), stopping.EndEpoch(); a != b {
					t.Fatalf("epoch %d: done %v and %v", epoch, a, b)
				}
			}
		})
	}
}

// A model without state is a start: its coefficients, row 1, its classes.
func TestWarmStart(t *testing.T) {
	m := &linear.Model{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2),
		Coef: [][]float64{{1, -2, 3, 0, 5}}, Intercept: []float64{6},
		Options: linear.Options{Loss: linear.LogLoss}, Training: linear.Training{Solver: "exact"}}
	s, err := Resume(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := lineartest.ModelOf(t, s); !slices.Equal(got.Coef[0], m.Coef[0]) || got.Intercept[0] != 6 || s.t != 1 {
		t.Errorf("begins with %v %v, t %v", got.Coef, got.Intercept, s.t)
	}
	if err := s.PartialFit(lineartest.Problem(20, 3, 1)); err == nil {
		t.Error("a third class")
	}
	lineartest.PartialFit(t, s, lineartest.Problem(20, 2, 1))
	one := &linear.Model{Task: linear.OneClass, Loss: linear.Hinge, Coef: [][]float64{{1, 2}}, Intercept: []float64{-0.25}}
	if s, err = Resume(one); err != nil {
		t.Fatal(err)
	}
	if got := lineartest.ModelOf(t, s); got.Intercept[0] != -0.25 {
		t.Errorf("offset %v", got.Intercept)
	}
}

// float32 rows and blocks are the same rows; and nothing depends on where a chunk's memory is.
func TestStorage(t *testing.T) {
	c := lineartest.Problem(100, 2, 17)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss}
	var want string
	block := &vectors.Block{Dim: 5}
	for i := range 100 {
		if block.Append(c.X[i*5:(i+1)*5], int64(i)) != -1 {
			t.Fatal("a row is refused")
		}
	}
	if block.Wide() {
		t.Fatal("the block is float64")
	}
	wide := &vectors.Block{Dim: 5, DType: vectors.Float64}
	wide.AppendBlock(block)
	for i, k := range []*linear.Chunk{c, lineartest.Narrow(c), linear.Of(block), linear.Of(wide)} {
		k.Target = c.Target
		s := newSGDFor(t, o, 5)
		lineartest.PartialFit(t, s, k)
		if got := lineartest.Saved(t, lineartest.ModelOf(t, s)); i == 0 {
			want = got
		} else if got != want {
			t.Errorf("storage %d differs", i)
		}
	}
}

// A scaler in the trainer does what scaling the rows beforehand does.
func TestScaledRows(t *testing.T) {
	c := lineartest.Problem(200, 0, 19)
	for i := range c.X {
		c.X[i] = c.X[i]*float64(i%5+1) + 100
	}
	scaler := linear.NewStandardScaler(5)
	if err := scaler.PartialFit(c, nil); err != nil {
		t.Fatal(err)
	}
	scaled := *c
	scaled.X = slices.Clone(c.X)
	if err := scaler.Transform(scaled.X); err != nil {
		t.Fatal(err)
	}
	a, b := newSGDFor(t, linear.Options{Task: linear.Regression}, 5),
		newSGDFor(t, linear.Options{Task: linear.Regression}, 5)
	a.Scaler = scaler
	before := slices.Clone(c.X)
	lineartest.PartialFit(t, a, c)
	lineartest.PartialFit(t, b, &scaled)
	ma, mb := lineartest.ModelOf(t, a), lineartest.ModelOf(t, b)
	if !slices.Equal(ma.Coef[0], mb.Coef[0]) || !slices.Equal(before, c.X) {
		t.Error("the trainer scales otherwise, or in place")
	}
	pa, err := ma.Predict(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	pb, err := mb.Predict(&scaled, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(pa, pb) {
		t.Error("the model scales otherwise")
	}
	if err := a.PartialFit(lineartest.SparseChunk(c)); err == nil {
		t.Error("sparse rows are standardised")
	}
}

// Rows held out are those of the same numbers in every epoch, some tenth, never learned from, and scored.
func TestEarlyStopping(t *testing.T) {
	c := lineartest.Problem(600, 2, 23)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Tol: new(1e-3), EarlyStopping: true,
		LearningRate: linear.Constant, NIterNoChange: 2}
	s := newSGDFor(t, o, 5)
	var held []int
	rest := &linear.Chunk{Features: 5}
	for i := range 600 {
		if s.heldOut(c, i) {
			held = append(held, i)
		} else {
			rest.X = append(rest.X, c.X[i*5:(i+1)*5]...)
			rest.Target = append(rest.Target, c.Target[i])
		}
	}
	if len(held) < 40 || len(held) > 80 {
		t.Errorf("%d of 600 rows are held out", len(held))
	}
	lineartest.PartialFit(t, s, c.Slice(0, 123), c.Slice(123, 600))
	o.EarlyStopping, o.Tol = false, nil
	without := newSGDFor(t, o, 5)
	lineartest.PartialFit(t, without, rest)
	a, b := lineartest.ModelOf(t, s), lineartest.ModelOf(t, without)
	if d := lineartest.Distance(t, "coef", a.Coef[0], b.Coef[0]); d > 1e-14 {
		t.Errorf("the rows held out have been learned from: %v, %v", a.Coef, b.Coef)
	}

	// Each is scored by the model as it stands.
	right := 0.0
	replay := newSGDFor(t, o, 5)
	for i := range 600 {
		if !slices.Contains(held, i) {
			lineartest.PartialFit(t, replay, c.Slice(i, i+1))
			continue
		}
		p, err := lineartest.ModelOf(t, replay).Predict(c.Slice(i, i+1), nil)
		if err != nil {
			t.Fatal(err)
		}
		if p[0] == c.Target[i] {
			right++
		}
	}
	if p := s.vectors[0].progress; p.right != right || p.weight != float64(len(held)) {
		t.Errorf("%v of %v right, want %v of %d", p.right, p.weight, right, len(held))
	}
	epochs := 1
	for ; !s.EndEpoch(); epochs++ {
		if epochs == 50 {
			t.Fatal("it does not stop")
		}
		lineartest.PartialFit(t, s, c)
	}
	if epochs < 3 {
		t.Errorf("it stops after %d epochs, two of which must not have helped", epochs)
	}
	before := lineartest.ModelOf(t, s)
	lineartest.PartialFit(t, s, c)
	if after := lineartest.ModelOf(t, s); !slices.Equal(after.Coef[0], before.Coef[0]) {
		t.Error("it goes on after it has stopped")
	}

	// The numbers of rows decide, not the places in chunks.
	numbered := *c
	for i := range 600 {
		numbered.Numbers = append(numbered.Numbers, int64(i))
	}
	if other := newSGDFor(t, s.options, 5); !other.heldOut(&numbered, held[3]) {
		t.Error("a row is held out by its place")
	}
}

// The score of a regression is R² of predictions made on the way.
func TestEarlyStoppingRegression(t *testing.T) {
	c := lineartest.Problem(300, 0, 29)
	s := newSGDFor(t, linear.Options{Task: linear.Regression, Tol: new(0.0), EarlyStopping: true, ValidationFraction: 0.3,
		Average: 5}, 5)
	var want linear.RegressionMetrics
	replay := newSGDFor(t, linear.Options{Task: linear.Regression, Average: 5}, 5)
	for i := range 300 {
		k := c.Slice(i, i+1)
		if !s.heldOut(c, i) {
			lineartest.PartialFit(t, replay, k)
			continue
		}
		p, err := lineartest.ModelOf(t, replay).Predict(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Add(c.Target[i], p[0], 1)
	}
	lineartest.PartialFit(t, s, c)
	if got := s.vectors[0].progress.scores; !(math.Abs(got.R2()-want.R2()) <= 1e-12) {
		t.Errorf("R² %v, want %v", got.R2(), want.R2())
	}
}

// The objective is the mean, over the rows of an epoch, of the loss and the penalty before the row; the norms of
// sparse rows' weights are those of all weights.
func TestObjective(t *testing.T) {
	dense := lineartest.Problem(40, 0, 37)
	for _, c := range []*linear.Chunk{dense, lineartest.SparseChunk(dense)} {
		for _, o := range []linear.Options{
			{Penalty: linear.L2}, {Penalty: linear.L1}, {Penalty: linear.ElasticNet, L1Ratio: new(0.4)}, {Penalty: linear.None},
			{Loss: linear.EpsilonInsensitive, LearningRate: linear.PA1},
		} {
			o.Task, o.Alpha, o.Eta0, o.Tol = linear.Regression, new(0.05), 0.1, new(0.0)
			s := newSGDFor(t, o, 5)
			lineartest.PartialFit(t, s, c.Slice(0, 10), c.Slice(10, 40))
			loss := loss.New(s.options.Loss, *s.options.Epsilon)
			want := 0.0
			for i := range 40 {
				before := newSGDFor(t, o, 5)
				lineartest.PartialFit(t, before, c.Slice(0, min(i, 10)), c.Slice(min(i, 10), i))
				m := lineartest.ModelOf(t, before)
				p, err := m.Predict(c.Slice(i, i+1), nil)
				if err != nil {
					t.Fatal(err)
				}
				want += loss.Value(p[0], c.Target[i])
				if o.LearningRate == linear.PA1 {
					continue
				}
				for _, w := range m.Coef[0] {
					switch o.Penalty {
					case linear.L2:
						want += 0.05 * w * w / 2
					case linear.L1:
						want += 0.05 * math.Abs(w)
					case linear.ElasticNet:
						want += 0.05 * (0.6*w*w/2 + 0.4*math.Abs(w))
					}
				}
			}
			p := s.vectors[0].progress
			if p.rows != 40 || !(math.Abs(p.objective-want) <= 1e-12*want) {
				t.Errorf("sparse %v, %s: objective %v of %d rows, want %v", c.Sparse != nil, o.Penalty, p.objective, p.rows, want)
			}
		}
	}
}

// Memory for a chunk does not grow with its rows.
func TestAllocations(t *testing.T) {
	for name, v := range variants() {
		s := newSGDFor(t, v.o, 5)
		if v.scaler {
			s.Scaler = linear.NewStandardScaler(5)
		}
		lineartest.PartialFit(t, s, v.rows)
		few, many := v.rows.Slice(0, 10), v.rows
		a := testing.AllocsPerRun(5, func() { lineartest.PartialFit(t, s, few) })
		b := testing.AllocsPerRun(5, func() { lineartest.PartialFit(t, s, many) })
		if a != b {
			t.Errorf("%s: %v allocations for 10 rows, %v for 300", name, a, b)
		}
	}
}

func TestRowFaults(t *testing.T) {
	clf, reg := linear.Options{Task: linear.Classification, Classes: lineartest.Numbered(2)},
		linear.Options{Task: linear.Regression}
	nan := math.NaN()
	x := []float64{1, 2, 3, 4, 5, 6}
	for _, v := range []struct {
		o    linear.Options
		c    linear.Chunk
		want string // of the error; a row's fault where it begins with "f: row"
	}{
		{reg, linear.Chunk{Features: 2, X: x, Target: []float64{1, nan, 3}},
			"f: row 101: found NaN, expected a finite target"},
		{reg, linear.Chunk{Features: 2, X: x, Target: []float64{1, 2, math.Inf(1)}},
			"f: row 102: found +Inf, expected a finite target"},
		{reg, linear.Chunk{Features: 2, X: x, Target: []float64{1, 2, 3}, Weights: []float64{1, -1, 1}},
			"f: row 101: found -1, expected a weight from 0 on"},
		{reg, linear.Chunk{Features: 2, X: x, Target: []float64{1, 2, 3}, Weights: []float64{nan, 1, 1}},
			"f: row 100: found NaN, expected a weight from 0 on"},
		{reg, linear.Chunk{Features: 3, X: x, Target: []float64{1, 2}, Numbers: []int64{1, 2}},
			"f: found 3, expected 2 features, as in the model"},
		{clf, linear.Chunk{Features: 2, X: x, Target: []float64{0, 1, nan}}, "f: row 102: found NaN, expected a class label"},
		{clf, linear.Chunk{Features: 2, X: x, Target: []float64{0, 0.5, 1}},
			"f: row 101: found class 0.5, expected one of the classes declared"},
		{clf, linear.Chunk{Features: 2, X: x, Labels: []string{"0", "1.0", "01"}}, ""},
		{clf, linear.Chunk{Features: 2, X: x, Labels: []string{"0", "1", "2"}},
			`f: row 102: found class "2", expected one of the classes declared`},
		{clf, linear.Chunk{Features: 2, X: x, Labels: []string{"0", "1", "nan"}},
			`f: row 102: found "nan", expected a class label that is a number, as the others are`},
		{clf, linear.Chunk{Features: 2, X: x, Labels: []string{"0", "", "1"}},
			"f: row 101: found nothing, expected a class label"},
		{linear.Options{Task: linear.Classification}, linear.Chunk{Features: 2, X: x, Labels: []string{"a", "", "b"}},
			"f: row 101: found nothing, expected a class label"},
		{reg, linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 1, 3, 3}, Indices: []int32{0, 1, 1},
			Values: x[:3]}, Target: x[:3]}, "f: row 101: found column 1 after 1, expected columns that ascend"},
		{reg, linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 1, 3, 3}, Indices: []int32{0, 0, 2},
			Values: x[:3]}, Target: x[:3]}, "f: row 101: found column 2, expected columns below 2"},
		{reg, linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 1, 3, 3}, Indices: []int32{-1, 0, 1},
			Values: x[:3]}, Target: x[:3]}, "f: row 100: found column -1 after -1, expected columns that ascend"},
		{reg, linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 4, 3, 3}, Indices: []int32{0, 0, 1},
			Values: x[:3]}, Target: x[:3]}, "linear.CSR: row 0 ends at 4"},
		{reg, linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 2, 1, 3}, Indices: []int32{0, 1, 1},
			Values: x[:3]}, Target: x[:3]}, "linear.CSR: row 1 ends at 1"},
		{reg, linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 1, 2, 4}, Indices: []int32{0, 1, 1},
			Values: x[:3]}, Target: x[:3]}, "linear.CSR: offsets, 3 indices and 3 values do not fit"},
		{reg, linear.Chunk{Features: 2, X: x[:5], Target: x[:2], Numbers: []int64{1, 2}},
			"linear.Chunk: 5 values are not rows of 2"},
		{reg, linear.Chunk{Features: 2, X: x, X32: make([]float32, 6), Target: x[:3]},
			"linear.Chunk: more than one of X, X32 and Sparse is set"},
		{reg, linear.Chunk{Features: 2, X: x, Target: x[:2]}, "linear.Chunk: 2 targets for 3 rows"},
		{reg, linear.Chunk{Features: 2, X: x, Target: x[:3], Weights: x[:4]}, "linear.Chunk: 4 weights for 3 rows"},
		{reg, linear.Chunk{Features: 2, X: x, Target: x[:3], Numbers: []int64{1}}, "linear.Chunk: 1 numbers for 3 rows"},
		{reg, linear.Chunk{Features: 2, X: x, Labels: []string{"a", "b", "c"}},
			"linear.Chunk: labels are for classification, without targets"},
	} {
		s := newSGDFor(t, v.o, 2)
		if v.o.Task != linear.Classification || v.o.Classes.Len() > 0 {
			lineartest.PartialFit(t, s, &linear.Chunk{Features: 2, X: x, Target: []float64{1, 0, 1}})
		}
		before := fmt.Sprint(s.t, s.counts, s.classes, s.vectors)
		c := v.c
		c.File = "f"
		if c.Numbers == nil {
			c.Numbers = []int64{100, 101, 102}
		}
		err := s.PartialFit(&c)
		if v.want == "" {
			if err != nil || !slices.Equal(s.counts, []int64{2, 4}) {
				t.Errorf("%q: %v, counts %v", c.Labels, err, s.counts)
			}
			continue
		}
		if err == nil || err.Error() != v.want {
			t.Errorf("got %v, want %s", err, v.want)
			continue
		}
		if _, isRow := fault.IsRow(err); isRow != strings.HasPrefix(v.want, "f: row") {
			t.Errorf("%v: a row's fault is %v", err, isRow)
		}
		if after := fmt.Sprint(s.t, s.counts, s.classes, s.vectors); after != before {
			t.Errorf("%v: the trainer has changed", err)
		}
	}
}

// Weights that overflow are the end: an error that says what to do, every time, and no model.
func TestOverflow(t *testing.T) {
	for name, c := range map[string]*linear.Chunk{"dense": lineartest.Problem(200, 0, 31),
		"sparse": lineartest.SparseChunk(lineartest.Problem(200, 0, 31))} {
		c.File = "f.csv"
		kernel.Scale(1e300, c.X)
		if c.Sparse != nil {
			kernel.Scale(1e300, c.Sparse.Values)
		}
		s := newSGDFor(t, linear.Options{Task: linear.Regression, LearningRate: linear.Constant, Eta0: 10}, 5)
		var err error
		for i := 0; err == nil && i < 200; i += 10 {
			err = s.PartialFit(c.Slice(i, i+10))
		}
		if err == nil {
			t.Fatalf("%s: nothing overflows: %v", name, s.vectors[0])
		}
		for _, want := range []string{"f.csv: found weights that overflow by row ", "eta0 10", "standardise the features"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v: lacks %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v has two lines", name, err)
		}
		if _, isRow := fault.IsRow(err); isRow {
			t.Errorf("%s: whoever skips faulty rows would go on", name)
		}
		if again := s.PartialFit(lineartest.Problem(10, 0, 1)); again != err {
			t.Errorf("%s: then %v", name, again)
		}
		if _, again := s.Model(); again != err {
			t.Errorf("%s: a model: %v", name, again)
		}
	}
}

// A weight that overflows in a wide sparse row is noticed in its chunk, though what the model says of the rows is
// finite; its mean, too.
func TestOverflowSparse(t *testing.T) {
	const features = 1000
	wide := func(value, target float64) *linear.Chunk {
		return &linear.Chunk{Features: features, Sparse: &linear.CSR{Offsets: []int{0, 2}, Indices: []int32{3, 700},
			Values: []float64{value, 1}}, Target: []float64{target}}
	}
	for _, average := range []linear.Average{0, 1} {
		s := newSGDFor(t, linear.Options{Task: linear.Regression, LearningRate: linear.Constant, Eta0: 0.1, Average: average},
			features)
		for i := range 5 {
			lineartest.PartialFit(t, s, wide(float64(i), 1))
		}
		v := s.vectors[0]
		if !v.known || v.most > 10 || kernel.Largest(v.w) > v.most || kernel.Largest(v.mean) > v.most ||
			kernel.Largest(v.w) == 0 {
			t.Fatalf("average %d: no weight is beyond %v (%v), the largest is %v, of a mean %v", average, v.most, v.known,
				kernel.Largest(v.w), kernel.Largest(v.mean))
		}
		v.w[3] = 0 // so that the row's prediction is finite
		if err := s.PartialFit(wide(1e308, 1e300)); err == nil || !strings.Contains(err.Error(), "weights that overflow") {
			t.Errorf("average %d: %v; %v", average, err, v.w[3])
		}
	}
}

// A value that is not finite, which no reader should have let through, is no row to pass over in silence.
func TestNotFinite(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		for _, task := range []linear.Task{linear.Regression, linear.OneClass} {
			c := lineartest.Problem(10, 0, 1)
			c.X[17] = x
			c.Numbers = []int64{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
			s := newSGDFor(t, linear.Options{Task: task}, 5)
			lineartest.PartialFit(t, s, lineartest.Problem(10, 0, 2))
			if err := s.PartialFit(c); err == nil || !strings.Contains(err.Error(), "by row 13,") {
				t.Errorf("%s, %v: %v", task, x, err)
			}
		}
	}
}

func TestTooFewClasses(t *testing.T) {
	s := newSGDFor(t, linear.Options{Task: linear.Classification}, 2)
	if _, err := s.Model(); !errors.Is(err, errNoClasses) {
		t.Errorf("no rows: %v", err)
	}
	if s.EndEpoch() {
		t.Error("done without a class")
	}
	lineartest.PartialFit(t, s, &linear.Chunk{Features: 2, X: []float64{1, 2}, Labels: []string{"x"}})
	if _, err := s.Model(); err == nil || err.Error() != `a classifier needs rows of at least two classes: all have "x"` {
		t.Errorf("one class: %v", err)
	}
}
