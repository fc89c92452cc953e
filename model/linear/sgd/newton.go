package sgd

import (
	"math"
	"slices"

	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/dense"
	"beamlearn/model/linear/internal/loss"
	"beamlearn/model/linear/internal/panel"
	"beamlearn/model/linear/internal/steps"
)

// The steps of [linear.Newton]: each row adds its loss to a quadratic function, by the slope and the curvature at its
// prediction, and from time to time the weights become the least of what has been added and of the penalty (Rodomanov
// and Kropotov, A Superlinearly-Convergent Proximal Newton-type Method for the Optimization of Finite Sums, ICML 2016;
// Bercu, Godichon and Portier, SIAM J. Control Optim. 58, 2020, have it for a single pass). The quadratic functions of
// parts of the rows add up, so that many parts lose little. Curvatures are those of [loss.Func.Bounded].
//
// In the first epoch what early rows have added loses weight, as their predictions were far off: the sum over i rows
// weighs each as if it were √(its number/i). In a later one the weights stay until its end, when they become the least
// of all rows' sum: a step of Newton's, for which neither order nor parts matter. So it is in the first one, too, after
// [SGD.Start]; where rows end before all have been learned from, what was known before stands for the others.

// mostCurves is how many numbers the second derivatives of all weight vectors may be, and mostCurvedFeatures up to how
// many columns a sample has so many rows for each that its optimum is near that of all, see [StartRows].
const (
	mostCurves         = 1 << 18
	mostCurvedFeatures = 500
)

// Curves reports whether rows of so many features can be learned from by [linear.Newton], whose second derivatives are
// O(features²) for each weight vector, and each row.
func Curves(features, vectors int) bool {
	return features <= mostCurvedFeatures && vectors*(features+1)*(features+2)/2 <= mostCurves
}

// firstRows is how many rows there are at least between two solutions, and solutions the inverse of the share of rows
// that are new in the next.
const (
	firstRows = 64
	solutions = 16
)

// quadratic is a sum over rows: x'second·x/2 − pull·x, with the intercept as the last place of x.
type quadratic struct {
	rows   float64
	part   float64 // of an epoch that is over: its rows
	second panel.Triangle
	pull   []float64
}

func newQuadratic(features int) *quadratic {
	return &quadratic{second: panel.NewTriangle(features + 1), pull: make([]float64, features+1)}
}

// add adds s times q, which may be nil.
func (t *quadratic) add(s float64, q *quadratic) {
	if q == nil || s == 0 {
		return
	}
	t.rows += float64(s * q.rows)
	kernel.Add(s, q.second, t.second)
	kernel.Add(s, q.pull, t.pull)
}

func (t *quadratic) scale(s float64) {
	t.rows *= s
	kernel.Scale(s, t.second)
	kernel.Scale(s, t.pull)
}

// clone is a copy, of targets of the other sign where negated.
func (t *quadratic) clone(negated bool) *quadratic {
	if t == nil {
		return nil
	}
	c := &quadratic{rows: t.rows, second: slices.Clone(t.second), pull: slices.Clone(t.pull)}
	if negated {
		kernel.Scale(-1, c.pull)
	}
	return c
}

func (t *quadratic) fields(c *wire.Codec) {
	c.Float(&t.rows)
	c.Check(t.rows >= 0, "rows that are not negative")
	c.Finite(t.second, t.pull)
}

// curved is what a weight vector has of quadratic functions.
type curved struct {
	before *quadratic // of earlier trainings, or nil; never written to
	past   *quadratic // of the epoch before, or nil; never written to
	now    *quadratic // of this epoch, whose rows are weighed
	rows   float64    // of this epoch
	since  float64    // the last solution

	pulls, curvatures []float64 // of the rows of the block,
	at                int       // so many
}

// rowBlock is the rows of all weight vectors that are not in their quadratic functions yet.
type rowBlock struct {
	x, z  *panel.Panels
	n     int
	pairs []float64
}

func newRowBlock(features int) *rowBlock {
	return &rowBlock{x: panel.NewPanels(features, firstRows), z: panel.NewPanels(features, firstRows),
		pairs: make([]float64, 4*firstRows)}
}

func (b *rowBlock) clone() *rowBlock {
	c := newRowBlock(b.x.Columns())
	c.n = b.n
	c.x.Copy(b.x)
	return c
}

func newCurved(features int) *curved {
	return &curved{now: newQuadratic(features), pulls: make([]float64, firstRows), curvatures: make([]float64, firstRows)}
}

func (k *curved) clone(negated bool) *curved {
	if k == nil {
		return nil
	}
	c := *k
	c.now, c.pulls, c.curvatures = k.now.clone(negated), slices.Clone(k.pulls), slices.Clone(k.curvatures)
	if negated {
		c.before, c.past = k.before.clone(true), k.past.clone(true)
		kernel.Scale(-1, c.pulls)
	}
	return &c
}

// bend is step by Newton's, of the next row of the block.
func (v *vector) bend(r *steps.Rule, x kernel.Row, y, weight float64) float64 {
	p := x.Dot(v.w) + v.intercept
	if r.Track {
		v.track(r, p, y)
	}
	v.slope = r.Loss.Slope(p, y)
	slope := min(max(v.slope, -maxSlope), maxSlope)
	curvature := float64(weight * r.Loss.Bounded(p, y, slope))
	k := v.curved
	k.curvatures[k.at], k.pulls[k.at] = curvature, float64(curvature*p)-float64(weight*slope)
	k.at++
	return p
}

// pack makes a row that all vectors have learned from the block's next.
func (s *SGD) pack(x kernel.Row) {
	b := s.block
	b.x.PackRow(b.n, x)
	if b.n++; b.n < firstRows {
		return
	}
	s.flush()
	for _, v := range s.all() {
		if k := v.curved; !v.progress.done && k.early() && k.since >= max(firstRows, math.Floor(k.rows/solutions)) {
			v.solve(&s.rule, false)
		}
	}
}

// flush adds the rows of the block to the quadratic functions.
func (s *SGD) flush() {
	b := s.block
	if b == nil || b.n == 0 {
		return
	}
	for _, v := range s.all() {
		if !v.progress.done {
			v.curved.take(b, s.features, s.rule.Loss.Kind != loss.SquaredError)
		}
	}
	b.n = 0
}

// take adds the rows of a block. Where the loss is no parabola itself, those before fade.
func (k *curved) take(b *rowBlock, features int, fade bool) {
	width, last, n := features+1, features, b.n
	k.at = 0
	if fade && k.since == 0 && k.rows > 0 && k.past == nil {
		k.now.scale(math.Sqrt(k.rows / (k.rows + max(firstRows, math.Floor(k.rows/solutions)))))
	}
	q := k.now
	q.rows += float64(n)
	k.rows += float64(n)
	k.since += float64(n)
	var pulls, curvatures float64
	for r := range n {
		b.pairs[4*r], b.pairs[4*r+1] = k.pulls[r], k.curvatures[r]
		pulls += k.pulls[r]
		curvatures += k.curvatures[r]
	}
	for g := range b.x.Groups() {
		t := b.x.Pairs(b.pairs, g, n)
		for j := 4 * g; j < min(4*g+4, last); j++ {
			q.pull[j] += t[j-4*g]
			q.second.Row(j, width)[last-j] += t[4+j-4*g]
		}
	}
	q.pull[last] += pulls
	q.second[len(q.second)-1] += curvatures
	b.z.Weigh(b.x, k.curvatures, n)
	q.second.Syrk(width, b.z, b.x, n)
}

// early reports whether the weights are to be solved for before the end of an epoch: where nothing is known that stands
// for all rows. Else all rows meet the same weights, and the epoch is a step of Newton's, whatever their order.
func (k *curved) early() bool { return k.past == nil }

// left is by how much what the epoch before has still counts: the share of all rows that this part has not had.
func (k *curved) left() float64 {
	if k.past == nil || k.past.rows == 0 {
		return 0
	}
	return max(0, k.past.part-k.rows) / k.past.rows
}

// whole is the sum of all, with the share of the epoch before that is left.
func (k *curved) whole(left float64) *quadratic {
	t := k.now.clone(false)
	t.add(1, k.before)
	t.add(left, k.past)
	return t
}

// least is where the sum and the penalty of its rows are least, the intercept at the end where there is one:
// O(features³/6).
func (t *quadratic) least(r *steps.Rule) []float64 {
	width := len(t.pull)
	size := width
	if !r.Intercept {
		size--
	}
	a := t.second.Full(size, width)
	if r.Penalty {
		for j := range width - 1 {
			a[j*size+j] += float64(r.Alpha * t.rows)
		}
	}
	return dense.DampedSolve(a, size, t.pull[:size])
}

// solve moves the weights to the least of the sum so far, or at the end of an epoch.
// Weights that overflow show in the intercept.
func (v *vector) solve(r *steps.Rule, end bool) {
	k, n := v.curved, len(v.w)
	k.since = 0
	left := 0.0
	if !end {
		left = k.left()
	}
	t := k.whole(left)
	if t.rows == 0 {
		return
	}
	x := t.least(r)
	if r.Intercept {
		v.intercept = x[n]
	}
	copy(v.w, x)
	if v.known = false; r.Track {
		v.squares, v.absolutes = kernel.Row{}.Norms(v.w)
	}
	for _, w := range v.w {
		v.intercept += w - w
	}
}

// level weighs all rows of the epoch alike in sum: the quadratic function is of as many as there were.
func (k *curved) level() {
	if k.now.rows > 0 && k.now.rows != k.rows {
		k.now.scale(k.rows / k.now.rows)
		k.now.rows = k.rows
	}
}

// settleCurves brings weights to the least of the rows so far.
func (s *SGD) settleCurves() {
	s.flush()
	for _, v := range s.all() {
		if v.progress.done {
			continue
		}
		v.curved.level()
		if v.curved.since > 0 {
			v.solve(&s.rule, false)
		}
	}
}

// endCurves ends an epoch.
func (s *SGD) endCurves() {
	s.flush()
	for _, v := range s.all() {
		k := v.curved
		if v.progress.done || k.rows == 0 {
			continue
		}
		k.level()
		v.solve(&s.rule, true)
		if k.now.part == 0 {
			k.now.part = k.rows
		}
		k.past, k.now, k.rows = k.now, newQuadratic(s.features), 0
	}
}

// carry makes what has been learned that of earlier trainings, which rows to come are added to; between epochs.
func (k *curved) carry() {
	if k.past == nil {
		return
	}
	k.before, k.past = k.whole(1), nil
}

func curveState(q *quadratic) *linear.QuadraticState {
	if q == nil {
		return nil
	}
	return &linear.QuadraticState{Rows: q.rows, Part: q.part, Second: jsontext.Floats(slices.Clone(q.second)),
		Pull: slices.Clone(q.pull)}
}

func quadraticOf(s *linear.QuadraticState) *quadratic {
	if s == nil {
		return nil
	}
	return &quadratic{rows: s.Rows, part: s.Part, second: panel.Triangle(slices.Clone(s.Second)),
		pull: slices.Clone(s.Pull)}
}
