package compare

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/tables"
)

// Sort is what the cells of a column are, that are put in order.
type Sort string

const (
	Numbers Sort = "a number"
	Dates   Sort = "a date"
	Texts   Sort = "text" // in the order of its bytes
)

// Part is the cells of a column of some rows, to be put in order. Parts of all rows make an [Order].
type Part struct {
	File    string
	Column  string
	First   int64 // what a row number is less than by its place in the file
	Sort    Sort  // "" where all are missing
	Numbers []int64
	// Keys are the distinct values, as bytes whose order is that of the values, and Of is which of them each row has.
	Keys [][]byte
	Of   []int32

	places map[string]int32
}

// Add adds the cells of a column, of the rows of these numbers. It fails where some are numbers or dates and others are
// not. What is missing is left out.
func (p *Part) Add(c *tables.Column, numbers []int64) error {
	if c.Type == tables.List {
		const expected = "a column of numbers, dates or text, to be put in order"
		return fault.File(p.File, expected, "lists in the column %s", fault.Quote(c.Name))
	}
	if p.places == nil {
		p.places = map[string]int32{}
	}
	for row, n := range numbers {
		if missing(c, row) {
			continue
		}
		sort, key := keyOf(c, row)
		if p.Sort == "" {
			p.Sort = sort
		}
		if sort != p.Sort {
			return p.differs(n, sort, key, p.Sort)
		}
		at, ok := p.places[string(key)]
		if !ok {
			at = int32(len(p.Keys))
			p.places[string(key)] = at
			p.Keys = append(p.Keys, key)
		}
		p.Numbers, p.Of = append(p.Numbers, n), append(p.Of, at)
	}
	return nil
}

func (p *Part) differs(number int64, sort Sort, key []byte, from Sort) error {
	found := string(sort)
	if sort == Texts {
		found = fault.Quote(string(key))
	}
	return &fault.Fault{File: p.File, Row: number - p.First, Column: p.Column, Found: found,
		Expected: string(from) + ", as in the rows before: to be put in order all must be of one kind"}
}

// keyOf is what a cell is, and its key.
func keyOf(c *tables.Column, row int) (Sort, []byte) {
	switch c.Type {
	case tables.Time:
		return Dates, intKey(c.Times[row])
	case tables.Number, tables.Bool:
		return Numbers, floatKey(c.Numbers[row])
	}
	b := c.Text(row)
	if c.Type == tables.Cell && !c.IsQuoted(row) {
		if v, ok := features.ParseNumber(b); ok {
			return Numbers, floatKey(v)
		}
	}
	if v, ok := features.ParseDate(b); ok {
		return Dates, intKey(v)
	}
	return Texts, slices.Clone(b)
}

func intKey(v int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(v)^1<<63) }

func floatKey(v float64) []byte {
	b := math.Float64bits(v + 0) // −0 is 0
	if b>>63 != 0 {
		b = ^b
	} else {
		b |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(nil, b)
}

// MarshalBinary encodes the part; UnmarshalBinary reads it back.
func (p *Part) MarshalBinary() ([]byte, error) { return json.Marshal(p) }

var errPart = errors.New("no cells to be put in order, or damaged")

// UnmarshalBinary reads what MarshalBinary writes. It trusts nothing.
func (p *Part) UnmarshalBinary(b []byte) error {
	*p = Part{}
	if err := json.Unmarshal(b, p); err != nil {
		return fmt.Errorf("%w: %w", errPart, err)
	}
	if len(p.Numbers) != len(p.Of) || (p.Sort == "") != (len(p.Of) == 0) {
		return errPart
	}
	for _, at := range p.Of {
		if at < 0 || int(at) >= len(p.Keys) {
			return errPart
		}
	}
	return nil
}

// Order is the distinct values of points, in their order.
type Order struct {
	Sort Sort
	Keys [][]byte
}

// NewOrder is that of some rows.
func NewOrder(parts []Part) (*Order, error) {
	o := &Order{}
	for i := range parts {
		if err := o.agree(&parts[i]); err != nil {
			return nil, err
		}
		o.Keys = append(o.Keys, parts[i].Keys...)
	}
	slices.SortFunc(o.Keys, slices.Compare[[]byte])
	o.Keys = slices.CompactFunc(o.Keys, slices.Equal[[]byte])
	return o, nil
}

// agree fails where cells are of another kind than those of the order.
func (o *Order) agree(p *Part) error {
	if o.Sort == "" {
		o.Sort = p.Sort
	}
	if p.Sort != "" && p.Sort != o.Sort {
		return p.differs(p.Numbers[0], p.Sort, p.Keys[p.Of[0]], o.Sort)
	}
	return nil
}

// Ranks are the numbers of distinct values of the order that are smaller than those of so many rows: for rows of the
// order, their ranks among its values. A row without a value has −1.
func (o *Order) Ranks(rows int64, parts []Part) ([]int32, error) {
	ranks := make([]int32, rows)
	for i := range ranks {
		ranks[i] = -1
	}
	for i := range parts {
		p := &parts[i]
		if err := o.agree(p); err != nil {
			return nil, err
		}
		of := make([]int32, len(p.Keys))
		for j, key := range p.Keys {
			at, _ := slices.BinarySearchFunc(o.Keys, key, slices.Compare[[]byte])
			of[j] = int32(at)
		}
		for j, n := range p.Numbers {
			if n < 0 || n >= rows {
				return nil, errPart
			}
			ranks[n] = of[p.Of[j]]
		}
	}
	return ranks, nil
}
