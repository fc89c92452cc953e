package newton

import (
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/internal/panel"
)

// This file is what an Optimizer does otherwise where the classes share one softmax (linear.Multinomial): all weight
// vectors are one problem, and a point is those of all classes, one after the other.
//
// With decision values d of a row of class y and p = softmax(d), the loss is log Σexp(d) − d[y], its slope by d[k] is
// p[k] − [k = y], and its second derivative by d[k] and d[l] is p[k]·([k = l] − p[l]), so that those by the weights
// are K·K symmetric blocks, of which Σ w·p[k]·p[l]·xxᵀ of k < l tell all: each row of blocks sums to zero.
//
// What is added to the weights of a column in every vector changes no probability. So a point's weights sum to zero
// over the classes, as those of LogisticRegression do: the penalty wants it of coefficients, and intercepts, which
// cost nothing, are kept to it by steps that sum to zero (see centre). With l1 the penalty wants the middle ones of a
// column's coefficients to be zero.

// pairs calls f for each two classes, k < l, with the place of their block.
func (o *Optimizer) pairs(f func(at, k, l int)) {
	at := 0
	for k := range o.vectors {
		for l := k + 1; l < o.vectors; l++ {
			f(at, k, l)
			at++
		}
	}
}

// triangle is the block of second derivatives at a place.
func (o *Optimizer) triangle(second []float64, at int) panel.Triangle {
	n := o.width() * (o.width() + 1) / 2
	return panel.Triangle(second[at*n : (at+1)*n])
}

// centre takes from the weights of each column their mean over the classes.
func (o *Optimizer) centre(point []float64) {
	if o.vectors == 1 {
		return
	}
	w, first := o.width(), 0
	if o.l1() > 0 { // coefficients that are equal in all classes cost something then
		first = o.features
	}
	for j := first; j < w; j++ {
		sum := 0.0
		for k := range o.vectors {
			sum += point[k*w+j]
		}
		for k := range o.vectors {
			point[k*w+j] -= sum / float64(o.vectors)
		}
	}
}

// softmaxSecond is the matrix of second derivatives of the first d numbers of each weight vector, which are all but the
// intercept or all.
func (o *Optimizer) softmaxSecond(second []float64, d int, n float64) []float64 {
	w, size := o.width(), o.vectors*d
	a := make([]float64, size*size)
	block := func(k, l int) []float64 { return a[k*d*size+l*d:] }
	o.pairs(func(at, k, l int) {
		t := o.triangle(second, at)
		for i := range d {
			for j, v := range t.Row(i, w)[:d-i] {
				v /= n
				for _, of := range [2][2]int{{k, l}, {l, k}} {
					off, own := block(of[0], of[1]), block(of[0], of[0])
					off[i*size+i+j] -= v
					own[i*size+i+j] += v
					if j > 0 {
						off[(i+j)*size+i] -= v
						own[(i+j)*size+i] += v
					}
				}
			}
		}
	})
	return a
}

// softmaxStep is Newton's. The matrix has no inverse as it stands, as weights that are equal in all classes change
// nothing; with their direction added, of the size of the diagonal, it has one, and steps that sum to zero over the
// classes are as they were.
func (o *Optimizer) softmaxStep(second, g []float64, n float64) []float64 {
	d, w, classes := o.features, o.width(), o.vectors
	if *o.options.FitIntercept {
		d = w
	}
	size := classes * d
	a := o.softmaxSecond(second, d, n)
	for j := range d {
		mean := 0.0
		for k := range classes {
			at := (k*d+j)*size + k*d + j
			if j < o.features {
				a[at] += o.alpha()
			}
			mean += a[at] / float64(classes)
		}
		for k := range classes {
			for l := range classes {
				a[(k*d+j)*size+l*d+j] += mean / float64(classes)
			}
		}
	}
	b := make([]float64, 0, size)
	for k := range classes {
		b = append(b, g[k*w:k*w+d]...)
	}
	kernel.Scale(-1, b)
	x := dense.DampedSolve(a, size, b)
	dir := make([]float64, o.size())
	for k := range classes {
		copy(dir[k*w:], x[k*d:(k+1)*d])
	}
	o.centre(dir)
	return dir
}

// approximateSoftmax eliminates the intercepts of all classes. Their second derivatives have no inverse, as intercepts
// that are equal in all classes change nothing; with that direction added they have one, and sums of zero stay as they
// were.
func (o *Optimizer) approximateSoftmax(second, base, g []float64, n float64) approximation {
	d, w, classes := o.features, o.width(), o.vectors
	size := classes * d
	slopes := slices.Concat(o.coefs(g)...) // of the losses
	kernel.Add(-o.alpha(), slices.Concat(o.coefs(base)...), slopes)
	if !*o.options.FitIntercept {
		return approximation{o.softmaxSecond(second, d, n), slopes,
			func([]float64) []float64 { return make([]float64, classes) }}
	}
	a := o.softmaxSecond(second, w, n)
	all := classes * w
	h, mixed, own := make([]float64, size*size), make([]float64, classes*size), make([]float64, classes*classes)
	intercept := make([]float64, classes) // slopes of the intercepts
	mean := 0.0
	for k := range classes {
		last := a[(k*w+d)*all:]
		for l := range classes {
			copy(mixed[k*size+l*d:], last[l*w:l*w+d])
			own[k*classes+l] = last[l*w+d]
			for j := range d {
				copy(h[(k*d+j)*size+l*d:], a[(k*w+j)*all+l*w:][:d])
			}
		}
		mean += own[k*classes+k] / float64(classes)
		intercept[k] = g[k*w+d]
	}
	for i := range own {
		own[i] += mean / float64(classes)
	}
	factor := dense.Damped(own, classes)
	column := make([]float64, classes)
	for j := range size {
		for k := range classes {
			column[k] = mixed[k*size+j]
		}
		for k, v := range factor.Solve(column) {
			if v != 0 {
				kernel.Add(-v, mixed[k*size:(k+1)*size], h[j*size:(j+1)*size])
			}
		}
	}
	for k, v := range factor.Solve(intercept) {
		kernel.Add(-v, mixed[k*size:(k+1)*size], slopes)
	}
	return approximation{h, slopes, func(step []float64) []float64 {
		b := slices.Clone(intercept)
		for k := range b {
			b[k] += kernel.Dot(mixed[k*size:(k+1)*size], step)
		}
		b = factor.Solve(b)
		kernel.Scale(-1, b)
		return b
	}}
}

const (
	// maxSoftmaxWork is how many products a pass may sum up for second derivatives: half a minute of a core or so.
	maxSoftmaxWork = 1e11
	// lightPromise is the promise, of the objective, at which L-BFGS ends in the place of Newton's method.
	lightPromise = 1e-19
)

// light reports whether there are so many rows that L-BFGS takes the place of Newton's method.
func (o *Optimizer) light() bool {
	if o.vectors == 1 || o.passes == 0 || o.l1() > 0 || !Fits(linear.Multinomial, o.features, o.vectors) {
		return false
	}
	pairs := float64(o.vectors) * float64(o.vectors-1) / 2
	return float64(o.rows)*pairs*float64(o.width())*float64(o.width())/2 > o.work
}

// lighten is for after the first pass, when the rows are known.
func (o *Optimizer) lighten() {
	if o.light() {
		o.newton = false
	}
}

// grams reports whether steps of L-BFGS go by a [softmaxMetric], and not by a diagonal.
func (o *Optimizer) grams() bool { return o.vectors > 1 && o.features <= maxNewtonFeatures }

// softmaxSeconds is what a pass sums up for the steps of L-BFGS: of each class Σw·p(1−p); and then, of each column,
// Σw·x², or, of all columns, Σw(1−Σp²)·xxᵀ over some of the rows, a few times.
func (o *Optimizer) softmaxSeconds() int {
	if !o.grams() {
		return o.vectors + o.features
	}
	return o.scalingSize()
}

// scalingSize is how many numbers a state holds of what steps of L-BFGS go by.
func (o *Optimizer) scalingSize() int {
	if o.grams() {
		return o.vectors + o.width()*(o.width()+1)/2
	}
	return o.size()
}

// softmaxMetric is about the second derivatives, as if a row's probabilities had nothing to do with its columns, but
// for how much they leave open: of each class its mean p(1−p), times the products of the columns, rows weighing by
// 1−Σp². (The approximation by Kronecker factors of Martens and Grosse, ICML 2015, without the products of different
// classes.) The penalty is counted at the classes' mean, so that they share a factor.
type softmaxMetric struct {
	width, n int
	factor   *dense.Factor
	scale    []float64 // of each class: its mean p(1−p), divided by the mean of all
}

// softmaxScaling is the metric of a problem, which is made where it was summed up first; nil where there is none.
func (o *Optimizer) softmaxScaling(p *optimum, second []float64, n float64) scaling {
	if !o.grams() {
		return nil
	}
	if p.Diagonal == nil {
		p.Diagonal, o.metric = second, nil
		kernel.Scale(1/n, p.Diagonal)
	}
	if o.metric == nil {
		o.metric = o.makeMetric(p.Diagonal)
	}
	return o.metric
}

func (o *Optimizer) makeMetric(sums []float64) *softmaxMetric {
	m := &softmaxMetric{width: o.width(), n: o.features, scale: make([]float64, o.vectors)}
	if *o.options.FitIntercept {
		m.n = m.width
	}
	a, open, mean := panel.Triangle(sums[o.vectors:]).Full(m.n, m.width), sums[len(sums)-1], 0.0
	for _, v := range sums[:o.vectors] {
		mean += v / float64(o.vectors)
	}
	if open > 0 {
		kernel.Scale(mean/open, a)
	}
	for j := range o.features {
		a[j*m.n+j] += o.alpha()
	}
	m.factor = dense.Damped(a, m.n)
	for k, v := range sums[:o.vectors] {
		if m.scale[k] = 1; mean > 0 {
			m.scale[k] = max(v/mean, 1e-6)
		}
	}
	return m
}

func (m *softmaxMetric) solve(x []float64) []float64 {
	y := make([]float64, len(x))
	for k, scale := range m.scale {
		own := y[k*m.width:][:m.n]
		copy(own, m.factor.Solve(x[k*m.width:][:m.n]))
		kernel.Scale(1/scale, own)
	}
	return y
}

func (m *softmaxMetric) squares(y []float64) float64 { return kernel.Dot(y, m.solve(y)) }

func (m *softmaxMetric) divide(dir []float64, factor float64) {
	copy(dir, m.solve(dir))
	kernel.Scale(factor, dir)
}

// softmaxDiagonal is about that of the second derivatives, as if the probabilities and the columns had nothing to do
// with each other: exact where all probabilities are equal, as they are at zero.
func (o *Optimizer) softmaxDiagonal(second []float64, n float64) []float64 {
	d := make([]float64, o.size())
	for k, spread := range second[:o.vectors] {
		own := d[k*o.width():][:o.width()]
		for j, square := range second[o.vectors:] {
			own[j] = spread / n * (square / n)
		}
		own[o.features] = spread / n
	}
	return d
}

// softmaxRows is the sums of single rows, in lanes: one for each class.
type softmaxRows struct {
	padded           int
	w, dir, gradient []float64 // feature-major, and last the intercepts
	at, along, slope []float64
	tried, room      []float64
}

// rows begins the sums of single rows.
func (d *derivatives) rows(o *Optimizer) *softmaxRows {
	if d.lanes != nil {
		return d.lanes
	}
	l := &softmaxRows{padded: lanes.Padded(o.vectors), tried: make([]float64, o.vectors)}
	l.room = lanes.Make(l.padded)
	major := func(point []float64) []float64 {
		w := lanes.Make(o.width() * l.padded)
		for k := range o.vectors {
			for j, v := range point[k*o.width():][:o.width()] {
				w[j*l.padded+k] = v
			}
		}
		return w
	}
	l.w, l.gradient = major(d.point), lanes.Make(o.width()*l.padded)
	if d.along {
		l.dir = major(d.dir)
	}
	l.at, l.along, l.slope = lanes.Make(l.padded), lanes.Make(l.padded), lanes.Make(l.padded)
	d.lanes = l
	return l
}

// seal adds the sums of single rows to the others.
func (d *derivatives) seal(o *Optimizer) {
	if d == nil || d.lanes == nil {
		return
	}
	for k := range o.vectors {
		own := d.gradient[k*o.width():][:o.width()]
		for j := range own {
			own[j] += d.lanes.gradient[j*d.lanes.padded+k]
		}
	}
	d.lanes = nil
}

// dot makes dst the decision values of a row at the point w.
func (l *softmaxRows) dot(x kernel.Row, w, dst []float64) {
	if x.Idx == nil {
		lanes.Best().Dot(x.Val, w, l.padded, dst)
	} else {
		lanes.Best().DotSparse(x.Idx, x.Val, w, l.padded, dst)
	}
	addTo(dst, w[len(w)-l.padded:])
}

// addSoftmaxRow adds row i of a chunk to the sums.
func (s *optimizerSum) addSoftmaxRow(d *derivatives, x kernel.Row, i int, place int32, weight float64) {
	o, l := s.learner, d.rows(s.learner)
	weight *= s.weights[place]
	p, slope := l.at[:o.vectors], l.slope[:o.vectors]
	l.dot(x, l.w, l.at)
	if d.along {
		l.dot(x, l.dir, l.along)
		d.shorten(p, l.along, l.tried, l.room, int(place), weight)
	}
	d.loss += softmaxSlopes(p, slope, l.room, int(place), weight)
	if x.Idx == nil {
		lanes.Best().Add(x.Val, l.slope, l.gradient, l.padded)
	} else {
		lanes.Best().AddSparse(x.Idx, x.Val, l.slope, l.gradient, l.padded)
	}
	addTo(l.gradient[len(l.gradient)-l.padded:], l.slope)
	switch {
	case len(d.second) == 0:
	case o.grams() && !o.newton:
		open := d.addSpreads(p, weight)
		if !s.grams(uint64(s.first) + uint64(i)) {
			return
		}
		if x.Idx == nil {
			s.open, s.grammed = append(s.open, open), append(s.grammed, int32(i))
			return
		}
		s.idx, s.val = append(append(s.idx[:0], x.Idx...), int32(o.features)), append(append(s.val[:0], x.Val...), 1)
		panel.AddProducts(d.second[o.vectors:], s.width, open, s.idx, s.val)
	case o.newton:
		s.idx, s.val = append(append(s.idx[:0], x.Idx...), int32(o.features)), append(append(s.val[:0], x.Val...), 1)
		o.pairs(func(at, k, m int) {
			if f := weight * p[k] * p[m]; f != 0 {
				panel.AddProducts(o.triangle(d.second, at), s.width, f, s.idx, s.val)
			}
		})
	default:
		d.addSpreads(p, weight)
		squares := d.second[o.vectors:]
		for e, v := range x.Val {
			squares[x.Column(e)] += float64(weight * float64(v*v))
		}
	}
}

// gramRows is how many rows for each column the products of the columns are summed up of, where there are more.
const gramRows = 8

// grams reports whether a row is among these.
func (s *optimizerSum) grams(number uint64) bool {
	o := s.learner
	every := uint64(o.rows / (gramRows * int64(o.width())))
	return every < 2 || splitmix.Mix(number)%every == 0
}

// addGram adds the products of the columns of the dense rows that are among these, each as much as its probabilities
// leave open.
func (s *optimizerSum) addGram(d *derivatives, c *linear.Chunk, places []int32) {
	o, b, last, rows := s.learner, s.room(), s.width-1, s.grammed
	t, four := panel.Triangle(d.second[o.vectors:]), make([]float64, 4*b.X.Rows)
	if b.z == nil {
		b.z = panel.NewPanels(o.features, b.X.Rows)
	}
	for at := 0; at < len(rows); {
		from := at
		var m int
		m, at = b.Pack(c, places, at, len(rows), func(at int) int { return int(rows[at]) }, o.options.Task)
		open := s.open[from:at]
		for r, v := range open {
			four[4*r] = v
			t[len(t)-1] += v
		}
		for g := range b.X.Groups() { // the column of the intercept
			products := b.X.Pairs(four, g, m)
			for j := 4 * g; j < min(4*g+4, last); j++ {
				t.Row(j, s.width)[last-j] += products[j-4*g]
			}
		}
		b.z.Weigh(b.X, open, m)
		t.Syrk(s.width, b.z, b.X, m)
	}
}

// shorten adds the losses of a row at the shorter steps. With the whole step its decision values are at, of which
// step is the step's; tried is as long.
func (d *derivatives) shorten(at, step, tried, room []float64, place int, weight float64) {
	for i, t := range lengths {
		for k, v := range at {
			tried[k] = v - float64((1-t)*step[k])
		}
		d.shorter[i] += float64(weight * loss.SoftmaxValue(tried, place, room))
	}
}

// softmaxSlopes makes of a row's decision values its probabilities and slopes, and gives its loss, both times its
// weight.
func softmaxSlopes(p, slope, room []float64, place int, weight float64) float64 {
	value, others := loss.Softmax(p, place, room)
	for k, v := range p {
		slope[k] = weight * v
	}
	slope[place] = -weight * others
	return float64(weight * value)
}

// softmaxBlock is the room for the sums of a block.
type softmaxBlock struct {
	at, along      []float64 // of each class, a value for each row
	p, slope       []float64 // of each row, a value for each class
	step, tried    []float64 // of one row
	room           []float64 // likewise, padded
	four           []float64 // of four classes, or pairs of them, a value for each row
	weights, curve []float64 // of each row
}

func newSoftmaxBlock(classes, rows int) *softmaxBlock {
	b := &softmaxBlock{}
	for _, v := range []*[]float64{&b.at, &b.along, &b.p, &b.slope} {
		*v = make([]float64, classes*rows)
	}
	b.step, b.tried, b.four = make([]float64, classes), make([]float64, classes), make([]float64, 4*rows)
	b.room = lanes.Make(lanes.Padded(classes))
	b.weights, b.curve = make([]float64, rows), make([]float64, rows)
	return b
}

// addSoftmaxBlock adds the first n rows of b to the sums.
func (s *optimizerSum) addSoftmaxBlock(d *derivatives, b *optimizerBlock, n int) {
	o, last := s.learner, s.width-1
	if b.softmax == nil {
		b.softmax = newSoftmaxBlock(o.vectors, b.X.Rows)
	}
	m, rows := b.softmax, b.X.Rows
	for k := range o.vectors {
		b.X.Dots(m.at[k*rows:][:n], d.point[k*s.width:][:last])
		if d.along {
			b.X.Dots(m.along[k*rows:][:n], d.dir[k*s.width:][:last])
		}
	}
	sum := 0.0
	for r := range n {
		place := int(b.Places[r])
		weight := b.Weights[r] * s.weights[place]
		p, slope := m.p[r*o.vectors:][:o.vectors], m.slope[r*o.vectors:][:o.vectors]
		for k := range p {
			p[k] = m.at[k*rows+r] + d.point[k*s.width+last]
		}
		if d.along {
			for k := range m.step {
				m.step[k] = m.along[k*rows+r] + d.dir[k*s.width+last]
			}
			d.shorten(p, m.step, m.tried, m.room, place, weight)
		}
		sum += softmaxSlopes(p, slope, m.room, place, weight)
		m.weights[r] = weight
	}
	d.loss += sum
	s.softmaxGradient(d, b, n)
	if d.second != nil {
		s.softmaxCurvature(d, b, n)
	}
}

// softmaxGradient adds the gradients of n rows, four classes at a time.
func (s *optimizerSum) softmaxGradient(d *derivatives, b *optimizerBlock, n int) {
	m, classes, last := b.softmax, s.learner.vectors, s.width-1
	for first := 0; first < classes; first += 4 {
		many := min(4, classes-first)
		clear(m.four)
		for r := range n {
			copy(m.four[4*r:], m.slope[r*classes+first:][:many])
		}
		for i := range many {
			sum := 0.0
			for r := range n {
				sum += m.four[4*r+i]
			}
			d.gradient[(first+i)*s.width+last] += sum
		}
		for g := range b.X.Groups() {
			t := b.X.Pairs(m.four, g, n)
			for i := range many {
				for j := 4 * g; j < min(4*g+4, last); j++ {
					d.gradient[(first+i)*s.width+j] += t[4*i+j-4*g]
				}
			}
		}
	}
}

// softmaxCurvature adds the second derivatives of n rows, pair by pair of classes.
func (s *optimizerSum) softmaxCurvature(d *derivatives, b *optimizerBlock, n int) {
	o, m, last := s.learner, b.softmax, s.width-1
	o.pairs(func(at, k, l int) {
		t, sum := o.triangle(d.second, at), 0.0
		for r := range n {
			p := m.p[r*o.vectors:]
			v := float64(m.weights[r] * p[k] * p[l])
			m.curve[r], m.four[4*r] = v, v
			sum += v
		}
		t[len(t)-1] += sum
		for g := range b.X.Groups() { // the column of the intercept
			products := b.X.Pairs(m.four, g, n)
			for j := 4 * g; j < min(4*g+4, last); j++ {
				t.Row(j, s.width)[last-j] += products[j-4*g]
			}
		}
		b.z.Weigh(b.X, m.curve, n)
		t.Syrk(s.width, b.z, b.X, n)
	})
}
