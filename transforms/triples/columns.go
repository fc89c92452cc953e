package triples

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/transforms/vectorio"
)

// Columns name the columns of a table, by name or 0-based index, that say which row of a matrix has what value in which
// column.
type Columns struct {
	Row, Column string // Required
	Value       string // Default: each triple counts 1
	Time        string // Default: triples have no times
}

// Validate reports every fault at once.
func (c *Columns) Validate() error {
	var errs []error
	if c.Row == "" || c.Column == "" {
		errs = append(errs, errors.New("the columns of the rows and of the columns are needed"))
	}
	seen := map[string]bool{}
	for _, name := range []string{c.Row, c.Column, c.Value, c.Time} {
		if name != "" && seen[name] {
			errs = append(errs, fmt.Errorf("the column %s for two things", fault.Quote(name)))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

// all are the columns in the order in which they are read.
func (c *Columns) all() []string {
	all := []string{c.Row, c.Column}
	for _, name := range []string{c.Value, c.Time} {
		if name != "" {
			all = append(all, name)
		}
	}
	return all
}

// idColumns is how many of these, the first, hold ids.
const idColumns = 2

// groupRows is about how many rows of a .parquet are read at a time, by default: to get to rows in the middle of a row
// group takes as long as to read those before them.
const groupRows = 1 << 17

// Inspect finds the triples of files, which are tables, and sets how they are read.
func Inspect(ctx context.Context, patterns []string, c *Columns, o *vectorio.Options) (*vectorio.Dataset, error) {
	f := &o.Formats
	f.Columns, f.Cells, f.IDCells, f.Unlabelled = c.all(), true, idColumns, true
	if o.GroupRows == 0 {
		o.GroupRows = groupRows
	}
	d, err := vectorio.Inspect(ctx, patterns, *o)
	if err != nil {
		return nil, err
	}
	names := c.all()
	if len(d.Fields) != len(names) {
		return nil, fault.Asked(d.Name(), "one column for each of "+strings.Join(names, ", "), "%d columns",
			len(d.Fields))
	}
	for i, field := range d.Fields {
		expected := "dates by ISO 8601, timestamps or numbers"
		refused := []tables.Type{tables.List, tables.Bool}
		switch {
		case i < idColumns:
			expected, refused = "ids", refused[:1]
		case names[i] == c.Value:
			expected, refused = "numbers", []tables.Type{tables.List, tables.Time}
		}
		if slices.Contains(refused, field.Type) {
			return nil, fault.Asked(d.Name(), expected, "the column %s of the type %s", fault.Plain(field.Name), field.Type)
		}
	}
	return d, nil
}
