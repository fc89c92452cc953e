package neighbors

import (
	"math"
	"math/bits"
	"slices"
	"sync"

	"beamlearn/model/neighbors/internal/tile"
)

// This file is the order of the work of [tiled]: blocks of queries past blocks of points, and what threads share.

// patience is the number of points that a block of queries is compared to before it is looked at: bounds are not tight
// at first.
func (s *query) patience() int { return max(64*s.k, 4096) }

// Blocks of points and of queries. A block of points stays in the second-level cache while a block of queries passes
// over it, group by group.
const (
	pointBytes  = 384 << 10
	chunkPanels = 6
)

// blockPanels is the number of panels in a block of points, with enough blocks for the threads to share.
func (t *tiled) blockPanels(threads int) int {
	panels := (t.points.n + tile.Columns - 1) / tile.Columns
	return max(min(pointBytes/(tile.Columns*(t.points.dim+3)), 128, panels/(8*threads)), 2)
}

// chunks answers a chunk of queries after the other, each against all points.
func (s *query) chunks(threads int) {
	t := s.t
	block := t.blockPanels(threads) * tile.Columns
	chunk := max(min(chunkPanels*tile.Columns, (s.q.Len()/(4*threads)+tile.Columns-1)/tile.Columns*tile.Columns),
		tile.Columns)
	Parallel(s.q.Len(), chunk, threads, func() func(lo, hi int) {
		w := newWorker(s, block)
		var forms [inFloat64]*shorts
		var pre prepared
		k := newPacker(t.frame)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if t.o.Metric == Cosine {
					if t.o.prepare(s.q, i, &pre); pre.zero {
						s.closeZero(i)
					}
				}
			}
			prec := t.first
			shorten := func() *shorts {
				if prec == inFloat64 {
					return nil
				}
				if forms[prec] == nil {
					forms[prec] = t.frame.newShorts(chunk, prec == inBytes)
				}
				f := forms[prec]
				f.reset(hi - lo)
				for p := range f.panels() {
					k.panel(f, p, func(i int, _ []float64) []float64 {
						t.o.prepare(s.q, lo+i, &pre)
						return pre.x
					})
				}
				return f
			}
			w.compared, w.passed = 0, 0
			side := queries{first: lo, n: hi - lo, forms: shorten(), prec: prec}
			w.pack(&side)
			w.seed(side)
			points, _ := s.search.Before.allowed(lo, hi, t.points.n)
			for first := 0; first < points; first += block {
				last := min(first+block, points)
				w.compare(side, first, last, prec, false)
				if next := w.next(prec); next != prec {
					prec = next
					side.forms, side.prec = shorten(), prec
					w.pack(&side)
				}
			}
			s.search.answered(hi - lo)
		}
	})
}

// pairs answers all points, comparing each pair of them once.
func (s *query) pairs(threads int) {
	t := s.t
	size := t.blockPanels(threads) * tile.Columns
	blocks := (t.points.n + size - 1) / size
	locks := make([]sync.Mutex, blocks)
	block := func(w *worker, b int, prec precision) queries {
		q := queries{first: b * size, n: min(size, t.points.n-b*size), offset: b * size, prec: prec, order: s.forms.order}
		if prec < inFloat64 {
			q.forms = t.shorts(s.forms, prec)
		}
		w.pack(&q)
		return q
	}
	Parallel(blocks, 1, threads, func() func(b, _ int) {
		w := newWorker(s, size)
		return func(b, _ int) {
			q := block(w, b, t.first)
			if t.first < inFloat64 {
				q.forms = t.seedForms(s.forms, t.first)
			}
			if t.scales != nil {
				for i := q.first; i < q.first+q.n; i++ {
					if t.scales[i] == 0 {
						s.closeZero(i)
					}
				}
			}
			w.seed(q)
		}
	})
	Parallel(blocks, 1, threads, func() func(b, _ int) {
		w := newWorker(s, size)
		return func(b, _ int) {
			defer w.release()
			q := block(w, b, t.first)
			w.compared, w.passed = 0, 0
			for i := range blocks - b {
				c := b + i
				if i > 0 && s.forms.order == nil { // workers on neighbouring blocks begin at places far from each other
					c = b + 1 + (i-1+b%8*(blocks-b)/8)%(blocks-b-1)
				}
				w.rows, w.columns = &locks[b], &locks[c]
				last := min((c+1)*size, t.points.n)
				w.compare(q, c*size, last, q.prec, c > b)
				if next := w.next(q.prec); next != q.prec {
					q = block(w, b, next)
				}
				// All n² pairs, of which these are so many, come to n queries.
				n, pairs := int64(t.points.n), int64(min(size, t.points.n-b*size))*int64(last-c*size)
				if c > b {
					pairs *= 2
				}
				done := s.compared.Add(pairs)
				s.search.answered(int(done/n - (done-pairs)/n))
			}
		}
	})
}

// queries are a block of queries, from first on, whose short forms begin at row offset of forms. Where the points are
// the queries, first is a row, and order has the query of each, if that is another.
type queries struct {
	first, n int
	order    []int32
	forms    *shorts // nil for inFloat64
	prec     precision
	offset   int
	packed   []int8 // where the tiles take them in batches; of the worker
}

// query is number i of the block.
func (q *queries) query(i int) int {
	if q.order == nil {
		return q.first + i
	}
	return int(q.order[q.first+i])
}

// worker is what a goroutine compares blocks with.
type worker struct {
	computer
	single        *computer // for one query while a group is worked on
	batch         tile.Batch
	packed        []int8
	hits          []tile.Hit // of each group of a batch
	best          []float32
	allowed       *keeper   // of first bounds, where a query may not have all points
	qa, qb, qc    []float32 // limits of the block of queries
	a, b, c       []float32 // limits of the block of points
	points        extremes  // of the block
	queries       extremes  // of theirs
	rows, columns *sync.Mutex
	held          *sync.Mutex
	size          int // queries in the group
	compared      int // points that the block was compared to at this precision
	listed        int // pairs of this call that passed
	wasted        int // those that passed for nothing
	screenable    bool
	screens       bool
	screened      []float32
	places        []int32 // of pairs in the list
	passed        float64 // points that passed for nothing, on average
	symmetric     bool
}

func newWorker(s *query, block int) *worker {
	rows := max(block, chunkPanels*tile.Columns)
	w := &worker{
		computer: *newComputer(s, rows),
		hits:     make([]tile.Hit, tile.Groups*(block/tile.Columns+1)),
		screened: make([]float32, listRoom),
		places:   make([]int32, listRoom),
		a:        make([]float32, block),
		b:        make([]float32, block),
		c:        make([]float32, block),
	}
	if s.room > 0 {
		w.single = newComputer(s, 1)
	}
	w.screenable = s.screensWorker()
	w.qa, w.qb, w.qc = make([]float32, rows), make([]float32, rows), make([]float32, rows)
	return w
}

// pack packs the queries for the batches of their tiles.
func (w *worker) pack(q *queries) {
	if q.prec == inFloat64 || w.s.t.tiles[q.prec].FindBatch == nil {
		q.packed = nil
		return
	}
	w.packed = tile.Packed(w.packed[:0], q.forms.bytes, q.offset, q.n, q.forms.words)
	q.packed = w.packed
}

// groups is how many groups of the queries, from number i of the block on, the tiles take at once.
func (q *queries) groups(i int) int {
	if q.packed == nil {
		return 1
	}
	return min(tile.Groups, (q.n-i+tile.Rows-1)/tile.Rows)
}

// begin makes the group of up to 8 queries from number i of the block on the one that pairs are listed of.
func (w *worker) begin(q queries, i int) {
	w.group, w.size, w.order = q.first+i, min(tile.Rows, q.n-i), q.order
	if len(w.ready) > tile.Rows {
		w.hold(q.first)
	} else {
		w.hold(w.group)
	}
}

// load makes the group of up to 8 queries from number i of the block on the arguments of a kernel.
func (w *worker) load(q queries, i int, a *tile.Args) {
	f, at := q.forms, q.offset+i
	a.Queries, a.Words = f.word(at), f.words
	copy(a.QHalves[:], f.halves[at:])
	copy(a.QA[:], w.qa[i:])
	copy(a.QB[:], w.qb[i:])
	copy(a.QC[:], w.qc[i:])
	if f.bytes != nil {
		copy(a.QScales[:], f.scales[at:])
	}
	if t := w.s.t; t.frame.distance() {
		return // its limits have no margins
	}
	if f.bytes != nil {
		copy(a.QOffsets[:], f.offsets[at:])
	}
	e, norm := float32(0), float32(0)
	for m := range tile.Rows {
		e, norm = max(e, f.errors[at+m]), max(norm, f.norms[at+m])
	}
	a.QMargin = [2]float32{e, norm}
}

// against makes count panels from the p-th on the arguments of a kernel.
func against(a *tile.Args, f *shorts, p, count int) {
	at := p * tile.Columns
	a.Panels, a.NPanels = f.word(at), count
	a.Halves, a.Margins = &f.halves[at], &f.margins[2*p]
	if f.bytes != nil {
		a.Scales = &f.scales[at]
	}
}

// find runs the tiles of the groups from number i of the queries on past n panels from the p-th, whose limits begin at
// panel local of the worker's. It returns how many hits each group has.
func (w *worker) find(q queries, points *shorts, i, p, n, local int) (found [tile.Groups]int) {
	t, groups := w.s.t.tiles[q.prec], q.groups(i)
	room := len(w.hits) / tile.Groups
	at := local * tile.Columns
	for g := range groups {
		a := &w.batch.Args[g]
		w.load(q, i+g*tile.Rows, a)
		against(a, points, p, n)
		a.A, a.B, a.C = &w.a[at], &w.b[at], &w.c[at]
		a.Hits = &w.hits[g*room]
	}
	if q.packed == nil {
		found[0] = t.Find(&w.batch.Args[0])
		return found
	}
	w.batch.Prepare(groups, q.packed, i)
	t.FindBatch(&w.batch)
	for g := range groups {
		found[g] = w.batch.Args[g].Found(&w.hits[g*room])
	}
	return found
}

// compare takes a block of queries past the points from first, where a panel begins, to last. With symmetric, the
// points are queries too, by their positions, and the worker's locks guard both blocks; else no other goroutine may
// work on these queries unless the lock of rows is held.
func (w *worker) compare(q queries, first, last int, prec precision, symmetric bool) {
	s, t := w.s, w.s.t
	w.symmetric = symmetric
	if prec == inFloat64 {
		w.all(q, first, last)
		return
	}
	points := t.shorts(s.forms, prec)
	w.points, w.queries = points.over(first, last), q.forms.over(q.offset, q.offset+q.n)
	open := false // whether any of the pairs is wanted
	w.lock(w.rows)
	for i := range q.n {
		bound := s.bound(q.query(i), first)
		w.qa[i], w.qb[i], w.qc[i] = t.frame.limits(q.forms, q.offset+i, bound, &w.points)
		open = open || !math.IsInf(bound, -1)
	}
	w.unlock(w.rows)
	for i := q.n; i < len(w.qa) && i%tile.Rows != 0; i++ {
		w.qa[i], w.qb[i], w.qc[i] = float32(math.Inf(-1)), 0, 0
	}
	w.lock(w.columns)
	for j := range w.a {
		w.a[j], w.b[j], w.c[j] = float32(math.Inf(-1)), 0, 0
		if symmetric && first+j < last {
			bound := s.bound(s.forms.position(first+j), q.first)
			w.a[j], w.b[j], w.c[j] = t.frame.limits(points, first+j, bound, &w.queries)
			open = open || !math.IsInf(bound, -1)
		}
	}
	w.unlock(w.columns)
	if w.compared += last - first; !open {
		return
	}
	panels := (last - first + tile.Columns - 1) / tile.Columns
	step := min(max(pointBytes/(tile.Columns*4*points.words), 1), panels)
	w.wasted, w.listed = 0, 0
	for p := 0; p < panels; p += step {
		n := min(step, panels-p)
		for i := 0; i < q.n; i += q.groups(i) * tile.Rows {
			found := w.find(q, points, i, first/tile.Columns+p, n, p)
			for g := range q.groups(i) {
				at := i + g*tile.Rows
				w.begin(q, at)
				for h := range found[g] {
					hit := &w.hits[g*len(w.hits)/tile.Groups+h]
					w.addHit(hit, first+(p+int(hit.Panel))*tile.Columns, last)
					if len(w.list) >= listed {
						w.flush(at, q, first)
					}
				}
				w.flush(at, q, first)
			}
		}
	}
	w.screens = w.screenable && float64(w.wasted) > screenShare*float64(w.listed)
	w.passed += float64(w.wasted) / float64(q.n)
}

// next is the precision to go on with after prec.
func (w *worker) next(prec precision) precision {
	tooMany := w.s.t.tooMany(prec)
	if w.s.forms.order != nil {
		tooMany = 1.0 / 2 // fewer pass of the shorter ones that come
	}
	if prec == inFloat64 || w.compared < w.s.patience() || w.passed < tooMany*float64(w.compared) {
		return prec
	}
	w.compared, w.passed = 0, 0
	return w.s.t.from(prec + 1)
}

// all takes a block of queries past points without a filter, a cache of points at a time.
func (w *worker) all(q queries, first, last int) {
	step := max(pointBytes/(8*w.s.t.points.dim), 1)
	for at := first; at < last; at += step {
		for i := 0; i < q.n; i += tile.Rows {
			w.begin(q, i)
			for m := range w.size {
				if !w.symmetric && w.hopeless(m, first) {
					continue
				}
				for j := at; j < min(at+step, last); j++ {
					w.add(m, j, last, i, q, first)
				}
			}
			w.flush(i, q, first)
		}
	}
}

// hopeless reports whether no point from first on can be a neighbour of a query of the group.
func (w *worker) hopeless(m, first int) bool {
	w.lock(w.rows)
	defer w.unlock(w.rows)
	return math.IsInf(w.s.bound(w.query(uint64(m)), first), -1)
}

// addHit lists the pairs of a hit; base is the first point of its panel.
func (w *worker) addHit(hit *tile.Hit, base, last int) {
	if base+tile.Columns > last {
		for m := range hit.Masks {
			hit.Masks[m] &= 1<<(last-base) - 1
		}
	}
	if w.s.exclude != nil && !w.symmetric {
		for m := range w.size {
			v := w.s.forms.row(int(w.s.exclude[w.query(uint64(m))]))
			if at := uint(v - base); at < tile.Columns {
				hit.Masks[m] &^= 1 << at
			}
		}
	}
	if w.s.search.Apart != nil || w.s.search.Before != nil {
		w.bar(hit, base)
	}
	n := len(w.list)
	list := w.list[:cap(w.list)]
	for m, mask := range hit.Masks[:w.size] {
		count := bits.OnesCount64(mask)
		pair := uint64(base)<<32 | uint64(m)
		// Most have two at most: to write both always is faster than to ask.
		two := list[n : n+2 : n+2]
		two[0] = pair + uint64(bits.TrailingZeros64(mask))<<32
		mask &= mask - 1
		two[1] = pair + uint64(bits.TrailingZeros64(mask))<<32
		if count > 2 {
			mask &= mask - 1
			for i := n + 2; mask != 0; i++ {
				list[i] = pair + uint64(bits.TrailingZeros64(mask))<<32
				mask &= mask - 1
			}
		}
		n += count
	}
	if order := w.s.forms.order; order != nil {
		for p, pair := range list[len(w.list):n] {
			list[len(w.list)+p] = uint64(order[pair>>32])<<32 | uint64(uint32(pair))
		}
	}
	w.list = list[:n]
}

// bar takes pairs of a query and a point that it must not have out of a hit.
func (w *worker) bar(hit *tile.Hit, base int) {
	apart, order := w.s.search.Apart, w.s.forms.order
	if w.s.search.Before != nil || order != nil {
		for m := range hit.Masks[:w.size] {
			for mask := hit.Masks[m]; mask != 0; mask &= mask - 1 {
				if at := bits.TrailingZeros64(mask); w.s.search.bars(w.query(uint64(m)), w.s.forms.position(base+at)) {
					hit.Masks[m] &^= 1 << at
				}
			}
		}
		return
	}
	groups := apart.Points[base:]
	for m, mask := range hit.Masks[:w.size] {
		if mask == 0 {
			continue
		}
		if group := apart.Queries[w.query(uint64(m))]; group >= 0 {
			for ; mask != 0; mask &= mask - 1 {
				same := uint64(0) // without a branch
				if at := bits.TrailingZeros64(mask); groups[at] == group {
					same = mask & -mask
				}
				hit.Masks[m] &^= same
			}
		}
	}
}

// add lists a pair of a query of the group and a point.
func (w *worker) add(m, point, last, i int, q queries, first int) {
	if point >= last {
		return
	}
	query := w.query(uint64(m))
	if point = w.s.forms.position(point); excluded(w.s.exclude, query) == point || w.s.search.bars(query, point) {
		return
	}
	w.list = append(w.list, uint64(point)<<32|uint64(m))
	if len(w.list) == listed {
		w.flush(i, q, first)
	}
}

// flush computes the pairs listed and offers them to their queries. The group begins at number at of q.
func (w *worker) flush(at int, q queries, first int) {
	if scales := w.s.t.scales; len(w.s.t.zeroPoints()) > 0 { // they pass where there is no limit, in float64 and at first
		w.list = slices.DeleteFunc(w.list, func(pair uint64) bool {
			return scales[pair>>32] == 0 || w.symmetric && scales[w.group+int(uint32(pair))] == 0
		})
	}
	w.dropTies()
	w.listed += len(w.list)
	if w.s.room > 0 {
		w.choose(at, q, first)
		return
	}
	if w.screens && len(w.list) > 0 {
		w.screen()
	}
	n := len(w.list)
	if n == 0 {
		return
	}
	s := w.s
	w.pad()
	w.compute()
	out := w.reduced
	w.lock(w.rows)
	for p, pair := range w.list[:n] {
		m := int(uint32(pair))
		i, r := w.query(pair), out[p]
		if !(r <= s.states[i].bound) {
			w.wasted++
			continue
		}
		if s.offer(i, r, int32(pair>>32)) {
			w.limitRow(q, at, m)
		}
	}
	w.unlock(w.rows)
	if w.symmetric {
		w.lock(w.columns)
		for p, pair := range w.list[:n] {
			j, r := int(pair>>32), out[p]
			if !(r <= s.states[j].bound) {
				continue
			}
			w.wasted--
			if s.offer(j, r, int32(w.query(pair))) {
				w.limitColumn(q, first, j)
			}
		}
		w.unlock(w.columns)
	}
	w.list = w.list[:0]
}

// choose is flush for selections.
func (w *worker) choose(at int, q queries, first int) {
	n := len(w.list)
	if n == 0 {
		return
	}
	s := w.s
	if s.screened {
		w.screenList()
	} else {
		w.pad()
		w.compute()
		w.screened = w.screened[:n]
		for p, r := range w.reduced[:n] {
			w.screened[p] = float32(r)
		}
	}
	values, ties := w.screened[:n], s.ties.Load()
	if s.screened && ties {
		w.computeTies(n)
	}
	w.wasted += n
	w.lock(w.rows)
	for _, p := range w.withinRows(values) {
		pair := w.list[p]
		i, position := w.query(pair), int32(pair>>32)
		if ties && w.late(i, int(p), position) {
			continue
		}
		more, full := s.take(i, values[p], position)
		w.wasted -= more
		if full && s.reduce(i, w.single) {
			w.limitRow(q, at, int(uint32(pair)))
		}
	}
	w.unlock(w.rows)
	if w.symmetric {
		w.lock(w.columns)
		for _, p := range w.withinColumns(values) {
			pair := w.list[p]
			j, position := int(pair>>32), int32(w.query(pair))
			if ties && w.late(j, int(p), position) {
				continue
			}
			more, full := s.take(j, values[p], position)
			w.wasted -= more
			if full && s.reduce(j, w.single) {
				w.limitColumn(q, first, j)
			}
		}
		w.unlock(w.columns)
	}
	w.list = w.list[:0]
}

// withinRows are the places of the listed pairs whose values are within the limits of their queries. It goes without
// branches, which nobody could predict.
func (w *worker) withinRows(values []float32) []int32 {
	var limits [tile.Rows]float32
	for m := range w.size {
		limits[m] = w.s.states[w.query(uint64(m))].limit
	}
	places, list := w.places[:len(values)], w.list[:len(values)]
	n := 0
	for p, v := range values {
		more := 0
		if v <= limits[list[p]%tile.Rows] {
			more = 1
		}
		places[n] = int32(p)
		n += more
	}
	return places[:n]
}

// withinColumns are those whose values are within the limits of their points, which are queries too.
func (w *worker) withinColumns(values []float32) []int32 {
	states := w.s.states
	places, list := w.places[:len(values)], w.list[:len(values)]
	n := 0
	for p, v := range values {
		more := 0
		if v <= states[list[p]>>32].limit {
			more = 1
		}
		places[n] = int32(p)
		n += more
	}
	return places[:n]
}

// late reports whether the pair number p of the list, whose value is within the limit of query i, is of a point that
// comes too late for it. What is not known in float64 is not late.
func (w *worker) late(i, p int, position int32) bool {
	if !w.s.inOrder(i) || w.screened[p] > w.s.states[i].limit {
		return false
	}
	r := w.reduced[p]
	return r == r && w.s.late(i, r, position)
}

// computeTies computes, of the first n pairs of the list, which have been screened in float32, those in float64 that a
// query whose selection is in order may take: of the others the reduced value is NaN.
func (w *worker) computeTies(n int) {
	s, c := w.s, w.single
	for p := range n {
		w.reduced[p] = math.NaN()
	}
	mark := func(p, i int) {
		if s.inOrder(i) && w.screened[p] <= s.states[i].limit {
			w.reduced[p] = 0
		}
	}
	w.lock(w.rows)
	for p, pair := range w.list[:n] {
		mark(p, w.query(pair))
	}
	w.unlock(w.rows)
	if w.symmetric {
		w.lock(w.columns)
		for p, pair := range w.list[:n] {
			mark(p, int(pair>>32))
		}
		w.unlock(w.columns)
	}
	c.group, c.order, c.list = w.group, w.order, c.list[:0]
	for p, pair := range w.list[:n] {
		if w.reduced[p] == 0 {
			c.list = append(c.list, pair)
		}
	}
	if len(c.list) == 0 {
		return
	}
	c.pad()
	c.compute()
	at := 0
	for p := range n {
		if w.reduced[p] == 0 {
			w.reduced[p] = c.reduced[at]
			at++
		}
	}
	c.list = c.list[:0]
}

// limitRow makes the limits of query m of the group, which begins at number at of q.
func (w *worker) limitRow(q queries, at, m int) {
	if t := w.s.t; q.forms != nil {
		i := at + m
		w.qa[i], w.qb[i], w.qc[i] = t.frame.limits(q.forms, q.offset+i, w.s.states[w.query(uint64(m))].bound, &w.points)
	}
}

// limitColumn makes the limits of point j as a query, for the groups after this one.
func (w *worker) limitColumn(q queries, first, j int) {
	if q.forms != nil {
		bound, row := w.s.bound(j, w.group+w.size), w.s.forms.row(j)
		w.a[row-first], w.b[row-first], w.c[row-first] = w.s.t.frame.limits(q.forms, row, bound, &w.queries)
	}
}

// dropTies drops the listed pairs of queries that have all their neighbours at the distance 0 before the first point
// listed: nothing that comes after can be nearer. Points are listed in ascending order. Only where a query is worked on
// alone.
func (w *worker) dropTies() {
	s := w.s
	if w.symmetric || len(w.list) == 0 || s.k == 0 {
		return
	}
	var seen, drop [tile.Rows]bool
	any := false
	for m := range w.size {
		seen[m] = s.states[w.query(uint64(m))].bound > s.zero
	}
	if seen == [tile.Rows]bool{true, true, true, true, true, true, true, true} {
		return
	}
	w.lock(w.rows)
	for _, pair := range w.list {
		if m := int(uint32(pair)); !seen[m] {
			seen[m] = true
			drop[m] = math.IsInf(s.bound(w.query(pair), s.forms.row(int(pair>>32))), -1)
			any = any || drop[m]
		}
	}
	w.unlock(w.rows)
	if any {
		w.list = slices.DeleteFunc(w.list, func(pair uint64) bool { return drop[uint32(pair)] })
	}
}

func (w *worker) lock(m *sync.Mutex) {
	if m != nil {
		m.Lock()
		w.held = m
	}
}

func (w *worker) unlock(m *sync.Mutex) {
	if m != nil {
		w.held = nil
		m.Unlock()
	}
}

// release gives back a lock that is held where a page of a mapped file is gone.
func (w *worker) release() { w.unlock(w.held) }
