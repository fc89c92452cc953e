// Package tables holds rows as users have them: named columns of numbers, booleans, times, text and lists of numbers,
// any cell of which may be missing. What becomes of them for a learner is the matter of beamlearn/model/features.
package tables

import (
	"fmt"
	"math"
	"slices"
)

// Type is how the cells of a column are stored, which is what the file says of them.
type Type uint8

const (
	// Number is a column of float64.
	Number Type = iota
	// Bool is a column of 0 and 1.
	Bool
	// Time is a column of instants.
	Time
	// Text is a column of text in a file that knows text from numbers, as .parquet.
	Text
	// Cell is a column as it stands in a text file, which does not: any cell may be meant as a number, a boolean, a time
	// or text.
	Cell
	// List is a column of vectors of one width.
	List
)

// String is the type in a word.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

var typeNames = [...]string{"number", "boolean", "timestamp", "text", "cell", "list"}

// Field is what is known of a column before its rows are read.
type Field struct {
	Name string
	Type Type
	// Width is the number of values in a cell of a List, else 0.
	Width int `json:",omitempty"`
	// Whole says that a Number is of a type that holds integers alone.
	Whole bool `json:",omitempty"`
}

// NoTime is a missing cell of a Time column.
const NoTime = math.MinInt64

// Column is the cells of a column, one for each row.
type Column struct {
	Field
	// Numbers are the cells of Number and Bool; NaN where one is missing. Of a List, they are its values, Width for each
	// row, all NaN where the list is missing.
	Numbers []float64
	// Times are the cells of Time: microseconds since 1970-01-01T00:00:00 UTC, or NoTime.
	Times []int64
	// Bytes and Ends are the cells of Text and Cell: that of row i ends before Bytes[Ends[i]], where the next one
	// begins. An empty text is a missing one. All is valid UTF-8.
	Bytes []byte
	Ends  []int
	// Quoted marks cells of a Cell column which the file says are text, as a JSON string is, though they may look like
	// numbers. It is nil where there is no such cell, and may be shorter than the rows.
	Quoted []bool
}

// Text is the cell of row i of a Text or a Cell column, in the same memory.
func (c *Column) Text(i int) []byte {
	lo := 0
	if i > 0 {
		lo = c.Ends[i-1]
	}
	return c.Bytes[lo:c.Ends[i]:c.Ends[i]]
}

// IsQuoted reports whether the file says that the cell of row i is text.
func (c *Column) IsQuoted(i int) bool { return i < len(c.Quoted) && c.Quoted[i] }

// List is the values of row i of a List, in the same memory.
func (c *Column) List(i int) []float64 { return c.Numbers[i*c.Width : (i+1)*c.Width] }

// AppendText adds a cell to a Text or a Cell column.
func (c *Column) AppendText(b []byte) {
	c.Bytes = append(c.Bytes, b...)
	c.Ends = append(c.Ends, len(c.Bytes))
}

// AppendQuoted adds a cell that the file says is text to a Cell column.
func (c *Column) AppendQuoted(b []byte) {
	for len(c.Quoted) < len(c.Ends) {
		c.Quoted = append(c.Quoted, false)
	}
	c.Quoted = append(c.Quoted, true)
	c.AppendText(b)
}

// AppendMissing adds a missing cell.
func (c *Column) AppendMissing() {
	switch c.Type {
	case Number, Bool:
		c.Numbers = append(c.Numbers, math.NaN())
	case Time:
		c.Times = append(c.Times, NoTime)
	case Text, Cell:
		c.Ends = append(c.Ends, len(c.Bytes))
	case List:
		for range c.Width {
			c.Numbers = append(c.Numbers, math.NaN())
		}
	}
}

// Grow makes room for n more cells, but for the bytes of texts. O(cells) where there is none.
func (c *Column) Grow(n int) {
	switch c.Type {
	case Time:
		c.Times = slices.Grow(c.Times, n)
	case Text, Cell:
		c.Ends = slices.Grow(c.Ends, n)
	case List:
		c.Numbers = slices.Grow(c.Numbers, n*c.Width)
	default:
		c.Numbers = slices.Grow(c.Numbers, n)
	}
}

// AppendRange adds the cells from lo to hi of a column of the same type and width.
func (c *Column) AppendRange(d *Column, lo, hi int) {
	switch c.Type {
	case Time:
		c.Times = append(c.Times, d.Times[lo:hi]...)
	case Text, Cell:
		if lo == hi {
			return
		}
		from := 0
		if lo > 0 {
			from = d.Ends[lo-1]
		}
		if len(d.Quoted) > lo {
			for len(c.Quoted) < len(c.Ends) {
				c.Quoted = append(c.Quoted, false)
			}
			c.Quoted = append(c.Quoted, d.Quoted[lo:min(hi, len(d.Quoted))]...)
		}
		shift := len(c.Bytes) - from
		c.Bytes = append(c.Bytes, d.Bytes[from:d.Ends[hi-1]]...)
		for _, end := range d.Ends[lo:hi] {
			c.Ends = append(c.Ends, end+shift)
		}
	case List:
		c.Numbers = append(c.Numbers, d.Numbers[lo*c.Width:hi*c.Width]...)
	default:
		c.Numbers = append(c.Numbers, d.Numbers[lo:hi]...)
	}
}

// Len is the number of cells.
func (c *Column) Len() int {
	switch c.Type {
	case Time:
		return len(c.Times)
	case Text, Cell:
		return len(c.Ends)
	case List:
		return len(c.Numbers) / max(c.Width, 1)
	}
	return len(c.Numbers)
}

// cut takes away the cells from row n on.
func (c *Column) cut(n int) {
	switch c.Type {
	case Time:
		c.Times = c.Times[:n]
	case Text, Cell:
		end := 0
		if n > 0 {
			end = c.Ends[n-1]
		}
		c.Bytes, c.Ends, c.Quoted = c.Bytes[:end], c.Ends[:n], c.Quoted[:min(n, len(c.Quoted))]
	case List:
		c.Numbers = c.Numbers[:n*c.Width]
	default:
		c.Numbers = c.Numbers[:n]
	}
}

// Table is rows in columns. All columns have the same number of cells. It is not safe for concurrent writes.
type Table struct{ Columns []Column }

// New is a table of these columns, without rows.
func New(fields []Field) *Table {
	t := &Table{Columns: make([]Column, len(fields))}
	for i, f := range fields {
		t.Columns[i].Field = f
	}
	return t
}

// Len is the number of rows.
func (t *Table) Len() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return t.Columns[0].Len()
}

// Fields are those of the columns.
func (t *Table) Fields() []Field {
	fields := make([]Field, len(t.Columns))
	for i := range t.Columns {
		fields[i] = t.Columns[i].Field
	}
	return fields
}

// Cut takes away the rows from the n-th on, and the cells of a row that was not finished. No column may have less
// than n cells.
func (t *Table) Cut(n int) {
	for i := range t.Columns {
		t.Columns[i].cut(n)
	}
}

// Reset takes away all rows, and keeps their memory.
func (t *Table) Reset() { t.Cut(0) }
