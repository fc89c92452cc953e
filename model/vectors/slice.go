package vectors

// Slice is the rows lo ≤ i < hi, in the same memory: do not append to it. (Of sparse rows, the offsets are new.)
func (b *Block) Slice(lo, hi int) *Block {
	s := &Block{Dim: b.Dim, DType: b.DType, wide: b.wide, Numbers: b.Numbers[lo:hi:hi]}
	switch {
	case b.Sparse != nil:
		s.Sparse = b.Sparse.Slice(lo, hi)
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
	s.Targets = SliceTargets(b.Targets, lo, hi)
	if len(b.Weights) > 0 {
		s.Weights = b.Weights[lo:hi:hi]
	}
	return s
}

// Slice is the rows lo ≤ i < hi, with offsets of their own: those of a slice begin at 0. Without offsets no row has an
// entry.
func (s *CSR) Slice(lo, hi int) *CSR {
	if len(s.Offsets) == 0 {
		return &CSR{Offsets: make([]int, hi-lo+1)}
	}
	from, to := s.Offsets[lo], s.Offsets[hi]
	part := &CSR{Offsets: make([]int, hi-lo+1), Indices: s.Indices[from:to:to], Values: s.Values[from:to:to]}
	for i := range part.Offsets {
		part.Offsets[i] = s.Offsets[lo+i] - from
	}
	return part
}
