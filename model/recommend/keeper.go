package recommend

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"beamlearn/model/vectors"
)

// scored is an item and how good it is.
type scored struct {
	score float64
	item  uint32
}

// better orders by score, the greatest first, then by item.
func better(a, b scored) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.item, b.item))
}

// best keeps the best of what it is given, at most as many as it has room for, as a heap whose first is the worst.
type best struct {
	list []scored
	room int
}

// add takes s if there is room, or if it is better than the worst, which goes.
func (b *best) add(s scored) {
	if len(b.list) < b.room {
		b.list = append(b.list, s)
		for i := len(b.list) - 1; i > 0; {
			up := (i - 1) / 2
			if better(b.list[up], b.list[i]) >= 0 {
				return
			}
			b.list[up], b.list[i] = b.list[i], b.list[up]
			i = up
		}
		return
	}
	if better(s, b.list[0]) > 0 {
		return
	}
	b.list[0] = s
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(b.list) {
			return
		}
		if r := down + 1; r < len(b.list) && better(b.list[r], b.list[down]) > 0 {
			down = r
		}
		if better(b.list[i], b.list[down]) >= 0 {
			return
		}
		b.list[i], b.list[down] = b.list[down], b.list[i]
		i = down
	}
}

// sorted gives what was kept, the best first; the heap is none any more.
func (b *best) sorted() []scored {
	slices.SortFunc(b.list, better)
	return b.list
}

// stripes is how many locks the items of a keeper share.
const stripes = 256

// keeper keeps the best neighbours of all items. It is safe for concurrent use, and what it keeps does not depend on
// the order in which it is given.
type keeper struct {
	worst []atomic.Uint64 // bits of the similarity that a neighbour must have, at least
	of    []best
	locks [stripes]sync.Mutex
}

func newKeeper(items, k int) *keeper {
	f := &keeper{worst: make([]atomic.Uint64, items), of: make([]best, items)}
	for i := range f.of {
		f.of[i].room = k
	}
	return f
}

// add adds a neighbour of an item. Similarities are positive, so that their bits are in their order.
func (f *keeper) add(item, neighbor uint32, similarity float64) {
	if math.Float64bits(similarity) < f.worst[item].Load() {
		return
	}
	lock := &f.locks[item%stripes]
	lock.Lock()
	b := &f.of[item]
	b.add(scored{similarity, neighbor})
	if len(b.list) == b.room {
		f.worst[item].Store(math.Float64bits(b.list[0].score))
	}
	lock.Unlock()
}

// model is all neighbours.
func (f *keeper) model(items vectors.IDs) *Model {
	m := &Model{Items: items, Offsets: make([]int64, 1, len(f.of)+1)}
	total := 0
	for i := range f.of {
		total += len(f.of[i].list)
	}
	m.Neighbor, m.Similarity = make([]uint32, 0, total), make([]float64, 0, total)
	for i := range f.of {
		for _, s := range f.of[i].sorted() {
			m.Neighbor, m.Similarity = append(m.Neighbor, s.item), append(m.Similarity, s.score)
		}
		f.of[i].list = nil
		m.Offsets = append(m.Offsets, int64(len(m.Neighbor)))
	}
	return m
}
