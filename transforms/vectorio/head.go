package vectorio

import (
	"context"
	"errors"
	"io"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// headBytes of a text file are looked at for its first rows.
const headBytes = 4 << 20

// Head reads the first rows of the first file in this process, to look at or to measure with: at most n of them, and of
// text those of its first 4 MiB. Rows at fault are left out.
func (d *Dataset) Head(ctx context.Context, n int, o Options) (*vectors.Block, error) {
	o.EnsureDefaults()
	o.SkipFaults = true
	c, err := d.headChunk(ctx, n, &o)
	if err != nil {
		return nil, err
	}
	r, err := Open(ctx, c, o, func(*fault.Fault) {})
	if err != nil {
		return nil, err
	}
	b := o.NewBlock(d.Dim)
	for err == nil {
		err = r.Read(b)
	}
	if err == io.EOF {
		err = nil
	}
	return b, errors.Join(err, r.Close())
}

// HeadTables is Head for tables: it gives their cells to do, some rows at a time.
func (d *Dataset) HeadTables(ctx context.Context, n int, o Options, do func(*tables.Table) error) error {
	o.EnsureDefaults()
	o.SkipFaults = true
	c, err := d.headChunk(ctx, n, &o)
	if err != nil {
		return err
	}
	_, err = EachTable(ctx, c, &o, func(*fault.Fault) {}, do)
	return err
}

// headChunk is the first rows of the first file, as Head has them.
func (d *Dataset) headChunk(ctx context.Context, n int, o *Options) (Chunk, error) {
	naming := d.naming[0]
	src, err := inspect(ctx, d.Files[0], naming.Options(o.Formats))
	if err != nil {
		return Chunk{}, err
	}
	c := Chunk{Info: d.Files[0], Span: formats.Span{Rows: src.Rows()}, Features: o.Formats.Features,
		ZeroBased: o.Formats.ZeroBased, Naming: naming}
	if counter, ok := src.(formats.Counter); ok && src.Rows() < 0 {
		count, err := counter.Count(ctx, counter.Ranges(headBytes)[0])
		if err != nil {
			return Chunk{}, err
		}
		spans, err := counter.Resolve([]formats.Count{count})
		if err != nil {
			return Chunk{}, err
		}
		if len(spans) == 0 {
			return Chunk{}, noRows(c.Info.Name)
		}
		c.Span = spans[0]
	}
	c.Span.Rows = min(c.Span.Rows, int64(n))
	c.Total = c.Span.Rows
	c.Targets = cutTargets(d.targets, 0, c.Span.Rows)
	return c, nil
}

// Targeted is a dataset whose targets are read as labels where they are texts, as far as the first rows tell: of n at
// most, more are at fault as numbers than as labels. The options by which rows are read are set so, too.
func (d *Dataset) Targeted(ctx context.Context, n int, reading *Options) (*Dataset, error) {
	o := *reading
	o.EnsureDefaults()
	o.SkipFaults = true
	faults := [2]int{}
	for i, labels := range []bool{false, true} {
		o.Formats.Labels = labels
		c, err := d.headChunk(ctx, n, &o)
		if err != nil {
			return nil, err
		}
		if _, err := EachTable(ctx, c, &o, func(*fault.Fault) { faults[i]++ },
			func(*tables.Table) error { return nil }); err != nil {
			return nil, err
		}
	}
	to := *d
	to.options.Formats.Labels = faults[0] > faults[1]
	reading.Formats.Labels = to.options.Formats.Labels
	return &to, nil
}

// Each reads all rows in this process and gives them to do, a block of them at a time in the same memory: of files that
// are small beside those of the job, as lists of ids are.
func (d *Dataset) Each(ctx context.Context, o Options, do func(*vectors.Block) error) error {
	o.EnsureDefaults()
	var pieces []FilePiece
	split := &splitFn{Options: d.options.lean(), RangeBytes: rangeBytes(d.Bytes)}
	for i, info := range d.Files {
		err := split.ProcessElement(ctx, FilePiece{File: i, Info: info, Naming: d.naming[i]}, func(p FilePiece) {
			pieces = append(pieces, p)
		})
		if err != nil {
			return err
		}
	}
	number := &numberFn{Options: d.options.lean(), Targets: d.targets}
	list, err := number.ProcessElement(ctx, 0, func(p *FilePiece) bool {
		if len(pieces) == 0 {
			return false
		}
		*p, pieces = pieces[0], pieces[1:]
		return true
	})
	if err != nil {
		return err
	}
	for _, c := range list.Chunks {
		each := EachBlock
		if o.Formats.Cells {
			each = eachCells
		}
		if err := each(ctx, c, &o, d.Dim, func(*fault.Fault) {}, do); err != nil {
			return err
		}
	}
	return nil
}

// eachCells is [EachTargeted] as [EachBlock] is called.
func eachCells(ctx context.Context, c Chunk, o *Options, _ int, rejected func(*fault.Fault),
	do func(*vectors.Block) error) error {
	_, err := EachTargeted(ctx, c, o, rejected, do)
	return err
}
