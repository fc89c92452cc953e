package neighbors

import (
	"math"

	"beamlearn/model/internal/elementary"
	arithmetic "beamlearn/model/internal/kernel"
	"beamlearn/model/vectors"
)

// embedded searches metrics that are Euclidean in another space, by the engines of that metric there: SEuclidean of
// rows divided by standard deviations, Mahalanobis of whitened rows, Haversine of places as points of the unit sphere,
// whose chord has the order of the angle.
//
// # Why it is exact
//
// Rows in the space are rounded, so what is found there is not yet the answer. Let e be the Euclidean distance, as it
// is computed, of two embedded rows, and D the distance of the definition, as it is computed. Then |e − f(D)| is at
// most a slack that [embedded.limit] adds, where f is the identity, or for the haversine the chord 2·sin(D/2). The k
// nearest by e, and some more, are computed by the definition. Let D be the k-th smallest of these. If the greatest e
// among them is beyond the limit of D, then no other point is at a distance of at most D, and the answer is complete.
// If not, as where many points are equally far, all points within that limit are computed.
//
// The slack. Let u = 2⁻⁵³. A component of SEuclidean, (x−c)·1/√V, has four roundings, each relative to itself, so
// that the error of a row z is at most 4u·‖z‖; 8u are taken. One of Mahalanobis, a row of W times x−c, has an error
// of at most (d+2)u·Σ|W||x−c|, whose norm is at most (d+2)u·‖W‖·‖x−c‖ with ‖W‖ by Frobenius; the definition's W(x−y)
// has no more than that of x and that of y together, so 4(d+8)u are taken. What is relative to D, of sums and of the
// square root, is below (d+32)u. Of the haversine, coordinates have an error of 4u at most, and the definition's
// sines of half the differences, which are up to 4π, one of 8u each: altogether less than 2⁻⁴⁶, of which 2⁻⁴⁴ is
// taken.
type embedded struct {
	o      Options
	points *points
	inner  engine
	rows   points    // the points in the space
	slack  float64   // the greatest of the points
	centre []float64 // of the points, which is subtracted first
	scale  []float64 // 1/√V of SEuclidean
	size   float64   // ‖W‖ of Mahalanobis
}

// embeds reports whether the metric is searched in another space.
func (o *Options) embeds() bool { return o.Metric.Fitted() || o.Metric == Haversine }

// embeddedDim is the number of columns there.
func (o *Options) embeddedDim(dim int) int {
	if o.Metric == Haversine {
		return 3
	}
	return dim
}

// embeddedBytes is what a point takes there.
func (o *Options) embeddedBytes(dim int) int64 {
	there := o.embeddedDim(dim)
	return 8*int64(there) + Footprint(there, true, Options{Algorithm: chooseAlgorithm(&points{n: 1, dim: dim}, *o)}) -
		8*int64(there)
}

func newEmbedded(p *points, o Options) *embedded {
	e := &embedded{o: o, points: p}
	switch o.Metric {
	case SEuclidean:
		e.centre, e.scale = p.mean(), make([]float64, p.dim)
		for j, v := range o.Params.V {
			e.scale[j] = 1 / math.Sqrt(v)
		}
	case Mahalanobis:
		e.centre, e.size = p.mean(), math.Sqrt(arithmetic.Dot(o.Params.whitening, o.Params.whitening))
	}
	there := o.embeddedDim(p.dim)
	e.rows = points{n: p.n, dim: there, f64: make([]float64, p.n*there)}
	e.slack = e.embedAll(e.rows.f64, p.n, Search{}.NumThreads(), p.row)
	e.inner = newEngine(&e.rows, Options{Metric: Euclidean, P: 2, Algorithm: chooseAlgorithm(p, o)})
	return e
}

// embedAll embeds n rows into dst, and returns the greatest slack among them.
func (e *embedded) embedAll(dst []float64, n, threads int, row func(i int, buf []float64) []float64) float64 {
	const run = 64
	slacks := make([]float64, (n+run-1)/run)
	Parallel(n, run, threads, func() func(lo, hi int) {
		buf, delta := make([]float64, e.points.dim), make([]float64, e.points.dim)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				slack := e.embed(row(i, buf), dst[i*e.rows.dim:(i+1)*e.rows.dim], delta)
				slacks[lo/run] = max(slacks[lo/run], slack)
			}
		}
	})
	most := 0.0
	for _, v := range slacks {
		most = max(most, v)
	}
	return most
}

// embed writes a row in the space to dst, and returns its slack. delta is scratch.
func (e *embedded) embed(x, dst, delta []float64) (slack float64) {
	const u = 0x1p-53
	switch e.o.Metric {
	case SEuclidean:
		for j, v := range x {
			dst[j] = float64((v - e.centre[j]) * e.scale[j])
		}
		return 8 * u * math.Sqrt(arithmetic.Dot(dst, dst))
	case Mahalanobis:
		d := len(x)
		for j, v := range x {
			delta[j] = v - e.centre[j]
		}
		w := e.o.Params.whitening
		for i := range d {
			dst[i] = arithmetic.Dot(w[i*d:i*d+i+1], delta[:i+1])
		}
		return 4 * float64(d+8) * u * e.size * math.Sqrt(arithmetic.Dot(delta, delta))
	}
	lat, lon := e.o.place(x[0], x[1])
	c := elementary.Cos(lat)
	dst[0], dst[1], dst[2] = float64(c*elementary.Cos(lon)), float64(c*elementary.Sin(lon)), elementary.Sin(lat)
	return 0
}

// limit is a Euclidean distance in the space that no point exceeds whose distance from a query of this slack is at most
// d.
func (e *embedded) limit(d, slack float64) float64 {
	switch {
	case d < 0:
		return -1
	case e.o.Metric == Haversine:
		if e.o.Kilometers {
			d /= EarthRadius
		}
		if d >= math.Pi {
			return math.Inf(1)
		}
		return float64(2*elementary.Sin(d/2)) + 0x1p-44
	}
	return float64(d*(1+float64(e.points.dim+32)*0x1p-50)) + slack + e.slack + 0x1p-400
}

// queries are those in the space, with their greatest slack. Points that follow each other are there already.
func (e *embedded) queries(q *vectors.Block, exclude []int32, threads int) (*vectors.Block, float64) {
	n, dim := q.Len(), e.rows.dim
	rows := &vectors.Block{Dim: dim, DType: vectors.Float64, Numbers: q.Numbers}
	run := len(exclude) == n && n > 0 && exclude[0] >= 0
	for i, p := range exclude {
		run = run && int(p) == int(exclude[0])+i
	}
	if run {
		first := int(exclude[0])
		rows.F64 = e.rows.f64[first*dim : (first+n)*dim]
		return rows, e.slack
	}
	rows.F64 = make([]float64, n*dim)
	return rows, e.embedAll(rows.F64, n, threads, q.Row)
}

// surplus is how many more than k are looked at.
const surplus = 8

func (e *embedded) kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32,
	distances []float64) {
	rows, slack := e.queries(q, exclude, s.NumThreads())
	n, most := q.Len(), e.points.n
	if exclude != nil {
		most--
	}
	more := max(min(k+surplus, most), k)
	inner := s
	if s.Bounds != nil {
		inner.Bounds = make([]float64, n)
		for i := range inner.Bounds {
			inner.Bounds[i] = e.limit(s.bound(i), slack)
		}
	}
	near, chords := make([]int32, n*more), make([]float64, n*more)
	for i := range near {
		near[i] = none
	}
	e.inner.kNeighbors(rows, exclude, more, inner, near, chords)
	Parallel(n, 64, s.NumThreads(), func() func(lo, hi int) {
		var pre prepared
		keep := newKeeper(k, s.Most)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				e.o.prepare(q, i, &pre)
				found := 0
				for ; found < more && near[i*more+found] != none; found++ {
					p := near[i*more+found]
					keep.offer(e.distance(&pre, p), p)
				}
				limit := e.limit(keep.worst(), slack)
				if s.Most != nil { // which of a group are the nearest there, rounding may have chosen
					limit = e.limit(min(keep.worst(), s.bound(i)), slack)
				}
				if s.Most != nil || found == more && more < most && chords[i*more+more-1] <= limit {
					keep.reset()
					e.all(rows, exclude, i, limit, s, func(p int32) { keep.offer(e.distance(&pre, p), p) })
				}
				kept := len(keep.distances)
				keep.sorted(positions[i*k:i*k+kept], distances[i*k:i*k+kept])
			}
		}
	})
}

// distance is that of a query, which is prepared, and a point.
func (e *embedded) distance(q *prepared, p int32) float64 {
	return e.o.finish(e.o.reduced(q, e.points, int(p), 0), e.points.dim)
}

// all takes all points that query i may have within a distance in the space.
func (e *embedded) all(rows *vectors.Block, exclude []int32, i int, limit float64, s Search, take func(p int32)) {
	one := &vectors.Block{Dim: rows.Dim, DType: vectors.Float64, F64: rows.F64[i*rows.Dim : (i+1)*rows.Dim],
		Numbers: rows.Numbers[i : i+1]}
	if exclude != nil {
		exclude = exclude[i : i+1]
	}
	for _, p := range e.inner.radiusNeighbors(one, exclude, limit, s.only(i)).Positions {
		take(p)
	}
}

func (e *embedded) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
	rows, slack := e.queries(q, exclude, s.NumThreads())
	near := e.inner.radiusNeighbors(rows, exclude, e.limit(r, slack), s)
	found := make([]within, q.Len())
	Parallel(q.Len(), 64, s.NumThreads(), func() func(lo, hi int) {
		var pre prepared
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				e.o.prepare(q, i, &pre)
				some, _ := near.Of(i)
				for _, p := range some {
					if d := e.distance(&pre, p); d <= r {
						found[i].add(d, p)
					}
				}
				found[i].sort()
			}
		}
	})
	return gather(found)
}

// only is the search of one of the queries, by one goroutine.
func (s Search) only(i int) Search {
	s.Threads, s.Progress = 1, nil
	if s.Bounds != nil {
		s.Bounds = s.Bounds[i : i+1]
	}
	if a := s.Apart; a != nil {
		s.Apart = &Apart{Points: a.Points, Queries: a.Queries[i : i+1], Largest: a.Largest}
	}
	if b := s.Before; b != nil {
		s.Before = &Before{Points: b.Points, Queries: b.Queries[i : i+1]}
	}
	return s
}
