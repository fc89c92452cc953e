package dual_test

import (
	"encoding/json"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/dual"
)

// Whatever the bytes of a state or of sums, reading them never panics.
func FuzzUnmarshal(f *testing.F) {
	c := &linear.Chunk{Features: 4, X: []float64{1, 2, 3, 4, 5, 7, 0, -1}, Target: []float64{1, 2}, Numbers: []int64{3, 4}}
	g, err := dual.NewGram(linear.Options{Task: linear.Regression}, 4, 2)
	if err != nil {
		f.Fatal(err)
	}
	seed := func(l interface {
		linear.Learner
		json.Marshaler
	}, c *linear.Chunk) linear.Partial {
		state, err := json.Marshal(l)
		if err != nil {
			f.Fatal(err)
		}
		p := l.Partial(0, 1)
		if err := p.PartialFit(c); err != nil {
			f.Fatal(err)
		}
		sums, err := p.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state, sums)
		f.Add([]byte(strings.Replace(string(state), `"from":0`, `"from":2`, 1)), sums[:len(sums)-1])
		return p
	}
	seed(g, lineartest.SparseChunk(c))
	if err := g.Advance(seed(g, c)); err != nil {
		f.Fatal(err)
	}
	_, factor := g.Reduced()
	w, err := g.Weights(factor, [][]float64{{1}}, []float64{2})
	if err != nil {
		f.Fatal(err)
	}
	seed(w, c)
	f.Fuzz(func(t *testing.T, state, sums []byte) {
		var g dual.Gram
		if g.UnmarshalJSON(state) == nil {
			if p := g.Partial(0, 1); p.UnmarshalBinary(sums) == nil && g.Advance(p) == nil && g.Passes() == 0 {
				t.Error("an advance that is no pass")
			}
		}
		var w dual.Weights
		if w.UnmarshalJSON(state) == nil && len(state) < 1<<16 {
			if p := w.Partial(0, 1); p.UnmarshalBinary(sums) == nil && w.Advance(p) == nil && !w.Done() {
				t.Error("an advance that is no pass")
			}
		}
	})
}
