package panel

import (
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
)

// Flat is a block of rows, one after the other, for products of rows with a vector alone, as where there are too many
// columns for products of these. Dense rows that need no scaling and have no weights stay where they are, in the
// chunk.
type Flat struct {
	cols   int
	scaler *linear.StandardScaler
	narrow []float32   // the rows as they stand, and what comes after them
	wide   []float64   // the same, or copies; one of the two is nil
	room   []float64   // for copies
	rows   linear.Rows // that are copied
}

// pack makes row i of the chunk row r of the block. Those of a chunk without weights must come one after the other.
func (f *Flat) pack(r int, c *linear.Chunk, i, most int) {
	d := f.cols
	stands := c.Sparse == nil && c.Weights == nil && f.scaler == nil
	switch {
	case stands && r > 0:
		return
	case stands && c.X != nil:
		f.narrow, f.wide = nil, c.X[i*d:]
		return
	case stands:
		f.narrow, f.wide = c.X32[i*d:], nil
		return
	case f.room == nil:
		f.room = make([]float64, most*d)
	}
	if r == 0 {
		f.narrow, f.wide, f.rows = nil, f.room, linear.NewRows(c, f.scaler, f.rows.Scratch)
	}
	x, to := f.rows.At(i), f.room[r*d:][:d]
	if x.Idx == nil {
		copy(to, x.Val)
		return
	}
	clear(to)
	for e, j := range x.Idx {
		to[j] = x.Val[e]
	}
}

// Dots makes dst[r] the product of row r and w, for as many rows as dst has.
func (f *Flat) Dots(dst, w []float64) {
	if f.narrow != nil {
		kernel.Dots(dst, f.narrow[:len(dst)*f.cols], w)
	} else {
		kernel.Dots(dst, f.wide[:len(dst)*f.cols], w)
	}
}

// AddRows adds to dst the sum over the first n rows of each times its number in s.
func (f *Flat) AddRows(dst, s []float64, n int) {
	if f.narrow != nil {
		kernel.AddRows(s[:n], f.narrow[:n*f.cols], dst)
	} else {
		kernel.AddRows(s[:n], f.wide[:n*f.cols], dst)
	}
}

// DotsOfEach makes dst[k·step+r] the product of row r, of n, and vector k.
func (f *Flat) DotsOfEach(dst []float64, step, n int, v kernel.Vectors) {
	if f.narrow != nil {
		kernel.DotsOfEach(dst, step, n, f.narrow[:n*f.cols], v)
	} else {
		kernel.DotsOfEach(dst, step, n, f.wide[:n*f.cols], v)
	}
}

// AddRowsToEach adds to vector k the sum over the first n rows of each times s[k·step+r].
func (f *Flat) AddRowsToEach(v kernel.Vectors, s []float64, step, n int) {
	if f.narrow != nil {
		kernel.AddRowsToEach(s, step, n, f.narrow[:n*f.cols], v)
	} else {
		kernel.AddRowsToEach(s, step, n, f.wide[:n*f.cols], v)
	}
}

// Squares adds to dst the sum over the first n rows of weight times the square of each column.
func (f *Flat) Squares(dst, weights []float64, n int) {
	if f.narrow != nil {
		kernel.AddSquares(weights[:n], f.narrow[:n*f.cols], dst)
	} else {
		kernel.AddSquares(weights[:n], f.wide[:n*f.cols], dst)
	}
}

// DotsOf is Dots with the vector that has these values in these columns, which ascend, and zeros elsewhere.
func (f *Flat) DotsOf(dst []float64, columns []int32, values []float64) {
	for r := range dst {
		if f.narrow != nil {
			dst[r] = kernel.DotOf(f.narrow[r*f.cols:][:f.cols], columns, values)
		} else {
			dst[r] = kernel.DotOf(f.wide[r*f.cols:][:f.cols], columns, values)
		}
	}
}

// Gather copies columns of row r.
func (f *Flat) Gather(to []float64, r int, columns []int32) {
	if f.narrow != nil {
		for k, j := range columns {
			to[k] = float64(f.narrow[r*f.cols+int(j)])
		}
		return
	}
	for k, j := range columns {
		to[k] = f.wide[r*f.cols+int(j)]
	}
}
