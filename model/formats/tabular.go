package formats

import (
	"io"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Tabular is a Source that was inspected with [Options.Cells]: its rows are cells of the vector's columns.
type Tabular interface {
	Source
	// Fields are the vector's columns, in its order.
	Fields() []tables.Field
	// Other names the first column, and what it has, that a matrix of numbers would not hold, as far as the header, the
	// statistics and the first rows tell: text, timestamps, missing cells. The column is "" where all are numbers.
	Other() (column, holds string)
}

// Untargeted is a Reader of a [Tabular] source.
type Untargeted interface {
	// NoTarget is how many rows so far had no target, and were left out or not: see Options.Untargeted.
	NoTarget() int64
}

// other is what [Tabular.Other] gives.
type other struct{ column, holds string }

// Other is the first column that is no column of numbers.
func (o *other) Other() (column, holds string) { return o.column, o.holds }

// note notes what a column holds, unless one before it was noted.
func (o *other) note(column, holds string) {
	if o.column == "" {
		o.column, o.holds = column, holds
	}
}

// tabular are the names of the formats that can be read as tables.
func tabular() []string {
	var names []string
	for _, f := range All {
		if f.Cells {
			names = append(names, f.Name)
		}
	}
	return names
}

// IsTabular reports whether a file is of a format that can be read as a table.
func IsTabular(name, format string) bool {
	f, _, err := detect(name, format)
	return err == nil && f.Cells
}

// MayBeTables reports whether what a pattern stands for may be read as tables: files of such a format, or files that
// the name of a directory stands for, which tells no format.
func MayBeTables(pattern, format string) bool {
	_, _, err := detect(pattern, format)
	return IsTabular(pattern, format) || format == "" && err != nil
}

// IsNumbers reports whether a file is of a format that has numbers alone.
func IsNumbers(name, format string) bool {
	f, _, err := detect(name, format)
	return err == nil && !f.Cells
}

// IsSVM reports whether a file is of .svm, whose rows have targets.
func IsSVM(name, format string) bool {
	f, _, err := detect(name, format)
	return err == nil && f == svmFormat
}

// noTarget reports whether a field of text says that its row has no target: it is empty, or a marker of a missing
// value, of which None and ? may be the name of a class.
func noTarget(field []byte, label bool) bool {
	field = trimSpaces(field)
	if !slices.Contains(markers, string(field)) {
		return false
	}
	return !label || string(field) != "None" && string(field) != "?"
}

// lacksTarget reports whether a row of numbers is one without a target, and kept as that.
func (s *selection) lacksTarget(field []byte) bool {
	return s.untargeted && s.target >= 0 && noTarget(field, s.labels)
}

// cellsBatch is rows of a table that are decoded column by column, on their way into blocks.
type cellsBatch struct {
	file     string
	table    *tables.Table
	first    int64 // number of the first row
	rows, at int   // in the batch, and the place of the first that is left
	beside
	none  []bool // rows without a target; nil where all have one
	marks        // rows at fault
	lost  lostIDs
	keeps bool // rows without a target

	next, end int64        // numbers of the rows that are not in the batch yet
	fill      func() error // fills the batch with at least one row, number next
	err       error        // after which nothing is read
	without   int64        // rows without a target
	gaps      *gaps        // rows that are passed over, and the same
	deleted   *roaring64.Bitmap
}

// NoTarget is how many rows so far had no target.
func (a *cellsBatch) NoTarget() int64 { return a.without }

// begin begins a batch of rows of which nothing is decoded yet.
func (a *cellsBatch) begin(first int64, rows int) {
	a.first, a.rows, a.at = first, rows, 0
	a.table.Reset()
	for c := range a.table.Columns {
		a.table.Columns[c].Grow(rows)
	}
	a.beside.reset()
	a.none = a.none[:0]
	clear(a.marks)
	clear(a.lost)
}

// lostIDs are the rows of a batch whose id cannot be read, by their place.
type lostIDs map[int]bool

// lose notes such a row.
func (l *lostIDs) lose(row int) {
	if *l == nil {
		*l = lostIDs{}
	}
	(*l)[row] = true
}

// of is the id of a row at fault, as text; "" where there is none.
func (l lostIDs) of(ids *vectors.IDs, row int) string {
	if row >= ids.Len() || l[row] {
		return ""
	}
	return ids.At(row).String()
}

// leaveOut notes that a row has no target.
func (a *cellsBatch) leaveOut(row int) {
	if a.deleted != nil && a.deleted.Contains(uint64(a.first+int64(row))) {
		return
	}
	if a.keeps {
		a.without++
		return
	}
	if len(a.none) == 0 {
		a.none = append(a.none, make([]bool, a.rows)...)
	}
	a.none[row] = true
}

// Read is that of a [Reader].
func (a *cellsBatch) Read(b *vectors.Block, max int) error {
	a.grow(b, max)
	for read := 0; read < max; {
		if a.err != nil {
			return a.err
		}
		if a.at == a.rows {
			if a.next == a.end {
				if read > 0 {
					return nil
				}
				return io.EOF
			}
			if a.err = a.fill(); a.err != nil {
				return a.err
			}
			a.next = a.first + int64(a.rows)
		}
		until := a.rows
		if a.gaps != nil {
			row := a.first + int64(a.at)
			kept, gap := a.gaps.kept(row)
			if kept > row {
				a.skipTo(kept)
				continue
			}
			until = int(min(int64(until), gap-a.first))
		}
		n, err := a.appendTo(b, until, max-read)
		if err != nil {
			return err
		}
		read += n
	}
	return nil
}

// grow makes room in a block for the cells to come, at most so many rows, at once: to grow as they come copies them
// several times.
func (a *cellsBatch) grow(b *vectors.Block, max int) {
	n := int(min(int64(max), int64(a.rows-a.at)+a.end-a.next))
	for c := range b.Cells.Columns {
		b.Cells.Columns[c].Grow(n)
	}
	b.Numbers = slices.Grow(b.Numbers, n)
}

// skipTo drops rows of the batch up to this number, and lets fill go on there where the batch has none such.
func (a *cellsBatch) skipTo(row int64) {
	row = min(row, a.end)
	if row >= a.first+int64(a.rows) {
		a.at, a.next = a.rows, max(a.next, row)
	} else {
		a.at = max(a.at, int(row-a.first))
	}
}

// appendTo moves at most max rows before a place of the batch to b, and returns how many, or the fault of the row after
// them, which it drops.
func (a *cellsBatch) appendTo(b *vectors.Block, until, max int) (int, error) {
	moved := 0
	for a.at < until && moved < max {
		if f, ok := a.marks[a.at]; ok {
			f.File, f.Row = a.file, a.first+int64(a.at)
			f.ID = a.lost.of(&a.ids, a.at)
			a.at++
			return moved, &f
		}
		if len(a.none) > 0 && a.none[a.at] {
			a.without++
			a.at++
			continue
		}
		hi := a.at + 1
		for hi < until && hi-a.at < max-moved && !a.special(hi) {
			hi++
		}
		a.move(b, hi)
		moved += hi - a.at
		a.at = hi
	}
	return moved, nil
}

// special reports whether a row is not simply appended.
func (a *cellsBatch) special(row int) bool {
	if len(a.none) > 0 && a.none[row] {
		return true
	}
	if len(a.marks) == 0 {
		return false
	}
	_, bad := a.marks[row]
	return bad
}

// move appends the rows up to hi.
func (a *cellsBatch) move(b *vectors.Block, hi int) {
	lo := a.at
	for c := range a.table.Columns {
		b.Cells.Columns[c].AppendRange(&a.table.Columns[c], lo, hi)
	}
	for i := lo; i < hi; i++ {
		b.Numbers = append(b.Numbers, a.first+int64(i))
	}
	a.appendBeside(b, lo, hi)
}

// booleanLabel is the label of a boolean: as pandas writes it, in every format.
func booleanLabel(v bool) string {
	if v {
		return "True"
	}
	return "False"
}
