package overview

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"

	"beamlearn/model/internal/splitmix"
	"beamlearn/model/report"
	"beamlearn/model/vectors"
)

// Hub is a point that is a neighbour often.
type Hub struct {
	ID    string
	Count int64 // of the queries whose neighbour it is
}

// Hubs says how often each point is a neighbour.
type Hubs struct {
	Top []Hub // the most frequent, the most first
	// Counts[c] is how many points are a neighbour of c queries; of the last c, of as many or more.
	Counts []int64
	// Sampled is how many points were counted, where that was a sample of those that are a neighbour at all: Counts[0]
	// is then an estimate for as many points. 0 where all were counted.
	Sampled int
}

// Of the points: how many are named, and how often a point is a neighbour before it is counted as often or more.
const (
	topHubs  = 20
	maxCount = 1000
)

// HubsOf makes them of the number of queries whose neighbour each point is.
func HubsOf(counts []uint32, id func(int32) vectors.ID) *Hubs {
	h := &Hubs{}
	for _, c := range counts {
		h.count(int64(c))
	}
	for _, p := range report.Largest(counts, topHubs) {
		h.Top = append(h.Top, Hub{id(int32(p)).String(), int64(counts[p])})
	}
	return h
}

// count counts a point that is a neighbour of so many queries.
func (h *Hubs) count(queries int64) {
	c := int(min(queries, maxCount))
	for c >= len(h.Counts) {
		h.Counts = append(h.Counts, 0)
	}
	h.Counts[c]++
}

// sampleHubs is how many points are counted where nobody can count all.
const sampleHubs = 2000

// rankOf orders ids as if by chance, the same everywhere.
func rankOf(id vectors.ID) uint64 {
	if id.IsInt() {
		return splitmix.Mix(uint64(id.Int) ^ splitmix.Gamma)
	}
	h := fnv.New64a()
	h.Write([]byte(id.Text))
	return splitmix.Mix(h.Sum64())
}

func rankOfHub(h Hub) uint64 { return rankOf(vectors.ParseID(h.ID)) }

// countOften counts neighbours, of those of the lowest ranks.
func (o *Overview) countOften(positions []int32, id func(int32) vectors.ID, points int64) {
	limit := below(sampleHubs, points)
	if n := len(o.Often); n == sampleHubs {
		limit = min(limit, rankOfHub(o.Often[n-1]))
	}
	counts := map[vectors.ID]int64{}
	for _, p := range positions {
		if at := id(p); rankOf(at) <= limit {
			counts[at]++
		}
	}
	some := make([]Hub, 0, len(counts))
	for at, n := range counts {
		some = append(some, Hub{at.String(), n})
	}
	slices.SortFunc(some, byChance)
	o.Often = mergeOften(o.Often, some)
}

func byChance(a, b Hub) int {
	return cmp.Or(cmp.Compare(rankOfHub(a), rankOfHub(b)), cmp.Compare(a.ID, b.ID))
}

// mergeOften adds up two lists in order, and keeps the first. A point of the first of all is among the first of each
// list that has it.
func mergeOften(a, b []Hub) []Hub {
	var m []Hub
	for len(m) < sampleHubs && len(a)+len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && byChance(a[0], b[0]) < 0:
			m, a = append(m, a[0]), a[1:]
		case len(a) == 0 || byChance(a[0], b[0]) > 0:
			m, b = append(m, b[0]), b[1:]
		default:
			m, a, b = append(m, Hub{a[0].ID, a[0].Count + b[0].Count}), a[1:], b[1:]
		}
	}
	return m
}

// SampledHubs are what Often tells of so many points; nil where it was not asked for. How many points are a neighbour
// at all follows from the ranks (Bar-Yossef et al., RANDOM 2002: the k-th least of as many uniform numbers is about k
// in so many).
func (o *Overview) SampledHubs(points int64) *Hubs {
	n := len(o.Often)
	if n == 0 {
		return nil
	}
	h := &Hubs{Sampled: n, Counts: []int64{0}}
	for _, hub := range o.Often {
		h.count(hub.Count)
	}
	all := float64(n) // that are a neighbour
	if n == sampleHubs {
		all = float64(n-1) / (float64(rankOfHub(o.Often[n-1])) / (1 << 64))
	}
	h.Counts[0] = int64(math.Round(max(float64(points)/all-1, 0) * float64(n)))
	h.Top = slices.Clone(o.Often)
	slices.SortStableFunc(h.Top, func(a, b Hub) int { return cmp.Compare(b.Count, a.Count) })
	h.Top = h.Top[:min(n, topHubs)]
	return h
}
