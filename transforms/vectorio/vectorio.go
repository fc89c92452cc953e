// Package vectorio reads vectors in a pipeline. What flows is a [Chunk], a description of rows, never the rows: a
// worker opens the file and reads its own. Runners shuffle a description in microseconds, and a block of vectors at a
// few tens of megabytes a second.
package vectorio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/placement"
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

// Dataset is the files of one input, inspected: of the same columns, and read as one big array in the order of their
// names.
type Dataset struct {
	Files []files.Info
	Dim   int
	// Columns are the names of the vector's columns, or nil where no file has them.
	Columns []string
	// TargetNames are those of several targets, their indices where they have none, or y_0, y_1 and so on in files of
	// their own; nil where there is one, or none.
	TargetNames []string
	// Rows is the number of all rows, or -1 where they must be counted.
	Rows int64
	// RowsAbout estimates Rows from the beginning of each file that must be counted, or is -1.
	RowsAbout int64
	// Entries is about the number of entries of all rows, where they are sparse, or -1.
	Entries int64
	// Bytes of all files.
	Bytes int64
	// LeftOut are the columns of the files that are not used.
	LeftOut []formats.Column
	// ID is the name of the column of ids in the first file, or "" where there is none beside the vector's.
	ID string
	// Fields are the columns of a table, as the first file has them; nil where rows are numbers.
	Fields []tables.Field
	// Schema is all columns of the file that Fields are of, in its order.
	Schema []formats.Column
	// Other says which column of a table a matrix of numbers would not hold, and why, as far as files tell without being
	// read: see [formats.Tabular]. "" where all are numbers.
	Other string

	// TextIDs names the first file whose ids are text, as far as its header and its first rows tell.
	TextIDs string

	naming  []*formats.Naming // of each file: the names by which it is read, or nil where the options say it
	whose   string            // whose names Columns are
	notes   []string
	ids     []formats.Column // that are likely to be ids, in the vector all the same
	options Options
	targets []TargetSpan // whole files
	count   bool         // some file's rows must be counted
}

// openFiles is how many files are inspected at a time.
const openFiles = 32

// Inspect expands the patterns and reads the header of each file; of .svm, and of lists of columns and numbers, all of
// it, where the options leave open how many columns there are. Files whose columns have names meet by them, and others
// by number: see [formats.Agreement]. It fails on a pattern without a file, on a file that cannot be read as a format,
// on files of different dimensions or, where both have them, names of columns, and on targets that are not as many as
// the rows.
func Inspect(ctx context.Context, patterns []string, o Options) (*Dataset, error) {
	if len(o.TargetColumns) > 0 {
		return inspectSeveral(ctx, patterns, nil, "", o)
	}
	return inspectAll(ctx, patterns, o, &formats.Agreement{})
}

// InspectLike is Inspect for rows that meet others by their columns' names: those of the points that they are
// compared with, or of the features of a model; of says whose they are, as "the index x.index". The vector has these
// columns, in this order, whatever their order in the files. Columns by other names are left out, unless the options
// say which to read. The names may be nil: then, as where the files have none, columns meet by number, and how many
// there are is for the caller to compare.
func InspectLike(ctx context.Context, patterns []string, names []string, of string, o Options) (*Dataset, error) {
	if len(o.TargetColumns) > 0 {
		return inspectSeveral(ctx, patterns, names, of, o)
	}
	d, err := inspectAll(ctx, patterns, o, formats.AgreeWith(names, of))
	if err == nil && names == nil && d.Columns != nil {
		d.notes = append(d.notes, fmt.Sprintf("%s has no names of columns: those of %s are taken by number", of, d.whose))
	}
	return d, err
}

func inspectAll(ctx context.Context, patterns []string, o Options, agreement *formats.Agreement) (*Dataset, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	known := agreement.Of() != "" // the columns: they are those of a model, or of the points
	if err := files.CheckSnapshots(ctx, patterns); err != nil {
		return nil, err
	}
	infos, err := files.List(ctx, patterns)
	if err != nil {
		return nil, err
	}
	needed := !o.Formats.Empty
	if len(infos) > 1 { // of files that engines write, one for each worker, some have no rows
		o.Formats.Empty = true
	}
	parts, err := partitions(infos)
	if err != nil {
		return nil, err
	}
	all, err := openAll(ctx, infos, o, agreement, parts)
	if err != nil {
		return nil, err
	}
	sources := sourcesOf(all)
	o.Formats.Sparse = o.Formats.Sparse &&
		!slices.ContainsFunc(sources, func(s formats.Source) bool { return !formats.IsSparse(s) })
	o.Formats = formats.Settle(o.Formats, sources)
	if o.Roots, err = roots(slices.Concat(patterns, o.Targets)); err != nil {
		return nil, err
	}
	d := &Dataset{Files: infos, options: o, naming: make([]*formats.Naming, len(all))}
	var left formats.Left
	errs := make([]error, len(all))
	for i := range all {
		errs[i] = d.add(ctx, i, &all[i], agreement, &left, parts[i])
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if d.Rows == 0 && needed {
		return nil, noRows(infos[0].Name)
	}
	d.LeftOut, d.whose = left.Columns, agreement.Of()
	if !known {
		d.ids = formats.IDsWithin(sources[0], &o.Formats)
	}
	d.note(agreement)
	if len(o.Targets) > 0 {
		if err := d.inspectTargets(ctx, sources); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// opened is a file of a dataset.
type opened struct {
	src         formats.Source
	naming      *formats.Naming
	rows, about int64 // or -1: see [Dataset.Rows] and [Dataset.RowsAbout]
}

// openAll opens files, some at a time. Those whose first row counts 0, 1, 2, … are opened once more where others show
// that it is data.
func openAll(ctx context.Context, infos []files.Info, o Options, agreement *formats.Agreement,
	parts []*formats.Naming) ([]opened, error) {
	all, errs := make([]opened, len(infos)), make([]error, len(infos))
	var g errgroup.Group
	g.SetLimit(openFiles)
	for i, info := range infos {
		g.Go(func() error {
			f := &all[i]
			if f.src, f.naming, errs[i] = agreement.Open(ctx, files.Open(info), parts[i].Options(o.Formats)); errs[i] == nil {
				f.rows, f.about, errs[i] = countStart(ctx, f.src)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if o.SkipFaults {
		openUnreadable(ctx, infos, o, all, errs, parts)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sources := sourcesOf(all)
	headless, data := formats.Headless(sources)
	for _, i := range headless {
		f := &all[i]
		f.naming = data
		how := data.Options(parts[i].Options(o.Formats))
		if f.src, errs[i] = formats.Inspect(ctx, files.Open(infos[i]), how); errs[i] == nil {
			f.rows, f.about, errs[i] = countStart(ctx, f.src)
		}
	}
	return all, errors.Join(errs...)
}

// openUnreadable opens files whose rows are all at fault, so that they do not tell their columns, as the first of the
// others that can be read.
func openUnreadable(ctx context.Context, infos []files.Info, o Options, all []opened, errs []error,
	parts []*formats.Naming) {
	first := slices.IndexFunc(all, func(f opened) bool { return f.src != nil })
	for i := range all {
		f := &all[i]
		if first < 0 || !formats.Unreadable(errs[i]) {
			continue
		}
		naming := formats.NamingLike(all[first].src)
		if naming == nil {
			continue
		}
		src, err := formats.Inspect(ctx, files.Open(infos[i]), naming.Options(parts[i].Options(o.Formats)))
		if err != nil {
			continue // the first error says what is wrong with the file itself
		}
		f.src, f.naming = src, naming
		f.rows, f.about, errs[i] = countStart(ctx, f.src)
	}
}

// partitions are the columns that the directories of the files say, by which each is read; nil of files without any.
func partitions(infos []files.Info) ([]*formats.Naming, error) {
	all := make([]formats.File, len(infos))
	for i, info := range infos {
		all[i] = files.Open(info)
	}
	return formats.Partitions(all)
}

func sourcesOf(all []opened) []formats.Source {
	sources := make([]formats.Source, len(all))
	for i := range all {
		sources[i] = all[i].src
	}
	return sources
}

// roots are those of the locations of the patterns: see [Options.Roots].
func roots(patterns []string) ([]string, error) {
	var all []string
	for _, p := range patterns {
		root, err := files.Root(p)
		if err != nil {
			return nil, err
		}
		all = append(all, root)
	}
	return all, nil
}

// add adds file i, read as what all files together have shown.
func (d *Dataset) add(ctx context.Context, i int, file *opened, agreement *formats.Agreement,
	left *formats.Left, parts *formats.Naming) error {
	info, o := d.Files[i], d.options
	o.Formats = parts.Options(o.Formats)
	d.Bytes += info.Size
	f := files.Open(info)
	src, err := formats.Reinspect(ctx, f, file.src, o.Formats)
	if err != nil {
		return err
	}
	src, names, err := agreement.Meet(ctx, f, src, o.Formats)
	if err != nil {
		return err
	}
	if d.naming[i] = file.naming; names != nil {
		d.naming[i] = names
	}
	if parts != nil {
		all := *parts
		if n := d.naming[i]; n != nil {
			all = *n
			all.Partitions = parts.Partitions
		}
		d.naming[i] = &all
	}
	left.Add(src)
	if d.TextIDs == "" && formats.TextID(src) {
		d.TextIDs = info.Name
	}
	for _, note := range formats.Notes(src) {
		if !slices.Contains(d.notes, note) {
			d.notes = append(d.notes, note)
		}
	}
	d.addFields(info.Name, src)
	if d.ID == "" {
		d.ID = formats.IDName(src)
	}
	if d.Dim = src.Dim(); d.Columns == nil {
		d.Columns = src.Columns()
	}
	d.count = d.count || src.Rows() < 0
	d.Rows = addKnown(d.Rows, file.rows)
	d.RowsAbout = addKnown(d.RowsAbout, file.about)
	d.Entries = addKnown(d.Entries, entriesAbout(src, info.Size, file.about))
	if file.rows == 0 && !o.Formats.Empty {
		return noRows(info.Name)
	}
	return nil
}

// entryBytes is about how many bytes of a text file an entry of a sparse row takes: "12345:1 ".
const entryBytes = 8

// entriesAbout estimates the entries of a file of so many bytes, and about so many rows, or −1, where they are sparse.
func entriesAbout(src formats.Source, size, rows int64) int64 {
	if n := formats.Entries(src); n >= 0 || rows < 0 {
		return n
	}
	return size / entryBytes
}

// addFields takes the columns of a table from the first file that names them.
func (d *Dataset) addFields(name string, src formats.Source) {
	t, ok := src.(formats.Tabular)
	if !ok {
		return
	}
	if d.options.Formats.Cells && (d.Fields == nil || d.Columns == nil && src.Columns() != nil) {
		d.Fields, d.Schema = t.Fields(), formats.Schema(src)
	}
	if d.Other == "" && d.Fields != nil {
		if column, holds := t.Other(); column != "" {
			d.Other = fmt.Sprintf("%s: column %s has %s", name, fault.Plain(column), holds)
		}
	}
}

// note tells of columns that have met by number where some had names.
func (d *Dataset) note(a *formats.Agreement) {
	if len(a.ByNumber) > 0 {
		d.notes = append(d.notes, fmt.Sprintf("no names of columns in %s: they are taken by number, in the order of %s",
			strings.Join(slices.Compact(a.ByNumber), ", "), a.Of()))
	}
}

// Notes are lines of what a user may want to know of how the files were read: what was assumed about text, which
// columns are left out, and which files have met others by number though these have names.
func (d *Dataset) Notes() []string {
	notes := slices.Clone(d.notes)
	if line := formats.LeftOut(d.LeftOut); line != "" {
		notes = append(notes, line)
	}
	if line := formats.TellIDs(d.ids); line != "" {
		notes = append(notes, line)
	}
	return notes
}

// Uses says that the job reads columns of these names apart from the rows, so that they are not left out.
func (d *Dataset) Uses(names ...string) {
	d.LeftOut = slices.DeleteFunc(slices.Clone(d.LeftOut),
		func(c formats.Column) bool { return slices.Contains(names, c.Name) })
}

// Whose is whose names Columns are: a file, or those of a model.
func (d *Dataset) Whose() string { return d.whose }

// InspectFeatures is InspectLike for a model of so many features, with these names or none. Another number of columns
// than that of the features is a fault.
func InspectFeatures(ctx context.Context, patterns []string, features int, names []string,
	o Options) (*Dataset, error) {
	d, err := InspectLike(ctx, patterns, names, "the model", o)
	if err != nil {
		return nil, err
	}
	if d.Dim != features {
		return nil, fault.File(d.Files[0].Name, fmt.Sprintf("%d columns, as the model has features", features), "%d columns",
			d.Dim)
	}
	return d, nil
}

// Confine lets chunks be of files that the user has named alone: those of the patterns of the datasets, which may be
// nil. A description of rows crosses the wire, where it could be made to name any file. The datasets know from then on
// what the values of their rows may be, for their first fault.
func (o *Options) Confine(all ...*Dataset) {
	o.Roots = nil
	for _, d := range all {
		if d != nil {
			d.options.Domain = o.Domain
			o.Roots = append(o.Roots, d.options.Roots...)
		}
	}
}

// IsSVM reports whether any file of the patterns is of the format svm, as far as their names and the format that is
// given tell.
func IsSVM(patterns []string, format string) bool {
	return format == "svm" || format == "" && slices.ContainsFunc(patterns, func(p string) bool {
		name, err := formats.Detect(p)
		return err == nil && name == "svm"
	})
}

// Meet completes the options for sparse rows that are to meet others, the points or those of a model: those of .svm
// tell neither how many columns there are, nor for certain whether the index of the first is 0, and lists of columns
// and numbers do not tell the former.
func (o *Options) Meet(patterns []string, features int, zeroBased bool) {
	o.Formats.ListedFeatures = features
	if f := &o.Formats; IsSVM(patterns, f.Format) {
		if f.Features == 0 {
			f.Features = features
		}
		if zeroBased && (f.ZeroBased == "" || f.ZeroBased == formats.ZeroBasedAuto) {
			f.ZeroBased = formats.ZeroBasedYes
		}
	}
}

// ZeroBased reports whether the index of the first column is 0 in files of .svm, which all of them together tell.
func (d *Dataset) ZeroBased() bool { return d.options.Formats.ZeroBased == formats.ZeroBasedYes }

// Sparse reports whether rows stay sparse: where the options let them (formats.Options.Sparse), and all files are of
// sparse rows, or an encoding gives such.
func (d *Dataset) Sparse() bool { return d.options.Formats.Sparse }

// Dense is the dataset read with the zeros of its rows.
func (d *Dataset) Dense() *Dataset {
	c := *d
	c.options.Formats.Sparse = false
	return &c
}

// Chunked is the dataset cut by other options: see Options.ChunkRows and GroupRows.
func (d *Dataset) Chunked(chunkRows, groupRows int) *Dataset {
	c := *d
	c.options.ChunkRows, c.options.GroupRows = chunkRows, groupRows
	return &c
}

// WithColumns is the dataset read by these columns (formats.Options.Columns), whatever the options of those who read
// it say.
func (d *Dataset) WithColumns(columns []string) *Dataset {
	c := *d
	c.naming = make([]*formats.Naming, len(d.Files))
	for i := range c.naming {
		var n formats.Naming
		if i < len(d.naming) && d.naming[i] != nil {
			n = *d.naming[i]
		}
		n.Own, n.Columns = true, columns
		c.naming[i] = &n
	}
	return &c
}

// Encoded is a dataset of tables whose rows an encoding brings to numbers, sparse where that is smaller; the options
// by which they are read are set so, too.
func (d *Dataset) Encoded(e *features.Encoding, reading *Options) *Dataset {
	return d.encoded(e, e.Sparse(), reading)
}

// MaxDenseFeatures bounds the features of tables whose rows are dense.
const MaxDenseFeatures = 1 << 14

// EncodedDense is Encoded for who takes dense rows alone: of at most MaxDenseFeatures features.
func (d *Dataset) EncodedDense(e *features.Encoding, reading *Options) (*Dataset, error) {
	if n := e.Dim(); n > MaxDenseFeatures {
		return nil, fault.File(d.Name(),
			fmt.Sprintf("at most %d features: leave out columns of text or of many categories, by --drop, or give these fewer "+
				"features, by --hash_bits", MaxDenseFeatures),
			"%d features", n)
	}
	return d.encoded(e, false, reading), nil
}

func (d *Dataset) encoded(e *features.Encoding, sparse bool, reading *Options) *Dataset {
	c := *d
	for _, o := range []*Options{&c.options, reading} {
		o.Encoding, o.Formats.Cells, o.Formats.Sparse = e, true, sparse
	}
	c.Dim, c.Columns = e.Dim(), e.Names()
	if c.Entries = -1; sparse && d.RowsAbout >= 0 {
		const word = 2 // letters and a space, of what may be text
		c.Entries = d.RowsAbout*int64(len(d.Fields)) + d.Bytes/word
	}
	return &c
}

// unitBytes bounds the memory of a unit of dense rows.
const unitBytes = 32 << 20

// UnitRows is how many rows a learner deals, or sums up, at a time by default: as many as take 32 MiB, and at most
// DefaultChunkRows.
func (d *Dataset) UnitRows() int {
	if d.options.Formats.Sparse {
		return DefaultChunkRows
	}
	return min(DefaultChunkRows, max(unitBytes/8/d.Dim, 16))
}

// chunksOfShard is how many chunks each shard has at least, where there are as many units: from places all over the
// files, and few enough for row groups, in which it takes time to get to the middle.
const chunksOfShard = 4

// InUnits is the dataset cut for what must depend neither on how many rows are read at a time nor on the format: into
// units of so many rows or, where there are many, into longer chunks of equally many, of which each shard has some.
// Where rows is 0, it gets its default, and so does o.ChunkRows where chunkRows, which was asked for, is 0: a unit.
func (d *Dataset) InUnits(rows *int, shards, chunkRows int, o *Options) *Dataset {
	if *rows == 0 {
		*rows = d.UnitRows()
	}
	if chunkRows == 0 {
		o.ChunkRows = *rows
	}
	c := d.Chunked(*rows, 0)
	if c.options.Parts == 0 {
		c.options.Parts = chunksOfShard * max(shards, 1)
	}
	return c
}

func noRows(name string) error { return fault.Ends(fault.File(name, "rows of data", "none")) }

// addKnown adds numbers of which −1 is unknown.
func addKnown(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// sampleBytes of a text file are counted to estimate its rows.
const sampleBytes = 256 << 10

// countStart is the number of rows of a file where it is known or quickly counted, and an estimate; or −1.
func countStart(ctx context.Context, src formats.Source) (rows, about int64, err error) {
	if n := src.Rows(); n >= 0 {
		return n, n, nil
	}
	ranges := src.(formats.Counter).Ranges(sampleBytes)
	if ranges[0].Length > sampleBytes || ranges[0].Length < 0 {
		return -1, -1, nil // compressed: counting a part of it means reading all
	}
	n, err := src.(formats.Counter).Count(ctx, ranges[0])
	if err != nil {
		return -1, -1, err
	}
	if len(ranges) == 1 {
		// A quote that is open at the end has swallowed rows: their number would be another.
		if _, err := src.(formats.Counter).Resolve([]formats.Count{n}); err != nil {
			return -1, -1, err
		}
		return n.Rows[0], n.Rows[0], nil
	}
	last := ranges[len(ranges)-1]
	return -1, int64(float64(n.Rows[0]) / float64(ranges[0].Length) * float64(last.Offset+last.Length)), nil
}

// FilePiece is a part of a file on its way to be counted.
type FilePiece struct {
	File    int // place of the file in the dataset
	Piece   int // place of the piece in the file
	Info    files.Info
	Counted bool // the rows are known: from the header (Rows), or by Count
	Rows    int64
	Range   formats.Range
	Count   formats.Count
	Naming  *formats.Naming `json:",omitempty"` // see Chunk
}

// Chunk describes consecutive rows of one file.
type Chunk struct {
	Ordinal int64      // place of the chunk in the dataset
	Info    files.Info // the file
	Span    formats.Span
	First   int64 // number of the first row in the dataset
	Total   int64 // rows of the dataset
	// Targets are where the targets of the rows stand, in their order, where that is in files of their own.
	Targets []TargetSpan `json:",omitempty"`
	// Features and ZeroBased are what Inspect has found out about .svm files, for all of them.
	Features  int               `json:",omitempty"`
	ZeroBased formats.ZeroBased `json:",omitempty"`
	// Naming are the names by which the columns of the file are read, where the options do not say it.
	Naming *formats.Naming `json:",omitempty"`
}

// Chunks gives the chunks of a dataset, shuffled over the workers w: PCollection<Chunk>. With [Options.Parts], all of a
// file have as many rows, but for its last. Else each has at most ChunkRows rows where the number of rows stands in the
// file's header, but for formats that are not read well from the middle ([formats.Cutter]); and otherwise the rows that
// begin in a run of bytes, counted by the workers side by side. A [Reader] gives them ChunkRows at a time.
func Chunks(s beam.Scope, d *Dataset, w placement.Workers) beam.PCollection {
	s = s.Scope("vectorio.Chunks")
	return beam.Reshuffle(s, beam.ParDo(s, &eachFn{}, Listed(s, d, w)))
}

// List is all chunks of a dataset, by Ordinal.
type List struct{ Chunks []Chunk }

// Listed gives the chunks of a dataset (see [Chunks]) to one worker: PCollection<List> of one.
func Listed(s beam.Scope, d *Dataset, w placement.Workers) beam.PCollection {
	s = s.Scope("vectorio.Listed")
	pieces := make([]FilePiece, len(d.Files))
	for i, info := range d.Files {
		pieces[i] = FilePiece{File: i, Info: info, Naming: d.naming[i]}
	}
	col := beam.CreateList(s, pieces)
	col = beam.ParDo(s, &splitFn{Options: d.options.lean(), RangeBytes: rangeBytes(d.Bytes)}, col)
	if d.count && w != placement.InProcess { // in process, numberFn counts on all cores
		col = beam.ParDo(s, &countFn{Options: d.options.lean()}, beam.Reshuffle(s, col))
	}
	return beam.ParDo(s, &numberFn{Options: d.options.lean(), Targets: d.targets},
		beam.GroupByKey(s, beam.AddFixedKey(s, col)))
}

// List is [Listed] without Beam, on all cores: the same chunks.
func (d *Dataset) List(ctx context.Context) (List, error) {
	split := &splitFn{Options: d.options.lean(), RangeBytes: rangeBytes(d.Bytes)}
	var pieces []FilePiece
	for i, info := range d.Files {
		err := split.ProcessElement(ctx, FilePiece{File: i, Info: info, Naming: d.naming[i]},
			func(p FilePiece) { pieces = append(pieces, p) })
		if err != nil {
			return List{}, err
		}
	}
	return (&numberFn{Options: d.options.lean(), Targets: d.targets}).number(ctx, pieces)
}

// eachFn takes the chunks of a list apart.
type eachFn struct{}

func (*eachFn) ProcessElement(l List, emit func(Chunk)) {
	for _, c := range l.Chunks {
		emit(c)
	}
}

// rangeBytes cuts text so that there are ranges for many workers, none so small that opening it costs more than
// reading.
func rangeBytes(total int64) int64 { return min(max(total/64, 1<<20), 16<<20) }

// splitFn cuts a file into pieces that can be counted side by side.
type splitFn struct {
	Options    Options
	RangeBytes int64
}

func (f *splitFn) ProcessElement(ctx context.Context, p FilePiece, emit func(FilePiece)) error {
	src, err := f.Options.inspect(ctx, p.Info, p.Naming.Options(f.Options.Formats))
	if err != nil {
		return fault.Mark(err)
	}
	if n := src.Rows(); n >= 0 {
		p.Rows, p.Counted = n, true
		emit(p)
		return nil
	}
	for i, r := range src.(formats.Counter).Ranges(f.RangeBytes) {
		p.Piece, p.Range = i, r
		emit(p)
	}
	return nil
}

// countFn counts the rows of a piece.
type countFn struct{ Options Options }

func (f *countFn) ProcessElement(ctx context.Context, p FilePiece) (FilePiece, error) {
	err := f.Options.count(ctx, &p)
	return p, fault.Mark(err)
}

func (o *Options) count(ctx context.Context, p *FilePiece) error {
	if p.Counted {
		return nil
	}
	src, err := o.inspect(ctx, p.Info, p.Naming.Options(o.Formats))
	if err != nil {
		return err
	}
	p.Count, err = src.(formats.Counter).Count(ctx, p.Range)
	p.Counted = true
	return err
}

// numberFn numbers all rows, which needs all counts, those that are not there included, and cuts them into chunks.
type numberFn struct {
	Options Options
	Targets []TargetSpan
}

func (f *numberFn) ProcessElement(ctx context.Context, _ int, iter func(*FilePiece) bool) (List, error) {
	var pieces []FilePiece
	var p FilePiece
	for iter(&p) {
		pieces = append(pieces, p)
	}
	return f.number(ctx, pieces)
}

func (f *numberFn) number(ctx context.Context, pieces []FilePiece) (List, error) {
	sort.Slice(pieces, func(i, j int) bool {
		if pieces[i].File != pieces[j].File {
			return pieces[i].File < pieces[j].File
		}
		return pieces[i].Piece < pieces[j].Piece
	})
	if err := f.count(ctx, pieces); err != nil {
		return List{}, fault.Mark(err)
	}
	var chunks []Chunk
	size, err := f.evenRows(ctx, pieces)
	if err != nil {
		return List{}, fault.Mark(err)
	}
	var total int64
	for lo := 0; lo < len(pieces); {
		hi := lo + 1
		for hi < len(pieces) && pieces[hi].File == pieces[lo].File {
			hi++
		}
		spans, err := f.spans(ctx, pieces[lo:hi], size)
		if err != nil {
			return List{}, fault.Mark(err)
		}
		first := total
		for _, s := range spans {
			chunks = append(chunks, Chunk{Ordinal: int64(len(chunks)), Info: pieces[lo].Info, Span: s, First: first + s.First,
				Naming: pieces[lo].Naming})
			total += s.Rows
		}
		lo = hi
	}
	for i := range chunks {
		c := &chunks[i]
		c.Total = total
		c.Targets = cutTargets(f.Targets, c.First, c.Span.Rows)
		c.Features, c.ZeroBased = f.Options.Formats.Features, f.Options.Formats.ZeroBased
	}
	return List{chunks}, nil
}

// count counts the rows of the pieces that are not counted yet. Of several faults, the first is told.
func (f *numberFn) count(ctx context.Context, pieces []FilePiece) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	errs := make([]error, len(pieces))
	for i := range pieces {
		g.Go(func() error {
			errs[i] = f.Options.count(ctx, &pieces[i])
			return errs[i]
		})
	}
	if g.Wait() == nil {
		return nil
	}
	return errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
}

// evenRows is how many rows a chunk has, where all have as many: at most about a million.
func (f *numberFn) evenRows(ctx context.Context, pieces []FilePiece) (int64, error) {
	if f.Options.Parts == 0 {
		return 0, nil
	}
	var total int64
	for lo := 0; lo < len(pieces); {
		hi := lo + 1
		for hi < len(pieces) && pieces[hi].File == pieces[lo].File {
			hi++
		}
		src, spans, err := f.found(ctx, pieces[lo:hi])
		if err != nil {
			return 0, err
		}
		total += max(src.Rows(), 0)
		for _, s := range spans {
			total += s.Rows
		}
		lo = hi
	}
	parts, least := int64(f.Options.Parts), int64(f.Options.ChunkRows)
	if f.Options.Formats.Cells { // which are cut before their unit is known
		least = DefaultChunkRows
	}
	return min(max((total+parts-1)/parts, least), 1<<20), nil
}

// found is the source of the pieces of a file and, where they were counted, the spans that they have.
func (f *numberFn) found(ctx context.Context, pieces []FilePiece) (formats.Source, []formats.Span, error) {
	src, err := f.Options.inspect(ctx, pieces[0].Info, pieces[0].Naming.Options(f.Options.Formats))
	if err != nil {
		return nil, nil, err
	}
	c, ok := src.(formats.Counter)
	if !ok {
		return src, nil, nil
	}
	var counts []formats.Count
	for _, p := range pieces {
		counts = append(counts, p.Count)
	}
	spans, err := c.Resolve(counts)
	if err == nil && len(spans) == 0 && !f.Options.Formats.Empty {
		err = noRows(pieces[0].Info.Name)
	}
	return src, spans, err
}

// spans cuts the rows of a file, into spans of size rows where that is not 0.
func (f *numberFn) spans(ctx context.Context, pieces []FilePiece, size int64) ([]formats.Span, error) {
	src, spans, err := f.found(ctx, pieces)
	switch {
	case err != nil:
		return nil, err
	case size > 0:
		return formats.CutEven(src, spans, size), nil
	case src.Rows() >= 0:
		return formats.CutSource(src, int64(f.Options.ChunkRows), int64(max(f.Options.GroupRows, f.Options.ChunkRows))), nil
	}
	return spans, nil
}

// Reader reads the rows of a chunk.
type Reader struct {
	chunk    Chunk
	options  Options
	reader   formats.Reader
	targets  *targetReader // nil where the rows bring their own, or have none
	rejected func(*fault.Fault)
	table    *table       // nil where rows are numbers as they are read
	split    *splitter    // nil where there are not several targets, or rows are those of a table
	cells    *cellTargets // of a table that has several targets; or nil
	columns  []string     // names of those of the vector; nil where they have none
	keeps    bool         // rows without a target
	without  int64        // of them, but for those that the formats' reader counts
	row      []float64
	only     func(number int64) bool // nil where all rows are wanted
	at       int64                   // with only: the row of the file before which nothing is left to read
}

// Open opens a chunk. Rows at fault go to rejected where the options skip them.
func Open(ctx context.Context, c Chunk, o Options, rejected func(*fault.Fault)) (*Reader, error) {
	if c.ZeroBased != "" {
		o.Formats.Features, o.Formats.ZeroBased = c.Features, c.ZeroBased
	}
	keeps := o.Formats.Untargeted
	o.Formats.Untargeted = keeps || !o.Formats.Cells // which the reader leaves out
	src, err := o.inspect(ctx, c.Info, c.Naming.Options(o.Formats))
	if err != nil {
		return nil, err
	}
	var kept *keptCells
	if o.Encoding != nil {
		kept = o.cells.take(o.cellsKey(&c), c.Span.Rows)
	}
	var r formats.Reader = nothing{}
	if kept == nil {
		if r, err = src.Read(ctx, c.Span); err != nil {
			return nil, err
		}
	}
	reader := &Reader{chunk: c, options: o, reader: r, rejected: rejected, keeps: keeps, columns: src.Columns()}
	if o.Encoding != nil {
		if reader.table, err = newTable(src, &o, c.Info.Name); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		reader.table.kept = kept
	}
	if n := len(o.TargetColumns); n > 0 && o.Formats.Cells {
		reader.cells = newCellTargets(&o, c.Info.Name)
	} else if n > 0 {
		reader.split = newSplitter(src.Dim()-n, n)
	}
	if len(c.Targets) > 0 {
		reader.targets = newTargetReader(ctx, c, &reader.options)
	}
	return reader, nil
}

// Only makes the reader leave out rows that has does not have, by their numbers within the dataset: call it before the
// first Read. A file is read past them as fast as its format allows, and what is wrong with them is not seen.
func (r *Reader) Only(has func(number int64) bool) {
	r.only, r.at = has, r.chunk.Span.First
	if c, ok := r.reader.(formats.Chooser); ok && r.split == nil && r.targets == nil {
		shift := r.chunk.First - r.chunk.Span.First
		c.Choose(func(row int64) bool { return has(row + shift) })
	}
}

// WholeGroups puts chunks together that have parts of one row group, as of .parquet: for who reads a few rows of each
// ([Reader.Only]), and would read the group anew for every part.
func WholeGroups(ctx context.Context, chunks []Chunk, o *Options) ([]Chunk, error) {
	var whole []Chunk
	open := false // whether the last one ends within a group
	for _, c := range chunks {
		src, err := o.inspect(ctx, c.Info, c.Naming.Options(o.Formats))
		if err != nil {
			return nil, err
		}
		end := c.Span.First + c.Span.Rows
		if n := len(whole) - 1; open && whole[n].Info == c.Info && whole[n].First+whole[n].Span.Rows == c.First &&
			len(c.Targets) == 0 {
			whole[n].Span.Rows += c.Span.Rows
		} else {
			whole = append(whole, c)
		}
		g, grouped := src.(formats.Grouped)
		open = grouped && !g.EndsGroup(end)
	}
	return whole, nil
}

// Read appends the next rows of the chunk to b, at most ChunkRows, numbered within the dataset. At the end of the chunk
// it returns io.EOF and no rows.
func (r *Reader) Read(b *vectors.Block) error { return r.read(b, r.options.ChunkRows) }

// Fill appends the next rows of the chunk to b until it has so many, or the chunk ends. Where it ends before any row,
// it returns io.EOF.
func (r *Reader) Fill(b *vectors.Block, rows int) error {
	first := b.Len()
	for b.Len() < rows {
		if err := r.read(b, min(r.options.ChunkRows, rows-b.Len())); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if b.Len() == first {
		return io.EOF
	}
	return nil
}

// next appends at most so many rows, but for those that are left out.
func (r *Reader) next(b *vectors.Block, most int) error {
	first := b.Len()
	err := r.decode(b, most)
	if b.Cells == nil {
		r.leaveOut(b, first)
	}
	return err
}

// leaveOut counts the rows of a block from the first on that have no target, and removes them unless they are kept.
func (r *Reader) leaveOut(b *vectors.Block, first int) {
	if len(b.Target)+len(b.Labels)+len(b.Targets) == 0 {
		return
	}
	var none []int
	for i := first; i < b.Len(); i++ {
		if lacksTarget(b, i) {
			none = append(none, i)
		}
	}
	if r.without += int64(len(none)); !r.keeps {
		b.Remove(none)
	}
}

// lacksTarget reports whether a row has no target, or not all of several.
func lacksTarget(b *vectors.Block, row int) bool {
	switch {
	case len(b.Target) > 0:
		return b.Target[row] != b.Target[row]
	case len(b.Labels) > 0:
		return b.Labels[row] == ""
	}
	for k := range b.Targets {
		if t := &b.Targets[k]; len(t.Numbers) > 0 && t.Numbers[row] != t.Numbers[row] {
			return true
		}
	}
	return false
}

// decode appends at most so many rows, those without a target too.
func (r *Reader) decode(b *vectors.Block, most int) error {
	switch {
	case r.split != nil:
		return r.split.read(r.reader, b, most)
	case r.targets != nil:
		return r.targets.read(r.reader, b, most)
	case r.only != nil:
		return r.decodeOnly(b, most)
	}
	return r.reader.Read(b, most)
}

// decodeOnly appends at most so many rows of those that are wanted, and passes over others where it can.
func (r *Reader) decodeOnly(b *vectors.Block, most int) error {
	s, ok := r.reader.(formats.Skipper)
	if !ok {
		return r.reader.Read(b, most)
	}
	shift, end := r.chunk.First-r.chunk.Span.First, r.chunk.Span.First+r.chunk.Span.Rows
	for n := 0; n < most; {
		for r.at < end && !r.only(r.at+shift) {
			r.at++
		}
		if err := s.SkipTo(r.at); err != nil {
			return err
		}
		to := r.at
		for to < end && to-r.at < int64(most-n) && r.only(to+shift) {
			to++
		}
		before := b.Len()
		err := s.Read(b, max(int(to-r.at), 1))
		n += b.Len() - before
		if f, ok := fault.IsRow(err); ok {
			to = f.Row + 1
		}
		if r.at = to; err == io.EOF && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeOthers removes rows of a block from the first on that are not wanted, as what read them could not pass over
// them.
func (r *Reader) removeOthers(b *vectors.Block, first int) {
	if r.only == nil {
		return
	}
	var others []int
	for i := first; i < b.Len(); i++ {
		if !r.only(b.Numbers[i] - r.chunk.Span.First + r.chunk.First) {
			others = append(others, i)
		}
	}
	b.Remove(others)
}

func (r *Reader) read(b *vectors.Block, rows int) error {
	first := b.Len()
	for b.Len()-first < rows {
		var err error
		before := b.Len()
		if most := rows - (b.Len() - first); r.table == nil {
			err = r.next(b, most)
		} else {
			err = r.table.read(r, b, most)
		}
		r.removeOthers(b, before)
		if err := r.within(b, before); err != nil { // of rows before the one of err
			return err
		}
		if err == io.EOF {
			break
		}
		if f, ok := fault.IsRow(err); ok && (r.options.SkipFaults || r.only != nil) {
			if f.Number = f.Row - r.chunk.Span.First + r.chunk.First; r.targets != nil && f == r.targets.last {
				f.Number = r.targets.lastRow + r.chunk.First
			}
			switch {
			case r.only != nil && !r.only(f.Number):
				continue
			case r.options.SkipFaults:
				r.rejected(f)
				continue
			}
		}
		if err != nil {
			return err
		}
	}
	if b.Len() == first {
		return io.EOF
	}
	for i := first; i < b.Len(); i++ {
		b.Numbers[i] += r.chunk.First - r.chunk.Span.First
	}
	return nil
}

// within rejects the rows of a block from the first on whose values are out of the domain, or fails by the first of
// them. Their numbers are those within the file.
func (r *Reader) within(b *vectors.Block, first int) error {
	if r.options.Domain == nil {
		return nil
	}
	if len(r.row) < b.Dim {
		r.row = make([]float64, b.Dim)
	}
	var out []int
	for i := first; i < b.Len(); i++ {
		broken, column, found := r.options.Domain.Fault(b, i, r.row)
		if broken == nil {
			continue
		}
		f := r.outside(broken, column, found)
		f.Row, f.Number = b.Numbers[i], b.Numbers[i]-r.chunk.Span.First+r.chunk.First
		if b.IDs.Len() > 0 {
			f.ID = b.IDs.At(i).String()
		}
		if !r.options.SkipFaults {
			return f
		}
		r.rejected(f)
		out = append(out, i)
	}
	b.Remove(out)
	return nil
}

// outside is the fault of a value, without its row.
func (r *Reader) outside(broken *vectors.Bound, column int, found float64) *fault.Fault {
	f := &fault.Fault{File: r.chunk.Info.Name, Found: strconv.FormatFloat(found, 'g', -1, 64), Expected: broken.Expected}
	if broken.Missing != 0 && found == broken.Missing {
		f.Found = "nothing"
	}
	columns := r.columns
	if e := r.options.Encoding; e != nil {
		columns = e.Names()
	}
	switch {
	case column <= vectors.TheTarget && len(r.options.TargetColumns) > 0:
		f.Column = r.options.TargetColumns[vectors.TheTarget-column]
	case column <= vectors.TheTarget && r.targets != nil && r.targets.several != nil:
		f.Column = targetName(vectors.TheTarget - column)
	case column == vectors.TheTarget:
		f.Column = r.options.Formats.TargetColumn
	case column < len(columns):
		f.Column = columns[column]
	default:
		f.Column = strconv.Itoa(column)
	}
	return f
}

// EachBlock gives the rows of a chunk to do, a block of them at a time, in the same memory; see [Open].
func EachBlock(ctx context.Context, c Chunk, o *Options, dim int, rejected func(*fault.Fault),
	do func(*vectors.Block) error) (err error) {
	r, err := Open(ctx, c, *o, rejected)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b := o.NewBlock(dim)
	for {
		b.Reset()
		if err := r.Read(b); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(b); err != nil {
			return err
		}
	}
}

// Gather has the chunks of a group, in the order of their rows.
func Gather(iter func(*Chunk) bool) []Chunk {
	var chunks []Chunk
	var c Chunk
	for iter(&c) {
		chunks = append(chunks, c)
	}
	Sort(chunks)
	return chunks
}

// Sort puts chunks in the order of their rows.
func Sort(chunks []Chunk) {
	slices.SortFunc(chunks, func(a, b Chunk) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
}

// Count adds to the counters of rows that were read and rejected. It is for the goroutine of the DoFn alone: Beam's
// counters are not safe for others, which Readers may be used by.
func Count(ctx context.Context, read, rejected int64) {
	rowsRead.Inc(ctx, read)
	rowsRejected.Inc(ctx, rejected)
}

// Close closes the file.
func (r *Reader) Close() error {
	err := r.reader.Close()
	if r.targets != nil {
		err = errors.Join(err, r.targets.close())
	}
	return err
}

// NewBlock is a block for the rows of a dataset of dim columns, sparse where the options say so.
func (o *Options) NewBlock(dim int) *vectors.Block {
	b := &vectors.Block{Dim: dim, DType: o.Formats.DType, Missing: o.Formats.Missing}
	if o.Formats.Sparse {
		b.Sparse = &vectors.CSR{}
	}
	return b
}

// inspected keeps the headers that a worker process has read, as each file has many chunks.
var inspected struct {
	sync.Mutex
	sources map[string]formats.Source
}

// maxInspected bounds the cache; past it, it starts anew.
const maxInspected = 1024

// inspect reads the header of a file, which must be one that the user has named.
func (o *Options) inspect(ctx context.Context, info files.Info, how formats.Options) (formats.Source, error) {
	if len(o.Roots) > 0 && !info.Under(o.Roots) {
		return nil, fault.File(info.Name, "a file of the input", "one that the input does not name")
	}
	return inspect(ctx, info, how)
}

func inspect(ctx context.Context, info files.Info, o formats.Options) (formats.Source, error) {
	key := fmt.Sprintf("%+v\x00%+v\x00%q%q", info, o, o.Columns, o.Names)
	inspected.Lock()
	src := inspected.sources[key]
	inspected.Unlock()
	if src != nil {
		return src, nil
	}
	src, err := formats.Inspect(ctx, files.Open(info), o)
	if err != nil {
		return nil, err
	}
	inspected.Lock()
	defer inspected.Unlock()
	if inspected.sources == nil || len(inspected.sources) >= maxInspected {
		inspected.sources = map[string]formats.Source{}
	}
	inspected.sources[key] = src
	return src, nil
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
