package linear

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/targets"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
)

// Other is a model that is not linear: an [Answerer], such as clusters, or [Classifying]. [RegisterModel] makes its
// kind known.
type Other interface {
	// Format is the format of its file, as that says it.
	Format() string
	// Save writes the file.
	Save(w io.Writer) error
	// Columns are those of the rows that it answers.
	Columns() Columns
	// Check says what is wrong with options.
	Check(o *PredictOptions) error
	// Name is what it is, in a few words.
	Name() string
}

// Answerer is an Other that has columns of its own to write.
type Answerer interface {
	Other
	// Answers are the columns of the output.
	Answers() []results.Column
	// Work is about how many multiplications a row takes.
	Work() int
	// Answer writes the answers to the rows of a chunk into values, row by row. It is safe for concurrent use.
	Answer(c *model.Chunk, values []float64) error
}

// Classifier tells classes apart: [Predict] applies and judges it as it does linear models. Its methods are those of
// [model.Model], and safe for concurrent use.
type Classifier interface {
	Predict(c *model.Chunk, dst []float64) ([]float64, error)
	PredictProba(c *model.Chunk, dst []float64) ([]float64, error)
	DecisionFunction(c *model.Chunk, dst []float64) ([]float64, error)
	NumDecisions() int
}

// Classifying is an [Other] that is a Classifier.
type Classifying interface {
	Other
	// Classifier has classes, and probabilities of them.
	Classifier() (by Classifier, classes model.Classes)
	// Domain is what values of rows to predict may be; nil: finite.
	Domain() vectors.Domain
}

// headOf is what [Predict] and [Judge] must know of a classifier that is not linear, beside what it says of rows: the
// task, the classes, and that there are probabilities.
func headOf(classes model.Classes) *model.Model {
	return &model.Model{Task: model.Classification, Loss: model.LogLoss, Classes: classes,
		Options: model.Options{MultiClass: model.Multinomial}}
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
var loaders = map[string]func(name string, r io.Reader) (Other, error){targets.Format: loadTargets}

// RegisterModel makes a kind of models known, in every worker: call it in an init, with what reads its files.
func RegisterModel(format string, load func(name string, r io.Reader) (Other, error)) {
	if loaders[format] != nil {
		panic("linear.RegisterModel: " + format + " twice")
	}
	loaders[format] = load
}

// applied is a model of either kind.
type applied struct {
	linear *model.Model // of one that classifies, its head; of several targets, the first; nil of one that answers
	other  Other        // nil of a linear one
	by     Classifier   // nil of one that answers, or has several targets
}

// apply makes one of a model.
func apply(m *model.Model, other Other) *applied {
	if c, ok := other.(Classifying); ok {
		by, classes := c.Classifier()
		return &applied{linear: headOf(classes), other: other, by: by}
	}
	if t, ok := other.(Targets); ok {
		return &applied{linear: t.Models[0], other: other}
	}
	if other != nil {
		return &applied{other: other}
	}
	return &applied{linear: m, by: m}
}

// domain is what values of rows to predict may be.
func (a *applied) domain() vectors.Domain {
	if c, ok := a.other.(Classifying); ok {
		return c.Domain()
	}
	if a.linear != nil {
		return a.linear.Options.Domain()
	}
	return nil
}

func (a *applied) save(w io.Writer) error {
	if a.other != nil {
		return a.other.Save(w)
	}
	return a.linear.Save(w)
}

// load reads a model of a format, "" of a linear one.
func load(format, name string, r io.Reader) (*applied, error) {
	if format == "" {
		m, err := model.Load(name, r)
		if err != nil {
			return nil, err
		}
		return apply(m, nil), nil
	}
	read := loaders[format]
	if read == nil {
		return nil, fmt.Errorf("linear.Predict: a model of unknown format %q", format)
	}
	other, err := read(name, r)
	if err != nil {
		return nil, err
	}
	return apply(nil, other), nil
}

// ReadAny reads a model of any kind from any store, into the job.
func (j *PredictJob) ReadAny(ctx context.Context, name string) error {
	b, err := ReadModelFile(ctx, name)
	if err != nil {
		return err
	}
	a, err := loadAny(name, b)
	if err == nil {
		j.Model, j.Other = a.linear, a.other
	}
	return err
}

// loadAny reads a model of any kind, which the file tells.
func loadAny(name string, b []byte) (*applied, error) {
	format := model.FormatOf(b)
	if loaders[format] == nil {
		format = "" // model.Load says what is wrong
	}
	return load(format, name, bytes.NewReader(b))
}
