package knn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/choice"
	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/tables"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// foundColumns are the columns of ids in which tables of neighbours have them, by their layouts: of the query, and of a
// neighbour, or of a list of them.
var foundColumns = [][2]string{{"query_id", "neighbor_id"}, {"id", "neighbors"}, {"source", "target"}}

// rankColumn has the place of a neighbour among those of its query, where a table tells it: its rows may be in any
// order.
const rankColumn = "rank"

// InspectFound finds the neighbours that another system has found, or that an earlier run has written: files of row
// numbers, .npy, a row for each query; or tables of ids in any layout, a row for each neighbour, by a column rank or
// else the nearest first, with the columns query_id and neighbor_id, or source and target, or a row for each query with
// the columns id and neighbors, which are lists. What it finds is for Options.Evaluate.
func InspectFound(ctx context.Context, patterns []string, reading vectorio.Options) (*TargetsJob, error) {
	reading = vectorio.Options{ChunkRows: reading.ChunkRows}
	if slices.ContainsFunc(patterns, func(p string) bool { return strings.HasSuffix(strings.ToLower(p), ".npy") }) {
		reading.Formats = formats.Options{DType: vectors.Float64}
		return inspectFound(ctx, patterns, reading)
	}
	lists, err := inspectLists(ctx, patterns)
	if lists != nil || err != nil {
		return lists, err
	}
	var first error
	for _, columns := range foundColumns {
		lists := columns == foundColumns[1]
		// A row has a vector of some column, and there need be none but these two.
		reading.Formats = formats.Options{IDColumn: columns[0], TargetColumn: columns[1], Labels: true, Lists: true,
			Cells: true, Untargeted: lists, Names: []string{columns[0]}}
		j, err := inspectFound(ctx, patterns, reading)
		if err == nil && !lists {
			j = j.byRank(ctx, patterns)
		}
		if err == nil {
			return j, nil
		}
		if first == nil {
			first = err
		}
	}
	var f *fault.Fault
	if errors.As(first, &f) && f.Row == fault.WholeFile {
		return nil, fault.File(f.File, `columns "query_id" and "neighbor_id", or "id" and "neighbors", lists in .csv, `+
			`.jsonl or .parquet`, "%s", f.Found)
	}
	return nil, first
}

// byRank is the job of rows with their ranks, where they have such a column.
func (j *TargetsJob) byRank(ctx context.Context, patterns []string) *TargetsJob {
	if !slices.ContainsFunc(j.Data.LeftOut, func(c formats.Column) bool { return c.Name == rankColumn }) {
		return j
	}
	reading := j.Reading
	reading.Formats.Names = []string{rankColumn}
	if ranked, err := inspectFound(ctx, patterns, reading); err == nil {
		return ranked
	}
	return j
}

func inspectFound(ctx context.Context, patterns []string, reading vectorio.Options) (*TargetsJob, error) {
	d, err := vectorio.Inspect(ctx, patterns, reading)
	if err != nil {
		return nil, err
	}
	return &TargetsJob{Data: d, Reading: reading, Task: linear.Classification, rows: foundNeighbors}, nil
}

// foundPart are neighbours that another system has found: of .npy the row numbers of the neighbours of each row, and of
// a table the neighbour, or with lists the neighbours, of a row, with its ids.
type foundPart struct {
	file    string
	lists   bool
	ranked  bool  // the rows have ranks, which stand for distances
	shift   int64 // what a row number is less than by its place in the file
	answers neighbors.Answers
}

func (p *foundPart) Add(b *vectors.Block) error {
	a := &p.answers
	if len(a.Offsets) == 0 {
		a.Offsets = append(a.Offsets, 0)
	}
	a.Numbers = append(a.Numbers, b.Numbers...)
	if b.Cells == nil {
		row := make([]float64, b.Dim)
		for i, n := range b.Numbers {
			for j, v := range b.Row(i, row) {
				if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
					return p.fault(n, fmt.Sprint(j), v, "the row number of a neighbour")
				}
				a.Neighbors = append(a.Neighbors, int64(v))
			}
			a.Offsets = append(a.Offsets, int64(len(a.Neighbors)))
		}
		a.Distances = make([]float64, len(a.Neighbors))
		return nil
	}
	for i, n := range b.Numbers {
		id := vectors.ID{}
		switch {
		case p.lists:
			list, err := jsonIDs(b.Labels[i])
			if err != nil {
				return &fault.Fault{File: p.file, Row: n - p.shift, Column: "neighbors", Found: fault.Quote(b.Labels[i]),
					Expected: "a list of ids in JSON: integers or strings"}
			}
			a.IDs.Append(b.ID(i))
			p.append(list)
			continue
		case len(b.Labels) > 0:
			id = vectors.ParseID(b.Labels[i])
		case b.Target[i] == math.Trunc(b.Target[i]) && math.Abs(b.Target[i]) <= 1<<53:
			id.Int = int64(b.Target[i])
		default:
			return p.fault(n, "neighbor_id", b.Target[i], "an id")
		}
		a.IDs.Append(b.ID(i))
		p.append([]vectors.ID{id})
		if p.ranked {
			rank, found := numberIn(&b.Cells.Columns[0], i)
			if found != "" {
				return &fault.Fault{File: p.file, Row: n - p.shift, Column: rankColumn, Found: found, Expected: "a number"}
			}
			a.Distances = append(a.Distances, rank)
		}
	}
	if !p.ranked {
		a.Distances = make([]float64, len(a.Neighbors))
	}
	return nil
}

// numberIn is the number of a cell, or what else is there.
func numberIn(c *tables.Column, row int) (v float64, found string) {
	switch c.Type {
	case tables.Number:
		v = c.Numbers[row]
	case tables.Cell, tables.Text:
		var err error
		if v, err = strconv.ParseFloat(strings.TrimSpace(string(c.Text(row))), 64); err != nil {
			return 0, fault.Quote(c.Text(row))
		}
	default:
		return 0, "none"
	}
	if math.IsNaN(v) {
		return 0, "none"
	}
	return v, ""
}

// append adds the neighbours of a query by their ids: nobody asks for their row numbers.
func (p *foundPart) append(list []vectors.ID) {
	a := &p.answers
	for _, id := range list {
		a.NeighborIDs.Append(id)
	}
	a.Neighbors = append(a.Neighbors, make([]int64, len(list))...)
	a.Offsets = append(a.Offsets, int64(len(a.Neighbors)))
}

// jsonIDs are the ids of a list in JSON.
func jsonIDs(text string) (list []vectors.ID, err error) {
	var values []any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than a list")
	}
	for _, v := range values {
		switch v := v.(type) {
		case string:
			list = append(list, vectors.ParseID(v))
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return nil, err
			}
			list = append(list, vectors.ID{Int: n})
		default:
			return nil, fmt.Errorf("%v: no id", v)
		}
	}
	return list, nil
}

func (p *foundPart) fault(number int64, column string, found float64, expected string) error {
	return &fault.Fault{File: p.file, Row: number - p.shift, Column: column, Found: fmt.Sprint(found), Expected: expected}
}

func (p *foundPart) MarshalBinary() ([]byte, error) {
	if len(p.answers.Offsets) == 0 {
		p.answers.Offsets = []int64{0}
	}
	var b bytes.Buffer
	_, err := p.answers.WriteTo(&b)
	return b.Bytes(), err
}

// joinFound makes one file of the lists of all chunks.
func (f *joinTargetsFn) joinFound(ctx context.Context, found *TargetsFile, all []targetsPart) error {
	whole := &neighbors.Answers{Offsets: []int64{0}}
	err := f.each(ctx, all, func(_ int, b []byte) error {
		a, err := neighbors.ReadAnswers(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return err
		}
		for _, end := range a.Offsets[1:] {
			whole.Offsets = append(whole.Offsets, int64(len(whole.Neighbors))+end)
		}
		for _, n := range a.Numbers {
			if a.IDs.Len() > 0 { // which go by their ids, and may be of several files
				n = int64(len(whole.Numbers))
			}
			whole.Numbers = append(whole.Numbers, n)
		}
		whole.Neighbors = append(whole.Neighbors, a.Neighbors...)
		whole.IDs.AppendAll(&a.IDs)
		whole.NeighborIDs.AppendAll(&a.NeighborIDs)
		whole.Distances = append(whole.Distances, a.Distances...)
		return nil
	})
	if err != nil {
		return err
	}
	found.Rows = int64(len(whole.Numbers))
	found.Path, err = f.Options.create(ctx, targetsName, func(w io.Writer) error {
		_, err := whole.WriteTo(w)
		return err
	})
	return err
}

// validateEvaluate reports what an evaluation excludes.
func (o *Options) validateEvaluate() error {
	if o.Evaluate == "" && !o.Evaluates {
		return nil
	}
	switch {
	case o.K == 0:
		return errors.New("evaluate compares the k nearest: a radius needs a k as well")
	case o.Recall != 0:
		return errors.New("evaluate compares with the exact neighbours: without recall. To judge approximate ones, write them " +
			"to a file first, and evaluate that")
	case o.Answer != nil || o.Groups != nil || o.Outliers != nil:
		return errors.New("evaluate compares lists of neighbours")
	case o.Broadcast == Shards || o.IndexMemory > 0:
		return errors.New("evaluate needs all points in a worker: without shards and index memory")
	}
	return nil
}

// others are the lists of another system, as the tasks of a process share them.
type others struct {
	lists   *neighbors.Answers
	queries map[vectors.ID][]int32 // the rows of each query in lists, of a table
	points  map[vectors.ID]int64   // their row numbers
}

var evaluated = output.NewShared[*others]()

func (t *task) others() (*others, error) {
	o, _, err := evaluated.Get(t.options.RunID, func() (*others, error) {
		b, err := files.ReadFile(t.ctx, t.options.Evaluate)
		if err != nil {
			return nil, err
		}
		a, err := neighbors.ReadAnswers(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.options.Evaluate, err)
		}
		o := &others{lists: a}
		if a.IDs.Len() == 0 {
			return o, nil
		}
		o.queries, o.points = map[vectors.ID][]int32{}, map[vectors.ID]int64{}
		for i := range a.Len() {
			id := a.IDs.At(i)
			o.queries[id] = append(o.queries[id], int32(i))
		}
		o.sortByRanks()
		for _, x := range slices.Backward(t.all) {
			for i := x.Len() - 1; i >= 0; i-- { // the first of those with the same id
				o.points[x.ID(int32(i))] = x.Number(int32(i))
			}
		}
		return o, nil
	})
	return o, err
}

// sortByRanks sorts the rows of each query where they have ranks, which are the distances of lists of one neighbour.
func (o *others) sortByRanks() {
	a := o.lists
	if !slices.ContainsFunc(a.Distances, func(rank float64) bool { return rank != 0 }) {
		return
	}
	for _, rows := range o.queries {
		slices.SortStableFunc(rows, func(i, j int32) int {
			return cmp.Compare(a.Distances[a.Offsets[i]], a.Distances[a.Offsets[j]])
		})
	}
}

// pointAt is the point with a row number: which of the indexes has it, and where; or nil.
func (t *task) pointAt(number int64) (x *neighbors.Index, position int32) {
	for _, x := range t.all {
		if position = x.Position(number); position >= 0 {
			return x, position
		}
	}
	return nil, -1
}

// list is that of a query, by the row numbers of points; see [evaluate.Lists].
func (o *others) list(t *task, id vectors.ID, number int64) (found []int64, ok bool) {
	if o.queries == nil {
		i, ok := slices.BinarySearch(o.lists.Numbers, number)
		if !ok {
			return nil, false
		}
		for _, n := range o.lists.Neighbors[o.lists.Offsets[i]:o.lists.Offsets[i+1]] {
			if x, _ := t.pointAt(n); x == nil {
				n = -1
			}
			found = append(found, n)
		}
		return found, true
	}
	rows := o.queries[id]
	for _, i := range rows {
		for j := o.lists.Offsets[i]; j < o.lists.Offsets[i+1]; j++ {
			n, ok := o.points[o.lists.NeighborIDs.At(int(j))]
			if !ok {
				n = -1
			}
			found = append(found, n)
		}
	}
	return found, len(rows) > 0
}

// judge compares what another system has found for a block of queries with the exact neighbours.
func (t *task) judge(q *vectors.Block, exact *neighbors.Neighbors, points labels) error {
	o, err := t.others()
	if err != nil {
		return err
	}
	if t.report.Evaluation == nil {
		t.report.Evaluation = evaluate.New(t.options.K)
	}
	var rules *choice.Rules
	if t.options.Rules != nil {
		if rules, err = t.options.rules(t.ctx); err != nil {
			return err
		}
	}
	a, b := make([]float64, q.Dim), make([]float64, q.Dim)
	lists := evaluate.Lists{
		Of: func(i int) ([]int64, bool) { return o.list(t, q.ID(i), q.Numbers[i]) },
		Own: func(i int) int64 {
			if t.self {
				return q.Numbers[i]
			}
			return -1
		},
		Distance: func(i int, number int64) (float64, error) {
			if rules != nil {
				if allowed, err := rules.Allow(q.Numbers[i], number); err != nil || !allowed {
					return math.Inf(1), err
				}
			}
			x, position := t.pointAt(number)
			return neighbors.Distance(q.Row(i, a), x.Rows(int(position), int(position)+1).Row(0, b), x.Options()), nil
		},
	}
	if rules != nil && rules.Most != nil {
		lists.Most = &neighbors.Most{Groups: rules.Most, Number: rules.Number}
	}
	return t.report.Evaluation.Add(exact, points.number, lists)
}
