package neighbors

import (
	"errors"
	"fmt"
	"math"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// Pairs computes distances of chosen pairs, those of [Distance], for searches that choose them by other means. It is
// immutable, and safe for concurrent use.
type Pairs struct {
	t          *tiled
	magnitudes magnitudes
}

// NewPairs keeps the memory of the points, whose rows must be dense. For the cosine it is O(n·d).
func NewPairs(points *vectors.Block, o Options) (*Pairs, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if points.Sparse != nil {
		return nil, errors.New("neighbors.NewPairs: sparse rows")
	}
	if !tileMetric(o.resolve().Metric) && o.Metric != Minkowski || o.Bits {
		return nil, fmt.Errorf("neighbors.NewPairs: %s is of pairs that an index finds", o.Metric)
	}
	p := blockPoints(points)
	t := &tiled{o: o.resolve(), kernels: tile.Best()}
	t.points, t.scales = t.o.scales(p)
	return &Pairs{t, t.o.magnitudes(&p)}, nil
}

func blockPoints(b *vectors.Block) points {
	p := points{n: b.Len(), dim: b.Dim}
	if b.Sparse != nil {
		p.csr = b.Sparse
	} else if b.Wide() {
		p.f64 = b.F64
	} else {
		p.f32 = b.F32
	}
	return p
}

// PairsQuery computes the distances from one query at a time. It belongs to one goroutine.
type PairsQuery struct {
	p       *Pairs
	q       *vectors.Block
	row     int
	pre     prepared
	done    bool // pre is of row
	pairs   []uint64
	reduced []float64
	near    []float32 // reduced values in float32, of Within
	extreme bool      // distances may be of extreme values
	x, y    []float64 // scratch
}

// Queries returns the means to compute distances from the rows of q. It fails where the dimensions differ.
func (p *Pairs) Queries(q *vectors.Block) (*PairsQuery, error) {
	if q.Dim != p.t.points.dim {
		return nil, fmt.Errorf("queries have %d columns, the points have %d", q.Dim, p.t.points.dim)
	}
	if q.Sparse != nil {
		return nil, errors.New("neighbors.Queries: sparse rows")
	}
	below, above := p.leaves(q)
	return &PairsQuery{p: p, q: q, row: -1, extreme: below || above}, nil
}

// Distances writes the distance from row i of the queries to the point at each of the positions.
func (c *PairsQuery) Distances(i int, positions []int32, distances []float64) {
	t := c.p.t
	if len(positions) == 0 {
		return
	}
	if c.row != i {
		c.row, c.done = i, false
	}
	if t.o.Metric == Minkowski {
		c.prepare()
		for j, p := range positions {
			distances[j] = c.distance(p, t.o.reduced(&c.pre, &t.points, int(p), 0))
		}
		return
	}
	c.list(positions)
	if cap(c.reduced) < len(c.pairs) {
		c.reduced = make([]float64, 2*len(c.pairs))
	}
	out := c.reduced[:len(c.pairs)]
	switch {
	case t.points.f64 == nil && !c.q.Wide() && t.o.Metric != Cosine:
		reduce(t, &t.kernels.Pairs32, c.q.F32[i*c.q.Dim:(i+1)*c.q.Dim], t.points.f32, c.pairs, out)
	case t.points.f64 == nil:
		c.prepare()
		reduce(t, &t.kernels.Pairs64x32, c.pre.x, t.points.f32, c.pairs, out)
	default:
		c.prepare()
		reduce(t, &t.kernels.Pairs64, c.pre.x, t.points.f64, c.pairs, out)
	}
	for j, p := range positions {
		r := out[j]
		if t.o.Metric == Cosine && (c.pre.zero || t.scales[p] == 0) {
			r = 2
		}
		distances[j] = c.distance(p, r)
	}
}

// Within is Distances of the points that are not farther than a limit, and perhaps of some that are: it moves their
// positions to the front, in their order, and returns them. It pays where most points are farther, as it then computes
// distances of wide rows in float32 first. For the cosine these must be rows of the points themselves.
func (c *PairsQuery) Within(i int, positions []int32, limit float64, distances []float64) []int32 {
	if !c.screens() || math.IsInf(limit, 1) || len(positions) == 0 {
		c.Distances(i, positions, distances)
		return positions
	}
	t, q := c.p.t, c.q
	dim := t.points.dim
	c.list(positions)
	if cap(c.near) < len(c.pairs) {
		c.near = make([]float32, 2*len(c.pairs))
	}
	near := c.near[:len(c.pairs)]
	t.kernels.Screen(q.F32[i*dim:(i+1)*dim], t.points.f32, dim, c.pairs, near)
	ceiling, low := t.o.ceiling(limit, dim)*(1+0x1p-30), screenLow(dim)
	kept := positions[:0]
	for j, p := range positions {
		d := float64(near[j]) * low
		if !(d > 0x1p-90 && d <= math.MaxFloat32*low) {
			kept = append(kept, p)
			continue
		}
		if t.scales != nil {
			d = unitSquare(t.scales[i], t.scales[p], d)
		}
		if d <= ceiling {
			kept = append(kept, p)
		}
	}
	c.Distances(i, kept, distances)
	return kept
}

// screens reports whether Within computes distances in float32 first.
func (c *PairsQuery) screens() bool {
	t, q := c.p.t, c.q
	if c.extreme || t.points.f32 == nil || q.Wide() || t.points.dim < screenDim {
		return false
	}
	switch t.o.Metric {
	case Euclidean, SqEuclidean:
		return true
	case Cosine:
		return len(q.F32) == len(t.points.f32) && &q.F32[0] == &t.points.f32[0]
	}
	return false
}

// list makes pairs of positions, the last of which it repeats until they are a multiple of four.
func (c *PairsQuery) list(positions []int32) {
	c.pairs = c.pairs[:0]
	for _, p := range positions {
		c.pairs = append(c.pairs, uint64(p)<<32)
	}
	for len(c.pairs)%4 != 0 {
		c.pairs = append(c.pairs, c.pairs[len(c.pairs)-1])
	}
}

// distance makes that of a position of its reduced value.
func (c *PairsQuery) distance(position int32, reduced float64) float64 {
	t := c.p.t
	if !c.extreme {
		return t.o.finish(reduced, t.points.dim)
	}
	if c.x == nil {
		c.x, c.y = make([]float64, t.points.dim), make([]float64, t.points.dim)
	}
	d, _ := t.o.distance(c.q.Row(c.row, c.x), t.points.row(int(position), c.y), reduced)
	return d
}

func (p *Pairs) leaves(q *vectors.Block) (below, above bool) {
	return p.t.o.leaves(p.magnitudes, p.t.o.magnitudesOfQueries(q, &p.t.points, p.magnitudes), q.Dim)
}

// Check fails where float64 may not hold distances from queries that it would hold of the square roots: what chooses
// pairs by other means than [Index] would not notice.
func (p *Pairs) Check(q *vectors.Block) error {
	below, above := p.leaves(q)
	if (below || above) && (p.t.o.Metric == SqEuclidean || p.t.o.Metric == InnerProduct) {
		return errors.New("some values are so large or so small that float64 does not hold their products: multiply all " +
			"columns by the same power of ten, or search exactly")
	}
	return nil
}

func (c *PairsQuery) prepare() {
	if !c.done {
		c.p.t.o.prepare(c.q, c.row, &c.pre)
		c.done = true
	}
}
