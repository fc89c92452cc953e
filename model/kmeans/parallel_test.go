package kmeans

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// nearestOf is the candidate of a run that is nearest to a row, and their squared distance.
func nearestOf(r *run, row []float64) (at int, square float64) {
	square = math.Inf(1)
	for k := range len(r.Centers) / len(row) {
		sum := 0.0
		for j, v := range row {
			d := v - r.Centers[k*len(row)+j]
			sum += d * d
		}
		if sum < square {
			at, square = k, sum
		}
	}
	return at, square
}

// shortest are so many rows whose waits are the shortest, in their order, by the hashes of a seed.
func shortest(r *run, rows *vectors.Block, seed uint64, most int) []int {
	n := rows.Len()
	waits, order := make([]float64, n), make([]int, n)
	for i := range n {
		_, square := nearestOf(r, rows.F64[i*rows.Dim:(i+1)*rows.Dim])
		u := (float64(splitmix.Mix(uint64(i)^seed)>>11) + 0.5) / (1 << 53)
		waits[i], order[i] = math.Inf(1), i
		if chance := square * rows.Weights[i]; chance > 0 {
			waits[i] = -math.Log(u) / chance
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(waits[a], waits[b]) })
	return order[:most]
}

// Each round of k-means|| draws the rows whose waits are the shortest, of all rows by themselves: a wait is
// exponential, at the rate of the squared distance to the nearest row drawn before, times the weight. The last pass
// adds up the weights of the rows nearest to each. Here loops over all rows do so, in the arithmetic of float64.
func TestDraws(t *testing.T) {
	t.Parallel()
	const n, dim = 700, 3
	rng := rand.New(rand.NewPCG(5, 6))
	rows := &vectors.Block{Dim: dim, DType: vectors.Float64}
	for i := range n {
		rows.Append([]float64{rng.NormFloat64() + 5*float64(i%7), rng.NormFloat64(), rng.ExpFloat64()}, int64(i))
		rows.Weights = append(rows.Weights, float64(i%4)) // of which some are 0
	}
	o := Options{Clusters: []int{4, 9}, NInit: 2, Init: Parallel, Seed: 77}
	f, err := NewFit(o, dim, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pass(f, rows, 3, 1); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		want := make([][]float64, len(f.runs))
		for k, r := range f.runs {
			want[k] = slices.Clone(r.Centers)
			if len(want[k]) != dim*(1+round*drawnEach*r.Clusters) {
				t.Fatalf("run %d has %d candidates before round %d", k, len(want[k])/dim, round)
			}
			seed := splitmix.Mix(o.Seed ^ splitmix.Mix(uint64(k)<<8+uint64(rounds+1-round)))
			for _, i := range shortest(r, rows, seed, drawnEach*r.Clusters) {
				want[k] = append(want[k], rows.F64[i*dim:(i+1)*dim]...)
			}
		}
		if err := pass(f, rows, 3+round, uint64(round)); err != nil {
			t.Fatal(err)
		}
		for k, r := range f.runs {
			if !slices.Equal(r.Centers, want[k]) {
				t.Fatalf("round %d, run %d: candidates %v, want %v", round, k, r.Centers, want[k])
			}
		}
	}
	p := f.Partial(0, 1).(*drawing)
	if err := p.PartialFit(linear.Of(rows)); err != nil {
		t.Fatal(err)
	}
	for k, r := range f.runs {
		want := make(floats, len(r.Centers)/dim)
		for i := range n {
			at, _ := nearestOf(r, rows.F64[i*dim:(i+1)*dim])
			want[at] += rows.Weights[i]
		}
		if !slices.Equal(p.of[k].weights, want) {
			t.Errorf("run %d: weights %v, want %v", k, p.of[k].weights, want)
		}
	}
	if err := f.Advance(p); err != nil {
		t.Fatal(err)
	}
	for k, r := range f.runs {
		if len(r.Centers) != dim*r.Clusters {
			t.Errorf("run %d begins with %d centres", k, len(r.Centers)/dim)
		}
	}
	if slices.Equal(f.runs[0].Centers, f.runs[1].Centers) {
		t.Error("two starts begin with the same centres")
	}
}

// Centres begin where rows have a weight, of which there must be as many; those that are given need only one.
func TestRowsOfWeight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		init     Init
		clusters int
		weights  []float64
		want     string
	}{
		{PlusPlus, 2, []float64{0, 1, 0, 0.5, 0}, ""},
		{PlusPlus, 3, []float64{0, 1, 0, 0.5, 0}, "n_clusters 3: rows whose weight is not 0 are fewer: 2"},
		{Random, 3, []float64{0, 1, 0, 0.5, 0}, "n_clusters 3: rows whose weight is not 0 are fewer: 2"},
		{Given, 3, []float64{0, 1, 0, 0.5, 0}, ""},
		{Given, 3, []float64{0, 0, 0, 0, 0}, "n_clusters 3: rows whose weight is not 0 are fewer: 0"},
	} {
		o := Options{Clusters: []int{c.clusters}, Init: c.init}
		if c.init == Given {
			o.Centers = [][]float64{{1}, {2}, {9}}
		}
		f, err := NewFit(o, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows := block(t, 1, 1, 2, 3, 8, 9)
		rows.Weights = c.weights
		if err := pass(f, rows, 2, 1); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Where all rows stand on centres, no cluster that is empty can get a row that is far: no pass looks for one.
func TestNoPassForEmptyClusters(t *testing.T) {
	t.Parallel()
	f, err := NewFit(Options{Clusters: []int{4}}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for !f.Done() {
		if err := pass(f, block(t, 1, 1, 1, 1, 5, 5), 2, 1); err != nil {
			t.Fatal(err)
		}
	}
	if m := f.Model(); f.Passes() != 2 || m.Iters != 1 || m.Inertia != 0 {
		t.Errorf("%d passes, %d iterations, inertia %v", f.Passes(), m.Iters, m.Inertia)
	}
}
