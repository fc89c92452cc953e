package knn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&shapeFn{})
}

// layout is how the neighbours are written.
func (o *Options) layout() results.Layout {
	if o.Groups != nil {
		return results.Layout{Columns: groupColumns}
	}
	if o.Outliers != nil {
		return o.Outliers.layout()
	}
	l := results.Layout{K: o.K, Form: o.Form, Connectivity: o.Connectivity}
	if o.IncludeSelf && o.K > 0 {
		l.K++
	}
	if o.symmetric() || o.mayLack() {
		l.K = 0 // there may be fewer
	}
	if o.Similarity {
		l.Similarity = similarities[o.Neighbors.Metric]
	}
	return l
}

// similarities are those of the metrics that have one.
var similarities = map[neighbors.Metric]results.Similarity{
	neighbors.Cosine: results.OneMinusDistance, neighbors.Correlation: results.OneMinusDistance,
	neighbors.InnerProduct: results.MinusDistance,
}

// symmetric reports whether edges are to be added, or left out. Within a radius each has its counterpart as it is.
func (o *Options) symmetric() bool {
	return (o.Radius == nil || o.K > 0) && o.Symmetric != "" && o.Symmetric != neighbors.Directed
}

// isGraph reports whether the output is a graph of rows and columns, which needs to know its shape.
func (o *Options) isGraph() bool {
	f, err := results.Detect(o.Output, o.OutputFormat, o.layout())
	return err == nil && f.IsGraph()
}

// validateGraph reports what of a graph cannot be.
func (o *Options) validateGraph() error {
	var errs []error
	if o.Groups != nil {
		errs = append(errs, o.checkGroups())
	}
	errs = append(errs, o.checkDiameter())
	if o.Symmetric != "" && !slices.Contains(neighbors.Symmetries, o.Symmetric) {
		errs = append(errs, fmt.Errorf("symmetric %q: must be one of none, union, mutual", o.Symmetric))
	}
	if o.Similarity && o.Neighbors.Metric != "" && similarities[o.Neighbors.Metric] == "" {
		errs = append(errs, fmt.Errorf("similarity: %s is a distance that none belongs to, only cosine, correlation "+
			"and inner_product have one", o.Neighbors.Metric))
	}
	if o.IncludeSelf && o.Neighbors.Metric == neighbors.InnerProduct {
		errs = append(errs, errors.New("by the inner product no point is the nearest to itself: without include_self"))
	}
	return errors.Join(errs...)
}

// checkGraph reports what queries and an index leave no room for.
func (j *Job) checkGraph() error {
	var errs []error
	o := &j.Options
	if o.Groups != nil && (j.Queries != nil || j.Index != nil) {
		errs = append(errs, errors.New("groups are of the points of an input: without queries, and without an index "+
			"that was kept"))
	}
	if j.Queries != nil && o.IncludeSelf {
		errs = append(errs, errors.New("include_self is of points that are the queries: without queries of their own"))
	}
	if j.Queries != nil && o.Symmetric != "" && o.Symmetric != neighbors.Directed {
		errs = append(errs, fmt.Errorf("symmetric %s is of the graph of the points: without queries of their own",
			o.Symmetric))
	}
	if j.Index != nil && o.IncludeSelf && j.metric() == neighbors.InnerProduct {
		errs = append(errs, errors.New("by the inner product no point is the nearest to itself: without include_self"))
	}
	return errors.Join(errs...)
}

// labels name the points at the positions of an answer.
type labels struct {
	id     func(position int32) vectors.ID
	number func(position int32) int64
}

// labelsOf are those of answers, whose positions are places among their neighbours.
func labelsOf(a *neighbors.Answers) labels {
	return labels{a.NeighborID, func(j int32) int64 { return a.Neighbors[j] }}
}

// withSelf puts each query in front of its neighbours, at distance 0.
func withSelf(q *vectors.Block, found *neighbors.Neighbors, points labels) (*neighbors.Neighbors, labels) {
	n := found.Len()
	all := &neighbors.Neighbors{
		Offsets:   make([]int64, 1, n+1),
		Positions: make([]int32, 0, len(found.Positions)+n),
		Distances: make([]float64, 0, len(found.Distances)+n),
	}
	for i := range n {
		positions, distances := found.Of(i)
		all.Positions = append(append(all.Positions, ^int32(i)), positions...) // what is below 0 is a query
		all.Distances = append(append(all.Distances, 0), distances...)
		all.Offsets = append(all.Offsets, int64(len(all.Positions)))
	}
	return all, labels{
		func(p int32) vectors.ID {
			if p < 0 {
				return q.ID(int(^p))
			}
			return points.id(p)
		},
		func(p int32) int64 {
			if p < 0 {
				return q.Numbers[^p]
			}
			return points.number(p)
		},
	}
}

// writeRows writes the neighbours of a block of queries to the output.
func (t *task) writeRows(q *vectors.Block, found *neighbors.Neighbors, points labels) error {
	if t.options.IncludeSelf {
		found, points = withSelf(q, found, points)
	}
	return t.out.Write(q.Numbers, func(p results.PartWriter, from, to int) error {
		return p.Write(&results.Chunk{
			Query: q.ID, Neighbor: points.id, Neighbors: found, From: from, To: to, Threads: t.options.Threads,
			Row: func(i int) int64 { return q.Numbers[i] }, Column: points.number,
		})
	})
}

// role is what rows are in a search.
type role string

const (
	ofPoints  role = "points"
	ofQueries role = "queries"
)

// chunks are those of a dataset: PCollection<vectorio.Chunk>. They tell of what shape the graph is, where one is
// written.
func (j *Job) chunks(s beam.Scope, of role, d *vectorio.Dataset) beam.PCollection {
	chunks := vectorio.Chunks(s, d, j.Options.Workers)
	if j.Options.isGraph() {
		fn := &shapeFn{Points: of == ofPoints, Queries: of == ofQueries || j.Queries == nil}
		j.shapes = append(j.shapes, beam.ParDo(s, fn, chunks))
	}
	return chunks
}

// shapeOf is the shape of a graph of so many points, where one is written.
func (j *Job) shapeOf(points int64) []output.Part {
	switch {
	case !j.Options.isGraph():
		return nil
	case j.Queries == nil:
		return []output.Part{output.Shape(points, points)}
	}
	return []output.Part{output.Shape(0, points)}
}

// shapeFn tells how many rows a dataset has: of its chunks, the first does.
type shapeFn struct{ Points, Queries bool }

func (f *shapeFn) ProcessElement(c vectorio.Chunk, emit func(output.Part)) {
	if c.Ordinal > 0 {
		return
	}
	var queries, points int64
	if f.Queries {
		queries = c.Total
	}
	if f.Points {
		points = c.Total
	}
	emit(output.Shape(queries, points))
}
