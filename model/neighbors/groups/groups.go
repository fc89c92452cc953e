// Package groups makes groups of near-duplicates of pairs of points: the connected components of the graph whose
// edges are all pairs within a distance, which are the clusters of scikit-learn's DBSCAN with min_samples = 1.
//
// It is made for many workers that each find the neighbours of some of the points. A worker keeps a spanning forest
// of the edges that it has found ([Forest]): at most one edge for each point that it has seen, whatever the number of
// its neighbours. The components of all forests together are those of all edges, as a forest connects what its edges
// connect; one worker joins them ([Components]), by union–find with path halving (R. Tarjan, J. van Leeuwen:
// Worst-case Analysis of Set Union Algorithms. Journal of the ACM 31 (1984), 245–281). A group is known by its first
// row, so that nothing depends on who finds which edge.
package groups

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"

	"beamlearn/model/neighbors"
)

// MaxRows is the most rows that there can be.
const MaxRows = math.MaxInt32

// RowBytes is what a row takes, at the most.
const RowBytes = 28

// Components are rows in groups.
type Components struct{ parent []int32 } // a row of the group that does not come later: a first row is its own

// New are so many rows, each in a group of its own. It takes 4 bytes a row.
func New(rows int64) (*Components, error) {
	if rows < 0 || rows > MaxRows {
		return nil, fmt.Errorf("groups of %d rows: one worker joins them, and takes at most %d", rows, MaxRows)
	}
	c := &Components{parent: make([]int32, rows)}
	for i := range c.parent {
		c.parent[i] = int32(i)
	}
	return c, nil
}

// First is the first row of the group of a row.
func (c *Components) First(row int64) int64 {
	i := int32(row)
	for c.parent[i] != i {
		c.parent[i] = c.parent[c.parent[i]]
		i = c.parent[i]
	}
	return int64(i)
}

// Join makes the groups of two rows one, and reports whether they were two.
func (c *Components) Join(a, b int64) bool {
	a, b = c.First(a), c.First(b)
	if a == b {
		return false
	}
	c.parent[max(a, b)] = int32(min(a, b))
	return true
}

// Add joins each row of the answers with its neighbours. It fails where one of them is no row.
func (c *Components) Add(a *neighbors.Answers) error {
	for i, row := range a.Numbers {
		for _, other := range a.Neighbors[a.Offsets[i]:a.Offsets[i+1]] {
			if min(row, other) < 0 || max(row, other) >= int64(len(c.parent)) {
				return fmt.Errorf("groups: an edge from row %d to row %d of %d", row, other, len(c.parent))
			}
			c.Join(row, other)
		}
	}
	return nil
}

// Wide are the groups that may be wider than a diameter, of pairs within the radius: the rows of each, in the order of
// their first rows. Members must be counted. It takes 4 bytes a row beside them.
func (m *Members) Wide(diameter, radius float64) [][]int64 {
	of := map[int64]int{}
	var all [][]int64
	for row := range m.parent {
		first := m.First(int64(row))
		if size := m.sizes[first]; size < 2 || size == 2 && diameter >= radius {
			continue
		}
		if first == int64(row) {
			of[first] = len(all)
			all = append(all, make([]int64, 0, m.sizes[first]))
		}
		all[of[first]] = append(all[of[first]], int64(row))
	}
	return all
}

// Cut makes groups of the rows of one group, by the places of their first rows.
func (c *Components) Cut(rows []int64, firsts []int32) {
	for i, row := range rows {
		c.parent[row] = int32(rows[firsts[i]])
	}
}

// Forest gives the rows of the answers, each with those edges to earlier rows that connect what no edge before has
// connected. Where all edges are found from both ends, as within a radius, nothing is lost. It takes O(neighbours)
// time, and memory for the rows that occur, or for those between the first and the last of them, whichever is less.
func Forest(a *neighbors.Answers) *neighbors.Answers {
	f := &neighbors.Answers{Numbers: a.Numbers, IDs: a.IDs, Offsets: make([]int64, 1, len(a.Numbers)+1)}
	seen := newSeen(a)
	for i, row := range a.Numbers {
		for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
			if other := a.Neighbors[e]; other < row && seen.Join(seen.place(row), seen.place(other)) {
				f.Neighbors, f.Distances = append(f.Neighbors, other), append(f.Distances, a.Distances[e])
			}
		}
		f.Offsets = append(f.Offsets, int64(len(f.Neighbors)))
	}
	return f
}

// seen are the rows that occur in some answers, in groups.
type seen struct {
	Components
	first  int64
	places map[int64]int64 // of rows, nil where their places are their distances from the first
}

func newSeen(a *neighbors.Answers) *seen {
	lo, hi, edges := int64(math.MaxInt64), int64(-1), int64(0)
	for i, row := range a.Numbers {
		lo, hi = min(lo, row), max(hi, row)
		for _, other := range a.Neighbors[a.Offsets[i]:a.Offsets[i+1]] {
			if other < row {
				lo = min(lo, other)
				edges++
			}
		}
	}
	s := &seen{first: lo}
	if span := hi - lo + 1; hi >= 0 && span <= 8*(edges+int64(len(a.Numbers))) {
		s.parent = make([]int32, span)
		for i := range s.parent {
			s.parent[i] = int32(i)
		}
	} else {
		s.places = map[int64]int64{}
	}
	return s
}

func (s *seen) place(row int64) int64 {
	if s.places == nil {
		return row - s.first
	}
	at, ok := s.places[row]
	if !ok {
		at = int64(len(s.parent))
		s.places[row] = at
		s.parent = append(s.parent, int32(at))
	}
	return at
}

// Keep says which row of a group stays.
type Keep struct {
	// Rule is First, Last, Center, Max or Min. Default: First.
	Rule Rule
	// Column is the one whose largest or least number decides. Required of Max and Min.
	Column string `json:",omitempty"`
}

// A Rule is a way to choose a row.
type Rule string

const (
	First  Rule = "first"
	Last   Rule = "last"
	Center Rule = "center" // with the most neighbours; of these, with the least sum of their distances
	Max    Rule = "max"
	Min    Rule = "min"
)

// ParseKeep reads first, last, center, COLUMN:max or COLUMN:min.
func ParseKeep(s string) (Keep, error) {
	switch r := Rule(s); r {
	case First, Last, Center:
		return Keep{Rule: r}, nil
	}
	if at := strings.LastIndexByte(s, ':'); at > 0 {
		if r := Rule(s[at+1:]); r == Max || r == Min {
			return Keep{r, s[:at]}, nil
		}
	}
	return Keep{}, fmt.Errorf("keep %q: must be first, last, center, COLUMN:max or COLUMN:min", s)
}

// Scored reports whether rows have scores, which decide.
func (k Keep) Scored() bool { return k.Rule == Center || k.Rule == Max || k.Rule == Min }

// CenterScore is the score of a row with these distances to its neighbours: of two rows, the one with the greater first
// number stays, then the one with the greater second, then the earlier one.
func CenterScore(distances []float64) [2]float64 {
	sum := 0.0
	for _, d := range distances {
		sum += d
	}
	return [2]float64{float64(len(distances)), -sum}
}

// ColumnScore is the score of a row with a number in the column; NaN, which is none, stays only among its like.
func (k Keep) ColumnScore(v float64) [2]float64 {
	if k.Rule == Min {
		v = -v
	}
	if v != v {
		v = -math.MaxFloat64
	}
	return [2]float64{v, 0}
}

// Members are the groups with their sizes and the rows that stay. It takes 8 bytes a row, and 16 more where rows have
// scores.
type Members struct {
	*Components
	keep   Keep
	sizes  []int32 // at the first row of each group, as all that follows
	kept   []int32 // −1: none yet
	scores [][2]float64
}

// NewMembers counts no row yet.
func NewMembers(c *Components, k Keep) *Members {
	m := &Members{Components: c, keep: k, sizes: make([]int32, len(c.parent)), kept: make([]int32, len(c.parent))}
	for i := range m.kept {
		m.kept[i] = -1
	}
	if k.Scored() {
		m.scores = make([][2]float64, len(c.parent))
	}
	return m
}

// Count counts a row. Rows come in ascending order.
func (m *Members) Count(row int64) {
	first := m.First(row)
	m.sizes[first]++
	if m.keep.Rule == Last || m.kept[first] < 0 && !m.keep.Scored() {
		m.kept[first] = int32(row)
	}
}

// Score tells the score of a row: of each once, in any order.
func (m *Members) Score(row int64, score [2]float64) error {
	if row < 0 || row >= int64(len(m.parent)) {
		return fmt.Errorf("groups: the score of row %d of %d", row, len(m.parent))
	}
	first := m.First(row)
	best := m.scores[first]
	order := cmp.Or(cmp.Compare(score[0], best[0]), cmp.Compare(score[1], best[1]), cmp.Compare(int64(m.kept[first]), row))
	if m.kept[first] < 0 || order > 0 {
		m.kept[first], m.scores[first] = int32(row), score
	}
	return nil
}

// Of is the group of a row: its first row, its size, and whether the row stays.
func (m *Members) Of(row int64) (first, size int64, kept bool) {
	first = m.First(row)
	return first, int64(m.sizes[first]), int64(m.kept[first]) == row
}

// Summary counts groups.
type Summary struct {
	Groups  int64 `json:"groups"`
	Several int64 `json:"groups_of_several"` // rows
	Rows    int64 `json:"rows_of_several"`   // rows of such groups
	Largest int64 `json:"largest_group"`
	Cut     int64 `json:"groups_cut,omitempty"` // that were wider than a diameter
}

// Summary counts the groups. It fails where rows that were counted had no score.
func (m *Members) Summary() (s Summary, err error) {
	for first, size := range m.sizes {
		if size == 0 {
			continue
		}
		if m.kept[first] < 0 {
			return s, errors.New("groups: a group without a row that stays")
		}
		s.Groups++
		s.Largest = max(s.Largest, int64(size))
		if size > 1 {
			s.Several++
			s.Rows += int64(size)
		}
	}
	return s, nil
}
