package recommend

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/triples"
	"beamlearn/model/vectors"
)

// reference is what testdata/recommend.py has computed of some rows.
type reference struct {
	Name         string
	Users, Items int
	Rows         [][3]float64
	Fits         []struct {
		Similarity   Similarity
		Weighting    Weighting
		Shrinkage    float64
		K            int
		Similarities [][]float64
		Scores       [][]float64
	}
}

func references(t *testing.T) []reference {
	t.Helper()
	b, err := os.ReadFile("../../testdata/recommend.reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []reference
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// row is a row of the input.
type row struct {
	user, item  vectors.ID
	value, time float64
}

// gather puts rows together, so many in a part, with names for every second part.
func gather(t testing.TB, rows []row, size int, timed bool, d triples.Duplicates) *Interactions {
	t.Helper()
	var parts []triples.Part
	names := [2][2]*triples.Names{{{}, {}}, {{}, {}}}
	for lo := 0; lo < len(rows); lo += size {
		n := names[len(parts)%2]
		p := triples.Part{Rows: n[0], Columns: n[1]}
		for _, r := range rows[lo:min(lo+size, len(rows))] {
			p.Row, p.Column, p.Value = append(p.Row, p.Rows.Of(r.user)),
				append(p.Column, p.Columns.OfText([]byte(r.item.String()))), append(p.Value, r.value)
			if timed {
				p.Time = append(p.Time, r.time)
			}
		}
		parts = append(parts, p)
	}
	x, err := New(parts, d, 2)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func number(i float64) vectors.ID { return vectors.ID{Int: int64(i)} }

// Neighbours and scores are those of the definitions: of implicit, where it has them.
func TestReferences(t *testing.T) {
	t.Parallel()
	for _, ref := range references(t) {
		var rows []row
		for _, r := range ref.Rows {
			rows = append(rows, row{number(r[0]), number(r[1]), r[2], 0})
		}
		x := gather(t, rows, 7, false, triples.Sum)
		place := map[int64]int{} // of an item: one that nobody had is not there
		for i := range x.Items.Len() {
			place[x.Items.At(i).Int] = i
		}
		for _, fit := range ref.Fits {
			name := fmt.Sprint(ref.Name, fit.Similarity, fit.Weighting, fit.Shrinkage)
			m, err := Fit(t.Context(), x, Options{Similarity: fit.Similarity, Weighting: fit.Weighting, K: fit.K,
				Shrinkage: fit.Shrinkage}, 2)
			if err != nil {
				t.Fatal(name, err)
			}
			for i := range x.Items.Len() {
				checkNeighbors(t, name, m, i, fit.K, fit.Similarities[x.Items.At(i).Int])
			}
			if fit.Scores == nil {
				continue
			}
			s := NewScorer(m, fit.K)
			for u := range x.Users.Len() {
				items, values := x.Of(u)
				got := map[int64]float64{}
				for _, r := range s.Recommend(items, values, ref.Items, false) {
					got[x.Items.At(int(r.Item)).Int] = r.Score
				}
				for i, want := range fit.Scores[x.Users.At(u).Int] {
					if !(math.Abs(got[int64(i)]-want) <= 1e-12*math.Max(1, want)) {
						t.Errorf("%s: the score of item %d for user %d is %g, expected %g", name, i, u, got[int64(i)], want)
					}
				}
			}
		}
	}
}

// checkNeighbors compares the neighbours of item i with its similarities to all.
func checkNeighbors(t *testing.T, name string, m *Model, i, k int, want []float64) {
	t.Helper()
	const slack = 1e-12
	neighbors, similarities := m.Of(i, k)
	left := slices.Clone(want)
	for n, j := range neighbors {
		id := m.Items.At(int(j)).Int
		if !(math.Abs(similarities[n]-want[id]) <= slack*want[id]) || int(j) == i {
			t.Errorf("%s: items %d and %d have the similarity %g, expected %g", name, i, j, similarities[n], want[id])
		}
		if n > 0 && better(scored{similarities[n-1], neighbors[n-1]}, scored{similarities[n], j}) >= 0 {
			t.Errorf("%s: the neighbours of item %d are not in their order: %v %v", name, i, neighbors, similarities)
		}
		left[id] = 0
	}
	most := slices.Max(left)
	if len(neighbors) < k && most > 0 || len(neighbors) == k && most > similarities[k-1]*(1+slack) {
		t.Errorf("%s: item %d lacks a neighbour of similarity %g: %v", name, i, most, similarities)
	}
}

// The bits do not depend on parts, threads, or the order of rows of other users and items.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []row
	for range 3000 {
		item := vectors.ParseID(fmt.Sprintf("%d", int(math.Pow(40, rng.Float64()))))
		if item.Int%3 == 0 {
			item = vectors.ParseID(fmt.Sprintf("film %d", item.Int))
		}
		rows = append(rows, row{vectors.ParseID(fmt.Sprintf("u%d", rng.IntN(150))), item, rng.Float64(),
			float64(rng.IntN(9))})
	}
	x := gather(t, rows, len(rows), true, triples.Last)
	for _, size := range []int{1, 64, 999} {
		if y := gather(t, rows, size, true, triples.Last); !reflect.DeepEqual(x, y) {
			t.Errorf("parts of %d rows make a difference", size)
		}
	}
	once := map[[2]vectors.ID]bool{}
	rows = slices.DeleteFunc(rows, func(r row) bool {
		pair := [2]vectors.ID{r.user, r.item}
		had := once[pair]
		once[pair] = true
		return had
	})
	x = gather(t, rows, 100, false, triples.Sum)
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if y := gather(t, rows, 100, false, triples.Mean); !reflect.DeepEqual(x, y) {
		t.Error("the order of rows makes a difference")
	}
	for i := 1; i < x.Items.Len(); i++ {
		if triples.Compare(x.Items.At(i-1), x.Items.At(i)) >= 0 {
			t.Errorf("item %v stands before %v", x.Items.At(i-1), x.Items.At(i))
		}
	}
	for _, o := range []Options{{K: 3}, {K: 60, Weighting: BM25, Shrinkage: 3}, {K: 5, Similarity: AdjustedCosine},
		{K: 5, Similarity: Jaccard, Shrinkage: 1}} {
		var want *Model
		for _, threads := range []int{1, 2, 5} {
			got, err := Fit(t.Context(), x, o, threads)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: %d threads make a difference", o, threads)
			}
		}
		// Several shrinkages at once are one after the other.
		all, err := fitAll(t.Context(), x, o, []float64{7, o.Shrinkage, 0}, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range all[1].Neighbor {
			if n != want.Neighbor[i] || !(math.Abs(all[1].Similarity[i]-want.Similarity[i]) <= 1e-15) {
				t.Fatalf("%+v: several shrinkages at once make a difference", o)
			}
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	rows := []row{{number(1), number(5), 2, 30}, {number(2), number(5), 1, 1}, {number(1), number(5), 4, 10},
		{number(1), number(4), 8, 20}, {number(1), number(5), 9, 30}}
	for _, c := range []struct {
		d     triples.Duplicates
		timed bool
		want  float64
	}{{triples.Sum, false, 15}, {triples.Mean, false, 5}, {triples.Last, false, 9}, {triples.Last, true, 9},
		{triples.Sum, true, 15}} {
		x := gather(t, rows, 2, c.timed, c.d)
		items, values := x.Of(0)
		if !slices.Equal(items, []uint32{0, 1}) || !slices.Equal(values, []float64{8, c.want}) || x.Merged != 2 ||
			c.timed && x.Time[1] != 30 {
			t.Errorf("%s, times %v: %v %v, times %v, %d merged", c.d, c.timed, items, values, x.Time, x.Merged)
		}
	}
	rows[4].time = 5
	if _, values := gather(t, rows, 2, true, triples.Last).Of(0); values[1] != 2 {
		t.Errorf("the latest of several has the value %g", values[1])
	}
}

// Items that only users with one rating for all had are like nothing, whatever sums are rounded to.
func TestCentred(t *testing.T) {
	t.Parallel()
	var rows []row
	for u := range 9 {
		for i := range 3 {
			rows = append(rows, row{number(float64(u)), number(float64(i)), 0.1 * float64(u%4), 0})
		}
	}
	m, err := Fit(t.Context(), gather(t, rows, 5, false, triples.Sum), Options{Similarity: AdjustedCosine, K: 2}, 1)
	if err != nil || len(m.Neighbor) > 0 {
		t.Errorf("neighbours %v %v, %v", m.Neighbor, m.Similarity, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	negative := gather(t, []row{{number(1), number(1), -1, 0}}, 1, false, triples.Sum)
	huge := gather(t, []row{{number(1), number(1), 1e200, 0}, {number(1), number(2), 1, 0}}, 1, false, triples.Sum)
	tiny := gather(t, []row{{number(1), number(1), 1, 0}, {number(1), number(2), 1e-200, 0}}, 1, false, triples.Sum)
	for _, c := range []struct {
		x    *Interactions
		o    Options
		want string
	}{
		{negative, Options{K: 1, Weighting: TFIDF}, "at least 0"},
		{negative, Options{}, "k 0"},
		{negative, Options{K: 1, Weighting: BM25, Similarity: Jaccard}, "no weighting"},
		{negative, Options{K: 1, Shrinkage: math.NaN()}, "shrinkage NaN"},
		{negative, Options{K: 1, Similarity: "x"}, `similarity "x"`},
		{huge, Options{K: 1}, "item 1 add up beyond float64"},
		{tiny, Options{K: 1}, "item 2 are too small for float64"},
	} {
		if _, err := Fit(t.Context(), c.x, c.o, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, expected %s", c.o, err, c.want)
		}
	}
	alike := gather(t, []row{{number(1), number(1), 1e-200, 0}, {number(1), number(2), 1e-200, 0}}, 1, false, triples.Sum)
	if m, err := Fit(t.Context(), alike, Options{K: 1}, 1); err != nil ||
		!reflect.DeepEqual(m.Similarity, []float64{1, 1}) {
		t.Errorf("values that are all the same, however small: %+v, %v", m, err)
	}
	if _, err := New(nil, triples.Sum, 1); err == nil {
		t.Error("interactions of nothing")
	}
}

// What a user had is left out, and reasons are the parts of a score.
func TestReasons(t *testing.T) {
	t.Parallel()
	for _, ref := range references(t) {
		var rows []row
		for _, r := range ref.Rows {
			rows = append(rows, row{number(r[0]), number(r[1]), r[2], 0})
		}
		x := gather(t, rows, 50, false, triples.Sum)
		m, err := Fit(t.Context(), x, Options{K: 6}, 1)
		if err != nil {
			t.Fatal(err)
		}
		s, some := NewScorer(m, 6), 0
		for u := range x.Users.Len() {
			items, values := x.Of(u)
			all := slices.Clone(s.Recommend(items, values, x.Items.Len(), false))
			all = slices.DeleteFunc(all, func(r Recommendation) bool { return slices.Contains(items, r.Item) })
			got := slices.Clone(s.Recommend(items, values, 3, true))
			if want := all[:min(3, len(all))]; !slices.Equal(got, want) {
				t.Errorf("user %d gets %v, expected %v", u, got, want)
			}
			for _, r := range got {
				sum := 0.0
				for _, why := range s.Reasons(items, values, r.Item, len(items)) {
					sum += why.Share
				}
				if some++; !(math.Abs(sum-r.Score) <= 1e-12*r.Score) {
					t.Errorf("reasons add up to %g of %g", sum, r.Score)
				}
			}
		}
		if some == 0 {
			t.Error("no recommendation")
		}
	}
}
