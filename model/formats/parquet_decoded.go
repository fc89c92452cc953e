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
)

// A row group of columns of numbers is decoded as a whole where the numbers take at most decodedMost bytes, and no more
// than a page of each column, as a reader that goes row by row has them open; and where a reader wants at least one row
// in decodedOf of it.
const (
	decodedMost = 256 << 20
	decodedOf   = 128
)

// decodedGroup is the numbers of a row group, row after row, which all readers of this process share: chunks are shorter
// than groups, and each reader that goes to its own rows by itself decodes all that stand before, and holds a page of
// each column. Of a group that cannot be decoded, or has rows at fault, it has none: who reads row by row finds which.
type decodedGroup struct {
	f32     []float32
	f64     []float64 // or these
	ok      bool
	once    sync.Once
	readers int // under the lock of decodedGroups
	kept    *heap.Kept
}

// bytes is what the numbers take.
func (d *decodedGroup) bytes() int64 { return int64(4*len(d.f32) + 8*len(d.f64)) }

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

// decoded is a row group for who wants so many of its rows, to be given back by release; or nil where it is to be read
// row by row.
func (s *parquetSource) decoded(ctx context.Context, group int, wanted int64) *decodedGroup {
	of := &s.groups[group]
	size := of.rows * int64(s.dim) * 4
	if s.wide() {
		size *= 2
	}
	if s.byRow.Load() || s.list() || s.cells || s.sparse || size > min(decodedMost, of.open) || wanted < (of.rows+decodedOf-1)/decodedOf {
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
	if s.wide() {
		d.f64 = make([]float64, rows*s.dim)
	} else {
		d.f32 = make([]float32, rows*s.dim)
	}
	d.kept.Add(d.bytes())
	threads := min(runtime.GOMAXPROCS(0), s.dim)
	g, ctx := errgroup.WithContext(ctx)
	for t := range threads {
		g.Go(func() error { return d.columns(ctx, s, group, t*s.dim/threads, (t+1)*s.dim/threads) })
	}
	if d.ok = g.Wait() == nil; !d.ok {
		d.f32, d.f64 = nil, nil
		s.byRow.Store(true)
	}
}

// errNull says that a number is missing where it must not be.
var errNull = errors.New("a null")

// columns decodes the columns from lo to hi.
func (d *decodedGroup) columns(ctx context.Context, s *parquetSource, group, lo, hi int) (err error) {
	in := &parquetBytes{File: s.File, ctx: ctx}
	defer in.undamaged(&err)
	r, err := in.open(s.aheadAlone(), file.WithMetadata(s.meta))
	if err != nil {
		return err
	}
	scratch, rows := s.scratch(), int(s.groups[group].rows)
	var f32 []float32
	var f64 []float64
	if len(d.f64) > 0 {
		f64 = make([]float64, bandColumns*rows)
	} else {
		f32 = make([]float32, bandColumns*rows)
	}
	for ; lo < hi; lo += bandColumns {
		n := min(bandColumns, hi-lo)
		for k := range n {
			if err := d.column(s, in, r, group, lo+k, &scratch, from(f32, k*rows), from(f64, k*rows)); err != nil {
				return err
			}
		}
		interleave(from(d.f32, lo), f32, rows, n, s.dim)
		interleave(from(d.f64, lo), f64, rows, n, s.dim)
	}
	return nil
}

// bandColumns is how many columns are decoded before their numbers are put into rows: as many float32 as a cache line
// has, which would be fetched again for each column.
const bandColumns = 16

// column decodes a column.
func (d *decodedGroup) column(s *parquetSource, in *parquetBytes, r *file.Reader, group, column int,
	scratch *parquetScratch, f32 []float32, f64 []float64) error {
	c, err := in.openChunk(r, group, &s.vector[column])
	if err != nil {
		return err
	}
	null := false
	err = scratch.column(c, int(s.groups[group].rows), 1, f32, f64, func(row int) {
		if null = null || !s.missing; s.missing {
			f64[row] = math.NaN()
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
