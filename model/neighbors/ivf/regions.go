package ivf

import (
	"math"

	"beamlearn/model/vectors"
)

// One sample has not enough points to choose the leaders of very many parts from. These are planned in two levels:
// first regions, each of which has room for many parts, by a sample as ever; then the parts of each region, by a sample
// of its own. No worker has more than one such sample.
const (
	// regionSample is how many sampled points a full region has.
	regionSample = 1024
	// partSample is how many points a full part has in the sample of its region.
	partSample = 256
	// mostLeaders is up to how many leaders one worker chooses, which takes it time in proportion to them and the sample.
	mostLeaders = 4096
)

// InRegions reports whether n points make more parts than a worker, with a sample of so many of them, has leaders for.
func (b *Budget) InRegions(n, sample int64, wide bool) bool {
	leaders := leadersOf(maxWays, float64(n)/(fullPart*float64(b.PartRows(wide))))
	return n > sample && (leaders > mostLeaders || float64(sample) < perLeader*leaders)
}

// leadersOf is how many leaders there are for so many full parts.
func leadersOf(ways int, parts float64) float64 { return float64(ways) * max(1.5*parts, leastWays) }

// NewRegions plans regions as [NewPlan] plans parts, of which each may have so many points in the end.
func NewRegions(
	points, queries *vectors.Block, numPoints, numQueries int64, k int, most int64, o Options, threads int,
) (*Plan, error) {
	room := float64(numPoints) * regionSample / (fullPart * float64(points.Len()))
	p, err := NewPlan(points, queries, numPoints, numQueries, k, max(most, int64(room)), o, threads)
	if err != nil {
		return nil, err
	}
	p.PartRows = most
	return p, nil
}

// regionShare is the share of all points that the samples of regions are.
func (p *Plan) regionShare() float64 { return min(partSample/(fullPart*float64(p.PartRows)), 1) }

// RegionSampler takes the samples of all regions, of the points.
func (p *Plan) RegionSampler(seed uint64) Sampler {
	return NewSampler(int64(math.Ceil(p.regionShare()*float64(p.Points))), p.Points, seed)
}

// RegionQueries takes those of the queries, where these are no points.
func (p *Plan) RegionQueries(seed uint64) Sampler {
	return NewSampler(regionSample*int64(p.Parts.Count), p.Queries, seed)
}

// PlanRegion plans the parts of a region by its sample, or by some of it, which was of so many points: parts in which
// the recall is found that regions were planned to have inside. It is nil where the region is a part itself.
func (p *Plan) PlanRegion(
	sample, queries *vectors.Block, of int64, k int, o Options, threads int,
) (*Parts, error) {
	n := max(int64(float64(of)/p.regionShare()), of)
	if float64(n) <= fullPart*float64(p.PartRows) || int64(k) >= n {
		return nil, nil
	}
	o.Recall = p.Parts.Inside
	return PlanParts(sample, queries, n, k, p.PartRows, o, threads)
}

// Join is the plan of the parts of all regions, which [Plan.PlanRegion] has given, in their order.
func (p *Plan) Join(regions []*Parts, k int) *Plan {
	of := p.Parts
	all := &Parts{Leaders: &vectors.Block{Dim: of.Leaders.Dim}, Fanout: of.Fanout, Inside: of.Inside}
	type place struct {
		parts *Parts
		node  int
	}
	waiting, nodes := []place{{of, 0}}, 1
	for len(waiting) > 0 {
		at := waiting[0]
		waiting = waiting[1:]
		from := at.parts.Nodes[at.node]
		node := Node{First: all.Leaders.Len(), Fanout: from.Fanout, Near: from.Near}
		for _, next := range from.Next {
			switch {
			case next < 0:
				waiting = append(waiting, place{at.parts, int(-1 - next)})
			case at.parts == of && regions[next] != nil:
				waiting = append(waiting, place{regions[next], 0})
			default:
				node.Next = append(node.Next, int32(all.Count))
				all.Sizes = append(all.Sizes, at.parts.Sizes[next])
				all.Count++
				continue
			}
			node.Next = append(node.Next, int32(-1-nodes))
			nodes++
		}
		all.Nodes = append(all.Nodes, node)
		all.Leaders.AppendBlock(at.parts.Leaders.Slice(from.First, from.First+len(from.Next)))
	}
	for i := range all.Leaders.Numbers {
		all.Leaders.Numbers[i] = int64(i)
	}
	all.addUp(of, regions)
	all.setGroups(p.PartRows, k)
	joined := *p
	joined.Parts, joined.PartRows = all, 0
	return &joined
}

// addUp says what is known of the parts by that of the regions that they are of, and by that of the parts of each.
func (p *Parts) addUp(of *Parts, regions []*Parts) {
	points, copies, share := 0., 0., 0.
	for i, size := range of.Sizes {
		points += size.Points
		if r := regions[i]; r != nil {
			copies, share = copies+float64(size.Points*r.Copies), share+float64(size.Points*r.Share)
			p.Inside = max(p.Inside, r.Inside)
		} else {
			copies, share = copies+size.Points, share+size.Points
		}
	}
	p.Copies, p.Share = float64(of.Copies*copies)/points, float64(of.Share*share)/points
}
