package neighbors

import (
	"math"
	"math/bits"

	"beamlearn/model/vectors"
)

// bitwise compares all pairs of rows of booleans by their bits: those that are set in both are counted in whole words, and
// with those that are set in each row they say all that the metrics of booleans, and the Hamming distance of bits, ask for
// ([contingency]). Counts are exact, and so is the order of two distances, but for what the last division rounds.
type bitwise struct {
	o      Options
	points *points
	words  int      // of a row
	rows   []uint64 // zeros behind the last bit
	counts []int32  // bits that are set
}

// countsBits reports whether the metric is searched by bits.
func (o *Options) countsBits() bool { return o.Bits || o.Metric.ofBooleans() }

// words is the number of words of so many columns.
func (o *Options) words(dim int) int {
	if o.Bits {
		return (dim + 7) / 8
	}
	return (dim + 63) / 64
}

func newBitwise(p *points, o Options) *bitwise {
	b := &bitwise{o: o, points: p, words: o.words(p.dim), counts: make([]int32, p.n)}
	b.rows = make([]uint64, p.n*b.words)
	parallel(p.n, 256, Search{}.NumThreads(), func() func(lo, hi int) {
		buf := make([]float64, p.dim)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				b.counts[i] = b.pack(p.row(i, buf), b.rows[i*b.words:(i+1)*b.words])
			}
		}
	})
	return b
}

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

// countBoth writes to out how many bits each of the rows shares with x.
func countBoth(x, rows []uint64, out []int32) {
	switch len(x) {
	case 1:
		for j := range out {
			out[j] = int32(bits.OnesCount64(x[0] & rows[j]))
		}
	case 2:
		for j := range out {
			y := (*[2]uint64)(rows[2*j:])
			out[j] = int32(bits.OnesCount64(x[0]&y[0]) + bits.OnesCount64(x[1]&y[1]))
		}
	case 4:
		x := (*[4]uint64)(x)
		for j := range out {
			y := (*[4]uint64)(rows[4*j:])
			out[j] = int32(bits.OnesCount64(x[0]&y[0]) + bits.OnesCount64(x[1]&y[1]) + bits.OnesCount64(x[2]&y[2]) +
				bits.OnesCount64(x[3]&y[3]))
		}
	default:
		for j := range out {
			n := 0
			y := rows[j*len(x) : (j+1)*len(x)]
			for w, v := range x {
				n += bits.OnesCount64(v & y[w])
			}
			out[j] = int32(n)
		}
	}
}

// pairBlock is the number of points that a query is compared to at a time, and bitQueries that of queries which share
// them in the cache.
const (
	pairBlock  = 512
	bitQueries = 32
)

// bitSearch is what a goroutine compares a query with.
type bitSearch struct {
	b     *bitwise
	x     []uint64
	count int
	both  [pairBlock]int32
	row   []float64
}

func (b *bitwise) newSearch() *bitSearch {
	return &bitSearch{b: b, x: make([]uint64, bitQueries*b.words), row: make([]float64, b.points.dim)}
}

// each offers the points from first to last that are at most worst() away from a query of these bits, which may come
// down meanwhile.
func (f *bitSearch) each(x []uint64, count int32, first, last int, worst float64, offer func(d float64, p int) float64) {
	b := f.b
	both := f.both[:last-first]
	countBoth(x, b.rows[first*b.words:last*b.words], both)
	counts := b.counts[first:last]
	if b.o.Metric == Hamming {
		limit := hammingLimit(worst) - count
		for j, n := range both {
			if differ := counts[j] - 2*n; differ <= limit {
				limit = hammingLimit(offer(float64(differ+count), first+j)) - count
			}
		}
		return
	}
	c := contingency{n: b.columns(), x: int(count)}
	for j, n := range both {
		c.both, c.y = int(n), int(counts[j])
		// A quotient of at most worst, rounded, has a numerator that is hardly greater than this.
		if above, below := c.fraction(b.o.Metric); float64(above) <= worst*(1+0x1p-50)*float64(below) {
			worst = offer(float64(above)/float64(below), first+j)
		}
	}
}

func hammingLimit(worst float64) int32 {
	if worst >= math.MaxInt32/4 {
		return math.MaxInt32 / 4
	}
	return int32(max(math.Floor(worst), -math.MaxInt32/4))
}

// search offers all points to all queries, each of which has a worst distance at first.
func (b *bitwise) search(
	q *vectors.Block, exclude []int32, s Search, setup func() (worst func(i int) float64, offer func(i int, d float64, p int) float64, done func(lo, hi int)),
) {
	parallel(q.Len(), bitQueries, s.NumThreads(), func() func(lo, hi int) {
		worst, offer, done := setup()
		f := b.newSearch()
		counts := make([]int32, bitQueries)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				counts[i-lo] = b.pack(q.Row(i, f.row), f.x[(i-lo)*b.words:(i-lo+1)*b.words])
			}
			for first := 0; first < b.points.n; first += pairBlock {
				last := min(first+pairBlock, b.points.n)
				for i := lo; i < hi; i++ {
					self := excluded(exclude, i)
					bound := worst(i)
					f.each(f.x[(i-lo)*b.words:(i-lo+1)*b.words], counts[i-lo], first, last, bound, func(d float64, p int) float64 {
						if p == self || s.bars(i, p) {
							return bound
						}
						bound = offer(i, d, p)
						return bound
					})
				}
			}
			done(lo, hi)
			s.answered(hi - lo)
		}
	})
}

func (b *bitwise) kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32, distances []float64) {
	b.search(q, exclude, s, func() (func(i int) float64, func(i int, d float64, p int) float64, func(lo, hi int)) {
		keepers := make([]*keeper, bitQueries)
		for i := range keepers {
			keepers[i] = newKeeper(k, s.Most)
		}
		worst := func(i int) float64 { return min(keepers[i%bitQueries].worst(), s.bound(i)) }
		offer := func(i int, d float64, p int) float64 {
			keepers[i%bitQueries].offer(d, int32(p))
			return worst(i)
		}
		return worst, offer, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				kept := keepers[i%bitQueries]
				n := len(kept.distances)
				kept.sorted(positions[i*k:i*k+n], distances[i*k:i*k+n])
			}
		}
	})
}

func (b *bitwise) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
	found := make([]within, q.Len())
	b.search(q, exclude, s, func() (func(i int) float64, func(i int, d float64, p int) float64, func(lo, hi int)) {
		offer := func(i int, d float64, p int) float64 {
			if d <= r {
				found[i].add(d, int32(p))
			}
			return r
		}
		return func(int) float64 { return r }, offer, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				found[i].sort()
			}
		}
	})
	return gather(found)
}
