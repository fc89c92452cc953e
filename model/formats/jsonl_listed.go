package formats

import (
	"slices"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// listed reports whether the rows are sparse.
func (s *jsonlSource) listed() bool { return s.sparse != "" }

// jsonlSparse says how rows are sparse: "" of those that are not.
type jsonlSparse string

const (
	jsonlLists jsonlSparse = "lists of columns and numbers"
	jsonlMap   jsonlSparse = "maps of columns to numbers"
)

// list reports whether a value is an array of numbers, which may be none.
func (k *jsonlKey) list() bool { return k.kind == '[' && (k.numbers || k.empty) }

// sparseKeys are the keys of sparse rows where the options name none: indices and values, where no other key is an
// array of numbers, or vector, where it is a map of columns. They are nil of other rows.
func sparseKeys(top, within []jsonlKey, o *Options) ([]string, jsonlSparse) {
	if !o.byDefault() {
		return nil, ""
	}
	lists, indices, values := 0, false, false
	for _, k := range top {
		switch {
		case k.name == o.IDColumn, k.name == o.TargetColumn, k.name == o.WeightColumn:
		case k.name == vectorKey && k.kind == '{' && columnsWithin(within, vectorKey):
			return []string{vectorKey}, jsonlMap
		case k.name == vectorKey:
			return nil, ""
		case k.list():
			lists++
			indices, values = indices || k.name == indicesKey, values || k.name == valuesKey
		}
	}
	if indices && values && lists == 2 {
		return []string{indicesKey, valuesKey}, jsonlLists
	}
	return nil, ""
}

// sparseAsked says whether the columns that the options name are those of sparse rows: indices and values, which it
// brings into this order, or one map.
func sparseAsked(keys, within []jsonlKey, vector []int) jsonlSparse {
	switch {
	case len(vector) == 2 && keys[vector[0]].list() && keys[vector[1]].list() &&
		indicesFirst(vector, func(c int) string { return keys[c].name }):
		return jsonlLists
	case len(vector) == 1 && keys[vector[0]].kind == '{' && columnsWithin(within, keys[vector[0]].name):
		return jsonlMap
	}
	return ""
}

// columnsWithin reports whether an object has columns as its keys, at least one, and numbers as their values.
func columnsWithin(within []jsonlKey, object string) bool {
	n := 0
	for _, k := range within {
		name, ok := cutObject(k.name, object)
		if !ok {
			continue
		}
		if !allDigits([]byte(name)) || !k.numbers || k.kind == '[' {
			return false
		}
		n++
	}
	return n > 0
}

// cutObject is a key within an object by its own name.
func cutObject(name, object string) (string, bool) {
	if len(name) <= len(object) || name[:len(object)] != object || name[len(object)] != '.' {
		return "", false
	}
	return name[len(object)+1:], true
}

// sparseValue reads the value of a column of sparse rows.
func (p *jsonlParser) sparseValue(c int) *fault.Fault {
	if p.s.sparse == jsonlMap {
		return p.sparseMap(c)
	}
	if p.scan.peek() != '[' {
		return &fault.Fault{Column: p.s.name(c), Found: p.scan.describe(), Expected: p.expected(c)}
	}
	to := &p.indices
	if c == p.s.vector[1] {
		to = &p.vector
	}
	var f *fault.Fault
	if *to, f = p.scan.list((*to)[:0]); f != nil && f.Column != "" {
		f.Column = p.s.name(c) + "[" + f.Column + "]"
	}
	return f
}

// sparseMap reads a map of columns to numbers.
func (p *jsonlParser) sparseMap(c int) *fault.Fault {
	name := p.s.name(c)
	if p.scan.peek() != '{' {
		return &fault.Fault{Column: name, Found: p.scan.describe(), Expected: p.expected(c)}
	}
	p.scan.i++
	p.indices, p.vector = p.indices[:0], p.vector[:0]
	return p.scan.members(func(key []byte) *fault.Fault {
		text := string(key)
		index, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return &fault.Fault{Column: name, Found: "the key " + fault.Quote(text), Expected: "a column as the key: an integer"}
		}
		v, f := p.scan.number()
		if f != nil {
			f.Column = name + "." + text
			return f
		}
		p.indices, p.vector = append(p.indices, float64(index)), append(p.vector, v)
		return nil
	})
}

// sparseRow brings what has been read of a row into the order of its columns.
func (p *jsonlParser) sparseRow() *fault.Fault {
	name := p.s.name(p.s.vector[0])
	if len(p.indices) != len(p.vector) {
		f := lengthsFault(len(p.indices), len(p.vector))
		f.Column = p.s.name(p.s.vector[1])
		return f
	}
	p.entries.reset()
	p.entries.dim = int64(p.s.dim)
	for i, index := range p.indices {
		if f := p.entries.add(index, p.vector[i]); f != nil {
			if f.Column = place(name, i); p.s.sparse == jsonlMap {
				f.Column = name
			}
			return f
		}
	}
	f := p.entries.end()
	if f != nil {
		f.Column = name
	}
	return f
}

// appendSparse adds the row that has been read to a block, without what stands beside it.
func (p *jsonlParser) appendSparse(b *vectors.Block, number int64) *fault.Fault {
	i := b.AppendSparse(p.entries.columns, p.entries.values, number)
	if i < 0 {
		return nil
	}
	v := p.entries.values[i]
	return &fault.Fault{Column: strconv.Itoa(int(p.entries.columns[i])), Found: formatFloat(v), Expected: storable(v)}
}

// list reads an array of numbers behind those in dst.
func (s *jsonScan) list(dst []float64) ([]float64, *fault.Fault) {
	first := s.i
	n, f := s.numbers(nil)
	if f != nil {
		return dst, f
	}
	s.i = first
	dst = slices.Grow(dst, n)[:n]
	_, f = s.numbers(dst)
	return dst, f
}

// firstSparse ends the look at a row, which must be without fault.
func (s *jsonlSource) firstSparse(line []byte, o *Options) error {
	if s.missing {
		return missingList(s.Name(), s.name(s.vector[0]))
	}
	if s.dim = o.listedDim(); s.dim == 0 {
		s.dim = maxIndex + 1
	}
	s.place = s.places()
	p := s.parser()
	f := p.row(line)
	if f == nil {
		f = p.append(&vectors.Block{Dim: s.dim, DType: o.DType, Sparse: &vectors.CSR{}}, 0)
	}
	if f != nil {
		return s.inFirst(f)
	}
	return nil
}

// sparseColumns reports whether the columns of a table, those within objects included, are those of sparse rows.
func sparseColumns(columns []*jsonlColumn) bool {
	lists, both, within := 0, 0, 0
	for _, c := range columns {
		if name, ok := cutObject(c.name, vectorKey); ok {
			if !allDigits([]byte(name)) || !c.number {
				return false
			}
			within++
		}
		switch {
		case !c.array:
		case c.name == indicesKey || c.name == valuesKey:
			both++
			lists++
		default:
			lists++
		}
	}
	return within > 0 || both == 2 && lists == 2
}
