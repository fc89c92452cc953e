package formats

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"

	"github.com/apache/arrow-go/v18/parquet/file"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/heap"
	"beamlearn/model/tables"
)

// A row group of columns of numbers is decoded as a whole where the numbers take at most decodedMost bytes, and no more
// than a page of each column, as a reader that goes row by row has them open; where a reader wants at least one row in
// decodedOf of it; and where it is cut into decodedParts at least, or those pages take decodedOpen bytes. So are the
// numbers of a table whose pages take as much.
const (
	decodedMost  = 256 << 20
	decodedOf    = 128
	decodedParts = 4
	decodedOpen  = 64 << 20
)

// decodedGroup is the numbers of a row group, which all readers of this process share: chunks are shorter than groups,
// and each reader that goes to its own rows by itself decodes all that stand before, and holds a page of each column.
// Of a group that cannot be decoded, or has rows at fault, it has none: who reads row by row finds which.
type decodedGroup struct {
	numbers           // of all columns, row after row, where rows are those of a matrix
	columns []numbers // of each column of a table that has numbers, NaN where a cell is missing
	ok      bool
	once    sync.Once
	readers int // under the lock of decodedGroups
	kept    *heap.Kept
}

// numbers are of float32 or of float64.
type numbers struct {
	f32 []float32
	f64 []float64
}

func newNumbers(n int, wide bool) numbers {
	if wide {
		return numbers{f64: make([]float64, n)}
	}
	return numbers{f32: make([]float32, n)}
}

// bytes is what the numbers take.
func (d *decodedGroup) bytes() int64 {
	n := int64(4*len(d.f32) + 8*len(d.f64))
	for i := range d.columns {
		n += int64(4*len(d.columns[i].f32) + 8*len(d.columns[i].f64))
	}
	return n
}

// has reports whether a column of the vector is decoded.
func (d *decodedGroup) has(column int) bool {
	return d != nil && (d.columns == nil || len(d.columns[column].f32)+len(d.columns[column].f64) > 0)
}

// appendTo appends the cells of a column from a row on.
func (d *decodedGroup) appendTo(to *tables.Column, column, row, rows int) {
	for _, v := range from(d.columns[column].f32, row)[:min(rows, len(d.columns[column].f32))] {
		to.Numbers = append(to.Numbers, missingNaN(float64(v)))
	}
	for _, v := range from(d.columns[column].f64, row)[:min(rows, len(d.columns[column].f64))] {
		to.Numbers = append(to.Numbers, missingNaN(v))
	}
}

// missingNaN is a number, or the NaN of a cell that is missing.
func missingNaN(v float64) float64 {
	if v != v {
		return math.NaN()
	}
	return v
}

type decodedKey struct {
	s     *parquetSource
	group int
}

// decodedGroups are those that somebody reads, or has left open.
var decodedGroups struct {
	sync.Mutex
	of map[decodedKey]*decodedGroup
}

// wide reports whether the vector is decoded to float64.
func (s *parquetSource) wide() bool {
	for i := range s.vector {
		if s.vector[i].wide() {
			return true
		}
	}
	return s.missing
}

// decodedBytes is what the numbers of a row group take, and whether it may be decoded as a whole.
func (s *parquetSource) decodedBytes(of *parquetGroup) (size int64, ok bool) {
	if s.cells {
		for i := range s.vector {
			size += of.rows * s.vector[i].decodedSize()
		}
		return size, size > 0 && of.open >= decodedOpen
	}
	size = of.rows * int64(s.dim) * 4
	if s.wide() {
		size *= 2
	}
	return size, !s.list() && !s.sparse
}

// decodedSize is the bytes of a number of a column of a table; 0 of other columns.
func (f *parquetField) decodedSize() int64 {
	switch {
	case f.cell != tables.Number && f.cell != tables.Bool:
		return 0
	case f.wide():
		return 8
	}
	return 4
}

// decoded is a row group for who wants so many of its rows, to be given back by release; or nil where it is to be read
// row by row.
func (s *parquetSource) decoded(ctx context.Context, group int, wanted int64) *decodedGroup {
	of := &s.groups[group]
	size, ok := s.decodedBytes(of)
	few, most := wanted < (of.rows+decodedOf-1)/decodedOf, wanted > of.rows/decodedParts && of.open < decodedOpen
	if !ok || few || most || s.byRow.Load() || size > min(decodedMost, of.open) {
		return nil
	}
	key := decodedKey{s, group}
	decodedGroups.Lock()
	if decodedGroups.of == nil {
		decodedGroups.of = map[decodedKey]*decodedGroup{}
	}
	d := decodedGroups.of[key]
	if d == nil {
		d = &decodedGroup{kept: heap.NewKept()}
		decodedGroups.of[key] = d
	}
	d.readers++
	decodedGroups.Unlock()
	d.once.Do(func() { d.decode(ctx, s, group) })
	if d.ok {
		return d
	}
	s.release(group, d)
	return nil
}

// release gives a row group back.
func (s *parquetSource) release(group int, d *decodedGroup) {
	decodedGroups.Lock()
	defer decodedGroups.Unlock()
	if d.readers--; d.readers > 0 {
		return
	}
	d.kept.Drop()
	delete(decodedGroups.of, decodedKey{s, group})
}

// decode decodes all columns, on all cores, one after the other on each, so that few are open at a time.
func (d *decodedGroup) decode(ctx context.Context, s *parquetSource, group int) {
	rows := int(s.groups[group].rows)
	if s.cells {
		d.columns = make([]numbers, len(s.vector))
		for i := range s.vector {
			if f := &s.vector[i]; f.decodedSize() > 0 {
				d.columns[i] = newNumbers(rows, f.wide())
			}
		}
	} else {
		d.numbers = newNumbers(rows*s.dim, s.wide())
	}
	d.kept.Add(d.bytes())
	threads := min(runtime.GOMAXPROCS(0), s.dim)
	g, ctx := errgroup.WithContext(ctx)
	for t := range threads {
		g.Go(func() error { return d.decodeColumns(ctx, s, group, t*s.dim/threads, (t+1)*s.dim/threads) })
	}
	if d.ok = g.Wait() == nil; !d.ok {
		d.numbers, d.columns = numbers{}, nil
		s.byRow.Store(true)
	}
}

// errNull says that a number is missing where it must not be.
var errNull = errors.New("a null")

// decodeColumns decodes the columns from lo to hi.
func (d *decodedGroup) decodeColumns(ctx context.Context, s *parquetSource, group, lo, hi int) (err error) {
	in := &parquetBytes{File: s.File, ctx: ctx}
	defer in.undamaged(&err)
	r, err := in.open(s.aheadAlone(), file.WithMetadata(s.meta))
	if err != nil {
		return err
	}
	scratch, rows := s.scratch(), int(s.groups[group].rows)
	if s.cells {
		for ; lo < hi; lo++ {
			if !d.has(lo) {
				continue
			}
			if err := d.column(s, in, r, group, lo, &scratch, d.columns[lo]); err != nil {
				return err
			}
		}
		return nil
	}
	band := newNumbers(bandColumns*rows, s.wide())
	for ; lo < hi; lo += bandColumns {
		n := min(bandColumns, hi-lo)
		for k := range n {
			to := numbers{from(band.f32, k*rows), from(band.f64, k*rows)}
			if err := d.column(s, in, r, group, lo+k, &scratch, to); err != nil {
				return err
			}
		}
		interleave(from(d.f32, lo), band.f32, rows, n, s.dim)
		interleave(from(d.f64, lo), band.f64, rows, n, s.dim)
	}
	return nil
}

// bandColumns is how many columns are decoded before their numbers are put into rows: as many float32 as a cache line
// has, which would be fetched again for each column.
const bandColumns = 16

// column decodes a column.
func (d *decodedGroup) column(s *parquetSource, in *parquetBytes, r *file.Reader, group, column int,
	scratch *parquetScratch, to numbers) error {
	c, err := in.openChunk(r, group, &s.vector[column])
	if err != nil {
		return err
	}
	if c.read == nil {
		return errors.Join(errLevels, c.close())
	}
	null := false
	err = scratch.column(c, int(s.groups[group].rows), 1, to.f32, to.f64, func(row int) {
		switch {
		case !s.missing && !s.cells:
			null = true
		case len(to.f64) > 0:
			to.f64[row] = math.NaN()
		default:
			to.f32[row] = float32(math.NaN())
		}
	})
	if e := c.close(); err == nil {
		err = e
	}
	if err == nil && null {
		err = errNull
	}
	return err
}

// interleave puts the numbers of n columns, each of so many rows, into rows of stride numbers; of none, nothing.
func interleave[T float32 | float64](to, columns []T, rows, n, stride int) {
	if len(columns) == 0 {
		return
	}
	for i := range rows {
		row := to[i*stride:][:n]
		for k := range row {
			row[k] = columns[k*rows+i]
		}
	}
}

// from is the numbers from a place on, if there are any.
func from[T any](numbers []T, place int) []T { return numbers[min(place, len(numbers)):] }
