package vectorio

import (
	"context"
	"errors"
	"io"
	"strconv"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// Reader reads the rows of a chunk.
type Reader struct {
	chunk    Chunk
	options  Options
	reader   formats.Reader
	targets  *targetReader // nil where the rows bring their own, or have none
	rejected func(*fault.Fault)
	table    *table       // nil where rows are numbers as they are read
	split    *splitter    // nil where there are not several targets, or rows are those of a table
	cells    *cellTargets // of a table that has several targets; or nil
	columns  []string     // names of those of the vector; nil where they have none
	keeps    bool         // rows without a target
	without  int64        // of them, but for those that the formats' reader counts
	row      []float64
	only     func(number int64) bool // nil where all rows are wanted
	at       int64                   // with only: the row of the file before which nothing is left to read
}

// Open opens a chunk. Rows at fault go to rejected where the options skip them.
func Open(ctx context.Context, c Chunk, o Options, rejected func(*fault.Fault)) (*Reader, error) {
	if c.ZeroBased != "" {
		o.Formats.Features, o.Formats.ZeroBased = c.Features, c.ZeroBased
	}
	keeps := o.Formats.Untargeted
	o.Formats.Untargeted = keeps || !o.Formats.Cells // which the reader leaves out
	src, err := o.inspect(ctx, c.Info, c.Naming.Options(o.Formats))
	if err != nil {
		return nil, err
	}
	var kept *keptCells
	if o.Encoding != nil {
		kept = o.cells.take(o.cellsKey(&c), c.Span.Rows)
	}
	var r formats.Reader = nothing{}
	if kept == nil {
		if r, err = src.Read(ctx, c.Span); err != nil {
			return nil, err
		}
	}
	reader := &Reader{chunk: c, options: o, reader: r, rejected: rejected, keeps: keeps, columns: src.Columns()}
	if o.Encoding != nil {
		if reader.table, err = newTable(src, &o, c.Info.Name); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		reader.table.kept = kept
	}
	if n := len(o.TargetColumns); n > 0 && o.Formats.Cells {
		reader.cells = newCellTargets(&o, c.Info.Name)
	} else if n > 0 {
		reader.split = newSplitter(src.Dim()-n, n)
	}
	if len(c.Targets) > 0 {
		reader.targets = newTargetReader(ctx, c, &reader.options)
	}
	return reader, nil
}

// Only makes the reader leave out rows that has does not have, by their numbers within the dataset: call it before the
// first Read. A file is read past them as fast as its format allows, and what is wrong with them is not seen.
func (r *Reader) Only(has func(number int64) bool) {
	r.only, r.at = has, r.chunk.Span.First
	if c, ok := r.reader.(formats.Chooser); ok && r.split == nil && r.targets == nil {
		shift := r.chunk.First - r.chunk.Span.First
		c.Choose(func(row int64) bool { return has(row + shift) })
	}
}

// WholeGroups puts chunks together that have parts of one row group, as of .parquet: for who reads a few rows of each
// ([Reader.Only]), and would read the group anew for every part.
func WholeGroups(ctx context.Context, chunks []Chunk, o *Options) ([]Chunk, error) {
	var whole []Chunk
	open := false // whether the last one ends within a group
	for _, c := range chunks {
		src, err := o.inspect(ctx, c.Info, c.Naming.Options(o.Formats))
		if err != nil {
			return nil, err
		}
		end := c.Span.First + c.Span.Rows
		if n := len(whole) - 1; open && whole[n].Info == c.Info && whole[n].First+whole[n].Span.Rows == c.First &&
			len(c.Targets) == 0 {
			whole[n].Span.Rows += c.Span.Rows
		} else {
			whole = append(whole, c)
		}
		g, grouped := src.(formats.Grouped)
		open = grouped && !g.EndsGroup(end)
	}
	return whole, nil
}

// Read appends the next rows of the chunk to b, at most ChunkRows, numbered within the dataset. At the end of the chunk
// it returns io.EOF and no rows.
func (r *Reader) Read(b *vectors.Block) error { return r.read(b, r.options.ChunkRows) }

// Fill appends the next rows of the chunk to b until it has so many, or the chunk ends. Where it ends before any row,
// it returns io.EOF.
func (r *Reader) Fill(b *vectors.Block, rows int) error {
	first := b.Len()
	for b.Len() < rows {
		if err := r.read(b, min(r.options.ChunkRows, rows-b.Len())); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if b.Len() == first {
		return io.EOF
	}
	return nil
}

// next appends at most so many rows, but for those that are left out.
func (r *Reader) next(b *vectors.Block, most int) error {
	first := b.Len()
	err := r.decode(b, most)
	if b.Cells == nil {
		r.leaveOut(b, first)
	}
	return err
}

// leaveOut counts the rows of a block from the first on that have no target, and removes them unless they are kept.
func (r *Reader) leaveOut(b *vectors.Block, first int) {
	if len(b.Target)+len(b.Labels)+len(b.Targets) == 0 {
		return
	}
	var none []int
	for i := first; i < b.Len(); i++ {
		if lacksTarget(b, i) {
			none = append(none, i)
		}
	}
	if r.without += int64(len(none)); !r.keeps {
		b.Remove(none)
	}
}

// lacksTarget reports whether a row has no target, or not all of several.
func lacksTarget(b *vectors.Block, row int) bool {
	switch {
	case len(b.Target) > 0:
		return b.Target[row] != b.Target[row]
	case len(b.Labels) > 0:
		return b.Labels[row] == ""
	}
	for k := range b.Targets {
		if t := &b.Targets[k]; len(t.Numbers) > 0 && t.Numbers[row] != t.Numbers[row] {
			return true
		}
	}
	return false
}

// decode appends at most so many rows, those without a target too.
func (r *Reader) decode(b *vectors.Block, most int) error {
	switch {
	case r.split != nil:
		return r.split.read(r.reader, b, most)
	case r.targets != nil:
		return r.targets.read(r.reader, b, most)
	case r.only != nil:
		return r.decodeOnly(b, most)
	}
	return r.reader.Read(b, most)
}

// decodeOnly appends at most so many rows of those that are wanted, and passes over others where it can.
func (r *Reader) decodeOnly(b *vectors.Block, most int) error {
	s, ok := r.reader.(formats.Skipper)
	if !ok {
		return r.reader.Read(b, most)
	}
	shift, end := r.chunk.First-r.chunk.Span.First, r.chunk.Span.First+r.chunk.Span.Rows
	for n := 0; n < most; {
		for r.at < end && !r.only(r.at+shift) {
			r.at++
		}
		if err := s.SkipTo(r.at); err != nil {
			return err
		}
		to := r.at
		for to < end && to-r.at < int64(most-n) && r.only(to+shift) {
			to++
		}
		before := b.Len()
		err := s.Read(b, max(int(to-r.at), 1))
		n += b.Len() - before
		if f, ok := fault.IsRow(err); ok {
			to = f.Row + 1
		}
		if r.at = to; err == io.EOF && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeOthers removes rows of a block from the first on that are not wanted, as what read them could not pass over
// them.
func (r *Reader) removeOthers(b *vectors.Block, first int) {
	if r.only == nil {
		return
	}
	var others []int
	for i := first; i < b.Len(); i++ {
		if !r.only(b.Numbers[i] - r.chunk.Span.First + r.chunk.First) {
			others = append(others, i)
		}
	}
	b.Remove(others)
}

func (r *Reader) read(b *vectors.Block, rows int) error {
	first := b.Len()
	for b.Len()-first < rows {
		var err error
		before := b.Len()
		if most := rows - (b.Len() - first); r.table == nil {
			err = r.next(b, most)
		} else {
			err = r.table.read(r, b, most)
		}
		r.removeOthers(b, before)
		if err := r.within(b, before); err != nil { // of rows before the one of err
			return err
		}
		if err == io.EOF {
			break
		}
		if f, ok := fault.IsRow(err); ok && (r.options.SkipFaults || r.only != nil) {
			if f.Number = f.Row - r.chunk.Span.First + r.chunk.First; r.targets != nil && f == r.targets.last {
				f.Number = r.targets.lastRow + r.chunk.First
			}
			switch {
			case r.only != nil && !r.only(f.Number):
				continue
			case r.options.SkipFaults:
				r.rejected(f)
				continue
			}
		}
		if err != nil {
			return err
		}
	}
	if b.Len() == first {
		return io.EOF
	}
	for i := first; i < b.Len(); i++ {
		b.Numbers[i] += r.chunk.First - r.chunk.Span.First
	}
	return nil
}

// within rejects the rows of a block from the first on whose values are out of the domain, or fails by the first of
// them. Their numbers are those within the file.
func (r *Reader) within(b *vectors.Block, first int) error {
	if r.options.Domain == nil {
		return nil
	}
	if len(r.row) < b.Dim {
		r.row = make([]float64, b.Dim)
	}
	var out []int
	for i := first; i < b.Len(); i++ {
		broken, column, found := r.options.Domain.Fault(b, i, r.row)
		if broken == nil {
			continue
		}
		f := r.outside(broken, column, found)
		f.Row, f.Number = b.Numbers[i], b.Numbers[i]-r.chunk.Span.First+r.chunk.First
		if b.IDs.Len() > 0 {
			f.ID = b.IDs.At(i).String()
		}
		if !r.options.SkipFaults {
			return f
		}
		r.rejected(f)
		out = append(out, i)
	}
	b.Remove(out)
	return nil
}

// outside is the fault of a value, without its row.
func (r *Reader) outside(broken *vectors.Bound, column int, found float64) *fault.Fault {
	f := &fault.Fault{File: r.chunk.Info.Name, Found: strconv.FormatFloat(found, 'g', -1, 64), Expected: broken.Expected}
	if broken.Missing != 0 && found == broken.Missing {
		f.Found = "nothing"
	}
	columns := r.columns
	if e := r.options.Encoding; e != nil {
		columns = e.Names()
	}
	switch {
	case column <= vectors.TheTarget && len(r.options.TargetColumns) > 0:
		f.Column = r.options.TargetColumns[vectors.TheTarget-column]
	case column <= vectors.TheTarget && r.targets != nil && r.targets.several != nil:
		f.Column = targetName(vectors.TheTarget - column)
	case column == vectors.TheTarget:
		f.Column = r.options.Formats.TargetColumn
	case column < len(columns):
		f.Column = columns[column]
	default:
		f.Column = strconv.Itoa(column)
	}
	return f
}

// EachBlock gives the rows of a chunk to do, a block of them at a time, in the same memory; see [Open].
func EachBlock(ctx context.Context, c Chunk, o *Options, dim int, rejected func(*fault.Fault),
	do func(*vectors.Block) error) (err error) {
	r, err := Open(ctx, c, *o, rejected)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := o.NewBlock(dim)
	for {
		b.Reset()
		if err := r.Read(b); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
	}
}

// Count adds to the counters of rows that were read and rejected. It is for the goroutine of the DoFn alone: Beam's
// counters are not safe for others, which Readers may be used by.
func Count(ctx context.Context, read, rejected int64) {
	rowsRead.Inc(ctx, read)
	rowsRejected.Inc(ctx, rejected)
}

// Close closes the file.
func (r *Reader) Close() error {
	err := r.reader.Close()
	if r.targets != nil {
		err = errors.Join(err, r.targets.close())
	}
	return err
}
