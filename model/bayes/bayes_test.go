package bayes

import (
	"math"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Classes that come late, sparse rows, and weights that stand for repeated rows make no difference.
func TestNaiveBayes(t *testing.T) {
	c := lineartest.Problem(300, 3, 41)
	for i, v := range c.X {
		c.X[i] = math.Floor(math.Abs(v))
	}
	for i := range c.Target {
		c.Target[i] = float64((i/100 + 2) % 3) // 2, 0, 1
	}
	sparse := &linear.Chunk{Features: 5, Target: c.Target, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range 300 {
		for j, v := range c.X[i*5 : i*5+5] {
			if v != 0 {
				sparse.Sparse.Indices = append(sparse.Sparse.Indices, int32(j))
				sparse.Sparse.Values = append(sparse.Sparse.Values, v)
			}
		}
		sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
	}
	twice := *c
	twice.X, twice.Target, twice.Weights = slices.Clone(c.X), slices.Clone(c.Target), nil
	twice.X, twice.Target = append(twice.X, c.X[:50]...), append(twice.Target, c.Target[:10]...)
	weighted := *c
	for i := range 300 {
		weighted.Weights = append(weighted.Weights, 1)
		if i < 10 {
			weighted.Weights[i] = 2
		}
	}
	for _, kind := range []NaiveBayes{Multinomial, Complement, Bernoulli} {
		for _, normalize := range []bool{false, true} {
			proba := func(chunks ...*linear.Chunk) []float64 {
				b, err := NewDiscreteNB(kind, 5)
				if err != nil {
					t.Fatal(err)
				}
				b.Normalize = normalize
				for _, k := range chunks {
					if err := b.PartialFit(k); err != nil {
						t.Fatal(err)
					}
				}
				p, err := b.PredictProba(c, nil)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			whole := proba(c)
			for i, p := range [][]float64{proba(lineartest.SliceChunk(c, 0, 100), lineartest.SliceChunk(c, 100, 200), lineartest.SliceChunk(c, 200, 300)), proba(sparse)} {
				if d := lineartest.Distance(t, "proba", p, whole); d > 1e-12 {
					t.Errorf("%s, way %d: off by %g", kind, i, d)
				}
			}
			if d := lineartest.Distance(t, "proba", proba(&weighted), proba(&twice)); d > 1e-12 {
				t.Errorf("%s: weights are off by %g", kind, d)
			}
		}
	}
	gaussian := func(chunks ...*linear.Chunk) []float64 {
		b := NewGaussianNB()
		for _, k := range chunks {
			if err := b.PartialFit(k); err != nil {
				t.Fatal(err)
			}
		}
		p, err := b.PredictProba(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	whole := gaussian(c)
	if d := lineartest.Distance(t, "proba", gaussian(lineartest.SliceChunk(c, 0, 100), lineartest.SliceChunk(c, 100, 200), lineartest.SliceChunk(c, 200, 300)), whole); d > 1e-6 { // by VarSmoothing
		t.Errorf("gaussian, late classes: off by %g", d)
	}
	if d := lineartest.Distance(t, "proba", gaussian(&weighted), gaussian(&twice)); d > 1e-6 {
		t.Errorf("gaussian: weights are off by %g", d)
	}
}

// ComplementNB with norm=True divides the logarithms by their sum; on three rows, by hand.
func TestComplementNorm(t *testing.T) {
	b, err := NewDiscreteNB(Complement, 2)
	if err != nil {
		t.Fatal(err)
	}
	b.Normalize = true
	if err := b.PartialFit(&linear.Chunk{Features: 2, X: []float64{1, 0, 2, 3, 0, 4}, Labels: []string{"a", "b", "b"}}); err != nil {
		t.Fatal(err)
	}
	var want []float64
	for _, others := range [][2]float64{{3. / 11, 8. / 11}, {2. / 3, 1. / 3}} { // shares of the other class's counts, each plus 1
		p, q := math.Log(others[0]), math.Log(others[1])
		want = append(want, p/(p+q), q/(p+q))
	}
	if d := lineartest.Distance(t, "feature_log_prob_", slices.Concat(b.FeatureLogProb()...), want); d > 1e-14 {
		t.Errorf("got %v, want %v", b.FeatureLogProb(), want)
	}
}

func TestNaiveBayesFaults(t *testing.T) {
	if _, err := NewDiscreteNB("poisson", 3); err == nil {
		t.Error("poisson")
	}
	if _, err := NewDiscreteNB(Multinomial, 0); err == nil {
		t.Error("no features")
	}
	b, err := NewDiscreteNB(Multinomial, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PartialFit(&linear.Chunk{Features: 2, X: []float64{1, -1}, Target: []float64{0}, File: "f"}); err == nil || err.Error() != "f: row 0: found -1, expected counts" {
		t.Errorf("a negative count: %v", err)
	}
	one := &linear.Chunk{Features: 1, X: []float64{1}, Target: []float64{0}}
	if err := b.PartialFit(one); err == nil {
		t.Error("one column of two")
	}
	if _, err := b.PredictProba(&linear.Chunk{Features: 2}, nil); err == nil {
		t.Error("it predicts before it has learned")
	}
	g := NewGaussianNB()
	if _, err := g.PredictProba(one, nil); err == nil {
		t.Error("it predicts before it has learned")
	}
	for _, c := range []*linear.Chunk{{}, {Features: 1, Sparse: &linear.CSR{Offsets: []int{0}}}, {Features: 1, X: []float64{1}}} {
		if err := g.PartialFit(c); err == nil {
			t.Errorf("%+v is learned from", c)
		}
	}
}
