// Package compare compares cells of tables: with the literals of a condition, to choose rows, and with each other, to
// put rows in order.
package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"beamlearn/model/features"
)

// Condition is a condition on the cells of a row, as price<100 and not (brand in ("x", "y") or sold is null):
//
//	condition  = and {"or" and}
//	and        = not {"and" not}
//	not        = "not" not | "(" condition ")" | comparison
//	comparison = column ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") literal
//	           | column ["not"] "in" "(" literal {"," literal} ")"
//	           | column "is" ["not"] "null"
//	column     = a letter or _, and letters, digits, _ and . after it; or anything between `…`
//	literal    = a number | "text" | 'text' | "true" | "false"
//
// Words may be in capitals. A quote in a text of such quotes, and a ` in a column, stands twice. A text that is a date
// or an instant of ISO 8601 is compared with dates as one.
//
// A cell that is missing makes a comparison unknown, as in SQL: not unknown is unknown, unknown or true is true, and
// unknown and false is false. A row is chosen where the condition is true.
type Condition struct {
	root    *node
	columns []string // in the order of their first use
}

// Columns are the names of the columns that the condition needs.
func (c *Condition) Columns() []string { return slices.Clone(c.columns) }

// String is the condition in its plainest form, which [Parse] reads.
func (c *Condition) String() string {
	var b strings.Builder
	c.root.write(&b, c.columns)
	return b.String()
}

// Wanted says what a fault expects of a table in which nothing meets the condition, as "rows".
func (c *Condition) Wanted(what string) string {
	return fmt.Sprintf("%s that meet --filter, %s; inspect shows what a column holds", what, c)
}

type operation uint8

const (
	opOr operation = iota
	opAnd
	opNot
	opEqual
	opUnequal
	opLess
	opAtMost
	opGreater
	opAtLeast
	opIn
	opNull
)

var symbols = map[operation]string{
	opOr: "or", opAnd: "and", opEqual: "=", opUnequal: "!=", opLess: "<", opAtMost: "<=", opGreater: ">", opAtLeast: ">=",
}

// node is an operation on conditions, or on a column.
type node struct {
	op       operation
	parts    []*node // of or, and, not
	column   int     // its place among all columns
	literals []literal
}

// literal is a number, a text or a truth value.
type literal struct {
	kind   literalKind
	number float64 // or 0 and 1 of a truth value
	text   string
	micros int64 // of a text that is a date
	dated  bool
}

type literalKind uint8

const (
	aNumber literalKind = iota
	aText
	aBoolean
)

func (l literal) String() string {
	switch {
	case l.kind == aText:
		return `"` + strings.ReplaceAll(l.text, `"`, `""`) + `"`
	case l.kind == aBoolean:
		return strconv.FormatBool(l.number != 0)
	}
	return strconv.FormatFloat(l.number, 'g', -1, 64)
}

func (n *node) write(b *strings.Builder, columns []string) {
	switch n.op {
	case opOr, opAnd:
		for i, p := range n.parts {
			if i > 0 {
				b.WriteString(" " + symbols[n.op] + " ")
			}
			p.writeIn(b, columns)
		}
		return
	case opNot:
		b.WriteString("not ")
		n.parts[0].writeIn(b, columns)
		return
	}
	b.WriteString("`" + strings.ReplaceAll(columns[n.column], "`", "``") + "`")
	switch n.op {
	case opNull:
		b.WriteString(" is null")
	case opIn:
		b.WriteString(" in (")
		for i, l := range n.literals {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(l.String())
		}
		b.WriteString(")")
	default:
		b.WriteString(" " + symbols[n.op] + " " + n.literals[0].String())
	}
}

func (n *node) writeIn(b *strings.Builder, columns []string) {
	if n.op != opOr && n.op != opAnd {
		n.write(b, columns)
		return
	}
	b.WriteString("(")
	n.write(b, columns)
	b.WriteString(")")
}

// maxDepth bounds parentheses in each other.
const maxDepth = 100

// Parse reads a condition. An error is one line, and says at which character, counted from 1, what was found.
func Parse(s string) (*Condition, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("a condition must be text in UTF-8")
	}
	p := &parser{text: s, condition: &Condition{}}
	p.next()
	root := p.or(0)
	if p.err == nil && p.token.kind != atEnd {
		p.expect("and, or, or the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	p.condition.root = root
	return p.condition, nil
}

type tokenKind uint8

const (
	atEnd tokenKind = iota
	aWord
	aColumn
	aLiteral
	aSign
	anError
)

type token struct {
	kind    tokenKind
	at, end int // bytes
	text    string
	literal literal
}

type parser struct {
	text      string
	at        int // behind the token
	token     token
	condition *Condition
	err       error
}

// expect fails at the token.
func (p *parser) expect(what string) {
	if p.err != nil {
		return
	}
	found := "the end"
	if t := p.token; t.kind != atEnd {
		found = p.text[t.at:t.end]
		if r := []rune(found); len(r) > 30 {
			found = string(r[:30]) + "…"
		}
		found = strconv.Quote(found)
	}
	at := utf8.RuneCountInString(p.text[:p.token.at]) + 1
	p.err = fmt.Errorf("at character %d: found %s, expected %s", at, found, what)
}

func isLetter(c byte) bool { return c == '_' || c|0x20-'a' < 26 || c >= utf8.RuneSelf }
func isDigit(c byte) bool  { return c-'0' <= 9 }

// next reads a token.
func (p *parser) next() {
	s := p.text
	for p.at < len(s) && strings.IndexByte(" \t\r\n", s[p.at]) >= 0 {
		p.at++
	}
	p.token = token{at: p.at, end: p.at}
	if p.at == len(s) {
		return
	}
	t, c := &p.token, s[p.at]
	i := p.at + 1
	switch {
	case isLetter(c):
		for i < len(s) && (isLetter(s[i]) || isDigit(s[i]) || s[i] == '.') {
			i++
		}
		t.kind, t.text = aWord, s[p.at:i]
	case isDigit(c) || strings.IndexByte("+-.", c) >= 0:
		ofNumber := func(c, before byte) bool {
			return isLetter(c) || isDigit(c) || c == '.' || (c == '+' || c == '-') && before|0x20 == 'e'
		}
		for i < len(s) && ofNumber(s[i], s[i-1]) {
			i++
		}
		t.kind = aLiteral
		v, ok := features.ParseNumber([]byte(s[p.at:i]))
		if t.literal = (literal{kind: aNumber, number: v + 0}); !ok || v-v != 0 {
			t.kind = anError
		}
	case c == '"' || c == '\'' || c == '`':
		t.kind = anError // without an end
		var text strings.Builder
		for ; i < len(s); i++ {
			if s[i] == c {
				if i+1 == len(s) || s[i+1] != c {
					t.kind = aLiteral
					i++
					break
				}
				i++
			}
			text.WriteByte(s[i])
		}
		if t.text = text.String(); t.kind == aLiteral && c == '`' {
			t.kind = aColumn
		}
		t.literal = literal{kind: aText, text: t.text}
		t.literal.micros, t.literal.dated = features.ParseDate([]byte(t.text))
	default:
		t.kind = aSign
		if i < len(s) && (s[i] == '=' && strings.IndexByte("=!<>", c) >= 0 || c == '<' && s[i] == '>') {
			i++
		}
		for i < len(s) && !utf8.RuneStart(s[i]) {
			i++
		}
		t.text = s[p.at:i]
	}
	t.end, p.at = i, i
}

// word reports whether the token is a word of the grammar.
func (p *parser) word(w string) bool {
	return p.token.kind == aWord && strings.EqualFold(p.token.text, w)
}

func (p *parser) sign(s string) bool { return p.token.kind == aSign && p.token.text == s }

// take goes on where the token is as expected.
func (p *parser) take(ok bool, what string) {
	if ok {
		p.next()
	} else {
		p.expect(what)
	}
}

func (p *parser) or(depth int) *node { return p.chain(opOr, depth, p.and) }

func (p *parser) and(depth int) *node { return p.chain(opAnd, depth, p.not) }

func (p *parser) chain(op operation, depth int, part func(int) *node) *node {
	n := part(depth)
	if !p.word(symbols[op]) {
		return n
	}
	all := &node{op: op, parts: []*node{n}}
	for p.err == nil && p.word(symbols[op]) {
		p.next()
		all.parts = append(all.parts, part(depth))
	}
	return all
}

func (p *parser) not(depth int) *node {
	switch {
	case p.err != nil:
		return &node{}
	case depth > maxDepth:
		p.expect(fmt.Sprintf("at most %d parentheses and nots in each other", maxDepth))
		return &node{}
	case p.word("not"):
		p.next()
		return &node{op: opNot, parts: []*node{p.not(depth + 1)}}
	case p.sign("("):
		p.next()
		n := p.or(depth + 1)
		p.take(p.sign(")"), `and, or, or ")"`)
		return n
	}
	return p.comparison()
}

var reserved = []string{"and", "or", "not", "in", "is", "null", "true", "false"}

func (p *parser) comparison() *node {
	t := p.token
	if t.kind != aColumn && (t.kind != aWord || slices.ContainsFunc(reserved, p.word)) {
		p.expect("a column, not, or \"(\": `a name` of signs or a word of the language stands between backquotes")
		return &node{}
	}
	n := &node{column: slices.Index(p.condition.columns, t.text)}
	if n.column < 0 {
		n.column = len(p.condition.columns)
		p.condition.columns = append(p.condition.columns, t.text)
	}
	p.next()
	not := p.word("not")
	if not {
		p.next()
	}
	switch {
	case p.word("in"):
		n.op = opIn
		p.next()
		p.take(p.sign("("), `"("`)
		n.literals = []literal{p.literal()}
		for p.err == nil && p.sign(",") {
			p.next()
			n.literals = append(n.literals, p.literal())
		}
		p.take(p.sign(")"), `"," or ")"`)
	case not:
		p.expect("in")
	case p.word("is"):
		n.op = opNull
		p.next()
		if not = p.word("not"); not {
			p.next()
		}
		p.take(p.word("null"), "null")
	default:
		p.compared(n)
	}
	if not {
		return &node{op: opNot, parts: []*node{n}}
	}
	return n
}

// signs are the comparisons.
var signs = map[string]operation{
	"=": opEqual, "==": opEqual, "!=": opUnequal, "<>": opUnequal, "<": opLess, "<=": opAtMost, ">": opGreater,
	">=": opAtLeast,
}

func (p *parser) compared(n *node) {
	op, ok := signs[p.token.text]
	if !ok || p.token.kind != aSign {
		p.expect("=, !=, <, <=, >, >=, in, not in, is null or is not null")
		return
	}
	n.op = op
	p.next()
	at := p.token
	l := p.literal()
	if p.err == nil && l.kind != aNumber && op != opEqual && op != opUnequal {
		number := false
		if l.kind == aText {
			_, number = features.ParseNumber([]byte(l.text))
		}
		if number || l.kind == aBoolean {
			p.token = at
			p.expect("a number without quotes, or a text that is none: what is before or after another is told by its kind")
		}
	}
	n.literals = []literal{l}
}

func (p *parser) literal() literal {
	t := p.token
	switch {
	case t.kind == aLiteral:
		p.next()
		return t.literal
	case p.word("true"), p.word("false"):
		p.next()
		l := literal{kind: aBoolean}
		if strings.EqualFold(t.text, "true") {
			l.number = 1
		}
		return l
	case p.word("null"):
		p.expect("a literal: what is missing is asked for by is null")
	}
	p.expect(`a number, a text between quotes, true or false`)
	return literal{}
}
