package exact

import (
	"fmt"
	"maps"
	"slices"

	"beamlearn/model/internal/wire"
)

// Weights are exact sums of weights, from 0 on and finite, in numbered bins. Whole numbers take 8 bytes a bin, and
// fractions a Sum more for each bin that has some.
type Weights struct {
	whole []float64 // whole numbers below 2⁵³
	rest  map[int]*Sum
}

// NewWeights are those of so many bins, all 0.
func NewWeights(bins int) *Weights { return &Weights{whole: make([]float64, bins)} }

// Add adds a weight to a bin. O(1).
func (w *Weights) Add(bin int, weight float64) {
	if n := w.whole[bin] + weight; n < 1<<53 && weight == float64(int64(weight)) {
		w.whole[bin] = n
		return
	}
	w.sum(bin).Add(weight)
}

func (w *Weights) sum(bin int) *Sum {
	s := w.rest[bin]
	if s == nil {
		if w.rest == nil {
			w.rest = map[int]*Sum{}
		}
		s = new(Sum)
		w.rest[bin] = s
	}
	return s
}

// Merge adds the weights of o, of as many bins.
func (w *Weights) Merge(o *Weights) {
	for i, n := range o.whole {
		if n > 0 {
			w.Add(i, n)
		}
	}
	for i, s := range o.rest {
		w.sum(i).Merge(s)
	}
}

// Values are the float64s nearest to the sums.
func (w *Weights) Values() []float64 {
	values := slices.Clone(w.whole)
	for i, s := range w.rest {
		var all Sum
		all.Add(values[i])
		all.Merge(s)
		values[i] = all.Value()
	}
	return values
}

// MarshalBinary writes the bins that are not empty; UnmarshalBinary reads them back.
func (w *Weights) MarshalBinary() ([]byte, error) { return wire.Encode(w.fields) }

// UnmarshalBinary reads what MarshalBinary writes, of as many bins as there are.
func (w *Weights) UnmarshalBinary(b []byte) error {
	read := NewWeights(len(w.whole))
	if err := wire.Decode(b, read.fields); err != nil {
		return fmt.Errorf("exact.Weights: a state that does not fit: %w", err)
	}
	*w = *read
	return nil
}

func (w *Weights) fields(c *wire.Codec) {
	bins := len(w.whole)
	c.Int(&bins)
	c.Check(bins == len(w.whole), fmt.Sprintf("%d bins", len(w.whole)))
	var used []int
	for i, n := range w.whole {
		if n > 0 {
			used = append(used, i)
		}
	}
	w.list(c, used, func(i int) {
		c.Float(&w.whole[i])
		n := w.whole[i]
		c.Check(n >= 1 && n < 1<<53 && n == float64(int64(n)), "whole weights")
	})
	w.list(c, slices.Sorted(maps.Keys(w.rest)), func(i int) {
		s := w.sum(i)
		c.Binary(s)
		c.Check(s.Finite(), "finite weights")
	})
}

// list is for the numbers of bins, ascending, and what each has.
func (w *Weights) list(c *wire.Codec, bins []int, each func(bin int)) {
	last := -1
	for at := range c.Len(len(bins), 2) {
		var i int
		if !c.Reading() {
			i = bins[at]
		}
		c.Int(&i)
		c.Check(i > last && i < len(w.whole), fmt.Sprintf("bins that ascend, below %d", len(w.whole)))
		if !c.OK() {
			return
		}
		last = i
		each(i)
	}
}
