package neighbors

import (
	"cmp"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"

	"beamlearn/model/vectors"
)

// kdTree is a k-d tree (Bentley 1975), balanced by medians, in the form that vector registers like: the points stand in
// leaves of eight, and every inner node knows the tight bounding boxes of its eight children, so that one call of a
// kernel gives eight distances, or eight lower bounds. Its shape follows from the number of points alone.
//
// # Why pruning is exact
//
// Let x be any point in a box, q the query, and gap the vector of the query's distances to the box in each component:
// gapⱼ = max(loⱼ−qⱼ, qⱼ−hiⱼ, 0), each difference rounded to float64 as the reference rounds qⱼ−xⱼ. Rounding is
// monotone, hence |fl(qⱼ−xⱼ)| ≥ gapⱼ. The reference goes on by products, sums in an order that does not depend on the
// values, and maxima, of numbers that are not negative; each is monotone in its operands, and so is its rounding,
// overflow to +Inf included. The reference's kernel applied to gap and the zero vector therefore gives a reduced
// value that is at most that of every point in the box: a lower bound, with no margin at all. The square root that
// ends the Euclidean distance is correctly rounded, thus monotone too. Only math.Pow is not: see [kdTree.lower].
//
// A node is pruned where the lower bound of its distances is above the worst distance kept; or equal to it, when the
// worst kept point comes before all points of the node in the input, without which many equal points would have to be
// visited by every query.
type kdTree struct {
	o        Options
	dim      int
	slack    float64 // relative error of a Minkowski distance; 0 for other metrics
	order    []int32 // the position of the point at each place of the tree
	f32      *blocks[float32]
	f64      *blocks[float64]
	portable bool // search without assembly, for tests
	shape
}

// lanes is the number of points in a leaf, and of children of a node.
const lanes = 8

// shape is the form of the tree over n points. They make full leaves, but for the last. The leaves are spread over
// slots, at most twice as many: a power of two, so that halving them again and again makes a binary tree. Three of
// its levels are one of the tree that is searched, whose root has 2, 4 or 8 children, and every other node 8.
//
// The nodes have the numbers 0, the root's, to inner+slots−1, level by level; those from inner on are the slots.
type shape struct {
	n, leaves, slots, inner int
	root                    int // the root's number of children
}

func shapeOf(n int) shape {
	s := shape{n: n, leaves: (n + lanes - 1) / lanes, slots: 1}
	for s.slots < s.leaves {
		s.slots *= 2
	}
	if s.slots == 1 {
		return s // the root is a slot
	}
	s.root, s.inner = s.slots, 1
	for s.root > lanes {
		s.root /= lanes
		s.inner += s.root
	}
	return s
}

// child is the first child of an inner node.
func (s *shape) child(node int) int {
	if node == 0 {
		return 1
	}
	return lanes*node + s.root - (lanes - 1)
}

// children is the number of children of an inner node.
func (s *shape) children(node int) int {
	if node == 0 {
		return s.root
	}
	return lanes
}

func (s *shape) parent(node int) int {
	if node <= s.root {
		return 0
	}
	return (node + (lanes - 1) - s.root) / lanes
}

// leaf is the leaf in a slot; present is false where the slot is empty.
func (s *shape) leaf(slot int) (leaf int, present bool) {
	leaf = slot * s.leaves / s.slots
	return leaf, leaf < (slot+1)*s.leaves/s.slots
}

// place is the first place of the slots from one on.
func (s *shape) place(slot int) int { return min(slot*s.leaves/s.slots*lanes, s.n) }

// blocks are the points and the boxes as the kernels take them, in the type of the input.
type blocks[T float] struct {
	stride int     // columns: dim, and columns of zeros up to what the kernel takes, which add nothing to any distance
	points []T     // of each leaf: of each column the values of 8 points; zeros behind the last point
	boxes  []T     // of each inner node: of each column the 8 lowest values of its children, and the 8 highest
	first  []int32 // of each node the lowest position
}

func newKDTree(p *points, o Options) *kdTree {
	b := newBuilder(p)
	b.split(0, b.slots, runtime.GOMAXPROCS(0))
	return treeOf(p, o, b.order)
}

// treeOf makes the tree whose leaves hold the points in this order, which may be any permutation: the boxes follow.
func treeOf(p *points, o Options, order []int32) *kdTree {
	t := &kdTree{o: o, dim: p.dim, order: order, shape: shapeOf(p.n)}
	if o.Metric == Minkowski {
		t.slack = minkowskiSlack(o.P, p.dim)
	}
	stride := strideOf(o.Metric, p.dim)
	if p.f64 != nil {
		t.f64 = blocksOf(p.f64, p.dim, stride, order, &t.shape)
	} else {
		t.f32 = blocksOf(p.f32, p.dim, stride, order, &t.shape)
	}
	return t
}

func blocksOf[T float](values []T, dim, stride int, order []int32, s *shape) *blocks[T] {
	b := &blocks[T]{
		stride: stride,
		points: make([]T, s.leaves*lanes*stride),
		boxes:  make([]T, s.inner*2*lanes*stride),
		first:  make([]int32, s.inner+s.slots),
	}
	// Nothing is near the box of an empty slot, or of a child that the root lacks.
	inf := T(math.Inf(1))
	for i := range b.boxes {
		b.boxes[i] = inf
		if i/lanes%2 == 1 {
			b.boxes[i] = -inf
		}
	}
	low, high := make([]T, stride), make([]T, stride)
	for node := s.inner + s.slots - 1; node > 0; node-- {
		b.first[node] = math.MaxInt32
		if node >= s.inner {
			leaf, present := s.leaf(node - s.inner)
			if !present {
				continue
			}
			b.first[node] = b.fill(leaf, values, dim, order[leaf*lanes:min((leaf+1)*lanes, s.n)], low, high)
		} else {
			child := s.child(node)
			b.first[node] = slices.Min(b.first[child : child+lanes])
			group := b.group(node)
			for j := range stride {
				column := group[2*j*lanes:]
				low[j], high[j] = slices.Min(column[:lanes]), slices.Max(column[lanes:2*lanes])
			}
		}
		parent := s.parent(node)
		group, c := b.group(parent), node-s.child(parent)
		for j := range stride {
			group[2*j*lanes+c], group[(2*j+1)*lanes+c] = low[j], high[j]
		}
	}
	if s.inner == 0 {
		b.fill(0, values, dim, order, low, high)
	}
	return b
}

// fill copies points into a leaf, and returns their lowest position and their box.
func (b *blocks[T]) fill(leaf int, values []T, dim int, positions []int32, low, high []T) int32 {
	block := b.leaf(leaf)
	for i, p := range positions {
		for j, v := range values[int(p)*dim : (int(p)+1)*dim] {
			block[j*lanes+i] = v
			if i == 0 || v < low[j] {
				low[j] = v
			}
			if i == 0 || v > high[j] {
				high[j] = v
			}
		}
	}
	return slices.Min(positions)
}

func (b *blocks[T]) leaf(leaf int) []T {
	size := lanes * b.stride
	return b.points[leaf*size : (leaf+1)*size]
}

func (b *blocks[T]) group(node int) []T {
	size := 2 * lanes * b.stride
	return b.boxes[node*size : (node+1)*size]
}

// builder finds the order of the points: each node is split at the median of its widest column, ties by position.
type builder struct {
	shape
	p     *points
	order []int32
	items []item
}

func newBuilder(p *points) *builder {
	b := &builder{shape: shapeOf(p.n), p: p, order: make([]int32, p.n), items: make([]item, p.n)}
	for i := range b.order {
		b.order[i] = int32(i)
	}
	return b
}

// item is a point as it is ordered within a node: by (key, position), so that no two are equal.
type item struct {
	key      float64
	position int32
}

func (a item) before(b item) bool {
	return a.key < b.key || a.key == b.key && a.position < b.position
}

func compareItems(a, b item) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.position, b.position)
}

// forkSize is the number of points from which a node's children are built side by side.
const forkSize = 4096

// split orders the points of the slots from one on, whose number is a power of two, by at most threads goroutines.
// Their number does not change the order.
func (b *builder) split(slot, slots, threads int) {
	lo, mid, hi := b.place(slot), b.place(slot+slots/2), b.place(slot+slots)
	if hi-lo <= lanes {
		return
	}
	order, items := b.order[lo:hi], b.items[lo:hi]
	if b.p.f64 != nil {
		keys(b.p.f64, b.p.dim, order, items)
	} else {
		keys(b.p.f32, b.p.dim, order, items)
	}
	selectItem(items, mid-lo)
	for i := range items {
		order[i] = items[i].position
	}
	if threads <= 1 || hi-lo < forkSize {
		b.split(slot, slots/2, 1)
		b.split(slot+slots/2, slots/2, 1)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { b.split(slot, slots/2, threads/2) })
	b.split(slot+slots/2, slots/2, threads-threads/2)
	wg.Wait()
}

// keys fills in the items of the points in order, by the column in which they spread most.
func keys[T float](values []T, dim int, order []int32, items []item) {
	const most = 32
	widest, spread := 0, -1.0
	for from := 0; from < dim; from += most {
		var low, high [most]T
		n := min(most, dim-from)
		base := int(order[0])*dim + from
		copy(low[:n], values[base:base+n])
		high = low
		for _, p := range order[1:] {
			base := int(p)*dim + from
			for j, v := range values[base : base+n] {
				if v < low[j] {
					low[j] = v
				} else if v > high[j] {
					high[j] = v
				}
			}
		}
		for j := range n {
			if s := float64(high[j]) - float64(low[j]); s > spread {
				widest, spread = from+j, s
			}
		}
	}
	for i, p := range order {
		items[i] = item{float64(values[int(p)*dim+widest]), p}
	}
}

// selectItem puts the n-th item of s into its place, the ones before it to its left: Hoare's quickselect by the
// median of three, and a sort once it makes no headway. O(len(s)), at worst O(len(s)·log len(s)).
func selectItem(s []item, n int) {
	for rounds := 2 * bits.Len(uint(len(s))); len(s) > 8; rounds-- {
		if rounds == 0 {
			break
		}
		last := len(s) - 1
		m := last / 2
		if s[last].before(s[0]) {
			s[last], s[0] = s[0], s[last]
		}
		if s[m].before(s[0]) {
			s[m], s[0] = s[0], s[m]
		} else if s[last].before(s[m]) {
			s[m], s[last] = s[last], s[m]
		}
		pivot := s[m]
		i, j := 1, last-1
		for i <= j {
			for s[i].before(pivot) {
				i++
			}
			for pivot.before(s[j]) {
				j--
			}
			if i <= j {
				s[i], s[j] = s[j], s[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			s = s[:j+1]
		case n >= i:
			s, n = s[i:], n-i
		default:
			return
		}
	}
	slices.SortFunc(s, compareItems)
}

// lower is a lower bound of the distances of all points in a box, of the reduced value that its gap has.
//
// For Minkowski, math.Pow computes xʸ as exp(f·ln x), |f| ≤ ½, times a product of repeated squares of x: the argument
// of exp is below 373 in magnitude, so the first factor has a relative error of less than 2¹²·2⁻⁵³, and the second
// one of about y·2⁻⁵³. [minkowskiSlack] is at least eight times what these, the sum's own roundings, and the root add
// up to. Where the reduced value is so small that digits were lost to underflow, or overflows, the bound is 0 or the
// largest number's.
func (t *kdTree) lower(reduced float64) float64 {
	if t.o.Metric != Minkowski {
		return t.o.finish(reduced, t.dim)
	}
	if reduced < 0x1p-900 {
		return 0
	}
	return t.o.finish(min(reduced, math.MaxFloat64), t.dim) * (1 - t.slack)
}

func minkowskiSlack(p float64, dim int) float64 {
	return min((0x1p14+16*p+16*float64(dim))*0x1p-52, 1)
}

func (t *kdTree) kNeighbors(
	q *vectors.Block, exclude []int32, k int, s Search, positions []int32, distances []float64,
) {
	t.search(q, exclude, s, func() *nearest {
		return newNearest(k, s.Most)
	}, func(i int, n *nearest) {
		n.sorted(positions[i*k:(i+1)*k], distances[i*k:(i+1)*k])
	})
}

func (t *kdTree) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
	found := make([]within, q.Len())
	t.search(q, exclude, s, func() *nearest {
		return &nearest{radius: r}
	}, func(i int, n *nearest) {
		found[i] = within{slices.Clone(n.within.distances), slices.Clone(n.within.positions)}
		found[i].sort()
	})
	return gather(found)
}

// search runs all queries; each goroutine has a nearest of its own, whose content take takes after each query.
func (t *kdTree) search(q *vectors.Block, exclude []int32, s Search, keep func() *nearest, take func(int, *nearest)) {
	if t.f64 != nil {
		searchIn(t, t.f64, q, exclude, s, keep, take)
	} else {
		searchIn(t, t.f32, q, exclude, s, keep, take)
	}
}

// queryRun is the number of queries that a goroutine takes at once: neighbours of each other, which share the cache.
const queryRun = 64

func searchIn[T float](t *kdTree, b *blocks[T], q *vectors.Block, exclude []int32, s Search, keep func() *nearest,
	take func(int, *nearest)) {
	n := q.Len()
	homes := make([]int32, n)
	var slots []int32 // of the points, where most queries are points, whose own slots need no descent
	if exclude != nil && n >= t.n/2 {
		slots = t.slotsOf()
	}
	Parallel(n, queryRun, s.NumThreads(), func() func(lo, hi int) {
		f := newFinder(t, b)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if self := excluded(exclude, i); self >= 0 && slots != nil {
					homes[i] = slots[self]
					continue
				}
				f.load(q, i)
				homes[i] = int32(f.home())
			}
		}
	})
	turns := byHome(homes, t.slots)
	Parallel(n, queryRun, s.NumThreads(), func() func(lo, hi int) {
		f := newFinder(t, b)
		f.nearest = keep()
		return func(lo, hi int) {
			for _, i := range turns[lo:hi] {
				f.load(q, int(i))
				f.by, f.query = &s, int(i)
				f.find(int(homes[i]), excluded(exclude, int(i)), s.bound(int(i)))
				take(int(i), f.nearest)
			}
			s.answered(hi - lo)
		}
	})
}

// slotsOf is the slot of each point, by its position.
func (t *kdTree) slotsOf() []int32 {
	slots := make([]int32, t.n)
	for slot := range t.slots {
		leaf, present := t.leaf(slot)
		if !present {
			continue
		}
		for _, p := range t.order[leaf*lanes : min((leaf+1)*lanes, t.n)] {
			slots[p] = int32(slot)
		}
	}
	return slots
}

// byHome orders queries by their home slots, so that those that follow each other visit the same nodes. Slots that are
// close stand together without an order among them.
func byHome(homes []int32, slots int) []int32 {
	const buckets = 1 << 12
	shift := max(bits.Len(uint(slots))-bits.Len(uint(buckets)), 0)
	var starts [buckets + 1]int32
	for _, h := range homes {
		starts[int(h)>>shift+1]++
	}
	for i := range buckets {
		starts[i+1] += starts[i]
	}
	turns := make([]int32, len(homes))
	for i, h := range homes {
		turns[starts[int(h)>>shift]] = int32(i)
		starts[int(h)>>shift]++
	}
	return turns
}

// finder searches for one query at a time.
type finder[T float] struct {
	*nearest
	t             *kdTree
	b             *blocks[T]
	points, boxes kernel[T]
	q             []float64 // the query, zeros behind it
	row           []float64 // scratch
	pending       []pending // nodes to visit, the closest last
	out           [lanes]float64
}

// pending is a node that is yet to be visited, and its reduced lower bound.
type pending struct {
	reduced float64
	node    int32
}

func newFinder[T float](t *kdTree, b *blocks[T]) *finder[T] {
	f := &finder[T]{t: t, b: b, q: make([]float64, b.stride), row: make([]float64, t.dim)}
	f.points, f.boxes = kernels[T](&t.o, b.stride, t.portable)
	return f
}

func (f *finder[T]) load(q *vectors.Block, i int) { copy(f.q, q.Row(i, f.row)) }

// home is the slot that a descent to the closest child ends in: one whose box holds the query, where any does.
func (f *finder[T]) home() int {
	node := 0
	for node < f.t.inner {
		f.boxes(f.q, f.b.group(node), 0, &f.out)
		best := 0
		for c := range f.t.children(node) {
			if f.out[c] < f.out[best] {
				best = c
			}
		}
		node = f.t.child(node) + best
	}
	return node - f.t.inner
}

// find visits the home slot and then, from it to the root, the other children of each node. Nothing farther than the
// bound is needed.
func (f *finder[T]) find(home, self int, bound float64) {
	f.reset(f.t, int32(self), bound)
	f.scan(home)
	for node := f.t.inner + home; node > 0; {
		parent := f.t.parent(node)
		f.expand(parent, node)
		for len(f.pending) > 0 {
			p := f.pending[len(f.pending)-1]
			f.pending = f.pending[:len(f.pending)-1]
			switch {
			case f.prunes(p.reduced, int(p.node)):
			case int(p.node) >= f.t.inner:
				f.scan(int(p.node) - f.t.inner)
			default:
				f.expand(int(p.node), -1)
			}
		}
		node = parent
	}
}

// expand makes pending the children of an inner node that cannot be pruned, but for one that was visited.
func (f *finder[T]) expand(node, visited int) {
	mask := f.boxes(f.q, f.b.group(node), f.ceiling, &f.out)
	mask &= 1<<f.t.children(node) - 1
	child, start := f.t.child(node), len(f.pending)
	for ; mask != 0; mask &= mask - 1 {
		c := bits.TrailingZeros64(mask)
		p := pending{f.out[c&(lanes-1)], int32(child + c)}
		if child+c == visited || f.prunes(p.reduced, child+c) {
			continue
		}
		f.pending = append(f.pending, p)
		i := len(f.pending) - 1
		for ; i > start; i-- {
			before := f.pending[i-1]
			if before.reduced > p.reduced || before.reduced == p.reduced && f.b.first[before.node] > f.b.first[p.node] {
				break
			}
			f.pending[i] = before
		}
		f.pending[i] = p
	}
}

// prunes reports whether no point of a node with this reduced lower bound can be a neighbour.
func (f *finder[T]) prunes(reduced float64, node int) bool {
	if reduced < f.floor {
		return false
	}
	return reduced > f.ceiling || f.prunesClosely(f.t.lower(reduced), f.b.first[node])
}

// scan offers the points in a slot.
func (f *finder[T]) scan(slot int) {
	leaf, present := f.t.leaf(slot)
	if !present {
		return
	}
	mask := f.points(f.q, f.b.leaf(leaf), f.ceiling, &f.out)
	if n := f.t.n - leaf*lanes; n < lanes {
		mask &= 1<<n - 1
	}
	for ; mask != 0; mask &= mask - 1 {
		i := bits.TrailingZeros64(mask)
		if r := f.out[i&(lanes-1)]; r <= f.ceiling {
			f.offer(r, leaf*lanes+i)
		}
	}
}

// nearest keeps the k nearest points of a query, or all within a radius, and knows what can still be one of them.
type nearest struct {
	k       int // 0 for a radius
	radius  float64
	entries []entry // ascending, for a small k
	heap    *keeper // for a large one
	within  within

	t       *kdTree
	self    int32
	by      *Search
	query   int     // its place among the queries of by
	worst   entry   // what comes after it is none of them
	ceiling float64 // a larger reduced value is no neighbour's
	floor   float64 // a node with a smaller one may have a neighbour
}

type entry struct {
	distance float64
	position int32
}

// largestInsertion is the largest k for which insertion into an ordered list beats a heap.
const largestInsertion = 64

func newNearest(k int, most *Most) *nearest {
	if k > largestInsertion || most != nil {
		return &nearest{k: k, heap: newKeeper(k, most)}
	}
	return &nearest{k: k, entries: make([]entry, 0, k)}
}

func (n *nearest) reset(t *kdTree, self int32, bound float64) {
	n.t, n.self = t, self
	n.entries, n.within = n.entries[:0], within{n.within.distances[:0], n.within.positions[:0]}
	if n.k > 0 {
		n.tighten(bound, math.MaxInt32)
	} else {
		n.tighten(n.radius, math.MaxInt32)
	}
}

func (n *nearest) tighten(distance float64, position int32) {
	n.worst = entry{distance, position}
	n.ceiling, n.floor = n.t.o.ceiling(distance, n.t.dim), distance
	switch n.t.o.Metric {
	case Euclidean:
		n.floor = distance * distance * (1 - 0x1p-50)
	case Minkowski:
		n.floor = math.Inf(-1)
	}
}

// prunesClosely reports the same of a lower bound of the distances, and the lowest position.
func (n *nearest) prunesClosely(distance float64, first int32) bool {
	return distance > n.worst.distance || distance == n.worst.distance && first > n.worst.position
}

// offer takes the point at a place of the tree if it is a neighbour so far.
func (n *nearest) offer(reduced float64, place int) {
	e := entry{n.t.o.finish(reduced, n.t.dim), n.t.order[place]}
	if e.position == n.self || e.distance > n.worst.distance ||
		e.distance == n.worst.distance && e.position > n.worst.position || n.by.bars(n.query, int(e.position)) {
		return
	}
	if n.k == 0 {
		n.within.add(e.distance, e.position)
		return
	}
	if n.heap != nil {
		n.heap.offer(e.distance, e.position)
		if len(n.heap.distances) == n.k {
			n.tighten(n.heap.distances[0], n.heap.positions[0])
		}
		return
	}
	i := len(n.entries)
	if i < n.k {
		n.entries = n.entries[:i+1]
	} else {
		i--
	}
	s := n.entries[:i+1]
	for ; i > 0; i-- {
		up := s[i-1]
		if up.distance < e.distance || up.distance == e.distance && up.position < e.position {
			break
		}
		s[i] = up
	}
	s[i] = e
	if len(s) == n.k {
		n.tighten(s[n.k-1].distance, s[n.k-1].position)
	}
}

// sorted writes the neighbours in ascending order.
func (n *nearest) sorted(positions []int32, distances []float64) {
	if n.heap != nil {
		n.heap.sorted(positions, distances)
		return
	}
	for i, e := range n.entries {
		positions[i], distances[i] = e.position, e.distance
	}
}
