package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Lists get the shares that a count by hand gives: ties count whichever they are, the query itself, copies and what is
// no point do not.
func TestRecall(t *testing.T) {
	t.Parallel()
	points := &vectors.Block{Dim: 1}
	for i, v := range []float64{0, 1, 2, 3, 3, 3, 10} {
		points.Append([]float64{v}, int64(i))
	}
	x, err := neighbors.Fit(points, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.KNeighbors(points, 3, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	lists := [][]int64{
		{1, 2, 5},    // 3, as 5 is as far as 3
		{1, 0, 2, 6}, // 2 after itself, and 6 is not as near
		nil,
		{4, 4, 5},     // 2: one twice
		{-1, 3, 5},    // 2, and an unknown one
		{6, 3, 4, 2},  // 2: the fourth is 2 places too late
		{3, 4, 5, -1}, // 3
	}
	r := New(3)
	add := func(r *Recall, exact *neighbors.Neighbors, list func(i int) ([]int64, int64, bool)) {
		t.Helper()
		err := r.Add(exact, x.Number, Lists{
			Of: func(i int) ([]int64, bool) {
				found, _, ok := list(i)
				return found, ok
			},
			Own: func(i int) int64 {
				_, own, _ := list(i)
				return own
			},
			Distance: func(i int, n int64) (float64, error) {
				return math.Abs(float64(points.F32[i] - points.F32[n])), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(r, exact, func(i int) ([]int64, int64, bool) { return lists[i], int64(i), lists[i] != nil })
	want := Recall{K: 3, Hits: []int64{1, 0, 4, 2}, First: 4, Missing: 1, Self: 1, Unknown: 1}
	if r.Hits[0] != want.Hits[0] || r.Hits[2] != want.Hits[2] || r.Hits[3] != want.Hits[3] || r.First != want.First ||
		r.Missing != want.Missing || r.Self != want.Self || r.Unknown != want.Unknown || r.Short != 0 {
		t.Errorf("got %+v, want %+v", *r, want)
	}
	if got := r.Mean(); got != 14.0/21 {
		t.Errorf("mean %v", got)
	}
	for share, want := range map[float64]float64{0.1: 0, 0.2: 2.0 / 3, 0.5: 2.0 / 3, 0.9: 1} {
		if got := r.Quantile(share); got != want {
			t.Errorf("quantile %v: %v, want %v", share, got, want)
		}
	}
	// Queries that are no point have nothing of their own in a list, and a list may be short, with or without the query.
	few := New(3)
	add(few, exact, func(i int) ([]int64, int64, bool) {
		switch i {
		case 0:
			return []int64{1, 2}, -1, true
		case 1:
			return []int64{1, 0, 2}, 1, true // of which it is one itself
		case 2:
			return []int64{}, -1, true
		}
		return []int64{3, -1, -1}, -1, true
	})
	if few.Short != 3 || few.Self != 1 || few.Unknown != 8 || few.Missing != 0 {
		t.Errorf("of short lists: %+v", *few)
	}
	both := New(3)
	both.Merge(r)
	both.Merge(few)
	if both.Queries() != 14 || both.First != r.First+few.First || both.Missing != 1 || both.Short != 3 || both.Self != 2 ||
		both.Unknown != 9 || both.Hits[2] != r.Hits[2]+few.Hits[2] {
		t.Errorf("merged: %+v", both)
	}
	// Of the first three queries one has no neighbour within 1, one has one and one has two.
	lack := New(3)
	within := &neighbors.Neighbors{Offsets: []int64{0, 0, 1, 3}, Positions: []int32{2, 1, 3},
		Distances: []float64{1, 1, 1}}
	add(lack, within, func(i int) ([]int64, int64, bool) {
		return [][]int64{{1, 2}, {2, 0, 3}, {4, 6, 1}}[i], int64(i), true
	})
	if lack.Queries() != 2 || lack.Alone != 1 || lack.Mean() != 0.75 || lack.Quantile(0.5) != 0.5 || lack.Short != 0 ||
		lack.First != 2 || !slices.Equal(lack.ByHits(), []int64{0, 2, 0, 0}) {
		t.Errorf("with fewer neighbours: %+v", lack)
	}
	lack.Merge(lack)
	lack.Merge(r)
	if got, want := lack.Mean(), (3+14.0/3)/11; lack.Queries() != 11 || lack.Alone != 2 || math.Abs(got-want) > 1e-15 {
		t.Errorf("merged: %v, want %v: %+v", got, want, lack)
	}
	none := New(3)
	if low, high := none.Interval(); low != 0 || high != 1 || none.Mean() != 0 {
		t.Errorf("of no queries: %v from %v to %v", none.Mean(), low, high)
	}
	none.Hits[2], none.Hits[3] = 4, 1
	if got := none.Quantile(0); got != 2.0/3 {
		t.Errorf("the least recall is %v", got)
	}
}

// The interval holds the true recall of random queries in about 95 of 100 trials.
func TestInterval(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	held := 0
	for range 400 {
		r, p := New(10), 0.0
		for range 200 {
			hits, easy := 0, rng.Float64()
			for range 10 {
				if rng.Float64() < easy*easy {
					hits++
				}
			}
			r.Hits[hits]++
		}
		p = 1.0 / 3
		if low, high := r.Interval(); low <= p && p <= high {
			held++
		}
	}
	if !(math.Abs(float64(held)-380) <= 16) {
		t.Errorf("%d of 400 intervals hold the recall", held)
	}
}

// Where a query may have two points of a group, those of a full group are judged by the farthest of the group that it
// has, and others by the farthest of all; no more than two of a group count, nor does one that the query may not have.
func TestRecallOfGroups(t *testing.T) {
	t.Parallel()
	// Points 0 to 5 at 1, 2, 3, 3, 4 and 5; the first four of one group, the others of none and of another.
	groups, at := []int32{0, 0, 0, 0, -1, 1}, []float64{1, 2, 3, 3, 4, 5}
	exact := &neighbors.Neighbors{Offsets: []int64{0, 4}, Positions: []int32{0, 1, 4, 5}, Distances: []float64{1, 2, 4, 5}}
	for _, c := range []struct {
		list                 []int64
		number               int
		hits, first, crowded int64
	}{
		{[]int64{0, 1, 4, 5}, 2, 4, 1, 0},
		{[]int64{0, 2, 4, 5}, 2, 3, 1, 0}, // 2 is not as near as 1, with which its group is full
		{[]int64{0, 1, 2, 4}, 2, 3, 1, 1},
		{[]int64{5, 4, 1, 0}, 2, 4, 0, 0},
		{[]int64{6, 0, 1, 4}, 2, 3, 0, 0}, // nobody may have 6, which is of the group
		{[]int64{0, 1, 2, 3}, 3, 3, 1, 1}, // whose third would be as near as the farthest
	} {
		r := New(4)
		lists := Lists{
			Of:  func(int) ([]int64, bool) { return c.list, true },
			Own: func(int) int64 { return -1 },
			Distance: func(_ int, n int64) (float64, error) {
				if n == 6 {
					return math.Inf(1), nil
				}
				return at[n], nil
			},
			Most: &neighbors.Most{Groups: append(slices.Clone(groups), 0), Number: c.number},
		}
		if err := r.Add(exact, func(p int32) int64 { return int64(p) }, lists); err != nil {
			t.Fatal(err)
		}
		if r.Hits[c.hits] != 1 || r.First != c.first || r.Crowded != c.crowded {
			t.Errorf("%v, at most %d: %+v, want %d hits", c.list, c.number, *r, c.hits)
		}
		both := New(4)
		if both.Merge(r); both.Crowded != c.crowded {
			t.Errorf("merged: %+v", *both)
		}
	}
}
