package newton

import (
	"math"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/panel"
)

// without is a chunk whose rows from one on lack their first entry.
func without(c *linear.Chunk, from int) *linear.Chunk {
	less := &linear.Chunk{Features: c.Features, Target: c.Target, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range c.Len() {
		columns, values := c.Sparse.Row(i)
		if i >= from {
			columns, values = columns[1:], values[1:]
		}
		less.Sparse.Indices = append(less.Sparse.Indices, columns...)
		less.Sparse.Values = append(less.Sparse.Values, values...)
		less.Sparse.Offsets = append(less.Sparse.Offsets, len(less.Sparse.Values))
	}
	return less
}

// Second derivatives of sparse rows are the products of their entries, whichever columns all rows of a block have: with
// those before, between and after the others, with none of them, of blocks that are not full, with others than in the
// block before, and of several problems.
func TestSecondsOfCommonColumns(t *testing.T) {
	table := tableChunk(3*togetherRows + 5)
	few := &linear.Chunk{Features: table.Features, Target: table.Target, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range table.Len() {
		columns, values := table.Sparse.Row(i)
		for e, j := range columns {
			if int(j)%3 == i%3 { // no column in all
				few.Sparse.Indices = append(few.Sparse.Indices, j)
				few.Sparse.Values = append(few.Sparse.Values, values[e])
			}
		}
		few.Sparse.Offsets = append(few.Sparse.Offsets, len(few.Sparse.Values))
	}
	for name, c := range map[string]*linear.Chunk{"table": table, "one row": table.Slice(0, 1), "few": few,
		"other columns": without(table, togetherRows), "three classes": table} {
		o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
		if name == "three classes" {
			o.Classes = lineartest.Numbered(3)
		}
		p := optimizerFor(t, o, c.Features)
		p.passes, p.sample = 2, 0
		for k := range p.problems {
			for j := range p.problems[k].Base {
				p.problems[k].Base[j] = float64(j%5-2) / 10
			}
		}
		s := p.partial(0, 1)
		if err := s.PartialFit(c); err != nil {
			t.Fatal(err)
		}
		if common := len(s.common.columns); (common >= fewCommon) != (name != "few") {
			t.Errorf("%s: %d columns are in all rows", name, common)
		}
		want := panel.NewTriangle(s.width)
		last, w := int32(c.Features), s.sums[0].point
		for i := range c.Len() {
			columns, values := c.Sparse.Row(i)
			at := w[last]
			for e, j := range columns {
				at += w[j] * values[e]
			}
			q := 1 / (1 + math.Exp(-at))
			idx, val := append(append([]int32{}, columns...), last), append(append([]float64{}, values...), 1)
			panel.AddProducts(want, s.width, q*(1-q), idx, val)
		}
		for k := range s.sums {
			if d := lineartest.Apart(t, s.sums[k].second, want); !(d <= 1e-12) {
				t.Errorf("%s: second derivatives of class %d are off by %.2g", name, k, d)
			}
		}
	}
}
