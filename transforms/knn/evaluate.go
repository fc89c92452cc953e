package knn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// InspectFound finds the neighbours that another system has found: files of row numbers, .npy, a row for each query; or
// tables of a row for each neighbour, in the order of the ranks of each query, with the columns query_id and
// neighbor_id. What it finds is for Options.Evaluate.
func InspectFound(ctx context.Context, patterns []string, reading vectorio.Options) (*TargetsJob, error) {
	npy := slices.ContainsFunc(patterns, func(p string) bool { return strings.HasSuffix(strings.ToLower(p), ".npy") })
	reading = vectorio.Options{ChunkRows: reading.ChunkRows}
	f := &reading.Formats
	if npy {
		*f = formats.Options{DType: vectors.Float64}
	} else {
		// A row has a vector of some column, and there need be none but these two.
		*f = formats.Options{IDColumn: "query_id", TargetColumn: "neighbor_id", Names: []string{"query_id"}, Labels: true,
			Cells: true}
	}
	d, err := vectorio.Inspect(ctx, patterns, reading)
	if err != nil {
		return nil, err
	}
	return &TargetsJob{Data: d, Reading: reading, Task: linear.Classification, rows: foundNeighbors}, nil
}

// foundPart are neighbours that another system has found: of .npy the row numbers of the neighbours of each row, and of
// a table a neighbour a row, with its ids.
type foundPart struct {
	file    string
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
		case len(b.Labels) > 0:
			id = vectors.ParseID(b.Labels[i])
		case b.Target[i] == math.Trunc(b.Target[i]) && math.Abs(b.Target[i]) <= 1<<53:
			id.Int = int64(b.Target[i])
		default:
			return p.fault(n, "neighbor_id", b.Target[i], "an id")
		}
		a.IDs.Append(b.ID(i))
		a.NeighborIDs.Append(id)
		a.Neighbors = append(a.Neighbors, n)
		a.Offsets = append(a.Offsets, int64(len(a.Neighbors)))
	}
	a.Distances = make([]float64, len(a.Neighbors))
	return nil
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
		whole.Numbers, whole.Neighbors = append(whole.Numbers, a.Numbers...), append(whole.Neighbors, a.Neighbors...)
		whole.IDs.AppendAll(&a.IDs)
		whole.NeighborIDs.AppendAll(&a.NeighborIDs)
		return nil
	})
	if err != nil {
		return err
	}
	whole.Distances = make([]float64, len(whole.Neighbors))
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
	case o.Radius != nil || o.K == 0:
		return errors.New("evaluate compares the k nearest: without a radius")
	case o.Recall != 0:
		return errors.New("evaluate compares with the exact neighbours: without recall")
	case o.Restricted:
		return errors.New("evaluate compares with neighbours among all points: without filter, only_same, before, max_per " +
			"and exclude_same")
	case o.Neighbors.Metric.Missing():
		return fmt.Errorf("evaluate compares lists of k neighbours, which rows may lack by %s", o.Neighbors.Metric)
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
	points  map[vectors.ID]int32   // positions
}

var evaluated = output.NewShared[*others]()

func (t *task) others(x *neighbors.Index) (*others, error) {
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
		o.queries, o.points = map[vectors.ID][]int32{}, make(map[vectors.ID]int32, x.Len())
		for i := range a.Len() {
			id := a.IDs.At(i)
			o.queries[id] = append(o.queries[id], int32(i))
		}
		for i := x.Len() - 1; i >= 0; i-- { // the first of those with the same id
			o.points[x.ID(int32(i))] = int32(i)
		}
		return o, nil
	})
	return o, err
}

// list is that of a query, by positions in the index; see [evaluate.Recall.Add].
func (o *others) list(x *neighbors.Index, id vectors.ID, number int64) (found []int32, ok bool) {
	if o.queries == nil {
		i, ok := slices.BinarySearch(o.lists.Numbers, number)
		if !ok {
			return nil, false
		}
		for _, n := range o.lists.Neighbors[o.lists.Offsets[i]:o.lists.Offsets[i+1]] {
			found = append(found, x.Position(n))
		}
		return found, true
	}
	for _, i := range o.queries[id] {
		p, ok := o.points[o.lists.NeighborIDs.At(int(i))]
		if !ok {
			p = -1
		}
		found = append(found, p)
	}
	return found, found != nil
}

// judge compares what another system has found for a block of queries with the exact neighbours.
func (t *task) judge(q *vectors.Block, exact *neighbors.Neighbors) error {
	x := t.index
	o, err := t.others(x)
	if err != nil {
		return err
	}
	if t.report.Evaluation == nil {
		t.report.Evaluation = evaluate.New(t.options.K)
	}
	t.report.Evaluation.Add(q, exact, x, func(i int) ([]int32, int32, bool) {
		own := int32(-1)
		if t.self {
			own = x.Position(q.Numbers[i])
		}
		found, ok := o.list(x, q.ID(i), q.Numbers[i])
		return found, own, ok
	})
	return nil
}
