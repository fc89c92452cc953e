package groups

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
)

// randomPairs is a symmetric graph of n rows, of which some are no rows of the answers, in answers of consecutive rows.
func randomPairs(rng *rand.Rand, n int) (all []*neighbors.Answers, pairs [][2]int64) {
	near := map[[2]int64]float64{}
	for range rng.IntN(2 * n) {
		a, b := int64(rng.IntN(n)), int64(rng.IntN(n))
		if a != b && a%7 != 0 && b%7 != 0 {
			d := float64(rng.IntN(8)) / 8
			near[[2]int64{a, b}], near[[2]int64{b, a}] = d, d
			pairs = append(pairs, [2]int64{a, b})
		}
	}
	some := &neighbors.Answers{Offsets: []int64{0}}
	for row := range int64(n) {
		if row%7 != 0 {
			some.Numbers = append(some.Numbers, row)
			for other := range int64(n) {
				if d, ok := near[[2]int64{row, other}]; ok {
					some.Neighbors, some.Distances = append(some.Neighbors, other), append(some.Distances, d)
				}
			}
			some.Offsets = append(some.Offsets, int64(len(some.Neighbors)))
		}
		if rng.IntN(5) == 0 || row == int64(n)-1 {
			all, some = append(all, some), &neighbors.Answers{Offsets: []int64{0}}
		}
	}
	return all, pairs
}

// slow are the first rows of the groups, by the definition.
func slow(n int, pairs [][2]int64) []int64 {
	first := make([]int64, n)
	for i := range first {
		first[i] = int64(i)
	}
	for changed := true; changed; {
		changed = false
		for _, p := range pairs {
			if a, b := first[p[0]], first[p[1]]; a != b {
				first[p[0]], first[p[1]], changed = min(a, b), min(a, b), true
			}
		}
	}
	return first
}

// However the edges are cut into forests, and in whatever order these come, the groups are those of the definition.
func TestComponents(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(80)
		all, pairs := randomPairs(rng, n)
		c, err := New(int64(n))
		if err != nil {
			t.Fatal(err)
		}
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, a := range all {
			f := Forest(a)
			if len(f.Numbers) != len(a.Numbers) || len(f.Neighbors) > n {
				t.Fatalf("a forest of %d rows and %d edges of %d rows", len(f.Numbers), len(f.Neighbors), len(a.Numbers))
			}
			if err := c.Add(f); err != nil {
				t.Fatal(err)
			}
		}
		for row, want := range slow(n, pairs) {
			if got := c.First(int64(row)); got != want {
				t.Fatalf("seed %d: row %d is in group %d, expected %d", seed, row, got, want)
			}
		}
	}
}

// Rows far from each other take no more memory than there are of them.
func TestForestOfFarRows(t *testing.T) {
	t.Parallel()
	a := &neighbors.Answers{
		Numbers: []int64{5, 1 << 30}, Offsets: []int64{0, 1, 4}, Neighbors: []int64{3, 5, 3, 7},
		Distances: []float64{1, 2, 3, 4},
	}
	if s := newSeen(a); s.places == nil {
		t.Error("an array of 2³⁰ places")
	}
	if f := Forest(a); fmt.Sprint(f.Numbers, f.Offsets, f.Neighbors,
		f.Distances) != "[5 1073741824] [0 1 3] [3 5 7] [1 2 4]" {
		t.Errorf("the forest %+v", f)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	// Rows 0, 2 and 5 are a group, and so are 1 and 3; 4 was left out.
	rows := []int64{0, 1, 2, 3, 5}
	prices := map[int64]float64{0: 3, 1: 1, 2: 5, 3: 1, 5: 5}
	for _, c := range []struct {
		keep string
		want []int64
	}{
		{"first", []int64{0, 1}},
		{"last", []int64{3, 5}},
		{"price:max", []int64{1, 2}}, // the earlier of those that tie
		{"price:min", []int64{0, 1}},
		{"center", []int64{1, 5}},
	} {
		k, err := ParseKeep(c.keep)
		if err != nil {
			t.Fatal(err)
		}
		components, err := New(6)
		if err != nil {
			t.Fatal(err)
		}
		components.Join(5, 2)
		components.Join(5, 0)
		components.Join(3, 1)
		m := NewMembers(components, k)
		for _, row := range rows {
			m.Count(row)
		}
		for _, row := range []int64{5, 3, 2, 1, 0} {
			if !k.Scored() {
				continue
			}
			score := k.ColumnScore(prices[row])
			if k.Rule == Center {
				score = CenterScore(map[int64][]float64{0: {1, 2}, 1: {1}, 2: {2}, 3: {1}, 5: {2, 0.5}}[row])
			}
			if err := m.Score(row, score); err != nil {
				t.Fatal(err)
			}
		}
		var kept []int64
		for _, row := range rows {
			if _, _, ok := m.Of(row); ok {
				kept = append(kept, row)
			}
		}
		if !slices.Equal(kept, c.want) {
			t.Errorf("%s keeps %v, expected %v", c.keep, kept, c.want)
		}
		s, err := m.Summary()
		if err != nil || s != (Summary{Groups: 2, Several: 2, Rows: 5, Largest: 3}) {
			t.Errorf("%+v, %v", s, err)
		}
	}
	for _, s := range []string{"", "best", ":max", "price", "price:most"} {
		if k, err := ParseKeep(s); err == nil {
			t.Errorf("%q is %+v", s, k)
		}
	}
	if k, err := ParseKeep("a:b:min"); err != nil || k != (Keep{Min, "a:b"}) {
		t.Errorf("a:b:min is %+v, %v", k, err)
	}
}

// What cannot be is refused: more rows than an int32 numbers, edges beyond them, groups without scores.
func TestRefused(t *testing.T) {
	t.Parallel()
	if _, err := New(MaxRows + 1); err == nil {
		t.Error("2³¹ rows")
	}
	c, err := New(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(&neighbors.Answers{Numbers: []int64{1}, Offsets: []int64{0, 1}, Neighbors: []int64{2},
		Distances: []float64{0}}); err == nil {
		t.Error("an edge to row 2 of 2")
	}
	m := NewMembers(c, Keep{Rule: Center})
	m.Count(0)
	if _, err := m.Summary(); err == nil {
		t.Error("a group without a score")
	}
	if err := m.Score(2, [2]float64{}); err == nil {
		t.Error("the score of row 2 of 2")
	}
}

// What there would be within lesser radii is what union–find makes of the pairs within them, however the rows are cut
// into the answers of several workers.
func TestLevels(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 1))
	for range 100 {
		n := 2 + rng.IntN(60)
		all, pairs := randomPairs(rng, n)
		o := &Overview{}
		levels := NewLevels(int64(n))
		rows := int64(0)
		distances := map[[2]int64]float64{}
		for _, a := range all {
			part := &Overview{}
			part.CountPairs(a, 1)
			o.Merge(part)
			if err := levels.Add(MinimumForest(a)); err != nil {
				t.Fatal(err)
			}
			rows += int64(a.Len())
			for i, row := range a.Numbers {
				for e := a.Offsets[i]; e < a.Offsets[i+1]; e++ {
					distances[[2]int64{row, a.Neighbors[e]}] = a.Distances[e]
				}
			}
		}
		got, err := levels.Within(1, rows)
		if err != nil || len(got) != Steps+1 {
			t.Fatal(len(got), err)
		}
		for i, l := range got {
			within := float64(i) / Steps
			c, err := New(int64(n))
			if err != nil {
				t.Fatal(err)
			}
			joins := int64(0)
			for _, p := range pairs {
				if distances[p] <= within && c.Join(p[0], p[1]) {
					joins++
				}
			}
			sizes, largest := map[int64]int64{}, int64(0)
			for _, a := range all {
				for _, row := range a.Numbers {
					sizes[c.First(row)]++
					largest = max(largest, sizes[c.First(row)])
				}
			}
			if l.Radius != within || l.Groups != rows-joins || l.Largest != largest {
				t.Fatalf("within %v: %+v, want %d groups and %d rows of the largest", within, l, rows-joins, largest)
			}
		}
		counted, want := int64(0), make([]int64, Steps)
		for p, d := range distances {
			if p[1] < p[0] {
				want[min(int(d*Steps), Steps-1)]++
				counted++
			}
		}
		if counted > 0 && !slices.Equal(o.Pairs, want) {
			t.Fatalf("pairs %v, want %v", o.Pairs, want)
		}
	}
}

// The largest groups are named, with the row that stays and some others, and groups are counted by their sizes.
func TestDescribe(t *testing.T) {
	t.Parallel()
	c, err := New(100)
	if err != nil {
		t.Fatal(err)
	}
	for row := int64(1); row < 40; row++ {
		c.Join(0, row)
	}
	for first := int64(40); first < 70; first += 2 {
		c.Join(first, first+1)
	}
	m := NewMembers(c, Keep{Rule: Last})
	for row := range int64(100) {
		m.Count(row)
	}
	o := &Overview{Levels: []Level{{0, 100, 1}, {1, 46, 40}}, Pairs: []int64{40}, Radius: 1}
	m.Describe(o)
	if want := []int64{30, 15, 0, 0, 0, 0, 0, 1, 0, 0}; !slices.Equal(o.Sizes, want) {
		t.Errorf("sizes %v, want %v", o.Sizes, want)
	}
	if n := len(o.Largest); n != examples || o.Largest[0].First != 0 || o.Largest[0].Size != 40 ||
		o.Largest[1].First != 40 || o.Largest[n-1].First != 60 {
		t.Errorf("the largest: %+v", o.Largest)
	}
	for row := range int64(100) {
		first, _, kept := m.Of(row)
		for i := range o.Largest {
			if o.Largest[i].First == first {
				o.Largest[i].Name(fmt.Sprintf("<row %d>", row), kept)
			}
		}
	}
	if e := o.Largest[0]; e.Kept != "<row 39>" || len(e.Others) != exampleOther || e.Others[8] != "<row 8>" {
		t.Errorf("%+v", e)
	}
	s, err := m.Summary()
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.Page(s, &View{Source: "x.csv", Metric: "cosine", Texts: func(id string) string { return "text of " + id }})
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := p.Write(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Groups of x.csv", "54 (54.00 %)", "&lt;row 39&gt;: text of &lt;row 39&gt;",
		"and 30 more"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q on the page", want)
		}
	}
}

// What one worker found of pairs and another of groups is all there, whichever comes first; sizes are counted up to and
// with those that their names tell; and of no rows there are no groups.
func TestMergeOverviews(t *testing.T) {
	t.Parallel()
	pairs := Overview{Radius: 2, Pairs: []int64{1, 2}}
	found := Overview{Levels: []Level{{Radius: 2, Groups: 1, Largest: 3}}, Sizes: []int64{7},
		Largest: []Example{{Size: 3}}}
	want := Overview{Radius: 2, Pairs: pairs.Pairs, Levels: found.Levels, Sizes: found.Sizes, Largest: found.Largest}
	for _, order := range [][2]Overview{{pairs, found}, {found, pairs}} {
		o := Overview{}
		o.Merge(&order[0])
		o.Merge(&order[1])
		if !reflect.DeepEqual(o, want) {
			t.Errorf("got %+v, want %+v", o, want)
		}
	}
	sizes := []int{1, 2, 3, 4, 5, 6, 10, 11, 30, 31, 100, 101, 1000, 1001}
	rows := 0
	for _, n := range sizes {
		rows += n
	}
	c, err := New(int64(rows))
	if err != nil {
		t.Fatal(err)
	}
	first := int64(0)
	for _, n := range sizes {
		for row := first + 1; row < first+int64(n); row++ {
			c.Join(first, row)
		}
		first += int64(n)
	}
	m := NewMembers(c, Keep{Rule: Last})
	for row := range int64(rows) {
		m.Count(row)
	}
	o := &Overview{}
	m.Describe(o)
	if want := []int64{1, 1, 1, 1, 1, 2, 2, 2, 2, 1}; !slices.Equal(o.Sizes, want) {
		t.Errorf("sizes %v, want %v", o.Sizes, want)
	}
	levels, err := NewLevels(0).Within(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range levels {
		if l.Groups != 0 || l.Largest != 0 {
			t.Fatalf("of no rows: %+v", l)
		}
	}
}
