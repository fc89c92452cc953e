package index

import (
	"context"
	"errors"
	"fmt"

	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// version is the flags of a new version of an index.
type version struct{ from, add, gone *cli.Path }

func newVersion(g *cli.Group) *version {
	return &version{
		from: g.InputFile("from", "begin with the points of the index in this `FILE`, in the place of --input; it stays "+
			"as it is, and so do the jobs that ask it: --from=out/words.index"),
		add: g.InputFiles("append", "rows to add to the points of --from: a `PATH` and so on, as --input; their columns "+
			"meet by name: --append=new.npy"),
		gone: g.InputFile("delete", "the ids of points of --from to leave out, or where these have none the numbers of "+
			"their rows, from a `FILE`: a table with a column of the name of their ids (--id_column) or with one column, or "+
			".npy of one dimension: --delete=ids.csv"),
	}
}

// asked reports whether a new version of an index is to be built.
func (v *version) asked() bool { return v.from.String() != "" }

// ofPoints are the flags that say what the points of an index are like, which one that is there says itself.
var ofPoints = []string{"input", "metric", "p", "bits", "degrees", "km", "metric_params", "algorithm", "standardize"}

// check says which flags exclude each other.
func (c *command) checkVersion() error {
	v := c.version
	if !v.asked() {
		for _, p := range []string{"append", "delete"} {
			if c.Given(p) {
				return fmt.Errorf("--%s is of a new version of an index: --from=FILE says of which", p)
			}
		}
		return nil
	}
	var errs []error
	for _, name := range ofPoints {
		if c.Given(name) {
			errs = append(errs, fmt.Errorf("--from: the index says what its points are like: without --%s", name))
		}
	}
	if c.tables.Asked() {
		errs = append(errs, errors.New("--from: an index has its own encoding of tables, or none: without flags of tables"))
	}
	if v.add.String() == "" && v.gone.String() == "" {
		errs = append(errs, errors.New("--from: what is new? --append=FILE, --delete=FILE, or both"))
	}
	return errors.Join(errs...)
}

// inspectVersion finds what a new version is made of.
func (c *command) inspectVersion(ctx context.Context, job *knn.IndexJob) error {
	if err := job.InspectFrom(ctx, c.version.from.String()); err != nil {
		return err
	}
	if !c.Given("on_error") {
		job.SkipFaultsAsBefore()
	}
	if names := c.version.gone.List(); len(names) > 0 {
		if err := job.InspectDeleted(ctx, names); err != nil {
			return err
		}
		for _, note := range job.Notes() {
			c.Tell(note)
		}
	}
	if patterns := c.version.add.List(); len(patterns) > 0 {
		if err := job.InspectAdded(ctx, patterns); err != nil {
			return err
		}
		c.Note(job.Corpus)
	}
	return nil
}

// explainVersion shows what the job of a new version would do.
func (c *command) explainVersion(ctx context.Context, job *knn.IndexJob) error {
	show, from := &cli.Plan{}, job.From
	show.Line("from", "%s × %s in %s, of which %d are deleted", cli.Count(from.Points, "point"),
		cli.Count(from.Dim, "column"),
		files.Bytes(from.File.Size), job.Deleted())
	if job.Corpus == nil {
		return c.Explain(show, map[string]int{"points": from.Points, "deleted_points": job.Deleted()})
	}
	plan, err := c.PlanRows(ctx, job.Corpus, job.Reading, 1, job.Options.Threads)
	if err != nil {
		return err
	}
	show.Rows("added points", plan)
	return c.Explain(show, plan)
}
