package newton

import (
	"slices"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/linear/internal/panel"
)

// This file sums up sparse rows as those of tables are: numbers, which all rows have, beside categories, of which each
// row has one of many. What is of columns that all rows of a block have is summed up as that of dense rows, and only
// the other entries one by one.

// fewCommon is how many columns, the intercept included, all rows of a block must have for that to be worth its while.
const fewCommon = 4

// commonRoom is the room for a block of rows, cut into the columns that all of them have and their other entries.
type commonRoom struct {
	columns []int32 // the last is the intercept; none where they are too few
	next    []int32 // those of the next block
	places  []int   // among the entries of a row: see find
	row     []float64
	x, z    *panel.Panels // of the columns; z is weighted
	numbers []float64     // for each column
	idx     []int32       // of the other entries of all rows
	val     []float64
	ends    []int // of each row in idx
	arrow   arrowRows

	sum  panel.Triangle
	rows [][]float64 // of each column in the second derivatives, from its diagonal on
	// mixed are the products of the columns with others, of the blocks that have the same, near each other: those with
	// column i are from i·len(columns) on. They are zeros but of the columns that were met.
	mixed []float64
	met   []int32
	isMet []bool
	of    *derivatives // to which they belong; nil: there are none
}

// is reports whether there are such columns.
func (c *commonRoom) is() bool { return len(c.columns) > 0 }

// take takes the next block. The columns of an arrowhead are its dense ones, whether all rows have them or not.
func (c *commonRoom) take(rows []kernel.Row, s *optimizerSum) {
	if arrow := s.learner.arrow; arrow != nil {
		if rows[0].Idx == nil {
			s.err = errOtherRows
			return
		}
		c.next = append(c.next[:0], arrow.Dense...)
	} else if c.find(rows); len(c.next)+1 < fewCommon {
		c.end(s.width)
		c.columns = c.columns[:0]
		return
	}
	c.have(append(c.next, int32(s.width-1)), s.width)
	c.idx, c.val, c.ends = c.idx[:0], c.val[:0], c.ends[:0]
	for r, x := range rows {
		c.split(x)
		c.x.PackRow(r, kernel.Row{Val: c.row})
		c.ends = append(c.ends, len(c.idx))
	}
}

// have makes the columns those of the next block.
func (c *commonRoom) have(columns []int32, width int) {
	if slices.Equal(columns, c.columns) {
		return
	}
	c.end(width)
	c.columns = append(c.columns[:0], columns...)
	n := len(c.columns)
	c.row, c.numbers, c.sum = make([]float64, n), make([]float64, n), panel.NewTriangle(n)
	c.x, c.z = panel.NewPanels(n, togetherRows), panel.NewPanels(n, togetherRows)
}

// find finds the columns that all rows have. In most rows of a table they are at the places where they are in the row
// before.
func (c *commonRoom) find(rows []kernel.Row) {
	next, places := append(c.next[:0], rows[0].Idx...), c.places[:0]
	for e := range next {
		places = append(places, e)
	}
	for _, x := range rows[1:] {
		if isAt(x.Idx, next, places) {
			continue
		}
		n, e := 0, 0
		for _, j := range next {
			for e < len(x.Idx) && x.Idx[e] < j {
				e++
			}
			if e < len(x.Idx) && x.Idx[e] == j {
				next[n], places[n] = j, e
				n++
			}
		}
		next, places = next[:n], places[:n]
	}
	c.next, c.places = next, places
}

// isAt reports whether a row has the columns at these places.
func isAt(idx, columns []int32, places []int) bool {
	places = places[:len(columns)]
	for k, j := range columns {
		if e := places[k]; e >= len(idx) || idx[e] != j {
			return false
		}
	}
	return true
}

// split puts what a row has in the columns into the room, and appends its other entries.
func (c *commonRoom) split(x kernel.Row) {
	k, columns, row, idx, val := 0, c.columns, c.row, c.idx, c.val
	for e, j := range x.Idx {
		for j > columns[k] { // the intercept, the last, is greater than all
			row[k] = 0
			k++
		}
		if j == columns[k] {
			row[k] = x.Val[e]
			k++
			continue
		}
		idx, val = append(idx, j), append(val, x.Val[e])
	}
	clear(row[k:])
	row[len(row)-1] = 1
	c.idx, c.val = idx, val
}

// dots is what each row is by a weight vector.
func (c *commonRoom) dots(dst, w []float64) {
	for k, j := range c.columns {
		c.numbers[k] = w[j]
	}
	c.x.Dots(dst[:len(c.ends)], c.numbers)
	from := 0
	for r, end := range c.ends {
		sum := dst[r]
		for e, j := range c.idx[from:end] {
			sum += float64(c.val[from+e] * w[j])
		}
		dst[r], from = sum, end
	}
}

// addRowsTo adds to w the sum of the rows, each times its number in f.
func (c *commonRoom) addRowsTo(w, f []float64) {
	clear(c.numbers)
	c.x.AddRows(c.numbers, f, len(f))
	for k, j := range c.columns {
		w[j] += c.numbers[k]
	}
	from := 0
	for r, end := range c.ends {
		for e, j := range c.idx[from:end] {
			w[j] += float64(f[r] * c.val[from+e])
		}
		from = end
	}
}

// addSeconds adds the second derivatives of the rows, which have these curvatures.
func (c *commonRoom) addSeconds(d *derivatives, width int, curvatures []float64) {
	c.begin(d, width)
	second, n, from := panel.Triangle(d.second), len(c.columns), 0
	for r, end := range c.ends {
		idx, val := c.idx[from:end], c.val[from:end]
		from = end
		panel.AddProducts(second, width, curvatures[r], idx, val)
		for e, i := range idx {
			if !c.isMet[i] {
				c.isMet[i], c.met = true, append(c.met, i)
			}
			c.x.AddRow(c.mixed[int(i)*n:][:n], r, curvatures[r]*val[e])
		}
	}
	c.z.Weigh(c.x, curvatures, len(c.ends))
	clear(c.sum)
	c.sum.Syrk(n, c.z, c.x, len(c.ends))
	at := c.sum
	for k, row := range c.rows {
		for _, j := range c.columns[k:] {
			row[j-c.columns[k]] += at[0]
			at = at[1:]
		}
	}
}

// begin makes room for the products of the columns with others, unless there is.
func (c *commonRoom) begin(d *derivatives, width int) {
	if c.of == d {
		return
	}
	c.end(width)
	c.of = d
	if c.isMet == nil {
		c.isMet = make([]bool, width)
	}
	n := len(c.columns)
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
