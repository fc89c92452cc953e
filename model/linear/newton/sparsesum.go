package newton

import (
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/panel"
)

// togetherRows is how many sparse rows have their losses computed together.
const togetherRows = 64

// sparseRows are some sparse rows of a weight above 0.
type sparseRows struct {
	rows    []kernel.Row
	scaled  []float64 // values of all, where there is a scaler
	places  []int32
	targets []float64
	weights []float64
	// what each is to a weight vector, its prediction, and what the last step has added to it
	y, w, at, along []float64
	// of the predictions, and of those at a shorter step
	value, slope, curvature, near []float64
	sums                          [3 * lanes.Width]float64 // of WeighLosses
}

func newSparseRows() *sparseRows {
	b := &sparseRows{}
	n := lanes.Padded(togetherRows)
	for _, v := range []*[]float64{&b.y, &b.w, &b.at, &b.along, &b.value, &b.slope, &b.curvature, &b.near} {
		*v = make([]float64, n)
	}
	return b
}

// addSparse adds the rows of a sparse chunk, of weight vectors that share nothing.
func (s *optimizerSum) addSparse(c *linear.Chunk, places []int32) {
	if s.sparse == nil {
		s.sparse = newSparseRows()
	}
	b, rows := s.sparse, linear.NewRows(c, s.learner.Scaler, nil)
	for at, number := 0, int(s.first)/togetherRows; at < len(places); number++ {
		b.rows, b.scaled, b.places, b.targets, b.weights = b.rows[:0], b.scaled[:0], b.places[:0], b.targets[:0],
			b.weights[:0]
		for ; at < len(places) && len(b.rows) < togetherRows; at++ {
			weight, target := 1.0, 0.0
			if c.Weights != nil {
				if weight = c.Weights[at]; weight == 0 {
					continue
				}
			}
			if s.learner.options.Task == linear.Regression {
				target = c.Target[at]
			}
			x := rows.At(at)
			if s.learner.Scaler != nil {
				b.scaled = append(b.scaled, x.Val...)
				x.Val = b.scaled[len(b.scaled)-len(x.Val):]
			}
			if s.columns != nil {
				s.columns.add(x)
			}
			b.rows, b.places = append(b.rows, x), append(b.places, places[at])
			b.targets, b.weights = append(b.targets, target), append(b.weights, weight)
		}
		if len(b.rows) == 0 {
			break
		}
		if s.common.take(b.rows, s); s.err != nil {
			return
		}
		s.keep(number)
		for k, d := range s.sums {
			if d != nil {
				s.addTogether(k, d, b, !d.thin || number%thinly == 0)
			}
		}
	}
	s.common.end(s.width)
	s.keepChunk()
}

// addTogether adds sparse rows to the sums of problem k, with second derivatives where these are wanted, and of these
// rows.
func (s *optimizerSum) addTogether(k int, d *derivatives, b *sparseRows, curved bool) {
	o, n := s.learner, len(b.places)
	padded := lanes.Padded(n)
	for r := range n {
		b.y[r], b.w[r] = s.row(k, b.places[r], b.targets[r], b.weights[r])
	}
	s.dots(b.at, d.point)
	for r := n; r < padded; r++ {
		b.y[r], b.w[r], b.at[r] = 1, 0, 0
	}
	d.curves(o, b.at[:padded], b.y[:padded], b.value[:padded], b.slope[:padded], b.curvature[:padded])
	lanes.Best().WeighLosses(b.w[:padded], b.value[:padded], b.slope[:padded], b.curvature[:padded], &b.sums)
	d.loss += sumLanes(b.sums[:lanes.Width])
	s.addRowsTo(d.gradient, b.slope[:n])
	if d.along {
		s.tryShorter(d, b, padded)
	}
	if !curved {
		return
	}
	if d.thin {
		for _, w := range b.weights {
			d.curved += w
		}
	}
	switch {
	case d.second == nil:
	case o.arrow != nil:
		if err := o.arrow.add(d.second, b.curvature[:n], &s.common); err != nil {
			s.err = err
		}
	case o.newton && s.common.is():
		s.common.addSeconds(d, s.width, b.curvature[:n])
	default:
		for r, x := range b.rows {
			s.addSecond(d, x, b.curvature[r])
		}
	}
}

// dots is what each of the rows is by a weight vector, with the intercept.
func (s *optimizerSum) dots(dst, w []float64) {
	if s.common.is() {
		s.common.dots(dst, w)
		return
	}
	for r, x := range s.sparse.rows {
		dst[r] = x.Dot(w) + w[s.width-1]
	}
}

// addRowsTo adds to w the sum of the rows, each times its number in f, and of the intercept, which all have.
func (s *optimizerSum) addRowsTo(w, f []float64) {
	if s.common.is() {
		s.common.addRowsTo(w, f)
		return
	}
	for r, x := range s.sparse.rows {
		if f[r] != 0 {
			x.Add(f[r], w)
			w[s.width-1] += f[r]
		}
	}
}

// tryShorter adds the losses of sparse rows at the shorter steps.
func (s *optimizerSum) tryShorter(d *derivatives, b *sparseRows, padded int) {
	s.dots(b.along, d.dir)
	for i, t := range lengths {
		for r := range b.places {
			b.near[r] = b.at[r] - float64((1-t)*b.along[r])
		}
		s.learner.loss.Values(b.near[:padded], b.y[:padded], b.value[:padded])
		for r := range b.places {
			d.shorter[i] += float64(b.w[r] * b.value[r])
		}
	}
}

// addSecond adds the second derivatives of a sparse row of this curvature, or their diagonal.
func (s *optimizerSum) addSecond(d *derivatives, x kernel.Row, curvature float64) {
	last := s.width - 1
	switch {
	case d.second == nil || curvature == 0:
	case s.learner.newton:
		s.idx, s.val = append(append(s.idx[:0], x.Idx...), int32(last)), append(append(s.val[:0], x.Val...), 1)
		panel.AddProducts(d.second, s.width, curvature, s.idx, s.val)
	default:
		for e, j := range x.Idx {
			d.second[j] += float64(curvature * float64(x.Val[e]*x.Val[e]))
		}
		d.second[last] += curvature
	}
}
