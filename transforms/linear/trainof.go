package linear

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/targets"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&bucketFn{}, &spillRowsFn{}, &trainOfFn{})
}

// TrainOfOptions of [TrainOf]. A field that is not Required has its Default.
type TrainOfOptions struct {
	// Fit are the hyperparameters, with several Alphas or Folds those of a cross-validation; without a WarmStart.
	Fit fitting.FitOptions
	// Target is the column to learn, or Targets are several, each of which gets the model that it would have alone. One of
	// them is Required.
	Target  string
	Targets []string
	// Weight is the column of the rows' weights. Optional.
	Weight string
	// ID is the column of ids, which is no feature, and which messages tell rows by. Optional.
	ID string
	// Columns are the features, by names and globs. Default: all columns but these.
	Columns []string
	// Table is how columns of text, dates and missing cells become numbers; Fit.Standardize is said there, too. Default:
	// as the rules of [features.Options] say.
	Table features.Options
	// Numbers says that rows are numbers and nothing else: columns of text are left out, and missing cells are faults, as
	// by --encode=none. Default: false.
	Numbers bool
	// Buckets is the number of files that the rows are put into; a worker holds the rows of one. The model depends on it
	// where that is learned by SGD. Default: 64.
	Buckets int
	// Shards is the number of parts that a pass learns from: see [Options]. Default: DefaultShards.
	Shards int
	// Threads is how many shards are learned from at a time. Default: GOMAXPROCS of the worker.
	Threads int
	// Staging is a directory that all workers can reach, for the rows while the job runs. Required.
	Staging string
	// RunID is unique to the run: it keys the files. Default: random.
	RunID string
}

// EnsureDefaults fills in what is not set.
func (o *TrainOfOptions) EnsureDefaults() {
	o.Fit.EnsureDefaults()
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
}

// Validate reports every fault of the options at once.
func (o *TrainOfOptions) Validate() error {
	errs := []error{o.Fit.Validate()}
	if o.Fit.WarmStart != nil {
		errs = append(errs, errors.New("warm start: only from files, by Train"))
	}
	switch {
	case o.Target == "" && len(o.Targets) == 0:
		errs = append(errs, errors.New("a target is needed: the column that is to be learned"))
	case o.Target != "" && len(o.Targets) > 0:
		errs = append(errs, errors.New("targets: one, or several, and not both"))
	}
	r, err := o.rows()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	r.EnsureDefaults()
	return errors.Join(append(errs, r.Validate())...)
}

// rows are the options of learning from rows, whatever is learned.
func (o *TrainOfOptions) rows() (*RowsOptions, error) {
	fit, err := json.Marshal(linearOf{o.Fit, o.Fit.Options.Task})
	table := o.Table
	table.Standardize = o.Fit.Standardize
	kind := fitting.Kind
	if len(o.Targets) > 0 {
		kind = targets.Kind
	}
	return &RowsOptions{
		Kind: kind, Fit: fit, Target: o.Target, Targets: o.Targets, Labels: o.Fit.Options.Task == model.Classification,
		Weight: o.Weight, ID: o.ID, Columns: o.Columns, Table: table, TableAsked: !o.Table.IsZero(), Numbers: o.Numbers,
		Buckets: o.Buckets, Shards: o.Shards, Threads: o.Threads, Seed: o.Fit.Seed, Staging: o.Staging, RunID: o.RunID,
	}, err
}

// linearOf is what a worker must know of a linear model to be learned.
type linearOf struct {
	Fit  fitting.FitOptions
	Task model.Task // which the hyperparameters' JSON has not
}

// Rows are those of a pipeline, in files, that a [Learner] learns from.
type Rows struct {
	Data    *vectorio.Dataset
	Reading *vectorio.Options // with the encoding of rows that are those of a table, which standardises them, too
	Options *Options
	Dir     string // for what passes leave, until the run is over
}

// Learner learns a model from the rows of a pipeline, by options in JSON.
type Learner func(ctx context.Context, options []byte, rows *Rows) (*Trained, error)

// learners are those of [RowsOptions.Kind].
var learners = map[string]Learner{
	fitting.Kind: LearnerOf(
		func(options []byte, rows *Rows) (*fitting.Fit, error) {
			o, err := fitOf(options, rows)
			if err != nil {
				return nil, err
			}
			return fitting.NewFit(o, rows.Data.Dim, rows.Data.Columns)
		},
		func(fit *fitting.Fit, w io.Writer) error { return fit.Model().Save(w) },
	),
	targets.Kind: LearnerOf(
		func(options []byte, rows *Rows) (*targets.Fit, error) {
			o, err := fitOf(options, rows)
			if err != nil {
				return nil, err
			}
			return targets.NewFit(o, nil, rows.Data.Dim, rows.Data.Columns, rows.Data.TargetNames)
		},
		func(fit *targets.Fit, w io.Writer) error { return fit.Model().Save(w) },
	),
}

// fitOf is how rows are learned from, by options in JSON.
func fitOf(options []byte, rows *Rows) (fitting.FitOptions, error) {
	var o linearOf
	if err := json.Unmarshal(options, &o); err != nil {
		return o.Fit, err
	}
	o.Fit.Options.Task = o.Task
	if rows.Reading.Encoding != nil {
		if x := o.Fit.Options.Exposure; x != nil {
			return o.Fit, fmt.Errorf("exposure: %s is a feature of rows of numbers, and these are of a table", x.Column)
		}
		o.Fit.Standardize, o.Fit.Standardized, o.Fit.Sample = false, o.Fit.Standardize, true
	}
	return o.Fit, nil
}

// RegisterLearner makes a kind known to [TrainRows], in every worker: call it in an init.
func RegisterLearner(kind string, l Learner) {
	if learners[kind] != nil {
		panic("linear.RegisterLearner: " + kind + " twice")
	}
	learners[kind] = l
}

// LearnerOf makes the passes that a fit asks for, which begin has begun, and then has save write the file of its model.
func LearnerOf[F Fit](begin func(options []byte, rows *Rows) (F, error), save func(fit F, w io.Writer) error) Learner {
	return func(ctx context.Context, options []byte, rows *Rows) (*Trained, error) {
		fit, err := begin(options, rows)
		if err != nil {
			return nil, err
		}
		reading := *rows.Reading
		reading.Domain = fit.Domain()
		list, err := rows.Data.List(ctx)
		if err != nil {
			return nil, err
		}
		passes := &localFn{passFn{Reading: reading, Dim: rows.Data.Dim, Options: *rows.Options, Dir: rows.Dir}}
		passes.kept = newKept(rows.Options.CacheMemory, reading.Formats.Format)
		passes.kept.spills(rows.Options.RunID)
		defer passes.kept.close()
		passes.pool = newBlockPool(rows.Options.threads())
		for !fit.Done() {
			if err := passes.advance(ctx, fit, list.Chunks); err != nil {
				return nil, err
			}
		}
		left, err := (&checkpoint{dir: rows.Dir, options: rows.Options}).rejections(ctx)
		if err != nil {
			return nil, err
		}
		fit.Reads(reading.Encoding, rows.Data.ZeroBased())
		var b bytes.Buffer
		if err := save(fit, &b); err != nil {
			return nil, err
		}
		t := &Trained{File: b.Bytes()}
		if left.NoTarget > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%d rows without a target are left out", left.NoTarget))
		}
		t.Notes = append(t.Notes, fit.Notes()...)
		return t, nil
	}
}

// RowsOptions of [TrainRows]. A field that is not Required has its Default.
type RowsOptions struct {
	// Kind is one that [RegisterLearner] has made known, and Fit its options, in JSON. Required.
	Kind string
	Fit  []byte
	// Target is the column to learn, or Targets are several, if there is any, and Labels says that they hold labels.
	// Default: none.
	Target  string
	Targets []string
	Labels  bool
	// Dense says that rows of numbers are not kept sparse, and TableDense that encoded ones are not. Default: false.
	Dense, TableDense bool
	// Table and Numbers are as in [TrainOfOptions]; TableAsked says that rows are those of a table whatever is in them.
	Table      features.Options
	TableAsked bool
	Numbers    bool
	// Weight, ID, Columns, Buckets, Shards, Threads, Staging and RunID are as in [TrainOfOptions].
	Weight, ID               string
	Columns                  []string
	Buckets, Shards, Threads int
	Seed                     uint64
	Staging                  string
	RunID                    string
}

// EnsureDefaults fills in what is not set.
func (o *RowsOptions) EnsureDefaults() {
	if o.Buckets == 0 {
		o.Buckets = 64
	}
	if o.Shards == 0 {
		o.Shards = DefaultShards
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	o.Table.EnsureDefaults()
}

// Validate reports every fault of the options at once.
func (o *RowsOptions) Validate() error {
	errs := []error{o.Table.Validate()}
	if o.Numbers && o.TableAsked {
		errs = append(errs, errors.New("rows of numbers: without options of tables"))
	}
	if learners[o.Kind] == nil {
		errs = append(errs, fmt.Errorf("rows of a pipeline: unknown kind %q", o.Kind))
	}
	if o.Buckets < 1 || o.Buckets > MaxShards {
		errs = append(errs, fmt.Errorf("%d buckets: must be from 1 to %d", o.Buckets, MaxShards))
	}
	if o.Staging == "" {
		errs = append(errs, errors.New("a staging directory is needed, which all workers can reach"))
	}
	return errors.Join(append(errs, o.learning().Validate())...)
}

// learning is the options of the passes.
func (o *RowsOptions) learning() *Options {
	p := &Options{Model: "model.json", Shards: o.Shards, Groups: 1, Threads: o.Threads, Seed: o.Seed, Kind: o.Kind,
		RunID: o.RunID}
	p.EnsureDefaults()
	return p
}

func (o *RowsOptions) staging() string { return files.Join(o.Staging, "."+o.RunID+files.EndStaging) }

// TrainOf learns a linear model of rows that are in a pipeline: PCollection<T> → PCollection<[Trained]> of one, for
// [PredictOf] or a file. T is a struct or a string, as there; target and weight are numbers, and the target a label
// where Fit classifies. Where features hold more than numbers, text, dates, missing cells, the rows are taken for those
// of a table, as `sgd` takes them, and the model has their encoding; its notes say what became of each column. The
// model is that of [Train] over files of these rows in an order of their own, so it does not depend on the order in
// which they come. Rows without a target are left out, which the notes say.
//
// All windows must be the global one, and the rows bounded. Rows are grouped by a hash into o.Buckets files of the
// staging directory, and only the names of these go on; one worker makes all passes over them, with all its threads,
// in the memory of a pass. Where that is too slow, write the rows into files, and take Train, whose passes go over all
// workers. Call [CleanTrainOf] when the run is over.
//
// TrainOf fails on options that are not valid and on collections of other elements or windows; the job fails by an
// error that names the row by its id, and where there are no rows.
func TrainOf(s beam.Scope, rows beam.PCollection, o *TrainOfOptions) (beam.PCollection, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return beam.PCollection{}, fmt.Errorf("linear.TrainOf: %w", err)
	}
	r, err := o.rows()
	if err != nil {
		return beam.PCollection{}, fmt.Errorf("linear.TrainOf: %w", err)
	}
	return TrainRows(s, "linear.TrainOf", rows, r)
}

// TrainRows is [TrainOf] for models of any kind; of is what errors and the graph call it.
func TrainRows(s beam.Scope, of string, rows beam.PCollection, o *RowsOptions) (beam.PCollection, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return beam.PCollection{}, fmt.Errorf("%s: %w", of, err)
	}
	s = s.Scope(of)
	lines, err := linesOf(s, rows, of)
	if err != nil {
		return beam.PCollection{}, err
	}
	output.Begin(o.RunID)
	buckets := beam.GroupByKey(s, beam.ParDo(s, &bucketFn{Buckets: o.Buckets}, lines))
	unique := files.NewRunID()
	names := beam.ParDo(s, &spillRowsFn{Options: *o, Of: unique}, buckets)
	return beam.ParDo(s, &trainOfFn{Options: *o, Of: of, Unique: unique}, beam.Impulse(s),
		beam.SideInput{Input: names}), nil
}

// CleanTrainOf removes what a run of [TrainOf] has left in its staging directory. Call it when the run is over, well or
// not.
func CleanTrainOf(ctx context.Context, o *TrainOfOptions) error {
	return CleanRows(ctx, o.Staging, o.RunID)
}

// CleanRows removes what a run of [TrainRows] has left.
func CleanRows(ctx context.Context, staging, runID string) error {
	output.End(runID)
	o := RowsOptions{Staging: staging, RunID: runID}
	return files.RemoveAll(ctx, o.staging())
}

// bucketFn deals rows to buckets.
type bucketFn struct{ Buckets int }

func (f *bucketFn) ProcessElement(line string) (int, string) {
	return int(hashOf(line) % uint64(f.Buckets)), line
}

func hashOf(line string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, line)
	return h.Sum64()
}

// spillRowsFn writes the rows of a bucket into a file, in the order of their hashes, which is none that a learner could
// be misled by, and names it.
type spillRowsFn struct {
	Options RowsOptions
	Of      string // unique to the transform: others of the run may have the same options
}

func (f *spillRowsFn) ProcessElement(ctx context.Context, bucket int, iter func(*string) bool,
	emit func(string)) error {
	var lines []string
	var line string
	for iter(&line) {
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b string) int {
		return cmp.Or(cmp.Compare(hashOf(a), hashOf(b)), strings.Compare(a, b))
	})
	name := files.Join(f.Options.staging(), fmt.Sprintf("rows-%s-%05d.jsonl", f.Of, bucket))
	file, err := output.Create(ctx, f.Options.RunID, name)
	if err != nil {
		return fault.Mark(err)
	}
	err = file.Fill(false, func(to io.Writer) error {
		w := bufio.NewWriter(to)
		for _, line := range lines {
			w.WriteString(line)
			w.WriteByte('\n')
		}
		return w.Flush()
	})
	if err != nil {
		return fault.Mark(err)
	}
	emit(name)
	return nil
}

// trainOfFn makes all passes over the files of the buckets.
type trainOfFn struct {
	Options RowsOptions
	Of      string // what errors call the transform
	Unique  string // to the transform, among those of the run
}

func (f *trainOfFn) ProcessElement(ctx context.Context, _ []byte, iter func(*string) bool, emit func(Trained)) error {
	var names []string
	var name string
	for iter(&name) {
		names = append(names, name)
	}
	if names == nil {
		return fault.Mark(fmt.Errorf("%s: found no rows, expected some to learn from", f.Of))
	}
	t, err := f.train(ctx, names)
	if err != nil {
		return fault.Mark(f.ofRow(ctx, err))
	}
	emit(whole(t))
	return nil
}

// train learns from the rows as numbers, or as those of a table where they hold more.
func (f *trainOfFn) train(ctx context.Context, names []string) (Trained, error) {
	o := &f.Options
	if o.Numbers {
		return f.learn(ctx, names, o.numbers)
	}
	keys, err := o.keys(ctx, names)
	if err != nil {
		return Trained{}, err
	}
	table := func(ctx context.Context, names []string, learning *Options, reading *vectorio.Options) (*vectorio.Dataset,
		error) {
		return o.table(ctx, names, keys, learning, reading)
	}
	if o.TableAsked || o.other(ctx, names, keys) != "" {
		return f.learn(ctx, names, table)
	}
	t, err := f.learn(ctx, names, o.numbers)
	if o.isCell(err) { // of a row that the first ones told nothing of
		return f.learn(ctx, names, table)
	}
	return t, err
}

// learn makes the passes over rows that inspect has inspected, and completes the options of.
func (f *trainOfFn) learn(ctx context.Context, names []string,
	inspect func(context.Context, []string, *Options, *vectorio.Options) (*vectorio.Dataset, error)) (t Trained,
	err error) {
	o := &f.Options
	learning, reading := o.learning(), o.reading()
	data, err := inspect(ctx, names, learning, reading)
	if err != nil {
		return t, err
	}
	reading.Confine(data)
	learned, err := learners[o.Kind](ctx, o.Fit, &Rows{Data: data, Reading: reading, Options: learning,
		Dir: files.Join(o.staging(), "passes-"+f.Unique)})
	if err != nil {
		return t, err
	}
	t.File, t.Notes = learned.File, data.Notes()
	if reading.Encoding != nil {
		t.Notes = append(t.Notes, reading.Encoding.Lines()...)
	}
	t.Notes = append(t.Notes, learned.Notes...)
	return t, nil
}

// reading is how the files of the rows are read.
func (o *RowsOptions) reading() *vectorio.Options {
	reading := &vectorio.Options{}
	reading.EnsureDefaults()
	r := &reading.Formats
	r.Format, r.Columns, r.IDColumn, r.TargetColumn, r.WeightColumn = "jsonl", o.Columns, o.ID, o.Target, o.Weight
	r.Labels, r.Unlabelled = o.Labels, o.Target == "" && len(o.Targets) == 0
	reading.TargetColumns = o.Targets
	return reading
}

// numbers inspects the files of the rows as those of numbers.
func (o *RowsOptions) numbers(ctx context.Context, names []string, learning *Options,
	reading *vectorio.Options) (*vectorio.Dataset, error) {
	if !o.Dense {
		return Inspect(ctx, names, 0, learning, reading)
	}
	data, err := vectorio.Inspect(ctx, names, *reading)
	if err != nil {
		return nil, err
	}
	data.Reads(reading)
	return data.InUnits(&learning.UnitRows, learning.Shards, 0, reading), nil
}

// table inspects the files of the rows as those of a table, and finds out how they are encoded.
func (o *RowsOptions) table(ctx context.Context, names, keys []string, learning *Options,
	reading *vectorio.Options) (*vectorio.Dataset, error) {
	reading.Parts = 2 * learning.Shards
	data, err := o.cells(ctx, names, keys, reading)
	if err != nil {
		return nil, err
	}
	e, _, err := encode.FitHere(ctx, &encode.Job{Data: data, Reading: *reading, Options: o.Table, RunID: o.RunID})
	if err != nil {
		return nil, err
	}
	if !o.TableDense {
		return Encoded(data, e, 0, learning, reading), nil
	}
	if data, err = data.EncodedDense(e, reading); err != nil {
		return nil, err
	}
	return data.InUnits(&learning.UnitRows, learning.Shards, 0, reading), nil
}

// other says which column the first rows have that holds more than numbers; "" where none does.
func (o *RowsOptions) other(ctx context.Context, names, keys []string) string {
	data, err := o.cells(ctx, names, keys, o.reading())
	if err != nil {
		return "" // which the reading as numbers tells
	}
	return data.Other
}

// cells inspects the files of the rows as those of a table. Where a file lacks one of these keys, its cells are
// missing, wherever rows lie.
func (o *RowsOptions) cells(ctx context.Context, names, keys []string, reading *vectorio.Options) (*vectorio.Dataset,
	error) {
	reading.Formats.Cells = true
	if keys == nil {
		return vectorio.Inspect(ctx, names, *reading)
	}
	reading.Formats.Columns = nil
	return vectorio.InspectLike(ctx, names, keys, "the rows", *reading)
}

// keyRows is of how many rows of each file the keys are looked at.
const keyRows = 1000

// keys are the columns of the vector by their names: those that are asked for, or the keys of the first rows of all
// files, in the order of their texts. nil where the files alone tell them: where Columns have a glob or leave columns
// out, and where a value is an object, whose keys are columns, or an array.
func (o *RowsOptions) keys(ctx context.Context, names []string) ([]string, error) {
	if slices.ContainsFunc(o.Columns, func(s string) bool { return strings.ContainsAny(s, "!*?[\\") }) {
		return nil, nil
	}
	if len(o.Columns) > 0 {
		return o.Columns, nil
	}
	found := map[string]bool{}
	for _, name := range names {
		r, err := files.OpenRead(ctx, name)
		if err != nil {
			return nil, err
		}
		rows := json.NewDecoder(r)
		for range keyRows {
			var row map[string]json.RawMessage
			if rows.Decode(&row) != nil { // the end, or what the reader of the row tells
				break
			}
			for key, value := range row {
				if value[0] == '{' || value[0] == '[' {
					return nil, r.Close()
				}
				found[key] = true
			}
		}
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	for _, name := range append([]string{o.ID, o.Target, o.Weight}, o.Targets...) {
		delete(found, name)
	}
	if len(found) == 0 {
		return nil, nil // which is told
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// isCell reports whether an error is of a cell of a feature, which is no number.
func (o *RowsOptions) isCell(err error) bool {
	var at *fault.Fault
	return errors.As(err, &at) && at.Column != "" && at.Row != fault.WholeFile &&
		!slices.Contains(append([]string{o.Target, o.Weight, o.ID}, o.Targets...), at.Column)
}

// ofRow tells the fault of a row, which is in a file of its own accord, by the row's id.
func (f *trainOfFn) ofRow(ctx context.Context, err error) error {
	return ofRow(err, func(file string, row int64) (string, bool) {
		r, err := files.OpenRead(ctx, file)
		if err != nil {
			return "", false
		}
		defer r.Close()
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			if row--; row < 0 {
				return lines.Text(), true
			}
		}
		return "", false
	}, f.Options.ID)
}
