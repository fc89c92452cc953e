package screening_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/folds"
	"beamlearn/model/linear/newton"
	"beamlearn/model/linear/screening"
)

const rows, features = 80, 400

// table makes the rows of testdata/screening.py.
func table() (x, y []float64) {
	state := uint64(7)
	for range rows * features {
		state = (1103515245*state + 12345) % (1 << 31)
		x = append(x, float64(state)/(1<<30)-1)
	}
	for i := range rows {
		sum := 0.0
		for j := range 12 {
			sum += x[i*features+j] * float64(1+j%3)
		}
		if i%5 == 0 {
			sum /= 2
		}
		y = append(y, sum+0.25)
	}
	return x, y
}

type fixture struct {
	Loss                        linear.Loss
	Penalty                     linear.Penalty
	Alpha, Intercept, Objective float64
	L1Ratio                     float64 `json:"l1_ratio"`
	Weighted                    bool
	Columns                     []int
	Coef                        []float64
}

// chunk is the rows of a fixture and its options.
func (k *fixture) chunk() (*linear.Chunk, linear.Options) {
	x, y := table()
	c := &linear.Chunk{Features: features, X: x, Target: y}
	o := linear.Options{Task: linear.Regression, Loss: k.Loss, Penalty: k.Penalty, Alpha: &k.Alpha, L1Ratio: &k.L1Ratio}
	if k.Loss == linear.LogLoss || k.Loss == linear.SquaredHinge {
		o.Task, o.Classes = linear.Classification, linear.Classes{Numbers: []float64{0, 1}}
		for i, v := range y {
			if c.Target[i] = 0; v > 0 {
				c.Target[i] = 1
			}
		}
	}
	for i := range rows {
		if k.Weighted {
			c.Weights = append(c.Weights, float64(1+i%3))
		}
	}
	return c, o
}

// learn makes all passes in so many parts, whose sums and states cross the wire.
func learn(t *testing.T, o linear.Options, parts int, s *linear.StandardScaler, c *linear.Chunk) *screening.Optimizer {
	t.Helper()
	l, err := screening.NewOptimizer(o, features)
	if err != nil {
		t.Fatal(err)
	}
	l.Scaler = s
	for !l.Done() {
		lineartest.Pass(t, l, parts, lineartest.CutChunk(c, 33)...)
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		read := &screening.Optimizer{}
		if err := json.Unmarshal(b, read); err != nil {
			t.Fatal(err)
		}
		l = read
	}
	return l
}

// sparse is the rows of a chunk by their entries.
func sparse(c *linear.Chunk) *linear.Chunk {
	s := *c
	s.X, s.Sparse = nil, &linear.CSR{Offsets: []int{0}}
	for i, v := range c.X {
		s.Sparse.Indices, s.Sparse.Values = append(s.Sparse.Indices, int32(i%features)), append(s.Sparse.Values, v)
		if i%features == features-1 {
			s.Sparse.Offsets = append(s.Sparse.Offsets, i+1)
		}
	}
	return &s
}

// Lasso, ElasticNet, and LogisticRegression by saga: the same columns, coefficients and objective, from dense and
// sparse rows, in any number of parts.
func TestScikit(t *testing.T) {
	b, err := os.ReadFile("../testdata/screening.json")
	var all []fixture
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil || len(all) != 16 {
		t.Fatal(err, len(all))
	}
	for i, k := range all {
		t.Run(fmt.Sprintf("%d_%s_%s", i, k.Loss, k.Penalty), func(t *testing.T) {
			c, o := k.chunk()
			if i%2 == 1 {
				c = sparse(c)
			}
			l := learn(t, o, 1+i%3, nil, c)
			m := lineartest.ModelOf(t, l)
			if got := m.Training.Objective[0]; !(math.Abs(got/k.Objective-1) <= 1e-10) || !(m.Training.Gap <= 1e-8*got) {
				t.Errorf("objective %v, want %v; gap %v", got, k.Objective, m.Training.Gap)
			}
			if !l.Converged() || l.Passes() > 25 {
				t.Errorf("%d passes, converged: %v", l.Passes(), l.Converged())
			}
			var columns []int
			var coef []float64
			for j, v := range m.Coef[0] {
				if v != 0 {
					columns, coef = append(columns, j), append(coef, v)
				}
			}
			if !slices.Equal(columns, k.Columns) {
				t.Fatalf("columns %v, want %v", columns, k.Columns)
			}
			if d := max(lineartest.Apart(t, coef, k.Coef), math.Abs(m.Intercept[0]-k.Intercept)); !(d <= 1e-6) {
				t.Errorf("off by %.2g: %v, want %v", d, coef, k.Coef)
			}
		})
	}
}

// The other losses, class weights, scalers and no intercept: the optimum of package newton, which has all columns.
func TestNewton(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies losses and options")
	}
	for _, loss := range []linear.Loss{linear.SquaredHinge, linear.SquaredEpsilonInsensitive, linear.LogLoss} {
		for _, plain := range []bool{true, false} {
			k := fixture{Loss: loss, Penalty: linear.L1, Alpha: 0.04, L1Ratio: 1, Weighted: !plain}
			c, o := k.chunk()
			o.FitIntercept, o.Epsilon = &plain, new(0.7)
			var scaler *linear.StandardScaler
			if !plain {
				scaler = linear.NewStandardScaler(features)
				if err := scaler.PartialFit(c, nil); err != nil {
					t.Fatal(err)
				}
				scaler.Finish()
				if o.Task == linear.Classification {
					o.ClassWeight.Of = map[string]float64{"1": 3}
				}
			}
			got := lineartest.ModelOf(t, learn(t, o, 2, scaler, c))
			n, err := newton.NewOptimizer(o, features)
			if err != nil {
				t.Fatal(err)
			}
			n.Scaler = scaler
			for !n.Done() {
				lineartest.Pass(t, n, 1, c)
			}
			want := lineartest.ModelOf(t, n)
			if d := math.Abs(got.Training.Objective[0]/want.Training.Objective[0] - 1); !(d <= 1e-9) {
				t.Errorf("%s: objective %v, want %v", loss, got.Training.Objective, want.Training.Objective)
			}
			if d := lineartest.Apart(t, got.Coef[0], want.Coef[0]); !(d <= 1e-4) {
				t.Errorf("%s: coefficients are off by %.2g", loss, d)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		o    linear.Options
		want string
	}{
		{linear.Options{Task: linear.Regression}, "another solver"},
		{linear.Options{Task: linear.Regression, Penalty: linear.L1, Alpha: new(0.0)}, "another solver"},
		{linear.Options{Task: linear.Regression, Penalty: linear.L1, Positive: true}, "another solver"},
		{linear.Options{Task: linear.Regression, Penalty: linear.L1, Loss: linear.Poisson}, "another solver"},
		{linear.Options{Task: linear.Classification, Penalty: linear.L1, Loss: linear.LogLoss}, "classes"},
	} {
		if _, err := screening.NewOptimizer(c.o, 3); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
	k := fixture{Loss: linear.SquaredError, Penalty: linear.L1, Alpha: 0.1, L1Ratio: 1}
	_, o := k.chunk()
	l, err := screening.NewOptimizer(o, features)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Advance(l.Partial(0, 1)); err == nil || !strings.Contains(err.Error(), "no rows") {
		t.Errorf("a pass without rows: %v", err)
	}
	if _, err := l.Model(); err == nil {
		t.Error("a model before any pass")
	}
}

// Whatever the bytes of a state or of sums of a CrossFit, reading them never panics.
func FuzzCrossFit(f *testing.F) {
	k := fixture{Loss: linear.SquaredError, Penalty: linear.L1, Alpha: 0.1, L1Ratio: 1}
	_, o := k.chunk()
	x, err := screening.NewCrossFit(o, []float64{0.1, 0.3}, folds.Plain(2, 1), 3)
	if err != nil {
		f.Fatal(err)
	}
	for !x.Done() {
		p := x.Partial(0, 1)
		c := &linear.Chunk{Features: 3, X: []float64{1, 2, 3, 4, 5, 7, 0, 1, 2, 2, 2, 1}, Target: []float64{1, 2, 4, 3}}
		if err := p.PartialFit(c); err != nil {
			f.Fatal(err)
		}
		state, err := json.Marshal(x)
		if err != nil {
			f.Fatal(err)
		}
		sums, err := p.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state, sums)
		f.Add([]byte(strings.Replace(string(state), `"set":[`, `"set":[2,`, 1)), sums[:len(sums)-1])
		if err := x.Advance(p); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, state, sums []byte) {
		var s screening.CrossFit
		if s.UnmarshalJSON(state) != nil {
			return
		}
		if p := s.Partial(0, 1); p.UnmarshalBinary(sums) == nil && s.Advance(p) == nil && s.Done() {
			for a := range 2 {
				s.Model(a)
			}
		}
	})
}

// Whatever the bytes of a state or of sums, reading them never panics.
func FuzzUnmarshal(f *testing.F) {
	k := fixture{Loss: linear.SquaredError, Penalty: linear.L1, Alpha: 0.1, L1Ratio: 1}
	_, o := k.chunk()
	l, err := screening.NewOptimizer(o, 3)
	if err != nil {
		f.Fatal(err)
	}
	state, err := json.Marshal(l)
	if err != nil {
		f.Fatal(err)
	}
	p := l.Partial(0, 1)
	if err := p.PartialFit(&linear.Chunk{Features: 3, X: []float64{1, 2, 3, 4, 5, 7},
		Target: []float64{1, 2}}); err != nil {
		f.Fatal(err)
	}
	sums, err := p.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state, sums)
	f.Add([]byte(strings.Replace(string(state), `"set":null`, `"set":[2,1]`, 1)), sums[:len(sums)-1])
	f.Fuzz(func(t *testing.T, state, sums []byte) {
		var s screening.Optimizer
		if s.UnmarshalJSON(state) != nil {
			return
		}
		p := s.Partial(0, 1)
		if p.UnmarshalBinary(sums) != nil {
			return
		}
		if err := s.Advance(p); err == nil && s.Passes() == 0 {
			t.Error("an advance that is no pass")
		}
	})
}
