package ivf

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Limits of [PlanParts].
const (
	// maxFanout and maxDeeper are the greatest numbers of leaders that a point goes to, at the root and below.
	maxFanout = 8
	maxDeeper = 2
	// maxWays is the greatest number of leaders that are tried for each full part and a half.
	maxWays = 4
	// perLeader is how many sampled points a leader has at least, on average: enough to tell which parts are too large.
	perLeader = 16
	// fullPart is how full the largest parts are, by the sample, which may be wrong by some.
	fullPart = 0.7
	// leastWays is how many leaders a node has at least, for each of its ways: with few, one gets most of the points.
	leastWays = 6
	// pairSample is how many of the sampled points have their neighbours looked up.
	pairSample = 4000
	// mostInside is the part of what a recall lets be missed that may be missed within the parts, at least: a search that
	// misses less would cost more than a greater fan-out.
	mostInside = 1. / 3
)

// PlanParts chooses parts of at most about most points, of n points, by a sample of them: with as few copies of
// points as let so many of their k neighbours meet in a part that o.Recall of them can be found there. The queries
// are a sample of those that are put into the same parts, or nil: every point is one. In dense regions, where a part
// would be too large, there are more leaders; where points are equal, no leaders can part them: Assign then gives
// parts that are larger than most.
//
// Of the sample, a point's nearest k·sample/n points stand for its k neighbours in all points. Where that is less
// than one, the nearest does, which is farther than they are: from it and the fourth follows how the share of pairs
// that are parted falls with the rank of a neighbour, of which a part is believed. A pair that has several parts in
// common is taken to be found in each of them by a chance of its own. Leaders are in the middle of a quarter of the
// sample, and the rest of it, to which they are no nearer than to other points, tells the sizes, the copies and the
// pairs. O(sample·leaders·d) a try, of some twenty.
func PlanParts(sample, queries *vectors.Block, n int64, k int, most int64, o Options, threads int) (*Parts, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	switch s := int64(sample.Len()); {
	case s == 0 || s > n || s > neighbors.MaxPoints:
		return nil, fmt.Errorf("a sample of %d of %d points", s, n)
	case k < 1 || queries == nil && int64(k) >= n:
		return nil, fmt.Errorf("k = %d: must be between 1 and %d, the number of other points", k, n-1)
	case int64(k) > n:
		return nil, fmt.Errorf("k = %d: must be between 1 and %d, the number of points", k, n)
	case queries != nil && queries.Dim != sample.Dim:
		return nil, fmt.Errorf("queries have %d columns, the points have %d", queries.Dim, sample.Dim)
	case most < 2:
		return nil, fmt.Errorf("parts of %d points: must be at least 2", most)
	case sample.Sparse != nil:
		return nil, errors.New("approximate neighbours: sparse rows, expected dense ones")
	case o.Metric == neighbors.InnerProduct:
		return nil, errors.New("the inner product has no parts: its neighbours are not near each other")
	}
	p := &partsPlanner{queries: queries, n: n, most: most, k: k, o: &o,
		threads: neighbors.Search{Threads: threads}.NumThreads(), roots: map[int]*vectors.Block{}}
	p.split(sample)
	if err := p.pairs(); err != nil {
		return nil, err
	}
	best, err := p.best()
	if err != nil {
		return nil, err
	}
	best.Inside = min(best.Inside, 1-float64(mostInside*(1-o.Recall)))
	return best, nil
}

// margins are the shares that are tried as [Node].Near: of the first a point goes to its nearest leader alone.
var margins = []float32{0, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5}

// best tries numbers of leaders, at the root and below, and how near leaders must be for points to go there.
func (p *partsPlanner) best() (best *Parts, err error) {
	for ways := 2; ways <= maxWays; ways += 2 {
		deep := false // with nodes below the root
		for deeper := 1; deeper <= maxDeeper && (deeper == 1 || deep); deeper++ {
			for _, near := range margins {
				parts, err := p.tree(ways, deeper, near)
				if err != nil {
					return nil, err
				}
				if best != nil && parts.Copies > mostCopies {
					break
				}
				if best == nil || parts.before(best) {
					best = parts
				}
				deep = deep || len(parts.Nodes) > 1
				if parts.Inside < 1 || best.Inside < 1 && parts.Copies >= best.Copies {
					break // beyond it, there are only more copies
				}
			}
		}
	}
	return best, nil
}

// before reports whether parts are better than others: they give the recall, with fewer copies, or else more of it.
func (p *Parts) before(q *Parts) bool {
	if enough := p.Inside < 1; enough != (q.Inside < 1) {
		return enough
	} else if enough {
		return p.Copies < q.Copies
	}
	return p.Share > q.Share
}

// found is the share of pairs that are found, of shares that have 0, 1, 2, … parts in common, by the recall within
// parts.
func found(common []float64, inside float64) float64 {
	sum, missed := 0.0, 1.0
	for _, share := range common {
		sum += float64(share * (1 - missed))
		missed = float64(missed * (1 - inside))
	}
	return sum
}

// inside is the recall within parts that gives a recall, or 1 where that is too much to ask. It is no less than that
// recall: what is hard to find in one part is hard to find in another.
func inside(common []float64, recall float64) float64 {
	lo, hi := recall, 1-float64(mostInside*(1-recall))
	if found(common, hi) < recall {
		return 1
	}
	for range 30 {
		if mid := (lo + hi) / 2; found(common, mid) < recall {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// partsPlanner is the state of PlanParts.
type partsPlanner struct {
	// forLeaders is the part of the sample that leaders are in the middle of, which are nearer to them than other points
	// are. By the rest of the sample everything else is told.
	forLeaders, sample *vectors.Block
	queries            *vectors.Block // or nil: some of the sample are
	n, most            int64
	k                  int
	o                  *Options
	threads            int
	// Some queries, and the neighbours of each among all sampled points.
	some []int32
	near *neighbors.Neighbors
	// rank is that of the mean neighbour among all points, as a rank in the sample: below 1, it is nearer than any in
	// near.
	rank float64
	// roots are the leaders of the root, by the number of ways.
	roots map[int]*vectors.Block
}

// leaderShare is the part of the sample that leaders are in the middle of: one in so many.
const leaderShare = 4

// split splits the sample, if it is not too small for that.
func (p *partsPlanner) split(sample *vectors.Block) {
	if sample.Len() < 2*perLeader {
		p.forLeaders, p.sample = sample, sample
		return
	}
	var in, out []int32
	for i := range int32(sample.Len()) {
		if i%leaderShare == 0 {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	p.forLeaders, p.sample = take(sample, in), take(sample, out)
}

// pairs finds pairs of neighbours in the sample.
func (p *partsPlanner) pairs() error {
	s, from, self := p.sample.Len(), p.queries, p.queries == nil
	if self {
		from = p.sample
	}
	others := s
	if self {
		others--
	}
	if others < 1 || from.Len() == 0 {
		p.near = &neighbors.Neighbors{Offsets: []int64{0}}
		return nil
	}
	x, err := neighbors.Fit(p.sample, p.o.exactly())
	if err != nil {
		return err
	}
	r := random(p.o.Seed).fork(seedPilot)
	p.some = r.sample(from.Len(), min(pairSample, from.Len()), nil)
	share := float64(s) / float64(p.n)
	near := int(math.Round(float64(p.k) * share))
	if p.rank = float64(p.k+1) / 2 * share; near < 2 {
		near = farRank
	}
	p.near, err = x.KNeighbors(take(from, p.some), min(near, others), neighbors.Search{Self: self, Threads: p.threads})
	return err
}

// farRank is the rank of the neighbour whose pairs are compared with those of the nearest; believed the part of the
// exponent, by which the share of parted pairs falls with the rank from one to the other, that is believed beyond.
const (
	farRank  = 4
	believed = 0.25
)

// shares are those of the pairs of a query and a neighbour that have 0, 1, 2, … parts in common.
func (p *partsPlanner) shares(t *Parts, members [][]int32) ([]float64, error) {
	parts := partsOf(members, p.sample.Len())
	own := parts
	if p.queries != nil {
		members, err := t.Assign(p.queries, p.o.exactly(), p.threads)
		if err != nil {
			return nil, err
		}
		own = partsOf(members, p.queries.Len())
	}
	return p.sharesOf(own, parts), nil
}

// partsOf gives the parts of each of n rows, of the rows of each part.
func partsOf(members [][]int32, n int) [][]int32 {
	parts := make([][]int32, n)
	for l, rows := range members {
		for _, i := range rows {
			parts[i] = append(parts[i], int32(l))
		}
	}
	return parts
}

// sharesOf are the shares by the parts of the queries, and of the points.
func (p *partsPlanner) sharesOf(own, parts [][]int32) []float64 {
	if p.near.Len() == 0 || p.rank >= 1 {
		return p.common(own, parts, 0, math.MaxInt)
	}
	near := p.common(own, parts, 0, 1)
	positions, _ := p.near.Of(0)
	far := p.common(own, parts, farRank-1, farRank)
	if len(positions) < farRank || !(far[0] > near[0]) || near[0] == 0 {
		return near
	}
	exponent := elementary.Log(far[0]/near[0]) / elementary.Log(farRank)
	parted := float64(near[0] * elementary.Pow(p.rank, believed*exponent))
	for i := 1; i < len(near); i++ {
		near[i] *= (1 - parted) / (1 - near[0])
	}
	near[0] = parted
	return near
}

// common is the shares of the pairs of a query and its neighbours of the ranks from lo to hi that have 0, 1, 2, …
// parts in common.
func (p *partsPlanner) common(own, parts [][]int32, lo, hi int) []float64 {
	shares, all := []float64{0}, 0.0
	for i, at := range p.some {
		positions, _ := p.near.Of(i)
		for _, q := range positions[min(lo, len(positions)):min(hi, len(positions))] {
			same := 0
			for _, l := range parts[q] {
				if slices.Contains(own[at], l) {
					same++
				}
			}
			for len(shares) <= same {
				shares = append(shares, 0)
			}
			shares[same]++
			all++
		}
	}
	if all == 0 { // of one point
		return []float64{0, 1}
	}
	for i := range shares {
		shares[i] /= all
	}
	return shares
}

// nodeRows are the sampled points of a node: those for leaders, and the others.
type nodeRows struct{ forLeaders, rows []int32 }

// most is how many leaders may be in the middle of them.
func (n nodeRows) most() int {
	return min((len(n.forLeaders)+len(n.rows))/perLeader, len(n.forLeaders))
}

// leaders are those of a node with so many ways, for points of which full make a full part.
func (p *partsPlanner) leaders(of nodeRows, ways int, full float64, r random) (*vectors.Block, error) {
	n := int(math.Ceil(leadersOf(ways, float64(len(of.rows))/full)))
	chosen := r.sample(len(of.forLeaders), max(min(n, of.most()), 1), nil)
	for i, at := range chosen {
		chosen[i] = of.forLeaders[at]
	}
	leaders := take(p.forLeaders, chosen)
	return leaders, p.centre(leaders, of.forLeaders, r.fork(seedLeaders))
}

// tree chooses the leaders of so many ways, and puts the sample into parts by them: a point goes to one or two nodes
// below the root, and to leaders so near.
func (p *partsPlanner) tree(ways, deeper int, near float32) (*Parts, error) {
	t := &Parts{Leaders: &vectors.Block{Dim: p.sample.Dim}}
	full := fullPart * float64(p.most) * float64(p.sample.Len()) / float64(p.n) // of the sampled points
	r := random(p.o.Seed).fork(seedLeaders).fork(uint64(ways))
	waiting := []nodeRows{{except(p.forLeaders.Len(), nil), except(p.sample.Len(), nil)}} // of nodes to come
	var members [][]int32
	for len(waiting) > 0 {
		of, fanout, block := waiting[0], deeper, p.roots[ways]
		waiting = waiting[1:]
		if len(t.Nodes) == 0 {
			fanout = maxFanout
		}
		if len(t.Nodes) > 0 || block == nil {
			var err error
			if block, err = p.leaders(of, ways, full, r.fork(uint64(len(t.Nodes)))); err != nil {
				return nil, err
			}
			if len(t.Nodes) == 0 {
				p.roots[ways] = block
			}
		}
		node := Node{First: t.Leaders.Len(), Fanout: min(fanout, block.Len()), Near: near}
		if near == 0 {
			node.Fanout = 1
		}
		some := p.sample
		if len(of.rows) < some.Len() {
			some = take(p.sample, of.rows)
		}
		lists, err := assignTo(some, block, of.rows, node, p.o.exactly(), p.threads)
		if err != nil {
			return nil, err
		}
		below, err := assignTo(take(p.forLeaders, of.forLeaders), block, of.forLeaders, node, p.o.exactly(), p.threads)
		if err != nil {
			return nil, err
		}
		for l, list := range lists {
			// What hardly any of the points leave cannot be parted: they are equal, or nearly so.
			const parted = 0.95
			next := nodeRows{below[l], list}
			if float64(len(list)) > full && float64(len(list)) < parted*float64(len(of.rows)) && next.most() >= 2 {
				waiting = append(waiting, next)
				node.Next = append(node.Next, int32(-1-len(t.Nodes)-len(waiting)))
				continue
			}
			node.Next = append(node.Next, int32(len(members)))
			members = append(members, list)
		}
		t.Nodes = append(t.Nodes, node)
		t.Leaders.AppendBlock(block)
	}
	for i := range t.Leaders.Numbers {
		t.Leaders.Numbers[i] = int64(i)
	}
	t.Count, t.Fanout = len(members), t.Nodes[0].Fanout
	for _, rows := range members {
		t.Sizes = append(t.Sizes, PartSize{len(rows), float64(p.n) * float64(len(rows)) / float64(p.sample.Len())})
		t.Copies += float64(len(rows)) / float64(p.sample.Len())
	}
	t.setGroups(p.most, p.k)
	common, err := p.shares(t, members)
	if err != nil {
		return nil, err
	}
	t.Share, t.Inside = found(common, 1), inside(common, p.o.Recall)
	return t, nil
}
