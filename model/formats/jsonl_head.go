package formats

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

// jsonlRow is one of the first rows that can be read.
type jsonlRow struct {
	number int // among the rows
	line   []byte
	shape  string
}

// headRows finds the columns in the first rows: in the one that has the keys most of them have, so that a first row
// that is at fault is like any other that is. It reads at most cellsHead rows, of at most sampleMost bytes; of rows
// of which none can be read, the fault is that of the first. It returns io.EOF where there is no row.
func (s *jsonlSource) headRows(l *lines, o Options) error {
	var rows []jsonlRow
	var firstFault error
	for n := 0; n < cellsHead && (n == 0 || l.offset-s.start < sampleMost); n++ {
		line, offset, err := objectLine(l)
		if err == io.EOF || n > 0 && l.long { // which the reader of that row tells
			break
		}
		if err != nil {
			return err
		}
		if n == 0 {
			s.start = offset
		}
		s.headRow = n
		top, within, f := s.survey(line)
		if f != nil {
			if firstFault == nil {
				firstFault = s.inFirst(f)
			}
			continue
		}
		rows = append(rows, jsonlRow{n, bytes.Clone(line), shapeOf(top, within)})
	}
	switch {
	case len(rows) > 0 && s.missing:
		return s.fromTypical([]jsonlRow{known(rows)}, o)
	case len(rows) > 0:
		return s.fromTypical(rows, o)
	case firstFault != nil:
		if line := o.blind(); line != nil {
			return s.first(line, o)
		}
		return &unreadable{firstFault}
	}
	return io.EOF
}

// known is a row of all keys of the rows, in the order in which they come, each with the first value that is not
// missing: what there is to find where any may be.
func known(rows []jsonlRow) jsonlRow {
	var keys []string
	values := map[string][]byte{}
	for _, r := range rows {
		scan := jsonScan{b: r.line}
		scan.object(func(key []byte) *fault.Fault { // which survey has found to be sound
			name, first := string(key), scan.i
			f := scan.skip(2)
			value := scan.b[first:scan.i]
			old, ok := values[name]
			if !ok {
				keys = append(keys, name)
			}
			if !ok || string(old) == "null" {
				values[name] = value
			}
			return f
		})
	}
	line := []byte{'{'}
	for i, name := range keys {
		if i > 0 {
			line = append(line, ',')
		}
		quoted, _ := json.Marshal(name) // a text that is valid
		line = append(append(append(line, quoted...), ':'), values[name]...)
	}
	return jsonlRow{number: rows[0].number, line: append(line, '}')}
}

// fromTypical finds the columns in the first row of the commonest shape, or where its values are at fault in the first
// of the others whose values are not.
func (s *jsonlSource) fromTypical(rows []jsonlRow, o Options) error {
	count := map[string]int{}
	typical := 0
	for _, r := range rows {
		count[r.shape]++
	}
	for i, r := range rows {
		if count[r.shape] > count[rows[typical].shape] {
			typical = i
		}
	}
	err := s.fromRow(rows[typical], o)
	for i := 0; err != nil && i < len(rows); i++ {
		if !isFault(err) {
			return err
		}
		other := *s
		if i != typical && other.fromRow(rows[i], o) == nil {
			*s, err = other, nil
		}
	}
	return err
}

func (s *jsonlSource) fromRow(r jsonlRow, o Options) error {
	s.headRow = r.number
	return s.first(r.line, o)
}

// shapeOf is the same for rows of the same keys with values of the same kind, in any order: numbers, so many of them in
// an array, or text. Keys of other values do not count.
func shapeOf(top, within []jsonlKey) string {
	var parts []string
	for i, k := range slices.Concat(top, within) {
		kind := ""
		switch {
		case k.numbers && k.kind == '[':
			kind = strconv.Itoa(k.length)
		case k.numbers:
			kind = "number"
		case k.kind == '"':
			kind = "text"
		default:
			continue
		}
		if i >= len(top) {
			kind += " within"
		}
		parts = append(parts, strconv.Quote(k.name)+kind)
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// inFirst makes a fault of the row that has shown the columns one of the file, as no row can be read without it.
func (s *jsonlSource) inFirst(f *fault.Fault) *fault.Fault {
	f.File, f.Row, f.Found = s.Name(), fault.WholeFile, f.Found+" in "+s.headName()
	return f
}

// headName is what a fault calls the row that has shown the columns.
func (s *jsonlSource) headName() string {
	if s.headRow == 0 {
		return "the first row"
	}
	return "row " + strconv.Itoa(s.headRow)
}
