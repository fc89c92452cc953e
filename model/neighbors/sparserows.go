package neighbors

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"beamlearn/model/neighbors/sparse"
	"beamlearn/model/vectors"
)

// # Sparse rows
//
// Rows that are mostly zeros stay so (vectors.Block.Sparse), and are searched by their entries. Their distances are
// those of [Distance], bit for bit: a component that two rows lack adds nothing to its lane. For the cosine, the inner
// product and the euclidean distance an inverted index finds candidates (package sparse), whose distances are computed
// then, and so it does for sets, whose columns are those that are not 0, and for the Hamming distance; for other
// metrics, all pairs are compared, in O(entries) each.

// denseShare is the share of entries above which rows are stored with their zeros, and compared by tiles. The time of
// the inverted index grows by the square of the share: of 20,000 rows with AVX2, at 6 % it is half of the tiles' with
// 2,000 columns and 0.6 with 500, so that they meet at 8 % or so; wider lanes meet it earlier. The bytes are the same.
const denseShare = 1.0 / 16

// MaxDenseColumns is how many columns sparse rows may have to be stored with their zeros, whatever their entries.
const MaxDenseColumns = 1 << 14

// denseEnough reports whether so many sparse points of dim columns are better stored with their zeros: where a tree is,
// and where many components are no zeros.
func denseEnough(rows, entries, dim int, o Options) bool {
	if dim > MaxDenseColumns {
		return false
	}
	if !o.hasEntries() || chooseAlgorithm(&points{n: rows, dim: dim}, o.resolve()) == KDTree {
		return true
	}
	return float64(entries) > denseShare*float64(rows)*float64(dim)
}

// hasEntries reports whether the metric is computed of rows' entries.
func (o *Options) hasEntries() bool {
	switch r := o.resolve(); r.Metric {
	case Cosine, InnerProduct, Euclidean, SqEuclidean, Manhattan, Chebyshev, Minkowski, Hamming, Jaccard, Dice, Overlap:
		return !r.centred && !r.Bits
	}
	return false
}

// CheckSparse says why sparse rows of so many columns cannot be searched: where they must have their zeros, and are too
// long for that.
func (o *Options) CheckSparse(dim int) error {
	switch {
	case dim <= MaxDenseColumns:
		return nil
	case !o.hasEntries():
		return fmt.Errorf("metric %s takes at most %d columns of sparse rows, found %d", o.Metric, MaxDenseColumns, dim)
	case o.Algorithm == KDTree:
		return fmt.Errorf("algorithm kd_tree takes at most %d columns of sparse rows, found %d: use brute", MaxDenseColumns,
			dim)
	}
	return nil
}

// dense are sparse rows with their zeros, and what stands beside them.
func dense(b *vectors.Block) *vectors.Block {
	d := &vectors.Block{Dim: b.Dim}
	d.AppendBlock(b)
	return d
}

// sparseOf are dense rows without their zeros.
func sparseOf(b *vectors.Block) *vectors.Block {
	s := &vectors.Block{Dim: b.Dim, Sparse: &vectors.CSR{}}
	s.AppendBlock(b)
	return s
}

// like are queries as the points are stored.
func (x *Index) like(q *vectors.Block) *vectors.Block {
	switch {
	case q.Len() == 0:
	case x.points.csr == nil && q.Sparse != nil:
		return dense(q)
	case x.points.csr != nil && q.Sparse == nil:
		return sparseOf(q)
	}
	return q
}

// entriesOf are the entries of row i.
func entriesOf(c *vectors.CSR, i int) sparse.Row {
	columns, values := c.Row(i)
	return sparse.Row{Columns: columns, Values: values}
}

// sparseRows is the engine of sparse rows.
type sparseRows struct {
	o      Options
	points points        // those of a cosine rescaled, where squares of theirs would leave float64's range
	scales []float64     // inverse norms, for the cosine
	lists  *sparse.Index // nil where all pairs are compared
}

// ofSets reports whether the inverted index takes rows for the sets of their columns, so that their values' sizes do
// not matter.
func (m Metric) ofSets() bool { return m.ofBooleans() || m == Hamming }

// measures are those of the inverted index.
var measures = map[Metric]sparse.Measure{
	Cosine: sparse.Cosine, InnerProduct: sparse.InnerProduct, Euclidean: sparse.Euclidean, SqEuclidean: sparse.Euclidean,
	Jaccard: sparse.Jaccard, Dice: sparse.Dice, Overlap: sparse.Overlap, Hamming: sparse.Hamming,
}

// newSparseRows builds the engine. Bounds by norms are of no use where squares leave float64's range.
func newSparseRows(p *points, o Options) *sparseRows {
	e := &sparseRows{o: o, points: *p}
	if o.Metric == Cosine {
		e.scale()
	}
	if m, ok := measures[o.Metric]; ok &&
		(o.Metric == Cosine || o.Metric.ofSets() || o.magnitudes(p).within(magnitudes64)) {
		e.lists = sparse.New(sparse.Rows{CSR: e.points.csr, N: p.n}, p.dim, m)
	}
	return e
}

// scale finds the inverse norms, and rescales rows as [Options.scales] does.
func (e *sparseRows) scale() {
	e.scales = make([]float64, e.points.n)
	own := false
	for i := range e.scales {
		row := entriesOf(e.points.csr, i)
		scaled := append([]float64(nil), row.Values...)
		if rescale(scaled); !equal(row.Values, scaled) {
			if !own {
				c := *e.points.csr
				c.Values = append([]float64(nil), c.Values...)
				e.points.csr, own = &c, true
			}
			copy(e.points.csr.Values[e.points.csr.Offsets[i]:], scaled)
		}
		e.scales[i] = inverseOf(sparse.Row{Columns: row.Columns, Values: scaled})
	}
}

// inverseOf is inverseNorm of a sparse row.
func inverseOf(x sparse.Row) float64 {
	if n := math.Sqrt(sparse.Dot(x, x)); n > 0 {
		return 1 / n
	}
	return 0
}

// sparseQuery is a prepared query: see prepared.
type sparseQuery struct {
	sparse.Row
	zero bool
	own  []float64
}

func (e *sparseRows) prepare(q *vectors.Block, i int, p *sparseQuery) {
	p.Row = entriesOf(q.Sparse, i)
	if e.o.Metric != Cosine {
		return
	}
	p.own = append(p.own[:0], p.Values...)
	rescale(p.own)
	p.Values = p.own
	s := inverseOf(p.Row)
	p.zero = s == 0
	for j := range p.own {
		p.own[j] *= s
	}
}

// reduced is [Options.reduced] of sparse rows.
func (e *sparseRows) reduced(q *sparseQuery, position int) float64 {
	y := entriesOf(e.points.csr, position)
	switch e.o.Metric {
	case Cosine:
		if s := e.scales[position]; !q.zero && s != 0 {
			return sparse.SqEuclidean(q.Row, y, s)
		}
		return 2
	case InnerProduct:
		return negative(sparse.Dot(q.Row, y))
	case Manhattan:
		return sparse.Manhattan(q.Row, y)
	case Chebyshev:
		return sparse.Chebyshev(q.Row, y)
	case Minkowski:
		return sparse.Powers(q.Row, y, e.o.P)
	case Hamming:
		return sparse.Unequal(q.Row, y)
	case Jaccard, Dice, Overlap:
		return contingency{
			both: sparse.Both(q.Row, y), x: sparse.Size(q.Row), y: sparse.Size(y),
		}.distance(e.o.Metric)
	}
	return sparse.SqEuclidean(q.Row, y, 1)
}

// EntryPairs computes the distances of points that other means have found for rows of few entries. It belongs to one
// goroutine.
type EntryPairs struct {
	e     *sparseRows
	q     *vectors.Block
	query sparseQuery
}

// NewEntryPairs is for rows q of the dimension of the points. It fails where one of both is not sparse.
func (x *Index) NewEntryPairs(q *vectors.Block) (*EntryPairs, error) {
	e, ok := x.engine.(*sparseRows)
	switch {
	case !ok || q.Sparse == nil:
		return nil, errors.New("neighbors.NewEntryPairs: dense rows")
	case q.Dim != x.points.dim:
		return nil, fmt.Errorf("queries have %d columns, the points have %d", q.Dim, x.points.dim)
	}
	return &EntryPairs{e: e, q: q}, nil
}

// Another is the same for another goroutine.
func (p *EntryPairs) Another() *EntryPairs { return &EntryPairs{e: p.e, q: p.q} }

// Distances appends those of [Distance] between row i and points. O(entries of all).
func (p *EntryPairs) Distances(i int, positions []int32, to []float64) []float64 {
	p.e.prepare(p.q, i, &p.query)
	for _, at := range positions {
		to = append(to, p.e.o.finish(p.e.reduced(&p.query, int(at)), p.e.points.dim))
	}
	return to
}

// sparseQueries is how many queries a goroutine answers at a time.
const sparseQueries = 64

// take takes the distance of a point from query i. It returns the distance above which it takes no more of that query.
type take func(i int, d float64, position int32) (worst float64)

// eachQuery gives the distances of all candidates of each query to take, which knows the number of the query; done is
// called behind the last of them. They are the k nearest, or, where k is 0, those within a limit of the inverted index;
// or all points.
func (e *sparseRows) eachQuery(
	q *vectors.Block, exclude []int32, s Search, k int, limit float64,
	setup func() (take take, done func(i int)),
) {
	skip := func(i int, j int32) bool { return int(j) == excluded(exclude, i) || s.bars(i, int(j)) }
	answer := func() sparse.Take {
		var p sparseQuery
		take, done := setup()
		return func(i int, positions []int32) {
			e.prepare(q, i, &p)
			for _, j := range positions {
				take(i, e.o.finish(e.reduced(&p, int(j)), e.points.dim), j)
			}
			done(i)
		}
	}
	lists := e.lists
	if s.Most != nil { // the nearest that it leaves may be any
		lists = nil
	}
	if lists != nil && e.o.Metric != Cosine && !e.o.Metric.ofSets() &&
		!magnitudesOf(q.Sparse.Values).within(magnitudes64) {
		lists = nil
	}
	if lists == nil {
		e.eachWhole(q.Len(), func(i int) int { return i }, s, skip, answer)
		return
	}
	how := sparse.Search{
		Queries: sparse.Rows{CSR: q.Sparse, N: q.Len()}, K: k, Limit: limit, Compared: s.answered,
		Each: everyPoint(exclude, e.points.n) && s.Before == nil,
		Parallel: func(n, some int, setup func() func(lo, hi int)) {
			Parallel(n, some, s.NumThreads(), setup)
		},
	}
	if !how.Each || s.Apart != nil { // of each, no row is its own
		how.Skip = skip
	}
	var all []int // queries whose candidates are all points
	if e.o.Metric == Cosine {
		var lock sync.Mutex
		how.All = func(i int) {
			lock.Lock()
			defer lock.Unlock()
			all = append(all, i)
		}
	}
	lists.Find(how, answer)
	if slices.Sort(all); len(all) < leastLanes {
		s.Progress = nil // they are counted
		e.eachWhole(len(all), func(at int) int { return all[at] }, s, skip, answer)
		return
	}
	how.Parallel(len(all), laneQueries, func() func(lo, hi int) {
		var lanes sparse.Lanes
		return func(lo, hi int) { e.compareAll(q, all[lo:hi], &lanes, skip, setup) }
	})
}

// eachWhole answers some of the queries by the distances of all points that they do not skip.
func (e *sparseRows) eachWhole(
	queries int, query func(at int) int, s Search, skip func(i int, j int32) bool, setup func() sparse.Take,
) {
	Parallel(queries, sparseQueries, s.NumThreads(), func() func(lo, hi int) {
		answer, positions := setup(), make([]int32, 0, e.points.n)
		return func(lo, hi int) {
			for at := lo; at < hi; at++ {
				i := query(at)
				positions = positions[:0]
				for j := range int32(e.points.n) {
					if !skip(i, j) {
						positions = append(positions, j)
					}
				}
				answer(i, positions)
			}
			s.answered(hi - lo)
		}
	})
}

const (
	// leastLanes is for how many queries it pays to make lanes of rows.
	leastLanes = 4
	// laneQueries is for how many queries rows are made lanes at a time, which each goroutine does of its own.
	laneQueries = 256
)

// compareAll is what eachQuery does for queries whose candidates are all points, by the cosine.
func (e *sparseRows) compareAll(
	q *vectors.Block, queries []int, lanes *sparse.Lanes, skip func(i int, j int32) bool,
	setup func() (take take, done func(i int)),
) {
	takes, dones := make([]take, len(queries)), make([]func(i int), len(queries))
	prepared, worst := make([]sparseQuery, len(queries)), make([]float64, len(queries))
	for n, i := range queries {
		takes[n], dones[n] = setup()
		worst[n] = math.Inf(1)
		e.prepare(q, i, &prepared[n])
	}
	reduced := make([]float64, sparse.LaneRows)
	for lo := 0; lo < e.points.n; lo += sparse.LaneRows {
		hi := min(lo+sparse.LaneRows, e.points.n)
		lanes.Set(sparse.Rows{CSR: e.points.csr, N: e.points.n}, e.scales, lo, hi)
		for n, i := range queries {
			lanes.SqEuclidean(prepared[n].Row, reduced)
			for at, d := range reduced[:hi-lo] {
				j := int32(lo + at)
				if e.scales[j] == 0 {
					d = 2 // the cosine of the zero vector is 0
				}
				// Positions ascend, so that no later one at the same distance is among the k nearest.
				if d = e.o.finish(d, e.points.dim); d < worst[n] && !skip(i, j) {
					worst[n] = takes[n](i, d, j)
				}
			}
		}
	}
	for n, i := range queries {
		dones[n](i)
	}
}

func (e *sparseRows) kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32,
	distances []float64) {
	e.eachQuery(q, exclude, s, k, 0, func() (take, func(int)) {
		keep := newKeeper(k, s.Most)
		take := func(i int, d float64, j int32) float64 {
			if d <= s.bound(i) {
				keep.offer(d, j)
			}
			return keep.worst()
		}
		return take, func(i int) { keep.sorted(positions[i*k:(i+1)*k], distances[i*k:(i+1)*k]) }
	})
}

func (e *sparseRows) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
	limit := e.o.ceiling(r, e.points.dim)
	switch e.o.Metric {
	case Cosine:
		limit = limit/2 - 1 // of −cos
	case Jaccard, Dice, Overlap:
		limit-- // of −(1 − distance)
	}
	within := make([]within, q.Len())
	e.eachQuery(q, exclude, s, 0, limit, func() (take, func(int)) {
		take := func(i int, d float64, j int32) float64 {
			if d <= r {
				within[i].add(d, j)
			}
			return math.Inf(1)
		}
		return take, func(i int) { within[i].sort() }
	})
	return gather(within)
}

// mostExtreme is how many columns sparse rows may have whose distances are computed from scaled values, with the zeros.
const mostExtreme = 1 << 24

// checkExtreme refuses what takes rows with their zeros that are too long for that.
func (p *points) checkExtreme() error {
	if p.csr == nil || p.dim <= mostExtreme {
		return nil
	}
	return fmt.Errorf("some values are so large or so small that float64 does not hold their products, in rows of %d "+
		"columns: "+
		"multiply all columns by the same power of ten", p.dim)
}

// checkEntries checks the form of rows that were read from a file.
func (p *points) checkEntries() error {
	c := p.csr
	if len(c.Offsets) != p.n+1 || c.Offsets[0] != 0 || c.Offsets[p.n] != len(c.Indices) ||
		len(c.Values) != len(c.Indices) {
		return damage("%d points with %d entries", p.n, len(c.Indices))
	}
	for i := range p.n {
		lo, hi := c.Offsets[i], c.Offsets[i+1]
		if lo > hi || hi > len(c.Indices) {
			return damage("entries that end before they begin")
		}
		before := int32(-1)
		for _, column := range c.Indices[lo:hi] {
			if column <= before || int(column) >= p.dim {
				return damage("the column %d after %d of %d", column, before, p.dim)
			}
			before = column
		}
	}
	if !finite(c.Values) {
		return damage("a value that is not finite")
	}
	return nil
}
