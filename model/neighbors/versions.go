package neighbors

import (
	"fmt"

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
		file: x.file, data: x.data, mapping: x.mapping, note: x.note}
	if first != 0 {
		y.numbers = make([]int64, x.points.n)
		for i := range y.numbers {
			y.numbers[i] = first + x.Number(int32(i))
		}
	}
	return y
}
