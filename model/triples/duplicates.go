package triples

import (
	"cmp"
	"fmt"
	"slices"
)

// Duplicates says what becomes of several triples of the same row and column.
type Duplicates string

const (
	Sum  Duplicates = "sum"  // their values are added up
	Mean Duplicates = "mean" // their mean counts
	Last Duplicates = "last" // the latest counts; without times, or of the same time, the last in the order of the input
)

// AllDuplicates lists them.
var AllDuplicates = []Duplicates{Sum, Mean, Last}

// Validate reports that it is none of them.
func (d Duplicates) Validate() error {
	if !slices.Contains(AllDuplicates, d) {
		return fmt.Errorf("duplicates %q: must be one of %v", d, AllDuplicates)
	}
	return nil
}

// Part is consecutive triples of the input, in their order. Parts may share their Names.
type Part struct {
	Rows, Columns *Names
	Row, Column   []uint32  // of each triple, by the names
	Value         []float64 // of each triple, finite
	Time          []float64 // of each triple, in any unit; nil where they have no times
}

// Entry is a triple of a row.
type Entry struct {
	Column uint32
	Value  float64
	Time   float64
}

// Sort brings the triples of a row, which are in the order of the input, into that in which [Duplicates.Merge] takes
// those of one column, side by side.
func (d Duplicates) Sort(row []Entry) {
	if d == Last {
		slices.SortStableFunc(row, func(a, b Entry) int { return cmp.Compare(a.Column, b.Column) })
		return
	}
	slices.SortFunc(row, func(a, b Entry) int {
		if a.Column != b.Column {
			return cmp.Compare(a.Column, b.Column)
		}
		return cmp.Compare(a.Value, b.Value) // a sum is then the same in whatever order the triples came
	})
}

// Merge is what stands for the triples of one row and column, as [Duplicates.Sort] has put them: at least one. Its
// value may be infinite where they add up beyond float64.
func (d Duplicates) Merge(same []Entry) Entry {
	e := same[0]
	for _, r := range same[1:] {
		if d != Last {
			e.Value += r.Value
		} else if r.Time >= e.Time {
			e.Value = r.Value
		}
		e.Time = max(e.Time, r.Time)
	}
	if d == Mean {
		e.Value /= float64(len(same))
	}
	return e
}
