package recommend

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/triples"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12) {
		t.Errorf("%s is %.15g, expected %.15g", what, got, want)
	}
}

// Numbers of pencil and paper.
func TestGains(t *testing.T) {
	t.Parallel()
	recall, precision, ndcg := gains([]uint32{7, 3, 9, 1}, []uint32{1, 3, 5}, 5)
	near(t, "recall", recall, 2.0/3)
	near(t, "precision", precision, 2.0/5)
	near(t, "NDCG", ndcg, (1/math.Log2(3)+1/math.Log2(5))/(1+1/math.Log2(3)+1/math.Log2(4)))
	if _, _, ndcg := gains([]uint32{2, 1}, []uint32{1, 2, 3}, 2); ndcg != 1 {
		t.Errorf("the NDCG of the best list is %g", ndcg)
	}
	e := estimate([]float64{0, 0.5, 1, 0.5})
	near(t, "mean", e.Mean, 0.5)
	near(t, "low", e.Low, 0.5-normal95*math.Sqrt(0.5/3/4))
	near(t, "high", e.High, 0.5+normal95*math.Sqrt(0.5/3/4))
}

// The jackknife of coverage is what leaving out each user in turn makes of it.
func TestCoverage(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 1))
	const users, items = 30, 50
	held := &Interactions{Offsets: make([]int64, users+1)}
	for i := range items {
		held.Items.Append(number(float64(i)))
	}
	lists := make([][]uint32, users)
	for u := range lists {
		held.Offsets[u+1] = int64(u + 1)
		for range rng.IntN(4) {
			lists[u] = append(lists[u], uint32(10*u%items+rng.IntN(10)))
		}
		slices.Sort(lists[u])
		lists[u] = slices.Compact(lists[u])
	}
	share := func(lists [][]uint32) float64 {
		seen := map[uint32]bool{}
		for _, l := range lists {
			for _, i := range l {
				seen[i] = true
			}
		}
		return float64(len(seen)) / items
	}
	var without []float64
	mean := 0.0
	for u := range lists {
		s := share(slices.Concat(lists[:u], lists[u+1:]))
		without = append(without, s)
		mean += s / users
	}
	variance := 0.0
	for _, s := range without {
		variance += (s - mean) * (s - mean) * (users - 1) / users
	}
	e := coverage(lists, held)
	near(t, "coverage", e.Mean, share(lists))
	near(t, "low", e.Low, share(lists)-normal95*math.Sqrt(variance))
}

func TestSplit(t *testing.T) {
	t.Parallel()
	var rows []row
	for u := range 50 {
		for i := range 1 + u%12 {
			rows = append(rows, row{number(float64(u)), number(float64(i * 7 % 12)), float64(i), float64(i)})
		}
	}
	x := gather(t, rows, 10, true, triples.Sum)
	for _, h := range []Holdout{{Part: 1}, {Part: 3, ByTime: true}, {Part: 0.25, Seed: 5}, {Part: 0.5, ByTime: true}} {
		known, held, err := Split(x, h)
		if err != nil {
			t.Fatal(err)
		}
		for u := range x.Users.Len() {
			all, _ := x.Of(u)
			a, _ := known.Of(u)
			b, values := held.Of(u)
			both := slices.Concat(a, b)
			slices.Sort(both)
			if !slices.Equal(both, all) || len(a) == 0 || len(b) != h.count(len(all)) {
				t.Errorf("%+v: user %d has %v and %v of %v", h, u, a, b, all)
			}
			for _, v := range values { // which are the times, too
				if h.ByTime && v < float64(len(all)-len(b)) {
					t.Errorf("%+v: of %d interactions of user %d, number %g is held out", h, len(all), u, v)
				}
			}
		}
	}
	if h := (Holdout{Part: 0.2}); h.count(1) != 0 || h.count(2) != 1 || h.count(12) != 2 {
		t.Errorf("%d of 1, %d of 2, %d of 12", h.count(1), h.count(2), h.count(12))
	}
	for _, part := range []float64{0, -1, 1.5, math.NaN(), math.Inf(1)} {
		if _, _, err := Split(x, Holdout{Part: part}); err == nil {
			t.Errorf("a part of %g is held out", part)
		}
	}
	x.Time = nil
	if _, _, err := Split(x, Holdout{Part: 1, ByTime: true}); err == nil {
		t.Error("the latest without times")
	}
}

// Users of two tastes: neighbours find what popularity does not; and several k and shrinkages at once are one by one.
func TestCompare(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 8))
	var rows []row
	for u := range 200 {
		for range 4 + rng.IntN(10) {
			rows = append(rows, row{number(float64(u)), number(float64(20*(u%2) + rng.IntN(20))), 1, 0})
		}
	}
	x := gather(t, rows, 100, false, triples.Last)
	c := Compared{Ks: []int{3, 30}, Shrinkages: []float64{0, 20}, Top: 10, Holdout: Holdout{Part: 2, Seed: 1}}
	all, err := Compare(t.Context(), x, c, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Recommender) != 5 || !all.Recommender[0].Popular || all.Known+all.Held != int64(x.Len()) {
		t.Fatalf("%+v", all)
	}
	best := &all.Recommender[all.Best]
	if base := all.Recommender[0]; best.NDCG.Low < base.NDCG.High || best.Recall.Mean < 1.5*base.Recall.Mean ||
		base.Coverage.Mean > best.Coverage.Mean {
		t.Errorf("%s: %+v; popular: %+v", best.Name(), best, base)
	}
	at := 1
	for _, s := range c.Shrinkages {
		for _, k := range c.Ks {
			one := c
			one.Ks, one.Shrinkages = []int{k}, []float64{s}
			alone, err := Compare(t.Context(), x, one, 5)
			if err != nil {
				t.Fatal(err)
			}
			if got := alone.Recommender[1]; !reflect.DeepEqual(got, all.Recommender[at]) || got.K != k || got.Shrinkage != s {
				t.Errorf("%s alone is %+v, among others %+v", got.Name(), got, all.Recommender[at])
			}
			at++
		}
	}
	users := int64(0)
	for _, g := range best.Groups {
		if users += g.Users; g.Users == 0 {
			t.Errorf("a group of no users: %+v", g)
		}
	}
	if users != best.Users || best.Users == 0 {
		t.Errorf("groups of %d users, of %d", users, best.Users)
	}
}
