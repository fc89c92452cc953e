package kmeans

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"

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

	bounded, held atomic.Int64 // rows that the pass has bounded, and those of them whose bounds would hold in the next
	paid          float64      // how far centres may move at most for bounds to pay, as far as passes have shown

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

func newMemory(r *room) *memory {
	return &memory{room: r, paid: math.Inf(1), batches: map[int64]*remembered{}}
}

// learn ends a pass before which centres had moved so far. Where its bounds would not hold for many rows if they moved
// as far again, none are made until they move half as far: to look beyond the own centre is dear.
func (m *memory) learn(slow float64) {
	if bounded, held := m.bounded.Swap(0), m.held.Swap(0); held < bounded/8 {
		m.paid = slow / 2
	}
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
	paid float64 // see memory
}

// Of the centres this share, and no more than so many, are looked at one by one.
const (
	fastShare = 100
	mostFast  = 8
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
func (m *movement) boundsPay() bool { return m.slow < m.near/8 && m.slow < m.paid }

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
	n, r := b.Len(), a.run
	var batch *remembered
	known := false
	if r.memory != nil {
		batch, known = r.memory.of(b, a.pass)
	}
	a.clusters, a.distances = slices.Grow(a.clusters[:0], n)[:n], slices.Grow(a.distances[:0], n)[:n]
	var err error
	if known {
		copy(a.clusters, batch.clusters)
		err = a.searcher.with(b, func(s *neighbors.Nearest) error { return a.again(b, batch, s) })
	} else {
		err = a.searcher.fresh(b, a.clusters, a.distances)
	}
	if err == nil && batch != nil {
		copy(batch.clusters, a.clusters)
		if !known || !r.boundsPay() {
			for i := range batch.bounds {
				batch.bounds[i] = unbounded
			}
		}
	}
	return &a.assigned, err
}

// again assigns rows that were in the clusters which stand in a.clusters.
func (a *assigner) again(b *vectors.Block, batch *remembered, s *neighbors.Nearest) error {
	s.Distances(a.clusters, a.distances)
	if !a.run.boundsPay() {
		return s.Find(a.clusters, a.distances, nil)
	}
	a.recall(batch, s)
	return a.search(b, batch, s)
}

// recall lists the rows that may be in another cluster than they were.
func (a *assigner) recall(batch *remembered, s *neighbors.Nearest) {
	r := a.run
	a.rows, a.fast = a.rows[:0], slices.Grow(a.fast[:0], len(r.fast))[:len(r.fast)]
	for i, cluster := range a.clusters {
		own, others := a.distances[i]*(1+slack), float64(batch.bounds[i])-r.slow
		if own < others && len(r.fast) > 0 {
			s.From(i, r.fast, a.fast)
			for j, d := range a.fast {
				if r.fast[j] != cluster {
					others = min(others, d)
				}
			}
		}
		if batch.bounds[i] = below(others); !(own < others) {
			a.rows = append(a.rows, i)
		}
	}
	if few := len(a.clusters) - len(a.rows); few < len(a.clusters)/8 { // to pick the others out takes longer
		a.rows = a.rows[:0]
		for i := range a.clusters {
			a.rows = append(a.rows, i)
		}
	}
	a.spared += int64(len(a.clusters) - len(a.rows))
}

// search finds the nearest two centres of the rows that are listed, of which one is no farther than the own one, and
// the other is of use where it is so near that centres could have come nearer by the next pass.
func (a *assigner) search(b *vectors.Block, batch *remembered, s *neighbors.Nearest) error {
	if len(a.rows) == 0 {
		a.run.memory.bounded.Add(int64(b.Len()))
		a.run.memory.held.Add(int64(b.Len()))
		return nil
	}
	clusters, distances := a.clusters, a.distances
	if len(a.rows) < b.Len() {
		clusters, distances = nil, nil
		if err := s.Take(a.gather(b)); err != nil {
			return err
		}
		for _, i := range a.rows {
			clusters, distances = append(clusters, a.clusters[i]), append(distances, a.distances[i])
		}
	}
	a.reach = a.reach[:0]
	for _, d := range distances {
		a.reach = append(a.reach, d+ahead*a.run.slow)
	}
	if err := s.Find(clusters, distances, a.reach); err != nil {
		return err
	}
	held := int64(0)
	for q, i := range a.rows {
		a.clusters[i], a.distances[i], batch.bounds[i] = clusters[q], distances[q], below(a.reach[q])
		if distances[q] < a.reach[q]-a.run.slow {
			held++
		}
	}
	a.run.memory.bounded.Add(int64(b.Len()))
	a.run.memory.held.Add(held + int64(b.Len()-len(a.rows)))
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
