package recommend

import (
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
	switch {
	case worse(b, a):
		return -1
	case worse(a, b):
		return 1
	}
	return 0
}

// worse reports whether a stands behind b. No score is NaN.
func worse(a, b scored) bool { return a.score < b.score || a.score == b.score && a.item > b.item }

// best keeps the best of what it is given, at most as many as it has room for, as a heap whose first is the worst.
type best struct {
	list []scored
	room int
}

// takes reports whether add would take s.
func (b *best) takes(s scored) bool { return len(b.list) < b.room || worse(b.list[0], s) }

// add takes s if there is room, or if it is better than the worst, which goes.
func (b *best) add(s scored) {
	if len(b.list) < b.room {
		b.list = append(b.list, s)
		for i := len(b.list) - 1; i > 0; {
			up := (i - 1) / 2
			if !worse(b.list[i], b.list[up]) {
				return
			}
			b.list[up], b.list[i] = b.list[i], b.list[up]
			i = up
		}
		return
	}
	if !worse(b.list[0], s) {
		return
	}
	list := b.list
	at := 0
	for {
		down := 2*at + 1
		if down >= len(list) {
			break
		}
		if r := down + 1; r < len(list) && worse(list[r], list[down]) {
			down = r
		}
		if !worse(list[down], s) {
			break
		}
		list[at] = list[down]
		at = down
	}
	list[at] = s
}

// sorted gives what was kept, the best first; the heap is none any more.
func (b *best) sorted() []scored {
	slices.SortFunc(b.list, better)
	return b.list
}

// stripes is how many locks the items of a keeper share.
const stripes = 256

// keeper keeps the best neighbours of all items, by the items' places. It is safe for concurrent use, and what it keeps
// does not depend on the order in which it is given.
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

// least is the similarity that a neighbour of an item must have, at least.
func (f *keeper) least(place int) float64 { return math.Float64frombits(f.worst[place].Load()) }

// takes reports whether a neighbour of an item of this similarity may be one of the best.
func (f *keeper) takes(place int, similarity float64) bool { return similarity >= f.least(place) }

// add adds a neighbour of an item.
func (f *keeper) add(place int, neighbor scored) {
	lock := &f.locks[place%stripes]
	lock.Lock()
	b := &f.of[place]
	b.add(neighbor)
	if len(b.list) == b.room {
		f.worst[place].Store(math.Float64bits(b.list[0].score))
	}
	lock.Unlock()
}

// model is all neighbours; public are the items by their places.
func (f *keeper) model(items vectors.IDs, public []uint32) *Model {
	m := &Model{Items: items, Offsets: make([]int64, 1, len(f.of)+1)}
	place := make([]int, len(f.of))
	total := 0
	for p, i := range public {
		place[i] = p
		total += len(f.of[p].list)
	}
	m.Neighbor, m.Similarity = make([]uint32, 0, total), make([]float64, 0, total)
	for _, p := range place {
		for _, s := range f.of[p].sorted() {
			m.Neighbor, m.Similarity = append(m.Neighbor, s.item), append(m.Similarity, s.score)
		}
		f.of[p].list = nil
		m.Offsets = append(m.Offsets, int64(len(m.Neighbor)))
	}
	return m
}
