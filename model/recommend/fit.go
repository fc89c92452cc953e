package recommend

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"beamlearn/model/vectors"
)

// Model is the neighbours of items: those of item i are from Offsets[i] to Offsets[i+1], the most similar first, and
// by item where similarities are equal.
type Model struct {
	Items      vectors.IDs
	Offsets    []int64
	Neighbor   []uint32
	Similarity []float64
}

// Of are the neighbours of an item, and their similarities, the first k at most.
func (m *Model) Of(item, k int) ([]uint32, []float64) {
	lo, hi := m.Offsets[item], m.Offsets[item+1]
	hi = min(hi, lo+int64(k))
	return m.Neighbor[lo:hi], m.Similarity[lo:hi]
}

// Fit finds the neighbours of all items: those of positive similarity, the K most similar. Every pair of items that a
// user had is met once for each such user, in the order of the users: the time is the sum, over all users, of half the
// square of the number of their items. Memory is 20 bytes an entry, or 12 where all weights are small whole numbers,
// 16·K an item, and at most 12 an item for each thread.
//
// It fails where a weight, a sum of their products, or a score of a user, may be beyond float64, where all squares of
// an item's weights are too small for it, and where ctx ends.
func Fit(ctx context.Context, x *Interactions, o Options, threads int) (*Model, error) {
	all, err := fitAll(ctx, x, o, []float64{o.Shrinkage}, threads)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// fitAll is Fit for several shrinkages, at least one, which take the place of that of the options, in one go.
func fitAll(ctx context.Context, x *Interactions, o Options, shrinkages []float64, threads int) ([]*Model, error) {
	o.EnsureDefaults()
	for _, s := range shrinkages {
		each := o
		each.Shrinkage = s
		if err := each.Validate(); err != nil {
			return nil, fmt.Errorf("recommend.Fit: %w", err)
		}
	}
	if o.NeedsPositive() {
		if e := slices.IndexFunc(x.Value, func(v float64) bool { return v < 0 }); e >= 0 {
			return nil, fmt.Errorf("recommend.Fit: the value %g: %s needs values of at least 0", x.Value[e], o.Weighting)
		}
	}
	threads = max(threads, 1)
	m := newMatrix(x, &o, threads)
	f := &fitting{m: m, o: o, shrinkages: shrinkages}
	if err := m.check(x); err != nil {
		return nil, err
	}
	for _, s := range shrinkages {
		f.counted = f.counted || s > 0 && !m.counts
		f.keepers = append(f.keepers, newKeeper(len(m.public), o.K))
	}
	if err := f.run(ctx, threads); err != nil {
		return nil, err
	}
	var all []*Model
	for _, k := range f.keepers {
		all = append(all, k.model(x.Items, m.public))
	}
	return all, checkScores(x, all)
}

// check reports items whose weights have squares that float64 does not hold.
func (m *matrix) check(x *Interactions) error {
	for i, norm := range m.norm {
		if math.IsInf(norm, 0) || math.IsNaN(norm) {
			return fmt.Errorf("the squares of the values of item %s add up beyond float64", x.Items.At(int(m.public[i])))
		}
		if norm > 0 {
			continue
		}
		for _, c := range m.column[m.starts[i]:m.starts[i+1]] {
			_, at := m.where(c)
			if _, w := m.entry(at); w != 0 {
				return fmt.Errorf("the squares of the values of item %s are too small for float64", x.Items.At(int(m.public[i])))
			}
		}
	}
	return nil
}

// checkScores reports a user whose scores could be beyond float64.
func checkScores(x *Interactions, models []*Model) error {
	greatest := 0.0
	for _, m := range models {
		for _, s := range m.Similarity {
			greatest = max(greatest, s)
		}
	}
	for u := range x.Users.Len() {
		_, values := x.Of(u)
		sum := 0.0
		for _, v := range values {
			sum += math.Abs(v) * greatest
		}
		if math.IsInf(sum, 0) {
			return fmt.Errorf("the scores of user %s may be beyond float64: the values are too large", x.Users.At(u))
		}
	}
	return nil
}

// fitting is the search of all pairs.
type fitting struct {
	m          *matrix
	o          Options
	shrinkages []float64
	counted    bool // the number of common users is needed beside sums of products
	keepers    []*keeper
}

// blockItems are the items that a thread takes at a time.
const blockItems = 16

func (f *fitting) run(ctx context.Context, threads int) error {
	n := len(f.m.public)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			p := &pairs{fitting: f, touched: make([]uint32, 0, n)}
			if f.m.packed != nil {
				p.whole = make([]int32, n)
			} else {
				p.sum = make([]float64, n)
			}
			if f.counted {
				p.count = make([]uint32, n)
			}
			for ctx.Err() == nil {
				lo := int(next.Add(blockItems)) - blockItems
				if lo >= n {
					return
				}
				for i := lo; i < min(lo+blockItems, n); i++ {
					p.item(i)
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// pairs is what a thread has found of one item with those that are more popular.
type pairs struct {
	*fitting
	sum     []float64 // of products of weights
	whole   []int32   // the same in units, of packed weights
	count   []uint32  // of common users
	touched []uint32
}

// sparseShare is how much of the more popular items an item must meet, as a fraction 1/sparseShare, for all of them to
// be looked at.
const sparseShare = 4

// item finds the similarities of item i with all that are more popular.
func (p *pairs) item(i int) {
	column := p.m.column[p.m.starts[i]:p.m.starts[i+1]]
	met := 0
	for _, c := range column {
		first, at := p.m.where(c)
		met += int(at - first)
	}
	dense := met >= i/sparseShare
	for _, c := range column {
		first, at := p.m.where(c)
		if p.m.packed != nil {
			p.addPacked(p.m.packed[first:at], int32(int8(c.before)), dense)
		} else {
			p.add(p.m.item[first:at], p.m.weight[first:at], p.m.weight[at], dense)
		}
	}
	switch {
	case !dense:
		for _, j := range p.touched {
			p.offer(i, int(j), p.take(int(j)))
		}
		p.touched = p.touched[:0]
	case p.m.packed != nil:
		offerAll(p, i, p.whole[:i])
	default:
		offerAll(p, i, p.sum[:i])
	}
}

// add adds w times the weights of items to their sums. It notes, unless all are looked at, items that are met for the
// first time, or whose sum so far is 0: what is noted twice is offered once, as that clears it.
func (p *pairs) add(items []uint32, weights []float64, w float64, dense bool) {
	if p.counted {
		for _, j := range items {
			p.count[j]++
		}
	}
	if dense {
		weights = weights[:len(items)]
		for e, j := range items {
			p.sum[j] += float64(w * weights[e]) // rounded twice, on every processor
		}
		return
	}
	p.touched = addNoted(p.sum, items, weights, w, p.touched)
}

// addNoted adds w times the weights of items to their sums, and appends the items whose sum was 0 to those touched.
func addNoted(sum []float64, items []uint32, weights []float64, w float64, touched []uint32) []uint32 {
	n := len(touched)
	touched = slices.Grow(touched, len(items))[:n+len(items)]
	weights = weights[:len(items)]
	for e, j := range items {
		s := sum[j]
		touched[n] = j
		if s == 0 { // which is a sum, no branch: none could foresee it
			n++
		}
		sum[j] = s + float64(w*weights[e])
	}
	return touched[:n]
}

// addPacked is add of packed entries.
func (p *pairs) addPacked(entries []uint32, w int32, dense bool) {
	if p.counted {
		for _, e := range entries {
			p.count[e>>8]++
		}
	}
	sum := p.whole
	if dense {
		for ; len(entries) >= 4; entries = entries[4:] { // whose columns all differ
			a, b, c, d := entries[0], entries[1], entries[2], entries[3]
			sum[a>>8] += w * int32(int8(a))
			sum[b>>8] += w * int32(int8(b))
			sum[c>>8] += w * int32(int8(c))
			sum[d>>8] += w * int32(int8(d))
		}
		for _, e := range entries {
			sum[e>>8] += w * int32(int8(e))
		}
		return
	}
	n := len(p.touched)
	touched := slices.Grow(p.touched, len(entries))[:n+len(entries)]
	for _, e := range entries {
		s := sum[e>>8]
		touched[n] = e >> 8
		if s == 0 {
			n++
		}
		sum[e>>8] = s + w*int32(int8(e))
	}
	p.touched = touched[:n]
}

// take gives the sum of an item, and clears it.
func (p *pairs) take(j int) (s float64) {
	if p.m.packed != nil {
		s, p.whole[j] = float64(p.whole[j])*(p.m.unit*p.m.unit), 0
		return s
	}
	s, p.sum[j] = p.sum[j], 0
	return s
}

// offerAll offers item i with all that are more popular and that it has met, but for those whose similarity is too
// small for either, as most are: that is seen without a division. It clears the sums.
func offerAll[T int32 | float64](p *pairs, i int, sum []T) {
	const (
		slack = 1 - 1e-9  // of what is rounded
		least = 0x1p-1000 // from which on that is so little
	)
	scale := 1.0
	if p.m.packed != nil {
		scale = p.m.unit * p.m.unit
	}
	size := slack
	fast := len(p.keepers) == 1 && p.o.Similarity != Jaccard
	norm := p.m.norm[:len(sum)]
	if p.o.Similarity != InnerProduct {
		size *= p.m.norm[i]
	}
	k := p.keepers[0]
	worst, mine := k.worst[:len(sum)], k.least(i)
	for j, v := range sum {
		if v <= 0 {
			continue
		}
		s := float64(v) * scale
		if fast {
			bound := size
			if p.o.Similarity != InnerProduct {
				bound *= norm[j]
			}
			if s+least < bound*mine && s+least < bound*math.Float64frombits(worst[j].Load()) {
				continue
			}
		}
		p.offer(i, j, s)
		mine = k.least(i)
	}
	clear(sum)
	if p.counted {
		clear(p.count[:i])
	}
}

// offer hands the similarity of i and j, with such a sum of products, to the keepers.
func (p *pairs) offer(i, j int, s float64) {
	n := s // where all weights are 1
	if p.counted {
		n = float64(p.count[j])
		p.count[j] = 0
	}
	if !(s > 0) {
		return
	}
	switch {
	case p.o.Similarity == Jaccard:
		s = n / (float64(p.m.degree(i)+p.m.degree(j)) - n)
	case p.o.Similarity == InnerProduct:
	case p.m.counts:
		s = n / math.Sqrt(float64(p.m.degree(i))*float64(p.m.degree(j)))
	default:
		s /= p.m.norm[i] * p.m.norm[j]
	}
	a, b := p.m.public[i], p.m.public[j]
	for k, lambda := range p.shrinkages {
		shrunk := s
		if lambda > 0 {
			shrunk = s * (n / (n + lambda))
		}
		if !(shrunk > 0) {
			continue
		}
		if p.keepers[k].takes(i, shrunk) {
			p.keepers[k].add(i, scored{shrunk, b})
		}
		if p.keepers[k].takes(j, shrunk) {
			p.keepers[k].add(j, scored{shrunk, a})
		}
	}
}
