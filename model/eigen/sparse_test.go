package eigen

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"

	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// sparseAndDense are rows of few entries, whose columns come in groups, as they are and with their zeros.
func sparseAndDense(n, d int) (sparse, dense *vectors.Block) {
	rng := rand.New(rand.NewPCG(5, 6))
	sparse, dense = &vectors.Block{Dim: d, Sparse: &vectors.CSR{}}, &vectors.Block{Dim: d}
	for i := range n {
		var columns []int32
		var values []float64
		group, size := rng.IntN(4), rng.NormFloat64()+2
		for j := range int32(d) {
			if int(j)%4 == group && rng.IntN(3) == 0 || rng.IntN(50) == 0 {
				columns, values = append(columns, j), append(values, size*float64(1+group)+0.1*rng.NormFloat64())
			}
		}
		sparse.AppendSparse(columns, values, int64(i))
	}
	dense.AppendBlock(sparse)
	return sparse, dense
}

// Sparse rows have the components of the same rows with their zeros, to the last bits but some, and project onto them
// as these do.
func TestSparse(t *testing.T) {
	t.Parallel()
	sparse, dense := sparseAndDense(120, 60)
	for _, standardize := range []bool{false, true} {
		o := Options{Components: 4, Solver: Randomized, IteratedPower: new(3), Standardize: standardize, Whiten: true}
		p, want := fit(t, o, sparse, 3, 1), fit(t, o, dense, 3, 1)
		exact := fit(t, Options{Components: 4, Standardize: standardize, Whiten: true}, dense, 3, 1)
		of, room := p.Sparse(), make([]float64, dense.Dim)
		for i := range p.Len() {
			if a, b := p.ExplainedVariance[i], want.ExplainedVariance[i]; !(math.Abs(a-b) <= 1e-11*b) {
				t.Errorf("standardize %v: eigenvalue %d is %v, with zeros %v", standardize, i, a, b)
			}
			if a, b := p.ExplainedVariance[i], exact.ExplainedVariance[i]; i < 3 && !(math.Abs(a-b) <= 1e-3*b) {
				t.Errorf("standardize %v: eigenvalue %d is %v, of the covariance %v", standardize, i, a, b)
			}
			for j := range p.Components[i] {
				if a, b := p.Components[i][j], want.Components[i][j]; !(math.Abs(a-b) <= 1e-9) {
					t.Fatalf("standardize %v: component %d of column %d is %v, with zeros %v", standardize, i, j, a, b)
				}
			}
		}
		if a, b := p.TotalVariance, want.TotalVariance; !(math.Abs(a-b) <= 1e-12*b) {
			t.Errorf("standardize %v: variance %v, with zeros %v", standardize, a, b)
		}
		row, got, with := make([]float64, dense.Dim), make([]float64, 4), make([]float64, 4)
		for i := range sparse.Len() {
			columns, values := sparse.Sparse.Row(i)
			of.Transform(got, columns, values)
			p.Transform(with, dense.Row(i, row), room)
			for j := range got {
				if !(math.Abs(got[j]-with[j]) <= 1e-12*(1+math.Abs(with[j]))) {
					t.Fatalf("standardize %v: row %d is projected to %v, with zeros to %v", standardize, i, got, with)
				}
			}
		}
	}
}

// Columns whose means are far from 0, as times are, keep their digits, and equal rows have no variance.
func TestSparseFarMean(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	const n, d = 90, 40
	sparse, dense := &vectors.Block{Dim: d, Sparse: &vectors.CSR{}}, &vectors.Block{Dim: d}
	equal := &vectors.Block{Dim: d, Sparse: &vectors.CSR{}}
	for i := range n {
		columns, values := []int32{3, 17}, []float64{1.7e9 + 2*rng.NormFloat64(), -4e8 + rng.NormFloat64()}
		if j := int32(20 + rng.IntN(20)); i > 0 {
			columns, values = append(columns, j), append(values, rng.NormFloat64())
		}
		sparse.AppendSparse(columns, values, int64(i))
		equal.AppendSparse([]int32{3, 17}, []float64{0.1, 1.7e9}, int64(i))
	}
	dense.AppendBlock(sparse)
	o := Options{Components: 3, Solver: Randomized, IteratedPower: new(7)}
	p, want := fit(t, o, sparse, 3, 1), fit(t, o, dense, 3, 1)
	for i := range p.Len() {
		if a, b := p.ExplainedVariance[i], want.ExplainedVariance[i]; !(math.Abs(a-b) <= 1e-6*b) {
			t.Errorf("eigenvalue %d is %v, with zeros %v", i, a, b)
		}
	}
	if a, b := p.TotalVariance, want.TotalVariance; !(math.Abs(a-b) <= 1e-9*b) {
		t.Errorf("variance %v, with zeros %v", a, b)
	}
	if p := fit(t, o, equal, 3, 1); p.TotalVariance != 0 {
		t.Errorf("equal rows have the variance %v", p.TotalVariance)
	}
}

// The sums of sparse rows have the same bytes however many are added at a time.
func TestSparseChunks(t *testing.T) {
	t.Parallel()
	rows, _ := sparseAndDense(50, 30)
	f, err := NewFit(Options{Components: 3, Solver: Randomized}, rows.Dim)
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, size := range []int{50, 7} {
		p, err := f.Partial()
		if err != nil {
			t.Fatal(err)
		}
		for lo := 0; lo < 50; lo += size {
			if err := p.PartialFit(linear.Of(rows.Slice(lo, min(lo+size, 50)))); err != nil {
				t.Fatal(err)
			}
		}
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if want != nil && !bytes.Equal(b, want) {
			t.Error("other sums of the same rows")
		}
		want = b
	}
}

// Rows of fewer dimensions than there are components, dense or sparse, have components that are orthonormal all the
// same: those along which nothing varies have the eigenvalue 0, and the file is read again.
func TestFewDimensions(t *testing.T) {
	t.Parallel()
	for _, different := range []int{1, 3} {
		some, _ := sparseAndDense(different, 40)
		sparse := &vectors.Block{Dim: 40, Sparse: &vectors.CSR{}}
		for i := range 9 {
			columns, values := some.Sparse.Row(i % different)
			sparse.AppendSparse(columns, values, int64(i))
		}
		dense := &vectors.Block{Dim: 40}
		dense.AppendBlock(sparse)
		zeros := &vectors.Block{Dim: 40, Sparse: &vectors.CSR{}}
		for i := range 9 {
			zeros.AppendSparse(nil, nil, int64(i))
		}
		for _, rows := range []*vectors.Block{sparse, dense, zeros} {
			p := fit(t, Options{Components: 6, Solver: Randomized}, rows, 2, 1)
			for i, u := range p.Components {
				for j, v := range p.Components[:i+1] {
					want := 0.0
					if i == j {
						want = 1
					}
					if dot := floats.Dot(u, v); !(math.Abs(dot-want) <= 1e-12) {
						t.Errorf("%d different rows: components %d and %d have the product %v", different, i, j, dot)
					}
				}
			}
			if n := len(p.Components); n != 6 || !(math.Abs(p.ExplainedVariance[n-1]) <= 1e-12) {
				t.Errorf("%d different rows: %d components, of the eigenvalues %v", different, n, p.ExplainedVariance)
			}
			var b bytes.Buffer
			if err := p.Save(&b); err != nil {
				t.Fatal(err)
			}
			if _, err := Load("model.json", &b); err != nil {
				t.Errorf("%d different rows: %v", different, err)
			}
		}
	}
}
