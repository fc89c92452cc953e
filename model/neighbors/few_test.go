package neighbors

import (
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

// An index of few points gives, bit for bit, what one with tiles gives, by each metric, also where a query may not have
// all points; and more points get tiles.
func TestFitFew(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, metric := range []Metric{Euclidean, SqEuclidean, Cosine, InnerProduct, Manhattan, Chebyshev, Hamming, Correlation,
		Canberra} {
		for _, n := range []int{2, 13, fewPoints, fewPoints + 1} {
			b := &vectors.Block{Dim: 20}
			groups := make([]int32, n)
			for i := range n {
				row := make([]float64, b.Dim)
				for j := range row {
					row[j] = float64(rng.IntN(9)) / 4
				}
				row[0] = 3 // no row is all zeros
				b.Append(row, int64(i))
				groups[i] = int32(rng.IntN(4))
			}
			o := Options{Metric: metric}
			few, err := FitFew(b, o)
			if err != nil {
				t.Fatal(err)
			}
			many, err := Fit(b, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, plain := few.engine.(*brute); n <= fewPoints && !plain {
				t.Errorf("%s: %d points get %T", metric, n, few.engine)
			}
			for _, s := range []Search{{Part: true, Self: true}, {Part: true, Self: true,
				Apart: &Apart{Points: groups, Queries: groups, Largest: LargestGroup(groups)},
				Most:  &Most{Groups: groups, Number: 1, Largest: LargestGroup(groups)}}} {
				got, err := few.KNeighbors(b, 5, s)
				if err != nil {
					t.Fatal(err)
				}
				want, err := many.KNeighbors(b, 5, s)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got.Positions, want.Positions) || !slices.Equal(got.Distances, want.Distances) {
					t.Errorf("%s, %d points: %v %v, want %v %v", metric, n, got.Positions, got.Distances, want.Positions, want.Distances)
				}
			}
		}
	}
}
