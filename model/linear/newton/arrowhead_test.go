package newton

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// manyColumns are those of categoriesChunk.
const manyColumns = 2106

// compact is a row, or a point, without the columns that have no entries, but for one.
func compact(row []float64) []float64 {
	all := slices.Clone(row[:5])
	for category := range 25 {
		all = append(all, row[5+80*category])
	}
	return append(all, row[manyColumns-1:]...)
}

// categoriesChunk is rows of three numbers, one of 2 categories, one of 24 that are hashed into 2,100 columns, or none,
// and a number of few rows; of so many classes, or a target. Full are the same rows, compact, with their zeros.
func categoriesChunk(rows, classes int) (sparse, full *linear.Chunk) {
	r := rand.New(rand.NewPCG(5, 6))
	sparse = &linear.Chunk{Features: manyColumns, Sparse: &linear.CSR{Offsets: []int{0}}}
	full = &linear.Chunk{Features: 31}
	for i := range rows {
		sum, row := r.NormFloat64(), make([]float64, manyColumns)
		add := func(j int, v float64) {
			sparse.Sparse.Indices, sparse.Sparse.Values = append(sparse.Sparse.Indices, int32(j)),
				append(sparse.Sparse.Values, v)
			row[j] = v
			sum += v * float64(j%5-2)
		}
		for j := range 3 {
			add(j, r.NormFloat64())
		}
		add(3+r.IntN(2), 1)
		if category := r.IntN(26); category != 13 && category != 25 {
			add(5+80*category, kernel.Sign(category%3 > 0))
		}
		if i%20 == 0 {
			add(manyColumns-1, r.Float64())
		}
		full.X = append(full.X, compact(row)...)
		if classes > 0 {
			sum = float64(min(max(int(sum+2), 0), classes-1))
		}
		sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
		sparse.Target, sparse.Weights = append(sparse.Target, sum), append(sparse.Weights, float64(1+i%3))
	}
	full.Target, full.Weights = sparse.Target, sparse.Weights
	return sparse, full
}

// Newton's steps by an arrowhead come to where those by the whole matrix come.
func TestArrowhead(t *testing.T) {
	no := false
	for name, v := range map[string]struct {
		o       linear.Options
		classes int
	}{
		"two":          {linear.Options{Task: linear.Classification, Loss: linear.LogLoss}, 2},
		"no penalty":   {linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Penalty: linear.None}, 2},
		"no intercept": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss, FitIntercept: &no}, 2},
		"ovr": {linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
			ClassWeight: linear.ClassWeight{Of: map[string]float64{"1": 5}}}, 3},
		"squared_hinge":  {linear.Options{Task: linear.Classification, Loss: linear.SquaredHinge}, 2},
		"modified_huber": {linear.Options{Task: linear.Classification, Loss: linear.ModifiedHuber}, 2},
		"huber":          {linear.Options{Task: linear.Regression, Loss: linear.Huber, Epsilon: new(1.0)}, 0},
		"squared_error":  {linear.Options{Task: linear.Regression, Loss: linear.SquaredError}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && v.classes != 3 && v.o.Task != linear.Regression {
				t.Skip("-short: one that counts weights of classes, and those of numbers")
			}
			sparse, full := categoriesChunk(2000, v.classes)
			o := v.o
			o.Alpha = new(1e-3)
			if v.classes > 0 {
				o.Classes = lineartest.Numbered(v.classes)
			}
			want := optimizerFor(t, o, full.Features)
			want.sample = 0
			run(t, want, 1, full)
			p := optimizerFor(t, o, manyColumns)
			run(t, p, 3, lineartest.CutChunk(sparse, 170)...)
			if a := p.arrow; a.First != 5 || a.Last != manyColumns-1 || a.core != 7 || a.own != 24 || len(a.Columns) != 30 {
				t.Errorf("columns %v, of which %d to %d are categories", a.Columns, a.First, a.Last)
			}
			if _, known := p.Gap(); known {
				t.Error("a gap")
			}
			for k, q := range p.problems {
				got, expected := compact(q.Base), slices.Clone(want.problems[k].Base)
				if v.o.Penalty == linear.None { // what is added to both categories may be taken from the intercept
					for _, w := range [][]float64{got, expected} {
						w[31], w[4], w[3] = w[31]+w[3], w[4]-w[3], 0
					}
				}
				if d := lineartest.Apart(t, got, expected); !(d <= 1e-9) || !p.Converged() {
					t.Errorf("off by %.2g after %d passes: %v, want %v", d, p.Passes(), got, expected)
				}
			}
			if p.Passes() > want.Passes()+4 {
				t.Errorf("%d passes, and by the whole matrix %d", p.Passes(), want.Passes())
			}
		})
	}
}

// The second pass begins at the optimum of a sample, which is of all rows where these are few.
func TestArrowheadSample(t *testing.T) {
	sparse, _ := categoriesChunk(1000, 2)
	p := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Alpha: new(1e-3),
		Classes: lineartest.Numbered(2)}, manyColumns)
	run(t, p, 2, lineartest.CutChunk(sparse, 250)...)
	if p.Passes() != 2 || !p.Converged() {
		t.Errorf("%d passes", p.Passes())
	}
}

// There is no sample where a row of any part has more entries than those of tables have, or is dense.
func TestArrowheadNoSample(t *testing.T) {
	sparse, _ := categoriesChunk(100, 2)
	one := func(entries int) *linear.Chunk {
		c := &linear.Chunk{Features: manyColumns, Sparse: &linear.CSR{Offsets: []int{0, entries}}, Target: []float64{1}}
		for j := range entries {
			c.Sparse.Indices, c.Sparse.Values = append(c.Sparse.Indices, int32(j)), append(c.Sparse.Values, 1)
		}
		return c
	}
	for name, c := range map[string]struct {
		also *linear.Chunk
		none bool
	}{
		"as many as a sample takes": {one(arrowEntries), false},
		"more":                      {one(arrowEntries + 1), true},
		"dense": {&linear.Chunk{Features: manyColumns, X: make([]float64, manyColumns),
			Target: []float64{1}}, true},
	} {
		for at := range 4 {
			p := optimizerFor(t, linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
				Classes: lineartest.Numbered(2)}, manyColumns)
			var parts []linear.Partial
			all := slices.Insert([]*linear.Chunk{sparse, sparse, sparse}, at, c.also)
			for part, chunks := range [][]*linear.Chunk{all[:2], all[2:]} {
				sum := p.Partial(part, 2)
				for _, chunk := range chunks {
					if err := sum.PartialFit(chunk); err != nil {
						t.Fatal(err)
					}
				}
				parts = append(parts, lineartest.Sent(t, p, sum, part, 2))
			}
			if err := parts[0].Merge(parts[1]); err != nil {
				t.Fatal(err)
			}
			s := lineartest.Sent(t, p, parts[0], 0, 1).(*optimizerSum).sample
			if s.none != c.none || (len(s.rows) == 0) != c.none {
				t.Errorf("%s, at %d: a sample of %d rows", name, at, len(s.rows))
			}
		}
	}
}

// The widest range of columns of which no row has two, whatever parts have seen which rows.
func TestColumns(t *testing.T) {
	rows := [][]int32{{0, 2, 7}, {0, 4, 7}, {}, {0, 6, 8}, {0, 3}, {5, 9}, {9}}
	of := func(rows [][]int32) *columns {
		c := newColumns(12)
		for _, row := range rows {
			c.add(kernel.Row{Idx: row, Val: make([]float64, len(row))})
		}
		return c
	}
	all := of(rows)
	for cut := range rows {
		c := of(rows[:cut])
		if c.merge(of(rows[cut:])); !reflect.DeepEqual(c, all) {
			t.Errorf("cut after %d rows: %v, want %v", cut, c, all)
		}
	}
	a := all.arrowhead()
	if a == nil || a.First != 2 || a.Last != 7 || a.own != 5 || a.core != 5 || !slices.Equal(a.Dense, []int32{0}) ||
		!slices.Equal(a.Columns, []int32{0, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("%+v", a)
	}
	all.addFull(1)
	if a := all.arrowhead(); a != nil {
		t.Errorf("of full rows: %+v", a)
	}
}

// Rows that the first pass has not had are no rows of an arrowhead, nor full ones.
func TestArrowheadOtherRows(t *testing.T) {
	sparse, full := categoriesChunk(500, 2)
	o := linear.Options{Task: linear.Classification, Loss: linear.LogLoss, Classes: lineartest.Numbered(2)}
	p := optimizerFor(t, o, manyColumns)
	lineartest.Pass(t, p, 1, sparse)
	for name, c := range map[string]*linear.Chunk{
		"full": full,
		"a new category": {Features: manyColumns, Sparse: &linear.CSR{Offsets: []int{0, 1}, Indices: []int32{18},
			Values: []float64{1}},
			Target: []float64{1}},
		"two categories": {Features: manyColumns, Sparse: &linear.CSR{Offsets: []int{0, 2}, Indices: []int32{5, 85},
			Values: []float64{1, 1}}, Target: []float64{1}},
	} {
		if err := p.Partial(0, 1).PartialFit(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// States whose arrowhead is none are refused, and what else there may be in one does no harm.
func FuzzArrowheadState(f *testing.F) {
	sparse, _ := categoriesChunk(300, 2)
	p := optimizerFor(f, linear.Options{Task: linear.Classification, Loss: linear.LogLoss,
		Classes: lineartest.Numbered(2)},
		manyColumns)
	lineartest.Pass(f, p, 1, sparse)
	b, err := json.Marshal(p.arrow)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, change := range [][2]string{{`"First":5`, `"First":-1`}, {`"Last":2105`, `"Last":2107`}, {`[0,`, `[-1,`},
		{`,1925,`, `,2106,`}, {`[0,1,`, `[1,0,`}} {
		other := bytes.Replace(b, []byte(change[0]), []byte(change[1]), 1)
		var a arrowhead
		if bytes.Equal(other, b) || json.Unmarshal(other, &a) != nil || a.places(manyColumns) {
			f.Errorf("%v: taken", change)
		}
		f.Add(other)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a arrowhead
		if json.Unmarshal(b, &a) != nil || !a.places(manyColumns) {
			return
		}
		if len(a.Columns) != a.own+a.core-1 || a.core > maxCore || a.own < a.core {
			t.Fatalf("%+v", a)
		}
	})
}
