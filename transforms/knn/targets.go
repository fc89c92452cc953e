package knn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&targetsFn{}, &joinTargetsFn{})
	register.Iter1[targetsPart]()
	registry.Element(encodeTargetsPart, decodeTargetsPart)
}

// TargetsJob finds what is known of the points before they are searched: the targets from which queries are answered.
//
//	chunks ─▶ Targets: the targets of a chunk ─▶ STAGING/part-… ─▶ Join ─▶ STAGING/targets
//
// Descriptions of rows are shuffled, never targets. Every worker that answers reads the file once.
type TargetsJob struct {
	// Data are the rows as [InspectTargets] finds them.
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Task    linear.Task
	// Options are those of the search. RunID is unique to this run, and Staging holds the targets until
	// [TargetsJob.Clean].
	Options Options

	rows      rowsKind
	lists     []files.Info // of which Data is nil: see inspectLists
	column    string       // of ranks, for faults
	condition string
	against   string // the file of what is known of the points, of queries
}

// TargetsFile names a file of targets: of them, it is all that crosses Beam.
type TargetsFile struct {
	Path string
	// Rows is how many rows there are, and Missing how many of them have no target.
	Rows    int64
	Missing int64
	// Rejected is how many of these have a target that is at fault.
	Rejected int64
	// Incomparable is how many could not be compared with a condition, where that is no error, and Fault the first's.
	// Faults is the file of these and of the rejected ones, of a condition.
	Incomparable int64
	Fault        string
	Faults       string
	// Classes are those of a classification, and ClassRows how many rows each has.
	Classes   linear.Classes
	ClassRows []int64
}

// InspectTargets finds the rows of the points for the sake of their targets: in a column of tables or matrices, or in
// files of targets alone, .npy, which reading.Targets name. Rows may have none.
func InspectTargets(
	ctx context.Context, patterns []string, task linear.Task, reading vectorio.Options,
) (*TargetsJob, error) {
	f := &reading.Formats
	f.Labels, f.Unlabelled, f.Columns = task == linear.Classification, false, nil
	if len(reading.Targets) > 0 {
		patterns, reading.Targets = reading.Targets, nil
		reading.Formats = formats.Options{DType: vectors.Float64, Targets: true, Labels: f.Labels, Missing: true}
	} else {
		f.Cells = !slices.ContainsFunc(patterns, func(p string) bool { return !formats.MayBeTables(p, f.Format) })
	}
	f.Sparse = !f.Cells // of which nobody wants the zeros
	d, err := vectorio.Inspect(ctx, patterns, reading)
	if formats.Tableless(err) {
		f.Cells, f.Sparse = false, true
		d, err = vectorio.Inspect(ctx, patterns, reading)
	}
	if err != nil {
		return nil, err
	}
	f.Sparse = d.Sparse()
	if reading.Formats.Targets && d.Dim != 1 {
		return nil, fault.File(d.Name(), "targets: one column", "%d columns", d.Dim)
	}
	if f.Cells && d.Columns != nil { // no other cell is wanted
		reading.Formats.Columns = []string{d.Columns[0]}
		if narrow, err := vectorio.Inspect(ctx, patterns, reading); err == nil {
			d = narrow
		} else {
			reading.Formats.Columns = nil
		}
	}
	return &TargetsJob{Data: d, Reading: reading, Task: task}, nil
}

// partRows is about how many rows' targets a task leaves in a file.
const partRows = 1 << 20

// Find adds the job to a pipeline.
func (j *TargetsJob) Find(s beam.Scope) {
	j.Options.EnsureDefaults()
	output.Begin(j.Options.RunID)
	s = s.Scope("knn.Targets")
	fn := targetsFn{Options: j.Options, Rows: j.rows}
	var parts beam.PCollection
	if j.lists != nil {
		parts = j.findLists(s)
	} else {
		j.Reading.EnsureDefaults()
		j.Reading.Confine(j.Data)
		fn.Reading, fn.Task, fn.Dim, fn.Against, fn.Column, fn.Condition = j.Reading, j.Task, j.Data.Dim, j.against, j.column,
			j.condition
		parts = beam.ParDo(s, &fn, beam.Reshuffle(s,
			vectorio.Chunks(s, j.Data.Chunked(partRows, 0), j.Options.Workers)))
	}
	output.Conclude(s.Scope("knn.Join"), &joinTargetsFn{fn}, parts)
}

// Found says what a finished run has found.
func (j *TargetsJob) Found(ctx context.Context) (f TargetsFile, err error) {
	b, err := files.ReadFile(ctx, files.Join(j.Options.staging(), targetsNote))
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	return f, err
}

// Clean ends the run and removes the targets.
func (j *TargetsJob) Clean(ctx context.Context) error {
	return errors.Join(output.Clean(ctx, j.Options.output()), j.Options.cleanIndexes(ctx))
}

const (
	targetsName = "targets"
	targetsNote = "targets.json"
)

// targetsPart names a file with the targets of a chunk.
type targetsPart struct {
	Order    int64
	Total    int64 // rows of the dataset
	First    int64 // row of the chunk
	Rejected int64
	Path     string

	Faults string // the file of what a condition has found at fault; "" for nothing
}

func encodeTargetsPart(p targetsPart) ([]byte, error) { return json.Marshal(p) }
func decodeTargetsPart(b []byte) (targetsPart, error) { return jsoncoder.Decode[targetsPart](b) }

// targetsFn writes the targets of a chunk into a file.
type targetsFn struct {
	Reading   vectorio.Options
	Options   Options
	Task      linear.Task
	Dim       int
	Rows      rowsKind
	Column    string // of ranks, for faults
	Condition string
	Against   string // the file of what is known of the points, of queries
}

func (f *targetsFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(targetsPart)) error {
	p, err := f.read(ctx, c)
	if err != nil {
		return fault.Mark(err)
	}
	emit(p)
	return nil
}

func (f *targetsFn) read(ctx context.Context, c vectorio.Chunk) (targetsPart, error) {
	run := progress.Of(f.Options.RunID)
	run.Begin("reading targets", c.Total)
	p := targetsPart{Order: c.Ordinal, Total: c.Total, First: c.First}
	part, err := f.part(&c)
	if err != nil {
		return p, err
	}
	add := func(b *vectors.Block) error {
		run.Add(int64(b.Len()))
		if f.Reading.Formats.Targets {
			b.Remove(missing(b))
		}
		return part.Add(b)
	}
	condition, _ := part.(*conditionPart)
	rejected := func(wrong *fault.Fault) {
		if p.Rejected++; condition != nil {
			condition.faults.Unreadable = append(condition.faults.Unreadable, wrong)
		}
	}
	if condition != nil && condition.excludes(&c) {
		run.Add(c.Span.Rows)
	} else if f.Reading.Formats.Cells {
		_, err = vectorio.EachTargeted(ctx, c, &f.Reading, rejected, add)
	} else {
		err = vectorio.EachBlock(ctx, c, &f.Reading, f.Dim, rejected, add)
	}
	if err != nil {
		return p, err
	}
	if condition != nil {
		p.Faults, err = condition.faults.write(ctx, &f.Options, faultsOf(c.Ordinal))
	}
	if err != nil {
		return p, err
	}
	b, err := part.MarshalBinary()
	if err != nil {
		return p, err
	}
	p.Path, err = f.Options.createOf(ctx, fmt.Sprintf("part-%08d", c.Ordinal), b)
	return p, err
}

// missing are the rows of a block of targets that are no number.
func missing(b *vectors.Block) (rows []int) {
	for i, v := range b.F64 {
		if v != v {
			rows = append(rows, i)
		}
	}
	return rows
}

// joinTargetsFn makes one file of the targets of all chunks.
type joinTargetsFn struct{ targetsFn }

func (f *joinTargetsFn) ProcessElement(ctx context.Context, _ int, iter func(*targetsPart) bool) (bool, error) {
	var all []targetsPart
	var p targetsPart
	for iter(&p) {
		all = append(all, p)
		p = targetsPart{}
	}
	slices.SortFunc(all, func(a, b targetsPart) int { return int(a.Order - b.Order) })
	return true, fault.Mark(f.join(ctx, all))
}

func (f *joinTargetsFn) join(ctx context.Context, all []targetsPart) error {
	found := TargetsFile{}
	for _, p := range all {
		found.Rows = p.Total
		found.Rejected += p.Rejected
	}
	if f.Rows != targetsOfRows {
		if err := f.joinRows(ctx, &found, all); err != nil {
			return err
		}
		return f.note(ctx, &found)
	}
	parts, err := f.targetParts(ctx, all)
	if err != nil {
		return err
	}
	t, err := vote.Join(f.Task, found.Rows, parts)
	if err != nil {
		return err
	}
	found.Missing, found.Classes = t.Missing(), t.Classes
	if f.Task == linear.Classification {
		found.ClassRows = t.ClassRows()
	}
	found.Path, err = f.Options.create(ctx, targetsName, func(w io.Writer) error {
		_, err := t.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	return f.note(ctx, &found)
}

// targetParts are the targets of chunks.
func (f *joinTargetsFn) targetParts(ctx context.Context, all []targetsPart) ([]vote.Part, error) {
	parts := make([]vote.Part, len(all))
	err := f.each(ctx, all, func(i int, b []byte) error { return parts[i].UnmarshalBinary(b) })
	return parts, err
}

// each reads what was found of each chunk, in their order. An error of parse gets the file's name.
func (f *joinTargetsFn) each(ctx context.Context, all []targetsPart, parse func(i int, b []byte) error) error {
	for i, p := range all {
		if p.Path != files.Join(f.Options.staging(), fmt.Sprintf("part-%08d", p.Order)) {
			return fmt.Errorf("knn: targets in %s, which is not of this run", p.Path)
		}
		b, err := files.ReadFile(ctx, p.Path)
		if err != nil {
			return err
		}
		if err := parse(i, b); err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
	}
	return nil
}

// note leaves what was found for the main program.
func (f *joinTargetsFn) note(ctx context.Context, found *TargetsFile) error {
	b, err := json.Marshal(found)
	if err != nil {
		return err
	}
	_, err = f.Options.createOf(ctx, targetsNote, b)
	return err
}

// targets are those of the runs of this process.
var targets = output.NewShared[*vote.Targets]()

// known are the targets of the points of a run.
func (o *Options) known(ctx context.Context) (*vote.Targets, error) {
	t, _, err := targets.Get(o.RunID, func() (*vote.Targets, error) {
		b, err := files.ReadFile(ctx, o.Answer.Targets.Path)
		if err != nil {
			return nil, err
		}
		t, err := vote.ReadTargets(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Answer.Targets.Path, err)
		}
		return t, nil
	})
	return t, err
}

// labelled are those of the points of a block that can answer: all, or the ones that have a target.
func (o *Options) labelled(ctx context.Context, b *vectors.Block) (*vectors.Block, error) {
	if o.Answer == nil || o.Answer.Targets.Missing == 0 {
		return b, nil
	}
	t, err := o.known(ctx)
	if err != nil {
		return nil, err
	}
	return someRows(b, t.Has), nil
}

// someRows are the rows of a block by their numbers, in memory of their own.
func someRows(b *vectors.Block, has func(number int64) bool) *vectors.Block {
	some := &vectors.Block{Dim: b.Dim, DType: b.DType}
	if b.Sparse != nil {
		some.Sparse = &vectors.CSR{}
	}
	if b.Wide() {
		some.Widen()
	}
	for from := 0; from < b.Len(); {
		if !has(b.Numbers[from]) {
			from++
			continue
		}
		to := from + 1
		for to < b.Len() && has(b.Numbers[to]) {
			to++
		}
		some.AppendBlock(b.Slice(from, to))
		from = to
	}
	return some
}

// checkTargets says why the targets cannot be those of the points.
func (j *Job) checkTargets() error {
	a := j.Options.Answer
	switch {
	case a == nil || a.Targets.Path == "":
		return nil // they are not known yet
	case j.Index == nil && j.Corpus.Rows >= 0:
		return j.Options.sameRows(j.Corpus.Rows)
	case j.Index != nil && a.Targets.Missing > 0:
		return fault.File(j.Index.File.Path, "an index of rows that all have a target", "%d rows without", a.Targets.Missing)
	case j.Index != nil:
		return j.Options.sameRows(j.indexedRows())
	}
	return nil
}

// sameRows says that the targets are not as many as the rows of the points.
func (o *Options) sameRows(rows int64) error {
	if o.Answer == nil || o.Answer.Targets.Rows == rows {
		return nil
	}
	expected := fmt.Sprintf("as many rows as there are targets, %d", o.Answer.Targets.Rows)
	return fault.File(o.Answer.Source, expected, "%d", rows)
}
