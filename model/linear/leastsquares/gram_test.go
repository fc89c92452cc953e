package leastsquares

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

func gramOf(t testing.TB, parts int, chunks ...*linear.Chunk) *Gram {
	t.Helper()
	g, err := NewGram(chunks[0].Features)
	if err != nil {
		t.Fatal(err)
	}
	lineartest.Pass(t, g, parts, chunks...)
	if !g.Done() {
		t.Fatal("not done after its pass")
	}
	return g
}

// LinearRegression, Ridge, Lasso and ElasticNet.
func TestGramEqualsScikit(t *testing.T) {
	f := lineartest.ReadExact(t)
	if len(f.Squares) != 56 {
		t.Errorf("%d cases", len(f.Squares))
	}
	worst := 0.0
	for _, c := range f.Squares {
		rows := f.Chunk("diabetes", c.Weighted)
		for form, g := range map[string]*Gram{
			"one": gramOf(t, 1, rows), "five parts": gramOf(t, 5, lineartest.CutChunk(rows, 23)...),
			"float32": gramOf(t, 2, lineartest.CutChunk(lineartest.Narrowed(rows), 100)...),
		} {
			t.Run(c.Name+"/"+form, func(t *testing.T) {
				allowed := 1e-8
				if form == "float32" {
					allowed = 1e-4
				}
				o := linear.Options{Task: linear.Regression, Penalty: c.Penalty, Alpha: &c.Alpha, L1Ratio: &c.L1Ratio,
					FitIntercept: &c.FitIntercept}
				s, err := g.Solve(&o, c.Standardize)
				if err != nil {
					t.Fatal(err)
				}
				d := max(lineartest.Apart(t, s.Coef, c.Coef), math.Abs(s.Intercept-c.Intercept)/max(1, math.Abs(c.Intercept)))
				if form != "float32" {
					worst = max(worst, d)
				}
				if !(d <= allowed) {
					t.Errorf("off by %.2g: coef %v, want %v; intercept %v, want %v", d, s.Coef, c.Coef, s.Intercept, c.Intercept)
				}
				if !(s.Gap <= max(1e-12*s.Objective, 1e-11)) {
					t.Errorf("gap %v at %v", s.Gap, s.Objective)
				}
				if form == "float32" {
					return
				}
				m, err := s.Model(&o, nil)
				if err != nil {
					t.Fatal(err)
				}
				if m, err = linear.Load("m", strings.NewReader(lineartest.Saved(t, m))); err != nil {
					t.Fatal(err)
				}
				score, err := g.Score(m)
				if err != nil {
					t.Fatal(err)
				}
				if d := lineartest.Apart(t, []float64{score.MSE(), score.R2()}, []float64{c.MSE, c.R2}); !(d <= 1e-9) ||
					!math.IsNaN(score.MAE()) {
					t.Errorf("MSE %v, R² %v, want %v, %v", score.MSE(), score.R2(), c.MSE, c.R2)
				}
			})
		}
	}
	t.Logf("the worst is off by %.2g", worst)
}

func TestCrossValidate(t *testing.T) {
	f := lineartest.ReadExact(t)
	rows := f.Chunk("diabetes", false)
	folds, err := NewFoldGram(rows.Features, 5, func(n int64) int { return int(n % 5) })
	if err != nil {
		t.Fatal(err)
	}
	lineartest.Pass(t, folds, 3, lineartest.CutChunk(rows, 50)...)
	b, err := json.Marshal(folds)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, folds); err != nil || !folds.Done() {
		t.Fatal(err, folds.Done())
	}
	scores, err := folds.CrossValidate(&linear.Options{Task: linear.Regression, Penalty: linear.ElasticNet}, true,
		[]float64{0.02, 0.5}, []float64{0.2, 0.9})
	if err != nil {
		t.Fatal(err)
	}
	if len(scores) != len(f.Grid) {
		t.Fatalf("%d combinations", len(scores))
	}
	for i, want := range f.Grid {
		s := scores[i]
		var mse, r2 []float64
		for _, m := range s.Folds {
			mse, r2 = append(mse, m.MSE()), append(r2, m.R2())
		}
		if s.Alpha != want.Alpha || s.L1Ratio != want.L1Ratio || lineartest.Apart(t, mse, want.MSE) > 1e-9 ||
			lineartest.Apart(t, r2, want.R2) > 1e-9 {
			t.Errorf("%v: want %v", s, want)
		}
	}
	all, err := folds.All()
	if err != nil || all.Rows() != 442 {
		t.Errorf("all folds have %d rows: %v", all.Rows(), err)
	}
	rows.Numbers = nil
	if err := folds.PartialFit(rows); err == nil {
		t.Error("rows without numbers have folds")
	}
}

// Means of 1e8 at a spread of 1 cost no digits, in any order of the rows: those of the same rows about zero.
func TestGramLargeMeans(t *testing.T) {
	const n, d = 5000, 6
	r := rand.New(rand.NewPCG(7, 7))
	centred, shifted := &linear.Chunk{Features: d}, &linear.Chunk{Features: d}
	for i := range n {
		y := 3.0
		for j := range d {
			// Multiples of 2⁻²⁰, so that the sum with 1e8 is exact; a trend moves the blocks' means.
			v := math.Round((r.NormFloat64()+float64(i)/n)*(1<<20)) / (1 << 20)
			centred.X = append(centred.X, v)
			shifted.X = append(shifted.X, v+1e8)
			y += v * float64(j-2)
		}
		y = math.Round((y+r.NormFloat64())*(1<<20)) / (1 << 20)
		centred.Target = append(centred.Target, y)
		shifted.Target = append(shifted.Target, y+1e8)
	}
	for _, o := range []linear.Options{
		{Task: linear.Regression, Penalty: linear.None}, {Task: linear.Regression, Alpha: new(0.1)},
		{Task: linear.Regression, Penalty: linear.L1, Alpha: new(0.05)},
	} {
		for _, standardize := range []bool{false, true} {
			want, err := gramOf(t, 1, centred).Solve(&o, standardize)
			if err != nil {
				t.Fatal(err)
			}
			g := gramOf(t, 7, lineartest.CutChunk(shifted, 333)...)
			got, err := g.Solve(&o, standardize)
			if err != nil {
				t.Fatal(err)
			}
			if d := lineartest.Apart(t, got.Coef, want.Coef); d > 1e-13 {
				t.Errorf("%s, standardize=%v: off by %.2g: %v, want %v", o.Penalty, standardize, d, got.Coef, want.Coef)
			}
			if d := math.Abs(got.Objective/want.Objective - 1); !(d <= 1e-12) {
				t.Errorf("%s: the objective is off by %.2g", o.Penalty, d)
			}
		}
	}
	// Against least squares by orthogonal factors, on centred data.
	want := leastSquares(t, centred)
	got, err := gramOf(t, 7, lineartest.CutChunk(shifted, 333)...).Solve(&linear.Options{Task: linear.Regression,
		Penalty: linear.None}, false)
	if err != nil {
		t.Fatal(err)
	}
	if d := lineartest.Apart(t, got.Coef, want); d > 1e-13 {
		t.Errorf("off by %.2g: %v, want %v", d, got.Coef, want)
	}
}

// leastSquares is by QR, with an intercept.
func leastSquares(t *testing.T, c *linear.Chunk) []float64 {
	t.Helper()
	n, d := c.Len(), c.Features
	a := mat.NewDense(n, d+1, nil)
	for i := range n {
		a.SetRow(i, append(slices.Clone(c.X[i*d:(i+1)*d]), 1))
	}
	var qr mat.QR
	qr.Factorize(a)
	var w mat.VecDense
	if err := qr.SolveVecTo(&w, false, mat.NewVecDense(n, c.Target)); err != nil {
		t.Fatal(err)
	}
	return w.RawVector().Data[:d]
}

// Sparse rows sum up like the same rows in full, whether their columns are there rarely or nearly always.
func TestGramSparse(t *testing.T) {
	const n, d = 700, 40
	r := rand.New(rand.NewPCG(5, 6))
	s := &linear.Chunk{Features: d, Sparse: &linear.CSR{Offsets: []int{0}}}
	full := &linear.Chunk{Features: d, X: make([]float64, n*d)}
	for i := range n {
		sum := 0.0
		for j := range d {
			if j == 17 && i%50 != 0 || j != 17 && r.IntN(8) == 0 {
				v := r.NormFloat64()
				if j == 17 {
					v += 1e6
				}
				s.Sparse.Indices, s.Sparse.Values = append(s.Sparse.Indices, int32(j)), append(s.Sparse.Values, v)
				full.X[i*d+j] = v
				sum += v * float64(j%5)
			}
		}
		s.Sparse.Offsets = append(s.Sparse.Offsets, len(s.Sparse.Values))
		s.Target = append(s.Target, sum+r.NormFloat64())
		s.Weights = append(s.Weights, float64(i%3))
	}
	full.Target, full.Weights = s.Target, s.Weights
	if s.Entries() >= n*d/4 {
		t.Fatal("the rows are not sparse enough for sums of their own")
	}
	want, got := gramOf(t, 1, full), gramOf(t, 4, lineartest.CutChunk(s, 64)...)
	if d := lineartest.Apart(t, got.products, want.products); d > 1e-13 {
		t.Errorf("products are off by %.2g", d)
	}
	for j := range d + 1 {
		a, b := got.products.Row(j, d+1)[0], want.products.Row(j, d+1)[0]
		if !(math.Abs(a-b) <= 1e-11*b) {
			t.Errorf("column %d: %v, want %v", j, a, b)
		}
	}
	if d := lineartest.Apart(t, got.means(), want.means()); d > 1e-14 || got.Weight() != want.Weight() || got.Rows() != n {
		t.Errorf("means are off by %.2g", d)
	}
	// Standardised, they are divided and keep their zeros.
	scaler, err := got.Scaler()
	if err != nil || scaler.WithMean {
		t.Fatal(err, scaler.WithMean)
	}
	divided := *full
	divided.X = slices.Clone(full.X)
	if err := scaler.Transform(divided.X); err != nil {
		t.Fatal(err)
	}
	for _, intercept := range []bool{true, false} {
		o := &linear.Options{Task: linear.Regression, Alpha: new(0.1), FitIntercept: &intercept}
		a, err := got.Solve(o, true)
		if err != nil {
			t.Fatal(err)
		}
		b, err := gramOf(t, 1, &divided).Solve(o, false)
		if err != nil {
			t.Fatal(err)
		}
		m, err := a.Model(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.DecisionFunction(s.Slice(0, 50), nil)
		if err != nil {
			t.Fatal(err)
		}
		q, err := m.DecisionFunction(full.Slice(0, 50), nil)
		if err != nil {
			t.Fatal(err)
		}
		// A mean of 1e6 at a spread of 1e5 costs the digits that it must: the intercept takes it.
		if d := max(lineartest.Apart(t, a.Coef, b.Coef), lineartest.Apart(t, p, q)); d > 1e-9 ||
			!(math.Abs(a.Intercept-b.Intercept) <= 1e-9*max(1, math.Abs(b.Intercept))) {
			t.Errorf("intercept=%v: off by %.2g; %v, want %v", intercept, d, a.Intercept, b.Intercept)
		}
	}
}

// Of dependent and constant columns, the coefficients of least norm.
func TestLeastNorm(t *testing.T) {
	c := lineartest.Problem(300, 0, 9)
	wide := &linear.Chunk{Features: 8, Target: c.Target}
	for i := range 300 {
		x := c.X[i*5 : i*5+5]
		wide.X = append(wide.X, x...)
		wide.X = append(wide.X, x[0], 2*x[1]-x[2], 1e5)
	}
	o := &linear.Options{Task: linear.Regression, Penalty: linear.None}
	narrow, err := gramOf(t, 1, c).Solve(o, false)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gramOf(t, 3, lineartest.CutChunk(wide, 50)...).Solve(o, false)
	if err != nil {
		t.Fatal(err)
	}
	w := narrow.Coef
	// Column 5 is column 0: half each. Column 6 takes t where 1 and 2 give up 2t and −t: least at t = (2w₁−w₂)/6.
	share := (2*w[1] - w[2]) / 6
	want := []float64{w[0] / 2, w[1] - 2*share, w[2] + share, w[3], w[4], w[0] / 2, share, 0}
	if d := lineartest.Apart(t, got.Coef, want); d > 1e-10 || got.Rank != 5 {
		t.Errorf("rank %d, off by %.2g: %v, want %v", got.Rank, d, got.Coef, want)
	}
}

// The path from the largest alpha on ends where each alpha by itself does; past the largest that matters all is zero.
func TestPath(t *testing.T) {
	f := lineartest.ReadExact(t)
	g := gramOf(t, 1, f.Chunk("diabetes", false))
	alphas := []float64{0.003, 3, 0.1, 1000}
	o := linear.Options{Task: linear.Regression, Penalty: linear.L1}
	path, err := g.Path(&o, true, alphas)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range alphas {
		o.Alpha = new(a)
		s, err := g.Solve(&o, true)
		if err != nil {
			t.Fatal(err)
		}
		if d := lineartest.Apart(t, path[i].Coef, s.Coef); d > 1e-9 || path[i].Alpha != a {
			t.Errorf("alpha %v: off by %.2g", a, d)
		}
	}
	if slices.ContainsFunc(path[3].Coef, func(v float64) bool { return v != 0 }) {
		t.Errorf("alpha 1000: %v", path[3].Coef)
	}
}

// Many columns that depend on each other nearly, and fewer rows than columns: still the optimum.
func TestDescendCorrelated(t *testing.T) {
	for _, shape := range [][2]int{{400, 60}, {50, 120}} {
		n, d := shape[0], shape[1]
		r := rand.New(rand.NewPCG(1, uint64(d)))
		c := &linear.Chunk{Features: d}
		for range n {
			common, y := r.NormFloat64(), 0.0
			for j := range d {
				v := common + 0.01*r.NormFloat64()
				c.X = append(c.X, v)
				if j%10 == 0 {
					y += v * float64(j/10-2)
				}
			}
			c.Target = append(c.Target, y+0.01*r.NormFloat64())
		}
		g := gramOf(t, 2, lineartest.CutChunk(c, 40)...)
		for _, o := range []linear.Options{
			{Task: linear.Regression, Penalty: linear.L1, Alpha: new(1e-5)},
			{Task: linear.Regression, Penalty: linear.ElasticNet, Alpha: new(1e-4), L1Ratio: new(0.5)},
		} {
			s, err := g.Solve(&o, false)
			if err != nil {
				t.Fatal(err)
			}
			if !(s.Gap <= max(1e-12*s.Objective, 1e-14*g.products[len(g.products)-1]/float64(n))) {
				t.Errorf("%d × %d, %s: gap %.2g at %.3g after %d passes", n, d, o.Penalty, s.Gap, s.Objective, s.Passes)
			}
		}
	}
}

// A sum depends on the parts and their order, and on nothing else; and the state is the sums.
func TestGramState(t *testing.T) {
	c := lineartest.Problem(500, 0, 4)
	a, b := gramOf(t, 4, lineartest.CutChunk(c, 60)...), gramOf(t, 4, lineartest.CutChunk(c, 60)...)
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if !bytes.Equal(x, y) {
		t.Error("other bits the second time")
	}
	var read Gram
	if err := json.Unmarshal(x, &read); err != nil {
		t.Fatal(err)
	}
	if z, _ := json.Marshal(&read); !bytes.Equal(x, z) || !read.Done() {
		t.Error("the state changes when it is read")
	}
}

func TestGramRefuses(t *testing.T) {
	if _, err := NewGram(MaxGram + 1); err == nil || !strings.Contains(err.Error(), "sgd") {
		t.Error(err)
	}
	c := lineartest.Problem(50, 0, 4)
	g := gramOf(t, 1, c)
	for name, o := range map[string]linear.Options{
		"loss":  {Task: linear.Regression, Loss: linear.Huber},
		"task":  {Task: linear.Classification, Loss: linear.SquaredError},
		"alpha": {Task: linear.Regression, Alpha: new(-1.0)},
	} {
		if _, err := g.Solve(&o, false); err == nil {
			t.Errorf("%s: solved", name)
		}
	}
	if _, err := g.Path(&linear.Options{Task: linear.Regression}, false, []float64{1, math.NaN()}); err == nil {
		t.Error("alpha NaN: solved")
	}
	empty, _ := NewGram(5)
	if _, err := empty.Solve(&linear.Options{Task: linear.Regression}, false); err == nil {
		t.Error("no rows: solved")
	}
	zero := lineartest.Problem(10, 0, 1)
	zero.Weights = make([]float64, 10)
	if err := empty.PartialFit(zero); err != nil {
		t.Fatal(err)
	}
	if _, err := empty.Solve(&linear.Options{Task: linear.Regression}, false); err == nil || empty.Rows() != 10 {
		t.Error("no weight: solved")
	}
	large := lineartest.Problem(10, 0, 1)
	large.X[7] = 1e200
	for range 2 {
		if err := empty.PartialFit(large); err == nil || !strings.Contains(err.Error(), "overflow") {
			t.Errorf("overflow: %v", err)
		}
	}
	if _, err := NewFoldGram(3, 1, nil); err == nil {
		t.Error("one fold")
	}
	b, err := g.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := NewGram(4)
	for name, err := range map[string]error{
		"short": g.UnmarshalBinary(b[:len(b)-1]), "of other features": other.UnmarshalBinary(b), "merged": g.Merge(other),
		"advanced": g.Advance(other), "NaN": g.UnmarshalBinary(slices.Concat(b[:24], bytes.Repeat([]byte{255}, 8), b[32:])),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzGramUnmarshal(f *testing.F) {
	g, _ := NewGram(3)
	empty, _ := g.MarshalBinary()
	if err := g.PartialFit(&linear.Chunk{Features: 3, X: []float64{1, 2, 3, 4, 5, 7},
		Target: []float64{1, 2}}); err != nil {
		f.Fatal(err)
	}
	full, _ := g.MarshalBinary()
	f.Add(empty)
	f.Add(full)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, _ := NewGram(3)
		if h.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := h.MarshalBinary(); err != nil || len(again) != len(b) {
			t.Fatal(err)
		}
		if s, err := h.Solve(&linear.Options{Task: linear.Regression}, false); err == nil && s.Intercept != s.Intercept {
			t.Fatal("no number")
		}
	})
}

// Bytes are the values as float64.
func BenchmarkGram(b *testing.B) {
	for _, d := range []int{20, 200} {
		r := rand.New(rand.NewPCG(1, 2))
		c := &linear.Chunk{Features: d}
		for range 8192 {
			for range d {
				c.X = append(c.X, r.NormFloat64())
			}
			c.Target = append(c.Target, r.NormFloat64())
		}
		for name, c := range map[string]*linear.Chunk{"float64": c, "float32": lineartest.Narrowed(c)} {
			b.Run(fmt.Sprintf("%d columns/%s", d, name), func(b *testing.B) {
				g, err := NewGram(d)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(8192 * d * 8))
				for b.Loop() {
					if err := g.PartialFit(c); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/8192*1e6, "s/Mrow")
			})
		}
	}
}

// Means that are far larger than the spread cost no digits: the coefficients are those of the columns less their
// means, which is exact. A column that is constant is none that varies in its last digits.
func TestGramMeansOf1e15(t *testing.T) {
	for _, mean := range []float64{1e8, 1e14, -3e15} {
		c := lineartest.Problem(500, 0, 5)
		near := *c
		near.X = nil
		for i, v := range c.X {
			c.X[i] = mean + 4*v
			if i%c.Features == 3 {
				c.X[i] = mean / 3 // constant
			}
			near.X = append(near.X, c.X[i]-mean)
		}
		o := linear.Options{Task: linear.Regression, Penalty: linear.None}
		for _, standardize := range []bool{false, true} {
			want, err := gramOf(t, 1, &near).Solve(&o, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, parts := range []int{1, 4} {
				got, err := gramOf(t, parts, c).Solve(&o, standardize)
				if err != nil {
					t.Fatal(err)
				}
				for j, w := range want.Coef {
					g := got.Coef[j]
					if got.Scaler != nil {
						g /= got.Scaler.Scale[j]
					}
					if !(math.Abs(g-w) <= 1e-9) || j != 3 && w == 0 || j == 3 && g != 0 {
						t.Errorf("mean %v, standardize %v, %d parts: coefficient %d is %v, want %v", mean, standardize, parts, j, g, w)
					}
				}
			}
		}
	}
}
