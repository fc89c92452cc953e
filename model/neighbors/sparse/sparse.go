// Package sparse finds candidates for the exact nearest neighbours of rows of few non-zeros, by an inverted index, in
// memory of the non-zeros. [beamlearn/model/neighbors] computes the distances of the candidates, and orders them.
//
// # How it searches
//
// The rows are brought to unit length, as float32, and stand column by column: the list of a column has the rows that it
// is in, with their values. A query adds up, for each of its columns, the products with the rows of that list into an
// accumulator a row; rows are taken in blocks whose accumulators stay in the cache. A row's sum is the cosine, whence
// the cosine's distance, the inner product, and, with the norms, the euclidean distance follow.
//
// Most of the products belong to the few columns that most rows have, the head, which also stands row by row. A query
// passes through the other lists first. Rows of its rarest lists then tell how near the k-th neighbour is at least. By
// that, and a sample of the rows, it chooses how many of the head's lists to leave out: what they can add to a sum is at most ‖x_h‖·‖y_h‖, the
// norms within them (Cauchy–Schwarz), and only rows that this bound lets be among the k nearest get their products. That
// is the threshold of MaxScore (Turtle and Flood, Query evaluation: strategies and optimizations, 1995), which skips the
// lists of small weight, with the prefix norms of L2AP (Anastasiu and Karypis, L2AP: fast cosine similarity search with
// prefix L2 norm bounds, ICDE 2014) in the place of the greatest weights. Rows stand in the order of what bounds them, so
// that a run of rows has one threshold; where that is above 0, only rows that have a product are looked at.
//
// # Why it is exact
//
// Sums are float32, and their error is bounded by the number of terms (package-internal: errorOf). Each row that is
// looked at gets a least and a greatest value of its distance. A row is a candidate unless its least value is above
// the k-th smallest of the greatest ones: so no neighbour is missed, and which of the candidates are neighbours is
// decided by distances in float64, whatever the order in which rows were looked at, and by how many threads.
package sparse

import (
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// Measure is what is small where rows are near.
type Measure int

const (
	Cosine       Measure = iota // −cos(x, y), which is 0 where either is the zero vector
	InnerProduct                // −⟨x,y⟩
	Euclidean                   // ‖x−y‖²
)

const (
	// blockRows is how many rows' accumulators are filled at a time: 64 KiB of them. A power of two.
	blockRows = 1 << 14
	// runRows is how many rows have one threshold.
	runRows = 128
	// headColumns is the most columns of the head.
	headColumns = 32
	// fullColumns are the columns of the head that also stand column by column, with their zeros. A product in such a
	// column takes half as long as one in a list. As many as the second of levels.
	fullColumns = 4
	// headShare is the least share of the rows that a column of the head has.
	headShare = 1.0 / 64
	// sampleRows is how many rows tell how much of the head to leave out, and offerCost what a row that is looked at then
	// costs, in products.
	sampleRows, offerCost = 64, 6
	// seedRows is how many rows of much head are looked at before others.
	seedRows = 256
	// tableColumns is up to how many columns a table finds the list of a column; beyond, it is as long as the entries
	// allow, or columns are searched for.
	tableColumns = 1 << 22
)

// levels are how many columns of the head may be left out.
var levels = [...]int{0, 4, 8, 16, headColumns}

// Index is an inverted index of rows. It is immutable, and safe for concurrent use.
type Index struct {
	measure Measure
	n       int
	order   []int32   // the position of the row at each place
	norms   []float64 // of the row at each place
	longest int       // entries of a row

	table   []int32 // the list of each column, or −1; nil where columns are searched for
	columns []int32 // that have lists, ascending, where there is no table
	lists   []int32 // the list of each of columns

	starts []int // of each list, and the end; the first lists are those of the head
	places []int32
	values []float32

	heads     int                    // columns of the head
	width     int                    // those, rounded up to a multiple of 4
	head      []float32              // width values a place
	headNorms [len(levels)][]float32 // by the place, within so many columns of the head
	meanNorms [len(levels)]float64
	full      [fullColumns][]float32 // the first columns of the head, by the place
	runs      []run
}

// run is what bounds consecutive places.
type run struct {
	heads       [len(levels)]float64 // the greatest norms within the head
	least, most float64              // norms
}

// Rows are rows as entries: row i is [vectors.CSR.Row].
type Rows struct {
	CSR *vectors.CSR
	N   int
}

// New makes an index of rows of dim columns. It keeps no memory of theirs. O(entries + rows·log rows).
func New(rows Rows, dim int, m Measure) *Index {
	x := &Index{measure: m, n: rows.N}
	counts := x.number(rows, dim)
	x.chooseHead(counts)
	norms := make([]float64, rows.N)
	var headNorms [len(levels)][]float32
	for l := range levels {
		headNorms[l] = make([]float32, rows.N)
	}
	for i := range rows.N {
		columns, values := rows.CSR.Row(i)
		norms[i] = Norm(values)
		x.longest = max(x.longest, len(columns))
		if norms[i] == 0 {
			continue
		}
		for l, norm := range x.headNormsOf(columns, values, norms[i]) {
			headNorms[l][i] = float32(norm)
			x.meanNorms[l] += norm / float64(rows.N)
		}
	}
	x.sort(norms, headNorms)
	x.fill(rows)
	return x
}

// Norm is ‖x‖, also where squares of its values would leave float64's range.
func Norm(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v * v
	}
	if sum >= 0x1p-900 && sum <= 0x1p+1000 {
		return math.Sqrt(sum)
	}
	most := 0.0
	for _, v := range values {
		most = max(most, math.Abs(v))
	}
	if most == 0 {
		return 0
	}
	_, e := math.Frexp(most)
	sum = 0
	for _, v := range values {
		v = math.Ldexp(v, -e)
		sum += v * v
	}
	return math.Ldexp(math.Sqrt(sum), e)
}

// unit is v/norm as the lists have it, where both may be extreme.
func unit(v, norm float64) float32 {
	if norm < 0x1p-1000 {
		v, norm = math.Ldexp(v, 100), math.Ldexp(norm, 100)
	}
	return float32(v / norm)
}

// number gives each column that has an entry the number of a list, and counts the rows of each list.
func (x *Index) number(rows Rows, dim int) (counts []int32) {
	indices := rows.CSR.Indices
	if dim <= max(tableColumns, 2*len(indices)) {
		x.table = make([]int32, dim)
		for i := range rows.N {
			columns, _ := rows.CSR.Row(i)
			for _, c := range columns {
				x.table[c]++
			}
		}
		for c, n := range x.table {
			x.table[c] = -1
			if n > 0 {
				x.table[c] = int32(len(counts))
				counts = append(counts, n)
			}
		}
		return counts
	}
	if rows.N > 0 {
		first, _ := rows.CSR.Offsets[0], 0
		x.columns = slices.Clone(indices[first:rows.CSR.Offsets[rows.N]])
	}
	slices.Sort(x.columns)
	n := 0
	for i, c := range x.columns {
		if i > 0 && c == x.columns[n-1] {
			counts[n-1]++
			continue
		}
		x.columns[n] = c
		counts = append(counts, 1)
		n++
	}
	x.columns = slices.Clone(x.columns[:n])
	x.lists = make([]int32, n)
	for i := range x.lists {
		x.lists[i] = int32(i)
	}
	return counts
}

// list is the number of a column's list, or −1.
func (x *Index) list(column int32) int32 {
	if x.table != nil {
		return x.table[column]
	}
	if i, ok := slices.BinarySearch(x.columns, column); ok {
		return x.lists[i]
	}
	return -1
}

// chooseHead takes the columns of the most rows for the head, whose lists become the first, and makes room for all.
func (x *Index) chooseHead(counts []int32) {
	var heads []int32
	for l, n := range counts {
		if float64(n) > headShare*float64(x.n) {
			heads = append(heads, int32(l))
		}
	}
	slices.SortStableFunc(heads, func(a, b int32) int { return int(counts[b]) - int(counts[a]) })
	heads = heads[:min(len(heads), headColumns)]
	x.heads, x.width = len(heads), (len(heads)+3)&^3
	renamed := make([]int32, len(counts))
	for i := range renamed {
		renamed[i] = -1
	}
	x.starts = append(make([]int, 0, len(counts)+1), 0)
	give := func(l int32) {
		renamed[l] = int32(len(x.starts) - 1)
		x.starts = append(x.starts, x.starts[len(x.starts)-1]+int(counts[l]))
	}
	for _, l := range heads {
		give(l)
	}
	for l := range counts {
		if renamed[l] < 0 {
			give(int32(l))
		}
	}
	for _, names := range [][]int32{x.table, x.lists} {
		for i, l := range names {
			if l >= 0 {
				names[i] = renamed[l]
			}
		}
	}
}

// headNormsOf are the norms of a row's unit vector within the head, rounded up.
func (x *Index) headNormsOf(columns []int32, values []float64, norm float64) (norms [len(levels)]float64) {
	for j, c := range columns {
		h := int(x.list(c))
		if h < 0 || h >= x.heads {
			continue
		}
		v := float64(unit(values[j], norm))
		for l, n := range levels {
			if h < n {
				norms[l] += v * v
			}
		}
	}
	for l := range norms {
		norms[l] = math.Sqrt(norms[l]) * (1 + 0x1p-20)
	}
	return norms
}

// sort orders the rows by what bounds them, the greatest first, and makes the runs.
func (x *Index) sort(norms []float64, headNorms [len(levels)][]float32) {
	by := headNorms[len(levels)-1]
	x.order = make([]int32, x.n)
	for i := range x.order {
		x.order[i] = int32(i)
	}
	slices.SortStableFunc(x.order, func(a, b int32) int {
		switch {
		case x.measure != Cosine && norms[a] != norms[b]:
			if norms[a] > norms[b] {
				return -1
			}
			return 1
		case by[a] > by[b]:
			return -1
		case by[a] < by[b]:
			return 1
		}
		return 0
	})
	x.norms = make([]float64, x.n)
	for place, i := range x.order {
		x.norms[place] = norms[i]
	}
	for l := range levels {
		x.headNorms[l] = make([]float32, x.n)
		for place, i := range x.order {
			x.headNorms[l][place] = headNorms[l][i]
		}
	}
	for lo := 0; lo < x.n; lo += runRows {
		r := run{least: math.Inf(1)}
		for place := lo; place < min(lo+runRows, x.n); place++ {
			for l := range levels {
				r.heads[l] = max(r.heads[l], float64(x.headNorms[l][place]))
			}
			r.least, r.most = min(r.least, x.norms[place]), max(r.most, x.norms[place])
		}
		x.runs = append(x.runs, r)
	}
}

// fill writes the lists, whose places ascend, and the head.
func (x *Index) fill(rows Rows) {
	n := x.starts[len(x.starts)-1]
	x.places, x.values = make([]int32, n), make([]float32, n)
	x.head = make([]float32, x.n*x.width)
	for h := range x.full {
		if x.heads > 0 {
			x.full[h] = make([]float32, x.n)
		}
	}
	next := slices.Clone(x.starts)
	for place, i := range x.order {
		columns, values := rows.CSR.Row(int(i))
		for j, c := range columns {
			l, v := x.list(c), float32(0)
			if x.norms[place] > 0 {
				v = unit(values[j], x.norms[place])
			}
			if int(l) < x.heads {
				x.head[place*x.width+int(l)] = v
			}
			if int(l) < x.heads && l < fullColumns {
				x.full[l][place] = v
			}
			x.places[next[l]], x.values[next[l]] = int32(place), v
			next[l]++
		}
	}
}
