package neighbors

import "math"

// screened compares all pairs by canberra, braycurtis or nan_euclidean: first in float32, with bounds on what that
// loses, and in float64, by the definition, those that may be near enough. Rows are scaled by a power of two, which
// changes no quotient, and those of nan_euclidean centred, which changes no difference.
type screened struct {
	pairwise
	exact  *brute
	o      Options
	kernel screenKernel
	screenScale
	rows   []float32 // zeros, or NaN for nan_euclidean, behind the last column and the last row
	stride int       // of a row
}

// Rows are scaled to values of at most 2^mostScreened; queries may have twice as much. Where values are quotients of
// each other no row may be, but for zeros, as small as leastScreened, in which float32 would lose digits.
const (
	mostScreened  = 30
	leastScreened = 0x1p-20
)

// screenedMetric reports whether there is a screen for the metric.
func screenedMetric(m Metric) bool { return m == Canberra || m == BrayCurtis || m == NaNEuclidean }

// screenStride is the number of columns of the form of a row.
func screenStride(dim int) int { return (dim + screenColumns - 1) / screenColumns * screenColumns }

// newScreened is nil where there is no kernel for the metric here, or the points have values of too many magnitudes.
func newScreened(p *points, o Options) *screened {
	if !screenedMetric(o.Metric) || p.csr != nil {
		return nil
	}
	kernel := screenKernelOf(o.Metric)
	if kernel == nil {
		return nil
	}
	s := &screened{o: o, exact: newBrute(p, o), kernel: kernel, stride: screenStride(p.dim)}
	if s.metric = o.Metric; !s.fit(p) {
		return nil
	}
	block := max(min(cacheBytes/(4*s.stride), pairBlock)/8*8, 8)
	s.pairwise = pairwise{points: p, block: block, comparer: func() comparer { return newScreen(s) }}
	s.rows = make([]float32, (p.n+screenRows-1)/screenRows*screenRows*s.stride)
	safe := make([]bool, (p.n+queryBlock-1)/queryBlock)
	Parallel(p.n, queryBlock, Search{}.NumThreads(), func() func(lo, hi int) {
		buf := make([]float64, p.dim)
		return func(lo, hi int) {
			ok := true
			for i := lo; i < hi; i++ {
				ok = s.form(p.row(i, buf), s.row(i)) && ok
			}
			safe[lo/queryBlock] = ok
		}
	})
	for _, ok := range safe {
		if !ok {
			return nil
		}
	}
	return s
}

func (s *screened) row(i int) []float32 { return s.rows[i*s.stride : (i+1)*s.stride] }

// screenScale brings rows to a form whose values float32 can hold.
type screenScale struct {
	metric  Metric
	centres []float64 // of the columns, for nan_euclidean
	scale   float64
}

// fit takes the scale of the points, and reports whether they can be scaled.
func (s *screenScale) fit(p *points) bool {
	buf := make([]float64, p.dim)
	if s.metric == NaNEuclidean {
		s.centres = make([]float64, p.dim)
		counts := make([]float64, p.dim)
		for i := range p.n {
			for j, v := range p.row(i, buf) {
				if v == v {
					counts[j]++
					s.centres[j] += (v - s.centres[j]) / counts[j]
				}
			}
		}
	}
	most := 0.0
	for i := range p.n {
		for j, v := range p.row(i, buf) {
			if s.centres != nil {
				v -= s.centres[j]
			}
			if a := math.Abs(v); a > most {
				most = a
			}
		}
	}
	if s.scale = 1; most == 0 {
		return true
	}
	if !(most > 0x1p-900 && most < 0x1p900) {
		return false
	}
	_, e := math.Frexp(most)
	s.scale = math.Ldexp(1, mostScreened-e)
	return true
}

// form writes the form of a row, and reports whether the bounds hold for it.
func (s *screenScale) form(x []float64, to []float32) bool {
	most, least := 0.0, math.Inf(1)
	for j, v := range x {
		if s.centres != nil {
			v -= s.centres[j]
		}
		v *= s.scale
		to[j] = float32(v)
		if a := math.Abs(v); a != 0 {
			most, least = max(most, a), min(least, a) // which NaN makes NaN
		}
	}
	if s.metric == NaNEuclidean {
		fill := float32(math.NaN())
		for j := len(x); j < len(to); j++ {
			to[j] = fill
		}
		for _, v := range to[:len(x)] {
			if v > 2<<mostScreened || v < -2<<mostScreened {
				return false
			}
		}
		return true
	}
	clear(to[len(x):])
	if most == 0 {
		return true
	}
	if s.metric == Canberra {
		return most <= 2<<mostScreened && least >= leastScreened
	}
	return most <= 2<<mostScreened && most >= leastScreened
}

// limit is what kernels give for pairs of rows of dim columns at a distance of at most d, or less.
//
// A term of canberra is a quotient at most 1, whose change is at most half of the relative change of x or y: 2⁻²⁴ of
// rounding to float32. What is rounded in a term, and in adding up, is relative. Of braycurtis all errors are relative
// to Σ|x−y| + Σ|x+y|, which is at least Σ|x|+|y|. The root of a mean of squares changes by at most what the greatest
// difference does, and that by the rounding of its ends.
func (s *screenScale) limit(d float64, dim int) float32 {
	if d < 0 {
		return -1
	}
	n := float64(dim)
	relative := (n/8 + 32) * 0x1p-23
	switch s.metric {
	case Canberra:
		d = d*(1+relative) + n*0x1p-22
	case BrayCurtis:
		below := 1 - relative*(d+1)
		if !(below > 0) {
			return float32(math.Inf(1))
		}
		d = (d + relative*(d+1)) / below
	default:
		d = d*s.scale/math.Sqrt(n)*(1+relative) + 0x1p-21*float64(int64(1)<<mostScreened)
		d *= d
	}
	return float32(d * (1 + 0x1p-20))
}

// screen is what a goroutine compares rows with: a [comparer].
type screen struct {
	s       *screened
	queries [pairQueries]screenQuery
	values  [pairBlock]float32
	limits  [pairBlock]float32
	anyone  bool // limits are of points that look for neighbours themselves
}

type screenQuery struct {
	prepared
	row  []float32
	own  []float32
	safe bool // the bounds hold
}

func newScreen(s *screened) *screen {
	f := &screen{s: s}
	for i := range f.queries {
		q := &f.queries[i]
		q.own, q.x = make([]float32, s.stride), make([]float64, s.points.dim)
	}
	return f
}

func (f *screen) take(slot int, x []float64) {
	q := &f.queries[slot]
	copy(q.x, x)
	q.row, q.safe = q.own, f.s.form(x, q.own)
}

func (f *screen) takePoint(slot, i int) {
	q := &f.queries[slot]
	copy(q.x, f.s.points.row(i, q.x))
	q.row, q.safe = f.s.row(i), true
}

func (f *screen) wanted(worsts []float64) {
	f.anyone = true
	for j, d := range worsts {
		f.limits[j] = f.s.limit(d, f.s.points.dim)
	}
}

func (f *screen) each(slot, first, last int, worst float64, do func(d float64, p int)) {
	s, q, n := f.s, &f.queries[slot], last-first
	all := (n + screenRows - 1) / screenRows * screenRows
	limit := s.limit(worst, s.points.dim)
	if !q.safe {
		limit = float32(math.Inf(1))
		clear(f.values[:n])
	} else {
		s.kernel(q.row, s.rows[first*s.stride:(first+all)*s.stride], f.values[:all])
	}
	limits := f.limits[:n]
	for j, v := range f.values[:n] {
		if !(v <= limit) && !(f.anyone && v <= limits[j]) {
			continue
		}
		r := s.exact.reduced(&q.prepared, first+j, math.Inf(1))
		if d := s.o.finish(r, s.points.dim); d == d {
			do(d, first+j)
		}
	}
}
