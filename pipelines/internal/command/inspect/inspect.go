// Package inspect is the command that takes a glance at files: at vectors (how many, of which columns, what is wrong
// with them), at neighbours, models and indexes.
//
// It is no Beam pipeline: one pass, as fast as the files can be read on the cores of one machine, whose result is
// small.
package inspect

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"beamlearn/model/formats"
	"beamlearn/model/profile"
	"beamlearn/model/report"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/progress"
)

// command is the flags.
type command struct {
	*cli.App
	format, columns, id, array *string
	written                    *cli.Text
	rows, head, shown          *int
	asJSON                     *bool
	target                     *string
	triples                    *cli.Triples
	page                       *cli.Page
}

// New is the command.
func New() *cli.App {
	app := cli.New("inspect", `Takes a glance at files: inspect FILE…, several files or a glob of vectors as one dataset.
Shows rows, columns, faults, norms, duplicates; of neighbours, models and indexes, what they hold.`)
	c := &command{App: app}

	reading := app.Group("What to read")
	c.format = reading.String("input_format", "",
		"the `FORMAT` of the files, as --input_format=csv (default by the extension)")
	c.array = reading.String("array", "",
		"the array of a .npz, by its `NAME`: --array=X (default: the only one of two dimensions)")
	c.columns = reading.String("columns", "",
		"the `COLUMNS` that make the vector, as --columns='pixel_*' or --columns=0-3,7 (default all but the id)")
	c.id = reading.String("id_column", "",
		"the `COLUMN` that holds a row's id, as --id_column=id; are they unique? (default: none)")
	c.target = reading.String("target", "",
		"the `COLUMN` that is to be learned, as --target=delayed: is any other a near-copy of it? (default: none)")
	c.written = reading.Text()
	c.rows = reading.Int("rows", 0, "look at the first `N` rows only, as --rows=100000 (default all)")

	c.triples = app.Triples()

	showing := app.Group("What to print")
	c.head = showing.Int("head", 5, "how many of the first rows to print, as --head=10")
	c.shown = showing.Int("show_columns", 8, "how many columns to print, as --show_columns=100")
	c.page = showing.Page("a page of what each column holds, as `FILE`: --report=out/columns.html; none for none " +
		"(default: none)")
	c.asJSON = showing.Bool("json", false, "print everything as JSON, for programs")
	return app.RunsHere(c.run)
}

// found is what the files are.
type found struct {
	Dataset   *profile.Profile     `json:"dataset,omitempty"`
	Table     *profile.Table       `json:"table,omitempty"` // the same, where it holds more than numbers
	Neighbors []*profile.Neighbors `json:"neighbors,omitempty"`
	Models    []*modelSummary      `json:"models,omitempty"`
	PCAs      []*pcaSummary        `json:"pcas,omitempty"`
	Targets   []*targetsSummary    `json:"models_of_targets,omitempty"`
	Clusters  []*clustersSummary   `json:"clusters,omitempty"`
	Bayes     []*bayesSummary      `json:"naive_bayes,omitempty"`
	Encodings []*encodingSummary   `json:"encodings,omitempty"`
	Indexes   []*indexSummary      `json:"indexes,omitempty"`
	Outputs   []*outputSummary     `json:"outputs,omitempty"`
	Scores    []*scoresSummary     `json:"cross_validations,omitempty"`

	files  []formats.File // of the table, or the vectors
	target string         // that was given
	flags  []string       // of reading that were given
}

func (c *command) options() (profile.Options, error) {
	o := profile.Options{Rows: int64(*c.rows), Head: *c.head, Target: *c.target}
	o.Formats = formats.Options{Format: *c.format, IDColumn: *c.id, Array: *c.array, Unlabelled: true}
	c.written.Set(&o.Formats)
	errs := o.Formats.Validate()
	if *c.columns != "" {
		r := csv.NewReader(strings.NewReader(*c.columns))
		r.TrimLeadingSpace = true
		var err error
		if o.Formats.Columns, err = r.Read(); err != nil {
			errs = append(errs, errors.New(
				"--columns: names with commas between, those with a comma of their own in double quotes"))
		}
	}
	for name, v := range map[string]int{"rows": *c.rows, "head": *c.head, "show_columns": *c.shown} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("--%s=%d: must be at least 0", name, v))
		}
	}
	if _, err := c.page.Path(); err != nil {
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// reading are the flags that say how files are read, which a command for the same files needs as well.
var reading = []string{
	"input_format", "array", "columns", "id_column", "header", "delimiter", "decimal", "thousands", "comment", "quoting",
	"encoding", "skip_rows", "row", "column", "value", "duplicates",
}

// pagePath is where the page goes, as it was given, or nothing.
func (c *command) pagePath() string {
	if name := c.page.Given(); name != cli.NoReport {
		return name
	}
	return ""
}

// checkPage says why the page cannot be where it is asked for.
func (c *command) checkPage(infos []files.Info) error {
	name := c.pagePath()
	if name == "" {
		return nil
	}
	page := files.Named{Flag: "--report", Name: name}
	var inputs []files.Named
	for _, info := range infos {
		inputs = append(inputs, files.Named{Flag: "the file", Name: info.Name})
	}
	return cli.Usage(errors.Join(files.Conflict(inputs, []files.Named{page}), files.CheckWritable(page)))
}

// writePage writes the page of the table, or the vectors.
func (c *command) writePage(ctx context.Context, f *found) error {
	name := c.pagePath()
	if name == "" {
		return nil
	}
	var page *report.Page
	switch {
	case f.Table != nil:
		page = f.Table.Page(f.commands())
	case f.Dataset != nil:
		page = f.Dataset.Page(f.commands())
	default:
		return errors.New("--report: only vectors and tables have a page, and there are none among the files")
	}
	return files.Output(ctx, name, page.Write)
}

func (c *command) run(ctx context.Context, patterns []string) error {
	o, err := c.options()
	if len(patterns) == 0 {
		err = errors.Join(errors.New("a file is needed: inspect FILE…"), err)
	}
	if err := cli.Usage(err, c.triples.Check()); err != nil {
		return err
	}
	if err := files.CheckSnapshots(ctx, patterns); err != nil {
		return err
	}
	infos, err := files.List(ctx, patterns)
	if err != nil {
		return err
	}
	if err := c.checkPage(infos); err != nil {
		return err
	}
	if !c.triples.Asked() {
		return c.show(ctx, o, infos)
	}
	rows, done, err := c.triples.Here(ctx, patterns, o.Formats)
	if err == nil {
		o.Formats = formats.Options{Format: "parquet", IDColumn: c.triples.Options().ID, Unlabelled: true}
		err = c.show(ctx, o, []files.Info{rows})
	}
	return errors.Join(err, done())
}

// show looks at files, and prints what they are.
func (c *command) show(ctx context.Context, o profile.Options, infos []files.Info) error {
	f := found{target: *c.target, flags: c.Repeat(reading...)}
	err := c.While(func(run *progress.Run) error {
		run.Phase("reading")
		o.Progress = func(rows, total int64) {
			run.Total(total)
			run.Add(rows)
		}
		return f.look(ctx, o, infos)
	})
	if c.triples.Asked() && f.Dataset != nil {
		f.Dataset.Files[0].Format = "triples"
	}
	if err == nil {
		err = c.writePage(ctx, &f)
	}
	if err != nil {
		return err
	}
	if *c.asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(f)
	}
	_, err = io.WriteString(os.Stdout, f.text(*c.shown))
	return err
}

// look looks at each file as what it is, and at all that hold vectors as one dataset.
func (f *found) look(ctx context.Context, o profile.Options, infos []files.Info) error {
	together := groups{pairs: map[string]bool{}, shards: map[string][]formats.File{}, outputs: map[string][]formats.File{}}
	for _, info := range infos {
		kind := ""
		if o.Formats.Format == "" && len(o.Formats.Columns) == 0 {
			var err error
			if kind, err = sniff(ctx, files.Open(info)); err != nil {
				return err
			}
		}
		if err := f.one(ctx, info, kind, &together); err != nil {
			return err
		}
	}
	for _, base := range slices.Sorted(maps.Keys(together.shards)) {
		n, err := profile.NeighborsOf(ctx, together.shards[base]...)
		if err != nil {
			return err
		}
		f.Neighbors = append(f.Neighbors, n)
	}
	for _, base := range slices.Sorted(maps.Keys(together.outputs)) {
		x, err := outputOf(ctx, o, together.outputs[base])
		if err != nil {
			return err
		}
		f.Outputs = append(f.Outputs, x)
	}
	if f.files = together.data; len(f.files) == 0 {
		return nil
	}
	isTable := false
	for _, file := range f.files {
		isTable = isTable || profile.IsTable(ctx, file, o.Formats)
	}
	var err error
	if isTable {
		f.Table, err = profile.TableOf(ctx, o, f.files)
	} else {
		f.Dataset, err = profile.Of(ctx, o, f.files)
	}
	return err
}

// groups are files that are looked at together.
type groups struct {
	data    []formats.File
	pairs   map[string]bool           // of neighbours in .npy, by what their names have in common
	shards  map[string][]formats.File // of neighbours, by the name of the whole
	outputs map[string][]formats.File // of predictions, or of projected rows, likewise
}

// one looks at a file of a kind, or adds it to those that it is looked at with.
func (f *found) one(ctx context.Context, info files.Info, kind string, together *groups) error {
	file := files.Open(info)
	if read := models[kind]; read != nil {
		b, err := files.ReadFile(ctx, info.Name)
		if err != nil {
			return err
		}
		return read(f, info.Name, b)
	}
	switch kind {
	case "neighbors":
		together.shards[unsharded(info.Name)] = append(together.shards[unsharded(info.Name)], file)
	case predictions, projections:
		together.outputs[unsharded(info.Name)] = append(together.outputs[unsharded(info.Name)], file)
	case "scores":
		x, err := scoresOf(ctx, file)
		if err != nil {
			return err
		}
		f.Scores = append(f.Scores, x)
	case "pair":
		base := strings.TrimSuffix(strings.TrimSuffix(info.Name, indicesEnding), distancesEnding)
		if together.pairs[base] {
			return nil
		}
		together.pairs[base] = true
		n, err := pair(ctx, base)
		if err != nil {
			return err
		}
		f.Neighbors = append(f.Neighbors, n)
	case "index":
		x, err := knn.Inspect(ctx, info.Location())
		if err != nil {
			return err
		}
		f.Indexes = append(f.Indexes, indexOf(info.Name, info.Size, x))
	default:
		together.data = append(together.data, file)
	}
	return nil
}

var shardName = regexp.MustCompile(`-[0-9]{5,}-of-[0-9]{5,}(\.[a-z]+)$`)

// unsharded is the name of an output whose files, NAME-00000-of-00002.csv and so on, are told of together.
func unsharded(name string) string { return shardName.ReplaceAllString(name, "$1") }

const (
	indicesEnding   = ".indices.npy"
	distancesEnding = ".distances.npy"
	sniffed         = 4096 // bytes
)

// sniff says what a file is that does not hold vectors, or "".
func sniff(ctx context.Context, f formats.File) (kind string, err error) {
	name := f.Name()
	for ending, other := range map[string]string{indicesEnding: distancesEnding, distancesEnding: indicesEnding} {
		if base, ok := strings.CutSuffix(name, ending); ok {
			if _, err := files.Stat(ctx, base+other); err == nil {
				return "pair", nil
			}
		}
	}
	if profile.IsNeighbors(ctx, f) {
		return "neighbors", nil
	}
	if kind := outputKind(ctx, f); kind != "" {
		return kind, nil
	}
	r, err := f.OpenRange(ctx, 0, min(f.Size(), sniffed))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return "", err
	}
	if bytes.HasPrefix(b, []byte("BLKNNIDX")) {
		return "index", nil
	}
	return modelKind(ctx, name, b)
}

func pair(ctx context.Context, base string) (*profile.Neighbors, error) {
	var both [2]formats.File
	for i, ending := range []string{indicesEnding, distancesEnding} {
		infos, err := files.List(ctx, []string{base + ending})
		if err != nil {
			return nil, err
		}
		both[i] = files.Open(infos[0])
	}
	return profile.NeighborsOfNPY(ctx, both[0], both[1])
}
