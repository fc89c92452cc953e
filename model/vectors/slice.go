package vectors

// Slice is the rows lo ≤ i < hi, in the same memory: do not append to it. (Of sparse rows, the offsets are new.)
func (b *Block) Slice(lo, hi int) *Block {
	s := &Block{Dim: b.Dim, DType: b.DType, wide: b.wide, Numbers: b.Numbers[lo:hi:hi]}
	switch {
	case b.Sparse != nil && lo == hi: // also of a block that no row has come to, which has no offsets
		s.Sparse = &CSR{Offsets: []int{0}}
	case b.Sparse != nil:
		from, to := b.Sparse.Offsets[lo], b.Sparse.Offsets[hi]
		s.Sparse = &CSR{Offsets: make([]int, hi-lo+1), Indices: b.Sparse.Indices[from:to:to],
			Values: b.Sparse.Values[from:to:to]}
		for i := range s.Sparse.Offsets {
			s.Sparse.Offsets[i] = b.Sparse.Offsets[lo+i] - from
		}
	case b.Wide():
		s.F64 = b.F64[lo*b.Dim : hi*b.Dim : hi*b.Dim]
	default:
		s.F32 = b.F32[lo*b.Dim : hi*b.Dim : hi*b.Dim]
	}
	if b.IDs.Len() > 0 {
		s.IDs = b.IDs.Slice(lo, hi)
	}
	if len(b.Target) > 0 {
		s.Target = b.Target[lo:hi:hi]
	}
	if len(b.Labels) > 0 {
		s.Labels = b.Labels[lo:hi:hi]
	}
	s.Targets = sliceTargets(b.Targets, lo, hi)
	if len(b.Weights) > 0 {
		s.Weights = b.Weights[lo:hi:hi]
	}
	return s
}
