package newton

import (
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear/internal/panel"
)

// This file sums up second derivatives of sparse rows as those of tables are: numbers, which all rows have, beside
// categories, of which each row has one of many. Products of two columns that all rows of a block have are summed up
// as those of dense rows, and only those with another column entry by entry. Of ten numbers and three categories that
// is a third of all.

// fewCommon is how many columns, the intercept included, all rows of a block must have for that to be worth its while.
const fewCommon = 4

// commonRoom is the room for the columns that all rows of a block have.
type commonRoom struct {
	columns []int32 // the last is the intercept
	next    []int32 // those of the next block
	row     []float64
	x, z    *panel.Panels
	sum     panel.Triangle
	rows    [][]float64 // of each column in the second derivatives, from its diagonal on

	// mixed are the products of the columns with others, of the blocks that have the same, near each other: those with
	// column i are from i·len(columns) on. They are zeros but of the columns that were met.
	mixed []float64
	met   []int32
	isMet []bool
	of    *derivatives // to which they belong; nil: there are none
}

// find finds the columns that all rows have, and then the intercept.
func (c *commonRoom) find(rows []kernel.Row, intercept int32) {
	c.next = append(c.next[:0], rows[0].Idx...)
	for _, x := range rows[1:] {
		both, idx := c.next[:0], x.Idx
		for _, j := range c.next {
			for len(idx) > 0 && idx[0] < j {
				idx = idx[1:]
			}
			if len(idx) > 0 && idx[0] == j {
				both = append(both, j)
			}
		}
		c.next = both
	}
	c.next = append(c.next, intercept)
}

// begin takes the columns that were found for those of a block of these sums, and makes room for their products.
func (c *commonRoom) begin(d *derivatives, width int) {
	if c.of == d && slices.Equal(c.next, c.columns) {
		return
	}
	c.end(width)
	c.of, c.columns, c.next = d, c.next, c.columns
	n := len(c.columns)
	if c.x == nil || c.x.Columns() != n {
		c.row, c.sum = make([]float64, n), panel.NewTriangle(n)
		c.x, c.z = panel.NewPanels(n, togetherRows), panel.NewPanels(n, togetherRows)
	}
	if c.isMet == nil {
		c.isMet = make([]bool, width)
	}
	if cap(c.mixed) < n*width {
		c.mixed = make([]float64, n*width)
	}
	c.mixed = c.mixed[:n*width]
	c.rows = c.rows[:0]
	for _, j := range c.columns {
		c.rows = append(c.rows, panel.Triangle(d.second).Row(int(j), width))
	}
}

// end adds the products with other columns to the second derivatives.
func (c *commonRoom) end(width int) {
	if c.of == nil {
		return
	}
	n := len(c.columns)
	for _, i := range c.met {
		own, mixed := panel.Triangle(c.of.second).Row(int(i), width), c.mixed[int(i)*n:][:n]
		for k, j := range c.columns {
			if j > i {
				own[j-i] += mixed[k]
			} else {
				c.rows[k][i-j] += mixed[k]
			}
		}
		clear(mixed)
		c.isMet[i] = false
	}
	c.met, c.of = c.met[:0], nil
}

// addSeconds adds the second derivatives of sparse rows of these curvatures and weights, by the products of their
// entries.
func (s *optimizerSum) addSeconds(d *derivatives, rows []kernel.Row, curvatures, weights []float64) {
	c := &s.common
	if c.find(rows, int32(s.width-1)); len(c.next) < fewCommon {
		for r, x := range rows {
			s.addSecond(d, x, curvatures[r], weights[r])
		}
		return
	}
	if d.thin {
		for _, w := range weights {
			d.curved += w
		}
	}
	second := panel.Triangle(d.second)
	c.begin(d, s.width)
	for r, x := range rows {
		s.idx, s.val = c.split(x, s.idx[:0], s.val[:0])
		c.x.PackRow(r, kernel.Row{Val: c.row})
		panel.AddProducts(second, s.width, curvatures[r], s.idx, s.val)
		for e, i := range s.idx {
			c.addMixed(i, curvatures[r]*s.val[e])
		}
	}
	c.z.Weigh(c.x, curvatures, len(rows))
	clear(c.sum)
	c.sum.Syrk(len(c.columns), c.z, c.x, len(rows))
	at := c.sum
	for k, row := range c.rows {
		for _, j := range c.columns[k:] {
			row[j-c.columns[k]] += at[0]
			at = at[1:]
		}
	}
}

// split puts what a row has in the columns into the room, and appends its other entries.
func (c *commonRoom) split(x kernel.Row, idx []int32, val []float64) ([]int32, []float64) {
	k := 0
	for e, j := range x.Idx {
		if j == c.columns[k] {
			c.row[k] = x.Val[e]
			k++
			continue
		}
		idx, val = append(idx, j), append(val, x.Val[e])
	}
	c.row[k] = 1 // the intercept, after all of them
	return idx, val
}

// addMixed adds f times the row in the room to the products with column i, which is another.
func (c *commonRoom) addMixed(i int32, f float64) {
	if !c.isMet[i] {
		c.isMet[i], c.met = true, append(c.met, i)
	}
	n := len(c.row)
	kernel.Add(f, c.row, c.mixed[int(i)*n:][:n])
}
