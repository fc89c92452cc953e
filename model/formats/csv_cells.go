package formats

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Fields are the vector's columns, any cell of which may be a number, text or missing.
func (s *csvSource) Fields() []tables.Field {
	if !s.cells {
		return nil
	}
	fields := make([]tables.Field, len(s.vector))
	for i, c := range s.vector {
		fields[i] = tables.Field{Name: s.name(c), Type: tables.Cell}
	}
	return fields
}

// Other is the first column that has more than numbers in the first rows.
func (s *csvSource) Other() (column, holds string) { return s.other.Other() }

// Decimal is the decimal point.
func (s *csvSource) Decimal() byte { return s.dialect.decimal }

// judgeCells looks for what is no number in the first rows, and tells of what is a number by other rules only.
func (s *csvSource) judgeCells(rows []sampled) {
	for _, c := range s.vector {
		told := false
		for i, r := range rows {
			if c >= len(r.fields) {
				continue
			}
			switch field := r.fields[c]; s.dialect.kind(field) {
			case cellVector:
				s.other = other{} // a matrix, whose other columns are left out
				return
			case cellMissing:
				s.other.note(s.name(c), fmt.Sprintf("a missing cell in row %d", i))
			case cellText:
				s.other.note(s.name(c), "text")
			case cellBroken:
				if advice := s.dialect.otherNumber(field); advice != "" && !told {
					told = true
					s.note(fmt.Sprintf("column %s: %s is text here; a number with %s", fault.Plain(s.name(c)), fault.Quote(field),
						advice))
				}
			}
		}
	}
}

// csvCells reads the rows of a span as those of a table.
type csvCells struct {
	*textReader
	s       *csvSource
	fields  fields
	few     []int // the columns that are wanted, in order, where they are few; else nil
	plain   bool  // numbers are written as programs write them
	number  []byte
	learned learned
	without int64
}

func (s *csvSource) cellsReader(t *textReader) Reader {
	r := &csvCells{textReader: t, s: s, plain: s.dialect.plain(),
		fields: fields{dialect: &s.dialect, max: s.selection.count}}
	wanted := slices.Clone(s.vector)
	for _, c := range []int{s.id, s.target, s.weight} {
		if c >= 0 {
			wanted = append(wanted, c)
		}
	}
	slices.Sort(wanted)
	if wanted = slices.Compact(wanted); fewOf*len(wanted) <= s.selection.count {
		r.few = wanted
	}
	t.parse = r.row
	return r
}

// fewOf says of how many columns one is few, so that it takes less time to find it than to split a row.
const fewOf = 8

// NoTarget is how many rows so far had no target.
func (r *csvCells) NoTarget() int64 { return r.without }

// row appends the next row of the text to b.
func (r *csvCells) row(b *vectors.Block, number int64) error {
	row, _, quotes, err := r.s.dialect.row(r.lines)
	if err == errOpen || err == errOpenLong {
		return openQuote(r.s.Name(), fmt.Sprintf("row %d", number), err)
	}
	if err != nil {
		return err
	}
	f := r.split(row, quotes)
	if f == nil {
		f = r.append(b, row, number)
	}
	if f != nil {
		f.File, f.Row, f.ID = r.s.Name(), number, r.s.idOf(&r.fields)
		return f
	}
	return nil
}

// split finds the fields of a row. Its fault lacks the file and the row.
func (r *csvCells) split(row []byte, quotes bool) *fault.Fault {
	if r.few != nil && !quotes && r.fields.pick(row, r.few) == r.s.selection.count {
		r.fields.whole = true
		return nil
	}
	return r.s.shape(&r.fields, row)
}

// append adds the row whose fields are split, unless it has no target. Its fault lacks the file and the row.
func (r *csvCells) append(b *vectors.Block, row []byte, number int64) *fault.Fault {
	s, list := r.s, r.fields.list
	none := s.target >= 0 && noTarget(list[s.target], s.labels)
	if none {
		r.without++
		if !s.untargeted {
			return nil
		}
	}
	if r.few != nil || !isASCII(row) {
		for _, c := range s.vector {
			if !utf8.Valid(list[c]) {
				f := s.textFault(list[c])
				f.Column = s.name(c)
				return f
			}
		}
	}
	var id []byte
	if s.id >= 0 {
		id = list[s.id]
		if f := s.idFault(id); f != nil {
			return f
		}
	}
	if s.learns() {
		var target, weight []byte
		if s.target >= 0 {
			target = list[s.target]
		}
		if s.weight >= 0 {
			weight = list[s.weight]
		}
		if f := r.learned.fields(s.selection, &s.dialect, &s.textFile, target, weight, none); f != nil {
			return f
		}
	}
	for j, c := range s.vector {
		if j < s.idCells {
			b.Cells.Columns[j].AppendText(s.dialect.spaced(list[c]))
			continue
		}
		r.cell(&b.Cells.Columns[j], s.dialect.spaced(list[c]))
	}
	b.Numbers = append(b.Numbers, number)
	if s.id >= 0 {
		b.AppendID(parseID(id))
	}
	r.learned.appendTo(b, s.selection)
	return nil
}

// spaced is a field without the spaces around it, unless it is text, of which they are a part, as in other formats.
func (d *dialect) spaced(field []byte) []byte {
	b := trimSpaces(field)
	if len(b) == len(field) || len(b) == 0 {
		return b
	}
	switch d.kind(b) {
	case cellMissing, cellBoolean, cellNumber:
		return b
	}
	return field
}

// cell appends a cell. Of a table that writes numbers in its own way, a number becomes one as programs write it, and
// what only they would take for a number is text.
func (r *csvCells) cell(column *tables.Column, field []byte) {
	if r.plain || len(field) == 0 {
		column.AppendText(field)
		return
	}
	if _, ok := r.s.dialect.number(field); ok {
		if _, ok := boolean(field); !ok {
			r.number, _ = r.s.dialect.normal(r.number[:0], field)
			field = r.number
		}
		column.AppendText(field)
		return
	}
	if _, ok := wholeNumber(field); ok {
		column.AppendQuoted(field)
		return
	}
	column.AppendText(field)
}
