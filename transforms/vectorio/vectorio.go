// Package vectorio reads vectors in a pipeline. What flows is a [Chunk], a description of rows, never the rows: a
// worker opens the file and reads its own. Runners shuffle a description in microseconds, and a block of vectors at a
// few tens of megabytes a second.
package vectorio

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
)

var (
	rowsRead     = beam.NewCounter("vectorio", "rows_read")
	rowsRejected = beam.NewCounter("vectorio", "rows_rejected")
)

// DoFns are registered by reflection, here and in the other transforms: with register.DoFn1x2 for dealFn alone, the
// compiler takes 9.5 s of a processor and 500 MB for this package instead of 1 s and 86 MB, and makes 43 MB of it
// instead of 1.6 MB (Go 1.26, Beam 2.77). What that saves, a call by reflection for each element, is little where an
// element is a chunk of rows.
func init() {
	registry.DoFns(&splitFn{}, &countFn{}, &numberFn{}, &eachFn{})
	register.Iter1[FilePiece]()
	register.Emitter1[FilePiece]()
	register.Emitter1[Chunk]()
	registry.Element(encodeFilePiece, decodeFilePiece)
	registry.Element(encodeChunk, decodeChunk)
	registry.Element(encodeList, decodeList)
}

// Options of reading.
type Options struct {
	// Formats says how files are read.
	Formats formats.Options
	// ChunkRows is the number of rows that a worker holds at a time. Default: 8192.
	ChunkRows int
	// GroupRows is about the number of rows in a chunk of a file that is not read well from the middle
	// ([formats.Cutter]), where that is to be more than ChunkRows, which a worker holds at a time. Default: ChunkRows.
	GroupRows int
	// SkipFaults leaves out rows that are at fault and reports them, instead of failing.
	SkipFaults bool
	// Roots are what the locations of the files begin with that chunks may be of: see [Options.Confine]. Default: any.
	Roots []string `json:",omitempty"`
	// Targets are the patterns of files that hold the targets, a number for each row of the input in its order: .npy of
	// one dimension, or any file of one column. Both say in a header how many rows they have, and agree in it, over all
	// files. Default: the targets, if there are any, stand in a column of the input.
	Targets []string `json:",omitempty"`
	// Several lets the files of Targets have several columns of numbers, the same number in all files: rows then have
	// several targets, y_0, y_1 and so on.
	Several bool `json:",omitempty"`
	// TargetColumns are the columns of several targets: names, indices, ranges of indices, or globs of names, as
	// Formats.Columns. Each is a number or, with Formats.Labels, a label, that of a text column only in a table. A row of
	// a table that lacks one is left out, unless Formats.Untargeted says otherwise. [Dataset.Reads] completes the options
	// of those who read. Default: there are not several.
	TargetColumns []string `json:",omitempty"`
	// Encoding brings the rows of tables to numbers, where Formats.Cells says that they are that: see [Dataset.Encoded].
	// Default: rows are numbers, or a Reader gives cells.
	Encoding *features.Encoding `json:",omitempty"`
	// Domain is what values may be; a row whose are not is at fault like one that cannot be read. Default: finite.
	Domain vectors.Domain `json:",omitempty"`
	// Parts cuts the rows of each file into chunks of equally many, about so many in all, whatever the format: for what
	// must be the same from .csv and from .parquet. [Dataset.InUnits] sets it. Default: chunks are as it suits the format.
	Parts int `json:",omitempty"`

	cells *cellCache // see UseCells
}

// lean are the options of those who read no rows.
func (o Options) lean() Options {
	o.Encoding = nil
	return o
}

// DefaultChunkRows keeps a chunk of a thousand float64 columns under 64 MiB, and many queries in one pass over the
// index.
const DefaultChunkRows = 8192

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.ChunkRows == 0 {
		o.ChunkRows = DefaultChunkRows
	}
}

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	errs := o.Formats.Validate()
	if o.ChunkRows < 1 {
		errs = append(errs, fmt.Errorf("chunk rows %d: must be at least 1", o.ChunkRows))
	}
	if len(o.Targets) > 0 && (o.Formats.TargetColumn != "" || o.Formats.Unlabelled) {
		errs = append(errs, errors.New(
			"targets in files of their own: without a target column, and not of rows that have none"))
	}
	if len(o.TargetColumns) > 0 {
		if o.Formats.TargetColumn != "" || len(o.Targets) > 0 || o.Formats.Unlabelled {
			errs = append(errs, errors.New("several target columns: without another target, and not of rows that have none"))
		}
		if o.Formats.DType == vectors.Float32 {
			errs = append(errs, errors.New("dtype float32: not with several target columns, which are not rounded: take auto"))
		}
	}
	return errors.Join(errs...)
}

// Learns reports whether options say where the targets of rows are.
func (o *Options) Learns() bool {
	return o.Formats.TargetColumn != "" || len(o.Targets) > 0 || len(o.TargetColumns) > 0
}

// NewBlock is a block for the rows of a dataset of dim columns, sparse where the options say so.
func (o *Options) NewBlock(dim int) *vectors.Block {
	b := &vectors.Block{Dim: dim, DType: o.Formats.DType, Missing: o.Formats.Missing}
	if o.Formats.Sparse {
		b.Sparse = &vectors.CSR{}
	}
	return b
}

// MinBytes is the least memory that the values of n rows take; of sparse ones, that may be next to none.
func (o *Options) MinBytes(n int64, dim int) int64 {
	if o.Formats.Sparse {
		dim = 1
	}
	size := int64(4)
	if o.Formats.DType == vectors.Float64 {
		size = 8
	}
	if n > math.MaxInt64/size/int64(max(dim, 1)) {
		return math.MaxInt64
	}
	return n * int64(dim) * size
}
