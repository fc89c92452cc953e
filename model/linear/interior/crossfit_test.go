package interior

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
)

// crossed makes so many passes of a CrossFit of two alphas, whose fits have room for one alpha at a time, or for both;
// −1: all. Sums and states cross the wire.
func crossed(t testing.TB, o linear.Options, c *linear.Chunk, split *folds.Folds, room float64, passes int) *CrossFit {
	t.Helper()
	x, err := NewCrossFit(o, []float64{0.01, 0.1}, split, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	x.Scaler = linear.NewStandardScaler(c.Features)
	if err := x.Scaler.PartialFit(c, nil); err != nil {
		t.Fatal(err)
	}
	for x.room = room; !x.Done() && x.Passes() != passes; x.room = room {
		lineartest.Pass(t, x, 2, c)
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		x = &CrossFit{}
		if err := json.Unmarshal(b, x); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// Fits of all rows, and of those of a fold's others, are what Optimizers of these rows come to, whether or not all
// alphas have room at a time.
func TestCrossFit(t *testing.T) {
	t.Parallel()
	c := lineartest.Problem(90, 0, 1)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	split := folds.Plain(3, 5)
	o := linear.Options{Task: linear.Regression, Loss: linear.Quantile, Quantile: new(0.301)}
	all := crossed(t, o, c, split, crossMemory, -1)
	want, err := all.Result()
	if err != nil {
		t.Fatal(err)
	}
	single := crossed(t, o, c, split, 1, -1)
	got, err := single.Result()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Metrics {
		if m := got.Metrics[i]; m.Name != want.Metrics[i].Name ||
			!slices.EqualFunc(m.Splits, want.Metrics[i].Splits, slices.Equal) {
			t.Errorf("one alpha at a time: %v, want %v", m, want.Metrics[i])
		}
	}
	if single.Passes() <= all.Passes() {
		t.Errorf("one alpha at a time in %d passes, both in %d", single.Passes(), all.Passes())
	}
	for a, alpha := range []float64{0.01, 0.1} {
		o.Alpha = &alpha
		whole, err := NewOptimizer(o, c.Features)
		if err != nil {
			t.Fatal(err)
		}
		for whole.Scaler = all.Scaler; !whole.Done(); {
			lineartest.Pass(t, whole, 2, c)
		}
		m, err := all.Model(a)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := whole.Model()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Coef[0], alone.Coef[0]) || m.Intercept[0] != alone.Intercept[0] {
			t.Errorf("alpha %v: %v, alone %v", alpha, m.Coef, alone.Coef)
		}
		for k := range split.K {
			rest := lineartest.RowsWhere(c, func(n int64) bool { return split.Of(c, 0, n, 0) != k })
			held := lineartest.RowsWhere(c, func(n int64) bool { return split.Of(c, 0, n, 0) == k })
			fit, err := NewOptimizer(o, c.Features)
			if err != nil {
				t.Fatal(err)
			}
			fit.Scaler, fit.closed = linear.NewStandardScaler(c.Features), closedFold
			if err := fit.Scaler.PartialFit(rest, nil); err != nil {
				t.Fatal(err)
			}
			for !fit.Done() {
				lineartest.Pass(t, fit, 1, rest)
			}
			m, err := fit.Model()
			if err != nil {
				t.Fatal(err)
			}
			y, err := m.Predict(held, nil)
			if err != nil {
				t.Fatal(err)
			}
			loss := 0.0
			for i, p := range y {
				e := held.Target[i] - p
				loss += max(0.301*e, (0.301-1)*e) / float64(len(y))
			}
			if got := want.Metrics[0]; got.Name != linear.PinballScore || !(math.Abs(got.Splits[k][a]+loss) <= 1e-7*loss) {
				t.Errorf("alpha %v, fold %d: %s %v, want %v", alpha, k, got.Name, got.Splits[k][a], -loss)
			}
		}
	}
}

// Fits without a fold go by the weights, the scales and the balanced classes of the other rows, dense and sparse ones:
// pass after pass they are Optimizers of these rows. The gap that is told is the greatest of all.
func TestCrossFitOfWeights(t *testing.T) {
	t.Parallel()
	c := lineartest.Problem(60, 2, 4)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	for i := range c.Len() {
		c.Weights = append(c.Weights, float64(1+i%4*3))
	}
	for i, v := range c.X {
		if math.Abs(v) < 1.3 { // so that sparse rows are summed up by their entries
			c.X[i] = 0
		}
	}
	split := folds.Plain(2, 6)
	alpha := 0.1
	o := linear.Options{Task: linear.Classification, Loss: linear.Hinge, Classes: lineartest.Numbered(2), Alpha: &alpha,
		ClassWeight: linear.ClassWeight{Balanced: true}}
	dressed := func(c *linear.Chunk) (s *linear.StandardScaler, sizes []float64, rows []int64) {
		s = linear.NewStandardScaler(c.Features)
		s.WithMean = c.Sparse == nil
		if err := s.PartialFit(c, c.Weights); err != nil {
			t.Fatal(err)
		}
		sizes, rows = make([]float64, 2), make([]int64, 2)
		for i, y := range c.Target {
			sizes[int(y)] += c.Weights[i]
			rows[int(y)]++
		}
		return s, sizes, rows
	}
	for _, c := range []*linear.Chunk{c, lineartest.SparseChunk(c)} {
		if sparse(c) != (c.Sparse != nil) {
			t.Fatal("too many entries")
		}
		x, err := NewCrossFit(o, []float64{alpha}, split, c.Features)
		if err != nil {
			t.Fatal(err)
		}
		x.Scaler, x.ClassSizes, x.ClassRows = dressed(c)
		lineartest.Pass(t, x, 1, c)
		var alone []*Optimizer
		for k := range split.K {
			rest := lineartest.RowsWhere(c, func(n int64) bool { return split.Of(c, 0, n, 0) != k })
			fit, err := NewOptimizer(o, c.Features)
			if err != nil {
				t.Fatal(err)
			}
			fit.Scaler, fit.ClassSizes, fit.ClassRows = dressed(rest)
			for fit.closed = closedFold; !fit.Done(); {
				lineartest.Pass(t, fit, 1, rest)
			}
			alone = append(alone, fit)
		}
		var fits []*Optimizer
		for x.stage == crossFitting {
			fits = slices.Clone(x.fits[0])
			lineartest.Pass(t, x, 1, c)
		}
		for k, want := range alone {
			if s := x.scaler(k); s.WithMean != want.Scaler.WithMean || s.WithStd != want.Scaler.WithStd {
				t.Errorf("without fold %d: a scaler %+v, want %+v", k, s, want.Scaler)
			}
			if apart := lineartest.Apart(t, fits[k].searches[0].Best, want.searches[0].Best); apart > 1e-9 {
				t.Errorf("sparse %t, without fold %d: %v, alone %v", c.Sparse != nil, k, fits[k].searches[0].Best,
					want.searches[0].Best)
			}
		}
		worst := max(fits[0].Gap(), fits[1].Gap())
		if x.worst != worst || x.worstOf != alpha || worst == 0 {
			t.Errorf("the gap %v of a fold's fit of alpha %v, want %v of %v", x.worst, x.worstOf, worst, alpha)
		}
		worst = max(worst, fits[2].Gap())
		if gap, at := x.Gap(); gap != worst || at != alpha {
			t.Errorf("the gap %v of alpha %v, want %v of %v", gap, at, worst, alpha)
		}
	}
}

// A fold without rows of a weight above 0 is told; so are sums of another pass, and states that contradict themselves.
func TestCrossFitRefuses(t *testing.T) {
	t.Parallel()
	c := lineartest.Problem(40, 2, 2)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	o := linear.Options{Task: linear.Classification, Loss: linear.Hinge, Classes: lineartest.Numbered(2)}
	split := &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}
	if _, err := NewCrossFit(o, nil, split, 2); err == nil {
		t.Error("no alphas are some")
	}
	if _, err := NewCrossFit(o, []float64{1, 0}, split, 2); err == nil || !strings.Contains(err.Error(), "alpha above 0") {
		t.Errorf("alpha 0: %v", err)
	}
	light := *c
	for i := range c.Len() {
		w := 0.0
		if split.Of(c, i, c.Numbers[i], int32(c.Target[i])) == 0 {
			w = 1
		}
		light.Weights = append(light.Weights, w)
	}
	x, err := NewCrossFit(o, []float64{1}, split, c.Features)
	if err != nil {
		t.Fatal(err)
	}
	p := x.Partial(0, 1)
	if err := p.PartialFit(&light); err != nil {
		t.Fatal(err)
	}
	if err := x.Advance(p); err == nil || !strings.Contains(err.Error(), "in fold 1") {
		t.Errorf("a fold of weight 0: %v", err)
	}
	for _, passes := range []int{0, 1, 3, 100} {
		x := crossed(t, o, c, split, 1, passes)
		if passes < 100 {
			if err := x.Advance(crossed(t, o, c, split, 1, passes+1).Partial(0, 1)); err == nil {
				t.Errorf("%d passes: a sum of another pass is taken", passes)
			}
		}
		state, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range [][2]string{
			{`"from":0`, `"from":1`}, {`"to":1`, `"to":2`}, {`"to":2`, `"to":1`}, {`"own":[`, `"own":[{},`},
			{`"fits":[`, `"fits":[[],`},
			{`"stage":"looking"`, `"stage":"fitting"`}, {`"stage":"fitting"`, `"stage":"judging"`},
			{`"stage":"over"`, `"stage":"judging"`},
		} {
			bad := bytes.Replace(state, []byte(change[0]), []byte(change[1]), 1)
			if bytes.Equal(bad, state) {
				continue
			}
			if err := json.Unmarshal(bad, &CrossFit{}); err == nil {
				t.Errorf("%d passes: a state with %s is one", passes, change[1])
			}
		}
	}
}

// Sums of the first pass and of the next from any bytes: what is read is written as it was.
func FuzzCrossUnmarshal(f *testing.F) {
	c := lineartest.Problem(40, 2, 2)
	c.Numbers = lineartest.RowNumbers(0, c.Len())
	o := linear.Options{Task: linear.Classification, Loss: linear.Hinge, Classes: lineartest.Numbered(2)}
	split := &folds.Folds{K: 2, Cuts: [][]uint64{{1 << 63}, {1 << 63}}}
	learners := []*CrossFit{crossed(f, o, c, split, crossMemory, 0), crossed(f, o, c, split, crossMemory, 1)}
	for passes, x := range learners {
		s := x.Partial(0, 1)
		if err := s.PartialFit(c); err != nil {
			f.Fatal(err)
		}
		b, err := s.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(passes), b)
		f.Add(byte(passes), b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, passes byte, b []byte) {
		s := learners[int(passes)%2].Partial(0, 1)
		if s.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := s.MarshalBinary(); err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%d bytes become %d: %v", len(b), len(again), err)
		}
	})
}
