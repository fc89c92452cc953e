package ivf

import (
	"errors"
	"math"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Near finds the nearest k others of each point within a radius, or fewer, for who knows himself what is enough: after
// each partition of the points, of up to Options.Repetitions, it hands over what it has found until then, which is
// valid during the call. Near points seldom are in different leaves, so that a partition takes a fraction of what those
// of [Graph] take. It reports whether it was enough. Of o, Metric, Seed and Repetitions count, and of s Threads.
func Near(
	points *vectors.Block, k int, radius float64, o Options, s neighbors.Search,
	enough func(found *neighbors.Neighbors) (bool, error),
) (*Report, bool, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, false, err
	}
	if points.Sparse != nil || points.Dim > maxDim || k < 1 || k >= points.Len() || o.Metric == neighbors.InnerProduct ||
		o.InCells() {
		return nil, false, errors.New("ivf.Near: must be of dense rows, a metric with a radius, and 1 ≤ k < n")
	}
	start := time.Now()
	g := &graph{points: points, k: k, o: o, threads: s.NumThreads(), shape: shapeOf(k), radius: radius}
	if o.shape != nil {
		g.shape = *o.shape
	}
	g.report = Report{Method: "partition", Asked: o.Recall}
	if err := g.begin(); err != nil {
		return nil, false, err
	}
	for g.report.Repetitions < o.Repetitions {
		g.repeat()
		ok, err := enough(g.within(radius))
		g.report.Overall = time.Since(start).Seconds()
		if ok || err != nil {
			return &g.report, ok, err
		}
	}
	return &g.report, false, nil
}

// within are the neighbours within a radius that the lists have.
func (g *graph) within(radius float64) *neighbors.Neighbors {
	out := &neighbors.Neighbors{Offsets: make([]int64, 1, g.lists.n+1)}
	for i := range g.lists.n {
		positions, distances := g.lists.of(i)
		for j := 0; j < g.k && distances[j] <= radius; j++ {
			out.Positions, out.Distances = append(out.Positions, positions[j]), append(out.Distances, distances[j])
		}
		out.Offsets = append(out.Offsets, int64(len(out.Positions)))
	}
	return out
}

// worthNear is how many times cheaper than all pairs two partitions of Near must look, of which no point is in many
// leaves.
const worthNear = 2

// NearIsWorthwhile reports whether Near, of two partitions, and a recall that is measured look cheaper than comparing
// all pairs.
func NearIsWorthwhile(n, dim, k int, o Options) bool {
	o.EnsureDefaults()
	const nearVisit = visitExtra / 4 // few candidates of a leaf are within the radius
	visit := float64(float64(shapeOf(k).leaf)/2*float64(dim+2*pairExtra)) + nearVisit
	truth := float64(min(o.Queries(), n)) * float64(dim+pairExtra)
	exact := float64(n) / 2 * float64(dim+pairExtra)
	return dim <= maxDim && !o.InCells() && exact > worthNear*(truth+2*visit)
}

// nearest is the distance beyond which point i needs no neighbour: that of its k-th so far, or the radius, if there is
// one.
func (g *graph) nearest(i int32) float64 {
	w := g.lists.worst(int(i))
	if g.radius > 0 {
		w = math.Min(w, g.radius)
	}
	return w
}
