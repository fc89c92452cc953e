package neighbors

import (
	"fmt"
	"slices"

	"beamlearn/model/vectors"
)

// Find gives the positions, ascending, of all points that have one of the ids, and the ids that no point has, each
// once, in the order in which they are given. Where points have no ids of their own, these are their row numbers.
// O(n + ids).
func (x *Index) Find(ids []vectors.ID) (positions []int32, unknown []vectors.ID) {
	found := make(map[vectors.ID]bool, len(ids))
	for _, id := range ids {
		found[id] = false
	}
	for i := range int32(x.points.n) {
		id := x.ID(i)
		if _, ok := found[id]; ok {
			found[id] = true
			positions = append(positions, i)
		}
	}
	for _, id := range ids {
		if !found[id] {
			found[id] = true
			unknown = append(unknown, id)
		}
	}
	return positions, unknown
}

// Without copies the points, with their numbers and ids, but for those at some positions, which must ascend: what a new
// version of the index is built of. The block is stored as the points are. O(n·d).
func (x *Index) Without(positions []int32) (*vectors.Block, error) {
	n := x.points.n
	b := &vectors.Block{Dim: x.points.dim}
	if x.points.csr != nil {
		b.Sparse = &vectors.CSR{}
	}
	if x.points.f64 != nil {
		b.Widen()
	}
	for i, p := range positions {
		if int(p) >= n || p < 0 || i > 0 && p <= positions[i-1] {
			return nil, fmt.Errorf("neighbors.Without: the position %d of %d points, in a list that must ascend", p, n)
		}
	}
	err := x.mapping.protect(func() {
		b.Grow(n - len(positions))
		from := 0
		for _, p := range append(positions[:len(positions):len(positions)], int32(n)) {
			if from < int(p) {
				b.AppendBlock(x.Rows(from, int(p)))
			}
			from = int(p) + 1
		}
	})
	return b, err
}

// NumberedFrom is the index with so much added to the row numbers of its points, as one of the rows that come behind so
// many others has them. It shares everything else with x. O(n).
func (x *Index) NumberedFrom(first int64) *Index {
	y := &Index{opts: x.opts, points: x.points, numbers: x.numbers, ids: x.ids, engine: x.engine, magnitudes: x.magnitudes,
		partition: x.partition, file: x.file, data: x.data, mapping: x.mapping, note: x.note}
	if first != 0 {
		y.numbers = make([]int64, x.points.n)
		for i := range y.numbers {
			y.numbers[i] = first + x.Number(int32(i))
		}
	}
	return y
}

// Partition is points in lists, for an approximate search: see package ivf, which makes it.
type Partition struct {
	Leaders []int32 // the positions of the points that lead the lists
	Lists   []int32 // the place, among the leaders, of each point's; −1 of a point that is in no list
}

// WithPartition is the index with lists of its points, which a file of it keeps. It shares everything else with x.
func (x *Index) WithPartition(p *Partition) *Index {
	y := x.NumberedFrom(0)
	y.partition = p
	return y
}

// Partition is the lists of the points that the index keeps, or nil.
func (x *Index) Partition() *Partition { return x.partition }

// openPartition copies the lists of a file, of which nothing is trusted.
func (x *Index) openPartition() error {
	p := &Partition{
		Leaders: slices.Clone(numbersIn[int32](x.file, x.data, secLeaders)),
		Lists:   slices.Clone(numbersIn[int32](x.file, x.data, secLists)),
	}
	if p.Leaders == nil {
		return nil
	}
	for _, v := range p.Leaders {
		if v < 0 || int(v) >= x.points.n {
			return damage("the point %d of %d as the leader of a list", v, x.points.n)
		}
	}
	for _, v := range p.Lists {
		if v < -1 || int(v) >= len(p.Leaders) {
			return damage("a point in the list %d of %d", v, len(p.Leaders))
		}
	}
	x.partition = p
	return nil
}
