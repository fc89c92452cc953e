package vectorio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	"beamlearn/model/tables"
	"beamlearn/transforms/files"
)

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
