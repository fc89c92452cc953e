package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features/compare"
	"beamlearn/model/formats"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
	"beamlearn/transforms/vectorio"
)

// rules is the flags of which points may be neighbours of a query.
type rules struct {
	apart, same, before, most, filter *string
	ids, keepQueries                  *bool

	condition *compare.Condition // of filter
}

func newRules(g *cli.Group) *rules {
	return &rules{
		filter: g.String("filter", "",
			"only rows of --input that meet this `CONDITION` on its columns are neighbours; all queries are answered: "+
				"--filter='price<100 and brand!=\"x\"'. It has =, !=, <, <=, >, >=, in (…), is null, and, or, not and "+
				"parentheses; a text stands between quotes; what is missing meets nothing but is null"),
		keepQueries: g.Bool("filter_queries", false,
			"of every point, only rows that meet --filter are queries, too: --filter='price<100' --filter_queries finds "+
				"their neighbours among them, as in a file of these rows alone"),
		same: g.String("only_same", "",
			"all neighbours have the same value in this `COLUMN` as the query, which is a name or an index, and is no part "+
				"of the vector unless --columns names it; what has none there has no neighbours and is none: --only_same=user"),
		apart: g.String("exclude_same", "",
			"no neighbour has the same value in this `COLUMN` as the query; what has none there is like nothing: "+
				"--exclude_same=brand"),
		ids: g.Bool("exclude_same_id", false,
			"no neighbour has the query's id, of --id_column: of --queries that are among the points"),
		before: g.String("before", "",
			"all neighbours have a smaller value in this `COLUMN` than the query: an earlier date, a smaller number, or a "+
				"text that comes before; not an equal one; what has none there has no neighbours and is none: --before=ordered"),
		most: g.String("max_per", "",
			"at most so many neighbours have the same value in this column, the nearest of them, as `COLUMN:NUMBER`; what "+
				"has none there counts for itself: --max_per=brand:2"),
	}
}

// asked reports whether a query may not have all points.
func (r *rules) asked() bool { return *r.filter != "" || r.columns() != nil || *r.ids }

// columns are those that queries and points are compared by.
func (r *rules) columns() (all []string) {
	for _, s := range []string{*r.apart, *r.same, *r.before, r.mostColumn()} {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

func (r *rules) mostColumn() string {
	if i := strings.LastIndexByte(*r.most, ':'); i >= 0 {
		return (*r.most)[:i]
	}
	return *r.most
}

// used are the columns that are wanted, though none of them may be in the vector.
func (r *rules) used() []string {
	if r.condition == nil {
		return r.columns()
	}
	return append(r.columns(), r.condition.Columns()...)
}

// ofQueries reports whether the queries' own columns say which points they may have.
func (r *rules) ofQueries() bool { return *r.apart != "" || *r.same != "" || *r.before != "" }

// number is how many neighbours may have the same value.
func (r *rules) number() (int, error) {
	if *r.most == "" {
		return 0, nil
	}
	_, number, _ := strings.Cut((*r.most)[len(r.mostColumn()):], ":")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || r.mostColumn() == "" {
		return 0, fmt.Errorf("--max_per=%s: must be a column, a colon and a whole number of at least 1, as brand:2", *r.most)
	}
	return n, nil
}

func (r *rules) check(c *command, id string) error {
	var errs []error
	if *r.apart != "" && *r.ids {
		errs = append(errs, errors.New("--exclude_same and --exclude_same_id exclude each other"))
	}
	if *r.same != "" && *r.same == *r.apart {
		errs = append(errs, fmt.Errorf("--only_same and --exclude_same of one column, %s, leave no neighbour", *r.same))
	}
	if *r.ids && id == "" && (c.index.String() == "" || c.queries.String() != "" || len(c.input.Patterns()) > 0) {
		errs = append(errs, errors.New("--exclude_same_id goes by ids: --id_column=COLUMN"))
	}
	if (*r.filter != "" || r.columns() != nil) && len(c.input.Patterns()) == 0 { // an index knows ids itself
		name := "--exclude_same"
		for _, flag := range []string{"filter", "only_same", "before", "max_per"} {
			if c.Given(flag) {
				name = "--" + flag
			}
		}
		errs = append(errs, fmt.Errorf("%s goes by a column of --input, which --index has not: give the input as well", name))
	}
	switch {
	case *r.keepQueries && *r.filter == "":
		errs = append(errs, errors.New("--filter_queries goes by the condition of --filter: give that as well"))
	case *r.keepQueries && c.queries.String() != "":
		errs = append(errs, errors.New("--filter_queries chooses among the points, and --queries are others: leave one of the "+
			"two out"))
	}
	if _, err := r.number(); err != nil {
		errs = append(errs, err)
	}
	if c.Given("filter") {
		var err error
		if r.condition, err = compare.Parse(*r.filter); err != nil {
			errs = append(errs, fmt.Errorf("--filter: %w", err))
		}
	}
	return errors.Join(errs...)
}

// leaveOut leaves the columns out of a vector whose columns nobody has named. (Not those of --filter: what is far stays
// far, whichever rows are left.)
func (r *rules) leaveOut(o *formats.Options) {
	if slices.ContainsFunc(o.Columns, func(s string) bool { return !strings.HasPrefix(s, "!") }) {
		return
	}
	for _, column := range r.columns() {
		if not := "!" + column; column != o.IDColumn && !slices.Contains(o.Columns, not) {
			o.Columns = append(slices.Clone(o.Columns), not)
		}
	}
}

// finding finds what rules compare, a run for each column of the points and of the queries.
type finding struct {
	c    *command
	job  *knn.Job
	runs []*knn.TargetsJob
}

// clean removes what was found.
func (f *finding) clean(ctx context.Context) {
	for _, r := range f.runs {
		if err := r.Clean(context.WithoutCancel(ctx)); err != nil {
			f.c.Say(slog.LevelWarn, "%v", err)
		}
	}
}

type inspectRows func(ctx context.Context, patterns []string) (*knn.TargetsJob, error)

// run finds something of rows. among is the run of the points, where these are queries.
func (f *finding) run(ctx context.Context, patterns []string, inspect inspectRows,
	among *knn.TargetsJob) (*knn.TargetsJob, knn.TargetsFile, error) {
	of, err := inspect(ctx, patterns)
	if err != nil {
		return nil, knn.TargetsFile{}, err
	}
	of.Options = f.job.Options
	of.Options.Answer, of.Options.RunID = nil, files.NewRunID()
	if among != nil {
		of.Among(among.Dictionary())
	}
	f.runs = append(f.runs, of)
	p, s := beam.NewPipelineWithRoot()
	of.Find(s)
	if err := f.c.Run(ctx, p, of.Options.RunID); err != nil {
		return nil, knn.TargetsFile{}, err
	}
	found, err := of.Found(ctx)
	return of, found, err
}

// indexed finds the ids of the points of an index.
func (f *finding) indexed(ctx context.Context) (*knn.TargetsJob, knn.TargetsFile, error) {
	of, found, err := f.job.FindIDs(ctx, files.NewRunID())
	f.runs = append(f.runs, of)
	return of, found, err
}

// pair finds something of the points, and of the queries.
func (f *finding) pair(ctx context.Context, to *knn.RuleFiles, inspect inspectRows) error {
	ofPoints := func() (*knn.TargetsJob, knn.TargetsFile, error) {
		if len(f.c.input.Patterns()) == 0 {
			return f.indexed(ctx)
		}
		return f.run(ctx, f.c.input.Patterns(), inspect, nil)
	}
	points, found, err := ofPoints()
	if to.Points = found.Path; err != nil || f.job.Queries == nil {
		return err
	}
	_, found, err = f.run(ctx, f.c.queries.List(), inspect, points)
	to.Queries = found.Path
	return err
}

// noneMeets is the fault of points none of which meet the condition.
func noneMeets(name string, condition *compare.Condition, found *knn.TargetsFile) error {
	if found.Incomparable > 0 {
		return fault.File(name, condition.Wanted("rows"), "none of %d, of which %d cannot be compared so: %s", found.Rows,
			found.Incomparable, found.Fault)
	}
	return fault.File(name, condition.Wanted("rows"), "none of %d", found.Rows)
}

// findRules finds what the rules compare. Call clean when that is no longer needed.
func (c *command) findRules(ctx context.Context, job *knn.Job) (clean func(), err error) {
	f := &finding{c: c, job: job}
	clean = func() { f.clean(ctx) }
	reading, r := job.Reading, &knn.Rules{}
	reading.Encoding, reading.Formats.Cells = nil, false
	by := func(inspect func(context.Context, []string, string, vectorio.Options) (*knn.TargetsJob, error),
		column string) inspectRows {
		return func(ctx context.Context, patterns []string) (*knn.TargetsJob, error) {
			return inspect(ctx, patterns, column, reading)
		}
	}
	if c.rules.condition != nil {
		meet := func(ctx context.Context, patterns []string) (*knn.TargetsJob, error) {
			return knn.InspectCondition(ctx, patterns, c.rules.condition, reading)
		}
		of, found, err := f.run(ctx, c.input.Patterns(), meet, nil)
		if err != nil {
			return clean, err
		}
		r.Keep, r.Faults, r.KeepQueries = found.Path, found.Faults, *c.rules.keepQueries
		if r.Kept = found.Rows - found.Missing; r.Kept == 0 {
			return clean, noneMeets(of.Data.Name(), c.rules.condition, &found)
		}
		c.Tell(fmt.Sprintf("%d of %d rows meet --filter", r.Kept, found.Rows))
		if found.Incomparable > 0 {
			c.Tell(fmt.Sprintf("%s at fault in --filter, and no neighbours: %s",
				cli.Agree(found.Incomparable, "row is", "rows are"), found.Fault))
		}
	}
	if *c.rules.apart != "" || *c.rules.ids {
		err = f.pair(ctx, &r.Apart, by(knn.InspectGroups, *c.rules.apart))
	}
	if *c.rules.same != "" && err == nil {
		err = f.pair(ctx, &r.Same, by(knn.InspectGroups, *c.rules.same))
	}
	if *c.rules.before != "" && err == nil {
		err = f.pair(ctx, &r.Before, by(knn.InspectRanks, *c.rules.before))
	}
	if *c.rules.most != "" && err == nil {
		var found knn.TargetsFile
		r.Number, _ = c.rules.number() // which check has seen
		_, found, err = f.run(ctx, c.input.Patterns(), by(knn.InspectGroups, c.rules.mostColumn()), nil)
		r.Most = found.Path
	}
	job.Options.Rules = r
	return clean, err
}
