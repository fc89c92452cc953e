package neighbors

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"beamlearn/model/vectors"
)

// answer is scikit-learn's, to a search of a file of testdata/neighbors.
type answer struct {
	Metric    Metric
	P         float64
	Self      bool // of the points for each other; else of the queries
	K         int  // or 0: within the radius
	Radius    float64
	Positions [][]int32
	Distances [][]float64
}

func readAnswers(t *testing.T, name string) (points, queries [][]float64, answers []answer) {
	t.Helper()
	f, err := os.Open("../../testdata/neighbors/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	var input struct{ Points, Queries [][]float64 }
	if err := d.Decode(&input); err != nil {
		t.Fatal(err)
	}
	for {
		var a answer
		if err := d.Decode(&a); errors.Is(err, io.EOF) {
			return input.Points, input.Queries, answers
		} else if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
}

// fitted are indexes of the points by everything that can search them.
func fitted(t testing.TB, b *vectors.Block, o Options) map[string]*Index {
	t.Helper()
	o.EnsureDefaults()
	plain := fit(t, b, o, Brute)
	plain.engine = newBrute(&plain.points, plain.opts.resolve())
	x := map[string]*Index{"auto": fit(t, b, o, Auto), "brute": fit(t, b, o, Brute), "plain": plain}
	if treeMetric(o.Metric, o.P) {
		x["kd_tree"] = fit(t, b, o, KDTree)
	}
	return x
}

// Neighbours are scikit-learn's, in the order of (distance, position), whatever searches, and in whatever storage.
func TestScikitLearn(t *testing.T) {
	for set, name := range []string{"gaussian", "grid", "duplicates", "offset", "counts", "places"} {
		points, queries, answers := readAnswers(t, name)
		for at, a := range answers {
			for i, dtypes := range [][2]vectors.DType{
				{vectors.Float32, vectors.Float32}, {vectors.Float64, vectors.Float64},
				{vectors.Float32, vectors.Float64}, {vectors.Float64, vectors.Float32},
			} {
				turn := set + at + at/4 // a metric has four answers
				if brief() && (i+turn)%2 > 0 || testing.Short() && (i+turn)%4 > 0 {
					continue
				}
				b, q := rowsBlock(points, dtypes[0]), rowsBlock(queries, dtypes[1])
				if a.Self {
					q = rowsBlock(points, dtypes[1])
				}
				o := Options{Metric: a.Metric, P: a.P}
				for engine, x := range fitted(t, b, o) {
					for _, threads := range []int{1, 3} {
						what := fmt.Sprintf("%s, %s, p %v, k %d, radius %v, self %v, %v, %s, %d threads",
							name, a.Metric, a.P, a.K, a.Radius, a.Self, dtypes, engine, threads)
						s := Search{Self: a.Self, Threads: threads}
						var n *Neighbors
						if a.K > 0 {
							n = kNeighbors(t, x, q, a.K, s)
						} else {
							n = radiusNeighbors(t, x, q, a.Radius, s)
						}
						checkAnswer(t, what, n, &a, func(i int, p int32) float64 {
							return Distance(q.Row(i, make([]float64, q.Dim)), points[p], x.Options())
						})
					}
				}
			}
		}
	}
}

func checkAnswer(t *testing.T, what string, n *Neighbors, a *answer, distance func(i int, p int32) float64) {
	t.Helper()
	if n.Len() != len(a.Positions) {
		t.Fatalf("%s: %d answers, want %d", what, n.Len(), len(a.Positions))
	}
	for i := range n.Len() {
		positions, distances := n.Of(i)
		if !slices.Equal(positions, a.Positions[i]) {
			t.Fatalf("%s: neighbours of %d: %v at %v, want %v at %v", what, i, positions, distances, a.Positions[i],
				a.Distances[i])
		}
		for r, d := range distances {
			want := a.Distances[i][r]
			tolerance := 1e-12 * math.Abs(want)
			if a.Metric == Cosine || a.Metric == Correlation {
				tolerance += 1e-15 // scikit-learn takes 1 − x·y
			}
			if !(math.Abs(d-want) <= tolerance) {
				t.Fatalf("%s: neighbour %d of %d is at %v, want %v", what, r, i, d, want)
			}
			if own := distance(i, positions[r]); math.Float64bits(d) != math.Float64bits(own) {
				t.Fatalf("%s: neighbour %d of %d is at %v, and Distance says %v", what, r, i, d, own)
			}
		}
	}
}

// The first command of the README writes digits.neighbors.csv.
func TestDigits(t *testing.T) {
	const k = 10
	read := func(name string) [][]string {
		f, err := os.Open("../../testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		records, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return records[1:]
	}
	parse := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var digits [][]float64
	for _, record := range read("digits.csv") {
		row := make([]float64, 64)
		for j := range row {
			row[j] = parse(record[1+j])
		}
		digits = append(digits, row)
	}
	want := &Neighbors{Offsets: []int64{0}}
	for i, record := range read("digits.neighbors.csv") {
		if int(parse(record[0])) != i/k || int(parse(record[1])) != i%k+1 {
			t.Fatalf("line %d is %v", i, record)
		}
		want.Positions = append(want.Positions, int32(parse(record[2])))
		want.Distances = append(want.Distances, parse(record[3]))
		if i%k == k-1 {
			want.Offsets = append(want.Offsets, int64(i+1))
		}
	}
	b := rowsBlock(digits, vectors.Auto)
	for name, x := range fitted(t, b, Options{}) {
		t.Run(name, func(t *testing.T) {
			same(t, kNeighbors(t, x, b, k, Search{Self: true}), want)
		})
	}
}

// Of equal points each has the others, never itself.
func TestSelfAmongEqualPoints(t *testing.T) {
	b := rowsBlock([][]float64{{1}, {1}, {1}}, vectors.Auto)
	for name, x := range fitted(t, b, Options{}) {
		for k, want := range map[int][]int32{1: {1, 0, 0}, 2: {1, 2, 0, 2, 0, 1}} {
			if n := kNeighbors(t, x, b, k, Search{Self: true}); !slices.Equal(n.Positions, want) {
				t.Errorf("%s: positions %v, want %v", name, n.Positions, want)
			}
		}
		n := radiusNeighbors(t, x, b, 0, Search{Self: true})
		if want := []int32{1, 2, 0, 2, 0, 1}; !slices.Equal(n.Positions, want) ||
			!slices.Equal(n.Offsets, []int64{0, 2, 4, 6}) {
			t.Errorf("%s: within 0: %v from %v, want %v", name, n.Positions, n.Offsets, want)
		}
		n = kNeighbors(t, x, b, 3, Search{})
		if want := []int32{0, 1, 2, 0, 1, 2, 0, 1, 2}; !slices.Equal(n.Positions, want) {
			t.Errorf("%s: as foreign queries: %v, want %v", name, n.Positions, want)
		}
	}
}

func TestOptionsFaults(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Metric: "l7", Algorithm: "ball_tree", P: -1},
			"metric \"l7\": must be one of " + join(Metrics) + "\n" +
				"algorithm \"ball_tree\": must be one of auto, brute, kd_tree\n" +
				"p -1: must be greater than 0"},
		{Options{P: math.NaN()}, "p NaN: must be greater than 0"},
		{Options{Metric: Cosine, Algorithm: KDTree}, "algorithm kd_tree lacks the metric cosine: use brute"},
		{Options{Metric: InnerProduct, Algorithm: KDTree}, "algorithm kd_tree lacks the metric inner_product: use brute"},
		{Options{Metric: Hamming, Algorithm: KDTree}, "algorithm kd_tree lacks the metric hamming: use brute"},
		{Options{Metric: Minkowski, P: 0.5, Algorithm: KDTree},
			"algorithm kd_tree: minkowski needs p of at least 1, got 0.5"},
		{Options{Metric: "l7", Algorithm: KDTree},
			"metric \"l7\": must be one of " + join(Metrics)},
		{Options{Metric: "precomputed"},
			"metric precomputed: rows are what is searched here, not distances: give the rows, and the " +
				"metric that the distances are of (a graph of them, .npz, is what scikit-learn takes as precomputed)"},
		{Options{Metric: NaNEuclidean, Algorithm: KDTree}, "algorithm kd_tree lacks the metric nan_euclidean: use brute"},
		{Options{Metric: Jaccard, Algorithm: KDTree}, "algorithm kd_tree lacks the metric jaccard: use brute"},
		{Options{Bits: true, Degrees: true, Params: &Params{}},
			"bits: of hamming, jaccard, dice, rogerstanimoto, russellrao, " +
				"sokalsneath and overlap, not of euclidean\ndegrees and kilometers: of haversine, not of euclidean\n" +
				"parameters: of seuclidean and mahalanobis, not of euclidean"},
	} {
		if _, err := Fit(rowsBlock([][]float64{{1}}, vectors.Auto), c.o); err == nil || err.Error() != c.want {
			t.Errorf("%+v: error %v, want %s", c.o, err, c.want)
		}
	}
}

func TestFitFaults(t *testing.T) {
	for _, c := range []struct {
		numbers []int64
		want    string
	}{
		{nil, "no points to index"},
		{[]int64{0, 0}, "neighbors.Fit: row numbers must ascend, found 0 after 0"},
		{[]int64{5, 7, 6}, "neighbors.Fit: row numbers must ascend, found 6 after 7"},
	} {
		b := &vectors.Block{Dim: 1}
		for _, n := range c.numbers {
			b.Append([]float64{1}, n)
		}
		if _, err := Fit(b, Options{}); err == nil || err.Error() != c.want {
			t.Errorf("row numbers %v: error %v, want %s", c.numbers, err, c.want)
		}
	}
}

func TestSearchFaults(t *testing.T) {
	b := rowsBlock([][]float64{{1, 2}, {3, 4}, {5, 6}}, vectors.Auto)
	wide := rowsBlock([][]float64{{1, 2, 3}}, vectors.Auto)
	stranger := rowsBlock([][]float64{{1, 2}}, vectors.Auto)
	stranger.Numbers[0] = 3
	const few, many = "must be between 1 and 2, the number of other points",
		"must be between 1 and 3, the number of other points"
	for name, x := range fitted(t, b, Options{}) {
		for _, c := range []struct {
			q    *vectors.Block
			k    int
			self bool
			want string
		}{
			{b, 0, false, "k = 0: " + many},
			{b, -5, false, "k = -5: " + many},
			{b, 4, false, "k = 4: " + many},
			{b, 0, true, "k = 0: " + few},
			{b, 3, true, "k = 3: " + few},
			{wide, 1, false, "queries have 3 columns, the index has 2"},
			{stranger, 1, true, "neighbors: the query with row number 3 is not in the index"},
		} {
			if _, err := x.KNeighbors(c.q, c.k, Search{Self: c.self}); err == nil || err.Error() != c.want {
				t.Errorf("%s: k %d: error %v, want %s", name, c.k, err, c.want)
			}
		}
		for _, c := range []struct {
			q      *vectors.Block
			radius float64
			self   bool
			want   string
		}{
			{b, math.NaN(), false, "radius: must be a number"},
			{wide, 1, false, "queries have 3 columns, the index has 2"},
			{stranger, 1, true, "neighbors: the query with row number 3 is not in the index"},
		} {
			if _, err := x.RadiusNeighbors(c.q, c.radius, Search{Self: c.self}); err == nil || err.Error() != c.want {
				t.Errorf("%s: radius %v: error %v, want %s", name, c.radius, err, c.want)
			}
		}
	}
	for name, x := range fitted(t, rowsBlock([][]float64{{1, 2}}, vectors.Auto), Options{}) {
		want := "k = 1: must be between 1 and 0, the number of other points"
		q := rowsBlock([][]float64{{1, 2}}, vectors.Auto)
		if _, err := x.KNeighbors(q, 1, Search{Self: true}); err == nil || err.Error() != want {
			t.Errorf("%s: a point alone: error %v, want %s", name, err, want)
		}
	}
}

func TestNoQueries(t *testing.T) {
	for name, x := range fitted(t, rowsBlock([][]float64{{1}, {2}}, vectors.Auto), Options{}) {
		none := &vectors.Block{Dim: 1}
		if n := kNeighbors(t, x, none, 2, Search{}); n.Len() != 0 || len(n.Positions) != 0 {
			t.Errorf("%s: %d answers to no query", name, n.Len())
		}
		if n := radiusNeighbors(t, x, none, 2, Search{Self: true}); n.Len() != 0 || len(n.Positions) != 0 {
			t.Errorf("%s: %d answers within a radius to no query", name, n.Len())
		}
	}
}

// A row's number is its id, and finds it, also where rows were skipped.
func TestNumbersWithGaps(t *testing.T) {
	numbers := []int64{3, 4, 9, 1 << 40}
	b := rowsBlock([][]float64{{0}, {1}, {1}, {5}}, vectors.Auto)
	b.Numbers = numbers
	some := rowsBlock([][]float64{{5}, {1}}, vectors.Auto)
	some.Numbers = []int64{1 << 40, 9}
	for name, x := range fitted(t, b, Options{}) {
		for i, n := range numbers {
			if p := x.Position(n); p != int32(i) {
				t.Errorf("%s: row number %d is at %d, want %d", name, n, p, i)
			}
			if got := x.Number(int32(i)); got != n {
				t.Errorf("%s: the point at %d has the row number %d, want %d", name, i, got, n)
			}
			if id := x.ID(int32(i)); id != (vectors.ID{Int: n}) {
				t.Errorf("%s: the point at %d has the id %v, want %d", name, i, id, n)
			}
		}
		for _, n := range []int64{-1, 0, 1, 2, 5, 8, 10, math.MaxInt64, math.MinInt64} {
			if p := x.Position(n); p != -1 {
				t.Errorf("%s: row number %d is at %d, and there is none", name, n, p)
			}
		}
		n := kNeighbors(t, x, some, 2, Search{Self: true})
		if want := []int32{1, 2, 1, 0}; !slices.Equal(n.Positions, want) {
			t.Errorf("%s: positions %v, want %v", name, n.Positions, want)
		}
		if want := []float64{4, 4, 0, 1}; !slices.Equal(n.Distances, want) {
			t.Errorf("%s: distances %v, want %v", name, n.Distances, want)
		}
	}
	for _, n := range []int64{-1, 4, math.MaxInt64, math.MinInt64} {
		x := fit(t, rowsBlock([][]float64{{0}, {1}, {1}, {5}}, vectors.Auto), Options{}, Auto)
		if p := x.Position(n); p != -1 {
			t.Errorf("row number %d is at %d, and there is none", n, p)
		}
	}
}

func TestIDs(t *testing.T) {
	text := func(s string) vectors.ID { return vectors.ID{Text: s} }
	number := func(v int64) vectors.ID { return vectors.ID{Int: v} }
	for _, c := range []struct {
		ids        []vectors.ID
		duplicates int
	}{
		{nil, 0},
		{[]vectors.ID{number(7), number(-7), number(0)}, 0},
		{[]vectors.ID{number(7), number(7), number(7)}, 2},
		{[]vectors.ID{text("a"), text("7"), number(7)}, 0},
		{[]vectors.ID{text("a"), text("b"), text("a")}, 1},
		{[]vectors.ID{number(1), text("a"), number(1)}, 1},
	} {
		b := rowsBlock([][]float64{{1}, {2}, {3}}, vectors.Auto)
		for _, id := range c.ids {
			b.AppendID(id)
		}
		x := fit(t, b, Options{}, Auto)
		if got := x.DuplicateIDs(); got != c.duplicates {
			t.Errorf("%v: %d duplicates, want %d", c.ids, got, c.duplicates)
		}
		for i := range b.Len() {
			if got, want := x.ID(int32(i)), b.ID(i); got != want {
				t.Errorf("%v: id %d is %v, want %v", c.ids, i, got, want)
			}
		}
	}
}

func TestIndexSays(t *testing.T) {
	b := rowsBlock([][]float64{{1, 2, 3}, {4, 5, 6}}, vectors.Auto)
	for _, a := range []Algorithm{Brute, KDTree} {
		x := fit(t, b, Options{Metric: Manhattan}, a)
		if x.Len() != 2 || x.Dim() != 3 || x.Algorithm() != a {
			t.Errorf("%d points, %d columns, %s; want 2, 3, %s", x.Len(), x.Dim(), x.Algorithm(), a)
		}
		if got, want := x.Options(), (Options{Metric: Manhattan, P: 2, Algorithm: a}); got != want {
			t.Errorf("options %+v, want %+v", got, want)
		}
	}
	x := fit(t, b, Options{}, "")
	if got, want := x.Options(), (Options{Metric: Euclidean, P: 2, Algorithm: Auto}); got != want {
		t.Errorf("options %+v, want %+v", got, want)
	}
	if got := fit(t, b, Options{Metric: Cosine}, Auto).Algorithm(); got != Brute {
		t.Errorf("cosine is searched by %s", got)
	}
}

// Minkowski with a power that has a name is that metric, bit for bit.
func TestMinkowskiByName(t *testing.T) {
	rows := gaussianRows(rand.New(rand.NewPCG(1, 3)), 100, 5)
	b := rowsBlock(rows, vectors.Auto)
	for p, m := range map[float64]Metric{1: Manhattan, 2: Euclidean, math.Inf(1): Chebyshev} {
		want := kNeighbors(t, fit(t, b, Options{Metric: m}, Brute), b, 5, Search{Self: true})
		for name, x := range fitted(t, b, Options{Metric: Minkowski, P: p}) {
			t.Run(fmt.Sprintf("%v %s", p, name), func(t *testing.T) {
				same(t, kNeighbors(t, x, b, 5, Search{Self: true}), want)
			})
		}
		got, named := Distance(rows[0], rows[1], Options{Metric: Minkowski, P: p}),
			Distance(rows[0], rows[1], Options{Metric: m})
		if got != named {
			t.Errorf("p %v: %v, want %v", p, got, named)
		}
	}
}

// The answers do not depend on how queries are cut, nor on the number of threads, nor on other searches of the index.
func TestChunksAndThreads(t *testing.T) {
	const n, dim, k = 150, 6, 7
	r := rand.New(rand.NewPCG(1, 4))
	rows := change(gaussianRows(r, n, dim), func(i, j int, v float64) float64 { return math.Round(4*v) / 4 })
	b := rowsBlock(rows, vectors.Auto)
	for _, m := range metricsOf(dim) {
		for name, x := range fitted(t, b, Options{Metric: m, P: 3}) {
			t.Run(fmt.Sprintf("%s %s", m, name), func(t *testing.T) {
				t.Parallel()
				want := kNeighbors(t, x, b, k, Search{Self: true, Threads: 1})
				radius := want.Distances[k/2]
				within := radiusNeighbors(t, x, b, radius, Search{Self: true, Threads: 1})
				for _, threads := range []int{0, 5, 100} {
					if brief() && threads != 5 {
						continue
					}
					same(t, kNeighbors(t, x, b, k, Search{Self: true, Threads: threads}), want)
					same(t, radiusNeighbors(t, x, b, radius, Search{Self: true, Threads: threads}), within)
				}
				for _, size := range []int{1, 41, n - 1} {
					if brief() && size != 41 {
						continue
					}
					found, near := &Neighbors{Offsets: []int64{0}}, &Neighbors{Offsets: []int64{0}}
					for lo := 0; lo < n; lo += size {
						chunk := rowsBlock(rows[lo:min(lo+size, n)], vectors.Auto)
						for i := range chunk.Numbers {
							chunk.Numbers[i] += int64(lo)
						}
						s := Search{Self: true, Threads: 1 + lo%3}
						appendNeighbors(found, kNeighbors(t, x, chunk, k, s))
						appendNeighbors(near, radiusNeighbors(t, x, chunk, radius, s))
					}
					same(t, found, want)
					same(t, near, within)
				}
			})
		}
	}
}

// appendNeighbors adds the answers of n to those of to.
func appendNeighbors(to, n *Neighbors) {
	last := to.Offsets[len(to.Offsets)-1]
	for _, o := range n.Offsets[1:] {
		to.Offsets = append(to.Offsets, last+o)
	}
	to.Positions, to.Distances = append(to.Positions, n.Positions...), append(to.Distances, n.Distances...)
}

func TestDistance(t *testing.T) {
	const huge = math.MaxFloat64
	inf := math.Inf(1)
	for _, c := range []struct {
		metric Metric
		p      float64
		x, y   []float64
		want   float64
	}{
		{"", 0, []float64{0, 0}, []float64{3, 4}, 5},
		{Euclidean, 0, []float64{1e8, 1}, []float64{1e8, 1 + 0x1p-52}, 0x1p-52},
		{Euclidean, 0, []float64{huge}, []float64{-huge}, inf},
		{SqEuclidean, 0, []float64{0, 0}, []float64{3, 4}, 25},
		{SqEuclidean, 0, []float64{0x1p-600}, []float64{0}, 0},
		{Manhattan, 0, []float64{0, 0}, []float64{3, -4}, 7},
		{Chebyshev, 0, []float64{0, 0}, []float64{3, -4}, 4},
		{Minkowski, 1, []float64{0, 0}, []float64{3, -4}, 7},
		{Minkowski, 2, []float64{0, 0}, []float64{3, -4}, 5},
		{Minkowski, 0, []float64{0, 0}, []float64{3, -4}, 5},
		{Minkowski, 3, []float64{0, 0, 0}, []float64{3, 4, 5}, 6},
		{Minkowski, 0.5, []float64{0, 0}, []float64{4, 9}, 25},
		{Minkowski, inf, []float64{0, 0}, []float64{3, -4}, 4},
		{Hamming, 0, []float64{1, 2, 3, 4}, []float64{1, 0, 3, 0}, 0.5},
		{Hamming, 0, []float64{0}, []float64{math.Copysign(0, -1)}, 0},
		{InnerProduct, 0, []float64{1, 2}, []float64{3, 4}, -11},
		{InnerProduct, 0, []float64{1, 2}, []float64{2, -1}, 0},
		{InnerProduct, 0, []float64{huge, huge}, []float64{huge, -huge}, 0}, // exactly
		{InnerProduct, 0, []float64{huge}, []float64{huge}, -inf},
		{Cosine, 0, []float64{1, 0}, []float64{0, 7}, 1},
		{Cosine, 0, []float64{1, 0}, []float64{-7, 0}, 2},
		{Cosine, 0, []float64{3, 4}, []float64{3, 4}, 0},
		{Cosine, 0, []float64{0, 0}, []float64{3, 4}, 1},
		{Cosine, 0, []float64{3, 4}, []float64{0, 0}, 1},
		{Cosine, 0, []float64{0, 0}, []float64{0, 0}, 1},
		{Cosine, 0, []float64{huge, huge}, []float64{5e-324, 5e-324}, 0},
	} {
		if got := Distance(c.x, c.y, Options{Metric: c.metric, P: c.p}); got != c.want ||
			math.Signbit(got) != math.Signbit(c.want) {
			t.Errorf("%s %v of %v and %v: %v, want %v", c.metric, c.p, c.x, c.y, got, c.want)
		}
	}
}

// A distance is the same from both ends, and but for the inner product not negative, and 0 from a row to itself.
func TestDistanceAxioms(t *testing.T) {
	for _, set := range adversaries() {
		rows := set.rows[:30]
		for _, m := range metricsOf(len(rows[0])) {
			if m.Fitted() {
				continue // their values are of usual size: TestFittedAxioms
			}
			for _, p := range []float64{0.5, 3} {
				o := Options{Metric: m, P: p}
				for i, x := range rows {
					for _, y := range rows[:i+1] {
						d, back := Distance(x, y, o), Distance(y, x, o)
						if math.Float64bits(d) != math.Float64bits(back) {
							t.Fatalf("%s, %s %v: %v and %v are %v apart, and %v", set.name, m, p, x, y, d, back)
						}
						if m != InnerProduct && !(d >= 0) || math.IsNaN(d) {
							t.Fatalf("%s, %s %v: %v and %v are %v apart", set.name, m, p, x, y, d)
						}
					}
					zero := !slices.ContainsFunc(x, func(v float64) bool { return v != 0 })
					fixed := !slices.ContainsFunc(x, func(v float64) bool { return v != x[0] })
					if d := Distance(x, x, o); m.Reflexive() && !(m == Cosine && zero) && !(m == Correlation && fixed) && d != 0 {
						t.Fatalf("%s, %s %v: %v is %v from itself", set.name, m, p, x, d)
					}
				}
				if m != Minkowski {
					break
				}
			}
		}
	}
}

// Auto goes by the shape and the metric alone.
func TestAutoAlgorithm(t *testing.T) {
	for _, c := range []struct {
		o      Options
		n, dim int
		want   Algorithm
	}{
		{Options{}, 1, 1, KDTree},
		{Options{}, treeMany - 1, treeDim, KDTree},
		{Options{}, treeMany - 1, treeDim + 1, Brute},
		{Options{}, treeMany, treeDimMany, KDTree},
		{Options{}, treeMany, treeDimMany + 1, Brute},
		{Options{Metric: Manhattan}, treeMany, treeDimPlain, KDTree},
		{Options{Metric: Chebyshev}, treeMany, treeDimPlain + 1, Brute},
		{Options{Metric: Cosine}, 100, 2, Brute},
		{Options{Metric: InnerProduct}, 100, 2, Brute},
		{Options{Metric: Hamming}, 100, 2, Brute},
		{Options{Metric: Minkowski, P: 3}, 100, treeDimPower, KDTree},
		{Options{Metric: Minkowski, P: 3}, 100, treeDimPower + 1, Brute},
		{Options{Metric: Minkowski, P: 0.5}, 100, 2, Brute},
		{Options{Metric: Minkowski, P: 1}, 100, treeDimPlain + 1, Brute}, // as manhattan
		{Options{Algorithm: Brute}, 100, 2, Brute},
		{Options{Algorithm: KDTree}, 100, 100, KDTree},
	} {
		c.o.EnsureDefaults()
		if got := chooseAlgorithm(&points{n: c.n, dim: c.dim}, c.o.resolve()); got != c.want {
			t.Errorf("%+v, %d × %d: %s, want %s", c.o, c.n, c.dim, got, c.want)
		}
	}
}

// The points of an index, given back in pieces, are the queries that they would be as they were read.
func TestRows(t *testing.T) {
	rows := gaussianRows(rand.New(rand.NewPCG(1, 5)), 50, 3)
	for _, dtype := range []vectors.DType{vectors.Auto, vectors.Float32} {
		for label, put := range labels {
			b := rowsBlock(rows, dtype)
			put(b)
			x := fit(t, b, Options{}, Auto)
			found := &Neighbors{Offsets: []int64{0}}
			for _, piece := range [][2]int{{0, 0}, {0, 20}, {20, 21}, {21, 50}, {50, 50}} {
				q := x.Rows(piece[0], piece[1])
				if q.Len() != piece[1]-piece[0] || q.Dim != b.Dim || q.Wide() != b.Wide() {
					t.Fatalf("%v, %s: rows %v are %d × %d, wide %v", dtype, label, piece, q.Len(), q.Dim, q.Wide())
				}
				for i := range q.Len() {
					j := piece[0] + i
					got, want := q.Row(i, make([]float64, 3)), b.Row(j, make([]float64, 3))
					if !slices.Equal(got, want) || q.Numbers[i] != b.Numbers[j] || q.ID(i) != b.ID(j) {
						t.Fatalf("%v, %s: row %d is %v, number %d, id %v", dtype, label, j, got, q.Numbers[i], q.ID(i))
					}
				}
				appendNeighbors(found, kNeighbors(t, x, q, 4, Search{Self: true}))
			}
			same(t, found, kNeighbors(t, x, b, 4, Search{Self: true}))
		}
	}
}

// A metric by another name is the same one.
func TestAliases(t *testing.T) {
	t.Parallel()
	for name, want := range map[Metric]Metric{
		"l1": Manhattan, "cityblock": Manhattan, "l2": Euclidean, "angular": Cosine, "dot": InnerProduct, Hamming: Hamming,
	} {
		o := Options{Metric: name}
		if o.EnsureDefaults(); o.Metric != want || o.Validate() != nil {
			t.Errorf("%s is %s, want %s", name, o.Metric, want)
		}
	}
}
