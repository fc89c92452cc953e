package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"beamlearn/model/formats"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// Input is the flags of what to read.
type Input struct {
	group                           *Group
	input                           *Path
	format, columns, id, dtype, bad *string
	text                            *Text
	array                           *string
	features                        *int // nil where rows are triples
	zeroBased                       *string
	chunkRows                       *int
	labelled                        *labelled // nil where nothing is to be learned
	weight                          *string   // nil where rows have no weights
	unless                          string    // a flag with which no input is needed
}

// Text is the flags of how text is written.
type Text struct {
	header, delimiter, decimal, thousands, comment, quoting, encoding *string
	skipRows                                                          *int
}

// Text adds the flags of how text is written.
func (g *Group) Text() *Text {
	encodings := make([]string, len(formats.Encodings))
	for i, e := range formats.Encodings {
		encodings[i] = string(e)
	}
	return &Text{
		header: g.Choice("header", "auto", []string{"auto", "yes", "no"},
			"whether the first row of .csv and .tsv names the columns: auto, yes or no, as `WHEN`; auto: where it has text "+
				"above numbers, is 0,1,2,…, or has a column that is named here"),
		delimiter: g.String("delimiter", formats.DelimiterAuto,
			"the `CHARACTER` between the fields of .csv and .tsv, or tab, or space; auto: a tab in .tsv, else that of , ; "+
				"tab and | which fits the first rows"),
		decimal: g.String("decimal", "",
			"the decimal point of .csv and .tsv, as `CHARACTER`: --decimal=, (default: a point; a comma where the first rows "+
				"show that it is)"),
		thousands: g.String("thousands", "",
			"the `CHARACTER` between groups of three digits in .csv and .tsv, or space; where it is a point, a comma is the "+
				"decimal point: --thousands=. (default: none)"),
		comment: g.String("comment", "",
			"the `CHARACTER` that begins a comment in .csv and .tsv: --comment='#' (default: none)"),
		quoting: g.Choice("quoting", string(formats.QuotingMinimal),
			[]string{string(formats.QuotingMinimal), string(formats.QuotingNone)},
			"`WHAT` quotes mean in .csv and .tsv: minimal (they may stand around a field) or none (they are characters like "+
				"any other)"),
		encoding: g.Choice("encoding", string(formats.EncodingAuto), encodings, "the `ENCODING` of text: "+
			strings.Join(encodings, ", ")+"; auto: utf-8, or utf-16 where its byte order mark is"),
		skipRows: g.Int("skip_rows", 0, "how many lines at the beginning of each text file to skip"),
	}
}

// reset makes the flags what they are where none was given.
func (t *Text) reset() {
	*t.header, *t.delimiter, *t.quoting = "auto", formats.DelimiterAuto, string(formats.QuotingMinimal)
	*t.decimal, *t.thousands, *t.comment, *t.encoding, *t.skipRows = "", "", "", string(formats.EncodingAuto), 0
}

// Set sets the options that the flags say.
func (t *Text) Set(o *formats.Options) {
	o.Header, o.Delimiter, o.Decimal, o.Thousands, o.Comment = formats.Header(*t.header), *t.delimiter, *t.decimal,
		*t.thousands, *t.comment
	o.Quoting, o.Encoding, o.SkipRows = formats.Quoting(*t.quoting), formats.Encoding(*t.encoding), *t.skipRows
}

// labelled is the flags of what to learn.
type labelled struct {
	target  *Path // a column, or .npy files
	several bool  // a target may be several columns
}

// SeveralTargets lets --target be several columns.
func (in *Input) SeveralTargets() *Input {
	in.labelled.several = true
	return in
}

// Targets are the columns of several targets, as they were given: names, indices, ranges of indices and globs, of which
// there is one that names several, or more; none where there is one target.
func (in *Input) Targets() []string {
	l := in.labelled
	if l == nil || !l.several || l.target.List() != nil {
		return nil
	}
	names, err := commas(l.target.String())
	if err != nil || len(names) == 1 && !strings.Contains(names[0], "*") && !isRange(names[0]) {
		return nil
	}
	return names
}

// TargetFiles are the patterns of the files that have the targets; none where a column has them.
func (in *Input) TargetFiles() []string { return in.labelled.target.List() }

// isRange reports whether a column is a range of indices, as 3-7.
func isRange(spec string) bool {
	lo, hi, ok := strings.Cut(spec, "-")
	_, errLo := strconv.Atoi(lo)
	_, errHi := strconv.Atoi(hi)
	return ok && errLo == nil && errHi == nil
}

// LabelledInput adds the flags of what to read where rows have targets.
func (a *App) LabelledInput() *Input {
	in := a.Input().withTarget("what is to be learned: a `COLUMN`, a name or an index, or a .npy file, or several, " +
		"with a number for each row (default: none but the label of .svm); sgd and predict take several columns, with " +
		"commas between, ranges of indices, or globs: --target=y1,y2")
	return in
}

// TableInput adds the flags of what to read where rows are those of tables, which may have targets and weights beside
// their columns.
func (a *App) TableInput(target string) *Input {
	in := a.Input().withTarget(target)
	a.triples.apart = true
	return in
}

// Triples are the flags of rows that say an entry of a sparse matrix each, for a command of a [App.TableInput].
func (in *Input) Triples() *Triples { return in.group.app.triples }

func (in *Input) withTarget(usage string) *Input {
	in.labelled = &labelled{target: in.group.InputFiles("target", usage).Where(IsNPY)}
	return in.Weighted()
}

// Weighted adds the flag of the rows' weights.
func (in *Input) Weighted() *Input {
	in.weight = in.group.String("weight_column", "",
		"the `COLUMN` that holds a row's weight, a name or an index (default: all weights are 1)")
	return in
}

// Input adds the flags of what to read.
func (a *App) Input() *Input {
	g := a.Group("What to read")
	a.input = &Input{
		group: g,
		input: g.InputFiles("input",
			"the vectors: a `PATH`, a glob or several of them with commas between, local or on gs://, s3://; quote a glob: "+
				"'data/*.npy'"),
		format: g.Choice("input_format", "", formatNames(), "the `FORMAT` of the files: "+
			strings.Join(formatNames(), ", ")+" (default by the extension; .gz, .bz2 and .zst are unpacked)"),
		columns: g.String("columns", "",
			"the `COLUMNS` that make the vector: names, 0-based indices, ranges of indices (3-7), globs of names "+
				"('pixel_*'), with commas between; ! before one leaves it out ('*,!label'); a.b is the key b within a of .jsonl "+
				"(default all but the id)"),
		id: g.String("id_column", "",
			"the `COLUMN` that holds a row's id, a name or an index (default: the id is the row's number, from 0, over all "+
				"files in the order of their names)"),
		text: g.Text(),
		array: g.String("array", "",
			"the array of .npz that holds the vectors, by its `NAME` (default: the only one of two dimensions)"),
		features: g.Int("features", 0,
			"how many columns the vector has (default: as many as the files have; of .svm, and of lists of columns and values, "+
				"all must be read once to find it out)"),
		zeroBased: g.Choice("zero_based", "auto", []string{"auto", "yes", "no"},
			"whether 0 is the index of the first column of .svm: yes, no, or auto (as in the rows of the model, or of the "+
				"points, where there are any; else yes where any row has an index 0; with --features, no), as `WHEN`"),
		dtype: g.Choice("dtype", "auto", []string{"auto", "float32", "float64"},
			"the `TYPE` in which values are kept: auto (float32 where that is exact, else float64), float32 (rounds), float64"),
		bad: g.Choice("on_error", "fail", []string{"fail", "skip"},
			"what becomes of rows with a fault: fail, or skip (they go to OUTPUT.rejected.jsonl with the reason; predict has "+
				"a null in their place), as `ACTION`"),
		chunkRows: g.Int("chunk_rows", 0,
			fmt.Sprintf("how many rows a worker reads, and answers, at a time (default %d; where every point is a query and "+
				"the work is done in this process, as many as memory allows are answered at a time)", vectorio.DefaultChunkRows)),
	}
	a.Triples()
	return a.input
}

// TripleInput adds the flags of what to read where rows say who had what, in columns that the command's own flags name.
func (a *App) TripleInput() *Input {
	g := a.Group("What to read")
	none, auto := "", "auto"
	return &Input{
		group: g,
		input: g.InputFiles("input",
			"rows of who had what, in any order: a `PATH` of a table (.csv, .tsv, .parquet, .jsonl, .arrow), a glob or "+
				"several of them with commas between, local or on gs://, s3://: --input='ratings-*.parquet'"),
		format: g.Choice("input_format", "", formatNames(),
			"the `FORMAT` of the files (default by the extension; .gz, .bz2 and .zst are unpacked): --input_format=tsv"),
		text: g.Text(),
		bad: g.Choice("on_error", "fail", []string{"fail", "skip"},
			"what becomes of rows with a fault: fail, or skip (they go to OUTPUT.rejected.jsonl with the reason), as `ACTION`"),
		chunkRows: g.Int("chunk_rows", 0, fmt.Sprintf("how many rows are read at a time (default %d)",
			vectorio.DefaultChunkRows)),
		columns: &none, id: &none, array: &none, dtype: &auto,
	}
}

// Unless names a flag with which no input is needed.
func (in *Input) Unless(flag string) *Input {
	in.unless = flag
	return in
}

// Group is the group of the input's flags, for a command's own.
func (in *Input) Group() *Group { return in.group }

func formatNames() []string {
	var names []string
	for _, f := range formats.All {
		names = append(names, f.Name)
	}
	return names
}

// IsNPY reports whether a value is of .npy files, and not a column.
func IsNPY(value string) bool { return strings.HasSuffix(strings.ToLower(value), ".npy") }

// Patterns are the paths and globs of the input.
func (in *Input) Patterns() []string { return in.input.List() }

// Skips reports whether rows at fault are to be left out.
func (in *Input) Skips() bool { return *in.bad == "skip" }

// ChunkRows is the value of its flag, 0 where it was not given.
func (in *Input) ChunkRows() int { return *in.chunkRows }

// Options are those of reading, with every fault of the flags.
func (in *Input) Options() (vectorio.Options, error) {
	var errs []error
	if len(in.Patterns()) == 0 && !in.group.app.Given(in.unless) {
		errs = append(errs, errors.New("--input is needed"))
	}
	dtype, err := vectors.ParseDType(*in.dtype)
	errs = append(errs, err)
	columns, err := commas(*in.columns)
	if err != nil {
		errs = append(errs, fmt.Errorf("--columns: %w", err))
	}
	if *in.bad != "fail" && *in.bad != "skip" {
		errs = append(errs, fmt.Errorf("--on_error=%s: must be fail or skip", *in.bad))
	}
	o := vectorio.Options{
		Formats: formats.Options{
			Format: *in.format, Columns: columns, IDColumn: *in.id, DType: dtype, Array: *in.array,
		},
		ChunkRows:  *in.chunkRows,
		SkipFaults: *in.bad == "skip",
	}
	in.text.Set(&o.Formats)
	if in.features != nil {
		o.Formats.Features, o.Formats.ZeroBased = *in.features, formats.ZeroBased(*in.zeroBased)
	}
	if in.weight != nil {
		o.Formats.WeightColumn = *in.weight
	}
	if l := in.labelled; l == nil {
		o.Formats.Unlabelled = true
	} else {
		if o.Targets, o.Several = l.target.List(), l.several; o.Targets == nil {
			o.Formats.TargetColumn = l.target.String()
		}
		if names, err := commas(o.Formats.TargetColumn); l.several && o.Targets == nil {
			if o.TargetColumns = in.Targets(); o.TargetColumns != nil {
				o.Formats.TargetColumn = ""
			} else if err == nil && strings.HasPrefix(o.Formats.TargetColumn, `"`) && len(names) == 1 {
				o.Formats.TargetColumn = names[0] // without its quotes
			} else if err != nil && strings.Contains(o.Formats.TargetColumn, ",") {
				errs = append(errs, fmt.Errorf("--target: %w", err))
			}
		}
	}
	o.EnsureDefaults()
	errs = append(errs, o.Validate())
	return o, errors.Join(errs...)
}

// List cuts a value at its commas.
func List(s string) []string {
	var list []string
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}

// commas cuts a value at its commas, except in quotes, as a name may hold one.
func commas(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	r := csv.NewReader(strings.NewReader(s))
	r.TrimLeadingSpace = true
	list, err := r.Read()
	if err != nil {
		return nil, errors.New("names with commas between, those with a comma of their own in double quotes")
	}
	return list, nil
}
