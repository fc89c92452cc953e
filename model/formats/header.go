package formats

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
)

const (
	// sampleRows are looked at, at most, to judge how a table is written.
	sampleRows = 100
	// sampleMost bounds how much is read where the first two rows are long.
	sampleMost = 1 << 20
)

// sampled is a row that is looked at.
type sampled struct {
	fields [][]byte
	quoted []bool
}

// sample is the first rows of a text, as this dialect reads them, without those that it cannot cut into fields; of none
// where that is so of the very first. more says that the text goes on: then its last line may not be all there.
func (d *dialect) sample(t *textFile, text []byte, more bool) []sampled {
	if more {
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	l := &lines{file: t, ctx: context.Background(), buf: text, hi: len(text), eof: true}
	f := fields{dialect: d, max: maxColumns}
	var rows []sampled
	for len(rows) < sampleRows {
		row, _, quotes, err := d.row(l)
		if err != nil {
			break
		}
		row = bytes.Clone(row)
		if _, ok := f.split(row); !ok && len(rows) == 0 {
			break
		} else if !ok {
			continue
		}
		s := sampled{fields: slices.Clone(f.list), quoted: make([]bool, len(f.list))}
		if quotes {
			s.quoted = quotedFields(row, d.comma, f.list)
		}
		f.scratch = nil // the fields keep it
		rows = append(rows, s)
	}
	return rows
}

// commonWidth is how many fields most of the rows have: of a table without a header, whose first row may have too few
// or too many. Where two are as common, it is that of the earlier row; without rows it is width.
func commonWidth(rows []sampled, width int) int {
	count := map[int]int{}
	for _, r := range rows {
		count[len(r.fields)]++
	}
	for _, r := range rows {
		if n := len(r.fields); count[n] > count[width] {
			width = n
		}
	}
	return width
}

// quotedFields says which fields of a well-quoted row have quotes.
func quotedFields(row []byte, comma byte, list [][]byte) []bool {
	quoted := make([]bool, len(list))
	for i, field := range list {
		if len(row) == 0 || row[0] != '"' {
			row = row[min(len(field)+1, len(row)):]
			continue
		}
		quoted[i] = true
		row = row[min(len(field)+bytes.Count(field, []byte{'"'})+3, len(row)):]
	}
	return quoted
}

// lookAhead samples the rows that come next in a text: of its first 64 KiB, or of more where two rows are longer.
func (d *dialect) lookAhead(l *lines) ([]sampled, error) {
	for n := headAhead; ; n *= 4 {
		text, err := l.peek(n)
		if err != nil {
			return nil, err
		}
		more := len(text) == n
		if rows := d.sample(l.file, text, more); len(rows) > 1 || !more || n >= sampleMost {
			return rows, nil
		}
	}
}

// settle finds out what the options leave to the first rows: what stands between fields and, where that is no comma,
// whether a comma is the decimal point. The note tells of the latter.
func (d *dialect) settle(l *lines, o *Options) (note string, err error) {
	if d.comma == 0 {
		best, most := byte(0), 0.0
		for _, comma := range separators {
			taken := comma == d.decimal || comma == d.thousands || comma == d.comment
			if !taken && best == 0 {
				best = comma // of what has one column, there is none
			}
			if taken && (comma != ',' || d.comment == ',') {
				continue
			}
			try := *d
			try.comma = comma
			rows, err := try.lookAhead(l)
			if err != nil {
				return "", err
			}
			if taken && !slices.ContainsFunc(rows, func(r sampled) bool { return slices.Contains(r.quoted, true) }) {
				continue // a comma within numbers stands between fields only where quotes tell these
			}
			if fit := try.fits(rows); fit > most {
				best, most = comma, fit
			}
		}
		d.comma = best
	}
	if o.Decimal != "" || d.decimal == ',' || d.comma == ',' || d.thousands == ',' || d.comment == ',' {
		return "", nil
	}
	rows, err := d.lookAhead(l)
	if err != nil || !decimalCommas(rows) {
		return "", err
	}
	d.decimal = ','
	return fmt.Sprintf("between fields stands %q, and a comma is the decimal point: --decimal=. says otherwise",
		string(d.comma)), nil
}

// fits says how well a dialect fits rows: 0 where they have one field each, or are of all lengths; up to 1 where a
// part of them are as long as the first; above 1 where all are, the more the more of their fields are numbers. Where
// only the header is shorter, as before rows with names, it is above 1, and below what a header of their length gives.
func (d *dialect) fits(rows []sampled) float64 {
	share := 1.0
	if len(rows) > 0 {
		if counted, named := d.rowNames(rows[1:], len(rows[0].fields)); counted || named {
			rows, share = rows[1:], 0x1p-10
		}
	}
	if len(rows) == 0 || len(rows[0].fields) < 2 {
		return 0
	}
	alike, numbers, all := 0, 0, 0
	comma := dialect{comma: d.comma, decimal: ',', thousands: d.thousands}
	for _, r := range rows {
		if len(r.fields) == len(rows[0].fields) {
			alike++
		}
		for _, f := range r.fields {
			all++
			_, ok := d.number(f)
			if !ok && d.comma != ',' && d.thousands != ',' {
				_, ok = comma.number(f)
			}
			if ok {
				numbers++
			}
		}
	}
	if alike < len(rows) {
		return float64(alike) / float64(len(rows)+1)
	}
	return 1 + share*float64(numbers)/float64(all)
}

// decimalCommas reports whether fields show that a comma is the decimal point: one of them cannot be a number
// otherwise, and none has a point before a fraction.
func decimalCommas(rows []sampled) bool {
	found := false
	comma, groups := dialect{decimal: ','}, dialect{decimal: '.', thousands: ','}
	both := dialect{decimal: ',', thousands: '.'} // 1.234,5, which is a number with --thousands=. alone
	for _, r := range rows {
		for _, f := range r.fields {
			if _, ok := wholeNumber(f); ok {
				if bytes.IndexByte(f, '.') >= 0 {
					return false
				}
				continue
			}
			if _, ok := comma.number(f); !ok {
				_, ok = both.number(f)
				found = found || ok && bytes.IndexByte(f, ',') >= 0
				continue
			}
			if _, ok := groups.number(f); !ok {
				_, ok = boolean(trimSpaces(f))
				found = found || !ok
			}
		}
	}
	return found
}

// heading is what the first row of a table was taken for.
type heading struct {
	names bool
	note  string // what there is to say about it
	count bool   // it is numbers alone, 0, 1, 2, …, and is taken for names for that
}

const otherwise = ": --header=yes or --header=no says what is so"

// judge decides whether the first row names the columns: by default where it has text above a column of numbers,
// where it is exactly 0, 1, 2, … with or without a name for the column of the index before, where a column that the
// options name stands in it, or where it has text and no number.
func (d *dialect) judge(rows []sampled, o *Options) heading {
	switch o.Header {
	case HeaderYes:
		return heading{names: true}
	case HeaderNo:
		return heading{}
	}
	if len(rows) == 0 {
		return heading{}
	}
	first, rest := rows[0], rows[1:]
	kinds := make([]cell, len(first.fields))
	numbers, text := 0, false
	for c, f := range first.fields {
		kinds[c] = d.kind(f)
		if kinds[c] == cellNumber {
			numbers++
		}
		text = text || kinds[c] == cellText
	}
	if o.names(first.fields) {
		return heading{names: true}
	}
	if counts(first.fields, kinds) {
		return d.judgeCount(first, rest, kinds)
	}
	for c := range first.fields {
		if above := d.above(rest, c); above == cellNumber &&
			(kinds[c] == cellText || kinds[c] == cellNumber && first.quoted[c] && !quotedBelow(rest, c)) {
			if numbers > 0 && !doubtful(first.fields, kinds, true) {
				return heading{names: true, note: fmt.Sprintf("the first row, %s, is taken for the names of the columns",
					shown(first.fields)) + otherwise}
			}
			return heading{names: true}
		}
	}
	if text && numbers == 0 && !slices.Contains(kinds, cellBoolean) && !slices.Contains(kinds, cellVector) {
		return heading{names: true}
	}
	if _, all := d.fractions(rest, kinds); len(rest) > 0 && doubtful(first.fields, kinds, all) {
		return heading{note: fmt.Sprintf("the first row, %s, is taken for data", shown(first.fields)) + otherwise}
	}
	return heading{}
}

// judgeCount judges a first row that counts 0, 1, 2, …, which is a header unless the rows go on as it began.
func (d *dialect) judgeCount(first sampled, rest []sampled, kinds []cell) heading {
	n := len(first.fields)
	if some, _ := d.fractions(rest, kinds); some || kinds[0] != cellNumber || len(rest) == 0 {
		return heading{names: true, count: kinds[0] == cellNumber} // the index is before it, or there are fractions below it
	}
	goesOn := len(rest[0].fields) == n
	for c, f := range rest[0].fields {
		goesOn = goesOn && string(trimSpaces(f)) == strconv.Itoa(n+c)
	}
	if goesOn || n == 2 {
		return heading{note: fmt.Sprintf("the first row, %s, is taken for data", shown(first.fields)) + otherwise}
	}
	return heading{true, fmt.Sprintf("the first row, %s, is taken for the names of the columns", shown(first.fields)) +
		otherwise, true}
}

// names reports whether a column that the options name stands in a row. What may be an index names none.
func (o *Options) names(row [][]byte) bool {
	for _, spec := range slices.Concat([]string{o.IDColumn, o.TargetColumn, o.WeightColumn}, o.Columns, o.Names) {
		spec = strings.TrimPrefix(spec, "!")
		if spec == "" || strings.ContainsAny(spec, `*?[\`) || isIndex(spec) && indexWithin(spec, len(row)) {
			continue
		}
		for _, f := range row {
			if string(f) == spec {
				return true
			}
		}
	}
	return false
}

// indexWithin reports whether an index, or the end of a range of them, is that of one of so many columns.
func indexWithin(spec string, columns int) bool {
	if _, hi, ok := strings.Cut(spec, "-"); ok {
		spec = hi
	}
	n, err := strconv.Atoi(spec)
	return err == nil && n < columns
}

// counts reports whether a row is 0, 1, 2, …, or the like with a name, or none, before it.
func counts(row [][]byte, kinds []cell) bool {
	from, least := 0, 2
	switch kinds[0] {
	case cellMissing:
		from, least = 1, 1
	case cellText:
		from = 1
	}
	if len(row)-from < least {
		return false
	}
	for i, f := range row[from:] {
		if string(trimSpaces(f)) != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// above is what a first row stands above in a column: numbers, where all that is there are; text, where all is that;
// or nothing that is one kind.
func (d *dialect) above(rest []sampled, column int) cell {
	found := cellMissing
	for _, r := range rest {
		if column >= len(r.fields) {
			continue
		}
		k := d.kind(r.fields[column])
		if k == cellBoolean {
			k = cellNumber
		}
		if k == cellMissing || k == found {
			continue
		}
		if found != cellMissing {
			return cellMissing
		}
		found = k
	}
	return found
}

// booleans reports whether all that is there in a column is True or False.
func (d *dialect) booleans(rows []sampled, column int) bool {
	some := false
	for _, r := range rows {
		if column >= len(r.fields) {
			continue
		}
		switch d.kind(r.fields[column]) {
		case cellMissing:
		case cellBoolean:
			some = true
		default:
			return false
		}
	}
	return some
}

// whole reports whether all that is there in a column is an integer.
func (d *dialect) whole(rows []sampled, column int) bool {
	for _, r := range rows {
		if column < len(r.fields) && !wholeText(r.fields[column]) && d.kind(r.fields[column]) != cellMissing {
			return false
		}
	}
	return true
}

func quotedBelow(rest []sampled, column int) bool {
	for _, r := range rest {
		if column < len(r.quoted) && r.quoted[column] {
			return true
		}
	}
	return false
}

// fractions reports whether a number that is no integer stands below a number of the first row: below any of them,
// and below each.
func (d *dialect) fractions(rest []sampled, kinds []cell) (some, all bool) {
	all = true
	for c, k := range kinds {
		if k != cellNumber {
			continue
		}
		has := slices.ContainsFunc(rest, func(r sampled) bool {
			if c >= len(r.fields) {
				return false
			}
			f := trimSpaces(r.fields[c])
			v, ok := d.number(f)
			return ok && (v != math.Trunc(v) || bytes.ContainsAny(f, ".eE") || bytes.IndexByte(f, d.decimal) >= 0)
		})
		some, all = some || has, all && has
	}
	return some, some && all
}

// doubtful reports whether the numbers of a row may be names, such as years: at least two, integers that are all
// different and, unless there is other evidence, follow on each other.
func doubtful(row [][]byte, kinds []cell, evidence bool) bool {
	var numbers []int
	seen := map[int]bool{}
	for c, f := range row {
		if kinds[c] != cellNumber {
			continue
		}
		v, err := strconv.Atoi(string(trimSpaces(f)))
		if err != nil || seen[v] {
			return false
		}
		seen[v] = true
		numbers = append(numbers, v)
	}
	if len(numbers) < 2 {
		return false
	}
	for i := 1; i < len(numbers) && !evidence; i++ {
		if numbers[i] != numbers[i-1]+1 {
			return false
		}
	}
	return true
}

// shown shows the first fields of a row.
func shown(row [][]byte) string {
	const most = 4
	var parts []string
	for _, f := range row[:min(len(row), most)] {
		parts = append(parts, fault.Quote(f))
	}
	if len(row) > most {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
}

// columnNames are those of a header: each is text. See [ownNames].
func (t *textFile) columnNames(row [][]byte) (names []string, repeats map[int]string, note string, err error) {
	names = make([]string, len(row))
	for i, f := range row {
		if bad := t.textFault(f); bad != nil {
			bad.File, bad.Row, bad.Column = t.Name(), fault.WholeFile, strconv.Itoa(i)
			bad.Found += " in the header"
			return nil, nil, "", bad
		}
		names[i] = string(f)
	}
	names, repeats, note = ownNames(names)
	return names, repeats, note, nil
}

// nameless is what pandas calls a column without a name, by its index.
func nameless(column int) string { return "Unnamed: " + strconv.Itoa(column) }

// isNameless reports whether a name is one that [nameless] gives, or that with a number behind it.
func isNameless(name string) bool {
	digits, ok := strings.CutPrefix(name, "Unnamed: ")
	digits, number, twice := strings.Cut(digits, ".")
	return ok && allDigits([]byte(digits)) && (!twice || allDigits([]byte(number)))
}

// ownNames gives each column a name of its own, as pandas does: of those that are alike, all but the first get a
// number, a, a.1, a.2, and those without a name are called Unnamed: 3 by their index; only that of the rows' labels
// stays without one, see [indexIn]. Repeats are what the former were called, and the note tells of that.
func ownNames(all []string) (names []string, repeats map[int]string, note string) {
	if index := indexIn(all); slices.Contains(all[index+1:], "") {
		all = slices.Clone(all)
		for i := range all {
			if all[i] == "" && i != index {
				all[i] = nameless(i)
			}
		}
	}
	taken := make(map[string]bool, len(all))
	for _, name := range all {
		taken[name] = true
	}
	seen := make(map[string]int, len(all))
	names = make([]string, len(all))
	var renamed []string
	for i, name := range all {
		if n, twice := seen[name]; twice && name != "" {
			other := ""
			for ; other == "" || taken[other]; n++ {
				other = fmt.Sprintf("%s.%d", name, n)
			}
			seen[name], taken[other] = n, true
			if repeats == nil {
				repeats = map[int]string{}
			}
			repeats[i] = name
			renamed = append(renamed, fault.Quote(name)+" ("+other+")")
			name = other
		} else {
			seen[name] = 1
		}
		names[i] = name
	}
	if len(renamed) > 0 {
		more := ""
		if len(renamed) > shownNames {
			more = fmt.Sprintf(", … (%d in all)", len(renamed))
		}
		note = "columns of a name that another column has get a number, as in pandas: " +
			strings.Join(renamed[:min(len(renamed), shownNames)], ", ") + more
	}
	return names, repeats, note
}

// askedOnce refuses a column that is asked for by a name that several had.
func askedOnce(file string, names []string, repeats map[int]string, o *Options) error {
	for _, spec := range append([]string{o.IDColumn, o.TargetColumn, o.WeightColumn}, o.Columns...) {
		n := 1
		for c, name := range names {
			if other, ok := repeats[c]; ok && other == spec && name != spec {
				n++
			}
		}
		if n > 1 {
			return fault.Asked(file, "one column of that name, or its index", "%d columns %s", n, fault.Quote(spec))
		}
	}
	return nil
}
