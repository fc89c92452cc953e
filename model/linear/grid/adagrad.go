package grid

import (
	"errors"
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/steps"
)

// adaptive is what AdaGrad has beside the weights. The models of a set learn from the same rows, and share what is
// known of the columns.
type adaptive struct {
	gradients, pull          []float64 // by column and lane, as the weights are; see sgd.Averaged
	gradient, pullOfGradient []float64 // of the intercepts
	largest                  []float64 // of set s and column j at s·features + j
	scaled                   []float64 // of each set
}

func newAdaptive(s *gridShape) *adaptive {
	n := s.features * s.padded
	return &adaptive{
		gradients: lanes.Make(n), pull: lanes.Make(n), gradient: make([]float64, s.padded),
		pullOfGradient: make([]float64, s.padded),
		largest:        make([]float64, s.sets*s.features), scaled: make([]float64, s.sets),
	}
}

// Begin sets the intercept that the first row meets, as sgd.SGD has it; before the first Partial.
func (g *Grid) Begin(intercept float64) {
	if g.options.Options.Task != linear.Regression || !g.rules[0].Intercept {
		return
	}
	fill(g.sums.intercept[:g.shape.lanes], intercept)
}

// beginAdaptive is what a part begins with.
func (p *gridPart) beginAdaptive() {
	g, s := p.g, &p.g.shape
	from, to := g.sums.adaptive, p.adaptive
	copy(to.gradients, from.gradients)
	copy(to.gradient, from.gradient)
	copy(to.scaled, from.scaled)
	copy(p.intercept, g.sums.intercept)
	copy(p.meanIntercept, g.sums.meanIntercept)
	for set := range s.sets {
		c := steps.NewColumns(s.features)
		c.SetLargest(from.largest[set*s.features : (set+1)*s.features])
		c.Settled(g.t[set])
		c.Resume(&g.rules[0], from.scaled[set], g.t[set])
		p.columns = append(p.columns, c)
	}
}

// weightsOf are the weights of a lane.
func (p *gridPart) weightsOf(lane int) steps.Weights {
	a := steps.Weights{W: p.w[lane:], Squares: p.adaptive.gradients[lane:], Stride: p.g.shape.padded}
	if p.g.shape.mean {
		a.Mean = p.mean[lane:]
	}
	if len(p.penaltyDue) > 0 {
		a.Due, a.Had = p.penaltyDue[lane:], p.had[lane:]
	}
	return a
}

var errEnded = errors.New("linear.Grid: rows for a part that has ended")

// learnAdaptive is learn by AdaGrad.
func (p *gridPart) learnAdaptive(c *linear.Chunk, n int) {
	g, s := p.g, &p.g.shape
	rows := linear.NewRows(c, g.Scaler, p.scratch[0])
	p.scratch[0] = rows.Scratch
	last := s.sets - 1
	lo, _ := s.of(last)
	for i := range n {
		place, fold, weight, own := p.meet(c, i)
		x := rows.At(i)
		if fold >= 0 {
			p.judge(fold, x, place, weight, p.seen+int64(i))
		}
		for set := range s.sets {
			if set != fold {
				p.learnSet(set, x, own)
			}
		}
		if fold != last {
			p.watch(place, lo, weight)
		}
		if s.vectors > 1 {
			p.mark(place, -1, 1)
		}
	}
	p.judgeAll()
	p.seen += int64(n)
}

// learnSet is the step of the models of a set.
func (p *gridPart) learnSet(set int, x kernel.Row, weight float64) {
	g, s, columns := p.g, &p.g.shape, p.columns[set]
	t := p.t[set]
	columns.Begin(&g.rules[0], x, t)
	lo, hi := s.of(set)
	for lane := lo; lane < hi; lane++ {
		r := &g.rules[lane/s.vectors%s.combos]
		y, w := p.y[0], weight
		if s.vectors > 1 {
			y, w = p.y[lane], weight*p.weight[lane]
		}
		a := p.weightsOf(lane)
		predicted := columns.Dot(r, x, &a, t) + p.intercept[lane]
		p.predicted[lane] = predicted
		gradient := r.Gradient(predicted, y, w)
		if gradient != 0 {
			columns.Add(x, &a, gradient)
		}
		b := steps.Bias{W: p.intercept[lane], Squares: p.adaptive.gradient[lane], Mean: p.meanIntercept[lane]}
		b.Add(r, columns, gradient, t)
		p.intercept[lane], p.adaptive.gradient[lane], p.meanIntercept[lane] = b.W, b.Squares, b.Mean
	}
	columns.End(x, t)
	p.t[set]++
	p.rows[set]++
	p.longest[set]++
}

// decide is what the models of a set say of a row that they do not learn from.
func (p *gridPart) decide(set int, x kernel.Row, out []float64) {
	g, s := p.g, &p.g.shape
	lo, _ := s.of(set)
	for i := range out {
		r := &g.rules[(lo+i)/s.vectors%s.combos]
		a, b := p.weightsOf(lo+i), p.intercept[lo+i]
		if r.Reports(p.t[set]) {
			b = p.meanIntercept[lo+i]
		}
		out[i] = p.columns[set].Decision(r, x, &a, p.t[set]) + b
	}
}

// end lets the weights have all penalties that are due, and tells how much they pull.
func (p *gridPart) end() {
	if p.ended {
		return
	}
	p.ended = true
	g, s, k := p.g, &p.g.shape, p.adaptive
	for set, c := range p.columns {
		t, n := p.t[set], float64(p.rows[set])
		copy(k.largest[set*s.features:], c.Largest())
		k.scaled[set] = c.Scaled
		lo, hi := s.of(set)
		for lane := lo; lane < hi; lane++ {
			r := &g.rules[lane/s.vectors%s.combos]
			a, from := p.weightsOf(lane), g.sums.adaptive.gradients
			c.Settle(r, &a, t)
			for j := lane; j < len(k.pull); j += s.padded {
				k.pull[j] = r.Pull(k.gradients[j]-from[j], n)
				if s.mean && !r.Reports(t) {
					p.mean[j] = p.w[j] // there is none: the part is shorter than others, or none has
				}
			}
			if s.mean && !r.Reports(t) {
				p.meanIntercept[lane] = p.intercept[lane]
			}
			k.pullOfGradient[lane] = r.PullOfIntercept(k.gradient[lane]-g.sums.adaptive.gradient[lane], n)
		}
		c.Settled(t)
	}
}

// merge adds what comes after: weights become the mean by pull. base is what both began with.
func (g *gridSums) mergeAdaptive(o *gridSums, s *gridShape, base *adaptive) {
	k, l := g.adaptive, o.adaptive
	for set, n := range g.rows {
		m := o.rows[set]
		if m == 0 {
			continue
		}
		k.scaled[set] += l.scaled[set] - base.scaled[set]
		lo, hi := s.of(set)
		average := func(pull, other []float64, lo int, pairs ...[2][]float64) {
			share := 1.0
			if n > 0 {
				share = other[lo] / (pull[lo] + other[lo])
			}
			for _, x := range pairs {
				if len(x[0]) == 0 {
					continue
				}
				if share == 1 {
					x[0][lo] = x[1][lo]
					continue
				}
				x[0][lo] += float64((x[1][lo] - x[0][lo]) * share)
			}
			pull[lo] += other[lo]
		}
		for lane := lo; lane < hi; lane++ {
			for j := lane; j < len(g.w); j += s.padded {
				average(k.pull, l.pull, j, [2][]float64{g.w, o.w}, [2][]float64{g.mean, o.mean},
					[2][]float64{k.gradients, l.gradients})
			}
			average(k.pullOfGradient, l.pullOfGradient, lane, [2][]float64{g.intercept, o.intercept},
				[2][]float64{g.meanIntercept, o.meanIntercept}, [2][]float64{k.gradient, l.gradient})
		}
	}
	for j, v := range l.largest {
		k.largest[j] = max(k.largest[j], v)
	}
}

// advance makes the sums of squares of all parts those of the longest, from the epoch's begin.
func (k *adaptive) advance(base *adaptive, rows, longest []int64) {
	for set, n := range rows {
		if n > longest[set] {
			k.scaled[set] = base.scaled[set] + float64((k.scaled[set]-base.scaled[set])/float64(n)*float64(longest[set]))
		}
	}
}

// nonNegative is for what is read.
func (k *adaptive) nonNegative() bool {
	for _, x := range [][]float64{k.gradients, k.pull, k.gradient, k.pullOfGradient, k.largest, k.scaled} {
		if slices.ContainsFunc(x, func(v float64) bool { return !(v >= 0) }) {
			return false
		}
	}
	return true
}
