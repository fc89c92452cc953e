package ivf

import (
	"errors"
	"fmt"
	"math"

	"beamlearn/model/neighbors"
)

// This file searches by metrics whose order is not that of squared Euclidean distances in a space: the Manhattan and
// the Chebyshev distance, and the Hamming distance of bits, whose exact engine counts a word of 64 at once. Points go
// into the cells of leaders all the same, by the space, and the exact index of each cell answers the queries that are
// nearest to it. So what is found has the distances of [neighbors.Distance], and what is missed is only what is in
// other cells.

// InCells reports whether the metric is one of those that are searched by an exact index of each list: the Manhattan,
// the Chebyshev, and the Hamming distance of bits.
func (o *Options) InCells() bool {
	switch o.Metric {
	case neighbors.Manhattan, neighbors.Chebyshev, neighbors.Hamming:
		return true
	}
	return false
}

// cellsOf is the number of cells of n points.
func cellsOf(n int) int { return max(int(math.Sqrt(float64(n))/2), 1) }

// Costs of cells, in exact comparisons of a pair.
const (
	visitCost = 400 // of a query's visit to a cell, beside its pairs
	// sunk is the share of an exact search that may be lost to find out that cells are no better.
	sunk = 0.1
	// gain is how many times cheaper than exact a search by cells must look, as costs are guesses.
	gain = 1.5
)

// worthCells is the number of cells up to which comparing each of so many queries to them looks cheaper than to all
// n points of dim columns; 0 where it would cost too much to find out. Where every point is a query the exact index
// compares each pair once.
func (o *Options) worthCells(n, dim, queries int, everyPoint, kept bool) int {
	if n < 1 || o.vectorDim(dim) > maxDim || queries <= o.Queries() ||
		neighbors.AlgorithmOf(n, dim, o.exactly()) == neighbors.KDTree {
		return 0
	}
	points, q, cells := float64(n), float64(queries), float64(cellsOf(n))
	leaders := o.leaderCost(dim) * cells
	exact := q * points
	if everyPoint {
		exact /= 2
	}
	lost := pilot * points
	if !kept {
		lost += points * leaders
	}
	if lost > sunk*exact {
		return 0
	}
	rest := exact/gain - lost - float64(o.Sample)*points - q*leaders
	return max(int(rest/(q*(points/cells+visitCost))), 0)
}

// vectorDim is the number of columns of the vectors by which leaders are near.
func (o *Options) vectorDim(dim int) int {
	if o.Bits {
		return 8 * dim
	}
	return dim
}

// leaderCost is what a row and a leader take, whose vectors are compared.
func (o *Options) leaderCost(dim int) float64 {
	return float64(o.vectorDim(dim)+pairExtra) / float64(dim+pairExtra)
}

// ListsAreWorthwhile reports whether lists of n points of dim columns, which an index keeps or not, may save something
// of the exact answers to so many queries, none of which is a point: else take [Exactly], which does not make them.
func ListsAreWorthwhile(n, dim, queries int, kept bool, o Options) bool {
	o.EnsureDefaults()
	if o.Recall == 1 || queries <= o.Queries() {
		return false
	}
	return !o.InCells() || o.worthCells(n, dim, queries, false, kept) > 0
}

// byCells is the graph of all points.
func (g *graph) byCells() (*neighbors.Neighbors, error) {
	n := g.points.Len()
	if !g.o.partial && !g.o.unmeasured && (g.o.Recall == 1 || g.o.worthCells(n, g.points.Dim, n, true, false) == 0) {
		return g.exactly()
	}
	return g.byLists()
}

// openCells makes the cells, by the lists that the exact index keeps, if it does.
func (x *Index) openCells() error {
	threads := (&neighbors.Search{}).NumThreads()
	x.space = newSpace(x.points, &x.o, threads)
	n, lists := x.points.Len(), x.exact.Partition()
	if lists == nil {
		lists = x.cellLists(threads)
	}
	if len(lists.Lists) != n {
		return fmt.Errorf("ivf: lists of %d points, not of %d", len(lists.Lists), n)
	}
	for i, l := range lists.Lists {
		if l < 0 {
			return fmt.Errorf("ivf: the point %d in no list", i)
		}
	}
	x.leaders = x.packed(lists.Leaders, threads)
	x.group(except(n, nil), lists.Lists, 1, len(lists.Leaders))
	x.cells = make([]*neighbors.Index, len(lists.Leaders))
	errs := make([]error, len(x.cells))
	neighbors.Parallel(len(x.cells), 1, threads, func() func(lo, hi int) {
		return func(l, _ int) {
			members := x.of(l)
			if len(members) == 0 {
				return
			}
			b := take(x.points, members)
			for i, m := range members {
				b.Numbers[i] = int64(m)
			}
			x.cells[l], errs[l] = neighbors.Fit(b, x.o.exactly())
		}
	})
	return errors.Join(errs...)
}

// packed are the vectors of the leaders.
func (x *Index) packed(leaders []int32, threads int) (p panels) {
	p.pack(x.space.rows(take(x.points, leaders), false, threads), except(len(leaders), nil))
	p.close()
	return p
}

// cellLists chooses leaders among the points, and finds the nearest to each. The vectors are made some at a time: those
// of bits take 32 times as much as the bits.
func (x *Index) cellLists(threads int) *neighbors.Partition {
	n := x.points.Len()
	seed := random(x.o.Seed).fork(seedLists)
	p := &neighbors.Partition{Leaders: chosen(except(n, nil), cellsOf(n), &seed), Lists: make([]int32, n)}
	leaders := x.packed(p.Leaders, threads)
	const some = 1 << 15
	for lo := 0; lo < n; lo += some {
		hi := min(lo+some, n)
		r := x.space.rows(run(x.points, lo, hi), false, threads)
		copy(p.Lists[lo:hi], assignAll(x.o.kernels, &leaders, r, except(r.n, nil), 1, threads, nil))
	}
	return p
}

// compareCells compares queries, by cell, to the points of the cells.
func (w *queryBatch) compareCells(b *buckets) error {
	errs := make([]error, len(w.cells))
	for l := range w.cells {
		w.compared += len(b.of(l)) * len(w.of(l))
	}
	neighbors.Parallel(len(w.cells), 1, w.threads, func() func(lo, hi int) {
		return func(l, _ int) { errs[l] = w.scanCell(l, b.of(l)) }
	})
	return errors.Join(errs...)
}

// visited is to how many cells of the average size each query would have been compared for as many pairs as there were.
func (w *queryBatch) visited() int {
	size := float64(w.Len()) / float64(len(w.cells))
	return int(float64(w.compared) / (size * float64(max(w.q.Len(), 1))))
}

// scanCell compares queries to the points of a cell.
func (w *queryBatch) scanCell(list int, queries []int32) error {
	cell, names := w.cells[list], w.of(list)
	if cell == nil || len(queries) == 0 {
		return nil
	}
	q := take(w.q, queries)
	s := neighbors.Search{Part: true, Self: true, Threads: 1, Bounds: make([]float64, len(queries))}
	for i, m := range queries {
		q.Numbers[i], s.Bounds[i] = int64(w.own[m]), w.lists.worst(int(m))
	}
	found, err := cell.KNeighbors(q, min(w.k, cell.Len()), s)
	if err != nil {
		return err
	}
	for i, m := range queries {
		positions, distances := found.Of(i)
		for j, p := range positions {
			positions[j] = names[p]
		}
		w.lists.offer(int(m), positions, distances)
	}
	return nil
}
