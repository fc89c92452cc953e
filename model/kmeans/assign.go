package kmeans

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"sync"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// memory is what passes in this process remember of the rows of a run: the cluster that a row was in, and a bound that
// no other centre is nearer than (Hamerly, SDM 2010). A bound falls by what the centres have moved since, but for the
// few that have moved most, which are looked at one by one; a row whose own centre is nearer than all that needs no
// search. What a pass finds is the same with the memory and without, to the last bit, so it is no part of a state. It
// is safe for concurrent use.
type memory struct {
	room *room

	mu      sync.Mutex
	batches map[int64]*remembered // by the number of the first row
}

// remembered is a batch of rows: those from one number on to another.
type remembered struct {
	last     int64
	pass     int // in which that was found
	clusters []int32
	bounds   []float32
}

// rememberedRow is how many bytes a row takes, and memoryBytes how many all rows may: 32 million rows of one run.
const (
	rememberedRow = 8
	memoryBytes   = 256 << 20
)

// room is what is left of memoryBytes, for all runs of a fit.
type room struct {
	mu   sync.Mutex
	left int64
}

func (r *room) take(bytes int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes > r.left {
		return false
	}
	r.left -= bytes
	return true
}

// of is what is remembered of the rows of a block, in a pass; nil where there is no room. known says that it is from
// the pass before.
func (m *memory) of(b *vectors.Block, pass int) (batch *remembered, known bool) {
	n := b.Len()
	if n == 0 {
		return nil, false
	}
	first, last := b.Numbers[0], b.Numbers[n-1]
	m.mu.Lock()
	defer m.mu.Unlock()
	batch = m.batches[first]
	if batch == nil {
		if !m.room.take(rememberedRow * int64(n)) {
			return nil, false
		}
		batch = &remembered{last: last, clusters: make([]int32, n), bounds: make([]float32, n)}
		m.batches[first] = batch
	}
	if batch.last != last || len(batch.clusters) != n {
		return nil, false // of rows that are cut in another way
	}
	known = batch.pass == pass-1
	batch.pass = pass
	return batch, known
}

// slack is more than rounding may add to a distance, or take from it, in proportion.
const slack = 1e-9

// unbounded is the bound of a row of which nothing is known.
const unbounded = -math.MaxFloat32

// below is a bound as it is kept.
func below(distance float64) float32 {
	return math.Nextafter32(float32(max(min(distance*(1-slack), math.MaxFloat32), unbounded)), unbounded)
}

// movement is how far the centres of a run have moved in the last step.
type movement struct {
	fast []int32 // the few that have moved farthest
	slow float64 // how far any other has, at most
	near float64 // the rows' root mean square distance before
}

// Of the centres this share, and no more than so many, are looked at one by one.
const (
	fastShare = 30
	mostFast  = 32
)

// movementOf tells how centres have moved.
func movementOf(before, after []float64, features int, near float64) movement {
	clusters := len(before) / features
	order, moves := make([]int32, clusters), make([]float64, clusters)
	for k := range moves {
		order[k] = int32(k)
		moves[k] = apart(before[k*features:][:features], after[k*features:][:features])
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(moves[b], moves[a]), cmp.Compare(a, b)) })
	m := movement{near: near}
	count := min(clusters/fastShare, mostFast)
	m.slow = moves[order[count]]
	for _, k := range order[:count] {
		if moves[k] > m.slow {
			m.fast = append(m.fast, k)
		}
	}
	return m
}

// apart is the distance of two points, or a little more; it is 0 where they are one.
func apart(x, y []float64) float64 {
	largest := 0.0
	for j, v := range x {
		largest = max(largest, math.Abs(v-y[j]))
	}
	if largest == 0 {
		return 0
	}
	sum := 0.0
	for j, v := range x {
		d := (v - y[j]) / largest // whose square neither overflows nor vanishes
		sum += float64(d * d)
	}
	return largest * math.Sqrt(sum) * (1 + slack)
}

// boundsPay reports whether centres have moved so little that bounds may spare rows a search.
func (m *movement) boundsPay() bool { return m.slow < m.near/8 }

// assigned is the clusters of the rows of a block by the centres of a run, and how far their centres are.
type assigned struct {
	clusters  []int32
	distances []float64
}

// assigner assigns rows to the centres of a run. It belongs to one goroutine.
type assigner struct {
	run      *run
	searcher *Searcher
	pass     int
	assigned
	rows   []int // of a block, that are searched for
	spared int64 // rows that were not
	some   *vectors.Block
	reach  []float64 // of their searches
	fast   []float64 // distances of the fast centres
}

// assign finds the nearest centre of each row of a block, of equally near ones the first.
func (a *assigner) assign(b *vectors.Block) (*assigned, error) {
	var batch *remembered
	known := false
	if a.run.memory != nil {
		batch, known = a.run.memory.of(b, a.pass)
	}
	if known && a.run.boundsPay() {
		if err := a.recall(b, batch); err != nil {
			return nil, err
		}
		return &a.assigned, a.search(b, batch)
	}
	var err error
	if a.clusters, a.distances, err = a.searcher.assign(b); err == nil && batch != nil {
		copy(batch.clusters, a.clusters)
		for i := range batch.bounds {
			batch.bounds[i] = unbounded
		}
	}
	return &a.assigned, err
}

// recall takes the clusters that rows were in, and lists the rows that may be in another.
func (a *assigner) recall(b *vectors.Block, batch *remembered) error {
	pairs, err := a.searcher.pairs.Queries(b)
	if err != nil {
		return err
	}
	n, r := b.Len(), a.run
	a.clusters, a.rows = append(a.clusters[:0], batch.clusters...), a.rows[:0]
	a.distances, a.fast = slices.Grow(a.distances[:0], n)[:n], slices.Grow(a.fast[:0], len(r.fast))[:len(r.fast)]
	for i := range n {
		pairs.Distances(i, a.clusters[i:i+1], a.distances[i:i+1])
		own, others := a.distances[i]*(1+slack), float64(batch.bounds[i])-r.slow
		if own < others && len(r.fast) > 0 {
			pairs.Distances(i, r.fast, a.fast)
			for j, d := range a.fast {
				if r.fast[j] != a.clusters[i] {
					others = min(others, d)
				}
			}
		}
		if batch.bounds[i] = below(others); !(own < others) {
			a.rows = append(a.rows, i)
		}
	}
	a.spared += int64(n - len(a.rows))
	return nil
}

// search finds the nearest two centres of the rows that are listed, of which one is no farther than the own one, and
// the other is of use where it is so near that centres could have come nearer by the next pass.
func (a *assigner) search(b *vectors.Block, batch *remembered) error {
	if len(a.rows) == 0 {
		return nil
	}
	rows := b
	if len(a.rows) < b.Len() {
		rows = a.gather(b)
	}
	a.reach = a.reach[:0]
	for _, i := range a.rows {
		a.reach = append(a.reach, a.distances[i]+ahead*a.run.slow)
	}
	found, err := a.searcher.index.KNeighbors(rows, min(2, a.run.Clusters),
		neighbors.Search{Threads: 1, Part: true, Bounds: a.reach})
	if err != nil {
		return err
	}
	for q, i := range a.rows {
		positions, distances := found.Of(q)
		if len(positions) == 0 {
			return errors.New("kmeans: a search has not found the centre that it was bounded by")
		}
		a.clusters[i], a.distances[i] = positions[0], distances[0]
		second := a.reach[q]
		if len(positions) > 1 {
			second = min(second, distances[1])
		}
		batch.clusters[i], batch.bounds[i] = positions[0], below(second)
	}
	return nil
}

// ahead is how many times as far as centres have moved a search looks beyond the own centre, for the next pass.
const ahead = 6

// gather copies the rows that are listed.
func (a *assigner) gather(b *vectors.Block) *vectors.Block {
	if a.some == nil {
		a.some = &vectors.Block{Dim: b.Dim}
	}
	s := a.some
	s.DType, s.F32, s.F64, s.Numbers = b.DType, s.F32[:0], s.F64[:0], s.Numbers[:0]
	for _, i := range a.rows {
		if b.Wide() {
			s.F64 = append(s.F64, b.F64[i*b.Dim:(i+1)*b.Dim]...)
		} else {
			s.F32 = append(s.F32, b.F32[i*b.Dim:(i+1)*b.Dim]...)
		}
		s.Numbers = append(s.Numbers, b.Numbers[i])
	}
	return s
}
