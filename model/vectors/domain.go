package vectors

import "math"

// Domain is what values of rows may be, beside finite, where who computes with them needs more: places on a globe,
// bytes, exposures above 0. Nil leaves all as they are.
type Domain []Bound

// Bound is the range of the values of a column.
type Bound struct {
	// Column is a place in the vector, or EveryColumn, or TheTarget.
	Column int
	// Low and High are the least and the greatest value; Above says that Low itself is none.
	Low, High float64
	Above     bool `json:",omitempty"`
	// Whole says that only whole numbers are values.
	Whole bool `json:",omitempty"`
	// OrNaN says that NaN is a value too.
	OrNaN bool `json:",omitempty"`
	// Missing is what stands for a cell that is missing, in rows that were cells; 0 of a bound that has none. It is out
	// of the range.
	Missing float64 `json:",omitempty"`
	// Expected says what values are, for a message.
	Expected string
}

// What a Bound is of, where that is not one column of the vector.
const (
	EveryColumn = -1
	TheTarget   = -2 // numbers, of each where there are several, of which k is TheTarget − k; what is NaN is no target
)

// Fault is the first bound that row i of a block does not keep, the column of the vector or the target, and what is
// there; nil where it keeps all. buf holds Dim values. O(d).
func (d Domain) Fault(b *Block, i int, buf []float64) (broken *Bound, column int, found float64) {
	var row []float64
	for k := range d {
		bound := &d[k]
		if bound.Column == TheTarget {
			if i < len(b.Target) && !math.IsNaN(b.Target[i]) && !bound.has(b.Target[i]) {
				return bound, TheTarget, b.Target[i]
			}
			for k, t := range b.Targets {
				if i < len(t.Numbers) && !math.IsNaN(t.Numbers[i]) && !bound.has(t.Numbers[i]) {
					return bound, TheTarget - k, t.Numbers[i]
				}
			}
			continue
		}
		if s := b.Sparse; s != nil && bound.Column == EveryColumn && bound.has(0) { // what is not there is 0
			for k := s.Offsets[i]; k < s.Offsets[i+1]; k++ {
				if !bound.has(s.Values[k]) {
					return bound, int(s.Indices[k]), s.Values[k]
				}
			}
			continue
		}
		if row == nil {
			row = b.Row(i, buf)
		}
		if bound.Column >= 0 {
			if v := row[bound.Column]; !bound.has(v) {
				return bound, bound.Column, v
			}
			continue
		}
		for j, v := range row {
			if !bound.has(v) {
				return bound, j, v
			}
		}
	}
	return nil, 0, 0
}

func (b *Bound) has(v float64) bool {
	if v != v {
		return b.OrNaN
	}
	return v >= b.Low && v <= b.High && !(b.Above && v == b.Low) && !(b.Whole && v != math.Trunc(v))
}

// Remove takes the rows of these numbers, which ascend, out of the block. O(rows from the first of them on).
func (b *Block) Remove(rows []int) {
	if len(rows) == 0 {
		return
	}
	kept := &Block{Dim: b.Dim, DType: b.DType, Targets: make([]Target, len(b.Targets))}
	if b.Sparse != nil {
		kept.Sparse = &CSR{}
	}
	for k, row := range rows {
		until := b.Len()
		if k+1 < len(rows) {
			until = rows[k+1]
		}
		kept.AppendBlock(b.Slice(row+1, until))
	}
	b.truncate(rows[0])
	b.AppendBlock(kept)
}

// truncate leaves the first n rows.
func (b *Block) truncate(n int) {
	switch s := b.Sparse; {
	case s != nil:
		end := s.Offsets[n]
		s.Offsets, s.Indices, s.Values = s.Offsets[:n+1], s.Indices[:end], s.Values[:end]
	case b.Wide():
		b.F64 = b.F64[:n*b.Dim]
	default:
		b.F32 = b.F32[:n*b.Dim]
	}
	b.Numbers = b.Numbers[:n]
	if b.IDs.Len() > 0 {
		b.IDs = b.IDs.Slice(0, n)
	}
	b.Target, b.Labels, b.Weights = b.Target[:min(n, len(b.Target))], b.Labels[:min(n, len(b.Labels))],
		b.Weights[:min(n, len(b.Weights))]
	b.Targets = SliceTargets(b.Targets, 0, n)
}
