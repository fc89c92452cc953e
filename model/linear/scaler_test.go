package linear_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Pieces in any number, of any size, are the whole; in the order of their numbers, to the bit.
func TestMergeScalers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := lineartest.Problem(500, 0, 3)
	for i := range c.X {
		c.X[i] = 1e6 + c.X[i]*math.Pow(10, float64(i%5-2))
		if i%97 == 0 {
			c.X[i] = math.NaN()
		}
		c.Weights = append(c.Weights, r.Float64())
	}
	c.Weights = c.Weights[:500]
	for _, weighted := range []bool{false, true} {
		learn := func(c *linear.Chunk) *linear.StandardScaler {
			s := linear.NewStandardScaler(5)
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
		pieces := map[int]*linear.StandardScaler{}
		cuts := []int{0, 1, 120, 120, 307, 499, 500}
		for i := range len(cuts) - 1 {
			pieces[i] = learn(c.Slice(cuts[i], cuts[i+1]))
		}
		merge := func() *linear.StandardScaler {
			merged := pieces[0].Clone()
			for i := 1; i < len(pieces); i++ {
				merged.Merge(pieces[i])
			}
			merged.Finish()
			return merged
		}
		merged := merge()
		for _, s := range []*linear.StandardScaler{learn(c), merged} {
			for j := range 5 {
				for _, v := range []struct{ got, want float64 }{{s.Mean[j], mean[j]}, {s.Var[j], variance[j]},
					{s.Count[j], count[j]}, {s.Scale[j], math.Sqrt(variance[j])}} {
					if !(math.Abs(v.got-v.want) <= 1e-8*v.want) {
						t.Errorf("column %d: got %v, want %v", j, v.got, v.want)
					}
				}
			}
		}
		before := slices.Clone(pieces[0].Mean)
		if again := merge(); !slices.Equal(again.Var, merged.Var) || !slices.Equal(pieces[0].Mean, before) {
			t.Error("merging changes the pieces")
		}
	}
}

func TestScalerAtTheEdge(t *testing.T) {
	s := linear.NewStandardScaler(3)
	if err := s.PartialFit(&linear.Chunk{Features: 3, X: []float64{1, math.NaN(), 0.1, 1, math.NaN(), 0.1, 1, math.NaN(),
		0.1}}, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Scale, []float64{1, 1, 1}) {
		t.Errorf("scales of constants: %v", s.Scale)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back linear.StandardScaler
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	x := []float64{2, 5, 0.1}
	if err := back.Transform(x); err != nil || x[0] != 1 || x[1] != 5 || !(math.Abs(x[2]) <= 1e-15) {
		t.Errorf("%v, %v", x, err)
	}
	for _, v := range []struct {
		c       *linear.Chunk
		weights []float64
		want    string
	}{
		{&linear.Chunk{Features: 2, X: []float64{1, 2}, File: "f"}, nil, "f: found 2, expected 3 features, as in the scaler"},
		{&linear.Chunk{Features: 3, X: []float64{1, 2}}, nil, "linear.Chunk: 2 values are not rows of 3"},
		{&linear.Chunk{Features: 3, X: x, File: "f"}, []float64{-1}, "f: row 0: found -1, expected a weight from 0 on"},
		{&linear.Chunk{Features: 3, X: x}, []float64{1, 2}, "linear.StandardScaler: 2 weights for 1 rows"},
		{&linear.Chunk{Features: 3, Sparse: &linear.CSR{Offsets: []int{0}}}, nil,
			"linear.StandardScaler: sparse rows would lose their zeros: scale them without WithMean"},
	} {
		if err := s.PartialFit(v.c, v.weights); err == nil || err.Error() != v.want {
			t.Errorf("got %v, want %s", err, v.want)
		}
	}
	if err := s.Transform(make([]float64, 4)); err == nil {
		t.Error("four values are rows of three")
	}
}
