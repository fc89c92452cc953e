package neighbors

import (
	"cmp"
	"math"
	"slices"
)

// selection keeps, of one query, the k best entries and a few more that came since: amortised, an offer costs a few
// steps where a heap's costs log k. Its slices are parts of larger lists.
type selection struct {
	k         int
	positions []int32 // the first k
	distances []float64
	more      []candidate // what follows
}

// candidate is a point that may be a neighbour.
type candidate struct {
	distance float64
	position int32
}

func compareCandidates(a, b candidate) int {
	if c := cmp.Compare(a.distance, b.distance); c != 0 {
		return c
	}
	return cmp.Compare(a.position, b.position)
}

func (e candidate) before(f candidate) bool {
	return e.distance < f.distance || e.distance == f.distance && e.position < f.position
}

// slack is how many entries a selection of k holds beyond k.
func slack(k int) int { return max(k*2/5, 8) }

// put stores the n-th candidate, n from 0.
func (s *selection) put(n int, e candidate) {
	if n < s.k {
		s.distances[n], s.positions[n] = e.distance, e.position
		return
	}
	s.more[n-s.k] = e
}

// candidates appends the first n entries to dst.
func (s *selection) candidates(n int, dst []candidate) []candidate {
	for i := range min(n, s.k) {
		dst = append(dst, candidate{s.distances[i], s.positions[i]})
	}
	return append(dst, s.more[:max(n-s.k, 0)]...)
}

// buckets is the number of intervals that reduce cuts distances into.
const buckets = 128

// reduce drops candidates that are not among the k best of n > k, at least a quarter of those beyond k, and returns how
// many it keeps and the greatest distance among them. It counts distances by interval instead of comparing them, which
// no branch predictor could follow.
func (s *selection) reduce(n int, scratch *[]candidate) (int, float64) {
	all := s.candidates(n, (*scratch)[:0])
	*scratch = all
	low, high := all[0].distance, all[0].distance
	for _, c := range all {
		low, high = min(low, c.distance), max(high, c.distance)
	}
	kept, worst := 0, 0.0
	if scale := buckets / (high - low); scale <= math.MaxFloat64 && scale > 0 {
		var counts [buckets + 1]uint16
		for _, c := range all {
			counts[min(uint((c.distance-low)*scale), buckets)]++
		}
		last, sum := 0, int(counts[0])
		for sum < s.k {
			last++
			sum += int(counts[last])
		}
		if sum <= s.k+3*len(s.more)/4 {
			worst = low
			for _, c := range all {
				b := min(int((c.distance-low)*scale), buckets)
				all[kept] = c
				if b <= last {
					kept++
					worst = max(worst, c.distance)
				}
			}
		}
	}
	if kept == 0 { // too many in one interval
		kept, worst = s.k, selectBest(all, s.k).distance
	}
	for i, c := range all[:kept] {
		s.put(i, c)
	}
	return kept, worst
}

// sort puts the k best of n ≥ k entries in ascending order.
func (s *selection) sort(n int, scratch *[]candidate) {
	all := s.candidates(n, (*scratch)[:0])
	*scratch = all
	if n > s.k {
		selectBest(all, s.k)
		all = all[:s.k]
	}
	slices.SortFunc(all, compareCandidates)
	for i, e := range all {
		s.distances[i], s.positions[i] = e.distance, e.position
	}
}

// selectBest moves the k first entries, in their order, to the front, and returns the last of them (Hoare's FIND).
func selectBest(v []candidate, k int) candidate {
	lo, hi := 0, len(v)-1
	for lo < hi {
		pivot := v[int(uint(lo+hi)>>1)]
		i, j := lo, hi
		for i <= j {
			for v[i].before(pivot) {
				i++
			}
			for pivot.before(v[j]) {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return v[k-1]
		}
	}
	return v[k-1]
}
