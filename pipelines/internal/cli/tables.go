package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/formats"
	encode "beamlearn/transforms/features"
	"beamlearn/transforms/files"
	"beamlearn/transforms/vectorio"
)

// tableFlags are the flags of tables, but for --encode.
var tableFlags = []string{
	"numeric", "categorical", "text", "date", "drop", "max_categories", "min_frequency", "hash_bits", "impute", "ngrams",
	"analyzer", "tfidf",
	"date_format", "interactions", "splines",
}

// Tables is the flags of how rows of tables become numbers.
type Tables struct {
	app                                                           *App
	encode                                                        *string
	numeric, categorical, text, date, drop, interactions, splines *string
	impute, ngrams, analyzer, dateFormat                          *string
	maxCategories, minFrequency, hashBits                         *int
	tfidf                                                         *bool
	imputeAlso                                                    []string // other values of --impute
}

// tablesHeading is that of the flags of tables.
const tablesHeading = "Tables (text, dates, missing cells)"

// Tables adds the flags of tables. They are taken for tables by themselves where auto is set, otherwise only where a
// flag asks for it.
func (a *App) Tables(auto bool) *Tables {
	g, when := a.Group(tablesHeading), "none"
	if auto {
		when = "auto"
	}
	other := map[string]string{"auto": "none", "none": "auto"}[when]
	a.tables = g.tables(g.Choice("encode", when, []string{"auto", "none"},
		"auto: what is no number becomes some, as the lines of the flags below say; none: columns of text are left out, "+
			"and missing cells are faults, as `WHEN`: --encode="+
			other))
	return a.tables
}

// withoutNumbers is how a fault ends where a column is none of numbers: its first cell is text, or a cell is missing.
var withoutNumbers = regexp.MustCompile(`(?s): row 0, column .*: found .*, expected a number$` +
	`|, column .*: found .* in the first row, expected a number$` +
	`|: row \d+, column .*: found (an empty field|null|NaN), expected a number$` +
	`|: found the column .*, expected numbers, or a list of them$`)

// hint says what to do where a job has failed because its rows are those of a table, and were read as numbers; "" of
// any other failure, and where no flag of tables would help.
func (t *Tables) hint(err error) string {
	if err == nil || t.Auto() || t.Asked() || t.app.Given("encode") || t.app.triples.Asked() {
		return ""
	}
	// The rows of an earlier run are read as those of that run were.
	for _, name := range []string{"transform", "from", "index"} {
		if f := t.app.flags.Lookup(name); f != nil && name != t.app.name && t.app.Given(name) {
			return ""
		}
	}
	line := t.app.lines(err)[0]
	_, _, column := fault.PlaceOf(line)
	for _, name := range []string{"target", "weight_column"} { // which must be numbers
		if f := t.app.flags.Lookup(name); f != nil && column != "" && f.Value.String() == column {
			return ""
		}
	}
	if !withoutNumbers.MatchString(line) {
		return ""
	}
	return "With --encode=auto, text, dates and missing cells become numbers, too."
}

// OnlyTables adds the flags of tables where rows are nothing else.
func (a *App) OnlyTables() *Tables {
	auto := "auto"
	return a.Group(tablesHeading).tables(&auto)
}

func (g *Group) tables(encode *string) *Tables {
	const columns = "names, 0-based indices in the file, ranges, globs, with commas between"
	return &Tables{
		app:     g.app,
		encode:  encode,
		numeric: g.String("numeric", "", "the `COLUMNS` that are numbers, whatever is in them: "+columns),
		categorical: g.String("categorical", "",
			"the `COLUMNS` of categories, which get a feature for each (default: text of at most --max_categories distinct "+
				"values)"),
		text: g.String("text", "",
			"the `COLUMNS` of free text, whose words are counted (default: text of many words)"),
		date: g.String("date", "",
			"the `COLUMNS` of dates or times, which become year, month, day of the week, hour and days since 1970 (default: "+
				"ISO 8601, and timestamps)"),
		drop:          g.String("drop", "", "the `COLUMNS` to leave out"),
		maxCategories: g.Int("max_categories", 1000, "the number of distinct values above which categories are hashed"),
		minFrequency: g.Int("min_frequency", 1,
			"the rows that a category needs for a feature of its own; the rarer share one"),
		hashBits: g.Int("hash_bits", 0,
			"the binary logarithm of the number of features that a column is hashed into (default: as many as keep most "+
				"values or words apart, at most 18)"),
		impute: g.String("impute", "mean",
			"what stands for a missing number, as `VALUE`: mean, median, constant or constant=NUMBER, each with a feature "+
				"that says so, or none, which refuses it"),
		ngrams: g.String("ngrams", "1", "how many words or characters are counted together, as `RANGE`: 1, or 1-2"),
		analyzer: g.Choice("analyzer", "word", []string{"word", "char_wb", "char"},
			"what is counted in free text, as `UNIT`: word, char_wb (characters within words) or char"),
		tfidf: g.Bool("tfidf", false, "weight words by how rare they are, which takes a second pass"),
		dateFormat: g.String("date_format", "",
			"how dates are written, as strftime has it, as `FORMAT`, and as COLUMN:FORMAT behind commas where columns are written "+
				"in several ways: --date_format='%d.%m.%Y,arrival:%Y/%m/%d' (default: ISO 8601)"),
		interactions: g.String("interactions", "", "products of columns, as `PAIRS` with commas between: origin*dest"),
		splines:      g.String("splines", "", "numbers that become curves, as `COLUMN:KNOTS` with commas between: hour:8"),
	}
}

// Asked reports whether a flag says that rows are tables.
func (t *Tables) Asked() bool {
	for _, name := range tableFlags {
		if t.app.Given(name) {
			return true
		}
	}
	return t.app.Given("encode") && *t.encode == "auto"
}

// Dense is what kneighbors and eigen ask of tables, whose rows become dense vectors.
type Dense struct {
	Data        *vectorio.Dataset // inspected with Formats.Cells
	Reading     vectorio.Options
	Standardize bool
	Output      string // the first file that is written, beside which a survey leaves its result
	RunID       string
}

// FitDense is Fit for rows that become dense vectors.
func (t *Tables) FitDense(ctx context.Context, d *Dense) (*features.Encoding, error) {
	o, err := t.Options(d.Standardize)
	if err != nil {
		return nil, Usage(err)
	}
	return t.Fit(ctx, &encode.Job{
		Data: d.Data, Reading: d.Reading, Options: o, Dir: ColumnsDir(d.Output, d.RunID), Workers: Workers(), RunID: d.RunID,
	}, nil)
}

// ColumnsDir is where a survey leaves its result: beside the output, or, as a device has no such place, where this host
// has its temporary files.
func ColumnsDir(output, runID string) string {
	if files.IsStream(output) {
		output = files.Join(os.TempDir(), "stream")
	}
	return files.Beside(output, runID+".columns", files.EndStaging)
}

// Impute is the value of its flag.
func (t *Tables) Impute() string { return *t.impute }

// ImputeAlso says in the help, and where the value is none, what else --impute may be.
func (t *Tables) ImputeAlso(usage string, values ...string) {
	t.imputeAlso = values
	f := t.app.flags.Lookup("impute")
	f.Usage += "; " + usage
}

// Auto reports whether rows may be taken for tables.
func (t *Tables) Auto() bool { return *t.encode == "auto" }

// Columns adds those to drop to the columns of the options.
func (t *Tables) Columns(o *formats.Options) error {
	drop, err := commas(*t.drop)
	if err != nil {
		return fmt.Errorf("--drop: %w", err)
	}
	for _, c := range drop {
		o.Columns = append(o.Columns, "!"+c)
	}
	return nil
}

// Options are those of the flags, with every fault of theirs.
func (t *Tables) Options(standardize bool) (features.Options, error) {
	var errs []error
	list := func(name, value string) []string {
		l, err := commas(value)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", name, err))
		}
		return l
	}
	o := features.Options{
		Numeric: list("numeric", *t.numeric), Categorical: list("categorical", *t.categorical), Text: list("text", *t.text),
		Date:         list("date", *t.date),
		Interactions: list("interactions", *t.interactions), Splines: list("splines", *t.splines),
		MaxCategories: *t.maxCategories, MinFrequency: *t.minFrequency, HashBits: *t.hashBits,
		Analyzer: features.Analyzer(*t.analyzer),
		TFIDF:    *t.tfidf, DateFormat: *t.dateFormat, Standardize: standardize,
	}
	what, fill, given := strings.Cut(*t.impute, "=")
	o.Impute = features.Impute(what)
	number, err := strconv.ParseFloat(fill, 64)
	switch known := slices.Contains(features.Imputes, o.Impute); {
	case given && (err != nil || o.Impute != features.ImputeConstant), !given && !known &&
		!slices.Contains(t.imputeAlso, what):
		errs = append(errs, fmt.Errorf("--impute=%s: must be %s, or constant= and a number", *t.impute, t.imputes()))
		o.Impute = features.ImputeMean // whose fault is told
	case given:
		o.Fill = number
	}
	least, most, both := strings.Cut(*t.ngrams, "-")
	if !both {
		most = least
	}
	var errLeast, errMost error
	o.NGrams[0], errLeast = strconv.Atoi(least)
	if o.NGrams[1], errMost = strconv.Atoi(most); errLeast != nil || errMost != nil {
		errs = append(errs, fmt.Errorf("--ngrams=%s: must be a number, or two with - between", *t.ngrams))
		o.NGrams = [2]int{}
	}
	for name, v := range map[string]int{"max_categories": *t.maxCategories, "min_frequency": *t.minFrequency} {
		if v == 0 {
			errs = append(errs, fmt.Errorf("--%s=0: must be at least 1", name))
		}
	}
	if *t.encode == "none" && t.app.Given("encode") && t.Asked() {
		errs = append(errs, errors.New("--encode=none: without flags of tables"))
	}
	checked := o
	checked.EnsureDefaults()
	return o, errors.Join(append(errs, checked.Validate())...)
}

// imputes lists the values of --impute.
func (t *Tables) imputes() string {
	var all []string
	for _, v := range features.Imputes {
		all = append(all, string(v))
	}
	return strings.Join(append(all, t.imputeAlso...), ", ")
}

// Wanted says why rows are taken for tables, as far as the files tell without being read: "" where they are numbers.
// Its error is what is wrong with a table, where the rows cannot be numbers for what a table may have, or would be
// without the columns that only some of the files have.
func (t *Tables) Wanted(ctx context.Context, patterns []string, reading vectorio.Options) (string, error) {
	if !t.Auto() {
		return "", nil
	}
	numbers := reading
	reading.Formats.Cells = true
	d, err := vectorio.Inspect(ctx, patterns, reading)
	if err == nil {
		return d.Other, nil
	}
	if formats.Differing(err) {
		return "", err
	}
	for _, name := range patterns {
		if !formats.MayBeTables(name, reading.Formats.Format) {
			return "", nil // which the reading as numbers tells
		}
	}
	var text *fault.Fault
	if _, other := vectorio.Inspect(ctx, patterns, numbers); errors.As(other, &text) &&
		withoutNumbers.MatchString(text.Error()) {
		return "", err
	}
	return "", nil
}

// Anew says why a job that has failed as one of numbers is to be done as one of a table: a cell of a row is no number.
// "" where it is not, as where the column is one of those that must be numbers, or no part of the vector.
func (t *Tables) Anew(err error, reading *vectorio.Options, d *vectorio.Dataset, except ...string) string {
	if err == nil || !t.Auto() || reading.Formats.Cells || reading.SkipFaults {
		return ""
	}
	marked := fault.Find(err.Error())
	if len(marked) == 0 {
		return ""
	}
	file, row, column := fault.PlaceOf(marked[0])
	o := &reading.Formats
	if row == fault.WholeFile || column == "" || column == o.TargetColumn || column == o.WeightColumn ||
		column == o.IDColumn || slices.Contains(except, column) {
		return ""
	}
	for _, info := range d.Files {
		if info.Name == file && formats.IsTabular(file, o.Format) {
			return fmt.Sprintf("%s: the rows are taken for a table, from the beginning (--encode=none fails)", marked[0])
		}
	}
	return ""
}

// planRows is how many rows a plan looks at.
const planRows = 10_000

// Fit finds out how the rows of tables are encoded, and tells it, a line for each column, after settle has changed what
// it wants to; that may be nil.
func (t *Tables) Fit(ctx context.Context, job *encode.Job,
	settle func(*features.Encoding) error) (*features.Encoding, error) {
	var err error
	if job.Options, err = job.Options.ByIndex(schemaNames(job.Data), fieldNames(job.Data)); err != nil {
		return nil, Usage(fmt.Errorf("%s: %w", job.Data.Name(), err))
	}
	if _, err := features.NewSurvey(job.Data.Fields, job.Options); err != nil {
		// the flags do not fit the columns
		if _, other := features.NewSurvey(job.Data.Fields, features.Options{}); other == nil {
			return nil, Usage(fmt.Errorf("%s: %w", job.Data.Name(), err))
		}
	}
	if t.app.Explaining() {
		e, err := encode.Head(ctx, job, planRows)
		if err == nil && settle != nil {
			err = settle(e)
		}
		if err == nil {
			t.app.Tell(fmt.Sprintf("what the columns are, as the first %s rows at most have it:", thousands(planRows)))
			t.app.Tell(e.Lines()...)
		}
		return e, err
	}
	if job.RunID == "" {
		job.RunID = files.NewRunID()
	}
	e, report, err := encode.Fit(ctx, job,
		func(ctx context.Context, p *beam.Pipeline) error { return t.app.Run(ctx, p, job.RunID) })
	if err != nil {
		return nil, err
	}
	if report.NoTarget > 0 && !job.Reading.Formats.Untargeted {
		lacks := "a target"
		if names := job.Reading.TargetColumns; names != nil {
			lacks = "one of the targets " + strings.Join(names, ", ")
		}
		line := fmt.Sprintf("%s rows without %s are left out", thousands(report.NoTarget), lacks)
		if report.NoTarget == 1 {
			line = fmt.Sprintf("1 row without %s is left out", lacks)
		}
		t.app.Tell(line)
	}
	if settle != nil {
		if err := settle(e); err != nil {
			return nil, err
		}
	}
	t.app.Tell(e.Lines()...)
	return e, nil
}

// schemaNames are the names of all columns of a table's file, in its order.
func schemaNames(d *vectorio.Dataset) []string {
	names := make([]string, len(d.Schema))
	for i := range names {
		names[i] = d.Schema[i].Name
	}
	return names
}

// fieldNames are the names of a table's columns.
func fieldNames(d *vectorio.Dataset) []string {
	names := make([]string, len(d.Fields))
	for i := range names {
		names[i] = d.Fields[i].Name
	}
	return names
}

// UnseenLines tells of cells of which someone has learned nothing, by the column.
func UnseenLines(cells features.UnseenCells, who string) (lines []string) {
	for _, column := range slices.Sorted(maps.Keys(cells.Unknown)) {
		lines = append(lines, fmt.Sprintf("  column %s: %s of categories that %s does not know", fault.Plain(column),
			Count(cells.Unknown[column], "cell"), who))
	}
	for _, column := range slices.Sorted(maps.Keys(cells.Missing)) {
		lines = append(lines, fmt.Sprintf("  column %s: %s missing, of which %s has learned nothing", fault.Plain(column),
			Count(cells.Missing[column], "cell"), who))
	}
	return lines
}

// thousands is a count with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
