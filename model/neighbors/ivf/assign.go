package ivf

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// assigner finds the nearest leaders of rows. It belongs to one goroutine; the leaders may be shared.
type assigner struct {
	leaders *panels
	queries panels
	comparer
	maxima []float32
	orders []uint32
	found  [tile.Rows][]int32
	scored []scoredLeader
}

type scoredLeader struct {
	score  float32
	leader int32
}

func newAssigner(k *tile.Kernels) *assigner { return &assigner{comparer: *newComparer(k)} }

// assignAll assigns members with all threads: the f ≤ leaders nearest of the i-th stand from i·f on.
func assignAll(k *tile.Kernels, leaders *panels, r *rows, members []int32, f, threads int) []int32 {
	assigned := make([]int32, len(members)*f)
	parallel(len(members), 2048, threads, func() func(lo, hi int) {
		a := newAssigner(k)
		return func(lo, hi int) { a.assign(leaders, r, members[lo:hi], f, assigned[lo*f:hi*f]) }
	})
	return assigned
}

// Leaders are n ≤ sample.Len() rows of a sample of points, chosen by the seed: one of each of n equal parts.
func Leaders(sample *vectors.Block, n int, seed uint64) (*vectors.Block, error) {
	if n < 1 || n > sample.Len() {
		return nil, fmt.Errorf("%d leaders of a sample of %d points", n, sample.Len())
	}
	if sample.Sparse != nil {
		return nil, errors.New("approximate neighbours: sparse rows, expected dense ones")
	}
	r := random(seed).fork(seedLeaders)
	return take(sample, r.sample(sample.Len(), n, nil)), nil
}

// Assign finds, for every row, its fanout nearest leaders, or all where there are fewer: those of row i, ascending, stand at
// i·fanout to (i+1)·fanout of the answer. Distances are compared in int8, so that of leaders about equally far either may be
// taken; the answer depends on the row and the leaders alone. O(rows·leaders·d).
func Assign(b, leaders *vectors.Block, fanout int, m neighbors.Metric, threads int) ([]int32, error) {
	o := Options{Metric: m}
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	switch {
	case b.Sparse != nil || leaders.Sparse != nil:
		return nil, errors.New("approximate neighbours: sparse rows, expected dense ones")
	case b.Dim != leaders.Dim:
		return nil, fmt.Errorf("points have %d columns, the leaders have %d", b.Dim, leaders.Dim)
	case fanout < 1 || leaders.Len() == 0:
		return nil, fmt.Errorf("a fan-out of %d among %d leaders: both must be at least 1", fanout, leaders.Len())
	}
	threads = neighbors.Search{Threads: threads}.NumThreads()
	s := newSpace(leaders, &o, threads)
	var p panels
	p.pack(s.rows(leaders, false, threads), except(leaders.Len(), nil))
	return assignAll(o.kernels, &p, s.rows(b, false, threads), except(b.Len(), nil), min(fanout, leaders.Len()), threads), nil
}

// assign writes, for each member, its f ≤ leaders nearest leaders, ascending by their numbers, into out.
func (a *assigner) assign(leaders *panels, r *rows, members []int32, f int, out []int32) {
	a.leaders = leaders
	if f >= leaders.n {
		for i := range members {
			for l := range leaders.n {
				out[i*f+l] = int32(l)
			}
		}
		return
	}
	const chunk = 4 * tile.Columns
	for lo := 0; lo < len(members); lo += chunk {
		part := members[lo:min(lo+chunk, len(members))]
		a.queries.reset(leaders.kernels, len(part), r.dim)
		copy(a.queries.centre, leaders.centre)
		a.queries.putAll(r, part)
		a.queries.end()
		for i := 0; i < len(part); i += tile.Rows {
			a.group(i, f)
			for m := range min(tile.Rows, len(part)-i) {
				copy(out[(lo+i+m)*f:(lo+i+m+1)*f], a.found[m])
			}
		}
	}
}

// group leaves in found the f nearest leaders of the 8 queries from i on.
func (a *assigner) group(i, f int) {
	a.load(&a.queries, i)
	p := a.leaders
	// The best of each of the columns of some sets of panels: of these maxima the f-th is no better than the f-th leader.
	sets := min((4*f+tile.Columns-1)/tile.Columns, p.count())
	const cells = tile.Rows * tile.Columns
	a.maxima = sized(a.maxima, sets*cells)
	for s := range sets {
		copy(a.maxima[s*cells:], a.minimal[:])
		lo, hi := s*p.count()/sets, (s+1)*p.count()/sets
		a.against(p, lo, hi-lo)
		a.args.Best = &a.maxima[s*cells]
		a.tile.Best(&a.args)
	}
	a.args.QA = [tile.Rows]float32{}
	for m := range tile.Rows {
		a.args.QHalves[m] = a.threshold(sets, m, f)
		a.found[m] = a.found[m][:0]
	}
	a.against(p, 0, p.count())
	hits := a.find(a.none(p.count()))
	for h := range hits {
		hit := &hits[h]
		base := int32(hit.Panel) * tile.Columns
		for m, mask := range hit.Masks {
			for each := range bitsOf(mask) {
				if l := base + each; int(l) < p.n {
					a.found[m] = append(a.found[m], l)
				}
			}
		}
	}
	for m := range a.found {
		if len(a.found[m]) != f {
			a.trim(m, f)
		}
	}
}

// threshold is the f-th greatest of the maxima of query m.
func (a *assigner) threshold(sets, m, f int) float32 {
	const cells = tile.Rows * tile.Columns
	if f == 1 {
		most := float32(math.Inf(-1))
		for s := range sets {
			for _, v := range a.maxima[s*cells+m*tile.Columns:][:tile.Columns] {
				most = max(most, v)
			}
		}
		return most
	}
	if f == 2 && sets == 1 {
		first, second := float32(math.Inf(-1)), float32(math.Inf(-1))
		for _, v := range a.maxima[m*tile.Columns:][:tile.Columns] {
			second = max(second, min(first, v))
			first = max(first, v)
		}
		return second
	}
	a.orders = a.orders[:0]
	for s := range sets {
		for _, v := range a.maxima[s*cells+m*tile.Columns:][:tile.Columns] {
			a.orders = append(a.orders, ordered(-v))
		}
	}
	selectSmallest(a.orders, f)
	return -disordered(a.orders[f-1])
}

// trim keeps, of leaders found for query m, of which two shared a column or are equally far, the f best.
func (a *assigner) trim(m, f int) {
	a.scored = a.scored[:0]
	if len(a.found[m]) < f { // values beyond float32 compare to nothing
		a.found[m] = a.found[m][:0]
		for l := range f {
			a.found[m] = append(a.found[m], int32(l))
		}
		return
	}
	panel := -1
	for _, l := range a.found[m] {
		if p := int(l) / tile.Columns; p != panel {
			panel = p
			a.score(a.leaders, p)
		}
		v := a.comparer.best[m*tile.Columns+int(l)%tile.Columns]
		if v != v {
			v = float32(math.Inf(-1))
		}
		a.scored = append(a.scored, scoredLeader{v, l})
	}
	slices.SortFunc(a.scored, func(x, y scoredLeader) int {
		switch {
		case x.score > y.score:
			return -1
		case x.score < y.score:
			return 1
		}
		return int(x.leader - y.leader)
	})
	a.found[m] = a.found[m][:0]
	for _, s := range a.scored[:f] {
		a.found[m] = append(a.found[m], s.leader)
	}
	slices.Sort(a.found[m])
}
