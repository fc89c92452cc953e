package profile

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// sampled counts equal things by a hash H: all of them as long as the distinct ones are at most limit, and from then
// on those whose hash begins with level zeros, a sample of one in 2^level in which every copy of a thing is counted.
// What it holds does not depend on the order in which things are added, or such counts merged. (Bar-Yossef et al.,
// Counting distinct elements in a data stream, 2002, algorithm 2.)
type sampled[H comparable, C any] struct {
	limit  int
	level  int
	counts map[H]C
	zeros  func(H) int // that a hash begins with
	sum    func(more, have C) C
}

// sketch is of hashes of 128 bits. Two of n different things have the same one with a probability of about n²/2¹²⁹:
// 10⁻²¹ for 10⁹.
type sketch struct{ sampled[xxh3.Uint128, group] }

// group is equal things.
type group struct {
	count int64
	first int64   // the smallest number of them
	value float64 // the same for all of them
}

func newSketch(limit, level int) *sketch {
	return &sketch{sampled[xxh3.Uint128, group]{
		limit: limit, level: level, counts: map[xxh3.Uint128]group{},
		zeros: func(h xxh3.Uint128) int { return bits.LeadingZeros64(h.Hi) },
		sum: func(g, have group) group {
			g.count, g.first = g.count+have.count, min(g.first, have.first)
			return g
		},
	}}
}

func (s *sketch) merge(t *sketch) { s.sampled.merge(&t.sampled) }

func (s *sampled[H, C]) add(h H, c C) {
	if s.zeros(h) < s.level {
		return
	}
	if have, ok := s.counts[h]; ok {
		c = s.sum(c, have)
	}
	s.counts[h] = c
	for len(s.counts) > s.limit {
		s.raise(s.level + 1)
	}
}

func (s *sampled[H, C]) raise(level int) {
	s.level = level
	for h := range s.counts {
		if s.zeros(h) < level {
			delete(s.counts, h)
		}
	}
}

// merge adds the things that others have counted.
func (s *sampled[H, C]) merge(t *sampled[H, C]) {
	if t.level > s.level {
		s.raise(t.level)
	}
	for h, c := range t.counts {
		s.add(h, c)
	}
}

// Repeats says what there is more than once.
type Repeats struct {
	// Distinct is the number of different ones.
	Distinct int64 `json:"distinct"`
	// Repeated is the number of those that equal an earlier one.
	Repeated int64 `json:"repeated"`
	// Groups is the number of different ones that are there more than once.
	Groups int64 `json:"groups"`
	// Largest is how often the commonest is there, and LargestRow the first row of it.
	Largest    int64 `json:"largest"`
	LargestRow int64 `json:"largest_row"`
	// SampledOneIn is 1 where all was counted. Otherwise one in so many different ones was, the numbers above are
	// extrapolated, and the largest is that of the sample.
	SampledOneIn int64 `json:"sampled_one_in"`
}

func (s *sketch) repeats() Repeats {
	scale := int64(1) << s.level
	r := Repeats{SampledOneIn: scale}
	for _, g := range s.counts {
		r.Distinct += scale
		if g.count > 1 {
			r.Groups += scale
			r.Repeated += scale * (g.count - 1)
		}
		if g.count > r.Largest || g.count == r.Largest && g.first < r.LargestRow {
			r.Largest, r.LargestRow = g.count, g.first
		}
	}
	return r
}
