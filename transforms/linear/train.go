// Package linear learns linear models from files, and predicts with them, as Beam pipelines.
//
// Learning goes in passes over the rows (see beamlearn/model/linear.Fit):
//
//	             ┌──────────────── state ◀──────────────┐
//	             ║ side input                           │
//	chunks ─▶ shards ─▶ ParDo: read and sum up a shard ─▶ merge in a fixed tree, advance ─▶ checkpoint
//
// Where the one worker is this process, a single ParDo makes all passes, as nothing need be sent in between.
//
// What flows are descriptions of rows, and for each shard of a pass its sums or weights, never rows. A worker holds
// the model, and for each shard that it works on the sums and two blocks of rows, whatever the number of rows. The
// bits of the model depend on the data, the options and the number of shards, and on nothing else: not on the runner,
// nor on the number of workers and their threads, nor on whether the job was killed and resumed in between.
package linear

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var rowsLearned = beam.NewCounter("linear", "rows_learned")

func init() {
	registry.DoFns(&seedFn{}, &planFn{}, &broadcastFn{}, &passFn{}, &advanceFn{}, &localFn{})
	register.Iter1[Summand]()
	register.Iter1[vectorio.Chunk]()
	register.Emitter1[Work]()
	register.Emitter1[Summand]()
	register.Emitter1[State]()
	register.Emitter1[int]()
	registry.Element(encodeWork, decodeWork)
	registry.Element(encodeState, decodeState)
	registry.Element(encodeSummand, decodeSummand)
}

// Options of training. A field that is not Required has its Default.
type Options struct {
	// Names are those of the features of a model to go on from: [Inspect] takes the columns in their order. Optional.
	Names []string `json:",omitempty"`
	// Model is the file to write. Required.
	Model string
	// Shards is the number of parts that a pass learns from side by side. Required; the model depends on it.
	Shards int
	// UnitRows is how many consecutive rows of a file are dealt to a shard together at least, and within which batches are
	// visited in another order; the model depends on it. Default: those of
	// [vectorio.Dataset.UnitRows]. (It is not what a worker reads at a time, on which the model must not depend.)
	UnitRows int
	// Groups is the number of workers that the shards are dealt to, each of which has threads for its own. Default:
	// Shards.
	Groups int
	// Workers say where the job runs. In process, all passes are made in one pipeline; the states and sums, which may be
	// large, stay in memory, and the last state is only saved where [Publish] fails. Default: placement.Remote.
	Workers placement.Workers
	// Threads is how many shards a worker learns from at a time. Default: GOMAXPROCS of the worker.
	Threads int
	// CacheMemory is how many bytes of rows stay from pass to pass, where the one worker is this process: of a format that
	// is slow to read, as text and tables are, a sixteenth of that in memory and up to eight times as much in a temporary
	// file, and sparse rows as Newton's method sums them up in as much memory; of others in memory, if all rows have room.
	// Negative: none. Default: DefaultCacheMemory.
	CacheMemory int64 `json:",omitempty"`
	// Judged is how many rows [Judge] takes at most, about. Default: 100,000.
	Judged int `json:",omitempty"`
	// Passes is how many passes go into one pipeline, unless that is in process; the state is saved after each, and read
	// back between pipelines. Default: 1.
	Passes int
	// Seed of the order in which rows are visited.
	Seed uint64
	// Kind is that of the fit: [Train] sets it.
	Kind string `json:",omitempty"`
	// Resume goes on where a run of the same job, which did not end, has saved its state last.
	Resume bool
	// RunID is unique to the run. Default: random.
	RunID string
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.Groups == 0 || o.Groups > o.Shards {
		o.Groups = o.Shards
	}
	if o.Workers == placement.InProcess {
		o.Groups = 1
	}
	if o.Passes == 0 {
		o.Passes = 1
	}
	if o.Judged == 0 {
		o.Judged = judgedRows
	}
	if o.CacheMemory == 0 {
		o.CacheMemory = DefaultCacheMemory
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
}

// MaxShards bounds the number of shards: each has a description on its way, and sums that may wait for others.
const MaxShards = 1 << 16

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var errs []error
	if o.Model == "" {
		errs = append(errs, errors.New("a file for the model is needed"))
	}
	if o.Shards < 1 || o.Shards > MaxShards {
		errs = append(errs, fmt.Errorf("%d shards: must be from 1 to %d", o.Shards, MaxShards))
	}
	if o.UnitRows < 0 {
		errs = append(errs, fmt.Errorf("units of %d rows: must be at least 1", o.UnitRows))
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	if o.Passes < 0 {
		errs = append(errs, fmt.Errorf("%d passes in a pipeline: must be at least 1", o.Passes))
	}
	return errors.Join(errs...)
}

// DefaultShards lets several workers learn, and is few enough for each to see much of a file.
const DefaultShards = 8

// ErrNoTarget says that nothing tells what is to be learned.
var ErrNoTarget = errors.New("--target is needed: the column that is to be learned")

// Inspect inspects rows to learn from, and completes the options for them: sparse ones stay so, o.UnitRows gets
// its default, and so does reading.ChunkRows where chunkRows, which was asked for, is 0: the same.
func Inspect(ctx context.Context, patterns []string, chunkRows int, o *Options,
	reading *vectorio.Options) (*vectorio.Dataset, error) {
	f := &reading.Formats
	if !reading.Learns() && !vectorio.IsSVM(patterns, f.Format) {
		return nil, ErrNoTarget
	}
	f.Sparse = true
	d, err := vectorio.Inspect(ctx, patterns, *reading)
	if err == nil && permuted(d.Columns, o.Names) {
		d, err = vectorio.InspectLike(ctx, patterns, o.Names, "the model to go on from", *reading)
	}
	if err != nil {
		return nil, err
	}
	f.Sparse = d.Sparse()
	d.Reads(reading)
	return d.InUnits(&o.UnitRows, o.Shards, chunkRows, reading), nil
}

// InspectTable is Inspect for tables; [Encoded] completes the options, once it is known how they are encoded.
func InspectTable(ctx context.Context, patterns []string, o *Options,
	reading *vectorio.Options) (*vectorio.Dataset, error) {
	if !reading.Learns() {
		return nil, ErrNoTarget
	}
	reading.Formats.Cells, reading.Parts = true, 2*max(o.Shards, 1)
	inspect := func() (*vectorio.Dataset, error) {
		if o.Names != nil {
			return vectorio.InspectLike(ctx, patterns, o.Names, "the model to go on from", *reading)
		}
		return vectorio.Inspect(ctx, patterns, *reading)
	}
	d, err := inspect()
	if err == nil {
		d.Reads(reading)
	}
	return d, err
}

// Encoded is a dataset of tables whose rows an encoding brings to numbers. It completes the options, as Inspect does.
func Encoded(d *vectorio.Dataset, e *features.Encoding, chunkRows int, o *Options,
	reading *vectorio.Options) *vectorio.Dataset {
	return d.Encoded(e, reading).InUnits(&o.UnitRows, o.Shards, chunkRows, reading)
}

// permuted reports whether columns have these names in another order.
func permuted(columns, names []string) bool {
	return !slices.Equal(columns, names) &&
		slices.Equal(slices.Sorted(slices.Values(columns)), slices.Sorted(slices.Values(names)))
}

// Job is the data and the options of a training.
type Job struct {
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Options Options
}

// Report is what a training tells beside its model.
type Report struct {
	Passes   int      // made by this run
	Resumed  int      // made by an earlier one
	Rows     int64    // read in the first pass over all
	Rejected int64    // left out, as they are at fault
	NoTarget int64    // left out, as they have no target
	Files    []string // written
	// UnseenCells are cells of the rows of which the encoding, that of an earlier model, has learned nothing.
	UnseenCells features.UnseenCells

	dir    string // of the checkpoint
	faults []*fault.Fault
	save   func(context.Context) error // the last state, where that is not done

	published bool // the files are in place
}

// Faults are those of the rows that were left out, in the order of file and row.
func (r *Report) Faults() []*fault.Fault { return r.faults }

// Run runs a pipeline.
type Run func(ctx context.Context, p *beam.Pipeline) error

// Train makes the passes that fit asks for, and gives it as it is after the last. The checkpoint stays until
// [Publish] or [Clean] removes it.
func Train[F Fit](ctx context.Context, j *Job, fit F, run Run) (F, *Report, error) {
	made, report, err := train(ctx, j, fit, func(ctx context.Context, c *checkpoint, fit Fit) error {
		p, s := beam.NewPipelineWithRoot()
		c.pipeline(s, j, fit)
		return run(ctx, p)
	})
	if err != nil {
		var none F
		return none, nil, err
	}
	return made.(F), report, nil
}

// TrainHere is [Train] of a job in this process, to the same bits, without Beam: for many small ones. do does the work
// that it is given.
func TrainHere[F Fit](ctx context.Context, j *Job, fit F,
	do func(ctx context.Context, work func(context.Context) error) error) (F, *Report, error) {
	made, report, err := train(ctx, j, fit, func(ctx context.Context, c *checkpoint, _ Fit) error {
		return do(ctx, func(ctx context.Context) error { return c.passesHere(ctx, j) })
	})
	if err != nil {
		var none F
		return none, nil, err
	}
	return made.(F), report, nil
}

// train makes passes by calling some, which makes one or several, as often as needed.
func train(ctx context.Context, j *Job, fit Fit,
	some func(context.Context, *checkpoint, Fit) error) (Fit, *Report, error) {
	j.Options.Kind = fit.Kind()
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	if err := j.Options.Validate(); err != nil {
		return nil, nil, err
	}
	output.Begin(j.Options.RunID)
	c, fit, err := openCheckpoint(ctx, j, fit)
	if err != nil {
		return nil, nil, err
	}
	j.Reading.Domain = fit.Domain()
	j.Reading.Confine(j.Data) // after the checkpoint: other patterns for the same files still resume it
	report := &Report{Resumed: fit.Passes()}
	last, err := j.Options.last()
	if err != nil {
		return nil, nil, err
	}
	last.fit = fit
	for !fit.Done() {
		before := fit.Passes()
		if err := some(ctx, c, fit); err != nil {
			return nil, nil, c.abandon(context.WithoutCancel(ctx), err)
		}
		if last.fit.Passes() > before {
			fit, c.state, c.passes = last.fit, last.state, last.fit.Passes()
		} else if fit, err = c.latest(ctx); err != nil {
			return nil, nil, err
		}
		if fit.Passes() == before {
			return nil, nil, fmt.Errorf("linear.Train: the pipeline has made no pass")
		}
	}
	fit.Reads(j.Reading.Encoding, j.Data.ZeroBased())
	report.Passes = fit.Passes() - report.Resumed
	if j.Options.Workers == placement.InProcess {
		report.save = func(ctx context.Context) error {
			_, err := save(ctx, c.dir, j.Options.RunID, fit)
			return err
		}
	}
	if err := c.count(ctx, report); err != nil {
		return nil, nil, Keep(ctx, &j.Options, report, err)
	}
	return fit, report, nil
}

// Passes adds passes over the work of the shards to a pipeline: PCollection<Work>, and the state before as
// PCollection<State> of one, → the state after, the same. Where there are fewer passes left to make, the rest do
// nothing.
func Passes(s beam.Scope, work, state beam.PCollection, passes int, reading vectorio.Options, dim int, o Options,
	dir string) beam.PCollection {
	s = s.Scope("linear.Passes")
	seed := beam.Create(s, Summand{Seed: true}) // so that there is something to group where no pass is left
	for i := range passes {
		s := s.Scope(fmt.Sprintf("pass %d", i))
		tasks := beam.Reshuffle(s, beam.ParDo(s, &broadcastFn{}, work, beam.SideInput{Input: state}))
		sums := beam.ParDo(s, &passFn{Reading: reading, Dim: dim, Options: o, Dir: dir}, tasks)
		grouped := beam.GroupByKey(s, beam.AddFixedKey(s, beam.Flatten(s, sums, seed)))
		state = beam.ParDo(s, &advanceFn{Options: o, Dir: dir}, grouped, beam.SideInput{Input: state})
	}
	return state
}

// State is a [Fit] between passes; empty where it is done.
type State struct{ Fit []byte }

// Work is the share of one worker: some shards, whose chunks a file lists.
type Work struct {
	Group int
	Plan  string // the file
	state []byte // a Fit between passes, where the work is on its way to a pass
}

// Summand is what a pass has summed up of a node of the tree of shards.
type Summand struct {
	Seed    bool
	Node    model.Node
	Partial []byte
}

// seedFn gives each group a chunk that is none: its Total is the group.
type seedFn struct{}

func (*seedFn) ProcessElement(c vectorio.Chunk) (int, vectorio.Chunk) { return int(c.Total), c }

// planFn writes down the chunks of a group, for all passes.
type planFn struct {
	Options Options
	Dir     string
}

func (f *planFn) ProcessElement(ctx context.Context, group int, iter func(*vectorio.Chunk) bool,
	emit func(Work)) error {
	chunks := slices.DeleteFunc(vectorio.Gather(iter), func(c vectorio.Chunk) bool { return c.Ordinal < 0 })
	if err := f.Options.writePlan(ctx, f.Dir, group, chunks); err != nil {
		return output.Failed(f.Options.RunID, err)
	}
	emit(Work{Group: group, Plan: planPath(f.Dir, group)})
	return nil
}

// writePlan writes down the chunks of a group.
func (o *Options) writePlan(ctx context.Context, dir string, group int, chunks []vectorio.Chunk) error {
	b, err := json.Marshal(chunks)
	if err != nil {
		return err
	}
	return replace(ctx, planPath(dir, group), o.RunID, b)
}

// broadcastFn gives the state to every worker, with its work. (As a side input of passFn it would cost a core where
// Prism runs: a stage with a side input is looked at without a pause for as long as one of its bundles runs.)
type broadcastFn struct{}

func (*broadcastFn) ProcessElement(w Work, state State) Work {
	w.state = state.Fit
	return w
}

// passFn makes a pass over the shards of a worker.
type passFn struct {
	Reading vectorio.Options
	Dim     int
	Options Options
	Dir     string

	// Of all passes in this process, else nil: rows of those before, and blocks that are not needed.
	kept *kept
	pool blockPool
}

func (f *passFn) ProcessElement(ctx context.Context, w Work, emit func(Summand)) error {
	return output.Failed(f.Options.RunID, f.pass(ctx, w, emit))
}

func (f *passFn) pass(ctx context.Context, w Work, emit func(Summand)) error {
	if len(w.state) == 0 {
		return nil // no pass is left
	}
	fit, err := f.Options.decode(w.state)
	if err != nil {
		return err
	}
	chunks, err := readPlan(ctx, w.Plan)
	if err != nil {
		return err
	}
	sum, err := f.over(ctx, fit, w.Group, chunks)
	if err != nil {
		return err
	}
	return sum.Rest(func(n model.Node, p model.Partial) error {
		b, err := p.MarshalBinary()
		if err == nil {
			emit(Summand{Node: n, Partial: b})
		}
		return err
	})
}

// over makes a pass over the chunks of a group, a shard in each thread, and gives the sums of its shards.
func (f *passFn) over(ctx context.Context, fit Fit, group int, chunks []vectorio.Chunk) (*model.Sum, error) {
	shards := map[int][]vectorio.Chunk{}
	for _, c := range chunks {
		shard := c.Shard(f.Options.Shards)
		shards[shard] = append(shards[shard], c)
	}
	pass := fit.Pass()
	run := progress.Of(f.Options.RunID)
	if len(chunks) > 0 {
		total := chunks[0].Total
		if pass.Sample {
			total = min(total, fitting.SampleRows)
		}
		run.Begin(pass.Name, total)
	}

	if r, ok := fit.(interface{ Remember(bytes int64) }); ok && f.kept != nil {
		r.Remember(f.kept.size / spillShare)
	}
	threads := f.Options.threads()
	g, ctx2 := errgroup.WithContext(ctx)
	g.SetLimit(threads)
	var mu sync.Mutex
	sum, pool := model.NewSum(f.Options.Shards), f.pool
	if pool == nil {
		pool = newBlockPool(threads)
	}
	var read rejection
	for shard := group; shard < f.Options.Shards; shard += f.Options.Groups {
		g.Go(func() error {
			mu.Lock()
			partial := fit.Partial(shard, f.Options.Shards)
			mu.Unlock()
			reader := &shardReader{
				reading: f.Reading, dim: f.Dim, unit: f.Options.UnitRows, pass: pass,
				seed:   seedOf(f.Options.Seed, pass.Number, shard),
				chunks: shards[shard], pool: pool, kept: f.kept,
			}
			if err := f.take(ctx2, reader, partial, run); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			fit.Skip(partial, reader.skipped)
			read.add(&rejection{reader.rows, reader.without, reader.unseen.Named(f.Reading.Encoding), reader.rejected})
			return sum.Add(model.Node{Index: shard}, partial)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, locate(err, chunks) // sums that overflow as they are merged are of no row
	}
	if pass.First {
		vectorio.Count(ctx, read.Rows, int64(len(read.Faults)))
		if err := writeRejected(ctx, f.Dir, group, f.Options.RunID, &read); err != nil {
			return nil, err
		}
	}
	rowsLearned.Inc(ctx, read.Rows)
	return sum, nil
}

// take adds the rows of a shard to its partial.
func (f *passFn) take(ctx context.Context, r *shardReader, p model.Partial, run *progress.Run) error {
	recaller, _ := p.(model.Recaller)
	if recaller != nil {
		rows, ok, err := recaller.Recall()
		if ok {
			r.rows = rows
			run.Add(rows)
		}
		if ok || err != nil {
			return err
		}
	}
	err := r.each(ctx, func(c *model.Chunk) error {
		run.Add(int64(c.Len()))
		return p.PartialFit(c)
	})
	if err == nil && recaller != nil {
		recaller.Whole()
	}
	return err
}

// threads is how many shards are worked on at a time.
func (o *Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// advanced has the state after the last pass that has ended in this process, so that it need not be read back.
var advanced = output.NewShared[*lastState]()

type lastState struct {
	fit   Fit
	state []byte // its bytes, unless that is in process
	kept  *kept  // rows for Judge
}

// last is that state; an error where the run is over.
func (o *Options) last() (*lastState, error) {
	last, _, err := advanced.Get(o.RunID, func() (*lastState, error) { return &lastState{}, nil })
	return last, err
}

// takeKept is the rows that the passes have kept in this process, once; or nil.
func (o *Options) takeKept() *kept {
	last, err := o.last()
	if err != nil {
		return nil
	}
	rows := last.kept
	last.kept = nil
	return rows
}

// seedOf mixes a seed for a shard and a pass.
func seedOf(seed uint64, pass, shard int) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, seed, " ", pass, " ", shard)
	return h.Sum64()
}

// advanceFn ends a pass, and saves the state. (It is no CombineFn, as it takes the state to know what a partial is,
// and a CombineFn has no side input. Nor is one needed: a worker merges the shards that are neighbours before it
// sends them.)
type advanceFn struct {
	Options Options
	Dir     string
}

func (f *advanceFn) ProcessElement(ctx context.Context, _ int, iter func(*Summand) bool, state State,
	emit func(State)) error {
	if len(state.Fit) > 0 { // else no pass is left
		var err error
		if state, err = f.advance(ctx, iter, state); err != nil {
			return output.Failed(f.Options.RunID, f.locate(ctx, err))
		}
	}
	emit(state)
	return nil
}

func (f *advanceFn) advance(ctx context.Context, iter func(*Summand) bool, state State) (State, error) {
	fit, err := f.Options.decode(state.Fit)
	if err != nil {
		return State{}, err
	}
	sum := model.NewSum(f.Options.Shards)
	var s Summand
	for iter(&s) {
		if s.Seed {
			continue
		}
		p := fit.Partial(s.Node.Index<<s.Node.Level, f.Options.Shards)
		if err := p.UnmarshalBinary(s.Partial); err != nil {
			return State{}, err
		}
		if err := sum.Add(s.Node, p); err != nil {
			return State{}, err
		}
	}
	total, err := sum.Total()
	if err != nil {
		return State{}, err
	}
	if err := advance(fit, total); err != nil {
		return State{}, err
	}
	b, err := save(ctx, f.Dir, f.Options.RunID, fit)
	if err != nil {
		return State{}, err
	}
	if last, over := f.Options.last(); over == nil {
		last.fit, last.state = fit, b
	}
	if fit.Done() {
		b = nil
	}
	return State{Fit: b}, nil
}

// locate finds the row of a fault, as [locate] does, among the chunks of all groups.
func (f *advanceFn) locate(ctx context.Context, err error) error {
	var at *fault.Fault
	if !errors.As(err, &at) {
		return err
	}
	var all []vectorio.Chunk
	for g := range f.Options.Groups {
		chunks, unread := readPlan(ctx, planPath(f.Dir, g))
		if unread != nil {
			return errors.Join(err, unread)
		}
		all = append(all, chunks...)
	}
	return locate(err, all)
}

// readPlan reads the chunks of a group.
func readPlan(ctx context.Context, path string) ([]vectorio.Chunk, error) {
	b, err := files.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	var chunks []vectorio.Chunk
	if err := json.Unmarshal(b, &chunks); err != nil {
		return nil, fault.File(path, "the plan of a job", "%s", fault.JSON(b, err))
	}
	return chunks, nil
}

// replace writes a file in the place of another, whole or not at all, unless the run is over.
func replace(ctx context.Context, path, runID string, b []byte) error {
	return output.WhileRuns(runID, func() error { return files.WriteFile(ctx, path, b) })
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
