package vectors

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// appendAll adds rows by [Block.Append], which the bulk methods must equal in what they store and where they stop.
func appendAll(b *Block, values []float64, first int64) (rows, column int) {
	for ; len(values) > 0; values = values[b.Dim:] {
		if c := b.Append(values[:b.Dim], first+int64(rows)); c >= 0 {
			return rows, c
		}
		rows++
	}
	return rows, -1
}

// state is what a block holds, whatever its capacity.
func state(b *Block) Block {
	s := *b
	s.F32, s.F64, s.Numbers = append([]float32{}, b.F32...), append([]float64{}, b.F64...), append([]int64{}, b.Numbers...)
	return s
}

func TestAppendRows(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	// One value at each of many places in rows of ones.
	for _, v := range []float64{nan, inf, -inf, 0.1, 1e39, -1e39, math.MaxFloat32, math.MaxFloat64, 3.4028235677973366e38,
		5e-324, math.Copysign(0, -1)} {
		for _, dtype := range []DType{Auto, Float32, Float64} {
			for _, dim := range []int{1, 3, 64, 100} {
				for _, before := range []float64{1, 0.1} { // 0.1 makes a block wide beforehand, where it can be
					for _, at := range []int{0, 1, 63, 64, 65, 127, 5*dim - 1} {
						if at >= 5*dim {
							continue
						}
						values := make([]float64, 5*dim)
						values32 := make([]float32, 5*dim)
						for i := range values {
							values[i] = 1
						}
						values[at] = v
						for i, v := range values {
							values32[i] = float32(v)
						}
						row := make([]float64, dim)
						row[dim-1] = before

						want, got := &Block{Dim: dim, DType: dtype}, &Block{Dim: dim, DType: dtype}
						want.Append(row, 7)
						got.Append(row, 7)
						wantRows, wantColumn := appendAll(want, values, 100)
						rows, column := got.AppendRows64(values, 100)
						if rows != wantRows || column != wantColumn {
							t.Fatalf("%v at %d of 5 × %d, %s: %d rows, column %d, want %d, %d", v, at, dim, dtype, rows, column, wantRows,
								wantColumn)
						}
						if g, w := state(got), state(want); !reflect.DeepEqual(g, w) {
							t.Fatalf("%v at %d of 5 × %d, %s: got %v, want %v", v, at, dim, dtype, g, w)
						}

						want, got = &Block{Dim: dim, DType: dtype}, &Block{Dim: dim, DType: dtype}
						want.Append(row, 7)
						got.Append(row, 7)
						for i, v := range values32 {
							values[i] = float64(v)
						}
						wantRows, wantColumn = appendAll(want, values, 100)
						rows, column = got.AppendRows32(values32, 100)
						if rows != wantRows || column != wantColumn || !reflect.DeepEqual(state(got), state(want)) {
							t.Fatalf("float32 %v at %d of 5 × %d, %s: %d rows, column %d, want %d, %d", v, at, dim, dtype, rows, column,
								wantRows, wantColumn)
						}
					}
				}
			}
		}
	}
}

// Rows that come in runs of any length, with faults among them, make the block that they make one by one.
func TestAppendRowsInRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	specials := []float64{math.NaN(), math.Inf(-1), 0.1, 1e300}
	for range 200 {
		dim, n := 1+rng.IntN(40), rng.IntN(60)
		dtype := DType(rng.IntN(3))
		values := make([]float64, n*dim)
		for i := range values {
			values[i] = float64(rng.IntN(100))
			if rng.IntN(3*dim) == 0 {
				values[i] = specials[rng.IntN(len(specials))]
			}
		}
		want, got := &Block{Dim: dim, DType: dtype}, &Block{Dim: dim, DType: dtype}
		for row := 0; row < n; {
			run := 1 + rng.IntN(n-row)
			part := values[row*dim : (row+run)*dim]
			wantRows, wantColumn := appendAll(want, part, int64(row))
			rows, column := got.AppendRows64(part, int64(row))
			if rows != wantRows || column != wantColumn {
				t.Fatalf("%d rows, column %d, want %d, %d", rows, column, wantRows, wantColumn)
			}
			row += rows
			if column >= 0 {
				row++
			}
		}
		if g, w := state(got), state(want); !reflect.DeepEqual(g, w) {
			t.Fatalf("got %v, want %v", g, w)
		}
	}
}

func BenchmarkAppendRows(b *testing.B) {
	const dim, rows = 128, 2048
	values, exact, values32 := make([]float64, dim*rows), make([]float64, dim*rows), make([]float32, dim*rows)
	for i := range values {
		values[i], exact[i], values32[i] = float64(i)+0.1, float64(i), float32(i)
	}
	for _, c := range []struct {
		name   string
		bytes  int
		append func(*Block)
	}{
		{"float32", 4, func(b *Block) { b.AppendRows32(values32, 0) }},
		{"float64", 8, func(b *Block) { b.AppendRows64(values, 0) }},
		{"float64 to float32", 8, func(b *Block) { b.AppendRows64(exact, 0) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			block := &Block{Dim: dim}
			b.SetBytes(int64(c.bytes * dim * rows))
			for b.Loop() {
				block.Reset()
				c.append(block)
			}
		})
	}
}
