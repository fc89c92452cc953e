package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// degenerate are sets of so many rows that blocks of points follow each other, as on them work is left out: of rows
// that are equal, and of rows that are rare.
func degenerate() map[string][][]float64 {
	r := rand.New(rand.NewPCG(23, 2))
	set := func(dim int, f func(i, j int, v float64) float64) [][]float64 {
		return change(gaussianRows(r, 1300, dim), f)
	}
	return map[string][][]float64{
		"equal": set(5, func(_, _ int, _ float64) float64 { return 2.5 }),
		"half equal": set(5, func(i, j int, v float64) float64 {
			if i%2 == 0 || i > 900 {
				return float64(j)
			}
			return v
		}),
		"copies": set(5, func(i, j int, _ float64) float64 { return float64((i*7+j)%11) * 0.1 }),
		"spikes": set(6, func(i, j int, v float64) float64 {
			if i%600 == 50 && j == 2 {
				return 1e6
			}
			return v
		}),
		"spikes on both sides": set(6, func(i, j int, v float64) float64 {
			if i%600 == 50 && j == 2 {
				return math.Copysign(0x1p100, v)
			}
			return v
		}),
		"lattice":       set(4, func(_, _ int, v float64) float64 { return math.Round(2 * v) }),
		"few distances": set(40, func(_, j int, v float64) float64 { return math.Copysign(0.1*float64(j%3+1), v) }),
		"mostly zeros": set(7, func(_, _ int, v float64) float64 {
			if math.Abs(v) < 1.6 {
				return 0
			}
			return v
		}),
		"shells": set(30, func(i, j int, v float64) float64 {
			if i%3 == 0 { // each is equal to some others
				v = float64((i%5+2*j)%7 - 3)
			}
			return v * math.Pow(10, float64(i*37%101)/16-3)
		}),
		"lengths": set(260, func(i, _ int, v float64) float64 {
			if i%97 == 5 {
				return 0
			}
			return math.Round(v) * math.Ldexp(1, i%9-4)
		}),
	}
}

// Where work is left out, on each level and at each precision, the answers are those of brute force.
func TestTiledDegenerate(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and levels: TestTiledTies stays")
	}
	for name, rows := range degenerate() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := rowsBlock(rows, vectors.Float32)
			p := pointsOf(b)
			all, some := make([]int32, p.n), &vectors.Block{Dim: b.Dim}
			for i := range all {
				all[i] = int32(i)
				if i%13 == 0 {
					some.Append(rows[i], int64(i))
				}
			}
			for _, m := range []Metric{Euclidean, Cosine, InnerProduct, Manhattan} {
				if len(rows[0]) > 100 && m != Cosine || brief() && m != Euclidean {
					continue
				}
				o := Options{Metric: m}
				o.EnsureDefaults()
				reference := newBrute(p, o)
				for _, q := range []query1{{"all", b, all}, {"some", some, nil}} {
					n := q.q.Len()
					const most = 40
					positions, distances := make([]int32, n*most), make([]float64, n*most)
					reference.kNeighbors(q.q, q.exclude, most, Search{Threads: 2}, positions, distances)
					for level, e := range engines(p, o) {
						for _, k := range []int{3, most} {
							gotP, gotD := make([]int32, n*k), make([]float64, n*k)
							e.kNeighbors(q.q, q.exclude, k, Search{Threads: 2}, gotP, gotD)
							for i := range n {
								sameNeighbors(t, fmt.Sprintf("%s/%s/%s/%d", m, q.name, level, k), i, gotP[i*k:(i+1)*k],
									positions[i*most:][:k], gotD[i*k:(i+1)*k], distances[i*most:][:k])
							}
						}
					}
				}
			}
		})
	}
}

// Points of all lengths are searched in the order of these, whatever a query may have, and give the answers of brute
// force.
func TestPointsByLength(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	rows := degenerate()["shells"]
	b := rowsBlock(rows, vectors.Float32)
	p := pointsOf(b)
	o := Options{Metric: Euclidean}
	o.EnsureDefaults()
	reference := newBrute(p, o)
	groups := func(n int) []int32 {
		g := make([]int32, n)
		for i := range g {
			g[i] = int32(i * 7 % 50)
		}
		return g
	}
	of, under := groups(p.n), engines(p, o)
	for level, e := range under {
		if e.formsOf(&Search{}).order == nil {
			t.Fatalf("%s: the points are searched as they come", level)
		}
	}
	for _, q := range queriesOf(b, p) {
		n := q.q.Len()
		for name, s := range map[string]Search{
			"all":    {},
			"apart":  {Apart: &Apart{Points: of, Queries: groups(n), Largest: LargestGroup(of)}},
			"before": {Before: &Before{Points: of, Queries: groups(n)}},
			"most":   {Most: &Most{Groups: of, Number: 1, Largest: LargestGroup(of)}},
		} {
			for _, k := range []int{1, 20} {
				answer := func(e engine) ([]int32, []float64) {
					positions, distances := slices.Repeat([]int32{none}, n*k), make([]float64, n*k)
					e.kNeighbors(q.q, q.exclude, k, s, positions, distances)
					return positions, distances
				}
				wantP, wantD := answer(reference)
				for level, e := range under {
					gotP, gotD := answer(e)
					for i := range n {
						lo, hi := i*k, (i+1)*k
						if at := slices.Index(wantP[lo:hi], none); at >= 0 {
							hi = lo + at // what stands behind is nothing
						}
						sameNeighbors(t, fmt.Sprintf("%s/%s/%s/%d", level, q.name, name, k), i, gotP[lo:hi], wantP[lo:hi],
							gotD[lo:hi], wantD[lo:hi])
					}
				}
			}
		}
		for _, r := range []float64{0, 0.01, 5} {
			want := reference.radiusNeighbors(q.q, q.exclude, r, Search{})
			for _, e := range under {
				same(t, e.radiusNeighbors(q.q, q.exclude, r, Search{}), want)
			}
		}
	}
}

// Rows that are far from all others have no short form, and do not loosen what is known of the others.
func TestRareRowsHaveNoShortForm(t *testing.T) {
	rows := degenerate()["spikes"]
	p := pointsOf(rowsBlock(rows, vectors.Float32))
	e := newTiled(p, Options{Metric: Euclidean, P: 2}, tile.Best())
	for i := range rows {
		if got, want := math.IsInf(float64(e.bytes.halves[i]), -1), i%600 == 50; got != want {
			t.Errorf("row %d: without a short form: %v, want %v", i, got, want)
		}
	}
	if e.bytes.e/e.frame.factor > 1 || !(math.Abs(e.frame.centre[2]) <= 1) {
		t.Errorf("the greatest error is %v, the centre %v", e.bytes.e/e.frame.factor, e.frame.centre[2])
	}
}

// unitSquare is no more than the reference's reduced value, by little.
func TestUnitSquare(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	rows := gaussianRows(r, 200, 300)
	for i, row := range rows {
		for j := range row {
			row[j] = float64(float32(row[j] * math.Ldexp(1, i%21-10)))
			if i%4 == 1 { // almost a multiple of the row before
				row[j] = float64(float32(rows[i-1][j] * (3 + row[j]*1e-6)))
			}
		}
	}
	p := pointsOf(rowsBlock(rows, vectors.Float32))
	o := Options{Metric: Cosine}
	e := newTiled(p, o, tile.Best())
	b := rowsBlock(rows, vectors.Float32)
	var pre prepared
	for i := range rows {
		o.prepare(b, i, &pre)
		for j := range rows {
			exact := o.reduced(&pre, p, j, e.scales[j])
			square := sqEuclidean(rows[i], rows[j])
			low := unitSquare(e.scales[i], e.scales[j], square)
			if loss := (square*e.scales[i]*e.scales[j] + 1) * 0x1p-26; low > exact || low < exact-loss {
				t.Fatalf("rows %d and %d: %v, the reference has %v", i, j, low, exact)
			}
		}
	}
}
