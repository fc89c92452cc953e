package ivf

import (
	"errors"
	"math"
	"sync"

	"beamlearn/model/neighbors"
)

// lists hold the k best neighbours known of each point or query, ascending by (distance, position). What is not known
// yet is at the distance +Inf, after all positions.
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

// held fails where a distance is none that float64 holds.
func held(found *neighbors.Neighbors) error {
	for _, d := range found.Distances {
		if math.IsInf(d, 0) {
			return errors.New("a distance is beyond the greatest number that float64 holds, 1.8e308: divide all columns by " +
				"the same power of ten")
		}
	}
	return nil
}
