package newton

import (
	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
	"beamlearn/model/linear/internal/panel"
)

// flatFeatures is from how many columns on dense rows of a softmax are multiplied where they stand, a class at a time,
// instead of a row at a time with all classes in lanes. Both give the same bits.
const flatFeatures = 32

// softmaxFlat is dense rows of a softmax, one after the other, and what they are to the classes.
type softmaxFlat struct {
	panel.Block
	at, along, slope []float64 // of each class, a value for each row
	p, step, tried   []float64 // of one row, a value for each class
	slopes, room     []float64 // likewise; the room is padded
	weights          []float64 // of the rows, with those of their classes
}

func newSoftmaxFlat(o *Optimizer) *softmaxFlat {
	b := &softmaxFlat{Block: panel.NewFlatBlock(o.features, o.Scaler)}
	for _, v := range []*[]float64{&b.at, &b.along, &b.slope} {
		*v = make([]float64, o.vectors*b.Rows)
	}
	for _, v := range []*[]float64{&b.p, &b.step, &b.tried, &b.slopes} {
		*v = make([]float64, o.vectors)
	}
	b.room, b.weights = lanes.Make(lanes.Padded(o.vectors)), make([]float64, b.Rows)
	return b
}

// addFlat adds the rows of a dense chunk.
func (s *optimizerSum) addFlat(d *derivatives, c *linear.Chunk, places []int32) {
	if s.flat == nil {
		s.flat = newSoftmaxFlat(s.learner)
	}
	o, b := s.learner, s.flat
	vectors := func(point []float64) kernel.Vectors {
		return kernel.Vectors{W: point, N: o.vectors, D: o.features, Step: s.width}
	}
	number := make([]int, b.Rows) // of each row of the block, in the chunk
	for at := 0; at < len(places); {
		m := 0
		_, next := b.Pack(c, places, at, len(places), func(at int) int { return at }, o.options.Task)
		for ; at < next; at++ {
			if c.Weights == nil || c.Weights[at] != 0 {
				number[m] = at
				m++
			}
		}
		b.Flat.DotsOfEach(b.at, b.Rows, m, vectors(d.point))
		if d.along {
			b.Flat.DotsOfEach(b.along, b.Rows, m, vectors(d.dir))
		}
		for r, i := range number[:m] {
			s.addFlatRow(d, r, i)
		}
		b.Flat.AddRowsToEach(vectors(d.gradient), b.slope, b.Rows, m)
		if len(d.second) > 0 && !o.grams() {
			b.Flat.Squares(d.second[o.vectors:], b.weights, m)
		}
	}
}

// addFlatRow adds what row r of the block, i of its chunk, is to the sums by its decision values, and makes its slopes.
func (s *optimizerSum) addFlatRow(d *derivatives, r, i int) {
	o, b, last := s.learner, s.flat, s.width-1
	place := int(b.Places[r])
	weight := b.Weights[r] * s.weights[place]
	for k := range b.p {
		b.p[k] = b.at[k*b.Rows+r] + d.point[k*s.width+last]
	}
	if d.along {
		for k := range b.step {
			b.step[k] = b.along[k*b.Rows+r] + d.dir[k*s.width+last]
		}
		d.shorten(b.p, b.step, b.tried, b.room, place, weight)
	}
	d.loss += softmaxSlopes(b.p, b.slopes, b.room, place, weight)
	for k, v := range b.slopes {
		b.slope[k*b.Rows+r] = v
		d.gradient[k*s.width+last] += v
	}
	b.weights[r] = weight
	if len(d.second) == 0 {
		return
	}
	if open := d.addSpreads(b.p, weight); o.grams() && s.grams(uint64(s.first)+uint64(i)) {
		s.open, s.grammed = append(s.open, open), append(s.grammed, int32(i))
	}
}

// addSpreads adds weight·p(1−p) of each class, and gives the sum over the classes.
func (d *derivatives) addSpreads(p []float64, weight float64) (open float64) {
	for k, v := range p {
		f := float64(weight * v * (1 - v))
		d.second[k] += f
		open += f
	}
	return open
}
