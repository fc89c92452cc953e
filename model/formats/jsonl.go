package formats

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

var jsonlFormat = &Format{Name: "jsonl", Extensions: []string{".jsonl"}, Text: true, inspect: inspectJSONL}

// vectorKey is the key of the vector where Options.Columns name no other.
const vectorKey = "vector"

// jsonlSource is an inspected text of JSON objects, one a line, as {"id":"a","vector":[0.5,1]}. Lines of white space only
// are no rows.
//
// The columns are keys, by name or by glob among those of the first object: one whose value is an array of numbers, as
// many in every row as in the first, or any whose values are numbers. Other keys may have any value. The id, a string
// or an integer, is read where Options.IDColumn names its key; else it is the row's number, as in every format. So are the
// target and the weight; what is neither the one nor the other, nor asked for as a column, is not read.
//
// Bytes of a string that are no UTF-8 are kept and not replaced, so that ids that differ stay different.
type jsonlSource struct {
	textFile
	*selection
	keys  map[string]int // the columns, which are the keys of the first object
	place []int          // place of each column in the vector, or -1
	array bool           // the vector is the value of a single column
	dim   int
}

func inspectJSONL(ctx context.Context, f File, comp compression, o Options) (Source, error) {
	if err := o.noHeader(f, "jsonl"); err != nil {
		return nil, err
	}
	s := &jsonlSource{textFile: textFile{File: f, comp: comp}}
	err := s.head(ctx, func(l *lines) error {
		line, offset, err := objectLine(l)
		if err == io.EOF {
			return fault.File(f.Name(), "a first row", "only empty lines")
		}
		if err != nil {
			return err
		}
		s.start = offset
		return s.first(line, o)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// first finds the columns and the dimension in the first row, which must be without fault.
func (s *jsonlSource) first(line []byte, o Options) error {
	var kinds []byte // what each column's value begins with
	names := []string{}
	s.keys = map[string]int{}
	scan := jsonScan{b: line}
	if f := scan.object(func(key []byte) *fault.Fault {
		if _, ok := s.keys[string(key)]; !ok {
			s.keys[string(key)] = len(names)
			names = append(names, string(key))
			kinds = append(kinds, scan.peek())
		}
		return scan.skip(2)
	}); f != nil {
		return s.inFirst(f)
	}
	byDefault := o.byDefault()
	switch _, ok := s.keys[vectorKey]; {
	case len(names) == 0:
		return fault.File(s.Name(), "an object with a vector", "an empty one in the first row")
	case len(names) > maxColumns:
		return fault.File(s.Name(), fmt.Sprintf("at most %d columns", maxColumns), "%d columns", len(names))
	case !byDefault:
	case ok:
		o.Columns = []string{vectorKey}
	default:
		return (&selection{names: names, count: len(names)}).missing(s.Name(), `the column "vector", or columns by other names`)
	}
	for _, spec := range append([]string{o.IDColumn, o.TargetColumn, o.WeightColumn}, o.Columns...) {
		if _, ok := s.keys[spec]; !ok && isIndex(spec) {
			return fault.File(s.Name(), "keys by name or by glob: those of an object have no order", "the column %s", fault.Quote(spec))
		}
	}
	var err error
	if s.selection, err = o.choose(s.Name(), names, len(names)); err != nil {
		return err
	}
	s.place = s.places()
	s.dim = len(s.vector)
	c := s.vector[0]
	if s.array = byDefault || len(s.vector) == 1 && kinds[c] == '['; s.array && kinds[c] == '[' {
		if s.dim, err = s.length(line, names[c]); err != nil {
			return err
		}
	}
	// What remains to be found are the faults of the values.
	p := s.parser()
	if f := p.row(line); f != nil {
		return s.inFirst(f)
	}
	if f := p.append(&vectors.Block{Dim: s.dim, DType: o.DType}, 0); f != nil {
		return s.inFirst(f)
	}
	return nil
}

// length is that of the array under a key of the first row.
func (s *jsonlSource) length(line []byte, name string) (int, error) {
	n := 0
	scan := jsonScan{b: line}
	if f := scan.object(func(key []byte) (f *fault.Fault) {
		if string(key) == name && scan.peek() == '[' {
			n, f = scan.numbers(nil)
			return f
		}
		return scan.skip(2)
	}); f != nil {
		return 0, s.inFirst(f)
	}
	switch {
	case n == 0:
		return 0, s.inFirst(&fault.Fault{Column: name, Found: "an empty array", Expected: "at least one number"})
	case n > maxColumns:
		return 0, s.inFirst(&fault.Fault{Column: name, Found: fmt.Sprintf("an array of %d", n), Expected: fmt.Sprintf("one of at most %d", maxColumns)})
	}
	return n, nil
}

// inFirst makes a fault of the first row one of the file, as no row can be read without it.
func (s *jsonlSource) inFirst(f *fault.Fault) *fault.Fault {
	f.File, f.Row, f.Found = s.Name(), fault.WholeFile, f.Found+" in the first row"
	return f
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
	if s.array {
		return nil
	}
	return s.vectorNames()
}

// Count counts lines that are not empty. No line begins within a quoted field, so both states are the same.
func (s *jsonlSource) Count(ctx context.Context, r Range) (Count, error) {
	return s.countLines(ctx, r, func(line []byte) bool { return !isBlank(line) })
}

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
	p := s.parser()
	r.parse = func(b *vectors.Block, number int64) error {
		line, _, err := objectLine(r.lines)
		if err != nil {
			return err
		}
		f := p.row(line)
		if f == nil {
			f = p.append(b, number)
		}
		if f != nil {
			f.File, f.Row = s.Name(), number
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
		line, offset := trimEnd(l.ahead(n)), l.offset
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
	vector []float64
	id     vectors.ID
	learned
	wanted int     // columns of the vector, the id, the target and the weight
	found  int     // of them in this row
	rows   int64   // so far, this one included
	seen   []int64 // what rows was when each column was found last
	next   int     // the column that is likely to follow: keys mostly come in one order
}

func (s *jsonlSource) parser() *jsonlParser {
	p := &jsonlParser{s: s, vector: make([]float64, s.dim), seen: make([]int64, len(s.keys)), wanted: len(s.vector)}
	if s.id >= 0 && s.place[s.id] < 0 {
		p.wanted++
	}
	for _, c := range []int{s.target, s.weight} {
		if c >= 0 {
			p.wanted++
		}
	}
	p.member = p.value
	return p
}

// row reads a line into vector and id.
func (p *jsonlParser) row(line []byte) *fault.Fault {
	p.scan.b, p.scan.i = line, 0
	p.rows++
	p.found, p.next = 0, 0
	if f := p.scan.object(p.member); f != nil {
		return f
	}
	if p.found == p.wanted {
		return nil
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
	case p.s.array:
		return "an array of numbers"
	}
	return "a number"
}

// append adds the row that has been read.
func (p *jsonlParser) append(b *vectors.Block, number int64) *fault.Fault {
	if i := b.Append(p.vector, number); i >= 0 {
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

// value reads the value of a key.
func (p *jsonlParser) value(key []byte) *fault.Fault {
	s := p.s
	c := p.next
	if c >= len(s.names) || s.names[c] != string(key) {
		var ok bool
		if c, ok = s.keys[string(key)]; !ok {
			return p.scan.skip(2)
		}
	}
	p.next = c + 1
	place := s.place[c]
	if place < 0 && c != s.id && c != s.target && c != s.weight {
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
		p.id = id
		if place < 0 {
			return nil
		}
		p.scan.i = first
	}
	if !s.array {
		v, f := p.scan.number()
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
		f = &fault.Fault{Column: s.name(c), Found: fmt.Sprintf("an array of %d", n), Expected: fmt.Sprintf("one of %d, as in the first row", s.dim)}
	}
	return f
}

// learn reads the value of the target or the weight.
func (p *jsonlParser) learn(column int) *fault.Fault {
	if column == p.s.target && p.s.labels {
		label, f := p.scan.label()
		if f == nil && len(label) == 0 {
			return &fault.Fault{Found: "an empty string", Expected: "a label"}
		}
		if f != nil {
			f.Expected = p.expected(column)
			return f
		}
		p.setLabel(label)
		return nil
	}
	v, f := p.scan.number()
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

// jsonScan reads the JSON of RFC 8259 in b from place i on. Where it returns a fault, it stays before what is wrong.
type jsonScan struct {
	b   []byte
	i   int
	buf []byte // of a string with escapes
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

// unescape appends the content of a string of valid escapes. A half of a surrogate pair becomes U+FFFD.
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
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				i += 6
			} else {
				r = utf8.RuneError
			}
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

// label reads a string, or the text of a number or a boolean.
func (s *jsonScan) label() ([]byte, *fault.Fault) {
	if text, ok := s.text(); ok {
		return text, nil
	}
	first := s.i
	if w := string(s.word()); w == "true" || w == "false" {
		s.i += len(w)
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

// notNumber is the fault of what is no number, or of one that is beyond float64.
func (s *jsonScan) notNumber(v float64) *fault.Fault {
	f := &fault.Fault{Found: s.describe(), Expected: "a number"}
	if v != 0 {
		f.Expected = storable(v)
	} else if notFinite(s.word()) {
		f.Expected = "a finite number"
	}
	return f
}

// numbers reads an array of numbers, as many of them into dst as it holds, and counts all.
func (s *jsonScan) numbers(dst []float64) (int, *fault.Fault) {
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
	case c >= 'a':
		if w := string(s.word()); w == "true" || w == "false" || w == "null" {
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
