package panel

import "beamlearn/model/linear"

// Scaling standardises rows as a scaler does; the zero value leaves them as they are.
type Scaling struct{ mean, inverse []float64 }

// NewScaling is that of a scaler, which may be nil.
func NewScaling(s *linear.StandardScaler) (t Scaling) {
	if s != nil && s.WithMean {
		t.mean = s.Mean
	}
	if s != nil && s.WithStd {
		t.inverse = make([]float64, len(s.Scale))
		for j, v := range s.Scale {
			t.inverse[j] = 1 / v
		}
	}
	return t
}

// Apply standardises the first n rows.
func (t *Scaling) Apply(p *Panels, n int) {
	if n > 0 && t.mean != nil {
		p.Subtract(t.mean, n)
	}
	if n > 0 && t.inverse != nil {
		p.Multiply(t.inverse, n)
	}
}

// Block is rows that are summed up at a time, and what stands beside them.
type Block struct {
	X               *Panels   // nil of a flat block
	Flat            *Flat     // nil of all others
	Rows            int       // that there is room for
	Places          []int32   // of the classes
	Target, Weights []float64 // of a regression; of the rows

	scaling Scaling
}

// NewBlock makes room for BlockRows rows, which the scaler standardises; it may be nil.
func NewBlock(features int, s *linear.StandardScaler) Block {
	n := BlockRows(features)
	b := newBlock(n)
	b.X, b.scaling = NewPanels(features, n), NewScaling(s)
	return b
}

// NewFlatBlock is NewBlock of rows one after the other.
func NewFlatBlock(features int, s *linear.StandardScaler) Block {
	b := newBlock(BlockRows(features) / 4 * 4) // as many are multiplied at a time
	b.Flat = &Flat{cols: features, scaler: s}
	return b
}

func newBlock(n int) Block {
	return Block{Rows: n, Places: make([]int32, n), Target: make([]float64, n), Weights: make([]float64, n)}
}

// Pack fills the block with rows of a weight above 0, scaled, from a place of a list of n on, which row gives. It gives
// their number, and where to go on. The classes of all rows of the chunk have places.
func (b *Block) Pack(c *linear.Chunk, places []int32, at, n int, row func(at int) int, task linear.Task) (m, next int) {
	for ; at < n && m < b.Rows; at++ {
		i := row(at)
		b.Weights[m] = 1
		if c.Weights != nil {
			if b.Weights[m] = c.Weights[i]; b.Weights[m] == 0 {
				continue
			}
		}
		if b.Flat != nil {
			b.Flat.pack(m, c, i, b.Rows)
		} else {
			b.X.Pack(m, c, i)
		}
		b.Places[m] = places[i]
		if task == linear.Regression {
			b.Target[m] = c.Target[i]
		}
		m++
	}
	if b.X != nil {
		b.scaling.Apply(b.X, m)
	}
	return m, at
}
