package recommend

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// matrix is interactions ready to be compared: items by popularity, the most popular first, so that what is met most
// stands side by side in memory.
type matrix struct {
	public  []uint32 // the items by popularity
	offsets []int64  // of users' entries
	// Of each entry, the item, as its place in public, in ascending order in a user's row, and the weight: in one, as
	// item<<8 and a whole number of units, or nil where weights are none; or in two.
	packed []uint32
	unit   float64
	item   []uint32
	weight []float64
	starts []int64   // of items' columns
	column []cell    // the entries of each item, by user in ascending order
	norm   []float64 // of each item's column
	counts bool      // the number of common users is all that a similarity needs: all weights are 1
}

// cell is an entry of an item: that of a user, and how many of the user's entries stand before it. Of packed entries,
// it is where the user's entries begin, and before<<8 with the weight: what is read next is read at once.
type cell struct{ user, before uint32 }

// cellOf is the cell of an entry of a user.
func (m *matrix) cellOf(user int, at int64) cell {
	first := m.offsets[user]
	if m.packed != nil {
		return cell{uint32(first), uint32(at-first)<<8 | m.packed[at]&0xff}
	}
	return cell{uint32(user), uint32(at - first)}
}

// where is where the entries of a cell's user begin, and the cell's own entry.
func (m *matrix) where(c cell) (first, at int64) {
	if m.packed != nil {
		first = int64(c.user)
		return first, first + int64(c.before>>8)
	}
	first = m.offsets[c.user]
	return first, first + int64(c.before)
}

// degree is the number of users of an item.
func (m *matrix) degree(i int) int64 { return m.starts[i+1] - m.starts[i] }

// weights are what the values count as, entry by entry.
func weights(x *Interactions, o *Options) []float64 {
	if o.Weighting == NoWeighting && o.Similarity != AdjustedCosine {
		return x.Value
	}
	w := make([]float64, x.Len())
	var norm []float64
	if o.Weighting == BM25 {
		norm = bm25Norms(x)
	}
	n := float64(x.Items.Len())
	for u := range x.Users.Len() {
		items, values := x.Of(u)
		to := w[x.Offsets[u]:x.Offsets[u+1]]
		idf := math.Log(n) - math.Log1p(float64(len(items)))
		if o.Similarity == AdjustedCosine {
			centre(to, values)
			continue
		}
		for e, v := range values {
			switch {
			case o.Weighting == TFIDF:
				to[e] = math.Sqrt(v) * idf
			default:
				to[e] = v * (bm25K1 + 1) / (float64(bm25K1*norm[items[e]]) + v) * idf
			}
		}
	}
	return w
}

// dust is the share of the greatest value below which a difference from the mean is an error of rounding: divided by
// the norm of others like it, it would make items alike of nothing.
const dust = 1e-12

// centre takes the mean away from values.
func centre(to, values []float64) {
	sum, greatest := 0.0, 0.0
	for _, v := range values {
		sum += v
		greatest = max(greatest, math.Abs(v))
	}
	mean := sum / float64(len(values))
	for e, v := range values {
		if to[e] = v - mean; math.Abs(to[e]) <= dust*greatest {
			to[e] = 0
		}
	}
}

// bm25Norms are how long the items' columns are, by the mean.
func bm25Norms(x *Interactions) []float64 {
	sums := make([]float64, x.Items.Len())
	for e, i := range x.Item {
		sums[i] += x.Value[e]
	}
	mean := 0.0
	for _, s := range sums {
		mean += s
	}
	mean /= float64(len(sums))
	for i := range sums {
		if mean > 0 {
			sums[i] /= mean
		}
		sums[i] = 1 - bm25B + float64(bm25B*sums[i])
	}
	return sums
}

// newMatrix makes the matrix of weights. It takes 12 bytes an entry where these can be packed, else 20.
func newMatrix(x *Interactions, o *Options, threads int) *matrix {
	weight := weights(x, o)
	n := x.Items.Len()
	m := &matrix{
		public: make([]uint32, n), offsets: x.Offsets, starts: make([]int64, n+1), column: make([]cell, x.Len()),
		norm: make([]float64, n), unit: 1,
	}
	m.counts = o.Similarity == Jaccard || o.Similarity == Cosine && constant(weight)
	degrees := make([]int64, n)
	for _, i := range x.Item {
		degrees[i]++
	}
	for i := range m.public {
		m.public[i] = uint32(i)
	}
	slices.SortFunc(m.public, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(degrees[b], degrees[a]),
			cmp.Compare(a, b))
	})
	place := make([]uint32, n)
	for p, i := range m.public {
		place[i] = uint32(p)
		m.starts[p+1] = m.starts[p] + degrees[i]
	}
	if m.pack(weight); m.packed == nil {
		m.item, m.weight = make([]uint32, x.Len()), make([]float64, x.Len())
	}
	each(x.Users.Len(), threads, func(lo, hi int) {
		var row []uint64 // places, each with where the entry stood
		for u := lo; u < hi; u++ {
			first := x.Offsets[u]
			items, _ := x.Of(u)
			row = row[:0]
			for e, i := range items {
				row = append(row, uint64(place[i])<<32|uint64(e))
			}
			slices.Sort(row)
			for e, r := range row {
				w := weight[first+int64(uint32(r))]
				if m.counts {
					w = 1
				}
				m.set(first+int64(e), uint32(r>>32), w)
			}
		}
	})
	next := slices.Clone(m.starts)
	for u := range x.Users.Len() {
		for at := m.offsets[u]; at < m.offsets[u+1]; at++ {
			i, w := m.entry(at)
			m.column[next[i]] = m.cellOf(u, at)
			next[i]++
			m.norm[i] += float64(w * w)
		}
	}
	for i := range m.norm {
		m.norm[i] = math.Sqrt(m.norm[i])
	}
	return m
}

// constant reports whether all weights are the same, above 0.
func constant(weight []float64) bool {
	return len(weight) > 0 && weight[0] > 0 &&
		!slices.ContainsFunc(weight, func(w float64) bool { return w != weight[0] })
}

const (
	// packedItems is how many items an entry of 32 bits can tell apart, beside a weight of 8.
	packedItems = 1 << 24
	// packedWeight is the greatest such weight.
	packedWeight = 127
	// packedUnits bounds the fractions that are packed: those of ratings in halves or quarters.
	packedUnits = 1.0 / 16
)

// pack makes room for packed entries where all weights are multiples of one power of two, as ratings and counts are,
// and sums of their products, by Cauchy and Schwarz no more than an item's own, fit in 31 bits. Such sums have the bits
// that float64 would give them, in whatever order, and take a third of the memory.
func (m *matrix) pack(weight []float64) {
	if len(m.public) > packedItems || int64(len(weight)) > math.MaxUint32 {
		return
	}
	if m.counts {
		m.packed = make([]uint32, len(weight))
		return
	}
	unit := 1.0
	for _, w := range weight {
		for w/unit != math.Trunc(w/unit) && unit >= packedUnits {
			unit /= 2
		}
		if unit < packedUnits || math.Abs(w/unit) > packedWeight {
			return
		}
	}
	most := 0.0
	for _, w := range weight { // of any unit that came before
		most = max(most, math.Abs(w/unit))
	}
	if most > packedWeight || most*most*float64(m.starts[1]) > math.MaxInt32 {
		return
	}
	m.unit, m.packed = unit, make([]uint32, len(weight))
}

// set sets an entry.
func (m *matrix) set(at int64, item uint32, w float64) {
	if m.packed != nil {
		m.packed[at] = item<<8 | uint32(uint8(int8(w/m.unit)))
		return
	}
	m.item[at], m.weight[at] = item, w
}

// entry is the item, by its place, and the weight of an entry.
func (m *matrix) entry(at int64) (uint32, float64) {
	if m.packed != nil {
		e := m.packed[at]
		return e >> 8, float64(int8(e)) * m.unit
	}
	return m.item[at], m.weight[at]
}

// each cuts n things into runs, and shares them among threads.
func each(n, threads int, do func(lo, hi int)) {
	threads = min(max(threads, 1), max(n, 1))
	var wg sync.WaitGroup
	for t := range threads {
		wg.Go(func() { do(n*t/threads, n*(t+1)/threads) })
	}
	wg.Wait()
}
