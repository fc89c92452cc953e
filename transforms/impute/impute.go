// Package impute fills missing numbers of tables from the nearest rows that have them, in a Beam pipeline, and writes
// the tables:
//
//	points ─▶ build, in one place ─▶ rows to fill ─▶ ParDo: fill and copy ─▶ output.Publish
//
// What flows are descriptions of rows. The points go to the workers by a file.
package impute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors/impute"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var (
	imputersBuilt = beam.NewCounter("impute", "imputers_built")
	cellsFilled   = beam.NewCounter("impute", "cells_filled")
)

func init() {
	registry.DoFns(&buildFn{}, &fillFn{})
	register.Iter1[vectorio.Chunk]()
	register.Emitter1[task]()
	register.Emitter1[output.Part]()
	registry.Element(encodeTask, decodeTask)
}

// Options say how numbers are filled in, and where the rows go. A field that is not Required has its Default.
type Options struct {
	impute.Options
	// Threads is how many goroutines share the rows of a chunk. Default: GOMAXPROCS of the worker.
	Threads int
	// Destination is where the rows go. Its Output is Required, and of the format of the input.
	output.Destination
	// Staging is a directory that every worker reaches, for what goes from step to step. Default: that of the output.
	Staging string
	// Workers say where the job runs. Default: placement.Remote.
	Workers placement.Workers
}

// Job is the points, the rows to fill from them, and the options.
type Job struct {
	Points *vectorio.Dataset
	// Queries are the rows to fill. Default: the points themselves.
	Queries *vectorio.Dataset
	Reading vectorio.Options
	// Copied says how the rows that are written stand in their files, as [Job.Inspect] finds it.
	Copied  formats.Copied
	Options Options
}

// Inspect finds the points and, where there are patterns of them, the rows to fill. Both are read so that a number may
// be missing.
func (j *Job) Inspect(ctx context.Context, points, queries []string) (err error) {
	j.Reading.Formats.Missing, j.Reading.Formats.DType = true, vectors.Float64
	if j.Points, err = vectorio.Inspect(ctx, points, j.Reading); err != nil {
		return err
	}
	if len(queries) > 0 {
		if j.Queries, err = vectorio.InspectLike(ctx, queries, j.Points.Columns, j.Points.Name(), j.Reading); err != nil {
			return err
		}
		if j.Queries.Dim != j.Points.Dim {
			expected := fmt.Sprintf("%d columns, as %s has", j.Points.Dim, j.Points.Name())
			return fault.File(j.Queries.Name(), expected, "%d", j.Queries.Dim)
		}
	}
	copied, err := j.filled().Copies(ctx, true)
	if err == nil {
		j.Copied = *copied
	}
	return err
}

// filled are the rows that are filled.
func (j *Job) filled() *vectorio.Dataset {
	if j.Queries != nil {
		return j.Queries
	}
	return j.Points
}

// Validate reports every fault of the options, and of what they ask of the input as far as that is known, at once.
func (j *Job) Validate() error {
	errs := []error{j.Options.Options.Validate(), j.output().Validate()}
	if j.Options.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", j.Options.Threads))
	}
	return errors.Join(errs...)
}

// Memory is about what a worker needs for the points, as far as their number is known.
func (j *Job) Memory() int64 {
	return j.Options.Bytes(max(j.Points.Rows, j.Points.RowsAbout, 0), j.Points.Dim)
}

func (j *Job) output() *output.Options {
	o := j.Options.Of(results.Layout{Copied: &j.Copied})
	o.Scratch = j.Options.Staging
	return o
}

// Impute adds the job to a pipeline; PCollections: none. It fails where the job is not valid. One worker reads the
// points, and each worker process that fills rows holds them, 8 bytes a value, or 16 where they are standardized. The
// output has the same bytes at any chunk size, on any runner.
func Impute(s beam.Scope, j *Job) error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Confine(j.Points, j.filled())
	if err := j.Validate(); err != nil {
		return fmt.Errorf("impute.Impute: %w", err)
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("impute.Impute")
	fn := work{Reading: j.Reading, Options: j.Options, Output: *j.output(), Dim: j.Points.Dim, Columns: j.Points.Columns}
	points := beam.AddFixedKey(s, vectorio.Chunks(s.Scope("Points"), j.Points, j.Options.Workers))
	rows := points
	if j.Queries != nil {
		rows = beam.AddFixedKey(s, vectorio.Chunks(s.Scope("Queries"), j.Queries, j.Options.Workers))
	}
	build := &buildFn{work: fn, Self: j.Queries == nil}
	tasks, built := beam.ParDo2(s, build, beam.CoGroupByKey(s, points, rows))
	parts := beam.ParDo(s, &fillFn{work: fn}, beam.Reshuffle(s, tasks))
	output.Publish(s, beam.Flatten(s, built, parts), fn.Output)
	return nil
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func (j *Job) Clean(ctx context.Context) error { return output.Clean(ctx, j.output()) }

// task is a chunk to fill.
type task struct {
	Chunk vectorio.Chunk
	// Points is the file of the points, "" where this process has built them.
	Points string
}

func encodeTask(t task) ([]byte, error) { return json.Marshal(t) }
func decodeTask(b []byte) (task, error) { return jsoncoder.Decode[task](b) }

// work is what all DoFns know.
type work struct {
	Reading vectorio.Options
	Options Options
	Output  output.Options
	Dim     int
	Columns []string
}

// imputers are those of the runs of this process.
var imputers = output.NewShared[*impute.Imputer]()

// buildFn reads the points, and then gives the chunks to fill.
type buildFn struct {
	work
	Self bool // these are the chunks of the points
}

func (f *buildFn) ProcessElement(
	ctx context.Context, _ int, points, rows func(*vectorio.Chunk) bool, tasks func(task), parts func(output.Part),
) error {
	progress.Of(f.Options.RunID).Phase("reading points")
	start := time.Now()
	m, rejected, err := f.read(ctx, vectorio.Gather(points))
	if err != nil {
		return fault.Mark(err)
	}
	r := Report{Points: int64(m.Len()), Dim: f.Dim, ReadPoints: time.Since(start).Seconds(), Empty: f.empty(m)}
	path := ""
	if f.Options.Workers == placement.InProcess {
		if _, _, err := imputers.Get(f.Options.RunID, func() (*impute.Imputer, error) { return m, nil }); err != nil {
			return err
		}
	} else if path, err = f.save(ctx, m); err != nil {
		return fault.Mark(err)
	}
	imputersBuilt.Inc(ctx, 1)
	for _, c := range vectorio.Gather(rows) {
		tasks(task{Chunk: c, Points: path})
	}
	const first = -1
	if len(rejected) > 0 && !f.Self { // else those who fill tell of them
		r.Rejected = int64(len(rejected))
		p, err := output.WriteRejected(ctx, &f.Output, first, rejected)
		if err != nil {
			return fault.Mark(err)
		}
		parts(p)
	}
	report, err := output.Report(first, r)
	if err != nil {
		return err
	}
	parts(report)
	return nil
}

// read makes an Imputer of chunks.
func (f *buildFn) read(
	ctx context.Context, chunks []vectorio.Chunk,
) (m *impute.Imputer, rejected []*fault.Fault, err error) {
	if m, err = impute.New(f.Dim, f.Options.Options); err != nil {
		return nil, nil, err
	}
	for _, c := range chunks {
		reject := func(r *fault.Fault) { rejected = append(rejected, r) }
		err := vectorio.EachBlock(ctx, c, &f.Reading, f.Dim, reject, func(b *vectors.Block) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f.located(m.Add(b), c)
		})
		if err != nil {
			return nil, nil, err
		}
	}
	m.Fit()
	return m, rejected, nil
}

// located gives a fault its file, its row there, and the name of its column.
func (f *work) located(err error, c vectorio.Chunk) error {
	var bad *fault.Fault
	if errors.As(err, &bad) {
		bad.File, bad.Row = c.Info.Name, bad.Row-c.First+c.Span.First
		for j := range f.Columns {
			if bad.Column == fmt.Sprint(j) {
				bad.Column = f.Columns[j]
				break
			}
		}
	}
	return err
}

// empty are the columns in which no point has a number.
func (f *work) empty(m *impute.Imputer) (names []string) {
	for j := range f.Dim {
		if m.Present(j) > 0 {
			continue
		}
		if f.Columns != nil {
			names = append(names, f.Columns[j])
		} else {
			names = append(names, fmt.Sprint(j))
		}
	}
	return names
}

// save leaves the points in a file for the workers.
func (f *buildFn) save(ctx context.Context, m *impute.Imputer) (string, error) {
	path := files.Join(f.Output.Staging(), "points")
	w, err := output.Create(ctx, f.Options.RunID, path)
	if err != nil {
		return "", err
	}
	return path, w.Fill(true, func(w io.Writer) error { return m.Save(w) })
}

// load gives the points of a run.
func (f *fillFn) load(ctx context.Context, path string) (*impute.Imputer, error) {
	m, _, err := imputers.Get(f.Options.RunID, func() (m *impute.Imputer, err error) {
		if path == "" {
			return nil, errors.New("impute: the points are in another process: these workers are not in process")
		}
		if dir, _ := files.Split(path); dir != files.Join(f.Output.Staging(), "") {
			return nil, fmt.Errorf("impute: points in %s, expected them in %s", path, f.Output.Staging())
		}
		info, err := files.Stat(ctx, path)
		if err != nil {
			return nil, err
		}
		r, err := files.OpenRead(ctx, path)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		return impute.Load(r, info.Size)
	})
	return m, err
}

// fillFn fills the rows of a chunk, and copies them.
type fillFn struct{ work }

func (f *fillFn) ProcessElement(ctx context.Context, t task, emit func(output.Part)) error {
	run := progress.Of(f.Options.RunID)
	run.Phase("imputing")
	run.Total(t.Chunk.Total)
	m, err := f.load(ctx, t.Points)
	if err != nil {
		return fault.Mark(err)
	}
	r := Report{}
	fill := func(ctx context.Context, out *output.Task) error { return f.fill(ctx, t.Chunk, m, out, &r) }
	parts, err := output.Run(ctx, &f.Output, t.Chunk.Ordinal, t.Chunk.Total, fill)
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, r.Rows, r.Rejected)
	cellsFilled.Inc(ctx, r.Filled)
	report, err := output.Report(t.Chunk.Ordinal, r)
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

func (f *fillFn) fill(
	ctx context.Context, c vectorio.Chunk, m *impute.Imputer, out *output.Task, r *Report,
) (err error) {
	copies, err := vectorio.OpenCopy(ctx, c, &f.Reading, f.Output.Layout.Copied)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copies.Close()) }()
	var raw []byte
	_, err = vectorio.EachAhead(ctx, c, &f.Reading, f.Dim, func(b vectorio.Batch) error {
		for _, bad := range b.Rejected {
			out.Reject(bad)
		}
		if b.Rows.Len() == 0 {
			return nil
		}
		start := time.Now()
		cells, err := m.Fill(b.Rows, f.Options.Threads)
		if err != nil {
			return f.located(err, c)
		}
		r.Search += time.Since(start).Seconds()
		r.count(b.Rows, cells)
		start = time.Now()
		at := 0
		err = out.Write(b.Rows.Numbers, func(p results.PartWriter, from, to int) error {
			rows := make([]int64, 0, to-from)
			for _, n := range b.Rows.Numbers[from:to] {
				rows = append(rows, n-c.First+c.Span.First)
			}
			var copied []formats.CopiedCell
			for ; at < len(cells) && cells[at].Row < to; at++ {
				cell := &cells[at]
				copied = append(copied, formats.CopiedCell{Row: cell.Row - from, Column: cell.Column, Value: cell.Value})
			}
			var err error
			if raw, err = copies.Append(raw[:0], rows, copied); err != nil {
				return err
			}
			return p.WriteCopy(raw, to-from)
		})
		r.Write += time.Since(start).Seconds()
		progress.Of(f.Options.RunID).Add(int64(b.Rows.Len()))
		return err
	})
	r.Rejected = out.Rejected()
	return err
}

// count counts what was filled in.
func (r *Report) count(b *vectors.Block, cells []impute.Cell) {
	r.Rows += int64(b.Len())
	last := -1
	for _, c := range cells {
		if c.Row != last {
			r.Lacking++
			last = c.Row
		}
		r.Filled++
		if c.Mean {
			r.Means++
		}
	}
	for _, v := range b.F64 {
		if v != v {
			r.Left++
		}
	}
	r.Left -= int64(len(cells))
}

// Report is what was filled.
type Report struct {
	Points   int64 `json:"points"`
	Dim      int   `json:"dim"`
	Rows     int64 `json:"rows"`
	Lacking  int64 `json:"rows_filled"` // in which a number was filled in
	Filled   int64 `json:"cells_filled"`
	Means    int64 `json:"cells_filled_by_means,omitempty"` // of their columns, as no point is at a distance
	Left     int64 `json:"cells_left,omitempty"`            // in columns without any number
	Rejected int64 `json:"rejected_rows"`
	// Empty are the columns in which no point has a number.
	Empty         []string `json:"columns_without_numbers,omitempty"`
	ReadPoints    float64  `json:"read_points_s"`
	Search        float64  `json:"search_s"` // added up over the workers, as all below
	Write         float64  `json:"write_s"`
	Assemble      float64  `json:"assemble_s"`
	OutputFiles   []string `json:"output_files"`
	RejectedFiles []string `json:"rejected_files,omitempty"`
}

// Report reads what a finished run has left, before [Job.Clean].
func (j *Job) Report(ctx context.Context) (*Report, error) {
	r := &Report{}
	s, err := output.ReadReports(ctx, j.output(), func(b []byte) error {
		var c Report
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		r.Points, r.Dim, r.Rows, r.Lacking = r.Points+c.Points, r.Dim+c.Dim, r.Rows+c.Rows, r.Lacking+c.Lacking
		r.Filled, r.Means, r.Left, r.Rejected = r.Filled+c.Filled, r.Means+c.Means, r.Left+c.Left, r.Rejected+c.Rejected
		r.ReadPoints, r.Search, r.Write = r.ReadPoints+c.ReadPoints, r.Search+c.Search, r.Write+c.Write
		r.Empty = append(r.Empty, c.Empty...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Assemble, r.OutputFiles, r.RejectedFiles = s.Assemble, s.OutputFiles, s.RejectedFiles
	return r, nil
}
