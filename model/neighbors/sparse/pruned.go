package sparse

import (
	"cmp"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/internal/splitmix"
)

// Pruned finds, of rows that are all queries, for each others that are probably the nearest by the cosine. It reads of
// the inverted lists only the products that say most. That lists stand in the order of their values, and are read from
// the beginning, is Anh, de Kretser and Moffat's (Vector-space ranking with effective early termination, SIGIR 2001);
// Seismic searches learned sparse embeddings by such lists (Bruch, Nardini, Rulli and Venturini, SIGIR 2024), with blocks
// and their summaries, which are not needed where the sums of many rows stay in the cache.
//
// A product is read where it is at least [Effort.Least] times the number of the rows that have the column to the power
// of 2/3, as to share a column with few others says more. What sum a row must reach to be found is, for each query, the
// sum of a certain rank among a sample of the rows. Rows stand in the order of that, so that of two rows the later one
// finds the earlier one if either must find the other: each pair is compared once, and serves both ends. The rows that
// are found are compared by all entries, in 8 bits, and the greatest cosines are kept. All sums are of integers, whose
// order does not matter.
type Pruned struct {
	rows    Rows
	table   []int32   // the number of each column, that of the most rows first; or −1, where it has fewer than two rows
	sides   int       // lists of a column: one of values above 0, and where some are below, another
	weights []float64 // of a column: rows^(2/3)
	most    []uint32  // of each list: the greatest value of 16 bits
	sample  prunedBlock
	places  []int32       // of the sample: positions
	sampled map[int32]int // the place of each
}

// prunedBlock is an inverted index of some rows.
type prunedBlock struct {
	first    int      // place
	rows     []int32  // positions
	starts   []uint32 // of each list, and the end
	postings []uint32 // value of 16 bits, row of 16 bits; of a list, descending
}

const (
	// SampleRows is how many rows the sample has at most.
	SampleRows = 1 << 12
	// PrunedRows is how many rows a block has. At most 2¹⁶.
	PrunedRows = 1 << 15
	// PrunedColumns is how many columns rows may have: their numbers stand beside a value of 8 bits, and several arrays
	// have one of each.
	PrunedColumns = 1 << 24
)

// PrunedBytes is about the memory, in bytes, that a search takes besides the rows themselves.
func PrunedBytes(rows, entries int64, dim, k int) int64 {
	const posting, entry, row = 4, 4, 32
	lists := min(int64(dim), entries/2)
	return rows*(row+8*int64(kept(k))) + entries*(posting+entry) + 4*lists*(rows/PrunedRows+2) + 16*int64(dim)
}

// NewPruned is for rows of at most [PrunedColumns] columns. It does not copy them. O(entries).
func NewPruned(rows Rows, dim int) *Pruned {
	x := &Pruned{rows: rows, sides: 1, table: make([]int32, dim)}
	x.number()
	x.bound()
	x.places = make([]int32, rows.N)
	for i := range x.places {
		x.places[i] = int32(i)
	}
	slices.SortFunc(x.places, func(a, b int32) int {
		return cmp.Compare(splitmix.Mix(uint64(a)), splitmix.Mix(uint64(b)))
	})
	x.places = slices.Clone(x.places[:min(len(x.places), SampleRows)])
	x.sampled = make(map[int32]int, len(x.places))
	for at, i := range x.places {
		x.sampled[i] = at
	}
	x.sample.rows = x.places
	new(filler).fill(x, &x.sample)
	return x
}

// number gives the columns that several rows have their numbers.
func (x *Pruned) number() {
	csr := x.rows.CSR
	first, end := csr.Offsets[0], csr.Offsets[x.rows.N]
	for _, c := range csr.Indices[first:end] {
		x.table[c]++
	}
	if slices.ContainsFunc(csr.Values[first:end], func(v float64) bool { return v < 0 }) {
		x.sides = 2
	}
	var shared []int32
	for c, n := range x.table {
		if n > 1 {
			shared = append(shared, int32(c))
		}
	}
	slices.SortStableFunc(shared, func(a, b int32) int { return int(x.table[b]) - int(x.table[a]) })
	x.weights = make([]float64, len(shared))
	for i, c := range shared {
		x.weights[i] = elementary.Pow(float64(x.table[c]), 2.0/3)
	}
	for c := range x.table {
		x.table[c] = -1
	}
	for i, c := range shared {
		x.table[c] = int32(i)
	}
}

// bound finds the greatest value of each list.
func (x *Pruned) bound() {
	x.most = make([]uint32, len(x.weights)*x.sides)
	for i := range x.rows.N {
		row := x.row(i)
		norm := Norm(row.Values)
		for j, c := range row.Columns {
			if number := x.table[c]; number >= 0 && norm > 0 {
				most := &x.most[x.list(number, row.Values[j])]
				*most = max(*most, value16(row.Values[j], norm))
			}
		}
	}
}

// value16 is the size of a value of a row of such a norm, in 16 bits.
func value16(v, norm float64) uint32 { return uint32(math.Round(math.Abs(v) / norm * math.MaxUint16)) }

// filler writes blocks. It belongs to one goroutine.
type filler struct {
	lists, postings []uint32 // of the entries of a block
	byValue         []uint32 // entries, the greatest first
	starts          []uint32 // of values
}

// fill writes the lists of a block's rows: entries by their values first, and in that order into the lists.
func (f *filler) fill(x *Pruned, b *prunedBlock) {
	f.lists, f.postings = f.lists[:0], f.postings[:0]
	b.starts = make([]uint32, len(x.weights)*x.sides+1)
	f.starts = append(f.starts[:0], make([]uint32, math.MaxUint16+2)...)
	for row, i := range b.rows {
		columns, values := x.rows.CSR.Row(int(i))
		norm := Norm(values)
		for j, c := range columns {
			number := x.table[c]
			if number < 0 || norm == 0 {
				continue
			}
			value := value16(values[j], norm)
			if value == 0 {
				continue
			}
			list := x.list(number, values[j])
			f.lists, f.postings = append(f.lists, list), append(f.postings, value<<16|uint32(row))
			b.starts[list+1]++
			f.starts[math.MaxUint16-value+1]++
		}
	}
	for v := range len(f.starts) - 1 {
		f.starts[v+1] += f.starts[v]
	}
	f.byValue = slices.Grow(f.byValue[:0], len(f.postings))[:len(f.postings)]
	for e, p := range f.postings {
		at := &f.starts[math.MaxUint16-p>>16]
		f.byValue[*at] = uint32(e)
		*at++
	}
	for l := range len(b.starts) - 1 {
		b.starts[l+1] += b.starts[l]
	}
	b.postings = make([]uint32, len(f.postings))
	for _, e := range f.byValue {
		at := &b.starts[f.lists[e]]
		b.postings[*at] = f.postings[e]
		*at++
	}
	copy(b.starts[1:], b.starts)
	b.starts[0] = 0
}

// list is that of a column's number for such a value.
func (x *Pruned) list(number int32, value float64) uint32 {
	l := int(number) * x.sides
	if value < 0 {
		l++
	}
	return uint32(l)
}

func (b *prunedBlock) list(l uint32) []uint32 { return b.postings[b.starts[l]:b.starts[l+1]] }

// prunedTerm is an entry of a query.
type prunedTerm struct {
	list  uint32
	value uint32 // of 16 bits
	least uint32 // the least posting to be read
}

// terms appends those of a row whose products may be great enough.
func (x *Pruned) terms(to []prunedTerm, q Row, least float64) []prunedTerm {
	norm := Norm(q.Values)
	if norm == 0 {
		return to
	}
	for j, c := range q.Columns {
		number := x.table[c]
		if number < 0 {
			continue
		}
		list, value := x.list(number, q.Values[j]), value16(q.Values[j], norm)
		from := math.Ceil(least * x.weights[number] * math.MaxUint16 * math.MaxUint16 / float64(value))
		if value > 0 && from <= float64(x.most[list]) {
			to = append(to, prunedTerm{list, value, max(uint32(from), 1) << 16})
		}
	}
	return to
}

func (x *Pruned) row(i int) Row {
	columns, values := x.rows.CSR.Row(i)
	return Row{columns, values}
}

// product is that of two values of 16 bits, of unit rows, in units of 2⁻¹⁵, so that a sum of a row's has room in 16 bits.
func product16(a, b uint32) uint16 { return uint16(a * b >> 17) }

// sum adds up the products of a query with the rows of a block that are great enough. It returns the number of them.
func (b *prunedBlock) sum(terms []prunedTerm, sums *[1 << 16]uint16) (read int) {
	for _, t := range terms {
		list := b.list(t.list)
		for i, p := range list {
			if p < t.least {
				list = list[:i]
				break
			}
			sums[uint16(p)] += product16(p>>16, t.value)
		}
		read += len(list)
	}
	return read
}

// PrunedGauge says what an effort finds. It belongs to one goroutine.
type PrunedGauge struct {
	x           *Pruned
	sums        [1 << 16]uint16
	terms, near []prunedTerm
	at          []int32  // 1 + the number of a list among the terms, or 0
	pairs       []uint16 // sums
}

// Gauge makes one.
func (x *Pruned) Gauge() *PrunedGauge {
	return &PrunedGauge{x: x, at: make([]int32, len(x.weights)*x.sides)}
}

// Ranks appends, for each of some rows, the least rank by which a search finds it and row i near to each other, where
// products are at least so great; where they have no such product, [NoRank]. It returns about how many products row i
// reads of all rows, too. O(sample) for each row.
func (g *PrunedGauge) Ranks(i int, rows []int32, least float64, ranks []int) (_ []int, read float64) {
	x := g.x
	g.terms = x.terms(g.terms[:0], x.row(i), least)
	for t, term := range g.terms {
		g.at[term.list] = int32(t + 1)
	}
	g.pairs = g.pairs[:0]
	for _, j := range rows {
		g.pairs = append(g.pairs, g.sum(x.row(int(j))))
	}
	for _, term := range g.terms {
		g.at[term.list] = 0
	}
	read = float64(x.sample.sum(g.terms, &g.sums)) * float64(x.rows.N) / float64(len(x.places))
	first := len(ranks)
	for _, s := range g.pairs {
		ranks = append(ranks, g.rank(i, s))
	}
	clear(g.sums[:len(x.places)])
	for at, j := range rows {
		if g.pairs[at] > 0 && ranks[first+at] > 1 {
			g.terms = x.terms(g.terms[:0], x.row(int(j)), least)
			x.sample.sum(g.terms, &g.sums)
			ranks[first+at] = min(ranks[first+at], g.rank(int(j), g.pairs[at]))
			clear(g.sums[:len(x.places)])
		}
	}
	return ranks, read
}

// rank is the least one by which row i, whose sums with the sample there are, finds another of such a sum.
func (g *PrunedGauge) rank(i int, sum uint16) int {
	if sum == 0 {
		return NoRank
	}
	sums := g.sums[:len(g.x.places)]
	if at, ok := g.x.sampled[int32(i)]; ok {
		sums[at] = 0
	}
	rank := 1
	for _, other := range sums {
		if other > sum {
			rank++
		}
	}
	return rank
}

// NoRank is above all ranks.
const NoRank = math.MaxInt

// sum is that of a row with the query whose terms the gauge has.
func (g *PrunedGauge) sum(r Row) (sum uint16) {
	g.near = g.x.terms(g.near[:0], r, 0)
	for _, u := range g.near {
		if at := g.at[u.list]; at > 0 {
			if t := g.terms[at-1]; u.value<<16 >= t.least {
				sum += product16(u.value, t.value)
			}
		}
	}
	return sum
}
