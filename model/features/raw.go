package features

import (
	"fmt"
	"strings"

	"beamlearn/model/fault"
)

// Raw makes the one feature of a numeric column the number itself, and gives its place. It is for a number that is no
// feature but says how a row counts. Fill stands where there is none: in rows to come and, where missing cells are
// allowed, in those of the survey. It fails where the column is none such, or has missing cells that are not allowed.
// Call it before the encoding is used.
func (e *Encoding) Raw(column string, fill float64, missing bool) (feature int, err error) {
	for i := range e.columns {
		c := &e.columns[i]
		if c.Name != column {
			continue
		}
		switch {
		case c.Kind != Numeric || c.Parts[0].Knots > 0:
			return 0, fmt.Errorf("column %s: found a column of the kind %s, expected plain numbers", fault.Quote(column), c.Kind)
		case c.Missing > 0 && !missing:
			return 0, fmt.Errorf("column %s: found %s of %d, expected a number in each row", fault.Quote(column),
				count(c.Missing, "missing cell"), c.Rows)
		}
		if c.Missing > 0 {
			found, _, _ := strings.Cut(c.Why, " missing")
			c.Why = found + " missing: rows without a number are left out"
		}
		p := &c.Parts[0]
		p.Mean, p.Scale, p.Fill = 0, 1, fill
		if c.Indicator {
			c.Indicator = false
			if err := e.prepare(); err != nil {
				return 0, err
			}
		}
		return c.first, nil
	}
	return 0, fmt.Errorf("no column %s: there are %s", fault.Quote(column), listNames(e.Needs()))
}
