package sparse

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Effort is how much of the lists is read, and how many rows are compared by all entries.
type Effort struct {
	// Least is how great a product must be, by the number of the column's rows to the power of 2/3.
	Least float64
	// Rank is that of the sum that is great enough, among a sample of the rows.
	Rank int
}

// Sampled is how many rows the sample has.
func (x *Pruned) Sampled() int { return len(x.places) }

const (
	// groupRows is how many rows are compared with a block one after the other.
	groupRows = 1 << 11
	// mostFound is by how many times more rows may be found than the rank lets expect, as where very many are equal.
	mostFound = 8
)

// kept is how many of the greatest cosines are kept to be compared in float64.
func kept(k int) int { return k + k/10 + 1 }

// prunedPairs is a search.
type prunedPairs struct {
	x      *Pruned
	effort Effort
	kept   int
	blocks []prunedBlock
	order  []int32  // the position of the row at each place
	least  []uint16 // of the row at each position: the sum that is great enough
	// Of each place.
	offsets []int
	entries []uint32 // a column's number, and the value of 8 bits
	scales  []float64
	near    [][]uint64      // the greatest cosines, and the places: a heap whose top is the least
	worst   []atomic.Uint32 // the least cosine that is taken
	locks   [1 << 10]sync.Mutex
}

// Find gives each row positions of others that are probably its k nearest, and a few more, in no order, to what worker
// makes for each goroutine. There are fewer where it has found fewer.
func (x *Pruned) Find(
	e Effort, k int, parallel func(n, some int, setup func() func(lo, hi int)), worker func() Take,
) {
	n := x.rows.N
	p := &prunedPairs{x: x, effort: e, kept: kept(k), least: make([]uint16, n), order: make([]int32, n)}
	parallel(n, groupRows, func() func(lo, hi int) {
		w := p.worker()
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				p.least[i] = w.enough(i)
			}
		}
	})
	for i := range p.order {
		p.order[i] = int32(i)
	}
	slices.SortFunc(p.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(p.least[b], p.least[a]), cmp.Compare(a, b))
	})
	p.fill(parallel)
	p.near, p.worst = make([][]uint64, n), make([]atomic.Uint32, n)
	all := make([]uint64, n*p.kept)
	for i := range p.near {
		p.near[i] = all[i*p.kept : i*p.kept : (i+1)*p.kept]
	}
	parallel((n+groupRows-1)/groupRows, 1, func() func(lo, hi int) {
		w := p.worker()
		return func(lo, hi int) {
			for g := lo; g < hi; g++ {
				w.compare(g*groupRows, min((g+1)*groupRows, n))
			}
		}
	})
	p.blocks, p.entries = nil, nil
	parallel(n, groupRows, func() func(lo, hi int) {
		take := worker()
		var positions []int32
		return func(lo, hi int) {
			for place := lo; place < hi; place++ {
				positions = positions[:0]
				slices.Sort(p.near[place])
				for _, key := range p.near[place] {
					positions = append(positions, p.order[^uint32(key)])
				}
				take(int(p.order[place]), positions)
			}
		}
	})
}

// fill writes the blocks, and the entries.
func (p *prunedPairs) fill(parallel func(n, some int, setup func() func(lo, hi int))) {
	x, n := p.x, p.x.rows.N
	for lo := 0; lo < n; lo += PrunedRows {
		p.blocks = append(p.blocks, prunedBlock{first: lo, rows: p.order[lo:min(lo+PrunedRows, n)]})
	}
	p.offsets, p.scales = make([]int, n+1), make([]float64, n)
	for place, i := range p.order {
		columns, _ := x.rows.CSR.Row(int(i))
		p.offsets[place+1] = p.offsets[place]
		for _, c := range columns {
			if x.table[c] >= 0 {
				p.offsets[place+1]++
			}
		}
	}
	p.entries = make([]uint32, p.offsets[n])
	parallel(len(p.blocks), 1, func() func(lo, hi int) {
		var f filler
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				b := &p.blocks[i]
				f.fill(x, b)
				for row := range b.rows {
					p.encode(b.first + row)
				}
			}
		}
	})
}

// encode writes the entries of a place.
func (p *prunedPairs) encode(place int) {
	columns, values := p.x.rows.CSR.Row(int(p.order[place]))
	most, norm, at := 0.0, Norm(values), p.offsets[place]
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	if norm > 0 {
		p.scales[place] = most / norm / math.MaxInt8
	}
	for j, c := range columns {
		if number := p.x.table[c]; number >= 0 {
			value := int8(0)
			if most > 0 {
				value = int8(math.Round(values[j] / most * math.MaxInt8))
			}
			p.entries[at] = uint32(number)<<8 | uint32(uint8(value))
			at++
		}
	}
}

// pairsWorker belongs to one goroutine.
type pairsWorker struct {
	*prunedPairs
	sums  [1 << 16]uint16 // by the row of a block; 0 between queries
	terms []prunedTerm
	ends  []int // of the terms of each query of a group
	// What is found of a group in a block: the row, and the query of the group.
	hits, byRow []uint32
	starts      []int32
	whole       []int8 // a row's values by the column's number; 0 between rows
	keys        []uint16
}

func (p *prunedPairs) worker() *pairsWorker {
	return &pairsWorker{prunedPairs: p, whole: make([]int8, len(p.x.weights)), starts: make([]int32, PrunedRows+1)}
}

// enough is the sum that is great enough for a row: that of a rank among the sample, and at least 1.
func (w *pairsWorker) enough(i int) uint16 {
	x := w.x
	w.terms = x.terms(w.terms[:0], x.row(i), w.effort.Least)
	x.sample.sum(w.terms, &w.sums)
	sums := w.sums[:len(x.places)]
	if at, ok := x.sampled[int32(i)]; ok {
		sums[at] = 0
	}
	w.keys = w.keys[:0]
	least := uint16(0)
	for _, s := range sums {
		if s <= least {
			continue
		}
		at, _ := slices.BinarySearchFunc(w.keys, s, func(a, b uint16) int { return int(b) - int(a) })
		if w.keys = slices.Insert(w.keys, at, s); len(w.keys) >= w.effort.Rank {
			w.keys = w.keys[:w.effort.Rank]
			least = w.keys[w.effort.Rank-1]
		}
	}
	clear(sums)
	return max(least, 1)
}

// compare compares the rows of a group of places with all before them.
func (w *pairsWorker) compare(lo, hi int) {
	w.terms, w.ends = w.terms[:0], w.ends[:0]
	for place := lo; place < hi; place++ {
		w.terms = w.x.terms(w.terms, w.x.row(int(w.order[place])), w.effort.Least)
		w.ends = append(w.ends, len(w.terms))
	}
	for b := range w.blocks {
		if block := &w.blocks[b]; block.first < hi {
			w.find(block, lo)
			w.offerAll(block, lo)
		}
	}
}

// find notes the rows of a block whose sums with a query of the group are great enough.
func (w *pairsWorker) find(b *prunedBlock, lo int) {
	w.hits = w.hits[:0]
	most := mostFound*w.effort.Rank*len(b.rows)/len(w.x.places) + 64
	begin := 0
	for q, end := range w.ends {
		least := w.least[w.order[lo+q]]
		w.findOne(b, w.terms[begin:end], uint32(q)<<16, least, len(w.hits)+most)
		clear(w.sums[:len(b.rows)])
		begin = end
	}
}

// findOne is find of one query, until there are so many hits.
func (w *pairsWorker) findOne(b *prunedBlock, terms []prunedTerm, q uint32, least uint16, most int) {
	for _, t := range terms {
		for _, p := range b.list(t.list) {
			if p < t.least {
				break
			}
			product := product16(p>>16, t.value)
			s := w.sums[uint16(p)] + product
			w.sums[uint16(p)] = s
			if s >= least && s-product < least {
				w.hits = append(w.hits, q|p&math.MaxUint16)
			}
		}
		if len(w.hits) >= most {
			return
		}
	}
}

// offerAll offers each of the pairs that were found to both ends, row by row of the block.
func (w *pairsWorker) offerAll(b *prunedBlock, lo int) {
	clear(w.starts)
	for _, h := range w.hits {
		w.starts[h&math.MaxUint16+1]++
	}
	for r := range PrunedRows {
		w.starts[r+1] += w.starts[r]
	}
	w.byRow = slices.Grow(w.byRow[:0], len(w.hits))[:len(w.hits)]
	for _, h := range w.hits {
		at := &w.starts[h&math.MaxUint16]
		w.byRow[*at] = h
		*at++
	}
	for done := 0; done < len(w.byRow); {
		row := w.byRow[done] & math.MaxUint16
		end := int(w.starts[row])
		place := b.first + int(row)
		entries := w.entries[w.offsets[place]:w.offsets[place+1]]
		for _, e := range entries {
			w.whole[e>>8] = int8(e)
		}
		for _, h := range w.byRow[done:end] {
			if q := lo + int(h>>16); place < q {
				w.offer(place, q)
			}
		}
		for _, e := range entries {
			w.whole[e>>8] = 0
		}
		done = end
	}
}

// offer offers a row, whose values are whole, and a query to each other.
func (w *pairsWorker) offer(place, q int) {
	sum := 0
	for _, e := range w.entries[w.offsets[q]:w.offsets[q+1]] {
		sum += int(w.whole[e>>8]) * int(int8(e))
	}
	if sum <= 0 {
		return
	}
	cosine := math.Float32bits(float32(float64(sum) * (w.scales[q] * w.scales[place])))
	w.take(place, q, cosine)
	w.take(q, place, cosine)
}

// take puts a place among the nearest of another.
func (p *prunedPairs) take(place, other int, cosine uint32) {
	if cosine < p.worst[place].Load() {
		return
	}
	key := uint64(cosine)<<32 | uint64(^uint32(other))
	lock := &p.locks[place%len(p.locks)]
	lock.Lock()
	defer lock.Unlock()
	h := p.near[place]
	i := len(h)
	switch {
	case i < p.kept:
		h = append(h, key)
		for ; i > 0 && h[(i-1)/2] > key; i = (i - 1) / 2 {
			h[i] = h[(i-1)/2]
		}
	case key > h[0]:
		i = 0
		for child := 1; child < len(h); child = 2*i + 1 {
			if child+1 < len(h) && h[child+1] < h[child] {
				child++
			}
			if h[child] >= key {
				break
			}
			h[i], i = h[child], child
		}
	default:
		return
	}
	h[i] = key
	p.near[place] = h
	if len(h) == p.kept {
		p.worst[place].Store(uint32(h[0] >> 32))
	}
}
