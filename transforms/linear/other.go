package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/results"
)

// Other is a model that is not linear, such as clusters: what [Predict] needs of it. [RegisterModel] makes its kind
// known.
type Other interface {
	// Format is the format of its file, as that says it.
	Format() string
	// Save writes the file.
	Save(w io.Writer) error
	// Columns are those of the rows that it answers.
	Columns() Columns
	// Check says what is wrong with options.
	Check(o *PredictOptions) error
	// Answers are the columns of the output.
	Answers() []results.Column
	// Work is about how many multiplications a row takes.
	Work() int
	// Answer writes the answers to the rows of a chunk into values, row by row. It is safe for concurrent use.
	Answer(c *model.Chunk, values []float64) error
	// Name is what it is, in a few words.
	Name() string
}

// Columns are those of the rows that a model answers.
type Columns struct {
	Features  int
	Names     []string           // or nil
	Encoding  *features.Encoding // of rows of tables; nil where rows are numbers
	ZeroBased bool
	Dense     bool // rows are not kept sparse
}

func columnsOf(m *model.Model) Columns {
	return Columns{Features: m.Features(), Names: m.FeatureNames, Encoding: m.Encoding, ZeroBased: m.ZeroBased}
}

// columns are those of the job's model.
func (j *PredictJob) columns() Columns {
	if j.Other != nil {
		return j.Other.Columns()
	}
	return columnsOf(j.Model)
}

// loaders read files of other models, by their formats.
var loaders = map[string]func(name string, r io.Reader) (Other, error){}

// RegisterModel makes a kind of models known, in every worker: call it in an init, with what reads its files.
func RegisterModel(format string, load func(name string, r io.Reader) (Other, error)) {
	if loaders[format] != nil {
		panic("linear.RegisterModel: " + format + " twice")
	}
	loaders[format] = load
}

// applied is a model of either kind.
type applied struct {
	linear *model.Model
	other  Other
}

func (a *applied) save(w io.Writer) error {
	if a.other != nil {
		return a.other.Save(w)
	}
	return a.linear.Save(w)
}

// load reads a model of a format, "" of a linear one.
func load(format, name string, r io.Reader) (a *applied, err error) {
	a = &applied{}
	if format == "" {
		a.linear, err = model.Load(name, r)
		return a, err
	}
	read := loaders[format]
	if read == nil {
		return nil, fmt.Errorf("linear.Predict: a model of unknown format %q", format)
	}
	a.other, err = read(name, r)
	return a, err
}

// ReadAny reads a model of any kind from any store, into the job.
func (j *PredictJob) ReadAny(ctx context.Context, name string) error {
	return readModel(ctx, name, func(r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		var head struct{ Format string }
		if json.Unmarshal(b, &head) != nil || loaders[head.Format] == nil {
			head.Format = "" // model.Load says what is wrong
		}
		a, err := load(head.Format, name, bytes.NewReader(b))
		if err == nil {
			j.Model, j.Other = a.linear, a.other
		}
		return err
	})
}
