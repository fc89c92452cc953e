package neighbors

import (
	"math"
	"slices"
)

// This file keeps what a query has found so far, in a heap, a selection or a list, and the bound that follows from it.

// state is what a search knows of one query.
type state struct {
	bound float64 // a reduced value that none of its neighbours exceeds
	limit float32 // of a selection: that of keys
	count int32   // neighbours or keys kept, or closed
}

const closed = -1 // the answer is complete

// inOrder reports whether the first k keys of the selection of query i are its k best so far, in order.
func (s *query) inOrder(i int) bool { return s.worst[i] == s.worst[i] }

func (s *query) keeper(i int) keeper {
	lo, n, hi := i*s.k, int(s.states[i].count), (i+1)*s.k
	return keeper{k: s.k, most: s.search.Most, distances: s.distances[lo : lo+n : hi],
		positions: s.positions[lo : lo+n : hi]}
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

// late reports whether a point of a reduced value comes after the first k keys of query i, which are in order. Where
// many points are equally far, it is what keeps those that come later from being put into a selection again and again.
func (s *query) late(i int, reduced float64, position int32) bool {
	d, worst := s.t.o.finish(reduced, s.t.points.dim), s.worst[i]
	return d > worst || d == worst && position > key(math.Float64bits(s.distances[(i+1)*s.k-1])).position()
}

// reduce drops, of the keys of query i, of which there are more than k, those that are shown not to be neighbours, at
// least a quarter of the room beyond k, and tightens the query's bound. It reports whether it did.
func (s *query) reduce(i int, c *computer) bool {
	o, dim := &s.t.o, s.t.points.dim
	kept := s.selection(i)
	keys := kept.keys(int(s.states[i].count), c.keys[:0])
	most, bound := s.search.Most, math.Inf(1)
	keys, worst, enough := s.together(keys, c)
	if enough {
		bound = o.ceiling(o.finish(s.margin.above(worst), dim), dim)
	}
	limit := ordered(s.margin.limit(bound))
	n := 0
	inOrder := s.inOrder(i)
	s.worst[i] = math.NaN()
	for _, k := range keys {
		kept.put(n, k)
		if k.order() <= limit {
			n++
		}
	}
	// Where there are ties, perhaps at the distance 0, or groups are few:
	if n > s.k+3*(s.room-s.k)/4 || math.Abs(float64(worst)) < leastKey || !enough {
		all := c.candidates(i, keys)
		if inOrder && most == nil {
			c.mergeCandidates(s.k)
		} else {
			slices.SortFunc(all, compareCandidates)
		}
		all = most.nearest(all, s.k, c)
		n = len(all)
		for j, e := range all {
			kept.put(j, newKey(e.key, e.position)) // of the value 0 only if the distance is, see bound
		}
		if n == s.k {
			s.worst[i] = all[n-1].distance
			bound = o.ceiling(s.worst[i], dim)
			s.ties.Store(true)
		}
	}
	s.states[i].count = int32(n)
	return s.tighten(i, bound)
}

// together gives the k-th smallest value of keys that a query may have together, or says that there are not so many,
// and leaves out keys of a group of which it has nearer ones for certain. With Most, what is left is sorted.
func (s *query) together(keys []key, c *computer) (left []key, worst float32, enough bool) {
	most := s.search.Most
	if most == nil {
		return keys, s.nth(keys, c), true
	}
	c.makeOrders(keys)
	keys = sortKeys(keys, c.sorted, c.orders)
	c.groups = c.groups[:0]
	o, dim, n, count := &s.t.o, s.t.points.dim, 0, 0
	var crowds [256]int32 // how many keys have groups of these lowest bits: mostly too few to look for one
	for _, k := range keys {
		group, same, last := most.Groups[k.position()], 0, 0
		crowd := &crowds[uint8(group)]
		if *crowd++; int(*crowd) > most.Number {
			for j, g := range c.groups {
				if g == group && same < most.Number {
					same, last = same+1, j
				}
			}
		}
		if group < 0 || same < most.Number {
			if count++; count == s.k {
				worst = k.value()
			}
		} else if bound := o.ceiling(o.finish(s.margin.above(keys[last].value()), dim), dim); k.order() >
			ordered(s.margin.limit(bound)) {
			continue
		}
		keys[n] = k
		n++
		c.groups = append(c.groups, group)
	}
	return keys[:n], worst, count >= s.k
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
	most, keys := s.search.Most, kept.keys(int(s.states[i].count), c.keys[:0])
	worst, enough, sorted := float32(0), false, false
	if len(keys) > s.k {
		keys, worst, enough = s.together(keys, c)
		sorted = most != nil
	}
	if enough {
		bound := o.ceiling(o.finish(s.margin.above(worst), dim), dim)
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
	if !sorted {
		c.makeOrders(keys)
		keys = sortKeys(keys, c.sorted, c.orders)
	}
	all := c.candidates(i, keys)
	for j, e := range all { // they are in order but for what the keys cannot tell
		for ; j > 0 && e.before(all[j-1]); j-- {
			all[j] = all[j-1]
		}
		all[j] = e
	}
	all = most.nearest(all, s.k, c)
	for j, e := range all {
		kept.distances[j], kept.positions[j] = e.distance, e.position
	}
	for j := len(all); most != nil && j < s.k; j++ { // where keys were
		kept.positions[j] = none
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
			if j != self && !s.search.bars(i, j) {
				s.found[i].add(d, int32(j))
			}
		}
	}
}

// fillZero writes the neighbours of query i, the zero vector under the cosine.
func (s *query) fillZero(i int) {
	self, d := excluded(s.exclude, i), s.t.o.finish(2, s.t.points.dim)
	most := s.search.Most
	for j, n := 0, i*s.k; n < (i+1)*s.k && j < s.t.points.n; j++ {
		if j != self && !s.search.bars(i, j) && !most.full(int32(j), s.positions[i*s.k:n]) {
			s.positions[n], s.distances[n] = int32(j), d
			n++
		}
	}
}

// offerZeros offers query i the points that the search left out, see zeroPoints.
func (s *query) offerZeros(i int) {
	kept, self, d := s.keeper(i), excluded(s.exclude, i), s.t.o.finish(2, s.t.points.dim)
	for _, p := range s.t.zeroPoints() {
		if len(kept.distances) == s.k && !kept.after(0, d, p) {
			break
		}
		if int(p) != self && !s.search.bars(i, int(p)) {
			kept.offer(d, p)
		}
	}
	s.states[i].count = int32(len(kept.distances))
}

// takeZeros puts those that can be neighbours into the selection of query i.
func (s *query) takeZeros(i int, c *computer) {
	self, n := excluded(s.exclude, i), 0
	for _, p := range s.t.zeroPoints() {
		if n == s.k && s.search.Most == nil || s.states[i].limit < 2 {
			return
		}
		if int(p) != self && !s.search.bars(i, int(p)) {
			if _, full := s.take(i, 2, p); full {
				s.reduce(i, c)
			}
			n++
		}
	}
}

// addZeros adds those within the radius to what query i has found.
func (s *query) addZeros(i int) {
	d, self := s.t.o.finish(2, s.t.points.dim), excluded(s.exclude, i)
	if d > s.radius || s.states[i].count == closed {
		return
	}
	for _, p := range s.t.zeroPoints() {
		if int(p) != self && !s.search.bars(i, int(p)) {
			s.found[i].add(d, p)
		}
	}
}

// bound is that of query i against the points of the rows from first on: −∞ where none of them can be a neighbour,
// because k points that come before them are at the distance 0 already. The Hamming distance, a whole number, must be
// less than the bound where so many are at that.
func (s *query) bound(i, first int) float64 {
	if s.states[i].count == closed {
		return math.Inf(-1)
	}
	bound, dim := s.states[i].bound, s.t.points.dim
	hamming := s.t.o.Metric == Hamming
	if s.k == 0 || bound > s.zero && !hamming {
		return bound
	}
	if s.room > 0 && s.search.Most != nil && !s.inOrder(i) { // the first k keys may be more of a group than count
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
		if d <= distance && s.forms.row(int(position)) < first {
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
