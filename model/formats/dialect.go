package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"beamlearn/model/fault"
)

// dialect is how a table is written as text, in the words of pandas' read_csv.
type dialect struct {
	comma     byte // between fields
	decimal   byte // before the fraction of a number
	thousands byte // between groups of three digits, or 0
	comment   byte // begins what is no part of a row, up to the line's end, or 0
	raw       bool // a quote is a character like any other
}

// Quoting says what quotes are for in .csv and .tsv.
type Quoting string

const (
	// QuotingMinimal takes a field that begins with a quote for a quoted one, which may hold separators and line ends.
	QuotingMinimal Quoting = "minimal"
	// QuotingNone takes a quote for a character like any other.
	QuotingNone Quoting = "none"
)

// separators are the bytes that may stand between fields where nobody says which, the likeliest first.
var separators = []byte{',', ';', '\t', '|'}

// DelimiterAuto leaves it to the first rows to tell what stands between fields.
const DelimiterAuto = "auto"

// aByte is the byte that an option names. By its name goes what a shell makes hard to write.
func aByte(what, s string) (byte, error) {
	switch s {
	case "":
		return 0, nil
	case "tab", `\t`:
		return '\t', nil
	case "space":
		return ' ', nil
	}
	if len(s) > 1 || s[0] >= 0x80 || s[0] < ' ' && s[0] != '\t' || s[0] == 0x7f || s[0] == '"' {
		return 0, fmt.Errorf("%s %q: must be one character of ASCII, no quote, or tab or space", what, s)
	}
	return s[0], nil
}

// dialect is that of the options; comma is 0 where the first rows must tell.
func (o *Options) dialect() (d dialect, errs []error) {
	read := func(to *byte, what, s string) {
		b, err := aByte(what, s)
		if err != nil {
			errs = append(errs, err)
		}
		*to = b
	}
	if o.Delimiter != DelimiterAuto {
		read(&d.comma, "delimiter", o.Delimiter)
	}
	read(&d.decimal, "decimal", o.Decimal)
	read(&d.thousands, "thousands", o.Thousands)
	read(&d.comment, "comment", o.Comment)
	switch o.Quoting {
	case "", QuotingMinimal, QuotingNone:
		d.raw = o.Quoting == QuotingNone
	default:
		errs = append(errs, fmt.Errorf("quoting %q: must be minimal or none", string(o.Quoting)))
	}
	if d.decimal == 0 {
		if d.decimal = '.'; d.thousands == '.' { // which then is no decimal point, as nobody has said that it is
			d.decimal = ','
		}
	}
	for _, b := range []struct {
		what string
		byte
	}{{"decimal", d.decimal}, {"thousands", d.thousands}, {"comment", d.comment}, {"delimiter", d.comma}} {
		if b.byte-'0' <= 9 || b.what != "comment" && bytes.IndexByte([]byte("+-eE"), b.byte) >= 0 {
			errs = append(errs, fmt.Errorf("%s %q: must be no part of a number", b.what, string(b.byte)))
		}
	}
	for _, pair := range []struct {
		one, other string
		a, b       byte
	}{
		{"decimal", "thousands", d.decimal, d.thousands}, {"comment", "delimiter", d.comment, d.comma},
		{"comment", "decimal", d.comment, d.decimal}, {"comment", "thousands", d.comment, d.thousands},
	} {
		if pair.a == pair.b && pair.a != 0 {
			errs = append(errs, fmt.Errorf("%s and %s: must not both be %q", pair.one, pair.other, string(pair.a)))
		}
	}
	return d, errs
}

// noDialect refuses the options that only tables of text have a use for.
func (o *Options) noDialect(f File, format string) error {
	for _, given := range []struct{ what, value, none string }{
		{"delimiter", o.Delimiter, DelimiterAuto}, {"decimal", o.Decimal, "."}, {"thousands", o.Thousands, ""},
		{"comment", o.Comment, ""}, {"quoting", string(o.Quoting), string(QuotingMinimal)},
	} {
		if given.value != "" && given.value != given.none {
			return fault.Asked(f.Name(), "no "+given.what+": ."+format+" is no table of text", "%s %s", given.what,
				fault.Quote(given.value))
		}
	}
	return nil
}

// noText refuses the options that only text has a use for.
func (o *Options) noText(f File, format string) error {
	if err := o.noHeader(f, format); err != nil {
		return err
	}
	if err := o.noDialect(f, format); err != nil {
		return err
	}
	if o.Encoding != "" && o.Encoding != EncodingAuto {
		return fault.Asked(f.Name(), "no encoding: ."+format+" is no text", "encoding %s", o.Encoding)
	}
	if o.SkipRows > 0 {
		return fault.Asked(f.Name(), "no rows to skip: ."+format+" is no text", "%d rows to skip", o.SkipRows)
	}
	return nil
}

// endsInside reports whether a line ends within a quoted field, given whether it begins within one, and where a
// comment begins in it: at its end, where there is none.
func (d *dialect) endsInside(line []byte, inside bool) (ends bool, comment int) {
	if d.raw {
		return false, d.commentIn(line, 0)
	}
	for i := 0; ; {
		if !inside {
			q := bytes.IndexByte(line[i:], '"')
			if d.comment != 0 {
				if c := bytes.IndexByte(line[i:], d.comment); c >= 0 && (q < 0 || c < q) {
					return false, i + c
				}
			}
			if q < 0 {
				return false, len(line)
			}
			i += q
			if i++; i > 1 && line[i-2] != d.comma {
				continue // within a field it is a character like any other
			}
		}
		q := bytes.IndexByte(line[i:], '"')
		if q < 0 {
			return true, len(line)
		}
		i += q + 1
		if i == len(line) {
			return false, len(line)
		}
		switch line[i] {
		case '"':
			inside = true
		case d.comma:
			inside = false
		default:
			return false, d.commentIn(line, i) // out of place: the row ends with the line
		}
		i++
	}
}

// commentIn is where a comment begins in a line without quotes from a place on.
func (d *dialect) commentIn(line []byte, from int) int {
	if d.comment != 0 {
		if c := bytes.IndexByte(line[from:], d.comment); c >= 0 {
			return from + c
		}
	}
	return len(line)
}

// isRow reports whether a line that begins outside of a quoted field begins a row: one that has more than spaces, and
// is no comment.
func (d *dialect) isRow(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' || c == d.comma {
			return d.comment == 0 || c != d.comment
		}
	}
	return false
}

var (
	errOpen     = errors.New("a quote is open at the end of the text")
	errOpenLong = errors.New("a quote is open longer than a row may be")
)

// row is the next row, without its line end and in UTF-8, the offset at which it begins, and whether it has quotes.
// Its memory is valid until more is read.
func (d *dialect) row(l *lines) (row []byte, offset int64, quotes bool, err error) {
	for {
		n, err := l.find(0)
		if err != nil {
			return nil, 0, false, err
		}
		line, offset := trimEnd(l.ahead(n)), l.offset
		if !d.isRow(line) {
			l.advance(n)
			continue
		}
		end := len(line)
		quotes = !d.raw && bytes.IndexByte(line, '"') >= 0
		if quotes || d.comment != 0 {
			var inside bool
			inside, end = d.endsInside(line, false)
			for inside {
				next, err := l.find(n)
				switch {
				case err == io.EOF:
					return nil, offset, true, errOpen
				case err != nil && l.long:
					return nil, offset, true, errOpenLong
				case err != nil:
					return nil, 0, false, err
				}
				inside, end = d.endsInside(trimEnd(l.ahead(next)[n:]), true)
				n, end = next, n+end
			}
		}
		row = l.decoded(l.ahead(n)[:end])
		l.advance(n)
		return row, offset, quotes, nil
	}
}

// openQuote is the fault of a quote that takes what follows for one field, which is more than a row's; err says how
// far.
func openQuote(file, row string, err error) *fault.Fault {
	found := "and then the end of the file"
	if err == errOpenLong {
		found = fmt.Sprintf("and no end of the row within %d bytes", maxRow)
	}
	f := fault.File(file, "the quote that closes it, or --quoting=none", "a quote that opens in %s, %s", row, found)
	f.Early = err == errOpen
	return f
}

// fields are those of a row.
type fields struct {
	dialect *dialect
	max     int      // how many are kept
	list    [][]byte // into the row, or into scratch
	scratch []byte
	bad     []byte // the field at fault
	whole   bool   // all fields are there
}

// wellQuoted is what a field with quotes should be.
const wellQuoted = "quotes around all of a field, and those inside it doubled; or --quoting=none"

// split cuts a row into its fields and counts them. It is not ok, and stops, at a field whose quotes are out of place;
// then the count is that of the fields before it.
func (f *fields) split(row []byte) (count int, ok bool) {
	comma, raw := f.dialect.comma, f.dialect.raw
	f.list, f.scratch = f.list[:0], f.scratch[:0]
	for {
		var field []byte
		var end int // of the field, with its quotes
		if !raw && len(row) > 0 && row[0] == '"' {
			field, end = f.unquote(row)
			if end < 0 || end < len(row) && row[end] != comma {
				f.bad = row
				return count, false
			}
		} else {
			if end = bytes.IndexByte(row, comma); end < 0 {
				end = len(row)
			}
			field = row[:end]
			if spaced := trimSpaces(field); !raw && len(spaced) > 0 && spaced[0] == '"' { // spaces before it
				f.bad = field
				return count, false
			}
		}
		if count < f.max {
			f.list = append(f.list, field)
		}
		count++
		if end == len(row) {
			return count, true
		}
		row = row[end+1:]
	}
}

// pick cuts some fields out of a row without quotes, those of the columns in ascending order, and counts all. The
// others are empty in the list.
func (f *fields) pick(row []byte, columns []int) (count int) {
	f.list = slices.Grow(f.list[:0], f.max)[:f.max]
	comma, at := f.dialect.comma, 0
	for _, c := range columns {
		rest, found := pastCommas(row, comma, c-at)
		if !found {
			break // the count tells
		}
		row, at = rest, c
		if end := bytes.IndexByte(row, comma); end >= 0 {
			f.list[c] = row[:end]
		} else {
			f.list[c] = row
		}
	}
	return at + bytes.Count(row, []byte{comma}) + 1
}

// pastCommas is what stands behind so many commas.
func pastCommas(row []byte, comma byte, commas int) (rest []byte, found bool) {
	const block = 128
	for len(row) > block {
		n := bytes.Count(row[:block], []byte{comma})
		if n >= commas {
			break
		}
		commas, row = commas-n, row[block:]
	}
	for ; commas > 0; commas-- {
		i := bytes.IndexByte(row, comma)
		if i < 0 {
			return row, false
		}
		row = row[i+1:]
	}
	return row, true
}

// unquote is the content of the quoted field that a row begins with, and the place after its closing quote, or -1.
func (f *fields) unquote(row []byte) ([]byte, int) {
	from := len(f.scratch)
	for i := 1; ; {
		q := bytes.IndexByte(row[i:], '"')
		if q < 0 {
			return nil, -1
		}
		end := i + q
		if end+1 == len(row) || row[end+1] != '"' {
			if i == 1 {
				return row[1:end], end + 1
			}
			f.scratch = append(f.scratch, row[i:end]...)
			return f.scratch[from:], end + 1
		}
		f.scratch = append(f.scratch, row[i:end+1]...)
		i = end + 2
	}
}

// plain reports whether numbers are written as programs write them.
func (d *dialect) plain() bool { return d.decimal == '.' && d.thousands == 0 }

// number reads a field that is a number from end to end but for spaces, or True or False, which are 1 and 0. It may
// be ±Inf.
func (d *dialect) number(field []byte) (float64, bool) {
	if d.plain() {
		v, ok := wholeNumber(field)
		if !ok {
			v, ok = boolean(trimSpaces(field))
		}
		return v, ok
	}
	field = trimSpaces(field)
	if v, ok := boolean(field); ok {
		return v, true
	}
	var buf [64]byte
	text, ok := d.normal(buf[:0], field)
	if !ok {
		return 0, false
	}
	return wholeNumber(text)
}

// normal appends a number as programs write it. It is not ok where a group of digits has not three of them, or a
// point is neither the decimal point nor between groups.
func (d *dialect) normal(dst, field []byte) ([]byte, bool) {
	const space, noBreak, narrow = ' ', "\u00a0", "\u202f"
	digits, groups, fraction := 0, 0, false // digits since the last separator
	for i := 0; i < len(field); i++ {
		c := field[i]
		width := 0 // of a separator of groups
		switch {
		case d.thousands == 0 || fraction:
		case c == d.thousands:
			width = 1
		case d.thousands == space && bytes.HasPrefix(field[i:], []byte(noBreak)):
			width = len(noBreak)
		case d.thousands == space && bytes.HasPrefix(field[i:], []byte(narrow)):
			width = len(narrow)
		}
		switch {
		case width > 0:
			if digits == 0 || digits > 3 || groups > 0 && digits != 3 {
				return dst, false
			}
			groups, digits = groups+1, 0
			i += width - 1
			continue
		case c-'0' <= 9:
			digits++
		case c == '+' || c == '-':
		default:
			if !fraction && groups > 0 && digits != 3 || c == '.' && d.decimal != '.' {
				return dst, false
			}
			fraction = true // or an exponent, or no number
			if c == d.decimal {
				c = '.'
			}
		}
		dst = append(dst, c)
	}
	return dst, fraction || groups == 0 || digits == 3
}

// boolean reads True and False as pandas and R write them.
func boolean(field []byte) (float64, bool) {
	switch string(field) {
	case "True", "TRUE", "true":
		return 1, true
	case "False", "FALSE", "false":
		return 0, true
	}
	return 0, false
}

// numberFault is the fault of a field that no block can hold, without its place. Where the field is a number by other
// rules, it says which.
func (d *dialect) numberFault(field []byte) *fault.Fault {
	if v, ok := d.number(field); ok {
		return &fault.Fault{Found: fault.Quote(field), Expected: storable(v)}
	}
	f := numberFault("", 0, "", field)
	if f.Expected != "a number" {
		if _, ok := wholeNumber(field); ok { // with another point than the dialect's
			f.Expected = fmt.Sprintf("a number with %q as the decimal point", string(d.decimal))
		}
		return f
	}
	if bytes.IndexByte(field, '\r') >= 0 {
		f.Expected += ": a CR alone ends no line"
	} else if advice := d.otherNumber(field); advice != "" {
		f.Expected += "; or " + advice
	}
	return f
}

// otherNumber says by which flags a field that is no number would be one; "" where none makes it one.
func (d *dialect) otherNumber(field []byte) string {
	comma := dialect{decimal: ','}
	groups := dialect{decimal: '.', thousands: ','}
	_, byComma := comma.number(field)
	_, byGroups := groups.number(field)
	switch {
	case byComma && byGroups && d.decimal == '.':
		return "--decimal=, or, where the comma stands between groups of digits, --thousands=,"
	case byComma && d.decimal == '.':
		return "--decimal=,"
	case byGroups && d.decimal == '.' && d.thousands == 0:
		return "--thousands=,"
	}
	for _, decimal := range []byte{d.decimal, '.', ','} {
		advice := ""
		if decimal != d.decimal {
			advice = fmt.Sprintf("--decimal=%c and ", decimal)
		}
		for _, between := range []struct {
			thousands byte
			flag      string
		}{{'.', "--thousands=."}, {',', "--thousands=,"}, {' ', "--thousands=space"}, {'\'', `--thousands="'"`}} {
			other := dialect{decimal: decimal, thousands: between.thousands}
			if _, ok := other.number(field); ok && decimal != between.thousands {
				return advice + between.flag
			}
		}
	}
	return ""
}
