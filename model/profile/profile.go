// Package profile finds out what there is to know of vectors before they are used, in one pass over files of any
// size: how many rows, which of them are at fault, the spread of each column, the norms, duplicates.
//
// Chunks of rows are profiled side by side, and merged in their order, so that the result does not depend on the
// number of threads. Memory: a chunk and its profile for each thread, 32 bytes a column, and about 80 bytes for each
// distinct row, of which [Options].Distinct are kept. Where all files have sparse rows, their zeros take no memory: see
// [Sparse].
package profile

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// Options say what is looked at.
type Options struct {
	// Formats says how files are read.
	Formats formats.Options
	// Rows is the number of rows to look at, from the first one on. Default: all.
	Rows int64
	// Head is how many of the first rows are kept as they are. Default: none.
	Head int
	// Distinct is how many distinct rows are kept to find duplicates and the median of the norms; of more, a sample is.
	// Default: 1,048,576.
	Distinct int
	// Threads is the number of goroutines that read. Default: GOMAXPROCS.
	Threads int
	// Target is the name of the column that is to be learned, which others are compared with. Default: none.
	Target string
	// Progress is called, from many goroutines, with the number of rows that were looked at since, and of all rows.
	Progress func(rows, total int64)
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.Distinct == 0 {
		o.Distinct = 1 << 20
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
}

// File is one file of the dataset.
type File struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	Bytes  int64  `json:"bytes"`
	Rows   int64  `json:"rows"`
}

// Column is the spread of a column over the rows without a fault.
type Column struct {
	Name string  `json:"name,omitempty"`
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"` // of the population
	Max  float64 `json:"max"`
	Look
}

// Constant reports whether all rows have the same value.
func (c *Column) Constant() bool { return c.Min == c.Max }

// Norms are those of the rows, Euclidean.
type Norms struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"` // of a sample, where duplicates are counted in one
	Max    float64 `json:"max"`
	Zero   int64   `json:"zero"` // rows of zeros only
}

// Row is one of the first rows.
type Row struct {
	ID     string    `json:"id"`
	Values []float64 `json:"values"`
	// Columns are, of a sparse row, those of the values.
	Columns []int32 `json:"columns,omitempty"`
}

// Profile is what was found out.
type Profile struct {
	Files   []File `json:"files"`
	Rows    int64  `json:"rows"`    // of the files
	Looked  int64  `json:"looked"`  // rows that were looked at, those at fault included
	Columns int    `json:"columns"` // of the vector
	// Notes say what was assumed about the files.
	Notes []string `json:"notes,omitempty"`
	// LeftOut are the columns that are no part of it, nor the id.
	LeftOut []formats.Column `json:"left_out,omitempty"`
	// DType is the narrowest type that holds every value exactly: float32 or float64.
	DType string `json:"dtype"`
	// Integers says that all values are whole numbers.
	Integers bool `json:"integers"`
	// Zeros is the share of zeros among the values.
	Zeros float64 `json:"zeros"`

	Faulty     int64  `json:"faulty_rows"`
	FirstFault string `json:"first_fault,omitempty"`

	Spread []Column `json:"spread"` // of each column; none of sparse rows, nor where no row is without a fault
	Sparse *Sparse  `json:"sparse,omitempty"`
	Norms  Norms    `json:"norms"`
	// Offset is the norm of the mean row over the root of the total variance: how far the data are from the origin, by
	// their own size. 0 where all rows are equal, and of sparse rows whose columns were not all kept.
	Offset float64 `json:"offset"`
	// Duplicates are rows with equal values, and IDs equal ids, where a column has them.
	Duplicates Repeats  `json:"duplicates"`
	IDs        *Repeats `json:"ids,omitempty"`
	Head       []Row    `json:"head"`
}

const (
	chunkRows   = 8192    // of what a thread reads
	chunkValues = 1 << 20 // that it holds at a time, or those of one row
	rangeBytes  = 4 << 20 // of text
)

// chunk is consecutive rows of one file.
type chunk struct {
	src   formats.Source
	span  formats.Span
	shift int64 // from the row's number within the file to that within the dataset
}

// Of profiles files as one dataset, in the order given.
func Of(ctx context.Context, o Options, all []formats.File) (*Profile, error) {
	o.EnsureDefaults()
	o.Formats.Sparse = true // as rows are only read with their zeros beside files that have dense rows of the same length
	p := &Profile{}
	chunks, names, err := inspect(ctx, &o, all, p)
	if err != nil {
		return nil, err
	}
	limit := p.Rows
	if o.Rows > 0 {
		limit = min(limit, o.Rows)
	}
	if !slices.ContainsFunc(chunks, func(c chunk) bool { return !formats.IsSparse(c.src) }) {
		if err := ofSparse(ctx, &o, chunks, limit, names, p); err != nil {
			return nil, err
		}
		return p, nil
	}
	total := newPartial(p.Columns, o.Distinct, 0)
	total.looks = newLooks(p.Columns, false, o.Distinct)
	err = eachChunk(ctx, &o, chunks, limit, func(ctx context.Context, c *chunk, level int) (*partial, *tally, error) {
		part, err := c.profile(ctx, &o, p.Columns, level)
		if err != nil {
			return nil, nil, err
		}
		return part, &part.tally, nil
	}, func(part *partial) int {
		total.merge(part)
		return total.rowsSeen.level
	})
	if err != nil {
		return nil, err
	}
	if err := total.into(p, names, o.Target); err != nil {
		return nil, err
	}
	return p, nil
}

// eachChunk looks at chunks side by side, up to a row of the dataset, and takes what was seen of them in their order.
// take gives the level from which later chunks may sample distinct rows, and look the tally within what it has seen.
func eachChunk[P any](ctx context.Context, o *Options, chunks []chunk, limit int64,
	look func(ctx context.Context, c *chunk, level int) (P, *tally, error), take func(P) int) error {
	var level atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Threads)
	order := newOrder()
	for i, c := range chunks {
		first := c.span.First + c.shift
		if first >= limit {
			break
		}
		c.span.Rows = min(c.span.Rows, limit-first)
		g.Go(func() error {
			part, rows, err := look(ctx, &c, int(level.Load()))
			if err != nil {
				return err
			}
			o.Progress(rows.rows+rows.faulty, limit)
			return order.in(ctx, i, func() { level.Store(int64(take(part))) })
		})
	}
	return g.Wait()
}

// order lets goroutines act one after the other.
type order struct {
	mu   sync.Mutex
	next int
	wake chan struct{}
}

func newOrder() *order { return &order{wake: make(chan struct{})} }

// wait waits until all before and including i have acted.
func (o *order) wait(ctx context.Context, i int) error {
	for {
		o.mu.Lock()
		next, wake := o.next, o.wake
		o.mu.Unlock()
		if next > i {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// in acts as number i.
func (o *order) in(ctx context.Context, i int, act func()) error {
	if err := o.wait(ctx, i-1); err != nil {
		return err
	}
	act()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = i + 1
	close(o.wake)
	o.wake = make(chan struct{})
	return nil
}

// inspect reads the headers of the files, counts the rows of text, and cuts all into chunks.
func inspect(ctx context.Context, o *Options, all []formats.File,
	p *Profile) (chunks []chunk, names []string, err error) {
	sources := make([]formats.Source, len(all))
	parts, err := formats.Partitions(all)
	if err != nil {
		return nil, nil, err
	}
	of := func(i int) formats.Options { return parts[i].Options(o.Formats) }
	o.Formats.Empty = len(all) > 1 // some of several files may have no rows
	for i, f := range all {
		if sources[i], err = formats.Inspect(ctx, f, of(i)); err != nil {
			return nil, nil, err
		}
	}
	o.Formats = formats.Settle(o.Formats, sources)
	var agreement formats.Agreement
	var left formats.Left
	for i, src := range sources {
		if src, err = formats.Reinspect(ctx, all[i], src, of(i)); err != nil {
			return nil, nil, err
		}
		if src, _, err = agreement.Meet(ctx, all[i], src, of(i)); err != nil {
			return nil, nil, err
		}
		left.Add(src)
		for _, note := range formats.Notes(src) {
			if !slices.Contains(p.Notes, note) {
				p.Notes = append(p.Notes, note)
			}
		}
		if p.Columns = src.Dim(); names == nil {
			names = src.Columns()
		}
		spans, err := cut(ctx, src, o.Threads)
		if err != nil {
			return nil, nil, err
		}
		file := File{Name: all[i].Name(), Format: o.Formats.Format, Bytes: all[i].Size()}
		if file.Format == "" {
			if file.Format, err = formats.Detect(file.Name); err != nil {
				return nil, nil, err
			}
		}
		for _, s := range spans {
			chunks = append(chunks, chunk{src, s, p.Rows})
			file.Rows += s.Rows
		}
		p.Rows += file.Rows
		p.Files = append(p.Files, file)
	}
	if p.Rows == 0 {
		return nil, nil, fault.File(all[0].Name(), "rows of data", "none")
	}
	p.LeftOut = left.Columns
	return chunks, names, nil
}

// cut cuts a file into spans, whose rows are counted first where that must be.
func cut(ctx context.Context, src formats.Source, threads int) ([]formats.Span, error) {
	if n := src.Rows(); n >= 0 {
		return formats.CutSource(src, chunkRows, chunkRows), nil
	}
	c := src.(formats.Counter)
	ranges := c.Ranges(rangeBytes)
	counts := make([]formats.Count, len(ranges))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(threads)
	for i, r := range ranges {
		g.Go(func() (err error) {
			counts[i], err = c.Count(ctx, r)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return c.Resolve(counts)
}

// profile looks at the rows of a chunk, which is read a block at a time.
func (c *chunk) profile(ctx context.Context, o *Options, dim, level int) (*partial, error) {
	p := newPartial(dim, o.Distinct, level)
	p.looks = newLooks(dim, false, o.Distinct)
	b := &vectors.Block{Dim: dim, DType: o.Formats.DType}
	block := min(chunkRows, max(chunkValues/dim, 1))
	err := c.read(ctx, b, &p.tally, func() int { return block - b.Len() }, func() { p.add(b, c.shift, o.Head) })
	return p, err
}

// read reads the rows of a chunk a block at a time: as many as more says, until it says 0. Then take takes the block.
func (c *chunk) read(ctx context.Context, b *vectors.Block, t *tally, more func() int, take func()) (err error) {
	r, err := c.src.Read(ctx, c.span)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.Reset()
		for n := more(); err == nil && n > 0; n = more() {
			err = r.Read(b, n)
			if f, ok := fault.IsRow(err); ok {
				if t.faulty++; t.firstFault == nil {
					t.firstFault = f
				}
				err = nil
			}
		}
		take()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// tally is what is seen of whole rows, dense or sparse.
type tally struct {
	rows, faulty int64
	firstFault   *fault.Fault
	wide         bool
	fractions    bool
	minNorm      float64
	maxNorm      float64
	zeroRows     int64
	rowsSeen     *sketch
	idsSeen      *sketch // nil without ids
	head         []Row
}

func newTally(distinct, level int) tally {
	return tally{rowsSeen: newSketch(distinct, level), minNorm: math.Inf(1)}
}

// addRow adds row i of a block: its values that may not be 0, the sum of their squares, and bytes that only equal rows
// have.
func (t *tally) addRow(b *vectors.Block, i int, shift int64, values []float64, square float64, bytes []byte) {
	norm := math.Sqrt(square)
	if square < 1e-290 || math.IsInf(square, 1) {
		norm = scaledNorm(values)
	}
	t.minNorm, t.maxNorm = min(t.minNorm, norm), max(t.maxNorm, norm)
	if norm == 0 {
		t.zeroRows++
	}
	number := b.Numbers[i] + shift
	t.rowsSeen.add(xxh3.Hash128(bytes), group{1, number, norm})
	if t.idsSeen != nil {
		t.idsSeen.add(xxh3.Hash128(b.ID(i).Append(nil)), group{1, number, 0})
	}
}

// merge adds the rows that follow.
func (t *tally) merge(u *tally) {
	if t.firstFault == nil {
		t.firstFault = u.firstFault
	}
	t.faulty += u.faulty
	t.rows += u.rows
	t.wide, t.fractions = t.wide || u.wide, t.fractions || u.fractions
	t.minNorm, t.maxNorm = min(t.minNorm, u.minNorm), max(t.maxNorm, u.maxNorm)
	t.zeroRows += u.zeroRows
	t.head = append(t.head, u.head...)
	t.rowsSeen.merge(u.rowsSeen)
	switch {
	case u.idsSeen == nil:
	case t.idsSeen == nil:
		t.idsSeen = u.idsSeen
	default:
		t.idsSeen.merge(u.idsSeen)
	}
}

// into fills in what a profile says of whole rows.
func (t *tally) into(to *Profile) {
	to.Looked, to.Faulty = t.rows+t.faulty, t.faulty
	if t.firstFault != nil {
		to.FirstFault = t.firstFault.Error()
	}
	to.Head = t.head
	to.Duplicates = t.rowsSeen.repeats()
	if t.idsSeen != nil {
		to.IDs = new(t.idsSeen.repeats())
	}
	if t.rows == 0 {
		return
	}
	to.DType = vectors.Float32.String()
	if t.wide {
		to.DType = vectors.Float64.String()
	}
	to.Integers = !t.fractions
	to.Norms = Norms{t.minNorm, t.rowsSeen.median(), t.maxNorm, t.zeroRows}
}

// moments are those of a column.
type moments struct{ min, max, mean, m2 float64 }

// merge adds those of m values to those of n.
func (a *moments) merge(b *moments, n, m float64) {
	d := b.mean - a.mean
	a.min, a.max = min(a.min, b.min), max(a.max, b.max)
	a.mean += float64(d * (m / (n + m)))
	a.m2 += b.m2 + float64(d*d*(n*m/(n+m)))
}

// column is the spread of a column of n rows.
func (a *moments) column(name string, n int64) Column {
	c := Column{Name: name, Min: a.min, Mean: a.mean, Std: math.Sqrt(max(a.m2, 0) / float64(n)), Max: a.max}
	if c.Constant() {
		c.Std = 0
	}
	return c
}

// partial is the profile of consecutive rows.
type partial struct {
	tally
	columns []moments
	zeros   int64
	looks   *looks

	row, sums []float64
	bytes     []byte
}

func newPartial(dim, distinct, level int) *partial {
	p := &partial{tally: newTally(distinct, level), columns: make([]moments, dim)}
	for j := range p.columns {
		p.columns[j].min, p.columns[j].max = math.Inf(1), math.Inf(-1)
	}
	return p
}

// add adds the rows of a block.
func (p *partial) add(b *vectors.Block, shift int64, head int) {
	n := b.Len()
	if n == 0 {
		return
	}
	p.looks.addVectors(b, shift)
	q := newPartial(b.Dim, p.rowsSeen.limit, p.rowsSeen.level)
	q.rows = int64(n)
	q.row, q.sums, q.bytes = make([]float64, b.Dim), make([]float64, b.Dim), make([]byte, 8*b.Dim)
	if b.IDs.Len() > 0 {
		q.idsSeen = newSketch(p.rowsSeen.limit, 0)
	}
	for i := range n {
		q.addRow(b, i, shift)
		if len(p.head)+len(q.head) < head && b.Numbers[i]+shift < int64(head) {
			q.head = append(q.head, Row{ID: b.ID(i).String(), Values: slices.Clone(b.Row(i, q.row))})
		}
	}
	for j := range q.columns {
		q.columns[j].mean /= float64(n)
	}
	for i := range n {
		for j, v := range b.Row(i, q.row) {
			d := v - q.columns[j].mean
			q.columns[j].m2 += float64(d * d)
			q.sums[j] += d
		}
	}
	for j := range q.columns {
		// What rounding the mean has added (Chan, Golub, LeVeque 1983, equation 1.7).
		q.columns[j].m2 -= q.sums[j] * q.sums[j] / float64(n)
	}
	p.merge(q)
}

// addRow adds row i to everything but the squares; mean is a sum until then.
func (p *partial) addRow(b *vectors.Block, i int, shift int64) {
	row := b.Row(i, p.row)
	var square float64
	for j, v := range row {
		c := &p.columns[j]
		c.min, c.max = min(c.min, v), max(c.max, v)
		c.mean += v
		square += float64(v * v)
		if v == 0 {
			v = 0 // not −0, which equals it
			p.zeros++
		} else if !p.fractions && v != math.Trunc(v) {
			p.fractions = true
		}
		if !p.wide && float64(float32(v)) != v {
			p.wide = true
		}
		binary.LittleEndian.PutUint64(p.bytes[8*j:], math.Float64bits(v))
	}
	p.tally.addRow(b, i, shift, row, square, p.bytes)
}

// scaledNorm is the norm where squares are beyond the range of float64.
func scaledNorm(row []float64) float64 {
	var largest, sum float64
	for _, v := range row {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		return 0
	}
	for _, v := range row {
		sum += float64((v / largest) * (v / largest))
	}
	return largest * math.Sqrt(sum)
}

// merge adds the rows that follow.
func (p *partial) merge(q *partial) {
	if n, m := float64(p.rows), float64(q.rows); m > 0 {
		for j := range p.columns {
			p.columns[j].merge(&q.columns[j], n, m)
		}
	}
	p.tally.merge(&q.tally)
	p.zeros += q.zeros
	if q.looks != nil {
		p.looks.merge(q.looks)
	}
}

// into fills in the profile; target is the name of what is to be learned, or "".
func (p *partial) into(to *Profile, names []string, target string) error {
	p.tally.into(to)
	if p.rows == 0 {
		return nil
	}
	to.Zeros = float64(p.zeros) / float64(p.rows) / float64(to.Columns)
	var square, variance float64
	for j, c := range p.columns {
		v := max(c.m2, 0) / float64(p.rows)
		square, variance = square+float64(c.mean*c.mean), variance+v
		name := ""
		if names != nil {
			name = names[j]
		}
		to.Spread = append(to.Spread, c.column(name, p.rows))
	}
	if variance > 0 {
		to.Offset = math.Sqrt(square / variance)
	}
	all := make([]described, len(to.Spread))
	for j := range to.Spread {
		c := &to.Spread[j]
		c.Look = p.looks.look(j, true, false)
		all[j] = described{&c.Look, c.Name, features.Numeric, 0}
		if c.Name == "" {
			all[j].name = strconv.Itoa(j)
		}
	}
	at, err := targetOf(target, all, to.Files[0].Name)
	if err == nil {
		p.looks.warn(all, at, 0)
	}
	return err
}

// median is the lower median of the values, each as often as it is there.
func (s *sketch) median() float64 {
	all := make([]group, 0, len(s.counts))
	var n int64
	for _, g := range s.counts {
		all = append(all, g)
		n += g.count
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Compare(a.value, b.value) })
	var seen int64
	for _, g := range all {
		if seen += g.count; 2*seen >= n {
			return g.value
		}
	}
	return 0
}
