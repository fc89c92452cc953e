package eigen

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/linear"
	"beamlearn/model/linear/leastsquares"
)

// exact is the partial of the one pass of CovarianceEigh: a linear.Gram whose target is 0.
type exact struct {
	*leastsquares.Gram
	zeros []float64
}

func newExact(features int) (*exact, error) {
	g, err := leastsquares.NewGram(features)
	return &exact{Gram: g}, err
}

func (e *exact) PartialFit(c *linear.Chunk) error {
	if len(e.zeros) < c.Len() {
		e.zeros = make([]float64, c.Len())
	}
	rows := *c
	rows.Target, rows.Labels, rows.Weights = e.zeros[:c.Len()], nil, nil
	return e.Gram.PartialFit(&rows)
}

func (e *exact) Merge(next linear.Partial) error {
	if n, ok := next.(*exact); ok {
		return e.Gram.Merge(n.Gram)
	}
	return errForeign
}

var errForeign = errors.New("eigen: the sums of another pass")

// newPCA decomposes the centred products of the columns.
func newPCA(o Options, rows int64, mean, products []float64) (*PCA, error) {
	d := len(mean)
	p := &PCA{Options: o, Rows: rows, Mean: mean}
	floats.Scale(1/float64(rows-1), products)
	if o.Standardize {
		variance := make([]float64, d)
		for j := range d {
			variance[j] = products[j*d+j]
		}
		p.Scale = scales(variance, mean, rows)
		for i := range d {
			for j := range d {
				products[i*d+j] = products[i*d+j] / p.Scale[i] / p.Scale[j]
			}
		}
	}
	var err error
	p.Spectrum, p.Components, err = decompose(products, d, o.Components)
	if err != nil {
		return nil, err
	}
	for j := range d {
		p.TotalVariance += products[j*d+j]
	}
	for i, v := range p.Components {
		flip(v)
		p.Components[i] = v
	}
	k := int(min(int64(len(p.Components)), rows))
	if share := o.VarianceShare; share > 0 {
		if !(p.TotalVariance > 0) {
			return nil, fmt.Errorf("as many components as explain %s: the columns have no variance", ShareText(share))
		}
		k = leading(p.Spectrum[:k], p.TotalVariance, share)
	}
	p.Components = p.Components[:k]
	p.ExplainedVariance = slices.Clone(p.Spectrum[:k])
	return p, nil
}

// leading is how many of the first eigenvalues it takes to exceed a share of their total, or all: scikit-learn's
// searchsorted(cumsum(ratio), share, side="right") + 1, which takes one more where the sum is the share to the bit.
func leading(values []float64, total, share float64) int {
	sum := 0.0
	for i, v := range values {
		if sum += v / total; sum > share {
			return i + 1
		}
	}
	return len(values)
}

// scales is the standard deviations as scikit-learn's StandardScaler has them, with rows as the divisor, and 1 for a
// column whose variance is within the error bound of its computation.
func scales(variance, mean []float64, rows int64) []float64 {
	n := float64(rows)
	s := make([]float64, len(variance))
	for j, v := range variance {
		v *= (n - 1) / n
		e := n * mean[j] * epsilon
		s[j] = 1
		if v > float64(n*epsilon*v)+float64(e*e) {
			s[j] = math.Sqrt(v)
		}
	}
	return s
}

// maxJacobi is the largest matrix that Jacobi's method decomposes. It takes some 30·d³ operations.
const maxJacobi = 320

// decompose is the eigenvalues of a covariance d × d, falling, and the first k eigenvectors, or all where k is 0.
// Where columns have spreads of very different sizes, the small eigenvalues are a difference of large numbers to the
// tridiagonal method; as long as that is quick, they are found as the singular values of a Cholesky factor, which
// keeps their digits.
func decompose(a []float64, d, k int) (values []float64, vectors [][]float64, err error) {
	if k == 0 {
		k = d
	}
	if d <= maxJacobi {
		if values, vectors, ok := jacobi(cholesky(a, d)); ok {
			return values, vectors[:k], nil
		}
	}
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(d, slices.Clone(a)), true) {
		return nil, nil, errors.New("the eigendecomposition of the covariance does not converge")
	}
	values = e.Values(nil)
	slices.Reverse(values)
	for i, v := range values {
		values[i] = max(v, 0) // what is negative is rounding
	}
	var q mat.Dense
	e.VectorsTo(&q)
	for i := range k {
		vectors = append(vectors, mat.Col(nil, d-1-i, &q))
	}
	return values, vectors, nil
}

// cholesky is the columns of L where LLᵀ is the matrix a, of no negative eigenvalue: with pivots, so that each is the
// largest of those left, and 0 from where on they are rounding.
func cholesky(a []float64, d int) [][]float64 {
	left := make([]float64, d) // of the diagonal
	for i := range left {
		left[i] = a[i*d+i]
	}
	size := floats.Max(left)
	columns := make([][]float64, d)
	done := make([]bool, d)
	for k := range columns {
		c := make([]float64, d)
		columns[k] = c
		pivot, best := 0, -1.0
		for i, v := range left {
			if !done[i] && v > best {
				pivot, best = i, v
			}
		}
		// What is left of a column may be rounding of that column, or of all.
		if !(best > float64(d)*epsilon*a[pivot*d+pivot]) || !(best > epsilon*epsilon*size) {
			done[pivot] = true
			continue
		}
		root := math.Sqrt(best)
		for i := range d {
			if done[i] {
				continue
			}
			v := a[i*d+pivot]
			for _, u := range columns[:k] {
				v -= float64(u[i] * u[pivot])
			}
			c[i] = v / root
			left[i] -= float64(c[i] * c[i])
		}
		c[pivot] = root
		done[pivot] = true
	}
	return columns
}

// jacobi is the squares of the singular values of a matrix given by its columns, falling, and its left singular
// vectors: by the one-sided method of Hestenes on a Cholesky factor (Veselić and Hari, Numerische Mathematik 56,
// 1989). It rotates the columns until they are orthogonal, and fails where that does not end.
func jacobi(columns [][]float64) (values []float64, vectors [][]float64, ok bool) {
	const sweeps = 60
	d := len(columns)
	tolerance := math.Sqrt(float64(d)) * epsilon / 2
	for range sweeps {
		rotated := false
		for p := range d {
			for q := p + 1; q < d; q++ {
				x, y := columns[p], columns[q]
				xx, yy, xy := floats.Dot(x, x), floats.Dot(y, y), floats.Dot(x, y)
				if math.Abs(xy) <= tolerance*math.Sqrt(xx)*math.Sqrt(yy) {
					continue
				}
				rotated = true
				zeta := (yy - xx) / (2 * xy)
				t := math.Copysign(1/(math.Abs(zeta)+elementary.Hypot(1, zeta)), zeta)
				c := 1 / elementary.Hypot(1, t)
				blas64.Rot(blas64.Vector{N: d, Inc: 1, Data: x}, blas64.Vector{N: d, Inc: 1, Data: y}, c, -c*t)
			}
		}
		if rotated {
			continue
		}
		norms := make([]float64, d)
		for i, v := range columns {
			norms[i] = floats.Norm(v, 2)
		}
		order := make([]int, d)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(norms[b], norms[a]) })
		for _, i := range order {
			if norms[i] > 0 {
				floats.Scale(1/norms[i], columns[i])
				vectors = append(vectors, columns[i])
			}
			values = append(values, norms[i]*norms[i])
		}
		return values, complete(vectors, d, d), true
	}
	return nil, nil, false
}

// complete adds to orthonormal vectors of d dimensions others, until they are n ≤ d.
func complete(vectors [][]float64, d, n int) [][]float64 {
	for len(vectors) < n {
		// The unit vector of which the most is left without its part in the space of the others.
		inside, axis := make([]float64, d), 0
		for _, v := range vectors {
			for j, x := range v {
				inside[j] += float64(x * x)
			}
		}
		axis = floats.MinIdx(inside)
		v := make([]float64, d)
		v[axis] = 1
		for range 2 {
			for _, u := range vectors {
				floats.AddScaled(v, -floats.Dot(u, v), u)
			}
		}
		floats.Scale(1/floats.Norm(v, 2), v)
		vectors = append(vectors, v)
	}
	return vectors
}
