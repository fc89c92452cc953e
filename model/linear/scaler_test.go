package linear

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Pieces in any number, of any size, are the whole; in the order of their numbers, to the bit.
func TestMergeScalers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := problem(500, 0, 3)
	for i := range c.X {
		c.X[i] = 1e6 + c.X[i]*math.Pow(10, float64(i%5-2))
		if i%97 == 0 {
			c.X[i] = math.NaN()
		}
		c.Weights = append(c.Weights, r.Float64())
	}
	c.Weights = c.Weights[:500]
	for _, weighted := range []bool{false, true} {
		learn := func(c *Chunk) *StandardScaler {
			s := NewStandardScaler(5)
			weights := c.Weights
			if !weighted {
				weights = nil
			}
			if err := s.PartialFit(c, weights); err != nil {
				t.Fatal(err)
			}
			return s
		}
		// The definition, in two passes.
		var mean, variance, count [5]float64
		for pass := range 2 {
			for i := range 500 {
				for j, x := range c.X[i*5 : i*5+5] {
					w := 1.0
					if weighted {
						w = c.Weights[i]
					}
					if math.IsNaN(x) {
						continue
					}
					if pass == 0 {
						count[j] += w
						mean[j] += w * (x - 1e6)
					} else {
						variance[j] += w * (x - mean[j]) * (x - mean[j])
					}
				}
			}
			for j := range mean {
				if pass == 0 {
					mean[j] = 1e6 + mean[j]/count[j]
				} else {
					variance[j] /= count[j]
				}
			}
		}
		pieces := map[int]*StandardScaler{}
		cuts := []int{0, 1, 120, 120, 307, 499, 500}
		for i := range len(cuts) - 1 {
			pieces[i] = learn(c.part(cuts[i], cuts[i+1]))
		}
		merged, err := MergeScalers(pieces)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*StandardScaler{learn(c), merged} {
			for j := range 5 {
				for _, v := range []struct{ got, want float64 }{{s.Mean[j], mean[j]}, {s.Var[j], variance[j]}, {s.Count[j], count[j]}, {s.Scale[j], math.Sqrt(variance[j])}} {
					if !(math.Abs(v.got-v.want) <= 1e-8*v.want) {
						t.Errorf("column %d: got %v, want %v", j, v.got, v.want)
					}
				}
			}
		}
		before := slices.Clone(pieces[0].Mean)
		again, err := MergeScalers(pieces)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.Var, merged.Var) || !slices.Equal(pieces[0].Mean, before) {
			t.Error("merging changes the pieces")
		}
	}
	if _, err := MergeScalers(nil); err == nil {
		t.Error("nothing merged")
	}
	if _, err := MergeScalers(map[int]*StandardScaler{0: NewStandardScaler(2), 1: NewStandardScaler(3)}); err == nil {
		t.Error("pieces of two widths merged")
	}
}

func TestScalerAtTheEdge(t *testing.T) {
	s := NewStandardScaler(3)
	if err := s.PartialFit(&Chunk{Features: 3, X: []float64{1, math.NaN(), 0.1, 1, math.NaN(), 0.1, 1, math.NaN(), 0.1}}, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Scale, []float64{1, 1, 1}) {
		t.Errorf("scales of constants: %v", s.Scale)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back StandardScaler
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	x := []float64{2, 5, 0.1}
	if err := back.Transform(x); err != nil || x[0] != 1 || x[1] != 5 || math.Abs(x[2]) > 1e-15 {
		t.Errorf("%v, %v", x, err)
	}
	for _, v := range []struct {
		c       *Chunk
		weights []float64
		want    string
	}{
		{&Chunk{Features: 2, X: []float64{1, 2}, File: "f"}, nil, "f: found 2, expected 3 features, as in the scaler"},
		{&Chunk{Features: 3, X: []float64{1, 2}}, nil, "linear.Chunk: 2 values are not rows of 3"},
		{&Chunk{Features: 3, X: x, File: "f"}, []float64{-1}, "f: row 0: found -1, expected a weight from 0 on"},
		{&Chunk{Features: 3, X: x}, []float64{1, 2}, "linear.StandardScaler: 2 weights for 1 rows"},
		{&Chunk{Features: 3, Sparse: &CSR{Offsets: []int{0}}}, nil, "linear.StandardScaler: sparse rows would lose their zeros: scale them without WithMean"},
	} {
		if err := s.PartialFit(v.c, v.weights); err == nil || err.Error() != v.want {
			t.Errorf("got %v, want %s", err, v.want)
		}
	}
	for _, f := range []func([]float64) error{s.Transform, NewMinMaxScaler(3).PartialFit, NewMinMaxScaler(3).Transform, NewMaxAbsScaler(3).PartialFit, NewMaxAbsScaler(3).Transform} {
		if err := f(make([]float64, 4)); err == nil {
			t.Error("four values are rows of three")
		}
	}
}

// Extremes merge to the same bits in any order, and a scaler that has seen nothing changes nothing.
func TestMergeExtremes(t *testing.T) {
	c := problem(100, 0, 5)
	whole, wholeAbs := NewMinMaxScaler(5), NewMaxAbsScaler(5)
	merged, mergedAbs := NewMinMaxScaler(5), NewMaxAbsScaler(5)
	if x := slices.Clone(c.X); merged.Transform(x) != nil || mergedAbs.Transform(x) != nil || !slices.Equal(x, c.X) {
		t.Error("a scaler without rows scales")
	}
	for _, cut := range [][2]int{{0, 100}, {70, 100}, {0, 30}, {30, 70}} {
		a, b, x := NewMinMaxScaler(5), NewMaxAbsScaler(5), c.X[cut[0]*5:cut[1]*5]
		if err := a.PartialFit(x); err != nil {
			t.Fatal(err)
		}
		if err := b.PartialFit(x); err != nil {
			t.Fatal(err)
		}
		if cut[1]-cut[0] == 100 {
			whole, wholeAbs = a, b
			continue
		}
		merged.Merge(a)
		mergedAbs.Merge(b)
	}
	if !slices.Equal(merged.DataMin, whole.DataMin) || !slices.Equal(merged.DataMax, whole.DataMax) || !slices.Equal(mergedAbs.MaxAbs, wholeAbs.MaxAbs) {
		t.Error("merged extremes differ")
	}
}
