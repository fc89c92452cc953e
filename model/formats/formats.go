// Package formats reads vectors from files: .npy, .npz, .arrow, .feather, .csv, .tsv, .jsonl, .parquet, .fvecs,
// .bvecs, .fbin, .u8bin, .i8bin, .svm, .mtx, .vec, the text formats also compressed; and, beside them, what is to be
// learned of each row, and its weight.
//
// A [Format] inspects a [File], reading as little of it as it can, and gives a [Source], whose rows are read span by
// span, so that many workers read one file, each its own rows. Where the number of rows stands in a header, the spans
// follow from it ([Cut]). Where rows must be counted, the source is also a [Counter]: byte ranges are counted
// side by side, and [Counter.Resolve] turns the counts into spans.
//
// Whatever is wrong with a file is a [fault.Fault]; a Reader goes on after the fault of a row. No length that a header
// claims is allocated before the file's size has confirmed it.
//
// To add a format: one file that makes a Format, and one line in [All].
package formats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/vectors"
)

// File is a stored file that can be read from any byte on. It is safe for concurrent use.
type File interface {
	// Name is the name as a user would write it; faults carry it.
	Name() string
	// Size is the number of bytes.
	Size() int64
	// OpenRange opens the length bytes from offset on, or all that follow where length is negative.
	OpenRange(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Header says whether the first row of a text file names the columns.
type Header string

const (
	// HeaderAuto takes the first row for a header where it has text above a column of numbers, where it is exactly 0, 1,
	// 2, … (also behind a name, or none, for the rows' labels), where a column stands in it that the options name, or
	// where it has text and no number. Where that leaves doubt, the source says what it has assumed.
	HeaderAuto Header = "auto"
	HeaderYes  Header = "yes"
	HeaderNo   Header = "no"
)

// Options say how files are read. All formats share them; what does not apply to a format is refused by it.
type Options struct {
	// Format is a name from [All]. Default: by the file's extension.
	Format string `json:",omitempty"`
	// Header is for .csv and .tsv. Default: HeaderAuto.
	Header Header `json:",omitempty"`
	// Delimiter stands between the fields of .csv and .tsv: one character, or tab or space. Default: DelimiterAuto,
	// which is a tab in .tsv, and in .csv that of , ; tab and | which fits the first rows best.
	Delimiter string `json:",omitempty"`
	// Decimal is the decimal point of the numbers of .csv and .tsv. Default: a point, or a comma where the delimiter is
	// another and the first rows show it.
	Decimal string `json:",omitempty"`
	// Thousands stands between groups of three digits in the numbers of .csv and .tsv. Default: nothing.
	Thousands string `json:",omitempty"`
	// Comment begins, in .csv and .tsv and outside of quotes, what is no part of a row, up to the line's end. Default:
	// nothing.
	Comment string `json:",omitempty"`
	// Quoting is for .csv and .tsv. Default: QuotingMinimal.
	Quoting Quoting `json:",omitempty"`
	// Encoding is that of a text file. Default: EncodingAuto.
	Encoding Encoding `json:",omitempty"`
	// SkipRows is how many lines of a text file to skip before the first that counts. Default: none.
	SkipRows int `json:",omitempty"`
	// Columns are the columns that make the vector, each a name, a 0-based index, a range of indices (3-7, inclusive)
	// or names' glob (pixel_*). Default: all but IDColumn, TargetColumn and WeightColumn.
	Columns []string `json:",omitempty"`
	// Array is the name of the array of a .npz. Default: the only one of two dimensions.
	Array string `json:",omitempty"`
	// Names are the exact names of the vector's columns, in its order. They count instead of Columns, for files whose
	// columns have names: see [Naming].
	Names []string `json:",omitempty"`
	// Width is how many numbers the one of Columns has that holds vectors, for a .jsonl of which no row can be read.
	// Default: the file tells it.
	Width int `json:",omitempty"`
	// Partitions are the columns that the directories of the file say: [Partitions]. They come after the file's own, where
	// these have names, and are named as those are. Default: none.
	Partitions []Partition `json:",omitempty"`
	// IDColumn is the name or the 0-based index of the column that holds the row's id. Default: the row's number.
	IDColumn string `json:",omitempty"`
	// TargetColumn is the name or the 0-based index of the column of what is to be learned: a finite number, or a label.
	// It can be no other column at once, and no part of the vector. Of .svm it is the label, and not given.
	TargetColumn string `json:",omitempty"`
	// WeightColumn is the name or the 0-based index of the column of the rows' weights, finite numbers of at least 0.
	// Default: all weights are 1.
	WeightColumn string `json:",omitempty"`
	// Labels says that the target is the label of a class: text, exactly as it stands in text files and columns of text,
	// of JSON numbers and booleans too. Numbers of binary files stay numbers.
	Labels bool `json:",omitempty"`
	// Lists says that a label of .jsonl may be an array: it is then the JSON of it, as it stands in the file.
	Lists bool `json:",omitempty"`
	// Empty says that files without rows are read as such, and are no fault: of queries, of rows to
	// predict, and of some of several files.
	Empty bool `json:",omitempty"`
	// EmptyDim is, with Empty, the number of columns of a .jsonl without rows, which does not tell it. Default: that is
	// a fault.
	EmptyDim int `json:",omitempty"`
	// Targets says that the file holds targets alone, in its one column: numbers, or in .npy, with Labels, text.
	Targets bool `json:",omitempty"`
	// Several says that a file of Targets may have several columns, a target each, all numbers.
	Several bool `json:",omitempty"`
	// Unlabelled says that nothing is to be learned: the label of .svm may be anything, and is not read.
	Unlabelled bool `json:",omitempty"`
	// Features is the number of columns of the vector. Default: as many as the file has; to find that out of .svm takes
	// reading all of it.
	Features int `json:",omitempty"`
	// ListedFeatures is the number of columns of the vector where rows are lists of columns and numbers, which do not
	// say it; of other formats it counts for nothing. Default: as many as the file has, all of which is read to find out.
	ListedFeatures int `json:",omitempty"`
	// ZeroBased is for .svm. Default: ZeroBasedAuto.
	ZeroBased ZeroBased `json:",omitempty"`
	// Sparse says that sparse rows ([IsSparse]) stay so. It is for whoever makes the block; a Reader does what the block
	// asks for.
	Sparse bool `json:",omitempty"`
	// DType is how values are stored.
	DType vectors.DType `json:",omitempty"`
	// Missing says that a number of the vector may be missing, and is then NaN: a cell that is empty or has a marker of
	// a missing value, a null, a NaN, a key that is not there. Blocks must take it ([vectors.Block.Missing]). The vector
	// cannot be a list. Default: such a row is at fault.
	Missing bool `json:",omitempty"`
	// Cells says that rows are read as those of a table: the vector is then the columns as they are, text and timestamps
	// included, whose cells may be missing, into blocks that hold [vectors.Block.Cells]. Rows without a target are left
	// out, unless Untargeted says otherwise. Only a [Tabular] source can be read so.
	Cells bool `json:",omitempty"`
	// IDCells is how many of the first columns of a table's vector hold ids: in .csv and .tsv they stand as in the file,
	// but for spaces around what is no text, however its numbers are written.
	IDCells int `json:",omitempty"`
	// Untargeted says that rows without a target are kept: with the target NaN, or the label "". Default: those of tables
	// are left out, and others are at fault.
	Untargeted bool `json:",omitempty"`
}

// Validate lists what is wrong with the options, one error joined per fault.
func (o *Options) Validate() []error {
	var errs []error
	switch o.Header {
	case "", HeaderAuto, HeaderYes, HeaderNo:
	default:
		errs = append(errs, fmt.Errorf("header %q: must be auto, yes or no", o.Header))
	}
	switch o.ZeroBased {
	case "", ZeroBasedAuto, ZeroBasedYes, ZeroBasedNo:
	default:
		errs = append(errs, fmt.Errorf("zero based %q: must be auto, yes or no", o.ZeroBased))
	}
	if _, faults := o.dialect(); len(faults) > 0 {
		errs = append(errs, faults...)
	}
	if err := o.Encoding.validate(); err != nil {
		errs = append(errs, err)
	}
	if o.SkipRows < 0 {
		errs = append(errs, fmt.Errorf("skip rows %d: must be at least 0", o.SkipRows))
	}
	if o.Features < 0 || o.Features > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("features %d: must be from 1 to %d, or 0 to find it out", o.Features, math.MaxInt32))
	}
	if o.Unlabelled && (o.TargetColumn != "" || o.Labels) {
		errs = append(errs, errors.New("a target, or labels, of rows that have nothing to be learned"))
	}
	if o.Format != "" {
		if _, err := byName(o.Format); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// A Format is a way to store vectors in a file.
type Format struct {
	// Name is what Options.Format says.
	Name string
	// Extensions that stand for the format, with the dot, lower case.
	Extensions []string
	// Text formats may carry a further extension of a compression.
	Text bool
	// Cells says that it can be read as a table: see [Tabular].
	Cells bool
	// Inspect reads the header of a file. comp is the compression of a text file.
	inspect func(ctx context.Context, f File, comp compression, o Options) (Source, error)
}

// All is every format there is, one a line.
var All = []*Format{
	npyFormat,
	npzFormat,
	csvFormat,
	tsvFormat,
	jsonlFormat,
	parquetFormat,
	arrowFormat,
	fvecsFormat,
	bvecsFormat,
	fbinFormat,
	u8binFormat,
	i8binFormat,
	svmFormat,
	mtxFormat,
	word2vecFormat,
}

// Source is an inspected file. It is safe for concurrent use.
type Source interface {
	// Dim is the number of columns of a vector.
	Dim() int
	// Columns are the names of these columns, or nil where they have none.
	Columns() []string
	// Rows is the number of rows, or -1 where only a Counter knows.
	Rows() int64
	// Read opens a span for reading.
	Read(ctx context.Context, s Span) (Reader, error)
}

// Span is a run of rows of one file.
type Span struct {
	First  int64 // number of the first row within the file, 0-based
	Rows   int64
	Offset int64 // of a counted source: the byte at which the first row begins, in the uncompressed text
	// of the same: the byte behind the last row, or 0 where that is as far as the text goes
	End  int64 `json:",omitempty"`
	Skip int64 `json:",omitempty"` // of text: how many rows stand from Offset on before the first

	marks []int64 // offsets of every markRows-th row, from the one of that number on
}

// Reader reads the rows of a span, in order.
type Reader interface {
	// Read appends at most max rows to b, with their numbers within the file and, where the options name a column of
	// them, their ids, targets and weights. At the end of the span it returns io.EOF, always without rows. The fault of
	// a row (see [fault.IsRow]) leaves out this row only: the rows before it have been appended, and the next call goes
	// on after it. After any other error the reader is done.
	Read(b *vectors.Block, max int) error
	Close() error
}

// Skipper is a Reader that passes over rows faster than it reads them.
type Skipper interface {
	Reader
	// SkipTo goes on at the row of this number within the file, or at the end of the span; or at an earlier one, where
	// it cannot pass over rows. Where the row has been read already, it does nothing. What it passes over is not looked
	// at, so that nobody sees whether these rows are at fault.
	SkipTo(row int64) error
}

// Chooser is a Skipper that reads a few rows faster where it knows which they are.
type Chooser interface {
	Skipper
	// Choose says, before the first Read, which rows will be read, by their numbers within the file; the others must be
	// passed over by SkipTo.
	Choose(has func(row int64) bool)
}

// Grouped is a Source whose rows are in groups, each of which is read from its beginning.
type Grouped interface {
	Source
	// EndsGroup reports whether the rows before this one end a group.
	EndsGroup(row int64) bool
}

// Counter is a Source whose rows must be counted: text.
type Counter interface {
	Source
	// Ranges cuts the data into ranges of about size bytes: only one where the file cannot be read from the middle.
	Ranges(size int64) []Range
	// Count counts the rows that begin in a range, without knowing what stands before it.
	Count(ctx context.Context, r Range) (Count, error)
	// Resolve turns the counts of all ranges, in their order, into spans, one for each count that has rows. The spans
	// number the rows from 0.
	Resolve(counts []Count) ([]Span, error)
}

// Range is a run of bytes of a text, up to its end where Length is negative, as that of a compressed file is unknown.
type Range struct{ Offset, Length int64 }

// Count is what [Counter.Count] found, for either state in which the first line of the range may begin: outside of a
// quoted field (index 0) and inside (index 1). A line belongs to the range in which it begins.
type Count struct {
	Rows   [2]int64 // rows that begin in the range
	First  [2]int64 // offset at which the first of them begins
	Inside [2]bool  // whether the last line ends inside a quoted field; without one, the state is as it was
	// Marks are the offsets of every markRows-th of them, from the one of that number on.
	Marks [2][]int64
}

// markRows is how many rows stand between two whose offset a [Count] keeps.
const markRows = 512

// add counts a row in a state.
func (c *Count) add(state int, offset int64) {
	switch n := c.Rows[state]; {
	case n == 0:
		c.First[state] = offset
	case n%markRows == 0:
		c.Marks[state] = append(c.Marks[state], offset)
	}
	c.Rows[state]++
}

// Cut cuts n rows into spans of at most size rows.
func Cut(n, size int64) []Span {
	var spans []Span
	for first := int64(0); first < n; first += size {
		spans = append(spans, Span{First: first, Rows: min(size, n-first)})
	}
	return spans
}

// Cutter is a Source that says where to cut its rows: where reading does not begin everywhere at the same cost.
type Cutter interface {
	Source
	// Cut cuts the rows into spans of about size rows; some are longer, where that spares much work.
	Cut(size int64) []Span
}

// CutSource cuts the rows of a source that knows their number into spans of at most size rows, or of about group rows
// where it is a Cutter.
func CutSource(src Source, size, group int64) []Span {
	if c, ok := src.(Cutter); ok {
		return c.Cut(group)
	}
	return Cut(src.Rows(), size)
}

// whole is a Source of which all is read wherever reading begins.
type whole interface {
	Source
	// isWhole reports whether that is so of this file.
	isWhole() bool
}

// CutEven cuts the rows of a source into spans of so many, but for the last, whatever its format; spans are those that
// a Counter has found, or nil. A span of text may begin before its first row, at one whose offset is known. What is
// read from its beginning for any row, as an array that is packed, is one span, unless rows are cells.
func CutEven(src Source, spans []Span, size int64) []Span {
	w, ok := src.(whole)
	switch {
	case ok && w.isWhole() && spans != nil:
		return spans
	case ok && w.isWhole():
		size = max(src.Rows(), 1)
	}
	if spans == nil {
		return Cut(src.Rows(), size)
	}
	var rows int64
	for _, s := range spans {
		rows += s.Rows
	}
	even := Cut(rows, size)
	at := 0
	for i := range even {
		e := &even[i]
		for e.First >= spans[at].First+spans[at].Rows {
			at++
		}
		s := &spans[at]
		e.Offset, e.Skip = s.Offset, e.First-s.First
		if mark := int(e.Skip / markRows); mark > 0 {
			e.Offset, e.Skip = s.marks[mark-1], e.Skip%markRows
		}
		for last := at; last < len(spans); last++ {
			if s := &spans[last]; s.First+s.Rows >= e.First+e.Rows {
				e.End = s.End
				break
			}
		}
	}
	return even
}

// Inspect finds the format of a file and reads its header. An empty file is a fault.
func Inspect(ctx context.Context, f File, o Options) (Source, error) {
	if err := errors.Join(o.Validate()...); err != nil {
		return nil, err
	}
	format, comp, err := detect(f.Name(), o.Format)
	if err != nil {
		return nil, err
	}
	if o.Array != "" && format != npzFormat {
		return nil, fault.Asked(f.Name(), "a .npz, of which alone an array is asked for by name", "the format %s",
			format.Name)
	}
	if f.Size() == 0 && format == jsonlFormat && o.emptyDim() > 0 {
		return emptySource(o.EmptyDim), nil
	}
	if f.Size() == 0 {
		return nil, fault.Ends(fault.File(f.Name(), format.Name+" data", "an empty file"))
	}
	if o.Cells && !format.Cells {
		return nil, fault.File(f.Name(), "a table of named columns: "+strings.Join(tabular(), ", "),
			"the format %s, which is numbers", format.Name)
	}
	var src Source
	if len(o.Partitions) > 0 && format.Cells {
		src, err = inspectPartitioned(ctx, f, o)
	} else {
		src, err = format.inspect(ctx, f, comp, o)
	}
	if err == nil && o.Features > 0 && src.Dim() != o.Features {
		return nil, fault.File(f.Name(), fmt.Sprintf("%d features", o.Features), "%d columns", src.Dim())
	}
	return src, err
}

// emptyDim is EmptyDim where it counts.
func (o *Options) emptyDim() int {
	if !o.Empty {
		return 0
	}
	return o.EmptyDim
}

// emptySource is a file without rows, and without names of its columns, of which there are so many.
type emptySource int

func (s emptySource) Dim() int        { return int(s) }
func (emptySource) Columns() []string { return nil }
func (emptySource) Schema() []Column  { return nil }
func (emptySource) Rows() int64       { return 0 }
func (emptySource) Read(context.Context, Span) (Reader, error) {
	return nil, errors.New("formats: a span of a file without rows")
}

// Detect names the format of a file by its extension, or says which there are.
func Detect(name string) (string, error) {
	format, _, err := detect(name, "")
	if err != nil {
		return "", err
	}
	return format.Name, nil
}

func detect(name, formatName string) (*Format, compression, error) {
	base, comp := splitCompression(strings.ToLower(path.Base(name)))
	var format *Format
	if formatName != "" {
		f, err := byName(formatName)
		if err != nil {
			return nil, "", err
		}
		format = f
	} else {
		longest := 0
		for _, f := range All {
			for _, e := range f.Extensions {
				if len(e) > longest && strings.HasSuffix(base, e) {
					format, longest = f, len(e)
				}
			}
		}
		if ext := path.Ext(base); format == nil && ext == "" {
			return nil, "", fault.File(name, "--input_format=csv, or another of "+strings.Join(formatNames(), ", "),
				"no extension that tells the format")
		} else if format == nil {
			return nil, "", fault.File(name, "one of "+strings.Join(extensions(), " ")+", or --input_format", "the extension %s",
				fault.Quote(ext))
		}
	}
	if comp != "" && !format.Text {
		return nil, "", fault.File(name, "an uncompressed file: "+format.Name+" is read from the middle", "the extension %s",
			fault.Quote(path.Ext(strings.ToLower(name))))
	}
	return format, comp, nil
}

func byName(name string) (*Format, error) {
	for _, f := range All {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("format %q: must be one of %s", name, strings.Join(formatNames(), ", "))
}

func formatNames() []string {
	var names []string
	for _, f := range All {
		names = append(names, f.Name)
	}
	return names
}

func extensions() []string {
	var s []string
	for _, f := range All {
		s = append(s, f.Extensions...)
	}
	return s
}

// ReadRange reads the bytes [offset, offset+length), all of them or an error.
func ReadRange(ctx context.Context, f File, offset, length int64) ([]byte, error) {
	if offset < 0 || length < 0 || offset+length > f.Size() {
		return nil, fault.File(f.Name(), fmt.Sprintf("%d bytes from byte %d on", length, offset), "a file of %d bytes",
			f.Size())
	}
	buf := make([]byte, length)
	if err := readRange(ctx, f, buf, offset); err != nil {
		return nil, err
	}
	return buf, nil
}

// truncated turns the early end of a file, which its size had promised, into a fault. A fault stays what it is.
func truncated(f File, err error) error {
	var known *fault.Fault
	if errors.As(err, &known) {
		return err
	}
	if m, ok := f.(*member); ok {
		f = m.File
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fault.File(f.Name(), fmt.Sprintf("%d bytes, as when it was opened", f.Size()), "an early end of the file")
	}
	return fmt.Errorf("%s: %w", f.Name(), err)
}

// LocalFile is a File of the operating system.
type LocalFile struct {
	name string
	size int64
}

// OpenLocal makes a File of a path.
func OpenLocal(name string) (*LocalFile, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fault.File(name, "a regular file", "a %s", info.Mode().Type())
	}
	return &LocalFile{name, info.Size()}, nil
}

// Name is the path.
func (f *LocalFile) Name() string { return f.name }

// Size is the size when it was opened.
func (f *LocalFile) Size() int64 { return f.size }

// OpenRange opens a range of the file.
func (f *LocalFile) OpenRange(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	file, err := os.Open(f.name)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = max(f.size-offset, 0)
	}
	return &section{io.NewSectionReader(file, offset, length), file}, nil
}

type section struct {
	*io.SectionReader
	c io.Closer
}

func (s *section) Close() error { return s.c.Close() }

// Load reads whole local files into one block, in the order given, its rows numbered as in one big array: for a library
// user whose data fits in memory.
func Load(ctx context.Context, o Options, names ...string) (*vectors.Block, error) {
	var files []File
	var sources []Source
	for _, name := range names {
		f, err := OpenLocal(name)
		if err != nil {
			return nil, err
		}
		src, err := Inspect(ctx, f, o)
		if err != nil {
			return nil, err
		}
		files, sources = append(files, f), append(sources, src)
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("formats.Load: no files")
	}
	o = Settle(o, sources)
	var all *vectors.Block
	var agreement Agreement
	for i, src := range sources {
		src, err := Reinspect(ctx, files[i], src, o)
		if err != nil {
			return nil, err
		}
		if src, _, err = agreement.Meet(ctx, files[i], src, o); err != nil {
			return nil, err
		}
		if all == nil {
			all = &vectors.Block{Dim: src.Dim(), DType: o.DType}
			if o.Sparse {
				all.Sparse = &vectors.CSR{}
			}
		}
		spans, err := Spans(ctx, src)
		if err != nil {
			return nil, err
		}
		n := all.Len()
		for _, s := range spans {
			if err := readSpan(ctx, src, s, all); err != nil {
				return nil, err
			}
		}
		for _, has := range []int{len(all.Target), len(all.Labels)} {
			if has != 0 && has != all.Len() {
				return nil, fault.File(names[i], "targets of the same kind, numbers or text, as in "+names[0],
					"other ones, or none")
			}
		}
		for i := n; i < all.Len(); i++ {
			all.Numbers[i] = int64(i)
		}
	}
	return all, nil
}

// Spans are the rows of a whole file: one span, or those that the counter finds in one range.
func Spans(ctx context.Context, src Source) ([]Span, error) {
	if src.Rows() >= 0 {
		return Cut(src.Rows(), max(src.Rows(), 1)), nil
	}
	c := src.(Counter)
	var counts []Count
	for _, r := range c.Ranges(1 << 62) {
		n, err := c.Count(ctx, r)
		if err != nil {
			return nil, err
		}
		counts = append(counts, n)
	}
	return c.Resolve(counts)
}

func readSpan(ctx context.Context, src Source, s Span, b *vectors.Block) error {
	r, err := src.Read(ctx, s)
	if err != nil {
		return err
	}
	defer r.Close()
	b.Grow(int(min(s.Rows, 1<<20)))
	for {
		switch err := r.Read(b, int(min(s.Rows, 1<<16))); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}
