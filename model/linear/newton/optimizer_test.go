package newton

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/leastsquares"
)

func optimizerFor(t testing.TB, o linear.Options, features int) *Optimizer {
	t.Helper()
	p, err := NewOptimizer(o, features)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run makes passes until the optimizer is done, its state crossing the wire before each, and returns the objectives
// of the best points after each.
func run(t testing.TB, o *Optimizer, parts int, chunks ...*linear.Chunk) (objectives [][]float64) {
	t.Helper()
	for !o.Done() {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var worker Optimizer
		if err := json.Unmarshal(b, &worker); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(&worker); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("the state changes on the wire: %v", err)
		}
		*o = worker
		lineartest.Pass(t, o, parts, chunks...)
		objectives = append(objectives, o.Objectives())
	}
	return objectives
}

func coefOf(m *linear.Model) []float64 { return slices.Concat(slices.Concat(m.Coef...), m.Intercept) }

// LogisticRegression, and optima that scipy finds.
func TestOptimizerEqualsScikit(t *testing.T) {
	f := lineartest.ReadExact(t)
	if len(f.Curved) != 19 {
		t.Errorf("%d cases", len(f.Curved))
	}
	worst := 0.0
	for _, c := range f.Curved {
		rows := f.Chunk(c.Data, c.Weighted)
		o := linear.Options{Task: linear.Classification, Loss: c.Loss, Alpha: &c.Alpha, Epsilon: &c.Epsilon,
			ClassWeight: linear.ClassWeight{Of: c.ClassWeight}}
		if c.Data == "diabetes" {
			o.Task = linear.Regression
		} else {
			o.Classes = linear.Classes{Numbers: slices.Compact(slices.Sorted(slices.Values(rows.Target)))}
		}
		scaler := linear.NewStandardScaler(rows.Features)
		if err := scaler.PartialFit(rows, nil); err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(slices.Concat(c.Coef...), c.Intercept)
		for form, setup := range map[string]func() (*Optimizer, int, []*linear.Chunk){
			"sampled": func() (*Optimizer, int, []*linear.Chunk) {
				return optimizerFor(t, o, rows.Features), 1, []*linear.Chunk{rows}
			},
			"parts": func() (*Optimizer, int, []*linear.Chunk) {
				return optimizerFor(t, o, rows.Features), 5, lineartest.CutChunk(rows, 37)
			},
			"plain": func() (*Optimizer, int, []*linear.Chunk) {
				p := optimizerFor(t, o, rows.Features)
				p.sample = 0
				return p, 2, lineartest.CutChunk(rows, 100)
			},
		} {
			t.Run(c.Name+"/"+form, func(t *testing.T) {
				p, parts, chunks := setup()
				p.Scaler = scaler
				objectives := run(t, p, parts, chunks...)
				m, err := p.Model()
				if err != nil {
					t.Fatal(err)
				}
				if m, err = linear.Load("m", strings.NewReader(lineartest.Saved(t, m))); err != nil {
					t.Fatal(err)
				}
				d := lineartest.Apart(t, coefOf(m), want)
				worst = max(worst, d)
				if !(d <= 1e-8) || !p.Converged() {
					t.Errorf("converged %v after %d passes, off by %.2g: %v, want %v", p.Converged(), p.Passes(), d, coefOf(m), want)
				}
				for i := 1; i < len(objectives); i++ {
					for k, v := range objectives[i] {
						if v > objectives[i-1][k]*(1+1e-13) {
							t.Errorf("pass %d: the objective rises from %v to %v", i, objectives[i-1][k], v)
						}
					}
				}
				if form == "sampled" && p.Passes() > 3 { // the sample is all rows
					t.Errorf("%d passes", p.Passes())
				}
			})
		}
	}
	t.Logf("the worst is off by %.2g", worst)
}

// From zero, within 1e-8 of the least objective in five passes at most, the one that draws the sample included.
func TestOptimizerPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this has thousands of columns, or tens of thousands of rows")
	}
	c := lineartest.Logistic(60000, 20, 1)
	for _, alpha := range []float64{1e-4, 1e-6} {
		o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(alpha),
			Classes: lineartest.Numbered(2)}
		reference := optimizerFor(t, o, 20)
		reference.sample = 0
		run(t, reference, 1, c)
		// Its last step is not evaluated yet: go on from there.
		m, err := reference.Model()
		if err != nil {
			t.Fatal(err)
		}
		again := optimizerFor(t, o, 20)
		if err := again.Start(m.Coef, m.Intercept); err != nil {
			t.Fatal(err)
		}
		run(t, again, 1, c)
		least := again.Objectives()[0]
		if norm := again.GradientNorms()[0]; norm > 1e-12 {
			t.Fatalf("the reference has a gradient of %v", norm)
		}
		p := optimizerFor(t, o, 20)
		within := 0
		for i, objective := range run(t, p, 4, lineartest.CutChunk(c, 1000)...) {
			excess := objective[0]/least - 1
			t.Logf("alpha %v, pass %d: %.3g above", alpha, i+1, excess)
			if within == 0 && excess <= 1e-8 {
				within = i + 1
			}
		}
		if within == 0 || within > 5 || p.Passes() > 5 || !p.Converged() {
			t.Errorf("alpha %v: within 1e-8 after pass %d of %d", alpha, within, p.Passes())
		}
		m, err = p.Model()
		if err != nil {
			t.Fatal(err)
		}
		if d := lineartest.Apart(t, coefOf(m), slices.Concat(again.problems[0].Base)); d > 1e-10 {
			t.Errorf("coefficients are off by %.2g", d)
		}
	}
}

// Far from the optimum the curvature is next to nothing and the undamped step leads away for ever; ours comes back.
func TestOptimizerDamps(t *testing.T) {
	c := lineartest.Logistic(2000, 3, 5)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-6),
		Classes: lineartest.Numbered(2)}
	start, intercept := [][]float64{{30, -40, 50}}, []float64{20}

	undamped := optimizerFor(t, o, 3)
	if err := undamped.Start(start, intercept); err != nil {
		t.Fatal(err)
	}
	first, diverges := 0.0, false
	for range 8 {
		sum := undamped.partial(0, 1)
		if err := sum.PartialFit(c); err != nil {
			t.Fatal(err)
		}
		q, s := undamped.problems[0], sum.sums[0]
		f := s.loss/2000 + undamped.penalty(q.Base, nil, 0)
		if first == 0 {
			first = f
		}
		diverges = diverges || f > 10*first
		g := slices.Clone(s.gradient)
		kernel.Scale(1./2000, g)
		kernel.Add(1e-6, q.Base[:3], g[:3])
		kernel.Add(1, undamped.newtonStep(s.second, g, 2000), q.Base)
	}
	if !diverges {
		t.Fatal("undamped, it does not diverge")
	}

	want := optimizerFor(t, o, 3)
	run(t, want, 1, c)
	for _, newton := range []bool{true, false} {
		p := optimizerFor(t, o, 3)
		if err := p.Start(start, intercept); err != nil {
			t.Fatal(err)
		}
		p.newton = newton
		for last := math.Inf(1); !p.Done(); last = p.Objectives()[0] {
			lineartest.Pass(t, p, 1, c)
			if f := p.Objectives()[0]; f > last*(1+1e-13) {
				t.Fatalf("newton=%v, pass %d: the objective rises to %v", newton, p.Passes(), f)
			}
		}
		if d := math.Abs(p.Objectives()[0]/want.Objectives()[0] - 1); !(d <= 1e-9) || !p.Converged() {
			t.Errorf("newton=%v: off by %.2g after %d passes", newton, d, p.Passes())
		}
		t.Logf("newton=%v: %d passes", newton, p.Passes())
	}
}

// L-BFGS comes to the optimum of Newton's method; sparse rows to that of the same rows in full, by either.
func TestOptimizerForms(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies losses, forms of rows and methods")
	}
	base := lineartest.Logistic(3000, 40, 8)
	sparse := &linear.Chunk{Features: 40, Sparse: &linear.CSR{Offsets: []int{0}}, Target: base.Target}
	full := &linear.Chunk{Features: 40, X: make([]float64, len(base.X)), Target: base.Target}
	for i, v := range base.X {
		if !(math.Abs(v) <= 1.5) {
			sparse.Sparse.Indices, sparse.Sparse.Values = append(sparse.Sparse.Indices, int32(i%40)),
				append(sparse.Sparse.Values, v)
			full.X[i] = v
		}
		if i%40 == 39 {
			sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
		}
	}
	if sparse.Entries() >= 3000*40/4 {
		t.Fatal("the rows are not sparse enough for sums of their own")
	}
	scaler := linear.NewStandardScaler(40)
	scaler.WithMean = false
	if err := scaler.PartialFit(full, nil); err != nil {
		t.Fatal(err)
	}
	for i, o := range []linear.Options{
		{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-3), Classes: lineartest.Numbered(2)},
		{Task: linear.Classification, Loss: linear.SquaredHinge, Alpha: new(1e-2), Classes: lineartest.Numbered(2),
			FitIntercept: new(false)},
		{Task: linear.Regression, Loss: linear.Huber, Alpha: new(1e-2), Epsilon: new(0.3)},
		{Task: linear.Regression, Loss: linear.SquaredError, Alpha: new(1e-2)},
	} {
		want := optimizerFor(t, o, 40)
		if i == 0 {
			want.Scaler = scaler
		}
		run(t, want, 1, full)
		w := slices.Concat(want.problems[0].Base)
		for name, c := range map[string]*linear.Chunk{"full": full, "sparse": sparse} {
			for _, newton := range []bool{true, false} {
				p := optimizerFor(t, o, 40)
				p.Scaler = want.Scaler
				if p.newton = newton; !newton {
					p.sample = 0
				}
				for !p.Done() {
					lineartest.Pass(t, p, 3, lineartest.CutChunk(c, 200)...)
				}
				allowed := 1e-10
				if !newton {
					allowed = 1e-4 // the objective is within 1e-10, and that is its square
				}
				if d := lineartest.Apart(t, p.problems[0].Base, w); d > allowed || !p.Converged() {
					t.Errorf("%s, %s, newton=%v: off by %.2g after %d passes", o.Loss, name, newton, d, p.Passes())
				}
				if d := p.Objectives()[0]/want.Objectives()[0] - 1; !(math.Abs(d) <= 1e-9) {
					t.Errorf("%s, %s, newton=%v: the objective is off by %.2g", o.Loss, name, newton, d)
				}
				if o.FitIntercept != nil && p.problems[0].Base[40] != 0 {
					t.Error("an intercept")
				}
			}
		}
	}
}

// Large dimensions: L-BFGS by itself.
func TestOptimizerWide(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this has thousands of columns, or tens of thousands of rows")
	}
	r := rand.New(rand.NewPCG(1, 2))
	c := &linear.Chunk{Features: 5000, Sparse: &linear.CSR{Offsets: []int{0}}}
	for range 2000 {
		sum := 0.0
		for j := range 10 {
			at := j*500 + r.IntN(500)
			c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, int32(at)), append(c.Sparse.Values, 1)
			sum += float64(at%7 - 3)
		}
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target = append(c.Target, (kernel.Sign(sum+3*r.NormFloat64() > 0)+1)/2)
	}
	p := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-3),
		Classes: lineartest.Numbered(2)}, 5000)
	if p.newton {
		t.Fatal("Newton's method with 5,000 features")
	}
	run(t, p, 2, lineartest.CutChunk(c, 300)...)
	if !p.Converged() || p.Passes() > 40 || p.GradientNorms()[0] > 1e-5 {
		t.Errorf("%d passes, gradient %v", p.Passes(), p.GradientNorms()[0])
	}
	t.Logf("%d passes", p.Passes())
}

// Columns that depend on each other, a constant, and classes that a plane parts, without any penalty: finite all the
// same.
func TestOptimizerSingular(t *testing.T) {
	c := lineartest.Logistic(500, 2, 3)
	wide := &linear.Chunk{Features: 5, Target: c.Target}
	for i := range 500 {
		x := c.X[2*i : 2*i+2]
		wide.X = append(wide.X, x[0], x[1], x[0]+x[1], 1, 0)
	}
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.None,
		Classes: lineartest.Numbered(2)}
	want, got := optimizerFor(t, o, 2), optimizerFor(t, o, 5)
	run(t, want, 1, c)
	run(t, got, 1, wide)
	if d := math.Abs(got.Objectives()[0]/want.Objectives()[0] - 1); !(d <= 1e-9) || !got.Converged() {
		t.Errorf("the objective is off by %.2g", d)
	}
	parted := &linear.Chunk{Features: 1, X: []float64{-2, -1, 1, 2}, Target: []float64{0, 0, 1, 1}}
	p := optimizerFor(t, o, 1)
	p.MaxPasses = 30
	run(t, p, 1, parted)
	if m, err := p.Model(); err != nil || !(p.Objectives()[0] < 1e-6) {
		t.Errorf("%v %v: %v", m, err, p.Objectives())
	}
}

// Balanced classes are weights n/(classes · rows of the class); rows of weight 0 are none but in number.
func TestOptimizerWeights(t *testing.T) {
	c := lineartest.Logistic(900, 4, 6)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-2),
		Classes: lineartest.Numbered(2), ClassWeight: linear.ClassWeight{Balanced: true}}
	p := optimizerFor(t, o, 4)
	if err := p.Partial(0, 1).PartialFit(c); err == nil || !strings.Contains(err.Error(), "balanced") {
		t.Errorf("balanced without rows of classes: %v", err)
	}
	var ones int64
	for _, y := range c.Target {
		ones += int64(y)
	}
	p.ClassRows = []int64{900 - ones, ones}
	run(t, p, 2, lineartest.CutChunk(c, 100)...)
	o.ClassWeight = linear.ClassWeight{Of: map[string]float64{"0": 900 / float64(2*(900-ones)),
		"1": 900 / float64(2*ones)}}
	q := optimizerFor(t, o, 4)
	run(t, q, 2, lineartest.CutChunk(c, 100)...)
	if d := lineartest.Apart(t, p.problems[0].Base, q.problems[0].Base); d != 0 {
		t.Errorf("balanced is off by %.2g", d)
	}
	weighted := *c
	weighted.Weights = make([]float64, 900)
	for i := range 450 {
		weighted.Weights[i] = 2
	}
	o.ClassWeight = linear.ClassWeight{}
	a, b := optimizerFor(t, o, 4), optimizerFor(t, o, 4)
	run(t, a, 2, lineartest.CutChunk(&weighted, 100)...)
	half := c.Slice(0, 450)
	half.Numbers = nil
	run(t, b, 1, half)
	if d := lineartest.Apart(t, a.problems[0].Base, b.problems[0].Base); d > 1e-9 {
		t.Errorf("half of weight 2 and half of 0: off by %.2g", d)
	}
}

func TestOptimizerRefuses(t *testing.T) {
	two := lineartest.Numbered(2)
	for name, o := range map[string]linear.Options{
		"by sgd":     {Task: linear.Classification, Loss: linear.Hinge, Classes: two},
		"beforehand": {Task: linear.Classification, Loss: linear.LogLoss},
		"one_class":  {Task: linear.OneClass},
		"alpha":      {Task: linear.Regression, Loss: linear.Huber, Alpha: new(-1.0)},
	} {
		if _, err := NewOptimizer(o, 3); err == nil ||
			!strings.Contains(err.Error(), strings.Fields(name)[0]) && name != "one_class" {
			t.Errorf("%s: %v", name, err)
		}
	}
	wide := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.L1,
		MultiClass: linear.Multinomial, Classes: lineartest.Numbered(3)}
	if _, err := NewOptimizer(wide, 700); err == nil ||
		!strings.Contains(err.Error(),
			"penalty l1: an exact solver takes it of up to 2000 columns, or with a softmax columns times classes") {
		t.Errorf("700 columns and 3 classes with l1: %v", err)
	}
	c := lineartest.Logistic(100, 3, 1)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(0.0), Classes: two}
	p := optimizerFor(t, o, 3)
	if _, err := p.Model(); err == nil {
		t.Error("a model of no pass")
	}
	if err := p.Advance(p.Partial(0, 1)); err == nil {
		t.Error("a pass over no rows")
	}
	stranger := c.Slice(0, 3)
	stranger.Numbers = nil
	stranger.Target = []float64{0, 2, 1}
	if err := p.Partial(0, 1).PartialFit(stranger); err == nil || !strings.Contains(err.Error(), "row 1: found class 2") {
		t.Errorf("an undeclared class: %v", err)
	}
	for name, start := range map[string][][]float64{"NaN": {{1, math.NaN(), 2}}, "short": {{1}},
		"two": {{1, 2, 3}, {1, 2, 3}}} {
		if err := p.Start(start, make([]float64, len(start))); err == nil {
			t.Errorf("start %s: taken", name)
		}
	}
	old := p.Partial(0, 1)
	if err := old.PartialFit(c); err != nil {
		t.Fatal(err)
	}
	b, _ := old.MarshalBinary()
	lineartest.Pass(t, p, 1, c)
	if p.Advance(old) == nil || p.Partial(0, 1).Merge(old) == nil || p.Partial(0, 1).UnmarshalBinary(b) == nil {
		t.Error("the sum of a pass before")
	}
	large := &linear.Chunk{Features: 1, X: []float64{1, 1}, Target: []float64{1e300, 1}}
	r := optimizerFor(t, linear.Options{Task: linear.Regression, Loss: linear.SquaredError}, 1)
	sum := r.Partial(0, 1)
	if err := sum.PartialFit(large); err != nil {
		t.Fatal(err)
	}
	if err := r.Advance(sum); err == nil || !strings.Contains(err.Error(), "overflow") {
		t.Errorf("overflow: %v", err)
	}
}

// L-BFGS sums up its diagonal anew only where steps have become much shorter, and products along a step only while no
// step has told of the curvature, or once a whole one has failed.
func TestBFGSPassesSpareSums(t *testing.T) {
	t.Parallel()
	full, _ := threeClasses(300, 40, 2, 21)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-3),
		Classes: lineartest.Numbered(2)}
	want, p := optimizerFor(t, o, 40), optimizerFor(t, o, 40)
	run(t, want, 1, full)
	p.newton, p.sample = false, 0
	seconds, along := 0, 0
	for !p.Done() {
		d := p.partial(0, 1).sums[0]
		if d.second != nil {
			seconds++
		}
		if d.along {
			if along++; len(p.problems[0].Steps) > 0 && p.problems[0].Failed == 0 {
				t.Errorf("pass %d tries shorter steps, though steps have told of the curvature", p.Passes())
			}
		}
		lineartest.Pass(t, p, 2, lineartest.CutChunk(full, 70)...)
	}
	if off := lineartest.Apart(t, p.problems[0].Base, want.problems[0].Base); off > 1e-4 || !p.Converged() {
		t.Errorf("converged %v after %d passes, off by %.2g", p.Converged(), p.Passes(), off)
	}
	if p.Passes() < 10 || seconds < 2 || seconds > p.Passes()/2 || along == 0 {
		t.Errorf("%d of %d passes sum up a diagonal, %d shorter steps", seconds, p.Passes(), along)
	}
}

// A pass has the same bits as ever, on every processor.
func TestOptimizerBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	c := &linear.Chunk{Features: 3}
	for range 300 {
		c.X = append(c.X, r.Float64(), 10*r.Float64()-5, r.Float64()*r.Float64())
		c.Target = append(c.Target, float64(r.IntN(2)))
	}
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
	p, q := optimizerFor(t, o, 3), optimizerFor(t, o, 3)
	q.newton, q.sample = false, 0
	g := optimizerGram(t, 3, lineartest.CutChunk(c, 70)...)
	var err error
	if p.Scaler, err = g.Scaler(); err != nil {
		t.Fatal(err)
	}
	run(t, p, 3, lineartest.CutChunk(c, 70)...)
	for !q.Done() {
		lineartest.Pass(t, q, 3, lineartest.CutChunk(c, 70)...)
	}
	s, err := g.Solve(&linear.Options{Task: linear.Regression, Penalty: linear.L1, Alpha: new(1e-3)}, true)
	if err != nil {
		t.Fatal(err)
	}
	hash := uint64(14695981039346656037) // FNV-1a
	for _, v := range slices.Concat(p.problems[0].Base, q.problems[0].Base, s.Coef,
		[]float64{s.Intercept, s.Objective, p.Objectives()[0]}) {
		for bits := math.Float64bits(v); bits != 0; bits >>= 8 {
			hash = (hash ^ bits&255) * 1099511628211
		}
	}
	if want := uint64(0x8aaa2993485b0df7); hash != want {
		t.Errorf("%#x, want %#x", hash, want)
	}
}

// Rows that were left out before others, by which these have other numbers, change no bit of what is learned: neither
// which rows are sampled nor their order.
func TestRowsLeftOut(t *testing.T) {
	t.Parallel()
	c := lineartest.Logistic(500, 4, 3)
	learned := func(sample, step int) *linear.Model {
		p := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			Classes: lineartest.Numbered(2)}, 4)
		p.sample, c.Numbers = sample, nil
		for i := range 500 {
			c.Numbers = append(c.Numbers, int64(i+i/50*step))
		}
		for !p.Done() {
			lineartest.Pass(t, p, 1, lineartest.CutChunk(c, 70)...)
		}
		m, err := p.Model()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, sample := range []int{100, 1000} {
		a, b := learned(sample, 0), learned(sample, 3)
		if !slices.Equal(coefOf(a), coefOf(b)) {
			t.Errorf("sample of %d: %v, without rows before %v", sample, coefOf(b), coefOf(a))
		}
	}
}

func FuzzOptimizerUnmarshal(f *testing.F) {
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(3)}
	make1 := func() *Optimizer { p, _ := NewOptimizer(o, 2); return p }
	c := lineartest.Logistic(20, 2, 1)
	one := make1().Partial(0, 1)
	if err := one.PartialFit(c); err != nil {
		f.Fatal(err)
	}
	b, _ := one.MarshalBinary()
	f.Add(b)
	two := make1().Partial(0, 1)
	sparse := &linear.Chunk{Features: 2, Sparse: &linear.CSR{Offsets: []int{0, 0, 1}, Indices: []int32{1},
		Values: []float64{2}}, Target: []float64{1, 2}}
	if err := two.PartialFit(sparse); err != nil {
		f.Fatal(err)
	}
	b, _ = two.MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p := make1()
		s := p.Partial(0, 1)
		if s.UnmarshalBinary(b) != nil {
			return
		}
		again, err := s.MarshalBinary()
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%d bytes become %d: %v", len(b), len(again), err)
		}
		if err := p.Advance(s); err == nil {
			if _, err := json.Marshal(p); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzOptimizerState(f *testing.F) {
	for _, newton := range []bool{true, false} {
		p, _ := NewOptimizer(linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			Classes: lineartest.Numbered(2)}, 2)
		if p.newton = newton; !newton {
			p.sample = 0
		}
		for range 3 {
			b, _ := json.Marshal(p)
			f.Add(b)
			s := p.Partial(0, 1)
			if s.PartialFit(lineartest.Logistic(50, 2, 1)) != nil || p.Advance(s) != nil {
				f.Fatal("no pass")
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Optimizer
		if json.Unmarshal(b, &p) != nil {
			return
		}
		if _, err := json.Marshal(&p); err != nil {
			t.Fatal(err)
		}
		if p.Done() || p.features > 100 || len(p.problems) > 10 {
			return
		}
		s := p.Partial(0, 1)
		if s.UnmarshalBinary(make([]byte, 100)) == nil {
			_ = p.Advance(s)
		}
	})
}

// 1,000,000 rows of 20: passes to the optimum, and how far above it the objective is after each.
func BenchmarkOptimizer(b *testing.B) {
	const rows = 1_000_000
	c := lineartest.Logistic(rows, 20, 1)
	chunks := lineartest.CutChunk(c, 8192)
	for _, alpha := range []float64{1e-4, 1e-6} {
		b.Run(fmt.Sprint("alpha=", alpha), func(b *testing.B) {
			o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(alpha),
				Classes: lineartest.Numbered(2)}
			b.SetBytes(rows * 20 * 8)
			for b.Loop() {
				p := optimizerFor(b, o, 20)
				var log []string
				var objectives []float64
				for !p.Done() {
					began := time.Now()
					s := p.Partial(0, 1)
					for _, k := range chunks {
						if err := s.PartialFit(k); err != nil {
							b.Fatal(err)
						}
					}
					summed := time.Since(began)
					if err := p.Advance(s); err != nil {
						b.Fatal(err)
					}
					log = append(log, fmt.Sprintf("%.2f+%.2f s", summed.Seconds(), (time.Since(began)-summed).Seconds()))
					objectives = append(objectives, p.Objectives()[0])
				}
				for i, f := range objectives {
					b.Logf("pass %d: %s, %.2g above", i+1, log[i], f/objectives[len(objectives)-1]-1)
				}
				b.ReportMetric(float64(p.Passes()), "passes")
			}
		})
	}
}

func optimizerGram(t testing.TB, parts int, chunks ...*linear.Chunk) *leastsquares.Gram {
	t.Helper()
	g, err := leastsquares.NewGram(chunks[0].Features)
	if err != nil {
		t.Fatal(err)
	}
	lineartest.Pass(t, g, parts, chunks...)
	return g
}

// A shorter step is taken only where the objective falls by a share of what its slope promises (Armijo); otherwise a
// far shorter one is tried next.
func TestOptimizerShortens(t *testing.T) {
	o := optimizerFor(t, linear.Options{Task: linear.Regression, Loss: linear.Huber, Penalty: linear.None}, 1)
	const n = 100.0
	for name, v := range map[string]struct {
		falls  map[int]float64 // of the objective 1, at lengths; it rises at the others
		at     float64
		failed int
	}{
		"rises everywhere":       {nil, lengths[5] / 8, 1},
		"falls by too little":    {map[int]float64{1: armijo * lengths[1] / 2}, lengths[5] / 8, 1},
		"one falls by enough":    {map[int]float64{0: armijo * lengths[0] / 2, 3: armijo * lengths[3] * 2}, lengths[3], 0},
		"the lowest of those":    {map[int]float64{1: 0.1, 2: 0.2, 3: 0.05}, lengths[2], 0},
		"too little at the last": {map[int]float64{5: armijo * lengths[5] * 0.9}, lengths[5] / 8, 1},
	} {
		p := &optimum{Base: []float64{0, 0}, Dir: []float64{8, 16}, Objective: 1, Slope: -1}
		s := &derivatives{along: true}
		for i := range s.shorter {
			s.shorter[i] = 1.5 * n
			if fall, ok := v.falls[i]; ok {
				s.shorter[i] = (1 - fall) * n
			}
		}
		if err := o.shorten(p, s, n); err != nil {
			t.Fatal(err)
		}
		if p.Dir[0] != 8*v.at || p.Dir[1] != 16*v.at || p.Slope != -v.at || p.Failed != v.failed || p.Done {
			t.Errorf("%s: a step of length %v, slope %v, failed %d, want %v and %d", name, p.Dir[0]/8, p.Slope, p.Failed, v.at,
				v.failed)
		}
	}
}
