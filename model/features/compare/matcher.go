package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/tables"
)

// Matcher chooses rows of tables by a condition. It is not safe for concurrent use.
type Matcher struct {
	c  *Condition
	at []int // where each column of the condition is in the table
}

// Matcher is for tables of these columns. It fails where one of the condition is not there, or cannot be compared so.
func (c *Condition) Matcher(fields []tables.Field) (*Matcher, error) {
	m := &Matcher{c: c}
	for _, name := range c.columns {
		i := slices.IndexFunc(fields, func(f tables.Field) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no column %s", fault.Quote(name))
		}
		m.at = append(m.at, i)
	}
	return m, c.root.check(func(column int) tables.Field { return fields[m.at[column]] })
}

// check says which literal a column cannot be compared with.
func (n *node) check(field func(column int) tables.Field) error {
	for _, p := range n.parts {
		if err := p.check(field); err != nil {
			return err
		}
	}
	if len(n.parts) > 0 {
		return nil
	}
	f := field(n.column)
	if f.Type == tables.List {
		return fmt.Errorf("column %s: lists are not compared", fault.Quote(f.Name))
	}
	for _, l := range n.literals {
		ok := true
		switch f.Type {
		case tables.Number:
			ok = l.kind == aNumber
		case tables.Bool:
			ok = l.kind != aText
		case tables.Text:
			ok = l.kind == aText
		case tables.Time:
			ok = l.dated
		}
		if !ok {
			return fmt.Errorf("column %s, of type %s, is compared with %s: expected %s", fault.Quote(f.Name), f.Type, l,
				literalOf[f.Type])
		}
	}
	return nil
}

// literalOf is what the columns of a type are compared with.
var literalOf = map[tables.Type]string{
	tables.Number: "a number", tables.Bool: "true or false", tables.Text: "a text between quotes",
	tables.Time: `a date or an instant between quotes, as "2024-01-31" or "2024-01-31T12:00:00Z"`,
}

// truth is what a condition is of a row.
type truth int8

const (
	isFalse truth = iota
	unknown
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// Match reports whether the condition is true of a row. A fault, which names the column, is a cell that cannot be
// compared as the condition has it, as a word with a number.
func (m *Matcher) Match(t *tables.Table, row int) (bool, *fault.Fault) {
	v, f := m.of(m.c.root, t, row)
	return v == isTrue, f
}

func (m *Matcher) of(n *node, t *tables.Table, row int) (truth, *fault.Fault) {
	switch n.op {
	case opNot:
		v, f := m.of(n.parts[0], t, row)
		return isTrue - v, f
	case opAnd, opOr: // all parts are looked at, so that a fault does not depend on their order
		all := isTrue
		if n.op == opOr {
			all = isFalse
		}
		for _, p := range n.parts {
			v, f := m.of(p, t, row)
			if f != nil {
				return unknown, f
			}
			if n.op == opOr {
				all = max(all, v)
			} else {
				all = min(all, v)
			}
		}
		return all, nil
	}
	column := &t.Columns[m.at[n.column]]
	if n.op == opNull {
		return truthOf(missing(column, row)), nil
	}
	found := isFalse
	for _, l := range n.literals {
		order, known, f := l.compare(column, row, n.op)
		if f != nil {
			return unknown, f
		}
		switch {
		case !known:
			found = max(found, unknown)
		case n.holds(order):
			found = isTrue
		}
	}
	return found, nil
}

// holds reports what the order of a cell and a literal, below, at or above 0, means.
func (n *node) holds(order int) bool {
	switch n.op {
	case opUnequal:
		return order != 0
	case opLess:
		return order < 0
	case opAtMost:
		return order <= 0
	case opGreater:
		return order > 0
	case opAtLeast:
		return order >= 0
	}
	return order == 0
}

// missing reports whether there is nothing in a cell. In a column of a text file that is also what usually stands for
// nothing, as NA.
func missing(c *tables.Column, row int) bool {
	switch c.Type {
	case tables.Time:
		return c.Times[row] == tables.NoTime
	case tables.Text:
		return features.IsBlank(c.Text(row))
	case tables.Cell:
		b := c.Text(row)
		return features.IsBlank(b) || !c.IsQuoted(row) && features.IsMissing(b)
	}
	return c.Numbers[row] != c.Numbers[row]
}

// compare puts a cell before or after a literal, or says that it is missing.
func (l *literal) compare(c *tables.Column, row int, op operation) (order int, known bool, f *fault.Fault) {
	switch c.Type {
	case tables.Number, tables.Bool:
		v := c.Numbers[row]
		return cmp.Compare(v, l.number), v == v, nil
	case tables.Time:
		v := c.Times[row]
		return cmp.Compare(v, l.micros), v != tables.NoTime, nil
	}
	if missing(c, row) && !l.spells(c.Text(row)) {
		return 0, false, nil
	}
	b, wrong := c.Text(row), func(expected string) (int, bool, *fault.Fault) {
		return 0, false, &fault.Fault{Column: c.Name, Found: fault.Quote(string(c.Text(row))),
			Expected: expected + ", as it is compared with " + l.String()}
	}
	switch {
	case l.kind == aNumber:
		v, ok := features.ParseNumber(b)
		if !ok || c.IsQuoted(row) {
			return wrong("a number")
		}
		return cmp.Compare(v, l.number), true, nil
	case l.kind == aBoolean:
		v, ok := features.ParseBoolean(b)
		if !ok {
			return wrong("true or false")
		}
		return cmp.Compare(v, l.number), true, nil
	case l.dated:
		if v, ok := features.ParseDate(b); ok {
			return cmp.Compare(v, l.micros), true, nil
		}
		if op != opEqual && op != opUnequal && op != opIn {
			return wrong("a date")
		}
	case c.Type == tables.Cell && !c.IsQuoted(row):
		if v, ok := features.ParseBoolean(b); ok { // however it is written: true of .jsonl is True here
			if w, ok := features.ParseBoolean([]byte(l.text)); ok {
				return cmp.Compare(v, w), true, nil
			}
		}
	}
	return bytes.Compare(b, []byte(l.text)), true, nil
}

// spells reports whether a literal is this text, which is some. Who asks for "NA" means a cell of NA, which is missing
// to all others.
func (l *literal) spells(b []byte) bool { return l.kind == aText && len(b) > 0 && string(b) == l.text }

// Excludes reports whether the condition is true of no row that has the cells of the only row of a table, whatever
// stands in the condition's other columns.
func (c *Condition) Excludes(known *tables.Table) bool {
	m := &Matcher{c: c}
	for _, name := range c.columns {
		m.at = append(m.at, slices.IndexFunc(known.Columns, func(f tables.Column) bool { return f.Name == name }))
	}
	_, most := m.bounds(c.root, known)
	return most != isTrue
}

// bounds are the least and the most that a condition can be of such a row: false, then unknown, then true. A cell that
// cannot be compared is for who reads the row.
func (m *Matcher) bounds(n *node, known *tables.Table) (least, most truth) {
	switch n.op {
	case opNot:
		least, most = m.bounds(n.parts[0], known)
		return isTrue - most, isTrue - least
	case opAnd, opOr:
		least, most = m.bounds(n.parts[0], known)
		for _, p := range n.parts[1:] {
			lo, hi := m.bounds(p, known)
			if n.op == opOr {
				least, most = max(least, lo), max(most, hi)
			} else {
				least, most = min(least, lo), min(most, hi)
			}
		}
		return least, most
	}
	if m.at[n.column] < 0 {
		return isFalse, isTrue
	}
	v, f := m.of(n, known, 0)
	if f != nil {
		return isFalse, isTrue
	}
	return v, v
}
