package results

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/vectors"
)

var csvFormat = &Format{
	Name:        "csv",
	Extensions:  []string{".csv"},
	form:        Long,
	encode:      encodeCSV,
	encodeTable: encodeCSVTable,
	encodeRows:  encodeCSVRows,
	assemble: func(file int, w io.Writer, parts []Part, l Layout) error {
		if _, err := w.Write(csvHeader(l)); err != nil {
			return err
		}
		return concatenate(file, w, parts)
	},
}

// heads are the first columns of neighbours in their forms.
var heads = map[Form][]string{
	Long:   {"query_id", "rank", "neighbor_id", "distance"},
	Nested: {idColumnName, "neighbors", "distances"},
	Edges:  {"source", "target", "distance"},
}

// neighborColumns are the names of the columns of neighbours.
func neighborColumns(l Layout) []string {
	names := slices.Clone(heads[l.Form])
	if l.Connectivity {
		names = names[:len(names)-1]
	}
	switch {
	case l.Similarity == "":
	case l.Form == Nested:
		names = append(names, "similarities")
	default:
		names = append(names, "similarity")
	}
	return names
}

func csvHeader(l Layout) []byte {
	if l.Features != nil {
		var b []byte
		for i, name := range l.Features.columns() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCSVText(b, name)
		}
		return append(b, '\n')
	}
	if !l.isTable() {
		return []byte(strings.Join(neighborColumns(l), ",") + "\n")
	}
	b := appendCSVText(nil, l.idName())
	for _, c := range l.Columns {
		b = appendCSVText(append(b, ','), c.Name)
	}
	return append(b, '\n')
}

func encodeCSV(dst [][]byte, c *Chunk, from, to int, l Layout) (bool, error) {
	if l.Form == Nested {
		return encodeNestedCSV(dst, c, from, to, l)
	}
	b, texts := dst[0], false
	for i := from; i < to; i++ {
		query := c.Query(i)
		positions, distances := c.Neighbors.Of(i)
		texts = texts || !query.IsInt()
		start, end := len(b), 0 // where the first line has the query's id and a comma
		for j, p := range positions {
			if j == 0 {
				b = appendCSV(b, query)
				b = append(b, ',')
				end = len(b)
			} else {
				b = append(b, b[start:end]...)
			}
			if l.Form == Long {
				b = strconv.AppendInt(b, int64(j+1), 10)
				b = append(b, ',')
			}
			neighbor := c.Neighbor(p)
			texts = texts || !neighbor.IsInt()
			b = appendCSV(b, neighbor)
			if !l.Connectivity {
				b = append(b, ',')
				b = appendFloat(b, distances[j])
			}
			if l.Similarity != "" {
				b = append(b, ',')
				b = appendFloat(b, l.Similarity.of(distances[j]))
			}
			b = append(b, '\n')
		}
	}
	dst[0] = b
	return texts, nil
}

// encodeNestedCSV writes a line for each query, whose lists are JSON.
func encodeNestedCSV(dst [][]byte, c *Chunk, from, to int, l Layout) (bool, error) {
	b, texts := dst[0], false
	var list []byte
	for i := from; i < to; i++ {
		query := c.Query(i)
		b = appendCSV(b, query)
		positions, distances := c.Neighbors.Of(i)
		some := false
		list, some = appendJSONIDs(list[:0], c, positions)
		texts = texts || some || !query.IsInt()
		b = appendCSVText(append(b, ','), string(list))
		b = appendCSVText(append(b, ','), string(appendJSONFloats(list[:0], distances, "")))
		if l.Similarity != "" {
			b = appendCSVText(append(b, ','), string(appendJSONFloats(list[:0], distances, l.Similarity)))
		}
		b = append(b, '\n')
	}
	dst[0] = b
	return texts, nil
}

func encodeCSVTable(dst [][]byte, t *Table, from, to int, l Layout) (bool, error) {
	b, texts := dst[0], false
	for i := from; i < to; i++ {
		lack := t.lacks(i)
		if lack&NoID == 0 {
			id := t.ID(i)
			texts = texts || !id.IsInt()
			b = appendCSV(b, id)
		}
		for j, v := range t.row(i, l) {
			b = append(b, ',')
			if c := &l.Columns[j]; lack&NoValues != 0 {
				continue
			} else if c.Type == Text {
				b = appendCSVText(b, c.Texts[int(v)])
			} else if c.Type == ID {
				ref := t.Ref(i)
				texts = texts || !ref.IsInt()
				b = appendCSV(b, ref)
			} else {
				b = appendFloat(b, v)
			}
		}
		b = append(b, '\n')
	}
	dst[0] = b
	return texts, nil
}

func appendCSV(b []byte, id vectors.ID) []byte {
	if id.IsInt() {
		return strconv.AppendInt(b, id.Int, 10)
	}
	return appendCSVText(b, id.Text)
}

// appendCSVText appends a field of RFC 4180, quoted where it has to be, where it is empty, which some readers take for
// missing, and where it begins or ends with a space, which some drop.
func appendCSVText(b []byte, s string) []byte {
	if s == "" {
		return append(b, `""`...)
	}
	if !strings.ContainsAny(s, ",\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(b, s...)
	}
	b = append(b, '"')
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			b = append(b, s...)
			return append(b, '"')
		}
		b = append(b, s[:i+1]...)
		b = append(b, '"')
		s = s[i+1:]
	}
}

// appendFloat appends the shortest decimal that reads back as v, with an exponent below 10⁻⁴ and from 10²¹ on. What is
// not finite has the name that readers know in any case: inf, -inf, nan.
func appendFloat(b []byte, v float64) []byte {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return append(b, "nan"...)
	case math.IsInf(v, 1):
		return append(b, "inf"...)
	case math.IsInf(v, -1):
		return append(b, "-inf"...)
	case a != 0 && a < 1e-4 || a >= 1e21:
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
