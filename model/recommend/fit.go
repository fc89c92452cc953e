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
// square of the number of their items. Memory is 20 bytes an entry, 16·K an item, and 12 an item for each thread.
//
// It fails where a weight, a sum of their products, or a score of a user, may be beyond float64, where all squares of
// an item's weights are too small for it, and where ctx ends.
func Fit(ctx context.Context, x *Interactions, o Options, threads int) (*Model, error) {
	all, err := FitAll(ctx, x, o, []float64{o.Shrinkage}, threads)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// FitAll is Fit for several shrinkages, which take the place of that of the options, in one go.
func FitAll(ctx context.Context, x *Interactions, o Options, shrinkages []float64, threads int) ([]*Model, error) {
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
	f.counts = o.Similarity == Jaccard || o.Similarity == Cosine && m.constant
	if err := m.check(x); err != nil && !f.counts {
		return nil, err
	}
	f.counted = f.counts
	for _, s := range shrinkages {
		f.counted = f.counted || s > 0
		f.keepers = append(f.keepers, newKeeper(len(m.public), o.K))
	}
	if err := f.run(ctx, threads); err != nil {
		return nil, err
	}
	var all []*Model
	for _, k := range f.keepers {
		all = append(all, k.model(x.Items))
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
			if m.weight[m.offsets[c.user]+int64(c.before)] != 0 {
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
	counts     bool // the number of common users is all that a similarity needs
	counted    bool // it is needed
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
			if !f.counts {
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
		met += int(c.before)
	}
	dense := met >= i/sparseShare
	for _, c := range column {
		first := p.m.offsets[c.user]
		at := first + int64(c.before)
		items, weights := p.m.item[first:at], p.m.weight[first:at]
		if !dense {
			p.touch(items)
		}
		if p.counted {
			for _, j := range items {
				p.count[j]++
			}
		}
		if !p.counts {
			multiplyAdd(p.sum, items, weights, p.m.weight[at])
		}
	}
	if dense {
		p.offerAll(i)
		return
	}
	for _, j := range p.touched {
		p.offer(i, int(j))
	}
	p.touched = p.touched[:0]
}

// offerAll offers item i with all that are more popular and that it has met.
func (p *pairs) offerAll(i int) {
	if p.counts {
		for j, n := range p.count[:i] {
			if n > 0 {
				p.offer(i, j)
			}
		}
		return
	}
	for j, s := range p.sum[:i] {
		if s > 0 {
			p.offer(i, j)
		}
	}
	clear(p.sum[:i]) // of what was below 0
	if p.counted {
		clear(p.count[:i])
	}
}

// touch notes items that are met for the first time, or whose sum so far is 0: what is noted twice is offered once, as
// offering clears it.
func (p *pairs) touch(items []uint32) {
	if p.counted {
		for _, j := range items {
			if p.count[j] == 0 {
				p.touched = append(p.touched, j)
			}
		}
		return
	}
	for _, j := range items {
		if p.sum[j] == 0 {
			p.touched = append(p.touched, j)
		}
	}
}

// multiplyAdd adds w times the weights of items to their sums.
func multiplyAdd(sum []float64, items []uint32, weights []float64, w float64) {
	weights = weights[:len(items)]
	for e, j := range items {
		sum[j] += float64(w * weights[e]) // rounded twice, on every processor
	}
}

// offer hands the similarity of i and j to the keepers, and clears what was summed up of it.
func (p *pairs) offer(i, j int) {
	var n, s float64
	if p.counted {
		n = float64(p.count[j])
		p.count[j] = 0
	}
	if !p.counts {
		s = p.sum[j]
		p.sum[j] = 0
		if !(s > 0) {
			return
		}
	} else if n == 0 {
		return
	}
	switch p.o.Similarity {
	case Jaccard:
		s = n / (float64(p.m.degree(i)+p.m.degree(j)) - n)
	case InnerProduct:
	case Cosine:
		if p.counts {
			s = n / math.Sqrt(float64(p.m.degree(i))*float64(p.m.degree(j)))
			break
		}
		fallthrough
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
		if p.keepers[k].takes(a, shrunk) {
			p.keepers[k].add(a, b, shrunk)
		}
		if p.keepers[k].takes(b, shrunk) {
			p.keepers[k].add(b, a, shrunk)
		}
	}
}
