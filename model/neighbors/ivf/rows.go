package ivf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/vectors"
)

// RowCollector puts together the rows of a part, which come piece by piece: in the order of their numbers, each once,
// as rows that several planned parts have stand in the pieces of each.
type RowCollector struct {
	rows   *vectors.Block
	blocks []*vectors.Block // the pieces, where they are of several planned parts; else rows has them already
	mixed  bool
}

// NewRowCollector makes room for so many rows of dim columns, in pieces of these sections, in this order. It fails
// where the sections of a planned part are not in the order of their tasks.
func NewRowCollector(dim int, wide bool, rows int, sections []Section) (*RowCollector, error) {
	c := &RowCollector{rows: &vectors.Block{Dim: dim}}
	for i, s := range sections {
		c.mixed = c.mixed || s.Part != sections[0].Part
		if i > 0 && s.Part == sections[i-1].Part && s.Task <= sections[i-1].Task {
			return nil, errors.New("ivf: a part whose points do not ascend")
		}
	}
	if wide {
		c.rows.Widen()
	}
	c.rows.Grow(rows)
	return c, nil
}

// Add adds so many rows, from row skip on, of the next piece's section, whose rows section holds.
func (c *RowCollector) Add(section *vectors.Block, skip, rows int64) error {
	if section.Dim != c.rows.Dim {
		return fmt.Errorf("ivf: points of %d columns, not of %d", section.Dim, c.rows.Dim)
	}
	if skip < 0 || rows < 1 || rows > int64(section.Len())-skip {
		return fmt.Errorf("ivf: a part with rows %d to %d of %d", skip, skip+rows, section.Len())
	}
	b := section.Slice(int(skip), int(skip+rows))
	if c.mixed {
		c.blocks = append(c.blocks, b)
	} else {
		c.rows.AppendBlock(b)
	}
	return nil
}

// Rows are the rows of all pieces. O(rows·log rows). Call it once, after the last piece.
func (c *RowCollector) Rows() *vectors.Block {
	type place struct {
		number int64
		b      *vectors.Block
		row    int
	}
	var places []place
	for _, b := range c.blocks {
		for i, n := range b.Numbers {
			places = append(places, place{n, b, i})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.number, b.number) })
	for i, p := range places {
		if i == 0 || p.number != places[i-1].number {
			c.rows.AppendBlock(p.b.Slice(p.row, p.row+1))
		}
	}
	c.blocks = nil
	return c.rows
}

// AppendRow adds a row of another block. It widens b only where the row itself needs a float64, whatever is beside it
// there.
func AppendRow(b, from *vectors.Block, row int) {
	if !from.Wide() || b.Wide() {
		b.AppendBlock(from.Slice(row, row+1))
		return
	}
	b.Append(from.F64[row*b.Dim:(row+1)*b.Dim], from.Numbers[row]) // which was stored before: all of it can be
	if from.IDs.Len() > 0 {
		b.AppendID(from.IDs.At(row))
	}
}

// PickRows is some rows of a block, in the type of b.
func PickRows(from *vectors.Block, rows []int32, dtype vectors.DType) *vectors.Block {
	b := &vectors.Block{Dim: from.Dim, DType: dtype}
	b.Grow(len(rows))
	for _, i := range rows {
		AppendRow(b, from, int(i))
	}
	return b
}
