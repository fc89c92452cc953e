// Package sparse finds candidates for the exact nearest neighbours of rows of few non-zeros, by an inverted index, in
// memory of the non-zeros. [beamlearn/model/neighbors] computes the distances of the candidates, and orders them.
//
// # How it searches
//
// The rows are brought to unit length, as float32, and stand in blocks, column by column: the list of a column has the
// rows of the block that it is in, with their values. A query adds up, for each of its columns, the products with the
// rows of that list into an accumulator a row, which stay in the cache. A row's sum is the cosine, whence the cosine's
// distance, the inner product, and, with the norms, the euclidean distance follow. Blocks are the outer loop, and many
// queries the inner one. Where the queries are the rows themselves, each pair is compared once, and serves both ends.
//
// Most of the products belong to the few columns that most rows have, the head, which stands with its zeros, and is
// multiplied by vector instructions where a sum may matter: what the head can add to a sum is at most ‖x_h‖·‖y_h‖, the
// norms within it (Cauchy–Schwarz), and the k nearest rows so far say what a sum must reach. That is the threshold of
// MaxScore (Turtle and Flood, Query evaluation: strategies and optimizations, 1995), which skips the lists of small
// weight, with the prefix norms of L2AP (Anastasiu and Karypis, L2AP: fast cosine similarity search with prefix L2 norm
// bounds, ICDE 2014) in the place of the greatest weights. Rows stand in the order of what bounds them, so that rows
// that follow each other have one threshold.
//
// A row of which fewer than k others have a column is, by the cosine, as far from all the rest but for rounding:
// there the distances of all rows decide, which [Lanes] compute for many such queries.
//
// # Why it is exact
//
// Sums are float32, and their error is bounded by the number of terms (package-internal: errorOf). Each row that is
// looked at gets a least and a greatest value of its distance. A row is a candidate unless its least value is above
// the k-th smallest of the greatest ones: so no neighbour is missed, and which of the candidates are neighbours is
// decided by distances in float64, whatever the order in which rows were looked at, and by how many threads.
package sparse

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"beamlearn/model/vectors"
)

// Measure is what is small where rows are near.
type Measure int

const (
	Cosine       Measure = iota // −cos(x, y), which is 0 where either is the zero vector
	InnerProduct                // −⟨x,y⟩
	Euclidean                   // ‖x−y‖²
	Jaccard                     // −|x∩y| / |x∪y|, of the sets of columns that are not 0; −1 where both are empty
	Dice                        // −2·|x∩y| / (|x|+|y|), likewise
	Hamming                     // the columns in which x and y differ
	Overlap                     // −|x∩y| / min(|x|,|y|); −1 where either is empty
)

// ofSets reports whether the values of entries do not matter, but for zeros. What such measures count is found exactly;
// of Hamming, which columns differ of those that both rows have is not counted, so that it is bounded.
func (m Measure) ofSets() bool { return m == Jaccard || m == Dice || m == Hamming || m == Overlap }

const (
	// blockRows is how many rows' accumulators are filled at a time: 8 KiB of them. A power of two.
	blockRows = 1 << 11
	// runRows is how many rows have one threshold.
	runRows = 2 * chunkRows
	// tableColumns is up to how many columns a table finds the list of a column; beyond, it is as long as the entries
	// allow, or columns are searched for.
	tableColumns = 1 << 22
)

// Index is an inverted index of rows. It is immutable, and safe for concurrent use.
type Index struct {
	measure Measure
	kernel  *kernel
	n       int
	order   []int32   // the position of the row at each place
	norms   []float64 // of the row at each place
	entries []int32   // of the row at each place
	longest int       // entries of a row

	table   []int32 // the list of each column, or −1; nil where columns are searched for
	columns []int32 // that have lists, ascending, where there is no table
	lists   []int32 // the list of each of columns
	// Lists are numbered by the number of their rows, the greatest first.
	heads    int // those of dense columns end
	frequent int // those that stand in blocks end; what follows is rare
	shared   int // those of more than one row end

	blocks []block
	runs   []run
	// Rare lists have places in the index.
	rareStarts []int
	rarePlaces []int32
	rareValues []float32
}

// block is rows that follow each other.
type block struct {
	lists  []int32   // that have an entry here, frequent ones, numbered from 0 on behind the head, ascending
	starts []int32   // of each of lists among the entries, and the end
	rows   []uint16  // of the entries, from the first of the block on
	values []float32 // of the entries
	// dense are, of each chunk of rows, chunkRows values of each column of the head.
	dense []float32
	heads []float32 // the greatest norms within the head, by the chunk
	most  float32   // of heads
}

// run is what bounds rows that follow each other.
type run struct{ least, most float64 } // norms

// Rows are rows as entries: row i is [vectors.CSR.Row].
type Rows struct {
	CSR *vectors.CSR
	N   int
}

// Bytes is about the most memory, in bytes, that an index of so many rows of dim columns takes while it is made or
// searched, besides the rows themselves.
func Bytes(rows, entries int64, dim int) int64 {
	const (
		row   = 48         // its place, norms and bounds, and offsets of blocks
		entry = 8 + 8 + 12 // in lists while these are made, in those of the index, and in the head
	)
	return rows*row + entries*entry + 4*min(int64(dim), max(tableColumns, 2*entries))
}

// New makes an index of rows of dim columns. It keeps no memory of theirs. O(entries + rows·log rows).
func New(rows Rows, dim int, m Measure) *Index { return newIndex(rows, dim, m, best) }

func newIndex(rows Rows, dim int, m Measure, by *kernel) *Index {
	x := &Index{measure: m, n: rows.N, kernel: by}
	counts := x.number(rows, dim)
	starts := x.chooseHead(counts)
	norms, heads := make([]float64, rows.N), make([]float32, rows.N)
	for i := range rows.N {
		columns, values := rows.CSR.Row(i)
		norms[i] = x.measure.norm(values)
		x.longest = max(x.longest, len(columns))
		if norms[i] > 0 {
			heads[i] = x.headNorm(columns, values, norms[i])
		}
	}
	x.sort(norms, heads)
	x.fill(rows, starts, heads)
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

// norm is that of a row as the measure takes it: of a set, the root of its size.
func (m Measure) norm(values []float64) float64 {
	if !m.ofSets() {
		return Norm(values)
	}
	n := 0
	for _, v := range values {
		if v != 0 {
			n++
		}
	}
	return math.Sqrt(float64(n))
}

// unit is a value of a row brought to unit length.
func (m Measure) unit(v, norm float64) float32 {
	if m.ofSets() && v != 0 {
		v = 1
	}
	return unit(v, norm)
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

// chooseHead takes the columns of the most rows for the head, whose lists become the first, as long as with their zeros
// they take less memory than all entries. It returns where the other lists start, and end.
func (x *Index) chooseHead(counts []int32) (starts []int) {
	var heads []int32
	entries := 0
	for l, n := range counts {
		if entries += int(n); float64(n) > x.kernel.share*float64(x.n) {
			heads = append(heads, int32(l))
		}
	}
	slices.SortStableFunc(heads, func(a, b int32) int { return int(counts[b]) - int(counts[a]) })
	heads = heads[:min(len(heads), x.kernel.columns, 3*entries/max(x.n, 1))]
	x.heads = len(heads)
	renamed := make([]int32, len(counts))
	for h, l := range heads {
		renamed[l] = int32(h) - int32(len(heads))
	}
	// To find a list in each block is worth while where it is in many.
	rare := max(3, bits.Len(uint(x.n/blockRows))-1)
	var next [33]int32
	for l, n := range counts {
		if renamed[l] == 0 {
			next[bits.Len32(uint32(n))]++
		}
	}
	at := int32(len(heads))
	for size := len(next) - 1; size >= 0; size-- {
		n := next[size]
		next[size] = at
		at += n
		if size > rare {
			x.frequent = int(at)
		}
		if size > 1 {
			x.shared = int(at)
		}
	}
	starts = make([]int, len(counts)-len(heads)+1)
	for l, n := range counts {
		if renamed[l] < 0 {
			renamed[l] += int32(len(heads))
			continue
		}
		size := bits.Len32(uint32(n))
		renamed[l] = next[size]
		next[size]++
		starts[int(renamed[l])-len(heads)+1] = int(n)
	}
	for i := range len(starts) - 1 {
		starts[i+1] += starts[i]
	}
	for _, names := range [][]int32{x.table, x.lists} {
		for i, l := range names {
			if l >= 0 {
				names[i] = renamed[l]
			}
		}
	}
	return starts
}

// headNorm is the norm of a row's unit vector within the head, rounded up.
func (x *Index) headNorm(columns []int32, values []float64, norm float64) float32 {
	sum := 0.0
	for j, c := range columns {
		if l := x.list(c); l >= 0 && int(l) < x.heads {
			v := float64(x.measure.unit(values[j], norm))
			sum += v * v
		}
	}
	return float32(math.Sqrt(sum) * (1 + 0x1p-20))
}

// sort orders the rows by what bounds them, the greatest first, and makes the runs.
func (x *Index) sort(norms []float64, heads []float32) {
	x.order = make([]int32, x.n)
	for i := range x.order {
		x.order[i] = int32(i)
	}
	slices.SortStableFunc(x.order, func(a, b int32) int {
		if x.measure != Cosine && norms[a] != norms[b] {
			return cmp.Compare(norms[b], norms[a])
		}
		return cmp.Compare(heads[b], heads[a])
	})
	x.norms = make([]float64, x.n)
	for place, i := range x.order {
		x.norms[place] = norms[i]
	}
	for lo := 0; lo < x.n; lo += runRows {
		r := run{least: math.Inf(1)}
		for _, norm := range x.norms[lo:min(lo+runRows, x.n)] {
			r.least, r.most = min(r.least, norm), max(r.most, norm)
		}
		x.runs = append(x.runs, r)
	}
}

// fill writes the blocks.
func (x *Index) fill(rows Rows, starts []int, heads []float32) {
	x.entries = make([]int32, x.n)
	x.blocks = make([]block, (x.n+blockRows-1)/blockRows)
	sizes := make([]int, len(x.blocks))
	// By the list first, with the places in order.
	places, values := make([]int32, starts[len(starts)-1]), make([]float32, starts[len(starts)-1])
	next := slices.Clone(starts)
	for place, i := range x.order {
		b := &x.blocks[place/blockRows]
		row := place % blockRows
		if row == 0 {
			chunks := (min(blockRows, x.n-place) + chunkRows - 1) / chunkRows
			b.dense, b.heads = make([]float32, chunks*chunkRows*x.heads), make([]float32, chunks)
		}
		h := &b.heads[row/chunkRows]
		*h = max(*h, heads[i])
		b.most = max(b.most, *h)
		columns, v := rows.CSR.Row(int(i))
		x.entries[place] = int32(len(columns))
		for j, c := range columns {
			l, u := int(x.list(c)), float32(0)
			if x.norms[place] > 0 {
				u = x.measure.unit(v[j], x.norms[place])
			}
			if l < x.heads {
				b.dense[(row/chunkRows*x.heads+l)*chunkRows+row%chunkRows] = u
				continue
			}
			l -= x.heads
			places[next[l]], values[next[l]] = int32(place), u
			next[l]++
			if l < x.frequent-x.heads {
				sizes[place/blockRows]++
			}
		}
	}
	for i, n := range sizes {
		x.blocks[i].rows, x.blocks[i].values = make([]uint16, 0, n), make([]float32, 0, n)
	}
	frequent := starts[x.frequent-x.heads]
	x.rarePlaces, x.rareValues = slices.Clone(places[frequent:]), slices.Clone(values[frequent:])
	for _, start := range starts[x.frequent-x.heads:] {
		x.rareStarts = append(x.rareStarts, start-frequent)
	}
	for l := range x.frequent - x.heads {
		for e := starts[l]; e < starts[l+1]; e++ {
			b := &x.blocks[places[e]/blockRows]
			if list := int32(l); len(b.lists) == 0 || b.lists[len(b.lists)-1] != list {
				b.lists, b.starts = append(b.lists, list), append(b.starts, int32(len(b.rows)))
			}
			b.rows, b.values = append(b.rows, uint16(places[e]%blockRows)), append(b.values, values[e])
		}
	}
	for i := range x.blocks {
		b := &x.blocks[i]
		b.lists, b.starts = slices.Clip(b.lists), append(b.starts, int32(len(b.rows)))
	}
}
