package knn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// Apart keeps queries and points of one group apart, as those of one brand, or of one id. Groups are found before the
// search, as targets are: see [InspectGroups].
type Apart struct {
	// Points and Queries are files of the groups of the points' rows, and of the queries'. Queries is empty where every
	// point is one.
	Points, Queries string
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
		return nil, err
	}
	j.groups = true
	return j, nil
}

// among are groups that are known already: those of the points, by which groups of queries go.
func (f *joinTargetsFn) among(ctx context.Context) (map[string]int32, error) {
	known := map[string]int32{}
	if f.Against == "" {
		return known, nil
	}
	b, err := files.ReadFile(ctx, f.Against)
	if err != nil {
		return nil, err
	}
	var all []string
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Against, err)
	}
	for i, s := range all {
		known[s] = int32(i)
	}
	return known, nil
}

// groupsDictionary is the file of the texts of groups, in their order.
const groupsDictionary = "groups.json"

// joinGroups writes the groups of all rows, and what they are called.
func (f *joinTargetsFn) joinGroups(ctx context.Context, found *TargetsFile, parts []vote.Part) error {
	known, err := f.among(ctx)
	if err != nil {
		return err
	}
	groups, err := vote.JoinGroups(found.Rows, parts, known, f.Against == "")
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g < 0 {
			found.Missing++
		}
	}
	found.Path, err = f.Options.create(ctx, targetsName, func(w io.Writer) error {
		return neighbors.WriteGroups(w, groups)
	})
	if err != nil || f.Against != "" {
		return err
	}
	names := make([]string, len(known))
	for s, i := range known {
		names[i] = s
	}
	_, err = f.Options.create(ctx, groupsDictionary, func(w io.Writer) error { return json.NewEncoder(w).Encode(names) })
	return err
}

// Dictionary is the file of the names of groups, of a run that has found those of the points: see [TargetsJob.Among].
func (j *TargetsJob) Dictionary() string { return files.Join(j.Options.staging(), groupsDictionary) }

// Among lets groups be those that another run has found for the points, in this dictionary. A row of no such group is
// in none.
func (j *TargetsJob) Among(dictionary string) { j.against = dictionary }

// validateApart reports what points cannot be kept apart in.
func (o *Options) validateApart() error {
	if o.Recall != 0 && o.KeepApart {
		return errors.New("exclude_same is exact: without recall")
	}
	return nil
}

// rowGroups are those of the points and of the queries of a run, by row numbers.
type rowGroups struct {
	points, queries []int32
	largest         int
}

var apartGroups = output.NewShared[*rowGroups]()

// apartPoints are those of the points of an index that all tasks of a process share, by position.
var apartPoints = output.NewShared[[]int32]()

func (o *Options) rowGroups(ctx context.Context) (*rowGroups, error) {
	g, _, err := apartGroups.Get(o.RunID, func() (*rowGroups, error) {
		read := func(path string) ([]int32, error) {
			b, err := files.ReadFile(ctx, path)
			if err != nil {
				return nil, err
			}
			g, err := neighbors.ReadGroups(b)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			return g, nil
		}
		points, err := read(o.Apart.Points)
		if err != nil {
			return nil, err
		}
		queries := points
		if o.Apart.Queries != "" {
			if queries, err = read(o.Apart.Queries); err != nil {
				return nil, err
			}
		}
		return &rowGroups{points, queries, neighbors.LargestGroup(points)}, nil
	})
	return g, err
}

// apart are the groups for a search of an index, which is one of several with part; nil where nothing is kept apart.
func (t *task) apart(q *vectors.Block, x *neighbors.Index, part bool) (*neighbors.Apart, error) {
	if t.options.Apart == nil {
		return nil, nil
	}
	g, err := t.options.rowGroups(t.ctx)
	if err != nil {
		return nil, err
	}
	at := func(all []int32, number int64) (int32, error) {
		if number < 0 || number >= int64(len(all)) {
			return 0, fault.File(t.options.Apart.Points, "groups of all rows", "none of row %d", number)
		}
		return all[number], nil
	}
	byPosition := func() ([]int32, error) {
		of := make([]int32, x.Len())
		for i := range of {
			if of[i], err = at(g.points, x.Number(int32(i))); err != nil {
				return nil, err
			}
		}
		return of, nil
	}
	a := &neighbors.Apart{Largest: g.largest}
	if part {
		a.Points, err = byPosition()
	} else {
		a.Points, _, err = apartPoints.Get(t.options.RunID, byPosition)
	}
	for _, n := range q.Numbers {
		group, e := at(g.queries, n)
		if err = errors.Join(err, e); err != nil {
			return nil, err
		}
		a.Queries = append(a.Queries, group)
	}
	return a, err
}

// find searches an index, which is one of several with part, for the neighbours of a block of queries.
func (t *task) find(
	q *vectors.Block, x *neighbors.Index, search neighbors.Search,
) (found *neighbors.Neighbors, err error) {
	defer func() {
		if t.chunk != nil {
			err = located(err, *t.chunk)
		}
	}()
	if search.Apart, err = t.apart(q, x, search.Part); err != nil {
		return nil, err
	}
	o := t.options
	if o.Radius == nil {
		return x.KNeighbors(q, o.K, search)
	}
	if o.K == 0 {
		return x.RadiusNeighbors(q, *o.Radius, search)
	}
	bounds := make([]float64, q.Len())
	for i := range bounds {
		if bounds[i] = *o.Radius; search.Bounds != nil {
			bounds[i] = math.Min(bounds[i], search.Bounds[i])
		}
	}
	search.Part, search.Bounds = true, bounds
	if found, err = x.KNeighbors(q, o.K, search); err == nil {
		found = found.Nearer(*o.Radius)
	}
	return found, err
}
