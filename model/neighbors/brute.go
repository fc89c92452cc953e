package neighbors

import (
	"runtime/debug"
	"sort"
	"sync"
	"sync/atomic"

	"beamlearn/model/vectors"
)

// brute compares each query to every point with the kernels of the reference. It is the oracle of the other engines.
type brute struct {
	o      Options
	points points
	scales []float64 // inverse norms, for the cosine
}

func newBrute(p *points, o Options) *brute {
	b := &brute{o: o}
	b.points, b.scales = o.scales(*p)
	return b
}

// queryBlock queries pass over pointBlock points at a time, so that a block of points is used while it is in the cache.
const (
	queryBlock = 16
	cacheBytes = 256 << 10
)

func (b *brute) pointBlock() int { return max(cacheBytes/(8*b.points.dim), 16) }

func (b *brute) scale(j int) float64 {
	if b.scales == nil {
		return 0
	}
	return b.scales[j]
}

// reduced is the reduced value of a query and point j, or something above the ceiling where that is.
func (b *brute) reduced(q *prepared, j int, ceiling float64) float64 {
	p := &b.points
	if b.o.Metric != Minkowski {
		return b.o.reduced(q, p, j, b.scale(j))
	}
	if p.f64 != nil {
		return powers(q.x, p.f64[j*p.dim:(j+1)*p.dim], b.o.P, ceiling)
	}
	return powers(q.x, p.f32[j*p.dim:(j+1)*p.dim], b.o.P, ceiling)
}

func excluded(exclude []int32, i int) int {
	if exclude == nil {
		return -1
	}
	return int(exclude[i])
}

func (b *brute) kNeighbors(q *vectors.Block, exclude []int32, k int, s Search, positions []int32, distances []float64) {
	Parallel(q.Len(), queryBlock, s.NumThreads(), func() func(lo, hi int) {
		keepers := make([]*keeper, queryBlock)
		for i := range keepers {
			keepers[i] = newKeeper(k, s.Most)
		}
		rows := make([]prepared, queryBlock)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				b.o.prepare(q, i, &rows[i-lo])
			}
			step := b.pointBlock()
			for first := 0; first < b.points.n; first += step {
				last := min(first+step, b.points.n)
				for i := lo; i < hi; i++ {
					keep, self, bound := keepers[i-lo], excluded(exclude, i), s.bound(i)
					ceiling := b.o.ceiling(min(keep.worst(), bound), b.points.dim)
					for j := first; j < last; j++ {
						r := b.reduced(&rows[i-lo], j, ceiling)
						if !(r <= ceiling) || j == self || s.bars(i, j) {
							continue
						}
						keep.offer(b.o.finish(r, b.points.dim), int32(j))
						ceiling = b.o.ceiling(min(keep.worst(), bound), b.points.dim)
					}
				}
			}
			for i := lo; i < hi; i++ {
				keepers[i-lo].sorted(positions[i*k:(i+1)*k], distances[i*k:(i+1)*k])
			}
			s.answered(hi - lo)
		}
	})
}

func (b *brute) radiusNeighbors(q *vectors.Block, exclude []int32, r float64, s Search) *Neighbors {
	found := make([]within, q.Len())
	ceiling := b.o.ceiling(r, b.points.dim)
	Parallel(q.Len(), queryBlock, s.NumThreads(), func() func(lo, hi int) {
		rows := make([]prepared, queryBlock)
		return func(lo, hi int) {
			for i := lo; i < hi; i++ {
				b.o.prepare(q, i, &rows[i-lo])
			}
			step := b.pointBlock()
			for first := 0; first < b.points.n; first += step {
				last := min(first+step, b.points.n)
				for i := lo; i < hi; i++ {
					self := excluded(exclude, i)
					for j := first; j < last; j++ {
						v := b.reduced(&rows[i-lo], j, ceiling)
						if !(v <= ceiling) || j == self || s.bars(i, j) {
							continue
						}
						if d := b.o.finish(v, b.points.dim); d <= r {
							found[i].add(d, int32(j))
						}
					}
				}
			}
			for i := lo; i < hi; i++ {
				found[i].sort()
			}
			s.answered(hi - lo)
		}
	})
	return gather(found)
}

// within collects the points within a radius of one query.
type within struct {
	distances []float64
	positions []int32
}

func (w *within) add(d float64, p int32) {
	w.distances, w.positions = append(w.distances, d), append(w.positions, p)
}

// fewWithin is the number of points up to which inserting one after the other orders them sooner.
const fewWithin = 48

// sort orders by (distance, position).
func (w *within) sort() {
	if len(w.positions) > fewWithin {
		sort.Sort(w)
		return
	}
	for i, d := range w.distances {
		p := w.positions[i]
		for ; i > 0 && (w.distances[i-1] > d || w.distances[i-1] == d && w.positions[i-1] > p); i-- {
			w.distances[i], w.positions[i] = w.distances[i-1], w.positions[i-1]
		}
		w.distances[i], w.positions[i] = d, p
	}
}

func (w *within) Len() int { return len(w.positions) }
func (w *within) Less(i, j int) bool {
	if w.distances[i] != w.distances[j] {
		return w.distances[i] < w.distances[j]
	}
	return w.positions[i] < w.positions[j]
}
func (w *within) Swap(i, j int) {
	w.distances[i], w.distances[j] = w.distances[j], w.distances[i]
	w.positions[i], w.positions[j] = w.positions[j], w.positions[i]
}

// gather puts the answers of all queries into one.
func gather(found []within) *Neighbors {
	n := &Neighbors{Offsets: make([]int64, len(found)+1)}
	for i := range found {
		n.Offsets[i+1] = n.Offsets[i] + int64(len(found[i].positions))
	}
	n.Positions, n.Distances = make([]int32, 0, n.Offsets[len(found)]), make([]float64, 0, n.Offsets[len(found)])
	for i := range found {
		n.Positions, n.Distances = append(n.Positions, found[i].positions...), append(n.Distances, found[i].distances...)
		found[i] = within{}
	}
	return n
}

// Parallel runs work over [0, n) in runs of size, taken by threads goroutines as they get free. Each goroutine calls
// setup once, for memory of its own. A fault of a mapped page in one of them is a panic of the caller: see
// mapping.protect.
func Parallel(n, size, threads int, setup func() func(lo, hi int)) {
	threads = min(threads, (n+size-1)/size)
	if threads <= 1 {
		if n > 0 {
			work := setup()
			for lo := 0; lo < n; lo += size {
				work(lo, min(lo+size, n))
			}
		}
		return
	}
	var next atomic.Int64
	var fault atomic.Pointer[pageFault]
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			debug.SetPanicOnFault(true)
			defer func() {
				if r := recover(); r != nil {
					f, ok := faultOf(r)
					if !ok {
						panic(r)
					}
					fault.Store(&f)
				}
			}()
			work := setup()
			for {
				lo := int(next.Add(int64(size))) - size
				if lo >= n {
					return
				}
				work(lo, min(lo+size, n))
			}
		})
	}
	wg.Wait()
	if f := fault.Load(); f != nil {
		panic(*f)
	}
}
