package sparse

import (
	"math"
	"sync"
)

// Search says what to find.
type Search struct {
	// Queries are compared with the rows of the index.
	Queries Rows
	// Each says that the queries are the rows of the index, all of them in order. A row is no candidate of its own then,
	// and each pair is compared once; Skip is asked for both ends.
	Each bool
	// K is how many nearest rows are among the candidates of each query. Where it is 0, they are all rows whose value is
	// at most Limit: that of the [Measure].
	K     int
	Limit float64
	// Skip says that a row is no candidate of a query. It may be nil.
	Skip func(query int, position int32) bool
	// All, where it is set, is called by several goroutines in the place of [Take] for a query whose candidates are all
	// rows that it does not skip: by the cosine, one that has a column in common with fewer than k.
	All func(query int)
	// Parallel shares n tasks, some at a time, among goroutines that each call setup. Default: this goroutine.
	Parallel func(n, some int, setup func() func(lo, hi int))
	// Compared, where it is set, is called by several goroutines with numbers of queries that add up to all.
	Compared func(queries int)
}

// Take is given the candidates of a query, in any order, in memory that is used again.
type Take func(query int, positions []int32)

// Find gives the positions of rows among which are the k nearest of each query, or all within a limit, to what worker
// makes for each goroutine. O(products of the queries with the rows' columns).
func (x *Index) Find(s Search, worker func() Take) {
	if s.Parallel == nil {
		s.Parallel = func(n, _ int, setup func() func(lo, hi int)) { setup()(0, n) }
	}
	if s.K == 0 {
		s.Limit += 1e-12 * (1 + math.Abs(s.Limit))
	} else {
		s.Limit = math.Inf(1)
	}
	if s.Each && s.K <= mostPaired {
		x.findPairs(&s, worker)
		return
	}
	if s.Each {
		s.notItself()
	}
	x.findRows(&s, s.Queries.N, func(i int) int { return i }, worker)
}

const (
	// groupQueries is how many queries are compared with a block one after the other.
	groupQueries = 256
	// mostPaired is the most neighbours of all rows that are kept at the same time.
	mostPaired = 128
)

// findRows finds the candidates of n of the queries.
func (x *Index) findRows(s *Search, n int, row func(i int) int, worker func() Take) {
	s.Parallel(n, min(groupQueries, max(n/16, 1)), func() func(lo, hi int) {
		w, take := x.worker(), worker()
		var states []nearest
		var positions []int32
		return func(lo, hi int) {
			w.forget()
			for len(states) < hi-lo {
				states = append(states, nearest{})
			}
			for i := lo; i < hi; i++ {
				columns, values := s.Queries.CSR.Row(row(i))
				w.add(Row{columns, values}, row(i), -1)
			}
			w.searchAll(s, states)
			for i := range w.queries {
				if states[i].all && s.All != nil {
					s.All(w.queries[i].row)
					continue
				}
				positions = w.positions(&w.queries[i], s, &states[i], positions[:0])
				take(w.queries[i].row, positions)
			}
			if s.Compared != nil {
				s.Compared(hi - lo)
			}
		}
	})
}

// searchAll offers all rows to the queries: first with limits that rows without a common column exceed, as those may be
// many, and where fewer than k are within, again.
func (w *worker) searchAll(s *Search, states []nearest) {
	x := w.x
	for i := range w.queries {
		states[i].begin(s.Limit)
		if s.K > 0 {
			states[i].limit = x.overlap(w.queries[i].norm)
		}
	}
	w.searchSome(s, states, func(i int) bool { return !x.constant(w.queries[i].norm, s.K) })
	w.searchSome(s, states, func(i int) bool {
		st := &states[i]
		if norm := w.queries[i].norm; x.constant(norm, s.K) || !st.lacks(x, s.K, norm) || st.all {
			return false
		}
		st.begin(s.Limit)
		return true
	})
}

// searchSome offers all rows to some of the queries.
func (w *worker) searchSome(s *Search, states []nearest, some func(i int) bool) {
	var among []int
	for i := range w.queries {
		if some(i) {
			among = append(among, i)
		}
	}
	if len(among) == 0 {
		return
	}
	w.meet(among)
	for number := range w.x.blocks {
		w.open(number)
		for _, i := range among {
			w.search(&w.queries[i], number, s, &states[i])
		}
	}
}

// overlap is a limit below the value of all rows that have no column in common with a row of such a norm, or, where it
// would leave out many that are near, +Inf.
func (x *Index) overlap(norm float64) float64 {
	least, most := x.runs[len(x.runs)-1].least, x.runs[0].most
	err := 8 * errorOf(x.longest)
	switch {
	case norm == 0 || err > 0.01:
	case x.measure == Cosine:
		return -err
	case x.measure == Jaccard || x.measure == Dice || x.measure == Overlap:
		return -1e-10 // one column of 2³¹
	case x.measure == InnerProduct:
		return -err * norm * most
	case least > 0.9*most:
		return (norm*norm + least*least) * (1 - err)
	}
	return math.Inf(1)
}

// constant reports whether all rows have the same value for a query of such a norm, so that the first are the nearest.
func (x *Index) constant(norm float64, k int) bool {
	return norm == 0 && k > 0 && (x.measure == Cosine || x.measure == InnerProduct)
}

// positions appends those of a query's candidates.
func (w *worker) positions(q *query, s *Search, of *nearest, to []int32) []int32 {
	switch {
	case w.x.constant(q.norm, s.K):
		return s.first(q.row, s.K, w.x.n, to)
	case of.all:
		return s.first(q.row, w.x.n, w.x.n, to)
	case s.K > 0:
		of.cut(w.x, s.K)
	}
	return of.positions(w.x, to)
}

// first appends the first k of n positions that a query does not skip.
func (s *Search) first(query, k, n int, to []int32) []int32 {
	for position := int32(0); int(position) < n && len(to) < k; position++ {
		if s.Skip == nil || !s.Skip(query, position) {
			to = append(to, position)
		}
	}
	return to
}

// search offers the rows of a block to a query.
func (w *worker) search(q *query, number int, s *Search, to *nearest) {
	x := w.x
	first := number * blockRows
	rows := min(blockRows, x.n-first)
	w.compare(q, number, rows, to.limit, func(hits int) float64 {
		for h, r := range w.rows[:hits] {
			if int(r) >= rows {
				continue
			}
			place := first + int(r)
			c := x.bounds(q, place, w.found[h])
			if c.least > to.limit || s.Skip != nil && s.Skip(q.row, x.order[place]) {
				continue
			}
			to.offer(x, c, s.K, math.MaxInt)
		}
		return to.limit
	})
}

// pairs is a search where each pair of rows serves both ends.
type pairs struct {
	*Search
	x      *Index
	states []nearest    // by the place
	locks  []sync.Mutex // of the states of a block
	room   int
}

// notItself leaves out each row among its own candidates.
func (s *Search) notItself() {
	skip := s.Skip
	s.Skip = func(i int, position int32) bool { return i == int(position) || skip != nil && skip(i, position) }
}

// findPairs is findRows where the queries are the rows.
func (x *Index) findPairs(s *Search, worker func() Take) {
	p := &pairs{Search: s, x: x, states: make([]nearest, x.n), locks: make([]sync.Mutex, len(x.blocks)), room: 4*s.K + 64}
	for i := range p.states {
		if p.states[i].limit = s.Limit; s.K > 0 {
			p.states[i].limit = x.overlap(x.norms[i])
		}
		if x.constant(x.norms[i], s.K) {
			p.states[i].overflow()
		}
	}
	const size = groupQueries
	groups := (x.n + size - 1) / size
	s.Parallel(groups, 1, func() func(lo, hi int) {
		w := x.worker()
		return func(lo, hi int) {
			for g := lo; g < hi; g++ { // rows of much head, which are near to others, soon lower their limits
				p.compare(w, g*size, min((g+1)*size, x.n))
			}
		}
	})
	var again []int
	for place := range p.states {
		st := &p.states[place]
		if !st.over() && st.lacks(x, s.K, x.norms[place]) && !st.all {
			st.overflow()
		}
		if st.over() {
			again = append(again, int(x.order[place]))
		}
	}
	s.notItself()
	s.Parallel(x.n, groupQueries, func() func(lo, hi int) {
		take := worker()
		var positions []int32
		return func(lo, hi int) {
			for place := lo; place < hi; place++ {
				row := int(x.order[place])
				switch st := &p.states[place]; {
				case st.all && s.All != nil:
					s.All(row)
					continue
				case st.all:
					positions = s.first(row, x.n, x.n, positions[:0])
				case st.over():
					continue
				default:
					positions = st.positions(x, positions[:0])
				}
				take(row, positions)
			}
		}
	})
	p.states = nil
	if len(again) > 0 {
		s.Compared = nil
		x.findRows(s, len(again), func(i int) int { return again[i] }, worker)
	}
}

// compare compares rows, all of one block, with all that stand before them.
func (p *pairs) compare(w *worker, lo, hi int) {
	x := p.x
	w.forget()
	for place := lo; place < hi; place++ {
		columns, values := p.Queries.CSR.Row(int(x.order[place]))
		w.add(Row{columns, values}, int(x.order[place]), place)
	}
	own := lo / blockRows
	w.meet(nil)
	for number := 0; number <= own; number++ {
		w.open(number)
		for i := range w.queries {
			q := &w.queries[i]
			if i == 0 || x.measure != Cosine && q.place%runRows == 0 {
				p.thresholds(w, number, &x.runs[q.place/runRows])
			}
			n := blockRows
			if number == own {
				n = q.place % blockRows
			}
			if n > 0 {
				p.search(w, q, number, n)
			}
		}
	}
	if p.Compared != nil {
		// All pairs are x.n²/2: the part of these, of x.n queries.
		part := func(place int) int { return int(float64(place) * float64(place) / float64(x.n)) }
		p.Compared(part(hi) - part(lo))
	}
}

// thresholds sets those of the rows of a block, for their own sake, against queries of a run.
func (p *pairs) thresholds(w *worker, number int, r *run) {
	first := number * blockRows
	p.locks[number].Lock()
	defer p.locks[number].Unlock()
	w.lowest = float32(math.Inf(1))
	for row := range w.thresholds {
		if place := first + row; place < p.x.n {
			w.thresholds[row] = p.threshold(place, r)
			w.lowest = min(w.lowest, w.thresholds[row])
		} else {
			w.thresholds[row] = float32(math.Inf(1))
		}
	}
}

func (p *pairs) threshold(place int, r *run) float32 {
	x := p.x
	return x.threshold(x.norms[place], p.states[place].limit, errorOf(int(x.entries[place])), r)
}

// search offers the first rows of a block to a query, and the query to them.
func (p *pairs) search(w *worker, q *query, number, n int) {
	own := q.place / blockRows
	p.locks[own].Lock()
	limit := p.states[q.place].limit
	p.locks[own].Unlock()
	w.compare(q, number, n, limit, func(hits int) float64 { return p.offer(w, q, number, n, hits) })
}

// offer offers what compare has found in a block to the query, and the query to that.
func (p *pairs) offer(w *worker, q *query, number, n, hits int) (limit float64) {
	x, own := p.x, q.place/blockRows
	p.locks[number].Lock()
	if own != number {
		p.locks[own].Lock()
		defer p.locks[own].Unlock()
	}
	defer p.locks[number].Unlock()
	mine := &p.states[q.place]
	r := &x.runs[q.place/runRows]
	for h, row := range w.rows[:hits] {
		if int(row) >= n {
			continue
		}
		place := number*blockRows + int(row)
		c := x.bounds(q, place, w.found[h])
		position := x.order[place]
		if c.least <= mine.limit && (p.Skip == nil || !p.Skip(q.row, position)) {
			mine.offer(x, c, p.K, p.room)
		}
		theirs := &p.states[place]
		if c.least <= theirs.limit && (p.Skip == nil || !p.Skip(int(position), int32(q.row))) {
			limit := theirs.limit
			c.place = int32(q.place)
			theirs.offer(x, c, p.K, p.room)
			if theirs.limit != limit {
				w.thresholds[row] = p.threshold(place, r)
			}
		}
	}
	return mine.limit
}

// Searcher finds candidates for one query at a time. It belongs to one goroutine.
type Searcher struct {
	w      *worker
	states [1]nearest
}

// Searcher makes one.
func (x *Index) Searcher() *Searcher { return &Searcher{w: x.worker()} }

// Nearest gives the positions of rows among which are the k nearest of a query, in any order, but for those that skip
// says; skip may be nil.
func (s *Searcher) Nearest(q Row, k int, skip func(position int32) bool) []int32 {
	return s.search(q, &Search{K: k, Limit: math.Inf(1)}, skip)
}

// Within gives the positions of rows among which are all whose value is at most limit: that of the [Measure].
func (s *Searcher) Within(q Row, limit float64, skip func(position int32) bool) []int32 {
	return s.search(q, &Search{Limit: limit + 1e-12*(1+math.Abs(limit))}, skip)
}

func (s *Searcher) search(q Row, how *Search, skip func(position int32) bool) []int32 {
	if skip != nil {
		how.Skip = func(_ int, position int32) bool { return skip(position) }
	}
	s.w.forget()
	s.w.add(q, 0, -1)
	s.w.searchAll(how, s.states[:])
	return s.w.positions(&s.w.queries[0], how, &s.states[0], nil)
}
