package neighbors

import (
	"math"
	"slices"

	"beamlearn/model/neighbors/internal/tile"
)

// This file computes single pairs: those that passed the filter, in float32 first where that pays, and in float64.

// computer computes pairs of a group of queries, and answers of single ones.
type computer struct {
	s           *query
	group       int      // first query of the group, or its row
	order       []int32  // the queries of the rows, where these are others
	absolute    []uint64 // the list with the numbers of its queries
	list        []uint64 // pairs to compute: point<<32 | query of the group
	reduced     []float64
	pre         prepared
	x           []float64 // queries from base on, prepared, where the kernels cannot take them as they are stored
	base        int
	ready, zero []bool // those in x, and those that are the zero vector under the cosine
	// Scratch of selections:
	all, merged  []candidate
	keys, sorted []key
	orders       []uint32
	groups       []int32 // of keys or candidates that are kept: see Most
}

// screenDim is the dimension from which on it pays to compute pairs in float32 first, if more than screenShare of those
// that pass the tiles do so for nothing.
const (
	screenDim   = 128
	screenShare = 0.4
)

// screenLow is the factor by which squared distances in float32 of so many columns are never too great.
func screenLow(dim int) float64 { return 1 - float64(dim+16)*0x1p-23 }

// screen drops, of the pairs listed, those whose float32 distance shows that they are beyond both bounds.
func (w *worker) screen() {
	s, dim := w.s, w.s.t.points.dim
	n := len(w.list)
	w.screenList()
	low := screenLow(dim)
	kept := w.list[:0]
	w.lock(w.rows)
	for p, pair := range w.list[:n] {
		d, i := float64(w.screened[p])*low, w.query(pair)
		if d > 0x1p-90 && d <= math.MaxFloat32*low && s.t.scales != nil {
			d = unitSquare(s.t.scales[i], s.t.scales[pair>>32], d)
		}
		bound := s.states[i].bound
		w.screened[p] = 0
		if d > bound*(1+0x1p-30) && d > 0x1p-90 && d <= math.MaxFloat32*low {
			w.screened[p] = float32(d)
		}
	}
	w.unlock(w.rows)
	if w.symmetric {
		w.lock(w.columns)
	}
	for p, pair := range w.list[:n] {
		if d := float64(w.screened[p]); d == 0 || w.symmetric && !(d*(1-0x1p-23) > s.states[pair>>32].bound*(1+0x1p-30)) {
			kept = append(kept, pair)
		}
	}
	if w.symmetric {
		w.unlock(w.columns)
	}
	w.wasted += n - len(kept)
	w.list = kept
}

// unitSquare is a lower bound of the reduced value, for the cosine, of two points whose squared distance is at least
// that given. Of rows x and y, with the scales 1/‖x‖ and 1/‖y‖,
//
//	‖x/‖x‖ − y/‖y‖‖² = (‖x−y‖² − (‖x‖−‖y‖)²) / (‖x‖·‖y‖).
//
// The lengths are within (d+8)·2⁻⁵³ of the exact ones, as the scales are, and so are the reference's rows of unit
// length: the last term outweighs what all of this comes to, for up to maxDim columns.
func unitSquare(x, y, square float64) float64 {
	if x == 0 || y == 0 {
		return 0
	}
	difference := 1/x - 1/y
	difference *= difference
	return (square-difference-(square+difference)*0x1p-28)*x*y - 0x1p-28
}

// screenList computes the pairs listed in float32.
func (w *worker) screenList() {
	dim := w.s.t.points.dim
	w.pad()
	w.screened = w.screened[:len(w.list)]
	list, base := w.rowsOf()
	w.s.t.kernels.Screen(w.s.q.F32[base*dim:], w.s.t.points.f32, dim, list, w.screened)
}

// query is the one of a pair listed.
func (c *computer) query(pair uint64) int {
	row := c.group + int(uint32(pair))
	if c.order == nil {
		return row
	}
	return int(c.order[row])
}

// rowsOf are the pairs listed for a kernel: their queries are counted from number base on.
func (c *computer) rowsOf() (list []uint64, base int) {
	if c.order == nil {
		return c.list, c.group
	}
	c.absolute = c.absolute[:0]
	for _, pair := range c.list {
		c.absolute = append(c.absolute, pair>>32<<32|uint64(c.query(pair)))
	}
	return c.absolute, 0
}

// pad repeats the last pair until their number is a multiple of four.
func (c *computer) pad() {
	for len(c.list)%4 != 0 {
		c.list = append(c.list, c.list[len(c.list)-1])
	}
}

// listed is the number of pairs from which on they are computed, and listRoom how many there can be then.
const (
	listed   = 1024
	listRoom = listed + tile.Rows*tile.Columns + 4
)

// mostPrepared is the number of values of queries that a goroutine keeps prepared.
const mostPrepared = 2 << 20

// newComputer makes one for so many queries that follow each other.
func newComputer(s *query, rows int) *computer {
	c := &computer{s: s, list: make([]uint64, 0, listRoom), reduced: make([]float64, listRoom)}
	if s.t.o.Metric == Cosine || s.t.points.f64 != nil && !s.q.Wide() {
		if rows*s.t.points.dim > mostPrepared {
			rows = tile.Rows
		}
		c.x, c.ready, c.zero, c.base = make([]float64, rows*s.t.points.dim), make([]bool, rows), make([]bool, rows), none
	}
	c.keys, c.sorted = make([]key, 0, s.room), make([]key, s.room)
	return c
}

// hold says that the queries to come are those from one on. What has been prepared of others is forgotten.
func (c *computer) hold(first int) {
	if first != c.base {
		c.base = first
		clear(c.ready)
	}
}

// makeOrders leaves the orders of keys in c.orders.
func (c *computer) makeOrders(keys []key) {
	c.orders = c.orders[:0]
	for _, k := range keys {
		c.orders = append(c.orders, k.order())
	}
}

// candidates computes the distances of query i to the points of keys.
func (c *computer) candidates(i int, keys []key) []candidate {
	o, dim := &c.s.t.o, c.s.t.points.dim
	c.group, c.order = i, nil
	c.hold(i)
	c.all = c.all[:0]
	for part := range slices.Chunk(keys, listed) {
		c.list = c.list[:0]
		for _, k := range part {
			c.list = append(c.list, uint64(k.position())<<32)
		}
		c.pad()
		c.compute()
		for j, k := range part {
			value := float32(c.reduced[j])
			if value == 0 && c.reduced[j] > 0 {
				value = math.SmallestNonzeroFloat32
			}
			c.all = append(c.all, candidate{o.finish(c.reduced[j], dim), k.position(), value})
		}
	}
	c.list = c.list[:0]
	return c.all
}

// mergeCandidates sorts c.all, of which the first k are in order, and leaves the first k of all in their place.
func (c *computer) mergeCandidates(k int) {
	slices.SortFunc(c.all[k:], compareCandidates)
	c.merged = append(c.merged[:0], c.all...)
	for n, i, j := 0, 0, k; n < k; n++ {
		if j < len(c.merged) && c.merged[j].before(c.merged[i]) {
			c.all[n] = c.merged[j]
			j++
		} else {
			c.all[n] = c.merged[i]
			i++
		}
	}
}

// compute finds the reduced values of the pairs listed.
func (w *computer) compute() {
	t, q, dim := w.s.t, w.s.q, w.s.t.points.dim
	k, out := t.kernels, w.reduced[:len(w.list)]
	list, base := w.rowsOf()
	var x []float64 // q.F64 may hold rows of a block before, see vectors.Block.Reset
	if w.x != nil {
		held := w.group - w.base
		x = w.x[held*dim:]
		for _, pair := range w.list {
			if m := int(uint32(pair)); !w.ready[held+m] {
				w.ready[held+m] = true
				t.o.prepare(q, w.group+m, &w.pre)
				copy(x[m*dim:], w.pre.x)
				w.zero[held+m] = w.pre.zero
			}
		}
	} else if q.Wide() {
		x = q.F64[base*dim:]
	}
	switch {
	case x == nil:
		reduce(t, &k.Pairs32, q.F32[base*dim:], t.points.f32, list, out)
	case t.points.f64 == nil:
		reduce(t, &k.Pairs64x32, x, t.points.f32, list, out)
	default:
		reduce(t, &k.Pairs64, x, t.points.f64, list, out)
	}
	if t.o.Metric == Cosine {
		for p, pair := range w.list {
			if w.zero[w.group-w.base+int(uint32(pair))] || t.scales[pair>>32] == 0 {
				out[p] = 2
			}
		}
	}
}

func reduce[X, Y float](t *tiled, k *tile.PairKernels[X, Y], x []X, y []Y, pairs []uint64, out []float64) {
	dim := t.points.dim
	switch t.o.Metric {
	case Cosine:
		k.ScaledSquares(x, y, dim, t.scales, pairs, out)
	case InnerProduct:
		k.Products(x, y, dim, nil, pairs, out)
		for p, v := range out {
			out[p] = negative(v)
		}
	case Manhattan:
		k.Manhattan(x, y, dim, nil, pairs, out)
	case Chebyshev:
		k.Chebyshev(x, y, dim, nil, pairs, out)
	case Hamming:
		k.Hamming(x, y, dim, nil, pairs, out)
	default:
		k.Squares(x, y, dim, nil, pairs, out)
	}
}
