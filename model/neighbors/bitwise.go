package neighbors

import (
	"math"
	"math/bits"
	"sync"

	"beamlearn/model/vectors"
)

// bitwise compares all pairs of rows of booleans by their bits: those that are set in both are counted in whole
// words, and with those that are set in each row they say all that the metrics of booleans, and the Hamming distance
// of bits, ask for ([contingency]). Counts are exact, and so is the order of two distances, but for what the last
// division rounds.
//
// Where the queries are the indexed points, all of them in order, each pair is compared once and serves both ends.
type bitwise struct {
	o      Options
	points *points
	kernel bitKernel
	words  int      // of a row
	rows   []uint64 // zeros behind the last bit, and behind the last row
	counts []int32  // bits that are set
}

// countsBits reports whether the metric is searched by bits.
func (o *Options) countsBits() bool { return o.Bits || o.Metric.ofBooleans() }

// words is the number of words that rows of so many columns take.
func (o *Options) words(dim int) int {
	if o.Bits {
		return wholeWords((dim + 7) / 8)
	}
	return wholeWords((dim + 63) / 64)
}

func newBitwise(p *points, o Options) *bitwise {
	b := &bitwise{o: o, points: p, words: o.words(p.dim)}
	all := (p.n + rowLanes - 1) / rowLanes * rowLanes
	b.kernel, b.rows, b.counts = bitKernelOf(b.words), make([]uint64, all*b.words), make([]int32, all)
	parallel(p.n, 256, Search{}.NumThreads(), func() func(lo, hi int) {
		buf := make([]float64, p.dim)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				b.counts[i] = b.pack(p.row(i, buf), b.row(i))
			}
		}
	})
	return b
}

// row is the bits of a point.
func (b *bitwise) row(i int) []uint64 { return b.rows[i*b.words : (i+1)*b.words] }

// pack writes the bits of a row to words, and counts them.
func (b *bitwise) pack(x []float64, words []uint64) int32 {
	clear(words)
	if b.o.Bits {
		for j, v := range x {
			words[j/8] |= uint64(uint8(v)) << (j % 8 * 8)
		}
	} else {
		for j, v := range x {
			if v != 0 {
				words[j/64] |= 1 << (j % 64)
			}
		}
	}
	n := 0
	for _, w := range words {
		n += bits.OnesCount64(w)
	}
	return int32(n)
}

// columns is the number of bits of a row.
func (b *bitwise) columns() int {
	if b.o.Bits {
		return 8 * b.points.dim
	}
	return b.points.dim
}

// pairBlock is the number of points that a query is compared to at a time, and bitQueries that of queries which share
// them in the cache.
const (
	pairBlock  = 512
	bitQueries = 32
)

// bitSearch is what a goroutine compares rows with.
type bitSearch struct {
	b    *bitwise
	both [pairBlock]int32
	near [pairBlock / 8]uint8
}

// each gives the points from first to last whose distance from a query of these bits is at most worst, or hardly more.
// first is a multiple of rowLanes, and last, too, or the number of points.
func (f *bitSearch) each(x []uint64, count int32, first, last int, worst float64, do func(d float64, p int)) {
	b, n := f.b, last-first
	all := (n + rowLanes - 1) / rowLanes * rowLanes
	counts, hamming := b.counts[first:first+all], b.o.Metric == Hamming
	limit := int32(math.MaxInt32)
	if hamming {
		limit = hammingLimit(worst) - count
	}
	b.kernel(x, b.rows[first*b.words:(first+all)*b.words], counts, limit, f.both[:all], f.near[:all/8])
	if hamming {
		for g, mask := range f.near[:all/8] {
			for ; mask != 0; mask &= mask - 1 {
				if j := 8*g + bits.TrailingZeros8(mask); j < n {
					do(float64(counts[j]-2*f.both[j]+count), first+j)
				}
			}
		}
		return
	}
	c := contingency{n: b.columns(), x: int(count)}
	for j, shared := range f.both[:n] {
		c.both, c.y = int(shared), int(counts[j])
		// A quotient of at most worst, rounded, has a numerator that is hardly greater than this.
		if above, below := c.fraction(b.o.Metric); float64(above) <= worst*(1+0x1p-50)*float64(below) {
			do(float64(above)/float64(below), first+j)
		}
	}
}

func hammingLimit(worst float64) int32 {
	const most = math.MaxInt32 / 4
	return int32(max(min(math.Floor(worst), most), -most))
}

// search gives do all points for all queries that are at most worst, of that query, away. A goroutine calls setup once.
func (b *bitwise) search(q *vectors.Block, exclude []int32, s Search,
	setup func() (worst func(i int) float64, do func(i int, d float64, p int), done func(lo, hi int))) {
	parallel(q.Len(), bitQueries, s.NumThreads(), func() func(lo, hi int) {
		worst, do, done := setup()
		f := &bitSearch{b: b}
		x, counts, row := make([]uint64, bitQueries*b.words), make([]int32, bitQueries), make([]float64, b.points.dim)
		return func(lo, hi int) {
			for i := range hi - lo {
				counts[i] = b.pack(q.Row(lo+i, row), x[i*b.words:(i+1)*b.words])
			}
			for first := 0; first < b.points.n; first += pairBlock {
				last := min(first+pairBlock, b.points.n)
				for i := range hi - lo {
					self := excluded(exclude, lo+i)
					f.each(x[i*b.words:(i+1)*b.words], counts[i], first, last, worst(lo+i), func(d float64, p int) {
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

func (b *bitwise) kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32,
	distances []float64) {
	if everyPoint(exclude, b.points.n) && b.points.n > 4*pairBlock {
		b.pairs(k, s, positions, distances)
		return
	}
	b.search(q, exclude, s, func() (func(i int) float64, func(i int, d float64, p int), func(lo, hi int)) {
		keepers := make([]*keeper, bitQueries)
		for i := range keepers {
			keepers[i] = newKeeper(k, s.Most)
		}
		worst := func(i int) float64 { return min(keepers[i%bitQueries].worst(), s.bound(i)) }
		return worst, func(i int, d float64, p int) { keepers[i%bitQueries].offer(d, int32(p)) }, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				kept := keepers[i%bitQueries]
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

// bitPair is two points and their distance.
type bitPair struct {
	i, j int32
	d    float64
}

// pairs answers all points, comparing each pair of them once: a worker compares a block of points to those after it,
// and offers what it finds to both while it has their locks.
func (b *bitwise) pairs(k int, s Search, positions []int32, distances []float64) {
	n := b.points.n
	blocks := (n + pairBlock - 1) / pairBlock
	keepers, locks := make([]keeper, n), make([]sync.Mutex, blocks)
	for i := range keepers {
		keepers[i] = keeper{k: k, most: s.Most, distances: distances[i*k : i*k : (i+1)*k],
			positions: positions[i*k : i*k : (i+1)*k]}
	}
	// worsts has the worst distance of each point of a block, and returns the greatest.
	worsts := func(block int, all []float64) float64 {
		locks[block].Lock()
		defer locks[block].Unlock()
		most := math.Inf(-1)
		for i := range min(pairBlock, n-block*pairBlock) {
			at := block*pairBlock + i
			all[i] = min(keepers[at].worst(), s.bound(at))
			most = max(most, all[i])
		}
		return most
	}
	parallel(blocks, 1, s.NumThreads(), func() func(lo, hi int) {
		f := &bitSearch{b: b}
		var found []bitPair
		own, other := make([]float64, pairBlock), make([]float64, pairBlock)
		return func(lo, _ int) {
			end := min((lo+1)*pairBlock, n)
			for c := lo; c < blocks; c++ {
				worsts(lo, own)
				most := worsts(c, other)
				found = found[:0]
				for i := lo * pairBlock; i < end; i++ {
					f.each(b.row(i), b.counts[i], c*pairBlock, min((c+1)*pairBlock, n), max(own[i%pairBlock], most),
						func(d float64, j int) {
							if (d <= own[i%pairBlock] || d <= other[j%pairBlock]) && (c > lo || j > i) {
								found = append(found, bitPair{int32(i), int32(j), d})
							}
						})
				}
				locks[lo].Lock()
				for _, p := range found {
					if p.d <= own[p.i%pairBlock] && !s.bars(int(p.i), int(p.j)) {
						keepers[p.i].offer(p.d, p.j)
					}
				}
				locks[lo].Unlock()
				locks[c].Lock()
				for _, p := range found {
					if p.d <= other[p.j%pairBlock] && !s.bars(int(p.j), int(p.i)) {
						keepers[p.j].offer(p.d, p.i)
					}
				}
				locks[c].Unlock()
			}
			s.answered(end - lo*pairBlock)
		}
	})
	parallel(n, 256, s.NumThreads(), func() func(lo, hi int) {
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				keepers[i].sorted(keepers[i].positions, keepers[i].distances)
			}
		}
	})
}

func (b *bitwise) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
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
