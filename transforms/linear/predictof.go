package linear

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() { registry.DoFns(&predictOfFn{}) }

// Predicted is the answer to one row. It has a schema, so that SQL, other SDKs and sinks take it.
type Predicted struct {
	// ID is that of the row.
	ID string
	// Label is the class or the cluster as it prints; "" in regression.
	Label string
	// Value is the prediction where that is a number, as in regression, and of classes that are numbers; else 0.
	Value float64
	// More are the columns that `predict` writes after the prediction, in its order: probabilities and decision values, as
	// they are asked for, of each class in the order of the model; or what else the model says of rows.
	More []float64
	// Labels and Values are those of each target, in the order of the model, where that is of several: Label and Value are
	// then of the first, and More are the other columns of all, one target after the other. Empty of one target.
	Labels []string
	Values []float64
}

// PredictOfOptions of [PredictOf]. A field that is not Required has its Default.
type PredictOfOptions struct {
	// ID is the column of ids, which answers bear. Required.
	ID string
	// Proba asks for the probability of each class, and Decision for decision values: see [PredictOptions]. Default:
	// false.
	Proba, Decision bool
	// Threads is how many goroutines share rows. Default: GOMAXPROCS of the worker.
	Threads int
	// RunID is unique to the run: it keys the model in a worker process. Default: random.
	RunID string
}

const (
	// predictOfRows and predictOfBytes are how much of a bundle is answered at a time.
	predictOfRows, predictOfBytes = 4096, 4 << 20
	// pipelineRows is what messages call rows that are in no file.
	pipelineRows = "rows of the pipeline"
)

// PredictOf answers rows that are in a pipeline by a model: PCollection<T>, and PCollection<[Trained]> of one, →
// PCollection<[Predicted]>, in no order. T is a struct, whose fields are the columns by the names that encoding/json
// gives them, null where a pointer is nil; or a string, an object of JSON: the line of a .jsonl. Columns meet those of
// the model by their names, tables are encoded as the model says, and the answers are those of [Predict] over a
// .jsonl of these rows: a float32 is taken as it prints.
//
// All windows must be the global one. A worker process decodes the model once, and holds 4,096 rows of a bundle at a
// time. PredictOf fails on options that are not valid and on collections of other elements or windows; the job fails by
// an error that names the row by its id.
func PredictOf(s beam.Scope, rows, trained beam.PCollection, o *PredictOfOptions) (beam.PCollection, error) {
	switch {
	case o.ID == "":
		return beam.PCollection{}, errors.New("linear.PredictOf: the column of ids is needed, which the answers bear")
	case o.Threads < 0:
		return beam.PCollection{}, fmt.Errorf("linear.PredictOf: threads %d: must be at least 1", o.Threads)
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	s = s.Scope("linear.PredictOf")
	lines, err := linesOf(s, rows, "linear.PredictOf")
	if err != nil {
		return beam.PCollection{}, err
	}
	return beam.ParDo(s, &predictOfFn{Options: *o}, lines, beam.SideInput{Input: beam.ParDo(s, whole, trained)}), nil
}

// predictOfFn answers the rows of a bundle, some at a time.
type predictOfFn struct {
	Options PredictOfOptions

	model  *applied
	bundle bundle
}

func (f *predictOfFn) StartBundle(func() func(*Trained) bool, func(Predicted)) { f.bundle = bundle{} }

func (f *predictOfFn) ProcessElement(ctx context.Context, line string, trained func() func(*Trained) bool,
	emit func(Predicted)) error {
	if f.model == nil {
		t, err := single("linear.PredictOf", trained())
		if err != nil {
			return fault.Mark(err)
		}
		// Other transforms of the run may have the same options, and the pipeline may run again, with another model.
		m, made, err := models.Get(fmt.Sprintf("%s/%x", f.Options.RunID, sha256.Sum256(t.File)), func() (*applied, error) {
			return loadAny("the model", t.File)
		})
		if err != nil {
			return fault.Mark(err)
		}
		if made {
			modelDecodes.Inc(ctx, 1)
		}
		f.model = m
	}
	if !f.bundle.add(line) {
		return nil
	}
	return f.FinishBundle(ctx, trained, emit)
}

func (f *predictOfFn) FinishBundle(ctx context.Context, _ func() func(*Trained) bool, emit func(Predicted)) error {
	return f.bundle.answer(f.Options.ID, func(file string) error { return f.answer(ctx, file, emit) })
}

// single is the only model of a side input. Where the transform before has failed, Prism 2.77 may begin those that wait
// for its model, which find none, before it ends the job: now and then, theirs is the error that it tells.
func single(of string, next func(*Trained) bool) (t Trained, err error) {
	var more Trained
	if !next(&t) {
		return t, fmt.Errorf("%s: found no model, expected one: there is none, or what learns it has failed", of)
	}
	if next(&more) {
		return t, fmt.Errorf("%s: found several models, expected one", of)
	}
	return t, nil
}

// bundle is the rows of a bundle that wait to be answered.
type bundle struct {
	lines []string
	size  int
}

// add reports whether it is time to answer.
func (b *bundle) add(line string) bool {
	b.lines, b.size = append(b.lines, line), b.size+len(line)
	return len(b.lines) >= predictOfRows || b.size >= predictOfBytes
}

// answer has the rows answered as those of a file that is in memory, whose faults are told by the column id; after it
// none wait.
func (b *bundle) answer(id string, answer func(file string) error) error {
	if len(b.lines) == 0 {
		return nil
	}
	rows := files.NewWindow(pipelineRows)
	defer rows.Close()
	rows.Grow([]byte(strings.Join(b.lines, "\n") + "\n"))
	err := ofRow(answer(rows.Pattern()), func(_ string, row int64) (string, bool) {
		if row >= int64(len(b.lines)) {
			return "", false
		}
		return b.lines[row], true
	}, id)
	b.lines, b.size = b.lines[:0], 0
	return fault.Mark(err)
}

// answer answers the rows of a file.
func (f *predictOfFn) answer(ctx context.Context, file string, emit func(Predicted)) error {
	o := &f.Options
	j := &PredictJob{Model: f.model.linear, Other: f.model.other, Options: PredictOptions{
		Proba: o.Proba, Decision: o.Decision, Threads: o.Threads,
		Destination: output.Destination{Output: files.Std, OutputFormat: "jsonl", RunID: o.RunID},
	}}
	j.Reading.Formats.Format, j.Reading.Formats.IDColumn, j.Reading.Formats.Unlabelled = "jsonl", o.ID, true
	if err := j.Inspect(ctx, []string{file}); err != nil {
		return err
	}
	m, err := j.prepare()
	if err != nil {
		return err
	}
	list, err := j.Data.List(ctx)
	if err != nil {
		return err
	}
	fn := &predictFn{Reading: j.Reading, Options: j.Options, Output: *j.output(), Dim: j.Data.Dim}
	columns, firsts := fn.Output.Layout.Columns, m.firsts(&j.Options)
	for _, c := range list.Chunks {
		p := newPredictor(fn, m, c)
		_, err := vectorio.EachAhead(ctx, c, &j.Reading, j.Data.Dim, func(b vectorio.Batch) error {
			n := b.Rows.Len()
			if n == 0 {
				return nil
			}
			if err := p.predict(model.Of(b.Rows), n); err != nil {
				return err
			}
			rowsPredicted.Inc(ctx, int64(n))
			_, t := p.table(&b)
			for i := range n {
				emit(predicted(t.ID(i).String(), columns, firsts, t.Values[i*p.width:(i+1)*p.width]))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// predicted is the answer whose columns have these values, of which firsts are the predictions.
func predicted(id string, columns []results.Column, firsts []int, values []float64) Predicted {
	p := Predicted{ID: id, More: []float64{}, Labels: []string{}, Values: []float64{}}
	for k, at := range firsts {
		var label string
		var value float64
		switch first := &columns[at]; first.Type {
		case results.Text:
			label = first.Texts[int(values[at])]
		case results.Int:
			label, value = strconv.FormatInt(int64(values[at]), 10), values[at]
		default:
			value = values[at]
		}
		if k == 0 {
			p.Label, p.Value = label, value
		}
		if len(firsts) > 1 {
			p.Labels, p.Values = append(p.Labels, label), append(p.Values, value)
		}
		end := len(values)
		if k+1 < len(firsts) {
			end = firsts[k+1]
		}
		p.More = append(p.More, values[at+1:end]...)
	}
	return p
}
