package eigen

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"beamlearn/model/linear"
)

// # Sparse rows
//
// A sketch takes sparse rows (vectors.CSR) by their entries, and centres them without writing their zeros: it sums up
// the rows' differences from the first one of a part, which has few entries as well, and takes n·mean·meanᵀΩ from the
// products XᵀXΩ at the end of the part. Memory is that of the vectors, columns × (components + oversamples), and of the
// rows' entries. What is lost is what a subtraction loses: a share of about 2⁻⁵² of the mean square of these
// differences, which is of the size of the variance, wherever the mean is. Columns up to MaxExact take the exact
// solver, which has dense rows.

// addSparse adds sparse rows, in their order, to sums that are not centred yet.
func (s *sketch) addSparse(c *linear.Chunk) error {
	if c.Features != s.d || s.rows > 0 {
		return fmt.Errorf("eigen: sparse rows must be of %d columns, and no sums of others before them", s.d)
	}
	turned := make([]float64, s.l)
	for i := range c.Len() {
		columns, values := s.fromFirst(c.Sparse.Row(i))
		clear(turned)
		for j, column := range columns {
			addScaled(turned, values[j], s.omega.RawRowView(int(column)))
		}
		for j, column := range columns {
			v := values[j]
			addScaled(s.products.RawRowView(int(column)), v, turned)
			s.mean[column] += v
			s.squares[column] += float64(v * v)
		}
	}
	s.raw += float64(c.Len())
	return nil
}

// fromFirst is what a row differs by from the first one, which becomes the shift: the entries of either. It is valid
// until the next call.
func (s *sketch) fromFirst(columns []int32, values []float64) ([]int32, []float64) {
	if s.shift == nil {
		s.shift, s.first.left = make([]float64, s.d), make([]float64, s.d)
		for j, column := range columns {
			s.shift[column] = s.divided(values[j], column)
		}
		s.first.columns = slices.Clone(columns)
	}
	f := &s.first
	for _, column := range f.columns {
		f.left[column] = -s.shift[column]
	}
	f.at, f.values = append(f.at[:0], columns...), f.values[:0]
	for j, column := range columns {
		f.values = append(f.values, s.divided(values[j], column)-s.shift[column])
		f.left[column] = 0
	}
	for _, column := range f.columns {
		if v := f.left[column]; v != 0 {
			f.at, f.values = append(f.at, column), append(f.values, v)
		}
	}
	return f.at, f.values
}

// divided is a value of a column divided by its scale.
func (s *sketch) divided(v float64, column int32) float64 {
	if s.scale != nil {
		return v / s.scale[column]
	}
	return v
}

// addScaled adds v·x to dst, whatever the processor, with a rounding for each product and each sum.
func addScaled(dst []float64, v float64, x []float64) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += float64(v * x[i])
	}
}

// settle centres the sums of sparse rows.
func (s *sketch) settle() {
	if s.raw == 0 {
		return
	}
	s.rows, s.raw = s.raw, 0
	turned := make([]float64, s.l) // meanᵀΩ
	for j := range s.mean {
		s.mean[j] /= s.rows
		if s.mean[j] != 0 {
			addScaled(turned, s.mean[j], s.omega.RawRowView(j))
		}
	}
	for j, m := range s.mean {
		if m != 0 {
			s.squares[j] = max(s.squares[j]-float64(float64(s.rows*m)*m), 0)
			addScaled(s.products.RawRowView(j), -float64(s.rows*m), turned)
		}
	}
}

// projector projects rows onto the columns of a basis, by their entries where they are sparse.
type projector struct {
	basis  *mat.Dense // features × l
	scale  []float64
	offset []float64 // of the mean
}

func newProjector(basis *mat.Dense, mean, scale []float64) *projector {
	_, l := basis.Dims()
	p := &projector{basis, scale, make([]float64, l)}
	for j, m := range mean {
		if scale != nil {
			m /= scale[j]
		}
		if m != 0 {
			addScaled(p.offset, m, basis.RawRowView(j))
		}
	}
	return p
}

// project writes the projection of a row into dst, of l numbers. O(entries·l).
func (p *projector) project(dst []float64, columns []int32, values []float64) {
	clear(dst)
	for j, column := range columns {
		v := values[j]
		if p.scale != nil {
			v /= p.scale[column]
		}
		addScaled(dst, v, p.basis.RawRowView(int(column)))
	}
	floats.Sub(dst, p.offset)
}

// Sparse projects sparse rows. It is safe for concurrent use.
type Sparse struct {
	p *PCA
	*projector
}

// Sparse prepares to project rows by their entries, as Transform does with their zeros, but for the last bits. It takes
// as much memory as the components.
func (p *PCA) Sparse() *Sparse {
	basis := mat.NewDense(p.Features(), max(p.Len(), 1), nil)
	for i, v := range p.Components {
		basis.SetCol(i, v)
	}
	return &Sparse{p, newProjector(basis, p.Mean, p.Scale)}
}

// Transform writes the components of a row into dst, which must hold Len values. O(entries·Len). The bits depend on the
// row and on nothing else.
func (s *Sparse) Transform(dst []float64, columns []int32, values []float64) {
	s.project(dst, columns, values)
	if s.p.Options.Whiten {
		for i, v := range dst {
			dst[i] = s.p.whiten(i, v)
		}
	}
}
