package formats

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// IsSparse reports whether the rows of a source are stored by the entries that they have: .svm, .mtx, the matrix of
// SciPy in .npz, and lists of columns and numbers in .jsonl and .parquet. Such rows stay sparse where the block that
// reads them is.
func IsSparse(src Source) bool {
	switch src.(type) {
	case *svmSource, *csrSource, *mtxSource:
		return true
	}
	return isListed(src)
}

// maxUnsorted bounds the entries of a row whose columns do not ascend, which must be held to be sorted.
const maxUnsorted = 1 << 24

// tooManyColumns is the fault of rows that become dense, and are too long for that.
func tooManyColumns(name string, columns int64) error {
	return fault.File(name, fmt.Sprintf("at most %d columns, where rows are stored with their zeros", maxColumns),
		"%d columns", columns)
}

// checkColumns says of a matrix that there are no rows as long as its, or that the options want dense ones.
func (o *Options) checkColumns(f File, columns int64) error {
	switch {
	case columns > math.MaxInt32:
		return fault.File(f.Name(), fmt.Sprintf("at most %d columns", math.MaxInt32), "%d columns", columns)
	case columns > maxColumns && !o.Sparse:
		return tooManyColumns(f.Name(), columns)
	}
	return nil
}

// entryRow is the entries of a row as they are read, in any order.
type entryRow struct {
	columns []int32
	values  []float64
	sorted  bool // so far
}

func (e *entryRow) reset() { e.columns, e.values, e.sorted = e.columns[:0], e.values[:0], true }

// add adds an entry of a matrix of so many columns. The fault is of the file, as its form is wrong.
func (e *entryRow) add(name string, row, column, columns int64, value float64) error {
	if column < 0 || column >= columns {
		return fault.File(name, fmt.Sprintf("columns from 0 to %d", columns-1), "column %d in row %d", column, row)
	}
	if n := len(e.columns); n > 0 && int64(e.columns[n-1]) >= column {
		if int64(e.columns[n-1]) == column {
			return twice(name, row, column)
		}
		e.sorted = false
	}
	if !e.sorted && len(e.columns) >= maxUnsorted {
		return fault.File(name, "rows whose columns ascend (matrix.sort_indices())",
			"a row of more than %d entries, row %d, in another order", maxUnsorted, row)
	}
	e.columns, e.values = append(e.columns, int32(column)), append(e.values, value)
	return nil
}

// sort brings the entries into the order of their columns. No column may be there twice.
func (e *entryRow) sort(name string, row int64) error {
	if e.sorted {
		return nil
	}
	e.ascend()
	for i := 1; i < len(e.columns); i++ {
		if e.columns[i] == e.columns[i-1] {
			return twice(name, row, int64(e.columns[i]))
		}
	}
	return nil
}

// ascend brings the entries into the order of their columns.
func (e *entryRow) ascend() {
	if !slices.IsSorted(e.columns) {
		sort.Sort((*byColumn)(e))
	}
}

func twice(name string, row, column int64) error {
	return fault.File(name, "one entry of each row and column (matrix.sum_duplicates())", "two in row %d, column %d", row,
		column)
}

type byColumn entryRow

func (b *byColumn) Len() int           { return len(b.columns) }
func (b *byColumn) Less(i, j int) bool { return b.columns[i] < b.columns[j] }
func (b *byColumn) Swap(i, j int) {
	b.columns[i], b.columns[j] = b.columns[j], b.columns[i]
	b.values[i], b.values[j] = b.values[j], b.values[i]
}

// appendEntries adds a row to a block. A value that cannot be stored is the fault of the row.
func appendEntries(b *vectors.Block, name string, columns []int32, values []float64, number int64) error {
	if i := b.AppendSparse(columns, values, number); i >= 0 {
		expected := "a finite number"
		if v := values[i]; v-v == 0 {
			expected = "a finite float32"
		}
		return &fault.Fault{File: name, Row: number, Column: strconv.Itoa(int(columns[i])), Found: formatFloat(values[i]),
			Expected: expected}
	}
	return nil
}
