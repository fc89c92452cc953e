package linear

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/vectors"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// encodingKind is the [RowsOptions.Kind] of encodings.
const encodingKind = "encoding"

func init() {
	registry.DoFns(&encodeOfFn{})
	beam.RegisterType(reflect.TypeOf((*vectors.Vector)(nil)).Elem())
	RegisterLearner(encodingKind, func(_ context.Context, _ []byte, rows *Rows) (*Trained, error) {
		b, err := rows.Reading.Encoding.MarshalJSON()
		return &Trained{File: append(b, '\n')}, err
	})
}

// EncodingOfOptions of [EncodingOf]. A field that is not Required has its Default.
type EncodingOfOptions struct {
	// Table is how columns become numbers. Default: as the rules of [features.Options] say.
	Table features.Options
	// ID is the column of ids, which is no feature. Optional.
	ID string
	// Columns are the features, by names and globs. Default: all columns but that.
	Columns []string
	// Staging is a directory that all workers can reach, for the rows while the job runs. Required.
	Staging string
	// RunID is unique to the run: it keys the files. Default: random.
	RunID string
}

// EncodingOf finds out how the rows of a table that are in a pipeline become numbers, as `transform` does for files:
// PCollection<T> → PCollection<[Trained]> of one, for [EncodeOf] or a file. T is a struct or a string, as in [TrainOf],
// whose files, memory, windows and errors these are. The encoding does not depend on the order in which rows come. Call
// [CleanEncodingOf] when the run is over.
func EncodingOf(s beam.Scope, rows beam.PCollection, o *EncodingOfOptions) (beam.PCollection, error) {
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	return TrainRows(s, "linear.EncodingOf", rows, &RowsOptions{
		Kind: encodingKind, Table: o.Table, TableAsked: true, ID: o.ID, Columns: o.Columns, Staging: o.Staging,
		RunID: o.RunID,
	})
}

// CleanEncodingOf removes what a run of [EncodingOf] has left in its staging directory. Call it when the run is over,
// well or not.
func CleanEncodingOf(ctx context.Context, o *EncodingOfOptions) error {
	return CleanRows(ctx, o.Staging, o.RunID)
}

// EncodeOfOptions of [EncodeOf]. A field that is not Required has its Default.
type EncodeOfOptions struct {
	// ID is the column of ids, which the vectors bear. Required.
	ID string
	// RunID is unique to the run: it keys the encoding in a worker process. Default: random.
	RunID string
}

// EncodeOf brings rows that are in a pipeline to numbers: PCollection<T>, and PCollection<[Trained]> of one, an
// encoding or any model of tables, → PCollection<[vectors.Vector]>, in no order, as knn.Of takes them. T is a struct or
// a string, as in [PredictOf]. Numbers become float32. An encoding may have [vectorio.MaxDenseFeatures] features.
//
// All windows must be the global one. A worker process decodes the encoding once, and holds 4,096 rows of a bundle at a
// time. EncodeOf fails on options that are not valid and on collections of other elements or windows; the job fails by
// an error that names the row by its id.
func EncodeOf(s beam.Scope, rows, encoding beam.PCollection, o *EncodeOfOptions) (beam.PCollection, error) {
	if o.ID == "" {
		return beam.PCollection{}, errors.New("linear.EncodeOf: the column of ids is needed, which the vectors bear")
	}
	if o.RunID == "" {
		o.RunID = files.NewRunID()
	}
	s = s.Scope("linear.EncodeOf")
	lines, err := linesOf(s, rows, "linear.EncodeOf")
	if err != nil {
		return beam.PCollection{}, err
	}
	return beam.ParDo(s, &encodeOfFn{Options: *o}, lines, beam.SideInput{Input: beam.ParDo(s, whole, encoding)}), nil
}

// encodeOfFn encodes the rows of a bundle, some at a time.
type encodeOfFn struct {
	Options EncodeOfOptions

	encoding *features.Encoding
	bundle   bundle
}

var encodings = output.NewShared[*features.Encoding]()

func (f *encodeOfFn) StartBundle(func() func(*Trained) bool, func(vectors.Vector)) {
	f.bundle = bundle{}
}

func (f *encodeOfFn) ProcessElement(ctx context.Context, line string, trained func() func(*Trained) bool,
	emit func(vectors.Vector)) error {
	if f.encoding == nil {
		t, err := single("linear.EncodeOf", trained())
		if err != nil {
			return fault.Mark(err)
		}
		key := fmt.Sprintf("%s/%x", f.Options.RunID, sha256.Sum256(t.File))
		f.encoding, _, err = encodings.Get(key, func() (*features.Encoding, error) {
			return encode.Parse("the encoding", t.File)
		})
		if err != nil {
			return fault.Mark(err)
		}
	}
	if !f.bundle.add(line) {
		return nil
	}
	return f.FinishBundle(ctx, trained, emit)
}

func (f *encodeOfFn) FinishBundle(ctx context.Context, _ func() func(*Trained) bool,
	emit func(vectors.Vector)) error {
	return f.bundle.answer(f.Options.ID, func(file string) error { return f.encode(ctx, file, emit) })
}

// encode emits the rows of a file.
func (f *encodeOfFn) encode(ctx context.Context, file string, emit func(vectors.Vector)) error {
	var reading vectorio.Options
	reading.EnsureDefaults()
	reading.Formats.Format, reading.Formats.IDColumn, reading.Formats.Unlabelled = "jsonl", f.Options.ID, true
	data, err := InspectColumns(ctx, Columns{Encoding: f.encoding, Dense: true}, []string{file}, &reading)
	if err != nil {
		return err
	}
	reading.Confine(data)
	list, err := data.List(ctx)
	if err != nil {
		return err
	}
	row := make([]float64, data.Dim)
	for _, c := range list.Chunks {
		_, err := vectorio.EachAhead(ctx, c, &reading, data.Dim, func(b vectorio.Batch) error {
			for i := range b.Rows.Len() {
				v := vectors.Vector{ID: b.Rows.ID(i).String(), Values: make([]float32, data.Dim)}
				for j, x := range b.Rows.Row(i, row) {
					v.Values[j] = float32(x)
				}
				emit(v)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
