package neighbors

import (
	"cmp"
	"errors"
	"io"
	"iter"
	"math"
	"slices"

	"beamlearn/model/vectors"
)

// Answers are the neighbours of some rows, with rows known by their numbers and ids, which mean the same in every
// part of the points. The neighbours of query i stand at Offsets[i] to Offsets[i+1], ascending by (distance, row
// number).
type Answers struct {
	Numbers   []int64 // of the queries, ascending
	Offsets   []int64 // queries + 1
	Distances []float64
	Neighbors []int64 // the neighbours' row numbers
	// IDs are those of the queries and NeighborIDs of their neighbours; either is empty where the row numbers are the ids.
	IDs, NeighborIDs vectors.IDs
}

// AnswersOf are what was found for queries among points, which may be the same.
func AnswersOf(queries, points *vectors.Block, found *Neighbors) *Answers {
	a := &Answers{
		Numbers: queries.Numbers, IDs: queries.IDs, Offsets: found.Offsets, Distances: found.Distances,
		Neighbors: make([]int64, len(found.Positions)),
	}
	for j, p := range found.Positions {
		a.Neighbors[j] = points.Numbers[p]
		if points.IDs.Len() > 0 {
			a.NeighborIDs.Append(points.IDs.At(int(p)))
		}
	}
	return a
}

// Answers are the same neighbours, of the queries with these row numbers.
func (h *Hits) Answers(queries []int64) *Answers {
	return &Answers{Numbers: queries, Offsets: h.Offsets, Distances: h.Distances, Neighbors: h.Numbers}
}

// Len is the number of queries.
func (a *Answers) Len() int { return len(a.Numbers) }

// Between are the answers to the queries lo ≤ number < hi, in the same memory.
func (a *Answers) Between(lo, hi int64) *Answers {
	from, _ := slices.BinarySearch(a.Numbers, lo)
	to, _ := slices.BinarySearch(a.Numbers, hi)
	return a.slice(from, max(from, to))
}

// Ranges yields the answers by ranges of so many row numbers, the first beginning at 0: the number of the range and its
// answers, in the same memory. Ranges without a query are left out.
func (a *Answers) Ranges(rows int64) iter.Seq2[int64, *Answers] {
	return func(yield func(int64, *Answers) bool) {
		for at := 0; at < a.Len(); {
			r := a.Numbers[at] / rows
			some := a.Between(r*rows, (r+1)*rows)
			at += some.Len()
			if !yield(r, some) {
				return
			}
		}
	}
}

func (a *Answers) slice(from, to int) *Answers {
	first, last := a.Offsets[from], a.Offsets[to]
	s := &Answers{
		Numbers: a.Numbers[from:to:to], Offsets: make([]int64, to-from+1),
		Distances: a.Distances[first:last:last], Neighbors: a.Neighbors[first:last:last],
	}
	for i := range s.Offsets {
		s.Offsets[i] = a.Offsets[from+i] - first
	}
	if a.IDs.Len() > 0 {
		s.IDs = a.IDs.Slice(from, to)
	}
	if a.NeighborIDs.Len() > 0 {
		s.NeighborIDs = a.NeighborIDs.Slice(int(first), int(last))
	}
	return s
}

// Of gives the answers to those of the queries with these numbers, ascending, that are among a's.
func (a *Answers) Of(numbers []int64) *Answers {
	var parts []*Answers
	for _, n := range numbers {
		if i, ok := slices.BinarySearch(a.Numbers, n); ok {
			parts = append(parts, a.slice(i, i+1))
		}
	}
	return MergeAnswers(math.MaxInt, parts...)
}

// Found are the same neighbours, their positions being their places among all: see NeighborID.
func (a *Answers) Found() *Neighbors {
	n := &Neighbors{Offsets: a.Offsets, Distances: a.Distances, Positions: make([]int32, len(a.Distances))}
	for j := range n.Positions {
		n.Positions[j] = int32(j)
	}
	return n
}

// NeighborID is the id of the neighbour at place j of all.
func (a *Answers) NeighborID(j int32) vectors.ID {
	if a.NeighborIDs.Len() > 0 {
		return a.NeighborIDs.At(int(j))
	}
	return vectors.ID{Int: a.Neighbors[j]}
}

// MergeAnswers gives, for each query that some part answers, the k nearest of what all parts have found. A neighbour
// that several have found counts once. The parts' order does not matter. O(k·parts) a query.
func MergeAnswers(k int, parts ...*Answers) *Answers {
	type place struct {
		number    int64
		part, row int
	}
	var all []place
	most := 0
	for p, a := range parts {
		for i, n := range a.Numbers {
			all = append(all, place{n, p, i})
		}
		most += len(a.Distances)
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Or(cmp.Compare(a.number, b.number), a.part-b.part) })
	m := &Answers{Offsets: []int64{0}, Distances: make([]float64, 0, most), Neighbors: make([]int64, 0, most)}
	type head struct {
		a      *Answers
		at, to int64
	}
	var heads []head
	for len(all) > 0 {
		same := 1
		for same < len(all) && all[same].number == all[0].number {
			same++
		}
		heads = heads[:0]
		for _, q := range all[:same] {
			a := parts[q.part]
			heads = append(heads, head{a, a.Offsets[q.row], a.Offsets[q.row+1]})
		}
		first := parts[all[0].part]
		m.Numbers = append(m.Numbers, all[0].number)
		if first.IDs.Len() > 0 {
			m.IDs.Append(first.IDs.At(all[0].row))
		}
		start := len(m.Distances)
		for len(m.Distances)-start < k {
			var best *head
			for i := range heads {
				h := &heads[i]
				if h.at == h.to {
					continue
				}
				if best == nil || h.a.Distances[h.at] < best.a.Distances[best.at] ||
					h.a.Distances[h.at] == best.a.Distances[best.at] && h.a.Neighbors[h.at] < best.a.Neighbors[best.at] {
					best = h
				}
			}
			if best == nil {
				break
			}
			d, n := best.a.Distances[best.at], best.a.Neighbors[best.at]
			if last := len(m.Distances) - 1; last < start || m.Neighbors[last] != n || m.Distances[last] != d {
				m.Distances, m.Neighbors = append(m.Distances, d), append(m.Neighbors, n)
				if best.a.NeighborIDs.Len() > 0 {
					m.NeighborIDs.Append(best.a.NeighborIDs.At(int(best.at)))
				}
			}
			best.at++
		}
		m.Offsets = append(m.Offsets, int64(len(m.Distances)))
		all = all[same:]
	}
	return m
}

// Encoded answers are the magic, the queries' numbers and ids, the offsets, the distances, the neighbours' numbers
// and ids.
const answersMagic = "BLANS001"

// WriteTo encodes the answers.
func (a *Answers) WriteTo(w io.Writer) (int64, error) {
	return encode(w, answersMagic, func(e *encoder) {
		e.labels(a.Numbers, a.IDs)
		list(e, a.Offsets)
		list(e, a.Distances)
		e.labels(a.Neighbors, a.NeighborIDs)
	})
}

// ReadAnswers decodes answers of size bytes. It trusts nothing: damaged bytes are an error, never a panic.
func ReadAnswers(r io.Reader, size int64) (*Answers, error) {
	d := newDecoder(r, size, answersMagic, "answers")
	a := &Answers{}
	a.Numbers, a.IDs = d.labels()
	a.Offsets = readList[int64](d)
	a.Distances = readList[float64](d)
	a.Neighbors, a.NeighborIDs = d.labels()
	if err := d.end(); err != nil {
		return nil, err
	}
	switch n := len(a.Numbers); {
	case len(a.Offsets) != n+1 || a.Offsets[0] != 0 || a.Offsets[n] != int64(len(a.Distances)):
		d.fail("offsets that are not those of the answers")
	case len(a.Neighbors) != len(a.Distances):
		d.fail("%d neighbours with %d distances", len(a.Neighbors), len(a.Distances))
	case a.IDs.Len() > 0 && a.IDs.Len() != n || a.NeighborIDs.Len() > 0 && a.NeighborIDs.Len() != len(a.Neighbors):
		d.fail("ids that are not one a row")
	case !ascending(a.Numbers):
		d.fail("row numbers that do not ascend")
	case !slices.IsSorted(a.Offsets):
		d.fail("offsets that do not ascend")
	case slices.ContainsFunc(a.Distances, func(v float64) bool { return v != v }):
		d.fail("a distance that is no number")
	}
	return a, d.err
}

// Encoded points are the magic, the dimension, the numbers and ids, and the values.
const pointsMagic = "BLPTS001"

// WritePoints encodes dense rows: their values, numbers and ids.
func WritePoints(w io.Writer, b *vectors.Block) error {
	if b.Sparse != nil {
		return errors.New("neighbors: sparse rows, expected dense ones")
	}
	_, err := encode(w, pointsMagic, func(e *encoder) {
		e.uint64(uint64(b.Dim))
		e.labels(b.Numbers, b.IDs)
		list(e, b.F32)
		list(e, b.F64)
	})
	return err
}

// ReadPoints decodes rows of size bytes. They are float64 where they were. It trusts nothing: damaged bytes are an
// error, never a panic.
func ReadPoints(r io.Reader, size int64) (*vectors.Block, error) {
	d := newDecoder(r, size, pointsMagic, "points")
	dim := d.uint64()
	numbers, ids := d.labels()
	b := &vectors.Block{Dim: int(min(dim, math.MaxInt32)), DType: vectors.Float32, Numbers: numbers, IDs: ids}
	b.F32, b.F64 = readList[float32](d), readList[float64](d)
	if err := d.end(); err != nil {
		return nil, err
	}
	if len(b.F64) > 0 {
		b.DType = vectors.Float64
	}
	switch {
	case dim == 0 || dim > math.MaxInt32 || len(b.F32) > 0 && len(b.F64) > 0 ||
		len(b.F32)+len(b.F64) != len(numbers)*int(dim):
		d.fail("%d values of %d points of %d columns", len(b.F32)+len(b.F64), len(numbers), dim)
	case ids.Len() > 0 && ids.Len() != len(numbers):
		d.fail("ids that are not one a row")
	case !ascending(numbers):
		d.fail("row numbers that do not ascend")
	case !finite(b.F32) || !finite(b.F64):
		d.fail("a value that is not finite")
	}
	return b, d.err
}
