package ivf

import (
	"math"
	"sync"

	"beamlearn/model/neighbors"
)

// lists hold the k best neighbours known of each point or query, ascending by (distance, position). What is not known yet
// is at the distance +Inf, after all positions.
type lists struct {
	n, k      int
	positions []int32
	distances []float64
	locks     [1024]sync.Mutex
}

const unknown = math.MaxInt32

func newLists(n, k int) *lists {
	l := &lists{n: n, k: k, positions: make([]int32, n*k), distances: make([]float64, n*k)}
	for i := range l.positions {
		l.positions[i], l.distances[i] = unknown, math.Inf(1)
	}
	return l
}

func (l *lists) of(i int) ([]int32, []float64) {
	lo, hi := i*l.k, (i+1)*l.k
	return l.positions[lo:hi:hi], l.distances[lo:hi:hi]
}

// run is the lists lo ≤ i < hi, in the same memory.
func (l *lists) run(lo, hi int) *lists {
	return &lists{n: hi - lo, k: l.k, positions: l.positions[lo*l.k : hi*l.k], distances: l.distances[lo*l.k : hi*l.k]}
}

// worst is the distance of the k-th neighbour of i, or +Inf.
func (l *lists) worst(i int) float64 { return l.distances[(i+1)*l.k-1] }

// offer merges candidates, in any order and perhaps known already, into the list of i, whatever else does so.
func (l *lists) offer(i int, positions []int32, distances []float64) {
	lock := &l.locks[i%len(l.locks)]
	lock.Lock()
	p, d := l.of(i)
	merge(p, d, positions, distances)
	lock.Unlock()
}

// merge puts candidates into a full list of the best.
func merge(p []int32, d []float64, positions []int32, distances []float64) {
	last := len(p) - 1
	for c, at := range positions {
		v := distances[c]
		if v > d[last] || v == d[last] && at >= p[last] {
			continue
		}
		j := last
		for j > 0 && (d[j-1] > v || d[j-1] == v && p[j-1] > at) {
			j--
		}
		if j > 0 && p[j-1] == at && d[j-1] == v {
			continue
		}
		copy(p[j+1:], p[j:])
		copy(d[j+1:], d[j:])
		p[j], d[j] = at, v
	}
}

// fill writes the list of i, the zero vector under the cosine, which is equally far from all points: the first but own.
func (l *lists) fill(i int, own int32) {
	p, d := l.of(i)
	at := int32(0)
	for j := range p {
		if at == own {
			at++
		}
		p[j], d[j] = at, 1
		at++
	}
}

// offerZeros offers zero vectors, at the cosine's distance of 1, to all queries; own is a query's own position, or −1.
func (l *lists) offerZeros(zeros []int32, own func(i int) int32) {
	if len(zeros) == 0 {
		return
	}
	zeros = zeros[:min(len(zeros), l.k+1)]
	for i := range l.n {
		p, d := l.of(i)
		for _, z := range zeros {
			if z != own(i) {
				merge(p, d, []int32{z}, []float64{1})
			}
		}
	}
}

// neighbors is the answer, in the memory of the lists. What is unknown is left out.
func (l *lists) neighbors() *neighbors.Neighbors {
	out := &neighbors.Neighbors{Offsets: make([]int64, l.n+1)}
	kept := 0
	for i := range l.n {
		for j := i * l.k; j < (i+1)*l.k && l.positions[j] != unknown; j++ {
			l.positions[kept], l.distances[kept] = l.positions[j], l.distances[j]
			kept++
		}
		out.Offsets[i+1] = int64(kept)
	}
	out.Positions, out.Distances = l.positions[:kept], l.distances[:kept]
	return out
}

// Merge gives, for each query, the k best of what parts of the points have given: its neighbours by several partitions,
// say. The parts have the same queries in the same order, and positions that mean the same points; a point may occur in
// several of them and counts once. O(k·parts) a query, for lists that are short or far apart.
func Merge(k int, parts ...*neighbors.Neighbors) *neighbors.Neighbors {
	if len(parts) == 0 {
		return &neighbors.Neighbors{Offsets: []int64{0}}
	}
	l := newLists(parts[0].Len(), k)
	for _, part := range parts {
		for i := range l.n {
			p, d := l.of(i)
			positions, distances := part.Of(i)
			merge(p, d, positions, distances)
		}
	}
	return l.neighbors()
}
