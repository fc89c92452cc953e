package features

import (
	"errors"
	"fmt"
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// Encoder encodes rows of tables whose columns stand in one order. It is not safe for concurrent use: make one for
// each goroutine.
type Encoder struct {
	e        *Encoding
	fields   []int // the column of the table for each of the encoding, -1 of those that are left out
	unseen   Unseen
	features []int32 // of the row, ascending
	values   []float64
	starts   []int // where the features of each column begin, for products
	text     tokenizer
	scratch  []byte
	products crossing
	recent   []*recent[int32] // of each column: the features of its categories, −1 of an unknown one; nil: none
	recents  int              // that are not nil
	instants []instant        // of each column
}

// instant is what became of the last instant of a column, as many rows of one follow each other.
type instant struct {
	micros   int64
	features []int32
	values   []float64 // none: there was none
}

// lookup finds the feature of a category, from the column's first on.
type lookup struct {
	texts   map[string]int32
	numbers map[float64]int32
	weights *weights
	knots   [][]float64 // of each part, nil where it has none
}

// Encoder makes an encoder for tables with these columns, whose order may be another than that of the survey, and
// which may be more. It fails where one that is needed is not there, or cannot be what it was.
func (e *Encoding) Encoder(fields []tables.Field) (*Encoder, error) {
	if name, more := e.Pass(); more {
		return nil, errors.New("features.Encoder: the pass for " + name + " was not made")
	}
	places, err := e.places(fields)
	if err != nil {
		return nil, err
	}
	n := len(e.columns)
	return &Encoder{e: e, fields: places, unseen: newUnseen(n), starts: make([]int, n+1),
		recent: make([]*recent[int32], n), instants: make([]instant, n)}, nil
}

// places is the column of a table for each that is not left out.
func (e *Encoding) places(fields []tables.Field) ([]int, error) {
	names, at := make([]string, len(fields)), make(map[string]int, len(fields))
	for i := range fields {
		names[i] = columnName(&fields[i], i)
		if _, twice := at[names[i]]; twice {
			at[names[i]] = -1
			continue
		}
		at[names[i]] = i
	}
	places := make([]int, len(e.columns))
	for i := range e.columns {
		c := &e.columns[i]
		places[i] = -1
		if c.Kind == LeftOut {
			continue
		}
		place, ok := at[c.Name]
		switch {
		case !ok:
			return nil, fmt.Errorf("no column %s: there are %s; the model needs %s",
				fault.Quote(c.Name), listNames(names), listNames(e.Needs()))
		case place < 0:
			return nil, fmt.Errorf("two columns have the name %s: expected one", fault.Quote(c.Name))
		}
		if err := c.takes(&fields[place]); err != nil {
			return nil, fmt.Errorf("column %s: %w", fault.Quote(c.Name), err)
		}
		places[i] = place
	}
	return places, nil
}

// takes reports whether a column of this type can be what the encoding makes of it.
func (c *Column) takes(f *tables.Field) error {
	cells := f.Type == tables.Text || f.Type == tables.Cell
	ok := false
	switch c.Kind {
	case Numeric, Boolean:
		ok = cells || f.Type == tables.Number || f.Type == tables.Bool
	case Categorical, Hashed:
		ok = cells || f.Type == tables.Number || f.Type == tables.Bool && c.Values == BooleanValues
	case Date:
		ok = cells || f.Type == tables.Time
	case Text:
		ok = cells
	case List:
		ok = f.Type == tables.List && f.Width == len(c.Parts)
	}
	if ok {
		return nil
	}
	found, expected := "a "+f.Type.String(), string(c.Kind)
	if f.Type == tables.List {
		found = fmt.Sprintf("a list of %d", f.Width)
	}
	if c.Kind == List {
		expected = fmt.Sprintf("a list of %d", len(c.Parts))
	}
	return fmt.Errorf("found %s, expected %s, as the model has learned", found, expected)
}

// Unseen counts cells of which the encoding has learned nothing, since the encoder was made.
func (enc *Encoder) Unseen() Unseen { return enc.unseen }

// Encode appends row i of a table, whose columns are those that the encoder was made for, to a block of Dim features,
// dense or sparse, under a number. It appends neither id nor target. Where a cell does not fit, the error is a
// [*fault.Fault] without a file, and the block stays as it was. Time is O(features that are not zero), and O(Dim) for
// a dense block.
func (enc *Encoder) Encode(dst *vectors.Block, t *tables.Table, i int, number int64) error {
	if dst.Dim != enc.e.dim {
		return fmt.Errorf("features.Encode: a block of dimension %d, not %d", dst.Dim, enc.e.dim)
	}
	enc.features, enc.values = enc.features[:0], enc.values[:0]
	for c := range enc.e.columns {
		enc.starts[c] = len(enc.features)
		if place := enc.fields[c]; place >= 0 {
			if f := enc.column(c, &t.Columns[place], i); f != nil {
				f.Row, f.Column = number, enc.e.columns[c].Name
				return f
			}
		}
	}
	enc.starts[len(enc.e.columns)] = len(enc.features)
	enc.interact()
	if j := dst.AppendSparse(enc.features, enc.values, number); j >= 0 {
		column := enc.e.columnOf(int(enc.features[j]))
		return &fault.Fault{Row: number, Column: column, Found: fmt.Sprint(enc.values[j]),
			Expected: "what " + dst.DType.String() + " can store"}
	}
	return nil
}

// columnOf is the name of the column, or the columns, that a feature comes from.
func (e *Encoding) columnOf(feature int) string {
	for i := range e.columns {
		if c := &e.columns[i]; feature >= c.first && feature < c.first+c.width {
			return c.Name
		}
	}
	for i := range e.interactions {
		if x := &e.interactions[i]; feature >= x.first && feature < x.first+x.width {
			return x.name(e)
		}
	}
	return ""
}

// set sets a feature of a column.
func (enc *Encoder) set(c *Column, feature int, v float64) {
	if v != 0 {
		enc.features, enc.values = append(enc.features, int32(c.first+feature)), append(enc.values, v)
	}
}

// column encodes a cell. The fault has no place.
func (enc *Encoder) column(at int, t *tables.Column, row int) *fault.Fault {
	c := &enc.e.columns[at]
	switch c.Kind {
	case Numeric, Boolean:
		v, f := enc.number(c, t, row)
		if f != nil {
			return f
		}
		return enc.setNumber(at, v)
	case Categorical:
		enc.category(at, t, row)
	case Hashed:
		enc.hash(at, t, row)
	case Date:
		return enc.date(at, t, row)
	case Text:
		enc.words(at, t, row)
	case List:
		return enc.list(at, t, row)
	}
	return nil
}

// number is the number of a cell, NaN of a missing one.
func (enc *Encoder) number(c *Column, t *tables.Column, row int) (float64, *fault.Fault) {
	var v float64
	if t.Type == tables.Number || t.Type == tables.Bool {
		v = t.Numbers[row]
	} else {
		b := trim(t.Text(row))
		var ok bool
		if v, ok = number(b); !ok {
			if v, ok = boolean(b); !ok && isMarker(b) {
				return math.NaN(), nil
			} else if !ok {
				return 0, &fault.Fault{Found: fault.Quote(b), Expected: c.expected()}
			}
		}
	}
	if math.IsInf(v, 0) {
		return 0, &fault.Fault{Found: fmt.Sprint(v), Expected: "a finite number"}
	}
	if c.Kind == Boolean && v != 0 && v != 1 && v == v {
		return 0, &fault.Fault{Found: formatNumber(v), Expected: c.expected()}
	}
	return v, nil
}

func (c *Column) expected() string {
	switch c.Kind {
	case Boolean:
		return "true or false"
	case Date:
		return "a date"
	}
	return "a number"
}

// missing is the fault of a missing number, where it is one.
func (enc *Encoder) missing(c *Column) *fault.Fault {
	if enc.e.options.Impute == ImputeNone {
		return &fault.Fault{Found: "nothing", Expected: c.expected()}
	}
	return nil
}

func (enc *Encoder) setNumber(at int, v float64) *fault.Fault {
	c := &enc.e.columns[at]
	if v != v {
		if f := enc.missing(c); f != nil {
			return f
		}
		enc.fill(at)
		return nil
	}
	enc.part(at, 0, v)
	return nil
}

// part sets a number of a column.
func (enc *Encoder) part(at, j int, v float64) {
	c := &enc.e.columns[at]
	p := &c.Parts[j]
	if p.Knots > 0 {
		enc.spline(c, j, enc.e.lookups[at].knots[j], v)
		return
	}
	enc.set(c, c.offsets[j], (v-p.Mean)/p.Scale)
}

// fill sets all numbers of a missing cell.
func (enc *Encoder) fill(at int) {
	c := &enc.e.columns[at]
	for j := range c.Parts {
		enc.part(at, j, c.Parts[j].Fill)
	}
	if c.Indicator {
		enc.set(c, c.width-1, 1)
	} else {
		enc.unseen.Missing[at]++
	}
}

func (enc *Encoder) date(at int, t *tables.Column, row int) *fault.Fault {
	c := &enc.e.columns[at]
	var micros int64
	if t.Type == tables.Time {
		micros = t.Times[row]
	} else {
		b := trim(t.Text(row))
		var ok bool
		if micros, ok = enc.e.formats[at].date(b); !ok {
			if !isMarker(b) {
				return &fault.Fault{Found: fault.Quote(b), Expected: "a date"}
			}
			micros = tables.NoTime
		}
	}
	if micros == tables.NoTime {
		if f := enc.missing(c); f != nil {
			return f
		}
		enc.fill(at)
		return nil
	}
	last := &enc.instants[at]
	if len(last.values) > 0 && last.micros == micros {
		enc.features, enc.values = append(enc.features, last.features...), append(enc.values, last.values...)
		return nil
	}
	parts, j, from := splitDate(micros), 0, len(enc.features)
	for k := range parts {
		if j < len(c.Parts) && c.Parts[j].Name == partNames[k] {
			enc.part(at, j, parts[k])
			j++
		}
	}
	last.micros = micros
	last.features = append(last.features[:0], enc.features[from:]...)
	last.values = append(last.values[:0], enc.values[from:]...)
	return nil
}

func (enc *Encoder) list(at int, t *tables.Column, row int) *fault.Fault {
	c := &enc.e.columns[at]
	cells := t.List(row)
	if missingList(cells) {
		if f := enc.missing(c); f != nil {
			return f
		}
		enc.fill(at)
		return nil
	}
	for j, v := range cells {
		if v-v != 0 {
			return &fault.Fault{Found: fmt.Sprintf("%v at place %d", v, j), Expected: "finite numbers"}
		}
		enc.part(at, j, v)
	}
	return nil
}
