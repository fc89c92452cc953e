package profile

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"beamlearn/model/features"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/vectors"
)

// Sparse is what there is to know of rows that are stored by their entries. To find it out takes about 100 bytes,
// garbage not counted, for each of at most 2,097,152 columns that a row has, as much for those of each chunk that is
// being read, a bit for each of all columns, and a sample of rows with at most 2,097,152 entries.
type Sparse struct {
	// NonZeros is how many values are not 0, and Share which part of all values that is.
	NonZeros int64   `json:"nonzeros"`
	Share    float64 `json:"nonzero_share"`
	// StoredZeros is how many entries are 0, though they are stored.
	StoredZeros int64 `json:"stored_zeros"`
	// The values of a row that are not 0: the fewest, the lower median, the mean, and the most.
	MinPerRow    int64   `json:"min_per_row"`
	MedianPerRow int64   `json:"median_per_row"`
	MeanPerRow   float64 `json:"mean_per_row"`
	MaxPerRow    int64   `json:"max_per_row"`
	// Binary says that all values which are not 0 are 1: the rows are sets of columns.
	Binary bool `json:"binary"`
	// Unused is how many columns are 0 in all rows, and FirstUnused are the first of these.
	Unused      int         `json:"unused_columns"`
	FirstUnused []ColumnRef `json:"first_unused_columns,omitempty"`
	// Constant is how many columns have the same value in all rows, which is not 0, and FirstConstant are the first.
	Constant      int         `json:"constant_columns"`
	FirstConstant []ColumnRef `json:"first_constant_columns,omitempty"`
	// Frequent are the columns that most rows have, in this order, and the target, where one was given. AtMost is 0, or,
	// where there are more columns than are kept, by how many rows their numbers may fall short; their spread is then
	// that of the rows that were counted.
	Frequent []SparseColumn `json:"frequent_columns"`
	AtMost   int64          `json:"frequent_fall_short_by_at_most"`
}

// ColumnRef is a column by its number, with the name that it has, if any.
type ColumnRef struct {
	Index int32  `json:"index"`
	Name  string `json:"name,omitempty"`
}

// SparseColumn is a column of sparse rows. Its spread is over all rows, those without an entry counted as 0.
type SparseColumn struct {
	Index int32 `json:"index"`
	Rows  int64 `json:"rows"` // in which it is not 0
	Column
}

// Label is the name of the column, or else its number.
func (c *SparseColumn) Label() string { return ColumnRef{c.Index, c.Name}.Label() }

// Label is the name of the column, or else its number.
func (c ColumnRef) Label() string { return cmp.Or(c.Name, strconv.Itoa(int(c.Index))) }

const (
	readRows    = 64      // sparse rows that are read before their entries are counted
	keptColumns = 1 << 21 // columns whose values are counted
	mostColumns = 100     // columns that are told of
	mostRefs    = 100     // columns that are named, of those without a value or with the same one in all rows
)

// ofSparse profiles chunks of which all have sparse rows.
func ofSparse(ctx context.Context, o *Options, chunks []chunk, limit int64, names []string, to *Profile) error {
	total := newSparsePartial(o.Distinct, 0)
	used := make([]uint64, (to.Columns+63)/64)
	look := func(ctx context.Context, c *chunk, level int) (*sparsePartial, *tally, error) {
		p := newSparsePartial(o.Distinct, level)
		b := &vectors.Block{Dim: to.Columns, DType: o.Formats.DType, Sparse: &vectors.CSR{}}
		err := c.read(ctx, b, &p.tally, func() int {
			if b.Sparse.Entries() >= chunkValues {
				return 0
			}
			return min(readRows, chunkRows-b.Len())
		}, func() { p.add(b, c.shift, o.Head) })
		return p, &p.tally, err
	}
	err := eachChunk(ctx, o, chunks, limit, look, func(p *sparsePartial) int {
		for j := range p.columns {
			used[j/64] |= 1 << (j % 64)
		}
		total.merge(p, keptColumns)
		return total.rowsSeen.level
	})
	if err != nil {
		return err
	}
	return total.into(to, used, names, o.Target)
}

// entries are the values of a column that are not 0.
type entries struct {
	moments
	count int64
}

// sparsePartial is the profile of consecutive sparse rows.
type sparsePartial struct {
	tally
	columns     map[int32]*entries
	short       int64           // by how many rows the counts of columns may fall short
	perRow      map[int64]int64 // rows, by how many of their values are not 0
	storedZeros int64
	notOne      bool // a value is neither 0 nor 1
	sample      entrySample
	bytes       []byte
}

func newSparsePartial(distinct, level int) *sparsePartial {
	return &sparsePartial{tally: newTally(distinct, level), columns: map[int32]*entries{}, perRow: map[int64]int64{}}
}

// add adds the rows of a block.
func (p *sparsePartial) add(b *vectors.Block, shift int64, head int) {
	if b.IDs.Len() > 0 && p.idsSeen == nil {
		p.idsSeen = newSketch(p.rowsSeen.limit, 0)
	}
	for i := range b.Len() {
		columns, values := b.Sparse.Row(i)
		square := p.addEntries(columns, values)
		p.tally.addRow(b, i, shift, values, square, p.bytes)
		number := b.Numbers[i] + shift
		if number < int64(head) {
			p.head = append(p.head, Row{ID: b.ID(i).String(), Values: append([]float64{}, values...),
				Columns: slices.Clone(columns)})
		}
		if p.sample.takes(number) {
			p.sample.add(sampledEntries{number, slices.Clone(columns), slices.Clone(values)})
		}
	}
	p.rows += int64(b.Len())
}

// addEntries adds the entries of a row, of which it gives the sum of squares. The bytes of p are then those of the row.
func (p *sparsePartial) addEntries(columns []int32, values []float64) (square float64) {
	p.bytes = p.bytes[:0]
	var n int64
	for j, v := range values {
		if v == 0 {
			p.storedZeros++
			continue
		}
		n++
		square += float64(v * v)
		p.fractions = p.fractions || v != math.Trunc(v)
		p.wide = p.wide || float64(float32(v)) != v
		p.notOne = p.notOne || v != 1
		p.bytes = binary.LittleEndian.AppendUint32(p.bytes, uint32(columns[j]))
		p.bytes = binary.LittleEndian.AppendUint64(p.bytes, math.Float64bits(v))
		c := p.columns[columns[j]]
		if c == nil {
			c = &entries{moments: moments{min: v, max: v}}
			p.columns[columns[j]] = c
		}
		// Welford 1962.
		c.count++
		c.min, c.max = min(c.min, v), max(c.max, v)
		d := v - c.mean
		c.mean += d / float64(c.count)
		c.m2 += float64(d * (v - c.mean))
	}
	p.perRow[n]++
	return square
}

// merge adds the rows that follow, and keeps so many columns.
func (p *sparsePartial) merge(q *sparsePartial, limit int) {
	p.tally.merge(&q.tally)
	p.storedZeros += q.storedZeros
	p.notOne = p.notOne || q.notOne
	for n, rows := range q.perRow {
		p.perRow[n] += rows
	}
	for j, b := range q.columns {
		a := p.columns[j]
		if a == nil {
			p.columns[j] = b
			continue
		}
		a.moments.merge(&b.moments, float64(a.count), float64(b.count))
		a.count += b.count
	}
	p.sample.merge(&q.sample)
	if len(p.columns) > limit {
		p.drop(limit / 2)
	}
}

// drop keeps so many columns, those that most rows have. A column that comes again is counted anew, so that its count
// falls short by at most the sum of the largest counts that were dropped (Manku and Motwani, Approximate frequency
// counts over data streams, 2002).
func (p *sparsePartial) drop(keep int) {
	order := p.byCount()
	p.short += p.columns[order[keep]].count
	for _, j := range order[keep:] {
		delete(p.columns, j)
	}
}

// byCount are the columns by how many rows have them, the most first.
func (p *sparsePartial) byCount() []int32 {
	type counted struct {
		count  int64
		column int32
	}
	all := make([]counted, 0, len(p.columns))
	for j, c := range p.columns {
		all = append(all, counted{c.count, j})
	}
	slices.SortFunc(all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.column, b.column))
	})
	order := make([]int32, len(all))
	for i, c := range all {
		order[i] = c.column
	}
	return order
}

// into fills in the profile; a bit of used says of each column whether a row has it.
func (p *sparsePartial) into(to *Profile, used []uint64, names []string, target string) error {
	p.tally.into(to)
	if p.rows == 0 {
		return nil
	}
	ref := func(j int32) ColumnRef {
		if names == nil {
			return ColumnRef{Index: j}
		}
		return ColumnRef{j, names[j]}
	}
	s := &Sparse{StoredZeros: p.storedZeros, AtMost: p.short}
	to.Sparse = s
	s.count(p.perRow, p.rows)
	s.Binary = s.NonZeros > 0 && !p.notOne
	s.Share = float64(s.NonZeros) / float64(p.rows) / float64(to.Columns)
	to.Zeros = 1 - s.Share
	s.Unused = to.Columns
	for _, word := range used {
		s.Unused -= bits.OnesCount64(word)
	}
	for j := 0; j < to.Columns && len(s.FirstUnused) < min(s.Unused, mostRefs); j++ {
		if used[j/64]&(1<<(j%64)) == 0 {
			s.FirstUnused = append(s.FirstUnused, ref(int32(j)))
		}
	}
	var square, variance float64
	for _, j := range slices.Sorted(maps.Keys(p.columns)) {
		c := p.columns[j]
		if c.count == p.rows && c.min == c.max {
			if s.Constant++; len(s.FirstConstant) < mostRefs {
				s.FirstConstant = append(s.FirstConstant, ref(j))
			}
		}
		c.withZeros(p.rows)
		square, variance = square+float64(c.mean*c.mean), variance+max(c.m2, 0)/float64(p.rows)
	}
	if variance > 0 && p.short == 0 {
		to.Offset = math.Sqrt(square / variance)
	}
	return p.frequent(s, to, ref, names, target)
}

// withZeros adds the zeros of the rows that have no entry.
func (c *entries) withZeros(rows int64) {
	if zeros := rows - c.count; zeros > 0 {
		c.moments.merge(&moments{}, float64(c.count), float64(zeros))
	}
}

// count fills in how many values the rows have.
func (s *Sparse) count(perRow map[int64]int64, rows int64) {
	var seen int64
	median := int64(-1)
	s.MinPerRow = math.MaxInt64
	for _, n := range slices.Sorted(maps.Keys(perRow)) {
		s.NonZeros += n * perRow[n]
		s.MinPerRow, s.MaxPerRow = min(s.MinPerRow, n), n
		if seen += perRow[n]; median < 0 && 2*seen >= rows {
			median = n
		}
	}
	s.MedianPerRow, s.MeanPerRow = median, float64(s.NonZeros)/float64(rows)
}

// frequent tells of the columns that most rows have, and of the target.
func (p *sparsePartial) frequent(s *Sparse, to *Profile, ref func(int32) ColumnRef, names []string,
	target string) error {
	order := p.byCount()
	order = order[:min(len(order), mostColumns)]
	at := slices.Index(names, target)
	if target == "" || at < 0 {
		at = indexOf(target, to.Columns)
	}
	if at >= 0 && !slices.Contains(order, int32(at)) {
		order = append(order, int32(at))
	}
	l := p.sample.looks(order, p.rows)
	s.Frequent = make([]SparseColumn, len(order))
	all := make([]described, len(order))
	for i, j := range order {
		c := p.columns[j]
		if c == nil {
			c = &entries{} // of a target without an entry
		}
		s.Frequent[i] = SparseColumn{Index: j, Rows: c.count, Column: c.column(ref(j).Name, p.rows)}
		s.Frequent[i].Look = l.look(i, true, false)
		all[i] = described{&s.Frequent[i].Look, s.Frequent[i].Label(), features.Numeric, 0}
	}
	place := slices.Index(order, int32(at))
	if at < 0 {
		var err error
		if place, err = targetOf(target, all, to.Files[0].Name); err != nil {
			return err
		}
	}
	l.warn(all, place, 0)
	return nil
}

// entrySample is the rows of the least ranks, as [rowSample], by their entries.
type entrySample struct {
	level, entries int
	rows           []sampledEntries
}

type sampledEntries struct {
	number  int64
	columns []int32
	values  []float64
}

func (s *entrySample) takes(number int64) bool {
	return bits.LeadingZeros64(splitmix.Mix(uint64(number))) >= s.level
}

func (s *entrySample) add(r sampledEntries) {
	if !s.takes(r.number) {
		return
	}
	s.rows = append(s.rows, r)
	s.entries += len(r.columns)
	for len(s.rows) > lookSample || s.entries > sampleCells {
		s.raise(s.level + 1)
	}
}

func (s *entrySample) raise(level int) {
	s.level, s.entries = level, 0
	s.rows = slices.DeleteFunc(s.rows, func(r sampledEntries) bool { return !s.takes(r.number) })
	for _, r := range s.rows {
		s.entries += len(r.columns)
	}
}

func (s *entrySample) merge(t *entrySample) {
	if t.level > s.level {
		s.raise(t.level)
	}
	for _, r := range t.rows {
		s.add(r)
	}
}

// looks are those of some columns of the sample, of so many rows in all.
func (s *entrySample) looks(columns []int32, rows int64) *looks {
	l := newLooks(len(columns), false, 1)
	l.rows, l.sample.level = rows, s.level
	for _, r := range s.rows {
		row := sampledRow{r.number, make([]value, len(columns))}
		for i, j := range columns {
			row.values[i].kind = numberValue
			if at, ok := slices.BinarySearch(r.columns, j); ok {
				row.values[i].number = r.values[at]
			}
		}
		l.sample.rows = append(l.sample.rows, row)
	}
	return l
}
