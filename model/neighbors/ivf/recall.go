package ivf

import (
	"math"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Measure is a share of the true neighbours that were found, by a sample of queries.
type Measure struct {
	// Recall is the mean over the sampled queries of the share of their k neighbours that are no farther than the true
	// k-th: one as far as that counts, whichever it is.
	Recall float64 `json:"recall"`
	// Low and High are the 95 % interval of the recall over all queries: that of Wilson, with as many trials as have the
	// variance that was found between queries, whose neighbours are not independent.
	Low  float64 `json:"recall_low"`
	High float64 `json:"recall_high"`
	// Sample is the number of sampled queries.
	Sample int `json:"recall_sample"`
}

// MeasurePairs is the share of pairs that were found, by sampled queries, of many: found[i] of the pairs[i] of each. It
// counts pairs, not queries. The interval is that of the ratio of two means (W. Cochran: Sampling Techniques. 1977,
// section 6.4), by Wilson, with as many trials as have its variance. Sample is the number of those that have pairs:
// with none, nothing is measured.
func MeasurePairs(found, pairs []int) Measure {
	n, total, good := 0.0, 0.0, 0.0
	for i, p := range pairs {
		if p > 0 {
			n, total, good = n+1, total+float64(p), good+float64(found[i])
		}
	}
	if n == 0 {
		return Measure{}
	}
	m := Measure{Recall: good / total, Sample: int(n)}
	variance := 0.0 // of n·pairs: that of what each query has found above what the recall lets expect
	for i, p := range pairs {
		d := float64(found[i]) - float64(m.Recall*float64(p))
		variance += float64(d * d)
	}
	trials := n
	if variance > 0 && n > 1 {
		trials = max(m.Recall*(1-m.Recall)*total*total*(n-1)/(n*variance), 1)
	}
	m.interval(trials)
	return m
}

// interval sets that of a recall which has the variance of so many trials.
func (m *Measure) interval(trials float64) {
	const z = 1.959963984540054
	centre := (m.Recall + z*z/(2*trials)) / (1 + z*z/trials)
	half := float64(z / (1 + z*z/trials) * math.Sqrt(m.Recall*(1-m.Recall)/trials+z*z/(4*trials*trials)))
	m.Low, m.High = max(centre-half, 0), min(centre+half, 1)
}

// measure summarises the recalls of sampled queries, of so many.
func measure(recalls []float64, of int) Measure {
	n := float64(len(recalls))
	if n == 0 {
		return Measure{}
	}
	sum := 0.0
	for _, r := range recalls {
		sum += r
	}
	mean, variance := sum/n, 0.0
	for _, r := range recalls {
		variance += float64((r - mean) * (r - mean))
	}
	m := Measure{Recall: mean, Sample: len(recalls)}
	if len(recalls) >= of {
		m.Low, m.High = mean, mean
		return m
	}
	trials := n
	if variance > 0 && n > 1 {
		variance /= n - 1
		trials = max(mean*(1-mean)*n/variance, 1)
	}
	m.interval(trials)
	return m
}

// Shows reports whether a pilot shows the recall asked: its recall must be a standard error higher, or half way from
// the recall asked to 1.
func (m *Measure) Shows(asked float64) bool {
	return m.Recall >= min(asked+(m.Recall-m.Low)/2, (asked+1)/2)
}

// Sample is m different places of n, or all where there are fewer, ascending: the queries by which to measure a recall.
func Sample(n, m int, seed uint64) []int32 {
	r := random(seed).fork(seedTruth)
	return r.sample(n, min(m, n), nil)
}

// Rank is a place for a row by its number, as if by chance: the rows of the lowest ranks are a sample, which whoever
// has a row can tell. It is uniform below 2⁶⁴.
func Rank(number int64, seed uint64) uint64 {
	r := random(seed).fork(seedRank).fork(uint64(number))
	return r.next()
}

// truth is the exact answer to sampled queries.
type truth struct {
	queries []int32   // their rows, ascending
	kth     []float64 // the distance of the last neighbour of each
	counts  []int     // the number of neighbours of each
	found   *neighbors.Neighbors
}

// take makes a block of some rows.
func take(b *vectors.Block, rows []int32) *vectors.Block {
	t := &vectors.Block{Dim: b.Dim, DType: vectors.Float32}
	if b.Sparse != nil {
		t.DType, t.Sparse = vectors.Float64, &vectors.CSR{}
		for _, i := range rows {
			t.AppendRows(b, int(i), int(i)+1)
		}
		return t
	}
	if b.Wide() {
		t.DType = vectors.Float64
		t.F64 = make([]float64, 0, len(rows)*b.Dim)
	} else {
		t.F32 = make([]float32, 0, len(rows)*b.Dim)
	}
	for _, i := range rows {
		if lo, hi := int(i)*b.Dim, (int(i)+1)*b.Dim; b.Wide() {
			t.F64 = append(t.F64, b.F64[lo:hi]...)
		} else {
			t.F32 = append(t.F32, b.F32[lo:hi]...)
		}
		t.Numbers = append(t.Numbers, b.Numbers[i])
	}
	return t
}

// truthOf answers n sampled queries by the index.
func truthOf(x *neighbors.Index, q *vectors.Block, k, n int, seed random, s neighbors.Search) (*truth, error) {
	t := &truth{queries: seed.sample(q.Len(), min(n, q.Len()), nil)}
	s.Progress, s.Bounds = nil, nil
	found, err := x.KNeighbors(take(q, t.queries), k, s)
	if err != nil {
		return nil, err
	}
	t.add(found)
	t.found = found
	return t, nil
}

func (t *truth) add(exact *neighbors.Neighbors) {
	for i := range exact.Len() {
		_, d := exact.Of(i)
		last := math.Inf(1)
		if len(d) > 0 {
			last = d[len(d)-1]
		}
		t.kth, t.counts = append(t.kth, last), append(t.counts, len(d))
	}
}

// recall is that of the distances, ascending, of the s-th sampled query.
func (t *truth) recall(s int, distances []float64) float64 {
	good := 0
	for _, d := range distances {
		if d <= t.kth[s] {
			good++
		}
	}
	if t.counts[s] == 0 {
		return 1
	}
	return float64(min(good, t.counts[s])) / float64(t.counts[s])
}

// measure is that of what was found of so many queries: found gives the distances of one.
func (t *truth) measure(of int, found func(i int32) []float64) Measure {
	recalls := make([]float64, len(t.queries))
	for s, i := range t.queries {
		recalls[s] = t.recall(s, found(i))
	}
	return measure(recalls, of)
}

// recallOf measures what was found of all rows of q, by a sample of them that is answered exactly: O(sample·n·d).
func recallOf(x *neighbors.Index, q *vectors.Block, found *neighbors.Neighbors, k, sample int, seed random,
	s neighbors.Search) (Measure, error) {
	t, err := truthOf(x, q, k, sample, seed, s)
	if err != nil {
		return Measure{}, err
	}
	return t.measure(q.Len(), func(i int32) []float64 {
		_, d := found.Of(int(i))
		return d
	}), nil
}

// Compare measures what was found for sampled queries, of so many, by the exact answers to the same ones. Distances
// must be those of [neighbors.Distance].
func Compare(found, exact *neighbors.Neighbors, queries int) Measure {
	t := new(truth)
	t.add(exact)
	recalls := make([]float64, exact.Len())
	for i := range recalls {
		_, d := found.Of(i)
		recalls[i] = t.recall(i, d)
	}
	return measure(recalls, queries)
}
