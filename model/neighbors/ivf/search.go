package ivf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// Index answers new queries: the points by their nearest leader, each list packed to be compared to many queries at
// once. It is immutable, and safe for concurrent use.
type Index struct {
	o       Options
	points  *vectors.Block
	exact   *neighbors.Index
	pairs   *neighbors.Pairs
	space   *space
	leaders panels
	buckets          // points by list
	parts   []panels // of each list; or
	cells   []*neighbors.Index
	zeros   []int32 // points under the cosine that are in no list
	seconds float64
}

// Fit builds an index of the points, whose memory it keeps, and about as much again in int8. O(n·√n·d).
func Fit(points *vectors.Block, o Options) (*Index, error) {
	o.EnsureDefaults()
	exact, err := neighbors.Fit(points, o.exactly())
	if err != nil {
		return nil, err
	}
	return Open(points, exact, o)
}

// Open is Fit of the points of an exact index, which are given in memory of their own. Where that keeps lists of them
// (see [Lists]), it is O(n·d), and the answers are the same.
func Open(points *vectors.Block, exact *neighbors.Index, o Options) (*Index, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	start := time.Now()
	x := &Index{o: o, points: points, exact: exact}
	if points.Sparse != nil { // which have no lists: all queries are answered exactly
		return x, nil
	}
	if o.InCells() {
		err := x.openCells()
		x.seconds = time.Since(start).Seconds()
		return x, err
	}
	var err error
	if x.pairs, err = neighbors.NewPairs(points, neighbors.Options{Metric: o.Metric}); err != nil {
		return nil, err
	}
	threads := (&neighbors.Search{}).NumThreads()
	x.space = newSpace(points, &o, threads)
	r := x.space.rows(points, false, threads)
	x.zeros = r.zeros
	members := except(r.n, r.zeros)
	if len(members) == 0 {
		return x, nil
	}
	lists := exact.Partition()
	if lists == nil {
		lists = x.partition(r, members, threads)
	}
	if len(lists.Lists) != r.n {
		return nil, fmt.Errorf("ivf: lists of %d points, not of %d", len(lists.Lists), r.n)
	}
	assigned := make([]int32, len(members))
	for i, m := range members {
		if assigned[i] = lists.Lists[m]; assigned[i] < 0 {
			return nil, fmt.Errorf("ivf: the point %d in no list", m)
		}
	}
	n := len(lists.Leaders)
	x.leaders.pack(r, lists.Leaders)
	x.leaders.close()
	x.group(members, assigned, 1, n)
	x.parts = make([]panels, n)
	neighbors.Parallel(n, 4, threads, func() func(lo, hi int) {
		return func(lo, hi int) {
			for l := lo; l < hi; l++ {
				if part := x.of(l); len(part) > 0 {
					x.parts[l].pack(r, part)
					x.parts[l].close()
				}
			}
		}
	})
	x.seconds = time.Since(start).Seconds()
	return x, nil
}

// Exactly is an index that answers all queries exactly, of the points of an exact one: for so few queries that lists
// would save nothing.
func Exactly(points *vectors.Block, exact *neighbors.Index, o Options) (*Index, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Index{o: o, points: points, exact: exact}, nil
}

// Lists puts points into lists, of which the exact index of them keeps a note: [neighbors.Index.WithPartition]. It is
// nil where there is nothing to put into lists, and of sparse points. O(n·√n·d).
func Lists(points *vectors.Block, o Options) (*neighbors.Partition, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if points.Sparse != nil {
		return nil, nil
	}
	threads := (&neighbors.Search{}).NumThreads()
	x := &Index{o: o, points: points, space: newSpace(points, &o, threads)}
	if o.InCells() {
		return x.cellLists(threads), nil
	}
	r := x.space.rows(points, false, threads)
	if members := except(r.n, r.zeros); len(members) > 0 {
		return x.partition(r, members, threads), nil
	}
	return nil, nil
}

// partition chooses leaders among the members, and finds the nearest to each.
func (x *Index) partition(r *rows, members []int32, threads int) *neighbors.Partition {
	n := listsOf(len(members))
	seed := random(x.o.Seed).fork(seedLists)
	p := &neighbors.Partition{Leaders: chosen(members, n, &seed), Lists: make([]int32, r.n)}
	var leaders panels
	leaders.pack(r, p.Leaders)
	leaders.close()
	for i := range p.Lists {
		p.Lists[i] = -1
	}
	for i, l := range assignAll(x.o.kernels, &leaders, r, members, 1, threads, nil) {
		p.Lists[members[i]] = l
	}
	return p
}

// listsOf is the number of lists of n points: with it, leaders and the members of a few lists cost about as much.
func listsOf(n int) int { return min(int(2*math.Sqrt(float64(n))), n) }

// except are the positions below n that are not in a list, which ascends.
func except(n int, list []int32) []int32 {
	all := make([]int32, 0, n-len(list))
	for i := range int32(n) {
		if len(list) > 0 && list[0] == i {
			list = list[1:]
			continue
		}
		all = append(all, i)
	}
	return all
}

// count is the number of lists.
func (x *Index) count() int { return max(len(x.parts), len(x.cells)) }

// Len is the number of points.
func (x *Index) Len() int { return x.points.Len() }

// fixed is an index that compares each query to so many lists and does not measure: its answers do not depend on how
// queries are cut into chunks. A Report of a sample of the queries says in Fanout how many it takes.
func (x *Index) fixed(lists int) *Index {
	y := *x
	y.o.unmeasured, y.o.lists = true, max(lists, 1)
	return &y
}

// Tune finds, by a sample of queries, of so many, to how many lists a query is compared so that the recall is that
// asked, and measures it by others of the sample, which should be of Options.Queries rows. The index it returns
// answers with as many lists, and does not measure. Where the queries are fewer than the sample should be, or the
// lists would save nothing, it is one that answers exactly.
func (x *Index) Tune(sample *vectors.Block, k, of int, s neighbors.Search) (*Index, *Report, error) {
	if err := x.check(sample); err != nil {
		return nil, nil, err
	}
	start := time.Now()
	r := &Report{Asked: x.o.Recall}
	if lists := x.count(); k < 1 || k > x.Len() || lists == 0 || x.points.Dim > maxDim || x.o.Recall == 1 ||
		of <= x.o.Queries() {
		return x.exactly(r, of), r, nil
	}
	seed := random(x.o.Seed).fork(seedPilot)
	first := seed.sample(sample.Len(), min(pilot, sample.Len()/2), nil)
	a := &search{Index: x, k: k, threads: s.NumThreads()}
	s = neighbors.Search{Threads: a.threads}
	t := &truth{queries: first}
	q := take(sample, first)
	found, err := x.exact.KNeighbors(q, k, s)
	if err != nil {
		return nil, nil, err
	}
	t.add(found)
	own := make([]int32, len(first))
	for i := range own {
		own[i] = -1
	}
	fanout, err := a.chooseLists(q, own, t, a.worthLists(of, false))
	if err != nil {
		return nil, nil, err
	}
	if fanout == 0 {
		r.Truth = time.Since(start).Seconds()
		r.Overall = r.Truth + x.seconds
		return x.exactly(r, of), r, nil
	}
	r.describe(x, fanout)
	y := x.fixed(r.Fanout)
	rest := take(sample, except(sample.Len(), first))
	if found, err = x.exact.KNeighbors(rest, k, s); err != nil {
		return nil, nil, err
	}
	got, _, err := y.KNeighbors(rest, k, s)
	if err != nil {
		return nil, nil, err
	}
	r.Measure = Compare(got, found, of)
	r.Truth = time.Since(start).Seconds()
	r.Overall = r.Truth + x.seconds
	return y, r, nil
}

// exactly is an index that answers all queries exactly, and what a report says of so many.
func (x *Index) exactly(r *Report, of int) *Index {
	y := *x
	y.o.Recall, y.o.unmeasured = 1, false
	r.Method, r.Measure = "exact", Measure{1, 1, 1, of}
	return &y
}

// describe fills in how an index is searched.
func (r *Report) describe(x *Index, fanout int) {
	lists := x.count()
	r.Method, r.Leaders, r.LeafSize, r.Repetitions, r.Lists = "lists", lists, (x.points.Len()+lists-1)/lists, 1, x.seconds
	r.Fanout = min(fanout, lists)
}

// check says why rows cannot be queries.
func (x *Index) check(q *vectors.Block) error {
	if (q.Sparse != nil) != (x.points.Sparse != nil) {
		return errors.New("approximate neighbours: sparse queries of dense points, or dense ones of sparse points")
	}
	if q.Dim != x.points.Dim {
		return fmt.Errorf("queries have %d columns, the index has %d", q.Dim, x.points.Dim)
	}
	return nil
}

// Exact is the exact index of the same points.
func (x *Index) Exact() *neighbors.Index { return x.exact }

// KNeighbors finds k approximate neighbours of every query: those of [neighbors.Index.KNeighbors] but for a share 1 −
// recall of them. How many lists a query is compared to follows from a pilot of queries that are answered exactly
// too. Of s, Bounds are not used. Queries that are fewer than those that measure would take are all answered exactly.
func (x *Index) KNeighbors(q *vectors.Block, k int, s neighbors.Search) (*neighbors.Neighbors, *Report, error) {
	if err := x.check(q); err != nil {
		return nil, nil, err
	}
	start := time.Now()
	r := &Report{Asked: x.o.Recall}
	n, most := q.Len(), x.points.Len()
	if s.Self {
		most--
	}
	if k > most && s.Part {
		k = most
	}
	lists := x.count()
	s.Bounds = nil
	if k < 1 || k > most || lists == 0 || q.Dim > maxDim ||
		!x.o.partial && !x.o.unmeasured && (x.o.Recall == 1 || n <= x.o.Queries()) {
		return x.answerExactly(q, k, s, r, start)
	}
	own, err := x.ownPositions(q, s)
	if err != nil {
		return nil, nil, err
	}
	if x.pairs != nil {
		if err := x.pairs.Check(q); err != nil {
			return nil, nil, err
		}
	}
	a := &search{Index: x, k: k, threads: s.NumThreads()}
	r.describe(x, x.o.lists)
	measured := !x.o.unmeasured && n > 0
	if measured {
		if err := a.pilot(q, own, s, r); err != nil {
			return nil, nil, err
		}
		if r.Fanout == 0 {
			r.Leaders, r.LeafSize, r.Repetitions = 0, 0, 0
			return x.answerExactly(q, k, s, r, start)
		}
	}
	begin := time.Now()
	out, err := a.compareAll(q, own, s, r.Fanout)
	if err != nil {
		return nil, nil, err
	}
	if err := a.complete(q, out, s); err != nil {
		return nil, nil, err
	}
	r.Lists += time.Since(begin).Seconds()
	if measured {
		if err := a.measure(q, out, s, r); err != nil {
			return nil, nil, err
		}
	}
	r.Overall = time.Since(start).Seconds() + x.seconds
	all := out.neighbors()
	return all, r, held(all)
}

// answerExactly is KNeighbors by the exact index.
func (x *Index) answerExactly(
	q *vectors.Block, k int, s neighbors.Search, r *Report, start time.Time,
) (*neighbors.Neighbors, *Report, error) {
	begin := time.Now()
	found, err := x.exact.KNeighbors(q, k, s) // which checks k
	if err != nil {
		return nil, nil, err
	}
	r.Method, r.Measure = "exact", Measure{1, 1, 1, q.Len()}
	r.Exact = time.Since(begin).Seconds()
	r.Overall = time.Since(start).Seconds()
	return found, r, nil
}

// ownPositions are those of the queries among the points, or −1 where a query is none of them.
func (x *Index) ownPositions(q *vectors.Block, s neighbors.Search) ([]int32, error) {
	own := make([]int32, q.Len())
	for i := range own {
		own[i] = -1
		if s.Self {
			if own[i] = x.exact.Position(q.Numbers[i]); own[i] < 0 && !s.Part {
				return nil, fmt.Errorf("neighbors: the query with row number %d is not in the index", q.Numbers[i])
			}
		}
	}
	return own, nil
}

// pilot finds, by queries that are answered exactly, to how many lists all queries are compared: to none where the
// exact index looks cheaper.
func (a *search) pilot(q *vectors.Block, own []int32, s neighbors.Search, r *Report) error {
	begin := time.Now()
	t, err := a.truth(q, pilot, seedPilot, s)
	if err != nil {
		return err
	}
	most := a.worthLists(q.Len(), s.Self && q.Len() == a.points.Len())
	r.Fanout, err = a.chooseLists(take(q, t.queries), at(own, t.queries), t, most)
	r.Truth = time.Since(begin).Seconds()
	return err
}

// measure measures the recall of what was found, by other queries than those of the pilot.
func (a *search) measure(q *vectors.Block, found *lists, s neighbors.Search, r *Report) error {
	begin := time.Now()
	t, err := a.truth(q, a.o.Sample, seedTruth, s)
	if err != nil {
		return err
	}
	r.Measure = t.measure(q.Len(), func(i int32) []float64 {
		_, d := found.of(int(i))
		return d
	})
	r.Truth += time.Since(begin).Seconds()
	return nil
}

// truth is the exact answers to so many sampled queries.
func (a *search) truth(q *vectors.Block, queries int, purpose uint64, s neighbors.Search) (*truth, error) {
	exact := neighbors.Search{Self: s.Self, Part: s.Part, Threads: a.threads}
	return truthOf(a.exact, q, a.k, queries, random(a.o.Seed).fork(purpose), exact)
}

// compareAll compares all queries to so many lists each.
func (a *search) compareAll(q *vectors.Block, own []int32, s neighbors.Search, fanout int) (*lists, error) {
	n := q.Len()
	out := newLists(n, a.k)
	chunk := max(min(1<<16, 1<<22/fanout), tile.Columns)
	for lo := 0; lo < n; lo += chunk {
		hi := min(lo+chunk, n)
		w := a.newBatch(run(q, lo, hi), own[lo:hi], out.run(lo, hi))
		for _, f := range []int{1, 4, fanout} { // the nearest give bounds for the others
			if err := w.compare(min(f, fanout)); err != nil {
				return nil, err
			}
		}
		if s.Progress != nil {
			s.Progress(hi - lo)
		}
	}
	return out, nil
}

// run is the rows lo ≤ i < hi of a block, in the same memory.
func run(b *vectors.Block, lo, hi int) *vectors.Block {
	t := &vectors.Block{Dim: b.Dim, DType: vectors.Float32, Numbers: b.Numbers[lo:hi]}
	if b.Wide() {
		t.DType, t.F64 = vectors.Float64, b.F64[lo*b.Dim:hi*b.Dim]
	} else {
		t.F32 = b.F32[lo*b.Dim : hi*b.Dim]
	}
	return t
}

func at(v, places []int32) []int32 {
	out := make([]int32, len(places))
	for i, p := range places {
		out[i] = v[p]
	}
	return out
}

// search is the state of KNeighbors.
type search struct {
	*Index
	k       int
	threads int
}

// fewPoints is the number of points below which lists are used whatever they cost: either way takes little.
const fewPoints = 10_000

// worthLists is the number of lists up to which comparing so many queries to them looks cheaper than to all points, by
// the costs of [graph.cost]. Where every point is a query the exact index compares each pair once.
func (a *search) worthLists(queries int, everyPoint bool) int {
	if a.o.InCells() && !a.o.partial {
		return a.o.worthCells(a.points.Len(), a.points.Dim, queries, everyPoint, a.exact.Partition() != nil)
	}
	if a.o.partial || a.points.Len() < fewPoints {
		return a.count()
	}
	points, d, lists := float64(a.points.Len()), float64(a.points.Dim), float64(a.count())
	exact := points * (d + pairExtra)
	if everyPoint {
		exact /= 2
	}
	visit := float64(points/lists*(d+2*pairExtra)) + visitExtra
	return int((exact - float64(lists*(d+pairExtra))) / visit)
}

// chooseLists finds the number of lists with which the pilot's queries have the recall asked, or 0 where they are more
// than most.
func (a *search) chooseLists(q *vectors.Block, own []int32, t *truth, most int) (int, error) {
	l := newLists(q.Len(), a.k)
	for w, f := a.newBatch(q, own, l), 1; ; f = nextLists(f) {
		if f = min(f, a.count()); f > most || a.cells != nil && w.visited() > most {
			return 0, nil
		}
		if err := w.compare(f); err != nil {
			return 0, err
		}
		if f == a.count() {
			return f, nil
		}
		recalls := make([]float64, l.n)
		for i := range recalls {
			_, d := l.of(i)
			recalls[i] = t.recall(i, d)
		}
		if m := measure(recalls, math.MaxInt); m.Shows(a.o.Recall) {
			return f, nil
		}
	}
}

// nextLists is the number of lists to compare queries to after f: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 and so on.
func nextLists(f int) int {
	step := 1
	for 8*step <= f {
		step *= 2
	}
	return f + step
}

// queryBatch is queries that are compared to more and more lists.
type queryBatch struct {
	*search
	q        *vectors.Block
	own      []int32 // their positions among the points, or −1
	lists    *lists
	rows     *rows
	members  []int32 // all queries but the zero vectors of the cosine
	bounds   []float32
	before   []int32 // the lists that each was compared to, ascending
	fanout   int
	compared int // pairs, in cells
}

func (a *search) newBatch(q *vectors.Block, own []int32, l *lists) *queryBatch {
	r := a.space.rows(q, true, a.threads)
	w := &queryBatch{search: a, q: q, own: own, lists: l, rows: r, members: except(r.n, r.zeros),
		bounds: make([]float32, r.n)}
	for _, z := range r.zeros {
		l.fill(int(z), own[z])
	}
	l.offerZeros(a.zeros, func(i int) int32 { return own[i] })
	return w
}

// compare compares each query to those of its f nearest lists that it was not compared to yet.
func (w *queryBatch) compare(f int) error {
	if f <= w.fanout {
		return nil
	}
	nearest := assignAll(w.o.kernels, &w.leaders, w.rows, w.members, f, w.threads, nil)
	b := w.unseen(nearest, f)
	w.before, w.fanout = nearest, f
	if w.cells != nil {
		return w.compareCells(b)
	}
	for _, i := range w.members {
		w.bounds[i] = float32(math.Inf(1))
		if d := w.lists.worst(int(i)); !math.IsInf(d, 1) {
			norm := 0.0
			if w.rows.norms != nil {
				norm = w.rows.norms[i]
			}
			w.bounds[i] = float32(w.space.squared(d, norm))
		}
	}
	type job struct {
		list    int
		members []int32
	}
	var jobs []job
	for l := range w.count() {
		for part := range slices.Chunk(b.of(l), 4*tile.Columns) {
			jobs = append(jobs, job{l, part})
		}
	}
	neighbors.Parallel(len(jobs), 1, w.threads, func() func(lo, hi int) {
		s := &scanner{queryBatch: w, comparer: *newComparer(w.o.kernels), collector: newCollector(w.pairs, w.q, w.lists)}
		return func(lo, _ int) { s.scan(jobs[lo].list, jobs[lo].members) }
	})
	return nil
}

// unseen groups the queries by those of their lists that they were not compared to.
func (w *queryBatch) unseen(nearest []int32, f int) *buckets {
	lists := w.count()
	b := &buckets{offsets: make([]int, lists+1)}
	each := func(visit func(query, list int32)) {
		for i, m := range w.members {
			old := w.before[i*w.fanout : (i+1)*w.fanout]
			for _, l := range nearest[i*f : (i+1)*f] {
				for len(old) > 0 && old[0] < l {
					old = old[1:]
				}
				if len(old) == 0 || old[0] != l {
					visit(m, l)
				}
			}
		}
	}
	each(func(_, l int32) { b.offsets[l+1]++ })
	for l := range lists {
		b.offsets[l+1] += b.offsets[l]
	}
	b.members = make([]int32, b.offsets[lists])
	next := slices.Clone(b.offsets[:lists])
	each(func(m, l int32) {
		b.members[next[l]] = m
		next[l]++
	})
	return b
}

// scanner compares queries to a list. It belongs to one goroutine.
type scanner struct {
	*queryBatch
	comparer
	queries panels
	collector
}

func (s *scanner) scan(list int, members []int32) {
	part := &s.parts[list]
	if part.n == 0 {
		return
	}
	n := len(members)
	s.queries.reset(s.rows.kernels, n, s.rows.dim)
	copy(s.queries.centre, part.centre)
	s.queries.putAll(s.rows, members)
	s.queries.end()
	s.collector.reset(n)
	noise := noise(s.rows.dim)
	for i, m := range members {
		s.limits[i] = limitOf(s.bounds[m], max(s.queries.scales[i], part.most), noise)
	}
	for i := 0; i < n; i += tile.Rows {
		s.group(part, i, min(tile.Rows, n-i))
	}
	names := s.of(list)
	for i, m := range members {
		s.finish(i, int(m), names, s.own[m])
	}
}

// group compares so many queries from i on to a list.
func (s *scanner) group(part *panels, i, rows int) {
	s.load(&s.queries, i)
	s.against(part, 0, part.count())
	copy(s.args.QA[:], s.limits[i:])
	hits := s.scored(s.none(part.count()))
	for h := range hits {
		hit := &hits[h]
		base := int(hit.Panel) * tile.Columns
		if base+tile.Columns > part.n {
			for m := range hit.Masks {
				hit.Masks[m] &= 1<<(part.n-base) - 1
			}
		}
		scores := s.scores[h*tile.Rows*tile.Columns:]
		for m, mask := range hit.Masks[:rows] {
			own := s.queries.halves[i+m]
			for each := range bitsOf(mask) {
				if v := half(own, scores[m*tile.Columns+int(each)]); v <= s.limits[i+m] {
					s.take(i+m, v, base+int(each))
				}
			}
		}
	}
}

// complete answers exactly the queries that have fewer than k neighbours, as of small lists.
func (a *search) complete(q *vectors.Block, l *lists, s neighbors.Search) error {
	var few []int32
	for i := range l.n {
		if p, _ := l.of(i); p[a.k-1] == unknown {
			few = append(few, int32(i))
		}
	}
	if len(few) == 0 {
		return nil
	}
	found, err := a.exact.KNeighbors(take(q, few), a.k, neighbors.Search{Self: s.Self, Part: s.Part, Threads: a.threads})
	if err != nil {
		return err
	}
	for j, i := range few {
		p, d := found.Of(j)
		l.offer(int(i), p, d)
	}
	return nil
}
