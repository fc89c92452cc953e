package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/vectors"
)

func TestPairsAreDistances(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	const n, dim = 40, 13
	wide := make([]float64, n*dim)
	for i := range wide {
		wide[i] = float64(float32(r.NormFloat64()))
		if i < 2*dim {
			wide[i] = 0
		}
	}
	narrow := make([]float32, len(wide))
	for i, v := range wide {
		narrow[i] = float32(v)
	}
	b64, err := vectors.FromFloat64(wide, dim)
	if err != nil {
		t.Fatal(err)
	}
	b32, err := vectors.FromFloat32(narrow, dim)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Metrics {
		if !tileMetric(m) && m != Minkowski && m != Correlation {
			if _, err := NewPairs(b64, optionsOf(m, dim)); err == nil {
				t.Errorf("%s: pairs of a metric that has none", m)
			}
			continue
		}
		for name, blocks := range map[string][2]*vectors.Block{
			"32 32": {b32, b32}, "32 64": {b32, b64}, "64 32": {b64, b32}, "64 64": {b64, b64},
		} {
			t.Run(fmt.Sprint(m, " ", name), func(t *testing.T) {
				o := Options{Metric: m, P: 3}
				p, err := NewPairs(blocks[1], o)
				if err != nil {
					t.Fatal(err)
				}
				q, err := p.Queries(blocks[0])
				if err != nil {
					t.Fatal(err)
				}
				for _, count := range []int{0, 1, 4, 7, n} {
					for i := range n {
						positions, out := make([]int32, count), make([]float64, count)
						for j := range positions {
							positions[j] = int32((i + 3*j) % n)
						}
						q.Distances(i, positions, out)
						for j, at := range positions {
							want := Distance(wide[i*dim:(i+1)*dim], wide[int(at)*dim:(int(at)+1)*dim], o)
							if math.Float64bits(out[j]) != math.Float64bits(want) {
								t.Fatalf("query %d, point %d: %v, want %v", i, at, out[j], want)
							}
						}
					}
				}
			})
		}
	}
	if _, err := NewPairs(b32, Options{Metric: "none"}); err == nil {
		t.Error("a metric that there is not")
	}
	p, err := NewPairs(b32, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Queries(&vectors.Block{Dim: dim + 1}); err == nil {
		t.Error("queries of other columns")
	}
}

// TestWithinLosesNoPoint compares Within with Distances: of wide rows, those of all scales, copies, and limits that are
// distances.
func TestWithinLosesNoPoint(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 0))
	const n, dim = 60, screenDim + 5
	values := make([]float32, n*dim)
	for i := range n {
		scale := []float64{1, 1, 1, 1e-3, 1e15, 1e-25, 0}[i%7]
		for j := range dim {
			values[i*dim+j] = float32((4 + r.NormFloat64()) * scale)
		}
	}
	copy(values[dim:2*dim], values[7*dim:8*dim])
	points, err := vectors.FromFloat32(values, dim)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Metric{Euclidean, SqEuclidean, Cosine, Correlation, InnerProduct, Manhattan} {
		p, err := NewPairs(points, Options{Metric: m})
		if err != nil {
			t.Fatal(err)
		}
		q, err := p.Queries(points)
		if err != nil {
			t.Fatal(err)
		}
		all, some := make([]float64, n), make([]float64, n)
		left := 0
		for i := range n {
			positions := make([]int32, n)
			for j := range positions {
				positions[j] = int32((i + 7*j) % n)
			}
			q.Distances(i, positions, all)
			for _, limit := range append(slices.Clone(all), math.Inf(1)) {
				kept := q.Within(i, slices.Clone(positions), limit, some)
				left += n - len(kept)
				for j, at := 0, 0; j < n; j++ {
					if at < len(kept) && kept[at] == positions[j] {
						if some[at] != all[j] {
							t.Fatalf("%s: query %d, point %d: %v, want %v", m, i, positions[j], some[at], all[j])
						}
						at++
					} else if all[j] <= limit {
						t.Fatalf("%s: query %d lacks point %d at %v, within %v", m, i, positions[j], all[j], limit)
					}
				}
			}
		}
		if screens := m == Euclidean || m == SqEuclidean || m == Cosine; screens != (left > 0) {
			t.Errorf("%s: %d points left out", m, left)
		}
	}
}
