package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"beamlearn/model/vectors"
)

// benchBlock makes n points: gaussian, or in clusters of about 200.
func benchBlock(n, dim int, clustered bool) *vectors.Block {
	r := rand.New(rand.NewPCG(1, uint64(dim)))
	b := &vectors.Block{Dim: dim, F32: make([]float32, n*dim), Numbers: make([]int64, n)}
	centres := gaussianRows(r, n/200+1, dim)
	for i := range n {
		b.Numbers[i] = int64(i)
		centre := centres[r.IntN(len(centres))]
		for j := range dim {
			v := r.NormFloat64()
			if clustered {
				v = centre[j] + v*0.3
			}
			b.F32[i*dim+j] = float32(v)
		}
	}
	return b
}

// BenchmarkAllNeighbors finds the neighbours of all points.
func BenchmarkAllNeighbors(b *testing.B) {
	for _, c := range []struct {
		n, dim    int
		clustered bool
	}{{20_000, 32, false}, {20_000, 128, false}, {20_000, 128, true}, {10_000, 784, false}} {
		points := benchBlock(c.n, c.dim, c.clustered)
		for _, k := range []int{10, 100} {
			b.Run(fmt.Sprintf("n=%d/d=%d/clustered=%v/k=%d", c.n, c.dim, c.clustered, k), func(b *testing.B) {
				x, err := Fit(points, Options{Algorithm: Brute})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := x.KNeighbors(points, k, Search{Self: true}); err != nil {
						b.Fatal(err)
					}
				}
				pairs := float64(c.n) * float64(c.n) * float64(b.N)
				b.ReportMetric(2*pairs*float64(c.dim)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkMetrics finds the neighbours of all points by each metric that the tiles have; the Hamming distance is
// between signs.
func BenchmarkMetrics(b *testing.B) {
	for _, m := range tileMetrics {
		points := benchBlock(20_000, 128, false)
		if m == Hamming {
			for i, v := range points.F32 {
				points.F32[i] = float32(math.Copysign(1, float64(v)))
			}
		}
		b.Run(string(m), func(b *testing.B) {
			x, err := Fit(points, Options{Metric: m, Algorithm: Brute})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := x.KNeighbors(points, 10, Search{Self: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFit builds an index: mostly the short forms of the filter.
func BenchmarkFit(b *testing.B) {
	points := benchBlock(20_000, 128, false)
	b.SetBytes(int64(4 * len(points.F32)))
	for b.Loop() {
		if _, err := Fit(points, Options{Algorithm: Brute}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRadius finds about ten points around each.
func BenchmarkRadius(b *testing.B) {
	points := benchBlock(20_000, 32, false)
	x, err := Fit(points, Options{Algorithm: Brute})
	if err != nil {
		b.Fatal(err)
	}
	n, err := x.KNeighbors(points, 10, Search{Self: true})
	if err != nil {
		b.Fatal(err)
	}
	radius := 0.0
	for i := range n.Len() {
		_, d := n.Of(i)
		radius += d[9] / float64(n.Len())
	}
	radius = math.Nextafter(radius, 0)
	for b.Loop() {
		if _, err := x.RadiusNeighbors(points, radius, Search{Self: true}); err != nil {
			b.Fatal(err)
		}
	}
}
