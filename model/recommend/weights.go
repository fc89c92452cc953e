package recommend

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"beamlearn/model/triples"
)

// matrix is interactions ready to be compared: items by popularity, the most popular first, so that what is met most
// stands side by side in memory.
type matrix struct {
	public   []uint32 // the items by popularity
	offsets  []int64  // of users' entries
	item     []uint32 // of each entry, as its place in public; ascending in a user's row
	weight   []float64
	starts   []int64   // of items' columns
	column   []cell    // the entries of each item, by user in ascending order
	norm     []float64 // of each item's column
	constant bool      // all weights are the same, above 0
}

// cell is an entry of an item: that of a user, and how many of the user's entries stand before it.
type cell struct{ user, before uint32 }

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

// newMatrix makes the matrix of weights. It takes 20 bytes an entry.
func newMatrix(x *Interactions, o *Options, threads int) *matrix {
	weight := weights(x, o)
	n := x.Items.Len()
	m := &matrix{
		public: make([]uint32, n), offsets: x.Offsets, starts: make([]int64, n+1), item: make([]uint32, x.Len()),
		weight: make([]float64, x.Len()), column: make([]cell, x.Len()), norm: make([]float64, n),
	}
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
	each(x.Users.Len(), threads, func(lo, hi int) {
		var row []triples.Entry
		for u := lo; u < hi; u++ {
			first := x.Offsets[u]
			items, _ := x.Of(u)
			row = row[:0]
			for e, i := range items {
				row = append(row, triples.Entry{Column: place[i], Value: weight[first+int64(e)]})
			}
			slices.SortFunc(row, func(a, b triples.Entry) int { return cmp.Compare(a.Column, b.Column) })
			for e, r := range row {
				m.item[first+int64(e)], m.weight[first+int64(e)] = r.Column, r.Value
			}
		}
	})
	m.constant = true
	next := slices.Clone(m.starts)
	for u := range x.Users.Len() {
		first := m.offsets[u]
		for at := first; at < m.offsets[u+1]; at++ {
			i, w := m.item[at], m.weight[at]
			m.column[next[i]] = cell{uint32(u), uint32(at - first)}
			next[i]++
			m.norm[i] += float64(w * w)
			m.constant = m.constant && w == m.weight[0] && w > 0
		}
	}
	for i := range m.norm {
		m.norm[i] = math.Sqrt(m.norm[i])
	}
	return m
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
