package sparse

import (
	"math"
	"slices"
)

// Searcher finds candidates for one query at a time. It belongs to one goroutine.
type Searcher struct {
	x          *Index
	sums       *[blockRows]float32 // 0 between queries
	cursors    []cursor            // of the lists that are no head's, the shortest first
	heads      []cursor            // of those of the head
	head       []float32           // the query's values in the head
	thresholds []float32           // of the runs of a block
	query      query
	full       bool // the query passes through the lists of most rows as through columns of all
	seeded     int  // rows from the first on that were looked at before others
	found      []candidate
	// Of the k least greatest values that rows may have: a heap whose top is the greatest; with a limit, none.
	worst []float64
	k     int
	limit float64 // above which no row is a candidate
	skip  func(position int32) bool
}

// cursor is a list that a query passes through, block by block.
type cursor struct {
	list           int32
	first, at, end int // the entries of the block that was added last begin at first
	value          float32
}

// query is what bounds use of one.
type query struct {
	norm  float64
	heads [len(levels)]float64 // norms within the head
	level int                  // of levels: that of the columns that are left out
	err   float64
}

// candidate is a row, at a place, with the least value that it can have.
type candidate struct {
	place int32
	least float64
}

// Searcher makes one.
func (x *Index) Searcher() *Searcher {
	return &Searcher{x: x, sums: new([blockRows]float32), head: make([]float32, x.width)}
}

// Nearest gives the positions of rows among which are the k nearest of a query, in any order, but for those that skip
// says; skip may be nil.
func (s *Searcher) Nearest(q Row, k int, skip func(position int32) bool) []int32 {
	s.k, s.limit, s.skip = k, math.Inf(1), skip
	return s.search(q)
}

// Within gives the positions of rows among which are all whose value is at most limit: that of the [Measure].
func (s *Searcher) Within(q Row, limit float64, skip func(position int32) bool) []int32 {
	s.k, s.skip = 0, skip
	s.limit = limit + 1e-12*(1+math.Abs(limit))
	return s.search(q)
}

func (s *Searcher) search(q Row) []int32 {
	s.begin(q)
	x := s.x
	for lo := 0; lo < x.n; lo += blockRows {
		hi := min(lo+blockRows, x.n)
		entries := 0
		for i := range s.cursors {
			entries += s.add(&s.cursors[i], hi)
		}
		if lo == 0 {
			if s.k > 0 {
				s.seed(hi)
			}
			s.chooseLevel(hi)
		}
		skipped := levels[s.query.level]
		if skipped == 0 && s.full {
			s.addFull(lo, hi)
			skipped, entries = fullColumns, entries+hi-lo
		}
		for i := range s.heads {
			if c := &s.heads[i]; int(c.list) >= skipped {
				entries += s.add(c, hi)
			}
		}
		s.lookAt(lo, hi, entries, skipped)
		if lo == 0 {
			clear(s.sums[:s.seeded]) // rows without a product among them
		}
	}
	positions := make([]int32, 0, len(s.found))
	for _, c := range s.found {
		if c.least <= s.limit {
			positions = append(positions, x.order[c.place])
		}
	}
	return positions
}

// begin prepares the query.
func (s *Searcher) begin(q Row) {
	x := s.x
	s.found, s.worst, s.cursors, s.heads = s.found[:0], s.worst[:0], s.cursors[:0], s.heads[:0]
	clear(s.head)
	s.query, s.seeded = query{norm: Norm(q.Values)}, 0
	if s.query.norm == 0 {
		return
	}
	for j, column := range q.Columns {
		l := x.list(column)
		if l < 0 {
			continue
		}
		v := unit(q.Values[j], s.query.norm)
		c := cursor{l, x.starts[l], x.starts[l], x.starts[l+1], v}
		if int(l) < x.heads {
			s.head[l] = v
			s.heads = append(s.heads, c)
		} else {
			s.cursors = append(s.cursors, c)
		}
	}
	entries := 0
	for _, c := range s.heads {
		if c.list < fullColumns {
			entries += c.end - c.at
		}
	}
	s.full = entries > x.n
	slices.SortFunc(s.cursors, func(a, b cursor) int { return (a.end - a.at) - (b.end - b.at) })
	s.query.heads = x.headNormsOf(q.Columns, q.Values, s.query.norm)
	s.query.err = errorOf(min(len(q.Columns), x.longest) + x.width)
}

// taken is the sum of a row that has been offered.
var taken = float32(math.Inf(-1))

// seed offers rows of the shortest lists, which are near more often than others, so that there is a limit; and where
// the head counts for more than the limit, rows that have much of it.
func (s *Searcher) seed(hi int) {
	q, all := &s.query, len(levels)-1
	q.level = all // no list of the head is added yet
	most := 2*s.k + 16
	for i := 0; i < len(s.cursors) && most > 0; i++ {
		c := &s.cursors[i]
		for _, p := range s.x.places[c.first:min(c.at, c.first+most)] {
			s.take(int(p))
			most--
		}
	}
	if least, _ := s.bounds(0, q.heads[all]*s.x.meanNorms[all], 0); least <= s.limit {
		s.seeded = min(seedRows, hi)
		for place := range s.seeded {
			s.take(place)
		}
	}
}

// take offers a row of the first block before all others.
func (s *Searcher) take(place int) {
	s.offer(place, s.sums[place])
	s.sums[place] = taken
}

// chooseLevel chooses how much of the head is left out, by what a sample of the rows of the first block tells of how many
// would be looked at then.
func (s *Searcher) chooseLevel(hi int) {
	x, q := s.x, &s.query
	q.level = 0
	if q.norm == 0 || math.IsInf(s.limit, 1) || len(s.heads) == 0 {
		return
	}
	var cost [len(levels)]float64
	for i := range s.heads {
		c := &s.heads[i]
		for l := range levels {
			if int(c.list) >= levels[l] && !(s.full && c.list < fullColumns) {
				cost[l] += float64(c.end - c.at)
			}
		}
	}
	if s.full {
		cost[0] += float64(x.n)
	}
	step := max(hi/sampleRows, 1)
	for place := step / 2; place < hi; place += step {
		sum := s.sums[place]
		if sum == taken {
			continue
		}
		row := x.head[place*x.width : (place+1)*x.width]
		for l, h := len(levels)-1, len(row); l >= 0; l-- {
			if n := min(levels[l], len(row)); n < h {
				sum += dot(s.head[n:h], row[n:h])
				h = n
			}
			if least, _ := s.bounds(place, float64(sum), q.err+q.heads[l]*float64(x.headNorms[l][place])); l > 0 && least <= s.limit {
				cost[l] += float64(x.n) / sampleRows * (offerCost + float64(levels[l])/2)
			}
		}
	}
	for l := range levels {
		if cost[l] < cost[q.level] {
			q.level = l
		}
	}
}

// errorOf bounds the error of a sum of so many products of unit vectors that are rounded to float32: each factor and
// product, and each sum of at most 1, is off by 2⁻²⁴ of it, and by as much again for values that are denormal. Twice
// that leaves room for what is rounded in computing the distances.
func errorOf(terms int) float64 { return float64(terms+8) * 0x1p-23 }

// add adds the products of a list with the query, up to the end of the block, and returns their number.
func (s *Searcher) add(c *cursor, hi int) int {
	c.first = c.at
	places := s.x.places[c.at:c.end]
	n := len(places)
	if n == 0 {
		return 0
	}
	if int(places[n-1]) >= hi {
		n, _ = slices.BinarySearch(places, int32(hi))
	}
	places, values := places[:n], s.x.values[c.at:c.at+n]
	v, sums := c.value, s.sums
	for i, p := range places {
		sums[p&(blockRows-1)] += v * values[i]
	}
	c.at += n
	return n
}

// addFull adds the products of the columns that the most rows have, as if all had them.
func (s *Searcher) addFull(lo, hi int) {
	sums := s.sums[:hi-lo]
	a, b, c, d := s.x.full[0][lo:hi], s.x.full[1][lo:hi], s.x.full[2][lo:hi], s.x.full[3][lo:hi]
	a, b, c, d = a[:len(sums)], b[:len(sums)], c[:len(sums)], d[:len(sums)]
	va, vb, vc, vd := s.head[0], s.head[1], s.head[2], s.head[3]
	for i := range sums {
		sums[i] += (va*a[i] + vb*b[i]) + (vc*c[i] + vd*d[i])
	}
}

// lookAt offers the rows of a block whose sums let them be candidates, and clears the sums. Those without any product
// are looked at only in runs whose threshold does not exceed 0. The lists that are not skipped have so many entries.
func (s *Searcher) lookAt(lo, hi, entries, skipped int) {
	s.thresholds = s.thresholds[:0]
	few := entries < (hi-lo)/4
	for first := lo; first < hi; first += runRows {
		threshold := s.threshold(&s.x.runs[first/runRows])
		if few && threshold > 0 {
			s.thresholds = append(s.thresholds, threshold)
			continue
		}
		s.thresholds = append(s.thresholds, float32(math.Inf(1))) // looked at
		end := min(first+runRows, hi)
		sums := s.sums[first-lo : end-lo]
		for i, sum := range sums {
			if sum >= threshold {
				s.offer(first+i, sum)
			}
		}
		clear(sums)
	}
	if !few {
		return
	}
	for i := range s.cursors {
		s.touched(&s.cursors[i], lo)
	}
	for i := range s.heads {
		if c := &s.heads[i]; int(c.list) >= skipped {
			s.touched(c, lo)
		}
	}
}

// touched offers the rows of a list that was added, and clears their sums.
func (s *Searcher) touched(c *cursor, lo int) {
	for _, p := range s.x.places[c.first:c.at] {
		sum := &s.sums[p&(blockRows-1)]
		if *sum >= s.thresholds[(int(p)-lo)/runRows] {
			s.offer(int(p), *sum)
		}
		*sum = 0
	}
}

// threshold is a sum such that no row of a run with a smaller one is a candidate.
func (s *Searcher) threshold(r *run) float32 {
	q := &s.query
	if math.IsInf(s.limit, 1) || q.norm == 0 {
		return float32(math.Inf(-1))
	}
	cosine := 0.0 // at least so much, with the head, and but for errors
	switch s.x.measure {
	case Cosine:
		cosine = -s.limit
	case InnerProduct:
		// cos·‖x‖·‖y‖ ≥ −limit
		norm := r.most
		if s.limit > 0 {
			norm = r.least
		}
		if norm == 0 {
			return float32(math.Inf(-1))
		}
		cosine = -s.limit / (q.norm * norm)
	case Euclidean:
		// ‖x‖² + ‖y‖² − 2·cos·‖x‖·‖y‖ ≤ limit
		rest := q.norm*q.norm - s.limit
		rest -= 4e-12 * (q.norm*q.norm + math.Abs(s.limit) + r.most*r.most)
		norm := r.least
		if rest > 0 {
			norm = min(max(math.Sqrt(rest), r.least), r.most)
		}
		if norm == 0 {
			return float32(math.Inf(-1))
		}
		cosine = (norm*norm + rest) / (2 * q.norm * norm)
	}
	cosine -= q.heads[q.level]*r.heads[q.level] + q.err + 1e-9 + 1e-6*math.Abs(cosine)
	return float32(cosine) - 1e-6
}

// offer takes a row for a candidate unless it cannot be one.
func (s *Searcher) offer(place int, sum float32) {
	x, q := s.x, &s.query
	if sum == taken {
		return
	}
	if norm := x.headNorms[q.level][place]; norm > 0 && q.heads[q.level] > 0 {
		if least, _ := s.bounds(place, float64(sum), q.err+q.heads[q.level]*float64(norm)); least > s.limit {
			return
		}
		n, at := min(levels[q.level], x.width), place*x.width
		sum += dot(s.head[:n], x.head[at:at+n])
	}
	least, most := s.bounds(place, float64(sum), q.err)
	if least > s.limit {
		return
	}
	if s.skip != nil && s.skip(x.order[place]) {
		return
	}
	s.found = append(s.found, candidate{int32(place), least})
	if s.k > 0 {
		s.bound(most)
	}
}

// bounds are the least and the greatest value of a row, whose cosine is known but for err.
func (s *Searcher) bounds(place int, cosine, err float64) (least, most float64) {
	switch s.x.measure {
	case Cosine:
		return -cosine - err, -cosine + err
	case InnerProduct:
		scale := s.query.norm * s.x.norms[place]
		return scale * (-cosine - err), scale * (-cosine + err)
	}
	a, b := s.query.norm, s.x.norms[place]
	sum := a + b
	middle, err := a*a+b*b-2*a*b*cosine, 2*a*b*err+1e-12*sum*sum
	return middle - err, middle + err
}

// dot is the product of two rows of the head.
func dot(x, y []float32) float32 {
	var a, b, c, d float32
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		a += x[0] * y[0]
		b += x[1] * y[1]
		c += x[2] * y[2]
		d += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	return (a + c) + (b + d)
}

// bound takes one more row's greatest value, and makes the limit the k-th smallest of them.
func (s *Searcher) bound(most float64) {
	h := s.worst
	if len(h) < s.k {
		h = append(h, most)
		for i := len(h) - 1; i > 0; {
			up := (i - 1) / 2
			if h[up] >= h[i] {
				break
			}
			h[up], h[i] = h[i], h[up]
			i = up
		}
		s.worst = h
		if len(h) == s.k {
			s.limit = h[0]
		}
		return
	}
	if most >= h[0] {
		return
	}
	i := 0
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1] > h[c] {
			c++
		}
		if h[c] <= most {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = most
	s.limit = h[0]
	if len(s.found) > 4*s.k+1024 && len(s.found) == cap(s.found) {
		s.found = slices.DeleteFunc(s.found, func(c candidate) bool { return c.least > s.limit })
	}
}
