package triples

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	model "beamlearn/model/triples"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// runFn sorts the triples of chunks into runs.
type runFn struct {
	Columns Columns
	Reading vectorio.Options
	Options Options
}

func (f *runFn) ProcessElement(ctx context.Context, group int, iter func(*vectorio.Chunk) bool, emit func(Run)) error {
	return fault.Mark(f.sort(ctx, group, vectorio.Gather(iter), emit))
}

func (f *runFn) sort(ctx context.Context, group int, chunks []vectorio.Chunk, emit func(Run)) error {
	run := progress.Of(f.Options.RunID)
	run.Begin("sorting triples", chunks[0].Total)
	r := &Reader{Columns: f.Columns, Reading: f.Reading, Numbered: f.Options.Duplicates == model.Last,
		Threads: f.Options.Threads, Run: run}
	var mu sync.Mutex
	var runs []Run
	rejected, err := r.Read(ctx, chunks, func() Taker {
		w := &runWriter{ctx: ctx, options: &f.Options, done: func(r Run) {
			mu.Lock()
			defer mu.Unlock()
			runs = append(runs, r)
		}}
		w.reset()
		return w
	})
	if err != nil {
		return err
	}
	report := Run{Rejected: int64(len(rejected))}
	if len(rejected) > 0 {
		p, err := output.WriteRejected(ctx, f.Options.output(), int64(group), rejected)
		if err != nil {
			return err
		}
		report.Rejects = &p
	}
	triples := int64(0)
	for _, r := range append(runs, report) {
		triples += r.Triples
		emit(r)
	}
	vectorio.Count(ctx, triples, report.Rejected)
	return nil
}

// runWriter gathers triples, and writes them as a run whenever they are so many.
type runWriter struct {
	ctx     context.Context
	options *Options
	part    model.Part
	done    func(Run)
}

func (w *runWriter) reset() {
	w.part = model.Part{Rows: &model.Names{}, Columns: &model.Names{}, Row: w.part.Row[:0], Column: w.part.Column[:0],
		Value: w.part.Value[:0], Time: w.part.Time[:0]}
}

func (w *runWriter) Begin(int) *model.Part { return &w.part }

func (w *runWriter) Full(p *model.Part) error {
	if len(p.Row) < w.options.RunTriples {
		return nil
	}
	return w.Close()
}

// Close writes the run. Its files have names of their own, as which triples an attempt at the same chunks puts together
// depends on its threads.
func (w *runWriter) Close() (err error) {
	if len(w.part.Row) == 0 {
		return nil
	}
	if w.options.Duplicates != model.Last {
		w.part.Time = nil
	}
	r := Run{Name: "run-" + files.NewRunID(), Triples: int64(len(w.part.Row)), TextIDs: w.part.Rows.HasTexts()}
	var to [len(runFiles)]*files.Writer
	defer func() {
		for _, f := range to {
			if f != nil {
				err = errors.Join(err, f.Abandon())
			}
		}
	}()
	for i, ending := range runFiles {
		name := files.Join(w.options.output().Staging(), r.Name+ending)
		if to[i], err = output.Create(w.ctx, w.options.RunID, name); err != nil {
			return err
		}
	}
	if r.Index, r.Entries, err = w.part.WriteRun(to[0], to[1], to[2]); err != nil {
		return err
	}
	for i, f := range to {
		to[i] = nil
		if err := f.Close(); err != nil {
			return err
		}
	}
	w.done(r)
	w.reset()
	return nil
}

// runFiles are the endings of the files of a run.
var runFiles = [...]string{".index", ".entries", ".columns"}

// open opens length bytes of a file of a run, or all where length is negative.
func (o *Options) open(ctx context.Context, r *Run, ending string, offset, length int64) (io.ReadCloser, error) {
	info, err := files.Stat(ctx, files.Join(o.output().Staging(), r.Name+ending))
	if err != nil {
		return nil, err
	}
	return files.Open(info).OpenRange(ctx, offset, length)
}

// planFn merges the indexes of all runs, and deals the rows to tasks.
type planFn struct {
	Options Options
	Source  string
}

// reportOrder puts the report of the plan before those of tasks.
const reportOrder = -1

func (f *planFn) ProcessElement(ctx context.Context, _ int, iter func(*Run) bool, ranges func(Range),
	parts func(output.Part)) error {
	p := &plan{options: &f.Options}
	report := &Report{}
	var r Run
	for iter(&r) {
		report.Triples, report.Rejected = report.Triples+r.Triples, report.Rejected+r.Rejected
		if r.Rejects != nil {
			parts(*r.Rejects)
		}
		if r.Triples > 0 {
			p.runs = append(p.runs, r)
		}
		r = Run{}
	}
	if len(p.runs) == 0 {
		return fault.Mark(fault.File(f.Source, "triples", "none"))
	}
	columns, err := p.columns(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	if err := p.merge(ctx); err != nil {
		return fault.Mark(err)
	}
	report.Columns, report.Rows = int64(columns), p.rows
	for shard := range f.Options.NumShards {
		shape := output.Shape(0, report.Columns)
		shape.Shard = shard
		parts(shape)
	}
	told, err := output.Report(reportOrder, report)
	if err != nil {
		return err
	}
	parts(told)
	p.deal(ranges)
	return nil
}

// plan is where the rows of the output stand.
type plan struct {
	options *Options
	runs    []Run
	pieces  []Piece
	rows    int64
}

// columns writes down the ids of all columns, and returns how many there are.
func (p *plan) columns(ctx context.Context) (int, error) {
	var ids vectors.IDs
	if known := p.options.Known; known != "" {
		var err error
		if ids, err = ReadColumns(ctx, known); err != nil {
			return 0, err
		}
	} else {
		names := &model.Names{}
		for i := range p.runs {
			r, err := p.options.open(ctx, &p.runs[i], ".columns", 0, -1)
			if err != nil {
				return 0, err
			}
			if err := errors.Join(model.ReadColumns(r, names), r.Close()); err != nil {
				return 0, err
			}
		}
		ids, _ = model.Union([]*model.Names{names})
	}
	names := make([]string, ids.Len())
	for i := range names {
		names[i] = ids.At(i).String()
	}
	return ids.Len(), errors.Join(
		p.write(ctx, p.options.columnsFile(), func(w io.Writer) error { return model.WriteColumns(w, ids) }),
		p.write(ctx, p.options.output().Names, func(w io.Writer) error { return json.NewEncoder(w).Encode(names) }))
}

// write writes a file of the staging directory.
func (p *plan) write(ctx context.Context, name string, fill func(io.Writer) error) error {
	w, err := output.Create(ctx, p.options.RunID, name)
	if err != nil {
		return err
	}
	return w.Fill(true, fill)
}

// merge finds the rows of all runs, in their order, and cuts them into pieces of about so many triples.
func (p *plan) merge(ctx context.Context) (err error) {
	readers := make([]*model.IndexReader, len(p.runs))
	for i := range p.runs {
		r, err := p.options.open(ctx, &p.runs[i], ".index", 0, -1)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		readers[i] = model.NewIndexReader(r)
	}
	merged, err := model.Merge(readers)
	if err != nil {
		return err
	}
	ends, began := make([]Slice, len(p.runs)), make([]Slice, len(p.runs)) // where runs stand, by Index and Entries
	triples, first := int64(0), int64(0)
	cut := func() {
		piece := Piece{First: first, Rows: p.rows - first}
		for i, end := range ends {
			if b := began[i]; end.Index > b.Index {
				piece.Slices = append(piece.Slices, Slice{Run: i, Index: b.Index, Entries: b.Entries,
					IndexBytes: end.Index - b.Index, EntryBytes: end.Entries - b.Entries})
			}
		}
		copy(began, ends)
		p.pieces, triples, first = append(p.pieces, piece), 0, p.rows
	}
	for {
		_, more, err := merged.Next(func(run int, row model.Indexed) error {
			ends[run].Index, ends[run].Entries = row.Index, ends[run].Entries+row.Bytes
			triples += row.Count
			return nil
		})
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if p.rows++; triples >= int64(p.options.PieceTriples) {
			cut()
		}
	}
	if first < p.rows {
		cut()
	}
	return nil
}

// rangePieces is how many pieces a task merges.
const rangePieces = 16

// deal gives the pieces to tasks.
func (p *plan) deal(ranges func(Range)) {
	for lo := 0; lo < len(p.pieces); lo += rangePieces {
		r := Range{Ordinal: int64(lo / rangePieces), Total: p.rows, Runs: p.runs,
			Pieces: p.pieces[lo:min(lo+rangePieces, len(p.pieces))]}
		ranges(r)
	}
}

// columnsShared has those of a run in each worker process.
var columnsShared = output.NewShared[*model.Columns]()

// mergeFn merges the rows of a range, and writes them.
type mergeFn struct{ Options Options }

// mergedPiece is the rows of a piece.
type mergedPiece struct {
	block  *vectors.Block
	report Report
	err    error
}

func (f *mergeFn) ProcessElement(ctx context.Context, r Range, emit func(output.Part)) error {
	run := progress.Of(f.Options.RunID)
	run.Begin("merging rows", r.Total)
	columns, _, err := columnsShared.Get(f.Options.RunID, func() (*model.Columns, error) {
		ids, err := f.Options.columns(ctx)
		return model.NewColumns(ids), err
	})
	if err != nil {
		return fault.Mark(err)
	}
	var done Report
	to := f.Options.output()
	parts, err := output.Run(ctx, to, r.Ordinal, r.Total, func(ctx context.Context, out *output.Task) error {
		threads := cmp.Or(f.Options.Threads, runtime.GOMAXPROCS(0))
		for lo := 0; lo < len(r.Pieces); lo += threads {
			some := make([]mergedPiece, min(threads, len(r.Pieces)-lo))
			var wg sync.WaitGroup
			for i := range some {
				wg.Go(func() { some[i] = f.merge(ctx, &r, &r.Pieces[lo+i], columns) })
			}
			wg.Wait()
			for _, p := range some {
				if p.err != nil {
					return p.err
				}
				err := out.Write(p.block.Numbers, func(w results.PartWriter, from, to int) error {
					return w.WriteRows(&results.Rows{Block: p.block, From: from, To: to, Threads: f.Options.Threads})
				})
				if err != nil {
					return err
				}
				done.Merged, done.Unknown, done.Nonzero = done.Merged+p.report.Merged, done.Unknown+p.report.Unknown,
					done.Nonzero+int64(p.block.Sparse.Entries())
				run.Add(int64(p.block.Len()))
				rowsWritten.Inc(ctx, int64(p.block.Len()))
			}
		}
		return nil
	})
	if err != nil {
		return fault.Mark(err)
	}
	report, err := output.Report(r.Ordinal, &done)
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

// merge makes the rows of a piece.
func (f *mergeFn) merge(ctx context.Context, r *Range, piece *Piece, columns *model.Columns) (m mergedPiece) {
	m.block = &vectors.Block{Dim: columns.Len(), DType: vectors.Float64, Sparse: &vectors.CSR{}}
	m.err = f.mergeInto(ctx, r, piece, columns, &m)
	return m
}

func (f *mergeFn) mergeInto(ctx context.Context, r *Range, piece *Piece, columns *model.Columns,
	to *mergedPiece) (err error) {
	var indexes []*model.IndexReader
	var entries []*model.EntryReader
	var opened []io.Closer
	open := func(run int, ending string, offset, length int64) (io.Reader, error) {
		if run < 0 || run >= len(r.Runs) {
			return nil, fmt.Errorf("triples: run %d of %d", run, len(r.Runs))
		}
		from, err := f.Options.open(ctx, &r.Runs[run], ending, offset, length)
		if err == nil {
			opened = append(opened, from)
		}
		return from, err
	}
	defer func() {
		for _, c := range opened {
			err = errors.Join(err, c.Close())
		}
	}()
	for _, s := range piece.Slices {
		index, err := open(s.Run, ".index", s.Index, s.IndexBytes)
		if err != nil {
			return err
		}
		of, err := open(s.Run, ".entries", s.Entries, s.EntryBytes)
		if err != nil {
			return err
		}
		indexes = append(indexes, model.NewIndexReader(index))
		entries = append(entries, model.NewEntryReader(of, f.Options.Duplicates == model.Last))
	}
	merged, err := model.Merge(indexes)
	if err != nil {
		return err
	}
	var row []model.Entry
	for {
		row = row[:0]
		id, more, err := merged.Next(func(run int, at model.Indexed) error {
			var unknown int64
			row, unknown, err = entries[run].Append(row, at.Count, columns)
			to.report.Unknown += unknown
			return err
		})
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := to.add(id, row, piece.First, f.Options.Duplicates); err != nil {
			return err
		}
	}
	if n := int64(to.block.Len()); n != piece.Rows {
		return fmt.Errorf("triples: %d rows of a piece of %d", n, piece.Rows)
	}
	return nil
}

// add adds a row of these triples.
func (m *mergedPiece) add(id vectors.ID, row []model.Entry, first int64, d model.Duplicates) error {
	d.Sort(row)
	columns, values := make([]int32, 0, len(row)), make([]float64, 0, len(row))
	for from := 0; from < len(row); {
		to := from + 1
		for to < len(row) && row[to].Column == row[from].Column {
			to++
		}
		e := d.Merge(row[from:to])
		if e.Value-e.Value != 0 {
			return fmt.Errorf("the values of row %s add up beyond float64", id)
		}
		m.report.Merged += int64(to - from - 1)
		if e.Value != 0 {
			columns, values = append(columns, int32(e.Column)), append(values, e.Value)
		}
		from = to
	}
	m.block.AppendSparse(columns, values, first+int64(m.block.Len()))
	m.block.AppendID(id)
	return nil
}
