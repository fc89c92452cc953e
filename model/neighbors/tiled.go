package neighbors

import (
	"math"
	"runtime"
	"sync/atomic"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// tiled compares all pairs by the certified filter (filter.go) and computes those that pass it in float64.
//
// Where the queries are the indexed points, all of them in order, each pair is compared once and serves both ends.
type tiled struct {
	o          Options
	points     points
	scales     []float64 // inverse norms, for the cosine
	kernels    *tile.Kernels
	tiles      [inFloat64]*tile.Tile // nil where the level or the dimension has none
	frame      *frame
	bytes      *shorts // what a file has
	asTheyCome *forms
	best       *lazy[*forms]  // see formsOf
	zeros      *lazy[[]int32] // see zeroPoints
	first      precision      // where work begins
}

// tileMetric reports whether the tiles have the metric.
func tileMetric(m Metric) bool {
	switch m {
	case Euclidean, SqEuclidean, Cosine, InnerProduct, Manhattan, Chebyshev, Hamming:
		return true
	}
	return false
}

// newTiled builds the engine on the kernels of a level.
func newTiled(p *points, o Options, kernels *tile.Kernels) *tiled {
	t := emptyTiled(o, kernels, p.dim)
	t.points, t.scales = o.scales(*p)
	t.frame = newFrame(kernels, p.n, p.dim, o.Metric, t.row)
	if t.first == inBytes {
		t.bytes = t.frame.shortsOf(p.n, true, runtime.GOMAXPROCS(0), t.row)
	}
	return t
}

// emptyTiled is the engine without points.
func emptyTiled(o Options, kernels *tile.Kernels, dim int) *tiled {
	t := &tiled{o: o, kernels: kernels, zeros: new(lazy[[]int32])}
	t.asTheyCome, t.best = newForms(), new(lazy[*forms])
	switch o.Metric {
	case Manhattan:
		t.tiles[inBytes] = kernels.Manhattan
	case Chebyshev:
		t.tiles[inBytes] = kernels.Chebyshev
	case Hamming:
		t.tiles[inBytes] = kernels.Hamming
	default:
		t.tiles = [...]*tile.Tile{inBytes: kernels.Bytes, inFloat32: kernels.Float32s}
	}
	if dim > maxByteDim {
		t.tiles[inBytes] = nil
	}
	t.first = t.from(inBytes)
	return t
}

// row is a point as the filter sees it: for the cosine, of unit length.
func (t *tiled) row(i int, dst []float64) []float64 {
	var x []float64
	if dim := t.points.dim; t.points.f32 != nil {
		x = dst[:dim]
		t.kernels.Widen(t.points.f32[i*dim:][:dim], x)
	} else {
		x = t.points.row(i, dst)
	}
	if t.scales == nil {
		return x
	}
	for j, v := range x {
		dst[j] = v * t.scales[i]
	}
	return dst[:len(x)]
}

// A precision is how pairs are compared. Work that begins with the fastest goes on to the next when too many pairs
// pass.
type precision int

const (
	inBytes precision = iota
	inFloat32
	inFloat64 // no filter
)

// from is the first precision from one on that there is a tile of, or inFloat64.
func (t *tiled) from(p precision) precision {
	for p < inFloat64 && t.tiles[p] == nil {
		p++
	}
	return p
}

// tooMany is the share of pairs that pass for nothing from which on the next precision is faster: of those that begin
// in int8, less if float32 can follow.
func (t *tiled) tooMany(p precision) float64 {
	if t.from(p+1) == inFloat32 {
		return 1.0 / 8
	}
	return 1.0 / 2
}

// forms are the points' short forms, as a search takes queries past them.
type forms struct {
	order, rows  []int32 // the position of the point of each row, and the row of each; nil where these are the same
	seeds, tight [inFloat64]*lazy[*shorts]
}

// formsOf are those for a search: in the order of the points' lengths, a copy, where these differ so much that the
// limits of a panel of points as they come would be loose for most of them. Where a query may have the first points
// only, they stay as they come. Rows of float32 at the distance 0 are equal: of such, the order keeps that of their
// positions, as query.bound needs it.
func (t *tiled) formsOf(by *Search) *forms {
	if by.Before != nil || t.first != inBytes || t.points.f64 != nil {
		return t.asTheyCome
	}
	return t.best.get(func() *forms {
		if t.o.Metric != Euclidean && t.o.Metric != SqEuclidean || !t.bytes.mixed() || t.adjacent() {
			return t.asTheyCome
		}
		f := newForms()
		f.order = t.bytes.byLength()
		f.rows = make([]int32, len(f.order))
		for row, p := range f.order {
			f.rows[p] = int32(row)
		}
		return f
	})
}

// adjacent reports whether points are far nearer to the next than to the centre, on the whole, as where they come
// sorted along a line: no order by length would keep near ones together so well.
func (t *tiled) adjacent() bool {
	const rows, most = 512, 8 // a sample, and the greatest difference of two exponents that counts
	x, y := make([]float64, t.points.dim), make([]float64, t.points.dim)
	sum, count := 0, 0
	for i := 0; i+1 < t.points.n; i += max(t.points.n/rows, 1) {
		a, b := t.row(i, x), t.row(i+1, y)
		length, square := tiny*tiny, tiny*tiny
		for j, v := range a {
			fromCentre, fromNext := v-t.frame.centre[j], v-b[j]
			length += float64(fromCentre * fromCentre)
			square += float64(fromNext * fromNext)
		}
		_, l := math.Frexp(length)
		_, e := math.Frexp(square)
		sum += min(max(l-e, -most), most)
		count++
	}
	return sum > 2*count
}

func newForms() *forms {
	f := new(forms)
	for p := range f.seeds {
		f.seeds[p], f.tight[p] = new(lazy[*shorts]), new(lazy[*shorts])
	}
	return f
}

// position is that of the point of a row.
func (f *forms) position(row int) int {
	if f.order == nil {
		return row
	}
	return int(f.order[row])
}

// row is that of the point at a position; of none it is none.
func (f *forms) row(position int) int {
	if f.rows == nil || position < 0 {
		return position
	}
	return int(f.rows[position])
}

// shorts are the points' short forms of a precision.
func (t *tiled) shorts(f *forms, p precision) *shorts {
	return f.tight[p].get(func() *shorts { return t.seedForms(f, p).tight() })
}

// seedForms are those that bound distances from above.
func (t *tiled) seedForms(f *forms, p precision) *shorts {
	return f.seeds[p].get(func() *shorts {
		if f.order != nil {
			return t.frame.pick(t.seedForms(t.asTheyCome, p), f.order)
		}
		s := t.bytes
		if p != inBytes {
			s = t.frame.shortsOf(t.points.n, false, runtime.GOMAXPROCS(0), t.row)
		}
		return s.without(t.zeroPoints())
	})
}

// zeroPoints are the positions of the points that are the zero vector under the cosine, ascending. They are equally far
// from all queries, farther than their short forms say, and would pass the filter for nothing: it leaves them out, and
// queries are offered them at the end.
func (t *tiled) zeroPoints() []int32 {
	return t.zeros.get(func() (zeros []int32) {
		for i, s := range t.scales {
			if s == 0 {
				zeros = append(zeros, int32(i))
			}
		}
		return zeros
	})
}

// query is the state of a search. Queries belong to the goroutine that works on them or, where pairs serve both ends,
// to who holds their block's lock.
type query struct {
	t       *tiled
	forms   *forms
	q       *vectors.Block
	exclude []int32
	states  []state
	zero    float64 // the bound of the distance 0, where no distance is less

	k         int // or 0: all within the radius
	positions []int32
	distances []float64
	room      int         // keys that a selection holds; 0 where a heap is kept instead
	screened  bool        // whether its keys are made by tile.Kernels.Screen
	margin    margin      // of the keys
	worst     []float64   // of each selection whose first k keys are in order, the distance of the last of them; or NaN
	ties      atomic.Bool // whether there is one
	grouped   lazy[*groupSets]

	radius float64
	found  []within

	search   Search
	compared atomic.Int64 // pairs, where they serve both ends
}

func (t *tiled) kNeighbors(
	q *vectors.Block, exclude []int32, k int, by Search, positions []int32, distances []float64,
) {
	s := &query{t: t, forms: t.formsOf(&by), q: q, exclude: exclude, states: make([]state, q.Len()), search: by,
		k: k, positions: positions, distances: distances}
	if k >= heaped {
		s.room, s.margin, s.worst = room(k), ofRounding, make([]float64, q.Len())
		for i := range s.worst {
			s.worst[i] = math.NaN()
		}
		if s.screened = t.screens(q); s.screened {
			s.margin = ofScreen(t.points.dim)
		}
	}
	for i := range s.states {
		s.setBound(i, t.o.ceiling(by.bound(i), t.points.dim))
	}
	if s.zero = t.o.ceiling(0, t.points.dim); t.frame.product() {
		s.zero = math.Inf(-1)
	}
	s.run()
	Parallel(q.Len(), 256, by.NumThreads(), func() func(lo, hi int) {
		var c *computer
		if s.room > 0 {
			c = newComputer(s, 1)
		}
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				switch {
				case s.states[i].count == closed:
					s.fillZero(i)
				case s.room > 0:
					s.takeZeros(i, c)
					s.answer(i, c)
				default:
					s.offerZeros(i)
					kept := s.keeper(i)
					kept.sorted(kept.positions, kept.distances)
				}
			}
		}
	})
}

// screens reports whether pairs can be computed in float32 first.
func (t *tiled) screens(q *vectors.Block) bool {
	return t.points.f64 == nil && !q.Wide() && (t.o.Metric == Euclidean || t.o.Metric == SqEuclidean)
}

// screensWorker reports whether a worker can do so to tell which pairs to compute: under the cosine, too, where the
// lengths of the queries are known, as those of the points are.
func (s *query) screensWorker() bool {
	t := s.t
	return t.points.dim >= screenDim && (t.screens(s.q) ||
		t.points.f64 == nil && !s.q.Wide() && t.o.Metric == Cosine && s.everyPoint())
}

func (t *tiled) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, by Search) *Neighbors {
	s := &query{t: t, forms: t.formsOf(&by), q: q, exclude: exclude, states: make([]state, q.Len()), search: by,
		radius: r, found: make([]within, q.Len())}
	ceiling := t.o.ceiling(r, t.points.dim)
	for i := range s.states {
		s.states[i].bound = ceiling
	}
	s.run()
	Parallel(q.Len(), 64, by.NumThreads(), func() func(lo, hi int) {
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				s.addZeros(i)
				s.found[i].sort()
			}
		}
	})
	return gather(s.found)
}

func (s *query) run() {
	if threads := s.search.NumThreads(); s.everyPoint() {
		s.pairs(threads)
	} else {
		s.chunks(threads)
	}
}

// everyPoint reports whether the queries are the points, all of them in order, so that a pair serves both ends: not
// where one end may have the other, and not the other way round.
func (s *query) everyPoint() bool {
	return everyPoint(s.exclude, s.t.points.n) && s.search.Before == nil
}
