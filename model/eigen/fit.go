package eigen

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"beamlearn/model/linear"
)

// Fit finds the components in passes over the rows: as long as it is not Done, each part of the rows goes into a
// Partial of its own, and their sum, merged in one order, into Advance. It can travel, encoded, to whoever sums up.
type Fit struct {
	options     Options
	features    int
	pass        int
	basis       *mat.Dense // of a sketch: the vectors of the pass
	mean, scale []float64  // of a sketch, known after the first pass
	total       float64    // the variance of all columns
	values      []float64  // the eigenvalues of a sketch as the pass before has them
	ending      bool       // of a sketch: the next pass is the last
	rows        int64
	pca         *PCA
}

// NewFit begins, for rows of so many features.
func NewFit(o Options, features int) (*Fit, error) {
	if err := o.Settle(features); err != nil {
		return nil, err
	}
	f := &Fit{options: o, features: features}
	if o.Solver == Randomized {
		f.basis = gaussian(features, o.width(features), o.Seed)
	}
	return f, nil
}

// Passes is how many it makes in all, or, as long as that is not known, at most; and Pass the number of the next.
func (f *Fit) Passes() int {
	if f.ending {
		return f.pass + 1
	}
	return f.options.MostPasses(f.features, f.rows)
}

func (f *Fit) Pass() int { return f.pass }

// Done reports whether all are made.
func (f *Fit) Done() bool { return f.pca != nil }

// PCA is what was found, when it is done.
func (f *Fit) PCA() *PCA { return f.pca }

// Partial begins the sum of a part of the rows in the next pass.
func (f *Fit) Partial() (linear.Partial, error) {
	switch {
	case f.options.Solver != Randomized:
		return newExact(f.features)
	case !f.ending:
		return newSketch(f.basis, f.scale), nil
	}
	_, l := f.basis.Dims()
	e, err := newExact(l)
	return &within{exact: e, basis: f.basis, mean: f.mean, scale: f.scale}, err
}

// Advance ends a pass with the sum of all parts.
func (f *Fit) Advance(sum linear.Partial) error {
	switch s := sum.(type) {
	case *exact:
		mean, products, err := s.Covariance()
		if err != nil {
			return err
		}
		// What is far smaller than other columns does not count beside them, unless each has its own scale.
		if err := s.Underflow(); err != nil && (f.options.Standardize || !slices.ContainsFunc(products, normal)) {
			return err
		}
		if f.pca, err = newPCA(f.options, s.Rows(), mean, products); err != nil {
			return err
		}
	case *sketch:
		if err := f.turn(s); err != nil {
			return err
		}
	case *within:
		if err := f.end(s); err != nil {
			return err
		}
	default:
		return errForeign
	}
	f.pass++
	return nil
}

// normal reports whether float64 holds a number with all its digits.
func normal(v float64) bool { return math.Abs(v) >= 0x1p-1022 }

// turn takes the vectors as the covariance has turned them for those of the next pass.
func (f *Fit) turn(s *sketch) error {
	rows, mean, variance, err := s.total()
	if err != nil {
		return err
	}
	if f.pass == 0 {
		f.rows, f.mean = rows, mean
		if f.options.Standardize {
			f.scale = scales(variance, mean, rows)
			for j, v := range f.scale {
				row := s.products.RawRowView(j)
				for i := range row {
					row[i] /= v
				}
				variance[j] /= v * v
			}
		}
		for _, v := range variance {
			f.total += v
		}
	}
	f.ending = f.pass+2 >= f.Passes()
	if f.pass > 0 && f.options.IteratedPower == nil && !f.ending {
		if f.ending, err = f.stable(s.products); err != nil {
			return err
		}
	}
	f.basis = orthonormal(s.products)
	return nil
}

// settled is the share of an eigenvalue that a pass moves it by at most where another would not be worth its time.
const settled = 1e-6

// stable reports whether the eigenvalues of the covariance within the space of the basis, by its products with the
// basis, are those of the pass before.
func (f *Fit) stable(products *mat.Dense) (bool, error) {
	_, l := f.basis.Dims()
	var inside mat.Dense
	inside.Mul(f.basis.T(), products)
	values, _, err := decompose(inside.RawMatrix().Data, l, f.options.Components)
	if err != nil {
		return false, err
	}
	values = values[:f.options.Components]
	before := f.values
	f.values = values
	if before == nil {
		return false, nil
	}
	for i, v := range values {
		if math.Abs(v-before[i]) > settled*math.Abs(v) && math.Abs(v) > kernelOf(values) {
			return false, nil
		}
	}
	return true, nil
}

// kernelOf is the size of eigenvalues that are only rounding beside the greatest.
func kernelOf(values []float64) float64 { return epsilon * float64(len(values)) * math.Abs(values[0]) }

// end decomposes the covariance within the space of the basis.
func (f *Fit) end(w *within) error {
	_, products, err := w.Covariance()
	if err != nil {
		return err
	}
	_, l := f.basis.Dims()
	for i := range products {
		products[i] /= float64(f.rows - 1)
	}
	values, vectors, err := decompose(products, l, f.options.Components)
	if err != nil {
		return err
	}
	p := &PCA{Options: f.options, Rows: f.rows, Mean: f.mean, Scale: f.scale, TotalVariance: f.total}
	for i, v := range vectors[:min(int64(len(vectors)), f.rows)] {
		component := mat.NewVecDense(f.features, nil)
		component.MulVec(f.basis, mat.NewVecDense(l, v))
		p.Components = append(p.Components, component.RawVector().Data)
		p.ExplainedVariance = append(p.ExplainedVariance, values[i])
	}
	settleNull(p.Components)
	for _, c := range p.Components {
		flip(c)
	}
	f.pca = p
	return nil
}

// fitFile is a Fit that is not done, but for its vectors.
type fitFile struct {
	Options  Options
	Features int
	Pass     int
	Scaled   bool
	Last     bool
}

// MarshalBinary writes what Partial needs: the length of a JSON header, that, and the numbers, little-endian.
func (f *Fit) MarshalBinary() ([]byte, error) {
	if f.Done() {
		return nil, errors.New("eigen.Fit: it is done")
	}
	h, err := json.Marshal(fitFile{f.options, f.features, f.pass, f.scale != nil, f.ending})
	if err != nil {
		return nil, err
	}
	b := append(binary.AppendUvarint(nil, uint64(len(h))), h...)
	for _, s := range f.numbers() {
		for _, v := range s {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b, nil
}

func (f *Fit) numbers() [][]float64 {
	if f.basis == nil {
		return nil
	}
	return [][]float64{f.mean, f.scale, f.basis.RawMatrix().Data}
}

// UnmarshalBinary reads what MarshalBinary writes.
func (f *Fit) UnmarshalBinary(b []byte) error {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return errNoFit
	}
	var h fitFile
	d := json.NewDecoder(bytes.NewReader(b[n : n+int(size)]))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return fmt.Errorf("%w: %w", errNoFit, err)
	}
	b = b[n+int(size):]
	if h.Features < 1 || h.Pass < 0 {
		return errNoFit
	}
	if err := h.Options.Settle(h.Features); err != nil {
		return fmt.Errorf("%w: %w", errNoFit, err)
	}
	if h.Last && h.Options.Solver != Randomized {
		return errNoFit
	}
	g := Fit{options: h.Options, features: h.Features, pass: h.Pass, ending: h.Last}
	if h.Options.Solver == Randomized {
		l, more := h.Options.width(h.Features), 0
		if h.Pass > 0 {
			more++
		}
		if h.Scaled {
			more++
		}
		if len(b) != 8*h.Features*(l+more) || h.Pass >= g.Passes() || h.Last && h.Pass == 0 {
			return errNoFit
		}
		if h.Pass > 0 {
			g.mean = make([]float64, h.Features)
		}
		if h.Scaled {
			g.scale = make([]float64, h.Features)
		}
		g.basis = mat.NewDense(h.Features, l, nil)
	}
	for _, s := range g.numbers() {
		for i := range s {
			s[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[8:]
		}
	}
	if len(b) > 0 {
		return errNoFit
	}
	*f = g
	return nil
}

var errNoFit = errors.New("eigen: not the state of a fit")
