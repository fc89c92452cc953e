package sgd

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/steps"
)

// Many columns, by AdaGrad, where a sample tells enough: an epoch sums up the slopes of all rows at weights that
// stay, and then the weights become the least of the sample's objective, corrected by a linear function to have the
// slope of all rows (Shamir, Srebro and Zhang, Communication-Efficient Distributed Optimization using an Approximate
// Newton-type Method, ICML 2014; Jordan, Lee and Yang, J. Am. Stat. Assoc. 114, 2019), and by squares of steps where
// all rows curve more along a column than the sample. Order and parts do not matter then, and the next epoch is
// nearer by about the share that the sample's curvature is off. Meanwhile AdaGrad's own sums go on, by which a warm
// start does.

// SurrogateRows and SurrogateEntries are how many rows and entries [SGD.StartWide] wants of a sample at most.
const (
	SurrogateRows    = 1 << 16
	SurrogateEntries = 1 << 19
)

// mostApart is by which share of the loss of half of a sample that of the other half may exceed it, by weights that are
// the least of the former: where it does, a sample says too little.
const mostApart = 0.4

// surelyApart is by which share it may on the way to the first of these weights, where it is not known what comes.
const surelyApart = 2 * mostApart

// mostSurrogateSums is how many columns all weight vectors may have, whose sums are three each.
const mostSurrogateSums = 1 << 22

// reference is a sample that stands for all rows, of epochs that sum up slopes.
type reference struct {
	start
}

// gathered is what an epoch sums up, the intercept at the end of each.
type gathered struct {
	weights            []float64 // as long as the epoch lasts, without the intercept
	value              float64
	slopes, curvatures []float64

	known  bool      // of the weights before:
	before []float64 // these, and
	least  float64   // their objective
}

// gathers lets the vector sum up slopes at its weights.
func (v *vector) gathers() *gathered {
	w := v.weights()
	v.gathered = &gathered{weights: w, slopes: make([]float64, len(w)+1), curvatures: make([]float64, len(w)+1)}
	return v.gathered
}

// clone has summed up nothing.
func (g *gathered) clone() *gathered {
	if g == nil {
		return nil
	}
	c := *g
	c.value, c.slopes, c.curvatures = 0, make([]float64, len(g.slopes)), make([]float64, len(g.curvatures))
	return &c
}

// StartWide is [SGD.Start] of many columns, by AdaGrad, for epochs that sum up slopes; all says that the sample is all
// rows. It reports false, and leaves the trainer as it was, where the sample says too little, or sums are too large.
func (s *SGD) StartWide(c *linear.Chunk, rows float64, all bool, counts []int64) (bool, error) {
	if len(s.vectors)*(s.features+1) > mostSurrogateSums || s.Scaler != nil && s.Scaler.WithMean {
		return false, nil
	}
	st, err := s.newStart(c, rows, counts)
	if err != nil {
		return false, err
	}
	for k, v := range s.vectors {
		if !all && !st.tells(v, k) {
			return false, nil
		}
	}
	if s.Progressive != nil {
		s.unbegun = s.clone()
	}
	for k, v := range s.vectors {
		v.set(st.whole(k).minimise(v.all(), nil, nil))
		v.gathers()
	}
	s.reference = &reference{*st}
	return true, nil
}

// tells reports whether half of the sample tells of the other, after each of the steps that lead to the least
// objective of that half: as these mostly bring the two further apart, a sample that says too little shows it at the
// first ones, and most do at the first products of the first.
func (t *start) tells(v *vector, k int) bool {
	a, b := t.whole(k), t.whole(k)
	a.first, a.step, b.first, b.step = 0, 2, 1, 2
	apart := false
	a.enough = func(x []float64, within bool) bool {
		own, ownWeight := a.loss(x)
		other, otherWeight := b.loss(x)
		most := mostApart
		if within {
			most = surelyApart
		}
		apart = !(other/otherWeight <= float64((1+most)*(own/ownWeight)))
		return apart
	}
	a.minimise(v.all(), nil, nil)
	return !apart
}

// all is the weights with the intercept at the end.
func (v *vector) all() []float64 { return append(v.cell(weightCell), v.intercept) }

// set makes x weights, mean and intercept.
func (v *vector) set(x []float64) {
	n := len(x) - 1
	v.setCell(weightCell, x[:n])
	v.setCell(meanCell, x[:n])
	v.intercept, v.meanIntercept = x[n], x[n]
}

// gather is step where rows are only summed up.
func (v *vector) gather(r *steps.Rule, x kernel.Row, y, weight float64) float64 {
	g, p := v.gathered, x.Dot(v.gathered.weights)+v.intercept
	v.slope = r.Loss.Slope(p, y)
	slope := min(max(v.slope, -maxSlope), maxSlope)
	curvature := float64(weight * r.Loss.Bounded(p, y, slope))
	slope = float64(weight * slope)
	g.value += float64(weight * r.Loss.Value(p, y))
	for i, z := range x.Val {
		j := x.Column(i)
		d := float64(slope * z)
		g.slopes[j] += d
		g.curvatures[j] += float64(float64(curvature*z) * z)
		v.cells[v.stride*j+squaresCell] += float64(d * d)
	}
	if r.Intercept {
		last := len(g.weights)
		g.slopes[last] += slope
		g.curvatures[last] += curvature
		v.gradient += float64(slope * slope)
	}
	return p
}

// advance moves the weights by what n rows have summed up. Where they are worse than those before, it goes half the way
// back.
func (v *vector) advance(t *reference, k int, sum *vectorSum, n float64) {
	r, x := &t.s.rule, v.all()
	value := sum.value
	if r.Penalty {
		squares, _ := kernel.Row{}.Norms(v.gathered.weights)
		value += float64(r.Alpha / 2 * n * squares)
	}
	before, least := slices.Clone(x), value
	if g := v.gathered; g.known && value > g.least {
		before, least = g.before, g.least
		for j := range x {
			x[j] = (x[j] + before[j]) / 2
		}
		v.set(x)
		next := v.gathers()
		next.known, next.before, next.least = true, before, least
		return
	}
	o := t.whole(k)
	o.slopes(x)
	linearly, squarely := make([]float64, len(x)), make([]float64, len(x))
	for j := range x {
		linearly[j] = sum.weights[j] - o.gradient[j]
		squarely[j] = max(0, sum.pull[j]-o.diagonal[j])
	}
	v.set(o.minimise(x, linearly, squarely))
	next := v.gathers()
	next.known, next.before, next.least = true, before, least
}

// objective is the sample's, of vector k, or of every step-th row of it.
type objective struct {
	*start
	k, first, step int
	rows           linear.Rows
	// enough is asked after each of Newton's steps, and within them after 1, 2, 4, … products, whether that is the last;
	// or nil.
	enough func(x []float64, within bool) bool

	gradient, diagonal  []float64
	curvatures, product []float64
}

// whole is of all rows.
func (t *start) whole(k int) *objective {
	n := t.s.features + 1
	return &objective{start: t, k: k, step: 1, rows: linear.NewRows(t.c, t.s.Scaler, nil), gradient: make([]float64, n),
		diagonal: make([]float64, n), curvatures: make([]float64, t.c.Len()), product: make([]float64, n)}
}

// loss is the sum of the losses at x, and that of the rows' weights.
func (o *objective) loss(x []float64) (sum, weights float64) {
	last := len(x) - 1
	for i := o.first; i < o.c.Len(); i += o.step {
		y, weight := o.row(i, o.k)
		weights += weight
		sum += float64(weight * o.s.rule.Loss.Value(o.rows.At(i).Dot(x[:last])+x[last], y))
	}
	return float64(sum * float64(o.step)), float64(weights * float64(o.step))
}

// slopes makes gradient and diagonal those of the losses at x, and curvatures those of the rows.
func (o *objective) slopes(x []float64) {
	clear(o.gradient)
	clear(o.diagonal)
	r, last := &o.s.rule, len(x)-1
	for i := o.first; i < o.c.Len(); i += o.step {
		y, weight := o.row(i, o.k)
		weight *= float64(o.step)
		row := o.rows.At(i)
		p := row.Dot(x[:last]) + x[last]
		slope := min(max(r.Loss.Slope(p, y), -maxSlope), maxSlope)
		curvature := float64(weight * r.Loss.Bounded(p, y, slope))
		o.curvatures[i] = curvature
		row.Add(float64(weight*slope), o.gradient[:last])
		for e, z := range row.Val {
			o.diagonal[row.Column(e)] += float64(float64(curvature*z) * z)
		}
		if r.Intercept {
			o.gradient[last] += float64(weight * slope)
			o.diagonal[last] += curvature
		}
	}
}

// multiply makes product the second derivative of the losses times x.
func (o *objective) multiply(x []float64) {
	clear(o.product)
	last := len(x) - 1
	for i := o.first; i < o.c.Len(); i += o.step {
		row := o.rows.At(i)
		z := float64(o.curvatures[i] * (row.Dot(x[:last]) + x[last]))
		row.Add(z, o.product[:last])
		if o.s.rule.Intercept {
			o.product[last] += z
		}
	}
}

// Newton's steps end where one wins less than a share of nearEnough; a step's system is solved until its residual, by
// the diagonal, is a share of solvedEnough of the gradient.
const (
	mostNewtons  = 20
	mostProducts = 60
	nearEnough   = 1e-7
	solvedEnough = 1e-2
)

// minimise gives where the sample's objective is least with a linear function and squares of steps from x added, both
// of which may be nil: Newton's steps by conjugate gradients, preconditioned by the diagonal.
func (o *objective) minimise(x, linearly, squarely []float64) []float64 {
	n, r := len(x), &o.s.rule
	centre, penalty := slices.Clone(x), 0.0
	if r.Penalty {
		penalty = float64(r.Alpha * o.total)
	}
	x = slices.Clone(x)
	stiff := make([]float64, n) // the second derivative of what is added
	for j := range n - 1 {
		stiff[j] = penalty
	}
	value := func(x []float64) float64 {
		sum, _ := o.loss(x)
		for j, v := range x {
			if j < n-1 {
				sum += float64(penalty / 2 * float64(v*v))
			}
			if linearly != nil {
				d := v - centre[j]
				sum += float64(linearly[j]*v) + float64(squarely[j]/2*float64(d*d))
			}
		}
		return sum
	}
	for j := range squarely {
		stiff[j] += squarely[j]
	}
	best := value(x)
	next := make([]float64, n)
	for range mostNewtons {
		o.slopes(x)
		for j, v := range x {
			if j < n-1 {
				o.gradient[j] += float64(penalty * v)
			}
			if linearly != nil {
				o.gradient[j] += linearly[j] + float64(squarely[j]*(v-centre[j]))
			}
		}
		step, ended := o.solve(x, stiff)
		if ended {
			break
		}
		better, before := false, best
		for size, halvings := 1.0, 0; halvings < mostHalvings && !better; halvings, size = halvings+1, size/2 {
			for j := range next {
				next[j] = x[j] + float64(size*step[j])
			}
			if v := value(next); v < best {
				best, better = v, true
				copy(x, next)
			}
		}
		if o.enough != nil && o.enough(x, false) || !better || before-best < float64(nearEnough*math.Abs(before)) {
			break
		}
	}
	return x
}

// solve gives a step of Newton's from a point: the second derivative, with stiff on its diagonal, times the step is the
// gradient's opposite, about. It reports whether enough has ended it before.
func (o *objective) solve(from, stiff []float64) (step []float64, ended bool) {
	n := len(stiff)
	x, rest, search := make([]float64, n), make([]float64, n), make([]float64, n)
	scaled := func(j int) float64 {
		d := o.diagonal[j] + stiff[j]
		if !(d > 0) {
			return 0 // no row has the column
		}
		return rest[j] / d
	}
	norm := 0.0
	for j := range n {
		rest[j] = -o.gradient[j]
		search[j] = scaled(j)
		norm += float64(rest[j] * search[j])
	}
	for enough, products := float64(solvedEnough*solvedEnough*norm), 0; norm > enough &&
		products < mostProducts; products++ {
		o.multiply(search)
		curve := 0.0
		for j, v := range search {
			o.product[j] += float64(stiff[j] * v)
			curve += float64(v * o.product[j])
		}
		if !(curve > 0) {
			break
		}
		size, again := norm/curve, 0.0
		for j := range n {
			x[j] += float64(size * search[j])
			rest[j] -= float64(size * o.product[j])
			again += float64(rest[j] * scaled(j))
		}
		for j := range n {
			search[j] = scaled(j) + float64(again/norm*search[j])
		}
		norm = again
		if o.enough != nil && products&(products+1) == 0 && o.enough(plus(from, x), true) {
			return x, true
		}
	}
	return x, false
}

func plus(a, b []float64) []float64 {
	sum := slices.Clone(a)
	for j, v := range b {
		sum[j] += v
	}
	return sum
}

// gatheredState is what there is of a vector between epochs.
type gatheredState struct {
	Before jsontext.BitFloats `json:"before,omitempty"`
	Least  float64            `json:"least,omitempty"`
}

// referenceState is the JSON of a reference.
type referenceState struct {
	Rows    float64            `json:"rows"`
	Offsets []int              `json:"offsets"`
	Indices []int32            `json:"indices"`
	Values  jsontext.BitFloats `json:"values"`
	Weights jsontext.BitFloats `json:"weights"`
	Target  jsontext.BitFloats `json:"target,omitempty"`
	Places  []int32            `json:"places,omitempty"`
	Classes jsontext.BitFloats `json:"classes,omitempty"`
	Vectors []gatheredState    `json:"vectors"`
}

func (s *SGD) referenceState() *referenceState {
	t := s.reference
	if t == nil {
		return nil
	}
	st := &referenceState{Rows: t.total, Offsets: t.c.Sparse.Offsets, Indices: t.c.Sparse.Indices,
		Values: t.c.Sparse.Values, Weights: t.c.Weights, Places: t.places, Classes: t.classes}
	if t.places == nil {
		st.Target = t.c.Target
	}
	for _, v := range s.vectors {
		g := gatheredState{}
		if v.gathered.known {
			g = gatheredState{v.gathered.before, v.gathered.least}
		}
		st.Vectors = append(st.Vectors, g)
	}
	return st
}

// refer takes a reference over that has been read.
func (s *SGD) refer(st *referenceState) error {
	c := &linear.Chunk{Features: s.features, Target: st.Target, Weights: st.Weights,
		Sparse: &linear.CSR{Offsets: st.Offsets, Indices: st.Indices, Values: st.Values}}
	if err := c.CheckRows(s.features); err != nil {
		return err
	}
	n, classes := c.Len(), s.classes.Len()
	wrong := func(v float64) bool { return !(v >= 0) || math.IsInf(v, 1) }
	switch {
	case s.columns == nil || s.options.Task == linear.OneClass || !s.options.Loss.Curves():
		return errors.New("a sample for steps that have none")
	case len(c.Sparse.Values) > SurrogateEntries || n > SurrogateRows || n == 0 ||
		len(s.vectors)*(s.features+1) > mostSurrogateSums:
		return fmt.Errorf("a sample of %d rows, %d entries", n, len(c.Sparse.Values))
	case len(st.Weights) != n || slices.ContainsFunc(st.Weights, wrong) || wrong(st.Rows):
		return errors.New("weights that do not fit a sample")
	case len(st.Classes) != classes || slices.ContainsFunc(st.Classes, wrong) || (st.Places == nil) != (classes == 0) ||
		st.Places != nil && len(st.Places) != n || st.Places == nil && len(st.Target) != n ||
		len(st.Vectors) != len(s.vectors):
		return errors.New("targets that do not fit a sample")
	case slices.ContainsFunc(st.Places, func(k int32) bool { return k < 0 || int(k) >= classes }):
		return errors.New("classes that a sample's rows cannot have")
	}
	s.reference = &reference{start{s: s, c: c, total: st.Rows, weights: st.Weights, places: st.Places,
		classes: st.Classes}}
	for i, v := range s.vectors {
		v.gathers()
		if g := st.Vectors[i]; g.Before != nil {
			if len(g.Before) != s.features+1 || g.Least-g.Least != 0 {
				return errors.New("weights before that do not fit")
			}
			v.gathered.known, v.gathered.before, v.gathered.least = true, g.Before, g.Least
		}
	}
	return nil
}
