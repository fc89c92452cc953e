package neighbors

import (
	"math"
	"math/rand/v2"
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
		for _, level := range tile.Levels() {
			engine := newTiled(&x.points, x.opts.resolve(), level)
			exclude := make([]int32, n)
			for i := range exclude {
				exclude[i] = int32(i)
			}
			s := &query{t: engine, forms: engine.formsOf(&by), q: points, exclude: exclude, states: make([]state, n),
				search: by, k: k}
			for i := range s.states {
				s.states[i].bound = math.Inf(1)
			}
			w := newWorker(s, engine.blockPanels(1)*tile.Columns)
			const size = 96
			q := queries{first: 0, n: size, forms: engine.seedForms(s.forms, inBytes), prec: inBytes}
			for ; q.first+size <= n; q.first += size {
				q.offset = q.first
				w.pack(&q)
				w.seed(q)
			}
			found, err := withEngine(t, points, o, engine).KNeighbors(points, k, by)
			if err != nil {
				t.Fatal(err)
			}
			for i := range q.first {
				_, distances := found.Of(i)
				bound := s.states[i].bound
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
