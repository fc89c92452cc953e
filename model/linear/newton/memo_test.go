package newton

import (
	"bytes"
	"math"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// Sums of rows that were kept have the bytes of those of the rows, in every pass, and all rows of a part are kept or
// none: of columns that change from block to block, with weights of which some are 0, standardised, by an arrowhead, of
// several problems; not where few columns are in all rows, or memory is too small.
func TestRecall(t *testing.T) {
	table := tableChunk(9*togetherRows + 5)
	weighted := *table
	for i := range table.Len() {
		weighted.Weights = append(weighted.Weights, float64(i%3)/2)
	}
	categories, _ := categoriesChunk(700, 2)
	scaler := linear.NewStandardScaler(table.Features)
	scaler.WithMean = false
	if err := scaler.PartialFit(table, nil); err != nil {
		t.Fatal(err)
	}
	classes := func(n int) linear.Options {
		return linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(n),
			Alpha: new(1e-3)}
	}
	for name, v := range map[string]struct {
		o      linear.Options
		chunk  *linear.Chunk
		scaler *linear.StandardScaler
		memory int64
		kept   bool
	}{
		"table":         {classes(2), table, nil, 1 << 30, true},
		"other columns": {classes(2), without(table, 3*togetherRows), nil, 1 << 30, true},
		"weights": {linear.Options{Task: linear.Regression, Loss: linear.Huber, Epsilon: new(1.0)}, &weighted, nil, 1 << 30,
			true},
		"scaled":       {classes(3), table, scaler, 1 << 30, true},
		"arrowhead":    {classes(2), categories, nil, 1 << 30, true},
		"small memory": {classes(2), table, nil, 1 << 10, false},
		"no memory":    {classes(2), table, nil, 0, false},
		"one column":   {classes(2), oneColumn(table), nil, 1 << 30, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, q := optimizerFor(t, v.o, v.chunk.Features), optimizerFor(t, v.o, v.chunk.Features)
			p.Remember(v.memory)
			p.Scaler, q.Scaler = v.scaler, v.scaler
			p.sample, q.sample = 0, 0
			chunks := lineartest.CutChunk(v.chunk, 2*togetherRows+9)
			const parts = 2
			recalled := 0
			for !q.Done() {
				sums := [2]*linear.Sum{linear.NewSum(parts), linear.NewSum(parts)}
				for part := range parts {
					kept, read := p.partial(part, parts), q.partial(part, parts)
					rows, ok, err := kept.Recall()
					if err != nil {
						t.Fatal(err)
					}
					all := int64(0)
					for i := part; i < len(chunks); i += parts {
						all += int64(chunks[i].Len())
						if err := read.PartialFit(chunks[i]); err != nil {
							t.Fatal(err)
						}
						if !ok {
							if err := kept.PartialFit(chunks[i]); err != nil {
								t.Fatal(err)
							}
						}
					}
					if ok {
						recalled++
					}
					if ok && rows != all {
						t.Errorf("%d rows were kept, expected %d", rows, all)
					}
					kept.Whole()
					a, err := kept.MarshalBinary()
					if err != nil {
						t.Fatal(err)
					}
					if b, err := read.MarshalBinary(); err != nil || !bytes.Equal(a, b) {
						t.Fatalf("pass %d, part %d: other sums (kept: %v, %v)", q.passes, part, ok, err)
					}
					for k, s := range []linear.Partial{kept, read} {
						if err := sums[k].Add(linear.Node{Index: part}, s); err != nil {
							t.Fatal(err)
						}
					}
				}
				for k, o := range []*Optimizer{p, q} {
					total, err := sums[k].Total()
					if err == nil {
						err = o.Advance(total)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			want := 0
			if v.kept {
				want = parts * (q.Passes() - 1)
			}
			if name == "arrowhead" {
				want -= parts // the first pass finds it
			}
			if recalled != want || q.Passes() < 2 {
				t.Errorf("%d parts were recalled in %d passes, expected %d", recalled, q.Passes(), want)
			}
			if m := p.memory; !v.kept && (m.left != v.memory || len(m.parts) > 0) {
				t.Errorf("%d bytes are left of %d, and %d parts kept", m.left, v.memory, len(m.parts))
			}
		})
	}
}

// oneColumn is the rows with their first entry alone.
func oneColumn(c *linear.Chunk) *linear.Chunk {
	less := &linear.Chunk{Features: c.Features, Target: c.Target, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range c.Len() {
		columns, values := c.Sparse.Row(i)
		less.Sparse.Indices = append(less.Sparse.Indices, columns[0])
		less.Sparse.Values = append(less.Sparse.Values, values[0])
		less.Sparse.Offsets = append(less.Sparse.Offsets, len(less.Sparse.Values))
	}
	return less
}

// A memo keeps every number by its bits, those that it can tell apart and those of which there are too many.
func TestMemoNumbers(t *testing.T) {
	c := &linear.Chunk{Features: 20, Sparse: &linear.CSR{Offsets: []int{0}}}
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1}
	for i := range 3 * mostValues {
		c.Sparse.Indices = append(c.Sparse.Indices, 0, 1, 2)
		c.Sparse.Values = append(c.Sparse.Values, numbers[i%len(numbers)], numbers[i/7%len(numbers)], float64(i))
		c.Sparse.Offsets = append(c.Sparse.Offsets, len(c.Sparse.Values))
		c.Target = append(c.Target, float64(i%2))
	}
	for rows, raw := range map[int]bool{5 * togetherRows: false, 3 * mostValues: true} {
		o := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			Classes: lineartest.Numbered(2)}, c.Features)
		o.Remember(1 << 40)
		o.sample = 0
		s := o.partial(0, 1)
		if err := s.PartialFit(c.Slice(0, rows)); err != nil {
			t.Fatal(err)
		}
		s.Whole()
		m := o.memory.get(0, 1)
		if m.full != raw || len(m.cuts[0].codes) == 0 || m.size() > m.bytes {
			t.Fatalf("%d rows: numbers as they are: %v, %d codes, %d bytes, not %d", rows, m.full, len(m.cuts[0].codes), m.bytes,
				m.size())
		}
		again, row := o.partial(0, 1), 0
		again.sparse = newSparseRows()
		for _, cut := range m.cuts {
			for _, b := range cut.blocks {
				cut.take(&b, m.values, again)
				for i, v := range c.Sparse.Values[3*row : 3*(row+b.rows)] {
					if got := again.common.x.All()[i/3*4+i%3]; math.Float64bits(got) != math.Float64bits(v) {
						t.Fatalf("row %d, column %d: found %v, expected %v", row+i/3, i%3, got, v)
					}
				}
				row += b.rows
			}
		}
		if row != rows {
			t.Errorf("%d rows, expected %d", row, rows)
		}
	}
}
