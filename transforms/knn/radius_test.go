package knn

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// apart is the distance of rows of integers.
func apart(metric neighbors.Metric, a, b []int) float64 {
	sum, squares, most := 0, 0, 0
	for j, v := range a {
		d := max(v-b[j], b[j]-v)
		sum, squares, most = sum+d, squares+d*d, max(most, d)
	}
	switch metric {
	case neighbors.Manhattan:
		return float64(sum)
	case neighbors.Chebyshev:
		return float64(most)
	}
	return math.Sqrt(float64(squares))
}

// Of k nearest neighbours within a radius, those at the radius itself are some, and none beyond, whether all points are
// searched or a part of them, and whatever is known of other parts. Loops over integers give all distances here.
func TestNearestWithinRadius(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		metric    neighbors.Metric
		dim, span int
		radius    float64
	}{{neighbors.Euclidean, 2, 30, 5}, {neighbors.Euclidean, 40, 3, 6}, {neighbors.Manhattan, 3, 12, 4},
		{neighbors.Chebyshev, 12, 6, 3}} {
		points := &vectors.Block{Dim: c.dim}
		var values [][]int
		for i := range 500 {
			row, floats := make([]int, c.dim), make([]float64, c.dim)
			for j := range row {
				row[j] = rng.IntN(c.span)
				floats[j] = float64(row[j])
			}
			values = append(values, row)
			points.Append(floats, int64(i))
		}
		x, err := neighbors.Fit(points, neighbors.Options{Metric: c.metric})
		if err != nil {
			t.Fatal(err)
		}
		distance := func(a, b []int) float64 { return apart(c.metric, a, b) }
		q := points.Slice(0, 60)
		work := &task{ctx: t.Context(), options: &Options{K: 6, Radius: &c.radius}}
		bounds := make([]float64, q.Len())
		for i := range bounds {
			bounds[i] = float64(1 + i%9)
		}
		for name, search := range map[string]neighbors.Search{"alone": {}, "of a part": {Part: true, Bounds: bounds}} {
			found, err := work.find(q, x, search)
			if err != nil {
				t.Fatal(err)
			}
			for i := range q.Len() {
				var all []int
				within := c.radius
				if search.Bounds != nil { // what is beyond may be left out, or be there
					within = min(within, bounds[i])
				}
				for p := range values {
					if distance(values[i], values[p]) <= within {
						all = append(all, p)
					}
				}
				slices.SortStableFunc(all, func(a, b int) int {
					return cmp.Compare(distance(values[i], values[a]), distance(values[i], values[b]))
				})
				var want, got []string
				for _, p := range all[:min(6, len(all))] {
					want = append(want, fmt.Sprint(p, distance(values[i], values[p])))
				}
				positions, distances := found.Of(i)
				for k, p := range positions {
					if !(distances[k] <= c.radius) {
						t.Errorf("%s, %s: query %d has a neighbour at %v", c.metric, name, i, distances[k])
					}
					if distances[k] <= within {
						got = append(got, fmt.Sprint(p, distances[k]))
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s, %s: query %d has %v, want %v", c.metric, name, i, got, want)
				}
			}
		}
	}
}
