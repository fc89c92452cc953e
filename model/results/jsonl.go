package results

import (
	"io"
	"strconv"
	"unicode/utf8"

	"beamlearn/model/vectors"
)

var jsonlFormat = &Format{
	Name:       "jsonl",
	Extensions: []string{".jsonl"},
	encode:     encodeJSONL,
	assemble:   func(file int, w io.Writer, parts []Part, _ Layout) error { return concatenate(file, w, parts) },
}

func encodeJSONL(dst [][]byte, c *Chunk, from, to int, _ Layout) (bool, error) {
	b, texts := dst[0], false
	for i := from; i < to; i++ {
		query := c.Query(i)
		texts = texts || !query.IsInt()
		b = append(b, `{"id":`...)
		b = appendJSON(b, query)
		positions, distances := c.Neighbors.Of(i)
		b = append(b, `,"neighbors":[`...)
		for j, p := range positions {
			if j > 0 {
				b = append(b, ',')
			}
			neighbor := c.Neighbor(p)
			texts = texts || !neighbor.IsInt()
			b = appendJSON(b, neighbor)
		}
		b = append(b, `],"distances":[`...)
		for j, d := range distances {
			if j > 0 {
				b = append(b, ',')
			}
			if d-d != 0 { // JSON has neither infinities nor NaN
				b = append(b, "null"...)
			} else {
				b = appendFloat(b, d)
			}
		}
		b = append(b, "]}\n"...)
	}
	dst[0] = b
	return texts, nil
}

// appendJSON appends an id as a number or a string, the latter as encoding/json does it without its escapes for HTML:
// each byte that is not UTF-8 becomes U+FFFD.
func appendJSON(b []byte, id vectors.ID) []byte {
	if id.IsInt() {
		return strconv.AppendInt(b, id.Int, 10)
	}
	const hex = "0123456789abcdef"
	s := id.Text
	b = append(b, '"')
	start := 0 // what stands before is written
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, `\b`...)
			case '\f':
				b = append(b, `\f`...)
			case '\n':
				b = append(b, `\n`...)
			case '\r':
				b = append(b, `\r`...)
			case '\t':
				b = append(b, `\t`...)
			default:
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			start = i + size
		case r == '\u2028', r == '\u2029': // line ends to JavaScript
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hex[r&15])
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
