package neighbors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"testing"

	"beamlearn/model/neighbors/sparse"
	"beamlearn/model/vectors"
)

// sparseCase makes rows with ties, duplicates, empty rows and, by kind, values of a sort.
func sparseCase(rng *rand.Rand, n, dim, entries int, kind string) *vectors.Block {
	b := &vectors.Block{Dim: dim, Sparse: &vectors.CSR{}}
	value := func() float64 {
		switch kind {
		case "counts":
			return float64(1 + rng.IntN(3))
		case "signed":
			return rng.NormFloat64()
		case "ones":
			return 1
		case "scales":
			return math.Exp(8 * rng.NormFloat64())
		case "huge":
			return math.Ldexp(rng.NormFloat64(), 600+rng.IntN(200))
		}
		return rng.Float64()
	}
	for i := range n {
		if i > 3 && rng.IntN(8) == 0 {
			columns, values := b.Sparse.Row(rng.IntN(i))
			values = slices.Clone(values)
			for j := range values {
				if kind == "scales" {
					values[j] *= 2
				}
			}
			b.AppendSparse(slices.Clone(columns), values, int64(i))
			continue
		}
		var columns []int32
		if rng.IntN(12) > 0 {
			for range 1 + rng.IntN(2*entries) {
				// Few columns have most of the entries, as words do.
				columns = append(columns, int32(float64(dim)*math.Pow(rng.Float64(), 6)))
			}
		}
		slices.Sort(columns)
		columns = slices.Compact(columns)
		values := make([]float64, len(columns))
		for j := range values {
			if values[j] = value(); kind == "zeros" && rng.IntN(3) == 0 {
				values[j] = 0 // an entry as it may be written
			}
		}
		b.AppendSparse(columns, values, int64(i))
	}
	return b
}

func unlike(a, b *Neighbors) error {
	if !slices.Equal(a.Offsets, b.Offsets) {
		return fmt.Errorf("offsets %v and %v", a.Offsets[:min(8, len(a.Offsets))], b.Offsets[:min(8, len(b.Offsets))])
	}
	for i := range a.Positions {
		if a.Positions[i] != b.Positions[i] || math.Float64bits(a.Distances[i]) != math.Float64bits(b.Distances[i]) {
			return fmt.Errorf("entry %d: %d at %v, and %d at %v", i, a.Positions[i], a.Distances[i], b.Positions[i],
				b.Distances[i])
		}
	}
	return nil
}

// Sparse rows have, bit for bit, the neighbours and the distances that they have with their zeros, compared one by one
// in float64, for every metric, with ties, duplicates and empty rows, whatever the queries, the chunks and the threads.
func TestSparseRows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, kind := range []string{"weights", "counts", "signed", "ones", "scales", "zeros", "huge"} {
		n := 200
		if kind == "huge" {
			n = 40 // each pair is computed by scaled differences
		}
		b, q := sparseCase(rng, n, 120, 3, kind), sparseCase(rng, 20, 120, 4, kind)
		full, fullQ := dense(b), dense(q)
		for _, metric := range Metrics {
			o := Options{Metric: metric, P: 3}
			if !o.hasEntries() {
				continue
			}
			x, err := Fit(b, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := x.engine.(*sparseRows); !ok {
				t.Fatalf("%s: %T", metric, x.engine)
			}
			resolved := x.opts.resolve()
			p := blockPoints(full)
			y := &Index{opts: x.opts, points: p, magnitudes: resolved.magnitudes(&p), engine: newBrute(&p, resolved)}
			checkSparse(t, kind, x, y, q, fullQ)
		}
	}
}

// Many rows are searched block by block: all of them, where a pair serves both ends, as some of them.
func TestSparseRowsBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this compares thousands of rows, as fewer are one block")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 10))
	b := sparseCase(rng, 4_300, 120, 3, "weights")
	for _, metric := range []Metric{Cosine, Jaccard, InnerProduct, Euclidean, Hamming} {
		if brief() && metric != Cosine && metric != Jaccard { // one by values, one by sets of columns
			continue
		}
		x, err := Fit(b, Options{Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		p := blockPoints(dense(b))
		y := &Index{opts: x.opts, points: p, magnitudes: magnitudes64, engine: newBrute(&p, x.opts.resolve())}
		all, err := x.KNeighbors(b, 5, Search{Self: true, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.KNeighbors(x.Rows(4_200, 4_300), 5, Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		want, err := y.KNeighbors(y.Rows(4_200, 4_300), 5, Search{Self: true})
		if err == nil {
			err = unlike(got, want)
		}
		if err == nil {
			last := &Neighbors{Offsets: got.Offsets, Positions: all.Positions[4_200*5:], Distances: all.Distances[4_200*5:]}
			err = unlike(last, want)
		}
		if err != nil {
			t.Errorf("%s: %v", metric, err)
		}
		nearest := slices.Sorted(slices.Values(all.Distances))
		radius := nearest[max(len(nearest)/20, sort.SearchFloat64s(nearest, math.Nextafter(nearest[0], math.Inf(1))))]
		within, err := x.RadiusNeighbors(b, radius, Search{Self: true, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		some, err := y.RadiusNeighbors(y.Rows(4_280, 4_300), radius, Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			positions, distances := within.Of(4_280 + i)
			wantPositions, wantDistances := some.Of(i)
			if !slices.Equal(positions, wantPositions) || !slices.Equal(distances, wantDistances) {
				t.Errorf("%s: within %v of %d: %v, want %v", metric, radius, 4_280+i, positions, wantPositions)
			}
		}
	}
}

func checkSparse(t *testing.T, kind string, x, y *Index, q, fullQ *vectors.Block) {
	t.Helper()
	metric := x.opts.Metric
	same := func(what string, got, want *Neighbors, err, wantErr error) {
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%s, %s, %s: %v, expected %v", kind, metric, what, err, wantErr)
		}
		if err != nil {
			return
		}
		if err := unlike(got, want); err != nil {
			t.Fatalf("%s, %s, %s: %v", kind, metric, what, err)
		}
	}
	for _, k := range []int{7, x.Len() - 1} {
		if k > 7 && metric != Cosine {
			continue
		}
		got, err := x.KNeighbors(x.Rows(0, x.Len()), k, Search{Self: true, Threads: 3})
		want, wantErr := y.KNeighbors(y.Rows(0, y.Len()), k, Search{Self: true})
		same(fmt.Sprintf("k = %d", k), got, want, err, wantErr)
	}
	got, err := x.KNeighbors(q, 5, Search{Threads: 1})
	want, wantErr := y.KNeighbors(fullQ, 5, Search{})
	same("queries", got, want, err, wantErr)
	again, err := x.KNeighbors(fullQ, 5, Search{Threads: 2})
	same("dense queries", again, want, err, wantErr)
	if err != nil {
		return
	}
	for i := range q.Len() {
		_, d := want.Of(i)
		for _, r := range []float64{d[2], d[0] - 0.25*math.Abs(d[0])} {
			got, err := x.RadiusNeighbors(x.Rows(i, i+1), r, Search{Self: true})
			want, wantErr := y.RadiusNeighbors(y.Rows(i, i+1), r, Search{Self: true})
			same("radius", got, want, err, wantErr)
		}
		if i == 5 {
			break
		}
	}
	groups := make([]int32, x.Len())
	for i := range groups {
		groups[i] = int32(i % 5)
	}
	some := func(x *Index) (*Neighbors, error) {
		most := &Most{Groups: groups, Number: 1, Largest: LargestGroup(groups)}
		return x.KNeighbors(x.Rows(0, 20), 3,
			Search{Self: true, Apart: &Apart{Points: groups, Queries: groups[:20], Largest: most.Largest}, Most: most})
	}
	got, err = some(x)
	want, wantErr = some(y)
	same("with groups", got, want, err, wantErr)
	part, err := x.KNeighbors(x.Rows(20, 33), 4, Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	want, _ = y.KNeighbors(y.Rows(20, 33), 4, Search{Self: true})
	same("a part of the points", part, want, nil, nil)
}

// Rows that are mostly entries, or of few columns, are compared as dense ones are.
func TestSparseRowsDense(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and exponents")
	}
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		n, dim, entries int
		o               Options
		sparse          bool
	}{
		{50, 100, 20, Options{}, false}, {50, 1000, 8, Options{}, true}, {50, 5, 1, Options{}, false},
		{50, 1000, 8, Options{Algorithm: KDTree}, false},
		{50, MaxDenseColumns + 1, 9000, Options{}, true},
	} {
		b := sparseCase(rng, c.n, c.dim, c.entries, "signed")
		x, err := Fit(b, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if is := x.points.csr != nil; is != c.sparse {
			t.Errorf("%d columns, %d entries: sparse %v", c.dim, len(b.Sparse.Values), is)
		}
		y, err := Fit(dense(b), Options{Algorithm: Brute})
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.KNeighbors(x.Rows(0, c.n), 3, Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		want, err := y.KNeighbors(b, 3, Search{Self: true})
		if err == nil {
			err = unlike(got, want)
		}
		if err != nil {
			t.Errorf("%d columns: %v", c.dim, err)
		}
	}
	counts := sparseCase(rng, 50, 300, 5, "counts")
	x, err := Fit(counts, Options{Metric: BrayCurtis})
	if err != nil || x.points.csr != nil {
		t.Errorf("sparse rows of a metric that takes none, %v", err)
	}
	b := sparseCase(rng, 10, 1<<20, 5, "signed")
	if _, err := Fit(b, Options{Algorithm: KDTree}); err == nil ||
		err.Error() != "algorithm kd_tree takes at most 16384 columns of sparse rows, found 1048576: use brute" {
		t.Error(err)
	}
}

// Rows of two thousand million columns take the memory of their entries.
func TestSparseRowsWide(t *testing.T) {
	t.Parallel()
	b := &vectors.Block{Dim: math.MaxInt32, Sparse: &vectors.CSR{}}
	for i := range 40 {
		b.AppendSparse([]int32{int32(i % 3), int32(1000000 * (i % 7)), math.MaxInt32 - 1 - int32(i%5)}[i%2:],
			[]float64{1, float64(i), 2}[i%2:], int64(i))
	}
	for _, metric := range Metrics {
		o := Options{Metric: metric}
		x, err := Fit(b, o)
		if !o.hasEntries() {
			if err == nil {
				t.Errorf("%s: rows with their zeros", metric)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.KNeighbors(b, 3, Search{Self: true}); err != nil {
			t.Errorf("%s: %v", metric, err)
		}
	}
	b.AppendSparse([]int32{1}, []float64{1e200}, 40)
	x, err := Fit(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = x.KNeighbors(b, 3, Search{Self: true}); err == nil {
		t.Error("no error of values whose squares float64 does not hold")
	}
}

// An index of sparse rows is the same from its file, compact or not; a damaged one is an error.
func TestSparseRowsFile(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	b := sparseCase(rng, 60, 5000, 6, "weights")
	for _, metric := range []Metric{Cosine, Euclidean, Manhattan} {
		x, err := Fit(b, Options{Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		want, err := x.KNeighbors(b, 4, Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, write := range []func(*bytes.Buffer) (Stamp, error){
			func(w *bytes.Buffer) (Stamp, error) { return x.WriteFile(w, []byte("note")) },
			func(w *bytes.Buffer) (Stamp, error) { return x.WriteCompact(w, nil) },
		} {
			var w bytes.Buffer
			if _, err := write(&w); err != nil {
				t.Fatal(err)
			}
			y, err := OpenBytes(w.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			got, err := y.KNeighbors(y.Rows(0, y.Len()), 4, Search{Self: true})
			if err == nil {
				err = unlike(got, want)
			}
			if err != nil {
				t.Errorf("%s: %v", metric, err)
			}
			for range 40 {
				damaged := bytes.Clone(w.Bytes())
				damaged[aligned(headerBytes)+int64(rng.IntN(w.Len()-int(aligned(headerBytes))))] ^= byte(1 + rng.IntN(255))
				if y, err := OpenBytes(damaged); err == nil {
					y.KNeighbors(y.Rows(0, y.Len()), 4, Search{Self: true}) // may be wrong, and may not panic
				}
			}
		}
	}
}

// The distances are those of scikit-learn (testdata/sparse.py), of rows without any entry too.
func TestSparseRowsScikitLearn(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/sparse.json")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Dim       int
		Rows      [][][2]float64
		Distances map[Metric][][]float64
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: c.Dim, Sparse: &vectors.CSR{}}
	for i, row := range c.Rows {
		var columns []int32
		var values []float64
		for _, e := range row {
			columns, values = append(columns, int32(e[0])), append(values, e[1])
		}
		b.AppendSparse(columns, values, int64(i))
	}
	if len(c.Distances) != 6 {
		t.Fatalf("%d metrics", len(c.Distances))
	}
	for metric, want := range c.Distances {
		x, err := Fit(b, Options{Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		if x.points.csr == nil {
			t.Fatal("dense rows")
		}
		got, err := x.KNeighbors(b, len(want[0]), Search{Self: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			_, distances := got.Of(i)
			if want[i] == nil { // it has none
				continue
			}
			for j, d := range distances {
				// scikit-learn takes the root of a difference of squares.
				if tolerance := 1e-6; !(math.Abs(d-want[i][j]) <= tolerance*(1+want[i][j])) {
					t.Errorf("%s, row %d, neighbour %d: %v, want %v", metric, i, j, d, want[i][j])
				}
			}
		}
	}
}

// Rows by themselves, which have a column in common with fewer than k others, have the neighbours that all distances
// say, few as many of them, beside rows of zeros, in more than one block of lanes.
func TestSparseRowsAlone(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 9))
	for _, alone := range []int{leastLanes - 1, 2 * leastLanes} {
		b, some := &vectors.Block{Dim: 1 << 21, Sparse: &vectors.CSR{}}, []int32(nil)
		for i := range sparse.LaneRows + 50 {
			first, many := int32(100), 1+rng.IntN(12)
			if i%200 == 7 && len(some) < alone {
				first, many, some = int32(1000*(i+1)), 1+i/200, append(some, int32(i))
			} else if i%50 == 3 {
				many = 0
			}
			var columns []int32
			var values []float64
			for c := range many {
				columns, values = append(columns, first+int32(8*c+rng.IntN(8))), append(values, rng.ExpFloat64())
			}
			b.AppendSparse(columns, values, int64(i))
		}
		x, err := Fit(b, Options{Metric: Cosine})
		if err != nil {
			t.Fatal(err)
		}
		whole := *x.engine.(*sparseRows)
		whole.lists = nil
		y := &Index{opts: x.opts, points: x.points, magnitudes: x.magnitudes, engine: &whole}
		only := &vectors.Block{Dim: b.Dim, Sparse: &vectors.CSR{}}
		for _, i := range some {
			only.AppendRows(b, int(i), int(i)+1)
		}
		for _, self := range []bool{true, false} {
			queries := only
			if self {
				queries = b
			}
			got, err := x.KNeighbors(queries, 10, Search{Self: self, Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			want, err := y.KNeighbors(only, 10, Search{Self: self})
			if err != nil {
				t.Fatal(err)
			}
			for at, i := range some {
				if !self {
					i = int32(at)
				}
				positions, distances := got.Of(int(i))
				if p, d := want.Of(at); !slices.Equal(positions, p) || !slices.Equal(distances, d) {
					t.Errorf("%d rows alone, self %v: %v at %v, want %v at %v", alone, self, positions, distances, p, d)
				}
			}
		}
	}
}

// The distances of points that others have chosen are those of the search.
func TestEntryPairs(t *testing.T) {
	t.Parallel()
	const n, dim, some = 80, 500, 30
	for _, metric := range []Metric{Cosine, Euclidean, Jaccard} {
		for _, kind := range []string{"counts", "signed", "scales", "huge"} {
			if kind == "huge" && metric == Euclidean {
				continue
			}
			rng := rand.New(rand.NewPCG(3, 4))
			points := sparseCase(rng, n, dim, 12, kind)
			x, err := Fit(points, Options{Metric: metric, Algorithm: Brute})
			if err != nil {
				t.Fatal(err)
			}
			first, err := x.NewEntryPairs(points)
			if err != nil {
				t.Fatal(err)
			}
			all, err := x.KNeighbors(points, n, Search{})
			if err != nil {
				t.Fatal(err)
			}
			pairs := first.Another()
			for i := range n {
				order, known := all.Of(i)
				chosen := make([]int32, some)
				for j, p := range rng.Perm(n)[:some] {
					chosen[j] = int32(p)
				}
				for j, d := range pairs.Distances(i, chosen, nil) {
					if at := slices.Index(order, chosen[j]); math.Float64bits(known[at]) != math.Float64bits(d) {
						t.Fatalf("%s, %s: %v from row %d to %d, not %v", metric, kind, d, i, chosen[j], known[at])
					}
				}
			}
		}
	}
	x, err := Fit(sparseCase(rand.New(rand.NewPCG(3, 4)), n, 40, 30, "signed"), Options{Metric: Cosine, Algorithm: Brute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.NewEntryPairs(&vectors.Block{Dim: 40, Sparse: &vectors.CSR{}}); err == nil {
		t.Error("pairs of an index that stores rows with their zeros")
	}
}
