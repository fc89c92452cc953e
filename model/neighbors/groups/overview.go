package groups

import (
	"cmp"
	"slices"

	"beamlearn/model/neighbors"
)

// Steps is into how many a radius is cut, for what a page shows of it.
const Steps = 100

// Overview is what a page shows of groups.
type Overview struct {
	Radius float64 `json:"radius"`
	// Diameter is that of a Cutter, if there was one.
	Diameter *float64 `json:"diameter,omitempty"`
	// Pairs are the numbers of pairs by their distance, in Steps bars of equal width from 0 to the radius.
	Pairs []int64 `json:"pairs,omitempty"`
	// Levels say what groups there would be within each of the radii 0, 1/Steps, 2/Steps, … and 1 of the radius.
	Levels []Level `json:"levels,omitempty"`
	// Sizes are the numbers of groups by the number of their rows, between those of SizeNames.
	Sizes []int64 `json:"sizes,omitempty"`
	// Largest are the largest groups, and of equally large ones the first.
	Largest []Example `json:"largest,omitempty"`
}

// Level is what groups there are within a radius.
type Level struct {
	Radius  float64 `json:"radius"`
	Groups  int64   `json:"groups"`
	Largest int64   `json:"largest"` // rows of the largest group
}

// Example is a group with some of its rows.
type Example struct {
	First  int64    `json:"-"` // the first row
	Size   int64    `json:"size"`
	Kept   string   `json:"kept"`   // the id of the row that stays
	Others []string `json:"others"` // ids of the first ones of those that do not
}

const (
	examples     = 12 // groups
	exampleOther = 9  // rows of one, beside the one that stays
)

// CountPairs adds the pairs of each row of the answers with earlier rows to Pairs.
func (o *Overview) CountPairs(a *neighbors.Answers, radius float64) {
	if o.Radius = radius; o.Pairs == nil {
		o.Pairs = make([]int64, Steps)
	}
	for i, row := range a.Numbers {
		for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
			if a.Neighbors[e] >= row {
				continue
			}
			bar := 0
			if radius > 0 {
				bar = min(max(int(a.Distances[e]/radius*Steps), 0), Steps-1)
			}
			o.Pairs[bar]++
		}
	}
}

// Merge adds what another worker has found.
func (o *Overview) Merge(p *Overview) {
	if o.Radius = max(o.Radius, p.Radius); o.Pairs == nil {
		o.Pairs = p.Pairs
	} else {
		for i, n := range p.Pairs {
			o.Pairs[i] += n
		}
	}
	if p.Levels != nil {
		o.Levels, o.Sizes, o.Largest, o.Diameter = p.Levels, p.Sizes, p.Largest, p.Diameter
	}
}

// edge joins two rows, or their places.
type edge struct {
	a, b     int32
	distance float64
}

func compareEdges(x, y edge) int {
	return cmp.Or(cmp.Compare(x.distance, y.distance), cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b))
}

// MinimumForest is [Forest] of the nearest pairs: a minimum spanning forest, which says what [Forest] would be within
// any lesser radius, too. It is found by Borůvka's algorithm (O. Borůvka: O jistém problému minimálním. 1926): in each
// of at most log₂(rows) rounds, every group of rows takes its nearest pair with another. O(neighbours) a round; among
// near-duplicates, few pairs are left after the first.
func MinimumForest(a *neighbors.Answers) *neighbors.Answers {
	b := boruvka{seen: newSeen(a), distances: a.Distances}
	for i, row := range a.Numbers {
		for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
			if other := a.Neighbors[e]; other < row {
				b.pairs = append(b.pairs, pair{int32(b.seen.place(row)), int32(b.seen.place(other)), e})
			}
		}
	}
	for len(b.pairs) > 0 {
		b.round()
	}
	slices.Sort(b.kept)
	f := &neighbors.Answers{Numbers: a.Numbers, IDs: a.IDs, Offsets: make([]int64, 1, len(a.Numbers)+1)}
	for i := range a.Numbers {
		for len(b.kept) > 0 && b.kept[0] < a.Offsets[i+1] {
			e := b.kept[0]
			f.Neighbors, f.Distances = append(f.Neighbors, a.Neighbors[e]), append(f.Distances, a.Distances[e])
			b.kept = b.kept[1:]
		}
		f.Offsets = append(f.Offsets, int64(len(f.Neighbors)))
	}
	return f
}

// pair is two rows, by their places, and where their distance stands.
type pair struct {
	a, b int32
	at   int64
}

type boruvka struct {
	seen      *seen
	distances []float64
	pairs     []pair  // that may join groups still
	best      []int32 // by the first row of a group: its nearest pair, −1 where there is none yet
	kept      []int64 // places of the distances of those that have joined groups
}

// nearer reports whether pair i comes before pair j: an order in which no two are equal, so that no group is joined
// twice.
func (b *boruvka) nearer(i, j int32) bool {
	x, y := b.pairs[i].at, b.pairs[j].at
	return b.distances[x] < b.distances[y] || b.distances[x] == b.distances[y] && x < y
}

func (b *boruvka) round() {
	for len(b.best) < len(b.seen.parent) {
		b.best = append(b.best, 0)
	}
	for i := range b.best {
		b.best[i] = -1
	}
	b.pairs = slices.DeleteFunc(b.pairs, func(p pair) bool { return b.seen.First(int64(p.a)) == b.seen.First(int64(p.b)) })
	for i, p := range b.pairs {
		for _, row := range [2]int32{p.a, p.b} {
			first := b.seen.First(int64(row))
			if at := b.best[first]; at < 0 || b.nearer(int32(i), at) {
				b.best[first] = int32(i)
			}
		}
	}
	for _, i := range b.best {
		if i >= 0 && b.seen.Join(int64(b.pairs[i].a), int64(b.pairs[i].b)) {
			b.kept = append(b.kept, b.pairs[i].at)
		}
	}
}

// Levels joins minimum spanning forests of parts of the pairs to that of all pairs. It takes 16 bytes an edge, of at
// most three for each row and those of one part.
type Levels struct {
	rows  int64
	edges []edge
}

// NewLevels are those of so many rows.
func NewLevels(rows int64) *Levels { return &Levels{rows: rows} }

// Add adds a forest.
func (l *Levels) Add(forest *neighbors.Answers) error {
	for i, row := range forest.Numbers {
		for e := forest.Offsets[i]; e < forest.Offsets[i+1]; e++ {
			l.edges = append(l.edges, edge{int32(row), int32(forest.Neighbors[e]), forest.Distances[e]})
		}
	}
	if int64(len(l.edges)) > 2*l.rows {
		return l.reduce(func(float64, int32, int32) {})
	}
	return nil
}

// reduce leaves a minimum spanning forest of the edges, by Kruskal's algorithm, and tells of each join, in their order,
// the first row of the group and that of the one that it takes in.
func (l *Levels) reduce(joined func(distance float64, first, other int32)) error {
	c, err := New(l.rows)
	if err != nil {
		return err
	}
	slices.SortFunc(l.edges, compareEdges)
	l.edges = slices.DeleteFunc(l.edges, func(e edge) bool {
		a, b := c.First(int64(e.a)), c.First(int64(e.b))
		if a == b {
			return true
		}
		c.Join(a, b)
		joined(e.distance, int32(min(a, b)), int32(max(a, b)))
		return false
	})
	return nil
}

// Within are the groups within parts of a radius, of so many rows that there are.
func (l *Levels) Within(radius float64, rows int64) ([]Level, error) {
	levels := make([]Level, Steps+1)
	at, joins, largest := 0, int64(0), min(rows, 1)
	next := func() {
		levels[at] = Level{radius * (float64(at) / Steps), rows - joins, largest}
		at++
	}
	sizes := slices.Repeat([]int32{1}, int(l.rows))
	err := l.reduce(func(distance float64, first, other int32) {
		for at < Steps && distance > radius*(float64(at)/Steps) {
			next()
		}
		joins++
		sizes[first] += sizes[other]
		largest = max(largest, int64(sizes[first]))
	})
	for at <= Steps {
		next()
	}
	return levels, err
}

// SizeNames are the sizes of groups that are counted together.
var SizeNames = []string{"1", "2", "3", "4", "5", "6–10", "11–30", "31–100", "101–1000", "more"}

var sizesUpTo = []int64{1, 2, 3, 4, 5, 10, 30, 100, 1000}

// Describe counts the groups by their sizes, and gives the largest of more than one row, whose rows are not named yet.
func (m *Members) Describe(o *Overview) {
	o.Sizes = make([]int64, len(SizeNames))
	for first, size := range m.sizes {
		if size == 0 {
			continue
		}
		place, _ := slices.BinarySearch(sizesUpTo, int64(size))
		o.Sizes[place]++
		e := Example{First: int64(first), Size: int64(size)}
		if n := len(o.Largest); size > 1 && (n < examples || o.Largest[n-1].Size < e.Size) {
			if n == examples {
				o.Largest = o.Largest[:n-1]
			}
			at, _ := slices.BinarySearchFunc(o.Largest, e, func(x, y Example) int {
				return cmp.Or(cmp.Compare(y.Size, x.Size), cmp.Compare(x.First, y.First))
			})
			o.Largest = slices.Insert(o.Largest, at, e)
		}
	}
}

// Name names a row of the group.
func (e *Example) Name(id string, kept bool) {
	switch {
	case kept:
		e.Kept = id
	case len(e.Others) < exampleOther:
		e.Others = append(e.Others, id)
	}
}
