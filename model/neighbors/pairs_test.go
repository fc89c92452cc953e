package neighbors

import (
	"fmt"
	"math"
	"math/rand/v2"
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
