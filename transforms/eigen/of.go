package eigen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/eigen"
	"beamlearn/model/features"
	learn "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
)

func init() {
	linear.RegisterLearner(model.Format, learnHere)
	linear.RegisterModel(model.Format, func(name string, r io.Reader) (linear.Other, error) {
		p, err := model.Load(name, r)
		if err != nil {
			return nil, err
		}
		return newProjection(p), nil
	})
}

// TrainOfOptions of [TrainOf]. A field that is not Required has its Default.
type TrainOfOptions struct {
	// Fit is what to find. Default: all components.
	Fit model.Options
	// ID is the column of ids, which is no feature, and which messages tell rows by. Optional.
	ID string
	// Columns are the features, by names and globs. Default: all columns but that.
	Columns []string
	// Table, Numbers, Shards and Threads are as in [linear.TrainOfOptions].
	Table           features.Options
	Numbers         bool
	Shards, Threads int
	// Staging is a directory that all workers can reach, for the rows while the job runs. Required.
	Staging string
	// RunID is unique to the run: it keys the files. Default: random.
	RunID string
}

// TrainOf finds the principal components of rows that are in a pipeline: PCollection<T> → PCollection<[linear.Trained]>
// of one, for [linear.PredictOf], whose answers are the projected rows, or a file. T is a struct or a string, as in
// [linear.TrainOf], whose files, memory, windows and errors these are, and which takes tables, too. The components do
// not depend on the order in which rows come. Call [CleanTrainOf] when the run is over.
func TrainOf(s beam.Scope, rows beam.PCollection, o *TrainOfOptions) (beam.PCollection, error) {
	fit, err := json.Marshal(o.Fit)
	if err != nil {
		return beam.PCollection{}, fmt.Errorf("eigen.TrainOf: %w", err)
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	table := o.Table
	table.Standardize = o.Fit.Standardize
	return linear.TrainRows(s, "eigen.TrainOf", rows, &linear.RowsOptions{
		Kind: model.Format, Fit: fit, Dense: true, TableDense: true, ID: o.ID, Columns: o.Columns,
		Table: table, TableAsked: !o.Table.IsZero(), Numbers: o.Numbers, Shards: o.Shards, Threads: o.Threads,
		Seed: o.Fit.Seed, Staging: o.Staging, RunID: o.RunID,
	})
}

// CleanTrainOf removes what a run of [TrainOf] has left in its staging directory. Call it when the run is over, well or
// not.
func CleanTrainOf(ctx context.Context, o *TrainOfOptions) error {
	return linear.CleanRows(ctx, o.Staging, o.RunID)
}

// learnHere makes all passes in this process.
func learnHere(ctx context.Context, options []byte, rows *linear.Rows) (*linear.Trained, error) {
	var o model.Options
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	o.Standardize = o.Standardize && rows.Reading.Encoding == nil
	fit, err := model.NewFit(o, rows.Data.Dim)
	if err != nil {
		return nil, err
	}
	list, err := rows.Data.List(ctx)
	if err != nil {
		return nil, err
	}
	fn := &sumFn{Reading: *rows.Reading, Dim: rows.Data.Dim, Options: Options{
		Shards: rows.Options.Shards, Groups: 1, UnitRows: rows.Options.UnitRows, Threads: rows.Options.Threads,
	}}
	fn.Options.RunID = rows.Options.RunID
	for !fit.Done() {
		fn.Pass, fn.Passes = fit.Pass(), fit.Passes()
		sum, err := fn.over(ctx, fit, 0, list.Chunks)
		if err != nil {
			return nil, err
		}
		total, err := sum.Total()
		if err == nil {
			err = fit.Advance(total)
		}
		if err != nil {
			return nil, err
		}
	}
	p := fit.PCA()
	p.FeatureNames, p.Encoding, p.ZeroBased = rows.Data.Columns, rows.Reading.Encoding, rows.Data.ZeroBased()
	var b bytes.Buffer
	if err := p.Save(&b); err != nil {
		return nil, err
	}
	return &linear.Trained{File: b.Bytes()}, nil
}

// Projection is components that [linear.Predict] applies: it answers a row by its projection, a number for each.
type Projection struct {
	p      *model.PCA
	sparse *model.Sparse // of rows that are sparse
}

// newProjection makes one of components.
func newProjection(p *model.PCA) *Projection {
	j := &Projection{p: p}
	if p.Features() > model.MaxExact {
		j.sparse = p.Sparse()
	}
	return j
}

// Format is that of its file.
func (j *Projection) Format() string { return model.Format }

// Save writes the file.
func (j *Projection) Save(w io.Writer) error { return j.p.Save(w) }

// Name is what it is.
func (j *Projection) Name() string {
	return fmt.Sprintf("%d principal components, %d columns", j.p.Len(), j.p.Features())
}

// Columns are those of the rows. Rows of more columns than the exact solver takes may be sparse.
func (j *Projection) Columns() linear.Columns {
	return linear.Columns{Features: j.p.Features(), Names: j.p.FeatureNames, Encoding: j.p.Encoding,
		ZeroBased: j.p.ZeroBased, Dense: j.sparse == nil}
}

// Check says what cannot be asked of components.
func (j *Projection) Check(o *linear.PredictOptions) error {
	return o.WithoutClasses("components")
}

// Answers are the columns of the output.
func (j *Projection) Answers() (columns []results.Column) {
	for i := range j.p.Len() {
		columns = append(columns, results.Column{Name: model.Name(i), Type: results.Float})
	}
	return columns
}

// Work is about how many multiplications a row takes.
func (j *Projection) Work() int { return j.p.Len() * j.p.Features() }

// Answer writes the projection of each row.
func (j *Projection) Answer(c *learn.Chunk, values []float64) error {
	if err := c.CheckRows(j.p.Features()); err != nil {
		return err
	}
	k, d := j.p.Len(), c.Features
	if c.Sparse != nil {
		for i := range c.Len() {
			columns, entries := c.Sparse.Row(i)
			j.sparse.Transform(values[i*k:(i+1)*k], columns, entries)
		}
		return nil
	}
	row, room := make([]float64, d), make([]float64, d)
	for i := range c.Len() {
		if c.X != nil {
			copy(row, c.X[i*d:(i+1)*d])
		} else {
			for l, v := range c.X32[i*d : (i+1)*d] {
				row[l] = float64(v)
			}
		}
		j.p.Transform(values[i*k:(i+1)*k], row, room)
	}
	return nil
}
