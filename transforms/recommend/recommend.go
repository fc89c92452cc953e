// Package recommend recommends items to users by rows of users, items and values, as a Beam pipeline:
//
//	chunks ─▶ build: read all rows, find the neighbours of items, once
//	             │                        ║ in this process, or a file that each worker reads once
//	             ▼                        ▼
//	     ranges of users, shuffled ─▶ ParDo: score, write a part ─▶ Publish
//	     ranges of items ──────────▶ ParDo: write a part ─▶ Publish, where neighbours are asked for
//
// What flows are descriptions of rows and of work. The outcome depends on the rows only: not on chunks, workers or the
// runner.
package recommend

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	model "beamlearn/model/recommend"
	"beamlearn/model/results"
	values "beamlearn/model/triples"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/triples"
	"beamlearn/transforms/vectorio"
)

var (
	usersAnswered   = beam.NewCounter("recommend", "users_answered")
	recommendations = beam.NewCounter("recommend", "recommendations")
)

func init() {
	registry.DoFns(&buildFn{}, &answerFn{}, &neighborsFn{})
	register.Iter1[vectorio.List]()
	register.Emitter1[Range]()
	register.Emitter1[output.Part]()
	registry.Element(encodeRange, decodeRange)
}

// Options of a job. A field that is not Required has its Default.
type Options struct {
	// Duplicates says what becomes of several rows of the same user and item. Default: Sum.
	Duplicates values.Duplicates
	// Model is how items are compared; its K and Shrinkage count where Ks and Shrinkages are not given.
	Model model.Options
	// Compare says what recommenders of several k and shrinkages are worth, of interactions of which a part is held out,
	// with the model's other options, Top and KeepSeen; what is written is then by the best of them. Default: nothing is
	// compared.
	Compare *model.Compared `json:",omitempty"`
	// Overview draws what a page shows. Default: nothing.
	Overview bool
	// Top is how many items a user is recommended, at most. Default: 10.
	Top int
	// KeepSeen recommends what users had already, too. Default: that is left out.
	KeepSeen bool
	// Filter is a condition on columns of the items' table, which recommended items meet: [Job.InspectItems] sets it.
	// Optional.
	Filter string `json:",omitempty"`
	// Threads is how many threads a worker has. Default: GOMAXPROCS of the worker.
	Threads int

	// Destination is where the recommendations go. Its Output is .csv, .jsonl or .parquet, and Optional.
	output.Destination
	// NeighborsOutput is the file of the neighbours of items: .csv, .jsonl or .parquet. Optional.
	NeighborsOutput string
	// Scratch is a directory that all workers and this process can write to. Required where there is no Output.
	Scratch string
	// Workers say where the job runs. Default: placement.Remote.
	Workers placement.Workers
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	o.Model.EnsureDefaults()
	o.Duplicates = cmp.Or(o.Duplicates, values.Sum)
	o.Top = cmp.Or(o.Top, 10)
	o.Destination.EnsureDefaults()
}

// maxTop bounds the memory of answers.
const maxTop = 10_000

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	errs := []error{o.validateModel()}
	errs = append(errs, o.Duplicates.Validate())
	if o.Top < 1 || o.Top > maxTop {
		errs = append(errs, fmt.Errorf("top %d: must be from 1 to %d", o.Top, maxTop))
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	errs = append(errs, o.output().Validate())
	if o.NeighborsOutput != "" {
		errs = append(errs, o.neighbors().Validate())
	}
	return errors.Join(errs...)
}

// validateModel reports what is wrong with how items are compared, or with one of the ways that are.
func (o *Options) validateModel() error {
	if o.Compare == nil {
		return o.Model.Validate()
	}
	c := o.Compare
	errs := []error{c.Holdout.Validate()}
	if len(c.Ks) == 0 || len(c.Shrinkages) == 0 {
		errs = append(errs, errors.New("no k, or no shrinkage, to compare"))
	}
	told := map[string]bool{}
	for _, k := range c.Ks {
		for _, s := range c.Shrinkages {
			m := o.Model
			m.K, m.Shrinkage = k, s
			if err := m.Validate(); err != nil && !told[err.Error()] {
				told[err.Error()] = true
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Layout is that of the recommendations: user, rank, item, score.
var Layout = results.Layout{IDName: "user", Columns: []results.Column{
	{Name: "rank", Type: results.Int}, {Name: "item", Type: results.ID}, {Name: "score", Type: results.Float},
}}

// NeighborsLayout is that of the neighbours of items: item, rank, neighbor, similarity.
var NeighborsLayout = results.Layout{IDName: "item", Columns: []results.Column{
	{Name: "rank", Type: results.Int}, {Name: "neighbor", Type: results.ID}, {Name: "similarity", Type: results.Float},
}}

func (o *Options) output() *output.Options {
	out := o.Of(Layout)
	out.Scratch = o.Scratch
	return out
}

func (o *Options) neighbors() *output.Options {
	return &output.Options{Path: o.NeighborsOutput, Layout: NeighborsLayout, NumShards: 1, RunID: o.RunID + ".neighbors"}
}

// modelKey is the run by which worker processes share the model: it is not over before the whole job is.
func (o *Options) modelKey() string { return o.RunID + ".model" }

// Job is rows of who had what, and what to make of them.
type Job struct {
	Columns triples.Columns
	// Data are the rows, and Reading how they are read: [Job.Inspect] makes them.
	Data    *vectorio.Dataset
	Reading vectorio.Options
	// Users are rows of the users who are to be answered, or nil for all; [Job.InspectUsers] makes them.
	Users        *vectorio.Dataset
	UsersReading vectorio.Options
	// UsersHeader is what is taken for the name of the column of Users, which nobody called so, and may be a user.
	UsersHeader string
	// Items are rows of the items, with what a condition is about, or nil; [Job.InspectItems] makes them.
	Items        *vectorio.Dataset
	ItemsReading vectorio.Options
	Options      Options
}

// Inspect finds the rows of the files.
func (j *Job) Inspect(ctx context.Context, patterns []string) (err error) {
	j.Data, err = triples.Inspect(ctx, patterns, &j.Columns, &j.Reading)
	return err
}

// InspectUsers finds the users who are to be answered: the ids in the column that is called as in the rows, or in the
// only one, with or without a name.
func (j *Job) InspectUsers(ctx context.Context, patterns []string) error {
	o := &j.UsersReading
	o.ChunkRows, o.Formats.Cells, o.Formats.Unlabelled = j.Reading.ChunkRows, true, true
	users, err := j.inspectIDs(ctx, patterns, 0, j.Columns.Row, o, func(id string) { o.Formats.Columns = []string{id} })
	if err != nil {
		only := *o
		only.Formats.IDColumn, only.Formats.Columns = "", nil
		if all, e := vectorio.Inspect(ctx, patterns, only); e != nil || len(all.Fields) != 1 {
			return err
		}
		o.Formats.IDColumn, o.Formats.Columns = "0", []string{"0"}
		if users, err = vectorio.Inspect(ctx, patterns, *o); err != nil {
			return err
		}
	}
	j.Users, j.UsersHeader = users, ""
	if c := users.Columns; len(c) == 1 && c[0] != o.Formats.IDColumn && len(users.Files) == 1 {
		j.UsersHeader = c[0]
	}
	return nil
}

// inspectIDs finds rows of users or items, whose ids stand in the column that is called as column i of the rows. Where
// that was told by its index, and has a name, the name counts, as the index may be another column's there; of rows
// without names it is the index. columns says which columns are read, by that of the ids.
func (j *Job) inspectIDs(ctx context.Context, patterns []string, i int, told string, o *vectorio.Options,
	columns func(id string)) (*vectorio.Dataset, error) {
	inspect := func(name string) (*vectorio.Dataset, error) {
		o.Formats.IDColumn = name
		columns(name)
		return vectorio.Inspect(ctx, patterns, *o)
	}
	name := told
	if i < len(j.Data.Columns) {
		name = j.Data.Columns[i]
	}
	d, err := inspect(name)
	if err != nil && name != told {
		if d, e := inspect(told); e == nil && len(d.Columns) == 0 {
			return d, nil
		}
	}
	return d, err
}

// Range is users, or items, to be answered by one task.
type Range struct {
	Ordinal int64
	First   int   // of those that are answered
	Rows    int   // how many
	Total   int64 // of all ranges
	// Users are those of the rows, by their places among all users; nil where all are answered in their order.
	Users []uint32 `json:",omitempty"`
}

func encodeRange(r Range) ([]byte, error) { return json.Marshal(r) }
func decodeRange(b []byte) (Range, error) { return jsoncoder.Decode[Range](b) }

// Recommend adds to a pipeline that all rows are read, that users are answered, and that the outputs are written, as
// far as they are asked for; PCollections: none. One worker reads all rows: it takes some 60 bytes a row, and 16·K
// bytes an item. Each worker that answers takes 12 bytes a row, and 12·K an item.
func Recommend(s beam.Scope, j *Job) error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Confine(j.Data)
	if err := errors.Join(j.Columns.Validate(), j.Options.Validate()); err != nil {
		return fmt.Errorf("recommend.Recommend: %w", err)
	}
	o := &j.Options
	output.Begin(o.RunID)
	output.Begin(o.modelKey())
	output.Begin(o.neighbors().RunID)
	s = s.Scope("recommend.Recommend")
	rows := vectorio.Listed(s, j.Data, o.Workers)
	users := beam.CreateList(s, []vectorio.List{{}})
	if j.Users != nil {
		j.UsersReading.EnsureDefaults()
		j.UsersReading.Confine(j.Users)
		users = vectorio.Listed(s.Scope("Users"), j.Users, o.Workers)
	}
	items := beam.CreateList(s, []vectorio.List{{}})
	if j.Items != nil {
		j.ItemsReading.EnsureDefaults()
		j.ItemsReading.Confine(j.Items)
		items = vectorio.Listed(s.Scope("Items"), j.Items, o.Workers)
	}
	fn := &buildFn{
		Columns: j.Columns, Reading: j.Reading, Only: j.Users != nil, UsersReading: j.UsersReading,
		UsersHeader: j.UsersHeader, ItemsReading: j.ItemsReading, Options: *o,
	}
	// All three meet by a key. As side inputs they would keep Prism 2.77 busy: it asks again and again, on a core of its
	// own, whether a stage with side inputs is ready, as long as that runs.
	lists := beam.CoGroupByKey(s, beam.AddFixedKey(s, rows), beam.AddFixedKey(s, users), beam.AddFixedKey(s, items))
	userRanges, itemRanges, built := beam.ParDo3(s, fn, lists)
	answered := beam.ParDo(s, &answerFn{Options: *o}, beam.Reshuffle(s, userRanges))
	output.Publish(s, beam.Flatten(s, built, answered), *o.output())
	if o.NeighborsOutput != "" {
		s := s.Scope("Neighbors")
		output.Publish(s, beam.ParDo(s, &neighborsFn{Options: *o}, beam.Reshuffle(s, itemRanges)), *o.neighbors())
	}
	return nil
}

// Clean removes what a run has left in its staging directories. Call it when the run is over, well or not.
func (o *Options) Clean(ctx context.Context) error {
	output.End(o.modelKey())
	err := output.Clean(ctx, o.output())
	if o.NeighborsOutput != "" {
		err = errors.Join(err, output.Clean(ctx, o.neighbors()))
	}
	return err
}

// Report is what a job has done.
type Report struct {
	Rows         int64   `json:"rows"`
	Rejected     int64   `json:"rejected_rows"`
	Merged       int64   `json:"merged_rows"` // of a user and an item that an earlier row has
	Users        int64   `json:"users"`
	Items        int64   `json:"items"`
	Interactions int64   `json:"interactions"`
	Neighbors    int64   `json:"neighbors"` // of all items
	UnknownUsers int64   `json:"unknown_users,omitempty"`
	Read         float64 `json:"read_s"`
	Fit          float64 `json:"fit_s"`

	// Comparison is what recommenders are worth, where that was asked for, and K and Shrinkage those of the one that was
	// taken.
	Comparison *model.Comparison `json:"evaluation,omitempty"`
	K          int               `json:"k"`
	Shrinkage  float64           `json:"shrinkage"`
	Compare    float64           `json:"evaluate_s,omitempty"`
	Overview   *model.Overview   `json:"-"`

	Answered        int64   `json:"users_answered"`
	Recommendations int64   `json:"recommendations"`
	Without         int64   `json:"users_without_recommendation"`
	Score           float64 `json:"score_s"` // added up over the workers
	Write           float64 `json:"write_s"` // added up over the workers

	Assemble      float64  `json:"assemble_s"`
	OutputFiles   []string `json:"output_files"`
	RejectedFiles []string `json:"rejected_files,omitempty"`
}

// taskReport is what the build, or a task, has done.
type taskReport struct {
	Built    *Report         `json:",omitempty"`
	Overview *model.Overview `json:",omitempty"`
	answered
}

// ReadReport reads what a finished run has left, before [Options.Clean].
func ReadReport(ctx context.Context, o *Options) (*Report, error) {
	r := &Report{}
	summary, err := output.ReadReports(ctx, o.output(), func(b []byte) error {
		var t taskReport
		if err := json.Unmarshal(b, &t); err != nil {
			return err
		}
		if t.Built != nil { // the first
			*r = *t.Built
			r.Overview = t.Overview
			return nil
		}
		r.Answered, r.Recommendations, r.Without = r.Answered+t.Answered, r.Recommendations+t.Recommendations, r.Without+
			t.Without
		r.Score, r.Write = r.Score+t.Score, r.Write+t.Write
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Assemble, r.OutputFiles, r.RejectedFiles = summary.Assemble, summary.OutputFiles, summary.RejectedFiles
	if o.NeighborsOutput != "" {
		r.OutputFiles = append(r.OutputFiles, o.NeighborsOutput)
	}
	return r, nil
}
