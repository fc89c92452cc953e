// Package recommend is the command that recommends items to users.
package recommend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/recommend"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/recommend"
)

// command is the flags.
type command struct {
	*cli.App
	input                 *cli.Input
	user, item, value, at *string
	duplicates            *string
	users                 *cli.Path
	k, top                *int
	similarity, weighting *string
	shrinkage             *float64
	excludeSeen           *bool
	threads               *int
	output                *cli.Output
	neighbors             *cli.Path
}

// New is the command.
func New() *cli.App {
	app := cli.New("recommend", "Recommends items to users by what they had: files in, files out.")
	c := &command{App: app, input: app.TripleInput()}

	rows := c.input.Group()
	c.user = rows.String("row", "", "the `COLUMN` of users, a name or an index: --row=user")
	c.item = rows.String("column", "", "the `COLUMN` of items, a name or an index: --column=item")
	c.value = rows.String("value", "", "the `COLUMN` of what a user thought of an item, or how often they had it: --value=rating (default: each row counts 1)")
	c.duplicates = rows.Choice("duplicates", string(model.Sum), cli.Texts(model.AllDuplicates), "`WHAT` stands for several rows of the same user and item: sum, mean, or last (in the order of the rows): --duplicates=mean")
	c.users = rows.InputFiles("users", "recommend only to the users of this table, in the column that --row names: a `PATH`: --users=out/some.csv (default: all)")

	compute := app.Group("What to compute")
	c.k = compute.Int("k", 20, "how many neighbours an item has")
	c.top = compute.Int("top", 10, "how many items a user is recommended: --top=5")
	c.similarity = compute.Choice("similarity", string(model.Cosine), cli.Texts(model.Similarities), "when items are alike, as `MEASURE`: cosine, adjusted_cosine (of ratings less their user's mean), jaccard (of the sets of users) or inner_product: --similarity=adjusted_cosine")
	c.weighting = compute.Choice("weighting", string(model.NoWeighting), cli.Texts(model.Weightings), "what values count where items are compared, as `WEIGHTING`: none, tfidf or bm25, as the package implicit has them: --weighting=tfidf; its BM25Recommender is --weighting=bm25 --similarity=inner_product")
	c.shrinkage = compute.Float("shrinkage", 0, "multiply a similarity by n/(n+`NUMBER`) of n users who had both items, so that what few had counts less: --shrinkage=10")
	c.excludeSeen = compute.Bool("exclude_seen", true, "leave out what the user had; --exclude_seen=false keeps it")
	c.threads = compute.Int("threads", 0, "how many threads a worker has (default: all cores)")

	write := app.Group("What to write")
	c.output = write.Output("the `FILE` of the recommendations: .csv (user,rank,item,score), .jsonl or .parquet, by user in ascending order: --output=out/recommendations.csv", recommend.Layout)
	c.neighbors = write.OutputFile("neighbors_output", "the `FILE` of the neighbours of items: .csv (item,rank,neighbor,similarity), .jsonl or .parquet: --neighbors_output=out/items.csv")
	return app.Runs(c.run)
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, err := c.job()
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
	c.Note(job.Data)
	if c.Explaining() {
		plan, err := c.PlanRows(ctx, job.Data, job.Reading, 1, job.Options.Threads)
		if err != nil {
			return err
		}
		show := &cli.Plan{}
		show.Rows("interactions", plan)
		return c.Explain(show, plan)
	}
	_, err = cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*recommend.Report]{
		Add:   func(s beam.Scope) error { return recommend.Recommend(s, job) },
		Read:  func(ctx context.Context) (*recommend.Report, error) { return recommend.ReadReport(ctx, &job.Options) },
		Tell:  func(r *recommend.Report) error { return c.tell(newSummary(r, time.Since(start))) },
		Clean: job.Options.Clean,
	})
	return err
}

func (c *command) tell(s *summary) error { return c.Summary(s.lines(), s) }

// job is what the flags ask for, with every fault of theirs.
func (c *command) job() (*recommend.Job, error) {
	reading, faults := c.input.Options()
	job := &recommend.Job{
		Columns: recommend.Columns{User: *c.user, Item: *c.item, Value: *c.value},
		Reading: reading,
		Options: recommend.Options{
			Duplicates: model.Duplicates(*c.duplicates), Top: *c.top, KeepSeen: !*c.excludeSeen, Threads: *c.threads, Workers: cli.Workers(),
			Model:  model.Options{Similarity: model.Similarity(*c.similarity), Weighting: model.Weighting(*c.weighting), K: *c.k, Shrinkage: *c.shrinkage},
			Output: c.output.Path.Path(), OutputFormat: *c.output.Format, NumShards: *c.output.Shards, NeighborsOutput: c.neighbors.Path(),
		},
	}
	errs := []error{faults}
	for _, f := range []struct{ name, value, of string }{{"row", *c.user, "users"}, {"column", *c.item, "items"}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("--%s is needed: the column of %s", f.name, f.of))
		}
	}
	if len(errs) == 1 {
		errs = append(errs, job.Columns.Validate())
	}
	o := &job.Options
	o.Scratch, _ = files.Split(cmp.Or(o.Output, o.NeighborsOutput))
	if o.Output == "" && o.NeighborsOutput == "" {
		errs = append(errs, errors.New("--output or --neighbors_output is needed"))
	} else {
		errs = append(errs, c.flagged(o.Validate()))
	}
	if reading.SkipFaults && o.Output == "" {
		errs = append(errs, errors.New("--on_error=skip: rows with a fault can only be skipped where there is an --output, for them to be listed beside it"))
	}
	o.EnsureDefaults()
	return job, cli.Usage(errs...)
}

// flagged puts the dashes of a flag before the faults of options, which begin with the names of flags.
func (c *command) flagged(err error) error {
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
		fmt.Sprintf("%d users × %d items, %d interactions: %d recommendations to %d users", s.Users, s.Items, s.Interactions, s.Recommendations, s.Answered),
		fmt.Sprintf("  in %.2f s: read %.2f s, neighbours %.2f s, score %.2f s, write %.2f s; peak memory %s",
			s.Seconds, s.Read, s.Fit, s.Score, s.Write+s.Assemble, files.Bytes(s.PeakMemory)),
	}
	for _, note := range []struct {
		n    int64
		text string
	}{
		{s.Merged, "%d rows of a user and an item that an earlier row has (--duplicates)"},
		{s.Without, "%d users have no recommendation: nothing is like what they had"},
		{s.UnknownUsers, "%d users of --users had nothing"},
	} {
		if note.n > 0 {
			lines = append(lines, fmt.Sprintf("  "+note.text, note.n))
		}
	}
	return append(lines, cli.FileLines(s.Rejected, s.RejectedFiles, s.OutputFiles)...)
}
