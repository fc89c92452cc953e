// Package features finds out, in a Beam pipeline, how the columns of tables become numbers:
//
//	chunks ─▶ groups ─▶ ParDo: survey the rows of a group ─▶ merge ─▶ the survey, in a file
//
// and, for tf-idf, once more in how many rows each word is. What flows are descriptions of rows, and surveys, which
// are some kilobytes a column. The outcome depends on the rows only: not on the format of the files, nor on chunks,
// workers or the runner.
package features

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	model "beamlearn/model/features"
	"beamlearn/model/tables"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var rowsSurveyed = beam.NewCounter("features", "rows_surveyed")

func init() {
	registry.DoFns(&surveyFn{}, &mergeFn{})
	register.Iter1[vectorio.Chunk]()
	register.Iter1[Part]()
	register.Emitter1[Part]()
	registry.Element(encodePart, decodePart)
}

// Job is tables, and how they are to be encoded.
type Job struct {
	// Data are the rows, inspected with Formats.Cells.
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Options model.Options
	// Dir is a directory for the results of the pipelines, which all workers and this process can write to. Required.
	Dir string
	// Workers say where the job runs. Default: placement.Remote.
	Workers placement.Workers
	// Groups is how many workers take part. Default: 8; in process 1, which has all cores.
	Groups int
	// RunID is unique to the run. Default: random.
	RunID string
	// Cells is the id of the rows that stay in memory: see [vectorio.KeepCells]. Default: none do.
	Cells string
}

// Report is what the rows were like, beside the encoding.
type Report struct {
	Rows     int64 // that count
	NoTarget int64 // left out, as they have no target
	Rejected int64 // left out, as they are at fault
}

// Run runs a pipeline.
type Run func(ctx context.Context, p *beam.Pipeline) error

// Fit surveys all rows and decides how they are encoded. It makes one pass over them, and a second one for tf-idf.
// Memory is that of a survey for each core, and a block of rows.
func Fit(ctx context.Context, j *Job, run Run) (e *model.Encoding, report *Report, err error) {
	if j.Groups == 0 {
		j.Groups = 8
	}
	if j.Workers == placement.InProcess {
		j.Groups = 1
	}
	if j.RunID == "" {
		j.RunID = files.NewRunID()
	}
	output.Begin(j.writing())
	defer func() {
		output.End(j.writing()) // an interrupted pipeline may still be at work
		err = errors.Join(err, files.RemoveAll(context.WithoutCancel(ctx), j.Dir))
	}()
	return j.fit(func(fn *surveyFn) (Part, error) { return j.pass(ctx, *fn, run) })
}

// FitHere is Fit in this process and without Beam, as within a worker. It needs no Dir.
func FitHere(ctx context.Context, j *Job) (*model.Encoding, *Report, error) {
	list, err := j.Data.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	return j.fit(func(fn *surveyFn) (Part, error) { return fn.survey(ctx, list.Chunks) })
}

// fit decides by what pass finds in all rows.
func (j *Job) fit(pass func(fn *surveyFn) (Part, error)) (e *model.Encoding, report *Report, err error) {
	j.Reading.Confine(j.Data)
	survey, err := model.NewSurvey(j.Data.Fields, j.Options)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", j.Data.Name(), err)
	}
	fn := &surveyFn{Reading: j.Reading, Fields: j.Data.Fields, Options: j.Options, RunID: j.RunID, Name: "columns",
		Groups: j.Groups, Cells: j.Cells}
	found, err := pass(fn)
	if err == nil {
		err = survey.UnmarshalBinary(found.Look)
	}
	if err != nil {
		return nil, nil, err
	}
	if e, err = survey.Encoding(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", j.Data.Name(), err)
	}
	report = &found.Report
	name, more := e.Pass()
	if !more {
		return e, report, nil
	}
	counts, err := e.NewCounts(j.Data.Fields)
	if err != nil {
		return nil, nil, err
	}
	fn.Name, fn.Encoding = name, e
	again, err := pass(fn)
	if err == nil {
		err = counts.UnmarshalBinary(again.Look)
	}
	if err != nil {
		return nil, nil, err
	}
	return e, report, e.Finish(counts)
}

// Head is Fit on the first rows of the first file, at most so many, in this process: what a plan goes by.
func Head(ctx context.Context, j *Job, rows int) (*model.Encoding, error) {
	survey, err := model.NewSurvey(j.Data.Fields, j.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.Data.Name(), err)
	}
	if err := j.Data.HeadTables(ctx, rows, j.Reading, survey.Add); err != nil {
		return nil, err
	}
	e, err := survey.Encoding()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.Data.Name(), err)
	}
	if _, more := e.Pass(); !more {
		return e, nil
	}
	counts, err := e.NewCounts(j.Data.Fields)
	if err != nil {
		return nil, err
	}
	if err := j.Data.HeadTables(ctx, rows, j.Reading, counts.Add); err != nil {
		return nil, err
	}
	return e, e.Finish(counts)
}

// statistics are what is known of rows: a survey, or counts.
type statistics interface {
	Add(t *tables.Table) error
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// writing is the run that results are written for: it is over before that of the rows begins, which may have its id.
func (j *Job) writing() string { return "columns-" + j.RunID }

// pass looks at all rows.
func (j *Job) pass(ctx context.Context, fn surveyFn, run Run) (part Part, err error) {
	result := files.Join(j.Dir, j.writing())
	if fn.Encoding != nil {
		result += "-counts"
	}
	p, s := beam.NewPipelineWithRoot()
	s = s.Scope("features.Fit " + fn.Name)
	groups := beam.GroupByKey(s, vectorio.Deal(s, vectorio.Chunks(s, j.Data, j.Workers), j.Groups, j.Groups))
	parts := beam.ParDo(s, &fn, groups)
	made := beam.ParDo(s, &mergeFn{Survey: fn, Result: result, Writing: j.writing()},
		beam.GroupByKey(s, beam.AddFixedKey(s, parts)))
	beam.GroupByKey(s, beam.AddFixedKey(s, made)) // Prism spins while a bundle runs whose output nothing takes
	if err := run(ctx, p); err != nil {
		return Part{}, err
	}
	b, err := files.ReadFile(ctx, result)
	if err != nil {
		return Part{}, err
	}
	return decodePart(b)
}

// Part is what was found in some rows.
type Part struct {
	Report
	Look []byte // a survey, or counts
}

func encodePart(p Part) ([]byte, error) { return json.Marshal(p) }
func decodePart(b []byte) (Part, error) { return jsoncoder.Decode[Part](b) }

// surveyFn looks at the rows of a group, on all cores.
type surveyFn struct {
	Reading  vectorio.Options
	Fields   []tables.Field
	Options  model.Options
	Encoding *model.Encoding // whose counts are to be made, or nil
	RunID    string
	Name     string
	Groups   int
	Cells    string `json:",omitempty"`
}

func (f *surveyFn) ProcessElement(ctx context.Context, _ int, iter func(*vectorio.Chunk) bool) (Part, error) {
	part, err := f.survey(ctx, vectorio.Gather(iter))
	if err != nil {
		return Part{}, fault.Mark(err)
	}
	rowsSurveyed.Inc(ctx, part.Rows)
	return part, nil
}

// begin makes statistics of no rows.
func (f *surveyFn) begin() (statistics, error) {
	if f.Encoding != nil {
		return f.Encoding.NewCounts(f.Fields)
	}
	return model.NewSurvey(f.Fields, f.Options)
}

// merge adds what others have seen.
func merge(to, from statistics) error {
	switch to := to.(type) {
	case *model.Survey:
		if from, ok := from.(*model.Survey); ok {
			return to.Merge(from)
		}
	case *model.Counts:
		if from, ok := from.(*model.Counts); ok {
			return to.Merge(from)
		}
	}
	return fmt.Errorf("features: a %T is no %T", from, to)
}

// survey looks at chunks, one at a time on each core.
func (f *surveyFn) survey(ctx context.Context, chunks []vectorio.Chunk) (Part, error) {
	run := progress.Of(f.RunID)
	if len(chunks) > 0 {
		run.Begin(f.Name, chunks[0].Total)
	}
	total, err := f.begin()
	if err != nil {
		return Part{}, err
	}
	var part Part
	var mu sync.Mutex
	next := 0
	take := func() *vectorio.Chunk {
		mu.Lock()
		defer mu.Unlock()
		if next == len(chunks) {
			return nil
		}
		next++
		return &chunks[next-1]
	}
	reading := f.Reading.UseCells(f.Cells)
	g, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(chunks)) {
		g.Go(func() error {
			own, err := f.begin()
			if err != nil {
				return err
			}
			var r Report
			for c := take(); c != nil; c = take() {
				none, err := vectorio.EachTable(ctx, *c, &reading, func(*fault.Fault) { r.Rejected++ },
					func(t *tables.Table) error {
						r.Rows += int64(t.Len())
						run.Add(int64(t.Len()))
						if err := own.Add(t); err != nil {
							return fmt.Errorf("%s: %w", c.Info.Name, err)
						}
						return ctx.Err()
					})
				if err != nil {
					return err
				}
				r.NoTarget += none
			}
			mu.Lock()
			defer mu.Unlock()
			part.add(r)
			return merge(total, own)
		})
	}
	if err := g.Wait(); err != nil {
		return Part{}, err
	}
	part.Look, err = total.MarshalBinary()
	return part, err
}

func (r *Report) add(o Report) {
	r.Rows, r.NoTarget, r.Rejected = r.Rows+o.Rows, r.NoTarget+o.NoTarget, r.Rejected+o.Rejected
}

// mergeFn merges what was found, and writes it down.
type mergeFn struct {
	Survey  surveyFn
	Result  string
	Writing string // the run that this is of, where the job's own may go on
}

// ProcessElement gives the number of rows.
func (f *mergeFn) ProcessElement(ctx context.Context, _ int, iter func(*Part) bool) (int64, error) {
	total, err := f.Survey.begin()
	if err != nil {
		return 0, fault.Mark(err)
	}
	var sum, p Part
	for iter(&p) {
		sum.add(p.Report)
		one, err := f.Survey.begin()
		if err == nil {
			err = one.UnmarshalBinary(p.Look)
		}
		if err == nil {
			err = merge(total, one)
		}
		if err != nil {
			return 0, fault.Mark(err)
		}
	}
	if sum.Look, err = total.MarshalBinary(); err != nil {
		return 0, err
	}
	b, err := encodePart(sum)
	if err != nil {
		return 0, err
	}
	return sum.Rows, fault.Mark(output.WhileRuns(f.Writing, func() error { return files.WriteFile(ctx, f.Result, b) }))
}
