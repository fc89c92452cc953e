// Package recommend is the command that recommends items to users.
package recommend

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/features/compare"
	model "beamlearn/model/recommend"
	values "beamlearn/model/triples"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/recommend"
	"beamlearn/transforms/triples"
)

// command is the flags.
type command struct {
	*cli.App
	input                 *cli.Input
	user, item, value, at *string
	duplicates            *string
	users, items          *cli.Path
	filter                *string
	k, shrinkage          *string
	top, threads          *int
	similarity, weighting *string
	excludeSeen           *bool
	evaluate              *bool
	holdout               *float64
	seed                  *int
	output                *cli.Output
	neighbors, scores     *cli.Path
	page                  *cli.Page
}

// New is the command.
func New() *cli.App {
	app := cli.New("recommend", "Recommends items to users by what they had: files in, files out.")
	c := &command{App: app, input: app.TripleInput()}

	rows := c.input.Group()
	c.user = rows.String("row", "", "the `COLUMN` of users, a name or an index: --row=user")
	c.item = rows.String("column", "", "the `COLUMN` of items, a name or an index: --column=item")
	c.value = rows.String("value", "",
		"the `COLUMN` of what a user thought of an item, or how often they had it: --value=rating (default: each row "+
			"counts 1)")
	c.duplicates = rows.Choice("duplicates", string(values.Sum), cli.Texts(values.AllDuplicates),
		"`WHAT` stands for several rows of the same user and item: sum, mean, or last (in the order of the rows): "+
			"--duplicates=mean")
	c.users = rows.InputFiles("users",
		"recommend only to the users of this table, in the column that --row names, or in its only one: a `PATH`: "+
			"--users=out/some.csv (default: all)")

	c.items = rows.InputFiles("items",
		"the table of the items for --filter, whose ids stand in the column that --column names: a `PATH`: --items=items.csv")
	c.filter = rows.String("filter", "",
		"recommend only items whose row of --items meets this `CONDITION` on its columns, as kneighbors has it "+
			"(--evaluate judges without it): --filter='price<100 and genre in (\"a\", \"b\")'")

	compute := app.Group("What to compute")
	c.k = compute.String("k", "20",
		"how many neighbours an item has, as `NUMBER`; of --evaluate several, with commas between: --k=10,20,50")
	c.top = compute.Int("top", 10, "how many items a user is recommended: --top=5")
	c.similarity = compute.Choice("similarity", string(model.Cosine), cli.Texts(model.Similarities),
		"when items are alike, as `MEASURE`: cosine, adjusted_cosine (of ratings less their user's mean), jaccard (of the "+
			"sets of users) or inner_product: --similarity=adjusted_cosine")
	c.weighting = compute.Choice("weighting", string(model.NoWeighting), cli.Texts(model.Weightings),
		"what values count where items are compared, as `WEIGHTING`: none, tfidf or bm25, as the package implicit has "+
			"them: --weighting=tfidf; its BM25Recommender is --weighting=bm25 --similarity=inner_product")
	c.shrinkage = compute.String("shrinkage", "0",
		"multiply a similarity by n/(n+`NUMBER`) of n users who had both items, so that what few had counts less; of "+
			"--evaluate several: --shrinkage=0,10,100")
	c.excludeSeen = compute.Bool("exclude_seen", true, "leave out what the user had; --exclude_seen=false keeps it")
	c.threads = compute.Int("threads", 0, "how many threads a worker has (default: all cores)")

	judge := app.Group("What it is worth")
	c.evaluate = judge.Bool("evaluate", false,
		"hold out a part of each user's interactions, and say how well they are found: recall, precision, NDCG and "+
			"coverage, beside recommending to everybody what most had; outputs are then by the --k and --shrinkage of the "+
			"greatest NDCG")
	c.holdout = judge.Float("holdout", 0.2,
		"which `PART` of a user's interactions is held out, a share or a whole number, at least one and never all: "+
			"--holdout=1")
	c.at = judge.String("time", "",
		"the `COLUMN` of when a row was, a date or a number: the latest are held out, and with --duplicates=last the "+
			"latest counts: --time=date (default: chance draws them)")
	c.seed = judge.Seed("of chance")

	write := app.Group("What to write")
	c.output = write.Output("the `FILE` of the recommendations: .csv (user,rank,item,score), .jsonl or .parquet, by "+
		"user in ascending order: --output=out/recommendations.csv", recommend.Layout)
	c.neighbors = write.OutputFile("neighbors_output",
		"the `FILE` of the neighbours of items: .csv (item,rank,neighbor,similarity), .jsonl or .parquet: "+
			"--neighbors_output=out/items.csv")
	c.scores = write.OutputFile("evaluate_output",
		"the `FILE` of what --evaluate finds: .csv, or .json with the groups of users: --evaluate_output=out/scores.csv").Here()
	c.page = write.Page("the `FILE` of the page: .html, e.g. out/recommendations.html (default: beside an output, "+
		"where that is on this host, NAME.html; none for none)", c.output.Path, c.scores, c.neighbors)
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, page, err := c.job()
	if err != nil {
		return err
	}
	if err := job.Inspect(ctx, c.input.Patterns()); err != nil {
		return err
	}
	if patterns := c.users.List(); patterns != nil {
		if err := job.InspectUsers(ctx, patterns); err != nil {
			return err
		}
	}
	if patterns := c.items.List(); patterns != nil {
		condition, err := compare.Parse(*c.filter)
		if err != nil {
			return cli.Usage(fmt.Errorf("--filter: %w", err))
		}
		if err := job.InspectItems(ctx, patterns, condition); err != nil {
			return err
		}
	}
	c.Note(job.Data)
	if c.Explaining() {
		memory := func(rows int64) int64 { return rowBytes * rows }
		return c.ExplainRows(ctx, "interactions", job.Data, job.Reading, 1, job.Options.Threads, memory)
	}
	if err := fits(job); err != nil {
		return err
	}
	_, err = cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*recommend.Report]{
		Add:   func(s beam.Scope) error { return recommend.Recommend(s, job) },
		Read:  func(ctx context.Context) (*recommend.Report, error) { return recommend.ReadReport(ctx, &job.Options) },
		Tell:  func(r *recommend.Report) error { return c.tell(ctx, job, r, page, start) },
		Clean: job.Options.Clean,
	})
	return err
}

// rowBytes is what the worker that reads all rows needs for each, about.
const rowBytes = 60

// fits reports that this process may not have the memory for the rows, so that it ends before it begins.
func fits(job *recommend.Job) error {
	rows, limit := max(job.Data.Rows, job.Data.RowsAbout), cli.MemoryLimit()
	if job.Options.Workers != placement.InProcess || limit.Bytes == 0 || rows*rowBytes <= limit.Bytes {
		return nil
	}
	return fmt.Errorf("%d rows take about %d MB of memory, and this process may use %d MB (%s): take a part of the "+
		"rows, or a machine with more memory",
		rows, rows*rowBytes/1e6, limit.Bytes/1e6, limit.What)
}

// tell writes what this process writes, and the summary.
func (c *command) tell(ctx context.Context, job *recommend.Job, r *recommend.Report, page string,
	start time.Time) error {
	if name := c.scores.Path(); name != "" {
		if err := files.Output(ctx, name, func(w io.Writer) error { return writeScores(w, name, r.Comparison) }); err != nil {
			return err
		}
		r.OutputFiles = append(r.OutputFiles, name)
	}
	if page != "" {
		o := job.Options.Model
		o.K, o.Shrinkage = r.K, r.Shrinkage
		v := &model.View{Source: cli.SourceOf(job.Data.Files), Options: o, Overview: r.Overview, Comparison: r.Comparison}
		if err := files.Output(ctx, page, v.Page().Write); err != nil {
			return err
		}
		r.OutputFiles = append(r.OutputFiles, page)
	}
	s := newSummary(r, time.Since(start))
	return c.Summary(s.lines(), s)
}

// writeScores writes what recommenders are worth, as the name says.
func writeScores(w io.Writer, name string, c *model.Comparison) error {
	if strings.HasSuffix(name, ".csv") {
		return csv.NewWriter(w).WriteAll(c.Records())
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(c)
}

// job is what the flags ask for, with every fault of theirs, and where the page goes.
func (c *command) job() (*recommend.Job, string, error) {
	reading, faults := c.input.Options()
	ks, kErr := numbers(*c.k, "k", strconv.Atoi)
	shrinkages, shrinkageErr := numbers(*c.shrinkage, "shrinkage",
		func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	if err := errors.Join(kErr, shrinkageErr); err != nil {
		return nil, "", cli.Usage(faults, err)
	}
	page, pageErr := c.page.Path()
	job := &recommend.Job{
		Columns: triples.Columns{Row: *c.user, Column: *c.item, Value: *c.value, Time: *c.at},
		Reading: reading,
		Options: recommend.Options{
			Duplicates: values.Duplicates(*c.duplicates), Top: *c.top, KeepSeen: !*c.excludeSeen, Threads: *c.threads,
			Workers: cli.Workers(),
			Model: model.Options{Similarity: model.Similarity(*c.similarity), Weighting: model.Weighting(*c.weighting),
				K: ks[0], Shrinkage: shrinkages[0]},
			Destination:     c.output.Destination(),
			NeighborsOutput: c.neighbors.Path(),
			Overview:        page != "",
		},
	}
	o := &job.Options
	if *c.evaluate {
		o.Compare = &model.Compared{Ks: ks, Shrinkages: shrinkages,
			Holdout: model.Holdout{Part: *c.holdout, ByTime: *c.at != "", Seed: uint64(*c.seed)}}
	}
	o.Scratch, _ = files.Split(cmp.Or(o.Output, o.NeighborsOutput, c.scores.Path(), page))
	errs := append([]error{faults, pageErr}, c.contradictions(len(ks), len(shrinkages))...)
	if err := job.Columns.Validate(); *c.user != "" && *c.item != "" {
		errs = append(errs, err)
	}
	if o.Scratch == "" && o.Output == "" {
		o.Scratch = os.TempDir()
	}
	errs = append(errs, flagged(o.Validate()))
	o.EnsureDefaults()
	return job, page, cli.Usage(errs...)
}

// contradictions are flags that are missing, or of no use with others.
func (c *command) contradictions(ks, shrinkages int) (errs []error) {
	for _, f := range []struct{ name, value, of string }{{"row", *c.user, "users"}, {"column", *c.item, "items"}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("--%s is needed: the column of %s", f.name, f.of))
		}
	}
	if (*c.filter == "") != (c.items.String() == "") {
		errs = append(errs, errors.New("--items and --filter: one needs the other"))
	}
	output := c.output.Path.Path() != ""
	if !*c.evaluate {
		for _, f := range []struct {
			name string
			many int
		}{{"k", ks}, {"shrinkage", shrinkages}} {
			if f.many > 1 {
				errs = append(errs, fmt.Errorf("--%s: several are compared by --evaluate alone", f.name))
			}
		}
		for _, name := range []string{"holdout", "seed", "evaluate_output"} {
			if c.Given(name) {
				errs = append(errs, fmt.Errorf("--%s is of --evaluate", name))
			}
		}
		if *c.at != "" && *c.duplicates != string(values.Last) {
			errs = append(errs, errors.New("--time is of --evaluate, or of --duplicates=last"))
		}
		if !output && c.neighbors.Path() == "" && c.page.Given() == "" {
			errs = append(errs, errors.New("--output, --neighbors_output or --evaluate is needed"))
		}
	}
	if name := c.scores.Path(); name != "" && !strings.HasSuffix(name, ".csv") && !strings.HasSuffix(name, ".json") {
		errs = append(errs, fmt.Errorf("--evaluate_output=%s: must end in .csv or .json", c.scores))
	}
	if c.input.Skips() && !output {
		errs = append(errs, errors.New(
			"--on_error=skip: rows with a fault can only be skipped where there is an --output, for them to be listed beside it"))
	}
	return errs
}

// numbers reads those of a flag.
func numbers[T int | float64](value, flag string, parse func(string) (T, error)) (all []T, err error) {
	for _, s := range cli.List(value) {
		v, err := parse(s)
		if err != nil || slices.Contains(all, v) {
			return nil, fmt.Errorf("--%s=%s: must be a number, or different ones with commas between", flag, value)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--%s: must be a number", flag)
	}
	return all, nil
}

// flagged puts the dashes of a flag before the faults of options, which begin with the names of flags.
func flagged(err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for line := range strings.SplitSeq(err.Error(), "\n") {
		name, rest, _ := strings.Cut(line, " ")
		for _, flag := range []string{"k", "top", "shrinkage", "similarity", "weighting", "duplicates", "threads"} {
			if name == flag {
				line = "--" + flag + " " + rest
			}
		}
		errs = append(errs, errors.New(line))
	}
	return errors.Join(errs...)
}

// summary is what --summary writes.
type summary struct {
	*recommend.Report
	Seconds    float64 `json:"total_s"`
	PeakMemory int64   `json:"peak_memory_bytes"` // of the process that submits, which on Prism does the work too
}

func newSummary(r *recommend.Report, total time.Duration) *summary {
	return &summary{Report: r, Seconds: total.Seconds(), PeakMemory: cli.PeakMemory()}
}

func (s *summary) lines() []string {
	lines := []string{
		fmt.Sprintf("%s × %s, %s", cli.Count(s.Users, "user"), cli.Count(s.Items, "item"),
			cli.Count(s.Interactions, "interaction")),
		fmt.Sprintf(
			"  in %.2f s: read %.2f s, evaluate %.2f s, neighbours %.2f s, score %.2f s, write %.2f s; peak memory %s",
			s.Seconds, s.Read, s.Compare, s.Fit, s.Score, s.Write+s.Assemble, files.Bytes(s.PeakMemory)),
	}
	if s.Answered > 0 {
		lines[0] += fmt.Sprintf(": %s to %s", cli.Count(s.Recommendations, "recommendation"), cli.Count(s.Answered, "user"))
	}
	if c := s.Comparison; c != nil {
		lines = append(lines, comparisonLines(c)...)
	}
	for _, note := range []struct {
		n            int64
		one, several string
	}{
		{s.Merged, "row of a user and an item that an earlier row has (--duplicates)",
			"rows of a user and an item that an earlier row has (--duplicates)"},
		{s.Without, "user has no recommendation: no item that may be one is like what that one had",
			"users have no recommendation: no item that may be one is like what they had"},
		{s.UnknownUsers, "user of --users had nothing", "users of --users had nothing"},
	} {
		if note.n > 0 {
			lines = append(lines, "  "+cli.Agree(note.n, note.one, note.several))
		}
	}
	return append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
}

// comparisonLines are a table of what recommenders are worth.
func comparisonLines(c *model.Comparison) []string {
	lines := []string{fmt.Sprintf(
		"  %s of %s held out, %d known; in brackets, what 95 %% of samples of such users would show:",
		cli.Count(c.Held, "interaction"), cli.Count(c.Recommender[0].Users, "user"), c.Known)}
	table := c.Table()
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range table {
		line := "  "
		for i, cell := range row {
			line += "  " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	line := "  the best by NDCG: " + c.Recommender[c.Best].Name()
	if c.Beaten() {
		line += "; but to recommend what most had is better"
	}
	return append(lines, line)
}
