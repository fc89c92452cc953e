package panel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// A flat block has the rows of a chunk that have a weight, of every kind and scaled, in blocks that do not fit them.
func TestFlatBlock(t *testing.T) {
	t.Parallel()
	const n, d = 37, 5000
	r := rand.New(rand.NewPCG(1, 2))
	full := linear.Chunk{Features: d, Target: make([]float64, n)}
	narrow := linear.Chunk{Features: d, Target: full.Target}
	sparse := linear.Chunk{Features: d, Target: full.Target, Sparse: &linear.CSR{Offsets: []int{0}}}
	for i := range n * d {
		v := float64(float32(r.NormFloat64())) * float64(r.IntN(2))
		full.X, narrow.X32 = append(full.X, v), append(narrow.X32, float32(v))
		if v != 0 {
			sparse.Sparse.Indices = append(sparse.Sparse.Indices, int32(i%d))
			sparse.Sparse.Values = append(sparse.Sparse.Values, v)
		}
		if i%d == d-1 {
			full.Target[i/d] = float64(i / d)
			sparse.Sparse.Offsets = append(sparse.Sparse.Offsets, len(sparse.Sparse.Values))
		}
	}
	weighted := narrow
	for i := range n {
		weighted.Weights = append(weighted.Weights, float64(i%3))
	}
	scaler := &linear.StandardScaler{WithMean: true, WithStd: true, Mean: make([]float64, d), Scale: make([]float64, d)}
	for j := range d {
		scaler.Mean[j], scaler.Scale[j] = float64(j%5)/4, 2
	}
	w, columns, values := make([]float64, d), []int32{3, 8, 4999}, []float64{2, -1, 0.5}
	for k, j := range columns {
		w[j] = values[k]
	}
	for name, v := range map[string]struct {
		c      linear.Chunk
		scaler *linear.StandardScaler
	}{
		"float64": {full, nil}, "float32": {narrow, nil}, "sparse": {sparse, nil}, "weighted": {weighted, nil},
		"scaled": {narrow, scaler},
	} {
		b, places := NewFlatBlock(d, v.scaler), make([]int32, n)
		seen := 0
		for at := 0; at < n; {
			var m int
			m, at = b.Pack(&v.c, places, at, n, func(at int) int { return at }, linear.Regression)
			dots, few, s := make([]float64, m), make([]float64, m), make([]float64, m)
			b.Flat.Dots(dots, w)
			b.Flat.DotsOf(few, columns, values)
			sum, squares, wantSum, wantSquares := make([]float64, d), make([]float64, d), make([]float64, d), make([]float64, d)
			gathered := make([]float64, len(columns))
			for i := range m {
				row := slices.Clone(full.X[int(b.Target[i])*d:][:d])
				for j := range row {
					if v.scaler != nil {
						row[j] = (row[j] - scaler.Mean[j]) / scaler.Scale[j]
					}
					wantSquares[j] += float64(float64(i) * float64(row[j]*row[j]))
				}
				s[i] = float64(i)
				kernel.Add(s[i], row, wantSum)
				if want := kernel.Dot(row, w); dots[i] != want || few[i] != want {
					t.Errorf("%s, row %v: %v and %v, want %v", name, b.Target[i], dots[i], few[i], want)
				}
				if b.Flat.Gather(gathered, i, columns); gathered[0] != row[3] || gathered[2] != row[4999] {
					t.Errorf("%s, row %v: gathered %v", name, b.Target[i], gathered)
				}
			}
			b.Flat.AddRows(sum, s, m)
			b.Flat.Squares(squares, s, m)
			if !slices.Equal(sum, wantSum) || !slices.Equal(squares, wantSquares) {
				t.Errorf("%s: sums of %d rows", name, m)
			}
			seen += m
		}
		if want := map[bool]int{false: n, true: n - (n+2)/3}[name == "weighted"]; seen != want {
			t.Errorf("%s: %d rows, want %d", name, seen, want)
		}
	}
}
