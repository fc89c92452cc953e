package formats

import (
	"context"
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/parquet/file"

	"beamlearn/model/heap"
)

// parquetGroups opens the row groups of a file one after the other, at the columns that are read: for whoever reads a
// span of rows.
type parquetGroups struct {
	s                  *parquetSource
	in                 *parquetBytes
	file               *file.Reader
	isOpen             bool
	row                int64           // that the open columns come to next
	end                int64           // number of the row after the last of the group that is open
	vector             []*parquetChunk // the columns, nil of those that the values have
	values             *decodedGroup   // numbers of the vector, where the group is decoded as a whole
	group              int             // that is open
	groupFirst         int64           // number of its first row
	wanted             int64           // rows that the reader wants
	lists              []*parquetList  // where they are decoded to, nil of those that are no lists
	id, target, weight *parquetChunk   // nil where there are none
	left               int64           // the row where the reader before left it, from which nobody has gone on; or -1
	kept               *heap.Kept      // about what is open; nil: nothing is
	size               int64           // that, in bytes
}

// open is what reads rows from the first on: a row group that another reader has left open before it, if there is one.
func (s *parquetSource) open(ctx context.Context, first int64) parquetGroups {
	g, ok := leftGroups.take(s, first)
	if !ok {
		g = parquetGroups{s: s, in: &parquetBytes{File: s.File}, left: -1}
	}
	g.in.ctx = ctx
	return g
}

// leave closes the row group that is open where its rows are over, or leaves it open for who reads the rows after it.
func (g *parquetGroups) leave() error {
	row := g.row
	if g.left >= 0 {
		row = g.left // nothing was read
	}
	if !g.isOpen || g.in.err != nil {
		return g.Close()
	}
	if row == g.end {
		leftGroups.drop(g.s, g.end)
		return g.Close()
	}
	g.left = row
	leftGroups.put(*g)
	*g = parquetGroups{s: g.s, in: g.in, left: -1}
	return nil
}

// leftGroups are row groups that readers have left open: the only way to a row is from the beginning of its group,
// page after page, and chunks are shorter than groups. There are as many as there are threads at most, as each holds a
// page of every column, or one of large ones.
var leftGroups groupPool

// groupPool is safe for concurrent use.
type groupPool struct {
	mu  sync.Mutex
	all []leftGroup // the last one was left last
}

type leftGroup struct {
	parquetGroups
	timer *time.Timer // that closes it
}

// largeGroup is from how many bytes on a place in a row group is left alone: whoever comes next mostly goes on there.
const largeGroup = 128 << 20

// leftFor is how long a row group stays open that nobody goes on with.
const leftFor = 10 * time.Second

// take is the group of a row that was left nearest before it.
func (p *groupPool) take(s *parquetSource, row int64) (parquetGroups, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := -1
	for i := range p.all {
		if g := &p.all[i]; g.s == s && g.left <= row && row < g.end && (best < 0 || g.left > p.all[best].left) {
			best = i
		}
	}
	if best < 0 {
		return parquetGroups{}, false
	}
	return p.remove(best), true
}

// remove takes one out. The lock must be held.
func (p *groupPool) remove(i int) parquetGroups {
	g := p.all[i]
	g.timer.Stop()
	p.all = slices.Delete(p.all, i, i+1)
	return g.parquetGroups
}

// put leaves a group, and closes one that is too many.
func (p *groupPool) put(g parquetGroups) {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := runtime.GOMAXPROCS(0)
	if g.size > largeGroup {
		most = 1
	}
	for len(p.all) >= most {
		first := p.remove(0)
		first.discard()
	}
	in := g.in
	p.all = append(p.all, leftGroup{g, time.AfterFunc(leftFor, func() {
		p.dropIf(
			func(g *parquetGroups) bool { return g.in == in })
	})})
}

// drop closes the groups of a source that end at a row.
func (p *groupPool) drop(s *parquetSource, end int64) {
	p.dropIf(func(g *parquetGroups) bool { return g.s == s && g.end == end })
}

func (p *groupPool) dropIf(is func(*parquetGroups) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.all) - 1; i >= 0; i-- {
		if is(&p.all[i].parquetGroups) {
			g := p.remove(i)
			g.discard()
		}
	}
}

// discard closes a group of which all rows that were asked for have been read: what closing it says is of no row.
func (g *parquetGroups) discard() { _ = g.Close() }

// Close closes the row group that is open.
func (g *parquetGroups) Close() (err error) {
	defer g.in.undamaged(&err)
	g.isOpen = false
	if g.values != nil {
		g.s.release(g.group, g.values)
		g.values = nil
	}
	if g.kept != nil {
		g.kept.Drop()
		g.kept = nil
	}
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

// ahead is how many bytes of each column are read ahead.
func (s *parquetSource) ahead() int64 {
	return min(max(parquetAhead/int64(len(s.columns())), parquetAheadMin), parquetAheadMax)
}

// seek opens the row group of a row, behind the last one that was read, and gets there; unless it is there already.
// It tells whether it has opened one.
func (g *parquetGroups) seek(row int64) (opened bool, err error) {
	taken := g.left >= 0
	if taken {
		g.row, g.left = g.left, -1
	}
	if g.isOpen && row < g.end {
		return taken, g.dropTo(row)
	}
	if err := g.Close(); err != nil {
		return false, err
	}
	if g.file == nil {
		if g.file, err = g.in.open(g.s.ahead(), file.WithMetadata(g.s.meta)); err != nil {
			return false, err
		}
		g.lists = make([]*parquetList, len(g.s.vector))
	}
	group := sort.Search(len(g.s.groups), func(i int) bool { return g.s.groups[i].first+g.s.groups[i].rows > row })
	of := g.s.groups[group]
	g.group, g.groupFirst, g.values = group, of.first, g.s.decoded(g.in.ctx, group, g.wanted)
	for i := range g.s.vector {
		if g.values.has(i) {
			g.vector = append(g.vector, nil)
			continue
		}
		c, err := g.in.openChunk(g.file, group, &g.s.vector[i])
		if err != nil {
			return false, err
		}
		g.vector = append(g.vector, c)
		if c.list {
			if g.lists[i] == nil {
				g.lists[i] = newParquetList(max(parquetBatch, 2*g.s.widthIn(c)))
			}
			g.lists[i].reset()
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
	}
	g.isOpen, g.row, g.end = true, of.first, of.first+of.rows
	g.kept = heap.NewKept()
	g.kept.Add(g.s.openBytes(of, g.values))
	if g.size = of.open; g.values != nil {
		g.size = g.values.bytes()
	}
	return true, g.dropTo(row)
}

// openBytes is about what the columns of a row group take that are open beside values.
func (s *parquetSource) openBytes(of parquetGroup, values *decodedGroup) int64 {
	columns := len(s.columns())
	open := columns
	for i := range s.vector {
		if values.has(i) {
			open--
		}
	}
	return of.open * int64(open) / int64(columns)
}

// dropTo passes over rows in all columns, up to one of the row group.
func (g *parquetGroups) dropTo(row int64) error {
	rows := row - g.row
	if g.row = row; rows == 0 {
		return nil
	}
	for i, c := range g.vector {
		if c == nil {
			continue
		}
		if !c.list {
			if err := c.drop(rows); err != nil {
				return err
			}
		} else if err := g.lists[i].skip(c, rows); err != nil {
			return err
		}
	}
	for _, c := range []*parquetChunk{g.id, g.target, g.weight} {
		if c != nil {
			if err := c.drop(rows); err != nil {
				return err
			}
		}
	}
	return nil
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
