// Package evaluate compares neighbours that another system has found with the exact ones.
package evaluate

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"beamlearn/model/neighbors"
)

// Recall counts how many of the k nearest points of each query another system has found. A point as far as the k-th
// nearest counts, whichever of several it is. A query that has less than k neighbours, by what it may have, is asked
// for these alone. It does not depend on the order of the queries.
type Recall struct {
	K int `json:"k"`
	// Hits is how many queries had 0, 1, … K of them, of those that have K neighbours.
	Hits []int64 `json:"queries_by_hits"`
	// Fewer are the same of queries that have m < K neighbours, at m: empty where there is no such query.
	Fewer [][]int64 `json:"queries_with_fewer_by_hits,omitempty"`
	// Alone is how many queries have no neighbours, and so no recall.
	Alone int64 `json:"queries_without_neighbors,omitempty"`
	// First is how many queries had a nearest point at the first place.
	First int64 `json:"first_right"`
	// Missing is how many queries had no list, which counts as one without a hit; Short, how many had a list of less than
	// K points, or than the query has neighbours; and Self, how many had themselves in it, which is left out.
	Missing int64 `json:"without_list"`
	Short   int64 `json:"short_lists"`
	Self    int64 `json:"lists_with_query"`
	// Unknown is how many neighbours are no point: the −1 of lists that are not full, too.
	Unknown int64 `json:"unknown_neighbors"`
	// Crowded is how many neighbours came after as many of their group as a query may have, which is no hit.
	Crowded int64 `json:"neighbors_above_most,omitempty"`
}

// New counts nothing yet.
func New(k int) *Recall { return &Recall{K: k, Hits: make([]int64, k+1)} }

// Merge adds what was counted of other queries, by the same k.
func (r *Recall) Merge(o *Recall) {
	o.each(func(of, hits int, n int64) { r.hits(of)[hits] += n })
	r.Alone += o.Alone
	r.First += o.First
	r.Missing += o.Missing
	r.Short += o.Short
	r.Self += o.Self
	r.Unknown += o.Unknown
	r.Crowded += o.Crowded
}

// hits counts the queries that have so many neighbours, by how many of them were found.
func (r *Recall) hits(of int) []int64 {
	if of == r.K {
		return r.Hits
	}
	if r.Fewer == nil {
		r.Fewer = make([][]int64, r.K)
	}
	if r.Fewer[of] == nil {
		r.Fewer[of] = make([]int64, of+1)
	}
	return r.Fewer[of]
}

// each gives how many queries had so many hits of the neighbours that they have.
func (r *Recall) each(do func(of, hits int, queries int64)) {
	for _, counts := range append(slices.Clone(r.Fewer), r.Hits) {
		for hits, n := range counts {
			if n > 0 {
				do(len(counts)-1, hits, n)
			}
		}
	}
}

// ByHits is how many queries had 0, 1, … K hits, however many neighbours they have.
func (r *Recall) ByHits() []int64 {
	counts := make([]int64, r.K+1)
	r.each(func(_, hits int, n int64) { counts[hits] += n })
	return counts
}

// Queries is the number of those that have neighbours.
func (r *Recall) Queries() (n int64) {
	r.each(func(_, _ int, queries int64) { n += queries })
	return n
}

// Mean is recall@k: the mean of the queries' shares.
func (r *Recall) Mean() float64 {
	sums := make([]int64, r.K+1)
	r.each(func(of, hits int, n int64) { sums[of] += int64(hits) * n })
	queries := float64(max(r.Queries(), 1))
	mean := float64(sums[r.K]) / (float64(r.K) * queries)
	for of, sum := range sums[:r.K] {
		if sum > 0 {
			mean += float64(sum) / (float64(of) * queries)
		}
	}
	return mean
}

// Interval is the 95 % interval of the recall of queries like these: that of Wilson, with as many trials as have the
// variance that was found between queries.
func (r *Recall) Interval() (low, high float64) {
	mean, n, variance := r.Mean(), float64(r.Queries()), 0.0
	if n == 0 {
		return 0, 1
	}
	r.each(func(of, hits int, count int64) {
		d := float64(hits)/float64(of) - mean
		variance += float64(float64(count) * d * d)
	})
	trials := n
	if variance > 0 && n > 1 {
		trials = max(mean*(1-mean)*n/(variance/(n-1)), 1)
	}
	const z = 1.959963984540054
	centre := (mean + z*z/(2*trials)) / (1 + z*z/trials)
	half := float64(z / (1 + z*z/trials) * math.Sqrt(mean*(1-mean)/trials+z*z/(4*trials*trials)))
	return max(centre-half, 0), min(centre+half, 1)
}

// Shares are those of the queries of which a summary tells the [Recall.Quantile].
var Shares = []float64{0.01, 0.05, 0.1, 0.25, 0.5}

// Percent names a share of [Shares]: "5%".
func Percent(share float64) string { return strconv.FormatFloat(100*share, 'g', 3, 64) + "%" }

// Quantile is the recall that this share of the queries does not exceed: the least such.
func (r *Recall) Quantile(share float64) float64 {
	type group struct {
		recall  float64
		queries int64
	}
	var all []group
	r.each(func(of, hits int, n int64) { all = append(all, group{float64(hits) / float64(of), n}) })
	slices.SortFunc(all, func(a, b group) int { return cmp.Compare(a.recall, b.recall) })
	want, sum := share*float64(r.Queries()), int64(0)
	for _, g := range all {
		if sum += g.queries; float64(sum) >= want {
			return g.recall
		}
	}
	return 1
}

// Lists are those of a block of queries which another system has found. Points go by the numbers of their rows.
type Lists struct {
	// Of is the list of query i, nearest first, with numbers below 0 where a neighbour is no point; ok is false where
	// there is no list.
	Of func(i int) (found []int64, ok bool)
	// Own is the query's own number, or below 0.
	Own func(i int) int64
	// Distance is how far query i is from a point that it may have, else infinite.
	Distance func(i int, number int64) (float64, error)
	// Most are the groups of points, by their numbers, of each of which a query has so many at most, as
	// [neighbors.Search] has them by positions; nil where there is no such rule.
	Most *neighbors.Most
}

// Add judges the lists of a block of queries by their exact neighbours, K of each query, or all that it may have.
// Number is the row number of an exact neighbour by its position. With Most, a point of a group of which the exact
// neighbours have as many as may be is as near as the farthest of these, and no more of one group count.
func (r *Recall) Add(exact *neighbors.Neighbors, number func(position int32) int64, lists Lists) error {
	taken := map[int64]bool{} // what the list had before
	limits := newLimits(lists.Most)
	for i := range len(exact.Offsets) - 1 {
		positions, distances := exact.Of(i)
		found, ok := lists.Of(i)
		of, own := len(positions), lists.Own(i)
		if of == 0 {
			r.Alone++
			continue
		}
		if !ok {
			r.Missing++
		}
		clear(taken)
		limits.begin(positions, distances, number)
		hits, place := 0, 0
		for _, n := range found {
			if n >= 0 && n == own {
				r.Self++
				continue
			}
			if place++; place > of {
				break
			}
			if n < 0 {
				r.Unknown++
			}
			if n < 0 || taken[n] {
				continue
			}
			d, err := distanceTo(n, i, positions, distances, number, &lists)
			if err != nil {
				return err
			}
			taken[n] = true
			limit := limits.of(n, d)
			if limit < 0 {
				r.Crowded++
			}
			if d <= limit {
				hits++
			}
			if place == 1 && d <= distances[0] {
				r.First++
			}
		}
		if ok && place < of {
			r.Short++
		}
		r.hits(of)[min(hits, of)]++
	}
	return nil
}

// distanceTo is how far query i is from the point with a number: what is known of it as one of the exact neighbours, or
// else computed.
func distanceTo(n int64, i int, positions []int32, distances []float64, number func(position int32) int64, lists *Lists,
) (float64, error) {
	for j, p := range positions {
		if number(p) == n && !math.IsInf(distances[j], 1) {
			return distances[j], nil
		}
	}
	return lists.Distance(i, n)
}

// limits say how far a point of a query's list may be to be as near as the exact neighbours.
type limits struct {
	most     *neighbors.Most
	farthest float64           // of the exact neighbours
	groups   map[int32]ofGroup // of those and of the list
}

// ofGroup are the points of a group: how many exact neighbours are, and how far the farthest of them is, and how many
// points of the list were before.
type ofGroup struct {
	exact, listed int
	farthest      float64
}

func newLimits(most *neighbors.Most) *limits { return &limits{most: most, groups: map[int32]ofGroup{}} }

// begin begins with the exact neighbours of a query.
func (l *limits) begin(positions []int32, distances []float64, number func(position int32) int64) {
	l.farthest = distances[len(distances)-1]
	clear(l.groups)
	if l.most == nil {
		return
	}
	for j, p := range positions {
		if g := l.most.Groups[number(p)]; g >= 0 {
			of := l.groups[g]
			l.groups[g] = ofGroup{exact: of.exact + 1, farthest: distances[j]}
		}
	}
}

// of is how far the next point of the list may be, of a distance that is infinite where the query may not have it, or
// −1 where as many of its group were before as may be.
func (l *limits) of(point int64, distance float64) float64 {
	if l.most == nil || l.most.Groups[point] < 0 || math.IsInf(distance, 1) {
		return l.farthest
	}
	g := l.most.Groups[point]
	of := l.groups[g]
	of.listed++
	l.groups[g] = of
	switch {
	case of.listed > l.most.Number:
		return -1
	case of.exact == l.most.Number:
		return of.farthest
	}
	return l.farthest
}
