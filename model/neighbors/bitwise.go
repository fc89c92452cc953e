package neighbors

import (
	"math"
	"math/bits"
	"slices"
)

// bitwise compares all pairs of rows of booleans by their bits: those that are set in both are counted in whole
// words, and with those that are set in each row they say all that the metrics of booleans, and the Hamming distance
// of bits, ask for ([contingency]). Counts are exact, and so is the order of two distances, but for what the last
// division rounds.
type bitwise struct {
	pairwise
	o      Options
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
	b := &bitwise{o: o, words: o.words(p.dim)}
	b.pairwise = pairwise{points: p, block: pairBlock, comparer: func() comparer { return newBitSearch(b) }}
	all := (p.n + rowLanes - 1) / rowLanes * rowLanes
	b.kernel, b.rows, b.counts = bitKernelOf(b.words), make([]uint64, all*b.words), make([]int32, all)
	Parallel(p.n, 256, Search{}.NumThreads(), func() func(lo, hi int) {
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

// bitSearch is what a goroutine compares rows with: a [comparer].
type bitSearch struct {
	b      *bitwise
	rows   [pairQueries][]uint64
	own    []uint64
	counts [pairQueries]int32
	most   float64
	both   [pairBlock]int32
	near   [pairBlock / 8]uint8
}

func newBitSearch(b *bitwise) *bitSearch {
	return &bitSearch{b: b, own: make([]uint64, pairQueries*b.words), most: math.Inf(-1)}
}

func (f *bitSearch) take(slot int, x []float64) {
	f.rows[slot] = f.own[slot*f.b.words : (slot+1)*f.b.words]
	f.counts[slot] = f.b.pack(x, f.rows[slot])
}

func (f *bitSearch) takePoint(slot, i int) { f.rows[slot], f.counts[slot] = f.b.row(i), f.b.counts[i] }

func (f *bitSearch) wanted(worsts []float64) { f.most = slices.Max(worsts) }

func (f *bitSearch) each(slot, first, last int, worst float64, do func(d float64, p int)) {
	b, n, x, count := f.b, last-first, f.rows[slot], f.counts[slot]
	worst = max(worst, f.most)
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
