package recommend

// Recommendation is an item for a user.
type Recommendation struct {
	Item  uint32
	Score float64 // the sum of value · similarity over the items of the user that have it as a neighbour; positive
}

// Scorer recommends items to users, one at a time. It is not safe for concurrent use; each thread has its own.
type Scorer struct {
	model   *Model
	k       int
	only    []bool // of each item, whether it is recommended; nil where all are
	sum     []float64
	touched []uint32
	out     []Recommendation
}

// NewScorer scores by the first k neighbours of each item.
func NewScorer(m *Model, k int) *Scorer {
	return &Scorer{model: m, k: k, sum: make([]float64, m.Items.Len())}
}

// Scorer is NewScorer of the model, which recommends the items of Only alone, where that is not nil.
func (f *Fitted) Scorer(k int) *Scorer {
	s := NewScorer(f.Model, k)
	if f.Only != nil {
		s.only = make([]bool, len(s.sum))
		for _, i := range f.Only {
			s.only[i] = true
		}
	}
	return s
}

// Recommend gives the items with the greatest positive scores, at most top of them, the best first and by item where
// scores are equal, for a user who had items with these values; none of these items where seen are to be left out. The
// result is valid until the next call.
func (s *Scorer) Recommend(items []uint32, values []float64, top int, leaveOutSeen bool) []Recommendation {
	s.touched = s.touched[:0]
	for e, i := range items {
		neighbors, similarities := s.model.Of(int(i), s.k)
		s.touched = addNoted(s.sum, neighbors, similarities, values[e], s.touched)
	}
	if leaveOutSeen {
		for _, i := range items {
			s.sum[i] = 0
		}
	}
	b := best{room: top}
	for _, j := range s.touched { // an item twice where its sum was 0 in between: the second time it is 0 again
		if one := (scored{s.sum[j], j}); one.score > 0 && (s.only == nil || s.only[j]) && b.takes(one) {
			b.add(one)
		}
		s.sum[j] = 0
	}
	s.out = s.out[:0]
	for _, r := range b.sorted() {
		s.out = append(s.out, Recommendation{r.item, r.score})
	}
	return s.out
}

// Reason is why an item is recommended: the item of the user that has the greatest part in its score.
type Reason struct {
	Item  uint32
	Share float64 // of the score, value · similarity
}

// Reasons are the items of a user, at most n, that have a positive part in the score of an item, the greatest first.
func (s *Scorer) Reasons(items []uint32, values []float64, item uint32, n int) []Reason {
	b := best{room: n}
	for e, i := range items {
		neighbors, similarities := s.model.Of(int(i), s.k)
		for at, j := range neighbors {
			if part := values[e] * similarities[at]; j == item && part > 0 {
				b.add(scored{part, i})
			}
		}
	}
	var all []Reason
	for _, r := range b.sorted() {
		all = append(all, Reason{r.item, r.score})
	}
	return all
}
