package recommend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Estimate is a mean over users, and between which bounds it would be for 95 % of samples of users like these.
type Estimate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// normal95 is the quantile 0.975 of the normal distribution.
const normal95 = 1.959963984540054

// estimate is that of values between 0 and 1, by the normal distribution of their mean.
func estimate(values []float64) Estimate {
	n := float64(len(values))
	if n == 0 {
		return Estimate{}
	}
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += v
	}
	mean /= n
	for _, v := range values {
		squares += float64((v - mean) * (v - mean))
	}
	if n == 1 {
		return Estimate{mean, 0, 1}
	}
	return around(mean, math.Sqrt(squares/(n-1)/n))
}

// around is an estimate of a share with a standard error.
func around(mean, deviation float64) Estimate {
	return Estimate{mean, max(0, mean-float64(normal95*deviation)), min(1, mean+float64(normal95*deviation))}
}

// Metrics are what lists of recommendations are worth to users of whose items some were held out.
type Metrics struct {
	Users int64 `json:"users"`
	// Recall is the share of a user's held out items that the list has, and Precision the share of the list that was held
	// out: of all its places, also where it is shorter.
	Recall    Estimate `json:"recall"`
	Precision Estimate `json:"precision"`
	// NDCG is the sum of 1/log₂(1+rank) over the places with a held out item, by the greatest that there can be
	// (Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002).
	NDCG Estimate `json:"ndcg"`
}

// Judged is a recommender, and what it is worth.
type Judged struct {
	Popular   bool    `json:"popular,omitempty"` // the baseline: everybody gets what most had
	K         int     `json:"k,omitempty"`
	Shrinkage float64 `json:"shrinkage"`
	Metrics
	// Coverage is the share of all items that anybody is recommended; its bounds are by the jackknife over users.
	Coverage Estimate `json:"coverage"`
	// Groups are users by how many interactions the recommender knew of them.
	Groups []Group `json:"groups"`
}

// Group is users of whom From to To interactions are known; To is 0 where there is no bound.
type Group struct {
	From int `json:"from"`
	To   int `json:"to,omitempty"`
	Metrics
}

// Comparison says what several recommenders are worth.
type Comparison struct {
	Top         int      `json:"top"`
	Known       int64    `json:"known_interactions"`
	Held        int64    `json:"held_interactions"`
	Recommender []Judged `json:"recommenders"` // the first is the baseline
	Best        int      `json:"best"`         // of them, beside the baseline, by NDCG; the first of equal ones
}

// Compared are the recommenders of a comparison.
type Compared struct {
	Options    Options // whose K and Shrinkage do not count
	Ks         []int
	Shrinkages []float64
	Top        int
	KeepSeen   bool
	Holdout    Holdout
}

// Compare holds out a part of the interactions, fits all shrinkages at once on the others, and judges each k of each.
// Beside a fit it takes 4·Top bytes a user.
func Compare(ctx context.Context, x *Interactions, c Compared, threads int) (*Comparison, error) {
	if len(c.Ks) == 0 || len(c.Shrinkages) == 0 || c.Top < 1 {
		return nil, errors.New("recommend.Compare: no k, no shrinkage, or no place to recommend")
	}
	known, held, err := Split(x, c.Holdout)
	if err != nil {
		return nil, err
	}
	all := &Comparison{Top: c.Top, Known: int64(known.Len()), Held: int64(held.Len())}
	j := &judge{known: known, held: held, top: c.Top, threads: max(threads, 1)}
	popular := byPopularity(known)
	judged, err := j.judge(ctx, func() ranker {
		return &popularRanker{known: known, popular: popular, top: c.Top, keepSeen: c.KeepSeen}
	})
	if err != nil {
		return nil, err
	}
	judged.Popular = true
	all.Recommender = append(all.Recommender, *judged)
	c.Options.K = slices.Max(c.Ks)
	models, err := fitAll(ctx, known, c.Options, c.Shrinkages, threads)
	if err != nil {
		return nil, err
	}
	for i, m := range models {
		for _, k := range c.Ks {
			judged, err := j.judge(ctx, func() ranker {
				return &neighborRanker{Scorer: NewScorer(m, k), known: known, top: c.Top, keepSeen: c.KeepSeen}
			})
			if err != nil {
				return nil, err
			}
			judged.K, judged.Shrinkage = k, c.Shrinkages[i]
			all.Recommender = append(all.Recommender, *judged)
		}
	}
	all.Best = 1
	for i, r := range all.Recommender {
		if i > 0 && r.NDCG.Mean > all.Recommender[all.Best].NDCG.Mean {
			all.Best = i
		}
	}
	return all, nil
}

// Beaten reports whether the baseline is better than the best, by the NDCG.
func (c *Comparison) Beaten() bool {
	return c.Recommender[0].NDCG.Mean > c.Recommender[c.Best].NDCG.Mean
}

// Name names the recommender in a few words.
func (j *Judged) Name() string {
	if j.Popular {
		return "most popular"
	}
	return fmt.Sprintf("k=%d, shrinkage=%g", j.K, j.Shrinkage)
}

// ranker recommends items to users, by their places. Each thread has its own.
type ranker interface{ rank(user int) []uint32 }

type neighborRanker struct {
	*Scorer
	known    *Interactions
	top      int
	keepSeen bool
	list     []uint32
}

func (r *neighborRanker) rank(user int) []uint32 {
	items, values := r.known.Of(user)
	r.list = r.list[:0]
	for _, one := range r.Recommend(items, values, r.top, !r.keepSeen) {
		r.list = append(r.list, one.Item)
	}
	return r.list
}

// byPopularity are the items that anybody had, those of the most users first.
func byPopularity(x *Interactions) []uint32 {
	users := make([]int64, x.Items.Len())
	for _, i := range x.Item {
		users[i]++
	}
	var items []uint32
	for i, n := range users {
		if n > 0 {
			items = append(items, uint32(i))
		}
	}
	slices.SortStableFunc(items, func(a, b uint32) int { return cmp.Compare(users[b], users[a]) })
	return items
}

type popularRanker struct {
	known    *Interactions
	popular  []uint32
	top      int
	keepSeen bool
	list     []uint32
}

func (r *popularRanker) rank(user int) []uint32 {
	items, _ := r.known.Of(user)
	r.list = r.list[:0]
	for _, i := range r.popular {
		if len(r.list) == r.top {
			break
		}
		if _, seen := slices.BinarySearch(items, i); !seen || r.keepSeen {
			r.list = append(r.list, i)
		}
	}
	return r.list
}

// judge compares lists with what was held out.
type judge struct {
	known, held *Interactions
	top         int
	threads     int
}

// judgeUsers is how many users a thread takes at a time.
const judgeUsers = 512

// judge judges the lists of all users of whom something was held out.
func (j *judge) judge(ctx context.Context, rankers func() ranker) (*Judged, error) {
	n := j.held.Users.Len()
	s := &worth{
		recall: make([]float64, n), precision: make([]float64, n), ndcg: make([]float64, n), lists: make([][]uint32, n),
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range j.threads {
		wg.Go(func() {
			r := rankers()
			for ctx.Err() == nil {
				lo := int(next.Add(judgeUsers)) - judgeUsers
				if lo >= n {
					return
				}
				for u := lo; u < min(lo+judgeUsers, n); u++ {
					if items, _ := j.held.Of(u); len(items) > 0 {
						list := slices.Clone(r.rank(u))
						s.lists[u] = list
						s.recall[u], s.precision[u], s.ndcg[u] = gains(list, items, j.top)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	judged := &Judged{Coverage: coverage(s.lists, j.held)}
	judged.Metrics = s.metrics(j.held, func(int) bool { return true })
	for _, g := range groups {
		g.Metrics = s.metrics(j.held, func(u int) bool {
			known := int(j.known.Offsets[u+1] - j.known.Offsets[u])
			return known >= g.From && (g.To == 0 || known <= g.To)
		})
		if g.Users > 0 {
			judged.Groups = append(judged.Groups, g)
		}
	}
	return judged, nil
}

// groups are users by how many interactions are known of them.
var groups = []Group{
	{From: 1, To: 2}, {From: 3, To: 5}, {From: 6, To: 10}, {From: 11, To: 20}, {From: 21, To: 50}, {From: 51, To: 100},
	{From: 101},
}

// worth is what the lists of all users are worth.
type worth struct {
	recall, precision, ndcg []float64
	lists                   [][]uint32
}

// metrics are those of some of the users of whom something was held out.
func (s *worth) metrics(held *Interactions, of func(user int) bool) Metrics {
	var recall, precision, ndcg []float64
	for u := range s.recall {
		if held.Offsets[u] < held.Offsets[u+1] && of(u) {
			recall, precision = append(recall, s.recall[u]), append(precision, s.precision[u])
			ndcg = append(ndcg, s.ndcg[u])
		}
	}
	return Metrics{Users: int64(len(recall)), Recall: estimate(recall), Precision: estimate(precision),
		NDCG: estimate(ndcg)}
}

// gains are the recall, the precision and the NDCG of a list, of top places, by the items that were held out.
func gains(list, held []uint32, top int) (recall, precision, ndcg float64) {
	hits, gain, most := 0, 0.0, 0.0
	for rank, i := range list {
		if _, hit := slices.BinarySearch(held, i); hit {
			hits++
			gain += 1 / math.Log2(float64(rank+2))
		}
	}
	for rank := range min(len(held), top) {
		most += 1 / math.Log2(float64(rank+2))
	}
	return float64(hits) / float64(len(held)), float64(hits) / float64(top), gain / most
}

// coverage is the share of items that stand in any list. Its error is that of the jackknife: without a user, the items
// go that stand in this user's list alone.
func coverage(lists [][]uint32, held *Interactions) Estimate {
	items := held.Items.Len()
	times := make([]int32, items)
	users, covered := 0.0, 0.0
	for u, list := range lists {
		if held.Offsets[u] < held.Offsets[u+1] {
			users++
		}
		for _, i := range list {
			if times[i]++; times[i] == 1 {
				covered++
			}
		}
	}
	sum, squares := 0.0, 0.0
	for _, list := range lists {
		alone := 0.0
		for _, i := range list {
			if times[i] == 1 {
				alone++
			}
		}
		sum += alone
		squares += float64(alone * alone)
	}
	variance := (users - 1) / users * (squares - sum*sum/users)
	return around(covered/float64(items), math.Sqrt(max(variance, 0))/float64(items))
}
