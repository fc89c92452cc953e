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
	all   bool // all rows are candidates
}

// candidate is a row, at a place, with bounds of its value.
type candidate struct {
	least float64
	width float32 // the greatest value is at most least + width
	place int32
}

// most is the greatest value.
func (c *candidate) most() float64 { return c.least + float64(c.width) }

// keep is how many candidates a query keeps at least, as their number is cut to k when it is reached.
func keep(k int) int { return 2*k + 8 }

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
// 0, of all within the limit. Where more than room are left, it drops all.
func (s *nearest) offer(x *Index, c candidate, k, room int) {
	if n := len(s.found); n == cap(s.found) && k > 0 {
		if n == 0 {
			s.found = make([]candidate, 0, keep(k))
		} else if s.cut(x, k); len(s.found) >= room {
			s.overflow()
			return
		} else if len(s.found) > n-n/4 {
			s.found = slices.Grow(s.found, n)
		}
	}
	s.found = append(s.found, c)
}

// cut lowers the limit to the k-th smallest of the greatest values, and drops the candidates above it. It reports
// whether the limit was not below that already, so that no row is missing.
func (s *nearest) cut(x *Index, k int) bool {
	if len(s.found) < k {
		return false
	}
	var room [128]float64
	most := room[:0]
	for i := range s.found {
		most = append(most, s.found[i].most())
	}
	limit := kth(most, k)
	if limit > s.limit {
		return false
	}
	s.limit = limit
	kept := s.found[:0]
	for _, c := range s.found {
		if c.least <= limit {
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

// kth is the k-th smallest of values, which it reorders: Hoare's selection.
func kth(values []float64, k int) float64 {
	lo, hi := 0, len(values)-1
	for lo < hi {
		pivot := values[(lo+hi)/2]
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return values[k-1]
		}
	}
	return values[k-1]
}
