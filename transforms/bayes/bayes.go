// Package bayes learns naive Bayes classifiers from files, and predicts by them, as Beam pipelines.
//
// It says what is particular to them; the passes, their checkpoints and the files are those of
// beamlearn/transforms/linear, whose [linear.Train] takes a fit of naive Bayes as any other, and whose
// [linear.Predict] applies a model. A worker holds, of each shard that it works on, the sums of the classes and two
// blocks of rows, whatever the number of rows. The bits of the model depend on the data, the options and the number of
// shards, and on nothing else.
package bayes

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/bayes"
	"beamlearn/model/fault"
	"beamlearn/model/features"
	learn "beamlearn/model/linear"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/vectorio"
)

func init() {
	linear.Register(bayes.StateKind, func(b []byte) (linear.Fit, error) { return bayes.Decode(b) })
	linear.RegisterModel(bayes.Format, func(name string, r io.Reader) (linear.Other, error) {
		m, err := bayes.Load(name, r)
		if err != nil {
			return nil, err
		}
		return NewClassifier(m), nil
	})
	linear.RegisterLearner(bayes.StateKind, linear.LearnerOf(
		func(options []byte, rows *linear.Rows) (*bayes.Fit, error) {
			var o bayes.FitOptions
			if err := json.Unmarshal(options, &o); err != nil {
				return nil, err
			}
			if e := rows.Reading.Encoding; e != nil && o.Options.Kind == bayes.Categorical {
				var err error
				if o.Widths, err = widthsOf(e); err != nil {
					return nil, err
				}
			}
			return bayes.NewFit(o, rows.Data.Dim, rows.Data.Columns)
		},
		func(fit *bayes.Fit, w io.Writer) error { return fit.Model().Save(w) },
	))
}

// TrainOfOptions of [TrainOf]. A field that is not Required has its Default.
type TrainOfOptions struct {
	// Fit is what to learn, without a WarmStart. Required.
	Fit bayes.FitOptions
	// Target is the column of the classes. Required.
	Target string
	// Weight is the column of the rows' weights. Optional.
	Weight string
	// ID is the column of ids, which is no feature, and which messages tell rows by. Optional.
	ID string
	// Columns are the features, by names and globs. Default: all columns but these.
	Columns []string
	// Table and Numbers are as in [linear.TrainOfOptions].
	Table   features.Options
	Numbers bool
	// Shards and Threads are as in [linear.TrainOfOptions].
	Shards, Threads int
	// Staging is a directory that all workers can reach, for the rows while the job runs. Required.
	Staging string
	// RunID is unique to the run: it keys the files. Default: random.
	RunID string
}

// TrainOf learns a classifier of rows that are in a pipeline: PCollection<T> → PCollection<[linear.Trained]> of one,
// for [linear.PredictOf] or a file. T is a struct or a string, as in [linear.TrainOf], whose files, memory, windows and
// errors these are, and which takes tables, too, as `bayes` does: of Categorical all columns of a table are categories,
// and rows of numbers have the numbers of theirs. The weight is a number. The model does not depend on the order in
// which rows come. Call [CleanTrainOf] when the run is over.
func TrainOf(s beam.Scope, rows beam.PCollection, o *TrainOfOptions) (beam.PCollection, error) {
	o.Fit.EnsureDefaults()
	err := o.Fit.Validate()
	if o.Fit.WarmStart != nil {
		err = errors.Join(err, errors.New("warm start: only from files, by linear.Train"))
	}
	if o.Target == "" {
		err = errors.Join(err, errors.New("a target is needed: the column of the classes"))
	}
	var fit []byte
	if err == nil {
		fit, err = json.Marshal(o.Fit)
	}
	if err != nil {
		return beam.PCollection{}, fmt.Errorf("bayes.TrainOf: %w", err)
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	kind := o.Fit.Options.Kind
	return linear.TrainRows(s, "bayes.TrainOf", rows, &linear.RowsOptions{
		Kind: bayes.StateKind, Fit: fit, Dense: dense(kind), TableDense: kind == bayes.Gaussian,
		Target: o.Target, Labels: true, Weight: o.Weight, ID: o.ID, Columns: o.Columns,
		Table: TableOptions(kind, o.Table), TableAsked: !o.Table.IsZero(), Numbers: o.Numbers,
		Shards: o.Shards, Threads: o.Threads, Staging: o.Staging, RunID: o.RunID,
	})
}

// CleanTrainOf removes what a run of [TrainOf] has left in its staging directory. Call it when the run is over, well or
// not.
func CleanTrainOf(ctx context.Context, o *TrainOfOptions) error {
	return linear.CleanRows(ctx, o.Staging, o.RunID)
}

// Inspect inspects rows to learn from, and completes the options for them, as [linear.Inspect] does. Gaussian and
// Categorical take dense rows.
func Inspect(
	ctx context.Context, kind bayes.Kind, patterns []string, chunkRows int, o *linear.Options, reading *vectorio.Options,
) (*vectorio.Dataset, error) {
	d, err := linear.Inspect(ctx, patterns, chunkRows, o, reading)
	if err != nil || !dense(kind) || !d.Sparse() {
		return d, err
	}
	if d.Dim > vectorio.MaxDenseFeatures {
		return nil, fault.File(d.Name(), fmt.Sprintf("at most %d columns for %s, which takes dense rows: "+
			"multinomial, complement and bernoulli take sparse ones", vectorio.MaxDenseFeatures, kind), "%d columns", d.Dim)
	}
	reading.Formats.Sparse = false
	o.UnitRows = 0
	return d.Dense().InUnits(&o.UnitRows, o.Shards, chunkRows, reading), nil
}

// dense says which kinds take dense rows: zeros count as much as other values.
func dense(kind bayes.Kind) bool { return kind == bayes.Gaussian || kind == bayes.Categorical }

// TableOptions are options of tables as a kind takes their columns: counts where it is of counts, and categories alone
// where it is of these, unless some are named otherwise.
func TableOptions(kind bayes.Kind, o features.Options) features.Options {
	o.Counts = kind != bayes.Gaussian
	if kind == bayes.Categorical && len(o.Numeric)+len(o.Text)+len(o.Date) == 0 {
		o.Categorical = append(slices.Clip(o.Categorical), "*") // numbers as well
	}
	return o
}

// Encoded is a dataset of tables whose rows an encoding brings to numbers. It completes the options, as Inspect does,
// and gives the widths of the columns, where their features are categories.
func Encoded(
	d *vectorio.Dataset, kind bayes.Kind, e *features.Encoding, chunkRows int,
	o *linear.Options, reading *vectorio.Options,
) (_ *vectorio.Dataset, widths []int, err error) {
	if kind == bayes.Gaussian {
		if d, err = d.EncodedDense(e, reading); err != nil {
			return nil, nil, err
		}
		return d.InUnits(&o.UnitRows, o.Shards, chunkRows, reading), nil, nil
	}
	if kind == bayes.Categorical {
		if widths, err = widthsOf(e); err != nil {
			return nil, nil, fault.File(d.Name(), "columns of categories", "%v", err)
		}
	}
	return linear.Encoded(d, e, chunkRows, o, reading), widths, nil
}

// widthsOf are how many features each column of an encoding has, which must all be categories.
func widthsOf(e *features.Encoding) (widths []int, err error) {
	for _, c := range e.Columns() {
		switch c.Kind {
		case features.LeftOut:
			continue
		case features.Categorical:
		case features.Hashed:
			return nil, fmt.Errorf("column %s: hashed, as it has more categories than --max_categories: give more of these, or "+
				"--drop the column", fault.Plain(c.Name))
		default:
			return nil, fmt.Errorf("column %s: %s, which is no category", fault.Plain(c.Name), c.Kind)
		}
		_, width := c.Span()
		widths = append(widths, width)
	}
	return widths, nil
}

// ReadModel reads a classifier from any store.
func ReadModel(ctx context.Context, name string) (*bayes.Model, error) {
	r, err := files.OpenRead(ctx, name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fault.File(name, "a classifier, as bayes writes them", "no file of that name")
	}
	if err != nil {
		return nil, err
	}
	m, err := bayes.Load(name, bufio.NewReader(r))
	return m, errors.Join(err, r.Close())
}

// Classifier is a model that [linear.Predict] applies.
type Classifier struct {
	Model     *bayes.Model
	predictor *bayes.Predictor
}

// NewClassifier makes one of a model.
func NewClassifier(m *bayes.Model) *Classifier { return &Classifier{m, m.Predictor()} }

// Format is that of its file.
func (c *Classifier) Format() string { return bayes.Format }

// Save writes the file.
func (c *Classifier) Save(w io.Writer) error { return c.Model.Save(w) }

// Name is what it is.
func (c *Classifier) Name() string {
	m := c.Model
	return fmt.Sprintf("%s naive Bayes of %d classes, %d columns", m.Options.Kind, m.Classes.Len(), m.Features())
}

// Columns are those of the rows.
func (c *Classifier) Columns() linear.Columns {
	m := c.Model
	return linear.Columns{Features: m.Features(), Names: m.FeatureNames, Encoding: m.Encoding, ZeroBased: m.ZeroBased,
		Dense: m.Options.Kind == bayes.Gaussian || m.Options.Kind == bayes.Categorical && m.Encoding == nil}
}

// Check says what is wrong with options: nothing can be.
func (c *Classifier) Check(*linear.PredictOptions) error { return nil }

// Classifier has the classes, and says which rows are of.
func (c *Classifier) Classifier() (linear.Classifier, learn.Classes) {
	return c.predictor, c.Model.Classes
}

// Domain is what values of rows may be.
func (c *Classifier) Domain() vectors.Domain { return c.predictor.Domain() }
