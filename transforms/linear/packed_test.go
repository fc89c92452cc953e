package linear

import (
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

// sparseBlock is sparse rows, some empty, with columns far from each other and near, and values of which there are more
// than a dictionary takes, and some that are the same but for their bits.
func sparseBlock(rows int) *vectors.Block {
	r := rand.New(rand.NewPCG(7, 8))
	b := &vectors.Block{Dim: 1 << 20, DType: vectors.Float64, Sparse: &vectors.CSR{}}
	for i := range rows {
		var columns []int32
		var values []float64
		at := int32(r.IntN(3))
		for range i % 25 {
			columns = append(columns, at)
			values = append(values, []float64{1, float64(r.IntN(50)), math.Copysign(0, -1), r.NormFloat64()}[r.IntN(4)])
			at += []int32{1, 254, 255, 256, 30000}[r.IntN(5)]
		}
		b.AppendSparse(columns, values, int64(3*i))
		b.Target = append(b.Target, float64(i%2))
	}
	return b
}

// equalRows fails unless two blocks have the same rows, bit for bit.
func equalRows(t *testing.T, got, want *vectors.Block) {
	t.Helper()
	bits := func(b *vectors.Block) (all []uint64) {
		for _, v := range slices.Concat(b.Sparse.Values, b.Target) {
			all = append(all, math.Float64bits(v))
		}
		return all
	}
	if !slices.Equal(got.Sparse.Offsets, want.Sparse.Offsets) || !slices.Equal(got.Sparse.Indices, want.Sparse.Indices) ||
		!slices.Equal(bits(got), bits(want)) || !slices.Equal(got.Numbers, want.Numbers) {
		t.Fatalf("%d rows differ from the %d wanted", got.Len(), want.Len())
	}
}

// Sparse rows come out of what keeps them as they went in, in blocks of any size, and take less room on the way.
func TestPacked(t *testing.T) {
	all := sparseBlock(6000)
	empty := func() *vectors.Block {
		return &vectors.Block{Dim: all.Dim, DType: vectors.Float64, Sparse: &vectors.CSR{}}
	}
	values := newDictionary()
	var pieces []piece
	for lo := 0; lo < all.Len(); lo += 1700 {
		pieces = append(pieces, pieceOf(all.Slice(lo, min(lo+1700, all.Len())), empty(), values))
	}
	if raw := pieces[len(pieces)-1].packed.raw; len(values.values) != mostCodes || len(raw) == 0 {
		t.Fatalf("%d values, and %d beside them: the test is of no use", len(values.values), len(raw))
	}
	for _, rows := range []int{1, 7, 1700, 1699, 10000} {
		r, got := &keptReader{pieces: pieces, end: math.MaxInt64}, empty()
		for {
			b := empty()
			if err := r.Fill(b, rows); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got.AppendBlock(b)
		}
		equalRows(t, got, all)
	}
	room := empty()
	for i := range pieces {
		equalRows(t, pieces[i].block(room), all.Slice(1700*i, min(1700*i+1700, all.Len())))
	}
	few := &vectors.Block{Dim: 1000, DType: vectors.Float64, Sparse: &vectors.CSR{}}
	for i := range 1000 {
		few.AppendSparse([]int32{2, 3, 50, 700}, []float64{1, float64(i % 7), 2, 1}, int64(i))
	}
	kept := pieceOf(few, &vectors.Block{Dim: 1000, DType: vectors.Float64, Sparse: &vectors.CSR{}}, newDictionary())
	if n := kept.bytes(); n > 1000*(8+1+4*3+4)+1000 {
		t.Errorf("1000 rows of 4 entries take %d bytes", n)
	}
}
