package knn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/typex"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
)

func init() {
	beam.RegisterType(reflect.TypeOf((*vectors.Vector)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*Nearest)(nil)).Elem())
	registry.Element(encodeSpilled, decodeSpilled)
	registry.DoFns(&vectorFn{}, &spillFn{}, &fitFn{}, &askFn{}, &askSelfFn{})
	register.Iter1[spilled]()
	register.Iter1[Range]()
	register.Emitter1[spilled]()
	register.Emitter1[Nearest]()
}

// Nearest is the neighbours of one query, nearest first, and of equally near ones those of smaller ids first: integers
// by their values, before texts. It has a schema, so that SQL, other SDKs and sinks take it.
type Nearest struct {
	ID        string
	Neighbors []string
	Distances []float64
}

// OfOptions of [Of]. A field that is not Required has its Default.
type OfOptions struct {
	// Neighbors are the metric and the algorithm.
	Neighbors neighbors.Options
	// K is the number of neighbours of each query. Required, unless Radius is set.
	K int
	// Radius asks for all neighbours within this distance instead; with K, for the nearest K of them. Optional.
	Radius *float64
	// Threads is how many goroutines share queries. Default: GOMAXPROCS of the worker.
	Threads int
	// Staging is a directory that all workers can reach, for the points and their index while the job runs. Required.
	Staging string
	// RunID is unique to the run: it keys the index in a worker process, and the files. Default: random.
	RunID string
}

// EnsureDefaults fills in what is not set.
func (o *OfOptions) EnsureDefaults() {
	search := o.search()
	search.EnsureDefaults()
	o.Neighbors, o.RunID = search.Neighbors, search.RunID
}

// Validate reports every fault of the options at once.
func (o *OfOptions) Validate() error {
	errs := []error{o.Neighbors.Validate()}
	switch {
	case o.K == 0 && o.Radius == nil:
		errs = append(errs, errors.New("one of k and radius is needed"))
	case o.K < 0:
		errs = append(errs, fmt.Errorf("k = %d: must be at least 1", o.K))
	}
	if r := o.Radius; r != nil && (math.IsNaN(*r) || math.IsInf(*r, 0)) {
		errs = append(errs, fmt.Errorf("radius %v: must be a finite number", *r))
	}
	if o.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", o.Threads))
	}
	if o.Staging == "" {
		errs = append(errs, errors.New("a staging directory is needed, which all workers can reach"))
	}
	return errors.Join(errs...)
}

// search is the options of a search.
func (o *OfOptions) search() Options {
	return Options{Neighbors: o.Neighbors, K: o.K, Radius: o.Radius, Threads: o.Threads, Staging: o.Staging,
		Destination: output.Destination{RunID: o.RunID}}
}

// Of finds the neighbours of vectors that are in a pipeline: PCollection<[vectors.Vector]>, or
// PCollection<KV<string, []float32>> of ids and values, for the points and for the queries → PCollection<[Nearest]>.
// The zero PCollection as queries stands for every point, which is then no neighbour of itself. The answers are those
// of [KNeighbors] over files in which the rows stand in the order of their ids, whatever the order of the elements
// here.
//
// All windows must be the global one, and the points bounded. Each bundle writes its points into files of the
// staging directory, at most 32 MiB at a time, and only their names are shuffled; one worker reads all of them, and
// builds the index, which takes the memory of the points twice; a worker maps that index into memory, and holds 1,024
// queries of a bundle at a time. Call [CleanOf] when the run is over.
//
// Of fails on options that are not valid, and on collections of other elements or windows. The job fails, by an error
// that names the vector, on values that are not finite or that the metric does not take, on vectors of another length,
// an empty id, and on fewer points than K asks for.
func Of(s beam.Scope, points, queries beam.PCollection, o *OfOptions) (beam.PCollection, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return beam.PCollection{}, fmt.Errorf("knn.Of: %w", err)
	}
	s = s.Scope("knn.Of")
	points, err := vectorsOf(s, points, "points")
	if err != nil {
		return beam.PCollection{}, err
	}
	self := !queries.IsValid()
	if !self {
		if queries, err = vectorsOf(s, queries, "queries"); err != nil {
			return beam.PCollection{}, err
		}
	}
	output.Begin(o.RunID)
	search := o.search()
	spills := beam.ParDo(s, &spillFn{Options: search}, points)
	index := beam.ParDo(s, &fitFn{Options: search, Self: self}, beam.GroupByKey(s, beam.AddFixedKey(s, spills)))
	if self {
		return beam.ParDo(s, &askSelfFn{Options: search}, beam.Reshuffle(s, index)), nil
	}
	return beam.ParDo(s, &askFn{Options: search}, queries, beam.SideInput{Input: index}), nil
}

// CleanOf removes what a run of [Of] has left in its staging directory. Call it when the run is over, well or not.
func CleanOf(ctx context.Context, o *OfOptions) error {
	output.End(o.RunID)
	search := o.search()
	return search.cleanIndexes(ctx)
}

// vectorsOf is a collection of vectors: PCollection<vectors.Vector>.
func vectorsOf(s beam.Scope, c beam.PCollection, what string) (beam.PCollection, error) {
	if !c.IsValid() {
		return c, fmt.Errorf("knn.Of: no collection of %s", what)
	}
	if w := c.WindowingStrategy(); w.Fn.Kind != window.GlobalWindows {
		return c, fmt.Errorf("knn.Of: the %s are in windows (%v): all of them must be in the global one, which "+
			"beam.WindowInto(s, window.NewGlobalWindows(), …) puts them into", what, w.Fn)
	}
	t := c.Type()
	if typex.IsKV(t) {
		if parts := t.Components(); parts[0].Type() == reflect.TypeOf("") &&
			parts[1].Type() == reflect.TypeOf([]float32(nil)) {
			return beam.ParDo(s, &vectorFn{}, c), nil
		}
	} else if t.Type() == reflect.TypeOf(vectors.Vector{}) {
		return c, nil
	}
	return c, fmt.Errorf("knn.Of: the %s are a PCollection<%v>: it must be of vectors.Vector, or of KV<string, []float32>",
		what, t)
}

// vectorFn makes a vector of a pair.
type vectorFn struct{}

func (*vectorFn) ProcessElement(id string, values []float32) vectors.Vector {
	return vectors.Vector{ID: id, Values: values}
}

const (
	// spillBytes is how much of the points a bundle holds at a time, and askRows how many queries.
	spillBytes = 32 << 20
	askRows    = 1024
)

// gathered is vectors of a bundle, as a block.
type gathered struct {
	block  *vectors.Block
	domain vectors.Domain
	row    []float64
}

// add adds a vector, of so many values where dim is not 0.
func (g *gathered) add(v vectors.Vector, dim int) error {
	if g.block == nil {
		g.block, g.row = &vectors.Block{Dim: len(v.Values)}, make([]float64, len(v.Values))
	}
	if dim == 0 {
		dim = g.block.Dim
	}
	at := func(format string, args ...any) error {
		return fault.Mark(fmt.Errorf("the vector %s: %s", fault.Quote(v.ID), fmt.Sprintf(format, args...)))
	}
	switch n := g.block.Len(); {
	case v.ID == "":
		return at("found no id, expected one")
	case len(v.Values) == 0:
		return at("found no values, expected some")
	case len(v.Values) != dim || len(v.Values) != g.block.Dim:
		return at("found %d values, expected %d, as others have", len(v.Values), dim)
	default:
		if i := g.block.Append32(v.Values, int64(n)); i >= 0 {
			return at("value %d: found %v, expected a finite number", i, v.Values[i])
		}
		g.block.AppendID(vectors.ParseID(v.ID))
		if broken, i, found := g.domain.Fault(g.block, n, g.row); broken != nil {
			return at("value %d: found %v, expected %s", i, found, broken.Expected)
		}
	}
	return nil
}

// spilled names a file of points.
type spilled struct {
	Path string
	Size int64
	Rows int
}

func encodeSpilled(p spilled) ([]byte, error) { return json.Marshal(p) }

func decodeSpilled(b []byte) (p spilled, err error) {
	err = json.Unmarshal(b, &p)
	return p, err
}

// spillFn writes the points of a bundle into files.
type spillFn struct {
	Options Options

	points gathered
}

func (f *spillFn) StartBundle(func(spilled)) {
	f.points = gathered{domain: f.Options.Neighbors.Domain()}
}

func (f *spillFn) ProcessElement(ctx context.Context, v vectors.Vector, emit func(spilled)) error {
	if err := f.points.add(v, 0); err != nil {
		return err
	}
	if blockBytes(f.points.block) < spillBytes {
		return nil
	}
	return f.FinishBundle(ctx, emit)
}

func (f *spillFn) FinishBundle(ctx context.Context, emit func(spilled)) error {
	b := f.points.block
	if b == nil || b.Len() == 0 {
		return nil
	}
	var encoded bytes.Buffer
	if err := neighbors.WritePoints(&encoded, b); err != nil {
		return fault.Mark(err)
	}
	// A bundle that is tried again writes others, and nobody reads these.
	path, err := f.Options.createOf(ctx, "points-"+files.NewRunID(), encoded.Bytes())
	if err != nil {
		return fault.Mark(err)
	}
	emit(spilled{Path: path, Size: int64(encoded.Len()), Rows: b.Len()})
	b.Reset()
	return nil
}

// fitFn builds the index of all points, in the order of their ids, and names its file, or the ranges of its points.
type fitFn struct {
	Options Options
	Self    bool
}

func (f *fitFn) ProcessElement(ctx context.Context, _ int, iter func(*spilled) bool, emit func(Range)) error {
	file, n, err := f.fit(ctx, iter)
	if err != nil {
		return fault.Mark(err)
	}
	if !f.Self {
		emit(Range{Ordinal: built, Index: file})
		return nil
	}
	for _, r := range rangesOf(n, int64(n), askRows, file) {
		emit(r)
	}
	return nil
}

func (f *fitFn) fit(ctx context.Context, iter func(*spilled) bool) (file IndexFile, n int, err error) {
	points, err := f.read(ctx, iter)
	if err != nil {
		return file, 0, err
	}
	if f.Options.Radius == nil {
		if err := f.Options.checkK(int64(points.Len()), f.Self); err != nil {
			return file, 0, err
		}
	}
	index, err := neighbors.Fit(points, f.Options.Neighbors)
	if err != nil {
		return file, 0, err
	}
	// Other transforms of the run may have the same options, and the pipeline may run again, over other points: workers
	// keep an index by its name.
	file, err = f.Options.writeIndex(ctx, files.NewRunID()+"-"+indexName, index, Note{Total: int64(points.Len())})
	return file, points.Len(), err
}

// read reads the files of all points, and puts the points into the order of their ids.
func (f *fitFn) read(ctx context.Context, iter func(*spilled) bool) (*vectors.Block, error) {
	type place struct {
		block *vectors.Block
		row   int
		id    vectors.ID
	}
	var places []place
	var p spilled
	for iter(&p) {
		r, err := files.OpenRead(ctx, p.Path)
		if err != nil {
			return nil, err
		}
		b, err := neighbors.ReadPoints(r, p.Size)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		for i := range b.Len() {
			places = append(places, place{b, i, b.ID(i)})
		}
		if first := places[0].block; first.Dim != b.Dim {
			return nil, fmt.Errorf("the vectors %s and %s: found %d and %d values, expected as many",
				fault.Quote(places[0].id.String()), fault.Quote(b.ID(0).String()), first.Dim, b.Dim)
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return compareIDs(a.id, b.id) })
	all := &vectors.Block{Dim: places[0].block.Dim}
	all.Grow(len(places))
	for i, p := range places {
		all.AppendBlock(p.block.Slice(p.row, p.row+1))
		all.Numbers[i] = int64(i)
	}
	return all, nil
}

// compareIDs orders integers by their values, before texts.
func compareIDs(a, b vectors.ID) int {
	if a.IsInt() != b.IsInt() {
		if a.IsInt() {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Int, b.Int), strings.Compare(a.Text, b.Text))
}

// asks answers queries by the index of a file.
type asks struct{ index *neighbors.Index }

func (a *asks) open(ctx context.Context, o *Options, file IndexFile) (err error) {
	if a.index == nil {
		a.index, _, err = loadIndex(ctx, o.RunID+"/"+file.Path, func(ctx context.Context, _ string) (*neighbors.Index,
			error) {
			return file.open(ctx, o.RunID, 0)
		})
	}
	return fault.Mark(err)
}

func (a *asks) answer(o *Options, q *vectors.Block, self bool, emit func(Nearest)) error {
	t := task{options: o}
	found, err := t.find(q, a.index, neighbors.Search{Threads: o.Threads, Self: self})
	if err != nil {
		return fault.Mark(err)
	}
	for i := range q.Len() {
		positions, distances := found.Of(i)
		one := Nearest{ID: q.ID(i).String(), Neighbors: make([]string, len(positions)), Distances: slices.Clone(distances)}
		for j, p := range positions {
			one.Neighbors[j] = a.index.ID(p).String()
		}
		emit(one)
	}
	runtime.KeepAlive(a.index) // the queries may be in its memory
	return nil
}

// askFn answers the queries of a bundle, some at a time.
type askFn struct {
	Options Options

	asks
	queries gathered
}

func (f *askFn) StartBundle(func() func(*Range) bool, func(Nearest)) {
	f.queries = gathered{domain: f.Options.Neighbors.Domain()}
}

func (f *askFn) ProcessElement(ctx context.Context, v vectors.Vector, index func() func(*Range) bool,
	emit func(Nearest)) error {
	if f.index == nil {
		var r Range
		if !index()(&r) {
			return fault.Mark(errors.New("knn.Of: found no points, expected some"))
		}
		if err := f.open(ctx, &f.Options, r.Index); err != nil {
			return err
		}
	}
	if err := f.queries.add(v, f.index.Dim()); err != nil {
		return err
	}
	if f.queries.block.Len() < askRows {
		return nil
	}
	return f.FinishBundle(ctx, index, emit)
}

func (f *askFn) FinishBundle(_ context.Context, _ func() func(*Range) bool, emit func(Nearest)) error {
	b := f.queries.block
	if b == nil || b.Len() == 0 {
		return nil
	}
	err := f.answer(&f.Options, b, false, emit)
	b.Reset()
	return err
}

// askSelfFn answers points of the index.
type askSelfFn struct {
	Options Options

	asks
}

func (f *askSelfFn) ProcessElement(ctx context.Context, r Range, emit func(Nearest)) error {
	if err := f.open(ctx, &f.Options, r.Index); err != nil {
		return err
	}
	return f.answer(&f.Options, f.index.Rows(r.First, r.First+r.Rows), true, emit)
}
