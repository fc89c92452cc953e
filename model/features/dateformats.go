package features

import (
	"fmt"
	"strings"

	"beamlearn/model/fault"
)

// dateFormats is how the dates of a table are written.
type dateFormats struct {
	all   *dateFormat // of columns that no other is for; nil for ISO 8601 alone
	own   []*dateFormat
	specs []string // the columns of each of these: names, indices, ranges or globs
}

// parseDateFormats reads formats of strftime with commas between. One that begins with COLUMN: is that of these
// columns; another one stands first, and is that of all others.
func parseDateFormats(s string) (f dateFormats, err error) {
	texts := []string{""} // the first is that of all
	for i, part := range strings.Split(s, ",") {
		switch spec, text, ok := cutColumn(part); {
		case ok:
			f.specs, texts = append(f.specs, strings.TrimSpace(spec)), append(texts, text)
		case i == 0:
			texts[0] = part
		default: // the comma is one of the format
			texts[len(texts)-1] += "," + part
		}
	}
	for i, text := range texts {
		format, err := parseDateFormat(text)
		switch {
		case err != nil && i == 0:
			return f, err
		case err != nil:
			return f, fmt.Errorf("column %s: %w", fault.Quote(f.specs[i-1]), err)
		case i == 0:
			f.all = format
		case format == nil:
			return f, fmt.Errorf("column %s: no format", fault.Quote(f.specs[i-1]))
		default:
			f.own = append(f.own, format)
		}
	}
	return f, nil
}

// cutColumn cuts COLUMN:FORMAT where the format begins; a colon may be within a name, and within a format.
func cutColumn(s string) (spec, format string, ok bool) {
	begin := strings.IndexByte(s, '%')
	if begin < 0 {
		begin = len(s)
	}
	at := strings.LastIndexByte(s[:begin], ':')
	if at <= 0 {
		return "", s, false
	}
	return s[:at], s[at+1:], true
}

// of is the format of each column, where it is one that has its own.
func (f *dateFormats) of(names []string) ([]*dateFormat, error) {
	formats := make([]*dateFormat, len(names))
	for i, spec := range f.specs {
		columns := expand(spec, names)
		if len(columns) == 0 {
			return nil, fmt.Errorf("date_format: no column %s: there are %s", fault.Quote(spec), listNames(names))
		}
		for _, c := range columns {
			if formats[c] != nil {
				return nil, fmt.Errorf("date_format: column %s has two", fault.Quote(names[c]))
			}
			formats[c] = f.own[i]
		}
	}
	for c := range formats {
		if formats[c] == nil {
			formats[c] = f.all
		}
	}
	return formats, nil
}

// dateStyles are how dates are written in numbers, as far as that shows: whether a day or a month comes first does not.
var dateStyles = [...]string{"00.00.0000", "00/00/0000", "00-00-0000", "0000.00.00", "0000/00/00", "0000-00-00"}

// dateStyle is which of them a trimmed text is, with or without a time behind it; false where it is none.
func dateStyle(b []byte) (style int, ok bool) {
	var lengths [3]int
	var sign byte
	part, i := 0, 0
	for ; i < len(b) && b[i] != ' ' && b[i]|0x20 != 't'; i++ {
		switch c := b[i]; {
		case c-'0' <= 9:
			lengths[part]++
		case part == 2 || lengths[part] == 0 || strings.IndexByte("./-", c) < 0 || part == 1 && c != sign:
			return 0, false
		default:
			sign = c
			part++
		}
	}
	first, last := lengths[0] == 4 && lengths[2] <= 2, lengths[0] <= 2 && (lengths[2] == 4 || lengths[2] == 2)
	if part != 2 || lengths[1] > 2 || lengths[2] == 0 || !first && !last {
		return 0, false
	}
	style = strings.IndexByte("./-", sign)
	if first {
		style += 3
	}
	return style, true
}

// tellStyles is what there is to tell of a column whose dates are written in several styles, else "".
func (c *column) tellStyles() string {
	var found []string
	for i, n := range c.styles {
		if n > 0 {
			found = append(found, fmt.Sprintf("%s as %s", thousands(n), dateStyles[i]))
		}
	}
	if len(found) < 2 {
		return ""
	}
	return "; dates of several styles: " + strings.Join(found, ", ")
}
