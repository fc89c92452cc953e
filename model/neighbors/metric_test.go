package neighbors

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// metricsOf are those that rows of so many columns have.
func metricsOf(dim int) []Metric {
	return slices.DeleteFunc(slices.Clone(Metrics), func(m Metric) bool { return m == Haversine && dim != 2 })
}

// optionsOf are options of a metric whose parameters do not depend on the points.
func optionsOf(m Metric, dim int) Options {
	o := Options{Metric: m, P: 3}
	switch m {
	case SEuclidean:
		o.Params = &Params{V: make([]float64, dim)}
		for j := range dim {
			o.Params.V[j] = 1 + float64(j%3)/2
		}
	case Mahalanobis:
		o.Params = &Params{VI: make([]float64, dim*dim)}
		for j := range dim {
			o.Params.VI[j*dim+j] = 2
			if j > 0 {
				o.Params.VI[j*dim+j-1], o.Params.VI[(j-1)*dim+j] = 0.75, 0.75
			}
		}
	}
	return o
}

// places are n rows of latitudes and longitudes in radians, some of them equal.
func places(r *rand.Rand, n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = []float64{math.Asin(2*r.Float64() - 1), (2*r.Float64() - 1) * math.Pi}
		switch i % 7 {
		case 0:
			rows[i] = slices.Clone(rows[i/2])
		case 1:
			rows[i] = []float64{0.5 + r.NormFloat64()*1e-9, 1 + r.NormFloat64()*1e-9}
		}
	}
	return rows
}

// Metrics that are searched in another space find what comparing all pairs by the definition does: with many equal
// distances, far from the origin, and, of places, at poles and on both sides of a meridian.
func TestEmbedded(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 1))
	grid := change(gaussianRows(r, 160, 4), func(_, _ int, v float64) float64 { return 1e6 + math.Round(v) })
	wide := change(gaussianRows(r, 160, 24), func(i, j int, v float64) float64 {
		if i%20 == 3 {
			return 7 // more equal points than are looked at
		}
		return 1000 + v*float64(1+j)
	})
	globe := append(places(r, 250), []float64{math.Pi / 2, 1}, []float64{math.Pi / 2, -2}, []float64{-math.Pi / 2, 0},
		[]float64{0.3, math.Pi}, []float64{0.3, -math.Pi}, []float64{0, 6.25}, []float64{0, 6.25 - 2*math.Pi})
	for name, c := range map[string]struct {
		rows [][]float64
		o    Options
	}{
		"seuclidean grid": {grid, Options{Metric: SEuclidean}}, "seuclidean wide": {wide, Options{Metric: SEuclidean}},
		"mahalanobis grid": {grid, Options{Metric: Mahalanobis}}, "mahalanobis wide": {wide, Options{Metric: Mahalanobis}},
		"haversine": {globe, Options{Metric: Haversine}}, "kilometers": {globe, Options{Metric: Haversine, Kilometers: true}},
	} {
		b, q := rowsBlock(c.rows, vectors.Float64), rowsBlock(c.rows[:50], vectors.Float64)
		engines := fitted(t, b, c.o)
		plain := engines["plain"]
		delete(engines, "plain")
		for _, k := range []int{1, 5, 40} {
			want, unbound := kNeighbors(t, plain, b, k, Search{Self: true}), kNeighbors(t, plain, q, k, Search{})
			part := kNeighbors(t, plain, q, k, Search{Part: true, Self: true})
			radius := want.Distances[k-1]
			inside := radiusNeighbors(t, plain, b, radius, Search{Self: true})
			bounds := make([]float64, q.Len())
			for i := range bounds {
				bounds[i] = want.Distances[i*k+k/2]
			}
			for engine, x := range engines {
				t.Run(fmt.Sprint(name, " ", engine, " ", k), func(t *testing.T) {
					same(t, kNeighbors(t, x, b, k, Search{Self: true}), want)
					same(t, kNeighbors(t, x, q, k, Search{}), unbound)
					same(t, kNeighbors(t, x, q, k, Search{Part: true, Self: true}), part)
					within := kNeighbors(t, x, q, k, Search{Part: true, Bounds: bounds})
					for i := range bounds {
						positions, distances := within.Of(i)
						all, far := unbound.Of(i)
						for j := 0; j < k && far[j] <= bounds[i]; j++ {
							if positions[j] != all[j] || distances[j] != far[j] {
								t.Fatalf("query %d within %v: %v %v, want %v %v", i, bounds[i], positions, distances, all, far)
							}
						}
					}
					same(t, radiusNeighbors(t, x, b, radius, Search{Self: true}), inside)
				})
			}
		}
	}
}

// The limits of the space bound what the definition says, of all pairs.
func TestEmbeddedLimit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 2))
	for name, c := range map[string]struct {
		rows [][]float64
		o    Options
	}{
		"haversine": {places(r, 300), Options{Metric: Haversine}},
		"seuclidean": {change(gaussianRows(r, 200, 5), func(_, _ int, v float64) float64 { return 1e9 + v }),
			Options{Metric: SEuclidean}},
		"mahalanobis": {change(gaussianRows(r, 200, 5), func(_, _ int, v float64) float64 { return 1e6 + v }),
			Options{Metric: Mahalanobis}},
	} {
		x := fit(t, rowsBlock(c.rows, vectors.Float64), c.o, Brute)
		e := x.engine.(*embedded)
		rows := &vectors.Block{Dim: e.rows.dim, DType: vectors.Float64, F64: e.rows.f64, Numbers: x.Rows(0, x.Len()).Numbers}
		for i := range c.rows {
			for j := range c.rows {
				d := Distance(c.rows[i], c.rows[j], x.Options())
				there := Distance(rows.Row(i, nil), rows.Row(j, nil), Options{})
				if limit := e.limit(d, e.slack); there > limit {
					t.Fatalf("%s: %v is %v in the space, beyond the limit %v", name, d, there, limit)
				}
			}
		}
	}
}

// Degrees are the radians that numpy.radians makes of them, and kilometers a multiple of radians.
func TestDegrees(t *testing.T) {
	t.Parallel()
	// Buenos Aires and Paris, as scikit-learn's documents have them: 11099.54 km.
	a, b := []float64{-34.83333, -58.5166646}, []float64{49.0083899664, 2.53844117956}
	if d := Distance(a, b, Options{Metric: Haversine, Degrees: true, Kilometers: true}); !(math.Abs(
		d-11099.54035582) <= 1e-6) {
		t.Errorf("%v km", d)
	}
	for _, row := range [][]float64{{48.1, 11.6}, {0, 7}, {-1.58, 0}} {
		_, err := Fit(rowsBlock([][]float64{{0, 0}, row}, vectors.Auto), Options{Metric: Haversine})
		if err == nil || !strings.Contains(err.Error(), "row 1, column ") || !strings.Contains(err.Error(), "--degrees") {
			t.Errorf("%v: error %v", row, err)
		}
	}
	x := fit(t, rowsBlock([][]float64{{0, 0}, {48.1, 11.6}}, vectors.Auto), Options{Metric: Haversine, Degrees: true},
		Auto)
	if _, err := x.KNeighbors(rowsBlock([][]float64{{91, 0}}, vectors.Auto), 1, Search{}); err == nil ||
		err.Error() != "row 0, column 0: found 91, expected a latitude between -90 and 90 degrees" {
		t.Errorf("a query at fault: %v", err)
	}
	if _, err := Fit(rowsBlock([][]float64{{0, 0, 0}}, vectors.Auto), Options{Metric: Haversine}); err == nil {
		t.Error("three columns")
	}
}

// Bits are counted as a loop over them does, for each metric, of any number of words.
func TestBits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	for _, dim := range []int{1, 7, 8, 9, 16, 32, 45} {
		rows := make([][]float64, 120)
		for i := range rows {
			rows[i] = make([]float64, dim)
			for j := range rows[i] {
				if rows[i][j] = float64(r.IntN(256) & r.IntN(256)); i%9 == 3 {
					rows[i][j] = 0
				}
			}
		}
		unpacked := make([][]float64, len(rows))
		for i, row := range rows {
			for _, v := range row {
				for b := range 8 {
					unpacked[i] = append(unpacked[i], float64(uint8(v)>>(7-b)&1))
				}
			}
		}
		packed, plain := rowsBlock(rows, vectors.Auto), rowsBlock(unpacked, vectors.Auto)
		for _, m := range []Metric{Hamming, Jaccard, Dice, RogersTanimoto, RussellRao, SokalSneath, Overlap} {
			want := kNeighbors(t, fit(t, plain, Options{Metric: m}, Brute), plain, 6, Search{Self: true})
			if m == Hamming {
				for i, d := range want.Distances {
					want.Distances[i] = math.Round(d * float64(8*dim))
				}
			}
			for name, x := range fitted(t, packed, Options{Metric: m, Bits: true}) {
				t.Run(fmt.Sprint(m, " ", dim, " ", name), func(t *testing.T) {
					same(t, kNeighbors(t, x, packed, 6, Search{Self: true}), want)
				})
			}
		}
		n := 0
		for j, v := range rows[0] {
			n += bits.OnesCount8(uint8(v) ^ uint8(rows[1][j]))
		}
		if d := Distance(rows[0], rows[1], Options{Metric: Hamming, Bits: true}); d != float64(n) {
			t.Errorf("%d bytes: %v bits differ, want %d", dim, d, n)
		}
	}
	for _, v := range []float64{-1, 256, 0.5} {
		_, err := Fit(rowsBlock([][]float64{{0, 1}, {0, v}}, vectors.Auto), Options{Metric: Hamming, Bits: true})
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("row 1, column 1: found %v, expected a byte", v)) {
			t.Errorf("%v: error %v", v, err)
		}
	}
}

// Parameters are checked, and follow from the points where they are not given; constant columns have the variance 1.
func TestParams(t *testing.T) {
	t.Parallel()
	rows := [][]float64{{1, 5, 0}, {2, 5, 1}, {4, 5, 0}, {9, 5, 3}}
	x := fit(t, rowsBlock(rows, vectors.Auto), Options{Metric: SEuclidean}, Auto)
	if v := x.Options().Params.V; !slices.Equal(v, []float64{38.0 / 3, 1, 2}) {
		t.Errorf("variances %v", v)
	}
	for name, c := range map[string]struct {
		o    Options
		rows [][]float64
		want string
	}{
		"one point": {Options{Metric: SEuclidean}, rows[:1], "a variance needs two points"},
		"dependent": {Options{Metric: Mahalanobis}, [][]float64{{1, 2}, {2, 4}, {3, 6}}, "column 1 is a sum of multiples"},
		"length":    {Options{Metric: SEuclidean, Params: &Params{V: []float64{1}}}, rows, "as many variances, found 1"},
		"zero": {Options{Metric: SEuclidean, Params: &Params{V: []float64{1, 0, 1}}}, rows,
			"variance of column 1 is 0"},
		"matrix": {Options{Metric: Mahalanobis, Params: &Params{VI: []float64{1}}}, rows, "a matrix of 3 × 3, found 1"},
		"asymmetric": {Options{Metric: Mahalanobis, Params: &Params{VI: []float64{1, 2, 0, 1}}}, [][]float64{{1, 2}},
			"must be symmetric"},
		"not positive": {Options{Metric: Mahalanobis, Params: &Params{VI: []float64{1, 2, 2, 1}}}, [][]float64{{1, 2}},
			"positive definite"},
		"large": {Options{Metric: SEuclidean}, [][]float64{{1, 2}, {1e300, 3}}, "row 1, column 0: found 1e+300"},
		"tiny":  {Options{Metric: SEuclidean}, [][]float64{{1e-200, 2}, {2e-200, 3}}, "column 0 has the variance"},
	} {
		if _, err := Fit(rowsBlock(c.rows, vectors.Auto), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
	// (x−y)ᵀ·VI·(x−y), by a loop.
	o := optionsOf(Mahalanobis, 3)
	for _, a := range rows {
		for _, b := range rows {
			sum := 0.0
			for i := range a {
				for j := range a {
					sum += (a[i] - b[i]) * o.Params.VI[i*3+j] * (a[j] - b[j])
				}
			}
			if d := Distance(a, b, o); !(math.Abs(d-math.Sqrt(sum)) <= 1e-12*d) || d != Distance(b, a, o) {
				t.Errorf("%v and %v are %v apart, want %v", a, b, d, math.Sqrt(sum))
			}
		}
	}
}

// With unit parameters the distances are Euclidean; metrics without parameters have none.
func TestUnitParams(t *testing.T) {
	t.Parallel()
	x, y := []float64{1, 2, 3}, []float64{4, 6, 3}
	for _, m := range Metrics {
		p := UnitParams(m, 3)
		if (p != nil) != m.Fitted() {
			t.Errorf("%s: parameters %v", m, p)
		}
		if p != nil && Distance(x, y, Options{Metric: m, Params: p}) != 5 {
			t.Errorf("%s: %v", m, Distance(x, y, Options{Metric: m, Params: p}))
		}
	}
}

// Files keep the metric with all that it needs, whole or compact.
func TestMetricFiles(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	rows := change(gaussianRows(r, 80, 3), func(_, _ int, v float64) float64 { return math.Abs(math.Round(v * 2)) })
	for _, m := range Metrics {
		o, points := Options{Metric: m, P: 3}, rows
		if m == Haversine {
			o.Degrees, o.Kilometers, points = true, true,
				change(gaussianRows(r, 80, 2), func(_, _ int, v float64) float64 { return 20 * v })
		}
		o.Bits = m == Hamming || m == Jaccard
		b := rowsBlock(points, vectors.Auto)
		x := fit(t, b, o, Auto)
		want := kNeighbors(t, x, b, 4, Search{Self: true})
		for name, write := range map[string]func(*bytes.Buffer) error{
			"file":    func(w *bytes.Buffer) error { _, err := x.WriteFile(w, nil); return err },
			"compact": func(w *bytes.Buffer) error { _, err := x.WriteCompact(w, nil); return err },
		} {
			t.Run(fmt.Sprint(m, " ", name), func(t *testing.T) {
				var file bytes.Buffer
				if err := write(&file); err != nil {
					t.Fatal(err)
				}
				y, err := OpenBytes(file.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				same(t, kNeighbors(t, y, b, 4, Search{Self: true}), want)
				got, had := y.Options(), x.Options()
				if got.Params, had.Params = nil, nil; got != had || y.Algorithm() != x.Algorithm() {
					t.Errorf("options %+v, want %+v", got, had)
				}
				var again bytes.Buffer
				if _, err := y.WriteCompact(&again, nil); err != nil {
					t.Fatal(err)
				}
				if name == "compact" && !bytes.Equal(again.Bytes(), file.Bytes()) {
					t.Error("written again, it has other bytes")
				}
			})
		}
	}
}

// The kernel of bits gives what the plain one does, of any number of rows and words, wherever they begin.
func TestSharedBits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 5))
	for _, words := range []int{1, 2, 4, 8, 12, 64} {
		for _, n := range []int{8, 16, 24, 512} {
			memory := make([]uint64, words*(n+1)+1)
			for i := range memory {
				memory[i] = r.Uint64() & r.Uint64()
			}
			memory[3] = math.MaxUint64
			x, rows := memory[1:words+1], memory[words+1:]
			counts := make([]int32, n)
			for j := range counts {
				for _, w := range rows[j*words : (j+1)*words] {
					counts[j] += int32(bits.OnesCount64(w))
				}
			}
			for _, limit := range []int32{math.MinInt32 / 2, 0, int32(4 * words), math.MaxInt32} {
				both, near := make([]int32, n), make([]uint8, n/8)
				sharedBits(x, rows, counts, limit, both, near)
				gotBoth, gotNear := make([]int32, n), make([]uint8, n/8)
				bitKernelOf(words)(x, rows, counts, limit, gotBoth, gotNear)
				if !slices.Equal(gotBoth, both) || !bytes.Equal(gotNear, near) {
					t.Fatalf("%d words, %d rows, limit %d: %v %v, want %v %v", words, n, limit, gotBoth, gotNear, both, near)
				}
				for j, v := range both {
					if (counts[j]-2*v <= limit) != (near[j/8]>>(j%8)&1 == 1) {
						t.Fatalf("%d words, limit %d, row %d: %d of %d bits", words, limit, j, v, counts[j])
					}
				}
			}
		}
	}
}

// Enough points for pairs to serve both ends have the neighbours that each of them finds alone, with ties everywhere
// and with rules of which may be neighbours.
func TestBitPairs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 6))
	const block = 64 // of points, so that few are more than four of them
	const n = 4*block + 70
	rows, groups := make([][]float64, n), make([]int32, n)
	for i := range rows {
		rows[i] = make([]float64, 17)
		for j := range rows[i] {
			rows[i][j] = float64(r.IntN(256) & r.IntN(256) & r.IntN(256))
		}
		if i%5 == 0 {
			rows[i] = rows[i/2]
		}
		groups[i] = int32(r.IntN(60)) - 1
	}
	ranks := make([]int32, n)
	for i := range ranks {
		ranks[i] = int32(r.IntN(n))
	}
	b := rowsBlock(rows, vectors.Auto)
	for name, s := range map[string]Search{
		"all": {Self: true}, "apart": {Self: true,
			Apart: &Apart{Points: groups, Queries: groups, Largest: LargestGroup(groups)}},
		"before": {Self: true, Before: &Before{Points: ranks, Queries: ranks}},
		"most":   {Self: true, Most: &Most{Groups: groups, Number: 2, Largest: LargestGroup(groups)}},
	} {
		for _, m := range []Metric{Hamming, Jaccard} {
			x := fit(t, b, Options{Metric: m, Bits: true}, Brute)
			x.engine.(*bitwise).block = block
			got, want := kNeighbors(t, x, b, 7, s), &Neighbors{Offsets: []int64{0}}
			for lo := 0; lo < n; lo += 110 {
				hi := min(lo+110, n)
				part := s
				if s.Apart != nil {
					part.Apart = &Apart{Points: groups, Queries: groups[lo:hi], Largest: s.Apart.Largest}
				}
				if s.Before != nil {
					part.Before = &Before{Points: ranks, Queries: ranks[lo:hi]}
				}
				appendNeighbors(want, kNeighbors(t, x, x.Rows(lo, hi), 7, part))
			}
			same(t, got, want)
			if t.Failed() {
				t.Fatal(name, m)
			}
		}
	}
}

// Distances that are taken from means are those of the same rows with a large number added to each value, which float64
// holds exactly here: what the means lose is made good.
func TestLargeMeans(t *testing.T) {
	t.Parallel()
	const ulp = 0x1p-26 // of 1e8
	r := rand.New(rand.NewPCG(5, 8))
	for _, m := range []Metric{Correlation, SEuclidean, Mahalanobis} {
		for _, dim := range []int{2, 3, 8, 70} {
			small, large := &vectors.Block{Dim: dim}, &vectors.Block{Dim: dim}
			a, b := make([]float64, dim), make([]float64, dim)
			for i := range 120 {
				for j := range a {
					v := float64(r.IntN(200))
					a[j], b[j] = v*ulp, 1e8+v*ulp
				}
				small.Append(a, int64(i))
				large.Append(b, int64(i))
			}
			want, got := pairOf(t, small, m), pairOf(t, large, m)
			if math.Abs(got-want) > 1e-11*(1+want) {
				t.Errorf("%s, %d columns: %v, want %v", m, dim, got, want)
			}
		}
	}
}

// pairOf is the distance of the first two rows, by an index of all.
func pairOf(t *testing.T, b *vectors.Block, m Metric) float64 {
	t.Helper()
	x, err := Fit(b, Options{Metric: m})
	if err != nil {
		t.Fatal(err)
	}
	found := kNeighbors(t, x, b.Slice(0, 1), b.Len(), Search{})
	positions, distances := found.Of(0)
	return distances[slices.Index(positions, 1)]
}
