package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors/internal/tile"
	"beamlearn/model/vectors"
)

// TestNearest compares the nearest points of rows, with each guess and reach, with those that a comparison of all pairs
// in float64 finds.
func TestNearest(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies metrics and rows")
	}
	sets := adversaries()
	r := rand.New(rand.NewPCG(7, 3))
	for _, dim := range []int{17, 100, 129} {
		rows := gaussianRows(r, 150, dim)
		for i := range rows[:40] {
			rows[110+i] = rows[i] // the first of equally near ones
		}
		sets = append(sets, struct {
			name string
			rows [][]float64
			wide bool
		}{fmt.Sprintf("gaussian, %d columns", dim), rows, false})
	}
	turn := 0
	for _, set := range sets {
		types := []vectors.DType{vectors.Float32, vectors.Float64}
		if set.wide {
			types = types[1:]
		}
		for _, points := range types {
			x, err := Fit(rowsBlock(set.rows[:len(set.rows)*2/3], points), Options{Algorithm: Brute})
			if err != nil {
				t.Fatal(err)
			}
			for _, dtype := range types {
				q := rowsBlock(set.rows, dtype)
				x.engine = newBrute(&x.points, x.opts.resolve())
				want, err := x.KNeighbors(q, 2, Search{Threads: 1})
				if err != nil {
					continue // beyond float64
				}
				turn++
				for i, level := range tile.Levels() {
					if brief() && (i+turn)%3 > 0 {
						continue
					}
					x.engine = newTiled(&x.points, x.opts.resolve(), level)
					checkNearest(t, fmt.Sprintf("%s of %v among %v, %s", set.name, dtype, points, level.Name), x, q, want, r)
				}
				x.engine = newBrute(&x.points, x.opts.resolve())
				checkNearest(t, set.name+", by the index", x, q, want, r)
			}
		}
	}
}

// checkNearest compares what is found without a guess, with any, and with a reach, in turns.
func checkNearest(t *testing.T, name string, x *Index, q *vectors.Block, want *Neighbors, r *rand.Rand) {
	t.Helper()
	n, err := x.NewNearest()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Take(q); err != nil {
		t.Fatal(err)
	}
	rows := q.Len()
	positions, distances, reach := make([]int32, rows), make([]float64, rows), make([]float64, rows)
	for round := range 4 {
		for i := range positions {
			if positions[i] = int32(r.IntN(x.Len())); round < 2 && r.IntN(2) == 0 || round == 3 {
				positions[i] = -1
			}
			distances[i], reach[i] = math.NaN(), want.Distances[2*i]*r.Float64()*2
		}
		if round == 2 {
			n.Distances(positions, distances)
		}
		for i, p := range positions {
			one := make([]float64, 1)
			if p < 0 {
				continue
			}
			n.From(i, positions[i:i+1], one)
			if round == 2 && one[0] != distances[i] {
				t.Fatalf("%s: row %d is %v from its point, want %v", name, i, distances[i], one[0])
			}
			distances[i] = one[0]
		}
		asked := slices.Clone(reach)
		if round%2 == 0 {
			err = n.Find(positions, distances, reach)
		} else {
			err = n.Find(positions, distances, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range positions {
			if p, d := want.Positions[2*i], want.Distances[2*i]; positions[i] != p || distances[i] != d {
				t.Fatalf("%s: round %d, row %d: point %d at %v, want %d at %v", name, round, i, positions[i], distances[i], p, d)
			}
			second := want.Distances[2*i+1]
			if least := min(second, max(distances[i], asked[i])); round%2 == 0 &&
				(reach[i] > second || !n.dear && reach[i] < least) {
				t.Fatalf("%s: row %d: others from %v on, want from %v to %v", name, i, reach[i], least, second)
			}
		}
	}
}

func TestNearestIsEuclidean(t *testing.T) {
	x, err := Fit(rowsBlock([][]float64{{0, 1}, {1, 0}}, vectors.Float64), Options{Metric: Cosine})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.NewNearest(); err == nil {
		t.Error("the nearest points by the cosine")
	}
}
