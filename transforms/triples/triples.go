// Package triples makes sparse rows of tables whose rows say a row, a column and a value, in a Beam pipeline:
//
//	chunks ─▶ ParDo: sort into runs, files ─▶ plan: merge the runs' indexes ─▶ ParDo: merge a range ─▶ Publish
//
// What flows are descriptions of chunks, of runs, and of ranges of rows with where they stand in the runs. The outcome
// depends on the triples only: not on the format of the files, nor on chunks, workers or the runner.
package triples

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	model "beamlearn/model/triples"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

var rowsWritten = beam.NewCounter("triples", "rows_written")

func init() {
	registry.DoFns(&runFn{}, &planFn{}, &mergeFn{})
	register.Iter1[vectorio.Chunk]()
	register.Iter1[Run]()
	register.Emitter1[Run]()
	register.Emitter1[Range]()
	register.Emitter1[output.Part]()
	registry.Element(encodeRun, decodeRun)
	registry.Element(encodeRange, decodeRange)
}

// Options of a job. A field that is not Required has its Default.
type Options struct {
	// Duplicates says what becomes of several triples of the same row and column. Default: Sum.
	Duplicates model.Duplicates
	// ID is what the ids of rows are called in the output. Default: id.
	ID string
	// Known is a file of the columns of an earlier job, as [WriteColumns] writes it: the rows have these columns, and
	// triples of others are left out. Default: the columns that the triples have, in the order of their ids.
	Known string `json:",omitempty"`
	// Threads is how many threads a worker has. Default: GOMAXPROCS of the worker.
	Threads int
	// Destination is where the rows go. Its Output is .npz, .svm, .jsonl or .parquet, and Required.
	output.Destination
	// Workers say where the job runs. Default: placement.Remote.
	Workers placement.Workers

	// RunTriples and PieceTriples bound runs and pieces. Default: 2²⁰ and 2¹⁷; tests make them small.
	RunTriples, PieceTriples int `json:",omitempty"`
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	o.Duplicates, o.ID = cmp.Or(o.Duplicates, model.Sum), cmp.Or(o.ID, "id")
	o.RunTriples, o.PieceTriples = cmp.Or(o.RunTriples, 1<<20), cmp.Or(o.PieceTriples, 1<<17)
	o.Destination.EnsureDefaults()
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	errs := []error{o.Duplicates.Validate(), o.output().Validate()}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	return errors.Join(errs...)
}

func (o *Options) output() *output.Options {
	to := o.Of(results.Layout{Features: &results.Features{Listed: true, ID: o.ID}})
	if to.Path != "" {
		to.Names = files.Join(to.Staging(), "names")
	}
	return to
}

// columnsFile is where a run leaves the ids of its columns.
func (o *Options) columnsFile() string { return files.Join(o.output().Staging(), "columns") }

// Job is triples, and what to make of them.
type Job struct {
	Columns Columns
	// Data are the triples, and Reading how they are read: [Inspect] makes them.
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Options Options
}

// Validate reports every fault at once.
func (j *Job) Validate() error {
	errs := []error{j.Columns.Validate(), j.Options.Validate()}
	if j.Columns.Time != "" {
		errs = append(errs, errors.New("a column of times is of no use to rows"))
	}
	return errors.Join(errs...)
}

// Run is triples sorted by their rows, in files of a worker's: see [model.Part.WriteRun].
type Run struct {
	Name           string // of its files in the staging directory, but for their endings
	Triples        int64
	Index, Entries int64 // bytes of each file
	TextIDs        bool  `json:",omitempty"`
	// Rejected is how many rows the worker has left out, and Rejects the part that lists them; of one run of a worker.
	Rejected int64        `json:",omitempty"`
	Rejects  *output.Part `json:",omitempty"`
}

func encodeRun(r Run) ([]byte, error) { return json.Marshal(r) }

func decodeRun(b []byte) (Run, error) {
	r, err := jsoncoder.Decode[Run](b)
	if err == nil {
		err = r.check()
	}
	return r, err
}

// check refuses a run of another worker whose name leads out of the staging directory.
func (r *Run) check() error {
	if r.Name == "" && r.Triples > 0 || strings.ContainsAny(r.Name, `/\`) {
		return fmt.Errorf("triples: a run called %q", r.Name)
	}
	return nil
}

// Slice is consecutive rows of a run, by where they stand in its files.
type Slice struct {
	Run            int // of the range
	Index, Entries int64
	IndexBytes     int64
	EntryBytes     int64
}

// Piece is consecutive rows of the output.
type Piece struct {
	First  int64 // the number of the first
	Rows   int64
	Slices []Slice
}

// Range is pieces that follow each other, to be merged by one task.
type Range struct {
	Ordinal int64
	Total   int64 // rows of all ranges
	Runs    []Run
	Pieces  []Piece
}

func encodeRange(r Range) ([]byte, error) { return json.Marshal(r) }

func decodeRange(b []byte) (Range, error) {
	r, err := jsoncoder.Decode[Range](b)
	for i := 0; i < len(r.Runs) && err == nil; i++ {
		err = r.Runs[i].check()
	}
	return r, err
}

// groups is how many workers sort triples where there are several.
const groups = 8

// Rows adds to a pipeline that all triples are read, sorted and merged into rows, in the order of the rows' ids
// (integers, then texts by their bytes), with the columns in that of theirs; PCollections: none. It fails where the job
// is not valid. A worker needs memory for a run of [Options.RunTriples] triples for each thread, the ids of all
// columns, and the longest row; what is not in memory is in files beside the output, of some 20 bytes a triple.
func Rows(s beam.Scope, j *Job) error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Confine(j.Data)
	if err := j.Validate(); err != nil {
		return fmt.Errorf("triples.Rows: %w", err)
	}
	o := &j.Options
	output.Begin(o.RunID)
	s = s.Scope("triples.Rows")
	workers := groups
	if o.Workers == placement.InProcess {
		workers = 1
	}
	dealt := vectorio.Deal(s, vectorio.Chunks(s, j.Data, o.Workers), workers, workers)
	runs := beam.ParDo(s, &runFn{Columns: j.Columns, Reading: j.Reading, Options: *o}, beam.GroupByKey(s, dealt))
	gathered := beam.GroupByKey(s, beam.AddFixedKey(s, runs))
	ranges, planned := beam.ParDo2(s, &planFn{Options: *o, Source: j.Data.Name()}, gathered)
	merged := beam.ParDo(s, &mergeFn{Options: *o}, beam.Reshuffle(s, ranges))
	output.Publish(s, beam.Flatten(s, planned, merged), *o.output())
	return nil
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func (j *Job) Clean(ctx context.Context) error { return output.Clean(ctx, j.Options.output()) }

// Report is what was written.
type Report struct {
	Triples       int64    `json:"triples"`
	Rejected      int64    `json:"rejected_rows"`
	Merged        int64    `json:"merged_triples"`            // of a row and a column that another has
	Unknown       int64    `json:"unknown_triples,omitempty"` // of columns that are not known
	Rows          int64    `json:"rows"`
	Columns       int64    `json:"columns"`
	Nonzero       int64    `json:"nonzero"`
	OutputFiles   []string `json:"output_files"`
	RejectedFiles []string `json:"rejected_files,omitempty"`
}

// Report reads what a finished run has left, before [Job.Clean].
func (j *Job) Report(ctx context.Context) (*Report, error) {
	r := &Report{}
	s, err := output.ReadReports(ctx, j.Options.output(), func(b []byte) error {
		var c Report
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		r.Triples, r.Rejected, r.Merged, r.Unknown = r.Triples+c.Triples, r.Rejected+c.Rejected, r.Merged+c.Merged,
			r.Unknown+c.Unknown
		r.Rows, r.Columns, r.Nonzero = r.Rows+c.Rows, r.Columns+c.Columns, r.Nonzero+c.Nonzero
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.OutputFiles, r.RejectedFiles = s.OutputFiles, s.RejectedFiles
	return r, nil
}

// columnsOf is the file of the ids of columns, in their order.
type columnsOf struct {
	Triples struct {
		Columns []json.RawMessage `json:"columns"`
	} `json:"triples"`
}

// WriteColumns writes the ids of the columns of the rows that a finished run has written, in their order, as JSON:
// {"triples":{"columns":["a",5]}}. Call it before [Job.Clean].
func (j *Job) WriteColumns(ctx context.Context, name string) error {
	ids, err := j.Options.columns(ctx)
	if err != nil {
		return err
	}
	var out columnsOf
	for i := range ids.Len() {
		var v any = ids.At(i).Text
		if id := ids.At(i); id.IsInt() {
			v = id.Int
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
		out.Triples.Columns = append(out.Triples.Columns, bytes.TrimSpace(b.Bytes()))
	}
	return files.Output(ctx, name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(out)
	})
}

// ReadColumns reads what [Job.WriteColumns] has written.
func ReadColumns(ctx context.Context, name string) (ids vectors.IDs, err error) {
	b, err := files.ReadFile(ctx, name)
	if err != nil {
		return ids, err
	}
	return decodeColumns(name, b)
}

func decodeColumns(name string, b []byte) (ids vectors.IDs, err error) {
	const expected = "the columns of triples, as transform --row --column --output_encoding writes them"
	var in columnsOf
	if err := json.Unmarshal(b, &in); err != nil {
		return ids, fault.File(name, expected, "%s", fault.JSON(b, err))
	}
	if len(in.Triples.Columns) == 0 {
		return ids, fault.File(name, expected, "JSON without them")
	}
	seen := map[vectors.ID]bool{}
	for _, raw := range in.Triples.Columns {
		var id vectors.ID
		if err := json.Unmarshal(raw, &id.Int); err != nil {
			err = json.Unmarshal(raw, &id.Text)
			if err != nil || id.Text == "" {
				return ids, fault.File(name, expected, "%s among its columns", fault.Quote(string(raw)))
			}
			id = vectors.ParseID(id.Text)
		}
		if seen[id] {
			return ids, fault.File(name, expected, "the column %s twice", fault.Quote(id.String()))
		}
		seen[id] = true
		ids.Append(id)
	}
	return ids, nil
}

// columns are those of a run whose plan is made.
func (o *Options) columns(ctx context.Context) (ids vectors.IDs, err error) {
	r, err := files.OpenRead(ctx, o.columnsFile())
	if err != nil {
		return ids, err
	}
	var names model.Names
	err = model.ReadColumns(r, &names)
	return names.IDs(), errors.Join(err, r.Close())
}
