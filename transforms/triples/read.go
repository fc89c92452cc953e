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
	"beamlearn/model/formats"
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
	// labels are the ids of rows and of columns by the number of the row, where a cell does not hold them as a .csv has
	// them; read when one is met.
	labels         [idColumns]map[int64]string
	dates, numbers bool // what times are
}

func (c *chunkReader) read(ctx context.Context) error {
	_, err := vectorio.EachTargeted(ctx, c.chunk, &c.Reading, c.reject, func(b *vectors.Block) error {
		for i, number := range b.Numbers {
			if f, err := c.row(ctx, b, i); err != nil {
				return err
			} else if f != nil {
				f.File, f.Row, f.Number = c.chunk.Info.Name, number-c.chunk.First+c.chunk.Span.First, number
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
	if next := columns[idColumns:]; len(next) > 0 {
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
	for k := range idColumns { // before either gets a number, which a row or a column without entries must not have
		if f := idFault(&columns[k], i); f != nil {
			return f, nil
		}
	}
	p := c.part
	row, err := c.id(ctx, b, 0, i, p.Rows)
	if err != nil {
		return nil, err
	}
	column, err := c.id(ctx, b, 1, i, p.Columns)
	if err != nil {
		return nil, err
	}
	p.Row, p.Column, p.Value = append(p.Row, row), append(p.Column, column), append(p.Value, value)
	if c.Columns.Time != "" {
		p.Time = append(p.Time, at)
	} else if c.Numbered {
		p.Time = append(p.Time, float64(b.Numbers[i]))
	}
	return nil, nil
}

// idFault is the fault of a cell that is no id: it is missing, or infinite.
func idFault(column *tables.Column, i int) *fault.Fault {
	missing := false
	switch column.Type {
	case tables.Text, tables.Cell:
		missing = features.IsBlank(column.Text(i))
	case tables.Time:
		missing = column.Times[i] == tables.NoTime
	default:
		if v := column.Numbers[i]; math.IsInf(v, 0) {
			return &fault.Fault{Column: column.Name, Found: formatNumber(v), Expected: "an id"}
		}
		missing = math.IsNaN(column.Numbers[i])
	}
	if missing {
		return lack(column, "an id")
	}
	return nil
}

// id is the number of an id, in column k of row i of a block. It is the text of the cell, or an integer, where that is
// one. A number of another type, a truth value and an instant are the text that a .csv has for them: 1.5 and 1.0, True,
// 2026-01-31.
func (c *chunkReader) id(ctx context.Context, b *vectors.Block, k, i int, names *model.Names) (uint32, error) {
	column := &b.Cells.Columns[k]
	switch {
	case column.Type == tables.Text || column.Type == tables.Cell:
		return names.OfLabel(column.Text(i), formats.PlainLabel), nil
	case column.Whole && math.Abs(column.Numbers[i]) < 1<<53:
		return names.Of(vectors.ID{Int: int64(column.Numbers[i])}), nil
	}
	if c.labels[k] == nil {
		if err := c.readLabels(ctx, k); err != nil {
			return 0, err
		}
	}
	label, ok := c.labels[k][b.Numbers[i]]
	if !ok { // the file has changed since
		return 0, fault.File(c.chunk.Info.Name, "the ids that it had before", "other rows in column %s",
			fault.Plain(column.Name))
	}
	return names.OfText([]byte(label)), nil
}

// ID is the id that triples have for one of another table, which says their rows or columns, too.
func ID(id vectors.ID) vectors.ID {
	if id.IsInt() {
		return id
	}
	return vectors.ParseID(formats.PlainLabel(id.Text))
}

// readLabels reads the rows of the chunk once more, for the ids of column k as labels, beside the other column of ids.
func (c *chunkReader) readLabels(ctx context.Context, k int) error {
	labels := map[int64]string{}
	o, names := c.Reading, c.Columns.all()
	o.SkipFaults = true
	f := &o.Formats
	f.Columns, f.TargetColumn = names[1-k:2-k], names[k]
	f.Labels, f.Untargeted, f.Unlabelled = true, true, false
	chunk := c.chunk
	if n := chunk.Naming; n != nil && len(n.Vector) > 0 {
		naming := *n
		naming.Vector, naming.Target = n.Vector[1-k:2-k], n.Vector[k]
		chunk.Naming = &naming
	}
	_, err := vectorio.EachTargeted(ctx, chunk, &o, func(*fault.Fault) {}, func(b *vectors.Block) error {
		for i, number := range b.Numbers {
			if b.Labels != nil {
				labels[number] = b.Labels[i]
			} else {
				labels[number] = decimal(b.Target[i])
			}
		}
		return nil
	})
	c.labels[k] = labels
	return err
}

// decimal is a number of a floating-point type as pandas writes it into a .csv.
func decimal(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if v == math.Trunc(v) {
		text += ".0"
	}
	return text
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
