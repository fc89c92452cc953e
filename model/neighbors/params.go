package neighbors

import (
	"errors"
	"fmt"
	"math"
	"runtime"

	arithmetic "beamlearn/model/internal/kernel"
)

// Params are those of SEuclidean and Mahalanobis, by scikit-learn's names (metric_params).
type Params struct {
	// V are the variances of the columns, greater than 0, of SEuclidean. Default: those of the points, with n−1 as the
	// divisor, as SciPy has it; 1 for a constant column.
	V []float64 `json:",omitempty"`
	// VI is the inverse of the columns' covariance, row by row, of Mahalanobis: symmetric and positive definite.
	// Default: that of the points' covariance, with n−1 as the divisor. Constant columns have the variance 1 and no
	// covariance.
	VI []float64 `json:",omitempty"`

	// whitening is the lower triangular matrix W, row by row, with WᵀW = VI.
	whitening []float64
}

// UnitParams are parameters by which the metric is Euclidean, for where those of all points do not matter; nil of a
// metric without.
func UnitParams(m Metric, dim int) *Params {
	p := &Params{}
	switch m {
	case SEuclidean:
		p.V = make([]float64, dim)
		for j := range p.V {
			p.V[j] = 1
		}
	case Mahalanobis:
		p.VI = make([]float64, dim*dim)
		for j := range dim {
			p.VI[j*dim+j] = 1
		}
	default:
		return nil
	}
	return p
}

// The variances with which nothing overflows, and no digits are lost.
const (
	leastVariance = 0x1p-400
	mostVariance  = 0x1p+400
)

// fitted completes the parameters by the points. O(n·d), or for Mahalanobis O(n·d² + d³).
func (o Options) fitted(p *points) (Options, error) {
	if !o.Metric.Fitted() {
		return o, nil
	}
	if o.Params != nil {
		return o.completed(p.dim)
	}
	if p.n < 2 {
		return o, fmt.Errorf("%s: a variance needs two points, found one", o.Metric)
	}
	mean := p.mean()
	c := &Params{}
	o.Params = c
	if o.Metric == SEuclidean {
		c.V = p.variances(mean)
		for j, v := range c.V {
			if v, err := usableVariance(v, j, p); err != nil {
				return o, err
			} else {
				c.V[j] = v
			}
		}
		return o, nil
	}
	covariance := p.covariance(mean)
	for j := range p.dim {
		v, err := usableVariance(covariance[j*p.dim+j], j, p)
		if err != nil {
			return o, err
		}
		covariance[j*p.dim+j] = v
	}
	l, column := cholesky(covariance, p.dim)
	if column >= 0 {
		return o, fmt.Errorf("mahalanobis: column %d is a sum of multiples of columns before it, so that the covariance "+
			"has no "+
			"inverse: leave it out", column)
	}
	c.whitening = lowerInverse(l, p.dim)
	return o, nil
}

// usableVariance is that of column j, or 1 where the column is constant.
func usableVariance(v float64, j int, p *points) (float64, error) {
	switch {
	case v == 0 && p.constant(j):
		return 1, nil
	case v >= leastVariance && v <= mostVariance:
		return v, nil
	}
	return 0, fmt.Errorf("column %d has the variance %.3g: expected one between %.3g and %.3g, multiply the column by "+
		"a power "+
		"of ten", j, v, leastVariance, mostVariance)
}

// completed checks parameters that were given, and adds what follows from them.
func (o Options) completed(dim int) (Options, error) {
	if err := o.CheckColumns(dim); err != nil {
		return o, err
	}
	p := *o.Params
	o.Params = &p
	if o.Metric == SEuclidean {
		for j, v := range p.V {
			if !(v >= leastVariance && v <= mostVariance) {
				return o, fmt.Errorf("seuclidean: the variance of column %d is %v: must be greater than 0 and of usual size", j, v)
			}
		}
		return o, nil
	}
	if p.whitening != nil {
		return o, nil
	}
	// VI with rows and columns in reverse is R·Rᵀ with R lower triangular; R in reverse, U, is upper, VI = U·Uᵀ, W =
	// Uᵀ.
	back := make([]float64, dim*dim)
	for i := range dim {
		for j := range dim {
			v := p.VI[i*dim+j]
			if w := p.VI[j*dim+i]; !(math.Abs(v-w) <= 1e-9*(math.Abs(v)+math.Abs(w))) {
				return o, fmt.Errorf("mahalanobis: the matrix has %v at (%d, %d) and %v at (%d, %d): must be symmetric", v, i, j, w,
					j, i)
			}
			back[(dim-1-i)*dim+dim-1-j] = v
		}
	}
	for j := range dim {
		if v := p.VI[j*dim+j]; !(v >= leastVariance && v <= mostVariance) {
			return o, fmt.Errorf("mahalanobis: the matrix has %v at (%d, %d): must be greater than 0 and of usual size", v, j, j)
		}
	}
	r, column := cholesky(back, dim)
	if column >= 0 {
		return o, errors.New("mahalanobis: the matrix must be positive definite, the inverse of a covariance")
	}
	p.whitening = make([]float64, dim*dim)
	for i := range dim {
		for j := range i + 1 {
			p.whitening[i*dim+j] = r[(dim-1-j)*dim+dim-1-i]
		}
	}
	o.Params = &p
	return o, nil
}

// list are the values that say all of the parameters: V, or W.
func (p *Params) list() []float64 {
	if p == nil {
		return nil
	}
	if p.V != nil {
		return p.V
	}
	return p.whitening
}

// paramsOf are those of a list.
func paramsOf(m Metric, list []float64) *Params {
	switch m {
	case SEuclidean:
		return &Params{V: list}
	case Mahalanobis:
		return &Params{whitening: list}
	}
	return nil
}

// constant reports whether a column has one value.
func (p *points) constant(j int) bool {
	if p.f64 != nil {
		return constant(p.f64, p.dim, j)
	}
	return constant(p.f32, p.dim, j)
}

func constant[T float](values []T, dim, j int) bool {
	for i := j; i < len(values); i += dim {
		if values[i] != values[j] {
			return false
		}
	}
	return true
}

// mean is that of each column; sums run over the rows in order.
func (p *points) mean() []float64 {
	mean, buf := make([]float64, p.dim), make([]float64, p.dim)
	for i := range p.n {
		for j, v := range p.row(i, buf) {
			mean[j] += v
		}
	}
	for j := range mean {
		mean[j] /= float64(p.n)
	}
	return mean
}

// variances are those of the columns. What their rounded means have lost is taken from the sums (Chan, Golub and LeVeque
// 1983, the corrected two-pass algorithm), as it counts where a mean is large against the spread.
func (p *points) variances(mean []float64) []float64 {
	sum, lost, buf := make([]float64, p.dim), make([]float64, p.dim), make([]float64, p.dim)
	for i := range p.n {
		for j, v := range p.row(i, buf) {
			d := v - mean[j]
			sum[j] += float64(d * d)
			lost[j] += d
		}
	}
	for j := range sum {
		sum[j] -= float64(lost[j] * lost[j] / float64(p.n))
		if sum[j] /= float64(p.n - 1); p.constant(j) {
			sum[j] = 0 // the mean may be rounded
		}
	}
	return sum
}

// covarianceRows is the number of rows that are centred at a time.
const covarianceRows = 256

// covariance is the lower triangle of the columns' covariance, row by row. The sums run over the rows in order,
// whatever the number of threads, and are corrected as those of variances are. O(n·d²).
func (p *points) covariance(mean []float64) []float64 {
	d := p.dim
	c, block := make([]float64, d*d), make([]float64, min(covarianceRows, p.n)*d)
	fixed, lost := make([]bool, d), make([]float64, d)
	for j := range fixed {
		fixed[j] = p.constant(j)
	}
	for first := 0; first < p.n; first += covarianceRows {
		rows := min(covarianceRows, p.n-first)
		for i := range rows {
			x := block[i*d : (i+1)*d]
			for j, v := range p.row(first+i, x) {
				if x[j] = v - mean[j]; fixed[j] {
					x[j] = 0
				}
				lost[j] += x[j]
			}
		}
		Parallel(d, 8, runtime.GOMAXPROCS(0), func() func(lo, hi int) {
			return func(lo, hi int) {
				for i := range rows {
					x := block[i*d : (i+1)*d]
					for j := lo; j < hi; j++ {
						arithmetic.Add(x[j], x[:j+1], c[j*d:j*d+j+1])
					}
				}
			}
		})
	}
	for j := range lost {
		arithmetic.Add(-lost[j]/float64(p.n), lost[:j+1], c[j*d:j*d+j+1])
	}
	for j := range c {
		c[j] /= float64(p.n - 1)
	}
	return c
}

// dependent is the share of a column's variance below which what is left of it beside other columns is rounding.
const dependent = 0x1p-40

// cholesky is the lower triangular L with L·Lᵀ = a, of which the lower triangle is read, or the first column that
// depends on those before it. O(d³).
func cholesky(a []float64, d int) (l []float64, column int) {
	l = make([]float64, d*d)
	for i := range d {
		for j := range i + 1 {
			s := a[i*d+j] - arithmetic.Dot(l[i*d:i*d+j], l[j*d:j*d+j])
			if i != j {
				l[i*d+j] = s / l[j*d+j]
				continue
			}
			if !(s > dependent*a[i*d+i]) {
				return nil, i
			}
			l[i*d+i] = math.Sqrt(s)
		}
	}
	return l, -1
}

// lowerInverse is that of a lower triangular matrix. O(d³).
func lowerInverse(l []float64, d int) []float64 {
	w := make([]float64, d*d)
	for i := range d {
		// Row i of W: L·W = I gives W[i] = (e_i − Σ_{j<i} L[i,j]·W[j]) / L[i,i].
		row := w[i*d : i*d+i+1]
		row[i] = 1
		for j := range i {
			arithmetic.Add(-l[i*d+j], w[j*d:j*d+j+1], row[:j+1])
		}
		for j := range row {
			row[j] /= l[i*d+i]
		}
	}
	return w
}

// check says what of the parameters in a file cannot be.
func (p *Params) check() error {
	if p == nil {
		return nil
	}
	for j, v := range p.list() {
		if !(math.Abs(v) <= mostVariance) || p.V != nil && !(v >= leastVariance) {
			return damage("parameter %d is %v", j, v)
		}
	}
	return nil
}
