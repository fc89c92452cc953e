package groups

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Cutter cuts groups into such whose rows are all within a diameter of each other. In place of the chains that
// [Components] allows (single linkage), it takes complete linkage: of the two groups at hand, the pair whose farthest
// two rows are nearest to each other becomes one, again and again, as long as these two rows are within Diameter; of
// pairs that tie, the one with the earlier first rows. (T. Sørensen: A method of establishing groups of equal amplitude
// in plant sociology. Biologiske Skrifter 5 (1948).) That is what scikit-learn's AgglomerativeClustering makes of the
// group with linkage="complete" and a distance_threshold just above Diameter, as it stops at the threshold itself. A
// group within the diameter stays whole.
//
// Only pairs within the diameter are held, as no other can be of one group. Where there are more than MostPairs of
// them, and rows that are no pair, the rows are first put around Centers of them, each the farthest from those before
// (T. Gonzalez: Clustering to minimize the maximum intercluster distance. Theoretical Computer Science 38 (1985)),
// again and again until there are fewer. Then, too, no group is wider than the diameter, but two near rows may be in
// different groups although these could be one.
type Cutter struct {
	// Diameter is the greatest distance of two rows of a group. Required.
	Diameter float64
	// Radius is that within which rows count as neighbours, for Center. Required.
	Radius float64
	// Options are the metric, with its parameters.
	Options neighbors.Options
	// Threads are how many goroutines share the work. Default: GOMAXPROCS.
	Threads int
	// MostPairs is how many pairs are held at a time: 64 bytes each. Results depend on it. Default: MostPairs.
	MostPairs int
}

const (
	// MostPairs is the default of a Cutter.
	MostPairs = 1 << 22
	// Centers are how many parts rows are put into that have too many pairs.
	Centers = 8
	// fewRows are those of a group that is worth a goroutine, but not several.
	fewRows = 512
)

// Cut is what became of a group: of its rows, in their order, the place of the first row of the new group, and the
// score by which it may be the center of that: see [CenterScore].
type Cut struct {
	Firsts []int32
	Scores [][2]float64
}

// CutAll cuts groups of rows, whose Numbers ascend. It takes O(n·d + pairs·log(pairs)) time for a group beside the
// search of its pairs, and the memory of its rows twice.
func (c *Cutter) CutAll(all []*vectors.Block) ([]Cut, error) {
	cuts, errs := make([]Cut, len(all)), make([]error, len(all))
	threads := neighbors.Search{Threads: c.Threads}.NumThreads()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, len(all)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				if all[i].Len() <= fewRows {
					cuts[i], errs[i] = c.cut(all[i], 1)
				}
			}
		})
	}
	wg.Wait()
	for i, b := range all {
		if b.Len() > fewRows {
			cuts[i], errs[i] = c.cut(b, threads)
		}
		if errs[i] != nil {
			return nil, errs[i]
		}
	}
	return cuts, nil
}

// cut cuts a group.
func (c *Cutter) cut(b *vectors.Block, threads int) (Cut, error) {
	out := Cut{make([]int32, b.Len()), make([][2]float64, b.Len())}
	whole := make([]int32, b.Len())
	for i := range whole {
		whole[i] = int32(i)
	}
	for parts := [][]int32{whole}; len(parts) > 0; {
		rows := parts[len(parts)-1]
		parts = parts[:len(parts)-1]
		p := part{Cutter: c, rows: b, threads: threads}
		if len(rows) < b.Len() {
			p.rows = take(b, rows)
		}
		if len(rows) == 1 {
			out.Firsts[rows[0]] = rows[0]
			continue
		}
		var err error
		if p.index, err = neighbors.Fit(p.rows, c.Options); err != nil {
			return out, err
		}
		found, err := p.findPairs()
		if err != nil {
			return out, err
		}
		if !found {
			more, err := p.around()
			if err != nil {
				return out, err
			}
			for _, m := range more {
				for i, at := range m {
					m[i] = rows[at]
				}
			}
			parts = append(parts, more...)
			continue
		}
		firsts, scores := p.link()
		for i, row := range rows {
			out.Firsts[row], out.Scores[row] = rows[firsts[i]], scores[i]
		}
	}
	return out, nil
}

// take are some rows of a block.
func take(b *vectors.Block, rows []int32) *vectors.Block {
	some := &vectors.Block{Dim: b.Dim, DType: b.DType, Missing: b.Missing}
	if b.Sparse != nil {
		some.Sparse = new(vectors.CSR)
	}
	for _, i := range rows {
		some.AppendBlock(b.Slice(int(i), int(i)+1))
	}
	return some
}

// part is rows that may become one group.
type part struct {
	*Cutter
	rows    *vectors.Block
	index   *neighbors.Index
	threads int

	whole  bool         // each row is within the diameter of each other
	pairs  []edge       // within the diameter, from the earlier row to the later; some, where whole is true
	scores [][2]float64 // of the rows, where whole is true
}

// foundAtOnce is how many neighbours are found at a time, at most, where a row has no more.
const foundAtOnce = 1 << 21

// findPairs finds whether the part is whole, or else its pairs; it reports false where these are too many.
func (p *part) findPairs() (bool, error) {
	n, most := p.rows.Len(), p.MostPairs
	if most == 0 {
		most = MostPairs
	}
	p.whole, p.scores = true, make([][2]float64, n)
	step := max(1, foundAtOnce/n)
	for lo := 0; lo < n; lo += step {
		hi := min(lo+step, n)
		found, err := p.index.RadiusNeighbors(p.index.Rows(lo, hi), p.Diameter,
			neighbors.Search{Self: true, Threads: p.threads})
		if err != nil {
			return false, err
		}
		for i := lo; i < hi; i++ {
			others, distances := found.Of(i - lo)
			p.whole = p.whole && len(others) == n-1
			within := len(distances)
			for within > 0 && distances[within-1] > p.Radius {
				within--
			}
			p.scores[i] = CenterScore(distances[:within])
			for j, other := range others {
				if len(p.pairs) <= most && int(other) > i {
					p.pairs = append(p.pairs, edge{int32(i), other, distances[j]})
				}
			}
		}
		if len(p.pairs) > most && !p.whole {
			return false, nil
		}
	}
	return true, nil
}

// around puts the rows around some of them, each to the nearest; of such, the first that was chosen.
func (p *part) around() ([][]int32, error) {
	n := p.rows.Len()
	nearest, of := make([]float64, n), make([]int, n)
	distances := make([]float64, n)
	center := int32(0) // not one yet: the first center is what is farthest from it
	for k := -1; k < Centers; k++ {
		found, err := p.index.RadiusNeighbors(p.index.Rows(int(center), int(center)+1), math.MaxFloat64,
			neighbors.Search{Self: true, Threads: p.threads})
		if err != nil {
			return nil, err
		}
		for i := range distances {
			distances[i] = math.Inf(1)
		}
		distances[center] = 0
		others, far := found.Of(0)
		for j, other := range others {
			distances[other] = far[j]
		}
		for i, d := range distances {
			if k <= 0 || d < nearest[i] {
				nearest[i], of[i] = d, max(k, 0)
			}
		}
		center = 0
		for i, d := range nearest {
			if d > nearest[center] {
				center = int32(i)
			}
		}
		if nearest[center] == 0 {
			break
		}
	}
	parts := make([][]int32, Centers)
	for i, k := range of {
		parts[k] = append(parts[k], int32(i))
	}
	parts = slices.DeleteFunc(parts, func(rows []int32) bool { return len(rows) == 0 })
	if len(parts) == 1 { // all at distance 0 from a row, but not from each other: by their order
		return [][]int32{parts[0][:n/2], parts[0][n/2:]}, nil
	}
	return parts, nil
}

// link joins rows by complete linkage, and gives the first row of the group and the score of each.
func (p *part) link() ([]int32, [][2]float64) {
	n := p.rows.Len()
	if p.whole {
		return make([]int32, n), p.scores
	}
	slices.SortFunc(p.pairs, compareEdges)
	l := newLinkage(n, p.pairs)
	l.run()
	firsts := make([]int32, n)
	for i := range firsts {
		firsts[i] = int32(l.groups.First(int64(i)))
	}
	scores := make([][2]float64, n)
	for _, e := range p.pairs { // in the order of their distances, as CenterScore has them
		if e.distance <= p.Radius && firsts[e.a] == firsts[e.b] {
			for _, row := range [2]int32{e.a, e.b} {
				scores[row][0]++
				scores[row][1] -= e.distance
			}
		}
	}
	return firsts, scores
}

// linkage is groups, known by their first rows, and how far apart their farthest rows are. A pair of groups that is not
// there is beyond the diameter, and remains so.
type linkage struct {
	groups Components
	pairs  []edge     // of rows, in their order: what is nearest at first
	later  edgeHeap   // of groups of several rows
	links  [][]linked // by the first row of a group: the others, in the order of their first rows
}

// linked is another group, and the distance; NaN where it is none any more.
type linked struct {
	other    int32
	distance float64
}

func newLinkage(n int, pairs []edge) *linkage {
	l := &linkage{pairs: pairs, links: make([][]linked, n)}
	l.groups.parent = make([]int32, n)
	degree := make([]int32, n)
	for _, e := range pairs {
		degree[e.a]++
		degree[e.b]++
	}
	all := make([]linked, 2*len(pairs))
	for i, d := range degree {
		l.groups.parent[i] = int32(i)
		l.links[i], all = all[:0:d], all[d:]
	}
	for _, e := range pairs {
		l.links[e.a] = append(l.links[e.a], linked{e.b, e.distance})
		l.links[e.b] = append(l.links[e.b], linked{e.a, e.distance})
	}
	for _, links := range l.links {
		slices.SortFunc(links, func(x, y linked) int { return int(x.other) - int(y.other) })
	}
	return l
}

// run joins groups until none are left within the diameter. What two groups have in common remains of their links, so
// that all steps together take O(pairs·log(pairs)).
func (l *linkage) run() {
	for {
		var e edge
		switch {
		case len(l.later) > 0 && (len(l.pairs) == 0 || compareEdges(l.later[0], l.pairs[0]) < 0):
			e = l.later.pop()
		case len(l.pairs) > 0:
			e, l.pairs = l.pairs[0], l.pairs[1:]
		default:
			return
		}
		if at := l.link(e.a, e.b); at != nil && at.distance == e.distance {
			l.join(e.a, e.b)
		}
	}
}

// link is where group a has its link to group b, or nil.
func (l *linkage) link(a, b int32) *linked {
	links := l.links[a]
	i, ok := slices.BinarySearchFunc(links, b, func(x linked, b int32) int { return int(x.other) - int(b) })
	if !ok {
		return nil
	}
	return &links[i]
}

// join makes group b one with a, which is before it.
func (l *linkage) join(a, b int32) {
	l.groups.Join(int64(a), int64(b))
	x, y := l.links[a], l.links[b]
	var both []linked
	drop := func(from linked, gone int32) {
		if from.distance == from.distance { // what is none any more has no link back
			l.link(from.other, gone).distance = math.NaN()
		}
	}
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].other < y[0].other:
			drop(x[0], a)
			x = x[1:]
		case len(x) == 0 || y[0].other < x[0].other:
			drop(y[0], b)
			y = y[1:]
		default:
			if far := max(x[0].distance, y[0].distance); far == far {
				both = append(both, linked{x[0].other, far})
				if back := l.link(x[0].other, a); back.distance != far {
					back.distance = far
					l.later.push(edge{min(a, x[0].other), max(a, x[0].other), far})
				}
			} else {
				drop(x[0], a)
			}
			drop(y[0], b)
			x, y = x[1:], y[1:]
		}
	}
	l.links[a], l.links[b] = both, nil
}

// edgeHeap has the nearest pair in front.
type edgeHeap []edge

func (h *edgeHeap) push(e edge) {
	s := append(*h, e)
	for i := len(s) - 1; i > 0 && compareEdges(s[i], s[(i-1)/2]) < 0; i = (i - 1) / 2 {
		s[i], s[(i-1)/2] = s[(i-1)/2], s[i]
	}
	*h = s
}

func (h *edgeHeap) pop() edge {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= min(2*i+2, last-1); child++ {
			if compareEdges(s[child], s[least]) < 0 {
				least = child
			}
		}
		if least == i {
			*h = s
			return top
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}
