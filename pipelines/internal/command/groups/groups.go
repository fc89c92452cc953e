// Package groups is the command that makes groups of near-duplicates.
package groups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/report"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/placement"
)

// command is the flags.
type command struct {
	*cli.App
	input       *cli.Input
	tables      *cli.Tables
	standardize *bool

	radius, diameter **float64
	mutual           *int
	metric           *cli.Metric
	algorithm, keep  *string
	recall           **float64
	seed, threads    *int

	broadcast *string
	memory    *int64
	staging   *cli.Path

	output        *cli.Output
	kept, dropped *cli.Path
	page          *cli.Page
	texts         *cli.Path
}

// New is the command.
func New() *cli.App {
	app := cli.New("groups", "Makes groups of near-duplicates, and says which row of each stays: files in, files out.")
	c := &command{App: app, input: app.Input()}

	c.tables = app.Tables(false)

	compute := app.Group("What to compute")
	c.standardize = compute.Bool("standardize", false,
		"bring the numbers and dates of a table to mean 0 and variance 1 first, as where they have different units; its "+
			"categories stay 0 and 1")
	c.radius = compute.OptionalFloat("radius",
		"rows at most this `DISTANCE` apart are of one group, and so are those that a chain of such rows connects, as in "+
			"scikit-learn's DBSCAN(min_samples=1): --radius=0.1")
	c.mutual = compute.Int("mutual_k", 0,
		"rows are of one group where each is among the `K` nearest of the other, at whatever distance, or with --radius "+
			"within it, and so are those that a chain of such rows connects: --mutual_k=10")
	c.diameter = compute.OptionalFloat("max_diameter",
		"no two rows of a group are farther apart than this `DISTANCE`: groups that are wider, as chains are, are cut by "+
			"complete linkage, as in scikit-learn's AgglomerativeClustering(linkage=\"complete\"): --max_diameter=0.2")
	c.keep = compute.String("keep", string(groups.First),
		"which `ROW` of a group stays: first, last, center (with the most neighbours), or COLUMN:max, COLUMN:min (a "+
			"column of numbers, which is then no part of what makes rows near): --keep=price:max")
	c.metric = compute.Metric(metrics())
	c.algorithm = compute.Choice("algorithm", "auto", cli.Texts(neighbors.Algorithms),
		"how to search, which changes the time and never the answer, as `ALGORITHM`: "+cli.Names(neighbors.Algorithms)+
			": --algorithm=brute")
	c.recall = compute.OptionalFloat("recall",
		"an approximate search instead, by which this `SHARE` of the pairs within the radius come into one group; the job "+
			"measures it on rows that it answers exactly too: --recall=0.99")
	c.seed = compute.Seed("chooses the partitions and samples of --recall: the same seed gives the same groups")
	c.threads = compute.Int("threads", 0, "how many threads share a chunk of rows (default: all cores)")

	where := app.Group("How the index reaches the workers, which changes the time and never the answer")
	c.broadcast = where.Choice("broadcast", knn.Auto, knn.Broadcasts, "the `WAY`: "+cli.Names(knn.Broadcasts)+
		", as in kneighbors: --broadcast=file")
	c.memory = where.Size("index_memory", 0,
		"what a worker may spend on the index, as a `SIZE`; what is above is cut into shards: --index_memory=200MB "+
			"(default: what it takes)")
	c.staging = where.Directory("staging",
		"the `DIR` for what goes from step to step while the job runs, which every worker must reach: "+
			"--staging=gs://bucket/tmp (default: beside the output)")

	write := app.Group("What to write")
	c.output = write.Output("the `FILE` to write, with a row for each row of the input: .csv (id,group,size,keep), "+
		".jsonl or .parquet; group is the id of its first row, keep is 1 or 0: --output=out/groups.csv",
		results.Layout{Columns: []results.Column{{Name: "group", Type: results.ID}}})
	c.kept = write.OutputFile("output_kept",
		"also the `FILE` for the rows that stay, with all columns as they stand in the input, in its format (.csv, .tsv, "+
			".jsonl, .npy, .parquet): --output_kept=out/kept.csv")
	c.dropped = write.OutputFile("output_dropped",
		"also the `FILE` for the other rows, in the same way: --output_dropped=out/dropped.csv")
	c.page = write.Page("the `FILE` of a page about the groups, what lesser radii would make, and the largest of them: "+
		"--report=out/groups.html; none for none (default: beside an output on this host, NAME.html)", c.output.Path)
	c.page.Unless(func() bool { return *c.radius == nil })
	c.texts = write.InputFile("texts",
		"the `FILE` of texts for the page: line i is that of row i, or with --id_column each line is an id, a tab and its "+
			"text: --texts=testdata/words.tsv").Here()
	return app.Runs(c.run)
}

// metrics are those by which a row is near itself.
func metrics() []neighbors.Metric {
	return slices.DeleteFunc(slices.Clone(neighbors.Metrics), func(m neighbors.Metric) bool { return !m.Reflexive() })
}

func (c *command) run(ctx context.Context) error {
	start := time.Now()
	job, err := c.job()
	if err != nil {
		return err
	}
	if err := c.metric.Params(ctx, &job.Options.Neighbors); err != nil {
		return err
	}
	if err = job.InspectCorpus(ctx, c.input.Patterns()); err != nil {
		return err
	}
	c.Note(job.Corpus)
	if name := c.texts.String(); name != "" {
		if _, err := files.Stat(ctx, name); errors.Is(err, os.ErrNotExist) {
			return fault.File(name, "texts for the page", "no file of that name")
		}
	}
	if column := job.Options.Groups.Column; column != "" {
		c.Tell(fault.Plain(column) + " says which row of a group stays, and is no part of what makes rows near")
	}
	copies, err := c.copies(ctx, job)
	if err != nil {
		return err
	}
	if job.Reading.Formats.Cells {
		e, err := c.tables.FitDense(ctx, &cli.Dense{
			Data: job.Corpus, Reading: job.Reading, Standardize: *c.standardize, Output: job.Options.Output,
			RunID: job.Options.RunID,
		})
		if err != nil {
			return err
		}
		if err := job.Encoded(e); err != nil {
			return err
		}
	}
	if err := cli.Usage(job.Check()); err != nil {
		return err
	}
	if c.Explaining() {
		return c.ExplainRows(ctx, "points", job.Corpus, job.Reading, 1, job.Options.Threads,
			func(int64) int64 { return job.Memory() })
	}
	if err := cli.Fits(job.Memory()); err != nil {
		return err
	}
	_, err = cli.Do(ctx, c.App, job.Options.RunID, cli.Steps[*knn.Report]{
		Add:  func(s beam.Scope) error { return knn.KNeighbors(s, job) },
		Read: func(ctx context.Context) (*knn.Report, error) { return knn.ReadReport(ctx, &job.Options) },
		Tell: func(r *knn.Report) error {
			if err := c.writePage(ctx, job, r); err != nil {
				return err
			}
			for _, k := range copies {
				made, err := c.write(ctx, job, k)
				if err != nil {
					return err
				}
				r.OutputFiles = append(r.OutputFiles, made...)
			}
			if err := c.Summary(lines(r, time.Since(start)), r); err != nil {
				return err
			}
			return short(r.Approximate)
		},
		Clean: func(ctx context.Context) error { return knn.Clean(ctx, &job.Options) },
	})
	return err
}

// writePage writes a page of the groups, unless none is to be.
func (c *command) writePage(ctx context.Context, job *knn.Job, r *knn.Report) error {
	o := r.GroupsOverview
	if r.GroupsOverview = nil; o == nil { // it is for the page
		return nil
	}
	name, err := c.page.Path()
	if err != nil {
		return err
	}
	v := &groups.View{Source: cli.SourceOf(job.Corpus.Files), Metric: string(job.Options.Neighbors.Metric)}
	if file := c.texts.String(); file != "" {
		all, err := c.Texts(ctx, file, o.IDs(), job.Reading.Formats.IDColumn != "", r.Points)
		if err != nil {
			return err
		}
		v.Texts = func(id string) string { return all[id] }
	}
	if a := r.Approximate; a != nil && a.Method != "exact" && a.Sample > 0 {
		v.Facts = []report.Fact{{Name: "pairs in one group, measured",
			Value: fmt.Sprintf("%.4f (95 %%: %.4f to %.4f)", a.Recall, a.Low, a.High)}}
	}
	p, err := o.Page(*r.Groups, v)
	if err != nil {
		return err
	}
	r.OutputFiles = append(r.OutputFiles, name)
	return files.Output(ctx, name, p.Write)
}

// copies are the jobs that write rows as they stand.
func (c *command) copies(ctx context.Context, job *knn.Job) (all []*knn.KeptJob, err error) {
	for _, to := range []struct {
		path    *cli.Path
		name    string
		dropped bool
	}{{c.kept, "output_kept", false}, {c.dropped, "output_dropped", true}} {
		if to.path.Path() == "" {
			continue
		}
		k, err := job.Kept(ctx, to.path.Path(), to.dropped)
		if err != nil && c.input.Triples().Asked() && path.Ext(to.path.Path()) != ".parquet" {
			err = errors.New("rows that are made of triples are written as .parquet, with their indices and values")
		}
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--%s: %w", to.name, err))
		}
		all = append(all, k)
	}
	return all, nil
}

// write runs such a job, and says which files it has written.
func (c *command) write(ctx context.Context, job *knn.Job, k *knn.KeptJob) ([]string, error) {
	return cli.Do(ctx, c.App, k.RunID(), cli.Steps[[]string]{
		Add: func(s beam.Scope) error {
			k.Write(s, &job.Options)
			return nil
		},
		Read: k.Files, Clean: k.Clean,
	})
}

// job is what the flags ask for, with every fault of theirs.
func (c *command) job() (*knn.Job, error) {
	reading, faults := c.input.Options()
	var radiusErr error
	switch {
	case c.Given("mutual_k") && *c.mutual < 1:
		radiusErr = fmt.Errorf("--mutual_k=%d: must be at least 1", *c.mutual)
	case *c.radius == nil && *c.mutual == 0:
		radiusErr = errors.New("--radius is needed: within which distance rows are near-duplicates (or --mutual_k)")
	case *c.radius == nil && c.page.Given() != "" && c.page.Given() != cli.NoReport:
		radiusErr = errors.New("--report shows groups of lesser radii: with --mutual_k, --radius is needed, too")
	case *c.radius == nil && *c.diameter != nil:
		radiusErr = errors.New("--max_diameter is of pairs within a radius: with --mutual_k, --radius is needed, too")
	case *c.mutual > 0 && *c.recall != nil:
		radiusErr = errors.New("--recall is of all pairs within a radius: --mutual_k finds neighbours exactly")
	}
	keep, keepErr := groups.ParseKeep(*c.keep)
	if keepErr != nil {
		keepErr = fmt.Errorf("--%w", keepErr)
	}
	if keep.Column != "" {
		reading.Formats.TargetColumn, reading.Formats.Unlabelled = keep.Column, false
		reading.Formats.Untargeted = true // a row without a number there is a row
	}
	page, pageErr := c.page.Path()
	_, tableErr := c.tables.Options(*c.standardize)
	tableErr = errors.Join(tableErr, c.tables.Columns(&reading.Formats), c.metric.Check())
	if c.tables.Asked() || *c.standardize {
		reading.Formats.Cells = true
	}
	job := &knn.Job{Reading: reading, Options: knn.Options{
		Neighbors: c.metric.Options(),
		Radius:    *c.radius, Threads: *c.threads, Workers: cli.Workers(), Groups: &keep, Diameter: *c.diameter,
		LeaveKept: c.kept.Path() != "" || c.dropped.Path() != "",
		Overview:  page != "",
		Broadcast: *c.broadcast, IndexMemory: *c.memory, Staging: c.staging.Path(),
		Destination: c.output.Destination(),
	}}
	job.Options.Neighbors.Algorithm = neighbors.Algorithm(*c.algorithm)
	if *c.mutual > 0 {
		job.Options.K, job.Options.Symmetric = *c.mutual, neighbors.Mutual
	}
	var recallErr error
	switch job.Options.Seed = uint64(*c.seed); {
	case *c.recall != nil && !(**c.recall > 0 && **c.recall <= 1):
		recallErr = fmt.Errorf("--recall=%v: must be greater than 0 and at most 1", **c.recall)
	case *c.recall != nil:
		job.Options.Recall = **c.recall
	case c.Given("seed"):
		recallErr = errors.New("--seed is of an approximate search: --recall=0.99")
	}
	if job.Options.SearchRows = c.input.ChunkRows(); job.Options.SearchRows == 0 && *c.mutual > 0 &&
		cli.Workers() == placement.InProcess {
		job.Options.SearchRows = knn.SearchRowsOf(*c.mutual) // each pair is compared once
	}
	job.Options.EnsureDefaults()
	if err := errors.Join(faults, radiusErr, keepErr, recallErr, tableErr, pageErr); err != nil {
		return nil, cli.Usage(err)
	}
	return job, cli.Usage(job.Options.Validate())
}

// recallLines say how many of the pairs came into one group.
func recallLines(r *ivf.Report) []string {
	switch {
	case r.Method == "exact":
		return []string{"  recall 1: all rows were answered exactly, which was cheaper, or needed for the recall that was " +
			"asked"}
	case r.Sample == 0:
		return []string{"  no row that was answered exactly too has another within the radius: nothing to measure the " +
			"recall by"}
	}
	return []string{fmt.Sprintf(
		"  recall %.4f of the pairs (95 %%: %.4f to %.4f), by %s with pairs, answered exactly too: %s",
		r.Recall, r.Low, r.High, cli.Count(r.Sample, "row"), cli.Count(r.Repetitions, "partition"))}
}

// short is the error of a recall that falls short of what was asked.
func short(r *ivf.Report) error {
	if r == nil || !r.Short() {
		return nil
	}
	return &cli.ShortError{Found: fmt.Sprintf(
		"the output has %.6g of the pairs in one group, less than the recall %v that was asked: "+
			"ask for more, or search exactly, without --recall", r.Recall, r.Asked)}
}

func lines(r *knn.Report, total time.Duration) []string {
	g := r.Groups
	cut := ""
	if g.Cut > 0 {
		cut = "; " + cli.Agree(g.Cut, "was wider than the diameter, and is cut", "were wider than the diameter, and are cut")
	}
	all := []string{
		fmt.Sprintf("%s × %s: %s, %d of several rows, with %s, the largest of %d; %s%s",
			cli.Count(r.Points, "row"), cli.Count(r.Dim, "column"), cli.Count(g.Groups, "group"), g.Several,
			cli.Count(g.Rows, "row"), g.Largest, cli.Agree(g.Groups, "stays", "stay"), cut),
		fmt.Sprintf("  %s in %.2f s: read %.2f s, index %.2f s (%s), search %.2f s, write %.2f s; peak memory %s",
			cli.Count(cmp.Or(r.Edges, r.Neighbors)/2, "pair"),
			total.Seconds(), r.ReadPoints, r.BuildIndex+r.DecodeIndex, r.Algorithm, r.Search, r.Write+
				r.Assemble, files.Bytes(cli.PeakMemory())),
	}
	if r.Approximate != nil {
		all = append(all, recallLines(r.Approximate)...)
	}
	if r.DuplicateIDs > 0 {
		all = append(all, "  "+cli.Agree(r.DuplicateIDs, "row has", "rows have")+" an id that an earlier row has")
	}
	return append(all, cli.FileLines(r.Rejected, r.RejectedFiles, r.OutputFiles)...)
}
