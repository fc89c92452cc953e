package newton

import (
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// tableChunk is rows of a table: five numbers, the last of which is often 0, and two columns of 5 and 9 categories that
// stand between them, of which some rows lack one.
func tableChunk(rows int) *linear.Chunk {
	r := rand.New(rand.NewPCG(3, 4))
	c := &linear.Chunk{Features: 60, Sparse: &linear.CSR{Offsets: []int{0}}}
	add := func(column int, v float64) {
		c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, int32(column)), append(c.Sparse.Values, v)
	}
	for range rows {
		for j := range 3 {
			add(j, r.NormFloat64())
		}
		if r.IntN(10) > 0 {
			add(3+r.IntN(5), 1)
		}
		add(8, r.NormFloat64())
		if r.IntN(10) > 0 {
			add(9+r.IntN(9), 1+r.Float64())
		}
		add(18, r.NormFloat64())
		if r.IntN(3) == 0 {
			add(19, r.NormFloat64())
		}
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target = append(c.Target, float64(r.IntN(2)))
	}
	return c
}

// Thin second derivatives of sparse rows are those of a fourth of their groups, of which the weight is known.
func TestOptimizerThinSparse(t *testing.T) {
	c := tableChunk(8 * togetherRows)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
	p := optimizerFor(t, o, c.Features)
	p.passes, p.sample = 2, 0
	sum := func(thin bool, chunks ...*linear.Chunk) *derivatives {
		s := p.partial(0, 1)
		s.sums[0].thin = thin
		for _, c := range chunks {
			if err := s.PartialFit(c); err != nil {
				t.Fatal(err)
			}
		}
		return s.sums[0]
	}
	cut := []*linear.Chunk{c.Slice(0, 3*togetherRows), c.Slice(3*togetherRows, 8*togetherRows)}
	thin := sum(true, cut...)
	want := sum(false, c.Slice(0, togetherRows), c.Slice(4*togetherRows, 5*togetherRows))
	if thin.curved != 2*togetherRows {
		t.Errorf("the second derivatives are of a weight of %v, expected %d", thin.curved, 2*togetherRows)
	}
	for i, v := range want.second {
		if thin.second[i] != v {
			t.Fatalf("second derivative %d: found %v, expected %v", i, thin.second[i], v)
		}
	}
	if all := sum(false, c); thin.loss != all.loss {
		t.Errorf("loss %v, expected that of all rows, %v", thin.loss, all.loss)
	}
}
