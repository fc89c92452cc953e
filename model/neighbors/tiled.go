package neighbors

import (
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// tiled compares all pairs by the certified filter (filter.go) and computes those that pass it in float64.
//
// Where the queries are the indexed points, all of them in order, each pair is compared once and serves both ends.
type tiled struct {
	o        Options
	points   points
	scales   []float64 // inverse norms, for the cosine
	kernels  *tile.Kernels
	tiles    [inFloat64]*tile.Tile // nil where the level or the dimension has none
	frame    *frame
	bytes    *shorts
	float32s *lazy[*shorts]
	first    precision // where work begins
}

// tileMetric reports whether the tiles have the metric: all but that whose terms are powers.
func tileMetric(m Metric) bool { return m != Minkowski }

// newTiled builds the engine on the kernels of a level.
func newTiled(p *points, o Options, kernels *tile.Kernels) *tiled {
	t := emptyTiled(o, kernels, p.dim)
	t.points, t.scales = o.scales(*p)
	t.frame = newFrame(p.n, p.dim, o.Metric, t.row)
	if t.first == inBytes {
		t.bytes = t.frame.shortsOf(p.n, true, runtime.GOMAXPROCS(0), t.row)
	}
	return t
}

// emptyTiled is the engine without points.
func emptyTiled(o Options, kernels *tile.Kernels, dim int) *tiled {
	t := &tiled{o: o, kernels: kernels, float32s: new(lazy[*shorts])}
	switch o.Metric {
	case Manhattan:
		t.tiles[inBytes] = kernels.Manhattan
	case Chebyshev:
		t.tiles[inBytes] = kernels.Chebyshev
	case Hamming:
		t.tiles[inBytes] = kernels.Hamming
	default:
		t.tiles = [...]*tile.Tile{inBytes: kernels.Bytes, inFloat32: kernels.Float32s}
	}
	if dim > maxByteDim {
		t.tiles[inBytes] = nil
	}
	t.first = t.from(inBytes)
	return t
}

// row is a point as the filter sees it: for the cosine, of unit length.
func (t *tiled) row(i int, dst []float64) []float64 {
	x := t.points.row(i, dst)
	if t.scales == nil {
		return x
	}
	for j, v := range x {
		dst[j] = v * t.scales[i]
	}
	return dst[:len(x)]
}

// A precision is how pairs are compared. Work that begins with the fastest goes on to the next when too many pairs pass.
type precision int

const (
	inBytes precision = iota
	inFloat32
	inFloat64 // no filter
)

// from is the first precision from one on that there is a tile of, or inFloat64.
func (t *tiled) from(p precision) precision {
	for p < inFloat64 && t.tiles[p] == nil {
		p++
	}
	return p
}

// tooMany is the share of pairs that pass for nothing from which on the next precision is faster: of those that begin in
// int8, less if float32 can follow.
func (t *tiled) tooMany(p precision) float64 {
	if t.from(p+1) == inFloat32 {
		return 1.0 / 8
	}
	return 1.0 / 2
}

// patience is the number of points that a block of queries is compared to before it is looked at: bounds are not tight
// at first.
func (s *query) patience() int { return max(64*s.k, 4096) }

// shorts are the points' short forms of a precision.
func (t *tiled) shorts(p precision) *shorts {
	if p == inBytes {
		return t.bytes
	}
	return t.float32s.get(func() *shorts {
		return t.frame.shortsOf(t.points.n, false, runtime.GOMAXPROCS(0), t.row)
	})
}

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

// query is the state of a search. Queries belong to the goroutine that works on them or, where pairs serve both ends,
// to who holds their block's lock.
type query struct {
	t       *tiled
	q       *vectors.Block
	exclude []int32
	states  []state
	zero    float64 // the bound of the distance 0, where no distance is less

	k         int // or 0: all within the radius
	positions []int32
	distances []float64
	room      int    // keys that a selection holds; 0 where a heap is kept instead
	screened  bool   // whether its keys are made by tile.Kernels.Screen
	margin    margin // of the keys

	radius float64
	found  []within

	search   Search
	compared atomic.Int64 // pairs, where they serve both ends
}

// state is what a search knows of one query.
type state struct {
	bound float64 // a reduced value that none of its neighbours exceeds
	limit float32 // of a selection: that of keys
	count int32   // neighbours or keys kept, or closed
}

const closed = -1 // the answer is complete

func (t *tiled) kNeighbors(q *vectors.Block, exclude []int32, k int, by Search, positions []int32, distances []float64) {
	s := &query{t: t, q: q, exclude: exclude, states: make([]state, q.Len()), search: by,
		k: k, positions: positions, distances: distances}
	if k >= heaped {
		s.room, s.margin = room(k), ofRounding
		if s.screened = t.screens(q); s.screened {
			s.margin = ofScreen(t.points.dim)
		}
	}
	for i := range s.states {
		s.setBound(i, t.o.ceiling(by.bound(i), t.points.dim))
	}
	if s.zero = t.o.ceiling(0, t.points.dim); t.frame.product() {
		s.zero = math.Inf(-1)
	}
	s.run()
	parallel(q.Len(), 256, by.NumThreads(), func() func(lo, hi int) {
		var c *computer
		if s.room > 0 {
			c = newComputer(s)
		}
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				switch {
				case s.states[i].count == closed:
					s.fillZero(i)
				case s.room > 0:
					s.answer(i, c)
				default:
					kept := s.keeper(i)
					kept.sorted(kept.positions, kept.distances)
				}
			}
		}
	})
}

// screens reports whether pairs can be computed in float32 first.
func (t *tiled) screens(q *vectors.Block) bool {
	return t.points.f64 == nil && !q.Wide() && (t.o.Metric == Euclidean || t.o.Metric == SqEuclidean)
}

func (t *tiled) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, by Search) *Neighbors {
	s := &query{t: t, q: q, exclude: exclude, states: make([]state, q.Len()), search: by,
		radius: r, found: make([]within, q.Len())}
	ceiling := t.o.ceiling(r, t.points.dim)
	for i := range s.states {
		s.states[i].bound = ceiling
	}
	s.run()
	parallel(q.Len(), 64, by.NumThreads(), func() func(lo, hi int) {
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				s.found[i].sort()
			}
		}
	})
	return gather(s.found)
}

func (s *query) run() {
	if threads := s.search.NumThreads(); s.everyPoint() {
		s.pairs(threads)
	} else {
		s.chunks(threads)
	}
}

// everyPoint reports whether the queries are the points, all of them in order.
func (s *query) everyPoint() bool {
	if len(s.exclude) != s.t.points.n {
		return false
	}
	for i, v := range s.exclude {
		if int(v) != i {
			return false
		}
	}
	return true
}

func (s *query) keeper(i int) keeper {
	lo, n, hi := i*s.k, int(s.states[i].count), (i+1)*s.k
	return keeper{k: s.k, distances: s.distances[lo : lo+n : hi], positions: s.positions[lo : lo+n : hi]}
}

func (s *query) selection(i int) selection {
	lo, hi := i*s.k, (i+1)*s.k
	return selection{distances: s.distances[lo:hi:hi], positions: s.positions[lo:hi:hi]}
}

// heaped is the k from which on a selection is faster than a heap.
const heaped = 12

// setBound gives query i a bound.
func (s *query) setBound(i int, bound float64) {
	s.states[i].bound = bound
	if s.room > 0 {
		s.states[i].limit = s.margin.limit(bound)
	}
}

// tighten lowers the bound of query i, and reports whether this does.
func (s *query) tighten(i int, bound float64) bool {
	if bound >= s.states[i].bound {
		return false
	}
	s.setBound(i, bound)
	return true
}

// offer takes a point of a reduced value within its bound for query i, whose neighbours are all within a radius or kept
// in a heap, and tightens the query's bound. It reports whether it did.
func (s *query) offer(i int, reduced float64, position int32) bool {
	if s.states[i].count == closed {
		return false
	}
	o, dim := &s.t.o, s.t.points.dim
	d := o.finish(reduced, dim)
	if s.k == 0 {
		if d <= s.radius {
			s.found[i].add(d, position)
		}
		return false
	}
	kept := s.keeper(i)
	kept.offer(d, position)
	s.states[i].count = int32(len(kept.distances))
	worst := kept.worst()
	return !math.IsInf(worst, 1) && s.tighten(i, o.ceiling(worst, dim))
}

// take puts a key into the selection of query i if it is within its limit. It returns how many more it has then, and
// whether it is full.
func (s *query) take(i int, value float32, position int32) (more int, full bool) {
	state := &s.states[i]
	n, k := max(int(state.count), 0), s.k
	c := newKey(value, position)
	if n < k { // for nothing where the count stays as it is
		s.distances[i*k+n] = math.Float64frombits(uint64(c))
	} else {
		half := s.positions[i*k+2*(n-k):][:2]
		half[0], half[1] = int32(c>>32), position
	}
	if value <= state.limit {
		more = 1
	}
	state.count += int32(more)
	return more, int(state.count) == s.room
}

// reduce drops, of the keys of query i, of which there are more than k, those that are shown not to be neighbours, at
// least a quarter of the room beyond k, and tightens the query's bound. It reports whether it did.
func (s *query) reduce(i int, c *computer) bool {
	o, dim := &s.t.o, s.t.points.dim
	kept := s.selection(i)
	keys := kept.keys(int(s.states[i].count), c.keys[:0])
	worst := s.nth(keys, c)
	bound := o.ceiling(o.finish(s.margin.above(worst), dim), dim)
	limit := ordered(s.margin.limit(bound))
	n := 0
	for _, k := range keys {
		kept.put(n, k)
		if k.order() <= limit {
			n++
		}
	}
	if n > s.k+3*(s.room-s.k)/4 || math.Abs(float64(worst)) < leastKey { // there are ties, perhaps at the distance 0
		all := c.candidates(i, keys)
		slices.SortFunc(all, compareCandidates)
		n = s.k
		for j, e := range all[:n] {
			kept.put(j, newKey(e.key, e.position)) // of the value 0 only if the distance is, see bound
		}
		bound = o.ceiling(all[n-1].distance, dim)
	}
	s.states[i].count = int32(n)
	return s.tighten(i, bound)
}

// nth is the k-th smallest value of at least k keys.
func (s *query) nth(keys []key, c *computer) float32 {
	c.makeOrders(keys)
	return disordered(nthSmallest(c.orders, s.k))
}

// answer writes the neighbours of query i, whose selection it empties.
func (s *query) answer(i int, c *computer) {
	o, dim := &s.t.o, s.t.points.dim
	kept := s.selection(i)
	keys := kept.keys(int(s.states[i].count), c.keys[:0])
	if len(keys) > s.k {
		bound := o.ceiling(o.finish(s.margin.above(s.nth(keys, c)), dim), dim)
		limit := ordered(s.margin.limit(bound))
		n := 0
		for _, k := range keys {
			keys[n] = k
			if k.order() <= limit {
				n++
			}
		}
		keys = keys[:n]
	}
	c.makeOrders(keys)
	all := c.candidates(i, sortKeys(keys, c.sorted, c.orders))
	for j, e := range all { // they are in order but for what the keys cannot tell
		for ; j > 0 && e.before(all[j-1]); j-- {
			all[j] = all[j-1]
		}
		all[j] = e
	}
	for j, e := range all[:min(len(all), s.k)] {
		kept.distances[j], kept.positions[j] = e.distance, e.position
	}
}

// closeZero closes query i, the zero vector under the cosine: it is equally far from all points.
func (s *query) closeZero(i int) {
	o, dim, self := &s.t.o, s.t.points.dim, excluded(s.exclude, i)
	s.states[i].count = closed
	if s.k > 0 {
		s.setBound(i, math.Inf(-1)) // see fillZero
		return
	}
	if d := o.finish(2, dim); d <= s.radius {
		for j := range s.t.points.n {
			if j != self {
				s.found[i].add(d, int32(j))
			}
		}
	}
}

// fillZero writes the neighbours of query i, the zero vector under the cosine.
func (s *query) fillZero(i int) {
	self, d := excluded(s.exclude, i), s.t.o.finish(2, s.t.points.dim)
	for j, n := 0, i*s.k; n < (i+1)*s.k && j < s.t.points.n; j++ {
		if j != self {
			s.positions[n], s.distances[n] = int32(j), d
			n++
		}
	}
}

// bound is that of query i against the points from first on: −∞ where none of them can be a neighbour, because k points
// that come before them are at the distance 0 already. The Hamming distance, a whole number, must be less than the bound
// where so many are at that.
func (s *query) bound(i, first int) float64 {
	if s.states[i].count == closed {
		return math.Inf(-1)
	}
	bound, dim := s.states[i].bound, s.t.points.dim
	hamming := s.t.o.Metric == Hamming
	if s.k == 0 || bound > s.zero && !hamming {
		return bound
	}
	distance := 0.0
	if hamming {
		distance = s.t.o.finish(math.Floor(bound), dim)
	}
	n := 0
	for j := i * s.k; j < i*s.k+min(int(s.states[i].count), s.k); j++ {
		d, position := s.distances[j], s.positions[j]
		if s.room > 0 {
			k := key(math.Float64bits(d))
			// The values are exact: those of Hamming always are, and else these are what reduce has computed.
			if position, d = k.position(), float64(k.value()); hamming {
				d = s.t.o.finish(d, dim)
			}
		}
		if d <= distance && int(position) < first {
			n++
		}
	}
	switch {
	case n < s.k:
		return bound
	case hamming:
		return math.Floor(bound) - 0.5
	}
	return math.Inf(-1)
}

// chunks answers a chunk of queries after the other, each against all points.
func (s *query) chunks(threads int) {
	t := s.t
	block := t.blockPanels(threads) * tile.Columns
	chunk := max(min(chunkPanels*tile.Columns, (s.q.Len()/(4*threads)+tile.Columns-1)/tile.Columns*tile.Columns), tile.Columns)
	parallel(s.q.Len(), chunk, threads, func() func(lo, hi int) {
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
			w.seed(side, prec)
			for first := 0; first < t.points.n; first += block {
				last := min(first+block, t.points.n)
				w.compare(side, first, last, prec, false)
				if next := w.next(prec); next != prec {
					prec = next
					side.forms, side.prec = shorten(), prec
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
	block := func(b int, prec precision) queries {
		q := queries{first: b * size, n: min(size, t.points.n-b*size), offset: b * size, prec: prec}
		if prec < inFloat64 {
			q.forms = t.shorts(prec)
		}
		return q
	}
	parallel(blocks, 1, threads, func() func(b, _ int) {
		w := newWorker(s, size)
		return func(b, _ int) {
			q := block(b, t.first)
			if t.scales != nil {
				for i := q.first; i < q.first+q.n; i++ {
					if t.scales[i] == 0 {
						s.closeZero(i)
					}
				}
			}
			w.seed(q, t.first)
		}
	})
	parallel(blocks, 1, threads, func() func(b, _ int) {
		w := newWorker(s, size)
		return func(b, _ int) {
			defer w.release()
			prec := t.first
			w.compared, w.passed = 0, 0
			for i := range blocks - b {
				c := b + i
				if i > 0 { // workers on neighbouring blocks begin at places far from each other
					c = b + 1 + (i-1+b%8*(blocks-b)/8)%(blocks-b-1)
				}
				w.rows, w.columns = &locks[b], &locks[c]
				last := min((c+1)*size, t.points.n)
				w.compare(block(b, prec), c*size, last, prec, c > b)
				prec = w.next(prec)
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

// queries are a block of queries, from first on, whose short forms begin at row offset of forms.
type queries struct {
	first, n int
	forms    *shorts // nil for inFloat64
	prec     precision
	offset   int
}

// computer computes pairs of a group of queries, and answers of single ones.
type computer struct {
	s           *query
	group       int      // first query of the group
	list        []uint64 // pairs to compute: point<<32 | query of the group
	reduced     []float64
	pre         prepared
	x           []float64       // the group's queries, prepared, where the kernels cannot take them as they are stored
	ready, zero [tile.Rows]bool // those in x, and those that are the zero vector under the cosine
	// Scratch of selections:
	all          []candidate
	keys, sorted []key
	orders       []uint32
}

// worker is what a goroutine compares blocks with.
type worker struct {
	computer
	single        *computer // for one query while a group is worked on
	args          tile.Args
	hits          []tile.Hit
	best          []float32
	qa, qb, qc    []float32 // limits of the block of queries
	a, b, c       []float32 // limits of the block of points
	rows, columns *sync.Mutex
	held          *sync.Mutex
	size          int // queries in the group
	compared      int // points that the block was compared to at this precision
	listed        int // pairs of this call that passed
	wasted        int // those that passed for nothing
	screenable    bool
	screens       bool
	screened      []float32
	passed        float64 // points that passed for nothing, on average
	symmetric     bool
}

// screenDim is the dimension from which on it pays to compute pairs in float32 first, if more than screenShare of those
// that pass the tiles do so for nothing.
const (
	screenDim   = 256
	screenShare = 0.4
)

// screen drops, of the pairs listed, those whose float32 distance shows that they are beyond both bounds.
func (w *worker) screen() {
	s, dim := w.s, w.s.t.points.dim
	n := len(w.list)
	w.screenList()
	low := 1 - float64(dim+16)*0x1p-23
	kept := w.list[:0]
	w.lock(w.rows)
	for p, pair := range w.list[:n] {
		d := float64(w.screened[p]) * low
		bound := s.states[w.group+int(uint32(pair))].bound
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

// screenList computes the pairs listed in float32.
func (w *worker) screenList() {
	dim := w.s.t.points.dim
	w.pad()
	w.screened = w.screened[:len(w.list)]
	w.s.t.kernels.Screen(w.s.q.F32[w.group*dim:], w.s.t.points.f32, dim, w.list, w.screened)
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

func newComputer(s *query) *computer {
	c := &computer{s: s, list: make([]uint64, 0, listRoom), reduced: make([]float64, listRoom)}
	if s.t.o.Metric == Cosine || s.t.points.f64 != nil && !s.q.Wide() {
		c.x = make([]float64, tile.Rows*s.t.points.dim)
	}
	c.keys, c.sorted = make([]key, 0, s.room), make([]key, s.room)
	return c
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
	c.group, c.ready = i, [tile.Rows]bool{}
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

func newWorker(s *query, block int) *worker {
	w := &worker{
		computer: *newComputer(s),
		hits:     make([]tile.Hit, block/tile.Columns+1),
		screened: make([]float32, listRoom),
		a:        make([]float32, block),
		b:        make([]float32, block),
		c:        make([]float32, block),
	}
	if s.room > 0 {
		w.single = newComputer(s)
	}
	w.screenable = s.t.points.dim >= screenDim && s.t.screens(s.q)
	rows := max(block, chunkPanels*tile.Columns)
	w.qa, w.qb, w.qc = make([]float32, rows), make([]float32, rows), make([]float32, rows)
	return w
}

// load makes the group of up to 8 queries from number i of the block on the arguments of the kernels.
func (w *worker) load(q queries, i int) {
	w.group, w.size = q.first+i, min(tile.Rows, q.n-i)
	w.ready = [tile.Rows]bool{}
	if q.forms == nil {
		return
	}
	a, f, at := &w.args, q.forms, q.offset+i
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

// against makes count panels from the p-th on the arguments of the kernels.
func (w *worker) against(f *shorts, p, count int) {
	a, at := &w.args, p*tile.Columns
	a.Panels, a.NPanels = f.word(at), count
	a.Halves, a.Margins = &f.halves[at], &f.margins[2*p]
	if f.bytes != nil {
		a.Scales = &f.scales[at]
	}
}

// compare takes a block of queries past the points from first, where a panel begins, to last. With symmetric, the points
// are queries too, by their positions, and the worker's locks guard both blocks; else no other goroutine may work on
// these queries unless the lock of rows is held.
func (w *worker) compare(q queries, first, last int, prec precision, symmetric bool) {
	s, t := w.s, w.s.t
	w.symmetric = symmetric
	if prec == inFloat64 {
		w.all(q, first, last)
		return
	}
	points := t.shorts(prec)
	w.lock(w.rows)
	for i := range q.n {
		w.qa[i], w.qb[i], w.qc[i] = t.frame.limits(q.forms, points, q.offset+i, s.bound(q.first+i, first))
	}
	w.unlock(w.rows)
	for i := q.n; i < len(w.qa) && i%tile.Rows != 0; i++ {
		w.qa[i], w.qb[i], w.qc[i] = float32(math.Inf(-1)), 0, 0
	}
	w.lock(w.columns)
	for j := range w.a {
		w.a[j], w.b[j], w.c[j] = float32(math.Inf(-1)), 0, 0
		if symmetric && first+j < last {
			w.a[j], w.b[j], w.c[j] = t.frame.limits(points, points, first+j, s.bound(first+j, q.first))
		}
	}
	w.unlock(w.columns)

	panels := (last - first + tile.Columns - 1) / tile.Columns
	step := min(max(pointBytes/(tile.Columns*4*points.words), 1), panels)
	w.wasted, w.listed = 0, 0
	for p := 0; p < panels; p += step {
		n := min(step, panels-p)
		w.against(points, first/tile.Columns+p, n)
		at := p * tile.Columns
		w.args.A, w.args.B, w.args.C = &w.a[at], &w.b[at], &w.c[at]
		w.args.Hits = &w.hits[0]
		for i := 0; i < q.n; i += tile.Rows {
			w.load(q, i)
			for h := range t.tiles[prec].Find(&w.args) {
				hit := &w.hits[h]
				w.addHit(hit, first+at+int(hit.Panel)*tile.Columns, last)
				if len(w.list) >= listed {
					w.flush(i, q, first)
				}
			}
			w.flush(i, q, first)
		}
	}
	w.screens = w.screenable && float64(w.wasted) > screenShare*float64(w.listed)
	w.compared += last - first
	w.passed += float64(w.wasted) / float64(q.n)
}

// next is the precision to go on with after prec.
func (w *worker) next(prec precision) precision {
	if prec == inFloat64 || w.compared < w.s.patience() || w.passed < w.s.t.tooMany(prec)*float64(w.compared) {
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
			w.load(q, i)
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
	return math.IsInf(w.s.bound(w.group+m, first), -1)
}

// addHit lists the pairs of a hit; base is the first point of its panel.
func (w *worker) addHit(hit *tile.Hit, base, last int) {
	if base+tile.Columns > last {
		for m := range hit.Masks {
			hit.Masks[m] &= 1<<(last-base) - 1
		}
	}
	if w.s.exclude != nil && !w.symmetric {
		for m, v := range w.s.exclude[w.group : w.group+w.size] {
			if at := uint(int(v) - base); at < tile.Columns {
				hit.Masks[m] &^= 1 << at
			}
		}
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
	w.list = list[:n]
}

// add lists a pair of a query of the group and a point.
func (w *worker) add(m, point, last, i int, q queries, first int) {
	if point >= last || excluded(w.s.exclude, w.group+m) == point {
		return
	}
	w.list = append(w.list, uint64(point)<<32|uint64(m))
	if len(w.list) == listed {
		w.flush(i, q, first)
	}
}

// flush computes the pairs listed and offers them to their queries. The group begins at number at of q.
func (w *worker) flush(at int, q queries, first int) {
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
		i, r := w.group+m, out[p]
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
			if s.offer(j, r, int32(w.group)+int32(uint32(pair))) {
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
	values := w.screened[:n]
	w.wasted += n
	w.lock(w.rows)
	for p, pair := range w.list[:n] {
		m := int(uint32(pair))
		more, full := s.take(w.group+m, values[p], int32(pair>>32))
		w.wasted -= more
		if full && s.reduce(w.group+m, w.single) {
			w.limitRow(q, at, m)
		}
	}
	w.unlock(w.rows)
	if w.symmetric {
		w.lock(w.columns)
		for p, pair := range w.list[:n] {
			j := int(pair >> 32)
			more, full := s.take(j, values[p], int32(w.group)+int32(uint32(pair)))
			w.wasted -= more
			if full && s.reduce(j, w.single) {
				w.limitColumn(q, first, j)
			}
		}
		w.unlock(w.columns)
	}
	w.list = w.list[:0]
}

// limitRow makes the limits of query m of the group, which begins at number at of q.
func (w *worker) limitRow(q queries, at, m int) {
	if t := w.s.t; q.forms != nil {
		i := at + m
		w.qa[i], w.qb[i], w.qc[i] = t.frame.limits(q.forms, t.shorts(q.prec), q.offset+i, w.s.states[w.group+m].bound)
	}
}

// limitColumn makes the limits of point j as a query.
func (w *worker) limitColumn(q queries, first, j int) {
	if q.forms != nil {
		w.a[j-first], w.b[j-first], w.c[j-first] = w.s.t.frame.limits(q.forms, q.forms, j, w.s.states[j].bound)
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

// compute finds the reduced values of the pairs listed.
func (w *computer) compute() {
	t, q, dim := w.s.t, w.s.q, w.s.t.points.dim
	k, out := t.kernels, w.reduced[:len(w.list)]
	var x []float64 // q.F64 may hold rows of a block before, see vectors.Block.Reset
	if w.x != nil {
		x = w.x
		for _, pair := range w.list {
			if m := int(uint32(pair)); !w.ready[m] {
				w.ready[m] = true
				t.o.prepare(q, w.group+m, &w.pre)
				copy(w.x[m*dim:], w.pre.x)
				w.zero[m] = w.pre.zero
			}
		}
	} else if q.Wide() {
		x = q.F64[w.group*dim:]
	}
	switch {
	case x == nil:
		reduce(t, &k.Pairs32, q.F32[w.group*dim:], t.points.f32, w.list, out)
	case t.points.f64 == nil:
		reduce(t, &k.Pairs64x32, x, t.points.f32, w.list, out)
	default:
		reduce(t, &k.Pairs64, x, t.points.f64, w.list, out)
	}
	if t.o.Metric == Cosine {
		for p, pair := range w.list {
			if w.zero[uint32(pair)] || t.scales[pair>>32] == 0 {
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

// seed gives the queries a first bound from the filter alone: the best score of each of at least k disjoint sets of
// points, of which the k-th best is no better than the k-th neighbour.
func (w *worker) seed(q queries, prec precision) {
	s, t := w.s, w.s.t
	rank := s.k // of the score wanted, from 1
	if s.exclude != nil {
		rank++ // the query itself may have the best
	}
	if s.k == 0 || prec == inFloat64 {
		return
	}
	if t.tiles[prec].Best == nil {
		w.sample(q, rank)
		return
	}
	points := t.shorts(prec)
	panels := points.panels()
	sets := min((4*rank+tile.Columns-1)/tile.Columns, panels)
	if sets*tile.Columns < rank {
		return
	}
	length := max(min(240*rank, t.points.n/4)/(sets*tile.Columns), 1)
	start := 0
	if s.exclude != nil { // points that were near in the input may be near
		start = int(s.exclude[q.first]) / tile.Columns
	}
	start = max(min(start, panels-sets*length), 0)
	half, e, f := float32(0), float32(0), float32(0)
	for p := start; p < start+sets*length; p++ {
		for j := p * tile.Columns; j < min((p+1)*tile.Columns, t.points.n); j++ {
			h := points.halves[j]
			if math.IsInf(float64(h), -1) || t.scales != nil && t.scales[j] == 0 {
				return // no short form, or, under the cosine, farther than it
			}
			half = max(half, h)
		}
		e, f = max(e, points.margins[2*p]), max(f, points.margins[2*p+1])
	}
	const cells = tile.Rows * tile.Columns
	w.best = slices.Grow(w.best[:0], sets*cells)[:sets*cells]
	for i := range w.best {
		w.best[i] = float32(math.Inf(-1))
	}
	eta := t.frame.eta(points)
	for i := 0; i < q.n; i += tile.Rows {
		w.load(q, i)
		for j := range w.best {
			w.best[j] = float32(math.Inf(-1))
		}
		for set := range sets {
			w.args.Best = &w.best[set*cells]
			w.against(points, start+set*length, length)
			t.tiles[prec].Best(&w.args)
		}
		for m := range w.size {
			at := q.offset + i + m
			if s.states[w.group+m].count == closed || math.IsInf(float64(q.forms.halves[at]), -1) {
				continue
			}
			w.orders = w.orders[:0]
			for set := range sets {
				for _, score := range w.best[set*cells+m*tile.Columns:][:tile.Columns] {
					w.orders = append(w.orders, ordered(-score))
				}
			}
			score := -float64(disordered(nthSmallest(w.orders, rank)))
			s.tighten(w.group+m, t.seedBound(q.forms, at, score, float64(half), float64(e), float64(f), eta))
		}
	}
}

// sample gives the queries a first bound where the filter has none: the rank-th best of a few points.
func (w *worker) sample(q queries, rank int) {
	s, t := w.s, w.s.t
	n := min(max(4*rank, 2*tile.Columns), t.points.n)
	if n < rank {
		return
	}
	start := 0
	if s.exclude != nil { // points that were near in the input may be near
		start = max(min(int(s.exclude[q.first]), t.points.n-n), 0)
	}
	for i := 0; i < q.n; i += tile.Rows {
		w.load(q, i)
		for m := range w.size {
			w.orders = w.orders[:0]
			for j := start; j < start+n; j += listed {
				for l := j; l < min(j+listed, start+n); l++ {
					w.list = append(w.list, uint64(l)<<32|uint64(m))
				}
				count := len(w.list)
				w.pad()
				w.compute()
				for _, r := range w.reduced[:count] {
					w.orders = append(w.orders, ordered(float32(r)))
				}
				w.list = w.list[:0]
			}
			worst := ofRounding.above(disordered(nthSmallest(w.orders, rank)))
			s.tighten(w.group+m, t.o.ceiling(t.o.finish(worst, t.points.dim), t.points.dim))
		}
	}
}

// seedBound is a bound on the reduced value of the points that have at least this score, the greatest h, E and F among
// them given.
func (t *tiled) seedBound(q *shorts, i int, score, half, e, f, eta float64) float64 {
	if t.frame.distance() {
		reduced := (max(e-score, 0)*(1+64*unit) + e*(1+64*unit) + float64(q.errors[i])) / t.frame.factor
		return reduced*(1+0x1p-30) + 0x1p-1000
	}
	square := t.frame.factor * t.frame.factor
	var reduced float64
	if t.frame.product() {
		reduced = (-score + float64(q.norms[i])*e + (float64(q.errors[i])+(eta+0x1p-30)*float64(q.norms[i]))*f) / square
		return reduced + math.Abs(reduced)*0x1p-30 + 0x1p-1000
	}
	h := float64(q.halves[i]) * (1 + 2*eta)
	hat := 2 * (h - score + 4*eta*(h+half))
	r := math.Sqrt(max(hat, 0)) + float64(q.errors[i]) + e
	reduced = r*r/square*(1+0x1p-30) + 0x1p-1000
	if reduced != reduced {
		return math.Inf(1)
	}
	return t.o.ceiling(t.o.finish(reduced, t.points.dim), t.points.dim)
}
