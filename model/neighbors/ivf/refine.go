package ivf

import (
	"slices"
	"time"

	"beamlearn/model/neighbors"
)

// refiner compares points to the neighbours of their neighbours, as NN-descent does (Dong, Moses and Li, WWW 2011).
type refiner struct {
	g         *graph
	exact     *neighbors.PairsQuery
	old       []int32 // all positions, as before the round
	seen      []int32 // a hash set
	p         []int32
	d         []float64
	positions []int32
	distances []float64
}

func (g *graph) newRefiner(old []int32) *refiner {
	size := 64
	for size < 4*g.k*(g.k+1) {
		size *= 2
	}
	return &refiner{g: g, exact: queriesOf(g.pairs, g.points), old: old, seen: make([]int32, size),
		p: make([]int32, g.k), d: make([]float64, g.k), distances: make([]float64, g.k*g.k)}
}

// add reports whether the point was not in the set.
func (r *refiner) add(point int32) bool {
	mask := uint32(len(r.seen) - 1)
	at := uint32(point) * 0x9e3779b1 >> 7 & mask
	for r.seen[at] != 0 {
		if r.seen[at] == point+1 {
			return false
		}
		at = (at + 1) & mask
	}
	r.seen[at] = point + 1
	return true
}

// refined is the list of point i after the round.
func (r *refiner) refined(i int) ([]int32, []float64) {
	p, d := r.g.lists.of(i)
	copy(r.p, p)
	copy(r.d, d)
	k := r.g.k
	own := r.old[i*k : (i+1)*k]
	clear(r.seen)
	r.add(int32(i))
	for _, a := range own {
		if a != unknown {
			r.add(a)
		}
	}
	r.positions = r.positions[:0]
	for _, a := range own {
		if a == unknown {
			break
		}
		for _, b := range r.old[int(a)*k : (int(a)+1)*k] {
			if b != unknown && r.add(b) {
				r.positions = append(r.positions, b)
			}
		}
	}
	merge(r.p, r.d, r.exact.Within(i, r.positions, d[k-1], r.distances), r.distances)
	return r.p, r.d
}

// refine is a round of neighbours of neighbours for all points.
func (g *graph) refine() {
	start := time.Now()
	old := slices.Clone(g.lists.positions)
	neighbors.Parallel(len(g.order), 256, g.threads, func() func(lo, hi int) {
		r := g.newRefiner(old)
		return func(lo, hi int) {
			for _, i := range g.order[lo:hi] {
				p, d := r.refined(int(i))
				to, at := g.lists.of(int(i))
				copy(to, p)
				copy(at, d)
			}
		}
	})
	g.report.Refine += time.Since(start).Seconds()
}
