package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

// The best of the parts of the points, each searched with the bounds that those before it have left, are the best of
// all: for queries of their own, and for the points themselves, whose own row is in one of the parts.
func TestParts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics, rows and searches")
	}
	r := rand.New(rand.NewPCG(7, 1))
	rows := gaussianRows(r, 400, 6)
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = math.Round(2 * rows[i][j]) // many ties, and zero vectors
		}
	}
	for i := range 40 {
		rows[10*i+3] = rows[3] // more equal points than there are neighbours
	}
	rows[77] = make([]float64, 6)
	cuts := []int{0, 150, 153, 154, 400}
	for turn, o := range []Options{{}, {Metric: Cosine}, {Metric: InnerProduct}, {Metric: Manhattan}, {Metric: Chebyshev},
		{Metric: Minkowski, P: 1.5}, {Metric: Hamming}} {
		whole := rowsBlock(rows, vectors.Auto)
		part := func(lo, hi int) *vectors.Block {
			b := &vectors.Block{Dim: 6}
			for i, row := range rows[lo:hi] {
				b.Append(row, int64(lo+i))
			}
			return b
		}
		for engine, x := range fitted(t, whole, o) {
			for i, k := range []int{1, 5, 20} {
				if brief() && (i+turn)%3 > 0 {
					continue
				}
				for _, self := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/%s/%d/%v", o.Metric, engine, k, self), func(t *testing.T) {
						q := part(60, 260)
						want := kNeighbors(t, x, q, k, Search{Self: self})
						got := make([][]candidate, q.Len())
						bounds := make([]float64, q.Len())
						for i := range bounds {
							bounds[i] = math.Inf(1)
						}
						for c := range cuts[1:] {
							y := fitted(t, part(cuts[c], cuts[c+1]), o)[engine]
							found := kNeighbors(t, y, q, k, Search{Self: self, Part: true, Bounds: bounds})
							for i := range q.Len() {
								positions, distances := found.Of(i)
								for j, p := range positions {
									got[i] = append(got[i], candidate{distance: distances[j], position: int32(y.Number(p))})
								}
								got[i] = best(got[i], k)
								if len(got[i]) == k {
									// What comes later must be nearer.
									bounds[i] = math.Nextafter(got[i][k-1].distance, math.Inf(-1))
								}
							}
						}
						for i := range q.Len() {
							positions, distances := want.Of(i)
							if len(got[i]) != k {
								t.Fatalf("query %d: %d neighbours", i, len(got[i]))
							}
							for j, p := range positions {
								if got[i][j].position != p || got[i][j].distance != distances[j] {
									t.Fatalf("query %d, rank %d: %d at %v, want %d at %v", i, j, got[i][j].position, got[i][j].distance, p,
										distances[j])
								}
							}
						}
					})
				}
			}
		}
	}
}

// best are the k first of candidates.
func best(all []candidate, k int) []candidate {
	for i, e := range all {
		for ; i > 0 && e.before(all[i-1]); i-- {
			all[i] = all[i-1]
		}
		all[i] = e
	}
	return all[:min(k, len(all))]
}

// In a part there may be fewer neighbours than k, and a bound that nothing is within leaves none.
func TestPartOfFew(t *testing.T) {
	b := rowsBlock([][]float64{{1, 2}, {3, 4}, {5, 7}}, vectors.Auto)
	q := rowsBlock([][]float64{{1, 2}, {0, 0}}, vectors.Auto)
	q.Numbers[1] = 9 // of another part
	for engine, x := range fitted(t, b, Options{}) {
		n := kNeighbors(t, x, q, 20, Search{Self: true, Part: true})
		if fmt.Sprint(n.Offsets, n.Positions) != "[0 2 5] [1 2 0 1 2]" {
			t.Errorf("%s: %v %v", engine, n.Offsets, n.Positions)
		}
		n = kNeighbors(t, x, q, 2, Search{Part: true, Bounds: []float64{math.Inf(-1), 2}})
		if kept := n.Offsets[2]; kept > 2 || n.Offsets[1] > 1 {
			t.Errorf("%s: %v at %v", engine, n.Positions, n.Distances)
		}
		if _, err := x.KNeighbors(q, 20, Search{}); err == nil {
			t.Errorf("%s: 20 of 3 points that are all", engine)
		}
		if _, err := x.KNeighbors(q, 2, Search{Bounds: []float64{1, 1}}); err == nil {
			t.Errorf("%s: bounds of no part", engine)
		}
	}
}

// A block of queries that was used before, for rows that need a float64, has nothing left of them.
func TestBlockUsedAgain(t *testing.T) {
	b := rowsBlock(gaussianRows(rand.New(rand.NewPCG(7, 2)), 200, 9), vectors.Float32)
	fresh := &vectors.Block{Dim: 9}
	used := &vectors.Block{Dim: 9}
	used.Append([]float64{0.1, 1, 2, 3, 4, 5, 6, 7, 8}, 0)
	used.Reset()
	for i := range 20 {
		row := []float64{float64(i), 0, 1, 0, 2, 0, 3, 0, 4}
		fresh.Append(row, int64(i))
		used.Append(row, int64(i))
	}
	for engine, x := range fitted(t, b, Options{}) {
		t.Run(engine, func(t *testing.T) {
			same(t, kNeighbors(t, x, used, 5, Search{}), kNeighbors(t, x, fresh, 5, Search{}))
			same(t, kNeighbors(t, x, used, 20, Search{}), kNeighbors(t, x, fresh, 20, Search{}))
		})
	}
}

// The bound of a query that has k neighbours leaves out those as far as the last, whose row numbers are greater; of
// another it is none.
func TestHitsBounds(t *testing.T) {
	t.Parallel()
	h := &Hits{Offsets: []int64{0, 2, 3, 3}, Distances: []float64{1, 3, 2}, Numbers: []int64{5, 6, 7}}
	inf := math.Inf(1)
	if got := h.Bounds(2); !slices.Equal(got, []float64{math.Nextafter(3, 0), inf, inf}) {
		t.Errorf("bounds %v", got)
	}
}

// Consecutive chunks make shards that are as large as they may be.
func TestCutShards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows []int64
		most int64
		want []int
	}{
		{nil, 10, nil},
		{[]int64{3}, 10, []int{1}},
		{[]int64{5, 5, 1}, 10, []int{2, 3}},
		{[]int64{5, 6, 4, 1}, 10, []int{1, 3, 4}},
		{[]int64{30, 1, 9, 30}, 10, []int{1, 3, 4}},
		{[]int64{0, 0, 10, 0, 1}, 10, []int{4, 5}},
	} {
		if got := CutShards(c.rows, c.most); !slices.Equal(got, c.want) {
			t.Errorf("%v of at most %d rows end at %v, want %v", c.rows, c.most, got, c.want)
		}
	}
}

// A shard takes what fits, and only values of one type.
func TestShardBuffer(t *testing.T) {
	t.Parallel()
	rows := func(first, n int, v float64) *vectors.Block {
		b := &vectors.Block{Dim: 1}
		for i := range n {
			b.Append([]float64{v}, int64(first+i))
		}
		return b
	}
	for name, c := range map[string]struct {
		held, next *vectors.Block
		want       int
	}{
		"the first, too large": {nil, rows(0, 20, 1), 20},
		"full":                 {rows(0, 4, 1), rows(4, 6, 1), 6},
		"one more":             {rows(0, 4, 1), rows(4, 7, 1), 0},
		"wide, full":           {rows(0, 2, 0.1), rows(2, 3, 0.1), 3},
		"wide, one more":       {rows(0, 2, 0.1), rows(2, 4, 0.1), 0},
		"wide after narrow":    {rows(0, 2, 1), rows(2, 1, 0.1), 0},
		"narrow after wide":    {rows(0, 2, 0.1), rows(2, 1, 1), 0},
	} {
		s := ShardBuffer{MaxRows: 10, MaxWideRows: 5, Points: &vectors.Block{Dim: 1}}
		if c.held != nil {
			s.Add(c.held, 30)
		}
		if got := s.Fits(c.next); got != c.want {
			t.Errorf("%s: %d rows fit", name, got)
		}
		if s.Fits(c.next) > 0 {
			held := s.Points.Len()
			s.Add(c.next, 30)
			if s.Points.Len() != held+c.next.Len() || s.Points.Wide() != c.next.Wide() {
				t.Errorf("%s: %d rows, wide %v", name, s.Points.Len(), s.Points.Wide())
			}
		}
	}
	if n := ShardQueryRows(1<<20, 800, 10); n != (1<<17)/(800+960) {
		t.Errorf("%d queries at a time", n)
	}
	if few, many := ShardQueryRows(1, 800, 10), ShardQueryRows(1<<50, 800, 0); few != 64 || many != 1<<16 {
		t.Errorf("%d to %d queries at a time", few, many)
	}
}

// A shard of sparse points ends before the row that does not fit any more, whatever the blocks in which rows come.
func TestSparseShardBuffer(t *testing.T) {
	t.Parallel()
	const dim = 1 << 20
	rows := &vectors.Block{Dim: dim, Sparse: &vectors.CSR{}}
	for i := range 100 {
		columns, values := make([]int32, i%7), make([]float64, i%7)
		for j := range columns {
			columns[j], values[j] = int32(i+1000*j), 1
		}
		rows.AppendSparse(columns, values, int64(i))
	}
	for _, fits := range []int{30, 35} { // before a row with entries, and before one without
		sparseShard(t, rows, fits)
	}
}

func sparseShard(t *testing.T, rows *vectors.Block, fits int) {
	t.Helper()
	dim := rows.Dim
	o, entries := Options{Metric: Cosine}, int64(rows.Slice(0, fits).Sparse.Entries())
	memory := SparseFootprint(int64(fits), entries, dim, o)
	if more := int64(rows.Slice(0, fits+1).Sparse.Entries()); SparseFootprint(int64(fits+1), more, dim, o) <= memory {
		t.Fatal("a row more takes no memory")
	}
	for _, block := range []int{1, 7, 100} {
		s := ShardBuffer{Memory: memory, Options: o, Points: &vectors.Block{Dim: dim, Sparse: &vectors.CSR{}}}
		for first := 0; first < 100; first += block {
			b := rows.Slice(first, min(first+block, 100))
			n := s.Fits(b)
			if n > 0 {
				s.Add(b.Slice(0, n), 100)
			}
			if n < b.Len() {
				break
			}
		}
		if s.Points.Len() != fits {
			t.Errorf("blocks of %d rows: %d rows in the shard, want %d", block, s.Points.Len(), fits)
		}
	}
	s := ShardBuffer{Memory: 1, Options: o, Points: &vectors.Block{Dim: dim, Sparse: &vectors.CSR{}}}
	if n := s.Fits(rows); n != 1 {
		t.Errorf("%d rows of an empty shard, want 1", n)
	}
	about := SparseShardRows(memory, float64(entries)/float64(fits), dim, o)
	if about < int64(fits-1) || about > int64(fits+1) || SparseShardRows(1, 1, dim, o) != 0 {
		t.Errorf("about %d rows in a shard that holds %d", about, fits)
	}
}

// Of as many entries in each row, the rows of a shard are those that fit, and no more.
func TestSparseShardRows(t *testing.T) {
	t.Parallel()
	o := Options{Metric: Cosine}
	const dim, entries, fits = 1 << 20, 4, 50
	memory := SparseFootprint(fits, fits*entries, dim, o)
	for more, want := range map[int64]int64{-1: fits - 1, 0: fits, 1: fits} {
		if got := SparseShardRows(memory+more, entries, dim, o); got != want {
			t.Errorf("%d rows with %d bytes more than %d take", got, more, fits)
		}
	}
}

// Of equally near rows, those of the parts before come first; of groups, no more than may be are kept, whichever part
// they are of; and the numbers of a part may begin at 0.
func TestMergeHits(t *testing.T) {
	t.Parallel()
	part := func(values ...float64) *Index {
		b := &vectors.Block{Dim: 1}
		for i, v := range values {
			b.Append([]float64{v}, int64(i))
		}
		x, err := Fit(b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	q := &vectors.Block{Dim: 1}
	q.Append([]float64{0}, 9)
	parts := []*Index{part(2, 1, 3), part(1, 2, 3), part(0)}
	for _, c := range []struct {
		k    int
		most *Most
		want string
	}{
		{0, nil, "[6 1 3 0 4 2 5] [0 1 1 2 2 3 3]"},
		{4, nil, "[6 1 3 0] [0 1 1 2]"},
		// With so many of a group, those that a later part has are left out of those before.
		{4, &Most{Groups: []int32{0, 0, 0, 0, 0, 1, 1}, Number: 2}, "[6 1 3 5] [0 1 1 3]"},
	} {
		h, first := NewHits(1), int64(0)
		for _, x := range parts {
			h = h.Merge(kNeighbors(t, x, q, x.Len(), Search{Part: true}), x, first, c.k, c.most)
			first += int64(x.Len())
		}
		if got := fmt.Sprint(h.Numbers, h.Distances); got != c.want {
			t.Errorf("%d nearest, of groups %+v: %s, want %s", c.k, c.most, got, c.want)
		}
	}
}
