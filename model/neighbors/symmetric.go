package neighbors

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// A Symmetry is what makes a graph of neighbours symmetric.
type Symmetry string

const (
	Directed Symmetry = "none"   // the edges stay as they are
	Union    Symmetry = "union"  // an edge that one end has, the other has too
	Mutual   Symmetry = "mutual" // an edge stays where both ends have it
)

// Symmetries lists them.
var Symmetries = []Symmetry{Directed, Union, Mutual}

// NeighborRanges yields the answers by ranges of so many row numbers of the neighbours, the first beginning at 0: the
// number of the range, and the queries with a neighbour there, with those neighbours. Ranges without a neighbour are
// left out. O(neighbours + ranges).
func (a *Answers) NeighborRanges(rows int64) iter.Seq2[int64, *Answers] {
	return func(yield func(int64, *Answers) bool) {
		var starts []int64 // of each range among the edges in the order of their ranges
		for _, n := range a.Neighbors {
			for int64(len(starts)) < n/rows+2 {
				starts = append(starts, 0)
			}
			starts[n/rows+1]++
		}
		for r := 1; r < len(starts); r++ {
			starts[r] += starts[r-1]
		}
		order, next := make([]int64, len(a.Neighbors)), slices.Clone(starts)
		for e, n := range a.Neighbors {
			order[next[n/rows]] = int64(e)
			next[n/rows]++
		}
		for r := range max(len(starts), 1) - 1 {
			if some := order[starts[r]:starts[r+1]]; len(some) > 0 && !yield(int64(r), a.edges(some)) {
				return
			}
		}
	}
}

// edges are the answers with those of all neighbours that stand at these places, which ascend.
func (a *Answers) edges(places []int64) *Answers {
	s := &Answers{
		Offsets: []int64{0}, Distances: make([]float64, 0, len(places)), Neighbors: make([]int64, 0, len(places)),
	}
	query := -1
	for _, e := range places {
		if query < 0 || e >= a.Offsets[query+1] {
			for e >= a.Offsets[query+1] {
				query++
			}
			s.Numbers, s.Offsets = append(s.Numbers, a.Numbers[query]), append(s.Offsets, s.Offsets[len(s.Offsets)-1])
			if a.IDs.Len() > 0 {
				s.IDs.Append(a.IDs.At(query))
			}
		}
		s.Distances, s.Neighbors = append(s.Distances, a.Distances[e]), append(s.Neighbors, a.Neighbors[e])
		if a.NeighborIDs.Len() > 0 {
			s.NeighborIDs.Append(a.NeighborIDs.At(int(e)))
		}
		s.Offsets[len(s.Offsets)-1]++
	}
	return s
}

// An edge is one of a row, to another row.
type edge struct {
	to       int64
	distance float64
	id       int32 // its place among the ids
	out, in  bool  // the row has it; the other row has it
}

// Symmetric gives the rows of outgoing a symmetric graph: outgoing are their neighbours, each row once, and incoming
// are other rows with all neighbours that they have among them. A row's neighbours ascend by (distance, row number).
// Where the two directions of an edge differ in their distance, as approximate arithmetic may have it, the smaller
// counts. It fails where a neighbour among incoming is not a row. O(edges · log(edges of a row)).
func Symmetric(how Symmetry, outgoing, incoming []*Answers) (*Answers, error) {
	rows := graphRowsOf(outgoing)
	ends := rows.ends(outgoing, incoming)
	all, next := make([]edge, ends[len(rows.numbers)]), slices.Clone(ends)
	var ids vectors.IDs // of the other ends
	add := func(row int, e edge, id func() vectors.ID, labelled bool) {
		if labelled {
			e.id = int32(ids.Len())
			ids.Append(id())
		}
		all[next[row]] = e
		next[row]++
	}
	for _, a := range outgoing {
		for i, n := range a.Numbers {
			row := rows.at(n)
			for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
				add(row, edge{to: a.Neighbors[e], distance: a.Distances[e], out: true},
					func() vectors.ID { return a.NeighborIDs.At(int(e)) }, a.NeighborIDs.Len() > 0)
			}
		}
	}
	for _, a := range incoming {
		for i, n := range a.Numbers {
			for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
				row := rows.at(a.Neighbors[e])
				if row < 0 {
					return nil, fmt.Errorf("neighbors: row %d, a neighbour of row %d, was not searched", a.Neighbors[e], n)
				}
				add(row, edge{to: n, distance: a.Distances[e], in: true},
					func() vectors.ID { return a.IDs.At(i) }, a.IDs.Len() > 0)
			}
		}
	}
	if ids.Len() > math.MaxInt32 {
		return nil, fmt.Errorf("neighbors: %d edges with ids at once", ids.Len())
	}
	m := &Answers{Numbers: rows.numbers, IDs: rows.ids, Offsets: []int64{0}}
	for i := range rows.numbers {
		for _, e := range how.row(all[ends[i]:ends[i+1]]) {
			m.Neighbors, m.Distances = append(m.Neighbors, e.to), append(m.Distances, e.distance)
			if ids.Len() > 0 {
				m.NeighborIDs.Append(ids.At(int(e.id)))
			}
		}
		m.Offsets = append(m.Offsets, int64(len(m.Neighbors)))
	}
	return m, nil
}

// row merges the two directions of each edge of a row, and keeps those that the symmetry has.
func (s Symmetry) row(edges []edge) []edge {
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.distance, b.distance))
	})
	kept := edges[:0]
	for _, e := range edges {
		if n := len(kept); n > 0 && kept[n-1].to == e.to {
			kept[n-1].out, kept[n-1].in = kept[n-1].out || e.out, kept[n-1].in || e.in
		} else {
			kept = append(kept, e)
		}
	}
	kept = slices.DeleteFunc(kept, func(e edge) bool {
		return s == Mutual && !(e.out && e.in) || s == Directed && !e.out
	})
	slices.SortFunc(kept, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.to, b.to))
	})
	return kept
}

// graphRows are the rows of a graph, by their numbers.
type graphRows struct {
	numbers []int64
	ids     vectors.IDs
}

// graphRowsOf are the queries of answers, in order.
func graphRowsOf(all []*Answers) *graphRows {
	parts := slices.Clone(all)
	slices.SortStableFunc(parts, func(a, b *Answers) int {
		if a.Len() == 0 || b.Len() == 0 {
			return cmp.Compare(a.Len(), b.Len())
		}
		return cmp.Compare(a.Numbers[0], b.Numbers[0])
	})
	r := &graphRows{}
	for _, a := range parts {
		r.numbers = append(r.numbers, a.Numbers...)
		r.ids.AppendAll(&a.IDs)
	}
	return r
}

// at is the place of a row, or −1.
func (r *graphRows) at(number int64) int {
	if i, ok := slices.BinarySearch(r.numbers, number); ok {
		return i
	}
	return -1
}

// ends counts the edges of the rows: those of row i stand at ends[i] to ends[i+1] of all.
func (r *graphRows) ends(outgoing, incoming []*Answers) []int64 {
	ends := make([]int64, len(r.numbers)+1)
	for _, a := range outgoing {
		for i, n := range a.Numbers {
			ends[r.at(n)+1] += a.Offsets[i+1] - a.Offsets[i]
		}
	}
	for _, a := range incoming {
		for _, n := range a.Neighbors {
			ends[r.at(n)+1]++ // one that is no row is counted at 0
		}
	}
	ends[0] = 0
	for i := range r.numbers {
		ends[i+1] += ends[i]
	}
	return ends
}
