package ivf

import (
	"cmp"
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
	found  [tile.Rows][]scoredLeader // by their numbers
	near   *nearby                   // or nil
}

type scoredLeader struct {
	score  float32
	leader int32
}

func newAssigner(k *tile.Kernels) *assigner { return &assigner{comparer: *newComparer(k)} }

// nearby leaves out leaders that a row is nearest after others, but whose cell, which are the points that have it for
// their nearest leader, is farther from the row than a share of its bound: hardly any point of it would be a
// neighbour. A cell is at least as far as the plane in the middle between its leader, l, and the row's, m: (‖x − l‖²
// − ‖x − m‖²)/(2‖l − m‖).
type nearby struct {
	share   float32
	bounds  []float32 // squared distances beyond which a point needs no neighbour, or nil: those of its nearest leader
	between []float32 // squared distances of leaders from each other, or nil: they are computed
	leaders *rows     // where between is nil
}

// betweenOf is the squared distance of two of so many leaders.
func (w *nearby) betweenOf(l, m int32, leaders int) float32 {
	if w.leaders == nil {
		return w.between[int(l)*leaders+int(m)]
	}
	x, f := w.leaders.row(int(l))
	y, g := w.leaders.row(int(m))
	sum := float32(0)
	for j, v := range x {
		d := float32(v*f) - float32(y[j]*g)
		sum += float32(d * d)
	}
	return sum
}

// dropped is the leader in the place of one that is left out.
const dropped = -1

func newNearby(k *tile.Kernels, leaders *panels, share float32, bounds []float32) *nearby {
	w := &nearby{share: share, bounds: bounds, between: make([]float32, leaders.n*leaders.n)}
	c := newComparer(k)
	for i := 0; i < leaders.n; i += tile.Rows {
		c.load(leaders, i)
		for p := range leaders.count() {
			scores := c.score(leaders, p)
			base := p * tile.Columns
			for m := range min(tile.Rows, leaders.n-i) {
				to := w.between[(i+m)*leaders.n+base:][:min(tile.Columns, leaders.n-base)]
				for j := range to {
					to[j] = 2 * half(leaders.halves[i+m], scores[m*tile.Columns+j])
				}
			}
		}
	}
	return w
}

// drop gives the leaders that stay, of some that were found for a row of so many leaders.
func (w *nearby) drop(found []scoredLeader, leaders int, bound float32) []scoredLeader {
	best, n := nearestOf(found), 0
	for _, s := range found {
		d := best.score - s.score // half the difference of the squared distances
		if d == 0 || !(float32(d*d) > w.limit(best.leader, s.leader, leaders, bound)) {
			found[n] = s
			n++
		}
	}
	return found[:n]
}

// limit is what the square of half the difference may be.
func (w *nearby) limit(l, m int32, leaders int, bound float32) float32 {
	return float32(w.share*w.share) * float32(bound*w.betweenOf(l, m, leaders))
}

// nearestOf is the nearest of some leaders, the first of which it is where there are several.
func nearestOf(found []scoredLeader) scoredLeader {
	best := found[0]
	for _, s := range found[1:] {
		if s.score > best.score {
			best = s
		}
	}
	return best
}

// assignAll assigns members with all threads: the f ≤ leaders nearest of the i-th stand from i·f on, but for those
// that are left out where near is not nil.
func assignAll(k *tile.Kernels, leaders *panels, r *rows, members []int32, f, threads int, near *nearby) []int32 {
	assigned := make([]int32, len(members)*f)
	neighbors.Parallel(len(members), 2048, threads, func() func(lo, hi int) {
		a := newAssigner(k)
		a.near = near
		return func(lo, hi int) { a.assign(leaders, r, members[lo:hi], f, assigned[lo*f:hi*f]) }
	})
	return assigned
}

// nearestLeaders finds, for every row, its fanout nearest leaders, or all where there are fewer: those of row i,
// ascending, stand at i·fanout to (i+1)·fanout of the answer, and dropped after them where near is not 0 and leaves
// some out: see [Node]. Distances are compared in int8, so that of leaders about equally far either may be taken, and
// up to a fan-out of 4 one in a hundred is passed over for the next; the answer depends on the row and the leaders
// alone. O(rows·leaders·d).
func nearestLeaders(
	b, leaders *vectors.Block, fanout int, near float32, m neighbors.Options, threads int,
) ([]int32, error) {
	o := Options{Metric: m.Metric, Bits: m.Bits}
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
	rows := s.rows(leaders, false, threads)
	p.pack(rows, except(leaders.Len(), nil))
	fanout = min(fanout, leaders.Len())
	var some *nearby
	if near > 0 && fanout > 1 {
		some = &nearby{share: near, leaders: rows}
	}
	return assignAll(o.kernels, &p, s.rows(b, false, threads), except(b.Len(), nil), fanout, threads, some), nil
}

// assign writes, for each member, its f ≤ leaders nearest leaders, ascending by their numbers, into out, and dropped
// after them.
func (a *assigner) assign(leaders *panels, r *rows, members []int32, f int, out []int32) {
	a.leaders = leaders
	if f >= leaders.n && a.near == nil {
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
				found, to := a.found[m], out[(lo+i+m)*f:(lo+i+m+1)*f]
				if w := a.near; w != nil {
					scale := max(a.queries.scales[i+m], leaders.most)
					bound := float32(0)
					if w.bounds != nil {
						bound = w.bounds[part[i+m]]
					} else {
						bound = 2 * half(a.queries.halves[i+m], nearestOf(found).score)
					}
					found = w.drop(found, leaders.n, bound+float32(float32(scale*scale)*noise(r.dim)))
				}
				for j := range to {
					to[j] = dropped
					if j < len(found) {
						to[j] = found[j].leader
					}
				}
			}
		}
	}
}

// fewLeaders is up to how many leaders are taken from the best of each column alone. Now and then two of them share a
// column, and the next takes the place of the second.
const fewLeaders = tile.Columns / 12

// cells is how many values a tile has.
const cells = tile.Rows * tile.Columns

// group leaves in found the f nearest leaders of the 8 queries from i on.
func (a *assigner) group(i, f int) {
	a.load(&a.queries, i)
	p := a.leaders
	// The best of each of the columns of some sets of panels: of these maxima the f-th is no better than the f-th leader.
	sets, few := min((4*f+tile.Columns-1)/tile.Columns, p.count()), f <= fewLeaders && p.count() <= 1<<tile.PanelBits
	best := a.tile.Best
	if few {
		best = a.tile.BestPanel
		sets = min(f, 2, p.count()) // with twice the columns, half as many share one
	}
	a.maxima = sized(a.maxima, sets*cells)
	for s := range sets {
		copy(a.maxima[s*cells:], a.minimal[:])
		lo, hi := a.set(s, sets)
		a.against(p, lo, hi-lo)
		a.args.Best = &a.maxima[s*cells]
		best(&a.args)
	}
	if few {
		for m := range a.found {
			a.pick(sets, m, f)
		}
		return
	}
	a.args.QA = [tile.Rows]float32{}
	for m := range tile.Rows {
		a.args.QHalves[m] = a.threshold(sets, m, f)
		a.found[m] = a.found[m][:0]
	}
	a.against(p, 0, p.count())
	hits := a.scored(a.none(p.count()))
	for h := range hits {
		hit := &hits[h]
		base, scores := int32(hit.Panel)*tile.Columns, a.scores[h*cells:]
		for m, mask := range hit.Masks {
			for each := range bitsOf(mask) {
				if l := base + each; int(l) < p.n {
					a.found[m] = append(a.found[m], scoredLeader{scores[m*tile.Columns+int(each)], l})
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

// set is the panels of the s-th set, from lo to hi.
func (a *assigner) set(s, sets int) (lo, hi int) {
	n := a.leaders.count()
	return s * n / sets, (s + 1) * n / sets
}

// pick takes the f nearest leaders of query m from the best of each column of the sets.
func (a *assigner) pick(sets, m, f int) {
	found := a.found[m][:0]
	for s := range sets {
		first, _ := a.set(s, sets)
		for j, v := range a.maxima[s*cells+m*tile.Columns:][:tile.Columns] {
			if len(found) == f && !(v > found[f-1].score) || v < -math.MaxFloat32 {
				continue
			}
			if len(found) < f {
				found = append(found, scoredLeader{})
			}
			at := len(found) - 1
			for ; at > 0 && v > found[at-1].score; at-- {
				found[at] = found[at-1]
			}
			panel := first + int(math.Float32bits(v)&(1<<tile.PanelBits-1))
			found[at] = scoredLeader{v, int32(panel*tile.Columns + j)}
		}
	}
	a.found[m] = found
	if len(found) < f {
		a.trim(m, f)
	} else if f > 1 {
		slices.SortFunc(found, byLeader)
	}
}

func byLeader(x, y scoredLeader) int { return cmp.Compare(x.leader, y.leader) }

// threshold is the f-th greatest of the maxima of query m.
func (a *assigner) threshold(sets, m, f int) float32 {
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
	found := a.found[m]
	if len(found) < f { // values beyond float32 compare to nothing
		found = found[:0]
		for l := range f {
			found = append(found, scoredLeader{float32(math.NaN()), int32(l)})
		}
		a.found[m] = found
		return
	}
	slices.SortFunc(found, func(x, y scoredLeader) int { // what is no number last
		return cmp.Or(cmp.Compare(y.score, x.score), byLeader(x, y))
	})
	a.found[m] = found[:f]
	slices.SortFunc(a.found[m], byLeader)
}
