package formats

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// The columns of a table in .jsonl are the keys of its first rows, those within objects by their way there, as "a.b":
// at most cellsHead rows, of at most sampleMost bytes. A key that comes later is at fault, unless the options name
// the columns; one that is not there, or null, is a missing cell.
const cellsHead = 1000

// jsonlColumn is what the first rows have of a key.
type jsonlColumn struct {
	name                                       string
	object, text, number, boolean, array, null bool
	fraction                                   bool // some number is no integer
	rows                                       int  // in how many rows it has a value
	// of its arrays of numbers, or -1 where they differ or are others
	width int
	top   *jsonlColumn // the key of the row under which it is
}

// typeName is the type of a column in a word. What has arrays beside others is of the others' type: these rows are at
// fault.
func (c *jsonlColumn) typeName() string {
	switch {
	case c.text:
		return "text"
	case c.number:
		return "number"
	case c.boolean:
		return "boolean"
	case c.array && c.width > 0 && !c.object:
		return "vector"
	case c.array:
		return "array"
	case c.object:
		return "object"
	}
	return "null"
}

// jsonlHead is the keys of the first rows.
type jsonlHead struct {
	s           *jsonlSource
	top, within []*jsonlColumn
	byName      [2]map[string]*jsonlColumn // top, within
	rows        int
}

// row adds a row.
func (h *jsonlHead) row(line []byte) *fault.Fault {
	h.rows++
	scan := jsonScan{b: line}
	way, depth := "", 0
	var top *jsonlColumn
	var member func(key []byte) *fault.Fault
	member = func(key []byte) *fault.Fault {
		if f := h.s.textFault(key); f != nil {
			f.Expected = "a key that is " + f.Expected
			return f
		}
		c := h.column(way+string(key), min(depth, 1))
		if depth == 0 {
			top = c
		}
		c.top = top
		if scan.peek() != '{' || depth >= maxWay {
			return c.value(&scan, depth)
		}
		before := way
		c.object = true
		way, depth = c.name+".", depth+1
		scan.i++
		f := scan.members(member)
		way, depth = before, depth-1
		return f
	}
	return scan.object(member)
}

// column finds or makes the column of a name.
func (h *jsonlHead) column(name string, depth int) *jsonlColumn {
	if h.byName[depth] == nil {
		h.byName[depth] = map[string]*jsonlColumn{}
	}
	c := h.byName[depth][name]
	if c == nil {
		c = &jsonlColumn{name: name}
		h.byName[depth][name] = c
		if depth == 0 {
			h.top = append(h.top, c)
		} else {
			h.within = append(h.within, c)
		}
	}
	return c
}

// value notes what a value is, and reads past it.
func (c *jsonlColumn) value(scan *jsonScan, depth int) *fault.Fault {
	first := scan.i
	switch scan.peek() {
	case '[':
		c.array = true
		n, f := scan.numbers(nil)
		if scan.i = first; f != nil || n == 0 || c.width != 0 && c.width != n {
			n = -1
		}
		c.width = n
	case '{':
		c.object = true
	case '"':
		text := jsonScan{b: scan.b, i: first}
		if b, ok := text.text(); ok && len(b) == 0 {
			return scan.skip(2 + depth) // an empty text is a missing one
		}
		c.text = true
	case 'n', 'N':
		if scan.missing() {
			c.null = true
			return nil
		}
		return scan.skip(2 + depth)
	case 't', 'f':
		c.boolean = true
	default:
		c.number = true
		f := scan.skip(2 + depth)
		c.rows++
		c.fraction = c.fraction || !wholeText(scan.b[first:scan.i])
		return f
	}
	c.rows++
	return scan.skip(2 + depth)
}

// firstCells finds the columns of a table.
func (s *jsonlSource) firstCells(l *lines, o Options) error {
	head := jsonlHead{s: s}
	var first *fault.Fault
	for n := 0; n < cellsHead && (n == 0 || l.offset-s.start < sampleMost); n++ {
		line, offset, err := objectLine(l)
		if n > 0 && (err == io.EOF || l.long) { // the reader of a row that is too long tells it
			break
		}
		if err == io.EOF {
			return fault.Ends(fault.File(s.Name(), "a first row", "only empty lines"))
		}
		if err != nil {
			return err
		}
		if n == 0 {
			s.start = offset
		}
		if _, _, f := s.survey(line); f == nil {
			head.row(line)
		} else if s.headRow = n; first == nil { // the reader of that row tells it
			first = s.inFirst(f)
		}
	}
	if head.rows == 0 {
		line := o.blind()
		if line == nil {
			return &unreadable{first}
		}
		head.row(line)
	}
	return s.chooseCells(&head, &o)
}

// chooseCells chooses those of the vector, and notes what they are.
func (s *jsonlSource) chooseCells(head *jsonlHead, o *Options) error {
	columns := head.top
	for _, c := range head.within {
		if _, twice := head.byName[0][c.name]; !twice && c.top.typeName() == "object" { // a key may have a point of its own
			columns = append(columns[:len(columns):len(columns)], c)
		}
	}
	own := make([]string, len(head.top))
	for i, c := range head.top {
		own[i] = c.name
	}
	if at, name := namelessKey(own, o); at >= 0 {
		columns[at].name = name
	}
	if columns = append(columns[:len(columns):len(columns)], s.absent(columns, o.Names)...); len(columns) > maxColumns {
		return fault.File(s.Name(), fmt.Sprintf("at most %d columns", maxColumns), "%d columns", len(columns))
	}
	names := make([]string, len(columns))
	s.keys, s.within, s.objects = map[string]int{}, map[string]int{}, make([]bool, len(columns))
	for i, c := range columns {
		names[i] = c.name
		if i < len(own) {
			s.keys[own[i]], s.objects[i] = i, c.typeName() == "object"
		} else {
			s.within[c.name] = i
		}
	}
	if err := s.byNames(names, o); err != nil {
		return err
	}
	var err error
	if s.selection, err = o.choose(s.Name(), names, len(names)); err != nil {
		return err
	}
	if o.byDefault() && sparseColumns(columns) {
		return noTable(s.Name(), string(jsonlLists))
	}
	s.widths = make([]int, len(columns))
	for i, c := range columns {
		s.types, s.whole = append(s.types, c.typeName()), append(s.whole, c.typeName() == "number" && !c.fraction)
		if s.types[i] == "vector" {
			s.widths[i] = c.width
		}
	}
	if err := s.readable(o); err != nil {
		return err
	}
	s.cells, s.place, s.dim = true, s.places(), len(s.vector)
	s.strict = len(o.Names) == 0 && (o.byDefault() || slices.ContainsFunc(o.Columns, func(spec string) bool {
		return strings.HasPrefix(spec, "!") || wildcard(spec)
	}))
	s.judgeCells(columns, head.rows, o)
	return nil
}

// absent are columns of names that no key of the first rows has, which may come later: where at least one other has.
func (s *jsonlSource) absent(columns []*jsonlColumn, names []string) []*jsonlColumn {
	have := map[string]bool{}
	for _, c := range columns {
		have[c.name] = true
	}
	var absent []*jsonlColumn
	for _, name := range names {
		if !have[name] {
			absent = append(absent, &jsonlColumn{name: name})
			s.notes = append(s.notes, "no key "+fault.Plain(name)+" in the first rows: it is missing there")
		}
	}
	if len(absent) == len(names) {
		s.notes = nil
		return nil
	}
	return absent
}

// byNames refuses columns by their index.
func (s *jsonlSource) byNames(names []string, o *Options) error {
	for _, spec := range append([]string{o.IDColumn, o.TargetColumn, o.WeightColumn}, o.Columns...) {
		if !slices.Contains(names, spec) && isIndex(strings.TrimPrefix(spec, "!")) {
			return fault.Asked(s.Name(), "keys by name or by glob: those of an object have no order", "the column %s",
				fault.Quote(spec))
		}
	}
	return nil
}

// readable takes objects out of the vector, whose keys are columns of their own, and arrays that are not all of one
// length; the latter only where nobody asks for them.
func (s *jsonlSource) readable(o *Options) error {
	var kept []int
	for _, c := range s.vector {
		switch {
		case s.types[c] == "object":
		case s.types[c] == "array" && !s.wanted[c]:
		case s.types[c] == "array":
			return fault.File(s.Name(), "numbers, text, or arrays of numbers of one length; ! before a column leaves it out",
				"the column %s of other arrays", fault.Quote(s.name(c)))
		default:
			kept = append(kept, c)
		}
	}
	if s.vector = kept; len(kept) == 0 {
		return s.selection.missing(s.Name(), "a key of numbers, text or arrays of numbers")
	}
	return nil
}

// judgeCells notes what a matrix of numbers would not hold. Where the options leave it open, one array of numbers is
// the matrix.
func (s *jsonlSource) judgeCells(columns []*jsonlColumn, rows int, o *Options) {
	arrays := 0
	for _, c := range s.vector {
		if s.widths[c] > 0 {
			arrays++
		}
	}
	if o.byDefault() && (arrays == 1 || s.widths[s.vector[0]] > 0 && slices.Contains(s.names, vectorKey)) {
		return
	}
	for _, c := range s.vector {
		switch k := columns[c]; {
		case k.text:
			s.other.note(k.name, "text")
		case s.widths[c] > 0 && len(s.vector) > 1:
			s.other.note(k.name, "arrays beside other keys")
		case k.rows < rows && s.widths[c] == 0:
			s.other.note(k.name, "missing cells")
		}
	}
}

// Schema is all columns; of a table, without the objects that are no columns themselves.
func (s *jsonlSource) Schema() []Column {
	columns := s.selection.Schema()
	if !s.cells {
		return columns
	}
	return slices.DeleteFunc(columns, func(c Column) bool { return c.Type == "object" })
}

// Notes tell what was assumed about the file.
func (s *jsonlSource) Notes() []string { return append(s.selection.Notes(), s.notes...) }

// Fields are the vector's columns.
func (s *jsonlSource) Fields() []tables.Field {
	if !s.cells {
		return nil
	}
	fields := make([]tables.Field, len(s.vector))
	for i, c := range s.vector {
		fields[i] = tables.Field{Name: s.name(c), Type: tables.Cell}
		if s.widths[c] > 0 {
			fields[i].Type, fields[i].Width = tables.List, s.widths[c]
		}
	}
	return fields
}

// Other is the first column that has more than numbers in the first rows.
func (s *jsonlSource) Other() (column, holds string) { return s.other.Other() }

// jsonlCells reads the rows of a span as those of a table.
type jsonlCells struct {
	*textReader
	p       *jsonlParser
	block   *vectors.Block
	none    bool // the row has no target
	without int64
}

func (s *jsonlSource) cellsReader(t *textReader) Reader {
	r := &jsonlCells{textReader: t, p: s.parser()}
	r.p.visit, r.p.unknown = r.value, r.unknown
	t.parse = r.row
	return r
}

// NoTarget is how many rows so far had no target.
func (r *jsonlCells) NoTarget() int64 { return r.without }

// row appends the next row of the text to b.
func (r *jsonlCells) row(b *vectors.Block, number int64) error {
	line, _, err := objectLine(r.lines)
	if err != nil {
		return err
	}
	p := r.p
	r.block, r.none = b, p.s.target >= 0
	p.scan.b, p.scan.i = line, 0
	p.rows++
	p.next = 0
	f := p.scan.object(p.member)
	if r.none {
		p.learned.none()
	}
	leave := r.none && !p.s.untargeted
	if f == nil && !leave {
		f = r.end()
	}
	if f != nil || leave {
		b.Cells.Cut(b.Len())
	}
	if f != nil {
		f.File, f.Row, f.ID = p.s.Name(), number, p.s.idOf(line)
		return f
	}
	if r.none {
		r.without++
	}
	if leave {
		return nil
	}
	b.Numbers = append(b.Numbers, number)
	if p.s.id >= 0 {
		b.AppendID(p.id)
	}
	p.appendTo(b, p.s.selection)
	return nil
}

// end ends a row: what it has not is missing.
func (r *jsonlCells) end() *fault.Fault {
	p := r.p
	for _, c := range []int{p.s.id, p.s.weight} {
		if c >= 0 && p.seen[c] != p.rows {
			return &fault.Fault{Column: p.s.name(c), Found: "no such key", Expected: p.expected(c)}
		}
	}
	for j, c := range p.s.vector {
		if p.seen[c] != p.rows {
			r.block.Cells.Columns[j].AppendMissing()
		}
	}
	return nil
}

// unknown reads past the value of a key that is no column.
func (r *jsonlCells) unknown(key []byte) *fault.Fault {
	first := r.p.scan.i
	if f := r.p.scan.skip(2 + r.p.depth); f != nil || !r.p.s.strict || r.p.scan.b[first] == 'n' {
		return f
	}
	return &fault.Fault{
		Column: string(key), Found: fmt.Sprintf("a key that none of the first rows has, up to %d of them", cellsHead),
		Expected: "the keys of these, or --columns with the names of those to take",
	}
}

// value reads the value of a column.
func (r *jsonlCells) value(c int) *fault.Fault {
	p, s := r.p, r.p.s
	place := s.place[c]
	if !s.takes(c) {
		return p.scan.skip(2 + p.depth)
	}
	if p.seen[c] == p.rows {
		return &fault.Fault{Column: s.name(c), Found: "the key twice", Expected: "it once"}
	}
	p.seen[c] = p.rows
	var f *fault.Fault
	switch {
	case c == s.target:
		f = r.target()
	case c == s.weight:
		f = p.learn(c)
	case c == s.id:
		first := p.scan.i
		if p.id, f = p.scan.id(); f == nil && !utf8.ValidString(p.id.Text) {
			f = s.textFault([]byte(p.id.Text))
		}
		if f == nil && place >= 0 {
			p.scan.i = first
			f = r.cell(&r.block.Cells.Columns[place], s.widths[c])
		}
	default:
		f = r.cell(&r.block.Cells.Columns[place], s.widths[c])
	}
	if f != nil && f.Column == "" {
		f.Column = s.name(c)
	}
	return f
}

// target reads a target: null, or a string of nothing but spaces, is none.
func (r *jsonlCells) target() *fault.Fault {
	p := r.p
	if p.scan.missing() || p.scan.blank() {
		return nil
	}
	r.none = false
	if c := p.scan.peek(); p.s.labels && (c == 't' || c == 'f') {
		v, f := p.scan.value()
		if f != nil {
			f.Expected = p.expected(p.s.target)
			return f
		}
		return p.setLabel([]byte(booleanLabel(v != 0)), nil)
	}
	return p.learn(p.s.target)
}

// cell reads a value to a column.
func (r *jsonlCells) cell(to *tables.Column, width int) *fault.Fault {
	scan := &r.p.scan
	first := scan.i
	switch scan.peek() {
	case 'n', 'N':
		if scan.missing() {
			to.AppendMissing()
			return nil
		}
	case '[':
		return r.list(to, width)
	}
	if width > 0 {
		return &fault.Fault{Found: scan.describe(), Expected: fmt.Sprintf("an array of %d numbers, as in the first rows",
			width)}
	}
	switch scan.peek() {
	case '{':
		return &fault.Fault{Found: "an object", Expected: "a number, a string, true, false or null"}
	case '"':
		text, ok := scan.text()
		if !ok {
			return scan.invalid()
		}
		if f := r.p.s.textFault(text); f != nil {
			return f
		}
		to.AppendQuoted(text)
	case 't', 'f':
		v, f := scan.value()
		if f != nil {
			return f
		}
		to.AppendText([]byte(booleanLabel(v != 0)))
	default:
		if _, f := scan.number(); f != nil {
			return f
		}
		to.AppendText(scan.b[first:scan.i])
	}
	return nil
}

// list reads an array of numbers to a column.
func (r *jsonlCells) list(to *tables.Column, width int) *fault.Fault {
	if width == 0 {
		return &fault.Fault{Found: "an array", Expected: "a number, a string, true, false or null"}
	}
	at := len(to.Numbers)
	to.Numbers = append(to.Numbers, make([]float64, width)...)
	n, f := r.p.scan.numbers(to.Numbers[at:])
	if f == nil && n != width {
		f = &fault.Fault{Found: "an array of " + strconv.Itoa(n),
			Expected: fmt.Sprintf("one of %d numbers, as in the first rows", width)}
	}
	return f
}
