package ivf

import (
	"math"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// A space maps rows to vectors whose squared Euclidean distance has the order of the metric: the rows themselves,
// times a power of two σ that brings them near 1; for the cosine those of unit length, and for the correlation these of
// rows less their means; and for the inner product,
// with M the greatest norm of the points, (x/M, √(1−‖x/M‖²)) of a point and (x/‖x‖, 0) of a query (Bachrach et al.,
// RecSys 2014). Rows of bits are vectors of 0 and 1, whose squared distance is the number of bits that differ. For the
// Manhattan and the Chebyshev distance the order is another: there the space only says which leaders are near, and
// package neighbors compares points (cells.go).
type space struct {
	kernels *tile.Kernels
	metric  neighbors.Metric
	bits    bool      // vectors are the bits of rows, 0 or 1
	dim     int       // of the vectors
	centre  []float64 // is subtracted from rows of float64, whose digits float32 lacks; else nil
	sigma   float64
	norm    float64 // M
}

// rows are vectors of a space, in float32: row i is values[i·dim:] times its factor.
type rows struct {
	kernels *tile.Kernels
	n, dim  int
	values  []float32
	factor  float32
	factors []float32 // or one a row
	norms   []float64 // ‖x‖ of queries, for the inner product
	zeros   []int32   // zero vectors, for the cosine, which is 1 to all points; ascending
}

func (r *rows) row(i int) ([]float32, float32) {
	x := r.values[i*r.dim : (i+1)*r.dim]
	if r.factors != nil {
		return x, r.factors[i]
	}
	return x, r.factor
}

// sampled is the number of points that a space is made of.
const sampled = 4096

func newSpace(points *vectors.Block, o *Options, threads int) *space {
	s := &space{kernels: o.kernels, metric: o.Metric, bits: o.Bits, dim: points.Dim, sigma: 1}
	n := points.Len()
	switch s.metric {
	case neighbors.Cosine, neighbors.Correlation:
	case neighbors.Hamming:
		s.dim *= 8
	case neighbors.InnerProduct:
		s.dim++
		norms := normsOf(points, threads)
		for _, v := range norms {
			s.norm = max(s.norm, v)
		}
		if !(s.norm > 0) {
			s.norm = 1
		}
	default:
		step := max(n/sampled, 1)
		buf := make([]float64, points.Dim)
		if points.Wide() {
			s.centre = make([]float64, points.Dim)
			count := 0.0
			for i := 0; i < n; i += step {
				count++
				for j, v := range points.Row(i, buf) {
					s.centre[j] += v
				}
			}
			for j := range s.centre {
				if s.centre[j] /= count; s.centre[j]-s.centre[j] != 0 {
					s.centre[j] = 0
				}
			}
		}
		m := 0.0
		for i := 0; i < n; i += step {
			for j, v := range points.Row(i, buf) {
				if s.centre != nil {
					v -= s.centre[j]
				}
				m = max(m, math.Abs(v))
			}
		}
		if m > 0 && !math.IsInf(m, 1) {
			_, e := math.Frexp(m)
			s.sigma = math.Ldexp(1, -min(max(e, -120), 120))
			if points.Wide() {
				s.sigma = math.Ldexp(1, -e)
			}
		}
	}
	return s
}

// normsOf are ‖x‖ of all rows.
func normsOf(b *vectors.Block, threads int) []float64 {
	out := make([]float64, b.Len())
	neighbors.Parallel(b.Len(), 1024, threads, func() func(lo, hi int) {
		buf := make([]float64, b.Dim)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				out[i] = norm(b.Row(i, buf))
			}
		}
	})
	return out
}

// norm is ‖x‖, whose squares may overflow.
func norm(x []float64) float64 {
	m, sum := 0.0, 0.0
	for _, v := range x {
		m = max(m, math.Abs(v))
	}
	if m == 0 {
		return 0
	}
	_, e := math.Frexp(m)
	if e > -400 && e < 400 {
		e = 0
	}
	for _, v := range x {
		if e != 0 {
			v = math.Ldexp(v, -e)
		}
		sum += float64(v * v)
	}
	return math.Ldexp(math.Sqrt(sum), e)
}

// rows are the vectors of a block's rows, as points or as queries. They share the memory of rows of float32 where they
// can.
func (s *space) rows(b *vectors.Block, queries bool, threads int) *rows {
	n := b.Len()
	r := &rows{kernels: s.kernels, n: n, dim: s.dim, factor: 1}
	shared := !b.Wide() && s.centre == nil && !s.bits && s.metric != neighbors.InnerProduct &&
		s.metric != neighbors.Correlation
	if shared {
		r.values = b.F32
	} else {
		r.values = make([]float32, n*s.dim)
	}
	switch s.metric {
	case neighbors.Cosine:
		s.unitLength(r, b, shared, threads)
	case neighbors.Correlation:
		constant := make([]bool, n)
		s.fill(r, b, threads, func(i int, dst []float32, row []float64) { constant[i] = !unitCentred(dst, row) })
		for i, zero := range constant {
			if zero {
				r.zeros = append(r.zeros, int32(i))
			}
		}
	case neighbors.Hamming:
		s.fill(r, b, threads, func(_ int, dst []float32, row []float64) {
			for j := range dst {
				dst[j] = float32(uint8(row[j/8]) >> (j % 8) & 1)
			}
		})
	case neighbors.InnerProduct:
		norms := normsOf(b, threads)
		if queries {
			r.norms = norms
		}
		s.fill(r, b, threads, func(i int, dst []float32, row []float64) {
			by := s.norm
			if queries {
				by = norms[i]
			}
			if by == 0 {
				return
			}
			for j, v := range row {
				dst[j] = float32(v / by)
			}
			if share := norms[i] / by; !queries && share < 1 {
				dst[len(row)] = float32(math.Sqrt(1 - float64(share*share)))
			}
		})
	default:
		if shared {
			r.factor = float32(s.sigma)
			break
		}
		s.fill(r, b, threads, func(_ int, dst []float32, row []float64) {
			for j, v := range row {
				if s.centre != nil {
					v -= s.centre[j]
				}
				dst[j] = float32(v * s.sigma)
			}
		})
	}
	return r
}

// unitLength makes rows those of a block of length 1: where they share its memory, by a factor each.
func (s *space) unitLength(r *rows, b *vectors.Block, shared bool, threads int) {
	norms := normsOf(b, threads)
	if shared {
		r.factors = make([]float32, r.n)
	}
	for i, v := range norms {
		if v == 0 {
			r.zeros = append(r.zeros, int32(i))
		} else if shared {
			r.factors[i] = float32(1 / v)
		}
	}
	if shared {
		return
	}
	s.fill(r, b, threads, func(i int, dst []float32, row []float64) {
		if norms[i] > 0 {
			for j, v := range row {
				dst[j] = float32(v / norms[i])
			}
		}
	})
}

// unitCentred writes a row less its mean, of unit length, or reports that the row is constant.
func unitCentred(dst []float32, row []float64) bool {
	most, constant := 0.0, true
	for _, v := range row {
		most = max(most, math.Abs(v))
		constant = constant && v == row[0]
	}
	if constant {
		return false
	}
	_, e := math.Frexp(most)
	mean, sum := 0.0, 0.0
	for _, v := range row {
		mean += math.Ldexp(v, -e) / float64(len(row))
	}
	for _, v := range row {
		d := math.Ldexp(v, -e) - mean
		sum += float64(d * d)
	}
	length := math.Sqrt(sum)
	if length == 0 { // what differs is lost: it is near nothing, as the recall says
		length = 1
	}
	for j, v := range row {
		dst[j] = float32((math.Ldexp(v, -e) - mean) / length)
	}
	return true
}

func (s *space) fill(r *rows, b *vectors.Block, threads int, make1 func(i int, dst []float32, row []float64)) {
	neighbors.Parallel(r.n, 1024, threads, func() func(lo, hi int) {
		buf := make([]float64, b.Dim)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				make1(i, r.values[i*r.dim:(i+1)*r.dim], b.Row(i, buf))
			}
		}
	})
}

// squared is the squared Euclidean distance in the space of what has a distance of the metric from a query of this
// norm.
func (s *space) squared(distance, norm float64) float64 {
	switch s.metric {
	case neighbors.Euclidean:
		d := distance * s.sigma
		return d * d
	case neighbors.Cosine, neighbors.Correlation:
		return 2 * distance
	case neighbors.InnerProduct:
		if norm == 0 {
			return 2
		}
		return 2 + float64(2*(distance/norm/s.norm))
	}
	return distance * s.sigma * s.sigma
}
