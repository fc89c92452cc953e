package sparse

import (
	"cmp"
	"math"
	"slices"
)

// nearest are the candidates of one query.
type nearest struct {
	limit float64 // above which no row is a candidate; −∞ where there were too many
	found []candidate
	most  []float64 // the k smallest of the greatest values so far: a heap whose top is the greatest
	all   bool      // all rows are candidates
}

// begin drops what was found, and takes a limit.
func (s *nearest) begin(limit float64) {
	*s = nearest{limit: limit, found: s.found[:0], most: s.most[:0]}
}

// candidate is a row, at a place, with bounds of its value.
type candidate struct {
	least float64
	width float32 // the greatest value is at most least + width
	place int32
}

// most is the greatest value.
func (c *candidate) most() float64 { return c.least + float64(c.width) }

// room is for how many candidates a query has memory at first: some are above the limit that later ones set.
func room(k int) int { return k + k/2 + 4 }

// lacks reports whether fewer than k rows are within [Index.overlap]'s limit, so that rows without a common column are
// among the nearest. By the cosine these are all as far, but for rounding, which only distances decide: so all rows are
// candidates, and none needs to be looked at again.
func (s *nearest) lacks(x *Index, k int, norm float64) bool {
	if k == 0 || s.cut(x, k) || math.IsInf(x.overlap(norm), 1) {
		return false
	}
	s.all = x.measure == Cosine
	return true
}

// offer takes a row with such bounds, which is not above the limit, for a candidate of the k nearest, or, where k is
// 0, of all within the limit. Where more than most are left, it drops all.
func (s *nearest) offer(x *Index, c candidate, k, most int) {
	if n := len(s.found); n == cap(s.found) && k > 0 {
		if n == 0 {
			s.found, s.most = make([]candidate, 0, room(k)), make([]float64, 0, k)
		} else if s.cut(x, k); len(s.found) >= most {
			s.overflow()
			return
		} else if len(s.found) > n-n/4 {
			s.found = slices.Grow(s.found, n)
		}
	}
	s.found = append(s.found, c)
	if k > 0 {
		s.lower(c.most(), k)
	}
}

// lower puts the greatest value of a candidate among the k smallest, and lowers the limit to the k-th of them.
func (s *nearest) lower(value float64, k int) {
	h, i := s.most, len(s.most)
	if i < k {
		h = append(h, value)
		for ; i > 0 && h[(i-1)/2] < value; i = (i - 1) / 2 {
			h[i] = h[(i-1)/2]
		}
	} else if i = 0; value < h[0] {
		for child := 1; child < k; child = 2*i + 1 {
			if child+1 < k && h[child+1] > h[child] {
				child++
			}
			if h[child] <= value {
				break
			}
			h[i], i = h[child], child
		}
	} else {
		return
	}
	h[i], s.most = value, h
	if len(h) == k {
		s.limit = min(s.limit, h[0])
	}
}

// cut drops the candidates above the limit. It reports whether there are k of the least limit that there was, so that
// no row is missing.
func (s *nearest) cut(x *Index, k int) bool {
	if len(s.most) < k || s.most[0] > s.limit {
		return false
	}
	kept := s.found[:0]
	for _, c := range s.found {
		if c.least <= s.limit {
			kept = append(kept, c)
		}
	}
	s.found = kept
	if x.measure.ofSets() {
		s.choose(x, k)
	}
	return true
}

// choose leaves the first k of candidates whose values are known exactly: of sets, many are the same.
func (s *nearest) choose(x *Index, k int) {
	for i := range s.found {
		if s.found[i].width > 0 {
			return
		}
	}
	slices.SortFunc(s.found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.least, b.least), cmp.Compare(x.order[a.place], x.order[b.place]))
	})
	s.found = s.found[:k]
}

// overflow drops all, and what may follow.
func (s *nearest) overflow() { *s = nearest{limit: math.Inf(-1)} }

// over reports whether it was called.
func (s *nearest) over() bool { return math.IsInf(s.limit, -1) }

// inOrder is from how many candidates on their rows are better looked at in order.
const inOrder = 256

// positions appends those of the candidates.
func (s *nearest) positions(x *Index, to []int32) []int32 {
	for _, c := range s.found {
		to = append(to, x.order[c.place])
	}
	if len(to) > inOrder {
		slices.Sort(to)
	}
	return to
}
