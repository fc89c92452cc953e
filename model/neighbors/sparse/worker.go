package sparse

import (
	"math"
	"slices"
)

// worker compares queries with blocks. It belongs to one goroutine.
type worker struct {
	x    *Index
	sums [blockRows]float32 // 0 between queries
	// Of the rows of a block, the sums from which on a pair counts for them. For their own sake: +Inf, where only the
	// query counts. Of rows that are none: +Inf.
	thresholds [blockRows]float32
	lowest     float32 // of thresholds, once; they may have risen
	least      [blockRows / chunkRows]float32
	at         []int32 // 1 + the place of each list in the block's directory, or 0; nil where it is searched for
	spread     *block  // whose places at has
	scan       scan

	queries  []query
	products []product
	rares    []product
	terms    []term
	meetings [][]meeting      // by the block
	rare     []meeting        // of the open block, from the query on that is next
	now      []meeting        // of the query
	rows     [blockRows]int32 // what is found of a query in a block
	found    [blockRows]float32
}

// query is a row that is compared with blocks.
type query struct {
	row      int // of the queries
	place    int // in the index, or −1
	norm     float64
	head     float32   // norm within the head
	err      float64   // of a sum
	number   int       // among the worker's
	products []product // but for rare lists
	rare     []product
	terms    []term
}

// product is one with the rows of a list.
type product struct {
	list  int32
	value float32
}

// meeting is a product of a query with a row, of a rare list.
type meeting struct {
	query int32 // of the worker's
	row   int32 // of a block
	value float32
}

// spreadQueries is from how many queries at a time on the directory of a block is spread to a table.
const spreadQueries = 32

func (x *Index) worker() *worker {
	w := &worker{x: x}
	for i := range w.thresholds {
		w.thresholds[i] = float32(math.Inf(1))
	}
	w.lowest = float32(math.Inf(1))
	return w
}

// forget drops the queries.
func (w *worker) forget() {
	w.queries, w.products, w.rares, w.terms = w.queries[:0], w.products[:0], w.rares[:0], w.terms[:0]
}

// add makes a query of a row, which may be at a place of the index.
func (w *worker) add(q Row, row, place int) {
	x := w.x
	one := query{row: row, place: place, norm: x.measure.norm(q.Values), number: len(w.queries)}
	one.err = errorOf(min(len(q.Columns), x.longest))
	products, rares, terms := len(w.products), len(w.rares), len(w.terms)
	if one.norm > 0 {
		sum := 0.0
		for j, column := range q.Columns {
			l := x.list(column)
			if l < 0 {
				continue
			}
			v := x.measure.unit(q.Values[j], one.norm)
			switch {
			case int(l) < x.heads:
				w.terms = append(w.terms, term{v, l * 4 * chunkRows})
				sum += float64(v) * float64(v)
			case int(l) < x.frequent:
				w.products = append(w.products, product{l - int32(x.heads), v})
			case place < 0 || int(l) < x.shared: // the one row of a list is this
				w.rares = append(w.rares, product{l - int32(x.frequent), v})
			}
		}
		one.head = float32(math.Sqrt(sum) * (1 + 0x1p-20))
	}
	one.products, one.rare, one.terms = w.products[products:], w.rares[rares:], w.terms[terms:]
	w.queries = append(w.queries, one)
}

// errorOf bounds the error of a sum of so many products of unit vectors that are rounded to float32: each factor and
// product, and each sum of at most 1, is off by 2⁻²⁴ of it, and by as much again for values that are denormal. Twice
// that leaves room for what is rounded in computing the distances.
func errorOf(terms int) float64 { return float64(terms+8) * 0x1p-23 }

// meet finds the products of some of the queries, or of all, with the rows of rare lists. Queries that have a place
// meet those that stand before them.
func (w *worker) meet(some []int) {
	x := w.x
	if w.meetings == nil {
		w.meetings = make([][]meeting, len(x.blocks))
	}
	for i := range w.meetings {
		w.meetings[i] = w.meetings[i][:0]
	}
	one := func(q *query) {
		end := int32(x.n)
		if q.place >= 0 {
			end = int32(q.place)
		}
		for _, p := range q.rare {
			lo, hi := x.rareStarts[p.list], x.rareStarts[p.list+1]
			values := x.rareValues[lo:hi]
			for i, place := range x.rarePlaces[lo:hi] {
				if place >= end {
					break
				}
				m := &w.meetings[place/blockRows]
				*m = append(*m, meeting{int32(q.number), place % blockRows, p.value * values[i]})
			}
		}
	}
	if some == nil {
		for i := range w.queries {
			one(&w.queries[i])
		}
	}
	for _, i := range some {
		one(&w.queries[i])
	}
}

// open makes a block the one that queries are compared with, in order. Where there are many, it spreads its directory.
func (w *worker) open(number int) {
	b := &w.x.blocks[number]
	w.rare = w.meetings[number]
	if w.spread == b {
		return
	}
	if w.spread != nil {
		for _, l := range w.spread.lists {
			w.at[l] = 0
		}
		w.spread = nil
	}
	if len(w.queries) < spreadQueries {
		return
	}
	if w.at == nil {
		w.at = make([]int32, w.x.frequent-w.x.heads)
	}
	for i, l := range b.lists {
		w.at[l] = int32(i + 1)
	}
	w.spread = b
}

// list gives the rows of a block that are in a list, with their values.
func (w *worker) list(b *block, l int32) ([]uint16, []float32) {
	i := 0
	if w.spread == b {
		if i = int(w.at[l]) - 1; i < 0 {
			return nil, nil
		}
	} else {
		var ok bool
		if i, ok = slices.BinarySearch(b.lists, l); !ok {
			return nil, nil
		}
	}
	lo, hi := b.starts[i], b.starts[i+1]
	return b.rows[lo:hi], b.values[lo:hi]
}

// sum adds the products of a query with the first n rows of a block, but for those of the head, and returns how many
// there are.
func (w *worker) sum(q *query, b *block, n int) (added int) {
	end := (n + chunkRows - 1) / chunkRows * chunkRows
	for len(w.rare) > 0 && int(w.rare[0].query) < q.number {
		w.rare = w.rare[1:]
	}
	for added < len(w.rare) && int(w.rare[added].query) == q.number {
		m := &w.rare[added]
		w.sums[m.row&(blockRows-1)] += m.value
		added++
	}
	w.now, w.rare = w.rare[:added], w.rare[added:]
	for _, p := range q.products {
		rows, values := w.list(b, p.list)
		if end < blockRows {
			for len(rows) > 0 && int(rows[len(rows)-1]) >= end {
				rows = rows[:len(rows)-1]
			}
		}
		added += len(rows)
		values = values[:len(rows)]
		for i, r := range rows {
			w.sums[r&(blockRows-1)] += p.value * values[i]
		}
	}
	return added
}

// compare finds the first n rows of a block whose sums reach the threshold of a query, or their own. It calls offer
// with how many of w.rows and w.found have them, once or several times, and with the limit that offer returns goes on.
func (w *worker) compare(q *query, number, n int, limit float64, offer func(hits int) (limit float64)) {
	b := &w.x.blocks[number]
	added := w.sum(q, b, n)
	chunks := (n + chunkRows - 1) / chunkRows
	for from := 0; from < chunks; {
		to := chunks
		if number == 0 || math.IsInf(limit, 1) { // soon the limit will be far lower
			to = min(max(2*from, 1), chunks)
		}
		lowest := w.limits(q, number, from, to, limit)
		if from == 0 && to == chunks && added < n/32 && lowest > q.head*b.most {
			if hits := w.touched(q, b, chunks*chunkRows); hits > 0 {
				offer(hits)
			}
			return
		}
		s := &w.scan
		s.sums, s.thresholds = &w.sums[from*chunkRows], &w.thresholds[from*chunkRows]
		s.least, s.most, s.chunks = &w.least[from], &b.heads[from], to-from
		s.rows, s.found, s.norm, s.n, s.terms, s.dense = &w.rows[0], &w.found[0], q.head, len(q.terms), nil, nil
		if s.n > 0 {
			s.stride = w.x.heads * chunkRows * 4
			s.terms, s.dense = &q.terms[0], &b.dense[from*w.x.heads*chunkRows]
		}
		hits := w.x.kernel.scan(s)
		for h := range w.rows[:hits] {
			w.rows[h] += int32(from * chunkRows)
		}
		if hits > 0 {
			limit = offer(hits)
		}
		from = to
	}
}

// limits sets the thresholds of a query in chunks of a block, and returns the lowest of them and of all rows.
func (w *worker) limits(q *query, number, from, to int, limit float64) float32 {
	lowest, first := w.lowest, number*blockRows/chunkRows
	var t float32
	for c := from; c < to; c++ {
		if c == from || w.x.measure != Cosine && c%(runRows/chunkRows) == 0 {
			t = w.x.threshold(q.norm, limit, q.err, &w.x.runs[(first+c)*chunkRows/runRows])
			lowest = min(lowest, t)
		}
		w.least[c] = t
	}
	return lowest
}

// touched is the scan where only rows that have got a product can reach a threshold, and few have.
func (w *worker) touched(q *query, b *block, end int) (out int) {
	one := func(r int) {
		sum := w.sums[r]
		if sum == 0 || r >= end {
			return // it came before, or the sum is no more than that of none
		}
		w.sums[r] = 0
		chunk := r / chunkRows
		threshold := min(w.thresholds[r], w.least[chunk])
		if sum+q.head*b.heads[chunk] < threshold {
			return
		}
		dense := b.dense[chunk*chunkRows*w.x.heads:]
		for _, t := range q.terms {
			sum += t.value * dense[int(t.column)/4+r%chunkRows]
		}
		if sum >= threshold {
			w.rows[out], w.found[out] = int32(r), sum
			out++
		}
	}
	for _, m := range w.now {
		one(int(m.row))
	}
	for _, p := range q.products {
		rows, _ := w.list(b, p.list)
		for _, r := range rows {
			one(int(r))
		}
	}
	return out
}

// threshold is a sum such that no row of a run with a smaller one has a value up to the limit, for a row of that norm.
func (x *Index) threshold(rowNorm, limit, err float64, r *run) float32 {
	switch {
	case math.IsInf(limit, -1):
		return float32(math.Inf(1))
	case math.IsInf(limit, 1) || rowNorm == 0:
		return float32(math.Inf(-1))
	}
	cosine := 0.0 // at least so much, but for errors
	switch x.measure {
	case Cosine:
		cosine = -limit
	case Jaccard, Dice:
		// |x∩y| = cos·√(|x|·|y|) ≥ share·(|x|+|y|), which is least where the sizes are most alike
		if limit >= 0 {
			return float32(math.Inf(-1))
		}
		if r.most == 0 {
			return float32(math.Inf(1))
		}
		share := -limit / 2
		if x.measure == Jaccard {
			share = -limit / (1 - limit)
		}
		norm := min(max(rowNorm, r.least), r.most)
		cosine = share * (rowNorm/norm + norm/rowNorm)
	case Overlap:
		// |x∩y| = cos·√(|x|·|y|) ≥ share·min(|x|,|y|), which is least where the sizes are least alike
		if limit >= 0 || r.least == 0 {
			return float32(math.Inf(-1))
		}
		cosine = -limit * min(rowNorm/r.most, r.least/rowNorm, 1)
	case InnerProduct:
		// cos·‖x‖·‖y‖ ≥ −limit
		norm := r.most
		if limit > 0 {
			norm = r.least
		}
		if norm == 0 {
			return float32(math.Inf(-1))
		}
		cosine = -limit / (rowNorm * norm)
	case Euclidean, Hamming: // of sets, ‖x‖² is |x|, and ⟨x,y⟩ is |x∩y|: at least |x| + |y| − 2·|x∩y| columns differ
		// ‖x‖² + ‖y‖² − 2·cos·‖x‖·‖y‖ ≤ limit
		rest := rowNorm*rowNorm - limit
		rest -= 4e-12 * (rowNorm*rowNorm + math.Abs(limit) + r.most*r.most)
		norm := r.least
		if rest > 0 {
			norm = min(max(math.Sqrt(rest), r.least), r.most)
		}
		if norm == 0 {
			return float32(math.Inf(-1))
		}
		cosine = (norm*norm + rest) / (2 * rowNorm * norm)
	}
	cosine -= err + 1e-9 + 1e-6*math.Abs(cosine)
	return float32(cosine) - 1e-6
}

// bounds are those of a row's value for a query, with such a sum.
func (x *Index) bounds(q *query, place int, sum float32) candidate {
	cosine, err, b := float64(sum), q.err, x.norms[place]
	middle := -cosine
	switch x.measure {
	case Jaccard, Dice, Overlap, Hamming:
		return x.boundsOfSets(q, place, cosine)
	case InnerProduct:
		middle, err = -cosine*q.norm*b, err*q.norm*b
	case Euclidean:
		norms := q.norm + b
		middle, err = q.norm*q.norm+b*b-2*q.norm*b*cosine, 2*q.norm*b*err+1e-12*norms*norms
	}
	width := float32(2 * err * (1 + 0x1p-20))
	if err > 0 {
		width = max(width, leastWidth)
	}
	return candidate{middle - err, width, int32(place)}
}

// leastWidth is the least normal number of float32: smaller widths would be rounded down, as far as to 0.
const leastWidth = 0x1p-126

// boundsOfSets are bounds of sets, which are the same where the error leaves one whole number of columns in common.
func (x *Index) boundsOfSets(q *query, place int, cosine float64) candidate {
	a, b := math.Round(q.norm*q.norm), math.Round(x.norms[place]*x.norms[place])
	both, err := cosine*q.norm*x.norms[place], q.err*q.norm*x.norms[place]
	value := func(both float64) float64 {
		switch {
		case x.measure == Hamming:
			return a + b - 2*both
		case a+b == 0 || x.measure == Overlap && min(a, b) == 0:
			return -1
		case x.measure == Overlap:
			return -both / min(a, b)
		case x.measure == Dice:
			return -2 * both / (a + b)
		}
		return -both / (a + b - both)
	}
	least, most := value(min(math.Floor(both+err), a, b)), value(max(math.Ceil(both-err), 0))
	if x.measure == Hamming { // the columns of both may all differ
		most = a + b - max(math.Ceil(both-err), 0)
	}
	return candidate{least, float32(max(most-least, 0) * (1 + 0x1p-20)), int32(place)}
}
