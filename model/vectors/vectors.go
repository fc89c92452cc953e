// Package vectors holds the unit that everything here works on: a row-major block of rows with their ids.
package vectors

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"beamlearn/model/tables"
)

// DType says how values are stored. Arithmetic is float64 whatever the storage.
type DType int

const (
	// Auto stores float32 where that holds every value of the block exactly, float64 otherwise: no digit is lost.
	Auto DType = iota
	// Float32 rounds every value to the nearest float32.
	Float32
	// Float64 stores every value as float64.
	Float64
)

var dtypeNames = [...]string{"auto", "float32", "float64"}

// String is the name that ParseDType reads.
func (t DType) String() string {
	if t < 0 || int(t) >= len(dtypeNames) {
		return "DType(" + strconv.Itoa(int(t)) + ")"
	}
	return dtypeNames[t]
}

// ParseDType reads auto, float32 or float64.
func ParseDType(s string) (DType, error) {
	for i, n := range dtypeNames {
		if n == s {
			return DType(i), nil
		}
	}
	return 0, fmt.Errorf("dtype %q: must be auto, float32 or float64", s)
}

// ID is a row's id: a text, or, where Text is empty, an integer.
type ID struct {
	Text string
	Int  int64
}

// ParseID makes an integer id of a canonical decimal integer (one that prints as it stands: 7, -3, not 007 or +7) and a
// text of everything else, so that an id always reads back as it was written. An empty id is not valid.
func ParseID(s string) ID {
	if len(s) <= 20 && len(s) > 0 && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') {
		if v, err := strconv.ParseInt(s, 10, 64); err == nil && (s[0] != '0' || len(s) == 1) && (s[0] != '-' || s[1] != '0') {
			return ID{Int: v}
		}
	}
	return ID{Text: s}
}

// IsInt reports whether the id is an integer.
func (id ID) IsInt() bool { return id.Text == "" }

// String is the id as text.
func (id ID) String() string {
	if id.Text != "" {
		return id.Text
	}
	return strconv.FormatInt(id.Int, 10)
}

// Append appends the id as text to dst.
func (id ID) Append(dst []byte) []byte {
	if id.Text != "" {
		return append(dst, id.Text...)
	}
	return strconv.AppendInt(dst, id.Int, 10)
}

// IDs is a list of ids, compact where all are integers.
type IDs struct {
	Ints  []int64
	Texts []string // nil while all are integers, else as long as Ints; "" marks an integer
}

// Len is the number of ids.
func (s *IDs) Len() int { return len(s.Ints) }

// At is the i-th id.
func (s *IDs) At(i int) ID {
	if s.Texts != nil {
		return ID{Text: s.Texts[i], Int: s.Ints[i]}
	}
	return ID{Int: s.Ints[i]}
}

// Duplicates counts the ids that an earlier row has already. O(n) time and memory.
func (s *IDs) Duplicates() int {
	seen := make(map[ID]struct{}, s.Len())
	for i := range s.Len() {
		seen[s.At(i)] = struct{}{}
	}
	return s.Len() - len(seen)
}

// Append adds an id.
func (s *IDs) Append(id ID) {
	if id.Text != "" && s.Texts == nil {
		s.Texts = make([]string, len(s.Ints), cap(s.Ints)+1)
	}
	if s.Texts != nil {
		s.Texts = append(s.Texts, id.Text)
	}
	s.Ints = append(s.Ints, id.Int)
}

// AppendAll adds the ids of t.
func (s *IDs) AppendAll(t *IDs) {
	if t.Texts != nil && s.Texts == nil {
		s.Texts = make([]string, len(s.Ints), len(s.Ints)+len(t.Ints))
	}
	if s.Texts != nil {
		if t.Texts != nil {
			s.Texts = append(s.Texts, t.Texts...)
		} else {
			s.Texts = append(s.Texts, make([]string, len(t.Ints))...)
		}
	}
	s.Ints = append(s.Ints, t.Ints...)
}

// Slice is the ids lo ≤ i < hi, in the same memory.
func (s *IDs) Slice(lo, hi int) IDs {
	t := IDs{Ints: s.Ints[lo:hi:hi]}
	if s.Texts != nil {
		t.Texts = s.Texts[lo:hi:hi]
	}
	return t
}

// Reset empties the list and keeps its memory.
func (s *IDs) Reset() {
	s.Ints = s.Ints[:0]
	clear(s.Texts)
	s.Texts = nil
}

// Block is n rows × Dim columns, row-major: float32 (in F32), or float64 (in F64) once a value needs it. All values are
// finite, but for NaN where Missing says so. Row i has the number Numbers[i] in the input, and the id IDs.At(i), or
// that number where IDs is empty.
//
// The zero Block with Dim set is empty and ready to append to. A Block is not safe for concurrent writes.
type Block struct {
	Dim     int
	DType   DType // what Append may store; see the constants
	F32     []float32
	F64     []float64
	Numbers []int64
	IDs     IDs
	// What is to be learned of each row: a number, or the label of a class. One of both is as long as the block, or
	// neither. Whoever appends a row appends its target and weight too.
	Target []float64
	Labels []string
	// Targets are all that is to be learned of each row, where it is more than one thing; Target and Labels are then
	// empty.
	Targets []Target
	// Weights are the rows' weights, ≥ 0, or empty: all 1.
	Weights []float64
	// Sparse holds the rows instead of F32 and F64, where it is not nil: an empty block takes its rows so once it is set
	// to &CSR{}.
	Sparse *CSR
	// Cells hold the rows instead of F32, F64 and Sparse, where it is not nil: rows of a table, not brought to numbers
	// yet. Dim is then of no meaning. Such a block can be appended to by readers, and Reset; of its rows, only Numbers,
	// IDs, Target, Labels, Targets and Weights mean what they mean elsewhere.
	Cells *tables.Table
	// Missing says that a value may be NaN, of a dense block of Float64: the number is not known.
	Missing bool
	// Known is, with Missing, how many columns, the first, have no value that may be NaN. Default: none.
	Known int

	wide bool // the rows are in F64
}

// CSR is sparse rows: row i has the values Values[Offsets[i]:Offsets[i+1]] in the columns
// Indices[Offsets[i]:Offsets[i+1]], which ascend, and zeros elsewhere.
type CSR struct {
	Offsets []int // rows + 1, or none where there is no row
	Indices []int32
	Values  []float64
}

// Row is the columns and the values of row i, in the same memory.
func (c *CSR) Row(i int) (columns []int32, values []float64) {
	lo, hi := c.Offsets[i], c.Offsets[i+1]
	return c.Indices[lo:hi:hi], c.Values[lo:hi:hi]
}

// Entries is the number of entries of all rows.
func (c *CSR) Entries() int {
	if len(c.Offsets) == 0 {
		return 0
	}
	return c.Offsets[len(c.Offsets)-1] - c.Offsets[0]
}

// end ends a row after the entries that have been appended.
func (c *CSR) end() {
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Offsets = append(c.Offsets, len(c.Indices))
}

// Len is the number of rows.
func (b *Block) Len() int { return len(b.Numbers) }

// Wide reports whether the rows are stored as float64: those of a dense block, in F64.
func (b *Block) Wide() bool { return b.wide || b.DType == Float64 }

// ID is the id of row i: that of the id column, or else the row's number.
func (b *Block) ID(i int) ID {
	if b.IDs.Len() > 0 {
		return b.IDs.At(i)
	}
	return ID{Int: b.Numbers[i]}
}

// Row writes row i, as float64, into dst, which must hold Dim values, and returns it. A wide block returns its own
// memory instead: do not write to it.
func (b *Block) Row(i int, dst []float64) []float64 {
	if b.Sparse != nil {
		dst = dst[:b.Dim]
		clear(dst)
		columns, values := b.Sparse.Row(i)
		for j, c := range columns {
			dst[c] = values[j]
		}
		return dst
	}
	if b.Wide() {
		return b.F64[i*b.Dim : (i+1)*b.Dim]
	}
	dst = dst[:b.Dim]
	for j, v := range b.F32[i*b.Dim : (i+1)*b.Dim] {
		dst[j] = float64(v)
	}
	return dst
}

// Reset empties the block, keeps its memory, and lets it start as float32 again.
func (b *Block) Reset() {
	b.F32, b.F64, b.Numbers, b.wide = b.F32[:0], b.F64[:0], b.Numbers[:0], false
	b.IDs.Reset()
	clear(b.Labels)
	b.Target, b.Labels, b.Weights = b.Target[:0], b.Labels[:0], b.Weights[:0]
	b.resetTargets()
	if s := b.Sparse; s != nil {
		s.Offsets, s.Indices, s.Values = s.Offsets[:0], s.Indices[:0], s.Values[:0]
	}
	if b.Cells != nil {
		b.Cells.Reset()
	}
}

// Append adds a row of Dim values and returns -1; or it adds nothing and returns the column of the first value that
// cannot be stored: NaN, ±Inf, or one beyond float32 where DType is Float32. It does not add an id: see
// [Block.AppendID]. Of a row that becomes sparse, the zeros are left out.
func (b *Block) Append(row []float64, number int64) int {
	if j := b.refused(row); j >= 0 {
		return j
	}
	if b.Sparse != nil {
		n := len(b.Sparse.Values)
		appendNonzero(b, row, number)
		b.round(n)
		return -1
	}
	if !b.Wide() && b.DType == Auto {
		for _, v := range row {
			if float64(float32(v)) != v {
				b.Widen()
				break
			}
		}
	}
	if b.Wide() {
		b.F64 = append(b.F64, row...)
	} else {
		n := len(b.F32)
		b.F32 = append(b.F32, make([]float32, len(row))...)
		for j, v := range row {
			b.F32[n+j] = float32(v)
		}
	}
	b.Numbers = append(b.Numbers, number)
	return -1
}

// refused is the place of the first value that cannot be stored, or -1.
func (b *Block) refused(values []float64) int {
	for j, v := range values {
		if v-v != 0 && !(b.Missing && v != v && j >= b.Known) || b.DType == Float32 && math.IsInf(float64(float32(v)), 0) {
			return j
		}
	}
	return -1
}

// appendNonzero adds a row of values that can be stored to a sparse block.
func appendNonzero[T float32 | float64](b *Block, row []T, number int64) {
	s := b.Sparse
	for j, v := range row {
		if v != 0 {
			s.Indices, s.Values = append(s.Indices, int32(j)), append(s.Values, float64(v))
		}
	}
	s.end()
	b.Numbers = append(b.Numbers, number)
}

// AppendSparse is Append for a row that has values in some columns, which ascend from 0 to Dim - 1, and zeros
// elsewhere. What it returns is a place among these values. It is O(values) for a sparse block, and O(Dim) for a
// dense one.
func (b *Block) AppendSparse(columns []int32, values []float64, number int64) int {
	if j := b.refused(values); j >= 0 {
		return j
	}
	b.Numbers = append(b.Numbers, number)
	if s := b.Sparse; s != nil {
		n := len(s.Values)
		s.Indices, s.Values = append(s.Indices, columns...), append(s.Values, values...)
		s.end()
		b.round(n)
		return -1
	}
	if b.DType == Auto && !b.Wide() && exact32(values) < len(values) {
		b.Widen()
	}
	b.densify(columns, values)
	return -1
}

// round makes the values of a sparse block from the n-th on those that DType stores.
func (b *Block) round(n int) {
	if b.DType != Float32 {
		return
	}
	for j, v := range b.Sparse.Values[n:] {
		b.Sparse.Values[n+j] = float64(float32(v))
	}
}

// densify adds the values of a sparse row to a dense block.
func (b *Block) densify(columns []int32, values []float64) {
	if b.Wide() {
		row := extend(&b.F64, b.Dim)
		clear(row)
		for j, c := range columns {
			row[c] = values[j]
		}
		return
	}
	row := extend(&b.F32, b.Dim)
	clear(row)
	for j, c := range columns {
		row[c] = float32(values[j])
	}
}

// Append32 is Append for a row that is float32 already.
func (b *Block) Append32(row []float32, number int64) int {
	for j, v := range row {
		if v-v != 0 {
			return j
		}
	}
	if b.Sparse != nil {
		appendNonzero(b, row, number)
		return -1
	}
	if b.Wide() {
		n := len(b.F64)
		b.F64 = append(b.F64, make([]float64, len(row))...)
		for j, v := range row {
			b.F64[n+j] = float64(v)
		}
	} else {
		b.F32 = append(b.F32, row...)
	}
	b.Numbers = append(b.Numbers, number)
	return -1
}

// AppendID adds the id of the row that was appended last. Either every row of a block gets one, or none.
func (b *Block) AppendID(id ID) { b.IDs.Append(id) }

// Widen turns the storage to float64, exactly. That of a sparse block is float64 anyway.
func (b *Block) Widen() {
	if b.Wide() || b.Sparse != nil {
		return
	}
	b.wide = true
	if cap(b.F64) < len(b.F32) {
		b.F64 = make([]float64, 0, cap(b.F32))
	}
	b.F64 = b.F64[:len(b.F32)]
	for i, v := range b.F32 {
		b.F64[i] = float64(v)
	}
	b.F32 = b.F32[:0]
}

// Grow makes room for n more rows, except for the values of sparse ones, and for ids, targets and weights.
func (b *Block) Grow(n int) {
	switch {
	case b.Sparse != nil:
		b.Sparse.Offsets = grow(b.Sparse.Offsets, n+1)
	case b.Wide():
		b.F64 = grow(b.F64, n*b.Dim)
	default:
		b.F32 = grow(b.F32, n*b.Dim)
	}
	b.Numbers = grow(b.Numbers, n)
}

func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	t := make([]T, len(s), len(s)+n)
	copy(t, s)
	return t
}

// Lend gives c, an empty block that stores its values as b does, the place of so many rows of b from number first on,
// for which b has room by Grow, and which it does not have yet: these rows are made where they are to stand, and
// AppendBlock does not copy them once b has all rows before. Different rows may be made at the same time. Where c
// stores its values in another way, or b has no such room, it does nothing.
func (b *Block) Lend(c *Block, first, rows int) {
	switch from, to := first*b.Dim, (first+rows)*b.Dim; {
	case b.Sparse != nil || c.Sparse != nil || b.Wide() != c.Wide() || b.Dim != c.Dim || first < b.Len():
	case b.Wide() && to <= cap(b.F64):
		c.F64 = b.F64[from:from:to]
	case !b.Wide() && to <= cap(b.F32):
		c.F32 = b.F32[from:from:to]
	}
}

// appendLent is append of at least one value, which may stand there already.
func appendLent[T any](s, values []T) []T {
	n := len(s)
	if cap(s)-n >= len(values) && &s[:n+1][n] == &values[0] {
		return s[:n+len(values)]
	}
	return append(s, values...)
}

// AppendBlock adds the rows of c, which has the same Dim, with their numbers, ids, targets and weights, as float64
// where either needs it, and as b stores them, dense or sparse. It panics where one block has ids, or targets or
// weights of a kind, and the other has rows without.
func (b *Block) AppendBlock(c *Block) { b.AppendRows(c, 0, c.Len()) }

// AppendRows is AppendBlock of the rows lo ≤ i < hi, for which it allocates nothing but their room.
func (b *Block) AppendRows(c *Block, lo, hi int) {
	if b.Dim != c.Dim {
		panic(fmt.Sprintf("vectors.AppendBlock: dimension %d to %d", c.Dim, b.Dim))
	}
	if lo == hi {
		return
	}
	for _, has := range [...]struct {
		what string
		b, c int
	}{
		{"ids", b.IDs.Len(), c.IDs.Len()},
		{"targets", len(b.Target), len(c.Target)},
		{"labels", len(b.Labels), len(c.Labels)},
		{"several targets", len(b.Targets), len(c.Targets)},
		{"weights", len(b.Weights), len(c.Weights)},
	} {
		if b.Len() > 0 && (has.b > 0) != (has.c > 0) {
			panic("vectors.AppendBlock: one block has " + has.what + " and the other has not")
		}
	}
	b.appendTargets(c, lo, hi)
	b.appendValues(c, lo, hi)
	if c.IDs.Len() > 0 {
		ids := c.IDs.Slice(lo, hi)
		b.IDs.AppendAll(&ids)
	}
	if len(c.Target) > 0 {
		b.Target = append(b.Target, c.Target[lo:hi]...)
	}
	if len(c.Labels) > 0 {
		b.Labels = append(b.Labels, c.Labels[lo:hi]...)
	}
	if len(c.Weights) > 0 {
		b.Weights = append(b.Weights, c.Weights[lo:hi]...)
	}
}

// appendValues adds the values of rows of c, and their numbers.
func (b *Block) appendValues(c *Block, first, last int) {
	from, to := first*c.Dim, last*c.Dim // of dense rows
	switch {
	case b.Sparse != nil && c.Sparse != nil:
		b.Sparse.append(c.Sparse, first, last)
	case c.Sparse != nil:
		if lo, hi := c.Sparse.Offsets[first], c.Sparse.Offsets[last]; exact32(c.Sparse.Values[lo:hi]) < hi-lo {
			b.Widen()
		}
		for i := first; i < last; i++ {
			b.densify(c.Sparse.Row(i))
		}
	case b.Sparse != nil:
		for i := first; i < last; i++ {
			if c.Wide() {
				appendNonzero(b, c.F64[i*c.Dim:(i+1)*c.Dim], c.Numbers[i])
			} else {
				appendNonzero(b, c.F32[i*c.Dim:(i+1)*c.Dim], c.Numbers[i])
			}
		}
		return
	case c.Wide():
		b.Widen()
		b.F64 = appendLent(b.F64, c.F64[from:to])
	case b.Wide():
		n := len(b.F64)
		b.F64 = append(b.F64, make([]float64, to-from)...)
		for i, v := range c.F32[from:to] {
			b.F64[n+i] = float64(v)
		}
	default:
		b.F32 = appendLent(b.F32, c.F32[from:to])
	}
	b.Numbers = append(b.Numbers, c.Numbers[first:last]...)
}

// append adds rows of t. Without offsets no row has an entry.
func (c *CSR) append(t *CSR, first, last int) {
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Offsets = slices.Grow(c.Offsets, last-first)
	if len(t.Offsets) == 0 {
		for range last - first {
			c.Offsets = append(c.Offsets, len(c.Indices))
		}
		return
	}
	lo, hi := t.Offsets[first], t.Offsets[last]
	for _, o := range t.Offsets[first+1 : last+1] {
		c.Offsets = append(c.Offsets, o-lo+len(c.Indices))
	}
	c.Indices, c.Values = append(c.Indices, t.Indices[lo:hi]...), append(c.Values, t.Values[lo:hi]...)
}

// FromFloat32 makes a block over row-major values, which it keeps, numbered from 0.
func FromFloat32(values []float32, dim int) (*Block, error) {
	n, err := rowsOf(len(values), dim)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if v-v != 0 {
			return nil, fmt.Errorf("row %d, column %d: found %v, expected a finite number", i/dim, i%dim, v)
		}
	}
	return &Block{Dim: dim, F32: values, Numbers: numbers(n)}, nil
}

// FromFloat64 makes a block over row-major values, which it keeps, numbered from 0.
func FromFloat64(values []float64, dim int) (*Block, error) {
	n, err := rowsOf(len(values), dim)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if v-v != 0 {
			return nil, fmt.Errorf("row %d, column %d: found %v, expected a finite number", i/dim, i%dim, v)
		}
	}
	return &Block{Dim: dim, DType: Float64, F64: values, Numbers: numbers(n)}, nil
}

func rowsOf(values, dim int) (int, error) {
	if dim < 1 || values%dim != 0 {
		return 0, fmt.Errorf("%d values are not rows of %d", values, dim)
	}
	return values / dim, nil
}

func numbers(n int) []int64 {
	s := make([]int64, n)
	for i := range s {
		s[i] = int64(i)
	}
	return s
}
