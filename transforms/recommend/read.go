package recommend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/recommend"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// reader reads rows of who had what.
type reader struct {
	columns Columns
	reading vectorio.Options
	// positive says that values below 0 are at fault.
	positive bool
	threads  int
	run      *progress.Run
}

// gathered is what all rows hold.
type gathered struct {
	parts    []model.Part
	rejected []*fault.Fault
}

// read reads all chunks, as many at a time as there are threads. Of several faults it tells the first in the order of
// the rows, whatever came first in time: chunks are begun in their order, and those before one that fails are read to
// their end.
func (r *reader) read(ctx context.Context, chunks []vectorio.Chunk) (*gathered, error) {
	threads := cmp.Or(r.threads, runtime.GOMAXPROCS(0))
	parts, rejected := make([]model.Part, len(chunks)), make([][]*fault.Fault, len(chunks))
	errs := make([]error, len(chunks))
	var next, failed atomic.Int64
	var dates, numbers atomic.Bool
	failed.Store(math.MaxInt64)
	var wg sync.WaitGroup
	for range min(threads, len(chunks)) {
		wg.Go(func() {
			users, items := &model.Names{}, &model.Names{}
			for {
				i := next.Add(1) - 1
				if i >= int64(len(chunks)) || i > failed.Load() {
					return
				}
				c := &chunkReader{reader: r, chunk: chunks[i], part: model.Part{Users: users, Items: items}}
				if err := c.read(ctx); err != nil {
					errs[i] = err
					for at := failed.Load(); i < at && !failed.CompareAndSwap(at, i); at = failed.Load() {
					}
					return
				}
				parts[i], rejected[i] = c.part, c.rejected
				r.run.Add(int64(len(c.part.User)))
				if c.dates {
					dates.Store(true)
				}
				if c.numbers {
					numbers.Store(true)
				}
			}
		})
	}
	wg.Wait()
	if at := failed.Load(); at < int64(len(errs)) {
		return nil, errs[at]
	}
	if dates.Load() && numbers.Load() {
		return nil, fault.File(chunks[0].Info.Name, "either dates or numbers", "both in the column %s",
			fault.Plain(r.columns.Time))
	}
	return &gathered{parts, slices.Concat(rejected...)}, nil
}

// chunkReader reads the rows of a chunk.
type chunkReader struct {
	*reader
	chunk    vectorio.Chunk
	part     model.Part
	rejected []*fault.Fault
	// wide are the ids of items, by the number of the row, where float64 does not hold them; read when one is met.
	wide           map[int64]vectors.ID
	dates, numbers bool // what times are
}

func (c *chunkReader) read(ctx context.Context) error {
	_, err := vectorio.EachTargeted(ctx, c.chunk, &c.reading, c.reject, func(b *vectors.Block) error {
		for i, number := range b.Numbers {
			if f, err := c.row(ctx, b, i); err != nil {
				return err
			} else if f != nil {
				f.File, f.Row, f.ID, f.Number = c.chunk.Info.Name, number-c.chunk.First+c.chunk.Span.First, b.IDs.At(i).String(),
					number
				if !c.reading.SkipFaults {
					return f
				}
				c.reject(f)
			}
		}
		return nil
	})
	return err
}

func (c *chunkReader) reject(f *fault.Fault) { c.rejected = append(c.rejected, f) }

// row takes row i of a block, or says what is wrong with it.
func (c *chunkReader) row(ctx context.Context, b *vectors.Block, i int) (*fault.Fault, error) {
	columns := b.Cells.Columns
	value, at := 1.0, 0.0
	if next := columns[1:]; len(next) > 0 {
		if c.columns.Value != "" {
			var f *fault.Fault
			if value, f = c.value(&next[0], i); f != nil {
				return f, nil
			}
			next = next[1:]
		}
		if c.columns.Time != "" {
			var f *fault.Fault
			if at, f = c.time(&next[0], i); f != nil {
				return f, nil
			}
		}
	}
	item, f, err := c.item(ctx, &columns[0], i, b.Numbers[i])
	if f != nil || err != nil {
		return f, err
	}
	p := &c.part
	p.User, p.Item, p.Value = append(p.User, p.Users.Of(b.IDs.At(i))), append(p.Item, item), append(p.Value, value)
	if c.columns.Time != "" {
		p.Time = append(p.Time, at)
	}
	return nil, nil
}

// item is the number of an item's id.
func (c *chunkReader) item(ctx context.Context, column *tables.Column, i int,
	number int64) (uint32, *fault.Fault, error) {
	const expected = "an id: text, or an integer"
	if column.Type == tables.Text || column.Type == tables.Cell {
		text := column.Text(i)
		if len(text) == 0 {
			return 0, lack(column, expected), nil
		}
		return c.part.Items.OfText(text), nil, nil
	}
	v := column.Numbers[i]
	switch {
	case math.IsNaN(v):
		return 0, lack(column, expected), nil
	case v != math.Trunc(v) || math.IsInf(v, 0):
		return 0, &fault.Fault{Column: column.Name, Found: formatNumber(v), Expected: expected}, nil
	case math.Abs(v) < 1<<53:
		return c.part.Items.Of(vectors.ID{Int: int64(v)}), nil, nil
	}
	if c.wide == nil {
		if err := c.readWide(ctx); err != nil {
			return 0, nil, err
		}
	}
	id, ok := c.wide[number]
	if !ok {
		return 0, &fault.Fault{Column: column.Name, Found: formatNumber(v), Expected: expected}, nil
	}
	return c.part.Items.Of(id), nil, nil
}

// readWide reads the items of the chunk once more, as ids.
func (c *chunkReader) readWide(ctx context.Context) error {
	c.wide = map[int64]vectors.ID{}
	o := c.reading
	o.SkipFaults = true
	o.Formats.IDColumn, o.Formats.Columns = c.columns.Item, []string{c.columns.Item}
	chunk := c.chunk
	if n := chunk.Naming; n != nil && len(n.Vector) > 0 {
		naming := *n
		naming.Vector, naming.ID = n.Vector[:1], n.Vector[0]
		chunk.Naming = &naming
	}
	_, err := vectorio.EachTargeted(ctx, chunk, &o, func(*fault.Fault) {}, func(b *vectors.Block) error {
		for i, number := range b.Numbers {
			c.wide[number] = b.IDs.At(i)
		}
		return nil
	})
	return err
}

// value is what a row counts.
func (c *chunkReader) value(column *tables.Column, i int) (float64, *fault.Fault) {
	var v float64
	var found string
	if column.Type == tables.Text || column.Type == tables.Cell {
		text := column.Text(i)
		if features.IsMissing(text) {
			return 0, lack(column, "a number")
		}
		number, ok := features.ParseNumber(text)
		if !ok {
			return 0, &fault.Fault{Column: column.Name, Found: fault.Quote(text), Expected: "a number"}
		}
		v, found = number, fault.Quote(text)
	} else if v = column.Numbers[i]; math.IsNaN(v) {
		return 0, lack(column, "a number")
	} else {
		found = formatNumber(v)
	}
	switch {
	case math.IsInf(v, 0):
		return 0, &fault.Fault{Column: column.Name, Found: found, Expected: "a finite number"}
	case v < 0 && c.positive:
		return 0, &fault.Fault{Column: column.Name, Found: found,
			Expected: "a number of at least 0, as the weighting needs it"}
	}
	return v, nil
}

// time is when a row was: a date by ISO 8601 or a timestamp, in microseconds, or a number.
func (c *chunkReader) time(column *tables.Column, i int) (float64, *fault.Fault) {
	const expected = "a date by ISO 8601, or a number"
	switch column.Type {
	case tables.Time:
		if column.Times[i] == tables.NoTime {
			return 0, lack(column, expected)
		}
		c.dates = true
		return float64(column.Times[i]), nil
	case tables.Text, tables.Cell:
		text := column.Text(i)
		if features.IsMissing(text) {
			return 0, lack(column, expected)
		}
		if micros, ok := features.ParseDate(text); ok {
			c.dates = true
			return float64(micros), nil
		}
		v, ok := features.ParseNumber(text)
		if !ok || math.IsInf(v, 0) {
			return 0, &fault.Fault{Column: column.Name, Found: fault.Quote(text), Expected: expected}
		}
		c.numbers = true
		return v, nil
	}
	v := column.Numbers[i]
	switch {
	case math.IsNaN(v):
		return 0, lack(column, expected)
	case math.IsInf(v, 0):
		return 0, &fault.Fault{Column: column.Name, Found: formatNumber(v), Expected: expected}
	}
	c.numbers = true
	return v, nil
}

// lack is the fault of a missing cell.
func lack(column *tables.Column, expected string) *fault.Fault {
	return &fault.Fault{Column: column.Name, Found: "a missing cell", Expected: expected}
}

func formatNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// readUsers reads the ids of users.
func readUsers(ctx context.Context, chunks []vectorio.Chunk, o *vectorio.Options) ([]vectors.ID, error) {
	var all []vectors.ID
	for _, c := range chunks {
		_, err := vectorio.EachTargeted(ctx, c, o, func(*fault.Fault) {}, func(b *vectors.Block) error {
			for i := range b.Numbers {
				all = append(all, b.IDs.At(i))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no user is to be answered")
	}
	return all, nil
}

// choose is the places of users among those of the rows, in ascending order and each once, and how many are not there.
func choose(all []vectors.ID, x *model.Interactions) (places []uint32, unknown int64, err error) {
	at := make(map[vectors.ID]uint32, x.Users.Len())
	for u := range x.Users.Len() {
		at[x.Users.At(u)] = uint32(u)
	}
	seen := map[vectors.ID]bool{}
	for _, id := range all {
		u, ok := at[id]
		switch {
		case seen[id]:
		case ok:
			places = append(places, u)
		default:
			unknown++
		}
		seen[id] = true
	}
	slices.Sort(places)
	if len(places) == 0 {
		return nil, unknown, fmt.Errorf("none of the %d users that are to be answered is a user of the input", unknown)
	}
	return places, unknown, nil
}
