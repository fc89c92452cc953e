package features

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	model "beamlearn/model/features"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var rowsEncoded = beam.NewCounter("features", "rows_encoded")

func init() {
	registry.DoFns(&applyFn{})
}

// ApplyOptions say what is written. A field that is not Required has its Default.
type ApplyOptions struct {
	// ID, Target and Weight name what is written beside the features, where the reading options say that rows have it.
	// Default: not written.
	ID, Target, Weight string
	// Texts says that targets are texts, as the reading options must say then, too. Default: numbers.
	Texts bool
	// Threads is how many goroutines share the writing of a chunk. Default: GOMAXPROCS of the worker.
	Threads int
	// Destination is where the rows go. Its Output is Required: PATH/NAME.svm, .npz, .npy, .csv, .jsonl or .parquet.
	output.Destination
	// Workers say where the job runs. Default: placement.Remote.
	Workers placement.Workers
}

// ApplyJob is rows of tables, how they are encoded, and where they go.
type ApplyJob struct {
	// Encoding is Required, unless rows are numbers, which stay as they are.
	Encoding *model.Encoding
	// Data are the rows, and Reading how they are read: both as [vectorio.Dataset.Encoded] makes them.
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Options ApplyOptions
}

// Validate reports every fault of the options, and of what they ask of the encoding, at once.
func (j *ApplyJob) Validate() error {
	if j.Options.Threads < 0 {
		return errors.Join(fmt.Errorf("threads %d: must be at least 1", j.Options.Threads), j.output().Validate())
	}
	return j.output().Validate()
}

// Check is Validate of a job that need not have an output, nor its encoding yet.
func (j *ApplyJob) Check() error {
	if j.Options.Output != "" || j.Options.Threads < 0 {
		checked := *j
		checked.Options.Output = cmp.Or(j.Options.Output, "x.svm")
		return checked.Validate()
	}
	return nil
}

func (j *ApplyJob) output() *output.Options {
	o := &j.Options
	l := &results.Features{
		Dim: 1, Names: []string{"\x00"}, ID: o.ID, Target: o.Target, Weight: o.Weight, Texts: o.Texts,
		Float32: j.Reading.Formats.DType == vectors.Float32,
	}
	if e := j.Encoding; e != nil {
		if l.Dim, l.Names = e.Dim(), nil; l.Dim <= results.MaxColumns {
			l.Names = e.Names()
		}
	} else if j.Data != nil && !j.Reading.Formats.Cells {
		l.Dim, l.Names = j.Data.Dim, j.Data.Columns
		if l.Names == nil && l.Dim <= results.MaxColumns {
			for i := range l.Dim {
				l.Names = append(l.Names, strconv.Itoa(i))
			}
		}
	}
	return o.Of(results.Layout{Features: l})
}

// LosesIDs reports whether rows have ids, and the format of the output holds none.
func (j *ApplyJob) LosesIDs() bool {
	o := j.output()
	f, err := results.Detect(o.Path, o.Format, o.Layout)
	return err == nil && j.Options.ID != "" && !f.HoldsIDs()
}

// Apply adds to a pipeline that every row is read, encoded, and written, in their order; PCollections: none. It fails
// where the job is not valid. A worker needs the encoding and, for each bundle that it runs, three blocks of
// ChunkRows rows. The output has the same bytes at any chunk size.
func Apply(s beam.Scope, j *ApplyJob) error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Confine(j.Data)
	if err := j.Validate(); err != nil {
		return fmt.Errorf("features.Apply: %w", err)
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("features.Apply")
	fn := &applyFn{Reading: j.Reading, Output: *j.output(), Dim: j.Data.Dim, Threads: j.Options.Threads}
	output.Publish(s, beam.ParDo(s, fn, vectorio.Chunks(s, j.Data, j.Options.Workers)), fn.Output)
	return nil
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func (j *ApplyJob) Clean(ctx context.Context) error { return output.Clean(ctx, j.output()) }

// applyFn encodes the rows of a chunk.
type applyFn struct {
	Reading vectorio.Options
	Output  output.Options
	Dim     int
	Threads int
}

// applied says what was done with a chunk.
type applied struct {
	Rows, Rejected int64
	Entries        int64 // features that are not zero
	NoTarget       int64 `json:",omitempty"`
	model.UnseenCells
	Write float64 // seconds
}

func (f *applyFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(output.Part)) error {
	run := progress.Of(f.Output.RunID)
	run.Phase("encoding")
	run.Total(c.Total)
	var done applied
	parts, err := output.Run(ctx, &f.Output, c.Ordinal, c.Total, func(ctx context.Context, out *output.Task) error {
		seen, err := vectorio.EachAhead(ctx, c, &f.Reading, f.Dim, func(b vectorio.Batch) error {
			for _, r := range b.Rejected {
				out.Reject(r)
			}
			start := time.Now()
			err := out.Write(b.Rows.Numbers, func(w results.PartWriter, from, to int) error {
				return w.WriteRows(&results.Rows{Block: b.Rows, From: from, To: to, Threads: f.Threads})
			})
			done.Write += time.Since(start).Seconds()
			done.Rows += int64(b.Rows.Len())
			done.Entries += nonzero(b.Rows)
			run.Add(int64(b.Rows.Len()))
			return err
		})
		done.NoTarget, done.Rejected = seen.NoTarget, out.Rejected()
		done.UnseenCells = seen.Unseen.Named(f.Reading.Encoding)
		return err
	})
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, done.Rows, done.Rejected)
	rowsEncoded.Inc(ctx, done.Rows)
	report, err := output.Report(c.Ordinal, &done)
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

// nonzero counts the features of rows that are not zero.
func nonzero(b *vectors.Block) (n int64) {
	if b.Sparse != nil {
		return int64(len(b.Sparse.Values))
	}
	for _, v := range b.F32 {
		if v != 0 {
			n++
		}
	}
	for _, v := range b.F64 {
		if v != 0 {
			n++
		}
	}
	return n
}

// ApplyReport is what was written.
type ApplyReport struct {
	Rows     int64 `json:"rows"`
	Rejected int64 `json:"rejected_rows"`
	NoTarget int64 `json:"rows_without_target,omitempty"`
	Features int   `json:"features"`
	Nonzero  int64 `json:"nonzero"` // features of all rows that are not zero
	// UnseenCells are cells of which the encoding has learned nothing.
	model.UnseenCells
	Write         float64  `json:"write_s"`    // added up over the workers
	Assemble      float64  `json:"assemble_s"` // added up over the shards
	OutputFiles   []string `json:"output_files"`
	RejectedFiles []string `json:"rejected_files,omitempty"`
}

// Report reads what a finished run has left, before [ApplyJob.Clean].
func (j *ApplyJob) Report(ctx context.Context) (*ApplyReport, error) {
	r := &ApplyReport{Features: j.output().Layout.Features.Dim}
	s, err := output.ReadReports(ctx, j.output(), func(b []byte) error {
		var c applied
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		r.Rows, r.Rejected, r.NoTarget = r.Rows+c.Rows, r.Rejected+c.Rejected, r.NoTarget+c.NoTarget
		r.Nonzero, r.Write = r.Nonzero+c.Entries, r.Write+c.Write
		r.UnseenCells.Add(c.UnseenCells)
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Assemble, r.OutputFiles, r.RejectedFiles = s.Assemble, s.OutputFiles, s.RejectedFiles
	return r, nil
}

// Read reads an encoding: the file of one, or a model in JSON that has one.
func Read(ctx context.Context, name string) (*model.Encoding, error) {
	b, err := files.ReadFile(ctx, name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.File(name, expected, "no file of that name")
	}
	if err != nil {
		return nil, err
	}
	return Parse(name, b)
}

const expected = "a fitted encoding, as transform --output_encoding writes it, or a model of tables"

// Parse is Read of the bytes of a file, which faults call name.
func Parse(name string, b []byte) (*model.Encoding, error) {
	var of struct {
		Encoding json.RawMessage `json:"encoding"`
		Columns  json.RawMessage `json:"columns"`
	}
	if err := json.Unmarshal(b, &of); err != nil {
		return nil, fault.File(name, expected, "%s", fault.JSON(b, err))
	}
	if of.Encoding == nil && of.Columns == nil {
		return nil, fault.File(name, expected, "JSON without one")
	}
	if of.Encoding != nil {
		b = of.Encoding
	}
	e := new(model.Encoding)
	if err := e.UnmarshalJSON(b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if what, more := e.Pass(); more {
		return nil, fault.File(name, "an encoding that is complete", "one without the %s", what)
	}
	return e, nil
}

// Write writes an encoding as [Read] reads it, whole or not at all.
func Write(ctx context.Context, name string, e *model.Encoding) error {
	b, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	return files.OutputFile(ctx, name, append(b, '\n'))
}
