package knn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"beamlearn/model/fault"
	"beamlearn/model/features/compare"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/choice"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// Rules say which points may be neighbours of which queries: see package choice. What they compare is found before the
// search, as targets are, by [InspectGroups], [InspectRanks] and [InspectCondition], and stands in files of a number
// for each row.
type Rules struct {
	Apart, Same, Before RuleFiles
	Keep, Most          string // of points; "" for none
	Kept                int64  // with Keep: how many points it has
	Number              int    // with Most
	// KeepQueries says that where every point is a query only those are that Keep has.
	KeepQueries bool
	// Faults is a file of the rows that were at fault where Keep was found, and left out; "" for none.
	Faults string
}

// RuleFiles are files of numbers of the points' rows, and of the queries'. Queries is empty where every point is one,
// and both are where there is no such rule.
type RuleFiles struct{ Points, Queries string }

// OfPoints are the rules where every point is a query.
func (r Rules) OfPoints() *Rules {
	r.Apart.Queries, r.Same.Queries, r.Before.Queries = "", "", ""
	return &r
}

// InspectGroups finds rows for the sake of their groups: what stands in a column, or with "" their ids.
func InspectGroups(
	ctx context.Context, patterns []string, column string, reading vectorio.Options,
) (*TargetsJob, error) {
	reading.Targets = nil
	if reading.Formats.TargetColumn = column; column == "" || column == reading.Formats.IDColumn {
		reading.Formats.TargetColumn, reading.Formats.IDColumn = reading.Formats.IDColumn, ""
	}
	j, err := InspectTargets(ctx, patterns, linear.Classification, reading)
	if err != nil {
		return nil, ofRule(err)
	}
	j.rows = groupsOfRows
	return j, nil
}

// FindIDs finds the ids of the points of the job's indexes as [InspectGroups] finds those of rows, without their files.
// The run has no pipeline and is over: [TargetsJob.Among] takes its dictionary, and [TargetsJob.Clean] removes it. It
// fails where the points have only the numbers of their rows.
func (j *Job) FindIDs(ctx context.Context, run string) (of *TargetsJob, found TargetsFile, err error) {
	of = &TargetsJob{Options: j.Options, rows: groupsOfRows}
	of.Options.Answer, of.Options.RunID = nil, run
	output.Begin(run)
	part := vote.Part{Many: true}
	for _, p := range j.indexes() {
		if !p.Labelled {
			return of, found, fault.File(p.File.Path, "ids of points, as index --id_column keeps them: build it so, or leave "+
				"out "+
				"--exclude_same_id", "none")
		}
		x, err := p.File.open(ctx, "", verified)
		if err != nil {
			return of, found, err
		}
		defer x.Close() // labels may be in its memory
		for i := range int32(x.Len()) {
			part.Of = append(part.Of, int32(len(part.Spellings)))
			part.Spellings = append(part.Spellings, x.ID(i).String())
			part.Numbers = append(part.Numbers, found.Rows+x.Number(i))
		}
		found.Rows += p.Note.Total
	}
	known := map[string]int32{}
	groups, err := vote.JoinGroups(found.Rows, []vote.Part{part}, known, true)
	if err != nil {
		return of, found, err
	}
	f := &joinTargetsFn{targetsFn{Options: of.Options}}
	if err := f.keep(ctx, namesOf(known)); err != nil {
		return of, found, err
	}
	found.Path, err = f.Options.create(ctx, targetsName, func(w io.Writer) error {
		return neighbors.WriteGroups(w,
			groups)
	})
	return of, found, err
}

// namesOf are the labels of groups, by their numbers.
func namesOf(known map[string]int32) []string {
	names := make([]string, len(known))
	for s, i := range known {
		names[i] = s
	}
	return names
}

// InspectRanks finds rows for the sake of the order of what stands in a column of tables: numbers, dates or text.
func InspectRanks(
	ctx context.Context, patterns []string, column string, reading vectorio.Options,
) (*TargetsJob, error) {
	j, err := inspectCells(ctx, patterns, []string{column}, nil, reading)
	if err != nil {
		return nil, err
	}
	if j.Data.Columns != nil && len(j.Data.Columns) != 1 {
		return nil, fault.File(j.Data.Name(), "one column to put rows in order by", "%d columns %s", len(j.Data.Columns),
			fault.Quote(column))
	}
	j.rows, j.column = ranksOfRows, column
	return j, nil
}

// InspectCondition finds rows of tables for the sake of whether they meet a condition.
func InspectCondition(
	ctx context.Context, patterns []string, c *compare.Condition, reading vectorio.Options,
) (*TargetsJob, error) {
	j, err := inspectCells(ctx, patterns, nil, c.Columns(), reading)
	if err != nil {
		return nil, ofRule(err)
	}
	if j.Data.Fields != nil {
		if _, err := c.Matcher(j.Data.Fields); err != nil {
			return nil, fmt.Errorf("%s: %w", j.Data.Name(), err)
		}
	}
	j.rows, j.condition = rowsThatMeet, c.String()
	return j, nil
}

// ofRule is the fault of rows that lack a column, or have one of another kind, as one of what a rule has asked of them,
// in no role but that.
func ofRule(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || f.Row != fault.WholeFile {
		return err
	}
	asked := *f
	asked.Asked = true
	name, target := strings.CutPrefix(f.Expected, "the target column ")
	kind, other := strings.CutSuffix(f.Expected, " as the target")
	switch {
	case target:
		asked.Expected = "a column " + name
	case other:
		asked.Expected = kind + ", which tell rows apart"
	case !strings.HasPrefix(f.Expected, "a column "):
		return err
	}
	return &asked
}

// inspectCells finds rows of tables, of which some columns are wanted: by what names them, or by their exact names.
func inspectCells(
	ctx context.Context, patterns, columns, names []string, reading vectorio.Options,
) (*TargetsJob, error) {
	reading.Targets, reading.Encoding = nil, nil
	f := &reading.Formats
	f.Cells, f.Labels, f.TargetColumn, f.WeightColumn, f.IDColumn = true, false, "", "", ""
	f.Columns, f.Names = columns, names
	d, err := vectorio.Inspect(ctx, patterns, reading)
	if err != nil {
		return nil, err
	}
	return &TargetsJob{Data: d, Reading: reading, Task: linear.Classification}, nil
}

// rowsKind is what is found of rows.
type rowsKind string

const (
	targetsOfRows rowsKind = ""
	groupsOfRows  rowsKind = "groups"
	ranksOfRows   rowsKind = "ranks"
	rowsThatMeet  rowsKind = "condition"

	foundNeighbors rowsKind = "neighbors" // by another system
)

// rowsPart is what is found of the rows of a chunk.
type rowsPart interface {
	Add(b *vectors.Block) error
	MarshalBinary() ([]byte, error)
}

// ranksPart are cells to be put in order, of the one column of a table.
type ranksPart struct{ compare.Part }

func (p *ranksPart) Add(b *vectors.Block) error { return p.Part.Add(&b.Cells.Columns[0], b.Numbers) }

// part is an empty one of a chunk.
func (f *targetsFn) part(c *vectorio.Chunk) (rowsPart, error) {
	shift := c.First - c.Span.First
	switch f.Rows {
	case ranksOfRows:
		return &ranksPart{compare.Part{File: c.Info.Name, Column: f.Column, First: shift}}, nil
	case rowsThatMeet:
		condition, err := compare.Parse(f.Condition)
		return &conditionPart{condition: condition, file: c.Info.Name, first: c.First, shift: shift,
			skips: f.Reading.SkipFaults}, err
	}
	if f.Rows == foundNeighbors {
		return &foundPart{file: c.Info.Name, shift: shift,
			lists:  f.Reading.Formats.TargetColumn == foundColumns[1][1],
			ranked: slices.Equal(f.Reading.Formats.Names, []string{rankColumn})}, nil
	}
	column := f.Reading.Formats.TargetColumn
	return &vote.Part{File: c.Info.Name, Column: column, First: shift, Many: f.Rows == groupsOfRows}, nil
}

// joinRows writes what was found of all rows, in the order of their parts.
func (f *joinTargetsFn) joinRows(ctx context.Context, found *TargetsFile, parts []targetsPart) (err error) {
	if f.Rows == foundNeighbors {
		return f.joinFound(ctx, found, parts)
	}
	var list []int32
	switch f.Rows {
	case groupsOfRows:
		list, err = f.joinGroups(ctx, found, parts)
	case ranksOfRows:
		list, err = f.joinRanks(ctx, found, parts)
	case rowsThatMeet:
		if list, err = f.joinMet(ctx, found, parts); err == nil {
			err = f.joinFaults(ctx, found, parts)
		}
	}
	if err != nil {
		return err
	}
	for _, v := range list {
		if v < 0 {
			found.Missing++
		}
	}
	found.Path, err = f.Options.create(ctx, targetsName, func(w io.Writer) error { return neighbors.WriteGroups(w, list) })
	return err
}

// dictionaryName is the file of the values of points, which those of queries are compared with.
const dictionaryName = "values.json"

// against reads the dictionary of the points into v, where there is one.
func (f *joinTargetsFn) against(ctx context.Context, v any) error {
	if f.Against == "" {
		return nil
	}
	b, err := files.ReadFile(ctx, f.Against)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", f.Against, err)
	}
	return nil
}

// keep writes the dictionary of the points.
func (f *joinTargetsFn) keep(ctx context.Context, v any) error {
	if f.Against != "" {
		return nil
	}
	_, err := f.Options.create(ctx, dictionaryName, func(w io.Writer) error { return json.NewEncoder(w).Encode(v) })
	return err
}

// joinGroups numbers the groups of all rows.
func (f *joinTargetsFn) joinGroups(ctx context.Context, found *TargetsFile, all []targetsPart) ([]int32, error) {
	parts, err := f.targetParts(ctx, all)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := f.against(ctx, &names); err != nil {
		return nil, err
	}
	known := make(map[string]int32, len(names))
	for i, s := range names {
		known[s] = int32(i)
	}
	groups, err := vote.JoinGroups(found.Rows, parts, known, f.Against == "")
	if err != nil {
		return nil, err
	}
	return groups, f.keep(ctx, namesOf(known))
}

// joinRanks puts all rows in order.
func (f *joinTargetsFn) joinRanks(ctx context.Context, found *TargetsFile, all []targetsPart) ([]int32, error) {
	parts := make([]compare.Part, len(all))
	if err := f.each(ctx, all, func(i int, b []byte) error { return parts[i].UnmarshalBinary(b) }); err != nil {
		return nil, err
	}
	order := &compare.Order{}
	if err := f.against(ctx, order); err != nil {
		return nil, err
	}
	if f.Against == "" {
		var err error
		if order, err = compare.NewOrder(parts); err != nil {
			return nil, err
		}
	}
	ranks, err := order.Ranks(found.Rows, parts)
	if err != nil {
		return nil, err
	}
	return ranks, f.keep(ctx, order)
}

// Dictionary is the file of the values of the points, of a run that has found them: see [TargetsJob.Among].
func (j *TargetsJob) Dictionary() string { return files.Join(j.Options.staging(), dictionaryName) }

// Among compares rows with those of the points, which another run has found with this dictionary: a group is one of
// theirs, or none, and a rank is the number of theirs that are smaller.
func (j *TargetsJob) Among(dictionary string) { j.against = dictionary }

// validateRules reports what rules exclude.
func (o *Options) validateRules() error {
	if o.Recall != 0 && o.Restricted {
		return errors.New("which points may be neighbours is told exactly: filter, exclude_same, only_same, before and " +
			"max_per are without recall")
	}
	return nil
}

var rules = output.NewShared[*choice.Rules]()

// searchersOf are those of the indexes that all tasks of a process share.
type searchersOf struct {
	mu  sync.Mutex
	all map[*neighbors.Index]*choice.Searcher
}

func (s *searchersOf) of(x *neighbors.Index, r *choice.Rules) (found *choice.Searcher, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found = s.all[x]; found == nil {
		if found, err = choice.New(x, r); err == nil {
			s.all[x] = found
		}
	}
	return found, err
}

var searchers = output.NewShared[*searchersOf]()

// rules are those of a run, of all rows.
func (o *Options) rules(ctx context.Context) (*choice.Rules, error) {
	r, _, err := rules.Get(o.RunID, func() (*choice.Rules, error) {
		read := func(path string) (list []int32, err error) {
			if path == "" {
				return nil, nil
			}
			b, err := files.ReadFile(ctx, path)
			if err == nil {
				list, err = neighbors.ReadGroups(b)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return list, nil
		}
		var errs [5]error
		pair := func(f RuleFiles, err *error) *choice.Pair {
			if f.Points == "" {
				return nil
			}
			p := &choice.Pair{}
			p.Points, *err = read(f.Points)
			if p.Queries = p.Points; f.Queries != "" && *err == nil {
				p.Queries, *err = read(f.Queries)
			}
			return p
		}
		r := &choice.Rules{Number: o.Rules.Number}
		r.Apart, r.Same = pair(o.Rules.Apart, &errs[0]), pair(o.Rules.Same, &errs[1])
		r.Before = pair(o.Rules.Before, &errs[2])
		r.Keep, errs[3] = read(o.Rules.Keep)
		r.Most, errs[4] = read(o.Rules.Most)
		r.Prepare()
		return r, errors.Join(errs[:]...)
	})
	return r, err
}

// finder searches an index: by rules, or all of it.
type finder interface {
	KNeighbors(q *vectors.Block, k int, by neighbors.Search) (*neighbors.Neighbors, error)
	RadiusNeighbors(q *vectors.Block, r float64, by neighbors.Search) (*neighbors.Neighbors, error)
}

// finder is that of an index, which with part is one of several.
func (t *task) finder(x *neighbors.Index, part bool) (finder, error) {
	if t.options.Rules == nil {
		return x, nil
	}
	r, err := t.options.rules(t.ctx)
	if err != nil {
		return nil, err
	}
	if part && !t.kept { // a shard, which goes when it has answered
		return choice.New(x, r)
	}
	s, _, err := searchers.Get(t.options.RunID, func() (*searchersOf, error) {
		return &searchersOf{all: map[*neighbors.Index]*choice.Searcher{}}, nil
	})
	if err != nil {
		return nil, err
	}
	return s.of(x, r)
}

// find searches an index, which is one of several with part, for the neighbours of a block of queries.
func (t *task) find(
	q *vectors.Block, x *neighbors.Index, search neighbors.Search,
) (found *neighbors.Neighbors, err error) {
	by, err := t.finder(x, search.Part)
	if err != nil {
		return nil, err
	}
	o := t.options
	if o.Radius == nil {
		return by.KNeighbors(q, o.K, search)
	}
	if o.K == 0 {
		return by.RadiusNeighbors(q, *o.Radius, search)
	}
	bounds := make([]float64, q.Len())
	for i := range bounds {
		if bounds[i] = *o.Radius; search.Bounds != nil {
			bounds[i] = math.Min(bounds[i], search.Bounds[i])
		}
	}
	search.Part, search.Bounds = true, bounds
	if found, err = by.KNeighbors(q, o.K, search); err == nil {
		found = found.Nearer(*o.Radius)
	}
	return found, err
}

// merge adds what was found in a part of the points.
func (t *task) merge(h *neighbors.Hits, found *neighbors.Neighbors, x *neighbors.Index) (*neighbors.Hits, error) {
	if t.options.Rules == nil || t.options.Rules.Most == "" {
		return h.Merge(found, x, 0, t.options.K, nil), nil
	}
	r, err := t.options.rules(t.ctx)
	if err != nil {
		return nil, err
	}
	return h.Merge(found, x, 0, t.options.K, &neighbors.Most{Groups: r.Most, Number: r.Number}), nil
}

// restriction says what neighbours a query has none of.
func (o *Options) restriction() string {
	if r := o.Rules; r != nil && *r == (Rules{Apart: r.Apart}) {
		return " of another group"
	}
	if o.Neighbors.Metric.Missing() {
		return " that it has a column in common with"
	}
	return " that it may have"
}
