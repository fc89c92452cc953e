package linear

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

var (
	modelDecodes  = beam.NewCounter("linear", "model_decodes")
	rowsPredicted = beam.NewCounter("linear", "rows_predicted")
)

func init() {
	registry.DoFns(&predictFn{}, &predictLocalFn{})
	register.Iter1[[]byte]()
}

// PredictOptions are what to predict and to write. A field that is not Required has its Default.
type PredictOptions struct {
	// Proba adds a column proba_LABEL for each class. Default: false.
	Proba bool
	// Decision adds the decision values: a column decision, or decision_LABEL for each of more than two classes. Default:
	// false.
	Decision bool
	// Evaluate compares the predictions with the targets of the rows, which the reading options must name. Default: false.
	Evaluate bool
	// Threads is how many goroutines share a chunk. Default: GOMAXPROCS of the worker.
	Threads int

	// Destination is where the answers go. Its Output is PATH/NAME.csv, .jsonl, .parquet or .npy, and Required, unless
	// Evaluate is set.
	output.Destination
	// Workers say where the job runs. In process, the model stays in memory. (A side input costs a core where Prism
	// runs: see broadcastFn.) Default: false.
	Workers placement.Workers
	// Scratch is a directory that all workers and this process can write to. Required where there is no Output.
	Scratch string

	// Format is that of the file of a model of another kind; "" of a linear one. [Predict] sets it.
	Format string `json:",omitempty"`
}

// WithoutClasses reports what is asked for that needs classes, of a model of something that has none.
func (o *PredictOptions) WithoutClasses(of string) error {
	var errs []error
	for _, f := range []struct {
		name  string
		asked bool
	}{{"proba", o.Proba}, {"decision", o.Decision}, {"evaluate, target", o.Evaluate}} {
		if f.asked {
			errs = append(errs, fmt.Errorf("%s: the model is of %s, which have no classes", f.name, of))
		}
	}
	return errors.Join(errs...)
}

// PredictJob is a model, the rows to predict, and the options.
type PredictJob struct {
	Model *model.Model
	// Other is a model of another kind, in the place of Model. (Of one that is Classifying, ReadAny gives a Model that
	// tells the task and the classes, and nothing else; of [Targets], that of the first.)
	Other Other
	// Data are the rows, as [InspectFor] finds them.
	Data    *vectorio.Dataset
	Reading vectorio.Options
	Options PredictOptions
}

// ReadModel reads a model from any store.
func ReadModel(ctx context.Context, name string) (m *model.Model, err error) {
	err = readModel(ctx, name, func(r io.Reader) error {
		m, err = model.Load(name, r)
		return err
	})
	return m, err
}

// ReadModelFile reads the file of a model of any kind from any store.
func ReadModelFile(ctx context.Context, name string) (b []byte, err error) {
	err = readModel(ctx, name, func(r io.Reader) error {
		if b, err = io.ReadAll(r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return b, err
}

// readModel opens the file of a model.
func readModel(ctx context.Context, name string, load func(r io.Reader) error) error {
	r, err := files.OpenRead(ctx, name)
	if errors.Is(err, os.ErrNotExist) {
		return fault.File(name, "a model", "no file of that name")
	}
	if err != nil {
		return err
	}
	return errors.Join(load(bufio.NewReaderSize(r, 1<<20)), r.Close())
}

// InspectFor inspects the rows that a model is to predict, and completes the options for them: see
// [vectorio.InspectFeatures]. Sparse rows stay so.
func InspectFor(ctx context.Context, m *model.Model, patterns []string,
	reading *vectorio.Options) (*vectorio.Dataset, error) {
	return InspectColumns(ctx, columnsOf(m), patterns, reading)
}

// Inspect is InspectFor of the job's model, of whatever kind.
func (j *PredictJob) Inspect(ctx context.Context, patterns []string) (err error) {
	if j.Data, err = InspectColumns(ctx, j.columns(), patterns, &j.Reading); err != nil {
		return err
	}
	t, several := j.Other.(Targets)
	switch names := j.Data.TargetNames; {
	case several && j.Options.Evaluate:
		return t.compares(names)
	case !several && names != nil:
		return fault.Asked("the targets", "one column, as the model has one target", "%d columns", len(names))
	}
	return nil
}

// InspectColumns is InspectFor of whatever has these columns; rows of .svm count from where they do.
func InspectColumns(ctx context.Context, of Columns, patterns []string,
	reading *vectorio.Options) (*vectorio.Dataset, error) {
	reading.Formats.Untargeted = true // rows are answered whether they have a target or not
	reading.Formats.Empty = true      // and where there are none
	if of.Encoding != nil {
		reading.Formats.Cells = true
		d, err := vectorio.InspectLike(ctx, patterns, of.Encoding.Needs(), "the model", *reading)
		if err != nil {
			return nil, err
		}
		d.Reads(reading)
		switch {
		case of.Dense:
			return d.EncodedDense(of.Encoding, reading)
		}
		return d.Encoded(of.Encoding, reading), nil
	}
	reading.Meet(patterns, of.Features, of.ZeroBased)
	reading.Formats.Sparse, reading.Formats.EmptyDim = !of.Dense, of.Features
	d, err := vectorio.InspectFeatures(ctx, patterns, of.Features, of.Names, *reading)
	if reading.Formats.Sparse = err == nil && d.Sparse(); err == nil {
		d.Reads(reading)
	}
	return d, err
}

// Validate reports every fault of the options and of what they ask of the model at once.
func (j *PredictJob) Validate() error {
	o, m := &j.Options, j.Model
	var errs []error
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	switch {
	case j.Other != nil:
		errs = append(errs, j.Other.Check(o))
	default:
		errs = append(errs, checkLinear(m, o))
	}
	if m != nil && o.Decision && m.Task == model.Regression && !slices.Contains(model.DevianceLosses, m.Loss) {
		errs = append(errs, errors.New("decision: of a regression, the prediction is the decision value"))
	}
	if m != nil && o.Evaluate && m.Task == model.OneClass {
		errs = append(errs, errors.New("evaluate: a one_class model has no target to be compared with"))
	}
	if o.Output == "" && j.Reading.SkipFaults {
		errs = append(errs, errors.New(
			"rows with a fault can only be skipped where there is an output, for them to be listed beside it"))
	}
	out := j.output()
	if !o.Evaluate {
		out.Scratch = "" // without an output there would be nothing to do
	}
	return errors.Join(append(errs, out.Validate())...)
}

// checkLinear says what is wrong with options for a linear model.
func checkLinear(m *model.Model, o *PredictOptions) error {
	switch {
	case o.Proba && m.Task != model.Classification:
		return fmt.Errorf("proba: only classification has probabilities, the model is for %s", m.Task)
	case o.Proba && !m.HasProba():
		return fmt.Errorf("proba: the loss %s gives no probabilities: learn with log_loss or modified_huber", m.Loss)
	}
	return nil
}

func (j *PredictJob) output() *output.Options {
	out := j.Options.Of(j.layout())
	out.Layout.Nullable = j.Reading.SkipFaults
	if out.Path == "" {
		out.Scratch = j.Options.Scratch
	}
	return out
}

func (j *PredictJob) layout() results.Layout {
	if a, ok := j.Other.(Answerer); ok {
		return results.Layout{Columns: a.Answers()}
	}
	return results.Layout{Columns: apply(j.Model, j.Other).columns(&j.Options)}
}

// layoutOf is the columns of the output of a model; of one of several targets each has the target in its name:
// prediction_TARGET, proba_TARGET_LABEL, and decision_TARGET or decision_TARGET_LABEL.
func layoutOf(p part, o *PredictOptions) results.Layout {
	m := p.model
	prediction := results.Column{Name: ofTarget("prediction", p.target), Type: results.Float}
	switch {
	case m.Task == model.OneClass, len(m.Classes.Numbers) > 0 && !slices.ContainsFunc(m.Classes.Numbers, notWhole):
		prediction.Type = results.Int
	case len(m.Classes.Texts) > 0:
		prediction.Type, prediction.Texts = results.Text, m.Classes.Texts
	}
	columns := []results.Column{prediction}
	if o.Proba {
		for i := range m.Classes.Len() {
			columns = append(columns, results.Column{Name: ofTarget("proba", p.target) + "_" + m.Classes.Label(i),
				Type: results.Float})
		}
	}
	if o.Decision && p.by.NumDecisions() == 1 {
		columns = append(columns, results.Column{Name: ofTarget("decision", p.target), Type: results.Float})
	} else if o.Decision {
		for i := range m.Classes.Len() {
			columns = append(columns, results.Column{Name: ofTarget("decision", p.target) + "_" + m.Classes.Label(i),
				Type: results.Float})
		}
	}
	return results.Layout{Columns: columns}
}

func notWhole(v float64) bool { return v != math.Trunc(v) || math.Abs(v) > 1<<53 }

// Predict adds the whole job to a pipeline: every row is read, predicted, written, and compared with its target if so
// asked. It fails where the job is not valid. The model is a side input, decoded once by a worker process; a worker
// needs the model, and for each bundle that it runs a few times ChunkRows rows and their predictions. The output has
// the same bytes at any chunk size; the last bits of an evaluation depend on the chunks, and on nothing else.
func Predict(s beam.Scope, j *PredictJob) error {
	m, err := j.prepare()
	if err != nil {
		return fmt.Errorf("linear.Predict: %w", err)
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("linear.Predict")
	chunks := vectorio.Chunks(s, j.Data, j.Options.Workers)
	fn := predictFn{Reading: j.Reading, Options: j.Options, Output: *j.output(), Dim: j.Data.Dim}
	if j.Options.Workers == placement.InProcess {
		if _, _, err := models.Get(j.Options.RunID, func() (*applied, error) { return m, nil }); err != nil {
			return fmt.Errorf("linear.Predict: %w", err)
		}
		output.Publish(s, beam.ParDo(s, &predictLocalFn{fn}, chunks), *j.output())
		return nil
	}
	var b bytes.Buffer
	if err := m.save(&b); err != nil {
		return fmt.Errorf("linear.Predict: %w", err)
	}
	parts := beam.ParDo(s, &fn, chunks, beam.SideInput{Input: beam.Create(s, b.Bytes())})
	output.Publish(s, parts, *j.output())
	return nil
}

// PredictHere does what [Predict] adds to a pipeline in this process, without Beam: for many small jobs. The chunks
// come one after the other.
func PredictHere(ctx context.Context, j *PredictJob) error {
	m, err := j.prepare()
	if err != nil {
		return fmt.Errorf("linear.PredictHere: %w", err)
	}
	output.Begin(j.Options.RunID)
	all, err := j.Data.List(ctx)
	if err != nil {
		return err
	}
	fn := &predictFn{Reading: j.Reading, Options: j.Options, Output: *j.output(), Dim: j.Data.Dim}
	var parts []output.Part
	for _, c := range all.Chunks {
		if err := fn.predict(ctx, c, m, func(p output.Part) { parts = append(parts, p) }); err != nil {
			return err
		}
	}
	return output.PublishHere(ctx, parts, *j.output())
}

// prepare completes the job, and gives the model as it is applied.
func (j *PredictJob) prepare() (*applied, error) {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	m := apply(j.Model, j.Other)
	j.Reading.Domain = m.domain()
	j.Reading.Confine(j.Data)
	if err := j.Validate(); err != nil {
		return nil, err
	}
	if m.other != nil {
		j.Options.Format = m.other.Format()
		return m, nil
	}
	lean := *j.Model
	lean.State = nil // only those who go on learning need it
	return apply(&lean, nil), nil
}

// Clean removes what a run has left in its staging directory. Call it when the run is over, well or not.
func (j *PredictJob) Clean(ctx context.Context) error { return output.Clean(ctx, j.output()) }

// predictFn predicts the rows of a chunk.
type predictFn struct {
	Reading vectorio.Options
	Options PredictOptions
	Output  output.Options
	Dim     int
}

var models = output.NewShared[*applied]()

func (f *predictFn) ProcessElement(ctx context.Context, c vectorio.Chunk, encoded func() func(*[]byte) bool,
	emit func(output.Part)) error {
	m, made, err := models.Get(f.Options.RunID, func() (*applied, error) {
		var b []byte
		if !encoded()(&b) {
			return nil, errors.New("linear: the side input holds no model")
		}
		return load(f.Options.Format, "the model", bytes.NewReader(b))
	})
	if err != nil {
		return fault.Mark(err)
	}
	if made {
		modelDecodes.Inc(ctx, 1)
	}
	return f.predict(ctx, c, m, emit)
}

// predictLocalFn predicts the rows of a chunk by the model that this process has.
type predictLocalFn struct{ predictFn }

func (f *predictLocalFn) ProcessElement(ctx context.Context, c vectorio.Chunk, emit func(output.Part)) error {
	m, _, err := models.Get(f.Options.RunID, func() (*applied, error) {
		return nil, errors.New("linear.Predict: a local run of another process")
	})
	if err != nil {
		return err
	}
	return f.predict(ctx, c, m, emit)
}

func (f *predictFn) predict(ctx context.Context, c vectorio.Chunk, m *applied, emit func(output.Part)) error {
	run := progress.Of(f.Options.RunID)
	run.Phase("predicting")
	run.Total(c.Total)
	w := newPredictor(f, m, c)
	parts, err := output.Run(ctx, &f.Output, c.Ordinal, c.Total,
		func(ctx context.Context, out *output.Task) error { return w.run(ctx, out) })
	if err != nil {
		return fault.Mark(err)
	}
	vectorio.Count(ctx, w.report.Rows, w.report.Rejected)
	rowsPredicted.Inc(ctx, w.report.Rows)
	report, err := output.Report(c.Ordinal, &w.report)
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

// chunkReport says what was done with a chunk.
type chunkReport struct {
	Rows, Rejected       int64
	NoTarget             int64           `json:",omitempty"` // not compared
	Unseen               features.Unseen `json:",omitzero"`
	Read, Predict, Write float64         // seconds

	// Sums are what was compared: the bytes of RegressionSums, or of ClassificationSums.
	Sums    []byte        `json:",omitempty"`
	Scores  string        `json:",omitempty"` // path of the file of scores
	Targets []chunkReport `json:",omitempty"` // what was compared, where there are several targets
}

// predictor predicts a chunk, block by block, while the next block is read.
type predictor struct {
	fn      *predictFn
	model   *model.Model // or the head of a classifier
	by      Classifier   // that says what rows are
	other   Answerer     // in their place
	chunk   vectorio.Chunk
	width   int // columns of the output
	at      int // the first of the columns that are those of this model
	threads int
	// targets predict one each, into the values of this one, which has no model then; nil where there is one target.
	targets []*predictor

	// What a row needs beside its prediction, to be written or evaluated.
	proba, decisions bool
	values           []float64 // rows × width
	predicted        []float64
	probas           []float64 // rows × classes
	decided          []float64 // rows × decisions

	evaluation *evaluation // nil without
	report     chunkReport
}

func newPredictor(f *predictFn, a *applied, c vectorio.Chunk) *predictor {
	m := a.linear
	p := &predictor{fn: f, model: m, by: a.by, chunk: c, width: len(f.Output.Layout.Columns), threads: f.Options.Threads}
	if p.threads < 1 {
		p.threads = runtime.GOMAXPROCS(0)
	}
	if _, several := a.other.(Targets); several {
		for k, part := range a.parts() {
			one := &predictor{fn: f, model: part.model, by: part.by, chunk: c, width: p.width, at: p.at, threads: p.threads}
			one.begin()
			if one.evaluation != nil {
				one.evaluation.target, one.evaluation.name = k, part.target
			}
			p.at += len(layoutOf(part, &f.Options).Columns)
			p.targets = append(p.targets, one)
		}
		return p
	}
	if a.by == nil {
		p.other = a.other.(Answerer)
		return p
	}
	p.begin()
	return p
}

// begin settles what is asked of the model.
func (p *predictor) begin() {
	f, m := p.fn, p.model
	p.proba, p.decisions = f.Options.Proba, f.Options.Decision
	if f.Options.Evaluate {
		p.evaluation = newEvaluation(m, &f.Reading, p.chunk)
		p.proba = p.proba || m.HasProba()
		p.decisions = p.decisions || p.evaluation.scored || slices.Contains(model.DevianceLosses, m.Loss) ||
			p.evaluation.classification != nil && p.evaluation.classification.AUCs() > 0 && !m.HasProba()
	}
}

func (p *predictor) run(ctx context.Context, out *output.Task) error {
	seen, err := vectorio.EachAhead(ctx, p.chunk, &p.fn.Reading, p.fn.Dim, func(b vectorio.Batch) error {
		defer progress.Of(p.fn.Options.RunID).Add(int64(b.Rows.Len()))
		return p.batch(out, b)
	})
	if err != nil {
		return err
	}
	p.report.Read, p.report.NoTarget, p.report.Unseen, p.report.Rejected = seen.Seconds, seen.NoTarget, seen.Unseen,
		out.Rejected()
	for _, one := range p.targets {
		if one.evaluation == nil {
			return nil
		}
		if err := one.evaluation.end(&one.report, out); err != nil {
			return err
		}
		p.report.Targets = append(p.report.Targets, one.report)
	}
	if p.evaluation == nil {
		return nil
	}
	return p.evaluation.end(&p.report, out)
}

// batch predicts, writes and evaluates a block, of which the last of a chunk has no rows.
func (p *predictor) batch(out *output.Task, b vectorio.Batch) error {
	start := time.Now()
	n := b.Rows.Len()
	if n == 0 {
		return p.write(out, b)
	}
	c := model.Of(b.Rows)
	c.File = p.chunk.Info.Name
	if err := p.predict(c, n); err != nil {
		var at *fault.Fault
		if errors.As(err, &at) && at.Row >= 0 { // within the file
			at.Row += p.chunk.Span.First - p.chunk.First
		}
		return err
	}
	if err := p.evaluate(&b); err != nil {
		return err
	}
	predicted := time.Now()
	p.report.Predict += predicted.Sub(start).Seconds()
	return p.write(out, b)
}

// evaluate compares the predictions for a block with its targets, where that is asked for.
func (p *predictor) evaluate(b *vectorio.Batch) error {
	if p.evaluation != nil {
		return p.evaluation.add(p, b.Rows, &b.Rejected)
	}
	for k, one := range p.targets {
		if one.evaluation == nil {
			return nil
		}
		if len(b.Rows.Targets) != len(p.targets) {
			return fmt.Errorf("linear.Predict: %d targets for a model of %d", len(b.Rows.Targets), len(p.targets))
		}
		if err := one.evaluation.add(one, b.Rows.OfTarget(k), &b.Rejected); err != nil {
			return err
		}
		b.Rejected = distinct(b.Rejected)
	}
	return nil
}

// write writes the rows of a block, and in their places those that were rejected, without a prediction.
func (p *predictor) write(out *output.Task, b vectorio.Batch) error {
	start := time.Now()
	for _, f := range b.Rejected {
		out.Reject(f)
	}
	numbers, t := p.table(&b)
	err := out.Write(numbers, func(w results.PartWriter, from, to int) error {
		part := t
		part.From, part.To = from, to
		return w.WriteTable(&part)
	})
	p.report.Rows += int64(len(numbers) - len(b.Rejected))
	p.report.Write += time.Since(start).Seconds()
	return err
}

// table is the rows of a block that was predicted, and in their places those that were rejected; with their numbers.
func (p *predictor) table(b *vectorio.Batch) ([]int64, results.Table) {
	t := results.Table{ID: b.Rows.ID, Values: p.values, Threads: p.threads}
	if len(b.Rejected) == 0 {
		return b.Rows.Numbers, t
	}
	m := p.merge(b)
	t.Values, t.ID, t.Lacks = m.values, m.id, m.lacks
	return m.numbers, t
}

// merged are the rows of a batch with those that were rejected, in the order of their numbers.
type merged struct {
	numbers  []int64
	values   []float64
	rows     *vectors.Block
	ids      bool           // the file has a column of ids
	place    []int          // of each row in the block, or -1 of one that was rejected
	rejected []*fault.Fault // of each row, or nil
}

// merge merges them. A row that was read and then rejected is there once.
func (p *predictor) merge(b *vectorio.Batch) *merged {
	m := &merged{rows: b.Rows, ids: p.fn.Reading.Formats.IDColumn != ""}
	add := func(number int64, place int, f *fault.Fault) {
		m.numbers, m.place, m.rejected = append(m.numbers, number), append(m.place, place), append(m.rejected, f)
		if f != nil {
			m.values = append(m.values, make([]float64, p.width)...)
			return
		}
		m.values = append(m.values, p.values[place*p.width:(place+1)*p.width]...)
	}
	left := b.Rejected
	for i, number := range b.Rows.Numbers {
		for len(left) > 0 && left[0].Number < number {
			add(left[0].Number, -1, left[0])
			left = left[1:]
		}
		if len(left) > 0 && left[0].Number == number {
			continue
		}
		add(number, i, nil)
	}
	for _, f := range left {
		add(f.Number, -1, f)
	}
	return m
}

func (m *merged) id(i int) vectors.ID {
	f := m.rejected[i]
	switch {
	case f == nil:
		return m.rows.ID(m.place[i])
	case m.ids:
		return vectors.ParseID(f.ID)
	}
	return vectors.ID{Int: f.Number}
}

func (m *merged) lacks(i int) results.Lack {
	f := m.rejected[i]
	switch {
	case f == nil:
		return 0
	case m.ids && f.ID == "":
		return results.NoValues | results.NoID
	}
	return results.NoValues
}

// minWork is how many multiplications are worth a goroutine.
const minWork = 1 << 16

// predict fills in predicted, probas, decided and values for n rows.
func (p *predictor) predict(c *model.Chunk, n int) error {
	p.values = resize(p.values, n*p.width)
	for _, one := range p.targets {
		one.values = p.values
		if err := one.predict(c, n); err != nil {
			return err
		}
	}
	if p.targets != nil {
		return nil
	}
	if p.other != nil {
		return p.inPieces(c, n, n*p.other.Work(), func(c *model.Chunk, lo, hi int) error {
			return p.other.Answer(c, p.values[lo*p.width:hi*p.width])
		})
	}
	m := p.model
	classes, decisions := m.Classes.Len(), p.by.NumDecisions()
	p.predicted = resize(p.predicted, n)
	if p.proba {
		p.probas = resize(p.probas, n*classes)
	}
	if p.decisions {
		p.decided = resize(p.decided, n*decisions)
	}
	return p.inPieces(c, n, n*p.fn.Dim*decisions, p.predictRows)
}

// inPieces cuts n rows, which take so many multiplications, for all threads.
func (p *predictor) inPieces(c *model.Chunk, n, work int, use func(c *model.Chunk, lo, hi int) error) error {
	var g errgroup.Group
	pieces := max(1, min(p.threads, work/minWork))
	for k := range pieces {
		lo, hi := n*k/pieces, n*(k+1)/pieces
		g.Go(func() error { return use(slice(c, lo, hi), lo, hi) })
	}
	return g.Wait()
}

// predictRows does so for the rows from lo to hi, which c holds.
func (p *predictor) predictRows(c *model.Chunk, lo, hi int) error {
	_, err := p.by.Predict(c, p.predicted[lo:lo])
	if err == nil && p.proba {
		at := lo * p.model.Classes.Len()
		_, err = p.by.PredictProba(c, p.probas[at:at])
	}
	if err == nil && p.decisions {
		at := lo * p.by.NumDecisions()
		_, err = p.by.DecisionFunction(c, p.decided[at:at])
	}
	if err != nil {
		return err
	}
	p.fill(lo, hi)
	return nil
}

// fill makes the rows of the output from lo to hi, with the classes' numbers, or else their places.
func (p *predictor) fill(lo, hi int) {
	classes, decisions, numbers := p.model.Classes.Len(), p.by.NumDecisions(), p.model.Classes.Numbers
	for i := lo; i < hi; i++ {
		row := p.values[i*p.width+p.at : (i+1)*p.width]
		row[0] = p.predicted[i]
		if len(numbers) > 0 {
			row[0] = numbers[int(row[0])]
		}
		at := 1
		if p.fn.Options.Proba {
			at += copy(row[at:], p.probas[i*classes:(i+1)*classes])
		}
		if p.fn.Options.Decision {
			copy(row[at:], p.decided[i*decisions:(i+1)*decisions])
		}
	}
}

func resize(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}

// slice is the rows lo ≤ i < hi of a chunk, in the same memory.
func slice(c *model.Chunk, lo, hi int) *model.Chunk {
	s := &model.Chunk{Features: c.Features, File: c.File, Numbers: c.Numbers[lo:hi]}
	switch {
	case c.Sparse != nil:
		from, to := c.Sparse.Offsets[lo], c.Sparse.Offsets[hi]
		s.Sparse = &model.CSR{Offsets: make([]int, hi-lo+1), Indices: c.Sparse.Indices[from:to],
			Values: c.Sparse.Values[from:to]}
		for i := range s.Sparse.Offsets {
			s.Sparse.Offsets[i] = c.Sparse.Offsets[lo+i] - from
		}
	case c.X != nil:
		s.X = c.X[lo*c.Features : hi*c.Features]
	default:
		s.X32 = c.X32[lo*c.Features : hi*c.Features]
	}
	return s
}
