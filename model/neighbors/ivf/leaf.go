package ivf

import (
	"math"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// extraCandidates is how many candidates are kept for each row beyond k, as int8 may put the k-th neighbour after
// others.
func extraCandidates(k int) int { return max(2, k/4) }

// noise is the mean square, in squares of its scale, of what int8 rounds off a row of dim components, doubled.
func noise(dim int) float32 { return float32(dim) / 6 }

// limitOf is half the squared distance beyond which a row takes no candidate. The row needs no neighbour beyond the
// bound; the error of int8, which depends on the row's scale and hardly on the distance, is added to that.
func limitOf(bound, scale, noise float32) float32 {
	return (float32(bound*1.01) + float32(float32(scale*scale)*noise)) / 2
}

// collector holds the best candidates of some rows by their int8 values, and offers them to the lists by their
// distances. It belongs to one goroutine.
type collector struct {
	exact      *neighbors.PairsQuery
	lists      *lists
	keep, room int       // candidates of a row: those kept, and those held until it is known which
	limits     []float32 // half the squared distance beyond which a row takes no candidate
	keys       []uint64  // room of each row
	counts     []int32
	positions  []int32
	distances  []float64
}

func newCollector(p *neighbors.Pairs, q *vectors.Block, l *lists) collector {
	keep := l.k + extraCandidates(l.k)
	return collector{exact: queriesOf(p, q), lists: l, keep: keep, room: keep + max(keep, 32),
		positions: make([]int32, 0, 2*keep+32), distances: make([]float64, 2*keep+32)}
}

// queriesOf is p.Queries of a block that was checked.
func queriesOf(p *neighbors.Pairs, q *vectors.Block) *neighbors.PairsQuery {
	exact, err := p.Queries(q)
	if err != nil {
		panic("ivf: " + err.Error())
	}
	return exact
}

// reset makes room for n rows, in whole panels.
func (c *collector) reset(n int) {
	all := (n + tile.Columns - 1) / tile.Columns * tile.Columns
	c.limits = sized(c.limits, all)
	c.keys, c.counts = sized(c.keys, n*c.room), sized(c.counts, n)
	clear(c.counts)
	for i := n; i < all; i++ {
		c.limits[i] = float32(math.Inf(-1))
	}
}

// take holds a candidate for row i.
func (c *collector) take(i int, v float32, candidate int) {
	at := i * c.room
	n := int(c.counts[i])
	c.keys[at+n] = uint64(math.Float32bits(v))<<32 | uint64(candidate)
	n++
	if n == c.room {
		keys := c.keys[at : at+n]
		selectSmallest(keys, c.keep)
		n = c.keep
		c.limits[i] = min(c.limits[i], math.Float32frombits(uint32(keys[n-1]>>32)))
	}
	c.counts[i] = int32(n)
}

// finish computes the distances of query q, which is row i, to its candidates, whose positions are names, but for
// own, and offers them to its list.
func (c *collector) finish(i, q int, names []int32, own int32) {
	keys := c.keys[i*c.room:][:c.counts[i]]
	if len(keys) > c.keep {
		selectSmallest(keys, c.keep)
		keys = keys[:c.keep]
	}
	c.positions = c.positions[:0]
	for _, k := range keys {
		if p := names[uint32(k)]; p != own {
			c.positions = append(c.positions, p)
		}
	}
	c.exact.Distances(q, c.positions, c.distances)
	c.lists.offer(q, c.positions, c.distances)
}

// half is half a squared distance of a score: of no number, and of less than 0, it is 0.
func half(queryHalf, score float32) float32 {
	if v := queryHalf - score; v > 0 {
		return v
	}
	return 0
}

// leaf compares all pairs of some rows. It belongs to one goroutine.
type leaf struct {
	kernels *tile.Kernels
	rows    *rows // of the points
	comparer
	panels
	collector
}

func newLeaf(k *tile.Kernels, r *rows, p *neighbors.Pairs, points *vectors.Block, l *lists) *leaf {
	return &leaf{kernels: k, rows: r, comparer: *newComparer(k), collector: newCollector(p, points, l)}
}

// pairs offers each member the best of the others. Bounds are the squared distances, one a point, beyond which it needs
// none.
func (f *leaf) pairs(members []int32, bounds []float32) {
	n := len(members)
	if n < 2 {
		return
	}
	f.pack(f.rows, members)
	f.collector.reset(n)
	noise := noise(f.rows.dim)
	for i, m := range members {
		f.limits[i] = limitOf(bounds[m], f.scales[i], noise)
	}
	for i := 0; i < n; i += tile.Rows {
		f.group(i)
	}
	for i, m := range members {
		f.finish(i, int(m), members, m)
	}
}

// group compares the 8 rows from i on to those after each.
func (f *leaf) group(i int) {
	f.load(&f.panels, i)
	first := i / tile.Columns
	f.against(&f.panels, first, f.count()-first)
	copy(f.args.QA[:], f.limits[i:])
	hits := f.scored(f.limits[first*tile.Columns:])
	rows := min(tile.Rows, f.n-i)
	for h := range hits {
		hit := &hits[h]
		panel := first + int(hit.Panel)
		base := panel * tile.Columns
		if panel == first {
			for m := range hit.Masks {
				hit.Masks[m] &= ^uint64(0) << (i - base + m + 1)
			}
		}
		if base+tile.Columns > f.n {
			for m := range hit.Masks {
				hit.Masks[m] &= 1<<(f.n-base) - 1
			}
		}
		scores := f.scores[h*tile.Rows*tile.Columns:]
		for m, mask := range hit.Masks[:rows] {
			own := f.halves[i+m]
			for each := range bitsOf(mask) {
				v := half(own, scores[m*tile.Columns+int(each)])
				j := base + int(each)
				if v <= f.limits[i+m] {
					f.take(i+m, v, j)
				}
				if v <= f.limits[j] {
					f.take(j, v, i+m)
				}
			}
		}
	}
}
