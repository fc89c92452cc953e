package groups

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// blockOf are n rows of whole numbers, so that many distances tie, in dim columns.
func blockOf(rng *rand.Rand, n, dim, most int) *vectors.Block {
	b := &vectors.Block{Dim: dim}
	row := make([]float64, dim)
	for i := range n {
		for j := range row {
			row[j] = float64(rng.IntN(most))
		}
		b.Append(row, int64(3*i))
	}
	return b
}

// distances are those of all pairs of rows, by the definition.
func distances(b *vectors.Block, o neighbors.Options) [][]float64 {
	all := make([][]float64, b.Len())
	for i := range all {
		x := slices.Clone(b.Row(i, make([]float64, b.Dim)))
		for j := range all {
			all[i] = append(all[i], neighbors.Distance(x, b.Row(j, make([]float64, b.Dim)), o))
		}
	}
	return all
}

// slowCut is complete linkage by the definition.
func slowCut(d [][]float64, diameter float64) []int32 {
	groups := make([][]int, len(d))
	for i := range groups {
		groups[i] = []int{i}
	}
	for {
		a, b, least := 0, 0, diameter
		for i, x := range groups {
			for j := i + 1; j < len(groups); j++ {
				far := 0.0
				for _, r := range x {
					for _, s := range groups[j] {
						far = max(far, d[r][s])
					}
				}
				if far < least || far == least && b == 0 {
					a, b, least = i, j, far
				}
			}
		}
		if b == 0 {
			break
		}
		groups[a] = append(groups[a], groups[b]...)
		groups = slices.Delete(groups, b, b+1)
	}
	firsts := make([]int32, len(d))
	for _, g := range groups {
		for _, r := range g {
			firsts[r] = int32(slices.Min(g))
		}
	}
	return firsts
}

// Groups are those of complete linkage, however many distances tie; and each row has the score that its neighbours of
// the same group give.
func TestCutter(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 1))
	wholes := 0
	for range 60 {
		var all []*vectors.Block
		for range 1 + rng.IntN(3) {
			all = append(all, blockOf(rng, 1+rng.IntN(40), 2, 7))
		}
		o := neighbors.Options{Metric: []neighbors.Metric{neighbors.Euclidean, neighbors.Manhattan,
			neighbors.Chebyshev}[rng.IntN(3)]}
		c := &Cutter{Diameter: 0.5 + float64(rng.IntN(8)), Radius: 1 + float64(rng.IntN(4)), Options: o, Threads: 2}
		cuts, err := c.CutAll(all)
		if err != nil {
			t.Fatal(err)
		}
		for k, b := range all {
			d := distances(b, o)
			want := slowCut(d, c.Diameter)
			if !slices.Equal(cuts[k].Firsts, want) {
				t.Fatalf("%+v: %v, expected %v", c, cuts[k].Firsts, want)
			}
			if slices.Max(want) == 0 {
				wholes++
			}
			for i := range want {
				var near []float64
				for j := range want {
					if i != j && want[i] == want[j] && d[i][j] <= c.Radius {
						near = append(near, d[i][j])
					}
				}
				slices.Sort(near)
				if cuts[k].Scores[i] != CenterScore(near) {
					t.Fatalf("the score of row %d is %v, expected %v", i, cuts[k].Scores[i], CenterScore(near))
				}
			}
		}
	}
	if wholes < 5 {
		t.Errorf("only %d groups that stay whole", wholes)
	}
}

// With too many pairs, rows are put around centers first: no group is wider than the diameter, groups that are within
// it stay whole, and rows that are equal are together.
func TestCutterOfManyPairs(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 1))
	for range 8 {
		b := blockOf(rng, 100+rng.IntN(60), 3, 5)
		o := neighbors.Options{Metric: neighbors.Euclidean}
		d := distances(b, o)
		c := &Cutter{Diameter: 1 + 3*rng.Float64(), Radius: 1, Options: o, Threads: 2, MostPairs: 30}
		cuts, err := c.CutAll([]*vectors.Block{b})
		if err != nil {
			t.Fatal(err)
		}
		firsts := cuts[0].Firsts
		for i := range d {
			if firsts[firsts[i]] != firsts[i] || int(firsts[i]) > i {
				t.Fatalf("row %d is of the group %d", i, firsts[i])
			}
			for j := range d {
				if firsts[i] == firsts[j] && d[i][j] > c.Diameter || d[i][j] == 0 && firsts[i] != firsts[j] {
					t.Fatalf("rows %d and %d, %v apart, are of the groups %d and %d within %v", i, j, d[i][j], firsts[i], firsts[j],
						c.Diameter)
				}
			}
		}
		again, err := (&Cutter{Diameter: c.Diameter, Radius: 1, Options: o, Threads: 1, MostPairs: 30}).CutAll(
			[]*vectors.Block{b})
		if err != nil || !slices.Equal(again[0].Firsts, firsts) {
			t.Fatalf("by one thread %v, by two %v, %v", again[0].Firsts, firsts, err)
		}
		c.Diameter = 100
		if cuts, err = c.CutAll([]*vectors.Block{b}); err != nil || slices.Max(cuts[0].Firsts) != 0 {
			t.Fatalf("within the diameter: %v, %v", cuts[0].Firsts, err)
		}
	}
	// By the cosine, two zero rows are not equal: all are at distance 1 from each other, and none is nearest.
	b := &vectors.Block{Dim: 2}
	for i := range 50 {
		b.Append([]float64{0, 0}, int64(i))
	}
	c := &Cutter{Diameter: 0.5, Radius: 0.1, Options: neighbors.Options{Metric: neighbors.Cosine}, MostPairs: 1}
	cuts, err := c.CutAll([]*vectors.Block{b})
	if err != nil || cuts[0].Firsts[49] != 49 {
		t.Errorf("zero rows: %v, %v", cuts, err)
	}
	// A row as near to two centers goes to the first that was chosen: 602, and then 0, 300, 500, 100, 200, 400 and 600.
	b = &vectors.Block{Dim: 1}
	for i, v := range []float64{0, 100, 200, 300, 400, 500, 600, 601, 602} {
		b.Append([]float64{v}, int64(i))
	}
	c = &Cutter{Diameter: 1, Radius: 1, MostPairs: 1}
	cuts, err = c.CutAll([]*vectors.Block{b})
	if want := []int32{0, 1, 2, 3, 4, 5, 6, 7, 7}; err != nil || !slices.Equal(cuts[0].Firsts, want) {
		t.Errorf("as near to two centers: %v, want %v, %v", cuts[0].Firsts, want, err)
	}
}

// Cells may be missing, also in the parts that rows are put into.
func TestCutterOfMissing(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 1))
	b := &vectors.Block{Dim: 3, DType: vectors.Float64, Missing: true}
	for i := range 40 {
		row := []float64{float64(rng.IntN(5)), float64(rng.IntN(5)), float64(rng.IntN(5))}
		row[rng.IntN(3)] = math.NaN()
		b.Append(row, int64(i))
	}
	o := neighbors.Options{Metric: neighbors.NaNEuclidean}
	d := distances(b, o)
	c := &Cutter{Diameter: 2, Radius: 1, Options: o, MostPairs: 10}
	cuts, err := c.CutAll([]*vectors.Block{b})
	if err != nil {
		t.Fatal(err)
	}
	together := 0
	for i, first := range cuts[0].Firsts {
		for j, of := range cuts[0].Firsts[:i] {
			if of != first {
				continue
			}
			if together++; !(d[i][j] <= c.Diameter) {
				t.Errorf("rows %d and %d, %v apart, are of one group", j, i, d[i][j])
			}
		}
	}
	if together < 10 {
		t.Errorf("only %d pairs are of one group", together)
	}
}
