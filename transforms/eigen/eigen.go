// Package eigen finds the principal components of files, and projects their rows onto them, as Beam pipelines.
//
// Each pass of beamlearn/model/eigen.Fit is one:
//
//	chunks ─▶ shards ─▶ ParDo: read and sum up the shards of a worker ─▶ merge in a fixed tree ─▶ the sum, in a file
//
// and so is the projection, which writes the output and draws the sample for the report:
//
//	chunks ─▶ ParDo: read, project, write a part ─▶ Publish
//
// What flows are descriptions of rows, and sums. A worker holds the sums of its shards and a few blocks of rows,
// whatever the number of rows: 4·columns² bytes a shard, or of a sketch 8·columns·vectors. Sparse rows of more columns
// than the exact solver takes stay so. The bits of the components
// depend on the data, the options, the chunks and the number of shards, and on nothing else.
package eigen

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	model "beamlearn/model/eigen"
	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var rowsSummed = beam.NewCounter("eigen", "rows_summed")

func init() {
	registry.DoFns(&sumFn{}, &mergeFn{})
	register.Iter1[vectorio.Chunk]()
	register.Iter1[Summand]()
	register.Emitter1[Summand]()
	registry.Element(encodeSummand, decodeSummand)
}

// Options of a job. A field that is not Required has its Default.
type Options struct {
	// Shards is the number of parts that are summed up side by side. The last bits of the components depend on it.
	// Default: 8.
	Shards int
	// UnitRows is how many consecutive rows of a file are summed up together, as far as its format lets them. The last
	// bits of the components depend on it, and not on what a worker reads at a time. Default: those of
	// [vectorio.Dataset.UnitRows].
	UnitRows int
	// Groups is the number of workers that the shards are dealt to, each of which has threads for its own. Default:
	// Shards, or in process 1.
	Groups int
	// Workers say where the job runs. Default: placement.Remote.
	Workers placement.Workers
	// Threads is how many shards, or rows, a worker works on at a time. Default: GOMAXPROCS of the worker.
	Threads int

	// Destination is where the projected rows go. Its Output is .csv, .jsonl, .parquet or .npy, and Optional.
	output.Destination
	// Scratch is a directory that all workers and this process can write to. Required where there is no Output.
	Scratch string

	// Sample is how many rows are drawn for the report, with their first SampleComponents components. Default: none.
	Sample           int
	SampleComponents int
}

// DefaultShards lets several workers sum up.
const DefaultShards = 8

// maxShards bounds the sums that may wait for others.
const maxShards = 1 << 12

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.Shards == 0 {
		o.Shards = DefaultShards
	}
	if o.Groups == 0 || o.Groups > o.Shards {
		o.Groups = o.Shards
	}
	if o.Workers == placement.InProcess {
		o.Groups = 1
	}
	o.Destination.EnsureDefaults()
}

// Job is the rows, and what to do with them.
type Job struct {
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Options Options
}

// Validate reports every fault of the options at once.
func (j *Job) Validate() error {
	o := &j.Options
	var errs []error
	if o.Shards < 1 || o.Shards > maxShards {
		errs = append(errs, fmt.Errorf("%d shards: must be from 1 to %d", o.Shards, maxShards))
	}
	if o.UnitRows < 0 {
		errs = append(errs, fmt.Errorf("units of %d rows: must be at least 1", o.UnitRows))
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	if o.Output == "" && j.Reading.SkipFaults {
		errs = append(errs, errors.New(
			"rows with a fault can only be skipped where there is an output, for them to be listed beside it"))
	}
	return errors.Join(append(errs, j.output(1).Validate())...)
}

// Inspect inspects the rows, and completes the options for them. Where chunkRows, which were asked for, are 0, a unit
// is read at a time.
func (j *Job) Inspect(ctx context.Context, patterns []string, chunkRows int) (*vectorio.Dataset, error) {
	j.Reading.Formats.Sparse = !j.Reading.Formats.Cells
	d, err := vectorio.Inspect(ctx, patterns, j.Reading)
	if err != nil {
		return nil, err
	}
	d = j.sparse(d)
	return d.InUnits(&j.Options.UnitRows, cmp.Or(j.Options.Shards, DefaultShards), chunkRows,
		&j.Reading), nil
}

// sparse is the dataset as its rows are read: sparse ones stay so where a sketch takes them, of more than MaxExact
// columns.
func (j *Job) sparse(d *vectorio.Dataset) *vectorio.Dataset {
	if d.Dim <= model.MaxExact {
		d = d.Dense()
	}
	j.Reading.Formats.Sparse = d.Sparse()
	return d
}

// Reuse reads components that an earlier run has saved, to project other rows onto them, and inspects these: see
// [vectorio.InspectFeatures] for what it does with the names of columns. Call Clean when all is over.
func (j *Job) Reuse(ctx context.Context, path string, patterns []string, chunkRows int) (*model.PCA, error) {
	r, err := files.OpenRead(ctx, path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.File(path, "components, as eigen writes them", "no file of that name")
	}
	if err != nil {
		return nil, err
	}
	p, err := model.Load(path, bufio.NewReader(r))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	j.Reading.Formats.Empty = true // rows that are none have no projections
	if p.Encoding != nil {
		j.Reading.Formats.Cells = true
		if j.Data, err = vectorio.InspectLike(ctx, patterns, p.Encoding.Needs(), "the components", j.Reading); err != nil {
			return nil, err
		}
		if err := j.Encoded(p.Encoding, chunkRows); err != nil {
			return nil, err
		}
		return p, j.begin()
	}
	j.Reading.Meet(patterns, p.Features(), p.ZeroBased)
	j.Reading.Formats.Sparse, j.Reading.Formats.EmptyDim = true, p.Features()
	d, err := vectorio.InspectFeatures(ctx, patterns, p.Features(), p.FeatureNames, j.Reading)
	if err != nil {
		return nil, err
	}
	d = j.sparse(d)
	j.Data = d.InUnits(&j.Options.UnitRows, cmp.Or(j.Options.Shards, DefaultShards), chunkRows,
		&j.Reading)
	return p, j.begin()
}

// Encoded makes tables of numbers of the rows, which were inspected as tables, by an encoding, and completes the
// options, as Inspect does.
func (j *Job) Encoded(e *features.Encoding, chunkRows int) error {
	d, err := j.Data.EncodedDense(e, &j.Reading)
	if err == nil {
		j.Data = d.InUnits(&j.Options.UnitRows, cmp.Or(j.Options.Shards, DefaultShards), chunkRows,
			&j.Reading)
	}
	return err
}

// begin completes the options, and begins the run.
func (j *Job) begin() error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Confine(j.Data)
	if err := j.Validate(); err != nil {
		return fmt.Errorf("eigen: %w", err)
	}
	output.Begin(j.Options.RunID)
	return nil
}

func (j *Job) output(components int) *output.Options {
	var layout results.Layout
	for i := range components {
		layout.Columns = append(layout.Columns, results.Column{Name: model.Name(i), Type: results.Float})
	}
	out := j.Options.Of(layout)
	if out.Path == "" {
		out.Scratch = j.Options.Scratch
	}
	return out
}

// Run runs a pipeline.
type Run func(ctx context.Context, p *beam.Pipeline) error

// Fit makes the passes. Call Clean when all is over.
func Fit(ctx context.Context, j *Job, o model.Options, run Run) (*model.PCA, error) {
	if err := j.begin(); err != nil {
		return nil, err
	}
	fit, err := model.NewFit(o, j.Data.Dim)
	if err != nil {
		return nil, err
	}
	for !fit.Done() {
		if err := pass(ctx, j, fit, run); err != nil {
			return nil, err
		}
	}
	p := fit.PCA()
	p.FeatureNames, p.Encoding, p.ZeroBased = j.Data.Columns, j.Reading.Encoding, j.Data.ZeroBased()
	return p, nil
}

// pass makes the next pass of fit.
func pass(ctx context.Context, j *Job, fit *model.Fit, run Run) error {
	dir := j.output(1).Staging()
	fn := sumFn{Reading: j.Reading, Dim: j.Data.Dim, Options: j.Options, Pass: fit.Pass(), Passes: fit.Passes(),
		State: files.Join(dir, fmt.Sprintf("fit-%d", fit.Pass()))}
	sum := files.Join(dir, fmt.Sprintf("sum-%d", fit.Pass()))
	b, err := fit.MarshalBinary()
	if err != nil {
		return err
	}
	if err := files.WriteFile(ctx, fn.State, b); err != nil {
		return err
	}
	p, s := beam.NewPipelineWithRoot()
	s = s.Scope(fmt.Sprintf("eigen.Fit pass %d", fit.Pass()))
	grouped := beam.GroupByKey(s, vectorio.Deal(s, vectorio.Chunks(s, j.Data, j.Options.Workers), j.Options.Shards,
		j.Options.Groups))
	sums := beam.ParDo(s, &fn, grouped)
	output.Conclude(s, &mergeFn{State: fn.State, Sum: sum, Options: j.Options}, sums)
	if err := run(ctx, p); err != nil {
		return err
	}
	if b, err = files.ReadFile(ctx, sum); err != nil {
		return err
	}
	total, err := fit.Partial()
	if err == nil {
		err = total.UnmarshalBinary(b)
	}
	if err == nil {
		err = fit.Advance(total)
	}
	return err
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func (j *Job) Clean(ctx context.Context) error { return output.Clean(ctx, j.output(1)) }

// Summand is the sum of a node of the tree of shards.
type Summand struct {
	Node    linear.Node
	Partial []byte
}

// A summand is its node, and its bytes.
func encodeSummand(s Summand) ([]byte, error) {
	b := make([]byte, 0, 2*binary.MaxVarintLen64+len(s.Partial))
	return append(s.Node.Append(b), s.Partial...), nil
}

func decodeSummand(b []byte) (Summand, error) {
	node, partial, err := linear.CutNode(b)
	if err != nil || node.Index > maxShards {
		return Summand{}, errors.New("eigen: not a summand")
	}
	return Summand{node, bytes.Clone(partial)}, nil
}

func (o *Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// sumFn sums up the shards of a worker.
type sumFn struct {
	Reading      vectorio.Options
	Dim          int
	Options      Options
	Pass, Passes int
	State        string // the file of the model.Fit
}

func (f *sumFn) ProcessElement(ctx context.Context, group int, iter func(*vectorio.Chunk) bool,
	emit func(Summand)) error {
	return output.Failed(f.Options.RunID, f.sum(ctx, group, iter, emit))
}

func (f *sumFn) sum(ctx context.Context, group int, iter func(*vectorio.Chunk) bool, emit func(Summand)) error {
	fit, err := readFit(ctx, f.State)
	if err != nil {
		return err
	}
	sum, err := f.over(ctx, fit, group, vectorio.Gather(iter))
	if err != nil {
		return err
	}
	return sum.Rest(func(n linear.Node, p linear.Partial) error {
		b, err := p.MarshalBinary()
		if err == nil {
			emit(Summand{n, b})
		}
		return err
	})
}

// over sums up the shards of a group.
func (f *sumFn) over(ctx context.Context, fit *model.Fit, group int, all []vectorio.Chunk) (*linear.Sum, error) {
	shards := make([][]vectorio.Chunk, f.Options.Shards)
	var total int64
	for _, c := range all {
		i := c.Shard(f.Options.Shards)
		shards[i] = append(shards[i], c)
		total = c.Total
	}
	run := progress.Of(f.Options.RunID)
	run.Begin(fmt.Sprintf("summing up, pass %d of %d", f.Pass+1, f.Passes), total)
	g, ctx2 := errgroup.WithContext(ctx)
	g.SetLimit(f.Options.threads())
	var mu sync.Mutex
	var rows, rejected int64
	sum := linear.NewSum(f.Options.Shards)
	for i := group; i < f.Options.Shards; i += f.Options.Groups {
		g.Go(func() error {
			partial, err := fit.Partial()
			if err != nil {
				return err
			}
			chunks := shards[i]
			vectorio.Sort(chunks)
			var n, bad int64
			for _, c := range chunks {
				read, left, err := f.add(ctx2, c, partial)
				if err != nil {
					return err
				}
				n, bad = n+read, bad+left
			}
			mu.Lock()
			defer mu.Unlock()
			rows, rejected = rows+n, rejected+bad
			return sum.Add(linear.Node{Index: i}, partial)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if f.Pass == 0 {
		vectorio.Count(ctx, rows, rejected)
	}
	rowsSummed.Inc(ctx, rows)
	return sum, nil
}

// add adds the rows of a chunk.
func (f *sumFn) add(ctx context.Context, c vectorio.Chunk, partial linear.Partial) (rows, rejected int64, err error) {
	r, err := vectorio.Open(ctx, c, f.Reading, func(*fault.Fault) { rejected++ })
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := f.Reading.NewBlock(f.Dim)
	for {
		b.Reset()
		if err := r.Fill(b, f.Options.UnitRows); err == io.EOF {
			return rows, rejected, ctx.Err()
		} else if err != nil {
			return rows, rejected, err
		}
		if err := partial.PartialFit(linear.Of(b)); err != nil {
			var at *fault.Fault
			if errors.As(err, &at) && at.File == "" {
				named := *at
				named.File = c.Info.Name
				if at.Row >= c.First {
					named.Row += c.Span.First - c.First
				}
				err = &named
			}
			return rows, rejected, err
		}
		rows += int64(b.Len())
		progress.Of(f.Options.RunID).Add(int64(b.Len()))
	}
}

// mergeFn merges the sums of all groups. (It is no CombineFn, as it takes the state to know what a partial is. Nor is
// one needed: a worker merges its shards before it sends them.)
type mergeFn struct {
	State, Sum string
	Options    Options
}

func (f *mergeFn) ProcessElement(ctx context.Context, _ int, iter func(*Summand) bool) (bool, error) {
	return true, output.Failed(f.Options.RunID, f.merge(ctx, iter))
}

func (f *mergeFn) merge(ctx context.Context, iter func(*Summand) bool) error {
	fit, err := readFit(ctx, f.State)
	if err != nil {
		return err
	}
	sum := linear.NewSum(f.Options.Shards)
	came := make([]bool, f.Options.Shards)
	add := func(n linear.Node, b []byte) error {
		p, err := fit.Partial()
		if err == nil && b != nil {
			err = p.UnmarshalBinary(b)
		}
		if err == nil {
			err = sum.Add(n, p)
		}
		return err
	}
	var s Summand
	for iter(&s) {
		if err := add(s.Node, s.Partial); err != nil {
			return err
		}
		for i := s.Node.Index << s.Node.Level; i < min((s.Node.Index+1)<<s.Node.Level, len(came)); i++ {
			came[i] = true
		}
	}
	for i, is := range came { // the shards of a group without a chunk
		if !is {
			if err := add(linear.Node{Index: i}, nil); err != nil {
				return err
			}
		}
	}
	total, err := sum.Total()
	if err != nil {
		return err
	}
	b, err := total.MarshalBinary()
	if err != nil {
		return err
	}
	return output.WhileRuns(f.Options.RunID, func() error { return files.WriteFile(ctx, f.Sum, b) })
}

func readFit(ctx context.Context, name string) (*model.Fit, error) {
	b, err := files.ReadFile(ctx, name)
	if err != nil {
		return nil, err
	}
	fit := &model.Fit{}
	return fit, fit.UnmarshalBinary(b)
}
