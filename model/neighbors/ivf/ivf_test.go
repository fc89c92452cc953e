package ivf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// clustered are n rows in clusters of unequal sizes and spreads, each of few intrinsic dimensions and a little noise.
func clustered(n, dim, clusters int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	const intrinsic = 6
	centre, basis, spread := make([][]float64, clusters), make([][]float64, clusters), make([]float64, clusters)
	normal := func(m int) []float64 {
		v := make([]float64, m)
		for i := range v {
			v[i] = r.NormFloat64()
		}
		return v
	}
	for c := range clusters {
		centre[c], basis[c], spread[c] = normal(dim), normal(dim*intrinsic), 0.1+0.3*r.Float64()
	}
	out := make([]float64, 0, n*dim)
	for range n {
		c := int(float64(clusters) * r.Float64() * r.Float64())
		z := normal(intrinsic)
		for j := range dim {
			v := centre[c][j] + 0.05*r.NormFloat64()
			for l, x := range z {
				v += spread[c] * x * basis[c][j*intrinsic+l]
			}
			out = append(out, v)
		}
	}
	return out
}

func block(t testing.TB, values []float64, dim int, wide bool) *vectors.Block {
	t.Helper()
	if wide {
		b, err := vectors.FromFloat64(values, dim)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	v := make([]float32, len(values))
	for i, x := range values {
		v[i] = float32(x)
	}
	b, err := vectors.FromFloat32(v, dim)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type set struct {
	name   string
	values []float64
	dim    int
	wide   bool
	k      int
	least  float64 // recall
}

func sets() []set {
	plain := clustered(2000, 20, 12, 1)
	shifted, constant, scales := slices.Clone(plain), slices.Clone(plain), slices.Clone(plain)
	for i := range shifted {
		shifted[i] += 1e6
		if i%20 < 5 {
			constant[i] = 7
		}
		scales[i] *= math.Ldexp(1, (i/20)%8*3) // rows of norms from 1 to 2²¹
	}
	// Of huge and minute values each distance is computed anew, by an exact search, too: fewer rows show it.
	huge, minute, near := slices.Clone(plain[:1000*20]), slices.Clone(plain[:1000*20]), slices.Clone(plain)
	large, little := slices.Clone(plain), slices.Clone(plain)
	for i := range plain {
		if i < len(huge) {
			huge[i] *= 1e200
			minute[i] *= 1e-200
		}
		large[i] *= 1e140
		little[i] *= 1e-100
		near[i] = math.Round(plain[i]) + plain[i]*1e-5 // tight clusters far from each other
	}
	equal, some := make([]float64, 1700*6), clustered(2000, 6, 4, 2)
	for i := range 1000 * 6 {
		some[i] = some[i%6]
	}
	zeros := clustered(2000, 10, 8, 3)
	clear(zeros[:700*10])
	return []set{
		{"clustered", plain, 20, false, 10, 0.94},
		{"float64", plain, 20, true, 10, 0.94},
		{"many neighbours", plain, 20, false, 150, 0.94},
		{"one neighbour", plain, 20, false, 1, 0.94},
		{"large mean", shifted, 20, true, 10, 0.94},
		{"constant columns", constant, 20, false, 10, 0.94},
		{"rows of all sizes", scales, 20, false, 10, 0.9},
		{"near duplicates", near, 20, true, 10, 0.9},
		{"huge", huge, 20, true, 10, 0.9},
		{"minute", minute, 20, true, 10, 0.9},
		{"large", large, 20, true, 10, 0.9},
		{"little", little, 20, true, 10, 0.9},
		{"all equal", equal, 6, false, 10, 1},
		{"half equal", some, 6, false, 10, 0.94},
		{"a third is zero", zeros, 10, false, 10, 0.94},
		{"one column", clustered(1700, 1, 5, 4), 1, true, 10, 0.8}, /* under the cosine all differ by roundings */
		{"less than a leaf", clustered(60, 7, 3, 5), 7, false, 10, 0.94},
		{"two points", []float64{1, 2, 3, 4}, 2, false, 1, 1},
	}
}

// small makes partitions of as many leaves as those of many points.
func small(k int) *shape {
	return &shape{leaf: max(64, 4*k), most: max(192, 12*k), leaders: 24, fanout: 3, first: 1, near: 0.3}
}

// check compares neighbours to the definition: their distances, their order, and that none occurs twice.
func check(t *testing.T, points, q *vectors.Block, found *neighbors.Neighbors, k int, m neighbors.Metric, self bool) {
	t.Helper()
	x, y := make([]float64, points.Dim), make([]float64, points.Dim)
	for i := range q.Len() {
		positions, distances := found.Of(i)
		if len(positions) != k {
			t.Fatalf("query %d has %d neighbours, want %d", i, len(positions), k)
		}
		for j, p := range positions {
			want := neighbors.Distance(q.Row(i, x), points.Row(int(p), y), neighbors.Options{Metric: m})
			if math.Float64bits(distances[j]) != math.Float64bits(want) {
				t.Fatalf("query %d, point %d: found %v, want %v", i, p, distances[j], want)
			}
			if self && int(p) == i {
				t.Fatalf("query %d is its own neighbour", i)
			}
			if j > 0 && (distances[j] < distances[j-1] || distances[j] == distances[j-1] && p <= positions[j-1]) {
				t.Fatalf("query %d: %v %v are not in order", i, positions, distances)
			}
		}
	}
}

// recallOfAll is that of all queries, ties counted.
func recallOfAll(t *testing.T, points, q *vectors.Block, found *neighbors.Neighbors, k int, m neighbors.Metric,
	self bool) float64 {
	t.Helper()
	x, err := neighbors.Fit(points, neighbors.Options{Metric: m, Algorithm: neighbors.Brute})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.KNeighbors(q, k, neighbors.Search{Self: self})
	if err != nil {
		t.Fatal(err)
	}
	return countRecall(t, found, exact)
}

// countRecall counts, by the definition alone: of each query, the neighbours found that are no farther than the last
// of the exact ones.
func countRecall(t *testing.T, found, exact *neighbors.Neighbors) float64 {
	t.Helper()
	sum, queries := 0.0, 0.0
	for i := range exact.Len() {
		_, want := exact.Of(i)
		_, got := found.Of(i)
		if len(want) == 0 {
			continue
		}
		near := 0
		for _, d := range got {
			if d <= want[len(want)-1] {
				near++
			}
		}
		sum, queries = sum+float64(near)/float64(len(want)), queries+1
	}
	return sum / queries
}

// refused reports whether a search has failed, as it must where float64 holds the values but not their products.
func refused(t *testing.T, s *set, m neighbors.Metric, err error) bool {
	t.Helper()
	if m == neighbors.InnerProduct && (s.name == "huge" || s.name == "minute") {
		if err == nil || !strings.Contains(err.Error(), "float64 does not hold their products") {
			t.Errorf("products that leave float64's range: %v", err)
		}
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func TestGraph(t *testing.T) {
	for turn, s := range sets() {
		for i, m := range Metrics {
			if brief() && (i != turn%len(Metrics) || s.name == "huge") { // TestKNeighbors has huge values, in less time
				continue
			}
			if testing.Short() && turn%4 != 0 {
				continue
			}
			if m == neighbors.SqEuclidean && s.name != "clustered" { // it has the leaves of the Euclidean distance
				continue
			}
			t.Run(s.name+" "+string(m), func(t *testing.T) {
				t.Parallel()
				points := block(t, s.values, s.dim, s.wide)
				found, report, err := Graph(points, s.k, Options{Metric: m, Sample: 500, Seed: 1, shape: small(s.k), partial: true},
					neighbors.Search{})
				if refused(t, &s, m, err) {
					return
				}
				check(t, points, points, found, s.k, m, true)
				all := recallOfAll(t, points, points, found, s.k, m, true)
				t.Logf("%+v of all %.4f", *report, all)
				if all < s.least {
					t.Errorf("recall %.4f, want at least %v: %+v", all, s.least, *report)
				}
				// The interval is right 95 times in 100: half as wide again, 997 times in 1000.
				wide := 0.5*(report.High-report.Low) + 1e-12
				if all < report.Low-wide || all > report.High+wide {
					t.Errorf("recall %.4f, reported %.4f to %.4f", all, report.Low, report.High)
				}
			})
		}
	}
}

func TestKNeighbors(t *testing.T) {
	for turn, s := range sets() {
		for i, m := range Metrics {
			if brief() && i != turn%len(Metrics) {
				continue
			}
			if m == neighbors.SqEuclidean && s.name != "clustered" { // it has the leaves of the Euclidean distance
				continue
			}
			t.Run(s.name+" "+string(m), func(t *testing.T) {
				t.Parallel()
				all := block(t, s.values, s.dim, s.wide)
				n := all.Len()
				var some, rest []int32
				for i := range n {
					if i%10 == 3 && n > 10 {
						rest = append(rest, int32(i))
					} else {
						some = append(some, int32(i))
					}
				}
				points, q := take(all, some), take(all, rest)
				x, err := Fit(points, Options{Metric: m, Sample: 200, Seed: 1, partial: true})
				if err != nil {
					t.Fatal(err)
				}
				k := min(s.k, len(some))
				found, report, err := x.KNeighbors(q, k, neighbors.Search{})
				if refused(t, &s, m, err) {
					return
				}
				check(t, points, q, found, k, m, false)
				if q.Len() == 0 {
					return
				}
				recall := recallOfAll(t, points, q, found, k, m, false)
				t.Logf("%+v of all %.4f", *report, recall)
				if recall < s.least-0.02 {
					t.Errorf("recall %.4f, want at least %v: %+v", recall, s.least-0.02, *report)
				}
			})
		}
	}
}

func TestDeterminism(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies settings of thousands of points")
	}
	points := block(t, clustered(3000, 20, 12, 1), 20, false)
	q := block(t, clustered(500, 20, 12, 7), 20, false)
	var graph, answers *neighbors.Neighbors
	for _, kernels := range tile.Levels() {
		for _, threads := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%s %d", kernels.Name, threads), func(t *testing.T) {
				o := Options{Seed: 3, Sample: 100, shape: small(10), partial: true, kernels: kernels}
				s := neighbors.Search{Threads: threads}
				g, _, err := Graph(points, 10, o, s)
				if err != nil {
					t.Fatal(err)
				}
				x, err := Fit(points, o)
				if err != nil {
					t.Fatal(err)
				}
				x = x.fixed(5)
				a, report, err := x.KNeighbors(q, 10, s)
				if err != nil {
					t.Fatal(err)
				}
				if report.Sample != 0 || report.Fanout != 5 {
					t.Errorf("measured: %+v", report)
				}
				if graph == nil {
					graph, answers = g, a
				}
				if !reflect.DeepEqual(g, graph) {
					t.Error("the graph is another")
				}
				if !reflect.DeepEqual(a, answers) {
					t.Error("the answers are others")
				}
				parts := new(neighbors.Neighbors)
				parts.Offsets = []int64{0}
				for lo := 0; lo < q.Len(); lo += 77 {
					var rows []int32
					for i := lo; i < min(lo+77, q.Len()); i++ {
						rows = append(rows, int32(i))
					}
					b, _, err := x.KNeighbors(take(q, rows), 10, s)
					if err != nil {
						t.Fatal(err)
					}
					parts.Positions = append(parts.Positions, b.Positions...)
					parts.Distances = append(parts.Distances, b.Distances...)
				}
				if !slices.Equal(parts.Positions, answers.Positions) || !slices.Equal(parts.Distances, answers.Distances) {
					t.Error("the answers in chunks are others")
				}
			})
		}
	}
}

func TestSeed(t *testing.T) {
	points := block(t, clustered(3000, 20, 12, 1), 20, false)
	graph := func(seed uint64) *neighbors.Neighbors {
		g, _, err := Graph(points, 10, Options{Seed: seed, Repetitions: 1, unmeasured: true, shape: small(10), partial: true},
			neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if reflect.DeepEqual(graph(1), graph(2)) {
		t.Error("another seed gives the same leaders")
	}
}

func TestAssign(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies settings of thousands of points")
	}
	points := block(t, clustered(1000, 16, 10, 1), 16, false)
	for _, n := range []int{1, 2, 47, 48, 49, 300, 1000} {
		for _, f := range []int{1, 2, 3, 20, 60, 200} {
			if f > n {
				continue
			}
			seed := random(1)
			chosen := take(points, seed.sample(points.Len(), n, nil))
			assigned, err := nearestLeaders(points, chosen, f, 0, neighbors.Options{Metric: neighbors.Euclidean}, 0)
			if err != nil {
				t.Fatal(err)
			}
			x, err := neighbors.Fit(chosen, neighbors.Options{})
			if err != nil {
				t.Fatal(err)
			}
			exact, err := x.KNeighbors(points, f, neighbors.Search{})
			if err != nil {
				t.Fatal(err)
			}
			right := 0
			for i := range points.Len() {
				a := assigned[i*f : (i+1)*f]
				if !slices.IsSorted(a) || len(slices.Compact(slices.Clone(a))) != f {
					t.Fatalf("row %d: %v", i, a)
				}
				positions, _ := exact.Of(i)
				for _, p := range positions {
					number := chosen.Numbers[p]
					if j := slices.Index(chosen.Numbers, number); slices.Contains(a, int32(j)) {
						right++
					}
				}
			}
			if share := float64(right) / float64(f*points.Len()); share < 0.97 {
				t.Errorf("%d of %d leaders: %.3f are the nearest", f, n, share)
			}
		}
	}
}

// Leaders whose cell is farther than a share of a row's bound are left out, and no others, but for what int8 rounds.
func TestNearby(t *testing.T) {
	const n, f, dim, share = 60, 4, 16, 0.3
	points := block(t, clustered(2000, dim, 10, 1), dim, false)
	o := Options{Metric: neighbors.Euclidean}
	o.EnsureDefaults()
	s := newSpace(points, &o, 1)
	r := s.rows(points, false, 1)
	seed := random(7)
	all := except(points.Len(), nil)
	named := chosen(all, n, &seed)
	var leaders panels
	leaders.pack(r, named)
	bounds := make([]float32, points.Len())
	for i := range bounds {
		bounds[i] = float32(i%4) * 0.02 // some are 0, as of points with k others at their place
	}
	bounds[8] = float32(math.Inf(1))
	every := assignAll(o.kernels, &leaders, r, all, f, 1, nil)
	kept := assignAll(o.kernels, &leaders, r, all, f, 3, newNearby(o.kernels, &leaders, share, bounds))
	vector := func(i int32) []float64 {
		x, factor := r.row(int(i))
		v := make([]float64, len(x))
		for j := range x {
			v[j] = float64(x[j] * factor)
		}
		return v
	}
	squared := func(x, y []float64) (d float64) {
		for j := range x {
			d += (x[j] - y[j]) * (x[j] - y[j])
		}
		return d
	}
	left, wrong := 0, 0
	for i := range all {
		x, mine := vector(int32(i)), kept[i*f:(i+1)*f]
		if k := slices.Index(mine, dropped); k >= 0 {
			for _, l := range mine[k:] {
				if l != dropped {
					t.Fatalf("row %d: %v", i, mine)
				}
			}
			mine = mine[:k]
		}
		best := every[i*f]
		for _, l := range every[i*f : (i+1)*f] {
			if squared(x, vector(named[l])) < squared(x, vector(named[best])) {
				best = l
			}
		}
		for _, l := range every[i*f : (i+1)*f] {
			margin := 0.0
			if l != best {
				margin = (squared(x, vector(named[l])) - squared(x, vector(named[best]))) / (2 * math.Sqrt(squared(vector(named[l]),
					vector(named[best]))))
			}
			reach := share * math.Sqrt(float64(bounds[i]))
			stays := slices.Contains(mine, l)
			if !stays {
				left++
			}
			if stays && margin > 1.3*reach+0.03 || !stays && margin < 0.7*reach-0.03 {
				wrong++
			}
		}
		if i == 8 && len(mine) != f || len(mine) == 0 {
			t.Errorf("row %d, with a bound of %v: %v", i, bounds[i], mine)
		}
	}
	if left < points.Len() || left > 3*points.Len() || wrong > points.Len()/100 {
		t.Errorf("%d of %d are left out, %d of them wrong", left, len(every), wrong)
	}
}

func TestFaults(t *testing.T) {
	points := block(t, clustered(100, 4, 2, 1), 4, false)
	empty := &vectors.Block{Dim: 4}
	for _, c := range []struct {
		name   string
		points *vectors.Block
		k      int
		o      Options
		want   string
	}{
		{"k", points, 0, Options{}, "k = 0: must be between 1 and 99, the number of other points"},
		{"large k", points, 100, Options{}, "k = 100: must be between 1 and 99, the number of other points"},
		{"no points", empty, 1, Options{}, "no points to index"},
		{"metric", points, 1, Options{Metric: neighbors.Canberra},
			`metric "canberra": approximate search has euclidean, sqeuclidean, cosine, correlation, ` +
				"inner_product, manhattan, chebyshev, and hamming of bits"},
		{"recall", points, 1, Options{Recall: 1.5}, "recall 1.5: must be greater than 0 and at most 1"},
		{"sample", points, 1, Options{Sample: -1}, "sample -1: must be at least 1"},
		{"repetitions", points, 1, Options{Repetitions: -2}, "repetitions -2: must be at least 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := Graph(c.points, c.k, c.o, neighbors.Search{}); err == nil || err.Error() != c.want {
				t.Errorf("found %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Fit(points, Options{Recall: 1.5}); err == nil || !strings.Contains(err.Error(), "recall 1.5") {
		t.Errorf("an index of a recall of 1.5: %v", err)
	}
	if _, err := Lists(points, Options{Sample: -1}); err == nil || !strings.Contains(err.Error(), "sample -1") {
		t.Errorf("lists of a sample of -1: %v", err)
	}
	x, err := Fit(points, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		q    *vectors.Block
		k    int
		s    neighbors.Search
		want string
	}{
		{"columns", &vectors.Block{Dim: 5}, 1, neighbors.Search{}, "queries have 5 columns, the index has 4"},
		{"k", points, 101, neighbors.Search{}, "k = 101: must be between 1 and 100, the number of other points"},
		{"self", &vectors.Block{Dim: 4, F32: make([]float32, 4), Numbers: []int64{100}}, 1, neighbors.Search{Self: true},
			"neighbors: the query with row number 100 is not in the index"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := x.KNeighbors(c.q, c.k, c.s); err == nil || err.Error() != c.want {
				t.Errorf("found %v, want %s", err, c.want)
			}
		})
	}
	if _, _, err := x.KNeighbors(empty, 3, neighbors.Search{}); err != nil {
		t.Errorf("no queries: %v", err)
	}
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		name              string
		recalls           []float64
		of                int
		recall, low, high float64
	}{
		// Wilson's interval of 4 of 4, 2 of 4 and 0 of 4.
		{"all", []float64{1, 1, 1, 1}, 100, 1, 0.5101, 1},
		{"half", []float64{1, 0, 1, 0}, 100, 0.5, 0.1253, 0.8747}, // as of 3 trials, by the variance found
		{"none", []float64{0, 0, 0, 0}, 100, 0, 0, 0.4899},
		{"every query", []float64{1, 0, 1, 0}, 4, 0.5, 0.5, 0.5},
		{"a third", []float64{1, 0, 0}, 3, 1. / 3, 1. / 3, 1. / 3},
	} {
		m := measure(c.recalls, c.of)
		if !(math.Abs(m.Low-c.low) <= 1e-3) || !(math.Abs(m.High-c.high) <= 1e-3) {
			t.Errorf("%s: %+v, want %v to %v", c.name, m, c.low, c.high)
		}
		if m.Recall != c.recall || m.Sample != len(c.recalls) {
			t.Errorf("%s: %+v, want %v of %d", c.name, m, c.recall, len(c.recalls))
		}
	}
	if m := measure(nil, 5); m != (Measure{}) {
		t.Errorf("of no queries: %+v", m)
	}
}

// A pilot shows a recall where it has it by a margin, or half way from there to 1.
func TestShows(t *testing.T) {
	for _, c := range []struct {
		recall, low, asked float64
		want               bool
	}{
		{0.95, 0.93, 0.95, false}, {0.95, 0.93, 0.945, false}, {0.95, 0.93, 0.935, true}, {0.96, 0.96, 0.95, true},
		{0.996, 0.9, 0.99, true}, {0.994, 0.9, 0.99, false}, {1, 0.99, 1, true}, {0.999, 0.99, 1, false},
	} {
		m := Measure{Recall: c.recall, Low: c.low}
		if got := m.Shows(c.asked); got != c.want {
			t.Errorf("%+v shows %v: %v", m, c.asked, got)
		}
	}
}

// The recall reported is that of queries that have decided nothing: those of Sample, and not the pilot's.
func TestMeasuredByOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies settings of thousands of points")
	}
	t.Parallel()
	points, q := block(t, clustered(2500, 12, 30, 1), 12, false), block(t, clustered(1500, 12, 30, 2), 12, false)
	const k, sample = 10, 300
	for seed := range uint64(4) {
		o := Options{Recall: 0.7, Seed: seed, Sample: sample, shape: small(k), partial: true}
		graph, ofGraph, err := Graph(points, k, o, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		checkSample(t, points, points, graph, ofGraph, k, sample, seed, true)
		x, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		found, ofLists, err := x.KNeighbors(q, k, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		checkSample(t, points, q, found, ofLists, k, sample, seed, false)
	}
}

func checkSample(t *testing.T, points, q *vectors.Block, found *neighbors.Neighbors, r *Report, k, sample int,
	seed uint64, self bool) {
	t.Helper()
	places := Sample(q.Len(), sample, seed)
	pilots := random(seed).fork(seedPilot)
	if slices.Equal(places, pilots.sample(q.Len(), sample, nil)) {
		t.Fatal("the sample is the pilot's")
	}
	some := &neighbors.Neighbors{Offsets: []int64{0}}
	for _, i := range places {
		p, d := found.Of(int(i))
		some.Positions, some.Distances = append(some.Positions, p...), append(some.Distances, d...)
		some.Offsets = append(some.Offsets, int64(len(some.Positions)))
	}
	x, err := neighbors.Fit(points, neighbors.Options{Algorithm: neighbors.Brute})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.KNeighbors(take(q, places), k, neighbors.Search{Self: self})
	if err != nil {
		t.Fatal(err)
	}
	if want := countRecall(t, some, exact); !(math.Abs(want-r.Recall) <= 1e-12) || r.Sample != sample || want == 1 {
		t.Errorf("seed %d: reported %+v, the sample has %v", seed, *r, want)
	}
}

// Over many seeds, what is reported is neither more nor less than what is so.
func TestMeasureIsFair(t *testing.T) {
	if brief() {
		t.Skip("many runs")
	}
	t.Parallel()
	const seeds, k = 24, 8
	points := block(t, clustered(1500, 10, 20, 3), 10, false)
	x, err := neighbors.Fit(points, neighbors.Options{Algorithm: neighbors.Brute})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.KNeighbors(points, k, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	sum, squares := 0.0, 0.0
	for seed := range uint64(seeds) {
		o := Options{Recall: 0.8, Seed: seed, Sample: 200, shape: small(k), partial: true}
		found, r, err := Graph(points, k, o, neighbors.Search{})
		if err != nil {
			t.Fatal(err)
		}
		d := r.Recall - countRecall(t, found, exact)
		sum, squares = sum+d, squares+d*d
	}
	mean := sum / seeds
	deviation := math.Sqrt((squares/seeds - mean*mean) / seeds)
	if !(math.Abs(mean) <= 3*deviation) || deviation > 0.005 {
		t.Errorf("reported less true: %.4f ± %.4f on average", mean, deviation)
	}
}

// How many pairs are parted beyond the ranks that a sample shows follows from the first and the fourth rank.
func TestSharesOf(t *testing.T) {
	// Each query has the parts {0}; its neighbours of the ranks 1 to 4 meet it, or not, as lists of parts say.
	build := func(rank float64, parts ...[]int32) *partsPlanner {
		p := &partsPlanner{rank: rank, near: &neighbors.Neighbors{Offsets: []int64{0}}}
		for i := range len(parts) / farRank {
			p.some = append(p.some, int32(i))
			for j := range farRank {
				p.near.Positions = append(p.near.Positions, int32(i*farRank+j))
				p.near.Distances = append(p.near.Distances, float64(j))
			}
			p.near.Offsets = append(p.near.Offsets, int64(len(p.near.Positions)))
		}
		return p
	}
	in, out := []int32{0}, []int32{1}
	own := [][]int32{in, in, in, in, in, in, in, in}
	// Of the first neighbours one in eight is parted, of the fourth a half, of those between none.
	var parts [][]int32
	for i := range 8 {
		first, last := in, in
		if i == 0 {
			first = out
		}
		if i < 4 {
			last = out
		}
		parts = append(parts, first, in, in, last)
	}
	near := 1. / 8
	exponent := math.Log(4) / math.Log(4)
	parted := near * math.Pow(0.01, 0.25*exponent)
	for _, c := range []struct {
		name  string
		plan  *partsPlanner
		parts [][]int32
		want  []float64
	}{
		{"extrapolated", build(0.01, parts...), parts, []float64{parted, 1 - parted}},
		{"in the sample", build(1, parts...), parts, []float64{5. / 32, 27. / 32}},
		{"no fall", build(0.01, slices.Repeat([][]int32{out, in, in, out}, 8)...),
			slices.Repeat([][]int32{out, in, in, out}, 8), []float64{1}},
		{"a rise", build(0.01, slices.Concat(slices.Repeat([][]int32{out, in, in, in}, 4),
			slices.Repeat([][]int32{in, in, in, in}, 4))...),
			slices.Concat(slices.Repeat([][]int32{out, in, in, in}, 4), slices.Repeat([][]int32{in, in, in, in}, 3),
				[][]int32{in, in, in, out}), []float64{0.5, 0.5}},
		{"none parted", build(0.01, slices.Repeat([][]int32{in, in, in, out}, 8)...),
			slices.Repeat([][]int32{in, in, in, out}, 8), []float64{0, 1}},
	} {
		got := c.plan.sharesOf(own, c.parts)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
			continue
		}
		for i := range got {
			if !(math.Abs(got[i]-c.want[i]) <= 1e-12) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
	}
	few := build(0.01, parts...)
	few.near = &neighbors.Neighbors{Offsets: []int64{0, 3}, Positions: []int32{0, 1, 2}, Distances: []float64{0, 1, 2}}
	few.some = few.some[:1]
	if got := few.sharesOf(own, parts); !slices.Equal(got, []float64{1}) {
		t.Errorf("three neighbours: %v", got)
	}
}

func TestSelectSmallest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 16, 17, 40, 64, 500} {
		for _, distinct := range []uint64{1, 2, 5, 1 << 40} {
			v := make([]uint64, n)
			for i := range v {
				v[i] = r.Uint64N(distinct)
			}
			for _, m := range []int{1, (n + 1) / 2, n} {
				got, want := slices.Clone(v), slices.Clone(v)
				slices.Sort(want)
				selectSmallest(got, m)
				if got[m-1] != want[m-1] {
					t.Fatalf("%d of %d: %d, want %d", m, n, got[m-1], want[m-1])
				}
				slices.Sort(got[:m])
				if !slices.Equal(got[:m], want[:m]) {
					t.Fatalf("%d of %d: %v, want %v", m, n, got[:m], want[:m])
				}
			}
		}
	}
}

func TestProgress(t *testing.T) {
	points := block(t, clustered(3000, 20, 12, 1), 20, false)
	for _, partial := range []bool{false, true} {
		done := make(chan int, 1000)
		s := neighbors.Search{Progress: func(n int) { done <- n }}
		if _, _, err := Graph(points, 10, Options{Sample: 100, shape: small(10), partial: partial}, s); err != nil {
			t.Fatal(err)
		}
		close(done)
		sum := 0
		for n := range done {
			sum += n
		}
		if sum != points.Len() {
			t.Errorf("partial %v: %d queries are answered, want %d", partial, sum, points.Len())
		}
	}
}

// Where the pilot shows that lists of inner products would take longer than all pairs, as where few points have the
// greatest norms, the answers are the exact ones.
func TestListsOfHeavyNorms(t *testing.T) {
	values := clustered(fewPoints, 20, 12, 1)
	r := rand.New(rand.NewPCG(5, 1))
	for i := range fewPoints {
		heavy := math.Exp(2 * r.NormFloat64())
		for j := range 20 {
			values[i*20+j] *= heavy
		}
	}
	points := block(t, values, 20, false)
	x, err := Fit(points, Options{Metric: neighbors.InnerProduct, Sample: 100})
	if err != nil {
		t.Fatal(err)
	}
	found, report, err := x.KNeighbors(points, 10, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.Exact().KNeighbors(points, 10, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	if report.Method != "exact" || report.Fanout != 0 || report.Recall != 1 || !reflect.DeepEqual(found, exact) {
		t.Errorf("%+v", *report)
	}
}

// Tune finds how many lists queries are compared to, and measures the recall on others than those by which it has
// found it.
func TestTune(t *testing.T) {
	points := block(t, clustered(6000, 20, 60, 1), 20, false)
	q := block(t, clustered(2000, 20, 60, 7), 20, false)
	x, err := Fit(points, Options{Recall: 0.9, Seed: 3, Sample: 300})
	if err != nil {
		t.Fatal(err)
	}
	sample := take(q, Sample(q.Len(), 800, 3))
	y, report, err := x.Tune(sample, 10, q.Len(), neighbors.Search{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Method != "lists" || report.Sample != 400 || report.Fanout < 1 || report.Fanout >= report.Leaders ||
		report.Short() {
		t.Errorf("%+v", *report)
	}
	found, _, err := y.KNeighbors(q, 10, neighbors.Search{})
	if err != nil {
		t.Fatal(err)
	}
	if recall := recallOfAll(t, points, q, found, 10, neighbors.Euclidean, false); recall < report.Low-0.01 ||
		recall > report.High+0.01 {
		t.Errorf("recall %.4f, reported %.4f to %.4f", recall, report.Low, report.High)
	}

	for lists := 1; lists <= 3; lists++ {
		if _, report, err := x.fixed(lists).KNeighbors(q, 10, neighbors.Search{}); err != nil || report.Fanout != lists {
			t.Errorf("fixed to %d lists: %+v, %v", lists, report, err)
		}
	}

	few := q.Slice(0, 800)
	if y, report, err = x.Tune(few, 10, few.Len(), neighbors.Search{}); err != nil {
		t.Fatal(err)
	}
	if found, _, err = y.KNeighbors(few, 10, neighbors.Search{}); err != nil {
		t.Fatal(err)
	}
	exact, err := x.Exact().KNeighbors(few, 10, neighbors.Search{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Method != "exact" || report.Recall != 1 || !reflect.DeepEqual(found, exact) {
		t.Errorf("few queries are not answered exactly: %+v", *report)
	}
	if _, _, err := x.Tune(block(t, clustered(10, 19, 2, 1), 19, false), 10, 10, neighbors.Search{}); err == nil ||
		!strings.Contains(err.Error(), "19 columns") {
		t.Error(err)
	}
}

// meeting is the share of the pairs of a query and a neighbour that have a part in common, by the parts of the
// queries and of the points.
func meeting(exact *neighbors.Neighbors, queries, points [][]int32) float64 {
	met := 0
	for i, own := range queries {
		positions, _ := exact.Of(i)
		for _, q := range positions {
			if slices.ContainsFunc(own, func(l int32) bool { return slices.Contains(points[q], l) }) {
				met++
			}
		}
	}
	return float64(met) / float64(len(exact.Positions))
}

// Planned for queries that are not among the points, as many of them meet their neighbours in a part.
func TestPlanPartsOfQueries(t *testing.T) {
	const n, m, k = 8000, 3000, 10
	values := clustered(n+m, 16, 40, 2)
	points, queries := block(t, values[:n*16], 16, false), block(t, values[n*16:], 16, false)
	o := Options{Recall: 0.9, Seed: 7}
	parts, err := PlanParts(take(points, Sample(n, 2000, 3)), take(queries, Sample(m, 1000, 3)), n, k, 1500, o, 2)
	if err != nil {
		t.Fatal(err)
	}
	var of [2][][]int32
	for i, b := range []*vectors.Block{points, queries} {
		members, err := parts.Assign(b, neighbors.Options{Metric: neighbors.Euclidean}, 2)
		if err != nil {
			t.Fatal(err)
		}
		of[i] = partsOf(members, b.Len())
	}
	x, err := neighbors.Fit(points, neighbors.Options{Algorithm: neighbors.Brute})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.KNeighbors(queries, k, neighbors.Search{})
	if err != nil {
		t.Fatal(err)
	}
	share := meeting(exact, of[1], of[0])
	t.Logf("%.4f of the pairs meet, planned %.4f, inside %.4f, %.2f copies", share, parts.Share, parts.Inside,
		parts.Copies)
	if share < parts.Share-0.01 || parts.Share < o.Recall {
		t.Errorf("a share of %.4f of the pairs meet, planned %.4f", share, parts.Share)
	}
	for want, f := range map[string]func() error{
		"k = 8001: must be between": func() error { _, err := PlanParts(points, queries, n, n+1, 1500, o, 0); return err },
		"queries have 3 columns": func() error {
			_, err := PlanParts(points, block(t, make([]float64, 6), 3, false), n, 1, 1500, o, 0)
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestPlanParts puts points into the planned parts, which must be as small as was asked, and hold as many pairs of
// neighbours.
func TestPlanParts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies settings of thousands of points")
	}
	const n, k, most = 8000, 10, 1500
	equal := make([]float64, 0, n*4)
	for i := range n { // half of the points are equal
		if i%2 == 0 {
			equal = append(equal, 1, 2, 3, 4)
		} else {
			equal = append(equal, float64(i%101), float64(i%103), float64(i%107), float64(i%109))
		}
	}
	for _, c := range []struct {
		name   string
		values []float64
		dim    int
		metric neighbors.Metric
		recall float64
		some   int // sampled
		over   int
		copies float64 // at most, where points that all went to their nearest two leaders would have 2
	}{
		{"clustered", clustered(n, 16, 40, 1), 16, neighbors.Euclidean, 0.9, 2000, most, 1.4},
		{"cosine", clustered(n, 16, 40, 1), 16, neighbors.Cosine, 0.9, 2000, most, 1.4},
		{"all are sampled", clustered(n, 16, 40, 1), 16, neighbors.Euclidean, 0.9, n, most, 1.4},
		{"equal", equal, 4, neighbors.Euclidean, 0.8, 2000, n, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			points := block(t, c.values, c.dim, false)
			sample := take(points, Sample(n, c.some, 3))
			o := Options{Metric: c.metric, Recall: c.recall, Seed: 7}
			parts, err := PlanParts(sample, nil, n, k, most, o, 2)
			if err != nil {
				t.Fatal(err)
			}
			again, err := PlanParts(sample, nil, n, k, most, o, 1)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(parts, again) {
				t.Error("another number of threads gives other parts")
			}
			if err := parts.Check(); err != nil {
				t.Fatal(err)
			}
			members, err := parts.Assign(points, neighbors.Options{Metric: c.metric}, 2)
			if err != nil {
				t.Fatal(err)
			}
			sizes, of := make([]int, len(members)), partsOf(members, n)
			for l, rows := range members {
				if sizes[l] = len(rows); !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != len(rows) {
					t.Fatalf("part %d: %v", l, rows)
				}
			}
			one, err := parts.Assign(points.Slice(77, 78), neighbors.Options{Metric: c.metric}, 1)
			if err != nil {
				t.Fatal(err)
			}
			for l, rows := range one {
				if (len(rows) > 0) != slices.Contains(of[77], int32(l)) {
					t.Errorf("a row by itself goes elsewhere than among others")
				}
			}
			x, err := neighbors.Fit(points, neighbors.Options{Metric: c.metric, Algorithm: neighbors.Brute})
			if err != nil {
				t.Fatal(err)
			}
			exact, err := x.KNeighbors(points, k, neighbors.Search{Self: true})
			if err != nil {
				t.Fatal(err)
			}
			share := meeting(exact, of, of)
			t.Logf("%d parts, fan-out %d, parts of %d at most; %.4f of the pairs meet, planned %.4f, inside %.4f, %.2f copies",
				len(sizes), parts.Fanout, slices.Max(sizes), share, parts.Share, parts.Inside, parts.Copies)
			if share < parts.Share-0.01 || parts.Share < c.recall || parts.Inside < c.recall || parts.Inside > 1-(1-c.recall)/3 {
				t.Errorf("a share of %.4f of the pairs meet, planned %.4f, and %.4f are found of them, for %.4f", share,
					parts.Share, parts.Inside, c.recall)
			}
			copies := 0
			for _, size := range sizes {
				copies += size
			}
			if got := float64(copies) / n; got > c.copies || math.Abs(got-parts.Copies) > 0.05 {
				t.Errorf("%.3f copies of each point, planned %.3f, want at most %.3f", got, parts.Copies, c.copies)
			}
			if slices.Max(sizes) > c.over {
				t.Errorf("a part of %d points, want at most %d", slices.Max(sizes), c.over)
			}
		})
	}
	points := block(t, clustered(100, 4, 2, 1), 4, false)
	for want, f := range map[string]func() error{
		"a sample of 0 of 100 points": func() error {
			_, err := PlanParts(&vectors.Block{Dim: 4}, nil, 100, 1, 10, Options{},
				0)
			return err
		},
		"k = 100: must be between": func() error {
			_,
				err := PlanParts(points, nil, 100, 100, 10, Options{}, 0)
			return err
		},
		"parts of 1 points": func() error { _, err := PlanParts(points, nil, 100, 1, 1, Options{}, 0); return err },
		"the inner product has no parts": func() error {
			_, err := PlanParts(points, nil, 100, 1, 10, Options{Metric: neighbors.InnerProduct}, 0)
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
