package steps

import (
	"math"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear/internal/lanes"
)

// Columns is what AdaGrad knows of the columns of the rows so far, for all weight vectors that learn from the same
// rows. For each row, in this order: Begin; Dot and Add of every vector; End. Of one vector without an l1 penalty,
// BeginDot and AddEnd come to the same bits, and go over the row twice instead of four times.
//
// The step of row t moves weight j, where its x is not 0, by −Factor·g·x/(Largest_j·√G_j): g is the slope of the loss
// times the row's weight, G_j the sum of (g·x)² of the vector's rows up to this one, and Factor eta0·√(t/Scaled),
// with Scaled the sum of (x/Largest)² over all columns and rows up to this one (Duchi, Hazan and Singer, JMLR 12,
// 2011; the scales are Algorithm 2 of Ross, Mineiro and Langford, Normalized Online Learning, UAI 2013). So the units
// of a column do not matter, rare columns keep large steps, and predictions move alike whatever the number of
// columns. Where an x is larger than all before, its weight is first divided by as much. The intercept is a column of
// ones.
//
// The penalty follows each row as a proximal step of the same size: a soft threshold for l1, a division for l2 (Duchi
// et al., section 5). A column that is 0 for some rows takes those of all of them at once when it is next met, and
// costs nothing until then. The threshold is that of all l1 penalties of the pass so far, less what the weight has
// had of them (Tsuruoka, Tsujii and Ananiadou, ACL 2009, section 3.2): a weight that only noise moves stays 0.
type Columns struct {
	Each   []Column
	Scaled float64
	Factor float64 // of the last row

	before float64 // Factor of the row before
	due    float64 // rows that are averaged over, up to the row before
}

// Column is what is known of one. Both numbers stand together, as a row that has the column needs both, and a wide
// model waits for the memory above all.
type Column struct {
	Largest float64 // |x| so far
	Touched float64 // the first row whose penalty is due, and that is not in the mean yet
}

// NewColumns has seen no rows.
func NewColumns(features int) *Columns {
	c := &Columns{Each: make([]Column, features)}
	c.Settled(1)
	return c
}

// Largest is that of each column.
func (c *Columns) Largest() []float64 {
	x := make([]float64, len(c.Each))
	for j := range c.Each {
		x[j] = c.Each[j].Largest
	}
	return x
}

// SetLargest sets that of each column.
func (c *Columns) SetLargest(x []float64) {
	for j, v := range x {
		c.Each[j].Largest = v
	}
}

// Touched is that of each column.
func (c *Columns) Touched() []float64 {
	x := make([]float64, len(c.Each))
	for j := range c.Each {
		x[j] = c.Each[j].Touched
	}
	return x
}

// SetTouched sets that of each column.
func (c *Columns) SetTouched(x []float64) {
	for j, v := range x {
		c.Each[j].Touched = v
	}
}

// Weights are a weight vector, of which weight j is at place j·Stride, as is what goes with it. The slices may be parts
// of one, in which all of a column stands together.
type Weights struct {
	W       []float64
	Squares []float64 // G
	Mean    []float64 // nil without averaging
	Due     []float64 // nil without l1: the penalties of this pass so far, by the size of the steps
	Had     []float64 // and what the weight has been moved by them
	Stride  int
	Check   float64 // what Dot and Add have made of these is finite where this is 0; otherwise it is NaN
}

// averaged is how many rows up to row t are averaged over.
func (r *Rule) averaged(t float64) float64 {
	if r.Average == 0 {
		return 0
	}
	return max(0, t-r.Average+1)
}

// Fetch tells the processor which columns the next row has, so that they come from memory while this one is worked on.
func (c *Columns) Fetch(idx []int32) { lanes.Fetch(c.Each, 1, idx) }

// Begin comes before row t.
func (c *Columns) Begin(r *Rule, x kernel.Row, t float64) {
	scaled := c.open(r, t)
	for i, v := range x.Val {
		scaled += c.Each[x.Column(i)].scaled(math.Abs(v))
	}
	c.scale(r, scaled, t)
}

// open begins row t, and the sum of (x/Largest)² over its columns, which scale takes.
func (c *Columns) open(r *Rule, t float64) (scaled float64) {
	c.before, c.due = c.Factor, r.averaged(t-1)
	if r.Intercept {
		scaled = 1
	}
	return scaled
}

func (c *Columns) scale(r *Rule, scaled, t float64) {
	c.Scaled += scaled
	if c.Scaled > 0 {
		c.Factor = r.Eta0 * math.Sqrt(t/c.Scaled)
	}
}

// scaled is (m/Largest)², where Largest is at least m, which is |x|.
func (c *Column) scaled(m float64) float64 {
	if m < c.Largest {
		m /= c.Largest
		return float64(m * m)
	}
	if m > 0 {
		return 1
	}
	return 0
}

// End comes after row t.
func (c *Columns) End(x kernel.Row, t float64) {
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := &c.Each[x.Column(i)]
		j.Touched = t
		j.Largest = max(j.Largest, math.Abs(v))
	}
}

// Dot settles the weights that row t meets, and is their product with the row.
func (c *Columns) Dot(r *Rule, x kernel.Row, a *Weights, t float64) float64 {
	if a.Due == nil {
		return c.dotWithoutL1(r, x, a, t, false)
	}
	sum := 0.0
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := x.Column(i)
		w := c.settle(r, a, j, t, c.before, c.due)
		if m, s := math.Abs(v), c.Each[j].Largest; m > s && s > 0 {
			w *= s / m
			a.W[j*a.Stride] = w
		}
		a.Check += w - w
		if a.Mean != nil {
			a.Check += a.Mean[j*a.Stride] - a.Mean[j*a.Stride]
		}
		sum += float64(w * v)
	}
	return sum
}

// BeginDot is Begin and Dot, of the only vector, which has no l1 penalty.
func (c *Columns) BeginDot(r *Rule, x kernel.Row, a *Weights, t float64) float64 {
	return c.dotWithoutL1(r, x, a, t, true)
}

// dotWithoutL1 is Dot without an l1 penalty, after Begin where it is to begin the row, with what settled does then
// between its own lines: the processor goes on with the next columns while it waits for the memory of one.
func (c *Columns) dotWithoutL1(r *Rule, x kernel.Row, a *Weights, t float64, begins bool) float64 {
	scaled := 0.0
	if begins {
		scaled = c.open(r, t)
	}
	sum, check, due, decays := 0.0, 0.0, c.due, r.Penalty && r.Alpha > 0
	alpha, share := float64(r.Alpha*c.before), 1-r.L1Ratio
	touched, before, part := math.NaN(), 0.0, 0.0 // of the column before: one division less where they were met together
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := x.Column(i)
		k, column := j*a.Stride, c.Each[j]
		m := math.Abs(v)
		if begins {
			scaled += column.scaled(m)
		}
		w := a.W[k]
		if rows := t - column.Touched; rows != 0 {
			middle := w
			if squares := a.Squares[k]; decays && squares > 0 {
				cost := alpha / float64(column.Largest*math.Sqrt(squares))
				if rows > 1 {
					half := float64(cost * ((rows + 1) / 2))
					cost = float64(cost * rows)
					middle /= 1 + float64(half*share)
				}
				w /= 1 + float64(cost*share)
				if rows == 1 { // as of all columns where rows are dense
					middle = w
				}
			}
			if due > 0 {
				mean := middle
				if column.Touched != touched {
					touched, before = column.Touched, r.averaged(column.Touched-1)
					part = (due - before) / due
				}
				if before > 0 {
					mean = a.Mean[k]
					mean += float64((middle - mean) * part)
				}
				a.Mean[k] = mean
				check += mean - mean
			}
		}
		if m > column.Largest && column.Largest > 0 {
			w *= column.Largest / m
		}
		a.W[k] = w
		check += w - w
		sum += float64(w * v)
	}
	if a.Check += check; begins {
		c.scale(r, scaled, t)
	}
	return sum
}

// Add is the step along the row, of a gradient of the loss by the prediction, the row's weight included.
func (c *Columns) Add(x kernel.Row, a *Weights, gradient float64) { c.add(x, a, gradient, 0) }

// AddEnd is Add and End, of the only vector.
func (c *Columns) AddEnd(x kernel.Row, a *Weights, gradient, t float64) {
	if gradient == 0 {
		c.End(x, t)
		return
	}
	c.add(x, a, gradient, t)
}

// add is Add, before End of row t unless that is 0.
func (c *Columns) add(x kernel.Row, a *Weights, gradient, t float64) {
	step, check := -float64(c.Factor*gradient), 0.0
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := x.Column(i)
		k, g, column := j*a.Stride, float64(gradient*v), &c.Each[j]
		squares, largest := a.Squares[k]+float64(g*g), max(column.Largest, math.Abs(v))
		a.Squares[k] = squares
		if root := math.Sqrt(squares); root > 0 {
			w := a.W[k] + float64(step*v)/float64(largest*root)
			a.W[k] = w
			check += w - w
		}
		check += squares - squares
		if t != 0 {
			column.Touched, column.Largest = t, largest
		}
	}
	a.Check += check
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
	if rows := r.averaged(t); rows == 1 {
		b.Mean = b.W
	} else if rows > 1 {
		b.Mean += (b.W - b.Mean) / rows
	}
}

// settle makes weight j what settled says.
func (c *Columns) settle(r *Rule, a *Weights, j int, t, factor, due float64) float64 {
	k := j * a.Stride
	w, mean, more, had := c.settled(r, a, j, t, factor, due)
	if a.W[k] = w; a.Mean != nil {
		a.Mean[k] = mean
	}
	if a.Due != nil {
		a.Due[k] += more
		a.Had[k] += had
	}
	return w
}

// settled is weight j before row t with the penalty of all rows before, and its mean over those that are averaged
// over, due of them. Factor is that of the row before. The weight shrinks from row to row while its column is 0; the
// mean takes that in by the middle of these rows. It tells, too, how much more l1 penalty is due, and how much the
// weight has had.
func (c *Columns) settled(r *Rule, a *Weights, j int, t, factor, due float64) (w, mean, more, had float64) {
	k := j * a.Stride
	w = a.W[k]
	if a.Mean != nil {
		mean = a.Mean[k]
	}
	column := c.Each[j]
	rows := t - column.Touched
	if rows == 0 {
		return w, mean, 0, 0
	}
	middle := w
	if r.Penalty && a.Squares[k] > 0 && r.Alpha > 0 {
		cost := float64(r.Alpha*factor) / float64(column.Largest*math.Sqrt(a.Squares[k]))
		half := float64(cost * ((rows + 1) / 2))
		cost = float64(cost * rows)
		if a.Due != nil {
			more = float64(cost * r.L1Ratio)
			middle = truncated(w, a.Due[k]+float64(half*r.L1Ratio), a.Had[k])
			z := w
			w = truncated(w, a.Due[k]+more, a.Had[k])
			had = w - z
		}
		middle /= 1 + float64(half*(1-r.L1Ratio))
		w /= 1 + float64(cost*(1-r.L1Ratio))
	}
	if due > 0 {
		if before := r.averaged(column.Touched - 1); before == 0 {
			mean = middle
		} else {
			mean += float64((middle - mean) * ((due - before) / due))
		}
	}
	return w, mean, more, had
}

// truncated moves a weight towards 0 by the penalty that is due, less what it has had.
func truncated(w, due, had float64) float64 {
	switch {
	case w > 0:
		return max(0, w-max(0, due+had))
	case w < 0:
		return min(0, w+max(0, due-had))
	}
	return w
}

// Settle settles all weights before row t. All vectors must be, and then Settled be called. O(features).
func (c *Columns) Settle(r *Rule, a *Weights, t float64) {
	due := r.averaged(t - 1)
	for j := range c.Each {
		c.settle(r, a, j, t, c.Factor, due)
	}
}

// Settled says that all vectors are, before row t.
func (c *Columns) Settled(t float64) {
	for j := range c.Each {
		c.Each[j].Touched = t
	}
}

// Decision is the product of row t, which is not learned from, with the weights, or with their mean where that counts.
func (c *Columns) Decision(r *Rule, x kernel.Row, a *Weights, t float64) float64 {
	sum, reports, due := 0.0, r.Reports(t), r.averaged(t-1)
	for i, v := range x.Val {
		if v == 0 {
			continue
		}
		j := x.Column(i)
		w, mean, _, _ := c.settled(r, a, j, t, c.Factor, due)
		if reports {
			w = mean
		}
		sum += float64(w * v)
	}
	return sum
}

// Resume goes on before row t with a sum of squares so far.
func (c *Columns) Resume(r *Rule, scaled, t float64) {
	if c.Scaled = scaled; scaled > 0 {
		c.Factor = r.Eta0 * math.Sqrt((t-1)/scaled)
	}
}

// maxSlope bounds the slope of a loss, as in scikit-learn.
const maxSlope = 1e12

// Gradient is the slope of the loss, bounded, times the row's weight.
func (r *Rule) Gradient(p, y, weight float64) float64 {
	return float64(min(max(r.Loss.Slope(p, y), -maxSlope), maxSlope) * weight)
}

// leastPull is that of a row without a gradient.
const leastPull = 1e-100

// Pull is the weight of a part of rows in the mean of a column's weights over all parts: about how much the losses of
// its rows curve along the column, which is the sum of squares of its gradients there, and the penalty's own
// curvature. The mean is then the least of the sum of the parts' parabolas (Agarwal, Chapelle, Dudík and Langford,
// JMLR 15, 2014, section 2.2, have the first term). Where there is neither, rows count.
func (r *Rule) Pull(gradients, rows float64) float64 {
	penalty := leastPull
	if r.Decays {
		penalty += float64(r.Alpha * (1 - r.L1Ratio))
	}
	return gradients + float64(rows*penalty)
}

// PullOfIntercept is that of the intercept, which has no penalty.
func (r *Rule) PullOfIntercept(gradients, rows float64) float64 {
	return gradients + float64(rows*leastPull)
}

// Clone is a copy.
func (c *Columns) Clone() *Columns {
	d := *c
	d.Each = slices.Clone(c.Each)
	return &d
}
