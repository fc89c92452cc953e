package dense

import (
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/kernel"
)

// oneHot is the problem of a target that depends on the categories of several columns, some of which determine each
// other nearly: as many columns as there are categories, divided by their deviation, many of them in a row or two.
func oneHot(rows int, categories ...int) *Lasso {
	r := rand.New(rand.NewPCG(1, 2))
	d, starts := 0, []int{}
	for _, n := range categories {
		starts = append(starts, d)
		d += n
	}
	x, y := make([]float64, rows*d), make([]float64, rows)
	for i := range rows {
		common := r.Float64()
		for c, n := range categories {
			u := math.Mod(common+0.02*r.Float64(), 1)
			k := min(n-1, int(u*u*float64(n)))
			x[i*d+starts[c]+k] = 1
			y[i] += math.Sin(float64(k))
		}
		y[i] += 0.1 * r.NormFloat64()
	}
	q := &Lasso{D: d, Q: make([]float64, d*d), C: make([]float64, d)}
	for j := range d {
		n := 0.0
		for i := range rows {
			n += x[i*d+j]
		}
		mean := n / float64(rows)
		scale := math.Sqrt(mean * (1 - mean))
		if scale == 0 {
			scale = 1
		}
		for i := range rows {
			x[i*d+j] = (x[i*d+j] - mean) / scale
		}
	}
	for i := range rows {
		row := x[i*d : i*d+d]
		kernel.Add(y[i]/float64(rows), row, q.C)
		for j, v := range row {
			kernel.Add(v/float64(rows), row, q.Q[j*d:j*d+d])
		}
	}
	return q
}

// Hundreds of coefficients that are not zero, of columns that nearly depend on each other: the least is reached, and in
// a few turns. One coefficient let in after the other, a system of equations each, took half a minute.
func TestDescendOneHot(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this has hundreds of columns: TestDescendPositive has such, too")
	}
	q := oneHot(500, 300, 60, 15, 3)
	for _, penalty := range [][2]float64{{1e-3, 0}, {5e-3, 5e-3}, {1e-4, 1e-4}, {0.1, 0}} {
		l1, l2 := penalty[0], penalty[1]
		w := make([]float64, q.D)
		off := math.Inf(1)
		turns := 0
		_, is := q.Descend(w, l1, l2, 20, func(w, r []float64) bool {
			turns++
			off = 0
			for j, v := range w {
				switch s := r[j] - l2*v; {
				case v > 0:
					off = max(off, math.Abs(s-l1))
				case v < 0:
					off = max(off, math.Abs(s+l1))
				default:
					off = max(off, math.Abs(s)-l1)
				}
			}
			return off <= 1e-12
		})
		active := 0
		for _, v := range w {
			if v != 0 {
				active++
			}
		}
		t.Logf("l1 %v, l2 %v: %d of %d active after %d turns", l1, l2, active, q.D, turns)
		if !is {
			t.Errorf("l1 %v, l2 %v: off by %.2g after %d turns", l1, l2, off, turns)
		}
	}
}

// Coefficients that may not be negative, without l1: hundreds of columns that nearly, or wholly, depend on each other.
func TestDescendPositive(t *testing.T) {
	q := oneHot(500, 300, 60, 15, 3)
	q.Positive, q.Rounding = true, 1e-14
	for _, l2 := range []float64{0, 1e-6, 1e-2} {
		w := make([]float64, q.D)
		off := math.Inf(1)
		turns := 0
		_, is := q.Descend(w, 0, l2, 20, func(w, r []float64) bool {
			turns++
			off = 0
			for j, v := range w {
				s := r[j] - l2*v
				if v < 0 {
					t.Fatalf("coefficient %d is %v", j, v)
				}
				if v > 0 {
					s = math.Abs(s)
				}
				off = max(off, s)
			}
			return off <= 1e-12
		})
		t.Logf("l2 %v: off by %.2g after %d turns", l2, off, turns)
		if !is {
			t.Errorf("l2 %v: off by %.2g after %d turns", l2, off, turns)
		}
	}
}
