package neighbors

import (
	"cmp"
	"slices"
)

// selection keeps, of one query, the k best entries and a few more that came since: amortised, an offer costs a few
// steps where a heap's costs log k. Its slices are parts of larger lists.
type selection struct {
	k         int
	positions []int32 // the first k
	distances []float64
	moreP     []int32 // what follows
	moreD     []float64
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
func slack(k int) int { return max(k/4, 8) }

// put stores the n-th candidate, n from 0.
func (s *selection) put(n int, e candidate) {
	if n < s.k {
		s.distances[n], s.positions[n] = e.distance, e.position
		return
	}
	s.moreD[n-s.k], s.moreP[n-s.k] = e.distance, e.position
}

// candidates appends the first n entries to dst.
func (s *selection) candidates(n int, dst []candidate) []candidate {
	for i := range min(n, s.k) {
		dst = append(dst, candidate{s.distances[i], s.positions[i]})
	}
	for i := range max(n-s.k, 0) {
		dst = append(dst, candidate{s.moreD[i], s.moreP[i]})
	}
	return dst
}

// reduce keeps the k best of n ≥ k entries and returns the worst of them.
func (s *selection) reduce(n int, scratch *[]candidate) candidate {
	all := s.candidates(n, (*scratch)[:0])
	*scratch = all
	worst := selectBest(all, s.k)
	for i, e := range all[:s.k] {
		s.distances[i], s.positions[i] = e.distance, e.position
	}
	return worst
}

// sort puts the k best of n ≥ k entries in ascending order.
func (s *selection) sort(n int, scratch *[]candidate) {
	if n > s.k {
		s.reduce(n, scratch)
	}
	all := s.candidates(s.k, (*scratch)[:0])
	*scratch = all
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
