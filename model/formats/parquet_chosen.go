package formats

import (
	"math"
	"sort"

	"github.com/apache/arrow-go/v18/parquet/file"

	"beamlearn/model/vectors"
)

// A row group is read by its chosen rows alone where these are at most one in chosenOf, and at most chosenValues
// numbers.
const (
	chosenOf     = 8
	chosenValues = 16 << 20
	// chosenRows is how many rows of a column are decoded at a time.
	chosenRows = 8192
)

// chosenReader reads the chosen rows of a row group column after column, so that one column is open at a time, where
// those who read all rows have a page of each. A row group is read from its beginning for each span of it: one span
// should have all of it.
type chosenReader struct {
	has     func(row int64) bool // nil where all rows are read
	file    *file.Reader
	numbers []int64 // of the rows that are read, in order
	at      int     // the first of them that is left
	end     int64   // of the row group
	f32     []float32
	f64     []float64
	ids     vectors.IDs
	marks           // rows at fault, by their place among the chosen ones
	lost    lostIDs // by the same
}

// Choose is that of a [Chooser].
func (r *parquetReader) Choose(has func(row int64) bool) {
	if !r.s.list() && !r.s.sparse && r.s.target == nil && r.s.weight == nil {
		r.chosen.has = has
	}
}

// choose reads the chosen rows from a row on that are in its row group; it does not where these are many, or where the
// span has less than half of the group.
func (r *parquetReader) choose(row int64) (chosen bool, err error) {
	x := &r.chosen
	if x.has == nil {
		return false, nil
	}
	if row < x.end {
		return len(x.numbers) > 0, nil
	}
	i := sort.Search(len(r.s.groups), func(i int) bool { return r.s.groups[i].first+r.s.groups[i].rows > row })
	of := r.s.groups[i]
	end := min(of.first+of.rows, r.batchReader.end)
	x.numbers, x.at, x.end = x.numbers[:0], 0, of.first+of.rows
	if r.isOpen && row < r.parquetGroups.end || end-row < of.rows/2 {
		return false, nil
	}
	most := min((end-row)/chosenOf, chosenValues/int64(r.dim))
	for n := row; n < end; n++ {
		if !x.has(n) {
			continue
		}
		if int64(len(x.numbers)) == most {
			x.numbers = x.numbers[:0]
			return false, nil
		}
		x.numbers = append(x.numbers, n)
	}
	if len(x.numbers) == 0 {
		return false, nil
	}
	return true, r.readChosen(i)
}

// readChosen reads the chosen rows of a row group.
func (r *parquetReader) readChosen(group int) (err error) {
	x, rows := &r.chosen, len(r.chosen.numbers)
	if x.file == nil {
		if x.file, err = r.in.open(r.s.aheadAlone(), file.WithMetadata(r.s.meta)); err != nil {
			return err
		}
	}
	x.f32, x.f64 = x.f32[:0], x.f64[:0]
	x.ids.Reset()
	clear(x.marks)
	clear(x.lost)
	if r.s.wide() {
		x.f64 = resize(x.f64, rows*r.dim)
	} else {
		x.f32 = resize(x.f32, rows*r.dim)
	}
	if r.s.id != nil {
		if err := r.chosenIDs(group); err != nil {
			return err
		}
	}
	for j := range r.s.vector {
		if err := r.chosenColumn(group, j); err != nil {
			return err
		}
	}
	return nil
}

// aheadAlone is how many bytes of a column are read ahead where it alone is open: a little more than what one has of
// a row group, as a buffer of that size is made for each.
func (s *parquetSource) aheadAlone() int64 {
	most := int64(0)
	for _, g := range s.groups {
		most = max(most, g.bytes)
	}
	return min(max(5*most/int64(4*len(s.columns())), parquetAheadMin), parquetAheadMax)
}

// chosenColumn reads a column of the vector.
func (r *parquetReader) chosenColumn(group, column int) (err error) {
	x, field := &r.chosen, &r.s.vector[column]
	picked := x.pickPages(x.file, group, field, r.s.groups[group].first, func(row int, v float64) {
		if at := row*r.dim + column; len(x.f64) > 0 {
			x.f64[at] = v
		} else {
			x.f32[at] = float32(v)
		}
	}, func(row int) { x.none(row, column, r) })
	if picked {
		return nil
	}
	c, err := r.in.openChunk(x.file, group, field)
	if err != nil {
		return err
	}
	put := func(row int, value int) {
		if at := row*r.dim + column; len(x.f64) == 0 {
			x.f32[at] = r.scratch.f32[value]
		} else if c.wide() {
			x.f64[at] = r.scratch.f64[value]
		} else {
			x.f64[at] = float64(r.scratch.f32[value])
		}
	}
	return x.each(c, r.s.groups[group].first, r.scratch.def, func(def []int16, first int64, k int) (int, int, error) {
		n, values, err := c.next(def, nil, r.scratch.f32, r.scratch.f64)
		if err != nil {
			return 0, 0, err
		}
		value, from := 0, 0 // of the values that belong to entries before from
		for ; k < len(x.numbers) && x.numbers[k] < first+int64(n); k++ {
			i := int(x.numbers[k] - first)
			if values == n {
				put(k, i)
				continue
			}
			for ; from < i; from++ {
				if def[from] == c.valued {
					value++
				}
			}
			if def[i] == c.valued {
				put(k, value)
			} else {
				x.none(k, column, r)
			}
		}
		return n, k, nil
	})
}

// none notes that a row has no value in a column.
func (x *chosenReader) none(row, column int, r *parquetReader) {
	v := 0.0
	if r.s.missing {
		v = math.NaN()
	} else {
		x.mark(row, r.s.vector[column].name, "null", "a number")
	}
	if at := row*r.dim + column; len(x.f64) > 0 {
		x.f64[at] = v
	} else {
		x.f32[at] = float32(v)
	}
}

// chosenIDs reads the ids.
func (r *parquetReader) chosenIDs(group int) (err error) {
	x := &r.chosen
	c, err := r.in.openChunk(x.file, group, r.s.id)
	if err != nil {
		return err
	}
	c.read = nil
	return x.each(c, r.s.groups[group].first, r.scratch.def, func(def []int16, first int64, k int) (int, int, error) {
		n, err := c.nextIDs(def, func(i int, id vectors.ID, found string) {
			if k == len(x.numbers) || x.numbers[k] != first+int64(i) {
				return
			}
			if found != "" {
				x.mark(k, r.s.id.name, found, "an id")
				x.lost.lose(k)
			}
			x.ids.Append(id)
			k++
		})
		return n, k, err
	})
}

// each steps through the rows of a column from the first of its group on, up to the last one that is chosen. A step
// decodes at most len(def) rows, from one on of which the chosen ones are those from the k-th on, and tells how many,
// and which chosen one comes next.
func (x *chosenReader) each(c *parquetChunk, row int64, def []int16,
	step func(def []int16, row int64, k int) (n, next int, err error)) (err error) {
	defer func() {
		if e := c.close(); err == nil {
			err = e
		}
	}()
	last := x.numbers[len(x.numbers)-1]
	for k := 0; k < len(x.numbers); {
		if gap := x.numbers[k] - row; gap >= chosenRows {
			if err := c.drop(gap); err != nil {
				return err
			}
			row += gap
		}
		n := 0
		if n, k, err = step(def[:min(int64(len(def)), chosenRows, last+1-row)], row, k); err != nil {
			return err
		}
		row += int64(n)
	}
	return nil
}

// fillChosen fills the batch with the next chosen rows that stand one after the other; with none where no more of the
// row group is chosen.
func (r *parquetReader) fillChosen() {
	x := &r.chosen
	for x.at < len(x.numbers) && x.numbers[x.at] < r.next {
		x.at++
	}
	if x.at == len(x.numbers) {
		r.begin(min(x.end, r.batchReader.end), 0)
		return
	}
	lo := x.at
	for x.at++; x.at < len(x.numbers) && x.numbers[x.at] == x.numbers[x.at-1]+1; {
		x.at++
	}
	hi := x.at
	r.begin(x.numbers[lo], hi-lo)
	if len(x.f64) > 0 {
		r.f64 = append(r.f64, x.f64[lo*r.dim:hi*r.dim]...)
	} else {
		r.f32 = append(r.f32, x.f32[lo*r.dim:hi*r.dim]...)
	}
	if x.ids.Len() > 0 {
		ids := x.ids.Slice(lo, hi)
		r.ids.AppendAll(&ids)
	}
	for i := lo; i < hi; i++ {
		if f, ok := x.marks[i]; ok {
			r.fail(x.numbers[i], f.Column, f.Found, f.Expected)
		}
		if x.lost[i] {
			r.batch.lost.lose(i - lo)
		}
	}
}
