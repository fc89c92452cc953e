package newton

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/linear/internal/panel"
)

// Gradient and second derivatives by a fold's own variables are those by the sums' variables times the derivatives J of
// these by the former, Jᵀg and JᵀHJ, and a point is J times it; one without an intercept is the same after the way
// there and back.
func TestFrame(t *testing.T) {
	t.Parallel()
	const d, width = 4, 5
	rng := rand.New(rand.NewPCG(41, 42))
	normal := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	for _, shifted := range []bool{false, true} {
		f := frame{Ratio: normal(d)}
		var j [width][width]float64 // of a sum's variable by a fold's
		j[d][d] = 1
		if shifted {
			f.Shift = normal(d)
		}
		for k := range f.Ratio {
			f.Ratio[k] = 0.5 + math.Abs(f.Ratio[k])
			j[k][k] = 1 / f.Ratio[k]
			if shifted {
				j[d][k] = -f.Shift[k] / f.Ratio[k]
			}
		}
		g, h := normal(width), panel.Triangle(normal(width*(width+1)/2))
		at := func(h panel.Triangle, a, b int) float64 { return h.Row(min(a, b), width)[max(a, b)-min(a, b)] }
		var wantG [width]float64
		var wantH [width][width]float64
		for a := range width {
			for k := range width {
				wantG[a] += j[k][a] * g[k]
				for b := range width {
					for l := range width {
						wantH[a][b] += j[k][a] * at(h, k, l) * j[l][b]
					}
				}
			}
		}
		near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-13*(1+math.Abs(want)) }
		gotG, gotH := slices.Clone(g), slices.Clone(h)
		f.gradient(gotG)
		f.second(gotH)
		for a := range width {
			if !near(gotG[a], wantG[a]) {
				t.Errorf("shifted %v: gradient %d is %v, want %v", shifted, a, gotG[a], wantG[a])
			}
			for b := a; b < width; b++ {
				if got := at(gotH, a, b); !near(got, wantH[a][b]) {
					t.Errorf("shifted %v: second derivative %d, %d is %v, want %v", shifted, a, b, got, wantH[a][b])
				}
			}
		}
		w := normal(width)
		for a, v := range f.point(w) {
			want := 0.0
			for b := range width {
				want += j[a][b] * w[b]
			}
			if !near(v, want) {
				t.Errorf("shifted %v: variable %d of the sums is %v, want %v", shifted, a, v, want)
			}
		}
		w[d] = 0
		for a, v := range f.own(f.point(w)) {
			if !near(v, w[a]) {
				t.Errorf("shifted %v: variable %d comes back as %v, not %v", shifted, a, v, w[a])
			}
		}
	}
}
