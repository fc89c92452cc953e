package kmeans

import (
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/internal/guard"
)

// What kernels add has the bits of plain Go, and they touch nothing beside the row and the sums.
func TestAddTo(t *testing.T) {
	t.Parallel()
	t.Run("float32", testAddTo[float32])
	t.Run("float64", testAddTo[float64])
}

func testAddTo[T float32 | float64](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	special := []float64{0, math.Copysign(0, -1), 1e-310, 1e-44, math.MaxFloat32, math.Inf(1), math.Inf(-1), math.NaN()}
	for _, n := range []int{0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 100, 128, 257} {
		for _, place := range []string{"head", "tail", "unaligned"} {
			for _, weight := range []float64{1, 0, 0.1, 1e300} {
				row, into := guard.Slice[T](t, n, place), guard.Slice[float64](t, n, place)
				want := make([]float64, n)
				for j := range row {
					row[j], into[j] = T(r.NormFloat64()), r.NormFloat64()
					if r.IntN(8) == 0 {
						row[j] = T(special[r.IntN(len(special))])
					}
					want[j] = into[j] + float64(float64(row[j])*weight)
				}
				addTo(into, row, weight)
				for j, v := range want {
					if math.Float64bits(into[j]) != math.Float64bits(v) && !(v != v && into[j] != into[j]) {
						t.Fatalf("%d values at %s, weight %v: sum %d is %v, want %v", n, place, weight, j, into[j], v)
					}
				}
			}
		}
	}
}
