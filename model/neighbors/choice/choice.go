// Package choice searches for neighbours where a query may have only some of the points: those that a condition keeps,
// those of its own group or of none but it, earlier ones, at most so many of one group. [Rules] say which, by row
// numbers, and a [Searcher] finds the nearest of them, exactly.
//
// What is left out is left out before distances are computed, so that the time falls with the share that is left.
// Points go into indexes of their own: one for each group that a query must share, and within it one for each run of
// points in their order in time. A query asks the indexes whose points it may all have, and a last one in which ranks
// are compared pair by pair; what it has found bounds what is worth finding next. Where blocks of points are compared
// with blocks of queries, all points of a group are in one index in their order in time instead, of which a block of
// queries sees no more than the points before its last. Ties go to the point that comes first in the input, as in a
// search of all points.
package choice

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Pair is what a rule compares of points and queries, by their row numbers.
type Pair struct{ Points, Queries []int32 }

// Rules say which points a query may have: what all of them allow. A rule that is nil allows all.
type Rules struct {
	// Keep is, of each point, below 0 where it is no neighbour of any query.
	Keep []int32
	// Same are groups: a query has points of its own group only, and none where its group is below 0.
	Same *Pair
	// Before are ranks of the points and limits of the queries: a query has points of a smaller rank than its limit. A
	// point with a rank below 0 is before nothing.
	Before *Pair
	// Apart are groups: a query has no point of its own group. A group below 0 is none.
	Apart *Pair
	// Most are groups of points, of each of which a query has Number points at most, the nearest. A group below 0 is none.
	Most   []int32
	Number int

	apartLargest, mostLargest int
}

// Prepare counts what a search needs to know. Call it once, before [New].
func (r *Rules) Prepare() {
	if r.Apart != nil {
		r.apartLargest = neighbors.LargestGroup(r.Apart.Points)
	}
	r.mostLargest = neighbors.LargestGroup(r.Most)
}

// ofPoints reports whether points and queries have the same list.
func (p *Pair) ofPoints() bool {
	return len(p.Points) == len(p.Queries) && len(p.Points) > 0 && &p.Points[0] == &p.Queries[0]
}

// of is what a list says of a row.
func of(list []int32, number int64, what string) (int32, error) {
	if number < 0 || number >= int64(len(list)) {
		return 0, fmt.Errorf("choice: %s of %d rows, and none of row %d", what, len(list), number)
	}
	return list[number], nil
}

// Allow reports whether a query may have a point, by their row numbers, whatever else it has: by all rules but Most.
func (r *Rules) Allow(query, point int64) (bool, error) {
	if r.Keep != nil {
		if keep, err := of(r.Keep, point, "a condition"); err != nil || keep < 0 {
			return false, err
		}
	}
	for _, rule := range []struct {
		pair *Pair
		what string
		has  func(query, point int32) bool
	}{
		{r.Same, "groups", func(q, p int32) bool { return q >= 0 && q == p }},
		{r.Before, "ranks", func(q, p int32) bool { return p >= 0 && p < q }},
		{r.Apart, "groups", func(q, p int32) bool { return q < 0 || q != p }},
	} {
		if rule.pair == nil {
			continue
		}
		q, err := of(rule.pair.Queries, query, rule.what)
		if err != nil {
			return false, err
		}
		p, err := of(rule.pair.Points, point, rule.what)
		if err != nil || !rule.has(q, p) {
			return false, err
		}
	}
	return true, nil
}

// perCell is how many points of a group, or of a run, are worth an index that is kept. Smaller ones are made anew for
// each block of queries, which costs about as much as to answer one.
const perCell = 512

// Points of a group are cut into runs in the order of time, of at least minRun points, and into mostRuns at most: a
// query compares ranks pair by pair in one run, so about that share of the points is compared for nothing.
const (
	minRun   = 2048
	mostRuns = 32
)

// Searcher searches an index by rules. It is safe for concurrent use.
type Searcher struct {
	x     *neighbors.Index
	r     *Rules
	cells map[int32]*cell // by group; of group 0 alone where no group must be shared
	whole *opened         // of all points, where all are in one index anyway
}

// cell is the points of a group, in runs in the order of their ranks.
type cell struct {
	points  int
	runs    []*run
	ordered run // all of them in the order of their ranks, where that is worth an index: see [Searcher.inOrder]
}

// run is some points, by their positions in the whole index, which ascend unless ranks do.
type run struct {
	positions []int32
	low, high int32 // ranks

	mu   sync.Mutex
	kept *opened
}

// opened is the index of a run, with what its engine must know of each point.
type opened struct {
	x                  *neighbors.Index
	ranks, apart, most []int32
}

// New makes a searcher of an index by rules that are prepared. O(n), or O(n·log n) with Before.
func New(x *neighbors.Index, r *Rules) (*Searcher, error) {
	s := &Searcher{x: x, r: r}
	if r.Keep == nil && r.Same == nil && r.Before == nil {
		all, err := s.describe(x, func(i int) int64 { return x.Number(int32(i)) })
		s.whole = all
		return s, err
	}
	members := map[int32][]int32{}
	ranks := make([]int32, x.Len()) // by position
	for i := range ranks {
		group, ok, err := s.place(x.Number(int32(i)), &ranks[i])
		if err != nil {
			return nil, err
		}
		if ok {
			members[group] = append(members[group], int32(i))
		}
	}
	if r.Same == nil && r.Before == nil && len(members[0]) == x.Len() {
		all, err := s.describe(x, func(i int) int64 { return x.Number(int32(i)) })
		s.whole = all
		return s, err
	}
	s.cells = make(map[int32]*cell, len(members))
	for group, positions := range members {
		s.cells[group] = newCell(positions, ranks, r.Before != nil)
	}
	return s, nil
}

// place is the group of a point, and its rank; ok reports whether any query may have it.
func (s *Searcher) place(number int64, rank *int32) (group int32, ok bool, err error) {
	r := s.r
	if r.Keep != nil {
		if keep, err := of(r.Keep, number, "a condition"); err != nil || keep < 0 {
			return 0, false, err
		}
	}
	if r.Same != nil {
		if group, err = of(r.Same.Points, number, "groups"); err != nil || group < 0 {
			return 0, false, err
		}
	}
	if r.Before != nil {
		if *rank, err = of(r.Before.Points, number, "ranks"); err != nil || *rank < 0 {
			return 0, false, err
		}
	}
	return group, true, nil
}

func newCell(positions, ranks []int32, ordered bool) *cell {
	c := &cell{points: len(positions)}
	if !ordered {
		c.runs = []*run{{positions: positions}}
		return c
	}
	slices.SortFunc(positions, func(a, b int32) int { return cmp.Or(cmp.Compare(ranks[a], ranks[b]), cmp.Compare(a, b)) })
	c.ordered.positions = slices.Clone(positions)
	size := max(minRun, (len(positions)+mostRuns-1)/mostRuns)
	for part := range slices.Chunk(positions, size) {
		r := &run{positions: part, low: ranks[part[0]], high: ranks[part[len(part)-1]]}
		slices.Sort(part)
		c.runs = append(c.runs, r)
	}
	return c
}

// describe notes what the engine must know of the points of an index: by their row numbers.
func (s *Searcher) describe(x *neighbors.Index, number func(i int) int64) (*opened, error) {
	o := &opened{x: x}
	list := func(all []int32, what string) ([]int32, error) {
		out := make([]int32, x.Len())
		for i := range out {
			var err error
			if out[i], err = of(all, number(i), what); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	var err error
	if s.r.Before != nil {
		if o.ranks, err = list(s.r.Before.Points, "ranks"); err != nil {
			return nil, err
		}
	}
	if s.r.Apart != nil {
		if o.apart, err = list(s.r.Apart.Points, "groups"); err != nil {
			return nil, err
		}
	}
	if s.r.Most != nil {
		o.most, err = list(s.r.Most, "groups")
	}
	return o, err
}

// open gives the index of a run, which is kept if it is not small.
func (s *Searcher) open(r *run) (*opened, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept != nil {
		return r.kept, nil
	}
	points := rowsOf(r.positions, s.x.Rows)
	numbers := slices.Clone(points.Numbers)
	if !slices.IsSorted(r.positions) { // rows of an index ascend
		for i := range points.Numbers {
			points.Numbers[i] = int64(i)
		}
	}
	fit := neighbors.Fit
	if len(r.positions) < perCell { // for one block of queries
		fit = neighbors.FitFew
	}
	x, err := fit(points, s.x.Options())
	if err != nil {
		return nil, err
	}
	o, err := s.describe(x, func(i int) int64 { return numbers[i] })
	if err == nil && len(r.positions) >= perCell {
		r.kept = o
	}
	return o, err
}

// rowsOf copies rows, without their ids: fast where places follow each other.
func rowsOf(places []int32, slice func(lo, hi int) *vectors.Block) *vectors.Block {
	var b *vectors.Block
	for i := 0; i < len(places); {
		j := i + 1
		for j < len(places) && places[j] == places[j-1]+1 {
			j++
		}
		some := slice(int(places[i]), int(places[j-1])+1)
		some.IDs, some.Target, some.Labels, some.Weights = vectors.IDs{}, nil, nil, nil
		if b == nil {
			b = &vectors.Block{Dim: some.Dim, DType: some.DType}
			if some.Sparse != nil {
				b.Sparse = &vectors.CSR{}
			} else if some.Wide() {
				b.Widen()
			}
			b.Grow(len(places))
		}
		b.AppendBlock(some)
		i = j
	}
	return b
}

// KNeighbors finds the k nearest points of every query that it may have, as [neighbors.Index.KNeighbors] does of all.
// There may be fewer than k.
func (s *Searcher) KNeighbors(q *vectors.Block, k int, by neighbors.Search) (*neighbors.Neighbors, error) {
	one := func(x *neighbors.Index, q *vectors.Block, k int, by neighbors.Search) (*neighbors.Neighbors, error) {
		return x.KNeighbors(q, k, by)
	}
	return s.search(q, k, by, one)
}

// RadiusNeighbors finds all points within the distance r of every query that it may have.
func (s *Searcher) RadiusNeighbors(q *vectors.Block, r float64, by neighbors.Search) (*neighbors.Neighbors, error) {
	by.Part = true // a query need not be among the points
	one := func(x *neighbors.Index, q *vectors.Block, _ int, by neighbors.Search) (*neighbors.Neighbors, error) {
		by.Bounds = nil
		return x.RadiusNeighbors(q, r, by)
	}
	return s.search(q, 0, by, one)
}

// ask searches an index for the k nearest, or for all within a radius.
type ask func(x *neighbors.Index, q *vectors.Block, k int, by neighbors.Search) (*neighbors.Neighbors, error)

// hit is a neighbour, by its position in the whole index.
type hit struct {
	distance float64
	position int32
	group    int32 // of Most
}

// queries are a block of queries, and what the rules say of them.
type queries struct {
	block         *vectors.Block
	by            neighbors.Search
	limits, apart []int32
	found         [][]hit
}

func (s *Searcher) search(q *vectors.Block, k int, by neighbors.Search, one ask) (*neighbors.Neighbors, error) {
	all := &queries{block: q, by: by, found: make([][]hit, q.Len())}
	cells, order, err := s.assign(all)
	if err != nil {
		return nil, err
	}
	if s.whole != nil {
		return one(s.whole.x, q, k, s.refined(s.whole, all, nil, false))
	}
	var small []int32
	for _, group := range order {
		c, of := s.cells[group], cells[group]
		if c.points*len(of) < sharedPairs {
			small = append(small, group)
			continue
		}
		if err := s.cell(c, all, of, k, by.NumThreads(), one); err != nil {
			return nil, err
		}
	}
	err = each(len(small), by.NumThreads(), func(i int) error {
		return s.cell(s.cells[small[i]], all, cells[small[i]], k, 1, one)
	})
	if err != nil {
		return nil, err
	}
	if by.Progress != nil {
		n := q.Len()
		for _, group := range order {
			n -= len(cells[group])
		}
		by.Progress(n)
	}
	return all.neighbors(), nil
}

// sharedPairs is how many pairs are worth several goroutines; groups with fewer go to one each.
const sharedPairs = 1 << 20

// assign finds what the rules say of queries, and puts the places of those that may have a point by their cells.
func (s *Searcher) assign(q *queries) (cells map[int32][]int32, order []int32, err error) {
	cells = map[int32][]int32{}
	for i, n := range q.block.Numbers {
		group, limit := int32(0), int32(math.MaxInt32)
		if s.r.Same != nil {
			if group, err = of(s.r.Same.Queries, n, "groups"); err != nil {
				return nil, nil, err
			}
		}
		if s.r.Before != nil {
			if limit, err = of(s.r.Before.Queries, n, "limits"); err != nil {
				return nil, nil, err
			}
			q.limits = append(q.limits, limit)
		}
		if s.r.Apart != nil {
			apart, err := of(s.r.Apart.Queries, n, "groups")
			if err != nil {
				return nil, nil, err
			}
			q.apart = append(q.apart, apart)
		}
		if c := s.cells[group]; group < 0 || c == nil || c.runs[0].low >= limit {
			continue
		}
		if cells[group] == nil {
			order = append(order, group)
		}
		cells[group] = append(cells[group], int32(i))
	}
	return cells, order, nil
}

// cell answers the queries at these places by the points of a cell.
func (s *Searcher) cell(c *cell, all *queries, places []int32, k, threads int, one ask) error {
	answered := len(places)
	places, err := s.inOrder(c, all, places, k, threads, one)
	if err != nil {
		return err
	}
	shown := len(c.runs) == 1 && len(places) == answered // by the search itself
	for _, r := range c.runs {
		some := places
		if s.r.Before != nil {
			some = slices.DeleteFunc(slices.Clone(places), func(i int32) bool { return all.limits[i] <= r.low })
		}
		if len(some) == 0 {
			break
		}
		o, err := s.open(r)
		if err != nil {
			return err
		}
		block := all.block
		if len(some) < block.Len() {
			block = rowsOf(some, block.Slice)
		}
		ranked := slices.ContainsFunc(some, func(i int32) bool { return all.limits != nil && all.limits[i] <= r.high })
		by := s.refined(o, all, some, ranked)
		by.Threads, by.Part = threads, true
		if !shown {
			by.Progress = nil
		}
		by.Bounds = all.bounds(some, k)
		found, err := one(o.x, block, k, by)
		if err != nil {
			return err
		}
		for j, i := range some {
			all.found[i] = s.merge(all.found[i], o, r, found, j, k)
		}
	}
	if all.by.Progress != nil && !shown {
		all.by.Progress(answered)
	}
	return nil
}

// inOrder answers queries by an index of a cell's points in the order of their ranks, where a search goes through
// points in order: it passes over blocks of them that are too late for all queries of a block, and pairs are compared
// in one sweep instead of run by run. It gives the queries that are left to answer. Such an index breaks ties by rank,
// and not by position: it is asked for more neighbours than k, and where the last of them is as far as the k-th, for
// more again.
func (s *Searcher) inOrder(c *cell, all *queries, places []int32, k, threads int, one ask) (left []int32, err error) {
	// Of a group, which points are kept is a matter of ties as well; and a query that is a point must not be before
	// itself.
	if len(c.runs) == 1 || s.r.Most != nil || !s.x.InOrder() || all.by.Self && !s.r.Before.ofPoints() {
		return places, nil
	}
	o, err := s.open(&c.ordered)
	if err != nil || !o.x.InOrder() {
		return places, err
	}
	left = slices.Clone(places)
	slices.SortStableFunc(left, func(a, b int32) int { return cmp.Compare(all.limits[a], all.limits[b]) })
	for _, more := range []int{k + 1, 4*k + 4, 16*k + 16} {
		if k == 0 {
			more = 0
		}
		by := s.refined(o, all, left, true)
		by.Before.Ascending = true
		by.Threads, by.Part, by.Self, by.Progress = threads, true, false, nil
		by.Bounds = all.bounds(left, k)
		found, err := one(o.x, rowsOf(left, all.block.Slice), more, by)
		if err != nil {
			return nil, err
		}
		tied := left[:0]
		for j, i := range left {
			positions, distances := found.Of(j)
			if n := len(distances); n > 0 && n == more && distances[n-1] == distances[k-1] {
				tied = append(tied, i)
			} else {
				all.found[i] = c.hits(positions, distances, k)
			}
		}
		if left = tied; len(left) == 0 || more > len(c.ordered.positions) {
			break
		}
	}
	slices.Sort(left)
	return left, nil
}

// hits are the k nearest of points in the order of ranks, or with k = 0 all.
func (c *cell) hits(positions []int32, distances []float64, k int) []hit {
	all := make([]hit, len(positions))
	for i, p := range positions {
		all[i] = hit{distance: distances[i], position: c.ordered.positions[p], group: -1}
	}
	slices.SortFunc(all, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.position, b.position))
	})
	if k > 0 {
		all = all[:min(k, len(all))]
	}
	return all
}

// refined is how to search the points of an index for the queries at these places, or for all with nil. With ranked,
// some queries may not have all of these points.
func (s *Searcher) refined(o *opened, all *queries, places []int32, ranked bool) neighbors.Search {
	by := all.by
	pick := func(list []int32) []int32 {
		if places == nil {
			return list
		}
		some := make([]int32, len(places))
		for j, i := range places {
			some[j] = list[i]
		}
		return some
	}
	if o.apart != nil {
		by.Apart = &neighbors.Apart{Points: o.apart, Queries: pick(all.apart), Largest: min(s.r.apartLargest, o.x.Len())}
	}
	if o.ranks != nil && ranked {
		by.Before = &neighbors.Before{Points: o.ranks, Queries: pick(all.limits)}
	}
	if o.most != nil {
		by.Most = &neighbors.Most{Groups: o.most, Number: s.r.Number, Largest: min(s.r.mostLargest, o.x.Len())}
	}
	return by
}

// bounds are the distances beyond which the queries at these places need no neighbour: where they have k.
func (q *queries) bounds(places []int32, k int) []float64 {
	b := make([]float64, len(places))
	for j, i := range places {
		b[j] = math.Inf(1)
		if f := q.found[i]; k > 0 && len(f) == k {
			b[j] = f[k-1].distance
		}
		if q.by.Bounds != nil {
			b[j] = min(b[j], q.by.Bounds[i])
		}
	}
	return b
}

// merge adds the neighbours of query j of a run to those that were found before: the k nearest, or with k = 0 all.
func (s *Searcher) merge(before []hit, o *opened, r *run, found *neighbors.Neighbors, j, k int) []hit {
	positions, distances := found.Of(j)
	if len(positions) == 0 {
		return before
	}
	merged := make([]hit, 0, len(before)+len(positions))
	var counts map[int32]int
	if s.r.Most != nil {
		counts = make(map[int32]int, len(merged))
	}
	for a, b := 0, 0; (a < len(before) || b < len(positions)) && (k == 0 || len(merged) < k); {
		var h hit
		if b < len(positions) {
			h = hit{distance: distances[b], position: r.positions[positions[b]], group: -1}
			if o.most != nil {
				h.group = o.most[positions[b]]
			}
		}
		if b == len(positions) || a < len(before) && (before[a].distance < h.distance ||
			before[a].distance == h.distance && before[a].position < h.position) {
			h = before[a]
			a++
		} else {
			b++
		}
		if h.group >= 0 && counts != nil {
			if counts[h.group]++; counts[h.group] > s.r.Number {
				continue
			}
		}
		merged = append(merged, h)
	}
	return merged
}

// neighbors are what was found.
func (q *queries) neighbors() *neighbors.Neighbors {
	n := &neighbors.Neighbors{Offsets: make([]int64, len(q.found)+1)}
	for i, f := range q.found {
		for _, h := range f {
			n.Positions, n.Distances = append(n.Positions, h.position), append(n.Distances, h.distance)
		}
		n.Offsets[i+1] = int64(len(n.Positions))
	}
	return n
}

// each does n things on so many goroutines, and gives the first error in their order.
func each(n, threads int, do func(i int) error) error {
	errs, next := make([]error, n), make(chan int)
	var wg sync.WaitGroup
	for range min(threads, n) {
		wg.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
