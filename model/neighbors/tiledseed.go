package neighbors

import (
	"math"
	"slices"

	"beamlearn/model/neighbors/internal/tile"
)

// This file gives queries a first bound, without which nearly all pairs of the first blocks would pass the filter.

// mostSeedApart is about how large groups that are kept apart may be for first bounds to be of use.
const mostSeedApart = 64

// seed gives the queries a first bound from the filter: the best score of each of at least k disjoint sets of points,
// of which the k-th best is no better than the k-th neighbour. Wide rows lose so much in int8 that the distances of the
// points with these scores make a tighter one. Where a query may not have all points, the sets are those of groups, see
// groupSets; or each is one point, so that those that it may not have are left out.
func (w *worker) seed(q queries) {
	s, t := w.s, w.s.t
	if s.k == 0 || q.prec == inFloat64 {
		return
	}
	_, n := s.search.Before.allowed(q.first, q.first+q.n, t.points.n) // what is barred may have the best
	if t.tiles[q.prec].Best == nil {
		if rank := s.seedRank(); rank > 0 && n > 0 {
			w.sample(q, rank, n)
		}
		return
	}
	single := s.search.restricts() && (s.search.Before == nil || !s.search.Before.Ascending)
	if single {
		n = t.points.n
	}
	rank := s.seedRank()
	if rank == 0 && !single || n == 0 {
		return
	}
	points, groups := t.seedForms(s.forms, q.prec), s.groupSets(q)
	sets, ok := s.seedSets(q, points, rank, n, single)
	if groups != nil {
		points, sets, ok = groups.points, groups.sets, true
	}
	if !ok {
		return
	}
	// Groups that follow each other share the panels while these are in the cache.
	batch := q.groups(0) * tile.Rows
	if sets.n*sets.length*points.words*4*tile.Columns > pointBytes {
		batch *= max(seedScores/(sets.n*cells), 1)
	}
	winners := s.winnersOf(q, &sets)
	for first := 0; first < q.n; first += batch {
		last := min(first+batch, q.n)
		w.best = slices.Grow(w.best[:0], batch/tile.Rows*sets.n*cells)[:batch/tile.Rows*sets.n*cells]
		w.bestOfSets(q, points, &sets, winners, first, last)
		for i := first; winners && i < last; i += tile.Rows {
			w.tightenByWinners(q, i, &sets, w.best[(i-first)/tile.Rows*sets.n*cells:])
		}
		for i := first; !winners && i < last; i++ {
			w.tightenByScores(q, i, points, &sets, groups, w.best[(i-first)/tile.Rows*sets.n*cells+i%tile.Rows*tile.Columns:])
		}
	}
}

// tightenByScores gives query i of the block the bound that the filter has for points of the best scores of the sets.
// best are the scores of the query, of each set those of a panel; groups are nil where sets are not of groups.
func (w *worker) tightenByScores(q queries, i int, points *shorts, sets *seedSets, groups *groupSets, best []float32) {
	s, t := w.s, w.s.t
	if s.states[q.query(i)].count == closed || math.IsInf(float64(q.forms.halves[q.offset+i]), -1) {
		return
	}
	score, found := 0.0, true
	switch {
	case groups != nil:
		score, found = w.bestOfGroups(q.query(i), groups, best)
	case sets.single:
		score, found = w.bestAllowed(q.query(i), points, sets, best)
	default:
		w.orders = w.orders[:0]
		for set := range sets.n {
			for _, score := range best[set*cells:][:tile.Columns] {
				w.orders = append(w.orders, ordered(-score))
			}
		}
		score = -float64(disordered(nthSmallest(w.orders, sets.rank)))
	}
	if found {
		eta := t.frame.eta(points)
		s.tighten(q.query(i), t.seedBound(q.forms, q.offset+i, score, sets.half, sets.e, sets.f, eta))
	}
}

// winnerDim is the dimension from which on it pays to compute the distances of those points that bounds are made of: at
// 384 columns what this takes is about what it saves.
const winnerDim = 512

// winnersOf reports whether queries get their first bounds from the distances of the best points of the sets.
func (s *query) winnersOf(q queries, sets *seedSets) bool {
	return s.t.points.dim >= winnerDim && s.t.tiles[q.prec].BestPanel != nil && !s.search.restricts() &&
		sets.length <= 1<<tile.PanelBits && s.seedRank() <= listed
}

// tightenByWinners gives the queries of a group, which begins at number i of the block, bounds that come of the
// distances of the best points of the best sets: far tighter ones than the filter's. best are the scores of the group,
// with the numbers of their panels.
func (w *worker) tightenByWinners(q queries, i int, sets *seedSets, best []float32) {
	w.begin(q, i)
	part := listed / w.s.seedRank()
	for first := 0; first < w.size; first += part {
		var ends [tile.Rows]int
		for m := first; m < min(first+part, w.size); m++ {
			w.listWinners(q.query(i+m), m, sets, best)
			ends[m] = len(w.list)
		}
		if len(w.list) == 0 {
			continue
		}
		values := w.upperBounds()
		for m, start := first, 0; m < min(first+part, w.size); m, start = m+1, ends[m] {
			w.tightenBy(q.query(i+m), values[start:ends[m]])
		}
		w.list = w.list[:0]
	}
}

// listWinners lists the best points of the best sets of query i, number m of its group.
func (w *worker) listWinners(i, m int, sets *seedSets, best []float32) {
	s := w.s
	if s.states[i].count == closed {
		return
	}
	w.orders = w.orders[:0]
	for set := range sets.n {
		for _, score := range best[set*cells+m*tile.Columns:][:tile.Columns] {
			if math.Abs(float64(score)) <= math.MaxFloat32 { // of those at infinity it is not known which point they are of
				w.orders = append(w.orders, ordered(-score))
			}
		}
	}
	number := min(s.seedRank(), len(w.orders)) // as the query itself may be one of them
	if number == 0 {
		return
	}
	worst, self := nthSmallest(w.orders, number), excluded(s.exclude, i)
	for set := range sets.n {
		for j, score := range best[set*cells+m*tile.Columns:][:tile.Columns] {
			if number == 0 || !(math.Abs(float64(score)) <= math.MaxFloat32) || ordered(-score) > worst {
				continue
			}
			number--
			panel := sets.panel(set) + int(math.Float32bits(score)&(1<<tile.PanelBits-1))
			if p := s.forms.position(panel*tile.Columns + j); p != self {
				w.list = append(w.list, uint64(p)<<32|uint64(m))
			}
		}
	}
}

// upperBounds are bounds on the reduced values of the pairs listed, but for their rounding to float32.
func (w *worker) upperBounds() []float32 {
	n := len(w.list)
	values := w.screened[:n]
	if w.screenable && w.s.t.scales == nil {
		w.screenList()
		margin := ofScreen(w.s.t.points.dim)
		for p, v := range values {
			values[p] = float32(margin.above(v))
		}
		return values
	}
	w.pad()
	w.compute()
	for p, r := range w.reduced[:n] {
		values[p] = float32(r)
	}
	return values
}

// tightenBy gives query i the k-th of what upperBounds say of points as its bound.
func (w *worker) tightenBy(i int, values []float32) {
	s, t := w.s, w.s.t
	w.orders = w.orders[:0]
	for _, v := range values {
		if v <= math.MaxFloat32 { // and a number: else it says nothing
			w.orders = append(w.orders, ordered(v))
		}
	}
	if len(w.orders) < s.k {
		return
	}
	worst := ofRounding.above(disordered(nthSmallest(w.orders, s.k)))
	s.tighten(i, t.o.ceiling(t.o.finish(worst, t.points.dim), t.points.dim))
}

// bestAllowed is the k-th best score of the points that query i may have, of sets of one point each. It finds none
// where there are fewer. best are the scores of the query, of each set those of a panel.
func (w *worker) bestAllowed(i int, points *shorts, sets *seedSets, best []float32) (score float64, found bool) {
	s := w.s
	if w.allowed == nil {
		w.allowed = newKeeper(s.k, s.search.Most)
	}
	kept, self := w.allowed, excluded(s.exclude, i)
	kept.reset()
	for set := range sets.n {
		base := sets.panel(set) * tile.Columns
		for j, score := range best[set*cells:][:tile.Columns] {
			d := -float64(score)
			if !(d < kept.worst()) {
				continue
			}
			row := base + j
			if row >= s.t.points.n {
				break
			}
			if math.IsInf(float64(points.halves[row]), 0) { // it is left out, or has no short form
				continue
			}
			if p := s.forms.position(row); p != self && !s.search.bars(i, p) {
				kept.offer(d, int32(p))
			}
		}
	}
	return -kept.worst(), len(kept.distances) == s.k
}

// seedRank is the rank, from 1, of the score that bounds a query's k-th neighbour: the better ones may all be of points
// that it must not have. It is 0 where a first bound is of no use.
func (s *query) seedRank() int {
	if s.k == 0 {
		return 0
	}
	rank := s.k
	if s.exclude != nil {
		rank++ // the query itself may have the best
	}
	if m := s.search.Most; m != nil { // of each so many points, Number are kept
		groups := (s.k + m.Number - 1) / m.Number
		if rank += groups * m.Largest; m.Largest > (4*s.k+mostSeedApart)/groups {
			return 0
		}
	}
	if a := s.search.Apart; a != nil {
		if rank += a.Largest; a.Largest > 4*s.k+mostSeedApart { // as its whole group may have the best
			return 0
		}
	}
	return rank
}

// seedSets are n disjoint sets of panels of points, in each of which a lane is a set of its own: length panels each,
// from start on.
type seedSets struct {
	start, n, length int
	single           bool    // whether each is one point
	span             int     // panels over which the sets are spread
	rank             int     // of the score wanted, from 1
	half, e, f       float64 // the greatest of the points' halves and margins
}

// panel is the first panel of a set.
func (s *seedSets) panel(set int) int { return s.start + set*s.span/s.n }

// seedSets chooses the sets for a block of queries among the first n points, and reports whether they give a bound.
// With single each is of one point, and they are spread over all points: what is barred of a query may be together.
func (s *query) seedSets(q queries, points *shorts, rank, n int, single bool) (seedSets, bool) {
	t := s.t
	panels := n / tile.Columns
	if n == t.points.n {
		panels = points.panels()
	} else if panels == 0 {
		return seedSets{}, false
	}
	part := n / 8
	if panels*tile.Columns*4*points.words <= pointBytes { // which are compared in one go, by this bound alone
		part = n * 2 / 3
	}
	if single {
		sets := min((min(240*s.k, max(part, 4*s.k))+tile.Columns-1)/tile.Columns, panels)
		return s.measured(points, seedSets{n: sets, length: 1, span: panels, single: true}, 0), sets*tile.Columns >= s.k
	}
	start := 0
	if s.exclude != nil { // points that were near in the input may be near
		start = s.forms.row(int(s.exclude[q.query(0)])) / tile.Columns
	} else if s.search.Before != nil { // those before it may be
		start = panels
	}
	setsFor := func(rank, number int) seedSets { // of so many points, or one each
		sets := min((4*rank+tile.Columns-1)/tile.Columns, panels)
		length := max(number/(sets*tile.Columns), 1)
		if s.forms.order != nil { // those of the block and the next, shorter ones are worth it
			length = max(length, min(2*q.n/tile.Columns, panels)/sets)
		}
		return seedSets{start: max(min(start, panels-sets*length), 0), n: sets, length: length, span: sets * length}
	}
	// A set of four points gives a far tighter bound than one of one: for a large k half of the points are worth it.
	number := min(240*rank, max(part, min(16*rank, n/2)))
	found := s.measured(points, setsFor(rank, number), rank)
	if more := min(s.seedPoints(q)*rank, n); more > number && s.forms.order == nil {
		if larger := s.measured(points, setsFor(rank, more), rank); larger.e <= looser*found.e {
			found, number = larger, more
		}
	}
	if found.rank > rank && 4*found.rank <= number { // points have no short form: more sets have to make up for them
		found = s.measured(points, setsFor(found.rank, number), rank)
	}
	return found, found.n*tile.Columns >= found.rank
}

// looser is how much greater the margins of more sets may be: they count for all of them.
const looser = 1.25

// seedPoints is how many points make a first bound for each neighbour wanted, if there are as many. Twice as many take
// twice as long, and leave about 0.7 pairs fewer to compare for each neighbour. AMX takes points sooner, so that more
// are worth it.
func (s *query) seedPoints(q queries) int {
	if q.packed != nil {
		return 480
	}
	return 240
}

// measured are the sets with what a bound of a rank needs of their points.
func (s *query) measured(points *shorts, sets seedSets, rank int) seedSets {
	sets.rank = rank
	half, e, f := float32(0), float32(0), float32(0)
	for set := range sets.n {
		for p := sets.panel(set); p < sets.panel(set)+sets.length; p++ {
			for j := p * tile.Columns; j < min((p+1)*tile.Columns, points.n); j++ {
				h := points.halves[j]
				switch {
				case math.IsInf(float64(h), 1): // it has the worst score
				case math.IsInf(float64(h), -1):
					sets.rank++ // without a short form it has the best score
				default:
					half = max(half, h)
				}
			}
			e, f = max(e, points.margins[2*p]), max(f, points.margins[2*p+1])
		}
	}
	sets.half, sets.e, sets.f = float64(half), float64(e), float64(f)
	return sets
}

// bestOfSets writes the best scores of the queries from number first of the block on to last to the worker: of each
// group of queries and each set, a tile of them. With numbered their lowest bits are the number of the panel in the
// set.
func (w *worker) bestOfSets(q queries, points *shorts, sets *seedSets, numbered bool, first, last int) {
	for j := range w.best {
		w.best[j] = float32(math.Inf(-1))
	}
	tiles := w.s.t.tiles[q.prec]
	single, batch := tiles.Best, tiles.BestBatch
	if numbered {
		single, batch = tiles.BestPanel, tiles.BestPanelBatch
	}
	part := max(min(pointBytes/(points.words*4*tile.Columns), sets.length), 1)
	for set := range sets.n {
		for p := 0; p < sets.length; p += part {
			for i := first; i < last; i += q.groups(i) * tile.Rows {
				groups := min(q.groups(i), (last-i+tile.Rows-1)/tile.Rows)
				for g := range groups {
					a := &w.batch.Args[g]
					w.load(q, i+g*tile.Rows, a)
					against(a, points, sets.panel(set)+p, min(part, sets.length-p))
					a.Number = p
					a.Best = &w.best[(((i-first)/tile.Rows+g)*sets.n+set)*cells]
				}
				if q.packed == nil {
					single(&w.batch.Args[0])
				} else {
					w.batch.Prepare(groups, q.packed, i)
					batch(&w.batch)
				}
			}
		}
	}
}

// A tile's scores, and how many of such a goroutine keeps at a time where panels are to be shared.
const (
	cells      = tile.Rows * tile.Columns
	seedScores = 48 << 10
)

// sample gives the queries a first bound where the filter has none: the rank-th best of a few of the first points.
func (w *worker) sample(q queries, rank, points int) {
	s, t := w.s, w.s.t
	n := min(max(4*rank, 2*tile.Columns), points)
	if n < rank {
		return
	}
	start := 0
	if s.exclude != nil { // points that were near in the input may be near
		start = max(min(int(s.exclude[q.first]), points-n), 0)
	}
	for i := 0; i < q.n; i += tile.Rows {
		w.begin(q, i)
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
	hat := 2*(h-score+4*eta*(h+half)) + 4*tiny // products of float32 may be lost
	r := math.Sqrt(max(hat, 0)) + float64(q.errors[i]) + e
	reduced = r*r/square*(1+0x1p-30) + 0x1p-1000
	if reduced != reduced {
		return math.Inf(1)
	}
	return t.o.ceiling(t.o.finish(reduced, t.points.dim), t.points.dim)
}
