package formats

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// Member is a File of a table whose log says what of it counts: see package lake.
type Member interface {
	File
	// Constants are the columns of the table that have the same cell in all rows of the file, instead of those that its
	// directories say. It is not ok of a file that is of no such table.
	Constants() (constants []Partition, ok bool)
	// Columns are what the table calls columns of the file, in its order, which are all that it has of these; nil where
	// that is how they stand in the file.
	Columns() []Renamed
	// Deleted are the numbers of rows that are no longer of the table; nil where there are none.
	Deleted(ctx context.Context) (*roaring64.Bitmap, error)
}

// Renamed is a column of a file: what it is called there, and what the table calls it.
type Renamed struct{ Own, Name string }

// rename gives columns the names and the order that the table has. It remembers where they stand in the file.
func (s *parquetSource) rename(fields []parquetField) ([]parquetField, error) {
	m, ok := s.File.(Member)
	if !ok || m.Columns() == nil {
		return fields, nil
	}
	var of []parquetField
	for _, c := range m.Columns() {
		i := slices.IndexFunc(fields, func(f parquetField) bool { return f.name == c.Own })
		if i < 0 {
			return nil, fault.File(s.Name(), "a column "+fault.Quote(c.Own), "none")
		}
		f := fields[i]
		f.name = c.Name
		of, s.places = append(of, f), append(s.places, i)
	}
	return of, nil
}

// columnPlace is where a column of the table stands in the file.
func (s *parquetSource) columnPlace(column int) int {
	if s.places == nil {
		return column
	}
	return s.places[column]
}

// keeps finds out which rows of a Parquet file are of its table.
func (s *parquetSource) keeps(ctx context.Context) error {
	m, ok := s.File.(Member)
	if !ok {
		return nil
	}
	deleted, err := m.Deleted(ctx)
	if err != nil || deleted == nil || deleted.IsEmpty() {
		return err
	}
	if last := deleted.Maximum(); last >= uint64(s.rows) {
		return fault.File(s.Name(), fmt.Sprintf("deletions of its rows, of which there are %d", s.rows), "row %d as deleted",
			last)
	}
	s.deleted = deleted
	s.kept = make([]parquetGroup, len(s.groups))
	for i, g := range s.groups {
		first := s.number(g.first)
		s.kept[i] = parquetGroup{first: first, rows: s.number(g.first+g.rows) - first, bytes: g.bytes}
	}
	return nil
}

// cuts are the row groups as others know them: of the rows that are kept.
func (s *parquetSource) cuts() []parquetGroup {
	if s.deleted == nil {
		return s.groups
	}
	return s.kept
}

// number is how many rows that are kept stand before a row of the file.
func (s *parquetSource) number(row int64) int64 {
	if s.deleted == nil || row == 0 {
		return row
	}
	return row - int64(s.deleted.Rank(uint64(row-1)))
}

// place is the row of the file that is so many-th of those that are kept, from 0; behind the last one, the file's end.
func (s *parquetSource) place(number int64) int64 {
	if s.deleted == nil || number >= s.Rows() {
		return s.rows - (s.Rows() - number)
	}
	return int64(sort.Search(int(s.rows), func(row int) bool { return s.number(int64(row)+1) > number }))
}

// stored is the span of rows of the file that has those of a span of kept rows.
func (s *parquetSource) stored(span Span) Span {
	if s.deleted == nil || span.Rows == 0 {
		return span
	}
	first := s.place(span.First)
	return Span{First: first, Rows: s.place(span.First+span.Rows-1) + 1 - first}
}

// gaps are deleted rows, passed over in their order; nil of no deleted rows.
type gaps struct{ it roaring64.IntPeekable64 }

func (s *parquetSource) gaps() *gaps {
	if s.deleted == nil {
		return nil
	}
	return &gaps{s.deleted.Iterator()}
}

// kept is the run of kept rows from a row on, which is never before that of an earlier call: its first row, and the
// deleted one behind it.
func (g *gaps) kept(row int64) (first, until int64) {
	g.it.AdvanceIfNeeded(uint64(row))
	for g.it.HasNext() && g.it.PeekNext() == uint64(row) {
		g.it.Next()
		row++
	}
	if !g.it.HasNext() {
		return row, math.MaxInt64
	}
	return row, int64(g.it.PeekNext())
}

// keptReader reads the rows that are kept, and numbers them so.
type keptReader struct {
	Reader // which passes over the deleted ones
	s      *parquetSource
}

// Read is that of a [Reader]. A fault has both numbers of its row.
func (r *keptReader) Read(b *vectors.Block, most int) error {
	first := b.Len()
	err := r.Reader.Read(b, most)
	for i := first; i < b.Len(); i++ {
		b.Numbers[i] = r.s.number(b.Numbers[i])
	}
	if f, ok := fault.IsRow(err); ok {
		if n := r.s.number(f.Row); n != f.Row {
			f.Found += fmt.Sprintf(" (row %d of the file with its deleted ones)", f.Row)
			f.Row = n
		}
	}
	return err
}

// SkipTo is that of a [Skipper].
func (r *keptReader) SkipTo(row int64) error { return r.Reader.(Skipper).SkipTo(r.s.place(row)) }

// Choose is that of a [Chooser], where the file's reader is one.
func (r *keptReader) Choose(has func(row int64) bool) {
	if c, ok := r.Reader.(Chooser); ok {
		c.Choose(func(row int64) bool { return !r.s.deleted.Contains(uint64(row)) && has(r.s.number(row)) })
	}
}

// NoTarget is that of a reader of a table: see [Untargeted].
func (r *keptReader) NoTarget() int64 {
	if u, ok := r.Reader.(Untargeted); ok {
		return u.NoTarget()
	}
	return 0
}

// keptCopy copies rows by the numbers of those that are kept.
type keptCopy struct {
	CopyReader
	s *parquetSource
}

// Append is that of a [CopyReader].
func (c *keptCopy) Append(dst []byte, rows []int64, cells []CopiedCell) ([]byte, error) {
	stored := make([]int64, len(rows))
	for i, row := range rows {
		stored[i] = c.s.place(row)
	}
	return c.CopyReader.Append(dst, stored, cells)
}

var (
	_ Chooser    = (*keptReader)(nil)
	_ io.Closer  = (*keptReader)(nil)
	_ CopyReader = (*keptCopy)(nil)
)
