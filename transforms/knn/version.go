package knn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

// A new version of an index is built of the points that stand in the file of the one before, but for some that are
// deleted, and of others, which are read and come behind them: neither is what the first ones were read of read again,
// nor brought to numbers. It is an index like any other, and has the bytes of one that was built of all these rows,
// but for what the note says of how they came together.
//
// Where points have ids, rows are numbered anew, as in a file of the rows that are left. Where their numbers are their
// ids, each point keeps its number, no number is used again, and new rows are numbered behind all that there were.

func init() { registry.DoFns(&versionFn{}) }

// InspectFrom finds the version to begin with. Its options are those of the new one, and so is how its rows were read,
// but for what Reading says already; see [IndexJob.SkipFaultsAsBefore] for rows at fault.
func (j *IndexJob) InspectFrom(ctx context.Context, path string) (err error) {
	if j.From, err = Inspect(ctx, path); err != nil {
		return err
	}
	was := &j.From.Note
	if j.Options.Neighbors = j.From.Options; j.Options.Recall == 0 {
		j.Options.Recall = was.Recall
	}
	j.told = j.Reading
	j.Reading.Formats.Cells = was.Encoding != nil
	for _, o := range readingOptions {
		o.keep(&j.Reading.Formats, &was.Formats)
	}
	if f := &j.Reading.Formats; f.Columns == nil && was.Columns == nil {
		f.Columns = was.Formats.Columns // else columns meet by their names
	}
	return nil
}

// SkipFaultsAsBefore leaves out rows at fault where the version before did. Call it after [IndexJob.InspectFrom], where
// nobody says what becomes of them.
func (j *IndexJob) SkipFaultsAsBefore() { j.Reading.SkipFaults = j.From.Note.SkipFaults }

// readingOption is an option of how rows are read, by the name of its flag.
type readingOption struct {
	flag string
	// keep sets the option to what it was where it says nothing.
	keep func(is, was *formats.Options)
	same func(is, was *formats.Options) bool
}

// readingOptions are those that a version takes from the one before, except for the columns.
var readingOptions = []readingOption{
	optionOf("id_column", func(o *formats.Options) *string { return &o.IDColumn }),
	optionOf("dtype", func(o *formats.Options) *vectors.DType { return &o.DType }, vectors.Auto),
	optionOf("format", func(o *formats.Options) *string { return &o.Format }),
	optionOf("array", func(o *formats.Options) *string { return &o.Array }),
	optionOf("header", func(o *formats.Options) *formats.Header { return &o.Header }, formats.HeaderAuto),
	optionOf("delimiter", func(o *formats.Options) *string { return &o.Delimiter }, formats.DelimiterAuto),
	optionOf("decimal", func(o *formats.Options) *string { return &o.Decimal }),
	optionOf("thousands", func(o *formats.Options) *string { return &o.Thousands }),
	optionOf("comment", func(o *formats.Options) *string { return &o.Comment }),
	optionOf("quoting", func(o *formats.Options) *formats.Quoting { return &o.Quoting }, formats.QuotingMinimal),
	optionOf("encoding", func(o *formats.Options) *formats.Encoding { return &o.Encoding }, formats.EncodingAuto),
	optionOf("features", func(o *formats.Options) *int { return &o.Features }),
	optionOf("zero_based", func(o *formats.Options) *formats.ZeroBased { return &o.ZeroBased }, formats.ZeroBasedAuto),
	optionOf("skip_rows", func(o *formats.Options) *int { return &o.SkipRows }),
}

// optionOf is an option that says nothing where it is zero or what else is given.
func optionOf[T comparable](flag string, of func(*formats.Options) *T, nothing ...T) readingOption {
	var zero T
	settled := func(v T) T {
		if slices.Contains(nothing, v) {
			return zero
		}
		return v
	}
	return readingOption{flag: flag, keep: func(is, was *formats.Options) {
		if settled(*of(is)) == zero {
			*of(is) = *of(was)
		}
	}, same: func(is, was *formats.Options) bool { return settled(*of(is)) == settled(*of(was)) }}
}

// otherwise names the flags by which rows were read in another way than those of an index. named says that their
// columns met by names.
func (n *Note) otherwise(is vectorio.Options, named bool) (flags []string) {
	if !named && !slices.Equal(is.Formats.Columns, n.Formats.Columns) {
		flags = append(flags, "--columns")
	}
	for _, o := range readingOptions {
		if !o.same(&is.Formats, &n.Formats) {
			flags = append(flags, "--"+o.flag)
		}
	}
	if is.SkipFaults != n.SkipFaults {
		flags = append(flags, "--on_error")
	}
	return flags
}

// told says of flags that rows of an index were read with: of those that name columns, what they were.
func (n *Note) told(flags []string) string {
	values := map[string]string{"--columns": strings.Join(n.Formats.Columns, ","), "--id_column": n.Formats.IDColumn,
		"--features": ""}
	if f := n.Formats.Features; f > 0 {
		values["--features"] = strconv.Itoa(f)
	}
	var all []string
	for _, f := range flags {
		value, known := values[f]
		switch {
		case !known:
			all = append(all, "other "+f)
		case value == "":
			all = append(all, "no "+f)
		default:
			all = append(all, f+"="+value)
		}
	}
	return strings.Join(all, ", ")
}

// InspectAdded finds the rows to add, whose columns meet those of the index by their names: see [Job.InspectQueries].
// They have ids of their own where the points have, and nowhere else.
func (j *IndexJob) InspectAdded(ctx context.Context, patterns []string) error {
	of := &Job{Index: j.From, Reading: j.Reading}
	if err := of.InspectQueries(ctx, patterns); err != nil {
		return err
	}
	j.Corpus, j.Reading = of.Queries, of.Reading
	path := j.From.File.Path
	if d := j.Corpus; d.Dim != j.From.Dim {
		return fault.File(d.Name(), fmt.Sprintf("%d columns (%s), as the points of %s have", j.From.Dim,
			listed(j.From.Note.Columns), path),
			"%d (%s)", d.Dim, listed(d.Columns))
	}
	first, err := j.Corpus.Head(ctx, 1, j.Reading)
	if err != nil || first.Len() == 0 {
		return err
	}
	return j.From.sameIDs(j.Corpus.Name(), first.IDs.Len() > 0)
}

// sameIDs says that rows have ids, and the points of the index have none, or the other way round.
func (p *Prebuilt) sameIDs(name string, labelled bool) error {
	switch {
	case labelled == p.Labelled:
		return nil
	case p.Labelled:
		return fault.File(name, "rows with ids, as the points of "+p.File.Path+" have: --id_column", "rows without")
	}
	return fault.File(name, "rows without ids, as the points of "+p.File.Path+" have only their numbers", "rows with ids")
}

// InspectDeleted reads the ids of points to delete, or where these have none the numbers of their rows: in a table, the
// column that is called as that of the ids of the points, or the only one; or a .npy of one dimension. Ids that occur
// again do no harm, and those that no point has are at fault.
func (j *IndexJob) InspectDeleted(ctx context.Context, patterns []string) error {
	reading := j.told // a list of ids is no file of points
	reading.Formats.IDColumn = j.Reading.Formats.IDColumn
	ids, header, name, err := readIDs(ctx, patterns, reading)
	if err != nil {
		return err
	}
	x, err := j.From.File.open(ctx, "", verified)
	if err != nil {
		return err
	}
	defer x.Close()
	if header != "" {
		if at, _ := x.Find([]vectors.ID{vectors.ParseID(header)}); len(at) > 0 { // it is the first of the ids, and no header
			ids = append(ids, vectors.ParseID(header))
		}
	}
	what := "ids"
	if !j.From.Labelled {
		what = "numbers of rows"
	}
	gone, unknown := x.Find(ids)
	if n := len(unknown); n > 0 {
		return fault.File(name, what+" that points of "+j.From.File.Path+" have", "%s that none has (%d of %d are found)",
			someIDs(unknown), distinct(ids)-n, distinct(ids))
	}
	if j.gone = gone; len(ids) == 0 {
		j.notes = append(j.notes, fmt.Sprintf("%s holds no %s: no point of %s is deleted", name, what, j.From.File.Path))
	}
	return nil
}

// distinct counts ids, each once.
func distinct(ids []vectors.ID) int {
	seen := make(map[vectors.ID]bool, len(ids))
	for _, id := range ids {
		seen[id] = true
	}
	return len(seen)
}

// Notes are what is to be told of the ids to delete: none, where these delete points.
func (j *IndexJob) Notes() []string { return j.notes }

// someIDs are ids, as many as one wants to read.
func someIDs(ids []vectors.ID) string {
	const most = 10
	var names []string
	for _, id := range ids[:min(len(ids), most)] {
		names = append(names, fault.Quote(id.String()))
	}
	if len(ids) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(ids)-most)
	}
	return strings.Join(names, ", ")
}

// readIDs reads ids from files, and gives the files' name. header is what has been taken for the name of the column of
// a file of text, and may be an id.
func readIDs(ctx context.Context, patterns []string,
	reading vectorio.Options) (ids []vectors.ID, header, name string, err error) {
	if slices.ContainsFunc(patterns, func(p string) bool { return !formats.MayBeTables(p, "") }) {
		ids, name, err = readNumbers(ctx, patterns, reading.ChunkRows)
		return ids, "", name, err
	}
	o := vectorio.Options{Formats: reading.Formats, ChunkRows: reading.ChunkRows}
	f := &o.Formats
	f.Names, f.Format, f.Array, f.DType, f.Sparse = nil, "", "", vectors.Auto, false // of rows to add
	f.Cells, f.Unlabelled, f.Empty = true, true, true
	var d *vectorio.Dataset
	err = errors.New("no column is named")
	if f.IDColumn != "" {
		f.Columns = []string{f.IDColumn}
		d, err = vectorio.Inspect(ctx, patterns, o)
	}
	if err != nil { // then it is the only column, whatever its name
		named := f.IDColumn
		f.IDColumn, f.Columns = "", nil
		all, e := vectorio.Inspect(ctx, patterns, o)
		switch {
		case e != nil:
			return nil, "", "", e
		case len(all.Fields) != 1 && named == "":
			return nil, "", "", fault.File(all.Name(), "one column, of ids; or --id_column, to say which it is", "%d columns",
				len(all.Fields))
		case len(all.Fields) != 1 || len(all.Files) != 1:
			return nil, "", "", err
		}
		if f.IDColumn, f.Columns = "0", []string{"0"}; f.Header != formats.HeaderYes && len(all.Columns) > 0 {
			header = all.Columns[0]
		}
		if d, err = vectorio.Inspect(ctx, patterns, o); err != nil {
			return nil, "", "", err
		}
	}
	err = d.Each(ctx, o, func(b *vectors.Block) error {
		for i := range b.Numbers {
			ids = append(ids, b.IDs.At(i))
		}
		return nil
	})
	return ids, header, d.Name(), err
}

// readNumbers reads ids from arrays of one dimension: integers, also as floats, or text.
func readNumbers(ctx context.Context, patterns []string, rows int) (ids []vectors.ID, name string, err error) {
	o := vectorio.Options{Formats: formats.Options{DType: vectors.Float64, Targets: true, Labels: true, Empty: true},
		ChunkRows: rows}
	d, err := vectorio.Inspect(ctx, patterns, o)
	if err != nil {
		return nil, "", err
	}
	if d.Dim != 1 {
		return nil, "", fault.File(d.Name(), "ids: one column", "%d columns", d.Dim)
	}
	err = d.Each(ctx, o, func(b *vectors.Block) error {
		for _, s := range b.Labels {
			ids = append(ids, vectors.ParseID(s))
		}
		if len(b.Labels) > 0 {
			return nil
		}
		row := make([]float64, 1)
		for i, n := range b.Numbers { // floats, and integers of less than 64 bits, are values and no labels
			v := b.Row(i, row)[0]
			if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
				return &fault.Fault{File: d.Name(), Row: n, Found: fmt.Sprint(v), Expected: "an integer, as ids are"}
			}
			ids = append(ids, vectors.ID{Int: int64(v)})
		}
		return nil
	})
	return ids, d.Name(), err
}

// Deleted is how many points of the version before are deleted.
func (j *IndexJob) Deleted() int { return len(j.gone) }

// Stage leaves what the workers need to know of a new version where they find it. Call it once [BuildIndex] has added
// the job to a pipeline, which has not begun.
func (j *IndexJob) Stage(ctx context.Context) error {
	if j.From == nil {
		return nil
	}
	_, err := j.Options.create(ctx, goneName, func(w io.Writer) error { return neighbors.WriteGroups(w, j.gone) })
	return err
}

// goneName is the file of the positions of points that are deleted.
const goneName = "deleted"

// buildVersion adds the job of a new version to a pipeline: PCollection<output.Part>.
func (j *IndexJob) buildVersion(s beam.Scope, o Options) beam.PCollection {
	fn := &versionFn{buildFn: buildFn{Reading: j.Reading, Options: o, Dim: j.From.Dim, File: true, Kept: []files.Info{}},
		From: *j.From, Made: j.Made}
	chunks := beam.CreateList(s, []vectorio.Chunk{})
	if j.Corpus != nil {
		fn.Kept, fn.Added = j.kept(), j.Corpus.Name()
		chunks = vectorio.Chunks(s.Scope("Corpus"), j.Corpus, j.Options.Workers)
	}
	begin := beam.AddFixedKey(s, beam.Create(s, 0)) // there may be no rows to add
	all := beam.CoGroupByKey(s, begin, beam.AddFixedKey(s, chunks))
	_, _, built := beam.ParDo3(s.Scope("knn.BuildVersion"), fn, all)
	return built
}

// versionFn builds a new version of an index, in one place.
type versionFn struct {
	buildFn
	From  Prebuilt
	Added string // the files of the rows to add
	Made  bool   // which were made for this job
}

func (f *versionFn) ProcessElement(ctx context.Context, _ int, _ func(*int) bool, iter func(*vectorio.Chunk) bool,
	emit func(IndexPiece), ranges func(Range), parts func(output.Part)) error {
	progress.Of(f.Options.RunID).Phase("reading points")
	b := &building{start: time.Now()}
	x, err := f.From.File.open(ctx, "", verified)
	if err != nil {
		return fault.Mark(err)
	}
	defer runtime.KeepAlive(x) // the parameters of the metric are in its memory
	points, err := f.points(ctx, x, vectorio.Gather(iter), b)
	if err != nil {
		return fault.Mark(err)
	}
	if f.Options.Neighbors = x.Options(); b.note.FittedParams {
		f.Options.Neighbors.Params = nil
	}
	if err := f.build(ctx, points, b, emit, ranges, parts); err != nil {
		return err
	}
	return fault.Mark(x.Unchanged())
}

// points are those of the new version.
func (f *versionFn) points(ctx context.Context, x *neighbors.Index, chunks []vectorio.Chunk,
	b *building) (*vectors.Block, error) {
	list, err := files.ReadFile(ctx, files.Join(f.Options.staging(), goneName))
	if err != nil {
		return nil, err
	}
	gone, err := neighbors.ReadGroups(list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", goneName, err)
	}
	points, err := x.Without(gone)
	if err != nil {
		return nil, err
	}
	read, err := f.read(ctx, chunks)
	if err != nil {
		return nil, err
	}
	added := read.points
	b.rejected = read.rejected
	if added.Len() > 0 {
		if err := f.From.sameIDs(f.Added, added.IDs.Len() > 0); err != nil {
			return nil, err
		}
	}
	vectorio.Count(ctx, int64(added.Len()), int64(len(b.rejected)))
	b.report.Deleted, b.report.Added = int64(len(gone)), int64(added.Len())
	if points.Len()+added.Len() == 0 {
		return nil, fmt.Errorf("%s: all %d points would be deleted, and an index needs one", f.From.File.Path, x.Len())
	}
	var total int64
	if len(chunks) > 0 {
		total = chunks[0].Total
	}
	b.note = f.noteOf(total, len(gone), len(b.rejected))
	if renumber := f.From.Labelled && len(gone) > 0; renumber {
		for i := range points.Numbers {
			points.Numbers[i] = int64(i)
		}
	}
	for i := range added.Numbers {
		added.Numbers[i] += b.note.Total - total
	}
	points.AppendBlock(added)
	b.rows = int64(points.Len())
	return points, nil
}

// noteOf is the note of the new version, to which so many rows are added, some of them at fault.
func (f *versionFn) noteOf(added int64, gone, rejected int) Note {
	n := f.From.Note
	if f.From.Labelled && gone > 0 {
		n.Total, n.Rejected = int64(f.From.Points-gone), 0 // as of a file of the rows that are left
	}
	n.Total += added
	n.Rejected += int64(rejected)
	if added > 0 {
		n.Otherwise = slices.Concat(n.Otherwise, n.otherwise(f.Reading, n.Columns != nil))
		slices.Sort(n.Otherwise)
		n.Otherwise = slices.Compact(n.Otherwise)
	}
	encoded := n.Encoding != nil && (n.Encoded || added > 0 && !n.Changed)
	n.Encoded = encoded && gone == 0 && n.Otherwise == nil
	n.Changed = n.Changed || gone > 0 || added > 0 && (n.Encoding != nil || f.Made) || n.Otherwise != nil
	n.Files = append(slices.Clip(n.Files), f.Kept...)
	return n
}

// checkVersion says what a new version lacks.
func (j *IndexJob) checkVersion() error {
	if j.From == nil || j.Corpus != nil {
		return nil
	}
	if len(j.gone) == j.From.Points {
		return errors.New("all points would be deleted, and an index needs one")
	}
	return nil
}
