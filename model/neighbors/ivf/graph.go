package ivf

import (
	"errors"
	"fmt"
	"math"
	"time"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// pilot is the number of queries that decide when to stop. They are none of those by which the recall is measured,
// which would then be measured too high.
const pilot = 500

// Graph finds k approximate neighbours of every point, itself left out: those of [neighbors.Index.KNeighbors] with
// Search.Self, but for a share 1 − recall of them. Of s, Self is implied, and with Part there may be fewer than k.
func Graph(points *vectors.Block, k int, o Options, s neighbors.Search) (*neighbors.Neighbors, *Report, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, nil, err
	}
	n := points.Len()
	if s.Part {
		k = min(k, n-1)
	}
	switch {
	case n == 0:
		return nil, nil, errors.New("no points to index")
	case n > neighbors.MaxPoints:
		return nil, nil, fmt.Errorf("%d points: an index holds at most %d", n, neighbors.MaxPoints)
	case k < 1 || k > n-1:
		return nil, nil, fmt.Errorf("k = %d: must be between 1 and %d, the number of other points", k, n-1)
	}
	g := &graph{points: points, k: k, o: o, threads: s.NumThreads(), search: s, report: Report{Asked: o.Recall}}
	start := time.Now()
	run := g.run
	if points.Sparse != nil {
		run = g.byPruned
	}
	found, err := run()
	if err != nil {
		return nil, nil, err
	}
	g.report.Overall = time.Since(start).Seconds()
	return found, &g.report, nil
}

// graph is the state of Graph.
type graph struct {
	points  *vectors.Block
	k       int
	o       Options
	search  neighbors.Search
	threads int
	shape   shape
	radius  float64 // of Near; 0 where there is none

	rows   *rows
	space  *space
	pairs  *neighbors.Pairs
	lists  *lists
	bounds []float32 // squared distances in the space, of the k-th neighbours before this repetition
	all    []int32   // points to partition
	order  []int32   // the same, near ones together

	index *neighbors.Index // exact
	pilot *truth

	report Report
}

func (g *graph) run() (*neighbors.Neighbors, error) {
	g.shape = shapeOf(g.k)
	if g.o.shape != nil {
		g.shape = *g.o.shape
	}
	n := g.points.Len()
	if g.o.InCells() {
		return g.byCells()
	}
	if g.points.Dim > maxDim || !g.o.partial && (g.o.Recall == 1 && !g.o.unmeasured || g.exactCost() <= worth*g.cost(2)) {
		return g.exactly()
	}
	if g.o.Metric == neighbors.InnerProduct { // the neighbours of a point are not where it is
		return g.byLists()
	}
	if err := g.begin(); err != nil {
		return nil, err
	}
	if !g.o.unmeasured {
		if err := g.answerPilot(); err != nil {
			return nil, err
		}
	}
	g.report.Method = "partition"
	first := 0.0
	for {
		g.repeat()
		if g.o.unmeasured {
			if g.report.Repetitions >= g.o.Repetitions {
				break
			}
			continue
		}
		now := g.estimate(false)
		if now.Shows(g.o.Recall) {
			break
		}
		if g.report.Repetitions == 1 {
			first = now.Recall
		}
		if now = g.estimate(true); now.Shows(g.o.Recall) || g.report.Repetitions >= g.o.Repetitions {
			g.report.Refined = true
			break
		}
		if g.hopeless(first) {
			return g.exactly()
		}
	}
	if g.report.Refined {
		g.refine()
	}
	if err := g.complete(); err != nil {
		return nil, err
	}
	found := g.lists.neighbors()
	if err := held(found); err != nil {
		return nil, err
	}
	if !g.o.unmeasured {
		if err := g.measure(found); err != nil {
			return nil, err
		}
	}
	if g.search.Progress != nil {
		g.search.Progress(n)
	}
	return found, nil
}

// begin makes what partitions need.
func (g *graph) begin() (err error) {
	if g.pairs, err = neighbors.NewPairs(g.points, neighbors.Options{Metric: g.o.Metric}); err != nil {
		return err
	}
	if err := g.pairs.Check(g.points); err != nil {
		return err
	}
	g.space = newSpace(g.points, &g.o, g.threads)
	g.rows = g.space.rows(g.points, false, g.threads)
	g.lists = newLists(g.points.Len(), g.k)
	g.bounds = make([]float32, g.points.Len())
	g.collect()
	return nil
}

// Costs, in products of components, of which a core of 2024 does 2·10¹¹ a second: what else a pair takes is counted as
// pairExtra, and a point's visit to a leaf (its int8 form, selection, distances) as visitExtra.
const (
	pairExtra  = 32
	visitExtra = 350_000
)

// maxDim is the number of columns up to which products of int8 stay below 2³¹. With more, all is exact.
const maxDim = 100_000

// worth is how many times cheaper than exact a graph of two repetitions must look to be tried, so that the first costs
// little where it shows that partitions are of no use, as of uniform points.
const worth = 4

func (g *graph) exactCost() float64 {
	n := float64(g.points.Len())
	return n * n / 2 * float64(g.points.Dim+pairExtra)
}

// cost is that of so many repetitions, and of measuring.
func (g *graph) cost(repetitions float64) float64 {
	n, d := float64(g.points.Len()), float64(g.points.Dim)
	visit := float64(float64(g.shape.leaf)*(d+2*pairExtra)) + visitExtra
	truth := 0.0
	if !g.o.unmeasured {
		truth = min(float64(g.o.Queries()), n) * n * (d + pairExtra)
	}
	return truth + float64(n*(float64(g.shape.first)+float64((repetitions-1)*float64(g.shape.fanout)))*visit)
}

// hopeless reports whether the exact graph looks cheaper than the repetitions that are still needed. Each is taken to
// miss, of what the others have missed, a share of the first's, whose points go to fewer leaves, to the power of
// three halves.
func (g *graph) hopeless(first float64) bool {
	if g.o.partial {
		return false
	}
	done := float64(g.report.Repetitions)
	missed := 1 - min(max(first, 1e-6), 1-1e-6)
	need := max(1+(elementary.Log(1-g.o.Recall)/elementary.Log(missed)-1)/1.5, done+1)
	return g.cost(need)-g.cost(done) > g.exactCost()
}

// exactly is the graph by the exact engine.
func (g *graph) exactly() (*neighbors.Neighbors, error) {
	start := time.Now()
	if err := g.fit(); err != nil {
		return nil, err
	}
	s := g.search
	s.Self = true
	found, err := g.index.KNeighbors(g.points, g.k, s)
	if err != nil {
		return nil, err
	}
	g.report.Exact = time.Since(start).Seconds()
	g.report.Method, g.report.Measure = "exact", Measure{1, 1, 1, g.points.Len()}
	return found, nil
}

func (g *graph) fit() (err error) {
	if g.index == nil {
		g.index, err = neighbors.Fit(g.points, g.o.exactly())
	}
	return err
}

// answerPilot answers the pilot's queries.
func (g *graph) answerPilot() error {
	start := time.Now()
	if err := g.fit(); err != nil {
		return err
	}
	var err error
	g.pilot, err = truthOf(g.index, g.points, g.k, pilot, random(g.o.Seed).fork(seedPilot),
		neighbors.Search{Self: true, Threads: g.threads})
	g.report.Truth += time.Since(start).Seconds()
	return err
}

// byLists is the graph by the search of an index.
func (g *graph) byLists() (*neighbors.Neighbors, error) {
	x, err := Fit(g.points, g.o)
	if err != nil {
		return nil, err
	}
	s := g.search
	s.Self = true
	found, r, err := x.KNeighbors(g.points, g.k, s)
	if err != nil {
		return nil, err
	}
	g.report = *r
	return found, nil
}

// collect lists the points to partition: all but the zero vectors of the cosine, whose neighbours are the first points.
func (g *graph) collect() {
	g.all = except(g.points.Len(), g.rows.zeros)
	for _, z := range g.rows.zeros {
		g.lists.fill(int(z), z)
	}
}

// repeat adds a partition.
func (g *graph) repeat() {
	start := time.Now()
	for _, i := range g.all {
		g.bounds[i] = float32(math.Inf(1))
		if w := g.nearest(i); !math.IsInf(w, 1) {
			g.bounds[i] = float32(g.space.squared(w, 0))
		}
	}
	p := &partition{shape: g.shape, kernels: g.o.kernels, rows: g.rows, threads: g.threads,
		seed: random(g.o.Seed).fork(seedPartition).fork(uint64(g.report.Repetitions))}
	p.used(&g.report, len(g.all))
	if g.report.Repetitions == 0 {
		p.fanout = g.shape.first
	} else {
		p.bounds = g.bounds
	}
	g.order = p.run(g.all, func() func([]int32) {
		f := newLeaf(g.o.kernels, g.rows, g.pairs, g.points, g.lists)
		return func(members []int32) { f.pairs(members, g.bounds) }
	})
	g.report.Repetitions++
	g.report.Leaves += time.Since(start).Seconds()
}

// estimate is the recall of the pilot's queries: as the graph is, or after a round of neighbours of neighbours.
func (g *graph) estimate(refined bool) Measure {
	var r *refiner
	if refined {
		r = g.newRefiner(g.lists.positions)
	}
	return g.pilot.measure(g.points.Len(), func(i int32) []float64 {
		_, d := g.lists.of(int(i))
		if refined {
			_, d = r.refined(int(i))
		}
		return d
	})
}

// measure is the recall by queries that have decided nothing.
func (g *graph) measure(found *neighbors.Neighbors) error {
	start := time.Now()
	var err error
	g.report.Measure, err = recallOf(g.index, g.points, found, g.k, g.o.Sample, random(g.o.Seed).fork(seedTruth),
		neighbors.Search{Self: true, Threads: g.threads})
	g.report.Truth += time.Since(start).Seconds()
	return err
}

// complete offers the zero vectors of the cosine, which are in no leaf, to all, and answers exactly the points that
// have fewer than k neighbours, as after leaves of fewer members.
func (g *graph) complete() error {
	g.lists.offerZeros(g.rows.zeros, func(i int) int32 { return int32(i) })
	return g.completeFew()
}

// answerExactly answers some of the points by the exact engine.
func (g *graph) answerExactly(few []int32) error {
	if len(few) == 0 {
		return nil
	}
	start := time.Now()
	if err := g.fit(); err != nil {
		return err
	}
	found, err := g.index.KNeighbors(take(g.points, few), g.k, neighbors.Search{Self: true, Threads: g.threads})
	if err != nil {
		return err
	}
	for s, i := range few {
		p, d := found.Of(s)
		g.lists.offer(int(i), p, d)
	}
	g.report.Exact += time.Since(start).Seconds()
	return nil
}
