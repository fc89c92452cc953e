package inference

import (
	"math"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear/internal/panel"
)

// system is the information with the penalty, of the parameters that the rows tell, inverted.
type system struct {
	width   int
	kept    []int     // parameters, the intercept first if there is one
	inverse []float64 // of the kept ones
	product []float64 // inverse·information, nil where that is the unit matrix
	unknown []bool    // of each parameter
	shift   []float64 // was taken from the columns, which the intercept makes good
}

const (
	dependent = 1e-11   // of a column's information: what is left beside others, where it is a sum of them
	involved  = 1e-6    // the least share of a column in such a sum
	constant  = 0x1p-46 // of a column's mean: a spread that is that of rounding alone
)

// newSystem is for the information of the parameters, of which the last is the intercept, with shifted columns, and the
// penalty; those in order count, the intercept first. Shift is nil where nothing was taken from them. A penalty chooses
// among coefficients that the rows cannot tell apart; it does not tell what they are: such are unknown with it, too.
func newSystem(information panel.Triangle, shift []float64, width int, ridge float64, order []int) *system {
	full := information.Full(width, width)
	if shift == nil {
		shift = make([]float64, width-1)
	}
	q := &system{width: width, unknown: make([]bool, width), shift: shift}
	factor, scale := q.factor(full, ridge, order)
	q.invert(factor, scale)
	if ridge > 0 {
		n := len(q.kept)
		q.product = multiply(q.inverse, q.of(full), n)
		bare := &system{width: width, unknown: make([]bool, width), shift: shift}
		bare.factor(full, 0, order)
		q.unknown = bare.unknown
	}
	return q
}

// factor finds the parameters to keep and those that are unknown, and is Cholesky's factor of the kept ones, a row for
// each, of columns that are scaled to 1.
func (q *system) factor(full []float64, ridge float64, order []int) (factor [][]float64, scale []float64) {
	at := func(i, j int) float64 { // with the penalty
		v := full[i*q.width+j]
		if i == j && i < q.width-1 {
			v += ridge
		}
		return v
	}
	scale = make([]float64, q.width)
	for _, j := range order {
		rounding := 0.0
		if last := q.width - 1; j < last {
			rounding = full[last*q.width+last] * math.Pow(q.shift[j]*constant, 2)
		}
		if !(full[j*q.width+j] > rounding) {
			q.unknown[j] = true
			if rounding > 0 { // a constant is the intercept's
				q.unknown[q.width-1] = true
			}
			continue
		}
		scale[j] = 1 / math.Sqrt(at(j, j))
		row := make([]float64, len(q.kept)+1)
		for i, k := range q.kept {
			v := float64(at(j, k) * scale[j] * scale[k])
			row[i] = (v - kernel.Dot(row[:i], factor[i][:i])) / factor[i][i]
		}
		left := 1 - kernel.Dot(row[:len(q.kept)], row[:len(q.kept)])
		if left <= dependent {
			q.unknown[j] = true
			for i := len(q.kept) - 1; i >= 0; i-- { // which columns it is a sum of
				row[i] /= factor[i][i]
				kernel.Add(-row[i], factor[i][:i], row[:i])
			}
			q.involve(full, j, row, scale)
			continue
		}
		row[len(q.kept)] = math.Sqrt(left)
		q.kept, factor = append(q.kept, j), append(factor, row)
	}
	return factor, scale
}

// involve marks what takes part in the sum of kept columns that column j is; row has the shares of their scaled ones.
func (q *system) involve(full []float64, j int, row, scale []float64) {
	last := q.width - 1
	own, weight := 0.0, full[last*q.width+last]
	if j < last {
		own = q.shift[j]
	}
	for i, k := range q.kept {
		switch {
		case k == last:
			own += float64(row[i] * scale[k] / scale[j])
		case math.Abs(row[i]) > involved:
			q.unknown[k] = true
			fallthrough
		default:
			own -= float64(row[i] * scale[k] / scale[j] * q.shift[k])
		}
	}
	// own is the share of the 1 in the column as it was; its length was this.
	a := 0.0
	if j < last {
		a = q.shift[j]
	}
	length := math.Sqrt(max(0, full[j*q.width+j]+float64(2*a*full[j*q.width+last])+float64(a*a*weight)))
	if math.Abs(own)*math.Sqrt(weight) > involved*length {
		q.unknown[last] = true
	}
}

// invert makes the inverse of the factor's.
func (q *system) invert(factor [][]float64, scale []float64) {
	n := len(q.kept)
	columns := make([][]float64, n) // of the factor's inverse, from the diagonal on
	for c := range n {
		x := make([]float64, n)
		x[c] = 1 / factor[c][c]
		for i := c + 1; i < n; i++ {
			x[i] = -kernel.Dot(factor[i][c:i], x[c:i]) / factor[i][i]
		}
		columns[c] = x
	}
	q.inverse = make([]float64, n*n)
	for a := range n {
		for b := a; b < n; b++ {
			v := kernel.Dot(columns[a][b:], columns[b][b:]) * scale[q.kept[a]] * scale[q.kept[b]]
			q.inverse[a*n+b], q.inverse[b*n+a] = v, v
		}
	}
}

// of is a matrix of all parameters for those that are kept.
func (q *system) of(full []float64) []float64 {
	n := len(q.kept)
	m := make([]float64, n*n)
	for a, i := range q.kept {
		for b, j := range q.kept {
			m[a*n+b] = full[i*q.width+j]
		}
	}
	return m
}

// multiply is the product of n × n matrices, of which the second is symmetric.
func multiply(a, b []float64, n int) []float64 {
	c := make([]float64, n*n)
	for i := range n {
		for j := range n {
			c[i*n+j] = kernel.Dot(a[i*n:(i+1)*n], b[j*n:(j+1)*n])
		}
	}
	return c
}

// parameters is how many the model has: with a penalty, the trace of inverse·information.
func (q *system) parameters() float64 {
	n := len(q.kept)
	if q.product == nil {
		return float64(n)
	}
	sum := 0.0
	for i := range n {
		sum += q.product[i*n+i]
	}
	return sum
}

// variances are those of the parameters, factor·inverse·middle·inverse; NaN where the rows do not tell.
func (q *system) variances(middle panel.Triangle, factor float64) []float64 {
	n := len(q.kept)
	all := make([]float64, q.width)
	for j := range all {
		all[j] = math.NaN()
	}
	product := multiply(multiply(q.inverse, q.of(middle.Full(q.width, q.width)), n), q.inverse, n)
	for a, i := range q.kept {
		if q.unknown[i] {
			continue
		}
		if i < q.width-1 {
			all[i] = factor * product[a*n+a]
			continue
		}
		// The intercept of columns as they were is that of the shifted ones, less the coefficients times the shift.
		part := make([]float64, n)
		for b, j := range q.kept {
			if part[b] = 1; j < q.width-1 {
				part[b] = -q.shift[j]
			}
		}
		sum := 0.0
		for b, v := range part {
			sum += float64(v * kernel.Dot(part, product[b*n:(b+1)*n]))
		}
		all[i] = factor * sum
	}
	return all
}
