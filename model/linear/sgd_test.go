package linear

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// problem is rows × 5 with a target among classes, or a number.
func problem(rows, classes int, seed uint64) *Chunk {
	r := rand.New(rand.NewPCG(seed, 1))
	c := &Chunk{Features: 5}
	for range rows {
		sum := 0.0
		for range c.Features {
			v := float64(float32(r.NormFloat64()))
			c.X = append(c.X, v)
			sum += v
		}
		sum += r.NormFloat64() / 2
		if classes > 0 {
			sum = math.Floor(float64(classes) / (1 + math.Exp(-sum)))
		}
		c.Target = append(c.Target, sum)
	}
	return c
}

// part is the rows lo ≤ i < hi.
func (c *Chunk) part(lo, hi int) *Chunk {
	p := *c
	if c.Sparse != nil {
		p.Sparse = sliceRows(c.Sparse, lo, hi)
	} else if c.X != nil {
		p.X = c.X[lo*c.Features : hi*c.Features]
	} else {
		p.X32 = c.X32[lo*c.Features : hi*c.Features]
	}
	if c.Target != nil {
		p.Target = c.Target[lo:hi]
	}
	if c.Labels != nil {
		p.Labels = c.Labels[lo:hi]
	}
	if c.Weights != nil {
		p.Weights = c.Weights[lo:hi]
	}
	if c.Numbers != nil {
		p.Numbers = c.Numbers[lo:hi]
	}
	return &p
}

// sparse is the rows without those values below a half.
func (c *Chunk) sparse() *Chunk {
	s := *c
	s.X, s.Sparse = nil, &CSR{Offsets: []int{0}}
	for i := range c.Len() {
		for j, v := range c.X[i*c.Features : (i+1)*c.Features] {
			if math.Abs(v) >= 0.5 {
				s.Sparse.Indices = append(s.Sparse.Indices, int32(j))
				s.Sparse.Values = append(s.Sparse.Values, v)
			}
		}
		s.Sparse.Offsets = append(s.Sparse.Offsets, len(s.Sparse.Values))
	}
	return &s
}

func newSGDFor(t testing.TB, o Options, features int) *SGD {
	t.Helper()
	s, err := NewSGD(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func partialFit(t testing.TB, s *SGD, chunks ...*Chunk) {
	t.Helper()
	for _, c := range chunks {
		if err := s.PartialFit(c); err != nil {
			t.Fatal(err)
		}
	}
}

func modelOf(t testing.TB, s *SGD) *Model {
	t.Helper()
	m, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func saved(t testing.TB, m *Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func numbered(n int) (c Classes) {
	for i := range n {
		c.Numbers = append(c.Numbers, float64(i))
	}
	return c
}

// Classes that nobody declared end where declared ones do, in whatever order and however late they come: to the bit where
// the loss has the same arithmetic for ±1, and to rounding with log_loss.
func TestLateClasses(t *testing.T) {
	base := problem(400, 5, 3)
	orders := map[string][]float64{ // the classes in the order in which they appear, with those after "from" kept back
		"ascending": {0, 1, 2, 3, 4}, "descending": {4, 3, 2, 1, 0}, "mixed": {2, 4, 0, 3, 1}, "two": {3, 1}, "two, descending": {1, 3},
	}
	for name, order := range orders {
		for _, together := range []int{1, 2, 3} { // how many come in the first chunk
			// Chunk i has the rows of the first together+i classes.
			var chunks []*Chunk
			for known := min(together, len(order)); ; known++ {
				c := &Chunk{Features: base.Features}
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
			for _, o := range []Options{
				{Loss: Hinge}, {Loss: Hinge, LearningRate: PA1}, {Loss: SquaredHinge, LearningRate: Constant, Penalty: ElasticNet},
				{Loss: ModifiedHuber, Average: 30, LearningRate: InvScaling}, {Loss: LogLoss, Penalty: L1}, {Loss: Huber, Average: 1},
			} {
				t.Run(fmt.Sprint(name, together, o.Loss), func(t *testing.T) {
					o.Task = Classification
					open := newSGDFor(t, o, base.Features)
					o.Classes = Classes{Numbers: slices.Sorted(slices.Values(order))}
					declared := newSGDFor(t, o, base.Features)
					partialFit(t, open, chunks...)
					partialFit(t, declared, chunks...)
					got, want := modelOf(t, open), modelOf(t, declared)
					if !slices.Equal(got.Classes.Numbers, want.Classes.Numbers) || !slices.Equal(got.Training.ClassRows, want.Training.ClassRows) {
						t.Fatalf("classes %v of %v rows, want %v of %v", got.Classes, got.Training.ClassRows, want.Classes, want.Training.ClassRows)
					}
					allowed := 0.0
					if o.Loss == LogLoss {
						allowed = 1e-10
					}
					a := slices.Concat(slices.Concat(got.Coef...), got.Intercept)
					b := slices.Concat(slices.Concat(want.Coef...), want.Intercept)
					if d := distance(t, "coef", a, b); d > allowed {
						t.Errorf("off by %g: %v, declared %v", d, a, b)
					}
				})
			}
		}
	}
}

// Texts are classes like numbers.
func TestTextClasses(t *testing.T) {
	numeric := problem(200, 3, 5)
	text := *numeric
	text.Target = nil
	names := []string{"ananas", "Banane", "Ölfrucht"} // by code points: B < a < Ö
	for _, v := range numeric.Target {
		text.Labels = append(text.Labels, []string{names[1], names[0], names[2]}[int(v)])
	}
	o := Options{Task: Classification, ClassWeight: ClassWeight{Of: map[string]float64{"Banane": 2, "0": 2}}}
	s, n := newSGDFor(t, o, 5), newSGDFor(t, o, 5)
	for i := 0; i < 200; i += 40 {
		partialFit(t, s, text.part(i, i+40))
		partialFit(t, n, numeric.part(i, i+40))
	}
	a, b := modelOf(t, s), modelOf(t, n)
	if want := []string{"Banane", "ananas", "Ölfrucht"}; !slices.Equal(a.Classes.Texts, want) {
		t.Errorf("classes %q", a.Classes.Texts)
	}
	if !slices.EqualFunc(a.Coef, b.Coef, slices.Equal) {
		t.Error("texts are learned differently")
	}
	if err := s.PartialFit(numeric); err == nil {
		t.Error("numbers after texts")
	}
	m, err := Load("m", strings.NewReader(saved(t, a)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Classes.Label(2) != "Ölfrucht" || b.Classes.Label(2) != "2" {
		t.Errorf("labels %s, %s", m.Classes.Label(2), b.Classes.Label(2))
	}
}

// The averages are those of the weights after each row, in classifiers, too, across chunks.
func TestAverage(t *testing.T) {
	c := problem(300, 2, 7)
	signs := *c
	signs.Target = slices.Clone(c.Target)
	for i, y := range signs.Target {
		signs.Target[i] = 2*y - 1
	}
	for _, average := range []Average{1, 110} {
		o := Options{Task: Classification, Loss: SquaredError, LearningRate: InvScaling, Average: average, PowerT: new(0.25)}
		classifier := newSGDFor(t, o, 5)
		plain := o
		plain.Average = 0
		sequence := newSGDFor(t, plain, 5)
		o.Task = Regression
		regressor := newSGDFor(t, o, 5)
		var mean [6]float64
		for i := range 300 {
			partialFit(t, sequence, c.part(i, i+1))
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
			partialFit(t, classifier, c.part(i, i+50))
			partialFit(t, regressor, signs.part(i, i+50))
		}
		a, b := modelOf(t, classifier), modelOf(t, regressor)
		if !slices.Equal(a.Coef[0], b.Coef[0]) || a.Intercept[0] != b.Intercept[0] {
			t.Errorf("average %d: a classifier has %v %v, a regressor %v %v", average, a.Coef, a.Intercept, b.Coef, b.Intercept)
		}
		if average == 1 {
			continue // in the first rows there is one class only, and no vector to ask
		}
		if d := distance(t, "mean", append(slices.Clone(a.Coef[0]), a.Intercept[0]), mean[:]); d > 1e-12 {
			t.Errorf("average %d: got %v %v, want %v", average, a.Coef, a.Intercept, mean)
		}
	}
}

// variants are options that have state of every kind.
func variants() map[string]struct {
	o      Options
	rows   *Chunk
	scaler bool
} {
	two, three, number := problem(300, 2, 11), problem(300, 3, 12), problem(300, 0, 13)
	weighted := *three
	for i := range 300 {
		weighted.Weights = append(weighted.Weights, float64(i%3))
	}
	type variant = struct {
		o      Options
		rows   *Chunk
		scaler bool
	}
	clf := Options{Task: Classification}
	with := func(o Options, f func(o *Options)) Options { f(&o); return o }
	return map[string]variant{
		"hinge":          {clf, two, false},
		"declared":       {with(clf, func(o *Options) { o.Classes = numbered(3) }), three, false},
		"l1, sparse":     {with(clf, func(o *Options) { o.Loss, o.Penalty = LogLoss, L1 }), two.sparse(), false},
		"average":        {with(clf, func(o *Options) { o.Loss, o.Average = LogLoss, 70 }), three, false},
		"average sparse": {with(clf, func(o *Options) { o.Loss, o.Average, o.Penalty = LogLoss, 1, ElasticNet }), three.sparse(), false},
		"tol":            {with(clf, func(o *Options) { o.Loss, o.Tol, o.LearningRate = LogLoss, new(1e-3), Adaptive }), three, false},
		"early stopping": {with(clf, func(o *Options) { o.Tol, o.EarlyStopping, o.NIterNoChange = new(1e-3), true, 2 }), two, false},
		"balanced":       {with(clf, func(o *Options) { o.ClassWeight.Balanced = true }), &weighted, false},
		"scaled":         {Options{Task: Regression, Loss: Huber, Penalty: None}, number, true},
		"stops":          {Options{Task: Regression, Tol: new(0.0), EarlyStopping: true, NIterNoChange: 1}, number, false},
		"one class":      {Options{Task: OneClass, Average: 20, LearningRate: Constant}, number, false},
		"passive":        {Options{Task: Regression, Loss: EpsilonInsensitive, LearningRate: PA2, FitIntercept: new(false)}, number, false},
	}
}

// Whoever saves, loads and goes on after every chunk ends with the bytes of one who did not stop.
func TestResume(t *testing.T) {
	for name, v := range variants() {
		t.Run(name, func(t *testing.T) {
			through := newSGDFor(t, v.o, 5)
			through.FeatureNames = []string{"a", "b", "c", "d", "é"}
			if v.scaler {
				through.Scaler = NewStandardScaler(5)
				if err := through.Scaler.PartialFit(v.rows, nil); err != nil {
					t.Fatal(err)
				}
			}
			var stopping *SGD
			for epoch := range 3 {
				for i := 0; i < 300; i += 50 {
					c := v.rows.part(i, i+50)
					partialFit(t, through, c)
					if stopping == nil {
						if len(through.vectors) == 0 {
							continue
						}
						stopping = through
						m, err := Load("m", strings.NewReader(saved(t, modelOf(t, through))))
						if err != nil {
							t.Fatal(err)
						}
						if stopping, err = Resume(m); err != nil {
							t.Fatal(err)
						}
						continue
					}
					partialFit(t, stopping, c)
					text := saved(t, modelOf(t, stopping))
					if want := saved(t, modelOf(t, through)); text != want {
						t.Fatalf("epoch %d, row %d: got\n%s\nwant\n%s", epoch, i, text, want)
					}
					m, err := Load("m", strings.NewReader(text))
					if err != nil {
						t.Fatal(err)
					}
					if again := saved(t, m); again != text {
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
	m := &Model{Task: Classification, Loss: LogLoss, Classes: numbered(2), Coef: [][]float64{{1, -2, 3, 0, 5}}, Intercept: []float64{6},
		Options: Options{Loss: LogLoss}, Training: Training{Solver: "exact"}}
	s, err := Resume(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := modelOf(t, s); !slices.Equal(got.Coef[0], m.Coef[0]) || got.Intercept[0] != 6 || s.t != 1 {
		t.Errorf("begins with %v %v, t %v", got.Coef, got.Intercept, s.t)
	}
	if err := s.PartialFit(problem(20, 3, 1)); err == nil {
		t.Error("a third class")
	}
	partialFit(t, s, problem(20, 2, 1))
	one := &Model{Task: OneClass, Loss: Hinge, Coef: [][]float64{{1, 2}}, Intercept: []float64{-0.25}}
	if s, err = Resume(one); err != nil {
		t.Fatal(err)
	}
	if got := modelOf(t, s); got.Intercept[0] != -0.25 {
		t.Errorf("offset %v", got.Intercept)
	}
}

// float32 rows and blocks are the same rows; and nothing depends on where a chunk's memory is.
func TestStorage(t *testing.T) {
	c := problem(100, 2, 17)
	o := Options{Task: Classification, Loss: LogLoss}
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
	for i, k := range []*Chunk{c, narrow(c), Of(block), Of(wide)} {
		k.Target = c.Target
		s := newSGDFor(t, o, 5)
		partialFit(t, s, k)
		if got := saved(t, modelOf(t, s)); i == 0 {
			want = got
		} else if got != want {
			t.Errorf("storage %d differs", i)
		}
	}
}

// A scaler in the trainer does what scaling the rows beforehand does.
func TestScaledRows(t *testing.T) {
	c := problem(200, 0, 19)
	for i := range c.X {
		c.X[i] = c.X[i]*float64(i%5+1) + 100
	}
	scaler := NewStandardScaler(5)
	if err := scaler.PartialFit(c, nil); err != nil {
		t.Fatal(err)
	}
	scaled := *c
	scaled.X = slices.Clone(c.X)
	if err := scaler.Transform(scaled.X); err != nil {
		t.Fatal(err)
	}
	a, b := newSGDFor(t, Options{Task: Regression}, 5), newSGDFor(t, Options{Task: Regression}, 5)
	a.Scaler = scaler
	before := slices.Clone(c.X)
	partialFit(t, a, c)
	partialFit(t, b, &scaled)
	ma, mb := modelOf(t, a), modelOf(t, b)
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
	if err := a.PartialFit(c.sparse()); err == nil {
		t.Error("sparse rows are standardised")
	}
}

// Rows held out are those of the same numbers in every epoch, some tenth, never learned from, and scored.
func TestEarlyStopping(t *testing.T) {
	c := problem(600, 2, 23)
	o := Options{Task: Classification, Loss: LogLoss, Tol: new(1e-3), EarlyStopping: true, LearningRate: Constant, NIterNoChange: 2}
	s := newSGDFor(t, o, 5)
	var held []int
	rest := &Chunk{Features: 5}
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
	partialFit(t, s, c.part(0, 123), c.part(123, 600))
	o.EarlyStopping, o.Tol = false, nil
	without := newSGDFor(t, o, 5)
	partialFit(t, without, rest)
	a, b := modelOf(t, s), modelOf(t, without)
	if d := distance(t, "coef", a.Coef[0], b.Coef[0]); d > 1e-14 {
		t.Errorf("the rows held out have been learned from: %v, %v", a.Coef, b.Coef)
	}

	// Each is scored by the model as it stands.
	right := 0.0
	replay := newSGDFor(t, o, 5)
	for i := range 600 {
		if !slices.Contains(held, i) {
			partialFit(t, replay, c.part(i, i+1))
			continue
		}
		p, err := modelOf(t, replay).Predict(c.part(i, i+1), nil)
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
		partialFit(t, s, c)
	}
	if epochs < 3 {
		t.Errorf("it stops after %d epochs, two of which must not have helped", epochs)
	}
	before := modelOf(t, s)
	partialFit(t, s, c)
	if after := modelOf(t, s); !slices.Equal(after.Coef[0], before.Coef[0]) {
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
	c := problem(300, 0, 29)
	s := newSGDFor(t, Options{Task: Regression, Tol: new(0.0), EarlyStopping: true, ValidationFraction: 0.3, Average: 5}, 5)
	var want RegressionMetrics
	replay := newSGDFor(t, Options{Task: Regression, Average: 5}, 5)
	for i := range 300 {
		k := c.part(i, i+1)
		if !s.heldOut(c, i) {
			partialFit(t, replay, k)
			continue
		}
		p, err := modelOf(t, replay).Predict(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Add(c.Target[i], p[0], 1)
	}
	partialFit(t, s, c)
	if got := s.vectors[0].progress.scores; math.Abs(got.R2()-want.R2()) > 1e-12 {
		t.Errorf("R² %v, want %v", got.R2(), want.R2())
	}
}

// The objective is the mean, over the rows of an epoch, of the loss and the penalty before the row; the norms of sparse rows'
// weights are those of all weights.
func TestObjective(t *testing.T) {
	dense := problem(40, 0, 37)
	for _, c := range []*Chunk{dense, dense.sparse()} {
		for _, o := range []Options{
			{Penalty: L2}, {Penalty: L1}, {Penalty: ElasticNet, L1Ratio: new(0.4)}, {Penalty: None}, {Loss: EpsilonInsensitive, LearningRate: PA1},
		} {
			o.Task, o.Alpha, o.Eta0, o.Tol = Regression, new(0.05), 0.1, new(0.0)
			s := newSGDFor(t, o, 5)
			partialFit(t, s, c.part(0, 10), c.part(10, 40))
			loss := newLoss(s.options.Loss, *s.options.Epsilon)
			want := 0.0
			for i := range 40 {
				before := newSGDFor(t, o, 5)
				partialFit(t, before, c.part(0, min(i, 10)), c.part(min(i, 10), i))
				m := modelOf(t, before)
				p, err := m.Predict(c.part(i, i+1), nil)
				if err != nil {
					t.Fatal(err)
				}
				want += loss.value(p[0], c.Target[i])
				if o.LearningRate == PA1 {
					continue
				}
				for _, w := range m.Coef[0] {
					switch o.Penalty {
					case L2:
						want += 0.05 * w * w / 2
					case L1:
						want += 0.05 * math.Abs(w)
					case ElasticNet:
						want += 0.05 * (0.6*w*w/2 + 0.4*math.Abs(w))
					}
				}
			}
			p := s.vectors[0].progress
			if p.rows != 40 || math.Abs(p.objective-want) > 1e-12*want {
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
			s.Scaler = NewStandardScaler(5)
		}
		partialFit(t, s, v.rows)
		few, many := v.rows.part(0, 10), v.rows
		a := testing.AllocsPerRun(5, func() { partialFit(t, s, few) })
		b := testing.AllocsPerRun(5, func() { partialFit(t, s, many) })
		if a != b {
			t.Errorf("%s: %v allocations for 10 rows, %v for 300", name, a, b)
		}
	}
}

func TestRowFaults(t *testing.T) {
	clf, reg := Options{Task: Classification, Classes: numbered(2)}, Options{Task: Regression}
	nan := math.NaN()
	x := []float64{1, 2, 3, 4, 5, 6}
	for _, v := range []struct {
		o    Options
		c    Chunk
		want string // of the error; a row's fault where it begins with "f: row"
	}{
		{reg, Chunk{Features: 2, X: x, Target: []float64{1, nan, 3}}, "f: row 101: found NaN, expected a finite target"},
		{reg, Chunk{Features: 2, X: x, Target: []float64{1, 2, math.Inf(1)}}, "f: row 102: found +Inf, expected a finite target"},
		{reg, Chunk{Features: 2, X: x, Target: []float64{1, 2, 3}, Weights: []float64{1, -1, 1}}, "f: row 101: found -1, expected a weight from 0 on"},
		{reg, Chunk{Features: 2, X: x, Target: []float64{1, 2, 3}, Weights: []float64{nan, 1, 1}}, "f: row 100: found NaN, expected a weight from 0 on"},
		{reg, Chunk{Features: 3, X: x, Target: []float64{1, 2}, Numbers: []int64{1, 2}}, "f: found 3, expected 2 features, as in the model"},
		{clf, Chunk{Features: 2, X: x, Target: []float64{0, 1, nan}}, "f: row 102: found NaN, expected a class label"},
		{clf, Chunk{Features: 2, X: x, Target: []float64{0, 0.5, 1}}, "f: row 101: found class 0.5, expected one of the classes declared"},
		{clf, Chunk{Features: 2, X: x, Labels: []string{"0", "1.0", "01"}}, ""},
		{clf, Chunk{Features: 2, X: x, Labels: []string{"0", "1", "2"}}, `f: row 102: found class "2", expected one of the classes declared`},
		{clf, Chunk{Features: 2, X: x, Labels: []string{"0", "1", "nan"}}, `f: row 102: found "nan", expected a class label that is a number, as the others are`},
		{clf, Chunk{Features: 2, X: x, Labels: []string{"0", "", "1"}}, "f: row 101: found nothing, expected a class label"},
		{Options{Task: Classification}, Chunk{Features: 2, X: x, Labels: []string{"a", "", "b"}}, "f: row 101: found nothing, expected a class label"},
		{reg, Chunk{Features: 2, Sparse: &CSR{Offsets: []int{0, 1, 3, 3}, Indices: []int32{0, 1, 1}, Values: x[:3]}, Target: x[:3]}, "f: row 101: found column 1 after 1, expected columns that ascend"},
		{reg, Chunk{Features: 2, Sparse: &CSR{Offsets: []int{0, 1, 3, 3}, Indices: []int32{0, 0, 2}, Values: x[:3]}, Target: x[:3]}, "f: row 101: found column 2, expected columns below 2"},
		{reg, Chunk{Features: 2, Sparse: &CSR{Offsets: []int{0, 1, 3, 3}, Indices: []int32{-1, 0, 1}, Values: x[:3]}, Target: x[:3]}, "f: row 100: found column -1 after -1, expected columns that ascend"},
		{reg, Chunk{Features: 2, Sparse: &CSR{Offsets: []int{0, 4, 3, 3}, Indices: []int32{0, 0, 1}, Values: x[:3]}, Target: x[:3]}, "linear.CSR: row 0 ends at 4"},
		{reg, Chunk{Features: 2, Sparse: &CSR{Offsets: []int{0, 2, 1, 3}, Indices: []int32{0, 1, 1}, Values: x[:3]}, Target: x[:3]}, "linear.CSR: row 1 ends at 1"},
		{reg, Chunk{Features: 2, Sparse: &CSR{Offsets: []int{0, 1, 2, 4}, Indices: []int32{0, 1, 1}, Values: x[:3]}, Target: x[:3]}, "linear.CSR: offsets, 3 indices and 3 values do not fit"},
		{reg, Chunk{Features: 2, X: x[:5], Target: x[:2], Numbers: []int64{1, 2}}, "linear.Chunk: 5 values are not rows of 2"},
		{reg, Chunk{Features: 2, X: x, X32: make([]float32, 6), Target: x[:3]}, "linear.Chunk: more than one of X, X32 and Sparse is set"},
		{reg, Chunk{Features: 2, X: x, Target: x[:2]}, "linear.Chunk: 2 targets for 3 rows"},
		{reg, Chunk{Features: 2, X: x, Target: x[:3], Weights: x[:4]}, "linear.Chunk: 4 weights for 3 rows"},
		{reg, Chunk{Features: 2, X: x, Target: x[:3], Numbers: []int64{1}}, "linear.Chunk: 1 numbers for 3 rows"},
		{reg, Chunk{Features: 2, X: x, Labels: []string{"a", "b", "c"}}, "linear.Chunk: labels are for classification, without targets"},
	} {
		s := newSGDFor(t, v.o, 2)
		if v.o.Task != Classification || v.o.Classes.Len() > 0 {
			partialFit(t, s, &Chunk{Features: 2, X: x, Target: []float64{1, 0, 1}})
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
	for name, c := range map[string]*Chunk{"dense": problem(200, 0, 31), "sparse": problem(200, 0, 31).sparse()} {
		c.File = "f.csv"
		scale(1e300, c.X)
		if c.Sparse != nil {
			scale(1e300, c.Sparse.Values)
		}
		s := newSGDFor(t, Options{Task: Regression, LearningRate: Constant, Eta0: 10}, 5)
		var err error
		for i := 0; err == nil && i < 200; i += 10 {
			err = s.PartialFit(c.part(i, i+10))
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
		if again := s.PartialFit(problem(10, 0, 1)); again != err {
			t.Errorf("%s: then %v", name, again)
		}
		if _, again := s.Model(); again != err {
			t.Errorf("%s: a model: %v", name, again)
		}
	}
}

// A weight that overflows in a wide sparse row is noticed in its chunk, though what the model says of the rows is finite; its mean, too.
func TestOverflowSparse(t *testing.T) {
	const features = 1000
	wide := func(value, target float64) *Chunk {
		return &Chunk{Features: features, Sparse: &CSR{Offsets: []int{0, 2}, Indices: []int32{3, 700}, Values: []float64{value, 1}}, Target: []float64{target}}
	}
	for _, average := range []Average{0, 1} {
		s := newSGDFor(t, Options{Task: Regression, LearningRate: Constant, Eta0: 0.1, Average: average}, features)
		for i := range 5 {
			partialFit(t, s, wide(float64(i), 1))
		}
		v := s.vectors[0]
		if !v.known || v.most > 10 || largest(v.w) > v.most || largest(v.mean) > v.most || largest(v.w) == 0 {
			t.Fatalf("average %d: no weight is beyond %v (%v), the largest is %v, of a mean %v", average, v.most, v.known, largest(v.w), largest(v.mean))
		}
		v.w[3] = 0 // so that the row's prediction is finite
		if err := s.PartialFit(wide(1e308, 1e300)); err == nil || !strings.Contains(err.Error(), "weights that overflow") {
			t.Errorf("average %d: %v; %v", average, err, v.w[3])
		}
	}
}

func TestLargest(t *testing.T) {
	for _, v := range []struct {
		x    []float64
		want float64
	}{{nil, 0}, {[]float64{-3}, 3}, {[]float64{1, -7, 2}, 7}, {[]float64{math.Copysign(0, -1), 0}, 0}, {[]float64{1, math.Inf(-1)}, math.Inf(1)}, {[]float64{math.Inf(1), 1, math.NaN()}, math.NaN()}} {
		if got := largest(v.x); got != v.want && !(math.IsNaN(got) && math.IsNaN(v.want)) {
			t.Errorf("%v: %v", v.x, got)
		}
	}
}

// A value that is not finite, which no reader should have let through, is no row to pass over in silence.
func TestNotFinite(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		for _, task := range []Task{Regression, OneClass} {
			c := problem(10, 0, 1)
			c.X[17] = x
			c.Numbers = []int64{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
			s := newSGDFor(t, Options{Task: task}, 5)
			partialFit(t, s, problem(10, 0, 2))
			if err := s.PartialFit(c); err == nil || !strings.Contains(err.Error(), "by row 13,") {
				t.Errorf("%s, %v: %v", task, x, err)
			}
		}
	}
}

func TestTooFewClasses(t *testing.T) {
	s := newSGDFor(t, Options{Task: Classification}, 2)
	if _, err := s.Model(); !errors.Is(err, errNoClasses) {
		t.Errorf("no rows: %v", err)
	}
	if s.EndEpoch() {
		t.Error("done without a class")
	}
	partialFit(t, s, &Chunk{Features: 2, X: []float64{1, 2}, Labels: []string{"x"}})
	if _, err := s.Model(); err == nil || err.Error() != `a classifier needs rows of at least two classes: all have "x"` {
		t.Errorf("one class: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, v := range []struct {
		o    Options
		want []string
	}{
		{Options{Task: Regression}, nil},
		{Options{Task: Classification, Alpha: new(0.0), LearningRate: Constant, L1Ratio: new(0.0), PowerT: new(0.0), Epsilon: new(0.0)}, nil},
		{Options{Task: OneClass, Alpha: new(0.0)}, nil},
		{Options{Task: Classification, LearningRate: PA2, Classes: Classes{Texts: []string{"a", "b"}}, ClassWeight: ClassWeight{Of: map[string]float64{"b": 0}}}, nil},
		{Options{}, []string{"task: must be one of regression, classification, one_class"}},
		{Options{Task: "clustering"}, []string{`task "clustering": must be one of regression, classification, one_class`}},
		{Options{Task: Regression, Loss: "hinges"}, []string{`loss "hinges": must be one of hinge, log_loss, modified_huber, squared_hinge, perceptron, squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive`}},
		{Options{Task: Regression, Loss: Hinge}, []string{"loss hinge: regression takes one of squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive"}},
		{Options{Task: OneClass, Loss: LogLoss, Penalty: L1, Nu: 1.5, EarlyStopping: true, Tol: new(1e-3)}, []string{
			"loss log_loss: one_class takes hinge only", "penalty l1: one_class takes l2 only", "nu 1.5: must be a number above 0, to 1", "early_stopping: one_class has no score"}},
		{Options{Task: Classification, Nu: 0.5}, []string{"nu 0.5: only one_class has it"}},
		{Options{Task: Classification, Alpha: new(0.0)}, []string{"alpha 0: learning_rate optimal divides by it"}},
		{Options{Task: Classification, Loss: LogLoss, LearningRate: PA1}, []string{"learning_rate pa1: needs the loss hinge in classification"}},
		{Options{Task: Regression, LearningRate: PA2}, []string{"learning_rate pa2: needs the loss epsilon_insensitive in regression"}},
		{Options{Task: Classification, Penalty: "l3", Alpha: new(math.NaN()), L1Ratio: new(1.5), Epsilon: new(-1.0), Eta0: math.Inf(1), PowerT: new(-0.5),
			LearningRate: "fast", Average: -1, Tol: new(-1.0), NIterNoChange: -1, ValidationFraction: 1}, []string{
			`penalty "l3": must be one of l2, l1, elasticnet, none`, "alpha NaN: must be a number from 0 on", "l1_ratio 1.5: must be a number from 0 to 1",
			"epsilon -1: must be a number from 0 on", "eta0 +Inf: must be a number above 0", "power_t -0.5: must be a number from 0 on",
			`learning_rate "fast": must be one of constant, optimal, invscaling, adaptive, pa1, pa2`, "average -1: must be a number of rows from 0 on",
			"tol -1: must be a number from 0 on", "n_iter_no_change -1: must be at least 1", "validation_fraction 1: must be a number between 0 and 1"}},
		{Options{Task: Classification, EarlyStopping: true}, []string{"early_stopping: needs tol"}},
		{Options{Task: Regression, ClassWeight: ClassWeight{Balanced: true, Of: map[string]float64{"b": -1, "a": math.NaN()}}, Classes: numbered(2)}, []string{
			"class_weight: only classification has classes", "class_weight: must be balanced or weights, not both",
			`class_weight of "a" NaN: must be a number from 0 on`, `class_weight of "a": no such class is declared`,
			`class_weight of "b" -1: must be a number from 0 on`, `class_weight of "b": no such class is declared`, "classes: only classification has them"}},
		{Options{Task: Classification, Classes: numbered(1)}, []string{"classes: there must be at least two"}},
		{Options{Task: Classification, Classes: Classes{Numbers: []float64{1, 0}}}, []string{"classes: 1 stands before 0: must ascend"}},
		{Options{Task: Classification, Classes: Classes{Numbers: []float64{0, math.NaN()}}}, []string{"classes: NaN is not a number"}},
		{Options{Task: Classification, Classes: Classes{Texts: []string{"a", "a"}}}, []string{`classes: "a" stands before "a": must ascend`}},
		{Options{Task: Classification, Classes: Classes{Texts: []string{"a"}, Numbers: []float64{1}}}, []string{"classes: must be numbers or texts, not both"}},
	} {
		before := fmt.Sprintf("%+v", v.o)
		err := v.o.Validate()
		got := []string(nil)
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if !slices.Equal(got, v.want) {
			t.Errorf("%+v: got %q, want %q", v.o, got, v.want)
		}
		if after := fmt.Sprintf("%+v", v.o); after != before {
			t.Errorf("Validate has changed %s to %s", before, after)
		}
		if _, again := NewSGD(v.o, 1); (again == nil) != (err == nil) {
			t.Errorf("%+v: NewSGD says %v", v.o, again)
		}
	}
	if _, err := NewSGD(Options{Task: Regression}, 0); err == nil {
		t.Error("no features")
	}
}

// The defaults are scikit-learn's.
func TestDefaults(t *testing.T) {
	for _, v := range []struct {
		task Task
		want string
	}{
		{Regression, "squared_error l2 0.0001 0.15 0 0.1 true invscaling 0.01 0.25 0 5 0.1"},
		{Classification, "hinge l2 0.0001 0.15 0 0.1 true optimal 0.01 0.5 0 5 0.1"},
		{OneClass, "hinge l2 0.0001 0.15 0.5 0.1 true optimal 0.01 0.5 0 5 0.1"},
	} {
		o := Options{Task: v.task}
		o.EnsureDefaults()
		got := strings.Join([]string{string(o.Loss), string(o.Penalty), num(*o.Alpha), num(*o.L1Ratio), num(o.Nu), num(*o.Epsilon), fmt.Sprint(*o.FitIntercept),
			string(o.LearningRate), num(o.Eta0), num(*o.PowerT), fmt.Sprint(o.Average), fmt.Sprint(o.NIterNoChange), num(o.ValidationFraction)}, " ")
		if got != v.want || o.Tol != nil {
			t.Errorf("%s: got %s, want %s", v.task, got, v.want)
		}
	}
}

func num(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// The sums have the order that kernel.go says.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 70 {
		x, w := make([]float64, n), make([]float64, n)
		idx := make([]int32, n)
		wide := make([]float64, 2*n)
		var lanes [8]float64
		var four [4]float64
		for j := range n {
			x[j], w[j] = r.NormFloat64(), r.NormFloat64()
			idx[j] = int32(2*j + r.IntN(2))
			wide[idx[j]] = w[j]
			lanes[j%8] += float64(x[j] * w[j])
			k := j % 4
			if j >= n/4*4 {
				k = 0
			}
			four[k] += float64(x[j] * w[j])
		}
		if got, want := dot(x, w), ((lanes[0]+lanes[4])+(lanes[2]+lanes[6]))+((lanes[1]+lanes[5])+(lanes[3]+lanes[7])); got != want {
			t.Errorf("dot of %d: got %v, want %v", n, got, want)
		}
		if got, want := (row{idx, x}).dot(wide), (four[0]+four[2])+(four[1]+four[3]); n > 0 && got != want {
			t.Errorf("sparse dot of %d: got %v, want %v", n, got, want)
		}
		sum, narrow, widened := slices.Clone(w), make([]float32, n), make([]float64, n)
		add(0.3, x, sum)
		addSparse(0.3, idx, x, wide)
		for j := range n {
			if want := w[j] + float64(0.3*x[j]); sum[j] != want || wide[idx[j]] != want {
				t.Errorf("add, %d of %d: got %v and %v, want %v", j, n, sum[j], wide[idx[j]], want)
			}
			narrow[j] = float32(x[j])
		}
		widen(widened, narrow)
		for j, v := range widened {
			if v != float64(narrow[j]) {
				t.Errorf("widen, %d of %d: %v", j, n, v)
			}
		}
	}
}

// The slope of a loss is its derivative.
func TestSlopes(t *testing.T) {
	for _, l := range Losses {
		f := newLoss(l, 0.3)
		for _, y := range []float64{-1, 1} {
			for p := -3.013; p < 3; p += 0.1 { // no corner is hit
				const h = 1e-6
				want := (f.value(p+h, y) - f.value(p-h, y)) / (2 * h)
				if got := f.slope(p, y); math.Abs(got-want) > 1e-8 {
					t.Errorf("%s at %v, y %v: got %v, want %v", l, p, y, got, want)
				}
			}
		}
		if l == LogLoss {
			for _, p := range []float64{-800, -37, 37, 800} {
				for _, y := range []float64{-1, 1} {
					if s, v := f.slope(p, y), f.value(p, y); math.Abs(s) > 1 || !(v >= 0) || v > 801 {
						t.Errorf("log_loss at %v, y %v: slope %v, value %v", p, y, s, v)
					}
				}
			}
		}
	}
	for _, v := range []struct {
		l       Loss
		p, want float64
	}{{Hinge, 1, -1}, {Perceptron, 0, -1}, {SquaredHinge, 1, 0}, {ModifiedHuber, 1, 0}, {ModifiedHuber, -1, -4}, {EpsilonInsensitive, 0.5, 0}} {
		f := newLoss(v.l, 0.5)
		if got := f.slope(v.p, 1); got != v.want {
			t.Errorf("%s at its corner %v: got %v, want %v", v.l, v.p, got, v.want)
		}
	}
}
