package vectors

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func sparse(dim int, dtype DType) *Block { return &Block{Dim: dim, DType: dtype, Sparse: &CSR{}} }

// entries is the columns and values of a row that are not zero.
func entries(row []float64) (columns []int32, values []float64) {
	for j, v := range row {
		if v != 0 {
			columns, values = append(columns, int32(j)), append(values, v)
		}
	}
	return columns, values
}

func TestSparse(t *testing.T) {
	rows := [][]float64{{0, 1.5, 0}, {0, 0, 0}, {-2, 0, 0.1}, {0, 0, math.MaxFloat64}}
	b := sparse(3, Auto)
	for i, row := range rows {
		columns, values := entries(row)
		if j := b.AppendSparse(columns, values, int64(10*i)); j != -1 {
			t.Fatalf("row %d: value %d is refused", i, j)
		}
	}
	want := &CSR{[]int{0, 1, 1, 3, 4}, []int32{1, 0, 2, 2}, []float64{1.5, -2, 0.1, math.MaxFloat64}}
	if !reflect.DeepEqual(b.Sparse, want) {
		t.Errorf("got %v, want %v", b.Sparse, want)
	}
	dst := []float64{7, 7, 7, 7}
	for i, row := range rows {
		if got := b.Row(i, dst); &got[0] != &dst[0] || !slices.Equal(got, row) {
			t.Errorf("row %d is %v, want %v", i, got, row)
		}
	}
	if want := []int64{0, 10, 20, 30}; !slices.Equal(b.Numbers, want) || b.Len() != 4 {
		t.Errorf("numbers %v, want %v", b.Numbers, want)
	}
	b.Widen()
	if b.Wide() || len(b.F32)+len(b.F64) > 0 {
		t.Error("a sparse block has dense values")
	}

	b.Reset()
	if b.Len() != 0 || len(b.Sparse.Indices) != 0 || cap(b.Sparse.Values) < 4 {
		t.Errorf("%v after a reset", b.Sparse)
	}
	b.AppendSparse([]int32{2}, []float64{1}, 5)
	if got := b.Row(0, dst); !slices.Equal(got, []float64{0, 0, 1}) {
		t.Errorf("after a reset, row %v", got)
	}
}

// A row, or many, is stored alike whichever method appends it, to a block of any kind.
func TestSparseEqualsDense(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rows, dim = 40, 7
	values, values32 := make([]float64, rows*dim), make([]float32, rows*dim)
	for i := range values {
		switch rng.IntN(6) {
		case 0, 1:
			values32[i] = float32(rng.IntN(9) - 4)
		case 2:
			values32[i] = float32(rng.NormFloat64())
		}
		values[i] = float64(values32[i])
	}
	for _, digits := range []bool{false, true} {
		if digits {
			values[3*dim+2], values[9*dim] = 0.1, -0.3 // which float32 does not hold
		}
		for _, dtype := range []DType{Auto, Float32, Float64} {
			dense, one, each, all := &Block{Dim: dim, DType: dtype}, &Block{Dim: dim, DType: dtype}, sparse(dim, dtype),
				sparse(dim, dtype)
			whole := sparse(dim, dtype)
			for i := range rows {
				row := values[i*dim : (i+1)*dim]
				dense.Append(row, int64(i))
				columns, v := entries(row)
				one.AppendSparse(columns, v, int64(i))
				each.Append(row, int64(i))
				all.AppendSparse(columns, v, int64(i))
			}
			if n, c := whole.AppendRows64(values, 0); n != rows || c != -1 {
				t.Fatalf("%d rows, column %d", n, c)
			}
			want := content(dense)
			if dense.Wide() != one.Wide() {
				t.Errorf("%v: wide is %v, want %v", dtype, one.Wide(), dense.Wide())
			}
			blocks := []*Block{one, each, all, whole}
			if !digits {
				single, many := sparse(dim, dtype), sparse(dim, dtype)
				for i := range rows {
					single.Append32(values32[i*dim:(i+1)*dim], int64(i))
				}
				if n, c := many.AppendRows32(values32, 0); n != rows || c != -1 {
					t.Fatalf("%d rows, column %d", n, c)
				}
				blocks = append(blocks, single, many)
			}
			for _, c := range []*Block{dense, each} {
				for _, to := range []*Block{{Dim: dim, DType: dtype}, sparse(dim, dtype)} {
					to.AppendBlock(c)
					blocks = append(blocks, to)
				}
			}
			for i, b := range blocks {
				if got := content(b); !reflect.DeepEqual(got, want) {
					t.Errorf("%v, digits %v, block %d: %v, want %v", dtype, digits, i, got, want)
				}
				if !slices.Equal(b.Numbers, dense.Numbers) {
					t.Errorf("%v, block %d: numbers %v", dtype, i, b.Numbers)
				}
				if b.Sparse != nil && !reflect.DeepEqual(b.Sparse, each.Sparse) {
					t.Errorf("%v, block %d: %v, want %v", dtype, i, b.Sparse, each.Sparse)
				}
			}
		}
	}
}

func TestSparseRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	for _, c := range []struct {
		values []float64
		dtype  DType
		want   int
	}{
		{[]float64{1, nan}, Auto, 1}, {[]float64{inf, nan}, Float64, 0}, {[]float64{1, 1e39}, Float32, 1},
		{[]float64{1, 1e39}, Auto, -1},
	} {
		for _, b := range []*Block{sparse(4, c.dtype), {Dim: 4, DType: c.dtype}} {
			b.AppendSparse([]int32{3}, []float64{1}, 0)
			if j := b.AppendSparse([]int32{0, 2}, c.values, 1); j != c.want {
				t.Errorf("%v, %v: value %d, want %d", c.values, c.dtype, j, c.want)
			}
			if rows := 1; c.want >= 0 && (b.Len() != rows || len(content(b)) != rows) {
				t.Errorf("%v, %v: %d rows", c.values, c.dtype, b.Len())
			}
		}
	}
	b := sparse(2, Auto)
	if n, c := b.AppendRows64([]float64{1, 0, 0, 2, 3, nan}, 7); n != 2 || c != 1 {
		t.Errorf("%d rows, column %d, want 2, 1", n, c)
	}
	if n, c := b.AppendRows32([]float32{1, 0, float32(inf), 2}, 9); n != 1 || c != 0 {
		t.Errorf("%d rows, column %d, want 1, 0", n, c)
	}
	if j := b.Append32([]float32{1, float32(nan)}, 9); j != 1 {
		t.Errorf("column %d, want 1", j)
	}
	if want := (&CSR{[]int{0, 1, 2, 3}, []int32{0, 1, 0}, []float64{1, 2, 1}}); !reflect.DeepEqual(b.Sparse, want) {
		t.Errorf("got %v, want %v", b.Sparse, want)
	}
}

// Rows of a block that DType does not hold come along as they are.
func TestAppendBlockKeeps(t *testing.T) {
	big := sparse(2, Auto)
	big.AppendSparse([]int32{1}, []float64{1e300}, 0)
	dense := &Block{Dim: 2}
	dense.AppendBlock(big)
	for _, c := range []*Block{big, dense} {
		for _, b := range []*Block{{Dim: 2, DType: Float32}, sparse(2, Float32)} {
			b.AppendBlock(c)
			if got := content(b); !reflect.DeepEqual(got, [][]float64{{0, 1e300}}) {
				t.Errorf("got %v", got)
			}
		}
	}
}

// learned is a block of n rows with what is to be learned of them.
func learned(n int, target, labels, weights bool) *Block {
	b := &Block{Dim: 1}
	for i := range n {
		b.Append([]float64{1}, int64(i))
		if target {
			b.Target = append(b.Target, float64(i)/2)
		}
		if labels {
			b.Labels = append(b.Labels, string(rune('a'+i)))
		}
		if weights {
			b.Weights = append(b.Weights, float64(i))
		}
	}
	return b
}

func TestTargets(t *testing.T) {
	b := learned(2, true, false, true)
	b.AppendBlock(learned(3, true, false, true))
	if want := []float64{0, 0.5, 0, 0.5, 1}; !slices.Equal(b.Target, want) || b.Labels != nil {
		t.Errorf("targets %v, want %v", b.Target, want)
	}
	if want := []float64{0, 1, 0, 1, 2}; !slices.Equal(b.Weights, want) {
		t.Errorf("weights %v, want %v", b.Weights, want)
	}
	b = &Block{Dim: 1}
	b.AppendBlock(learned(2, false, true, false))
	b.AppendBlock(&Block{Dim: 1})
	b.AppendBlock(learned(1, false, true, false))
	labels := b.Labels
	if want := []string{"a", "b", "a"}; !slices.Equal(labels, want) || len(b.Target)+len(b.Weights) > 0 {
		t.Errorf("labels %v, want %v", labels, want)
	}
	b.Reset()
	if len(b.Labels) > 0 || labels[0] != "" {
		t.Error("labels are kept after a reset")
	}
	b = learned(2, true, false, true)
	b.Reset()
	if len(b.Target)+len(b.Weights) > 0 || cap(b.Target) < 2 || cap(b.Weights) < 2 {
		t.Errorf("targets %v, weights %v after a reset", b.Target, b.Weights)
	}

	for _, c := range []struct {
		b, c *Block
		want string
	}{
		{learned(1, true, false, false), learned(1, false, false, false),
			"vectors.AppendBlock: one block has targets and the other has not"},
		{learned(1, false, false, true), learned(1, false, true, true),
			"vectors.AppendBlock: one block has labels and the other has not"},
		{learned(1, true, false, false), learned(1, true, false, true),
			"vectors.AppendBlock: one block has weights and the other has not"},
	} {
		func() {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panic %v, want %s", got, c.want)
				}
			}()
			c.b.AppendBlock(c.c)
		}()
	}
}

func TestGrowSparse(t *testing.T) {
	b := sparse(3, Auto)
	b.Grow(100)
	allocations := testing.AllocsPerRun(1, func() {
		for range 50 { // AllocsPerRun runs it twice
			b.AppendSparse(nil, nil, 1)
		}
	})
	if allocations != 0 || b.Len() != 100 {
		t.Errorf("%v allocations for rows that were made room for", allocations)
	}
}

// Rows of a block that are appended are those of a slice of it, dense and sparse, to blocks of either kind.
func TestAppendRowsOfBlock(t *testing.T) {
	full := learned(7, true, false, true)
	thin := &Block{Dim: full.Dim, Sparse: &CSR{}}
	thin.AppendBlock(full)
	for _, from := range []*Block{full, thin} {
		for lo := range 8 {
			for hi := lo; hi <= 7; hi++ {
				for _, to := range []*Block{{Dim: full.Dim}, {Dim: full.Dim, Sparse: &CSR{}}} {
					want := &Block{Dim: to.Dim}
					if to.Sparse != nil {
						want.Sparse = &CSR{}
					}
					for _, r := range [][2]int{{2, 4}, {lo, hi}} {
						to.AppendRows(from, r[0], r[1])
						want.AppendBlock(from.Slice(r[0], r[1]))
					}
					if !reflect.DeepEqual(to, want) {
						t.Fatalf("rows %d to %d: %+v, want %+v", lo, hi, to, want)
					}
				}
			}
		}
	}
}
