package neighbors

import (
	"errors"
	"math"
	"math/bits"
	"slices"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// Nearest finds the nearest of an index's points for many rows, as k-means needs it: what [Index.KNeighbors] finds with
// k = 1, and faster where a row's point is known from a search among points that were nearly these. It belongs to one
// goroutine.
//
// By the Euclidean distance, and where the points have short forms of int8 (see filter.go), it makes short forms of the
// rows by the processor's vectors, with bounds on what float32 loses of them, and takes these past all points once:
// what comes within a row's bound is computed in float64. Else it asks the index.
type Nearest struct {
	x     *Index
	pairs *Pairs
	t     *tiled // nil where the index is asked

	block   *vectors.Block
	queries *PairsQuery
	asks    bool // the index, of these rows

	points *shorts
	all    extremes
	step   int     // panels of points that stay in the cache
	seeds  *shorts // what bounds distances from above, without points that have no short form; nil: not made yet
	set    seedSets
	centre []float32 // σ·c, rounded
	factor float32   // σ
	off    float64   // what rounding moves the centre by

	rows   *shorts   // of up to nearestRows rows
	packed []int8    // where the tiles take them in batches
	y      []float32 // a row less the centre, and its int8
	q      []int8

	batch    tile.Batch
	hits     []tile.Hit
	none     []float32 // limits of points, which are no queries
	zeros    []float32
	best     []float32
	bounds   []float64 // of reduced values
	seconds  []float64 // the distances of the second nearest that were computed
	list     []uint64  // row<<32 | point
	computed int       // pairs, of these rows
	dear     bool      // rows that look farther than they must have too many
	reduced  []float64
}

// mostReached is how many pairs a row may have, on average, for the sake of how far it looks.
const mostReached = 6

// firstStep is how many panels of points rows go past at a time where some of them have no point yet: what is computed
// among these points tightens the bounds for the next, which scores of int8 leave loose.
const firstStep = 4

// nearestRows is how many rows have short forms at a time: a multiple of those of a batch.
const nearestRows = 8 * tile.Groups * tile.Rows

// NewNearest makes what finds the nearest of the points of an index. It fails where these are sparse, or compared by
// another than the Euclidean distance.
func (x *Index) NewNearest() (*Nearest, error) {
	if o := x.opts.resolve(); x.points.csr != nil || o.Metric != Euclidean {
		return nil, errors.New("neighbors.NewNearest: sparse points, or another metric than euclidean")
	}
	b := &vectors.Block{Dim: x.points.dim, F32: x.points.f32, F64: x.points.f64}
	if b.F64 != nil {
		b.DType = vectors.Float64
	}
	pairs, err := NewPairs(b, x.opts)
	if err != nil {
		return nil, err
	}
	n := &Nearest{x: x, pairs: pairs}
	t, ok := x.engine.(*tiled)
	if !ok || t.first != inBytes {
		return n, nil
	}
	f := t.frame
	if n.factor = float32(f.factor); !(n.factor >= 0x1p-100 && n.factor <= 0x1p100) {
		return n, nil
	}
	square := 0.0
	for _, v := range f.centre {
		c := float32(v * f.factor)
		if !(math.Abs(float64(c)) <= 0x1p100) {
			return n, nil
		}
		n.centre = append(n.centre, c)
		d := v*f.factor - float64(c)
		square += float64(d * d)
	}
	n.off = float64(math.Sqrt(square)*outward) + tiny
	n.t = t
	n.points = t.shorts(t.asTheyCome, inBytes)
	n.all = n.points.over(0, n.points.n)
	n.rows = f.newShorts(nearestRows, true)
	room := (f.dim + 15) / 16 * 16
	n.y, n.q = make([]float32, room), make([]int8, room)
	if t.tiles[inBytes].FindBatch != nil {
		n.packed = tile.Packed(nil, n.rows.bytes, 0, nearestRows, n.rows.words)
	}
	n.step = max(min(pointBytes/(tile.Columns*4*n.points.words), n.points.panels()), 1)
	n.hits = make([]tile.Hit, tile.Groups*(n.step+1))
	n.none, n.zeros = make([]float32, n.step*tile.Columns), make([]float32, n.step*tile.Columns)
	for i := range n.none {
		n.none[i] = float32(math.Inf(-1))
	}
	n.bounds, n.seconds = make([]float64, nearestRows), make([]float64, nearestRows)
	n.list, n.reduced = make([]uint64, 0, listRoom), make([]float64, listRoom)
	return n, nil
}

// Take takes the rows that the other methods are about.
func (n *Nearest) Take(q *vectors.Block) (err error) {
	if n.queries, err = n.pairs.Queries(q); err != nil {
		return err
	}
	n.block = q
	n.asks = n.t == nil || n.queries.extreme
	return nil
}

// Distances writes how far each row is from the point at its position.
func (n *Nearest) Distances(positions []int32, distances []float64) {
	if n.asks {
		for i := range positions {
			n.queries.Distances(i, positions[i:i+1], distances[i:i+1])
		}
		return
	}
	n.each(len(positions), distances, func(i int) uint64 { return uint64(i)<<32 | uint64(positions[i]) })
}

// From writes how far row i is from the points at some positions.
func (n *Nearest) From(i int, positions []int32, distances []float64) {
	if n.asks {
		n.queries.Distances(i, positions, distances)
		return
	}
	n.each(len(positions), distances, func(j int) uint64 { return uint64(i)<<32 | uint64(positions[j]) })
}

// each writes the distances of count pairs.
func (n *Nearest) each(count int, distances []float64, pair func(i int) uint64) {
	for lo := 0; lo < count; lo += listed {
		hi := min(lo+listed, count)
		n.list = n.list[:0]
		for i := lo; i < hi; i++ {
			n.list = append(n.list, pair(i))
		}
		n.compute(n.block)
		for i, r := range n.reduced[:hi-lo] {
			distances[lo+i] = math.Sqrt(r)
		}
	}
	n.list = n.list[:0]
}

// Find writes the position of the point that is nearest to each row, of equally near ones the first, and its distance.
// Where positions has a point of a row already, and distances how far that is, it begins with that; −1 is none. reach
// may be nil; else it has how far each row is to look at least, and is told how far all points but the nearest are at
// least: no more than that, or than the nearest where that is farther. Once rows that look so far have many points to
// compare on average, they look no farther than they must.
func (n *Nearest) Find(positions []int32, distances, reach []float64) error {
	q := n.block
	if n.asks {
		return n.ask(positions, distances, reach)
	}
	for lo := 0; lo < q.Len(); lo += nearestRows {
		hi := min(lo+nearestRows, q.Len())
		var far []float64
		if reach != nil {
			if far = reach[lo:hi]; n.dear {
				clear(far)
			}
		}
		n.computed = 0
		n.find(q.Slice(lo, hi), positions[lo:hi], distances[lo:hi], far)
		n.dear = n.dear || reach != nil && n.computed > mostReached*(hi-lo)
	}
	return nil
}

// ask is Find by a search of the index.
func (n *Nearest) ask(positions []int32, distances, reach []float64) error {
	q := n.block
	s, k := Search{Threads: 1, Part: true, Bounds: make([]float64, q.Len())}, 1
	if reach != nil {
		k = min(2, n.x.Len())
	}
	for i, p := range positions {
		switch {
		case p < 0:
			s.Bounds[i] = math.Inf(1)
		case reach != nil:
			s.Bounds[i] = max(distances[i], reach[i])
		default:
			s.Bounds[i] = distances[i]
		}
	}
	found, err := n.x.KNeighbors(q, k, s)
	if err != nil {
		return err
	}
	for i := range positions {
		near, far := found.Of(i)
		if len(near) > 0 { // else it has been found already
			positions[i], distances[i] = near[0], far[0]
		}
		if reach != nil {
			reach[i] = s.Bounds[i]
			if len(far) > 1 {
				reach[i] = min(reach[i], far[1])
			}
		}
	}
	return nil
}

// find is Find for up to nearestRows rows.
func (n *Nearest) find(q *vectors.Block, positions []int32, distances, reach []float64) {
	n.put(q)
	for i, p := range positions {
		n.seconds[i] = math.Inf(1)
		if p < 0 {
			distances[i] = math.Inf(1)
		}
		n.bound(i, distances, reach)
	}
	const together = tile.Groups * tile.Rows
	step := n.step
	for i := 0; i < len(positions); i += together {
		if m := min(together, len(positions)-i); slices.Contains(positions[i:i+m], -1) {
			n.first(i, m, positions, reach)
			step = min(step, firstStep)
		}
	}
	panels := n.points.panels()
	for p := 0; p < panels; p += step {
		count := min(step, panels-p)
		e := n.all
		if count < panels {
			e = n.points.over(p*tile.Columns, min((p+count)*tile.Columns, n.points.n))
		}
		for i := 0; i < len(positions); i += n.groups(len(positions)-i) * tile.Rows {
			groups := n.groups(len(positions) - i)
			found := n.tiles(i, p, count, groups, len(positions), &e)
			for g := range groups {
				first := i + g*tile.Rows
				for h := range found[g] {
					hit := &n.hits[g*len(n.hits)/tile.Groups+h]
					n.add(hit, first, min(tile.Rows, len(positions)-first), p, positions)
					if len(n.list) >= listed {
						n.flush(q, positions, distances, reach)
					}
				}
			}
			n.flush(q, positions, distances, reach)
		}
	}
	for i := range reach {
		reach[i] = min(n.seconds[i], max(reach[i], distances[i]))
	}
}

// bound makes the bound of row i of what it has found.
func (n *Nearest) bound(i int, distances, reach []float64) {
	far := distances[i]
	if reach != nil {
		far = max(far, reach[i])
	}
	n.bounds[i] = n.t.o.ceiling(far, n.t.points.dim)
}

// put makes the short forms of rows, see filter.go. In float32, y = σ·x − σ·c is rounded once, as σ is a power of two,
// and the squares of y and of y − x̂ are each within a share of their sums.
func (n *Nearest) put(q *vectors.Block) {
	k, s, f, count := n.t.kernels, n.rows, n.t.frame, q.Len()
	within := float64(len(n.y)+8) * unit
	const lost = 0x1p-60 // more than underflow takes
	s.reset(count)
	for i := range count {
		var most float32
		if q.Wide() {
			most = n.centred(q.F64[i*q.Dim:][:q.Dim])
		} else {
			next := min(i+2, count-1)
			most = math.Float32frombits(k.Centre(q.F32[i*q.Dim:][:q.Dim], n.centre, n.factor, n.y, &q.F32[next*q.Dim]))
		}
		if !(most <= maxShort) {
			clear(n.q)
			n.store(i)
			s.scales[i], s.offsets[i], s.errors[i], s.norms[i], s.deltas[i] = 0, 0, 0, 0, 0
			s.halves[i] = float32(math.Inf(-1))
			continue
		}
		scale := max(most/127, 0x1p-50)
		sum, squares := k.Round(n.y, 1/scale, n.q)
		miss, square := k.Missing(n.y, scale, n.q)
		n.store(i)
		hat := float64(squares) * (float64(scale) * float64(scale))
		moved := math.Sqrt(float64(square))*(2*unit) + n.off + lost // of the row, in ‖y‖
		err := math.Sqrt(float64(miss)*(1+within)) + moved
		least := max(math.Sqrt(float64(square)*(1-within))-moved, 0)
		delta := (float64(least*least) - hat) / 2
		s.scales[i], s.offsets[i] = scale, -128*sum
		s.errors[i], s.norms[i] = float32(err*outward), float32((math.Sqrt(hat)+tiny)*outward)
		s.halves[i] = float32(hat / 2 * (1 - f.eta(s)))
		s.deltas[i] = float32(delta - float64(math.Abs(delta)*16*unit) - tiny)
	}
	for i := count; i%tile.Rows != 0; i++ { // of no row
		s.scales[i], s.offsets[i], s.halves[i] = 0, 0, float32(math.Inf(1))
	}
}

// centred leaves a row of float64 less the centre in y, and returns the greatest magnitude in it.
func (n *Nearest) centred(x []float64) (most float32) {
	f := n.t.frame
	for j, v := range x {
		y := float32((v - f.centre[j]) * f.factor)
		n.y[j] = y
		most = max(most, float32(math.Abs(float64(y))))
	}
	return most
}

// store writes n.q into row i, as the tiles want it.
func (n *Nearest) store(i int) {
	if n.packed != nil {
		tile.Pack(n.packed, n.q, i, n.rows.words)
	} else {
		n.rows.storeBytes(i, n.q)
	}
}

// groups is how many groups the tiles take at once, of so many rows.
func (n *Nearest) groups(rows int) int {
	if n.packed == nil {
		return 1
	}
	return min(tile.Groups, (rows+tile.Rows-1)/tile.Rows)
}

// load makes groups of rows from number i on, and count panels from the p-th on, the arguments of the tiles.
func (n *Nearest) load(points *shorts, i, groups, p, count int) {
	for g := range groups {
		a, at := &n.batch.Args[g], i+g*tile.Rows
		a.Queries, a.Words = n.rows.word(at), n.rows.words
		copy(a.QScales[:], n.rows.scales[at:])
		copy(a.QOffsets[:], n.rows.offsets[at:])
		copy(a.QHalves[:], n.rows.halves[at:])
		against(a, points, p, count)
	}
	if n.packed != nil {
		n.batch.Prepare(groups, n.packed, i)
	}
}

// first bounds m rows from number i on, of which some have no point yet, by the best scores of all points.
func (n *Nearest) first(i, m int, positions []int32, reach []float64) {
	if n.seeds == nil {
		n.makeSeeds()
	}
	t, panels := n.t, n.points.panels()
	if n.best == nil {
		n.best = make([]float32, tile.Groups*cells)
	}
	for at := i; at < i+m; at += n.groups(i+m-at) * tile.Rows {
		groups := n.groups(i + m - at)
		for j := range n.best {
			n.best[j] = float32(math.Inf(-1))
		}
		for p := 0; p < panels; p += n.step {
			n.load(n.seeds, at, groups, p, min(n.step, panels-p))
			for g := range groups {
				n.batch.Args[g].Best = &n.best[g*cells]
			}
			if n.packed != nil {
				t.tiles[inBytes].BestBatch(&n.batch)
			} else {
				t.tiles[inBytes].Best(&n.batch.Args[0])
			}
		}
		for r := at; r < min(at+groups*tile.Rows, i+m); r++ {
			if positions[r] >= 0 || math.IsInf(float64(n.rows.halves[r]), -1) {
				continue
			}
			score := highest((*[tile.Columns]float32)(n.best[(r-at)*tile.Columns:]))
			bound := t.seedBound(n.rows, r, float64(score), n.set.half, n.set.e, n.set.f, t.frame.eta(n.rows))
			if reach != nil {
				bound = max(bound, t.o.ceiling(reach[r], t.points.dim))
			}
			n.bounds[r] = bound
		}
	}
}

// highest is the highest of the scores of a row, by four at a time; NaN where one is.
func highest(scores *[tile.Columns]float32) float32 {
	a, b, c, d := scores[0], scores[1], scores[2], scores[3]
	for j := 4; j < tile.Columns; j += 4 {
		a, b, c, d = max(a, scores[j]), max(b, scores[j+1]), max(c, scores[j+2]), max(d, scores[j+3])
	}
	return max(a, b, c, d)
}

// makeSeeds makes what the first bounds are of.
func (n *Nearest) makeSeeds() {
	s := *n.t.seedForms(n.t.asTheyCome, inBytes)
	s.halves = slices.Clone(s.halves)
	for i, h := range s.halves[:s.n] {
		if math.IsInf(float64(h), -1) {
			s.halves[i] = float32(math.Inf(1))
			continue
		}
		n.set.half = max(n.set.half, float64(h))
	}
	for p := 0; p < len(s.margins); p += 2 {
		n.set.e, n.set.f = max(n.set.e, float64(s.margins[p])), max(n.set.f, float64(s.margins[p+1]))
	}
	n.seeds = &s
}

// tiles finds the hits of groups of the rows, of which there are so many, from number i on among count panels from the
// p-th on, which have these extremes. It returns how many hits each group has.
func (n *Nearest) tiles(i, p, count, groups, rows int, e *extremes) (found [tile.Groups]int) {
	n.load(n.points, i, groups, p, count)
	f, room := n.t.frame, len(n.hits)/tile.Groups
	for g := range groups {
		a := &n.batch.Args[g]
		for m := range tile.Rows {
			r := i + g*tile.Rows + m
			if r < rows {
				a.QA[m], a.QB[m], a.QC[m] = f.limits(n.rows, r, n.bounds[r], e)
			} else {
				a.QA[m], a.QB[m], a.QC[m] = float32(math.Inf(-1)), 0, 0
			}
		}
		a.A, a.B, a.C = &n.none[0], &n.zeros[0], &n.zeros[0]
		a.Hits = &n.hits[g*room]
	}
	t := n.t.tiles[inBytes]
	if n.packed == nil {
		found[0] = t.Find(&n.batch.Args[0])
		return found
	}
	t.FindBatch(&n.batch)
	for g := range groups {
		found[g] = n.batch.Args[g].Found(&n.hits[g*room])
	}
	return found
}

// add lists the pairs of a hit of the group of m rows from number first on, but for those that are known. Which
// rows have other points the processor cannot foretell, so the first of each row is listed without a branch.
func (n *Nearest) add(hit *tile.Hit, first, m, panel int, positions []int32) {
	base := (panel + int(hit.Panel)) * tile.Columns
	points := uint64(1)<<min(n.points.n-base, tile.Columns) - 1
	var masks [tile.Rows]uint64
	more := uint64(0)
	count := len(n.list)
	list := n.list[:count+tile.Rows]
	for r, p := range positions[first : first+m] {
		mask := hit.Masks[r] & points &^ (1 << uint(int(p)-base))
		list[count] = uint64(first+r)<<32 | uint64(base+bits.TrailingZeros64(mask))
		count += int((mask | -mask) >> 63)
		masks[r] = mask & (mask - 1)
		more |= masks[r]
	}
	n.list = list[:count]
	if more == 0 {
		return
	}
	for r, mask := range masks {
		for ; mask != 0; mask &= mask - 1 {
			n.list = append(n.list, uint64(first+r)<<32|uint64(base+bits.TrailingZeros64(mask)))
		}
	}
}

// flush computes the pairs that are listed, and tightens the bounds of their rows.
func (n *Nearest) flush(q *vectors.Block, positions []int32, distances, reach []float64) {
	count := len(n.list)
	if count == 0 {
		return
	}
	n.compute(q)
	n.computed += count
	for j, pair := range n.list[:count] {
		i, p, r := int(pair>>32), int32(pair), n.reduced[j]
		if r > n.bounds[i] {
			continue
		}
		d := math.Sqrt(r)
		if d > distances[i] || d == distances[i] && p > positions[i] {
			n.seconds[i] = min(n.seconds[i], d)
			continue
		}
		n.seconds[i] = min(n.seconds[i], distances[i])
		positions[i], distances[i] = p, d
		n.bound(i, distances, reach)
	}
	n.list = n.list[:0]
}

// compute leaves the reduced values of the pairs that are listed. The squares of x − y are those of y − x.
func (n *Nearest) compute(q *vectors.Block) {
	for len(n.list)%4 != 0 {
		n.list = append(n.list, n.list[len(n.list)-1])
	}
	p, k, out := &n.t.points, n.t.kernels, n.reduced[:len(n.list)]
	if !q.Wide() && p.f64 != nil {
		k.Pairs64x32.Squares(p.f64, q.F32, p.dim, nil, n.list, out)
		return
	}
	for j, pair := range n.list {
		n.list[j] = pair<<32 | pair>>32
	}
	switch {
	case !q.Wide():
		k.Pairs32.Squares(q.F32, p.f32, p.dim, nil, n.list, out)
	case p.f64 != nil:
		k.Pairs64.Squares(q.F64, p.f64, p.dim, nil, n.list, out)
	default:
		k.Pairs64x32.Squares(q.F64, p.f32, p.dim, nil, n.list, out)
	}
	for j, pair := range n.list {
		n.list[j] = pair<<32 | pair>>32
	}
}
