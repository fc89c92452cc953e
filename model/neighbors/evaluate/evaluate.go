// Package evaluate compares neighbours that another system has found with the exact ones.
package evaluate

import (
	"math"
	"strconv"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Recall counts how many of the k nearest points of each query another system has found. A point as far as the k-th
// nearest counts, whichever of several it is. It does not depend on the order of the queries.
type Recall struct {
	K int `json:"k"`
	// Hits is how many queries had 0, 1, … K of them.
	Hits []int64 `json:"queries_by_hits"`
	// First is how many queries had a nearest point at the first place.
	First int64 `json:"first_right"`
	// Missing is how many queries had no list, which counts as one without a hit; Short, how many had a list of less than
	// K points; and Self, how many had themselves in it, which is left out.
	Missing int64 `json:"without_list"`
	Short   int64 `json:"short_lists"`
	Self    int64 `json:"lists_with_query"`
	// Unknown is how many neighbours are no point: the −1 of lists that are not full, too.
	Unknown int64 `json:"unknown_neighbors"`
}

// New counts nothing yet.
func New(k int) *Recall { return &Recall{K: k, Hits: make([]int64, k+1)} }

// Merge adds what was counted of other queries, by the same k.
func (r *Recall) Merge(o *Recall) {
	for i, n := range o.Hits {
		r.Hits[i] += n
	}
	r.First += o.First
	r.Missing += o.Missing
	r.Short += o.Short
	r.Self += o.Self
	r.Unknown += o.Unknown
}

// Queries is their number.
func (r *Recall) Queries() (n int64) {
	for _, h := range r.Hits {
		n += h
	}
	return n
}

// Mean is recall@k: the mean of the queries' shares.
func (r *Recall) Mean() float64 {
	sum := int64(0)
	for hits, n := range r.Hits {
		sum += int64(hits) * n
	}
	return float64(sum) / (float64(r.K) * float64(max(r.Queries(), 1)))
}

// Interval is the 95 % interval of the recall of queries like these: that of Wilson, with as many trials as have the
// variance that was found between queries.
func (r *Recall) Interval() (low, high float64) {
	mean, n, variance := r.Mean(), float64(r.Queries()), 0.0
	if n == 0 {
		return 0, 1
	}
	for hits, count := range r.Hits {
		d := float64(hits)/float64(r.K) - mean
		variance += float64(float64(count) * d * d)
	}
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
	want, sum := share*float64(r.Queries()), int64(0)
	for hits, n := range r.Hits {
		if sum += n; n > 0 && float64(sum) >= want {
			return float64(hits) / float64(r.K)
		}
	}
	return 1
}

// Add judges the lists of a block of queries by their exact neighbours among the points of an index, of which each
// query has k: of query i, list gives the positions of the neighbours that the other system has found, nearest first,
// below 0 where one is no point, and ok is false where there is no list. own is the query's own position, or below 0.
func (r *Recall) Add(
	q *vectors.Block, exact *neighbors.Neighbors, x *neighbors.Index, list func(i int) (found []int32, own int32, ok bool),
) {
	o, a, b := x.Options(), make([]float64, q.Dim), make([]float64, q.Dim)
	taken := map[int32]bool{}
	for i := range q.Len() {
		positions, distances := exact.Of(i)
		found, own, ok := list(i)
		if !ok {
			r.Missing++
		}
		clear(taken)
		hits, place := 0, 0
		for _, p := range found {
			if p >= 0 && p == own {
				r.Self++
				continue
			}
			if place++; place > r.K {
				break
			}
			if p < 0 {
				r.Unknown++
			}
			if p < 0 || taken[p] {
				continue
			}
			taken[p] = true
			d := math.Inf(1)
			for j, e := range positions {
				if e == p {
					d = distances[j]
				}
			}
			if math.IsInf(d, 1) {
				d = neighbors.Distance(q.Row(i, a), x.Rows(int(p), int(p)+1).Row(0, b), o)
			}
			if d <= distances[len(distances)-1] {
				hits++
			}
			if place == 1 && d <= distances[0] {
				r.First++
			}
		}
		if ok && place < r.K {
			r.Short++
		}
		r.Hits[min(hits, r.K)]++
	}
}
