package kmeans

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// fit makes all passes over the rows, cut into parts, whose sums come in another order each time; the sums, and some
// states, travel encoded.
func fit(t testing.TB, o Options, rows *vectors.Block, parts int, seed uint64) *Model {
	t.Helper()
	f, err := NewFit(o, rows.Dim, nil)
	if err != nil {
		t.Fatal(err)
	}
	for !f.Done() {
		if err := pass(f, rows, parts, seed); err != nil {
			t.Fatal(err)
		}
		if f.Passes()%5 > 1 && !f.Done() {
			continue
		}
		state, err := f.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if f, err = Decode(state); err != nil {
			t.Fatal(err)
		}
	}
	return f.Model()
}

func pass(f *Fit, rows *vectors.Block, parts int, seed uint64) error {
	sum := linear.NewSum(parts)
	for _, i := range rand.New(rand.NewPCG(seed, 1)).Perm(parts) {
		p, q := f.Partial(i, parts), f.Partial(i, parts)
		lo, hi := rows.Len()*i/parts, rows.Len()*(i+1)/parts
		for _, cut := range [][2]int{{lo, (lo + hi) / 2}, {(lo + hi) / 2, hi}} {
			if err := p.PartialFit(linear.Of(rows.Slice(cut[0], cut[1]))); err != nil {
				return err
			}
		}
		b, err := p.MarshalBinary()
		if err != nil {
			return err
		}
		if err := q.UnmarshalBinary(b); err != nil {
			return err
		}
		if err := sum.Add(linear.Node{Index: i}, q); err != nil {
			return err
		}
	}
	total, err := sum.Total()
	if err != nil {
		return err
	}
	return f.Advance(total)
}

// others are the columns of files that are no features.
var others = map[string][]string{"digits": {"id", "target"}, "breast_cancer": {"target"}}

func load(t testing.TB, name string) *vectors.Block {
	t.Helper()
	if name == "line" {
		return block(t, 1, 0, 1, 2, 10, 11, 12, 30)
	}
	return lineartest.ReadRows(t, name+".csv", others[name]...)
}

func block(t testing.TB, dim int, values ...float64) *vectors.Block {
	t.Helper()
	b, err := vectors.FromFloat64(values, dim)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// Clusters, from the same centres, are scikit-learn's: inertia, number of iterations, centres, labels, silhouette, also
// where a cluster is empty on the way and gets the farthest row.
func TestScikitLearn(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name       string
		Rows       [][]float64
		Weights    []float64
		Init       [][]float64
		MaxIter    int `json:"max_iter"`
		Tol        float64
		Inertia    float64
		Iters      int         `json:"n_iter"`
		Centers    [][]float64 `json:"cluster_centers"`
		Labels     []int32
		Silhouette *float64
	}
	if err := json.Unmarshal(b, &all); err != nil || len(all) < 18 {
		t.Fatal(len(all), err)
	}
	for i, want := range all {
		if testing.Short() && want.Rows == nil {
			continue // many passes over a whole file; the other cases bring their rows
		}
		var rows *vectors.Block
		if want.Rows == nil {
			rows = load(t, want.Name)
		} else {
			rows = block(t, len(want.Rows[0]), slices.Concat(want.Rows...)...)
		}
		rows.Weights = want.Weights
		m := fit(t, Options{
			Clusters: []int{len(want.Init)}, Init: Given, Centers: want.Init, MaxIter: want.MaxIter, Tol: want.Tol,
		}, rows, 5, 1)
		if !near(m.Inertia, want.Inertia, 1e-12) || m.Iters != want.Iters {
			t.Errorf("%d %s: inertia %v after %d iterations, want %v after %d", i, want.Name, m.Inertia, m.Iters, want.Inertia,
				want.Iters)
		}
		for k, c := range want.Centers {
			for j, v := range c {
				if !(math.Abs(m.Centers[k][j]-v) <= 1e-11*max(1, math.Abs(v))) {
					t.Fatalf("%d %s: centre %d, column %d: %v, want %v", i, want.Name, k, j, m.Centers[k][j], v)
				}
			}
		}
		s, err := m.Searcher()
		if err != nil {
			t.Fatal(err)
		}
		labels, distances, err := s.Predict(linear.Of(rows))
		if err != nil || !slices.Equal(labels, want.Labels) {
			t.Errorf("%d %s: other labels, %v", i, want.Name, err)
		}
		inertia, sizes := 0.0, make([]int64, len(m.Sizes))
		for r, d := range distances {
			inertia += d * d * weights(want.Weights).of(r)
			sizes[labels[r]]++
		}
		if !near(inertia, m.Inertia, 1e-12) || !slices.Equal(sizes, m.Sizes) {
			t.Errorf("%d %s: predictions have inertia %v and sizes %v, the model %v and %v", i, want.Name, inertia, sizes,
				m.Inertia, m.Sizes)
		}
		got := m.Compared[0].Silhouette
		if rows.Len() > silhouetteMax || want.Weights != nil {
			continue // it is that of a sample, of rows whose weight is not 0
		}
		if (got == nil) != (want.Silhouette == nil) || got != nil && !(math.Abs(*got-*want.Silhouette) <= 1e-12) {
			t.Errorf("%d %s: silhouette %v, want %v", i, want.Name, got, want.Silhouette)
		}
	}
}

// The bytes of a model do not depend on the order in which parts come, nor on how a part is cut.
func TestSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many passes over thousands of rows")
	}
	t.Parallel()
	rows := load(t, "breast_cancer")
	for _, o := range []Options{
		{Clusters: []int{2, 5, 10}, Tol: 1e-4, Seed: 3, NInit: 2},
		{Clusters: []int{4}, Init: Random, Standardize: true, MaxIter: 5},
		{Clusters: []int{3, 9}, Init: Parallel, NInit: 2, MaxIter: 4},
	} {
		var first []byte
		for seed := range uint64(3) {
			var b bytes.Buffer
			if err := fit(t, o, rows, 6, seed).Save(&b); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b.Bytes()
			}
			if !bytes.Equal(first, b.Bytes()) {
				t.Fatalf("%+v: other bytes in another order", o)
			}
		}
	}
}

// What passes remember of rows spares searches, and changes no bit of a state, whatever the rows: clusters that
// overlap, whole numbers, of which many are equally near, and centres that coincide.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many passes over thousands of rows")
	}
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name         string
		rows, dim, k int
		value        func(row int) float64
		spares       bool
	}{
		{"overlapping", 4000, 20, 60, func(row int) float64 { return float64(row%50)*0.3 + r.NormFloat64() }, true},
		{"whole numbers", 1500, 6, 40, func(int) float64 { return float64(r.IntN(4)) }, false},
		{"few points", 500, 2, 30, func(row int) float64 { return float64(row % 7) }, false},
		{"tiny", 900, 4, 25, func(row int) float64 { return 1e-150 * (float64(row%30) + 0.1*r.NormFloat64()) }, false},
	} {
		var values []float64
		for i := range c.rows {
			for range c.dim {
				values = append(values, c.value(i))
			}
		}
		rows, kept := block(t, c.dim, values...), int64(0)
		var fits [2]*Fit
		for i := range fits {
			f, err := NewFit(Options{Clusters: []int{c.k}, Seed: 2, MaxIter: 60}, c.dim, nil)
			if err != nil {
				t.Fatal(err)
			}
			if fits[i] = f; i == 0 {
				f.room.left = 0
			}
		}
		for pass := 0; !fits[0].Done(); pass++ {
			var states [2][]byte
			for i, f := range fits {
				sum := f.Partial(0, 1)
				for at := 0; at < c.rows; at += 128 {
					if err := sum.PartialFit(linear.Of(rows.Slice(at, min(at+128, c.rows)))); err != nil {
						t.Fatal(err)
					}
				}
				if p, ok := sum.(*sums); ok && i == 1 && p.by[0] != nil {
					kept += p.by[0].spared
				}
				err := f.Advance(sum)
				if err == nil {
					states[i], err = f.MarshalBinary()
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(states[0], states[1]) {
				t.Fatalf("%s: another state after pass %d", c.name, pass)
			}
		}
		if c.spares && kept == 0 {
			t.Errorf("%s: no search was spared in %d passes", c.name, fits[0].Passes())
		}
	}
}

// Greedy k-means++ finds clusters that are apart, whatever the seed, and random starts with the best of ten; and of
// several numbers of clusters the silhouette tells theirs.
func TestFindsClusters(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	var values []float64
	for i := range 600 {
		for range 3 {
			values = append(values, 100*float64(i%6)+r.NormFloat64())
		}
	}
	rows := block(t, 3, values...)
	for seed := range uint64(2) {
		if testing.Short() && seed > 0 {
			break
		}
		for _, init := range []Init{PlusPlus, Parallel, Random} {
			o := Options{Clusters: []int{2, 3, 4, 5, 6, 7, 8, 9, 10}, Init: init, Tol: 1e-4, Seed: seed, NInit: 4}
			m := fit(t, o, rows, 4, seed)
			if len(m.Centers) != 6 && init != Random {
				t.Errorf("seed %d, %s: %d clusters", seed, init, len(m.Centers))
				continue
			}
			for k, n := range m.Sizes {
				if n != 100 && init != Random {
					t.Errorf("seed %d, %s: %d rows in cluster %d", seed, init, n, k)
				}
			}
			for i, c := range m.Compared[1:] {
				if c.Inertia > m.Compared[i].Inertia*1.5 {
					t.Errorf("seed %d, %s: inertia %v of %d clusters after %v", seed, init, c.Inertia, c.Clusters,
						m.Compared[i].Inertia)
				}
			}
		}
	}
}

// Columns that are standardized are those of a StandardScaler, and the centres are in the columns as they were read.
func TestStandardize(t *testing.T) {
	t.Parallel()
	rows := load(t, "breast_cancer")
	scaler := linear.NewStandardScaler(rows.Dim)
	if err := scaler.PartialFit(linear.Of(rows), nil); err != nil {
		t.Fatal(err)
	}
	scaled := &vectors.Block{Dim: rows.Dim, DType: vectors.Float64}
	row := make([]float64, rows.Dim)
	for i := range rows.Len() {
		x := slices.Clone(rows.Row(i, row))
		for j := range x {
			x[j] = (x[j] - scaler.Mean[j]) / scaler.Scale[j]
		}
		scaled.Append(x, int64(i))
	}
	o := Options{Clusters: []int{3}, Seed: 1, Tol: 1e-4}
	want := fit(t, o, scaled, 4, 1)
	o.Standardize = true
	got := fit(t, o, rows, 4, 1)
	if !near(got.Inertia, want.Inertia, 1e-9) || !slices.Equal(got.Sizes, want.Sizes) {
		t.Errorf("inertia %v, sizes %v; want %v, %v", got.Inertia, got.Sizes, want.Inertia, want.Sizes)
	}
	for k, c := range got.Centers {
		for j, v := range c {
			if w := want.Centers[k][j]*scaler.Scale[j] + scaler.Mean[j]; !(math.Abs(v-w) <= 1e-9*max(1, math.Abs(w))) {
				t.Fatalf("centre %d, column %d: %v, want %v", k, j, v, w)
			}
		}
	}
}

// Fewer rows that differ than clusters leave clusters empty, with a warning; fewer rows are refused.
func TestFaults(t *testing.T) {
	t.Parallel()
	constant := block(t, 2, 1, 2, 1, 2, 1, 2, 1, 2)
	m := fit(t, Options{Clusters: []int{3}, Tol: 1e-4, Standardize: true}, constant, 2, 1)
	if m.Inertia != 0 || slices.Max(m.Sizes) != 4 || len(m.Warnings()) != 1 {
		t.Errorf("constant rows: inertia %v, sizes %v, warnings %q", m.Inertia, m.Sizes, m.Warnings())
	}
	two := block(t, 1, 1, 1, 1, 5, 5)
	if m := fit(t, Options{Clusters: []int{4}}, two, 3, 1); m.Inertia != 0 || len(m.Warnings()) != 1 {
		t.Errorf("two points: inertia %v, sizes %v, warnings %q", m.Inertia, m.Sizes, m.Warnings())
	}
	f, err := NewFit(Options{Clusters: []int{2, 6}}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pass(f, two, 3, 1); err == nil || err.Error() != "n_clusters 6: rows are fewer: 5" {
		t.Errorf("six clusters of five rows: %v", err)
	}
	for _, standardize := range []bool{false, true} {
		for want, rows := range map[string]*vectors.Block{
			"column 0: its variance is beyond what float64 holds: divide it by some power of ten": block(t, 1, 1.7e308,
				-1.7e308, 1.6e308),
			"column 1: its variance is beyond what float64 holds: divide it by some power of ten": block(t, 2, 1, 1e160, 2,
				2e160),
			"column 0: its variance is below what float64 holds: multiply it by some power of ten": block(t, 1, 1e-200, 2e-200,
				9e-200),
			"column 1: its variance is below what float64 holds: multiply it by some power of ten": block(t, 2, 3, 1e-160, 3,
				2e-160, 3, 9e-160),
		} {
			if f, err = NewFit(Options{Clusters: []int{2}, Standardize: standardize}, rows.Dim, nil); err != nil {
				t.Fatal(err)
			}
			if err := pass(f, rows, 2, 1); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	// which is nothing beside the other column
	fit(t, Options{Clusters: []int{2}}, block(t, 2, 1e-200, 1, 2e-200, 5), 2, 1)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "n_clusters is needed: how many clusters to find"},
		{Options{Clusters: []int{0}}, "n_clusters [0]: must be from 1 to 1048576, and ascend"},
		{Options{Clusters: []int{3, 3}}, "n_clusters [3 3]: must be from 1 to 1048576, and ascend"},
		{Options{Clusters: []int{2}, Tol: math.NaN()}, "n_init 1, max_iter 300 and tol NaN: must be at least 1, 1 and 0"},
		{Options{Clusters: []int{2}, Init: Given, Centers: [][]float64{{1}}}, "n_clusters [2]: there are 1 initial centres"},
		{Options{Clusters: []int{1}, Init: Given, Centers: [][]float64{{1, 2}}},
			"init: centre 0 has 2 columns, the rows have 1"},
		{Options{Clusters: []int{2}, Init: "kmeans"}, `init "kmeans": must be k-means++, k-means||, random, or centres`},
	} {
		if _, err := NewFit(c.o, 1, nil); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// A file has what the model has, and nothing else is read.
func TestFile(t *testing.T) {
	t.Parallel()
	m := fit(t, Options{Clusters: []int{2, 3}, Standardize: true}, load(t, "line"), 2, 1)
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	got, err := Load("m.json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := got.Save(&b); err != nil || b.String() != text {
		t.Errorf("%v: %s", err, b.String())
	}
	for _, c := range []struct{ from, to, want string }{
		{"beamlearn.kmeans", "beamlearn.eigen", `format "beamlearn.eigen"`},
		{`"version":1`, `"version":2`, "version 2"},
		{`"n_samples":7`, `"n_samples":8`, "7 rows in all clusters, of 8"},
		{`"n_samples":7,`, ``, "0 rows"},
		{`"version":1,`, `"version":1,"versions":1,`, "unknown field"},
		{`"n_samples":7`, `"n_samples":7,"n_samples":7`, "twice"},
		{`"mean":[`, `"mean":[1,`, "2 means"},
		{`"standardize":true`, `"standardize":false`, "standardize false"},
		{`{`, ``, "text that begins with"},
		{`{`, `[{`, "JSON that is cut off"},
		{text, "[]", "a JSON array"},
		{`"mean":[`, `"feature_names":["a","a"],"mean":[`, "2 names and 1 scales of 1 features"},
		{`"cluster_centers":[[`, `"cluster_centers":[[1,`, "2 numbers in centre 0"},
	} {
		damaged := strings.Replace(text, c.from, c.to, 1)
		if _, err := Load("m.json", strings.NewReader(damaged)); err == nil || !strings.HasPrefix(err.Error(), "m.json: ") ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s → %s: %v, want %s", c.from, c.to, err, c.want)
		}
	}
}

// Centres that settle in the last of the iterations have settled.
func TestSettled(t *testing.T) {
	t.Parallel()
	rows := load(t, "breast_cancer")
	o := Options{Clusters: []int{3}}
	o.MaxIter = fit(t, o, rows, 2, 1).Iters
	if m := fit(t, o, rows, 2, 1); m.Iters != o.MaxIter || len(m.Warnings()) != 0 {
		t.Errorf("%d iterations of %d: %q", m.Iters, o.MaxIter, m.Warnings())
	}
	o.MaxIter--
	if m := fit(t, o, rows, 2, 1); len(m.Warnings()) != 1 {
		t.Errorf("%d iterations of %d: %q", m.Iters, o.MaxIter, m.Warnings())
	}
}

// A column is not read twice, by two features of its name.
func TestNamesTwice(t *testing.T) {
	t.Parallel()
	f, err := NewFit(Options{Clusters: []int{2}}, 2, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	for rows := block(t, 2, 1, 1, 1, 2, 5, 6); err == nil && !f.Done(); {
		err = pass(f, rows, 1, 1)
	}
	var b bytes.Buffer
	if err := errors.Join(err, f.Model().Save(&b)); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(b.String(), `"feature_names":["a","b"]`, `"feature_names":["b","b"]`, 1)
	if _, err := Load("m.json", strings.NewReader(text)); err == nil ||
		!strings.Contains(err.Error(), `two features of the name "b"`) {
		t.Error(err)
	}
}

// A state or sums that are damaged are refused.
func TestState(t *testing.T) {
	t.Parallel()
	rows := load(t, "line")
	f, err := NewFit(Options{Clusters: []int{2}}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, b := range []string{"", "{}", "[]", "null", `[{"Rows":"AAAA"}]`, `{"Rows":5,"Ranks":[1]}`} {
			if err := f.Partial(0, 1).UnmarshalBinary([]byte(b)); err == nil {
				t.Errorf("a part reads %q", b)
			}
			if _, err := Decode([]byte(b)); err == nil {
				t.Errorf("a fit reads %q", b)
			}
		}
		if err := pass(f, rows, 2, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// k-means|| finds small clusters of which a sample has no row, and weights count in its draws.
func TestParallel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many passes over thousands of rows")
	}
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 9))
	rows := &vectors.Block{Dim: 2, DType: vectors.Float64}
	const n, small = 30_000, 12
	for i := range n {
		at := []float64{r.NormFloat64(), r.NormFloat64()}
		if i%(n/small) == 7 { // each by itself, and far from all others
			at = []float64{1000 * float64(i/(n/small)+1), at[1]}
		}
		rows.Append(at, int64(i))
	}
	found := map[Init]float64{}
	for _, init := range []Init{Parallel, PlusPlus} {
		found[init] = fit(t, Options{Clusters: []int{small + 1}, Init: init, Seed: 1, MaxIter: 10}, rows, 5, 1).Inertia
	}
	if found[Parallel] > 3*n || found[PlusPlus] < 10*found[Parallel] {
		t.Errorf("inertia %v by k-means||, %v by k-means++ on a sample", found[Parallel], found[PlusPlus])
	}
	rows.Weights = make([]float64, n)
	for i := range rows.Weights {
		if rows.F64[2*i] < 999 || i%5 == 0 {
			rows.Weights[i] = 1
		}
	}
	for _, c := range fit(t, Options{Clusters: []int{small + 1}, Init: Parallel, MaxIter: 1}, rows, 3, 1).Centers {
		if at := int(math.Round(c[0] / 1000)); at > 0 && ((at-1)*(n/small)+7)%5 != 0 {
			t.Errorf("a centre at %v, where the row has no weight", c)
		}
	}
}

// The tolerance is a share of the columns' variance: rows in another unit, of a power of two, take as many iterations
// to the same clusters.
func TestUnits(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	values, far := make([]float64, 2000*3), make([]float64, 2000*3)
	for i := range values {
		values[i] = rng.NormFloat64()
		far[i] = values[i] * 0x1p-12
	}
	all := make([]*Model, 2)
	for i, v := range [][]float64{values, far} {
		rows, err := vectors.FromFloat64(v, 3)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = fit(t, Options{Clusters: []int{8}, Tol: 1e-4, Seed: 1}, rows, 2, 1)
	}
	a, b := all[0], all[1]
	if a.Iters != b.Iters || !slices.Equal(a.Sizes, b.Sizes) {
		t.Errorf("%d iterations to clusters of %v rows, in another unit %d to %v", a.Iters, a.Sizes, b.Iters, b.Sizes)
	}
}

// Of starts that end with the same inertia the first counts, and of numbers of clusters with the same silhouette.
func TestFirstOfEquals(t *testing.T) {
	start := func(center, inertia float64) *run {
		return &run{Clusters: 1, Centers: floats{center}, Curve: floats{inertia}, Sizes: []int64{int64(center)}}
	}
	f := &Fit{options: Options{Clusters: []int{1, 1}, NInit: 2}, features: 1,
		runs: []*run{start(1, 5), start(2, 5), start(3, 4), start(4, 3)}}
	f.scaling.mean = []float64{0}
	if got := f.best(0); got != f.runs[0] {
		t.Errorf("the start with the centre %v, want the first", got.Centers)
	}
	if got := f.best(1); got != f.runs[3] {
		t.Errorf("the start with the centre %v, want that of least inertia", got.Centers)
	}
	f.take([]Comparison{{Silhouette: new(0.5)}, {Silhouette: new(0.5)}})
	if got := f.model.Sizes; !slices.Equal(got, []int64{1}) {
		t.Errorf("of equal silhouettes not the first number of clusters: sizes %v", got)
	}
}
