package neighbors

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// Queries that may not have all points have a first bound, too, whatever the size of the groups, and no neighbour of
// theirs is beyond it.
func TestSeedOfRules(t *testing.T) {
	t.Parallel()
	const n, dim, k = 1000, 24, 8
	rng := rand.New(rand.NewPCG(5, 6))
	points := &vectors.Block{Dim: dim}
	row, groups := make([]float64, dim), make([]int32, n)
	for i := range n {
		for j := range row {
			row[j] = rng.NormFloat64()
		}
		points.Append(row, int64(i))
		groups[i] = int32(i / 400) // which come together
	}
	for name, by := range map[string]Search{
		"apart": {Self: true, Apart: &Apart{Points: groups, Queries: groups, Largest: 400}},
		"most":  {Self: true, Most: &Most{Groups: groups, Number: 3, Largest: 400}},
		"most and before": {Self: true, Most: &Most{Groups: groups, Number: 4, Largest: 400},
			Before: &Before{Points: groups, Queries: groups}},
	} {
		o := optionsOf(Euclidean, dim)
		x, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range seedLevels() {
			engine := newTiled(&x.points, x.opts.resolve(), level)
			states := seeded(engine, points, by, k)
			found, err := withEngine(t, points, o, engine).KNeighbors(points, k, by)
			if err != nil {
				t.Fatal(err)
			}
			for i := range states {
				_, distances := found.Of(i)
				bound := states[i].bound
				switch {
				case len(distances) < k && !math.IsInf(bound, 1):
					t.Fatalf("%s, %s, query %d: a bound, of %d neighbours", name, level.Name, i, len(distances))
				case len(distances) == k && !(bound <= 4*dim):
					t.Fatalf("%s, %s, query %d: no bound", name, level.Name, i)
				case len(distances) == k && engine.o.ceiling(distances[k-1], dim) > bound*(1+1e-12):
					t.Fatalf("%s, %s, query %d: bound %v, the last neighbour at %v", name, level.Name, i, bound, distances[k-1])
				}
			}
		}
	}
}

// seedLevels are those whose first bounds are tried: with -short the fastest alone, which searches take by default, and
// plain Go beside it unless all are.
func seedLevels() []*tile.Kernels {
	levels := tile.Levels()
	switch {
	case testing.Short():
		return levels[len(levels)-1:]
	case brief() && len(levels) > 1:
		return []*tile.Kernels{levels[0], levels[len(levels)-1]}
	}
	return levels
}

// seeded are the states of the points as queries, all of which but for the last have their first bounds.
func seeded(engine *tiled, points *vectors.Block, by Search, k int) []state {
	const size = 96
	n := points.Len()
	s := &query{t: engine, forms: engine.formsOf(&by), q: points, exclude: make([]int32, n), states: make([]state, n),
		search: by, k: k}
	for i := range s.states {
		s.exclude[i], s.states[i].bound = int32(i), math.Inf(1)
	}
	w := newWorker(s, engine.blockPanels(1)*tile.Columns)
	q := queries{first: 0, n: size, forms: engine.seedForms(s.forms, inBytes), prec: inBytes}
	for ; q.first+size <= n; q.first += size {
		q.offset = q.first
		w.pack(&q)
		w.seed(q)
	}
	return s.states[:q.first]
}

// Queries have a tight first bound where one point in 35 is so far away that it has no short form: each such may be
// among the best for all that the short forms say.
func TestSeedBesidePointsFarAway(t *testing.T) {
	t.Parallel()
	const n, dim, k, far = 3000, 24, 20, 35
	rng := rand.New(rand.NewPCG(7, 8))
	points := &vectors.Block{Dim: dim}
	row := make([]float64, dim)
	for i := range n {
		for j := range row {
			if row[j] = rng.NormFloat64(); i%far == 0 {
				row[j] *= 1000
			}
		}
		points.Append(row, int64(i))
	}
	x, err := Fit(points, optionsOf(Euclidean, dim))
	if err != nil {
		t.Fatal(err)
	}
	by := Search{Self: true}
	found, err := x.KNeighbors(points, k, by)
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range seedLevels() {
		engine := newTiled(&x.points, x.opts.resolve(), level)
		for i, s := range seeded(engine, points, by, k) {
			if i%far == 0 {
				continue
			}
			_, distances := found.Of(i)
			if worst := engine.o.ceiling(distances[k-1], dim); !(worst <= s.bound*(1+1e-12) && s.bound <= 4*dim) {
				t.Fatalf("%s, query %d: bound %v, the last neighbour at %v", level.Name, i, s.bound, worst)
			}
		}
	}
}

// First bounds of wide rows are of distances: by every metric with products, no neighbour is beyond them, and few
// points but the neighbours are within them, also where some points have no short form.
func TestSeedOfWinners(t *testing.T) {
	t.Parallel()
	const n, dim, far = 600, winnerDim, 35
	rng := rand.New(rand.NewPCG(13, 14))
	points := &vectors.Block{Dim: dim}
	row := make([]float64, dim)
	for i := range n {
		for j := range row {
			if row[j] = rng.NormFloat64(); i%far == 0 {
				row[j] *= 1000
			}
		}
		points.Append(row, int64(i))
	}
	turn := -1
	for _, metric := range []Metric{Euclidean, Cosine, InnerProduct} {
		o := optionsOf(metric, dim)
		x, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{1, 40} {
			by := Search{Self: true}
			found, err := x.KNeighbors(points, 4*k, by)
			if err != nil {
				t.Fatal(err)
			}
			for _, level := range seedLevels() {
				if turn++; brief() && turn%3 > 0 {
					continue
				}
				engine := newTiled(&x.points, x.opts.resolve(), level)
				within, count := 0, 0
				for i, s := range seeded(engine, points, by, k) {
					_, distances := found.Of(i)
					if worst := engine.o.ceiling(distances[k-1], dim); !(worst <= s.bound+1e-12*math.Abs(worst)) {
						t.Fatalf("%s, %s, k = %d, query %d: bound %v, the last neighbour at %v", metric, level.Name, k, i, s.bound, worst)
					}
					if metric == Euclidean && i%far == 0 { // all others are as far
						continue
					}
					count++
					for _, d := range distances {
						if engine.o.ceiling(d, dim) <= s.bound {
							within++
						}
					}
				}
				if metric != InnerProduct && float64(within) > 1.7*float64(count*k) { // of which those far away are the nearest
					t.Errorf("%s, %s, k = %d: %d points are within the bounds of %d queries", metric, level.Name, k, within, count)
				}
			}
		}
	}
}

// Sets of first bounds have points of groups that no other set has, or of one group alone; each point is in one of
// them at most, and those without a short form are in none.
func TestGroupSets(t *testing.T) {
	t.Parallel()
	const k = 8
	points, groups := groupedPoints(2000)
	x, err := Fit(points, optionsOf(Euclidean, points.Dim))
	if err != nil {
		t.Fatal(err)
	}
	engine := newTiled(&x.points, x.opts.resolve(), &tile.Generic)
	largest := LargestGroup(groups)
	for name, by := range map[string]Search{
		"apart": {Apart: &Apart{Points: groups, Queries: groups, Largest: largest}},
		"most":  {Most: &Most{Groups: groups, Number: 2, Largest: largest}},
	} {
		s := &query{t: engine, forms: engine.formsOf(&by), q: points, search: by, k: k}
		q := queries{n: points.Len(), forms: engine.seedForms(s.forms, inBytes), prec: inBytes}
		g := s.groupSets(q)
		if g == nil {
			t.Fatalf("%s: no sets", name)
		}
		all := s.samples(q.forms, g.sets.n*g.sets.length*tile.Columns)
		order, used := (&groupSets{sets: g.sets}).arrange(all, &by)
		seen, setsOf, filled := map[int32]bool{}, map[int32]map[int]bool{}, map[int]bool{}
		for at, row := range order {
			if row == none {
				continue
			}
			set := at/tile.Columns/g.sets.length*tile.Columns + at%tile.Columns
			filled[set] = true
			switch group := groups[s.forms.position(int(row))]; {
			case seen[row]:
				t.Fatalf("%s: row %d twice", name, row)
			case math.IsInf(float64(q.forms.halves[row]), 0):
				t.Fatalf("%s: row %d has no short form", name, row)
			case g.single[set] != none && g.single[set] != group:
				t.Fatalf("%s: group %d in set %d, of group %d alone", name, group, set, g.single[set])
			case group != none:
				if setsOf[group] == nil {
					setsOf[group] = map[int]bool{}
				}
				setsOf[group][set] = true
			}
			seen[row] = true
		}
		for group, sets := range setsOf {
			for set := range sets {
				if g.single[set] != group && (len(sets) > 1 || int(g.of[group]) != set) {
					t.Errorf("%s: group %d in set %d with others, and in %d sets", name, group, set, len(sets))
				}
			}
		}
		if used != len(filled) || len(seen) < 2*used {
			t.Errorf("%s: %d sets of %d points, said to be %d", name, len(filled), len(seen), used)
		}
	}
}

// Where groups are few and large, queries have a first bound, also where they may have fewer than k together: no
// neighbour is beyond it, and few other points are within, or not all where the last neighbours are among few points.
func TestSeedOfFewGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, groups and levels")
	}
	t.Parallel()
	const n, dim, k = 1200, 24, 10
	rng := rand.New(rand.NewPCG(15, 16))
	points := &vectors.Block{Dim: dim}
	row, thirds, mostly := make([]float64, dim), make([]int32, n), make([]int32, n)
	for i := range n {
		for j := range row {
			row[j] = rng.NormFloat64()
		}
		points.Append(row, int64(i))
		if thirds[i] = int32(rng.IntN(3)); rng.IntN(10) == 0 {
			mostly[i] = 1 + int32(rng.IntN(n/20))
		}
	}
	o := optionsOf(Euclidean, dim)
	x, err := Fit(points, o)
	if err != nil {
		t.Fatal(err)
	}
	all := allCandidates(points, points, o)
	for name, of := range map[string]struct {
		groups  []int32
		numbers []int
		share   float64
	}{"thirds": {thirds, []int{2, 4}, 0.2}, "one of nine tenths": {mostly, []int{2}, 0.8}} {
		for _, number := range of.numbers {
			groups := of.groups
			most := &Most{Groups: groups, Number: number, Largest: LargestGroup(groups)}
			by := Search{Self: true, Most: most}
			found, err := x.KNeighbors(points, k, by)
			if err != nil {
				t.Fatal(err)
			}
			want := k
			if name == "thirds" {
				want = min(k, 3*number)
			}
			if got := most.atMost(k); got != want {
				t.Fatalf("%s, %d of each: %d together, want %d", name, number, got, want)
			}
			for _, level := range seedLevels() {
				engine := newTiled(&x.points, x.opts.resolve(), level)
				within := 0
				states := seeded(engine, points, by, want)
				for i, s := range states {
					_, distances := found.Of(i)
					if len(distances) != want {
						t.Fatalf("%s, %d of each, query %d: %d neighbours", name, number, i, len(distances))
					}
					if worst := engine.o.ceiling(distances[want-1], dim); !(worst <= s.bound*(1+1e-12)) {
						t.Fatalf("%s, %d of each, %s, query %d: bound %v, the last neighbour at %v", name, number, level.Name, i, s.bound,
							worst)
					}
					for _, c := range all[i] {
						if engine.o.ceiling(c.distance, dim) <= s.bound {
							within++
						}
					}
				}
				if share := float64(within) / float64(len(states)*n); share > of.share {
					t.Errorf("%s, %d of each, %s: %.2f of the points are within the bounds", name, number, level.Name, share)
				}
			}
		}
	}
}

// groupedPoints are whole numbers, with ties, of which some are so far away that they have no short form: of one large
// group, of small ones and of none.
func groupedPoints(n int) (*vectors.Block, []int32) {
	rng := rand.New(rand.NewPCG(11, 12))
	points := &vectors.Block{Dim: 20}
	row, groups := make([]float64, points.Dim), make([]int32, n)
	for i := range n {
		for j := range row {
			if row[j] = float64(rng.IntN(6)); i%97 == 5 {
				row[j] *= 0x1p60
			}
		}
		points.Append(row, int64(i))
		switch rng.IntN(4) {
		case 0:
			groups[i] = none
		case 1:
			groups[i] = 7
		default:
			groups[i] = int32(rng.IntN(n / 10))
		}
	}
	return points, groups
}

// As many queries as have first bounds of groups get the neighbours of a brute-force search, by every level and metric.
func TestSeedOfGroups(t *testing.T) {
	t.Parallel()
	points, groups := groupedPoints(fewGrouped + 44)
	largest, turn := LargestGroup(groups), -1
	for _, metric := range []Metric{Euclidean, Cosine, Manhattan, InnerProduct} {
		if testing.Short() && metric != Euclidean {
			continue
		}
		o := optionsOf(metric, points.Dim)
		near := allCandidates(points, points, o)
		x, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range seedLevels() {
			x := withEngine(t, points, o, newTiled(&x.points, x.opts.resolve(), level))
			for _, k := range []int{3, 20} {
				for _, self := range []bool{true, false} {
					if turn++; brief() && turn%3 > 0 {
						continue
					}
					apart := &Apart{Points: groups, Queries: groups, Largest: largest}
					checkApart(t, x, points, near, Search{Self: self, Apart: apart}, k, nil)
					for _, number := range []int{1, 3} {
						most := &Most{Groups: groups, Number: number, Largest: largest}
						checkApart(t, x, points, near, Search{Self: self, Most: most}, k, nil)
					}
				}
			}
		}
	}
}

// Of so many of a group at most, a selection keeps what a brute-force search has, where nearly all points are equal to
// others, of one group or of several, and where a query has a bound already.
func TestMostOfEqualPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, groups and levels")
	}
	t.Parallel()
	const n, dim, k = 300, 16, 15
	rng := rand.New(rand.NewPCG(13, 14))
	points := &vectors.Block{Dim: dim}
	row, groups, few := make([]float64, dim), make([]int32, n), make([]int32, n)
	for i := range n {
		for j := range row {
			row[j] = float64((i%4 + 1) * (j%3 + i%4))
		}
		if i%9 == 0 {
			row[3] += rng.Float64()
		}
		points.Append(row, int64(i))
		groups[i], few[i] = int32(i/100*50+rng.IntN(3)), int32(i%3)
		if i > n/2 {
			groups[i] = int32(rng.IntN(40))
		}
	}
	turn := -1
	for _, metric := range []Metric{Euclidean, Cosine, Hamming} {
		o := optionsOf(metric, dim)
		near := allCandidates(points, points, o)
		x, err := Fit(points, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range seedLevels() {
			x := withEngine(t, points, o, newTiled(&x.points, x.opts.resolve(), level))
			for _, of := range [][]int32{groups, few} {
				for _, number := range []int{1, 3, 8} {
					if turn++; brief() && turn%3 != turn/12 {
						continue
					}
					most := &Most{Groups: of, Number: number, Largest: LargestGroup(of)}
					checkApart(t, x, points, near, Search{Self: true, Most: most}, k, nil)
					checkApart(t, x, points, near, Search{Most: most, Threads: 1}, k, nil)
					checkBounded(t, x, points, near, most, k)
				}
			}
		}
	}
}

// checkBounded compares the neighbours at the distance 0, which is the bound of a search.
func checkBounded(t *testing.T, x *Index, q *vectors.Block, all [][]candidate, most *Most, k int) {
	t.Helper()
	found, err := x.KNeighbors(q, k, Search{Part: true, Most: most, Bounds: make([]float64, q.Len())})
	if err != nil {
		t.Fatal(err)
	}
	found = found.Nearer(0)
	for i := range q.Len() {
		var want []int32
		counts := map[int32]int{}
		for _, c := range all[i] {
			if g := most.Groups[c.position]; c.distance == 0 && counts[g] < most.Number && len(want) < k {
				counts[g]++
				want = append(want, c.position)
			}
		}
		if positions, _ := found.Of(i); !slices.Equal(positions, want) {
			t.Fatalf("query %d: %v at the distance 0, want %v", i, positions, want)
		}
	}
}
