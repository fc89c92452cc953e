package ivf

import (
	"fmt"
	"slices"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Parts puts points that are too many for one worker into overlapping parts, by a tree of leaders. A point goes to
// its nearest leader of the root, and to a few others whose points begin not much farther. Where a leader gets too
// many points for a part, each of these goes on to its nearest one or two of a node below, whose leaders stand in the
// middle of some of them. (A leader near the mean of all points is the nearest one of very many: only leaders that do
// not compete with it can separate them.) A worker makes a [Graph] of each part.
type Parts struct {
	Leaders *vectors.Block `json:"-"` // of all nodes, one node after the other
	Nodes   []Node         // the root first, each before its children
	Count   int            // the number of parts
	Sizes   []PartSize     // of each part
	// Groups are the first parts of groups of consecutive ones, whose sizes are seen together: see [Parts.Group].
	Groups []int32
	Fanout int // of the root
	// Copies is in how many parts a point is, on average of the sample.
	Copies float64
	// Share estimates the share of the pairs of a point and a neighbour that have a part in common.
	Share float64
	// Inside is the recall within the parts that gives the recall asked, if all goes as estimated.
	Inside float64
}

// PartSize is how many points a part has.
type PartSize struct {
	Sampled int     // points of the sample: at least so many
	Points  float64 // about so many of all
}

// Node is leaders that compete for points.
type Node struct {
	First  int // the place of the first leader
	Fanout int // how many of them a point goes to, at most
	// Near is how far a leader that is not the nearest may be: half way from the nearest to it is a border, whose
	// distance from the point must be no more than this share of that of the nearest leader, much as in SPANN's closure
	// (Chen et al., NeurIPS 2021). 0 leaves none out.
	Near float32 `json:",omitempty"`
	// Next says where the points of each leader go: into the part of that number, or where it is below 0, to node −1 −
	// Next.
	Next []int32
}

// Check fails where the tree is not whole. Call it on parts that were read from a file.
func (p *Parts) Check() error {
	first, parts, children := 0, 0, 0
	for i, n := range p.Nodes {
		if n.First != first || len(n.Next) == 0 || n.Fanout < 1 || !(n.Near >= 0) {
			return fmt.Errorf("ivf: node %d has %d leaders from %d on, not from %d, and fan-out %d within %v", i, len(n.Next),
				n.First, first, n.Fanout, n.Near)
		}
		first += len(n.Next)
		for _, next := range n.Next {
			switch {
			case next >= 0 && int(next) == parts:
				parts++
			case next < 0 && int(-1-next) == children+1 && children+1 > i:
				children++
			default:
				return fmt.Errorf("ivf: the points of a leader of node %d go to %d", i, next)
			}
		}
	}
	for i, g := range p.Groups {
		if i == 0 && g != 0 || i > 0 && g <= p.Groups[i-1] || int(g) >= p.Count {
			return fmt.Errorf("ivf: group %d of %d parts begins at %d", i, p.Count, g)
		}
	}
	if first != p.Leaders.Len() || parts != p.Count || children+1 != len(p.Nodes) || len(p.Sizes) != p.Count ||
		len(p.Groups) == 0 || !(p.Inside > 0 && p.Inside <= 1) {
		return fmt.Errorf("ivf: %d leaders, %d parts of %d sizes in %d groups and %d nodes, where the tree has %d, %d and %d",
			p.Leaders.Len(), p.Count, len(p.Sizes), len(p.Groups), len(p.Nodes), first, parts, children+1)
	}
	return nil
}

// groupParts is how many full parts a group of parts makes, about.
const groupParts = 8

// setGroups cuts the parts, which have room for so many points, into groups: each with the points of several full
// parts, and with a part of more than k sampled points, so that [Layout.Parts] makes parts of each group that have
// enough different points.
func (p *Parts) setGroups(most int64, k int) {
	p.Groups = []int32{0}
	points, largest := 0., 0
	for i, size := range p.Sizes {
		if largest > k && points >= groupParts*fullPart*float64(most) {
			p.Groups = append(p.Groups, int32(i))
			points, largest = 0, 0
		}
		points, largest = points+size.Points, max(largest, size.Sampled)
	}
	if last := len(p.Groups) - 1; last > 0 && largest <= k {
		p.Groups = p.Groups[:last]
	}
}

// Group is the number of the group of a part.
func (p *Parts) Group(part int64) int64 {
	at, found := slices.BinarySearch(p.Groups, int32(part))
	if !found {
		at--
	}
	return int64(at)
}

// Assign gives the rows of each part, ascending. They depend on the rows alone, not on others beside them.
// O(fan-out·rows·leaders·d), where the leaders are those of a node.
func (p *Parts) Assign(b *vectors.Block, m neighbors.Options, threads int) ([][]int32, error) {
	members := make([][]int32, p.Count)
	if b.Len() == 0 {
		return members, nil
	}
	var visit func(n *Node, rows []int32) error
	visit = func(n *Node, rows []int32) error {
		some := b
		if len(rows) < b.Len() {
			some = take(b, rows)
		}
		lists, err := assignTo(some, p.Leaders.Slice(n.First, n.First+len(n.Next)), rows, *n, m, threads)
		if err != nil {
			return err
		}
		for i, next := range n.Next {
			if next >= 0 {
				members[next] = lists[i]
			} else if len(lists[i]) > 0 {
				if err := visit(&p.Nodes[-1-next], lists[i]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return members, visit(&p.Nodes[0], except(b.Len(), nil))
}

// assignTo gives, for each leader, those of the rows, which b holds, that are its points, by the node's fan-out.
func assignTo(
	b, leaders *vectors.Block, rows []int32, n Node, m neighbors.Options, threads int,
) ([][]int32, error) {
	f := min(n.Fanout, leaders.Len())
	assigned, err := nearestLeaders(b, leaders, f, n.Near, m, threads)
	if err != nil {
		return nil, err
	}
	lists := make([][]int32, leaders.Len())
	for i, l := range assigned {
		if l != dropped {
			lists[l] = append(lists[l], rows[i/f])
		}
	}
	return lists, nil
}
