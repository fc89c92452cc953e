package eigen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"beamlearn/model/linear"
)

// sketchRows are summed up at a time.
const sketchRows = 64

// sketch sums up, in a pass, the centred products of the rows times some vectors, XᵀXΩ, without ever making XᵀX, and
// the mean and the variance of each column. Blocks are centred by their own means, as differences from the first
// rows' means, and combined by the formula of Chan, Golub and LeVeque.
type sketch struct {
	d, l  int
	omega *mat.Dense // d × l
	scale []float64  // columns are divided by these; nil: 1

	rows                 float64
	raw                  float64   // sparse rows whose sums are not centred yet: mean is their sum, less the shifts
	shift, mean, squares []float64 // of d columns; shift is nil before the first row
	products             *mat.Dense

	first struct { // of sparse rows, with room for the differences from it
		columns, at  []int32
		left, values []float64
	}

	block, projected *mat.Dense // room
	err              error
}

func newSketch(omega *mat.Dense, scale []float64) *sketch {
	d, l := omega.Dims()
	return &sketch{d: d, l: l, omega: omega, scale: scale, mean: make([]float64, d), squares: make([]float64, d),
		products: mat.NewDense(d, l, nil)}
}

func (s *sketch) PartialFit(c *linear.Chunk) error {
	if s.err != nil {
		return s.err
	}
	if c.Sparse != nil {
		return s.addSparse(c)
	}
	n, err := dense(c, s.d)
	if err != nil {
		return err
	}
	if s.block == nil {
		s.block, s.projected = mat.NewDense(sketchRows, s.d, nil), mat.NewDense(sketchRows, s.l, nil)
	}
	for at := 0; at < n; at += sketchRows {
		m := min(sketchRows, n-at)
		for i := range m {
			row := s.block.RawRowView(i)
			rowOf(c, at+i, row)
			if s.scale != nil {
				floats.Div(row, s.scale)
			}
		}
		s.add(m)
	}
	return nil
}

// add adds the first m rows of the block.
func (s *sketch) add(m int) {
	if s.shift == nil {
		s.shift = make([]float64, s.d)
		s.blockMean(s.shift, m)
	}
	for i := range m {
		floats.Sub(s.block.RawRowView(i), s.shift)
	}
	mean := make([]float64, s.d)
	s.blockMean(mean, m)
	squares := make([]float64, s.d)
	for i := range m {
		row := s.block.RawRowView(i)
		for j, v := range row {
			v -= mean[j]
			row[j] = v
			squares[j] += float64(v * v)
		}
	}
	x := s.block.Slice(0, m, 0, s.d)
	t := s.projected.Slice(0, m, 0, s.l).(*mat.Dense)
	t.Mul(x, s.omega)
	var products mat.Dense
	products.Mul(x.T(), t)
	s.combine(float64(m), mean, squares, &products)
}

func (s *sketch) blockMean(dst []float64, m int) {
	for i := range m {
		floats.Add(dst, s.block.RawRowView(i))
	}
	floats.Scale(1/float64(m), dst)
}

// combine adds rows whose means differ by mean from the shift.
func (s *sketch) combine(rows float64, mean, squares []float64, products *mat.Dense) {
	if rows == 0 {
		return
	}
	total := s.rows + rows
	factor, share := s.rows*(rows/total), rows/total
	delta := make([]float64, s.d)
	for j := range delta {
		delta[j] = mean[j] - s.mean[j]
		s.mean[j] += float64(delta[j] * share)
		s.squares[j] += squares[j] + float64(float64(factor*delta[j])*delta[j])
	}
	s.products.Add(s.products, products)
	if factor > 0 {
		turned := make([]float64, s.l)
		mat.NewVecDense(s.l, turned).MulVec(s.omega.T(), mat.NewVecDense(s.d, delta))
		for j := range delta {
			floats.AddScaled(s.products.RawRowView(j), factor*delta[j], turned)
		}
	}
	s.rows = total
}

// Merge adds what another sketch with the same vectors has summed up.
func (s *sketch) Merge(next linear.Partial) error {
	n, ok := next.(*sketch)
	if !ok || n.d != s.d || n.l != s.l {
		return errForeign
	}
	s.settle()
	n.settle()
	if n.shift == nil {
		return nil
	}
	if s.shift == nil {
		s.shift = make([]float64, s.d)
		copy(s.shift, n.shift)
	}
	mean := make([]float64, s.d)
	for j := range mean {
		mean[j] = n.mean[j] + (n.shift[j] - s.shift[j])
	}
	s.combine(n.rows, mean, n.squares, n.products)
	return nil
}

// total is the mean and the variance of the columns, as they are divided.
func (s *sketch) total() (rows int64, mean, variance []float64, err error) {
	s.settle()
	if s.rows < 2 {
		return 0, nil, nil, errFewRows
	}
	mean, variance = make([]float64, s.d), make([]float64, s.d)
	for j := range mean {
		mean[j], variance[j] = s.shift[j]+s.mean[j], s.squares[j]/(s.rows-1)
	}
	if v := floats.Sum(variance) + floats.Sum(mean) + floats.Sum(s.products.RawMatrix().Data); v-v != 0 {
		return 0, nil, nil, errors.New("the values are too large: their squares are beyond float64")
	}
	small := func(v float64) bool { return v != 0 && float64(v*v)*s.rows < 0x1p-1022 }
	if v := floats.Max(s.squares); !normal(v) && (v > 0 || slices.ContainsFunc(s.mean, small)) {
		return 0, nil, nil, errors.New("the values are too small: float64 does not hold their squares: scale them up")
	}
	return int64(s.rows), mean, variance, nil
}

var errFewRows = errors.New("one row has no variance: there must be two at least")

func (s *sketch) fields() [][]float64 {
	return [][]float64{s.shift, s.mean, s.squares, s.products.RawMatrix().Data}
}

// MarshalBinary writes columns, vectors, rows and the sums: 8 bytes each, little-endian.
func (s *sketch) MarshalBinary() ([]byte, error) {
	s.settle()
	shift := s.shift
	if shift == nil {
		shift = make([]float64, s.d)
	}
	b := make([]byte, 0, 8*(3+s.d*(3+s.l)))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.d))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.l))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.rows))
	for _, f := range [][]float64{shift, s.mean, s.squares, s.products.RawMatrix().Data} {
		for _, v := range f {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary writes for as many columns and vectors.
func (s *sketch) UnmarshalBinary(b []byte) error {
	if len(b) != 8*(3+s.d*(3+s.l)) || binary.LittleEndian.Uint64(b) != uint64(s.d) ||
		binary.LittleEndian.Uint64(b[8:]) != uint64(s.l) {
		return fmt.Errorf("eigen: not the sums of %d columns times %d vectors", s.d, s.l)
	}
	rows := math.Float64frombits(binary.LittleEndian.Uint64(b[16:]))
	if !(rows >= 0) || rows != math.Trunc(rows) {
		return fmt.Errorf("eigen: sums of %v rows", rows)
	}
	b = b[24:]
	s.rows, s.shift = rows, make([]float64, s.d)
	for _, f := range s.fields() {
		for i := range f {
			f[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[8:]
		}
	}
	if rows == 0 {
		s.shift = nil
	}
	return nil
}

// within is the partial of the last pass of a sketch: the products of the rows as they are within the space of a basis.
type within struct {
	*exact
	basis       *mat.Dense // d × l, of orthonormal columns
	mean, scale []float64
	sparse      *projector // of sparse rows, once there are any
}

func (w *within) PartialFit(c *linear.Chunk) error {
	d, l := w.basis.Dims()
	if c.Sparse != nil && c.Features == d {
		return w.addSparse(c)
	}
	n, err := dense(c, d)
	if err != nil {
		return err
	}
	block, row := mat.NewDense(sketchRows, d, nil), make([]float64, d)
	projected := make([]float64, n*l)
	for at := 0; at < n; at += sketchRows {
		m := min(sketchRows, n-at)
		for i := range m {
			rowOf(c, at+i, row)
			centre(block.RawRowView(i), row, w.mean, w.scale)
		}
		mat.NewDense(m, l, projected[at*l:(at+m)*l]).Mul(block.Slice(0, m, 0, d), w.basis)
	}
	return w.exact.PartialFit(&linear.Chunk{Features: l, X: projected, Numbers: c.Numbers})
}

// addSparse is PartialFit of sparse rows.
func (w *within) addSparse(c *linear.Chunk) error {
	if w.sparse == nil {
		w.sparse = newProjector(w.basis, w.mean, w.scale)
	}
	_, l := w.basis.Dims()
	projected := make([]float64, c.Len()*l)
	for i := range c.Len() {
		columns, values := c.Sparse.Row(i)
		w.sparse.project(projected[i*l:(i+1)*l], columns, values)
	}
	return w.exact.PartialFit(&linear.Chunk{Features: l, X: projected, Numbers: c.Numbers})
}

func (w *within) Merge(next linear.Partial) error {
	if n, ok := next.(*within); ok {
		return w.exact.Merge(n.exact)
	}
	return errForeign
}

// dense is the number of rows of a chunk of dense rows.
func dense(c *linear.Chunk, features int) (int, error) {
	if c.Sparse != nil || c.Features != features {
		return 0, fmt.Errorf("eigen: rows must be dense, of %d columns", features)
	}
	return c.Len(), nil
}

// rowOf writes row i, as float64, into dst.
func rowOf(c *linear.Chunk, i int, dst []float64) {
	if c.X != nil {
		copy(dst, c.X[i*c.Features:(i+1)*c.Features])
		return
	}
	for j, v := range c.X32[i*c.Features : (i+1)*c.Features] {
		dst[j] = float64(v)
	}
}

// orthonormal makes the columns of a matrix an orthonormal basis of their space: by Gram and Schmidt's method, twice,
// which is orthogonal to the last bits (Giraud, Langou and Rozložník, 2005). A column that the others span becomes 0.
func orthonormal(a *mat.Dense) *mat.Dense {
	d, l := a.Dims()
	columns := make([][]float64, l)
	for j := range columns {
		v := mat.Col(nil, j, a)
		before := floats.Norm(v, 2)
		for range 2 {
			for _, u := range columns[:j] {
				floats.AddScaled(v, -floats.Dot(u, v), u)
			}
		}
		if n := floats.Norm(v, 2); n > 1e-12*before {
			floats.Scale(1/n, v)
		} else {
			clear(v)
		}
		columns[j] = v
	}
	q := mat.NewDense(d, l, nil)
	for j, v := range columns {
		q.SetCol(j, v)
	}
	return q
}

// settleNull replaces the components that are not of length 1 by vectors of length 1 that are orthogonal to all others.
// These are of rows of fewer dimensions than there are components, whose basis has columns of zeros: along them nothing
// varies, and any direction is as right.
func settleNull(components [][]float64) {
	sound := make([][]float64, 0, len(components))
	var null []int
	for i, c := range components {
		if math.Abs(floats.Norm(c, 2)-1) < 1e-9 {
			sound = append(sound, c)
		} else {
			null = append(null, i)
		}
	}
	if null == nil {
		return
	}
	d := len(components[0])
	for i, v := range complete(sound, d, len(components))[len(sound):] {
		components[null[i]] = v
	}
}

// gaussian is d × l random numbers.
func gaussian(d, l int, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 0))
	a := mat.NewDense(d, l, nil)
	for i := range a.RawMatrix().Data {
		a.RawMatrix().Data[i] = rng.NormFloat64()
	}
	return a
}
