package neighbors

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"sort"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/vectors"
)

// # Distances of extreme values
//
// A reduced value, a sum of squares say, leaves float64's range long before the distance does: the squares of
// differences of 1e-200 are 0, and those of 1e200 are infinite. Within [reducedLeast, reducedMost] it is as exact as
// elsewhere, as what terms have lost is below 2⁻¹⁰⁰ of it. Outside, the distance is computed from scaled differences
// ([Options.extreme]), and where it is itself beyond what float64 holds, the search is an error.
//
// The engines know nothing of it: they find neighbours by reduced values, and their answers are put right afterwards
// ([Index.correct]), which is only looked for where the magnitudes of the values allow that there is something to do.
// The reduced values that are exact order the distances. So if that of the k-th neighbour is, then those below it are
// the neighbours, whatever their own values, and only need to be computed anew. If it is not, the query is answered
// by comparing it to all points (slow, and rare).
const (
	reducedLeast = 0x1p-900
	reducedMost  = 0x1p+1000
	normalLeast  = 0x1p-1022 // below, float64 loses digits
)

// exact reports whether a reduced value is as exact as its terms.
func exact(reduced float64) bool {
	r := math.Abs(reduced)
	return r >= reducedLeast && r <= reducedMost
}

// magnitudes has the least and the greatest magnitude of some values, but for 0, of which the least is +Inf.
type magnitudes struct{ least, most float64 }

// The spans that are taken for granted: of all that float32 holds, and of float64 values that are usual.
var (
	magnitudes32 = magnitudes{math.SmallestNonzeroFloat32, math.MaxFloat32}
	magnitudes64 = magnitudes{0x1p-390, 0x1p+480}
)

func magnitudesOf[T float](values []T) magnitudes {
	s := magnitudes{math.Inf(1), 0}
	for _, v := range values {
		if a := math.Abs(float64(v)); a != 0 {
			s.least, s.most = min(s.least, a), max(s.most, a)
		}
	}
	return s
}

// within reports whether all values of s are between those of o.
func (s magnitudes) within(o magnitudes) bool { return s.least >= o.least && s.most <= o.most }

// magnitudes of points: exact for those metrics and types whose reduced values may leave their range, else what is
// usual.
func (o *Options) magnitudes(p *points) magnitudes {
	s := magnitudes32
	switch {
	case o.Metric.Missing():
		return p.usualMagnitudes() // as rows must be of: see Domain
	case p.csr != nil:
		if p.n > 0 {
			s = magnitudesOf(p.csr.Values[p.csr.Offsets[0]:p.csr.Offsets[p.n]])
		}
		if o.Metric != Minkowski && s.within(magnitudes64) {
			return magnitudes64
		}
	case p.f64 != nil:
		if s = magnitudesOf(p.f64); o.Metric != Minkowski && s.within(magnitudes64) {
			return magnitudes64
		}
	case o.Metric == Minkowski:
		s = magnitudesOf(p.f32)
	}
	return s
}

// usualMagnitudes is what is taken for granted.
func (p *points) usualMagnitudes() magnitudes {
	if p.f64 != nil || p.csr != nil {
		return magnitudes64
	}
	return magnitudes32
}

// write writes a span that is not the usual one.
func (s magnitudes) write(b []byte, usual magnitudes) {
	if s != usual {
		binary.LittleEndian.PutUint64(b, math.Float64bits(s.least))
		binary.LittleEndian.PutUint64(b[8:], math.Float64bits(s.most))
	}
}

// readMagnitudes reads what write has written, or zeros.
func readMagnitudes(b []byte) (magnitudes, error) {
	s := magnitudes{math.Float64frombits(binary.LittleEndian.Uint64(b)),
		math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))}
	if s != (magnitudes{}) && !(s.least > 0 && s.most >= 0 && s.most <= math.MaxFloat64) {
		return magnitudes{}, damage("values of magnitudes from %v to %v", s.least, s.most)
	}
	return s, nil
}

// leaves reports whether reduced values of points and queries of these spans may fall below, or exceed, what is exact.
func (o *Options) leaves(p, q magnitudes, dim int) (below, above bool) {
	d := float64(dim)
	difference := min(p.least, q.least) * 0x1p-53 // no less, unless it is 0
	most := p.most + q.most
	switch o.Metric {
	case Euclidean, SqEuclidean:
		return difference < 0x1p-450, !(most <= 0x1p+500/math.Sqrt(d))
	case Manhattan, Chebyshev:
		return false, !(most*d <= reducedMost) // differences are exact, however small
	case Minkowski:
		most := math.Log2(most)
		return o.P*math.Log2(difference) < -900, o.P*most+math.Log2(d) > 1000 || most+math.Log2(d)/o.P > 1000
	case InnerProduct:
		return p.least*q.least < 0x1p-790, !(p.most*q.most*d <= reducedMost)
	}
	return false, false // rows of unit length, or a count
}

// distance is that of two rows, whose reduced value is given. It is not ok where float64 cannot hold it.
func (o *Options) distance(x, y []float64, reduced float64) (d float64, ok bool) {
	switch o.Metric {
	case Euclidean, SqEuclidean, InnerProduct, Manhattan, Chebyshev, Minkowski:
	default: // rows of unit length, or of usual size; quotients and counts
		d = o.finish(reduced, len(x))
		return d, !math.IsInf(d, 0)
	}
	if exact(reduced) {
		d = o.finish(reduced, len(x))
		return d, !math.IsInf(d, 0)
	}
	return o.extreme(x, y, reduced)
}

// extreme is distance where the reduced value is not exact.
func (o *Options) extreme(x, y []float64, reduced float64) (d float64, ok bool) {
	switch o.Metric {
	case Manhattan, Chebyshev:
		return reduced, !math.IsInf(reduced, 1)
	case InnerProduct:
		return extremeProduct(x, y)
	}
	// All differences are halved where one of them would overflow.
	most, halved := 0.0, 1.0
	for j, v := range x {
		most = max(most, math.Abs(v-y[j]))
	}
	if math.IsInf(most, 1) {
		most, halved = 0, 0.5
		for j, v := range x {
			most = max(most, math.Abs(v*halved-y[j]*halved))
		}
	}
	if most == 0 {
		return 0, true
	}
	sum := 0.0
	_, e := math.Frexp(most)
	first, second := math.Ldexp(1, -e/2), math.Ldexp(1, -e-(-e/2)) // the power of two itself may be beyond the range
	for j, v := range x {
		if d := v*halved - y[j]*halved; o.Metric == Minkowski {
			sum += elementary.Pow(math.Abs(d)/most, o.P) // at least 1 in all, whatever p is
		} else {
			d = d * first * second
			sum += float64(d * d)
		}
	}
	if halved != 1 {
		e++
	}
	switch o.Metric {
	case Euclidean:
		d = math.Ldexp(math.Sqrt(sum), e)
	case SqEuclidean:
		d = math.Ldexp(sum, 2*e)
		return d, d >= normalLeast && !math.IsInf(d, 1)
	default:
		d = most * elementary.Pow(sum, 1/o.P) / halved
	}
	return d, !math.IsInf(d, 1)
}

// extremeProduct is minus the inner product, of rows of any magnitude.
func extremeProduct(x, y []float64) (d float64, ok bool) {
	_, ex := math.Frexp(magnitudesOf(x).most)
	_, ey := math.Frexp(magnitudesOf(y).most)
	sum := 0.0
	for j, v := range x {
		sum += float64(math.Ldexp(v, -ex) * math.Ldexp(y[j], -ey))
	}
	if d = math.Ldexp(sum, ex+ey); !exact(sum) {
		d = exactProduct(x, y) // all terms are far below the greatest values
	}
	return 0 - d, !math.IsInf(d, 0) && (math.Abs(d) >= normalLeast || d == 0 && isOrthogonal(x, y))
}

// productBits are those from the least product of two float64 to the sum of the greatest.
const productBits = 2*1074 + 2*1024 + 64

func exactSum(x, y []float64) *big.Float {
	sum := new(big.Float).SetPrec(productBits)
	for j, v := range x {
		if v != 0 && y[j] != 0 {
			term := new(big.Float).SetPrec(106).SetFloat64(v)
			sum.Add(sum, term.Mul(term, big.NewFloat(y[j])))
		}
	}
	return sum
}

// exactProduct is the inner product, rounded once.
func exactProduct(x, y []float64) float64 {
	d, _ := exactSum(x, y).Float64()
	return d
}

func isOrthogonal(x, y []float64) bool { return exactSum(x, y).Sign() == 0 }

// corrector puts answers of an index right, for one goroutine.
type corrector struct {
	x    *Index
	o    Options // resolved
	q    *vectors.Block
	pre  prepared
	row  []float64
	keep *keeper
	s    *Search
}

func (x *Index) newCorrector(q *vectors.Block, s *Search) *corrector {
	return &corrector{x: x, s: s, o: x.opts.resolve(), q: q, row: make([]float64, x.points.dim)}
}

// distance is that of the prepared query and a point, and its reduced value.
func (c *corrector) distance(position int32) (d float64, ok bool, reduced float64) {
	y := c.x.points.row(int(position), c.row)
	reduced = reducedOf(&c.o, &c.pre, y, 0)
	d, ok = c.o.distance(c.pre.x, y, reduced)
	return d, ok, reduced
}

// outOfRange says that float64 cannot hold a distance.
func (c *corrector) outOfRange(query int, position int32, d float64) error {
	end := "below the least number that float64 holds with all its digits, 2.2e-308"
	if math.IsInf(d, 0) {
		end = "beyond the greatest number that float64 holds, 1.8e308"
	}
	advice := "multiply all columns by the same power of ten"
	if c.o.Metric == SqEuclidean {
		advice += ", or take --metric=euclidean"
	}
	return fmt.Errorf("the %s distance of query %v and point %v is %s: %s", c.x.opts.Metric, c.q.ID(query),
		c.x.ID(position), end, advice)
}

// correct makes the neighbours of query i right, of which the engine has written n. With all, it looks at all points.
func (c *corrector) correct(i, exclude, k int, positions []int32, distances []float64, all bool) error {
	c.o.prepare(c.q, i, &c.pre)
	n := 0
	for n < k && positions[n] != none {
		n++
	}
	all = all || n < k && c.leftOut(i)
	if n == 0 && !all {
		return nil
	}
	if !all && n == k {
		_, _, r := c.distance(positions[n-1])
		r = math.Abs(r)
		all = !(r >= 2*reducedLeast && r <= reducedMost/2) // those of its neighbours may be rounded otherwise
	}
	if all {
		var err error
		before := n
		if n, err = c.search(i, exclude, k, positions, distances); err != nil {
			return err
		}
		for j := n; j < before; j++ {
			positions[j] = none // beyond the bound
		}
	}
	for j, p := range positions[:n] {
		d, ok, _ := c.distance(p)
		if !ok {
			return c.outOfRange(i, p, d)
		}
		distances[j] = d
	}
	sort.Sort(&within{distances[:n], positions[:n]})
	return nil
}

// leftOut reports whether the bound of query i may have left out points that are within it, as their reduced values are
// not exact.
func (c *corrector) leftOut(i int) bool {
	bound := c.s.bound(i)
	if math.IsInf(bound, 1) || bound < 0 && c.o.Metric != InnerProduct {
		return false
	}
	r := math.Abs(c.o.ceiling(bound, c.x.points.dim))
	return !(r >= 2*reducedLeast && r <= reducedMost/2)
}

// search answers query i, which is prepared, by comparing it to all points, and returns the number of its neighbours.
// It fails where a point that float64 cannot hold the distance of may be one of them.
func (c *corrector) search(i, exclude, k int, positions []int32, distances []float64) (int, error) {
	if c.keep == nil {
		c.keep = newKeeper(k, c.s.Most)
	}
	lost, least, bound := int32(none), math.Inf(1), c.s.bound(i) // the nearest of those points
	for j := range int32(c.x.points.n) {
		if int(j) == exclude || c.s.bars(i, int(j)) {
			continue
		}
		d, ok, _ := c.distance(j)
		if d > bound {
			continue
		}
		c.keep.offer(d, j)
		if !ok && (lost == none || d < least) {
			lost, least = j, d
		}
	}
	n := len(c.keep.distances)
	c.keep.sorted(positions[:n], distances[:n])
	if lost != none && n > 0 && least <= distances[n-1] {
		return n, c.outOfRange(i, lost, least)
	}
	return n, nil
}

// correct makes the k neighbours of all queries right, where there may be something to do.
func (x *Index) correct(
	q *vectors.Block, exclude []int32, k int, s Search, positions []int32, distances []float64,
) error {
	o := x.opts.resolve()
	below, above := x.leaves(q)
	if !below && !above {
		return nil
	}
	if err := x.points.checkExtreme(); err != nil {
		return err
	}
	// Sums of an inner product that overflow to both sides show nothing.
	all := above && o.Metric == InnerProduct
	errs := make([]error, q.Len())
	Parallel(q.Len(), queryBlock, s.NumThreads(), func() func(lo, hi int) {
		c := x.newCorrector(q, &s)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				errs[i] = c.correct(i, excluded(exclude, i), k, positions[i*k:(i+1)*k], distances[i*k:(i+1)*k], all)
			}
		}
	})
	return firstOf(errs)
}

// leaves is Options.leaves of the points and queries.
func (x *Index) leaves(q *vectors.Block) (below, above bool) {
	o := x.opts.resolve()
	return o.leaves(x.magnitudes, o.magnitudesOfQueries(q, &x.points, x.magnitudes), q.Dim)
}

// magnitudesOfQueries is that of queries, which may be the points, of which it is known.
func (o *Options) magnitudesOfQueries(q *vectors.Block, points *points, known magnitudes) magnitudes {
	p := blockPoints(q)
	if p.n == points.n && (len(p.f32) > 0 && len(points.f32) > 0 && &p.f32[0] == &points.f32[0] ||
		len(p.f64) > 0 && len(points.f64) > 0 && &p.f64[0] == &points.f64[0]) {
		return known
	}
	return o.magnitudes(&p)
}

func firstOf(errs []error) error {
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// correctRadius makes what is within the radius right. engine searches with a radius.
func (x *Index) correctRadius(
	q *vectors.Block, exclude []int32, radius float64, s Search, engine func(radius float64) *Neighbors,
) (*Neighbors, error) {
	o := x.opts.resolve()
	below, above := x.leaves(q)
	var some *Neighbors
	switch {
	case !below && !above:
		return engine(radius), nil
	case x.points.checkExtreme() != nil:
		return nil, x.points.checkExtreme()
	case !above:
		some = engine(o.widened(radius)) // the points that matter
	}
	found, errs := make([]within, q.Len()), make([]error, q.Len())
	Parallel(q.Len(), queryBlock, s.NumThreads(), func() func(lo, hi int) {
		c := x.newCorrector(q, &s)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				errs[i] = c.within(i, excluded(exclude, i), radius, some, &found[i])
			}
		}
	})
	return gather(found), firstOf(errs)
}

// within finds what is within the radius of query i: of what some has, or of all points.
func (c *corrector) within(i, exclude int, radius float64, some *Neighbors, found *within) error {
	c.o.prepare(c.q, i, &c.pre)
	take := func(p int32) error {
		d, ok, _ := c.distance(p)
		if d <= radius {
			if !ok {
				return c.outOfRange(i, p, d)
			}
			found.add(d, p)
		}
		return nil
	}
	if some != nil {
		positions, _ := some.Of(i)
		for _, p := range positions {
			if err := take(p); err != nil {
				return err
			}
		}
	} else {
		for p := range int32(c.x.points.n) {
			if int(p) == exclude || c.s.bars(i, int(p)) {
				continue
			}
			if err := take(p); err != nil {
				return err
			}
		}
	}
	sort.Sort(found)
	return nil
}

// widened is a radius, no less, with which no reduced value that is too small to be exact is left out.
func (o *Options) widened(radius float64) float64 {
	const least = 4 * reducedLeast
	switch o.Metric {
	case InnerProduct:
		if math.Abs(radius) < least {
			return least
		}
		return radius
	case Euclidean, Minkowski:
		return max(radius, o.finish(least, 1))
	case SqEuclidean:
		return max(radius, least)
	}
	return radius
}
