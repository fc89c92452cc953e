package formats

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/formats/internal/delimited"
	"beamlearn/model/vectors"
)

var jsonlFormat = &Format{Name: "jsonl", Extensions: []string{".jsonl", ".ndjson"}, Text: true, Cells: true,
	inspect: inspectJSONL}

// vectorKey is the key of the vector where Options.Columns name no other.
const vectorKey = "vector"

// jsonlSource is an inspected text of JSON objects, one a line, as {"id":"a","vector":[0.5,1]}. Lines of white space
// only are no rows.
//
// The columns are keys, by name or by glob among those that most of the first objects have, and keys of objects within
// them by their way there, as "meta.size": one whose value is an array of numbers, as many in every row, or any
// whose values are numbers, or true and false, which are 1 and 0; or those of sparse rows (listed.go). By default they
// are the key "vector", or else the one key with an array of numbers, or else all keys of numbers. Other keys may have
// any value. The id, a string or an integer, is read where Options.IDColumn names its key; else it is the row's number,
// as in every format. So are the target and the weight; what is neither the one nor the other, nor asked for as a
// column, is not read.
type jsonlSource struct {
	textFile
	*selection
	keys    map[string]int // the columns, which are the keys of the first object
	within  map[string]int // columns within objects by their way there, where any are read
	objects []bool         // of the columns: those are read within it
	place   []int          // place of each column in the vector, or -1
	array   bool           // the vector is the value of a single column
	sparse  jsonlSparse    // how rows are sparse, or ""
	all     bool           // the vector is all keys of numbers
	dim     int
	cells   bool  // rows are those of a table
	headRow int   // the row that has shown the columns
	missing bool  // a number may be missing
	strict  bool  // of which a key that is no column is at fault
	widths  []int // of the columns of a table that are lists, else 0
	other   other // what a matrix of numbers would not hold
	notes   []string
}

func inspectJSONL(ctx context.Context, f File, comp compression, o Options) (Source, error) {
	if err := o.noHeader(f, "jsonl"); err != nil {
		return nil, err
	}
	if err := o.noDialect(f, "jsonl"); err != nil {
		return nil, err
	}
	s, empty := &jsonlSource{textFile: o.newText(f, comp), missing: o.Missing}, false
	err := s.head(ctx, func(l *lines) error {
		if o.Cells {
			return s.firstCells(l, o)
		}
		err := s.headRows(l, o)
		if err != io.EOF {
			return err
		}
		if empty = o.emptyDim() > 0; empty {
			return nil
		}
		return fault.Ends(fault.File(f.Name(), "a first row", "only empty lines"))
	})
	if err != nil {
		return nil, err
	}
	if empty {
		return emptySource(o.EmptyDim), nil
	}
	if s.listed() {
		return s, settleListed(ctx, s, s.File, &s.dim, &o)
	}
	return s, nil
}

// jsonMissing stand for a number that is missing: null, or what Python writes.
var jsonMissing = []string{"null", "NaN", "nan"}

// jsonlKey is a key of one of the first rows.
type jsonlKey struct {
	name string
	kind byte // what its value begins with
	// numbers says that the value is an array of at least one number, or a number, or true or false.
	numbers bool
	whole   bool // the value is an integer
	length  int  // of the array
	empty   bool // the value is an array of nothing
}

// typeName is the type of the value.
func (k *jsonlKey) typeName() string {
	switch k.kind {
	case '[':
		if k.numbers {
			return "vector"
		}
		return "array"
	case '{':
		return "object"
	case '"':
		return "text"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// survey lists the keys of a row, and behind them those of objects within it, by their way there.
func (s *jsonlSource) survey(line []byte) (top, within []jsonlKey, f *fault.Fault) {
	scan := jsonScan{b: line}
	seen := map[string]bool{}
	var way string
	var member func(key []byte) *fault.Fault
	depth := 0
	member = func(key []byte) *fault.Fault {
		if f := s.textFault(key); f != nil {
			f.Expected = "a key that is " + f.Expected
			return f
		}
		k := jsonlKey{name: way + string(key), kind: scan.peek()}
		first := scan.i
		if k.kind == '{' && depth < maxWay {
			before := way
			way, depth = k.name+".", depth+1
			scan.i++
			f := scan.members(member)
			if way, depth = before, depth-1; f != nil {
				return f
			}
		} else {
			switch k.kind {
			case '[':
				n, f := scan.numbers(nil)
				k.numbers, k.length, k.empty = f == nil && n > 0, n, f == nil && n == 0
			case '"', '{', 'n':
			default:
				_, f := scan.value()
				k.numbers = f == nil || slices.Contains(jsonMissing, string(scan.word()))
				k.whole = wholeText(scan.b[first:scan.i])
			}
			scan.i = first
			if f := scan.skip(2 + depth); f != nil {
				return f
			}
		}
		switch {
		case depth == 0 && !seen[k.name]:
			seen[k.name] = true
			top = append(top, k)
		case depth > 0:
			within = append(within, k)
		}
		return nil
	}
	f = scan.object(member)
	return top, within, f
}

// maxWay bounds how deep keys within objects are columns.
const maxWay = 16

// first finds the columns and the dimension in a row, which must be without fault.
func (s *jsonlSource) first(line []byte, o Options) error {
	top, within, f := s.survey(line)
	switch {
	case f != nil:
		return s.inFirst(f)
	case len(top) == 0:
		return s.inFirst(&fault.Fault{Found: "an empty object", Expected: "one with a vector"})
	case len(top) > maxColumns:
		return fault.File(s.Name(), fmt.Sprintf("at most %d columns", maxColumns), "%d columns", len(top))
	}
	own := make([]string, len(top))
	for i, k := range top {
		own[i] = k.name
	}
	if at, name := namelessKey(own, &o); at >= 0 {
		top[at].name = name
	}
	keys := append(top, s.asked(&o, top, within)...)
	names := s.columns(keys, own)
	byDefault := o.byDefault()
	sparse, how := sparseKeys(top, within, &o)
	if s.sparse = how; how != "" {
		o.Columns, byDefault = sparse, false
	}
	if byDefault {
		columns, err := s.byDefault(top, &o)
		if err != nil {
			return err
		}
		o.Columns = columns
	}
	if err := s.byNames(names, &o); err != nil {
		return err
	}
	var err error
	if s.selection, err = o.choose(s.Name(), names, len(names)); err != nil {
		return err
	}
	for _, k := range keys {
		s.types, s.whole = append(s.types, k.typeName()), append(s.whole, k.whole)
	}
	if s.sparse == "" && !byDefault {
		s.sparse = sparseAsked(keys, within, s.vector)
	}
	if s.listed() {
		return s.firstSparse(line, &o)
	}
	if !byDefault && o.wide() {
		lacks := s.selection.missing(s.Name(), "keys of numbers")
		s.vector = slices.DeleteFunc(s.vector,
			func(c int) bool { return !keys[c].numbers || strings.IndexByte("[tf", keys[c].kind) >= 0 })
		if len(s.vector) == 0 {
			return lacks
		}
	}
	s.place = s.places()
	s.dim = len(s.vector)
	c := s.vector[0]
	if s.array = byDefault && !s.all || len(s.vector) == 1 && keys[c].kind == '['; s.array && keys[c].kind == '[' {
		if s.dim, err = s.length(line, c); err != nil {
			return err
		}
	}
	if s.array && s.missing {
		return missingList(s.Name(), s.name(c))
	}
	// What remains to be found are the faults of the values.
	p := s.parser()
	if f := p.row(line); f != nil {
		return s.inFirst(f)
	}
	if f := p.append(&vectors.Block{Dim: s.dim, DType: o.DType, Missing: s.missing}, 0); f != nil {
		return s.inFirst(f)
	}
	return nil
}

// namelessKey is the place of the key "" among the keys of rows, and what the column is called: as one of the names
// that the options have and no key, which is what another file called it, or as in the other formats, see [ownNames].
// The place is -1 where there is no such key, or it is that of the rows' labels.
func namelessKey(keys []string, o *Options) (at int, name string) {
	if at = slices.Index(keys, ""); at < 0 {
		return -1, ""
	}
	for _, name := range append([]string{o.IDColumn, o.TargetColumn, o.WeightColumn}, o.Names...) {
		if isNameless(name) && !slices.Contains(keys, name) {
			return at, name
		}
	}
	if indexIn(keys) == at {
		return -1, ""
	}
	name = nameless(at)
	for n := 1; slices.Contains(keys, name); n++ {
		name = fmt.Sprintf("%s.%d", nameless(at), n)
	}
	return at, name
}

// nameNameless calls the column of the key "" as one of the names that another source has, and no other key.
func (s *jsonlSource) nameNameless(names []string) {
	c, ok := s.keys[""]
	if !ok || s.names[c] == "" {
		return
	}
	for _, name := range names {
		if isNameless(name) && !slices.Contains(s.names, name) {
			s.names[c] = name
			return
		}
	}
}

// columns takes keys as columns, the first of them those of the row itself, which stand there as own, the others
// those of objects within it, and gives their names.
func (s *jsonlSource) columns(keys []jsonlKey, own []string) []string {
	names := make([]string, len(keys))
	s.keys, s.within, s.objects = map[string]int{}, map[string]int{}, make([]bool, len(keys))
	for c, k := range keys {
		names[c] = k.name
		if c < len(own) {
			s.keys[own[c]] = c
			continue
		}
		s.within[k.name] = c
		object, _, _ := strings.Cut(k.name, ".")
		for at := len(object); at < len(k.name); at++ { // a key may have a point of its own
			if i, ok := s.keys[k.name[:at]]; ok && k.name[at] == '.' && keys[i].kind == '{' {
				s.objects[i] = true
			}
		}
	}
	return names
}

// asked are the keys within objects that the options name; a glob with a point names such, too.
func (s *jsonlSource) asked(o *Options, top, within []jsonlKey) []jsonlKey {
	var asked []jsonlKey
	for _, k := range within {
		wanted := slices.Contains(o.Names, k.name) ||
			slices.ContainsFunc(slices.Concat([]string{o.IDColumn, o.TargetColumn, o.WeightColumn}, o.Columns),
				func(spec string) bool {
					spec = strings.TrimPrefix(spec, "!")
					glob, err := path.Match(spec, k.name)
					return spec == k.name || strings.Contains(spec, ".") && err == nil && glob
				})
		same := func(other jsonlKey) bool { return other.name == k.name }
		if wanted && !slices.ContainsFunc(top, same) && !slices.ContainsFunc(asked, same) {
			asked = append(asked, k)
		}
	}
	return asked
}

// byDefault names the columns of the vector where nobody does.
func (s *jsonlSource) byDefault(top []jsonlKey, o *Options) ([]string, error) {
	var arrays, numbers, all []string
	for _, k := range top {
		all = append(all, k.name)
		switch {
		case k.name == o.IDColumn, k.name == o.TargetColumn, k.name == o.WeightColumn:
		case k.name == vectorKey:
			return []string{vectorKey}, nil
		case !k.numbers, s.missing && (k.kind == 't' || k.kind == 'f'): // which no mean is
		case k.kind == '[':
			arrays = append(arrays, k.name)
		default:
			numbers = append(numbers, k.name)
		}
	}
	columns := &selection{names: all, count: len(all)}
	switch {
	case len(arrays) == 1:
		return arrays, nil
	case len(arrays) > 1:
		return nil, (&selection{names: arrays, count: len(arrays)}).missing(s.Name(), oneVector)
	case len(numbers) == 0:
		return nil, columns.missing(s.Name(), `an array of numbers, or keys of numbers`)
	}
	s.all = true
	return numbers, nil
}

// length is that of the array under a key of the first row.
func (s *jsonlSource) length(line []byte, column int) (int, error) {
	n, name := 0, s.name(column)
	p := s.parser()
	p.visit = func(c int) (f *fault.Fault) {
		if c == column && p.scan.peek() == '[' {
			n, f = p.scan.numbers(nil)
			return f
		}
		return p.scan.skip(2)
	}
	p.scan.b = line
	if f := p.scan.object(p.member); f != nil {
		return 0, s.inFirst(f)
	}
	switch {
	case n == 0:
		return 0, s.inFirst(&fault.Fault{Column: name, Found: "an empty array", Expected: "at least one number"})
	case n > maxColumns:
		return 0, s.inFirst(&fault.Fault{Column: name, Found: fmt.Sprintf("an array of %d", n),
			Expected: fmt.Sprintf("one of at most %d", maxColumns)})
	}
	return n, nil
}

// isIndex reports whether a column is asked for by an index, or a range of them.
func isIndex(spec string) bool {
	lo, hi, ok := strings.Cut(spec, "-")
	_, errLo := strconv.Atoi(lo)
	_, errHi := strconv.Atoi(hi)
	return errLo == nil && (errHi == nil || !ok)
}

func (s *jsonlSource) Dim() int { return s.dim }

// Columns are the keys, unless the vector is an array.
func (s *jsonlSource) Columns() []string {
	if s.array || s.listed() {
		return nil
	}
	return s.vectorNames()
}

// Count counts lines that are not empty. No line begins within a quoted field, so both states are the same.
func (s *jsonlSource) Count(ctx context.Context, r Range) (Count, error) {
	return s.countLines(ctx, r, func(line []byte) bool { return !isBlank(line) })
}

func (s *jsonlSource) isWhole() bool { return s.sequential() && !s.cells }

// Resolve numbers the rows.
func (s *jsonlSource) Resolve(counts []Count) ([]Span, error) {
	spans, _, _ := resolve(counts)
	return spans, nil
}

func (s *jsonlSource) Read(ctx context.Context, span Span) (Reader, error) {
	r, err := s.read(ctx, span)
	if err != nil {
		return nil, err
	}
	r.past = func() error {
		_, _, err := objectLine(r.lines)
		return err
	}
	if s.cells {
		return s.cellsReader(r), nil
	}
	p := s.parser()
	r.parse = func(b *vectors.Block, number int64) error {
		if b.Sparse == nil && s.listed() && s.dim > maxColumns {
			return tooManyColumns(s.Name(), int64(s.dim))
		}
		line, _, err := objectLine(r.lines)
		if err != nil {
			return err
		}
		f := p.row(line)
		if f == nil {
			f = p.append(b, number)
		}
		if f != nil {
			f.File, f.Row, f.ID = s.Name(), number, s.idOf(line)
			return f
		}
		return nil
	}
	return r, nil
}

// objectLine is the next line that is not empty, and its offset. Its memory is valid until more is read.
func objectLine(l *lines) ([]byte, int64, error) {
	for {
		n, err := l.find(0)
		if err != nil {
			return nil, 0, err
		}
		line, offset := l.decoded(trimEnd(l.ahead(n))), l.offset
		l.advance(n)
		if !isBlank(line) {
			return line, offset, nil
		}
	}
}

func isBlank(line []byte) bool {
	for _, c := range line {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

// jsonlParser reads rows. Its faults lack the file and the row.
type jsonlParser struct {
	s      *jsonlSource
	scan   jsonScan
	member func(key []byte) *fault.Fault
	visit  func(column int) *fault.Fault // reads the value of a column
	// unknown reads past the value of a key that is no column, where it is not nil.
	unknown func(key []byte) *fault.Fault
	way     []byte // to the object that is read: "a.b."
	depth   int    // of that object
	vector  []float64
	indices []float64 // columns of the vector's numbers, where rows are sparse
	entries listedRow // the same, in order
	id      vectors.ID
	learned
	wanted int     // columns of the vector, the id, the target and the weight
	found  int     // of them in this row
	rows   int64   // so far, this one included
	seen   []int64 // what rows was when each column was found last
	next   int     // the column that is likely to follow: keys mostly come in one order
}

func (s *jsonlSource) parser() *jsonlParser {
	p := &jsonlParser{s: s, seen: make([]int64, len(s.names)), wanted: len(s.vector)}
	if !s.listed() {
		p.vector = make([]float64, s.dim)
	}
	if s.id >= 0 && s.place[s.id] < 0 {
		p.wanted++
	}
	for _, c := range []int{s.target, s.weight} {
		if c >= 0 {
			p.wanted++
		}
	}
	p.member, p.visit = p.key, p.value
	return p
}

// idOf is the id of a line at fault, up to where it is no JSON; "" where it cannot be read.
func (s *jsonlSource) idOf(line []byte) (text string) {
	if s.id < 0 {
		return ""
	}
	p := s.parser()
	p.unknown = func([]byte) *fault.Fault { return p.scan.skip(2 + p.depth) }
	p.visit = func(c int) *fault.Fault {
		if c != s.id {
			return p.scan.skip(2 + p.depth)
		}
		first := p.scan.i
		id, f := p.scan.id()
		if f != nil {
			p.scan.i = first
			return p.scan.skip(2 + p.depth)
		}
		if p.found++; utf8.ValidString(id.Text) {
			text = id.String()
		}
		return nil
	}
	p.scan.b = line
	if p.scan.object(p.member); p.found > 1 {
		return ""
	}
	return text
}

// row reads a line into vector and id.
func (p *jsonlParser) row(line []byte) *fault.Fault {
	p.scan.b, p.scan.i = line, 0
	p.rows++
	p.found, p.next = 0, 0
	if f := p.scan.object(p.member); f != nil {
		return f
	}
	if p.found == p.wanted && p.s.listed() {
		return p.sparseRow()
	}
	if p.found == p.wanted {
		return nil
	}
	if p.s.missing {
		for place, c := range p.s.vector {
			if p.seen[c] != p.rows {
				p.seen[c] = p.rows
				p.vector[place] = math.NaN()
				p.found++
			}
		}
		if p.found == p.wanted {
			return nil
		}
	}
	missing := -1
	for _, c := range append(p.s.vector[:len(p.s.vector):len(p.s.vector)], p.s.id, p.s.target, p.s.weight) {
		if c >= 0 && p.seen[c] != p.rows {
			missing = c
			break
		}
	}
	return &fault.Fault{Column: p.s.name(missing), Found: "no such key", Expected: p.expected(missing)}
}

// expected is what the value of a column should be.
func (p *jsonlParser) expected(column int) string {
	switch {
	case column == p.s.target && p.s.labels:
		return "a label: a string, a number or a boolean"
	case column == p.s.target, column == p.s.weight:
		return "a number"
	case p.s.place[column] < 0:
		return "a string or an integer"
	case p.s.sparse == jsonlMap:
		return "an object of columns and their numbers"
	case p.s.array, p.s.listed():
		return "an array of numbers"
	}
	return "a number"
}

// append adds the row that has been read.
func (p *jsonlParser) append(b *vectors.Block, number int64) *fault.Fault {
	if p.s.listed() {
		if f := p.appendSparse(b, number); f != nil {
			return f
		}
	} else if i := b.Append(p.vector, number); i >= 0 {
		v := p.vector[i]
		return &fault.Fault{Column: p.label(i), Found: strconv.FormatFloat(v, 'g', -1, 64), Expected: storable(v)}
	}
	if p.s.id >= 0 {
		b.AppendID(p.id)
	}
	p.appendTo(b, p.s.selection)
	return nil
}

// label is how a fault calls a place in the vector.
func (p *jsonlParser) label(place int) string {
	if p.s.array {
		return strconv.Itoa(place)
	}
	return p.s.name(p.s.vector[place])
}

// key reads the value of a key.
func (p *jsonlParser) key(key []byte) *fault.Fault {
	s := p.s
	c := p.next
	if c >= len(s.keys) || s.names[c] != string(key) {
		var ok bool
		if c, ok = s.keys[string(key)]; !ok {
			return p.other(key)
		}
	}
	p.next = c + 1
	if s.objects[c] && p.scan.peek() == '{' && s.sparse != jsonlMap {
		p.way, p.depth = append(append(p.way[:0], key...), '.'), 1
		p.scan.i++
		return p.scan.members(p.inner)
	}
	return p.visit(c)
}

// inner reads the value of a key within an object.
func (p *jsonlParser) inner(key []byte) *fault.Fault {
	n := len(p.way)
	p.way = append(p.way, key...)
	c, ok := p.s.within[string(p.way)]
	var f *fault.Fault
	switch {
	case ok && (p.scan.peek() != '{' || p.depth >= maxWay || p.s.takes(c)):
		f = p.visit(c)
	case p.scan.peek() == '{' && p.depth < maxWay:
		p.way = append(p.way, '.')
		p.scan.i++
		p.depth++
		f = p.scan.members(p.inner)
		p.depth--
	case p.unknown != nil:
		f = p.unknown(p.way)
	default:
		f = p.scan.skip(2 + p.depth)
	}
	p.way = p.way[:n]
	return f
}

// takes reports whether a column is read itself, not only keys within its objects.
func (s *jsonlSource) takes(c int) bool {
	return s.place[c] >= 0 || c == s.id || c == s.target || c == s.weight
}

// other skips the value of a key that the first row has not. Where the vector is all keys of numbers, such a number
// is missed.
func (p *jsonlParser) other(key []byte) *fault.Fault {
	s := p.s
	if p.unknown != nil {
		return p.unknown(key)
	}
	first := p.scan.i
	if f := p.scan.skip(2); f != nil || !s.all {
		return f
	}
	if c := p.scan.b[first]; c == '-' || c-'0' <= 9 {
		return &fault.Fault{Column: string(key), Found: "a number, under a key that is not in " + s.headName(),
			Expected: "the keys of " + s.headName() + ", or those of --columns"}
	}
	return nil
}

// value reads the value of a column.
func (p *jsonlParser) value(c int) *fault.Fault {
	s := p.s
	place := s.place[c]
	if !s.takes(c) {
		if first := s.types[c]; s.all && (first == "null" || first == "text") &&
			(p.scan.peek() == '-' || p.scan.peek()-'0' <= 9) {
			return &fault.Fault{Column: s.name(c), Found: "a number, where " + s.headName() + " has " + first,
				Expected: "numbers in all rows, or --columns without it"}
		}
		return p.scan.skip(2)
	}
	if p.seen[c] == p.rows {
		return &fault.Fault{Column: s.name(c), Found: "the key twice", Expected: "it once"}
	}
	p.seen[c] = p.rows
	p.found++
	if c == s.target || c == s.weight {
		f := p.learn(c)
		if f != nil {
			f.Column = s.name(c)
		}
		return f
	}
	if c == s.id {
		first := p.scan.i
		id, f := p.scan.id()
		if f != nil {
			f.Column = s.name(c)
			return f
		}
		if !utf8.ValidString(id.Text) {
			f := s.textFault([]byte(id.Text))
			f.Column = s.name(c)
			return f
		}
		p.id = id
		if place < 0 {
			return nil
		}
		p.scan.i = first
	}
	if s.listed() {
		return p.sparseValue(c)
	}
	if !s.array {
		v, f := p.scan.value()
		if f != nil && s.missing && p.scan.missing() {
			v, f = math.NaN(), nil
		}
		if f != nil {
			f.Column = s.name(c)
			return f
		}
		p.vector[place] = v
		return nil
	}
	if p.scan.peek() != '[' {
		return &fault.Fault{Column: s.name(c), Found: p.scan.describe(), Expected: p.expected(c)}
	}
	n, f := p.scan.numbers(p.vector)
	if f == nil && n != s.dim {
		f = &fault.Fault{Column: s.name(c), Found: fmt.Sprintf("an array of %d", n),
			Expected: fmt.Sprintf("one of %d, as in %s", s.dim, s.headName())}
	}
	return f
}

// learn reads the value of the target or the weight.
func (p *jsonlParser) learn(column int) *fault.Fault {
	if column == p.s.target && p.s.untargeted {
		if none, f := p.noTarget(); none || f != nil {
			p.none()
			return f
		}
	}
	if column == p.s.target && p.s.labels {
		label, f := p.scan.label(p.s.lists)
		if f == nil && onlySpaces(label) {
			return &fault.Fault{Found: "an empty string", Expected: "a label"}
		}
		if f != nil {
			f.Expected = p.expected(column)
			return f
		}
		return p.setLabel(label, &p.s.textFile)
	}
	v, f := p.scan.value()
	if f != nil {
		return f
	}
	if column == p.s.target {
		p.target = v
		return nil
	}
	p.weight = v
	return weightFault(v)
}

// noTarget reads past a target that is none: null, a string of nothing but spaces, or what Python writes for a number
// that is missing.
func (p *jsonlParser) noTarget() (none bool, f *fault.Fault) {
	return p.scan.blank() || p.scan.missing(), nil
}

// jsonScan reads the JSON of RFC 8259 in b from place i on. Where it returns a fault, it stays before what is wrong.
type jsonScan struct {
	b   []byte
	i   int
	buf []byte // of a string with escapes

	ends []int // of the numbers of an array
	read delimited.Numbers
}

// blank reads past a string of nothing but spaces, if there is one.
func (s *jsonScan) blank() bool {
	b := s.b[s.i:]
	if len(b) == 0 || b[0] != '"' {
		return false
	}
	rest := bytes.TrimLeft(b[1:], " ")
	if len(rest) == 0 || rest[0] != '"' {
		return false
	}
	s.i += len(b) - len(rest) + 1
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (s *jsonScan) space() {
	for s.i < len(s.b) && isSpace(s.b[s.i]) {
		s.i++
	}
}

// peek is the next byte, 0 at the end.
func (s *jsonScan) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *jsonScan) take(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// invalid is the fault of what is not JSON.
func (s *jsonScan) invalid() *fault.Fault {
	expected := "valid JSON"
	if s.i == 0 {
		expected = "a JSON object"
	}
	return &fault.Fault{Found: fmt.Sprintf("%s at byte %d of the line", s.describe(), s.i), Expected: expected}
}

// describe is what a fault calls that which comes next.
func (s *jsonScan) describe() string {
	if s.i == len(s.b) {
		return "the end"
	}
	rest := jsonScan{b: s.b, i: s.i}
	switch c := s.b[s.i]; {
	case c == '[':
		return "an array"
	case c == '{':
		return "an object"
	case c == '"':
		if text, ok := rest.text(); ok {
			return "the string " + fault.Quote(text)
		}
	default:
		if word := s.word(); len(word) > 0 && len(word) < longWord {
			return string(word)
		}
	}
	return fault.Quote(s.b[s.i:])
}

// longWord is the length from which on a fault shows a word only in part.
const longWord = 40

// word is a number, a literal or what stands where one should.
func (s *jsonScan) word() []byte {
	i := s.i
	for i < len(s.b) {
		c := s.b[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			break
		}
		i++
	}
	return s.b[s.i:i]
}

// missing reads past a word that stands for what is missing, if there is one.
func (s *jsonScan) missing() bool {
	w := s.word()
	if !slices.Contains(jsonMissing, string(w)) {
		return false
	}
	s.i += len(w)
	return true
}

// object reads an object, which is all of b, and calls member at the value of each key. The memory of a key is valid
// until member reads on.
func (s *jsonScan) object(member func(key []byte) *fault.Fault) *fault.Fault {
	s.space()
	if !s.take('{') {
		return s.invalid()
	}
	if f := s.members(member); f != nil {
		return f
	}
	s.space()
	if s.i < len(s.b) {
		return s.invalid()
	}
	return nil
}

// members reads the rest of an object after its brace.
func (s *jsonScan) members(member func(key []byte) *fault.Fault) *fault.Fault {
	s.space()
	if s.take('}') {
		return nil
	}
	for {
		key, ok := s.text()
		if !ok {
			return s.invalid()
		}
		s.space()
		if !s.take(':') {
			return s.invalid()
		}
		s.space()
		if f := member(key); f != nil {
			return f
		}
		s.space()
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.invalid()
		}
		s.space()
	}
}

// text reads a string.
func (s *jsonScan) text() ([]byte, bool) {
	if s.peek() != '"' {
		return nil, false
	}
	escapes := false
	for i := s.i + 1; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			raw := s.b[s.i+1 : i]
			s.i = i + 1
			if escapes {
				s.buf = unescape(s.buf[:0], raw)
				return s.buf, true
			}
			return raw, true
		case c == '\\':
			escapes = true
			n := escapeLen(s.b[i:])
			if n == 0 {
				return nil, false
			}
			i += n - 1
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// escapeLen is the length of the escape that b begins with, 0 where it is none of JSON.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if strings.IndexByte(`"\/bfnrt`, b[1]) >= 0 {
		return 2
	}
	if _, ok := hex4(b); ok {
		return 6
	}
	return 0
}

// hex4 is the code unit of an escape \uXXXX.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends the content of a string of valid escapes. Half of a surrogate pair becomes three bytes that are no
// UTF-8.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		if raw[i+1] != 'u' {
			dst = append(dst, unescaped[raw[i+1]])
			i += 2
			continue
		}
		r, _ := hex4(raw[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := hex4(raw[i:])
			pair := utf16.DecodeRune(r, low)
			if !ok || pair == utf8.RuneError {
				dst = appendSurrogate(dst, r)
				continue
			}
			r = pair
			i += 6
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// id reads a string or an integer.
func (s *jsonScan) id() (vectors.ID, *fault.Fault) {
	first := s.i
	if text, ok := s.text(); ok {
		if len(text) == 0 {
			return vectors.ID{}, &fault.Fault{Found: "an empty string", Expected: "an id"}
		}
		return parseID(text), nil
	}
	if _, n := number(s.b[s.i:], true); n > 0 && !bytes.ContainsAny(s.b[s.i:s.i+n], ".eE") {
		s.i += n
		return parseID(s.b[first:s.i]), nil
	}
	return vectors.ID{}, &fault.Fault{Found: s.describe(), Expected: "a string or an integer"}
}

// label reads a string, the text of a number, or a boolean, which is called as in all formats; or, with lists, an
// array.
func (s *jsonScan) label(lists bool) ([]byte, *fault.Fault) {
	if text, ok := s.text(); ok {
		return text, nil
	}
	first := s.i
	if lists && s.peek() == '[' {
		f := s.skip(2)
		return s.b[first:s.i], f
	}
	if w := string(s.word()); w == "true" || w == "false" {
		s.i += len(w)
		return []byte(booleanLabel(w == "true")), nil
	} else if _, n := number(s.b[s.i:], true); n > 0 {
		s.i += n
	} else {
		return nil, &fault.Fault{Found: s.describe()}
	}
	return s.b[first:s.i], nil
}

// number reads a number.
func (s *jsonScan) number() (float64, *fault.Fault) {
	v, n := number(s.b[s.i:], true)
	if n == 0 || v-v != 0 {
		return 0, s.notNumber(v)
	}
	s.i += n
	return v, nil
}

// value reads a number, or true or false, which are 1 and 0.
func (s *jsonScan) value() (float64, *fault.Fault) {
	if c := s.peek(); c == 't' || c == 'f' {
		if w := s.word(); string(w) == "true" || string(w) == "false" {
			s.i += len(w)
			if c == 't' {
				return 1, nil
			}
			return 0, nil
		}
	}
	return s.number()
}

// notNumber is the fault of what is no number, or of one that is beyond float64.
func (s *jsonScan) notNumber(v float64) *fault.Fault {
	f := &fault.Fault{Found: s.describe(), Expected: "a number"}
	if v != 0 {
		f.Expected = storable(v)
	} else if notFinite(s.word()) {
		f.Expected = "a finite number"
	} else if s.peek() == '"' {
		f.Expected = "a number without quotes"
		rest := jsonScan{b: s.b, i: s.i}
		if text, ok := rest.text(); ok && !isNumeric(text) {
			f.Expected = "a number"
		}
	}
	return f
}

func isNumeric(text []byte) bool {
	_, ok := wholeNumber(text)
	return ok
}

// numbers reads an array of numbers, as many of them into dst as it holds, and counts all.
func (s *jsonScan) numbers(dst []float64) (int, *fault.Fault) {
	if s.ordinary(dst) {
		return len(dst), nil
	}
	b, i, count := s.b, s.i+1, 0
	for {
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if count == 0 && i < len(b) && b[i] == ']' {
			break
		}
		v, n := number(b[i:], true)
		if n == 0 || v-v != 0 {
			s.i = i
			f := s.notNumber(v)
			f.Column = strconv.Itoa(count)
			return 0, f
		}
		if count < len(dst) {
			dst[count] = v
		}
		count++
		for i += n; i < len(b) && isSpace(b[i]); {
			i++
		}
		if i == len(b) || b[i] != ',' {
			break
		}
		i++
	}
	s.i = i
	if !s.take(']') {
		return 0, s.invalid()
	}
	return count, nil
}

// ordinary reads an array of as many numbers as dst has room for, all delimiters first; or it is not ok, and nothing is
// read.
func (s *jsonScan) ordinary(dst []float64) (ok bool) {
	array := s.b[s.i+1:]
	end := bytes.IndexByte(array, ']')
	if end < 0 || len(dst) < fewFields {
		return false
	}
	row := array[:end]
	s.ends = delimited.Ends(row, ',', s.ends[:0], len(dst))
	if len(s.ends) != len(dst) || !s.read.Read(row, s.ends, true) {
		return false
	}
	copy(dst, s.read.Values)
	for _, n := range s.read.Longs {
		dst[n.Field] = longNumber(n)
	}
	for _, c := range s.read.Others {
		first := 0
		if c > 0 {
			first = s.ends[c-1] + 1
		}
		field := trimJSON(row[first:s.ends[c]])
		v, n := number(field, true)
		if n == 0 || n != len(field) || v-v != 0 {
			return false
		}
		dst[c] = v
	}
	s.i += 1 + end + 1
	return true
}

// trimJSON cuts off the spaces around a value.
func trimJSON(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// maxDepth bounds how deep arrays and objects nest in what is skipped, as encoding/json does.
const maxDepth = 10000

// skip reads any value, at the given depth of arrays and objects if it is one of them.
func (s *jsonScan) skip(depth int) *fault.Fault {
	switch c := s.peek(); {
	case c == '{' && depth <= maxDepth:
		s.i++
		return s.members(func([]byte) *fault.Fault { return s.skip(depth + 1) })
	case c == '[' && depth <= maxDepth:
		s.i++
		s.space()
		if s.take(']') {
			return nil
		}
		for {
			if f := s.skip(depth + 1); f != nil {
				return f
			}
			s.space()
			if s.take(']') {
				return nil
			}
			if !s.take(',') {
				return s.invalid()
			}
			s.space()
		}
	case c == '"':
		if _, ok := s.text(); ok {
			return nil
		}
	case s.missing():
		return nil
	case c >= 'a':
		if w := string(s.word()); w == "true" || w == "false" {
			s.i += len(w)
			return nil
		}
	default:
		if _, n := number(s.b[s.i:], true); n > 0 {
			s.i += n
			return nil
		}
	}
	return s.invalid()
}
