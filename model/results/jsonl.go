package results

import (
	"io"
	"strconv"
	"unicode/utf8"

	"beamlearn/model/vectors"
)

var jsonlFormat = &Format{
	Name:        "jsonl",
	Extensions:  []string{".jsonl"},
	form:        Nested,
	encode:      encodeJSONL,
	encodeTable: encodeJSONLTable,
	encodeRows:  encodeJSONLRows,
	assemble:    func(file int, w io.Writer, parts []Part, _ Layout) error { return concatenate(file, w, parts) },
}

func encodeJSONL(dst [][]byte, c *Chunk, from, to int, l Layout) (bool, error) {
	if l.Form != Nested {
		return encodeLongJSONL(dst, c, from, to, l)
	}
	b, texts := dst[0], false
	for i := from; i < to; i++ {
		query := c.Query(i)
		b = append(b, `{"id":`...)
		b = appendJSON(b, query)
		positions, distances := c.Neighbors.Of(i)
		some := false
		b, some = appendJSONIDs(append(b, `,"neighbors":`...), c, positions)
		texts = texts || some || !query.IsInt()
		b = appendJSONFloats(append(b, `,"distances":`...), distances, "")
		if l.Similarity != "" {
			b = appendJSONFloats(append(b, `,"similarities":`...), distances, l.Similarity)
		}
		b = append(b, "}\n"...)
	}
	dst[0] = b
	return texts, nil
}

// encodeLongJSONL writes a line for each neighbour.
func encodeLongJSONL(dst [][]byte, c *Chunk, from, to int, l Layout) (bool, error) {
	b, texts := dst[0], false
	var keys [][]byte // of the columns, with what stands before them
	for j, name := range neighborColumns(l) {
		keys = append(keys, append(appendJSONText([]byte{"{,"[min(j, 1)]}, name), ':'))
	}
	for i := from; i < to; i++ {
		query := c.Query(i)
		positions, distances := c.Neighbors.Of(i)
		texts = texts || !query.IsInt()
		for j, p := range positions {
			neighbor := c.Neighbor(p)
			texts = texts || !neighbor.IsInt()
			key := keys
			next := func() { b, key = append(b, key[0]...), key[1:] }
			next()
			b = appendJSON(b, query)
			if l.Form == Long {
				next()
				b = strconv.AppendInt(b, int64(j+1), 10)
			}
			next()
			b = appendJSON(b, neighbor)
			if !l.Connectivity {
				next()
				b = appendJSONFloat(b, distances[j])
			}
			if l.Similarity != "" {
				next()
				b = appendJSONFloat(b, l.Similarity.of(distances[j]))
			}
			b = append(b, "}\n"...)
		}
	}
	dst[0] = b
	return texts, nil
}

// appendJSONIDs appends the list of the ids of points, and reports whether a text is among them.
func appendJSONIDs(b []byte, c *Chunk, positions []int32) (_ []byte, texts bool) {
	b = append(b, '[')
	for j, p := range positions {
		if j > 0 {
			b = append(b, ',')
		}
		id := c.Neighbor(p)
		texts = texts || !id.IsInt()
		b = appendJSON(b, id)
	}
	return append(b, ']'), texts
}

// appendJSONFloats appends the list of distances, or of similarities.
func appendJSONFloats(b []byte, distances []float64, as Similarity) []byte {
	b = append(b, '[')
	for j, d := range distances {
		if j > 0 {
			b = append(b, ',')
		}
		if as != "" {
			d = as.of(d)
		}
		b = appendJSONFloat(b, d)
	}
	return append(b, ']')
}

func encodeJSONLTable(dst [][]byte, t *Table, from, to int, l Layout) (bool, error) {
	b, texts := dst[0], false
	first := append(appendJSONText([]byte{'{'}, l.idName()), ':')
	keys := make([][]byte, len(l.Columns)) // with what stands around them
	for j, c := range l.Columns {
		keys[j] = append(appendJSONText([]byte{','}, c.Name), ':')
	}
	for i := from; i < to; i++ {
		lack := t.lacks(i)
		b = append(b, first...)
		if lack&NoID != 0 {
			b = append(b, "null"...)
		} else {
			id := t.ID(i)
			texts = texts || !id.IsInt()
			b = appendJSON(b, id)
		}
		for j, v := range t.row(i, l) {
			b = append(b, keys[j]...)
			if c := &l.Columns[j]; lack&NoValues != 0 {
				b = append(b, "null"...)
			} else if c.Type == Text {
				b = appendJSONText(b, c.Texts[int(v)])
			} else if c.Type == ID {
				ref := t.Ref(i)
				texts = texts || !ref.IsInt()
				b = appendJSON(b, ref)
			} else {
				b = appendJSONFloat(b, v)
			}
		}
		b = append(b, "}\n"...)
	}
	dst[0] = b
	return texts, nil
}

// appendJSONFloat appends a number: null where it is none of JSON's, which has neither infinities nor NaN.
func appendJSONFloat(b []byte, v float64) []byte {
	if v-v != 0 {
		return append(b, "null"...)
	}
	return appendFloat(b, v)
}

func appendJSON(b []byte, id vectors.ID) []byte {
	if id.IsInt() {
		return strconv.AppendInt(b, id.Int, 10)
	}
	return appendJSONText(b, id.Text)
}

// appendJSONText appends a string as encoding/json does it without its escapes for HTML: each byte that is not UTF-8
// becomes U+FFFD.
func appendJSONText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
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
