package neighbors

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"unsafe"

	"beamlearn/model/neighbors/internal/tile"
)

// # The certified filter
//
// Of each vector a short form is kept, int8 or float32, with a bound on what is missing; most pairs are shown by the
// short forms alone not to be neighbours, and the others are computed in float64 by the reference's definition.
//
// Let c be any vector (here the mean of some points, or their medians) and σ a power of two. Write x for σ·(x−c), and x
// = x̂ + e for its short form and the rest, ‖e‖ ≤ ε. For the squared Euclidean distance the triangle inequality gives
//
//	‖x−y‖ ≥ ‖x̂−ŷ‖ − ε_x − ε_y,
//
// hence a pair of distance at most r is one of ‖x̂−ŷ‖ ≤ r + ε_x + ε_y, that is, with S = ⟨x̂,ŷ⟩ and h = ‖·̂‖²/2,
//
//	S − h_y + (r + ε_x + ε_y)²/2 ≥ h_x.                                                              (1)
//
// By Cauchy and Schwarz, ⟨x,y⟩ ≤ S + ‖x̂‖·ε_y + ε_x·‖y‖. With δ = ‖·‖²/2 − h the same pair is therefore one of
//
//	S − h_y + r²/2 − δ_x − δ_y + ‖x̂‖·ε_y + ε_x·‖y‖ ≥ h_x,                                           (2)
//
// which is tighter where r exceeds the norms, as it does between points without clusters in many dimensions. Each
// query takes the tighter of the two. The cosine's reduced value is the squared Euclidean distance of the rows of
// unit length, as they are rounded. For the inner product (with c = 0), a pair of product at least t is one of
//
//	S − 0 + (−t + ‖x̂‖·ε_y + ε_x·‖y‖) ≥ 0.                                                            (3)
//
// For the Manhattan and the Chebyshev distance x̂ = s·q with q of int8 and one s for all rows. With D the distance of
// the q, an integer, and ε in the metric's own norm, the triangle inequality makes a pair of distance at most r one of
//
//	−s·D + ε_y + r ≥ −ε_x.                                                                           (4)
//
// For the Hamming distance q is a hash of the components, so that D is at most the number of those that differ, and (4)
// holds with s = 1 and ε = 0.
//
// All have the form of package tile, with h = −ε in (4): the limit is a + b·E + c·F with E the greatest ε and F the
// greatest ‖·‖ of the other side's panel, E* the greatest E there is, and δ* the least δ:
//
//	(1), ρ = r + ε_x:  a = ρ²/2,             b = ρ + E*/2,  c = 0
//	(2):               a = r²/2 − δ_x − δ*,  b = ‖x̂‖,       c = ε_x
//	(3):               a = −t,               b = ‖x̂‖,       c = ε_x
//	(4):               a = r,                b = 0,         c = 0
//
// # Roundings
//
// Let u = 2⁻²⁴, half the spacing of float32. Every quantity below is computed in float64, whose own roundings are
// far within the factors, and stored as float32.
//
// The score. In int8 the sum of products is exact, as |S| < 2³¹ for up to maxByteDim columns; its conversion, the
// product with one scale and the fused product with the other minus h round once each, and so does adding the limit
// g: the result is at least S − h_y + g − 4.2u·|S| − 2.2u·h_y − u·g. In float32, S is a chain of d fused operations,
// whose error is at most d·u/(1−d·u)·‖x̂‖·‖ŷ‖, and is otherwise no worse. In (1) and (2), |S| ≤ ‖x̂‖‖ŷ‖ ≤ h_x + h_y
// splits the error in a part of each row; h is stored as h·(1−η), η = 16u (int8) or 16u + 2d·u (float32), which
// outweighs them. In (3) h is 0 and the sign of a rounded sum is that of the sum; the error of S is at most
// η·‖x̂‖‖ŷ‖, which is added to c: ε_x + η·‖x̂‖. In (4), D is rounded once, and so are the fused product with s minus
// h and the sum with the limit, which lose at most 4u of s·D, of ε_y and of r: s is stored less by 16u, and ε and r
// are stored greater by as much.
//
// The limit. Two fused operations and the sum lose at most 4u of |a| + b·E + c·F: a, b, c, E and F are each stored
// greater by 16u of their magnitude, or of that of their terms.
//
// Short forms are made without fused operations, so that they are the same on every machine.
//
// Underflow. Short forms are made where σ brings the values near 1; products below the smallest float32 lose at most d
// times 2⁻¹⁴⁹, and a has 2⁻¹²⁰ added.
//
// The error norm. ε is the root of a sum of d squares of differences, each within 2⁻⁵² of its exact value relative to
// the centred component, and the centred component within 2⁻⁵³ of its own: ε is stored as (1+16u)·ε + 2⁻⁴⁵·‖x‖ + 2⁻¹²⁰.
// In (4) it is a sum, or the greatest, of differences of the same accuracy, and ‖x‖ is of that norm.
//
// The threshold. The neighbours are chosen by the distance that the reference computes, and [Options.ceiling] gives the
// greatest reduced value R of the worst distance kept. The reference's sum of squares is within (d+4)·2⁻⁵³ of the exact
// one, its inner product within (d+4)·2⁻⁵³·‖x‖‖y‖: r² = R·(1+2⁻³⁰) + 2⁻¹⁰⁰⁰, and 2⁻³⁰·‖x‖ is part of c in (3). In (4)
// it is within (d+4)·2⁻⁵³ of the exact distance, nothing underflows, and r = R·(1+2⁻³⁰). Points that
// come after the worst kept at the same distance may be discarded or not; the keeper decides.
//
// Where float64 or float32 is exceeded (a value whose distance from c is 2³⁰ times what is usual, or beyond 2⁴³⁰), a
// row has no short form: h = −∞ makes each of its pairs a hit.

const (
	unit       = 0x1p-24
	outward    = 1 + 16*unit
	tiny       = 0x1p-120
	maxByteDim = 100_000 // 127²·d stays below 2³¹
	maxDim     = 1 << 20 // 2d·u stays small
	maxShort   = 0x1p30  // the largest component of a short form
)

// frame is what all short forms of an index share.
type frame struct {
	kernels *tile.Kernels
	dim     int
	metric  Metric
	centre  []float64 // c
	factor  float64   // σ
	step    float32   // s, of (4)
}

// product reports whether it is (3) that holds, and distance whether (4); else (1) and (2) do.
func (f *frame) product() bool { return f.metric == InnerProduct }
func (f *frame) distance() bool {
	return f.metric == Manhattan || f.metric == Chebyshev || f.metric == Hamming
}

// sampled is the number of points that the frame is made of.
const sampled = 4096

// newFrame takes the mean of a sample of the n rows as the centre, and a factor that brings their values below 1. In a
// column of a few values that are far from all others it takes the median: their mean would be far from each of the
// others, whose int8 would have few steps left for what tells them apart.
func newFrame(kernels *tile.Kernels, n, dim int, metric Metric, row func(i int, dst []float64) []float64) *frame {
	f := &frame{kernels: kernels, dim: dim, metric: metric, centre: make([]float64, dim), factor: 1, step: 1}
	if metric == Hamming {
		return f
	}
	buf := make([]float64, dim)
	step := max(n/sampled, 1)
	count := float64((n + step - 1) / step)
	if !f.product() {
		for i := 0; i < n; i += step {
			for j, v := range row(i, buf) {
				f.centre[j] += v
			}
		}
		for j := range f.centre {
			if f.centre[j] /= count; f.centre[j]-f.centre[j] != 0 {
				f.centre[j] = 0 // the sum overflowed
			}
		}
	}
	if !f.product() && !f.distance() {
		f.toMedians(n, row, buf)
	}
	most, sums := make([]float64, dim), make([]float64, dim) // of the distances from the centre
	for i := 0; i < n; i += step {
		for j, v := range row(i, buf) {
			d := math.Abs(v - f.centre[j])
			most[j], sums[j] = max(most[j], d), sums[j]+d
		}
	}
	far := make([]int, 0, dim)
	m := 0.0
	for j, d := range most {
		if !f.product() && d*count > farAway*sums[j] {
			far = append(far, j)
		} else {
			m = max(m, d)
		}
	}
	m = max(m, f.medians(far, n, row))
	if m > 0 {
		_, e := math.Frexp(m)
		f.factor = math.Ldexp(1, -min(max(e, -400), 400))
	}
	if f.distance() {
		f.chooseStep(m*f.factor, n, row)
	}
	return f
}

// toMedians makes the medians of the columns the centre if rows whose lengths differ much are nearer to that on the
// whole: the mean is that of the few longest, and the many short ones all look the same from there.
func (f *frame) toMedians(n int, row func(i int, dst []float64) []float64, buf []float64) {
	const much, nearer = 3, 0.1 // powers of two, of some rows and of the average
	fromMean := f.lengths(n, row, buf)
	if fromMean[len(fromMean)-1]-fromMean[len(fromMean)/10] < much {
		return
	}
	mean, columns := slices.Clone(f.centre), make([]int, f.dim)
	for j := range columns {
		columns[j] = j
	}
	f.medians(columns, n, row)
	difference := 0.0
	for i, l := range f.lengths(n, row, buf) {
		difference += l - fromMean[i]
	}
	if difference > -nearer*float64(len(fromMean)) {
		copy(f.centre, mean)
	}
}

// lengths are, about, the binary logarithms of the distances of some rows from the centre, ascending: that of none is
// less than the greatest by more than 20.
func (f *frame) lengths(n int, row func(i int, dst []float64) []float64, buf []float64) (lengths []float64) {
	const rows, most = 512, 20
	for i := 0; i < n; i += max(n/rows, 1) {
		square := 0.0
		for j, v := range row(i, buf) {
			d := v - f.centre[j]
			square += float64(d * d)
		}
		fraction, e := math.Frexp(min(max(square, tiny*tiny), math.MaxFloat64))
		lengths = append(lengths, float64(e)/2+fraction) // the same on every machine
	}
	slices.Sort(lengths)
	for i := range lengths {
		lengths[i] = max(lengths[i], lengths[len(lengths)-1]-most)
	}
	return lengths
}

// farAway is how many times as far from the mean as values are on average one is that is far from all others.
const farAway = 64

// medians makes those of some columns their centre, and returns how far from it the values are but for the farthest.
func (f *frame) medians(columns []int, n int, row func(i int, dst []float64) []float64) (m float64) {
	const rows = 512
	if len(columns) == 0 {
		return 0
	}
	buf, values := make([]float64, f.dim), make([][]float64, len(columns))
	for i := 0; i < n; i += max(n/rows, 1) {
		x := row(i, buf)
		for c, j := range columns {
			values[c] = append(values[c], x[j])
		}
	}
	for c, j := range columns {
		v := values[c]
		slices.Sort(v)
		f.centre[j] = v[len(v)/2]
		cut := len(v) / rareRow
		m = max(m, f.centre[j]-v[cut], v[len(v)-1-cut]-f.centre[j])
	}
	return m
}

// chooseStep takes the s with which the ε of a few rows add up to least: that of which the greatest component is 127
// times, unless a few components are so large that it is better to cut them off.
func (f *frame) chooseStep(most float64, n int, row func(i int, dst []float64) []float64) {
	const rows = 64
	k := newPacker(f)
	least := math.Inf(1)
	for s := max(most/127, 0x1p-50); s >= 0x1p-50; s /= 1.25 {
		sum := 0.0
		for i := 0; i < n; i += max(n/rows, 1) {
			k.centred(row(i, k.raw))
			miss, _ := k.steps(f.dim, s)
			sum += miss
		}
		if !(sum < least) {
			return
		}
		least, f.step = sum, float32(s)
	}
}

// shorts are the short forms of rows, in the layout of package tile.
type shorts struct {
	n, words int
	bytes    []int8 // or
	float32s []float32
	// One a row:
	scales  []float32 // of int8
	halves  []float32 // h, of (4) −ε
	errors  []float32 // ε
	offsets []int32   // −128·Σ of int8, but for (4)
	norms   []float32 // bounds of ‖x‖ and ‖x̂‖, but for (4)
	deltas  []float32 // δ, but for (4)
	margins []float32 // E and F of each panel
	extremes
}

// extremes are of all rows, or of some.
type extremes struct {
	e, delta     float64 // E*, δ*
	meanE, meanF float64 // of the panels
}

// newShorts makes room for the short forms of n rows.
func (f *frame) newShorts(n int, inBytes bool) *shorts {
	panels := (n + tile.Columns - 1) / tile.Columns
	s := &shorts{n: n, margins: make([]float32, 2*panels)}
	all := panels * tile.Columns
	if inBytes {
		s.words = (f.dim + 3) / 4
		s.bytes = make([]int8, all*s.words*4)
		s.scales = make([]float32, all)
	} else {
		s.words = f.dim
		s.float32s = make([]float32, all*s.words)
	}
	s.halves, s.errors = make([]float32, all), make([]float32, all)
	if f.distance() {
		return s
	}
	s.norms, s.deltas = make([]float32, all), make([]float32, all)
	if inBytes {
		s.offsets = make([]int32, all)
	}
	return s
}

// reset changes the number of rows, to at most that of newShorts.
func (s *shorts) reset(n int) { s.n = n }

func (s *shorts) panels() int { return (s.n + tile.Columns - 1) / tile.Columns }

// at is the place of the first word of a row, behind which its others are tile.Columns apart.
func (s *shorts) at(i int) int { return i/tile.Columns*tile.Columns*s.words + i%tile.Columns }

// word points to the first word of the row at a multiple of 8.
func (s *shorts) word(i int) unsafe.Pointer {
	at := s.at(i)
	if s.bytes != nil {
		return unsafe.Pointer(&s.bytes[4*at])
	}
	return unsafe.Pointer(&s.float32s[at])
}

// packer makes short forms; it holds scratch memory.
type packer struct {
	f   *frame
	raw []float64 // of a row
	x   []float64 // σ·(row − c), and zeros to a multiple of 8
	q   []int8    // what x becomes
}

func newPacker(f *frame) *packer {
	room := (f.dim + 7) / 8 * 8
	return &packer{f: f, raw: make([]float64, f.dim), x: make([]float64, room), q: make([]int8, room)}
}

// over are the extremes of the rows from first, where a panel begins, to last, with the δ* of all rows.
func (s *shorts) over(first, last int) extremes {
	x := extremes{delta: s.delta}
	margins := s.margins[2*(first/tile.Columns) : 2*((last+tile.Columns-1)/tile.Columns)]
	share := 2 / float64(len(margins))
	for p := 0; p < len(margins); p += 2 {
		e, f := float64(margins[p]), float64(margins[p+1])
		x.e, x.meanE, x.meanF = max(x.e, e), x.meanE+float64(e*share), x.meanF+float64(f*share)
	}
	return x
}

// mixed reports whether rows share panels with others whose ε is many times as great, and limits of it.
func (s *shorts) mixed() bool {
	const times, most = 3, 8
	sum := 0.0
	for i, e := range s.errors[:s.n] {
		sum += min(float64(s.margins[2*(i/tile.Columns)])/max(float64(e), tiny), most)
	}
	return sum > times*float64(s.n)
}

// byLength are the numbers of the rows, the longest first, those of equal ‖x‖ ascending. Neighbours are among the
// shorter rows more often than among the longer ones: so a query meets the best, of its own length or a little less,
// first.
func (s *shorts) byLength() []int32 {
	order := make([]int32, s.n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(s.norms[j], s.norms[i]), cmp.Compare(i, j))
	})
	return order
}

// pick are the short forms of some rows: of row order[i] at i, or where that is none one that is never a hit.
func (f *frame) pick(s *shorts, order []int32) *shorts {
	t := f.newShorts(len(order), s.bytes != nil)
	for i := range t.halves {
		t.halves[i] = float32(math.Inf(1))
	}
	for i, from := range order {
		if from == none {
			continue
		}
		t.halves[i], t.errors[i] = s.halves[from], s.errors[from]
		to, at := t.at(i), s.at(int(from))
		for w := 0; w < s.words*tile.Columns; w += tile.Columns {
			if s.bytes != nil {
				copy(t.bytes[4*(to+w):][:4], s.bytes[4*(at+w):][:4])
			} else {
				t.float32s[to+w] = s.float32s[at+w]
			}
		}
		if s.bytes != nil {
			t.scales[i] = s.scales[from]
		}
		if s.offsets != nil {
			t.offsets[i] = s.offsets[from]
		}
		margins := t.margins[2*(i/tile.Columns):][:2]
		if margins[0] = max(margins[0], t.errors[i]); s.norms != nil {
			t.norms[i], t.deltas[i] = s.norms[from], s.deltas[from]
			margins[1] = max(margins[1], t.norms[i])
		}
	}
	t.delta = s.delta
	t.extremes = t.over(0, t.n)
	return t
}

// tight are the short forms with an h that is about (‖x‖²/2)·(1−η) where that is less than (‖x̂‖²/2)·(1−η), so that no
// δ is below 0: else the greatest ‖x̂‖² − ‖x‖² there is, that of a row far longer than others, would loosen (2) for
// all.
func (s *shorts) tight() *shorts {
	if s.delta == 0 {
		return s
	}
	t := *s
	t.halves, t.deltas = slices.Clone(s.halves), make([]float32, len(s.deltas))
	for i, d := range s.deltas {
		t.halves[i] += min(d, 0)
		t.deltas[i] = max(d, 0)
	}
	t.delta = 0
	return &t
}

// without are the short forms with none of some rows, so that these are never a hit.
func (s *shorts) without(rows []int32) *shorts {
	if len(rows) == 0 {
		return s
	}
	t := *s
	t.halves = slices.Clone(s.halves)
	for _, i := range rows {
		t.halves[i] = float32(math.Inf(1))
	}
	return &t
}

// panel makes the short forms of the p-th panel; row gives the rows.
func (k *packer) panel(s *shorts, p int, row func(i int, dst []float64) []float64) {
	e, f := 0.0, 0.0
	for l := range tile.Columns {
		i := p*tile.Columns + l
		if i >= s.n {
			k.none(s, i, math.Inf(1)) // never a hit
			continue
		}
		err, norm := k.row(s, i, row(i, k.raw))
		e, f = math.Max(e, err), math.Max(f, norm)
	}
	s.margins[2*p], s.margins[2*p+1] = float32(e*outward), float32(f*outward)
}

// none makes the row i of s one without a short form.
func (k *packer) none(s *shorts, i int, half float64) {
	if s.bytes != nil {
		s.scales[i] = 0
		clear(k.q)
		s.storeBytes(i, k.q)
	} else {
		at := s.at(i)
		for w := range s.words {
			s.float32s[at+w*tile.Columns] = 0
		}
	}
	s.halves[i], s.errors[i] = float32(half), 0
	if s.norms != nil {
		s.norms[i], s.deltas[i] = 0, 0
	}
	if s.offsets != nil {
		s.offsets[i] = 0
	}
}

// centred leaves σ·(row − c) in k.x and returns the greatest magnitude in it.
func (k *packer) centred(row []float64) float64 {
	return math.Float64frombits(k.f.kernels.Centre64(row, k.f.centre, k.f.factor, k.x))
}

// row makes one short form, of which it returns ε and what bounds ‖x‖ and ‖x̂‖.
func (k *packer) row(s *shorts, i int, row []float64) (err, norm float64) {
	f := k.f
	if f.metric == Hamming {
		k.hash(row)
		k.storeDistance(s, i, 0)
		return 0, 0
	}
	m := k.centred(row)
	if !(m <= maxShort) {
		k.none(s, i, math.Inf(-1))
		return 0, 0
	}
	x := k.x[:len(row)]
	if f.distance() {
		miss, norm := k.steps(len(row), float64(f.step))
		err := float64(miss*outward) + float64(0x1p-45*norm) + tiny
		k.storeDistance(s, i, err)
		return err, 0
	}
	var hat, miss, square float64 // of ‖x̂‖², ‖e‖², ‖x‖²
	eta := f.eta(s)
	if s.bytes != nil {
		scale := max(float32(m/127), 0x1p-50)
		s.scales[i] = scale
		hat, miss, square = k.quantise(s, i, float64(scale))
	} else {
		at := s.at(i)
		for j, v := range x {
			y := float32(v)
			s.float32s[at+j*tile.Columns] = y
			d := v - float64(y)
			hat += float64(float64(y) * float64(y))
			miss += float64(d * d)
			square += float64(v * v)
		}
	}
	norm = float64(math.Sqrt(square)*outward) + tiny
	err = float64(math.Sqrt(miss)*outward) + float64(0x1p-45*norm) + tiny
	norm += err // bounds ‖x̂‖ too
	s.errors[i], s.norms[i] = float32(err*outward), float32(norm*outward)
	s.halves[i] = 0
	if !f.product() {
		s.halves[i] = float32(hat / 2 * (1 - eta))
		delta := (square - hat) / 2
		s.deltas[i] = float32(delta - float64(math.Abs(delta)*16*unit) - tiny)
	}
	return err, norm
}

// steps rounds the first n components of k.x to multiples of s in k.q, and returns the norms of what is missing and of
// x.
func (k *packer) steps(n int, s float64) (miss, norm float64) {
	const shift = 0x1.8p52 // what rounds to an integer, in the low bits, when it is added
	q, inverse, sum := k.q, 1/s, k.f.metric == Manhattan
	for j, v := range k.x[:n] {
		// Beyond 2³¹ steps the low bits would say nothing.
		r := int64(math.Float64bits(min(max(float64(v*inverse), -127), 127)+shift)<<32) >> 32
		q[j] = int8(r)
		e, a := math.Abs(v-float64(float64(r)*s)), math.Abs(v)
		if sum {
			miss, norm = miss+e, norm+a
		} else {
			miss, norm = max(miss, e), max(norm, a)
		}
	}
	return miss, norm
}

// hash makes a byte of each component: the same of equal ones.
func (k *packer) hash(row []float64) {
	for j, v := range row {
		b := math.Float64bits(v + 0) // one zero
		k.q[j] = int8((b ^ b>>32) * 0x9e3779b97f4a7c15 >> 56)
	}
}

// storeDistance writes k.q into row i, and its ε.
func (k *packer) storeDistance(s *shorts, i int, err float64) {
	s.storeBytes(i, k.q)
	s.scales[i] = -k.f.step * (1 - 16*unit)
	s.errors[i] = float32(err * outward)
	s.halves[i] = -s.errors[i]
}

// quantise rounds k.x/scale to int8.
func (k *packer) quantise(s *shorts, i int, scale float64) (hat, miss, square float64) {
	sum, squares, miss, square := k.f.kernels.Round64(k.x, 1/scale, scale, k.q)
	s.offsets[i] = -128 * sum
	s.storeBytes(i, k.q)
	return float64(squares) * (scale * scale), miss, square
}

// storeBytes writes q into row i.
func (s *shorts) storeBytes(i int, q []int8) {
	from := unsafe.Slice((*uint32)(unsafe.Pointer(&q[0])), s.words)
	at := 4 * s.at(i)
	to := unsafe.Pointer(&s.bytes[at])
	_ = s.bytes[at+(s.words-1)*4*tile.Columns+3]
	for w, v := range from {
		*(*uint32)(unsafe.Add(to, w*4*tile.Columns)) = v
	}
}

// shortsOf makes the short forms of n rows, by as many goroutines.
func (f *frame) shortsOf(n int, inBytes bool, threads int, row func(i int, dst []float64) []float64) *shorts {
	s := f.newShorts(n, inBytes)
	Parallel(s.panels(), 4, threads, func() func(lo, hi int) {
		k := newPacker(f)
		return func(lo, hi int) {
			for p := lo; p < hi; p++ {
				k.panel(s, p, row)
			}
		}
	})
	s.dropOutliers(f)
	s.extremes = s.over(0, s.n)
	for _, v := range s.deltas {
		s.delta = min(s.delta, float64(v))
	}
	return s
}

// One row of rareRow may have an ε that is outlying times as great as that of all others, or one of commonRow, which is
// about as many as it pays to compare to all others in float64.
const (
	rareRow   = 256
	commonRow = 32
	outlying  = 8
)

// dropOutliers takes their short forms from the few rows whose ε is far greater than that of all others: they would
// loosen the limits of their panels, and of all rows, for the sake of what few pairs they are in.
func (s *shorts) dropOutliers(f *frame) {
	var some []float32
	for i := 0; i < s.n; i += max(s.n/sampled, 1) {
		some = append(some, s.errors[i])
	}
	slices.Sort(some)
	var rows []int
	for share := rareRow; share >= commonRow; share /= 2 {
		limit := some[len(some)-1-len(some)/share] * outlying
		var more []int
		for i, e := range s.errors[:s.n] {
			if e > limit {
				more = append(more, i)
			}
		}
		if len(more) <= s.n/share {
			rows = more
		}
	}
	k := newPacker(f)
	for _, i := range rows {
		k.none(s, i, math.Inf(-1))
	}
	for _, i := range rows {
		p := i / tile.Columns
		at, end := p*tile.Columns, min((p+1)*tile.Columns, s.n)
		s.margins[2*p] = slices.Max(s.errors[at:end])
		if s.norms != nil {
			s.margins[2*p+1] = slices.Max(s.norms[at:end])
		}
	}
}

// limits are a, b and c of row i of s against rows of these extremes. They belong to the bounded reduced value R.
func (f *frame) limits(s *shorts, i int, bound float64, others *extremes) (a, b, c float32) {
	if f.distance() {
		r := bound * (1 + 0x1p-30) * f.factor
		switch {
		case bound < 0:
			return float32(math.Inf(-1)), 0, 0
		case !(r < 0x1p120):
			return float32(math.Inf(1)), 0, 0
		}
		return float32((r + tiny) * outward), 0, 0
	}
	square, err, norm := f.factor*f.factor, float64(s.errors[i]), float64(s.norms[i])
	if f.product() {
		t := bound * square // −t
		t += math.Abs(t)*16*unit + tiny
		if t != t { // bound is −∞
			t = bound
		}
		return float32(t), float32(norm), float32((err + (f.eta(s)+0x1p-30)*norm) * outward)
	}
	if bound < 0 {
		return float32(math.Inf(-1)), 0, 0
	}
	r2 := (bound*(1+0x1p-30) + 0x1p-1000) * square
	if !(r2 < 0x1p120) {
		return float32(math.Inf(1)), 0, 0
	}
	rho := math.Sqrt(r2) + err
	triangle, schwarz := rho*rho/2, r2/2-float64(s.deltas[i])-others.delta
	if triangle+(rho+others.e/2)*others.meanE <= schwarz+norm*others.meanE+err*others.meanF {
		return float32((triangle + tiny) * outward), float32((rho + others.e/2) * outward), 0
	}
	schwarz += (r2+math.Abs(float64(s.deltas[i]))+math.Abs(others.delta))*16*unit + tiny
	return float32(schwarz), float32(norm * outward), float32(err * outward)
}

// eta is η.
func (f *frame) eta(s *shorts) float64 {
	if s.bytes != nil {
		return 16 * unit
	}
	return (16 + 2*float64(f.dim)) * unit
}

// lazy is a value made once, by the first who asks.
type lazy[T any] struct {
	once  sync.Once
	value T
}

func (l *lazy[T]) get(make func() T) T {
	l.once.Do(func() { l.value = make() })
	return l.value
}
