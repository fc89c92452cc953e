package vectorio

import (
	"context"
	"errors"
	"fmt"
	"io"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// table encodes the rows of a chunk of a table.
type table struct {
	encoder *features.Encoder
	cells   *vectors.Block // rows as they were read
	at      int            // of them, that are encoded
	err     error          // of the row after them
	kept    *keptCells     // the rows that are left of those that are kept; nil: the file is read
}

func newTable(src formats.Source, o *Options, name string) (*table, error) {
	t, ok := src.(formats.Tabular)
	if !ok {
		return nil, fault.File(name, "a table", "numbers")
	}
	fields := t.Fields()
	encoder, err := o.Encoding.Encoder(fields)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &table{encoder: encoder, cells: &vectors.Block{Cells: tables.New(fields)}}, nil
}

// cellRows is how many rows of a table are held as cells.
const cellRows = 1024

// read appends at most so many rows of r to b, encoded.
func (t *table) read(r *Reader, b *vectors.Block, most int) error {
	if t.at == t.cells.Len() {
		if err := t.err; err != nil {
			t.err = nil
			return err
		}
		t.at = 0
		if t.kept != nil {
			t.cells, t.err = t.kept.next(r.chunk.First - r.chunk.Span.First)
		} else {
			t.cells.Reset()
			t.err = r.next(t.cells, min(most, cellRows))
		}
	}
	c := t.cells
	for n := min(c.Len(), t.at+most); t.at < n; t.at++ {
		i := t.at
		if r.targets != nil && lacksTarget(c, i) {
			if r.without++; !r.keeps {
				continue
			}
		}
		if r.cells != nil {
			out, f := r.cells.take(c, i, b)
			if f != nil {
				t.at++
				return f
			}
			if out {
				continue
			}
		}
		if err := t.encoder.Encode(b, c.Cells, i, c.Numbers[i]); err != nil {
			t.at++
			b.TrimTargets()
			var f *fault.Fault
			if errors.As(err, &f) {
				if f.File = r.chunk.Info.Name; c.IDs.Len() > 0 {
					f.ID = c.IDs.At(i).String()
				}
			}
			return err
		}
		if c.IDs.Len() > 0 {
			b.AppendID(c.IDs.At(i))
		}
		if len(c.Target) > 0 {
			b.Target = append(b.Target, c.Target[i])
		}
		if len(c.Labels) > 0 {
			b.Labels = append(b.Labels, c.Labels[i])
		}
		if len(c.Targets) > 0 {
			b.SetTargets(len(c.Targets))
			for k := range c.Targets { // of files of their own, which have numbers
				b.Targets[k].Numbers = append(b.Targets[k].Numbers, c.Targets[k].Numbers[i])
			}
		}
		if len(c.Weights) > 0 {
			b.Weights = append(b.Weights, c.Weights[i])
		}
	}
	return nil
}

// next is the next rows, whose numbers are to be those within the file, as a reader gives them: less this shift.
func (k *keptCells) next(shift int64) (*vectors.Block, error) {
	if len(k.blocks) == 0 {
		return &vectors.Block{Cells: &tables.Table{}}, io.EOF
	}
	b := k.blocks[0]
	k.blocks = k.blocks[1:]
	for i := range b.Numbers {
		b.Numbers[i] -= shift
	}
	return b, nil
}

// Unseen counts cells so far of which the encoding has learned nothing; none without an encoding.
func (r *Reader) Unseen() features.Unseen {
	if r.table == nil {
		return features.Unseen{}
	}
	return r.table.encoder.Unseen()
}

// NoTarget is how many rows so far had no target, and were left out unless Formats.Untargeted says otherwise.
func (r *Reader) NoTarget() int64 {
	if r.targets != nil {
		return r.without
	}
	if r.cells != nil {
		return r.cells.without
	}
	if r.table != nil && r.table.kept != nil {
		return r.table.kept.noTarget
	}
	if u, ok := r.reader.(formats.Untargeted); ok {
		return u.NoTarget()
	}
	return r.without
}

// EachTable gives the rows of a chunk of a table to do, as cells, some at a time, in the same memory; and says how
// many rows have no target, which are left out. Rows at fault go to rejected where the options skip them.
func EachTable(ctx context.Context, c Chunk, o *Options, rejected func(*fault.Fault),
	do func(*tables.Table) error) (noTarget int64, err error) {
	return EachTargeted(ctx, c, o, rejected, func(b *vectors.Block) error { return do(b.Cells) })
}

// EachTargeted is EachTable for who wants the rows' targets, numbers and ids, too: Cells of the block are the rows.
func EachTargeted(ctx context.Context, c Chunk, o *Options, rejected func(*fault.Fault),
	do func(*vectors.Block) error) (noTarget int64, err error) {
	raw := o.lean()
	raw.Formats.Cells = true
	key := raw.cellsKey(&c)
	if noTarget, ok, err := raw.eachKept(&c, key, do); ok {
		return noTarget, err
	}
	faults := 0
	r, err := Open(ctx, c, raw, counted(rejected, &faults))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	src, err := raw.inspect(ctx, c.Info, c.Naming.Options(raw.Formats))
	if err != nil {
		return 0, err
	}
	t, ok := src.(formats.Tabular)
	if !ok {
		return 0, fault.File(c.Info.Name, "a table", "numbers")
	}
	b, record, ended := &vectors.Block{Cells: tables.New(t.Fields())}, raw.cells.record(key, c.Span.Rows), false
	defer func() {
		if record != nil {
			record.end(noTarget, ended && faults == 0)
		}
	}()
	for {
		b.Reset()
		if err := r.read(b, cellRows); err == io.EOF {
			ended = true
			return r.NoTarget(), nil
		} else if err != nil {
			return 0, err
		}
		rows := b
		if r.cells != nil {
			if rows, err = r.cells.strip(r, b); err != nil {
				return 0, err
			}
		}
		if err := do(rows); err != nil {
			return 0, err
		}
		if record == nil {
			continue
		}
		if !record.add(b) {
			record = nil
			continue
		}
		b = &vectors.Block{Cells: tables.New(t.Fields())}
	}
}

// Name names the files of the dataset, in one line.
func (d *Dataset) Name() string { return allOf(d.Files) }
