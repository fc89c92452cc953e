// Package kmeans finds clusters of the rows of files, and assigns rows to them, as Beam pipelines.
//
// It says what is particular to clusters; the passes, their checkpoints and the files are those of
// beamlearn/transforms/linear, whose [linear.Train] takes a model of k-means as any other, and whose [linear.Predict]
// assigns rows. A worker holds the centres, and of each shard that it works on the sums of the clusters and two blocks
// of rows, whatever the number of rows. The bits of the centres depend on the data, the options and the number of
// shards, and on nothing else.
package kmeans

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/kmeans"
	learn "beamlearn/model/linear"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/vectorio"
)

func init() {
	linear.Register(model.Kind, func(b []byte) (linear.Fit, error) { return model.Decode(b) })
	linear.RegisterModel(model.Format, func(name string, r io.Reader) (linear.Other, error) {
		m, err := model.Load(name, r)
		if err != nil {
			return nil, err
		}
		return NewClusters(m)
	})
	linear.RegisterLearner(model.Kind, linear.LearnerOf(
		func(options []byte, rows *linear.Rows) (*model.Fit, error) {
			var o model.Options
			if err := json.Unmarshal(options, &o); err != nil {
				return nil, err
			}
			o.Standardize = o.Standardize && rows.Reading.Encoding == nil
			return model.NewFit(o, rows.Data.Dim, rows.Data.Columns)
		},
		func(fit *model.Fit, w io.Writer) error { return fit.Model().Save(w) },
	))
}

// TrainOfOptions of [TrainOf]. A field that is not Required has its Default.
type TrainOfOptions struct {
	// Fit is what to find, with any Init but Given. Required.
	Fit model.Options
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

// TrainOf finds clusters of rows that are in a pipeline: PCollection<T> → PCollection<[linear.Trained]> of one, for
// [linear.PredictOf] or a file. T is a struct or a string, as in [linear.TrainOf], whose files, memory, windows and
// errors these are, and which takes tables, too; the weight is a number. The clusters do not depend on the order in
// which rows come. Call [CleanTrainOf] when the run is over.
func TrainOf(s beam.Scope, rows beam.PCollection, o *TrainOfOptions) (beam.PCollection, error) {
	o.Fit.EnsureDefaults()
	err := o.Fit.Validate()
	if o.Fit.Init == model.Given {
		err = errors.Join(err, errors.New("init: centres that are given are for rows of files, by linear.Train"))
	}
	if err != nil {
		return beam.PCollection{}, fmt.Errorf("kmeans.TrainOf: %w", err)
	}
	fit, err := json.Marshal(o.Fit)
	if err != nil {
		return beam.PCollection{}, fmt.Errorf("kmeans.TrainOf: %w", err)
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	table := o.Table
	table.Standardize = o.Fit.Standardize
	return linear.TrainRows(s, "kmeans.TrainOf", rows, &linear.RowsOptions{
		Kind: model.Kind, Fit: fit, Dense: true, TableDense: true, Weight: o.Weight, ID: o.ID, Columns: o.Columns,
		Table: table, TableAsked: !o.Table.IsZero(), Numbers: o.Numbers, Shards: o.Shards, Threads: o.Threads,
		Seed: o.Fit.Seed, Staging: o.Staging, RunID: o.RunID,
	})
}

// CleanTrainOf removes what a run of [TrainOf] has left in its staging directory. Call it when the run is over, well or
// not.
func CleanTrainOf(ctx context.Context, o *TrainOfOptions) error {
	return linear.CleanRows(ctx, o.Staging, o.RunID)
}

// Inspect inspects rows to find clusters in, which become dense, so that sparse ones may have only so many columns
// ([vectorio.MaxDenseFeatures]), and completes the options for them: o.UnitRows gets
// its default, and so does reading.ChunkRows where chunkRows, which was asked for, is 0: the same.
func Inspect(
	ctx context.Context, patterns []string, chunkRows int, o *linear.Options, reading *vectorio.Options,
) (*vectorio.Dataset, error) {
	asked := *reading
	asked.Formats.Sparse = !asked.Formats.Cells // to know whether they are
	d, err := vectorio.Inspect(ctx, patterns, asked)
	if err != nil {
		return nil, err
	}
	if d.Sparse() && d.Dim > vectorio.MaxDenseFeatures {
		return nil, fault.File(d.Name(), fmt.Sprintf("at most %d columns of sparse rows, as kmeans stores them with their "+
			"zeros: "+
			"bring them to fewer with eigen", vectorio.MaxDenseFeatures), "%d columns", d.Dim)
	}
	return d.Dense().InUnits(&o.UnitRows, o.Shards, chunkRows, reading), nil
}

// Encoded is a dataset of tables whose rows an encoding brings to numbers. It completes the options, as Inspect does.
func Encoded(
	d *vectorio.Dataset, e *features.Encoding, chunkRows int, o *linear.Options, reading *vectorio.Options,
) (*vectorio.Dataset, error) {
	d, err := d.EncodedDense(e, reading)
	if err != nil {
		return nil, err
	}
	return d.InUnits(&o.UnitRows, o.Shards, chunkRows, reading), nil
}

// maxCenters bounds the rows of a file of centres.
const maxCenters = 1 << 20

// Centers are centres to begin with.
type Centers struct {
	// Model is that of an earlier run; nil where they are the rows of a file.
	Model *model.Model
	Rows  [][]float64

	file  string
	names []string // of the file's columns, or nil
}

// ReadCenters reads centres to begin with: the rows of a file of vectors, or those of the model of an earlier run,
// .json.
func ReadCenters(ctx context.Context, name string) (*Centers, error) {
	if path.Ext(name) == ".json" {
		r, err := files.OpenRead(ctx, name)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fault.File(name, "clusters, as kmeans writes them", "no file of that name")
		}
		if err != nil {
			return nil, err
		}
		m, err := model.Load(name, bufio.NewReader(r))
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		return CentersOf(m, name), nil
	}
	var o vectorio.Options
	o.EnsureDefaults()
	d, err := vectorio.Inspect(ctx, []string{name}, o)
	if err != nil {
		return nil, err
	}
	head, err := d.Head(ctx, maxCenters+1, o)
	if err != nil {
		return nil, err
	}
	if head.Len() > maxCenters {
		return nil, fault.File(name, fmt.Sprintf("at most %d centres", maxCenters), "more")
	}
	c := &Centers{Rows: make([][]float64, head.Len()), file: name, names: d.Columns}
	for i := range c.Rows {
		c.Rows[i] = append([]float64(nil), head.Row(i, make([]float64, head.Dim))...)
	}
	return c, nil
}

// CentersOf are those of a model, which messages tell by the name of its file.
func CentersOf(m *model.Model, file string) *Centers {
	return &Centers{Model: m, Rows: m.Centers, file: file, names: m.FeatureNames}
}

// For are the centres in the columns of rows, found by their names where both have names; a column that is missing is
// a fault, and others are passed over. Without names they are taken by number: then byNumber is true.
func (c *Centers) For(columns []string) (centers [][]float64, byNumber bool, err error) {
	if c.names == nil || columns == nil {
		return c.Rows, true, nil
	}
	places := make([]int, len(columns))
	for j, name := range columns {
		if places[j] = slices.Index(c.names, name); places[j] < 0 {
			return nil, false, fault.File(c.file, "the columns of the rows", "no column %s among the centres'",
				fault.Quote(name))
		}
	}
	for _, row := range c.Rows {
		center := make([]float64, len(places))
		for j, from := range places {
			center[j] = row[from]
		}
		centers = append(centers, center)
	}
	return centers, false, nil
}

// Clusters is a model that [linear.Predict] applies: for each row its nearest centre, and how far that is.
type Clusters struct {
	Model    *model.Model
	searcher *model.Searcher
}

// NewClusters makes one of a model.
func NewClusters(m *model.Model) (*Clusters, error) {
	s, err := m.Searcher()
	return &Clusters{m, s}, err
}

// Format is that of its file.
func (c *Clusters) Format() string { return model.Format }

// Save writes the file.
func (c *Clusters) Save(w io.Writer) error { return c.Model.Save(w) }

// Name is what it is.
func (c *Clusters) Name() string {
	return fmt.Sprintf("%d clusters, %d columns", len(c.Model.Centers), c.Model.Features())
}

// Columns are those of the rows.
func (c *Clusters) Columns() linear.Columns {
	return Columns(c.Model)
}

// Columns are those of the rows that a model is for.
func Columns(m *model.Model) linear.Columns {
	return linear.Columns{Features: m.Features(), Names: m.FeatureNames, Encoding: m.Encoding,
		ZeroBased: m.ZeroBased, Dense: true}
}

// Check says what cannot be asked of clusters.
func (c *Clusters) Check(o *linear.PredictOptions) error {
	return o.WithoutClasses("clusters")
}

// Answers are the columns of the output.
func (c *Clusters) Answers() []results.Column { return Answers() }

// Answers are the columns that rows get.
func Answers() []results.Column {
	return []results.Column{{Name: "cluster", Type: results.Int}, {Name: "distance", Type: results.Float}}
}

// Work is about how many multiplications a row takes.
func (c *Clusters) Work() int { return len(c.Model.Centers) * c.Model.Features() }

// Answer writes cluster and distance of each row.
func (c *Clusters) Answer(k *learn.Chunk, values []float64) error {
	clusters, distances, err := c.searcher.Predict(k)
	if err != nil {
		return err
	}
	for i, n := range clusters {
		values[2*i], values[2*i+1] = float64(n), distances[i]
	}
	return nil
}
