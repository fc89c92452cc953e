package profile

import (
	"math/bits"

	"github.com/zeebo/xxh3"
)

// sketch counts equal things by a hash of 128 bits: all of them as long as the distinct ones are at most limit, and
// from then on those whose hash begins with level zeros, a sample of one in 2^level in which every copy of a thing is
// counted. What it holds does not depend on the order in which things are added, or sketches merged. (Bar-Yossef et
// al., Counting distinct elements in a data stream, 2002, algorithm 2.)
//
// Two of n different things have the same hash with a probability of about n²/2¹²⁹: 10⁻²¹ for 10⁹.
type sketch struct {
	limit  int
	level  int
	counts map[xxh3.Uint128]group
}

// group is equal things.
type group struct {
	count int64
	first int64   // the smallest number of them
	value float64 // the same for all of them
}

func newSketch(limit, level int) *sketch {
	return &sketch{limit: limit, level: level, counts: map[xxh3.Uint128]group{}}
}

func (s *sketch) add(h xxh3.Uint128, g group) {
	if bits.LeadingZeros64(h.Hi) < s.level {
		return
	}
	have, ok := s.counts[h]
	if ok {
		g.count, g.first = g.count+have.count, min(g.first, have.first)
	}
	s.counts[h] = g
	for len(s.counts) > s.limit {
		s.raise(s.level + 1)
	}
}

func (s *sketch) raise(level int) {
	s.level = level
	for h := range s.counts {
		if bits.LeadingZeros64(h.Hi) < level {
			delete(s.counts, h)
		}
	}
}

// merge adds the things of another sketch.
func (s *sketch) merge(t *sketch) {
	if t.level > s.level {
		s.raise(t.level)
	}
	for h, g := range t.counts {
		s.add(h, g)
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
