package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync/atomic"
	"testing"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

var tileMetrics = []Metric{Euclidean, SqEuclidean, Cosine, InnerProduct, Manhattan, Chebyshev, Hamming}

// rowsBlock makes a block of rows, in float32 where that is asked for.
func rowsBlock(rows [][]float64, dtype vectors.DType) *vectors.Block {
	b := &vectors.Block{Dim: len(rows[0]), DType: dtype}
	for i, row := range rows {
		if c := b.Append(row, int64(i)); c >= 0 {
			panic(fmt.Sprintf("row %d, column %d: %v", i, c, row[c]))
		}
	}
	return b
}

func gaussianRows(r *rand.Rand, n, dim int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, dim)
		for j := range rows[i] {
			rows[i][j] = r.NormFloat64()
		}
	}
	return rows
}

// change changes rows in place.
func change(rows [][]float64, f func(i, j int, v float64) float64) [][]float64 {
	for i, row := range rows {
		for j, v := range row {
			row[j] = f(i, j, v)
		}
	}
	return rows
}

// adversaries are sets of rows that mislead arithmetic of little precision. Wide ones do not fit float32.
func adversaries() []struct {
	name string
	rows [][]float64
	wide bool
} {
	r := rand.New(rand.NewPCG(4, 1))
	n := 150
	if len(tile.Levels()) == 1 {
		n = 120
	}
	set := func(dim int, f func(i, j int, v float64) float64) [][]float64 {
		return change(gaussianRows(r, n, dim), f)
	}
	near := gaussianRows(r, 20, 19)
	sign := func(v float64) float64 { return math.Copysign(1, v) }
	return []struct {
		name string
		rows [][]float64
		wide bool
	}{
		{"gaussian", set(37, func(_, _ int, v float64) float64 { return v }), false},
		{"one column", set(1, func(_, _ int, v float64) float64 { return v }), false},
		{"mean 1e6", set(16, func(_, _ int, v float64) float64 { return 1e6 + v }), false},
		{"one huge column", set(9, func(_, j int, v float64) float64 {
			if j == 0 {
				return v * 1e7
			}
			return v
		}), false},
		{"unix time", set(4, func(i, j int, v float64) float64 {
			if j == 0 {
				return 1.7e9 + float64(i*977%86400)
			}
			return v
		}), false},
		{"near duplicates", set(19, func(i, j int, v float64) float64 { return near[i%20][j] + 1e-4*v }), false},
		{"duplicates", set(19, func(i, j int, _ float64) float64 { return near[i%7][j] }), false},
		{"all equal", set(5, func(_, _ int, _ float64) float64 { return 3.25 }), false},
		{"all zero", set(5, func(_, _ int, _ float64) float64 { return 0 }), false},
		{"half zero", set(6, func(i, _ int, v float64) float64 { return v * float64(i%2) }), false},
		{"whole numbers", set(8, func(_, _ int, v float64) float64 { return math.Round(v) }), false},
		{"denormals of float32", set(7, func(_, _ int, v float64) float64 { return v * 0x1p-140 }), false},
		{"greatest float32", set(7, func(_, _ int, v float64) float64 { return sign(v) * math.MaxFloat32 }), false},
		{"one outlier", set(7, func(i, _ int, v float64) float64 {
			if i == 100 {
				return v * 0x1p100
			}
			return v
		}), false},
		{"rare outliers", set(7, func(i, j int, v float64) float64 {
			if i%180 == 100 && j == 3 {
				return 1e6 * sign(v)
			}
			return v
		}), false},
		{"outliers of one sign", set(7, func(i, j int, v float64) float64 {
			if i%90 == 17 {
				return v + 1e5
			}
			return v
		}), false},
		{"half equal", set(11, func(i, j int, v float64) float64 {
			if i%2 == 0 {
				return float64(j)
			}
			return v
		}), false},
		{"shells", set(9, func(i, _ int, v float64) float64 { return v * math.Pow(10, float64(i%7-3)) }), false},
		{"magnitudes", set(7, func(i, _ int, v float64) float64 { return v * math.Ldexp(1, i%200-100) }), false},
		{"denormals of float64", set(7, func(_, _ int, v float64) float64 { return v * 0x1p-1060 }), true},
		{"greatest float64", set(7, func(_, _ int, v float64) float64 { return sign(v) * math.MaxFloat64 }), true},
		{"magnitudes of float64", set(7, func(i, _ int, v float64) float64 { return v * math.Ldexp(1, i%20*100-1000) }),
			true},
		{"mean 1e12", set(12, func(_, _ int, v float64) float64 { return 1e12 + v }), true},
	}
}

// engines are one on each level. That of plain Go, whose tiles are slow, is left out where there are others, and so is
// one with the tiles of the level before.
func engines(p *points, o Options) map[string]*tiled {
	e := map[string]*tiled{}
	levels := tile.Levels()
	var before [inFloat64]*tile.Tile
	for _, l := range levels {
		if l != &tile.Generic || len(levels) == 1 {
			t := newTiled(p, o, l)
			if t.tiles != before {
				e[l.Name] = t
			}
			before = t.tiles
		}
	}
	return e
}

type query1 struct {
	name    string
	q       *vectors.Block
	exclude []int32
}

// queriesOf are ways to ask: all points, some of them, and other rows, in either type.
func queriesOf(b *vectors.Block, p *points) []query1 {
	n := b.Len()
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	some := &vectors.Block{Dim: b.Dim, DType: b.DType}
	var places []int32
	other := &vectors.Block{Dim: b.Dim, DType: vectors.Float64}
	buf, half := make([]float64, b.Dim), make([]float64, b.Dim)
	for i := n / 3; i < min(n/3+101, n); i++ {
		x := p.row(i, buf)
		some.Append(x, int64(i))
		places = append(places, int32(i))
		for j, v := range x {
			half[j] = v * 0.75
		}
		other.Append(half, int64(i))
	}
	return []query1{{"all", b, all}, {"some", some, places}, {"other", other, nil}}
}

func pointsOf(b *vectors.Block) *points {
	p := &points{n: b.Len(), dim: b.Dim}
	if b.Wide() {
		p.f64 = b.F64
	} else {
		p.f32 = b.F32
	}
	return p
}

// TestTiledIsExact compares, index for index and bit for bit, every level at every precision to brute force, on data
// where a bound that misses a rounding would lose a neighbour.
func TestTiledIsExact(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and levels: TestTiledTies stays")
	}
	for i, set := range adversaries() {
		if brief() && i > 1 {
			break
		}
		t.Run(set.name, func(t *testing.T) {
			t.Parallel()
			for _, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
				if set.wide && dtype == vectors.Float32 {
					continue
				}
				b := rowsBlock(set.rows, dtype)
				p := pointsOf(b)
				for _, m := range tileMetrics {
					o := Options{Metric: m}
					o.EnsureDefaults()
					reference := newBrute(p, o)
					under := engines(p, o)
					for _, q := range queriesOf(b, p) {
						n := q.q.Len()
						const most = 60
						positions, distances := make([]int32, n*most), make([]float64, n*most)
						reference.kNeighbors(q.q, q.exclude, most, Search{Threads: 2}, positions, distances)
						radius := distances[(n/2)*most+20]
						within := reference.radiusNeighbors(q.q, q.exclude, radius, Search{Threads: 2})
						for level, e := range under {
							begin := e.first
							for ; e.first <= inFloat64; e.first = e.from(e.first + 1) {
								if e.first > begin && (level == "avxvnni" || q.name == "other") {
									break // avx2 and the queries of all points show the same
								}
								name := fmt.Sprintf("%v/%s/%s/%s/%d", dtype, m, q.name, level, e.first)
								ks := []int{1, 10, most}
								if q.name != "all" {
									ks = ks[1:2]
								}
								for _, k := range ks {
									gotP, gotD := make([]int32, n*k), make([]float64, n*k)
									e.kNeighbors(q.q, q.exclude, k, Search{Threads: 1 + k%3}, gotP, gotD)
									for i := range n {
										wantP, wantD := positions[i*most:][:k], distances[i*most:][:k]
										sameNeighbors(t, name, i, gotP[i*k:(i+1)*k], wantP, gotD[i*k:(i+1)*k], wantD)
									}
								}
								got := e.radiusNeighbors(q.q, q.exclude, radius, Search{Threads: 2})
								if !slices.Equal(got.Offsets, within.Offsets) {
									t.Fatalf("%s: radius %v: %d pairs, want %d", name, radius, len(got.Positions), len(within.Positions))
								}
								sameNeighbors(t, name, -1, got.Positions, within.Positions, got.Distances, within.Distances)
							}
							e.first = begin
						}
					}
				}
			}
		})
	}
}

func sameNeighbors(t *testing.T, name string, query int, gotP, wantP []int32, gotD, wantD []float64) {
	t.Helper()
	for r := range wantP {
		if gotP[r] != wantP[r] || math.Float64bits(gotD[r]) != math.Float64bits(wantD[r]) {
			t.Fatalf("%s: query %d: neighbour %d is %d at %v, want %d at %v", name, query, r, gotP[r], gotD[r], wantP[r],
				wantD[r])
		}
	}
}

// TestTiledTies takes points that are equal, or equally far, or so nearly that float32 cannot tell, in numbers that
// fill a selection many times over with what its keys do not order.
func TestTiledTies(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	const n, k, dim = 252, 70, 12
	base := gaussianRows(r, 9, dim)
	set := func(f func(i, j int, v float64) float64) [][]float64 { return change(gaussianRows(r, n, dim), f) }
	for turn, c := range []struct {
		name string
		rows [][]float64
	}{
		{"all equal", set(func(_, j int, _ float64) float64 { return base[0][j] })},
		{"all zero", set(func(_, _ int, _ float64) float64 { return 0 })},
		{"half zero", set(func(i, _ int, v float64) float64 { return v * float64(i%2) })},
		{"nine points", set(func(i, j int, _ float64) float64 { return base[i*7%9][j] })},
		{"nine points, and others", set(func(i, j int, v float64) float64 {
			if i%3 == 0 {
				return v
			}
			return base[i%9][j]
		})},
		{"bits", set(func(_, _ int, _ float64) float64 { return float64(r.IntN(2)) })},
		{"one bit of twelve", set(func(i, j int, _ float64) float64 { return float64(1 - min((i*5%dim-j)*(i*5%dim-j), 1)) })},
		// The same components in another order: sums that are equal but for their roundings.
		{"rotations", set(func(i, j int, _ float64) float64 { return base[0][(i+j)%dim] })},
		{"within a rounding", set(func(i, j int, v float64) float64 { return base[i%3][j] * (1 + 0x1p-23*math.Round(v)) })},
		{"within a rounding, far from 0",
			set(func(i, j int, v float64) float64 { return 4096 + float64(i%3) + 0x1p-11*math.Round(v) })},
		{"squares that underflow", set(func(_, _ int, v float64) float64 { return math.Round(v) * 0x1p-100 })},
		{"squares that overflow", set(func(_, _ int, v float64) float64 { return math.Round(v) * 0x1p100 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for i, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
				if testing.Short() && i != turn%2 {
					continue
				}
				b := rowsBlock(c.rows, dtype)
				p := pointsOf(b)
				for _, m := range tileMetrics {
					if brief() && m != Euclidean {
						continue
					}
					o := Options{Metric: m}
					reference := newBrute(p, o)
					for _, q := range queriesOf(b, p)[:2] {
						n := q.q.Len()
						wantP, wantD := make([]int32, n*k), make([]float64, n*k)
						reference.kNeighbors(q.q, q.exclude, k, Search{Threads: 1}, wantP, wantD)
						for level, e := range engines(p, o) {
							gotP, gotD := make([]int32, n*k), make([]float64, n*k)
							e.kNeighbors(q.q, q.exclude, k, Search{Threads: 2}, gotP, gotD)
							name := fmt.Sprintf("%v/%s/%s/%s", dtype, m, q.name, level)
							for i := range n {
								lo, hi := i*k, (i+1)*k
								sameNeighbors(t, name, i, gotP[lo:hi], wantP[lo:hi], gotD[lo:hi], wantD[lo:hi])
							}
						}
					}
				}
			}
		})
	}
}

// TestMargins checks that no value within a bound has a key beyond the bound's limit, and that none exceeds what its
// key says, where the key is off by as much as it may be.
func TestMargins(t *testing.T) {
	values := []float64{0, math.Copysign(0, -1), 0x1p-1074, 0x1p-150, 0x1p-149, 0x1p-126, 1, 1 + 0x1p-24, 1 + 0x1p-23, 3.1,
		1e10, math.MaxFloat32 / 2, math.MaxFloat32, math.MaxFloat32 * (1 + 0x1p-26), 1e200, math.Inf(1)}
	for _, v := range values {
		for _, sign := range []float64{1, -1} {
			v := sign * v
			for _, m := range []margin{ofRounding, ofScreen(2), ofScreen(1000)} {
				for _, off := range []float64{-1, 0, 1} {
					// The rounding to float32 takes part of what the margin allows.
					f := float32(v * (1 + off*(float64(m)-0x1p-24)))
					if limit := m.limit(v); f > limit {
						t.Errorf("margin %v: %v has the key %v, beyond its limit %v", m, v, f, limit)
					}
					if above := m.above(float32(v)); v > above {
						t.Errorf("margin %v: %v exceeds %v, the bound of its own key", m, v, above)
					}
				}
			}
		}
	}
}

// TestKeys checks that keys have the order of values and positions.
func TestKeys(t *testing.T) {
	inf := float32(math.Inf(1))
	ascending := []float32{-inf, -math.MaxFloat32, -1, -math.SmallestNonzeroFloat32, 0, math.SmallestNonzeroFloat32, 1,
		math.MaxFloat32, inf}
	s := selection{distances: make([]float64, 12), positions: make([]int32, 13)}
	n := 0
	for _, v := range ascending {
		for _, position := range []int32{0, math.MaxInt32} {
			k := newKey(v, position)
			if k.value() != v || k.position() != position {
				t.Errorf("(%v, %d) came back as (%v, %d)", v, position, k.value(), k.position())
			}
			s.put(n, k)
			n++
		}
	}
	keys := s.keys(n, nil)
	if len(keys) != 2*len(ascending) || !slices.IsSorted(keys) || len(slices.Compact(keys)) != len(keys) {
		t.Errorf("keys %x do not ascend", keys)
	}
	if newKey(float32(math.Copysign(0, -1)), 5) != newKey(0, 5) {
		t.Error("the zeros differ")
	}
}

// TestTiledSize takes every number of points around the tile's and the panel's sizes, and every k.
func TestTiledSize(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	r := rand.New(rand.NewPCG(5, 1))
	for _, n := range []int{2, 7, 8, 9, 47, 48, 49, 95, 96, 97, 145} {
		b := rowsBlock(gaussianRows(r, n, 3), vectors.Auto)
		p := pointsOf(b)
		o := Options{Metric: Euclidean}
		reference := newBrute(p, o)
		for _, e := range engines(p, o) {
			for _, q := range queriesOf1(b) {
				for k := 1; k < n; k += 1 + k/4 {
					wantP, wantD := make([]int32, n*k), make([]float64, n*k)
					gotP, gotD := make([]int32, n*k), make([]float64, n*k)
					reference.kNeighbors(q.q, q.exclude, k, Search{Threads: 1}, wantP, wantD)
					e.kNeighbors(q.q, q.exclude, k, Search{Threads: 2}, gotP, gotD)
					sameNeighbors(t, fmt.Sprintf("n %d, k %d, %s", n, k, q.name), -1, gotP, wantP, gotD, wantD)
				}
			}
		}
	}
}

// queriesOf1 asks for all points with and without leaving themselves out.
func queriesOf1(b *vectors.Block) []query1 {
	all := make([]int32, b.Len())
	for i := range all {
		all[i] = int32(i)
	}
	return []query1{{"self", b, all}, {"same", b, nil}}
}

// TestTiledGivesUp takes data that neither short form can tell apart, in numbers that make work go on to float64, next
// to data that it can.
func TestTiledGivesUp(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this compares thousands of rows, as fewer are one block")
	}
	r := rand.New(rand.NewPCG(6, 1))
	rows := gaussianRows(r, 6000, 3)
	for i, row := range rows {
		row[0] = float64(i%2) * 1e9 // two clouds, each far less wide than what int8 or float32 resolves
		if i < 600 {
			row[0], row[1] = row[0]+float64(i)*1e4, float64(i)
		}
	}
	b := rowsBlock(rows, vectors.Float64)
	p := pointsOf(b)
	o := Options{Metric: Euclidean}
	const k = 3
	for _, q := range queriesOf(b, p)[:1] {
		n := q.q.Len()
		wantP, wantD := make([]int32, n*k), make([]float64, n*k)
		newBrute(p, o).kNeighbors(q.q, q.exclude, k, Search{Threads: 2}, wantP, wantD)
		for level, e := range engines(p, o) {
			gotP, gotD := make([]int32, n*k), make([]float64, n*k)
			e.kNeighbors(q.q, q.exclude, k, Search{Threads: 2}, gotP, gotD)
			sameNeighbors(t, level, -1, gotP, wantP, gotD, wantD)
			// As chunks: the last query is not asked for.
			short := *q.q
			short.Numbers = short.Numbers[:n-1]
			clear(gotP)
			e.kNeighbors(&short, q.exclude[:n-1], k, Search{Threads: 2}, gotP, gotD)
			sameNeighbors(t, level+" in chunks", -1, gotP[:(n-1)*k], wantP[:(n-1)*k], gotD[:(n-1)*k], wantD[:(n-1)*k])
		}
	}
}

// TestLimits checks the inequalities of the filter one by one on adversarial pairs: the bound of a query at exactly a
// pair's reduced value must let the pair pass, on every level.
func TestLimits(t *testing.T) {
	for _, set := range adversaries() {
		b := rowsBlock(set.rows, vectors.Float64)
		p := pointsOf(b)
		for _, m := range tileMetrics {
			o := Options{Metric: m}
			for level, e := range engines(p, o) {
				for _, prec := range []precision{inBytes, inFloat32} {
					if e.tiles[prec] == nil {
						continue
					}
					checkLimits(t, fmt.Sprintf("%s/%s/%s/%d", set.name, m, level, prec), e, b, prec)
				}
			}
		}
	}
}

// checkLimits gives the first queries the bound of one pair each, which must be a hit.
func checkLimits(t *testing.T, name string, e *tiled, b *vectors.Block, prec precision) {
	s := &query{t: e, forms: e.asTheyCome, q: b, k: 1, states: make([]state, b.Len())}
	w := newWorker(s, e.points.n+tile.Columns)
	for j := range w.a {
		w.a[j] = float32(math.Inf(-1))
	}
	f := e.shorts(e.asTheyCome, prec)
	q := queries{first: 0, n: tile.Rows, forms: f, prec: prec}
	w.pack(&q)
	var pre prepared
	for j := range e.points.n {
		if slices.Contains(e.zeroPoints(), int32(j)) {
			continue // the filter leaves it out
		}
		for i := range tile.Rows {
			e.o.prepare(b, i, &pre)
			scale := 0.0
			if e.scales != nil {
				scale = e.scales[j]
			}
			bound := e.o.reduced(&pre, &e.points, j, scale) // of the zero vector under the cosine, an upper bound
			w.qa[i], w.qb[i], w.qc[i] = e.frame.limits(f, i, bound, &f.extremes)
		}
		n := w.find(q, f, 0, j/tile.Columns, 1, 0)
		for i := range tile.Rows {
			if slices.Contains(e.zeroPoints(), int32(i)) {
				continue
			}
			if n[0] == 0 || w.hits[0].Masks[i]>>(j%tile.Columns)&1 == 0 {
				t.Fatalf("%s: the pair %d, %d was discarded at its own distance", name, i, j)
			}
		}
	}
}

// TestProgress checks that the numbers that Progress is called with are positive and add up to that of the queries.
func TestProgress(t *testing.T) {
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(10, 1)), 700, 5), vectors.Float32)
	some := &vectors.Block{Dim: b.Dim, F32: b.F32[:300*b.Dim], Numbers: b.Numbers[:300]}
	none := &vectors.Block{Dim: b.Dim}
	for _, o := range []Options{
		{Metric: Euclidean, Algorithm: Brute},
		{Metric: Hamming, Algorithm: Brute},
		{Metric: Minkowski, P: 3, Algorithm: Brute},
		{Metric: Euclidean, Algorithm: KDTree},
	} {
		x, err := Fit(b, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []*vectors.Block{b, some, none} {
			for _, threads := range []int{1, 3} {
				for _, radius := range []bool{false, true} {
					name := fmt.Sprintf("%s by %s, %d queries, %d threads, radius %v",
						o.Metric, x.Algorithm(), q.Len(), threads, radius)
					var calls, sum atomic.Int64
					s := Search{Self: true, Threads: threads, Progress: func(n int) {
						if n <= 0 {
							t.Errorf("%s: %d more queries", name, n)
						}
						calls.Add(1)
						sum.Add(int64(n))
					}}
					if radius {
						_, err = x.RadiusNeighbors(q, 0.1, s)
					} else {
						_, err = x.KNeighbors(q, 3, s)
					}
					if err != nil {
						t.Fatal(err)
					}
					if int(sum.Load()) != q.Len() || q.Len() > 0 && calls.Load() < 3 {
						t.Errorf("%s: %d in %d calls", name, sum.Load(), calls.Load())
					}
				}
			}
		}
	}
}

func TestSelection(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	for range 2000 {
		v := make([]uint32, 1+r.IntN(300))
		span := uint32(1) << r.IntN(32)
		for i := range v {
			v[i] = math.MaxUint32/2 + r.Uint32N(span)
		}
		want := slices.Clone(v)
		slices.Sort(want)
		n := 1 + r.IntN(len(v))
		if got := nthSmallest(v, n); got != want[n-1] {
			t.Fatalf("the %d-th of %d in a span of %d is %v, want %v", n, len(v), span, got, want[n-1])
		}
		keys, orders := make([]key, len(v)), make([]uint32, len(v))
		for i, x := range v {
			keys[i], orders[i] = key(x)<<32|key(r.Uint32()), x
		}
		wantKeys := slices.Clone(keys)
		slices.Sort(wantKeys)
		if got := sortKeys(keys, make([]key, len(v)), orders); !slices.Equal(got, wantKeys) {
			t.Fatalf("%d keys in a span of %d do not ascend: %x", len(v), span, got)
		}
	}
}

// Zeros of either sign are equal to the filter, too: by the Hamming distance no neighbour is lost to the sign of a
// zero.
func TestHammingZeros(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	values := []float64{0, math.Copysign(0, -1), 1, 2}
	rows := make([][]float64, 400)
	for i := range rows {
		rows[i] = make([]float64, 40)
		for j := range rows[i] {
			rows[i][j] = values[rng.IntN(len(values))]
		}
	}
	checkOrder(t, rows, Options{Metric: Hamming})
}

// Queries that are all points, each without itself, but in another order than the points, have the neighbours that they
// have in theirs.
func TestPointsInAnotherOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this compares thousands of rows, as fewer are one block")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(23, 24))
	rows := make([][]float64, 2500)
	for i := range rows {
		rows[i] = make([]float64, 20)
		for j := range rows[i] {
			rows[i][j] = float64(rng.IntN(50) - 10)
		}
	}
	for _, m := range []Metric{Euclidean, Cosine, Manhattan, Canberra} {
		checkOrder(t, rows, Options{Metric: m})
	}
}

// checkOrder compares the neighbours of all points, in their order and in the opposite one, each without itself, to
// those of the definition, of which it takes some.
func checkOrder(t *testing.T, rows [][]float64, o Options) {
	t.Helper()
	const k = 4
	b := rowsBlock(rows, vectors.Float64)
	x, err := Fit(b, o)
	if err != nil {
		t.Fatal(err)
	}
	back := &vectors.Block{Dim: b.Dim, DType: vectors.Float64}
	for i := range rows {
		at := len(rows) - 1 - i
		back.Append(rows[at], int64(at))
	}
	for _, q := range []*vectors.Block{b, back} {
		found, err := x.KNeighbors(q, k, Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < q.Len(); i += 37 {
			own := int(q.Numbers[i])
			var want []pointPair // the nearest k, and the first of those that are equally far
			for j := range rows {
				if j == own {
					continue
				}
				if d := Distance(rows[own], rows[j], x.Options()); len(want) < k || d < want[k-1].d {
					at := sort.Search(len(want), func(i int) bool { return want[i].d > d })
					want = slices.Insert(want[:min(len(want), k-1)], at, pointPair{int32(own), int32(j), d})
				}
			}
			positions, distances := found.Of(i)
			for j, w := range want {
				if positions[j] != w.j || distances[j] != w.d {
					t.Fatalf("%s: neighbour %d of point %d is %d at %v, want %d at %v", o.Metric, j, own, positions[j],
						distances[j], w.j, w.d)
				}
			}
		}
	}
}
