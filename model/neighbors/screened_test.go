package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

// screenRowsOf are rows of all kinds that a screen must not be mistaken about: of all magnitudes, with zeros, copies,
// opposites, values that differ in the last digit, and, where they may be missing, gaps.
func screenRowsOf(r *rand.Rand, n, dim int, missing bool) *vectors.Block {
	b := &vectors.Block{Dim: dim, DType: vectors.Float64, Missing: missing}
	for i := range n {
		row := make([]float64, dim)
		for j := range row {
			switch i % 5 {
			case 0:
				row[j] = r.NormFloat64()
			case 1:
				row[j] = math.Round(2 * r.NormFloat64())
			case 2:
				row[j] = 1000 + r.Float64()
			case 3:
				row[j] = math.Exp(4 * r.NormFloat64())
			}
		}
		if i%5 == 4 {
			copy(row, b.F64[r.IntN(i)*dim:])
			switch i % 3 {
			case 0:
				row[i%dim] *= 1 + 0x1p-50
			case 1:
				for j := range row {
					row[j] = -row[j]
				}
			}
		}
		if missing {
			for j := range row {
				if r.IntN(5) == 0 || i%11 == 3 && j%2 == i%4/2 {
					row[j] = math.NaN()
				}
			}
		}
		b.Append(row, int64(i))
	}
	return b
}

// Kernels have the bits of the reference.
func TestScreenKernels(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 1))
	for m, reference := range map[Metric]screenKernel{Canberra: screenCanberra, BrayCurtis: screenBrayCurtis,
		NaNEuclidean: screenNaN} {
		kernel := screenKernelOf(m)
		if kernel == nil {
			t.Skip("no kernels here")
		}
		for _, dim := range []int{16, 32, 48, 128, 272} {
			for _, n := range []int{4, 8, 36} {
				rows, want, got := make([]float32, (n+1)*dim), make([]float32, n), make([]float32, n)
				for i := range rows {
					switch rows[i] = float32(r.NormFloat64() * 1000); r.IntN(8) {
					case 0:
						rows[i] = 0
					case 1:
						if m == NaNEuclidean {
							rows[i] = float32(math.NaN())
						}
					}
				}
				clear(rows[dim : 2*dim])
				copy(rows[2*dim:3*dim], rows)
				reference(rows[:dim], rows[dim:], want)
				kernel(rows[:dim], rows[dim:], got)
				for i := range want {
					if a, b := math.Float32bits(want[i]), math.Float32bits(got[i]); a != b &&
						!(want[i] != want[i] && got[i] != got[i]) {
						t.Fatalf("%s of %d columns, row %d of %d: %v, want %v", m, dim, i, n, got[i], want[i])
					}
				}
			}
		}
	}
}

// A value of a screen does not exceed the limit of the pair's distance, and is not far below it.
func TestScreenLimits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 2))
	for m, kernel := range map[Metric]screenKernel{Canberra: screenCanberra, BrayCurtis: screenBrayCurtis,
		NaNEuclidean: screenNaN} {
		for _, dim := range []int{1, 5, 16, 100} {
			o := Options{Metric: m}
			b := screenRowsOf(r, 150, dim, m == NaNEuclidean)
			if m == Canberra {
				for i, v := range b.F64 {
					if math.Abs(v) < 1e-3 {
						b.F64[i] = 0
					}
				}
			}
			p := blockPoints(b)
			s := screenScale{metric: m}
			if !s.fit(&p) {
				t.Fatal("not fitted")
			}
			stride := (dim + screenColumns - 1) / screenColumns * screenColumns
			rows := make([]float32, p.n*stride)
			for i := range p.n {
				if !s.form(b.F64[i*dim:(i+1)*dim], rows[i*stride:(i+1)*stride]) {
					t.Fatalf("%s: row %d is not safe", m, i)
				}
			}
			values, close := make([]float32, p.n), 0
			for i := range p.n {
				kernel(rows[i*stride:(i+1)*stride], rows, values)
				for j, v := range values {
					d := Distance(b.F64[i*dim:(i+1)*dim], b.F64[j*dim:(j+1)*dim], o)
					if (d == d) != (v == v) || v > s.limit(d, dim) {
						t.Fatalf("%s of %d columns, rows %d and %d: %v, more than %v for %v", m, dim, i, j, v, s.limit(d, dim), d)
					}
					if v != v || m == NaNEuclidean && v < 0x1p40 || v >= s.limit(d*0.99, dim) {
						close++ // or none, or too near for rows of all magnitudes
					}
				}
			}
			if close < p.n*p.n*3/5 {
				t.Errorf("%s of %d columns: only %d limits are close", m, dim, close)
			}
		}
	}
}

// What is screened is what comparing all pairs by the definition finds: pairs that are met once, queries, those of
// magnitudes that float32 has not, radii, rules.
func TestScreened(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	t.Parallel()
	if screenKernelOf(Canberra) == nil {
		t.Skip("no kernels here")
	}
	r := rand.New(rand.NewPCG(7, 3))
	for turn, m := range []Metric{Canberra, BrayCurtis, NaNEuclidean} {
		for i, dim := range []int{1, 6, 16, 70} {
			if brief() && (i+turn)%2 > 0 {
				continue
			}
			const n = 500 // with blocks of 64 pairs are met once, as they are from four blocks on
			b := screenRowsOf(r, n, dim, m == NaNEuclidean)
			if m == Canberra {
				for i, v := range b.F64 {
					if math.Abs(v) < 1e-3 {
						b.F64[i] = 0
					}
				}
			}
			x, err := Fit(b, Options{Metric: m})
			if err != nil {
				t.Fatal(err)
			}
			screened, ok := x.engine.(*screened)
			if !ok {
				t.Fatalf("%s: the engine is %T", m, x.engine)
			}
			screened.block = min(screened.block, 64)
			plain := &Index{opts: x.opts, points: x.points, magnitudes: x.magnitudes}
			plain.engine = newBrute(&x.points, x.opts.resolve())
			others := screenRowsOf(r, 60, dim, m == NaNEuclidean)
			for i, v := range others.F64[:20*dim] {
				others.F64[i] = v * math.Pow(10, float64(i/dim*7-70))
			}
			groups := make([]int32, n)
			for i := range groups {
				groups[i] = int32(r.IntN(n / 4))
			}
			for name, s := range map[string]struct {
				q *vectors.Block
				s Search
			}{
				"pairs": {b, Search{Self: true, Threads: 2}}, "some": {x.Rows(10, 70), Search{Self: true}},
				"others": {others, Search{}},
				"groups": {b, Search{Self: true, Threads: 2, Most: &Most{Groups: groups, Number: 1}}},
			} {
				name = fmt.Sprintf("%s of %d columns, %s", m, dim, name)
				got, err := x.KNeighbors(s.q, 9, s.s)
				if err != nil {
					t.Fatal(err)
				}
				want, err := plain.KNeighbors(s.q, 9, s.s)
				if err != nil {
					t.Fatal(err)
				}
				sameAnswer(t, name, got, want)
				if s.s.Most != nil {
					continue
				}
				radius := slices.Sorted(slices.Values(want.Distances))[len(want.Distances)/2]
				if got, err = x.RadiusNeighbors(s.q, radius, s.s); err != nil {
					t.Fatal(err)
				}
				if want, err = plain.RadiusNeighbors(s.q, radius, s.s); err != nil {
					t.Fatal(err)
				}
				sameAnswer(t, name+", radius", got, want)
			}
		}
	}
	for m, b := range map[Metric][]float64{Canberra: {1, 1e-30}, BrayCurtis: {1, 1e-30}, NaNEuclidean: {1e-290, 0}} {
		points, err := vectors.FromFloat64(b, 1)
		if err != nil {
			t.Fatal(err)
		}
		if x, err := Fit(points, Options{Metric: m}); err != nil {
			t.Fatal(err)
		} else if _, ok := x.engine.(*brute); !ok {
			t.Errorf("%s of extreme magnitudes: the engine is %T", m, x.engine)
		}
	}
}

func sameAnswer(t *testing.T, name string, got, want *Neighbors) {
	t.Helper()
	if !slices.Equal(got.Offsets, want.Offsets) || !slices.Equal(got.Positions, want.Positions) ||
		!slices.Equal(got.Distances, want.Distances) {
		for i := range want.Positions {
			if i >= len(got.Positions) || got.Positions[i] != want.Positions[i] || got.Distances[i] != want.Distances[i] {
				t.Fatalf("%s: neighbour %d of %d is not as by comparing all pairs", name, i, len(want.Positions))
			}
		}
		t.Fatalf("%s: other numbers of neighbours", name)
	}
}
