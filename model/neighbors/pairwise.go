package neighbors

import (
	"sync"

	"beamlearn/model/vectors"
)

// pairwise compares all pairs, block by block, with a cheap bound on distances that a [comparer] has.
//
// Where the queries are the indexed points, all of them in order, each pair is compared once and serves both ends: the
// distance must be the same from either.
type pairwise struct {
	points   *points
	block    int // points that a query is compared to at a time, a multiple of 8, at most pairBlock
	comparer func() comparer
}

// A comparer finds the points that are near a query. It belongs to one goroutine.
type comparer interface {
	// take makes a row the query of a slot, of which there are pairQueries.
	take(slot int, x []float64)
	// takePoint makes an indexed point the query of a slot.
	takePoint(slot, i int)
	// wanted sets the worst distances that the points which are compared next, from first on, want themselves.
	wanted(worsts []float64)
	// each gives the points from first to last whose distance from the query is at most worst, or what they want
	// themselves, and perhaps others. first is a multiple of the block, and last, too, or the number of points.
	each(slot, first, last int, worst float64, do func(d float64, p int))
}

// pairBlock is the greatest number of points that a query is compared to at a time, and pairQueries that of queries
// which share them in the cache.
const (
	pairBlock   = 512
	pairQueries = 32
)

// search gives do all points for all queries that are at most worst, of that query, away. A goroutine calls setup once.
func (b *pairwise) search(q *vectors.Block, exclude []int32, s Search,
	setup func() (worst func(i int) float64, do func(i int, d float64, p int), done func(lo, hi int))) {
	Parallel(q.Len(), pairQueries, s.NumThreads(), func() func(lo, hi int) {
		worst, do, done := setup()
		f, row := b.comparer(), make([]float64, b.points.dim)
		return func(lo, hi int) {
			for i := range hi - lo {
				f.take(i, q.Row(lo+i, row))
			}
			for first := 0; first < b.points.n; first += b.block {
				last := min(first+b.block, b.points.n)
				for i := range hi - lo {
					self := excluded(exclude, lo+i)
					f.each(i, first, last, worst(lo+i), func(d float64, p int) {
						if p != self && !s.bars(lo+i, p) {
							do(lo+i, d, p)
						}
					})
				}
			}
			done(lo, hi)
			s.answered(hi - lo)
		}
	})
}

func (b *pairwise) kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32,
	distances []float64) {
	if everyPoint(exclude, b.points.n) && b.points.n > 4*b.block {
		b.pairs(k, s, positions, distances)
		return
	}
	b.search(q, exclude, s, func() (func(i int) float64, func(i int, d float64, p int), func(lo, hi int)) {
		keepers := make([]*keeper, pairQueries)
		for i := range keepers {
			keepers[i] = newKeeper(k, s.Most)
		}
		worst := func(i int) float64 { return min(keepers[i%pairQueries].worst(), s.bound(i)) }
		return worst, func(i int, d float64, p int) { keepers[i%pairQueries].offer(d, int32(p)) }, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				kept := keepers[i%pairQueries]
				n := len(kept.distances)
				kept.sorted(positions[i*k:i*k+n], distances[i*k:i*k+n])
			}
		}
	})
}

// everyPoint reports whether the queries are the points, all of them in order.
func everyPoint(exclude []int32, n int) bool {
	if len(exclude) != n {
		return false
	}
	for i, v := range exclude {
		if int(v) != i {
			return false
		}
	}
	return true
}

// pointPair is two points and their distance.
type pointPair struct {
	i, j int32
	d    float64
}

// pairs answers all points, comparing each pair of them once: a worker compares a block of points to those after it,
// and offers what it finds to both while it has their locks.
func (b *pairwise) pairs(k int, s Search, positions []int32, distances []float64) {
	n, size := b.points.n, b.block
	blocks := (n + size - 1) / size
	keepers, locks := make([]keeper, n), make([]sync.Mutex, blocks)
	for i := range keepers {
		keepers[i] = keeper{k: k, most: s.Most, distances: distances[i*k : i*k : (i+1)*k],
			positions: positions[i*k : i*k : (i+1)*k]}
	}
	// worsts are the worst distances of the points of a block.
	worsts := func(block int, all []float64) []float64 {
		locks[block].Lock()
		defer locks[block].Unlock()
		for i := range min(size, n-block*size) {
			at := block*size + i
			all[i] = min(keepers[at].worst(), s.bound(at))
		}
		return all[:min(size, n-block*size)]
	}
	Parallel(blocks, 1, s.NumThreads(), func() func(lo, hi int) {
		f := b.comparer()
		var found []pointPair
		own, other := make([]float64, size), make([]float64, size)
		return func(lo, _ int) {
			end := min((lo+1)*size, n)
			for c := lo; c < blocks; c++ {
				worsts(lo, own)
				f.wanted(worsts(c, other))
				found = found[:0]
				for i := lo * size; i < end; i++ {
					f.takePoint(0, i)
					f.each(0, c*size, min((c+1)*size, n), own[i%size], func(d float64, j int) {
						if (d <= own[i%size] || d <= other[j%size]) && (c > lo || j > i) {
							found = append(found, pointPair{int32(i), int32(j), d})
						}
					})
				}
				locks[lo].Lock()
				for _, p := range found {
					if p.d <= own[int(p.i)%size] && !s.bars(int(p.i), int(p.j)) {
						keepers[p.i].offer(p.d, p.j)
					}
				}
				locks[lo].Unlock()
				locks[c].Lock()
				for _, p := range found {
					if p.d <= other[int(p.j)%size] && !s.bars(int(p.j), int(p.i)) {
						keepers[p.j].offer(p.d, p.i)
					}
				}
				locks[c].Unlock()
			}
			s.answered(end - lo*size)
		}
	})
	Parallel(n, 256, s.NumThreads(), func() func(lo, hi int) {
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				keepers[i].sorted(keepers[i].positions, keepers[i].distances)
			}
		}
	})
}

func (b *pairwise) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
	found := make([]within, q.Len())
	b.search(q, exclude, s, func() (func(i int) float64, func(i int, d float64, p int), func(lo, hi int)) {
		do := func(i int, d float64, p int) {
			if d <= r {
				found[i].add(d, int32(p))
			}
		}
		return func(int) float64 { return r }, do, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				found[i].sort()
			}
		}
	})
	return gather(found)
}
