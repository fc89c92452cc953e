package formats

import (
	"sort"

	"github.com/apache/arrow-go/v18/parquet/file"
)

// parquetGroups opens the row groups of a file one after the other, at the columns that are read: for whoever reads a
// span of rows.
type parquetGroups struct {
	s                  *parquetSource
	in                 *parquetBytes
	file               *file.Reader
	isOpen             bool
	end                int64           // number of the row after the last of the group that is open
	vector             []*parquetChunk // the open columns
	lists              []*parquetList  // where they are decoded to, nil of those that are no lists
	id, target, weight *parquetChunk   // nil where there are none
}

// Close closes the row group that is open.
func (g *parquetGroups) Close() (err error) {
	defer g.in.undamaged(&err)
	g.isOpen = false
	for _, c := range append(g.vector, g.id, g.target, g.weight) {
		if c == nil {
			continue
		}
		if e := c.close(); err == nil {
			err = e
		}
	}
	g.vector, g.id, g.target, g.weight = g.vector[:0], nil, nil, nil
	return err
}

// seek opens the row group of a row, behind the last one that was read, and gets there; unless it is there already.
// It tells whether it has opened one.
func (g *parquetGroups) seek(row int64) (opened bool, err error) {
	if g.isOpen && row < g.end {
		return false, nil
	}
	if err := g.Close(); err != nil {
		return false, err
	}
	if g.file == nil {
		ahead := min(max(parquetAhead/int64(len(g.s.columns())), parquetAheadMin), parquetAheadMax)
		if g.file, err = g.in.open(ahead, file.WithMetadata(g.s.meta)); err != nil {
			return false, err
		}
		g.lists = make([]*parquetList, len(g.s.vector))
	}
	group := sort.Search(len(g.s.groups), func(i int) bool { return g.s.groups[i].first+g.s.groups[i].rows > row })
	of := g.s.groups[group]
	for i := range g.s.vector {
		c, err := g.in.openChunk(g.file, group, &g.s.vector[i])
		if err != nil {
			return false, err
		}
		g.vector = append(g.vector, c)
		if !c.list {
			err = c.drop(row - of.first)
		} else {
			if g.lists[i] == nil {
				g.lists[i] = newParquetList(max(parquetBatch, 2*g.s.widthIn(c)))
			}
			g.lists[i].reset()
			err = g.lists[i].skip(c, row-of.first)
		}
		if err != nil {
			return false, err
		}
	}
	for _, role := range []struct {
		field *parquetField
		to    **parquetChunk
	}{{g.s.id, &g.id}, {g.s.target, &g.target}, {g.s.weight, &g.weight}} {
		if role.field == nil {
			continue
		}
		c, err := g.in.openChunk(g.file, group, role.field)
		if err != nil {
			return false, err
		}
		if *role.to = c; role.field == g.s.id {
			c.read = nil
		}
		if err := c.drop(row - of.first); err != nil {
			return false, err
		}
	}
	g.isOpen, g.end = true, of.first+of.rows
	return true, nil
}

// widthIn is how many values a list of a column has: all of the vector, where it is not read as a table.
func (s *parquetSource) widthIn(c *parquetChunk) int {
	switch {
	case s.cells:
		return c.width
	case s.sparse:
		return 1
	}
	return s.dim
}

// drop passes over rows of a column that is no list, without decoding what whole pages have.
func (c *parquetChunk) drop(rows int64) error {
	if rows == 0 {
		return nil
	}
	r, ok := c.r.(interface{ Skip(int64) (int64, error) })
	if !ok {
		return errLevels
	}
	c.in.chunk = c
	_, err := r.Skip(rows)
	return err
}
