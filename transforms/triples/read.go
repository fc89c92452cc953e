package triples

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/tables"
	model "beamlearn/model/triples"
	"beamlearn/model/vectors"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// Reader reads triples.
type Reader struct {
	Columns Columns
	Reading vectorio.Options
	// Positive says that values below 0 are at fault.
	Positive bool
	// Numbered says that the time of a triple is its number in the input, where it has no other.
	Numbered bool
	// Threads is how many chunks are read at a time. Default: GOMAXPROCS.
	Threads int
	// Run is told how many triples were read.
	Run *progress.Run
}

// Taker takes the triples of chunks, one after the other. It belongs to one goroutine.
type Taker interface {
	// Begin gives the part that the triples of chunk i are appended to. Its numbers of names go on.
	Begin(i int) *model.Part
	// Full is called with that part whenever some have been appended.
	Full(p *model.Part) error
	// Close is called behind the last chunk, unless reading has failed.
	Close() error
}

// Read reads all chunks, as many at a time as there are threads, and gives their rows at fault, where the options skip
// these. Of several faults it returns the first in the order of the rows, whatever came first in time: chunks are begun
// in their order, and those before one that fails are read to their end.
func (r *Reader) Read(ctx context.Context, chunks []vectorio.Chunk, taker func() Taker) ([]*fault.Fault, error) {
	rejected, errs := make([][]*fault.Fault, len(chunks)), make([]error, len(chunks)+1)
	var next, failed atomic.Int64
	var dates, numbers atomic.Bool
	failed.Store(math.MaxInt64)
	fail := func(i int64, err error) {
		errs[i] = err
		for at := failed.Load(); i < at && !failed.CompareAndSwap(at, i); at = failed.Load() {
		}
	}
	var wg sync.WaitGroup
	var closing sync.Mutex
	for range min(cmp.Or(r.Threads, runtime.GOMAXPROCS(0)), len(chunks)) {
		wg.Go(func() {
			to := taker()
			for {
				i := next.Add(1) - 1
				if i >= int64(len(chunks)) || i > failed.Load() {
					break
				}
				c := &chunkReader{Reader: r, chunk: chunks[i], part: to.Begin(int(i)), full: to.Full}
				if err := c.read(ctx); err != nil {
					fail(i, err)
					return
				}
				rejected[i] = c.rejected
				if c.dates {
					dates.Store(true)
				}
				if c.numbers {
					numbers.Store(true)
				}
			}
			if err := to.Close(); err != nil {
				closing.Lock()
				defer closing.Unlock()
				fail(int64(len(chunks)), err)
			}
		})
	}
	wg.Wait()
	if at := failed.Load(); at < int64(len(errs)) {
		return nil, errs[at]
	}
	if dates.Load() && numbers.Load() {
		return nil, fault.File(chunks[0].Info.Name, "either dates or numbers", "both in the column %s",
			fault.Plain(r.Columns.Time))
	}
	return slices.Concat(rejected...), nil
}

// chunkReader reads the rows of a chunk.
type chunkReader struct {
	*Reader
	chunk    vectorio.Chunk
	part     *model.Part
	full     func(*model.Part) error
	rejected []*fault.Fault
	// wide are the ids of columns, by the number of the row, where float64 does not hold them; read when one is met.
	wide           map[int64]vectors.ID
	dates, numbers bool // what times are
}

func (c *chunkReader) read(ctx context.Context) error {
	_, err := vectorio.EachTargeted(ctx, c.chunk, &c.Reading, c.reject, func(b *vectors.Block) error {
		for i, number := range b.Numbers {
			if f, err := c.row(ctx, b, i); err != nil {
				return err
			} else if f != nil {
				f.File, f.Row, f.ID, f.Number = c.chunk.Info.Name, number-c.chunk.First+c.chunk.Span.First, b.IDs.At(i).String(),
					number
				if !c.Reading.SkipFaults {
					return f
				}
				c.reject(f)
			}
		}
		c.Run.Add(int64(len(b.Numbers)))
		return c.full(c.part)
	})
	return err
}

func (c *chunkReader) reject(f *fault.Fault) { c.rejected = append(c.rejected, f) }

// row takes row i of a block, or says what is wrong with it.
func (c *chunkReader) row(ctx context.Context, b *vectors.Block, i int) (*fault.Fault, error) {
	columns := b.Cells.Columns
	value, at := 1.0, 0.0
	if next := columns[1:]; len(next) > 0 {
		if c.Columns.Value != "" {
			var f *fault.Fault
			if value, f = c.value(&next[0], i); f != nil {
				return f, nil
			}
			next = next[1:]
		}
		if c.Columns.Time != "" {
			var f *fault.Fault
			if at, f = c.time(&next[0], i); f != nil {
				return f, nil
			}
		}
	}
	column, f, err := c.column(ctx, &columns[0], i, b.Numbers[i])
	if f != nil || err != nil {
		return f, err
	}
	p := c.part
	p.Row, p.Column, p.Value = append(p.Row, p.Rows.Of(b.IDs.At(i))), append(p.Column, column), append(p.Value, value)
	if c.Columns.Time != "" {
		p.Time = append(p.Time, at)
	} else if c.Numbered {
		p.Time = append(p.Time, float64(b.Numbers[i]))
	}
	return nil, nil
}

// column is the number of a column's id.
func (c *chunkReader) column(ctx context.Context, column *tables.Column, i int,
	number int64) (uint32, *fault.Fault, error) {
	const expected = "an id: text, or an integer"
	if column.Type == tables.Text || column.Type == tables.Cell {
		text := column.Text(i)
		if features.IsBlank(text) {
			return 0, lack(column, expected), nil
		}
		return c.part.Columns.OfText(text), nil, nil
	}
	v := column.Numbers[i]
	switch {
	case math.IsNaN(v):
		return 0, lack(column, expected), nil
	case v != math.Trunc(v) || math.IsInf(v, 0):
		return 0, &fault.Fault{Column: column.Name, Found: formatNumber(v), Expected: expected}, nil
	case math.Abs(v) < 1<<53:
		return c.part.Columns.Of(vectors.ID{Int: int64(v)}), nil, nil
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
	return c.part.Columns.Of(id), nil, nil
}

// readWide reads the columns of the chunk once more, as ids.
func (c *chunkReader) readWide(ctx context.Context) error {
	c.wide = map[int64]vectors.ID{}
	o := c.Reading
	o.SkipFaults = true
	o.Formats.IDColumn, o.Formats.Columns = c.Columns.Column, []string{c.Columns.Column}
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
	var text []byte
	if column.Type == tables.Text || column.Type == tables.Cell {
		if text = column.Text(i); features.IsMissing(text) {
			return 0, lack(column, "a number")
		}
		number, ok := features.ParseNumber(text)
		if !ok {
			return 0, &fault.Fault{Column: column.Name, Found: fault.Quote(text), Expected: "a number"}
		}
		v = number
	} else if v = column.Numbers[i]; math.IsNaN(v) {
		return 0, lack(column, "a number")
	}
	expected := ""
	switch {
	case math.IsInf(v, 0):
		expected = "a finite number"
	case v < 0 && c.Positive:
		expected = "a number of at least 0, as the weighting needs it"
	default:
		return v, nil
	}
	found := formatNumber(v)
	if text != nil {
		found = fault.Quote(text)
	}
	return 0, &fault.Fault{Column: column.Name, Found: found, Expected: expected}
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
