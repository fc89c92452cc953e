package cli

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/formats"
	model "beamlearn/model/triples"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/triples"
	"beamlearn/transforms/vectorio"
)

// Triples is the flags of rows that say a row, a column and a value of a sparse matrix each. Where a command does not
// take them itself, they become sparse rows before it begins, in a file beside its first output, by a job of their own:
// the command reads these as its input.
type Triples struct {
	app                            *App
	row, column, value, duplicates *string
	apart                          bool   // the command takes them itself
	dir                            string // of the rows, while the command runs
	made                           []madeRows
}

// madeRows are rows that triples have become.
type madeRows struct {
	name, of string // the file, and the input as it was given
	flag     string // that named it
	rejected []string
}

// madeOf is what rows were made of, by the name of their file.
var madeOf = map[string]string{}

// Triples adds the flags.
func (a *App) Triples() *Triples {
	g := a.Group("Triples, which become sparse rows")
	a.triples = &Triples{
		app: a,
		row: g.String("row", "",
			"the input has a line for each entry of a sparse matrix, in any order, and this `COLUMN`, a name or an index, "+
				"says the row, by its id: --row=user --column=item --value=rating"),
		column: g.String("column", "", "the `COLUMN` that says the column, by its id: --column=item"),
		value:  g.String("value", "", "the `COLUMN` of the numbers: --value=rating (default: each line counts 1)"),
		duplicates: g.Choice("duplicates", string(model.Sum), Texts(model.AllDuplicates),
			"`WHAT` stands for several lines of the same row and column: sum, mean, or last (in the order of the lines): "+
				"--duplicates=last"),
	}
	return a.triples
}

// Asked reports whether the input is triples.
func (t *Triples) Asked() bool { return t != nil && (*t.row != "" || *t.column != "") }

// Columns are those of the triples.
func (t *Triples) Columns() triples.Columns {
	return triples.Columns{Row: *t.row, Column: *t.column, Value: *t.value}
}

// Options are how rows are made of triples.
func (t *Triples) Options() triples.Options {
	return triples.Options{Duplicates: model.Duplicates(*t.duplicates), ID: ColumnName(*t.row, "id"), Workers: Workers()}
}

// Check says which flags are missing, or of no use without the others; and with them, those of names.
func (t *Triples) Check(names ...string) error {
	var errs []error
	if !t.Asked() {
		for _, name := range []string{"value", "duplicates"} {
			if t.app.Given(name) {
				errs = append(errs, fmt.Errorf("--%s is of triples: with --row and --column", name))
			}
		}
		return errors.Join(errs...)
	}
	if *t.row == "" || *t.column == "" {
		errs = append(errs, errors.New("--row and --column: one needs the other"))
	}
	for _, name := range names {
		if t.app.flags.Lookup(name) != nil && t.app.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: is of no use with --row, --column and --value", name))
		}
	}
	return errors.Join(errs...)
}

// ColumnName is the name of a column of an output: that of the input, or a word where that is known by its place.
func ColumnName(column, word string) string {
	if _, err := strconv.Atoi(column); err == nil {
		return word
	}
	return column
}

// gatheringRefuses are flags that say of columns what triples have not.
var gatheringRefuses = []string{
	"columns", "array", "id_column", "weight_column", "features", "zero_based", "watch", "encode",
}

// gatheringCompares are flags that go by other columns of the rows than those of the vector.
var gatheringCompares = []string{"filter", "filter_queries", "only_same", "exclude_same", "before", "max_per"}

// check says why rows cannot be made of triples for a command that reads vectors.
func (t *Triples) check(in *Input) error {
	errs := []error{t.Check(slices.Concat(gatheringRefuses, tableFlags)...)}
	if !t.Asked() {
		return errors.Join(errs...)
	}
	columns := t.Columns()
	if *t.row != "" && *t.column != "" {
		errs = append(errs, columns.Validate())
	}
	for _, name := range gatheringCompares {
		if t.app.flags.Lookup(name) != nil && t.app.Given(name) {
			errs = append(errs, fmt.Errorf("--%s: goes by columns of the rows, of which those of triples have none but their "+
				"ids", name))
		}
	}
	for _, p := range t.app.paths {
		if name := p.flag.Name; (name == "target" || name == "color") && p.String() != "" && p.List() == nil {
			errs = append(errs, fmt.Errorf("--%s: of triples, .npy files with a number for each row, in the order of the "+
				"rows' ids", name))
		}
	}
	if t.first() == "" && (Workers() != placement.InProcess || *in.bad == "skip") {
		errs = append(errs, errors.New("--row: rows of triples by workers elsewhere, and lists of those with a fault, are "+
			"beside an output: name one"))
	}
	for _, p := range t.inputs(in) {
		if slices.Contains(p.List(), files.Std) {
			errs = append(errs, fmt.Errorf("--%s=-: triples are read from files", p.flag.Name))
		}
		if index := t.app.flags.Lookup("index"); p == in.input && t.app.name == "kneighbors" && index.Value.String() != "" &&
			len(p.List()) > 0 {
			errs = append(errs, errors.New("--input: of triples an index does not know whether it was built of them: with "+
				"--index, ask it by --queries, or of every point without --input"))
		}
	}
	return errors.Join(errs...)
}

// inputs are the flags whose files have rows.
func (t *Triples) inputs(in *Input) (all []*Path) {
	for _, p := range t.app.paths {
		if (p == in.input || slices.Contains([]string{"queries", "append"}, p.flag.Name)) && len(p.List()) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// begin makes rows of the triples that the flags of a command name, and then has these name the rows. It reports
// whether the command is to run: not to explain a job, of whose rows nothing is known yet.
func (t *Triples) begin(ctx context.Context, in *Input) (run bool, err error) {
	if err := Usage(t.check(in)); err != nil || !t.Asked() {
		return err == nil, err
	}
	reading := vectorio.Options{Formats: formats.Options{Format: *in.format}, ChunkRows: *in.chunkRows,
		SkipFaults: *in.bad == "skip"}
	in.text.Set(&reading.Formats)
	reading.EnsureDefaults()
	if err := Usage(reading.Validate()); err != nil {
		return false, err
	}
	paths := t.inputs(in)
	t.dir = ColumnsDir(cmp.Or(t.first(), files.Join(os.TempDir(), "rows")), files.NewRunID())
	for _, p := range paths {
		if t.app.Explaining() {
			return false, t.explain(ctx, p, reading)
		}
		if err := t.gather(ctx, p.flag.Name, p.List(), p.String(), reading); err != nil {
			return false, err
		}
	}
	*in.format, *in.id, *in.bad = "", t.Options().ID, "fail"
	in.text.reset()
	for i, p := range paths {
		p.value = strings.ReplaceAll(files.EscapeGlob(t.made[i].name), ",", `\,`)
	}
	return true, nil
}

// first is the first file that the command writes, which workers reach, or "".
func (t *Triples) first() string {
	for _, p := range t.app.paths {
		if p.kind == writes && !p.here && p.Path() != "" {
			return p.Path()
		}
	}
	return ""
}

// job finds triples. Rows of them go to a file of this name.
func (t *Triples) job(ctx context.Context, patterns []string, reading vectorio.Options, name string) (*triples.Job,
	error) {
	job := &triples.Job{Columns: t.Columns(), Reading: reading, Options: t.Options()}
	job.Options.Destination = output.To(name)
	job.Options.EnsureDefaults()
	err := Usage(job.Validate())
	if err == nil {
		job.Data, err = triples.Inspect(ctx, patterns, &job.Columns, &job.Reading)
	}
	if err == nil {
		t.app.Note(job.Data)
	}
	return job, err
}

// explain shows what it takes to make rows of the triples of a flag.
func (t *Triples) explain(ctx context.Context, p *Path, reading vectorio.Options) error {
	job, err := t.job(ctx, p.List(), reading, files.Join(t.dir, p.flag.Name+".parquet"))
	if err != nil {
		return err
	}
	t.app.Tell("what the rows take is known when they are made of triples: the plan is of that alone")
	return t.app.ExplainTriples(ctx, job)
}

// gather makes rows of the triples of a flag, which the user knows as of.
func (t *Triples) gather(ctx context.Context, flag string, patterns []string, of string,
	reading vectorio.Options) error {
	made := madeRows{name: files.Join(t.dir, flag+".parquet"), of: of, flag: flag}
	job, err := t.job(ctx, patterns, reading, made.name)
	if err != nil {
		return err
	}
	madeOf[made.name] = SourceOf(job.Data.Files)
	_, err = Do(ctx, t.app, job.Options.RunID, Steps[*triples.Report]{
		Add:  func(s beam.Scope) error { return triples.Rows(s, job) },
		Read: job.Report,
		Tell: func(r *triples.Report) error {
			made.rejected = r.RejectedFiles
			line := fmt.Sprintf("%s: %s × %s of %s", made.of, Count(r.Rows, "row"), Count(int(r.Columns), "column"),
				Count(r.Triples, "triple"))
			for _, more := range TripleLines(r) {
				line += "; " + strings.TrimSpace(more)
			}
			t.app.Tell(line)
			return nil
		},
		Clean: job.Clean,
	})
	t.made = append(t.made, made)
	return err
}

// Here makes rows of triples for a command of this process, which reads them as the file that it gives, and calls done
// when it has.
func (t *Triples) Here(ctx context.Context, patterns []string, o formats.Options) (rows files.Info, done func() error,
	err error) {
	done = func() error { return t.end(ctx, nil) }
	reading := vectorio.Options{Formats: o}
	reading.EnsureDefaults()
	columns := t.Columns()
	if err := Usage(t.Check("columns", "array", "id_column", "target"), columns.Validate()); err != nil {
		return rows, done, err
	}
	if err := flag.CommandLine.Parse(nil); err != nil {
		return rows, done, err
	}
	beam.Init()
	silence(*t.app.verbose)
	t.app.launch = newLaunch("", nil)
	t.app.launch.defaults()
	workers = t.app.launch.workers()
	t.dir = ColumnsDir(files.Join(os.TempDir(), "rows"), files.NewRunID())
	of := strings.Join(patterns, ",")
	if err := t.gather(ctx, "input", patterns, of, reading); err != nil {
		return rows, done, err
	}
	rows, err = files.Stat(ctx, t.made[0].name)
	if rows.Path == "" {
		rows.Path = rows.Name
	}
	rows.Name = of
	return rows, done, err
}

// ExplainTriples shows what it takes to make rows of triples.
func (a *App) ExplainTriples(ctx context.Context, job *triples.Job) error {
	const triple = 24 // bytes of a run
	return a.ExplainRows(ctx, "triples", job.Data, job.Reading, 1, job.Options.Threads,
		func(rows int64) int64 { return triple * min(rows, int64(job.Options.RunTriples)) })
}

// TripleLines tell of triples that are no entries of their own.
func TripleLines(r *triples.Report) (lines []string) {
	if r.Merged > 0 {
		lines = append(lines, fmt.Sprintf("  %s of a row and column that another has (--duplicates)",
			Count(r.Merged, "triple")))
	}
	if r.Unknown > 0 {
		lines = append(lines, "  "+Agree(r.Unknown, "triple of a column that --transform does not know is",
			"triples of columns that --transform does not know are")+" left out")
	}
	return lines
}

// end keeps the lists of triples that were left out, where the command has done its work, and removes the rows.
func (t *Triples) end(ctx context.Context, err error) error {
	if t == nil || t.dir == "" {
		return err
	}
	for i := 0; i < len(t.made) && err == nil; i++ {
		err = t.keepRejected(ctx, &t.made[i])
	}
	return errors.Join(err, files.RemoveAll(context.WithoutCancel(ctx), t.dir))
}

// keepRejected writes the list of triples that were left out beside the first output.
func (t *Triples) keepRejected(ctx context.Context, m *madeRows) error {
	for _, name := range m.rejected {
		to := output.RejectedPath(t.first() + "." + m.flag)
		err := files.Output(ctx, to, func(w io.Writer) error {
			r, err := files.OpenRead(ctx, name)
			if err != nil {
				return err
			}
			_, err = io.Copy(w, r)
			return errors.Join(err, r.Close())
		})
		if err != nil {
			return err
		}
		t.app.Tell("triples with a fault are left out: " + Relative(to))
	}
	return nil
}

// inPlace are the outputs that are written: rows that were made of triples are none.
func (a *App) inPlace() []string {
	return slices.DeleteFunc(files.Written(), func(name string) bool {
		return a.triples != nil && a.triples.dir != "" && strings.HasPrefix(name, a.triples.dir)
	})
}

// shown are the files of rows, and how the user knows them.
func (t *Triples) shown(name string) (shown string, ok bool) {
	if t == nil {
		return "", false
	}
	for i := range t.made {
		m := &t.made[i]
		if rest, ok := strings.CutPrefix(name, m.name); ok {
			return "the matrix of " + m.of + rest, true
		}
	}
	return "", false
}
