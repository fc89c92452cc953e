package formats

import "beamlearn/model/fault"

// missingList is the fault of a vector in one column, where numbers may be missing.
func missingList(file, column string) error {
	return fault.File(file, "a column for each number, any of which may be missing", "vectors, in the column %s", column)
}

// marks are the rows of a batch that are at fault, by their place; their faults have no file and no row.
type marks map[int]fault.Fault

// mark notes the fault of a row; the first one stays.
func (m *marks) mark(row int, column, found, expected string) {
	if *m == nil {
		*m = marks{}
	}
	if _, ok := (*m)[row]; !ok {
		(*m)[row] = fault.Fault{Column: column, Found: found, Expected: expected}
	}
}

// failRows makes faults of the batch of those that were marked, in their order.
func (m marks) failRows(b *batch, rows int) {
	if len(m) == 0 {
		return
	}
	for i := range rows {
		if f, ok := m[i]; ok {
			b.fail(b.first+int64(i), f.Column, f.Found, f.Expected)
		}
	}
}
