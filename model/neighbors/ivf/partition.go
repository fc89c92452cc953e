package ivf

import (
	"slices"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
)

// shape is how points are partitioned.
type shape struct {
	leaf    int     // members wanted
	most    int     // members beyond which a leaf is partitioned again
	leaders int     // of one level, at most
	fanout  int     // nearest leaders that a point goes to, on the first level; on the others it is the nearest
	first   int     // the same in the first repetition, in which no point has a bound yet and a visit to a leaf costs most
	near    float32 // share of its bound within which a leader's cell must be for a point to go there, after the nearest
}

func shapeOf(k int) shape {
	leaf := max(256, 8*k)
	return shape{leaf: leaf, most: 3 * leaf, leaders: 1024, fanout: 3, first: 1, near: 0.3}
}

// partition is one partition of points into overlapping leaves.
type partition struct {
	shape
	kernels *tile.Kernels
	rows    *rows
	seed    random
	threads int
	bounds  []float32 // squared distances beyond which a point needs no neighbour; nil: not known yet
}

// buckets are members by leader: those of l stand at offsets[l] to offsets[l+1], ascending.
type buckets struct {
	members []int32
	offsets []int
}

func (b *buckets) of(l int) []int32 { return b.members[b.offsets[l]:b.offsets[l+1]:b.offsets[l+1]] }

// group sorts members by the leaders they are assigned to, f each.
func (b *buckets) group(members, assigned []int32, f, leaders int) {
	b.offsets = sized(b.offsets, leaders+1)
	clear(b.offsets)
	for _, l := range assigned {
		if l != dropped {
			b.offsets[l+1]++
		}
	}
	for l := range leaders {
		b.offsets[l+1] += b.offsets[l]
	}
	b.members = sized(b.members, b.offsets[leaders])
	for i, m := range members {
		for _, l := range assigned[i*f : (i+1)*f] {
			if l != dropped {
				b.members[b.offsets[l]] = m
				b.offsets[l]++
			}
		}
	}
	copy(b.offsets[1:], b.offsets[:leaders])
	b.offsets[0] = 0
}

// used is what a report says of the first level.
func (p *partition) used(r *Report, n int) {
	r.Leaders, r.LeafSize = p.leadersOf(n), p.leaf
	r.Fanout = min(p.fanout, r.Leaders)
	if n <= p.most {
		r.Leaders, r.Fanout = 1, 1
	}
}

// split groups members by their f nearest leaders, chosen among themselves, with all threads, and orders them by one of
// these.
func (p *partition) split(members []int32, f int, seed random) (b *buckets, order []int32) {
	n := p.leadersOf(len(members))
	leaders := new(panels)
	leaders.pack(p.rows, chosen(members, n, &seed))
	f = min(f, n)
	var near *nearby
	if f > 1 && f < n && p.bounds != nil {
		near = newNearby(p.kernels, leaders, p.near, p.bounds)
	}
	assigned := assignAll(p.kernels, leaders, p.rows, members, f, p.threads, near)
	b = new(buckets)
	b.group(members, assigned, f, n)
	one := make([]int32, len(members))
	for i := range one {
		one[i] = assigned[i*f]
	}
	var o buckets
	o.group(members, one, 1, n)
	return b, o.members
}

// leadersOf is the number of leaders of so many members.
func (p *partition) leadersOf(n int) int { return min(max((n+p.leaf-1)/p.leaf, 2), p.leaders) }

// chosen are n of the members.
func chosen(members []int32, n int, seed *random) []int32 {
	s := seed.sample(len(members), n, make([]int32, 0, n))
	for i, at := range s {
		s[i] = members[at]
	}
	return s
}

// parallelSplit is the size from which on a bucket is split by all threads.
const parallelSplit = 1 << 16

// patience is the number of times in a row that one leader may take almost all of a bucket before it is cut by
// position: once, it may be that others took a few far points, next to which the rest looked the same.
const patience = 2

// stalls is the number of such times, of part of a bucket of n members that had so many.
func (p *partition) stalls(part, n, before int) int {
	if part > p.most && part > n*3/4 {
		return before + 1
	}
	return 0
}

// run gives each leaf of the members to one of the workers, who are as many as the threads. It returns the members in
// an order that has near ones together.
func (p *partition) run(members []int32, worker func() func(members []int32)) []int32 {
	order := members
	type job struct {
		members []int32
		seed    random
		depth   int
		stalls  int
	}
	var jobs []job
	pending := []job{{members, p.seed, 0, 0}}
	for len(pending) > 0 {
		j := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if j.depth > 0 && len(j.members) < parallelSplit || len(j.members) <= p.most {
			jobs = append(jobs, j)
			continue
		}
		f := 1
		if j.depth == 0 {
			f = p.fanout
		}
		b, first := p.split(j.members, f, j.seed)
		if j.depth == 0 {
			order = first
		}
		for l := range len(b.offsets) - 1 {
			child := job{b.of(l), j.seed.fork(uint64(l) + 1), j.depth + 1, p.stalls(len(b.of(l)), len(j.members), j.stalls)}
			if child.stalls == patience {
				for run := range slices.Chunk(child.members, p.leaf) {
					jobs = append(jobs, job{members: run})
				}
				continue
			}
			pending = append(pending, child)
		}
	}
	// The largest first, so that the threads end together.
	slices.SortStableFunc(jobs, func(a, b job) int { return len(b.members) - len(a.members) })
	neighbors.Parallel(len(jobs), 1, p.threads, func() func(lo, hi int) {
		s := &splitter{partition: p, assigner: newAssigner(p.kernels), visit: worker()}
		return func(lo, _ int) { s.split(jobs[lo].members, jobs[lo].seed, 0, jobs[lo].stalls) }
	})
	return order
}

// splitter splits buckets in one goroutine. It holds memory for each level.
type splitter struct {
	*partition
	assigner *assigner
	visit    func(members []int32)
	levels   []*level
}

type level struct {
	buckets
	leaders  panels
	assigned []int32
}

func (s *splitter) split(members []int32, seed random, depth, stalls int) {
	if len(members) <= s.most {
		s.visit(members)
		return
	}
	if depth == len(s.levels) {
		s.levels = append(s.levels, new(level))
	}
	l := s.levels[depth]
	n := s.leadersOf(len(members))
	start := seed
	l.leaders.pack(s.rows, chosen(members, n, &seed))
	l.assigned = sized(l.assigned, len(members))
	s.assigner.assign(&l.leaders, s.rows, members, 1, l.assigned)
	l.group(members, l.assigned, 1, n)
	for i := range n {
		part := l.of(i)
		now := s.stalls(len(part), len(members), stalls)
		if now == patience { // many are equal, or as far from all leaders
			for run := range slices.Chunk(part, s.leaf) {
				s.visit(run)
			}
			continue
		}
		s.split(part, start.fork(uint64(i)+1), depth+1, now)
	}
}
