package steps

import (
	"math"

	"beamlearn/model/internal/kernel"
)

// Columns is what AdaGrad knows of the columns of the rows so far, for all weight vectors that learn from the same rows. For each
// row, in this order: Begin; Dot and Add of every vector; End.
//
// The step of row t moves weight j, where its x is not 0, by −Factor·g·x/(Largest_j·√G_j): g is the slope of the loss times the
// row's weight, G_j the sum of (g·x)² of the vector's rows up to this one, and Factor eta0·√(t/Scaled), with Scaled the sum of
// (x/Largest)² over all columns and rows up to this one (Duchi, Hazan and Singer, JMLR 12, 2011; the scales are Algorithm 2 of
// Ross, Mineiro and Langford, Normalized Online Learning, UAI 2013). So the units of a column do not matter, rare columns keep
// large steps, and predictions move alike whatever the number of columns. Where an x is larger than all before, its weight is
// first divided by as much. The intercept is a column of ones.
//
// The penalty follows each row as a proximal step of the same size: a soft threshold for l1, a division for l2 (Duchi et al.,
// section 5). A column that is 0 for some rows takes those of all of them at once when it is next met: a column costs nothing
// while it is 0, and l1 makes true zeros.
type Columns struct {
	Largest []float64 // |x| so far
	Touched []float64 // the first row whose penalty is due, and that is not in the mean yet
	Scaled  float64
	Factor  float64 // of the last row

	before float64 // Factor of the row before
	due    float64 // rows that are averaged over, up to the row before
}

// NewColumns has seen no rows.
func NewColumns(features int) *Columns {
	c := &Columns{Largest: make([]float64, features), Touched: make([]float64, features)}
	for j := range c.Touched {
		c.Touched[j] = 1
	}
	return c
}

// Weights are a weight vector, of which weight j is at place j·Stride.
type Weights struct {
	W       []float64
	Squares []float64 // G
	Mean    []float64 // nil without averaging
	Stride  int
}

// averaged is how many rows up to row t are averaged over.
func (r *Rule) averaged(t float64) float64 {
	if r.Average == 0 {
		return 0
	}
	return max(0, t-r.Average+1)
}

// Begin comes before row t.
func (c *Columns) Begin(r *Rule, x kernel.Row, t float64) {
	c.before, c.due = c.Factor, r.averaged(t-1)
	scaled := 0.0
	if r.Intercept {
		scaled = 1
	}
	for i, v := range x.Val {
		j := i
		if x.Idx != nil {
			j = int(x.Idx[i])
		}
		if m := math.Abs(v); m >= c.Largest[j] {
			if m > 0 {
				scaled++
			}
		} else {
			m /= c.Largest[j]
			scaled += float64(m * m)
		}
	}
	c.Scaled += scaled
	if c.Scaled > 0 {
		c.Factor = r.Eta0 * math.Sqrt(t/c.Scaled)
	}
}

// End comes after row t.
func (c *Columns) End(x kernel.Row, t float64) {
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := i
		if x.Idx != nil {
			j = int(x.Idx[i])
		}
		c.Touched[j] = t
		c.Largest[j] = max(c.Largest[j], math.Abs(v))
	}
}

// Dot settles the weights that row t meets, and is their product with the row.
func (c *Columns) Dot(r *Rule, x kernel.Row, a *Weights, t float64) float64 {
	sum := 0.0
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := i
		if x.Idx != nil {
			j = int(x.Idx[i])
		}
		k := j * a.Stride
		w, mean := c.settled(r, a, j, t, c.before, c.due)
		if a.Mean != nil {
			a.Mean[k] = mean
		}
		if m, s := math.Abs(v), c.Largest[j]; m > s && s > 0 {
			w *= s / m
		}
		a.W[k] = w
		sum += float64(w * v)
	}
	return sum
}

// Add is the step along the row, of a gradient of the loss by the prediction, the row's weight included.
func (c *Columns) Add(x kernel.Row, a *Weights, gradient float64) {
	step := -float64(c.Factor * gradient)
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := i
		if x.Idx != nil {
			j = int(x.Idx[i])
		}
		k, g := j*a.Stride, float64(gradient*v)
		a.Squares[k] += float64(g * g)
		if root := math.Sqrt(a.Squares[k]); root > 0 {
			a.W[k] += float64(step*v) / float64(max(c.Largest[j], math.Abs(v))*root)
		}
	}
}

// Bias is an intercept: its weight, G and mean.
type Bias struct{ W, Squares, Mean float64 }

// Add is the step of row t.
func (b *Bias) Add(r *Rule, c *Columns, gradient, t float64) {
	if r.Intercept {
		b.Squares += float64(gradient * gradient)
		if root := math.Sqrt(b.Squares); root > 0 {
			b.W -= float64(c.Factor*gradient) / root
		}
	}
	if rows := r.averaged(t); rows > 0 {
		b.Mean += (b.W - b.Mean) / rows
	}
}

// settled is weight j before row t with the penalty of all rows before, and its mean over those that are averaged over, due of
// them. Factor is that of the row before. The weight shrinks from row to row while its column is 0; the mean takes that in by the
// middle of these rows.
func (c *Columns) settled(r *Rule, a *Weights, j int, t, factor, due float64) (w, mean float64) {
	k := j * a.Stride
	w = a.W[k]
	if a.Mean != nil {
		mean = a.Mean[k]
	}
	rows := t - c.Touched[j]
	if rows == 0 {
		return w, mean
	}
	middle := w
	if r.Penalty && w != 0 && a.Squares[k] > 0 && r.Alpha > 0 {
		cost := float64(r.Alpha*factor) / float64(c.Largest[j]*math.Sqrt(a.Squares[k]))
		middle = shrunk(w, float64(cost*((rows+1)/2)), r.L1Ratio)
		w = shrunk(w, float64(cost*rows), r.L1Ratio)
	}
	if due > 0 {
		if before := r.averaged(c.Touched[j] - 1); before < due {
			mean += float64((middle - mean) * ((due - before) / due))
		}
	}
	return w, mean
}

// shrunk is the proximal step of a penalty of so much.
func shrunk(w, cost, l1Ratio float64) float64 {
	if l1Ratio > 0 {
		m := math.Abs(w) - float64(cost*l1Ratio)
		if !(m > 0) {
			return 0
		}
		w = math.Copysign(m, w)
	}
	return w / (1 + float64(cost*(1-l1Ratio)))
}

// Settle settles all weights before row t. All vectors must be, and then Settled be called. O(features).
func (c *Columns) Settle(r *Rule, a *Weights, t float64) {
	due := r.averaged(t - 1)
	for j := range c.Touched {
		k := j * a.Stride
		w, mean := c.settled(r, a, j, t, c.Factor, due)
		if a.W[k] = w; a.Mean != nil {
			a.Mean[k] = mean
		}
	}
}

// Settled says that all vectors are, before row t.
func (c *Columns) Settled(t float64) {
	for j := range c.Touched {
		c.Touched[j] = t
	}
}

// Decision is the product of row t, which is not learned from, with the weights, or with their mean where that counts.
func (c *Columns) Decision(r *Rule, x kernel.Row, a *Weights, t float64) float64 {
	sum, reports, due := 0.0, r.Reports(t), r.averaged(t-1)
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := i
		if x.Idx != nil {
			j = int(x.Idx[i])
		}
		w, mean := c.settled(r, a, j, t, c.Factor, due)
		if reports {
			w = mean
		}
		sum += float64(w * v)
	}
	return sum
}

// Clone is a copy.
func (c *Columns) Clone() *Columns {
	d := *c
	d.Largest, d.Touched = append([]float64(nil), c.Largest...), append([]float64(nil), c.Touched...)
	return &d
}
