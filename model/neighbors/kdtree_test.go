package neighbors

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/vectors"
)

var treeOptions = []Options{
	{Metric: Euclidean},
	{Metric: SqEuclidean},
	{Metric: Manhattan},
	{Metric: Chebyshev},
	{Metric: Minkowski, P: 1.5},
	{Metric: Minkowski, P: 3},
}

// treeData makes n×dim values of one kind, row-major.
var treeData = []struct {
	name string
	make func(r *rand.Rand, n, dim int) []float64
}{
	{"uniform", each(func(r *rand.Rand) float64 { return r.Float64() })},
	{"float32", each(func(r *rand.Rand) float64 { return float64(r.Float32()) })},
	{"constant", each(func(*rand.Rand) float64 { return 0.1 })},
	{"binary", each(func(r *rand.Rand) float64 { return float64(r.IntN(2)) })},
	{"grid", each(func(r *rand.Rand) float64 { return float64(r.IntN(7) - 3) })},
	{"large mean", each(func(r *rand.Rand) float64 { return 1e9 + r.NormFloat64()*1e-3 })},
	{"largest", each(func(r *rand.Rand) float64 { return (r.Float64()*2 - 1) * math.MaxFloat64 })},
	{"signs of the largest", each(func(r *rand.Rand) float64 { return float64(2*r.IntN(2)-1) * math.MaxFloat64 })},
	{"every exponent", each(func(r *rand.Rand) float64 { return math.Ldexp(r.Float64()-0.5, r.IntN(2090)-1070) })},
	{"subnormal", each(func(r *rand.Rand) float64 { return float64(r.IntN(9)-4) * 0x1p-1074 })},
	{"squares underflow", each(func(r *rand.Rand) float64 { return r.NormFloat64() * 0x1p-530 })},
	{"zeros of both signs", each(func(r *rand.Rand) float64 { return math.Copysign(0, r.Float64()-0.5) })},
	{"one large column", func(r *rand.Rand, n, dim int) []float64 {
		v := make([]float64, n*dim)
		for i := range v {
			v[i] = r.NormFloat64()
			if i%dim == dim-1 {
				v[i] *= 1e12
			}
		}
		return v
	}},
	{"clusters", func(r *rand.Rand, n, dim int) []float64 {
		v := make([]float64, n*dim)
		for i := range n {
			c := r.IntN(5)
			for j := range dim {
				v[i*dim+j] = float64(c*c*(j+1)%7) + r.NormFloat64()*math.Pow(10, -float64(c))
			}
		}
		return v
	}},
	{"duplicates", func(r *rand.Rand, n, dim int) []float64 {
		v := make([]float64, n*dim)
		for i := range n {
			if i > 3 && r.IntN(3) > 0 {
				copy(v[i*dim:(i+1)*dim], v[r.IntN(i)*dim:])
				continue
			}
			for j := range dim {
				v[i*dim+j] = r.NormFloat64()
			}
		}
		return v
	}},
}

func each(f func(*rand.Rand) float64) func(*rand.Rand, int, int) []float64 {
	return func(r *rand.Rand, n, dim int) []float64 {
		v := make([]float64, n*dim)
		for i := range v {
			v[i] = f(r)
		}
		return v
	}
}

// blockOf makes a block, float32 where that holds every value.
func blockOf(t testing.TB, values []float64, dim int) *vectors.Block {
	t.Helper()
	b := &vectors.Block{Dim: dim}
	for i := 0; i*dim < len(values); i++ {
		if j := b.Append(values[i*dim:(i+1)*dim], int64(i)); j >= 0 {
			t.Fatalf("row %d, column %d: %v is not finite", i, j, values[i*dim+j])
		}
	}
	return b
}

// rowsOf is a block of some rows of another, numbered and named as there.
func rowsOf(t testing.TB, b *vectors.Block, rows []int) *vectors.Block {
	t.Helper()
	c := &vectors.Block{Dim: b.Dim}
	for _, i := range rows {
		if j := c.Append(b.Row(i, make([]float64, b.Dim)), b.Numbers[i]); j >= 0 {
			t.Fatalf("row %d is not finite", i)
		}
		if b.IDs.Len() > 0 {
			c.AppendID(b.ID(i))
		}
	}
	return c
}

func fit(t testing.TB, b *vectors.Block, o Options, a Algorithm) *Index {
	t.Helper()
	o.Algorithm = a
	x, err := Fit(b, o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func kNeighbors(t testing.TB, x *Index, q *vectors.Block, k int, s Search) *Neighbors {
	t.Helper()
	n, err := x.KNeighbors(q, k, s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func radiusNeighbors(t testing.TB, x *Index, q *vectors.Block, r float64, s Search) *Neighbors {
	t.Helper()
	n, err := x.RadiusNeighbors(q, r, s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// same compares answers bit for bit.
func same(t *testing.T, got, want *Neighbors) {
	t.Helper()
	if !slices.Equal(got.Offsets, want.Offsets) {
		t.Fatalf("%d neighbours, want %d", len(got.Positions), len(want.Positions))
	}
	for i := range want.Len() {
		gp, gd := got.Of(i)
		wp, wd := want.Of(i)
		for j := range wp {
			if gp[j] != wp[j] || math.Float64bits(gd[j]) != math.Float64bits(wd[j]) {
				t.Fatalf("query %d, rank %d: point %d at %v, want point %d at %v", i, j, gp[j], gd[j], wp[j], wd[j])
			}
		}
	}
}

// ofEngine is what an engine finds, before distances of extreme values are put right: see Index.correct.
func ofEngine(t testing.TB, x *Index, q *vectors.Block, k int, s Search) *Neighbors {
	t.Helper()
	exclude, err := x.check(q, s)
	if err != nil {
		t.Fatal(err)
	}
	n := q.Len()
	out := &Neighbors{Offsets: make([]int64, n+1), Positions: make([]int32, n*k), Distances: make([]float64, n*k)}
	for i := range out.Offsets {
		out.Offsets[i] = int64(i * k)
	}
	x.engine.kNeighbors(q, exclude, k, s, out.Positions, out.Distances)
	return out
}

func withinOfEngine(t testing.TB, x *Index, q *vectors.Block, r float64, s Search) *Neighbors {
	t.Helper()
	exclude, err := x.check(q, s)
	if err != nil {
		t.Fatal(err)
	}
	return x.engine.radiusNeighbors(q, exclude, r, s)
}

// prefix is the k nearest of answers with more.
func prefix(all *Neighbors, k int) *Neighbors {
	first := &Neighbors{Offsets: []int64{0}}
	for i := range all.Len() {
		positions, distances := all.Of(i)
		first.Positions, first.Distances = append(first.Positions, positions[:k]...),
			append(first.Distances, distances[:k]...)
		first.Offsets = append(first.Offsets, int64(len(first.Positions)))
	}
	return first
}

// notFarther are those of answers within a radius.
func notFarther(all *Neighbors, radius float64) *Neighbors {
	near := &Neighbors{Offsets: []int64{0}}
	for i := range all.Len() {
		positions, distances := all.Of(i)
		for j, d := range distances {
			if d <= radius {
				near.Positions, near.Distances = append(near.Positions, positions[j]), append(near.Distances, d)
			}
		}
		near.Offsets = append(near.Offsets, int64(len(near.Positions)))
	}
	return near
}

func TestKDTreeAgainstBrute(t *testing.T) {
	for turn, o := range treeOptions {
		most, large := 30, 1000 // queries and points: brute force is the slower side
		if o.Metric == Minkowski {
			most, large = 6, 400 // slower still
		}
		for i, data := range treeData {
			if brief() && i > 0 {
				break
			}
			t.Run(fmt.Sprintf("%s %v/%s", o.Metric, o.P, data.name), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(1, 2))
				for at, dim := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 20} {
					// Every dimension with each of the data and some metric; with the first data, and two metrics.
					if step := 3 + 3*min(i, 1); (at+i+turn)%step > 0 || brief() && (at+turn)%6 > 0 {
						continue
					}
					for _, n := range []int{1, 2, 3, 8, 9, 17, 64, 65, 300, 1 + r.IntN(large)} {
						b := blockOf(t, data.make(r, n, dim), dim)
						tree, brute := fit(t, b, o, KDTree), fit(t, b, o, Brute)
						own := rowsOf(t, b, r.Perm(n)[:min(n, most)])
						foreign := blockOf(t, data.make(r, min(n, most)/2+1, dim), dim)
						self := Search{Self: true}
						greatest := n
						if n > 300 {
							greatest = 70
						}
						nearest := ofEngine(t, brute, foreign, greatest, Search{})
						var ofOwn *Neighbors
						if n > 1 {
							ofOwn = ofEngine(t, brute, own, min(greatest, n-1), self)
						}
						for _, k := range []int{1, 10, 70, n - 1, n} {
							if k > greatest || k < 1 {
								continue
							}
							same(t, ofEngine(t, tree, foreign, k, Search{}), prefix(nearest, k))
							if k < n {
								same(t, ofEngine(t, tree, own, k, self), prefix(ofOwn, k))
							}
						}
						// Radii that are distances, and their neighbours among the numbers.
						d := nearest.Distances[min(n, 6)-1]
						radii := []float64{math.Inf(1), math.Nextafter(d, math.Inf(1)), d, math.Nextafter(d, -1), 0, -1}
						if n > 300 {
							radii = radii[1:]
						}
						// Brute force is asked for the widest one, and finds within the others what is not farther.
						allOfForeign := withinOfEngine(t, brute, foreign, radii[0], Search{})
						allOfOwn := withinOfEngine(t, brute, own, radii[0], self)
						for _, radius := range radii {
							same(t, withinOfEngine(t, tree, foreign, radius, Search{}), notFarther(allOfForeign, radius))
							same(t, withinOfEngine(t, tree, own, radius, self), notFarther(allOfOwn, radius))
						}
					}
				}
			})
		}
	}
}

func TestKDTreeLeavesOutTheRowItself(t *testing.T) {
	b := blockOf(t, []float64{1, 1, 1}, 1)
	n := kNeighbors(t, fit(t, b, Options{}, KDTree), b, 1, Search{Self: true})
	if want := []int32{1, 0, 0}; !slices.Equal(n.Positions, want) {
		t.Errorf("positions %v, want %v", n.Positions, want)
	}
	if want := []float64{0, 0, 0}; !slices.Equal(n.Distances, want) {
		t.Errorf("distances %v, want %v", n.Distances, want)
	}
}

// With equal points everywhere, the neighbours are the first points; to look at all would take 10⁹ distances.
func TestKDTreeManyEqualPoints(t *testing.T) {
	const k = 3
	n := 30_000
	if testing.Short() {
		n = 3000
	} else if brief() {
		n = 10_000
	}
	for _, o := range treeOptions {
		for _, distinct := range []int{1, 2} {
			values := make([]float64, n)
			for i := range values {
				values[i] = float64(i % distinct)
			}
			b := blockOf(t, values, 1)
			got := kNeighbors(t, fit(t, b, o, KDTree), b, k, Search{Self: true})
			for i := range n {
				var want []int32
				for p := i % distinct; len(want) < k; p += distinct {
					if p != i {
						want = append(want, int32(p))
					}
				}
				if p, d := got.Of(i); !slices.Equal(p, want) || d[k-1] != 0 {
					t.Fatalf("%s, %d distinct: neighbours of point %d: %v at %v, want %v at 0", o.Metric, distinct, i, p, d, want)
				}
			}
		}
	}
}

func TestKDTreeThreadsAndChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n, dim = 3 * forkSize, 3
	values := make([]float64, n*dim)
	for i := range values {
		values[i] = float64(r.IntN(40))
	}
	b := blockOf(t, values, dim)
	tree := fit(t, b, Options{}, KDTree)
	want := kNeighbors(t, tree, b, 10, Search{Self: true, Threads: 1})
	brute := rowsOf(t, b, r.Perm(n)[:50])
	same(t, kNeighbors(t, tree, brute, 10, Search{Self: true}),
		kNeighbors(t, fit(t, b, Options{}, Brute), brute, 10, Search{Self: true}))
	for _, threads := range []int{2, 3, 16} {
		same(t, kNeighbors(t, tree, b, 10, Search{Self: true, Threads: threads}), want)
	}
	for _, chunk := range []int{1000, 4999, n - 1} {
		got := &Neighbors{Offsets: []int64{0}}
		for lo := 0; lo < n; lo += chunk {
			rows := make([]int, min(chunk, n-lo))
			for i := range rows {
				rows[i] = lo + i
			}
			part := kNeighbors(t, tree, rowsOf(t, b, rows), 10, Search{Self: true})
			for i := range rows {
				p, d := part.Of(i)
				got.Positions, got.Distances = append(got.Positions, p...), append(got.Distances, d...)
				got.Offsets = append(got.Offsets, int64(len(got.Positions)))
			}
		}
		same(t, got, want)
	}
}

// The number of goroutines that build does not change the tree.
func TestKDTreeBuildIsDeterministic(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n, dim = 4*forkSize + 5, 2
	values := make([]float64, n*dim)
	for i := range values {
		values[i] = float64(r.IntN(100))
	}
	p := &points{n: n, dim: dim, f64: values}
	var want []int32
	for threads := 1; threads <= 5; threads++ {
		b := newBuilder(p)
		b.split(0, b.slots, threads)
		if want == nil {
			want = b.order
		}
		if !slices.Equal(b.order, want) {
			t.Errorf("another order with %d threads", threads)
		}
	}
}

func TestKDTreeConcurrentSearches(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	values := make([]float64, 2000*3)
	for i := range values {
		values[i] = r.NormFloat64()
	}
	b := blockOf(t, values, 3)
	x := fit(t, b, Options{}, KDTree)
	want := kNeighbors(t, x, b, 5, Search{Self: true})
	wantRadius := radiusNeighbors(t, x, b, 0.3, Search{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			if i%2 == 0 {
				if got, err := x.KNeighbors(b, 5, Search{Self: true, Threads: 2}); err != nil ||
					!slices.Equal(got.Positions, want.Positions) {
					t.Errorf("another answer, or the error %v", err)
				}
			} else if got, err := x.RadiusNeighbors(b, 0.3, Search{Threads: 2}); err != nil ||
				!slices.Equal(got.Positions, wantRadius.Positions) {
				t.Errorf("another answer, or the error %v", err)
			}
		})
	}
	wg.Wait()
}

func TestSelectItem(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	orders := map[string]func(i, n int) float64{
		"random":     func(int, int) float64 { return r.Float64() },
		"few":        func(int, int) float64 { return float64(r.IntN(3)) },
		"equal":      func(int, int) float64 { return 1 },
		"ascending":  func(i, _ int) float64 { return float64(i) },
		"descending": func(i, _ int) float64 { return -float64(i) },
		"organ pipe": func(i, n int) float64 { return float64(min(i, n-i)) },
		"sawtooth":   func(i, _ int) float64 { return float64(i % 7) },
	}
	for name, key := range orders {
		for _, n := range []int{1, 2, 3, 8, 9, 10, 50, 1000} {
			for _, at := range []int{0, n / 3, n / 2, n - 1} {
				s := make([]item, n)
				for i, p := range r.Perm(n) {
					s[i] = item{key(i, n), int32(p)}
				}
				sorted := slices.Clone(s)
				slices.SortFunc(sorted, compareItems)
				selectItem(s, at)
				if s[at] != sorted[at] {
					t.Fatalf("%s: item %d of %d is %v, want %v", name, at, n, s[at], sorted[at])
				}
				for i, v := range s {
					if i < at && !v.before(s[at]) || i > at && !s[at].before(v) {
						t.Fatalf("%s: item %v on the wrong side of item %d of %d, %v", name, v, at, n, s[at])
					}
				}
			}
		}
	}
}

// The distances of a box bound those of all points in it, as computed, whatever the rounding does.
func TestKDTreeLowerBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	r := rand.New(rand.NewPCG(11, 12))
	for _, o := range append(treeOptions, Options{Metric: Minkowski, P: 1.0000001}, Options{Metric: Minkowski, P: 2.5},
		Options{Metric: Minkowski, P: 40}) {
		for _, data := range treeData {
			for _, dim := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 24} {
				b := blockOf(t, data.make(r, 60, dim), dim)
				o.Algorithm = KDTree
				o.EnsureDefaults()
				x, err := Fit(b, o)
				if err != nil {
					t.Fatal(err)
				}
				tree := x.engine.(*kdTree)
				q := blockOf(t, data.make(r, 20, dim), dim)
				for i := range q.Len() {
					if tree.f64 != nil {
						checkBounds(t, newFinder(tree, tree.f64), q, i, b)
					} else {
						checkBounds(t, newFinder(tree, tree.f32), q, i, b)
					}
				}
			}
		}
	}
}

func checkBounds[T float](t *testing.T, f *finder[T], q *vectors.Block, i int, b *vectors.Block) {
	t.Helper()
	f.load(q, i)
	x, y := make([]float64, b.Dim), make([]float64, b.Dim)
	for node := range f.t.inner {
		f.boxes(f.q, f.b.group(node), 0, &f.out)
		for c := range f.t.children(node) {
			bound := f.t.lower(f.out[c])
			for _, p := range below(f.t, f.t.child(node)+c) {
				// As the engine computes it: what leaves float64's range is put right after the search.
				reduced := reducedOf(&f.t.o, &prepared{x: q.Row(i, x)}, b.Row(int(p), y), 1)
				if d := f.t.o.finish(reduced, b.Dim); bound > d {
					t.Fatalf("%s %v: the points of child %d of node %d are at least %v away, and point %d is at %v",
						f.t.o.Metric, f.t.o.P, c, node, bound, p, d)
				}
			}
		}
	}
}

// below are the positions of the points of a node.
func below(t *kdTree, node int) []int32 {
	lo, hi := node, node
	for lo < t.inner {
		lo, hi = t.child(lo), t.child(hi)+t.children(hi)-1
	}
	return t.order[t.place(lo-t.inner):t.place(hi-t.inner+1)]
}

// The slack of Minkowski's bounds rests on the accuracy of elementary.Pow.
func TestPowAccuracy(t *testing.T) {
	r, times := rand.New(rand.NewPCG(13, 14)), 20000
	if testing.Short() {
		times = 4000
	}
	for range times {
		// For an exponent of n/2ᵐ the power is exact in big arithmetic but for the last root, which squaring undoes.
		halvings := r.IntN(4)
		n := 1 + r.IntN(24<<halvings)
		x := math.Ldexp(1+r.Float64(), r.IntN(80)-40)
		y := math.Ldexp(float64(n), -halvings)
		got := elementary.Pow(x, y)
		if got < 0x1p-900 || math.IsInf(got, 1) {
			continue
		}
		want := power(x, n)
		ratio := new(big.Float).Quo(power(got, 1<<halvings), want)
		e, _ := ratio.Sub(ratio, big.NewFloat(1)).Float64()
		if e = math.Abs(e) / float64(int(1)<<halvings); e > minkowskiSlack(y, 1)/8 {
			t.Fatalf("pow(%v, %v) = %v has the relative error %v", x, y, got, e)
		}
	}
}

func power(x float64, n int) *big.Float {
	p := big.NewFloat(1).SetPrec(300)
	for range n {
		p.Mul(p, big.NewFloat(x))
	}
	return p
}

func BenchmarkKDTree(b *testing.B) {
	for _, dim := range []int{3, 8} {
		const n = 200_000
		r := rand.New(rand.NewPCG(15, 16))
		values := make([]float32, n*dim)
		for i := range values {
			values[i] = r.Float32()
		}
		block, err := vectors.FromFloat32(values, dim)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("200k×%d/fit", dim), func(b *testing.B) {
			for b.Loop() {
				fit(b, block, Options{}, KDTree)
			}
		})
		x := fit(b, block, Options{}, KDTree)
		for _, k := range []int{10, 100} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("200k×%d/k=%d/threads=%d", dim, k, threads), func(b *testing.B) {
					for b.Loop() {
						kNeighbors(b, x, block, k, Search{Self: true, Threads: threads})
					}
				})
			}
		}
	}
}
